#!/usr/bin/env bash
# Measures a clean build of a minimal axum app, of the same app with jsonwebtoken, and of the same app with jwt-auth.
# Prints the median of ROUNDS rounds, three by default: scripts/compile-time.sh [ROUNDS]
# Each debug build starts with an empty target folder, and the crates are downloaded before the clock starts.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-3}"
here="$PWD"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
unset CARGO_TARGET_DIR CARGO_INCREMENTAL CARGO_PROFILE_DEV_DEBUG

axum='axum = "0.8"
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }'

app() { # app NAME DEPENDENCIES [LINE…]: the program is read from standard input
    mkdir -p "$out/$1/src"
    cp Cargo.lock rust-toolchain.toml "$out/$1/"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n%s\n%s\n\n[workspace]\n' \
        "$1" "$axum" "$2" >"$out/$1/Cargo.toml"
    printf '%s\n' "${@:3}" >>"$out/$1/Cargo.toml"
    cat >"$out/$1/src/main.rs"
}

app axum-alone "" <<'RUST'
use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/", get(async || "ok"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await
}
RUST

app with-jsonwebtoken 'jsonwebtoken = { version = "11.1", default-features = false, features = ["aws_lc_rs", "use_pem"] }' <<'RUST'
use axum::extract::FromRequestParts;
use axum::http::{StatusCode, request::Parts};
use axum::{Router, routing::get};
use jsonwebtoken::{DecodingKey, Validation, decode};

#[derive(serde::Deserialize, Clone)]
struct Claims {
    sub: String,
}

impl<S: Sync> FromRequestParts<S> for Claims {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let key = DecodingKey::from_secret(b"a secret of 32 bytes or more, please");
        let claims = token.and_then(|token| decode(token, &key, &Validation::default()).ok());
        claims.map(|data| data.claims).ok_or(StatusCode::UNAUTHORIZED)
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/", get(async |claims: Claims| claims.sub));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await
}
RUST

# Cargo builds path dependencies incrementally, but not registry dependencies, which users have.
app with-jwt-auth "jwt-auth = { path = \"$here/jwt-auth\" }" \
    '[profile.dev.package.jwt-auth]' 'incremental = false' \
    '[profile.dev.package.jwt-auth-macros]' 'incremental = false' <<'RUST'
use jwt_auth::{AccessToken, Config, GuardedRouter, jwt_required, load_config, routing::get};

#[load_config]
fn auth() -> Config {
    Config::hs256("a secret of 32 bytes or more, please")
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = GuardedRouter::new().route("/", get(me)).with_state(auth()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
RUST

crates() { # lists the names and versions of all crates in the build of the app in this folder
    cargo tree --offline --edges normal,build --prefix none --no-dedupe |
        tail -n +2 | cut -d' ' -f1,2 | sort -u
}

apps=(axum-alone with-jsonwebtoken with-jwt-auth)
for name in "${apps[@]}"; do
    cd "$out/$name"
    cargo fetch --quiet
    crates >"$out/$name.crates"
done
for _ in $(seq "$rounds"); do
    for name in "${apps[@]}"; do
        cd "$out/$name"
        start=$(date +%s%N)
        cargo build --quiet --offline
        echo $((($(date +%s%N) - start) / 1000000)) >>"$out/$name.took"
        rm -rf target
    done
done

echo "| | clean debug build, median | crates |"
echo "|---|---|---|"
for name in "${apps[@]}"; do
    took=$(sort -n "$out/$name.took" | sed -n "$(((rounds + 1) / 2))p")
    printf '| %s | %d.%d s | %d |\n' "$name" $((took / 1000)) $((took % 1000 / 100)) "$(wc -l <"$out/$name.crates")"
done
for name in "${apps[@]}"; do echo "$name, ms: $(paste -sd' ' "$out/$name.took")"; done
printf '\nCrates in the build with jwt-auth that the build with jsonwebtoken does not have: '
comm -13 "$out/with-jsonwebtoken.crates" "$out/with-jwt-auth.crates" | cut -d' ' -f1 | paste -sd' '
