/* SPDX-License-Identifier: MIT */
#include "node/users.h"

#include "base/assert.h"
#include "base/hash.h"
#include "config/config_reader.h"
#include "node/inside.h"

#include <stdio.h>

enum {
    GUESSES_FREE = 10,              /* wrong passwords of an address that are answered at once */
    GUESS_FORGOTTEN_MS = 60 * 1000, /* after the last */
    GUESS_FIRST_MS = 100,           /* then the first waits so long, each further twice as long, */
    GUESS_LONGEST_MS = 2000,        /* and none longer */
};

static bool has_channels(const struct node *node)
{
    return node->config.acl_pubsub_default != 0;
}

static struct bytes requirepass(const struct node *node)
{
    return bytes_from_text(node->config.requirepass);
}

void users_init(struct node *node)
{
    acl_init(&node->users.acl, has_channels(node), requirepass(node));
    acl_log_init(&node->users.log, (size_t)node->config.acllog_max_len);
}

void users_deinit(struct node *node)
{
    ASSERT(node->sessions.count == 0);
    acl_deinit(&node->users.acl);
    acl_log_deinit(&node->users.log);
}

void users_configure(struct node *node)
{
    node->users.acl.has_channels = has_channels(node);
    acl_log_set_limit(&node->users.log, (size_t)node->config.acllog_max_len);
}

/* ---- files ------------------------------------------------------------------------------------ */

/* Without a word about "default" in it, requirepass is what it asks for. */
static bool read_file(const struct node *node, struct acl *out, struct buf *problems)
{
    const struct fs *fs = node->env.fs;
    struct buf text = {0};
    struct errmsg error = {0};

    acl_init(out, has_channels(node), requirepass(node));
    if (fs->read_file(fs->ctx, node->config.aclfile, CONFIG_FILE_MAX, &text, &error) == FS_OK) {
        acl_add_text(out, buf_bytes(&text), node->config.aclfile, problems);
    } else {
        buf_printf(problems, "Error loading ACLs, opening file '%s': %s. ", node->config.aclfile,
                   error.text);
    }
    buf_deinit(&text);
    if (problems->len > 0) {
        buf_append_text(problems,
                        "WARNING: ACL errors detected, no change to the previously active "
                        "ACL rules was performed");
        acl_deinit(out);
    }
    return problems->len == 0;
}

static bool take_config_user(struct node *node, const char *text, struct errmsg *error)
{
    struct bytes rest = bytes_from_text(text);
    VEC(struct bytes) words = {0};
    bool is_fine;

    do {
        VEC_PUSH(&words, bytes_next_field(&rest, ' '));
    } while (rest.len > 0);
    is_fine = acl_add_line(&node->users.acl, words.items, words.count, error);
    if (!is_fine) {
        errmsg_wrap(error, "Error in user declaration '%.*s'",
                    words.items[0].len < 64 ? (int)words.items[0].len : 64, words.items[0].data);
    }
    VEC_DEINIT(&words);
    return is_fine;
}

bool users_start(struct node *node, struct errmsg *error)
{
    struct acl from_file;
    struct buf problems = {0};

    ASSERT(node->sessions.count == 0);
    if (node->config.aclfile[0] == '\0') {
        for (size_t i = 0; i < node->config.users.count; i++) {
            if (!take_config_user(node, node->config.users.items[i], error)) {
                return false;
            }
        }
        return true;
    }
    if (node->config.users.count > 0) {
        errmsg_set(error, "users are declared both in the config file and by aclfile: use one of "
                          "the two");
        return false;
    }
    if (!read_file(node, &from_file, &problems)) {
        errmsg_set(error, "%s", buf_text(&problems));
        buf_deinit(&problems);
        return false;
    }
    acl_deinit(&node->users.acl);
    node->users.acl = from_file;
    return true;
}

void users_save(struct node *node)
{
    struct buf text = {0};

    ASSERT(!files_is_writing(node, FILE_ACL));
    for (size_t i = 0; i < node->users.acl.users.count; i++) {
        acl_format_user(node->users.acl.users.items[i], &text);
        buf_append_byte(&text, '\n');
    }
    files_begin(node, FILE_ACL, node->config.aclfile);
    files_append(node, FILE_ACL, &text);
    files_commit(node, FILE_ACL);
    buf_deinit(&text);
}

void users_saved(struct node *node, bool is_ok, const struct errmsg *error)
{
    ASSERT(!files_is_writing(node, FILE_ACL));
    node_log(node, is_ok ? LOG_NOTICE : LOG_WARNING, "ACL SAVE: %s",
             is_ok ? "the file was written" : error->text);
    waiting_on_file(node, HOLD_ACL,
                    is_ok ? NULL
                          : "There was an error trying to save the ACLs. Please check the server "
                            "logs for more information");
}

/* What requirepass says by itself is not said again. */
void users_to_config(const struct node *node, struct config *config)
{
    struct acl plain;
    struct buf line = {0};
    struct buf usual = {0};

    config_drop_users(config);
    if (config->aclfile[0] != '\0') {
        return;
    }
    acl_init(&plain, has_channels(node), requirepass(node));
    acl_format_user(plain.default_user, &usual);
    for (size_t i = 0; i < node->users.acl.users.count; i++) {
        buf_clear(&line);
        acl_format_user(node->users.acl.users.items[i], &line);
        if (!bytes_equal(buf_bytes(&line), buf_bytes(&usual))) {
            config_add_user(config, bytes_from(buf_bytes(&line), strlen("user ")));
        }
    }
    acl_deinit(&plain);
    buf_deinit(&line);
    buf_deinit(&usual);
}

/* ---- sessions --------------------------------------------------------------------------------- */

static void act_as(struct session *s, const struct acl_user *user)
{
    s->user = user;
    s->flags &= ~(uint32_t)SESSION_LIMITED;
    s->flags |= user->is_unlimited ? 0U : SESSION_LIMITED;
}

void users_log_out(struct node *node, struct session *s)
{
    act_as(s, node->users.acl.default_user);
    s->flags &= ~(uint32_t)SESSION_AUTHENTICATED;
    s->flags |= acl_is_open(&node->users.acl) ? SESSION_AUTHENTICATED : 0U;
}

/* The address without the port; a unix socket's clients are one. */
static uint64_t hash_address(const struct session *s)
{
    struct bytes address = bytes_from_text(s->peer.address);
    size_t len = address.len;

    while (len > 0 && address.data[len - 1] != ':') {
        len--;
    }
    return hash_bytes(bytes_prefix(address, len), 0);
}

/* The session's address among those who guessed lately, or NULL. */
static struct guesser *find_guesser(struct node *node, uint64_t address)
{
    for (size_t i = 0; i < USERS_GUESSERS; i++) {
        struct guesser *guesser = &node->users.guessers[i];

        if (guesser->count > 0 && guesser->address == address &&
            mono_ms_between(guesser->last_at, node->now.mono) <= GUESS_FORGOTTEN_MS) {
            return guesser;
        }
    }
    return NULL;
}

/* A place for the address: one that is free, or that of whoever has not guessed for the longest time. */
static struct guesser *begin_guesser(struct node *node, uint64_t address)
{
    struct guesser *oldest = &node->users.guessers[0];

    for (size_t i = 0; i < USERS_GUESSERS && oldest->count > 0; i++) {
        struct guesser *guesser = &node->users.guessers[i];

        if (guesser->count == 0 || mono_is_before(guesser->last_at, oldest->last_at)) {
            oldest = guesser;
        }
    }
    *oldest = (struct guesser){.address = address};
    return oldest;
}

/* Count a wrong password.  Returns how many there were of the address lately. */
static uint32_t note_guess(struct node *node, const struct session *s)
{
    uint64_t address = hash_address(s);
    struct guesser *guesser = find_guesser(node, address);

    if (guesser == NULL) {
        guesser = begin_guesser(node, address);
    }
    guesser->last_at = node->now.mono;
    guesser->count += guesser->count < UINT32_MAX;
    return guesser->count;
}

static int64_t delay_ms(uint32_t guesses)
{
    uint32_t further = guesses > GUESSES_FREE ? guesses - GUESSES_FREE - 1 : 0;
    int64_t delay = further < 16 ? (int64_t)GUESS_FIRST_MS << further : GUESS_LONGEST_MS;

    return guesses <= GUESSES_FREE ? 0 : delay < GUESS_LONGEST_MS ? delay : GUESS_LONGEST_MS;
}

/* Nothing waits within a transaction: whoever would have to wait for the answer does not get a true one there. */
static bool is_deaf_to(struct node *node, const struct session *s)
{
    const struct guesser *guesser =
        node->transaction.is_on ? find_guesser(node, hash_address(s)) : NULL;

    return guesser != NULL && delay_ms(guesser->count + 1) > 0;
}

bool users_log_in(struct node *node, struct session *s, struct bytes name, struct bytes password)
{
    const struct acl_user *user = acl_find(&node->users.acl, name);
    /* Whether there is such a user is not to be seen from how long it takes. */
    bool is_admitted =
        acl_user_admits(user != NULL ? user : node->users.acl.default_user, password);

    if (user == NULL || !is_admitted ||
        ((user->flags & ACL_USER_NOPASS) == 0 && is_deaf_to(node, s))) {
        return false;
    }
    act_as(s, user);
    s->flags |= SESSION_AUTHENTICATED;
    return true;
}

/* What was refused, for ACL LOG and the counters. */
static void note_refusal(struct node *node, const struct request *request, enum acl_reason reason,
                         struct bytes object, struct bytes name)
{
    const struct session *s = request->session;
    bool is_in_multi = (s->flags & SESSION_IN_MULTI) != 0;
    struct buf client = {0};

    session_describe(s, node->now.mono, &client);
    counters_acl_denied(&node->counters, reason);
    acl_log_add(&node->users.log,
                &(struct acl_event){
                    .reason = reason,
                    .context = is_in_multi ? ACL_CONTEXT_MULTI : ACL_CONTEXT_TOPLEVEL,
                    .unix_ms = node->now.unix_ms,
                    .object = object,
                    .user = name,
                    .client = buf_bytes(&client),
                });
    buf_deinit(&client);
}

void users_refuse_log_in(struct node *node, struct request *request, struct bytes name)
{
    struct session *s = request->session;
    uint32_t guesses = note_guess(node, s);
    int64_t delay = delay_ms(guesses);

    note_refusal(node, request, ACL_REASON_AUTH, request->args[0], name);
    node_log(node, guesses == GUESSES_FREE + 1 ? LOG_WARNING : LOG_VERBOSE,
             "client %s: a wrong password, number %u of its address lately%s", s->peer.address,
             (unsigned)guesses, delay > 0 ? "; it is answered later" : "");
    if (delay == 0 || node->transaction.is_on) {
        reply_error(request, "%s", USERS_WRONG_PASSWORD);
    } else {
        waiting_hold(node, s, HOLD_LOGIN, mono_add_ms(node->now.mono, delay));
    }
}

/* ---- what they may do ------------------------------------------------------------------------- */

const char *users_refuse_sort(const struct acl_user *user, const struct acl_question *question)
{
    const char *refusal = NULL;

    if (question->spec->key_form != KEY_FORM_SORTING) {
        return NULL;
    }
    for (size_t i = 2; refusal == NULL && i + 1 < question->arg_count; i++) {
        struct bytes word = question->args[i];

        if (bytes_equal_nocase(word, "BY")) {
            i++;
            refusal = bytes_find_byte(question->args[i], '*') != SIZE_MAX
                          ? "BY option of SORT denied due to insufficient ACL permissions."
                          : NULL;
        } else if (bytes_equal_nocase(word, "GET")) {
            i++;
            refusal = "GET option of SORT denied due to insufficient ACL permissions.";
        } else if (bytes_equal_nocase(word, "LIMIT")) {
            i += 2;
        } else if (bytes_equal_nocase(word, "STORE")) {
            i++;
        }
    }
    return refusal != NULL && !acl_user_reads_all_keys(user, question) ? refusal : NULL;
}

static void refuse(struct node *node, struct request *request, struct acl_answer answer)
{
    const struct acl_user *user = request->session->user;
    struct bytes name = buf_bytes(&user->name);
    struct bytes object = request->args[answer.word];
    char full[COMMAND_FULL_NAME_SIZE];
    char db[16];

    switch (answer.verdict) {
    case ACL_ALLOWED:
        ASSERT(false);
        break;
    case ACL_NO_COMMAND:
        command_full_name(request->spec, full, sizeof(full));
        note_refusal(node, request, ACL_REASON_COMMAND, bytes_from_text(full), name);
        reply_error(request, "NOPERM User %.*s has no permissions to run the '%s' command",
                    BYTES_ARGS(name), full);
        break;
    case ACL_NO_DATABASE:
        snprintf(db, sizeof(db), "%u", request->session->db);
        note_refusal(node, request, ACL_REASON_DATABASE,
                     answer.word > 0 ? object : bytes_from_text(db), name);
        reply_error(request, "NOPERM No permissions to access database");
        break;
    case ACL_NO_KEY:
        note_refusal(node, request, ACL_REASON_KEY, object, name);
        reply_error(request, "NOPERM No permissions to access a key");
        break;
    case ACL_NO_CHANNEL:
        note_refusal(node, request, ACL_REASON_CHANNEL, object, name);
        reply_error(request, "NOPERM No permissions to access a channel");
        break;
    }
}

bool users_allow(struct node *node, struct request *request)
{
    const struct session *s = request->session;
    struct acl_question question = {
        .spec = request->spec, .args = request->args, .arg_count = request->arg_count, .db = s->db};
    struct acl_answer answer = acl_user_ask(s->user, &question);
    const char *refusal;

    if (UNLIKELY(answer.verdict != ACL_ALLOWED)) {
        refuse(node, request, answer);
        return false;
    }
    refusal = users_refuse_sort(s->user, &question);
    if (UNLIKELY(refusal != NULL)) {
        reply_error(request, "ERR %s", refusal);
        return false;
    }
    return true;
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void close_client(struct node *node, struct session *s, const struct session *self)
{
    if (!session_is_closing(s)) {
        node_close_session(node, s, s == self);
    }
}

static bool hears_what_it_may(const struct session *s)
{
    for (int kind = 0; s->listener != NULL && kind < PUBSUB_KINDS; kind++) {
        LIST_FOR_EACH (item, &s->listener->all[kind]) {
            const struct pubsub_subscription *subscription =
                CONTAINER_OF_CONST(item, struct pubsub_subscription, of_listener);

            if (!acl_user_allows_channel(s->user, subscription->topic->by_name.key,
                                         kind == PUBSUB_PATTERN)) {
                return false;
            }
        }
    }
    return true;
}

void users_changed(struct node *node, const struct acl_user *user, const struct session *self)
{
    bool is_open = acl_is_open(&node->users.acl);

    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        s->flags |= is_open ? SESSION_AUTHENTICATED : 0U;
        if (s->user == user) {
            act_as(s, user);
            if (!hears_what_it_may(s)) {
                close_client(node, s, self);
            }
        }
    }
}

void users_take_requirepass(struct node *node)
{
    acl_set_default_password(&node->users.acl, requirepass(node));
    users_changed(node, node->users.acl.default_user, NULL);
}

void users_remove(struct node *node, struct acl_user *user, const struct session *self)
{
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (s->user == user) {
            act_as(s, node->users.acl.default_user);
            close_client(node, s, self);
        }
    }
    acl_remove(&node->users.acl, user);
}

bool users_load(struct node *node, const struct session *self, struct buf *problems)
{
    struct acl old = node->users.acl;
    struct acl next;
    bool is_open;

    if (!read_file(node, &next, problems)) {
        return false;
    }
    node->users.acl = next;
    is_open = acl_is_open(&node->users.acl);
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);
        const struct acl_user *user = acl_find(&node->users.acl, buf_bytes(&s->user->name));

        act_as(s, user != NULL ? user : node->users.acl.default_user);
        s->flags |= is_open ? SESSION_AUTHENTICATED : 0U;
        if (user == NULL || !hears_what_it_may(s)) {
            close_client(node, s, self);
        }
    }
    acl_deinit(&old);
    return true;
}

void users_check(const struct node *node)
{
    acl_check(&node->users.acl);
    acl_log_check(&node->users.log);
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        ASSERT(acl_find(&node->users.acl, buf_bytes(&s->user->name)) == s->user);
        ASSERT(((s->flags & SESSION_LIMITED) != 0) == !s->user->is_unlimited);
    }
}
