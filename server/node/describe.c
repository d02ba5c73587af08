/* SPDX-License-Identifier: MIT */
/* What a node was doing, for the report of a crash. */
#include "node/inside.h"

enum {
    DESCRIBED_WORDS = 16,
};

/* What was asked, without saying what with: words may be secrets. */
static void describe(const struct bytes *words, size_t count, struct buf *out)
{
    const struct command_spec *spec = command_find(words[0]);
    const struct command_spec *sub = NULL;

    if (spec != NULL && count > 1 && command_has_subcommands(spec)) {
        sub = command_find_sub(spec, words[1]);
    }
    buf_printf(out, "%s%s%s, %zu words of", spec != NULL ? spec->name : "an unknown command",
               sub != NULL ? "|" : "", sub != NULL ? sub->name : "", count);
    for (size_t i = 0; i < count && i < DESCRIBED_WORDS; i++) {
        buf_printf(out, " %zu", words[i].len);
    }
    buf_append_text(out, count > DESCRIBED_WORDS ? " ... bytes" : " bytes");
}

void node_describe_request(const struct node *node, struct buf *out)
{
    const struct request *r = node->batch.running;
    const struct request *inner = node->transaction.running;

    if (node->apply.running != NULL) {
        describe(node->apply.running, node->apply.running_count, out);
        buf_append_text(out, ", from our primary");
    } else if (r != NULL) {
        if (inner != NULL) {
            describe(inner->args, inner->arg_count, out);
            buf_append_text(out, ", in ");
        }
        describe(r->args, r->arg_count, out);
        buf_printf(out, ", from client %llu at %s", (unsigned long long)r->session->id,
                   r->session->peer.address);
    } else {
        buf_append_text(out, "none");
    }
}
