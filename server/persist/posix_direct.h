/* SPDX-License-Identifier: MIT */
/* Writing past the system's cache of pages, for files that few read again: what is written in large pieces takes a fraction of the
 * time in the kernel, since no page has to be found, filled, marked and given back (docs/performance.md).
 *
 * The kernel takes whole blocks of memory that begins at a block's border, and puts them at such places of the file (open(2),
 * O_DIRECT).  So the bytes are copied into a buffer of that kind, and a last block that is not full yet is written with zeros
 * behind it, and once more with what comes next.  Of a block that is written again a power cut leaves, for each sector, what
 * was there or what was written: both begin with the same bytes.
 *
 * Invariants:  (1) staging is NULL or holds the last block's first end_bytes % DIRECT_BLOCK bytes, as they are in the file
 *              (2) fd is -1 where the file system knows no such writes
 * Blocking; used by one thread at a time. */
#ifndef STARLING_PERSIST_POSIX_DIRECT_H
#define STARLING_PERSIST_POSIX_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "persist/fs.h"

enum {
    DIRECT_BLOCK = 4096, /* no disk has larger ones that the kernel would ask for */
};

/* All-zero was not tried yet. */
struct posix_direct {
    int fd;
    bool was_tried;
    char *staging;      /* owned */
    uint64_t end_bytes; /* of the file, after the last such write */
};

/* Can the file be written to in this way?  Tried once. */
MUST_USE bool posix_direct_works(struct posix_direct *direct, const char *path);
/* Write all of it at *size_bytes, which grows by what was written also when that is not all; when it fails since the file system
 * does no such writes, posix_direct_works says so from then on.  The file has zeros behind it up to the end of a block.  Whoever writes to the file
 * in another way between two calls need not tell. */
MUST_USE enum fs_status posix_direct_write(struct posix_direct *direct, const char *path,
                                           struct bytes bytes, uint64_t *size_bytes,
                                           struct errmsg *error);
/* Give the buffer back, for a while without such writes. */
void posix_direct_rest(struct posix_direct *direct);
/* Does nothing when none is open. */
void posix_direct_close(struct posix_direct *direct);

#endif
