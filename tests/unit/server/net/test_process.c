/* SPDX-License-Identifier: MIT */
/* net/process: what a process needs before it opens anything. */
#include "net/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

Test(process, nothing_that_is_opened_later_takes_the_number_of_a_standard_stream)
{
    int errors = dup(STDERR_FILENO);
    int fd;
    bool is_prepared;

    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        close(i);
    }
    is_prepared = process_prepare();
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(errors, STDERR_FILENO);
    cr_assert(is_prepared);
    cr_assert_gt(fd, STDERR_FILENO);
}

Test(process, a_write_that_the_system_refuses_does_not_end_it)
{
    struct rlimit limit = {.rlim_cur = 4, .rlim_max = 4};
    char path[] = "/tmp/starling-process-XXXXXX";
    int fd = mkstemp(path);
    int ends[2];

    signal(SIGXFSZ, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    cr_assert(process_prepare());
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_lt(write(ends[1], "text", 4), 0);
    unlink(path);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(write(fd, "text", 4), 4);
    cr_assert_lt(write(fd, "text", 4), 0);
}

Test(process, the_pid_file_is_removed_from_the_folder_in_which_it_was_written)
{
    char first[] = "/tmp/starling-process-XXXXXX";
    char second[] = "/tmp/starling-process-XXXXXX";
    struct errmsg error;

    cr_assert(mkdtemp(first) != NULL && mkdtemp(second) != NULL);
    cr_assert_eq(chdir(first), 0);
    cr_assert(process_write_pidfile("pid", &error), "%s", error.text);
    cr_assert_eq(chdir(second), 0);
    process_remove_pidfile();
    cr_assert_eq(rmdir(first), 0, "nothing is left in it");
    cr_assert_eq(rmdir(second), 0);
}
