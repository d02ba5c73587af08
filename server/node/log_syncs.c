/* SPDX-License-Identifier: MIT */
#include "node/log_syncs.h"

#include "base/assert.h"

enum {
    USUAL_PART = 8,    /* of the mean that each sync counts for */
    COMPANY_PART = 4,  /* of what a sync usually takes, the next waits for company, */
    COMPANY_US = 2000, /* but no longer */
};

void log_syncs_end(struct log_syncs *syncs, struct mono_time now, size_t waiting_count)
{
    ASSERT(!mono_is_before(now, syncs->began_at));
    syncs->count++;
    syncs->last_us = now.us - syncs->began_at.us;
    syncs->usual_us += (syncs->last_us - syncs->usual_us) / USUAL_PART;
    syncs->ended_at = now;
    syncs->expected_count = waiting_count;
}

bool log_syncs_expect_company(const struct log_syncs *syncs, struct mono_time now,
                              size_t waiting_count)
{
    int64_t most_us = syncs->usual_us / COMPANY_PART;
    int64_t passed_us = now.us - syncs->ended_at.us;
    /* In the pass in which the sync ended, those who waited for it are still among them. */
    bool are_all_there = passed_us > 0 && waiting_count >= syncs->expected_count;

    return syncs->expected_count > 1 && !are_all_there &&
           passed_us < (most_us < COMPANY_US ? most_us : COMPANY_US);
}
