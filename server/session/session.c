/* SPDX-License-Identifier: MIT */
/* The life of a session and its buffers. */
#include "session/session.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"
#include "session/acl_user.h"
#include "session/hot_reads.h"
#include "session/pubsub.h"
#include "session/queue.h"
#include "session/tracking.h"
#include "session/watch.h"

void session_table_init(struct session_table *table)
{
    *table = (struct session_table){.next_id = 1};
    list_init(&table->all);
    list_init(&table->touched);
}

void session_table_deinit(struct session_table *table)
{
    ASSERT(table->count == 0);
    ASSERT(list_is_empty(&table->all));
    ASSERT(list_is_empty(&table->touched));
    output_spares_deinit(&table->spares);
    hashtable_deinit(&table->by_id);
}

struct session *session_new(struct session_table *table, const struct session_peer *peer,
                            struct mono_time now)
{
    struct session *s = mem_alloc_zeroed(MEM_SESSION, sizeof(*s));

    ASSERT(table->next_id > 0); /* session_table_init was called */
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
    ASSERT(table->count > 0);
    ASSERT(list_is_linked(&s->all));
    ASSERT(s->feed == NULL);
    ASSERT(s->listener == NULL);
    ASSERT(!list_is_linked(&s->monitoring));
    ASSERT(!list_is_linked(&s->barred));
    ASSERT(s->tracker == NULL);
    ASSERT(s->watcher == NULL);
    ASSERT(!(s->flags & (SESSION_HELD | SESSION_RESUMED)));
    ASSERT(!heap_has(&s->hold.deadline));
    hashtable_remove(&table->by_id, &s->by_id);
    list_remove(&s->all);
    list_remove(&s->touched);
    list_remove(&s->hold.resumed);
    list_remove(&s->hold.held);
    buf_deinit(&s->name);
    buf_deinit(&s->lib_name);
    buf_deinit(&s->lib_version);
    hot_reads_free(&s->hot_reads);
    queue_free(s);
    input_deinit(&s->input);
    output_deinit(&s->output);
    mem_free(MEM_SESSION, s);
    table->count--;
}

struct session *session_find(const struct session_table *table, uint64_t id)
{
    struct hashtable_node *found = hashtable_find(&table->by_id, bytes_make(&id, sizeof(id)));
    struct session *s;

    if (found == NULL) {
        return NULL;
    }
    s = CONTAINER_OF(found, struct session, by_id);
    ASSERT(s->id == id);
    return s;
}

/* ---- output ----------------------------------------------------------------------------------- */

void session_touch(struct session_table *table, struct session *s)
{
    if (!(s->flags & (SESSION_TOUCHED | SESSION_CLOSED))) {
        s->flags |= SESSION_TOUCHED;
        list_add_tail(&table->touched, &s->touched);
    }
}

void session_touch_first(struct session_table *table, struct session *s)
{
    if (s->flags & SESSION_CLOSED) {
        return;
    }
    if (s->flags & SESSION_TOUCHED) {
        list_remove(&s->touched);
    }
    s->flags |= SESSION_TOUCHED;
    list_add_head(&table->touched, &s->touched);
}

struct session *session_take_touched(struct session_table *table)
{
    struct session *s;

    if (list_is_empty(&table->touched)) {
        return NULL;
    }
    s = CONTAINER_OF(table->touched.next, struct session, touched);
    list_remove(&s->touched);
    s->flags &= ~(uint32_t)SESSION_TOUCHED;
    return s;
}

void session_take_buffer(struct session_table *table, struct session *s)
{
    output_take_buffer(&s->output, &table->spares);
}

struct resp_writer session_writer(struct session *s)
{
    return (struct resp_writer){
        .out = &s->output.buf, .version = s->protocol, .pieces = &s->output.pieces};
}

size_t session_output(const struct session *s, struct bytes *pieces, size_t max)
{
    return output_pieces(&s->output, pieces, max);
}

void session_output_done(struct session_table *table, struct session *s, size_t len)
{
    /* A replica's stream is never at its end for long. */
    output_done(&s->output, &table->spares, len, (s->flags & SESSION_REPLICA) != 0);
}

int64_t session_redirection(const struct session *s)
{
    return s->tracker != NULL ? (int64_t)s->tracker->redirect : -1;
}

size_t session_memory(const struct session *s)
{
    return sizeof(*s) + input_memory(&s->input) + s->output.buf.cap + s->name.cap +
           s->lib_name.cap + s->lib_version.cap + hot_reads_bytes(s->hot_reads) + queue_memory(s) +
           watch_memory(s);
}

static void describe_tracker(const struct session *s, struct buf *out)
{
    if (s->tracker == NULL) {
        return;
    }
    buf_append_byte(out, 't');
    if (s->tracker->is_broken) {
        buf_append_byte(out, 'R');
    }
    if (s->tracker->mode == TRACKING_BCAST) {
        buf_append_byte(out, 'B');
    }
}

void session_describe_flags(const struct session *s, struct buf *out)
{
    size_t before = out->len;

    if (s->flags & SESSION_MONITOR) {
        buf_append_byte(out, 'O');
    }
    if (s->flags & SESSION_REPLICA) {
        buf_append_byte(out, 'S');
    }
    if (s->flags & SESSION_SUBSCRIBED) {
        buf_append_byte(out, 'P');
    }
    if (s->flags & SESSION_IN_MULTI) {
        buf_append_byte(out, 'x');
    }
    if (s->flags & SESSION_HELD) {
        buf_append_byte(out, 'b');
    }
    describe_tracker(s, out);
    if (s->flags & SESSION_WATCH_BROKEN) {
        buf_append_byte(out, 'd');
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

const char *session_capabilities(const struct session *s)
{
    return (s->flags & SESSION_CAPA_REDIRECT) ? "r" : "";
}

static void describe_command(const struct session *s, struct buf *out)
{
    const struct command_spec *spec = s->last_command;

    buf_append_text(out, " cmd=");
    if (spec == NULL) {
        buf_append_text(out, "NULL");
        return;
    }
    ASSERT(spec == command_spec(spec->id));
    if (spec->kind == COMMAND_SUB) {
        buf_printf(out, "%s|", command_spec(spec->parent)->name);
    }
    buf_append_text(out, spec->name);
}

void session_describe(const struct session *s, struct mono_time now, struct buf *out)
{
    ASSERT(now.us >= s->active_at.us && s->active_at.us >= s->created_at.us);
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=", (unsigned long long)s->id,
               s->peer.address, s->peer.local, s->peer.fd);
    buf_append_bytes(out, buf_bytes(&s->name));
    buf_printf(
        out, " age=%lld idle=%lld flags=", (long long)(mono_ms_between(s->created_at, now) / 1000),
        (long long)(mono_ms_between(s->active_at, now) / 1000));
    session_describe_flags(s, out);
    buf_printf(out, " capa=%s", session_capabilities(s));
    buf_printf(
        out,
        " db=%u sub=%zu psub=%zu ssub=%zu multi=%lld watch=%zu qbuf=%zu qbuf-free=%zu argv-mem=0"
        " multi-mem=%zu"
        " rbs=%zu rbp=0 obl=%zu oll=0 omem=%zu tot-mem=%zu events=r",
        s->db, pubsub_count(s, PUBSUB_CHANNEL), pubsub_count(s, PUBSUB_PATTERN),
        pubsub_count(s, PUBSUB_SHARD), (long long)queue_count(s), watch_count(s),
        input_pending(&s->input), s->input.buf.cap - s->input.buf.len, queue_bytes(s),
        s->output.buf.cap, session_output_pending(s), s->output.buf.cap, session_memory(s));
    describe_command(s, out);
    buf_append_text(out, " user=");
    buf_append_bytes(out, s->user != NULL ? buf_bytes(&s->user->name) : BYTES_LITERAL("default"));
    buf_printf(out, " redir=%lld resp=%d lib-name=", (long long)session_redirection(s),
               s->protocol);
    buf_append_bytes(out, buf_bytes(&s->lib_name));
    buf_append_text(out, " lib-ver=");
    buf_append_bytes(out, buf_bytes(&s->lib_version));
    buf_printf(out, " tot-net-in=%llu tot-net-out=%llu tot-cmds=%llu",
               (unsigned long long)s->bytes_in, (unsigned long long)s->output.done,
               (unsigned long long)s->command_count);
}

/* ---- invariants ------------------------------------------------------------------------------- */

static void check_session(const struct session_table *table, const struct session *s)
{
    ASSERT(session_find(table, s->id) == s);
    ASSERT(s->protocol == 2 || s->protocol == 3);
    ASSERT(((s->flags & SESSION_TOUCHED) != 0) == list_is_linked(&s->touched));
    ASSERT(((s->flags & SESSION_HELD) != 0) == list_is_linked(&s->hold.held));
    ASSERT(((s->flags & SESSION_RESUMED) != 0) == list_is_linked(&s->hold.resumed));
    ASSERT(((s->flags & SESSION_SUBSCRIBED) != 0) == (s->listener != NULL));
    ASSERT(((s->flags & SESSION_MONITOR) != 0) == list_is_linked(&s->monitoring));
    ASSERT(((s->flags & SESSION_TRACKING) != 0) == (s->tracker != NULL));
    ASSERT(s->feed != NULL || !(s->flags & SESSION_REPLICA));
    ASSERT(s->watcher != NULL || !(s->flags & SESSION_WATCH_BROKEN));
    queue_check(s);
    input_check(&s->input);
    output_check(&s->output);
}

void session_table_check(const struct session_table *table)
{
    uint64_t last_id = 0;
    size_t count = 0;

    LIST_FOR_EACH (item, &table->all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        ASSERT(s->id > last_id && s->id < table->next_id);
        check_session(table, s);
        last_id = s->id;
        count++;
    }
    ASSERT(count == table->count);
    LIST_FOR_EACH (item, &table->touched) {
        ASSERT(CONTAINER_OF_CONST(item, struct session, touched)->flags & SESSION_TOUCHED);
    }
    output_spares_check(&table->spares);
}
