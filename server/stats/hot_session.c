/* SPDX-License-Identifier: MIT */
#include "stats/hot_session.h"

#include "base/assert.h"

void hot_session_begin(struct hot_session *session, const struct hot_session_options *options,
                       const struct hot_session_process *process, uint64_t seed)
{
    ASSERT(options->has_cpu || options->has_net);
    ASSERT(options->ratio > 0);
    ASSERT(options->key_count > 0 && options->key_count <= HOT_SESSION_MOST_KEYS);
    *session = (struct hot_session){.is_active = true, .options = *options, .before = *process};
    rng_init(&session->rng, seed);
}

void hot_session_end(struct hot_session *session, const struct hot_session_process *process,
                     int64_t now_ms)
{
    ASSERT(session->is_active);
    session->is_active = false;
    session->after = *process;
    session->ended_ms = now_ms;
}

bool hot_session_is_over(const struct hot_session *session, int64_t now_ms)
{
    return session->options.duration_ms > 0 &&
           now_ms - session->began_ms >= session->options.duration_ms;
}

/* A request has keys of one slot, if there are slots. */
static bool selects(const struct hot_session *session, const struct hot_session_use *use)
{
    return use->name_count > 0 && (!session->options.has_slots ||
                                   hot_session_has_slot(&session->options, use->names[0].slot));
}

static void add(struct hot_session_sums *sums, uint64_t amount, bool is_selected, bool is_sampled)
{
    sums->selected += is_selected ? amount : 0;
    sums->sampled += is_sampled ? amount : 0;
}

static void add_key(struct hot_session *session, const struct top_key_name *name,
                    const struct hot_session_use *use)
{
    if (session->options.has_cpu) {
        top_keys_add(&session->by_ns, name,
                     (struct top_keys_weight){.weight = use->ns / use->name_count});
    }
    if (session->options.has_net) {
        top_keys_add(&session->by_bytes, name,
                     (struct top_keys_weight){.weight = use->bytes / use->name_count});
    }
}

void hot_session_add(struct hot_session *session, const struct hot_session_use *use)
{
    bool is_selected = selects(session, use);
    bool is_sampled = is_selected && rng_one_in(&session->rng, session->options.ratio);

    ASSERT(session->is_active);
    session->ns.all += use->is_within ? 0 : use->ns;
    session->bytes.all += use->is_within ? 0 : use->bytes;
    add(&session->ns, use->ns, is_selected, is_sampled);
    add(&session->bytes, use->bytes, is_selected, is_sampled);
    for (size_t i = 0; is_sampled && i < use->name_count; i++) {
        add_key(session, &use->names[i], use);
    }
}
