// Drives Debian's Chromium in headless mode over a pair of pipes (Chrome DevTools Protocol).

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Chromium {
  #child; #profile; #pending = new Map(); #lastId = 0; #listeners = new Set(); #exited;

  static async start(program = "chromium") {
    const browser = new Chromium();
    browser.#profile = mkdtempSync(join(tmpdir(), "nearmiss-chromium-"));
    const options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${browser.#profile}`, "--remote-debugging-pipe", "about:blank"];
    // A process group of its own, so that Chromium's child processes are killed with it.
    browser.#child = spawn(program, options, { detached: true, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#exited = new Promise((resolve) => browser.#child.once("exit", resolve));
    const failed = new Promise((_, reject) => {
      browser.#child.once("error", (error) => reject(new Error(`${program} did not start (${error.code}); Debian: apt-get install chromium`)));
      browser.#child.once("exit", (code) => reject(new Error(`${program} exited at once with ${code}`)));
    });
    failed.catch(() => {});
    let text = "";
    browser.#child.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) browser.#receive(JSON.parse(text.slice(0, end)));
    });
    browser.#child.stdio[3].on("error", () => {});
    await Promise.race([browser.send("Browser.getVersion"), failed]);
    return browser;
  }

  #receive(message) {
    const pending = this.#pending.get(message.id);
    if (!pending) return this.#listeners.forEach((listener) => listener(message));
    this.#pending.delete(message.id);
    message.error ? pending.reject(new Error(message.error.message)) : pending.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#lastId;
    this.#child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** Opens a page that collects its console messages, errors and network requests. */
  async page() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId));
    this.#listeners.add((message) => message.sessionId === sessionId && page.receive(message));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    return page;
  }

  async stop() {
    await Promise.race([this.send("Browser.close").catch(() => {}), this.#exited]);
    await this.#exited;
    try { process.kill(-this.#child.pid, "SIGKILL"); } catch { /* no process is left */ }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

class Page {
  messages = []; requests = []; #loaded = () => {};

  constructor(send) { this.send = send; }

  receive({ method, params }) {
    if (method === "Page.loadEventFired") this.#loaded();
    if (method === "Runtime.exceptionThrown") this.messages.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled") this.messages.push(`console.${params.type}: ${params.args.map((arg) => arg.value).join(" ")}`);
    if (method === "Log.entryAdded") this.messages.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !params.request.url.startsWith("data:")) this.requests.push(params.request.url);
  }

  async emulate({ width = 1280, height = 900, dark = false, script = true, print = false } = {}) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send("Emulation.setEmulatedMedia", { media: print ? "print" : "", features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await this.send("Emulation.setScriptExecutionDisabled", { value: !script });
  }

  async open(url) {
    const loaded = new Promise((resolve) => this.#loaded = resolve);
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** Evaluates an expression in the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async screenshot({ whole = false, clip } = {}) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole || !!clip, ...(clip ? { clip: { ...clip, scale: 1 } } : {}) });
    return Buffer.from(data, "base64");
  }
}
