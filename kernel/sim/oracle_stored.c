/* SPDX-License-Identifier: MIT */

/* oracle_stored.c: what honest nodes have on their disks is the one final chain: each macroblock
 * with a certificate that is good, the headers that lead to its last block, their bodies, and the
 * place of each transaction by its id. */

#include "kernel/chain/merkle.h"
#include "kernel/sim/oracle_own.h"

enum {
    SINK_CAP = 64 << 20,
    LANE = 0,
};

/* A node whose store is read. */
struct reading {
    struct qnk_oracle *oracle;
    struct qnk_store *store;
    uint32_t node;
};

/* The macroblock of a window, which is that of the final chain. */
static bool macro_read(const struct reading *it, uint64_t window, struct qnk_macro *macro)
{
    struct qnk_oracle *oracle = it->oracle;
    struct qn_sink out;
    struct qnk_hash digest;
    bool is_known = false;

    qnk_sink_init(&out, oracle->budget, SINK_CAP);
    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (qnk_store_macro(it->store, LANE, window, &out) != QN_OK) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, it->node, "it has stored no window %llu",
                         (unsigned long long)window);
    } else if (out.size < QNK_MACRO_SIZE ||
               qnk_macro_decode((struct qn_span){out.data, QNK_MACRO_SIZE}, macro) != QN_OK ||
               (qnk_macro_digest(macro, &digest), !qnk_oracle_is_known(oracle, window, &digest))) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, it->node, "it has stored another window %llu",
                         (unsigned long long)window);
    } else {
        is_known = true;
        qnk_oracle_certified(
            oracle, it->node, window, &digest,
            (struct qn_span){out.data + QNK_MACRO_SIZE, out.size - QNK_MACRO_SIZE});
    }
    qnk_sink_done(&out);
    return is_known;
}

/* What is wrong with the stored rows of a block, or NULL. */
static const char *rows_fault(const struct reading *it, const struct qnk_micro *header,
                              struct qn_span rows)
{
    uint64_t size = ((uint64_t)header->tx_count + 1) * sizeof(struct qnk_hash);
    struct qnk_hash *ids = qnk_oracle_take(it->oracle, size);
    const char *fault = NULL;
    struct qnk_hash root;

    for (uint32_t i = 0; i < header->tx_count && fault == NULL; i++) {
        struct qnk_tx tx;
        uint64_t height = 0;
        uint32_t index = 0;

        if (qnk_tx_next(&rows, &tx) != QN_OK) {
            fault = "with a body that is none";
            break;
        }
        qnk_tx_id(&tx, &ids[i]);
        if (qnk_store_tx(it->store, LANE, &ids[i], &height, &index) != QN_OK ||
            height != header->height || index != i) {
            fault = "with a transaction that is not found by its id";
        }
    }
    qnk_merkle_fold(ids, header->tx_count, &root);
    if (fault == NULL && (rows.size > 0 || !qnk_hash_equal(&root, &header->tx_root))) {
        fault = "with another body";
    }
    qnk_memory_give(it->oracle->budget, ids, size);
    return fault;
}

/* What is wrong with a stored block, or NULL. Gives its parent. */
static const char *block_fault(const struct reading *it, uint64_t height, const struct qnk_hash *id,
                               struct qnk_hash *parent)
{
    struct qnk_micro header;
    struct qnk_hash own;
    struct qn_buf *body = NULL;
    const char *fault;

    if (qnk_store_body(it->store, LANE, height, &header, &body) != QN_OK) {
        return "not at all";
    }
    qnk_micro_id(&header, &own);
    *parent = header.parent;
    fault = qnk_hash_equal(&own, id) ? rows_fault(it, &header, qnk_buf_span(body))
                                     : "that is not of the final chain";
    qnk_buf_unref(body);
    return fault;
}

static void blocks_read(const struct reading *it, const struct qnk_macro *macro)
{
    struct qnk_hash id = macro->last;

    for (uint64_t i = 0; i < macro->blocks_count; i++) {
        struct qnk_hash parent = {{0}};
        const char *fault = block_fault(it, macro->height - i, &id, &parent);

        if (fault != NULL) {
            qnk_oracle_break(it->oracle, QNK_ORACLE_S3, it->node, "it has stored block %llu %s",
                             (unsigned long long)(macro->height - i), fault);
            return;
        }
        id = parent;
    }
}

bool qnk_oracle_stored(struct qnk_oracle *oracle)
{
    uint64_t before = oracle->broken_count;

    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        struct reading it = {.oracle = oracle, .node = i};
        struct qnk_store_final last;
        struct qnk_macro macro;

        if (qnk_oracle_at(oracle, i) == NULL || oracle->nodes[i].has_lost) {
            continue;
        }
        it.store = qnk_world_store(oracle->world, i);
        if (qnk_store_final(it.store, LANE, &last) != QN_OK) {
            qnk_oracle_break(oracle, QNK_ORACLE_S3, i, "what it has stored cannot be read");
            last.window = 0;
        }
        for (uint64_t window = 1; window <= last.window; window++) {
            if (macro_read(&it, window, &macro) && !oracle->nodes[i].is_light) {
                blocks_read(&it, &macro);
            }
        }
    }
    return oracle->broken_count == before;
}
