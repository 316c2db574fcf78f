// The drop zone around a plain file input: checks name and size before the upload and shows the SHA-256.
"use strict";

(() => {
  function size(bytes) {
    return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }

  async function sha256(file) {
    if (!window.crypto?.subtle) return ""; // only on https and on this machine's own address
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function describe(input, note) {
    const file = input.files[0];
    note.textContent = "";
    delete input.dataset.refused;
    if (!file) return;
    const limit = Number(input.dataset.maxBytes);
    if (!file.name.toLowerCase().endsWith(".zip")) {
      input.dataset.refused = "yes";
      note.textContent = `${file.name} is not a zip. Pack the folder with submission.py as a .zip file.`;
    } else if (limit && file.size > limit) {
      input.dataset.refused = "yes";
      note.textContent = `The archive is ${size(file.size)}, the limit is ${size(limit)}. Leave out checkpoints and data.`;
    } else {
      note.textContent = `${file.name}, ${size(file.size)}`;
      const digest = await sha256(file);
      if (digest) note.textContent += `, SHA-256 ${digest}`;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const zone of document.querySelectorAll("[data-drop]")) {
      const input = zone.querySelector("input[type=file]");
      const note = zone.querySelector("[data-drop-note]");
      if (!input || !note) continue;
      input.addEventListener("change", () => describe(input, note));
      // What the site would refuse is not sent at all; the sentence that says why takes the focus.
      input.form?.addEventListener("submit", (event) => {
        if (!input.dataset.refused) return;
        event.preventDefault();
        note.tabIndex = -1;
        note.focus();
      });
      zone.addEventListener("dragover", (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
      zone.addEventListener("dragleave", () => zone.classList.remove("over"));
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("over");
        if (!event.dataTransfer.files.length) return;
        input.files = event.dataTransfer.files;
        describe(input, note);
      });
    }
  });
})();
