/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/audit.h"

#include <stdarg.h>
#include <stdio.h>

#include "kernel/chain/merkle.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/tx.h"
#include "kernel/node/guard.h"
#include "kernel/qnet/client.h"

enum { LANE = 0, VALUE_CAP = 17 << 20 };

__attribute__((format(printf, 2, 3))) static void damage(struct qnk_audit *audit,
                                                         const char *format, ...)
{
    char words[QNK_AUDIT_WORDS];
    va_list values;

    va_start(values, format);
    (void)vsnprintf(words, sizeof words, format, values);
    va_end(values);
    if (audit->damages++ < QNK_AUDIT_DAMAGES_SHOWN) {
        audit->damaged(words);
    }
}

/* Whether the status speaks of what is stored; then it is a damage, and the audit goes on. */
static bool is_damage(int32_t status)
{
    return status == QN_CORRUPT || status == QN_NOT_FOUND;
}

/* --- macroblocks --- */

/* `macro` is as stored; whether it could be read at all. */
static bool macro_check(struct qnk_audit *audit, uint64_t window, struct qn_span value,
                        struct qnk_macro *macro)
{
    struct qn_span header = {value.data, QNK_MACRO_SIZE};
    const char *why = "it is cut";

    if (value.size > QNK_MACRO_SIZE) {
        struct qn_span certificate = {value.data + QNK_MACRO_SIZE, value.size - QNK_MACRO_SIZE};

        why = qnk_verify_macro(audit->verifier, header, certificate);
    }
    if (why != NULL) {
        damage(audit, "macroblock %llu: %s", (unsigned long long)window, why);
        audit->verifier->has_last = false; /* the next is judged for itself */
        return value.size > QNK_MACRO_SIZE && qnk_macro_decode(header, macro) == QN_OK;
    }
    audit->macros++;
    *macro = audit->verifier->last;
    return true;
}

static int32_t macro_read(struct qnk_audit *audit, uint64_t window, struct qnk_macro *macro,
                          bool *is_known)
{
    struct qn_sink value;
    int32_t status;

    *is_known = false;
    qnk_sink_init(&value, &qnk_client_budget, VALUE_CAP);
    status = qnk_store_macro(audit->store, LANE, window, &value);
    if (status == QN_OK) {
        *is_known = macro_check(audit, window, qnk_sink_span(&value), macro);
    } else if (is_damage(status)) {
        damage(audit, "macroblock %llu: it is %s", (unsigned long long)window,
               status == QN_NOT_FOUND ? "missing" : "damaged");
        audit->verifier->has_last = false;
        status = QN_OK;
    }
    qnk_sink_done(&value);
    return status;
}

/* --- blocks --- */

static int32_t index_check(struct qnk_audit *audit, const struct qnk_micro *header,
                           const struct qnk_hash *id, uint32_t place)
{
    uint64_t height = 0;
    uint32_t index = 0;
    int32_t status = qnk_store_tx(audit->store, LANE, id, &height, &index);

    if (is_damage(status) || (status == QN_OK && (height != header->height || index != place))) {
        damage(audit, "the index does not lead to transaction %u of block %llu", place,
               (unsigned long long)header->height);
        status = QN_OK;
    }
    return status;
}

/* The names of the body's transactions, which make the header's root. */
static int32_t txs_check(struct qnk_audit *audit, const struct qnk_micro *header,
                         struct qn_span rows, struct qnk_hash *ids)
{
    int32_t status = QN_OK;
    struct qnk_hash root;
    uint32_t count = 0;

    while (status == QN_OK && rows.size > 0 && count < header->tx_count) {
        struct qnk_tx tx;

        if (qnk_tx_next(&rows, &tx) != QN_OK) {
            break;
        }
        qnk_tx_id(&tx, &ids[count]);
        if (audit->has_index) {
            status = index_check(audit, header, &ids[count], count);
        }
        count++;
    }
    qnk_merkle_fold(ids, count, &root);
    if (rows.size > 0 || count != header->tx_count || !qnk_hash_equal(&root, &header->tx_root)) {
        damage(audit, "the body of block %llu: its transactions are not those of the header",
               (unsigned long long)header->height);
        audit->mendable++;
    } else {
        audit->bodies++;
        audit->txs += count;
    }
    return status;
}

static int32_t body_check(struct qnk_audit *audit, const struct qnk_micro *header,
                          struct qn_span rows)
{
    /* One more, so that an empty block takes something too. */
    uint64_t size = ((uint64_t)header->tx_count + 1) * sizeof(struct qnk_hash);
    struct qnk_hash *ids;
    int32_t status;

    if (header->tx_count > header->body_size) {
        damage(audit, "block %llu: more transactions than bytes",
               (unsigned long long)header->height);
        return QN_OK;
    }
    ids = qnk_memory_take(&qnk_client_budget, size);
    status = ids == NULL ? QN_NO_SPACE : txs_check(audit, header, rows, ids);
    qnk_memory_give(&qnk_client_budget, ids, size);
    return status;
}

static int32_t body_read(struct qnk_audit *audit, uint64_t height)
{
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    int32_t status = qnk_store_body(audit->store, LANE, height, &header, &body);

    if (status == QN_OK) {
        status = body_check(audit, &header, qnk_buf_span(body));
    } else if (is_damage(status)) {
        damage(audit, "%s", audit->store->why);
        audit->mendable += audit->store->peers_have_it;
        status = QN_OK;
    }
    qnk_buf_unref(body);
    return status;
}

/* What the headers of a window are checked with. */
struct links {
    struct qnk_hash parent; /* id of the block before */
    bool has_parent;
};

/* `id` is the header's; false: there is none. */
static int32_t header_read(struct qnk_audit *audit, uint64_t height, struct links *links,
                           bool *is_known)
{
    struct qnk_micro header;
    uint64_t place;
    int32_t status = qnk_store_header(audit->store, LANE, height, &header, &place);

    *is_known = status == QN_OK;
    if (is_damage(status)) {
        damage(audit, "the header of block %llu: it is %s", (unsigned long long)height,
               status == QN_NOT_FOUND ? "missing" : "damaged");
        links->has_parent = false;
        return QN_OK;
    }
    if (status != QN_OK) {
        return status;
    }
    if (header.height != height ||
        (links->has_parent && !qnk_hash_equal(&header.parent, &links->parent))) {
        damage(audit, "the header of block %llu: it does not link to the one before",
               (unsigned long long)height);
    } else {
        audit->blocks++;
    }
    qnk_micro_id(&header, &links->parent);
    links->has_parent = true;
    return QN_OK;
}

/* Headers and bodies of a window, against its macroblock if there is one. */
static int32_t blocks_check(struct qnk_audit *audit, uint64_t window, const struct qnk_macro *macro,
                            struct links *links)
{
    uint32_t n = audit->verifier->window;
    uint64_t size = n * sizeof(struct qnk_hash);
    struct qnk_hash *ids = qnk_memory_take(&qnk_client_budget, size);
    bool are_all_known = true;
    int32_t status = ids == NULL ? QN_NO_SPACE : QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < n; i++) {
        uint64_t height = (window - 1) * n + i + 1;
        bool is_known;

        status = header_read(audit, height, links, &is_known);
        are_all_known = are_all_known && is_known;
        if (status == QN_OK && is_known) {
            qnk_hash_leaf(links->parent.bytes, QN_HASH_SIZE, &ids[i]);
            status = body_read(audit, height);
        }
    }
    if (status == QN_OK && are_all_known && macro != NULL) {
        struct qnk_hash root;

        qnk_merkle_fold(ids, n, &root);
        if (!qnk_hash_equal(&root, &macro->blocks)) {
            damage(audit, "the blocks of window %llu are not those of its macroblock",
                   (unsigned long long)window);
        }
    }
    qnk_memory_give(&qnk_client_budget, ids, size);
    return status;
}

static int32_t windows_check(struct qnk_audit *audit, const struct qnk_store_final *final)
{
    struct links links = {.has_parent = false};
    int32_t status = QN_OK;

    for (uint64_t window = 1; status == QN_OK && window <= final->window; window++) {
        struct qnk_macro macro;
        bool is_known;

        status = macro_read(audit, window, &macro, &is_known);
        if (status == QN_OK && final->pages > 0) { /* a light node has no blocks */
            status = blocks_check(audit, window, is_known ? &macro : NULL, &links);
        }
    }
    return status;
}

/* --- what a start reads --- */

static int32_t ledger_check(struct qnk_audit *audit, const struct qnk_store_final *final)
{
    int32_t status = qnk_store_load_ledger(audit->store, LANE, audit->ledger, audit->genesis);

    if (status == QN_CORRUPT) {
        damage(audit, "%s", audit->store->why);
        return QN_OK;
    }
    audit->pages = status == QN_OK ? final->pages : 0;
    return status;
}

/* Where restored events go. */
struct restoring {
    struct qnk_audit *audit;
    struct qnk_guard *guard;
};

static void restored(void *ctx, struct qnk_event *event)
{
    struct restoring *to = ctx;
    struct qnk_audit *audit = to->audit;

    if (event->type == QNK_EVENT_RESTORE_GUARD) {
        if (qnk_guard_restore(to->guard, event->guard) != QN_OK) {
            damage(audit, "the sign guard's record: a validator that has it signs nothing until "
                          "`qnet key resume`");
        } else {
            audit->guards++;
        }
    } else if (event->type == QNK_EVENT_RESTORE_BLOCK) {
        struct qnk_micro header;

        if (qnk_micro_decode(event->block.header, &header) == QN_OK &&
            header.height > audit->height) {
            bool has_index = audit->has_index;

            audit->has_index = false; /* which is of final blocks */
            audit->blocks++;
            if (body_check(audit, &header, qnk_buf_span(event->block.body)) != QN_OK) {
                damage(audit, "no memory for block %llu", (unsigned long long)header.height);
            }
            audit->has_index = has_index;
        }
    } else if (event->type == QNK_EVENT_SUBMIT) {
        audit->waiting += qn_le32_read(event->submit.txs->data);
    }
}

static int32_t restore_check(struct qnk_audit *audit)
{
    struct restoring to = {.audit = audit, .guard = qnk_guard_create(&qnk_client_budget)};
    bool has_guard;
    int32_t status = to.guard == NULL
                         ? QN_NO_SPACE
                         : qnk_store_restore(audit->store, LANE, restored, &to, &has_guard);

    if (status == QN_CORRUPT || (status == QN_OK && audit->store->why[0] != '\0')) {
        damage(audit, "%s", audit->store->why);
        audit->mendable += audit->store->peers_have_it;
        status = QN_OK;
    }
    audit->store->why[0] = '\0';
    if (status == QN_OK) {
        status = qnk_store_restore_txs(audit->store, LANE, restored, &to);
    }
    if (status == QN_OK && audit->store->why[0] != '\0') {
        damage(audit, "%s: of the mempool's copy, which is not needed", audit->store->why);
    }
    qnk_guard_destroy(to.guard);
    return status;
}

int32_t qnk_audit_run(struct qnk_audit *audit)
{
    struct qnk_store_final final;
    int32_t status = qnk_store_final(audit->store, LANE, &final);

    if (status == QN_CORRUPT) {
        damage(audit, "%s", audit->store->why);
        return QN_OK;
    }
    audit->window = final.window;
    audit->height = final.height;
    if (status == QN_OK) {
        status = windows_check(audit, &final);
    }
    if (status == QN_OK) {
        status = ledger_check(audit, &final);
    }
    return status == QN_OK ? restore_check(audit) : status;
}
