/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "stats/prometheus.h"

#include <string.h>

enum status {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_TOO_LONG = 431,
};

#define PLAIN_TEXT "text/plain; charset=utf-8"

struct request {
    struct bytes method;
    struct bytes path; /* without a query */
};

/* The next line without its end; false when there is no end. */
static bool next_line(struct bytes *text, struct bytes *line)
{
    const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;

    if (end == NULL) {
        return false;
    }
    *line = bytes_prefix(*text, (size_t)(end - text->data));
    *text = bytes_from(*text, line->len + 1);
    if (line->len > 0 && line->data[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* What RFC 9110 calls a token. */
static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool parse_request_line(struct bytes line, struct request *out)
{
    struct bytes rest = line;
    struct bytes target;
    size_t before;

    out->method = bytes_next_field(&rest, ' ');
    target = bytes_next_field(&rest, ' ');
    before = target.len;
    out->path = bytes_next_field(&target, '?');
    return is_token(out->method) && before > 0 && out->path.len > 0 && out->path.data[0] == '/' &&
           (bytes_equal_text(rest, "HTTP/1.1") || bytes_equal_text(rest, "HTTP/1.0"));
}

static bool is_field(struct bytes line)
{
    const char *colon = memchr(line.data, ':', line.len);

    return colon != NULL && is_token(bytes_prefix(line, (size_t)(colon - line.data)));
}

/* False: more is to come; *status is HTTP_OK or what is wrong. */
static bool parse(struct bytes text, struct request *out, enum status *status)
{
    struct bytes line;
    bool is_long = text.len > HTTP_REQUEST_MAX;
    bool is_first = true;

    text = bytes_prefix(text, is_long ? HTTP_REQUEST_MAX : text.len);
    *status = HTTP_OK;
    while (next_line(&text, &line)) {
        bool is_ok = is_first ? parse_request_line(line, out) : line.len == 0 || is_field(line);

        if (!is_ok) {
            *status = HTTP_BAD_REQUEST;
            return true;
        }
        if (!is_first && line.len == 0) {
            return true;
        }
        is_first = false;
    }
    *status = HTTP_TOO_LONG;
    return is_long;
}

static const char *reason_of(enum status status)
{
    switch (status) {
    case HTTP_OK:
        return "OK";
    case HTTP_BAD_REQUEST:
        return "Bad Request";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_METHOD_NOT_ALLOWED:
        return "Method Not Allowed";
    case HTTP_TOO_LONG:
        return "Request Header Fields Too Large";
    }
    return "";
}

static void write_answer(struct buf *out, enum status status, const char *type, struct bytes body,
                         bool is_head)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n", (int)status,
               reason_of(status), status == HTTP_METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "",
               type, body.len);
    buf_append_text(out, "Connection: close\r\n\r\n");
    if (!is_head) {
        buf_append_bytes(out, body);
    }
}

static void write_refusal(struct buf *out, enum status status, bool is_head)
{
    struct buf body = {0};

    buf_printf(&body, "%s\n", reason_of(status));
    write_answer(out, status, PLAIN_TEXT, buf_bytes(&body), is_head);
    buf_deinit(&body);
}

bool http_answer(struct bytes request, http_metrics_fn *metrics, void *context, struct buf *out)
{
    struct request parsed = {0};
    struct buf body = {0};
    enum status status;
    bool is_head;

    if (!parse(request, &parsed, &status)) {
        return false;
    }
    is_head = status == HTTP_OK && bytes_equal_text(parsed.method, "HEAD");
    if (status != HTTP_OK) {
        write_refusal(out, status, false);
    } else if (!is_head && !bytes_equal_text(parsed.method, "GET")) {
        write_refusal(out, HTTP_METHOD_NOT_ALLOWED, false);
    } else if (bytes_equal_text(parsed.path, "/metrics")) {
        metrics(context, &body);
        write_answer(out, HTTP_OK, PROMETHEUS_CONTENT_TYPE, buf_bytes(&body), is_head);
    } else if (bytes_equal_text(parsed.path, "/")) {
        write_answer(out, HTTP_OK, PLAIN_TEXT,
                     BYTES_LITERAL("A Starling server.  Its metrics are at /metrics.\n"), is_head);
    } else {
        write_refusal(out, HTTP_NOT_FOUND, is_head);
    }
    buf_deinit(&body);
    return true;
}
