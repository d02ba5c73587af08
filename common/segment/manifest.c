/* SPDX-License-Identifier: MIT */
/* Names of files may have any byte: those that would break a line or a word are written as % and two digits. */
#include "segment/manifest.h"

#include "base/assert.h"
#include "base/crc.h"
#include "base/num.h"

#include <inttypes.h>
#include <string.h>

enum {
    CRC_LINE = 4 + 8 + 1, /* "crc 01234567\n" */
};

static const char first_word[] = "starling-log";

/* ---- writing ------------------------------------------------------------------------------------ */

static void format_name(const char *name, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";

    if (name[0] == '\0') {
        buf_append_byte(out, '-');
        return;
    }
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte <= ' ' || byte == 0x7f || byte == '%' || (byte == '-' && name[1] == '\0')) {
            buf_append_byte(out, '%');
            buf_append_byte(out, digits[byte >> 4]);
            buf_append_byte(out, digits[byte & 15]);
        } else {
            buf_append_byte(out, *at);
        }
    }
}

void manifest_format(const struct manifest *manifest, struct buf *out)
{
    size_t start = out->len;

    ASSERT(!history_id_is_empty(&manifest->base_history));
    ASSERT(!manifest->has_end || !history_id_is_empty(&manifest->end_history));
    lineage_check(&manifest->lineage);
    buf_printf(out, "%s %d\nbase ", first_word, MANIFEST_VERSION);
    format_name(manifest->base, out);
    buf_printf(out, " %s %" PRIu64 "\nfirst %" PRIu64 "\n", manifest->base_history.text,
               manifest->base_offset, manifest->first);
    if (!history_id_is_empty(&manifest->log)) {
        buf_printf(out, "save %s %" PRIu64 "\n", manifest->log.text, manifest->save_number);
    }
    for (size_t i = 0; i < manifest->lineage.count; i++) {
        const struct ancestor *ancestor = &manifest->lineage.items[i];

        buf_printf(out, "fork %s %" PRIu64 "\n", ancestor->history.text, ancestor->end);
    }
    if (manifest->is_off) {
        buf_append_text(out, "off\n");
    }
    if (manifest->has_end) {
        buf_printf(out, "end %s %" PRIu64 "\n", manifest->end_history.text, manifest->end_offset);
    }
    buf_printf(out, "crc %08" PRIx32 "\n", crc32c(0, bytes_from(buf_bytes(out), start)));
}

/* ---- reading ------------------------------------------------------------------------------------ */

static int digit_of(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool parse_name(struct bytes word, char out[MANIFEST_BASE_SIZE])
{
    size_t len = 0;

    memset(out, 0, MANIFEST_BASE_SIZE);
    if (bytes_equal_text(word, "-")) {
        return true;
    }
    for (size_t i = 0; i < word.len; i++) {
        char byte = word.data[i];

        if (byte == '%') {
            int high = i + 2 < word.len ? digit_of(word.data[i + 1]) : -1;
            int low = high >= 0 ? digit_of(word.data[i + 2]) : -1;

            if (low < 0) {
                return false;
            }
            byte = (char)(high * 16 + low);
            i += 2;
        }
        if (byte == '\0' || len + 1 == MANIFEST_BASE_SIZE) {
            return false;
        }
        out[len++] = byte;
    }
    return len > 0;
}

/* "<word> <history> <offset>" is in line, and nothing else. */
static bool parse_place(struct bytes line, const char *word, struct history_id *history,
                        uint64_t *offset)
{
    return bytes_equal_text(bytes_next_field(&line, ' '), word) &&
           history_id_parse_any(bytes_next_field(&line, ' '), history) &&
           num_parse_u64(line, offset);
}

static bool parse_base(struct bytes line, struct manifest *out)
{
    return bytes_equal_text(bytes_next_field(&line, ' '), "base") &&
           parse_name(bytes_next_field(&line, ' '), out->base) &&
           history_id_parse_any(bytes_next_field(&line, ' '), &out->base_history) &&
           num_parse_u64(line, &out->base_offset);
}

static bool parse_first(struct bytes line, struct manifest *out)
{
    return bytes_equal_text(bytes_next_field(&line, ' '), "first") &&
           num_parse_u64(line, &out->first) && out->first <= SEGMENT_NUMBER_MAX + 1;
}

static bool parse_fork(struct bytes line, struct manifest *out)
{
    size_t count = out->lineage.count;
    struct history_id history;
    uint64_t end;

    if (!parse_place(line, "fork", &history, &end)) {
        return false;
    }
    lineage_add(&out->lineage, &history, end);
    /* Otherwise it has replaced others: they were not in order, or too many. */
    return out->lineage.count == count + 1;
}

/* The lines between the first and the last one, by their order; *number counts them. */
static bool parse_lines(struct bytes lines, struct manifest *out, unsigned *number)
{
    struct bytes line = bytes_next_field(&lines, '\n');

    ++*number;
    if (!parse_base(line, out)) {
        return false;
    }
    line = bytes_next_field(&lines, '\n');
    ++*number;
    if (!parse_first(line, out)) {
        return false;
    }
    while (lines.len > 0) {
        line = bytes_next_field(&lines, '\n');
        ++*number;
        if (out->lineage.count == 0 && !out->is_off && history_id_is_empty(&out->log) &&
            parse_place(line, "save", &out->log, &out->save_number)) {
            continue;
        }
        if (!out->is_off && bytes_has_prefix(line, "fork ") && parse_fork(line, out)) {
            continue;
        }
        if (!out->is_off && bytes_equal_text(line, "off")) {
            out->is_off = true;
            continue;
        }
        out->has_end = parse_place(line, "end", &out->end_history, &out->end_offset);
        return out->has_end && lines.len == 0;
    }
    return true;
}

static bool has_good_checksum(struct bytes text)
{
    struct buf line = {0};
    size_t checked;
    bool is_good;

    if (text.len <= CRC_LINE || text.len > MANIFEST_MAX_BYTES) {
        return false;
    }
    checked = text.len - CRC_LINE;
    if (text.data[checked - 1] != '\n') {
        return false;
    }
    buf_printf(&line, "crc %08" PRIx32 "\n", crc32c(0, bytes_prefix(text, checked)));
    is_good = bytes_equal(buf_bytes(&line), bytes_from(text, checked));
    buf_deinit(&line);
    return is_good;
}

enum segment_status manifest_parse(struct bytes text, struct manifest *out, struct errmsg *error)
{
    struct manifest manifest = {0};
    struct bytes rest = text;
    struct bytes line;
    unsigned number = 1;
    uint64_t version;

    if (!has_good_checksum(text)) {
        errmsg_set(error, "the checksum in its last line is not there, or wrong");
        return SEGMENT_DAMAGED;
    }
    rest.len -= CRC_LINE;
    line = bytes_next_field(&rest, '\n');
    if (!bytes_equal_text(bytes_next_field(&line, ' '), first_word) ||
        !num_parse_u64(line, &version) || version == 0) {
        errmsg_set(error, "it does not begin as the manifest of a log");
        return SEGMENT_DAMAGED;
    }
    if (version > MANIFEST_VERSION) {
        errmsg_set(error, "it has version %" PRIu64 ", and versions up to %d are known", version,
                   MANIFEST_VERSION);
        return SEGMENT_NEWER;
    }
    if (!parse_lines(rest, &manifest, &number)) {
        errmsg_set(error, "line %u is not what should stand there", number);
        return SEGMENT_DAMAGED;
    }
    *out = manifest;
    return SEGMENT_OK;
}
