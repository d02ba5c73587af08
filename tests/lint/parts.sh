#!/bin/bash
# Is each part of struct node changed by its own file alone?  server/node/inside.h names the file behind
# each part ("any": a thing of a lower room, changed through its own functions).
#
# The compiler finds out: each file is compiled with a struct node of which all parts but its own are
# const.  So an assignment from outside is an error, and so is an address that is not const.
#
#     parts.sh            what breaks the rule; fails when something does
#     parts.sh --count    the number of parts that are changed by more than their own file
#     parts.sh --try HEADER FILE    the same as the first for one file and another inside.h
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# inside.h as `owner` is to see it.
guarded() { # header, owner
    awk -v owner="$2" '
        /^struct node \{/ { is_inside = 1; print; next }
        /^\};/ { is_inside = 0 }
        is_inside && match($0, /\/\* *[a-z_.]+/) {
            named = substr($0, RSTART, RLENGTH)
            sub(/^\/\* */, "", named)
            if (named != "any" && named != owner) {
                if ($0 ~ /\*[a-z_]+;/)
                    sub(/\*/, "*const ")
                else
                    sub(/struct/, "const struct")
            }
        }
        { print }' "$1"
}

# A part without a file behind it would be guarded by nobody.
unowned() { # header
    awk '/^struct node \{/ { is_inside = 1; next } /^\};/ { is_inside = 0 }
         is_inside && /;/ && !/\/\* *([a-z_]+\.c|any)([^a-z_.]|$)/ { print }' "$1"
}

# What file does to parts of others: "file:line: what".
complaints() { # header, file
    local owner=${2##*/} base=${2%.c}
    mkdir -p "$scratch/node"
    guarded "$1" "$owner" >"$scratch/node/inside.h"
    gcc -std=c11 -D_GNU_SOURCE -fsyntax-only -fmax-errors=0 -fno-diagnostics-show-caret -Wno-overflow \
        -I"$scratch" -Icommon -Iserver -I. "$2" 2>&1 |
        grep -E "^(\./)?(server/)?($base|${base#server/})\.[ch]:" |
        grep -E 'read-only|const|error:'
}

case "${1:-}" in
--try)
    complaints "$2" "$3" && exit 1
    exit 0
    ;;
esac
status=0
while read -r line; do
    echo "server/node/inside.h: a part without a file that may change it: $line"
    status=1
done < <(unowned server/node/inside.h)
for file in server/node/*.c server/control/*.c; do
    complaints server/node/inside.h "$file" && status=1
done >"$scratch/found"
if [ "${1:-}" = --count ]; then
    grep -oE "node->[a-z_]+|'(const )?struct [a-z_]+'|member '[a-z_]+'" "$scratch/found" | sort -u | wc -l
    exit 0
fi
cat "$scratch/found"
[ -s "$scratch/found" ] && status=1
exit $status
