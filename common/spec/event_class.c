/* SPDX-License-Identifier: MIT */
#include "spec/event_class.h"

#define EVENT_CLASS(name, letter, in_all, what) {letter, in_all},
static const struct {
    char letter;
    bool is_in_all;
} rows[EVENT_PLACES] = {
#include "spec/event_classes.def"
};
#undef EVENT_CLASS

static uint32_t all(void)
{
    uint32_t classes = 0;

    for (uint32_t i = 0; i < EVENT_PLACES; i++) {
        classes |= rows[i].is_in_all ? 1U << i : 0;
    }
    return classes;
}

/* What a letter stands for; 0: nothing. */
static uint32_t classes_of(char letter)
{
    for (uint32_t i = 0; i < EVENT_PLACES; i++) {
        if (rows[i].letter == letter) {
            return 1U << i;
        }
    }
    return letter == 'A' ? all() : 0;
}

bool event_classes_parse(struct bytes letters, uint32_t *out)
{
    uint32_t classes = 0;

    for (size_t i = 0; i < letters.len; i++) {
        uint32_t more = classes_of(letters.data[i]);

        if (more == 0) {
            return false;
        }
        classes |= more;
    }
    *out = classes;
    return true;
}

void event_classes_format(uint32_t classes, struct buf *out)
{
    if ((classes & all()) == all()) {
        buf_append_text(out, "A");
        classes &= ~all();
    }
    for (uint32_t i = 0; i < EVENT_PLACES; i++) {
        if ((classes & 1U << i) != 0) {
            buf_append(out, &rows[i].letter, 1);
        }
    }
}

void event_classes_letters(struct buf *out)
{
    buf_append_text(out, "A");
    for (uint32_t i = 0; i < EVENT_PLACES; i++) {
        buf_append(out, &rows[i].letter, 1);
    }
}
