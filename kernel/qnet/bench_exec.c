/* SPDX-License-Identifier: MIT */

/* bench_exec.c: blocks of transfers through the ledger, without their signatures, against a plain
 * table: one key after another, nothing kept for undoing, no digest of what changed. */

#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/bytes.h"
#include "kernel/base/hash.h"
#include "kernel/qnet/bench_bed.h"

enum {
    ACCOUNTS = 1000000,
    BRIEF_ACCOUNTS = 1000,
    BLOCK = 5000,
    BRIEF_BLOCK = 500,
    FEE = QNK_BENCH_FEE,
    UNDO_CAP = 64 << 20,
    QUERY_ACCOUNTS = 3,
    SLOT_SIZE = 64,
    SLOT_BALANCE = 32,
    SLOT_NONCE = 40,
};

struct entry {
    struct qnk_hash key;
    uint64_t balance, nonce;
    bool is_used;
};

struct execution {
    uint32_t accounts, block;
    struct qnk_hash *keys;
    const struct qn_ledger_1 *slots;
    struct qn_inst *inst;
    struct qn_ledger_transaction *txs;
    uint8_t (*payloads)[40];
    struct qn_sink undo;
    uint64_t height; /* blocks that the ledger executed */
    /* The plain table. */
    struct entry *table;
    uint64_t mask;
    uint64_t plain_height;
};

/* --- blocks --- */

/* The block's transfers: every account sends in its turn. */
static void block_make(struct execution *it, uint64_t block)
{
    for (uint32_t i = 0; i < it->block; i++) {
        uint64_t k = block * it->block + i;
        uint64_t mixed = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t from = (uint32_t)(k * UINT64_C(7919) % it->accounts);
        uint32_t to = (uint32_t)((mixed >> 32) % it->accounts);

        to = to == from ? (to + 1) % it->accounts : to;
        memcpy(it->payloads[i], it->keys[to].bytes, QN_KEY_SIZE);
        qn_le64_write(it->payloads[i] + QN_KEY_SIZE, 1 + mixed % 1000);
        it->txs[i] = (struct qn_ledger_transaction){
            .from = it->keys[from].bytes,
            .payload = {it->payloads[i], sizeof it->payloads[i]},
            .nonce = k / it->accounts,
            .fee = FEE,
            .valid_until = block + 10,
            .size = 166,
            .key_known = 1,
        };
    }
}

static int32_t effect_drop(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

static uint64_t run_ledger(void *ctx)
{
    struct execution *it = ctx;
    struct qn_effects out = {.ctx = it, .push = effect_drop};
    struct qn_ledger_block block = {.height = it->height + 1,
                                    .window = 1,
                                    .time_ms = it->height,
                                    .producer = it->keys[0].bytes};
    struct qnk_hash digest;
    int32_t status;

    block_make(it, it->height);
    qnk_sink_cut(&it->undo, 0);
    status = it->slots->apply(it->inst, 0, &block, NULL, 0, it->txs, it->block, digest.bytes, &out,
                              &it->undo);
    it->height++;
    return status == QN_OK ? it->block : 0;
}

/* --- the plain table --- */

static struct entry *plain_find(struct execution *it, const uint8_t *key)
{
    uint64_t at = qn_le64_read(key) & it->mask;

    while (it->table[at].is_used && memcmp(it->table[at].key.bytes, key, QN_KEY_SIZE) != 0) {
        at = (at + 1) & it->mask;
    }
    return &it->table[at];
}

static uint64_t run_plain(void *ctx)
{
    struct execution *it = ctx;

    block_make(it, it->plain_height++);
    for (uint32_t i = 0; i < it->block; i++) {
        const struct qn_ledger_transaction *tx = &it->txs[i];
        struct entry *from = plain_find(it, tx->from);
        struct entry *to = plain_find(it, tx->payload.data);
        uint64_t amount = qn_le64_read(tx->payload.data + QN_KEY_SIZE);

        if (!from->is_used || !to->is_used || from->nonce != tx->nonce ||
            from->balance < amount + tx->fee) {
            return 0;
        }
        from->balance -= amount + tx->fee;
        from->nonce++;
        to->balance += amount;
    }
    return it->block;
}

static bool plain_init(struct execution *it)
{
    it->mask = 1;
    while (it->mask < UINT64_C(2) * it->accounts) {
        it->mask *= 2;
    }
    it->table = qnk_memory_take(&qnk_bench_budget, it->mask * sizeof *it->table);
    it->mask--;
    for (uint32_t i = 0; it->table != NULL && i < it->accounts; i++) {
        *plain_find(it, it->keys[i].bytes) =
            (struct entry){.key = it->keys[i], .balance = QNK_BENCH_BALANCE, .is_used = true};
    }
    return it->table != NULL;
}

/* --- first state and check --- */

static bool genesis(struct execution *it, const struct qnk_bench_bed *bed)
{
    uint64_t size = 4 + 40 + 4 + UINT64_C(40) * it->accounts + 16;
    struct qn_buf *record = qnk_buf_new(&qnk_bench_budget, size);
    struct qnk_writer writer;
    int32_t status;

    if (record == NULL) {
        return false;
    }
    writer = qnk_writer_init(record->data, size);
    qnk_writer_u32(&writer, 1);
    qnk_writer_bytes(&writer, bed->validator.bytes, QN_KEY_SIZE);
    qnk_writer_u64(&writer, 1);
    qnk_writer_u32(&writer, it->accounts);
    for (uint32_t i = 0; i < it->accounts; i++) {
        qnk_writer_bytes(&writer, it->keys[i].bytes, QN_KEY_SIZE);
        qnk_writer_u64(&writer, QNK_BENCH_BALANCE);
    }
    qnk_writer_u64(&writer, FEE);
    qnk_writer_u64(&writer, 1);
    status = it->slots->genesis(it->inst, 0, qnk_buf_span(record));
    qnk_buf_unref(record);
    return status == QN_OK;
}

/* Both execute the same blocks; then every slot is compared. */
static bool is_right(struct execution *it)
{
    struct qn_sink answer;
    uint64_t seen = 0;
    bool is_same = true;

    while (it->height < it->plain_height && is_same) {
        is_same = run_ledger(it) != 0;
    }
    while (it->plain_height < it->height && is_same) {
        is_same = run_plain(it) != 0;
    }
    qnk_sink_init(&answer, &qnk_bench_budget, QN_LEDGER_ANSWER_MAX);
    while (seen < it->accounts && is_same) {
        uint8_t first[8];

        qn_le64_write(first, seen);
        qnk_sink_cut(&answer, 0);
        is_same = it->slots->query(it->inst, 0, QUERY_ACCOUNTS, (struct qn_span){first, 8},
                                   &answer) == QN_OK &&
                  answer.size >= SLOT_SIZE;
        for (uint64_t at = 0; is_same && at + SLOT_SIZE <= answer.size; at += SLOT_SIZE, seen++) {
            const struct entry *entry = plain_find(it, answer.data + at);

            is_same = entry->is_used &&
                      entry->balance == qn_le64_read(answer.data + at + SLOT_BALANCE) &&
                      entry->nonce == qn_le64_read(answer.data + at + SLOT_NONCE);
        }
    }
    qnk_sink_done(&answer);
    return is_same && seen == it->accounts;
}

static bool measure(struct qnk_bench *bench, struct execution *it)
{
    struct qnk_bench_row *row = qnk_bench_row(bench, "exec", "transfers/s", "plain-table",
                                              "%u accounts, blocks of %u", it->accounts, it->block);
    struct qnk_hash root;
    double start;

    if (!qnk_bench_measure(bench, row, run_plain, run_ledger, it)) {
        return false;
    }
    if (!is_right(it)) {
        return qnk_bench_fail(bench, "balances and nonces are not those of the plain table");
    }
    row->check = "every balance and nonce = plain table";
    start = qnk_bench_now();
    if (it->slots->root(it->inst, 0, root.bytes) != QN_OK) {
        return qnk_bench_fail(bench, "the amounts are not conserved");
    }
    row->more =
        json_pack("{s:{s:i, s:i, s:i, s:s}, s:i, s:f}", "tx", "bytes", 166, "senders",
                  (int)it->accounts, "accounts", (int)it->accounts, "distribution", "uniform",
                  "block_txs", (int)it->block, "root_of_all_changed_s", qnk_bench_now() - start);
    return true;
}

static bool tables_make(struct execution *it)
{
    it->keys = qnk_memory_take(&qnk_bench_budget, it->accounts * sizeof *it->keys);
    it->txs = qnk_memory_take(&qnk_bench_budget, it->block * sizeof *it->txs);
    it->payloads = qnk_memory_take(&qnk_bench_budget, it->block * sizeof *it->payloads);
    for (uint32_t i = 0; it->keys != NULL && i < it->accounts; i++) {
        qnk_hash_leaf(&i, sizeof i, &it->keys[i]);
    }
    return it->keys != NULL && it->txs != NULL && it->payloads != NULL && plain_init(it);
}

bool qnk_bench_exec(struct qnk_bench *bench)
{
    struct execution it = {0};
    struct qnk_instance *instance = NULL;
    bool is_good =
        qnk_bench_bed(bench) != NULL && qnk_bench_instance(bench, QNK_HOST_LEDGER, NULL, &instance);

    it.accounts = qnk_bench_is_brief(bench) ? BRIEF_ACCOUNTS : ACCOUNTS;
    it.block = qnk_bench_is_brief(bench) ? BRIEF_BLOCK : BLOCK;
    qnk_sink_init(&it.undo, &qnk_bench_budget, UNDO_CAP);
    if (is_good) {
        struct qnk_plugged plugged = qnk_instance_plugged(instance);

        it.slots = plugged.table;
        it.inst = plugged.inst;
        is_good = tables_make(&it) && genesis(&it, bench->bed)
                      ? measure(bench, &it)
                      : qnk_bench_fail(bench, "there is no first state");
    }
    qnk_sink_done(&it.undo);
    qnk_memory_give(&qnk_bench_budget, it.keys, it.accounts * sizeof *it.keys);
    qnk_memory_give(&qnk_bench_budget, it.txs, it.block * sizeof *it.txs);
    qnk_memory_give(&qnk_bench_budget, it.payloads, it.block * sizeof *it.payloads);
    qnk_memory_give(&qnk_bench_budget, it.table, (it.mask + 1) * sizeof *it.table);
    if (instance != NULL) {
        qnk_instance_destroy(instance);
    }
    return is_good;
}
