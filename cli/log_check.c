/* SPDX-License-Identifier: MIT */
#include "cli/log_check.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_BYTES = 64 * 1024
};

struct run {
    struct log_check *check;
    const struct segment_source *source;
    log_progress_fn *on_progress;
    void *context;
    uint64_t told_bytes; /* of progress */
    uint64_t from;       /* segments before this number are out of reach, */
    uint64_t below;      /* and those from this number on */
    bool has_manifest_file;
    VEC(uint64_t) numbers; /* of all segments in the folder */
};

static void worsen(struct log_check *check, enum log_verdict verdict)
{
    check->verdict = verdict > check->verdict ? verdict : check->verdict;
}

static void note_damage(struct log_check *check, const struct log_damage *damage)
{
    worsen(check, LOG_DAMAGED);
    if (!check->damage.is_there || (damage->is_needed && !check->damage.is_needed)) {
        check->damage = *damage;
        check->damage.is_there = true;
    }
}

/* ---- the folder --------------------------------------------------------------------------------- */

static void see_name(void *context, const char *name)
{
    struct run *run = context;
    uint64_t number;

    if (segment_parse_name(bytes_from_text(name), &number)) {
        VEC_PUSH(&run->numbers, number);
    }
    run->has_manifest_file = run->has_manifest_file || strcmp(name, MANIFEST_NAME) == 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;

    return first < second ? -1 : first > second;
}

static bool see_folder(struct run *run)
{
    if (!run->source->list(run->source->ctx, see_name, run, &run->check->problem)) {
        worsen(run->check, LOG_UNREADABLE);
        return false;
    }
    if (run->numbers.count > 0) {
        qsort(run->numbers.items, run->numbers.count, sizeof(uint64_t), compare);
    }
    return true;
}

static bool read_manifest(struct run *run)
{
    struct log_check *check = run->check;
    struct log_damage damage = {.is_needed = true};
    struct buf text = {0};
    enum segment_status status = SEGMENT_OK;
    bool is_read;

    if (!run->has_manifest_file) {
        if (run->numbers.count > 0) {
            errmsg_set(&damage.reason, "there is no " MANIFEST_NAME
                                       ", which names the base that the log goes on from");
            note_damage(check, &damage);
        }
        return true;
    }
    is_read = run->source->read(run->source->ctx, MANIFEST_NAME, 0, MANIFEST_MAX_BYTES + 1, &text,
                                &check->problem);
    if (is_read) {
        status = manifest_parse(buf_bytes(&text), &check->manifest, &damage.reason);
        check->has_manifest = status == SEGMENT_OK;
        errmsg_wrap(&damage.reason, MANIFEST_NAME);
    } else {
        errmsg_wrap(&check->problem, MANIFEST_NAME);
    }
    buf_deinit(&text);
    if (status == SEGMENT_NEWER) {
        check->problem = damage.reason;
    } else if (status != SEGMENT_OK) {
        note_damage(check, &damage);
    }
    if (!is_read || status == SEGMENT_NEWER) {
        worsen(check, LOG_UNREADABLE);
        return false;
    }
    return true;
}

/* ---- segments that cannot be in a list ---------------------------------------------------------- */

static bool read_head(struct run *run, uint64_t number, struct segment_head *head,
                      struct errmsg *reason)
{
    char name[SEGMENT_NAME_SIZE];
    struct buf bytes = {0};
    enum segment_status status = SEGMENT_NEWER;

    segment_format_name(number, name);
    if (run->source->read(run->source->ctx, name, 0, SEGMENT_HEAD_BYTES, &bytes, reason)) {
        status = segment_read_head(buf_bytes(&bytes), head, reason);
    }
    buf_deinit(&bytes);
    if (status != SEGMENT_OK) {
        errmsg_wrap(reason, "%s", name);
    }
    if (status == SEGMENT_NEWER) {
        run->check->problem = *reason;
        worsen(run->check, LOG_UNREADABLE);
    }
    return status == SEGMENT_OK;
}

/* The log had come to where later segments begin. */
static uint64_t greatest_start(struct run *run, size_t from)
{
    uint64_t greatest = 0;

    for (size_t i = from; i < run->numbers.count; i++) {
        struct segment_head head;
        struct errmsg ignored = {0};

        if (read_head(run, run->numbers.items[i], &head, &ignored) && head.start > greatest) {
            greatest = head.start;
        }
    }
    return greatest;
}

/* The first number from run->from on that is missing, or whose head is bad though others follow.  False: none. */
static bool find_bad(struct run *run, struct log_damage *damage)
{
    *damage = (struct log_damage){0};
    for (size_t i = 0; i + 1 < run->numbers.count; i++) {
        uint64_t number = run->numbers.items[i];
        struct segment_head head;
        uint64_t bad = 0;

        if (number < run->from) {
            continue;
        }
        if (!read_head(run, number, &head, &damage->reason)) {
            bad = number;
        } else if (run->numbers.items[i + 1] != number + 1) {
            char name[SEGMENT_NAME_SIZE];

            segment_format_name(number + 1, name);
            errmsg_set(&damage->reason, "%s is missing, and later ones are there", name);
            bad = number + 1;
        }
        if (bad != 0) {
            damage->number = bad;
            damage->lost_end = greatest_start(run, i + 1);
            return true;
        }
    }
    return false;
}

struct reachable {
    segment_name_fn *on_name;
    void *context;
    const struct run *run;
};

static void see_reachable(void *context, const char *name)
{
    const struct reachable *reachable = context;
    uint64_t number;

    if (segment_parse_name(bytes_from_text(name), &number) && number >= reachable->run->from &&
        number < reachable->run->below) {
        reachable->on_name(reachable->context, name);
    }
}

static bool list_reachable(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error)
{
    const struct run *run = ctx;
    struct reachable reachable = {on_name, context, run};

    return run->source->list(run->source->ctx, see_reachable, &reachable, error);
}

static bool size_reachable(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error)
{
    const struct run *run = ctx;

    return run->source->size(run->source->ctx, name, size_bytes, error);
}

static bool read_reachable(void *ctx, const char *name, uint64_t place, size_t max_bytes,
                           struct buf *out, struct errmsg *error)
{
    const struct run *run = ctx;

    return run->source->read(run->source->ctx, name, place, max_bytes, out, error);
}

/* What a start needs is looked at whatever older segments are like.  damage is of the first that it needs, if any. */
static bool load_list(struct run *run, struct log_damage *damage)
{
    struct log_check *check = run->check;
    const struct segment_source source = {run, list_reachable, size_reachable, read_reachable};

    run->below = UINT64_MAX;
    while (find_bad(run, damage)) {
        damage->is_needed = !check->has_manifest || damage->number >= check->manifest.first;
        if (damage->is_needed) {
            run->below = damage->number;
            break;
        }
        damage->offset = damage->lost_end;
        note_damage(check, damage);
        run->from = damage->number + 1;
    }
    if (check->verdict == LOG_UNREADABLE) {
        return false;
    }
    if (!segment_list_load(&check->list, &source, &check->problem)) {
        worsen(check, LOG_UNREADABLE);
        return false;
    }
    check->pieces = mem_alloc_zeroed(MEM_CLI, (check->list.count + 1) * sizeof(check->pieces[0]));
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void tell_progress(struct run *run, const struct segment_reader *reader)
{
    const struct segment_list *list = &run->check->list;
    uint64_t done = reader->place;

    if (run->on_progress == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (run->check->pieces[i].is_read && list->items[i].number != reader->number) {
            done += list->items[i].size_bytes;
        }
    }
    /* A reader that comes to segments that were read goes back, as it were. */
    run->told_bytes = done > run->told_bytes ? done : run->told_bytes;
    run->on_progress(run->context, run->told_bytes, segment_list_size(list));
}

/* Up to the end, to what is bad, or to a segment that was read before. */
static enum segment_reading read_on(struct run *run, struct segment_reader *reader,
                                    struct errmsg *error)
{
    struct log_check *check = run->check;
    uint64_t number = 0;
    enum segment_reading reading;

    do {
        size_t index = segment_list_index(&check->list, reader->number);
        struct log_piece *piece = &check->pieces[index];
        struct bytes out;

        ASSERT(index < check->list.count);
        if (reader->number != number) {
            if (piece->is_read) {
                return SEGMENT_READING_END;
            }
            number = reader->number;
            piece->is_read = true;
            piece->end = check->list.items[index].head.start;
        }
        reading = segment_reader_next(reader, PIECE_BYTES, &out, error);
        if (reader->number == number && reader->next > piece->end) {
            piece->end = reader->next;
        }
        tell_progress(run, reader);
    } while (reading == SEGMENT_READING_OK || reading == SEGMENT_READING_FORK);
    return reading;
}

static void judge_reading(struct run *run, const struct segment_reader *reader,
                          enum segment_reading reading, const struct errmsg *error, bool is_needed)
{
    struct log_check *check = run->check;

    if (reading == SEGMENT_READING_DAMAGED) {
        struct log_damage damage = {
            .is_needed = is_needed,
            .number = reader->number,
            .place = reader->place,
            .offset = reader->next,
            .lost_end = reader->lost_end,
            .reason = *error,
        };

        note_damage(check, &damage);
    } else if (reading != SEGMENT_READING_END) {
        check->problem = *error;
        worsen(check, LOG_UNREADABLE);
    }
}

/* Where to begin without a manifest: as far back as the last segments go without a break. */
static bool find_beginning(const struct segment_list *list, struct history_id *history,
                           uint64_t *offset)
{
    size_t index = list->count;

    *offset = segment_list_first_offset(list);
    while (index > 0 &&
           (list->items[index - 1].is_torn || list->items[index - 1].head.start != *offset)) {
        index--;
    }
    if (index > 0) {
        *history = list->items[index - 1].head.history;
    }
    return index > 0;
}

/* The manifest says how far the log goes when the server ended in order. */
static void judge_end(struct log_check *check)
{
    const struct manifest *manifest = &check->manifest;
    struct log_damage damage = {.is_needed = true, .offset = check->offset};

    if (!check->has_manifest || !manifest->has_end || check->offset >= manifest->end_offset) {
        return;
    }
    damage.lost_end = manifest->end_offset;
    damage.number = check->tail.number;
    damage.place = check->tail.place;
    errmsg_set(&damage.reason,
               "the server ended in order at offset %" PRIu64 ", and the log ends at %" PRIu64,
               manifest->end_offset, check->offset);
    note_damage(check, &damage);
}

/* What a start does. */
static void recover(struct run *run)
{
    struct log_check *check = run->check;
    struct segment_reader reader;
    struct errmsg error = {0};
    bool needs_segments = check->has_manifest ? check->manifest.first != 0 : true;
    enum segment_reading reading = SEGMENT_READING_END;

    segment_reader_init(&reader, run->source, &check->list, true);
    if (check->has_manifest) {
        check->history = check->manifest.base_history;
        check->offset = check->manifest.base_offset;
        check->is_recovered = true;
    } else {
        check->is_recovered = find_beginning(&check->list, &check->history, &check->offset);
    }
    if (check->is_recovered && needs_segments) {
        if (segment_reader_seek(&reader, &check->history, check->offset)) {
            reading = read_on(run, &reader, &error);
            check->history = reader.history;
            check->offset = reader.offset;
            check->tail = segment_reader_tail(&reader);
            judge_reading(run, &reader, reading, &error, true);
        } else {
            struct log_damage damage = {
                .is_needed = true, .offset = check->offset, .lost_end = check->offset};

            errmsg_set(&damage.reason, "no segment has offset %" PRIu64 " of history %s",
                       check->offset, check->history.text);
            note_damage(check, &damage);
        }
    }
    if (reading == SEGMENT_READING_END && check->tail.torn_bytes > 0) {
        worsen(check, LOG_TORN);
    }
    segment_reader_deinit(&reader);
}

/* Those that a start does not read.  Some are void as a whole: others are right about where they begin. */
static void read_others(struct run *run)
{
    struct log_check *check = run->check;

    for (size_t i = 0; i < check->list.count; i++) {
        const struct segment_entry *entry = &check->list.items[i];
        struct segment_reader reader;

        if (check->pieces[i].is_read || entry->is_torn) {
            continue;
        }
        segment_reader_init(&reader, run->source, &check->list, true);
        if (segment_reader_seek(&reader, &entry->head.history, entry->head.start) &&
            reader.number == entry->number) {
            struct errmsg error = {0};

            judge_reading(run, &reader, read_on(run, &reader, &error), &error, false);
        }
        segment_reader_deinit(&reader);
    }
}

/* What is good behind the damage is lost with it. */
static void count_what_follows(struct log_check *check)
{
    struct log_damage *damage = &check->damage;
    size_t index = segment_list_index(&check->list, damage->number);

    if (!damage->is_there || !damage->is_needed || index == SIZE_MAX) {
        return;
    }
    for (size_t i = index + 1; i < segment_list_chain_end(&check->list, index); i++) {
        if (check->pieces[i].is_read && check->pieces[i].end > damage->lost_end) {
            damage->lost_end = check->pieces[i].end;
        }
    }
}

void log_check_run(struct log_check *check, const struct segment_source *source,
                   log_progress_fn *on_progress, void *context)
{
    struct run run = {
        .check = check, .source = source, .on_progress = on_progress, .context = context};
    struct log_damage damage = {0};

    *check = (struct log_check){0};
    if (see_folder(&run) && read_manifest(&run) && load_list(&run, &damage)) {
        recover(&run);
        if (damage.number != 0) {
            damage.offset = check->offset;
            damage.lost_end = damage.lost_end > damage.offset ? damage.lost_end : damage.offset;
            note_damage(check, &damage);
        }
        judge_end(check);
        read_others(&run);
        count_what_follows(check);
    }
    check->numbers = run.numbers.items;
    check->number_count = run.numbers.count;
}

void log_check_note_missing_base(struct log_check *check)
{
    struct log_damage damage = {.is_needed = true};

    errmsg_set(&damage.reason, "the snapshot %s, which the log goes on from, is not there",
               check->manifest.base);
    check->is_recovered = false;
    check->damage.is_there = false;
    note_damage(check, &damage);
}

void log_check_deinit(struct log_check *check)
{
    segment_list_deinit(&check->list);
    mem_free(MEM_CLI, check->pieces);
    mem_free(MEM_BASE, check->numbers); /* a vector's */
    *check = (struct log_check){0};
}
