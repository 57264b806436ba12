/** A hand-written baseline: fate counts and a latency histogram per upstream, without limits, hosts, time or records. */
export class ByHand {
  #upstreams = new Map();

  observe(upstream, status, durationMs, attempts) {
    let counts = this.#upstreams.get(upstream);
    if (counts === undefined) this.#upstreams.set(upstream, (counts = { clean: 0, retried: 0, failed: 0, latency: new Uint32Array(32) }));
    if (status >= 500) counts.failed += 1;
    else if (attempts > 1) counts.retried += 1;
    else counts.clean += 1;
    counts.latency[31 - Math.clz32(durationMs * 1_000)] += 1;
  }
}
