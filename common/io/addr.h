/* SPDX-License-Identifier: MIT */
/* Addresses of sockets: IPv4, IPv6 and paths, as values and as text. */
#ifndef STARLING_IO_ADDR_H
#define STARLING_IO_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"

enum {
    ADDR_HOST_TEXT = 256, /* a host name, an address or a path, terminated */
    ADDR_TEXT = 300,      /* host and port, terminated */
};

/* A plain value. */
struct addr {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* A numeric host ("127.0.0.1", "::1", with a zone "fe80::1%eth0"). */
MUST_USE bool addr_parse(struct addr *out, const char *host, uint16_t port);
/* False when the path is too long for a socket. */
MUST_USE bool addr_from_path(struct addr *out, const char *path);
/* Numeric or by name: up to max addresses of it, returns how many; 0 and a message when there are
 * none. A name is looked up and may block for seconds. */
MUST_USE size_t addr_resolve(const char *host, uint16_t port, struct addr *out, size_t max,
                             struct errmsg *error);

bool addr_is_unix(const struct addr *a);
bool addr_is_ip6(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* 0 of a path. */
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* "127.0.0.1", "::1", the path.  An IPv4 address mapped into IPv6 is written as IPv4. */
void addr_format_host(const struct addr *a, char out[ADDR_HOST_TEXT]);
/* "127.0.0.1:6379", "[::1]:6379", "/run/x.sock:0". */
void addr_format(const struct addr *a, char out[ADDR_TEXT]);
/* Split "host:port", "[host]:port"; of several colons without brackets the last one counts. */
MUST_USE bool addr_split(struct bytes text, char host[ADDR_HOST_TEXT], uint16_t *port);

#endif
