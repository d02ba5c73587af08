/* SPDX-License-Identifier: MIT */
/* Files in lanes (persist/fs.h), each with a thread of its own, and what comes back from all threads: outcomes, which
 * are handed to the loop. */
#include "net/worker.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/claims.h"
#include "net/file_work.h"
#include "net/handoff.h"
#include "persist/posix_append.h"
#include "persist/posix_file.h"

#include <string.h>

struct outcome {
    struct handoff_item item;
    struct worker_outcome value;
};

struct worker {
    struct loop *loop;
    struct lookups *lookups;
    struct fs fs;
    struct claims claims;
    struct file_work *lanes[FS_LANE_COUNT];
    uint64_t next_number; /* of a file */
    struct handoff outcomes;
    struct handoff_item *taken_outcomes; /* from outcomes, in order */
};

/* ---- on their threads ------------------------------------------------------------------------- */

static void report(struct worker *worker, struct outcome *outcome)
{
    handoff_give(&worker->outcomes, &outcome->item);
    loop_wake(worker->loop);
}

static void on_file(void *context, const struct file_outcome *came)
{
    struct outcome *outcome = mem_alloc_zeroed(MEM_NET, sizeof(*outcome));

    outcome->value.kind = came->is_sync ? WORKER_SYNCED : WORKER_FILE;
    outcome->value.id = came->completion.id;
    outcome->value.is_ok = came->completion.status == FS_OK;
    outcome->value.durable_bytes = came->completion.durable_bytes;
    outcome->value.error = came->completion.error;
    report(context, outcome);
}

static void on_lookup(void *context, uint64_t id, const struct lookup_outcome *found)
{
    struct worker *worker = context;
    struct outcome *outcome = mem_alloc_zeroed(MEM_NET, sizeof(*outcome));

    outcome->value.kind = WORKER_RESOLVED;
    outcome->value.id = id;
    outcome->value.is_ok = found->count > 0;
    outcome->value.error = found->error;
    memcpy(outcome->value.addresses, found->addresses, sizeof(found->addresses));
    outcome->value.address_count = found->count;
    report(worker, outcome);
}

/* ---- the loop thread -------------------------------------------------------------------------- */

/* An id tells the lane. */
static uint64_t next_id(struct worker *worker, enum fs_lane lane)
{
    return worker->next_number++ * FS_LANE_COUNT + lane;
}

static struct file_work *lane_of(void *ctx, uint64_t id)
{
    return ((struct worker *)ctx)->lanes[id % FS_LANE_COUNT];
}

static uint64_t write_begin(void *ctx, const char *path, enum fs_lane lane)
{
    uint64_t id = next_id(ctx, lane);

    ASSERT(lane != FS_LANE_GROWING);
    file_work_begin(lane_of(ctx, id), id, path);
    return id;
}

static void write_append(void *ctx, uint64_t id, struct buf *steal)
{
    file_work_write(lane_of(ctx, id), id, steal);
}

static void write_commit(void *ctx, uint64_t id)
{
    file_work_commit(lane_of(ctx, id), id);
}

static void write_abort(void *ctx, uint64_t id)
{
    file_work_leave(lane_of(ctx, id), id);
}

static uint64_t append_open(void *ctx, const char *path, enum fs_append_mode mode)
{
    uint64_t id = next_id(ctx, FS_LANE_GROWING);

    file_work_open(lane_of(ctx, id), id, path, mode);
    return id;
}

static void append(void *ctx, uint64_t id, struct buf *steal)
{
    file_work_write(lane_of(ctx, id), id, steal);
}

static void append_sync(void *ctx, uint64_t id)
{
    file_work_sync(lane_of(ctx, id), id);
}

static void append_close(void *ctx, uint64_t id)
{
    file_work_leave(lane_of(ctx, id), id);
}

static uint64_t rename_later(void *ctx, const char *from, const char *to)
{
    uint64_t id = next_id(ctx, FS_LANE_GROWING);

    file_work_rename(lane_of(ctx, id), id, from, to);
    return id;
}

static uint64_t remove_later(void *ctx, const char *path)
{
    uint64_t id = next_id(ctx, FS_LANE_GROWING);

    file_work_remove(lane_of(ctx, id), id, path);
    return id;
}

static size_t write_queued(void *ctx, enum fs_lane lane)
{
    return file_work_queued(((struct worker *)ctx)->lanes[lane]);
}

static enum fs_status read_file(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error)
{
    (void)ctx;
    return posix_read_file(path, max_bytes, out, error);
}

static enum fs_status read_piece(void *ctx, const char *path, uint64_t offset, size_t max_bytes,
                                 struct buf *out, struct errmsg *error)
{
    (void)ctx;
    return posix_read_piece(path, offset, max_bytes, out, error);
}

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    (void)ctx;
    return posix_get_info(path, out, error);
}

static enum fs_status list_names(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                                 struct errmsg *error)
{
    (void)ctx;
    return posix_list(path, on_name, context, error);
}

/* What others could write, too, is not touched. */
static bool may_write(void *ctx, struct errmsg *error)
{
    return claims_add_owed(&((struct worker *)ctx)->claims, error) == FS_OK;
}

static enum fs_status write_whole(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error)
{
    return may_write(ctx, error) ? posix_write_file(path, bytes, error) : FS_FAILED;
}

static enum fs_status remove_file(void *ctx, const char *path, struct errmsg *error)
{
    return may_write(ctx, error) ? posix_remove(path, error) : FS_FAILED;
}

static enum fs_status truncate_file(void *ctx, const char *path, uint64_t length_bytes,
                                    struct errmsg *error)
{
    return may_write(ctx, error) ? posix_truncate(path, length_bytes, error) : FS_FAILED;
}

static enum fs_status link_file(void *ctx, const char *path, const char *second,
                                struct errmsg *error)
{
    return may_write(ctx, error) ? posix_link(path, second, error) : FS_FAILED;
}

static enum fs_status make_directory(void *ctx, const char *path, struct errmsg *error)
{
    return may_write(ctx, error) ? posix_make_directory(path, error) : FS_FAILED;
}

static struct fs functions_of(struct worker *worker)
{
    return (struct fs){
        .ctx = worker,
        .read_file = read_file,
        .read_piece = read_piece,
        .get_info = get_info,
        .list = list_names,
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

struct worker *worker_new(struct loop *loop)
{
    struct worker *worker = mem_alloc_zeroed(MEM_NET, sizeof(*worker));

    worker->loop = loop;
    worker->lookups = lookups_new(on_lookup, worker);
    worker->fs = functions_of(worker);
    worker->next_number = 1;
    claims_init(&worker->claims);
    for (int lane = 0; lane < FS_LANE_COUNT; lane++) {
        worker->lanes[lane] = file_work_new(&worker->claims, on_file, worker);
    }
    return worker;
}

static bool take_outcome(struct worker *worker, struct worker_outcome *out)
{
    struct outcome *outcome;

    if (worker->taken_outcomes == NULL) {
        worker->taken_outcomes = handoff_take(&worker->outcomes);
    }
    if (worker->taken_outcomes == NULL) {
        return false;
    }
    outcome = CONTAINER_OF(worker->taken_outcomes, struct outcome, item);
    worker->taken_outcomes = outcome->item.next;
    *out = outcome->value;
    mem_free(MEM_NET, outcome);
    return true;
}

void worker_free(struct worker *worker)
{
    struct worker_outcome outcome;

    lookups_free(worker->lookups);
    for (int lane = 0; lane < FS_LANE_COUNT; lane++) {
        file_work_free(worker->lanes[lane]);
    }
    while (take_outcome(worker, &outcome)) { /* there are no lanes any more */
    }
    claims_deinit(&worker->claims);
    mem_free(MEM_NET, worker);
}

const struct fs *worker_fs(struct worker *worker)
{
    return &worker->fs;
}

bool worker_claim(struct worker *worker, const char *path, struct errmsg *error)
{
    return claims_add(&worker->claims, path, error) == FS_OK;
}

bool worker_is_writing(const struct worker *worker)
{
    bool is_writing = false;

    for (int lane = 0; lane < FS_LANE_COUNT; lane++) {
        is_writing = is_writing || file_work_is_busy(worker->lanes[lane]);
    }
    return is_writing;
}

void worker_unclaim(struct worker *worker, const char *path)
{
    claims_remove(&worker->claims, path);
}

void worker_resolve(struct worker *worker, uint64_t id, const char *host, uint16_t port)
{
    lookups_ask(worker->lookups, id, host, port);
}

bool worker_next_outcome(struct worker *worker, struct worker_outcome *out)
{
    bool is_there = take_outcome(worker, out);

    if (is_there && out->kind != WORKER_RESOLVED) {
        file_work_tidy(lane_of(worker, out->id)); /* it may be long until the next is asked */
    }
    return is_there;
}
