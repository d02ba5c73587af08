/* SPDX-License-Identifier: MIT */
/* How clients and logs call types of records and forms of values, and types by their names and numbers: a
 * leaf, for every type to use. */
#include "base/assert.h"
#include "store/entry.h"
#include "store/value.h"

const char *value_rdb_type_name(uint8_t rdb_type)
{
    static const char *const names[] = {
#define VALUE_TYPE(...)
#define VALUE_ENCODING(...)
#define RDB_TYPE(number, name) [number] = (name),
#include "store/values.def"
#undef VALUE_ENCODING
#undef RDB_TYPE
    };

    return rdb_type < ARRAY_COUNT(names) ? names[rdb_type] : "unknown";
}

const char *value_form_name(enum value_encoding encoding)
{
    static const char *const names[] = {
#define VALUE_ENCODING(id, name) [VALUE_##id] = (name),
#define RDB_TYPE(...)
#include "store/values.def"
#undef VALUE_TYPE
#undef VALUE_ENCODING
#undef RDB_TYPE
    };

    ASSERT((size_t)encoding < ARRAY_COUNT(names));
    return names[encoding];
}

const struct value_kind *value_kind_by_rdb_type(const struct value_types *types, uint8_t rdb_type)
{
    for (size_t i = 0; i < VALUE_TYPE_MAX && rdb_type < 32; i++) {
        const struct value_kind *kind = &types->kinds[i];

        if (kind->ops != NULL && (kind->ops->rdb_types_read & (UINT32_C(1) << rdb_type)) != 0) {
            return kind;
        }
    }
    return NULL;
}

const struct value_kind *value_kind_by_name(const struct value_types *types, struct bytes name)
{
    for (size_t i = 0; i < VALUE_TYPE_MAX; i++) {
        const struct value_kind *kind = &types->kinds[i];

        if (kind->ops != NULL && bytes_equal_nocase(name, kind->name)) {
            return kind;
        }
    }
    return NULL;
}

const struct value_kind *value_kind_of(const struct value_types *types, const struct entry *e)
{
    const struct value_kind *kind = &types->kinds[entry_type(e)];

    ASSERT(kind->ops != NULL);
    return kind;
}

const struct value_ops *value_ops_of(const struct value_types *types, const struct entry *e)
{
    return value_kind_of(types, e)->ops;
}
