/* SPDX-License-Identifier: MIT */
/* Every data command of the table, on a key with a value that is no string (tests/types/byte_list.h). */
#include "tests/types/byte_list.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <strings.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

/* What each does with the list "abc" under k, which has no expiry.  left: what is under k afterwards. */
static const struct {
    const char *request;
    const char *reply;
    const char *left; /* "bytes": the list; else a string, or NULL for nothing */
} cases[] = {
    {"APPEND k x",                                     WRONGTYPE,                                                        "bytes"},
    {"BITCOUNT k",                                     WRONGTYPE,                                                        "bytes"},
    {"BITFIELD k GET u8 0",                            WRONGTYPE,                                                        "bytes"},
    {"BITFIELD k SET u8 0 1",                          WRONGTYPE,                                                        "bytes"},
    {"BITFIELD_RO k GET u8 0",                         WRONGTYPE,                                                        "bytes"},
    {"BITOP NOT other k",                              WRONGTYPE,                                                        "bytes"},
    {"BITOP NOT k none",                               ":0|",                                                            NULL   },
    {"BITPOS k 1",                                     WRONGTYPE,                                                        "bytes"},
    {"COPY k other",                                   ":1|",                                                            "bytes"},
    {"DBSIZE",                                         ":1|",                                                            "bytes"},
    {"DECR k",                                         WRONGTYPE,                                                        "bytes"},
    {"DECRBY k 1",                                     WRONGTYPE,                                                        "bytes"},
    {"DEL k",                                          ":1|",                                                            NULL   },
    {"DELEX k",                                        ":1|",                                                            NULL   },
    {"DELEX k IFEQ v",                                 "-ERR Key should be of string type if conditions are specified|", "bytes"},
    {"DELIFEQ k abc",                                  WRONGTYPE,                                                        "bytes"},
    {"DIGEST k",                                       WRONGTYPE,                                                        "bytes"},
    {"EXISTS k",                                       ":1|",                                                            "bytes"},
    {"EXPIRE k 100",                                   ":1|",                                                            "bytes"},
    {"EXPIREAT k 9000000000",                          ":1|",                                                            "bytes"},
    {"EXPIRETIME k",                                   ":-1|",                                                           "bytes"},
    {"FLUSHALL",                                       "+OK|",                                                           NULL   },
    {"FLUSHDB",                                        "+OK|",                                                           NULL   },
    {"GET k",                                          WRONGTYPE,                                                        "bytes"},
    {"GETBIT k 0",                                     WRONGTYPE,                                                        "bytes"},
    {"GETDEL k",                                       WRONGTYPE,                                                        "bytes"},
    {"GETEX k",                                        WRONGTYPE,                                                        "bytes"},
    {"GETEX k EX 100",                                 WRONGTYPE,                                                        "bytes"},
    {"GETEX k EX 0",                                   WRONGTYPE,                                                        "bytes"},
    {"GETRANGE k 0 1",                                 WRONGTYPE,                                                        "bytes"},
    {"GETSET k v",                                     WRONGTYPE,                                                        "bytes"},
    {"HDEL k f",                                       WRONGTYPE,                                                        "bytes"},
    {"HEXISTS k f",                                    WRONGTYPE,                                                        "bytes"},
    {"HGET k f",                                       WRONGTYPE,                                                        "bytes"},
    {"HGETALL k",                                      WRONGTYPE,                                                        "bytes"},
    {"HINCRBY k f 1",                                  WRONGTYPE,                                                        "bytes"},
    {"HINCRBYFLOAT k f 1",                             WRONGTYPE,                                                        "bytes"},
    {"HKEYS k",                                        WRONGTYPE,                                                        "bytes"},
    {"HLEN k",                                         WRONGTYPE,                                                        "bytes"},
    {"HMGET k f",                                      WRONGTYPE,                                                        "bytes"},
    {"HMSET k f v",                                    WRONGTYPE,                                                        "bytes"},
    {"HRANDFIELD k",                                   WRONGTYPE,                                                        "bytes"},
    {"HRANDFIELD k 2",                                 WRONGTYPE,                                                        "bytes"},
    {"HSCAN k 0",                                      WRONGTYPE,                                                        "bytes"},
    {"HSET k f v",                                     WRONGTYPE,                                                        "bytes"},
    {"HSETNX k f v",                                   WRONGTYPE,                                                        "bytes"},
    {"HSTRLEN k f",                                    WRONGTYPE,                                                        "bytes"},
    {"HEXPIRE k 1 FIELDS 1 f",                         WRONGTYPE,                                                        "bytes"},
    {"HEXPIREAT k 1 FIELDS 1 f",                       WRONGTYPE,                                                        "bytes"},
    {"HEXPIRETIME k FIELDS 1 f",                       WRONGTYPE,                                                        "bytes"},
    {"HGETDEL k FIELDS 1 f",                           WRONGTYPE,                                                        "bytes"},
    {"HGETEX k FIELDS 1 f",                            WRONGTYPE,                                                        "bytes"},
    {"HGETEX k PERSIST FIELDS 1 f",                    WRONGTYPE,                                                        "bytes"},
    {"HPERSIST k FIELDS 1 f",                          WRONGTYPE,                                                        "bytes"},
    {"HPEXPIRE k 1 FIELDS 1 f",                        WRONGTYPE,                                                        "bytes"},
    {"HPEXPIREAT k 1 FIELDS 1 f",                      WRONGTYPE,                                                        "bytes"},
    {"HPEXPIRETIME k FIELDS 1 f",                      WRONGTYPE,                                                        "bytes"},
    {"HPTTL k FIELDS 1 f",                             WRONGTYPE,                                                        "bytes"},
    {"HSETEX k FIELDS 1 f v",                          WRONGTYPE,                                                        "bytes"},
    {"HTTL k FIELDS 1 f",                              WRONGTYPE,                                                        "bytes"},
    {"HVALS k",                                        WRONGTYPE,                                                        "bytes"},
    {"BLMOVE k d LEFT LEFT 0",                         WRONGTYPE,                                                        "bytes"},
    {"BLMPOP 0 1 k LEFT",                              WRONGTYPE,                                                        "bytes"},
    {"BLPOP k 0",                                      WRONGTYPE,                                                        "bytes"},
    {"BLPOP none k 0",                                 WRONGTYPE,                                                        "bytes"},
    {"BRPOP k 0",                                      WRONGTYPE,                                                        "bytes"},
    {"BRPOPLPUSH k d 0",                               WRONGTYPE,                                                        "bytes"},
    {"LINDEX k 0",                                     WRONGTYPE,                                                        "bytes"},
    {"LINSERT k BEFORE a b",                           WRONGTYPE,                                                        "bytes"},
    {"LLEN k",                                         WRONGTYPE,                                                        "bytes"},
    {"LMOVE k d LEFT LEFT",                            WRONGTYPE,                                                        "bytes"},
    {"LMPOP 2 none k LEFT",                            WRONGTYPE,                                                        "bytes"},
    {"LMOVEM k d LEFT LEFT",                           WRONGTYPE,                                                        "bytes"},
    {"BLMOVEM k d LEFT LEFT 0",                        WRONGTYPE,                                                        "bytes"},
    {"LPOP k",                                         WRONGTYPE,                                                        "bytes"},
    {"LPOP k 0",                                       WRONGTYPE,                                                        "bytes"},
    {"LPOS k a",                                       WRONGTYPE,                                                        "bytes"},
    {"LPUSH k a",                                      WRONGTYPE,                                                        "bytes"},
    {"LPUSHX k a",                                     WRONGTYPE,                                                        "bytes"},
    {"LRANGE k 0 -1",                                  WRONGTYPE,                                                        "bytes"},
    {"LREM k 0 a",                                     WRONGTYPE,                                                        "bytes"},
    {"LSET k 0 a",                                     WRONGTYPE,                                                        "bytes"},
    {"LTRIM k 0 -1",                                   WRONGTYPE,                                                        "bytes"},
    {"RPOP k",                                         WRONGTYPE,                                                        "bytes"},
    {"RPOPLPUSH k d",                                  WRONGTYPE,                                                        "bytes"},
    {"RPUSH k a",                                      WRONGTYPE,                                                        "bytes"},
    {"RPUSHX k a",                                     WRONGTYPE,                                                        "bytes"},
    {"XADD k 1-1 a b",                                 WRONGTYPE,                                                        "bytes"},
    {"XADD k NOMKSTREAM * a b",                        WRONGTYPE,                                                        "bytes"},
    {"XCFGSET k IDMP-MAXSIZE 5",                       WRONGTYPE,                                                        "bytes"},
    {"XIDMPRECORD k p i 1-1",                          WRONGTYPE,                                                        "bytes"},
    {"XDEL k 1-1",                                     WRONGTYPE,                                                        "bytes"},
    {"XDELEX k IDS 1 1-1",                             WRONGTYPE,                                                        "bytes"},
    {"XLEN k",                                         WRONGTYPE,                                                        "bytes"},
    {"XRANGE k - +",                                   WRONGTYPE,                                                        "bytes"},
    {"XREAD STREAMS k 0",                              WRONGTYPE,                                                        "bytes"},
    {"XREAD BLOCK 0 STREAMS none k $ $",               WRONGTYPE,                                                        "bytes"},
    {"XREVRANGE k + -",                                WRONGTYPE,                                                        "bytes"},
    {"XSETID k 1-1",                                   WRONGTYPE,                                                        "bytes"},
    {"XTRIM k MAXLEN 1",                               WRONGTYPE,                                                        "bytes"},
    {"XACK k g 1-1",                                   WRONGTYPE,                                                        "bytes"},
    {"XACKDEL k g IDS 1 1-1",                          WRONGTYPE,                                                        "bytes"},
    {"XNACK k g FAIL IDS 1 1-1",                       WRONGTYPE,                                                        "bytes"},
    {"XAUTOCLAIM k g c 0 0",                           WRONGTYPE,                                                        "bytes"},
    {"XCLAIM k g c 0 1-1",                             WRONGTYPE,                                                        "bytes"},
    {"XPENDING k g",                                   WRONGTYPE,                                                        "bytes"},
    {"XREADGROUP GROUP g c STREAMS k >",               WRONGTYPE,                                                        "bytes"},
    {"XGROUP CREATE k g 0",                            WRONGTYPE,                                                        "bytes"},
    {"XGROUP CREATECONSUMER k g c",                    WRONGTYPE,                                                        "bytes"},
    {"XGROUP DELCONSUMER k g c",                       WRONGTYPE,                                                        "bytes"},
    {"XGROUP DESTROY k g",                             WRONGTYPE,                                                        "bytes"},
    {"XGROUP SETID k g 0",                             WRONGTYPE,                                                        "bytes"},
    {"XINFO CONSUMERS k g",                            WRONGTYPE,                                                        "bytes"},
    {"XINFO GROUPS k",                                 WRONGTYPE,                                                        "bytes"},
    {"XINFO STREAM k",                                 WRONGTYPE,                                                        "bytes"},
    {"XINFO STREAM k FULL",                            WRONGTYPE,                                                        "bytes"},
    {"INCR k",                                         WRONGTYPE,                                                        "bytes"},
    {"INCRBY k 1",                                     WRONGTYPE,                                                        "bytes"},
    {"INCRBYFLOAT k 1.5",                              WRONGTYPE,                                                        "bytes"},
    {"INCRBYFLOAT k word",                             WRONGTYPE,                                                        "bytes"},
    {"INCREX k",                                       WRONGTYPE,                                                        "bytes"},
    {"CLUSTERSCAN 0",                                  "-ERR This instance has cluster support disabled|",               "bytes"},
    {"KEYS *",                                         "*1|$1|k|",                                                       "bytes"},
    {"LCS k none",                                     "-ERR The specified keys must contain string values|",            "bytes"},
    {"MGET k none",                                    "*2|$-1|$-1|",                                                    "bytes"},
    {"MOVE k 1",                                       ":1|",                                                            NULL   },
    {"MSET k v",                                       "+OK|",                                                           "v"    },
    {"MSETEX 1 k v",                                   ":1|",                                                            "v"    },
    {"MSETEX 1 k v NX",                                ":0|",                                                            "bytes"},
    {"MSETNX k v",                                     ":0|",                                                            "bytes"},
    {"OBJECT ENCODING k",                              "$5|short|",                                                      "bytes"},
    {"OBJECT IDLETIME k",                              ":1000000|",                                                      "bytes"},
    {"OBJECT REFCOUNT k",                              ":1|",                                                            "bytes"},
    {"PERSIST k",                                      ":0|",                                                            "bytes"},
    {"PEXPIRE k 100",                                  ":1|",                                                            "bytes"},
    {"PEXPIREAT k 9000000000",                         ":1|",                                                            "bytes"},
    {"PEXPIRETIME k",                                  ":-1|",                                                           "bytes"},
    {"PFADD k x",                                      WRONGTYPE,                                                        "bytes"},
    {"PFCOUNT k",                                      WRONGTYPE,                                                        "bytes"},
    {"PFCOUNT none k",                                 WRONGTYPE,                                                        "bytes"},
    {"PFDEBUG ENCODING k",                             WRONGTYPE,                                                        "bytes"},
    {"PFMERGE k none",                                 WRONGTYPE,                                                        "bytes"},
    {"PFMERGE other k",                                WRONGTYPE,                                                        "bytes"},
    {"PFSELFTEST",                                     "+OK|",                                                           "bytes"},
    {"PSETEX k 100 v",                                 "+OK|",                                                           "v"    },
    {"PTTL k",                                         ":-1|",                                                           "bytes"},
    {"RANDOMKEY",                                      "$1|k|",                                                          "bytes"},
    {"RENAME k other",                                 "+OK|",                                                           NULL   },
    {"RENAMENX k other",                               ":1|",                                                            NULL   },
    {"SADD k m",                                       WRONGTYPE,                                                        "bytes"},
    {"SCAN 0",                                         "*2|$1|0|*1|$1|k|",                                               "bytes"},
    {"SCAN 0 TYPE bytes",                              "*2|$1|0|*1|$1|k|",                                               "bytes"},
    {"SCAN 0 TYPE string",                             "*2|$1|0|*0|",                                                    "bytes"},
    {"SCAN 0 TYPE other",                              "*2|$1|0|*0|",                                                    "bytes"},
    {"SCARD k",                                        WRONGTYPE,                                                        "bytes"},
    {"SDIFF k",                                        WRONGTYPE,                                                        "bytes"},
    {"SDIFF none k",                                   WRONGTYPE,                                                        "bytes"},
    {"SDIFFSTORE d none k",                            WRONGTYPE,                                                        "bytes"},
    {"SET k v",                                        "+OK|",                                                           "v"    },
    {"SET k v XX",                                     "+OK|",                                                           "v"    },
    {"SET k v NX",                                     "$-1|",                                                           "bytes"},
    {"SET k v GET",                                    WRONGTYPE,                                                        "bytes"},
    {"SET k v KEEPTTL",                                "+OK|",                                                           "v"    },
    {"SET k v IFEQ v",                                 WRONGTYPE,                                                        "bytes"},
    {"SET k v IFNE v",                                 WRONGTYPE,                                                        "bytes"},
    {"SETBIT k 0 1",                                   WRONGTYPE,                                                        "bytes"},
    {"SETEX k 100 v",                                  "+OK|",                                                           "v"    },
    {"SETNX k v",                                      ":0|",                                                            "bytes"},
    {"SETRANGE k 0 x",                                 WRONGTYPE,                                                        "bytes"},
    {"SETRANGE k 0 \"\"",                              WRONGTYPE,                                                        "bytes"},
    {"SINTER none k",                                  WRONGTYPE,                                                        "bytes"},
    {"SINTERCARD 2 none k",                            WRONGTYPE,                                                        "bytes"},
    {"SINTERSTORE d none k",                           WRONGTYPE,                                                        "bytes"},
    {"SISMEMBER k m",                                  WRONGTYPE,                                                        "bytes"},
    {"SMEMBERS k",                                     WRONGTYPE,                                                        "bytes"},
    {"SMISMEMBER k m",                                 WRONGTYPE,                                                        "bytes"},
    {"SMOVE k d m",                                    WRONGTYPE,                                                        "bytes"},
    {"SPOP k",                                         WRONGTYPE,                                                        "bytes"},
    {"SPOP k 0",                                       WRONGTYPE,                                                        "bytes"},
    {"SRANDMEMBER k",                                  WRONGTYPE,                                                        "bytes"},
    {"SRANDMEMBER k 2",                                WRONGTYPE,                                                        "bytes"},
    {"SREM k m",                                       WRONGTYPE,                                                        "bytes"},
    {"SSCAN k 0",                                      WRONGTYPE,                                                        "bytes"},
    {"STRLEN k",                                       WRONGTYPE,                                                        "bytes"},
    {"SUBSTR k 0 1",                                   WRONGTYPE,                                                        "bytes"},
    {"SUNION none k",                                  WRONGTYPE,                                                        "bytes"},
    {"SUNIONSTORE d none k",                           WRONGTYPE,                                                        "bytes"},
    {"SWAPDB 0 1",                                     "+OK|",                                                           NULL   },
    {"TOUCH k",                                        ":1|",                                                            "bytes"},
    {"TTL k",                                          ":-1|",                                                           "bytes"},
    {"TYPE k",                                         "+bytes|",                                                        "bytes"},
    {"UNLINK k",                                       ":1|",                                                            NULL   },
    {"BZMPOP 0 1 k MIN",                               WRONGTYPE,                                                        "bytes"},
    {"BZPOPMAX none k 0",                              WRONGTYPE,                                                        "bytes"},
    {"BZPOPMIN k 0",                                   WRONGTYPE,                                                        "bytes"},
    {"SORT_RO k",                                      WRONGTYPE,                                                        "bytes"},
    {"SORT k STORE d",                                 WRONGTYPE,                                                        "bytes"},
    {"SUNIONCARD 1 k",                                 WRONGTYPE,                                                        "bytes"},
    {"SDIFFCARD 2 none k",                             WRONGTYPE,                                                        "bytes"},
    {"ZADD k 1 a",                                     WRONGTYPE,                                                        "bytes"},
    {"ZCARD k",                                        WRONGTYPE,                                                        "bytes"},
    {"ZCOUNT k 0 1",                                   WRONGTYPE,                                                        "bytes"},
    {"ZDIFF 1 k",                                      WRONGTYPE,                                                        "bytes"},
    {"ZDIFFSTORE d 1 k",                               WRONGTYPE,                                                        "bytes"},
    {"ZINCRBY k 1 a",                                  WRONGTYPE,                                                        "bytes"},
    {"ZINTER 1 k",                                     WRONGTYPE,                                                        "bytes"},
    {"ZINTERCARD 1 k",                                 WRONGTYPE,                                                        "bytes"},
    {"ZINTERSTORE d 1 k",                              WRONGTYPE,                                                        "bytes"},
    {"ZLEXCOUNT k - +",                                WRONGTYPE,                                                        "bytes"},
    {"ZMPOP 1 k MIN",                                  WRONGTYPE,                                                        "bytes"},
    {"ZMSCORE k a",                                    WRONGTYPE,                                                        "bytes"},
    {"ZPOPMAX k",                                      WRONGTYPE,                                                        "bytes"},
    {"ZPOPMIN k",                                      WRONGTYPE,                                                        "bytes"},
    {"ZRANDMEMBER k",                                  WRONGTYPE,                                                        "bytes"},
    {"ZRANGE k 0 1",                                   WRONGTYPE,                                                        "bytes"},
    {"ZRANGEBYLEX k - +",                              WRONGTYPE,                                                        "bytes"},
    {"ZRANGEBYSCORE k 0 1",                            WRONGTYPE,                                                        "bytes"},
    {"ZRANGESTORE d k 0 1",                            WRONGTYPE,                                                        "bytes"},
    {"ZRANK k a",                                      WRONGTYPE,                                                        "bytes"},
    {"ZREM k a",                                       WRONGTYPE,                                                        "bytes"},
    {"ZREMRANGEBYLEX k - +",                           WRONGTYPE,                                                        "bytes"},
    {"ZREMRANGEBYRANK k 0 1",                          WRONGTYPE,                                                        "bytes"},
    {"ZREMRANGEBYSCORE k 0 1",                         WRONGTYPE,                                                        "bytes"},
    {"ZREVRANGE k 0 1",                                WRONGTYPE,                                                        "bytes"},
    {"ZREVRANGEBYLEX k + -",                           WRONGTYPE,                                                        "bytes"},
    {"ZREVRANGEBYSCORE k 1 0",                         WRONGTYPE,                                                        "bytes"},
    {"ZREVRANK k a",                                   WRONGTYPE,                                                        "bytes"},
    {"ZSCAN k 0",                                      WRONGTYPE,                                                        "bytes"},
    {"ZSCORE k a",                                     WRONGTYPE,                                                        "bytes"},
    {"ZUNION 1 k",                                     WRONGTYPE,                                                        "bytes"},
    {"ZUNIONSTORE d 1 k",                              WRONGTYPE,                                                        "bytes"},
    {"GEOADD k 1 2 a",                                 WRONGTYPE,                                                        "bytes"},
    {"GEODIST k a b",                                  WRONGTYPE,                                                        "bytes"},
    {"GEOHASH k a",                                    WRONGTYPE,                                                        "bytes"},
    {"GEOPOS k a",                                     WRONGTYPE,                                                        "bytes"},
    {"GEORADIUS k 1 2 3 m",                            WRONGTYPE,                                                        "bytes"},
    {"GEORADIUSBYMEMBER k a 1 m",                      WRONGTYPE,                                                        "bytes"},
    {"GEORADIUSBYMEMBER_RO k a 1 m",                   WRONGTYPE,                                                        "bytes"},
    {"GEORADIUS_RO k 1 2 3 m",                         WRONGTYPE,                                                        "bytes"},
    {"GEOSEARCH k FROMLONLAT 1 2 BYRADIUS 1 m",        WRONGTYPE,                                                        "bytes"},
    {"GEOSEARCHSTORE d k FROMLONLAT 1 2 BYRADIUS 1 m", WRONGTYPE,                                                        "bytes"},
};

static void expect_left(struct fixture *f, const char *request, const char *left)
{
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("k"));
    const struct entry *e = keyspace_find_any(f->x.keyspace, &ref);
    char scratch[32];

    if (left == NULL) {
        cr_assert_null(e, "%s", request);
    } else if (strcmp(left, "bytes") == 0) {
        cr_assert(e != NULL && entry_type(e) == BYTE_LIST, "%s", request);
        cr_assert(bytes_equal_text(byte_list_elements(e), "abc"), "%s", request);
    } else {
        cr_assert(e != NULL && entry_type(e) == VALUE_STRING, "%s", request);
        cr_assert(bytes_equal_text(entry_string(e, scratch), left), "%s", request);
    }
}

Test(types, each_command_gives_the_right_thing_for_a_value_that_is_no_string)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(false);
        struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("k"));

        byte_list_put(f->x.keyspace, &ref, "abc");
        fixture_expect(f, cases[i].request, cases[i].reply);
        cr_assert_eq(f->result, EXEC_DONE);
        if (strncmp(cases[i].reply, "-WRONGTYPE", 10) == 0) {
            cr_assert_str_eq(fixture_effects(f), "", "%s", cases[i].request);
        }
        expect_left(f, cases[i].request, cases[i].left);
        fixture_free(f);
    }
}

/* These are tested below: their replies are bytes, or of no interest. */
static const char *const others[] = {"dump", "restore", "restore-asking", "object|freq"};

static bool has_case(const char *name)
{
    const char *sub = strchr(name, '|');
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *request = cases[i].request;

        if (sub != NULL) {
            size_t parent_len = (size_t)(sub - name);

            if (strncasecmp(request, name, parent_len) == 0 && request[parent_len] == ' ' &&
                strncasecmp(request + parent_len + 1, sub + 1, strlen(sub + 1)) == 0) {
                return true;
            }
        } else if (strncasecmp(request, name, len) == 0 &&
                   (request[len] == ' ' || request[len] == '\0')) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (strcasecmp(name, others[i]) == 0) {
            return true;
        }
    }
    return false;
}

Test(types, no_data_command_of_the_table_has_been_left_out)
{
    static const char *const names[] = {
#define DATA(id, function, name, ...) name,
#define CONTROL(...)
#define SUB(...)
#define DATA_SUB(parent, id, function, name, ...) #parent "|" name,
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        cr_assert(has_case(names[i]), "%s", names[i]);
    }
}

Test(types, a_value_that_is_no_string_is_dumped_and_restored)
{
    struct fixture *f = fixture_new(false);
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("k"));
    struct key_ref back = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("back"));
    struct buf dump = {0};
    const struct entry *e;

    byte_list_put(f->x.keyspace, &ref, "abc");
    fixture_run(f, "DUMP k");
    value_dump(&byte_list_types, keyspace_find_any(f->x.keyspace, &ref), &dump);
    /* "$19\r\n", the payload, "\r\n" */
    cr_assert(
        bytes_equal(bytes_prefix(bytes_from(buf_bytes(&f->reply), 5), dump.len), buf_bytes(&dump)));
    fixture_run_words(f,
                      (const struct bytes[]){BYTES_LITERAL("RESTORE"), BYTES_LITERAL("back"),
                                             BYTES_LITERAL("0"), buf_bytes(&dump)},
                      4);
    cr_assert_str_eq(fixture_reply(f), "+OK|");
    e = keyspace_find_any(f->x.keyspace, &back);
    cr_assert(e != NULL && entry_type(e) == BYTE_LIST);
    cr_assert(bytes_equal_text(byte_list_elements(e), "abc"));
    buf_deinit(&dump);
    fixture_free(f);
}

Test(types, restoring_what_has_expired_already_drops_the_value)
{
    struct fixture *f = fixture_new(false);
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("k"));
    struct buf dump = {0};

    byte_list_put(f->x.keyspace, &ref, "abc");
    value_dump(&byte_list_types, keyspace_find_any(f->x.keyspace, &ref), &dump);
    fixture_run_words(f,
                      (const struct bytes[]){BYTES_LITERAL("RESTORE"), BYTES_LITERAL("k"),
                                             BYTES_LITERAL("1"), buf_bytes(&dump),
                                             BYTES_LITERAL("ABSTTL"), BYTES_LITERAL("REPLACE")},
                      6);
    cr_assert_str_eq(fixture_reply(f), "+OK|");
    expect_left(f, "RESTORE", NULL);
    buf_deinit(&dump);
    fixture_free(f);
}
