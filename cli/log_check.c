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

/* The name of the snapshot when the manifest names none: what servers use unless they are told otherwise. */
static const char usual_snapshot[] = "dump.rdb";

struct run {
    struct log_check *check;
    const struct log_check_how *how;
    const struct segment_source *source;
    uint64_t told_bytes; /* of progress */
    uint64_t from;       /* segments before this number are out of reach, */
    uint64_t below;      /* and those from this number on */
    bool has_manifest_file;
    VEC(uint64_t) numbers;       /* of all segments in the folder */
    VEC(struct log_damage) gaps; /* those that cannot be in a list */
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

/* Each number that is missing, or whose head is bad though others follow. */
static void find_gaps(struct run *run)
{
    for (size_t i = 0; i + 1 < run->numbers.count; i++) {
        uint64_t number = run->numbers.items[i];
        struct log_damage gap = {.is_needed = true, .number = number};
        struct segment_head head;
        char name[SEGMENT_NAME_SIZE];

        if (!read_head(run, number, &head, &gap.reason)) {
            gap.lost_end = greatest_start(run, i + 1);
            VEC_PUSH(&run->gaps, gap);
        }
        if (run->numbers.items[i + 1] != number + 1) {
            segment_format_name(number + 1, name);
            errmsg_set(&gap.reason, "%s is missing, and later ones are there", name);
            gap.number = number + 1;
            gap.lost_end = greatest_start(run, i + 1);
            VEC_PUSH(&run->gaps, gap);
        }
    }
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

/* Of those behind one gap, or from the first on, up to the next gap. */
static bool load_between(struct run *run, size_t gaps_before)
{
    const struct segment_source source = {run, list_reachable, size_reachable, read_reachable};

    run->from = gaps_before > 0 ? run->gaps.items[gaps_before - 1].number + 1 : 0;
    run->below = gaps_before < run->gaps.count ? run->gaps.items[gaps_before].number : UINT64_MAX;
    if (!segment_list_load(&run->check->list, &source, &run->check->problem)) {
        worsen(run->check, LOG_UNREADABLE);
        return false;
    }
    return true;
}

static bool can_start(const struct log_check *check)
{
    return check->has_start &&
           segment_list_find(&check->list, &check->start_history, check->start_offset) != SIZE_MAX;
}

/* A start needs what is behind the last gap before its place: what is before that gap serves replicas, and what is
 * behind the next one is lost.  *gap is that next one, or NULL. */
static bool load_list(struct run *run, struct log_damage **gap)
{
    struct log_check *check = run->check;
    size_t before;

    find_gaps(run);
    before = run->gaps.count;
    if (check->verdict == LOG_UNREADABLE || !load_between(run, before)) {
        return false;
    }
    while (before > 0 && !can_start(check)) {
        if (!load_between(run, --before)) {
            return false;
        }
    }
    check->pieces = mem_alloc_zeroed(MEM_CLI, (check->list.count + 1) * sizeof(check->pieces[0]));
    if (before > 0) {
        struct log_damage *older = &run->gaps.items[before - 1];

        older->is_needed = false;
        older->offset = older->lost_end;
        note_damage(check, older);
    }
    *gap = before < run->gaps.count ? &run->gaps.items[before] : NULL;
    return true;
}

/* ---- where a start begins ----------------------------------------------------------------------- */

static void note_snapshot(struct log_check *check, const char *name, const char *problem)
{
    struct log_damage damage = {.is_needed = true};

    errmsg_set(&damage.reason, "the snapshot %s, which the log goes on from, %s", name, problem);
    note_damage(check, &damage);
}

static void find_start(struct run *run)
{
    struct log_check *check = run->check;
    const struct log_check_how *how = run->how;
    bool is_named = check->manifest.base[0] != '\0';
    const char *name = is_named ? check->manifest.base : usual_snapshot;

    if (!check->has_manifest || check->manifest.is_off) {
        return;
    }
    if (how->find_snapshot != NULL) {
        check->snapshot = how->find_snapshot(how->snapshot_context, name);
    }
    check->has_start = true;
    check->start_history = check->manifest.base_history;
    check->start_offset = check->manifest.base_offset;
    if (check->snapshot.kind == LOG_SNAPSHOT_PLACED &&
        (is_named || check->snapshot.position.offset >= check->manifest.base_offset)) {
        check->start_history = check->snapshot.position.history;
        check->start_offset = check->snapshot.position.offset;
        if (check->snapshot.problem.text[0] != '\0') {
            struct errmsg problem = check->snapshot.problem;

            check->has_start = false;
            errmsg_wrap(&problem, "cannot be loaded");
            note_snapshot(check, name, problem.text);
        }
    } else if (is_named) {
        check->has_start = false;
        note_snapshot(check, name,
                      check->snapshot.kind == LOG_SNAPSHOT_NONE ? "is not there"
                                                                : "says no place in a history");
    }
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void tell_progress(struct run *run, const struct segment_reader *reader)
{
    const struct segment_list *list = &run->check->list;
    uint64_t done = reader->place;

    if (run->how->on_progress == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (run->check->pieces[i].is_read && list->items[i].number != reader->number) {
            done += list->items[i].size_bytes;
        }
    }
    /* A reader that comes to segments that were read goes back, as it were. */
    run->told_bytes = done > run->told_bytes ? done : run->told_bytes;
    run->how->on_progress(run->how->progress_context, run->told_bytes, segment_list_size(list));
}

/* A frame was read. */
static void note_time(struct log_piece *piece, int64_t unix_ms)
{
    if (!piece->is_written) {
        piece->is_written = true;
        piece->first_unix_ms = unix_ms;
    }
    piece->last_unix_ms = unix_ms;
}

/* Up to the end, to what is bad, or to a segment that was read before, which was judged then. */
static enum segment_reading read_on(struct run *run, struct segment_reader *reader,
                                    struct errmsg *error)
{
    struct log_check *check = run->check;
    uint64_t number = 0;
    enum segment_reading reading;

    do {
        struct bytes out;
        size_t index;
        struct log_piece *piece;

        reading = segment_reader_next(reader, PIECE_BYTES, &out, error);
        index = segment_list_index(&check->list, reader->number);
        ASSERT(index < check->list.count);
        piece = &check->pieces[index];
        if (reader->number != number) {
            if (piece->is_read) {
                return SEGMENT_READING_END;
            }
            number = reader->number;
            piece->is_read = true;
        }
        piece->end = reader->next;
        if (reading == SEGMENT_READING_OK) {
            note_time(piece, reader->written_unix_ms);
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

/* Without a manifest: as far back as the last segments go without a break. */
static bool find_beginning(struct log_check *check)
{
    const struct segment_list *list = &check->list;
    size_t index = list->count;

    check->start_offset = segment_list_first_offset(list);
    while (index > 0 && (list->items[index - 1].is_torn ||
                         list->items[index - 1].head.start != check->start_offset)) {
        index--;
    }
    if (index > 0) {
        check->start_history = list->items[index - 1].head.history;
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

/* No segment has the place.  A log that nothing was written to yet is none. */
static void judge_missing_start(struct log_check *check)
{
    struct log_damage damage = {
        .is_needed = true, .offset = check->start_offset, .lost_end = check->start_offset};
    const struct manifest *manifest = &check->manifest;

    const struct rdb_position *position = &check->snapshot.position;
    bool is_newer = check->snapshot.kind == LOG_SNAPSHOT_PLACED &&
                    !history_id_is_empty(&position->log) &&
                    history_id_equal(&position->log, &manifest->log) &&
                    position->save_number > manifest->save_number;
    bool is_base_alone = manifest->first == 0 && check->start_offset == manifest->base_offset &&
                         history_id_equal(&check->start_history, &manifest->base_history);

    /* The snapshot is newer than the manifest, or the one that it names, and nothing goes on from it yet. */
    if (is_base_alone || is_newer) {
        return;
    }
    errmsg_set(&damage.reason, "no segment has offset %" PRIu64 " of history %s",
               check->start_offset, check->start_history.text);
    note_damage(check, &damage);
}

/* What a start does. */
static void recover(struct run *run, const struct log_damage *gap)
{
    struct log_check *check = run->check;
    struct segment_reader reader;
    struct errmsg error = {0};

    check->is_recovered = check->has_start || (!check->has_manifest && find_beginning(check));
    if (!check->is_recovered) {
        return;
    }
    check->history = check->start_history;
    check->offset = check->start_offset;
    segment_reader_init(&reader, run->source, &check->list, true);
    if (segment_reader_seek(&reader, &check->history, check->offset)) {
        enum segment_reading reading;

        check->start_number = reader.number;
        reading = read_on(run, &reader, &error);
        check->history = reader.history;
        check->offset = reader.offset;
        check->is_written = reader.offset > check->start_offset;
        check->written_unix_ms = reader.written_unix_ms;
        check->tail = segment_reader_tail(&reader);
        judge_reading(run, &reader, reading, &error, true);
        if (reading == SEGMENT_READING_END && check->tail.torn_bytes > 0) {
            worsen(check, LOG_TORN);
        }
    } else if (gap == NULL) {
        judge_missing_start(check);
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

void log_check_run(struct log_check *check, const struct log_check_how *how)
{
    struct run run = {.check = check, .how = how, .source = how->source};
    struct log_damage *gap = NULL;

    *check = (struct log_check){0};
    if (see_folder(&run) && read_manifest(&run)) {
        find_start(&run);
        if (load_list(&run, &gap)) {
            recover(&run, gap);
            if (gap != NULL) {
                gap->offset = check->offset;
                gap->lost_end = gap->lost_end > gap->offset ? gap->lost_end : gap->offset;
                note_damage(check, gap);
            }
            judge_end(check);
            if (!check->manifest.is_off) {
                read_others(&run);
            }
            count_what_follows(check);
        }
    }
    check->numbers = run.numbers.items;
    check->number_count = run.numbers.count;
    VEC_DEINIT(&run.gaps);
}

void log_check_deinit(struct log_check *check)
{
    segment_list_deinit(&check->list);
    mem_free(MEM_CLI, check->pieces);
    mem_free(MEM_BASE, check->numbers); /* a vector's */
    *check = (struct log_check){0};
}
