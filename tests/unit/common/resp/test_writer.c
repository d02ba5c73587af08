/* SPDX-License-Identifier: MIT */
/* resp/writer. */
#include "resp/writer.h"

#include <criterion/criterion.h>
#include <math.h>

static struct buf text;

static void expect(const char *expected)
{
    cr_assert_str_eq(buf_text(&text), expected);
    buf_deinit(&text);
}

static struct resp_writer writer(int version)
{
    return (struct resp_writer){.out = &text, .version = version};
}

Test(writer, types_that_both_versions_have_look_the_same)
{
    for (int version = 2; version <= 3; version++) {
        struct resp_writer w = writer(version);

        resp_write_simple(&w, "PONG");
        resp_write_ok(&w);
        resp_write_error(&w, "ERR no %s", "key");
        resp_write_integer(&w, INT64_MIN);
        resp_write_bulk(&w, BYTES_LITERAL("a b"));
        resp_write_bulk_text(&w, "");
        resp_write_bulk_printf(&w, "%d-%d", 1, 2);
        resp_write_array(&w, 0);
        expect("+PONG\r\n+OK\r\n-ERR no key\r\n:-9223372036854775808\r\n$3\r\na b\r\n$0\r\n\r\n"
               "$3\r\n1-2\r\n*0\r\n");
    }
}

Test(writer, version_2_gets_the_customary_shapes)
{
    struct resp_writer w = writer(2);

    resp_write_null(&w);
    resp_write_null_array(&w);
    resp_write_boolean(&w, true);
    resp_write_double(&w, 1.5);
    resp_write_verbatim(&w, "txt", BYTES_LITERAL("hi"));
    resp_write_map(&w, 2);
    resp_write_set(&w, 1);
    resp_write_push(&w, 3);
    expect("$-1\r\n*-1\r\n:1\r\n$3\r\n1.5\r\n$2\r\nhi\r\n*4\r\n*1\r\n*3\r\n");
}

Test(writer, version_3_gets_its_own_types)
{
    struct resp_writer w = writer(3);

    resp_write_null(&w);
    resp_write_null_array(&w);
    resp_write_boolean(&w, false);
    resp_write_double(&w, -0.1);
    resp_write_verbatim(&w, "txt", BYTES_LITERAL("hi"));
    resp_write_map(&w, 2);
    resp_write_set(&w, 1);
    resp_write_push(&w, 3);
    expect("_\r\n_\r\n#f\r\n,-0.1\r\n=6\r\ntxt:hi\r\n%2\r\n~1\r\n>3\r\n");
}

Test(writer, doubles_are_as_short_as_they_can_be)
{
    struct resp_writer w = writer(3);

    resp_write_double(&w, 3.0);
    resp_write_double(&w, 0.1 + 0.2);
    resp_write_double(&w, (double)INFINITY);
    resp_write_double(&w, (double)-INFINITY);
    resp_write_double(&w, (double)NAN);
    resp_write_double(&w, 1e300);
    resp_write_double(&w, 1.5e-7);
    resp_write_double(&w, -0.0);
    resp_write_double(&w, 1e17);
    expect(",3\r\n,0.30000000000000004\r\n,inf\r\n,-inf\r\n,nan\r\n,1e+300\r\n,1.5e-7\r\n,-0\r\n"
           ",100000000000000000\r\n");
    w = writer(2);
    resp_write_double(&w, 0.1);
    resp_write_double(&w, (double)-INFINITY);
    expect("$3\r\n0.1\r\n$4\r\n-inf\r\n");
}

Test(writer, an_error_cannot_break_out_of_its_line)
{
    struct resp_writer w = writer(2);

    resp_write_error(&w, "ERR unknown command '%s'", "a\r\n+OK\n");
    expect("-ERR unknown command 'a  +OK '\r\n");
}

Test(writer, requests_are_arrays_of_bulk_strings)
{
    struct bytes words[] = {BYTES_LITERAL("SET"), BYTES_LITERAL("k\0y"), BYTES_LITERAL("")};

    resp_write_request(&text, words, 3);
    cr_assert(bytes_equal(buf_bytes(&text),
                          BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nk\0y\r\n$0\r\n\r\n")));
    buf_clear(&text);
    resp_write_request_texts(&text, 2, "GET", "key");
    expect("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}
