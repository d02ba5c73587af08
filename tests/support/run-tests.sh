#!/bin/bash
# Run every test program, print what failed, and end with the names of that and a line of totals.
#     run-tests.sh BUILD SEEDS
# The simulator's seeds run in two processes beside each other.  A program that does not end is ended
# and counts as one that failed; the unit tests say at which one they were.
set -u
limit_s=1500
build=$1
seeds=$2
passed=0
failed=0
failures=() # repeated at the end, where somebody who sees only that finds them
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export STARLING_BIN=$build/bin

# Add up "N passed, M failed" or Criterion's synthesis; a program that ends badly without a
# count is one failure.
count() {
    local name=$1 status=$2 log=$3 line p f
    line=$(sed -E 's/\x1b\[[0-9;]*m//g' "$log" | grep -aE '^[0-9]+ passed, [0-9]+ failed$|Synthesis: ' | tail -n 1)
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]}
    elif [[ $line =~ Tested:\ ([0-9]+).*Passing:\ ([0-9]+) ]]; then
        p=${BASH_REMATCH[2]} f=$((BASH_REMATCH[1] - BASH_REMATCH[2]))
    else
        p=0 f=1
    fi
    [ "$status" != 0 ] && [ "$f" = 0 ] && f=1
    passed=$((passed + p))
    failed=$((failed + f))
    if [ "$f" = 0 ]; then
        printf '  %-34s %5d passed\n' "$name" "$p"
    else
        printf '  %-34s %5d passed, %d FAILED (status %d)\n' "$name" "$p" "$f" "$status"
        grep -avE "^\\[(RUN|PASS|SKIP) *\\]" "$log" | tail -n 120
        [ "$status" = 124 ] && failures+=("$name: did not end within $limit_s s")
        while IFS= read -r line; do
            failures+=("$name: $line")
        done < <(sed -E 's/\x1b\[[0-9;]*m//g' "$log" |
            grep -aE '^tests/wire/[a-z_0-9]+\.wire:[0-9]+: |^\[FAIL\] |^seed [0-9]+: |^difference ' |
            head -n 20)
        while IFS= read -r line; do
            failures+=("$name: not ended: $line")
        done < <(unended "$log")
        failures+=("$name: status $status")
    fi
}

# Which tests of Criterion's began, and have no end in the log?
unended() {
    sed -E 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^\[RUN/ { sub(/^\[RUN *\] /, ""); begun[$0] = 1 }
        /^\[(PASS|FAIL|SKIP)/ { sub(/^\[[A-Z]+ *\] /, ""); sub(/: .*/, ""); delete begun[$0] }
        END { for (name in begun) print name }'
}

run() {
    local name=$1 log=$logs/log
    shift
    timeout --foreground -k 10 "$limit_s" "$@" >"$log" 2>&1 </dev/null
    count "$name" $? "$log"
}

while read -r program; do
    name=${program#"$build"/tests/}
    run "${name%/run}" "$program" --jobs 2 --verbose
done < <(find "$build/tests/unit" "$build/tests/model" -name run -type f | sort)
for target in "$build"/tests/fuzz/replay_*; do
    [ -x "$target" ] && [ -f "$target" ] && [[ $target != *.* ]] || continue
    run "fuzz corpus ${target##*replay_}" "$target" "tests/fuzz/corpus/fuzz_${target##*replay_}"
done
run wire "$build/tests/wire/run" tests/wire/*.wire
run differential "$build/tests/differential/run" --seed 1
run crash "$build/tests/crash/run"
run install tests/support/install-check.sh "$build"

first=${seeds%-*}
last=${seeds#*-}
middle=$(((first + last) / 2))
timeout --foreground -k 10 "$limit_s" "$build/tests/sim/run" --seeds "$first-$middle" >"$logs/sim1" 2>&1 </dev/null &
half=$!
if [ "$middle" -lt "$last" ]; then
    timeout --foreground -k 10 "$limit_s" "$build/tests/sim/run" --seeds "$((middle + 1))-$last" >"$logs/sim2" 2>&1 </dev/null
    status2=$?
fi
wait $half
count "sim $first-$middle" $? "$logs/sim1"
[ "$middle" -lt "$last" ] && count "sim $((middle + 1))-$last" "$status2" "$logs/sim2"

[ "$failed" = 0 ] || printf 'FAILED %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
