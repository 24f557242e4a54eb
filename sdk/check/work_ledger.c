/* SPDX-License-Identifier: MIT */

/* work_ledger.c: transfers among a few accounts, block after block, and then all of them undone. */

#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "sdk/check/work.h"

enum {
    ACCOUNTS = 8,
    MEMBERS = 3,
    TXS = 12, /* of a block */
    BLOCKS_MAX = 64,
    FEE = 2000,
    AMOUNT = 1500000,
    ROOM = 1 << 20,
    RECORD = 1024,
    UNDO = 1 << 14,
    BUILD = 1,
};

struct books {
    struct qn_check_work *work;
    const struct qn_ledger_1 *slots;
    uint8_t keys[ACCOUNTS][QN_KEY_SIZE];
    uint64_t nonces[ACCOUNTS];
    uint8_t payloads[TXS][40];
    struct qn_ledger_transaction txs[TXS];
    uint8_t record[RECORD];
    uint64_t record_size;
    uint8_t undos[BLOCKS_MAX][UNDO];
    uint64_t undo_sizes[BLOCKS_MAX];
    uint32_t what;
    uint8_t root[QN_HASH_SIZE];
    uint8_t proof[ROOM];
    uint64_t proof_size;
    uint64_t pages;
    uint8_t room[ROOM];
};

static void key_make(uint8_t *key, uint64_t number)
{
    uint64_t seed = number * 77 + 1;

    for (uint32_t i = 0; i < QN_KEY_SIZE; i++) {
        key[i] = (uint8_t)(qn_check_random(&seed) >> 40);
    }
}

static void record_make(struct books *it)
{
    uint8_t *to = qn_writer_u32(it->record, MEMBERS);

    for (uint64_t i = 0; i < MEMBERS; i++) {
        key_make(to, 100 + i);
        to = qn_writer_u64(to + QN_KEY_SIZE, 1 + i);
    }
    to = qn_writer_u32(to, ACCOUNTS);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        key_make(it->keys[i], i);
        to = qn_writer_fixed(to, it->keys[i], QN_KEY_SIZE);
        to = qn_writer_u64(to, UINT64_C(1000000000) * (i + 1));
    }
    to = qn_writer_u64(to, 1000);
    to = qn_writer_u64(to, 1000000);
    it->record_size = (uint64_t)(to - it->record);
}

static struct books *books_make(struct qn_check_work *work)
{
    struct books *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->work = work;
    it->slots = (const void *)work->given->plugin->slots;
    record_make(it);
    return it;
}

/* The first state; when the work is repeated it is there already. */
static bool genesis(struct books *it)
{
    int32_t status =
        it->slots->genesis(it->work->inst, 0, (struct qn_span){it->record, it->record_size});

    return status == QN_EXISTS || qn_check_work_ok(it->work, status);
}

static void txs_make(struct books *it)
{
    uint64_t nonces[ACCOUNTS];

    memcpy(nonces, it->nonces, sizeof nonces);
    for (uint32_t i = 0; i < TXS; i++) {
        uint64_t from = qn_check_work_draw(it->work, ACCOUNTS);

        if (qn_check_work_draw(it->work, 3) == 0) {
            key_make(it->payloads[i], 1000 + qn_check_work_draw(it->work, 50));
        } else {
            memcpy(it->payloads[i], it->keys[qn_check_work_draw(it->work, ACCOUNTS)], QN_KEY_SIZE);
        }
        qn_le64_write(it->payloads[i] + QN_KEY_SIZE, AMOUNT + qn_check_work_draw(it->work, 1000));
        it->txs[i] = (struct qn_ledger_transaction){
            .from = it->keys[from],
            .payload = {it->payloads[i], sizeof it->payloads[i]},
            .nonce = nonces[from]++,
            .fee = FEE,
            .valid_until = 2000,
            .size = 166,
            .key_known = 1,
        };
    }
    memcpy(it->nonces, nonces, sizeof nonces);
}

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct books *it = ctx;

    QN_CHECK(payload == NULL);
    qn_check_work_u64(it->work, type);
    qn_check_work_bytes(it->work, body.data, body.size);
    return QN_OK;
}

static int32_t apply(struct books *it, uint64_t height, uint32_t flags, struct qn_effects *out,
                     uint8_t digest[QN_HASH_SIZE], struct qn_sink *undo)
{
    struct qn_ledger_block block = {
        .height = height,
        .window = 1 + height / 10,
        .time_ms = 1000 * height,
        .producer = it->keys[0],
        .flags = flags,
    };

    return it->slots->apply(it->work->inst, 0, &block, NULL, 0, it->txs, TXS, digest, out, undo);
}

/* apply() with too little room for its undo changes nothing: so it can be tried before. */
static void apply_squeeze(struct books *it, uint64_t height)
{
    struct qn_effects none = {.push = qn_check_effect_drop};
    uint8_t digest[QN_HASH_SIZE];

    for (uint64_t cap = 0; it->work->squeezes && cap < 64; cap += 9) {
        struct qn_sink small = {.data = it->room, .cap = cap};

        QN_CHECK(apply(it, height, 0, &none, digest, &small) == QN_NO_SPACE);
    }
}

static bool block_apply(struct books *it, uint32_t place)
{
    struct qn_effects out = {.ctx = it, .push = effect_push};
    struct qn_sink undo = {.data = it->undos[place], .cap = UNDO};
    struct qn_ledger_verdict verdicts[TXS];
    uint8_t digest[QN_HASH_SIZE];

    txs_make(it);
    memset(verdicts, 0, sizeof verdicts);
    if (!qn_check_work_ok(it->work, it->slots->check(it->work->inst, 0, it->txs, TXS, verdicts))) {
        return false;
    }
    for (uint32_t i = 0; i < TXS; i++) {
        qn_check_work_u64(it->work, verdicts[i].code);
        qn_check_work_u64(it->work, verdicts[i].priority);
        qn_check_work_u64(it->work, verdicts[i].next);
    }
    apply_squeeze(it, place + 1);
    if (!qn_check_work_ok(it->work, apply(it, place + 1, 0, &out, digest, &undo))) {
        return false;
    }
    it->undo_sizes[place] = undo.size;
    qn_check_work_bytes(it->work, digest, sizeof digest);
    qn_check_work_bytes(it->work, it->undos[place], undo.size);
    return true;
}

static int32_t prove_call(void *ctx, struct qn_sink *to)
{
    struct books *it = ctx;

    return it->slots->prove(it->work->inst, 0, it->keys[0], 2, to);
}

static int32_t proof_call(void *ctx, struct qn_sink *to)
{
    struct books *it = ctx;

    return it->slots->check_proof(it->work->inst, 0, it->root, it->keys[0],
                                  (struct qn_span){it->proof, it->proof_size}, to);
}

static int32_t members_call(void *ctx, struct qn_sink *to)
{
    struct books *it = ctx;

    return it->slots->members(it->work->inst, 0, to);
}

static int32_t pages_call(void *ctx, struct qn_sink *to)
{
    static const uint64_t indexes[] = {0};
    struct books *it = ctx;

    return it->slots->read_pages(it->work->inst, 0, indexes, 1, to);
}

static int32_t query_call(void *ctx, struct qn_sink *to)
{
    struct books *it = ctx;

    return it->slots->query(it->work->inst, 0, it->what, (struct qn_span){it->keys[1], QN_KEY_SIZE},
                            to);
}

static bool sink_ask(struct books *it, int32_t (*call)(void *ctx, struct qn_sink *))
{
    struct qn_sink to = {.data = it->room, .cap = ROOM};

    if (!qn_check_work_ok(it->work, qn_check_work_sink(it->work, call, it, &to))) {
        return false;
    }
    qn_check_work_bytes(it->work, it->room, to.size);
    if (call == prove_call) {
        memcpy(it->proof, it->room, to.size);
        it->proof_size = to.size;
    }
    return true;
}

static void queries_ask(struct books *it)
{
    for (uint32_t i = 0; i < it->work->ids_count; i++) {
        struct qn_sink to = {.data = it->room, .cap = ROOM};

        it->what = it->work->ids[i];
        qn_check_work_may(it->work, qn_check_work_sink(it->work, query_call, it, &to),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) |
                              QN_CHECK_MAY(QN_NOT_FOUND) |
                              (it->work->may_starve ? QN_CHECK_MAY(QN_NO_SPACE) : 0));
        qn_check_work_bytes(it->work, it->room, to.size);
    }
}

/* All that may be asked at a window's end. */
static bool window_end(struct books *it)
{
    struct qn_sink changed = {.data = it->room, .cap = ROOM};

    if (!qn_check_work_ok(it->work, it->slots->root(it->work->inst, 0, it->root))) {
        return false;
    }
    qn_check_work_bytes(it->work, it->root, sizeof it->root);
    if (!sink_ask(it, prove_call) || !sink_ask(it, members_call) || !sink_ask(it, pages_call)) {
        return false;
    }
    if (!qn_check_work_ok(it->work, it->slots->dirty(it->work->inst, 0, &changed))) {
        return false;
    }
    qn_check_work_bytes(it->work, it->room, changed.size);
    queries_ask(it);
    return true;
}

static void ledger_work(struct qn_check_work *work)
{
    struct books *it = books_make(work);
    uint32_t blocks = work->rounds < BLOCKS_MAX ? work->rounds : BLOCKS_MAX;
    uint32_t done = 0;
    bool goes_on = genesis(it);

    while (goes_on && done < blocks) {
        goes_on = block_apply(it, done);
        done += goes_on;
    }
    goes_on = goes_on && window_end(it);
    while (goes_on && done > 0) {
        done--;
        goes_on = qn_check_work_ok(
            work, it->slots->undo(work->inst, 0,
                                  (struct qn_span){it->undos[done], it->undo_sizes[done]}));
    }
    if (goes_on && qn_check_work_ok(work, it->slots->root(work->inst, 0, it->root))) {
        qn_check_work_bytes(work, it->root, sizeof it->root);
    }
    free(it);
}

/* Transactions of noise under `build`, and false proofs, of a ledger that has a state. */
static void blocks_spoil(struct books *it)
{
    struct qn_effects out = {.push = qn_check_effect_drop};
    struct qn_sink undo = {.data = it->undos[0], .cap = UNDO};
    struct qn_sink value = {.data = it->room, .cap = ROOM};
    uint8_t digest[QN_HASH_SIZE];
    uint64_t proof_size = it->proof_size;

    txs_make(it);
    for (uint32_t i = 0; i < TXS; i++) {
        qn_check_work_fill(it->work, it->payloads[i], sizeof it->payloads[i]);
        it->txs[i].payload.size = qn_check_work_draw(it->work, 41);
        it->txs[i].kind = (uint8_t)qn_check_work_draw(it->work, 256);
        it->txs[i].nonce = qn_check_work_draw(it->work, UINT64_MAX);
        it->txs[i].fee = qn_check_work_draw(it->work, UINT64_MAX);
    }
    QN_CHECK(apply(it, 1, BUILD, &out, digest, &undo) == QN_OK);
    QN_CHECK(it->slots->undo(it->work->inst, 0, (struct qn_span){it->undos[0], undo.size}) ==
             QN_OK);
    it->proof_size = qn_check_work_spoil(it->work, it->proof, proof_size);
    qn_check_work_may(it->work, proof_call(it, &value),
                      QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) | QN_CHECK_MAY(QN_NOT_FOUND));
    it->proof_size = proof_size;
}

/* Before there is a state: records and pages that are none. */
static void states_spoil(struct books *it)
{
    uint64_t size = qn_check_work_spoil(it->work, it->record, it->record_size);
    uint64_t pages = 1 + qn_check_work_draw(it->work, 4);

    if (size < it->record_size) {
        qn_check_work_may(it->work,
                          it->slots->genesis(it->work->inst, 0, (struct qn_span){it->record, size}),
                          QN_CHECK_MAY(QN_INVALID));
    }
    record_make(it);
    qn_check_work_fill(it->work, it->room, pages * QN_LEDGER_PAGE_SIZE);
    qn_check_work_may(it->work,
                      it->slots->load_pages(it->work->inst, 0, 0,
                                            (struct qn_span){it->room, pages * QN_LEDGER_PAGE_SIZE},
                                            1),
                      QN_CHECK_MAY(QN_INVALID));
    qn_check_work_may(
        it->work, it->slots->load_pages(it->work->inst, 0, 0, (struct qn_span){it->room, 17}, 1),
        QN_CHECK_MAY(QN_INVALID));
}

static void ledger_hostile(struct qn_check_work *work)
{
    struct books *it = books_make(work);

    for (uint32_t i = 0; i < work->rounds; i++) {
        states_spoil(it);
    }
    QN_CHECK(genesis(it));
    QN_CHECK(it->slots->root(work->inst, 0, it->root) == QN_OK && sink_ask(it, prove_call));
    for (uint32_t i = 0; i < work->rounds; i++) {
        blocks_spoil(it);
    }
    queries_ask(it);
    free(it);
}

const struct qn_check_worker qn_check_work_ledger = {
    .kind = "ledger",
    .work = ledger_work,
    .hostile = ledger_hostile,
};
