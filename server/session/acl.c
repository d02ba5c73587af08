/* SPDX-License-Identifier: MIT */
#include "session/acl.h"

#include "base/assert.h"

/* Where the name is, or would be. */
static size_t place_of(const struct acl *acl, struct bytes name)
{
    size_t low = 0;
    size_t high = acl->users.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_compare(buf_bytes(&acl->users.items[middle]->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct acl_user *acl_find(const struct acl *acl, struct bytes name)
{
    size_t at = place_of(acl, name);

    return at < acl->users.count && bytes_equal(buf_bytes(&acl->users.items[at]->name), name)
               ? acl->users.items[at]
               : NULL;
}

bool acl_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '\0' || name.data[i] == ' ' ||
            (name.data[i] >= '\t' && name.data[i] <= '\r')) {
            return false;
        }
    }
    return true;
}

static void insert(struct acl *acl, struct acl_user *user)
{
    size_t at = place_of(acl, buf_bytes(&user->name));

    VEC_PUSH(&acl->users, NULL);
    for (size_t i = acl->users.count - 1; i > at; i--) {
        acl->users.items[i] = acl->users.items[i - 1];
    }
    acl->users.items[at] = user;
}

void acl_init(struct acl *acl, bool has_channels, struct bytes password)
{
    const struct bytes all[] = {BYTES_LITERAL("on"), BYTES_LITERAL("~*"), BYTES_LITERAL("&*"),
                                BYTES_LITERAL("+@all")};
    struct errmsg error;

    *acl = (struct acl){.has_channels = has_channels};
    acl->default_user = acl_user_new(BYTES_LITERAL("default"), has_channels);
    if (!acl_user_set_all(acl->default_user, all, ARRAY_COUNT(all), has_channels, &error)) {
        ASSERT(false);
    }
    insert(acl, acl->default_user);
    acl_set_default_password(acl, password);
}

void acl_deinit(struct acl *acl)
{
    for (size_t i = 0; i < acl->users.count; i++) {
        acl_user_free(acl->users.items[i]);
    }
    VEC_DEINIT(&acl->users);
    *acl = (struct acl){0};
}

bool acl_set(struct acl *acl, struct bytes name, const struct bytes *words, size_t count,
             struct errmsg *error)
{
    struct acl_user *old = acl_find(acl, name);
    struct acl_user *next =
        old != NULL ? acl_user_copy(old) : acl_user_new(name, acl->has_channels);

    ASSERT(acl_name_is_valid(name));
    if (!acl_user_set_all(next, words, count, acl->has_channels, error)) {
        acl_user_free(next);
        return false;
    }
    if (old == NULL) {
        insert(acl, next);
    } else {
        /* The same place, another content. */
        struct acl_user content = *old;

        *old = *next;
        *next = content;
        acl_user_free(next);
    }
    return true;
}

void acl_remove(struct acl *acl, struct acl_user *user)
{
    size_t at = place_of(acl, buf_bytes(&user->name));

    ASSERT(user != acl->default_user);
    ASSERT(at < acl->users.count && acl->users.items[at] == user);
    for (; at + 1 < acl->users.count; at++) {
        acl->users.items[at] = acl->users.items[at + 1];
    }
    acl->users.count--;
    acl_user_free(user);
}

void acl_set_default_password(struct acl *acl, struct bytes password)
{
    struct buf word = {0};
    struct bytes words[2] = {BYTES_LITERAL("resetpass"), BYTES_LITERAL("nopass")};
    struct errmsg error;

    if (password.len > 0) {
        buf_append_byte(&word, '>');
        buf_append_bytes(&word, password);
        words[1] = buf_bytes(&word);
    }
    if (!acl_user_set_all(acl->default_user, words, 2, acl->has_channels, &error)) {
        ASSERT(false);
    }
    buf_deinit(&word);
}

bool acl_is_open(const struct acl *acl)
{
    const uint32_t open = ACL_USER_ON | ACL_USER_NOPASS;

    return (acl->default_user->flags & open) == open;
}

/* ---- files ------------------------------------------------------------------------------------ */

/* Has the file told of such a user? */
static bool is_told(const struct acl *acl, struct bytes name)
{
    const struct acl_user *user = acl_find(acl, name);

    return user != NULL && (user != acl->default_user || acl->has_default_line);
}

/* A new user, or another content of the default one. */
static void take_told(struct acl *acl, struct acl_user *next)
{
    struct acl_user *user = acl_find(acl, buf_bytes(&next->name));

    if (user != NULL) {
        struct acl_user content = *user;

        ASSERT(user == acl->default_user);
        acl->has_default_line = true;
        *user = *next;
        *next = content;
        acl_user_free(next);
    } else {
        insert(acl, next);
    }
}

bool acl_add_line(struct acl *acl, const struct bytes *words, size_t count, struct errmsg *error)
{
    struct acl_user *next;

    ASSERT(count > 0);
    if (!acl_name_is_valid(words[0])) {
        errmsg_set(error, "username contains invalid characters");
        return false;
    }
    if (is_told(acl, words[0])) {
        errmsg_set(error, "Duplicate user found. A user can only be defined once");
        return false;
    }
    next = acl_user_new(words[0], acl->has_channels);
    if (!acl_user_set_all(next, words + 1, count - 1, acl->has_channels, error)) {
        acl_user_free(next);
        return false;
    }
    take_told(acl, next);
    return true;
}

/* A line of a file: where it is, and its words. */
struct told_line {
    int number;
    const char *place; /* path and number */
    const struct bytes *words;
    size_t count;
};

static void add_told(struct acl *acl, const struct told_line *line, struct buf *problems)
{
    struct bytes name = line->words[1];
    struct buf wrong = {0};
    struct bytes rest;
    struct acl_user *next;

    if (!acl_name_is_valid(name)) {
        buf_printf(problems, "%s: username contains invalid characters. ", line->place);
        return;
    }
    if (is_told(acl, name)) {
        buf_printf(problems, "WARNING: Duplicate user '%.*s' found on line %d. ", BYTES_ARGS(name),
                   line->number);
        return;
    }
    next = acl_user_new(name, acl->has_channels);
    if (!acl_user_set_line(next, line->words + 2, line->count - 2, acl->has_channels, &wrong)) {
        rest = buf_bytes(&wrong);
        while (rest.len > 0) {
            struct bytes one = bytes_next_field(&rest, '\n');

            buf_printf(problems, "%s: %.*s. ", line->place, BYTES_ARGS(one));
        }
    }
    take_told(acl,
              next); /* though words of it were refused: another of that name is one too many */
    buf_deinit(&wrong);
}

static void add_text_line(struct acl *acl, struct bytes text, const char *path, int number,
                          struct buf *problems)
{
    VEC(struct bytes) words = {0};
    struct buf place = {0};

    buf_printf(&place, "%s:%d", path, number);
    for (struct bytes word = bytes_next_word(&text, ' '); word.len > 0;
         word = bytes_next_word(&text, ' ')) {
        VEC_PUSH(&words, word);
    }
    if (words.count < 2 || !bytes_equal_text(words.items[0], "user")) {
        buf_printf(problems, "%s should start with user keyword followed by the username. ",
                   buf_text(&place));
    } else {
        add_told(acl,
                 &(struct told_line){.number = number,
                                     .place = buf_text(&place),
                                     .words = words.items,
                                     .count = words.count},
                 problems);
    }
    VEC_DEINIT(&words);
    buf_deinit(&place);
}

void acl_add_text(struct acl *acl, struct bytes text, const char *path, struct buf *problems)
{
    for (int number = 1; text.len > 0; number++) {
        struct bytes line = bytes_trim(bytes_next_field(&text, '\n'));

        if (line.len > 0) {
            add_text_line(acl, line, path, number, problems);
        }
    }
}

void acl_format_user(const struct acl_user *user, struct buf *out)
{
    buf_append_text(out, "user ");
    buf_append_bytes(out, buf_bytes(&user->name));
    buf_append_byte(out, ' ');
    acl_user_format(user, out);
}

void acl_check(const struct acl *acl)
{
    ASSERT(acl_find(acl, BYTES_LITERAL("default")) == acl->default_user);
    for (size_t i = 0; i < acl->users.count; i++) {
        acl_user_check(acl->users.items[i]);
        ASSERT(i == 0 || bytes_compare(buf_bytes(&acl->users.items[i - 1]->name),
                                       buf_bytes(&acl->users.items[i]->name)) < 0);
    }
}
