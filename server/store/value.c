/* SPDX-License-Identifier: MIT */
/* The table of types, and what works on values of any type. */
#include "store/value.h"

#include "base/assert.h"
#include "base/crc.h"
#include "store/entry.h"
#include "store/value_space.h"

enum {
    KEEP_SCRATCH = 1024 * 1024, /* scratch above this is given back after its value */
    DUMP_TRAILER = 2 + 8,
    RESTORE_LIMIT = 512 * 1024 * 1024,
};

const struct value_types value_types_builtin = {{
#define VALUE_TYPE(id, operations, name, rdb_type)                                                 \
    [VALUE_##id] = {(name), VALUE_##id, (rdb_type), &(operations)},
#define VALUE_ENCODING(...)
#define RDB_TYPE(...)
#include "store/values.def"
#undef VALUE_TYPE
#undef VALUE_ENCODING
#undef RDB_TYPE
}};

uint8_t value_rdb_type(const struct value_types *types, const struct entry *e)
{
    return entry_is_volatile(e) ? RDB_TYPE_HASH_VOLATILE : value_kind_of(types, e)->rdb_type;
}

void value_encode_body(const struct value_types *types, const struct entry *e, struct buf *out)
{
    uint64_t cursor = value_ops_of(types, e)->encode(e, 0, SIZE_MAX, out);

    while (cursor != 0) {
        cursor = value_ops_of(types, e)->encode(e, cursor, SIZE_MAX, out);
    }
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Valkey and pre-releases of others have numbered alike. */
static bool has_type(struct rdb_form form)
{
    bool is_valkey = form.version >= RDB_VERSION_VALKEY;

    return (form.type != RDB_TYPE_HASH_TIMES || is_valkey) &&
           ((form.type != RDB_TYPE_HASH_VOLATILE && form.type != RDB_TYPE_HASH_VOLATILE_LISTPACK) ||
            !is_valkey);
}

bool value_reader_begin(struct value_reader *r, struct value_space *space, struct rdb_form form,
                        uint64_t max_bytes)
{
    value_reader_reset(r);
    r->kind = has_type(form) ? value_kind_by_rdb_type(space->types, form.type) : NULL;
    r->rdb_type = form.type;
    r->max_bytes = max_bytes;
    if (r->kind != NULL) {
        r->draft = (struct value_draft){
            .space = space, .type = r->kind->type, .packed = &r->packed, .is_changed = true};
    }
    return r->kind != NULL;
}

enum value_codec_status value_reader_step(struct value_reader *r, struct decoder *d,
                                          uint64_t *needed, struct errmsg *error)
{
    ASSERT(r->kind != NULL && !r->is_done);
    return r->kind->ops->decode(r, d, needed, error);
}

struct value value_reader_take(struct value_reader *r)
{
    struct value value;

    ASSERT(r->kind != NULL && r->is_done);
    if (r->kind->type == VALUE_STRING) {
        return (struct value){.type = VALUE_STRING, .inlined = buf_bytes(&r->text)};
    }
    ASSERT(!value_draft_is_empty(&r->draft));
    value = value_draft_view(&r->draft);
    r->draft.memory = NULL;
    return value;
}

void value_reader_reset(struct value_reader *r)
{
    if (r->kind != NULL) {
        value_draft_clear(&r->draft);
    }
    r->kind = NULL;
    r->is_done = false;
    r->step = 0;
    r->left = 0;
    r->base_ms = 0;
    r->expire_at_ms = 0;
    memset(r->left_outside, 0, sizeof(r->left_outside));
    memset(r->inside, 0, sizeof(r->inside));
    buf_clear(&r->text);
    buf_clear(&r->text2);
    buf_shrink_when_empty(&r->text, KEEP_SCRATCH);
    buf_shrink_when_empty(&r->text2, KEEP_SCRATCH);
}

void value_reader_deinit(struct value_reader *r)
{
    value_reader_reset(r);
    buf_deinit(&r->packed);
    buf_deinit(&r->text);
    buf_deinit(&r->text2);
    *r = (struct value_reader){0};
}

/* ---- DUMP and RESTORE -------------------------------------------------------------------------- */

void value_dump_end(struct buf *out, size_t start)
{
    encode_u16_le(out, RDB_VERSION);
    encode_u64_le(out, crc64(0, bytes_from(buf_bytes(out), start)));
}

void value_dump(const struct value_types *types, const struct entry *e, struct buf *out)
{
    size_t start = out->len;

    encode_u8(out, value_rdb_type(types, e));
    value_encode_body(types, e, out);
    value_dump_end(out, start);
}

/* Cut the trailer off a payload that has a known version and the right checksum. */
static bool check_trailer(struct bytes *payload, unsigned *out, struct errmsg *error)
{
    struct decoder d;
    uint16_t version;

    if (payload->len < DUMP_TRAILER + 1) {
        errmsg_set(error, "the payload is too short");
        return false;
    }
    d = decoder_make(bytes_from(*payload, payload->len - DUMP_TRAILER));
    version = decode_u16_le(&d);
    if (version != 0 && !rdb_version_is_known(version)) {
        errmsg_set(error, "the payload has version %u, newer than %d", (unsigned)version,
                   (int)RDB_VERSION_NEWEST);
        return false;
    }
    if (decode_u64_le(&d) != crc64(0, bytes_prefix(*payload, payload->len - 8))) {
        errmsg_set(error, "the payload has a bad checksum");
        return false;
    }
    payload->len -= DUMP_TRAILER;
    *out = version;
    return true;
}

/* Read all items of the value that r has begun. */
static bool read_items(struct value_reader *r, struct decoder *d, struct errmsg *error)
{
    enum value_codec_status status = VALUE_CODEC_OK;
    uint64_t needed;

    while (status == VALUE_CODEC_OK && !r->is_done) {
        /* An item is counted from its start. */
        *d = decoder_make(bytes_from(d->in, d->at));
        status = value_reader_step(r, d, &needed, error);
    }
    if (status == VALUE_CODEC_MORE) {
        errmsg_set(error, "the value is cut off");
    } else if (status == VALUE_CODEC_OK && decoder_left(d) > 0) {
        errmsg_set(error, "%zu bytes are left behind the value", decoder_left(d));
        return false;
    }
    return status == VALUE_CODEC_OK;
}

bool value_restore(struct value_space *space, struct bytes payload, struct value_reader *r,
                   struct errmsg *error)
{
    struct decoder d;
    struct rdb_form form;

    if (!check_trailer(&payload, &form.version, error)) {
        return false;
    }
    d = decoder_make(payload);
    form.type = decode_u8(&d);
    if (!value_reader_begin(r, space, form, RESTORE_LIMIT)) {
        errmsg_set(error, "type %u (%s) is not supported by this version", (unsigned)form.type,
                   value_rdb_type_name(form.type));
        return false;
    }
    return read_items(r, &d, error);
}
