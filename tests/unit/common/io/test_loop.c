/* SPDX-License-Identifier: MIT */
/* io/loop. */
#include "io/loop.h"

#include "tests/unit/common/io/pair.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    int fds[2];
    struct loop_watch watches[2];
};

static struct fixture start(uint32_t events)
{
    struct fixture f = {.loop = loop_new(NULL)};

    cr_assert_not_null(f.loop);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f.fds), 0);
    for (int i = 0; i < 2; i++) {
        f.watches[i] = (struct loop_watch){.fd = f.fds[i], .events = events, .kind = i};
    }
    return f;
}

static void watch_both(struct fixture *f)
{
    cr_assert(loop_watch(f->loop, &f->watches[0], NULL));
    cr_assert(loop_watch(f->loop, &f->watches[1], NULL));
}

static void stop(struct fixture *f)
{
    loop_unwatch(f->loop, &f->watches[0]);
    loop_unwatch(f->loop, &f->watches[1]);
    close(f->fds[0]);
    close(f->fds[1]);
    loop_free(f->loop);
}

Test(loop, readiness_is_reported_until_it_is_dealt_with)
{
    struct fixture f = start(LOOP_READ);
    struct loop_event *events;
    char byte;

    watch_both(&f);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0);
    cr_assert_eq(write(f.fds[0], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(loop_wait(f.loop, PATIENCE_MS, &events), 1);
        cr_assert_eq(events[0].watch, &f.watches[1]);
        cr_assert_eq(events[0].events, LOOP_READ);
    }
    cr_assert_eq(read(f.fds[1], &byte, 1), 1);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0);
    stop(&f);
}

Test(loop, what_is_waited_for_can_change)
{
    struct fixture f = start(0);
    struct loop_event *events;

    watch_both(&f);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0);
    loop_modify(f.loop, &f.watches[0], LOOP_READ | LOOP_WRITE);
    cr_assert_eq(loop_wait(f.loop, PATIENCE_MS, &events), 1);
    cr_assert_eq(events[0].events, LOOP_WRITE);
    loop_modify(f.loop, &f.watches[0], LOOP_READ);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0);
    stop(&f);
}

Test(loop, an_event_of_what_was_unwatched_meanwhile_is_void)
{
    struct fixture f = start(LOOP_WRITE);
    struct loop_event *events;
    int other;

    watch_both(&f);
    cr_assert_eq(loop_wait(f.loop, PATIENCE_MS, &events), 2);
    other = events[0].watch == &f.watches[0] ? 1 : 0;
    loop_unwatch(f.loop, &f.watches[other]);
    loop_unwatch(f.loop, &f.watches[other]);
    cr_assert_null(events[1].watch);
    cr_assert_not_null(events[0].watch);
    cr_assert_eq(loop_wait(f.loop, PATIENCE_MS, &events), 1);
    stop(&f);
}

Test(loop, a_hang_up_is_readiness_for_what_is_waited_for)
{
    struct fixture f = start(LOOP_READ);
    struct loop_event *events;
    char byte;

    cr_assert(loop_watch(f.loop, &f.watches[0], NULL));
    shutdown(f.fds[1], SHUT_RDWR);
    cr_assert_eq(loop_wait(f.loop, PATIENCE_MS, &events), 1);
    cr_assert_eq(events[0].events, LOOP_READ);
    cr_assert_eq(read(f.fds[0], &byte, 1), 0);
    stop(&f);
}

static void *wake(void *loop)
{
    loop_wake(loop);
    return NULL;
}

Test(loop, another_thread_can_end_the_wait)
{
    struct fixture f = start(LOOP_READ);
    struct loop_event *events;
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, wake, f.loop), 0);
    cr_assert_eq(loop_wait(f.loop, -1, &events), 0, "a wake-up is no event");
    cr_assert(loop_was_woken(f.loop));
    pthread_join(thread, NULL);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0, "and is over then");
    cr_assert_not(loop_was_woken(f.loop));
    stop(&f);
}

Test(loop, many_wake_ups_before_the_wait_count_as_one)
{
    struct fixture f = start(LOOP_READ);
    struct loop_event *events;

    for (int i = 0; i < 100; i++) {
        loop_wake(f.loop);
    }
    cr_assert_eq(loop_wait(f.loop, -1, &events), 0);
    cr_assert_eq(loop_wait(f.loop, 0, &events), 0);
    stop(&f);
}

Test(loop, hundreds_of_descriptors_all_get_their_turn)
{
    enum {
        PAIRS = 400
    };
    static struct loop_watch watches[PAIRS];
    static int others[PAIRS];
    struct loop *loop = loop_new(NULL);
    struct loop_event *events;
    size_t seen = 0;

    for (int i = 0; i < PAIRS; i++) {
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        others[i] = fds[1];
        watches[i] = (struct loop_watch){.fd = fds[0], .events = LOOP_WRITE};
        cr_assert(loop_watch(loop, &watches[i], NULL));
    }
    for (int wait = 0; wait < 4 && seen < PAIRS; wait++) {
        seen = loop_wait(loop, PATIENCE_MS, &events);
    }
    cr_assert_eq(seen, PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        loop_unwatch(loop, &watches[i]);
        close(watches[i].fd);
        close(others[i]);
    }
    loop_free(loop);
}
