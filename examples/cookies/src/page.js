"use strict";

const element = (id) => document.getElementById(id);

// The value is in a cookie that this page can read and other sites cannot. Read it for each request, because a
// refresh changes it.
function csrf(kind) {
  const name = `__Host-csrf_${kind}_token=`;
  const pair = document.cookie.split("; ").find((pair) => pair.startsWith(name));
  return pair ? pair.slice(name.length) : "";
}

// The browser adds the cookies with the tokens.
function post(path, { kind = "access", type = "text/plain", body = "" } = {}) {
  const headers = { "Content-Type": type, "X-CSRF-Token": csrf(kind) };
  return fetch(path, { method: "POST", headers, body });
}

async function show() {
  const [me, notes] = await Promise.all([fetch("/me"), fetch("/notes")]);
  element("me").textContent = me.ok ? await me.text() : "";
  const lines = notes.ok ? await notes.json() : [];
  element("notes").replaceChildren(...lines.map(({ author, text }) => {
    const line = document.createElement("li");
    line.textContent = `${author}: ${text}`;
    return line;
  }));
}

// A button sends one request, updates the page, and then shows the status of the request.
function button(id, request) {
  element(id).addEventListener("click", async () => {
    element("status").textContent = "";
    let status = "no response";
    try {
      status = (await request()).status;
      await show();
    } finally {
      element("status").textContent = status;
    }
  });
}

button("login", () => {
  const form = { username: element("username").value, password: element("password").value };
  return post("/login", { type: "application/json", body: JSON.stringify(form) });
});
button("refresh", () => post("/refresh", { kind: "refresh" }));
button("logout", () => post("/logout", { kind: "refresh" }));
button("add", () => post("/notes", { body: element("note").value }));

show();
