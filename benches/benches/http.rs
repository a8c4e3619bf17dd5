//! HTTP on loopback: the request rate of a guarded route as a share of the unguarded rate.
//!
//! `cargo bench -p benches --bench http`. One thread serves, on a single-threaded runtime; one thread sends
//! requests over keep-alive connections, one request at a time on each. Every app runs in every round. The tables
//! show the median of its share of the unguarded rate in the same round.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use benches::contender::{App, Contender, GUARDED, OPEN};
use benches::measure::median;
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::{ours, peers, tokens};
use jwt_auth::Algorithm;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 30;
const TURN: Duration = Duration::from_millis(50);

/// A keep-alive connection. Every response is as long as the first.
struct Connection {
    stream: TcpStream,
    response: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, request: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).expect("loopback");
        stream.set_nodelay(true).expect("a socket");
        stream.write_all(request).expect("written");
        let mut response = vec![0; 4096];
        let mut read = 0;
        while !response[..read].ends_with(b"\r\n\r\nok") {
            let more = stream.read(&mut response[read..]).expect("read");
            assert!(more > 0, "{}", String::from_utf8_lossy(&response[..read]));
            read += more;
        }
        response.truncate(read);
        Self { stream, response }
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("written");
    }

    fn receive(&mut self) {
        self.stream.read_exact(&mut self.response).expect("read");
        assert!(self.response.starts_with(b"HTTP/1.1 200"), "a valid token");
    }
}

/// One path of one app.
struct Lane {
    name: String,
    backend: &'static str,
    /// The unguarded lane, whose rate this one is compared with.
    base: usize,
    request: Vec<u8>,
    connections: Vec<Connection>,
    rates: Vec<f64>,
}

impl Lane {
    fn new(
        name: String,
        address: SocketAddr,
        path: &str,
        bearer: &HeaderValue,
        base: usize,
    ) -> Self {
        let bearer = bearer.to_str().expect("visible ASCII");
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {bearer}\r\n\r\n")
                .into_bytes();
        let connections = (0..CONNECTIONS).map(|_| Connection::open(address, &request)).collect();
        Self { name, backend: "", base, request, connections, rates: Vec::new() }
    }

    /// The requests per second in one turn.
    fn rate(&mut self) -> f64 {
        let start = Instant::now();
        let mut responses = 0;
        for connection in &mut self.connections {
            connection.send(&self.request);
        }
        while start.elapsed() < TURN {
            for connection in &mut self.connections {
                connection.receive();
                connection.send(&self.request);
                responses += 1;
            }
        }
        for connection in &mut self.connections {
            connection.receive();
            responses += 1;
        }
        f64::from(responses) / start.elapsed().as_secs_f64()
    }
}

/// Serves every app from one thread, and returns their addresses.
fn serve(apps: Vec<App>) -> Vec<SocketAddr> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            for app in apps {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                send.send(listener.local_addr().expect("an address")).expect("received");
                tokio::spawn(app.serve(listener));
            }
            drop(send);
            std::future::pending::<()>().await;
        });
    });
    receive.iter().collect()
}

fn contenders() -> Vec<(Algorithm, Contender)> {
    let mut all = Vec::new();
    for algorithm in [Algorithm::HS256, Algorithm::ES256] {
        let token = tokens::token(algorithm);
        let peers = peers::all(algorithm, &token).into_iter().filter_map(Result::ok);
        let ours = ours::all(algorithm, &token)
            .into_iter()
            .filter(|contender| matches!(contender.name, ours::ATTRIBUTE | ours::ATTRIBUTE_CACHED));
        let both = ours.chain(peers);
        all.extend(both.filter(|one| report::is_selected(one.name)).map(|one| (algorithm, one)));
    }
    all
}

fn main() {
    tokens::install_backend();
    let contenders = contenders();
    let addresses = serve(contenders.iter().map(|(_, it)| it.app.clone()).collect());
    let mut lanes: Vec<Lane> = Vec::new();
    let mut bases: [Option<usize>; 2] = [None; 2];
    for ((algorithm, contender), address) in contenders.iter().zip(&addresses) {
        let older = usize::from(matches!(contender.app, App::Axum07(_)));
        let base = *bases[older].get_or_insert_with(|| {
            let name = ["unguarded, axum 0.8", "unguarded, axum 0.7"][older].to_owned();
            lanes.push(Lane::new(name, *address, OPEN, &contender.good, lanes.len()));
            lanes.len() - 1
        });
        let name = format!("{algorithm} {}", contender.name);
        let mut lane = Lane::new(name, *address, GUARDED, &contender.good, base);
        lane.backend = contender.backend;
        lanes.push(lane);
    }
    for round in 0..=ROUNDS {
        for lane in &mut lanes {
            let rate = lane.rate();
            // The first round warms up.
            if round > 0 {
                lane.rates.push(rate);
            }
        }
    }
    show(&lanes);
}

fn show(lanes: &[Lane]) {
    println!("{CONNECTIONS} connections, medians of {ROUNDS} rounds of {} ms", TURN.as_millis());
    println!("{:52} {:>11} {:>8}", "", "requests/s", "share");
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    for lane in lanes {
        let base = &lanes[lane.base].rates;
        let share = median(lane.rates.iter().zip(base).map(|(rate, base)| rate / base).collect());
        let rate = median(lane.rates.clone());
        let (rate_text, share_text) = (format_thousands(rate), format_short(share));
        println!("{:52} {rate_text:>11} {share_text:>8}  {}", lane.name, lane.backend);
        rows.push(json!({ "name": lane.name, "backend": lane.backend, "rate": round(rate), "share": round(share) }));
        let bound = match lane.name.as_str() {
            "HS256 #[jwt_required]" => 0.85,
            name if name.ends_with(" #[jwt_required], cached") => 0.97,
            _ => continue,
        };
        goals.push(Goal::at_least(
            format!("{}: share of the unguarded rate", lane.name),
            round(share),
            bound,
        ));
    }
    report::print_goals(&goals);
    report::save_json(
        "http.json",
        &json!({
            "command": "cargo bench -p benches --bench http",
            "unit": "requests a second, and their share of the unguarded rate",
            "rows": rows,
            "goals": goals,
        }),
    );
}
