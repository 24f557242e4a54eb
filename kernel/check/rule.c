/* SPDX-License-Identifier: MIT */

#include "kernel/check/rule.h"

#include <string.h>

/* clang-format off */
#define RULE(id, level, name, what, why, by) {"QN-" id, level, name, what, why, by},
static const struct qnk_rule rules[] = {
#include "kernel/check/rules.def"
};
/* clang-format on */

const struct qnk_rule *qnk_rule_at(uint32_t place)
{
    return place < sizeof rules / sizeof *rules ? &rules[place] : NULL;
}

const struct qnk_rule *qnk_rule_find(const char *id)
{
    const struct qnk_rule *rule;

    for (uint32_t i = 0; (rule = qnk_rule_at(i)) != NULL; i++) {
        if (strcmp(rule->id, id) == 0) {
            return rule;
        }
    }
    return NULL;
}

/* Prints text as lines of at most 100 columns. */
static void text_wrap(const char *text, FILE *to)
{
    size_t column = 0;

    while (*text != 0) {
        size_t size = strcspn(text, " ");

        if (column > 0 && column + 1 + size > 100) {
            fputc('\n', to);
            column = 0;
        } else if (column > 0) {
            fputc(' ', to);
            column++;
        }
        (void)fwrite(text, 1, size, to);
        column += size;
        text += size + strspn(text + size, " ");
    }
    fputc('\n', to);
}

void qnk_rule_print(const struct qnk_rule *rule, FILE *to)
{
    fprintf(to, "# %s: ", rule->id);
    for (const char *at = rule->name; *at != 0; at++) {
        fputc(*at == '_' ? ' ' : *at, to);
    }
    fprintf(to, "\n\n");
    text_wrap(rule->what, to);
    fprintf(to, "\n**Why.** ");
    text_wrap(rule->why, to);
    fprintf(to, "\n**Enforced by.** ");
    text_wrap(rule->by, to);
    fprintf(to, "\n**Alone.** `qnet plugin check FILE.so --case %s`, level %s.\n", rule->id,
            rule->level);
}
