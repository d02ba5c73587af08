/* SPDX-License-Identifier: MIT */
#include "council/settling.h"

enum {
    OURS_PARTS = 2, /* of a timeout */
    QUIET_TIMEOUTS = 2,
};

void settling_expect_more(struct council *c)
{
    c->reseat.ours_at = mono_add_ms(c->now, council_part_ms(c, OURS_PARTS));
}

void settling_wait(struct council *c)
{
    settling_expect_more(c);
    c->reseat.quiet_at = mono_add_ms(c->now, QUIET_TIMEOUTS * c->timeout_ms);
}

bool settling_is_over(const struct council *c)
{
    if (!mono_is_due(c->reseat.ours_at, c->now)) {
        return false;
    }
    for (size_t i = 0; i < c->reseat.candidate_count; i++) {
        if (!c->reseat.candidates[i].is_reachable && !c->reseat.candidates[i].is_gone) {
            return mono_is_due(c->reseat.quiet_at, c->now);
        }
    }
    /* Before it was told who there is it knows of nobody. */
    return c->reseat.candidate_count > 0 || mono_is_due(c->reseat.quiet_at, c->now);
}

bool council_is_forming(const struct council *c)
{
    return c->seats.generation == 0 ||
           (c->seats.members.count == 1 && !seats_is_handing_over(&c->seats) &&
            seats_has_key(&c->seats, &c->me, c->seat_key) && !settling_is_over(c));
}
