"use strict";

const at = (id) => document.getElementById(id);

// The value stands in a cookie that this page may read and no other site's may. Read it for each request:
// a refresh makes a new one.
function csrf(kind) {
  const name = `__Host-csrf_${kind}_token=`;
  const pair = document.cookie.split("; ").find((pair) => pair.startsWith(name));
  return pair ? pair.slice(name.length) : "";
}

// The cookies with the tokens go along by themselves.
function post(path, { kind = "access", type = "text/plain", body = "" } = {}) {
  const headers = { "Content-Type": type, "X-CSRF-Token": csrf(kind) };
  return fetch(path, { method: "POST", headers, body });
}

async function show() {
  const [me, notes] = await Promise.all([fetch("/me"), fetch("/notes")]);
  at("me").textContent = me.ok ? await me.text() : "";
  const lines = notes.ok ? await notes.json() : [];
  at("notes").replaceChildren(...lines.map(({ author, text }) => {
    const line = document.createElement("li");
    line.textContent = `${author}: ${text}`;
    return line;
  }));
}

// A button makes one request, then the page is drawn anew, then the status of that request is shown.
function button(id, request) {
  at(id).addEventListener("click", async () => {
    at("status").textContent = "";
    let status = "no answer";
    try {
      status = (await request()).status;
      await show();
    } finally {
      at("status").textContent = status;
    }
  });
}

button("login", () => {
  const form = { username: at("username").value, password: at("password").value };
  return post("/login", { type: "application/json", body: JSON.stringify(form) });
});
button("refresh", () => post("/refresh", { kind: "refresh" }));
button("logout", () => post("/logout", { kind: "refresh" }));
button("add", () => post("/notes", { body: at("note").value }));

show();
