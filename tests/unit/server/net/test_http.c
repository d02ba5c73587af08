/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void write_metrics(void *context, struct buf *out)
{
    (*(int *)context)++;
    buf_append_text(out, "starling_up 1\n");
}

/* The first line of the answer; "(more)" while none comes. */
static const char *first_line(struct bytes request, char *line, size_t size)
{
    struct buf out = {0};
    int calls = 0;

    if (http_answer(request, write_metrics, &calls, &out)) {
        struct bytes text = buf_bytes(&out);

        bytes_to_text(bytes_prefix(text, bytes_find_byte(text, '\r')), line, size);
    } else {
        snprintf(line, size, "(more)");
    }
    buf_deinit(&out);
    return line;
}

Test(http, answers_each_request_by_its_line_and_fields)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK"                },
        {"GET /metrics HTTP/1.0\r\n\r\n",            "HTTP/1.1 200 OK"                },
        {"GET /metrics HTTP/1.0\n\n",                "HTTP/1.1 200 OK"                },
        {"GET /metrics?name=x HTTP/1.1\r\n\r\n",     "HTTP/1.1 200 OK"                },
        {"HEAD / HTTP/1.1\r\n\r\n",                  "HTTP/1.1 200 OK"                },
        {"GET /other HTTP/1.1\r\n\r\n",              "HTTP/1.1 404 Not Found"         },
        {"GET /metrics/ HTTP/1.1\r\n\r\n",           "HTTP/1.1 404 Not Found"         },
        {"POST /metrics HTTP/1.1\r\n\r\n",           "HTTP/1.1 405 Method Not Allowed"},
        {"get /metrics HTTP/1.1\r\n\r\n",            "HTTP/1.1 405 Method Not Allowed"},
        {"GET /metrics HTTP/2.0\r\n\r\n",            "HTTP/1.1 400 Bad Request"       },
        {"GET metrics HTTP/1.1\r\n\r\n",             "HTTP/1.1 400 Bad Request"       },
        {"GET  /metrics HTTP/1.1\r\n\r\n",           "HTTP/1.1 400 Bad Request"       },
        {"GET /metrics\r\n",                         "HTTP/1.1 400 Bad Request"       },
        {"\r\n",                                     "HTTP/1.1 400 Bad Request"       },
        {"G\x01T / HTTP/1.1\r\n\r\n",                "HTTP/1.1 400 Bad Request"       },
        {"*1\r\n$4\r\nPING\r\n",                     "HTTP/1.1 400 Bad Request"       },
        {"GET / HTTP/1.1\r\nno field\r\n",           "HTTP/1.1 400 Bad Request"       },
        {"GET / HTTP/1.1\r\n: empty\r\n",            "HTTP/1.1 400 Bad Request"       },
        {"",                                         "(more)"                         },
        {"GET /metr",                                "(more)"                         },
        {"GET /metrics HTTP/1.1\r\nHost: a\r\n",     "(more)"                         },
    };
    char line[80];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(first_line(bytes_from_text(cases[i].request), line, sizeof(line)),
                         cases[i].status, "%s: %s", cases[i].request, line);
    }
}

Test(http, gives_the_length_and_closes_and_leaves_the_body_of_head_out)
{
    struct buf get = {0};
    struct buf head = {0};
    int calls = 0;

    cr_assert(
        http_answer(BYTES_LITERAL("GET /metrics HTTP/1.1\r\n\r\n"), write_metrics, &calls, &get));
    cr_assert_str_eq(buf_text(&get), "HTTP/1.1 200 OK\r\n"
                                     "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                                     "Content-Length: 14\r\nConnection: close\r\n\r\n"
                                     "starling_up 1\n");
    cr_assert(
        http_answer(BYTES_LITERAL("HEAD /metrics HTTP/1.1\r\n\r\n"), write_metrics, &calls, &head));
    cr_assert_eq(head.len + 14, get.len);
    cr_assert_eq(memcmp(head.data, get.data, head.len), 0);
    cr_assert_eq(calls, 2);
    buf_deinit(&get);
    buf_deinit(&head);
}

Test(http, says_which_methods_are_allowed_and_where_the_metrics_are)
{
    struct buf out = {0};
    int calls = 0;

    cr_assert(http_answer(BYTES_LITERAL("PUT / HTTP/1.1\r\n\r\n"), write_metrics, &calls, &out));
    cr_assert_not_null(strstr(buf_text(&out), "\r\nAllow: GET, HEAD\r\n"));
    buf_clear(&out);
    cr_assert(http_answer(BYTES_LITERAL("GET / HTTP/1.1\r\n\r\n"), write_metrics, &calls, &out));
    cr_assert_not_null(strstr(buf_text(&out), "/metrics"));
    cr_assert_eq(calls, 0);
    buf_deinit(&out);
}

Test(http, refuses_what_is_longer_than_its_limit_and_waits_up_to_it)
{
    struct buf request = {0};
    char line[80];

    buf_append_text(&request, "GET / HTTP/1.1\r\nX: ");
    while (request.len < HTTP_REQUEST_MAX) {
        buf_append_byte(&request, 'a');
    }
    cr_assert_str_eq(first_line(buf_bytes(&request), line, sizeof(line)), "(more)");
    buf_append_byte(&request, 'a');
    cr_assert_str_eq(first_line(buf_bytes(&request), line, sizeof(line)),
                     "HTTP/1.1 431 Request Header Fields Too Large");
    buf_deinit(&request);
}
