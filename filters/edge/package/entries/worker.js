// Entry point for Workers, which import the module.
import module from "./nearmiss.wasm";
import { initSync } from "../glue.js";

if (!(module instanceof WebAssembly.Module)) {
  throw new TypeError("nearmiss: the bundler did not import nearmiss.wasm as a WebAssembly.Module; import nearmiss/inline instead");
}
initSync({ module });
export * from "../src/index.js";
