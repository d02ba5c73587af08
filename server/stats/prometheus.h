/* SPDX-License-Identifier: MIT */
/* The metrics as text for Prometheus (format 0.0.4), by rule from the rows of metrics.def:
 *
 *   starling_<name>, with its unit behind it when the name does not say it: _bytes, _seconds; times in us
 *   and ms are shown in seconds.  A COUNTER ends in _total and loses a "total_" in front; nothing else
 *   ends so.
 *   TEXT    labels of starling_<section>_info, which is 1
 *   HUMAN   left out: the same is there as a number
 *   LINES   "<name>_x:a=1,b=word" is starling_<name>_a{<name>="x"} 1, and words are labels of
 *           starling_<name>_info; "<name>_x:1" is starling_<name>{<name>="x"} 1
 *   TALLY   the same, and whole numbers are counters
 *
 * What is not ASCII in a value is shown as '?'.  Pure. */
#ifndef STARLING_STATS_PROMETHEUS_H
#define STARLING_STATS_PROMETHEUS_H

#include "base/buf.h"
#include "stats/metrics.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Append the families of one section. */
void prometheus_write_section(const struct metrics *metrics, enum metric_section section,
                              struct buf *out);

#endif
