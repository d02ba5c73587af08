/* SPDX-License-Identifier: MIT */
#include "session/acl_user.h"

#include "base/assert.h"
#include "base/mem.h"

static struct acl_rules *rules_new(bool has_channels)
{
    struct acl_rules *rules = mem_alloc(MEM_SESSION, sizeof(*rules));

    acl_rules_init(rules, has_channels);
    return rules;
}

static void rules_free(struct acl_rules *rules)
{
    acl_rules_deinit(rules);
    mem_free(MEM_SESSION, rules);
}

struct acl_user *acl_user_new(struct bytes name, bool has_channels)
{
    struct acl_user *user = mem_alloc_zeroed(MEM_SESSION, sizeof(*user));

    buf_append_bytes(&user->name, name);
    acl_rules_init(&user->rules, has_channels);
    return user;
}

static void drop_selectors(struct acl_user *user)
{
    for (size_t i = 0; i < user->selectors.count; i++) {
        rules_free(user->selectors.items[i]);
    }
    VEC_DEINIT(&user->selectors);
}

void acl_user_free(struct acl_user *user)
{
    if (user == NULL) {
        return;
    }
    acl_rules_deinit(&user->rules);
    drop_selectors(user);
    acl_passwords_clear(&user->passwords);
    buf_deinit(&user->name);
    mem_free(MEM_SESSION, user);
}

struct acl_user *acl_user_copy(const struct acl_user *user)
{
    struct acl_user *copy = mem_alloc_zeroed(MEM_SESSION, sizeof(*copy));

    copy->flags = user->flags;
    copy->is_unlimited = user->is_unlimited;
    buf_append_bytes(&copy->name, buf_bytes(&user->name));
    acl_rules_copy(&user->rules, &copy->rules);
    for (size_t i = 0; i < user->selectors.count; i++) {
        struct acl_rules *rules = rules_new(false);

        acl_rules_copy(user->selectors.items[i], rules);
        VEC_PUSH(&copy->selectors, rules);
    }
    acl_passwords_copy(&user->passwords, &copy->passwords);
    return copy;
}

/* ---- passwords -------------------------------------------------------------------------------- */

/* ">word", "<word", "#hash", "!hash". */
static enum acl_status set_password(struct acl_user *user, struct bytes word)
{
    bool is_hash = word.data[0] == '#' || word.data[0] == '!';
    bool is_added = word.data[0] == '>' || word.data[0] == '#';
    uint8_t hash[SHA256_SIZE];

    if (!is_hash) {
        sha256(bytes_from(word, 1), hash);
    } else if (!acl_password_parse(bytes_from(word, 1), hash)) {
        return ACL_BAD_HASH;
    }
    if (is_added) {
        acl_passwords_add(&user->passwords, hash);
    } else if (!acl_passwords_remove(&user->passwords, hash)) {
        return ACL_NO_SUCH_PASSWORD;
    }
    user->flags &= is_added ? ~(uint32_t)ACL_USER_NOPASS : UINT32_MAX;
    return ACL_OK;
}

bool acl_user_admits(const struct acl_user *user, struct bytes password)
{
    bool is_known = acl_passwords_admit(&user->passwords, password);

    return (user->flags & ACL_USER_ON) != 0 && (is_known || (user->flags & ACL_USER_NOPASS));
}

/* ---- words ------------------------------------------------------------------------------------ */

static void reset(struct acl_user *user, bool has_channels)
{
    acl_rules_deinit(&user->rules);
    acl_rules_init(&user->rules, has_channels);
    drop_selectors(user);
    acl_passwords_clear(&user->passwords);
    user->flags = ACL_USER_SANITIZE;
}

/* Words about the user itself; false: it is none of them. */
static bool set_named(struct acl_user *user, struct bytes word, bool has_channels)
{
    static const struct {
        const char *name;
        uint32_t adds, removes;
        bool drops_passwords;
    } names[] = {
        {"on",                    ACL_USER_ON,            0,                      false},
        {"off",                   0,                      ACL_USER_ON,            false},
        {"nopass",                ACL_USER_NOPASS,        0,                      true },
        {"resetpass",             0,                      ACL_USER_NOPASS,        true },
        {"skip-sanitize-payload", ACL_USER_SKIP_SANITIZE, ACL_USER_SANITIZE,      false},
        {"sanitize-payload",      ACL_USER_SANITIZE,      ACL_USER_SKIP_SANITIZE, false},
    };

    if (bytes_equal_nocase(word, "clearselectors")) {
        drop_selectors(user);
        return true;
    }
    if (bytes_equal_nocase(word, "reset")) {
        reset(user, has_channels);
        return true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            user->flags = (user->flags & ~names[i].removes) | names[i].adds;
            if (names[i].drops_passwords) {
                acl_passwords_clear(&user->passwords);
            }
            return true;
        }
    }
    return false;
}

/* "(...)", its words separated by blanks. */
static enum acl_status add_selector(struct acl_user *user, struct bytes text, bool has_channels)
{
    struct bytes rest = bytes_prefix(bytes_from(text, 1), text.len - 2);
    struct acl_rules *rules = rules_new(has_channels);

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        enum acl_status status = acl_rules_set(rules, word);

        if (status != ACL_OK) {
            rules_free(rules);
            return status;
        }
    }
    VEC_PUSH(&user->selectors, rules);
    return ACL_OK;
}

static enum acl_status set_word(struct acl_user *user, struct bytes word, bool has_channels)
{
    if (word.len == 0 || set_named(user, word, has_channels)) {
        return ACL_OK;
    }
    switch (word.data[0]) {
    case '>':
    case '<':
    case '#':
    case '!':
        return set_password(user, word);
    case '(':
        return add_selector(user, word, has_channels);
    default:
        return acl_rules_set(&user->rules, word);
    }
}

/* Put the words of a selector that begins at *at together; false: its end is not there. */
static bool join_selector(const struct bytes *words, size_t count, size_t *at, struct buf *out)
{
    buf_clear(out);
    for (; *at < count; ++*at) {
        buf_append_text(out, out->len > 0 ? " " : "");
        buf_append_bytes(out, words[*at]);
        if (out->len > 1 && out->data[out->len - 1] == ')') {
            return true;
        }
    }
    return false;
}

static bool is_selector(struct bytes word)
{
    return word.len > 0 && word.data[0] == '(';
}

/* Before any word is looked at: which of them belong together has to be clear. */
static bool check_selectors(const struct bytes *words, size_t count, struct buf *joined,
                            struct errmsg *error)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes word = words[i];

        if (is_selector(word) && !join_selector(words, count, &i, joined)) {
            errmsg_set(error, "Unmatched parenthesis in acl selector starting at '%.*s'.",
                       word.len < 256 ? (int)word.len : 256, word.data);
            return false;
        }
    }
    return true;
}

/* The word at *at, or the selector that begins there, which *at is at the end of then. */
static struct bytes next_word(const struct bytes *words, size_t count, size_t *at,
                              struct buf *joined)
{
    if (is_selector(words[*at])) {
        bool is_whole = join_selector(words, count, at, joined);

        ASSERT(is_whole);
        return buf_bytes(joined);
    }
    return words[*at];
}

bool acl_user_set_all(struct acl_user *user, const struct bytes *words, size_t count,
                      bool has_channels, struct errmsg *error)
{
    struct buf joined = {0};
    bool is_fine = check_selectors(words, count, &joined, error);

    for (size_t i = 0; is_fine && i < count; i++) {
        struct bytes word = next_word(words, count, &i, &joined);
        enum acl_status status = set_word(user, word, has_channels);

        if (status != ACL_OK) {
            errmsg_set(error, "Error in ACL SETUSER modifier '%.*s': %s",
                       word.len < 256 ? (int)word.len : 256, word.data, acl_status_text(status));
            is_fine = false;
        }
    }
    user->is_unlimited = acl_rules_allow_all(&user->rules);
    buf_deinit(&joined);
    return is_fine;
}

bool acl_user_set_line(struct acl_user *user, const struct bytes *words, size_t count,
                       bool has_channels, struct buf *problems)
{
    struct buf joined = {0};
    struct errmsg error = {0};
    size_t len_before = problems->len;
    bool has_other = !check_selectors(words, count, &joined, &error);

    if (has_other) {
        buf_printf(problems, "%s\n", error.text);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes word = next_word(words, count, &i, &joined);
        enum acl_status status = set_word(user, word, has_channels);

        if (status == ACL_UNKNOWN_COMMAND) {
            buf_printf(problems, "Error in applying operation '%.*s': %s\n", BYTES_ARGS(word),
                       acl_status_text(status));
        } else if (status != ACL_OK && !has_other) {
            has_other = true;
            buf_printf(problems, "%s\n", acl_status_text(status));
        }
    }
    user->is_unlimited = acl_rules_allow_all(&user->rules);
    buf_deinit(&joined);
    return problems->len == len_before;
}

/* ---- questions -------------------------------------------------------------------------------- */

struct acl_answer acl_user_ask(const struct acl_user *user, const struct acl_question *question)
{
    struct acl_answer worst = acl_rules_ask(&user->rules, question);

    /* Who is refused by all of them hears from the one that the request came furthest with. */
    for (size_t i = 0; worst.verdict != ACL_ALLOWED && i < user->selectors.count; i++) {
        struct acl_answer answer = acl_rules_ask(user->selectors.items[i], question);

        if (answer.verdict == ACL_ALLOWED || answer.verdict > worst.verdict ||
            (answer.verdict == worst.verdict && answer.word > worst.word)) {
            worst = answer;
        }
    }
    return worst;
}

static bool reads_all_keys(const struct acl_rules *rules)
{
    const struct acl_pattern *all = acl_patterns_find(&rules->keys, BYTES_LITERAL("*"));

    if (all != NULL && (all->access & ACL_READS) != 0) {
        return true;
    }
    return (rules->flags & ACL_ALL_KEYS) != 0;
}

bool acl_user_reads_all_keys(const struct acl_user *user, const struct acl_question *question)
{
    bool reads = reads_all_keys(&user->rules) &&
                 acl_rules_ask(&user->rules, question).verdict == ACL_ALLOWED;

    for (size_t i = 0; !reads && i < user->selectors.count; i++) {
        const struct acl_rules *rules = user->selectors.items[i];

        reads = reads_all_keys(rules) && acl_rules_ask(rules, question).verdict == ACL_ALLOWED;
    }
    return reads;
}

bool acl_user_allows_channel(const struct acl_user *user, struct bytes name, bool is_pattern)
{
    bool is_allowed = acl_rules_allow_channel(&user->rules, name, is_pattern);

    for (size_t i = 0; !is_allowed && i < user->selectors.count; i++) {
        is_allowed = acl_rules_allow_channel(user->selectors.items[i], name, is_pattern);
    }
    return is_allowed;
}

/* ---- as words --------------------------------------------------------------------------------- */

const char *acl_user_flag(const struct acl_user *user, size_t index)
{
    static const struct {
        const char *name;
        uint32_t flag;
        bool is_set;
    } names[ACL_USER_FLAG_NAMES] = {
        {"on",                    ACL_USER_ON,            true },
        {"off",                   ACL_USER_ON,            false},
        {"nopass",                ACL_USER_NOPASS,        true },
        {"skip-sanitize-payload", ACL_USER_SKIP_SANITIZE, true },
        {"sanitize-payload",      ACL_USER_SANITIZE,      true },
    };

    ASSERT(index < ARRAY_COUNT(names));
    return ((user->flags & names[index].flag) != 0) == names[index].is_set ? names[index].name
                                                                           : NULL;
}

void acl_user_format(const struct acl_user *user, struct buf *out)
{
    char hash[ACL_PASSWORD_TEXT];

    for (size_t i = 0; i < ACL_USER_FLAG_NAMES; i++) {
        const char *name = acl_user_flag(user, i);

        buf_printf(out, "%s%s", name != NULL ? name : "", name != NULL ? " " : "");
    }
    for (const struct acl_password *p = user->passwords.oldest; p != NULL; p = p->newer) {
        acl_password_format(p, hash);
        buf_printf(out, "#%s ", hash);
    }
    acl_rules_format(&user->rules, out);
    for (size_t i = 0; i < user->selectors.count; i++) {
        buf_append_text(out, " (");
        acl_rules_format(user->selectors.items[i], out);
        buf_append_byte(out, ')');
    }
}

void acl_user_check(const struct acl_user *user)
{
    acl_passwords_check(&user->passwords);
    ASSERT(acl_passwords_count(&user->passwords) == 0 || (user->flags & ACL_USER_NOPASS) == 0);
    ASSERT(user->is_unlimited == acl_rules_allow_all(&user->rules));
    acl_rules_check(&user->rules);
    for (size_t i = 0; i < user->selectors.count; i++) {
        acl_rules_check(user->selectors.items[i]);
    }
}
