/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/check/rule.h"
#include "kernel/check/run.h"
#include "kernel/plugin/kind.h"

/* All cases of a kind. */
static const struct qnk_cases *cases_of(const struct qnk_kind *kind)
{
    static struct qnk_cases cases;
    struct qnk_subject it = {.class = (uint8_t)kind->class};

    (void)snprintf(it.kind, sizeof it.kind, "%s", kind->table.name);
    cases.count = 0;
    qnk_cases_plan(&it, &cases);
    return &cases;
}

static void every_case_has_a_rule_that_names_it(void **subject)
{
    const struct qnk_kind *kind;

    (void)subject;
    for (uint32_t place = 0; (kind = qnk_kind_at(place)) != NULL; place++) {
        const struct qnk_cases *cases = cases_of(kind);

        assert_true(cases->count > 30);
        for (uint32_t i = 0; i < cases->count; i++) {
            const struct qnk_case *it = &cases->items[i];
            const struct qnk_rule *rule = qnk_rule_find(it->rule);

            if (rule == NULL) {
                fail_msg("no rule %s for %s", it->rule, it->name);
            }
            if (strcmp(rule->name, it->name) != 0) {
                fail_msg("%s is %s, and its case %s", rule->id, rule->name, it->name);
            }
            assert_int_equal(rule->level[1] - '0', it->level);
        }
    }
}

static bool has_case(const struct qnk_kind *kind, const char *rule)
{
    const struct qnk_cases *cases = cases_of(kind);

    for (uint32_t i = 0; i < cases->count; i++) {
        if (strcmp(cases->items[i].rule, rule) == 0) {
            return true;
        }
    }
    return false;
}

/* A rule that no case of any kind looks at is a promise that nobody keeps. */
static void every_rule_has_a_case(void **subject)
{
    const struct qnk_rule *rule;
    const struct qnk_kind *kind;

    (void)subject;
    for (uint32_t i = 0; (rule = qnk_rule_at(i)) != NULL; i++) {
        bool is_found = false;

        for (uint32_t place = 0; !is_found && (kind = qnk_kind_at(place)) != NULL; place++) {
            is_found = has_case(kind, rule->id);
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
