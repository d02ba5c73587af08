#!/bin/bash
# Functions that no program calls.  Everything is compiled once more, each function in a section of its
# own, and linked without what main does not reach: a global function of server/, common/ or cli/ that is
# in neither program is called by nobody but tests.
#
#     unused.sh            those that tests/lint/unused.txt does not allow; fails when there are some
#     unused.sh --list     all of them, one a line: function and file
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

programs="build/lint/bin/starling-server build/lint/bin/starling-cli"
# shellcheck disable=SC2086 # two words
make -s -j2 FLAVOUR=lint $programs >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; echo "the programs do not build"; exit 2; }
for program in $programs; do
    nm -g --defined-only "$program"
done | awk '{ print $NF }' | sort -u >"$scratch/linked"
# Objects of files that are no more stay in the folder: only those with a source count.
git ls-files -co --exclude-standard 'server/*.c' 'common/*.c' 'cli/*.c' | while read -r source; do
    [ -f "$source" ] && nm -g --defined-only "build/lint/${source%.c}.o" | awk -v file="$source" '$2 == "T" { print $3, file }'
done | sort >"$scratch/defined"
join -v 1 "$scratch/defined" "$scratch/linked" >"$scratch/unused"
if [ "${1:-}" = --list ]; then
    cat "$scratch/unused"
    exit 0
fi
grep -v '^#' tests/lint/unused.txt | awk '{ print $1 }' | sort >"$scratch/allowed"
join -v 1 "$scratch/unused" "$scratch/allowed" | awk '{ print $2 ": no program calls " $1 }' >"$scratch/problems"
join -v 2 "$scratch/unused" "$scratch/allowed" | awk '{ print "tests/lint/unused.txt allows " $1 ", which is used or gone" }' >>"$scratch/problems"
cat "$scratch/problems"
[ ! -s "$scratch/problems" ]
