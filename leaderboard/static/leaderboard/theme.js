// The theme: follows the system until the visitor chooses. Loaded before the first paint, so nothing flashes.
"use strict";

(() => {
  const ORDER = ["system", "light", "dark"];
  const SPOKEN = { system: "Theme: follows system", light: "Theme: light", dark: "Theme: dark" };
  const root = document.documentElement;

  function chosen() {
    const match = document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/);
    return match ? match[1] : "system";
  }

  function apply(theme) {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
  }

  function remember(theme) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const age = theme === "system" ? 0 : 31536000;
    document.cookie = `theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  }

  apply(chosen());

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-button]")) {
      button.hidden = false; // without scripts the button would do nothing, so it is not there
      button.setAttribute("aria-label", SPOKEN[chosen()]);
      button.addEventListener("click", () => {
        const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length];
        remember(next);
        apply(next);
        button.setAttribute("aria-label", SPOKEN[next]);
        document.dispatchEvent(new CustomEvent("themechange"));
      });
    }
  });
})();
