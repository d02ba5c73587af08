/* SPDX-License-Identifier: MIT */
#include "base/rng.h"
#include "store/stream_group.h"
#include "tests/unit/seed.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
/* Replies are those of redis-server 7.0. */
static const struct fixture_case groups[] = {
    {"XADD s 1-1 a 1", "$3|1-1|", NULL},
    {"XADD s 2-1 a 2", "$3|2-1|", NULL},
    {"XADD s 3-1 a 3", "$3|3-1|", NULL},
    {"XADD t 3-1 a 3", "$3|3-1|", NULL},
    {"XGROUP CREATE s g 0", "+OK|", NULL},
    {"XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists|", NULL},
    {"XGROUP CREATE t g 0", "+OK|", NULL},
    {"XGROUP CREATE u g $ MKSTREAM", "+OK|", NULL},
    {"XGROUP CREATE u h 0 MKSTREAM ENTRIESREAD 5", "+OK|", NULL},
    {"TYPE u", "+stream|", NULL},
    {"XLEN u", ":0|", NULL},
    {"XREADGROUP GROUP g c STREAMS s t u > > >", "*2|*2|$1|s|*3|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|3-1|*2|$1|a|$1|3|*2|$1|t|*1|*2|$3|3-1|*2|$1|a|$1|3|", NULL},
    {"XREADGROUP GROUP g c STREAMS s t u 0 0 0", "*3|*2|$1|s|*3|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|3-1|*2|$1|a|$1|3|*2|$1|t|*1|*2|$3|3-1|*2|$1|a|$1|3|*2|$1|u|*0|", NULL},
    {"XREADGROUP GROUP g c COUNT 1 STREAMS s t 0 0", "*2|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|1|*2|$1|t|*1|*2|$3|3-1|*2|$1|a|$1|3|", NULL},
    {"XREADGROUP GROUP g d STREAMS s t 0 0", "*2|*2|$1|s|*0|*2|$1|t|*0|", NULL},
    {"XREADGROUP GROUP g d STREAMS s t > >", "*-1|", NULL},
    {"XREADGROUP GROUP g d STREAMS s nope > >", "-NOGROUP No such key 'nope' or consumer group 'g' in XREADGROUP with GROUP option|", NULL},
    {"XREADGROUP GROUP g d STREAMS s s > >", "*-1|", NULL},
    {"XADD s 4-1 a 4", "$3|4-1|", NULL},
    {"XADD s 5-1 a 4", "$3|5-1|", NULL},
    {"XREADGROUP GROUP g d COUNT 1 STREAMS s s > >", "*2|*2|$1|s|*1|*2|$3|4-1|*2|$1|a|$1|4|*2|$1|s|*1|*2|$3|5-1|*2|$1|a|$1|4|", NULL},
    {"XREADGROUP GROUP g d NOACK STREAMS s >", "*-1|", NULL},
    {"XREADGROUP COUNT 1 GROUP g d STREAMS s >", "*-1|", NULL},
    {"XREADGROUP GROUP g d COUNT x STREAMS s >", "-ERR value is not an integer or out of range|", NULL},
    {"XREADGROUP FOO g d COUNT 1 STREAMS s >", "-ERR syntax error|", NULL},
    {"XREADGROUP GROUP g d FOO 1 STREAMS s >", "-ERR syntax error|", NULL},
    {"XREADGROUP COUNT 1 COUNT 2 STREAMS s >", "-ERR Missing GROUP option for XREADGROUP|", NULL},
    {"XREADGROUP GROUP g d STREAMS s x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XREADGROUP GROUP g d BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range|", NULL},
    {"XPENDING s g", "*4|:5|$3|1-1|$3|5-1|*2|*2|$1|c|$1|3|*2|$1|d|$1|2|", NULL},
    {"XPENDING t g", "*4|:1|$3|3-1|$3|3-1|*1|*2|$1|c|$1|1|", NULL},
    {"XPENDING u g", "*4|:0|$-1|$-1|*-1|", NULL},
    {"XPENDING s g - + 10 nobody", "*0|", NULL},
    {"XPENDING s g IDLE 100000 - + 10", "*0|", NULL},
    {"XPENDING s g IDLE 0 - + 10 c FOO", "-ERR syntax error|", NULL},
    {"XPENDING s g IDLE 0 - +", "-ERR syntax error|", NULL},
    {"XPENDING s g FOO", "-ERR syntax error|", NULL},
    {"XPENDING s g (x + 10", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XPENDING s g - + x", "-ERR value is not an integer or out of range|", NULL},
    {"XPENDING s g - + -5", "*0|", NULL},
    {"XPENDING s g - + 0", "*0|", NULL},
    {"XPENDING s g - + 10 c d e f", "-ERR syntax error|", NULL},
    {"XACK s g 1-1 1-1 9-9", ":1|", NULL},
    {"XACK s g x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XACK s nog x", ":0|", NULL},
    {"XACK nos g x", ":0|", NULL},
    {"XACK s g 1-1 x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XCLAIM s g e 0 2-1", "*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XCLAIM s g e 0 2-1 JUSTID", "*1|$3|2-1|", NULL},
    {"XCLAIM s g e 0 2-1 3-1 4-1 5-1", "*4|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|3-1|*2|$1|a|$1|3|*2|$3|4-1|*2|$1|a|$1|4|*2|$3|5-1|*2|$1|a|$1|4|", NULL},
    {"XCLAIM s g e 1000000 2-1", "*0|", NULL},
    {"XCLAIM s g e 0 5-1 FORCE", "*1|*2|$3|5-1|*2|$1|a|$1|4|", NULL},
    {"XCLAIM s g e 0 9-1 FORCE", "*0|", NULL},
    {"XCLAIM s g e x 9-1", "-ERR Invalid min-idle-time argument for XCLAIM|", NULL},
    {"XCLAIM s g e -1 2-1", "*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XCLAIM s g e 0 x", "-ERR Unrecognized XCLAIM option 'x'|", NULL},
    {"XCLAIM s g e 0 2-1 FOO", "-ERR Unrecognized XCLAIM option 'FOO'|", NULL},
    {"XCLAIM s g e 0 2-1 IDLE", "-ERR Unrecognized XCLAIM option 'IDLE'|", NULL},
    {"XCLAIM s g e 0 2-1 IDLE x", "-ERR Invalid IDLE option argument for XCLAIM|", NULL},
    {"XCLAIM s g e 0 2-1 TIME x", "-ERR Invalid TIME option argument for XCLAIM|", NULL},
    {"XCLAIM s g e 0 2-1 RETRYCOUNT x", "-ERR Invalid RETRYCOUNT option argument for XCLAIM|", NULL},
    {"XCLAIM s g e 0 2-1 RETRYCOUNT 77", "*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XCLAIM s g e 0 2-1 RETRYCOUNT 7 JUSTID", "*1|$3|2-1|", NULL},
    {"XCLAIM s g e 0 2-1 LASTID x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XCLAIM s g e 0 2-1 LASTID 3-3 JUSTID", "*1|$3|2-1|", NULL},
    {"XCLAIM s g e 0 2-1 FORCE JUSTID 3-1", "-ERR Unrecognized XCLAIM option '3-1'|", NULL},
    {"XCLAIM s nog e 0 2-1", "-NOGROUP No such key 's' or consumer group 'nog'|", NULL},
    {"XCLAIM nos g e 0 2-1", "-NOGROUP No such key 'nos' or consumer group 'g'|", NULL},
    {"XDEL s 3-1", ":1|", NULL},
    {"XREADGROUP GROUP g e STREAMS s 0", "*1|*2|$1|s|*4|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|3-1|*-1|*2|$3|4-1|*2|$1|a|$1|4|*2|$3|5-1|*2|$1|a|$1|4|", NULL},
    {"XCLAIM s g z 0 3-1 2-1", "*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XPENDING s g", "*4|:3|$3|2-1|$3|5-1|*2|*2|$1|e|$1|2|*2|$1|z|$1|1|", NULL},
    {"XAUTOCLAIM s g y 0 -", "*3|$3|0-0|*3|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|4-1|*2|$1|a|$1|4|*2|$3|5-1|*2|$1|a|$1|4|*0|", NULL},
    {"XAUTOCLAIM s g y 0 0 COUNT 1", "*3|$3|4-1|*1|*2|$3|2-1|*2|$1|a|$1|2|*0|", NULL},
    {"XAUTOCLAIM s g y 0 (2-1 COUNT 1 JUSTID", "*3|$3|5-1|*1|$3|4-1|*0|", NULL},
    {"XAUTOCLAIM s g y 0 0 COUNT 0", "-ERR COUNT must be > 0|", NULL},
    {"XAUTOCLAIM s g y 0 0 COUNT x", "-ERR COUNT must be > 0|", NULL},
    {"XAUTOCLAIM s g y 0 0 COUNT", "-ERR syntax error|", NULL},
    {"XAUTOCLAIM s g y 0 0 FOO", "-ERR syntax error|", NULL},
    {"XAUTOCLAIM s g y x 0", "-ERR Invalid min-idle-time argument for XAUTOCLAIM|", NULL},
    {"XAUTOCLAIM s g y 0 x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XAUTOCLAIM s g y -5 0 JUSTID", "*3|$3|0-0|*3|$3|2-1|$3|4-1|$3|5-1|*0|", NULL},
    {"XAUTOCLAIM s g y 1000000 0", "*3|$3|0-0|*0|*0|", NULL},
    {"XAUTOCLAIM s nog y 0 0", "-NOGROUP No such key 's' or consumer group 'nog'|", NULL},
    {"XAUTOCLAIM nos g y 0 0", "-NOGROUP No such key 'nos' or consumer group 'g'|", NULL},
    {"XGROUP SETID s g 0", "+OK|", NULL},
    {"XGROUP SETID s g 0 ENTRIESREAD 3", "+OK|", NULL},
    {"XREADGROUP GROUP g q STREAMS s >", "*1|*2|$1|s|*4|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|4-1|*2|$1|a|$1|4|*2|$3|5-1|*2|$1|a|$1|4|", NULL},
    {"XPENDING s g", "*4|:4|$3|1-1|$3|5-1|*1|*2|$1|q|$1|4|", NULL},
    {"XGROUP DELCONSUMER s g q", ":4|", NULL},
    {"XGROUP DELCONSUMER s g q", ":0|", NULL},
    {"XGROUP CREATECONSUMER s g q", ":1|", NULL},
    {"XGROUP CREATECONSUMER s g q", ":0|", NULL},
    {"XGROUP DESTROY s g", ":1|", NULL},
    {"XGROUP DESTROY s g", ":0|", NULL},
    {"XGROUP CREATE s g x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XGROUP CREATE s g -", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XGROUP CREATE s g $ ENTRIESREAD", "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.|", NULL},
    {"XGROUP CREATE s g $ ENTRIESREAD x", "-ERR value is not an integer or out of range|", NULL},
    {"XGROUP CREATE s g $ ENTRIESREAD -1", "+OK|", NULL},
    {"XGROUP SETID s g $", "+OK|", NULL},
    {"XGROUP CREATE s g 0 MKSTREAM MKSTREAM ENTRIESREAD 1", "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.|", NULL},
    {"XGROUP SETID s g 0 ENTRIESREAD 1 ENTRIESREAD 2", "-ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.|", NULL},
    {"XGROUP SETID s nog 0 ENTRIESREAD 1 ENTRIESREAD 2", "-NOGROUP No such consumer group 'nog' for key name 's'|", NULL},
    {"XGROUP CREATE s plus +", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XGROUP SETID s g -", "+OK|", NULL},
    {"XGROUP SETID s g +", "+OK|", NULL},
    {"XREADGROUP GROUP g a STREAMS s >", "*-1|", NULL},
    {"XGROUP SETID s g $", "+OK|", NULL},
    {"XREADGROUP GROUP g a STREAMS s >", "*-1|", NULL},
    {"XADD s 77-1 f v", "$4|77-1|", NULL},
    {"XREADGROUP GROUP g a STREAMS s >", "*1|*2|$1|s|*1|*2|$4|77-1|*2|$1|f|$1|v|", NULL},
    {"XADD s MAXLEN 1 78-1 f v", "$4|78-1|", NULL},
    {"XREADGROUP GROUP g a STREAMS s 0", "*1|*2|$1|s|*1|*2|$4|77-1|*-1|", NULL},
    {"SET str x", "+OK|", NULL},
    {"XGROUP CREATE str g 0", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XREADGROUP GROUP g a STREAMS str >", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XACK str g 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XPENDING str g", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XCLAIM str g a 0 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XAUTOCLAIM str g a 0 0", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
};
/* clang-format on */

Test(stream_groups, entries_are_delivered_claimed_and_acknowledged_or_it_is_said_what_is_wrong)
{
    RUN_CASES(groups);
}

/* clang-format off */
static const struct fixture_case info[] = {
    {"XGROUP CREATE e g 0 MKSTREAM", "+OK|", NULL},
    {"XINFO STREAM e", "*32|$6|length|:0|$15|radix-tree-keys|:0|$16|radix-tree-nodes|:1|$17|last-generated-id|$3|0-0|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:0|$23|recorded-first-entry-id|$3|0-0|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$6|groups|:1|$11|first-entry|$-1|$10|last-entry|$-1|", NULL},
    {"XINFO STREAM e FULL", "*30|$6|length|:0|$15|radix-tree-keys|:0|$16|radix-tree-nodes|:1|$17|last-generated-id|$3|0-0|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:0|$23|recorded-first-entry-id|$3|0-0|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$7|entries|*0|$6|groups|*1|*16|$4|name|$1|g|$17|last-delivered-id|$3|0-0|$12|entries-read|$-1|$3|lag|:0|$9|pel-count|:0|$12|nacked-count|:0|$7|pending|*0|$9|consumers|*0|", NULL},
    {"XINFO GROUPS e", "*1|*12|$4|name|$1|g|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|0-0|$12|entries-read|$-1|$3|lag|:0|", NULL},
    {"XADD s 1-1 a 1", "$3|1-1|", NULL},
    {"XADD s 2-1 a 2", "$3|2-1|", NULL},
    {"XADD s 3-1 a 2", "$3|3-1|", NULL},
    {"XADD s 4-1 a 2", "$3|4-1|", NULL},
    {"XADD s 5-1 a 2", "$3|5-1|", NULL},
    {"XGROUP CREATE s g 0", "+OK|", NULL},
    {"XGROUP CREATE s h $", "+OK|", NULL},
    {"XGROUP CREATE s i 3", "+OK|", NULL},
    {"XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|1|", NULL},
    {"XINFO STREAM s", "*32|$6|length|:5|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|5-1|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:5|$23|recorded-first-entry-id|$3|1-1|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$6|groups|:3|$11|first-entry|*2|$3|1-1|*2|$1|a|$1|1|$10|last-entry|*2|$3|5-1|*2|$1|a|$1|2|", NULL},
    {"XINFO GROUPS s", "*3|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|1-1|$12|entries-read|:1|$3|lag|:4|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|5-1|$12|entries-read|$-1|$3|lag|:0|*12|$4|name|$1|i|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|3-0|$12|entries-read|$-1|$3|lag|$-1|", NULL},
    {"XDEL s 3-1", ":1|", NULL},
    {"XINFO STREAM s", "*32|$6|length|:4|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|5-1|$20|max-deleted-entry-id|$3|3-1|$13|entries-added|:5|$23|recorded-first-entry-id|$3|1-1|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$6|groups|:3|$11|first-entry|*2|$3|1-1|*2|$1|a|$1|1|$10|last-entry|*2|$3|5-1|*2|$1|a|$1|2|", NULL},
    {"XINFO GROUPS s", "*3|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|1-1|$12|entries-read|:1|$3|lag|$-1|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|5-1|$12|entries-read|$-1|$3|lag|:0|*12|$4|name|$1|i|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|3-0|$12|entries-read|$-1|$3|lag|$-1|", NULL},
    {"XREADGROUP GROUP i c COUNT 1 NOACK STREAMS s >", "*1|*2|$1|s|*1|*2|$3|4-1|*2|$1|a|$1|2|", NULL},
    {"XREADGROUP GROUP g c NOACK STREAMS s >", "*1|*2|$1|s|*3|*2|$3|2-1|*2|$1|a|$1|2|*2|$3|4-1|*2|$1|a|$1|2|*2|$3|5-1|*2|$1|a|$1|2|", NULL},
    {"XINFO GROUPS s", "*3|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|5-1|$12|entries-read|:5|$3|lag|:0|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|5-1|$12|entries-read|$-1|$3|lag|:0|*12|$4|name|$1|i|$9|consumers|:1|$7|pending|:0|$17|last-delivered-id|$3|4-1|$12|entries-read|$-1|$3|lag|$-1|", NULL},
    {"XADD s MAXLEN 3 6-1 a b", "$3|6-1|", NULL},
    {"XINFO GROUPS s", "*3|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|5-1|$12|entries-read|:5|$3|lag|:1|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|5-1|$12|entries-read|$-1|$3|lag|$-1|*12|$4|name|$1|i|$9|consumers|:1|$7|pending|:0|$17|last-delivered-id|$3|4-1|$12|entries-read|$-1|$3|lag|:2|", NULL},
    {"XTRIM s MAXLEN 0", ":3|", NULL},
    {"XINFO GROUPS s", "*3|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|5-1|$12|entries-read|:5|$3|lag|:1|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|5-1|$12|entries-read|$-1|$3|lag|:0|*12|$4|name|$1|i|$9|consumers|:1|$7|pending|:0|$17|last-delivered-id|$3|4-1|$12|entries-read|$-1|$3|lag|:0|", NULL},
    {"XINFO STREAM s", "*32|$6|length|:0|$15|radix-tree-keys|:0|$16|radix-tree-nodes|:1|$17|last-generated-id|$3|6-1|$20|max-deleted-entry-id|$3|3-1|$13|entries-added|:6|$23|recorded-first-entry-id|$3|0-0|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$6|groups|:3|$11|first-entry|$-1|$10|last-entry|$-1|", NULL},
    {"XINFO STREAM nos", "-ERR no such key|", NULL},
    {"XINFO GROUPS nos", "-ERR no such key|", NULL},
    {"XINFO CONSUMERS s nog", "-NOGROUP No such consumer group 'nog' for key name 's'|", NULL},
    {"XINFO CONSUMERS nos g", "-ERR no such key|", NULL},
    {"XADD cut 1-1 a 1", "$3|1-1|", NULL},
    {"XADD cut 2-1 a 2", "$3|2-1|", NULL},
    {"XGROUP CREATE cut g 0 ENTRIESREAD 0", "+OK|", NULL},
    {"XDEL cut 1-1", ":1|", NULL},
    {"XINFO GROUPS cut", "*1|*12|$4|name|$1|g|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|0-0|$12|entries-read|:0|$3|lag|:2|", NULL},
    {"XINFO STREAM s FOO", "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|", NULL},
    {"XINFO STREAM s FULL FOO 1", "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|", NULL},
    {"XINFO STREAM s FULL COUNT x", "-ERR value is not an integer or out of range|", NULL},
    {"XINFO STREAM s FULL COUNT", "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|", NULL},
    {"XINFO STREAM s FULL COUNT 1 2", "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|", NULL},
    {"XINFO STREAM s FOO COUNT 1", "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|", NULL},
};
/* clang-format on */

Test(stream_groups, xinfo_tells_what_stock_servers_tell)
{
    RUN_CASES(info);
}

static const struct fixture_case consumers[] = {
    {"XADD s 1-1 a b",                   "$3|1-1|",                               NULL},
    {"XGROUP CREATE s g 0",              "+OK|",                                  NULL},
    {"XGROUP CREATECONSUMER s g idle",   ":1|",                                   NULL},
    {"XREADGROUP GROUP g c STREAMS s >", "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|", NULL},
    {"XINFO CONSUMERS s g",
     "*2|*8|$4|name|$1|c|$7|pending|:1|$4|idle|:0|$8|inactive|:0|"
     "*8|$4|name|$4|idle|$7|pending|:0|$4|idle|:0|$8|inactive|:-1|",              ""  },
    {"XINFO STREAM s FULL",
     "*30|$6|length|:1|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|1-1|"
     "$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:1|$23|recorded-first-entry-id|$3|1-1|$13|"
     "idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-"
     "added|:0|$15|iids-duplicates|:0|"
     "$7|entries|*1|*2|$3|1-1|*2|$1|a|$1|b|$6|groups|*1|*16|$4|name|$1|g|$17|last-delivered-id|$3|"
     "1-1|"
     "$12|entries-read|:1|$3|lag|:0|$9|pel-count|:1|$12|nacked-count|:0|$7|pending|*1|*4|$3|1-1|$1|"
     "c|:1000000000|:1|"
     "$9|consumers|*2|*10|$4|name|$1|c|$9|seen-time|:1000000000|$11|active-time|:1000000000|"
     "$9|pel-count|:1|$7|pending|*1|*3|$3|1-1|:1000000000|:1|"
     "*10|$4|name|$4|idle|$9|seen-time|:1000000000|$11|active-time|:-1|$9|pel-count|:0|$7|pending|*"
     "0|",                                                                        ""  },
};

Test(stream_groups, xinfo_tells_when_consumers_were_active)
{
    RUN_CASES(consumers);
}

static const struct fixture_case newer[] = {
    {"XGROUP CREATE s g 0 MKSTREAM",           "+OK|",                                      "XGROUP CREATE s g 0 MKSTREAM"},
    {"XREADGROUP GROUP g c STREAMS s +",
     "-ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of "
     "this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would "
     "just return an empty result set.|",                                                   ""                            },
    {"XREADGROUP GROUP g c STREAMS s s >",
     "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
     "specified.|",                                                                         ""                            },
    {"XREADGROUP COUNT 1 COUNT 2 STREAMS s >", "-ERR Missing GROUP option for XREADGROUP|", ""                            },
};

Test(stream_groups, what_newer_servers_say_is_said)
{
    RUN_CASES(newer);
}

static const struct fixture_case traveling[] = {
    {"XADD s 1-1 a b",                                 "$3|1-1|",                               NULL                                },
    {"XADD s 2-1 a b",                                 "$3|2-1|",                               NULL                                },
    {"XADD s 3-1 a b",                                 "$3|3-1|",                               NULL                                },
    {"XGROUP CREATE s g $ MKSTREAM",                   "+OK|",                                  "XGROUP CREATE s g $ MKSTREAM"      },
    {"XGROUP SETID s g 0 ENTRIESREAD 0",               "+OK|",                                  "XGROUP SETID s g 0 ENTRIESREAD 0"  },
    {"XREADGROUP GROUP g c COUNT 1 STREAMS s >",       "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|",
     "XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT 1 FORCE JUSTID "
     "LASTID 1-1; XGROUP SETID s g 1-1 ENTRIESREAD 1"                                                                               },
    {"XREADGROUP GROUP g c NOACK COUNT 1 STREAMS s >", "*1|*2|$1|s|*1|*2|$3|2-1|*2|$1|a|$1|b|",
     "XGROUP SETID s g 2-1 ENTRIESREAD 2"                                                                                           },
    {"XREADGROUP GROUP g c STREAMS s 0",               "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|",
     "XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 2-1"                                                      },
    {"XCLAIM s g d 0 1-1 IDLE 500 RETRYCOUNT 9",       "*1|*2|$3|1-1|*2|$1|a|$1|b|",
     "XGROUP CREATECONSUMER s g d; XCLAIM s g d 0 1-1 TIME 999999500 RETRYCOUNT 9 FORCE JUSTID "
     "LASTID 2-1"                                                                                                                   },
    {"XCLAIM s g d 0 9-9 LASTID 2-2",                  "*0|",                                   "XGROUP SETID s g 2-2 ENTRIESREAD 2"},
    {"XPENDING s g - + 10",                            "*1|*4|$3|1-1|$1|d|:500|:9|",            ""                                  },
    {"XPENDING s g IDLE 501 - + 10",                   "*0|",                                   ""                                  },
    {"XAUTOCLAIM s g c 500 0 JUSTID",                  "*3|$3|0-0|*1|$3|1-1|*0|",
     "XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT 9 FORCE JUSTID LASTID 2-2"                                                      },
    {"XDEL s 1-1",                                     ":1|",                                   "XDEL s 1-1"                        },
    {"XREADGROUP GROUP g c STREAMS s 0",               "*1|*2|$1|s|*1|*2|$3|1-1|*-1|",          ""                                  },
    {"XAUTOCLAIM s g c 0 0",                           "*3|$3|0-0|*0|*1|$3|1-1|",               "XACK s g 1-1"                      },
    {"XACK s g 1-1",                                   ":0|",                                   ""                                  },
    {"XGROUP DELCONSUMER s g nobody",                  ":0|",                                   ""                                  },
    {"XGROUP DESTROY s nothing",                       ":0|",                                   ""                                  },
    {"XREADGROUP GROUP g c BLOCK 5 STREAMS s 3-3",     "*1|*2|$1|s|*0|",                        ""                                  },
};

Test(stream_groups, effects_tell_what_was_delivered_to_whom_and_when)
{
    RUN_CASES(traveling);
}

Test(stream_groups, who_waits_for_new_entries_is_told_when_the_group_is_lost)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "XGROUP CREATE s g 0 MKSTREAM");
    fixture_run(f, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_expect(f->x.block.is_told_of_loss);
    cr_expect_null(f->x.block.words);
    fixture_free(f);
}

Test(stream_groups, a_consumer_who_has_to_wait_is_made_at_once_and_seen_whenever_it_asks)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "XGROUP CREATE s g 0 MKSTREAM");
    fixture_run(f, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_expect_str_eq(fixture_effects(f), "XGROUP CREATECONSUMER s g c");
    f->x.now.unix_ms += 50;
    fixture_expect(f, "XINFO CONSUMERS s g",
                   "*1|*8|$4|name|$1|c|$7|pending|:0|$4|idle|:50|$8|inactive|:-1|");
    fixture_run(f, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_expect_str_eq(fixture_effects(f), "");
    fixture_expect(f, "XINFO CONSUMERS s g",
                   "*1|*8|$4|name|$1|c|$7|pending|:0|$4|idle|:0|$8|inactive|:-1|");
    fixture_free(f);
}

#define MOST "9223372036854775807"

/* Replicas could not read what is above. */
static const struct fixture_case most[] = {
    {"XADD s 1-1 a b",                                "$3|1-1|",                                 NULL},
    {"XADD s 2-1 a b",                                "$3|2-1|",                                 NULL},
    {"XADD s 3-1 a b",                                "$3|3-1|",                                 NULL},
    {"XGROUP CREATE s g 0 ENTRIESREAD " MOST,         "+OK|",                                    NULL},
    {"XREADGROUP GROUP g c COUNT 1 STREAMS s >",      "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|",
     "XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT 1 FORCE JUSTID "
     "LASTID 1-1; XGROUP SETID s g 1-1 ENTRIESREAD " MOST                                            },
    {"XCLAIM s g c 0 1-1 RETRYCOUNT " MOST " JUSTID", "*1|$3|1-1|",                              NULL},
    {"XREADGROUP GROUP g c STREAMS s 0",              "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|",
     "XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT " MOST " FORCE JUSTID LASTID 1-1"                },
    {"XAUTOCLAIM s g c 0 0",                          "*3|$3|0-0|*1|*2|$3|1-1|*2|$1|a|$1|b|*0|",
     "XCLAIM s g c 0 1-1 TIME 1000000000 RETRYCOUNT " MOST " FORCE JUSTID LASTID 1-1"                },
    {"XSETID s 5-1 ENTRIESADDED " MOST,               "+OK|",                                    NULL},
    {"XADD s 9-1 a b",                                "$3|9-1|",                                 NULL},
    {"XGROUP CREATE s h 5-1",                         "+OK|",                                    NULL},
    {"XREADGROUP GROUP h c STREAMS s >",              "*1|*2|$1|s|*1|*2|$3|9-1|*2|$1|a|$1|b|",
     "XGROUP CREATECONSUMER s h c; XCLAIM s h c 0 9-1 TIME 1000000000 RETRYCOUNT 1 FORCE JUSTID "
     "LASTID 9-1; XGROUP SETID s h 9-1 ENTRIESREAD " MOST                                            },
};

Test(stream_groups, what_is_counted_ends_where_clients_can_say_it)
{
    RUN_CASES(most);
}

/* ---- replicas ----------------------------------------------------------------------------------------- */

/* Of those that stock servers of the oldest kind do not know. */
static void random_newer_request(struct rng *rng, char *out, size_t size)
{
    unsigned n = (unsigned)rng_below(rng, 40);
    unsigned m = (unsigned)rng_below(rng, 40);
    unsigned g = (unsigned)rng_below(rng, 3);
    unsigned c = (unsigned)rng_below(rng, 4);
    static const char *const refs[] = {"KEEPREF", "DELREF", "ACKED"};
    static const char *const modes[] = {"SILENT", "FAIL", "FATAL"};

    switch (rng_below(rng, 6)) {
    case 0:
        snprintf(out, size, "XREADGROUP GROUP g%u c%u CLAIM %u COUNT %u STREAMS s >", g, c, m * m,
                 1 + n % 7);
        break;
    case 1:
        snprintf(out, size, "XNACK s g%u %s IDS 2 %u-0 %u-1 %s", g, modes[m % 3], n, m,
                 n % 4 == 0 ? "FORCE" : "RETRYCOUNT 3");
        break;
    case 2:
        snprintf(out, size, "XADD s %s MAXLEN = 30 %u-* f %u", refs[m % 3], n, m);
        break;
    case 3:
        snprintf(out, size, "XACKDEL s g%u %s IDS 3 %u-0 %u-1 %u-0", g, refs[m % 3], n, m, n + 1);
        break;
    case 4:
        snprintf(out, size, "XDELEX s %s IDS 3 %u-0 %u-1 %u-0", refs[m % 3], n, m, n + 1);
        break;
    default:
        snprintf(out, size, "XTRIM s MAXLEN %s %u %s", n % 2 == 0 ? "~" : "=", n, refs[m % 3]);
        break;
    }
}

static void random_request(struct rng *rng, char *out, size_t size)
{
    unsigned n = (unsigned)rng_below(rng, 40);
    unsigned m = (unsigned)rng_below(rng, 40);
    unsigned g = (unsigned)rng_below(rng, 3);
    unsigned c = (unsigned)rng_below(rng, 4);

    switch (rng_below(rng, 23)) {
    case 17:
    case 18:
    case 19:
    case 20:
    case 21:
    case 22:
        random_newer_request(rng, out, size);
        break;
    case 16:
        snprintf(out, size, "XTRIM s MINID ~ %u", 2 * n);
        break;
    case 0:
        snprintf(out, size, "XGROUP CREATE s g%u %u MKSTREAM", g, n);
        break;
    case 1:
        snprintf(out, size, "XGROUP SETID s g%u %s", g, n % 2 == 0 ? "0" : "$");
        break;
    case 2:
        snprintf(out, size, n == 0 ? "XGROUP DESTROY s g%u" : "XGROUP DELCONSUMER s g%u c1", g);
        break;
    case 3:
        snprintf(out, size, "XTRIM s MAXLEN ~ %u", n);
        break;
    case 4:
        snprintf(out, size, "XDEL s %u-0 %u-1", n, m);
        break;
    case 5:
        snprintf(out, size, "XACK s g%u %u-0 %u-1 %u-2", g, n, m, n);
        break;
    case 6:
        snprintf(out, size, "XCLAIM s g%u c%u %u %u-0 %u-1 %s", g, c, n % 2 * 3, n, m,
                 m % 2 == 0 ? "FORCE" : "JUSTID");
        break;
    case 7:
        snprintf(out, size, "XAUTOCLAIM s g%u c%u %u %u COUNT %u", g, c, n % 2 * 2, m, 1 + n % 7);
        break;
    case 8:
        snprintf(out, size, "XREADGROUP GROUP g%u c%u COUNT %u STREAMS s %u", g, c, 1 + n % 5, m);
        break;
    case 9:
        snprintf(out, size, "XREADGROUP GROUP g%u c%u NOACK COUNT 1 STREAMS s >", g, c);
        break;
    case 10:
    case 11:
    case 12:
        snprintf(out, size, "XREADGROUP GROUP g%u c%u COUNT %u STREAMS s >", g, c, 1 + n % 5);
        break;
    default:
        snprintf(out, size, "XADD s MAXLEN ~ 60 %u-* f %u", n, m);
        break;
    }
}

/* What the effects of a primary make of a replica. */
static void follow(struct fixture *replica, const char *effects)
{
    char one[4096];

    while (*effects != '\0') {
        const char *end = strstr(effects, "; ");
        size_t len = end != NULL ? (size_t)(end - effects) : strlen(effects);

        cr_assert_lt(len, sizeof(one));
        memcpy(one, effects, len);
        one[len] = '\0';
        fixture_run(replica, one);
        effects += len + (end != NULL ? 2 : 0);
    }
}

static uint64_t digest_of(struct fixture *f)
{
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("s"));
    const struct entry *e = keyspace_find_any(f->x.keyspace, &ref);

    return e == NULL ? 0 : value_ops_of(keyspace_types(f->x.keyspace), e)->digest(e, 1);
}

/* And whatever its clock says: it is ahead, or behind. */
Test(stream_groups, effects_make_the_same_of_a_replica_whatever_was_asked)
{
    uint64_t seed = seed_get();
    struct fixture *primary = fixture_new(false);
    struct fixture *replica = fixture_new(false);
    struct rng rng;

    rng_init(&rng, seed);
    replica->x.is_primary = false;
    replica->x.from_primary = true;
    for (int i = 0; i < 20000; i++) {
        char request[160];

        random_request(&rng, request, sizeof(request));
        primary->x.now.unix_ms++;
        replica->x.now.unix_ms = primary->x.now.unix_ms + (i % 2 == 0 ? 7 : -7);
        fixture_run(primary, request);
        follow(replica, fixture_effects(primary));
        SEED_ASSERT(digest_of(primary) == digest_of(replica), seed);
    }
    fixture_free(primary);
    fixture_free(replica);
}

Test(stream_groups, entries_delivered_before_the_clock_went_back_are_still_pending)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "XADD s 1-1 a b", "$3|1-1|");
    fixture_expect(f, "XGROUP CREATE s g 0", "+OK|");
    fixture_run(f, "XREADGROUP GROUP g c STREAMS s >");
    f->x.now.unix_ms -= 5000;
    fixture_expect(f, "XPENDING s g - + 10", "*1|*4|$3|1-1|$1|c|:0|:1|");
    fixture_expect(f, "XPENDING s g IDLE 1 - + 10", "*0|");
    fixture_expect(f, "XINFO CONSUMERS s g",
                   "*1|*8|$4|name|$1|c|$7|pending|:1|$4|idle|:0|$8|inactive|:0|");
    fixture_expect(f, "XAUTOCLAIM s g d 1 0 JUSTID", "*3|$3|0-0|*0|*0|");
    fixture_expect(f, "XAUTOCLAIM s g d 0 0 JUSTID", "*3|$3|0-0|*1|$3|1-1|*0|");
    fixture_free(f);
}
