/* SPDX-License-Identifier: MIT */
/* persist/posix_claim, between two processes: a parent and its child. */
#include "persist/posix_claim.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char dir[40];
    char path[80];
    char lock[80];
};

static struct place make_place(void)
{
    struct place p = {.dir = "/tmp/starling-claim-XXXXXX"};

    cr_assert_not_null(mkdtemp(p.dir));
    snprintf(p.path, sizeof(p.path), "%s/dump.rdb", p.dir);
    snprintf(p.lock, sizeof(p.lock), "%s/.dump.rdb.lock", p.dir);
    return p;
}

/* What a process that is not ours hears; *error comes back through a pipe. */
static enum fs_status claim_in_child(const char *path, struct errmsg *error)
{
    int ends[2];
    int status;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct posix_claims claims = {0};
        enum fs_status result = posix_claim(&claims, path, error);

        (void)!write(ends[1], error, sizeof(*error));
        _exit((int)result); /* without giving anything up, as in a crash */
    }
    cr_assert_eq(read(ends[0], error, sizeof(*error)), (ssize_t)sizeof(*error));
    cr_assert_eq(waitpid(child, &status, 0), child);
    close(ends[0]);
    close(ends[1]);
    return (enum fs_status)WEXITSTATUS(status);
}

Test(posix_claim, a_second_process_is_refused_and_told_who_has_the_file)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};
    char pid[32];

    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK, "%s", error.text);
    cr_assert_eq(claim_in_child(p.path, &error), FS_FAILED);
    cr_assert_not_null(strstr(error.text, pid), "%s", error.text);
    posix_claims_deinit(&claims);
    cr_assert_eq(claim_in_child(p.path, &error), FS_OK, "given up, it is free");
    unlink(p.lock);
    cr_assert_eq(rmdir(p.dir), 0);
}

Test(posix_claim, a_process_that_is_gone_has_no_claims)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};

    cr_assert_eq(claim_in_child(p.path, &error), FS_OK);
    cr_assert_eq(access(p.lock, F_OK), 0, "it left its lock file");
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK, "%s", error.text);
    posix_claims_deinit(&claims);
    cr_assert_eq(rmdir(p.dir), 0, "an orderly end leaves nothing");
}

/* A folder in the lock's place stands for a disk that is read-only: no lock can be made. */
Test(posix_claim, a_claim_that_could_not_be_made_is_made_up_for)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};

    cr_assert_eq(mkdir(p.lock, 0700), 0);
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK);
    cr_expect_eq(posix_claim_owed(&claims, &error), FS_OK, "still nobody can write");
    cr_assert_eq(rmdir(p.lock), 0);
    cr_expect_eq(posix_claim_owed(&claims, &error), FS_OK);
    cr_expect_eq(claim_in_child(p.path, &error), FS_FAILED, "it is ours now");
    posix_unclaim(&claims, p.path);
    cr_expect_eq(access(p.lock, F_OK), -1, "and is given up");
    posix_claims_deinit(&claims);
    cr_assert_eq(rmdir(p.dir), 0);
}

Test(posix_claim, who_was_late_with_a_claim_writes_nothing_any_more)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct posix_claims other = {0};
    struct errmsg error = {0};
    int ends[2];
    pid_t child;
    char byte;

    cr_assert_eq(mkdir(p.lock, 0700), 0);
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK);
    cr_assert_eq(rmdir(p.lock), 0);
    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        byte = posix_claim(&other, p.path, &error) == FS_OK ? 'y' : 'n';
        (void)!write(ends[1], &byte, 1);
        (void)pause();
        _exit(0);
    }
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    cr_expect_eq(posix_claim_owed(&claims, &error), FS_FAILED);
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect_eq(posix_claim_owed(&claims, &error), FS_FAILED, "the other one may have written");
    posix_claims_deinit(&claims);
    unlink(p.lock);
    cr_assert_eq(rmdir(p.dir), 0);
    close(ends[0]);
    close(ends[1]);
}

Test(posix_claim, a_claim_is_given_up_as_often_as_it_was_made)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};

    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK);
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK);
    posix_unclaim(&claims, p.path);
    cr_assert_eq(claim_in_child(p.path, &error), FS_FAILED);
    posix_unclaim(&claims, p.path);
    posix_unclaim(&claims, p.path);
    cr_assert_eq(claims.held.count, 0);
    posix_claims_deinit(&claims);
    cr_assert_eq(rmdir(p.dir), 0);
}

Test(posix_claim, other_names_in_the_folder_are_free_and_a_folder_that_is_missing_is_no_obstacle)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};
    char other[100];

    snprintf(other, sizeof(other), "%s/other.rdb", p.dir);
    cr_assert_eq(posix_claim(&claims, p.path, &error), FS_OK);
    cr_assert_eq(claim_in_child(other, &error), FS_OK);
    cr_assert_eq(posix_claim(&claims, "/nowhere/at/all", &error), FS_OK);
    posix_claims_deinit(&claims);
    snprintf(other, sizeof(other), "%s/.other.rdb.lock", p.dir);
    unlink(other);
    cr_assert_eq(rmdir(p.dir), 0);
}

Test(posix_claim, can_be_given_up_when_its_folder_is_gone)
{
    struct place p = make_place();
    struct posix_claims claims = {0};
    struct errmsg error = {0};

    cr_assert_eq(chdir(p.dir), 0);
    cr_assert_eq(posix_claim(&claims, "dump.rdb", &error), FS_OK);
    cr_assert_eq(posix_claim(&claims, "other.rdb", &error), FS_OK);
    unlink(p.lock);
    unlink(".other.rdb.lock");
    cr_assert_eq(rmdir(p.dir), 0);
    posix_unclaim(&claims, p.path);
    cr_assert_eq(claims.held.count, 1);
    posix_unclaim(&claims, "other.rdb");
    cr_assert_eq(claims.held.count, 0, "and its descriptor with it");
    posix_claims_deinit(&claims);
}
