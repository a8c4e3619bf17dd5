//! Stores behind TLS: the private certificate authority is trusted where it is configured, and nowhere else.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use jwt_auth::testing::store_conformance;
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::PostgresStore;
use rcgen::CertifiedKey;
use redis::{Client, TlsCertificates};
use tests::postgres::PostgresServer;
use tests::redis::RedisServer;

/// A certificate of 127.0.0.1, which signs itself, and its key.
struct Certificate {
    pem: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let CertifiedKey { cert, signing_key } = made.expect("a certificate");
        Self { pem: cert.pem(), key: signing_key.serialize_pem() }
    }

    /// Writes both into a new folder.
    fn write(&self, name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("jwt-auth-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("server.crt"), &self.pem).expect("a file");
        std::fs::write(folder.join("server.key"), &self.key).expect("a file");
        folder
    }
}

#[tokio::test]
async fn s16_redis_behind_tls_needs_a_trusted_certificate() {
    let certificate = Certificate::new();
    let folder = certificate.write("redis");
    let file = |name: &str| folder.join(name).display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    drop(listener);
    let (cert, key) = (file("server.crt"), file("server.key"));
    let arguments = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let no_clients = ["--tls-auth-clients", "no"];
    let Some(server) = RedisServer::start_with(&[arguments.as_slice(), &no_clients].concat())
    else {
        return;
    };
    let url = format!("rediss://127.0.0.1:{port}");
    let root_cert = Some(certificate.pem.clone().into_bytes());
    let trusted = TlsCertificates { client_tls: None, root_cert };
    let client = Client::build_with_tls(url.as_str(), trusted).expect("a client");
    store_conformance(&RedisStore::from_client(client).await.expect("a trusted certificate")).await;
    assert!(RedisStore::connect(&url).await.is_err(), "no authority of the system signed it");
    let plain = format!("redis://127.0.0.1:{port}");
    assert!(RedisStore::connect(&plain).await.is_err(), "no fallback to plain text");
    drop(server);
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test]
async fn s16_postgres_behind_tls_needs_a_trusted_certificate() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let Some(server) = PostgresServer::start() else { return };
    server.enable_tls(&certificate.pem, &certificate.key);
    let (folder, others) = (certificate.write("postgres"), other.write("postgres-other"));
    let url = |folder: &std::path::Path| {
        let root = folder.join("server.crt");
        format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), root.display())
    };
    let start = Instant::now();
    let store = loop {
        match PostgresStore::connect(&url(&folder)).await {
            Ok(store) => break store,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(10), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    store_conformance(&store).await;
    assert!(PostgresStore::connect(&url(&others)).await.is_err(), "another authority");
    let _ = (std::fs::remove_dir_all(folder), std::fs::remove_dir_all(others));
}
