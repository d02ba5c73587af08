/* SPDX-License-Identifier: MIT */
/* A folder of a log that tests make up: files are buffers, and can be cut, garbled, made unreadable.  Histories have
 * one letter. */
#ifndef STARLING_TESTS_UNIT_COMMON_SEGMENT_FOLDER_H
#define STARLING_TESTS_UNIT_COMMON_SEGMENT_FOLDER_H

#include "base/buf.h"
#include "base/history.h"
#include "segment/segment.h"
#include "segment/segment_source.h"

enum {
    FOLDER_FILES = 64
};

struct folder_file {
    char name[32];
    struct buf bytes;
};

struct folder {
    struct folder_file files[FOLDER_FILES];
    size_t count;
    const char *bad_name; /* nobody can read it; or NULL */
    bool is_bad;          /* nobody can list it */
    struct segment_source source;
};

void folder_init(struct folder *folder);
void folder_deinit(struct folder *folder);
/* That file, which is there afterwards. */
struct buf *folder_file(struct folder *folder, const char *name);
struct buf *folder_segment(struct folder *folder, uint64_t number);
void folder_remove(struct folder *folder, uint64_t number);

struct history_id folder_history(char letter);
/* Begin a segment whose head says that all before start is durable; parent 0: none. */
void folder_begin(struct folder *folder, uint64_t number, char history, char parent,
                  uint64_t start);
/* Append the bytes of the made-up stream from start to end as one frame. */
void folder_append(struct folder *folder, uint64_t number, uint64_t start, uint64_t end,
                   uint64_t durable);
/* When the frame that begins there was written. */
int64_t folder_time(uint64_t start);
/* The byte of the made-up stream at an offset. */
char folder_byte(uint64_t offset);

#endif
