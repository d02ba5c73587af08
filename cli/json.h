/* SPDX-License-Identifier: MIT */
/* Replies as JSON.  What comes out always parses: bytes that are not UTF-8 become U+FFFD, or with
 * is_quoted every byte outside ASCII is spelled \xHH inside the text. */
#ifndef STARLING_CLI_JSON_H
#define STARLING_CLI_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "resp/value.h"

/* is_quoted: ASCII only.  A text is spelled as quoted_encode has it, and that is what its JSON
 * string says: any bytes can be had back.  Otherwise what is not UTF-8 becomes U+FFFD.
 *
 * A double is written as it was sent when that is a number of JSON.  An error becomes {"error":"..."}; a double without a JSON number ("inf", "nan") a string. */
void json_write(struct buf *out, const struct resp_value *value, bool is_quoted);
void json_write_text(struct buf *out, struct bytes text, bool is_quoted);

#endif
