/* SPDX-License-Identifier: MIT */
/* fork, exec, wait; PR_SET_PDEATHSIG ties the server's life to ours. */
#include "tests/support/server.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/sock.h"
#include "persist/posix_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    START_TIMEOUT_MS = 30000,
    END_TIMEOUT_MS = 30000,
    BUS_OFFSET = 10000,
    FIRST_PORT = 12000,
    TREE_DESCRIPTORS = 8,
    AWAIT_PAUSE_MS = 2,
    PORT_COUNT =
        10000, /* with the bus ports below the range that the kernel gives to clients, and apart from those */
};

int64_t support_now_ms(void)
{
    return clock_mono_now().us / 1000;
}

void support_pause_ms(int64_t ms)
{
    poll(NULL, 0, (int)ms);
}

const char *server_bin_dir(void)
{
    const char *given = getenv("STARLING_BIN");

    return given != NULL ? given : "build/release/bin";
}

static struct {
    unsigned index, count;
} share = {0, 1};

void server_take_share(unsigned index, unsigned count)
{
    ASSERT(index < count);
    share.index = index;
    share.count = count;
}

static bool is_free(uint16_t port)
{
    struct addr at;
    struct sock_listen_options options = {.backlog = 1};
    struct errmsg error;
    int fd;

    if (!addr_parse(&at, "127.0.0.1", port)) {
        return false;
    }
    fd = sock_listen(&at, &options, &error);
    if (fd < 0) {
        return false;
    }
    sock_close(fd);
    return true;
}

static uint16_t find_port(void)
{
    struct rng rng;

    rng_init(&rng, (uint64_t)clock_mono_now().us * 31 + (uint64_t)getpid());
    for (int i = 0; i < 1000; i++) {
        uint16_t port = (uint16_t)(FIRST_PORT + share.index +
                                   rng_below(&rng, PORT_COUNT / share.count) * share.count);

        if (is_free(port) && is_free((uint16_t)(port + BUS_OFFSET))) {
            return port;
        }
    }
    return 0;
}

bool server_prepare(struct server *s, const char *program, struct errmsg *error)
{
    *s = (struct server){.port_flag = "--port", .bind_flag = "--bind"};
    snprintf(s->program, sizeof(s->program), "%s", program);
    snprintf(s->dir, sizeof(s->dir), "/tmp/starling-test-XXXXXX");
    if (mkdtemp(s->dir) == NULL) {
        errmsg_set(error, "cannot make a temporary folder: %s", strerror(errno));
        return false;
    }
    s->port = find_port();
    if (s->port == 0) {
        errmsg_set(error, "no free port was found");
        return false;
    }
    return true;
}

void server_add_arg(struct server *s, const char *arg)
{
    ASSERT(s->arg_count < SERVER_ARGS_MAX - 8);
    s->args[s->arg_count++] = mem_strdup(MEM_TEST, arg);
}

static bool choose_cpus(uint64_t mask)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (unsigned cpu = 0; cpu < 64; cpu++) {
        if (mask >> cpu & 1) {
            CPU_SET(cpu, &set);
        }
    }
    return mask == 0 || sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* Without the privilege to raise it again. */
static bool limit_descriptors(uint64_t count)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)count, .rlim_max = (rlim_t)count};

    if (count == 0) {
        return true;
    }
    if (geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1 &&
        prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE) != 0) {
        return false;
    }
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool become_user(const struct server *s)
{
    return s->user == 0 ||
           (chown(s->dir, (uid_t)s->user, (gid_t)-1) == 0 && setuid((uid_t)s->user) == 0);
}

static void run_child(const struct server *s, const char *program)
{
    char port[8];
    const char *argv[SERVER_ARGS_MAX + 8];
    size_t count = 0;
    int log;

    /* The parent may have gone before its death would be told, which a change of user makes forgotten. */
    if (!choose_cpus(s->cpu_mask) || !limit_descriptors(s->descriptors) || !become_user(s) ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == 1 || chdir(s->dir) != 0) {
        _exit(126);
    }
    log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) {
        _exit(126);
    }
    snprintf(port, sizeof(port), "%u", (unsigned)s->port);
    if (s->notify_socket[0] != '\0') {
        setenv("NOTIFY_SOCKET", s->notify_socket, 1);
    }
    argv[count++] = s->program; /* not where links lead: some programs go by this name */
    if (s->config_file[0] != '\0') {
        argv[count++] = s->config_file;
    }
    argv[count++] = s->port_flag;
    argv[count++] = port;
    argv[count++] = s->bind_flag;
    argv[count++] = "127.0.0.1";
    for (size_t i = 0; i < s->arg_count; i++) {
        argv[count++] = s->args[i];
    }
    argv[count] = NULL;
    execvp(program, (char *const *)(void *)argv);
    _exit(127);
}

bool server_launch(struct server *s, struct errmsg *error)
{
    char path[4096];
    const char *program = strchr(s->program, '/') != NULL ? realpath(s->program, path) : s->program;

    if (program == NULL) {
        errmsg_set(error, "there is no %s", s->program);
        return false;
    }
    s->pid = fork();
    if (s->pid < 0) {
        s->pid = 0;
        errmsg_set(error, "cannot fork: %s", strerror(errno));
        return false;
    }
    if (s->pid == 0) {
        run_child(s, program);
    }
    return true;
}

static bool answers(const struct server *s)
{
    struct client_options options = {.host = "127.0.0.1", .port = s->port, .timeout_ms = 1000};
    struct client *client = client_open(&options, NULL);
    struct resp_value value;
    bool is_there = false;

    if (client == NULL) {
        return false;
    }
    if (s->is_foreign) {
        client_close(client);
        return true;
    }
    client_send_texts(client, 1, "PING");
    if (client_read(client, &value, NULL) == CLIENT_OK) {
        is_there =
            value.type == RESP_SIMPLE || bytes_has_prefix(resp_value_bytes(&value), "NOAUTH");
        resp_value_deinit(&value);
    }
    client_close(client);
    return is_there;
}

bool server_start(struct server *s, struct errmsg *error)
{
    int64_t until = support_now_ms() + START_TIMEOUT_MS;
    int status;

    if (!server_launch(s, error)) {
        return false;
    }
    while (!answers(s)) {
        if (server_wait_end(s, 5, &status)) {
            struct buf log = {0};
            char path[SERVER_PATH_MAX + 8];

            snprintf(path, sizeof(path), "%s/log", s->dir);
            if (posix_read_file(path, 65536, &log, NULL) != FS_OK) {
                buf_append_text(&log, "(no log)");
            }
            errmsg_set(error, "the server ended with status %d: %s", status, buf_text(&log));
            buf_deinit(&log);
            return false;
        }
        if (support_now_ms() > until) {
            errmsg_set(error, "the server on port %u does not answer", (unsigned)s->port);
            return false;
        }
    }
    return true;
}

bool server_wait_end(struct server *s, int64_t timeout_ms, int *status)
{
    int64_t until = support_now_ms() + timeout_ms;

    while (s->pid != 0) {
        int raw;
        pid_t ended = waitpid(s->pid, &raw, WNOHANG);

        if (ended == s->pid) {
            *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
            s->pid = 0;
            return true;
        }
        if (support_now_ms() >= until) {
            return false;
        }
        support_pause_ms(2);
    }
    *status = 0;
    return true;
}

int server_signal(struct server *s, int number)
{
    int status = -1;

    if (s->pid == 0) {
        return -1;
    }
    kill(s->pid, number);
    if (number == SIGSTOP || number == SIGCONT) {
        return 0;
    }
    if (!server_wait_end(s, END_TIMEOUT_MS, &status)) {
        kill(s->pid, SIGKILL);
        if (server_wait_end(s, END_TIMEOUT_MS, &status)) {
            status = -1;
        }
    }
    return status;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void server_cleanup(struct server *s)
{
    if (s->pid != 0) {
        server_signal(s, SIGCONT);
        server_signal(s, SIGKILL);
    }
    if (s->dir[0] != '\0') {
        nftw(s->dir, remove_entry, TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    }
    for (size_t i = 0; i < s->arg_count; i++) {
        mem_free(MEM_TEST, s->args[i]);
    }
    *s = (struct server){0};
}

struct client *server_connect(const struct server *s, struct errmsg *error)
{
    struct client_options options = {.host = "127.0.0.1", .port = s->port, .timeout_ms = 10000};

    return client_open(&options, error);
}

bool server_await(struct client *client, const char *request, const char *words, int64_t limit_ms,
                  struct errmsg *error)
{
    int64_t until_ms = support_now_ms() + limit_ms;

    while (support_now_ms() < until_ms) {
        struct resp_value reply;
        bool is_there;

        client_send_raw(client, bytes_from_text(request));
        if (client_read(client, &reply, error) != CLIENT_OK) {
            return false;
        }
        is_there = strstr(buf_text(&reply.text), words) != NULL;
        resp_value_deinit(&reply);
        if (is_there) {
            return true;
        }
        support_pause_ms(AWAIT_PAUSE_MS);
    }
    errmsg_set(error, "%.40s does not come to %s", request, words);
    return false;
}

static bool read_proc(const struct server *s, const char *name, struct buf *out)
{
    char path[64];
    char piece[4096];
    FILE *file;
    size_t got;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)s->pid, name);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    got = fread(piece, 1, sizeof(piece), file);
    buf_append(out, piece, got);
    fclose(file);
    return got > 0;
}

/* The word at index of a file of /proc, as a number. */
static uint64_t proc_word(const struct server *s, const char *name, char after, int index)
{
    struct buf text = {0};
    struct bytes rest;
    uint64_t value = 0;

    if (read_proc(s, name, &text)) {
        rest = buf_bytes(&text);
        if (after != '\0') {
            rest = bytes_from(rest, bytes_find_byte(rest, after) + 1);
        }
        for (int i = 0; i < index; i++) {
            bytes_next_word(&rest, ' ');
        }
        if (!num_parse_u64(bytes_trim(bytes_next_word(&rest, ' ')), &value)) {
            value = 0;
        }
    }
    buf_deinit(&text);
    return value;
}

uint64_t server_resident_bytes(const struct server *s)
{
    return proc_word(s, "statm", '\0', 1) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t server_cpu_us(const struct server *s)
{
    /* utime and stime are words 14 and 15, counted from 1; the name in brackets is word 2. */
    uint64_t ticks = proc_word(s, "stat", ')', 11) + proc_word(s, "stat", ')', 12);

    return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* The word at index of each thread's schedstat, added up. */
static uint64_t sum_schedstat(const struct server *s, int index)
{
    char path[64];
    uint64_t total = 0;
    struct dirent *entry;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)s->pid);
    tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "task/%.20s/schedstat", entry->d_name);
            total += proc_word(s, path, '\0', index);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return total;
}

uint64_t server_cpu_ns(const struct server *s)
{
    return sum_schedstat(s, 0);
}

uint64_t server_wait_ns(const struct server *s)
{
    return sum_schedstat(s, 1);
}
