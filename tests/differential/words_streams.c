/* SPDX-License-Identifier: MIT */
/* Words that commands of streams take: ids, groups, consumers. */
#include "tests/differential/draw.h"

#include <stdio.h>

static void add_id_of(struct filling *f, unsigned highest_ms)
{
    char text[32];

    if (happens(f, 30)) {
        snprintf(text, sizeof(text), "%u", 1 + (unsigned)below(f, highest_ms));
    } else {
        snprintf(text, sizeof(text), "%u-%u", 1 + (unsigned)below(f, highest_ms),
                 (unsigned)below(f, 4));
    }
    command_add_text(f->command, text);
}

/* Not the highest there is, which a stock server takes for ">". */
void add_id(struct filling *f)
{
    static const char *const odd[] = {
        "0",
        "0-0",
        "0-1",
        "20-40",
        "18446744073709551615",
        "18446744073709551616-1",
        "1-18446744073709551615",
        "-1",
        "1-",
        "-",
        "x",
        "",
        "1-1-1",
        "01-02",
        "$",
        ">",
    };

    if (happens(f, 90)) {
        add_id_of(f, 20);
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

/* For XADD; the highest there is seldom comes, as nothing comes behind it. */
void add_new_id(struct filling *f)
{
    static const char *const odd[] = {
        "0-0", "0", "0-*", "x", "5-x", "", "-*", "20-**", "1-18446744073709551615"};
    char text[32];

    if (happens(f, 70)) {
        add_id_of(f, 20);
    } else if (happens(f, 75)) {
        snprintf(text, sizeof(text), "%u-*", 1 + (unsigned)below(f, 20));
        command_add_text(f->command, text);
    } else if (happens(f, 4)) {
        command_add_text(f->command, "18446744073709551615-18446744073709551615");
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

void add_id_end(struct filling *f)
{
    static const char *const odd[] = {"(",   "(-", "(+",
                                      "x",   "",   "(0-0",
                                      "((1", "-+", "(18446744073709551615-18446744073709551615"};
    char text[32];

    if (happens(f, 30)) {
        command_add_text(f->command, happens(f, 50) ? "-" : "+");
    } else if (happens(f, 60)) {
        add_id_of(f, 22);
    } else if (happens(f, 70)) {
        snprintf(text, sizeof(text), "(%u-%u", (unsigned)below(f, 22), (unsigned)below(f, 4));
        command_add_text(f->command, text);
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

void add_read_id(struct filling *f)
{
    static const char *const special[] = {"$", "0", "0", "0-0", "+", ">"};

    if (happens(f, 60)) {
        command_add_text(f->command, PICK(f, special));
    } else {
        add_id(f);
    }
}

/* Of MAXLEN or MINID. */
void add_threshold(struct filling *f)
{
    if (happens(f, 50)) {
        add_between(f, 0, 40);
    } else if (happens(f, 80)) {
        add_id_of(f, 20);
    } else {
        add_between(f, -700, 700);
    }
}

/* How long something is idle: nothing can be said about times in between. */
void add_idle(struct filling *f)
{
    static const char *const idle[] = {"0", "0", "0", "0", "1000000000", "2000000000"};
    static const char *const odd[] = {
        "-1", "x", "", "1.5", "9223372036854775807", "9223372036854775808"};

    command_add_text(f->command, happens(f, 92) ? PICK(f, idle) : PICK(f, odd));
}

void add_group(struct filling *f)
{
    static const char *const groups[] = {"g1", "g1", "g1", "g2", "g2", "g3"};

    command_add_text(f->command, happens(f, 96) ? PICK(f, groups) : happens(f, 50) ? "" : "none");
}

void add_consumer(struct filling *f)
{
    static const char *const consumers[] = {"amy", "bob", "cid", "dee"};

    command_add_text(f->command, happens(f, 97) ? PICK(f, consumers) : "");
}
