/* SPDX-License-Identifier: MIT */
/* systemd's protocol (sd_notify(3)) is a datagram of lines NAME=VALUE to the socket that
 * $NOTIFY_SOCKET names, a path or, with @, an abstract one. */
#include "net/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void notify(const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path != NULL ? strlen(path) : 0;
    ssize_t ignored;
    int fd;

    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    /* Nobody to tell when it fails. */
    ignored = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)(const void *)&to,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)ignored;
    close(fd);
}

struct supervisor supervisor_find(enum supervised wanted)
{
    struct supervisor supervisor = {.kind = wanted, .parent_fd = -1};

    if (wanted == SUPERVISED_AUTO) {
        supervisor.kind = getenv("NOTIFY_SOCKET") != NULL ? SUPERVISED_SYSTEMD
                          : getenv("UPSTART_JOB") != NULL ? SUPERVISED_UPSTART
                                                          : SUPERVISED_NO;
    }
    return supervisor;
}

/* Until the child serves (it says so with a byte) or has ended. */
static int wait_for_child(pid_t child, int fd)
{
    char byte;
    ssize_t got;
    int status = 0;

    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) {
        return 0;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void redirect_to_nowhere(int first, int last)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = first; null >= 0 && fd <= last; fd++) {
        dup2(null, fd);
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
}

bool supervisor_daemonize(struct supervisor *supervisor, struct errmsg *error)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        errmsg_set(error, "cannot go to the background: %s", strerror(errno));
        return false;
    }
    if (child > 0) {
        close(ends[1]);
        _exit(wait_for_child(child, ends[0]));
    }
    close(ends[0]);
    setsid();
    redirect_to_nowhere(STDIN_FILENO, STDOUT_FILENO);
    supervisor->parent_fd = ends[1];
    return true;
}

void supervisor_ready(struct supervisor *supervisor, const char *status)
{
    if (supervisor->parent_fd >= 0) {
        ssize_t ignored = write(supervisor->parent_fd, "1", 1);

        (void)ignored;
        close(supervisor->parent_fd);
        supervisor->parent_fd = -1;
        redirect_to_nowhere(STDERR_FILENO, STDERR_FILENO);
    }
    if (supervisor->kind == SUPERVISED_SYSTEMD) {
        char text[256];

        snprintf(text, sizeof(text), "STATUS=%s\nREADY=1\n", status);
        notify(text);
    } else if (supervisor->kind == SUPERVISED_UPSTART) {
        raise(SIGSTOP); /* upstart's expect stop: it lets us go on */
    }
}

void supervisor_status(const struct supervisor *supervisor, const char *status)
{
    if (supervisor->kind == SUPERVISED_SYSTEMD) {
        char text[256];

        snprintf(text, sizeof(text), "STATUS=%s\n", status);
        notify(text);
    }
}

void supervisor_stopping(struct supervisor *supervisor)
{
    if (supervisor->kind == SUPERVISED_SYSTEMD && !supervisor->is_stopping) {
        notify("STOPPING=1\nSTATUS=Saving and ending\n");
    }
    supervisor->is_stopping = true;
}
