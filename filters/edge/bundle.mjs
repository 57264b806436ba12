// Writes the entry points of the package, each as one file, as ES module and CommonJS: bundle.mjs FOLDER.
//
// Every source file becomes a function that returns its exports, in the order of its imports. The sources import and export only in the
// forms that `parsed` reads, and not in circles; anything else is an error.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

const folder = resolve(process.argv[2]);
const ENTRIES = [
  ["worker", "worker.js"],
  ["inline", "inline.js"],
  ["inline", "inline.cjs"],
  ["init", "init.js"],
  ["init", "init.cjs"],
];
const IMPORT = /^import (?:(\* as \w+)|\{([^}]*)\}) from "([^"]+)";\n/gm;
const REEXPORT = /^export (?:\*|\{([^}]*)\}) from "([^"]+)";\n/gm;
const LOCAL_EXPORT = /^export \{([^}]*)\};\n?/gm;
const DECLARATION = /^export ((?:async )?function\*?|class|const|let) (\w+)/gm;

/** The module's bytes, which no file holds as source. */
const generated = new Map([[join(folder, "wasm-base64.js"), `export const BASE64 = "${readFileSync(join(folder, "nearmiss.wasm"), "base64")}";\n`]]);

for (const [entry, out] of ENTRIES) writeFileSync(join(folder, out), bundle(join(folder, "entries", `${entry}.js`), out.endsWith(".cjs")));
for (const types of ["index", "inline", "init"]) writeCommonJsTypes(types);
writeImportModule();
rmSync(join(folder, "entries"), { recursive: true });

/** Returns the source of an entry point with everything that it imports from the package. */
function bundle(entry, isCommonJs) {
  const modules = new Map();
  const externals = new Set();
  add(entry, modules, externals);
  const parts = [...modules.values()].map(({ name, code }) => `const ${name} = (() => {\n${code}})();\n`);
  const { name, names } = modules.get(entry);
  const exported = isCommonJs
    ? `const { ${names.join(", ")} } = ${name};\nmodule.exports = { ${names.join(", ")} };\n`
    : `export const { ${names.join(", ")} } = ${name};\n`;
  const head = [...externals].map((line) => (isCommonJs ? required(line) : line));
  return [isCommonJs ? '"use strict";\n' : "", ...head, ...parts, exported].join("");
}

/** Adds a file after the files that it imports. */
function add(path, modules, externals, parents = []) {
  if (modules.has(path)) return modules.get(path);
  if (parents.includes(path)) throw new Error(`${path}: imports in a circle`);
  const load = (specifier) => add(join(dirname(path), specifier), modules, externals, [...parents, path]);
  const source = generated.get(path) ?? readFileSync(path, "utf8");
  const names = new Map();
  const code = source
    .replaceAll(IMPORT, (line, namespace, list, specifier) => {
      if (isExternal(specifier)) {
        externals.add(line);
        return "";
      }
      if (namespace !== undefined) throw new Error(`${path}: ${line}`);
      return `const {${list.replaceAll(" as ", ": ")}} = ${load(specifier).name};\n`;
    })
    .replaceAll(REEXPORT, (_, list, specifier) => {
      const from = load(specifier);
      for (const name of list?.split(",").map((each) => each.trim()) ?? from.names) if (!names.has(name)) names.set(name, `${name}: ${from.name}.${name}`);
      return "";
    })
    .replaceAll(LOCAL_EXPORT, (_, list) => {
      for (const [name, as] of list.split(",").map((each) => each.trim().split(" as "))) if (as === undefined) names.set(name, name);
      return "";
    })
    .replaceAll(DECLARATION, (_, kind, name) => {
      names.set(name, name);
      return `${kind} ${name}`;
    });
  const left = /^(?:import|export) .*/m.exec(code);
  if (left !== null) throw new Error(`${path}: not understood: ${left[0]}`);
  const module = { name: `m${modules.size}_${basename(path, ".js").replaceAll("-", "_")}`, names: [...names.keys()] };
  module.code = `${withoutComments(code).trim()}\nreturn { ${[...names.values()].join(", ")} };\n`;
  modules.set(path, module);
  return module;
}

/** A specifier of the runtime, or of a file that is not JavaScript. */
function isExternal(specifier) {
  return !specifier.endsWith(".js");
}

function required(line) {
  return line.replace(/^import (.*) from ("[^"]+");/, "const $1 = require($2);");
}

/** Removes the lines that are only comments. */
function withoutComments(code) {
  return code.replaceAll(/^\s*(?:\/\*[^]*?\*\/|\/\/.*)\n/gm, "");
}

function writeCommonJsTypes(name) {
  const types = readFileSync(join(folder, `${name}.d.ts`), "utf8");
  writeFileSync(join(folder, `${name}.d.cts`), types.replaceAll('"./index.js"', '"./index.cjs"'));
}

/** Writes the file that the module names as the source of its imports, for bundlers that resolve it. */
function writeImportModule() {
  const namesByFile = new Map();
  for (const { module: file, name } of WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(join(folder, "nearmiss.wasm"))))) {
    namesByFile.set(file, [...(namesByFile.get(file) ?? []), name]);
  }
  for (const [file, names] of namesByFile) {
    const body = names.map((name) => `export const ${name} = unlinked;\n`).join("");
    writeFileSync(
      join(folder, file),
      `// The imports of nearmiss.wasm, for bundlers that resolve them. The package links them itself, so these are never called.
function unlinked() {
  throw new Error("nearmiss: nearmiss.wasm was linked by a bundler; import nearmiss/inline instead");
}
${body}`,
    );
  }
}
