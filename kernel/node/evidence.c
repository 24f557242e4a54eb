/* SPDX-License-Identifier: MIT */

/* evidence.c: two signed things that contradict each other become a transaction that proves it. */

#include "kernel/node/core.h"

static void evidence_make(struct qnk_node *node, const struct qnk_evidence *evidence)
{
    uint8_t payload[QNK_EVIDENCE_BLOCKS_SIZE > QNK_EVIDENCE_VOTES_SIZE ? QNK_EVIDENCE_BLOCKS_SIZE
                                                                       : QNK_EVIDENCE_VOTES_SIZE];
    uint32_t size;

    node->counters.doubles_seen++;
    qnk_note(node, QNK_LOG_WARN, "evidence",
             "member %u of window %llu signed what contradicts "
             "itself (type %u)",
             evidence->member, (unsigned long long)evidence->window, evidence->type);
    if (!qnk_evidence_proves(evidence) || !node->setup.has_validator || !qnk_may_sign(node)) {
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
