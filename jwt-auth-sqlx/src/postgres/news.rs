//! Notifications: they contain no data, and make the reader read at once.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::postgres::lanes::TIMEOUT;

/// After this long without a notification, a listener checks that its connection is alive.
const LISTENER_IDLE: Duration = Duration::from_secs(15);
/// How long a listener waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(250);

/// Wakes the reader at each notification, and reconnects whenever the connection is lost.
pub(super) async fn listen(options: PgConnectOptions, channel: String, news: Arc<Notify>) {
    loop {
        if let Err(error) = receive_notifications(&options, &channel, &news).await {
            tracing::debug!(target: "jwt_auth", %error, "cannot receive notifications; connecting again");
        }
        sleep(RECONNECT).await;
    }
}

/// Listens until the connection is lost. It has its own pool, because a connection that hangs never leaves its pool.
async fn receive_notifications(
    options: &PgConnectOptions,
    channel: &str,
    news: &Notify,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let timed_out = |_| sqlx::Error::PoolTimedOut;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    timeout(TIMEOUT, listener.listen(channel)).await.map_err(timed_out)??;
    loop {
        // Rows may have been written before this connection started to listen.
        news.notify_one();
        while let Ok(notification) = timeout(LISTENER_IDLE, listener.try_recv()).await {
            if notification?.is_none() {
                return Ok(());
            }
            news.notify_one();
        }
        let probe = sqlx::query("select 1").execute(&mut listener);
        timeout(TIMEOUT, probe).await.map_err(timed_out)??;
    }
}
