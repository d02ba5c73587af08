/* SPDX-License-Identifier: MIT */
#include "session/acl_words.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

enum {
    HOLES_MIN = 16, /* so many places of undone words are let be */
};

/* ---- life ------------------------------------------------------------------------------------- */

static struct acl_subject *find_subject(const struct acl_words *words, struct bytes name)
{
    struct hashtable_node *found = hashtable_find(&words->subjects, name);

    return found != NULL ? CONTAINER_OF(found, struct acl_subject, by_name) : NULL;
}

/* Of which the word is, whether others of it are there or not. */
static struct acl_subject *get_subject(struct acl_words *words, struct bytes text)
{
    size_t bar = bytes_find_byte(text, '|');
    struct bytes name = bytes_prefix(text, bar != SIZE_MAX ? bar : text.len);
    struct acl_subject *subject = find_subject(words, name);

    if (subject == NULL) {
        subject = mem_alloc_zeroed(MEM_SESSION, sizeof(*subject) + name.len);
        memcpy(subject->bytes, name.data, name.len);
        list_init(&subject->words);
        hashtable_add(&words->subjects, &subject->by_name, bytes_make(subject->bytes, name.len));
    }
    return subject;
}

/* text is in small letters, and nothing is there of the same. */
static struct acl_word *push(struct acl_words *words, struct bytes text)
{
    struct acl_word *word = mem_alloc_zeroed(MEM_SESSION, sizeof(*word) + text.len);

    memcpy(word->bytes, text.data, text.len);
    word->subject = get_subject(words, text);
    word->place = words->all.count;
    list_add_tail(&word->subject->words, &word->of_subject);
    hashtable_add(&words->by_text, &word->by_text, bytes_make(word->bytes, text.len));
    VEC_PUSH(&words->all, word);
    return word;
}

static void note_first_arg(struct acl_words *words, struct acl_word *word)
{
    word->is_first_arg = true;
    word->subject->first_args++;
    words->first_args++;
}

static void drop_subject_when_unused(struct acl_words *words, struct acl_subject *subject)
{
    if (list_is_empty(&subject->words)) {
        ASSERT(subject->first_args == 0);
        hashtable_remove(&words->subjects, &subject->by_name);
        mem_free(MEM_SESSION, subject);
    }
}

static void end_first_arg(struct acl_words *words, struct acl_word *word)
{
    if (word->is_first_arg) {
        ASSERT(word->subject->first_args > 0 && words->first_args > 0);
        word->is_first_arg = false;
        word->subject->first_args--;
        words->first_args--;
    }
}

static void undo(struct acl_words *words, struct acl_word *word)
{
    ASSERT(words->all.items[word->place] == word);
    end_first_arg(words, word);
    words->all.items[word->place] = NULL;
    list_remove(&word->of_subject);
    hashtable_remove(&words->by_text, &word->by_text);
    drop_subject_when_unused(words, word->subject);
    mem_free(MEM_SESSION, word);
}

void acl_words_clear(struct acl_words *words)
{
    for (size_t i = 0; i < words->all.count; i++) {
        if (words->all.items[i] != NULL) {
            undo(words, words->all.items[i]);
        }
    }
    ASSERT(words->first_args == 0 && words->subjects.count == 0);
    VEC_DEINIT(&words->all);
    hashtable_deinit(&words->by_text);
    hashtable_deinit(&words->subjects);
}

void acl_words_copy(const struct acl_words *words, struct acl_words *out)
{
    *out = (struct acl_words){0};
    for (size_t i = 0; i < words->all.count; i++) {
        const struct acl_word *word = words->all.items[i];

        if (word != NULL) {
            struct acl_word *copy = push(out, word->by_text.key);

            copy->is_allowed = word->is_allowed;
            if (word->is_first_arg) {
                note_first_arg(out, copy);
            }
        }
    }
}

/* ---- words ------------------------------------------------------------------------------------ */

/* Once half of the places are empty the others move together. */
static void close_holes(struct acl_words *words)
{
    size_t kept = 0;

    if (words->all.count < HOLES_MIN || words->by_text.count > words->all.count / 2) {
        return;
    }
    for (size_t i = 0; i < words->all.count; i++) {
        struct acl_word *word = words->all.items[i];

        if (word != NULL) {
            word->place = kept;
            words->all.items[kept++] = word;
        }
    }
    words->all.count = kept;
}

/* What is about the same, or about something of it. */
static void undo_covered(struct acl_words *words, struct bytes text)
{
    struct hashtable_node *same = hashtable_find(&words->by_text, text);
    struct acl_subject *subject;

    if (same != NULL) {
        undo(words, CONTAINER_OF(same, struct acl_word, by_text));
    }
    while ((subject = find_subject(words, text)) != NULL) {
        undo(words, CONTAINER_OF(subject->words.next, struct acl_word, of_subject));
    }
    close_holes(words);
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct acl_word *add(struct acl_words *words, bool is_allowed, struct bytes text)
{
    struct buf lower = {0};
    struct acl_word *word;

    ASSERT(text.len > 0);
    for (size_t i = 0; i < text.len; i++) {
        buf_append_byte(&lower, small(text.data[i]));
    }
    undo_covered(words, buf_bytes(&lower));
    word = push(words, buf_bytes(&lower));
    word->is_allowed = is_allowed;
    buf_deinit(&lower);
    return word;
}

void acl_words_add(struct acl_words *words, bool is_allowed, struct bytes text)
{
    (void)add(words, is_allowed, text);
}

/* ---- first arguments -------------------------------------------------------------------------- */

void acl_words_add_first_arg(struct acl_words *words, struct bytes text)
{
    ASSERT(bytes_find_byte(text, '|') != SIZE_MAX);
    note_first_arg(words, add(words, true, text));
}

void acl_words_end_first_args(struct acl_words *words, struct bytes command)
{
    struct acl_subject *subject = words->first_args > 0 ? find_subject(words, command) : NULL;

    if (subject == NULL || subject->first_args == 0) {
        return;
    }
    LIST_FOR_EACH (found, &subject->words) {
        end_first_arg(words, CONTAINER_OF(found, struct acl_word, of_subject));
    }
}

static bool is_same(struct bytes lower, struct bytes any)
{
    for (size_t i = 0; lower.len == any.len && i < any.len; i++) {
        if (lower.data[i] != small(any.data[i])) {
            return false;
        }
    }
    return lower.len == any.len;
}

bool acl_words_have_first_arg(const struct acl_words *words, struct bytes command, struct bytes arg)
{
    const struct acl_subject *subject = words->first_args > 0 ? find_subject(words, command) : NULL;

    if (subject == NULL || subject->first_args == 0) {
        return false;
    }
    LIST_FOR_EACH (found, &subject->words) {
        const struct acl_word *word = CONTAINER_OF(found, struct acl_word, of_subject);

        if (word->is_first_arg && is_same(bytes_from(word->by_text.key, command.len + 1), arg)) {
            return true;
        }
    }
    return false;
}

/* ---- as text ---------------------------------------------------------------------------------- */

void acl_words_format(const struct acl_words *words, struct buf *out)
{
    for (size_t i = 0; i < words->all.count; i++) {
        const struct acl_word *word = words->all.items[i];

        if (word != NULL) {
            buf_append_text(out, word->is_allowed ? " +" : " -");
            buf_append_bytes(out, word->by_text.key);
        }
    }
}

void acl_words_check(const struct acl_words *words)
{
    size_t count = 0;
    size_t first_args = 0;

    HASHTABLE_FOR_EACH (named, &words->subjects) {
        struct acl_subject *subject = CONTAINER_OF(named, struct acl_subject, by_name);
        size_t own = 0;

        ASSERT(!list_is_empty(&subject->words));
        LIST_FOR_EACH (found, &subject->words) {
            const struct acl_word *word = CONTAINER_OF(found, struct acl_word, of_subject);

            ASSERT(words->all.items[word->place] == word);
            ASSERT(word->subject == subject);
            ASSERT(!word->is_first_arg || word->is_allowed);
            own += word->is_first_arg;
            count++;
        }
        ASSERT(own == subject->first_args);
        first_args += own;
    }
    ASSERT(first_args == words->first_args);
    ASSERT(count == words->by_text.count && count <= words->all.count);
}
