/* SPDX-License-Identifier: MIT */
/* Cyclic redundancy checks, each over bytes continuing from a previous value.
 *
 * crc16: XMODEM (poly 0x1021, init 0): slots.      "123456789" -> 0x31c3
 * crc64: Jones, reflected, init 0: snapshot files. "123456789" -> 0xe9c6d914c4b8d9ca
 * crc32c: Castagnoli, reflected: log frames.       "123456789" -> 0xe3069283 */
#ifndef STARLING_BASE_CRC_H
#define STARLING_BASE_CRC_H

#include <stdint.h>

#include "base/bytes.h"

uint16_t crc16(uint16_t crc, struct bytes b);
/* By the processor's own instructions where it has them; long input is much faster at once than in small pieces. */
uint64_t crc64(uint64_t crc, struct bytes b);
uint32_t crc32c(uint32_t crc, struct bytes b);
/* The same on any processor. */
uint64_t crc64_portable(uint64_t crc, struct bytes b);
uint32_t crc32c_portable(uint32_t crc, struct bytes b);

#endif
