/* SPDX-License-Identifier: MIT */
/* Paths of files that the process looks at again later: CONFIG SET dir leaves the folder that they were
 * relative to. */
#ifndef STARLING_NET_ABSOLUTE_PATH_H
#define STARLING_NET_ABSOLUTE_PATH_H

/* The path as it is seen from the folder that we are in now; the caller frees it (MEM_NET). */
char *absolute_path_make(const char *path);

#endif
