/** What keeps a Worker alive until something is done. */
export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** The configuration, the same for every host; its reference is docs/config.md. */
export interface Config {
  upstreams?: Record<string, UpstreamConfig>;
  fallback_header?: string;
  tight_margin?: string;
  max_upstreams?: number;
  reorder?: string;
  summary_every?: string;
  records_per_second?: number;
  hosts?: "plain" | "hashed";
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

/** Where records go, one JSON object a line. */
export interface Sink {
  push(line: string): void;
  /** Whether it is time to flush. */
  due?(nowMs: number): boolean;
  flush?(): Promise<void>;
  /** The last flush, which waits for those before it. */
  finish?(): Promise<void>;
  /** Records that found no room. */
  readonly dropped?: number;
}

export interface Options {
  /** An object, or the JSON text of one. */
  config?: Config | string;
  /** The first part of the `source` of summaries: which gateway this is. `"edge"` if not given. */
  source?: string;
  /** Milliseconds since the Unix epoch; also measures how long things took. */
  now?: () => number;
  /** At least 0 and below 1. */
  random?: () => number;
  timers?: { setTimeout(body: () => void, ms: number): unknown; clearTimeout(timer: any): void };
  fetch?: (request: Request) => Promise<Response>;
  /** The console if not given. */
  records?: "console" | "none" | ((line: string) => void) | Sink;
  /** How many retries and hedges an upstream may cost, as a share of its exchanges: 0 to 1, 0.2 if not given. */
  retryBudget?: number;
  /** Where there are timers: how often to do what is due, in milliseconds, even if there is no traffic. */
  wakeEvery?: number;
}

export type Fallback =
  | string
  | URL
  | Request
  | Response
  | ((request: Request, cause: unknown) => Response | Request | URL | string | Promise<Response | Request | URL | string>);

export interface FetchOptions {
  /** The logical service that is called. */
  upstream: string;
  /** The route's name; never a path with identifiers in it. */
  route?: string;
  /** 32 hexadecimal digits. */
  traceId?: string;
  /** Attempts after the first, 0 to 20; 0 if not given. Idempotent methods only, unless `retryUnsafe`. */
  retries?: number;
  /** Milliseconds until the headers of an attempt's response. */
  timeout?: number;
  /** Milliseconds until the last byte of the response. */
  deadline?: number;
  /** What answers instead when all attempts have failed. */
  fallback?: Fallback;
  /** Milliseconds after which an attempt gets company; the first good answer counts. */
  hedge?: number;
  /** POST and PATCH may be repeated too. */
  retryUnsafe?: boolean;
  /** Statuses worth another attempt: 429, 502, 503 and 504 if not given. */
  retryOn?: number[];
  /** Waits are random, up to `base` milliseconds that double each time and end at `cap`; 25 and 1000 if not given. */
  backoff?: { base?: number; cap?: number };
  /** The longest request body that is kept for another attempt; 65536 if not given. */
  replayBytes?: number;
  /** Another way to the upstream, such as a service binding. */
  fetch?: (request: Request) => Promise<Response>;
  ctx?: Context;
}

export interface WrapOptions {
  /** The upstream of exchanges that no note names another for. */
  upstream?: string;
  timeout?: number;
  deadline?: number;
  maxAttempts?: number;
}

/** What a gateway did of its own; each note adds to those before. */
export interface Note {
  upstream?: string;
  route?: string;
  traceId?: string;
  /** Who answered. */
  host?: string;
  /** One more attempt; no `status` if there was no answer. */
  attempt?: { host?: string; status?: number; durationMs?: number };
  maxAttempts?: number;
  timeout?: number;
  deadline?: number;
  grpcStatus?: number;
  clientAttempt?: number;
  quotaRemaining?: number;
  quotaLimit?: number;
  cacheStatus?: string;
  proxyStatus?: string;
  partial?: boolean;
  hedged?: boolean;
  stream?: boolean;
  /** A circuit breaker was open, or a retry budget spent. */
  breaker?: boolean;
  stale?: boolean;
  failover?: boolean;
  fallback?: boolean;
}

export class Monitor {
  constructor(options?: Options);
  /** The number by which `observe` calls an upstream. */
  upstream(name: string): number;
  /**
   * Counts one exchange that somebody else made. The outcome is 0 for a clean one without a known limit; its low four bits are
   * the fate, weakest first.
   */
  observe(upstream: number, endedMs: number, status: number, durationMs: number, attempts?: number): number;
  /**
   * Always has an answer: the upstream's, the fallback's, or a 502 or 504 of its own. Rejects only with options that make no
   * sense, and when the request's signal ends.
   */
  fetch(input: Request | URL | string, options: FetchOptions): Promise<Response>;
  /** The handler with its exchanges counted. */
  wrap<Rest extends unknown[]>(
    handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
    options?: WrapOptions,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** Says what a wrapped handler did for the request it was called with. */
  note(request: Request, facts: Note): void;
  /** All counters, in the text format of Prometheus. */
  metrics(): string;
  /** Does what is due by the clock. */
  wake(): void;
  /** Takes another configuration and keeps what was learned; a wrong one throws and changes nothing. */
  reconfigure(config: Config | string): void;
  /** Sends what waits. */
  flush(): Promise<void>;
  /** The end: everything leaves. */
  finish(): Promise<void>;
}

/** A monitor for one gateway; make it once, beside the handler. */
export function nearMiss(options?: Options): Monitor;

export interface OtlpOptions {
  /** Such as `https://collector/v1/logs`. */
  url: string | URL;
  headers?: Record<string, string>;
  /** `service.name`; `"gateway"` if not given. */
  service?: string;
  /** Records that make a full batch; 100 if not given. */
  batch?: number;
  /** Milliseconds that a record waits at most while there is traffic; 5000 if not given. */
  delay?: number;
  /** Records that may wait while the endpoint is away; 2000 if not given. */
  queue?: number;
  fetch?: (request: Request) => Promise<Response>;
}

/** A place for records: an OTLP/HTTP endpoint that takes logs as JSON. */
export function otlp(options: OtlpOptions): Sink;
