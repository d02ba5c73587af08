/* SPDX-License-Identifier: MIT */
/* Histories by hand: one of each kind that must be refused, and its like that must not. */
#include "tests/sim/history.h"

#include "base/attr.h"

enum {
    OPS_MAX = 6,
    REIGNS_MAX = 2,
};

struct example {
    const char *name;
    enum history_verdict verdict;
    struct history_op ops[OPS_MAX]; /* until one that was never sent */
    struct history_reign reigns[REIGNS_MAX];
};

#define OP(name, what, from, to, in)                                                               \
    {                                                                                              \
        .kind = (name), .value = (what), .sent_us = (from), .returned_us = (to),                   \
        .is_answered = true, .reign = (in)                                                         \
    }
#define LOST(name, what, from, to)                                                                 \
    {                                                                                              \
        .kind = (name), .value = (what), .sent_us = (from), .returned_us = (to)                    \
    }
#define CONFIRMED(what, from, to, at, until)                                                       \
    {                                                                                              \
        .kind = HISTORY_SET, .value = (what), .sent_us = (from), .returned_us = (to),              \
        .is_answered = true, .confirmed_us = (at), .safe_until_us = (until)                        \
    }
#define ONE_REIGN                                                                                  \
    {                                                                                              \
        {                                                                                          \
            .life = 1, .began_us = 1                                                               \
        }                                                                                          \
    }
#define TWO_REIGNS                                                                                 \
    {                                                                                              \
        {.life = 1, .began_us = 1},                                                                \
        {                                                                                          \
            .life = 2, .began_us = 100                                                             \
        }                                                                                          \
    }
#define HANDED_OVER                                                                                \
    {                                                                                              \
        {.life = 1, .began_us = 1},                                                                \
        {                                                                                          \
            .life = 2, .began_us = 100, .keeps_all = true                                          \
        }                                                                                          \
    }

static const struct example examples[] = {
    {"a read sees the write before it",
     HISTORY_SOUND,  {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 7, 30, 40, 0)},
     ONE_REIGN  },
    {"a read that sees nothing of the write before it",
     HISTORY_BROKEN, {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 0, 30, 40, 0)},
     ONE_REIGN  },
    {"a read at the time of a write sees either",
     HISTORY_SOUND,  {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_SET, 8, 30, 60, 0), OP(HISTORY_READ, 7, 40, 50, 0)},
     ONE_REIGN  },
    {"a read that goes back behind another",
     HISTORY_BROKEN, {OP(HISTORY_SET, 7, 10, 60, 0), OP(HISTORY_READ, 7, 20, 30, 0),
      OP(HISTORY_READ, 0, 40, 50, 0)},
     ONE_REIGN  },
    {"a write without an answer may have been",
     HISTORY_SOUND,  {LOST(HISTORY_SET, 7, 10, 20), OP(HISTORY_READ, 7, 30, 40, 0)},
     ONE_REIGN  },
    {"a write without an answer that took effect after its connection was gone",
     HISTORY_BROKEN, {LOST(HISTORY_SET, 7, 10, 20), OP(HISTORY_READ, 0, 30, 40, 0), OP(HISTORY_READ, 7, 50, 60, 0)},
     ONE_REIGN  },
    {"two who add one count to two",
     HISTORY_SOUND,  {OP(HISTORY_ADD, 2, 10, 20, 0), OP(HISTORY_ADD, 1, 10, 20, 0)},
     ONE_REIGN  },
    {"one that was added is lost",
     HISTORY_BROKEN, {OP(HISTORY_ADD, 1, 10, 20, 0), OP(HISTORY_ADD, 1, 30, 40, 0)},
     ONE_REIGN  },
    {"one that was added twice",
     HISTORY_BROKEN, {OP(HISTORY_ADD, 1, 10, 20, 0), OP(HISTORY_READ, 2, 30, 40, 0)},
     ONE_REIGN  },
    {"a take-over may lose a write",
     HISTORY_SOUND,  {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 0, 110, 120, 1)},
     TWO_REIGNS },
    {"what a take-over has lost does not come back",
     HISTORY_BROKEN, {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 0, 110, 120, 1),
      OP(HISTORY_READ, 7, 130, 140, 1)},
     TWO_REIGNS },
    {"a take-over as planned loses nothing",
     HISTORY_BROKEN, {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 0, 110, 120, 1)},
     HANDED_OVER},
    {"a take-over loses what was confirmed",
     HISTORY_BROKEN, {CONFIRMED(7, 10, 20, 30, INT64_MAX), OP(HISTORY_READ, 0, 110, 120, 1)},
     TWO_REIGNS },
    {"a take-over may lose what was confirmed by who has lost its memory",
     HISTORY_SOUND,  {CONFIRMED(7, 10, 20, 30, 90), OP(HISTORY_READ, 0, 110, 120, 1)},
     TWO_REIGNS },
    {"who was replaced still answers",
     HISTORY_BROKEN, {OP(HISTORY_SET, 7, 10, 20, 0), OP(HISTORY_READ, 7, 110, 120, 0)},
     TWO_REIGNS },
};

bool history_check_itself(const char **which)
{
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        const struct example *e = &examples[i];
        struct buf why = {0};
        size_t ops = 0;
        size_t reigns = 0;
        enum history_verdict verdict;

        while (ops < OPS_MAX && e->ops[ops].sent_us > 0) {
            ops++;
        }
        while (reigns < REIGNS_MAX && e->reigns[reigns].life > 0) {
            reigns++;
        }
        verdict = history_check(e->ops, ops, e->reigns, reigns, &why);
        buf_deinit(&why);
        if (verdict != e->verdict) {
            *which = e->name;
            return false;
        }
    }
    return true;
}
