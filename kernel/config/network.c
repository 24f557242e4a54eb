/* SPDX-License-Identifier: MIT */

#include "kernel/config/network.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/decimal.h"
#include "kernel/config/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const versions[] = {"qnet.network/v1"};
static const char *const lockless[] = {"deny", "allow"};
static const char *const kinds[] = {"producer", "consensus", "ledger"};
static const char *const validator_prefix[] = {QNK_PREFIX_VALIDATOR};
static const char *const account_prefix[] = {QNK_PREFIX_ACCOUNT};

static const struct qnk_config_key validator_keys[] = {
    {.name = "key",
     .type = QNK_CONFIG_KEY,
     .flags = QNK_CONFIG_REQUIRED,
     .values = validator_prefix,
     .values_count = 1,
     .doc = "the public key, as `qnet key show` prints it"},
    {.name = "weight",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(1),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(QNK_NETWORK_WEIGHT_MAX),
     .doc = "its share of all votes"},
    {.name = "name",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "for people alone"},
    {.name = "tip",
     .type = QNK_CONFIG_HASH,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "the beacon tip that `qnet key show` prints beside the key"},
};

static const struct qnk_config_key balance_keys[] = {
    {.name = "account",
     .type = QNK_CONFIG_KEY,
     .flags = QNK_CONFIG_REQUIRED,
     .values = account_prefix,
     .values_count = 1,
     .doc = "the account's address"},
    {.name = "amount",
     .type = QNK_CONFIG_AMOUNT,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "QNC that it holds in the beginning"},
};

static const struct qnk_config_key keys[] = {
    {.name = "version",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = versions,
     .values_count = COUNT(versions),
     .doc = "qnet.network/v1"},
    {.name = "name",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "what people call this network"},
    {.name = "window",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_BLOCKS,
     .flags = QNK_CONFIG_REQUIRED,
     .min = QNK_RECORD_U64(8),
     .max = QNK_RECORD_U64(QNK_NETWORK_WINDOW_MAX),
     .doc = "microblocks per macroblock"},
    {.name = "interval.min",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(250),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(60000),
     .doc = "the shortest time between microblocks that nodes accept from a producer plugin"},
    {.name = "interval.max",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(2000),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(60000),
     .doc = "the longest one"},
    {.name = "limits.block_bytes",
     .type = QNK_CONFIG_SIZE,
     .absent = QNK_RECORD_U64(16777216),
     .min = QNK_RECORD_U64(65536),
     .max = QNK_RECORD_U64(16777216),
     .doc = "of a microblock's body, plain"},
    {.name = "limits.block_txs",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_TXS,
     .absent = QNK_RECORD_U64(5000),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(65536),
     .doc = "of a microblock; 50000: high-performance"},
    {.name = "producer",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED | QNK_CONFIG_VERSIONED,
     .values = kinds,
     .values_count = 1,
     .doc = "who makes which microblock, and when"},
    {.name = "consensus",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED | QNK_CONFIG_VERSIONED,
     .values = kinds + 1,
     .values_count = 1,
     .doc = "how a window becomes final"},
    {.name = "ledger",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED | QNK_CONFIG_VERSIONED,
     .values = kinds + 2,
     .values_count = 1,
     .doc = "what transactions do"},
    {.name = "signature_rule",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "which signatures are good: a rule of the signature plugin"},
    {.name = "settle.blocks",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_BLOCKS,
     .absent = QNK_RECORD_U64(3),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(1000),
     .doc = "descendants after which a window's last block is voted on"},
    {.name = "settle.time",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(10000),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(600000),
     .doc = "time after which it is in any case"},
    {.name = "swap.notice",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_WINDOWS,
     .absent = QNK_RECORD_U64(960),
     .min = QNK_RECORD_U64(5),
     .max = QNK_RECORD_U64(100000),
     .doc = "from a plan for another consensus or producer to its first window, at least"},
    {.name = "swap.probation",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_WINDOWS,
     .absent = QNK_RECORD_U64(100),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(100000),
     .doc = "in which the new one may be given up again, at least"},
    {.name = "swap.ready",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(85),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(100),
     .doc = "percent of all weight that must be ready, at least; never less than a quorum"},
    {.name = "swap.dead",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(240000),
     .min = QNK_RECORD_U64(100),
     .max = QNK_RECORD_U64(86400000),
     .doc = "a window that is undecided for so long on probation is abandoned"},
    {.name = "swap.dead_later",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(30000),
     .min = QNK_RECORD_U64(100),
     .max = QNK_RECORD_U64(86400000),
     .doc = "the same for the windows after the first that was"},
    {.name = "swap.lockless",
     .type = QNK_CONFIG_CHOICE,
     .absent = QNK_RECORD_U32(0),
     .values = lockless,
     .values_count = COUNT(lockless),
     .doc = "whether a plan may name an engine without locks, which tolerates crashes alone"},
    {.name = "fee_min",
     .type = QNK_CONFIG_AMOUNT,
     .absent = QNK_RECORD_U64(1000),
     .doc = "QNC that a transaction pays at least"},
    {.name = "account_min",
     .type = QNK_CONFIG_AMOUNT,
     .absent = QNK_RECORD_U64(1000000),
     .doc = "QNC that a new account holds at least"},
    {.name = "genesis.time",
     .type = QNK_CONFIG_TIME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "when the chain begins, in UTC"},
    {.name = "genesis.validators",
     .type = QNK_CONFIG_GROUP | QNK_CONFIG_LIST,
     .flags = QNK_CONFIG_REQUIRED,
     .items = validator_keys,
     .items_count = COUNT(validator_keys),
     .doc = "who votes: the members' lines that `qnet key show` prints"},
    {.name = "genesis.balances",
     .type = QNK_CONFIG_GROUP | QNK_CONFIG_LIST,
     .items = balance_keys,
     .items_count = COUNT(balance_keys),
     .doc = "who holds what in the beginning"},
};

const struct qnk_config_schema qnk_network_schema = {
    .title = "", .keys = keys, .count = COUNT(keys)};

/* The items of a list in `genesis`, in the order of its record. */
static const struct qnk_tree *items_of(const struct qnk_tree *tree, const char *list)
{
    const struct qnk_tree *genesis = qnk_tree_child(tree, "genesis");
    const struct qnk_tree *items = genesis == NULL ? NULL : qnk_tree_child(genesis, list);

    return items == NULL ? NULL : items->first;
}

/* A 32-byte name and where it stands, to find names that come twice. */
struct named {
    const struct qnk_hash *name;
    const struct qnk_tree *tree;
};

static int named_compare(const void *a, const void *b)
{
    const struct named *first = a;
    const struct named *second = b;
    int order = memcmp(first->name->bytes, second->name->bytes, QN_HASH_SIZE);

    if (order != 0) {
        return order;
    }
    return first->tree->mark.line < second->tree->mark.line ? -1
           : first->tree->mark.line > second->tree->mark.line
               ? 1
               : (first->tree->mark.column > second->tree->mark.column) -
                     (first->tree->mark.column < second->tree->mark.column);
}

static struct qnk_config_mark mark_of(const struct qnk_tree *item, const char *key)
{
    const struct qnk_tree *child = qnk_tree_child(item, key);

    return child == NULL ? item->mark : child->mark;
}

static void refuse_twins(struct qnk_checker *checker, struct named *names, uint32_t count,
                         const char *key)
{
    qsort(names, count, sizeof *names, named_compare);
    for (uint32_t i = 1; i < count; i++) {
        struct qnk_config_mark first = mark_of(names[i - 1].tree, key);

        if (qnk_hash_equal(names[i - 1].name, names[i].name)) {
            qnk_report_add(checker->report, QNK_E112,
                           qnk_checker_place(checker, mark_of(names[i].tree, key)),
                           "this %s is given twice, first at %u:%u", key, first.line, first.column);
        }
    }
}

static void validators_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                             const struct qnk_tree *tree, struct qnk_network *network)
{
    const struct qnk_config_value *value = qnk_part_find(part, "genesis.validators");
    struct qnk_reader reader = qnk_reader_init(value->record);
    uint32_t count = qnk_reader_u32(&reader);
    struct qnk_network_validator *validators =
        qnk_checker_take(checker, count * sizeof *validators);
    struct named *names = qnk_checker_take(checker, count * sizeof *names);
    const struct qnk_tree *item = items_of(tree, "validators");
    uint64_t weight = 0;

    if (validators == NULL || names == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++, item = item->next) {
        qnk_reader_copy(&reader, validators[i].key.bytes, QN_KEY_SIZE);
        validators[i].weight = qnk_reader_u64(&reader);
        validators[i].name =
            qnk_checker_string(checker, qnk_reader_span(&reader, qnk_reader_u32(&reader)));
        qnk_reader_copy(&reader, validators[i].tip.bytes, QN_HASH_SIZE);
        names[i] = (struct named){&validators[i].key, item};
        weight += validators[i].weight;
        if (weight > QNK_NETWORK_WEIGHT_MAX) {
            qnk_report_add(checker->report, QNK_E112,
                           qnk_checker_place(checker, mark_of(item, "weight")),
                           "all weights together are more than 2^53");
            weight = 0;
        }
    }
    QN_ASSERT(qnk_reader_done(&reader));
    refuse_twins(checker, names, count, "key");
    if (count < 1 || count > QNK_NETWORK_VALIDATORS_MAX) {
        qnk_report_add(checker->report, QNK_E106, value->place,
                       "'genesis.validators' has %u members", count);
        qnk_report_hint(checker->report, "1 to %d, by the lines that `qnet key show` prints",
                        QNK_NETWORK_VALIDATORS_MAX);
    }
    network->validators = validators;
    network->validators_count = count;
}

/* What one account holds in the beginning, against what it may hold. */
static void balance_check(struct qnk_checker *checker, const struct qnk_tree *item,
                          uint64_t account_min, uint64_t amount, uint64_t *sum)
{
    char least[QNK_DECIMAL_SIZE];

    if (amount < account_min) {
        qnk_decimal_encode(account_min, least);
        qnk_report_add(checker->report, QNK_E112,
                       qnk_checker_place(checker, mark_of(item, "amount")),
                       "less than 'account_min', which is %s", least);
    }
    if (amount > UINT64_MAX - *sum) {
        qnk_report_add(checker->report, QNK_E112,
                       qnk_checker_place(checker, mark_of(item, "amount")),
                       "all amounts together are more than 64 bits of nano-QNC");
        *sum = 0;
    }
    *sum += amount;
}

static void balances_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                           const struct qnk_tree *tree, struct qnk_network *network)
{
    const struct qnk_config_value *value = qnk_part_find(part, "genesis.balances");
    struct qnk_reader reader = qnk_reader_init(value->record);
    uint32_t count = qnk_reader_u32(&reader);
    struct qnk_network_balance *balances = qnk_checker_take(checker, count * sizeof *balances);
    struct named *names = qnk_checker_take(checker, count * sizeof *names);
    const struct qnk_tree *item = items_of(tree, "balances");
    uint64_t sum = 0;

    if (balances == NULL || names == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++, item = item->next) {
        qnk_reader_copy(&reader, balances[i].account.bytes, QN_KEY_SIZE);
        balances[i].amount = qnk_reader_u64(&reader);
        names[i] = (struct named){&balances[i].account, item};
        balance_check(checker, item, network->account_min, balances[i].amount, &sum);
    }
    QN_ASSERT(qnk_reader_done(&reader));
    refuse_twins(checker, names, count, "account");
    network->balances = balances;
    network->balances_count = count;
}

static struct qn_span genesis_record(struct qnk_checker *checker, const struct qnk_network *network)
{
    uint64_t size = 4 + UINT64_C(40) * network->validators_count + 4 +
                    UINT64_C(40) * network->balances_count + 16;
    uint8_t *record = qnk_checker_take(checker, size);
    struct qnk_writer writer = qnk_writer_init(record, size);

    if (record == NULL) {
        return (struct qn_span){NULL, 0};
    }
    qnk_writer_u32(&writer, network->validators_count);
    for (uint32_t i = 0; i < network->validators_count; i++) {
        qnk_writer_bytes(&writer, network->validators[i].key.bytes, QN_KEY_SIZE);
        qnk_writer_u64(&writer, network->validators[i].weight);
    }
    qnk_writer_u32(&writer, network->balances_count);
    for (uint32_t i = 0; i < network->balances_count; i++) {
        qnk_writer_bytes(&writer, network->balances[i].account.bytes, QN_KEY_SIZE);
        qnk_writer_u64(&writer, network->balances[i].amount);
    }
    qnk_writer_u64(&writer, network->fee_min);
    qnk_writer_u64(&writer, network->account_min);
    QN_ASSERT(writer.room == 0);
    return (struct qn_span){record, size};
}

void qnk_network_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_tree *tree, struct qnk_network *network)
{
    *network = (struct qnk_network){
        .name = qnk_checker_string(checker, qnk_part_text(part, "name")),
        .window = (uint32_t)qnk_part_number(part, "window"),
        .interval_min_ms = (uint32_t)qnk_part_number(part, "interval.min"),
        .interval_max_ms = (uint32_t)qnk_part_number(part, "interval.max"),
        .block_bytes = (uint32_t)qnk_part_number(part, "limits.block_bytes"),
        .block_txs = (uint32_t)qnk_part_number(part, "limits.block_txs"),
        .producer = qnk_part_plugin(part, "producer"),
        .consensus = qnk_part_plugin(part, "consensus"),
        .ledger = qnk_part_plugin(part, "ledger"),
        .signature_rule = qnk_checker_string(checker, qnk_part_text(part, "signature_rule")),
        .settle_blocks = (uint32_t)qnk_part_number(part, "settle.blocks"),
        .settle_ms = (uint32_t)qnk_part_number(part, "settle.time"),
        .swap_notice = (uint32_t)qnk_part_number(part, "swap.notice"),
        .swap_probation = (uint32_t)qnk_part_number(part, "swap.probation"),
        .swap_ready = (uint32_t)qnk_part_number(part, "swap.ready"),
        .swap_dead_ms = (uint32_t)qnk_part_number(part, "swap.dead"),
        .swap_dead_later_ms = (uint32_t)qnk_part_number(part, "swap.dead_later"),
        .swap_lockless = qnk_part_number(part, "swap.lockless") == 1,
        .fee_min = qnk_part_number(part, "fee_min"),
        .account_min = qnk_part_number(part, "account_min"),
        .genesis_time_ms = qnk_part_number(part, "genesis.time"),
        .canonical = part->record,
    };
    validators_check(checker, part, tree, network);
    balances_check(checker, part, tree, network);
    network->ledger_genesis = genesis_record(checker, network);
}
