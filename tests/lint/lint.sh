#!/bin/bash
# Everything that a machine can check about the source.  Each check prints what it found; the
# last line says whether all is well.
set -u
cd "$(dirname "$0")/../.." || exit 2
problems=0
note() {
    echo "$*"
    problems=$((problems + 1))
}

for tool in clang-format clang-tidy cppcheck; do
    tests/support/install.sh --command $tool $tool || exit 1
done
tests/support/install.sh criterion/criterion.h libcriterion-dev || exit 1

mapfile -t sources < <(git ls-files '*.c' '*.h')
mapfile -t compiled < <(git ls-files '*.c')
mapfile -t headers < <(git ls-files '*.h')

echo "top level"
while read -r name; do
    [[ $name == .* || " server common cli tests docs Makefile README.md LICENSE " == *" $name "* ]] ||
        note "$name: does not belong to the top level"
done < <(git ls-files | cut -d/ -f1 | sort -u)

echo "format"
for file in "${sources[@]}"; do
    [[ $file == *_tables.h ]] && continue
    clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || note "$file: not in the house's format (make format)"
done

echo "layers"
while IFS=: read -r room seen; do
    [[ $room == \#* || -z $room ]] && continue
    for file in "$room"/*.c "$room"/*.h "$room"/*.def; do
        [ -f "$file" ] || continue
        while read -r include; do
            case "$include" in
            cli/*) target=cli ;;
            base/* | resp/* | spec/* | io/* | segment/*) target=common/${include%%/*} ;;
            *) target=server/${include%%/*} ;;
            esac
            [ "$target" = "$room" ] && continue
            [[ " $seen " == *" $target "* ]] || note "$file: includes $include, but $room does not see $target"
        done < <(sed -nE 's/^#include "(.*)"$/\1/p' "$file")
    done
done < <(grep -v '^# ' tests/lint/layers.txt)

echo "lengths"
for file in "${sources[@]}" $(git ls-files '*.sh'); do
    limit=900
    [[ $file == server/* || $file == common/* ]] && limit=700
    lines=$(wc -l <"$file")
    [ "$lines" -gt $limit ] && [[ $file != *_tables.h ]] && note "$file: $lines lines, more than $limit"
done
for file in "${compiled[@]}"; do
    awk -v file="$file" '
        /^{/ { start = NR }
        /^}/ { if (start && NR - start - 1 > 70) { print file ":" start ": a function of " NR - start - 1 " lines, more than 70" } start = 0 }
    ' "$file"
done >"${TMPDIR:-/tmp}/starling-lint.$$"
while read -r line; do note "$line"; done <"${TMPDIR:-/tmp}/starling-lint.$$"
rm -f "${TMPDIR:-/tmp}/starling-lint.$$"

echo "words"
for file in "${sources[@]}" $(git ls-files '*.def'); do
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: MIT' || note "$file: the first line has no licence"
    grep -nP '\t| +$' "$file" | head -n 3 | while read -r line; do echo "$file:$line: tab or trailing blank"; done
done
grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${sources[@]}" && note "left open in the code"
grep -nE '\b(usleep|nanosleep|sleep) *\(' $(git ls-files 'tests/*.c') && note "a test sleeps"
tests/lint/mutable.sh || note "mutable state at file scope"

echo "pages"
if make -s build/release/docs/reference/reference; then
    for page in metrics directives; do
        build/release/docs/reference/reference $page | cmp -s - "docs/$page.md" ||
            note "docs/$page.md is not what the tables say (make docs)"
    done
else
    note "the program that writes pages from the tables does not build"
fi

echo "proofs"
tests/lint/proofs.sh || note "a page names a proof that is not there"

echo "the checks themselves"
tests/lint/try.sh || note "a check does not find what it looks for"

echo "graph"
make -s -j2 FLAVOUR=release all >/dev/null 2>&1 || note "the programs do not build"
tests/lint/graph.sh || note "files call one another in circles"

echo "parts"
tests/lint/parts.sh || note "a part of struct node is changed from outside its file"

echo "mutants"
tests/mutants/run.sh --check || note "a rule of tests/mutants is to be broken at lines that are not there"

echo "unused"
tests/lint/unused.sh || note "functions that no program calls"

echo "headers"
for file in "${headers[@]}"; do
    case "$file" in
    common/base/crc_tables.h) continue ;;
    esac
    gcc -std=c11 -D_GNU_SOURCE -Icommon -Iserver -I. -fsyntax-only -Wall -Wno-unused-function -x c "$file" 2>&1 |
        grep -q 'error:' && note "$file: does not compile alone"
done

echo "clang-tidy"
printf '%s\n' "${compiled[@]}" | grep -v '^tests/' |
    xargs -P 2 -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- -std=c11 -D_GNU_SOURCE -Icommon -Iserver -I. >"${TMPDIR:-/tmp}/starling-tidy.$$" 2>/dev/null ||
    note "clang-tidy has something to say:"
grep -E 'error:|warning:' "${TMPDIR:-/tmp}/starling-tidy.$$" | sort -u | head -n 40
rm -f "${TMPDIR:-/tmp}/starling-tidy.$$"

echo "cppcheck"
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j 2 \
    --suppressions-list=tests/lint/cppcheck.txt -Icommon -Iserver -I. common server cli ||
    note "cppcheck has something to say"

if [ $problems = 0 ]; then
    echo "lint: clean"
else
    echo "lint: $problems problems"
    exit 1
fi
