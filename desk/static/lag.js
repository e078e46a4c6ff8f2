// Draws the figures anew every few seconds; what the reader has open or focused stays.
"use strict";
const box = document.getElementById("lag");
const lost = document.getElementById("lost");
const heading = document.title;
let wasOpen = false;

function retitle() {
  const sum = box.querySelector("[data-title]");
  document.title = (sum ? sum.dataset.title + " · " : "") + heading;
}

async function draw() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/lag?part", { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status === 401) location.assign("/sign-in?to=/lag");
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    const details = box.querySelector("details");
    wasOpen = details ? details.open : wasOpen;
    const focused = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    box.innerHTML = html;
    if (wasOpen) box.querySelector("details").open = true;
    if (focused) box.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    lost.hidden = true;
    retitle();
  } catch {
    lost.hidden = false;
  }
}
retitle();
setInterval(draw, 5000);
document.addEventListener("visibilitychange", draw);
