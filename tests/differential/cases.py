"""The tokens and requests that the scripts beside this file send to the Python modules.

All times are fixed, so that the answers do not depend on the day. Header values are Latin-1: one character is one byte.
"""

import base64
import hashlib
import hmac
import json
from functools import cache
from pathlib import Path

SECRET = "a secret for recorded differential answers, 64 bytes long, no more"
ISSUED, EXPIRED, LATER, VALID = 1_700_000_000, 1_700_000_100, 3_900_000_000, 4_000_000_000
ISSUER = "https://auth.example"
AUDIENCE = "https://api.example"
REVOKED = "revoked-jti"
CSRF = "a-csrf-value"

ACCESS = ["/protected", "/optional", "/fresh"]
ROUTES = [*ACCESS, "/refresh"]
WITHOUT_FRESH = ["/protected", "/optional", "/refresh"]

KEYS = Path(__file__).parent.parent / "keys"
PUBLIC_KEY = (KEYS / "rsa.pub.pem").read_text().strip()

ABSENT = object()


# --- Tokens, made by hand, because no library makes malformed ones ---


def base64url(data):
    data = data if isinstance(data, bytes) else data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(members):
    members = {name: value for name, value in members.items() if value is not ABSENT}
    return base64url(json.dumps(members, separators=(",", ":")))


def signature(algorithm, text, secret=SECRET):
    if algorithm.startswith("RS"):
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding

        key = serialization.load_pem_private_key((KEYS / "rsa.pem").read_bytes(), None)
        digest = {"RS256": hashes.SHA256(), "RS512": hashes.SHA512()}[algorithm]
        return base64url(key.sign(text.encode(), padding.PKCS1v15(), digest))
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    return base64url(hmac.new(secret.encode(), text.encode(), digest).digest())


def signed(header, payload, algorithm="HS256", secret=SECRET):
    text = f"{header}.{payload}"
    return f"{text}.{signature(algorithm, text, secret)}"


def token(kind="access", algorithm="HS256", header=None, secret=SECRET, signed_with=None, **changes):
    """A good token, except for the changes of its header and claims."""
    claims = {
        "sub": "alice",
        "iat": ISSUED,
        "nbf": ISSUED,
        "jti": "a-jti",
        "exp": VALID,
        "type": kind,
        "fresh": kind == "access",
        "csrf": CSRF,
    }
    header = segment({"typ": "JWT", "alg": algorithm, **(header or {})})
    return signed(header, segment({**claims, **changes}), signed_with or algorithm, secret)


def with_unused_bits(text):
    """The same bytes for a lenient reader: the last character's bits after the last whole byte are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4 in (2, 3)
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def another_kind(kind):
    return {"access": "refresh", "refresh": "access"}[kind]


@cache
def malformed_tokens(kind):
    # What a lenient reader makes of a changed payload depends on its length, so here the length is the same, modulo 4,
    # for both kinds: 0, or 2 for a payload whose last character has unused bits.
    of_length = {}
    for more in range(3):
        made = token(kind, jti="a-jti" + "x" * more)
        of_length[len(made.split(".")[1]) % 4] = made
    good = of_length[0]
    header, payload, mac = good.split(".")
    odd = of_length[2].split(".")
    not_utf8 = base64url(b"\xff\xfe")
    return {
        "one segment": "junk",
        "two segments": f"{header}.{payload}",
        "two junk segments": "junk.junk",
        "three junk segments": "aaaa.bbbb.cccc",
        "three empty segments": "..",
        "four segments": f"{good}.{mac}",
        "four junk segments": "a.b.c.d",
        "header of a bad length": f"aaaaa.{payload}.{mac}",
        "header outside the alphabet": f"!!!!.{payload}.{mac}",
        "header is empty": signed("", payload),
        "header is no JSON": signed(base64url("not json"), payload),
        "header is an array": signed(base64url("[]"), payload),
        "header is a string": signed(base64url('"HS256"'), payload),
        "header is not UTF-8": signed(not_utf8, payload),
        "payload of a bad length": signed(header, "aaaaa"),
        "payload outside the alphabet": signed(header, "!!!!"),
        "payload is empty": signed(header, ""),
        "payload is no JSON": signed(header, base64url("not json")),
        "payload is an array": signed(header, base64url("[]")),
        "payload is a number": signed(header, base64url("1")),
        "payload is not UTF-8": signed(header, not_utf8),
        "payload is no JSON, unsigned": f"{header}.{base64url('not json')}.{mac}",
        "payload with unused bits set": f"{odd[0]}.{with_unused_bits(odd[1])}.{odd[2]}",
        "payload with unused bits set, signed": signed(odd[0], with_unused_bits(odd[1])),
        "payload with a character more": f"{header}.{payload}!.{mac}",
        "signature of a bad length": good[:-2],
        "signature outside the alphabet": f"{header}.{payload}.!!!!",
        "signature is empty": f"{header}.{payload}.",
        "signature with unused bits set": f"{header}.{payload}.{with_unused_bits(mac)}",
        "signature with padding": f"{good}=",
        "signature with too much padding": f"{good}==",
        "signature with a character replaced": f"{header}.{payload}.{mac[:9]}!{mac[10:]}",
        "signature with a character more": f"{header}.{payload}.{mac[:9]}!{mac[9:]}",
        "signature with four characters more": f"{good}!!!!",
        "signature is cut": f"{header}.{payload}.{mac[:40]}",
        "non-ASCII token": "\u00c3\u00a9",
        "non-ASCII header": f"\u00c3\u00a9{good}",
        "non-ASCII signature": f"{good}\u00c3\u00a9",
    }


@cache
def wrong_tokens(kind):
    """Well-formed tokens with something unusual in them, most of which no service should accept."""

    def made(**changes):
        return token(kind, **changes)

    other = another_kind(kind)
    good = made()
    unsigned = segment({"typ": "JWT", "alg": "none"}) + "." + good.split(".")[1]
    return {
        "wrong signature": made(secret="another" + SECRET),
        "signature of another token": ".".join(good.split(".")[:2] + made(sub="bob").split(".")[2:]),
        "alg none": f"{unsigned}.",
        "alg none with a signature": signed(*unsigned.split(".")),
        "alg HS512": made(algorithm="HS512"),
        "alg HS384": made(algorithm="HS384"),
        "alg RS256": made(algorithm="RS256", signed_with="HS256"),
        "alg unknown": made(algorithm="XX999", signed_with="HS256"),
        "alg in lower case": made(algorithm="hs256", signed_with="HS256"),
        "alg absent": made(header={"alg": ABSENT}),
        "alg is a number": made(header={"alg": 256}),
        "alg is null": made(header={"alg": None}),
        "kid present": made(header={"kid": "a-key"}),
        "kid is a number": made(header={"kid": 1}),
        "typ absent": made(header={"typ": ABSENT}),
        "typ at+jwt": made(header={"typ": "at+jwt"}),
        "crit names exp": made(header={"crit": ["exp"]}),
        "crit names an extension": made(header={"crit": ["x"], "x": 1}),
        "expired": made(exp=EXPIRED),
        "expired, wrong signature": made(exp=EXPIRED, secret="another" + SECRET),
        "expired, wrong kind": made(exp=EXPIRED, type=other),
        "expired, revoked": made(exp=EXPIRED, jti=REVOKED),
        "expired, not yet valid": made(exp=EXPIRED, nbf=LATER),
        "no exp": made(exp=ABSENT),
        "exp is null": made(exp=None),
        "exp is a word": made(exp="soon"),
        "exp is a number in a string": made(exp=str(VALID)),
        "exp has a fraction": made(exp=VALID + 0.5),
        "exp is infinite": made(exp=float("inf")),
        "not yet valid": made(nbf=LATER),
        "not yet valid, wrong kind": made(nbf=LATER, type=other),
        "nbf is a word": made(nbf="soon"),
        "no nbf": made(nbf=ABSENT),
        "issued in the future": made(iat=LATER),
        "iat is a word": made(iat="soon"),
        "no iat": made(iat=ABSENT),
        "issuer not asked for": made(iss=ISSUER),
        "audience not asked for": made(aud=AUDIENCE),
        "audience list not asked for": made(aud=[AUDIENCE]),
        "audience empty": made(aud=[]),
        "wrong kind": made(type=other),
        "wrong kind, not fresh": made(type=other, fresh=False),
        "unknown kind": made(type="other"),
        "no type": made(type=ABSENT),
        "type is a number": made(type=1),
        "integer subject": made(sub=7),
        "no subject": made(sub=ABSENT),
        "subject is null": made(sub=None),
        "subject is empty": made(sub=""),
        "subject is an object": made(sub={"id": 7}),
        "no jti": made(jti=ABSENT),
        "jti is a number": made(jti=7),
        "revoked": made(jti=REVOKED),
        "revoked, wrong kind": made(jti=REVOKED, type=other),
        "roles is a number": made(roles=7),
        "roles is a list": made(roles=["admin"]),
        "scope is a list": made(scope=["a", "b"]),
        "scope is a number": made(scope=7),
        "scope is text": made(scope="a b"),
        "unknown claims": made(team={"id": 7, "names": ["a", None]}),
    }


@cache
def fresh_tokens():
    """Access tokens of every freshness."""
    return {
        "not fresh": token(fresh=False),
        "no fresh": token(fresh=ABSENT),
        "fresh is null": token(fresh=None),
        "fresh is zero": token(fresh=0),
        "fresh in the past": token(fresh=ISSUED),
        "fresh in the past, with a fraction": token(fresh=ISSUED + 0.5),
        "fresh in the future": token(fresh=LATER),
        "fresh is a word": token(fresh="yes"),
        "not fresh, revoked": token(fresh=False, jti=REVOKED),
        "not fresh, expired": token(fresh=False, exp=EXPIRED),
    }


@cache
def common_tokens(kind):
    """The few tokens that are sent in every configuration."""
    wrong = wrong_tokens(kind)
    names = ["wrong signature", "alg none", "expired", "not yet valid", "no type", "wrong kind", "revoked"]
    return {
        "valid": token(kind),
        "one segment": "junk",
        **{name: wrong[name] for name in [*names, "revoked, wrong kind"]},
    }


# --- Requests ---


def header(value, name="authorization"):
    return [[name, value]]


def bearer(value):
    return header(f"Bearer {value}")


def basic():
    return header("Basic dXNlcjpwYXNz")


def cookie(kind, value, key="{}_token_cookie"):
    return [["cookie", f"{key.format(kind)}={value}"]]


def csrf(value=CSRF, name="x-csrf-token"):
    return [[name, value]]


class Configuration:
    def __init__(self, name, algorithm="HS256", **options):
        key = {"PUBLIC_KEY": PUBLIC_KEY} if algorithm == "RS256" else {"SECRET_KEY": SECRET}
        options = {"ALGORITHM": algorithm, **key, **options}
        self.name = name
        self.options = {f"JWT_AUTH_{option}": value for option, value in options.items()}
        self.cases = []

    def send(self, kind, headers=lambda _: [], routes=ROUTES, methods=("GET",), query=None):
        """Sends a request to some routes; `headers` and `query` make these parts for the kind of token that a route
        requires."""
        for route in routes:
            own = "refresh" if route == "/refresh" else "access"
            for method in methods:
                self.cases.append(
                    {
                        "name": f"{kind}: {method} {route}",
                        "route": f"{route}?{query(own)}" if query else route,
                        "method": method,
                        "headers": headers(own),
                        "kind": kind,
                    }
                )

    def send_tokens(self, tokens, carry, routes=ROUTES):
        """Sends each token; `tokens` makes them for a kind, and `carry` makes the headers for a kind and a token."""
        for name in tokens("access"):
            self.send(name, lambda own: carry(own, tokens(own)[name]), routes)

    def record(self, answer):
        """The configuration with the answers; `answer` returns the status, body and challenge for a case."""
        names = [case["name"] for case in self.cases]
        assert len(set(names)) == len(names), f"equal names in {self.name}"
        recorded = []
        for case in self.cases:
            status, body, challenge = answer(case)
            more = {"challenge": challenge} if challenge else {}
            recorded.append({**case, "status": status, "body": body, **more})
        return {"name": self.name, "options": self.options, "cases": recorded}


def in_header(_, value):
    return bearer(value)


def header_alone():
    it = Configuration("header alone", TOKEN_LOCATION="header")
    it.send("nothing sent", methods=["GET", "POST"])
    it.send("blank header", lambda _: header(""))
    it.send("other scheme", lambda _: basic())
    it.send("other scheme with a good token", lambda own: header(f"Token {token(own)}"))
    it.send("scheme alone", lambda _: header("Bearer"))
    it.send("three words", lambda _: header("Bearer a b"))
    it.send("good token and a third word", lambda own: bearer(f"{token(own)} b"))
    it.send("scheme in lower case", lambda own: header(f"bearer {token(own)}"))
    it.send("scheme and token without a blank", lambda own: header(f"Bearer{token(own)}"))
    it.send("two blanks", lambda own: header(f"Bearer  {token(own)}"))
    it.send("tab after the scheme", lambda own: header(f"Bearer\t{token(own)}"))
    it.send("token without a scheme", lambda own: header(token(own)))
    it.send("Basic and Bearer in one header", lambda own: header(f"Basic a, Bearer {token(own)}"))
    it.send("Bearer and Basic in one header", lambda own: header(f"Bearer {token(own)}, Basic a"))
    it.send("Bearer twice in one header", lambda own: bearer(f"{token(own)}, Bearer {token(own)}"))
    it.send("token in a cookie alone", lambda own: cookie(own, token(own)))
    it.send("valid", lambda own: bearer(token(own)), methods=["GET", "POST"])
    it.send_tokens(malformed_tokens, in_header, WITHOUT_FRESH)
    it.send_tokens(wrong_tokens, in_header, WITHOUT_FRESH)
    it.send_tokens(lambda _: fresh_tokens(), in_header, ACCESS)
    for name in ["one segment", "wrong signature", "expired", "wrong kind", "wrong kind, not fresh", "revoked"]:
        sent = {**malformed_tokens("access"), **wrong_tokens("access")}[name]
        it.send(name, lambda _: bearer(sent), ["/fresh"], ["GET", "POST"])
    it.send("junk over 8 KiB", lambda _: bearer("j" * 9000), ["/protected", "/optional"])
    it.send("valid token over 8 KiB", lambda _: bearer(token(padding="p" * 9000)), ["/protected"])
    it.send("nothing sent", routes=["/protected"], methods=["OPTIONS"])
    it.send("valid", lambda _: bearer(token()), ["/protected"], ["OPTIONS"])
    it.send("one segment", lambda _: bearer("junk"), ["/protected"], ["OPTIONS"])
    return it


def cookie_with_csrf():
    it = Configuration("cookie with CSRF", TOKEN_LOCATION="cookie")
    both = ["GET", "POST"]

    def in_cookie(own, value):
        return cookie(own, value)

    def good(own):
        return cookie(own, token(own))

    it.send("nothing sent", methods=both)
    it.send("CSRF value without a cookie", lambda _: csrf(), methods=["POST"])
    it.send("empty cookie", lambda own: cookie(own, ""))
    it.send("cookie of the other kind", lambda own: cookie(another_kind(own), token(another_kind(own))))
    it.send("token in the header alone", lambda own: bearer(token(own)))
    it.send("cookie in double quotes", lambda own: cookie(own, f'"{token(own)}"'))
    for first, second in [("valid", "one segment"), ("one segment", "valid")]:

        def twice(own):
            sent = [f"{own}_token_cookie={common_tokens(own)[name]}" for name in (first, second)]
            return [["cookie", "; ".join(sent)]]

        it.send(f"two cookies, {first} first", twice)
    it.send("Basic header beside a good cookie", lambda own: [*basic(), *good(own)])
    it.send("junk in the header beside a good cookie", lambda own: [*bearer("junk"), *good(own)])
    it.send("no CSRF value", good, methods=both)
    it.send("empty CSRF value", lambda own: [*good(own), *csrf("")], methods=both)
    it.send("wrong CSRF value", lambda own: [*good(own), *csrf("wrong")], methods=both)
    it.send("right CSRF value", lambda own: [*good(own), *csrf()], methods=both)
    it.send("non-ASCII CSRF value", lambda own: [*good(own), *csrf("\u00c3\u00a9")], methods=both)
    claims = {
        "no csrf claim": {"csrf": ABSENT},
        "csrf claim is empty": {"csrf": ""},
        "csrf claim is a number": {"csrf": 7},
    }
    for name, changes in claims.items():
        made = lambda own: cookie(own, token(own, **changes))
        it.send(f"{name}, no CSRF value", made, methods=both)
        it.send(f"{name}, CSRF value sent", lambda own: [*made(own), *csrf()], methods=both)
    for name in ["one segment", "wrong signature", "expired", "wrong kind", "revoked"]:
        made = lambda own: cookie(own, common_tokens(own)[name])
        it.send(f"{name}, no CSRF value", made, methods=["POST"])
        it.send(f"{name}, wrong CSRF value", lambda own: [*made(own), *csrf("wrong")], methods=["POST"])
        it.send(f"{name}, right CSRF value", lambda own: [*made(own), *csrf()], methods=["POST"])
    it.send("not fresh, no CSRF value", lambda _: cookie("access", token(fresh=False)), ["/fresh"], ["POST"])
    wrong = lambda _: [*cookie("access", token(fresh=False)), *csrf("wrong")]
    it.send("not fresh, wrong CSRF value", wrong, ["/fresh"], ["POST"])
    it.send_tokens(common_tokens, in_cookie)
    it.send_tokens(lambda _: fresh_tokens(), in_cookie, ["/fresh"])
    names = ["two segments", "four segments", "header is no JSON", "payload is no JSON", "non-ASCII token"]
    chosen = lambda own: {name: malformed_tokens(own)[name] for name in names}
    it.send_tokens(chosen, in_cookie, WITHOUT_FRESH)
    it.send("junk over 8 KiB", lambda own: cookie(own, "j" * 9000), ["/protected"])
    it.send("nothing sent", routes=["/protected"], methods=["OPTIONS"])
    it.send("valid", good, ["/protected"], ["OPTIONS"])
    return it


def cookie_without_csrf():
    it = Configuration("cookie without CSRF", TOKEN_LOCATION="cookie", COOKIE_CSRF_PROTECT="false")
    both = ["GET", "POST"]
    it.send("nothing sent", methods=both)
    it.send("Basic header beside a good cookie", lambda own: [*basic(), *cookie(own, token(own))])
    it.send("wrong CSRF value", lambda own: [*cookie(own, token(own)), *csrf("wrong")], methods=both)
    it.send("no csrf claim", lambda own: cookie(own, token(own, csrf=ABSENT)), methods=both)
    it.send("no CSRF value", lambda own: cookie(own, token(own)), methods=["POST"])
    it.send_tokens(common_tokens, cookie)
    return it


def header_and_cookie(first, second):
    it = Configuration(f"{first} and {second}", TOKEN_LOCATION=f"{first},{second}")
    both = ["GET", "POST"]

    def good(own):
        return cookie(own, token(own))

    it.send("nothing sent", methods=both)
    it.send("good header", lambda own: bearer(token(own)), methods=both)
    it.send("good cookie, no CSRF value", good, methods=both)
    it.send("good cookie, wrong CSRF value", lambda own: [*good(own), *csrf("wrong")], methods=both)
    it.send("good cookie, right CSRF value", lambda own: [*good(own), *csrf()], methods=both)
    two = lambda own: [*bearer(token(own)), *cookie(own, token(own, sub="bob"))]
    it.send("good header of alice, good cookie of bob", two)
    it.send("good header, good cookie, no CSRF value", two, methods=["POST"])
    it.send("good header, good cookie, right CSRF value", lambda own: [*two(own), *csrf()], methods=["POST"])
    headers = {
        "other scheme": "Basic dXNlcjpwYXNz",
        "scheme alone": "Bearer",
        "three words": "Bearer a b",
        "junk": "Bearer junk",
        "blank header": "",
    }
    for name, value in headers.items():
        it.send(f"{name}, no cookie", lambda _: header(value))
        it.send(f"{name}, good cookie", lambda own: [*header(value), *good(own)])
        it.send(f"{name}, junk cookie", lambda own: [*header(value), *cookie(own, "junk")])
    it.send("scheme in lower case, good cookie", lambda own: [*header(f"bearer {token(own)}"), *good(own)])
    for name in ["one segment", "expired", "wrong kind", "revoked"]:
        bad = lambda own: common_tokens(own)[name]
        it.send(f"header: {name}; cookie: valid", lambda own: [*bearer(bad(own)), *good(own)])
        it.send(f"header: valid; cookie: {name}", lambda own: [*bearer(token(own)), *cookie(own, bad(own))])
        it.send(f"cookie: {name}", lambda own: cookie(own, bad(own)))
    return it


def custom_header(name, header_name, header_type):
    it = Configuration(name, TOKEN_LOCATION="header", HEADER_NAME=header_name, HEADER_TYPE=header_type)
    key = header_name.lower()
    scheme = "" if header_type == "none" else f"{header_type} "
    it.send("nothing sent")
    it.send("blank header", lambda _: header("", key))
    it.send("other scheme", lambda _: header("Basic dXNlcjpwYXNz", key))
    it.send("one word", lambda _: header("Bearer", key))
    it.send("three words", lambda _: header("Bearer a b", key))
    it.send("token without a scheme", lambda own: header(token(own), key))
    it.send("token after Bearer", lambda own: header(f"Bearer {token(own)}", key))
    it.send("token and a word", lambda own: header(f"{scheme}{token(own)} b", key))
    if key != "authorization":
        it.send("token in the Authorization header", lambda own: bearer(token(own)))
    it.send_tokens(common_tokens, lambda _, value: header(f"{scheme}{value}", key), WITHOUT_FRESH)
    return it


def custom_cookies():
    it = Configuration(
        "custom cookie names",
        TOKEN_LOCATION="cookie",
        ACCESS_COOKIE_KEY="my_access",
        REFRESH_COOKIE_KEY="my_refresh",
        ACCESS_CSRF_HEADER_NAME="X-Access-CSRF",
        REFRESH_CSRF_HEADER_NAME="X-Refresh-CSRF",
    )

    def good(own):
        return cookie(own, token(own), "my_{}")

    it.send("nothing sent")
    it.send("cookie of the usual name", lambda own: cookie(own, token(own)))
    it.send("valid", good)
    it.send("no CSRF value", good, methods=["POST"])
    it.send("CSRF value in the usual header", lambda own: [*good(own), *csrf()], methods=["POST"])
    for value in [CSRF, "wrong"]:
        name = "right" if value == CSRF else "wrong"
        sent = lambda own: [*good(own), *csrf(value, f"x-{own}-csrf")]
        it.send(f"{name} CSRF value", sent, methods=["POST"])
        sent = lambda own: [*good(own), *csrf(value, f"x-{another_kind(own)}-csrf")]
        it.send(f"{name} CSRF value in the header of the other kind", sent, methods=["POST"])
    return it


def issuer():
    it = Configuration("issuer", TOKEN_LOCATION="header", DECODE_ISSUER=ISSUER)
    changes = {
        "valid": {"iss": ISSUER},
        "wrong issuer": {"iss": "https://other.example"},
        "issuer with a slash more": {"iss": f"{ISSUER}/"},
        "no issuer": {},
        "issuer is a number": {"iss": 7},
        "issuer is a list": {"iss": [ISSUER]},
        "issuer is null": {"iss": None},
        "wrong issuer, expired": {"iss": "https://other.example", "exp": EXPIRED},
        "wrong issuer, revoked": {"iss": "https://other.example", "jti": REVOKED},
    }
    it.send_tokens(lambda own: {name: token(own, **change) for name, change in changes.items()}, in_header)
    wrong = lambda own: bearer(token(another_kind(own), iss="https://other.example"))
    it.send("wrong issuer, wrong kind", wrong)
    return it


def audience(name, accepted):
    it = Configuration(name, TOKEN_LOCATION="header", DECODE_AUDIENCE=accepted)
    other = "https://other.example"
    changes = {
        "valid": {"aud": AUDIENCE},
        "audience in a list": {"aud": [other, AUDIENCE]},
        "wrong audience": {"aud": other},
        "wrong audience in a list": {"aud": [other]},
        "no audience": {},
        "audience is an empty list": {"aud": []},
        "audience is empty": {"aud": ""},
        "audience is null": {"aud": None},
        "audience is a number": {"aud": 7},
        "audience is a list of numbers": {"aud": [7]},
        "wrong audience, expired": {"aud": other, "exp": EXPIRED},
        "wrong audience, revoked": {"aud": other, "jti": REVOKED},
    }
    it.send_tokens(lambda own: {name: token(own, **change) for name, change in changes.items()}, in_header)
    wrong = lambda own: bearer(token(another_kind(own), aud=other))
    it.send("wrong audience, wrong kind", wrong)
    return it


def issuer_and_audience():
    it = Configuration("issuer and audience", TOKEN_LOCATION="header", DECODE_ISSUER=ISSUER, DECODE_AUDIENCE=AUDIENCE)
    changes = {
        "valid": {"iss": ISSUER, "aud": AUDIENCE},
        "both absent": {},
        "both wrong": {"iss": "https://other.example", "aud": "https://other.example"},
        "issuer absent, audience wrong": {"aud": "https://other.example"},
        "issuer wrong, audience absent": {"iss": "https://other.example"},
    }
    it.send_tokens(lambda own: {name: token(own, **change) for name, change in changes.items()}, in_header)
    return it


def rs256():
    it = Configuration("RS256", "RS256", TOKEN_LOCATION="header")

    def tokens(own):
        made = lambda **changes: token(own, **{"algorithm": "RS256", **changes})
        good = made()
        return {
            "valid": good,
            "signature of another token": ".".join(good.split(".")[:2] + made(sub="bob").split(".")[2:]),
            "signature is empty": good[: good.rindex(".") + 1],
            "HS256 with the public key as secret": made(algorithm="HS256", secret=PUBLIC_KEY + "\n"),
            "alg RS512": made(algorithm="RS512"),
            "alg none": f"{segment({'typ': 'JWT', 'alg': 'none'})}.{good.split('.')[1]}.",
            "alg unknown": made(algorithm="XX999", signed_with="RS256"),
            "kid present": made(header={"kid": "a-key"}),
            "expired": made(exp=EXPIRED),
            "wrong kind": made(type=another_kind(own)),
            "revoked": made(jti=REVOKED),
        }

    it.send_tokens(cache(tokens), in_header, WITHOUT_FRESH)
    return it


def query_alone():
    it = Configuration("query", TOKEN_LOCATION="query", QUERY_NAME="jwt")
    it.send("nothing sent", methods=["GET", "POST"])
    it.send("empty value", query=lambda _: "jwt=")
    it.send("name alone", query=lambda _: "jwt")
    it.send("other parameter", query=lambda own: f"access_token={token(own)}")
    it.send("two values, valid first", query=lambda own: f"jwt={token(own)}&jwt=junk")
    it.send("two values, junk first", query=lambda own: f"jwt=junk&jwt={token(own)}")
    it.send("non-ASCII token", query=lambda _: "jwt=%C3%A9")
    it.send("token in the header alone", lambda own: bearer(token(own)))
    it.send("Basic header beside a good parameter", lambda _: basic(), query=lambda own: f"jwt={token(own)}")
    for name in common_tokens("access"):
        it.send(name, query=lambda own: f"jwt={common_tokens(own)[name]}")
    it.send("valid", methods=["POST"], query=lambda own: f"jwt={token(own)}")
    return it


def with_query(locations):
    it = Configuration(locations.replace(",", ", "), TOKEN_LOCATION=locations, QUERY_NAME="jwt")
    it.send("nothing sent", methods=["GET", "POST"])
    it.send("other scheme", lambda _: basic())
    it.send("scheme alone", lambda _: header("Bearer"))
    it.send("other scheme, good parameter", lambda _: basic(), query=lambda own: f"jwt={token(own)}")
    it.send("scheme alone, good parameter", lambda _: header("Bearer"), query=lambda own: f"jwt={token(own)}")
    it.send("good parameter", query=lambda own: f"jwt={token(own)}")
    it.send("good header", lambda own: bearer(token(own)))
    it.send("junk header, good parameter", lambda _: bearer("junk"), query=lambda own: f"jwt={token(own)}")
    it.send("good header, junk parameter", lambda own: bearer(token(own)), query=lambda _: "jwt=junk")
    return it


def configurations():
    return [
        header_alone(),
        cookie_with_csrf(),
        cookie_without_csrf(),
        header_and_cookie("header", "cookie"),
        header_and_cookie("cookie", "header"),
        custom_header("custom header name", "X-Access-Token", "Bearer"),
        custom_header("custom header type", "Authorization", "JWT"),
        custom_header("header type none", "Authorization", "none"),
        custom_header("custom header name, type none", "X-Access-Token", "none"),
        custom_cookies(),
        issuer(),
        audience("audience", AUDIENCE),
        audience("two audiences", f"https://first.example,{AUDIENCE}"),
        issuer_and_audience(),
        rs256(),
    ]


def configurations_with_query():
    orders = ["header,query", "query,header", "header,cookie,query"]
    return [query_alone(), *(with_query(locations) for locations in orders)]


def print_vectors(configurations, application):
    """Prints the answers in JSON; `application` makes the function that answers, for the options without prefix."""
    vectors = []
    for it in configurations:
        options = {name.removeprefix("JWT_AUTH_"): value for name, value in it.options.items()}
        vectors.append(it.record(application(options)))
    print(json.dumps(vectors, indent=1))
