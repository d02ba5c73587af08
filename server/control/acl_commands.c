/* SPDX-License-Identifier: MIT */
/* ACL and its subcommands: users and what they may do. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"
#include "spec/command_docs.h"

enum {
    LOG_DEFAULT_COUNT = 10,
    GENPASS_DEFAULT_BITS = 256,
    GENPASS_MOST_BITS = 4096,
    SECRET_CHUNK = 256, /* bytes that are asked for at once, at most */
};

void control_acl(struct node *node, struct request *request)
{
    (void)node;
    /* Reached only without a subcommand, which the arity forbids. */
    reply_unknown_sub(request);
}

/* ---- users ------------------------------------------------------------------------------------ */

void control_acl_setuser(struct node *node, struct request *request)
{
    struct bytes name = request->args[2];
    struct errmsg error = {0};

    if (!acl_name_is_valid(name)) {
        reply_error(request, "ERR Usernames can't contain spaces or null characters");
        return;
    }
    if (!acl_set(&node->users.acl, name, request->args + 3, request->arg_count - 3, &error)) {
        reply_error(request, "ERR %s", error.text);
        return;
    }
    users_changed(node, acl_find(&node->users.acl, name), request->session);
    resp_write_ok(request->reply);
}

void control_acl_deluser(struct node *node, struct request *request)
{
    int64_t removed = 0;

    for (size_t i = 2; i < request->arg_count; i++) {
        if (bytes_equal_text(request->args[i], "default")) {
            reply_error(request, "ERR The 'default' user cannot be removed");
            return;
        }
    }
    for (size_t i = 2; i < request->arg_count; i++) {
        struct acl_user *user = acl_find(&node->users.acl, request->args[i]);

        if (user != NULL) {
            users_remove(node, user, request->session);
            removed++;
        }
    }
    resp_write_integer(request->reply, removed);
}

void control_acl_list(struct node *node, struct request *request)
{
    const struct acl *acl = &node->users.acl;
    struct buf line = {0};

    resp_write_array(request->reply, acl->users.count);
    for (size_t i = 0; i < acl->users.count; i++) {
        buf_clear(&line);
        acl_format_user(acl->users.items[i], &line);
        resp_write_bulk(request->reply, buf_bytes(&line));
    }
    buf_deinit(&line);
}

void control_acl_users(struct node *node, struct request *request)
{
    const struct acl *acl = &node->users.acl;

    resp_write_array(request->reply, acl->users.count);
    for (size_t i = 0; i < acl->users.count; i++) {
        resp_write_bulk(request->reply, buf_bytes(&acl->users.items[i]->name));
    }
}

void control_acl_whoami(struct node *node, struct request *request)
{
    (void)node;
    resp_write_bulk(request->reply, buf_bytes(&request->session->user->name));
}

/* ---- GETUSER ---------------------------------------------------------------------------------- */

static void write_field(struct resp_writer *w, const char *name, const struct acl_rules *rules,
                        void (*format)(const struct acl_rules *, struct buf *))
{
    struct buf text = {0};

    format(rules, &text);
    resp_write_bulk_text(w, name);
    resp_write_bulk(w, buf_bytes(&text));
    buf_deinit(&text);
}

/* Four pairs. */
static void write_rules(struct resp_writer *w, const struct acl_rules *rules)
{
    write_field(w, "commands", rules, acl_rules_format_commands);
    write_field(w, "keys", rules, acl_rules_format_keys);
    write_field(w, "channels", rules, acl_rules_format_channels);
    write_field(w, "databases", rules, acl_rules_format_databases);
}

static void write_flags(struct resp_writer *w, const struct acl_user *user)
{
    size_t count = 0;

    for (size_t i = 0; i < ACL_USER_FLAG_NAMES; i++) {
        count += acl_user_flag(user, i) != NULL;
    }
    resp_write_bulk_text(w, "flags");
    resp_write_set(w, count);
    for (size_t i = 0; i < ACL_USER_FLAG_NAMES; i++) {
        if (acl_user_flag(user, i) != NULL) {
            resp_write_bulk_text(w, acl_user_flag(user, i));
        }
    }
}

void control_acl_getuser(struct node *node, struct request *request)
{
    const struct acl_user *user = acl_find(&node->users.acl, request->args[2]);
    struct resp_writer *w = request->reply;
    char hash[ACL_PASSWORD_TEXT];

    if (user == NULL) {
        resp_write_null(w);
        return;
    }
    resp_write_map(w, 7);
    write_flags(w, user);
    resp_write_bulk_text(w, "passwords");
    resp_write_array(w, acl_passwords_count(&user->passwords));
    for (const struct acl_password *p = user->passwords.oldest; p != NULL; p = p->newer) {
        acl_password_format(p, hash);
        resp_write_bulk_text(w, hash);
    }
    write_rules(w, &user->rules);
    resp_write_bulk_text(w, "selectors");
    resp_write_array(w, user->selectors.count);
    for (size_t i = 0; i < user->selectors.count; i++) {
        resp_write_map(w, 4);
        write_rules(w, user->selectors.items[i]);
    }
}

/* ---- what there is to be allowed -------------------------------------------------------------- */

static void list_category(struct request *request, uint32_t bit)
{
    char name[COMMAND_FULL_NAME_SIZE];
    size_t count = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (int id = 0; id < COMMAND_COUNT; id++) {
            const struct command_spec *spec = command_spec((enum command_id)id);

            if ((command_categories(spec) & bit) == 0) {
                continue;
            }
            if (pass == 0) {
                count++;
            } else {
                command_full_name(spec, name, sizeof(name));
                resp_write_bulk_text(request->reply, name);
            }
        }
        if (pass == 0) {
            resp_write_array(request->reply, count);
        }
    }
}

void control_acl_cat(struct node *node, struct request *request)
{
    (void)node;
    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 2) {
        resp_write_array(request->reply, CATEGORY_COUNT);
        for (size_t i = 0; i < CATEGORY_COUNT; i++) {
            resp_write_bulk_text(request->reply, category_name(i));
        }
        return;
    }
    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        if (bytes_equal_nocase(request->args[2], category_name(i))) {
            list_category(request, UINT32_C(1) << i);
            return;
        }
    }
    reply_error(request, "ERR Unknown category '%.*s'",
                request->args[2].len < 128 ? (int)request->args[2].len : 128,
                request->args[2].data);
}

/* ---- DRYRUN ----------------------------------------------------------------------------------- */

/* Why not, in words that name everything. */
static void write_refusal(struct request *request, const struct acl_user *user,
                          const struct acl_question *question, struct acl_answer answer)
{
    struct resp_writer *w = request->reply;
    struct bytes name = buf_bytes(&user->name);
    struct bytes object = question->args[answer.word];
    char full[COMMAND_FULL_NAME_SIZE];

    command_full_name(question->spec, full, sizeof(full));
    switch (answer.verdict) {
    case ACL_ALLOWED:
        break;
    case ACL_NO_COMMAND:
        resp_write_bulk_printf(w, "User %.*s has no permissions to run the '%s' command",
                               BYTES_ARGS(name), full);
        break;
    case ACL_NO_DATABASE:
        resp_write_bulk_printf(w, "User %.*s has no permissions to access database",
                               BYTES_ARGS(name));
        break;
    case ACL_NO_KEY:
        resp_write_bulk_printf(w, "User %.*s has no permissions to access the '%.*s' key",
                               BYTES_ARGS(name), BYTES_ARGS(object));
        break;
    case ACL_NO_CHANNEL:
        resp_write_bulk_printf(w, "User %.*s has no permissions to access the '%.*s' channel",
                               BYTES_ARGS(name), BYTES_ARGS(object));
        break;
    }
}

/* The command that words name, and whether they are enough; false after an error was replied. */
static bool find_command(struct request *request, struct acl_question *question)
{
    const struct command_spec *spec = command_find(question->args[0]);
    char name[COMMAND_FULL_NAME_SIZE];

    if (spec != NULL && question->arg_count > 1 && command_has_subcommands(spec)) {
        spec = command_find_sub(spec, question->args[1]);
    }
    if (spec == NULL) {
        reply_error(request, "ERR Command '%.*s' not found",
                    question->args[0].len < 128 ? (int)question->args[0].len : 128,
                    question->args[0].data);
        return false;
    }
    if (!command_arity_fits(spec, question->arg_count)) {
        command_full_name(spec, name, sizeof(name));
        reply_error(request, "ERR wrong number of arguments for '%s' command", name);
        return false;
    }
    question->spec = spec;
    return true;
}

void control_acl_dryrun(struct node *node, struct request *request)
{
    const struct acl_user *user = acl_find(&node->users.acl, request->args[2]);
    struct acl_question question = {
        .args = request->args + 3, .arg_count = request->arg_count - 3, .db = request->session->db};
    struct acl_answer answer;
    const char *refusal;

    if (user == NULL) {
        reply_error(request, "ERR User '%.*s' not found",
                    request->args[2].len < 128 ? (int)request->args[2].len : 128,
                    request->args[2].data);
        return;
    }
    if (!find_command(request, &question)) {
        return;
    }
    answer = acl_user_ask(user, &question);
    refusal = answer.verdict == ACL_ALLOWED ? users_refuse_sort(user, &question) : NULL;
    if (answer.verdict != ACL_ALLOWED) {
        write_refusal(request, user, &question, answer);
    } else if (refusal != NULL) {
        resp_write_bulk_text(request->reply, refusal);
    } else {
        resp_write_ok(request->reply);
    }
}

/* ---- GENPASS ---------------------------------------------------------------------------------- */

static void fill_secret(struct node *node, unsigned char *out, size_t len)
{
    ASSERT(len <= SECRET_CHUNK);
    if (node->env.secret_bytes != NULL) {
        node->env.secret_bytes(node->env.context, out, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)rng_below(&node->rng, 256);
    }
}

void control_acl_genpass(struct node *node, struct request *request)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char secret[SECRET_CHUNK];
    char text[GENPASS_MOST_BITS / 4];
    int64_t bits = GENPASS_DEFAULT_BITS;
    size_t count;

    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 3 && !num_parse_i64(request->args[2], &bits)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    if (bits < 1 || bits > GENPASS_MOST_BITS) {
        reply_error(request, "ERR ACL GENPASS argument must be the number of bits for the output "
                             "password, a positive number up to 4096");
        return;
    }
    count = ((size_t)bits + 3) / 4;
    for (size_t i = 0; i < count; i++) {
        if (i % SECRET_CHUNK == 0) {
            fill_secret(node, secret, sizeof(secret));
        }
        text[i] = digits[secret[i % SECRET_CHUNK] & 15];
    }
    resp_write_bulk(request->reply, bytes_make(text, count));
}

/* ---- LOG -------------------------------------------------------------------------------------- */

static void write_pair(struct resp_writer *w, const char *name, struct bytes value)
{
    resp_write_bulk_text(w, name);
    resp_write_bulk(w, value);
}

static void write_entry(struct resp_writer *w, const struct acl_log_entry *entry, int64_t now_ms)
{
    resp_write_map(w, 10);
    resp_write_bulk_text(w, "count");
    resp_write_integer(w, (int64_t)entry->count);
    write_pair(w, "reason", bytes_from_text(acl_reason_name(entry->reason)));
    write_pair(w, "context", bytes_from_text(acl_context_name(entry->context)));
    write_pair(w, "object", buf_bytes(&entry->object));
    write_pair(w, "username", buf_bytes(&entry->user));
    resp_write_bulk_text(w, "age-seconds");
    resp_write_double(w, (double)(now_ms - entry->updated_unix_ms) / 1000);
    write_pair(w, "client-info", buf_bytes(&entry->client));
    resp_write_bulk_text(w, "entry-id");
    resp_write_integer(w, (int64_t)entry->id);
    resp_write_bulk_text(w, "timestamp-created");
    resp_write_integer(w, entry->created_unix_ms);
    resp_write_bulk_text(w, "timestamp-last-updated");
    resp_write_integer(w, entry->updated_unix_ms);
}

void control_acl_log(struct node *node, struct request *request)
{
    struct acl_log *log = &node->users.log;
    int64_t count = LOG_DEFAULT_COUNT;
    int64_t written = 0;

    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 3 && bytes_equal_nocase(request->args[2], "RESET")) {
        acl_log_clear(log);
        resp_write_ok(request->reply);
        return;
    }
    if (request->arg_count == 3 && !num_parse_i64(request->args[2], &count)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    count = count < 0 ? 0 : count < (int64_t)log->count ? count : (int64_t)log->count;
    resp_write_array(request->reply, (size_t)count);
    LIST_FOR_EACH (item, &log->entries) {
        if (written++ == count) {
            break;
        }
        write_entry(request->reply, CONTAINER_OF(item, struct acl_log_entry, all),
                    node->now.unix_ms);
    }
}

/* ---- the file --------------------------------------------------------------------------------- */

static bool has_file(const struct node *node, struct request *request)
{
    if (node->config.aclfile[0] == '\0') {
        reply_error(request,
                    "ERR This Redis instance is not configured to use an ACL file. You may want to "
                    "specify users via the ACL SETUSER command and then issue a CONFIG REWRITE "
                    "(assuming you have a Redis configuration file set) in order to store users in "
                    "the Redis configuration.");
        return false;
    }
    return true;
}

void control_acl_load(struct node *node, struct request *request)
{
    struct buf problems = {0};

    if (!has_file(node, request)) {
        return;
    }
    if (users_load(node, request->session, &problems)) {
        resp_write_ok(request->reply);
    } else {
        reply_error(request, "ERR %s", buf_text(&problems));
    }
    buf_deinit(&problems);
}

void control_acl_save(struct node *node, struct request *request)
{
    if (!has_file(node, request)) {
        return;
    }
    if (files_is_writing(node, FILE_ACL)) {
        reply_error(request, "ERR ACL SAVE: already in progress");
        return;
    }
    users_save(node);
    waiting_hold(node, request->session, HOLD_ACL, MONO_NEVER);
}

void control_acl_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CAT [<category>]",
        "    List the categories of commands, or the commands of one.",
        "DELUSER <username> [<username> ...]",
        "    Remove users, and close their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Tell whether the user may run the command, without running it.",
        "GETUSER <username>",
        "    Return the rules of a user.",
        "GENPASS [<bits>]",
        "    Return a password of 256 random bits, or of so many.",
        "LIST",
        "    Return all users, as lines of a file of users.",
        "LOAD",
        "    Replace all users by those of the file of users.",
        "LOG [<count> | RESET]",
        "    Return what users were refused, the newest first, or forget it.",
        "SAVE",
        "    Write all users to the file of users.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Make a user, or change it, by these rules.",
        "USERS",
        "    Return the names of all users.",
        "WHOAMI",
        "    Return the user of this connection.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
