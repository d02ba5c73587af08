/* SPDX-License-Identifier: MIT */
/* Accepting new connections, and resting from it. */
#include "net/state.h"

#include "io/clock.h"
#include "io/sock.h"

enum {
    ACCEPT_PAUSE_MS = 100,
};

/* When descriptors have run out, listeners rest for a while: those that wait would be ready in every
 * pass, and all of them in vain. */
static void watch_listeners(struct shell *shell, bool is_accepting)
{
    for (size_t i = 0; i < shell->listening.count; i++) {
        loop_modify(shell->loop, &shell->listening.items[i]->watch, is_accepting ? LOOP_READ : 0);
    }
}

static void rest(struct shell *shell)
{
    if (shell->is_accepting) {
        shell->is_accepting = false;
        shell->accepts_again_at = mono_add_ms(clock_mono_now(), ACCEPT_PAUSE_MS);
        watch_listeners(shell, false);
    }
}

void accepting_resume(struct shell *shell)
{
    if (!shell->is_accepting && mono_is_due(shell->accepts_again_at, clock_mono_now())) {
        shell->is_accepting = true;
        watch_listeners(shell, true);
    }
}

void accepting_take(struct shell *shell, struct listener *listener, const struct accepting *what)
{
    for (int i = 0; i < what->max; i++) {
        struct addr peer;
        struct errmsg error;
        int fd;

        switch (sock_accept(listener->watch.fd, &fd, &peer, &error)) {
        case SOCK_OK:
            if (!what->take_in(shell, listener, fd, &peer)) {
                return;
            }
            break;
        case SOCK_ERROR:
            log_line(shell->logger, LOG_WARNING, "accepting %s: %s", what->name, error.text);
            rest(shell);
            return;
        case SOCK_AGAIN:
        case SOCK_CLOSED:
            return;
        }
    }
}
