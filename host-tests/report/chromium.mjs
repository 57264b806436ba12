// Debian's Chromium without a window, told what to do through a pair of pipes.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Chromium {
  #child; #profile; #waiting = new Map(); #number = 0; #listeners = new Set(); #gone;

  static async start(program = "chromium") {
    const browser = new Chromium();
    browser.#profile = mkdtempSync(join(tmpdir(), "nearmiss-chromium-"));
    const options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${browser.#profile}`, "--remote-debugging-pipe", "about:blank"];
    // A process group of its own: what Chromium starts ends with it.
    browser.#child = spawn(program, options, { detached: true, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#gone = new Promise((resolve) => browser.#child.once("exit", resolve));
    const failed = new Promise((_, reject) => {
      browser.#child.once("error", (error) => reject(new Error(`${program} did not start (${error.code}); Debian: apt-get install chromium`)));
      browser.#child.once("exit", (code) => reject(new Error(`${program} ended at once with ${code}`)));
    });
    failed.catch(() => {});
    let text = "";
    browser.#child.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) browser.#hear(JSON.parse(text.slice(0, end)));
    });
    browser.#child.stdio[3].on("error", () => {});
    await Promise.race([browser.send("Browser.getVersion"), failed]);
    return browser;
  }

  #hear(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return this.#listeners.forEach((listener) => listener(message));
    this.#waiting.delete(message.id);
    message.error ? waiting.reject(new Error(message.error.message)) : waiting.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#number;
    this.#child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** A page of its own, with all that it complains of and asks for written down. */
  async page() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId));
    this.#listeners.add((message) => message.sessionId === sessionId && page.hear(message));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    return page;
  }

  async stop() {
    await Promise.race([this.send("Browser.close").catch(() => {}), this.#gone]);
    await this.#gone;
    try { process.kill(-this.#child.pid, "SIGKILL"); } catch { /* all of them are gone */ }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

class Page {
  complaints = []; requests = []; #loaded = () => {};

  constructor(send) { this.send = send; }

  hear({ method, params }) {
    if (method === "Page.loadEventFired") this.#loaded();
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled") this.complaints.push(`console.${params.type}: ${params.args.map((arg) => arg.value).join(" ")}`);
    if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !params.request.url.startsWith("data:")) this.requests.push(params.request.url);
  }

  async look({ width = 1280, height = 900, dark = false, script = true, print = false } = {}) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send("Emulation.setEmulatedMedia", { media: print ? "print" : "", features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await this.send("Emulation.setScriptExecutionDisabled", { value: !script });
  }

  async open(url) {
    const loaded = new Promise((resolve) => this.#loaded = resolve);
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** What `expression` is in the page. */
  async ask(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async picture({ whole = false, clip } = {}) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole || !!clip, ...(clip ? { clip: { ...clip, scale: 1 } } : {}) });
    return Buffer.from(data, "base64");
  }
}
