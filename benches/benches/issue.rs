//! Issuing tokens: ours and `jsonwebtoken::encode`, interleaved.
//!
//! `cargo bench -p benches --bench issue`. Ours creates an id and reads the clock; the other encodes
//! existing claims.

use benches::measure::{Lane, measure_interleaved};
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::tokens;
use jsonwebtoken::Header;
use jwt_auth::Algorithm;
use serde_json::json;

const ROUNDS: usize = 200;
const COMMAND: &str = "cargo bench -p benches --bench issue";

fn main() {
    tokens::install_backend();
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    println!("{:8} {:>10} {:>22} {:>8}", "issue", "ours, ns", "jsonwebtoken::encode", "ratio");
    for algorithm in tokens::ALGORITHMS.into_iter().filter(|it| report::is_selected(it.name())) {
        let auth = tokens::config(algorithm).build().expect("a valid configuration");
        let claims = tokens::claims(&tokens::token(algorithm));
        let (header, key) =
            (Header::new(tokens::convert_algorithm(algorithm)), tokens::encoding_key(algorithm));
        let mut lanes = [
            Lane::new(|| auth.access_token(tokens::SUBJECT).roles(["editor", "staff"]).issue()),
            Lane::new(|| jsonwebtoken::encode(&header, &claims, &key)),
        ];
        let figures = measure_interleaved(&mut lanes, ROUNDS);
        let ratio = round(figures[0] / figures[1]);
        let name = algorithm.name();
        let (ours, theirs) = (format_thousands(figures[0]), format_thousands(figures[1]));
        println!("{name:8} {ours:>10} {theirs:>22} {:>8}", format_short(ratio));
        let bound = match algorithm {
            Algorithm::HS256 => 0.8,
            Algorithm::RS256 => 0.4,
            _ => 0.65,
        };
        let what = format!("{name}: over `jsonwebtoken::encode`");
        goals.push(Goal::at_most(what, ratio, bound));
        rows.push(json!({
            "algorithm": name,
            "ours": round(figures[0]),
            "by_hand": round(figures[1]),
            "ratio": ratio,
        }));
    }
    report::print_goals(&goals);
    let results = json!({ "command": COMMAND, "unit": "ns a token", "rows": rows, "goals": goals });
    report::save_json("issue.json", &results);
}
