/* SPDX-License-Identifier: MIT */
/* Runs every file of the given folders (or the given files) through the fuzz target that it is
 * linked with: the corpus as a regression test, without libFuzzer.
 *
 *     replay tests/fuzz/corpus/fuzz_resp
 *
 * Fails when there is nothing to run. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buf bytes = {0};
    uint8_t *exact;
    size_t got;

    if (file == NULL) {
        perror(path);
        return false;
    }
    while ((got = fread(buf_reserve(&bytes, 65536), 1, 65536, file)) > 0) {
        bytes.len += got;
    }
    fclose(file);
    /* In memory of its exact size, so that a sanitizer sees the first byte read beyond it. */
    exact = malloc(bytes.len > 0 ? bytes.len : 1);
    if (bytes.len > 0) {
        memcpy(exact, bytes.data, bytes.len);
    }
    got = bytes.len;
    buf_deinit(&bytes); /* targets check that they leave no memory behind */
    LLVMFuzzerTestOneInput(exact, got);
    free(exact);
    return true;
}

/* How many files ran; -1 when one could not be read. */
static int run_folder(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *found;
    int count = 0;

    if (dir == NULL) {
        perror(path);
        return -1;
    }
    while (count >= 0 && (found = readdir(dir)) != NULL) {
        char name[4096];

        if (found->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, found->d_name);
            count = run_file(name) ? count + 1 : -1;
        }
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        struct stat info;
        int count;

        if (stat(argv[i], &info) != 0) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        count = S_ISDIR(info.st_mode) ? run_folder(argv[i]) : (run_file(argv[i]) ? 1 : -1);
        if (count < 0) {
            return EXIT_FAILURE;
        }
        total += count;
    }
    if (total == 0) {
        fprintf(stderr, "usage: %s <folder or file> ...: there was nothing to run\n", argv[0]);
        return EXIT_FAILURE;
    }
    printf("%d passed, 0 failed\n", total);
    return EXIT_SUCCESS;
}
