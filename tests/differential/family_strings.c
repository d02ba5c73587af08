/* SPDX-License-Identifier: MIT */
/* Strings: values, options of SET, counters, ranges, common subsequences; bits and HyperLogLogs. */
#include "tests/differential/shapes.h"

static const struct shape strings[] = {
    SHAPE(12, "SET $string $value"),
    EXACT(10, "SET $string $value $slip { ( NX | XX | GET | KEEPTTL | EX $ttl | PX $ttlms | EXAT "
              "$at | PXAT $atms ) }"),
    SHAPE(6, "GET $string"),
    SHAPE(3, "GETDEL $string"),
    EXACT(4, "GETEX $string $slip { ( PERSIST | EX $ttl | PX $ttlms | EXAT $at | PXAT $atms ) }"),
    SHAPE(3, "GETSET $string $value"),
    EXACT(3, "SETEX $string $ttl $value"),
    EXACT(3, "PSETEX $string $ttlms $value"),
    SHAPE(3, "SETNX $string $value"),
    SHAPE(4, "MSET $string $value [ $string $value ] $slip"),
    SHAPE(3, "MSETNX $string $value [ $string $value ] $slip"),
    SHAPE(4, "MGET $string { $any }"),
    SHAPE(5, "APPEND $string $value"),
    SHAPE(4, "STRLEN $string"),
    SHAPE(6, "INCR $string"),
    SHAPE(4, "DECR $string"),
    SHAPE(6, "INCRBY $string $int"),
    SHAPE(4, "DECRBY $string $int"),
    SHAPE(6, "INCRBYFLOAT $string $float"),
    SHAPE(4, "SET $string $digits"),
    SHAPE(5, "GETRANGE $string $index $index"),
    SHAPE(3, "SUBSTR $string $index $index"),
    EXACT(5, "SETRANGE $string $offset $value $slip"),
    SHAPE(3, "( DEL | UNLINK ) $string"),
    SHAPE(3, "SET $lcs $short"),
    SHAPE(3, "LCS $lcs $lcs { ( LEN | IDX | MINMATCHLEN $count | WITHMATCHLEN ) }"),
    EXACT(1, "LCS $string $hash"),
};

static const struct shape bits[] = {
    EXACT(8, "SETBIT $bits $offset $bit $slip"),
    SHAPE(5, "GETBIT $bits $offset"),
    SHAPE(5, "BITCOUNT $bits [ $index $index [ ( BIT | BYTE | $junk ) ] ]"),
    SHAPE(5, "BITPOS $bits $bit [ $index [ $index [ ( BIT | BYTE | $junk ) ] ] ]"),
    SHAPE(5, "BITOP ( AND | OR | XOR | $junk ) $bits $bits { $bits }"),
    SHAPE(3, "BITOP NOT $bits $bits $slip"),
    EXACT(9, "BITFIELD $bits $slip { ( GET $bittype $bitplace | SET $bittype $bitplace $rank | "
             "INCRBY $bittype $bitplace $rank | "
             "OVERFLOW ( WRAP | SAT | FAIL | $junk ) ) }"),
    EXACT(3, "BITFIELD_RO $bits { ( GET $bittype $bitplace | SET $bittype $bitplace 1 ) }"),
    SHAPE(3, "SET $bits $value"),
    SHAPE(2, "APPEND $bits $value"),
    SHAPE(2, "GET $bits"),
    SHAPE(1, "DEL $bits"),
    EXACT(6, "PFADD $hll { $member } $slip"),
    EXACT(1, "PFADD $hll $many $slip"),
    EXACT(4, "PFCOUNT $hll { $hll }"),
    EXACT(3, "PFMERGE $hll { $hll }"),
    EXACT(1, "PFCOUNT $set { $hll }"),
    EXACT(1, "PFMERGE $hll ( $set | $string )"),
    SHAPE(1, "DEL $hll"),
};

const struct family family_strings = {"strings", strings, sizeof(strings) / sizeof(strings[0])};
const struct family family_bits = {"bits", bits, sizeof(bits) / sizeof(bits[0])};
