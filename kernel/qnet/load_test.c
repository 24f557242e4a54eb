/* SPDX-License-Identifier: MIT */

/* load_test.c: the load of dev networks against one node that is this test's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "kernel/base/hash.h"
#include "kernel/base/hex.h"
#include "kernel/base/memory.h"
#include "kernel/chain/tx.h"
#include "kernel/node/job.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/load.h"

enum { ASKS_MAX = 512, SENT_MAX = 4096, RATE = 20 };

struct qnk_budget qnk_client_budget = {.limit = 1 << 30};

/* What the load asked and nobody has answered yet. */
static struct ask {
    const char *method;
    json_t *params;
    qnk_link_answered *answered;
    void *ctx;
    uint64_t tag;
} asks[ASKS_MAX];
static uint32_t asks_count;

static uint8_t sent[SENT_MAX][QNK_TX_TRANSFER_SIZE];
static uint32_t sent_count;
static struct qnk_dev dev;
static struct qnk_link node;
static struct qnk_link *links[] = {&node};
static struct qnk_load *load;
static uint64_t now_ms;

bool qnk_link_ask(struct qnk_link *link, const char *method, json_t *params,
                  qnk_link_answered *answered, void *ctx, uint64_t tag)
{
    assert_ptr_equal(link, &node);
    assert_true(asks_count < ASKS_MAX);
    asks[asks_count++] = (struct ask){method, params, answered, ctx, tag};
    return true;
}

void qnk_dev_account(const struct qnk_dev *of, uint32_t index, uint8_t seed[32])
{
    assert_ptr_equal(of, &dev);
    memset(seed, 0, 32);
    memcpy(seed, &index, sizeof index);
}

/* The answer to a batch: `code` for each. */
static json_t *verdicts(const json_t *txs, uint32_t code)
{
    json_t *list = json_array();
    size_t i;
    json_t *it;

    json_array_foreach((json_t *)(uintptr_t)txs, i, it)
    {
        uint8_t *bytes = sent[sent_count++];
        char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
        struct qnk_hash id;
        struct qnk_tx tx;

        assert_true(sent_count < SENT_MAX);
        assert_int_equal(qnk_hex_decode(json_string_value(it), QNK_TX_TRANSFER_SIZE, bytes), QN_OK);
        assert_int_equal(qnk_tx_decode((struct qn_span){bytes, QNK_TX_TRANSFER_SIZE}, &tx), QN_OK);
        qnk_tx_id(&tx, &id);
        qnk_hex_encode(id.bytes, QN_HASH_SIZE, hex);
        json_array_append_new(list, json_pack("{s:s, s:i, s:b}", "id", hex, "code", (int)code,
                                              "accepted", code == QNK_TX_OK));
    }
    return json_pack("{s:o}", "txs", list);
}

/* The node answers all: an account's next nonce is `nonce`, a transfer gets `code`. */
static void answer(uint64_t nonce, uint32_t code)
{
    for (uint32_t i = 0; i < asks_count; i++) {
        json_t *it = strcmp(asks[i].method, "account") == 0
                         ? json_pack("{s:I}", "nonce", (json_int_t)nonce)
                         : verdicts(json_object_get(asks[i].params, "txs"), code);

        asks[i].answered(asks[i].ctx, asks[i].tag, it);
        json_decref(it);
        json_decref(asks[i].params);
    }
    asks_count = 0;
}

/* So many ticks of a tenth of a second, each answered. */
static void go(uint32_t ticks, uint64_t nonce, uint32_t code)
{
    for (uint32_t i = 0; i < ticks; i++) {
        now_ms += 100;
        qnk_load_tick(load, now_ms, 5);
        answer(nonce, code);
    }
}

/* By how many different transfers a nonce of an account is used, at most. */
static uint32_t signed_at_most(void)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < sent_count; i++) {
        uint32_t others = 1;

        for (uint32_t j = 0; j < i; j++) {
            others += memcmp(sent[i] + 6, sent[j] + 6, 8) == 0 &&
                      memcmp(sent[i] + 30, sent[j] + 30, QN_KEY_SIZE) == 0 &&
                      memcmp(sent[i], sent[j], QNK_TX_TRANSFER_SIZE) != 0;
        }
        most = others > most ? others : most;
    }
    return most;
}

static bool was_sent_before(uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (memcmp(sent[i], sent[index], QNK_TX_TRANSFER_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static int begin(void **state)
{
    const struct qnk_load_setup setup = {
        .dev = &dev, .fee = 1000, .rate = RATE, .seed = 7, .links = links, .links_count = 1};

    (void)state;
    node.is_up = true;
    sent_count = asks_count = 0;
    now_ms = 1000;
    load = qnk_load_create(&setup);
    return load == NULL;
}

static int end(void **state)
{
    (void)state;
    answer(0, QNK_TX_OK);
    qnk_load_destroy(load);
    return qnk_client_budget.used == 0 ? 0 : -1;
}

static void transfers_come_at_the_rate_and_in_the_order_of_their_nonces(void **state)
{
    (void)state;
    go(101, 40, QNK_TX_OK);
    assert_in_range(sent_count, 9 * RATE, 10 * RATE);
    assert_int_equal(qnk_load_counts(load).accepted, sent_count);
    assert_int_equal(signed_at_most(), 1);
    assert_int_equal(sent[0][6], 40);
}

static void what_no_node_has_room_for_is_sent_again(void **state)
{
    static const uint32_t codes[] = {QNK_TX_FULL, QNK_TX_EARLY, QNK_TX_POOR, QNK_TX_EXPIRED};

    (void)state;
    go(2, 0, QNK_TX_OK); /* accounts know their nonces */
    for (uint32_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        uint32_t before = sent_count;
        uint64_t accepted = qnk_load_counts(load).accepted;

        go(1, 0, codes[i]);
        assert_true(sent_count > before);
        assert_int_equal(qnk_load_counts(load).refused, 0);
        assert_int_equal(qnk_load_counts(load).accepted, accepted);
    }
    qnk_load_stop(load);

    uint32_t before = sent_count;

    go(QNK_LOAD_RETRY_MS / 100 + 40, 0, QNK_TX_OK);
    assert_true(sent_count >= before + sizeof codes / sizeof *codes);
    for (uint32_t i = before; i < sent_count; i++) {
        assert_true(was_sent_before(i));
    }
    assert_int_equal(qnk_load_counts(load).accepted, qnk_load_counts(load).made);
}

static void no_nonce_is_signed_twice(void **state)
{
    (void)state;
    go(20, 30, QNK_TX_OK);
    go(5, 30, QNK_TX_STALE); /* of a node that lost its state, and says that 7 is next */
    assert_true(qnk_load_counts(load).refused > 0);
    go(60, 7, QNK_TX_OK);
    assert_int_equal(signed_at_most(), 1);
    for (uint32_t i = 0; i < sent_count; i++) {
        assert_true(sent[i][6] >= 30);
    }
}

static void what_is_final_twice_is_found(void **state)
{
    char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_hash id;
    struct qnk_tx tx;

    (void)state;
    go(10, 0, QNK_TX_OK);
    assert_int_equal(qnk_tx_decode((struct qn_span){sent[0], QNK_TX_TRANSFER_SIZE}, &tx), QN_OK);
    qnk_tx_id(&tx, &id);
    qnk_hex_encode(id.bytes, QN_HASH_SIZE, hex);

    json_t *ids = json_pack("[s]", hex);

    qnk_load_final(load, ids);
    assert_int_equal(qnk_load_counts(load).final, 1);
    assert_int_equal(qnk_load_counts(load).doubled, 0);
    qnk_load_final(load, ids);
    json_decref(ids);
    assert_int_equal(qnk_load_counts(load).doubled, 1);
    assert_false(qnk_load_is_done(load));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(transfers_come_at_the_rate_and_in_the_order_of_their_nonces,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_no_node_has_room_for_is_sent_again, begin, end),
        cmocka_unit_test_setup_teardown(no_nonce_is_signed_twice, begin, end),
        cmocka_unit_test_setup_teardown(what_is_final_twice_is_found, begin, end),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
