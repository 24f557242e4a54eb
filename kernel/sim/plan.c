/* SPDX-License-Identifier: MIT */

#include "kernel/sim/plan.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/sim/stream.h"

enum {
    MS = 1000,
    PAY_EVERY_US = 200 * MS, /* on average */
    PAY_COUNT = 8,           /* transfers at most */
};

/* What a kind looks like: how often it comes in a run that has it, and what is drawn for each. */
struct shape {
    const char *name;
    uint32_t most;             /* how often at most */
    uint64_t least_us, far_us; /* how long; far 0: all the time */
    uint64_t value_min, value_max;
    bool is_node, is_pair, is_side;
};

static const struct shape shapes[QNK_HARMS] = {
    [QNK_HARM_CRASH] = {"crash", 6, 5 * MS, 4000 * MS, 0, 0, true, false, false},
    [QNK_HARM_CUT] = {"cut", 4, 100 * MS, 2000 * MS, 0, 40, true, false, false},
    [QNK_HARM_POWER] = {"power", 2, 5 * MS, 1000 * MS, 0, 0, false, false, false},
    [QNK_HARM_LINK] = {"link", 6, 50 * MS, 4000 * MS, 0, 0, false, true, false},
    [QNK_HARM_SPLIT] = {"split", 4, 50 * MS, 4000 * MS, 0, 0, false, false, true},
    [QNK_HARM_LOSS] = {"loss", 1, 0, 0, 1, 20, false, false, false},
    [QNK_HARM_SLOW] = {"slow", 1, 0, 0, 500, 20 * MS, false, false, false},
    [QNK_HARM_MAPS] = {"maps", 1, 0, 0, 10 * MS, 3000 * MS, false, false, false},
};

const char *qnk_harm_name(uint32_t kind)
{
    QN_ASSERT(kind < QNK_HARMS);
    return shapes[kind].name;
}

void qnk_harm_text(const struct qnk_harm *harm, char text[QNK_HARM_TEXT])
{
    const struct shape *shape = &shapes[harm->kind];
    char who[40] = "", much[40] = "", span[40] = "";

    if (shape->is_node) {
        qnk_text(who, sizeof who, " v%u", harm->a + 1);
    } else if (shape->is_pair) {
        qnk_text(who, sizeof who, " v%u-v%u", harm->a + 1, harm->b + 1);
    } else if (shape->is_side) {
        qnk_text(who, sizeof who, " 0x%llx against the rest", (unsigned long long)harm->value);
    }
    if (shape->value_max > 0) {
        qnk_text(much, sizeof much, " %llu", (unsigned long long)harm->value);
    }
    if (shape->far_us > 0) {
        uint64_t ms = (harm->until_us - harm->from_us) / MS;

        qnk_text(span, sizeof span, " for %llu.%03llu s", (unsigned long long)(ms / 1000),
                 (unsigned long long)(ms % 1000));
    }
    qnk_text(text, QNK_HARM_TEXT, "%s%s%s%s", shape->name, who, much, span);
}

static uint64_t between(struct qnk_random *random, uint64_t least, uint64_t most)
{
    return least + qnk_random_below(random, most - least + 1);
}

/* Times are as often short as long: each order of magnitude is as likely as the next. */
static uint64_t stretch(struct qnk_random *random, uint64_t least, uint64_t most)
{
    uint64_t top = most;

    while (top / 4 > least && qnk_random_below(random, 2) == 0) {
        top /= 4;
    }
    return between(random, least, top);
}

static void harm_draw(struct qnk_plan *plan, struct qnk_random *random, uint32_t kind)
{
    const struct shape *shape = &shapes[kind];
    const struct qnk_plan_setup *setup = &plan->setup;
    uint32_t nodes = setup->nodes;
    struct qnk_harm harm = {.kind = kind, .until_us = setup->length_us};

    harm.a = (uint32_t)qnk_random_below(random, nodes);
    harm.b = nodes > 1 ? (harm.a + 1 + (uint32_t)qnk_random_below(random, nodes - 1)) % nodes : 0;
    if (shape->far_us > 0) {
        harm.from_us = between(random, setup->quiet_us, setup->length_us - 1);
        harm.until_us = harm.from_us + stretch(random, shape->least_us, shape->far_us);
    }
    harm.value = shape->is_side ? between(random, 1, (UINT64_C(1) << (nodes < 63 ? nodes : 63)) - 1)
                                : stretch(random, shape->value_min, shape->value_max);
    if (plan->harms_count < QNK_PLAN_HARMS_MAX) {
        harm.number = plan->harms_count + 1;
        plan->harms[plan->harms_count++] = harm;
    }
}

static void harms_draw(struct qnk_plan *plan)
{
    for (uint32_t kind = 0; kind < QNK_HARMS; kind++) {
        struct qnk_random random;
        bool comes;
        uint64_t count;

        qnk_stream_init(&random, plan->setup.seed, shapes[kind].name, 0);
        comes = qnk_random_below(&random, 2) == 0;
        count = between(&random, 1, shapes[kind].most);
        if (!comes || (plan->setup.kinds >> kind & 1) == 0) {
            continue;
        }
        for (uint64_t i = 0; i < count; i++) {
            harm_draw(plan, &random, kind);
        }
    }
}

static void pays_draw(struct qnk_plan *plan)
{
    const struct qnk_plan_setup *setup = &plan->setup;
    struct qnk_random random;
    uint64_t at_us = 0;

    qnk_stream_init(&random, setup->seed, "pay", 0);
    while (plan->pays_count < QNK_PLAN_PAYS_MAX) {
        at_us += between(&random, 1, 2 * PAY_EVERY_US);
        if (at_us >= setup->length_us) {
            return;
        }
        plan->pays[plan->pays_count++] = (struct qnk_pay){
            .at_us = at_us,
            .node = (uint32_t)qnk_random_below(&random, setup->nodes),
            .sender = (uint32_t)qnk_random_below(&random, setup->senders),
            .count = (uint32_t)between(&random, 1, PAY_COUNT),
        };
    }
}

void qnk_plan_draw(struct qnk_plan *plan, const struct qnk_plan_setup *setup)
{
    QN_ASSERT(setup->quiet_us + 1 < setup->length_us);
    plan->setup = *setup;
    plan->harms_count = plan->pays_count = 0;
    harms_draw(plan);
    pays_draw(plan);
}

void qnk_plan_mask(struct qnk_plan *plan, const uint32_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < plan->harms_count; i++) {
        plan->harms[i].is_off = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] >= 1 && numbers[i] <= plan->harms_count) {
            plan->harms[numbers[i] - 1].is_off = false;
        }
    }
}
