/* SPDX-License-Identifier: MIT */
/* Which clients CLIENT LIST and CLIENT KILL mean: a client has to be all that is asked for, and nothing of what is
 * asked for with NOT-.
 *
 * All-zero means every client.  Texts are borrowed from the request; ids are owned. */
#ifndef STARLING_CONTROL_CLIENT_FILTER_H
#define STARLING_CONTROL_CLIENT_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/vec.h"

struct acl;
struct request;
struct session;

enum client_type {
    CLIENT_ANY,
    CLIENT_NORMAL,
    CLIENT_REPLICA,
    CLIENT_PRIMARY,
    CLIENT_PUBSUB,
};

/* What a client has in words. */
enum client_text {
    CLIENT_TEXT_ADDR,
    CLIENT_TEXT_LADDR,
    CLIENT_TEXT_IP,
    CLIENT_TEXT_USER,
    CLIENT_TEXT_NAME,
    CLIENT_TEXT_LIB_NAME,
    CLIENT_TEXT_LIB_VER,
    CLIENT_TEXT_FLAGS, /* letters of CLIENT LIST, each of which it has */
    CLIENT_TEXT_CAPA,  /* the same of its capabilities */
    CLIENT_TEXT_COUNT
};

struct client_terms {
    enum client_type type;
    struct bytes texts[CLIENT_TEXT_COUNT]; /* no data: not asked for */
    bool has_db;
    unsigned db;
    VEC(int64_t) ids;
};

struct client_filter {
    struct client_terms wanted;
    struct client_terms unwanted;
    int64_t min_age_s;
    int64_t min_idle_s;
    bool skips_self;
};

/* Who asks decides what is said about ids that cannot be. */
enum client_filter_use {
    CLIENT_FILTER_LIST,
    CLIENT_FILTER_KILL,
};

/* What there is to ask for. */
struct client_filter_facts {
    unsigned database_count;
    const struct acl *acl;
};

/* Read the words of the request from index on.  False after an error reply.  Deinit in either case. */
MUST_USE bool client_filter_read(struct client_filter *filter, struct request *request,
                                 enum client_filter_use use,
                                 const struct client_filter_facts *facts);
void client_filter_deinit(struct client_filter *filter);

bool client_filter_matches(const struct client_filter *filter, const struct session *s,
                           const struct session *self, struct mono_time now);

#endif
