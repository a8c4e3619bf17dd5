//! Allocations of a guard: ours and every peer, one request each, compared with an unguarded route.
//!
//! `cargo bench -p benches --bench allocations`. The counts are deterministic; nothing is timed.

use allocation_counter::measure;
use benches::contender::{Contender, GUARDED, OPEN};
use benches::measure::run_ready;
use benches::report::{self, Goal};
use benches::tokens;
use benches::{ours, peers};
use jwt_auth::Algorithm;
use serde_json::json;

fn count(contender: &Contender, path: &str) -> i64 {
    // Two requests first, for everything that is created once.
    contender.app.prepare(path, &contender.good)();
    contender.app.prepare(path, &contender.good)();
    let call = contender.app.prepare(path, &contender.good);
    i64::try_from(measure(call).count_total).expect("few")
}

fn main() {
    tokens::install_backend();
    let (mut tables, mut goals) = (Vec::new(), Vec::new());
    for algorithm in tokens::ALGORITHMS.into_iter().filter(|it| report::is_selected(it.name())) {
        let token = tokens::token(algorithm);
        let mut contenders: Vec<Contender> =
            peers::all(algorithm, &token).into_iter().filter_map(Result::ok).collect();
        contenders.extend(ours::all(algorithm, &token));
        let mut rows: Vec<(&str, i64)> = contenders
            .iter()
            .map(|contender| (contender.name, count(contender, GUARDED) - count(contender, OPEN)))
            .collect();
        rows.sort_by_key(|row| row.1);
        println!("\n{}, allocations of a request beyond an unguarded route", algorithm.name());
        for (name, count) in &rows {
            println!("{name:44} {count:>9}");
        }
        goals.extend(rows.iter().filter_map(|(name, count)| goal(algorithm, name, *count)));
        goals.push(verification(algorithm, &token));
        tables.push(json!({ "algorithm": algorithm.name(), "rows": rows }));
    }
    report::print_goals(&goals);
    report::save_json(
        "allocations.json",
        &json!({
            "command": "cargo bench -p benches --bench allocations",
            "unit": "allocations of a request beyond an unguarded route",
            "tables": tables,
            "goals": goals,
        }),
    );
}

#[allow(clippy::cast_precision_loss, reason = "few")]
fn goal(algorithm: Algorithm, name: &str, count: i64) -> Option<Goal> {
    let what = format!("{}, {name}: allocations", algorithm.name());
    match name {
        ours::ATTRIBUTE_CACHED => Some(Goal::at_most(what, count as f64, 0.0)),
        ours::ATTRIBUTE => Some(Goal::at_most(what, count as f64, 3.0)),
        _ => None,
    }
}

/// The verification of a cached token.
#[allow(clippy::cast_precision_loss, reason = "few")]
fn verification(algorithm: Algorithm, token: &str) -> Goal {
    let auth = tokens::config(algorithm)
        .verified_cache(ours::CACHE_SIZE)
        .build()
        .expect("a valid configuration");
    let verify = || drop(run_ready(auth.verify_access(token)).expect("a valid token"));
    verify();
    verify();
    let count = measure(verify).count_total;
    let what = format!("{}, a cached token verified, no HTTP: allocations", algorithm.name());
    Goal::at_most(what, count as f64, 0.0)
}
