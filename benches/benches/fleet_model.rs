//! What a fleet needs at other sizes than the one that `fleet` measures: servers, memory and network.
//!
//! `cargo bench -p benches --bench fleet_model` starts Redis, measures what one write, one read and the delivery of one
//! entry to one node cost the server, and multiplies. The memory of an entry is taken from `results/fleet.json`. It
//! prints a table, and writes `results/fleet_model.json`.

#![allow(clippy::cast_precision_loss, reason = "figures")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jwt_auth::session::{Revocation, RevocationStore as _};
use jwt_auth_redis::RedisStore;
use serde_json::{Value, json};
use tests::redis::RedisServer;
use tokio::task::JoinSet;

/// The sizes of the table.
const NODES: [f64; 3] = [10.0, 100.0, 1_000.0];
const REVOCATIONS_A_SECOND: [f64; 3] = [100.0, 1_000.0, 10_000.0];
/// An entry is stored for the life of the access tokens, 15 minutes, and 10 minutes more.
const ENTRY_SECONDS: f64 = 25.0 * 60.0;
/// How often a node reads: its delay is then at most 50 ms, and the rest is a larger answer.
const READS_A_SECOND: f64 = 20.0;
/// The part of a core of the server that is planned to be busy.
const BUSY: f64 = 0.6;
/// How long a measurement takes.
const SECONDS: u64 = 5;
/// Writes at once, which is as fast as the server confirms them.
const WRITERS: usize = 32;

/// What the server has done since it started.
#[derive(Clone, Copy)]
struct Counters {
    cpu: f64,
    sent: f64,
    reads: f64,
}

/// The work of one measurement.
struct Work {
    writes: f64,
    reads: f64,
    delivered: f64,
    cpu: f64,
    sent: f64,
}

#[allow(clippy::disallowed_methods, reason = "the stores use the system clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn counters(connection: &mut redis::aio::MultiplexedConnection) -> Counters {
    let mut command = redis::cmd("INFO");
    let text: String = command.arg("everything").query_async(connection).await.expect("an answer");
    let lines: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.trim().split_once(':')).collect();
    let number = |name: &str| lines.get(name).and_then(|value| value.parse::<f64>().ok());
    let calls = lines.get("cmdstat_xread").and_then(|stat| {
        let calls = stat.strip_prefix("calls=")?.split(',').next()?;
        calls.parse::<f64>().ok()
    });
    let cpu = ["used_cpu_sys", "used_cpu_user"].map(|name| number(name).expect("a figure"));
    Counters {
        cpu: cpu.iter().sum(),
        sent: number("total_net_output_bytes").expect("a figure"),
        reads: calls.unwrap_or_default(),
    }
}

/// Runs nodes for a while, with or without writes, and returns what the server did.
async fn measure(server: &RedisServer, nodes: usize, is_writing: bool) -> Work {
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
    let mut readers = Vec::new();
    for _ in 0..nodes {
        readers.push(RedisStore::connect(&server.url()).await.expect("connected"));
    }
    let sender = std::sync::Arc::new(RedisStore::connect(&server.url()).await.expect("connected"));
    let before = counters(&mut connection).await;
    let mut running = JoinSet::new();
    let end = tokio::time::Instant::now() + Duration::from_secs(SECONDS);
    for number in 0..if is_writing { WRITERS } else { 0 } {
        let writer = std::sync::Arc::clone(&sender);
        running.spawn(async move {
            let mut written = 0_u32;
            while tokio::time::Instant::now() < end {
                let id = format!("{nodes:04}{number:06}{written:012}");
                let until = now() + Duration::from_secs(1_500);
                let revocation = Revocation::Token { issuer: None, id: &id, until };
                if writer.revoke(revocation, now()).await.is_ok() {
                    written += 1;
                }
            }
            written
        });
    }
    tokio::time::sleep_until(end).await;
    let writes: u32 = running.join_all().await.iter().sum();
    let after = counters(&mut connection).await;
    drop(readers);
    // The writer is a node that reads, too.
    let delivered = f64::from(writes) * (nodes + 1) as f64;
    Work {
        writes: writes.into(),
        reads: after.reads - before.reads,
        delivered,
        cpu: after.cpu - before.cpu,
        sent: after.sent - before.sent,
    }
}

/// What one of each costs the server, in seconds of a core, and the bytes of one entry.
struct Costs {
    write: f64,
    read: f64,
    entry: f64,
    bytes: f64,
}

async fn measure_costs(server: &RedisServer) -> Costs {
    // An idle server is not at rest, so that two sizes of an idle fleet are compared.
    let alone = measure(server, 0, false).await;
    let idle = measure(server, 40, false).await;
    let few = measure(server, 0, true).await;
    let many = measure(server, 7, true).await;
    let read = (idle.cpu - alone.cpu) / (idle.reads - alone.reads);
    // Two equations for the other two: writes and deliveries, with the reads subtracted.
    let rest = |work: &Work| work.cpu - work.reads * read;
    let determinant = few.writes * many.delivered - many.writes * few.delivered;
    let write = (rest(&few) * many.delivered - rest(&many) * few.delivered) / determinant;
    let entry = (few.writes * rest(&many) - many.writes * rest(&few)) / determinant;
    let bytes = many.sent / many.delivered;
    Costs { write, read, entry, bytes }
}

fn resident_bytes(results: &std::path::Path) -> f64 {
    let text = std::fs::read_to_string(results.join("fleet.json")).expect("run `fleet` first");
    let figures: Value = serde_json::from_str(&text).expect("JSON");
    figures["Redis"]["resident bytes an entry, after the start"].as_f64().expect("a figure")
}

#[tokio::main]
async fn main() {
    let Some(server) = RedisServer::start() else { return };
    let costs = measure_costs(&server).await;
    let results = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results");
    let resident = resident_bytes(&results);
    let micros = |seconds: f64| (seconds * 1e7).round() / 10.0;
    println!(
        "one write {} us, one read {} us, one entry to one node {} us and {:.0} bytes; in memory {resident} bytes\n",
        micros(costs.write),
        micros(costs.read),
        micros(costs.entry),
        costs.bytes
    );
    println!(
        "| nodes | revocations a second | entries, memory a node | network a node | all nodes | servers |"
    );
    println!("|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for nodes in NODES {
        for rate in REVOCATIONS_A_SECOND {
            let entries = rate * ENTRY_SECONDS;
            let megabytes = entries * resident / 1e6;
            let feed = rate * costs.bytes / 1e3;
            let reading = nodes * (READS_A_SECOND * costs.read + rate * costs.entry);
            let left = BUSY - rate * costs.write;
            let servers = (left > 0.0).then(|| (reading / left).ceil());
            println!(
                "| {nodes} | {rate} | {:.2} M, {megabytes:.0} MB | {feed:.0} kB/s | {:.1} MB/s | {} |",
                entries / 1e6,
                feed * nodes / 1e3,
                servers.map_or_else(|| "more than one primary".to_owned(), |n| n.to_string()),
            );
            rows.push(json!({
                "nodes": nodes, "revocations a second": rate, "entries": entries,
                "memory a node, MB": megabytes.round(), "network a node, kB/s": feed.round(),
                "servers": servers,
            }));
        }
    }
    let model = json!({
        "write, us": micros(costs.write), "read, us": micros(costs.read),
        "entry to a node, us": micros(costs.entry), "bytes an entry": costs.bytes.round(),
        "resident bytes an entry": resident, "table": rows,
    });
    let text = serde_json::to_string_pretty(&model).expect("JSON") + "\n";
    std::fs::write(results.join("fleet_model.json"), text).expect("written");
}
