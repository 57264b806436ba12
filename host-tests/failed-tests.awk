# Lists the tests that failed in the output of `cargo test --no-fail-fast`, each with the target that contains it.
/^test .* \.\.\. .*FAILED$/ {
    sub(/^test /, "")
    sub(/ \.\.\. .*FAILED$/, "")
    names[count++] = $0
}
# After each target that failed. A target that ended early, or was not compiled, names no test.
/^error: .*to rerun pass `/ {
    target = $0
    sub(/.*to rerun pass `/, "", target)
    sub(/`.*/, "", target)
    if (count == 0) names[count++] = "(ended early)"
    for (i = 0; i < count; i++) failed[total++] = names[i] ", of `cargo test " target "`"
    count = 0
}
END {
    for (i = 0; i < count; i++) failed[total++] = names[i]
    if (total == 0) print "\nmake: cargo could not run the tests"
    else print "\nmake: failed tests: " total
    for (i = 0; i < total; i++) print "  " failed[i]
}
