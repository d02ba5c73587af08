/* SPDX-License-Identifier: MIT */
/* statm has the sums for nothing.  What of malloc's heap is backed by memory is counted page by
 * page (mincore), as the kernel itself would for smaps; but smaps would count the whole arena of
 * the key space on the way, which is known without. */
#include "net/footprint.h"

#include "base/bytes.h"
#include "base/num.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    STATM_TEXT = 128,
    MAPS_TEXT = 8192,
    MINCORE_PAGES = 4096, /* asked about in one call */
};

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

struct statm {
    size_t resident;
    size_t shared; /* of it, with files behind */
};

static struct statm read_statm(void)
{
    char text[STATM_TEXT];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text));
    struct bytes rest = bytes_make(text, len > 0 ? (size_t)len : 0);
    int64_t pages[3] = {0};

    if (fd >= 0) {
        close(fd);
    }
    for (size_t i = 0; i < 3; i++) {
        if (!num_parse_i64(bytes_next_word(&rest, ' '), &pages[i]) || pages[i] < 0) {
            return (struct statm){0};
        }
    }
    return (struct statm){(size_t)pages[1] * page_bytes(), (size_t)pages[2] * page_bytes()};
}

/* ---- pages of a mapping ----------------------------------------------------------------------- */

static size_t count_resident(uintptr_t start, uintptr_t end)
{
    unsigned char is_resident[MINCORE_PAGES];
    size_t page = page_bytes();
    size_t bytes = 0;

    while (start < end) {
        size_t len = end - start < MINCORE_PAGES * page ? end - start : MINCORE_PAGES * page;

        if (mincore((void *)start, len, is_resident) != 0) { /* NOLINT(performance-no-int-to-ptr) */
            return bytes;
        }
        for (size_t i = 0; i < len / page; i++) {
            bytes += is_resident[i] & 1 ? page : 0;
        }
        start += len;
    }
    return bytes;
}

/* A line of maps: "start-end perms offset device inode   name". */
static void take_mapping(const char *line, struct env_memory *out)
{
    char *rest;
    uintptr_t start = (uintptr_t)strtoull(line, &rest, 16);
    uintptr_t end = *rest == '-' ? (uintptr_t)strtoull(rest + 1, &rest, 16) : 0;

    if (strstr(rest, " [heap]") != NULL) {
        out->heap_resident += count_resident(start, end);
    } else if (strstr(rest, " [stack]") != NULL) {
        out->stack += count_resident(start, end);
    }
}

static void read_maps(struct env_memory *out)
{
    char text[MAPS_TEXT];
    size_t len = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
        char *line = text;
        char *end;

        len += (size_t)got;
        text[len] = '\0';
        while ((end = strchr(line, '\n')) != NULL) {
            *end = '\0';
            take_mapping(line, out);
            line = end + 1;
        }
        len -= (size_t)(line - text);
        memmove(text, line, len);
    }
    close(fd);
}

/* ---- the whole -------------------------------------------------------------------------------- */

size_t footprint_resident(void)
{
    return read_statm().resident;
}

void footprint_measure(struct env_memory *out)
{
    struct statm statm = read_statm();
    struct mallinfo2 info = mallinfo2();

    *out = (struct env_memory){
        .resident = statm.resident,
        .files = statm.shared,
        .heap = info.arena,
        .heap_free = info.fordblks,
        .mapped = info.hblkhd,
    };
    read_maps(out);
}

void footprint_release(void)
{
    (void)malloc_trim(0);
}
