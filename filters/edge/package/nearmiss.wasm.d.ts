/** The compiled module, in runtimes and bundlers that import WebAssembly as a module. */
declare const module: object;
export default module;
