/* SPDX-License-Identifier: MIT */
#pragma once

/* load.h: signed transfers at a steady rate between a dev network's accounts, and the count of what
 * became of each: whoever loses or doubles one is found out. The accounts that have a key file are
 * left to people.
 *
 * A transfer that was sent is kept until it is final, and sent again if it is not in a block for a
 * while, or if a node had no room for it. No nonce is signed twice. Every transaction of every
 * final block is looked up by its id. Each account sends through one node while that lives, with a
 * bounded number of transfers that are not final.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds of a clock that never falls
 *   threads  the loop's
 */

#include "kernel/qnet/dev_files.h"
#include "kernel/qnet/link.h"

enum { QNK_LOAD_RETRY_MS = 20000, QNK_LOAD_VALID_BLOCKS = 4000 };

struct qnk_load;

struct qnk_load_counts {
    uint64_t made;     /* signed */
    uint64_t accepted; /* by some node, distinct */
    uint64_t refused;  /* answers that said no for good */
    uint64_t final;    /* of ours, distinct */
    uint64_t doubled;  /* of ours, final more than once */
    uint64_t strange;  /* final transactions that were not ours, the kernel's among them */
    uint64_t sent_again;
    uint64_t held_back; /* that the rate asked for and no account had room for */
};

enum qnk_load_what { QNK_LOAD_SENT, QNK_LOAD_ACCEPTED, QNK_LOAD_REFUSED };

struct qnk_load_setup {
    const struct qnk_dev *dev;
    struct qnk_hash chain_id;
    uint64_t fee;  /* nano, of each transfer */
    uint64_t rate; /* transfers a second */
    uint64_t seed;
    struct qnk_link *const *links; /* to nodes that take transactions; they outlive the load */
    uint32_t links_count;
    /* Each transfer as it goes on, with the place of the link that it was sent by; may be NULL. */
    void (*told)(void *ctx, enum qnk_load_what what, uint32_t link, const struct qnk_hash *id);
    void *ctx;
};

/* NULL after words on stderr. */
struct qnk_load *qnk_load_create(const struct qnk_load_setup *setup);
void qnk_load_destroy(struct qnk_load *load);

/* To be called often: makes what is due and sends it. `head` is the newest height. */
void qnk_load_tick(struct qnk_load *load, uint64_t now_ms, uint64_t head);

/* No new transfers from here on; old ones are still sent again. */
void qnk_load_stop(struct qnk_load *load);

/* Transaction ids of a final block: JSON strings of hex. Each block once. */
void qnk_load_final(struct qnk_load *load, const json_t *ids);

/* Whether all that was accepted is final. */
bool qnk_load_is_done(const struct qnk_load *load);

struct qnk_load_counts qnk_load_counts(const struct qnk_load *load);
