/* SPDX-License-Identifier: MIT */
/* Passwords of a user: each once, in order, and how long it takes among many. */
#include "session/acl_passwords.h"

#include "base/buf.h"

#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

static void add(struct acl_passwords *passwords, const char *text)
{
    uint8_t hash[SHA256_SIZE];

    sha256(bytes_from_text(text), hash);
    acl_passwords_add(passwords, hash);
    acl_passwords_check(passwords);
}

static bool remove_text(struct acl_passwords *passwords, const char *text)
{
    uint8_t hash[SHA256_SIZE];
    bool was_there;

    sha256(bytes_from_text(text), hash);
    was_there = acl_passwords_remove(passwords, hash);
    acl_passwords_check(passwords);
    return was_there;
}

/* They are the passwords of a line, parted by blanks, in that order. */
static void expect_all(const struct acl_passwords *passwords, const char *line)
{
    struct bytes rest = bytes_from_text(line);

    for (const struct acl_password *p = passwords->oldest; p != NULL; p = p->newer) {
        struct bytes word = bytes_next_word(&rest, ' ');
        uint8_t hash[SHA256_SIZE];
        uint8_t read[SHA256_SIZE];
        char hex[ACL_PASSWORD_TEXT];

        sha256(word, hash);
        acl_password_format(p, hex);
        cr_assert(acl_password_parse(bytes_from_text(hex), read));
        cr_expect_eq(memcmp(hash, read, sizeof(hash)), 0, "%.*s is not at its place",
                     BYTES_ARGS(word));
    }
    cr_expect_eq(rest.len, 0, "%s has some that are not there", line);
}

Test(acl_passwords, stay_in_the_order_in_which_they_came)
{
    struct acl_passwords passwords = {0};
    struct acl_passwords copy;

    for (const char *text = "edcba"; *text != '\0'; text++) {
        add(&passwords, text);
    }
    add(&passwords, "cba");
    expect_all(&passwords, "edcba dcba cba ba a");
    cr_expect(remove_text(&passwords, "dcba"));
    cr_expect_not(remove_text(&passwords, "dcba"));
    expect_all(&passwords, "edcba cba ba a");
    cr_expect(remove_text(&passwords, "a") && remove_text(&passwords, "edcba"));
    add(&passwords, "a");
    acl_passwords_copy(&passwords, &copy);
    acl_passwords_clear(&passwords);
    acl_passwords_check(&passwords);
    expect_all(&passwords, "");
    acl_passwords_check(&copy);
    expect_all(&copy, "cba ba a");
    cr_expect_eq(acl_passwords_count(&copy), 3);
    acl_passwords_clear(&copy);
}

Test(acl_passwords, admit_each_of_them_and_no_other)
{
    struct acl_passwords passwords = {0};

    cr_expect_not(acl_passwords_admit(&passwords, BYTES_LITERAL("")));
    add(&passwords, "one");
    add(&passwords, "");
    cr_expect(acl_passwords_admit(&passwords, BYTES_LITERAL("one")));
    cr_expect(acl_passwords_admit(&passwords, BYTES_LITERAL("")));
    cr_expect_not(acl_passwords_admit(&passwords, BYTES_LITERAL("on")));
    acl_passwords_clear(&passwords);
}

Test(acl_passwords, hashes_are_64_lowercase_digits)
{
    static const char *const bad[] = {
        "", "0", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeF",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefa"};
    uint8_t hash[SHA256_SIZE];

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_not(acl_password_parse(bytes_from_text(bad[i]), hash), "%s", bad[i]);
    }
}

/* Were each compared with those before it, or those behind it moved, this would take minutes. */
Test(acl_passwords, two_hundred_thousand_come_and_go_in_seconds)
{
    struct acl_passwords passwords = {0};
    uint8_t hash[SHA256_SIZE] = {0};
    clock_t began = clock();

    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 200000; i++) {
            memcpy(hash, &i, sizeof(i));
            if (round < 2) {
                acl_passwords_add(&passwords, hash);
            } else {
                cr_assert(acl_passwords_remove(&passwords, hash));
            }
        }
        cr_expect_eq(acl_passwords_count(&passwords), round < 2 ? 200000 : 0);
    }
    cr_expect_lt(clock() - began, 10 * CLOCKS_PER_SEC);
    acl_passwords_clear(&passwords);
}
