/* SPDX-License-Identifier: MIT */
/* Stream sockets that never block: listen, accept, connect, read and write.
 *
 * Every socket made here is non-blocking and closed on exec; writing to a closed peer is a status,
 * never a signal. */
#ifndef STARLING_IO_SOCK_H
#define STARLING_IO_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "io/addr.h"

enum sock_status {
    SOCK_OK = 0,
    SOCK_AGAIN,  /* not now: wait until the socket is ready */
    SOCK_CLOSED, /* the peer has closed or reset the connection */
    SOCK_ERROR,  /* the message says what */
};

struct sock_listen_options {
    int backlog;
    uint32_t unix_mode; /* permissions of a path; 0 leaves them to umask */
};

/* A listening socket, or -1.  Port 0 takes any: ask sock_local_addr.  A socket file left at a path
 * is replaced, unless somebody listens on it.  IPv6 sockets take no IPv4. */
MUST_USE int sock_listen(const struct addr *at, const struct sock_listen_options *options,
                         struct errmsg *error);
/* One connection that waits.  SOCK_AGAIN: none; SOCK_ERROR: such as no descriptors left. */
MUST_USE enum sock_status sock_accept(int listen_fd, int *out_fd, struct addr *peer,
                                      struct errmsg *error);
/* Begin to connect; source may be NULL.  SOCK_AGAIN: under way, wait until it is writable and ask
 * sock_connect_outcome.  On SOCK_ERROR there is no socket. */
MUST_USE enum sock_status sock_connect_start(const struct addr *to, const struct addr *source,
                                             int *out_fd, struct errmsg *error);
/* SOCK_OK or SOCK_ERROR of a socket that has become writable. */
MUST_USE enum sock_status sock_connect_outcome(int fd, struct errmsg *error);
void sock_close(int fd);

/* Send small writes at once.  Nothing happens to a socket that is not TCP. */
void sock_set_nodelay(int fd, bool on);
/* Ask a silent peer after idle_s seconds, then three times at a third of that; 0 turns it off. */
void sock_set_keepalive(int fd, int idle_s);
MUST_USE bool sock_local_addr(int fd, struct addr *out);

/* Read what is there, up to size bytes.  *got is more than 0 exactly on SOCK_OK. */
MUST_USE enum sock_status sock_read(int fd, void *out, size_t size, size_t *got,
                                    struct errmsg *error);
/* The same, appended to a buffer. */
MUST_USE enum sock_status sock_read_append(int fd, struct buf *out, size_t max_bytes, size_t *got,
                                           struct errmsg *error);
/* Write what fits.  SOCK_OK: *written may still be less than all. */
MUST_USE enum sock_status sock_write(int fd, struct bytes bytes, size_t *written,
                                     struct errmsg *error);
/* The same from several places in one call; at most SOCK_WRITE_PIECES of them are looked at. */
enum {
    SOCK_WRITE_PIECES = 64
};
MUST_USE enum sock_status sock_write_pieces(int fd, const struct bytes *pieces, size_t count,
                                            size_t *written, struct errmsg *error);
/* Wait until fd can be read (or written, or either) at last or timeout_ms have passed; -1 waits
 * without end.  False on time-out. */
bool sock_wait(int fd, bool readable, bool writable, int64_t timeout_ms);

#endif
