#!/usr/bin/env bash
# Assembles the package for edge gateways: assemble.sh BINDGEN MODULE OUT. NAMES=1 keeps function names.
#
# wasm-bindgen runs before wasm-opt, which removes the sections that wasm-bindgen needs. The list of features holds exactly those
# that the compiler and the glue use and that Node 20 supports.
set -euo pipefail

bindgen=$1
module=$2
out=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wasm_opt="$root/node_modules/.bin/wasm-opt"

features=(
    --enable-bulk-memory
    --enable-bulk-memory-opt
    --enable-multivalue
    --enable-mutable-globals
    --enable-nontrapping-float-to-int
    --enable-reference-types
    --enable-sign-ext
)

strip=(--strip-debug --strip-producers --strip-target-features)
[ -z "${NAMES:-}" ] || strip=(--debuginfo)

install_binaryen() {
    command -v npm > /dev/null || return 1
    [ -x "$wasm_opt" ] && [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ] && return 0
    (cd "$root" && npm ci --silent --no-progress > /dev/null 2>&1 && touch node_modules/.package-lock.json)
}

rm -rf "$out.new"
mkdir -p "$out.new/glue"
"$bindgen" "$module" "$out.new/glue"
if install_binaryen; then
    "$wasm_opt" "$out.new/glue/nearmiss_edge_bg.wasm" -o "$out.new/nearmiss.wasm" "${features[@]}" -O3 -Oz --converge "${strip[@]}"
else
    echo "make: npm could not install binaryen; the edge module is not optimised" >&2
    cp "$out.new/glue/nearmiss_edge_bg.wasm" "$out.new/nearmiss.wasm"
fi
mv "$out.new/glue/nearmiss_edge.js" "$out.new/glue.js"
rm -r "$out.new/glue"
cp -r "$here/package/." "$out.new"
cp "$root/LICENSE" "$out.new"
rm -rf "$out"
mv "$out.new" "$out"
touch "$out/package.json"
