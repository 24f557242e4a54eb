/* SPDX-License-Identifier: MIT */

#include "kernel/sim/shrink.h"

#include <string.h>

#include <qnet/assert.h>

struct shrinking {
    struct qnk_campaign_setup setup;
    struct qnk_shrunk *shrunk;
    struct qnk_verdict verdict; /* of the last run */
    void (*ran)(void *ctx, uint32_t runs, uint32_t left);
    void *ctx;
    int32_t status;
};

static void came(void *ctx, const struct qnk_verdict *verdict)
{
    ((struct shrinking *)ctx)->verdict = *verdict;
}

/* Whether the run with these harms alone breaks what the whole run broke. */
static bool fails(struct shrinking *it, const uint32_t *numbers, uint32_t count)
{
    if (it->status != QN_OK || it->shrunk->runs == QNK_SHRINK_RUNS) {
        return false;
    }
    it->setup.only = numbers;
    it->setup.only_count = count;
    it->shrunk->runs++;
    it->status = qnk_campaign(&it->setup);
    if (it->ran != NULL) {
        it->ran(it->ctx, it->shrunk->runs, it->shrunk->after);
    }
    return it->status == QN_OK && !it->verdict.is_good &&
           strcmp(it->verdict.oracle, it->shrunk->verdict.oracle) == 0;
}

/* Keeps `count` of the numbers. */
static void keep(struct qnk_shrunk *shrunk, const uint32_t *numbers, uint32_t count)
{
    memmove(shrunk->numbers, numbers, count * sizeof *numbers);
    shrunk->after = count;
}

/* Of `parts` parts, one alone that still fails, or all without one. Gives the next number of parts;
 * 0: nothing smaller fails. */
static uint32_t round_run(struct shrinking *it, uint32_t parts)
{
    struct qnk_shrunk *shrunk = it->shrunk;
    uint32_t count = shrunk->after;
    uint32_t rest[QNK_PLAN_HARMS_MAX];

    for (uint32_t i = 0; i < parts; i++) {
        uint32_t from = count * i / parts, to = count * (i + 1) / parts;

        if (parts > 1 && fails(it, shrunk->numbers + from, to - from)) {
            keep(shrunk, shrunk->numbers + from, to - from);
            return 2;
        }
    }
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t from = count * i / parts, to = count * (i + 1) / parts;

        memcpy(rest, shrunk->numbers, from * sizeof *rest);
        memcpy(rest + from, shrunk->numbers + to, (count - to) * sizeof *rest);
        if (fails(it, rest, count - (to - from))) {
            keep(shrunk, rest, count - (to - from));
            return parts > 2 ? parts - 1 : 2;
        }
    }
    return parts == count ? 0 : parts * 2 < count ? parts * 2 : count;
}

/* The numbers of the harms that come in the whole run. */
static void numbers_take(struct shrinking *it, uint64_t seed)
{
    const struct qnk_campaign_setup *setup = &it->setup;
    struct qnk_plan *plan = qnk_memory_take(setup->budget, sizeof *plan);
    struct qnk_plan_setup wanted = setup->plan;

    QN_ASSERT(plan != NULL);
    wanted.seed = seed;
    qnk_plan_draw(plan, &wanted);
    if (setup->only != NULL) {
        qnk_plan_mask(plan, setup->only, setup->only_count);
    }
    for (uint32_t i = 0; i < plan->harms_count; i++) {
        if (!plan->harms[i].is_off) {
            it->shrunk->numbers[it->shrunk->after++] = plan->harms[i].number;
        }
    }
    qnk_memory_give(setup->budget, plan, sizeof *plan);
}

int32_t qnk_shrink(const struct qnk_campaign_setup *setup, uint64_t seed,
                   void (*ran)(void *ctx, uint32_t runs, uint32_t left), void *ctx,
                   struct qnk_shrunk *shrunk)
{
    struct shrinking it = {.setup = *setup, .shrunk = shrunk, .ran = ran, .ctx = ctx};
    uint32_t parts = 2;

    *shrunk = (struct qnk_shrunk){0};
    it.setup.first = it.setup.last = seed;
    it.setup.jobs = 1;
    it.setup.done = NULL;
    it.setup.ctx = &it;
    it.setup.came = came;
    it.setup.ticked = NULL;
    numbers_take(&it, seed);
    shrunk->before = shrunk->after;
    it.status = qnk_campaign(&it.setup);
    shrunk->runs = 1;
    shrunk->verdict = it.verdict;
    if (it.status != QN_OK || it.verdict.is_good) {
        return it.status;
    }
    if (fails(&it, shrunk->numbers, 0)) { /* it needs no harm at all */
        shrunk->after = 0;
    }
    while (shrunk->after > 0 && parts > 0) {
        parts = round_run(&it, parts < shrunk->after ? parts : shrunk->after);
    }
    shrunk->is_whole = shrunk->runs < QNK_SHRINK_RUNS;
    return it.status;
}
