/* SPDX-License-Identifier: MIT */
/* The life of a session and its buffers. */
#include "session/session.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    OUT_KEPT_BYTES = 16 * 1024, /* an empty output buffer above this is given back */
    COMPACT_BYTES = 256 * 1024, /* move the rest to the front once so much was sent */
};

void session_table_init(struct session_table *table)
{
    *table = (struct session_table){.next_id = 1};
    list_init(&table->all);
}

void session_table_deinit(struct session_table *table)
{
    ASSERT(table->count == 0);
    hashtable_deinit(&table->by_id);
}

struct session *session_new(struct session_table *table, const struct session_peer *peer,
                            struct mono_time now)
{
    struct session *s = mem_alloc_zeroed(MEM_SESSION, sizeof(*s));

    s->id = table->next_id++;
    s->protocol = 2;
    s->peer = *peer;
    s->created_at = now;
    s->active_at = now;
    hashtable_add(&table->by_id, &s->by_id, bytes_make(&s->id, sizeof(s->id)));
    list_add_tail(&table->all, &s->all);
    table->count++;
    return s;
}

void session_free(struct session_table *table, struct session *s)
{
    ASSERT(s->feed == NULL);
    ASSERT(!heap_has(&s->deadline));
    hashtable_remove(&table->by_id, &s->by_id);
    list_remove(&s->all);
    list_remove(&s->touched);
    list_remove(&s->resumed);
    list_remove(&s->held);
    buf_deinit(&s->name);
    buf_deinit(&s->lib_name);
    buf_deinit(&s->lib_version);
    resp_reader_deinit(&s->reader);
    buf_deinit(&s->in);
    buf_deinit(&s->stash);
    buf_deinit(&s->out);
    mem_free(MEM_SESSION, s);
    table->count--;
}

struct session *session_find(const struct session_table *table, uint64_t id)
{
    struct hashtable_node *found = hashtable_find(&table->by_id, bytes_make(&id, sizeof(id)));

    return found != NULL ? CONTAINER_OF(found, struct session, by_id) : NULL;
}

struct bytes session_output(const struct session *s)
{
    return bytes_from(buf_bytes(&s->out), s->out_sent);
}

void session_output_done(struct session *s, size_t len)
{
    s->out_sent += len;
    s->bytes_out += len;
    ASSERT(s->out_sent <= s->out.len);
    if (s->out_sent == s->out.len) {
        buf_clear(&s->out);
        s->out_sent = 0;
        buf_shrink_when_empty(&s->out, OUT_KEPT_BYTES);
    } else if (s->out_sent >= COMPACT_BYTES && s->out_sent >= s->out.len / 2) {
        buf_consume(&s->out, s->out_sent);
        s->out_sent = 0;
    }
}

size_t session_output_pending(const struct session *s)
{
    return s->out.len - s->out_sent;
}

size_t session_memory(const struct session *s)
{
    return sizeof(*s) + s->in.cap + s->stash.cap + s->out.cap + s->name.cap + s->lib_name.cap +
           s->lib_version.cap;
}

bool session_is_closing(const struct session *s)
{
    return (s->flags & (SESSION_CLOSE_AFTER_WRITE | SESSION_CLOSE_NOW | SESSION_CLOSED)) != 0;
}

void session_unstash(struct session *s)
{
    ASSERT(s->in_consumed == 0);
    if (s->stash.len == 0) {
        return;
    }
    buf_append_bytes(&s->stash, buf_bytes(&s->in));
    buf_deinit(&s->in);
    s->in = buf_steal(&s->stash);
    /* The reader's progress belonged to a request that now stands further behind. */
    resp_reader_deinit(&s->reader);
}

static void describe_flags(const struct session *s, struct buf *out)
{
    size_t before = out->len;

    if (s->flags & SESSION_REPLICA) {
        buf_append_byte(out, 'S');
    }
    if (s->flags & SESSION_HELD) {
        buf_append_byte(out, 'b');
    }
    if (s->flags & SESSION_CLOSE_AFTER_WRITE) {
        buf_append_byte(out, 'c');
    }
    if (s->flags & SESSION_CLOSE_NOW) {
        buf_append_byte(out, 'A');
    }
    if (s->flags & SESSION_UNIX) {
        buf_append_byte(out, 'U');
    }
    if (s->flags & SESSION_CLUSTER_READONLY) {
        buf_append_byte(out, 'r');
    }
    if (s->flags & SESSION_NO_EVICT) {
        buf_append_byte(out, 'e');
    }
    if (s->flags & SESSION_NO_TOUCH) {
        buf_append_byte(out, 'T');
    }
    if (out->len == before) {
        buf_append_byte(out, 'N');
    }
}

static void describe_command(const struct session *s, struct buf *out)
{
    const struct command_spec *spec = s->last_command;

    buf_append_text(out, " cmd=");
    if (spec == NULL) {
        buf_append_text(out, "NULL");
        return;
    }
    if (spec->kind == COMMAND_SUB) {
        buf_printf(out, "%s|", command_spec(spec->parent)->name);
    }
    buf_append_text(out, spec->name);
}

void session_describe(const struct session *s, struct mono_time now, struct buf *out)
{
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=", (unsigned long long)s->id,
               s->peer.address, s->peer.local, s->peer.fd);
    buf_append_bytes(out, buf_bytes(&s->name));
    buf_printf(
        out, " age=%lld idle=%lld flags=", (long long)(mono_ms_between(s->created_at, now) / 1000),
        (long long)(mono_ms_between(s->active_at, now) / 1000));
    describe_flags(s, out);
    buf_printf(out,
               " db=%u sub=0 psub=0 ssub=0 multi=-1 qbuf=%zu qbuf-free=%zu argv-mem=0 multi-mem=0"
               " rbs=%zu rbp=0 obl=%zu oll=0 omem=%zu tot-mem=%zu events=r",
               s->db, s->in.len + s->stash.len, s->in.cap - s->in.len, s->out.cap,
               session_output_pending(s), s->out.cap, session_memory(s));
    describe_command(s, out);
    buf_printf(out, " user=default redir=-1 resp=%d lib-name=", s->protocol);
    buf_append_bytes(out, buf_bytes(&s->lib_name));
    buf_append_text(out, " lib-ver=");
    buf_append_bytes(out, buf_bytes(&s->lib_version));
}
