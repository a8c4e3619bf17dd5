"""Records what fastapi-jwt-auth 0.5.0 answers to the requests of `cases.py`.

It prints the vectors of `fastapi_jwt_auth.json`. An exception in the module is the status 500 without a body. The
versions are those that the module was written for, or the newest that run with it:

    pip install fastapi-jwt-auth==0.5.0 PyJWT==1.7.1 cryptography==3.4.8 fastapi==0.99.1 pydantic==1.10.27 httpx==0.27.2
    python tests/differential/fastapi_jwt_auth.py > tests/differential/fastapi_jwt_auth.json
"""

import sys

import cases

# This script has the name of the module: look for the module before this folder.
sys.path.append(sys.path.pop(0))

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from fastapi_jwt_auth import AuthJWT
from fastapi_jwt_auth.exceptions import AuthJWTException

GUARDS = {
    "/protected": AuthJWT.jwt_required,
    "/optional": AuthJWT.jwt_optional,
    "/fresh": AuthJWT.fresh_jwt_required,
    "/refresh": AuthJWT.jwt_refresh_token_required,
}


def setting(name, value):
    """The module's name and value of one of our options."""
    if name == "TOKEN_LOCATION":
        value = [f"{location}s" for location in value.split(",")]
    elif name == "DECODE_AUDIENCE":
        value = value.split(",")
    elif name == "HEADER_TYPE" and value == "none":
        value = None
    elif name == "COOKIE_CSRF_PROTECT":
        value = value == "true"
    return f"authjwt_{name.lower()}", value


def application(options):
    settings = [setting(*option) for option in options.items()]
    AuthJWT.load_config(lambda: [*settings, ("authjwt_denylist_enabled", True)])
    AuthJWT.token_in_denylist_loader(lambda claims: claims.get("jti") == cases.REVOKED)

    app = FastAPI()

    @app.exception_handler(AuthJWTException)
    async def refuse(request: Request, error: AuthJWTException):
        return JSONResponse({"detail": error.message}, error.status_code)

    def add(route, guard):
        @app.api_route(route, methods=["GET", "POST", "OPTIONS"])
        async def view(auth: AuthJWT = Depends()):
            guard(auth)
            return {"sub": auth.get_jwt_subject()}

    for route, guard in GUARDS.items():
        add(route, guard)
    client = TestClient(app, raise_server_exceptions=False)

    def answer(case):
        headers = [(name.encode(), value.encode("latin-1")) for name, value in case["headers"]]
        response = client.request(case["method"], case["route"], headers=headers)
        is_json = response.headers["content-type"] == "application/json"
        body = response.json() if is_json else None
        return response.status_code, body, response.headers.get("www-authenticate")

    return answer


cases.print_vectors(cases.configurations(), application)
