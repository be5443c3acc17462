// The form of a connection works without this: it only hides fields that do not count and says that a test is under way.
"use strict";

function valueOf(form, name) {
  const control = form.elements.namedItem(name);
  if (!control || control.closest("[hidden]")) return null;
  return control.type === "checkbox" ? (control.checked ? "on" : "") : control.value;
}

// In document order, so that what hangs on a hidden field is hidden too.
function showWhatCounts() {
  const form = document.getElementById("connection-form");
  form.classList.add("is-live");
  for (const part of document.querySelectorAll("[data-depends-on]")) {
    const counts = part.dataset.dependsValues.split("\n").includes(valueOf(form, part.dataset.dependsOn));
    part.hidden = !counts;
    for (const control of part.querySelectorAll("[required], [data-required]")) {
      control.dataset.required = "";
      control.required = counts;
    }
  }
}

document.addEventListener("change", (event) => {
  if (event.target.closest("#connection-form")) showWhatCounts();
});
document.addEventListener("htmx:afterSettle", () => {
  showWhatCounts();
  keepFocusInView();
});

// Hiding what does not count may have moved away what the answer put the focus on.
function keepFocusInView() {
  const focused = document.activeElement;
  if (!focused || !focused.closest("#connection-form")) return;
  const { top, bottom } = focused.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) focused.scrollIntoView({ block: "center" });
}

// A test can take a while: say so, and let a second click do nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "connection-form") return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
  if (event.submitter && event.submitter.textContent.trim()) event.submitter.textContent = form.dataset.busy;
});
// Back from another page, the browser may show the form as it was left.
window.addEventListener("pageshow", () => document.getElementById("connection-form").removeAttribute("aria-busy"));

showWhatCounts();
