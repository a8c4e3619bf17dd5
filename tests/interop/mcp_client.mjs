// Calls the tools of an MCP server with the client of `@modelcontextprotocol/client`, and prints one JSON object.
//
//     ISSUER=http://127.0.0.1:… node tests/interop/mcp_client.mjs http://127.0.0.1:3000/mcp [TOKEN]
//
// Without a token the client finds the identity provider by itself, and gets one there.

import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, token] = process.argv.slice(2);
const credentials = {
  clientId: "service",
  clientSecret: "the-secret-of-the-service",
  expectedIssuer: process.env.ISSUER,
};
const requests = [];
const observed = async (input, init) => {
  const response = await fetch(input, init);
  requests.push(`${init?.method ?? "GET"} ${new URL(input).pathname} ${response.status}`);
  return response;
};
const options = token
  ? { requestInit: { headers: { authorization: `Bearer ${token}` } } }
  : { authProvider: new ClientCredentialsProvider(credentials) };
const client = new Client({ name: "tests", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(url), { ...options, fetch: observed }));
const call = async (name) => {
  try {
    const { content } = await client.callTool({ name, arguments: {} });
    return content[0]?.text ?? "";
  } catch (error) {
    return error.message;
  }
};
const { tools } = await client.listTools();
const answers = { tools: tools.map((tool) => tool.name).sort(), add: await call("add"), list: await call("list") };
await client.close();
console.log(JSON.stringify({ ...answers, requests }));
