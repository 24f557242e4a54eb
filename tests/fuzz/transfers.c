/* SPDX-License-Identifier: MIT */

/* transfers.c: blocks for the ledger `accounts`, and questions. The input is a list of
 * transactions, each eight bytes (below), and of three other things: a byte of
 *
 *     0  what was collected becomes a block that is built: what cannot be executed is left out
 *     1  the same as a block that came: all of it or nothing
 *     2  the latest block is undone
 *     3  a question u8, a size u8 and an argument
 *     4  a transaction of any kind: u8 kind, u8 reserved, a size u8 and a payload
 *
 * or else a transfer. Amounts are conserved; what is undone is as it was; what a block that is
 * built keeps is a block that gives the same; who is told that a transaction is good can have it
 * executed. */

#include "plugins/ledger/accounts/accounts.manifest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    ACCOUNTS = 4,
    KEYS = 8, /* of which some have no account */
    FEE_MIN = 1000,
    ACCOUNT_MIN = 1000000,
    SINK = 1 << 16,
    TXS = 64,
    BLOCKS = 8, /* that can be undone */
    SLOT = 64,
    DEEDS_MAX = 96,
};

static struct fuzz_given given;
static const struct qn_ledger_1 *slots;
static struct qn_ledger_transaction txs[TXS];
static uint32_t count;
static uint8_t receivers[TXS][QN_KEY_SIZE + 8];
static bool is_skipped[TXS];
static uint32_t executed;

static struct block {
    uint8_t root[QN_HASH_SIZE]; /* before it */
    uint8_t undo[4096];
    uint64_t undo_size;
} blocks[BLOCKS];

static uint32_t blocks_count;
static uint64_t height;

static const uint8_t *key_of(uint8_t i)
{
    static uint8_t keys[KEYS][QN_KEY_SIZE];

    keys[i % KEYS][0] = (uint8_t)(i % KEYS * 31);
    keys[i % KEYS][7] = i % KEYS;
    return keys[i % KEYS];
}

/* --- the state --- */

static void ledger_make(void)
{
    slots = (const void *)qn_plugin_v1.slots;
    fuzz_given_make(&given,
                    (struct qn_check_given){
                        .plugin = &qn_plugin_v1,
                        .config = accounts_config_default(),
                        .memory = ACCOUNTS_MEMORY,
                        .lanes = ACCOUNTS_LANES,
                    },
                    SINK);
}

/* Page 0 of nothing ends what the input before left. */
static void state_make(void)
{
    static const uint8_t nothing[QN_LEDGER_PAGE_SIZE];
    uint8_t record[512];
    uint8_t *at = qn_writer_fixed(qn_writer_u32(record, 1), key_of(0), QN_KEY_SIZE);

    QN_ASSERT(slots->load_pages(given.inst, 0, 0, (struct qn_span){nothing, sizeof nothing}, 1) !=
              QN_OK);
    at = qn_writer_u32(qn_writer_u64(at, 1), ACCOUNTS);
    for (uint8_t i = 0; i < ACCOUNTS; i++) {
        at =
            qn_writer_u64(qn_writer_fixed(at, key_of(i), QN_KEY_SIZE), UINT64_C(2000000) << 10 * i);
    }
    at = qn_writer_u64(qn_writer_u64(at, FEE_MIN), ACCOUNT_MIN);
    QN_ASSERT(slots->genesis(given.inst, 0, (struct qn_span){record, (uint64_t)(at - record)}) ==
              QN_OK);
    blocks_count = 0;
    height = 0;
}

static void seed_run(const uint8_t *data, size_t size)
{
    (void)LLVMFuzzerTestOneInput(data, size);
}

/* Where all blocks were undone, the state is the first one again. Its room grew once. */
static void begin(void)
{
    if (slots == NULL) {
        ledger_make();
        state_make();
        fuzz_seeds(seed_run);
    }
    if (blocks_count > 0) {
        state_make();
    }
    count = 0;
}

static void root_take(uint8_t root[QN_HASH_SIZE])
{
    QN_ASSERT(slots->root(given.inst, 0, root) == QN_OK);
}

/* issued - burnt = all balances and the fees that are not paid out. */
static void amounts_check(void)
{
    struct qn_span none = {NULL, 0};
    uint8_t first[8] = {0};
    uint64_t sum = 0, should;
    struct qn_sink *sink = fuzz_sink(&given);

    QN_ASSERT(slots->query(given.inst, 0, 2, none, sink) == QN_OK && sink->size == 56);
    should =
        qn_le64_read(sink->data) - qn_le64_read(sink->data + 8) - qn_le64_read(sink->data + 16);
    sink = fuzz_sink(&given);
    QN_ASSERT(slots->query(given.inst, 0, 3, (struct qn_span){first, 8}, sink) == QN_OK);
    QN_ASSERT(sink->size / SLOT >= ACCOUNTS && sink->size / SLOT <= KEYS);
    for (uint64_t at = 0; at < sink->size; at += SLOT) {
        sum += qn_le64_read(sink->data + at + QN_KEY_SIZE);
    }
    QN_ASSERT(sum == should);
}

/* --- blocks --- */

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_ledger_effect_receipt receipt;
    struct qn_ledger_effect_skipped skipped;

    (void)ctx;
    QN_ASSERT(payload == NULL);
    if (type == QN_LEDGER_EFFECT_RECEIPT) {
        QN_ASSERT(qn_ledger_effect_receipt_read(body, &receipt) == QN_OK);
        QN_ASSERT(receipt.index < count && receipt.code == 0);
        QN_ASSERT(receipt.fee == txs[receipt.index].fee);
        executed++;
    } else {
        QN_ASSERT(type == QN_LEDGER_EFFECT_SKIPPED);
        QN_ASSERT(qn_ledger_effect_skipped_read(body, &skipped) == QN_OK);
        QN_ASSERT(skipped.index < count && skipped.code > 0 && skipped.code <= 4);
        is_skipped[skipped.index] = true;
    }
    return QN_OK;
}

static int32_t apply(uint32_t flags, uint8_t digest[QN_HASH_SIZE])
{
    struct qn_ledger_block block = {.height = height + 1, .window = 1, .flags = flags};
    struct qn_effects out = {.push = push};
    int32_t status;

    executed = 0;
    memset(is_skipped, 0, sizeof is_skipped);
    block.time_ms = height * 1000;
    block.producer = key_of((uint8_t)height);
    status =
        slots->apply(given.inst, 0, &block, NULL, 0, txs, count, digest, &out, fuzz_sink(&given));
    QN_ASSERT(status == QN_OK || (flags == 0 && status == QN_INVALID));
    return status;
}

static void undo_keep(const uint8_t root[QN_HASH_SIZE])
{
    struct block *block = &blocks[blocks_count % BLOCKS];

    QN_ASSERT(given.sink.size <= sizeof block->undo);
    memcpy(block->root, root, QN_HASH_SIZE);
    memcpy(block->undo, given.sink.data, given.sink.size);
    block->undo_size = given.sink.size;
    blocks_count++;
    height++;
}

static void undo_run(uint32_t *left)
{
    const struct block *block = &blocks[(blocks_count + BLOCKS - 1) % BLOCKS];
    uint8_t root[QN_HASH_SIZE];

    if (*left == 0) {
        return;
    }
    (*left)--;
    blocks_count--;
    height--;
    QN_ASSERT(slots->undo(given.inst, 0, (struct qn_span){block->undo, block->undo_size}) == QN_OK);
    root_take(root);
    QN_ASSERT(memcmp(root, block->root, sizeof root) == 0);
    amounts_check();
}

/* Leaves in only what was executed. */
static void skipped_drop(void)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!is_skipped[i]) {
            txs[kept++] = txs[i];
        }
    }
    QN_ASSERT(kept == executed);
    count = kept;
}

/* Built, undone, and the same as it would come to others. */
static void build_run(uint32_t *left)
{
    uint8_t root[QN_HASH_SIZE], with[QN_HASH_SIZE], again[QN_HASH_SIZE];
    uint8_t digest[QN_HASH_SIZE], other[QN_HASH_SIZE];

    root_take(root);
    QN_ASSERT(apply(1, digest) == QN_OK);
    undo_keep(root);
    (*left)++;
    root_take(with);
    skipped_drop();
    undo_run(left);
    QN_ASSERT(apply(0, other) == QN_OK && executed == count);
    undo_keep(root);
    (*left)++;
    root_take(again);
    QN_ASSERT(memcmp(digest, other, sizeof digest) == 0);
    QN_ASSERT(memcmp(with, again, sizeof with) == 0);
}

static void whole_run(uint32_t *left)
{
    uint8_t root[QN_HASH_SIZE], after[QN_HASH_SIZE], digest[QN_HASH_SIZE];
    struct qn_ledger_verdict verdicts[TXS];

    root_take(root);
    QN_ASSERT(slots->check(given.inst, 0, txs, count, verdicts) == QN_OK);
    if (apply(0, digest) == QN_OK) {
        QN_ASSERT(count == 0 || verdicts[0].code == 0);
        undo_keep(root);
        (*left)++;
    } else {
        QN_ASSERT(count != 1 || verdicts[0].code != 0);
        root_take(after);
        QN_ASSERT(memcmp(root, after, sizeof root) == 0);
    }
}

static void block_run(uint8_t is_whole, uint32_t *left)
{
    if (is_whole) {
        whole_run(left);
    } else {
        build_run(left);
    }
    amounts_check();
    *left = *left < BLOCKS ? *left : BLOCKS;
    count = 0;
}

/* --- transactions --- */

static uint64_t amount_of(uint8_t how, uint8_t number)
{
    return how == 255  ? UINT64_MAX - number
           : how < 128 ? (uint64_t)number << how % 64
                       : ACCOUNT_MIN - UINT64_C(128) + number;
}

/* From, to, nonce, fee, amount (2), life, size. */
static void transfer_add(struct qn_reader *in)
{
    struct qn_ledger_transaction *tx = &txs[count];
    uint8_t from = qn_reader_u8(in), to = qn_reader_u8(in), nonce = qn_reader_u8(in);
    uint8_t fee = qn_reader_u8(in), how = qn_reader_u8(in), number = qn_reader_u8(in);
    uint8_t life = qn_reader_u8(in), size = qn_reader_u8(in);

    if (count == TXS) {
        return;
    }
    memcpy(receivers[count], key_of(to), QN_KEY_SIZE);
    qn_le64_write(receivers[count] + QN_KEY_SIZE, amount_of(how, number));
    *tx = (struct qn_ledger_transaction){
        .from = key_of(from),
        .payload = {receivers[count], QN_KEY_SIZE + 8},
        .nonce = nonce < 250 ? nonce % 8 : UINT64_MAX - (255 - nonce),
        .fee = fee < 250 ? FEE_MIN - UINT64_C(1) + fee : UINT64_MAX - (255 - fee),
        .valid_until = life < 250 ? life : UINT64_MAX - (255 - life),
        .size = size,
    };
    count++;
}

static void other_add(struct qn_reader *in)
{
    uint8_t kind = qn_reader_u8(in), reserved = qn_reader_u8(in), size = qn_reader_u8(in);
    const uint8_t *payload = qn_reader_fixed(in, size);

    if (payload != NULL && count < TXS) {
        txs[count++] = (struct qn_ledger_transaction){
            .from = key_of(1),
            .payload = {payload, size},
            .fee = FEE_MIN,
            .valid_until = 9,
            .kind = kind,
            .reserved = reserved,
            .size = size,
        };
    }
}

static void question_run(struct qn_reader *in)
{
    uint8_t what = qn_reader_u8(in), size = qn_reader_u8(in);
    const uint8_t *arg = qn_reader_fixed(in, size);
    int32_t status;

    if (arg != NULL) {
        status = slots->query(given.inst, 0, what, (struct qn_span){arg, size}, fuzz_sink(&given));
        QN_ASSERT(status == QN_OK || status == QN_NOT_FOUND || status == QN_INVALID ||
                  status == QN_UNSUPPORTED);
        QN_ASSERT(status == QN_OK || given.sink.size == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    uint32_t left = 0; /* blocks that can be undone */

    begin();
    for (uint32_t i = 0; i < DEEDS_MAX && in.at != NULL && in.left > 0; i++) {
        uint8_t what = qn_reader_u8(&in);

        if (what <= 1) {
            block_run(what, &left);
        } else if (what == 2) {
            undo_run(&left);
        } else if (what == 3) {
            question_run(&in);
        } else if (what == 4) {
            other_add(&in);
        } else {
            transfer_add(&in);
        }
    }
    while (left > 0) {
        undo_run(&left);
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t good[] = {
        5, 2, 1, 0, 1, 10, 20, 9, 166, 5, 2, 5, 1, 1, 20, 1, 9, 166, 5, 5,
        2, 0, 1, 1, 0, 9,  0,  1, 5,   3, 3, 0, 9, 0, 1,  9, 9, 1,   2, 2,
        2, 3, 1, 0, 3, 2,  0,  3, 3,   8, 0, 0, 0, 0, 0,  0, 0, 0,
    };
    static const uint8_t built[] = {
        5, 3,   6,   0, 1, 24, 5, 9, 166, 5, 0, 2, 0, 1,   3, 1,   9,   166, 5, 3,   7, 1,
        1, 200, 128, 9, 1, 5,  3, 1, 9,   1, 1, 1, 9, 1,   4, 1,   0,   3,   1, 2,   3, 0,
        1, 5,   6,   3, 0, 1,  1, 1, 9,   1, 0, 2, 5, 255, 1, 250, 254, 255, 3, 251, 2, 1,
    };

    take(good, sizeof good);
    take(built, sizeof built);
}
