export * from "./index.js";

/**
 * Takes nearmiss.wasm as a `WebAssembly.Module` or its bytes, before the first call of `nearMiss`. A promise is awaited. Only the first call
 * counts.
 */
export function init(source: object): void;
export function init(source: Promise<object>): Promise<void>;
