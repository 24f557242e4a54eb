/* SPDX-License-Identifier: MIT */

/* query_chain.c: blocks, transactions, accounts and proofs. What is above the last final block is
 * in the node and answered on the loop; what is final is on the disk. */

#include <string.h>

#include <qnet/ledger.h>
#include <qnet/storage.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/tx.h"
#include "kernel/host/query_part.h"
#include "kernel/plugin/plugin.h"

enum { ANSWER_CAP = 1 << 20 };

/* --- microblocks --- */

json_t *qnk_json_micro(const struct qnk_micro *header, const struct qnk_hash *id, uint32_t window,
                       bool is_final)
{
    return json_pack(
        "{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:b}", "height",
        qnk_json_u64(header->height), "id", qnk_json_hash(id), "window",
        qnk_json_u64(qnk_window_of(header->height, window)), "view", (int)header->view, "producer",
        qnk_json_u64(header->producer), "time_ms", qnk_json_u64(header->time_ms), "parent",
        qnk_json_hash(&header->parent), "tx_root", qnk_json_hash(&header->tx_root), "effects",
        qnk_json_hash(&header->effects), "txs", qnk_json_u64(header->tx_count), "body_size",
        qnk_json_u64(header->body_size), "backlog", qnk_json_u64(header->backlog), "class",
        (int)header->class, "lag", (int)(header->flags & QNK_MICRO_LAG_MASK), "final", is_final);
}

static void ids_set(json_t *block, struct qn_span ids)
{
    json_t *list = json_array();

    for (uint64_t at = 0; at + QN_HASH_SIZE <= ids.size; at += QN_HASH_SIZE) {
        struct qnk_hash id;

        memcpy(id.bytes, ids.data + at, QN_HASH_SIZE);
        json_array_append_new(list, qnk_json_hash(&id));
    }
    json_object_set_new(block, "ids", list);
}

static json_t *view_json(const struct qnk_block_view *view, const struct qnk_read *read)
{
    json_t *block = qnk_json_micro(view->header, &view->id, read->n, false);

    json_object_set_new(block, "best", json_boolean(view->is_best));
    if (read->has_ids) {
        ids_set(block, view->ids);
    }
    return block;
}

/* The ids of a body's transactions, in order. NULL: no memory, or it is no body. */
static struct qnk_hash *body_ids(struct qnk_budget *budget, struct qn_span rows, uint32_t count)
{
    struct qnk_hash *ids = qnk_memory_take(budget, (count + 1) * sizeof *ids);
    struct qnk_tx tx;

    for (uint32_t i = 0; ids != NULL && i < count; i++) {
        if (qnk_tx_next(&rows, &tx) != QN_OK) {
            qnk_memory_give(budget, ids, (count + 1) * sizeof *ids);
            return NULL;
        }
        qnk_tx_id(&tx, &ids[i]);
    }
    return ids;
}

static json_t *stored_json(struct qnk_read *read, const struct qnk_reach *reach, uint64_t height)
{
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    struct qnk_hash id;
    uint64_t place;
    int32_t status =
        read->has_ids ? qnk_store_body(reach->store, reach->store_lane, height, &header, &body)
                      : qnk_store_header(reach->store, reach->store_lane, height, &header, &place);

    if (status != QN_OK) {
        qnk_read_fail(read, reach, status, "such block");
        return NULL;
    }
    qnk_micro_id(&header, &id);

    json_t *block = qnk_json_micro(&header, &id, read->n, true);

    if (body != NULL) {
        struct qnk_hash *ids = body_ids(read->budget, qnk_buf_span(body), header.tx_count);

        if (ids != NULL) {
            ids_set(block, (struct qn_span){ids->bytes, header.tx_count * sizeof *ids});
            qnk_memory_give(read->budget, ids, (header.tx_count + 1) * sizeof *ids);
        }
        qnk_buf_unref(body);
    }
    return block;
}

static void micro_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    if (!read->is_list) {
        read->answer = stored_json(read, reach, read->height);
        return;
    }

    for (; read->left > 0 && read->height > 0; read->left--, read->height--) {
        json_t *block = stored_json(read, reach, read->height);

        if (block == NULL || !qnk_read_add(read, "blocks", block)) {
            return;
        }
    }
}

/* Blocks from `height` down that are not final yet, into the read's list. False: refused. */
static bool open_blocks(struct qnk_node *node, struct qnk_read *read)
{
    struct qnk_block_view view;

    while (read->left > 0 && read->height > 0 && qnk_node_block_at(node, read->height, &view)) {
        if (!qnk_read_add(read, "blocks", view_json(&view, read))) {
            return false;
        }
        read->height--;
        read->left--;
    }
    return true;
}

static void micro_list(struct qnk_node *node, struct qnk_read *read)
{
    read->is_list = true;
    read->answer = json_pack("{s:[]}", "blocks");
    if (!open_blocks(node, read) || read->left == 0 || read->height == 0) {
        qnk_read_end(read);
    } else {
        qnk_read_start(read);
    }
}

static void micro_by_id(struct qnk_node *node, struct qnk_read *read)
{
    struct qnk_question *question = read->question;
    struct qnk_block_view view;

    if (qnk_node_block(node, &read->id, &view)) {
        read->answer = view_json(&view, read);
        qnk_read_end(read);
        return;
    }
    qnk_memory_give(read->budget, read, sizeof *read);
    qnk_refuse(question, QNK_QUERY_FAILED, "qnet micro get HEIGHT",
               "no block of this id above the last final one; final blocks are found by height");
}

static void micro_by_height(struct qnk_node *node, struct qnk_read *read)
{
    struct qnk_block_view view;

    if (qnk_node_block_at(node, read->height, &view)) {
        read->answer = view_json(&view, read);
        qnk_read_end(read);
    } else {
        qnk_read_start(read);
    }
}

void qnk_ask_micro(struct qnk_question *question)
{
    static const char *const known[] = {"at", "count", "ids", NULL};
    const json_t *at = json_object_get(question->params, "at");
    bool is_by_id = json_is_string(at);
    struct qnk_node *node;
    struct qnk_node_view view;
    struct qnk_hash id = {{0}};
    uint64_t height, count;
    bool has_ids;

    if (!qnk_param_none(question, known) || (node = qnk_query_node(question)) == NULL) {
        return;
    }
    qnk_node_look(node, &view);
    height = view.head_height;
    if (is_by_id ? !qnk_param_hash(question, "at", &id)
                 : !qnk_param_u64(question, "at", view.head_height, INT64_MAX, &height)) {
        return;
    }
    if (!qnk_param_u64(question, "count", 0, QNK_QUERY_LIST_MAX, &count) ||
        !qnk_param_flag(question, "ids", &has_ids)) {
        return;
    }

    struct qnk_read *read = qnk_read_create(question, micro_run);

    if (read == NULL) {
        return;
    }
    read->id = id;
    read->height = height;
    read->left = count;
    read->has_ids = has_ids;
    read->n = qnk_host_config(question->host)->network.window;
    if (count > 0) {
        micro_list(node, read);
    } else if (is_by_id) {
        micro_by_id(node, read);
    } else {
        micro_by_height(node, read);
    }
}

/* --- macroblocks --- */

static void certificate_set(json_t *block, const struct qnk_certificate *cert)
{
    json_t *signers = json_array();

    for (uint32_t i = 0; i < cert->members; i++) {
        if (qnk_bit(cert->bitmap, i)) {
            json_array_append_new(signers, qnk_json_u64(i));
        }
    }
    json_object_set_new(block, "round", qnk_json_u64(cert->round));
    json_object_set_new(block, "era", qnk_json_u64(cert->era));
    json_object_set_new(block, "members", qnk_json_u64(cert->members));
    json_object_set_new(block, "signers", signers);
}

static json_t *macro_json(struct qnk_read *read, struct qn_span header, struct qn_span certificate)
{
    struct qnk_certificate cert;
    struct qnk_macro macro;
    struct qnk_hash digest;

    if (qnk_macro_decode(header, &macro) != QN_OK ||
        qnk_certificate_decode(certificate, &cert) != QN_OK) {
        return NULL;
    }
    qnk_macro_digest(&macro, &digest);

    json_t *block = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "window",
        qnk_json_u64(macro.window), "height", qnk_json_u64(macro.height), "digest",
        qnk_json_hash(&digest), "time_ms", qnk_json_u64(macro.time_ms), "txs",
        qnk_json_u64(macro.tx_total), "previous", qnk_json_hash(&macro.previous), "history",
        qnk_json_hash(&macro.history), "blocks", qnk_json_hash(&macro.blocks), "last",
        qnk_json_hash(&macro.last), "state", qnk_json_hash(&macro.state), "control",
        qnk_json_hash(&macro.control), "set", qnk_json_hash(&macro.set), "next_set",
        qnk_json_hash(&macro.next_set), "beacon", qnk_json_hash(&macro.beacon));

    certificate_set(block, &cert);
    if (read->is_raw) {
        json_object_set_new(block, "header", qnk_json_hex(read->budget, header));
        json_object_set_new(block, "certificate", qnk_json_hex(read->budget, certificate));
    }
    return block;
}

static json_t *stored_macro(struct qnk_read *read, const struct qnk_reach *reach, uint64_t window)
{
    struct qn_sink out;
    json_t *block = NULL;

    qnk_sink_init(&out, read->budget, ANSWER_CAP);

    int32_t status = qnk_store_macro(reach->store, reach->store_lane, window, &out);

    if (status == QN_OK && out.size > QNK_MACRO_SIZE) {
        block = macro_json(read, (struct qn_span){out.data, QNK_MACRO_SIZE},
                           (struct qn_span){out.data + QNK_MACRO_SIZE, out.size - QNK_MACRO_SIZE});
    }
    if (block == NULL) {
        qnk_read_fail(read, reach, status == QN_OK ? QN_CORRUPT : status, "such final window");
    }
    qnk_sink_done(&out);
    return block;
}

static void macro_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    if (!read->is_list) {
        read->answer = stored_macro(read, reach, read->window);
        return;
    }
    read->answer = json_pack("{s:[]}", "blocks");
    for (; read->left > 0 && read->window > 0; read->left--, read->window--) {
        json_t *block = stored_macro(read, reach, read->window);

        if (block == NULL || !qnk_read_add(read, "blocks", block)) {
            return;
        }
    }
}

void qnk_ask_macro(struct qnk_question *question)
{
    static const char *const known[] = {"at", "count", "raw", NULL};
    struct qnk_node *node;
    struct qnk_node_view view;
    uint64_t window, count;
    bool is_raw;

    if (!qnk_param_none(question, known) || (node = qnk_query_node(question)) == NULL) {
        return;
    }
    qnk_node_look(node, &view);
    if (!qnk_param_u64(question, "at", view.final_window, INT64_MAX, &window) ||
        !qnk_param_u64(question, "count", 0, QNK_QUERY_LIST_MAX, &count) ||
        !qnk_param_flag(question, "raw", &is_raw)) {
        return;
    }

    struct qnk_read *read = qnk_read_create(question, macro_run);

    if (read != NULL) {
        read->window = window;
        read->left = count;
        read->is_list = count > 0;
        read->is_raw = is_raw;
        qnk_read_start(read);
    }
}

/* --- transactions --- */

static json_t *tx_json(struct qnk_budget *budget, const struct qnk_tx *tx)
{
    struct qnk_transfer transfer;
    struct qnk_hash from, id;
    json_t *answer;

    memcpy(from.bytes, tx->from, QN_KEY_SIZE);
    qnk_tx_id(tx, &id);
    answer = json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "id", qnk_json_hash(&id), "kind",
                       (int)tx->kind, "from", qnk_json_key(QNK_PREFIX_ACCOUNT, &from), "nonce",
                       qnk_json_amount(tx->nonce), "fee", qnk_json_amount(tx->fee), "valid_until",
                       qnk_json_u64(tx->valid_until), "bytes", qnk_json_hex(budget, tx->bytes));
    if (tx->kind == QNK_TX_TRANSFER && qnk_transfer_decode(tx->payload, &transfer) == QN_OK) {
        json_object_set_new(answer, "to", qnk_json_key(QNK_PREFIX_ACCOUNT, &transfer.to));
        json_object_set_new(answer, "amount", qnk_json_amount(transfer.amount));
    }
    return answer;
}

/* Finds the final transaction `read->id`: its block's body and its place in it. False: refused. */
static bool tx_find(struct qnk_read *read, const struct qnk_reach *reach, struct qnk_micro *header,
                    struct qn_buf **body)
{
    int32_t status =
        qnk_store_tx(reach->store, reach->store_lane, &read->id, &read->height, &read->index);

    if (status == QN_NOT_FOUND) {
        qnk_read_refuse(read, QNK_QUERY_FAILED,
                        reach->store->has_index_tx
                            ? "no such transaction here, neither waiting nor in a block"
                            : "not waiting and not above the last final block, and this node keeps "
                              "no index of transactions");
        read->hint = reach->store->has_index_tx ? NULL : "index: {txs: true} in the node file";
        return false;
    }
    if (status == QN_OK) {
        status = qnk_store_body(reach->store, reach->store_lane, read->height, header, body);
    }
    if (status != QN_OK) {
        qnk_read_fail(read, reach, status, "block of this transaction");
    }
    return status == QN_OK;
}

/* The transaction at `index` of a body. */
static bool tx_at(struct qn_span rows, uint32_t index, struct qnk_tx *tx)
{
    for (uint32_t i = 0; i <= index; i++) {
        if (qnk_tx_next(&rows, tx) != QN_OK) {
            return false;
        }
    }
    return true;
}

static json_t *placed_json(struct qnk_budget *budget, const struct qnk_tx *tx, const char *state,
                           uint64_t height, uint32_t index)
{
    json_t *answer = tx_json(budget, tx);

    json_object_set_new(answer, "state", json_string(state));
    json_object_set_new(answer, "height", qnk_json_u64(height));
    json_object_set_new(answer, "index", qnk_json_u64(index));
    return answer;
}

static void tx_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    struct qnk_tx tx;

    if (!tx_find(read, reach, &header, &body)) {
        return;
    }
    if (tx_at(qnk_buf_span(body), read->index, &tx)) {
        read->answer = placed_json(read->budget, &tx, "final", read->height, read->index);
        json_object_set_new(read->answer, "window",
                            qnk_json_u64(qnk_window_of(read->height, read->n)));
    } else {
        qnk_read_refuse(read, QNK_QUERY_FAILED, "the stored body of block %llu is damaged",
                        (unsigned long long)read->height);
    }
    qnk_buf_unref(body);
}

void qnk_ask_tx(struct qnk_question *question)
{
    static const char *const known[] = {"id", NULL};
    struct qnk_budget *budget = qnk_host_budget(question->host);
    struct qnk_node *node;
    struct qnk_hash id;
    struct qn_span bytes;
    struct qnk_tx tx;
    uint64_t height = 0;
    uint32_t index = 0;

    if (!qnk_param_none(question, known) || (node = qnk_query_full_node(question)) == NULL ||
        !qnk_param_hash(question, "id", &id)) {
        return;
    }

    enum qnk_tx_place place = qnk_node_tx(node, &id, &height, &index, &bytes);

    if (place == QNK_TX_JUDGED) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, "qnet tx wait ID",
                   "this transaction is just being judged");
        return;
    }
    if (place != QNK_TX_NOWHERE && qnk_tx_decode(bytes, &tx) == QN_OK) {
        question->answered(question, placed_json(budget, &tx,
                                                 place == QNK_TX_WAITING ? "waiting" : "included",
                                                 height, index));
        return;
    }

    struct qnk_read *read = qnk_read_create(question, tx_run);

    if (read != NULL) {
        read->id = id;
        read->n = qnk_host_config(question->host)->network.window;
        qnk_read_start(read);
    }
}

/* --- proofs --- */

static json_t *path_json(const struct qnk_merkle_path *path)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < path->count; i++) {
        json_array_append_new(list, qnk_json_hash(&path->nodes[i]));
    }
    return list;
}

static json_t *members_json(const struct qnk_set *set)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < set->count; i++) {
        json_array_append_new(list,
                              json_pack("{s:o, s:o}", "key",
                                        qnk_json_key(QNK_PREFIX_VALIDATOR, &set->members[i].key),
                                        "weight", qnk_json_amount(set->members[i].weight)));
    }
    return list;
}

/* From the block up to the macroblock: the ids of all blocks of the window. */
static bool blocks_path(struct qnk_read *read, const struct qnk_reach *reach,
                        struct qnk_merkle_path *path, uint32_t *place)
{
    uint64_t size = read->n * sizeof(struct qnk_hash);
    struct qnk_hash *ids = qnk_memory_take(read->budget, size);
    uint64_t first = (qnk_window_of(read->height, read->n) - 1) * read->n + 1;
    int32_t status = ids == NULL ? QN_NO_SPACE : QN_OK;
    struct qnk_hash root;

    for (uint32_t i = 0; status == QN_OK && i < read->n; i++) {
        struct qnk_micro header;
        uint64_t at;

        status = qnk_store_header(reach->store, reach->store_lane, first + i, &header, &at);
        if (status == QN_OK) {
            struct qnk_hash id;

            qnk_micro_id(&header, &id);
            qnk_hash_leaf(id.bytes, QN_HASH_SIZE, &ids[i]);
        }
    }
    if (status == QN_OK) {
        *place = (uint32_t)(read->height - first);
        qnk_merkle_prove(ids, read->n, *place, path, &root);
    } else {
        qnk_read_fail(read, reach, status, "block of the window");
    }
    qnk_memory_give(read->budget, ids, size);
    return status == QN_OK;
}

static void proof_fill(struct qnk_read *read, const struct qnk_reach *reach,
                       const struct qnk_micro *header, struct qn_span rows)
{
    struct qnk_hash *ids = body_ids(read->budget, rows, header->tx_count);
    struct qnk_merkle_path tx_path, block_path;
    uint8_t bytes[QNK_MICRO_SIZE];
    struct qnk_hash root;
    struct qnk_tx tx;
    uint32_t place;

    if (ids == NULL || read->index >= header->tx_count || !tx_at(rows, read->index, &tx)) {
        qnk_read_refuse(read, QNK_QUERY_FAILED, "the stored body of block %llu is damaged",
                        (unsigned long long)read->height);
    } else if (blocks_path(read, reach, &block_path, &place)) {
        json_t *macro = stored_macro(read, reach, qnk_window_of(read->height, read->n));

        if (macro != NULL) {
            qnk_merkle_prove(ids, header->tx_count, read->index, &tx_path, &root);
            qnk_micro_encode(header, bytes);
            read->answer = json_pack(
                "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:O, s:o}", "format",
                "qnet.proof/1", "chain_id", qnk_json_hash(&read->chain_id), "tx",
                qnk_json_hex(read->budget, tx.bytes), "id", qnk_json_hash(&read->id), "index",
                qnk_json_u64(read->index), "txs", qnk_json_u64(header->tx_count), "tx_path",
                path_json(&tx_path), "micro",
                qnk_json_hex(read->budget, (struct qn_span){bytes, sizeof bytes}), "place",
                qnk_json_u64(place), "blocks", qnk_json_u64(read->n), "block_path",
                path_json(&block_path), "macro", json_object_get(macro, "header"), "certificate",
                json_object_get(macro, "certificate"), "members", members_json(read->set));
            json_decref(macro);
        }
    }
    if (ids != NULL) {
        qnk_memory_give(read->budget, ids, (header->tx_count + 1) * sizeof *ids);
    }
}

static void proof_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    struct qnk_micro header;
    struct qn_buf *body = NULL;

    if (tx_find(read, reach, &header, &body)) {
        proof_fill(read, reach, &header, qnk_buf_span(body));
        qnk_buf_unref(body);
    }
}

void qnk_ask_proof(struct qnk_question *question)
{
    static const char *const known[] = {"id", NULL};
    struct qnk_host_view host;
    struct qnk_node *node;
    struct qnk_hash id;
    struct qn_span bytes;
    uint64_t height;
    uint32_t index;

    if (!qnk_param_none(question, known) || (node = qnk_query_full_node(question)) == NULL ||
        !qnk_param_hash(question, "id", &id)) {
        return;
    }
    if (qnk_node_tx(node, &id, &height, &index, &bytes) != QNK_TX_NOWHERE) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, "qnet tx wait ID",
                   "this transaction is not final yet");
        return;
    }

    struct qnk_read *read = qnk_read_create(question, proof_run);

    if (read != NULL) {
        qnk_host_look(question->host, &host);
        read->id = id;
        read->chain_id = host.chain_id;
        read->n = qnk_host_config(question->host)->network.window;
        read->is_raw = true;
        read->set = qnk_set_ref((struct qnk_set *)(uintptr_t)qnk_node_set(node));
        qnk_read_start(read);
    }
}

/* --- accounts --- */

/* What the ledger's query `account` answers: at least key, balance, nonce. */
static void account_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    const struct qn_ledger_1 *slots = reach->ledger.table;
    struct qn_span key = {read->id.bytes, QN_KEY_SIZE};
    struct qn_sink out;

    qnk_sink_init(&out, read->budget, QN_LEDGER_ANSWER_MAX);

    int32_t status = slots->query(reach->ledger.inst, reach->ledger_lane, read->query, key, &out);

    if (status == QN_OK && out.size >= QN_KEY_SIZE + 16) {
        read->answer = json_pack("{s:o, s:o, s:o, s:o}", "address",
                                 qnk_json_key(QNK_PREFIX_ACCOUNT, &read->id), "balance",
                                 qnk_json_amount(qn_le64_read(out.data + QN_KEY_SIZE)), "nonce",
                                 qnk_json_amount(qn_le64_read(out.data + QN_KEY_SIZE + 8)), "head",
                                 qnk_json_u64(read->height));
    } else if (status == QN_NOT_FOUND) {
        qnk_read_refuse(read, QNK_QUERY_FAILED, "no such account at the head");
    } else {
        qnk_read_refuse(read, QNK_QUERY_FAILED, "the ledger does not answer (status %d)",
                        (int)status);
    }
    qnk_sink_done(&out);
}

void qnk_ask_account(struct qnk_question *question)
{
    static const char *const known[] = {"address", NULL};
    const struct qnk_plugin *ledger = qnk_host_plugin(question->host, QNK_HOST_LEDGER);
    const struct qnk_manifest_query *query =
        ledger == NULL ? NULL : qnk_manifest_query_find(&ledger->manifest, "account");
    struct qnk_node *node;
    struct qnk_node_view view;
    const char *text;
    struct qnk_hash key;

    if (!qnk_param_none(question, known) || (node = qnk_query_full_node(question)) == NULL ||
        !qnk_param_text(question, "address", &text)) {
        return;
    }
    if (qnk_bech32m_decode(QNK_PREFIX_ACCOUNT, text, key.bytes) != QN_OK) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'%.80s' is no address (qn1...)", text);
        return;
    }
    if (query == NULL) {
        qnk_refuse(question, QNK_QUERY_FAILED, NULL, "this ledger answers no query 'account'");
        return;
    }

    struct qnk_read *read = qnk_read_create(question, account_run);

    if (read != NULL) {
        qnk_node_look(node, &view);
        read->id = key;
        read->height = view.head_height;
        read->query = query->id;
        qnk_read_start(read);
    }
}

/* --- storage --- */

static void storage_run(struct qnk_read *read, const struct qnk_reach *reach)
{
    const struct qn_storage_1 *slots = reach->store->storage.table;
    struct qn_storage_stats stats;
    struct qn_sink out;

    qnk_sink_init(&out, read->budget, ANSWER_CAP);

    int32_t status = slots->stats(reach->store->storage.inst, reach->store_lane, &out);

    if (status == QN_OK) {
        status = qn_storage_stats_read(qnk_sink_span(&out), &stats);
    }
    if (status == QN_OK) {
        json_t *spaces = json_array();

        for (uint32_t i = 0; i < stats.spaces_count; i++) {
            struct qn_storage_space_stats space;

            qn_storage_space_stats_next(&stats.spaces, &space);
            json_array_append_new(
                spaces,
                json_pack("{s:s%, s:s, s:o, s:o}", "name", (const char *)space.name.data,
                          (size_t)space.name.size, "type", space.type == 1 ? "map" : "log", "keys",
                          qnk_json_u64(space.keys), "bytes", qnk_json_u64(space.bytes)));
        }
        read->answer =
            json_pack("{s:o, s:o, s:o, s:o}", "bytes_used", qnk_json_u64(stats.bytes_used),
                      "bytes_capacity", qnk_json_u64(stats.bytes_capacity), "bytes_free_on_disk",
                      qnk_json_u64(stats.bytes_free_on_disk), "spaces", spaces);
    } else {
        qnk_read_fail(read, reach, status, "statistics");
    }
    qnk_sink_done(&out);
}

void qnk_ask_storage(struct qnk_question *question)
{
    static const char *const known[] = {NULL};

    if (!qnk_param_none(question, known) || qnk_query_node(question) == NULL) {
        return;
    }

    struct qnk_read *read = qnk_read_create(question, storage_run);

    if (read != NULL) {
        qnk_read_start(read);
    }
}

/* --- events --- */

static json_t *micro_event(struct qnk_host *host, const struct qnk_effect *note)
{
    struct qnk_block_view view;
    json_t *block = NULL;

    if (qnk_node_block(qnk_host_node(host), &note->note.id, &view)) {
        block = qnk_json_micro(view.header, &view.id, qnk_host_config(host)->network.window, false);
        json_object_set_new(block, "topic", json_string("micro"));
        json_object_set_new(block, "undone", json_boolean(note->note.what == QNK_NOTE_UNDONE));
    }
    return block;
}

static json_t *macro_event(struct qnk_host *host)
{
    struct qnk_node_view view;

    qnk_node_look(qnk_host_node(host), &view);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "topic", "macro", "window",
                     qnk_json_u64(view.final_window), "height", qnk_json_u64(view.final_height),
                     "digest", qnk_json_hash(&view.final), "state", qnk_json_hash(&view.state),
                     "signers", qnk_json_u64(view.signers), "members", qnk_json_u64(view.members),
                     "txs", qnk_json_u64(view.tx_total));
}

static json_t *round_event(struct qnk_host *host)
{
    struct qnk_node_view view;

    qnk_node_look(qnk_host_node(host), &view);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "topic", "round", "window",
                     qnk_json_u64(view.final_window + 1), "round", qnk_json_u64(view.round),
                     "phase", qnk_json_u64(view.vote_phase), "have", qnk_json_u64(view.have),
                     "need", qnk_json_u64(view.need));
}

const char *qnk_query_event(struct qnk_host *host, const struct qnk_effect *note, json_t **event)
{
    if (qnk_host_node(host) == NULL) {
        return NULL;
    }
    switch ((enum qnk_note)note->note.what) {
    case QNK_NOTE_MICROBLOCK:
    case QNK_NOTE_UNDONE:
        if (event != NULL) {
            *event = micro_event(host, note);
        }
        return "micro";
    case QNK_NOTE_FINAL:
        if (event != NULL) {
            *event = macro_event(host);
        }
        return "macro";
    case QNK_NOTE_ROUND:
        if (event != NULL) {
            *event = round_event(host);
        }
        return "round";
    case QNK_NOTE_LOG:
        break;
    }
    return NULL;
}
