// The developer's page: reads the JSON routes below `_jwt-auth/`, and shows values by `textContent` only.
"use strict";

const LINES = 200;
const BODY_SHOWN = 20000;

const byId = (id) => document.getElementById(id);
// The router may be nested below a path, which the routes of the page do not know.
const prefix = location.pathname.replace(/\/_jwt-auth$/, "");

/** An element with text and classes. */
function element(name, text, classes = "") {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

async function call(path, body) {
  const options = body === undefined
    ? {}
    : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`_jwt-auth/${path}`, options);
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let sentence = text;
  try {
    sentence = JSON.parse(text).error ?? text;
  } catch {
    // A refusal of the gate is one sentence of plain text.
  }
  throw new Error(sentence);
}

/** Runs an action, and shows what went wrong. */
async function report(status, action) {
  status.classList.remove("error");
  try {
    await action();
  } catch (problem) {
    status.classList.add("error");
    status.textContent = problem.message;
  }
}

function onSubmit(form, status, action) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    report(byId(status), action);
  });
}

const words = (id) => byId(id).value.split(/\s+/).filter(Boolean);
const time = (seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toLocaleString());

// Routes

let routes = [];
let headers = { access: null, refresh: null };

async function loadRoutes() {
  const answer = await call("routes");
  headers = answer;
  routes = answer.routes;
  byId("route-rows").replaceChildren(...routes.map((route) => {
    const who = element("td", undefined, "words");
    who.append(element("span", route.who[0], route.is_public ? "open" : "yes"));
    if (route.who.length > 1) who.append(`, ${route.who.slice(1).join(", ")}`);
    return row(element("td", route.method, "mono"), element("td", route.path, "mono"), who, element("td", route.handler, "mono quiet"));
  }));
  const callable = routes.filter((route) => route.path.startsWith("/") && route.method !== "OTHER");
  byId("route").replaceChildren(...callable.map((route) => {
    const option = element("option", `${route.method} ${route.path}`);
    option.value = String(routes.indexOf(route));
    return option;
  }));
  chooseRoute();
}

function chooseRoute() {
  byId("path").value = routes[Number(byId("route").value)]?.path ?? "/";
}

// Decisions

function showDecision(message) {
  const one = JSON.parse(message.data);
  const when = one.ago === undefined ? "earlier" : new Date(Date.now() - one.ago).toLocaleTimeString();
  const request = one.path === undefined ? "" : `${one.method} ${one.path}`;
  const status = one.status === undefined ? "" : ` ${one.status}`;
  const kind = { allowed: "yes", refused: "no" }[one.what] ?? "quiet";
  const decision = element("td", `${one.what}${status}`, `line ${kind}`);
  const why = element("td", undefined, "words");
  if (one.code) why.append(element("code", one.code), " ");
  why.append(one.why);
  if (one.todo) why.append(element("span", one.todo, "todo"));
  const made = row(element("td", when, "mono"), element("td", request, "mono break"), decision, why);
  made.dataset.what = one.what;
  made.hidden = one.what === "event" && !byId("show-events").checked;
  const rows = byId("decision-rows");
  rows.prepend(made);
  while (rows.childElementCount > LINES) rows.lastElementChild.remove();
  byId("no-decisions").hidden = true;
}

function followDecisions() {
  const source = new EventSource("_jwt-auth/decisions");
  source.addEventListener("message", showDecision);
  source.addEventListener("open", () => { byId("live").textContent = "live"; });
  source.addEventListener("error", () => { byId("live").textContent = "connecting…"; });
}

byId("clear").addEventListener("click", () => {
  byId("decision-rows").replaceChildren();
  byId("no-decisions").hidden = false;
});

byId("show-events").addEventListener("change", () => {
  for (const line of byId("decision-rows").children) {
    line.hidden = line.dataset.what === "event" && !byId("show-events").checked;
  }
});

// Token

onSubmit("verify-form", "verdict", async () => {
  byId("rules").replaceChildren();
  byId("verdict").textContent = "";
  const body = { token: byId("pasted").value, is_refresh: byId("is-refresh").checked };
  const answer = await call("verify", body);
  byId("verdict").textContent = answer.valid ? "The token is accepted." : `The token is refused: ${answer.code}. ${answer.detail}`;
  byId("verdict").className = answer.valid ? "yes" : "no";
  byId("rules").replaceChildren(...answer.rules.map((one) => {
    const line = element("li");
    const kind = { yes: "yes", no: "no" }[one.verdict] ?? "quiet";
    line.append(element("span", one.verdict, kind), element("span", one.rule));
    if (one.fix) line.append(element("span", one.fix, "fix quiet"));
    return line;
  }));
});

// Try

onSubmit("mint-form", "mint-status", async () => {
  byId("mint-status").textContent = "";
  const life = byId("life").value;
  const minted = await call("mint", {
    subject: byId("subject").value,
    scopes: words("scopes"),
    roles: words("roles"),
    expires_in: life === "" ? null : Number(life),
    is_fresh: byId("is-fresh").checked,
    has_session: byId("has-session").checked,
  });
  byId("sent").value = minted.token;
  mask(true);
  byId("mint-status").textContent = "Minted. It is in the field below.";
});

function mask(isMasked) {
  byId("sent").type = isMasked ? "password" : "text";
  byId("show").textContent = isMasked ? "Show" : "Hide";
  byId("show").setAttribute("aria-pressed", String(!isMasked));
}

byId("show").addEventListener("click", () => mask(byId("sent").type === "text"));
byId("route").addEventListener("change", chooseRoute);

onSubmit("send-form", "status", async () => {
  byId("answer").hidden = true;
  byId("status").textContent = "…";
  const route = routes[Number(byId("route").value)];
  const path = byId("path").value;
  if (!path.startsWith("/") || path.startsWith("//")) throw new Error("the path starts with one slash");
  const sent = new Headers();
  const token = byId("sent").value.trim();
  if (token !== "") {
    const header = route.guard === "refresh" ? headers.refresh : headers.access;
    if (header === null) throw new Error("this configuration reads tokens from no header, so the page cannot send one");
    sent.set(header.name, header.scheme === null ? token : `${header.scheme} ${token}`);
  }
  const body = byId("body").value;
  const method = route.method === "ANY" ? "GET" : route.method;
  if (body !== "") sent.set("content-type", "application/json");
  // Without cookies, so that the token of the field decides.
  const response = await fetch(prefix + path, {
    method,
    headers: sent,
    credentials: "omit",
    cache: "no-store",
    body: body === "" || method === "GET" || method === "HEAD" ? undefined : body,
  });
  const text = await response.text();
  byId("status").textContent = `${response.status} ${response.statusText}`;
  byId("status").className = response.ok ? "yes" : "no";
  byId("answer").textContent = text.length > BODY_SHOWN ? `${text.slice(0, BODY_SHOWN)}…` : text;
  byId("answer").hidden = text === "";
});

// Sessions

async function listSessions(said) {
  const subject = byId("user").value;
  const sessions = await call("sessions", { subject });
  byId("sessions-status").textContent = said ?? (sessions.length === 0 ? `${subject} has no active session.` : "");
  byId("session-table").hidden = sessions.length === 0;
  byId("session-rows").replaceChildren(...sessions.map((session) => {
    const end = element("button", "End");
    end.type = "button";
    end.setAttribute("aria-label", `End the session ${session.id}`);
    end.addEventListener("click", () => report(byId("sessions-status"), async () => {
      const { ended } = await call("sessions/end", { subject, id: session.id });
      await listSessions(ended ? "The session has ended." : `${subject} had no such session.`);
    }));
    const action = element("td");
    action.append(end);
    return row(
      element("td", session.id, "mono"),
      element("td", session.device ?? "–"),
      element("td", time(session.began_at)),
      element("td", time(session.last_used_at)),
      element("td", time(session.ends_at)),
      action,
    );
  }));
}

onSubmit("sessions-form", "sessions-status", () => listSessions());

// Keys and issuers

async function loadKeys() {
  const { keys, issuers, store } = await call("keys");
  byId("keys-status").textContent = "";
  byId("key-rows").replaceChildren(...keys.map((key) => {
    const signs = key.signs_from === null && key.signs_until === null
      ? "–"
      : `${time(key.signs_from)} to ${time(key.signs_until)}`;
    return row(
      element("td", key.id ?? "(no id)", "mono"),
      element("td", key.algorithm, "mono"),
      element("td", key.state, { signing: "yes", revoked: "no", gone: "no" }[key.state] ?? ""),
      element("td", signs),
      element("td", time(key.verifies_until)),
    );
  }));
  const fetched = { true: ", the last fetch succeeded", false: ", the last fetch failed" };
  const lines = issuers.map((issuer) => {
    const line = element("li");
    line.append(element("code", issuer.name), ` ${issuer.state}${fetched[issuer.last_fetch] ?? ""}`);
    return line;
  });
  byId("issuers").replaceChildren(...(lines.length > 0 ? lines : [element("li", "none", "quiet")]));
  const parts = [store.is_fresh ? "It answers" : "It does not answer: requests with a token are refused with 503"];
  if (store.age_ms > 0) parts.push(`its memory is ${store.age_ms} ms old`);
  if (store.revocations !== null) parts.push(`revocations in memory: ${store.revocations}`);
  if (store.last_error !== null) parts.push(`last error: ${store.last_error}`);
  byId("store").textContent = `${parts.join("; ")}.`;
}

byId("reload").addEventListener("click", () => report(byId("keys-status"), loadKeys));

report(byId("live"), loadRoutes).then(followDecisions);
report(byId("keys-status"), loadKeys);
