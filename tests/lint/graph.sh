#!/bin/bash
# Which files of a room call one another in circles?  A file that calls another one, and is called by it
# in turn, cannot be read, tested or moved alone.
#
#     graph.sh            circles that tests/lint/circles.txt does not allow, with the symbols behind
#                         them; fails when there are some
#     graph.sh --sizes    a line for each room: the files in its biggest circle, 1 when there is none
#     graph.sh --of FOLDER NAME OBJECT...   the circles among some objects, for the test of this script
#
# It reads the objects of the release build, so build first.
set -u
cd "$(dirname "$0")/../.." || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# Edges among objects: who leaves a symbol undefined that another one defines.
edges_of() {
    nm -A -g --defined-only "$@" 2>/dev/null | awk '{ sub(/:.*/, "", $1); print $NF, $1 }' | sort >"$scratch/defined"
    nm -A -u "$@" 2>/dev/null | awk '{ sub(/:.*/, "", $1); print $NF, $1 }' | sort >"$scratch/undefined"
    join "$scratch/undefined" "$scratch/defined" | awk '
        function file(path) { sub(/.*\//, "", path); sub(/\.o$/, ".c", path); return path }
        $2 != $3 { print file($2), file($3), $1 }'
}

circles_of() {
    edges_of "$@" | awk -f tests/lint/circles.awk
}

# The objects of a room, one for each of its sources: objects of files that are no more stay away.
objects_of() {
    local source
    for source in "$1"/*.c; do
        [ -f "$source" ] && echo "build/release/${source%.c}.o"
    done
}

rooms() {
    grep -v '^#' tests/lint/layers.txt | cut -d: -f1
}

is_allowed() { # room, then the files of a circle
    local room=$1 line files file
    shift
    while IFS= read -r line; do
        files=${line#*: }
        files=" ${files%% |*} "
        [ "$files" = " * " ] && { echo "$line" >>"$scratch/used"; return 0; }
        for file in "$@"; do
            [[ $files == *" $file "* ]] || continue 2
        done
        echo "$line" >>"$scratch/used"
        return 0
    done < <(grep "^$room: " tests/lint/circles.txt)
    return 1
}

if [ "${1:-}" = --of ]; then
    shift
    circles_of "$@"
    exit 0
fi

status=0
: >"$scratch/used"
while read -r room; do
    mapfile -t objects < <(objects_of "$room")
    for object in "${objects[@]}"; do
        [ -f "$object" ] || { echo "$object is missing: build first"; exit 2; }
    done
    circles_of "${objects[@]}" >"$scratch/circles"
    if [ "${1:-}" = --sizes ]; then
        awk -v room="$room" '/^circle/ && NF - 1 > most { most = NF - 1 } END { print room, most ? most : 1 }' "$scratch/circles"
        continue
    fi
    is_told=0
    while read -r kind first rest; do
        if [ "$kind" = circle ]; then
            is_told=0
            # shellcheck disable=SC2086 # the names of files, one a word
            is_allowed "$room" $first $rest && continue
            is_told=1
            status=1
            echo "$room: a circle of calls: $first $rest"
        elif [ $is_told = 1 ]; then
            read -r to symbols <<<"$rest"
            echo "    $first -> $to: $symbols"
        fi
    done <"$scratch/circles"
done < <(rooms)
[ "${1:-}" = --sizes ] && exit 0
while IFS= read -r line; do
    grep -qxF -- "$line" "$scratch/used" || { echo "tests/lint/circles.txt allows what is no more: $line"; status=1; }
done < <(grep -v '^#' tests/lint/circles.txt)
exit $status
