/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/bech32m.h"
#include "kernel/config/config.h"

static struct qnk_budget budget = {.limit = 2 * (size_t)QNK_CONFIG_MEMORY};
static struct qnk_config config;
static char folder[] = "/tmp/qnet-config-XXXXXX";
static char node_path[64];
static char network_path[64];
static char network_text[1000];

static const char node_text[] = "version: qnet.node/v1\n"
                                "network: net.yaml\n"
                                "name: v1\n"
                                "type: full\n"
                                "transport: pipes\n"
                                "storage: shelves\n"
                                "compression: none\n"
                                "signature: rubber\n";

static int start(void **subject)
{
    (void)subject;
    const uint8_t key[QN_KEY_SIZE] = {1};
    char key_text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode("qnv", key, key_text);
    (void)snprintf(network_text, sizeof network_text,
                   "version: qnet.network/v1\nname: t\nwindow: 10\n"
                   "producer: {use: turns, version: \"1.0\"}\n"
                   "consensus: {use: votes, version: \"1.2\"}\n"
                   "ledger: {use: sums, version: \"1.0\"}\n"
                   "signature_rule: some-rule\n"
                   "genesis: {time: 2026-01-01T00:00:00Z, validators: [{key: %s, name: v1,"
                   " tip: \"%064d\"}]}\n",
                   key_text, 0);
    config.options.budget = &budget;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(node_path, sizeof node_path, "%s/node.yaml", folder);
    (void)snprintf(network_path, sizeof network_path, "%s/net.yaml", folder);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_config_done(&config);
    (void)unlink(node_path);
    (void)unlink(network_path);
    return rmdir(folder) == 0 && budget.used == 0 ? 0 : -1;
}

static void write_file(const char *path, const char *text, const char *more)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fprintf(file, "%s%s", text, more) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void renew(void)
{
    const struct qnk_config_options options = {.budget = &budget};

    qnk_config_done(&config);
    assert_int_equal(qnk_config_init(&config, &options), QN_OK);
}

static int32_t open_node(void)
{
    renew();
    return qnk_config_open_node(&config, node_path);
}

/* That the report has one finding, about the file of this name. */
static void finding_is(enum qnk_finding_code code, const char *file, const char *words)
{
    assert_int_equal(config.report.count, 1);
    assert_string_equal(config.report.findings[0].text, words);
    assert_int_equal(config.report.findings[0].code, code);
    assert_string_equal(config.report.findings[0].place.source->name, file);
}

static void both_files_are_opened(void **subject)
{
    (void)subject;
    write_file(node_path, node_text, "");
    write_file(network_path, network_text, "");
    assert_int_equal(open_node(), QN_OK);
    assert_string_equal(config.node.name, "v1");
    assert_string_equal(config.network.name, "t");
    assert_string_equal(config.node.network, network_path);
    renew();
    assert_int_equal(qnk_config_open_network(&config, network_path), QN_OK);
    assert_string_equal(config.network.name, "t");
}

static void mistakes_of_both_files_are_told_at_once(void **subject)
{
    (void)subject;
    write_file(node_path, node_text, "window: 10\nlog: {level: loud}\n");
    write_file(network_path, network_text, "data: /x\nguard: class\n");
    assert_int_equal(open_node(), QN_INVALID);
    assert_int_equal(config.report.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(config.report.findings[i].place.source->name,
                            i < 2 ? node_path : network_path);
    }
    assert_non_null(strstr(config.report.findings[0].text, "net.yaml:3:1 sets it to 10)"));
    assert_string_equal(config.report.findings[2].text, "'data' belongs in the node file");
    assert_string_equal(config.report.findings[3].text, "'guard' belongs in the node file");
}

static void files_that_are_not_there_are_told(void **subject)
{
    (void)subject;
    char words[200];

    (void)unlink(node_path);
    (void)snprintf(words, sizeof words, "cannot open '%s': no such file", node_path);
    assert_int_equal(open_node(), QN_INVALID);
    finding_is(QNK_E110, node_path, words);
    assert_int_equal(config.report.findings[0].place.mark.line, 0);

    write_file(node_path, node_text, "");
    (void)unlink(network_path);
    (void)snprintf(words, sizeof words, "cannot open '%s': no such file", network_path);
    assert_int_equal(open_node(), QN_INVALID);
    finding_is(QNK_E110, node_path, words);
    assert_int_equal(config.report.findings[0].place.mark.line, 2);
    assert_int_equal(config.report.findings[0].place.mark.column, 10);

    renew();
    assert_int_equal(qnk_config_open_network(&config, network_path), QN_INVALID);
    finding_is(QNK_E110, network_path, words);

    (void)snprintf(words, sizeof words, "cannot open '%s': not a file", folder);
    renew();
    assert_int_equal(qnk_config_open_network(&config, folder), QN_INVALID);
    finding_is(QNK_E110, folder, words);
}

static void files_that_are_too_large_are_told(void **subject)
{
    (void)subject;
    static char large[QNK_TREE_FILE_MAX + 2];
    char words[200];

    memset(large, '#', sizeof large - 1);
    write_file(node_path, large, "");
    (void)snprintf(words, sizeof words, "'%s' is larger than 1 MiB", node_path);
    assert_int_equal(open_node(), QN_INVALID);
    finding_is(QNK_E101, node_path, words);
}

static void a_file_is_a_map(void **subject)
{
    (void)subject;
    write_file(node_path, "- a\n", "");
    assert_int_equal(open_node(), QN_INVALID);
    finding_is(QNK_E105, node_path, "the file is not a map of keys");
    write_file(node_path, "a\n", "");
    assert_int_equal(open_node(), QN_INVALID);
    finding_is(QNK_E105, node_path, "the file is not a map of keys");
}

static void what_is_not_yaml_is_told_alone(void **subject)
{
    (void)subject;
    write_file(node_path, node_text, "");
    write_file(network_path, network_text, "x: [\n");
    assert_int_equal(open_node(), QN_INVALID);
    assert_int_equal(config.report.count, 1);
    assert_int_equal(config.report.findings[0].code, QNK_E101);
    assert_string_equal(config.report.findings[0].place.source->name, network_path);
}

static void a_version_is_one_that_is_known(void **subject)
{
    (void)subject;
    char other[sizeof network_text];

    memcpy(other, network_text, sizeof other);
    memcpy(strstr(other, "/v1"), "/v2", 3);
    write_file(network_path, other, "");
    renew();
    assert_int_equal(qnk_config_open_network(&config, network_path), QN_INVALID);
    assert_string_equal(config.report.findings[0].text,
                        "'version' is none of its choices: \"qnet.network/v2\"");
    assert_string_equal(config.report.findings[0].hint, "did you mean 'qnet.network/v1'?");
}

static void a_node_file_may_name_no_network(void **subject)
{
    (void)subject;
    write_file(node_path, "version: qnet.node/v1\nnetwork: [a]\n", "");
    assert_int_equal(open_node(), QN_INVALID);
    for (uint32_t i = 0; i < config.report.count; i++) {
        assert_int_not_equal(config.report.findings[i].code, QNK_E110);
    }
}

static void memory_comes_from_the_budget_alone(void **subject)
{
    (void)subject;
    struct qnk_budget small = {.limit = QNK_CONFIG_MEMORY - 1};
    const struct qnk_config_options options = {.budget = &small};
    struct qnk_config other;

    assert_int_equal(qnk_config_init(&other, &options), QN_NO_SPACE);
    qnk_config_done(&other);
    assert_int_equal(small.used, 0);
    renew();
    assert_int_equal(budget.used, QNK_CONFIG_MEMORY);
}

static const struct qnk_config_plugin *typed(const char *text)
{
    const struct qnk_config_plugin *plugin = NULL;

    renew();
    assert_int_equal(qnk_config_read_plugin(&config, "compression", text, &plugin), QN_OK);
    assert_string_equal(plugin->kind, "compression");
    return plugin;
}

static void a_plugin_is_typed_as_name_file_or_map(void **subject)
{
    (void)subject;
    assert_string_equal(typed("zip")->name, "zip");
    assert_string_equal(typed("zip")->path, "");
    assert_string_equal(typed("/opt/mine.so")->name, "mine");
    assert_string_equal(typed("/opt/mine.so")->path, "/opt/mine.so");
    assert_string_equal(typed("{use: zip, version: \"1.2\"}")->version, "1.2");
}

static void files_that_are_typed_have_any_name(void **subject)
{
    static const char *const paths[] = {"/opt/a \"b\"/mine.so", "/opt/a\\b/mine.so",
                                        "/opt/{a: b}, #c/mine.so", "/opt/\xc3\xa4/mine.so"};

    (void)subject;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_string_equal(typed(paths[i])->name, "mine");
        assert_string_equal(typed(paths[i])->path, paths[i]);
    }
}

static void what_is_typed_is_one_plugin_and_nothing_else(void **subject)
{
    static const char *const bad[] = {
        "",  "[a, b]", "{use: a, use: b}",          "a\nb: c",
        "{", "A b",    "/opt/mine\", path: \"x.so", "/opt/a\nb/mine.so"};
    const struct qnk_config_plugin *plugin = NULL;

    (void)subject;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        renew();
        assert_int_equal(qnk_config_read_plugin(&config, "storage", bad[i], &plugin), QN_INVALID);
        assert_true(config.report.errors > 0);
        assert_null(plugin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_files_are_opened),
        cmocka_unit_test(mistakes_of_both_files_are_told_at_once),
        cmocka_unit_test(files_that_are_not_there_are_told),
        cmocka_unit_test(files_that_are_too_large_are_told),
        cmocka_unit_test(a_file_is_a_map),
        cmocka_unit_test(what_is_not_yaml_is_told_alone),
        cmocka_unit_test(a_version_is_one_that_is_known),
        cmocka_unit_test(a_node_file_may_name_no_network),
        cmocka_unit_test(memory_comes_from_the_budget_alone),
        cmocka_unit_test(a_plugin_is_typed_as_name_file_or_map),
        cmocka_unit_test(files_that_are_typed_have_any_name),
        cmocka_unit_test(what_is_typed_is_one_plugin_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
