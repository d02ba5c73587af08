/* SPDX-License-Identifier: MIT */
/* What every fuzz target offers, to libFuzzer and to replay.c alike. */
#ifndef STARLING_TESTS_FUZZ_FUZZ_H
#define STARLING_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; a promise that is broken aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
