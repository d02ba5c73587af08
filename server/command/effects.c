/* SPDX-License-Identifier: MIT */
/* The effects of one request.  The request itself is only copied when it is not the only one. */
#include "command/effects.h"

#include "base/assert.h"
#include "resp/writer.h"

void effects_begin(struct effects *fx, struct bytes raw, const struct bytes *args, size_t arg_count)
{
    fx->count = 0;
    fx->is_verbatim = false;
    fx->raw = raw;
    fx->args = args;
    fx->arg_count = arg_count;
    buf_clear(&fx->bytes);
}

void effects_deinit(struct effects *fx)
{
    buf_deinit(&fx->bytes);
    *fx = (struct effects){0};
}

static void append_request(struct effects *fx)
{
    if (fx->raw.len > 0) {
        buf_append_bytes(&fx->bytes, fx->raw);
    } else {
        resp_write_request(&fx->bytes, fx->args, fx->arg_count);
    }
}

/* What was only a flag so far becomes bytes. */
static void spell_out(struct effects *fx)
{
    if (fx->is_verbatim) {
        ASSERT(fx->count == 1 && fx->bytes.len == 0);
        append_request(fx);
        fx->is_verbatim = false;
    }
}

void effects_add_verbatim(struct effects *fx)
{
    if (fx->count == 0) {
        fx->is_verbatim = true;
    } else {
        spell_out(fx);
        append_request(fx);
    }
    fx->count++;
}

void effects_add_renamed(struct effects *fx, struct bytes name)
{
    spell_out(fx);
    ASSERT(fx->arg_count > 0);
    buf_printf(&fx->bytes, "*%zu\r\n", fx->arg_count);
    for (size_t i = 0; i < fx->arg_count; i++) {
        struct bytes word = i == 0 ? name : fx->args[i];

        buf_printf(&fx->bytes, "$%zu\r\n", word.len);
        buf_append_bytes(&fx->bytes, word);
        buf_append_text(&fx->bytes, "\r\n");
    }
    fx->count++;
}

void effects_add(struct effects *fx, const struct bytes *words, size_t word_count)
{
    spell_out(fx);
    resp_write_request(&fx->bytes, words, word_count);
    fx->count++;
}

struct bytes effects_bytes(struct effects *fx)
{
    if (fx->is_verbatim && fx->raw.len > 0) {
        return fx->raw;
    }
    spell_out(fx);
    return buf_bytes(&fx->bytes);
}
