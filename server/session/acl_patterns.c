/* SPDX-License-Identifier: MIT */
#include "session/acl_patterns.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/mem.h"

#include <string.h>

void acl_patterns_clear(struct acl_patterns *patterns)
{
    for (size_t i = 0; i < patterns->all.count; i++) {
        mem_free(MEM_SESSION, patterns->all.items[i]);
    }
    VEC_DEINIT(&patterns->all);
    hashtable_deinit(&patterns->by_text);
}

static enum acl_pattern_form form_of(struct bytes text)
{
    if (text.len == 0 || text.data[text.len - 1] != '*') {
        return ACL_PATTERN_GLOB;
    }
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '*' || text.data[i] == '?' || text.data[i] == '[' ||
            text.data[i] == '\\') {
            return ACL_PATTERN_GLOB;
        }
    }
    return ACL_PATTERN_PREFIX;
}

static struct acl_pattern *find(const struct acl_patterns *patterns, struct bytes text)
{
    struct hashtable_node *found = hashtable_find(&patterns->by_text, text);

    return found != NULL ? CONTAINER_OF(found, struct acl_pattern, by_text) : NULL;
}

static void push(struct acl_patterns *patterns, struct bytes text, uint32_t access,
                 enum acl_pattern_form form)
{
    struct acl_pattern *pattern = mem_alloc(MEM_SESSION, sizeof(*pattern) + text.len);

    *pattern = (struct acl_pattern){.access = access, .form = form};
    if (text.len > 0) {
        memcpy(pattern->bytes, text.data, text.len);
    }
    hashtable_add(&patterns->by_text, &pattern->by_text, bytes_make(pattern->bytes, text.len));
    VEC_PUSH(&patterns->all, pattern);
}

void acl_patterns_add(struct acl_patterns *patterns, struct bytes text, uint32_t access)
{
    struct acl_pattern *pattern = find(patterns, text);

    if (pattern != NULL) {
        pattern->access |= access;
    } else {
        push(patterns, text, access, form_of(text));
    }
}

void acl_patterns_copy(const struct acl_patterns *patterns, struct acl_patterns *out)
{
    *out = (struct acl_patterns){0};
    for (size_t i = 0; i < patterns->all.count; i++) {
        const struct acl_pattern *pattern = patterns->all.items[i];

        push(out, acl_pattern_text(pattern), pattern->access, pattern->form);
    }
}

const struct acl_pattern *acl_patterns_find(const struct acl_patterns *patterns, struct bytes text)
{
    return find(patterns, text);
}

static bool matches(const struct acl_pattern *pattern, struct bytes name)
{
    struct bytes own = acl_pattern_text(pattern);

    if (pattern->form == ACL_PATTERN_PREFIX) {
        /* Most differ in their first byte. */
        return name.len + 1 >= own.len &&
               (own.len == 1 ||
                (name.data[0] == own.data[0] && memcmp(name.data, own.data, own.len - 1) == 0));
    }
    return glob_match(own, name);
}

bool acl_patterns_match(const struct acl_patterns *patterns, struct bytes name, uint32_t access)
{
    for (size_t i = 0; i < patterns->all.count; i++) {
        const struct acl_pattern *pattern = patterns->all.items[i];

        if ((pattern->access & access) == access && matches(pattern, name)) {
            return true;
        }
    }
    return false;
}

void acl_patterns_check(const struct acl_patterns *patterns)
{
    ASSERT(patterns->by_text.count == patterns->all.count);
    for (size_t i = 0; i < patterns->all.count; i++) {
        ASSERT(find(patterns, acl_pattern_text(patterns->all.items[i])) == patterns->all.items[i]);
    }
}
