/* SPDX-License-Identifier: MIT */
/* Streams and their groups.  Every id is told ("20-*" at most leaves the sequence open): one that is made of the
 * time would differ.  So XADD is not spoiled, and "*" stands where nothing can come to be.  What has to be idle for
 * some time is so for ever or never. */
#include "tests/differential/shapes.h"

#define TRIM "( MAXLEN | MINID ) [ ( = | ~ ) ] $threshold [ LIMIT $count ]"

static const struct shape streams[] = {
    EXACT(14, "XADD $stream $newid $member $value { $member $value }"),
    EXACT(14, "XADD $stream ( 20-* | 20-* | 21-* ) name $value"),
    EXACT(6, "XADD $stream { ( NOMKSTREAM | " TRIM " ) } $newid $member $value [ $member ]"),
    EXACT(1, "XADD $lcs NOMKSTREAM { ( MAXLEN ~ 3 | MINID 4 ) } * $member $value"),
    EXACT(1, "XADD $stream ( $newid | x | 5-x | -1 | 1-1-1 | 18446744073709551615-* )"),
    SHAPE(3, "XLEN $stream"),
    SHAPE(6, "XRANGE $stream $idend $idend { COUNT $count }"),
    SHAPE(6, "XREVRANGE $stream $idend $idend { COUNT $count }"),
    SHAPE(5, "XDEL $stream $id { $id }"),
    SHAPE(5, "XTRIM $stream " TRIM " $slip"),
    SHAPE(3, "XSETID $stream $id { ( ENTRIESADDED $int | MAXDELETEDID $id ) }"),
    EXACT(1, "XSETID $stream 18446744073709551615-18446744073709551615"),
    SHAPE(5, "XREAD { COUNT $count } STREAMS $stream $readid"),
    SHAPE(3, "XREAD [ COUNT $count ] STREAMS $stream $stream $readid $readid"),
    EXACT(1, "XREAD BLOCK 1 [ COUNT $count ] STREAMS $stream $readid"),
    EXACT(1, "XREAD BLOCK ( x | -1 | 1.5 ) STREAMS $stream $id"),
    SHAPE(6, "XGROUP CREATE $stream $group $readid { ( MKSTREAM | ENTRIESREAD $count ) }"),
    SHAPE(4, "XGROUP SETID $stream $group $readid { ENTRIESREAD $count }"),
    SHAPE(1, "XGROUP DESTROY $stream $group"),
    SHAPE(3, "XGROUP CREATECONSUMER $stream $group $consumer"),
    SHAPE(2, "XGROUP DELCONSUMER $stream $group $consumer"),
    SHAPE(1, "XGROUP ( $junk | CREATE | SETID ) $stream"),
    SHAPE(14, "XREADGROUP GROUP $group $consumer { ( COUNT $count | NOACK ) } STREAMS $stream >"),
    SHAPE(4, "XREADGROUP GROUP $group $consumer { ( COUNT $count | NOACK ) } STREAMS $stream "
             "$stream ( > | $readid ) ( > | $readid )"),
    SHAPE(6, "XREADGROUP GROUP $group $consumer { COUNT $count } STREAMS $stream $readid"),
    EXACT(1, "XREADGROUP GROUP $group $consumer BLOCK 1 [ NOACK ] STREAMS $stream >"),
    SHAPE(6, "XACK $stream $group $id { $id }"),
    SHAPE(5, "XPENDING $stream $group"),
    SHAPE(7, "XPENDING $stream $group [ IDLE $idle ] $idend $idend $count [ $consumer ]"),
    SHAPE(8, "XCLAIM $stream $group $consumer $idle $id { $id } { ( IDLE $idle | TIME ( 0 | 1 | "
             "1000000000000 | 99999999999999 | -1 | x ) | RETRYCOUNT $count | FORCE | JUSTID | "
             "LASTID $id ) }"),
    SHAPE(5, "XAUTOCLAIM $stream $group $consumer $idle $idend { ( COUNT $count | JUSTID ) }"),
    SHAPE(5, "XINFO STREAM $stream"),
    SHAPE(6, "XINFO GROUPS $stream"),
    EXACT(1, "XINFO CONSUMERS $stream never"),
    EXACT(1, "XINFO STREAM $stream ( x | FULL x | FULL COUNT | FULL COUNT x )"),
    SHAPE(1, "XINFO ( $junk | GROUPS | CONSUMERS ) $lcs"),
    SHAPE(3, "COPY $stream $stream [ REPLACE ]"),
    SHAPE(2, "RENAME $stream $stream"),
    SHAPE(2, "( TYPE | UNLINK ) $stream"),
    SHAPE(1, "OBJECT ENCODING $stream"),
    SHAPE(1, "DEL $stream"),
    EXACT(1, "CONFIG SET stream-node-max-entries ( 3 | 8 | 100 )"),
};

const struct family family_streams = {"streams", streams, sizeof(streams) / sizeof(streams[0])};
