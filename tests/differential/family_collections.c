/* SPDX-License-Identifier: MIT */
/* Hashes, sets and lists.  What is drawn at random by the server is here only where all of it is asked
 * for; checks.c does the rest. */
#include "tests/differential/shapes.h"

static const struct shape hashes[] = {
    SHAPE(10, "HSET $hash $member $value { $member $value } $slip"),
    SHAPE(1, "HSET $hash $manypairs"),
    SHAPE(3, "HMSET $hash $member $value { $member $value }"),
    SHAPE(3, "HSETNX $hash $member $value"),
    SHAPE(5, "HGET $hash $member"),
    SHAPE(5, "HMGET $hash $member { $member }"),
    SHAPE(4, "HGETALL $hash"),
    SHAPE(2, "HKEYS $hash"),
    SHAPE(2, "HVALS $hash"),
    SHAPE(3, "HLEN $hash"),
    SHAPE(3, "HSTRLEN $hash $member"),
    SHAPE(3, "HEXISTS $hash $member"),
    SHAPE(6, "HDEL $hash $member { $member }"),
    SHAPE(7, "HINCRBY $hash $member $int"),
    SHAPE(7, "HINCRBYFLOAT $hash $member $float"),
    EXACT(2, "HSCAN $hash 0 COUNT 1000000 [ MATCH $pattern ] $slip"),
    EXACT(1, "HSCAN $hash ( x | -1 ) [ COUNT ( 0 | x ) ]"),
    EXACT(2,
          "HRANDFIELD $hash ( 1000000 | 0 | x | -9223372036854775808 ) [ ( WITHVALUES | $junk ) ]"),
    EXACT(1, "OBJECT ENCODING $hash"),
    SHAPE(1, "DEL $hash"),
};

static const struct shape sets[] = {
    SHAPE(10, "SADD $set $member { $member }"),
    SHAPE(1, "SADD $set $many"),
    SHAPE(5, "SREM $set $member { $member }"),
    SHAPE(1, "SREM $set $many"),
    SHAPE(4, "SMEMBERS $set"),
    SHAPE(3, "SCARD $set"),
    SHAPE(4, "SISMEMBER $set $member"),
    SHAPE(4, "SMISMEMBER $set $member { $member }"),
    SHAPE(4, "SMOVE $set $set $member"),
    SHAPE(4, "SINTER $set { $set }"),
    SHAPE(4, "SUNION $set { $set }"),
    SHAPE(4, "SDIFF $set { $set }"),
    SHAPE(3, "SINTERSTORE $set $set { $set }"),
    SHAPE(3, "SUNIONSTORE $set $set { $set }"),
    SHAPE(3, "SDIFFSTORE $set $set { $set }"),
    SHAPE(4, "SINTERCARD $n:set { LIMIT $count }"),
    EXACT(1, "SPOP $set ( 1000000 | 0 | -1 | x | -9223372036854775808 ) $slip"),
    EXACT(2, "SRANDMEMBER $set ( 1000000 | 0 | x ) $slip"),
    EXACT(2, "SSCAN $set 0 COUNT 1000000 [ MATCH $pattern ] $slip"),
    EXACT(1, "SSCAN $set ( x | -1 ) [ COUNT ( 0 | x ) ]"),
    EXACT(1, "OBJECT ENCODING $set"),
    SHAPE(1, "DEL $set"),
};

static const struct shape lists[] = {
    SHAPE(8, "( LPUSH | RPUSH ) $list $value { $value }"),
    SHAPE(1, "( LPUSH | RPUSH ) $list $many"),
    SHAPE(3, "( LPUSHX | RPUSHX ) $list $value { $value }"),
    SHAPE(5, "( LPOP | RPOP ) $list [ $count ]"),
    SHAPE(3, "LLEN $list"),
    SHAPE(6, "LRANGE $list $index $index"),
    SHAPE(5, "LINDEX $list $index"),
    SHAPE(5, "LSET $list $index $value"),
    SHAPE(5, "LINSERT $list ( BEFORE | AFTER | $junk ) $value $value"),
    EXACT(5, "LREM $list $rank $value $slip"),
    EXACT(1, "LREM $list $index"),
    SHAPE(2, "LTRIM $list $index $index"),
    SHAPE(5, "LPOS $list $value { ( RANK $index | COUNT $count | MAXLEN $count ) }"),
    SHAPE(5, "LMOVE $list $list ( LEFT | RIGHT | $junk ) ( LEFT | RIGHT )"),
    SHAPE(3, "RPOPLPUSH $list $list"),
    SHAPE(4, "LMPOP $n:list ( LEFT | RIGHT | $junk ) { COUNT $count }"),
    EXACT(1, "( BLPOP | BRPOP ) $list ( x | -1 | nan | 1e300 | \"\" )"),
    EXACT(1, "( BLPOP | BRPOP ) $list { $list } 0.01"),
    EXACT(1, "BLMPOP 0.01 $n:list ( LEFT | RIGHT | $junk ) { COUNT $count }"),
    EXACT(1, "BLMOVE $list $list ( LEFT | RIGHT | $junk ) ( LEFT | RIGHT ) 0.01"),
    EXACT(1, "BRPOPLPUSH $list $list 0.01"),
    EXACT(1, "BLMPOP ( x | -1 ) 1 $list LEFT"),
    EXACT(1, "BLMOVE $list $list LEFT RIGHT ( x | -1 )"),
    EXACT(1, "BRPOPLPUSH $list $list ( x | -1 )"),
    EXACT(1, "OBJECT ENCODING $list"),
    SHAPE(1, "DEL $list"),
};

const struct family family_hashes = {"hashes", hashes, sizeof(hashes) / sizeof(hashes[0])};
const struct family family_sets = {"sets", sets, sizeof(sets) / sizeof(sets[0])};
const struct family family_lists = {"lists", lists, sizeof(lists) / sizeof(lists[0])};
