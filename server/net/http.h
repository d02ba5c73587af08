/* SPDX-License-Identifier: MIT */
/* What is answered to one request over HTTP: GET or HEAD of /metrics, and of / what is here.  Pure.
 *
 * One request a connection, HTTP/1.0 or 1.1; a body is not read.  Each answer has a Content-Length and
 * closes the connection. */
#ifndef STARLING_NET_HTTP_H
#define STARLING_NET_HTTP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

enum {
    HTTP_REQUEST_MAX = 8 * 1024, /* line and fields: what is longer is refused */
};

/* Appends the metrics. */
typedef void http_metrics_fn(void *context, struct buf *out);

/* request is all that has come so far.  Appends the answer to out; false while the request is not
 * complete. */
MUST_USE bool http_answer(struct bytes request, http_metrics_fn *metrics, void *context,
                          struct buf *out);

#endif
