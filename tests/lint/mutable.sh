#!/bin/bash
# Variables at file scope that are not const: only a process as a whole may have some
# (server/main.c, server/net/process.c), a node has none.  Prints them; fails when there are some.
set -u
cd "$(dirname "$0")/../.." || exit 2
# common/base/mem.c counts what is allocated in the process, until an account belongs to a node.
mapfile -t sources < <(git ls-files 'common/*.c' 'server/*.c' 'cli/*.c' |
    grep -v -e '^server/main\.c$' -e '^server/net/process\.c$' -e '^common/base/mem\.c$')
! grep -nE '^(static |_Thread_local |_Atomic |volatile )*(struct [a-z_]+|enum [a-z_]+|u?int[0-9]*_t|size_t|bool|char|int|unsigned|double) \**[a-z_]+( =|;|\[)' "${sources[@]}" |
    grep -v -e 'const'
