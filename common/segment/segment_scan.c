/* SPDX-License-Identifier: MIT */
/* A window moves over the file.  A frame may be longer than what the window has behind its beginning: then the window
 * begins anew at it, so that any frame fits. */
#include "segment/segment_scan.h"

#include "base/buf.h"
#include "segment/segment.h"

enum {
    /* More than twice the largest frame: beginning anew happens once for many bytes, as long as frames are possible
     * only here and there. */
    WINDOW_BYTES = 4 * SEGMENT_FRAME_MAX,
};

struct scan {
    const struct segment_source *source;
    const struct segment_hole *hole;
    char name[SEGMENT_NAME_SIZE];
    struct buf window;
    uint64_t begin; /* of the window, in the file */
    bool is_at_end; /* the file ends with the window */
};

static bool fill(struct scan *scan, uint64_t place, struct errmsg *error)
{
    const struct segment_source *source = scan->source;

    buf_consume(&scan->window, (size_t)(place - scan->begin));
    scan->begin = place;
    if (!scan->is_at_end) {
        size_t wanted = WINDOW_BYTES - scan->window.len;

        if (!source->read(source->ctx, scan->name, place + scan->window.len, wanted, &scan->window,
                          error)) {
            errmsg_wrap(error, "%s", scan->name);
            return false;
        }
        scan->is_at_end = scan->window.len < WINDOW_BYTES;
    }
    return true;
}

/* The size of a frame that could begin there and would count; 0: none. */
static size_t judge_head(const struct scan *scan, struct bytes in, uint64_t place)
{
    struct segment_frame frame;
    size_t size = segment_peek_frame(in, &frame);

    return size > 0 && frame.durable > scan->hole->offset &&
                   frame.start - scan->hole->offset <= place - scan->hole->place
               ? size
               : 0;
}

/* All of the window in which the beginning of a frame fits.  Returns how many bytes are done with. */
static size_t scan_window(const struct scan *scan, uint64_t *durable)
{
    struct bytes window = buf_bytes(&scan->window);
    size_t at = 0;

    while (window.len - at >= SEGMENT_FRAME_HEAD_BYTES) {
        struct bytes rest = bytes_from(window, at);
        size_t size = judge_head(scan, rest, scan->begin + at);
        struct segment_frame frame;

        if (size > rest.len && !scan->is_at_end && at > 0) {
            return at;
        }
        if (size > 0 && segment_read_frame(rest, &frame) == SEGMENT_OK) {
            *durable = frame.durable > *durable ? frame.durable : *durable;
            at += size;
        } else {
            at++;
        }
    }
    return at;
}

bool segment_scan(const struct segment_source *source, const struct segment_hole *hole,
                  uint64_t *durable, struct errmsg *error)
{
    struct scan scan = {.source = source, .hole = hole, .begin = hole->place};
    bool is_ok;

    segment_format_name(hole->number, scan.name);
    is_ok = fill(&scan, hole->place, error);
    while (is_ok && scan.window.len >= SEGMENT_FRAME_HEAD_BYTES) {
        is_ok = fill(&scan, scan.begin + scan_window(&scan, durable), error);
    }
    buf_deinit(&scan.window);
    return is_ok;
}
