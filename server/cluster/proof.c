/* SPDX-License-Identifier: MIT */
#include "cluster/proof.h"

#include "base/assert.h"
#include "base/codec.h"
#include "cluster/frame.h"

#include <string.h>

enum {
    BODY_AT = FRAME_HEAD_BYTES,
    MARK_BYTES = 8,
};

struct greeting {
    struct proof_self self;
    bool has_secret;
    struct bytes proofs;
};

static struct bytes mac_bytes(const uint8_t mac[SHA256_SIZE])
{
    return bytes_make(mac, SHA256_SIZE);
}

static void encode_greeting(uint8_t type, const struct proof_self *self,
                            const struct proof_secrets *secrets, struct rng *rng,
                            size_t proof_bytes, struct buf *out)
{
    frame_encode_head(out, type, secrets->current.len > 0 ? PROOF_HAS_SECRET : 0,
                      PROOF_GREETING_BYTES + proof_bytes);
    cluster_id_encode(out, &self->node);
    encode_u64_be(out, self->start);
    for (int i = 0; i < PROOF_NONCE_BYTES; i += 8) {
        encode_u64_be(out, rng_u64(rng));
    }
}

static bool decode_greeting(struct bytes in, uint8_t type, struct greeting *out,
                            struct errmsg *error)
{
    struct decoder d = decoder_make(bytes_from(in, in.len < BODY_AT ? in.len : BODY_AT));
    struct frame_head head;

    *out = (struct greeting){0};
    if (!frame_decode_head(in, &head, error)) {
        return false;
    }
    cluster_id_decode(&d, &out->self.node);
    out->self.start = decode_u64_be(&d);
    (void)decode_bytes(&d, PROOF_NONCE_BYTES);
    out->has_secret = (head.flags & PROOF_HAS_SECRET) != 0;
    out->proofs = decode_bytes(&d, decoder_left(&d));
    if (!decoder_is_ok(&d) || head.type != type || cluster_id_is_none(&out->self.node) ||
        out->self.start == 0 || out->proofs.len % SHA256_SIZE != 0 ||
        out->proofs.len > (type == PROOF_WELCOME ? PROOF_SECRETS_MAX * SHA256_SIZE : 0)) {
        errmsg_set(error, "the greeting is malformed");
        return false;
    }
    return true;
}

static bool check_secrets(const struct greeting *greeting, const struct proof_secrets *secrets,
                          struct errmsg *error)
{
    bool has_secret = secrets->current.len > 0;

    if (greeting->has_secret != has_secret) {
        errmsg_set(error, has_secret ? "the other side has no cluster-secret"
                                     : "the other side has a cluster-secret, and none is set here");
        return false;
    }
    return true;
}

uint64_t proof_mark(struct bytes secret)
{
    uint8_t mac[SHA256_SIZE];
    struct decoder d;

    sha256_hmac(secret, BYTES_LITERAL("starling mark"), mac);
    d = decoder_make(bytes_make(mac, MARK_BYTES));
    return decode_u64_be(&d);
}

/* All keys of one secret, and the acceptor's proof of it. */
static void derive(struct bytes secret, struct bytes hello, struct bytes welcome, bool is_opener,
                   struct proof_keys *keys, uint8_t proof[SHA256_SIZE])
{
    uint8_t base[SHA256_SIZE];
    char both[2 * PROOF_GREETING_BYTES];
    uint8_t *to_acceptor = is_opener ? keys->send : keys->receive;
    uint8_t *to_opener = is_opener ? keys->receive : keys->send;

    ASSERT(hello.len == PROOF_GREETING_BYTES && welcome.len == PROOF_GREETING_BYTES);
    memcpy(both, hello.data, PROOF_GREETING_BYTES);
    memcpy(both + PROOF_GREETING_BYTES, welcome.data, PROOF_GREETING_BYTES);
    sha256_hmac(secret, bytes_make(both, sizeof(both)), base);
    sha256_hmac(mac_bytes(base), BYTES_LITERAL("starling to acceptor"), to_acceptor);
    sha256_hmac(mac_bytes(base), BYTES_LITERAL("starling to opener"), to_opener);
    sha256_hmac(mac_bytes(base), BYTES_LITERAL("starling welcome"), proof);
    keys->mark = proof_mark(secret);
}

static size_t list_secrets(const struct proof_secrets *secrets, struct bytes out[PROOF_SECRETS_MAX])
{
    out[0] = secrets->current;
    out[1] = secrets->previous;
    return secrets->current.len > 0 && secrets->previous.len > 0 ? 2 : 1;
}

void proof_greet(struct proof *proof, const struct proof_self *self,
                 const struct proof_secrets *secrets, struct rng *rng, struct buf *out)
{
    size_t start = out->len;

    ASSERT(self->start != 0);
    *proof = (struct proof){.phase = PROOF_GREETED};
    encode_greeting(PROOF_HELLO, self, secrets, rng, 0, out);
    ASSERT(out->len - start == PROOF_GREETING_BYTES);
    memcpy(proof->greeting, out->data + start, PROOF_GREETING_BYTES);
}

bool proof_answer(struct proof *proof, struct bytes hello, const struct proof_self *self,
                  const struct proof_secrets *secrets, struct rng *rng, struct buf *out,
                  struct errmsg *error)
{
    struct bytes list[PROOF_SECRETS_MAX];
    size_t count = list_secrets(secrets, list);
    size_t start = out->len;
    struct greeting greeting;

    ASSERT(self->start != 0);
    if (!decode_greeting(hello, PROOF_HELLO, &greeting, error) ||
        !check_secrets(&greeting, secrets, error)) {
        return false;
    }
    *proof = (struct proof){.phase = PROOF_GREETED, .peer = greeting.self, .key_count = count};
    encode_greeting(PROOF_WELCOME, self, secrets, rng, count * SHA256_SIZE, out);
    for (size_t i = 0; i < count; i++) {
        uint8_t mac[SHA256_SIZE];

        derive(list[i], hello, bytes_make(out->data + start, PROOF_GREETING_BYTES), false,
               &proof->keys[i], mac);
        buf_append_bytes(out, mac_bytes(mac));
    }
    return true;
}

bool proof_take_welcome(struct proof *proof, struct bytes welcome,
                        const struct proof_secrets *secrets, struct errmsg *error)
{
    struct bytes list[PROOF_SECRETS_MAX];
    size_t count = list_secrets(secrets, list);
    struct greeting greeting;

    if (proof->phase != PROOF_GREETED || proof->key_count > 0) {
        errmsg_set(error, "nobody asked for this greeting");
        return false;
    }
    if (!decode_greeting(welcome, PROOF_WELCOME, &greeting, error) ||
        !check_secrets(&greeting, secrets, error)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t mac[SHA256_SIZE];

        derive(list[i], bytes_make(proof->greeting, PROOF_GREETING_BYTES),
               bytes_prefix(welcome, PROOF_GREETING_BYTES), true, &proof->keys[0], mac);
        for (size_t at = 0; at < greeting.proofs.len; at += SHA256_SIZE) {
            if (bytes_equal_constant_time(
                    mac_bytes(mac), bytes_prefix(bytes_from(greeting.proofs, at), SHA256_SIZE))) {
                proof->phase = PROOF_DONE;
                proof->key_count = 1;
                proof->peer = greeting.self;
                return true;
            }
        }
    }
    errmsg_set(error, "the other side has another cluster-secret");
    return false;
}

static void make_mac(const uint8_t key[SHA256_SIZE], struct bytes sealed, uint8_t mac[SHA256_SIZE])
{
    sha256_hmac(mac_bytes(key), bytes_prefix(sealed, sealed.len - SHA256_SIZE), mac);
}

void proof_seal(struct proof *proof, struct buf *out, size_t start)
{
    static const char none[SHA256_SIZE];
    uint8_t mac[SHA256_SIZE];

    ASSERT(proof->phase == PROOF_DONE && proof->key_count == 1);
    encode_u64_be(out, ++proof->sent);
    buf_append(out, none, sizeof(none));
    make_mac(proof->keys[0].send, bytes_from(buf_bytes(out), start), mac);
    memcpy(out->data + out->len - SHA256_SIZE, mac, SHA256_SIZE);
}

bool proof_open(struct proof *proof, struct bytes frame, struct errmsg *error)
{
    struct bytes seal;
    struct decoder d;
    uint64_t number;

    if (proof->key_count == 0 || frame.len < FRAME_HEAD_BYTES + FRAME_SEAL_BYTES) {
        errmsg_set(error, proof->key_count == 0 ? "it begins without a greeting"
                                                : "it is too short for a seal");
        return false;
    }
    seal = bytes_from(frame, frame.len - FRAME_SEAL_BYTES);
    d = decoder_make(seal);
    number = decode_u64_be(&d);
    for (size_t i = 0; i < proof->key_count; i++) {
        uint8_t mac[SHA256_SIZE];

        make_mac(proof->keys[i].receive, frame, mac);
        if (!bytes_equal_constant_time(mac_bytes(mac), bytes_from(seal, sizeof(number)))) {
            continue;
        }
        if (number <= proof->received) {
            errmsg_set(error, "its number does not rise");
            return false;
        }
        proof->received = number;
        proof->keys[0] = proof->keys[i];
        proof->key_count = 1;
        proof->phase = PROOF_DONE;
        return true;
    }
    errmsg_set(error, proof->phase == PROOF_DONE ? "it is not of this link"
                                                 : "it does not prove the cluster-secret");
    return false;
}

void proof_check(const struct proof *proof)
{
    ASSERT(proof->key_count <= PROOF_SECRETS_MAX);
    ASSERT(proof->phase != PROOF_NONE || proof->key_count == 0);
    ASSERT(proof->phase != PROOF_DONE || proof->key_count == 1); /* (1) */
}
