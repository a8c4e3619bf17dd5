//! A real `PostgreSQL` server: the installed binaries, a private folder and port, stopped when it is dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl PostgresServer {
    /// Starts a new server with an empty database. `None`, with a message, if `PostgreSQL` is not installed.
    ///
    /// # Panics
    ///
    /// If it does not start, or if it is not installed and `TESTS_SERVERS` is set.
    pub fn start() -> Option<Self> {
        let mut server = Self::prepare()?;
        let initialised = server
            .command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"])
            .arg(server.data())
            .output()
            .expect("initdb runs");
        assert!(initialised.status.success(), "{}", String::from_utf8_lossy(&initialised.stderr));
        server.restart();
        Some(server)
    }

    /// Starts a standby of this server, which follows it at the address.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_standby(&self, follows: SocketAddr) -> Self {
        let mut standby = Self::prepare().expect("PostgreSQL is installed");
        let copied = standby
            .command("pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"])
            .args(["-c", "fast", "-X", "stream", "--no-sync", "-D"])
            .arg(standby.data())
            .output()
            .expect("pg_basebackup runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let (host, port) = (follows.ip(), follows.port());
        let settings = format!(
            "primary_conninfo = 'host={host} port={port} user=postgres'\nwal_receiver_timeout = 1s\n\
             wal_retrieve_retry_interval = 100ms\n"
        );
        let file = standby.data().join("postgresql.auto.conf");
        std::fs::write(file, settings).expect("a file");
        std::fs::write(standby.data().join("standby.signal"), "").expect("a file");
        standby.restart();
        standby
    }

    /// Makes a standby the primary.
    ///
    /// # Panics
    ///
    /// If it does not become one.
    pub fn promote(&self) {
        let promoted =
            self.command("pg_ctl").args(["promote", "-w", "-D"]).arg(self.data()).output();
        let promoted = promoted.expect("pg_ctl runs");
        assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    }

    /// Makes it accept TLS, with this certificate and this key as PEM, once it has read its settings again.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    pub fn enable_tls(&self, certificate: &str, key: &str) {
        let file = |name: &str| self.data().join(name);
        std::fs::write(file("server.crt"), certificate).expect("a file");
        std::fs::write(file("server.key"), key).expect("a file");
        let chmod = Command::new("chmod").arg("600").arg(file("server.key")).status();
        assert!(chmod.is_ok_and(|status| status.success()), "chmod of the key");
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(file("server.key")).status();
            assert!(owned.is_ok_and(|status| status.success()), "chown of the key");
        }
        std::fs::write(file("postgresql.auto.conf"), "ssl = on\n").expect("a file");
        let reloaded = self.command("pg_ctl").args(["reload", "-D"]).arg(self.data()).output();
        assert!(
            reloaded.is_ok_and(|output| output.status.success()),
            "the server reads its settings"
        );
    }

    fn prepare() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(binaries) = binaries() else {
            assert!(
                std::env::var_os("TESTS_SERVERS").is_none(),
                "PostgreSQL is not installed, and TESTS_SERVERS requires it"
            );
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("tests-postgres-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(owned.is_ok_and(|status| status.success()), "chown of the folder");
        }
        Some(Self { binaries, folder, port: free_port(), child: None })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address())
    }

    /// Stops it at once, like a crash, and waits for its end. Its data remains.
    ///
    /// # Panics
    ///
    /// If it does not stop.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let stopped = self
            .command("pg_ctl")
            .args(["stop", "-m", "immediate", "-t", "30", "-D"])
            .arg(self.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        child.wait().expect("the server stops");
    }

    /// Starts it with the same port and data, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        let log = std::fs::File::create(self.folder.join("log")).expect("a file");
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .args(["-c", "max_connections=300"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.display()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres runs");
        self.child = Some(child);
        let start = Instant::now();
        while !self.is_ready() {
            assert!(start.elapsed() < DEADLINE, "the server does not answer: {}", self.log());
            let exit = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(exit.is_none(), "the server exited: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it and starts it as a standby without a primary.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn demote(&mut self) {
        self.stop();
        std::fs::write(self.data().join("standby.signal"), "").expect("a file");
        self.restart();
    }

    fn is_ready(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
            && self
                .command("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of the server. It runs as `postgres` if we are root, because it refuses to run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.binaries.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg("--").arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of the newest installed version.
fn binaries() -> Option<PathBuf> {
    let version = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or_default()
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|entry| entry.path()).collect();
    folders.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let mut folders: Vec<PathBuf> = folders.into_iter().map(|path| path.join("bin")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|path| path.join("postgres").exists() && path.join("initdb").exists())
}

/// Whether this process runs as root.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// `PgBouncer` in transaction mode in front of a server.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    port: u16,
}

impl PgBouncer {
    /// Starts a pooler with a pool of eight connections. `None`, with a message, if it is not installed.
    ///
    /// # Panics
    ///
    /// If it does not start, or if it is not installed and `TESTS_SERVERS` is set.
    pub fn start(server: &PostgresServer) -> Option<Self> {
        let installed = Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("TESTS_SERVERS").is_none(), "pgbouncer is not installed");
            println!("skipped: pgbouncer is not installed");
            return None;
        }
        let port = free_port();
        let file = server.folder.join(format!("pgbouncer-{port}.ini"));
        let settings = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 8\n\
             unix_socket_dir =\nignore_startup_parameters = extra_float_digits\n",
            server.port
        );
        std::fs::write(&file, settings).expect("a file");
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "--",
                "pgbouncer",
            ]);
            command
        } else {
            Command::new("pgbouncer")
        };
        let child = command
            .arg("-q")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer runs");
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < DEADLINE, "the pooler does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { child, port })
    }

    /// The URL of the server's database through the pooler.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
