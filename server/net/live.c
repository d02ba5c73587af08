/* SPDX-License-Identifier: MIT */
/* What the process has to do when CONFIG SET changes a directive.
 *
 * Everything that can fail comes first and can be taken back; what is left then cannot fail. */
#include "net/state.h"

#include "net/descriptors.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* A change under way: what is taken back when a later step fails. */
struct change {
    struct shell *shell;
    const struct config *now;
    struct config *next;
    struct listen_set listening;
    bool has_new_listeners;
    bool has_moved;
    bool has_new_claim;
    bool has_new_log;
    const char *culprit;
};

static bool is_changed(const char *a, const char *b)
{
    return strcmp(a, b) != 0;
}

static bool makes_sense(struct change *change, struct errmsg *error)
{
    struct buf problems = {0};
    struct bytes text;
    bool is_ok = config_validate(change->next, &problems);

    if (!is_ok) {
        text = buf_bytes(&problems);
        text = bytes_next_word(&text, '\n');
        errmsg_set(error, "%.*s", BYTES_ARGS(text));
    }
    buf_deinit(&problems);
    return is_ok;
}

/* Who may speak on the bus. */
static bool change_bus(struct change *change, struct errmsg *error)
{
    bool is_open = change->next->cluster_allow_open_bus != change->now->cluster_allow_open_bus;
    bool has_secret = is_changed(change->next->cluster_secret, change->now->cluster_secret);

    if (!is_open && !has_secret &&
        !is_changed(change->next->cluster_secret_previous, change->now->cluster_secret_previous)) {
        return true;
    }
    change->culprit = has_secret ? "cluster-secret"
                      : is_open  ? "cluster-allow-open-bus"
                                 : "cluster-secret-previous";
    return makes_sense(change, error);
}

static bool change_listeners(struct change *change, struct errmsg *error)
{
    const struct config *now = change->now;
    bool is_port = change->next->port != now->port;
    bool is_metrics_port = change->next->metrics_port != now->metrics_port;
    bool has_port = is_port || is_metrics_port;
    bool has_bind = is_changed(change->next->bind, now->bind);

    if (!has_port && !has_bind && !is_changed(change->next->metrics_bind, now->metrics_bind)) {
        return true;
    }
    change->culprit = is_port           ? "port"
                      : has_bind        ? "bind"
                      : is_metrics_port ? "metrics-port"
                                        : "metrics-bind";
    if (!makes_sense(change, error)) {
        return false;
    }
    if (!listen_open(change->shell, change->next, &change->listening, error)) {
        errmsg_wrap(error, has_port ? "Unable to listen on this port"
                                    : "Failed to bind to specified addresses");
        return false;
    }
    change->has_new_listeners = true;
    return true;
}

static bool change_maxclients(struct change *change, struct errmsg *error)
{
    change->culprit = "maxclients";
    return change->next->maxclients <= change->now->maxclients ||
           descriptors_raise(change->next, error);
}

/* Paths of files that are being read or written are relative to where we are. */
static bool change_dir(struct change *change, struct errmsg *error)
{
    char path[PATH_MAX];

    if (!is_changed(change->next->dir, change->now->dir)) {
        return true;
    }
    change->culprit = "dir";
    if (change->now->cluster_enabled) {
        errmsg_set(error, "the nodes file of a cluster stays where it is");
        return false;
    }
    if (change->now->appendonly) {
        errmsg_set(error, "the log stays where it is: set appendonly to no first");
        return false;
    }
    if (worker_is_writing(change->shell->worker) || node_needs_folder(change->shell->node)) {
        errmsg_set(error, "a file is being read or written, try again when that is done");
        return false;
    }
    if (chdir(change->next->dir) != 0) {
        errmsg_set(error, "%s", strerror(errno));
        return false;
    }
    change->has_moved = true;
    return getcwd(path, sizeof(path)) != NULL &&
           config_set(change->next, "dir", bytes_from_text(path), CONFIG_FROM_START, error);
}

static bool saves(const struct config *config)
{
    return config->save_point_count > 0;
}

/* Our own nodes file is claimed by us: no lock would refuse it. */
static bool change_dbfilename(struct change *change, struct errmsg *error)
{
    if (!is_changed(change->now->dbfilename, change->next->dbfilename)) {
        return true;
    }
    change->culprit = "dbfilename";
    return makes_sense(change, error);
}

/* The snapshot of a server with save points is claimed as long as it has that name. */
static bool change_claim(struct change *change, struct errmsg *error)
{
    const struct config *now = change->now;
    const struct config *next = change->next;
    bool is_other =
        is_changed(now->dir, next->dir) || is_changed(now->dbfilename, next->dbfilename);

    if (!saves(next) || (saves(now) && !is_other)) {
        return true;
    }
    change->culprit = is_changed(now->dbfilename, next->dbfilename) ? "dbfilename"
                      : is_changed(now->dir, next->dir)             ? "dir"
                                                                    : "save";
    if (!worker_claim(change->shell->worker, next->dbfilename, error)) {
        return false;
    }
    change->has_new_claim = true;
    return true;
}

/* The log is claimed from then on: it ends some time after it was turned off. */
static bool change_log(struct change *change, struct errmsg *error)
{
    if (change->now->appendonly || !change->next->appendonly) {
        return true;
    }
    change->culprit = "appendonly";
    change->has_new_log = worker_claim(change->shell->worker, change->next->appenddirname, error);
    return change->has_new_log;
}

static void take_back(struct change *change)
{
    if (change->has_new_log) {
        worker_unclaim(change->shell->worker, change->next->appenddirname);
    }
    if (change->has_new_claim) {
        worker_unclaim(change->shell->worker, change->next->dbfilename);
    }
    if (change->has_moved && chdir(change->now->dir) != 0) {
        log_line(change->shell->logger, LOG_WARNING, "cannot go back to %s: %s", change->now->dir,
                 strerror(errno));
    }
    if (change->has_new_listeners) {
        listen_discard(change->shell, &change->listening);
    }
}

static void finish(struct change *change)
{
    struct buf old_path = {0};

    if (saves(change->now) && (change->has_new_claim || !saves(change->next))) {
        buf_printf(&old_path, "%s/%s", change->now->dir, change->now->dbfilename);
        worker_unclaim(change->shell->worker, buf_text(&old_path));
        buf_deinit(&old_path);
    }
    if (change->has_new_listeners) {
        listen_adopt(change->shell, &change->listening);
    }
    change->shell->logger->threshold = (enum log_level)change->next->loglevel;
}

bool live_apply_config(void *context, const struct config *now, struct config *next,
                       const char **culprit, struct errmsg *error)
{
    struct change change = {.shell = context, .now = now, .next = next};

    if (change_bus(&change, error) && change_listeners(&change, error) &&
        change_maxclients(&change, error) && change_dbfilename(&change, error) &&
        change_dir(&change, error) && change_claim(&change, error) && change_log(&change, error)) {
        finish(&change);
        return true;
    }
    take_back(&change);
    *culprit = change.culprit;
    return false;
}
