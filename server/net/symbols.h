/* SPDX-License-Identifier: MIT */
/* The names of this program's functions, from the symbol table of its file, for a backtrace.
 *
 * Nothing is exported for that, which would keep the compiler from inlining, and nothing is
 * allocated: the file is mapped.  A program that was stripped has no names. */
#ifndef STARLING_NET_SYMBOLS_H
#define STARLING_NET_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols {
    const char *file; /* mapped; NULL: no names are known */
    size_t file_bytes;
    uintptr_t base; /* what is to be added to an address of the file */
    const void *entries;
    size_t entry_count;
    const char *names;
    size_t names_bytes;
};

struct symbols symbols_open(void);
/* The function that the address lies in, and how far behind its beginning; NULL when it is none of
 * this program's. */
const char *symbols_find(const struct symbols *symbols, uintptr_t address, size_t *offset);
void symbols_close(struct symbols *symbols);

#endif
