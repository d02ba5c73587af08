/* SPDX-License-Identifier: MIT */
/* A log as a server would write it, at random: frames, syncs that come and syncs that fail, segments, take-overs, and
 * ends after which what was not synced is in any state.  At last the tail is cut or garbled at every byte. */
#include "segment/segment_list.h"
#include "segment/segment_reader.h"

#include "base/mem.h"
#include "base/rng.h"
#include "tests/unit/common/segment/folder.h"
#include "tests/unit/seed.h"

enum {
    STEPS = 60,
    STREAM_MAX = 64 * 1024,
};

/* What a server knows, and what the stream has to be. */
struct world {
    struct rng rng;
    uint64_t seed;
    struct folder folder;
    struct segment_list list;
    char history;
    uint64_t number;
    uint64_t written; /* up to here, by the frames */
    uint64_t drawn;   /* up to here the stream has its bytes */
    uint64_t durable;
    size_t durable_size; /* of the last file */
    char stream[STREAM_MAX];
};

static size_t draw(struct world *world, size_t bound)
{
    return (size_t)rng_below(&world->rng, bound);
}

static struct buf *last_file(struct world *world)
{
    return folder_segment(&world->folder, world->number);
}

static void sync_file(struct world *world)
{
    world->durable = world->written;
    world->durable_size = last_file(world)->len;
}

/* A segment goes on from start; parent 0: none. */
static void begin(struct world *world, char parent, uint64_t start)
{
    struct segment_head head = {
        .history = folder_history(world->history),
        .parent = folder_history(parent),
        .parent_end = parent != '\0' ? start : 0,
        .start = start,
        .durable = world->durable < start ? world->durable : start,
        .begun_unix_ms = 1700000000000,
    };

    world->number++;
    world->written = start;
    world->durable = head.durable;
    world->durable_size = 0;
    segment_write_head(last_file(world), &head);
}

static void append(struct world *world)
{
    size_t len = 1 + draw(world, rng_one_in(&world->rng, 4) ? 900 : 20);
    const char *bytes = &world->stream[world->written];

    if (world->written + len > STREAM_MAX) {
        return;
    }
    while (world->drawn < world->written + len) {
        world->stream[world->drawn++] = (char)rng_u64(&world->rng);
    }
    segment_write_frame(last_file(world), &(struct segment_frame){world->written, world->durable, 0,
                                                                  bytes_make(bytes, len)});
    world->written += len;
}

/* What was not synced was written in pages, in any order, or not at all. */
static void spoil_tail(struct world *world)
{
    struct buf *file = last_file(world);
    size_t at = world->durable_size;

    while (at < file->len) {
        size_t len = 1 + draw(world, 200);
        size_t end = at + len < file->len ? at + len : file->len;
        size_t kind = draw(world, 4);

        for (; at < end; at++) {
            if (kind == 0) {
                file->data[at] = '\0';
            } else if (kind == 1) {
                file->data[at] = (char)rng_u64(&world->rng);
            }
        }
    }
    if (rng_one_in(&world->rng, 2)) {
        file->len = world->durable_size + draw(world, file->len - world->durable_size + 1);
    }
}

/* Read everything; the stream is right up to where it ends, and that is not before what was durable. */
static void recover(struct world *world, struct segment_reader *reader)
{
    struct history_id first = folder_history('a');
    struct errmsg error = {0};
    enum segment_reading reading;
    struct bytes out;

    SEED_ASSERT(segment_list_load(&world->list, &world->folder.source, &error), world->seed);
    segment_reader_init(reader, &world->folder.source, &world->list, true);
    SEED_ASSERT(segment_reader_seek(reader, &first, 0), world->seed);
    do {
        reading = segment_reader_next(reader, 1 + draw(world, 500), &out, &error);
        if (reading == SEGMENT_READING_OK) {
            uint64_t start = reader->offset - out.len;

            SEED_ASSERT(reader->offset <= world->drawn, world->seed);
            SEED_ASSERT(bytes_same(out.data, &world->stream[start], out.len), world->seed);
        }
    } while (reading == SEGMENT_READING_OK || reading == SEGMENT_READING_FORK);
    SEED_ASSERT(reading == SEGMENT_READING_END, world->seed);
    SEED_ASSERT(reader->offset >= world->durable, world->seed);
}

static const struct segment_entry *last_good(const struct segment_list *list)
{
    const struct segment_entry *last = &list->items[list->count - 1];

    return last->is_torn ? last - 1 : last;
}

/* The server starts: the last whole request ends somewhere before the end of what is there, and a new segment goes on
 * from there.  As long as its head is not synced, what is void by it may be there again after the next end: so it may
 * end at once, and what is read is then still the old stream. */
static void restart(struct world *world)
{
    do {
        struct segment_reader reader;
        uint64_t least;
        uint64_t end;

        spoil_tail(world);
        recover(world, &reader);
        if (world->list.items[world->list.count - 1].is_torn) {
            folder_remove(&world->folder, world->number);
            world->number--;
        }
        end = reader.offset - draw(world, reader.offset < 30 ? (size_t)reader.offset + 1 : 30);
        least = last_good(&world->list)->head.start;
        end = end > least ? end : least; /* a request ended there */
        world->history = reader.history.text[0];
        world->durable = end;
        segment_reader_deinit(&reader);
        begin(world, '\0', end);
    } while (world->folder.count + 3 < FOLDER_FILES && rng_one_in(&world->rng, 3));
    world->drawn = world->written;
    sync_file(world);
}

static void step(struct world *world)
{
    switch (draw(world, 12)) {
    case 0:
    case 1:
        sync_file(world);
        break;
    case 2:
        sync_file(world);
        begin(world, '\0', world->written);
        break;
    case 3: /* a take-over */
        sync_file(world);
        world->history++;
        begin(world, (char)(world->history - 1), world->written);
        sync_file(world); /* the head: a history is known when others can hear of it */
        break;
    case 4: /* a sync fails: what it was to make durable is written again */
        if (world->durable_size > 0) {
            begin(world, '\0', world->durable);
        }
        break;
    case 5:
        restart(world);
        break;
    default:
        append(world);
    }
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .history = 'a'};
    rng_init(&world->rng, seed);
    folder_init(&world->folder);
    begin(world, '\0', 0);
    sync_file(world);
}

static void world_deinit(struct world *world)
{
    segment_list_deinit(&world->list);
    folder_deinit(&world->folder);
}

static void run_steps(struct world *world)
{
    for (int i = 0; i < STEPS && world->folder.count + 3 < FOLDER_FILES && world->history < 'z';
         i++) {
        step(world);
    }
}

static void recover_alone(struct world *world)
{
    struct segment_reader reader;

    recover(world, &reader);
    segment_reader_deinit(&reader);
}

Test(segment_random, log_is_read_back_up_to_what_was_durable_whatever_happened_to_the_rest)
{
    uint64_t seed = seed_get();
    struct world *world = mem_alloc(MEM_TEST, sizeof(*world));

    for (uint64_t i = 0; i < 300; i++) {
        world_init(world, seed + i);
        run_steps(world);
        spoil_tail(world);
        recover_alone(world);
        world_deinit(world);
    }
    mem_free(MEM_TEST, world);
}

Test(segment_random, tail_can_be_cut_or_garbled_at_any_byte)
{
    uint64_t seed = seed_get();
    struct world *world = mem_alloc(MEM_TEST, sizeof(*world));

    for (uint64_t i = 0; i < 20; i++) {
        struct buf *file;
        size_t whole;

        world_init(world, seed + i);
        run_steps(world);
        append(world);
        append(world);
        file = last_file(world);
        whole = file->len;
        for (size_t at = world->durable_size; at < whole; at++) {
            file->data[at] = (char)(file->data[at] ^ 0x55);
            recover_alone(world);
            file->data[at] = (char)(file->data[at] ^ 0x55);
        }
        for (size_t len = world->durable_size; len <= whole; len++) {
            file->len = len;
            recover_alone(world);
        }
        world_deinit(world);
    }
    mem_free(MEM_TEST, world);
}

/* Every byte of what was durable, in the last segment, when a frame behind it says so. */
Test(segment_random, damage_is_never_taken_for_a_tail)
{
    uint64_t seed = seed_get();
    struct world *world = mem_alloc(MEM_TEST, sizeof(*world));

    for (uint64_t i = 0; i < 20; i++) {
        struct history_id first = folder_history('a');
        struct buf *file;

        world_init(world, seed + i);
        run_steps(world);
        append(world);
        sync_file(world);
        append(world);
        file = last_file(world);
        for (size_t at = SEGMENT_HEAD_BYTES; at < world->durable_size; at++) {
            struct segment_reader reader;
            enum segment_reading reading;
            struct bytes out;

            file->data[at] = (char)(file->data[at] ^ 0x55);
            SEED_ASSERT(segment_list_load(&world->list, &world->folder.source, NULL), world->seed);
            segment_reader_init(&reader, &world->folder.source, &world->list, true);
            SEED_ASSERT(segment_reader_seek(&reader, &first, 0), world->seed);
            do {
                reading = segment_reader_next(&reader, 1000, &out, NULL);
            } while (reading == SEGMENT_READING_OK || reading == SEGMENT_READING_FORK);
            SEED_ASSERT(reading == SEGMENT_READING_DAMAGED, world->seed);
            SEED_ASSERT(reader.lost_end == world->durable, world->seed);
            segment_reader_deinit(&reader);
            file->data[at] = (char)(file->data[at] ^ 0x55);
        }
        world_deinit(world);
    }
    mem_free(MEM_TEST, world);
}
