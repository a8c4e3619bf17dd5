//! Making tokens: ours against `jsonwebtoken::encode`, interleaved.
//!
//! `cargo bench -p benches --bench issue`. Ours makes an id and asks the clock; the other encodes claims
//! that are there already.

use benches::measure::{Lane, interleaved};
use benches::report::{self, Goal, rounded, short, thousands};
use benches::tokens;
use jsonwebtoken::Header;
use serde_json::json;

const ROUNDS: usize = 200;
const COMMAND: &str = "cargo bench -p benches --bench issue";

fn main() {
    tokens::install_backend();
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    println!("{:8} {:>10} {:>22} {:>8}", "issue", "ours, ns", "jsonwebtoken::encode", "ratio");
    for algorithm in tokens::ALGORITHMS.into_iter().filter(|it| report::wanted(it.name())) {
        let auth = tokens::config(algorithm).build().expect("a good configuration");
        let claims = tokens::claims(&tokens::token(algorithm));
        let (header, key) =
            (Header::new(tokens::named(algorithm)), tokens::encoding_key(algorithm));
        let mut lanes = [
            Lane::new(|| auth.access_token(tokens::SUBJECT).roles(["editor", "staff"]).issue()),
            Lane::new(|| jsonwebtoken::encode(&header, &claims, &key)),
        ];
        let figures = interleaved(&mut lanes, ROUNDS);
        let ratio = rounded(figures[0] / figures[1]);
        let name = algorithm.name();
        let (ours, theirs) = (thousands(figures[0]), thousands(figures[1]));
        println!("{name:8} {ours:>10} {theirs:>22} {:>8}", short(ratio));
        if name == "RS256" {
            goals.push(Goal::at_most("RS256: over `jsonwebtoken::encode`", ratio, 0.4));
        }
        rows.push(json!({
            "algorithm": name,
            "ours": rounded(figures[0]),
            "by_hand": rounded(figures[1]),
            "ratio": ratio,
        }));
    }
    report::goals(&goals);
    let kept = json!({ "command": COMMAND, "unit": "ns a token", "rows": rows, "goals": goals });
    report::keep_json("issue.json", &kept);
}
