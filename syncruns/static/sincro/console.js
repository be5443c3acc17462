// What pages gain with a script: true times, messages, keys, polling that rests. Everything works without it.
"use strict";

(() => {
  const TICK = 10_000, NOTICE = 10_000;
  const words = () => document.getElementById("words").dataset;

  // Times. The same words as syncruns/timewords.py, on one line as there.
  const filled = (text, value) => text.replace("{}", value);
  const days = (count) => filled(count === 1 ? words().day : words().days, count);
  const coarse = (s) => s < 60 ? `${s}\u00a0s` : s < 3600 ? `${Math.floor(s / 60)}\u00a0min` : s < 86400 ? `${Math.floor(s / 3600)}\u00a0h` : days(Math.floor(s / 86400));
  const fine = (s) => {
    if (s < 3600 || s >= 86400) return coarse(s);
    return `${Math.floor(s / 3600)}\u00a0h\u00a0${String(Math.floor(s / 60) % 60).padStart(2, "0")}\u00a0min`;
  };
  const relative = (past) => {
    if (Math.abs(past) < 5) return words().now;
    return past > 0 ? filled(words().ago, coarse(past)) : filled(words().in, fine(-past));
  };

  function tick() {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-refresh]")) {
      const past = Math.trunc((now - Date.parse(time.dateTime)) / 1000);
      const said = time.dataset.refresh === "countdown" && past >= 0 ? words().due
        : time.dataset.refresh === "countdown" ? filled(words().in, fine(-past)) : relative(past);
      if (time.textContent !== said) time.textContent = said;
    }
    for (const row of document.querySelectorAll("[data-due]")) {
      if (Date.parse(row.dataset.due) <= now) row.dispatchEvent(new CustomEvent("due"));
    }
  }

  // Messages: errors stay until they are closed.
  function dress(notice) {
    if (notice.querySelector(".notice-close")) return;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close notice-close";
    close.ariaLabel = words().close;
    close.addEventListener("click", () => notice.remove());
    notice.append(close);
    if (!notice.classList.contains("notice-error")) fade(notice);
  }
  function fade(notice) {
    setTimeout(() => notice.matches(":hover, :focus-within") ? fade(notice) : notice.remove(), NOTICE);
  }
  function say(text, id = "") {
    if (id && document.getElementById(id)) return;
    const notice = document.createElement("div");
    notice.className = "notice notice-error";
    notice.id = id;
    const body = document.createElement("div");
    body.textContent = text;
    notice.append(body);
    document.getElementById("toasts").append(notice);
  }

  // htmx
  const isPoll = (element) => element.matches("[data-poll]");
  // What a poll would replace while somebody has something open in it, or types: it waits for its next turn.
  const isBusy = (element) => {
    const replaced = element.hasAttribute("hx-target") ? document.querySelector(element.getAttribute("hx-target")) : element;
    return replaced?.querySelector("details.menu[open], details.fold[open], input:not([type=checkbox], [type=radio]):focus, select:focus");
  };
  function onFailure({ detail }) {
    const element = detail.elt;
    if (isPoll(element)) return say(words().offline, "offline");
    element.closest("form")?.reset(); // a switch shows again what is true
    const status = detail.xhr?.status ?? 0;
    say(status === 403 ? words().refused : status ? words().failed : words().offline, status ? "" : "offline");
  }
  document.addEventListener("htmx:responseError", onFailure);
  document.addEventListener("htmx:sendError", onFailure);
  document.addEventListener("htmx:timeout", onFailure);
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) document.getElementById("offline")?.remove();
    if (!detail.successful || !detail.elt.matches("[data-dismiss]")) return;
    detail.elt.closest(".notice")?.remove();
    document.querySelector(detail.elt.getAttribute("hx-target"))?.querySelector("[role=switch]")?.focus(); // what was undone
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (isPoll(element) && (document.hidden || isBusy(element))) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // An answer from another address is the sign-in page, not the fragment that was asked for.
    const { xhr, pathInfo } = event.detail;
    if (!xhr.responseURL || new URL(xhr.responseURL).pathname === new URL(pathInfo.finalRequestPath, location.href).pathname) return;
    event.preventDefault();
    // What was typed is not lost: sent as a whole page would, it is kept until after the sign-in.
    const form = event.detail.requestConfig.verb === "post" && event.detail.requestConfig.elt.closest("form");
    if (!form) return location.reload();
    sendWhole(form, event.detail.requestConfig.elt);
  });
  function sendWhole(form, button) {
    if (button !== form && button.name) {
      const pressed = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
      if (button.type === "submit") form.append(pressed);
    }
    HTMLFormElement.prototype.submit.call(form); // past htmx; a button may be called submit
  }

  // The log follows its end for as long as the reader is there.
  const logBox = () => document.querySelector(".log-box");
  let follows = true;
  document.addEventListener("htmx:oobBeforeSwap", () => {
    const box = logBox();
    if (box) follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    if (logBox() && follows) logBox().scrollTop = logBox().scrollHeight;
  });

  // What a screen reader says of something that changed by itself, or in place.
  function announce(text) {
    document.getElementById("announcement").textContent = text;
  }
  let saidOfRun = "";
  const started = new Set(); // rows of runs that this reader began: their end is told
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const form = detail.requestConfig.elt; // which the answer may have replaced
    if (detail.successful && form.matches("tr form[action$='/sync/']")) started.add(form.closest("tr").id);
  });
  const spoken = (element) => element.textContent.replace(/\s+/g, " ").trim();
  document.addEventListener("htmx:afterSettle", () => {
    const run = document.querySelector("[data-announce]")?.dataset.announce ?? "";
    if (run !== saidOfRun) announce(saidOfRun = run);
    for (const row of [...started].map((id) => document.getElementById(id))) {
      if (!row || row.matches("[hx-trigger^=every]")) continue;
      started.delete(row.id);
      announce(`${spoken(row.querySelector(".c-name a"))}: ${spoken(row.querySelector(".c-state"))}`);
    }
  });

  // Forms that act as soon as something is chosen. The arrow keys pass over what is not meant: with them, on Enter.
  let keyed = null;
  document.addEventListener("pointerdown", () => { keyed = null; });
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!target.matches("select") || target.form?.dataset.submit !== "change") return;
    const isChosen = key === "Enter" && [...target.options].some((one) => one.selected !== one.defaultSelected);
    keyed = isChosen ? null : target;
    if (keyed) return;
    event.preventDefault();
    target.form.requestSubmit();
  });
  document.addEventListener("change", ({ target }) => {
    const form = target.form;
    if (form?.dataset.submit !== "change" || target === keyed || !target.matches("select, [type=checkbox]")) return;
    if (!(form.hasAttribute("hx-post") && window.htmx)) form.requestSubmit();
  });

  // They act in place: the page's content is replaced; the frame, the focus and the place on the page stay.
  let latest = null, shownAddress = location.pathname + location.search;
  const content = (page) => page.querySelector("#content > .container-xl");
  const isSame = (one, other) => ["action", "method", "aria-label"].every((name) => one.getAttribute(name) === other.getAttribute(name));
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.dataset.submit !== "change" || form.hasAttribute("hx-post") || form.closest("dialog")) return;
    event.preventDefault();
    actInPlace(form, submitter);
  });
  async function actInPlace(form, submitter) {
    const isPost = form.getAttribute("method") === "post"; // attributes: a field may be called "action"
    const values = new URLSearchParams(new FormData(form, submitter));
    const url = new URL(form.getAttribute("action") ?? "", location.href);
    if (!isPost) url.search = values;
    else if (!values.has("next")) values.set("next", shownAddress);
    let answer, page;
    latest = values; // of two that cross each other, the later one is shown
    form.setAttribute("aria-busy", "true");
    try {
      answer = await fetch(url, isPost ? { method: "POST", body: values } : {});
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      form.reset();
      return say(words().offline, "offline");
    } finally {
      form.removeAttribute("aria-busy");
    }
    document.getElementById("offline")?.remove();
    if (latest !== values) return;
    if (isPost && !answer.ok) {
      form.reset(); // a switch shows again what is true
      return say(answer.status === 403 ? words().refused : words().failed);
    }
    if (!answer.ok || !content(page) || new URL(answer.url).pathname !== location.pathname) return location.assign(answer.url);
    if (!isPost) history.pushState(null, "", answer.url + url.hash);
    shownAddress = location.pathname + location.search;
    show(page, form);
  }
  function show(page, form) {
    const focus = form.contains(document.activeElement) ? document.activeElement : null;
    content(document).replaceWith(content(page));
    document.title = page.title;
    window.htmx?.process(content(document));
    document.getElementById("toasts").append(...page.querySelectorAll("#toasts > .notice"));
    saidOfRun = document.querySelector("[data-announce]")?.dataset.announce ?? "";
    const now = [...document.querySelectorAll("form")].find((one) => isSame(one, form));
    const asked = content(document).querySelector("[autofocus]"); // the page wants something more
    const same = focus && [...(now?.elements ?? [])].find((one) => one.name === focus.name && one.type === focus.type);
    (asked ?? same)?.focus({ preventScroll: !asked });
    const rows = (now?.closest(".card") ?? content(document)).querySelectorAll("tbody tr, .log > li:not(.more)").length;
    if (form.getAttribute("method") !== "post") announce(filled(words().shown, rows));
  }
  window.addEventListener("popstate", () => { if (location.pathname + location.search !== shownAddress) location.reload(); });

  // One box that ticks all of a name in its form; without a script each is ticked by itself.
  document.addEventListener("change", ({ target }) => {
    if (!target.dataset.checkAll) return;
    for (const box of target.form.elements) {
      if (box.name === target.dataset.checkAll) box.checked = target.checked;
    }
  });

  // What is there to be copied is marked as soon as it has the focus.
  document.addEventListener("focusin", ({ target }) => { if (target.matches("input[data-select]")) target.select(); });
  if (navigator.clipboard) document.documentElement.classList.add("can-copy");
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.lastChild.textContent = button.dataset.copied;
  });

  // Menus close when one looks elsewhere.
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", ({ target }) => {
    for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
  });

  // Keys
  const PLACES = { o: "overview", c: "connections", r: "runs", d: "data", v: "review" };
  let goes = false;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const found = document.getElementById("search-found");
      if (found?.childElementCount) { found.replaceChildren(); document.getElementById("search").focus(); }
      for (const menu of openMenus()) { menu.open = false; menu.querySelector("summary").focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select")) return;
    const place = goes && PLACES[event.key];
    goes = event.key === "g";
    if (place) location.assign(words()[place]);
    else if (event.key === "/") document.getElementById("search")?.focus();
    else if (event.key === "?") document.getElementById("help-keys").showModal();
    else return;
    event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const toasts = document.getElementById("toasts");
    new MutationObserver(() => toasts.querySelectorAll(".notice").forEach(dress)).observe(toasts, { childList: true });
    toasts.querySelectorAll(".notice").forEach(dress);
    if (document.querySelector("#run-live[data-poll]") && logBox()) logBox().scrollTop = logBox().scrollHeight;
    saidOfRun = document.querySelector("[data-announce]")?.dataset.announce ?? "";
    // On a phone the tabs are wider than the window: begin with the open one in sight.
    for (const tab of document.querySelectorAll("main .nav-underline .active")) {
      const row = tab.closest(".nav-underline");
      row.scrollLeft += tab.getBoundingClientRect().right - row.getBoundingClientRect().right + 24;
    }
    setInterval(tick, TICK);
  });
})();
