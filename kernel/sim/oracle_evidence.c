/* SPDX-License-Identifier: MIT */

/* oracle_evidence.c: S6: no honest member is ever accused, and whom evidence convicts is convicted
 * on the chain while it still may be. */

#include "kernel/node/transition.h"
#include "kernel/sim/oracle_own.h"

_Static_assert((int)QNK_EVIDENCE_BLOCKS_SIZE > (int)QNK_EVIDENCE_VOTES_SIZE, "the larger");

struct piece {
    struct qnk_hash place;
    uint32_t member;
    uint32_t node; /* that made it first */
    uint64_t window;
    uint64_t made_us;
    uint64_t head_window; /* of the maker then */
    bool is_final;
};

struct qnk_oracle_evidence {
    struct piece *pieces;
    uint32_t count, room;
};

struct qnk_oracle_evidence *qnk_oracle_evidence_create(struct qnk_oracle *oracle)
{
    return qnk_oracle_take(oracle, sizeof(struct qnk_oracle_evidence));
}

void qnk_oracle_evidence_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_evidence *evidence = oracle->evidence;

    if (evidence != NULL) {
        qnk_memory_give(oracle->budget, evidence->pieces,
                        evidence->room * sizeof *evidence->pieces);
        qnk_memory_give(oracle->budget, evidence, sizeof *evidence);
    }
}

static struct piece *piece_find(const struct qnk_oracle *oracle, const struct qnk_hash *place)
{
    for (uint32_t i = oracle->evidence->count; i-- > 0;) {
        if (qnk_hash_equal(&oracle->evidence->pieces[i].place, place)) {
            return &oracle->evidence->pieces[i];
        }
    }
    return NULL;
}

/* The piece of this place, which may be new. */
static struct piece *piece_at(struct qnk_oracle *oracle, const struct qnk_evidence *made)
{
    struct qnk_oracle_evidence *evidence = oracle->evidence;
    struct qnk_hash place;
    struct piece *piece;

    qnk_evidence_place(made, &place);
    piece = piece_find(oracle, &place);
    if (piece == NULL) {
        evidence->pieces = qnk_oracle_grow(oracle, evidence->pieces, evidence->count,
                                           &evidence->room, sizeof *evidence->pieces);
        piece = &evidence->pieces[evidence->count++];
        *piece = (struct piece){.place = place, .member = made->member, .window = made->window};
    }
    return piece;
}

static bool is_honest(const struct qnk_oracle *oracle, uint32_t member)
{
    return member < oracle->set->count && !oracle->liars[member];
}

void qnk_oracle_kernel_tx(struct qnk_oracle *oracle, uint32_t node, struct qn_span unsigned_tx)
{
    uint8_t bytes[QNK_TX_HEAD_SIZE + QNK_EVIDENCE_BLOCKS_SIZE + QN_SIG_SIZE];
    uint64_t size = unsigned_tx.size + QN_SIG_SIZE;
    struct qnk_evidence made;
    struct piece *piece;
    struct qnk_tx tx;

    qnk_oracle_count(oracle, QNK_ORACLE_S6);
    if (size > sizeof bytes) {
        return;
    }
    memcpy(bytes, unsigned_tx.data, unsigned_tx.size);
    memset(bytes + unsigned_tx.size, 0, QN_SIG_SIZE);
    if (qnk_tx_decode((struct qn_span){bytes, size}, &tx) != QN_OK || tx.kind != QNK_TX_EVIDENCE ||
        qnk_evidence_decode(tx.payload, &made) != QN_OK) {
        return;
    }
    if (is_honest(oracle, made.member)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S6, node, "it accuses honest member %u: type %u",
                         made.member, made.type);
    }
    piece = piece_at(oracle, &made);
    if (piece->made_us == 0) {
        piece->made_us = qnk_oracle_now(oracle);
        piece->node = node;
        piece->head_window = qnk_window_of(oracle->nodes[node].head, oracle->params.window);
        oracle->figures.evidence_final += piece->is_final;
    }
}

void qnk_oracle_convicted(struct qnk_oracle *oracle, const struct qnk_evidence *evidence,
                          uint64_t window)
{
    struct piece *piece = piece_at(oracle, evidence);

    qnk_oracle_count(oracle, QNK_ORACLE_S6);
    if (is_honest(oracle, evidence->member)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S6, QNK_ORACLE_NOBODY,
                         "window %llu convicts honest member %u: type %u",
                         (unsigned long long)window, evidence->member, evidence->type);
    }
    if (piece->is_final) {
        qnk_oracle_break(oracle, QNK_ORACLE_S6, QNK_ORACLE_NOBODY,
                         "window %llu convicts member %u a second time of the same: type %u",
                         (unsigned long long)window, evidence->member, evidence->type);
    }
    if (evidence->window > window || evidence->window + QNK_EVIDENCE_BACK < window) {
        qnk_oracle_break(oracle, QNK_ORACLE_S6, QNK_ORACLE_NOBODY,
                         "window %llu convicts member %u of something in window %llu",
                         (unsigned long long)window, evidence->member,
                         (unsigned long long)evidence->window);
    }
    oracle->figures.evidence_final += !piece->is_final && piece->made_us != 0;
    piece->is_final = true;
}

bool qnk_oracle_is_accused(const struct qnk_oracle *oracle, const struct qnk_evidence *evidence)
{
    struct qnk_hash place;

    qnk_evidence_place(evidence, &place);
    return piece_find(oracle, &place) != NULL;
}

/* Whether it was made early enough after healing for a block to take it, and the windows that may
 * have it are over. */
static bool is_due(const struct qnk_oracle *oracle, const struct piece *piece)
{
    return oracle->healed_us != 0 && piece->made_us >= oracle->healed_us && !piece->is_final &&
           piece->head_window < piece->window + QNK_EVIDENCE_BACK &&
           qnk_oracle_final_windows(oracle) > piece->window + QNK_EVIDENCE_BACK;
}

bool qnk_oracle_evidenced(struct qnk_oracle *oracle)
{
    uint64_t before = oracle->broken_count;

    for (uint32_t i = 0; i < oracle->evidence->count; i++) {
        const struct piece *piece = &oracle->evidence->pieces[i];

        qnk_oracle_count(oracle, QNK_ORACLE_S6);
        if (is_due(oracle, piece)) {
            qnk_oracle_break(oracle, QNK_ORACLE_S6, piece->node,
                             "evidence against member %u for window %llu has not come on the chain",
                             piece->member, (unsigned long long)piece->window);
        }
    }
    return oracle->broken_count == before;
}
