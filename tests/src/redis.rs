//! A Redis of the tests' own, on a private port and in a folder that goes with it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl RedisServer {
    /// Starts one that writes each command to its disk; `None`, with a word, where Redis is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start, or is not installed though `TESTS_SERVERS` asks for it.
    pub fn start() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
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
        let mut server = Self { child: None, folder, port };
        server.start_again();
        Some(server)
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The address of a client.
    pub fn url(&self) -> String {
        format!("redis://{}", self.at())
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again, on the same port and with what it wrote.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"])
            .args(["--enable-debug-command", "yes"])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(self.at()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "it listens");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
