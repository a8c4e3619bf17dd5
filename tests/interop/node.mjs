// Issues and verifies tokens with the npm package `jose`, to compare it with jwt-auth.
//
//     npm ci --prefix tests/interop && node tests/interop/node.mjs
//
// Each line of the input is a request in JSON:
//
//     {"do": "issue", "algorithm": "HS256", "key": "...", "claims": {...}, "header": {...}}
//     {"do": "verify", "algorithm": "HS256", "key": "...", "token": "...", "audience": "b", "now": 1700000001}
//
// The key is a secret or a PEM text; to verify, it may also be a JWK or a JWK set. `header` is optional.
// Each answer is one line: {"token": "..."}, {"claims": {...}}, {"error": "NameOfTheError"}, or
// {"unsupported": "..."} if the package does not have the algorithm.
// A verified token has a good signature, and its `exp`, `nbf` and `aud` are present and good at the time `now`.

import { createInterface } from "node:readline";
import { SignJWT, createLocalJWKSet, errors, importJWK, importPKCS8, importSPKI, jwtVerify } from "jose";

/** Signs with a dummy secret: only an algorithm that the package does not have gives JOSENotSupported. */
async function has(alg) {
  try {
    await new SignJWT({}).setProtectedHeader({ alg }).sign(new Uint8Array(64));
  } catch (error) {
    return !(error instanceof errors.JOSENotSupported);
  }
  return true;
}

function importKey(key, algorithm, importPem) {
  if (key.keys) return createLocalJWKSet(key);
  if (typeof key === "object") return importJWK(key, algorithm);
  return algorithm.startsWith("HS") ? new TextEncoder().encode(key) : importPem(key, algorithm);
}

async function answer({ do: action, algorithm, key, claims, header, token, audience, now }) {
  if (!(await has(algorithm))) return { unsupported: `the package does not have ${algorithm}` };
  try {
    if (action === "issue") {
      const signer = new SignJWT(claims).setProtectedHeader({ alg: algorithm, ...header });
      return { token: await signer.sign(await importKey(key, algorithm, importPKCS8)) };
    }
    const { payload } = await jwtVerify(token, await importKey(key, algorithm, importSPKI), {
      algorithms: [algorithm],
      audience,
      currentDate: new Date(now * 1000),
      requiredClaims: ["exp", "nbf", "aud"],
    });
    return { claims: payload };
  } catch (error) {
    return { error: error.name };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
