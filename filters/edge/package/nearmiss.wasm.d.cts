/** The path of the compiled module, for `require.resolve`. */
declare const module: object;
export = module;
