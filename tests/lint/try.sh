#!/bin/bash
# Do the checks of this folder find what they look for?  Each is given something that is wrong.
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
status=0

wants() { # a pattern, then what was printed
    grep -qE -- "$1" <<<"$2" || { echo "tests/lint: expected \"$1\", got: $2"; status=1; }
}

# Three objects, two of them in a circle.
echo 'void one(void); void two(void); void one(void) { two(); }' >"$scratch/a.c"
echo 'void one(void); void two(void); void two(void) { one(); }' >"$scratch/b.c"
echo 'void one(void); void three(void); void three(void) { one(); }' >"$scratch/c.c"
for name in a b c; do
    gcc -c -O0 -o "$scratch/$name.o" "$scratch/$name.c" || exit 2
done
found=$(tests/lint/graph.sh --of "$scratch/a.o" "$scratch/b.o" "$scratch/c.o")
wants '^circle (a.c b.c|b.c a.c)$' "$found"
wants '^edge a.c b.c two$' "$found"
[[ $found == *c.c\ a.c* ]] && { echo "tests/lint: c.c is in no circle"; status=1; }

# A file that assigns to a part of another one, one that takes its address, and one that only reads it.
mkdir -p "$scratch/server/node"
cat >"$scratch/inside.h" <<'END'
struct saving { int count; };
struct node {
    struct saving saving; /* saving.c */
    int *lent;            /* any */
};
END
for body in 'node->saving.count++;' 'struct saving *s = &node->saving; s->count = 1;' 'return node->saving.count;'; do
    printf '#include "node/inside.h"\nint f(struct node *node);\nint f(struct node *node)\n{\n    %s\n    return 0;\n}\n' "$body" >"$scratch/reader.c"
    cp "$scratch/reader.c" "$scratch/saving.c"
    found=$(tests/lint/parts.sh --try "$scratch/inside.h" "$scratch/reader.c")
    [[ $body == return* ]] && { [ -z "$found" ] || wants '^nothing$' "$found"; } || wants 'reader.c:5:' "$found"
    found=$(tests/lint/parts.sh --try "$scratch/inside.h" "$scratch/saving.c")
    [ -z "$found" ] || wants '^nothing$' "$found"
done

# A page whose proofs are there but for one of each kind.
cat >"$scratch/page.md" <<'END'
| `council/no_such_rule` before the chapter is none of its |
## What proves it
| `FLUSHALL` | `council/half-majority`, `seats/are_decided_by_more_than_half_of_them`, `council.wire`, `tests/lint/try.c` |
| more | `council/half_majority`, `council/not-broken`, `no_such.wire` |
## The next chapter
| `council/no_such_rule` |
END
found=$(tests/lint/proofs.sh "$scratch/page.md")
for name in tests/lint/try.c council/half_majority council/not-broken no_such.wire; do
    wants "page.md:[34]: there is no $name\$" "$found"
done
[ "$(wc -l <<<"$found")" = 4 ] || { echo "tests/lint: four proofs are not there, but: $found"; status=1; }
exit $status
