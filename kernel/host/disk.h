/* SPDX-License-Identifier: MIT */
#pragma once

/* disk.h: the effects that wait for the disk, each on the thread of its queue, and in the order in
 * which the core had them.
 *
 * Three promises are kept here. A signature is made after its guard record is durable, never
 * before. The answer to a client comes after its transactions are in the mempool's copy. The
 * guard's log is cut only after the final window that makes its records needless is durable.
 *
 * What peers ask for waits in a queue of each peer's own, so that nobody has another one's place,
 * and is read only when its peer can take it: one request after another, all peers in turn, and
 * of each some megabytes at a time. So a peer that asks and takes nothing costs one such piece. If
 * pieces that are not taken add up to too much, the one that has moved least recently goes. A
 * request that cannot wait, or is given up, is refused with QN_BUSY, if its peer takes even that.
 *
 * Unless a function's own comment says otherwise:
 *   owns     an effect's bufs are taken over: the member in the effect is NULL afterwards
 *   threads  the loop's; callbacks, too
 *   cost     allocates one task; never waits
 *   errors   the disk's go to `failed`: nothing may go on that should have been durable
 *
 * Source: chain.md "Storage", finality.md 6.
 */

#include "kernel/host/pool.h"
#include "kernel/host/signer.h"
#include "kernel/node/effect.h"
#include "kernel/node/store.h"

enum {
    QNK_DISK_ASKERS_MAX = 256, /* peers whose requests wait; as many as the core knows */
    QNK_DISK_SERVES_MAX = 8, /* that wait for one peer. A node that is late asks one peer for six */
    QNK_DISK_HELD_MAX = 64 << 20, /* bytes of answers that wait for room, before more is read */
    QNK_DISK_LANE_LOG = 0,        /* lanes of the storage plugin */
    QNK_DISK_LANE_MAPS = 1,
    QNK_DISK_LANE_READS = 2,
    QNK_DISK_LANE_START = 3, /* the loop's, while it restores */
    QNK_DISK_LANES = 4,
};

/* What was waited for, for metrics. */
enum qnk_disk_kind { QNK_DISK_BLOCK, QNK_DISK_WINDOW, QNK_DISK_GUARD, QNK_DISK_KINDS };

struct qnk_disk_setup {
    struct qnk_budget *budget; /* of what is for peers, besides */
    struct qnk_budget *tasks;  /* of what nobody but the core asks for: peers cannot use it up */
    struct qnk_pool *pool;
    const struct qnk_store *store; /* open; copied, once for each thread */
    struct qnk_signer *signer;     /* NULL: SIGN fails with QN_DENIED */
    void *ctx;
    void (*event)(void *ctx, struct qnk_event *event); /* STORED to SECRETS, CHECKED, ROTTEN */
    void (*reply)(void *ctx, uint64_t token, struct qn_span codes);
    /* An answer to a peer is sent as the peer takes it. The clock never goes back. */
    uint64_t (*now)(void *ctx);
    bool (*has_room)(void *ctx, uint32_t peer);
    void (*send)(void *ctx, uint32_t peer, uint8_t type, uint32_t request, struct qn_buf *head,
                 struct qn_slice body);
    void (*waited)(void *ctx, enum qnk_disk_kind kind, uint64_t us);
    /* A write that is not done; `what` is "a block", `why` of the store. */
    void (*failed)(void *ctx, int32_t status, const char *what, const char *why);
    /* What a peer asked for is damaged here, and is no body, which a ROTTEN event tells of. */
    void (*damaged)(void *ctx, const char *why);
};

struct qnk_disk;

QN_MUST_CHECK int32_t qnk_disk_create(const struct qnk_disk_setup *setup, struct qnk_disk **disk);

/* After the pool has stopped. NULL is allowed. */
void qnk_disk_destroy(struct qnk_disk *disk);

/* One of STORE_BLOCK, STORE_FINAL, STORE_PLACE, STORE_TXS, SIGN, SECRETS, GUARD_TRIM, CHECK, SERVE
 * and REPLY. */
void qnk_disk_perform(struct qnk_disk *disk, struct qnk_effect *effect);

/* Goes on with answers to peers: to be called when there may be room again. */
void qnk_disk_pump(struct qnk_disk *disk);

/* The peer is gone, and what waits for it too. */
void qnk_disk_forget(struct qnk_disk *disk, uint32_t peer);

/* The store of the reads thread: for tasks of that queue alone. */
struct qnk_store *qnk_disk_reader(struct qnk_disk *disk);

/* How many final windows it was given so far; and, on the reads thread, waits until so many are
 * durable, or have failed: who asks after a window was called final finds it. */
uint64_t qnk_disk_windows(const struct qnk_disk *disk);
void qnk_disk_wait(struct qnk_disk *disk, uint64_t windows);

/* A snapshot that stays open between two tasks of the reads thread. The storage may be unable to
 * grow, and so to write a window, while there is one. So it is let go of as soon as a window has to
 * wait for the storage, and before whoever has to wait for windows on that thread does. One at a
 * time. */
struct qnk_disk_hold {
    /* On the reads thread or the maps', with the lane of that one; calls no function of disk. */
    void (*let_go)(struct qnk_disk_hold *hold, uint32_t lane);
};

/* On the reads thread. It is let go of at once if a window waits. */
void qnk_disk_hold(struct qnk_disk *disk, struct qnk_disk_hold *hold);

/* Any thread. False: it was let go before. */
bool qnk_disk_release(struct qnk_disk *disk);

/* Requests of peers that were refused, or given up as they took too little of the answers. */
uint64_t qnk_disk_dropped(const struct qnk_disk *disk);
