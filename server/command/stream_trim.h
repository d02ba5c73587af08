/* SPDX-License-Identifier: MIT */
/* How XADD and XTRIM say which of the oldest entries go. */
#ifndef STARLING_COMMAND_STREAM_TRIM_H
#define STARLING_COMMAND_STREAM_TRIM_H

#include <stdbool.h>
#include <stddef.h>

#include "command/exec.h"
#include "store/stream.h"
#include "store/stream_refs.h"

struct stream_trim_options {
    struct stream_trim trim;
    enum stream_refs refs; /* what becomes of what is pending of those that go */
    bool has_refs;         /* that was said */
    bool is_wanted;
    size_t first_word; /* of what says so, in the request */
    size_t word_count;
    /* While they are being read: */
    bool has_limit;
};

enum stream_trim_word {
    STREAM_TRIM_TAKEN,
    STREAM_TRIM_OTHER,   /* it says nothing of trimming */
    STREAM_TRIM_REFUSED, /* an error was replied */
};

/* Read an option at *index, and go behind it.  There is at least one word behind it that is not part of it when
 * `behind` is 1. */
MUST_USE enum stream_trim_word stream_trim_read(struct exec *x, size_t *index, size_t behind,
                                                struct stream_trim_options *options);
/* All were read: do they fit together?  False after an error reply. */
MUST_USE bool stream_trim_check(struct exec *x, struct stream_trim_options *options);
/* What was trimmed about travels as what came of it: append "MAXLEN|MINID = threshold" for a stream that has been
 * trimmed.  The text is in scratch, of STREAM_ID_TEXT; the number of words. */
size_t stream_trim_words(const struct stream_trim_options *options, const struct stream *s,
                         struct bytes words[3], char *scratch);

#endif
