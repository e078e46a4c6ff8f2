// By hand: every act goes to the API with the session's cookie and its token.
"use strict";
/* global again */ // of board.js, where the story is a panel
const hands = (() => {
  const CSRF = document.querySelector("meta[name=csrf]").content;

  // {ok, told}
  async function call(path, body) {
    let answer;
    try {
      const headers = { "X-CSRF-Token": CSRF };
      if (body) headers["Content-Type"] = "application/json";
      answer = await fetch(path, {
        method: body ? "POST" : "GET",
        headers,
        body: body ? JSON.stringify(body) : undefined,
      });
    } catch (error) {
      return { ok: false, told: { reason: `没有连上 / not reached: ${error.message}` } };
    }
    const told = await answer.json().catch(() => ({ reason: `HTTP ${answer.status}` }));
    if (answer.status !== 401) return { ok: answer.ok, told };
    return { ok: false, told: { reason: "登录已过期 / your session ended", next_step: "在新窗口登录, 回来再按一次 / sign in in a new window, then press again" } };
  }

  function say(form, text, bad) {
    const said = form.querySelector(".said");
    said.textContent = text;
    said.toggleAttribute("data-bad", Boolean(bad));
  }

  const faultOf = (told) => [told.reason, told.next_step].filter(Boolean).join("\n");

  // First the plan, then the same again for real.
  async function planned(form, path, body, lineOf) {
    const real = form.dataset.planned === JSON.stringify(body);
    const answer = await call(path, { ...body, dry_run: !real });
    if (!answer.ok) {
      say(form, faultOf(answer.told), true);
      return false;
    }
    const lines = answer.told.plan.map(lineOf);
    const does = answer.told.plan.some((line) => line.way || line.sends || body.reason);
    form.dataset.planned = !real && does ? JSON.stringify(body) : "";
    const head = real ? "已做 / done" : does ? "计划如下, 再按一次就做 / the plan; press again to do it" : "没有可做的 / nothing to do";
    say(form, [head, ...lines].join("\n"));
    return real;
  }

  async function settle(form) {
    const { act, answer, asOf } = form.dataset;
    const where = form.querySelector("[name=where]")?.value.trim() ?? "";
    const note = form.querySelector("[name=note]")?.value.trim() ?? "";
    const body = { answer, as_of: asOf, note };
    if (where) body[where.includes("://") ? "url" : "item_id"] = where;
    const got = await call(act, body);
    say(form, got.ok ? `已登记: ${got.told.reason}` : faultOf(got.told), !got.ok);
    return got.ok;
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const done = form.dataset.answer
        ? await settle(form)
        : await planned(form, form.dataset.act, form.dataset.channel ? { channels: [form.dataset.channel] } : {}, (l) => `${l.channel}: ${l.says}`);
      const fresh = document.body.classList.contains("alone") ? () => location.reload() : again;
      if (done) setTimeout(fresh, 1200); // long enough to read what was recorded
    } finally {
      button.disabled = false;
    }
  });

  // In the panel beside the board an act changes the panel alone; on its own page the page is loaded.
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-deed]");
    const box = form?.closest("#panel");
    if (!box) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(`${form.action}?part`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      box.querySelector(".detail").outerHTML = await answer.text();
      box.scrollTop = 0;
      box.querySelector(".shut").focus();
    } catch {
      button.disabled = false;
    }
  });

  return { call, planned, say, faultOf };
})();
