/* SPDX-License-Identifier: MIT */
/* Loading: its phases, what fails in each, and that the data is then as it was. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MANY_KEYS 20000

static void send(struct alone *a, const char *lines)
{
    struct buf out;

    alone_pass(a, 1000, 0, bytes_from_text(lines));
    alone_settle(a, 1000);
    out = alone_take(a, 0);
    cr_assert_gt(out.len, 0);
    cr_assert_neq(out.data[0], '-', "%s: %s", lines, buf_text(&out));
    buf_deinit(&out);
}

/* The file of a node that was sent the lines; the caller's to deinit. */
static struct buf file_after(const char *lines)
{
    struct alone *a = alone_new(&(struct alone_option){"enable-debug-command", "yes"}, 1);
    struct buf file = {0};

    alone_connect(a, 0);
    send(a, lines);
    send(a, "SAVE\r\n");
    buf_append_bytes(&file, buf_bytes(&disk_find(&a->disk, "dump.rdb")->content));
    cr_assert_gt(file.len, 0);
    alone_free(a);
    return file;
}

static struct buf many_keys(void)
{
    char line[64];

    snprintf(line, sizeof(line), "DEBUG POPULATE %d key 100\r\nSET k v\r\n", MANY_KEYS - 1);
    return file_after(line);
}

static struct alone *start(const char *host_and_port)
{
    struct alone_option options[] = {
        {"dbfilename", "dump.rdb"   },
        {"replicaof",  host_and_port}
    };
    struct alone *a = alone_new(options, host_and_port != NULL ? 2 : 1);

    alone_connect(a, 0);
    return a;
}

static struct alone *start_replica(void)
{
    struct alone *a = start("127.0.0.1 7000");

    cr_assert(alone_lead(a));
    alone_primary_sends(a, BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nold\r\n$1\r\n1\r\n"));
    return a;
}

static void put_file(struct alone *a, struct bytes content)
{
    struct errmsg error;

    cr_assert_eq(a->disk.fs.write_whole(a->disk.fs.ctx, "dump.rdb", content, &error), FS_OK);
}

/* With one bit that is not as it was. */
static void put_damaged(struct alone *a, struct bytes content, size_t at)
{
    struct buf copy = {0};

    buf_append_bytes(&copy, content);
    copy.data[at] ^= 1;
    put_file(a, buf_bytes(&copy));
    buf_deinit(&copy);
}

static uint64_t key_count(const struct alone *a)
{
    return keyspace_count_all(a->node->data.keyspace);
}

/* ---- at start --------------------------------------------------------------------------------- */

/* Load the file as at start: false when the node gives up. */
static bool load_at_start(struct alone *a)
{
    struct errmsg error;
    bool is_loaded = false;

    cr_assert(load_begin(a->node, &error));
    while (a->node->loading.phase == LOAD_FILE) {
        load_check(a->node);
        is_loaded = load_step(a->node);
    }
    load_check(a->node);
    return is_loaded;
}

Test(load, at_start_does_nothing_without_a_file)
{
    struct alone *a = start(NULL);
    struct errmsg error;

    cr_assert(load_begin(a->node, &error));
    cr_assert_eq(a->node->loading.phase, LOAD_IDLE);
    alone_free(a);
}

Test(load, at_start_gives_the_data_back_and_a_history_that_goes_on_from_the_files)
{
    struct alone *a = start(NULL);
    struct buf file = many_keys();

    put_file(a, buf_bytes(&file));
    cr_assert(load_at_start(a));
    cr_assert_eq(key_count(a), MANY_KEYS);
    cr_assert_eq(a->node->loading.file_offset, file.len);
    cr_assert_eq(oplog_previous_end(a->node->journal.log), oplog_end(a->node->journal.log));
    cr_assert_gt(oplog_end(a->node->journal.log), 0);
    buf_deinit(&file);
    alone_free(a);
}

/* The record of a string; key and value are short. */
static void append_string(struct buf *out, const char *key, const char *value)
{
    buf_append_byte(out, RDB_TYPE_STRING);
    value_encode_string(out, bytes_from_text(key));
    value_encode_string(out, bytes_from_text(value));
}

Test(load, at_start_takes_the_last_of_records_of_one_key_and_does_not_believe_how_many_there_are)
{
    const struct rdb_sizes sizes = {.count = UINT64_C(1) << 60};
    struct alone *a = start(NULL);
    struct rdb_info info = {.stream_db = -1};
    struct rdb_writer writer;
    struct buf file = {0};
    size_t before;

    rdb_writer_begin(&writer, &file, &info);
    rdb_writer_sizes(&writer, &file, 0, &sizes);
    append_string(&file, "k", "first");
    append_string(&file, "other", "x");
    append_string(&file, "k", "last");
    rdb_writer_end(&writer, &file);
    put_file(a, buf_bytes(&file));
    before = keyspace_live_bytes(a->node->data.keyspace);
    cr_assert(load_at_start(a), "%s", buf_text(&a->warnings));
    cr_expect_eq(key_count(a), 2);
    cr_expect_lt(keyspace_live_bytes(a->node->data.keyspace), before + 10000);
    cr_expect_eq(a->node->loading.batch.count, 0);
    answers_expect(a, "GET k", "$4|last|");
    buf_deinit(&file);
    alone_free(a);
}

Test(load, at_start_ends_the_process_at_a_damaged_or_short_file_and_leaves_it)
{
    struct buf file = many_keys();

    for (int is_short = 0; is_short < 2; is_short++) {
        struct alone *a = start(NULL);

        put_damaged(a, bytes_prefix(buf_bytes(&file), file.len - (is_short ? 100 : 0)),
                    file.len / 2);
        cr_assert_not(load_at_start(a));
        cr_assert(a->has_exited);
        cr_assert_eq(a->exit_code, 1);
        cr_assert_not_null(disk_find(&a->disk, "dump.rdb"));
        cr_expect_not_null(strstr(buf_text(&a->warnings), "It is left as it is"));
        alone_free(a);
    }
    buf_deinit(&file);
}

Test(load, at_start_keeps_what_has_expired_until_an_effect_removes_it)
{
    struct buf file = file_after("SET a 1 PX 60000\r\nSET b 2\r\n");

    for (int is_replica = 0; is_replica < 2; is_replica++) {
        struct alone *a = start(is_replica ? "127.0.0.1 7000" : NULL);

        put_file(a, buf_bytes(&file));
        alone_pass(a, INT64_C(3600000000), ALONE_CLIENTS, (struct bytes){0});
        cr_assert(load_at_start(a));
        cr_assert_eq(key_count(a), 2);
        cr_assert_eq(a->node->loading.expired_count, 1);
        alone_free(a);
    }
    buf_deinit(&file);
}

Test(load, at_start_makes_a_replicas_data_no_younger_than_they_are)
{
    struct buf file = file_after("SET a 1\r\n");
    struct alone *a = start("127.0.0.1 7000");

    put_file(a, buf_bytes(&file));
    alone_pass(a, INT64_C(3600000000), ALONE_CLIENTS, (struct bytes){0});
    cr_assert(mono_is_due(MONO_NEVER, a->node->data.as_of), "nothing is from disk");
    cr_assert(load_at_start(a));
    cr_expect_geq(mono_ms_between(a->node->data.as_of, a->node->now.mono), 3599000);
    data_set_complete(a->node, true); /* followed again */
    cr_expect(mono_is_due(MONO_NEVER, a->node->data.as_of));
    buf_deinit(&file);
    alone_free(a);
}

/* ---- the file again --------------------------------------------------------------------------- */

Test(load, again_replaces_merges_or_adds_as_it_is_told)
{
    struct buf file = file_after("SET a new\r\nSET b new\r\n");
    static const struct {
        const char *there;
        enum load_mode mode;
        bool works;
        uint64_t keys;
    } cases[] = {
        {"SET z 1\r\n",            LOAD_REPLACE, true,  2},
        {"SET z 1\r\n",            LOAD_ADD,     true,  3},
        {"SET a 1\r\nSET z 1\r\n", LOAD_ADD,     false, 2},
        {"SET a 1\r\nSET z 1\r\n", LOAD_MERGE,   true,  3},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = start(NULL);
        struct errmsg error = {0};

        put_file(a, buf_bytes(&file));
        send(a, cases[i].there);
        cr_expect_eq(load_file_again(a->node, cases[i].mode, &error), cases[i].works, "%zu", i);
        cr_expect_eq(cases[i].works, error.text[0] == '\0');
        cr_expect_eq(key_count(a), cases[i].keys, "%zu", i);
        load_check(a->node);
        alone_free(a);
    }
    buf_deinit(&file);
}

Test(load, again_leaves_the_data_as_it_was_when_the_file_is_missing_or_damaged)
{
    struct buf file = many_keys();

    for (int mode = LOAD_REPLACE; mode <= LOAD_ADD; mode++) {
        struct alone *a = start(NULL);
        struct errmsg error = {0};
        uint64_t before;

        send(a, "SET z 1\r\n");
        before = node_digest(a->node);
        cr_assert_not(load_file_again(a->node, (enum load_mode)mode, &error));
        put_file(a, bytes_prefix(buf_bytes(&file), file.len - 1));
        cr_assert_not(load_file_again(a->node, (enum load_mode)mode, &error));
        put_damaged(a, buf_bytes(&file), file.len / 2);
        cr_assert_not(load_file_again(a->node, (enum load_mode)mode, &error));
        cr_assert_eq(node_digest(a->node), before);
        cr_assert_eq(a->node->loading.phase, LOAD_IDLE);
        alone_free(a);
    }
    buf_deinit(&file);
}

/* ---- a full resync ---------------------------------------------------------------------------- */

static bool resync(struct alone *a, struct bytes image, size_t step, struct errmsg *error)
{
    load_resync_begin(a->node);
    while (image.len > 0) {
        size_t len = image.len < step ? image.len : step;

        load_check(a->node);
        if (!load_resync_bytes(a->node, bytes_prefix(image, len), error)) {
            load_resync_abort(a->node);
            return false;
        }
        image = bytes_from(image, len);
    }
    return load_resync_end(a->node, error);
}

Test(load, of_a_resync_serves_the_old_data_until_the_new_is_whole)
{
    struct alone *a = start_replica();
    struct buf file = many_keys();
    struct errmsg error;

    load_resync_begin(a->node);
    cr_assert(load_resync_bytes(a->node, bytes_prefix(buf_bytes(&file), file.len - 1), &error));
    cr_assert_eq(key_count(a), 1);
    cr_assert(load_resync_bytes(a->node, bytes_from(buf_bytes(&file), file.len - 1), &error));
    cr_assert_eq(key_count(a), 1);
    cr_assert(load_resync_end(a->node, &error));
    cr_assert_eq(key_count(a), MANY_KEYS);
    load_check(a->node);
    buf_deinit(&file);
    alone_free(a);
}

Test(load, of_a_resync_that_is_damaged_short_or_too_long_keeps_the_old_data)
{
    struct alone *a = start_replica();
    struct buf file = many_keys();
    struct errmsg error;
    uint64_t before = node_digest(a->node);

    cr_assert_not(resync(a, bytes_prefix(buf_bytes(&file), file.len - 1), 7000, &error));
    load_resync_abort(a->node);
    buf_append_text(&file, "x");
    cr_assert_not(resync(a, buf_bytes(&file), file.len, &error));
    file.len--;
    file.data[file.len / 2] ^= 1;
    cr_assert_not(resync(a, buf_bytes(&file), 7000, &error));
    cr_assert_eq(node_digest(a->node), before);
    cr_assert_eq(a->node->loading.phase, LOAD_IDLE);
    cr_assert_not(load_resync_bytes(a->node, BYTES_LITERAL("x"), &error), "none is under way");
    cr_assert_not(load_resync_end(a->node, &error));
    buf_deinit(&file);
    alone_free(a);
}

Test(load, of_a_resync_begins_anew_when_one_is_under_way)
{
    struct alone *a = start_replica();
    struct buf file = file_after("SET a 1\r\nSET b 2\r\n");
    struct errmsg error;

    load_resync_begin(a->node);
    cr_assert(load_resync_bytes(a->node, bytes_prefix(buf_bytes(&file), 20), &error));
    cr_assert(resync(a, buf_bytes(&file), 1, &error), "%s", error.text);
    cr_assert_eq(key_count(a), 2);
    buf_deinit(&file);
    alone_free(a);
}

enum {
    LARGE_MEMBERS = 1500,
    CUTS = 120,
};

/* A file with a large value of each type: a cut is likely to lie in the midst of one. */
static struct buf large_values(void)
{
    struct buf requests = {0};
    struct buf file;

    for (unsigned i = 0; i < LARGE_MEMBERS; i++) {
        buf_printf(&requests,
                   "HSET hash f%u v\r\nHSETEX volatile EX 1000 FIELDS 1 f%u v\r\nSADD set m%u\r\n"
                   "ZADD zset %u m%u\r\nRPUSH list element:%u\r\nXADD stream %u-1 f v\r\n",
                   i, i, i, i, i, i, i + 1);
    }
    buf_append_text(&requests,
                    "XGROUP CREATE stream g 0\r\nXREADGROUP GROUP g c STREAMS stream >\r\n");
    file = file_after(buf_text(&requests));
    buf_deinit(&requests);
    return file;
}

Test(load, a_resync_may_be_given_up_in_the_midst_of_any_value)
{
    struct buf file = large_values();
    struct errmsg error;

    for (size_t i = 1; i <= CUTS; i++) {
        struct alone *a = start_replica();

        load_resync_begin(a->node);
        cr_assert(load_resync_bytes(
                      a->node, bytes_prefix(buf_bytes(&file), file.len * i / (CUTS + 1)), &error),
                  "%s", error.text);
        if (i % 2 == 0) {
            load_resync_abort(a->node);
            cr_assert_eq(key_count(a), 1);
        } /* else the node ends */
        alone_free(a);
    }
    buf_deinit(&file);
}

/* ---- moves ------------------------------------------------------------------------------------ */

Test(load, of_a_file_does_not_begin_while_a_resync_is_under_way, .signal = SIGABRT)
{
    struct alone *a = start_replica();
    struct errmsg error;

    load_resync_begin(a->node);
    put_file(a, BYTES_LITERAL("REDIS0009"));
    cr_assert(load_begin(a->node, &error));
}

Test(load, of_the_file_again_does_not_begin_while_a_resync_is_under_way, .signal = SIGABRT)
{
    struct alone *a = start_replica();
    struct errmsg error;

    load_resync_begin(a->node);
    cr_assert(load_file_again(a->node, LOAD_REPLACE, &error));
}

Test(load, has_no_slice_when_nothing_is_loaded, .signal = SIGABRT)
{
    (void)load_step(start(NULL)->node);
}

Test(load, of_a_resync_is_a_replicas, .signal = SIGABRT)
{
    load_resync_begin(start(NULL)->node);
}
