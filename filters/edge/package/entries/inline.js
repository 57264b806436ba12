// Entry point with the module's bytes, for bundlers and for runtimes that cannot read files.
import { initSync } from "../glue.js";
import { BASE64 } from "../wasm-base64.js";

initSync({ module: new WebAssembly.Module(Uint8Array.from(atob(BASE64), (character) => character.charCodeAt(0))) });
export * from "../src/index.js";
