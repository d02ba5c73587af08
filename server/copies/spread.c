/* SPDX-License-Identifier: MIT */
#include "copies/spread.h"

#include "base/assert.h"

/* Readers are counted by what they read in so many: some read once in several. */
enum {
    IN_SECONDS = 1000,
};

static uint64_t sum_of(const struct spread_share *shares, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += shares[i].reads;
    }
    return sum;
}

/* From when on a node is over, with that many nodes that serve so much together; 0: nothing is spread. */
static uint64_t limit_of(uint64_t sum, size_t count)
{
    return sum < SPREAD_LEAST_READS ? 0 : sum * SPREAD_OVER_PERCENT / 100 / count;
}

size_t spread_shares(const struct hot_slot *hot, struct spread_share shares[SPREAD_SHARES_MAX])
{
    size_t count = 0;
    uint64_t limit;

    ASSERT(hot->member_count <= HOT_MEMBERS_MAX);
    shares[count++] = (struct spread_share){.node = &hot->owner, .reads = hot->owner_reads};
    for (size_t i = 0; i < hot->member_count; i++) {
        const struct hot_member *member = &hot->members[i];

        if (member->is_ready) {
            shares[count++] = (struct spread_share){.node = &member->node, .reads = member->reads};
        }
    }
    limit = limit_of(sum_of(shares, count), count);
    for (size_t i = 0; i < count; i++) {
        shares[i].room = limit == 0 ? 1 : limit > shares[i].reads ? limit - shares[i].reads : 0;
    }
    return count;
}

void spread_forget(struct hot_slot *hot)
{
    hot->owner_reads = 0;
    for (size_t i = 0; i < hot->member_count; i++) {
        hot->members[i].reads = 0;
    }
}

/* How a node stands among all. */
struct standing {
    uint64_t reads; /* its own; 0: it is not among them */
    uint64_t mean;
    uint64_t least;
    bool is_over;
};

static struct standing standing_of(const struct hot_slot *hot, const struct cluster_id *node)
{
    struct spread_share shares[SPREAD_SHARES_MAX];
    size_t count = spread_shares(hot, shares);
    struct standing standing = {.mean = sum_of(shares, count) / count, .least = shares[0].reads};

    for (size_t i = 0; i < count; i++) {
        standing.least = shares[i].reads < standing.least ? shares[i].reads : standing.least;
        if (cluster_id_equal(shares[i].node, node)) {
            standing.reads = shares[i].reads;
            standing.is_over = shares[i].room == 0;
        }
    }
    return standing;
}

bool spread_is_over(const struct hot_slot *hot, const struct cluster_id *node)
{
    return hot->member_count > 0 && standing_of(hot, node).is_over;
}

bool spread_count(const struct hot_known *known, struct mono_time now, const struct cluster_id *me,
                  struct spread_reader *reader)
{
    const struct hot_slot *hot = &known->hot;

    if (reader->judged >= hot->number) {
        return false;
    }
    if (reader->counted != hot->number) {
        reader->counted = hot->number;
        reader->requests = 0;
        if (!spread_is_over(hot, me)) {
            reader->judged = hot->number;
            return false;
        }
    }
    reader->requests++;
    return spread_can_judge(known, now, reader);
}

bool spread_can_judge(const struct hot_known *known, struct mono_time now,
                      struct spread_reader *reader)
{
    int64_t passed_ms = mono_ms_between(known->epoch_heard_at, now);

    if (reader->judged >= known->hot.number || passed_ms >= SPREAD_UNTIL_MS) {
        reader->judged = known->hot.number;
        return false;
    }
    return passed_ms >= SPREAD_MEASURE_MS && !mono_is_before(now, known->send_on_at);
}

/* Of the time for it as large a part is over as of the surplus has gone (4). */
static struct mono_time pace(const struct hot_known *known, uint64_t surplus)
{
    uint64_t of_us = (uint64_t)(SPREAD_UNTIL_MS - SPREAD_MEASURE_MS) * 1000;
    struct mono_time at = mono_add_ms(known->epoch_heard_at, SPREAD_MEASURE_MS);

    at.us += (int64_t)(of_us * known->sent_on / surplus / IN_SECONDS);
    return at;
}

/* In IN_SECONDS. */
static uint64_t reads_of(const struct spread_reader *reader, int64_t passed_ms, uint64_t most)
{
    uint64_t reads = (uint64_t)reader->requests * 1000 * IN_SECONDS / (uint64_t)passed_ms;

    return reader->requests <= SPREAD_FEW_REQUESTS && most > 0 && most < reads ? most : reads;
}

bool spread_sends_on(struct hot_known *known, struct mono_time now, const struct cluster_id *me,
                     struct spread_reader *reader, uint64_t most)
{
    const struct standing standing = standing_of(&known->hot, me);
    int64_t passed_ms = mono_ms_between(known->epoch_heard_at, now);
    uint64_t mean;
    uint64_t left;
    uint64_t reads;

    ASSERT(passed_ms > 0 && reader->judged < known->hot.number);
    reader->judged = known->hot.number;
    left = standing.reads * IN_SECONDS;
    mean = standing.mean * IN_SECONDS;
    if (!standing.is_over || left <= mean + known->sent_on) {
        return false;
    }
    reads = reads_of(reader, passed_ms, most);
    left -= known->sent_on;
    /* Half of it beyond the mean is as far from it as before. */
    if (reads > 2 * (left - mean) || reads * 4 > (left - standing.least * IN_SECONDS) * 3) {
        return false;
    }
    known->sent_on += reads;
    known->send_on_at = pace(known, standing.reads - standing.mean);
    return true;
}

/* ---- the owner's ------------------------------------------------------------------------------ */

static bool is_stale(uint64_t reads, uint64_t mean, uint64_t announced, uint64_t announced_mean)
{
    uint64_t part = reads * 100 / mean;
    uint64_t announced_part = announced_mean > 0 ? announced * 100 / announced_mean : 100;

    return part > announced_part + SPREAD_STALE_PERCENT ||
           announced_part > part + SPREAD_STALE_PERCENT;
}

/* now_served is hot with what is served now.  Is it to be announced?  *is_over: somebody is over. */
static bool is_to_be_told(const struct hot_slot *hot, const struct hot_slot *now_served,
                          bool *is_over)
{
    struct spread_share announced[SPREAD_SHARES_MAX];
    struct spread_share served[SPREAD_SHARES_MAX];
    size_t count = spread_shares(hot, announced);
    uint64_t announced_mean = sum_of(announced, count) / count;
    uint64_t mean;
    bool is_told = false;

    *is_over = false;
    (void)spread_shares(now_served, served);
    mean = sum_of(served, count) / count;
    if (limit_of(sum_of(served, count), count) == 0 || mean == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *is_over = *is_over || served[i].room == 0;
        is_told = is_told || is_stale(served[i].reads, mean, announced[i].reads, announced_mean);
    }
    return is_told || *is_over;
}

static uint32_t a_second(uint64_t served, int64_t passed_ms)
{
    uint64_t reads = passed_ms > 0 ? served * 1000 / (uint64_t)passed_ms : 0;

    return reads < UINT32_MAX ? (uint32_t)reads : UINT32_MAX;
}

static void begin_round(struct spread_rounds *rounds, struct mono_time now)
{
    rounds->count++;
    rounds->gap_ms = rounds->count <= SPREAD_QUICK_ROUNDS       ? SPREAD_ROUND_MS
                     : rounds->gap_ms * 2 < SPREAD_ROUND_MAX_MS ? rounds->gap_ms * 2
                                                                : SPREAD_ROUND_MAX_MS;
    rounds->next_at = mono_add_ms(now, rounds->gap_ms);
}

bool spread_look(struct hot_slot *hot, struct spread_rounds *rounds, struct mono_time now,
                 int64_t passed_ms, bool must)
{
    struct hot_slot now_served = *hot;
    bool is_over;
    bool is_told;

    now_served.owner_reads = a_second(hot->owner_served, passed_ms);
    now_served.owner_served = 0;
    for (size_t i = 0; i < hot->member_count; i++) {
        now_served.members[i].reads = a_second(hot->members[i].served, passed_ms);
        now_served.members[i].served = 0;
        hot->members[i].served = 0;
    }
    hot->owner_served = 0;
    is_told = is_to_be_told(hot, &now_served, &is_over);
    if (!must && (!is_told || mono_is_before(now, rounds->next_at))) {
        /* It is as it is to be: the next time that somebody is over something is to be done soon. */
        if (!is_told && mono_is_due(rounds->next_at, now)) {
            rounds->count = 0;
        }
        return false;
    }
    if (must) {
        rounds->count = 0;
    }
    begin_round(rounds, now);
    *hot = now_served;
    return true;
}
