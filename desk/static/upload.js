/* The upload page: many files, three at a time, with progress, what they are, and receipts. */
"use strict";
(() => {
  const list = document.querySelector("#files"), total = document.querySelector("#total");
  const place = document.querySelector("#place"), write = document.querySelector("#write");
  const queue = [], running = new Set(), done = [];
  let began = 0, sentBefore = 0;

  const size = (bytes) => bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB`
    : bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MB` : `${(bytes / 1024 ** 3).toFixed(2)} GB`;
  const span = (s) => s < 90 ? `${Math.max(1, Math.round(s))} 秒` : s < 5400 ? `${Math.round(s / 60)} 分钟` : `${(s / 3600).toFixed(1)} 小时`;
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  function add(files) {
    for (const file of files) {
      const row = make("li", "", "file");
      const line = make("div", "", "line");
      const name = make("b", file.name), state = make("span", `等待 / queued · ${size(file.size)}`, "state");
      const bar = make("progress");
      bar.max = Math.max(1, file.size); bar.value = 0; bar.setAttribute("aria-label", file.name);
      const stop = make("button", "取消"); stop.type = "button";
      line.append(name, stop);
      row.append(line, bar, state);
      list.append(row);
      const one = { file, row, bar, state, stop, sent: 0, handle: {} };
      stop.addEventListener("click", () => {
        one.handle.ended = true;
        if (one.handle.abort) one.handle.abort();
        const at = queue.indexOf(one);
        if (at >= 0) { queue.splice(at, 1); failed(one, "已取消 / ended"); }
      });
      queue.push(one);
    }
    pump();
  }

  function pump() {
    if (!running.size) { began = performance.now(); sentBefore = sum(); }
    while (running.size < 3 && queue.length) {
      const one = queue.shift();
      running.add(one);
      Tus.upload(one.file, { removePlace: place.checked }, (state, sent, why) => moved(one, state, sent, why), one.handle)
        .then((told) => finished(one, told), (error) => failed(one, error.message))
        .finally(() => { running.delete(one); pump(); say(); });
    }
  }

  const everything = [];
  function sum() { return everything.reduce((n, one) => n + one.sent, 0); }

  function moved(one, state, sent, why) {
    if (!everything.includes(one)) { everything.push(one); sentBefore += sent; }
    one.sent = sent;
    one.bar.value = sent;
    const percent = Math.floor(100 * sent / Math.max(1, one.file.size));
    one.state.textContent = state === "waiting" ? why : state === "checking" ? "传完了, 正在查看 / looking into it"
      : `${percent}% · ${size(sent)} / ${size(one.file.size)}`;
    one.row.dataset.state = state;
    say();
  }

  function say() {
    const open = [...running, ...queue];
    if (!open.length) {
      total.textContent = done.length ? `${done.length} 个传完 / done` : "";
      write.hidden = !done.length;
      return;
    }
    const left = open.reduce((n, one) => n + one.file.size - one.sent, 0);
    const rate = (sum() - sentBefore) / Math.max(0.5, (performance.now() - began) / 1000);
    total.textContent = `还有 ${open.length} 个, ${size(left)}` + (rate > 1000 ? `, 约 ${span(left / rate)} / left` : " / left");
  }

  function facts(told) {
    const parts = [];
    if (told.width) parts.push(`${told.width}×${told.height}`);
    if (told.duration_s) parts.push(span(told.duration_s));
    parts.push(size(told.size_bytes));
    return parts.join(" · ");
  }

  function finished(one, told) {
    done.push(told);
    one.bar.value = one.bar.max;
    one.row.dataset.state = "done";
    one.state.textContent = `✓ 已收下 ${told.receipt} · ${facts(told)}`;
    one.stop.remove();
    const words = [];
    if (told.linked) words.push("这份素材以前传过, 没有重复存 / stored before, not twice");
    const picture = told.picture || {};
    if (picture.caption) words.push(`说明: ${picture.caption}`);
    if (picture.byline || picture.credit) words.push(`署名: ${picture.credit || picture.byline}`);
    if (picture.place_removed) words.push("拍摄位置已去掉 / place removed");
    else if (picture.place) words.push("照片里带有拍摄位置 / it holds where it was taken");
    for (const text of [...words, ...(told.problems || [])]) one.row.append(make("p", text, "small"));
    write.href = `/compose/new?media=${done.map((d) => d.id).join(",")}`;
  }

  function failed(one, why) {
    one.row.dataset.state = "failed";
    one.state.textContent = `✕ ${why}`;
    one.stop.remove();
  }

  const input = document.querySelector("#choose");
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  const zone = document.querySelector("#zone");
  for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.remove("over"); });
  document.addEventListener("drop", (event) => add(event.dataTransfer.files));
  window.addEventListener("beforeunload", (event) => { if (running.size || queue.length) event.preventDefault(); });
})();
