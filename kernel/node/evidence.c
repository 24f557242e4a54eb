/* SPDX-License-Identifier: MIT */

/* evidence.c: two signed things that contradict each other become a transaction that proves it. */

#include "kernel/node/core.h"

static bool is_piece(const struct qn_buf *bytes, const struct qnk_hash *place)
{
    struct qnk_tx tx;
    struct qnk_evidence evidence;
    struct qnk_hash its;

    if (bytes == NULL || qnk_tx_decode(qnk_buf_span(bytes), &tx) != QN_OK ||
        tx.kind != QNK_TX_EVIDENCE || qnk_evidence_decode(tx.payload, &evidence) != QN_OK) {
        return false;
    }
    qnk_evidence_place(&evidence, &its);
    return qnk_hash_equal(&its, place);
}

/* Whether one of the same place, of which blocks take one, was made already: more would only take
 * the places of what else is to be signed. */
static bool is_made(const struct qnk_node *node, const struct qnk_evidence *evidence)
{
    bool found = false;
    struct qnk_hash place;

    qnk_evidence_place(evidence, &place);
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX && !found; i++) {
        found = node->kernel_txs[i].is_ours && is_piece(node->kernel_txs[i].bytes, &place);
    }
    for (uint32_t i = 0; i < QNK_SIGNS_MAX && !found; i++) {
        found = is_piece(node->signs[i].tx, &place);
    }
    return found;
}

static void evidence_make(struct qnk_node *node, const struct qnk_evidence *evidence)
{
    uint8_t payload[QNK_EVIDENCE_MAX];
    uint32_t size;

    node->counters.doubles_seen++;
    qnk_note(node, QNK_LOG_WARN, "evidence",
             "member %u of window %llu signed what contradicts "
             "itself (type %u)",
             evidence->member, (unsigned long long)evidence->window, evidence->type);
    if (!qnk_evidence_proves(evidence) || !node->setup.has_validator || !qnk_may_sign(node) ||
        is_made(node, evidence)) {
        return;
    }
    size = qnk_evidence_encode(evidence, payload);
    (void)qnk_kernel_make(node, QNK_TX_EVIDENCE, (struct qn_span){payload, size});
}

void qnk_evidence_votes(struct qnk_node *node, uint8_t type, const struct qnk_vote *a,
                        const struct qnk_vote *b)
{
    struct qnk_evidence evidence = {
        .type = type,
        .member = a->member,
        .window = a->window,
        .votes = {*a, *b},
    };

    evidence_make(node, &evidence);
}

void qnk_evidence_blocks(struct qnk_node *node, const struct qnk_micro *a,
                         const struct qnk_micro *b)
{
    struct qnk_evidence evidence = {
        .type = QNK_EVIDENCE_DOUBLE_BLOCK,
        .member = a->producer,
        .window = qnk_window_of(a->height, node->setup.params.window),
        .blocks = {*a, *b},
    };

    evidence_make(node, &evidence);
}

/* What a member signed in spite of having given the attempt up (`abandon`, NULL: it has not). Most
 * votes are of before that. One piece convicts, so others are not told. */
static void after_abandon(struct qnk_node *node, const struct qnk_vote *abandon,
                          const struct qnk_vote *vote)
{
    struct qnk_evidence evidence = {.type = QNK_EVIDENCE_AFTER_ABANDON};

    if (abandon == NULL) {
        return;
    }
    evidence.member = vote->member;
    evidence.window = vote->window;
    evidence.votes[0] = *abandon;
    evidence.votes[1] = *vote;
    if (qnk_evidence_proves(&evidence) && qnk_attempts_broken(node->attempts, vote->member)) {
        evidence_make(node, &evidence);
    }
}

/* Whether the attempt that may be given up is the one of this ballot. */
static bool is_of_attempt(const struct qnk_node *node, const struct qnk_ballot *ballot)
{
    return ballot != NULL && ballot == node->ballot && node->attempts != NULL;
}

struct spite {
    struct qnk_node *node;
    const struct qnk_vote *abandon;
};

static void spite_visit(void *ctx, struct qnk_ballot_vote *held)
{
    struct spite *spite = ctx;

    if (held->vote.member == spite->abandon->member) {
        after_abandon(spite->node, spite->abandon, &held->vote);
    }
}

void qnk_evidence_abandon(struct qnk_node *node, const struct qnk_vote *abandon)
{
    struct spite spite = {.node = node, .abandon = abandon};

    if (is_of_attempt(node, node->ballot)) {
        qnk_ballot_walk(node->ballot, spite_visit, &spite);
    }
}

void qnk_evidence_look(struct qnk_node *node, const struct qnk_ballot *ballot,
                       const struct qnk_ballot_vote *held)
{
    const struct qnk_vote *vote = &held->vote;
    const struct qnk_ballot_vote *other = qnk_ballot_lock_violation(ballot, vote);

    if (other != NULL) {
        bool is_final = vote->step == QNK_STEP_FINAL;

        qnk_evidence_votes(node, QNK_EVIDENCE_LOCK_VIOLATION, is_final ? vote : &other->vote,
                           is_final ? &other->vote : vote);
    }
    if (is_of_attempt(node, ballot)) {
        after_abandon(node, qnk_attempts_vote_of(node->attempts, vote->member), vote);
    }
    if (vote->round == 0 && vote->step <= QNK_STEP_PREPARE) {
        const struct qnk_ballot_vote *commit =
            qnk_ballot_find(ballot, 0, QNK_STEP_COMMIT, vote->member);
        const struct qnk_ballot_vote *prepare =
            qnk_ballot_find(ballot, 0, QNK_STEP_PREPARE, vote->member);

        if (commit != NULL && prepare != NULL && prepare->false_opening) {
            qnk_evidence_votes(node, QNK_EVIDENCE_FALSE_OPENING, &commit->vote, &prepare->vote);
        }
    }
}
