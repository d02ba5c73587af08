/* SPDX-License-Identifier: MIT */
/* Commands of every family on keys that all clients share, some of them in slots that move.  Nobody looks at what they answer:
 * replicas, logs, snapshots and moves have to come to the same data as whoever ran them. */
#include "tests/sim/world.h"

#include "base/assert.h"

#include <stdio.h>

enum {
    MOVING_PART = 4, /* one of so many commands is for a slot that moves */
    WORDS_MAX = 16,
    WORD_SIZE = 48,
    IDS_BACK = 12,
    TAGS = 2, /* besides those that move */
};

/* In the place of % comes the tag of the command's keys, of # a digit but 0, of @ the id of a stream's next entry, of & that of one of
 * the last.  Each type has names of its own, so that nearly every command finds what it is for. */
static const char *const commands[] = {
    /* strings */
    "APPEND %text #",
    "SETRANGE %text # ab",
    "GETDEL %text",
    "GETEX %text PX #00",
    "SET %text # IFEQ #",
    "DELEX %text IFEQ #",
    "INCRBY %number #",
    "DECR %number",
    "INCRBYFLOAT %float #.25",
    "MSETEX 2 %text # %number # PX #00",
    "RENAME %text %other",
    "COPY %number %other REPLACE",
    "DEL %other",
    /* bits */
    "SETBIT %bits #00 1",
    "SETBIT %bits # 0",
    "BITFIELD %bits INCRBY u5 # 3 OVERFLOW SAT SET i8 #0 #",
    "BITOP XOR %bits2 %bits %bits2",
    "BITOP NOT %bits2 %bits",
    "BITCOUNT %bits",
    "BITPOS %bits 1",
    /* HyperLogLog */
    "PFADD %hll # ## ###",
    "PFADD %hll2 ####",
    "PFMERGE %hll3 %hll %hll2",
    "PFCOUNT %hll",
    "PFCOUNT %hll %hll2",
    /* lists */
    "RPUSH %list # #",
    "LPUSHX %list #",
    "LPOP %list 2",
    "LINSERT %list BEFORE # x",
    "LREM %list 0 #",
    "LTRIM %list 0 1#",
    "LSET %list 0 #",
    "LMOVE %list %list2 LEFT RIGHT",
    "RPOPLPUSH %list2 %list",
    "LMPOP 2 %list %list2 RIGHT COUNT 2",
    "BLPOP %list %list2 0.0#",
    "BLMOVE %list2 %list3 RIGHT LEFT 0.0#",
    "BRPOPLPUSH %list3 %list 0.0#",
    "BLMPOP 0.0# 2 %list2 %list3 LEFT COUNT 3",
    "SORT %list ALPHA STORE %list3",
    /* hashes */
    "HSET %hash # #",
    "HSETNX %hash # #",
    "HDEL %hash #",
    "HINCRBY %count # 3",
    "HINCRBYFLOAT %count # 0.5",
    "HPEXPIRE %hash #00 FIELDS 2 # #",
    "HPERSIST %hash FIELDS 1 #",
    "HGETEX %hash PX #00 FIELDS 1 #",
    "HSETEX %hash PX #00 FIELDS 1 # #",
    "HGETDEL %hash FIELDS 1 #",
    "HRANDFIELD %hash 3 WITHVALUES",
    /* sets */
    "SADD %set # ##",
    "SADD %set word#",
    "SREM %set #",
    "SPOP %set",
    "SPOP %set2 2",
    "SMOVE %set %set2 #",
    "SINTERSTORE %set3 %set %set2",
    "SUNIONSTORE %set2 %set %set3",
    "SDIFFSTORE %set3 %set2 %set",
    "SRANDMEMBER %set -3",
    /* sorted sets */
    "ZADD %zset # # #.5 ##",
    "ZADD %zset GT CH # #",
    "ZINCRBY %zset -# #",
    "ZREM %zset #",
    "ZPOPMIN %zset",
    "ZPOPMAX %zset2 2",
    "ZREMRANGEBYRANK %zset # -1",
    "ZREMRANGEBYSCORE %zset 8 (#",
    "ZRANGESTORE %zset2 %zset 0 #",
    "ZUNIONSTORE %zset3 2 %zset %zset2 WEIGHTS # 2",
    "ZINTERSTORE %zset3 2 %zset %set AGGREGATE MAX",
    "ZDIFFSTORE %zset3 2 %zset2 %zset",
    "ZMPOP 2 %zset3 %zset2 MAX",
    "BZPOPMIN %zset2 %zset3 0.0#",
    "BZPOPMAX %zset3 0.0#",
    "BZMPOP 0.0# 2 %zset2 %zset3 MIN COUNT 2",
    /* places */
    "GEOADD %geo #.5 #.25 place#",
    "GEOADD %geo XX CH # # place#",
    "GEOSEARCHSTORE %near %geo FROMLONLAT 5 5 BYRADIUS #00 km ASC COUNT 3",
    "GEOSEARCHSTORE %near %geo FROMLONLAT 5 5 BYBOX #00 #00 km STOREDIST",
    "ZREM %geo place#",
    /* streams, and the groups that read them */
    "XADD %stream @ field #",
    "XADD %stream NOMKSTREAM MAXLEN ~ 40 @ a # b #",
    "XADD %feed * field #",
    "XADD %feed MINID ~ # * a # b #",
    "XDEL %stream &",
    "XTRIM %stream MAXLEN 3#",
    "XTRIM %feed MAXLEN 1#",
    "XREAD BLOCK #0 STREAMS %feed $",
    "XGROUP CREATE %stream readers $ MKSTREAM",
    "XGROUP CREATE %stream readers 0 MKSTREAM",
    "XGROUP CREATE %feed readers 0 MKSTREAM",
    "XGROUP CREATECONSUMER %stream readers reader#",
    "XGROUP DELCONSUMER %stream readers reader#",
    "XGROUP SETID %stream readers &",
    "XREADGROUP GROUP readers reader# COUNT 2 STREAMS %stream >",
    "XREADGROUP GROUP readers reader# COUNT 2 BLOCK #0 STREAMS %stream >",
    "XREADGROUP GROUP readers reader# BLOCK #0 NOACK STREAMS %feed >",
    "XREADGROUP GROUP readers reader# STREAMS %feed %stream > 0",
    "XACK %stream readers & &",
    "XCLAIM %stream readers reader# # & & FORCE",
    "XAUTOCLAIM %stream readers reader# 1# 0 COUNT 3",
    "XAUTOCLAIM %feed readers reader# ## 0 JUSTID",
    "XACKDEL %stream readers ACKED IDS 1 &",
    "XNACK %stream readers FAIL IDS 1 &",
};

/* What its keys have in braces. */
static void choose_tag(struct world *world, char out[WORD_SIZE])
{
    if (rng_one_in(&world->rng, MOVING_PART)) {
        const char *name = world->moves.keys[2 * rng_below(&world->rng, SIM_MOVING_SLOTS)].name;

        snprintf(out, WORD_SIZE, "{%s}", name);
    } else {
        snprintf(out, WORD_SIZE, "{c%d}", (int)rng_below(&world->rng, TAGS));
    }
}

static void put_id(struct world *world, char sign, char *out)
{
    uint64_t id = ++world->stream_id;

    if (sign == '&') {
        uint64_t back = 1 + rng_below(&world->rng, IDS_BACK);

        world->stream_id--;
        id = id > back ? id - back : 1;
    }
    snprintf(out, WORD_SIZE, "%llu-0", (unsigned long long)id);
}

static void put_sign(struct world *world, char sign, const char *tag, char *out)
{
    switch (sign) {
    case '%':
        snprintf(out, WORD_SIZE, "%s", tag);
        break;
    case '#':
        snprintf(out, WORD_SIZE, "%d", 1 + (int)rng_below(&world->rng, 9));
        break;
    case '@':
    case '&':
        put_id(world, sign, out);
        break;
    default:
        snprintf(out, WORD_SIZE, "%c", sign);
        break;
    }
}

static size_t fill_in(struct world *world, const char *command, const char *tag,
                      char words[WORDS_MAX][WORD_SIZE])
{
    size_t count = 0;
    size_t len = 0;

    words[0][0] = '\0';
    for (const char *at = command; *at != '\0'; at++) {
        char text[WORD_SIZE];

        if (*at == ' ') {
            count++;
            len = 0;
            ASSERT(count < WORDS_MAX);
            continue;
        }
        put_sign(world, *at, tag, text);
        len += (size_t)snprintf(words[count] + len, WORD_SIZE - len, "%s", text);
        ASSERT(len < WORD_SIZE);
    }
    return count + 1;
}

void families_ask(struct world *world, struct sim_client *client)
{
    char words[WORDS_MAX][WORD_SIZE];
    struct bytes request[WORDS_MAX];
    char tag[WORD_SIZE];
    size_t count;

    choose_tag(world, tag);
    count = fill_in(world, commands[rng_below(&world->rng, ARRAY_COUNT(commands))], tag, words);
    for (size_t i = 0; i < count; i++) {
        request[i] = bytes_from_text(words[i]);
    }
    client->request = REQUEST_FAMILY;
    client_turn_to(world, client, tag);
    client_send_words(world, client, request, count);
}

/* That a stream has no such group, or a list no such element, is as good an answer as any. */
bool families_is_answer(struct bytes text)
{
    return bytes_has_prefix(text, "ERR") || bytes_has_prefix(text, "NOGROUP") ||
           bytes_has_prefix(text, "BUSYGROUP");
}

void families_take_answer(struct world *world, struct sim_client *client)
{
    world->family_commands++;
    client->request = REQUEST_NONE;
}
