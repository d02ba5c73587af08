/* SPDX-License-Identifier: MIT */
/* One request of a client, from the moment it was split off until it is answered. */
#ifndef STARLING_NODE_REQUEST_H
#define STARLING_NODE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "resp/request.h"
#include "resp/writer.h"
#include "session/session.h"
#include "spec/command.h"

struct request {
    struct session *session;
    const struct command_spec *spec; /* NULL: there is no such command; a subcommand once the gates
                                      * have found it */
    const struct bytes *args;        /* args[0] is the command's name; set when the batch runs */
    size_t arg_count;
    struct resp_request read;  /* as it came: its bytes, its words among those of the batch */
    struct resp_writer *reply; /* set when its turn comes */
    uint32_t first_key;        /* its keys among those of the batch, hashed for database db */
    uint32_t key_count;        /* 0: none, or too many to be prepared */
    unsigned db;
    bool is_plain; /* a data command that only gates.open_for and its session may stop */
};

#endif
