/* SPDX-License-Identifier: MIT */
#include "cli/log_report.h"

#include "base/num.h"
#include "segment/log_place.h"

#include <inttypes.h>
#include <stdio.h>

static void write_manifest(const struct log_check *check, struct buf *out)
{
    const struct manifest *manifest = &check->manifest;
    char name[SEGMENT_NAME_SIZE];

    if (!check->has_manifest) {
        buf_append_text(out, "No good manifest: what follows is read from the first segment on.\n");
        return;
    }
    buf_printf(out, "Base: %s, at offset %" PRIu64 " of history %s\n",
               manifest->base[0] != '\0' ? manifest->base : "an empty key space",
               manifest->base_offset, manifest->base_history.text);
    if (check->snapshot.kind == LOG_SNAPSHOT_PLACED) {
        buf_printf(out, "Snapshot: %" PRIu64 " bytes, at offset %" PRIu64 " of history %s\n",
                   check->snapshot.size_bytes, check->snapshot.position.offset,
                   check->snapshot.position.history.text);
    }
    if (manifest->first != 0) {
        segment_format_name(manifest->first, name);
        buf_printf(out, "Needed: segments from %s on\n", name);
    } else {
        buf_append_text(out, "Needed: no segments\n");
    }
    for (size_t i = 0; i < manifest->lineage.count; i++) {
        buf_printf(out, "Before: history %s up to offset %" PRIu64 "\n",
                   manifest->lineage.items[i].history.text, manifest->lineage.items[i].end);
    }
    if (manifest->has_end) {
        buf_printf(out, "The server ended in order, at offset %" PRIu64 " of history %s\n",
                   manifest->end_offset, manifest->end_history.text);
    } else {
        buf_append_text(out, "The server did not end in order, or is running\n");
    }
}

static void write_segments(const struct log_check *check, struct buf *out)
{
    if (check->list.count > 0) {
        buf_printf(out, "%-20s %20s %20s %12s  %-24s  %-24s  %s\n", "segment", "begins at",
                   "good up to", "bytes", "first written", "last written", "history");
    }
    for (size_t i = 0; i < check->list.count; i++) {
        const struct segment_entry *entry = &check->list.items[i];
        const struct log_piece *piece = &check->pieces[i];
        char name[SEGMENT_NAME_SIZE];
        char first[LOG_PLACE_TIME_SIZE] = "-";
        char last[LOG_PLACE_TIME_SIZE] = "-";
        char end[24];

        segment_format_name(entry->number, name);
        if (entry->is_torn) {
            buf_printf(out, "%-20s %20s %20s %12" PRIu64 "  (no good head)\n", name, "-", "-",
                       entry->size_bytes);
            continue;
        }
        snprintf(end, sizeof(end), "%" PRIu64, piece->end);
        if (piece->is_written) {
            log_place_format_time(piece->first_unix_ms, first);
            log_place_format_time(piece->last_unix_ms, last);
        }
        buf_printf(out, "%-20s %20" PRIu64 " %20s %12" PRIu64 "  %-24s  %-24s  %s", name,
                   entry->head.start, piece->is_read ? end : "(void)", entry->size_bytes, first,
                   last, entry->head.history.text);
        if (!history_id_is_empty(&entry->head.parent)) {
            buf_printf(out, ", from %" PRIu64 " of %s", entry->head.parent_end,
                       entry->head.parent.text);
        }
        buf_append_byte(out, '\n');
    }
}

/* Files behind the place of the damage, and the rest of its own. */
static uint64_t bytes_behind(const struct log_check *check)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < check->list.count; i++) {
        const struct segment_entry *entry = &check->list.items[i];

        if (entry->number > check->damage.number) {
            sum += entry->size_bytes;
        } else if (entry->number == check->damage.number &&
                   entry->size_bytes > check->damage.place) {
            sum += entry->size_bytes - check->damage.place;
        }
    }
    return sum;
}

static void write_damage(const struct log_check *check, struct buf *out)
{
    const struct log_damage *damage = &check->damage;

    buf_printf(out, "DAMAGED: %s.\n", damage->reason.text);
    if (!damage->is_needed) {
        buf_append_text(out, "A start does not read that: older segments serve replicas only.\n");
        return;
    }
    if (damage->number != 0 && bytes_behind(check) > 0) {
        buf_printf(out, "Behind the last good byte are %" PRIu64 " bytes in files.\n",
                   bytes_behind(check));
    }
    if (damage->lost_end > damage->offset) {
        buf_printf(out,
                   "Lost: %" PRIu64 " bytes of the log, offsets %" PRIu64 " to %" PRIu64
                   ", which were on disk, and whatever came behind them.\n",
                   damage->lost_end - damage->offset, damage->offset, damage->lost_end);
    }
}

static void write_verdict(const struct log_check *check, struct buf *out)
{
    char name[SEGMENT_NAME_SIZE];

    if (check->verdict == LOG_UNREADABLE) {
        buf_printf(out, "UNREADABLE: %s\n", check->problem.text);
        return;
    }
    if (check->damage.is_there) {
        write_damage(check, out);
    }
    if (check->tail.torn_bytes > 0 && !(check->damage.is_there && check->damage.is_needed)) {
        segment_format_name(check->tail.number, name);
        buf_printf(
            out,
            "Torn tail: the last %" PRIu64
            " bytes of %s are not whole, as a sudden end leaves them; nothing says that they "
            "were on disk before.\n",
            check->tail.torn_bytes, name);
    }
    if (check->has_manifest && check->manifest.is_off) {
        buf_append_text(out, "The log was turned off: nothing of it counts, and a start reads the "
                             "snapshot alone.\n");
        return;
    }
    if (!check->is_recovered) {
        buf_append_text(out, check->damage.is_there ? "Nothing can be recovered from it.\n"
                                                    : "There is no log.\n");
        return;
    }
    buf_printf(out, "%s up to offset %" PRIu64 " of history %s",
               check->verdict == LOG_GOOD ? "Good: all can be recovered" : "Can be recovered:",
               check->offset, check->history.text);
    if (check->is_written) {
        char time[LOG_PLACE_TIME_SIZE];

        log_place_format_time(check->written_unix_ms, time);
        buf_printf(out, ", written at %s", time);
    }
    buf_append_text(out, ".\n");
}

void log_report_write(const struct log_check *check, const struct log_surroundings *surroundings,
                      struct buf *out)
{
    buf_printf(out, "Log in %s\n", surroundings->path);
    if (surroundings->holder != 0) {
        buf_printf(out, "Process %" PRId64 " has it open: what it is writing may look torn.\n",
                   surroundings->holder);
    }
    if (check->has_manifest || check->list.count > 0) {
        write_manifest(check, out);
    }
    write_segments(check, out);
    write_verdict(check, out);
}

void log_report_write_time_left(uint64_t done, uint64_t total, int64_t passed_ms, struct buf *out)
{
    uint64_t left_s;

    if (done == 0 || passed_ms <= 0 || done >= total) {
        return;
    }
    left_s = (uint64_t)((double)(total - done) / (double)done * (double)passed_ms / 1000.0);
    if (left_s < 120) {
        buf_printf(out, "%" PRIu64 " s left", left_s);
    } else if (left_s < 120 * 60) {
        buf_printf(out, "%" PRIu64 " min left", left_s / 60);
    } else {
        buf_printf(out, "%" PRIu64 " h left", left_s / 3600);
    }
}
