//! `RedisStore`: revocations and sessions in Redis or Valkey, for several nodes.

use std::fmt;
use std::time::Duration;

use jwt_auth::danger::DangerousStore;
use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{LogOptions, ReplicatedStore};
use redis::Client;

use crate::connection::Address;
use crate::log::{RedisLog, Replicas};

/// A store in Redis (6.2 or later) or Valkey, for several nodes.
///
/// Each node answers from an in-memory replica, and sees the revocations of other nodes within milliseconds: it waits for
/// the next entry of a stream.
///
/// The server needs this configuration:
///
/// - `maxmemory-policy noeviction`: an evicted record is an undone revocation. The store checks the policy at
///   startup, and logs a warning if it is a different one. For the same reason, do not use the database as a
///   bounded cache for anything else. Expired records are removed by their time to live.
/// - Persistence, because a record is as durable as the server. `appendonly yes` with `appendfsync always` loses
///   nothing that was confirmed; `everysec` may lose the last second in a power cut; without persistence a restart
///   of the server loses everything. A failover loses what the new primary had not received. Running nodes
///   remember what they have read; a node that starts later does not know it.
///
/// Every key starts with the prefix as a hash tag, so that a Redis Cluster has all of them in one slot. A node has two
/// connections: one reads the log, and the other does everything else. After a failover they lead to the new primary.
/// With [`read_from`](RedisStoreBuilder::read_from), the first one leads to a replica.
///
/// A least-privilege user needs the keys `~{jwt-auth}:*` (with your prefix) and these commands:
///
/// ```text
/// ACL SETUSER app on >secret resetkeys ~{jwt-auth}:* -@all
///     +evalsha +eval +script|load +get +set +del +exists +expire +pexpire +pttl +ping +time
///     +hget +hmget +hset +hdel +hgetall +hscan +zadd +zrem +zcard +zrange +zrangebyscore +zremrangebyscore
///     +xadd +xtrim +xrange +xrevrange +xread +xinfo|stream +wait +config|get +select
/// ```
///
/// ```no_run
/// use jwt_auth::Config;
/// use jwt_auth_redis::RedisStore;
///
/// # async fn auth() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
/// let auth = Config::from_env().revocation(store).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
pub struct RedisStore(ReplicatedStore<RedisLog>);

/// The options of a [`RedisStore`] before it connects.
///
/// Created by [`RedisStore::builder`].
///
/// ```no_run
/// use jwt_auth_redis::RedisStoreBuilder;
/// use jwt_auth::Config;
/// use jwt_auth_redis::RedisStore;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let builder: RedisStoreBuilder = RedisStore::builder("redis://127.0.0.1:6379");
/// let auth = Config::from_env().revocation(builder.connect().await?).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder connects to nothing before `.connect()`"]
pub struct RedisStoreBuilder {
    address: Address,
    prefix: String,
    options: LogOptions,
    replicas: Option<Replicas>,
    read_from: Option<String>,
}

impl RedisStore {
    /// Connects with the default options, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the URL is invalid, or if the server does not answer.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::connect("redis://127.0.0.1:6379").await
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// A builder, to change options before [`connect`](RedisStoreBuilder::connect).
    ///
    /// The address is `redis://`, `rediss://` for TLS, or `unix://`.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379")
    ///     .prefix("shop")
    ///     .max_staleness(Duration::from_secs(2))
    ///     .connect()
    ///     .await
    /// # }
    /// ```
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Server(url.to_owned()))
    }

    /// Uses the application's client, with its credentials and its certificates.
    ///
    /// The store opens two connections of its own with it. A `ConnectionManager` of the application cannot serve, because
    /// a read that waits for news would delay every other command on its connection.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    /// use redis::{Client, TlsCertificates};
    ///
    /// # async fn store() -> Result<RedisStore, Box<dyn std::error::Error>> {
    /// let root_cert = Some(std::fs::read("private-ca.pem")?);
    /// let certificates = TlsCertificates { client_tls: None, root_cert };
    /// let client = Client::build_with_tls("rediss://redis.internal:6379", certificates)?;
    /// Ok(RedisStore::from_client(client).await?)
    /// # }
    /// ```
    pub async fn from_client(client: Client) -> Result<Self, StoreError> {
        Self::builder_from_client(client).connect().await
    }

    /// A builder with the application's client; see [`from_client`](Self::from_client).
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store(client: redis::Client) -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder_from_client(client).prefix("shop").connect().await
    /// # }
    /// ```
    pub fn builder_from_client(client: Client) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Client(client))
    }

    /// A builder with the primary that Sentinel names.
    ///
    /// After a failover the sentinels are queried again. Use [`node`](RedisStoreBuilder::node) if the servers need a
    /// password or TLS.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let sentinels = ["redis://sentinel-1:26379", "redis://sentinel-2:26379", "redis://sentinel-3:26379"];
    /// RedisStore::sentinel(sentinels, "mymaster").connect().await
    /// # }
    /// ```
    pub fn sentinel<A: Into<String>>(
        sentinels: impl IntoIterator<Item = A>,
        service: impl Into<String>,
    ) -> RedisStoreBuilder {
        let sentinels = sentinels.into_iter().map(Into::into).collect();
        let service = service.into();
        RedisStoreBuilder::new(Address::Sentinel { sentinels, service, node: None })
    }

    /// A builder with the nodes of a Redis Cluster. Redirections are followed.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::cluster(["redis://node-1:6379", "redis://node-2:6379"]).connect().await
    /// # }
    /// ```
    pub fn cluster<A: Into<String>>(nodes: impl IntoIterator<Item = A>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Cluster(nodes.into_iter().map(Into::into).collect()))
    }
}

impl RedisStoreBuilder {
    fn new(address: Address) -> Self {
        let prefix = "jwt-auth".to_owned();
        Self { address, prefix, options: LogOptions::default(), replicas: None, read_from: None }
    }

    /// The settings with which the servers behind Sentinel are reached: the user, password, database and TLS of an
    /// address, whose host is ignored.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let builder = RedisStore::sentinel(["redis://sentinel-1:26379"], "mymaster");
    /// builder.node("rediss://app:secret@any").connect().await
    /// # }
    /// ```
    pub fn node(mut self, url: impl Into<String>) -> Self {
        if let Address::Sentinel { node, .. } = &mut self.address {
            *node = Some(url.into());
        }
        self
    }

    /// Waits for this many replicas after each write, at most for the time.
    ///
    /// A failover to one of them then loses nothing that was confirmed. If fewer confirm in time, the call fails with
    /// 503; the write may still be there. Default: none. In a Cluster it has no effect.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let builder = RedisStore::builder("redis://127.0.0.1:6379");
    /// builder.wait_for_replicas(1, Duration::from_millis(100)).connect().await
    /// # }
    /// ```
    pub fn wait_for_replicas(mut self, replicas: u32, timeout: Duration) -> Self {
        self.replicas = Some(Replicas { count: replicas, timeout });
        self
    }

    /// Reads the log from a replica of the server, which may be the address of several.
    ///
    /// Use it when one server no longer delivers every revocation to every node; the chapter
    /// [stores](jwt_auth::guide::stores#past-one-server) has figures. Log-ins, refreshes, log-outs and strict look-ups
    /// go to the primary. The node writes a heartbeat to the primary four times a second, and its replica of the log is
    /// as old as the last heartbeat that the server shows. Default: the primary. In a Cluster, `connect` refuses it.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let builder = RedisStore::builder("redis://primary:6379");
    /// builder.read_from("redis://replicas:6379").connect().await
    /// # }
    /// ```
    pub fn read_from(mut self, url: impl Into<String>) -> Self {
        self.read_from = Some(url.into());
        self
    }

    /// The prefix of every key. Default: `jwt-auth`.
    ///
    /// Applications that share a server, but not their users, need different prefixes. The store puts the prefix
    /// in braces.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379").prefix("shop").connect().await
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the stream.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let builder = RedisStore::builder("redis://127.0.0.1:6379");
    /// builder.max_staleness(Duration::from_secs(2)).connect().await
    /// # }
    /// ```
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.options = self.options.max_staleness(age);
        self
    }

    /// Connects, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If a URL is invalid, if the prefix is empty or contains a brace, if the server does not answer, or if that of
    /// [`read_from`](Self::read_from) is no replica of it.
    ///
    /// ```no_run
    /// use jwt_auth_redis::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379").connect().await
    /// # }
    /// ```
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(StoreError::new(format_args!(
                "invalid key prefix `{}`; expected at least one character, and no `{{` or `}}`",
                self.prefix.escape_debug(),
            )));
        }
        let read_from = self.read_from.map(Address::Server);
        if read_from.is_some() && matches!(self.address, Address::Cluster(_)) {
            return Err(StoreError::new("`read_from` does not work in a Cluster; remove it"));
        }
        let (address, replicas) = (&self.address, self.replicas);
        let log = RedisLog::open(address, &self.prefix, replicas, read_from.as_ref()).await?;
        ReplicatedStore::start(log, self.options).await.map(RedisStore)
    }
}

jwt_auth::delegate_store!(RedisStore);

impl DangerousStore for RedisStoreBuilder {
    fn serve_stale(mut self) -> Self {
        self.options = self.options.serve_stale();
        self
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0).finish()
    }
}

/// Omits the URL, which may contain a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
