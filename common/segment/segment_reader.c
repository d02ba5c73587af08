/* SPDX-License-Identifier: MIT */
/* Each call does one of: go to the segment that is right about the next byte; hand out what is left of a frame that was
 * found good; find the next one good.  Where that fails, judge. */
#include "segment/segment_reader.h"

#include "base/assert.h"
#include "segment/segment_scan.h"

#include <inttypes.h>

enum {
    READ_BYTES = 256 * 1024, /* from a file in one step, when frames are smaller */
};

void segment_reader_init(struct segment_reader *reader, const struct segment_source *source,
                         const struct segment_list *list, bool is_at_rest)
{
    *reader = (struct segment_reader){.source = source, .list = list, .is_at_rest = is_at_rest};
}

void segment_reader_deinit(struct segment_reader *reader)
{
    buf_deinit(&reader->buffer);
    *reader = (struct segment_reader){0};
}

static void check(const struct segment_reader *reader)
{
    ASSERT(reader->begin + reader->handed <= reader->place);
    ASSERT(reader->place - reader->begin <= reader->buffer.len);
}

/* The next frame is at place of the segment; nothing is in the buffer. */
static void stand_at(struct segment_reader *reader, uint64_t number, uint64_t place)
{
    reader->number = number;
    reader->place = place;
    reader->begin = place;
    reader->handed = 0;
    reader->end = UINT64_MAX;
    buf_clear(&reader->buffer);
}

/* The last segment, when it has no good head, otherwise NULL. */
static const struct segment_entry *torn_one(const struct segment_list *list)
{
    return list->count > 0 && list->items[list->count - 1].is_torn ? &list->items[list->count - 1]
                                                                   : NULL;
}

bool segment_reader_seek(struct segment_reader *reader, const struct history_id *history,
                         uint64_t offset)
{
    size_t index = segment_list_find(reader->list, history, offset);
    const struct segment_entry *torn = torn_one(reader->list);

    if (index != SIZE_MAX) {
        const struct segment_entry *entry = &reader->list->items[index];

        stand_at(reader, entry->number, SEGMENT_HEAD_BYTES);
        reader->next = entry->head.start;
    } else if (reader->is_at_rest && torn != NULL) {
        stand_at(reader, torn->number, 0);
        reader->next = offset;
    } else {
        return false;
    }
    reader->history = *history;
    reader->offset = offset;
    return true;
}

/* ---- which segment ------------------------------------------------------------------------------ */

/* Where the first of the segments that continue the one at index begins: this one is void from there on. */
static uint64_t end_of_validity(const struct segment_list *list, size_t index)
{
    size_t chain_end = segment_list_chain_end(list, index);
    uint64_t limit = UINT64_MAX;

    for (size_t i = index + 1; i < chain_end; i++) {
        if (list->items[i].head.start < limit) {
            limit = list->items[i].head.start;
        }
    }
    return limit;
}

/* The newest one that has the byte at offset, or would have it, of those that continue the one at index. */
static size_t newest_at(const struct segment_list *list, size_t index, uint64_t offset)
{
    size_t newest = segment_list_chain_end(list, index) - 1;

    while (newest > index && list->items[newest].head.start > offset) {
        newest--;
    }
    return newest;
}

/* Stand in the segment that is right about the next byte.  FORK when its history is another one. */
static enum segment_reading move_on(struct segment_reader *reader, size_t index,
                                    struct errmsg *error)
{
    size_t newest = newest_at(reader->list, index, reader->offset);
    const struct segment_entry *entry = &reader->list->items[newest];
    bool is_forked = !entry->is_torn && !history_id_equal(&entry->head.history, &reader->history);

    if (is_forked && entry->head.start < reader->offset) {
        errmsg_set(error, "the log goes on from offset %" PRIu64 " with another history",
                   entry->head.start);
        return SEGMENT_READING_GONE;
    }
    if (newest != index) {
        stand_at(reader, entry->number, SEGMENT_HEAD_BYTES);
        reader->next = entry->head.start;
    }
    if (is_forked) {
        reader->history = entry->head.history;
        return SEGMENT_READING_FORK;
    }
    return SEGMENT_READING_OK;
}

/* ---- frames ------------------------------------------------------------------------------------- */

static struct bytes unread(const struct segment_reader *reader)
{
    return bytes_from(buf_bytes(&reader->buffer), (size_t)(reader->place - reader->begin));
}

/* Have wanted bytes behind place in the buffer, or all there are. */
static bool fill(struct segment_reader *reader, size_t wanted, struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];
    size_t max_bytes;

    if (unread(reader).len >= wanted) {
        return true;
    }
    buf_consume(&reader->buffer, (size_t)(reader->place - reader->begin));
    reader->begin = reader->place;
    reader->handed = 0;
    max_bytes = (wanted > READ_BYTES ? wanted : READ_BYTES) - reader->buffer.len;
    segment_format_name(reader->number, name);
    if (!reader->source->read(reader->source->ctx, name, reader->place + reader->buffer.len,
                              max_bytes, &reader->buffer, error)) {
        errmsg_wrap(error, "%s", name);
        return false;
    }
    return true;
}

enum found {
    FOUND_FRAME,
    FOUND_END, /* of what was written, where a frame could begin */
    FOUND_BAD, /* what is there is no whole frame of this place */
    FOUND_FAILURE,
};

static enum found find_frame(struct segment_reader *reader, struct segment_frame *frame,
                             struct errmsg *error)
{
    size_t size;

    if (!fill(reader, SEGMENT_FRAME_HEAD_BYTES, error)) {
        return FOUND_FAILURE;
    }
    if (unread(reader).len < SEGMENT_FRAME_HEAD_BYTES) {
        return unread(reader).len == 0 ? FOUND_END : FOUND_BAD;
    }
    size = segment_peek_frame(unread(reader), frame);
    if (size == 0 || frame->start != reader->next) {
        return FOUND_BAD;
    }
    if (!fill(reader, size, error)) {
        return FOUND_FAILURE;
    }
    return segment_read_frame(unread(reader), frame) == SEGMENT_OK ? FOUND_FRAME : FOUND_BAD;
}

/* It is good: what is behind reader->offset is what can be handed out next. */
static void take_frame(struct segment_reader *reader, const struct segment_frame *frame)
{
    uint64_t end = frame->start + frame->bytes.len;

    reader->place += segment_frame_size(frame);
    reader->next = end;
    reader->written_unix_ms = frame->written_unix_ms;
    reader->handed = (size_t)(reader->place - reader->begin);
    if (end > reader->offset) {
        reader->handed -= (size_t)(end - reader->offset);
    }
    check(reader);
}

/* ---- what is bad -------------------------------------------------------------------------------- */

/* Behind the last byte that is not zero; 0: there is none. */
static size_t end_in(struct bytes piece)
{
    size_t end = piece.len;

    while (end > 0 && piece.data[end - 1] == 0) {
        end--;
    }
    return end;
}

/* From place on. */
static bool find_end(struct segment_reader *reader, struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];
    struct buf piece = {0};
    uint64_t place = reader->place;
    bool is_ok = true;
    size_t end;

    segment_format_name(reader->number, name);
    reader->end = place;
    for (bool is_over = false; is_ok && !is_over; place += piece.len) {
        buf_clear(&piece);
        is_ok = reader->source->read(reader->source->ctx, name, place, READ_BYTES, &piece, error);
        is_over = piece.len < READ_BYTES;
        end = end_in(buf_bytes(&piece));
        reader->end = end > 0 ? place + end : reader->end;
    }
    buf_deinit(&piece);
    if (!is_ok) {
        errmsg_wrap(error, "%s", name);
    }
    return is_ok;
}

/* What is wrong at place, and up to where the log is known to have been on disk. */
static enum segment_reading damaged(struct segment_reader *reader, uint64_t lost_end,
                                    struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];

    segment_format_name(reader->number, name);
    reader->lost_end = lost_end > reader->next ? lost_end : reader->next;
    if (reader->lost_end > reader->next) {
        errmsg_set(error,
                   "%s is damaged at byte %" PRIu64 ", where offset %" PRIu64
                   " should be: the log had been on disk up to offset %" PRIu64
                   " at least, which is %" PRIu64 " more bytes",
                   name, reader->place, reader->next, reader->lost_end,
                   reader->lost_end - reader->next);
    } else {
        errmsg_set(error,
                   "%s is damaged at byte %" PRIu64 ", where offset %" PRIu64
                   " should be: segments begin when all before them is on disk",
                   name, reader->place, reader->next);
    }
    return SEGMENT_READING_DAMAGED;
}

/* It has the name of another one, or the one behind it has: what is missing here nobody knows. */
static enum segment_reading out_of_place(struct segment_reader *reader, uint64_t number,
                                         struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];
    char before[SEGMENT_NAME_SIZE];

    segment_format_name(number, name);
    segment_format_name(number - 1, before);
    reader->lost_end = reader->next;
    errmsg_set(error,
               "%s does not go on from %s, at offset %" PRIu64
               ": files were mixed up, or are of another log",
               name, before, reader->next);
    return SEGMENT_READING_DAMAGED;
}

/* Nothing that was durable follows, unless frames behind say so. */
static enum segment_reading judge_tail(struct segment_reader *reader, bool is_last,
                                       struct errmsg *error)
{
    const struct segment_entry *torn = torn_one(reader->list);
    struct segment_hole hole = {
        .number = reader->number,
        .place = reader->place,
        .offset = reader->next > reader->offset ? reader->next : reader->offset,
    };
    uint64_t durable = 0;

    if (!segment_scan(reader->source, &hole, &durable, error)) {
        return SEGMENT_READING_FAILED;
    }
    if (!is_last && torn != NULL) {
        hole.number = torn->number;
        hole.place = 0;
        if (!segment_scan(reader->source, &hole, &durable, error)) {
            return SEGMENT_READING_FAILED;
        }
    }
    return durable > 0 ? damaged(reader, durable, error) : SEGMENT_READING_END;
}

/* There is no good frame at place; is_end: there is nothing at all, or nothing but room for frames that never came. */
static enum segment_reading judge(struct segment_reader *reader, size_t index, bool is_end,
                                  struct errmsg *error)
{
    const struct segment_list *list = reader->list;
    /* What was begun anew says nothing about what was before. */
    bool is_last = index + 1 == list->count || list->items[index + 1].head.is_anew;
    bool is_last_good = !is_last && index + 2 == list->count && torn_one(list) != NULL;

    if (is_last && !reader->is_at_rest && index + 1 < list->count) {
        errmsg_set(error, "the log was begun anew");
        return SEGMENT_READING_GONE;
    }
    if (segment_list_is_continued(list, index)) {
        return damaged(reader, end_of_validity(list, index), error);
    }
    if ((is_last || is_last_good) && !reader->is_at_rest) {
        stand_at(reader, reader->number, reader->place); /* by the next call more was written */
        return SEGMENT_READING_END;
    }
    if (is_last_good && is_end) {
        stand_at(reader, torn_one(list)->number, 0);
        return judge_tail(reader, true, error);
    }
    if (is_last || is_last_good) {
        return is_end ? SEGMENT_READING_END : judge_tail(reader, is_last, error);
    }
    if (!is_end) {
        return damaged(reader, reader->next, error);
    }
    return reader->is_at_rest ? out_of_place(reader, reader->number + 1, error)
                              : SEGMENT_READING_END;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static enum segment_reading read_on(struct segment_reader *reader, size_t index,
                                    struct errmsg *error)
{
    struct segment_frame frame;
    enum found found;

    if (reader->list->items[index].is_torn) {
        return judge(reader, index, false, error);
    }
    if (reader->is_at_rest && reader->place == SEGMENT_HEAD_BYTES &&
        segment_list_is_misplaced(reader->list, index)) {
        return out_of_place(reader, reader->number, error);
    }
    found = find_frame(reader, &frame, error);
    switch (found) {
    case FOUND_FRAME:
        take_frame(reader, &frame);
        return SEGMENT_READING_OK;
    case FOUND_END:
        return judge(reader, index, true, error);
    case FOUND_BAD:
        if (reader->is_at_rest && !find_end(reader, error)) {
            break;
        }
        return judge(reader, index, reader->is_at_rest && reader->end == reader->place, error);
    case FOUND_FAILURE:
        break;
    }
    return SEGMENT_READING_FAILED;
}

/* Of the frame that was found good, up to where a later segment is right. */
static void hand_out(struct segment_reader *reader, size_t index, size_t max_bytes,
                     struct bytes *out)
{
    uint64_t valid = end_of_validity(reader->list, index) - reader->offset;
    size_t len = (size_t)(reader->place - reader->begin) - reader->handed;

    len = len > max_bytes ? max_bytes : len;
    len = len > valid ? (size_t)valid : len;
    *out = bytes_prefix(bytes_from(buf_bytes(&reader->buffer), reader->handed), len);
    reader->handed += len;
    reader->offset += len;
    check(reader);
}

enum segment_reading segment_reader_next(struct segment_reader *reader, size_t max_bytes,
                                         struct bytes *out, struct errmsg *error)
{
    size_t index = segment_list_index(reader->list, reader->number);
    enum segment_reading status;

    ASSERT(max_bytes > 0 && reader->number > 0);
    *out = (struct bytes){0};
    if (index == SIZE_MAX) {
        errmsg_set(error, "the segment was removed");
        return SEGMENT_READING_GONE;
    }
    status = move_on(reader, index, error);
    if (status != SEGMENT_READING_OK) {
        return status;
    }
    index = segment_list_index(reader->list, reader->number);
    if (reader->begin + reader->handed == reader->place) {
        status = read_on(reader, index, error);
    }
    if (status == SEGMENT_READING_OK) {
        hand_out(reader, index, max_bytes, out);
    }
    return status;
}

struct segment_tail segment_reader_tail(const struct segment_reader *reader)
{
    struct segment_tail tail = {.number = reader->number, .place = reader->place};
    size_t index = segment_list_index(reader->list, reader->number);

    if (index != SIZE_MAX) {
        uint64_t size = reader->list->items[index].size_bytes;
        uint64_t end = reader->end < size ? reader->end : size;

        tail.torn_bytes = end > reader->place ? end - reader->place : 0;
    }
    return tail;
}
