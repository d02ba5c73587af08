/* SPDX-License-Identifier: MIT */
/* The files that this process alone may write (persist/posix_claim.h), for all its threads. */
#ifndef STARLING_NET_CLAIMS_H
#define STARLING_NET_CLAIMS_H

#include <pthread.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "persist/posix_claim.h"

struct claims {
    pthread_mutex_t lock;
    struct posix_claims held; /* under lock */
};

void claims_init(struct claims *claims);
/* No other thread uses them any more. */
void claims_deinit(struct claims *claims);
/* As posix_claim. */
MUST_USE enum fs_status claims_add(struct claims *claims, const char *path, struct errmsg *error);
/* As posix_claim_owed. */
MUST_USE enum fs_status claims_add_owed(struct claims *claims, struct errmsg *error);
void claims_remove(struct claims *claims, const char *path);

#endif
