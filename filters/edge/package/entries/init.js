// Entry point for runtimes in which the gateway loads the module itself.
import { initSync } from "../glue.js";
import { Monitor } from "../src/index.js";
export * from "../src/index.js";

let isInitialized = false;

/** Takes nearmiss.wasm as a module or its bytes, or a promise of either, for which it returns a promise. Only the first call counts. */
export function init(source) {
  if (typeof source?.then === "function") return source.then(init);
  if (isInitialized) return;
  const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  if (!isBytes && Object.prototype.toString.call(source) !== "[object WebAssembly.Module]") {
    throw new TypeError("nearmiss: `init` takes a WebAssembly.Module, its bytes, or a promise of either");
  }
  initSync({ module: isBytes ? new WebAssembly.Module(source) : source });
  isInitialized = true;
}

/** Creates the monitor of a gateway, after `init`. */
export function nearMiss(options) {
  if (!isInitialized) throw new Error("nearmiss: call `init` with nearmiss.wasm before `nearMiss`");
  return new Monitor(options);
}
