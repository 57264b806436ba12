/** The context of a Worker's request, which keeps the Worker alive until a promise settles. */
export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** The configuration, identical for every host. Reference: docs/config.md. */
export interface Config {
  upstreams?: Record<string, UpstreamConfig> | undefined;
  fallback_header?: string | undefined;
  tight_margin?: string | undefined;
  max_upstreams?: number | undefined;
  reorder?: string | undefined;
  summary_every?: string | undefined;
  records_per_second?: number | undefined;
  hosts?: "plain" | "hashed" | undefined;
  hosts_key?: string | undefined;
  budget?: string | undefined;
  reference?: Record<string, object> | undefined;
  abandon_after?: string | undefined;
  client_retries?: "unless_external" | "always" | "never" | undefined;
  records_per_second_total?: number | undefined;
  ignore?: { user_agents?: string[] | undefined; paths?: string[] | undefined } | undefined;
  fields?: Record<string, string | null> | undefined;
  edge?: { header?: boolean | undefined; server_timing?: boolean | undefined; inspect_bytes?: number | undefined } | undefined;
  /** The sections of other hosts, which are ignored here. */
  envoy?: object | undefined;
  fluent_bit?: object | undefined;
}

export interface UpstreamConfig {
  timeout?: string | undefined;
  deadline?: string | undefined;
  max_attempts?: number | undefined;
  fallback_hosts?: string[] | undefined;
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
  readonly dropped?: number | undefined;
}

export interface Options {
  /** An object, or the JSON text of one. */
  config?: Config | string | undefined;
  /** The gateway's name, the first part of `source` in summaries. Default: `"edge"`. */
  source?: string | undefined;
  /** Returns milliseconds since the Unix epoch; also used to measure durations. */
  now?: (() => number) | undefined;
  /** Returns a random number, at least 0 and below 1. */
  random?: (() => number) | undefined;
  timers?: ({ setTimeout(body: () => void, ms: number): unknown; clearTimeout(timer: any): void }) | undefined;
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Default: the console. */
  records?: ("console" | "none" | ((line: string) => void) | Sink) | undefined;
  /**
   * Maximum retries and hedges per upstream, as a share of its exchanges: 0 to 1. What is not used is saved, up to that share of the
   * exchanges in flight and at least up to `minimum`. Default: `{ share: 0.2, minimum: 10 }`.
   */
  retryBudget?: number | { share?: number | undefined; minimum?: number | undefined } | undefined;
  /** Interval in milliseconds at which `wake` runs without traffic, in runtimes with timers. */
  wakeEvery?: number | undefined;
  /** Gets the messages for the operator, each at most once a minute. Default: `console.warn`. */
  onWarning?: ((message: string, error?: unknown) => void) | undefined;
}

export type Fallback =
  | string
  | URL
  | Request
  | Response
  | ((
      request: Request,
      cause: unknown,
      context: FallbackContext,
    ) => Response | Request | URL | string | Promise<Response | Request | URL | string>);

export interface FallbackContext {
  /** Aborts at the deadline, and when the caller aborts. */
  signal: AbortSignal;
}

/** The outcome of one attempt. */
export interface AttemptOutcome {
  /** From 1. */
  attempt: number;
  /** Absent if there was no response. */
  status?: number | undefined;
  headers?: Headers | undefined;
  error?: unknown;
  /** A short cause such as `ECONNREFUSED`, `ENOTFOUND` or `timeout`, if there was no response. */
  reason?: string | undefined;
}

/** An attempt as `onAttempt` sees it. */
export interface AttemptReport extends Partial<AttemptOutcome> {
  upstream: string;
  route?: string | undefined;
  host?: string | undefined;
  durationMs?: number | undefined;
  /** True for a fallback that failed. */
  isFallback: boolean;
}

export interface FetchOptions {
  /** Name of the logical service that is called. */
  upstream: string;
  /** Route name; it must not contain identifiers. */
  route?: string | undefined;
  /** 32 hexadecimal digits. */
  traceId?: string | undefined;
  /** Maximum retries, 0 to 20, for idempotent methods only unless `retryUnsafe` is set. Default: 0. */
  retries?: number | undefined;
  /** Timeout in milliseconds for the response headers of one attempt. */
  timeout?: number | undefined;
  /** Deadline in milliseconds for the last byte of the response. */
  deadline?: number | undefined;
  /** Answers when all attempts have failed. */
  fallback?: Fallback | undefined;
  /** Milliseconds after which a second attempt starts in parallel; the first good response wins. */
  hedge?: number | undefined;
  /** Allows retries of POST and PATCH, even without an `Idempotency-Key`. */
  retryUnsafe?: boolean | undefined;
  /** Statuses that are retried. Default: 429, 502, 503 and 504. */
  retryOn?: number[] | undefined;
  /** Decides whether an attempt is followed by another one, instead of `retryOn`. */
  retry?: ((outcome: AttemptOutcome) => boolean | Promise<boolean>) | undefined;
  /** Waits are random, up to a bound that starts at `base` milliseconds, doubles each time and stops at `cap`. Default: 25 and 1000. */
  backoff?: { base?: number | undefined; cap?: number | undefined } | undefined;
  /** Returns the wait before the next attempt in milliseconds, instead of `backoff` and the wait that the upstream asks for. */
  delay?: ((outcome: AttemptOutcome & { retryAfter: number | undefined; backoff: number }) => number) | undefined;
  /** Longest wait in milliseconds that an upstream may ask for. For a longer one, the response stands. Default: 10000. */
  maxRetryAfter?: number | undefined;
  /** Gets each attempt when it ends, with its error and cause. */
  onAttempt?: ((attempt: AttemptReport) => void) | undefined;
  /** Maximum size in bytes of a request body that is buffered for a retry. Default: 65536. */
  replayBytes?: number | undefined;
  /** Replaces the monitor's fetch, for example with a service binding. */
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  ctx?: Context | null | undefined;
}

/** Options that may differ between the exchanges of a route. */
export type ExchangeOptions = Pick<FetchOptions, "traceId" | "fetch" | "ctx">;

/** Fetches with the options of a route. */
export interface Route {
  (input: Request | URL | string, options?: ExchangeOptions): Promise<Response>;
  fetch: Route;
}

export interface WrapOptions {
  /** The upstream, unless a note names another one. */
  upstream?: string | undefined;
  timeout?: number | undefined;
  deadline?: number | undefined;
  maxAttempts?: number | undefined;
}

/** Reports what a gateway did itself; several notes add up. */
export interface Note {
  upstream?: string | undefined;
  route?: string | undefined;
  traceId?: string | undefined;
  /** The host that answered. */
  host?: string | undefined;
  /** Adds an attempt, without `status` if there was no response. */
  attempt?: { host?: string | undefined; status?: number | undefined; durationMs?: number | undefined } | undefined;
  maxAttempts?: number | undefined;
  timeout?: number | undefined;
  deadline?: number | undefined;
  /** Time on the clock of the timeout or deadline, in ms, where the duration is not it. */
  timeoutUsed?: number | undefined;
  deadlineUsed?: number | undefined;
  /** Time that the upstream took, in ms; compared with its past instead of the duration. */
  service?: number | undefined;
  grpcStatus?: number | undefined;
  clientAttempt?: number | undefined;
  quotaRemaining?: number | undefined;
  quotaLimit?: number | undefined;
  cacheStatus?: string | undefined;
  proxyStatus?: string | undefined;
  partial?: boolean | undefined;
  hedged?: boolean | undefined;
  stream?: boolean | undefined;
  /** A circuit breaker was open, or a retry budget was exhausted. */
  breaker?: boolean | undefined;
  /** A policy of the gateway turned the request away before any attempt. */
  rejected?: boolean | undefined;
  /** An authorization could not be checked and was skipped. */
  failOpen?: boolean | undefined;
  /** The request waited for a place in a queue or for a connection. */
  pool?: boolean | undefined;
  /** Reason for the end of the exchange, for people. */
  reason?: string | undefined;
  stale?: boolean | undefined;
  failover?: boolean | undefined;
  fallback?: boolean | undefined;
}

/** An exchange that a gateway made without `fetch` or `wrap`. */
export interface ObservedExchange extends Omit<Note, "attempt"> {
  upstream: string;
  /** The status that the client got; 0 if there was no response. */
  status: number;
  durationMs: number;
  /** Milliseconds since the Unix epoch. Default: now. */
  endedMs?: number | undefined;
  /** Default: the number of logged attempts, at least 1. */
  attempts?: number | undefined;
  attemptLog?: { host?: string | undefined; status?: number | undefined; durationMs?: number | undefined }[] | undefined;
  bytes?: number | undefined;
  /** The client disconnected. */
  aborted?: boolean | undefined;
  /** User agent of the request; only compared with `ignore`, and never emitted. */
  userAgent?: string | undefined;
  /** Path of the request; only compared with `ignore`, and never emitted. */
  path?: string | undefined;
}

export type Fate =
  | "clean" | "slow" | "tight" | "client_retried" | "retried" | "failover" | "stale" | "fallback" | "partial" | "failed"
  | "rejected" | "abandoned";

export interface Verdict {
  fate: Fate;
  /** Margin in basis points; -1 if no limit is known. */
  marginBp: number;
  /** False if the exchange was invalid and not counted. */
  valid: boolean;
}

/** The reason for which an exchange failed. */
export type FailureReason =
  | "no_host" | "connect" | "timeout" | "overload" | "check" | "protocol" | "reset" | "rate_limit" | "grpc" | "status";

export interface Stats {
  upstreams: Record<string, {
    exchanges: number;
    fates: Record<Fate, number>;
    /** Failed exchanges by reason. */
    failed: Record<FailureReason, number>;
    /** Clean exchanges whose client disconnected. */
    aborted: number;
    attempts: number;
    /** Mean margin in basis points; null if no exchange had a limit. */
    meanMarginBp: number | null;
  }>;
  /** Exchanges that are no traffic, by reason. */
  leftOut: Record<"health_check" | "mirrored", number>;
  late: number;
  suppressed: number;
  dropped: number;
  invalid: number;
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
  /** Counts one exchange with all that is known of it, for gateways without `Request` and `Response`. Never throws. */
  observe(exchange: ObservedExchange): Verdict;
  /**
   * Resolves to the upstream's response, the fallback's, or a 502 or 504. Rejects if the request's signal aborts or its body fails, and for
   * a mistake in the program: invalid options, a body that was already read, a TypeError of the transport that is no failure of the network.
   */
  fetch(input: Request | URL | string, options: FetchOptions): Promise<Response>;
  fetch(input: Request | URL | string, route: Route): Promise<Response>;
  /** Checks the options of a route once, early. Returns a function that fetches with them. */
  route(options: FetchOptions): Route;
  /** Returns the handler with its exchanges counted. */
  wrap<Incoming extends Request = Request, Rest extends unknown[] = []>(
    handler: (request: Incoming, ...rest: Rest) => Response | Promise<Response>,
    options?: WrapOptions,
  ): (request: Incoming, ...rest: Rest) => Promise<Response>;
  /** Reports what a wrapped handler did for the request that it was called with. Never throws: an invalid note is counted as such. */
  note(request: Request, note: Note): void;
  /** Returns all counters in the Prometheus text format. */
  metrics(): string;
  /** Returns all counters as an object. */
  stats(): Stats;
  /** Removes an upstream from `metrics` and `stats`; its next exchange counts from zero. */
  forget(upstream: string | number): void;
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
  headers?: Record<string, string> | Headers | [string, string][] | undefined;
  /** `service.name`. Default: `"nearmiss"`. */
  service?: string | undefined;
  /** Maximum number of records in a batch. Default: 100. */
  batch?: number | undefined;
  /** Maximum wait of a record in milliseconds while there is traffic and the endpoint accepts records. Default: 5000. */
  delay?: number | undefined;
  /** Maximum number of records that wait while the endpoint is unavailable. Default: 2000. */
  queue?: number | undefined;
  fetch?: ((request: Request) => Promise<Response>) | undefined;
}

/** Creates a sink for an OTLP/HTTP endpoint that accepts logs as JSON. A line that the caller pushes is sent as the body of a log record. */
export function otlp(options: OtlpOptions): Sink;
