/* SPDX-License-Identifier: MIT */
/* Table-driven; see crc_tables.h for the tables' making. */
#include "base/crc.h"

#include "base/crc_tables.h"

uint16_t crc16(uint16_t crc, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        crc = (uint16_t)((crc << 8) ^ crc16_table[(crc >> 8) ^ (unsigned char)b.data[i]]);
    }
    return crc;
}

uint64_t crc64(uint64_t crc, struct bytes b)
{
    while (b.len >= 8) {
        uint64_t word;

        memcpy(&word, b.data, sizeof(word));
        crc ^= word; /* little-endian, as every machine we run on */
        crc = crc64_table[7][crc & 0xff] ^ crc64_table[6][(crc >> 8) & 0xff] ^
              crc64_table[5][(crc >> 16) & 0xff] ^ crc64_table[4][(crc >> 24) & 0xff] ^
              crc64_table[3][(crc >> 32) & 0xff] ^ crc64_table[2][(crc >> 40) & 0xff] ^
              crc64_table[1][(crc >> 48) & 0xff] ^ crc64_table[0][crc >> 56];
        b = bytes_from(b, 8);
    }
    for (size_t i = 0; i < b.len; i++) {
        crc = crc64_table[0][(crc ^ (unsigned char)b.data[i]) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

uint32_t crc32c_portable(uint32_t crc, struct bytes b)
{
    crc = ~crc;
    while (b.len >= 8) {
        uint32_t low;
        uint32_t high;

        memcpy(&low, b.data, sizeof(low)); /* little-endian, too */
        memcpy(&high, b.data + 4, sizeof(high));
        crc ^= low;
        crc = crc32c_table[7][crc & 0xff] ^ crc32c_table[6][(crc >> 8) & 0xff] ^
              crc32c_table[5][(crc >> 16) & 0xff] ^ crc32c_table[4][crc >> 24] ^
              crc32c_table[3][high & 0xff] ^ crc32c_table[2][(high >> 8) & 0xff] ^
              crc32c_table[1][(high >> 16) & 0xff] ^ crc32c_table[0][high >> 24];
        b = bytes_from(b, 8);
    }
    for (size_t i = 0; i < b.len; i++) {
        crc = crc32c_table[0][(crc ^ (unsigned char)b.data[i]) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

#ifdef __x86_64__
/* The processor has an instruction for just this polynomial. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct bytes b)
{
    uint64_t wide = ~crc;

    while (b.len >= 8) {
        uint64_t word;

        memcpy(&word, b.data, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
        b = bytes_from(b, 8);
    }
    crc = (uint32_t)wide;
    for (size_t i = 0; i < b.len; i++) {
        crc = __builtin_ia32_crc32qi(crc, (unsigned char)b.data[i]);
    }
    return ~crc;
}

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, b) : crc32c_portable(crc, b);
}
#else
uint32_t crc32c(uint32_t crc, struct bytes b)
{
    return crc32c_portable(crc, b);
}
#endif
