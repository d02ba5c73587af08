/* SPDX-License-Identifier: MIT */
/* What the files of faults share: each kind is a line of a table (faults.c), and may begin something that ends later. */
#ifndef STARLING_TESTS_SIM_FAULTS_H
#define STARLING_TESTS_SIM_FAULTS_H

#include "base/attr.h"
#include "tests/sim/world.h"

int64_t fault_ms(struct world *world, int64_t least, int64_t most);
void fault_note(struct world *world, const char *what, int node, int64_t ms);
/* What the node had confirmed from memory is excused from now on. */
void fault_excuse(struct world *world, int node);
/* What comes later, of the node. */
void fault_later(struct world *world, int node, int64_t ms, sim_event_fn *run);
/* The power of a node is cut, and comes back after so long; false: it is dead already. */
bool fault_cut_power(struct world *world, int node, int64_t ms);
/* The same of its process alone. */
bool fault_kill(struct world *world, int node, int64_t ms);
/* From all others, for so long: clients go on. */
void fault_cut_off(struct world *world, int node, int64_t ms);
void fault_end_partition(struct world *world, struct sim_event *event);
/* The node is killed, stands still, or is cut off from all others, for a while. */
void fault_hit(struct world *world, int node);
void fault_restart(struct world *world, struct sim_event *event);
int fault_other(struct world *world, int node);
/* One of these; -1 when there are none. */
int fault_choose(struct world *world, uint32_t nodes);

/* ---- faults_disk.c */
void fault_full_disk(struct world *world, int node);
void fault_broken_disk(struct world *world, int node);
void fault_hung_disk(struct world *world, int node);
void fault_lost_data(struct world *world, int node);
void fault_late_snapshot(struct world *world, int node);
void fault_older_data(struct world *world, int node);
void fault_lost_folder(struct world *world, int node);
void fault_clone(struct world *world, int node);
void fault_end_clone(struct world *world, int node);
/* The disk of a node that is dead is well, and its own. */
void fault_mend_disk(struct world *world, int node);

/* ---- faults_sync.c */
void fault_joiner(struct world *world, int node);
void fault_leaver(struct world *world, int node);

/* ---- last_word.c */
void fault_last_word(struct world *world, int node);

/* ---- moves.c */
void fault_move(struct world *world, int node);

/* ---- operator.c */
/* What he says to the node, which has to run. */
void operator_tell(struct world *world, int node, const char *format, ...) PRINTF_LIKE(3, 4);
void fault_failover(struct world *world, int node);
void fault_forced_failover(struct world *world, int node);
void fault_bump_epoch(struct world *world, int node);
void fault_forget(struct world *world, int node);
void fault_slots(struct world *world, int node);
void fault_slot_twice(struct world *world, int node);
void fault_replicate(struct world *world, int node);
void fault_reset(struct world *world, int node);

#endif
