// The dead letters.
"use strict";
const list = document.getElementById("letters");
const whole = document.getElementById("all");
const closed = document.getElementById("closed");

function put(parent, name, text, more = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  Object.assign(made, more);
  parent.append(made);
  return made;
}

const face = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });
const at = (text) => (text ? face.format(new Date(text)) : "");
const lineOf = (letter) => `${letter.id.slice(0, 8)}: ${letter.says}`;

async function load() {
  let found = [];
  let cursor = "";
  do {
    const asked = new URLSearchParams({ closed: closed.checked, limit: 200, ...(cursor && { cursor }) });
    const answer = await hands.call(`/v1/dead-letters?${asked}`);
    if (!answer.ok) {
      hands.say(whole, hands.faultOf(answer.told), true);
      return;
    }
    found = found.concat(answer.told.letters);
    cursor = answer.told.next;
  } while (cursor);
  list.replaceChildren(...found.map(draw));
  document.getElementById("none").hidden = found.length > 0;
}

function draw(letter) {
  const box = document.createElement("details");
  box.className = "letter";
  if (letter.closed_at) box.dataset.closed = letter.closed_how;
  const head = put(box, "summary", "");
  put(head, "b", `${letter.id.slice(0, 8)} `, { className: "code" });
  put(head, "span", `${letter.topic}/${letter.partition}/${letter.offset} → ${letter.consumer} · ${letter.type} `);
  put(head, "small", `首次 ${at(letter.first_at)} · ${letter.times} 次`);
  put(head, "div", letter.cause);
  if (letter.closed_at) put(head, "div", `${letter.closed_how} · ${letter.closed_by} · ${letter.closed_why}`, { className: "small" });
  box.addEventListener("toggle", () => box.open && !box.dataset.read && show(box, letter));
  return box;
}

async function show(box, letter) {
  box.dataset.read = "yes";
  const answer = await hands.call(`/v1/dead-letters/${letter.id}`);
  if (!answer.ok) {
    delete box.dataset.read;
    box.open = false;
    return;
  }
  const facts = put(box, "dl", "", { className: "facts" });
  const rows = [["键 key", answer.told.key], ...answer.told.headers, ["值 value", answer.told.value]];
  for (const [name, text] of rows) {
    put(facts, "dt", name);
    put(put(facts, "dd", ""), "pre", text, { className: "code" });
  }
  put(facts, "dt", "重放 replay");
  put(facts, "dd", answer.told.replay.says);
  if (letter.closed_at) return;
  if (answer.told.replay.sends) act(box, "重放 / replay", "replay", { letters: [letter.id] });
  act(box, "弃置 / discard", "discard", { letters: [letter.id] }, "理由 / why");
}

function act(box, word, verb, body, wanted) {
  const form = put(box, "form", "", { className: "act" });
  if (wanted) put(put(form, "label", ""), "input", "", { name: "reason", required: true, placeholder: wanted });
  put(form, "button", word);
  put(form, "p", "", { className: "said" }).setAttribute("role", "status");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = wanted ? { ...body, reason: form.querySelector("input").value.trim() } : body;
    if (await hands.planned(form, `/v1/dead-letters/${verb}`, asked, lineOf)) setTimeout(load, 1000);
  });
}

whole.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await hands.planned(whole, "/v1/dead-letters/replay", { letters: [] }, lineOf)) setTimeout(load, 1000);
});
closed.addEventListener("change", load);
load();
