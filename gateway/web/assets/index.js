"use strict";
// Spanish where the browser prefers it; the markup itself is English.
if (navigator.language.startsWith("es")) {
  document.documentElement.lang = "es";
  for (const el of document.querySelectorAll("[data-es]")) el.textContent = el.dataset.es;
}
