/* SPDX-License-Identifier: MIT */
/* The folder of a server's log on this machine, for reading: a segment_source.
 *
 * Owns its paths and a descriptor of the file that was read last.  Not to be moved while it is open: the source points
 * to it. */
#ifndef STARLING_CLI_LOG_FOLDER_H
#define STARLING_CLI_LOG_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/log_check.h"
#include "segment/segment_source.h"

#define LOG_FOLDER_NAME "appendonlydir"

struct log_folder {
    char *path; /* of the log's folder */
    char *home; /* of the folder that it is in, where snapshots are */
    int fd;     /* of the file that was read last, or -1 */
    char fd_name[256];
    struct segment_source source;
};

/* dir is the folder itself, or the one that it is in.  False, and a message, when it is not there.  Close in either
 * case. */
MUST_USE bool log_folder_open(struct log_folder *folder, const char *dir, struct errmsg *error);
void log_folder_close(struct log_folder *folder);
/* The snapshot of that name, which is beside the log's folder, or in it. */
struct log_snapshot log_folder_find_snapshot(const struct log_folder *folder, const char *name);
/* The process that has a lock on a file there, as servers have while they run; 0: nobody that can be seen. */
int64_t log_folder_holder(const struct log_folder *folder);

#endif
