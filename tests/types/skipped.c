/* SPDX-License-Identifier: MIT */
/* What an RDB type consists of stands in a pattern:
 *
 *     l  a length           s  a string
 *     8  eight bytes        h  sixteen bytes
 *     ( ... )               a length, and so many times what stands between */
#include "tests/types/skipped.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    PATTERN_DEPTH_MAX = 4,
    STRING_MAX = 64 * 1024 * 1024,
};

static const char *const patterns[] = {
    [0] = "s",       [1] = "(s)",
    [2] = "(s)",     [4] = "(ss)",
    [5] = "(s8)",    [9] = "s",
    [10] = "s",      [11] = "s",
    [12] = "s",      [13] = "s",
    [14] = "(s)",    [15] = "(ss)lll(sll(h8l)(s8(h)))",
    [16] = "s",      [17] = "s",
    [18] = "(ls)",   [19] = "(ss)llllllll(slll(h8l)(s8(h)))",
    [20] = "s",      [21] = "(ss)llllllll(slll(h8l)(s88(h)))",
    [24] = "8(lss)", [25] = "8s",
};

/* A value on its way. */
struct skipper {
    struct decoder d;
    size_t start;    /* of the value in it */
    uint64_t needed; /* how long the value is at least, once it turned out to be cut off */
};

static bool skip_fixed(struct skipper *s, size_t len)
{
    if (decoder_left(&s->d) < len) {
        s->needed = (uint64_t)(s->d.at - s->start) + len;
        return false;
    }
    (void)decode_bytes(&s->d, len);
    return true;
}

static bool skip_len(struct skipper *s, uint64_t *out)
{
    bool is_encoding;

    s->needed = (uint64_t)(s->d.in.len - s->start) + 1;
    return value_decode_len(&s->d, out, &is_encoding) == VALUE_CODEC_OK && !is_encoding;
}

static bool skip_string(struct skipper *s)
{
    size_t before = s->d.at - s->start;
    struct buf text = {0};
    uint64_t needed;
    bool is_read = value_decode_string(&s->d, STRING_MAX, &text, &needed, NULL) == VALUE_CODEC_OK;

    s->needed = before + needed;
    buf_deinit(&text);
    return is_read;
}

/* The ")" that belongs to the "(" before the pattern. */
static const char *end_of_group(const char *pattern)
{
    for (unsigned open = 1; open > 0; pattern++) {
        ASSERT(*pattern != '\0');
        open = *pattern == '(' ? open + 1 : *pattern == ')' ? open - 1 : open;
    }
    return pattern - 1;
}

/* False when the value ends too early. */
static bool skip(struct skipper *s, const char *pattern, unsigned depth)
{
    uint64_t count = 0;
    bool is_skipped = true;

    ASSERT(depth < PATTERN_DEPTH_MAX);
    for (; is_skipped && *pattern != '\0' && *pattern != ')'; pattern++) {
        switch (*pattern) {
        case 'l':
            is_skipped = skip_len(s, &count);
            break;
        case 's':
            is_skipped = skip_string(s);
            break;
        case '8':
            is_skipped = skip_fixed(s, 8);
            break;
        case 'h':
            is_skipped = skip_fixed(s, 16);
            break;
        case '(':
            is_skipped = skip_len(s, &count);
            for (; is_skipped && count > 0; count--) {
                is_skipped = skip(s, pattern + 1, depth + 1);
            }
            pattern = end_of_group(pattern + 1);
            break;
        default:
            ASSERT(false);
        }
    }
    return is_skipped;
}

/* The whole value is one item. */
static enum value_codec_status skipped_decode(struct value_reader *r, struct decoder *d,
                                              uint64_t *needed, struct errmsg *error)
{
    struct skipper s = {.d = *d, .start = d->at};
    uint8_t *number;

    (void)error;
    if (!skip(&s, patterns[r->rdb_type], 0)) {
        *needed = s.needed;
        return VALUE_CODEC_MORE;
    }
    *d = s.d;
    number = mem_alloc(MEM_TEST, sizeof(*number));
    *number = r->rdb_type;
    r->draft.memory = number;
    r->is_done = true;
    return VALUE_CODEC_OK;
}

static bool skipped_free(void **memory, size_t *budget)
{
    (void)budget;
    mem_free(MEM_TEST, *memory);
    *memory = NULL;
    return true;
}

void skipped_types_init(struct skipped_types *s, const struct value_types *base)
{
    *s = (struct skipped_types){.types = *base};
    s->ops.decode = skipped_decode;
    s->ops.free = skipped_free;
    for (uint8_t type = 0; type < ARRAY_COUNT(patterns); type++) {
        if (patterns[type] != NULL && value_kind_by_rdb_type(base, type) == NULL) {
            s->ops.rdb_types_read |= UINT32_C(1) << type;
        }
    }
    ASSERT(base->kinds[SKIPPED_NUMBER].ops == NULL);
    s->types.kinds[SKIPPED_NUMBER] =
        (struct value_kind){.name = "skipped", .type = SKIPPED, .ops = &s->ops};
}

uint8_t skipped_rdb_type(const struct value *value)
{
    ASSERT(value->type == SKIPPED);
    return *(const uint8_t *)value->memory;
}
