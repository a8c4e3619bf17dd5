// Calls a service with tokens of the provider, by `openid-client` and `oauth4webapi`, and prints the answers as one JSON object.
//
//     node tests/interop/clients.mjs ISSUER SERVICE SERVICE_WITH_NONCES

import * as jose from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [issuer, service, serviceWithNonces] = process.argv.slice(2);
const CLIENT = "service";
const SECRET = "the-secret-of-the-service";
const AUDIENCE = "https://api.example";
const SCOPE = { scope: "notes:read" };
const INSECURE = { [oauth.allowInsecureRequests]: true };

async function byOpenidClient() {
  const config = await openid.discovery(new URL(issuer), CLIENT, SECRET, undefined, {
    execute: [openid.allowInsecureRequests],
  });
  const call = async (token, url, method, options) => {
    const response = await openid.fetchProtectedResource(config, token, new URL(url), method, null, new Headers(), options);
    return response.status;
  };
  const plain = await openid.clientCredentialsGrant(config, SCOPE);
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair("ES256"));
  const bound = await openid.clientCredentialsGrant(config, SCOPE, { DPoP });
  const refused = async (...all) => {
    try {
      return await call(...all);
    } catch (error) {
      const [challenge] = error.cause;
      return `${error.status} ${challenge.scheme} ${challenge.parameters.error ?? "-"}`;
    }
  };
  return {
    type: bound.token_type,
    bearer: await call(plain.access_token, `${service}/notes`, "GET"),
    dpop: await call(bound.access_token, `${service}/pay?amount=1`, "POST", { DPoP }),
    nonce: await call(bound.access_token, `${serviceWithNonces}/pay`, "POST", { DPoP }),
    plainWhereBoundIsRequired: await refused(plain.access_token, `${service}/pay`, "POST"),
    boundAsBearer: await refused(bound.access_token, `${service}/notes`, "GET"),
  };
}

async function byOauth4webapi() {
  const url = new URL(issuer);
  const discovered = await oauth.discoveryRequest(url, INSECURE);
  const as = await oauth.processDiscoveryResponse(url, discovered);
  const client = { client_id: CLIENT };
  const keyPair = await oauth.generateKeyPair("ES256", { extractable: true });
  const DPoP = oauth.DPoP(client, keyPair);
  const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretBasic(SECRET), SCOPE, { DPoP, ...INSECURE });
  const { access_token: token } = await oauth.processClientCredentialsResponse(as, client, response);
  const call = async (url) => {
    const request = () => oauth.protectedResourceRequest(token, "POST", new URL(url), new Headers(), null, { DPoP, ...INSECURE });
    try {
      return [(await request()).status, "at once"];
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return [(await request()).status, "with a nonce"];
    }
  };
  const resource = new URL(service);
  const document = await oauth.resourceDiscoveryRequest(resource, INSECURE);
  const metadata = await oauth.processResourceDiscoveryResponse(resource, document);
  return {
    dpop: await call(`${service}/pay`),
    nonce: await call(`${serviceWithNonces}/pay`),
    servers: metadata.authorization_servers,
    algorithms: metadata.dpop_signing_alg_values_supported,
    differences: await compare(as, token, keyPair),
  };
}

// Requests that differ from a good one in one place. Each is judged by the service and by `validateJwtAccessToken`.
async function compare(as, token, keyPair) {
  const publicJwk = await jose.exportJWK(keyPair.publicKey);
  const privateJwk = await jose.exportJWK(keyPair.privateKey);
  const other = await jose.generateKeyPair("ES256", { extractable: true });
  const otherJwk = await jose.exportJWK(other.publicKey);
  const hash = async (text) => jose.base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
  const url = `${service}/pay`;
  const ath = await hash(token);
  const now = () => Math.floor(Date.now() / 1000);
  const good = () => ({ jti: crypto.randomUUID(), htm: "POST", htu: url, iat: now(), ath });
  const goodHeader = { alg: "ES256", typ: "dpop+jwt", jwk: publicJwk };
  const proof = (claims, header = {}, key = keyPair.privateKey) =>
    new jose.SignJWT({ ...good(), ...claims }).setProtectedHeader({ ...goodHeader, ...header }).sign(key);
  const without = (name) => ({ [name]: undefined });
  const rsa = await jose.generateKeyPair("RS256", { extractable: true });
  const swap = (text, at) => {
    const parts = text.split(".");
    parts[at] = (parts[at].startsWith("A") ? "B" : "A") + parts[at].slice(1);
    return parts.join(".");
  };
  const cases = {
    "good": [{}],
    "query in htu": [{ htu: `${url}?a=1#b` }],
    "upper-case host in htu": [{ htu: url.replace("http:", "HTTP:") }],
    "another path": [{ htu: `${service}/notes` }],
    "a slash more": [{ htu: `${url}/` }],
    "another origin": [{ htu: "https://api.example/pay" }],
    "another method": [{ htm: "GET" }],
    "method in lower case": [{ htm: "post" }],
    "another token": [{ ath: await hash("another") }],
    "no ath": [without("ath")],
    "no jti": [without("jti")],
    "no htm": [without("htm")],
    "no htu": [without("htu")],
    "no iat": [without("iat")],
    "jti is a number": [{ jti: 7 }],
    "iat is a text": [{ iat: "now" }],
    "30 s old": [{ iat: now() - 30 }],
    "2 min old": [{ iat: now() - 120 }],
    "10 min old": [{ iat: now() - 600 }],
    "10 min ahead": [{ iat: now() + 600 }],
    "typ JWT": [{}, { typ: "JWT" }],
    "typ with prefix": [{}, { typ: "application/dpop+jwt" }],
    "no typ": [{}, without("typ")],
    "no jwk": [{}, without("jwk")],
    "jwk of another key": [{}, { jwk: otherJwk }],
    "another key": [{}, { jwk: otherJwk }, other.privateKey],
    "private jwk": [{}, { jwk: privateJwk }],
    "RSA key of another": [{}, { alg: "RS256", jwk: await jose.exportJWK(rsa.publicKey) }, rsa.privateKey],
  };
  const proofs = Object.entries(cases).map(async ([name, parts]) => [name, await proof(...parts)]);
  const requests = Object.fromEntries(await Promise.all(proofs));
  const valid = () => proof({});
  requests["signature changed"] = swap(await valid(), 2);
  requests["claims changed"] = swap(await valid(), 1);
  requests["not a JWT"] = "proof";
  requests["empty"] = "";
  const differences = [];
  const judge = async (name, authorization, dpop) => {
    const headers = { authorization, ...(dpop === undefined ? {} : { dpop }) };
    const ours = (await fetch(url, { method: "POST", headers })).status;
    const request = new Request(url, { method: "POST", headers });
    const theirs = await oauth.validateJwtAccessToken(as, request, AUDIENCE, { requireDPoP: true, ...INSECURE }).then(() => true, () => false);
    if ((ours === 200) !== theirs) differences.push(`${name}: ${ours} here, ${theirs ? "accepted" : "refused"} there`);
    judged += 1;
  };
  let judged = 0;
  for (const [name, dpop] of Object.entries(requests)) await judge(name, `DPoP ${token}`, dpop);
  await judge("scheme in lower case", `dpop ${token}`, await valid());
  await judge("Bearer with a proof", `Bearer ${token}`, await valid());
  await judge("Bearer without a proof", `Bearer ${token}`);
  await judge("no proof", `DPoP ${token}`);
  await judge("token changed", `DPoP ${swap(token, 2)}`, await valid());
  return { judged, differences };
}

console.log(JSON.stringify({ openid: await byOpenidClient(), oauth4webapi: await byOauth4webapi() }));
