#!/usr/bin/env bash
# Optimises a module that cargo built: optimise.sh IN OUT. NAMES=1 keeps function names; UNOPTIMISED=1 only copies (binaryen.sh).
#
# wasm-metadce removes all exports that modules.tsv does not list, and the code that only they reach.
set -euo pipefail

in=$1
out=$2
. "$(dirname "$0")/binaryen.sh"

crate=$(basename "$in" .wasm | tr _ -)
row=$(awk -F'\t' -v crate="$crate" '$2 == crate {print $5}' "$root/filters/modules.tsv")
[ -n "$row" ] || { echo "make: filters/modules.tsv does not list $crate" >&2; exit 1; }
read -ra exports <<< "${row#-}"

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
trap 'rm -f "$out.graph" "$out.lean" "$out.new"' EXIT
if [ -n "${UNOPTIMISED:-}" ]; then
    cp "$in" "$out.new"
else
    install_binaryen
    if [ ${#exports[@]} -gt 0 ]; then
        graph > "$out.graph"
        "$binaryen/wasm-metadce" "$in" -o "$out.lean" "${features[@]}" ${NAMES:+--debuginfo} --graph-file "$out.graph" > /dev/null ||
            fail "wasm-metadce failed"
    else
        cp "$in" "$out.lean"
    fi
    optimise "$out.lean" "$out.new"
fi
mv "$out.new" "$out"
mark
