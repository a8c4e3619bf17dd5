"use strict";

const element = (id) => document.getElementById(id);
const otherTabs = new BroadcastChannel("session");

// The value is in a cookie that this page can read and other sites cannot. Read it for each request, because a
// refresh changes it.
function csrf(kind) {
  const name = `__Host-csrf_${kind}_token=`;
  const pair = document.cookie.split("; ").find((pair) => pair.startsWith(name));
  return pair ? pair.slice(name.length) : "";
}

const WORDS = {
  token_missing: "nobody is logged in",
  token_expired: "the token has ended",
  token_revoked: "the session was ended",
  refresh_token_reused: "this token was used before, so the session was ended",
  csrf_missing: "the request has no CSRF value",
  csrf_mismatch: "the CSRF value is not that of the token",
  request_cross_site: "the request comes from another site",
  store_unavailable: "the server cannot check the token now",
};

// What was sent, what was answered, and what it means.
function log(text, kind, note = "") {
  const line = document.createElement("li");
  const main = document.createElement("span");
  main.className = kind;
  main.textContent = text;
  const more = document.createElement("span");
  more.className = "note";
  more.textContent = note && `  ${note}`;
  line.append(main, more);
  element("log").prepend(line);
  while (element("log").children.length > 30) element("log").lastChild.remove();
}

// Sends one request. The browser adds the cookies with the tokens.
async function send(path, { method = "GET", kind = "access", type = "text/plain", body } = {}) {
  const before = csrf(kind);
  const headers = method === "GET" ? {} : { "Content-Type": type, "X-CSRF-Token": before };
  const answer = await fetch(path, { method, headers, body });
  const json = answer.headers.get("content-type")?.startsWith("application/json");
  const code = !answer.ok && json ? (await answer.clone().json()).code : undefined;
  const notes = [method === "GET" ? "" : `with ${before ? "the" : "no"} CSRF value`];
  if (code) notes.push(`${code}: ${WORDS[code] ?? "refused"}`);
  if (csrf(kind) !== before) notes.push(csrf(kind) ? "new cookies" : "cookies deleted");
  const sent = `${method} ${path}`;
  log(`${sent} → ${answer.status}`, answer.ok ? "good" : "bad", notes.filter(Boolean).join("; "));
  return { answer, code };
}

// Refreshes once for all tabs: a tab that waited for another one finds that the cookies have changed.
function refresh(reason) {
  const before = csrf("access");
  return navigator.locks.request("refresh", async () => {
    if (csrf("access") !== before) {
      log("another tab has refreshed", "good");
      return true;
    }
    log("refreshing", "note", reason);
    const { answer } = await send("/refresh", { method: "POST", kind: "refresh" });
    if (answer.ok) otherTabs.postMessage("refreshed");
    return answer.ok;
  });
}

// Sends a request. If the token has ended, refreshes and repeats it.
async function call(path, options) {
  const first = await send(path, options);
  const isExpired = first.code === "token_expired" && options?.kind !== "refresh";
  if (!isExpired || !(await refresh("because the token has ended"))) return first;
  return send(path, options);
}

let visit = {};

function showTime() {
  const left = visit.ends_at ? visit.ends_at - Date.now() / 1000 : 0;
  const life = visit.ends_at - visit.issued_at;
  element("left").style.width = visit.ends_at ? `${Math.max(0, (100 * left) / life)}%` : "0";
  element("session").textContent = !visit.name
    ? "Nobody is logged in."
    : left > 0
      ? `The access token ends in ${Math.ceil(left)} s.`
      : "The access token has ended. The next request refreshes it.";
}

async function show() {
  const answer = await fetch("/session");
  const found = await answer.json();
  // An expired token still tells a visitor from a stranger.
  const name = found.name ?? (found.code === "token_expired" ? visit.name ?? "you" : undefined);
  visit = { ...found, name };
  element("me").textContent = found.name ? `Welcome, ${found.name}!` : "";
  const isOver = found.code && found.code !== "token_missing" && found.code !== "token_expired";
  element("why").textContent = isOver ? `Your session is over: ${WORDS[found.code] ?? found.code}.` : "";
  element("login-form").hidden = Boolean(name);
  showTime();
  const notes = found.name ? await fetch("/notes").then((notes) => notes.json()) : [];
  element("notes").replaceChildren(...notes.map(({ author, text }) => {
    const line = document.createElement("li");
    line.textContent = `${author}: ${text}`;
    return line;
  }));
}

// Runs one action, updates the page, and then shows the status of the action.
async function act(request) {
  element("status").textContent = "";
  let status = "no response";
  let code;
  try {
    const outcome = await request();
    ({ status } = outcome.answer);
    code = outcome.code;
    await show();
  } finally {
    if (code && code !== "token_missing") element("why").textContent = `Refused: ${WORDS[code] ?? code}.`;
    element("status").textContent = status;
  }
}

function on(id, event, request) {
  element(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    act(request);
  });
}

on("login-form", "submit", () => {
  const [username, password] = ["username", "password"].map((id) => element(id).value);
  const body = JSON.stringify({ username, password, remember: element("remember").checked });
  return send("/login", { method: "POST", type: "application/json", body });
});
on("note-form", "submit", () => call("/notes", { method: "POST", body: element("note").value }));
on("refresh", "click", () => send("/refresh", { method: "POST", kind: "refresh" }));
on("everywhere", "click", () => call("/logout-everywhere", { method: "POST" }));
on("logout", "click", () => send("/logout", { method: "POST", kind: "refresh" }));

otherTabs.addEventListener("message", show);
setInterval(showTime, 250);
show();
