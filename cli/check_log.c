/* SPDX-License-Identifier: MIT */
#include "cli/check_log.h"

#include "cli/log_check.h"
#include "cli/log_folder.h"
#include "cli/log_repair.h"
#include "cli/log_report.h"
#include "cli/log_show.h"
#include "cli/print.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 500,
};

struct progress {
    struct mono_time begun_at;
    struct mono_time due_at;
    bool is_shown;
};

static void show_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    struct progress *progress = context;
    struct mono_time now = clock_mono_now();
    struct buf text = {0};

    if (!mono_is_due(progress->due_at, now)) {
        return;
    }
    progress->due_at = mono_add_ms(now, PROGRESS_MS);
    progress->is_shown = true;
    log_report_write_time_left(done_bytes, total_bytes, mono_ms_between(progress->begun_at, now),
                               &text);
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " MB  %-20s", done_bytes >> 20, total_bytes >> 20,
            buf_text(&text));
    buf_deinit(&text);
}

static struct log_snapshot find_snapshot(void *context, const char *name)
{
    return log_folder_find_snapshot(context, name);
}

/* What was found out; with --show, only what is not good of it, behind the requests. */
static void report(const struct log_check *check, const struct log_folder *folder,
                   const struct options *options)
{
    struct log_surroundings around = {.path = folder->path, .holder = log_folder_holder(folder)};
    struct errmsg error = {0};
    struct buf out = {0};

    if (options->shows_log && !log_show_print(check, &folder->source, &options->shown, &error)) {
        fprintf(stderr, "%s\n", error.text);
    }
    if (!options->shows_log || check->verdict > LOG_TORN) {
        log_report_write(check, &around, &out);
    }
    print_buf(&out);
    buf_deinit(&out);
}

/* Read and report.  False, a message on standard error and an unreadable log when the folder is not there. */
static bool check_and_report(struct log_check *check, const struct options *options)
{
    struct progress progress = {.begun_at = clock_mono_now()};
    struct log_folder folder;
    struct log_check_how how = {
        .source = &folder.source,
        .find_snapshot = find_snapshot,
        .snapshot_context = &folder,
        .on_progress = isatty(STDERR_FILENO) != 0 ? show_progress : NULL,
        .progress_context = &progress,
    };
    struct errmsg error = {0};
    bool is_there = log_folder_open(&folder, options->log_dir, &error);

    *check = (struct log_check){.verdict = LOG_UNREADABLE};
    if (is_there) {
        progress.due_at = mono_add_ms(progress.begun_at, PROGRESS_MS);
        log_check_run(check, &how);
        if (progress.is_shown) {
            fprintf(stderr, "\r%50s\r", "");
        }
        report(check, &folder, options);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    log_folder_close(&folder);
    return is_there;
}

static bool confirm(void)
{
    char line[16];

    printf("Shall this be done? (type 'yes' to accept): ");
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

/* In the folder, which is open.  True when something was done. */
static bool repair_in(const struct log_folder *folder, const struct log_plan *plan, bool says_yes)
{
    int64_t holder = log_folder_holder(folder);
    struct errmsg error = {0};
    struct buf out = {0};

    if (holder != 0) {
        printf("Process %" PRId64 " has the log open: end it first.\n", holder);
        return false;
    }
    log_repair_write_plan(plan, &out);
    print_buf(&out);
    buf_deinit(&out);
    if (!says_yes && !confirm()) {
        puts("Nothing was done.");
        return false;
    }
    if (!log_repair_run(plan, folder->path, clock_unix_ms() / 1000, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    return true;
}

static bool repair(const struct options *options, const struct log_check *checked)
{
    struct log_folder folder;
    struct log_plan plan;
    struct errmsg error = {0};
    bool is_done = false;

    if (!log_repair_plan(checked, &plan, &error)) {
        printf("%s.\n", error.text);
        return false;
    }
    if (log_folder_open(&folder, options->log_dir, &error)) {
        is_done = repair_in(&folder, &plan, options->says_yes);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    log_folder_close(&folder);
    return is_done;
}

int check_log_run(const struct options *options)
{
    struct log_check checked;
    int exit_code;

    if (check_and_report(&checked, options) && options->repairs && repair(options, &checked)) {
        log_check_deinit(&checked);
        (void)check_and_report(&checked, options);
    }
    exit_code = (int)checked.verdict;
    log_check_deinit(&checked);
    return exit_code;
}
