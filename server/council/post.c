/* SPDX-License-Identifier: MIT */
#include "council/post.h"

#include "base/assert.h"

static void remove_at(struct post *post, size_t index)
{
    struct letter *letter = &post->letters.items[index];

    post->letters.count--;
    memmove(letter, letter + 1, (post->letters.count - index) * sizeof(*letter));
}

/* Of what waits for a slow disk the newest is enough: whoever asked again has given up the question before. */
static void remove_older(struct council *c, const struct cluster_id *to,
                         const struct council_message *message)
{
    struct post *post = &c->post;

    for (size_t i = post->letters.count; i-- > 0;) {
        struct letter *letter = &post->letters.items[i];

        if (letter->type == message->type && letter->after > c->saved &&
            cluster_id_equal(&letter->to, to) &&
            cluster_id_equal(&letter->record, &message->record)) {
            buf_deinit(&letter->bytes);
            remove_at(post, i);
            return;
        }
    }
}

void post_send(struct council *c, const struct cluster_id *to, struct council_message *message,
               uint64_t after)
{
    struct letter letter = {
        .to = *to, .type = message->type, .record = message->record, .after = after};

    ASSERT(!cluster_id_is_none(to));
    if (after > c->saved) {
        remove_older(c, to, message);
    }
    ASSERT(after <= c->changes);
    message->council = c->seats.council;
    message->generation = c->seats.generation;
    council_message_encode(&letter.bytes, message);
    VEC_PUSH(&c->post.letters, letter);
}

bool post_waits_for_disk(const struct council *c)
{
    for (size_t i = 0; i < c->post.letters.count; i++) {
        if (c->post.letters.items[i].after > c->saved) {
            return true;
        }
    }
    return false;
}

/* Take the first that may leave and is, or is not, for us. */
static bool take(struct council *c, bool is_own, struct letter *out)
{
    struct post *post = &c->post;

    for (size_t i = 0; i < post->letters.count; i++) {
        struct letter *letter = &post->letters.items[i];

        if (letter->after <= c->saved && cluster_id_equal(&letter->to, &c->me) == is_own) {
            *out = *letter;
            remove_at(post, i);
            return true;
        }
    }
    return false;
}

bool post_next_own(struct council *c, struct buf *out)
{
    struct letter letter;

    if (!take(c, true, &letter)) {
        return false;
    }
    buf_deinit(out);
    *out = letter.bytes;
    return true;
}

bool council_next_message(struct council *c, struct cluster_id *to, struct bytes *message)
{
    struct letter letter;

    if (!take(c, false, &letter)) {
        return false;
    }
    buf_deinit(&c->post.read);
    c->post.read = letter.bytes;
    *to = letter.to;
    *message = buf_bytes(&c->post.read);
    return true;
}

void post_news(struct council *c, const struct council_news *news)
{
    VEC_PUSH(&c->post.news, *news);
}

void post_drop_news_of_proposal(struct council *c)
{
    struct post *post = &c->post;
    size_t kept = post->next_news;

    for (size_t i = kept; i < post->news.count; i++) {
        enum council_news_type type = post->news.items[i].type;

        if (type != COUNCIL_NEWS_READ && type != COUNCIL_NEWS_FAILED) {
            post->news.items[kept++] = post->news.items[i];
        }
    }
    post->news.count = kept;
}

bool council_next_news(struct council *c, struct council_news *out)
{
    struct post *post = &c->post;

    if (post->next_news == post->news.count) {
        post->news.count = 0;
        post->next_news = 0;
        return false;
    }
    *out = post->news.items[post->next_news++];
    return true;
}

void post_deinit(struct council *c)
{
    for (size_t i = 0; i < c->post.letters.count; i++) {
        buf_deinit(&c->post.letters.items[i].bytes);
    }
    VEC_DEINIT(&c->post.letters);
    VEC_DEINIT(&c->post.news);
    buf_deinit(&c->post.read);
}
