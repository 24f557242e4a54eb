/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/config/config.h"

static struct qnk_budget budget = {.limit = 2 * (size_t)QNK_CONFIG_MEMORY};
static struct qnk_config config;
static char text[40000];

/* What every network file needs but its genesis. */
static const char head[] = "version: qnet.network/v1\n"
                           "name: t\n"
                           "window: 10\n"
                           "producer: {use: turns, version: \"1.0\"}\n"
                           "consensus: {use: votes, version: \"1.2\"}\n"
                           "ledger: {use: sums, version: \"1.0\"}\n"
                           "signature_rule: some-rule\n";

static int stop(void **subject)
{
    (void)subject;
    qnk_config_done(&config);
    return budget.used == 0 ? 0 : -1;
}

static int32_t read_text(const char *bytes)
{
    const struct qnk_config_options options = {.budget = &budget};

    qnk_config_done(&config);
    assert_int_equal(qnk_config_init(&config, &options), QN_OK);
    return qnk_config_read_network(&config, "net.yaml",
                                   (struct qn_span){(const uint8_t *)bytes, strlen(bytes)});
}

static const char *key_text(const char *prefix, uint8_t number)
{
    static char texts[4][QNK_BECH32M_KEY_SIZE];
    static uint32_t next;
    const uint8_t key[QN_KEY_SIZE] = {number};
    char *room = texts[next++ % 4];

    qnk_bech32m_encode(prefix, key, room);
    return room;
}

static size_t add_validator(size_t size, uint8_t number, const char *weight)
{
    return size + (size_t)snprintf(text + size, sizeof text - size,
                                   "    - {key: %s, weight: %s, name: v%u, tip: \"%064u\"}\n",
                                   key_text("qnv", number), weight, number, number);
}

static size_t add_balance(size_t size, uint8_t number, const char *amount)
{
    return size + (size_t)snprintf(text + size, sizeof text - size,
                                   "    - {account: %s, amount: \"%s\"}\n", key_text("qn", number),
                                   amount);
}

static size_t add(size_t size, const char *more)
{
    return size + (size_t)snprintf(text + size, sizeof text - size, "%s", more);
}

/* A file with validators 1 and 2 and accounts 3 and 4. */
static void write_usual(const char *more)
{
    size_t size = add(0, head);

    size = add(size, more);
    size = add(size, "genesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    size = add_validator(size, 1, "1");
    size = add_validator(size, 2, "5");
    size = add(size, "  balances:\n");
    size = add_balance(size, 3, "1000000");
    (void)add_balance(size, 4, "0.5");
}

static void finding_is(enum qnk_finding_code code, uint32_t line, const char *words)
{
    assert_int_equal(read_text(text), QN_INVALID);
    assert_int_equal(config.report.count, 1);
    assert_string_equal(config.report.findings[0].text, words);
    assert_int_equal(config.report.findings[0].code, code);
    assert_int_equal(config.report.findings[0].place.mark.line, line);
}

static void a_file_becomes_its_parameters(void **subject)
{
    (void)subject;
    const struct qnk_network *network = &config.network;

    write_usual("interval: {min: 500ms, max: 1s}\nlimits: {block_txs: 50000}\nfee_min: \"0.5\"\n");
    assert_int_equal(read_text(text), QN_OK);
    assert_string_equal(network->name, "t");
    assert_int_equal(network->window, 10);
    assert_int_equal(network->interval_min_ms, 500);
    assert_int_equal(network->interval_max_ms, 1000);
    assert_int_equal(network->block_txs, 50000);
    assert_int_equal(network->block_bytes, 16777216);
    assert_string_equal(network->producer->name, "turns");
    assert_string_equal(network->consensus->name, "votes");
    assert_string_equal(network->consensus->version, "1.2");
    assert_string_equal(network->ledger->name, "sums");
    assert_string_equal(network->signature_rule, "some-rule");
    assert_int_equal(network->settle_blocks, 3);
    assert_int_equal(network->settle_ms, 10000);
    assert_int_equal(network->swap_notice, 960);
    assert_int_equal(network->swap_probation, 100);
    assert_int_equal(network->swap_ready, 85);
    assert_int_equal(network->swap_dead_ms, 240000);
    assert_int_equal(network->swap_dead_later_ms, 30000);
    assert_false(network->swap_lockless);
    assert_true(network->fee_min == 500000000);
    assert_true(network->account_min == 1000000);
    assert_true(network->genesis_time_ms == UINT64_C(1767225600000));
    assert_int_equal(network->validators_count, 2);
    assert_int_equal(network->validators[1].key.bytes[0], 2);
    assert_int_equal(network->validators[1].weight, 5);
    assert_string_equal(network->validators[1].name, "v2");
    assert_int_equal(network->validators[1].tip.bytes[31], 2);
    assert_int_equal(network->balances_count, 2);
    assert_int_equal(network->balances[0].account.bytes[0], 3);
    assert_true(network->balances[0].amount == UINT64_C(1000000000000000));
}

/* By hand, so that no change of code goes unseen: these bytes are hashed into the chain id. */
static void the_canonical_form_is_fixed(void **subject)
{
    (void)subject;
    static const uint8_t before[] =
        {
            0,    0,    0,    0,                       /* version */
            1,    0,    0,    0,    't',               /* name */
            10,   0,    0,    0,    0,    0,   0,   0, /* window */
            250,  0,    0,    0,    0,    0,   0,   0,   0xd0, 7,    0,   0,   0,
            0,    0,    0, /* interval */
            0,    0,    0,    1,    0,    0,   0,   0,   0x88, 0x13, 0,   0,   0,
            0,    0,    0, /* limits */
            5,    0,    0,    0,    't',  'u', 'r', 'n', 's',  3,    0,   0,   0,
            '1',  '.',  '0',  0,    0,    0,   0, /* producer */
            5,    0,    0,    0,    'v',  'o', 't', 'e', 's',  3,    0,   0,   0,
            '1',  '.',  '2',  0,    0,    0,   0, /* consensus */
            4,    0,    0,    0,    's',  'u', 'm', 's', 3,    0,    0,   0,   '1',
            '.',  '0',  0,    0,    0,    0,                                        /* ledger */
            9,    0,    0,    0,    's',  'o', 'm', 'e', '-',  'r',  'u', 'l', 'e', /* rule */
            3,    0,    0,    0,    0,    0,   0,   0,   0x10, 0x27, 0,   0,   0,
            0,    0,    0,                             /* settle */
            0xc0, 3,    0,    0,    0,    0,   0,   0, /* swap.notice */
            100,  0,    0,    0,    0,    0,   0,   0, /* swap.probation */
            85,   0,    0,    0,    0,    0,   0,   0, /* swap.ready */
            0x80, 0xa9, 3,    0,    0,    0,   0,   0, /* swap.dead */
            0x30, 0x75, 0,    0,    0,    0,   0,   0, /* swap.dead_later */
            0,    0,    0,    0,                       /* swap.lockless */
            0xe8, 3,    0,    0,    0,    0,   0,   0, /* fee_min */
            0x40, 0x42, 0x0f, 0,    0,    0,   0,   0, /* account_min */
            0,    0xa8, 0xda, 0x76, 0x9b, 1,   0,   0, /* genesis.time */
            2,    0,    0,    0,                       /* validators */
        };
    const struct qn_span *canonical = &config.network.canonical;
    const uint8_t *at = canonical->data + sizeof before;

    write_usual("");
    assert_int_equal(read_text(text), QN_OK);
    at = canonical->data + sizeof before;
    assert_memory_equal(canonical->data, before, sizeof before);
    assert_int_equal(at[0], 1); /* key, weight, name, tip of the first */
    assert_memory_equal(at + 32, "\1\0\0\0\0\0\0\0\2\0\0\0v1", 14);
    assert_int_equal(at[32 + 14 + 31], 1);
    at += 2 * (32 + 14 + 32);
    assert_memory_equal(at, "\2\0\0\0\3", 5);
    at += 4 + 2 * 40;
    assert_ptr_equal(at, canonical->data + canonical->size);
}

static void what_the_ledger_starts_from_is_fixed(void **subject)
{
    (void)subject;
    const struct qn_span *record = &config.network.ledger_genesis;

    write_usual("");
    assert_int_equal(read_text(text), QN_OK);
    assert_int_equal(record->size, 8 + 4 * 40 + 16);
    assert_memory_equal(record->data, "\2\0\0\0\1", 5);
    assert_memory_equal(record->data + 4 + 32, "\1\0\0\0\0\0\0\0\2", 9);
    assert_memory_equal(record->data + 4 + 80, "\2\0\0\0\3", 5);
    assert_int_equal(record->data[8 + 80 + 40], 4);
    assert_memory_equal(record->data + 8 + 80 + 40 + 32, "\x00\x65\xcd\x1d\0\0\0\0", 8);
    assert_memory_equal(record->data + 8 + 160, "\xe8\3\0\0\0\0\0\0\x40\x42\x0f\0\0\0\0\0", 16);
}

static void the_same_rules_have_the_same_form(void **subject)
{
    (void)subject;
    uint8_t first[1024];
    size_t size;

    write_usual("");
    assert_int_equal(read_text(text), QN_OK);
    size = config.network.canonical.size;
    memcpy(first, config.network.canonical.data, size);
    write_usual("# in other words\ninterval: {max: 2000ms}\nlimits: {block_bytes: 16384KiB}\n"
                "account_min: 0.001\n");
    assert_int_equal(read_text(text), QN_OK);
    assert_int_equal(config.network.canonical.size, size);
    assert_memory_equal(config.network.canonical.data, first, size);
}

static void where_a_plugin_lies_is_no_rule(void **subject)
{
    (void)subject;
    uint8_t first[1024];
    size_t size;
    char *place;

    write_usual("");
    assert_int_equal(read_text(text), QN_OK);
    size = config.network.canonical.size;
    memcpy(first, config.network.canonical.data, size);
    place = strstr(text, "version: \"1.2\"}");
    memmove(place + 32, place, strlen(place) + 1);
    memcpy(place, "path: /x/y.so, on_error: stop,  ", 32);
    assert_int_equal(read_text(text), QN_OK);
    assert_string_equal(config.network.consensus->path, "/x/y.so");
    assert_int_equal(config.network.canonical.size, size);
    assert_memory_equal(config.network.canonical.data, first, size);
}

static void members_and_accounts_come_once(void **subject)
{
    (void)subject;
    size_t size = add(0, head);

    size = add(size, "genesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    size = add_validator(size, 1, "1");
    size = add_validator(size, 2, "1");
    (void)add_validator(size, 1, "1");
    finding_is(QNK_E112, 13, "this key is given twice, first at 11:13");

    write_usual("");
    (void)add_balance(strlen(text), 4, "1");
    finding_is(QNK_E112, 16, "this account is given twice, first at 15:17");
}

static void weights_and_amounts_have_their_sums(void **subject)
{
    (void)subject;
    size_t size = add(0, head);

    size = add(size, "genesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    size = add_validator(size, 1, "9007199254740991");
    size = add_validator(size, 2, "1");
    assert_int_equal(read_text(text), QN_OK);
    (void)add_validator(size, 3, "1");
    finding_is(QNK_E112, 13, "all weights together are more than 2^53");

    write_usual("");
    size = add_balance(strlen(text), 5, "18445744073.209551615");
    assert_int_equal(read_text(text), QN_OK);
    (void)add_balance(size, 6, "0.001");
    finding_is(QNK_E112, 17, "all amounts together are more than 64 bits of nano-QNC");
}

static void no_account_starts_below_the_least_amount(void **subject)
{
    (void)subject;
    write_usual("account_min: \"0.5\"\n");
    assert_int_equal(read_text(text), QN_OK);
    write_usual("account_min: \"0.500000001\"\n");
    finding_is(QNK_E112, 16, "less than 'account_min', which is 0.500000001");
}

static void there_are_1_to_200_members(void **subject)
{
    (void)subject;
    size_t size = add(0, head);

    (void)add(size, "genesis: {time: 2026-01-01T00:00:00Z, validators: []}\n");
    finding_is(QNK_E106, 8, "'genesis.validators' has 0 members");
    assert_string_equal(config.report.findings[0].hint,
                        "1 to 200, by the lines that `qnet key show` prints");
    size = add(size, "genesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    for (uint8_t i = 1; i <= 200; i++) {
        size = add_validator(size, i, "1");
    }
    assert_int_equal(read_text(text), QN_OK);
    assert_int_equal(config.network.validators_count, 200);
    (void)add_validator(size, 201, "1");
    finding_is(QNK_E106, 11, "'genesis.validators' has 201 members");
}

static void bounds_of_the_rules_are_kept(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {
        "interval: {min: 2s, max: 1s}\n",
        "interval: {min: 9ms}\n",
        "limits: {block_bytes: 17MiB}\n",
        "limits: {block_bytes: 32KiB}\n",
        "limits: {block_txs: 0}\n",
        "limits: {block_txs: 65537}\n",
        "settle: {blocks: 0}\n",
        "settle: {time: 0s}\n",
        "fee_min: -1\n",
        "data: /var/lib\n",
    };
    static const enum qnk_finding_code codes[] = {QNK_E112, QNK_E106, QNK_E106, QNK_E106, QNK_E106,
                                                  QNK_E106, QNK_E106, QNK_E106, QNK_E105, QNK_E111};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_usual(wrong[i]);
        assert_int_equal(read_text(text), QN_INVALID);
        assert_int_equal(config.report.count, 1);
        assert_int_equal(config.report.findings[0].code, codes[i]);
    }
    write_usual("");
    memcpy(strstr(text, "window: 10"), "window: 7 ", 10);
    finding_is(QNK_E106, 3, "'window' is out of range: \"7\"");
}

static void window_write(const char number[4])
{
    char *at;

    write_usual("");
    at = strstr(text, "window: 10") + 8;
    memmove(at + 4, at + 2, strlen(at + 2) + 1);
    memcpy(at, number, 4);
}

/* Of more blocks than a key may sign before a window is final: the network would stop. */
static void no_window_is_too_large_to_be_signed(void **subject)
{
    (void)subject;
    window_write("2048");
    assert_int_equal(read_text(text), QN_OK);
    assert_int_equal(config.network.window, QNK_NETWORK_WINDOW_MAX);
    window_write("2049");
    finding_is(QNK_E106, 3, "'window' is out of range: \"2049\"");
    window_write("4097");
    finding_is(QNK_E106, 3, "'window' is out of range: \"4097\"");
}

static void mistakes_of_items_hide_no_others(void **subject)
{
    (void)subject;
    size_t size = add(0, head);

    size = add(size, "genesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    size = add(size, "    - {key: x, weight: 0, name: V, tip: 5, more: 1}\n    - v2\n");
    (void)add(size, "  balances: [{amount: x}]\n");
    assert_int_equal(read_text(text), QN_INVALID);
    assert_int_equal(config.report.errors, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_becomes_its_parameters, stop),
        cmocka_unit_test_teardown(the_canonical_form_is_fixed, stop),
        cmocka_unit_test_teardown(what_the_ledger_starts_from_is_fixed, stop),
        cmocka_unit_test_teardown(the_same_rules_have_the_same_form, stop),
        cmocka_unit_test_teardown(where_a_plugin_lies_is_no_rule, stop),
        cmocka_unit_test_teardown(members_and_accounts_come_once, stop),
        cmocka_unit_test_teardown(weights_and_amounts_have_their_sums, stop),
        cmocka_unit_test_teardown(no_account_starts_below_the_least_amount, stop),
        cmocka_unit_test_teardown(there_are_1_to_200_members, stop),
        cmocka_unit_test_teardown(bounds_of_the_rules_are_kept, stop),
        cmocka_unit_test_teardown(no_window_is_too_large_to_be_signed, stop),
        cmocka_unit_test_teardown(mistakes_of_items_hide_no_others, stop),
    };

    config.options.budget = &budget;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
