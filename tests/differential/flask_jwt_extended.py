"""Records what flask-jwt-extended 4.7.4 answers to the requests of `cases.py`.

It prints the vectors of `flask_jwt_extended.json`. An exception in the module is the status 500 without a body. Some
sentences are PyJWT's and differ between its versions:

    pip install Flask-JWT-Extended==4.7.4 PyJWT==2.15.1 cryptography==50.0.2 Flask==3.1.3 Werkzeug==3.1.9
    python tests/differential/flask_jwt_extended.py > tests/differential/flask_jwt_extended.json
"""

import logging
import sys

import cases

# This script has the name of the module: look for the module before this folder.
sys.path.append(sys.path.pop(0))

from flask import Flask
from flask_jwt_extended import JWTManager, verify_jwt_in_request

GUARDS = {
    "/protected": {},
    "/optional": {"optional": True},
    "/fresh": {"fresh": True},
    "/refresh": {"refresh": True},
}
LOCATIONS = {"header": "headers", "cookie": "cookies", "query": "query_string"}
NAMES = {
    "QUERY_NAME": "QUERY_STRING_NAME",
    "ACCESS_COOKIE_KEY": "ACCESS_COOKIE_NAME",
    "REFRESH_COOKIE_KEY": "REFRESH_COOKIE_NAME",
}


def setting(name, value):
    """The module's name and value of one of our options."""
    if name == "TOKEN_LOCATION":
        value = [LOCATIONS[location] for location in value.split(",")]
    elif name == "DECODE_AUDIENCE":
        value = value.split(",")
    elif name == "HEADER_TYPE" and value == "none":
        value = ""
    elif name == "COOKIE_CSRF_PROTECT":
        value = value == "true"
    return f"JWT_{NAMES.get(name, name)}", value


def application(options):
    app = Flask("recorded")
    app.logger.setLevel(logging.CRITICAL + 1)
    app.config.update(setting(*option) for option in options.items())
    manager = JWTManager(app)
    manager.token_in_blocklist_loader(lambda _, claims: claims["jti"] == cases.REVOKED)

    def add(route, guard):
        @app.route(route, methods=["GET", "POST", "OPTIONS"], endpoint=route)
        def view():
            found = verify_jwt_in_request(**guard)
            return {"sub": found[1]["sub"] if found else None}

    for route, guard in GUARDS.items():
        add(route, guard)
    client = app.test_client(use_cookies=False)

    def answer(case):
        response = client.open(case["route"], method=case["method"], headers=case["headers"])
        challenge = response.headers.get("www-authenticate")
        return response.status_code, response.get_json(silent=True), challenge

    return answer


cases.print_vectors([*cases.configurations(), *cases.configurations_with_query()], application)
