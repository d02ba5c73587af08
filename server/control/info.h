/* SPDX-License-Identifier: MIT */
/* INFO: which sections are asked for, one after the other. */
#ifndef STARLING_CONTROL_INFO_H
#define STARLING_CONTROL_INFO_H

#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"

struct node;

/* words: names of sections, as INFO takes them; none: those that are shown by default. */
void info_write(struct node *node, const struct bytes *words, size_t count, struct buf *out);
/* The same for a report of a crash. */
void info_describe(struct node *node, struct buf *out);

/* All sections as text for Prometheus. */
void info_write_metrics(struct node *node, struct buf *out);

#endif
