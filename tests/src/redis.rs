//! A real Redis server: the installed binary, a private folder and port, stopped when it is dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A running server.
#[derive(Debug)]
pub struct RedisServer {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Starts a new server that writes each command to disk. `None`, with a message, if Redis is not installed.
    ///
    /// # Panics
    ///
    /// If it does not start, or if it is not installed and `TESTS_SERVERS` is set.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a new server with more arguments.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let installed =
            Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("TESTS_SERVERS").is_none(), "redis-server is not installed");
            eprintln!("skipped: redis-server is not installed");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("jwt-auth-redis-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a port").port();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { child: None, folder, port, arguments };
        server.restart();
        Some(server)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it with the same port and data.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"])
            .args(["--enable-debug-command", "yes"])
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server runs");
        self.child = Some(child);
        let start = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A Sentinel that watches one server under the name `mymaster`.
#[derive(Debug)]
pub struct Sentinel {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Sentinel {
    /// Starts a Sentinel that promotes a replica once the server did not answer for 500 milliseconds.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(watched: &RedisServer) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a port").port();
        let folder = watched.folder.join("sentinel");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 2000\n",
            watched.port
        );
        std::fs::write(&file, settings).expect("a file");
        let child = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server runs");
        let sentinel = Self { child, folder, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the Sentinel does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        sentinel
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
