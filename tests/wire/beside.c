/* SPDX-License-Identifier: MIT */
#include "tests/wire/beside.h"

#include "base/assert.h"
#include "tests/support/server.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    pid_t pid; /* 0: none */
    size_t path;
    FILE *printed;
};

static void start(struct job *job, size_t share, size_t jobs, const char *path,
                  int (*run)(const char *path))
{
    pid_t parent = getpid();

    job->printed = tmpfile();
    if (job->printed == NULL) {
        fprintf(stderr, "cannot make a temporary file: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
    fflush(stdout); /* else the child prints it, too */
    job->pid = fork();
    if (job->pid < 0) {
        fprintf(stderr, "cannot start a process: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
    if (job->pid == 0) {
        int result;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
            dup2(fileno(job->printed), STDOUT_FILENO) < 0) {
            _exit(EXIT_FAILURE);
        }
        server_take_share((unsigned)share, (unsigned)jobs);
        result = run(path);
        exit(result); /* with what a sanitizer looks at in the end */
    }
}

static void show(FILE *printed)
{
    char piece[4096];
    size_t len;

    rewind(printed);
    while ((len = fread(piece, 1, sizeof(piece), printed)) > 0) {
        fwrite(piece, 1, len, stdout);
    }
    fclose(printed);
    fflush(stdout);
}

/* One that has ended. */
static struct job *wait_for_one(struct job *running, size_t jobs, int *status)
{
    pid_t pid;

    do {
        pid = waitpid(-1, status, 0);
    } while (pid < 0 && errno == EINTR);
    for (size_t i = 0; i < jobs; i++) {
        if (pid > 0 && running[i].pid == pid) {
            return &running[i];
        }
    }
    fprintf(stderr, "no script's process has ended, and none can\n");
    exit(EXIT_FAILURE);
}

void beside_run(char *const *paths, size_t count, size_t jobs, int (*run)(const char *path),
                int *results)
{
    struct job running[BESIDE_JOBS_MAX] = {0};
    size_t begun = 0;

    ASSERT(jobs > 0 && jobs <= BESIDE_JOBS_MAX);
    for (size_t ended = 0; ended < count; ended++) {
        struct job *job;
        int status;

        for (size_t i = 0; i < jobs && begun < count; i++) {
            if (running[i].pid == 0) {
                running[i].path = begun;
                start(&running[i], i, jobs, paths[begun++], run);
            }
        }
        job = wait_for_one(running, jobs, &status);
        show(job->printed);
        if (!WIFEXITED(status)) {
            printf("%s: ended by signal %d\n", paths[job->path], WTERMSIG(status));
        }
        results[job->path] = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        *job = (struct job){0};
    }
}
