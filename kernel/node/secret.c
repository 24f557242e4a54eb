/* SPDX-License-Identifier: MIT */

#include "kernel/node/secret.h"

#include "kernel/chain/beacon.h"
#include "kernel/chain/tags.h"

enum { STRIDE = QNK_BEACON_LINKS / QNK_SECRET_MARKS };

static void chain_make(struct qnk_secret *secret, uint64_t chain)
{
    uint8_t number[8];
    struct qn_span parts[] = {{secret->k.bytes, QN_HASH_SIZE}, {number, sizeof number}};

    qn_le64_write(number, chain);
    qnk_hash_parts(QNK_TAG_LINK, parts, 2, &secret->marks[0]);
    for (uint32_t i = 0; i < QNK_SECRET_MARKS; i++) {
        qnk_beacon_climb(&secret->marks[i], STRIDE, &secret->marks[i + 1]);
    }
    secret->chain = chain;
}

void qnk_secret_init(struct qnk_secret *secret, const uint8_t seed[32])
{
    qnk_hash_tagged(QNK_TAG_SECRET, seed, 32, &secret->k);
    secret->chains = QNK_SECRET_CHAINS_MAX;
    chain_make(secret, 0);
}

void qnk_secret_done(struct qnk_secret *secret)
{
    volatile uint8_t *at = (volatile uint8_t *)secret;

    for (uint64_t i = 0; i < sizeof *secret; i++) {
        at[i] = 0;
    }
}

void qnk_secret_tip(const struct qnk_secret *secret, struct qnk_hash *tip)
{
    *tip = secret->marks[QNK_SECRET_MARKS];
}

void qnk_secret_blind(const struct qnk_secret *secret, uint32_t era, uint64_t window,
                      struct qnk_hash *blind)
{
    uint8_t place[12];
    struct qn_span parts[] = {{secret->k.bytes, QN_HASH_SIZE}, {place, sizeof place}};

    qn_le32_write(place, era);
    qn_le64_write(place + 4, window);
    qnk_hash_parts(QNK_TAG_BLIND, parts, 2, blind);
}

static void link_at(const struct qnk_secret *secret, uint32_t place, struct qnk_hash *link)
{
    qnk_beacon_climb(&secret->marks[place / STRIDE], place % STRIDE, link);
}

/* The place of `link` in the chain of the marks; false: it is none of its links. */
static bool place_of(const struct qnk_secret *secret, const struct qnk_hash *link, uint32_t *place)
{
    struct qnk_hash at = *link;

    /* Climb to the next mark: at most a stride, and the mark says where it was. */
    for (uint32_t steps = 0; steps <= STRIDE; steps++) {
        for (uint32_t i = 0; i <= QNK_SECRET_MARKS; i++) {
            if (qnk_hash_equal(&at, &secret->marks[i])) {
                *place = i * STRIDE - steps;
                return true;
            }
        }
        qnk_beacon_climb(&at, 1, &at);
    }
    return false;
}

bool qnk_secret_share(struct qnk_secret *secret, const struct qnk_hash *last, uint64_t last_window,
                      uint64_t window, struct qnk_hash *share, struct qnk_hash *next_tip)
{
    uint32_t place = 0;
    bool is_ours = place_of(secret, last, &place);

    for (uint64_t chain = 0, seen = secret->chain; !is_ours && chain < secret->chains; chain++) {
        if (chain != seen) {
            chain_make(secret, chain);
            is_ours = place_of(secret, last, &place);
        }
    }
    if (is_ours && window > last_window && window - last_window <= place &&
        window - last_window <= QNK_BEACON_STEPS_MAX) {
        link_at(secret, place - (uint32_t)(window - last_window), share);
        return true;
    }

    uint64_t next = is_ours ? secret->chain + 1 : 0;

    if (secret->chain != next) {
        chain_make(secret, next);
    }
    *next_tip = secret->marks[QNK_SECRET_MARKS];
    return false;
}
