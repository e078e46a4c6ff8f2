// The live board: follows the event stream, counts ages, filters, opens a story beside the board.
"use strict";

const body = document.body;
const rows = document.getElementById("rows");
const panel = document.getElementById("panel");
const live = body.dataset.live === "yes";
let cursor = body.dataset.cursor;
let ahead = 0; // this machine's clock against the server's, ms
let heard = Date.now();
let source = null;
let pause = 1000;

const now = () => Date.now() - ahead;

// --- time ---------------------------------------------------------------------------------------

const shanghai = (options) => new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", ...options });
const clockFace = shanghai({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayFace = shanghai({ month: "long", day: "numeric", weekday: "short" });
const dateFace = shanghai({ year: "numeric", month: "2-digit", day: "2-digit" });

function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}秒`;
  if (s < 3600) return `${Math.floor(s / 60)}分${two(s % 60)}秒`;
  if (s < 86400) return `${Math.floor(s / 3600)}时${two(Math.floor((s % 3600) / 60))}分`;
  return `${Math.floor(s / 86400)}天`;
}

function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function tick() {
  const at = now();
  put(document.getElementById("clock"), clockFace.format(at));
  put(document.getElementById("day"), dayFace.format(at));
  for (const element of rows.querySelectorAll("time.age")) put(element, age(at - element.dataset.since));
  let turned = false;
  for (const cell of rows.querySelectorAll("td[data-late]")) {
    const late = at > Number(cell.dataset.late);
    if (late !== cell.classList.contains("is-late")) {
      cell.classList.toggle("is-late", late);
      turned = true;
    }
  }
  if (turned) filter();
  if (live && source && at + ahead - heard > 40000) lost();
}

// --- filters ------------------------------------------------------------------------------------

const WANTED = {
  all: () => true,
  late: (row) => row.querySelector(".is-late") !== null,
  person: (row) => "person" in row.dataset,
  failed: (row) => "failed" in row.dataset,
  mine: (row) => row.dataset.by === body.dataset.me || (row.dataset.desk !== "" && row.dataset.desk === body.dataset.desk),
  today: (row) => dateFace.format(Number(row.dataset.created)) === dateFace.format(now()),
};

function filter() {
  const asked = location.hash.slice(1);
  const name = asked in WANTED ? asked : "all";
  const found = { all: 0, late: 0, person: 0, failed: 0, mine: 0, today: 0 };
  for (const row of rows.children) {
    for (const each of Object.keys(WANTED)) if (WANTED[each](row)) found[each] += 1;
    row.hidden = !WANTED[name](row);
  }
  for (const link of document.querySelectorAll("[data-filter]")) {
    put(link.querySelector("b"), String(found[link.dataset.filter]));
    if (link.dataset.filter === name) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const none = document.getElementById("none");
  none.hidden = found[name] > 0;
  for (const words of none.querySelectorAll("[data-none]")) {
    words.hidden = (words.dataset.none === "all") !== (rows.children.length === 0);
  }
}

// --- the stream ---------------------------------------------------------------------------------

function say(state, text) {
  const link = document.getElementById("link");
  if (link.dataset.link !== state) link.dataset.link = state;
  put(link.querySelector("span"), text);
}

function connect() {
  source = new EventSource(`/board/events?after=${encodeURIComponent(cursor)}`);
  const mine = source;
  const listen = (name, act) =>
    mine.addEventListener(name, (event) => {
      if (mine !== source) return;
      heard = Date.now();
      pause = 1000;
      say("on", "实时");
      if (event.lastEventId) cursor = event.lastEventId;
      act(event.data);
    });
  listen("snapshot", (data) => take(JSON.parse(data), true));
  listen("rows", (data) => take(JSON.parse(data), false));
  listen("beat", (data) => setClock(Number(data)));
  mine.addEventListener("error", () => mine === source && lost());
}

// The browser would try again by itself, but not after an answer like 503, and not after a sleep.
function lost() {
  source.close();
  source = null;
  say("off", "断线, 重连中");
  // the browser does not tell why: a session that ended looks like a server that is away
  fetch("/here").then((answer) => answer.status === 401 && location.assign("/sign-in")).catch(() => undefined);
  setTimeout(connect, pause * (1 + Math.random() / 4));
  pause = Math.min(pause * 2, 15000);
}

function setClock(serverNow) {
  ahead = Date.now() - serverNow;
}

function take(told, whole) {
  setClock(told.now);
  if (told.layout !== body.dataset.layout) {
    // other columns, or a newer page: load it, at most once in five seconds
    setTimeout(() => location.reload(), Math.max(0, 5000 - performance.now()));
    return;
  }
  document.getElementById("away").hidden = told.reachable;
  strip(told.counts);
  const known = new Map(Array.from(rows.children, (row) => [Number(row.dataset.number), row]));
  if (whole) for (const [number, row] of known) if (!(number in told.rows)) row.remove();
  for (const [number, html] of Object.entries(told.rows)) draw(Number(number), html, known, whole);
  place(told.order, known);
  tick();
  filter();
}

function strip(counts) {
  for (const element of document.querySelectorAll("[data-count]")) {
    const value = counts[element.dataset.count];
    put(element, value === undefined ? "–" : String(value));
    element.toggleAttribute("data-zero", value === 0);
  }
  put(document.getElementById("quiet"), counts.busy === undefined ? "" : doing(counts.busy, counts.moving));
}

// Nothing in hand is not yet quiet: what waits for people or a time is on its way all the same.
function doing(busy, moving) {
  if (busy) return `${busy} 项进行中`;
  return moving ? `没有进行中的工作 · ${moving} 条在等审核、波次或时间` : "安静 · 没有进行中的工作";
}

function draw(number, html, known, whole) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  const fresh = holder.content.firstElementChild;
  const old = known.get(number);
  known.set(number, fresh);
  if (!old) {
    if (!whole) fresh.querySelector(".about").classList.add("just");
    return;
  }
  const focus = old.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  for (const cell of fresh.querySelectorAll("td[data-channel]")) {
    const before = old.querySelector(`td[data-channel="${cell.dataset.channel}"]`);
    if (!before || before.dataset.state !== cell.dataset.state) cell.classList.add("just");
    if (before?.querySelector("details[open]")) cell.querySelector("details")?.setAttribute("open", "");
  }
  old.replaceWith(fresh);
  if (focus) fresh.querySelector(`[data-focus="${focus}"]`)?.focus({ preventScroll: true });
  if (!panel.hidden && panel.dataset.story === fresh.querySelector(".open").dataset.open) again();
}

function place(order, known) {
  const wanted = new Set(order);
  for (const [number, row] of known) if (!wanted.has(number)) row.remove();
  let after = null;
  for (const number of order) {
    const row = known.get(number);
    if (!row) continue;
    const next = after ? after.nextElementSibling : rows.firstElementChild;
    if (next !== row) rows.insertBefore(row, next);
    after = row;
  }
}

// --- one story ----------------------------------------------------------------------------------

let opener = null;
let asking = false;
let askAgain = false;

async function load(story) {
  const answer = await fetch(`/board/stories/${encodeURIComponent(story)}?part`);
  if (answer.status === 401) location.assign("/sign-in");
  const html = await answer.text();
  if (panel.dataset.story !== story) return;
  const opened = new Set(Array.from(panel.querySelectorAll("details[open]"), (d) => d.dataset.key));
  const top = panel.scrollTop;
  const shut = panel.querySelector(".shut");
  const typed = new Map(Array.from(panel.querySelectorAll("form.act input"), (i) => [i.id, i.value]));
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
  panel.querySelector(".detail")?.remove();
  shut.insertAdjacentHTML("afterend", html);
  for (const input of panel.querySelectorAll("form.act input")) input.value = typed.get(input.id) ?? "";
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  Array.from(panel.querySelectorAll("details")).forEach((d) => {
    if (opened.has(d.dataset.key)) d.open = true;
  });
  panel.scrollTop = top;
}

// One request at a time, however often the story changes.
async function again() {
  askAgain = true;
  if (asking) return;
  asking = true;
  while (askAgain && !panel.hidden) {
    askAgain = false;
    await load(panel.dataset.story).catch(() => undefined);
    await new Promise((done) => setTimeout(done, 500));
  }
  asking = false;
}

function open(link) {
  opener = link.dataset.open;
  panel.dataset.story = link.dataset.open;
  const shut = document.createElement("button");
  shut.className = "shut";
  shut.type = "button";
  shut.setAttribute("aria-label", "关闭 / close");
  shut.innerHTML = '<svg class="i" aria-hidden="true"><use href="#i-close"/></svg>';
  shut.addEventListener("click", close);
  panel.replaceChildren(shut);
  panel.hidden = false;
  panel.scrollTop = 0;
  shut.focus();
  load(link.dataset.open).catch(() => shut.insertAdjacentHTML("afterend", '<p class="detail">读不到, 请稍后再试 / not available now</p>'));
}

function close() {
  panel.hidden = true;
  panel.replaceChildren();
  rows.querySelector(`[data-open="${CSS.escape(opener)}"]`)?.focus();
}

rows.addEventListener("click", (event) => {
  const link = event.target.closest("[data-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const why = rows.querySelector("details.why[open]");
  if (why) why.open = false;
  else if (!panel.hidden) close();
});
document.addEventListener("click", (event) => {
  for (const why of rows.querySelectorAll("details.why[open]")) if (!why.contains(event.target)) why.open = false;
});
window.addEventListener("hashchange", filter);

for (const element of document.querySelectorAll("[data-count]")) {
  element.toggleAttribute("data-zero", element.textContent === "0");
}
tick();
filter();
setInterval(tick, 1000);
if (live) {
  const quiet = document.getElementById("quiet");
  put(quiet, doing(Number(quiet.dataset.busy), Number(document.querySelector('[data-count="moving"]').textContent)));
  connect();
}
