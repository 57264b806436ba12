// Prometheus metrics.
//
// Counters are cumulative for the lifetime of the isolate. Summaries report the same counts per interval.
import { FATES } from "./fates.js";

/** Upper bounds of the margin histogram's buckets, in basis points. */
const BOUNDS = [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000];

class Series {
  fates = new Array(FATES.length).fill(0);
  margins = new Array(BOUNDS.length).fill(0);
  marginSum = 0;
  attempts = 0;
}

export class Metrics {
  #nameOf;
  #series = [];
  #episodes = new Map();
  #invalid = 0;
  #late = 0;
  #suppressed = 0;

  constructor(nameOf) {
    this.#nameOf = nameOf;
  }

  /** Counts one exchange; `marginPlusOne` is in basis points, 0 if no limit is known. */
  count(id, fate, attempts, marginPlusOne, isInvalid) {
    if (isInvalid) {
      this.#invalid += 1;
      return;
    }
    const series = (this.#series[id] ??= new Series());
    series.fates[fate] += 1;
    series.attempts += attempts;
    if (marginPlusOne > 0) {
      series.margins[Math.max(0, Math.ceil((marginPlusOne - 1) / 1000) - 1)] += 1;
      series.marginSum += marginPlusOne - 1;
    }
  }

  /** Counts an invalid value. */
  countInvalid() {
    this.#invalid += 1;
  }

  /** Counts an episode that opened. */
  countEpisode(upstream, pattern) {
    const key = `upstream="${escaped(upstream)}",pattern="${pattern}"`;
    this.#episodes.set(key, (this.#episodes.get(key) ?? 0) + 1);
  }

  /** Counts late and suppressed exchanges, which only summaries report. */
  countSummary(late, suppressed) {
    this.#late += late;
    this.#suppressed += suppressed;
  }

  /** Returns all metrics in the Prometheus text format. */
  text(dropped) {
    const lines = [];
    const family = (name, type, write) => {
      lines.push(`# TYPE ${name} ${type}`);
      this.#series.forEach((series, id) => write(series, `upstream="${escaped(this.#nameOf(id) ?? "")}"`));
    };
    family("nearmiss_exchanges_total", "counter", (series, label) => {
      series.fates.forEach((count, fate) => {
        if (count > 0) lines.push(`nearmiss_exchanges_total{${label},fate="${FATES[fate]}"} ${count}`);
      });
    });
    family("nearmiss_attempts_total", "counter", (series, label) => {
      lines.push(`nearmiss_attempts_total{${label}} ${series.attempts}`);
    });
    family("nearmiss_margin_bp", "histogram", (series, label) => {
      let sum = 0;
      BOUNDS.forEach((bound, index) => {
        sum += series.margins[index];
        lines.push(`nearmiss_margin_bp_bucket{${label},le="${bound}"} ${sum}`);
      });
      lines.push(`nearmiss_margin_bp_bucket{${label},le="+Inf"} ${sum}`);
      lines.push(`nearmiss_margin_bp_sum{${label}} ${series.marginSum}`);
      lines.push(`nearmiss_margin_bp_count{${label}} ${sum}`);
    });
    lines.push("# TYPE nearmiss_episodes_total counter");
    for (const [label, count] of this.#episodes) lines.push(`nearmiss_episodes_total{${label}} ${count}`);
    const unlabelled = { late: this.#late, suppressed: this.#suppressed, dropped, invalid: this.#invalid };
    for (const [name, count] of Object.entries(unlabelled)) {
      lines.push(`# TYPE nearmiss_${name}_total counter`, `nearmiss_${name}_total ${count}`);
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Escapes a label value. */
function escaped(value) {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
