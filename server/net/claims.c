/* SPDX-License-Identifier: MIT */
#include "net/claims.h"

void claims_init(struct claims *claims)
{
    *claims = (struct claims){0};
    pthread_mutex_init(&claims->lock, NULL);
}

void claims_deinit(struct claims *claims)
{
    posix_claims_deinit(&claims->held);
    pthread_mutex_destroy(&claims->lock);
}

enum fs_status claims_add(struct claims *claims, const char *path, struct errmsg *error)
{
    enum fs_status status;

    pthread_mutex_lock(&claims->lock);
    status = posix_claim(&claims->held, path, error);
    pthread_mutex_unlock(&claims->lock);
    return status;
}

enum fs_status claims_add_owed(struct claims *claims, struct errmsg *error)
{
    enum fs_status status;

    pthread_mutex_lock(&claims->lock);
    status = posix_claim_owed(&claims->held, error);
    pthread_mutex_unlock(&claims->lock);
    return status;
}

void claims_remove(struct claims *claims, const char *path)
{
    pthread_mutex_lock(&claims->lock);
    posix_unclaim(&claims->held, path);
    pthread_mutex_unlock(&claims->lock);
}
