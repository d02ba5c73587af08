/* SPDX-License-Identifier: MIT */
/* Scripts that run beside each other, each in a process of its own: most of the time they wait. */
#ifndef STARLING_TESTS_WIRE_BESIDE_H
#define STARLING_TESTS_WIRE_BESIDE_H

#include <stddef.h>

enum {
    BESIDE_JOBS_MAX = 16,
};

/* Call run(path) of each in a child, so many at a time, each with a share of the ports (server.h).  What a child prints is printed
 * whole, when it has ended.  results[i] is what run returned, or -1 when the child came to another end. */
void beside_run(char *const *paths, size_t count, size_t jobs, int (*run)(const char *path),
                int *results);

#endif
