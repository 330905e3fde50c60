"use strict";
// The token stands behind the #, which no server and no log ever sees; and nothing
// happens without the button, because link previews open links too.
const spanish = document.documentElement.lang === "es";
const say = (en, es) => { document.getElementById("result").textContent = spanish ? es : en; };
document.getElementById("stop").addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    const answer = await fetch("/v1/recoveries/veto", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: location.hash.slice(1) }),
    });
    if (answer.ok) return say("It is stopped. Your account stays as it is.", "Está detenido. Su cuenta queda como estaba.");
    if (answer.status === 404) return say("This link was used already, or it is no longer needed.", "Este enlace ya se usó o ya no hace falta.");
    const problem = await answer.json();
    say(problem.detail || problem.title, problem.detail || problem.title);
  } catch {
    say("No connection. Try again.", "Sin conexión. Inténtelo de nuevo.");
  }
  event.target.disabled = false;
});
