/* SPDX-License-Identifier: MIT */
/* How clients and logs call types of records and forms of values: a leaf, for every type to use. */
#include "base/assert.h"
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
