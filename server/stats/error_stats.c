/* SPDX-License-Identifier: MIT */
/* A sorted array: errors are rare, and their codes few. */
#include "stats/error_stats.h"

#include "base/assert.h"

static struct bytes code_of(struct bytes reply)
{
    struct bytes text = reply.len > 0 && reply.data[0] == '-' ? bytes_from(reply, 1) : reply;
    size_t longest = ERROR_STATS_CODE_BYTES;
    size_t len = bytes_find_byte(bytes_prefix(text, text.len < longest ? text.len : longest), ' ');

    return len == SIZE_MAX || len == 0 ? BYTES_LITERAL("ERR") : bytes_prefix(text, len);
}

/* Where the code is, or belongs. */
static size_t place_of(const struct error_stats *stats, struct bytes code)
{
    size_t i = 0;

    while (i < stats->code_count &&
           bytes_compare(bytes_from_text(stats->codes[i].code), code) < 0) {
        i++;
    }
    return i;
}

static bool has_code(const struct error_stats *stats, size_t place, struct bytes code)
{
    return place < stats->code_count && bytes_equal_text(code, stats->codes[place].code);
}

static void add(struct error_stats *stats, size_t place, struct bytes code)
{
    struct error_count *at = &stats->codes[place];

    ASSERT(stats->code_count < ARRAY_COUNT(stats->codes));
    memmove(at + 1, at, (stats->code_count - place) * sizeof(*at));
    *at = (struct error_count){0};
    bytes_to_text(code, at->code, sizeof(at->code));
    stats->code_count++;
}

void error_stats_count(struct error_stats *stats, struct bytes reply)
{
    struct bytes code = code_of(reply);
    size_t place = place_of(stats, code);

    if (!has_code(stats, place, code) && stats->code_count >= ERROR_STATS_CODES) {
        code = BYTES_LITERAL(ERROR_STATS_OVERFLOW);
        place = place_of(stats, code);
    }
    if (!has_code(stats, place, code)) {
        add(stats, place, code);
    }
    stats->codes[place].count++;
    stats->total++;
}

void error_stats_write(const struct error_stats *stats, struct buf *out)
{
    for (size_t i = 0; i < stats->code_count; i++) {
        buf_printf(out, "errorstat_%s:count=%llu\r\n", stats->codes[i].code,
                   (unsigned long long)stats->codes[i].count);
    }
}
