//! Guards in process: ours and every peer, interleaved in one run, compared with an unguarded route.
//!
//! `cargo bench -p benches --bench guard` prints the tables, and saves them as `results/guard.json` and
//! `results/guard.svg`; with `-- ES256` it measures that algorithm alone. Compare ratios: nanoseconds depend on the
//! machine.

use benches::contender::{App, Contender};
use benches::measure::{Lane, measure_interleaved};
use benches::plot::{Bar, Panel};
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::{ours, peers, plot, tokens};
use jwt_auth::Algorithm;
use serde::Serialize;

const ROUNDS: usize = 300;
const COMMAND: &str = "cargo bench -p benches --bench guard";

#[derive(Serialize)]
struct Row {
    name: &'static str,
    backend: &'static str,
    ours: bool,
    over: f64,
    ratio: f64,
}

#[derive(Serialize)]
struct Table {
    algorithm: &'static str,
    token_bytes: usize,
    unguarded: f64,
    unguarded_axum07: f64,
    rows: Vec<Row>,
    /// The time of a forged token beyond the unguarded route, by hand and with ours.
    refused_by_hand: f64,
    refused_by_ours: f64,
    omitted: Vec<(&'static str, &'static str)>,
}

impl Table {
    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn ratio(&self, name: &str) -> Option<f64> {
        self.row(name).map(|row| row.ratio)
    }

    fn best_peer(&self) -> Option<&Row> {
        self.rows.iter().filter(|row| !row.ours).min_by(|a, b| a.over.total_cmp(&b.over))
    }
}

fn measure(algorithm: Algorithm) -> Table {
    let token = tokens::token(algorithm);
    let (mut contenders, mut omitted) = (Vec::new(), Vec::new());
    for peer in peers::all(algorithm, &token) {
        match peer {
            Ok(contender) => contenders.push(contender),
            Err(absent) => omitted.push(absent),
        }
    }
    contenders.extend(ours::all(algorithm, &token));
    let find = |name| contenders.iter().find(|contender| contender.name == name);
    let by_hand = find(peers::by_hand::NAME).expect("a contender that always exists");
    let ours = find(ours::ATTRIBUTE).expect("a contender that always exists");
    let older = contenders.iter().find(|contender| matches!(contender.app, App::Axum07(_)));
    let mut lanes: Vec<Lane<'_>> =
        vec![by_hand.open(), older.unwrap_or(by_hand).open(), by_hand.refused(), ours.refused()];
    lanes.extend(contenders.iter().map(Contender::guarded));
    let figures = measure_interleaved(&mut lanes, ROUNDS);
    let (bases, guarded) = figures.split_at(4);
    let over = |contender: &Contender, figure: f64| match contender.app {
        App::Axum(_) => figure - bases[0],
        App::Axum07(_) => figure - bases[1],
    };
    let unit = over(by_hand, guarded[0]);
    let mut rows: Vec<Row> = contenders
        .iter()
        .zip(guarded)
        .map(|(contender, figure)| {
            let over = over(contender, *figure);
            Row {
                name: contender.name,
                backend: contender.backend,
                ours: contender.ours,
                over: round(over),
                ratio: round(over / unit),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.over.total_cmp(&b.over));
    Table {
        algorithm: algorithm.name(),
        token_bytes: token.len(),
        unguarded: round(bases[0]),
        unguarded_axum07: round(bases[1]),
        rows,
        refused_by_hand: round(bases[2] - bases[0]),
        refused_by_ours: round(bases[3] - bases[0]),
        omitted,
    }
}

fn print(table: &Table) {
    println!(
        "\n{}, a token of {} bytes; medians of {ROUNDS} rounds, ns over an unguarded route, which takes {} \
         (under axum 0.7: {})",
        table.algorithm,
        table.token_bytes,
        format_thousands(table.unguarded),
        format_thousands(table.unguarded_axum07)
    );
    for row in &table.rows {
        let (ns, ratio) = (format_thousands(row.over), format_short(row.ratio));
        println!("{:44} {ns:>9} {ratio:>8}  {}", row.name, row.backend);
    }
    println!(
        "{:44} {:>9}           by hand {}",
        "a forged token, #[jwt_required]",
        format_thousands(table.refused_by_ours),
        format_thousands(table.refused_by_hand)
    );
    for (name, why) in &table.omitted {
        println!("omitted: {name}: {why}");
    }
}

fn goals(tables: &[Table]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for table in tables {
        let name = table.algorithm;
        let hmac = name == "HS256";
        let uncached = table.row(ours::ATTRIBUTE);
        if let (true, Some(ours), Some(peer)) = (hmac, uncached, table.best_peer()) {
            goals.push(Goal::at_most(
                "HS256, no cache: over the extractor by hand",
                ours.ratio,
                0.3,
            ));
            let what = format!("HS256, no cache: over the best peer, {}", peer.name);
            goals.push(Goal::at_most(what, round(ours.over / peer.over), 0.45));
        }
        if let Some(hit) = table.ratio(ours::ATTRIBUTE_CACHED) {
            let what = format!("{name}, a repeated token: over the extractor by hand");
            goals.push(Goal::at_most(what, hit, if hmac { 0.04 } else { 0.006 }));
        }
        if let (Some(guard), Some(both)) =
            (table.row(ours::ATTRIBUTE_CACHED), table.row(ours::TOKEN_CACHED))
        {
            let what = format!("{name}, a repeated token: with `AccessToken` over the guard alone");
            goals.push(Goal::at_most(what, round(both.over / guard.over), 1.2));
        }
        if let Some(ours) = uncached {
            let what = format!("{name}, a forged token: over a valid one, no cache");
            goals.push(Goal::at_most(what, round(table.refused_by_ours / ours.over), 1.05));
        }
    }
    goals
}

fn picture(tables: &[Table]) -> String {
    let panel = |table: &Table| Panel {
        title: format!("{}, a token of {} bytes", table.algorithm, table.token_bytes),
        bars: table.rows.iter().map(bar).collect(),
    };
    let is_shown = |table: &&Table| matches!(table.algorithm, "HS256" | "ES256");
    let panels: Vec<Panel> = tables.iter().filter(is_shown).map(panel).collect();
    plot::svg(
        "What a guard adds to a route of axum",
        "Nanoseconds more than the same route unguarded, in process, less is better; × the extractor by hand",
        &format!(
            "Interleaved in one run of `{COMMAND}`. In brackets: the cryptography library, if it is not AWS-LC."
        ),
        &panels,
    )
}

fn bar(row: &Row) -> Bar {
    let name = match row.backend {
        "" => row.name.to_owned(),
        backend => format!("{} ({backend})", row.name),
    };
    Bar { name, value: row.over, ratio: row.ratio, ours: row.ours }
}

fn main() {
    tokens::install_backend();
    let algorithms = tokens::ALGORITHMS.into_iter().filter(|it| report::is_selected(it.name()));
    let tables: Vec<Table> = algorithms.map(measure).collect();
    tables.iter().for_each(print);
    let goals = goals(&tables);
    report::print_goals(&goals);
    report::save("guard.svg", &picture(&tables));
    report::save_json(
        "guard.json",
        &serde_json::json!({
            "command": COMMAND,
            "unit": "ns over an unguarded route; ratios over the extractor by hand",
            "tables": tables,
            "goals": goals,
        }),
    );
}
