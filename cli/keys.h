/* SPDX-License-Identifier: MIT */
/* Bytes of a terminal as keys.  Pure. */
#ifndef STARLING_CLI_KEYS_H
#define STARLING_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"

enum key_kind {
    KEY_IGNORED, /* nothing that means anything here, such as the marks of a bracketed paste */
    KEY_TEXT,    /* a character, perhaps of several bytes */
    KEY_ENTER,
    KEY_TAB,
    KEY_BACK_TAB,
    KEY_ESCAPE,
    KEY_BACKSPACE,
    KEY_DELETE,
    KEY_DELETE_OR_END, /* ctrl-d */
    KEY_LEFT,
    KEY_RIGHT,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_KILL_TO_END,
    KEY_KILL_LINE,
    KEY_KILL_WORD,
    KEY_SWAP,
    KEY_CLEAR_SCREEN,
    KEY_SEARCH,
    KEY_CANCEL,    /* ctrl-g */
    KEY_INTERRUPT, /* ctrl-c */
};

struct key {
    enum key_kind kind;
    struct bytes text; /* of KEY_TEXT; borrowed from the input */
};

/* The key in front of in: how many bytes it took, or 0 when more must come.  is_final: no more
 * comes soon, so that an escape is the key itself. */
MUST_USE size_t key_decode(struct bytes in, bool is_final, struct key *out);

#endif
