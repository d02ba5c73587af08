/* SPDX-License-Identifier: MIT */
/* Keys of any type: names, times, copies, what they are; SORT. */
#include "tests/differential/shapes.h"

static const struct shape keys[] = {
    SHAPE(4, "RENAME $any $any"),
    SHAPE(3, "RENAMENX $any $any"),
    EXACT(5, "COPY $any $any $slip { ( REPLACE | DB ( 0 | 1 | 99 | -1 | x ) ) }"),
    EXACT(2, "MOVE $any ( 1 | 0 | 99 | -1 | x )"),
    EXACT(1, "SWAPDB ( 0 1 | 1 0 | 0 0 | 0 99 | x 1 | 1 x | 0 -1 )"),
    EXACT(5, "EXPIRE $any $ttl $slip { ( NX | XX | GT | LT ) }"),
    EXACT(4, "PEXPIRE $any $ttlms $slip { ( NX | XX | GT | LT ) }"),
    EXACT(4, "EXPIREAT $any $at $slip { ( NX | XX | GT | LT ) }"),
    EXACT(4, "PEXPIREAT $any $atms $slip { ( NX | XX | GT | LT ) }"),
    SHAPE(2, "TTL $any"),
    SHAPE(2, "PTTL $any"),
    SHAPE(2, "EXPIRETIME $any"),
    SHAPE(2, "PEXPIRETIME $any"),
    SHAPE(3, "PERSIST $any"),
    SHAPE(4, "TYPE $any"),
    SHAPE(4, "EXISTS $any { $any }"),
    SHAPE(3, "TOUCH $any { $any }"),
    SHAPE(3, "( DEL | UNLINK ) $any { $any }"),
    EXACT(1, "DBSIZE x"),
    SHAPE(2, "KEYS $pattern"),
    EXACT(3, "SCAN 0 COUNT 1000000 [ MATCH $pattern ] [ TYPE ( string | list | set | zset | hash | "
             "LIST | nothing ) ] $slip"),
    EXACT(1, "SCAN ( x | -1 | 99999999999999999999 ) [ COUNT ( 0 | -1 | x ) ]"),
    SHAPE(6, "OBJECT ENCODING $any"),
    SHAPE(1, "OBJECT FREQ $any"),
    SHAPE(1, "OBJECT $junk $any"),
    EXACT(1, "RESTORE $any ( -1 | x | 0 ) $value { ( REPLACE | ABSTTL | FREQ $count | IDLETIME "
             "$count ) }"),
    EXACT(1, "DUMP never"),
    UNKNOWN(1, "( NOSUCH | nosuch | GETT ) { $value }"),
};

/* A stock server compares texts up to a zero byte, unless it stores them: so LIMIT stands with numbers and STORE
 * only. */
static const struct shape sort[] = {
    EXACT(6, "SORT $list { ( ASC | DESC | LIMIT $index $index ) } $slip"),
    EXACT(4, "SORT $list ALPHA { ( ASC | DESC ) } $slip"),
    EXACT(4, "SORT $set ALPHA { ( ASC | DESC | GET # | GET s* ) }"),
    EXACT(4, "SORT $zset ALPHA { ( ASC | DESC ) }"),
    EXACT(3, "SORT $list ALPHA STORE $list { ( DESC | LIMIT $index $index ) }"),
    EXACT(3, "SORT $zset ALPHA STORE $list { ( DESC | LIMIT $index $index ) }"),
    EXACT(3, "SORT_RO $list ALPHA { DESC } $slip"),
    EXACT(2, "SORT $list BY nosort { GET ( # | s* | h*->a | none* ) }"),
    /* Without ALPHA: what weighs the same as a text comes in no order there. */
    EXACT(3, "SORT $zset BY ( s* | h*->a | #*# ) { ( DESC | LIMIT $index $index | GET ( # | s* | "
             "h*->a ) ) } $slip"),
    EXACT(3,
          "SORT $list BY ( s* | h*->a | * ) { ( GET ( # | *->a ) | ASC | LIMIT $index $index ) } "
          "STORE $list"),
    EXACT(2, "SORT_RO $zset BY nosort { DESC } [ STORE $list ]"),
    EXACT(2, "SORT $string"),
};

const struct family family_keys = {"keys", keys, sizeof(keys) / sizeof(keys[0])};
const struct family family_sort = {"sort", sort, sizeof(sort) / sizeof(sort[0])};
