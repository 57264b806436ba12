#!/usr/bin/env bash
# Makes the module that ships from the one that cargo built: optimise.sh IN OUT
#
# wasm-opt comes from npm, by package-lock.json. Without npm the module ships as cargo built it; it does the same, only larger
# and a little slower. Features are named one by one: those that the compiler uses and Envoy's engine has had for years.
set -euo pipefail

in=$1
out=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
wasm_opt="$root/node_modules/.bin/wasm-opt"

features=(
    --enable-bulk-memory
    --enable-bulk-memory-opt
    --enable-mutable-globals
    --enable-nontrapping-float-to-int
    --enable-sign-ext
)

install_binaryen() {
    command -v npm > /dev/null || return 1
    [ -x "$wasm_opt" ] && [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ] && return 0
    (cd "$root" && npm ci --silent --no-progress > /dev/null 2>&1 && touch node_modules/.package-lock.json)
}

mkdir -p "$(dirname "$out")"
if install_binaryen; then
    "$wasm_opt" "$in" -o "$out.new" "${features[@]}" -O3 -Os --converge --strip-debug --strip-producers --strip-target-features
else
    echo "make: npm or its package binaryen is not to be had, so $(basename "$out") is left as the compiler made it" >&2
    cp "$in" "$out.new"
fi
mv "$out.new" "$out"
