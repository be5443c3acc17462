// The page of the API's description: Swagger UI in the reader's theme, with names for what has none.
"use strict";

const root = document.documentElement;
const page = document.getElementById("swagger-ui");
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour() {
  root.classList.toggle("dark-mode", root.dataset.bsTheme ? root.dataset.bsTheme === "dark" : dark.matches);
}

function set(selector, name, value) {
  for (const element of page.querySelectorAll(selector)) {
    const wanted = typeof value === "function" ? value(element) : value;
    if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
  }
}

function operation(element) {
  const path = element.closest(".opblock")?.querySelector(".opblock-summary-path");
  return path ? path.dataset.path : "";
}

// Levels of headings, names of regions, fields and buttons, and a way to scroll by keyboard.
function complete() {
  const levels = { "h3.opblock-tag": "2", ".models h4": "2", ".opblock-body h4": "3", ".opblock-body h5": "4", ".modal-ux-header h3": "2", ".modal-ux-content h4": "3" };
  for (const [selector, level] of Object.entries(levels)) set(selector, "aria-level", level), set(selector, "role", "heading");
  set("table[role=region]", "aria-label", element => `${element.className.split("-")[0]}: ${element.closest(".opblock")?.id}`);
  set(".microlight", "tabindex", "0");
  set("[data-param-name] select", "aria-label", element => element.closest("[data-param-name]").dataset.paramName);
  set(".body-param__text, .body-param textarea", "aria-label", element => `Body: ${operation(element)}`);
  set(".close-modal", "aria-label", "Close");
  for (const button of page.querySelectorAll(".modal-btn[aria-label]")) button.removeAttribute("aria-label");
}

dark.addEventListener("change", colour);
colour();
new MutationObserver(complete).observe(page, { childList: true, subtree: true });

SwaggerUIBundle({
  ...JSON.parse(document.getElementById("swagger-settings").textContent),
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
});
