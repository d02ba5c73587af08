/* SPDX-License-Identifier: MIT */
/* cli/preferences: lines of :set. */
#include "cli/preferences.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(const char *text, bool has_hints, const char *complaints)
{
    struct preferences preferences = {.has_hints = true};
    struct buf out = {0};

    preferences_take_text(&preferences, bytes_from_text(text), "rc", &out);
    cr_assert_eq(preferences.has_hints, has_hints, "%s", text);
    cr_assert_str_eq(buf_text(&out), complaints);
    buf_deinit(&out);
    cr_assert_eq(mem_used_total(), 0);
}

Test(preferences, lines_are_taken_in_order)
{
    expect("", true, "");
    expect(":set nohints", false, "");
    expect(":set nohints\n:SET Hints\n", true, "");
    expect("# mine\n\n  :set nohints \r\n", false, "");
}

Test(preferences, a_line_that_is_none_is_named_and_the_others_hold)
{
    expect("hints\n:set nohints\n:set\n:set colours\n\":set\n", false,
           "rc:1: a line says :set and a preference\n"
           "rc:3: Use: :set hints, or :set nohints\n"
           "rc:4: unknown starling-cli preference 'colours'\n"
           "rc:5: a line says :set and a preference\n");
}

Test(preferences, a_file_is_read_and_one_that_is_not_there_says_nothing)
{
    char path[] = "/tmp/starling-preferences-XXXXXX";
    int fd = mkstemp(path);
    struct preferences preferences = {.has_hints = true};
    struct buf out = {0};

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, ":set nohints\n", 13), 13);
    close(fd);
    preferences_load(&preferences, path, &out);
    cr_assert_not(preferences.has_hints);
    unlink(path);
    preferences_load(&preferences, path, &out);
    cr_assert_not(preferences.has_hints);
    cr_assert_str_eq(buf_text(&out), "");
    buf_deinit(&out);
}
