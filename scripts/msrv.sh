#!/usr/bin/env bash
# Builds the crates with the minimum supported Rust version. Where that toolchain cannot be installed it checks what
# can be checked without it: the standard library items in use, and the minimum versions of all dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -1)
if rustup run "$msrv.0" rustc --version >/dev/null 2>&1 ||
    rustup toolchain install "$msrv.0" --profile minimal >/dev/null 2>&1; then
    RUSTUP_TOOLCHAIN="$msrv.0" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/msrv" \
        cargo check --quiet -p jwt-auth -p jwt-auth-redis -p jwt-auth-oidc -p jwt-auth-openapi -p jwt-auth-dashboard --all-features
    echo "jwt-auth, jwt-auth-macros, jwt-auth-redis, jwt-auth-oidc, jwt-auth-openapi and jwt-auth-dashboard build with Rust $msrv"
    exit 0
fi

echo "Rust $msrv cannot be installed here; checking library items and dependencies instead"
# Clippy knows in which version each item of the standard library became stable, and reads rust-version from Cargo.toml.
cargo clippy --quiet -p jwt-auth -p jwt-auth-macros -p jwt-auth-redis -p jwt-auth-oidc -p jwt-auth-openapi -p jwt-auth-dashboard --all-features --lib -- -D clippy::incompatible_msrv
cargo metadata --format-version 1 --all-features | python3 -c '
import json, sys
msrv = tuple(int(part) for part in sys.argv[1].split("."))
data = json.load(sys.stdin)
packages = {package["id"]: package for package in data["packages"]}
nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
todo = [id for id, package in packages.items() if package["name"] in ("jwt-auth", "jwt-auth-redis", "jwt-auth-oidc", "jwt-auth-openapi", "jwt-auth-dashboard")]
seen = set()
while todo:
    id = todo.pop()
    if id in seen:
        continue
    seen.add(id)
    for dependency in nodes[id]["deps"]:
        if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
            todo.append(dependency["pkg"])
newer = []
for id in seen:
    version = packages[id]["rust_version"]
    if version and tuple(int(part) for part in version.split(".")[:2]) > msrv:
        newer.append("%s needs Rust %s" % (packages[id]["name"], version))
print("%d dependencies, %d of which need a newer Rust" % (len(seen) - 1, len(newer)))
sys.exit("\n".join(newer))
' "$msrv"
