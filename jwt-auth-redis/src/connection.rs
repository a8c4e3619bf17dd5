//! A connection to the primary: one server, the one that Sentinel names, or a Cluster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    Pipeline, RedisError, RedisFuture, RedisResult, RetryMethod, TlsMode, Value,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The timeout of each answer, and of each attempt to connect.
pub(super) const TIMEOUT: Duration = Duration::from_millis(400);
/// A connection on which a caller waited for this long in vain is replaced. Callers wait for 250 ms by default.
const SLOW: Duration = Duration::from_millis(200);

/// Where the primary is.
#[derive(Clone)]
pub(super) enum Address {
    Server(String),
    Client(Client),
    Sentinel { sentinels: Vec<String>, service: String, node: Option<String> },
    Cluster(Vec<String>),
}

/// Connects to the primary.
enum Connector {
    Server(Client),
    Sentinel(Mutex<SentinelClient>),
    Cluster(ClusterClient),
}

#[derive(Clone)]
enum Live {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Live {
    fn as_mut(&mut self) -> &mut (dyn ConnectionLike + Send) {
        match self {
            Self::One(connection) => connection,
            Self::Cluster(connection) => connection,
        }
    }
}

/// A connection that is replaced after an error that may have broken it. The connection manager of the `redis`
/// crate does not replace one that timed out, or that leads to a server that became a replica.
pub(super) struct Connection {
    connector: Connector,
    config: AsyncConnectionConfig,
    database: i64,
    current: Mutex<Current>,
    /// The number of the last connection that may be broken.
    broken: AtomicU64,
}

#[derive(Default)]
struct Current {
    number: u64,
    connection: Option<Live>,
}

fn parse(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

/// The settings with which Sentinel's primary is reached: those of an address, but for its host.
fn node_info(url: &str) -> RedisResult<SentinelNodeConnectionInfo> {
    let info = parse(url)?;
    let mut node = SentinelNodeConnectionInfo::default()
        .set_redis_connection_info(info.redis_settings().clone());
    if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
        let mode = if *insecure { TlsMode::Insecure } else { TlsMode::Secure };
        node = node.set_tls_mode(mode);
    }
    Ok(node)
}

impl Connection {
    /// A connection whose answers arrive within the timeout.
    pub(super) fn new(address: &Address, timeout: Duration) -> RedisResult<Self> {
        use_tls_provider();
        let mut database = 0;
        let connector = match address {
            Address::Server(url) => {
                let info = parse(url)?;
                database = info.redis_settings().db();
                Connector::Server(Client::open(info)?)
            }
            Address::Client(client) => {
                database = client.get_connection_info().redis_settings().db();
                Connector::Server(client.clone())
            }
            Address::Sentinel { sentinels, service, node } => {
                let sentinels: Vec<ConnectionInfo> =
                    sentinels.iter().map(|url| parse(url)).collect::<RedisResult<_>>()?;
                let node = node.as_deref().map(node_info).transpose()?;
                let kind = SentinelServerType::Master;
                let client = SentinelClient::build(sentinels, service.clone(), node, kind)?;
                Connector::Sentinel(Mutex::new(client))
            }
            Address::Cluster(nodes) => Connector::Cluster(
                ClusterClient::builder(nodes.iter().map(String::as_str))
                    .connection_timeout(TIMEOUT)
                    .response_timeout(timeout)
                    .build()?,
            ),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(timeout));
        let broken = AtomicU64::new(0);
        Ok(Self { connector, config, database, current: Mutex::default(), broken })
    }

    /// The number of the current connection.
    pub(super) async fn number(&self) -> u64 {
        self.current.lock().await.number
    }

    async fn connect(&self) -> RedisResult<Live> {
        match &self.connector {
            Connector::Server(client) => client
                .get_multiplexed_async_connection_with_config(&self.config)
                .await
                .map(Live::One),
            Connector::Sentinel(client) => {
                let mut client = client.lock().await;
                // Sentinels that are down must not delay a caller for long.
                let connect = client.get_async_connection_with_config(&self.config);
                let connected = tokio::time::timeout(4 * TIMEOUT, connect).await;
                connected.unwrap_or_else(|_| Err(timed_out())).map(Live::One)
            }
            Connector::Cluster(client) => {
                let connected =
                    tokio::time::timeout(4 * TIMEOUT, client.get_async_connection()).await;
                connected.unwrap_or_else(|_| Err(timed_out())).map(Live::Cluster)
            }
        }
    }

    /// The current connection. Connects if there is none, or if it may be broken.
    async fn get(&self) -> RedisResult<(Use<'_>, Live)> {
        let mut current = self.current.lock().await;
        if current.number <= self.broken.load(Ordering::Acquire) {
            current.connection = None;
        }
        let connection = if let Some(connection) = &current.connection {
            connection.clone()
        } else {
            let connection = self.connect().await?;
            current.number = current.number.max(self.broken.load(Ordering::Acquire)) + 1;
            current.connection = Some(connection.clone());
            connection
        };
        let since = Instant::now();
        Ok((
            Use { connection: self, number: current.number, since, is_answered: false },
            connection,
        ))
    }
}

/// One use of a connection.
struct Use<'a> {
    connection: &'a Connection,
    /// Counts the connections, so that a late failure of the previous one does not drop this one.
    number: u64,
    since: Instant,
    is_answered: bool,
}

impl Use<'_> {
    /// Records an answer. An error may mean that the connection is broken.
    fn answered(mut self, error: Option<RedisError>) {
        self.is_answered = true;
        let may_be_broken = error.is_some_and(|error| {
            error.is_io_error() || !matches!(error.retry_method(), RetryMethod::NoRetry)
        });
        if may_be_broken {
            self.drop_connection();
        }
    }

    fn drop_connection(&self) {
        self.connection.broken.fetch_max(self.number, Ordering::AcqRel);
    }
}

impl Drop for Use<'_> {
    /// A caller that gave up has waited for longer than a healthy connection takes.
    fn drop(&mut self) {
        if !self.is_answered && self.since.elapsed() >= SLOW {
            self.drop_connection();
        }
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Chooses a provider of cryptography for TLS, unless the application has chosen one.
fn use_tls_provider() {
    #[cfg(feature = "tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread has just chosen.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

impl ConnectionLike for &Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (once, mut connection) = self.get().await?;
            let answer = connection.as_mut().req_packed_command(command).await;
            let error = match &answer {
                Ok(Value::ServerError(error)) => Some(error.clone().into()),
                Ok(_) => None,
                Err(error) => Some(error.clone()),
            };
            once.answered(error);
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (once, mut connection) = self.get().await?;
            let answers = connection.as_mut().req_packed_commands(pipeline, offset, count).await;
            once.answered(answers.as_ref().err().cloned());
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.database
    }
}
