/** The context of a Worker's request, which keeps the Worker alive until a promise settles. */
export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** The configuration, identical for every host. Reference: docs/config.md. */
export interface Config {
  upstreams?: Record<string, UpstreamConfig>;
  fallback_header?: string;
  tight_margin?: string;
  max_upstreams?: number;
  reorder?: string;
  summary_every?: string;
  records_per_second?: number;
  hosts?: "plain" | "hashed";
  hosts_key?: string;
  budget?: string;
  reference?: Record<string, object>;
  edge?: { header?: boolean; server_timing?: boolean; inspect_bytes?: number };
  [host: string]: unknown;
}

export interface UpstreamConfig {
  timeout?: string;
  deadline?: string;
  max_attempts?: number;
  fallback_hosts?: string[];
}

/** A destination for records; each line is one JSON object. */
export interface Sink {
  push(line: string): void;
  /** Returns true if it is time to flush. */
  due?(nowMs: number): boolean;
  flush?(): Promise<void>;
  /** Waits for all flushes in progress and flushes a last time. */
  finish?(): Promise<void>;
  /** Number of dropped records. */
  readonly dropped?: number;
}

export interface Options {
  /** An object, or the JSON text of one. */
  config?: Config | string;
  /** The gateway's name, the first part of `source` in summaries. Default: `"edge"`. */
  source?: string;
  /** Returns milliseconds since the Unix epoch; also used to measure durations. */
  now?: () => number;
  /** Returns a random number, at least 0 and below 1. */
  random?: () => number;
  timers?: { setTimeout(body: () => void, ms: number): unknown; clearTimeout(timer: any): void };
  fetch?: (request: Request) => Promise<Response>;
  /** Default: the console. */
  records?: "console" | "none" | ((line: string) => void) | Sink;
  /** Maximum retries and hedges per upstream, as a share of its exchanges: 0 to 1. Default: 0.2. */
  retryBudget?: number;
  /** Interval in milliseconds at which `wake` runs without traffic, in runtimes with timers. */
  wakeEvery?: number;
}

export type Fallback =
  | string
  | URL
  | Request
  | Response
  | ((request: Request, cause: unknown) => Response | Request | URL | string | Promise<Response | Request | URL | string>);

export interface FetchOptions {
  /** Name of the logical service that is called. */
  upstream: string;
  /** Route name; it must not contain identifiers. */
  route?: string;
  /** 32 hexadecimal digits. */
  traceId?: string;
  /** Maximum retries, 0 to 20, for idempotent methods only unless `retryUnsafe` is set. Default: 0. */
  retries?: number;
  /** Timeout in milliseconds for the response headers of one attempt. */
  timeout?: number;
  /** Deadline in milliseconds for the last byte of the response. */
  deadline?: number;
  /** Answers when all attempts have failed. */
  fallback?: Fallback;
  /** Milliseconds after which a second attempt starts in parallel; the first good response wins. */
  hedge?: number;
  /** Allows retries of POST and PATCH. */
  retryUnsafe?: boolean;
  /** Statuses that are retried. Default: 429, 502, 503 and 504. */
  retryOn?: number[];
  /** Waits are random, up to a bound that starts at `base` milliseconds, doubles each time and stops at `cap`. Default: 25 and 1000. */
  backoff?: { base?: number; cap?: number };
  /** Maximum size in bytes of a request body that is buffered for a retry. Default: 65536. */
  replayBytes?: number;
  /** Replaces the monitor's fetch, for example with a service binding. */
  fetch?: (request: Request) => Promise<Response>;
  ctx?: Context;
}

export interface WrapOptions {
  /** The upstream, unless a note names another one. */
  upstream?: string;
  timeout?: number;
  deadline?: number;
  maxAttempts?: number;
}

/** Reports what a gateway did itself; several notes add up. */
export interface Note {
  upstream?: string;
  route?: string;
  traceId?: string;
  /** The host that answered. */
  host?: string;
  /** Adds an attempt, without `status` if there was no response. */
  attempt?: { host?: string; status?: number; durationMs?: number };
  maxAttempts?: number;
  timeout?: number;
  deadline?: number;
  /** Time on the clock of the timeout or deadline, in ms, where the duration is not it. */
  timeoutUsed?: number;
  deadlineUsed?: number;
  /** Time that the upstream took, in ms; compared with its past instead of the duration. */
  service?: number;
  grpcStatus?: number;
  clientAttempt?: number;
  quotaRemaining?: number;
  quotaLimit?: number;
  cacheStatus?: string;
  proxyStatus?: string;
  partial?: boolean;
  hedged?: boolean;
  stream?: boolean;
  /** A circuit breaker was open, or a retry budget was exhausted. */
  breaker?: boolean;
  /** A policy of the gateway turned the request away before any attempt. */
  rejected?: boolean;
  /** An authorization could not be checked and was skipped. */
  failOpen?: boolean;
  /** The request waited for a place in a queue or for a connection. */
  pool?: boolean;
  /** Reason for the end of the exchange, for people. */
  reason?: string;
  stale?: boolean;
  failover?: boolean;
  fallback?: boolean;
}

export class Monitor {
  constructor(options?: Options);
  /** Returns the number of an upstream for `observe`. */
  upstream(name: string): number;
  /**
   * Counts one exchange that the gateway made itself. Returns 0 for a clean exchange without a known limit; the low four bits are
   * the fate, weakest first.
   */
  observe(upstream: number, endedMs: number, status: number, durationMs: number, attempts?: number): number;
  /**
   * Resolves to the upstream's response, the fallback's, or a 502 or 504. Rejects only if the options are invalid or the
   * request's signal aborts.
   */
  fetch(input: Request | URL | string, options: FetchOptions): Promise<Response>;
  /** Returns the handler with its exchanges counted. */
  wrap<Rest extends unknown[]>(
    handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
    options?: WrapOptions,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** Reports what a wrapped handler did for the request that it was called with. */
  note(request: Request, note: Note): void;
  /** Returns all counters in the Prometheus text format. */
  metrics(): string;
  /** Runs time-based work that is due. */
  wake(): void;
  /** Replaces the configuration and keeps counters and baselines. An invalid configuration throws and changes nothing. */
  reconfigure(config: Config | string): void;
  /** Sends all waiting records. */
  flush(): Promise<void>;
  /** Ends monitoring: emits and sends all pending records. */
  finish(): Promise<void>;
}

/** Creates the monitor of a gateway; call it once, next to the handler. */
export function nearMiss(options?: Options): Monitor;

export interface OtlpOptions {
  /** OTLP/HTTP endpoint, such as `https://collector/v1/logs`. */
  url: string | URL;
  headers?: Record<string, string>;
  /** `service.name`. Default: `"nearmiss"`. */
  service?: string;
  /** Maximum number of records in a batch. Default: 100. */
  batch?: number;
  /** Maximum wait of a record in milliseconds while there is traffic. Default: 5000. */
  delay?: number;
  /** Maximum number of records that wait while the endpoint is unavailable. Default: 2000. */
  queue?: number;
  fetch?: (request: Request) => Promise<Response>;
}

/** Creates a sink for an OTLP/HTTP endpoint that accepts logs as JSON. */
export function otlp(options: OtlpOptions): Sink;
