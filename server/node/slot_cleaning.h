/* SPDX-License-Identifier: MIT */
/* Removing the keys of slots that another node took from us, in slices.  Only a primary removes; a
 * replica gets the DELs in its stream. */
#ifndef STARLING_NODE_SLOT_CLEANING_H
#define STARLING_NODE_SLOT_CLEANING_H

#include <stdbool.h>
#include <stddef.h>

struct node;

struct slot_cleaning {
    bool is_due;
    unsigned slot; /* where the work stands */
};

/* Slots were lost: begin anew with the first. */
void slot_cleaning_begin(struct node *node);
/* One slice; true when there is more to do. */
bool slot_cleaning_step(struct node *node);

/* Remove at most max keys of the slot, as effects. */
void slot_cleaning_remove_some(struct node *node, unsigned slot, size_t max);

void slot_cleaning_check(const struct node *node);

#endif
