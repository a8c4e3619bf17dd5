"""Verifies tokens of jwt-auth with PyJWT. Input: JSON lines with `algorithm`, `key`, `token` and `audience`.

Prints one line for each: the claims as JSON, or the name of the error.
"""

import datetime
import json
import sys

import jwt
import jwt.api_jwt

NOW = 1_700_000_000


class FixedClock(datetime.datetime):
    """A fixed clock, one second after the tokens were issued."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW + 1, tz)


jwt.api_jwt.datetime = FixedClock

for line in sys.stdin:
    request = json.loads(line)
    try:
        claims = jwt.decode(
            request["token"],
            request["key"],
            algorithms=[request["algorithm"]],
            audience=request["audience"],
            options={"require": ["exp", "iat", "nbf", "sub"]},
        )
        print(json.dumps(claims))
    except Exception as error:  # its name is the output
        print(json.dumps(type(error).__name__))
