/* SPDX-License-Identifier: MIT */
#include "node/alike.h"

#include "base/assert.h"
#include "base/vec.h"

void alike_note(struct alike *alike, struct bytes in, const struct resp_words *words,
                const struct request *r)
{
    const struct bytes *word = words->items + r->read.first_word;
    struct alike_front *front;
    size_t len;

    if (r->read.is_inline || r->read.word_count < 2 || r->read.word_count > 9) {
        return;
    }
    len = (size_t)(word[1].data - in.data);
    ASSERT(len < in.len);
    /* The name lies where it does behind numbers of one digit. */
    if (len < ALIKE_MIN || len > ALIKE_MAX || word[0].data != in.data + 8 || word[1].len > 99) {
        return;
    }
    front = &alike->fronts[alike_place(alike_eight(in.data + 8))];
    *front = (struct alike_front){
        .text = {alike_eight(in.data), alike_eight(in.data + 8), alike_eight(in.data + len - 8)},
        .len = (uint32_t)len,
        .name_len = (uint16_t)word[0].len,
        .word_len = (uint16_t)word[1].len,
        .word_count = (uint32_t)r->read.word_count,
        .spec = r->spec,
    };
}
