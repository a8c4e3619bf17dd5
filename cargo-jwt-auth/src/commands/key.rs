//! `key`: a new secret or key pair.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_auth::Algorithm;

use crate::arguments::{KeyArguments, KeyKind};
use crate::failure::Failure;
use crate::output::print;

pub(crate) fn run(arguments: &KeyArguments) -> Result<(), Failure> {
    let text = match arguments.algorithm {
        KeyKind::Hs256 => new_secret()?,
        KeyKind::Es256 => new_pair(Algorithm::ES256)?,
        KeyKind::EdDsa => new_pair(Algorithm::EdDSA)?,
    };
    let Some(file) = &arguments.out else { return print(&format!("{}\n", text.trim_end())) };
    write_private(file, &text)?;
    let file = file.display();
    match arguments.algorithm {
        KeyKind::Hs256 => eprintln!("wrote {file}; set JWT_AUTH_SECRET_KEY=file:{file}"),
        KeyKind::Es256 => {
            eprintln!(
                "wrote {file}; set JWT_AUTH_ALGORITHM=ES256 and JWT_AUTH_PRIVATE_KEY=file:{file}"
            );
        }
        KeyKind::EdDsa => {
            eprintln!(
                "wrote {file}; set JWT_AUTH_ALGORITHM=EdDSA and JWT_AUTH_PRIVATE_KEY=file:{file}"
            );
        }
    }
    Ok(())
}

/// A secret of 64 bytes, as the variables have it.
pub(crate) fn new_secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 64];
    getrandom::fill(&mut bytes).map_err(|_| Failure::usage("the system has no random bytes"))?;
    Ok(format!("base64:{}", STANDARD.encode(bytes)))
}

fn new_pair(algorithm: Algorithm) -> Result<String, Failure> {
    let pem = jwt_auth::__private::new_private_key(algorithm);
    let pem = pem.ok_or_else(|| Failure::usage("the system has no random bytes"))?;
    Ok(pem.to_string())
}

/// Writes a file that only its owner can read, and never replaces one.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named = |error| Failure::usage(format!("{}: {error}", file.display()));
    options.open(file).and_then(|mut file| file.write_all(text.as_bytes())).map_err(named)
}
