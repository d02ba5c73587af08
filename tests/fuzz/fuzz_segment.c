/* SPDX-License-Identifier: MIT */
/* A folder with a log in it, made by steps that the input has: good heads and frames with any fields, any bytes, cuts
 * and changes.  Reading it ends, gives a stream without gaps, and says the same twice; a manifest that is taken is
 * written as it was read. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/codec.h"
#include "segment/manifest.h"
#include "segment/segment_list.h"
#include "segment/segment_reader.h"

enum {
    FILES = 8,
    OFFSETS = 4, /* from which each is read */
    READ_MAX = 100,
};

struct folder {
    struct buf files[FILES];
    size_t first; /* number of files[0] */
    size_t count;
    size_t missing; /* this one is not listed */
};

static void list_files(const struct folder *folder, segment_name_fn *on_name, void *context)
{
    for (size_t i = folder->count; i > 0; i--) {
        char name[SEGMENT_NAME_SIZE];

        segment_format_name(folder->first + i - 1, name);
        if (i != folder->missing) {
            on_name(context, name);
        }
    }
}

static bool list(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error)
{
    (void)error;
    list_files(ctx, on_name, context);
    on_name(context, MANIFEST_NAME);
    return true;
}

static const struct buf *find(const struct folder *folder, const char *name)
{
    uint64_t number = 0;

    ASSERT(segment_parse_name(bytes_from_text(name), &number));
    ASSERT(number >= folder->first && number - folder->first < folder->count);
    return &folder->files[number - folder->first];
}

static bool size_of(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error)
{
    (void)error;
    *size_bytes = find(ctx, name)->len;
    return true;
}

static bool read_file(void *ctx, const char *name, uint64_t place, size_t max_bytes,
                      struct buf *out, struct errmsg *error)
{
    const struct buf *file = find(ctx, name);

    (void)error;
    ASSERT(max_bytes <= 16 * SEGMENT_FRAME_MAX);
    if (place < file->len) {
        struct bytes rest = bytes_from(buf_bytes(file), (size_t)place);

        buf_append_bytes(out, bytes_prefix(rest, rest.len < max_bytes ? rest.len : max_bytes));
    }
    return true;
}

/* ---- making it ---------------------------------------------------------------------------------- */

/* Small, so that histories and offsets meet. */
static struct history_id take_history(struct decoder *in)
{
    struct history_id id = {0};
    unsigned kind = decode_u8(in) % 4;

    id.text[0] = kind == 3 ? '\0' : (char)('a' + kind);
    return id;
}

static void begin_file(struct folder *folder, struct decoder *in)
{
    struct segment_head head = {.history = take_history(in), .parent = take_history(in)};
    uint8_t back = decode_u8(in);

    head.start = decode_u16_le(in);
    head.parent_end = head.start;
    head.durable = back < head.start ? head.start - back : 0;
    if (folder->count == FILES || history_id_is_empty(&head.history)) {
        return;
    }
    segment_write_head(&folder->files[folder->count++], &head);
}

static void append_frame(struct buf *file, struct decoder *in)
{
    struct segment_frame frame = {.start = decode_u16_le(in), .durable = decode_u16_le(in)};

    frame.written_unix_ms = (int64_t)frame.start;
    frame.bytes = decode_bytes(in, decode_u8(in));
    if (frame.bytes.len > 0 && frame.durable <= frame.start) {
        segment_write_frame(file, &frame);
    }
}

static void step(struct folder *folder, struct decoder *in)
{
    unsigned kind = decode_u8(in) % 6;
    struct buf *file = folder->count > 0 ? &folder->files[folder->count - 1] : NULL;

    if (kind == 0 || file == NULL) {
        begin_file(folder, in);
    } else if (kind == 1 || kind == 2) {
        append_frame(file, in);
    } else if (kind == 3) {
        buf_append_bytes(file, decode_bytes(in, decode_u8(in)));
    } else if (kind == 4) {
        uint16_t place = decode_u16_le(in);
        uint8_t change = decode_u8(in);

        if (place < file->len) {
            file->data[place] = (char)(file->data[place] ^ (char)change);
        }
    } else {
        uint16_t len = decode_u16_le(in);

        file->len = len < file->len ? len : file->len;
    }
}

/* ---- reading it --------------------------------------------------------------------------------- */

static void read_stream(struct segment_reader *reader, uint64_t file_bytes)
{
    uint64_t before = reader->offset;
    uint64_t bytes = 0;
    struct errmsg error = {0};
    enum segment_reading reading;
    enum segment_reading again;
    struct bytes out;

    do {
        uint64_t offset = reader->offset;

        reading = segment_reader_next(reader, READ_MAX, &out, &error);
        ASSERT(out.len <= READ_MAX && reader->offset == offset + out.len);
        ASSERT(reading == SEGMENT_READING_OK || out.len == 0);
        bytes += out.len;
    } while (reading == SEGMENT_READING_OK || reading == SEGMENT_READING_FORK);
    ASSERT(reader->offset == before + bytes && bytes <= file_bytes);
    ASSERT(reading != SEGMENT_READING_FAILED);
    ASSERT(reading != SEGMENT_READING_DAMAGED || error.text[0] != '\0');
    again = segment_reader_next(reader, READ_MAX, &out, &error);
    ASSERT(again == reading);
    if (reading == SEGMENT_READING_END) {
        struct segment_tail tail = segment_reader_tail(reader);

        ASSERT(tail.place + tail.torn_bytes <= file_bytes);
    }
}

static void read_folder(struct folder *folder, struct decoder *in)
{
    struct segment_source source = {folder, list, size_of, read_file};
    struct segment_list segments = {0};
    struct errmsg error = {0};

    if (segment_list_load(&segments, &source, &error)) {
        for (size_t i = 0; i < OFFSETS; i++) {
            struct segment_reader reader;
            struct history_id history = take_history(in);
            uint64_t offset = decode_u16_le(in);

            segment_reader_init(&reader, &source, &segments, i % 2 == 0);
            if (segment_reader_seek(&reader, &history, offset)) {
                read_stream(&reader, segment_list_size(&segments));
            }
            segment_reader_deinit(&reader);
        }
        (void)segment_list_first_offset(&segments);
    } else {
        ASSERT(error.text[0] != '\0');
    }
    segment_list_check(&segments);
    segment_list_deinit(&segments);
}

static void read_manifest(struct bytes text)
{
    struct manifest manifest;
    struct errmsg error = {0};
    enum segment_status status = manifest_parse(text, &manifest, &error);

    if (status == SEGMENT_OK) {
        struct buf again = {0};

        lineage_check(&manifest.lineage);
        manifest_format(&manifest, &again);
        ASSERT(manifest_parse(buf_bytes(&again), &manifest, &error) == SEGMENT_OK);
        buf_deinit(&again);
    } else {
        ASSERT(status != SEGMENT_MORE && error.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoder in = decoder_make(bytes_make(data, size));
    struct folder folder = {0};
    unsigned steps;

    read_manifest(in.in);
    folder.first = 1u + decode_u8(&in);
    folder.missing = decode_u8(&in);
    steps = decode_u8(&in);
    for (unsigned i = 0; i < steps && decoder_left(&in) > 0; i++) {
        step(&folder, &in);
    }
    read_folder(&folder, &in);
    for (size_t i = 0; i < FILES; i++) {
        buf_deinit(&folder.files[i]);
    }
    return 0;
}
