/* SPDX-License-Identifier: MIT */
/* What HSCAN, SSCAN and ZSCAN share: their options, and collecting a reply whose length is not known
 * before. */
#ifndef STARLING_COMMAND_ELEMENT_SCAN_H
#define STARLING_COMMAND_ELEMENT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"
#include "resp/writer.h"

struct element_scan {
    uint64_t cursor;
    size_t count;
    struct bytes pattern;
    bool has_pattern;
    bool only_names; /* NOVALUES, NOSCORES */
};

/* Read the cursor; false after an error reply.  The key is looked up next: where there is none, nobody minds
 * the options. */
MUST_USE bool element_scan_read_cursor(struct exec *x, struct element_scan *out);
/* Read the options behind the cursor; false after an error reply.  names_word: what leaves values or
 * scores out, or NULL where there is no such word. */
MUST_USE bool element_scan_read(struct exec *x, const char *names_word, struct element_scan *out);
/* The error reply to word i, which no option of this command is; SCAN's words, too. */
void element_scan_refuse(struct exec *x, size_t i);
/* Is the element wanted by the pattern? */
bool element_scan_takes(const struct element_scan *scan, struct bytes name);

/* Values of a reply that are counted while they come. */
struct reply_list {
    struct buf bytes;
    struct resp_writer writer; /* to write them with */
    size_t count;              /* kept by who writes */
};

/* The list must stay where it is. */
void reply_list_begin(struct reply_list *list, const struct exec *x);
void reply_list_add(struct reply_list *list, struct bytes text);
enum reply_list_kind {
    REPLY_LIST_ARRAY,
    REPLY_LIST_SET,
    REPLY_LIST_MAP, /* count is of names and values, each */
};
/* All of it becomes part of the reply; the list is gone. */
void reply_list_end(struct reply_list *list, struct exec *x, enum reply_list_kind kind);
/* [cursor, list]: what a scan replies.  The second: where there is nothing to scan. */
void element_scan_reply(struct exec *x, uint64_t cursor, struct reply_list *list);
void element_scan_reply_nothing(struct exec *x);

#endif
