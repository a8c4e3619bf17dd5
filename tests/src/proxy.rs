//! A small TCP proxy that can cut, refuse, stall, slow and tear what goes through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Connections are closed, and new ones at once.
    Refused,
    /// A black hole: connections stay open, and nothing comes through.
    BlackHole,
    /// Each piece comes that much later.
    Slow(Duration),
    /// Half of the next piece of an answer comes through, then the connection is closed.
    Torn,
}

/// A proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub at: SocketAddr,
    fault: Arc<watch::Sender<Fault>>,
}

impl Proxy {
    /// Starts one, on a port that is free.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
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
        Self { at, fault }
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

/// Carries bytes one way; when it returns, the connection is closed both ways.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    answers: bool,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut piece) => read,
            () = refused(&mut fault) => return,
        };
        let Ok(len @ 1..) = read else { return };
        let now = *fault.borrow_and_update();
        let mut piece = &piece[..len];
        match now {
            Fault::Refused => return,
            Fault::BlackHole => {
                // What was on its way is lost with the connection, as when a cable is pulled.
                while *fault.borrow_and_update() == Fault::BlackHole {
                    if fault.changed().await.is_err() {
                        return;
                    }
                }
                return;
            }
            Fault::Slow(by) => tokio::time::sleep(by).await,
            Fault::Torn if answers => piece = &piece[..len / 2],
            Fault::None | Fault::Torn => {}
        }
        if to.write_all(piece).await.is_err() || (now == Fault::Torn && answers) {
            return;
        }
    }
}

async fn refused(fault: &mut watch::Receiver<Fault>) {
    loop {
        if *fault.borrow_and_update() == Fault::Refused || fault.changed().await.is_err() {
            return;
        }
    }
}
