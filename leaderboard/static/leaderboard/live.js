// Small additions to htmx: polling pauses in hidden tabs, waits longer after errors and says when numbers are old.
// Fragments are ordinary pages of HTML; without this script the same content refreshes by itself every 30 s.
"use strict";

(() => {
  const LONGEST_WAIT_S = 120;
  const failures = new WeakMap(); // element -> {count, until}
  let lastGood = null;

  function note(text) {
    const status = document.getElementById("live-status");
    if (status && status.textContent !== text) status.textContent = text;
  }

  function clock(moment) {
    return `${moment.toISOString().slice(11, 16)} UTC`;
  }

  function polls(element) {
    return (element.getAttribute("hx-trigger") || "").includes("every");
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (!polls(element)) return;
    const failed = failures.get(element);
    if (document.hidden || (failed && Date.now() < failed.until)) event.preventDefault();
  });

  function onFailure(event) {
    const element = event.detail.elt;
    if (!polls(element)) return;
    const before = failures.get(element);
    const count = before ? before.count + 1 : 1;
    failures.set(element, { count, until: Date.now() + Math.min(LONGEST_WAIT_S, 4 * 2 ** count) * 1000 });
    const since = lastGood ? `Showing numbers from ${clock(lastGood)}, connection` : "Connection";
    note(`${since} lost, retrying.`);
  }

  document.addEventListener("htmx:responseError", onFailure);
  document.addEventListener("htmx:sendError", onFailure);
  document.addEventListener("htmx:timeout", onFailure);

  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || !polls(event.detail.elt)) return;
    failures.delete(event.detail.elt);
    lastGood = new Date();
    note("");
  });

  // What the reader has done to the old fragment is kept in the new one: open disclosures and scrolled logs.
  // A fragment that reads the same is left alone, so that focus and selection stay.
  let kept = { open: new Set(), logs: new Map() };
  const last = new Map(); // id of a polling element -> what it was replaced with
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!target) return;
    if (target.id && polls(target)) {
      if (last.get(target.id) === event.detail.serverResponse) event.detail.shouldSwap = false;
      last.set(target.id, event.detail.serverResponse);
    }
    kept = { open: new Set(), logs: new Map() };
    for (const details of target.querySelectorAll("details[id][open]")) kept.open.add(details.id);
    for (const log of target.querySelectorAll(".log[id]")) {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
      kept.logs.set(log.id, atEnd ? null : log.scrollTop);
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, top] of kept.logs) {
      const log = document.getElementById(id);
      if (log) log.scrollTop = top === null ? log.scrollHeight : top;
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    // A select that only changes what the page shows sends its form at once; without scripts there is a button.
    for (const form of document.querySelectorAll("form[data-autosubmit]")) {
      form.addEventListener("change", () => form.requestSubmit());
    }
    for (const log of document.querySelectorAll(".log[data-follow]")) log.scrollTop = log.scrollHeight;
    const summary = document.getElementById("error-summary");
    if (summary) summary.focus();
  });
})();
