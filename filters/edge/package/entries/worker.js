// Entry point for Workers, which import the module.
import * as imported from "./nearmiss.wasm";
import { initSync } from "../glue.js";

// A bundler that links WebAssembly has no default export, and would refuse to import one.
const { default: module } = { ...imported };
if (!(module instanceof WebAssembly.Module)) {
  throw new TypeError("nearmiss: the bundler did not import nearmiss.wasm as a WebAssembly.Module; import nearmiss/inline instead");
}
initSync({ module });
export * from "../src/index.js";
