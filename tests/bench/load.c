/* SPDX-License-Identifier: MIT */
/* The socket is asked to write at once and to read all there is; nothing is parsed. */
#include "tests/bench/load.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/sock.h"
#include "resp/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    READ_BYTES = 256 * 1024,
    SILENCE_MS = 30000,
    CONNECT_MS = 10000,
    HEAD_BYTES = 4, /* of each reply, compared as far as they came with its first byte */
    DIGITS_AT = 4,  /* in a key */
    KEY_DIGITS = LOAD_KEY_BYTES - DIGITS_AT,
    RANK_DIGITS = 6,
    RANK_FIRST = 100000,
    FILL_CONNECTIONS = 4,
    FILL_PIPELINE = 64,
};

struct connection {
    int fd;
    struct buf requests; /* a rendered pipeline */
    size_t sent;         /* bytes of it */
    bool awaits_room;    /* the socket took only a part */
    size_t due;          /* replies to come */
    size_t reply_at;     /* bytes of the next reply that have come, */
    size_t lines_at;     /* and lines */
    int64_t sent_at_us;
};

struct load {
    int epoll;
    struct connection *connections;
    size_t connection_count;
    struct rng rng;
    char *input;
    /* Of the present run: */
    const struct load_task *task;
    uint64_t pipelines_left;
    uint64_t next_key;
    size_t busy_count; /* connections that await replies */
};

/* ---- requests ---------------------------------------------------------------------------------*/

struct bytes load_value(size_t len)
{
    static const char value[] = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

    _Static_assert(sizeof(value) == LOAD_VALUE_MAX + 1, "the value is as long as promised");
    ASSERT(len <= LOAD_VALUE_MAX);
    return bytes_make(value, len);
}

static void render_resp(struct load_request *request, const struct load_shape *shape,
                        struct bytes key)
{
    static const char *const names[2][3] = {
        {"GET",  "SET",  "INCR"},
        {"MGET", "MSET", ""    },
    };
    struct bytes words[1 + 2 * LOAD_KEYS_MAX];
    size_t count = 0;
    char ttl[16];

    words[count++] = bytes_from_text(names[request->place_count > 1][shape->command]);
    for (size_t i = 0; i < request->place_count; i++) {
        words[count++] = key;
        if (shape->command == LOAD_SET) {
            words[count++] = shape->value;
        }
    }
    if (shape->ttl_seconds > 0) {
        snprintf(ttl, sizeof(ttl), "%u", shape->ttl_seconds);
        words[count++] = BYTES_LITERAL("EX");
        words[count++] = bytes_from_text(ttl);
    }
    resp_write_request(&request->text, words, count);
}

static void render_resp_reply(struct load_request *request, const struct load_shape *shape)
{
    struct resp_writer w = {.out = &request->reply, .version = 2};

    if (shape->command == LOAD_SET) {
        resp_write_simple(&w, "OK");
    } else if (shape->command == LOAD_INCR) {
        buf_printf(&request->reply, ":%.*s\r\n", BYTES_ARGS(shape->value));
    } else {
        if (request->place_count > 1) {
            resp_write_array(&w, request->place_count);
        }
        for (size_t i = 0; i < request->place_count; i++) {
            resp_write_bulk(&w, shape->value);
        }
    }
}

static void render_memcached(struct load_request *request, const struct load_shape *shape,
                             struct bytes key)
{
    struct buf *text = &request->text;
    struct buf *reply = &request->reply;
    int value_bytes = (int)shape->value.len;

    if (shape->command == LOAD_SET) {
        buf_printf(text, "set %.*s 0 %u %d\r\n%.*s\r\n", BYTES_ARGS(key), shape->ttl_seconds,
                   value_bytes, BYTES_ARGS(shape->value));
        buf_append_text(reply, "STORED\r\n");
    } else if (shape->command == LOAD_INCR) {
        buf_printf(text, "incr %.*s 1\r\n", BYTES_ARGS(key));
        buf_printf(reply, "%.*s\r\n", BYTES_ARGS(shape->value));
    } else {
        buf_append_text(text, "get");
        for (size_t i = 0; i < request->place_count; i++) {
            buf_printf(text, " %.*s", BYTES_ARGS(key));
            buf_printf(reply, "VALUE %.*s 0 %d\r\n%.*s\r\n", BYTES_ARGS(key), value_bytes,
                       BYTES_ARGS(shape->value));
        }
        buf_append_text(text, "\r\n");
        buf_append_text(reply, "END\r\n");
    }
}

static void put_digits(char *digits, size_t count, uint32_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    for (size_t at = count - 2; at + 8 >= count && at < count; at -= 2) {
        memcpy(digits + at, pairs + 2 * (size_t)(number % 100), 2);
        number /= 100;
    }
}

void load_put_digits(char *digits, uint32_t key)
{
    put_digits(digits, KEY_DIGITS, key);
}

static void find_digits(struct load_request *request, const char *key)
{
    const char *at = request->text.data;

    for (size_t i = 0; i < request->place_count; i++) {
        size_t left = request->text.len - (size_t)(at - request->text.data);

        at = memmem(at, left, key, LOAD_KEY_BYTES);
        ASSERT(at != NULL);
        at += DIGITS_AT;
        request->places[i] = (struct load_place){
            .at = (size_t)(at - request->text.data), .digits = KEY_DIGITS, .divide = 1};
    }
}

void load_request_init(struct load_request *request, const struct load_shape *shape)
{
    char key[LOAD_KEY_BYTES + 1];

    *request = (struct load_request){.place_count = shape->key_count > 0 ? shape->key_count : 1,
                                     .line_count = shape->command == LOAD_INCR ? 1 : 0};
    ASSERT(request->place_count <= LOAD_KEYS_MAX);
    snprintf(key, sizeof(key), "%.4s%012d", shape->prefix != NULL ? shape->prefix : "key:", 0);
    if (shape->protocol == LOAD_RESP) {
        render_resp(request, shape, bytes_from_text(key));
        render_resp_reply(request, shape);
    } else {
        render_memcached(request, shape, bytes_from_text(key));
    }
    find_digits(request, key);
}

/* What is in front of the byte, or all. */
static struct bytes before_byte(struct bytes text, char byte)
{
    size_t at = bytes_find_byte(text, byte);

    return bytes_make(text.data, at < text.len ? at : text.len);
}

/* A word of load_request_init_text, and the places that are in it. */
static void render_word(struct load_request *request, struct bytes word, struct buf *out)
{
    while (word.len > 0) {
        struct bytes plain = before_byte(word, '{');
        struct load_place place = {.at = out->len + plain.len, .digits = KEY_DIGITS, .divide = 1};
        char end = 0;

        buf_append_bytes(out, plain);
        word = bytes_from(word, plain.len);
        if (word.len == 0) {
            return;
        }
        if (sscanf(word.data, "{n/%" SCNu32 "%c", &place.divide, &end) != 2 &&
            sscanf(word.data, "{rank+%" SCNu32 "%c", &place.add, &end) != 2) {
            end = '}';
        }
        ASSERT(end == '}' && request->place_count < LOAD_KEYS_MAX);
        if (word.data[1] == 'r') {
            place.digits = RANK_DIGITS;
            place.add += RANK_FIRST;
        }
        for (size_t i = 0; i < place.digits; i++) {
            buf_append_byte(out, '0');
        }
        request->places[request->place_count++] = place;
        word = bytes_from(word, before_byte(word, '}').len + 1);
    }
}

/* The words of one request behind those that are there already. */
static void render_one(struct load_request *request, struct bytes words)
{
    struct buf text = {0};
    size_t count = 1;

    for (size_t i = 0; i < words.len; i++) {
        count += words.data[i] == ' ' ? 1 : 0;
    }
    buf_printf(&request->text, "*%zu\r\n", count);
    while (count-- > 0) {
        struct bytes word = before_byte(words, ' ');
        size_t first = request->place_count;

        buf_clear(&text);
        render_word(request, word, &text);
        buf_printf(&request->text, "$%zu\r\n", text.len);
        for (size_t i = first; i < request->place_count; i++) {
            request->places[i].at += request->text.len;
        }
        buf_append_bytes(&request->text, buf_bytes(&text));
        buf_append_text(&request->text, "\r\n");
        words = bytes_from(words, word.len < words.len ? word.len + 1 : words.len);
    }
    buf_deinit(&text);
}

void load_request_init_text(struct load_request *request, const char *words, const char *begin,
                            size_t line_count)
{
    struct bytes rest = bytes_from_text(words);

    *request = (struct load_request){.is_one_number = true, .line_count = line_count};
    while (rest.len > 0) {
        struct bytes one = before_byte(rest, ';');

        render_one(request, one);
        rest = bytes_from(rest, one.len < rest.len ? one.len + 1 : rest.len);
    }
    buf_append_text(&request->reply, begin);
}

void load_request_deinit(struct load_request *request)
{
    buf_deinit(&request->text);
    buf_deinit(&request->reply);
    *request = (struct load_request){0};
}

/* ---- connections ------------------------------------------------------------------------------*/

static bool watch(struct load *load, struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    return epoll_ctl(load->epoll, operation, connection->fd, &event) == 0;
}

static bool connect_one(struct load *load, struct connection *connection, const struct addr *to,
                        struct errmsg *error)
{
    enum sock_status status = sock_connect_start(to, NULL, &connection->fd, error);

    if (status == SOCK_AGAIN) {
        if (!sock_wait(connection->fd, false, true, CONNECT_MS)) {
            errmsg_set(error, "no connection in %d ms", (int)CONNECT_MS);
            return false;
        }
        status = sock_connect_outcome(connection->fd, error);
    }
    if (status != SOCK_OK) {
        return false;
    }
    sock_set_nodelay(connection->fd, true);
    return watch(load, connection, EPOLL_CTL_ADD, EPOLLIN);
}

struct load *load_open(uint16_t port, size_t connection_count, struct errmsg *error)
{
    struct load *load = mem_alloc_zeroed(MEM_TEST, sizeof(*load));
    struct addr to;
    bool is_ok = addr_parse(&to, "127.0.0.1", port);

    ASSERT(is_ok);
    rng_init(&load->rng, port);
    load->input = mem_alloc(MEM_TEST, READ_BYTES);
    load->connection_count = connection_count;
    load->connections = mem_alloc_zeroed(MEM_TEST, connection_count * sizeof(*load->connections));
    for (size_t i = 0; i < connection_count; i++) {
        load->connections[i].fd = -1;
    }
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connection_count; i++) {
        if (!connect_one(load, &load->connections[i], &to, error)) {
            errmsg_wrap(error, "connection %zu", i);
            load_close(load);
            return NULL;
        }
    }
    return load;
}

void load_close(struct load *load)
{
    if (load == NULL) {
        return;
    }
    for (size_t i = 0; i < load->connection_count; i++) {
        if (load->connections[i].fd >= 0) {
            close(load->connections[i].fd);
        }
        buf_deinit(&load->connections[i].requests);
    }
    if (load->epoll >= 0) {
        close(load->epoll);
    }
    mem_free(MEM_TEST, load->connections);
    mem_free(MEM_TEST, load->input);
    mem_free(MEM_TEST, load);
}

/* ---- sending ----------------------------------------------------------------------------------*/

static uint32_t choose_key(struct load *load)
{
    const struct load_task *task = load->task;

    if (task->is_in_order) {
        return (uint32_t)(load->next_key++ % task->key_count);
    }
    return (uint32_t)(((rng_u64(&load->rng) >> 32) * task->key_count) >> 32);
}

static void patch_keys(struct load *load, struct connection *connection)
{
    const struct load_request *request = load->task->request;
    char *text = connection->requests.data;

    for (size_t i = 0; i < load->task->pipeline; i++, text += request->text.len) {
        uint32_t number = choose_key(load);

        for (size_t k = 0; k < request->place_count; k++) {
            const struct load_place *place = &request->places[k];

            if (k > 0 && !request->is_one_number) {
                number = choose_key(load);
            }
            put_digits(text + place->at, place->digits, number / place->divide + place->add);
        }
    }
}

/* Write what is left of the pipeline; false when the connection is lost. */
static bool flush(struct load *load, struct connection *connection, struct errmsg *error)
{
    struct buf *requests = &connection->requests;
    ssize_t written = send(connection->fd, requests->data + connection->sent,
                           requests->len - connection->sent, MSG_NOSIGNAL);
    bool awaits_room;

    if (written < 0 && errno != EAGAIN) {
        errmsg_set(error, "sending: %s", strerror(errno));
        return false;
    }
    connection->sent += written > 0 ? (size_t)written : 0;
    awaits_room = connection->sent < requests->len;
    if (awaits_room == connection->awaits_room) {
        return true;
    }
    connection->awaits_room = awaits_room;
    return watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | (awaits_room ? EPOLLOUT : 0U));
}

static bool send_pipeline(struct load *load, struct connection *connection, struct errmsg *error)
{
    load->pipelines_left--;
    load->busy_count++;
    patch_keys(load, connection);
    connection->due = load->task->pipeline;
    connection->reply_at = 0;
    connection->lines_at = 0;
    connection->sent = 0;
    if (load->task->latency_us != NULL) {
        connection->sent_at_us = clock_mono_now().us;
    }
    return flush(load, connection, error);
}

/* ---- receiving --------------------------------------------------------------------------------*/

static bool refuse(struct bytes in, const char *what, struct errmsg *error)
{
    size_t shown = in.len < 120 ? in.len : 120;

    errmsg_set(error, "%s: '%.*s'", what, (int)shown, in.data);
    return false;
}

static size_t step_size(const struct load_request *request, const struct connection *connection,
                        struct bytes in)
{
    size_t wanted = request->reply.len - connection->reply_at;

    if (request->line_count > 0) {
        size_t end = bytes_find_byte(in, '\n');

        return end < in.len ? end + 1 : in.len;
    }
    return wanted < in.len ? wanted : in.len;
}

static bool has_right_head(const struct load_request *request, struct bytes in)
{
    size_t head = request->line_count > 0 ? 1 : HEAD_BYTES;

    return memcmp(in.data, request->reply.data, in.len < head ? in.len : head) == 0;
}

static bool take_replies(struct load *load, struct connection *connection, struct bytes in,
                         struct errmsg *error)
{
    const struct load_request *request = load->task->request;

    while (in.len > 0) {
        size_t step = step_size(request, connection, in);
        size_t lines = connection->lines_at + (in.data[step - 1] == '\n' ? 1 : 0);
        bool is_whole = request->line_count > 0 ? lines == request->line_count
                                                : connection->reply_at + step == request->reply.len;

        if (connection->due == 0) {
            return refuse(in, "a reply that nobody asked for", error);
        }
        if (connection->reply_at == 0 && !has_right_head(request, in)) {
            return refuse(in, "a wrong reply", error);
        }
        if (is_whole && in.data[step - 1] != '\n') {
            return refuse(in, "a reply of a wrong size", error);
        }
        connection->due -= is_whole ? 1 : 0;
        connection->reply_at = is_whole ? 0 : connection->reply_at + step;
        connection->lines_at = is_whole || request->line_count == 0 ? 0 : lines;
        in = bytes_from(in, step);
    }
    return true;
}

static bool receive(struct load *load, struct connection *connection, struct errmsg *error)
{
    ssize_t got = recv(connection->fd, load->input, READ_BYTES, MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        errmsg_set(error, "the server has closed the connection");
        return false;
    }
    if (got < 0) {
        return true;
    }
    if (!take_replies(load, connection, bytes_make(load->input, (size_t)got), error)) {
        return false;
    }
    if (connection->due > 0) {
        return true;
    }
    if (load->task->latency_us != NULL) {
        hist_add(load->task->latency_us, clock_mono_now().us - connection->sent_at_us);
    }
    load->busy_count--;
    return load->pipelines_left == 0 || send_pipeline(load, connection, error);
}

/* ---- runs -------------------------------------------------------------------------------------*/

static bool start(struct load *load, struct errmsg *error)
{
    const struct load_task *task = load->task;

    for (size_t i = 0; i < load->connection_count; i++) {
        struct connection *connection = &load->connections[i];

        buf_clear(&connection->requests);
        for (size_t n = 0; n < task->pipeline; n++) {
            buf_append_bytes(&connection->requests, buf_bytes(&task->request->text));
        }
        if (load->pipelines_left > 0 && !send_pipeline(load, connection, error)) {
            return false;
        }
    }
    return true;
}

static bool turn(struct load *load, struct errmsg *error)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->epoll, events, EVENTS_MAX, SILENCE_MS);

    if (count == 0) {
        errmsg_set(error, "no reply for %d ms: one is missing or too short", (int)SILENCE_MS);
        return false;
    }
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;

        if ((events[i].events & EPOLLOUT) != 0 && !flush(load, connection, error)) {
            return false;
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && !receive(load, connection, error)) {
            return false;
        }
    }
    return true;
}

bool load_run(struct load *load, const struct load_task *task, struct load_result *out,
              struct errmsg *error)
{
    int64_t start_us = clock_mono_now().us;
    bool is_ok;

    ASSERT(task->pipeline > 0 && task->key_count > 0 && task->key_count <= LOAD_KEY_LIMIT);
    ASSERT(load->busy_count == 0);
    load->task = task;
    load->next_key = task->first_key;
    load->pipelines_left = (task->request_count + task->pipeline - 1) / task->pipeline;
    *out = (struct load_result){.request_count = load->pipelines_left * task->pipeline};
    is_ok = start(load, error);
    while (is_ok && load->busy_count > 0) {
        is_ok = turn(load, error);
    }
    out->wall_us = clock_mono_now().us - start_us;
    return is_ok;
}

bool load_fill_request(uint16_t port, const struct load_request *request, uint64_t count,
                       uint64_t numbers, struct errmsg *error)
{
    struct load *load = load_open(port, FILL_CONNECTIONS, error);
    struct load_result result;
    struct load_task task = {.request = request,
                             .pipeline = FILL_PIPELINE,
                             .request_count = count,
                             .key_count = numbers,
                             .is_in_order = true};
    bool is_ok = load != NULL && load_run(load, &task, &result, error);

    load_close(load);
    return is_ok;
}

bool load_fill(uint16_t port, const struct load_shape *shape, uint64_t key_count,
               struct errmsg *error)
{
    struct load_request request;
    bool is_ok;

    ASSERT(shape->command == LOAD_SET && shape->key_count <= 1);
    load_request_init(&request, shape);
    is_ok = load_fill_request(port, &request, key_count, key_count, error);
    load_request_deinit(&request);
    return is_ok;
}
