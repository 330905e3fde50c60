"use strict";
const spanish = document.documentElement.lang === "es";
const list = document.getElementById("texts");
const number = document.getElementById("number");
let shown = "";

function card(text) {
  const article = document.createElement("article");
  const to = document.createElement("strong");
  to.textContent = text.to;
  const at = document.createElement("time");
  at.dateTime = text.at;
  at.textContent = new Date(text.at).toLocaleString();
  const body = document.createElement("pre");
  body.textContent = text.body;
  article.append(to, at, body);
  return article;
}

async function refresh() {
  const query = number.value.trim() ? "?number=" + encodeURIComponent(number.value.trim()) : "";
  try {
    const answer = await fetch("/dev/phone" + query, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { texts } = await answer.json();
    const state = JSON.stringify(texts);
    if (state !== shown) {
      shown = state;
      list.replaceChildren(...texts.map(card));
      if (!texts.length) list.textContent = spanish ? "Aún no hay mensajes." : "No texts yet.";
    }
    const clock = await (await fetch("/dev/clock")).json();
    document.getElementById("clock").textContent = (spanish ? "Reloj: " : "Clock: ") + new Date(clock.now).toLocaleString();
  } catch { /* the suite is restarting: the next round asks again */ }
}

document.getElementById("filter").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
number.addEventListener("input", refresh);
setInterval(refresh, 1500);
refresh();
