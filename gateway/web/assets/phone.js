"use strict";
const lang = document.documentElement.lang;
const say = (en, es) => (lang === "es" ? es : en);
const byId = (id) => document.getElementById(id);
const phones = new Map(); // number → {section, list, shown}

function make(tag, properties, ...children) {
  const el = Object.assign(document.createElement(tag), properties);
  el.append(...children);
  return el;
}

const when = (iso) => new Date(iso).toLocaleString(lang, { dateStyle: "medium", timeStyle: "medium" });

// Two lines, so that news doesn't take away the answer to what was just done.
function tell(text) { byId("said").textContent = text; }
function complain(text) { byId("wrong").textContent = text; }

// ask returns the answer's JSON (null without one), or throws what to show to the person.
async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body
      ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }
      : { headers: { Accept: "application/json" } });
  } catch {
    throw new Error(say("Centinela doesn't answer. Is it running?", "Centinela no responde. ¿Está en marcha?"));
  }
  if (answer.status === 204) return null;
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  throw new Error(say("Refused: ", "Rechazado: ") + (json.errors?.map((e) => e.pointer + " " + e.detail).join(", ") || json.detail || json.title || answer.status));
}

// act does what a button asks for, and says how it went.
async function act(button, work) {
  button.setAttribute("aria-disabled", "true"); // still focused, unlike a disabled one
  try {
    const done = await work();
    complain("");
    tell(done);
  } catch (problem) {
    tell("");
    complain(problem.message);
  }
  button.removeAttribute("aria-disabled");
}

// The last line of a text with a code is for the phone that fills it in: @host #code.
const codeOf = (body) => body.match(/@\S+ #(\d{4,10})\b/)?.[1];

function linked(body) {
  return body.split(/(https?:\/\/\S+)/).map((part, i) => (i % 2 ? make("a", { href: part, textContent: part, rel: "noreferrer" }) : part));
}

function card(text) {
  const item = make("li", {}, make("time", { dateTime: text.at, textContent: when(text.at) }), make("pre", {}, ...linked(text.body)));
  const code = codeOf(text.body);
  if (code) {
    const button = make("button", { type: "button", textContent: say("Copy code ", "Copiar código ") + code });
    button.addEventListener("click", () => act(button, async () => {
      try {
        await navigator.clipboard.writeText(code);
      } catch {
        throw new Error(say("The browser doesn't let this page copy. The code is ", "El navegador no deja copiar a esta página. El código es ") + code);
      }
      return say("Copied: ", "Copiado: ") + code;
    }));
    item.append(button);
  }
  return item;
}

function phone(number) {
  const id = "phone" + phones.size;
  const list = make("ol", { className: "texts" });
  const input = make("input", { id: id + "-reply", value: "NO", autocomplete: "off", maxLength: 1600, required: true });
  const button = make("button", { textContent: say("Reply", "Responder") });
  button.setAttribute("aria-label", say("Reply from ", "Responder desde ") + number);
  const form = make("form", { className: "row" },
    make("label", { htmlFor: input.id, textContent: say("Reply from ", "Responder desde ") + number }), input, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(button, async () => {
      await ask("/dev/phone/replies", { from: number, body: input.value });
      refresh();
      return number + ": " + say("sent ", "enviado ") + input.value;
    });
  });
  const section = make("section", { className: "card" }, make("h2", { id, textContent: number }), form, list);
  section.setAttribute("aria-labelledby", id);
  return { section, list, shown: new Set() };
}

// show changes only what is new, so that nobody loses the place where they read or write.
function show(texts, filtered) {
  const numbers = [...new Set(texts.map((t) => t.to))];
  let news = 0;
  for (const text of texts.toReversed()) {
    if (!phones.has(text.to)) phones.set(text.to, phone(text.to));
    const { list, shown } = phones.get(text.to);
    if (shown.has(text.id)) continue;
    shown.add(text.id);
    list.prepend(card(text));
    news++;
  }
  const sections = numbers.map((n) => phones.get(n).section);
  const there = [...byId("phones").children];
  if (!sections.length) {
    byId("phones").textContent = filtered ? say("No texts at this number.", "No hay mensajes en este número.") : say("No texts yet.", "Aún no hay mensajes.");
  } else if (sections.length !== there.length || sections.some((s, i) => s !== there[i])) {
    const focused = document.activeElement;
    byId("phones").replaceChildren(...sections);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }
  return news;
}

function moved(seconds) {
  if (!seconds) return "";
  const days = Math.floor(seconds / 86400), rest = new Date((seconds % 86400) * 1000).toISOString().slice(11, 19);
  return say("ahead by ", "adelantado ") + (days ? days + say(" d ", " d ") : "") + rest;
}

let first = true, failing = false, asked = 0;
async function refresh() {
  const number = byId("number").value.replace(/\s/g, "");
  const mine = ++asked;
  try {
    const { texts } = await ask("/dev/phone" + (number ? "?number=" + encodeURIComponent(number) : ""));
    const clock = await ask("/dev/clock");
    if (mine !== asked) return; // a later question is on its way
    const news = show(texts, number !== "");
    if (news && !first) byId("news").textContent = say("New texts: ", "Mensajes nuevos: ") + news;
    byId("clock").dateTime = clock.now;
    byId("clock").textContent = when(clock.now);
    byId("moved").textContent = moved(clock.offset_seconds);
    if (failing) complain("");
    first = failing = false;
  } catch (problem) {
    failing = true;
    complain(problem.message);
  }
}

for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => act(button, async () => {
    const clock = await ask("/dev/clock", { advance: button.dataset.advance });
    refresh();
    return say("It is now ", "Ahora es ") + when(clock.now);
  }));
}
byId("filter").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
byId("number").addEventListener("input", refresh);
setInterval(() => { if (!document.hidden) refresh(); }, 1500);
refresh();
