"""Issues and verifies tokens with a Python library, to compare it with jwt-auth.

    python tests/interop/python.py LIBRARY

LIBRARY is pyjwt, python-jose or joserfc. Each line of the input is a request in JSON:

    {"do": "issue", "algorithm": "HS256", "key": "...", "claims": {...}, "header": {...}}
    {"do": "verify", "algorithm": "HS256", "key": "...", "token": "...", "audience": "b", "now": 1700000001}

The key is a secret or a PEM text; to verify, it may also be a JWK or a JWK set. `header` is optional.
Each answer is one line: {"token": "..."}, {"claims": {...}}, {"error": "NameOfTheError"}, or
{"unsupported": "..."} if the library does not have the algorithm.
A verified token has a good signature, and its `exp`, `nbf` and `aud` are present and good at the time `now`.
"""

import datetime
import json
import sys
import warnings

REQUIRED = ["exp", "nbf", "aud"]


class FixedClock(datetime.datetime):
    """A clock that shows the time `now` of the request, for libraries that do not accept a time."""

    time = 0

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(cls.time, tz)


class PyJwt:
    def __init__(self):
        import jwt
        import jwt.api_jwt

        jwt.api_jwt.datetime = FixedClock
        self.jwt = jwt

    def has(self, algorithm):
        return algorithm in self.jwt.algorithms.get_default_algorithms()

    def issue(self, algorithm, key, claims, header):
        return self.jwt.encode(claims, key, algorithm=algorithm, headers=header)

    def verify(self, algorithm, key, token, audience, now):
        FixedClock.time = now
        if isinstance(key, dict) and "keys" in key:
            key = self.jwt.PyJWKSet.from_dict(key)[self.jwt.get_unverified_header(token)["kid"]]
        elif isinstance(key, dict):
            key = self.jwt.PyJWK(key, algorithm)
        options = {"require": REQUIRED}
        return self.jwt.decode(token, key, algorithms=[algorithm], audience=audience, options=options)


class PythonJose:
    def __init__(self):
        import jose.jwk
        import jose.jwt

        jose.jwt.datetime = FixedClock
        self.jose = jose

    def has(self, algorithm):
        return self.jose.jwk.get_key(algorithm) is not None

    def issue(self, algorithm, key, claims, header):
        return self.jose.jwt.encode(claims, key, algorithm=algorithm, headers=header)

    def verify(self, algorithm, key, token, audience, now):
        FixedClock.time = now
        options = {f"require_{name}": True for name in REQUIRED}
        return self.jose.jwt.decode(token, key, algorithms=[algorithm], audience=audience, options=options)


class JoseRfc:
    def __init__(self):
        from joserfc import errors, jwk, jws, jwt

        # It warns on each use of EdDSA, because RFC 9864 deprecates that name.
        warnings.simplefilter("ignore", errors.SecurityWarning)
        self.jwk, self.jwt, self.algorithms = jwk, jwt, jws.JWSRegistry.algorithms

    def has(self, algorithm):
        return algorithm in self.algorithms

    def key(self, algorithm, key):
        if isinstance(key, dict) and "keys" in key:
            return self.jwk.KeySet.import_key_set(key)
        if isinstance(key, dict):
            return self.jwk.import_key(key)
        return self.jwk.import_key(key, self.algorithms[algorithm].key_type)

    def issue(self, algorithm, key, claims, header):
        header = {"alg": algorithm, **(header or {})}
        return self.jwt.encode(header, claims, self.key(algorithm, key), algorithms=[algorithm])

    def verify(self, algorithm, key, token, audience, now):
        options = {name: {"essential": True} for name in REQUIRED}
        options["aud"]["value"] = audience
        claims = self.jwt.decode(token, self.key(algorithm, key), algorithms=[algorithm]).claims
        self.jwt.JWTClaimsRegistry(now=now, **options).validate(claims)
        return claims


def answer(library, request):
    algorithm, key = request["algorithm"], request["key"]
    if not library.has(algorithm):
        return {"unsupported": f"the library does not have {algorithm}"}
    try:
        if request["do"] == "issue":
            return {"token": library.issue(algorithm, key, request["claims"], request.get("header"))}
        return {"claims": library.verify(algorithm, key, request["token"], request["audience"], request["now"])}
    except Exception as error:  # its name is the answer
        return {"error": type(error).__name__}


def main():
    library = {"pyjwt": PyJwt, "python-jose": PythonJose, "joserfc": JoseRfc}[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(answer(library, json.loads(line))), flush=True)


main()
