"""Calls a service with a token of the provider, by authlib, and verifies the token with joserfc. Prints one JSON object.

    python tests/interop/authlib_client.py ISSUER SERVICE
"""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

issuer, service = sys.argv[1:]
session = OAuth2Session("service", "the-secret-of-the-service", scope="notes:read")
document = session.get(f"{issuer}/.well-known/openid-configuration", withhold_token=True).json()
session.fetch_token(document["token_endpoint"], grant_type="client_credentials")
token = session.token["access_token"]
keys = KeySet.import_key_set(session.get(document["jwks_uri"], withhold_token=True).json())
decoded = jwt.decode(token, keys, algorithms=["ES256"])
print(
    json.dumps(
        {
            "typ": decoded.header["typ"],
            "subject": decoded.claims["sub"],
            "notes": session.get(f"{service}/notes").text,
            "pay": session.post(f"{service}/pay").status_code,
        }
    )
)
