/* SPDX-License-Identifier: MIT */
#include "tests/disk/disk.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

static struct disk_file *find_file(const struct disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->files.count; i++) {
        if (strcmp(disk->files.items[i].name, name) == 0) {
            return &disk->files.items[i];
        }
    }
    return NULL;
}

enum {
    ROOM_MAX = 400, /* bytes */
};

static struct disk_file *make_file(struct disk *disk, const char *name)
{
    struct disk_file file = {0};

    if (find_file(disk, name) == NULL) {
        ASSERT(strlen(name) < DISK_NAME_MAX);
        snprintf(file.name, sizeof(file.name), "%s", name);
        VEC_PUSH(&disk->files, file);
    }
    return find_file(disk, name);
}

static void drop_file(struct disk *disk, struct disk_file *file)
{
    buf_deinit(&file->content);
    VEC_REMOVE_AT(&disk->files, file - disk->files.items);
}

static void about_to_change(struct disk *disk)
{
    if (disk->on_change != NULL) {
        disk->on_change(disk->owner);
    }
}

static struct disk_stream *find_stream(struct disk *disk, uint64_t id)
{
    for (size_t i = 0; i < disk->streams.count; i++) {
        if (disk->streams.items[i].id == id) {
            return &disk->streams.items[i];
        }
    }
    return NULL;
}

static void drop_stream(struct disk *disk, uint64_t id)
{
    struct disk_stream *stream = find_stream(disk, id);

    if (stream != NULL) {
        buf_deinit(&stream->content);
        VEC_REMOVE_AT(&disk->streams, stream - disk->streams.items);
    }
}

static struct disk_stream *open_stream(struct disk *disk, const char *path, enum fs_lane lane)
{
    struct disk_stream stream = {.id = ++disk->next_id, .lane = lane};

    ASSERT(strlen(path) < DISK_NAME_MAX);
    snprintf(stream.name, sizeof(stream.name), "%s", path);
    VEC_PUSH(&disk->streams, stream);
    return find_stream(disk, stream.id);
}

static void queue(struct disk *disk, struct disk_op op)
{
    about_to_change(disk);
    op.number = ++disk->next_op;
    VEC_PUSH(&disk->ops, op);
    disk->on_queued(disk->owner, op.number);
}

static void queue_failure(struct disk *disk, struct disk_stream *stream, enum fs_status status,
                          const char *reason)
{
    stream->is_failing = true;
    queue(disk, (struct disk_op){.kind = DISK_OP_FAILED,
                                 .lane = stream->lane,
                                 .id = stream->id,
                                 .status = status,
                                 .reason = reason});
}

static enum fs_status fail(struct errmsg *error, enum fs_status status, const char *reason)
{
    errmsg_set(error, "%s", reason);
    return status;
}

static const char *fault_reason(enum disk_fault fault)
{
    return fault == DISK_FULL ? "No space left on device" : "the disk is broken";
}

/* ---- now -------------------------------------------------------------------------------------- */

static enum fs_status read_file(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error)
{
    const struct disk_file *file = find_file(ctx, path);

    if (file == NULL) {
        return fail(error, FS_MISSING, "no such file");
    }
    if (file->content.len > max_bytes) {
        return fail(error, FS_TOO_LARGE, "too large");
    }
    buf_append_bytes(out, buf_bytes(&file->content));
    return FS_OK;
}

static enum fs_status read_piece(void *ctx, const char *path, uint64_t offset, size_t max_bytes,
                                 struct buf *out, struct errmsg *error)
{
    const struct disk_file *file = find_file(ctx, path);

    if (file == NULL) {
        return fail(error, FS_MISSING, "no such file");
    }
    if (offset < file->content.len) {
        struct bytes rest = bytes_from(buf_bytes(&file->content), (size_t)offset);

        buf_append_bytes(out, bytes_prefix(rest, rest.len < max_bytes ? rest.len : max_bytes));
    }
    return FS_OK;
}

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    const struct disk_file *file = find_file(ctx, path);

    if (file == NULL) {
        return fail(error, FS_MISSING, "no such file");
    }
    *out = (struct fs_info){.size_bytes = file->content.len};
    return FS_OK;
}

static enum fs_status list(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                           struct errmsg *error)
{
    const struct disk *disk = ctx;
    size_t folder_len = strcmp(path, ".") == 0 ? 0 : strlen(path) + 1;

    (void)error;
    for (size_t i = 0; i < disk->files.count; i++) {
        const char *name = disk->files.items[i].name;

        if (folder_len == 0 ||
            (strncmp(name, path, folder_len - 1) == 0 && name[folder_len - 1] == '/')) {
            if (strchr(name + folder_len, '/') == NULL) {
                on_name(context, name + folder_len);
            }
        }
    }
    return FS_OK;
}

static enum fs_status write_whole(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error)
{
    struct disk *disk = ctx;
    struct disk_file *file;

    about_to_change(disk);
    if (disk->fault != DISK_WELL) {
        return fail(error, FS_FAILED, fault_reason(disk->fault));
    }
    file = make_file(disk, path);
    buf_clear(&file->content);
    buf_append_bytes(&file->content, bytes);
    file->has_room = false;
    file->durable_len = file->content.len;
    file->is_name_durable = true;
    return FS_OK;
}

static enum fs_status remove_file(void *ctx, const char *path, struct errmsg *error)
{
    struct disk_file *file = find_file(ctx, path);

    (void)error;
    about_to_change(ctx);
    if (file != NULL) {
        drop_file(ctx, file);
    }
    return FS_OK;
}

static enum fs_status truncate_file(void *ctx, const char *path, uint64_t length_bytes,
                                    struct errmsg *error)
{
    struct disk *disk = ctx;
    struct disk_file *file = find_file(disk, path);

    about_to_change(disk);
    if (file == NULL) {
        return fail(error, FS_MISSING, "no such file");
    }
    if (file->content.len < length_bytes) {
        return fail(error, FS_FAILED, "the file is shorter");
    }
    if (disk->fault == DISK_BROKEN) {
        return fail(error, FS_FAILED, fault_reason(disk->fault));
    }
    file->has_room = false;
    file->content.len = (size_t)length_bytes;
    file->durable_len = (size_t)length_bytes;
    file->is_name_durable = true;
    return FS_OK;
}

/* Only what is not written to any more has two names here: a copy does. */
static enum fs_status link_file(void *ctx, const char *path, const char *second,
                                struct errmsg *error)
{
    struct disk *disk = ctx;
    const struct disk_file *from = find_file(disk, path);
    struct buf content = {0};
    struct disk_file *to;

    about_to_change(disk);
    if (from == NULL) {
        return fail(error, FS_MISSING, "no such file");
    }
    if (disk->fault != DISK_WELL) {
        return fail(error, FS_FAILED, fault_reason(disk->fault));
    }
    buf_append_bytes(&content, buf_bytes(&from->content));
    to = make_file(disk, second); /* from may have moved */
    to->durable_len = find_file(disk, path)->durable_len;
    buf_deinit(&to->content);
    to->content = content;
    to->is_name_durable = true;
    return FS_OK;
}

static enum fs_status make_directory(void *ctx, const char *path, struct errmsg *error)
{
    (void)ctx;
    (void)path;
    (void)error;
    return FS_OK;
}

/* ---- later: a whole file ---------------------------------------------------------------------- */

static uint64_t write_begin(void *ctx, const char *path, enum fs_lane lane)
{
    ASSERT(lane == FS_LANE_SMALL || lane == FS_LANE_LONG);
    return open_stream(ctx, path, lane)->id;
}

static void write_append(void *ctx, uint64_t id, struct buf *steal)
{
    struct disk_stream *stream = find_stream(ctx, id);

    if (stream != NULL) {
        buf_append_bytes(&stream->content, buf_bytes(steal));
    }
    buf_deinit(steal);
}

static void write_commit(void *ctx, uint64_t id)
{
    struct disk_stream *stream = find_stream(ctx, id);
    struct disk_op op = {.kind = DISK_OP_COMMIT, .id = id};

    if (stream != NULL) {
        memcpy(op.to, stream->name, sizeof(op.to));
        op.lane = stream->lane;
        op.content = buf_steal(&stream->content);
        drop_stream(ctx, id);
        queue(ctx, op);
    }
}

static void write_abort(void *ctx, uint64_t id)
{
    drop_stream(ctx, id);
}

static size_t write_queued(void *ctx, enum fs_lane lane)
{
    ASSERT(lane < FS_LANE_COUNT);
    (void)ctx;
    return 0;
}

/* ---- later: a file that grows ----------------------------------------------------------------- */

static uint64_t append_open(void *ctx, const char *path, enum fs_append_mode mode)
{
    struct disk *disk = ctx;
    struct disk_stream *stream;
    uint64_t id;
    bool is_there = find_file(disk, path) != NULL;

    about_to_change(disk);
    stream = open_stream(disk, path, FS_LANE_GROWING);
    id = stream->id;
    if (mode == FS_APPEND_NEW && is_there) {
        queue_failure(disk, stream, FS_FAILED, "the file is there already");
    } else if (mode == FS_APPEND_EXISTING && !is_there) {
        queue_failure(disk, stream, FS_MISSING, "no such file");
    } else if (mode == FS_APPEND_NEW && disk->fault == DISK_FULL) {
        queue_failure(disk, stream, FS_FAILED, fault_reason(disk->fault));
    } else {
        make_file(disk, path)->has_room = true;
    }
    return id;
}

static void append(void *ctx, uint64_t id, struct buf *steal)
{
    struct disk *disk = ctx;
    struct disk_stream *stream = find_stream(disk, id);
    struct disk_file *file = stream != NULL ? find_file(disk, stream->name) : NULL;

    about_to_change(disk);
    if (file != NULL && !stream->is_failing) {
        struct bytes bytes = buf_bytes(steal);

        if (disk->fault == DISK_FULL) {
            bytes.len /= 2; /* that much still found room */
            queue_failure(disk, stream, FS_FAILED, fault_reason(disk->fault));
        }
        buf_append_bytes(&file->content, bytes);
    }
    buf_deinit(steal);
}

static void append_sync(void *ctx, uint64_t id)
{
    struct disk *disk = ctx;
    struct disk_stream *stream = find_stream(disk, id);
    const struct disk_file *file = stream != NULL ? find_file(disk, stream->name) : NULL;

    if (stream != NULL && file == NULL && !stream->is_failing) {
        queue_failure(disk, stream, FS_MISSING, "no such file"); /* it was removed */
    } else if (file != NULL && !stream->is_failing) {
        struct disk_op op = {
            .kind = DISK_OP_SYNC, .lane = stream->lane, .id = id, .len = file->content.len};

        memcpy(op.to, stream->name, sizeof(op.to));
        queue(disk, op);
    }
}

static void append_close(void *ctx, uint64_t id)
{
    drop_stream(ctx, id);
}

static uint64_t queue_name(struct disk *disk, enum disk_op_kind kind, const char *from,
                           const char *to)
{
    struct disk_op op = {.kind = kind, .lane = FS_LANE_GROWING, .id = ++disk->next_id};

    ASSERT(strlen(from) < DISK_NAME_MAX && strlen(to) < DISK_NAME_MAX);
    snprintf(op.from, sizeof(op.from), "%s", from);
    snprintf(op.to, sizeof(op.to), "%s", to);
    queue(disk, op);
    return op.id;
}

static uint64_t rename_later(void *ctx, const char *from, const char *to)
{
    return queue_name(ctx, DISK_OP_RENAME, from, to);
}

static uint64_t remove_later(void *ctx, const char *path)
{
    return queue_name(ctx, DISK_OP_REMOVE, path, "");
}

/* ---- what happens ----------------------------------------------------------------------------- */

static void commit(struct disk *disk, struct disk_op *op, struct fs_completion *out)
{
    struct disk_file *file;

    if (disk->fault != DISK_WELL) {
        out->status = fail(&out->error, FS_FAILED, fault_reason(disk->fault));
        return;
    }
    file = make_file(disk, op->to);
    buf_deinit(&file->content);
    file->content = buf_steal(&op->content);
    file->durable_len = file->content.len;
    file->is_name_durable = true;
}

/* The file may have been closed meanwhile: then nobody waits for the outcome. */
static bool sync_file(struct disk *disk, const struct disk_op *op, struct fs_completion *out)
{
    struct disk_stream *stream = find_stream(disk, op->id);
    struct disk_file *file = find_file(disk, op->to);
    bool is_told = stream != NULL && !stream->is_failing;
    size_t len;

    if (disk->fault == DISK_BROKEN || file == NULL) {
        if (is_told) {
            stream->is_failing = true;
            out->status = fail(&out->error, FS_FAILED, fault_reason(DISK_BROKEN));
            drop_stream(disk, op->id);
        }
        return is_told;
    }
    if (stream != NULL && !is_told) {
        return false; /* it failed before */
    }
    len = op->len < file->content.len ? op->len : file->content.len; /* it was cut off since */
    if (len > file->durable_len) {
        file->durable_len = len;
    }
    file->is_name_durable = true;
    out->durable_bytes = op->len;
    return is_told;
}

static void change_name(struct disk *disk, const struct disk_op *op, struct fs_completion *out)
{
    struct disk_file *file = find_file(disk, op->from);
    struct disk_file *other;

    if (file == NULL) {
        if (op->kind == DISK_OP_RENAME) {
            out->status = fail(&out->error, FS_MISSING, "no such file");
        }
        return;
    }
    if (op->kind == DISK_OP_REMOVE) {
        drop_file(disk, file);
        return;
    }
    other = find_file(disk, op->to);
    if (other != NULL && other != file) {
        drop_file(disk, other);
        file = find_file(disk, op->from);
    }
    memcpy(file->name, op->to, sizeof(file->name));
    file->is_name_durable = true;
}

bool disk_perform(struct disk *disk, uint64_t number, struct fs_completion *out)
{
    struct disk_op op = {0};
    bool is_told = true;

    about_to_change(disk);
    for (size_t i = 0; i < disk->ops.count; i++) {
        if (disk->ops.items[i].number == number) {
            op = disk->ops.items[i];
            VEC_REMOVE_AT(&disk->ops, i);
            break;
        }
    }
    if (op.number == 0) {
        return false;
    }
    *out = (struct fs_completion){.id = op.id};
    switch (op.kind) {
    case DISK_OP_COMMIT:
        commit(disk, &op, out);
        break;
    case DISK_OP_SYNC:
        is_told = sync_file(disk, &op, out);
        break;
    case DISK_OP_FAILED:
        is_told = find_stream(disk, op.id) != NULL;
        out->status = fail(&out->error, op.status, op.reason);
        drop_stream(disk, op.id);
        break;
    case DISK_OP_RENAME:
    case DISK_OP_REMOVE:
        change_name(disk, &op, out);
        break;
    }
    buf_deinit(&op.content);
    return is_told;
}

enum fs_lane disk_lane(const struct disk *disk, uint64_t number)
{
    size_t i = 0;

    while (i < disk->ops.count && disk->ops.items[i].number != number) {
        i++;
    }
    ASSERT(i < disk->ops.count);
    return disk->ops.items[i].lane;
}

/* Of what was not synced, some bytes are not what was written, or were never written in the midst. */
static void garble(struct disk_file *file, size_t kept, struct rng *rng)
{
    char *loose = file->content.data + file->durable_len;
    size_t begin = (size_t)rng_below(rng, kept);

    if (rng_one_in(rng, 2)) {
        memset(loose + begin, 0, 1 + (size_t)rng_below(rng, kept - begin));
        return;
    }
    for (uint64_t left = 1 + rng_below(rng, kept); left > 0; left--) {
        loose[rng_below(rng, kept)] ^= (char)(1 + rng_below(rng, 255));
    }
}

/* What was made ahead of a file that grows is there, or was not made. */
static void leave_room(struct disk_file *file, struct rng *rng)
{
    if (file->has_room && rng != NULL && rng_one_in(rng, 2)) {
        for (uint64_t left = 1 + rng_below(rng, ROOM_MAX); left > 0; left--) {
            buf_append_byte(&file->content, '\0');
        }
    }
}

/* A part of what was not synced is left, and some of that is not what was written. */
static void tear(struct disk_file *file, struct rng *rng)
{
    size_t loose = file->content.len - file->durable_len;
    size_t kept = loose > 0 && rng != NULL ? (size_t)rng_below(rng, loose + 1) : 0;

    file->content.len = file->durable_len + kept;
    if (kept > 0 && rng_one_in(rng, 2)) {
        garble(file, kept, rng);
    }
    leave_room(file, rng);
    file->durable_len = file->content.len; /* it is on the disk now, such as it is */
}

void disk_power_cut(struct disk *disk, struct rng *rng)
{
    for (size_t i = 0; i < disk->ops.count; i++) {
        struct disk_op *op = &disk->ops.items[i];
        bool is_name = op->kind == DISK_OP_RENAME || op->kind == DISK_OP_REMOVE;
        struct fs_completion ignored = {0};

        if (is_name && rng != NULL && rng_one_in(rng, 2)) {
            change_name(disk, op, &ignored);
        }
        buf_deinit(&op->content);
    }
    disk->ops.count = 0;
    while (disk->streams.count > 0) {
        drop_stream(disk, disk->streams.items[0].id);
    }
    for (size_t i = disk->files.count; i > 0; i--) {
        struct disk_file *file = &disk->files.items[i - 1];

        if (!file->is_name_durable && (rng == NULL || rng_one_in(rng, 2))) {
            drop_file(disk, file);
        } else {
            tear(file, rng);
            file->is_name_durable = true;
        }
    }
}

void disk_kill(struct disk *disk, struct rng *rng)
{
    for (size_t i = 0; i < disk->ops.count; i++) {
        buf_deinit(&disk->ops.items[i].content);
    }
    disk->ops.count = 0;
    while (disk->streams.count > 0) {
        struct disk_file *file = find_file(disk, disk->streams.items[0].name);

        if (file != NULL) {
            leave_room(file, rng);
        }
        drop_stream(disk, disk->streams.items[0].id);
    }
    for (size_t i = disk->files.count; i > 0 && rng != NULL; i--) {
        struct disk_file *file = &disk->files.items[i - 1];
        size_t loose = file->content.len - file->durable_len;

        if (!file->is_name_durable && rng_one_in(rng, 4)) {
            drop_file(disk, file);
        } else if (loose > 0 && rng_one_in(rng, 2)) {
            file->content.len = file->durable_len + (size_t)rng_below(rng, loose + 1);
        }
    }
}

static struct buf copied(const struct buf *from)
{
    struct buf copy = {0};

    buf_append_bytes(&copy, buf_bytes(from));
    return copy;
}

void disk_copy(struct disk *to, const struct disk *from)
{
    ASSERT(to->files.count == 0 && to->streams.count == 0 && to->ops.count == 0);
    for (size_t i = 0; i < from->files.count; i++) {
        VEC_PUSH(&to->files, from->files.items[i]);
        to->files.items[i].content = copied(&from->files.items[i].content);
    }
    for (size_t i = 0; i < from->streams.count; i++) {
        VEC_PUSH(&to->streams, from->streams.items[i]);
        to->streams.items[i].content = copied(&from->streams.items[i].content);
    }
    for (size_t i = 0; i < from->ops.count; i++) {
        VEC_PUSH(&to->ops, from->ops.items[i]);
        to->ops.items[i].content = copied(&from->ops.items[i].content);
    }
    to->fault = from->fault;
    to->next_id = from->next_id;
    to->next_op = from->next_op;
}

const struct disk_file *disk_find(const struct disk *disk, const char *name)
{
    return find_file(disk, name);
}

void disk_init(struct disk *disk, void (*on_queued)(void *owner, uint64_t number), void *owner)
{
    *disk = (struct disk){.on_queued = on_queued, .owner = owner};
    disk->fs = (struct fs){
        .ctx = disk,
        .read_file = read_file,
        .read_piece = read_piece,
        .get_info = get_info,
        .list = list,
        .write_whole = write_whole,
        .remove = remove_file,
        .truncate = truncate_file,
        .link = link_file,
        .make_directory = make_directory,
        .write_begin = write_begin,
        .write_append = write_append,
        .write_commit = write_commit,
        .write_abort = write_abort,
        .append_open = append_open,
        .append = append,
        .append_sync = append_sync,
        .append_close = append_close,
        .rename_later = rename_later,
        .remove_later = remove_later,
        .write_queued = write_queued,
    };
}

void disk_deinit(struct disk *disk)
{
    disk_power_cut(disk, NULL);
    while (disk->files.count > 0) {
        drop_file(disk, &disk->files.items[0]);
    }
    VEC_DEINIT(&disk->files);
    VEC_DEINIT(&disk->streams);
    VEC_DEINIT(&disk->ops);
}
