/* SPDX-License-Identifier: MIT */
#include "tests/alone/words.h"

#include "base/attr.h"

#define W(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct bytes words[] = {
    /* keys: of the tests' own, absent ones, with hash tags, and what stands for all of them */
    W("k"),
    W("n"),
    W("big"),
    W("gone"),
    W("{k}1"),
    W("{k}2"),
    W("{}"),
    W(""),
    W("*"),
    W("h?llo"),
    W("[a-"),
    W("[^]"),
    W("\\"),
    W("k*{"),
    /* integers */
    W("0"),
    W("1"),
    W("2"),
    W("-1"),
    W("-0"),
    W("+1"),
    W("01"),
    W(" 1"),
    W("1 "),
    W("3"),
    W("10"),
    W("15"),
    W("16"),
    W("100"),
    W("1000"),
    W("16383"),
    W("16384"),
    W("65535"),
    W("65536"),
    W("2147483647"),
    W("2147483648"),
    W("4294967296"),
    W("9223372036854775"),
    W("9223372036854775807"),
    W("9223372036854775808"),
    W("-9223372036854775808"),
    W("-9223372036854775809"),
    W("18446744073709551615"),
    W("18446744073709551616"),
    W("99999999999999999999999999999999"),
    W("1700000000"),
    W("1700000000000"),
    W("0-16383"),
    /* floats */
    W("3.5"),
    W("-3.5e-7"),
    W("1e308"),
    W("1e309"),
    W("nan"),
    W("-nan"),
    W("inf"),
    W("-inf"),
    W("Infinity"),
    W("0x1p3"),
    W("1e"),
    W("."),
    /* binary and odd text */
    W("\0"),
    W("\0\1\2\xff\xfe"),
    W("\r\n"),
    W("\n"),
    W("a b"),
    W("\"q\""),
    W("'"),
    W("\xc3\xa4"),
    W("x\0y"),
    W(HUNDRED),
    W(HUNDRED HUNDRED HUNDRED),
    W("%s%n%d"),
    W("\x1b[31m"),
    /* options */
    W("EX"),
    W("px"),
    W("EXAT"),
    W("PXAT"),
    W("NX"),
    W("XX"),
    W("GET"),
    W("KEEPTTL"),
    W("PERSIST"),
    W("GT"),
    W("LT"),
    W("MATCH"),
    W("COUNT"),
    W("TYPE"),
    W("string"),
    W("DB"),
    W("REPLACE"),
    W("ABSTTL"),
    W("IDLETIME"),
    W("FREQ"),
    W("ASYNC"),
    W("SYNC"),
    W("SAMPLES"),
    W("SCHEDULE"),
    W("ADDR"),
    W("LADDR"),
    W("ID"),
    W("USER"),
    W("SKIPME"),
    W("MAXAGE"),
    W("yes"),
    W("no"),
    W("one"),
    W("ON"),
    W("OFF"),
    W("SKIP"),
    W("normal"),
    W("replica"),
    W("master"),
    W("pubsub"),
    W("WRITE"),
    W("ALL"),
    W("AUTH"),
    W("default"),
    W("SETNAME"),
    W("secret"),
    W("LIB-NAME"),
    W("LIB-VER"),
    W("FILTERBY"),
    W("ACLCAT"),
    W("PATTERN"),
    W("MODULE"),
    W("NOSAVE"),
    W("SAVE"),
    W("NOW"),
    W("FORCE"),
    W("ABORT"),
    W("TAKEOVER"),
    W("HARD"),
    W("SOFT"),
    W("all"),
    W("everything"),
    W("server"),
    W("replication"),
    W("127.0.0.1"),
    W("localhost"),
    W("127.0.0.1:5000"),
    /* replication */
    W("?"),
    W("capa"),
    W("eof"),
    W("psync2"),
    W("ack"),
    W("getack"),
    W("listening-port"),
    W("ip-address"),
    W("version"),
    W("rdb-only"),
    W("rdb-filter-only"),
    W("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    /* directives and commands */
    W("maxclients"),
    W("requirepass"),
    W("save"),
    W("3600 1"),
    W("dbfilename"),
    W("hz"),
    W("slowlog-max-len"),
    W("client-output-buffer-limit"),
    W("get"),
    W("mset"),
    W("object"),
    W("memory|usage"),
    W("config"),
    W("nosuch"),
    W("help"),
    W("HELP"),
    W("usage"),
    W("encoding"),
};

size_t words_count(void)
{
    return ARRAY_COUNT(words);
}

struct bytes words_at(size_t index)
{
    return words[index % ARRAY_COUNT(words)];
}

struct bytes words_sub(const struct command_spec *parent, size_t number)
{
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        count += spec->kind == COMMAND_SUB && spec->parent == parent->id;
    }
    for (int id = 0, nth = 0; count > 0 && id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if (spec->kind == COMMAND_SUB && spec->parent == parent->id &&
            (size_t)nth++ == number % count) {
            return bytes_from_text(spec->name);
        }
    }
    return words_at(number);
}

void words_write_inline(const struct bytes *items, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_text(out, i > 0 ? " \"" : "\"");
        for (size_t at = 0; at < items[i].len; at++) {
            buf_printf(out, "\\x%02x", (unsigned char)items[i].data[at]);
        }
        buf_append_byte(out, '"');
    }
    buf_append_text(out, "\r\n");
}
