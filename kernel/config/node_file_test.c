/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/bech32m.h"
#include "kernel/config/config.h"

static struct qnk_budget budget = {.limit = 2 * (size_t)QNK_CONFIG_MEMORY};
static struct qnk_config config;
static char text[48000];
static char folder[] = "/tmp/qnet-node-XXXXXX";
static char path[64];

static const char usual[] = "version: qnet.node/v1\n"
                            "network: net.yaml\n"
                            "name: v1\n"
                            "transport: pipes\n"
                            "storage: shelves\n"
                            "compression: none\n"
                            "signature: rubber\n";

static int start(void **subject)
{
    (void)subject;
    config.options.budget = &budget;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/node.yaml", folder);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_config_done(&config);
    return rmdir(folder) == 0 && budget.used == 0 ? 0 : -1;
}

static int32_t read_text(const char *more, bool asks_files)
{
    const struct qnk_config_options options = {.budget = &budget, .asks_files = asks_files};

    (void)snprintf(text, sizeof text, "%s%s", usual, more);
    qnk_config_done(&config);
    assert_int_equal(qnk_config_init(&config, &options), QN_OK);
    return qnk_config_read_node(&config, path,
                                (struct qn_span){(const uint8_t *)text, strlen(text)});
}

static void finding_is(const char *more, bool asks_files, enum qnk_finding_code code,
                       const char *words, const char *hint)
{
    assert_int_equal(read_text(more, asks_files), QN_INVALID);
    assert_int_equal(config.report.count, 1);
    assert_string_equal(config.report.findings[0].text, words);
    assert_string_equal(config.report.findings[0].hint, hint);
    assert_int_equal(config.report.findings[0].code, code);
}

static void a_short_file_has_all_defaults(void **subject)
{
    (void)subject;
    const struct qnk_node_file *node = &config.node;
    char expected[128];

    assert_int_equal(read_text("type: full\n", false), QN_OK);
    (void)snprintf(expected, sizeof expected, "%s/net.yaml", folder);
    assert_string_equal(node->network, expected);
    assert_string_equal(node->name, "v1");
    assert_int_equal(node->kind, QNK_NODE_KIND_FULL);
    assert_string_equal(node->data, "");
    (void)snprintf(expected, sizeof expected, "%s/node.key", folder);
    assert_string_equal(node->key_node, expected);
    assert_string_equal(node->key_validator, "");
    assert_int_equal(node->peers_count, 0);
    assert_string_equal(node->transport->name, "pipes");
    assert_string_equal(node->storage->name, "shelves");
    assert_string_equal(node->compression->name, "none");
    assert_string_equal(node->signature->name, "rubber");
    assert_int_equal(node->services_count, 0);
    assert_int_equal(node->log_level, QNK_LOG_INFO);
    assert_int_equal(node->log_format, QNK_LOG_CHOICE_AUTO);
    assert_int_equal(node->log_parts_count, 0);
    assert_int_equal(node->trust, QNK_TRUST_ENFORCE);
    (void)snprintf(expected, sizeof expected, "%s/plugins.lock", folder);
    assert_string_equal(node->lock_file, expected);
    assert_int_equal(node->guard, QNK_GUARD_CLASS);
    assert_int_equal(node->mempool_txs, 500000);
    assert_int_equal(node->mempool_bytes, 268435456);
    assert_int_equal(node->resend_ms, 2000);
    assert_int_equal(node->workers, 0);
    assert_true(node->index_txs);
    assert_false(node->index_accounts);
    assert_false(node->input_log);
    assert_int_equal(node->input_log_size, 268435456);
}

static void a_long_file_has_its_values(void **subject)
{
    (void)subject;
    const struct qnk_node_file *node = &config.node;
    const uint8_t key[QN_KEY_SIZE] = {7}, other[QN_KEY_SIZE] = {8};
    char key_text[QNK_BECH32M_KEY_SIZE], other_text[QNK_BECH32M_KEY_SIZE];
    char more[1000];

    qnk_bech32m_encode("qnp", key, key_text);
    qnk_bech32m_encode("qnp", other, other_text);
    (void)snprintf(more, sizeof more,
                   "type: super\n"
                   "data: /var/lib/qnet/v1\n"
                   "keys: {node: /k/node.key, validator: 'credential:v.key'}\n"
                   "peers: ['%s@host:1', '%s@ipc:///x']\n"
                   "service: [web, {use: top}]\n"
                   "log: {level: debug, format: json, parts: {storage: trace, consensus: warn}}\n"
                   "trust: {policy: 'off', lock: /l}\n"
                   "guard: full\n"
                   "mempool: {txs: 1000, bytes: 1MiB, senders: 100}\n"
                   "limits: {peers: 5, peers_per_address: 2, peer_bytes: 1MiB, peer_requests: 10,"
                   " memory: 1GiB}\n"
                   "workers: 3\nresend: 300ms\nindex: {txs: no, accounts: yes}\n"
                   "input_log: on\ninput_log_size: 1GiB\n",
                   key_text, other_text);
    assert_int_equal(read_text(more, false), QN_OK);
    assert_int_equal(node->kind, QNK_NODE_KIND_SUPER);
    assert_string_equal(node->data, "/var/lib/qnet/v1");
    assert_string_equal(node->key_node, "/k/node.key");
    assert_string_equal(node->key_validator, "credential:v.key");
    assert_int_equal(node->peers_count, 2);
    assert_int_equal(node->peers[0].key.bytes[0], 7);
    assert_string_equal(node->peers[0].address, "tcp://host:1");
    assert_string_equal(node->peers[1].address, "ipc:///x");
    assert_int_equal(node->services_count, 2);
    assert_string_equal(node->services[1].name, "top");
    assert_int_equal(node->log_level, QNK_LOG_DEBUG);
    assert_int_equal(node->log_format, QNK_LOG_CHOICE_JSON);
    assert_int_equal(node->log_parts_count, 2);
    assert_string_equal(node->log_parts[0].name, "consensus");
    assert_int_equal(node->log_parts[0].level, QNK_LOG_WARN);
    assert_int_equal(node->log_parts[1].level, QNK_LOG_TRACE);
    assert_int_equal(node->trust, QNK_TRUST_OFF);
    assert_string_equal(node->lock_file, "/l");
    assert_int_equal(node->guard, QNK_GUARD_FULL);
    assert_int_equal(node->mempool_txs, 1000);
    assert_int_equal(node->mempool_bytes, 1048576);
    assert_int_equal(node->mempool_senders, 100);
    assert_int_equal(node->peers_max, 5);
    assert_int_equal(node->peers_per_address, 2);
    assert_int_equal(node->peer_bytes_per_second, 1048576);
    assert_int_equal(node->peer_requests_per_second, 10);
    assert_int_equal(node->memory, 1 << 30);
    assert_int_equal(node->workers, 3);
    assert_int_equal(node->resend_ms, 300);
    assert_false(node->index_txs);
    assert_true(node->index_accounts);
    assert_true(node->input_log);
    assert_int_equal(node->input_log_size, 1 << 30);
}

static void a_super_node_has_a_validator_key(void **subject)
{
    (void)subject;
    finding_is("type: super\n", false, QNK_E112, "'type' is super, but 'keys.validator' is not set",
               "keys: {validator: validator.key}");
    assert_int_equal(config.report.findings[0].place.mark.line, 8);
    assert_int_equal(config.report.findings[0].place.mark.column, 7);
}

/* They would not be dialled, and the start failed for them. */
static void peers_are_few_and_come_once(void **subject)
{
    const uint8_t key[QN_KEY_SIZE] = {7};
    char key_text[QNK_BECH32M_KEY_SIZE];
    static char more[40000];
    size_t size;

    (void)subject;
    qnk_bech32m_encode("qnp", key, key_text);
    (void)snprintf(more, sizeof more, "type: full\npeers:\n- '%s@a:1'\n- '%s@b:2'\n", key_text,
                   key_text);
    finding_is(more, false, QNK_E112, "this peer is given twice, first at 10:3", "");
    size = (size_t)snprintf(more, sizeof more, "type: full\npeers:\n");
    for (uint32_t i = 0; i <= QNK_NODE_PEERS_MAX; i++) {
        size += (size_t)snprintf(more + size, sizeof more - size, "- %s@a:1\n", key_text);
    }
    finding_is(more, false, QNK_E106, "'peers' has 513 items", "at most 512");
}

static void what_has_no_effect_is_warned_of(void **subject)
{
    (void)subject;
    assert_int_equal(read_text("type: full\nservice: [web]\nindex: {accounts: on}\n"
                               "log: {level: info}\n",
                               false),
                     QN_OK);
    assert_int_equal(config.report.count, 2);
    assert_int_equal(config.report.warnings, 2);
    assert_string_equal(config.report.findings[0].text,
                        "'service' has no effect yet: this version runs no services");
    assert_string_equal(config.report.findings[1].text, "'index.accounts' has no effect yet");
}

static void network_keys_belong_elsewhere(void **subject)
{
    (void)subject;
    finding_is("type: full\nledger: sums\n", false, QNK_E111,
               "'ledger' belongs in the network file", "");
    finding_is("type: full\ninterval: {min: 1s}\n", false, QNK_E111,
               "'interval' belongs in the network file", "");
}

static void write_key(mode_t mode)
{
    char key[64];
    int fd;

    (void)snprintf(key, sizeof key, "%s/node.key", folder);
    fd = open(key, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void key_files_are_there_and_ours_alone(void **subject)
{
    (void)subject;
    char words[200];
    char hint[200];
    char key[64];

    (void)snprintf(key, sizeof key, "%s/node.key", folder);
    (void)snprintf(words, sizeof words, "'keys.node': there is no file '%s'", key);
    finding_is("type: full\n", true, QNK_E110, words, "`qnet key new` makes one");
    assert_false(config.report.findings[0].is_denied);
    assert_int_equal(config.report.findings[0].place.mark.line, 1);

    write_key(0600);
    assert_int_equal(read_text("type: full\n", true), QN_OK);

    assert_int_equal(unlink(key), 0);
    write_key(0644);
    (void)snprintf(words, sizeof words, "'keys.node': others can read '%s' (mode 0644)", key);
    (void)snprintf(hint, sizeof hint, "chmod 600 %s", key);
    finding_is("type: full\nkeys: {node: node.key}\n", true, QNK_E110, words, hint);
    assert_true(config.report.findings[0].is_denied);
    assert_int_equal(config.report.findings[0].place.mark.line, 9);
    assert_int_equal(config.report.findings[0].place.mark.column, 14);
    assert_int_equal(unlink(key), 0);

    (void)snprintf(words, sizeof words, "'keys.node': '%s' is not a file", folder);
    (void)snprintf(hint, sizeof hint, "type: full\nkeys: {node: %s}\n", folder);
    finding_is(hint, true, QNK_E110, words, "");
    assert_int_equal(read_text("type: full\nkeys: {node: 'credential:x'}\n", true), QN_OK);
}

static void a_key_file_of_another_user_is_refused(void **subject)
{
    (void)subject;
    char words[200];
    char more[200];
    char key[64] = "/etc/passwd";

    if (geteuid() == 0) {
        write_key(0600);
        (void)snprintf(key, sizeof key, "%s/node.key", folder);
        assert_int_equal(chown(key, 1, 1), 0);
    }
    (void)snprintf(more, sizeof more, "type: full\nkeys: {node: %s}\n", key);
    (void)snprintf(words, sizeof words, "'keys.node': '%s' belongs to another user", key);
    assert_int_equal(read_text(more, true), QN_INVALID);
    assert_string_equal(config.report.findings[0].text, words);
    if (geteuid() == 0) {
        assert_int_equal(unlink(key), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_file_has_all_defaults),
        cmocka_unit_test(a_long_file_has_its_values),
        cmocka_unit_test(a_super_node_has_a_validator_key),
        cmocka_unit_test(peers_are_few_and_come_once),
        cmocka_unit_test(what_has_no_effect_is_warned_of),
        cmocka_unit_test(network_keys_belong_elsewhere),
        cmocka_unit_test(key_files_are_there_and_ours_alone),
        cmocka_unit_test(a_key_file_of_another_user_is_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
