/* SPDX-License-Identifier: MIT */

/* accounts_test.c: the contract of every ledger, then what is peculiar to this one: its bytes, its
 * size, and what it answers. */

#include "tests/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.manifest.h"
#include "sdk/check/ledger.h"
#include "tree.h"

enum {
    FEE_MIN = 1000,
    ACCOUNT_MIN = 1000000,
    SINK = 16 << 20,
    PAGE = QN_LEDGER_PAGE_SIZE,
    PAGE_SLOTS = 63,
};

static struct qn_check_given given_default(void)
{
    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = accounts_config_default(),
        .memory = ACCOUNTS_MEMORY,
        .lanes = ACCOUNTS_LANES,
    };
}

static int start(void **subject)
{
    const struct qn_check_given given = given_default();

    *subject = qn_check_ledger_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_ledger_stop(*subject);
    return 0;
}

static void no_memory_is_no_space(void **subject)
{
    const struct qn_check_given given = given_default();

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

/* --- an instance with one rich account --- */

struct ledger {
    struct qn_check_given given;
    const struct qn_ledger_1 *slots;
    struct qn_node *node;
    struct qn_inst *inst;
    struct qn_sink sink;
    uint64_t height, nonce;
    struct qn_ledger_transaction *txs;
    uint8_t (*payloads)[40];
};

static const uint8_t rich[32] = {0x55, 1};

/* Account number `i`, in no order. */
static void key_fill(uint8_t *key, uint64_t i)
{
    uint64_t seed = i * 7919 + 1;

    for (int j = 0; j < 4; j++) {
        qn_le64_write(key + 8 * j, qn_check_random(&seed));
    }
}

static struct ledger ledger_new(void)
{
    struct ledger it = {.given = given_default(), .slots = (const void *)qn_plugin_v1.slots};
    uint8_t record[4 + 40 + 4 + 40 + 16] = {1, 0, 0, 0, 9};

    record[4 + 32] = 1;
    qn_le32_write(record + 44, 1);
    memcpy(record + 48, rich, 32);
    qn_le64_write(record + 80, UINT64_C(1) << 60);
    qn_le64_write(record + 88, FEE_MIN);
    qn_le64_write(record + 96, ACCOUNT_MIN);
    it.node = qn_check_node_create(it.given.memory);
    it.inst = qn_check_inst_create(&it.given, it.node);
    it.sink = (struct qn_sink){.data = malloc(SINK), .cap = SINK};
    it.txs = calloc(QN_LEDGER_TXS_MAX, sizeof *it.txs);
    it.payloads = calloc(QN_LEDGER_TXS_MAX, sizeof *it.payloads);
    assert_true(it.sink.data != NULL && it.txs != NULL && it.payloads != NULL);
    assert_int_equal(it.slots->genesis(it.inst, 0, (struct qn_span){record, sizeof record}), QN_OK);
    return it;
}

static void ledger_end(struct ledger *it)
{
    qn_check_inst_destroy(&it->given, it->inst);
    qn_check_node_destroy(it->node);
    free(it->sink.data);
    free(it->txs);
    free(it->payloads);
}

static struct qn_sink *sink_of(struct ledger *it)
{
    it->sink.size = 0;
    return &it->sink;
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

/* The rich account pays accounts `first` and on, in one block. */
static int32_t pay(struct ledger *it, uint64_t first, uint32_t count, uint8_t *digest)
{
    struct qn_effects out = {.push = push};
    struct qn_ledger_block block = {.height = it->height + 1, .producer = rich};

    for (uint32_t i = 0; i < count; i++) {
        key_fill(it->payloads[i], first + i);
        qn_le64_write(it->payloads[i] + 32, ACCOUNT_MIN + i);
        it->txs[i] = (struct qn_ledger_transaction){
            .from = rich,
            .payload = {it->payloads[i], 40},
            .nonce = it->nonce + i,
            .fee = FEE_MIN,
            .valid_until = it->height + 1,
            .size = 166,
        };
    }

    int32_t status =
        it->slots->apply(it->inst, 0, &block, NULL, 0, it->txs, count, digest, &out, sink_of(it));

    if (status == QN_OK) {
        it->height++;
        it->nonce += count;
    }
    return status;
}

static void root_is(struct ledger *it, const uint8_t *expected)
{
    uint8_t root[32];

    assert_int_equal(it->slots->root(it->inst, 0, root), QN_OK);
    assert_memory_equal(root, expected, 32);
}

/* --- its bytes --- */

static void hash_of(uint8_t tag, const uint8_t *first, uint64_t first_size, const uint8_t *second,
                    uint64_t second_size, uint8_t *digest)
{
    struct qn_span parts[2] = {{first, first_size}, {second, second_size}};

    qn_check_host.hash((struct qn_span){&tag, 1}, parts, second != NULL ? 2 : 1, digest);
}

/* The pages as memory. */
static uint8_t *pages_read(struct ledger *it, uint64_t *count)
{
    uint8_t *pages;

    assert_int_equal(it->slots->dirty(it->inst, 0, sink_of(it)), QN_OK);
    *count = qn_le64_read(it->sink.data);
    pages = malloc(*count * PAGE);
    assert_non_null(pages);
    for (uint64_t i = 0; i < *count; i++) {
        assert_int_equal(it->slots->read_pages(it->inst, 0, &i, 1, sink_of(it)), QN_OK);
        memcpy(pages + i * PAGE, it->sink.data, PAGE);
    }
    return pages;
}

static int slots_compare(const void *left, const void *right)
{
    return memcmp(*(const uint8_t *const *)left, *(const uint8_t *const *)right, 32);
}

struct leaf {
    uint8_t hash[32];
};

/* The root of the tree by its definition, over slots that lie in pages from page 2 on. */
static void tree_root_naive(const uint8_t *pages, uint32_t slots, uint8_t *root)
{
    struct leaf *nodes = malloc(slots * sizeof *nodes);
    const uint8_t **sorted = malloc(slots * sizeof *sorted);

    assert_true(nodes != NULL && sorted != NULL);
    for (uint32_t i = 0; i < slots; i++) {
        sorted[i] = pages + (uint64_t)2 * PAGE + (uint64_t)i * 64;
    }
    qsort(sorted, slots, sizeof *sorted, slots_compare);
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t place = (uint64_t)(sorted[i] - pages - 2 * PAGE) / 64;

        hash_of(0, sorted[i], 64, sorted[(i + 1) % slots], 32, nodes[place].hash);
    }
    for (uint32_t count = slots; count > 1; count = (count + 1) / 2) {
        for (uint32_t i = 0; i < count / 2; i++) {
            struct leaf left = nodes[2 * i];

            hash_of(1, left.hash, 32, nodes[2 * i + 1].hash, 32, nodes[i].hash);
        }
        if (count % 2 == 1) {
            nodes[count / 2] = nodes[count - 1];
        }
    }
    memcpy(root, nodes[0].hash, 32);
    free(nodes);
    free(sorted);
}

static void root_naive(struct ledger *it, uint8_t *root)
{
    static const uint8_t tag[] = "qnet/state";
    uint64_t pages_count;
    uint8_t *pages = pages_read(it, &pages_count);
    uint64_t slots = qn_le64_read(pages + 48);
    uint8_t text[80];
    struct qn_span part = {text, sizeof text};

    assert_int_equal(pages_count, 2 + (slots + PAGE_SLOTS - 1) / PAGE_SLOTS);
    qn_le64_write(text, pages_count);
    qn_le64_write(text + 8, slots);
    hash_of(0, pages, PAGE, NULL, 0, text + 16);
    tree_root_naive(pages, (uint32_t)slots, text + 48);
    qn_check_host.hash((struct qn_span){tag, sizeof tag - 1}, &part, 1, root);
    free(pages);
}

static void the_root_is_what_the_pages_say(void **subject)
{
    struct ledger it = ledger_new();
    uint8_t digest[32], root[32];

    (void)subject;
    root_naive(&it, root);
    root_is(&it, root);
    for (uint32_t count = 1; count < 300; count += count / 2 + 1) {
        assert_int_equal(pay(&it, it.nonce, count, digest), QN_OK);
        root_naive(&it, root);
        root_is(&it, root);
    }
    ledger_end(&it);
}

/* The changed slots by their definition: those that differ, one before and after. */
static void the_digest_is_what_changed(void **subject)
{
    static const uint8_t tag[] = "qnet/effects";
    struct ledger it = ledger_new();
    uint8_t digest[32], expected[32], text[16384];
    uint64_t before_count, after_count;
    uint32_t changed = 0;
    uint8_t *at = text + 4;

    (void)subject;
    assert_int_equal(pay(&it, 0, 90, digest), QN_OK);

    uint8_t *before = pages_read(&it, &before_count);

    assert_int_equal(pay(&it, 60, 77, digest), QN_OK);

    uint8_t *after = pages_read(&it, &after_count);

    for (uint64_t i = 0; i < 1 + 90 + 47; i++) {
        const uint8_t *now = after + 2 * PAGE + i * 64;

        if (i >= 91 || memcmp(before + 2 * PAGE + i * 64, now, 64) != 0) {
            at = qn_writer_fixed(qn_writer_u64(at, i), now, 64);
            changed++;
        }
    }
    assert_int_equal(changed, 1 + 77);
    qn_le32_write(text, changed);

    struct qn_span part = {text, (uint64_t)(at - text) + 32};

    hash_of(0, after, PAGE, NULL, 0, at);
    qn_check_host.hash((struct qn_span){tag, sizeof tag - 1}, &part, 1, expected);
    assert_memory_equal(digest, expected, 32);
    free(before);
    free(after);
    ledger_end(&it);
}

/* A change of these bytes is another network. */
static void the_first_root_is_fixed(void **subject)
{
    static const uint8_t fixed[32] = {
        0x2d, 0x71, 0x9d, 0xcd, 0xbd, 0x55, 0xab, 0xbd, 0x5a, 0xc1, 0x55,
        0xb8, 0x60, 0xb9, 0x26, 0x98, 0xbd, 0x17, 0x21, 0x2c, 0x1e, 0xa1,
        0xdf, 0xfa, 0x12, 0x23, 0xfb, 0x13, 0x2c, 0xd9, 0x33, 0xf1,
    };
    struct ledger it = ledger_new();

    (void)subject;
    root_is(&it, fixed);
    ledger_end(&it);
}

/* --- its size --- */

static void proof_says(struct ledger *it, const uint8_t *root, const uint8_t *key, int32_t expected)
{
    uint8_t value[64];
    struct qn_sink to = {.data = value, .cap = sizeof value};

    assert_int_equal(it->slots->prove(it->inst, 0, key, 1, sink_of(it)), QN_OK);
    assert_int_equal(it->slots->check_proof(it->inst, 0, root, key,
                                            (struct qn_span){it->sink.data, it->sink.size}, &to),
                     expected);
    if (expected == QN_OK) {
        assert_int_equal(to.size, 64);
        assert_memory_equal(value, key, 32);
    }
}

/* The undo of the latest block, kept outside of the sink. */
static struct qn_sink undo_keep(struct ledger *it)
{
    struct qn_sink kept = {.data = malloc(it->sink.size), .size = it->sink.size};

    assert_non_null(kept.data);
    memcpy(kept.data, it->sink.data, it->sink.size);
    return kept;
}

static void take_back(struct ledger *it, struct qn_sink *undo, uint32_t count)
{
    struct qn_span span = {undo->data, undo->size};

    assert_int_equal(it->slots->undo(it->inst, 0, span), QN_OK);
    free(undo->data);
    it->height--;
    it->nonce -= count;
}

static void many_accounts_are_one_tree(void **subject)
{
    enum { SOME = 30000, MANY = QN_LEDGER_TXS_MAX };
    struct ledger it = ledger_new();
    uint8_t digest[32], again[32], small[32], large[32], key[32];

    (void)subject;
    assert_int_equal(pay(&it, 0, SOME, digest), QN_OK);
    root_naive(&it, small);
    root_is(&it, small);
    assert_int_equal(pay(&it, MANY, MANY, digest), QN_OK);

    struct qn_sink undo = undo_keep(&it);

    root_naive(&it, large);
    root_is(&it, large);
    for (uint64_t i = 0; i < MANY; i += 199) {
        key_fill(key, MANY + i);
        proof_says(&it, large, key, QN_OK);
        key[31] ^= 1;
        proof_says(&it, large, key, QN_NOT_FOUND);
    }

    /* Back, and forth on another way: what is gone must not show. */
    take_back(&it, &undo, MANY);
    assert_int_equal(pay(&it, 5 * MANY, SOME, again), QN_OK);
    undo = undo_keep(&it);
    root_naive(&it, key);
    root_is(&it, key);
    take_back(&it, &undo, SOME);
    root_is(&it, small);
    assert_int_equal(pay(&it, MANY, MANY, again), QN_OK);
    assert_memory_equal(digest, again, 32);
    root_is(&it, large);
    ledger_end(&it);
}

/* From the first take that apply() needs to the last, each may fail: then nothing is done. */
static void a_block_without_memory_is_not_done(void **subject)
{
    enum { SOME = 40000 };
    struct ledger it = ledger_new();
    uint8_t digest[32], before[32];
    int32_t status = QN_NO_SPACE;
    uint64_t fails = 0;

    (void)subject;
    root_naive(&it, before);
    root_is(&it, before);
    while (status != QN_OK) {
        qn_check_node_starve(it.node, 0);
        status = pay(&it, 0, SOME, digest);
        if (status == QN_OK) {
            break;
        }
        assert_int_equal(status, QN_NO_SPACE);
        assert_int_equal(it.sink.size, 0);
        root_is(&it, before);
        qn_check_node_starve(it.node, 1); /* what was taken is kept: so one more each time */
        status = pay(&it, 0, SOME, digest);
        fails++;
        assert_true(fails < 100);
    }
    assert_true(fails > 1);
    qn_check_node_starve(it.node, 0); /* no memory to sort the new accounts in */
    assert_int_equal(it.slots->root(it.inst, 0, before), QN_NO_SPACE);
    qn_check_node_starve(it.node, UINT64_MAX);
    root_naive(&it, before);
    root_is(&it, before);
    ledger_end(&it);
}

static void blocks_take_no_memory(void **subject)
{
    struct ledger it = ledger_new();
    uint8_t digest[32], root[32];
    uint64_t used = 0;

    (void)subject;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pay(&it, 0, 20, digest), QN_OK);
        assert_int_equal(it.slots->root(it.inst, 0, root), QN_OK);
        used = i == 0 ? qn_check_node_used(it.node) : used;
        assert_true(qn_check_node_used(it.node) == used);
    }
    ledger_end(&it);
}

/* --- what comes from outside --- */

/* A path is neither longer than it must be, nor of a place that there is not. */
static void a_proof_has_one_form(void **subject)
{
    enum { SLOT_AT = 52, PATH_AT = SLOT_AT + 8 + 64 + 32 };
    struct ledger it = ledger_new();
    uint8_t digest[32], root[32], key[32], value[64], proof[2048];
    struct qn_sink to = {.data = value, .cap = sizeof value};

    (void)subject;
    assert_int_equal(pay(&it, 0, 99, digest), QN_OK);
    assert_int_equal(it.slots->root(it.inst, 0, root), QN_OK);
    for (uint64_t i = 0; i < 99; i++) {
        key_fill(key, i);
        assert_int_equal(it.slots->prove(it.inst, 0, key, 1, sink_of(&it)), QN_OK);
        memset(proof, 0, sizeof proof);
        memcpy(proof, it.sink.data, it.sink.size);

        uint64_t slot = qn_le64_read(proof + SLOT_AT);
        uint32_t nodes = qn_le32_read(proof + PATH_AT);

        assert_int_equal(it.sink.size, PATH_AT + 4 + nodes * 32);
        qn_le32_write(proof + PATH_AT, nodes + 1);
        assert_int_equal(it.slots->check_proof(it.inst, 0, root, key,
                                               (struct qn_span){proof, it.sink.size + 32}, &to),
                         QN_INVALID);
        qn_le32_write(proof + PATH_AT, nodes);
        for (uint64_t more = 100; more < 4096; more += more == 100 ? 28 : more) {
            qn_le64_write(proof + SLOT_AT, slot + more);
            assert_int_equal(it.slots->check_proof(it.inst, 0, root, key,
                                                   (struct qn_span){proof, it.sink.size}, &to),
                             QN_INVALID);
        }
    }
    assert_int_equal(to.size, 0);
    ledger_end(&it);
}

static int32_t load(struct ledger *it, const uint8_t *pages, uint64_t first, uint64_t count,
                    bool is_last)
{
    struct qn_span span = {pages + first * PAGE, count * PAGE};

    return it->slots->load_pages(it->inst, 0, first, span, is_last);
}

static void pages_that_are_no_state_are_refused(void **subject)
{
    struct ledger it = ledger_new();
    uint8_t digest[32], root[32], slot[64];
    uint64_t count;

    (void)subject;
    assert_int_equal(pay(&it, 0, 150, digest), QN_OK);
    assert_int_equal(it.slots->root(it.inst, 0, root), QN_OK);

    uint8_t *pages = pages_read(&it, &count);
    uint8_t *slots = pages + (uint64_t)2 * PAGE;

    assert_int_equal(load(&it, pages, 1, 1, false), QN_INVALID); /* there is a state */
    root_is(&it, root);

    memcpy(slot, slots + 64, 32); /* an account twice, the amounts all there */
    memcpy(slots + 64, slots + 128, 32);
    assert_int_equal(load(&it, pages, 0, count, true), QN_INVALID);
    memcpy(slots + 64, slot, 32);
    slots[63] = 1; /* what is reserved */
    assert_int_equal(load(&it, pages, 0, count, true), QN_INVALID);
    slots[63] = 0;
    slots[48] |= 2; /* a flag that there is not */
    assert_int_equal(load(&it, pages, 0, count, true), QN_INVALID);
    slots[48] &= 1;
    slots[151 * 64] = 1; /* behind the last account */
    assert_int_equal(load(&it, pages, 0, count, true), QN_INVALID);
    slots[151 * 64] = 0;
    pages[PAGE + 40] = 1; /* behind the last member */
    assert_int_equal(load(&it, pages, 0, count, true), QN_INVALID);
    pages[PAGE + 40] = 0;
    qn_le64_write(pages + 48, UINT64_MAX); /* accounts without end */
    assert_int_equal(load(&it, pages, 0, 1, false), QN_INVALID);
    qn_le64_write(pages + 48, 151);

    assert_int_equal(load(&it, pages, 0, 1, false), QN_OK);
    assert_int_equal(load(&it, pages, 2, count - 2, true), QN_INVALID); /* one is left out */
    assert_int_equal(load(&it, pages, 1, count - 1, true), QN_OK);
    root_is(&it, root);
    free(pages);
    ledger_end(&it);
}

/* --- what it answers --- */

static int32_t ask(struct ledger *it, uint32_t what, const void *arg, uint64_t size)
{
    return it->slots->query(it->inst, 0, what, (struct qn_span){arg, size}, sink_of(it));
}

static void questions_are_answered(void **subject)
{
    struct ledger it = ledger_new();
    uint8_t digest[32], key[32], first[8] = {0};

    (void)subject;
    assert_int_equal(pay(&it, 0, 1200, digest), QN_OK);
    assert_int_equal(ask(&it, 1, rich, 32), QN_OK);
    assert_int_equal(it.sink.size, 64);
    assert_int_equal(qn_le64_read(it.sink.data + 40), 1200);
    assert_int_equal(qn_le32_read(it.sink.data + 48), 1); /* it has sent */
    key_fill(key, 3);
    assert_int_equal(ask(&it, 1, key, 32), QN_OK);
    assert_int_equal(qn_le64_read(it.sink.data + 32), ACCOUNT_MIN + 3);
    assert_int_equal(qn_le32_read(it.sink.data + 48), 0);
    key[0] ^= 1;
    assert_int_equal(ask(&it, 1, key, 32), QN_NOT_FOUND);
    assert_int_equal(ask(&it, 1, key, 31), QN_INVALID);

    assert_int_equal(ask(&it, 2, NULL, 0), QN_OK);
    assert_int_equal(it.sink.size, 56);
    assert_true(qn_le64_read(it.sink.data) == UINT64_C(1) << 60);
    assert_int_equal(qn_le64_read(it.sink.data + 16), 1200 * FEE_MIN);
    assert_int_equal(qn_le64_read(it.sink.data + 24), 1201);
    assert_int_equal(qn_le64_read(it.sink.data + 48), ACCOUNT_MIN);
    assert_int_equal(ask(&it, 2, key, 1), QN_INVALID);

    assert_int_equal(ask(&it, 3, first, 8), QN_OK);
    assert_int_equal(it.sink.size, 1000 * 64);
    assert_memory_equal(it.sink.data, rich, 32);
    qn_le64_write(first, 1000);
    assert_int_equal(ask(&it, 3, first, 8), QN_OK);
    assert_int_equal(it.sink.size, 201 * 64);
    memset(first, 0xff, 8);
    assert_int_equal(ask(&it, 3, first, 8), QN_OK);
    assert_int_equal(it.sink.size, 0);
    assert_int_equal(ask(&it, 3, first, 7), QN_INVALID);
    assert_int_equal(ask(&it, 4, NULL, 0), QN_UNSUPPORTED);
    ledger_end(&it);
}

/* --- its limit --- */

static void with_no_place_left_only_what_opens_an_account_is_poor(void **subject)
{
    enum { BLOCK = QN_LEDGER_TXS_MAX };
    struct qn_ledger_verdict verdicts[2];
    struct ledger it;
    uint8_t digest[32];

    (void)subject;
    if (SLOTS_MAX > 1 << 20) {
        return; /* too many: limit_test, which is this with small tables, has fewer */
    }
    it = ledger_new();
    for (uint64_t slots = 1; slots < SLOTS_MAX;) {
        uint64_t left = SLOTS_MAX - slots;
        uint32_t count = (uint32_t)(left < BLOCK ? left : BLOCK);

        assert_int_equal(pay(&it, slots, count, digest), QN_OK);
        slots += count;
    }
    assert_int_equal(pay(&it, SLOTS_MAX - 1, 2, digest), QN_INVALID); /* the second opens one */
    assert_int_equal(it.slots->check(it.inst, 0, it.txs, 2, verdicts), QN_OK);
    assert_int_equal(verdicts[0].code, 0);
    it.txs[1].nonce--;
    assert_int_equal(it.slots->check(it.inst, 0, it.txs + 1, 1, verdicts), QN_OK);
    assert_int_equal(verdicts[0].code, 3);
    assert_int_equal(pay(&it, 1, BLOCK, digest), QN_OK);
    assert_int_equal(it.slots->root(it.inst, 0, digest), QN_OK);
    ledger_end(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_LEDGER(cmocka_unit_test),
        cmocka_unit_test(no_memory_is_no_space),
        cmocka_unit_test(the_root_is_what_the_pages_say),
        cmocka_unit_test(the_digest_is_what_changed),
        cmocka_unit_test(the_first_root_is_fixed),
        cmocka_unit_test(many_accounts_are_one_tree),
        cmocka_unit_test(a_block_without_memory_is_not_done),
        cmocka_unit_test(blocks_take_no_memory),
        cmocka_unit_test(a_proof_has_one_form),
        cmocka_unit_test(pages_that_are_no_state_are_refused),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(with_no_place_left_only_what_opens_an_account_is_poor),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
