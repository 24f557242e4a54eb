/* SPDX-License-Identifier: MIT */

#include "kernel/node/job.h"

#include <qnet/assert.h>
#include <qnet/ledger.h>
#include <qnet/signature.h>

#include "kernel/chain/merkle.h"
#include "kernel/chain/wire.h"

enum {
    SINK_CAP = 64 << 20, /* bytes of undo, members or dirty pages */
    BUILD_FLAG = 1,      /* ledger.yaml, block.flags */
    PAGES_CAP = 1 << 30, /* bytes of a window's changed pages */
};

/* --- life --- */

struct qnk_job *qnk_job_create(struct qnk_budget *budget, uint32_t kind, uint64_t token)
{
    struct qnk_job *job = qnk_memory_take(budget, sizeof *job);

    if (job != NULL) {
        job->budget = budget;
        job->kind = kind;
        job->token = token;
        qnk_sink_init(&job->kept, budget, SINK_CAP);
    }
    return job;
}

static uint64_t bitmap_size(uint32_t count)
{
    return ((uint64_t)count + 7) / 8;
}

static void refs_done(struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->refs_count; i++) {
        qnk_buf_unref(job->refs[i].buf);
    }
    qnk_memory_give(job->budget, job->refs, job->refs_room * sizeof *job->refs);
    qnk_memory_give(job->budget, job->verdicts, job->refs_room * sizeof *job->verdicts);
    qnk_memory_give(job->budget, job->codes, job->refs_room);
}

void qnk_job_destroy(struct qnk_job *job)
{
    if (job == NULL) {
        return;
    }
    refs_done(job);
    qnk_memory_give(job->budget, job->sigs, job->sigs_room * sizeof *job->sigs);
    qnk_memory_give(job->budget, job->bitmap, bitmap_size(job->sigs_room));
    for (uint32_t i = 0; i < job->more_count; i++) {
        qnk_memory_give(job->budget, job->more[i].indexes, job->more[i].count * sizeof(uint64_t));
    }
    qnk_memory_give(job->budget, job->pages.indexes, job->pages.count * sizeof *job->pages.indexes);
    qnk_buf_unref(job->pages.bytes);
    qnk_buf_unref(job->buf);
    qnk_buf_unref(job->prefix);
    qnk_buf_unref(job->messages);
    qnk_buf_unref(job->context);
    qnk_buf_unref(job->undo);
    qnk_buf_unref(job->rows);
    qnk_buf_unref(job->ids);
    qnk_set_unref(job->members);
    qnk_sink_done(&job->kept);
    qnk_memory_give(job->budget, job, sizeof *job);
}

bool qnk_job_refs(struct qnk_job *job, uint32_t count)
{
    QN_ASSERT(job->refs == NULL);
    job->refs = qnk_memory_take(job->budget, count * sizeof *job->refs);
    if (job->refs == NULL) {
        return false;
    }
    job->refs_room = job->refs_count = count;
    return true;
}

bool qnk_job_sigs(struct qnk_job *job, uint32_t count, uint64_t messages_size)
{
    QN_ASSERT(job->sigs == NULL);
    job->messages = qnk_buf_new(job->budget, messages_size);
    job->sigs = qnk_memory_take(job->budget, count * sizeof *job->sigs);
    if (job->sigs == NULL) {
        return false;
    }
    job->sigs_room = job->sigs_count = count;
    return job->messages != NULL;
}

void qnk_job_sigs_cut(struct qnk_job *job, uint32_t count)
{
    QN_ASSERT(count <= job->sigs_count);
    job->sigs_count = count;
}

uint32_t qnk_job_class(uint32_t kind)
{
    switch ((enum qnk_job_kind)kind) {
    case QNK_JOB_SIGS:
        return QNK_JOB_URGENT;
    case QNK_JOB_APPLY:
    case QNK_JOB_BUILD:
    case QNK_JOB_UNDO:
    case QNK_JOB_END:
        return QNK_JOB_LEDGER;
    case QNK_JOB_INTAKE:
    case QNK_JOB_VERIFY:
    case QNK_JOB_BODY:
    case QNK_JOB_KEEP:
        return QNK_JOB_POOL;
    }
    QN_ASSERT(false);
    return QNK_JOB_POOL;
}

/* --- parts --- */

static void enter(struct qnk_job *job, const struct qnk_job_host *host, bool alone)
{
    if (host->ledger_enter != NULL) {
        host->ledger_enter(host->ctx, alone);
    }
    if (host->ledger_turn != NULL) {
        job->turn = host->ledger_turn(host->ctx);
    }
}

static void leave(const struct qnk_job_host *host, bool alone)
{
    if (host->ledger_leave != NULL) {
        host->ledger_leave(host->ctx, alone);
    }
}

/* The transaction behind a ref, which was decoded before. */
static struct qnk_tx tx_of(const struct qnk_tx_ref *ref)
{
    struct qnk_tx tx;
    struct qn_span bytes = {ref->buf->data + ref->offset, ref->size};
    int32_t status = qnk_tx_decode(bytes, &tx);

    QN_ASSERT(status == QN_OK);
    return tx;
}

static struct qn_ledger_transaction ledger_tx(const struct qnk_tx *tx)
{
    return (struct qn_ledger_transaction){
        .from = tx->from,
        .payload = tx->payload,
        .nonce = tx->nonce,
        .fee = tx->fee,
        .valid_until = tx->valid_until,
        .size = (uint32_t)tx->bytes.size,
        .kind = tx->kind,
        .key_known = 1,
    };
}

/* Reads rows into refs of `buf`; `count` is how many there must be. */
static int32_t read_rows(struct qnk_job *job, struct qn_span rows, uint32_t count)
{
    uint32_t done = 0;

    if (count > rows.size / QNK_TX_SIZE_MIN) {
        return QN_INVALID; /* a claim takes no room that its bytes do not warrant */
    }
    if (!qnk_job_refs(job, count)) {
        return QN_NO_SPACE;
    }
    job->refs_count = 0;
    while (done < count) {
        struct qnk_tx tx;

        if (qnk_tx_next(&rows, &tx) != QN_OK) {
            return QN_INVALID;
        }

        struct qnk_tx_ref *ref = &job->refs[done++];

        qnk_tx_id(&tx, &ref->id);
        ref->buf = qnk_buf_ref(job->buf);
        ref->offset = (uint32_t)(tx.bytes.data - job->buf->data);
        ref->size = (uint32_t)tx.bytes.size;
        ref->is_kernel = qnk_tx_is_kernel(&tx);
        job->refs_count = done;
    }
    return rows.size == 0 ? QN_OK : QN_INVALID;
}

static int32_t root_of(struct qnk_job *job, const struct qnk_tx_ref *refs, uint32_t count,
                       struct qnk_hash *root)
{
    uint64_t size = count * sizeof(struct qnk_hash);
    struct qnk_hash *leaves = qnk_memory_take(job->budget, size);

    if (leaves == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = refs[i].id;
    }
    qnk_merkle_fold(leaves, count, root);
    qnk_memory_give(job->budget, leaves, size);
    return QN_OK;
}

/* --- intake and bodies --- */

static int32_t run_intake(struct qnk_job *job)
{
    struct qnk_items items;
    int32_t status = qnk_items_decode(qnk_buf_span(job->buf),
                                      (uint32_t)(QNK_FRAME_PLAIN_MAX / QNK_TX_SIZE_MIN), &items);

    return status == QN_OK ? read_rows(job, items.items, items.count) : status;
}

/* The header says how many rows there must be. */
static int32_t run_body(struct qnk_job *job)
{
    int32_t status = read_rows(job, qnk_buf_span(job->buf), job->txs_max);

    return status == QN_OK ? root_of(job, job->refs, job->refs_count, &job->root) : status;
}

/* --- signatures --- */

/* What one batch for the signature plugin is made of. */
struct batch {
    struct qn_signature_item *items;
    uint8_t *messages; /* one after another */
    uint8_t *bitmap;
    uint32_t *places; /* of each item in its job */
    uint32_t count;
    uint64_t messages_size;
    uint32_t room;
    uint64_t messages_room;
};

static bool batch_init(struct batch *batch, struct qnk_budget *budget, uint32_t room,
                       uint64_t messages_room)
{
    *batch = (struct batch){.room = room, .messages_room = messages_room};
    batch->items = qnk_memory_take(budget, room * sizeof *batch->items);
    batch->messages = qnk_memory_take(budget, messages_room);
    batch->bitmap = qnk_memory_take(budget, bitmap_size(room));
    batch->places = qnk_memory_take(budget, room * sizeof *batch->places);
    return batch->items != NULL && batch->messages != NULL && batch->bitmap != NULL &&
           batch->places != NULL;
}

static void batch_done(struct batch *batch, struct qnk_budget *budget)
{
    qnk_memory_give(budget, batch->items, batch->room * sizeof *batch->items);
    qnk_memory_give(budget, batch->messages, batch->messages_room);
    qnk_memory_give(budget, batch->bitmap, bitmap_size(batch->room));
    qnk_memory_give(budget, batch->places, batch->room * sizeof *batch->places);
}

static void batch_add(struct batch *batch, const struct qnk_tx *tx, const struct qnk_hash *chain_id,
                      bool key_known, uint32_t place)
{
    uint8_t *message = batch->messages + batch->messages_size;
    uint32_t size = qnk_tx_message(tx, chain_id, message);

    batch->messages_size += size;
    QN_ASSERT(batch->count < batch->room && batch->messages_size <= batch->messages_room);
    batch->items[batch->count] = (struct qn_signature_item){
        .key = tx->from,
        .sig = tx->signature,
        .message = {message, size},
        .key_known = key_known,
    };
    batch->places[batch->count++] = place;
}

static int32_t batch_run(struct batch *batch, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_signature_1 *plugin = host->signature.table;

    if (batch->count == 0) {
        return QN_OK;
    }
    return plugin->verify_batch(host->signature.inst, lane, batch->items, batch->count,
                                batch->bitmap);
}

static int32_t run_sigs(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_signature_1 *plugin = host->signature.table;
    uint64_t size = job->sigs_count * sizeof(struct qn_signature_item);
    struct qn_signature_item *items = qnk_memory_take(job->budget, size);
    int32_t status = QN_NO_SPACE;

    job->bitmap = qnk_memory_take(job->budget, bitmap_size(job->sigs_room));
    if (items != NULL && job->bitmap != NULL) {
        for (uint32_t i = 0; i < job->sigs_count; i++) {
            items[i] = (struct qn_signature_item){
                .key = job->sigs[i].key.bytes,
                .sig = job->sigs[i].signature,
                .message = {job->messages->data + job->sigs[i].offset, job->sigs[i].size},
                .key_known = job->sigs[i].key_known,
            };
        }
        status =
            plugin->verify_batch(host->signature.inst, lane, items, job->sigs_count, job->bitmap);
    }
    qnk_memory_give(job->budget, items, size);
    return status;
}

/* --- transactions --- */

/* Asks the ledger about all refs; its codes and the kernel's are equal up to WRONG. */
static int32_t ask_ledger(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;
    uint64_t txs_size = job->refs_count * sizeof(struct qn_ledger_transaction);
    uint64_t verdicts_size = job->refs_count * sizeof(struct qn_ledger_verdict);
    struct qn_ledger_transaction *txs = qnk_memory_take(job->budget, txs_size);
    struct qn_ledger_verdict *verdicts = qnk_memory_take(job->budget, verdicts_size);
    int32_t status = QN_NO_SPACE;

    if (txs != NULL && verdicts != NULL) {
        for (uint32_t i = 0; i < job->refs_count; i++) {
            struct qnk_tx tx = tx_of(&job->refs[i]);

            txs[i] = ledger_tx(&tx);
        }
        enter(job, host, false);
        status = ledger->check(host->ledger.inst, lane, txs, job->refs_count, verdicts);
        leave(host, false);
    }
    for (uint32_t i = 0; status == QN_OK && i < job->refs_count; i++) {
        job->verdicts[i] = (struct qnk_tx_verdict){
            .next = verdicts[i].next,
            .priority = verdicts[i].priority,
            .code = verdicts[i].code <= QNK_TX_WRONG ? verdicts[i].code : QNK_TX_WRONG,
            .key_known = verdicts[i].key_known != 0,
        };
    }
    qnk_memory_give(job->budget, txs, txs_size);
    qnk_memory_give(job->budget, verdicts, verdicts_size);
    return status;
}

/* Checks the signatures of all that are still good. */
static int32_t ask_signature(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    struct batch batch;
    uint64_t messages_room = 1;
    int32_t status = QN_NO_SPACE;

    for (uint32_t i = 0; i < job->refs_count; i++) {
        messages_room += job->refs[i].size; /* tag and chain id are shorter than the signature */
    }
    if (batch_init(&batch, job->budget, job->refs_count, messages_room)) {
        for (uint32_t i = 0; i < job->refs_count; i++) {
            uint32_t code = job->verdicts[i].code;

            if (!job->refs[i].is_verified && (code == QNK_TX_OK || code == QNK_TX_EARLY)) {
                struct qnk_tx tx = tx_of(&job->refs[i]);

                batch_add(&batch, &tx, &job->chain_id, job->verdicts[i].key_known, i);
            }
        }
        status = batch_run(&batch, host, lane);
    }
    for (uint32_t i = 0; status == QN_OK && i < batch.count; i++) {
        if (!qnk_bit(batch.bitmap, i)) {
            job->verdicts[batch.places[i]].code = QNK_TX_BAD_SIGNATURE;
        }
    }
    batch_done(&batch, job->budget);
    return status;
}

static int32_t run_verify(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    job->verdicts = qnk_memory_take(job->budget, job->refs_room * sizeof *job->verdicts);
    if (job->verdicts == NULL) {
        return QN_NO_SPACE;
    }
    if (job->refs_count == 0) {
        return QN_OK;
    }

    int32_t status = job->is_stateless ? QN_OK : ask_ledger(job, host, lane);

    for (uint32_t i = 0; job->kind == QNK_JOB_KEEP && i < job->refs_count; i++) {
        job->verdicts[i].code = QNK_TX_OK;
    }
    return status == QN_OK ? ask_signature(job, host, lane) : status;
}

/* --- execution --- */

/* Where the ledger's effects go: receipts are not kept, what was left out is noted. */
static int32_t take_ledger_effect(void *ctx, uint32_t type, struct qn_span body,
                                  const struct qn_slice *payload)
{
    struct qnk_job *job = ctx;
    struct qn_ledger_effect_skipped skipped;

    (void)payload;
    if (type == QN_LEDGER_EFFECT_SKIPPED && job->kind == QNK_JOB_BUILD) {
        if (qn_ledger_effect_skipped_read(body, &skipped) != QN_OK ||
            skipped.index >= job->refs_count || skipped.code == QNK_TX_OK) {
            return QN_INVALID;
        }
        job->codes[skipped.index] =
            (uint8_t)(skipped.code <= QNK_TX_WRONG ? skipped.code : QNK_TX_WRONG);
    }
    return QN_OK;
}

/* Applies `count` transactions. */
static int32_t execute(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane,
                       const struct qn_ledger_transaction *txs, uint32_t count)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;
    struct qn_effects out = {.ctx = job, .push = take_ledger_effect};
    struct qn_ledger_block block = {
        .height = job->height,
        .window = job->window,
        .time_ms = job->time_ms,
        .producer = job->producer.bytes,
        .flags = job->kind == QNK_JOB_BUILD ? BUILD_FLAG : 0,
    };

    enter(job, host, true);

    int32_t status =
        ledger->apply(host->ledger.inst, lane, &block, job->offenders, job->offenders_count, txs,
                      count, job->effects.bytes, &out, &job->kept);

    leave(host, true);
    job->has_acted = status == QN_OK;
    if (status != QN_OK) {
        qnk_sink_done(&job->kept);
    }
    return status;
}

/* In a buf of its size: the sink has room for more. */
static int32_t undo_keep(struct qnk_job *job)
{
    if (job->undo == NULL) {
        job->undo = qnk_buf_copy(job->budget, qnk_sink_span(&job->kept));
        if (job->undo == NULL) {
            return QN_NO_SPACE;
        }
        qnk_sink_done(&job->kept);
    }
    return QN_OK;
}

static int32_t apply_rows(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    struct qn_span rows = qnk_buf_span(job->buf);
    uint64_t size = job->txs_max * sizeof(struct qn_ledger_transaction);
    struct qn_ledger_transaction *txs = qnk_memory_take(job->budget, size);
    uint32_t count = 0;

    if (txs == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < job->txs_max; i++) {
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&rows, &tx);

        QN_ASSERT(status == QN_OK); /* the body was decoded before */
        if (!qnk_tx_is_kernel(&tx)) {
            txs[count++] = ledger_tx(&tx);
        }
    }

    int32_t status = execute(job, host, lane, txs, count);

    qnk_memory_give(job->budget, txs, size);
    return status;
}

static int32_t run_apply(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    int32_t status = job->has_acted ? QN_OK : apply_rows(job, host, lane);

    return status == QN_OK ? undo_keep(job) : status;
}

/* The body and its root: the kernel's transactions, then those that the ledger did not leave
 * out. */
static int32_t build_rows(struct qnk_job *job)
{
    uint64_t size = job->prefix_size;
    uint64_t leaves_size = (job->refs_count + job->prefix_count) * sizeof(struct qnk_hash);
    struct qnk_hash *leaves = qnk_memory_take(job->budget, leaves_size);
    struct qn_span prefix = {job->prefix == NULL ? NULL : job->prefix->data, size};
    uint32_t count = 0;

    for (uint32_t i = 0; i < job->refs_count; i++) {
        size += job->codes[i] == QNK_TX_OK ? job->refs[i].size : 0;
    }
    if (job->rows == NULL) {
        job->rows = qnk_buf_new(job->budget, size);
    }
    if (leaves == NULL || job->rows == NULL) {
        qnk_memory_give(job->budget, leaves, leaves_size);
        return QN_NO_SPACE;
    }

    uint8_t *at = job->rows->data;

    if (prefix.size > 0) {
        memcpy(at, prefix.data, prefix.size);
        at += prefix.size;
    }
    for (uint32_t i = 0; i < job->prefix_count; i++) {
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&prefix, &tx);

        QN_ASSERT(status == QN_OK);
        qnk_tx_id(&tx, &leaves[count++]);
    }
    for (uint32_t i = 0; i < job->refs_count; i++) {
        if (job->codes[i] == QNK_TX_OK) {
            memcpy(at, job->refs[i].buf->data + job->refs[i].offset, job->refs[i].size);
            at += job->refs[i].size;
            leaves[count++] = job->refs[i].id;
        }
    }
    job->included = count;
    job->ids = qnk_buf_copy(job->budget,
                            (struct qn_span){(const uint8_t *)leaves, count * sizeof *leaves});
    qnk_merkle_fold(leaves, count, &job->root);
    qnk_memory_give(job->budget, leaves, leaves_size);
    return job->ids != NULL ? QN_OK : QN_NO_SPACE;
}

static int32_t build_apply(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    uint64_t size = job->refs_count * sizeof(struct qn_ledger_transaction);
    struct qn_ledger_transaction *txs = qnk_memory_take(job->budget, size);

    if (job->codes == NULL) {
        job->codes = qnk_memory_take(job->budget, job->refs_room);
    }
    if (txs == NULL || job->codes == NULL) {
        qnk_memory_give(job->budget, txs, size);
        return QN_NO_SPACE;
    }
    memset(job->codes, QNK_TX_OK, job->refs_count); /* nothing of a run that came to nothing */
    for (uint32_t i = 0; i < job->refs_count; i++) {
        struct qnk_tx tx = tx_of(&job->refs[i]);

        txs[i] = ledger_tx(&tx);
    }

    int32_t status = execute(job, host, lane, txs, job->refs_count);

    qnk_memory_give(job->budget, txs, size);
    return status;
}

static int32_t run_build(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    int32_t status = job->has_acted ? QN_OK : build_apply(job, host, lane);

    if (status == QN_OK) {
        status = undo_keep(job);
    }
    return status == QN_OK ? build_rows(job) : status;
}

static int32_t run_undo(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;

    enter(job, host, true);

    int32_t status = ledger->undo(host->ledger.inst, lane, qnk_buf_span(job->buf));

    leave(host, true);
    return status;
}

/* --- a window's end --- */

static int32_t read_members(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;
    struct qn_sink record;

    if (job->members != NULL) {
        return QN_OK;
    }
    qnk_sink_init(&record, job->budget, SINK_CAP);

    int32_t status = ledger->members(host->ledger.inst, lane, &record);

    if (status == QN_OK) {
        status = qnk_set_decode(job->budget, qnk_sink_span(&record), &job->members);
    }
    qnk_sink_done(&record);
    return status == QN_INVALID ? QN_BUG : status;
}

/* The ledger says it once. */
static int32_t read_changed(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;

    if (job->has_acted) {
        return QN_OK;
    }

    int32_t status = ledger->dirty(host->ledger.inst, lane, &job->kept);

    job->has_acted = status == QN_OK;
    if (status != QN_OK) {
        qnk_sink_done(&job->kept);
    }
    return status;
}

/* Entry `i` of list `list`: 0 is what the ledger told, and then those that are asked for besides.
 * UINT64_MAX: it has no more. */
static uint64_t page_at(const struct qnk_job *job, struct qn_span told, uint32_t list, uint64_t i)
{
    const struct qnk_page_list *more = list == 0 ? NULL : &job->more[list - 1];

    if (more != NULL) {
        return i < more->count ? more->indexes[i] : UINT64_MAX;
    }
    return i < told.size / 8 ? qn_le64_read(told.data + i * 8) : UINT64_MAX;
}

/* Goes through the lists, which are ascending, at once; `to` NULL: only counts. Of the pages that
 * are asked for some may be gone: on another branch fewer accounts were opened. */
static uint32_t merge(const struct qnk_job *job, struct qn_span told, uint64_t pages, uint64_t *to)
{
    uint64_t at[1 + QNK_JOB_MORE_MAX] = {0};
    uint32_t count = 0;

    for (;;) {
        uint64_t least = UINT64_MAX;

        for (uint32_t list = 0; list <= job->more_count; list++) {
            uint64_t page = page_at(job, told, list, at[list]);

            least = page < least ? page : least;
        }
        if (least >= pages) {
            return count;
        }
        if (to != NULL) {
            to[count] = least;
        }
        count++;
        for (uint32_t list = 0; list <= job->more_count; list++) {
            at[list] += page_at(job, told, list, at[list]) == least;
        }
    }
}

static int32_t merge_pages(struct qnk_job *job)
{
    struct qn_span told = qnk_sink_span(&job->kept);

    if (job->pages.indexes != NULL) {
        return QN_OK;
    }
    if (told.size < 12 || told.size != 12 + (uint64_t)qn_le32_read(told.data + 8) * 8) {
        return QN_BUG;
    }

    uint64_t pages = qn_le64_read(told.data);
    struct qn_span changed = {told.data + 12, told.size - 12};
    uint32_t count = merge(job, changed, pages, NULL);

    job->pages.indexes = qnk_memory_take(job->budget, count * sizeof *job->pages.indexes);
    if (job->pages.indexes == NULL) {
        return QN_NO_SPACE;
    }
    job->pages.pages = pages;
    job->pages.count = merge(job, changed, pages, job->pages.indexes);
    qnk_sink_done(&job->kept);
    return QN_OK;
}

static int32_t read_pages(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;
    struct qn_sink pages;
    int32_t status = QN_OK;

    if (job->pages.bytes != NULL) {
        return QN_OK;
    }
    qnk_sink_init(&pages, job->budget, PAGES_CAP);
    for (uint32_t done = 0; status == QN_OK && done < job->pages.count;) {
        uint32_t left = job->pages.count - done;
        uint32_t some = left < QN_LEDGER_PAGES_MAX ? left : QN_LEDGER_PAGES_MAX;

        status =
            ledger->read_pages(host->ledger.inst, lane, job->pages.indexes + done, some, &pages);
        done += some;
    }
    if (status == QN_OK && pages.size != (uint64_t)job->pages.count * QN_LEDGER_PAGE_SIZE) {
        status = QN_BUG;
    }
    if (status == QN_OK) {
        job->pages.bytes = qnk_buf_copy(job->budget, qnk_sink_span(&pages));
        status = job->pages.bytes != NULL ? QN_OK : QN_NO_SPACE;
    }
    qnk_sink_done(&pages);
    return status;
}

static int32_t run_end(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->ledger.table;

    enter(job, host, true);

    int32_t status = ledger->root(host->ledger.inst, lane, job->root.bytes);

    if (status == QN_OK) {
        status = read_members(job, host, lane);
    }
    if (status == QN_OK) {
        status = read_changed(job, host, lane);
    }
    if (status == QN_OK) {
        status = merge_pages(job);
    }
    if (status == QN_OK) {
        status = read_pages(job, host, lane);
    }
    leave(host, true);
    return status;
}

static int32_t run(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    switch ((enum qnk_job_kind)job->kind) {
    case QNK_JOB_INTAKE:
        return run_intake(job);
    case QNK_JOB_BODY:
        return run_body(job);
    case QNK_JOB_VERIFY:
    case QNK_JOB_KEEP:
        return run_verify(job, host, lane);
    case QNK_JOB_SIGS:
        return run_sigs(job, host, lane);
    case QNK_JOB_APPLY:
        return run_apply(job, host, lane);
    case QNK_JOB_BUILD:
        return run_build(job, host, lane);
    case QNK_JOB_UNDO:
        return run_undo(job, host, lane);
    case QNK_JOB_END:
        return run_end(job, host, lane);
    }
    QN_ASSERT(false);
    return QN_BUG;
}

void qnk_job_run(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane)
{
    job->status = run(job, host, lane);
}
