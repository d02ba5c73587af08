/* SPDX-License-Identifier: MIT */
/* cli/import_source: files that are bytes, on their way to requests. */
#include "cli/import_source.h"

#include "base/mem.h"

#include <criterion/criterion.h>

#include <string.h>

#define SELECT_0 "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
#define SELECT_3 "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
#define SET(k)   "*3\r\n$3\r\nSET\r\n$1\r\n" k "\r\n$1\r\n1\r\n"
#define MULTI    "*1\r\n$5\r\nMULTI\r\n"
#define EXEC     "*1\r\n$4\r\nEXEC\r\n"
#define FLUSHALL "*1\r\n$8\r\nFLUSHALL\r\n"

static struct import_source source;
static struct errmsg error;

static void set_up(void)
{
    source = (struct import_source){.db = -1};
    error = (struct errmsg){0};
}

static void tear_down(void)
{
    import_source_close(&source);
    cr_assert_eq(mem_used_total(), 0);
}

TestSuite(import_source, .init = set_up, .fini = tear_down);

static void add(const char *name, const char *text)
{
    import_source_add(&source, name, bytes_from_text(text));
}

static void expect_requests(const char *expected)
{
    struct buf out = {0};

    while (import_source_next(&source, &out)) {
    }
    cr_expect_str_eq(buf_text(&out), expected, "%s", buf_text(&out));
    cr_expect_eq(source.done_bytes, source.facts.total_bytes);
    buf_deinit(&out);
}

Test(import_source, has_the_requests_of_an_aof_as_they_are_and_no_annotations)
{
    add("a", "#TS:1764250000\r\n" SELECT_0 SET("a") "#TS:1764250001\r\n" MULTI SET("b") SET("c")
                 EXEC SELECT_3 SET("d"));
    cr_assert(import_source_check(&source, &error), "%s", error.text);
    cr_expect_eq(source.facts.requests, 8);
    cr_expect_eq(source.facts.greatest_db, 3);
    cr_expect(source.facts.has_aof);
    expect_requests(SELECT_0 SELECT_0 SET("a") MULTI SET("b") SET("c") EXEC SELECT_3 SET("d"));
    cr_expect_eq(source.made, 9);
}

Test(import_source, begins_each_file_in_database_0)
{
    add("a", SELECT_3 SET("a"));
    add("b", SET("b"));
    cr_assert(import_source_check(&source, &error), "%s", error.text);
    expect_requests(SELECT_0 SELECT_3 SET("a") SELECT_0 SET("b"));
}

Test(import_source, goes_into_a_cluster_without_databases_and_transactions)
{
    add("a", SELECT_0 SET("a") MULTI SET("b") EXEC);
    cr_assert(import_source_check(&source, &error), "%s", error.text);
    cr_expect_str_eq(source.facts.unspreadable.text, "");
    source.is_for_cluster = true;
    expect_requests(SET("a") SET("b"));
}

#define W1(a)      "$1\r\n" a "\r\n"
#define XTRIM      "$5\r\nXTRIM\r\n" W1("k")
#define XADD       "$4\r\nXADD\r\n" W1("k")
#define MAXLEN     "$6\r\nMAXLEN\r\n"
#define LIMIT      "$5\r\nLIMIT\r\n" W1("9")
#define NOMKSTREAM "$10\r\nNOMKSTREAM\r\n"

Test(import_source, leaves_out_a_limit_beside_an_exact_length)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"*7\r\n" XTRIM MAXLEN W1("=") W1("5") LIMIT,                                    "*5\r\n" XTRIM MAXLEN W1("=") W1("5")},
        {"*6\r\n" XTRIM MAXLEN W1("5") LIMIT,                                            "*4\r\n" XTRIM MAXLEN W1("5")        },
        {"*7\r\n" XTRIM MAXLEN W1("~") W1("5") LIMIT,                                    NULL                                 },
        {"*5\r\n" XTRIM MAXLEN W1("=") W1("5"),                                          NULL                                 },
        {"*10\r\n" XADD MAXLEN W1("=") W1("5") LIMIT W1("*") W1("f") W1("v"),
         "*8\r\n" XADD MAXLEN W1("=") W1("5") W1("*") W1("f") W1("v")                                                         },
        {"*11\r\n" XADD NOMKSTREAM MAXLEN W1("=") W1("5") LIMIT W1("*") W1("f") W1("v"),
         "*9\r\n" XADD NOMKSTREAM MAXLEN W1("=") W1("5") W1("*") W1("f") W1("v")                                              },
        {"*5\r\n" XADD W1("*") LIMIT,                                                    NULL                                 }, /* a field of that name */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        import_source_close(&source);
        source.db = 0;
        add("a", cases[i].in);
        cr_assert(import_source_check(&source, &error), "%s", error.text);
        source.db = 0;
        expect_requests(cases[i].out != NULL ? cases[i].out : cases[i].in);
    }
}

Test(import_source, says_what_cannot_be_spread_over_a_cluster)
{
    add("a", SELECT_0 SET("a") FLUSHALL SET("b"));
    cr_assert(import_source_check(&source, &error), "%s", error.text);
    cr_expect_str_eq(source.facts.unspreadable.text,
                     "a has FLUSHALL at byte 50, which names no key");
}

Test(import_source, cuts_the_last_file_where_its_last_whole_request_or_transaction_ends)
{
    static const char text[] = SELECT_0 SET("a") MULTI SET("b") EXEC;
    size_t first = strlen(SELECT_0);
    size_t second = strlen(SELECT_0 SET("a"));

    for (size_t len = 1; len < strlen(text); len++) {
        size_t kept = len >= second ? second : len >= first ? first : 0;

        import_source_close(&source);
        source.db = -1;
        import_source_add(&source, "a", bytes_make(text, len));
        cr_assert(import_source_check(&source, &error), "%zu: %s", len, error.text);
        cr_expect_eq(source.files.items[0].bytes.len, kept, "%zu", len);
        cr_expect_eq(source.facts.cut.text[0] != '\0', len != kept, "%zu", len);
    }
}

Test(import_source, cuts_only_the_last_file)
{
    add("a", SELECT_0 MULTI SET("a"));
    add("b", SET("b"));
    cr_assert_not(import_source_check(&source, &error));
    cr_expect_not_null(strstr(error.text, "a ends in the middle"), "%s", error.text);
}

Test(import_source, refuses_what_is_no_request_and_says_where)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"hello\n",               "a: at byte 0 is no request" },
        {SELECT_0 "SET a 1\r\n",  "a: at byte 23 is no request"},
        {SELECT_0 "*x\r\n",       "a: at byte 23 is no request"},
        {SELECT_0 "*1\r\n:1\r\n", "a: at byte 23 is no request"},
        {"REDIS0009\xff",         "a: what begins at byte 10"  },
        {"REDIS0099",             "a: it has version 99"       },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        import_source_close(&source);
        add("a", cases[i].text);
        error = (struct errmsg){0};
        cr_expect_not(import_source_check(&source, &error), "%zu", i);
        cr_expect_not_null(strstr(error.text, cases[i].reason), "%s", error.text);
    }
}

Test(import_source, refuses_an_empty_file_but_not_one_of_several)
{
    add("a.rdb", "");
    cr_expect_not(import_source_check(&source, &error));
    cr_expect_str_eq(error.text, "a.rdb is empty: there is nothing to import");
    add("a.aof", SET("a"));
    cr_expect(import_source_check(&source, &error), "%s", error.text);
    expect_requests(SELECT_0 SET("a"));
}

static bool has(const struct buf *out, const char *text)
{
    return memmem(out->data, out->len, text, strlen(text)) != NULL;
}

/* A snapshot of version 9 with a string k in database 0 and one with an expiry in 3, and an AOF behind it. */
static const char snapshot[] = "REDIS0009\0\1k\1v\xfe\3\xfc\1\0\0\0\0\0\0\0\0\1e\1w"
                               "\xff\0\0\0\0\0\0\0\0" SET("a");

Test(import_source, restores_the_records_of_a_snapshot_and_goes_on_with_the_aof_behind_it)
{
    struct buf out = {0};

    import_source_add(&source, "a", bytes_make(snapshot, sizeof(snapshot) - 1));
    cr_assert(import_source_check(&source, &error), "%s", error.text);
    cr_expect_eq(source.facts.records, 2);
    cr_expect_eq(source.facts.requests, 1);
    cr_expect_eq(source.facts.greatest_db, 3);
    source.replaces = true;
    while (import_source_next(&source, &out)) {
    }
    /* DUMP of a string in version 9: its type, its length, itself, the version, a checksum. */
    cr_expect(bytes_begins_with(buf_bytes(&out),
                                BYTES_LITERAL(SELECT_0 "*5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0"
                                                       "\r\n$13\r\n\0\1v\x09\0")));
    cr_expect(has(&out, SELECT_3 "*6\r\n$7\r\nRESTORE\r\n$1\r\ne\r\n$1\r\n1"));
    cr_expect(has(&out, "$6\r\nABSTTL\r\n$7\r\nREPLACE\r\n" SELECT_0 SET("a")));
    cr_expect_eq(source.made, 6);
    buf_deinit(&out);
}

Test(import_source, finds_the_files_of_a_path)
{
    struct import_source found;

    cr_assert(import_source_open(&found, "tests/samples/redis7.rdb", &error), "%s", error.text);
    cr_expect_eq(found.facts.records, 43);
    import_source_close(&found);
    cr_expect_not(import_source_open(&found, "tests/samples", &error));
    cr_expect_str_eq(error.text, "tests/samples has no manifest of an AOF in it, and no dump.rdb");
    import_source_close(&found);
    cr_expect_not(import_source_open(&found, "tests/nosuch", &error));
    cr_expect_str_eq(error.text, "tests/nosuch: No such file or directory");
    import_source_close(&found);
}
