"""Writes the golden tokens: the claims of fastapi-jwt-auth 0.5, signed by PyJWT.

    python tests/golden/make.py > tests/golden/tokens.json

The clock is fixed, so that only ECDSA signatures differ between runs.
"""

import json
import pathlib

import jwt

NOW = 1_700_000_000
KEYS = pathlib.Path(__file__).parent.parent / "keys"
SECRET = "an example secret of 32 bytes :)"
LONG = SECRET * 2


def key(name):
    return (KEYS / name).read_text()


def claims(kind, **more):
    """The claims in the order of fastapi-jwt-auth: reserved ones, its own, those of the user."""
    life = 900 if kind == "access" else 2_592_000
    payload = {
        "sub": more.pop("sub", "test"),
        "iat": NOW,
        "nbf": NOW,
        "jti": f"6b26de90-8a06-4133-836b-{kind:>012}".replace(" ", "0"),
        "exp": NOW + life,
        "type": kind,
    }
    if kind == "access":
        payload["fresh"] = more.pop("fresh", False)
    payload.update(more)
    return payload


def main():
    cases = [
        ("access", "HS256", SECRET, claims("access"), None),
        ("access, fresh", "HS256", SECRET, claims("access", fresh=True), None),
        ("refresh", "HS256", SECRET, claims("refresh"), None),
        ("an integer as subject", "HS256", SECRET, claims("access", sub=1), None),
        ("issuer and audience", "HS256", SECRET, claims("access", iss="urn:foo", aud=["foo", "bar"]), None),
        ("one audience", "HS256", SECRET, claims("refresh", aud="foo"), None),
        ("custom claims", "HS256", SECRET, claims("access", foo=["bar", 1, None], ä="ö"), None),
        ("custom headers", "HS256", SECRET, claims("access"), {"access": "bar"}),
        ("cookie, access", "HS256", SECRET, claims("access", csrf="2a4bd4b4-5bb1-4b2f-9f3e-7b8a1f0f8a53"), None),
        ("cookie, refresh", "HS256", SECRET, claims("refresh", csrf="9f3e7b8a-4b2f-5bb1-8a53-2a4bd4b41f0f"), None),
        ("access", "HS384", LONG, claims("access"), None),
        ("access", "HS512", LONG, claims("access"), None),
        ("access", "RS256", key("rsa.pem"), claims("access"), None),
        ("access", "RS384", key("rsa.pem"), claims("access"), None),
        ("refresh", "RS512", key("rsa.pem"), claims("refresh"), None),
        ("access", "PS256", key("rsa.pem"), claims("access"), None),
        ("access", "ES256", key("p256.pem"), claims("access"), None),
        ("refresh", "ES384", key("p384.pem"), claims("refresh"), None),
        ("access", "EdDSA", key("ed.pem"), claims("access"), None),
    ]
    tokens = []
    for name, algorithm, secret, payload, headers in cases:
        token = jwt.encode(payload, secret, algorithm=algorithm, headers=headers)
        tokens.append({"name": name, "algorithm": algorithm, "claims": payload, "token": token})
    print(json.dumps(tokens, indent=1, ensure_ascii=False))


main()
