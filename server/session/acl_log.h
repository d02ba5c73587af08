/* SPDX-License-Identifier: MIT */
/* Who was refused what, the newest first.
 *
 * What looks like one of the newest entries, and comes within a minute, is counted there, so that one program
 * that tries again and again does not push everything else out.
 *
 * Invariant:  (1) there are at most limit entries
 * Owned by value; owns its texts. */
#ifndef STARLING_SESSION_ACL_LOG_H
#define STARLING_SESSION_ACL_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/list.h"

enum acl_reason {
    ACL_REASON_COMMAND,
    ACL_REASON_KEY,
    ACL_REASON_CHANNEL,
    ACL_REASON_DATABASE,
    ACL_REASON_AUTH,
    ACL_REASON_COUNT
};
const char *acl_reason_name(enum acl_reason reason);

enum acl_context {
    ACL_CONTEXT_TOPLEVEL,
    ACL_CONTEXT_MULTI,
};
const char *acl_context_name(enum acl_context context);

struct acl_log_entry {
    struct list all;
    enum acl_reason reason;
    enum acl_context context;
    uint64_t id;
    uint64_t count;
    int64_t created_unix_ms, updated_unix_ms;
    struct buf object;
    struct buf user;
    struct buf client;
};

struct acl_log {
    struct list entries; /* newest first */
    size_t count;
    size_t limit;
    uint64_t next_id;
};

/* What happened; texts are borrowed for the call. */
struct acl_event {
    enum acl_reason reason;
    enum acl_context context;
    int64_t unix_ms;
    struct bytes object; /* the command, key, channel or database; of AUTH the command */
    struct bytes user;
    struct bytes client; /* as CLIENT INFO has it */
};

void acl_log_init(struct acl_log *log, size_t limit);
void acl_log_deinit(struct acl_log *log);
/* acllog-max-len. */
void acl_log_set_limit(struct acl_log *log, size_t limit);
void acl_log_add(struct acl_log *log, const struct acl_event *event);
void acl_log_clear(struct acl_log *log);
void acl_log_check(const struct acl_log *log);

#endif
