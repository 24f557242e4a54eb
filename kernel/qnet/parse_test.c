/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/qnet/help.h"

static char *said; /* what the last parse wrote */

/* Parses words that are apart by one space; `line` starts behind `qnet`. */
static int parse(struct qnk_call *call, const char *line)
{
    static char words[1024];
    char *argv[64] = {words};
    int argc = 1;
    size_t size;
    FILE *errors;

    free(said);
    errors = open_memstream(&said, &size);
    snprintf(words, sizeof words, "qnet %s", line);
    for (char *at = strchr(words, ' '); at != NULL && at[1] != 0; at = strchr(at + 1, ' ')) {
        *at = 0;
        argv[argc++] = at + 1;
    }

    int status = qnk_call_parse(call, argc, argv, errors);

    fclose(errors);
    return status;
}

static void refused(const char *line, const char *words)
{
    struct qnk_call call;

    assert_int_equal(parse(&call, line), QNK_CLI_USAGE);
    if (strstr(said, words) == NULL) {
        print_error("%s: said %s", line, said);
        fail();
    }
}

static void a_command_has_its_operands_and_options_in_any_order(void **state)
{
    struct qnk_call call;

    (void)state;
    assert_int_equal(parse(&call, "--json config -n v2 show node.yaml --origin"), QNK_CLI_OK);
    assert_string_equal(call.command->path, "config show");
    assert_string_equal(call.operands[0], "node.yaml");
    assert_int_equal(call.operands_count, 1);
    assert_true(call.json);
    assert_string_equal(call.node, "v2");
    assert_true(qnk_call_flag(&call, "origin"));
}

static void options_have_values_after_a_space_or_an_equals_sign(void **state)
{
    struct qnk_call call;

    (void)state;
    assert_int_equal(parse(&call, "dev --nodes 7 --load=2000"), QNK_CLI_OK);
    assert_int_equal(qnk_call_number(&call, "nodes"), 7);
    assert_int_equal(qnk_call_number(&call, "load"), 2000);
    assert_int_equal(qnk_call_number(&call, "window"), 10);
    assert_false(qnk_call_given(&call, "window"));
    assert_null(qnk_call_text(&call, "dir"));
}

static void unknown_words_get_the_nearest_one_told(void **state)
{
    (void)state;
    refused("statsu", "did you mean 'status'?");
    refused("config chekc", "did you mean 'config check'?");
    refused("elephant", "unknown command 'elephant'");
    refused("config elephant", "unknown command 'config elephant'");
    refused("dev --nods 4", "did you mean '--nodes'?");
    refused("status --elephant", "unknown option '--elephant' of 'status'");
    refused("status -x", "unknown option '-x'");
    refused("--jsn status", "did you mean '--json'?");
    refused("stat", "unknown command"); /* no abbreviations */
}

static void values_are_checked(void **state)
{
    (void)state;
    refused("dev --nodes four", "not a number");
    refused("dev --nodes", "wants a value: N");
    refused("dev --nodes=", "not a number");
    refused("dev --nodes 99999999999999999999", "not a number");
    refused("init --type heavy", "none of light|full|super");
    refused("init --type ligh", "none of light|full|super");
    refused("dev --once=yes", "takes no value");
}

static void operands_are_counted(void **state)
{
    struct qnk_call call;

    (void)state;
    refused("config check", "wants FILE");
    refused("config check a b", "takes no 'b'");
    refused("status now", "takes no 'now'");
    assert_int_equal(parse(&call, "macro get"), QNK_CLI_OK);
    assert_int_equal(parse(&call, "tx submit a b c d"), QNK_CLI_OK);
    assert_int_equal(call.operands_count, 4);
    assert_int_equal(parse(&call, "config check -h"), QNK_CLI_OK);
    assert_true(call.help);
}

static void after_two_hyphens_all_are_operands(void **state)
{
    struct qnk_call call;

    (void)state;
    assert_int_equal(parse(&call, "config check -- --json"), QNK_CLI_OK);
    assert_string_equal(call.operands[0], "--json");
    assert_false(call.json);
    assert_int_equal(parse(&call, "tx submit -"), QNK_CLI_OK);
    assert_string_equal(call.operands[0], "-");
}

static void a_group_alone_asks_for_help_on_it(void **state)
{
    struct qnk_call call;

    (void)state;
    assert_int_equal(parse(&call, "config"), QNK_CLI_OK);
    assert_null(call.command);
    assert_string_equal(call.operands[0], "config");
    assert_int_equal(parse(&call, ""), QNK_CLI_OK);
    assert_null(call.command);
}

static void every_row_is_well_formed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const struct qnk_command *it = &qnk_commands[i];
        char with_help[128];
        struct qnk_call call;

        snprintf(with_help, sizeof with_help, "%s -h", it->path);
        assert_int_equal(parse(&call, with_help), QNK_CLI_OK);
        assert_ptr_equal(call.command, it);
        assert_memory_equal(it->examples, "qnet ", 5);
        for (const struct qnk_option *option = it->options; option->name != NULL; option++) {
            assert_non_null(option->doc);
            assert_true((option->type == QNK_OPTION_FLAG) == (option->value == NULL));
            for (const struct qnk_option *common = qnk_common_options; common->name != NULL;
                 common++) {
                assert_string_not_equal(option->name, common->name);
            }
        }
    }
}

static void help_names_every_command_and_option(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    qnk_help_list(out, NULL);
    qnk_help_markdown(out);
    qnk_help_man(out);
    assert_true(qnk_help_completion(out, "bash"));
    assert_true(qnk_help_completion(out, "zsh"));
    assert_true(qnk_help_completion(out, "fish"));
    assert_false(qnk_help_completion(out, "csh"));
    fclose(out);
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        assert_non_null(strstr(text, qnk_commands[i].path));
        assert_non_null(strstr(text, qnk_commands[i].summary));
    }
    free(text);
}

static int said_free(void **state)
{
    (void)state;
    free(said);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_has_its_operands_and_options_in_any_order),
        cmocka_unit_test(options_have_values_after_a_space_or_an_equals_sign),
        cmocka_unit_test(unknown_words_get_the_nearest_one_told),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(after_two_hyphens_all_are_operands),
        cmocka_unit_test(a_group_alone_asks_for_help_on_it),
        cmocka_unit_test(every_row_is_well_formed),
        cmocka_unit_test(help_names_every_command_and_option),
    };

    return cmocka_run_group_tests(tests, NULL, said_free);
}
