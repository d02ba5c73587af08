/* SPDX-License-Identifier: MIT */
#include "session/acl_log.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/mem.h"

enum {
    MERGE_WITHIN_MS = 60 * 1000,
    MERGE_AMONG = 10,    /* the newest */
    OBJECT_BYTES = 4096, /* a name may be as long as a request */
};

const char *acl_reason_name(enum acl_reason reason)
{
    static const char *const names[ACL_REASON_COUNT] = {
        [ACL_REASON_COMMAND] = "command", [ACL_REASON_KEY] = "key",
        [ACL_REASON_CHANNEL] = "channel", [ACL_REASON_DATABASE] = "database",
        [ACL_REASON_AUTH] = "auth",
    };

    ASSERT((size_t)reason < ARRAY_COUNT(names));
    return names[reason];
}

const char *acl_context_name(enum acl_context context)
{
    return context == ACL_CONTEXT_MULTI ? "multi" : "toplevel";
}

void acl_log_init(struct acl_log *log, size_t limit)
{
    *log = (struct acl_log){.limit = limit};
    list_init(&log->entries);
}

static void drop(struct acl_log *log, struct acl_log_entry *entry)
{
    ASSERT(log->count > 0);
    list_remove(&entry->all);
    buf_deinit(&entry->object);
    buf_deinit(&entry->user);
    buf_deinit(&entry->client);
    mem_free(MEM_SESSION, entry);
    log->count--;
}

static void keep_at_most(struct acl_log *log, size_t limit)
{
    while (log->count > limit) {
        drop(log, CONTAINER_OF(log->entries.prev, struct acl_log_entry, all));
    }
}

void acl_log_clear(struct acl_log *log)
{
    keep_at_most(log, 0);
}

void acl_log_deinit(struct acl_log *log)
{
    acl_log_clear(log);
    *log = (struct acl_log){0};
}

void acl_log_set_limit(struct acl_log *log, size_t limit)
{
    log->limit = limit;
    keep_at_most(log, limit);
}

static struct acl_log_entry *find_alike(const struct acl_log *log, const struct acl_event *event,
                                        struct bytes object)
{
    size_t looked_at = 0;

    LIST_FOR_EACH (item, &log->entries) {
        struct acl_log_entry *entry = CONTAINER_OF(item, struct acl_log_entry, all);

        if (looked_at++ == MERGE_AMONG) {
            break;
        }
        if (entry->reason == event->reason && entry->context == event->context &&
            event->unix_ms - entry->updated_unix_ms <= MERGE_WITHIN_MS &&
            bytes_equal(buf_bytes(&entry->object), object) &&
            bytes_equal(buf_bytes(&entry->user), event->user)) {
            return entry;
        }
    }
    return NULL;
}

void acl_log_add(struct acl_log *log, const struct acl_event *event)
{
    struct bytes object = bytes_prefix(
        event->object, event->object.len < OBJECT_BYTES ? event->object.len : OBJECT_BYTES);
    struct acl_log_entry *entry = find_alike(log, event, object);

    if (log->limit == 0) {
        return;
    }
    if (entry == NULL) {
        entry = mem_alloc_zeroed(MEM_SESSION, sizeof(*entry));
        entry->reason = event->reason;
        entry->context = event->context;
        entry->id = log->next_id++;
        entry->created_unix_ms = event->unix_ms;
        buf_append_bytes(&entry->object, object);
        buf_append_bytes(&entry->user, event->user);
        log->count++;
    }
    entry->count++;
    entry->updated_unix_ms = event->unix_ms;
    buf_clear(&entry->client);
    buf_append_bytes(&entry->client, event->client);
    list_remove(&entry->all);
    list_add_head(&log->entries, &entry->all);
    keep_at_most(log, log->limit);
}

void acl_log_check(const struct acl_log *log)
{
    size_t count = 0;

    LIST_FOR_EACH (item, &log->entries) {
        const struct acl_log_entry *entry = CONTAINER_OF_CONST(item, struct acl_log_entry, all);

        ASSERT(entry->count > 0 && entry->id < log->next_id);
        ASSERT(entry->created_unix_ms <= entry->updated_unix_ms || entry->count > 1);
        count++;
    }
    ASSERT(count == log->count);
    ASSERT(log->count <= log->limit);
}
