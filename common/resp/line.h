/* SPDX-License-Identifier: MIT */
/* The lines that RESP is made of; shared by the readers of this room. */
#ifndef STARLING_RESP_LINE_H
#define STARLING_RESP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "resp/request.h"

struct resp_line {
    struct bytes text; /* without its end */
    bool has_return;   /* ended in \r\n, not in a bare \n */
    size_t next;       /* index of the first byte behind it */
};

/* The line that starts at index from.  *scanned remembers between calls how many bytes of in
 * were searched in vain.  RESP_ERROR: longer than max_bytes, now or whenever it ends. */
MUST_USE enum resp_status resp_line_find(struct bytes in, size_t from, size_t *scanned,
                                         uint64_t max_bytes, struct resp_line *out);

#endif
