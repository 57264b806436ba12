# Sourced by optimise.sh and edge/assemble.sh: wasm-opt from npm, pinned by package-lock.json.
#
# A module that cannot be optimised is not built. UNOPTIMISED=1 skips wasm-opt: the module behaves the same, but is larger and slightly
# slower. OUT.unoptimised marks such a module, so that make builds it again without UNOPTIMISED=1.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binaryen="$root/node_modules/.bin"

# Features that the compiler uses and that all supported engines have had for years.
features=(
    --enable-bulk-memory
    --enable-bulk-memory-opt
    --enable-mutable-globals
    --enable-nontrapping-float-to-int
    --enable-sign-ext
)

strip=(--strip-debug --strip-producers --strip-target-features)
[ -z "${NAMES:-}" ] || strip=(--debuginfo)

fail() {
    echo "make: $1; $out is not built (UNOPTIMISED=1 builds it without wasm-opt)" >&2
    exit 1
}

install_binaryen() {
    local log
    [ -x "$binaryen/wasm-opt" ] && [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ] && return
    command -v npm > /dev/null || fail "npm is missing (Debian: apt-get install nodejs npm)"
    log=$(cd "$root" && npm ci --no-progress 2>&1 && touch node_modules/.package-lock.json) || {
        echo "$log" >&2
        fail "npm could not install binaryen"
    }
}

# Optimises IN into OUT, for size. The stack is at the beginning of memory and grows down, so nothing but an overflow uses its first KiB.
optimise() {
    "$binaryen/wasm-opt" "$1" -o "$2" "${features[@]}" -Oz --low-memory-unused --converge "${strip[@]}" || fail "wasm-opt failed"
}

# Marks OUT as optimised or not.
mark() {
    if [ -n "${UNOPTIMISED:-}" ]; then
        echo "make: UNOPTIMISED is set: $out is not optimised" >&2
        touch "$out.unoptimised"
    else
        rm -f "$out.unoptimised"
    fi
}
