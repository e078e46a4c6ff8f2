// Keys for every act: whatever has data-key is pressed, opened or focused by its key; ? shows them.
"use strict";
(() => {
  const typing = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  function told(element) {
    const label = element.getAttribute("aria-label") || element.closest("label")?.firstChild?.textContent || element.textContent;
    return label.replace(/\s+/g, " ").trim();
  }

  function seen(element) {
    return element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  }

  function show() {
    const old = document.getElementById("keys");
    if (old) {
      old.close();
      return;
    }
    const box = document.createElement("dialog");
    box.id = "keys";
    box.setAttribute("aria-label", "快捷键 / keys");
    const list = document.createElement("dl");
    const rows = [...document.querySelectorAll("[data-key]")].filter(seen).map((e) => [e.dataset.key, told(e)]);
    const moves = document.querySelector(".cards a, .open") ? [["j", "下一篇 / next story"], ["k", "上一篇 / previous story"]] : [];
    for (const [key, word] of [...rows, ...moves, ["Esc", "关闭, 离开输入框 / close, leave a field"], ["?", "这张表 / this list"]]) {
      list.append(Object.assign(document.createElement("dt"), { textContent: key }), Object.assign(document.createElement("dd"), { textContent: word }));
    }
    const shut = Object.assign(document.createElement("button"), { textContent: "关闭 / close" });
    shut.addEventListener("click", () => box.close());
    box.append(Object.assign(document.createElement("h2"), { textContent: "快捷键 / keys" }), list, shut);
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
  }

  function step(by) {
    const links = [...document.querySelectorAll(".cards h2 a, tr.story:not([hidden]) .open")].filter(seen);
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))]?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "?") show();
    else if (document.querySelector("dialog[open]")) return;
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else {
      const wanted = [...document.querySelectorAll("[data-key]")].filter((e) => e.dataset.key === event.key && seen(e));
      const one = wanted.at(-1); // of a panel over the page rather than of the page
      if (!one) return;
      if (one.matches("input, textarea, select")) one.focus();
      else if (one.matches("summary")) {
        one.parentElement.open = true;
        one.parentElement.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
      } else one.click();
    }
    event.preventDefault();
  });

  // a form sent twice by a double click is sent once
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  document.getElementById("show-keys")?.addEventListener("click", show);
})();
