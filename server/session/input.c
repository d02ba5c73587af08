/* SPDX-License-Identifier: MIT */
#include "session/input.h"

#include "base/assert.h"

void input_deinit(struct input *input)
{
    resp_reader_deinit(&input->reader);
    buf_deinit(&input->buf);
    buf_deinit(&input->put_back);
}

void input_append(struct input *input, struct bytes bytes)
{
    ASSERT(input->consumed == 0);
    buf_append_bytes(&input->buf, bytes);
}

void input_put_back(struct input *input, struct bytes request)
{
    ASSERT(request.len > 0);
    buf_append_bytes(&input->put_back, request);
}

void input_put_back_first(struct input *input, struct bytes request)
{
    struct buf rest = buf_steal(&input->put_back);

    ASSERT(request.len > 0);
    buf_append_bytes(&input->put_back, request);
    buf_append_bytes(&input->put_back, buf_bytes(&rest));
    buf_deinit(&rest);
}

void input_rewind(struct input *input)
{
    ASSERT(input->consumed == 0);
    if (input->put_back.len == 0) {
        return;
    }
    buf_append_bytes(&input->put_back, buf_bytes(&input->buf));
    buf_deinit(&input->buf);
    input->buf = buf_steal(&input->put_back);
    ASSERT(input->put_back.len == 0 && input->buf.len > 0);
    /* The reader's progress belonged to a request that now stands further behind. */
    resp_reader_deinit(&input->reader);
}

void input_compact(struct input *input)
{
    ASSERT(input->consumed <= input->buf.len);
    buf_consume(&input->buf, input->consumed);
    input->consumed = 0;
    buf_shrink_when_empty(&input->buf, 0);
}

void input_check(const struct input *input)
{
    ASSERT(input->buf.len <= input->buf.cap);
    ASSERT(input->consumed <= input->buf.len);
    ASSERT(input->put_back.len <= input->put_back.cap);
}
