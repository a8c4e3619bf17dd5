"""Adds seeds from existing files: keys, compile error tests, the example environment, Wycheproof vectors."""

import hashlib
import json
import os
import pathlib
import re

here = pathlib.Path(__file__).resolve().parent
root = here.parent


def seed(target, text):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    (folder / f"seed-{hashlib.sha1(data).hexdigest()}").write_bytes(data)


for pem in sorted((root / "tests/keys").glob("*.pem")):
    kind = "public" if ".pub." in pem.name else "private"
    for algorithm in ("RS256", "PS512", "ES256", "ES384", "EdDSA"):
        seed("jwks", f"{kind} {algorithm}\n{pem.read_text()}")

ATTRIBUTE = re.compile(
    r"^#\[(?:jwt_auth::)?(jwt_required|refresh_required|public|load_config|check)(?:\((.*?)\))?\]\n(.*)", re.M | re.S
)
for ui in sorted((root / "tests/ui").glob("*/*.rs")):
    found = ATTRIBUTE.search(ui.read_text())
    if found:
        name, args, item = found.groups(default="")
        seed("attribute", f"{name}\n{' '.join(args.split())}\n{item}")

example = re.findall(r"^#? ?JWT_AUTH_(\w+=.*)$", (root / ".env.example").read_text(), re.M)
for line in example:
    seed("configuration", f"SECRET_KEY=a secret of the fuzz target, 32 bytes\n{line}")

default_folder = root.parent / "shared/vectors/wycheproof"
wycheproof = pathlib.Path(os.environ.get("WYCHEPROOF_DIR", default_folder))
for vectors in sorted(wycheproof.glob("json_web_*_test.json")):
    for group in json.loads(vectors.read_text())["testGroups"]:
        for key in (group.get("public"), group.get("private")):
            for jwk in (key or {}).get("keys", [key] if key else []):
                seed("jwks", f"jwk\n{json.dumps(jwk)}")
        for test in group["tests"]:
            jws = test["jws"]
            seed("compact", jws if isinstance(jws, str) else json.dumps(jws))
