/* SPDX-License-Identifier: MIT */
/* cli/rdb_skim: files of other servers (tests/samples), against what those servers said of their keys; damage. */
#include "cli/rdb_skim.h"

#include "base/mem.h"
#include "base/rng.h"
#include "tests/support/json.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"redis7", "redis8dev", "valkey8dev"};

static struct buf read_file(const char *name, const char *extension)
{
    struct buf out = {0};
    char path[64];
    FILE *file;
    size_t got;

    snprintf(path, sizeof(path), "tests/samples/%s.%s", name, extension);
    file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    while ((got = fread(buf_reserve(&out, 65536), 1, 65536, file)) > 0) {
        out.len += got;
    }
    fclose(file);
    return out;
}

static void write_base64(struct bytes in, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < in.len; i++) {
        bits = bits << 8 | (unsigned char)in.data[i];
        for (count += 8; count >= 6; count -= 6) {
            buf_append_byte(out, digits[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) {
        buf_append_byte(out, digits[bits << (6 - count) & 63]);
    }
    while (out->len % 4 != 0) {
        buf_append_byte(out, '=');
    }
}

/* What the JSON says of a key, whose bytes are code points there; NULL: nothing. */
static const struct json *find_key(const struct json *keys, struct bytes key)
{
    struct buf name = {0};
    const struct json *found = NULL;

    for (size_t i = 0; i < key.len; i++) {
        unsigned char byte = (unsigned char)key.data[i];

        if (byte >= 0x80) {
            buf_append_byte(&name, (char)(0xc0 | byte >> 6));
            byte = 0x80 | (byte & 0x3f);
        }
        buf_append_byte(&name, (char)byte);
    }
    for (size_t i = 0; i < keys->count && found == NULL; i++) {
        found = bytes_equal(buf_bytes(&keys->members[i].name), buf_bytes(&name))
                    ? &keys->members[i].value
                    : NULL;
    }
    buf_deinit(&name);
    return found;
}

/* Is the payload the one that the server gave?  False when it gave none. */
static bool compare_payload(const struct rdb_skim *skim, const struct rdb_record *record,
                            const struct json *key)
{
    const struct json *dump = json_member(key, "dump");
    struct buf payload = {0};
    struct buf text = {0};

    if (dump == NULL) { /* also of no key */
        return false;
    }
    rdb_skim_write_payload(skim, record, &payload);
    write_base64(buf_bytes(&payload), &text);
    cr_expect(bytes_equal(buf_bytes(&text), buf_bytes(&dump->text)), "%.*s",
              BYTES_ARGS(record->key));
    buf_deinit(&payload);
    buf_deinit(&text);
    return true;
}

Test(rdb_skim, of_files_of_other_servers_finds_each_key_its_expiry_and_its_payload)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf file = read_file(names[i], "rdb");
        struct buf text = read_file(names[i], "json");
        struct json json;
        const struct json *keys;
        struct errmsg error = {0};
        struct rdb_skim skim;
        struct rdb_record record;
        size_t count = 0;
        size_t compared = 0;

        cr_assert(json_parse(buf_bytes(&text), &json, &error), "%s", error.text);
        keys = json_member(&json, "keys");
        cr_assert(rdb_skim_init(&skim, buf_bytes(&file), &error), "%s", error.text);
        for (; rdb_skim_next(&skim, &record, &error) == RDB_SKIM_RECORD; count++) {
            bool is_other = bytes_equal_text(record.key, "other:db"); /* of which it says nothing */
            const struct json *key = find_key(keys, record.key);
            const struct json *expiry = json_member(key, "pexpiretime");
            char expected[32];

            cr_assert(is_other || key != NULL, "%s: %.*s", names[i], BYTES_ARGS(record.key));
            snprintf(expected, sizeof(expected), "%lld", (long long)record.expire_at_ms);
            cr_expect(bytes_equal_text(
                expiry != NULL ? buf_bytes(&expiry->text) : BYTES_LITERAL("-1"), expected));
            cr_expect_eq(record.db, is_other ? 3 : 0);
            compared += compare_payload(&skim, &record, key);
        }
        cr_expect_str_eq(error.text, "");
        cr_expect_eq(count, keys->count + 1);
        cr_expect_geq(compared, 12);
        cr_expect_eq(rdb_skim_rest(&skim).len, 0);
        rdb_skim_deinit(&skim);
        json_deinit(&json);
        buf_deinit(&file);
        buf_deinit(&text);
    }
    cr_assert_eq(mem_used_total(), 0);
}

/* To the end of it; how that was. */
static enum rdb_skim_step skim_all(struct bytes file, struct errmsg *error)
{
    struct rdb_skim skim;
    struct rdb_record record;
    enum rdb_skim_step step = RDB_SKIM_DAMAGED;

    *error = (struct errmsg){0};
    if (rdb_skim_init(&skim, file, error)) {
        do {
            step = rdb_skim_next(&skim, &record, error);
        } while (step == RDB_SKIM_RECORD);
    }
    rdb_skim_deinit(&skim);
    return step;
}

Test(rdb_skim, finds_a_file_that_is_cut_off_or_changed_anywhere, .timeout = 60)
{
    struct buf file = read_file("redis7", "rdb");
    struct errmsg error;

    for (size_t len = 0; len < file.len; len += len < 600 || file.len - len < 100 ? 1 : 397) {
        cr_expect_eq(skim_all(bytes_prefix(buf_bytes(&file), len), &error), RDB_SKIM_DAMAGED, "%zu",
                     len);
        cr_expect_neq(error.text[0], '\0');
    }
    for (size_t at = 0; at < file.len; at += at < 600 ? 1 : 401) {
        for (int bit = 0; bit < 8; bit += 3) {
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
            cr_expect_eq(skim_all(buf_bytes(&file), &error), RDB_SKIM_DAMAGED, "%zu %d", at, bit);
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
        }
    }
    cr_expect_eq(skim_all(buf_bytes(&file), &error), RDB_SKIM_END, "%s", error.text);
    buf_deinit(&file);
}

/* Without a checksum much of it goes unnoticed; nothing may be read beyond the file. */
Test(rdb_skim, comes_to_an_end_with_any_damage_where_there_is_no_checksum, .timeout = 60)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf file = read_file(names[i], "rdb");

        memset(file.data + file.len - 8, 0, 8);
        for (int round = 0; round < 300; round++) {
            size_t len = file.len - rng_below(&rng, 3) * rng_below(&rng, 1000);
            char *copy = mem_alloc(MEM_TEST, len); /* of exactly this size: asan sees the end */
            struct errmsg error;

            memcpy(copy, file.data, len);
            for (uint64_t changes = 1 + rng_below(&rng, 8); changes > 0; changes--) {
                copy[rng_below(&rng, len)] = (char)rng_u64(&rng);
            }
            SEED_ASSERT(skim_all(bytes_make(copy, len), &error) == RDB_SKIM_END ||
                            error.text[0] != '\0',
                        seed);
            mem_free(MEM_TEST, copy);
        }
        buf_deinit(&file);
    }
}

/* A file of that version without a checksum: 0 stands for none. */
static struct buf make_file(const char *magic, const char *body, size_t len)
{
    struct buf out = {0};

    buf_append_text(&out, magic);
    buf_append(&out, body, len);
    buf_append(&out, "\xff\0\0\0\0\0\0\0\0", 9);
    return out;
}

#define FILE_OF(magic, body) make_file(magic, body, sizeof(body) - 1)

Test(rdb_skim, passes_over_functions_and_what_modules_keep)
{
    struct buf file =
        FILE_OF("REDIS0011", "\xf5\x03lib"                   /* a library, */
                             "\xf7\x01\x02\x05\x05\x01x\x00" /* what a module keeps, */
                             "\xfc\1\0\0\0\0\0\0\0" /* a value of a module, with an expiry, */
                             "\x07\x01m\x81\0\0\0\0\0\0\0\1\x01\x07\x03"
                             "abcd\x04"
                             "12345678\x00"
                             "\x00\x01k\x01v"); /* and a string without one */
    struct rdb_skim skim;
    struct rdb_record record;
    struct errmsg error = {0};

    cr_assert(rdb_skim_init(&skim, buf_bytes(&file), &error));
    cr_assert_eq(rdb_skim_next(&skim, &record, &error), RDB_SKIM_RECORD, "%s", error.text);
    cr_expect(bytes_equal_text(record.key, "k"));
    cr_expect_eq(record.expire_at_ms, RDB_SKIM_NEVER);
    cr_expect_eq(rdb_skim_next(&skim, &record, &error), RDB_SKIM_END, "%s", error.text);
    cr_expect_eq(skim.skipped_libraries, 1);
    cr_expect_eq(skim.skipped_modules, 2);
    rdb_skim_deinit(&skim);
    buf_deinit(&file);
}

Test(rdb_skim, reads_keys_in_every_form)
{
    static const struct {
        const char *body;
        size_t len;
        const char *key;
    } cases[] = {
        {"\0\xc0\xff\1v",           5,  "-1"          },
        {"\0\xc1\x39\x30\1v",       6,  "12345"       },
        {"\0\xc2\0\0\0\x80\1v",     8,  "-2147483648" },
        {"\0\xc3\x05\x0a\x01"
         "ab\xc0\x01\1v",  11, "ababababab"  },
        {"\0\xc3\x05\x0c\x00"
         "a\xe0\x02\0\1v", 11, "aaaaaaaaaaaa"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf file = make_file("REDIS0009", cases[i].body, cases[i].len);
        struct rdb_skim skim;
        struct rdb_record record;
        struct errmsg error = {0};

        cr_assert(rdb_skim_init(&skim, buf_bytes(&file), &error));
        cr_assert_eq(rdb_skim_next(&skim, &record, &error), RDB_SKIM_RECORD, "%s", error.text);
        cr_expect(bytes_equal_text(record.key, cases[i].key), "%.*s", BYTES_ARGS(record.key));
        rdb_skim_deinit(&skim);
        buf_deinit(&file);
    }
}

Test(rdb_skim, refuses_what_it_does_not_know_and_says_what_that_is)
{
    static const struct {
        const char *magic;
        const char *body;
        size_t len;
        const char *reason;
    } cases[] = {
        {"RADIS0009", "",                                          0,  "does not begin as an RDB file"},
        {"REDIS00x9", "",                                          0,  "does not begin as an RDB file"},
        {"REDIS0099", "",                                          0,  "version 99"                   },
        {"REDIS0000", "",                                          0,  "version 0"                    },
        {"VALKEY099", "",                                          0,  "version 99"                   },
        {"REDIS0012", "\x16\1k",                                   3,  "type 22"                      },
        {"REDIS0012", "\x17\1k",                                   3,  "type 23"                      },
        {"REDIS0012", "\x1c\1k",                                   3,  "type 28"                      },
        {"REDIS0008", "\x06\1k",                                   3,  "a module's"                   },
        {"REDIS0012", "\xf6\1k",                                   3,  "type 246"                     },
        {"REDIS0012", "\xf3\1k",                                   3,  "type 243"                     },
        {"REDIS0009", "\0\xc4k",                                   3,  "is damaged"                   },
        {"REDIS0009", "\0\x82k",                                   3,  "is damaged"                   },
        {"REDIS0009", "\1\1k\x81\xff\xff\xff\xff\xff\xff\xff\xff", 12, "is damaged"                   },
        {"REDIS0009", "\0\xc3\1\x80\xff\xff\xff\xff\0",            9,  "is damaged"                   },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf file = make_file(cases[i].magic, cases[i].body, cases[i].len);
        struct errmsg error;

        cr_expect_eq(skim_all(buf_bytes(&file), &error), RDB_SKIM_DAMAGED, "%zu", i);
        cr_expect_not_null(strstr(error.text, cases[i].reason), "%s", error.text);
        buf_deinit(&file);
    }
}

Test(rdb_skim, says_what_is_behind_the_end)
{
    struct buf file = FILE_OF("REDIS0009", "\0\1k\1v");
    struct rdb_skim skim;
    struct rdb_record record;
    struct errmsg error = {0};

    buf_append_text(&file, "*1\r\n$4\r\nPING\r\n");
    cr_assert(rdb_skim_init(&skim, buf_bytes(&file), &error));
    cr_expect_eq(rdb_skim_next(&skim, &record, &error), RDB_SKIM_RECORD);
    cr_expect_eq(rdb_skim_next(&skim, &record, &error), RDB_SKIM_END);
    cr_expect(bytes_equal_text(rdb_skim_rest(&skim), "*1\r\n$4\r\nPING\r\n"));
    rdb_skim_deinit(&skim);
    buf_deinit(&file);
}
