#!/bin/bash
# Is everything there that a page names as the proof of what it promises?  From the line "## What proves it" to the next chapter each
# name in backticks is looked for: a unit test as suite/name_of_test, a rule of tests/mutants as file/name-of-rule, a script of
# tests/wire as name.wire, and a file by its path.  Other words (FLUSHALL, repl-timeout) are no names of proofs.
#
#     proofs.sh           all pages that have such a chapter; fails when a name leads nowhere
#     proofs.sh PAGE      the same for this one
set -u
cd "$(dirname "$0")/../.." || exit 2
pages=("$@")
[ ${#pages[@]} -gt 0 ] || mapfile -t pages < <(git grep -l '^## What proves it$' -- docs)
status=0

# suite/name of each test, also of those whose name is on a line of its own.
tests=$(git ls-files -co --exclude-standard 'tests/unit/*.c' 'tests/model/*.c' | xargs cat | tr '\n' ' ' |
    grep -oE '\bTest\([a-z0-9_]+, +[a-z0-9_]+' | sed -E 's/Test\(([a-z0-9_]+), +/\1\//')
rules=$(cd tests/mutants && for file in *.txt; do sed -nE "s,^=== ([^:]*):.*,${file%.txt}/\1,p" "$file"; done)

is_there() { # a name
    case "$1" in
    *.wire) [ -f "tests/wire/$1" ] ;;
    *.[ch]) [ -f "$1" ] ;;
    *) grep -qxF -- "$1" <<<"$tests"$'\n'"$rules" ;;
    esac
}

for page in "${pages[@]}"; do
    while IFS=: read -r line name; do
        is_there "$name" || { echo "$page:$line: there is no $name"; status=1; }
    done < <(awk '/^## / { is_inside = $0 == "## What proves it" } is_inside && /^\|/ { print NR ":" $0 }' "$page" |
        while IFS=: read -r line text; do
            grep -oE '`[a-z0-9_-]+(/[A-Za-z0-9_./-]+|\.wire)`' <<<"$text" | tr -d '`' | sed "s,^,$line:,"
        done)
done
exit $status
