/* SPDX-License-Identifier: MIT */

/* oracle_txs.c: S4: what clients gave to honest nodes and were told of it. */

#include "kernel/chain/wire.h"
#include "kernel/node/tree.h"
#include "kernel/sim/oracle_own.h"

enum { CODE_SIZE = QN_HASH_SIZE + 1 }; /* of an answer: id, code */

struct given_tx {
    struct qnk_hash id;
    struct qnk_hash from;
    uint64_t nonce;
    uint64_t valid_until;
    uint64_t evicted; /* by the node, when it accepted this */
    uint32_t node;    /* that accepted it */
    uint32_t lives;   /* of the node, when it did */
    bool is_accepted;
    bool is_final;
};

struct qnk_oracle_txs {
    struct qnk_index *index;
    struct given_tx *list;
    uint32_t count, room;
};

struct qnk_oracle_txs *qnk_oracle_txs_create(struct qnk_oracle *oracle)
{
    struct qnk_oracle_txs *txs = qnk_oracle_take(oracle, sizeof *txs);

    txs->index = qnk_index_create(oracle->budget, QNK_ORACLE_TXS_MAX, 2);
    QN_ASSERT(txs->index != NULL);
    return txs;
}

void qnk_oracle_txs_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_txs *txs = oracle->txs;

    if (txs != NULL) {
        qnk_index_destroy(txs->index);
        qnk_memory_give(oracle->budget, txs->list, txs->room * sizeof *txs->list);
        qnk_memory_give(oracle->budget, txs, sizeof *txs);
    }
}

static struct given_tx *tx_find(const struct qnk_oracle *oracle, const struct qnk_hash *id)
{
    uint32_t place = qnk_index_find(oracle->txs->index, id);

    return place == QNK_INDEX_NONE ? NULL : &oracle->txs->list[place];
}

static void tx_add(struct qnk_oracle *oracle, const struct qnk_tx *tx)
{
    struct qnk_oracle_txs *txs = oracle->txs;
    struct given_tx *given;
    struct qnk_hash id;

    qnk_tx_id(tx, &id);
    if (tx_find(oracle, &id) != NULL || txs->count == QNK_ORACLE_TXS_MAX) {
        return;
    }
    txs->list = qnk_oracle_grow(oracle, txs->list, txs->count, &txs->room, sizeof *txs->list);
    given = &txs->list[txs->count];
    *given = (struct given_tx){.id = id, .nonce = tx->nonce, .valid_until = tx->valid_until};
    memcpy(given->from.bytes, tx->from, sizeof given->from.bytes);
    qnk_index_put(txs->index, &id, txs->count++);
}

void qnk_oracle_submitted(struct qnk_oracle *oracle, struct qn_span body)
{
    struct qnk_items items;
    struct qnk_tx tx;

    if (qnk_items_decode(body, UINT32_MAX, &items) != QN_OK) {
        return;
    }
    while (items.items.size > 0 && qnk_tx_next(&items.items, &tx) == QN_OK) {
        if (!qnk_tx_is_kernel(&tx)) {
            tx_add(oracle, &tx);
        }
    }
}

static uint64_t evicted_at(const struct qnk_oracle *oracle, uint32_t node)
{
    struct qnk_node *at = qnk_oracle_at(oracle, node);
    struct qnk_node_view view = {0};

    if (at != NULL) {
        qnk_node_look(at, &view);
    }
    return view.mempool.evicted;
}

void qnk_oracle_answered(struct qnk_oracle *oracle, uint32_t node, struct qn_span codes)
{
    for (uint64_t at = 0; at + CODE_SIZE <= codes.size; at += CODE_SIZE) {
        struct qnk_hash id;
        struct given_tx *given;

        memcpy(id.bytes, codes.data + at, sizeof id.bytes);
        given = tx_find(oracle, &id);
        if (codes.data[at + QN_HASH_SIZE] != QNK_TX_OK || given == NULL) {
            continue;
        }
        /* Who accepted it last is the one to ask: another may have lost it with its power. */
        oracle->figures.accepted += !given->is_accepted;
        oracle->figures.accepted_final += !given->is_accepted && given->is_final;
        given->is_accepted = true;
        given->node = node;
        given->lives = oracle->nodes[node].lives;
        given->evicted = evicted_at(oracle, node);
    }
}

void qnk_oracle_tx_final(struct qnk_oracle *oracle, const struct qnk_hash *id, uint64_t height)
{
    struct given_tx *given = tx_find(oracle, id);

    qnk_oracle_count(oracle, QNK_ORACLE_S4);
    if (given == NULL) {
        return;
    }
    if (given->is_final) {
        qnk_oracle_break(oracle, QNK_ORACLE_S4, QNK_ORACLE_NOBODY,
                         "a transaction with nonce %llu is final a second time, at height %llu",
                         (unsigned long long)given->nonce, (unsigned long long)height);
    }
    given->is_final = true;
    oracle->figures.accepted_final += given->is_accepted;
}

static bool is_held(const struct qnk_oracle *oracle, const struct given_tx *given)
{
    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        const struct qnk_node *at = qnk_oracle_at(oracle, i);
        struct qn_span bytes;
        uint64_t height;
        uint32_t index;

        if (at != NULL && !oracle->nodes[i].is_light &&
            qnk_node_tx(at, &given->id, &height, &index, &bytes) != QNK_TX_NOWHERE) {
            return true;
        }
    }
    return false;
}

/* Another one with its nonce waits. */
static bool is_replaced(const struct qnk_oracle *oracle, const struct given_tx *given)
{
    for (uint32_t i = 0; i < oracle->txs->count; i++) {
        const struct given_tx *other = &oracle->txs->list[i];

        if (other != given && other->is_accepted && other->nonce == given->nonce &&
            qnk_hash_equal(&other->from, &given->from) && is_held(oracle, other)) {
            return true;
        }
    }
    return false;
}

/* Its nonce went to another one, or its time is over: at the head, which is above what is final. */
static bool is_refused(const struct qnk_oracle *oracle, const struct given_tx *given)
{
    uint64_t head = qnk_oracle_height(oracle) + QNK_TREE_WINDOWS * oracle->params.window;
    uint64_t nonce;

    return given->valid_until <= head ||
           (qnk_oracle_book_nonce(oracle, &given->from, &nonce) && nonce > given->nonce) ||
           is_replaced(oracle, given);
}

/* The mempool's copy is not durable, and limits let the cheapest go. */
static bool may_be_lost(const struct qnk_oracle *oracle, const struct given_tx *given)
{
    const struct qnk_oracle_node *node = &oracle->nodes[given->node];

    return node->is_liar || node->lives != given->lives ||
           evicted_at(oracle, given->node) != given->evicted ||
           qnk_oracle_at(oracle, given->node) == NULL;
}

bool qnk_oracle_accounted(struct qnk_oracle *oracle)
{
    const struct qnk_oracle_txs *txs = oracle->txs;
    uint64_t before = oracle->broken_count;

    qnk_oracle_count(oracle, QNK_ORACLE_S4);
    for (uint32_t i = 0; i < txs->count; i++) {
        const struct given_tx *given = &txs->list[i];

        if (given->is_accepted && !given->is_final && !is_held(oracle, given) &&
            !is_refused(oracle, given) && !may_be_lost(oracle, given)) {
            qnk_oracle_break(oracle, QNK_ORACLE_S4, given->node,
                             "accepted and then lost: nonce %llu of sender %02x%02x",
                             (unsigned long long)given->nonce, given->from.bytes[0],
                             given->from.bytes[1]);
        }
    }
    return oracle->broken_count == before;
}
