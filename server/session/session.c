/* SPDX-License-Identifier: MIT */
/* The life of a session and its buffers. */
#include "session/session.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

enum {
    OUT_FIRST_BYTES = 16 * 1024,     /* of an output buffer */
    OUT_KEPT_BYTES = 64 * 1024,      /* an empty one above this is given back */
    OUT_REPLICA_BYTES = 1024 * 1024, /* a replica keeps its own up to here */
    COMPACT_BYTES = 256 * 1024,      /* move the rest to the front once so much was sent */
};

void session_table_init(struct session_table *table)
{
    *table = (struct session_table){.next_id = 1};
    list_init(&table->all);
}

void session_table_deinit(struct session_table *table)
{
    ASSERT(table->count == 0);
    while (table->spare_count > 0) {
        buf_deinit(&table->spare[--table->spare_count]);
    }
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
    session_output_cut(s, 0);
    VEC_DEINIT(&s->pieces);
    buf_deinit(&s->out);
    mem_free(MEM_SESSION, s);
    table->count--;
}

struct session *session_find(const struct session_table *table, uint64_t id)
{
    struct hashtable_node *found = hashtable_find(&table->by_id, bytes_make(&id, sizeof(id)));

    return found != NULL ? CONTAINER_OF(found, struct session, by_id) : NULL;
}

/* ---- output ----------------------------------------------------------------------------------- */

void session_take_buffer(struct session_table *table, struct session *s)
{
    if (s->out.cap > 0) {
        return;
    }
    if (table->spare_count > 0) {
        s->out = buf_steal(&table->spare[--table->spare_count]);
    } else {
        (void)buf_reserve(&s->out, OUT_FIRST_BYTES);
    }
}

static void give_buffer(struct session_table *table, struct session *s)
{
    buf_clear(&s->out);
    s->out_sent = 0;
    if ((s->flags & SESSION_REPLICA) != 0 && s->out.cap <= OUT_REPLICA_BYTES) {
        return; /* the stream is never at its end for long */
    }
    if (s->out.cap >= OUT_FIRST_BYTES && s->out.cap <= OUT_KEPT_BYTES &&
        table->spare_count < SESSION_SPARE_BUFFERS) {
        table->spare[table->spare_count++] = buf_steal(&s->out);
    } else {
        buf_deinit(&s->out);
    }
}

struct resp_writer session_writer(struct session *s)
{
    return (struct resp_writer){.out = &s->out, .version = s->protocol, .pieces = &s->pieces};
}

/* What is left of a piece. */
static struct bytes piece_rest(const struct session *s, size_t index)
{
    return bytes_from(block_contents(s->pieces.items[index].block), index == 0 ? s->piece_sent : 0);
}

size_t session_output(const struct session *s, struct bytes *pieces, size_t max)
{
    size_t from = s->out_sent;
    size_t next = 0;
    size_t count = 0;

    if (LIKELY(s->pieces.count == 0 && from < s->out.len && max > 0)) {
        pieces[0] = bytes_make(s->out.data + from, s->out.len - from);
        return 1;
    }
    while (count < max) {
        bool is_last = next == s->pieces.count;
        size_t end = is_last ? s->out.len : s->pieces.items[next].at;

        if (end > from) {
            pieces[count++] = bytes_make(s->out.data + from, end - from);
            from = end;
        } else if (is_last) {
            break;
        } else {
            pieces[count++] = piece_rest(s, next++);
        }
    }
    return count;
}

static void drop_first_piece(struct session *s)
{
    block_release(s->pieces.items[0].block);
    s->pieces.count--;
    memmove(s->pieces.items, s->pieces.items + 1, s->pieces.count * sizeof(*s->pieces.items));
    s->piece_sent = 0;
    if (s->pieces.count == 0) {
        VEC_DEINIT(&s->pieces);
    }
}

/* The sent part of out is dropped once it is much. */
static void compact_output(struct session *s)
{
    if (s->out_sent < COMPACT_BYTES || s->out_sent < s->out.len / 2) {
        return;
    }
    buf_consume(&s->out, s->out_sent);
    for (size_t i = 0; i < s->pieces.count; i++) {
        s->pieces.items[i].at -= s->out_sent;
    }
    s->out_sent = 0;
}

void session_output_done(struct session_table *table, struct session *s, size_t len)
{
    s->bytes_out += len;
    while (UNLIKELY(s->pieces.count > 0)) {
        size_t before = s->pieces.items[0].at - s->out_sent;
        size_t rest = piece_rest(s, 0).len;

        if (len < before) {
            break;
        }
        s->out_sent += before;
        len -= before;
        s->pieces.bytes -= len < rest ? len : rest;
        if (len < rest) {
            s->piece_sent += len;
            return;
        }
        len -= rest;
        drop_first_piece(s);
    }
    s->out_sent += len;
    ASSERT(s->out_sent <= s->out.len);
    if (s->out_sent == s->out.len) {
        give_buffer(table, s);
    } else {
        compact_output(s);
    }
}

void session_output_cut(struct session *s, size_t out_len)
{
    while (s->pieces.count > 0 && s->pieces.items[s->pieces.count - 1].at > out_len) {
        s->pieces.bytes -= piece_rest(s, s->pieces.count - 1).len;
        block_release(VEC_POP(&s->pieces).block);
    }
    s->out.len = out_len;
}

size_t session_output_pending(const struct session *s)
{
    return s->out.len - s->out_sent + s->pieces.bytes;
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
