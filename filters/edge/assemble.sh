#!/usr/bin/env bash
# Assembles the package for edge gateways: assemble.sh BINDGEN MODULE OUT. NAMES=1 keeps function names; UNOPTIMISED=1 skips wasm-opt
# (binaryen.sh).
#
# wasm-bindgen runs before wasm-opt, which removes the sections that wasm-bindgen needs. The features added here are those that
# the glue uses and that Node 20 supports.
set -euo pipefail

bindgen=$1
module=$2
out=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../binaryen.sh"
features+=(--enable-multivalue --enable-reference-types)

rm -rf "$out.new"
trap 'rm -rf "$out.new"' EXIT
mkdir -p "$out.new/glue"
"$bindgen" "$module" "$out.new/glue"
if [ -n "${UNOPTIMISED:-}" ]; then
    cp "$out.new/glue/nearmiss_edge_bg.wasm" "$out.new/nearmiss.wasm"
else
    install_binaryen
    optimise "$out.new/glue/nearmiss_edge_bg.wasm" "$out.new/nearmiss.wasm"
fi
mv "$out.new/glue/nearmiss_edge.js" "$out.new/glue.js"
rm -r "$out.new/glue"
cp -r "$here/package/." "$out.new"
cp "$root/LICENSE" "$out.new"
node "$here/bundle.mjs" "$out.new"
rm -rf "$out"
mv "$out.new" "$out"
touch "$out/package.json"
mark
