/* SPDX-License-Identifier: MIT */
/* What a pass has found to do: notes that its files leave for one another, and for the order of a
 * pass (node.c), which takes them up.
 *
 * Invariants:  (1) has_input, has_writes and has_work are of this pass alone
 *              (2) a note is only ever set until the pass that takes it up clears it */
#ifndef STARLING_NODE_PASS_H
#define STARLING_NODE_PASS_H

#include <stdbool.h>
#include <stdint.h>

struct pass {
    uint64_t number; /* of this one */
    int64_t
        cpu_began_ns;    /* processor time of the loop thread, negative when nobody wants to know */
    bool has_work;       /* slices are waiting: the shell must not sleep */
    bool has_input;      /* a client has sent something */
    bool has_writes;     /* outputs have barriers that a lease opens */
    bool wants_acks;     /* a GETACK is due at the end of the pass */
    bool has_asked_acks; /* and was put into the log in this one */
    bool has_new_link;   /* the link to our primary came up or went down: the cluster is to know */
};

static inline void pass_begin(struct pass *pass)
{
    pass->number++;
    pass->has_work = false;
    pass->has_input = false;
    pass->has_writes = false;
}

static inline void pass_note_cpu(struct pass *pass, int64_t cpu_ns)
{
    pass->cpu_began_ns = cpu_ns;
}

static inline void pass_note_work(struct pass *pass)
{
    pass->has_work = true;
}

static inline void pass_note_work_if(struct pass *pass, bool has_more)
{
    pass->has_work = pass->has_work || has_more;
}

static inline void pass_note_input(struct pass *pass)
{
    pass->has_input = true;
}

static inline void pass_note_write(struct pass *pass)
{
    pass->has_writes = true;
}

static inline void pass_want_acks(struct pass *pass)
{
    pass->wants_acks = true;
}

/* Are acknowledgements to be asked for now?  Only the first to ask is told so. */
static inline bool pass_take_acks(struct pass *pass)
{
    pass->has_asked_acks = pass->wants_acks;
    pass->wants_acks = false;
    return pass->has_asked_acks;
}

static inline void pass_note_link(struct pass *pass)
{
    pass->has_new_link = true;
}

static inline bool pass_take_link(struct pass *pass)
{
    bool has_new_link = pass->has_new_link;

    pass->has_new_link = false;
    return has_new_link;
}

#endif
