/* SPDX-License-Identifier: MIT */
/* A value is a header line, for some types followed by bytes or by further values.  The reader
 * keeps its place in nested aggregates on a small stack of its own, bounded by the limit, and
 * grows arrays as children really come: a declared count alone costs nothing. */
#include "resp/value.h"

#include "base/assert.h"
#include "base/num.h"
#include "resp/line.h"

#include <math.h>

enum {
    SMALL_COUNT = 8, /* fewer children than this are allocated at once */
};

enum value_form {
    FORM_LINE,      /* the header line is all */
    FORM_BLOB,      /* a length, bytes, a line end */
    FORM_AGGREGATE, /* a count, values */
    FORM_ATTRIBUTE, /* a count, pairs, and then the value itself */
};

struct value_kind {
    char type_byte;
    enum value_form form;
    enum resp_type type;
};

/* What the header at some place says. */
struct value_head {
    const struct value_kind *kind;
    struct bytes text; /* of the line, behind the type byte */
    bool is_null;      /* a negative length or count */
    uint64_t count;    /* children: twice the pairs of a map or an attribute */
    struct bytes blob;
    size_t next; /* behind the line, or the blob and its line end */
};

static const struct value_kind kinds[] = {
    {'+', FORM_LINE,      RESP_SIMPLE    },
    {'-', FORM_LINE,      RESP_FAILURE   },
    {':', FORM_LINE,      RESP_INTEGER   },
    {'_', FORM_LINE,      RESP_NULL      },
    {'#', FORM_LINE,      RESP_BOOLEAN   },
    {',', FORM_LINE,      RESP_DOUBLE    },
    {'(', FORM_LINE,      RESP_BIG_NUMBER},
    {'$', FORM_BLOB,      RESP_BULK      },
    {'!', FORM_BLOB,      RESP_FAILURE   },
    {'=', FORM_BLOB,      RESP_VERBATIM  },
    {'*', FORM_AGGREGATE, RESP_ARRAY     },
    {'%', FORM_AGGREGATE, RESP_MAP       },
    {'~', FORM_AGGREGATE, RESP_SET       },
    {'>', FORM_AGGREGATE, RESP_PUSH      },
    {'|', FORM_ATTRIBUTE, RESP_MAP       },
};

static enum resp_status refuse(struct errmsg *error, const char *reason)
{
    errmsg_set(error, "Protocol error in a reply: %s", reason);
    return RESP_ERROR;
}

static const struct value_kind *kind_of(char type_byte)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i].type_byte == type_byte) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* The length or count of a header: negative means null, where the type has one. */
static enum resp_status read_head_count(struct value_head *head, uint64_t limit,
                                        struct errmsg *error)
{
    int64_t count;

    if (!num_parse_i64(head->text, &count)) {
        return refuse(error, "a length is not a number");
    }
    if (count < 0) {
        if (head->kind->type_byte != '$' && head->kind->type_byte != '*') {
            return refuse(error, "a negative length");
        }
        head->is_null = true;
        return RESP_OK;
    }
    if ((uint64_t)count > limit) {
        return refuse(error, "a length beyond the limit");
    }
    head->count = (uint64_t)count;
    return RESP_OK;
}

/* The blob behind a header: its length is head->count. */
static enum resp_status read_head_blob(struct bytes in, struct value_head *head,
                                       struct errmsg *error)
{
    size_t len = (size_t)head->count;

    if (in.len - head->next < len || in.len - head->next - len < 2) {
        return RESP_MORE;
    }
    head->blob = bytes_make(in.data + head->next, len);
    if (memcmp(head->blob.data + len, "\r\n", 2) != 0) {
        return refuse(error, "no line end behind a string");
    }
    if (head->kind->type == RESP_VERBATIM && (len < 4 || head->blob.data[3] != ':')) {
        return refuse(error, "a verbatim string without its type");
    }
    head->next += len + 2;
    head->count = 0;
    return RESP_OK;
}

static enum resp_status read_head(struct bytes in, size_t at, size_t *scanned,
                                  const struct resp_limits *limits, struct value_head *head,
                                  struct errmsg *error)
{
    struct resp_line line;
    enum resp_status status;

    *head = (struct value_head){0};
    if (at == in.len) {
        return RESP_MORE;
    }
    head->kind = kind_of(in.data[at]);
    if (head->kind == NULL) {
        errmsg_set(error, "Protocol error in a reply: unknown type byte 0x%02x",
                   (unsigned char)in.data[at]);
        return RESP_ERROR;
    }
    status = resp_line_find(in, at, scanned, limits->max_inline_bytes, &line);
    if (status == RESP_ERROR) {
        return refuse(error, "a line beyond the limit");
    }
    if (status == RESP_MORE) {
        return RESP_MORE;
    }
    if (!line.has_return) {
        return refuse(error, "a line ends without a carriage return");
    }
    head->text = bytes_from(line.text, 1);
    head->next = line.next;
    if (head->kind->form == FORM_LINE) {
        return RESP_OK;
    }
    status = read_head_count(
        head, head->kind->form == FORM_BLOB ? limits->max_bulk_bytes : limits->max_args, error);
    if (status != RESP_OK || head->is_null) {
        return status;
    }
    if (head->kind->form == FORM_BLOB) {
        return read_head_blob(in, head, error);
    }
    if (head->kind->type == RESP_MAP) {
        head->count *= 2;
    }
    return RESP_OK;
}

enum resp_status resp_value_scan(struct resp_value_scan *scan, struct bytes in,
                                 const struct resp_limits *limits, struct errmsg *error)
{
    if (scan->at == 0 && scan->pending == 0) {
        scan->pending = 1;
    }
    while (scan->pending > 0) {
        struct value_head head;
        enum resp_status status = read_head(in, scan->at, &scan->scanned, limits, &head, error);

        if (status != RESP_OK) {
            return status;
        }
        scan->at = head.next;
        scan->pending += head.count;
        if (head.kind->form != FORM_ATTRIBUTE) {
            scan->pending--;
        }
        if (scan->pending > UINT64_MAX / 4) {
            return refuse(error, "more values than can be counted");
        }
    }
    return RESP_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum resp_status fill_number(struct resp_value *value, struct bytes text,
                                    struct errmsg *error)
{
    if (value->type == RESP_INTEGER) {
        return num_parse_i64(text, &value->integer) ? RESP_OK
                                                    : refuse(error, "an integer is not a number");
    }
    if (value->type == RESP_BOOLEAN) {
        value->integer = bytes_equal_text(text, "t");
        return value->integer == 1 || bytes_equal_text(text, "f")
                   ? RESP_OK
                   : refuse(error, "a boolean is neither t nor f");
    }
    if (value->type == RESP_DOUBLE) {
        if (bytes_equal_nocase(text, "nan") || bytes_equal_nocase(text, "-nan")) {
            value->number = (double)NAN;
            return RESP_OK;
        }
        return num_parse_f64(text, &value->number) ? RESP_OK
                                                   : refuse(error, "a double is not a number");
    }
    return RESP_OK;
}

/* Everything of a value but its children. */
static enum resp_status fill(struct resp_value *value, const struct value_head *head,
                             struct errmsg *error)
{
    struct bytes text = head->kind->form == FORM_BLOB ? head->blob : head->text;

    *value = (struct resp_value){.type = head->is_null ? RESP_NULL : head->kind->type};
    if (value->type == RESP_NULL || head->kind->form == FORM_AGGREGATE) {
        return RESP_OK;
    }
    if (value->type == RESP_VERBATIM) {
        ASSERT(text.data != NULL && text.len >= 4);
        memcpy(value->verbatim_type, text.data, 3);
        text = bytes_from(text, 4);
    }
    buf_append_bytes(&value->text, text);
    return fill_number(value, text, error);
}

/* An aggregate that still wants children. */
struct frame {
    struct resp_value *value;
    uint64_t wanted;
    size_t cap;
};

/* The place of the next child.  Only the innermost aggregate grows, so no frame's own value
 * ever moves. */
static struct resp_value *next_place(struct frame *frame)
{
    struct resp_value *value = frame->value;

    if (frame->cap == 0 && frame->wanted < SMALL_COUNT) {
        frame->cap = (size_t)frame->wanted;
        value->children = mem_alloc(MEM_BASE, frame->cap * sizeof(*value->children));
    } else if (value->child_count == frame->cap) {
        value->children = vec_grow(value->children, &frame->cap, value->child_count + 1,
                                   sizeof(*value->children));
    }
    return &value->children[value->child_count++];
}

static enum resp_status skip_attribute(struct bytes in, size_t *at, uint64_t count,
                                       const struct resp_limits *limits, struct errmsg *error)
{
    struct resp_value_scan scan = {.at = *at, .pending = count};
    enum resp_status status = resp_value_scan(&scan, in, limits, error);

    *at = scan.at;
    return status;
}

/* Read the tree into *root, which stays a valid value whatever happens. */
static enum resp_status read_tree(struct bytes in, const struct resp_limits *limits,
                                  struct resp_value *root, size_t *consumed, struct errmsg *error)
{
    struct frame frames[RESP_DEPTH_MAX + 1];
    size_t depth = 0;
    size_t scanned = 0;

    *consumed = 0;
    for (;;) {
        struct value_head head;
        struct resp_value *value;
        enum resp_status status = read_head(in, *consumed, &scanned, limits, &head, error);

        if (status != RESP_OK) {
            return status;
        }
        *consumed = head.next;
        if (head.kind->form == FORM_ATTRIBUTE) {
            status = skip_attribute(in, consumed, head.count, limits, error);
            if (status != RESP_OK) {
                return status;
            }
            continue;
        }
        value = depth > 0 ? next_place(&frames[depth - 1]) : root;
        status = fill(value, &head, error);
        if (status != RESP_OK) {
            return status;
        }
        if (head.count > 0) {
            if (depth >= limits->max_depth || depth >= RESP_DEPTH_MAX) {
                return refuse(error, "nested too deeply");
            }
            frames[depth++] = (struct frame){.value = value, .wanted = head.count};
        }
        while (depth > 0 && frames[depth - 1].value->child_count == frames[depth - 1].wanted) {
            depth--;
        }
        if (depth == 0) {
            return RESP_OK;
        }
    }
}

enum resp_status resp_value_read(struct bytes in, const struct resp_limits *limits,
                                 struct resp_value *out, size_t *consumed, struct errmsg *error)
{
    enum resp_status status;

    *out = (struct resp_value){.type = RESP_NULL};
    status = read_tree(in, limits, out, consumed, error);
    if (status != RESP_OK) {
        resp_value_deinit(out);
        *consumed = 0;
    }
    return status;
}

/* Children are freed from the end of the innermost array on; the path to it is kept on a stack,
 * which the reader's bound on depth also bounds. */
void resp_value_deinit(struct resp_value *value)
{
    struct resp_value *path[RESP_DEPTH_MAX + 1];
    size_t depth = 0;

    path[depth++] = value;
    while (depth > 0) {
        struct resp_value *last = path[depth - 1];

        if (last->child_count > 0) {
            ASSERT(depth < ARRAY_COUNT(path));
            path[depth++] = &last->children[--last->child_count];
            continue;
        }
        mem_free(MEM_BASE, last->children);
        buf_deinit(&last->text);
        depth--;
    }
    *value = (struct resp_value){.type = RESP_NULL};
}

const struct resp_value *resp_value_find(const struct resp_value *map, const char *key)
{
    if (map->type != RESP_MAP && map->type != RESP_ARRAY) {
        return NULL;
    }
    for (size_t i = 0; i + 1 < map->child_count; i += 2) {
        if (resp_value_is_text(&map->children[i], key)) {
            return &map->children[i + 1];
        }
    }
    return NULL;
}

bool resp_value_is_text(const struct resp_value *value, const char *text)
{
    return value->type != RESP_NULL && value->children == NULL &&
           bytes_equal_text(resp_value_bytes(value), text);
}
