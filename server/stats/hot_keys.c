/* SPDX-License-Identifier: MIT */
#include "stats/hot_keys.h"

#include "base/assert.h"

#include <string.h>

enum {
    LEAST_MS = 500,                        /* of less time it is not known how it goes on */
    EXACT_LEAST_MS = HOT_KEYS_LOOK_MS / 2, /* for so long a key is counted before that counts */
};

/* A search ends with a look, so that what is compared then was gathered alike. */
static bool is_searching(const struct hot_keys *hot)
{
    return hot->searched < HOT_KEYS_SEARCH / 2;
}

/* By the load as it was at the last look: a search takes about a look. */
static uint32_t mean_for(const struct hot_keys *hot)
{
    uint64_t mean = hot->rate / HOT_KEYS_LEAST_RATE;

    if (is_searching(hot)) {
        mean = hot->rate * HOT_KEYS_LOOK_MS / (HOT_KEYS_SEARCH * 1000);
    }
    mean = mean < HOT_KEYS_MEAN ? mean : HOT_KEYS_MEAN;
    return mean > 0 ? (uint32_t)mean : 1;
}

static void set_mean(struct hot_keys *hot)
{
    hot->mean = mean_for(hot);
}

void hot_keys_reset(struct hot_keys *hot, int64_t now_ms)
{
    top_keys_clear(&hot->top);
    exact_keys_clear(&hot->exact);
    hot->searched = 0;
    hot->burst = 0;
    hot->has_chosen_early = false;
    set_mean(hot);
    hot->total = 0;
    hot->gathered_ms = 0;
    hot->looked_ms = now_ms;
    hot->halved_ms = now_ms;
}

void hot_keys_init(struct hot_keys *hot, uint64_t seed, int64_t now_ms)
{
    *hot = (struct hot_keys){.mean = 1, .weight = 1, .half_life_ms = 1000};
    rng_init(&hot->rng, seed);
    hot_keys_reset(hot, now_ms);
}

void hot_keys_configure(struct hot_keys *hot, bool is_on, int64_t half_life_ms)
{
    ASSERT(half_life_ms > 0);
    hot->is_on = is_on;
    hot->half_life_ms = half_life_ms;
}

/* ---- sampling --------------------------------------------------------------------------------- */

/* A key that is not known takes the place of the lightest only by a chance that is the smaller the more that
 * one weighs: the many keys that are seen once neither cost much nor push out those that come again.  So do Ben
 * Basat, Einziger, Friedman, Kassner, Randomized admission policy for efficient top-k, 2017. */
static bool is_admitted(struct hot_keys *hot, uint64_t weight)
{
    uint64_t lightest = top_keys_lightest(&hot->top);

    return lightest == 0 || rng_below(&hot->rng, lightest + weight) < weight;
}

void hot_keys_add(struct hot_keys *hot, const struct top_key_name *name,
                  const struct hot_keys_use *use)
{
    uint64_t weight = hot->weight * use->times;
    struct top_keys_weight more = {
        .weight = weight, .bytes = use->bytes * weight, .is_write = use->is_write};
    struct top_key *key = top_keys_find(&hot->top, name);
    struct exact_key *exact =
        key != NULL ? exact_keys_edit(&hot->exact, name->hash, name->db) : NULL;

    if (exact != NULL) {
        *(use->is_write ? &exact->writes : &exact->reads) += use->is_counted ? 0 : weight;
        key->bytes += more.bytes;
    } else if (key != NULL) {
        top_keys_add_to(&hot->top, key, more);
    } else if (is_admitted(hot, weight)) {
        top_keys_add(&hot->top, name, more);
    }
}

void hot_keys_count(struct hot_keys *hot, uint64_t hash, uint32_t db, bool is_write)
{
    struct exact_key *key = exact_keys_edit(&hot->exact, hash, db);

    if (key != NULL) {
        (*(is_write ? &key->writes : &key->reads))++;
    }
}

/* ---- from time to time ------------------------------------------------------------------------ */

/* Has the key been counted for so long that this says more than the samples before? */
static bool is_settled(const struct hot_keys *hot, const struct exact_key *exact, int64_t since_ms)
{
    int64_t ms = exact->ms + since_ms;

    return ms >= EXACT_LEAST_MS && 2 * ms >= hot->gathered_ms + since_ms &&
           exact->reads + exact->writes > 0;
}

/* The weight of what is counted is its rate times the time that all was gathered in, once it has been for long enough; before, it
 * is added to what samples said. */
void hot_keys_settle(struct hot_keys *hot, int64_t now_ms)
{
    int64_t since_ms = now_ms > hot->looked_ms ? now_ms - hot->looked_ms : 0;

    for (size_t i = 0; i < hot->exact.count; i++) {
        const struct exact_key *exact = &hot->exact.keys[i];
        struct top_key *key = &hot->top.entries[exact->entry];

        if (key->hash != exact->hash || key->db != exact->db) {
            continue;
        }
        if (is_settled(hot, exact, since_ms)) {
            double part = (double)(hot->gathered_ms + since_ms) / (double)(exact->ms + since_ms);
            top_keys_set(&hot->top, key, (uint64_t)((double)exact->reads * part + 0.5),
                         (uint64_t)((double)exact->writes * part + 0.5));
        } else {
            top_keys_set(&hot->top, key, exact->prior_reads + exact->reads,
                         exact->prior_writes + exact->writes);
        }
    }
}

static uint64_t doubt_of(uint64_t sample)
{
    return sample * HOT_KEYS_LEAST_SAMPLES;
}

/* What the key weighs at least, as far as chance goes: of one that is counted for long all, of others some samples less, or those
 * that had one too many would take the places of others all the time.  Of one that is counted only what samples had said
 * before is in doubt, and those of a search weigh little: the rare ones that follow take nothing from it. */
static uint64_t sure_weight(const struct hot_keys *hot, const struct top_key *key, uint64_t sample)
{
    uint64_t weight = top_key_weight(key);
    uint64_t doubt = doubt_of(sample);
    const struct exact_key *exact = exact_keys_find(&hot->exact, key->hash, key->db);

    if (exact != NULL) {
        doubt = is_settled(hot, exact, 0) ? 0 : exact->prior_doubt;
    }
    return weight > doubt ? weight - doubt : 0;
}

/* At most max keys of least weight or more, those first that surely weigh most, a sample having weighed so much. */
static size_t list_surest(const struct hot_keys *hot, uint64_t least, uint64_t sample,
                          const struct top_key **out, size_t max)
{
    const struct top_key *all[TOP_KEYS];
    size_t count = top_keys_list(&hot->top, least, all, TOP_KEYS);

    for (size_t i = 1; i < count; i++) {
        const struct top_key *key = all[i];
        uint64_t weight = sure_weight(hot, key, sample);
        size_t place = i;

        while (place > 0 && sure_weight(hot, all[place - 1], sample) < weight) {
            all[place] = all[place - 1];
            place--;
        }
        all[place] = key;
    }
    count = count < max ? count : max;
    memcpy(out, all, count * sizeof(all[0]));
    return count;
}

size_t hot_keys_list(const struct hot_keys *hot, const struct top_key **out, size_t max)
{
    return list_surest(hot, (uint64_t)hot->mean * HOT_KEYS_LEAST_SAMPLES, hot->mean, out, max);
}

/* The heaviest are counted from now on; where every command is a sample, they are anyway.  Samples have weighed so much. */
static void choose(struct hot_keys *hot, uint64_t sample)
{
    const struct top_key *list[EXACT_KEYS];
    struct exact_key wanted[EXACT_KEYS] = {0};
    size_t list_count = hot->mean == 1 ? 0 : list_surest(hot, 1, sample, list, EXACT_KEYS);
    size_t count = 0;

    for (size_t i = 0; i < list_count; i++) {
        if (sure_weight(hot, list[i], sample) > 0) {
            wanted[count++] = (struct exact_key){.hash = list[i]->hash,
                                                 .db = list[i]->db,
                                                 .prior_reads = list[i]->reads,
                                                 .prior_writes = list[i]->writes,
                                                 .prior_doubt = doubt_of(sample),
                                                 .entry = (uint16_t)(list[i] - hot->top.entries)};
        }
    }
    exact_keys_choose(&hot->exact, wanted, count);
}

/* More samples have come than the load at the last look lets expect.  A search that has enough of them ends here: samples of
 * more weight would only blur what it has found. */
static void bound_burst(struct hot_keys *hot)
{
    if (is_searching(hot) && hot->burst >= 2 * HOT_KEYS_SEARCH) {
        hot->searched += hot->burst;
        choose(hot, hot->mean);
        hot->has_chosen_early = true;
        hot->mean = HOT_KEYS_MEAN;
    } else if (!is_searching(hot)) {
        hot->mean = HOT_KEYS_MEAN;
    } else if (hot->mean == 1) {
        hot->mean = HOT_KEYS_SEARCH_MEAN;
    }
}

size_t hot_keys_gap(struct hot_keys *hot)
{
    if (!hot->is_on) {
        return HOT_KEYS_OFF;
    }
    hot->burst++;
    if (hot->burst >= HOT_KEYS_BURST && hot->mean < HOT_KEYS_MEAN) {
        bound_burst(hot);
    }
    hot->weight = hot->mean;
    /* 0 to 2 * mean - 2 pass, and one is taken: mean of them in the mean. */
    return hot->mean == 1 ? 0 : (size_t)(((rng_u64(&hot->rng) >> 32) * (2 * hot->mean - 1)) >> 32);
}

bool hot_keys_look(struct hot_keys *hot, uint64_t commands, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - hot->looked_ms;
    uint64_t more = commands >= hot->commands ? commands - hot->commands : commands; /* reset */
    uint64_t sample = hot->mean; /* a burst may have made them heavier since the last look */

    if (elapsed_ms < HOT_KEYS_LOOK_MS) {
        return false;
    }
    hot->commands = commands;
    hot->looked_ms = now_ms;
    hot->searched += is_searching(hot) ? hot->burst : 0;
    hot->burst = 0;
    hot->total += more;
    hot->gathered_ms += elapsed_ms;
    hot->rate = more * 1000 / (uint64_t)elapsed_ms;
    if (hot->has_chosen_early) {
        exact_keys_begin(&hot->exact);
        hot->has_chosen_early = false;
    } else {
        exact_keys_pass(&hot->exact, elapsed_ms);
    }
    hot_keys_settle(hot, now_ms);
    set_mean(hot);
    choose(hot, sample);
    return true;
}

bool hot_keys_is_due(const struct hot_keys *hot, int64_t now_ms)
{
    return now_ms - hot->halved_ms >= hot->half_life_ms;
}

void hot_keys_halve(struct hot_keys *hot, int64_t now_ms)
{
    top_keys_halve(&hot->top);
    exact_keys_halve(&hot->exact);
    hot->total /= 2;
    hot->gathered_ms /= 2;
    hot->halved_ms = now_ms;
}

/* ---- what came of it -------------------------------------------------------------------------- */

static uint64_t per_second(uint64_t amount, int64_t ms)
{
    double rate = (double)amount * 1000.0 / (double)(ms > 0 ? ms : 1);

    return (uint64_t)(rate + 0.5);
}

struct hot_keys_rate hot_keys_rate(const struct hot_keys *hot, const struct top_key *key,
                                   int64_t now_ms)
{
    int64_t since_ms = now_ms > hot->looked_ms ? now_ms - hot->looked_ms : 0;
    int64_t ms = hot->gathered_ms + since_ms;

    ms = ms < LEAST_MS ? LEAST_MS : ms;
    return (struct hot_keys_rate){.reads = per_second(key->reads, ms),
                                  .writes = per_second(key->writes, ms),
                                  .bytes = per_second(key->bytes, ms)};
}

uint64_t hot_keys_total_rate(const struct hot_keys *hot)
{
    return per_second(hot->total, hot->gathered_ms < LEAST_MS ? LEAST_MS : hot->gathered_ms);
}

void hot_keys_check(const struct hot_keys *hot)
{
    ASSERT(hot->mean > 0 && hot->weight > 0);
    ASSERT(hot->gathered_ms >= 0);
    top_keys_check(&hot->top);
    exact_keys_check(&hot->exact);
}
