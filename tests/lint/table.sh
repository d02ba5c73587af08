#!/bin/bash
# How the house stands, as a table: what tests/lint/lint.sh demands, and what it does not.
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

row() {
    printf '%-62s %s\n' "$1" "$2"
}

count_lines() {
    grep -c . || true
}

mapfile -t rooms < <(grep -v '^#' tests/lint/layers.txt | cut -d: -f1)
mapfile -t sources < <(git ls-files 'server/*.[ch]' 'common/*.[ch]' 'cli/*.[ch]')

tests/lint/graph.sh --sizes | while read -r room size; do
    row "files in the biggest call circle of $room" "$size"
done

for file in "${sources[@]}"; do
    while read -r include; do
        for path in "$include" "common/$include" "server/$include"; do
            [ -f "$path" ] && echo "$file $path include"
        done
    done < <(sed -nE 's/^#include "(.*)"$/\1/p' "$file")
done | awk '$1 != $2' | awk -f tests/lint/circles.awk | grep '^circle' >"$scratch/includes"
row "include circles" "$(count_lines <"$scratch/includes")"

awk 'FNR == 1 { start = 0 } /^{/ { start = FNR } /^}/ { if (start && FNR - start - 1 > 60) print FILENAME; start = 0 }' \
    "${sources[@]}" >"$scratch/long"
row "functions above 60 lines" "$(count_lines <"$scratch/long")"
wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 700 && $2 !~ /_tables\.h$/' >"$scratch/files"
row "files above 700 lines" "$(count_lines <"$scratch/files")"
tests/lint/mutable.sh >"$scratch/mutable"
row "mutable file-scope variables outside main.c and process.c" "$(count_lines <"$scratch/mutable")"
row "parts of struct node assigned in more than one file" "$(tests/lint/parts.sh --count)"

for room in server/session server/node server/cluster server/replication; do
    functions=$(awk '/^[{}]/ && /^{/' "$room"/*.[ch] | wc -l)
    asserts=$(grep -hoE '\bASSERT\(' "$room"/*.[ch] | wc -l)
    row "ASSERTs per function in $room" \
        "$(awk -v a="$asserts" -v f="$functions" 'BEGIN { printf "%.2f (%d in %d)", a / (f ? f : 1), a, f }')"
done
tests/lint/unused.sh --list >"$scratch/unused"
row "functions no program calls" "$(count_lines <"$scratch/unused")"
row "    of them not listed in unused.txt" "$(tests/lint/unused.sh | grep -c 'no program calls')"

: >"$scratch/alone"
for file in server/node/*.c server/control/*.c; do
    name=$(basename "$file" .c)
    header=${file%.c}.h
    # Families of commands are declared from the table: each function by its row.
    case $file in server/control/*_commands.c | server/control/cluster_reports.c) header=server/control/control.h ;; esac
    [ -f "$header" ] || echo "$file has no header" >>"$scratch/alone"
    [ -f "tests/unit/$(dirname "$file")/test_$name.c" ] || echo "$file has no tests of its own" >>"$scratch/alone"
done
row ".c files of node and control without a header of their own" "$(grep -c header "$scratch/alone")"
row ".c files of node and control without tests of their own" "$(grep -c tests "$scratch/alone")"

if [ "${1:-}" = --names ]; then
    sort "$scratch/includes" "$scratch/long" "$scratch/files" "$scratch/mutable" "$scratch/alone" "$scratch/unused"
fi
