/* SPDX-License-Identifier: MIT */
#include "cli/aof_manifest.h"

#include "base/num.h"
#include "base/split.h"

#include <string.h>

enum {
    FIELDS = 6, /* "file", name, "seq", number, "type", letter */
};

struct row {
    struct bytes name;
    uint64_t number;
    char type;
};

static bool read_row(const struct split *line, struct row *out)
{
    const struct bytes *words = line->words.items;

    if (line->words.count < FIELDS || !bytes_equal_text(words[0], "file") ||
        !bytes_equal_text(words[2], "seq") || !bytes_equal_text(words[4], "type") ||
        !num_parse_u64(words[3], &out->number) || words[5].len != 1) {
        return false;
    }
    out->name = words[1];
    out->type = words[5].data[0];
    /* It names files beside it. */
    return out->name.len > 0 && memchr(out->name.data, '/', out->name.len) == NULL &&
           memchr(out->name.data, '\0', out->name.len) == NULL &&
           (out->type == 'b' || out->type == 'i' || out->type == 'h');
}

/* The base comes first, and what is behind it in ascending order. */
static bool take_row(struct aof_names *names, const struct row *row, bool *has_base,
                     uint64_t *last_number)
{
    struct buf name = {0};

    if (row->type == 'h') {
        return true;
    }
    if (row->type == 'b' ? *has_base || names->items.count > 0 : row->number <= *last_number) {
        return false;
    }
    *has_base = *has_base || row->type == 'b';
    *last_number = row->type == 'i' ? row->number : *last_number;
    buf_append_bytes(&name, row->name);
    VEC_PUSH(&names->items, name);
    return true;
}

bool aof_manifest_parse(struct bytes text, struct aof_names *names, struct errmsg *error)
{
    bool has_base = false;
    uint64_t last_number = 0;
    unsigned number = 0;

    *names = (struct aof_names){0};
    while (text.len > 0) {
        struct bytes line = bytes_trim(bytes_next_field(&text, '\n'));
        struct split split = {0};
        struct row row;
        bool is_ok;

        number++;
        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }
        is_ok = split_line(&split, line) && read_row(&split, &row) &&
                take_row(names, &row, &has_base, &last_number);
        split_deinit(&split);
        if (!is_ok) {
            errmsg_set(error, "line %u of the manifest makes no sense: %.*s", number,
                       line.len < 100 ? (int)line.len : 100, line.data);
            return false;
        }
    }
    if (names->items.count == 0) {
        errmsg_set(error, "the manifest names no files");
        return false;
    }
    return true;
}

void aof_names_deinit(struct aof_names *names)
{
    for (size_t i = 0; i < names->items.count; i++) {
        buf_deinit(&names->items.items[i]);
    }
    VEC_DEINIT(&names->items);
}
