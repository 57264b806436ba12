// Filters by upstream and time, sorts tables, and shows local times and the numbers under the pointer or the arrow keys. The page is complete without it.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const make = (name, text, className) => Object.assign(document.createElement(name), { textContent: text, className });

  // Local times beside UTC, if they differ.
  if (new Date(data.from).getTimezoneOffset()) {
    const two = (n) => String(n).padStart(2, "0");
    const local = (ms) => { const at = new Date(ms); return `${two(at.getHours())}:${two(at.getMinutes())}` + (at.getSeconds() ? `:${two(at.getSeconds())}` : ""); };
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const time of all("time[data-t]")) {
      time.title = `${new Date(+time.dataset.t).toLocaleString()} ${zone}`;
      if (time.closest(".when, .times, .t")) time.after(make("span", ` (${local(+time.dataset.t)})`, "local"));
    }
    for (const [id, text] of [["local", `; ${zone} in parentheses`], ["zone", `, and in ${zone} in parentheses`]]) {
      const place = document.getElementById(id);
      if (place) place.textContent = text;
    }
  }

  // Headings that sort: the first click puts the largest numbers or the first names on top, the next one reverses.
  for (const table of all("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    headings.forEach((heading, column) => {
      const button = make("button", heading.textContent, "sort");
      button.type = "button";
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const descends = heading.classList.contains("n") ? heading.ariaSort !== "descending" : heading.ariaSort === "ascending";
        const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const compare = (a, b) => value(a).localeCompare(value(b), "en", { numeric: true });
        const rows = [...body.rows].sort((a, b) => descends ? compare(b, a) : compare(a, b));
        headings.forEach((other) => { other.ariaSort = null; });
        heading.ariaSort = descends ? "descending" : "ascending";
        body.append(...rows);
      });
    });
  }

  const form = document.getElementById("filter");
  if (!form || !data.upstreams.length) return;
  const pick = document.getElementById("f-upstream"), from = document.getElementById("f-from"), to = document.getElementById("f-to");
  const told = document.getElementById("f-told"), tip = document.getElementById("tip");
  // What each number of a bin is.
  const [PLACE, EXCHANGES, JUDGED, FIRST, NEAR, FAILED, ATTEMPTS, ROW, ROWS] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const percent = (part, whole) => {
    if (!whole) return "–";
    const bp = Math.floor(part * 10000 / whole);
    return Math.floor(bp / 100) + "." + String(bp % 100).padStart(2, "0") + "\u202f%";
  };
  const millis = (ms) => ms < 9.95 ? +ms.toFixed(1) + "\u202fms" : ms < 999.5 ? Math.round(ms) + "\u202fms" : ms < 9950 ? +(ms / 1000).toFixed(1) + "\u202fs" : Math.round(ms / 1000) + "\u202fs";
  const stamp = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
  const start = (bin) => data.from + bin * data.width;
  const sum = (bins, first, last) => bins.reduce((sum, bin) => bin[PLACE] < first || bin[PLACE] > last ? sum : sum.map((n, i) => n + bin[i + 1]), [0, 0, 0, 0, 0, 0]);
  const put = (row, key, text, value) => {
    const cell = row.querySelector(`[data-k=${key}]`);
    if (cell) { cell.textContent = text; cell.dataset.v = value; }
  };

  function filter() {
    let [first, last] = [+from.value, +to.value];
    if (first > last) [first, last] = [last, first];
    const whole = first === 0 && last === data.bins - 1;
    const total = [0, 0, 0, 0, 0, 0];
    data.upstreams.forEach((upstream, place) => {
      const wanted = pick.value === "" || +pick.value === place;
      const sums = sum(upstream.bins, first, last);
      if (wanted) sums.forEach((n, i) => total[i] += n);
      const row = document.querySelector(`[data-row="${place}"]`);
      if (!row) return;
      row.toggleAttribute("data-out", !wanted);
      const [exchanges, judged, firstTry, near, failed] = sums;
      put(row, "exchanges", count(exchanges), exchanges);
      put(row, "first", percent(firstTry, judged), Math.floor(firstTry * 10000 / judged));
      put(row, "last", percent(judged - failed, judged), Math.floor((judged - failed) * 10000 / judged));
      put(row, "near", count(near), near);
      put(row, "failed", count(failed), failed);
    });
    const [begin, end] = [start(first), start(last + 1)];
    for (const part of all("main [data-u]:not(.field)")) {
      const other = pick.value !== "" && part.dataset.u !== pick.value;
      const away = part.dataset.from !== undefined && (+part.dataset.from >= end || +part.dataset.to < begin);
      part.toggleAttribute("data-out", other || away);
    }
    for (const field of all(".field")) {
      const [before, after] = field.querySelectorAll(".veil");
      const share = (bin) => bin * 100 / data.bins;
      before.setAttribute("width", share(first) + "%");
      after.setAttribute("x", share(last + 1) + "%");
      after.setAttribute("width", share(data.bins - last - 1) + "%");
    }
    for (const [input, at] of [[from, start(+from.value)], [to, start(+to.value + 1)]]) input.setAttribute("aria-valuetext", stamp(at) + " UTC");
    for (const bar of all(".ranking .bar svg")) bar.style.visibility = whole ? "" : "hidden";
    const [exchanges, judged, firstTry, near, failed] = total;
    told.textContent = whole && pick.value === "" ? `Everything from ${stamp(begin)} to ${stamp(end)}.`
      : `${pick.value === "" ? "All upstreams" : data.upstreams[+pick.value].name}, ${stamp(begin)} to ${stamp(end)}: ${count(exchanges)} exchanges, first try ${percent(firstTry, judged)}, final ${percent(judged - failed, judged)}; ${count(near)} near misses, ${count(failed)} failed.`
        + (whole ? "" : " Margins, attempts, hosts and drift cover the whole time.");
  }

  function hide() {
    tip.hidden = true;
    all(".cursor").forEach((line) => line.setAttribute("visibility", "hidden"));
  }

  function show(field, bin, y, place) {
    const upstream = data.upstreams[+field.dataset.u];
    const found = upstream.bins.find((other) => other[PLACE] === bin);
    let text = `${upstream.name}\n${stamp(start(bin))} to ${stamp(start(bin + 1)).slice(11)}\n`;
    if (!found) text += "no exchanges";
    else if (field.dataset.kind === "latency" && y !== null) {
      const row = upstream.low + Math.floor((+field.dataset.h - y) / 8);
      const many = found[ROWS + row - found[ROW]] || 0;
      text += `${count(many)} of ${count(found[EXCHANGES])} took ${millis(data.borders[row] || 0)} to ${millis(data.borders[row + 1] || 0)}`;
    } else {
      const judged = found[JUDGED];
      text += `${count(found[EXCHANGES])} exchanges\nfirst try ${percent(found[FIRST], judged)}, final ${percent(judged - found[FAILED], judged)}\n`
        + `${count(found[NEAR])} near misses, ${count(found[FAILED])} failed` + (judged ? `\n${(found[ATTEMPTS] / found[EXCHANGES]).toFixed(2)} attempts per exchange` : "");
    }
    tip.textContent = text;
    tip.hidden = false;
    const x = (bin + .5) * 100 / data.bins + "%";
    for (const line of all(".cursor")) {
      line.setAttribute("visibility", line.parentNode === field ? "visible" : "hidden");
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
    const room = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(place.x + 14, innerWidth - room.width - 6)) + "px";
    tip.style.top = Math.max(4, place.y + 18 + room.height > innerHeight ? place.y - room.height - 12 : place.y + 18) + "px";
  }

  for (const field of all(".field")) {
    let held = 0;
    field.setAttribute("tabindex", "0");
    const bin = (x, box) => Math.max(0, Math.min(data.bins - 1, Math.floor((x - box.left) * data.bins / box.width)));
    field.addEventListener("pointermove", (event) => {
      const box = field.getBoundingClientRect(), y = event.clientY - box.top;
      held = bin(event.clientX, box);
      if (y > +field.dataset.h) hide(); else show(field, held, y, { x: event.clientX, y: event.clientY });
    });
    field.addEventListener("pointerleave", hide);
    field.addEventListener("blur", hide);
    field.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -data.bins, End: data.bins }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      held = Math.max(0, Math.min(data.bins - 1, held + step));
      const box = field.getBoundingClientRect();
      show(field, held, null, { x: box.left + (held + .5) * box.width / data.bins, y: box.top + 10 });
    });
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  form.reset();
  form.hidden = false;
})();
