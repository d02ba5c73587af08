/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104). */
#ifndef STARLING_BASE_SHA256_H
#define STARLING_BASE_SHA256_H

#include <stdint.h>

#include "base/bytes.h"

enum {
    SHA256_SIZE = 32
};

void sha256(struct bytes message, uint8_t out[SHA256_SIZE]);
/* The same without the instructions that a processor may have for it. */
void sha256_portable(struct bytes message, uint8_t out[SHA256_SIZE]);
void sha256_hmac(struct bytes key, struct bytes message, uint8_t out[SHA256_SIZE]);

#endif
