/* SPDX-License-Identifier: MIT */
#include "command/stream_losses.h"

#include "command/lookup.h"
#include "command/stream_group_args.h"

enum {
    DELETED_AT_A_TIME = 1024, /* ids of one XDEL */
};

bool argument_stream_refs(const struct exec *x, size_t index, enum stream_refs *out)
{
    static const char *const words[] = {
        [STREAM_REFS_KEEP] = "KEEPREF",
        [STREAM_REFS_DROP] = "DELREF",
        [STREAM_REFS_ACKED] = "ACKED",
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (argument_is(x, index, words[i])) {
            *out = (enum stream_refs)i;
            return true;
        }
    }
    return false;
}

static void note_dropped(void *context, struct stream_group *g, struct stream_id id)
{
    struct stream_losses *losses = context;
    struct stream_dropped dropped = {g, id};

    VEC_PUSH(&losses->dropped, dropped);
}

static void note_deleted(void *context, struct stream_id id)
{
    struct stream_losses *losses = context;

    VEC_PUSH(&losses->deleted, id);
}

void stream_losses_begin(struct stream_losses *losses, enum stream_refs refs)
{
    *losses = (struct stream_losses){
        .removal = {.refs = refs,
                    .on_dropped = note_dropped,
                    .on_deleted = note_deleted,
                    .context = losses},
    };
}

/* XDEL key id [id ...] */
static void effect_deleted(struct exec *x, struct bytes key, const struct stream_id *ids,
                           size_t count)
{
    VEC(struct bytes) words = {0};
    struct buf texts = {0};
    char *text = buf_reserve(&texts, count * STREAM_ID_TEXT);

    VEC_PUSH(&words, BYTES_LITERAL("XDEL"));
    VEC_PUSH(&words, key);
    for (size_t i = 0; i < count; i++) {
        VEC_PUSH(&words, stream_id_text(ids[i], text + i * STREAM_ID_TEXT));
    }
    effects_add(x->effects, words.items, words.count);
    buf_deinit(&texts);
    VEC_DEINIT(&words);
}

void stream_losses_end(struct exec *x, struct stream_losses *losses, struct bytes key)
{
    size_t left = losses->deleted.count;

    for (size_t i = 0; i < losses->dropped.count; i++) {
        effect_acknowledged(x, key, losses->dropped.items[i].group, losses->dropped.items[i].id);
    }
    while (left > 0) {
        size_t count = left < DELETED_AT_A_TIME ? left : DELETED_AT_A_TIME;

        effect_deleted(x, key, losses->deleted.items + losses->deleted.count - left, count);
        left -= count;
    }
    VEC_DEINIT(&losses->dropped);
    VEC_DEINIT(&losses->deleted);
}
