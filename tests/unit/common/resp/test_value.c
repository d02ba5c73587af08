/* SPDX-License-Identifier: MIT */
/* resp/value. */
#include "resp/value.h"

#include "base/attr.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct resp_limits usual = {.max_args = 1024 * 1024,
                                         .max_bulk_bytes = 512 * 1024 * 1024,
                                         .max_inline_bytes = 64 * 1024,
                                         .max_depth = 32};

static struct resp_value must_read(struct bytes in)
{
    struct resp_value value;
    struct errmsg error;
    size_t consumed;

    cr_assert_eq(resp_value_read(in, &usual, &value, &consumed, &error), RESP_OK);
    cr_assert_eq(consumed, in.len);
    return value;
}

static const struct {
    const char *in;
    enum resp_type type;
    const char *text;
    int64_t integer;
} scalars[] = {
    {"+OK\r\n",                      RESP_SIMPLE,     "OK",                      0  },
    {"-ERR no\r\n",                  RESP_FAILURE,    "ERR no",                  0  },
    {":-12\r\n",                     RESP_INTEGER,    "-12",                     -12},
    {"$3\r\na\nb\r\n",               RESP_BULK,       "a\nb",                    0  },
    {"$0\r\n\r\n",                   RESP_BULK,       "",                        0  },
    {"$-1\r\n",                      RESP_NULL,       "",                        0  },
    {"*-1\r\n",                      RESP_NULL,       "",                        0  },
    {"_\r\n",                        RESP_NULL,       "",                        0  },
    {"#t\r\n",                       RESP_BOOLEAN,    "t",                       1  },
    {"#f\r\n",                       RESP_BOOLEAN,    "f",                       0  },
    {"!5\r\nERR x\r\n",              RESP_FAILURE,    "ERR x",                   0  },
    {"=7\r\nmkd:# x\r\n",            RESP_VERBATIM,   "# x",                     0  },
    {"(12345678901234567890123\r\n", RESP_BIG_NUMBER, "12345678901234567890123", 0  },
    {"|1\r\n+ttl\r\n:5\r\n+v\r\n",   RESP_SIMPLE,     "v",                       0  },
};

Test(value, scalars_of_both_versions_are_read)
{
    for (size_t i = 0; i < ARRAY_COUNT(scalars); i++) {
        struct resp_value value = must_read(bytes_from_text(scalars[i].in));

        cr_assert_eq(value.type, scalars[i].type, "%s", scalars[i].in);
        cr_assert(bytes_equal_text(resp_value_bytes(&value), scalars[i].text), "%s", scalars[i].in);
        cr_assert_eq(value.integer, scalars[i].integer, "%s", scalars[i].in);
        resp_value_deinit(&value);
    }
    cr_assert_eq(mem_used_total(), 0);
}

Test(value, doubles_keep_their_text_and_their_number)
{
    struct resp_value value = must_read(BYTES_LITERAL(",3.25\r\n"));

    cr_assert_eq(value.type, RESP_DOUBLE);
    cr_assert(value.number > 3.24 && value.number < 3.26);
    resp_value_deinit(&value);
    value = must_read(BYTES_LITERAL(",-inf\r\n"));
    cr_assert(isinf(value.number) && value.number < 0);
    resp_value_deinit(&value);
    value = must_read(BYTES_LITERAL(",nan\r\n"));
    cr_assert(isnan(value.number));
    resp_value_deinit(&value);
}

Test(value, aggregates_are_trees_of_children)
{
    struct resp_value value = must_read(
        BYTES_LITERAL("%2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n+b\r\n~2\r\n#t\r\n>1\r\n_\r\n"));
    const struct resp_value *a = resp_value_find(&value, "a");
    const struct resp_value *b = resp_value_find(&value, "b");

    cr_assert_eq(value.type, RESP_MAP);
    cr_assert_eq(value.child_count, 4);
    cr_assert_eq(a->type, RESP_ARRAY);
    cr_assert_eq(a->children[0].integer, 1);
    cr_assert_eq(a->children[1].child_count, 0);
    cr_assert_eq(b->type, RESP_SET);
    cr_assert_eq(b->children[1].type, RESP_PUSH);
    cr_assert_null(resp_value_find(&value, "c"));
    cr_assert_null(resp_value_find(b, "a"), "only maps and arrays have keys");
    resp_value_deinit(&value);
    cr_assert_eq(mem_used_total(), 0);
}

Test(value, nothing_is_kept_until_all_is_there)
{
    struct bytes in =
        BYTES_LITERAL("*3\r\n$5\r\nhello\r\n%1\r\n+k\r\n:1\r\n|1\r\n+a\r\n+b\r\n,1\r\n");
    struct resp_value_scan scan = {0};
    struct resp_value value;
    struct errmsg error;
    size_t consumed;

    for (size_t len = 0; len < in.len; len++) {
        struct bytes part = bytes_prefix(in, len);

        cr_assert_eq(resp_value_read(part, &usual, &value, &consumed, &error), RESP_MORE);
        cr_assert_eq(resp_value_scan(&scan, part, &usual, &error), RESP_MORE, "at %zu", len);
        cr_assert_eq(mem_used_total(), 0);
    }
    cr_assert_eq(resp_value_scan(&scan, in, &usual, &error), RESP_OK);
    cr_assert_eq(scan.at, in.len);
    value = must_read(in);
    cr_assert_eq(value.child_count, 3);
    resp_value_deinit(&value);
}

static const char *const refused[] = {
    "?\r\n",   "GET\r\n",      ":x\r\n",       ":\r\n",          "$x\r\n",         "$-2x\r\n",
    "%-1\r\n", "~-1\r\n",      "!-1\r\n",      "#x\r\n",         ",x\r\n",         "$1\r\nabc",
    "+OK\n",   "=2\r\nab\r\n", "*1048577\r\n", "$536870913\r\n", "=4\r\ntxt;\r\n",
};

Test(value, what_is_not_a_value_is_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct resp_value value;
        struct errmsg error = {0};
        size_t consumed;

        cr_assert_eq(
            resp_value_read(bytes_from_text(refused[i]), &usual, &value, &consumed, &error),
            RESP_ERROR, "%s", refused[i]);
        cr_assert(error.text[0] != '\0');
        cr_assert_eq(mem_used_total(), 0);
    }
}

static enum resp_status read_nested(size_t levels)
{
    struct buf in = {0};
    struct resp_value value;
    struct errmsg error;
    size_t consumed;
    enum resp_status status;

    for (size_t i = 0; i < levels; i++) {
        buf_append_text(&in, "*1\r\n");
    }
    buf_append_text(&in, ":1\r\n");
    status = resp_value_read(buf_bytes(&in), &usual, &value, &consumed, &error);
    resp_value_deinit(&value);
    buf_deinit(&in);
    return status;
}

Test(value, nesting_ends_at_the_limit)
{
    cr_assert_eq(read_nested(32), RESP_OK);
    cr_assert_eq(read_nested(33), RESP_ERROR);
    cr_assert_eq(read_nested(100000), RESP_ERROR);
    cr_assert_eq(mem_used_total(), 0);
}

Test(value, a_declared_count_alone_takes_no_memory)
{
    struct resp_value value;
    struct errmsg error;
    size_t consumed;

    cr_assert_eq(
        resp_value_read(BYTES_LITERAL("*1000000\r\n:1\r\n"), &usual, &value, &consumed, &error),
        RESP_MORE);
    cr_assert_eq(
        resp_value_read(BYTES_LITERAL("$536870912\r\nab"), &usual, &value, &consumed, &error),
        RESP_MORE);
    cr_assert_eq(mem_used_total(), 0);
}
