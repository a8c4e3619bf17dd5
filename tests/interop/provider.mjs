// An identity provider for the tests: npm `oidc-provider`, with a client that gets access tokens for itself.
//
//     npm ci --prefix tests/interop && node tests/interop/provider.mjs
//
// It prints the address of its issuer once it listens. `POST /test/rotate` lets a new key sign, and publishes the old one
// still; `POST /test/drop` stops publishing all but the key that signs.

import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const AUDIENCE = "https://api.example";
const OPAQUE_AUDIENCE = "https://opaque.example";

let issuer;
let keys = [];
let provider;

async function addKey() {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const kid = `k${keys.length + 1}`;
  keys = [{ ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" }, ...keys];
}

function restart() {
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: "service",
        client_secret: "the-secret-of-the-service",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: (_, resource) => ({
          scope: "notes:read notes:write",
          audience: resource,
          // A service whose tokens only the provider can read.
          accessTokenFormat: resource === OPAQUE_AUDIENCE ? "opaque" : "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
}

const server = createServer(async (request, response) => {
  if (request.url === "/test/rotate") {
    await addKey();
    restart();
    response.end();
  } else if (request.url === "/test/drop") {
    keys = keys.slice(0, 1);
    restart();
    response.end();
  } else {
    provider.callback()(request, response);
  }
});

server.listen(0, "127.0.0.1", async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await addKey();
  restart();
  console.log(issuer);
});
