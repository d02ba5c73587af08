#!/bin/bash
# Break rules on purpose, one at a time, and see that the simulator finds it, or the worlds of the council or of the copies.
#     run.sh [PART-OF-A-NAME]        JOBS=2 LIMIT=2000 are the defaults; the seeds begin at FIRST=1
#     run.sh council/                all of council.txt
#     run.sh --check                 only look whether each rule's lines are there, once
# The rules are in *.txt beside this: a name and what is broken, perhaps a line "--only FAULT" for the simulator; then, each
# behind "@@@ file", lines that stand in that file exactly once, and behind "+++" what they become.  Each job has a copy of the
# tree in build/mutants, which is built, broken, tried and mended, so that little is compiled.  Ends with 1 when a rule was
# broken and nobody saw it.
set -u
cd "$(dirname "$0")/../.." || exit 2
pattern=${1:-}
jobs=${JOBS:-2}
limit=${LIMIT:-2000}
first=${FIRST:-1}
batch=20
here=tests/mutants
place=build/mutants
mkdir -p "$place"

# ---- the table: names[i], texts[i] ----------------------------------------------------------------
names=() whys=() bodies=()
while IFS= read -r line || [ -n "$line" ]; do
    if [[ $line == "=== "* ]]; then
        line=${line#=== }
        names+=("${line%%:*}") whys+=("${line#*: }") bodies+=("")
    elif [ ${#names[@]} -gt 0 ] && [[ $line != "# "* ]]; then
        bodies[-1]+=$line$'\n'
    fi
done < <(cd "$here" && for file in *.txt; do sed "s,^=== ,=== ${file%.txt}/," "$file"; done)

# ---- a copy of the tree ---------------------------------------------------------------------------
copy_tree() {
    local to=$1 file
    mkdir -p "$to"
    git ls-files -co --exclude-standard -- Makefile common server tests docs/reference cli |
        while IFS= read -r file; do
            [ -f "$file" ] && ! cmp -s "$file" "$to/$file" && mkdir -p "$(dirname "$to/$file")" && cp "$file" "$to/$file"
        done
    # What is gone from the tree is gone from the copy.
    (cd "$to" && find common server tests cli -name '*.[ch]' | sort) |
        comm -23 - <(git ls-files -co --exclude-standard | sort) |
        while IFS= read -r file; do rm -f "$to/$file"; done
}

programs=(build/release/tests/sim/run build/release/tests/unit/server/council/run
    build/release/tests/unit/server/copies/run)
build() { # without optimising over rooms, which takes a minute
    make -C "$1" --no-print-directory ROOM_CFLAGS=-O2 "${programs[@]}" >"$1/build.log" 2>&1
}

# Replace in a file what stands there once.  Fails with a reason.
replace() {
    local file=$1 old=$2 new=$3 text rest
    text=$(cat "$file" && printf x) || return 1
    text=${text%x}
    rest=${text#*"$old"}
    if [ "$rest" = "$text" ]; then
        echo "what $file is to be broken at is not there"
        return 1
    elif [ "${rest#*"$old"}" != "$rest" ]; then
        echo "what $file is to be broken at is there more than once"
        return 1
    fi
    printf '%s' "${text%%"$old"*}$new$rest" >"$file"
}

# Break a copy as the body says.
break_it() {
    local to=$1 body=$2 line file="" old="" new="" is_new=0
    while IFS= read -r line; do
        case $line in
        "@@@ "*)
            [ -z "$file" ] || replace "$to/$file" "$old" "$new" || return 1
            file=${line#@@@ } old="" new="" is_new=0
            ;;
        +++) is_new=1 ;;
        *) if [ $is_new = 1 ]; then new+=$line$'\n'; else old+=$line$'\n'; fi ;;
        esac
    done <<<"${body%"${body##*[![:space:]]}"}"
    replace "$to/$file" "$old" "$new"
}

mend() {
    local to=$1 body=$2 file
    sed -n 's/^@@@ //p' <<<"$body" | sort -u | while IFS= read -r file; do cp "$file" "$to/$file"; done
}

check_all() {
    local scratch i file why status=0
    scratch=$(mktemp -d) || return 2
    for i in "${!bodies[@]}"; do
        while IFS= read -r file; do
            mkdir -p "$(dirname "$scratch/$file")" && cp "$file" "$scratch/$file"
        done < <(sed -n 's/^@@@ //p' <<<"${bodies[i]}")
        why=$(break_it "$scratch" "${bodies[i]}") || { echo "${names[i]}: $why" && status=1; }
    done
    rm -rf "$scratch"
    return $status
}

if [ "$pattern" = --check ]; then
    check_all
    exit
fi

# ---- who finds it? ---------------------------------------------------------------------------------
# Prints "finder seed", or nothing.
find_it() {
    local to=$1 from seed failed log=$1/run.log only
    local world=council program=${programs[1]} filter='council/no_two*' seeds=100 # of one run
    case $3 in
    copies/*) world=copies program=${programs[2]} filter='copies/no_read_shows*' seeds=1 ;;
    moves/*) world= ;; # which neither knows
    esac
    only=$(sed -n 's/^--only //p' <<<"$2" | head -n 1)
    for ((from = first; from < first + limit; from += batch)); do
        for ((seed = from; seed < from + batch; seed++)); do
            if [ -n "$world" ] && [ $(((seed - first) % seeds)) = 0 ] &&
                ! STARLING_SEED=$seed timeout 600 "$to/$program" --filter "$filter" -j1 >"$log" 2>&1; then
                failed=$(grep -ao 'STARLING_SEED=[0-9]*' "$log" | head -n 1 | cut -d= -f2)
                echo "$world ${failed:-$seed}"
                return
            fi
        done
        if ! timeout 600 "$to/${programs[0]}" --seeds "$from-$((from + batch - 1))" --first \
            ${only:+--only "$only"} >"$log" 2>&1; then
            echo "sim $(grep -ao '^seed [0-9]*' "$log" | head -n 1 | cut -d' ' -f2)"
            return
        fi
    done
}

try() {
    local to=$1 i=$2 began=$SECONDS found why
    mend "$to" "${bodies[i]}"
    if ! why=$(break_it "$to" "${bodies[i]}"); then
        found="NOT BROKEN: $why"
    elif ! build "$to"; then
        found="NOT BUILT: $(grep -m 1 error "$to/build.log")"
    else
        found=$(find_it "$to" "${bodies[i]}" "${names[i]}")
        why=$(grep -a -m 1 -e '^seed ' -e '^nodes* [0-9]' -e ': shard' "$to/run.log" | cut -c 1-140)
    fi
    mend "$to" "${bodies[i]}"
    printf '%-36s %-8s %6s %6ss  %s\n' "${names[i]}" "${found:-NOT}" "" "$((SECONDS - began))" "${found:+$why}" |
        sed -E 's/(council|copies|sim) ([0-9]+) {0,7}/\1 \2/' >"$place/found-$i"
    cat "$place/found-$i"
}

work() { # every jobs-th of those that were chosen
    local job=$1 to=$place/$1 i n=0
    copy_tree "$to"
    for i in "${!bodies[@]}"; do
        mend "$to" "${bodies[i]}" # a run that was stopped may have left one broken
    done
    if ! build "$to"; then
        tail -n 20 "$to/build.log"
        return 1
    fi
    for i in "${!names[@]}"; do
        [[ ${names[i]} == *$pattern* ]] || continue
        [ $((n++ % jobs)) = "$job" ] && try "$to" "$i"
    done
    return 0
}

rm -f "$place"/found-*
printf '%-36s %-15s %6s   %s\n' rule "found by" time "first words"
for ((job = 0; job < jobs; job++)); do work "$job" & done
wait
missed=$(cat "$place"/found-* 2>/dev/null | awk '$2 ~ /^NOT/' | wc -l)
total=$(cat "$place"/found-* 2>/dev/null | wc -l)
echo "$((total - missed)) of $total broken rules were found"
[ "$total" -gt 0 ] && [ "$missed" = 0 ]
