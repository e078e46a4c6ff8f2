/* The compose page: a structured form over a story's typed blocks; saved as one writes. */
"use strict";
(() => {
  const root = document.querySelector(".compose");
  const id = root.dataset.draft;
  const api = `/v1/drafts/${id}`;
  const start = JSON.parse(document.querySelector("#start").textContent);
  let draft = start.content, version = start.version, timer = 0, checking = 0, saving = null, dirty = false, lost = !start.yours;
  const outlets = start.outlets;
  const KINDS = { paragraph: "段落", heading: "小标题", quote: "引文", list_item: "列表项", image: "图片", video: "视频",
    gallery: "图集", table: "表格", divider: "分隔线", correction: "更正说明" };
  draft.body = draft.body || []; draft.media = draft.media || []; draft.variants = draft.variants || {};

  const make = (tag, text, name) => { const m = document.createElement(tag); if (text) m.textContent = text; if (name) m.className = name; return m; };
  const $ = (selector) => document.querySelector(selector);
  const plain = (spans) => (spans || []).map((s) => s.text).join("");
  const said = $("#saved");
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": Tus.csrf };

  function say(text, bad) { said.textContent = text; said.toggleAttribute("data-bad", !!bad); }

  async function call(method, path, body, more) {
    const answer = await fetch(api + path, { method, headers: { ...headers, ...more }, body: body === undefined ? undefined : JSON.stringify(body) });
    const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
    return { status: answer.status, told };
  }

  /* ---- saving ---- */
  function changed() {
    dirty = true;
    clearTimeout(timer); clearTimeout(checking);
    timer = setTimeout(save, 900);
    checking = setTimeout(check, 1200);
  }

  async function save() {
    if (lost) return false;
    if (saving) { await saving; }
    if (!dirty) return true;
    dirty = false;
    say("正在存 / saving…");
    saving = call("PUT", "", draft, { "If-Match": String(version) }).then(({ status, told }) => {
      if (status === 200) { version = told.version; say(`已存 ${told.saved_at.slice(11, 19)} / saved`); return true; }
      dirty = true;
      if (status === 409) { lost = true; banner(told); return false; }
      if (status === 401) { say("登录已过期: 另开一页登录, 这里的字不会丢 / sign in on another page; nothing here is lost", true); timer = setTimeout(save, 8000); return false; }
      say(told.reason || "没存上, 会自动再存 / not saved, tries again", true); timer = setTimeout(save, 5000);
      return false;
    }).catch(() => { dirty = true; say("网断了, 连上就存 / offline, saved once it is back", true); timer = setTimeout(save, 4000); return false; });
    const done = await saving; saving = null;
    return done;
  }

  function banner(told) {
    const box = $("#taken"); box.hidden = false;
    $("#taken-why").textContent = [told.reason, told.next_step].filter(Boolean).join(" · ");
    say("没有存 / not saved", true);
  }
  $("#take").addEventListener("click", async () => {
    const { status, told } = await call("POST", "/hold");
    if (status !== 200) { say(told.reason, true); return; }
    lost = false; version = told.version; $("#taken").hidden = true;
    if (!dirty) { draft = told.content; draft.body = draft.body || []; draft.media = draft.media || []; draft.variants = draft.variants || {}; fill(); drawn(); }
    changed();
  });
  window.addEventListener("beforeunload", (event) => { if (dirty && !lost) event.preventDefault(); });

  /* ---- live counts ---- */
  async function check() {
    const { status, told } = await call("POST", "/check", trimmed()).catch(() => ({ status: 0 }));
    if (status !== 200) return;
    const list = $("#outlets"); list.replaceChildren();
    for (const one of told.outlets) {
      const row = make("li", "");
      row.append(make("b", one.name));
      const most = one.headline_most;
      const count = make("span", ` 标题 ${one.headline}${most ? ` / ${most}` : ""} 字`, most && one.headline > most ? "over-limit" : "");
      row.append(count);
      if (one.refused) { row.toggleAttribute(one.applies ? "data-bad" : "data-off", true); row.append(make("div", `${one.applies ? "✕" : "–"} ${one.refused.split(" / ")[0]}`, "small")); }
      else row.append(make("span", " ✓", "ok"));
      list.append(row);
    }
    const wrong = $("#faults"); wrong.replaceChildren();
    for (const fault of told.faults) wrong.append(make("li", `${where(fault.field)} ${fault.reason.split(" / ")[0]}`));
    $("#count").textContent = told.characters === undefined ? "" : `正文 ${told.characters} 字 / characters`;
  }
  function where(field) {
    const at = /^story\.body\.(\d+)/.exec(field);
    if (at) return `第 ${Number(at[1]) + 1} 块:`;
    return { "story.headline": "标题:", "story.body": "正文:", "story.lead": "导语:", story: "" }[field] ?? `${field}:`;
  }
  /* Empty blocks are fine while one writes; they are no part of what is checked and filed. */
  function trimmed() {
    const whole = structuredClone(draft);
    whole.body = whole.body.filter((b) => b.kind === "divider" || b.media || b.images || b.rows || (b.spans ? plain(b.spans).trim() : (b.text || "").trim()));
    for (const b of whole.body) if (b.spans) b.spans = b.spans.filter((s) => s.text);
    for (const [key, v] of Object.entries(whole.variants)) {
      for (const f of Object.keys(v)) if (!v[f]) delete v[f];
      if (!Object.keys(v).length) delete whole.variants[key];
    }
    return whole;
  }

  /* ---- text with marks ---- */
  function edited(spans, text) {
    const old = plain(spans);
    let head = 0, tail = 0;
    while (head < old.length && head < text.length && old[head] === text[head]) head++;
    while (tail < old.length - head && tail < text.length - head && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
    const found = cut(spans, 0, head), end = cut(spans, old.length - tail, old.length), fresh = text.slice(head, text.length - tail);
    if (fresh) { const like = found[found.length - 1] || end[0] || {}; found.push({ ...like, text: fresh }); }
    return joined([...found, ...end]);
  }
  function cut(spans, from, to) {
    const found = []; let at = 0;
    for (const span of spans) {
      const text = span.text.slice(Math.max(0, from - at), Math.max(0, to - at));
      if (text) found.push({ ...span, text });
      at += span.text.length;
    }
    return found;
  }
  function joined(spans) {
    const found = [];
    for (const span of spans) {
      const last = found[found.length - 1];
      if (last && !!last.strong === !!span.strong && !!last.em === !!span.em && (last.href || "") === (span.href || "")) last.text += span.text;
      else found.push({ ...span });
    }
    return found.length ? found : [{ text: "" }];
  }
  function marked(spans, from, to, change) {
    const old = plain(spans);
    return joined([...cut(spans, 0, from), ...cut(spans, from, to).map((s) => ({ ...s, ...change(s) })), ...cut(spans, to, old.length)]);
  }
  function drawMarks(place, spans) {
    place.replaceChildren();
    place.hidden = !spans.some((s) => s.strong || s.em || s.href);
    for (const span of spans) {
      let node = document.createTextNode(span.text);
      for (const [on, tag] of [[span.em, "em"], [span.strong, "strong"], [span.href, "u"]]) if (on) { const m = make(tag); m.append(node); if (tag === "u") m.title = span.href; node = m; }
      place.append(node);
    }
  }

  /* ---- blocks ---- */
  const list = $("#blocks");
  function drawn(focus) {
    list.replaceChildren(...draft.body.map((block, at) => drawBlock(block, at)));
    if (focus !== undefined) { const to = list.children[focus]?.querySelector("textarea, input"); if (to) to.focus(); }
  }
  function button(text, label, act) {
    const b = make("button", text); b.type = "button"; b.title = label; b.setAttribute("aria-label", label);
    b.addEventListener("click", act); return b;
  }
  function drawBlock(block, at) {
    const row = make("li", "", "block"), line = make("div", "", "line"), acts = make("span");
    const shift = (by) => () => { const to = at + by; if (to < 0 || to >= draft.body.length) return; draft.body.splice(to, 0, draft.body.splice(at, 1)[0]); drawn(to); changed(); };
    acts.append(button("↑", "上移 / up", shift(-1)), button("↓", "下移 / down", shift(1)),
      button("✕", "删去 / remove", () => { draft.body.splice(at, 1); drawn(Math.max(0, at - 1)); changed(); }));
    line.append(make("span", `${at + 1} ${KINDS[block.kind] || block.kind}`), acts);
    row.append(line);
    if (block.spans) textOf(row, line, block, at);
    else if (block.kind === "heading" || block.kind === "correction") plainOf(row, block, "text", KINDS[block.kind]);
    else if (block.kind === "image" || block.kind === "video") mediaOf(row, block);
    else if (block.kind === "gallery") for (const image of block.images) mediaOf(row, image);
    else if (block.kind === "table") tableOf(row, block);
    return row;
  }
  function plainOf(row, block, field, name) {
    const label = make("label", name), input = make("input");
    input.value = block[field] || "";
    input.addEventListener("input", () => { block[field] = input.value; changed(); });
    label.append(input); row.append(label);
  }
  function textOf(row, line, block, at) {
    const area = make("textarea"), shown = make("p", "", "marks");
    area.value = plain(block.spans); area.setAttribute("aria-label", `第 ${at + 1} 块 ${KINDS[block.kind]}`);
    const grow = () => { area.style.height = "auto"; area.style.height = `${area.scrollHeight + 4}px`; };
    const put = (spans) => { block.spans = spans; drawMarks(shown, spans); changed(); };
    area.addEventListener("input", () => { put(edited(block.spans, area.value)); grow(); });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        const cutAt = area.selectionStart, text = area.value;
        const rest = cut(block.spans, cutAt, text.length);
        put(joined(cut(block.spans, 0, cutAt)));
        draft.body.splice(at + 1, 0, { ...block, key: undefined, spans: joined(rest) });
        drawn(at + 1);
      } else if (event.key === "Backspace" && !area.value && draft.body.length > 1) { event.preventDefault(); draft.body.splice(at, 1); drawn(Math.max(0, at - 1)); changed(); }
    });
    area.addEventListener("paste", (event) => pasted(event, at));
    const over = (change) => () => { const { selectionStart: a, selectionEnd: z } = area; if (a < z) put(marked(block.spans, a, z, change)); };
    const bold = button("B", "加粗选中的字 / bold", over((s) => ({ strong: !s.strong })));
    const link = button("链接", "给选中的字加链接 / link", () => {
      const address = $("#address"), { selectionStart: a, selectionEnd: z } = area;
      if (a === z) return;
      $("#link").returnValue = "";
      $("#link").showModal();
      $("#link").onclose = () => { if ($("#link").returnValue === "ok") put(marked(block.spans, a, z, () => ({ href: /^https?:\/\//.test(address.value) ? address.value : undefined }))); };
    });
    line.lastChild.prepend(bold, link);
    drawMarks(shown, block.spans);
    row.append(area, shown);
    requestAnimationFrame(grow);
  }
  function mediaOf(row, block) {
    const medium = draft.media.find((m) => m.ref === block.media);
    const asset = start.assets[medium?.asset_id];
    row.append(make("p", medium ? `素材 ${asset ? asset.file_name : block.media}` : "素材还没有传 / not uploaded", "small"));
    if (asset && asset.kind === "image") { const img = make("img"); img.src = `/compose/media/${medium.asset_id}`; img.alt = block.alt || ""; img.loading = "lazy"; row.append(img); }
    plainOf(row, block, "caption", "图说 / caption");
    if (block.kind === "image") plainOf(row, block, "alt", "替代文字 (给看不见图的人) / alt text");
    plainOf(row, block, "credit", "署名 / credit");
  }
  function tableOf(row, block) {
    plainOf(row, block, "caption", "表题 / caption");
    const table = make("table");
    block.rows.forEach((cells, y) => {
      const tr = make("tr");
      cells.forEach((cell, x) => {
        const td = make("td"), input = make("input");
        input.value = cell; input.setAttribute("aria-label", `第 ${y + 1} 行第 ${x + 1} 列`);
        input.addEventListener("input", () => { block.rows[y][x] = input.value; changed(); });
        td.append(input); tr.append(td);
      });
      table.append(tr);
    });
    const wide = make("div", "", "wide"); wide.append(table);
    const add = (by) => () => { if (by === "row") block.rows.push(block.rows[0].map(() => "")); else block.rows.forEach((r) => r.push("")); drawn(); changed(); };
    row.append(wide, button("＋行", "加一行 / row", add("row")), button("＋列", "加一列 / column", add("column")));
  }
  const EMPTY = { paragraph: () => ({ kind: "paragraph", spans: [{ text: "" }] }), heading: () => ({ kind: "heading", text: "" }),
    quote: () => ({ kind: "quote", spans: [{ text: "" }] }), list_item: () => ({ kind: "list_item", spans: [{ text: "" }] }),
    table: () => ({ kind: "table", rows: [["", ""], ["", ""]] }), divider: () => ({ kind: "divider" }), correction: () => ({ kind: "correction", text: "" }) };
  for (const b of document.querySelectorAll("[data-add]")) b.addEventListener("click", () => { draft.body.push(EMPTY[b.dataset.add]()); drawn(draft.body.length - 1); changed(); });

  /* ---- paste ---- */
  async function pasted(event, at) {
    const html = event.clipboardData.getData("text/html"), text = event.clipboardData.getData("text/plain");
    if (!html && !text.trim().includes("\n")) return;
    event.preventDefault();
    let blocks;
    if (html) {
      const answer = await fetch("/v1/imports?piece=true&name=paste.html", { method: "POST", headers: { ...headers, "Content-Type": "text/html" }, body: html });
      const told = await answer.json();
      if (answer.status !== 200) { say(told.reason, true); return; }
      blocks = told.story.body;
      const dropped = blocks.filter((b) => b.media).length;
      blocks = blocks.filter((b) => !b.media);
      const lines = told.report.filter((r) => r.fate !== "kept").map((r) => `${r.text.split(" / ")[0]}${r.count > 1 ? ` ×${r.count}` : ""}`);
      if (dropped) lines.push(`图片 ${dropped} 张请用“加图片、视频”上传`);
      $("#pasted").textContent = lines.length ? `粘贴时: ${lines.join("；")}` : "";
    } else blocks = text.split(/\r?\n/).map((t) => t.trim()).filter(Boolean).map((t) => ({ kind: "paragraph", spans: [{ text: t }] }));
    for (const b of blocks) delete b.key;
    const empty = !plain(draft.body[at].spans).trim();
    draft.body.splice(empty ? at : at + 1, empty ? 1 : 0, ...blocks);
    drawn(Math.min(at + blocks.length, draft.body.length - 1)); changed();
  }

  /* ---- media ---- */
  $("#add-media").addEventListener("change", async (event) => {
    const files = [...event.target.files]; event.target.value = "";
    for (const file of files) {
      const bar = make("p", file.name, "small"); $("#uploads").append(bar);
      try {
        const told = await Tus.upload(file, { removePlace: $("#place").checked }, (state, sent, why) => {
          bar.textContent = `${file.name} ${state === "waiting" ? why : `${Math.floor(100 * sent / file.size)}%`}`;
        });
        placeMedia(told); bar.remove();
      } catch (error) { bar.textContent = `✕ ${file.name}: ${error.message}`; bar.className = "over-limit"; }
    }
  });
  function placeMedia(told) {
    let n = draft.media.length + 1;
    while (draft.media.some((m) => m.ref === `m${n}`)) n++;
    const ref = `m${n}`, picture = told.picture || {};
    start.assets[told.id] = { kind: told.kind, file_name: told.file_name };
    draft.media.push({ ref, asset_id: told.id });
    const block = { kind: told.kind, media: ref };
    if (picture.caption) block.caption = picture.caption;
    if (picture.credit || picture.byline) block.credit = picture.credit || picture.byline;
    if (picture.alt && told.kind === "image") block.alt = picture.alt;
    draft.body.push(block); drawn(); changed();
  }

  /* ---- fields ---- */
  const FIELDS = ["headline", "lead", "byline", "source", "correction"];
  function fill() {
    for (const field of FIELDS) { const input = $(`#f-${field}`); if (input) input.value = draft[field] || ""; }
    $("#f-keywords").value = (draft.keywords || []).join("、");
    $("#f-sections").value = (draft.sections || []).join("、");
    for (const input of document.querySelectorAll("[data-variant]")) input.value = (draft.variants[input.dataset.variant] || {})[input.dataset.field] || "";
  }
  for (const field of FIELDS) $(`#f-${field}`)?.addEventListener("input", (event) => { draft[field] = event.target.value; changed(); });
  for (const field of ["keywords", "sections"]) $(`#f-${field}`).addEventListener("input", (event) => { draft[field] = event.target.value.split(/[、,，;；]/).map((t) => t.trim()).filter(Boolean); changed(); });
  for (const input of document.querySelectorAll("[data-variant]")) input.addEventListener("input", () => {
    const one = draft.variants[input.dataset.variant] ||= {};
    one[input.dataset.field] = input.value; changed();
  });

  /* ---- filing, preview ---- */
  async function ready() {
    draft = Object.assign(draft, trimmed()); dirty = true;
    drawn();
    return save();
  }
  $("#file").addEventListener("click", async (event) => {
    event.target.disabled = true;
    if (await ready()) {
      const { status, told } = await call("POST", "/file", {});
      if (status === 201 || status === 200) { dirty = false; location.href = `/board/stories/${told.number}`; return; }
      say([told.reason, told.next_step].filter(Boolean).join(" · "), true);
    }
    event.target.disabled = false;
  });
  $("#preview").addEventListener("click", async () => { if (await ready()) window.open(`/compose/${id}/preview`, `preview-${id}`); });
  $("#drop").addEventListener("click", async () => {
    if (!$("#drop").dataset.sure) { $("#drop").dataset.sure = "1"; $("#drop").textContent = "再点一次扔掉 / click again"; return; }
    const { status, told } = await call("DELETE", "");
    if (status === 204) { dirty = false; location.href = "/compose"; } else say(told.reason, true);
  });

  if (!draft.body.length) draft.body.push(EMPTY.paragraph());
  fill(); drawn(); check();
  if (!start.yours) banner({ reason: `${start.holder_name} 正在写这份草稿 / is writing this draft` });
})();
