/* SPDX-License-Identifier: MIT */
/* CLUSTER COPIES: what nodes that serve copies of our keys say and ask (node/lending.h). */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"
#include "spec/slot.h"

static void join(struct node *node, struct request *request)
{
    lending_join(node, request);
}

/* LEASE milliseconds [slot reads] ... */
static void lease(struct node *node, struct request *request)
{
    int64_t ms;

    if (request->arg_count < 4 || request->arg_count % 2 != 0 ||
        !num_parse_i64(request->args[3], &ms)) {
        reply_sub_misused(request);
        return;
    }
    for (size_t i = 4; i + 1 < request->arg_count; i += 2) {
        int64_t slot;
        int64_t reads;

        if (num_parse_i64(request->args[i], &slot) && slot >= 0 && slot < SLOT_COUNT &&
            num_parse_i64(request->args[i + 1], &reads) && reads >= 0) {
            hot_copies_note_reads(node, &request->session->feed->introduction.replica,
                                  (uint16_t)slot, (uint64_t)reads);
        }
    }
    lending_grant(node, request, ms);
}

static void ack(struct node *node, struct request *request)
{
    uint64_t version;

    if (request->arg_count != 4 || !num_parse_u64(request->args[3], &version)) {
        reply_sub_misused(request);
        return;
    }
    lending_take_ack(node, request, version);
}

static void fetch(struct node *node, struct request *request)
{
    if (request->arg_count != 4) {
        reply_sub_misused(request);
        return;
    }
    lending_fetch(node, request, request->args[3]);
}

static void stateful(struct node *node, struct request *request)
{
    int64_t slot;

    if (request->arg_count != 4 || !num_parse_i64(request->args[3], &slot) || slot < 0 ||
        slot >= SLOT_COUNT) {
        reply_sub_misused(request);
        return;
    }
    hot_copies_note_stateful(node, (uint16_t)slot);
    resp_write_simple(request->reply, "OK");
}

void control_cluster_copies(struct node *node, struct request *request)
{
    static const struct {
        const char *word;
        void (*run)(struct node *node, struct request *request);
    } forms[] = {
        {"JOIN",     join    },
        {"LEASE",    lease   },
        {"ACK",      ack     },
        {"FETCH",    fetch   },
        {"STATEFUL", stateful},
    };

    if (!answer_has_cluster(node, request) || !lending_knows(node, request)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (bytes_equal_nocase(request->args[2], forms[i].word)) {
            forms[i].run(node, request);
            return;
        }
    }
    reply_sub_misused(request);
}
