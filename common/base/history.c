/* SPDX-License-Identifier: MIT */
/* Syntax of history ids. */
#include "base/history.h"

#include "base/rng.h"

static bool is_letter_or_digit(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

bool history_id_is(const struct history_id *id, struct bytes text)
{
    return !history_id_is_empty(id) && text.len == HISTORY_ID_LEN &&
           memcmp(id->text, text.data, HISTORY_ID_LEN) == 0;
}

bool history_id_parse(struct bytes text, struct history_id *out)
{
    return text.len == HISTORY_ID_LEN && history_id_parse_any(text, out);
}

bool history_id_parse_any(struct bytes text, struct history_id *out)
{
    if (text.len == 0 || text.len > HISTORY_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_letter_or_digit(text.data[i])) {
            return false;
        }
    }
    *out = (struct history_id){0};
    memcpy(out->text, text.data, text.len);
    return true;
}

struct history_id history_id_make(struct rng *rng)
{
    struct history_id id = {0};

    rng_hex(rng, id.text, HISTORY_ID_LEN);
    return id;
}
