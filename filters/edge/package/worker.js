// Workers: the module is an import.
import module from "./nearmiss.wasm";
import { initSync } from "./glue.js";

initSync({ module });
export * from "./src/index.js";
