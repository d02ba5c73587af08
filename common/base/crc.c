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

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    crc = ~crc;
    for (size_t i = 0; i < b.len; i++) {
        crc = crc32c_table[(crc ^ (unsigned char)b.data[i]) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}
