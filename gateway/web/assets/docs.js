"use strict";
window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "list", validatorUrl: null,
  onComplete: () => document.querySelector(".servers select")?.setAttribute("aria-label", "Server"), // it has no name of its own
});
