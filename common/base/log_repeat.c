/* SPDX-License-Identifier: MIT */
/* Lines are known by their hashes alone: a rare mistake costs a line. */
#include "base/log_repeat.h"

#include "base/bytes.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Of a line, or of a line without its digits. */
static uint64_t hash_line(const char *line, bool has_digits)
{
    uint64_t hash = FNV_START;

    for (; *line != '\0'; line++) {
        if (has_digits || *line < '0' || *line > '9') {
            hash = (hash ^ (unsigned char)*line) * FNV_PRIME;
        }
    }
    return hash;
}

static bool is_over(const struct log_repeat_entry *entry, struct mono_time now)
{
    return mono_ms_between(entry->started_at, now) >= LOG_REPEAT_WINDOW_MS;
}

/* The entry of a message, or one that may be given to it. */
static struct log_repeat_entry *entry_of(struct log_repeat *repeat, uint64_t alike)
{
    struct log_repeat_entry *oldest = &repeat->entries[0];

    for (int i = 0; i < LOG_REPEAT_MESSAGES; i++) {
        struct log_repeat_entry *entry = &repeat->entries[i];

        if (entry->is_used && entry->alike == alike) {
            return entry;
        }
        if (oldest->is_used &&
            (!entry->is_used || mono_is_before(entry->heard_at, oldest->heard_at))) {
            oldest = entry;
        }
    }
    *oldest = (struct log_repeat_entry){0};
    return oldest;
}

bool log_repeat_admit(struct log_repeat *repeat, struct mono_time now, enum log_level level,
                      const char *line)
{
    uint64_t same = hash_line(line, true);
    struct log_repeat_entry *entry = entry_of(repeat, hash_line(line, false));

    if (!entry->is_used || (is_over(entry, now) && entry->held_back == 0)) {
        *entry = (struct log_repeat_entry){
            .is_used = true, .alike = hash_line(line, false), .started_at = now};
    }
    entry->heard_at = now;
    entry->alike_count++;
    entry->same_count = entry->same == same ? entry->same_count + 1 : 1;
    entry->same = same;
    if (entry->same_count <= LOG_REPEAT_SAME_MAX && entry->alike_count <= LOG_REPEAT_ALIKE_MAX) {
        return true;
    }
    entry->held_back++;
    entry->level = level;
    bytes_to_text(bytes_from_text(line), entry->text, sizeof(entry->text));
    return false;
}

bool log_repeat_next(struct log_repeat *repeat, struct mono_time now, bool is_end,
                     struct log_repeated *out)
{
    for (int i = 0; i < LOG_REPEAT_MESSAGES; i++) {
        struct log_repeat_entry *entry = &repeat->entries[i];

        if (entry->held_back == 0 || (!is_end && !is_over(entry, now))) {
            continue;
        }
        *out = (struct log_repeated){.count = entry->held_back, .level = entry->level};
        memcpy(out->text, entry->text, sizeof(out->text));
        /* The next minute begins, and what comes in it goes on being counted. */
        entry->held_back = 0;
        entry->started_at = now;
        return true;
    }
    return false;
}
