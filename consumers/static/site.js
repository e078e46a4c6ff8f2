// Plays HLS clips: by hls.js where the browser has Media Source Extensions, else natively.
// Nothing but the poster is loaded until the reader starts a clip.
"use strict";
for (const video of document.querySelectorAll("video[data-hls]")) {
  if (!window.Hls || !Hls.isSupported()) continue;
  video.querySelectorAll("source").forEach((source) => source.remove());
  video.controls = false;
  const start = document.createElement("button");
  start.type = "button";
  start.className = "start";
  start.setAttribute("aria-label", `播放：${video.getAttribute("aria-label")}`);
  const stage = document.createElement("div");
  stage.className = "stage";
  video.replaceWith(stage);
  stage.append(video, start);
  start.addEventListener("click", () => {
    start.remove();
    video.controls = true;
    attach(video);
    video.play().catch(() => {});
    video.focus();
  }, { once: true });
}

function attach(video) {
  const hls = new Hls({ capLevelToPlayerSize: true });
  hls.loadSource(video.dataset.hls);
  hls.attachMedia(video);
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) setTimeout(() => hls.startLoad(), 3000);
    else hls.destroy();
  });
}
