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
    bool is_counted;   /* a use of a key that hot_side counts */
    bool is_for_owner; /* queued for a transaction that the owner of its slot runs */
    bool is_plain;     /* a data command that only gates.open_for and its session may stop */
};

/* Flags of its command; of EXEC those of all that is queued. */
uint32_t request_flags(const struct request *request);
/* Its keys, by place among its words; none when the command has none. */
struct command_keys request_keys(const struct request *request);

/* Can it be put back, to be read again?  One that is only judged, as part of a transaction, or whose bytes are gone, cannot. */
bool request_may_wait(const struct request *request);
/* Does a session in a transaction have this request queued, rather than run? */
bool request_is_queued(const struct request *request);
/* Does what it is answered tell of keys?  What tells of the node waits for nothing. */
bool request_tells_of_keys(const struct request *request);
/* Can all the keys that it tells of be found among its words? */
bool request_names_its_keys(const struct request *request);

typedef bool request_key_fn(const void *context, struct bytes key);
/* Would it change any of the keys that are meant?  What writes and names no key, EXEC with writes among it, may change all. */
bool request_would_change(const struct request *request, request_key_fn *is_meant,
                          const void *context);

#endif
