/* SPDX-License-Identifier: MIT */

/* liar_contradict.c: votes that no engine asked for: broken locks, old and far rounds,
 * justifications that nobody has, votes of other places. */

#include "kernel/sim/liar_own.h"

enum {
    TICK_WILL = 100, /* permille of ticks */
    ROUNDS_FAR = 14,
};

/* To all, or to one. */
static void vote_spread(struct qnk_liar *liar, const struct qnk_vote *vote)
{
    uint32_t lie = QNK_LIE_CONTRADICTORY_VOTE;
    uint32_t only = qnk_liar_somebody(liar, lie);
    bool is_to_all = qnk_liar_lot(liar, lie, 2) == 0;

    for (uint32_t to = 0; to < liar->all->nodes; to++) {
        if (to != liar->node && (is_to_all || to == only)) {
            qnk_liar_vote_say(liar, to, vote);
        }
    }
}

/* A final vote for one digest, and then a prepare for another one in a later round, which claims a
 * justification or none. */
static void lock_break(struct qnk_liar *liar, struct qnk_vote vote)
{
    uint32_t lie = QNK_LIE_CONTRADICTORY_VOTE;

    vote.step = QNK_STEP_FINAL;
    vote.digest = qnk_liar_digest(liar, lie, &vote.digest);
    qnk_liar_vote_sign(liar, &vote, &liar->all->chain_id);
    vote_spread(liar, &vote);
    vote.step = QNK_STEP_PREPARE;
    vote.vr = qnk_liar_lot(liar, lie, 2) == 0 ? -1 : (int32_t)vote.round;
    vote.round += 1 + (uint32_t)qnk_liar_lot(liar, lie, 3);
    vote.digest = qnk_liar_digest(liar, lie, &vote.digest);
    qnk_liar_vote_sign(liar, &vote, &liar->all->chain_id);
    vote_spread(liar, &vote);
}

/* A prepare or final vote of whatever round, for whatever digest. */
static void vote_wild(struct qnk_liar *liar, struct qnk_vote vote)
{
    uint32_t lie = QNK_LIE_CONTRADICTORY_VOTE;
    uint8_t opening[2 * QN_HASH_SIZE] = {0};

    vote.step = qnk_liar_lot(liar, lie, 2) == 0 ? QNK_STEP_PREPARE : QNK_STEP_FINAL;
    vote.round = (uint32_t)qnk_liar_lot(liar, lie, vote.round + ROUNDS_FAR);
    vote.digest = qnk_liar_digest(liar, lie, &vote.digest);
    if (vote.step == QNK_STEP_PREPARE && vote.round > 0) {
        vote.vr = (int32_t)qnk_liar_lot(liar, lie, vote.round + 1) - 1;
    } else if (vote.step == QNK_STEP_PREPARE) {
        vote.tail = (struct qn_span){opening, sizeof opening};
    }
    qnk_liar_vote_sign(liar, &vote, &liar->all->chain_id);
    vote_spread(liar, &vote);
}

/* A vote of another era or chain, or an old one whose place is changed and its signature not. */
static void vote_replay(struct qnk_liar *liar, struct qnk_vote vote)
{
    uint32_t lie = QNK_LIE_CONTRADICTORY_VOTE;
    struct qnk_hash chain_id = liar->all->chain_id;
    uint64_t window = vote.window;

    vote.step = QNK_STEP_FINAL;
    vote.digest = qnk_liar_digest(liar, lie, &vote.digest);
    switch (qnk_liar_lot(liar, lie, 3)) {
    case 0:
        vote.era = 1;
        break;
    case 1:
        chain_id = qnk_liar_hash(liar, lie);
        break;
    default:
        if (qnk_vote_decode((struct qn_span){liar->old_vote, sizeof liar->old_vote}, &vote) ==
            QN_OK) {
            vote.window = window;
            vote_spread(liar, &vote);
        }
        return;
    }
    qnk_liar_vote_sign(liar, &vote, &chain_id);
    vote_spread(liar, &vote);
}

void qnk_liar_contradict_tick(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_CONTRADICTORY_VOTE;
    struct qnk_node_view view;

    if (!qnk_liar_will(liar, lie, TICK_WILL) || !qnk_liar_look(liar, &view)) {
        return;
    }

    struct qnk_vote vote = {
        .window = view.final_window + 1 + (qnk_liar_lot(liar, lie, 8) == 0),
        .round = view.round,
        .vr = -1,
        .member = liar->member,
    };

    qnk_liar_bind(liar, &vote);

    switch (qnk_liar_lot(liar, lie, 4)) {
    case 0:
        lock_break(liar, vote);
        break;
    case 1:
        vote_replay(liar, vote);
        break;
    default:
        vote_wild(liar, vote);
        break;
    }
    qnk_liar_told(liar, lie);
}
