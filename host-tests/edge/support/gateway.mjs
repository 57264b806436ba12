// Runs the examples, each in its real runtime, as a process that ends with the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Collector } from "./collector.mjs";
import { createProject } from "./package.mjs";
import { root, runtime } from "./runtimes.mjs";
import { eventually } from "./wait.mjs";

const ARGUMENTS = {
  node: ["node.js"],
  deno: ["run", "--allow-net", "--allow-env", "--node-modules-dir=manual", "deno.js"],
  bun: ["bun.js"],
};

class Gateway {
  child;
  url;
  records = [];
  output = "";
  #cleanUp = [];

  cleanUp(body) {
    this.#cleanUp.push(body);
  }

  /** Waits for the first record, from index `since` on, whose fields equal `wanted`. A Worker sends records only with traffic. */
  record(since, wanted) {
    const matches = (record) => Object.entries(wanted).every(([key, value]) => record[key] === value);
    return eventually(`a record with ${JSON.stringify(wanted)} from ${this.name}: ${this.output}`, async () => {
      const found = this.records.slice(since).find(matches);
      if (found === undefined && this.collector) await this.nudge();
      return found;
    });
  }

  /** Makes an exchange that only causes the gateway to send waiting records. */
  async nudge() {
    await (await fetch(`${this.url}/search/ok`)).text();
  }

  /** Stops the gateway as an operator would, and waits for its last output. */
  async stop() {
    if (this.child.exitCode === null) {
      const hasExited = once(this.child, "exit");
      // A Worker gets no shutdown signal.
      this.child.kill(this.collector ? "SIGKILL" : "SIGTERM");
      await hasExited;
    }
    for (const body of this.#cleanUp.splice(0)) await body();
  }
}

/** Starts the gateway in a runtime, with these origins. */
export async function startGateway(name, { cart, search, mail }) {
  const gateway = new Gateway();
  gateway.name = name;
  if (name === "workerd") await startWorkerd(gateway, cart, search);
  else startExample(gateway, name, { CART: cart.url, SEARCH: search.url, MAIL: mail.url });
  readOutput(gateway);
  gateway.url = await eventually(`${name} to listen: ${gateway.output}`, () => {
    if (gateway.child.exitCode !== null) throw new Error(`${name} ended: ${gateway.output}`);
    return gateway.port && `http://127.0.0.1:${gateway.port}`;
  });
  return gateway;
}

function startExample(gateway, name, origins) {
  const project = createProject(join(root, "examples/edge/node"));
  gateway.cleanUp(project.remove);
  const env = { PATH: process.env.PATH, HOME: project.folder, PORT: "0", NO_COLOR: "1", ...origins };
  gateway.child = spawn(runtime(name), ARGUMENTS[name], { cwd: project.folder, env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Starts workerd with the example's configuration and the addresses of this test. */
async function startWorkerd(gateway, cart, search) {
  const collector = await Collector.start();
  gateway.collector = collector;
  gateway.records = collector.records;
  const example = join(root, "examples/edge/worker");
  const folder = mkdtempSync(join(root, "target/workerd-"));
  gateway.cleanUp(() => rmSync(folder, { recursive: true }));
  gateway.cleanUp(() => collector.stop());
  const config = readFileSync(join(example, "worker.capnp"), "utf8")
    .replace("127.0.0.1:9001", cart.address)
    .replace("127.0.0.1:9002", search.address)
    .replace("127.0.0.1:4318", collector.address)
    .replace("127.0.0.1:8080", "127.0.0.1:0")
    // Paths of embedded files are relative to the configuration, which is in another folder here.
    .replace('embed "worker.js"', 'embed "../../examples/edge/worker/worker.js"')
    .replaceAll("../../../dist/edge", "../../dist/edge");
  const file = join(folder, "worker.capnp");
  writeFileSync(file, config);
  gateway.child = spawn(runtime("workerd"), ["serve", file, "--control-fd=1"], { stdio: ["ignore", "pipe", "pipe"] });
}

function readOutput(gateway) {
  for (const stream of [gateway.child.stdout, gateway.child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      gateway.output += `${line}\n`;
      const port = /^listening on port (\d+)$/.exec(line)?.[1] ?? /"socket":"http","port":(\d+)/.exec(line)?.[1];
      if (port !== undefined) gateway.port = Number(port);
      if (line.startsWith('{"schema":')) gateway.records.push(JSON.parse(line));
    });
  }
}
