/* SPDX-License-Identifier: MIT */
#include "cli/bench_intro.h"

#include "base/num.h"
#include "cli/bench_nodes.h"
#include "resp/writer.h"

#include <inttypes.h>
#include <stdio.h>

void bench_intro_build(struct bench_intro *intro, const struct options *options, bool is_cluster)
{
    char db[NUM_I64_TEXT + 1];

    if (options->password != NULL && options->user != NULL) {
        resp_write_request_texts(&intro->bytes, 3, "AUTH", options->user, options->password);
        intro->count++;
    } else if (options->password != NULL) {
        resp_write_request_texts(&intro->bytes, 2, "AUTH", options->password);
        intro->count++;
    }
    if (options->protocol != 0) {
        resp_write_request_texts(&intro->bytes, 2, "HELLO", options->protocol == 2 ? "2" : "3");
        intro->count++;
    }
    if (options->db != 0) {
        snprintf(db, sizeof(db), "%" PRId64, options->db);
        resp_write_request_texts(&intro->bytes, 2, "SELECT", db);
        intro->count++;
    }
    if (is_cluster) {
        resp_write_request_texts(&intro->bytes, 4, "CLIENT", "SETINFO", "LIB-NAME", BENCH_LIB_NAME);
        resp_write_request_texts(&intro->bytes, 4, "CLIENT", "SETINFO", "LIB-VER", CLI_VERSION);
        intro->optional = 2;
        intro->count += intro->optional;
    }
}

void bench_intro_deinit(struct bench_intro *intro)
{
    buf_deinit(&intro->bytes);
}
