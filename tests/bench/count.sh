#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions per operation of each part that tests/bench/micro.c knows: two runs with different
# counts under callgrind, the difference of their totals divided by that of their counts.  The
# figure depends on compiler and flags, hardly on the machine, and not on what else it does.
#
#     count.sh MICRO [NAME]     MICRO is the program; NAME the beginning of names of parts
set -eu

micro=$1
few=20000
many=60000
keys=100000 # instructions hardly depend on it

total() { # NAME COUNT: instructions of the whole run
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$micro" "$1" "$2" --keys $keys 2>&1 >/dev/null |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

command -v valgrind >/dev/null || { echo "count.sh: valgrind is not installed" >&2; exit 1; }
for name in $("$micro" ${2:+"$2"} --list); do
    first=$(total "$name" $few)
    second=$(total "$name" $many)
    printf '%-24s %8d instructions\n' "$name" $(((second - first) / (many - few)))
done
