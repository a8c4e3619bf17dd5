"""Verifies with PyJWT what jwt-auth made: one JSON object a line, `algorithm`, `key`, `token`, `audience`.

Prints one line each: the claims as JSON, or the name of the error.
"""

import datetime
import json
import sys

import jwt
import jwt.api_jwt

NOW = 1_700_000_000


class Still(datetime.datetime):
    """A clock that stands where the tokens were made."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW + 1, tz)


jwt.api_jwt.datetime = Still

for line in sys.stdin:
    asked = json.loads(line)
    try:
        claims = jwt.decode(
            asked["token"],
            asked["key"],
            algorithms=[asked["algorithm"]],
            audience=asked["audience"],
            options={"require": ["exp", "iat", "nbf", "sub"]},
        )
        print(json.dumps(claims))
    except Exception as error:  # the name of it is the answer
        print(json.dumps(type(error).__name__))
