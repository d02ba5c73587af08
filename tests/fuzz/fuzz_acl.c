/* SPDX-License-Identifier: MIT */
/* Files of users: any bytes are refused with a reason or taken; what was taken is written as a file that gives
 * the same users, who answer any request as they did. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "session/acl.h"

enum {
    FULLEST_REQUEST = 8,
};

static void write_all(const struct acl *acl, struct buf *out)
{
    acl_check(acl);
    for (size_t i = 0; i < acl->users.count; i++) {
        acl_format_user(acl->users.items[i], out);
        buf_append_byte(out, '\n');
    }
}

/* Each command with words out of the file itself. */
static void ask(const struct acl *a, const struct acl *b, struct bytes text)
{
    struct bytes words[FULLEST_REQUEST];
    size_t count = 0;

    for (struct bytes word = bytes_next_word(&text, ' '); word.len > 0 && count < FULLEST_REQUEST;
         word = bytes_next_word(&text, ' ')) {
        words[count++] = word;
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        struct acl_question question = {
            .spec = command_spec((enum command_id)id), .args = words, .arg_count = count};

        if (!command_arity_fits(question.spec, count)) {
            continue;
        }
        for (size_t i = 0; i < a->users.count; i++) {
            struct acl_answer first = acl_user_ask(a->users.items[i], &question);
            struct acl_answer second = acl_user_ask(b->users.items[i], &question);

            ASSERT(first.verdict == second.verdict && first.word == second.word);
            ASSERT(first.verdict == ACL_ALLOWED || first.word < count);
            ASSERT(first.verdict == ACL_ALLOWED || !a->users.items[i]->is_unlimited);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf problems = {0};
    struct buf text = {0};
    struct buf again = {0};
    struct acl first;
    struct acl second;

    acl_init(&first, size % 2 == 0, (struct bytes){0});
    acl_init(&second, size % 2 == 0, (struct bytes){0});
    acl_add_text(&first, bytes_make(data, size), "fuzz", &problems);
    buf_clear(&problems); /* lines that are wrong leave no user, or the one that was there */
    write_all(&first, &text);
    acl_add_text(&second, buf_bytes(&text), "again", &problems);
    ASSERT(problems.len == 0);
    write_all(&second, &again);
    ASSERT(bytes_equal(buf_bytes(&text), buf_bytes(&again)));
    ask(&first, &second, bytes_make(data, size));
    acl_deinit(&first);
    acl_deinit(&second);
    buf_deinit(&problems);
    buf_deinit(&text);
    buf_deinit(&again);
    return 0;
}
