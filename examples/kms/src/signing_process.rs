//! Both sides of the signing process: messages and answers are a length of four bytes, then as many bytes.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use jwt_auth::keys::{SignError, Signature, Signer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// The process with the key: writes the public key, then answers each message with its signature.
pub(crate) fn run() -> Result<(), Box<dyn std::error::Error>> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut answer = |bytes: &[u8]| -> std::io::Result<()> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        output.write_all(&length.to_be_bytes())?;
        output.write_all(bytes)?;
        output.flush()
    };
    let public_key: PublicKeyX509Der<'_> = key.public_key().as_der()?;
    answer(public_key.as_ref())?;
    let mut length = [0; 4];
    // It ends with the web process, which closes the pipe.
    while input.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        input.read_exact(&mut message)?;
        // The signature is DER, as a KMS returns it.
        answer(key.sign(&SystemRandom::new(), &message)?.as_ref())?;
    }
    Ok(())
}

/// The signing process, seen from the web process.
#[derive(Clone)]
pub(crate) struct SigningProcess {
    public_key: Arc<[u8]>,
    pipe: Arc<Mutex<Pipe>>,
}

struct Pipe {
    input: ChildStdin,
    output: ChildStdout,
    /// Killed when the last handle is dropped.
    _child: Child,
    /// Whether an answer is still to come that nobody waits for, because a caller gave up.
    is_out_of_step: bool,
}

impl SigningProcess {
    /// Starts the program with the argument `sign`, and reads the public key.
    pub(crate) async fn start(program: &Path) -> std::io::Result<Self> {
        let mut child = Command::new(program)
            .arg("sign")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let closed = || std::io::Error::other("the signing process has no pipe");
        let input = child.stdin.take().ok_or_else(closed)?;
        let output = child.stdout.take().ok_or_else(closed)?;
        let mut pipe = Pipe { input, output, _child: child, is_out_of_step: false };
        let public_key = pipe.read().await?.into();
        Ok(Self { public_key, pipe: Arc::new(Mutex::new(pipe)) })
    }

    /// The public key in DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

impl Pipe {
    async fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let length = self.output.read_u32().await?;
        let mut bytes = vec![0; usize::try_from(length.min(4096)).unwrap_or_default()];
        self.output.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn exchange(&mut self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        if self.is_out_of_step {
            return Err(std::io::Error::other("an earlier call was given up halfway"));
        }
        self.is_out_of_step = true;
        self.input.write_u32(u32::try_from(message.len()).unwrap_or(u32::MAX)).await?;
        self.input.write_all(message).await?;
        self.input.flush().await?;
        let answer = self.read().await?;
        self.is_out_of_step = false;
        Ok(answer)
    }
}

impl Signer for SigningProcess {
    async fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let pipe = Arc::clone(&self.pipe);
        let message = message.to_vec();
        // A task of its own, so that an exchange is finished even if the request is cancelled.
        let exchange = tokio::spawn(async move { pipe.lock().await.exchange(&message).await });
        let answer = exchange.await.map_err(SignError::new)?;
        answer.map(Signature::der).map_err(SignError::new)
    }
}
