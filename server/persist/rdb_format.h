/* SPDX-License-Identifier: MIT */
/* The opcodes of RDB files, for the writer and the reader of this room.  A byte below all of
 * them is the type of a record (store/value_codec.h). */
#ifndef STARLING_PERSIST_RDB_FORMAT_H
#define STARLING_PERSIST_RDB_FORMAT_H

enum rdb_opcode {
    RDB_OP_KEY_META = 243,  /* two incompatible meanings in the wild: refused */
    RDB_OP_SLOT_INFO = 244, /* len slot, len keys, len keys with expiry */
    RDB_OP_FUNCTION = 245,  /* string: the source of a library */
    RDB_OP_FUNCTION_OLD = 246,
    RDB_OP_MODULE_AUX = 247, /* len id, then items */
    RDB_OP_IDLE = 248,       /* len seconds, of the next record */
    RDB_OP_FREQUENCY = 249,  /* one byte, of the next record */
    RDB_OP_AUX = 250,        /* string name, string value */
    RDB_OP_RESIZEDB = 251,   /* len keys, len keys with expiry */
    RDB_OP_EXPIRE_MS = 252,  /* eight bytes, unix time, of the next record */
    RDB_OP_EXPIRE_S = 253,   /* four bytes, unix time, of the next record */
    RDB_OP_SELECTDB = 254,   /* len */
    RDB_OP_EOF = 255,
};

/* The items of a module's data: a len, then what it says. */
enum rdb_module_item {
    RDB_MODULE_END = 0,
    RDB_MODULE_SINT = 1,   /* len */
    RDB_MODULE_UINT = 2,   /* len */
    RDB_MODULE_FLOAT = 3,  /* four bytes */
    RDB_MODULE_DOUBLE = 4, /* eight bytes */
    RDB_MODULE_STRING = 5, /* string */
};

enum {
    RDB_MAGIC_LEN = 9, /* "REDIS" and four digits, or "VALKEY" and three */
    RDB_CHECKSUM_LEN = 8,
    RDB_FIRST_CHECKED_VERSION = 5, /* older files end with the EOF opcode */
};

#endif
