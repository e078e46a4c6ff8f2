// Plays HLS clips: by hls.js where the browser has Media Source Extensions, else natively.
// Nothing is loaded but the poster until the reader starts a clip.
"use strict";
for (const video of document.querySelectorAll("video[data-hls]")) {
  if (!window.Hls || !Hls.isSupported()) continue;
  video.querySelectorAll("source").forEach((source) => source.remove());
  const hls = new Hls({ autoStartLoad: false, capLevelToPlayerSize: true });
  hls.loadSource(video.dataset.hls);
  hls.attachMedia(video);
  video.addEventListener("play", () => hls.startLoad(), { once: true });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) setTimeout(() => hls.startLoad(), 3000);
    else hls.destroy();
  });
}
