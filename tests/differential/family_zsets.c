/* SPDX-License-Identifier: MIT */
/* Sorted sets, all forms of ranges, and geospatial indexes.  Ranges by member are asked of keys whose scores
 * are all the same: elsewhere nothing says what they give. */
#include "tests/differential/shapes.h"

static const struct shape zsets[] = {
    SHAPE(10, "ZADD $zset { ( NX | XX | GT | LT | CH | INCR ) } $score $member"),
    SHAPE(8, "ZADD $zset $score $member { $score $member } $slip"),
    SHAPE(1, "ZADD $zset $manypairs"),
    SHAPE(5, "ZINCRBY $zset $score $member"),
    SHAPE(5, "ZREM $zset $member { $member }"),
    SHAPE(2, "ZCARD $zset"),
    SHAPE(4, "ZSCORE $zset $member"),
    SHAPE(3, "ZMSCORE $zset $member { $member }"),
    SHAPE(3, "( ZRANK | ZREVRANK ) $zset $member"),
    SHAPE(4, "ZCOUNT $zset $scoreend $scoreend"),
    SHAPE(6, "( ZRANGE | ZREVRANGE ) $zset $index $index [ WITHSCORES ]"),
    SHAPE(6, "( ZRANGEBYSCORE | ZREVRANGEBYSCORE ) $zset $scoreend $scoreend { ( WITHSCORES | "
             "LIMIT $index $index ) }"),
    SHAPE(
        6,
        "ZRANGE $zset $scoreend $scoreend BYSCORE { ( REV | WITHSCORES | LIMIT $index $index ) }"),
    SHAPE(4, "ZRANGE $zset $index $index { ( REV | WITHSCORES | LIMIT $index $index | BYSCORE ) }"),
    EXACT(3, "ZRANGESTORE $zset $zset $index $index [ REV ] [ LIMIT $index $index ] $slip"),
    EXACT(3, "ZRANGESTORE $zset $zset $scoreend $scoreend BYSCORE [ REV ] [ LIMIT $index $index ] "
             "[ WITHSCORES ] $slip"),
    SHAPE(2, "ZREMRANGEBYRANK $zset $index $index"),
    SHAPE(2, "ZREMRANGEBYSCORE $zset $scoreend $scoreend"),
    SHAPE(3, "( ZPOPMIN | ZPOPMAX ) $zset [ $count ]"),
    SHAPE(3, "ZMPOP $n:zset ( MIN | MAX | $junk ) { COUNT $count }"),
    SHAPE(4, "( ZUNION | ZINTER ) $n:zset { ( WEIGHTS $score $score | AGGREGATE ( SUM | MIN | MAX "
             "| $junk ) | WITHSCORES ) }"),
    SHAPE(2, "( ZUNION | ZINTER ) 2 $zset $set WEIGHTS $score $score { ( AGGREGATE ( SUM | MIN | "
             "MAX ) | WITHSCORES ) }"),
    SHAPE(3, "( ZUNIONSTORE | ZINTERSTORE ) $zset $n:zset { ( WEIGHTS $score | AGGREGATE ( SUM | "
             "MIN | MAX ) ) }"),
    SHAPE(3, "ZDIFF $n:zset [ WITHSCORES ]"),
    SHAPE(2, "ZDIFFSTORE $zset $n:zset"),
    SHAPE(3, "ZINTERCARD $n:zset { LIMIT $count }"),
    EXACT(
        2,
        "ZRANDMEMBER $zset ( 1000000 | 0 | x | -9223372036854775808 ) [ ( WITHSCORES | $junk ) ]"),
    EXACT(2, "ZSCAN $zset 0 COUNT 1000000 [ MATCH $pattern ] $slip"),
    EXACT(1, "( BZPOPMIN | BZPOPMAX ) $zset { $zset } 0.01"),
    EXACT(1, "BZMPOP 0.01 $n:zset ( MIN | MAX | $junk ) { COUNT $count }"),
    EXACT(1, "( BZPOPMIN | BZPOPMAX ) $zset ( x | -1 | nan | 1e300 | \"\" )"),
    EXACT(1, "BZMPOP ( x | -1 ) 1 $zset MIN"),
    EXACT(5, "ZADD $lex 0 $member 0 $member"),
    EXACT(1, "DEL $lex"),
    EXACT(4, "( ZRANGEBYLEX | ZREVRANGEBYLEX ) $lex $lexend $lexend { LIMIT $index $index } $slip"),
    EXACT(4,
          "ZRANGE $lex $lexend $lexend BYLEX { ( REV | LIMIT $index $index | WITHSCORES ) } $slip"),
    EXACT(3, "ZLEXCOUNT $lex $lexend $lexend $slip"),
    EXACT(1,
          "( ZLEXCOUNT | ZRANGEBYLEX | ZREVRANGEBYLEX | ZREMRANGEBYLEX ) $lcs $lexend [ $lexend ]"),
    EXACT(2, "ZREMRANGEBYLEX $lex $lexend $lexend $slip"),
    EXACT(2, "ZRANGESTORE $lex $lex $lexend $lexend BYLEX [ REV ] [ LIMIT $index $index ]"),
    EXACT(1, "OBJECT ENCODING $zset"),
    SHAPE(1, "DEL $zset"),
};

#define GEO_REPLY "{ ( WITHDIST | WITHCOORD | WITHHASH | COUNT $count ) }"

static const struct shape geo[] = {
    SHAPE(9, "GEOADD $geo { ( NX | XX | CH ) } $lon $lat $place { $lon $lat $place } $slip"),
    EXACT(1, "GEOADD $geo ( 180 | -180 ) ( 85.05112878 | -85.05112878 ) corner"),
    EXACT(4, "GEOPOS $geo { $place } $slip"),
    EXACT(4, "GEOHASH $geo { $place } $slip"),
    EXACT(4, "GEODIST $geo $place $place [ $unit ] $slip"),
    EXACT(7,
          "GEOSEARCH $geo FROMLONLAT $lon $lat BYRADIUS $radius $unit ( ASC | DESC ) " GEO_REPLY),
    EXACT(6,
          "GEOSEARCH $geo FROMMEMBER $place BYBOX $radius $radius $unit ( ASC | DESC ) " GEO_REPLY),
    EXACT(3, "GEOSEARCH $geo { ( FROMMEMBER $place | FROMLONLAT $lon $lat | BYRADIUS $radius $unit "
             "| BYBOX $radius $radius $unit ) } ASC"),
    EXACT(3, "GEOSEARCH $geo FROMMEMBER $place BYRADIUS $radius $unit { ( WITHDIST | WITHHASH ) }"),
    EXACT(4, "GEOSEARCHSTORE $geo $geo FROMLONLAT $lon $lat BYRADIUS $radius $unit { ( ASC | COUNT "
             "$count | WITHDIST ) } $slip"),
    EXACT(3, "GEOSEARCHSTORE $zset $geo FROMLONLAT $lon $lat BYRADIUS $radius $unit STOREDIST { ( "
             "ASC | COUNT $count ) } $slip"),
    EXACT(4, "GEORADIUS $geo $lon $lat $radius $unit ( ASC | DESC ) " GEO_REPLY),
    EXACT(4, "GEORADIUSBYMEMBER $geo $place $radius $unit ( ASC | DESC ) " GEO_REPLY),
    EXACT(2, "GEORADIUS_RO $geo $lon $lat $radius $unit ASC " GEO_REPLY " $slip"),
    EXACT(2, "GEORADIUSBYMEMBER_RO $geo $place $radius $unit ASC " GEO_REPLY " $slip"),
    EXACT(2, "GEORADIUS $geo $lon $lat $radius $unit STORE $geo " GEO_REPLY),
    EXACT(2, "GEORADIUS $geo $lon $lat $radius $unit STOREDIST $zset " GEO_REPLY),
    EXACT(1, "GEOADD $hash $lon $lat $place"),
    EXACT(1, "( GEOPOS | GEOHASH | GEODIST ) $lcs $place $place"),
    EXACT(1, "GEOSEARCH $lcs FROMLONLAT $lon $lat BYRADIUS 1 m ASC"),
    SHAPE(1, "ZRANGE $geo 0 -1 WITHSCORES"),
    SHAPE(1, "DEL $geo"),
};

const struct family family_zsets = {"zsets", zsets, sizeof(zsets) / sizeof(zsets[0])};
const struct family family_geo = {"geo", geo, sizeof(geo) / sizeof(geo[0])};
