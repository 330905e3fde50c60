"use strict";
// The token stands behind the #, which no server and no log ever sees; and nothing
// happens without the button, because link previews open links too.
const spanish = document.documentElement.lang === "es";
const say = (en, es) => { document.getElementById("result").textContent = spanish ? es : en; };
const broken = () => say("The link is not whole. Open it as it stands in the text, or answer the text with NO.", "El enlace no está completo. Ábralo tal como está en el SMS, o responda NO al SMS.");
const button = document.getElementById("stop");

const signIn = ["If it isn't yours, sign in, stop it there and change your password.", "Si no es suyo, inicie sesión, deténgalo allí y cambie su contraseña."];

// told says what the objection did.
function told({ outcome, earliest_at: earliest }) {
  switch (outcome) {
    case "stopped":
      return say("It is stopped. Your account stays as it is.", "Está detenido. Su cuenta queda como estaba.");
    case "delayed": {
      const at = new Date(earliest).toLocaleString(document.documentElement.lang);
      return say("It brings two proofs, so it is delayed, not stopped: until " + at + ". " + signIn[0], "Trae dos pruebas, así que se aplaza, no se detiene: hasta " + at + ". " + signIn[1]);
    }
    case "kept":
      return say("It is noted: with one proof alone nobody goes on with it.", "Queda anotado: con una sola prueba nadie sigue adelante.");
  }
  say("It is noted, but this number can't stop it: it brings two proofs. " + signIn[0], "Queda anotado, pero este número no puede detenerlo: trae dos pruebas. " + signIn[1]);
}

// stop says how it went, and is true where trying again can help.
async function stop() {
  const token = location.hash.slice(1);
  if (!token) return broken(), true;
  try {
    const answer = await fetch("/v1/recoveries/veto", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
    });
    if (answer.ok) return told(await answer.json()), false;
    switch (answer.status) {
      case 400:
        return broken(), true;
      case 404: case 410:
        return say("This link was used already, or it is no longer needed.", "Este enlace ya se usó o ya no hace falta."), false;
      case 429:
        return say("Too many tries. Wait a minute, or answer the text with NO.", "Demasiados intentos. Espere un minuto, o responda NO al SMS."), true;
    }
    const problem = await answer.json();
    say("It is not stopped yet. Try again, or answer the text with NO. (" + (problem.detail || problem.title) + ")",
      "Todavía no está detenido. Inténtelo de nuevo, o responda NO al SMS. (" + problem.status + ")");
  } catch {
    say("No connection: it is not stopped yet. Try again, or answer the text with NO.", "Sin conexión: todavía no está detenido. Inténtelo de nuevo, o responda NO al SMS.");
  }
  return true;
}

let busy = false;
button.addEventListener("click", async () => {
  if (busy) return;
  busy = true;
  const again = await stop();
  busy = false;
  if (!again) button.hidden = true;
});
