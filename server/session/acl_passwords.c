/* SPDX-License-Identifier: MIT */
#include "session/acl_passwords.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

static struct bytes hash_bytes(const uint8_t hash[SHA256_SIZE])
{
    return bytes_make(hash, SHA256_SIZE);
}

static struct acl_password *find(const struct acl_passwords *passwords,
                                 const uint8_t hash[SHA256_SIZE])
{
    struct hashtable_node *found = hashtable_find(&passwords->by_hash, hash_bytes(hash));

    return found != NULL ? CONTAINER_OF(found, struct acl_password, by_hash) : NULL;
}

void acl_passwords_clear(struct acl_passwords *passwords)
{
    hashtable_deinit(&passwords->by_hash);
    while (passwords->oldest != NULL) {
        struct acl_password *next = passwords->oldest->newer;

        mem_free(MEM_SESSION, passwords->oldest);
        passwords->oldest = next;
    }
    passwords->newest = NULL;
}

static void push(struct acl_passwords *passwords, const uint8_t hash[SHA256_SIZE])
{
    struct acl_password *password = mem_alloc(MEM_SESSION, sizeof(*password));

    *password = (struct acl_password){.older = passwords->newest};
    memcpy(password->hash, hash, sizeof(password->hash));
    *(passwords->newest != NULL ? &passwords->newest->newer : &passwords->oldest) = password;
    passwords->newest = password;
    hashtable_add(&passwords->by_hash, &password->by_hash, hash_bytes(password->hash));
}

void acl_passwords_copy(const struct acl_passwords *passwords, struct acl_passwords *out)
{
    *out = (struct acl_passwords){0};
    for (const struct acl_password *p = passwords->oldest; p != NULL; p = p->newer) {
        push(out, p->hash);
    }
}

void acl_passwords_add(struct acl_passwords *passwords, const uint8_t hash[SHA256_SIZE])
{
    if (find(passwords, hash) == NULL) {
        push(passwords, hash);
    }
}

bool acl_passwords_remove(struct acl_passwords *passwords, const uint8_t hash[SHA256_SIZE])
{
    struct acl_password *password = find(passwords, hash);

    if (password == NULL) {
        return false;
    }
    hashtable_remove(&passwords->by_hash, &password->by_hash);
    *(password->older != NULL ? &password->older->newer : &passwords->oldest) = password->newer;
    *(password->newer != NULL ? &password->newer->older : &passwords->newest) = password->older;
    mem_free(MEM_SESSION, password);
    return true;
}

/* By the table it would take as long as a chain is, which tells of hashes. */
bool acl_passwords_admit(const struct acl_passwords *passwords, struct bytes password)
{
    uint8_t given[SHA256_SIZE];
    bool is_known = false;

    sha256(password, given);
    for (const struct acl_password *p = passwords->oldest; p != NULL; p = p->newer) {
        is_known |= bytes_equal_constant_time(hash_bytes(given), hash_bytes(p->hash));
    }
    return is_known;
}

bool acl_password_parse(struct bytes hex, uint8_t hash[SHA256_SIZE])
{
    if (hex.len != SHA256_SIZE * 2) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        char c = hex.data[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0) {
            return false;
        }
        hash[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : hash[i / 2] | digit);
    }
    return true;
}

void acl_password_format(const struct acl_password *password, char out[ACL_PASSWORD_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *hash = password->hash;

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * SHA256_SIZE] = '\0';
}

void acl_passwords_check(const struct acl_passwords *passwords)
{
    const struct acl_password *older = NULL;
    size_t count = 0;

    for (const struct acl_password *p = passwords->oldest; p != NULL; p = p->newer) {
        ASSERT(p->older == older);
        ASSERT(find(passwords, p->hash) == p);
        older = p;
        count++;
    }
    ASSERT(passwords->newest == older);
    ASSERT(count == passwords->by_hash.count);
}
