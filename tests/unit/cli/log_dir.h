/* SPDX-License-Identifier: MIT */
/* A server's folder that tests make up, on the real disk, with a log in it.  Histories are one letter, forty times. */
#ifndef STARLING_TESTS_UNIT_CLI_LOG_DIR_H
#define STARLING_TESTS_UNIT_CLI_LOG_DIR_H

#include "base/buf.h"
#include "base/history.h"
#include "cli/log_check.h"
#include "segment/manifest.h"

struct log_dir {
    char path[64]; /* of the server's folder */
    char log[80];  /* of the log's */
};

void log_dir_open(struct log_dir *dir);
/* Remove all of it. */
void log_dir_close(struct log_dir *dir);

struct history_id log_dir_history(char letter);
/* All of a file of the log; false when it is not there. */
bool log_dir_read(const struct log_dir *dir, const char *name, struct buf *out);
/* A file of the log, with these bytes. */
void log_dir_write(const struct log_dir *dir, const char *name, struct bytes bytes);
/* A whole segment: frames of 50 bytes from start to end, the last of which was not synced.  parent 0: none. */
void log_dir_add(const struct log_dir *dir, uint64_t number, const char *histories, uint64_t start,
                 uint64_t end);
/* When the frame at that offset was written: a second later for each byte. */
int64_t log_dir_time(uint64_t offset);
/* Turn a bit of it. */
void log_dir_spoil(const struct log_dir *dir, uint64_t number, size_t place);
void log_dir_cut(const struct log_dir *dir, uint64_t number, size_t len);
void log_dir_remove(const struct log_dir *dir, uint64_t number);
/* The base is of history a, and no file; end 0: none. */
void log_dir_write_manifest(const struct log_dir *dir, uint64_t base_offset, uint64_t first,
                            uint64_t end);
/* Name the base. */
void log_dir_name_base(const struct log_dir *dir, const char *name);
/* A snapshot in the server's folder, of history a; offset NULL: one that says no place. */
void log_dir_write_snapshot(const struct log_dir *dir, const char *name, const char *offset);
/* A manifest that says so. */
void log_dir_turn_off(const struct log_dir *dir);
/* What is found out about it. */
struct log_check log_dir_check(const struct log_dir *dir);

#endif
