/* SPDX-License-Identifier: MIT */
#include "copies/promotion.h"

#include "base/assert.h"

enum {
    LOW_PART = 3, /* of the reads that it takes to become hot */
};

const char *promotion_answer_text(enum promotion_answer answer)
{
    static const char *const texts[] = {
        [PROMOTION_YES] = "copied",
        [PROMOTION_FEW_READS] = "too few reads",
        [PROMOTION_NOT_BUSY] = "the node is not busy",
        [PROMOTION_WRITTEN] = "written too often",
        [PROMOTION_LARGE] = "too large to be copied",
        [PROMOTION_STATEFUL] = "its slot is used by WATCH, blocking commands or sharded channels",
        [PROMOTION_ALONE] = "there is no other primary",
        [PROMOTION_TOO_MANY] = "too many slots are hot",
        [PROMOTION_NO_ROOM] = "the other primaries are busy, too",
    };

    return texts[answer];
}

size_t promotion_place(const struct promotion *p, uint16_t slot)
{
    size_t i = 0;

    while (i < p->count && p->items[i].slot != slot) {
        i++;
    }
    return i;
}

const struct promoted *promotion_find(const struct promotion *p, uint16_t slot)
{
    size_t place = promotion_place(p, slot);

    return place < p->count ? &p->items[place] : NULL;
}

static bool is_barred(const struct promotion *p, struct mono_time now, uint16_t slot)
{
    for (size_t i = 0; i < p->bar_count; i++) {
        if (p->bars[i].slot == slot && mono_is_before(now, p->bars[i].until)) {
            return true;
        }
    }
    return false;
}

static size_t members_for(const struct promotion_rules *rules, uint64_t reads)
{
    uint64_t wanted = rules->min_reads > 0 ? reads / rules->min_reads : rules->primaries;

    wanted = wanted > 0 ? wanted : 1;
    return wanted < rules->primaries ? (size_t)wanted : rules->primaries;
}

static bool is_written_too_often(const struct promotion_load *load, size_t members)
{
    return load->writes > load->reads / (PROMOTION_READS_PER_WRITE * (members > 0 ? members : 1));
}

enum promotion_answer promotion_judge(const struct promotion *p, struct mono_time now,
                                      const struct promotion_rules *rules,
                                      const struct promotion_load *load, unsigned busy,
                                      size_t *members)
{
    const struct promoted *hot = promotion_find(p, load->slot);

    *members = members_for(rules, load->reads);
    if (rules->primaries == 0) {
        return PROMOTION_ALONE;
    }
    if (is_barred(p, now, load->slot)) {
        return PROMOTION_STATEFUL;
    }
    if (load->reads < rules->min_reads || load->reads == 0) {
        return PROMOTION_FEW_READS;
    }
    if (!load->is_lendable) {
        return PROMOTION_LARGE;
    }
    if (is_written_too_often(load, *members)) {
        return PROMOTION_WRITTEN;
    }
    if (hot == NULL && busy < rules->min_busy) {
        return PROMOTION_NOT_BUSY;
    }
    return hot == NULL && p->count == PROMOTION_SLOTS_MAX ? PROMOTION_TOO_MANY : PROMOTION_YES;
}

void promotion_begin(struct promotion *p, uint16_t slot, size_t members)
{
    size_t place = promotion_place(p, slot);

    if (place == p->count) {
        ASSERT(p->count < PROMOTION_SLOTS_MAX);
        p->items[p->count++] = (struct promoted){.slot = slot};
    }
    ASSERT(members <= UINT16_MAX);
    p->items[place].members = (uint16_t)members;
}

bool promotion_is_over(struct promotion *p, struct mono_time now,
                       const struct promotion_rules *rules, const struct promotion_load *load)
{
    size_t place = promotion_place(p, load->slot);
    struct promoted *hot = &p->items[place];
    bool is_low;

    ASSERT(place < p->count);
    if (is_barred(p, now, load->slot) || rules->primaries == 0) {
        return true;
    }
    is_low = load->reads < rules->min_reads / LOW_PART || load->reads == 0 || !load->is_lendable ||
             is_written_too_often(load, hot->members);
    if (!is_low) {
        hot->low_since = (struct mono_time){0};
        return false;
    }
    if (hot->low_since.us == 0) {
        hot->low_since = now;
    }
    return mono_ms_between(hot->low_since, now) >= PROMOTION_LOW_MS;
}

void promotion_end(struct promotion *p, uint16_t slot)
{
    size_t place = promotion_place(p, slot);

    if (place < p->count) {
        p->items[place] = p->items[--p->count];
    }
}

/* The one that ends first makes room. */
static struct promotion_bar *place_for_bar(struct promotion *p, uint16_t slot)
{
    struct promotion_bar *first = &p->bars[0];

    for (size_t i = 0; i < p->bar_count; i++) {
        if (p->bars[i].slot == slot) {
            return &p->bars[i];
        }
        if (mono_is_before(p->bars[i].until, first->until)) {
            first = &p->bars[i];
        }
    }
    return p->bar_count < PROMOTION_BARRED_MAX ? &p->bars[p->bar_count++] : first;
}

void promotion_bar(struct promotion *p, struct mono_time now, uint16_t slot)
{
    *place_for_bar(p, slot) =
        (struct promotion_bar){.slot = slot, .until = mono_add_ms(now, PROMOTION_BARRED_MS)};
}
