/* SPDX-License-Identifier: MIT */
#pragma once

/* liar_own.h: what the files of the liars share. liar.c has their life and the hooks; each of the
 * others has lies of one theme.
 *
 * A function that is given an effect says whether the world performs it: it may send other things
 * instead, and then says no. What the effect holds stays the effect's.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 */

#include "kernel/sim/liar.h"
#include "kernel/sim/stream.h"

enum {
    QNK_LIAR_DUTIES = 64, /* the last votes and blocks whose way is remembered */
    QNK_LIAR_LATE = 32,   /* votes that wait to be sent after all */
    QNK_LIAR_KEPT = 16,   /* certificates, votes and digests that were seen last */
};

/* What becomes of a vote or a block. */
enum qnk_liar_way {
    QNK_WAY_TRUE,
    QNK_WAY_OTHER, /* all get another one instead */
    QNK_WAY_SPLIT, /* some do */
    QNK_WAY_BOTH,  /* all get both */
    QNK_WAY_NONE,
    QNK_WAY_ONE, /* one peer gets it */
};

struct qnk_liar_duty {
    struct qnk_hash place; /* zero: a free one */
    uint32_t way;          /* enum qnk_liar_way */
    uint64_t salt;         /* says who gets which */
    struct qn_buf *other;  /* OTHER, SPLIT, BOTH: an encoded vote or header */
    struct qn_buf *body;   /* of that header, if it is another one; else NULL */
};

struct qnk_liar_late {
    uint64_t at_us;
    struct qn_buf *body; /* of VOTES; NULL: a free place */
};

struct qnk_liar {
    struct qnk_liars *all;
    uint32_t node;
    uint32_t member;
    uint32_t kinds;
    bool is_copy; /* a liar that was added before has this key too */
    struct qnk_hash key;
    struct qnk_random chance[QNK_LIES];
    struct qnk_liar_duty duties[QNK_LIAR_DUTIES];
    uint32_t duties_next;
    struct qnk_liar_late late[QNK_LIAR_LATE];
    struct qn_buf *certificates[QNK_LIAR_KEPT]; /* bodies of CERTIFICATE; NULL: none yet */
    uint32_t certificates_next;
    struct qnk_hash digests[QNK_LIAR_KEPT]; /* that votes were for */
    uint32_t digests_next;
    uint8_t old_vote[QNK_VOTE_WIRE_SIZE]; /* an own one without a tail */
    struct qn_buf *heard;                 /* a frame with less in it, for one step */
    struct qn_buf *said;                  /* the body of a SEND in one piece, for one effect */
    struct qn_buf *old_tx;                /* the kernel's, of a block; NULL: none yet */
};

struct qnk_liars {
    struct qnk_budget *budget;
    struct qnk_world *world;
    struct qnk_hash chain_id;
    struct qnk_hash binding; /* of votes under the engine of genesis */
    struct qnk_set *set;
    uint64_t seed;
    uint32_t nodes;
    uint32_t window;
    bool is_over; /* nobody lies any more */
    bool is_silent;
    uint32_t count;
    struct qnk_liar *list[QNK_LIARS_MAX];
    uint64_t counts[QNK_LIES];
    qnk_liars_hear *hear; /* NULL: nobody is told */
    void *hear_ctx;
};

/* --- liar.c --- */

/* 0..below-1, from the stream of `lie`. */
uint64_t qnk_liar_lot(struct qnk_liar *liar, uint32_t lie, uint64_t below);

/* Whether it tells this lie now: it is of its kinds, and the lot says so. */
bool qnk_liar_will(struct qnk_liar *liar, uint32_t lie, uint32_t permille);
void qnk_liar_told(struct qnk_liar *liar, uint32_t lie);

/* Random bytes for a lie; a hash of them. */
void qnk_liar_bytes(struct qnk_liar *liar, uint32_t lie, void *to, uint64_t size);
struct qnk_hash qnk_liar_hash(struct qnk_liar *liar, uint32_t lie);

/* A frame to one node, or to all. */
void qnk_liar_say(struct qnk_liar *liar, uint32_t to, uint8_t lane, uint8_t type,
                  struct qn_span body);
void qnk_liar_say_all(struct qnk_liar *liar, uint8_t lane, uint8_t type, struct qn_span body);

/* Some other node, by lot. */
uint32_t qnk_liar_somebody(struct qnk_liar *liar, uint32_t lie);

/* What a SEND says, in one piece; good until the next effect. */
struct qn_span qnk_liar_said(struct qnk_liar *liar, const struct qnk_effect *effect);

/* Another body in place of a SEND's, to the same peer and for the same request. */
void qnk_liar_say_instead(struct qnk_liar *liar, const struct qnk_effect *effect,
                          struct qn_span body);

void qnk_liar_sign(struct qnk_liar *liar, struct qn_span message, uint8_t signature[QN_SIG_SIZE]);

/* The duty of this place, or NULL; and a new one, in the place of the oldest. */
struct qnk_liar_duty *qnk_liar_duty_find(struct qnk_liar *liar, const struct qnk_hash *place);
struct qnk_liar_duty *qnk_liar_duty_new(struct qnk_liar *liar, const struct qnk_hash *place);

/* Whether a node is one of those who get the other one. */
static inline bool qnk_liar_duty_side(const struct qnk_liar_duty *duty, uint32_t node)
{
    return (duty->salt >> node % 64 & 1) != 0;
}

/* Where its node stands. False: it is off. */
bool qnk_liar_look(const struct qnk_liar *liar, struct qnk_node_view *view);

/* Era and binding of a vote made up for the window after the last final one, as the liar's own node
 * has them; or, if the vote has an era, the binding of that. */
void qnk_liar_bind(struct qnk_liar *liar, struct qnk_vote *vote);

/* --- liar_votes.c --- */

bool qnk_liar_votes_effect(struct qnk_liar *liar, const struct qnk_effect *effect);

/* A frame without the own votes in it. False: nothing else is in it. */
bool qnk_liar_votes_hear(struct qnk_liar *liar, struct qnk_event *event);
void qnk_liar_votes_tick(struct qnk_liar *liar);
void qnk_liar_votes_done(struct qnk_liar *liar);

/* Signs a vote as it is, for this chain. */
void qnk_liar_vote_sign(struct qnk_liar *liar, struct qnk_vote *vote,
                        const struct qnk_hash *chain_id);

/* Something to vote for that is not `digest`: what others voted for, nothing, or nonsense. */
struct qnk_hash qnk_liar_digest(struct qnk_liar *liar, uint32_t lie, const struct qnk_hash *digest);

/* A signed vote to one node. */
void qnk_liar_vote_say(struct qnk_liar *liar, uint32_t to, const struct qnk_vote *vote);

/* --- liar_contradict.c --- */

void qnk_liar_contradict_tick(struct qnk_liar *liar);

/* --- liar_blocks.c --- */

bool qnk_liar_blocks_effect(struct qnk_liar *liar, const struct qnk_effect *effect);

/* Own blocks among the headers of a job look as if nobody's. */
void qnk_liar_blocks_hear(struct qnk_liar *liar, struct qnk_job *job);
void qnk_liar_blocks_tick(struct qnk_liar *liar);

/* --- liar_certificates.c --- */

/* Keeps what it may use later. */
void qnk_liar_certificate_keep(struct qnk_liar *liar, struct qn_span body);
void qnk_liar_certificates_tick(struct qnk_liar *liar);
void qnk_liar_certificates_done(struct qnk_liar *liar);

/* --- liar_txs.c --- */

/* Another body for an own block, of one part, and the header fits it then but for its signature.
 * NULL: there is none. */
struct qn_buf *qnk_liar_txs_spoil(struct qnk_liar *liar, struct qnk_micro *header);
void qnk_liar_txs_tick(struct qnk_liar *liar);
void qnk_liar_txs_done(struct qnk_liar *liar);

/* --- liar_noise.c: garbage, floods, lying sync --- */

bool qnk_liar_noise_effect(struct qnk_liar *liar, struct qnk_effect *effect);
void qnk_liar_noise_tick(struct qnk_liar *liar);
