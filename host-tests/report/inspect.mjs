// Inspects a report in Chromium and prints the results as JSON: `node inspect.mjs REPORT.html`.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Chromium } from "./chromium.mjs";

const url = pathToFileURL(process.argv[2]).href;
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** Runs axe-core and formats the accessibility violations. */
const violations = async (page) => {
  await page.evaluate(`${axe};0`);
  const found = await page.evaluate("axe.run(document).then((result) => result.violations)");
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.html.slice(0, 160)}: ${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`));
};

/** Inspects the page at all widths in both themes. */
const layouts = async (page) => {
  const results = {};
  for (const width of [360, 768, 1280]) for (const dark of [false, true]) {
    await page.emulate({ width, dark });
    await page.open(url);
    results[`${width}${dark ? " dark" : ""}`] = {
      violations: await violations(page),
      overflow: await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
      background: await page.evaluate("getComputedStyle(document.body).backgroundColor"),
    };
  }
  return results;
};

const numbers = `Object.fromEntries([...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility())
  .map((row) => [row.querySelector("th").textContent, Object.fromEntries([...row.querySelectorAll("[data-k]")].map((cell) => [cell.dataset.k, cell.textContent]))]))`;
const visible = `({ status: document.getElementById("f-told").textContent, rows: ${numbers},
  figures: [...document.querySelectorAll("#timeline figure")].filter((figure) => figure.checkVisibility()).map((figure) => figure.querySelector("h3").textContent),
  episodes: [...document.querySelectorAll(".episodes li")].filter((episode) => episode.checkVisibility()).map((episode) => episode.id) })`;
const set = (id, value) => `(() => { const field = document.getElementById("${id}"); field.value = ${JSON.stringify(value)}; field.dispatchEvent(new Event("input", { bubbles: true })); })()`;

/** Returns the visible content for each setting of the filter. */
const filters = async (page) => {
  await page.emulate({});
  await page.open(url);
  const all = await page.evaluate(visible);
  await page.evaluate(set("f-upstream", "1"));
  const upstream = await page.evaluate(visible);
  await page.evaluate(set("f-upstream", ""));
  const bins = await page.evaluate("+document.getElementById('f-to').max + 1");
  await page.evaluate(set("f-from", String(Math.floor(bins / 2))));
  const half = await page.evaluate(visible);
  const from = await page.evaluate(`(() => { const data = JSON.parse(document.getElementById("data").textContent); return data.from + Math.floor(${bins} / 2) * data.width; })()`);
  await page.evaluate("document.querySelector('#filter button').click()");
  await page.evaluate("new Promise((resolve) => setTimeout(resolve))");
  return { all, upstream, half, from, reset: await page.evaluate(visible) };
};

/** Returns the tooltip for the pointer and for the keyboard. */
const tooltips = async (page) => {
  await page.evaluate("document.querySelector('[data-kind=timeline]').scrollIntoView({ block: 'center', behavior: 'instant' })");
  const tip = () => page.evaluate("(() => { const tip = document.getElementById('tip'); return tip.hidden ? null : tip.textContent; })()");
  const box = await page.evaluate("(() => { const { x, y, width } = document.querySelector('[data-kind=timeline]').getBoundingClientRect(); return { x, y, width }; })()");
  await page.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: box.x + 3, y: box.y + 20 });
  const pointer = await tip();
  await page.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: 1, y: 1 });
  const away = await tip();
  await page.evaluate("document.querySelector('[data-kind=timeline]').focus({ preventScroll: true })");
  await page.send("Input.dispatchKeyEvent", { type: "keyDown", key: "Home", code: "Home", windowsVirtualKeyCode: 36 });
  return { pointer, away, key: await tip() };
};

/** Inspects the page with JavaScript disabled, through the DOM domain. */
const withoutScript = async (page) => {
  await page.emulate({ script: false });
  await page.open(url);
  const { root } = await page.send("DOM.getDocument", { depth: 0 });
  const count = async (selector) => (await page.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector })).nodeIds.length;
  return { rows: await count("[data-row]"), figures: await count("#timeline figure"), hidden: await count("#filter[hidden]") };
};

const elements = `({ images: document.images.length, scripts: document.scripts.length, frames: document.querySelectorAll("iframe,object,embed").length,
  externalLinks: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")).filter((href) => !/^#[a-z]+$/.test(href)),
  handlers: [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on"))).length,
  headings: [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((heading) => +heading.tagName[1]),
  headline: document.querySelector("h1").textContent, touched: window.touched ?? null })`;

const browser = await Chromium.start();
try {
  const page = await browser.page();
  const results = { layouts: await layouts(page), filters: await filters(page), tooltips: await tooltips(page), elements: await page.evaluate(elements) };
  results.withoutScript = await withoutScript(page);
  console.log(JSON.stringify({ ...results, messages: page.messages, requests: page.requests.filter((request) => request !== url) }));
} finally {
  await browser.stop();
}
