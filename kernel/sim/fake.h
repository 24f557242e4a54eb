/* SPDX-License-Identifier: MIT */
#pragma once

/* fake.h: plugins for tests of the core, as small as they can be and obedient to their contracts,
 * but for the engine, which can be told to ask for what no engine should.
 *
 * Unless a function's own comment says otherwise:
 *   owns     an instance is its maker's, and goes back to the budget it came from
 *   threads  one
 */

#include <stdbool.h>

#include "kernel/base/memory.h"
#include "kernel/node/setup.h"

/* --- ledger: counts each sender's nonces, and moves nothing --- */

struct qnk_plugged qnk_fake_ledger_make(struct qnk_budget *budget);
void qnk_fake_ledger_give(struct qnk_plugged ledger);

/* The next nonce of the sender whose key begins with this byte. */
uint64_t qnk_fake_ledger_next(struct qnk_plugged ledger, uint8_t first_byte);

/* From now on each block's digest is another one than everybody else's. */
void qnk_fake_ledger_spoil(struct qnk_plugged ledger);

/* From now on it has no memory for each `every`th call that moves it or reads its pages; 0: it has.
 * And how often that was. */
void qnk_fake_ledger_starve(struct qnk_plugged ledger, uint32_t every);
uint32_t qnk_fake_ledger_refused(struct qnk_plugged ledger);

/* --- storage: logs and maps in memory, all durable at once --- */

struct qnk_plugged qnk_fake_storage_make(struct qnk_budget *budget);
void qnk_fake_storage_give(struct qnk_plugged storage);

/* A record of a log is damaged: as the storage tells of it, or so that it does not see it. */
void qnk_fake_storage_rot(struct qnk_plugged storage, uint32_t log, uint64_t place, bool is_seen);

/* A bit of the value of a map's `index`-th key, from 0 on, is another one. */
void qnk_fake_storage_flip(struct qnk_plugged storage, uint32_t map, uint32_t index, uint64_t bit);

/* --- producer: one height after another, in the set's order; 100 ms, 50 ms --- */

struct qnk_plugged qnk_fake_producer_make(struct qnk_budget *budget);
void qnk_fake_producer_give(struct qnk_plugged producer);

/* From now on it has no memory for each window that it is asked to open for the first time; and how
 * often that was. */
void qnk_fake_producer_starve(struct qnk_plugged producer);
uint32_t qnk_fake_producer_refused(struct qnk_plugged producer);

/* --- signature: libsodium's own check --- */

extern const struct qnk_plugged qnk_fake_signature;

/* --- consensus: prepare, seal, certify; one round --- */

/* What it asks for besides, each time that it asks for something right. */
enum {
    QNK_WRONG_DOUBLE = 1,      /* the same duty with another digest */
    QNK_WRONG_UNCERTIFIED = 2, /* a seal without its certificate */
    QNK_WRONG_UNLOCK = 4,      /* a later round's prepare off its lock, with and without vr */
    QNK_WRONG_BACK = 8,        /* rounds that go back */
    QNK_WRONG_UNKNOWN = 16,    /* a digest that nobody has checked */
    QNK_WRONG_STEPS = 32,      /* steps that it did not declare */
    QNK_WRONG_WINDOW = 64,     /* votes and certificates of other windows */
    QNK_WRONG_BYTES = 128,     /* effects that are no records */
    QNK_WRONG_CERTIFY = 256,   /* certificates without votes */
    QNK_WRONG_PROPOSAL = 512,  /* a proposal of the window before; a step to be declared */
};

struct qnk_fake_engine_counts {
    uint64_t signed_now, signed_other, signed_before, refused; /* answers by result */
    uint64_t doubles;       /* that the kernel signed two digests for one duty: must stay 0 */
    uint64_t wrongs_signed; /* wrong wishes that were signed: must stay 0 */
    uint64_t finals;
};

struct qnk_plugged qnk_fake_engine_make(struct qnk_budget *budget, uint32_t wrongs);
void qnk_fake_engine_give(struct qnk_plugged engine);
const struct qnk_fake_engine_counts *qnk_fake_engine_counts(struct qnk_plugged engine);
