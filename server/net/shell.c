/* SPDX-License-Identifier: MIT */
/* The loop: wait, read everything that is ready, let the node run, write everything that came
 * of it. */
#include "net/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"
#include "net/footprint.h"
#include "persist/posix_file.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static struct moment env_now(void *context)
{
    (void)context;
    return clock_now();
}

static int64_t env_mono_ns(void *context)
{
    (void)context;
    return clock_mono_ns();
}

static void env_exit(void *context, int code)
{
    struct shell *shell = context;

    shell->has_ended = true;
    shell->exit_code = code;
}

static size_t env_resident_bytes(void *context)
{
    (void)context;
    return footprint_resident();
}

static void env_memory(void *context, struct env_memory *out)
{
    const struct shell *shell = context;

    footprint_measure(out);
    out->untouched = SCRATCH_BYTES - shell->scratch_touched;
}

static void env_cpu(void *context, struct env_cpu *out)
{
    (void)context;
    machine_cpu(out);
}

static int64_t env_loop_cpu_ns(void *context)
{
    (void)context;
    return clock_thread_cpu_ns();
}

static void env_sleep(void *context, int64_t us)
{
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    (void)context;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void env_secret_bytes(void *context, void *out, size_t len)
{
    (void)context;
    /* So few bytes are never given in part, nor refused once the kernel has begun. */
    ASSERT(len <= 256);
    if (getrandom(out, len, 0) != (ssize_t)len) {
        ASSERT(false);
    }
}

static void env_release_memory(void *context)
{
    (void)context;
    footprint_release();
}

static uint64_t seed_from_kernel(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        struct moment now = clock_now();

        seed = (uint64_t)now.mono.us * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)getpid();
    }
    return seed;
}

static void remove_leftover(void *context, const char *name)
{
    struct shell *shell = context;
    struct errmsg error;

    if (posix_file_is_leftover(name) && posix_remove(name, &error) == FS_OK) {
        log_line(shell->logger, LOG_NOTICE, "removed %s, left by a process that is gone", name);
    }
}

/* Is there a log in the folder?  Then it is ours from now on, also to be ended. */
static bool has_log(const struct shell *shell, const struct config *config)
{
    const struct fs *fs = worker_fs(shell->worker);
    struct fs_info info;

    return fs->get_info(fs->ctx, config->appenddirname, &info, NULL) == FS_OK;
}

/* Two servers with one nodes file would be one node twice, and two that save to one file, or write one log, would lose
 * each other's data.  A server that saves only when it is told to claims its file then. */
static bool claim_files(struct shell *shell, const struct config *config, struct errmsg *error)
{
    bool is_ok =
        config->save_point_count == 0 || worker_claim(shell->worker, config->dbfilename, error);

    is_ok = is_ok && (!(config->appendonly || has_log(shell, config)) ||
                      worker_claim(shell->worker, config->appenddirname, error));
    is_ok = is_ok && (!config->cluster_enabled ||
                      worker_claim(shell->worker, config->cluster_config_file, error));
    if (!is_ok) {
        errmsg_wrap(error, "folder %s", config->dir);
    }
    return is_ok;
}

static bool create_node(struct shell *shell, struct config *config, struct errmsg *error)
{
    struct node_options options = {
        .config = config,
        .env = &shell->env,
        .controls = shell->options.controls,
        .now = clock_now(),
        .seed = seed_from_kernel(),
        .pid = (uint64_t)getpid(),
        .until = shell->options.until,
    };

    machine_learn(&shell->machine, "no");
    shell->env = (struct env){
        .context = shell,
        .process = &shell->machine.process,
        .logger = shell->logger,
        .fs = worker_fs(shell->worker),
        .now = env_now,
        .mono_ns = env_mono_ns,
        .link_open = link_env_open,
        .link_send = link_env_send,
        .link_queued = link_env_queued,
        .link_close = link_env_close,
        .session_touched = conn_session_touched,
        .apply_config = live_apply_config,
        .exit = env_exit,
        .resident_bytes = env_resident_bytes,
        .secret_bytes = env_secret_bytes,
        .memory = env_memory,
        .cpu = env_cpu,
        .loop_cpu_ns = env_loop_cpu_ns,
        .release_memory = env_release_memory,
        .sleep = env_sleep,
    };
    if (posix_list(".", remove_leftover, shell, error) != FS_OK) {
        return false;
    }
    shell->node = node_new(&options, error);
    return shell->node != NULL;
}

static bool start_listening(struct shell *shell, const struct config *config, struct errmsg *error)
{
    struct listen_set next = {0};

    if (!listen_open(shell, config, &next, error)) {
        return false;
    }
    listen_adopt(shell, &next);
    return true;
}

struct shell *shell_new(const struct shell_options *options, struct errmsg *error)
{
    struct shell *shell = mem_alloc_zeroed(MEM_NET, sizeof(*shell));

    shell->options = *options;
    shell->logger = options->logger;
    shell->is_accepting = true;
    list_init(&shell->doomed);
    list_init(&shell->dirty);
    list_init(&shell->unproven);
    list_init(&shell->scrapes);
    shell->scratch = mem_alloc(MEM_NET, SCRATCH_BYTES);
    shell->loop = loop_new(error);
    if (shell->loop == NULL) {
        shell_free(shell);
        return NULL;
    }
    shell->worker = worker_new(shell->loop);
    /* Listening first: a second server on the same ports must not touch the first one's files. */
    if (!start_listening(shell, options->config, error) ||
        !claim_files(shell, options->config, error) ||
        !create_node(shell, options->config, error)) {
        shell_free(shell);
        return NULL;
    }
    return shell;
}

static void close_clients(struct shell *shell)
{
    struct session *s;

    while ((s = node_any_session(shell->node)) != NULL) {
        conn_close(shell, s->shell);
    }
}

void shell_free(struct shell *shell)
{
    if (shell->node != NULL) {
        close_clients(shell);
        node_free(shell->node);
    }
    if (shell->worker != NULL) {
        worker_free(shell->worker);
    }
    if (shell->loop != NULL) {
        link_close_all(shell);
        metrics_http_close_all(shell);
        listen_close(shell);
        loop_free(shell->loop);
    }
    VEC_DEINIT(&shell->touched);
    mem_free(MEM_NET, shell->scratch);
    mem_free(MEM_NET, shell);
}

void shell_call(struct shell *shell)
{
    shell->is_called = 1;
    loop_wake(shell->loop);
}

void shell_ask_to_end(struct shell *shell, int number)
{
    shell->is_asked_to_end = number;
    loop_wake(shell->loop);
}

static void take_outcomes(struct shell *shell)
{
    struct worker_outcome outcome;

    while (worker_next_outcome(shell->worker, &outcome)) {
        switch (outcome.kind) {
        case WORKER_FILE:
            node_file_done(shell->node, outcome.id, outcome.is_ok, &outcome.error);
            break;
        case WORKER_SYNCED:
            node_file_synced(shell->node, outcome.id, outcome.durable_bytes);
            break;
        case WORKER_RESOLVED:
            link_resolved(shell, &outcome);
            break;
        }
    }
}

static void end_pass(struct shell *shell)
{
    node_end_pass(shell->node);
    conn_write_touched(shell);
    link_write_dirty(shell);
    if (shell->scratch_used > shell->scratch_touched) {
        shell->scratch_touched = shell->scratch_used;
    }
    shell->scratch_used = 0;
}

static void shell_turn_over(struct shell *shell)
{
    struct moment now;

    end_pass(shell);
    now = clock_now();
    node_pass_over(shell->node, now.mono);
    node_begin_pass(shell->node, now);
}

static void dispatch(struct shell *shell, const struct loop_event *event)
{
    struct loop_watch *watch;

    /* What was read must stay in place until it has run. */
    if (SCRATCH_BYTES - shell->scratch_used < READ_BYTES) {
        shell_turn_over(shell);
    }
    /* Only now: a turn may have closed what this event was for. */
    watch = event->watch;
    if (watch == NULL) {
        return;
    }
    switch ((enum watch_kind)watch->kind) {
    case WATCH_CLIENT_LISTENER:
        conn_accept_all(shell, watch->owner);
        break;
    case WATCH_BUS_LISTENER:
        link_accept_all(shell, watch->owner);
        break;
    case WATCH_CONN:
        conn_ready(shell, watch->owner, event->events);
        break;
    case WATCH_LINK:
        link_ready(shell, watch->owner, event->events);
        break;
    case WATCH_METRICS_LISTENER:
        metrics_http_accept_all(shell, watch->owner);
        break;
    case WATCH_SCRAPE:
        metrics_http_ready(shell, watch->owner, event->events);
        break;
    }
}

static int64_t wait_ms(const struct shell *shell, struct mono_time now)
{
    struct mono_time at = node_wake_at(shell->node);
    int64_t us;

    if (!shell->is_accepting) {
        at = mono_earlier(at, shell->accepts_again_at);
    }
    us = at.us - now.us;
    if (us <= 0) {
        return 0;
    }
    return us / 1000 + 1 < 1000 ? us / 1000 + 1 : 1000;
}

static void tell(const struct shell *shell, void (*listener)(void *context))
{
    if (listener != NULL) {
        listener(shell->options.context);
    }
}

int shell_run(struct shell *shell)
{
    struct mono_time over_at = clock_mono_now(); /* the pass before */

    while (!shell->has_ended) {
        struct loop_event *events;
        size_t count = loop_wait(shell->loop, wait_ms(shell, over_at), &events);
        struct moment now = clock_now();

        node_begin_pass(shell->node, now);
        accepting_resume(shell);
        link_check_unproven(shell);
        metrics_http_check_slow(shell);
        if (shell->is_called || mono_ms_between(shell->second_began_at, now.mono) >= 1000) {
            shell->is_called = 0;
            shell->second_began_at = now.mono;
            tell(shell, shell->options.on_second);
        }
        for (size_t i = 0; i < count; i++) {
            dispatch(shell, &events[i]);
        }
        if (loop_was_woken(shell->loop)) {
            take_outcomes(shell);
        }
        if (shell->is_asked_to_end) {
            int asked_by = shell->is_asked_to_end;

            shell->is_asked_to_end = 0;
            tell(shell, shell->options.on_ending);
            node_shutdown(shell->node, asked_by == SIGINT);
        }
        end_pass(shell);
        if (!shell->is_ready && !shell->has_ended && !node_is_loading(shell->node)) {
            shell->is_ready = true;
            tell(shell, shell->options.on_ready);
        }
        link_free_doomed(shell);
        over_at = clock_mono_now();
        node_pass_over(shell->node, over_at);
    }
    return shell->exit_code;
}
