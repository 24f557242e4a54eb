/* SPDX-License-Identifier: MIT */

#include "kernel/sim/plan.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/sim/liar.h"
#include "kernel/sim/stream.h"

enum {
    MS = 1000,
    PAY_EVERY_US = 200 * MS, /* on average */
    PAY_COUNT = 8,           /* transfers at most */
    SWAP_US = 14000 * MS,    /* more that a run takes in which there is a swap: plans have notice */
    SICK_SWAPS = 2,          /* of so many swaps one is to a sick engine */
    PINNED_SEEDS = 4,        /* of so many one has harms that begin at heights, */
    PINNED_HARMS = 4,        /* and of so many of its harms one does not */
    PINNED_WINDOWS = 6,      /* the last whose end harms begin at */
    OFFSET_US = 2000 * MS,   /* of a clock, either way, at most */
    SMALL = 8,               /* where it must be less: the same by so much */
    DRIFT_PPM = 200,
};

/* Whom a harm concerns. */
enum whom { ALL, NODE, PAIR, WAY, SIDE, WEAK };

/* What a kind looks like: how often it comes in a run that has it, and what is drawn for each. */
struct shape {
    const char *name;
    uint32_t whom;             /* enum whom */
    uint32_t most;             /* how often at most */
    uint64_t least_us, far_us; /* how long; far 0: all the time */
    uint64_t value_min, value_max;
};

static const struct shape shapes[QNK_HARMS] = {
    [QNK_HARM_CRASH] = {"crash", NODE, 6, 5 * MS, 4000 * MS, 0, 0},
    [QNK_HARM_LOOP] = {"loop", NODE, 2, 5 * MS, 300 * MS, 0, 0},
    [QNK_HARM_CUT] = {"cut", NODE, 4, 100 * MS, 2000 * MS, 0, 40},
    [QNK_HARM_TEAR] = {"tear", NODE, 4, 50 * MS, 1000 * MS, 0, 3},
    [QNK_HARM_POWER] = {"power", ALL, 2, 5 * MS, 1000 * MS, 0, 0},
    [QNK_HARM_LINK] = {"link", PAIR, 6, 50 * MS, 4000 * MS, 0, 0},
    [QNK_HARM_WAY] = {"way", WAY, 6, 50 * MS, 4000 * MS, 0, 0},
    [QNK_HARM_SPLIT] = {"split", SIDE, 4, 50 * MS, 4000 * MS, 0, 0},
    [QNK_HARM_FAR] = {"far", WAY, 6, 100 * MS, 4000 * MS, 5 * MS, 800 * MS},
    [QNK_HARM_LOSS] = {"loss", ALL, 2, 200 * MS, 8000 * MS, 1, 20},
    [QNK_HARM_TWICE] = {"twice", ALL, 2, 200 * MS, 8000 * MS, 1, 200},
    [QNK_HARM_REORDER] = {"reorder", ALL, 2, 200 * MS, 8000 * MS, 1, 200},
    [QNK_HARM_SPIKE] = {"spike", ALL, 2, 200 * MS, 8000 * MS, 1, 50},
    [QNK_HARM_MANGLE] = {"mangle", ALL, 2, 200 * MS, 8000 * MS, 1, 50},
    [QNK_HARM_NARROW] = {"narrow", ALL, 2, 200 * MS, 4000 * MS, 2, 2000},
    [QNK_HARM_CPU] = {"cpu", NODE, 3, 200 * MS, 4000 * MS, 1500, 10000},
    [QNK_HARM_DISK] = {"disk", NODE, 3, 200 * MS, 4000 * MS, 1500, 4000},
    [QNK_HARM_FULL] = {"full", NODE, 2, 100 * MS, 2000 * MS, 0, 0},
    [QNK_HARM_FAIL] = {"fail", NODE, 2, 100 * MS, 2000 * MS, 0, 0},
    [QNK_HARM_ROT] = {"rot", WEAK, 3, 1 * MS, 2 * MS, 0, 1000},
    [QNK_HARM_CLOCK] = {"clock", NODE, 3, 500 * MS, 8000 * MS, 0, UINT32_MAX},
    [QNK_HARM_JITTER] = {"jitter", ALL, 1, 0, 0, 500, 20 * MS},
    [QNK_HARM_MAPS] = {"maps", ALL, 1, 0, 0, 10 * MS, 1000 * MS},
    [QNK_HARM_ORDER] = {"order", ALL, 1, 0, 0, 1, UINT32_MAX},
    [QNK_HARM_SWAP] = {"swap", NODE, 3, 500 * MS, 8000 * MS, 0, UINT32_MAX},
    [QNK_HARM_LOST] = {"lost", WEAK, 1, 5 * MS, 4000 * MS, 0, 1},
    [QNK_HARM_SICK] = {"sick", NODE, 3, 0, 0, 0, UINT32_MAX},
    [QNK_HARM_LIE] = {"lie", WEAK, 1, 0, 0, 0, 0},
};

/* What the value of a kind is, for people. None: it has no value, or words of its own. */
static const struct {
    const char *before, *after;
} values[QNK_HARMS] = {
    [QNK_HARM_CUT] = {"after", " writes"}, [QNK_HARM_TEAR] = {"with", " records left"},
    [QNK_HARM_FAR] = {"by", " us"},        [QNK_HARM_LOSS] = {"of", " in 1000"},
    [QNK_HARM_TWICE] = {"of", " in 1000"}, [QNK_HARM_REORDER] = {"of", " in 1000"},
    [QNK_HARM_SPIKE] = {"of", " in 1000"}, [QNK_HARM_MANGLE] = {"of", " in 1000"},
    [QNK_HARM_NARROW] = {"to 1 in", ""},   [QNK_HARM_CPU] = {"by", " permille"},
    [QNK_HARM_DISK] = {"by", " permille"}, [QNK_HARM_JITTER] = {"up to", " us"},
    [QNK_HARM_MAPS] = {"up to", " us"},    [QNK_HARM_ORDER] = {"by", ""},
};

void qnk_harm_clock(uint64_t value, int64_t *offset_us, int32_t *drift_ppm)
{
    uint64_t half = value & 0xffff, rest = value >> 16 & 0xffff;
    int64_t offset = (int64_t)(half * (2 * OFFSET_US) / 0xffff) - OFFSET_US;

    offset /= INT64_C(1) << rest % 8; /* small differences are as likely as large ones */
    *offset_us = (value & QNK_HARM_SMALL) != 0 ? offset / SMALL : offset;
    *drift_ppm = (int32_t)(rest * (2 * DRIFT_PPM) / 0xffff) - DRIFT_PPM;
}

const char *qnk_harm_space(uint64_t value)
{
    static const char *const spaces[] = {"log",   "guard", "mempool", "micro",
                                         "macro", "page",  "meta",    "index_tx"};

    return spaces[value % (sizeof spaces / sizeof *spaces)];
}

const char *qnk_harm_name(uint32_t kind)
{
    QN_ASSERT(kind < QNK_HARMS);
    return shapes[kind].name;
}

static void sick_text(const struct qnk_harm *harm, char much[40])
{
    static const char *const whose[QNK_WHOSE] = {"all", "enough", "it alone"};

    qnk_text(much, 40, " %s, of %s %llu", qnk_sickness_name(harm->b),
             whose[qnk_harm_whose(harm->value)], (unsigned long long)harm->value);
}

static void much_text(const struct qnk_harm *harm, char much[40])
{
    int64_t offset_us;
    int32_t drift_ppm;

    if (harm->kind == QNK_HARM_LIE) {
        qnk_text(much, 40, " %s", qnk_lie_name(harm->b));
    } else if (harm->kind == QNK_HARM_SICK) {
        sick_text(harm, much);
    } else if (harm->kind == QNK_HARM_SWAP) {
        qnk_text(much, 40, " %llu, v%u lacks it", (unsigned long long)harm->value, harm->b + 1);
    } else if (harm->kind == QNK_HARM_LOST) {
        qnk_text(much, 40, "%s", harm->value != 0 ? " and resumed" : "");
    } else if (harm->kind == QNK_HARM_ROT) {
        qnk_text(much, 40, " in %s", qnk_harm_space(harm->value));
    } else if (harm->kind == QNK_HARM_CLOCK) {
        qnk_harm_clock(harm->value, &offset_us, &drift_ppm);
        qnk_text(much, 40, " by %lld ms, drift %d ppm", (long long)(offset_us / MS), drift_ppm);
    } else if (values[harm->kind].before != NULL) {
        qnk_text(much, 40, " %s %llu%s", values[harm->kind].before, (unsigned long long)harm->value,
                 values[harm->kind].after);
    }
}

static void whom_text(const struct qnk_harm *harm, char text[40])
{
    text[0] = 0;
    switch ((enum whom)shapes[harm->kind].whom) {
    case ALL:
        break;
    case NODE:
    case WEAK:
        qnk_text(text, 40, " v%u", harm->a + 1);
        break;
    case PAIR:
        qnk_text(text, 40, " v%u-v%u", harm->a + 1, harm->b + 1);
        break;
    case WAY:
        qnk_text(text, 40, " v%u>v%u", harm->a + 1, harm->b + 1);
        break;
    case SIDE:
        qnk_text(text, 40, " 0x%llx against the rest", (unsigned long long)harm->value);
        break;
    }
}

void qnk_harm_text(const struct qnk_harm *harm, char text[QNK_HARM_TEXT])
{
    const struct shape *shape = &shapes[harm->kind];
    char who[40], much[40] = "", span[40] = "", when[40] = "";

    whom_text(harm, who);
    much_text(harm, much);
    if (shape->far_us > 0) {
        uint64_t ms = (harm->until_us - harm->from_us) / MS;

        qnk_text(span, sizeof span, " for %llu.%03llu s", (unsigned long long)(ms / 1000),
                 (unsigned long long)(ms % 1000));
    }
    if (harm->height > 0) {
        qnk_text(when, sizeof when, " from block %llu on", (unsigned long long)harm->height);
    }
    qnk_text(text, QNK_HARM_TEXT, "%s%s%s%s%s", shape->name, who, much, span, when);
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

static void harm_add(struct qnk_plan *plan, struct qnk_harm harm)
{
    if (plan->harms_count < QNK_PLAN_HARMS_MAX) {
        harm.number = plan->harms_count + 1;
        plan->harms[plan->harms_count++] = harm;
    }
}

/* The same node again and again, with a little time between. */
static void loop_draw(struct qnk_plan *plan, struct qnk_random *random, struct qnk_harm harm)
{
    const struct shape *shape = &shapes[QNK_HARM_LOOP];
    uint64_t times = between(random, 3, 8);

    harm.kind = QNK_HARM_CRASH;
    for (uint64_t i = 0; i < times; i++) {
        harm_add(plan, harm);
        harm.from_us = harm.until_us + stretch(random, shape->least_us, shape->far_us);
        harm.until_us = harm.from_us + stretch(random, shape->least_us, shape->far_us);
        if (harm.from_us >= plan->setup.length_us) {
            return;
        }
    }
}

static bool is_liar(const struct qnk_plan *plan, uint32_t node)
{
    for (uint32_t i = 0; i < plan->liars; i++) {
        if (plan->weak[i] == node) {
            return true;
        }
    }
    return false;
}

/* One whose disk is lost is silent until it cannot contradict itself, so it may be one more than
 * those that may be weak; it is one of them only where the others must go on meanwhile. */
static void harm_draw(struct qnk_plan *plan, struct qnk_random *random, uint32_t kind)
{
    const struct shape *shape = &shapes[kind];
    const struct qnk_plan_setup *setup = &plan->setup;
    uint32_t nodes = setup->nodes, rotten = plan->weak_count - plan->liars;
    struct qnk_harm harm = {.kind = kind, .until_us = setup->length_us};

    harm.a = (uint32_t)qnk_random_below(random, nodes);
    harm.b = nodes > 1 ? (harm.a + 1 + (uint32_t)qnk_random_below(random, nodes - 1)) % nodes : 0;
    if (shape->far_us > 0) {
        uint64_t until_us = kind == QNK_HARM_SWAP ? setup->length_us - SWAP_US : setup->length_us;

        /* A disk is lost as often in the first window as later, when others tell its node. */
        harm.from_us =
            (kind == QNK_HARM_LOST ? stretch : between)(random, setup->quiet_us, until_us - 1);
        harm.until_us = harm.from_us + stretch(random, shape->least_us, shape->far_us);
    }
    harm.value = shape->whom == SIDE
                     ? between(random, 1, (UINT64_C(1) << (nodes < 63 ? nodes : 63)) - 1)
                     : stretch(random, shape->value_min, shape->value_max);
    if (kind == QNK_HARM_LOST && setup->mode == QNK_PLAN_SAFETY) {
        if (is_liar(plan, harm.a)) {
            return;
        }
    } else if (shape->whom == WEAK) {
        if (rotten == 0) {
            return;
        }
        harm.a = plan->weak[plan->liars + qnk_random_below(random, rotten)];
    }
    if (kind == QNK_HARM_CLOCK && setup->mode == QNK_PLAN_LIVENESS) {
        harm.value |= QNK_HARM_SMALL; /* after a step a node holds for 30 s: it is not healed */
    }
    if (kind == QNK_HARM_LOOP) {
        loop_draw(plan, random, harm);
    } else {
        harm_add(plan, harm);
    }
}

/* Whether this one may be weak besides those that are. */
static bool may_be_weak(const struct qnk_plan *plan, uint32_t place)
{
    const struct qnk_set *set = plan->setup.set;
    uint64_t weight = 0;

    for (uint32_t i = 0; set != NULL && i < plan->weak_count; i++) {
        weight += set->members[plan->weak[i]].weight;
    }
    return set == NULL || 3 * (weight + set->members[place].weight) < set->total;
}

/* Who lies, and who may lose its disk: together never more than `weak` or a third, each validator
 * at most once. */
static void weak_draw(struct qnk_plan *plan)
{
    const struct qnk_plan_setup *setup = &plan->setup;
    struct qnk_random random;
    uint32_t most;

    qnk_stream_init(&random, setup->seed, "weak", 0);
    for (uint32_t i = 0; i < setup->weak; i++) {
        uint32_t place = (uint32_t)qnk_random_below(&random, setup->validators);
        uint32_t j = 0;

        while (j < plan->weak_count) { /* the next that is not among them yet */
            if (plan->weak[j++] == place) {
                place = (place + 1) % setup->validators;
                j = 0;
            }
        }
        if (may_be_weak(plan, place)) {
            plan->weak[plan->weak_count++] = place;
        }
    }
    most = setup->liars < plan->weak_count ? setup->liars : plan->weak_count;
    plan->liars = most == 0 || (setup->kinds >> QNK_HARM_LIE & 1) == 0
                      ? 0
                      : (uint32_t)between(&random, setup->always >> QNK_HARM_LIE & 1, most);
}

/* Of the lies that may be told, one by a lot. */
static uint32_t lie_allowed(const struct qnk_plan *plan, uint64_t lot)
{
    uint32_t allowed[QNK_LIES], count = 0;

    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        if ((plan->setup.lies >> lie & 1) != 0) {
            allowed[count++] = lie;
        }
    }
    return count == 0 ? (uint32_t)lot : allowed[lot % count];
}

/* Each liar tells one lie, or some, or many. */
static void lies_draw(struct qnk_plan *plan)
{
    for (uint32_t i = 0; i < plan->liars; i++) {
        struct qnk_random random;
        uint32_t may = plan->setup.lies == 0 ? QNK_LIES_ALL : plan->setup.lies;
        uint64_t lies, first;

        qnk_stream_init(&random, plan->setup.seed, "lie", i);
        lies = stretch(&random, 1, QNK_LIES);
        first = lie_allowed(plan, qnk_random_below(&random, QNK_LIES));
        for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
            bool is_told = lie == first || qnk_random_below(&random, QNK_LIES) < lies - 1;

            if (is_told && (may >> lie & 1) != 0) {
                harm_add(plan, (struct qnk_harm){.kind = QNK_HARM_LIE,
                                                 .a = plan->weak[i],
                                                 .b = lie,
                                                 .until_us = plan->setup.length_us});
            }
        }
    }
}

/* How often a kind comes, by its own stream. */
static uint64_t count_draw(const struct qnk_plan *plan, uint32_t kind, uint32_t rate,
                           struct qnk_random *random)
{
    bool comes;
    uint64_t count;

    qnk_stream_init(random, plan->setup.seed, shapes[kind].name, 0);
    comes = qnk_random_below(random, 8) < rate || (plan->setup.always >> kind & 1) != 0;
    count = between(random, 1, shapes[kind].most);
    return comes && (plan->setup.kinds >> kind & 1) != 0 ? count : 0;
}

static void harms_draw(struct qnk_plan *plan)
{
    static const uint32_t rates[] = {1, 2, 4, 6}; /* of 8 kinds so many come */
    struct qnk_random swarm, random;
    uint32_t rate;

    qnk_stream_init(&swarm, plan->setup.seed, "swarm", 0);
    rate = rates[qnk_random_below(&swarm, sizeof rates / sizeof *rates)];
    if (count_draw(plan, QNK_HARM_SWAP, rate, &random) > 0) {
        plan->setup.length_us += SWAP_US;
    }
    for (uint32_t kind = 0; kind < QNK_HARM_SICK; kind++) {
        uint64_t count = count_draw(plan, kind, rate, &random);

        for (uint64_t i = 0; i < count; i++) {
            harm_draw(plan, &random, kind);
        }
    }
}

/* 0: this one begins at its time. */
static uint64_t height_draw(struct qnk_random *random, uint32_t window)
{
    uint64_t end = between(random, 0, PINNED_WINDOWS) * window;
    uint64_t beside = qnk_random_below(random, 3);
    uint64_t lot = qnk_random_below(random, PINNED_HARMS);

    return lot == 0 ? 0 : end == 0 ? 1 : end - 1 + beside;
}

static void heights_draw(struct qnk_plan *plan)
{
    struct qnk_random random;

    qnk_stream_init(&random, plan->setup.seed, "height", 0);
    if (plan->setup.window < 2 || qnk_random_below(&random, PINNED_SEEDS) != 0) {
        return;
    }
    for (uint32_t i = 0; i < plan->harms_count; i++) {
        struct qnk_harm *harm = &plan->harms[i];

        if (shapes[harm->kind].far_us > 0) {
            harm->height = height_draw(&random, plan->setup.window);
        }
    }
}

/* What is wrong with the engine of this swap, and who has it so. */
static void sick_draw(struct qnk_plan *plan, struct qnk_random *random, struct qnk_harm swap)
{
    uint32_t rotten = plan->weak_count - plan->liars;
    struct qnk_harm harm = swap;
    uint64_t whose = qnk_random_below(random, QNK_WHOSE);

    harm.kind = QNK_HARM_SICK;
    harm.a = (uint32_t)qnk_random_below(random, plan->setup.validators);
    harm.b = (uint32_t)qnk_random_below(random, QNK_SICKNESSES);
    if (whose == QNK_WHOSE_ONE && rotten == 0) {
        whose = QNK_WHOSE_ALL;
    } else if (whose == QNK_WHOSE_ONE) {
        harm.a = plan->weak[plan->liars + qnk_random_below(random, rotten)];
    }
    harm.value = whose + QNK_WHOSE * qnk_random_below(random, UINT32_MAX / QNK_WHOSE);
    harm_add(plan, harm);
}

/* To which engines swaps are: to sick ones now and then, else, if nobody lies, also to those that
 * tolerate no lies. */
static void swaps_draw(struct qnk_plan *plan)
{
    const struct qnk_plan_setup *setup = &plan->setup;
    uint32_t count = plan->harms_count, sick = 0;
    struct qnk_random random;

    qnk_stream_init(&random, setup->seed, shapes[QNK_HARM_SICK].name, 0);
    for (uint32_t i = 0; i < count && (setup->kinds >> QNK_HARM_SICK & 1) != 0; i++) {
        if (plan->harms[i].kind == QNK_HARM_SWAP && !setup->is_lockless &&
            ((setup->always >> QNK_HARM_SICK & 1) != 0 ||
             qnk_random_below(&random, SICK_SWAPS) == 0)) {
            sick_draw(plan, &random, plan->harms[i]);
            sick++;
        }
    }
    for (uint32_t i = 0; i < count && sick == 0 && plan->liars == 0; i++) {
        if (plan->harms[i].kind == QNK_HARM_SWAP) {
            plan->harms[i].value |= QNK_HARM_LOCKLESS;
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
    QN_ASSERT(setup->weak < setup->validators && setup->weak <= QNK_PLAN_WEAK_MAX);
    plan->setup = *setup;
    plan->harms_count = plan->pays_count = plan->weak_count = 0;
    weak_draw(plan);
    lies_draw(plan);
    harms_draw(plan);
    heights_draw(plan);
    swaps_draw(plan);
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
