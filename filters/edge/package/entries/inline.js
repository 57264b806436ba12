// Entry point with the module's bytes, for bundlers and for runtimes that cannot read files.
import { initSync } from "../glue.js";
import { BASE64 } from "../wasm-base64.js";

const { Buffer } = globalThis;
const bytes = Buffer?.from(BASE64, "base64") ?? Uint8Array.from(atob(BASE64), (character) => character.charCodeAt(0));
initSync({ module: new WebAssembly.Module(bytes) });
export * from "../src/index.js";
