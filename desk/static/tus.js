/* A small tus 1.0 sender: goes on after a lost network, a reload and a restarted server. */
"use strict";
window.Tus = (() => {
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const CHUNK = 64 * 1024 * 1024;
  const WAITS = [1, 2, 4, 8, 15, 30];
  const base = { "Tus-Resumable": "1.0.0", "X-CSRF-Token": csrf };
  const b64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const mark = (file) => `shoufa-up:${file.name}:${file.size}:${file.lastModified}`;

  function kept(key, value) {
    try {
      if (value === undefined) return localStorage.getItem(key);
      if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value);
    } catch { /* private window: only the going on after a reload is lost */ }
    return null;
  }

  function send(method, url, headers, body, moved) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      for (const [name, value] of Object.entries({ ...base, ...headers })) request.setRequestHeader(name, value);
      if (moved) request.upload.onprogress = (event) => moved(event.loaded);
      request.timeout = 300000;
      request.onload = () => done(request);
      request.onerror = request.ontimeout = request.onabort = () => done(null);
      if (moved) moved.abort = () => request.abort();
      request.send(body);
    });
  }

  function reason(answer) {
    try {
      const told = JSON.parse(answer.responseText);
      return [told.reason, told.next_step].filter(Boolean).join(" · ");
    } catch { return `HTTP ${answer.status}`; }
  }

  const rest = (seconds) => new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    window.addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });

  /* Sends a file; `tell(state, sent)` is told of each step: "sending", "waiting", "checking".
     Resolves to the upload's JSON; rejects with the reason in words. */
  async function upload(file, options, tell, handle = {}) {
    const key = mark(file);
    let url = kept(key), offset = 0, tries = 0, known = false;
    const again = async (why) => {
      if (handle.ended) throw new Error("已取消 / ended");
      tell("waiting", offset, why);
      await rest(WAITS[Math.min(tries++, WAITS.length - 1)]);
      known = false;
    };
    for (;;) {
      if (handle.ended) {
        if (url) { await send("DELETE", url, {}); kept(key, null); }
        throw new Error("已取消 / ended");
      }
      if (!url) {
        const words = { filename: file.name, filetype: file.type || "", ...(options.removePlace ? { place: "remove" } : {}) };
        const metadata = Object.entries(words).filter(([, v]) => v).map(([k, v]) => `${k} ${b64(v)}`).join(",");
        const made = await send("POST", "/v1/uploads", { "Upload-Length": String(file.size), "Upload-Metadata": metadata });
        if (!made || made.status >= 500) { await again("网络断了, 会自动接着传 / offline, goes on by itself"); continue; }
        if (made.status !== 201) throw new Error(reason(made));
        url = made.getResponseHeader("Location");
        kept(key, url);
        offset = 0; known = true;
      }
      if (!known) {
        const found = await send("HEAD", url, {});
        if (!found || found.status >= 500 || found.status === 423) { await again("网络断了, 会自动接着传 / offline, goes on by itself"); continue; }
        if (found.status === 401) throw new Error("登录已过期, 重新登录后再选同一个文件就接着传 / sign in again, then choose the same file");
        if (found.status !== 200) { kept(key, null); url = null; continue; }
        offset = Number(found.getResponseHeader("Upload-Offset"));
        known = true;
      }
      if (offset >= file.size) break;
      const began = offset;
      const moved = (sent) => tell("sending", began + sent);
      handle.abort = () => moved.abort && moved.abort();
      const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
      const answer = await send("PATCH", url, headers, file.slice(offset, offset + CHUNK), moved);
      if (answer && answer.status === 204) {
        offset = Number(answer.getResponseHeader("Upload-Offset"));
        tries = 0;
        tell("sending", offset);
      } else if (!answer || answer.status >= 500 || [409, 423].includes(answer.status)) {
        await again("网络断了, 会自动接着传 / offline, goes on by itself");
      } else {
        kept(key, null);
        throw new Error(reason(answer));
      }
    }
    tell("checking", file.size);
    for (tries = 0; ;) {
      const told = await send("GET", url, {});
      if (told && told.status === 200) {
        const what = JSON.parse(told.responseText);
        if (what.state !== "open") {
          kept(key, null);
          if (what.state === "done") return what;
          throw new Error(((what.faults || [])[0] || {}).reason || what.state);
        }
      } else if (told && told.status < 500) { kept(key, null); throw new Error(reason(told)); }
      await again("服务器在忙, 稍后再问 / asking again shortly");
    }
  }

  return { upload, csrf, reason };
})();
