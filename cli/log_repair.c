/* SPDX-License-Identifier: MIT */
/* Segments are moved from one end of their row, so that at no moment one is missing in the midst. */
#include "cli/log_repair.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BYTES = 256 * 1024
};

/* ---- what to do --------------------------------------------------------------------------------- */

/* The manifest of a log that ends at offset.  Without segments the start's own place is the base: nothing leads there
 * from an older one. */
static void plan_manifest(const struct log_check *check, uint64_t offset, bool has_segments,
                          struct log_plan *plan)
{
    struct manifest *manifest = &plan->manifest;

    *manifest = check->manifest;
    while (manifest->lineage.count > 0 &&
           manifest->lineage.items[manifest->lineage.count - 1].end > offset) {
        manifest->lineage.count--;
    }
    manifest->has_end = false;
    if (manifest->first > check->start_number) {
        manifest->first = check->start_number;
    }
    if (!has_segments) {
        manifest->first = 0;
        manifest->base_history = check->start_history;
        manifest->base_offset = check->start_offset;
    }
    plan->has_manifest =
        check->has_manifest &&
        (check->manifest.has_end || !has_segments || manifest->first != check->manifest.first ||
         manifest->lineage.count != check->manifest.lineage.count);
}

/* Of what ends before the start's place nothing is of use to it, and it would be in the way. */
static void plan_cut(const struct log_check *check, struct log_plan *plan)
{
    const struct log_damage *damage = &check->damage;
    bool is_cut = damage->place >= SEGMENT_HEAD_BYTES;
    bool has_segments = damage->offset >= check->start_offset &&
                        (is_cut || damage->number > check->start_number) &&
                        check->start_number != 0;
    size_t index = segment_list_index(&check->list, damage->number);

    plan->last_aside = UINT64_MAX;
    plan->first_aside = !has_segments ? 1 : is_cut ? damage->number + 1 : damage->number;
    if (has_segments && is_cut && index != SIZE_MAX &&
        check->list.items[index].size_bytes > damage->place) {
        plan->cut_number = damage->number;
        plan->cut_bytes = damage->place;
    }
    plan_manifest(check, has_segments ? damage->offset : check->start_offset, has_segments, plan);
}

bool log_repair_plan(const struct log_check *check, struct log_plan *plan, struct errmsg *error)
{
    *plan = (struct log_plan){.numbers = check->numbers, .number_count = check->number_count};
    if (check->verdict != LOG_DAMAGED) {
        errmsg_set(error, check->verdict == LOG_UNREADABLE ? "What cannot be read is not repaired"
                                                           : "Nothing has to be repaired");
        return false;
    }
    if (check->damage.number == 0 || !check->has_start) {
        errmsg_set(error, "This cannot be repaired here: a start needs what is not there");
        return false;
    }
    if (check->damage.is_needed) {
        plan_cut(check, plan);
    } else {
        plan->first_aside = 1;
        plan->last_aside = check->damage.number;
        plan->is_oldest_first = true;
    }
    return true;
}

/* How many are moved aside; the first and the last of them. */
static size_t count_aside(const struct log_plan *plan, uint64_t *first, uint64_t *last)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->number_count; i++) {
        uint64_t number = plan->numbers[i];

        if (number >= plan->first_aside && number <= plan->last_aside) {
            *first = count == 0 ? number : *first;
            *last = number;
            count++;
        }
    }
    return count;
}

void log_repair_write_plan(const struct log_plan *plan, struct buf *out)
{
    char first[SEGMENT_NAME_SIZE];
    char last[SEGMENT_NAME_SIZE];
    uint64_t first_number = 0;
    uint64_t last_number = 0;
    size_t count = count_aside(plan, &first_number, &last_number);

    if (plan->cut_number != 0) {
        segment_format_name(plan->cut_number, first);
        buf_printf(out, "%s will be cut to %" PRIu64 " bytes.\n", first, plan->cut_bytes);
    }
    if (count == 1) {
        segment_format_name(first_number, first);
        buf_printf(out, "%s will be moved aside.\n", first);
    } else if (count > 1) {
        segment_format_name(first_number, first);
        segment_format_name(last_number, last);
        buf_printf(out, "%zu segments, from %s to %s, will be moved aside.\n", count, first, last);
    }
    if (plan->has_manifest) {
        buf_append_text(out, "The manifest will say no more than what is left.\n");
    }
    buf_append_text(out, "All that is there now is kept, with .damaged-<time> behind its name.\n");
}

/* ---- doing it ----------------------------------------------------------------------------------- */

struct work {
    int folder; /* descriptor */
    int64_t unix_s;
    struct errmsg *error;
};

static bool fail(const struct work *work, const char *doing, const char *name)
{
    errmsg_set(work->error, "%s %s: %s", doing, name, strerror(errno));
    return false;
}

static void format_kept(const struct work *work, const char *name, char kept[NAME_MAX])
{
    snprintf(kept, NAME_MAX, "%s.damaged-%" PRId64, name, work->unix_s);
}

static bool sync_folder(const struct work *work)
{
    return fsync(work->folder) == 0 || fail(work, "syncing", "the folder");
}

/* One that is not there is no failure: it was missing, or moved before. */
static bool move_aside(const struct work *work, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    char kept[NAME_MAX];

    segment_format_name(number, name);
    format_kept(work, name, kept);
    if (linkat(work->folder, name, work->folder, kept, 0) != 0) {
        return errno == ENOENT || fail(work, "keeping", name);
    }
    return (unlinkat(work->folder, name, 0) == 0 || fail(work, "moving", name)) &&
           sync_folder(work);
}

static bool write_all(const struct work *work, int fd, struct bytes bytes, const char *name)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno != EINTR) {
            return fail(work, "writing", name);
        }
        bytes = bytes_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* What was written to fd, under the name new_name, takes the place of name. */
static bool put_in_place(const struct work *work, int fd, const char *new_name, const char *name)
{
    char kept[NAME_MAX];
    struct stat status;

    /* The server may run as another user than who repairs. */
    if (fstatat(work->folder, name, &status, 0) != 0 || fchmod(fd, status.st_mode & 07777) != 0 ||
        fchown(fd, status.st_uid, status.st_gid) != 0) {
        return fail(work, "giving its owner to", new_name);
    }
    format_kept(work, name, kept);
    if (fsync(fd) != 0) {
        return fail(work, "syncing", new_name);
    }
    if (linkat(work->folder, name, work->folder, kept, 0) != 0) {
        return fail(work, "keeping", name);
    }
    return (renameat(work->folder, new_name, work->folder, name) == 0 ||
            fail(work, "replacing", name)) &&
           sync_folder(work);
}

static int create(const struct work *work, const char *new_name)
{
    int fd = openat(work->folder, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        fail(work, "creating", new_name);
    }
    return fd;
}

static bool copy(const struct work *work, int from, int to, uint64_t left)
{
    struct buf bytes = {0};
    bool is_ok = true;

    while (is_ok && left > 0) {
        size_t wanted = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        ssize_t got = read(from, buf_reserve(&bytes, wanted), wanted);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        errno = got == 0 ? EIO : errno;
        is_ok = got > 0 ? write_all(work, to, bytes_make(bytes.data, (size_t)got), "the copy")
                        : fail(work, "reading", "the segment");
        left -= got > 0 ? (uint64_t)got : 0;
    }
    buf_deinit(&bytes);
    return is_ok;
}

static bool cut(const struct work *work, uint64_t number, uint64_t bytes)
{
    char name[SEGMENT_NAME_SIZE];
    char new_name[NAME_MAX];
    bool is_ok = false;
    int from;
    int to;

    segment_format_name(number, name);
    snprintf(new_name, sizeof(new_name), "%s.repair", name);
    from = openat(work->folder, name, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return fail(work, "opening", name);
    }
    to = create(work, new_name);
    if (to >= 0) {
        is_ok = copy(work, from, to, bytes) && put_in_place(work, to, new_name, name);
        close(to);
    }
    close(from);
    return is_ok;
}

static bool write_manifest(const struct work *work, const struct manifest *manifest)
{
    static const char new_name[] = MANIFEST_NAME ".repair";
    struct buf text = {0};
    int fd = create(work, new_name);
    bool is_ok = false;

    manifest_format(manifest, &text);
    if (fd >= 0) {
        is_ok = write_all(work, fd, buf_bytes(&text), new_name) &&
                put_in_place(work, fd, new_name, MANIFEST_NAME);
        close(fd);
    }
    buf_deinit(&text);
    return is_ok;
}

static bool carry_out(const struct work *work, const struct log_plan *plan)
{
    for (size_t i = 0; i < plan->number_count; i++) {
        uint64_t number = plan->numbers[plan->is_oldest_first ? i : plan->number_count - 1 - i];

        if (number >= plan->first_aside && number <= plan->last_aside &&
            !move_aside(work, number)) {
            return false;
        }
    }
    return (plan->cut_number == 0 || cut(work, plan->cut_number, plan->cut_bytes)) &&
           (!plan->has_manifest || write_manifest(work, &plan->manifest));
}

bool log_repair_run(const struct log_plan *plan, const char *path, int64_t unix_s,
                    struct errmsg *error)
{
    struct work work = {.unix_s = unix_s, .error = error};
    bool is_ok;

    work.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work.folder < 0) {
        return fail(&work, "opening", path);
    }
    is_ok = carry_out(&work, plan);
    close(work.folder);
    return is_ok;
}
