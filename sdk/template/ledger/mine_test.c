/* SPDX-License-Identifier: MIT */

/* A first state, a transfer, and the way back. What all ledgers must do is tried by
 * `qnet plugin check`. */

#include <string.h>

#include <qnet/ledger.h>

#include "host.h"
#include "mine.manifest.h"

enum { FEE_MIN = 10, ACCOUNT_MIN = 100, RICH = 5000, AMOUNT = 700 };

static uint8_t record[512], alice[QN_KEY_SIZE] = {1}, bob[QN_KEY_SIZE] = {2};

/* One member, one account. */
static struct qn_span genesis_make(void)
{
    uint8_t *to = qn_writer_u32(record, 1);

    to = qn_writer_fixed(to, alice, QN_KEY_SIZE);
    to = qn_writer_u64(to, 1);
    to = qn_writer_u32(to, 1);
    to = qn_writer_fixed(to, alice, QN_KEY_SIZE);
    to = qn_writer_u64(to, RICH);
    to = qn_writer_u64(to, FEE_MIN);
    to = qn_writer_u64(to, ACCOUNT_MIN);
    return (struct qn_span){record, (uint64_t)(to - record)};
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)body;
    (void)payload;
    *(uint32_t *)ctx += type == QN_LEDGER_EFFECT_RECEIPT;
    return QN_OK;
}

int main(void)
{
    static struct qn_node node;
    static struct qn_sink undo = {.cap = SINK_MAX};
    const struct qn_ledger_1 *slots = (const void *)qn_plugin_v1.slots;
    struct mine_config values = {.unit = {(const uint8_t *)"QNC", 3}, .decimals = 9};
    uint8_t config[64], payload[40], digest[QN_HASH_SIZE], roots[3][QN_HASH_SIZE];
    uint32_t receipts = 0;
    struct qn_effects out = {.ctx = &receipts, .push = push};
    struct qn_ledger_block block = {.height = 1, .window = 1, .time_ms = 1000, .producer = alice};
    struct qn_ledger_transaction tx = {.from = alice, .fee = FEE_MIN, .valid_until = 9};
    struct qn_ledger_verdict verdict;
    struct qn_inst *inst;

    (void)mine_config_write(&values, config);
    inst = host_create(&node, MINE_MEMORY, (struct qn_span){config, mine_config_size(&values)});
    memcpy(payload, bob, QN_KEY_SIZE);
    qn_le64_write(payload + QN_KEY_SIZE, AMOUNT);
    tx.payload = (struct qn_span){payload, sizeof payload};
    tx.size = 166;
    is("there is a first state", slots->genesis(inst, 0, genesis_make()) == QN_OK);
    is("and no second one", slots->genesis(inst, 0, genesis_make()) == QN_EXISTS);
    is("it has a root", slots->root(inst, 0, roots[0]) == QN_OK);
    is("a transfer is good",
       slots->check(inst, 0, &tx, 1, &verdict) == QN_OK && verdict.code == 0 && verdict.next == 0);
    is("and is done",
       slots->apply(inst, 0, &block, NULL, 0, &tx, 1, digest, &out, &undo) == QN_OK &&
           receipts == 1);
    is("once", slots->check(inst, 0, &tx, 1, &verdict) == QN_OK && verdict.code == 2);
    is("it changes the root",
       slots->root(inst, 0, roots[1]) == QN_OK && memcmp(roots[0], roots[1], QN_HASH_SIZE) != 0);
    is("and back", slots->undo(inst, 0, (struct qn_span){undo.data, undo.size}) == QN_OK);
    is("to where it was",
       slots->root(inst, 0, roots[2]) == QN_OK && memcmp(roots[0], roots[2], QN_HASH_SIZE) == 0);
    host_destroy(&node, inst);
    return 0;
}
