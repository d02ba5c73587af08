/* SPDX-License-Identifier: MIT */
#include "move/giver.h"

#include "base/assert.h"

/* What each event makes of each phase; GIVER_PHASES: it is not to be done now. */
static const enum giver_phase after[GIVER_PHASES][GIVER_EVENTS] = {
  /*                 WALK_BEGUN    IMAGE_OUT     NEXT           HOLD           LOG_OUT       COMMIT        TIME */
    [GIVER_TURN] = {GIVER_IMAGE,  GIVER_PHASES, GIVER_TURN,    GIVER_PHASES,  GIVER_PHASES, GIVER_PHASES,
                    GIVER_TURN                                                                                       },
    [GIVER_IMAGE] = {GIVER_PHASES, GIVER_LOG,    GIVER_IMAGE,   GIVER_PHASES,  GIVER_PHASES, GIVER_PHASES,
                    GIVER_IMAGE                                                                                      },
    [GIVER_LOG] = {GIVER_PHASES, GIVER_PHASES, GIVER_LOG,     GIVER_HOLDING, GIVER_LOG,    GIVER_PHASES,
                    GIVER_LOG                                                                                        },
    [GIVER_HOLDING] = {GIVER_PHASES, GIVER_PHASES, GIVER_HOLDING, GIVER_PHASES,  GIVER_HELD,
                    GIVER_PHASES,                                                                         GIVER_LOG  },
    [GIVER_HELD] = {GIVER_PHASES, GIVER_PHASES, GIVER_LOG,     GIVER_PHASES,  GIVER_PHASES, GIVER_GIVEN,
                    GIVER_LOG                                                                                        },
    [GIVER_GIVEN] = {GIVER_PHASES, GIVER_PHASES, GIVER_PHASES,  GIVER_PHASES,  GIVER_PHASES,
                    GIVER_PHASES,                                                                         GIVER_GIVEN},
};

void giver_init(struct giver *giver, struct mono_time now)
{
    *giver = (struct giver){.phase = GIVER_TURN, .hold_until = MONO_NEVER, .heard_at = now};
}

static bool is_question(enum giver_event event)
{
    return event == GIVER_EVENT_NEXT || event == GIVER_EVENT_HOLD || event == GIVER_EVENT_COMMIT;
}

bool giver_step(struct giver *giver, struct mono_time now, enum giver_event event)
{
    enum giver_phase next;

    ASSERT(event < GIVER_EVENTS);
    if (event == GIVER_EVENT_TIME && !mono_is_due(giver->hold_until, now)) {
        return false;
    }
    if (giver_holds(giver) && mono_is_due(giver->hold_until, now)) {
        giver->phase = GIVER_LOG; /* rule (1), whoever is late */
        giver->hold_until = MONO_NEVER;
    }
    next = after[giver->phase][event];
    if (is_question(event)) {
        giver->heard_at = now;
    }
    if (next == GIVER_PHASES) {
        return false;
    }
    giver->phase = next;
    if (event == GIVER_EVENT_HOLD) {
        giver->hold_until = mono_add_ms(now, GIVER_HOLD_MS);
    } else if (!giver_holds(giver)) {
        giver->hold_until = MONO_NEVER;
    }
    return true;
}

const char *giver_phase_name(enum giver_phase phase)
{
    static const char *const names[GIVER_PHASES] = {
        "turn", "image", "log", "holding", "held", "given",
    };

    return names[phase];
}
