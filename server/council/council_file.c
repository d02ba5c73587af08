/* SPDX-License-Identifier: MIT */
/* What a council keeps on disk, as lines of the nodes file:
 *
 *     council state <hex>     8 seat key, 8 reserved round, 8 longest promise in ms; 1, when it has decided about others: 1
 *     council seats <hex>     ballot, seats (seats.h); then those of the council that ended, or nothing
 *     council record <hex>    id, promised, accepted, value; ballot and value of what is known; claims; each value with 4
 *                             bytes of its length
 *
 * Numbers and ids are encoded as in messages. */
#include "base/assert.h"
#include "council/council.h"
#include "council/member.h"
#include "council/record_table.h"

static void append_hex(struct buf *out, const char *kind, const struct buf *raw)
{
    static const char digits[] = "0123456789abcdef";
    char *at;

    buf_append_text(out, "council ");
    buf_append_text(out, kind);
    buf_append_byte(out, ' ');
    at = buf_reserve(out, 2 * raw->len + 1);
    for (size_t i = 0; i < raw->len; i++) {
        unsigned byte = (unsigned char)raw->data[i];

        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    *at = '\n';
    out->len += 2 * raw->len + 1;
}

static void encode_value(struct buf *out, struct bytes value)
{
    encode_u32_be(out, (uint32_t)value.len);
    buf_append_bytes(out, value);
}

static void encode_record(struct buf *out, const struct record_state *r)
{
    cluster_id_encode(out, &r->id);
    ballot_encode(out, &r->promised);
    ballot_encode(out, &r->accepted);
    encode_value(out, buf_bytes(&r->value));
    ballot_encode(out, &r->known_ballot);
    encode_value(out, buf_bytes(&r->known));
    buf_append_bytes(out, record_claims(r));
}

void council_format(const struct council *c, struct buf *out)
{
    struct buf raw = {0};

    encode_u64_be(&raw, c->seat_key);
    encode_u64_be(&raw, c->reserved_round);
    encode_u64_be(&raw, (uint64_t)c->longest_ms);
    if (c->has_decided) {
        encode_u8(&raw, 1);
    }
    append_hex(out, "state", &raw);
    buf_clear(&raw);
    ballot_encode(&raw, &c->seats_ballot);
    seats_encode(&raw, &c->seats);
    seats_encode(&raw, &c->ended);
    append_hex(out, "seats", &raw);
    buf_clear(&raw);
    encode_record(&raw, &c->own_record);
    append_hex(out, "record", &raw);
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        buf_clear(&raw);
        encode_record(&raw, r);
        append_hex(out, "record", &raw);
    }
    buf_deinit(&raw);
}

static int nibble(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool from_hex(struct bytes text, struct buf *out)
{
    if (text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int high = nibble(text.data[i]);
        int low = nibble(text.data[i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        buf_append_byte(out, (char)(high << 4 | low));
    }
    return true;
}

static void parse_state(struct council *c, struct decoder *d)
{
    c->seat_key = decode_u64_be(d);
    c->reserved_round = decode_u64_be(d);
    c->round = c->reserved_round;
    c->longest_ms = (int64_t)decode_u64_be(d);
    c->has_decided = decoder_left(d) > 0 && decode_u8(d) == 1;
    if (c->seat_key == 0 || c->round > COUNCIL_NUMBER_MAX / 2 * 3 || c->longest_ms < 0 ||
        c->longest_ms > COUNCIL_LENGTH_MAX_MS) {
        d->failed = true;
    }
}

static void parse_seats(struct council *c, struct decoder *d)
{
    ballot_decode(d, &c->seats_ballot);
    seats_decode(d, &c->seats);
    seats_decode(d, &c->ended);
}

static struct bytes decode_value(struct decoder *d)
{
    return decode_bytes(d, decode_u32_be(d));
}

static void parse_known(struct council *c, struct record_state *r, struct decoder *d)
{
    struct shard_record known = {0};
    struct decoder value;

    ballot_decode(d, &r->known_ballot);
    value = decoder_make(decode_value(d));
    if (value.in.len > 0) {
        shard_record_decode(&value, &known);
        d->failed = d->failed || value.failed || decoder_left(&value) > 0 ||
                    !cluster_id_equal(&known.shard, &r->id) || r->known.len > 0;
    }
    if (!shard_record_is_none(&known) && !d->failed) {
        record_set_known(c, r, &known);
    }
    if (shard_record_is_none(&known) && !ballot_is_none(&r->known_ballot)) {
        d->failed = true;
    }
}

static void parse_record(struct council *c, struct decoder *d)
{
    struct cluster_id id;
    struct record_state *r;
    struct bytes value;
    struct shard_record shard;
    uint64_t claims[SHARD_SLOT_WORDS];

    cluster_id_decode(d, &id);
    r = record_get(c, &id);
    ballot_decode(d, &r->promised);
    ballot_decode(d, &r->accepted);
    value = decode_value(d);
    buf_append_bytes(&r->value, value);
    parse_known(c, r, d);
    shard_slots_decode(d, claims);
    record_set_claims(r, claims);
    if ((value.len > 0) == ballot_is_none(&r->accepted) ||
        ballot_is_above(&r->accepted, &r->promised) ||
        (value.len > 0 && !cluster_id_is_none(&id) &&
         !record_value_is_valid(c, &id, value, &shard))) {
        d->failed = true;
    }
}

bool council_parse_line(struct council *c, struct bytes line, struct errmsg *error)
{
    static const struct {
        const char *prefix;
        void (*parse)(struct council *c, struct decoder *d);
    } kinds[] = {
        {"council state ",  parse_state },
        {"council seats ",  parse_seats },
        {"council record ", parse_record},
    };

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        struct bytes prefix = bytes_from_text(kinds[i].prefix);
        struct buf raw = {0};
        struct decoder d;
        bool is_ok;

        if (line.len < prefix.len || !bytes_equal(bytes_prefix(line, prefix.len), prefix)) {
            continue;
        }
        is_ok = from_hex(bytes_from(line, prefix.len), &raw);
        d = decoder_make(buf_bytes(&raw));
        if (is_ok) {
            kinds[i].parse(c, &d);
            is_ok = decoder_is_ok(&d) && decoder_left(&d) == 0;
        }
        buf_deinit(&raw);
        if (!is_ok) {
            errmsg_set(error, "a line of the council is damaged (%.*s)", (int)prefix.len,
                       kinds[i].prefix);
        }
        return is_ok;
    }
    errmsg_set(error, "an unknown line of the council");
    return false;
}

void council_restarted(struct council *c, struct mono_time now)
{
    c->now = now;
    member_has_forgotten(c, c->longest_ms);
    c->recent_at = now;
}
