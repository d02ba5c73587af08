#!/bin/bash
# Run every test program, print what failed, and end with the names of that and a line of totals.
#     run-tests.sh BUILD SEEDS
# The simulator's seeds run in two processes beside each other, wire scripts, which wait most of the time, in three.  A program that does not end is looked at,
# ended, and counts as one that failed; those of Criterion say at which tests they were.
set -u
limit_s=${LIMIT_S:-1800}
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
        while IFS= read -r line; do
            failures+=("$name: $line")
        done < <(sed -E 's/\x1b\[[0-9;]*m//g' "$log" |
            grep -aE '^tests/wire/[a-z_0-9]+\.wire:[0-9]+: |^\[FAIL\] |^seed [0-9]+: |^difference |^did not end ' |
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

# Where do a process and all that it began stand?  With gdb, when it is there, else as the kernel sees it.
look_at() {
    local pid=$1 child task
    for task in /proc/"$pid"/task/*; do
        echo "process $pid, thread ${task##*/}, $(cat "$task/comm"): $(cut -d ' ' -f 3,14,15 "$task/stat") at $(cat "$task/wchan")"
    done
    command -v gdb >/dev/null && timeout 60 gdb -p "$pid" -batch -ex 'thread apply all bt 20' 2>&1 | grep -a '^#\|^Thread'
    for child in $(cat /proc/"$pid"/task/*/children); do
        look_at "$child"
    done
}

# Run a program for so long at most.
limited() {
    local pid guard status
    "$@" &
    pid=$!
    (
        for ((second = 0; second < limit_s; second++)); do
            sleep 1
        done
        look_at "$pid" 2>/dev/null
        echo "did not end within $limit_s s"
        kill "$pid" && sleep 10 && kill -9 "$pid"
    ) &
    guard=$!
    wait "$pid"
    status=$?
    kill "$guard" 2>/dev/null
    return $status
}

run() {
    local name=$1 log=$logs/log
    shift
    limited "$@" >"$log" 2>&1 </dev/null
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
run wire "$build/tests/wire/run" --jobs 3 tests/wire/*.wire
run differential "$build/tests/differential/run" --seed 1
run crash "$build/tests/crash/run"
run install tests/support/install-check.sh "$build"

once_failed() {
    local seed rest
    while read -r seed rest; do
        [[ $seed == [0-9]* ]] || continue
        "$build/tests/sim/run" --seed "$seed" || [ $? = 1 ] || echo '0 passed, 1 failed'
    done <tests/sim/once_failed.txt | awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; next } { print }
        END { printf "%d passed, %d failed\n", p, f }'
}
run 'sim, once failed' once_failed

first=${seeds%-*}
last=${seeds#*-}
middle=$(((first + last) / 2))
limited "$build/tests/sim/run" --seeds "$first-$middle" >"$logs/sim1" 2>&1 </dev/null &
half=$!
if [ "$middle" -lt "$last" ]; then
    limited "$build/tests/sim/run" --seeds "$((middle + 1))-$last" >"$logs/sim2" 2>&1 </dev/null
    status2=$?
fi
wait $half
count "sim $first-$middle" $? "$logs/sim1"
[ "$middle" -lt "$last" ] && count "sim $((middle + 1))-$last" "$status2" "$logs/sim2"

[ "$failed" = 0 ] || printf 'FAILED %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
