# Lists what failed in the output of `make test`: each test with the command that contains it, and each command that failed without one.
/^test .* \.\.\. .*FAILED$/ {
    sub(/^test /, "")
    sub(/ \.\.\. .*FAILED$/, "")
    names[count++] = $0
}
# Of Python's unittest.
/^(FAIL|ERROR): .* \(__main__\./ {
    sub(/^(FAIL|ERROR): /, "")
    sub(/ \(.*/, "")
    names[count++] = $0
}
# After each target of cargo that failed. A target that ended early, or was not compiled, names no test.
/^error: .*to rerun pass `/ {
    sub(/.*to rerun pass `/, "cargo test ")
    sub(/`.*/, "")
    end_of($0)
}
/^error: could not compile `/ {
    sub(/^error: could not compile /, "")
    sub(/ due to.*/, "")
    failed[total++] = "(not compiled) " $0
}
# After each target of make that failed.
/^make\[[0-9]+\]: \*\*\* \[.*\] Error/ {
    sub(/\] Error.*/, "")
    sub(/.*[:\[] ?/, "make ")
    end_of($0)
}
END {
    for (i = 0; i < count; i++) failed[total++] = names[i]
    print "\nmake: failed: " total
    for (i = 0; i < total; i++) print "  " failed[i]
}

function end_of(command) {
    if (count == 0) names[count++] = "(no test)"
    for (i = 0; i < count; i++) failed[total++] = names[i] ", of `" command "`"
    count = 0
}
