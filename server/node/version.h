/* SPDX-License-Identifier: MIT */
/* Which version this is, and which version of Redis clients may take it for. */
#ifndef STARLING_NODE_VERSION_H
#define STARLING_NODE_VERSION_H

#define STARLING_VERSION       "0.1.0"
#define STARLING_REDIS_VERSION "7.0.15"
/* Differs between builds that may behave differently. */
#define STARLING_BUILD_ID STARLING_VERSION "-" __VERSION__

#endif
