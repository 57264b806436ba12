// Checks that `monitor.fetch` and `wrap` are never worse than the runtime's own fetch. They run inside each runtime; each check returns
// what was found for plain fetch and for the package, or throws.

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1_000));

async function outcome(body) {
  try {
    return await body();
  } catch (error) {
    return `${error.name}`;
  }
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16)).join("");

/** `origin` is the URL of `fidelity-origin.mjs`. */
export function checks({ nearMiss, origin }) {
  const create = (options = {}) => {
    const records = [];
    return Object.assign(nearMiss({ records: (line) => records.push(JSON.parse(line)), onWarning: () => {}, ...options }), { records });
  };
  const counted = (monitor, fate) => {
    const lines = [...monitor.metrics().matchAll(/^nearmiss_exchanges_total\{[^}]*fate="(\w+)"\} (\d+)$/gm)];
    return lines.filter(([, name]) => fate === undefined || name === fate).reduce((sum, [, , count]) => sum + Number(count), 0);
  };
  /** Compares plain fetch with the package, with and without headers of its own. */
  const same = async (path, look, init = {}, options = {}) => {
    const plain = await outcome(async () => look(await fetch(new Request(`${origin}${path}`, init))));
    for (const header of [false, true]) {
      const monitor = create({ config: { edge: { header } } });
      const ours = await outcome(async () => look(await monitor.fetch(new Request(`${origin}${path}`, init), { upstream: "a", ...options })));
      if (JSON.stringify(ours) !== JSON.stringify(plain)) throw new Error(`${JSON.stringify(ours)} instead of ${JSON.stringify(plain)}`);
    }
  };
  const facts = async (response) => ({
    status: response.status,
    statusText: response.statusText,
    url: response.url,
    redirected: response.redirected,
    type: response.type,
    length: response.headers.get("content-length"),
    cookies: response.headers.getSetCookie(),
    text: await response.text(),
  });

  return {
    "a status of 999 is handed on": () => same("/status?code=999", async (response) => [response.status, await response.text()]),
    "statuses without a body are handed on": async () => {
      for (const code of [204, 304]) await same(`/status?code=${code}`, (response) => [response.status, response.body === null]);
    },
    "url, redirected, type, length, cookies and text are fetch's": async () => {
      await same("/plain", facts);
      await same("/redirect", facts);
      await same("/gzip", facts);
    },
    "a manual redirect is handed on": () => same("/redirect", (response) => response.status, { redirect: "manual" }),
    "a range keeps its status and length": () => same("/plain", facts, { headers: { range: "bytes=0-3" } }),
    "all ways to read a body work": async () => {
      for (const way of ["text", "arrayBuffer", "blob", "json"]) {
        await same("/json", async (response) => {
          const value = await response[way]();
          return value instanceof ArrayBuffer ? hex(value) : value instanceof Blob ? [value.size, value.type] : value;
        });
      }
      await same("/json", async (response) => {
        const copy = response.clone();
        return [await copy.text(), await response.text(), response.bodyUsed];
      });
      await same("/json", async (response) => {
        let text = "";
        for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
        return text;
      });
      await same("/json", async (response) => (await new Response(response.body.pipeThrough(new TransformStream()))).text());
      await same("/json", async (response) => {
        const [a, b] = response.body.tee();
        return [await new Response(a).text(), await new Response(b).text()];
      });
    },
    "a body that was read in part is unlocked as with fetch": async () => {
      const rest = async (response) => `${response.body.locked} ${await response.text().catch((error) => error.name)}`;
      await same("/drip", async (response) => {
        for await (const _ of response.body) break;
        return [response.body.locked, response.bodyUsed];
      });
      await same("/drip", async (response) => {
        for await (const _ of response.body);
        return [response.body.locked, (await response.body.getReader().read()).done];
      });
      await same("/drip", async (response) => {
        for await (const _ of response.body.values({ preventCancel: true })) break;
        const reader = response.body.getReader();
        while (!(await reader.read()).done);
        return "read to its end";
      });
      await same("/drip", async (response) => {
        const full = new WritableStream({ write() { throw new RangeError("full"); } });
        const failed = await response.body.pipeTo(full, { preventCancel: true }).catch((error) => error.name);
        return [failed, response.body.locked];
      });
      await same("/plain", async (response) => {
        await response.body.pipeTo(new WritableStream());
        return rest(response);
      });
    },
    "a request is sent as fetch sends it": async () => {
      const look = (response) => response.text();
      const bodies = { text: "three apples", empty: "", form: new URLSearchParams({ a: "1" }), bytes: new Uint8Array([97, 98]), blob: new Blob(["x"], { type: "text/x" }) };
      for (const body of Object.values(bodies)) for (const method of ["PUT", "POST", "DELETE"]) for (const retries of [0, 2]) await same("/request", look, { method, body }, { retries });
      for (const method of ["DELETE", "OPTIONS", "POST"]) await same("/request", look, { method }, { retries: 2 });
      await same("/request", look, { referrer: `${origin}/from`, referrerPolicy: "unsafe-url" });
    },
    "a redirect in a circle is followed once, and not again for each retry": async () => {
      const count = async (fetched) => {
        const id = Math.random();
        await outcome(() => fetched(`${origin}/circle?id=${id}`));
        return Number(await (await fetch(`${origin}/circles?id=${id}`)).text());
      };
      const monitor = create();
      const [plain, ours] = [await count(fetch), await count((url) => monitor.fetch(url, { upstream: "a", retries: 3 }))];
      if (plain !== ours || monitor.records[0].reason !== "REDIRECT") throw new Error(`${ours} requests instead of ${plain}: ${JSON.stringify(monitor.records)}`);
    },
    "a client whose upload fails is aborted where fetch reports it, and neither a retry nor a fallback hides it": async () => {
      const monitor = create();
      const upload = () => {
        const body = new ReadableStream({ start: (controller) => setTimeout(() => controller.error(new Error("client gone")), 50) });
        return new Request(`${origin}/upload`, { method: "PUT", body, duplex: "half" });
      };
      const plain = await outcome(() => fetch(upload()));
      const ours = await outcome(() => monitor.fetch(upload(), { upstream: "a", retries: 2, fallback: () => new Response("spare") }));
      await monitor.finish();
      const { fates, aborted } = monitor.stats().upstreams.a;
      const isReported = typeof plain === "string";
      if (isReported !== (typeof ours === "string") || fates.clean !== 1 || aborted !== Number(isReported)) throw new Error(`${ours} ${JSON.stringify(fates)}`);
    },
    "a context whose `waitUntil` fails does not fail the exchange": async () => {
      const [monitor, messages] = [create({ onWarning: (message) => messages.push(message) }), []];
      const ctx = { waitUntil() { throw new TypeError("Illegal invocation"); } };
      const response = await monitor.fetch(`${origin}/plain`, { upstream: "a", ctx });
      await response.text();
      if (response.status !== 200 || counted(monitor) !== 1 || !messages[0]?.includes("waitUntil")) throw new Error(`${response.status} ${messages}`);
    },
    "an error response of the transport or of the fallback is a failure": async () => {
      const monitor = create();
      let calls = 0;
      const transport = () => ((calls += 1), calls === 1 ? Response.error() : new Response("hello"));
      const response = await monitor.fetch(`${origin}/plain`, { upstream: "a", retries: 1, fetch: async () => transport() });
      if ((await response.text()) !== "hello" || calls !== 2) throw new Error(`${response.status} after ${calls}`);
      const failed = await monitor.fetch(`${origin}/status?code=503`, { upstream: "a", fallback: () => Response.error() });
      if (failed.status !== 503) throw new Error(String(failed.status));
    },
    "health checks and mirrored requests are served and left out": async () => {
      const monitor = create({ config: { ignore: { paths: ["/plain"] }, edge: { header: true } } });
      const requests = [new Request(`${origin}/plain?a=1`), new Request(`${origin}/json`, { headers: { "x-a": "b" } })];
      for (const request of requests) await (await monitor.fetch(request, { upstream: "a" })).text();
      const handler = monitor.wrap(() => new Response("no", { status: 503 }), { upstream: "b" });
      const probe = await handler(new Request("http://gateway/", { headers: { "user-agent": "kube-probe/1.30" } }));
      await probe.text();
      if (probe.status !== 503 || probe.headers.has("near-miss")) throw new Error("a probe gets the response as it is");
      const { upstreams, leftOut } = monitor.stats();
      if (upstreams.a.exchanges !== 1 || upstreams.b !== undefined || leftOut.health_check !== 2) throw new Error(JSON.stringify(monitor.stats()));
      if (!monitor.metrics().includes('nearmiss_left_out_total{reason="health_check"} 2\n')) throw new Error(monitor.metrics());
    },
    "a body can be read into the caller's buffer where fetch allows it": () =>
      same("/plain", async (response) => {
        const reader = response.body.getReader({ mode: "byob" });
        const { value } = await reader.read(new Uint8Array(4));
        return new TextDecoder().decode(value);
      }),
    "an exchange is counted once, however its body is read": async () => {
      const monitor = create();
      const read = [
        (response) => response.text(),
        async (response) => [await response.clone().text(), await response.text()],
        async (response) => Promise.all(response.body.tee().map((branch) => new Response(branch).text())),
        async (response) => { for await (const _ of response.body); },
        (response) => response.body.pipeTo(new WritableStream()),
        (response) => response.body.cancel(),
      ];
      for (const body of read) await body(await monitor.fetch(`${origin}/plain`, { upstream: "a" }));
      await seconds(0.05);
      if (counted(monitor) !== read.length) throw new Error(`${counted(monitor)} of ${read.length} are counted`);
    },
    "a caller's abort in the middle of a body errors the body": async () => {
      for (const reason of [undefined, "mine"]) {
        const monitor = create();
        const caller = new AbortController();
        const response = await monitor.fetch(new Request(`${origin}/halves`, { signal: caller.signal }), { upstream: "a" });
        const text = response.text();
        await seconds(0.1);
        caller.abort(reason);
        const found = await text.then((value) => `resolved ${value}`, (error) => (reason === undefined ? error.name : (error?.message ?? error)));
        if (found !== (reason ?? "AbortError")) throw new Error(String(found));
        if (counted(monitor) !== 1) throw new Error("not counted");
      }
    },
    "the caller's own timeout in the middle of a body errors the body": async () => {
      const monitor = create();
      const response = await monitor.fetch(new Request(`${origin}/halves`, { signal: AbortSignal.timeout(1_000) }), { upstream: "a" });
      const found = await response.text().then((value) => `resolved ${value}`, (error) => error.name);
      if (found !== "TimeoutError") throw new Error(found);
    },
    "a deadline in the middle of a body errors the body, also of a fetch that ignores its signal": async () => {
      for (const transport of [undefined, ({ url }) => fetch(url)]) {
        const monitor = create();
        const response = await monitor.fetch(`${origin}/halves`, { upstream: "a", deadline: 1_000, ...(transport ? { fetch: transport } : {}) });
        const found = await response.text().then((value) => `resolved ${value}`, (error) => error.name);
        if (found !== "TimeoutError") throw new Error(found);
        if (counted(monitor, "partial") !== 1) throw new Error(monitor.metrics());
      }
    },
    "a fetch that ignores its signal does not exceed timeout and deadline": async () => {
      const monitor = create();
      const started = Date.now();
      const response = await monitor.fetch(`${origin}/plain`, { upstream: "a", timeout: 100, retries: 1, deadline: 300, fetch: () => seconds(3).then(() => new Response("late")) });
      if (response.status !== 504 || Date.now() - started > 2_900) throw new Error(`${response.status} after ${Date.now() - started} ms`);
    },
    "a PUT of a string or JSON is sent again with its body": async () => {
      for (const body of ["three apples", JSON.stringify({ apples: 3 })]) {
        const monitor = create();
        const response = await monitor.fetch(new Request(`${origin}/flaky-echo?id=${Math.random()}`, { method: "PUT", body }), { upstream: "a", retries: 1 });
        const text = await response.text();
        if (text !== body) throw new Error(`${response.status} ${text}`);
      }
    },
    "a POST with an Idempotency-Key is sent again, and one without is not": async () => {
      for (const [headers, status] of [[{ "idempotency-key": "7" }, 200], [{}, 503]]) {
        const request = new Request(`${origin}/flaky-echo?id=${Math.random()}`, { method: "POST", body: "x", headers });
        const response = await create().fetch(request, { upstream: "a", retries: 1 });
        await response.text();
        if (response.status !== status) throw new Error(String(response.status));
      }
    },
    "a fallback answers for a silent origin at the deadline": async () => {
      for (const fallback of [() => new Response("spare"), async () => new Response("spare"), new Response("spare")]) {
        const monitor = create();
        const response = await monitor.fetch(`${origin}/silent`, { upstream: "a", deadline: 150, fallback });
        const text = await response.text();
        if (text !== "spare" || counted(monitor, "fallback") !== 1) throw new Error(`${response.status} ${text}`);
      }
    },
    "a fallback that hangs is bounded by the deadline, and the origin's answer stands": async () => {
      for (const [path, status] of [["/status?code=503", 503], ["/silent", 504]]) {
        const monitor = create();
        let signal;
        const fallback = (_, __, context) => ((signal = context.signal), new Promise(() => {}));
        const response = await monitor.fetch(`${origin}${path}`, { upstream: "a", deadline: 200, fallback });
        await response.text();
        if (response.status !== status || !signal.aborted) throw new Error(String(response.status));
      }
    },
    "a constant fallback answers every time": async () => {
      const constants = [new Response("spare"), new Request(`${origin}/echo`, { method: "POST", body: "spare" })];
      const monitor = create();
      for (const fallback of constants) {
        for (let number = 0; number < 3; number += 1) {
          const response = await monitor.fetch(`${origin}/status?code=503`, { upstream: "a", fallback });
          const text = await response.text();
          if (text !== "spare") throw new Error(`${number}: ${response.status} ${text}`);
        }
      }
    },
    "the fallback of a POST gets its method, headers and body": async () => {
      const fallbacks = [`${origin}/echo`, async (request) => new Response(`${request.method} ${request.headers.get("authorization")} ${await request.text()}`)];
      for (const fallback of fallbacks) {
        const request = new Request(`${origin}/status?code=503`, { method: "POST", body: "order", headers: { authorization: "me" } });
        const response = await create().fetch(request, { upstream: "a", fallback });
        const text = await response.text();
        if (!["POST me order", "order"].includes(text)) throw new Error(`${response.status} ${text}`);
      }
    },
    "a body that was already read rejects, as with fetch": async () => {
      const request = new Request(`${origin}/echo`, { method: "POST", body: "x" });
      await request.text();
      const monitor = create();
      const found = await outcome(() => monitor.fetch(request, { upstream: "a" }));
      if (found !== "TypeError" || counted(monitor) !== 0) throw new Error(String(found));
    },
    "exchanges whose bodies are never read are counted": async () => {
      const monitor = create();
      for (let number = 0; number < 5; number += 1) await monitor.fetch(`${origin}/status?code=503`, { upstream: "a" });
      if (counted(monitor, "failed") !== 5) throw new Error("errors are counted at once");
      for (let number = 0; number < 5; number += 1) await monitor.fetch(`${origin}/plain`, { upstream: "a", deadline: 2_000 });
      await seconds(2.5);
      if (counted(monitor, "clean") !== 5) throw new Error(`at their deadline: ${monitor.metrics()}`);
      const held = [];
      for (let number = 0; number < 5; number += 1) held.push(await monitor.fetch(`${origin}/plain`, { upstream: "a" }));
      await monitor.finish();
      if (counted(monitor, "clean") !== 10) throw new Error(`at the end: ${monitor.metrics()}`);
      if (held.length === 0) throw new Error("unreachable");
    },
    "the cause of a failure is in the record, the hook and one message": async () => {
      const [messages, attempts] = [[], []];
      const monitor = create({ onWarning: (message) => messages.push(message) });
      for (let number = 0; number < 3; number += 1) {
        const response = await monitor.fetch("http://127.0.0.1:1/", { upstream: "a", retries: 1, onAttempt: (attempt) => attempts.push(attempt) });
        if (response.status !== 502) throw new Error(String(response.status));
        await response.text();
      }
      const [{ reason, error }] = attempts;
      if (typeof reason !== "string" || error === undefined || attempts.length !== 6) throw new Error(JSON.stringify(attempts));
      const [record] = monitor.records;
      if (record.reason !== reason) throw new Error(JSON.stringify(record));
      if (messages.length !== 1 || !messages[0].includes(reason)) throw new Error(JSON.stringify(messages));
      return reason;
    },
    "a handler's response is handed on": async () => {
      const monitor = create();
      const plain = await fetch(`${origin}/redirect`);
      const response = await monitor.wrap(() => plain, { upstream: "a" })(new Request("http://gateway/"));
      const found = [response.url === `${origin}/plain`, response.redirected, await response.text()];
      if (JSON.stringify(found) !== JSON.stringify([true, true, "0123456789"])) throw new Error(JSON.stringify(found));
      class Mine extends Response {
        #secret = 7;
        get secret() { return this.#secret; }
      }
      const mine = await monitor.wrap(() => Object.assign(new Mine("x"), { extra: 1 }), { upstream: "a" })(new Request("http://gateway/"));
      if (mine.secret !== 7 || mine.extra !== 1 || (await mine.text()) !== "x") throw new Error("a subclass is lost");
      await monitor.finish();
      if (counted(monitor) !== 2) throw new Error("not counted");
    },
    "a handler keeps its `this`, and what a runtime allows it to return": async () => {
      const monitor = create();
      const gateway = { name: "mine", fetch: monitor.wrap(function () { return new Response(this.name); }, { upstream: "a" }) };
      if ((await (await gateway.fetch(new Request("http://gateway/"))).text()) !== "mine") throw new Error("`this` is lost");
      const upgraded = await outcome(() => monitor.wrap(() => undefined, { upstream: "b" })(new Request("http://gateway/")));
      const isAllowed = globalThis.Bun !== undefined;
      if (upgraded !== (isAllowed ? undefined : "TypeError") || counted(monitor, "clean") !== (isAllowed ? 2 : 1)) throw new Error(`${upgraded} ${monitor.metrics()}`);
    },
    "a clone has the headers of its response": async () => {
      const monitor = create({ config: { edge: { header: true } } });
      const response = await monitor.fetch(`${origin}/status?code=503`, { upstream: "a" });
      const copy = response.clone().clone();
      if (!copy.headers.get("near-miss")?.startsWith("failed") || (await copy.text()) !== "no") throw new Error(String(copy.headers.get("near-miss")));
    },
    "a handler that throws without an upstream has failed": async () => {
      const monitor = create();
      const found = await outcome(() => monitor.wrap(() => { throw new RangeError("mine"); })(new Request("http://gateway/")));
      if (found !== "RangeError" || counted(monitor, "failed") !== 1) throw new Error(`${found} ${monitor.metrics()}`);
    },
  };
}
