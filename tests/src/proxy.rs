//! A TCP proxy that injects faults: refused, stalled, slow and torn connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Open connections are closed, and new ones are closed at once.
    Refused,
    /// Connections stay open, and no byte arrives.
    BlackHole,
    /// Each piece of data arrives that much later.
    Slow(Duration),
    /// Half of the next response arrives, then the connection is closed.
    Torn,
}

/// A proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    /// The address that it listens on.
    pub address: SocketAddr,
    fault: Arc<watch::Sender<Fault>>,
}

impl Proxy {
    /// Starts a proxy on a free port.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let faults = Arc::clone(&fault);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *faults.borrow() == Fault::Refused {
                    continue;
                }
                let (up, down) = (faults.subscribe(), faults.subscribe());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(upstream).await else { return };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::select! {
                        () = pump(from_client, to_server, up, false) => {}
                        () = pump(from_server, to_client, down, true) => {}
                    }
                });
            }
        });
        Self { address, fault }
    }

    /// Sets the fault of all connections from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

/// Copies bytes in one direction. When it returns, the connection is closed in both directions.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    is_response: bool,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut piece) => read,
            () = wait_for_refused(&mut fault) => return,
        };
        let Ok(len @ 1..) = read else { return };
        let now = *fault.borrow_and_update();
        let mut piece = &piece[..len];
        match now {
            Fault::Refused => return,
            Fault::BlackHole => {
                // Data in flight is lost with the connection, as when a cable is pulled.
                while *fault.borrow_and_update() == Fault::BlackHole {
                    if fault.changed().await.is_err() {
                        return;
                    }
                }
                return;
            }
            Fault::Slow(by) => tokio::time::sleep(by).await,
            Fault::Torn if is_response => piece = &piece[..len / 2],
            Fault::None | Fault::Torn => {}
        }
        if to.write_all(piece).await.is_err() || (now == Fault::Torn && is_response) {
            return;
        }
    }
}

async fn wait_for_refused(fault: &mut watch::Receiver<Fault>) {
    loop {
        if *fault.borrow_and_update() == Fault::Refused || fault.changed().await.is_err() {
            return;
        }
    }
}
