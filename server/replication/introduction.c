/* SPDX-License-Identifier: MIT */
#include "replication/introduction.h"

#include "base/assert.h"
#include "base/sha256.h"
#include "resp/writer.h"

#include <string.h>

enum {
    PROOF_LEN = 2 * SHA256_SIZE, /* hex */
    SECRETS_MAX = 2,
    WORDS_FIRST = 8,
    WORDS_SECOND = 2,
};

static size_t list_secrets(const struct introduction_self *self, struct bytes out[SECRETS_MAX])
{
    out[0] = self->secret;
    out[1] = self->previous_secret;
    return self->secret.len > 0 && self->previous_secret.len > 0 ? 2 : 1;
}

static void make_proof(const struct introduction *in, struct bytes secret, const char *role,
                       struct bytes nonce, char out[PROOF_LEN])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[SHA256_SIZE];
    struct buf text = {0};

    buf_printf(&text, "starling %s %.*s %s %s %s", role, BYTES_ARGS(nonce), in->replica.text,
               in->shard.text, in->primary.text);
    sha256_hmac(secret, buf_bytes(&text), mac);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[2 * i] = digits[mac[i] >> 4];
        out[2 * i + 1] = digits[mac[i] & 15];
    }
    buf_deinit(&text);
}

static bool is_proof(const struct introduction *in, struct bytes secret, const char *role,
                     struct bytes shown)
{
    char expected[PROOF_LEN];

    make_proof(in, secret, role, bytes_from_text(in->nonce), expected);
    return shown.len == PROOF_LEN &&
           bytes_equal_constant_time(shown, bytes_make(expected, PROOF_LEN));
}

static bool is_nonce(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9') &&
            (text.data[i] < 'a' || text.data[i] > 'f')) {
            return false;
        }
    }
    return text.len == INTRODUCTION_NONCE_LEN;
}

static void draw_nonce(struct introduction *in, struct rng *rng)
{
    rng_hex(rng, in->nonce, INTRODUCTION_NONCE_LEN);
    in->nonce[INTRODUCTION_NONCE_LEN] = '\0';
}

/* ---- the replica ------------------------------------------------------------------------------ */

void introduction_begin(struct introduction *in, const struct introduction_self *self,
                        const struct cluster_id *primary, struct rng *rng, struct buf *out)
{
    *in = (struct introduction){
        .replica = self->node, .shard = self->shard, .primary = *primary, .is_begun = true};
    draw_nonce(in, rng);
    resp_write_request(
        out,
        (const struct bytes[]){BYTES_LITERAL("REPLCONF"), BYTES_LITERAL("node"),
                               bytes_from_text(in->replica.text), BYTES_LITERAL("node-shard"),
                               bytes_from_text(in->shard.text), BYTES_LITERAL("node-expects"),
                               bytes_from_text(in->primary.text), BYTES_LITERAL("node-nonce"),
                               bytes_from_text(in->nonce)},
        1 + WORDS_FIRST);
}

bool introduction_take_answer(struct introduction *in, const struct introduction_self *self,
                              struct bytes line, struct buf *out, struct errmsg *error)
{
    struct bytes rest =
        bytes_has_prefix(line, "+NODE ") ? bytes_from(line, strlen("+NODE ")) : (struct bytes){0};
    struct bytes id = bytes_next_word(&rest, ' ');
    struct bytes nonce = bytes_next_word(&rest, ' ');
    struct bytes secrets[SECRETS_MAX];
    size_t count = list_secrets(self, secrets);
    char proof[PROOF_LEN];
    struct bytes words[] = {BYTES_LITERAL("REPLCONF"), BYTES_LITERAL("node-proof"),
                            bytes_make(proof, PROOF_LEN)};

    ASSERT(in->is_begun && !in->is_proven);
    if (!bytes_equal_text(id, in->primary.text) || !is_nonce(nonce)) {
        errmsg_set(error, "it does not say that it is node %s", in->primary.text);
        return false;
    }
    while (rest.len > 0) {
        struct bytes shown = bytes_next_word(&rest, ' ');

        for (size_t i = 0; i < count; i++) {
            if (is_proof(in, secrets[i], "primary", shown)) {
                in->is_proven = true;
                make_proof(in, secrets[i], "replica", nonce, proof);
                resp_write_request(out, words, ARRAY_COUNT(words));
                return true;
            }
        }
    }
    errmsg_set(error, "it does not prove to be node %s: it has another cluster-secret",
               in->primary.text);
    return false;
}

/* ---- the primary ------------------------------------------------------------------------------ */

bool introduction_is(const struct bytes *words, size_t count)
{
    return (count == WORDS_FIRST && bytes_equal_nocase(words[0], "node")) ||
           (count == WORDS_SECOND && bytes_equal_nocase(words[0], "node-proof"));
}

static bool parse(struct introduction *in, const struct bytes *words, struct bytes *nonce)
{
    *in = (struct introduction){.is_begun = true};
    *nonce = words[7];
    return cluster_id_parse(words[1], &in->replica) && cluster_id_parse(words[3], &in->shard) &&
           cluster_id_parse(words[5], &in->primary) && is_nonce(*nonce) &&
           bytes_equal_nocase(words[2], "node-shard") &&
           bytes_equal_nocase(words[4], "node-expects") &&
           bytes_equal_nocase(words[6], "node-nonce");
}

static void answer(struct introduction *in, const struct introduction_self *self,
                   struct bytes nonce, struct rng *rng, struct buf *out)
{
    struct bytes secrets[SECRETS_MAX];
    size_t count = list_secrets(self, secrets);

    draw_nonce(in, rng);
    buf_printf(out, "+NODE %s %s", self->node.text, in->nonce);
    for (size_t i = 0; i < count; i++) {
        char proof[PROOF_LEN];

        make_proof(in, secrets[i], "primary", nonce, proof);
        buf_append_byte(out, ' ');
        buf_append(out, proof, PROOF_LEN);
    }
}

void introduction_take(struct introduction *in, const struct introduction_self *self,
                       const struct bytes *words, size_t count, struct rng *rng, struct buf *out)
{
    struct bytes secrets[SECRETS_MAX];
    size_t secret_count = list_secrets(self, secrets);
    struct bytes nonce;

    ASSERT(introduction_is(words, count));
    if (count == WORDS_SECOND) {
        for (size_t i = 0; i < secret_count && in->nonce[0] != '\0'; i++) {
            in->is_proven = in->is_proven || is_proof(in, secrets[i], "replica", words[1]);
        }
        in->nonce[0] = '\0'; /* it is good for one answer */
        buf_append_text(out, in->is_proven ? "+OK"
                                           : "-OTHERSECRET that does not prove the cluster-secret "
                                             "of this node");
        return;
    }
    if (!parse(in, words, &nonce)) {
        buf_append_text(out, "-ERR REPLCONF node: two nodes, a shard and a nonce are needed");
    } else if (!cluster_id_equal(&in->primary, &self->node)) {
        buf_printf(out, "-OTHERNODE this is node %s, not %s", self->node.text, in->primary.text);
    } else if (!cluster_id_equal(&in->shard, &self->shard)) {
        buf_printf(out, "-OTHERSHARD this node is of shard %s, node %s of %s", self->shard.text,
                   in->replica.text, in->shard.text);
    } else {
        answer(in, self, nonce, rng, out);
    }
}

bool introduction_permits(const struct introduction *in)
{
    return !in->is_begun || in->is_proven;
}
