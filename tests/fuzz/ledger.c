/* SPDX-License-Identifier: MIT */

/* ledger.c: what the ledger `accounts` is given from outside: its first state, proofs, pages, and
 * undos from the disk. The first byte says which; a proof, an undo and pages are the true ones with
 * changes laid over them, each an offset u16 and a byte (xor):
 *
 *     0  genesis: the record
 *     1  a proof: which of the keys, then changes
 *     2  a proof of any bytes
 *     3  pages, at once or in two parts, then changes
 *     4  an undo, then changes; its checksum is put right if the next byte is odd
 *
 * A proof that is taken says what is true; pages that are taken are a state that goes on; an undo
 * is taken if it is the true one. */

#include "plugins/ledger/accounts/accounts.manifest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    ACCOUNTS = 5,
    FEE_MIN = 1000,
    ACCOUNT_MIN = 1000000,
    SINK = 1 << 20,
    PAGES_MAX = 8,
    GENESIS_SIZE = 4 + 40 + 4 + ACCOUNTS * 40 + 16,
};

static struct fuzz_given state;  /* with accounts, and one block */
static struct fuzz_given loaded; /* that is given others */
static const struct qn_ledger_1 *slots;
static uint8_t before[QN_HASH_SIZE], root[QN_HASH_SIZE]; /* of the state: without its block, with */
static uint8_t pages[PAGES_MAX * QN_LEDGER_PAGE_SIZE], undo[4096], work[sizeof pages];
static uint64_t pages_count, undo_size;

static struct qn_check_given given(void)
{
    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = accounts_config_default(),
        .memory = ACCOUNTS_MEMORY,
        .lanes = ACCOUNTS_LANES,
    };
}

/* Account `i`, in no order; the last is nobody's. */
static void key_fill(uint8_t *key, uint64_t i)
{
    uint64_t seed = i * 7919 + 1;

    for (int j = 0; j < 4; j++) {
        qn_le64_write(key + 8 * j, qn_check_random(&seed));
    }
}

static void genesis_make(uint8_t record[GENESIS_SIZE])
{
    static const uint8_t member[QN_KEY_SIZE] = {9};
    uint8_t key[QN_KEY_SIZE];
    uint8_t *at = qn_writer_fixed(qn_writer_u32(record, 1), member, sizeof member);

    at = qn_writer_u32(qn_writer_u64(at, 1), ACCOUNTS);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        key_fill(key, i);
        at = qn_writer_u64(qn_writer_fixed(at, key, sizeof key), UINT64_C(1) << (40 + i));
    }
    (void)qn_writer_u64(qn_writer_u64(at, FEE_MIN), ACCOUNT_MIN);
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

/* The first account pays one that there is and one that there is not. */
static void block_apply(void)
{
    struct qn_effects out = {.push = push};
    uint8_t from[QN_KEY_SIZE], to[2][40], digest[QN_HASH_SIZE];
    struct qn_ledger_transaction txs[2];
    struct qn_ledger_block block = {.height = 1, .producer = from};

    key_fill(from, 0);
    for (uint64_t i = 0; i < 2; i++) {
        key_fill(to[i], 2 + 5 * i);
        qn_le64_write(to[i] + QN_KEY_SIZE, ACCOUNT_MIN);
        txs[i] = (struct qn_ledger_transaction){.from = from, .payload = {to[i], 40}, .nonce = i};
        txs[i].fee = FEE_MIN;
        txs[i].valid_until = 9;
        txs[i].size = 166;
    }
    QN_ASSERT(slots->apply(state.inst, 0, &block, NULL, 0, txs, 2, digest, &out,
                           fuzz_sink(&state)) == QN_OK);
}

static void pages_keep(void)
{
    QN_ASSERT(slots->dirty(state.inst, 0, fuzz_sink(&state)) == QN_OK);
    pages_count = qn_le64_read(state.sink.data);
    QN_ASSERT(pages_count <= PAGES_MAX);
    for (uint64_t i = 0; i < pages_count; i++) {
        QN_ASSERT(slots->read_pages(state.inst, 0, &i, 1, fuzz_sink(&state)) == QN_OK);
        memcpy(pages + i * QN_LEDGER_PAGE_SIZE, state.sink.data, QN_LEDGER_PAGE_SIZE);
    }
}

static void begin(void)
{
    uint8_t record[GENESIS_SIZE];

    if (slots != NULL) {
        return;
    }
    slots = (const void *)qn_plugin_v1.slots;
    fuzz_given_make(&state, given(), SINK);
    fuzz_given_make(&loaded, given(), SINK);
    genesis_make(record);
    QN_ASSERT(slots->genesis(state.inst, 0, (struct qn_span){record, sizeof record}) == QN_OK);
    QN_ASSERT(slots->root(state.inst, 0, before) == QN_OK);
    block_apply();
    undo_size = state.sink.size;
    QN_ASSERT(undo_size <= sizeof undo);
    memcpy(undo, state.sink.data, undo_size);
    QN_ASSERT(slots->root(state.inst, 0, root) == QN_OK);
    pages_keep();
}

/* Lays changes over `size` bytes of `work`. True: it is as it was. */
static bool change(struct qn_reader *in, const uint8_t *from, uint64_t size)
{
    memcpy(work, from, size);
    while (in->left >= 3) {
        uint16_t offset = qn_reader_u16(in);

        work[offset % size] ^= qn_reader_u8(in);
    }
    return memcmp(work, from, size) == 0;
}

/* A state that was taken gives a root, or says that its amounts are not conserved. */
static void taken_run(bool is_true)
{
    uint8_t again[QN_HASH_SIZE], key[QN_KEY_SIZE];
    int32_t status = slots->root(loaded.inst, 0, again);

    QN_ASSERT(status == QN_OK || (!is_true && status == QN_CORRUPT));
    QN_ASSERT(!is_true || memcmp(again, root, sizeof root) == 0);
    if (status == QN_OK) {
        uint8_t value[64];
        struct qn_sink to = {.data = value, .cap = sizeof value};

        key_fill(key, 1);
        QN_ASSERT(slots->prove(loaded.inst, 0, key, 1, fuzz_sink(&loaded)) == QN_OK);
        status = slots->check_proof(loaded.inst, 0, again, key,
                                    (struct qn_span){loaded.sink.data, loaded.sink.size}, &to);
        QN_ASSERT(status == QN_OK || (!is_true && status == QN_NOT_FOUND));
    }
    QN_ASSERT(slots->members(loaded.inst, 0, fuzz_sink(&loaded)) == QN_OK);
}

/* Page 0 ends whatever the input before left, here one of nothing. */
static void genesis_run(struct qn_span record)
{
    static const uint8_t nothing[QN_LEDGER_PAGE_SIZE];

    QN_ASSERT(slots->load_pages(loaded.inst, 0, 0, (struct qn_span){nothing, sizeof nothing}, 1) !=
              QN_OK);
    if (slots->genesis(loaded.inst, 0, record) == QN_OK) {
        uint8_t first[QN_HASH_SIZE];

        QN_ASSERT(slots->root(loaded.inst, 0, first) == QN_OK);
        QN_ASSERT(slots->members(loaded.inst, 0, fuzz_sink(&loaded)) == QN_OK);
    }
}

static void proof_check(uint64_t which, struct qn_span proof, bool is_true)
{
    uint8_t key[QN_KEY_SIZE], value[64];
    struct qn_sink to = {.data = value, .cap = sizeof value};

    key_fill(key, which);

    int32_t status = slots->check_proof(state.inst, 0, root, key, proof, &to);

    QN_ASSERT(status == QN_OK || status == QN_NOT_FOUND || status == QN_INVALID);
    QN_ASSERT(!is_true || status != QN_INVALID);
    QN_ASSERT(status != QN_NOT_FOUND || which == ACCOUNTS);
    QN_ASSERT(status != QN_OK || (which != ACCOUNTS && memcmp(value, key, sizeof key) == 0));
}

static void proof_run(struct qn_reader *in)
{
    uint8_t which = qn_reader_u8(in) % (ACCOUNTS + 1), key[QN_KEY_SIZE];

    key_fill(key, which);
    QN_ASSERT(slots->prove(state.inst, 0, key, 1, fuzz_sink(&state)) == QN_OK);

    bool is_true = change(in, state.sink.data, state.sink.size);

    proof_check(which, (struct qn_span){work, state.sink.size}, is_true);
}

static void pages_run(struct qn_reader *in)
{
    uint64_t first = qn_reader_u8(in) % (pages_count + 1);
    uint64_t size = first * QN_LEDGER_PAGE_SIZE;
    bool is_true = change(in, pages, pages_count * QN_LEDGER_PAGE_SIZE);
    int32_t status = QN_OK;

    if (first > 0 && first < pages_count) {
        status = slots->load_pages(loaded.inst, 0, 0, (struct qn_span){work, size}, 0);
    } else {
        first = size = 0;
    }
    if (status == QN_OK) {
        struct qn_span rest = {work + size, pages_count * QN_LEDGER_PAGE_SIZE - size};

        status = slots->load_pages(loaded.inst, 0, first, rest, 1);
    }
    QN_ASSERT(!is_true || status == QN_OK);
    if (status == QN_OK) {
        taken_run(is_true);
    }
}

/* As the ledger's own. */
static uint64_t checksum(const uint8_t *from, uint64_t size)
{
    uint64_t sum = size;

    for (uint64_t i = 0; i < size; i += 8) {
        sum = (sum ^ qn_le64_read(from + i)) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 32;
    }
    return sum;
}

/* Over pages of its own, as a forged undo may leave another state. */
static void undo_run(struct qn_reader *in)
{
    bool is_summed = qn_reader_u8(in) % 2 == 1;
    struct qn_span all = {pages, pages_count * QN_LEDGER_PAGE_SIZE};
    uint8_t again[QN_HASH_SIZE];

    QN_ASSERT(slots->load_pages(loaded.inst, 0, 0, all, 1) == QN_OK);

    bool is_true = change(in, undo, undo_size);

    if (is_summed) {
        qn_le64_write(work + undo_size - 8, checksum(work, undo_size - 8));
    }

    int32_t status = slots->undo(loaded.inst, 0, (struct qn_span){work, undo_size});

    QN_ASSERT(status == QN_OK || status == QN_CORRUPT);
    QN_ASSERT(!is_true || status == QN_OK);
    QN_ASSERT(is_true || is_summed || status == QN_CORRUPT);
    if (is_true || status == QN_CORRUPT) {
        QN_ASSERT(slots->root(loaded.inst, 0, again) == QN_OK);
        QN_ASSERT(memcmp(again, is_true ? before : root, sizeof again) == 0);
    } else {
        (void)!slots->root(loaded.inst, 0, again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    uint8_t what = qn_reader_u8(&in);

    begin();
    if (what == 0) {
        genesis_run((struct qn_span){in.at, in.left});
    } else if (what == 1) {
        proof_run(&in);
    } else if (what == 2) {
        proof_check(1, (struct qn_span){in.at, in.left}, false);
    } else if (what == 3) {
        pages_run(&in);
    } else {
        undo_run(&in);
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    uint8_t bytes[2048] = {0};

    begin();
    genesis_make(bytes + 1);
    take(bytes, 1 + GENESIS_SIZE);
    for (uint8_t which = 0; which <= ACCOUNTS; which += ACCOUNTS) {
        take((const uint8_t[]){1, which, 1, 0, 0, 2, 0, 0}, 8);
    }
    QN_ASSERT(slots->prove(state.inst, 0, bytes + 1 + 48, 1, fuzz_sink(&state)) == QN_OK);
    bytes[0] = 2;
    memcpy(bytes + 1, state.sink.data, state.sink.size);
    take(bytes, 1 + state.sink.size);
    take((const uint8_t[]){3, 0, 0, 0, 0, 0, 0, 0}, 8);
    take((const uint8_t[]){3, 1, 8, 0, 0, 16, 0, 0}, 8);
    take((const uint8_t[]){4, 0, 8, 0, 0, 200, 0, 0}, 8);
    take((const uint8_t[]){4, 1, 104, 0, 0, 40, 0, 0}, 8);
}
