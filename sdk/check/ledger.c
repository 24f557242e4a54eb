/* SPDX-License-Identifier: MIT */

#include "sdk/check/ledger.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACCOUNTS_MAX = 1024,
    FIRST = 12,   /* accounts at genesis */
    MEMBERS = 5,  /* validators at genesis */
    TXS_MAX = 64, /* of a block here */
    FEE_MIN = 1000,
    ACCOUNT_MIN = 1000000,
    AHEAD_MAX = 5400, /* blocks that valid_until may lie above the head */
    SIZE = 166,       /* of a transfer */
    BUILD = 1,        /* flag of a block */
    SINK = 8 << 20,   /* bytes of each sink */
    BLOCKS = 12,      /* of a chain in most cases */
    LANES_MAX = 64,
    STARVED_MAX = 1000, /* calls to the host for memory that one call may need */
};

enum { OK, EARLY, STALE, POOR, WRONG };

/* The naive ledger. */
struct account {
    uint8_t key[32];
    uint64_t balance, nonce;
};

struct model {
    struct account accounts[ACCOUNTS_MAX];
    uint32_t count;
    uint64_t fees, height;
};

/* A transaction and what it points to. */
struct tx {
    struct qn_ledger_transaction it;
    uint8_t from[32], payload[41];
};

struct block {
    struct tx txs[TXS_MAX];
    uint32_t count;
    uint32_t codes[TXS_MAX]; /* as the model says */
};

/* An instance under test, and its sink. */
struct ledger {
    struct qn_check_ledger *of;
    struct qn_inst *inst;
    struct qn_node *node;
    struct qn_sink sink;
};

/* What apply() pushed. */
struct pushed {
    uint32_t codes[TXS_MAX];
    uint32_t count, wrong;
};

struct qn_check_ledger {
    struct qn_check_given given;
    const struct qn_ledger_1 *slots;
    uint64_t seed;
    uint8_t record[4096];
    uint64_t record_size;
};

struct qn_check_ledger *qn_check_ledger_start(const struct qn_check_given *given)
{
    struct qn_check_ledger *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->given = *given;
    it->slots = (const void *)given->plugin->slots;
    it->seed = 1;
    return it;
}

void qn_check_ledger_stop(struct qn_check_ledger *it)
{
    free(it);
}

/* --- the naive ledger --- */

/* Key number `i`, in no order. */
static void key_fill(uint8_t *key, uint64_t i)
{
    uint64_t seed = i + 1;

    for (int j = 0; j < 32; j++) {
        key[j] = (uint8_t)(qn_check_random(&seed) >> 40);
    }
    qn_le32_write(key + 20, (uint32_t)i);
}

static struct account *account_find(struct model *model, const uint8_t *key)
{
    for (uint32_t i = 0; i < model->count; i++) {
        if (memcmp(model->accounts[i].key, key, 32) == 0) {
            return &model->accounts[i];
        }
    }
    return NULL;
}

static struct account *account_open(struct model *model, const uint8_t *key)
{
    QN_CHECK(model->count < ACCOUNTS_MAX);

    struct account *account = &model->accounts[model->count++];

    *account = (struct account){.balance = 0};
    memcpy(account->key, key, 32);
    return account;
}

static void model_init(struct model *model)
{
    uint8_t key[32];

    model->count = 0;
    model->fees = model->height = 0;
    for (uint64_t i = 0; i < FIRST; i++) {
        key_fill(key, i);
        account_open(model, key)->balance = UINT64_C(50000000) * (i + 1);
    }
}

static uint32_t model_judge(struct model *model, const struct tx *tx)
{
    const struct account *from = account_find(model, tx->from);
    uint64_t height = model->height + 1;

    if (tx->it.kind != 0 || tx->it.payload.size != 40 || tx->it.fee < FEE_MIN ||
        tx->it.nonce == UINT64_MAX) {
        return WRONG;
    }
    if ((from != NULL && tx->it.nonce < from->nonce) || tx->it.valid_until < height) {
        return STALE;
    }
    if (from == NULL) {
        return POOR;
    }

    uint64_t amount = qn_le64_read(tx->payload + 32);

    if (tx->it.fee > from->balance || amount > from->balance - tx->it.fee) {
        return POOR;
    }
    if (tx->it.nonce > from->nonce || tx->it.valid_until > model->height + AHEAD_MAX) {
        return EARLY;
    }
    return account_find(model, tx->payload) == NULL && amount < ACCOUNT_MIN ? POOR : OK;
}

static uint32_t model_do(struct model *model, const struct tx *tx)
{
    uint32_t code = model_judge(model, tx);

    if (code == OK) {
        struct account *to = account_find(model, tx->payload);
        struct account *from;
        uint64_t amount = qn_le64_read(tx->payload + 32);

        if (to == NULL) {
            to = account_open(model, tx->payload);
        }
        from = account_find(model, tx->from);
        QN_CHECK(to != NULL && from != NULL);
        from->balance -= amount + tx->it.fee;
        from->nonce++;
        to->balance += amount;
        model->fees += tx->it.fee;
    }
    return code;
}

/* --- transactions and blocks --- */

static void tx_init(struct tx *tx, const uint8_t *from, const uint8_t *to, uint64_t amount,
                    uint64_t nonce)
{
    memcpy(tx->from, from, 32);
    memcpy(tx->payload, to, 32);
    qn_le64_write(tx->payload + 32, amount);
    tx->payload[40] = 0;
    tx->it = (struct qn_ledger_transaction){
        .from = tx->from,
        .payload = {tx->payload, 40},
        .nonce = nonce,
        .fee = FEE_MIN,
        .valid_until = 1000,
        .size = SIZE,
        .key_known = 1,
    };
}

static uint64_t chance(struct qn_check_ledger *it, uint64_t below)
{
    return (qn_check_random(&it->seed) >> 20) % below;
}

/* Makes a good transaction wrong in one of many ways. */
static void tx_spoil(struct qn_check_ledger *it, struct tx *tx, const struct model *model)
{
    switch (chance(it, 12)) {
    case 0:
        tx->it.kind = 16;
        break;
    case 1:
        tx->it.payload.size = 39 + 2 * chance(it, 2);
        break;
    case 2:
        tx->it.fee = FEE_MIN - 1;
        break;
    case 3:
        tx->it.nonce += 1 + chance(it, 3);
        break;
    case 4:
        tx->it.nonce -= 1;
        break;
    case 5:
        tx->it.valid_until = model->height;
        break;
    case 6:
        tx->it.valid_until = model->height + AHEAD_MAX + chance(it, 2);
        break;
    case 7:
        qn_le64_write(tx->payload + 32, UINT64_MAX - chance(it, 2000));
        break;
    case 8:
        tx->it.fee = UINT64_MAX;
        break;
    case 9:
        key_fill(tx->from, 2000 + chance(it, 9));
        tx->it.nonce = chance(it, 2);
        break;
    case 10:
        key_fill(tx->payload, 3000 + chance(it, 99));
        qn_le64_write(tx->payload + 32, ACCOUNT_MIN - 1);
        break;
    default:
        tx->it.nonce = UINT64_MAX;
        break;
    }
}

/* A transfer between accounts of the model, or to one of few others; one in `spoiled` is wrong,
 * and none if that is 0. */
static void tx_random(struct qn_check_ledger *it, struct tx *tx, struct model *model,
                      uint64_t spoiled)
{
    const struct account *from = &model->accounts[chance(it, model->count)];
    uint64_t amount = chance(it, 2 * ACCOUNT_MIN);
    uint8_t to[32];

    if (from->balance < 4 * ACCOUNT_MIN) {
        from = &model->accounts[FIRST - 1];
    }
    if (chance(it, 4) == 0) {
        key_fill(to, 1000 + chance(it, 500));
    } else {
        memcpy(to, model->accounts[chance(it, model->count)].key, 32);
    }
    if (account_find(model, to) == NULL) {
        amount += ACCOUNT_MIN;
    }
    tx_init(tx, from->key, to, amount, from->nonce);
    tx->it.fee += chance(it, 100);
    if (spoiled > 0 && chance(it, spoiled) == 0) {
        tx_spoil(it, tx, model);
    }
}

/* Makes a block on top of the model and does it there; codes as in build. */
static void block_random(struct qn_check_ledger *it, struct block *block, struct model *model,
                         uint32_t count, uint64_t spoiled)
{
    block->count = count;
    for (uint32_t i = 0; i < count; i++) {
        tx_random(it, &block->txs[i], model, spoiled);
        block->codes[i] = model_do(model, &block->txs[i]);
        QN_CHECK(spoiled > 0 || block->codes[i] == OK);
    }
    model->height++;
}

/* --- ledgers --- */

static void record_make(struct qn_check_ledger *it, const struct model *model)
{
    uint8_t *to = qn_writer_u32(it->record, MEMBERS);

    for (uint64_t i = 0; i < MEMBERS; i++) {
        key_fill(to, 900 + i);
        to = qn_writer_u64(to + 32, i + 1);
    }
    to = qn_writer_u32(to, model->count);
    for (uint32_t i = 0; i < model->count; i++) {
        to = qn_writer_fixed(to, model->accounts[i].key, 32);
        to = qn_writer_u64(to, model->accounts[i].balance);
    }
    to = qn_writer_u64(to, FEE_MIN);
    to = qn_writer_u64(to, ACCOUNT_MIN);
    it->record_size = (uint64_t)(to - it->record);
}

/* An instance without a state. */
static struct ledger ledger_empty(struct qn_check_ledger *it)
{
    struct ledger ledger = {.of = it, .node = qn_check_node_create(it->given.memory)};

    ledger.inst = qn_check_inst_create(&it->given, ledger.node);
    ledger.sink = (struct qn_sink){.data = malloc(SINK), .cap = SINK};
    QN_CHECK(ledger.sink.data != NULL);
    return ledger;
}

static struct ledger ledger_new(struct qn_check_ledger *it)
{
    struct ledger ledger = ledger_empty(it);
    struct model *model = calloc(1, sizeof *model);

    QN_CHECK(model != NULL);
    model_init(model);
    record_make(it, model);
    free(model);
    QN_CHECK(it->slots->genesis(ledger.inst, 0, (struct qn_span){it->record, it->record_size}) ==
             QN_OK);
    return ledger;
}

static void ledger_end(struct ledger *ledger)
{
    qn_check_inst_destroy(&ledger->of->given, ledger->inst);
    qn_check_node_destroy(ledger->node);
    free(ledger->sink.data);
}

static struct qn_sink *sink_of(struct ledger *ledger)
{
    ledger->sink.size = 0;
    return &ledger->sink;
}

/* What is in the sink, as memory of its own. */
static struct qn_span sink_keep(const struct qn_sink *sink)
{
    uint8_t *copy = malloc(sink->size + 1);

    QN_CHECK(copy != NULL);
    if (sink->size > 0) {
        memcpy(copy, sink->data, sink->size);
    }
    return (struct qn_span){copy, sink->size};
}

static void span_free(struct qn_span span)
{
    union {
        const uint8_t *constant;
        uint8_t *data;
    } it = {.constant = span.data};

    free(it.data);
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct pushed *pushed = ctx;
    struct qn_ledger_effect_receipt receipt;
    struct qn_ledger_effect_skipped skipped;

    (void)payload;
    if (type == QN_LEDGER_EFFECT_RECEIPT && qn_ledger_effect_receipt_read(body, &receipt) == 0 &&
        receipt.index == pushed->count && pushed->count < TXS_MAX) {
        pushed->codes[pushed->count++] = receipt.code;
    } else if (type == QN_LEDGER_EFFECT_SKIPPED &&
               qn_ledger_effect_skipped_read(body, &skipped) == 0 &&
               skipped.index == pushed->count && pushed->count < TXS_MAX && skipped.code != OK) {
        pushed->codes[pushed->count++] = skipped.code;
    } else {
        pushed->wrong += type != QN_LEDGER_EFFECT_HAPPENED;
    }
    return QN_OK;
}

/* Applies some of a block's transactions as the block of `height`; the undo is left in the sink. */
static int32_t apply_some(struct ledger *ledger, const struct block *block, uint64_t height,
                          uint32_t flags, uint8_t *digest, struct pushed *pushed)
{
    struct qn_ledger_transaction txs[TXS_MAX] = {{.from = NULL}};
    struct qn_effects out = {.ctx = pushed, .push = push};
    static const uint8_t producer[32] = {1};
    struct qn_ledger_block it = {.height = height,
                                 .window = 1 + height / 10,
                                 .time_ms = height * 1000,
                                 .producer = producer,
                                 .flags = flags};

    memset(pushed, 0, sizeof *pushed);
    for (uint32_t i = 0; i < block->count; i++) {
        txs[i] = block->txs[i].it;
        txs[i].from = block->txs[i].from; /* the block may be a copy */
        txs[i].payload.data = block->txs[i].payload;
    }
    return ledger->of->slots->apply(ledger->inst, 0, &it, NULL, 0, txs, block->count, digest, &out,
                                    sink_of(ledger));
}

static void apply(struct ledger *ledger, const struct block *block, uint64_t height,
                  uint8_t *digest)
{
    struct pushed pushed;

    QN_CHECK(apply_some(ledger, block, height, 0, digest, &pushed) == QN_OK);
    QN_CHECK(pushed.wrong == 0 && pushed.count == block->count);
}

static void root_of(struct ledger *ledger, uint8_t *root)
{
    QN_CHECK(ledger->of->slots->root(ledger->inst, 0, root) == QN_OK);
}

static int32_t undo(struct ledger *ledger, struct qn_span bytes)
{
    return ledger->of->slots->undo(ledger->inst, 0, bytes);
}

static struct qn_ledger_verdict check_one(struct ledger *ledger, const struct tx *tx)
{
    struct qn_ledger_verdict verdict;

    QN_CHECK(ledger->of->slots->check(ledger->inst, 0, &tx->it, 1, &verdict) == QN_OK);
    return verdict;
}

/* The ledger knows of each account what the model knows, and of no other. */
static void agree(struct ledger *ledger, struct model *model)
{
    struct tx tx;
    uint8_t key[32];

    for (uint32_t i = 0; i < model->count; i++) {
        const struct account *account = &model->accounts[i];
        uint64_t all = account->balance < FEE_MIN ? 0 : account->balance - FEE_MIN;

        tx_init(&tx, account->key, account->key, all, account->nonce);
        tx.it.valid_until = model->height + 1;

        struct qn_ledger_verdict verdict = check_one(ledger, &tx);

        QN_CHECK(verdict.next == account->nonce);
        QN_CHECK(verdict.code == (account->balance < FEE_MIN ? POOR : OK));
        QN_CHECK(account->nonce == 0 || verdict.key_known == 1);
        qn_le64_write(tx.payload + 32, all + 1);
        QN_CHECK(check_one(ledger, &tx).code == POOR);
    }
    for (uint64_t i = 0; i < 20; i++) {
        key_fill(key, 5000 + i);
        tx_init(&tx, key, key, 0, 0);
        tx.it.fee = FEE_MIN;
        QN_CHECK(check_one(ledger, &tx).code == POOR && check_one(ledger, &tx).key_known == 0);
    }
}

/* A chain of random blocks, as the model goes along it. */
struct chain {
    struct model model, models[BLOCKS + 1]; /* of now; before block i */
    struct block blocks[BLOCKS];
    uint8_t digests[BLOCKS][32], roots[BLOCKS + 1][32];
    struct qn_span undos[BLOCKS];
};

static struct chain *chain_new(struct qn_check_ledger *it, uint64_t spoiled)
{
    struct chain *chain = calloc(1, sizeof *chain);

    QN_CHECK(chain != NULL);
    model_init(&chain->model);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        chain->models[i] = chain->model;
        block_random(it, &chain->blocks[i], &chain->model, (uint32_t)chance(it, TXS_MAX), spoiled);
    }
    chain->models[BLOCKS] = chain->model;
    return chain;
}

static void chain_apply(struct chain *chain, struct ledger *ledger, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        apply(ledger, &chain->blocks[i], i + 1, chain->digests[i]);
        span_free(chain->undos[i]);
        chain->undos[i] = sink_keep(&ledger->sink);
    }
}

static void chain_end(struct chain *chain)
{
    for (uint32_t i = 0; i < BLOCKS; i++) {
        span_free(chain->undos[i]);
    }
    free(chain);
}

/* --- genesis --- */

static void genesis_is_refused(struct qn_check_ledger *it, uint64_t size)
{
    struct ledger ledger = ledger_empty(it);
    uint8_t hash[32];

    QN_CHECK(it->slots->genesis(ledger.inst, 0, (struct qn_span){it->record, size}) == QN_INVALID);
    QN_CHECK(it->slots->prove(ledger.inst, 0, hash, 1, sink_of(&ledger)) == QN_NOT_FOUND);
    ledger_end(&ledger);
}

void qn_check_ledger_genesis_once(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct qn_span record = {it->record, it->record_size};
    uint64_t accounts = 4 + MEMBERS * 40 + 4;
    struct model *model = calloc(1, sizeof *model);

    QN_CHECK(model != NULL);
    model_init(model);
    agree(&ledger, model);
    free(model);
    QN_CHECK(it->slots->genesis(ledger.inst, 0, record) == QN_EXISTS);
    QN_CHECK(it->slots->members(ledger.inst, 0, sink_of(&ledger)) == QN_OK);
    QN_CHECK(ledger.sink.size == 4 + MEMBERS * 40);
    QN_CHECK(memcmp(ledger.sink.data, it->record, ledger.sink.size) == 0);
    ledger_end(&ledger);

    for (uint64_t size = 0; size < record.size; size += 37) {
        genesis_is_refused(it, size);
    }
    genesis_is_refused(it, record.size + 1);
    memcpy(it->record + accounts, it->record + accounts + 40, 32); /* an account twice */
    genesis_is_refused(it, record.size);
    memcpy(it->record + 4, it->record + 4 + 40, 32); /* a member twice */
    key_fill(it->record + accounts, 0);
    genesis_is_refused(it, record.size);
    key_fill(it->record + 4, 900);
    qn_le64_write(it->record + 4 + 32, 0); /* a member without weight */
    genesis_is_refused(it, record.size);
    qn_le64_write(it->record + 4 + 32, 1);
    qn_le64_write(it->record + accounts + 32, ACCOUNT_MIN - 1);
    genesis_is_refused(it, record.size);
    qn_le64_write(it->record + accounts + 32, UINT64_MAX); /* over 64 bits together */
    genesis_is_refused(it, record.size);
    qn_le32_write(it->record, 0); /* nobody votes */
    genesis_is_refused(it, record.size);
}

/* --- blocks --- */

/* One transfer as a block. */
static void transfer(struct ledger *ledger, struct model *model, uint32_t from, const uint8_t *to,
                     uint64_t amount)
{
    struct block block = {.count = 1};
    uint8_t digest[32];

    tx_init(&block.txs[0], model->accounts[from].key, to, amount, model->accounts[from].nonce);
    QN_CHECK(model_do(model, &block.txs[0]) == OK);
    apply(ledger, &block, ++model->height, digest);
    agree(ledger, model);
}

void qn_check_ledger_transfers_move_amounts(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    struct model *model = &chain->model;
    uint8_t key[32];

    key_fill(key, 4000);
    model_init(model);
    transfer(&ledger, model, 0, model->accounts[1].key, 5);
    transfer(&ledger, model, 0, model->accounts[0].key, 7);
    transfer(&ledger, model, 1, model->accounts[0].key, 0);
    transfer(&ledger, model, 1, key, ACCOUNT_MIN);
    transfer(&ledger, model, FIRST, key, ACCOUNT_MIN - FEE_MIN);
    transfer(&ledger, model, FIRST, model->accounts[3].key, ACCOUNT_MIN - 2 * FEE_MIN);
    transfer(&ledger, model, 2, key, 1);
    transfer(&ledger, model, 2, model->accounts[1].key, model->accounts[2].balance - FEE_MIN);
    ledger_end(&ledger);

    ledger = ledger_new(it);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        chain_apply(chain, &ledger, i, i + 1);
        agree(&ledger, &chain->models[i + 1]);
    }
    chain_end(chain);
    ledger_end(&ledger);
}

/* What changed since the last call, whose list must not be empty. */
static void changed_pages(struct ledger *ledger)
{
    const struct qn_ledger_1 *slots = ledger->of->slots;

    QN_CHECK(slots->dirty(ledger->inst, 0, sink_of(ledger)) == QN_OK);
    QN_CHECK(ledger->sink.size > 12 && qn_le32_read(ledger->sink.data + 8) > 0);
}

/* Sinks that take nothing. */
static void without_sinks(struct ledger *ledger, struct block *block)
{
    const struct qn_ledger_1 *slots = ledger->of->slots;
    uint64_t cap = ledger->sink.cap;
    struct pushed pushed;
    uint8_t digest[32];

    ledger->sink.cap = 4;
    QN_CHECK(apply_some(ledger, block, BLOCKS + 1, 0, digest, &pushed) == QN_NO_SPACE);
    QN_CHECK(slots->members(ledger->inst, 0, sink_of(ledger)) == QN_NO_SPACE);
    QN_CHECK(slots->dirty(ledger->inst, 0, sink_of(ledger)) == QN_NO_SPACE);
    QN_CHECK(ledger->sink.size == 0);
    ledger->sink.cap = cap;
    changed_pages(ledger); /* it is not forgotten */
}

/* A call that may lack memory: with none left, then one take more, until there is enough. It was
 * done once then, and before that not at all. */
static void starve(struct ledger *ledger, struct chain *chain, struct block *block,
                   struct qn_span back)
{
    uint8_t digest[32], root[32];
    struct pushed pushed;
    int32_t status = QN_NO_SPACE;

    for (uint64_t takes = 0; status != QN_OK; takes++) {
        QN_CHECK(takes < STARVED_MAX);
        qn_check_node_starve(ledger->node, takes);
        if (back.data == NULL) {
            status = apply_some(ledger, block, BLOCKS + 1, 0, digest, &pushed);
        } else {
            status = undo(ledger, back);
        }
        QN_CHECK(status == QN_OK || (status == QN_NO_SPACE && ledger->sink.size == 0));
        if (takes % 2 == 0) {
            int32_t rooted = ledger->of->slots->root(ledger->inst, 0, root);

            QN_CHECK(rooted == QN_OK || rooted == QN_NO_SPACE);
        }
        qn_check_node_starve(ledger->node, UINT64_MAX);
        if (status != QN_OK) {
            agree(ledger, back.data == NULL ? &chain->models[BLOCKS] : &chain->model);
        }
    }
}

/* What memory lacks for, of the host or of a sink, is a local failure, and nothing is done. */
static void without_memory(struct ledger *ledger, struct chain *chain)
{
    struct model *model = &chain->model;
    struct block block = {.count = 1};
    uint8_t before[32], after[32] = {0}, root[32], key[32];
    struct qn_span none = {NULL, 0};
    struct qn_span back;

    *model = chain->models[BLOCKS];
    key_fill(key, 7000);
    tx_init(&block.txs[0], model->accounts[0].key, key, ACCOUNT_MIN, model->accounts[0].nonce);
    QN_CHECK(model_do(model, &block.txs[0]) == OK);
    model->height++;
    root_of(ledger, before);
    without_sinks(ledger, &block);
    for (uint32_t i = 0; i < 3; i++) {
        starve(ledger, chain, &block, none);
        agree(ledger, model);
        back = sink_keep(&ledger->sink);
        root_of(ledger, root);
        QN_CHECK(i == 0 || memcmp(root, after, 32) == 0);
        memcpy(after, root, 32);
        ledger->sink.size = 0;
        starve(ledger, chain, &block, back);
        span_free(back);
        agree(ledger, &chain->models[BLOCKS]);
        root_of(ledger, root);
        QN_CHECK(memcmp(root, before, 32) == 0);
    }
}

void qn_check_ledger_apply_is_all_or_nothing(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    uint8_t before[32], after[32], digest[32];
    uint32_t refused = 0;

    chain_apply(chain, &ledger, 0, BLOCKS);
    root_of(&ledger, before);
    for (uint32_t i = 0; i < 100; i++) {
        struct model *model = &chain->model;
        struct block *block = &chain->blocks[0];
        struct pushed pushed;
        uint32_t bad = 0;

        *model = chain->models[BLOCKS];
        block_random(it, block, model, 1 + (uint32_t)chance(it, TXS_MAX - 1), 10);
        for (uint32_t j = 0; j < block->count; j++) {
            bad += block->codes[j] != OK;
        }
        if (bad == 0) {
            continue;
        }
        refused++;
        memset(digest, 0xa5, sizeof digest);
        QN_CHECK(apply_some(&ledger, block, BLOCKS + 1, 0, digest, &pushed) == QN_INVALID);
        QN_CHECK(ledger.sink.size == 0 && digest[0] == 0xa5 && digest[31] == 0xa5);
        root_of(&ledger, after);
        QN_CHECK(memcmp(before, after, 32) == 0);
    }
    QN_CHECK(refused > 50);
    agree(&ledger, &chain->models[BLOCKS]);
    without_memory(&ledger, chain);
    chain_end(chain);
    ledger_end(&ledger);
}

/* What is not the latest undo, or not whole, changes nothing. */
static void false_undos(struct qn_check_ledger *it, struct ledger *ledger, struct chain *chain)
{
    struct qn_span last = chain->undos[BLOCKS - 1];
    uint8_t *copy = malloc(last.size + 1);

    QN_CHECK(copy != NULL);
    memcpy(copy, last.data, last.size);
    for (uint64_t size = 0; size < last.size; size += 1 + size / 16) {
        QN_CHECK(undo(ledger, (struct qn_span){copy, size}) == QN_CORRUPT);
    }
    copy[last.size] = 0;
    QN_CHECK(undo(ledger, (struct qn_span){copy, last.size + 1}) == QN_CORRUPT);
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t bit = chance(it, last.size * 8);

        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        QN_CHECK(undo(ledger, (struct qn_span){copy, last.size}) == QN_CORRUPT);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t i = 0; i < BLOCKS - 1; i++) {
        QN_CHECK(undo(ledger, chain->undos[i]) == QN_CORRUPT);
    }
    agree(ledger, &chain->models[BLOCKS]);
    free(copy);
}

void qn_check_ledger_undo_is_exact(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    uint8_t root[32], digest[32];

    for (uint32_t i = 0; i < BLOCKS; i++) {
        root_of(&ledger, chain->roots[i]);
        chain_apply(chain, &ledger, i, i + 1);
    }
    root_of(&ledger, chain->roots[BLOCKS]);
    false_undos(it, &ledger, chain);
    for (uint32_t depth = 1; depth <= BLOCKS; depth++) {
        uint32_t back = BLOCKS - depth;

        for (uint32_t i = BLOCKS; i > back; i--) {
            QN_CHECK(undo(&ledger, chain->undos[i - 1]) == QN_OK);
        }
        agree(&ledger, &chain->models[back]);
        if (depth % 3 != 0) { /* asked at every depth, it could hide what a root would miss */
            root_of(&ledger, root);
            QN_CHECK(memcmp(root, chain->roots[back], 32) == 0);
        }
        for (uint32_t i = back; i < BLOCKS; i++) {
            memcpy(digest, chain->digests[i], 32);
            chain_apply(chain, &ledger, i, i + 1);
            QN_CHECK(memcmp(digest, chain->digests[i], 32) == 0);
        }
        root_of(&ledger, root);
        QN_CHECK(memcmp(root, chain->roots[BLOCKS], 32) == 0);
    }
    chain_end(chain);
    ledger_end(&ledger);
}

/* What is left of a block without what was skipped. */
static void block_keep_good(struct block *block)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < block->count; i++) {
        if (block->codes[i] == OK) {
            block->codes[count] = OK;
            block->txs[count++] = block->txs[i];
        }
    }
    block->count = count;
}

void qn_check_ledger_build_skips_what_is_wrong(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger builder = ledger_new(it), follower = ledger_new(it);
    struct chain *chain = chain_new(it, 3);
    uint32_t seen = 0;

    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct block *block = &chain->blocks[i];
        struct pushed pushed;
        uint8_t built[32], followed[32];

        QN_CHECK(apply_some(&builder, block, i + 1, BUILD, built, &pushed) == QN_OK);
        QN_CHECK(pushed.wrong == 0 && pushed.count == block->count);
        for (uint32_t j = 0; j < block->count; j++) {
            QN_CHECK(pushed.codes[j] == block->codes[j]);
            seen |= 1u << block->codes[j];
        }
        block_keep_good(block);
        apply(&follower, block, i + 1, followed);
        QN_CHECK(memcmp(built, followed, 32) == 0);
        agree(&builder, &chain->models[i + 1]);
    }
    QN_CHECK(seen == (1u << OK | 1u << EARLY | 1u << STALE | 1u << POOR | 1u << WRONG));
    chain_end(chain);
    ledger_end(&builder);
    ledger_end(&follower);
}

void qn_check_ledger_digest_tells_states_apart(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct model *model = calloc(1, sizeof *model);
    uint8_t digests[6][32], key[32];
    struct block block = {.count = 1};

    QN_CHECK(model != NULL);
    model_init(model);
    key_fill(key, 4000);
    for (uint32_t i = 0; i < 6; i++) {
        const uint8_t *to = i == 1 ? key : model->accounts[1 + (i == 2)].key;

        block.count = i < 5;
        tx_init(&block.txs[0], model->accounts[0].key, to, 2 * ACCOUNT_MIN + (i == 3), 0);
        block.txs[0].it.fee += i == 4;
        apply(&ledger, &block, 1, digests[i]);
        for (uint32_t j = 0; j < i; j++) {
            QN_CHECK(memcmp(digests[i], digests[j], 32) != 0);
        }

        struct qn_span kept = sink_keep(&ledger.sink);

        QN_CHECK(undo(&ledger, kept) == QN_OK);
        span_free(kept);
    }
    free(model);
    ledger_end(&ledger);
}

/* --- roots and pages --- */

void qn_check_ledger_root_is_a_function_of_state(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger often = ledger_new(it), once = ledger_new(it), astray = ledger_new(it);
    struct chain *chain = chain_new(it, 0), *other = chain_new(it, 0);
    uint8_t roots[3][32];

    /* The other chain goes its own way from the first block on. */
    chain_apply(other, &astray, 0, 5);
    root_of(&astray, roots[2]);
    chain_apply(other, &astray, 5, BLOCKS);
    for (uint32_t i = BLOCKS; i > 0; i--) {
        QN_CHECK(undo(&astray, other->undos[i - 1]) == QN_OK);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        chain_apply(chain, &often, i, i + 1);
        root_of(&often, chain->roots[i + 1]);
        for (uint32_t j = 0; j < i; j++) {
            QN_CHECK(memcmp(chain->roots[i + 1], chain->roots[j], 32) != 0);
        }
    }
    chain_apply(chain, &once, 0, BLOCKS);
    root_of(&once, roots[1]);
    chain_apply(chain, &astray, 0, BLOCKS);
    root_of(&astray, roots[2]);
    QN_CHECK(memcmp(roots[1], chain->roots[BLOCKS], 32) == 0);
    QN_CHECK(memcmp(roots[2], chain->roots[BLOCKS], 32) == 0);
    root_of(&astray, roots[0]);
    QN_CHECK(memcmp(roots[0], roots[2], 32) == 0);
    chain_end(chain);
    chain_end(other);
    ledger_end(&often);
    ledger_end(&once);
    ledger_end(&astray);
}

/* The pages of a state, as a node keeps them. */
struct kept {
    uint8_t *pages;
    uint64_t count;
};

/* Reads what changed since the last time over what is kept. */
static void pages_keep(struct ledger *ledger, struct kept *kept)
{
    const struct qn_ledger_1 *slots = ledger->of->slots;
    uint64_t last = UINT64_MAX;

    QN_CHECK(slots->dirty(ledger->inst, 0, sink_of(ledger)) == QN_OK);

    struct qn_span list = sink_keep(&ledger->sink);
    uint32_t changed = list.size >= 12 ? qn_le32_read(list.data + 8) : 0;

    QN_CHECK(list.size == 12 + (uint64_t)changed * 8);
    kept->count = qn_le64_read(list.data);
    kept->pages = realloc(kept->pages, kept->count * QN_LEDGER_PAGE_SIZE);
    QN_CHECK(kept->pages != NULL);
    for (uint32_t i = 0; i < changed; i++) {
        uint64_t index = qn_le64_read(list.data + 12 + (uint64_t)i * 8);

        QN_CHECK(index < kept->count && (last == UINT64_MAX || index > last));
        QN_CHECK(slots->read_pages(ledger->inst, 0, &index, 1, sink_of(ledger)) == QN_OK);
        QN_CHECK(ledger->sink.size == QN_LEDGER_PAGE_SIZE);
        memcpy(kept->pages + index * QN_LEDGER_PAGE_SIZE, ledger->sink.data, QN_LEDGER_PAGE_SIZE);
        last = index;
    }
    span_free(list);
    QN_CHECK(slots->read_pages(ledger->inst, 0, &kept->count, 1, sink_of(ledger)) == QN_NOT_FOUND);
    QN_CHECK(slots->dirty(ledger->inst, 0, sink_of(ledger)) == QN_OK);
    QN_CHECK(ledger->sink.size == 12 && qn_le64_read(ledger->sink.data) == kept->count);
}

/* Loads what is kept, some pages at a time. */
static int32_t pages_load(struct ledger *ledger, const struct kept *kept, uint64_t some)
{
    for (uint64_t at = 0; at < kept->count; at += some) {
        uint64_t count = kept->count - at < some ? kept->count - at : some;
        struct qn_span pages = {kept->pages + at * QN_LEDGER_PAGE_SIZE,
                                count * QN_LEDGER_PAGE_SIZE};
        int32_t status =
            ledger->of->slots->load_pages(ledger->inst, 0, at, pages, at + count == kept->count);

        if (status != QN_OK) {
            return status;
        }
    }
    return QN_OK;
}

void qn_check_ledger_pages_rebuild_the_state(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    struct kept kept = {.count = 0};
    uint8_t root[32], digest[32];

    for (uint32_t i = 0; i < BLOCKS; i += 3) {
        root_of(&ledger, root);
        pages_keep(&ledger, &kept);
        for (uint64_t some = 1; some <= kept.count; some += 1 + kept.count / 2) {
            struct ledger loaded = ledger_empty(it);

            QN_CHECK(pages_load(&loaded, &kept, some) == QN_OK);
            agree(&loaded, &chain->models[i]);
            root_of(&loaded, chain->roots[i]);
            QN_CHECK(memcmp(root, chain->roots[i], 32) == 0);
            QN_CHECK(
                it->slots->genesis(loaded.inst, 0, (struct qn_span){it->record, it->record_size}) ==
                QN_EXISTS);
            QN_CHECK(it->slots->members(loaded.inst, 0, sink_of(&loaded)) == QN_OK);
            QN_CHECK(loaded.sink.size == 4 + MEMBERS * 40 &&
                     memcmp(loaded.sink.data, it->record, loaded.sink.size) == 0);
            QN_CHECK(it->slots->dirty(loaded.inst, 0, sink_of(&loaded)) == QN_OK);
            QN_CHECK(qn_le32_read(loaded.sink.data + 8) == 0);
            apply(&loaded, &chain->blocks[i], i + 1, digest);
            chain_apply(chain, &ledger, i, i + 1);
            QN_CHECK(memcmp(digest, chain->digests[i], 32) == 0);
            QN_CHECK(undo(&ledger, chain->undos[i]) == QN_OK);
            ledger_end(&loaded);
        }
        chain_apply(chain, &ledger, i, i + 3);
    }
    free(kept.pages);
    chain_end(chain);
    ledger_end(&ledger);
}

void qn_check_ledger_hostile_pages(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it), loaded = ledger_empty(it);
    struct chain *chain = chain_new(it, 0);
    struct kept kept = {.count = 0};
    uint8_t root[32], other[32];

    chain_apply(chain, &ledger, 0, BLOCKS);
    root_of(&ledger, root);
    pages_keep(&ledger, &kept);
    for (uint32_t i = 0; i < 400; i++) {
        /* Half of them at the beginning of a page, where most of what matters is. */
        uint64_t page = chance(it, kept.count) * QN_LEDGER_PAGE_SIZE;
        uint64_t byte = page + chance(it, i % 2 == 0 ? 150 : QN_LEDGER_PAGE_SIZE);
        uint8_t bit = (uint8_t)(1u << chance(it, 8));

        kept.pages[byte] ^= bit;

        int32_t status = pages_load(&loaded, &kept, kept.count);

        QN_CHECK(status == QN_OK || status == QN_INVALID);
        if (status == QN_OK) {
            QN_CHECK(it->slots->root(loaded.inst, 0, other) == QN_OK);
            QN_CHECK(memcmp(root, other, 32) != 0);
        }
        kept.pages[byte] ^= bit;
    }

    struct qn_span all = {kept.pages, kept.count * QN_LEDGER_PAGE_SIZE};
    struct qn_span less = {kept.pages, all.size - QN_LEDGER_PAGE_SIZE};
    struct qn_span odd = {kept.pages, all.size - 1};

    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 0, less, 1) == QN_INVALID);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 0, odd, 1) == QN_INVALID);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 1, less, 1) == QN_INVALID);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 0, less, 0) == QN_OK);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, kept.count, less, 1) == QN_INVALID);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 1, less, 1) == QN_INVALID);
    QN_CHECK(it->slots->load_pages(loaded.inst, 0, 0, (struct qn_span){NULL, 0}, 1) == QN_INVALID);
    QN_CHECK(pages_load(&loaded, &kept, 2) == QN_OK);
    root_of(&loaded, other);
    QN_CHECK(memcmp(root, other, 32) == 0);
    agree(&loaded, &chain->models[BLOCKS]);
    free(kept.pages);
    chain_end(chain);
    ledger_end(&ledger);
    ledger_end(&loaded);
}

/* --- proofs --- */

static struct qn_span prove(struct ledger *ledger, const uint8_t *keys, uint32_t count)
{
    QN_CHECK(ledger->of->slots->prove(ledger->inst, 0, keys, count, sink_of(ledger)) == QN_OK);
    return sink_keep(&ledger->sink);
}

/* Leaves the value in the ledger's sink. */
static int32_t check_proof(struct ledger *ledger, const uint8_t *root, const uint8_t *key,
                           struct qn_span proof)
{
    int32_t status =
        ledger->of->slots->check_proof(ledger->inst, 0, root, key, proof, sink_of(ledger));

    QN_CHECK((ledger->sink.size > 0) == (status == QN_OK));
    return status;
}

/* Keys that have an account and keys that have none, among them the least and the greatest. */
static uint32_t keys_fill(uint8_t keys[][32], const struct model *model)
{
    uint32_t count = 0;

    memset(keys[count++], 0, 32);
    memset(keys[count++], 0xff, 32);
    for (uint32_t i = 0; i < model->count; i += 1 + model->count / 64) {
        memcpy(keys[count++], model->accounts[i].key, 32);
        memcpy(keys[count], model->accounts[i].key, 32);
        keys[count++][31] ^= 1; /* right beside */
        key_fill(keys[count++], 6000 + i);
    }
    return count;
}

void qn_check_ledger_proofs_prove(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it), light = ledger_empty(it);
    struct chain *chain = chain_new(it, 0);
    uint8_t keys[256][32], root[32];

    QN_CHECK(it->slots->prove(ledger.inst, 0, keys[0], 1, sink_of(&ledger)) == QN_NOT_FOUND);
    for (uint32_t i = 0; i < BLOCKS; i += 4) {
        uint32_t count = keys_fill(keys, &chain->models[i]);

        root_of(&ledger, root);
        if (i + 4 < BLOCKS) { /* proofs are of the root, not of now */
            chain_apply(chain, &ledger, i, i + 4);
        }

        struct qn_span all = prove(&ledger, keys[0], count);

        for (uint32_t j = 0; j < count; j++) {
            bool is_there = account_find(&chain->models[i], keys[j]) != NULL;
            struct qn_span one = prove(&ledger, keys[j], 1);

            QN_CHECK(check_proof(&light, root, keys[j], one) == (is_there ? QN_OK : QN_NOT_FOUND));

            struct qn_span value = sink_keep(&light.sink);

            QN_CHECK(check_proof(&light, root, keys[j], all) == (is_there ? QN_OK : QN_NOT_FOUND));
            QN_CHECK(value.size == light.sink.size &&
                     memcmp(value.data, light.sink.data, value.size) == 0);
            span_free(value);
            span_free(one);
        }
        span_free(all);
    }
    chain_end(chain);
    ledger_end(&ledger);
    ledger_end(&light);
}

/* Every part of the proof matters: whatever changes in it, it proves nothing any more. */
static void proof_is_broken(struct ledger *ledger, const uint8_t *root, const uint8_t *key,
                            struct qn_span proof)
{
    uint8_t *copy = malloc(proof.size + 1);
    uint8_t other[32];

    QN_CHECK(copy != NULL);
    memcpy(copy, proof.data, proof.size);
    copy[proof.size] = 0;
    for (uint64_t size = 0; size <= proof.size + 1; size++) {
        QN_CHECK(size == proof.size ||
                 check_proof(ledger, root, key, (struct qn_span){copy, size}) == QN_INVALID);
    }
    for (uint64_t bit = 0; bit < proof.size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        QN_CHECK(check_proof(ledger, root, key, (struct qn_span){copy, proof.size}) == QN_INVALID);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 256; bit++) {
        memcpy(other, root, 32);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        QN_CHECK(check_proof(ledger, other, key, proof) == QN_INVALID);
    }
    free(copy);
}

void qn_check_ledger_false_proofs_are_refused(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    struct model *model = &chain->models[BLOCKS];
    uint8_t keys[256][32], root[32];
    uint32_t count = keys_fill(keys, model);

    chain_apply(chain, &ledger, 0, BLOCKS);
    root_of(&ledger, root);
    for (uint32_t i = 0; i < count; i += 5) {
        struct qn_span proof = prove(&ledger, keys[i], 1);

        proof_is_broken(&ledger, root, keys[i], proof);
        for (uint32_t j = 0; j < count; j++) { /* a proof of one key tells no lie of another */
            bool is_there = account_find(model, keys[j]) != NULL;
            int32_t status = check_proof(&ledger, root, keys[j], proof);

            QN_CHECK(status == QN_INVALID || status == (is_there ? QN_OK : QN_NOT_FOUND));
        }
        span_free(proof);
    }
    chain_end(chain);
    ledger_end(&ledger);
}

/* --- the rest --- */

/* An account's balance, read by halving: what it can still pay. */
static uint64_t balance_read(struct ledger *ledger, const struct account *account, uint64_t height)
{
    uint64_t low = 0, high = UINT64_MAX - FEE_MIN;
    struct tx tx;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2 + 1;

        tx_init(&tx, account->key, account->key, middle, account->nonce);
        tx.it.valid_until = height + 1;
        if (check_one(ledger, &tx).code == OK) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    tx_init(&tx, account->key, account->key, low, account->nonce);
    tx.it.valid_until = height + 1;
    return check_one(ledger, &tx).code == OK ? low + FEE_MIN : 0;
}

void qn_check_ledger_amounts_are_conserved(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 3);
    uint64_t issued = 0;
    uint8_t digest[32], root[32];

    for (uint32_t i = 0; i < FIRST; i++) {
        issued += chain->models[0].accounts[i].balance;
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        const struct model *model = &chain->models[i + 1];
        uint64_t sum = model->fees, poor = 0;
        struct pushed pushed;

        QN_CHECK(apply_some(&ledger, &chain->blocks[i], i + 1, BUILD, digest, &pushed) == QN_OK);
        root_of(&ledger, root);
        for (uint32_t j = 0; j < model->count; j++) {
            uint64_t balance = balance_read(&ledger, &model->accounts[j], model->height);

            sum += balance;
            poor += balance == 0 ? FEE_MIN : 0; /* too little to be read: at most that */
        }
        QN_CHECK(sum <= issued && issued - sum <= poor);
    }
    chain_end(chain);
    ledger_end(&ledger);
}

/* A lane that asks about the same transactions as all others, in parts of its own size. */
struct worker {
    struct ledger *ledger;
    const struct qn_ledger_transaction *txs;
    const struct qn_ledger_verdict *expected;
    uint32_t lane, count;
    bool is_right;
};

static void *lane_run(void *context)
{
    struct worker *it = context;
    struct qn_ledger_verdict verdicts[TXS_MAX];
    uint32_t part = 1 + it->lane % it->count;

    it->is_right = true;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t at = 0; at < it->count; at += part) {
            uint32_t count = it->count - at < part ? it->count - at : part;
            int32_t status = it->ledger->of->slots->check(it->ledger->inst, it->lane, it->txs + at,
                                                          count, verdicts + at);

            it->is_right = it->is_right && status == QN_OK;
        }
        it->is_right =
            it->is_right && memcmp(verdicts, it->expected, it->count * sizeof verdicts[0]) == 0;
    }
    return NULL;
}

void qn_check_ledger_order_of_batches_does_not_matter(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger asked = ledger_new(it), silent = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    struct block *block = calloc(1, sizeof *block);
    struct qn_ledger_transaction txs[TXS_MAX];
    struct qn_ledger_verdict verdicts[TXS_MAX];
    struct worker workers[LANES_MAX];
    pthread_t threads[LANES_MAX];
    uint32_t lanes = it->given.lanes;
    uint8_t digest[32];

    QN_CHECK(block != NULL && lanes >= 1 && lanes <= LANES_MAX);
    for (uint32_t i = 0; i < BLOCKS; i += 3) {
        chain->model = chain->models[i];
        block_random(it, block, &chain->model, TXS_MAX, 3);
        for (uint32_t j = 0; j < TXS_MAX; j++) {
            txs[j] = block->txs[j].it;
        }
        QN_CHECK(it->slots->check(asked.inst, 0, txs, TXS_MAX, verdicts) == QN_OK);
        for (uint32_t j = 0; j < lanes; j++) {
            workers[j] = (struct worker){&asked, txs, verdicts, j, TXS_MAX, false};
            QN_CHECK(pthread_create(&threads[j], NULL, lane_run, &workers[j]) == 0);
        }
        for (uint32_t j = 0; j < lanes; j++) {
            QN_CHECK(pthread_join(threads[j], NULL) == 0);
        }
        for (uint32_t j = 0; j < lanes; j++) {
            QN_CHECK(workers[j].is_right);
        }
        for (uint32_t j = i; j < i + 3; j++) {
            chain_apply(chain, &silent, j, j + 1);
            apply(&asked, &chain->blocks[j], j + 1, digest);
            QN_CHECK(memcmp(digest, chain->digests[j], 32) == 0);
        }
    }
    free(block);
    chain_end(chain);
    ledger_end(&asked);
    ledger_end(&silent);
}

void qn_check_ledger_verdicts_match_apply(void **subject)
{
    struct qn_check_ledger *it = *subject;
    struct ledger ledger = ledger_new(it);
    struct chain *chain = chain_new(it, 0);
    struct block *block = calloc(1, sizeof *block);
    uint8_t digest[32];

    QN_CHECK(block != NULL);
    block->count = 1;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        for (uint32_t j = 0; j < 50; j++) {
            struct pushed pushed;

            chain->model = chain->models[i];
            tx_random(it, &block->txs[0], &chain->model, 2);

            uint32_t code = model_judge(&chain->model, &block->txs[0]);

            QN_CHECK(check_one(&ledger, &block->txs[0]).code == code);
            QN_CHECK(apply_some(&ledger, block, i + 1, 0, digest, &pushed) ==
                     (code == OK ? QN_OK : QN_INVALID));
            if (code == OK) {
                struct qn_span kept = sink_keep(&ledger.sink);

                QN_CHECK(undo(&ledger, kept) == QN_OK);
                span_free(kept);
            }
        }
        chain_apply(chain, &ledger, i, i + 1);
    }
    free(block);
    chain_end(chain);
    ledger_end(&ledger);
}
