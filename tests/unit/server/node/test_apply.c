/* SPDX-License-Identifier: MIT */
/* The primary's stream, and what becomes of requests that this node does not know. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static struct alone *start(void)
{
    struct alone *a = alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    return a;
}

static void expect(struct alone *a, const char *request, const char *part)
{
    struct buf out;

    alone_pass(a, 1000, 0, bytes_from_text(request));
    out = alone_take(a, 0);
    cr_expect_not_null(strstr(buf_text(&out), part), "%s gives %s", request, buf_text(&out));
    buf_deinit(&out);
}

static uint64_t offset_of(const struct alone *a)
{
    struct node_facts facts;

    node_facts(a->node, &facts);
    return facts.offset;
}

#define SET_K "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"

Test(apply, stops_at_a_request_that_cannot_be_executed_and_keeps_what_came_before)
{
    static const char *const requests[] = {
        "*3\r\n$5\r\nVSETX\r\n$1\r\nl\r\n$1\r\nv\r\n",
        "*2\r\n$3\r\nSET\r\n$1\r\nk\r\n",
        "*1\r\n$6\r\nXGROUP\r\n",
        "*4\r\n$6\r\nXGROUP\r\n$5\r\nSPLIT\r\n$1\r\ns\r\n$1\r\ng\r\n",
        "*3\r\n$6\r\nXGROUP\r\n$7\r\nDESTROY\r\n$1\r\ns\r\n",
        "*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n",
        "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n"
        "*2\r\n$4\r\nSADD\r\n$1\r\ns\r\n*1\r\n$4\r\nEXEC\r\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct alone *a = start();
        uint64_t before = offset_of(a);
        struct buf bytes = {0};

        buf_printf(&bytes, "%s%s%s", SET_K, requests[i], SET_K);
        alone_primary_sends(a, buf_bytes(&bytes));
        buf_deinit(&bytes);
        cr_assert_eq(offset_of(a), before + strlen(SET_K), "%s", requests[i]);
        expect(a, "INFO replication\r\n", "master_link_status:down\r\n");
        expect(a, "INFO replication\r\n", "master_link_error:the primary sent '");
        cr_expect_not_null(strstr(buf_text(&a->warnings), "replication has stopped"));
        expect(a, "GET k\r\n", "$1\r\nv\r\n");
        for (int pass = 0; pass < 100; pass++) {
            alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
        }
        cr_assert_eq(a->primary_link, 0, "nobody tries again");
        alone_free(a);
    }
}

Test(apply, goes_on_where_it_stopped_when_somebody_says_so)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL("*2\r\n$6\r\nNOSUCH\r\n$1\r\nl\r\n"));
    cr_assert_not(a->is_primary_link_up);
    expect(a, "REPLICAOF 127.0.0.1 7000\r\n", "+OK\r\n");
    cr_assert(alone_lead(a));
    expect(a, "INFO replication\r\n", "master_link_status:up\r\n");
    alone_primary_sends(a, BYTES_LITERAL(SET_K));
    expect(a, "GET k\r\n", "$1\r\nv\r\n");
    alone_free(a);
}

#define RENAME_NOTHING "*3\r\n$6\r\nRENAME\r\n$1\r\nx\r\n$1\r\ny\r\n"

/* Wait until it connects again, and let it do so. */
static void come_again(struct alone *a)
{
    for (int pass = 0; pass < 100 && a->primary_link == 0; pass++) {
        alone_pass(a, SECOND_US / 10, ALONE_CLIENTS, (struct bytes){0});
    }
    cr_assert_neq(a->primary_link, 0, "it does not come again");
    a->asked[0] = '\0';
    (void)alone_lead(a);
}

Test(apply, asks_for_a_full_resync_once_when_a_request_fails_since_the_data_differ)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL(SET_K RENAME_NOTHING));
    expect(a, "INFO replication\r\n", "master_link_status:down\r\n");
    cr_expect_not_null(strstr(buf_text(&a->warnings), "the data here differ from the primary's"));
    come_again(a);
    cr_assert_not_null(strstr(a->asked, "\r\n?\r\n"), "it asks for %s", a->asked);
    alone_free(a);
}

Test(apply, stops_when_a_full_resync_was_no_help)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL(RENAME_NOTHING));
    apply_replaced(a->node); /* as the full resync would have said */
    come_again(a);
    cr_assert(a->is_primary_link_up);
    alone_primary_sends(a, BYTES_LITERAL(RENAME_NOTHING));
    cr_expect_not_null(strstr(buf_text(&a->warnings), "replication has stopped"));
    for (int pass = 0; pass < 100; pass++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
    cr_assert_eq(a->primary_link, 0, "nobody tries again");
    alone_free(a);
}

Test(apply, after_a_part_of_a_transaction_nothing_but_a_full_resync_is_asked_for)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL("*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
                                         "*4\r\n$7\r\nRESTORE\r\n$1\r\nl\r\n$1\r\n0\r\n$3\r\n"
                                         "bad\r\n*1\r\n$4\r\nEXEC\r\n"));
    cr_assert_not(a->is_primary_link_up);
    cr_expect_null(strstr(a->asked, "\r\n?\r\n"), "at first it went on from where it was");
    come_again(a); /* to one that offers no full resync */
    cr_expect_not_null(strstr(a->asked, "\r\n?\r\n"), "it asks for %s", a->asked);
    alone_free(a);
}

Test(apply, passes_over_what_is_not_about_data)
{
    struct alone *a = start();

    alone_primary_sends(
        a, BYTES_LITERAL("*1\r\n$4\r\nPING\r\n*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\n"
                         "m\r\n\r\n*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$1\r\nx\r\n" SET_K));
    expect(a, "INFO replication\r\n", "master_link_status:up\r\n");
    expect(a, "GET k\r\n", "$1\r\nv\r\n");
    alone_free(a);
}

Test(apply, executes_subcommands)
{
    struct alone *a = start();

    alone_primary_sends(
        a, BYTES_LITERAL("*6\r\n$6\r\nxgroup\r\n$6\r\ncreate\r\n$1\r\ns\r\n$1\r\ng\r\n$1\r\n0\r\n"
                         "$8\r\nMKSTREAM\r\n" SET_K));
    expect(a, "XINFO GROUPS s\r\n", "$4\r\nname\r\n$1\r\ng\r\n");
    expect(a, "INFO commandstats\r\n", "cmdstat_xgroup|create:calls=1,");
    expect(a, "GET k\r\n", "$1\r\nv\r\n");
    alone_free(a);
}

Test(apply, counts_in_the_statistics_of_commands)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL(SET_K SET_K));
    expect(a, "INFO commandstats\r\n", "cmdstat_set:calls=2,");
    expect(a, "CONFIG RESETSTAT\r\n", "+OK");
    alone_primary_sends(a, BYTES_LITERAL(SET_K));
    expect(a, "INFO commandstats\r\n", "cmdstat_set:calls=1,");
    alone_free(a);
}

#define MULTI  "*1\r\n$5\r\nMULTI\r\n"
#define EXEC   "*1\r\n$4\r\nEXEC\r\n"
#define INCR_K "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"
#define SELECT "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
#define GETACK "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"

Test(apply, appends_a_request_when_it_is_whole_wherever_it_is_cut)
{
    static const char text[] = SET_K SELECT INCR_K "\r\n" INCR_K;
    struct alone *whole = start();

    alone_primary_sends(whole, bytes_from_text(text));
    for (size_t cut = 1; cut < strlen(text); cut += 3) {
        struct alone *a = start();
        uint64_t before = offset_of(a);

        alone_primary_sends(a, bytes_make(text, cut));
        cr_assert_leq(offset_of(a), before + cut);
        apply_check(a->node);
        alone_primary_sends(a, bytes_from(bytes_from_text(text), cut));
        cr_assert_eq(offset_of(a), before + strlen(text));
        cr_assert_eq(node_digest(a->node), node_digest(whole->node));
        alone_free(a);
    }
    cr_assert_eq(whole->node->apply.db, 3);
    cr_assert_eq(whole->node->journal.stream_db, 3);
    alone_free(whole);
}

Test(apply, appends_and_executes_a_transaction_as_a_whole)
{
    struct alone *a = start();
    uint64_t before = offset_of(a);

    alone_primary_sends(a, BYTES_LITERAL(MULTI INCR_K INCR_K));
    cr_assert_eq(offset_of(a), before);
    cr_assert_eq(keyspace_count_all(a->node->data.keyspace), 0);
    cr_assert(a->node->apply.is_in_multi);
    apply_check(a->node);
    alone_primary_sends(a, BYTES_LITERAL(EXEC));
    cr_assert_eq(offset_of(a), before + strlen(MULTI INCR_K INCR_K EXEC));
    cr_assert_not(a->node->apply.is_in_multi || a->node->apply.needs_resync);
    expect(a, "GET k\r\n", "$1\r\n2\r\n");
    alone_free(a);
}

Test(apply, drops_what_was_not_complete_when_it_begins_anew)
{
    struct alone *a = start();

    alone_primary_sends(a, BYTES_LITERAL(MULTI INCR_K "*3\r\n$3"));
    apply_restart(a->node, 5);
    apply_check(a->node);
    cr_assert_eq(a->node->apply.db, 5);
    cr_assert_eq(a->node->journal.stream_db, 5);
    alone_primary_sends(a, BYTES_LITERAL(SET_K));
    expect(a, "SELECT 5\r\nGET k\r\n", "$1\r\nv\r\n");
    apply_restart(a->node, 99);
    cr_assert_eq(a->node->apply.db, 0, "there is no such database here");
    alone_free(a);
}

Test(apply, tells_once_that_an_acknowledgement_was_asked_for_and_where)
{
    struct alone *a = start();
    uint64_t before = offset_of(a);
    uint64_t offset;
    struct errmsg error;

    cr_assert_not(apply_take_ack(a->node, &offset));
    cr_assert(apply_bytes(a->node, BYTES_LITERAL(SET_K GETACK SET_K), &error));
    cr_assert(apply_take_ack(a->node, &offset));
    cr_assert_eq(offset, before + strlen(SET_K), "before the question");
    cr_assert_not(apply_take_ack(a->node, &offset));
    alone_free(a);
}

Test(apply, takes_nothing_where_we_are_the_primary, .signal = SIGABRT)
{
    struct errmsg error;

    cr_assert(apply_bytes(alone_new(NULL, 0)->node, BYTES_LITERAL(SET_K), &error));
}
