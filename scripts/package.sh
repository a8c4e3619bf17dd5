#!/usr/bin/env bash
# Packages the crates as `cargo publish` would, and compiles a small app against the packages.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The packages are verified by the app below, which also needs no registry entry for jwt-auth-macros.
cargo package --quiet --no-verify --allow-dirty -p jwt-auth-macros -p jwt-auth -p jwt-auth-sqlx -p jwt-auth-redis \
    -p jwt-auth-oidc -p jwt-auth-openapi -p jwt-auth-dashboard -p cargo-jwt-auth
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
for crate in jwt-auth-macros jwt-auth jwt-auth-sqlx jwt-auth-redis jwt-auth-oidc jwt-auth-openapi jwt-auth-dashboard cargo-jwt-auth; do
    tar -xzf "$target/package/$crate-$version.crate" -C "$out"
    for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE; do
        [ -s "$out/$crate-$version/$file" ] || { echo "the package of $crate has no $file" >&2; exit 1; }
    done
    # A link to a file outside of the package leads nowhere on a registry page.
    if grep -nE '\]\((\.\./|jwt-auth/|examples/|benches/|tests/|\.env)' "$out/$crate-$version/README.md"; then
        echo "the README of $crate links to files outside of its package" >&2
        exit 1
    fi
done

mkdir -p "$out/app/src"
cp Cargo.lock rust-toolchain.toml "$out/app/"
cat >"$out/app/Cargo.toml" <<EOF
[package]
name = "app"
version = "0.0.0"
edition = "2024"

[dependencies]
jwt-auth = { path = "../jwt-auth-$version", features = ["ws", "testing"] }
jwt-auth-sqlx = { path = "../jwt-auth-sqlx-$version", default-features = false, features = ["sqlite"] }
jwt-auth-redis = { path = "../jwt-auth-redis-$version", default-features = false }
jwt-auth-oidc = { path = "../jwt-auth-oidc-$version", default-features = false }
jwt-auth-openapi = { path = "../jwt-auth-openapi-$version" }
jwt-auth-dashboard = { path = "../jwt-auth-dashboard-$version" }
axum = "0.8"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }

[patch.crates-io]
jwt-auth-macros = { path = "../jwt-auth-macros-$version" }
jwt-auth = { path = "../jwt-auth-$version" }

[workspace]
EOF
cat >"$out/app/src/main.rs" <<'EOF'
use jwt_auth::routing::get;
use jwt_auth::{AccessToken, Config, GuardedRouter, jwt_required};

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    let app: axum::Router = GuardedRouter::new().route("/me", get(me)).with_state(auth);
    drop(app);
    Ok(())
}
EOF
CARGO_TARGET_DIR="$target" cargo run --quiet --manifest-path "$out/app/Cargo.toml"
echo "the packages contain their files, and an app compiles against them"
