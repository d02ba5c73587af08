/* SPDX-License-Identifier: MIT */
/* Putting actions into the list of the running step. */
#ifndef STARLING_CLUSTER_EMIT_H
#define STARLING_CLUSTER_EMIT_H

#include "base/attr.h"
#include "cluster/state.h"

void emit_open(struct cluster *c, const struct cluster_node *node);
void emit_close(struct cluster *c, struct cluster_link link);
void emit_send(struct cluster *c, struct cluster_link link, struct bytes frame);
/* Not while more than queue_bytes wait on the link. */
void emit_send_message(struct cluster *c, struct cluster_link link, struct bytes frame,
                       size_t queue_bytes);
void emit_message(struct cluster *c, enum message_kind kind, const struct cluster_node *sender,
                  struct bytes whole);
void emit_file(struct cluster *c, uint64_t sequence, struct bytes text);
void emit_follow(struct cluster *c, const struct cluster_node *primary);
void emit_become_primary(struct cluster *c);
void emit_slots_changed(struct cluster *c, bool loses_slots);
void emit_state_changed(struct cluster *c, bool is_ok);
void emit_pause(struct cluster *c, int64_t pause_ms, bool holds_reads);
void emit_data_complete(struct cluster *c);
void emit_resume(struct cluster *c);
void emit_log(struct cluster *c, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
