/* SPDX-License-Identifier: MIT */

/* liar_txs.c: transactions that are not good: a bad signature, forged evidence, and what a block
 * had before. They come in own blocks that are right in all else, for these do nothing to the
 * ledger that was not done without them, and forged evidence alone too. */

#include <qnet/assert.h>

#include "kernel/chain/kernel_tx.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/liar_own.h"

enum {
    TICK_WILL = 30,   /* permille of ticks */
    VALID_FOR = 1000, /* blocks */
};

/* Two votes of somebody else that contradict each other, which nobody signed. */
static struct qnk_evidence evidence_forge(struct qnk_liar *liar, const struct qnk_node_view *view)
{
    uint32_t lie = QNK_LIE_WRONG_TXS, count = liar->all->set->count;
    uint32_t other = count == 1 ? 0 : (uint32_t)qnk_liar_lot(liar, lie, count - 1);
    struct qnk_evidence evidence = {
        .type = QNK_EVIDENCE_DOUBLE_VOTE,
        .member = other < liar->member ? other : (other + 1) % count,
        .window = view->final_window + 1,
    };

    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_vote *vote = &evidence.votes[i];

        *vote = (struct qnk_vote){
            .step = QNK_STEP_FINAL,
            .window = evidence.window,
            .round = 0,
            .vr = -1,
            .member = evidence.member,
            .digest = qnk_liar_hash(liar, lie),
        };
        qnk_liar_bind(liar, vote);
        qnk_liar_bytes(liar, lie, vote->signature, sizeof vote->signature);
    }
    return evidence;
}

/* The liar's own transaction that tells of it. NULL: its node is off. */
static struct qn_buf *forged_make(struct qnk_liar *liar)
{
    uint8_t payload[QNK_EVIDENCE_MAX], message[QNK_TX_MESSAGE_MAX];
    struct qnk_tx whole, tx = {.from = liar->key.bytes, .kind = QNK_TX_EVIDENCE};
    struct qnk_evidence evidence;
    struct qnk_node_view view;
    struct qn_buf *bytes;
    int32_t status;

    if (!qnk_liar_look(liar, &view)) {
        return NULL;
    }
    evidence = evidence_forge(liar, &view);
    tx.valid_until = view.head_height + VALID_FOR;
    tx.payload = (struct qn_span){payload, qnk_evidence_encode(&evidence, payload)};
    bytes = qnk_buf_new(liar->all->budget, qnk_tx_size((uint32_t)tx.payload.size));
    QN_ASSERT(bytes != NULL);
    qnk_tx_encode(&tx, bytes->data);
    status = qnk_tx_decode(qnk_buf_span(bytes), &whole);
    QN_ASSERT(status == QN_OK);

    uint32_t size = qnk_tx_message(&whole, &liar->all->chain_id, message);

    qnk_liar_sign(liar, (struct qn_span){message, size}, bytes->data + bytes->size - QN_SIG_SIZE);
    return bytes;
}

/* Remembers a kernel transaction of its head's block, if it has one. */
static void old_keep(struct qnk_liar *liar, const struct qnk_block_view *block)
{
    struct qn_span rows = block->rows;
    struct qnk_tx tx;

    while (rows.size > 0 && qnk_tx_next(&rows, &tx) == QN_OK) {
        if (qnk_tx_is_kernel(&tx)) {
            qnk_buf_unref(liar->old_tx);
            liar->old_tx = qnk_buf_copy(liar->all->budget, tx.bytes);
            QN_ASSERT(liar->old_tx != NULL);
            return;
        }
    }
}

void qnk_liar_txs_tick(struct qnk_liar *liar)
{
    struct qnk_node_view view;
    struct qnk_block_view head;
    struct qn_buf *forged;

    if ((liar->kinds >> QNK_LIE_WRONG_TXS & 1) == 0 || !qnk_liar_look(liar, &view)) {
        return;
    }
    if (qnk_node_block_at(qnk_world_node(liar->all->world, liar->node), view.head_height, &head)) {
        old_keep(liar, &head);
    }
    forged = qnk_liar_will(liar, QNK_LIE_WRONG_TXS, TICK_WILL) ? forged_make(liar) : NULL;
    if (forged != NULL) {
        uint8_t body[4 + QNK_TX_SIZE_MAX];

        qn_le32_write(body, 1);
        memcpy(body + 4, forged->data, forged->size);
        qnk_liar_say_all(liar, QNK_LANE_TXS, QNK_WIRE_TXS,
                         (struct qn_span){body, 4 + forged->size});
        qnk_buf_unref(forged);
        qnk_liar_told(liar, QNK_LIE_WRONG_TXS);
    }
}

/* A bit of the signature of one of the transfers. False: there is none. */
static bool signature_spoil(struct qnk_liar *liar, struct qn_buf *body)
{
    struct qn_span rows = qnk_buf_span(body);
    struct qnk_tx tx;
    uint8_t *found = NULL;

    while (rows.size > 0 && qnk_tx_next(&rows, &tx) == QN_OK) {
        if (!qnk_tx_is_kernel(&tx) &&
            (found == NULL || qnk_liar_lot(liar, QNK_LIE_WRONG_TXS, 2) == 0)) {
            found = body->data + (tx.signature - body->data);
        }
    }
    if (found != NULL) {
        found[qnk_liar_lot(liar, QNK_LIE_WRONG_TXS, QN_SIG_SIZE)] ^= 1;
    }
    return found != NULL;
}

/* The rows with a transaction before them. */
static struct qn_buf *prefixed(struct qnk_liar *liar, struct qn_span tx, struct qn_span rows)
{
    struct qn_buf *body = qnk_buf_new(liar->all->budget, tx.size + rows.size);

    QN_ASSERT(body != NULL);
    memcpy(body->data, tx.data, tx.size);
    if (rows.size > 0) {
        memcpy(body->data + tx.size, rows.data, rows.size);
    }
    return body;
}

static struct qn_buf *body_spoil(struct qnk_liar *liar, struct qn_span rows)
{
    uint64_t lot = qnk_liar_lot(liar, QNK_LIE_WRONG_TXS, 3);
    struct qn_buf *body = NULL, *forged;

    if (lot == 0 && rows.size > 0) {
        body = qnk_buf_copy(liar->all->budget, rows);
        QN_ASSERT(body != NULL);
        if (signature_spoil(liar, body)) {
            return body;
        }
        qnk_buf_unref(body);
    }
    if (lot == 1 && liar->old_tx != NULL) {
        return prefixed(liar, qnk_buf_span(liar->old_tx), rows);
    }
    forged = forged_make(liar);
    body = forged == NULL ? NULL : prefixed(liar, qnk_buf_span(forged), rows);
    qnk_buf_unref(forged);
    return body;
}

/* What the header says of its body. */
static void header_fit(struct qnk_liar *liar, const struct qn_buf *body, struct qnk_micro *header)
{
    uint32_t room = (uint32_t)(body->size / QNK_TX_SIZE_MIN);
    struct qnk_hash *ids = qnk_memory_take(liar->all->budget, room * sizeof *ids);
    struct qn_span rows = {body->data, body->size};
    struct qnk_tx tx;

    QN_ASSERT(ids != NULL);
    header->tx_count = 0;
    while (rows.size > 0 && qnk_tx_next(&rows, &tx) == QN_OK) {
        qnk_tx_id(&tx, &ids[header->tx_count++]);
    }
    header->body_size = (uint32_t)body->size;
    qnk_merkle_fold(ids, header->tx_count, &header->tx_root);
    qnk_memory_give(liar->all->budget, ids, room * sizeof *ids);
}

struct qn_buf *qnk_liar_txs_spoil(struct qnk_liar *liar, struct qnk_micro *header)
{
    const struct qnk_node *node = qnk_world_node(liar->all->world, liar->node);
    struct qnk_block_view own;
    struct qnk_hash id;
    struct qn_buf *body;

    qnk_micro_id(header, &id);
    if (node == NULL || !qnk_node_block(node, &id, &own)) {
        return NULL;
    }
    body = body_spoil(liar, own.rows);
    if (body != NULL && body->size > QNK_WIRE_PART_SIZE) {
        qnk_buf_unref(body);
        return NULL;
    }
    if (body != NULL) {
        header_fit(liar, body, header);
    }
    return body;
}

void qnk_liar_txs_done(struct qnk_liar *liar)
{
    qnk_buf_unref(liar->old_tx);
}
