#!/usr/bin/env bash
# Optimises a module that cargo built: optimise.sh IN OUT. NAMES=1 keeps function names.
#
# wasm-opt comes from npm, pinned by package-lock.json. Without npm the module is copied as it is; it behaves the same, but is larger
# and slightly slower. Unused exports are removed from this project's modules only, not from those built for comparison. The list
# of features holds exactly those that the compiler uses and that all supported engines have had for years.
set -euo pipefail

in=$1
out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
wasm_opt="$root/node_modules/.bin/wasm-opt"

features=(
    --enable-bulk-memory
    --enable-bulk-memory-opt
    --enable-mutable-globals
    --enable-nontrapping-float-to-int
    --enable-sign-ext
)

strip=(--strip-debug --strip-producers --strip-target-features)
[ -z "${NAMES:-}" ] || strip=(--debuginfo)

install_binaryen() {
    command -v npm > /dev/null || return 1
    [ -x "$wasm_opt" ] && [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ] && return 0
    (cd "$root" && npm ci --silent --no-progress > /dev/null 2>&1 && touch node_modules/.package-lock.json)
}

# The exports that the host uses; wasm-metadce removes all others and the code that only they reach.
case $(basename "$in") in
    nearmiss_envoy.wasm)
        exports=(
            malloc
            memory
            proxy_abi_version_0_2_1
            proxy_on_configure
            proxy_on_context_create
            proxy_on_done
            proxy_on_http_call_response
            proxy_on_log
            proxy_on_request_headers
            proxy_on_response_headers
            proxy_on_tick
        )
        ;;
    nearmiss_fluent_bit.wasm) exports=(_initialize free malloc memory near_miss nearmiss_finish) ;;
    *) exports=() ;;
esac

graph() {
    local names
    names=$(printf '"%s",' "${exports[@]}")
    echo "[{\"name\":\"host\",\"root\":true,\"reaches\":[${names%,}]}"
    for name in "${exports[@]}"; do
        echo ",{\"name\":\"$name\",\"export\":\"$name\"}"
    done
    echo "]"
}

mkdir -p "$(dirname "$out")"
if install_binaryen; then
    if [ ${#exports[@]} -gt 0 ]; then
        graph > "$out.graph"
        "$root/node_modules/.bin/wasm-metadce" "$in" -o "$out.lean" "${features[@]}" ${NAMES:+--debuginfo} --graph-file "$out.graph" > /dev/null
        rm "$out.graph"
    else
        cp "$in" "$out.lean"
    fi
    "$wasm_opt" "$out.lean" -o "$out.new" "${features[@]}" -O3 -Oz --converge "${strip[@]}"
    rm "$out.lean"
else
    echo "make: npm could not install binaryen; $(basename "$out") is not optimised" >&2
    cp "$in" "$out.new"
fi
mv "$out.new" "$out"
