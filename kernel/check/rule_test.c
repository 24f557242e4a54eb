/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/check/rule.h"
#include "kernel/check/run.h"

static const char *const kinds[] = {"compression", "consensus", "ledger",  "producer",
                                    "service",     "signature", "storage", "transport"};

static void every_case_has_a_rule_that_names_it(void **subject)
{
    static struct qnk_cases cases;

    (void)subject;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        struct qnk_subject it = {.is_known = true};

        (void)snprintf(it.kind, sizeof it.kind, "%s", kinds[kind]);
        cases.count = 0;
        qnk_cases_plan(&it, &cases);
        assert_true(cases.count > 30);
        for (uint32_t i = 0; i < cases.count; i++) {
            const struct qnk_rule *rule = qnk_rule_find(cases.items[i].rule);

            if (rule == NULL) {
                fail_msg("no rule %s for %s", cases.items[i].rule, cases.items[i].name);
            }
            if (strcmp(rule->name, cases.items[i].name) != 0) {
                fail_msg("%s is %s, and its case %s", rule->id, rule->name, cases.items[i].name);
            }
            assert_int_equal(rule->level[1] - '0', cases.items[i].level);
        }
    }
}

/* A rule that no case of any kind looks at is a promise that nobody keeps. */
static void every_rule_has_a_case(void **subject)
{
    static struct qnk_cases cases[sizeof kinds / sizeof *kinds];
    const struct qnk_rule *rule;

    (void)subject;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        struct qnk_subject it = {.is_known = true};

        (void)snprintf(it.kind, sizeof it.kind, "%s", kinds[kind]);
        qnk_cases_plan(&it, &cases[kind]);
    }
    for (uint32_t place = 0; (rule = qnk_rule_at(place)) != NULL; place++) {
        bool is_found = false;

        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
            for (uint32_t i = 0; i < cases[kind].count; i++) {
                is_found = is_found || strcmp(cases[kind].items[i].rule, rule->id) == 0;
            }
        }
        if (!is_found) {
            fail_msg("no case looks at %s", rule->id);
        }
    }
}

static void no_number_is_used_twice(void **subject)
{
    const struct qnk_rule *a, *b;

    (void)subject;
    for (uint32_t i = 0; (a = qnk_rule_at(i)) != NULL; i++) {
        for (uint32_t j = 0; j < i && (b = qnk_rule_at(j)) != NULL; j++) {
            assert_string_not_equal(a->id, b->id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_a_rule_that_names_it),
        cmocka_unit_test(every_rule_has_a_case),
        cmocka_unit_test(no_number_is_used_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
