/* SPDX-License-Identifier: MIT */
/* A struct sockaddr_storage is only looked into through copies or the member of its family. */
#include "io/addr.h"

#include "base/assert.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const struct sockaddr_in *as_ip4(const struct addr *a)
{
    return (const struct sockaddr_in *)(const void *)&a->storage;
}

static const struct sockaddr_in6 *as_ip6(const struct addr *a)
{
    return (const struct sockaddr_in6 *)(const void *)&a->storage;
}

static const struct sockaddr_un *as_unix(const struct addr *a)
{
    return (const struct sockaddr_un *)(const void *)&a->storage;
}

static void set(struct addr *out, const void *address, size_t len)
{
    ASSERT(len <= sizeof(out->storage));
    memset(out, 0, sizeof(*out));
    memcpy(&out->storage, address, len);
    out->len = (socklen_t)len;
}

static bool parse_ip6(struct addr *out, const char *host, uint16_t port)
{
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const char *zone = strchr(host, '%');
    char text[INET6_ADDRSTRLEN];
    size_t len = zone != NULL ? (size_t)(zone - host) : strlen(host);

    if (len >= sizeof(text)) {
        return false;
    }
    bytes_to_text(bytes_make(host, len), text, sizeof(text));
    if (inet_pton(AF_INET6, text, &ip6.sin6_addr) != 1) {
        return false;
    }
    if (zone != NULL) {
        ip6.sin6_scope_id = if_nametoindex(zone + 1);
        if (ip6.sin6_scope_id == 0) {
            return false;
        }
    }
    set(out, &ip6, sizeof(ip6));
    return true;
}

bool addr_parse(struct addr *out, const char *host, uint16_t port)
{
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, host, &ip4.sin_addr) == 1) {
        set(out, &ip4, sizeof(ip4));
        return true;
    }
    return parse_ip6(out, host, port);
}

bool addr_from_path(struct addr *out, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(un.sun_path)) {
        return false;
    }
    memcpy(un.sun_path, path, len + 1);
    set(out, &un, sizeof(un));
    return true;
}

size_t addr_resolve(const char *host, uint16_t port, struct addr *out, size_t max,
                    struct errmsg *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    size_t count = 0;
    int result;

    ASSERT(max > 0);
    if (addr_parse(&out[0], host, port)) {
        return 1;
    }
    result = getaddrinfo(host, NULL, &hints, &found);
    if (result != 0) {
        char reason[128];

        errmsg_set(error, "cannot resolve %s: %s", host,
                   result == EAI_SYSTEM ? strerror_r(errno, reason, sizeof(reason))
                                        : gai_strerror(result));
        return 0;
    }
    for (const struct addrinfo *i = found; i != NULL && count < max; i = i->ai_next) {
        if (i->ai_family == AF_INET || i->ai_family == AF_INET6) {
            set(&out[count], i->ai_addr, i->ai_addrlen);
            addr_set_port(&out[count], port);
            count++;
        }
    }
    freeaddrinfo(found);
    if (count == 0) {
        errmsg_set(error, "cannot resolve %s: it has no internet address", host);
    }
    return count;
}

bool addr_is_unix(const struct addr *a)
{
    return a->storage.ss_family == AF_UNIX;
}

bool addr_is_ip6(const struct addr *a)
{
    return a->storage.ss_family == AF_INET6;
}

static bool is_mapped_ip4(const struct addr *a)
{
    return addr_is_ip6(a) && IN6_IS_ADDR_V4MAPPED(&as_ip6(a)->sin6_addr);
}

bool addr_is_loopback(const struct addr *a)
{
    if (addr_is_unix(a)) {
        return true;
    }
    if (is_mapped_ip4(a)) {
        return as_ip6(a)->sin6_addr.s6_addr[12] == 127;
    }
    if (addr_is_ip6(a)) {
        return IN6_IS_ADDR_LOOPBACK(&as_ip6(a)->sin6_addr);
    }
    return a->storage.ss_family == AF_INET && ntohl(as_ip4(a)->sin_addr.s_addr) >> 24 == 127;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    if (a->storage.ss_family != b->storage.ss_family || addr_port(a) != addr_port(b)) {
        return false;
    }
    if (addr_is_ip6(a)) {
        return memcmp(&as_ip6(a)->sin6_addr, &as_ip6(b)->sin6_addr, sizeof(struct in6_addr)) == 0 &&
               as_ip6(a)->sin6_scope_id == as_ip6(b)->sin6_scope_id;
    }
    if (addr_is_unix(a)) {
        return strcmp(as_unix(a)->sun_path, as_unix(b)->sun_path) == 0;
    }
    return as_ip4(a)->sin_addr.s_addr == as_ip4(b)->sin_addr.s_addr;
}

uint16_t addr_port(const struct addr *a)
{
    if (a->storage.ss_family == AF_INET) {
        return ntohs(as_ip4(a)->sin_port);
    }
    return addr_is_ip6(a) ? ntohs(as_ip6(a)->sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->storage.ss_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&a->storage)->sin_port = htons(port);
    } else if (addr_is_ip6(a)) {
        ((struct sockaddr_in6 *)(void *)&a->storage)->sin6_port = htons(port);
    }
}

void addr_format_host(const struct addr *a, char out[ADDR_HOST_TEXT])
{
    const char *text = NULL;

    out[0] = '\0';
    if (addr_is_unix(a)) {
        bytes_to_text(bytes_from_text(as_unix(a)->sun_path), out, ADDR_HOST_TEXT);
        return;
    }
    if (is_mapped_ip4(a)) {
        text = inet_ntop(AF_INET, &as_ip6(a)->sin6_addr.s6_addr[12], out, ADDR_HOST_TEXT);
    } else if (addr_is_ip6(a)) {
        text = inet_ntop(AF_INET6, &as_ip6(a)->sin6_addr, out, ADDR_HOST_TEXT);
    } else if (a->storage.ss_family == AF_INET) {
        text = inet_ntop(AF_INET, &as_ip4(a)->sin_addr, out, ADDR_HOST_TEXT);
    }
    if (text == NULL) {
        bytes_to_text(BYTES_LITERAL("?"), out, ADDR_HOST_TEXT);
    }
}

void addr_format(const struct addr *a, char out[ADDR_TEXT])
{
    char host[ADDR_HOST_TEXT];

    addr_format_host(a, host);
    snprintf(out, ADDR_TEXT, strchr(host, ':') != NULL && !addr_is_unix(a) ? "[%s]:%u" : "%s:%u",
             host, (unsigned)addr_port(a));
}

bool addr_split(struct bytes text, char host[ADDR_HOST_TEXT], uint16_t *port)
{
    size_t colon = text.len;
    struct bytes name;
    uint64_t number;

    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    name = bytes_prefix(text, colon - 1);
    if (name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']') {
        name = bytes_make(name.data + 1, name.len - 2);
    }
    if (name.len == 0 || name.len >= ADDR_HOST_TEXT || bytes_find_byte(name, '\0') != SIZE_MAX ||
        !num_parse_u64(bytes_from(text, colon), &number) || number > UINT16_MAX) {
        return false;
    }
    bytes_to_text(name, host, ADDR_HOST_TEXT);
    *port = (uint16_t)number;
    return true;
}
