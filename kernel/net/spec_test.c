/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/net/spec.h"

static struct qnk_budget budget = {.limit = 4 * (size_t)QNK_SPEC_MEMORY};
static struct qnk_spec spec;

static const char head[] = "version: qnet.net/v1\n"
                           "name: t\n"
                           "nodes:\n"
                           "  - {name: v, count: 4, type: super, zone: eu}\n"
                           "  - {name: f1, type: full, zone: us}\n";

static int32_t read_more(const char *more, const char *provider)
{
    const struct qnk_spec_options options = {.budget = &budget, .provider = provider};
    static char text[4000];

    (void)snprintf(text, sizeof text, "%s%s", head, more);
    return qnk_spec_read(&spec, &options, "t.yaml",
                         (struct qn_span){(const uint8_t *)text, strlen(text)});
}

/* `more` after line 5 has this finding first. */
static void finding_is(const char *more, const char *provider, enum qnk_finding_code code,
                       uint32_t line, uint32_t column, const char *words)
{
    assert_int_equal(read_more(more, provider), QN_INVALID);
    qnk_report_sort(&spec.report);

    const struct qnk_finding *first = &spec.report.findings[0];

    if (first->code != code || first->place.mark.line != line ||
        first->place.mark.column != column || strstr(first->text, words) == NULL) {
        fail_msg("%s %u:%u %s", qnk_finding_code_name(first->code), first->place.mark.line,
                 first->place.mark.column, first->text);
    }
    qnk_spec_done(&spec);
    assert_int_equal(budget.used, 0);
}

static void a_whole_spec_is_read(void **subject)
{
    static const char more[] =
        "links: {eu-us: {delay: 45ms, jitter: 5ms, loss: 0.1%}}\n"
        "load: [{name: l, to: v1, rate: 200/s, from: 5s, until: 3m30s}]\n"
        "timeline:\n"
        "  - {id: split, at: 30s, do: partition, groups: [[v1, v2], rest], for: 20s}\n"
        "  - {id: naps, every: 20s, jitter: 5s, from: 30s, until: 3m, do: pause, for: 2s,\n"
        "     node: {pick: random, type: super}}\n"
        "assert:\n"
        "  - {id: fin, always: \"finality_lag_blocks <= 25\", nodes: super, except: [split]}\n"
        "compare:\n"
        "  variants: [{name: a}, {name: b, drop: [split], network: {window: 20}}]\n"
        "  run: {repeats: 3, baseline: b, fail_if: [\"a.final_tps < 0.9 * b.final_tps\"]}\n"
        "  measure: [final_tps, finality_p99]\n";

    (void)subject;
    assert_int_equal(read_more(more, NULL), QN_OK);
    assert_int_equal(spec.nodes_count, 5);
    assert_int_equal(spec.validators, 4);
    assert_int_equal(spec.loads[0].rate, 200);
    assert_int_equal(spec.loads[0].to, 1);
    assert_int_equal(spec.events[0].groups[0], 3);
    assert_int_equal(spec.events[0].groups[1], 28);
    assert_int_equal(spec.events[1].pick.among, 15);
    assert_true(spec.events[1].pick.is_random);
    assert_int_equal(spec.links[0].delay_ms, 45);
    assert_int_equal(spec.links[0].loss, 1000);
    assert_int_equal(spec.compare.baseline, 1);
    assert_int_equal(spec.compare.repeats, 3);
    qnk_spec_done(&spec);
    assert_int_equal(budget.used, 0);
}

static void every_mistake_has_its_line_and_code(void **subject)
{
    (void)subject;
    finding_is("foo: 1\n", NULL, QNK_E102, 6, 1, "unknown key 'foo'");
    finding_is("load: [{rate: 10}]\n", NULL, QNK_E107, 6, 15, "not a rate");
    finding_is("timeline:\n  - {at: 1s, do: kil, node: v1}\n", NULL, QNK_E106, 7, 18, "'kil'");
    finding_is("timeline:\n  - {at: 1s, do: kill, node: v9}\n", NULL, QNK_E113, 7, 30, "'v9'");
    finding_is("timeline:\n  - {at: 1s, do: kill}\n", NULL, QNK_E103, 7, 5, "wants 'node'");
    finding_is("timeline:\n  - {do: kill, node: v1}\n", NULL, QNK_E112, 7, 5, "says when");
    finding_is("timeline: [{at: 1s, do: swap, plan: storage=lmdb}]\n", NULL, QNK_E106, 6, 37,
               "not a network kind");
    finding_is("assert: [{id: a, that: \"foo == 1\"}]\n", NULL, QNK_E113, 6, 24, "'foo'");
    finding_is("assert: [{id: a, that: \"peers = 1\"}]\n", NULL, QNK_E114, 6, 24, "wanted");
    finding_is("assert: [{id: a, invariant: luck}]\n", NULL, QNK_E113, 6, 29, "'luck'");
    finding_is("assert: [{id: a}]\n", NULL, QNK_E103, 6, 10, "one of that");
    finding_is("network: {set: {windw: 20}}\n", NULL, QNK_E102, 6, 17, "'windw'");
    finding_is("links: {eu-mars: {delay: 1ms}}\n", NULL, QNK_E113, 6, 9, "'eu-mars'");
}

/* Each of these ended the run in the midst, or was left out without a word. */
static void what_cannot_be_carried_out_is_refused(void **subject)
{
    static const char variants[] = "compare:\n  variants: [{name: a}, {name: b}]\n";
    char more[600];

    (void)subject;
    finding_is("timeline: [{at: 1s, do: kill, node: []}]\n", NULL, QNK_E106, 6, 37, "no node");
    finding_is("timeline: [{at: 1s, do: kill, node: {pick: random, type: light}}]\n", NULL,
               QNK_E113, 6, 37, "no node");
    finding_is("load: [{rate: 10/s, to: []}]\n", NULL, QNK_E106, 6, 25, "no node");
    finding_is("timeline: [{at: 1s, do: kill, node: v1, restart_after: 0s}]\n", NULL, QNK_E106, 6,
               56, "out of range");
    finding_is("timeline: [{at: 1s, do: isolate, node: v1, for: 0s}]\n", NULL, QNK_E106, 6, 49,
               "out of range");
    finding_is("timeline: [{every: 1s, jitter: 18446744073709551615ms, until: 9s, do: start,\n"
               "  node: v1}]\n",
               NULL, QNK_E106, 6, 32, "out of range");
    (void)snprintf(more, sizeof more, "%s  run: {fail_if: [\"a.rss_max > 1\"]}\n", variants);
    finding_is(more, "virtual", QNK_E120, 8, 18, "cannot measure 'rss_max'");
    (void)snprintf(more, sizeof more, "%s  run: {fail_if: [%s%s]}\n", variants,
                   "a.evidence > 1, a.evidence > 2, a.evidence > 3, a.evidence > 4, ",
                   "a.evidence > 5, a.evidence > 6, a.evidence > 7, a.evidence > 8, a.luck > 9");
    finding_is(more, NULL, QNK_E106, 8, 18, "more than 8");
}

static void what_a_provider_cannot_do_is_refused(void **subject)
{
    static const char lie[] = "timeline: [{at: 1s, do: lie, node: v1, lie: two_blocks}]\n";

    (void)subject;
    assert_int_equal(read_more(lie, "virtual"), QN_OK);
    qnk_spec_done(&spec);
    finding_is(lie, "process", QNK_E120, 6, 25, "cannot do 'lie'");
    finding_is("links: {eu-us: {delay: 1ms}}\n", "process", QNK_E120, 6, 1, "no links");
    finding_is("assert: [{id: a, invariant: oracles_hold}]\n", "process", QNK_E120, 6, 29,
               "no oracles");
    finding_is("assert: [{id: a, promql: \"up == 1\"}]\n", "process", QNK_E120, 6, 26,
               "no Prometheus");
    finding_is("assert: [{id: a, that: \"run.rss_max < 1\"}]\n", "virtual", QNK_E120, 6, 24,
               "cannot say");
}

static const char restart[] = "timeline: [{at: 1s, do: restart, node: v1, set: %s}]\n";

static void set_is(const char *set, const char *provider, enum qnk_finding_code code,
                   uint32_t column, const char *words)
{
    char more[300];

    (void)snprintf(more, sizeof more, restart, set);
    finding_is(more, provider, code, 6, column, words);
}

static void what_a_restart_sets_is_checked_as_a_node_file_is(void **subject)
{
    (void)subject;
    set_is("{resned: 1s}", "process", QNK_E102, 50, "unknown key 'resned'");
    set_is("{resend: soon}", "process", QNK_E107, 50, "resend");
    set_is("{resend: 1s, mempool: {txs: 0}}", "process", QNK_E106, 62, "mempool.txs");
    set_is("{name: x}", "process", QNK_E112, 50, "'name'");
    set_is("{transport: nanomsg}", "process", QNK_E112, 50, "'transport'");
    set_is("{compression: none}", "virtual", QNK_E120, 50, "'compression'");
    set_is("{}", NULL, QNK_E105, 49, "not a map of keys");
    set_is("[a]", NULL, QNK_E105, 49, "not a map of keys");
    finding_is("timeline: [{at: 1s, do: kill, node: v1, set: {resend: 1s}}]\n", NULL, QNK_E112, 6,
               46, "'kill' takes no 'set'");
}

static void a_restart_changes_whole_keys_of_the_node_file(void **subject)
{
    static const char base[] = "# a node\nname: v1\npeers:\n  - a\n- b\nresend: 300ms\n"
                               "mempool: {txs: 5, bytes: 1MiB}\nindex: {txs: true}\n";
    static const char wanted[] = "# a node\nname: v1\npeers:\n  - a\n- b\nindex: {txs: true}\n"
                                 "mempool: {txs: 1000}\nresend: 1s\n";
    char more[300];
    struct qn_sink out;

    (void)subject;
    (void)snprintf(more, sizeof more, restart, "{mempool: {txs: 1000}, resend: 1s}");
    assert_int_equal(read_more(more, "virtual"), QN_OK);
    qnk_sink_init(&out, &budget, 1 << 16);
    assert_int_equal(qnk_spec_node_file(spec.events[0].set,
                                        (struct qn_span){(const uint8_t *)base, sizeof base - 1},
                                        &out),
                     QN_OK);
    assert_int_equal(out.size, sizeof wanted - 1);
    assert_memory_equal(out.data, wanted, sizeof wanted - 1);
    qnk_sink_done(&out);
    qnk_spec_done(&spec);
    assert_int_equal(budget.used, 0);
}

static void rules_are_a_preset_and_what_is_changed(void **subject)
{
    struct qn_sink rules;

    (void)subject;
    assert_int_equal(read_more("network: {set: {window: 20, settle: {time: 2s}}}\n", NULL), QN_OK);
    qnk_sink_init(&rules, &budget, 1 << 16);
    assert_int_equal(qnk_spec_rules(&spec, NULL, &rules), QN_OK);
    assert_int_equal(qnk_sink_append(&rules, "", 1), QN_OK);
    assert_non_null(strstr((const char *)rules.data, "\nwindow: 20\n"));
    assert_null(strstr((const char *)rules.data, "window: 10"));
    assert_non_null(strstr((const char *)rules.data, "\nsettle: {time: 2s, blocks: 1}\n"));
    assert_non_null(strstr((const char *)rules.data, "version: \"1.0\", commit: 6s"));
    qnk_sink_done(&rules);
    qnk_spec_done(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_spec_is_read),
        cmocka_unit_test(every_mistake_has_its_line_and_code),
        cmocka_unit_test(what_cannot_be_carried_out_is_refused),
        cmocka_unit_test(what_a_provider_cannot_do_is_refused),
        cmocka_unit_test(what_a_restart_sets_is_checked_as_a_node_file_is),
        cmocka_unit_test(a_restart_changes_whole_keys_of_the_node_file),
        cmocka_unit_test(rules_are_a_preset_and_what_is_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
