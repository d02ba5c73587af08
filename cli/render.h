/* SPDX-License-Identifier: MIT */
/* Replies as text: for people, raw, as CSV and as JSON.  Pure: bytes into a buffer. */
#ifndef STARLING_CLI_RENDER_H
#define STARLING_CLI_RENDER_H

#include "base/buf.h"
#include "base/bytes.h"
#include "resp/value.h"

enum render_format {
    RENDER_TTY,
    RENDER_RAW,
    RENDER_CSV,
    RENDER_JSON,
    RENDER_QUOTED_JSON,
};

struct render_options {
    enum render_format format;
    const char *delimiter;  /* between elements of raw output */
    const char *terminator; /* behind a raw reply */
};

/* Append the reply, ended as its format has it. */
void render_reply(struct buf *out, const struct resp_value *value,
                  const struct render_options *options);
/* The same for a reply that is text for people, such as that of INFO: in the formats for people and
 * raw it is printed as it is. */
void render_plain_text(struct buf *out, const struct resp_value *value,
                       const struct render_options *options);

#endif
