// Prometheus metrics.
//
// Counters are cumulative for the lifetime of the isolate. Summaries report the same counts per interval.
import { FAILED, FAILURE_REASONS, FATES } from "./fates.js";
import { LEFT_OUT_REASONS } from "./left-out.js";
import { ABORTED, fateOf, INVALID, marginPlusOneOf, reasonOf } from "./packed-verdict.js";

/** Upper bounds of the margin histogram's buckets, in basis points. */
const BOUNDS = [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000];

const HELP = {
  nearmiss_exchanges_total: "Exchanges by fate.",
  nearmiss_failed_total: "Failed exchanges, by reason.",
  nearmiss_aborted_total: "Clean exchanges whose client disconnected.",
  nearmiss_attempts_total: "Attempts, with those of hedges that were needed.",
  nearmiss_margin_bp: "Margin left to the nearest limit, in basis points.",
  nearmiss_episodes_total: "Episodes that opened, by pattern.",
  nearmiss_left_out_total: "Exchanges that are no traffic, by reason.",
  nearmiss_late_total: "Exchanges that arrived after their time was evaluated.",
  nearmiss_suppressed_total: "Exchange records beyond records_per_second.",
  nearmiss_dropped_total: "Records that could not be sent.",
  nearmiss_invalid_total: "Invalid values, and notes that came too late.",
};

class Series {
  fates = new Array(FATES.length).fill(0);
  failures = new Array(FAILURE_REASONS.length).fill(0);
  aborted = 0;
  margins = new Array(BOUNDS.length).fill(0);
  marginSum = 0;
  attempts = 0;
}

export class Metrics {
  #nameOf;
  #series = [];
  #episodes = new Map();
  #leftOut = Object.fromEntries(LEFT_OUT_REASONS.map((reason) => [reason, 0]));
  #invalid = 0;
  #late = 0;
  #suppressed = 0;

  constructor(nameOf) {
    this.#nameOf = nameOf;
  }

  /** Counts one exchange by its packed verdict. */
  count(id, verdict, attempts) {
    if (verdict & INVALID) {
      this.#invalid += 1;
      return;
    }
    const series = (this.#series[id] ??= new Series());
    const fate = fateOf(verdict);
    series.fates[fate] += 1;
    if (fate === FAILED) series.failures[reasonOf(verdict)] += 1;
    if (fate === 0 && verdict & ABORTED) series.aborted += 1;
    const marginPlusOne = marginPlusOneOf(verdict);
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

  /** Counts an exchange that is left out. */
  countLeftOut(reason) {
    this.#leftOut[reason] += 1;
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

  /** Removes the counters of an upstream. */
  forget(id) {
    delete this.#series[id];
    const label = `upstream="${escaped(this.#nameOf(id) ?? "")}"`;
    for (const key of this.#episodes.keys()) if (key.startsWith(`${label},`)) this.#episodes.delete(key);
  }

  /** Returns all metrics as an object. */
  object(dropped) {
    const upstreams = {};
    this.#series.forEach(({ fates, failures, aborted, attempts, margins, marginSum }, id) => {
      const counts = FATES.map((name, fate) => [name, fates[fate]]);
      const known = margins.reduce((sum, count) => sum + count, 0);
      upstreams[this.#nameOf(id) ?? ""] = {
        exchanges: fates.reduce((sum, count) => sum + count, 0),
        fates: Object.fromEntries(counts),
        failed: Object.fromEntries(FAILURE_REASONS.map((name, reason) => [name, failures[reason]])),
        aborted,
        attempts,
        meanMarginBp: known === 0 ? null : Math.round(marginSum / known),
      };
    });
    return { upstreams, leftOut: { ...this.#leftOut }, late: this.#late, suppressed: this.#suppressed, dropped, invalid: this.#invalid };
  }

  /** Returns all metrics in the Prometheus text format. */
  text(dropped) {
    const lines = [];
    const head = (name, type) => lines.push(`# HELP ${name} ${HELP[name]}`, `# TYPE ${name} ${type}`);
    const family = (name, type, write) => {
      head(name, type);
      this.#series.forEach((series, id) => write(series, `upstream="${escaped(this.#nameOf(id) ?? "")}"`));
    };
    family("nearmiss_exchanges_total", "counter", (series, label) => {
      series.fates.forEach((count, fate) => {
        if (count > 0) lines.push(`nearmiss_exchanges_total{${label},fate="${FATES[fate]}"} ${count}`);
      });
    });
    family("nearmiss_failed_total", "counter", (series, label) => {
      series.failures.forEach((count, reason) => {
        if (count > 0) lines.push(`nearmiss_failed_total{${label},reason="${FAILURE_REASONS[reason]}"} ${count}`);
      });
    });
    family("nearmiss_aborted_total", "counter", (series, label) => {
      if (series.aborted > 0) lines.push(`nearmiss_aborted_total{${label}} ${series.aborted}`);
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
    head("nearmiss_episodes_total", "counter");
    for (const [label, count] of this.#episodes) lines.push(`nearmiss_episodes_total{${label}} ${count}`);
    head("nearmiss_left_out_total", "counter");
    for (const [reason, count] of Object.entries(this.#leftOut)) if (count > 0) lines.push(`nearmiss_left_out_total{reason="${reason}"} ${count}`);
    const unlabelled = { late: this.#late, suppressed: this.#suppressed, dropped, invalid: this.#invalid };
    for (const [name, count] of Object.entries(unlabelled)) {
      head(`nearmiss_${name}_total`, "counter");
      lines.push(`nearmiss_${name}_total ${count}`);
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Escapes a label value. */
function escaped(value) {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
