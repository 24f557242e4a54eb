/* SPDX-License-Identifier: MIT */

#include "kernel/net/judge.h"

#include <string.h>

#include "kernel/base/text.h"

static double clock_s(uint64_t ms)
{
    return (double)ms / 1000;
}

/* --- that --- */

static bool node_had(const struct qnk_story *story, const struct qnk_spec_assert *it, uint32_t node,
                     uint32_t gauge, uint64_t *at_ms, double *last)
{
    const struct qnk_story_node *seen = &story->nodes[node];

    *last = 0;
    for (uint32_t i = 0; i < seen->samples_count; i++) {
        const struct qnk_sample *sample = &seen->samples[i];

        if (seen->start_ms == UINT64_MAX || sample->at_ms > seen->start_ms + it->within_ms) {
            break;
        }
        if (!sample->is_on) {
            continue;
        }
        *last = qnk_sample_value(sample, (enum qnk_gauge)gauge);
        if (qnk_expr_holds(it->expr.op, *last, it->expr.number)) {
            *at_ms = sample->at_ms;
            return true;
        }
    }
    return false;
}

static bool that_holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                       struct qnk_result *result)
{
    uint32_t gauge = qnk_figure_find(qnk_gauges, QNK_GAUGES, it->expr.name), latest = 0;
    uint64_t at_ms = 0, latest_ms = 0;

    for (uint32_t i = 0; i < story->spec->nodes_count; i++) {
        double last;

        if ((it->nodes >> i & 1) == 0) {
            continue;
        }
        if (!node_had(story, it, i, gauge, &at_ms, &last)) {
            qnk_text(result->words, sizeof result->words, "%s had %g, not within %.1f s",
                     story->spec->nodes[i].name, last, clock_s(it->within_ms));
            return false;
        }
        if (at_ms >= latest_ms) {
            latest_ms = at_ms;
            latest = i;
        }
    }
    qnk_text(result->words, sizeof result->words, "last at %.1f s on %s", clock_s(latest_ms),
             story->spec->nodes[latest].name);
    return true;
}

/* --- always --- */

static bool is_excepted(const struct qnk_story *story, const struct qnk_spec_assert *it,
                        uint64_t at_ms)
{
    for (uint32_t i = 0; i < story->course.count; i++) {
        const struct qnk_act *act = &story->course.acts[i];
        uint64_t until = act->until_ms;

        until = act->done_ms > until ? act->done_ms : until;
        if (at_ms < act->at_ms || (until != UINT64_MAX && at_ms > until + it->grace_ms)) {
            continue;
        }
        for (uint32_t j = 0; j < it->excepts_count; j++) {
            if (strcmp(it->excepts[j], act->event->id) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a sample counts: of a node that is on, and not behind; but who is not says that too. */
static bool is_looked_at(const struct qnk_sample *sample, uint32_t gauge)
{
    return sample->is_on &&
           (sample->is_ready || gauge == QNK_GAUGE_READY || gauge == QNK_GAUGE_HELD);
}

/* How far from holding a value is: larger is worse. */
static double badness(const struct qnk_expr *expr, double value)
{
    return expr->op == QNK_EXPR_GT || expr->op == QNK_EXPR_GE ? -value : value;
}

struct worst {
    double value;
    uint64_t at_ms;
    uint32_t node;
    uint64_t looks, bad;
};

static void always_look(const struct qnk_story *story, const struct qnk_spec_assert *it,
                        uint32_t node, uint32_t gauge, struct worst *worst)
{
    const struct qnk_story_node *seen = &story->nodes[node];

    for (uint32_t i = 0; i < seen->samples_count; i++) {
        const struct qnk_sample *sample = &seen->samples[i];
        double value = qnk_sample_value(sample, (enum qnk_gauge)gauge);
        bool holds = qnk_expr_holds(it->expr.op, value, it->expr.number);

        if (!is_looked_at(sample, gauge) || sample->at_ms < it->from_ms ||
            (it->until_ms != 0 && sample->at_ms > it->until_ms) ||
            is_excepted(story, it, sample->at_ms)) {
            continue;
        }
        worst->bad += !holds;
        if (worst->looks++ == 0 || badness(&it->expr, value) > badness(&it->expr, worst->value)) {
            *worst = (struct worst){value, sample->at_ms, node, worst->looks, worst->bad};
        }
    }
}

static bool always_holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                         struct qnk_result *result)
{
    uint32_t gauge = qnk_figure_find(qnk_gauges, QNK_GAUGES, it->expr.name);
    struct worst worst = {.looks = 0};

    for (uint32_t i = 0; i < story->spec->nodes_count; i++) {
        if ((it->nodes >> i & 1) != 0) {
            always_look(story, it, i, gauge, &worst);
        }
    }
    if (worst.looks == 0) {
        qnk_text(result->words, sizeof result->words, "nothing was seen then");
        return false;
    }
    qnk_text(result->words, sizeof result->words, "worst %g at %.1f s on %s, %llu looks, %llu bad",
             worst.value, clock_s(worst.at_ms), story->spec->nodes[worst.node].name,
             (unsigned long long)worst.looks, (unsigned long long)worst.bad);
    return worst.bad == 0;
}

/* --- figures --- */

static bool run_holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                      struct qnk_result *result)
{
    uint32_t measure = qnk_figure_find(qnk_measures, QNK_MEASURES, it->expr.name);
    double value;

    if (!qnk_story_measure(story, (enum qnk_measure)measure, it->from_ms, &value)) {
        qnk_text(result->words, sizeof result->words, "nothing to measure");
        return false;
    }
    qnk_text(result->words, sizeof result->words, "%.6g %s", value, qnk_measures[measure].unit);
    return qnk_expr_holds(it->expr.op, value, it->expr.number);
}

static bool swaps_hold(const struct qnk_story *story, const struct qnk_spec_assert *it,
                       struct qnk_result *result)
{
    uint32_t figure = qnk_figure_find(qnk_swap_figures, QNK_SWAP_FIGURES, it->expr.name);
    bool is_good = true;
    uint64_t used = 0;

    for (uint32_t i = 0; i < story->course.count; i++) {
        const struct qnk_act *act = &story->course.acts[i];
        double value = 0;

        if (act->event->action != QNK_ACTION_SWAP) {
            continue;
        }
        if (!qnk_story_swap(story, act, (enum qnk_swap_figure)figure, &value) ||
            !qnk_expr_holds(it->expr.op, value, it->expr.number)) {
            is_good = false;
        }
        if (used + 1 < sizeof result->words) {
            qnk_text(result->words + used, sizeof result->words - used, "%s%s %.4g",
                     used == 0 ? "" : ", ", act->event->id, value);
            used += strlen(result->words + used);
        }
    }
    if (used == 0) {
        qnk_text(result->words, sizeof result->words, "there was no swap");
    }
    return is_good && used > 0;
}

/* --- invariants --- */

static bool txs_once(const struct qnk_story *story, struct qnk_result *result)
{
    uint64_t accepted = 0, final = 0, doubled = 0, lost = 0;

    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        accepted += tx->accept_us != 0;
        final += tx->finals > 0;
        doubled += tx->finals > 1;
        lost += tx->accept_us != 0 && tx->finals == 0;
    }
    qnk_text(result->words, sizeof result->words,
             "accepted %llu, final %llu, lost %llu, doubled %llu of %u",
             (unsigned long long)accepted, (unsigned long long) final, (unsigned long long)lost,
             (unsigned long long)doubled, story->txs_count);
    return lost == 0 && doubled == 0 && (accepted > 0 || story->spec->loads_count == 0);
}

static bool one_chain(const struct qnk_story *story, struct qnk_result *result)
{
    for (uint32_t i = 0; i < story->spec->nodes_count; i++) {
        const struct qnk_story_node *node = &story->nodes[i];

        if (!node->is_exported || node->windows + 2 < story->chain_windows) {
            qnk_text(result->words, sizeof result->words, "%s is final up to window %llu of %llu",
                     story->spec->nodes[i].name, (unsigned long long)node->windows,
                     (unsigned long long)story->chain_windows);
            return false;
        }
    }
    qnk_text(result->words, sizeof result->words, "%u nodes at window %llu",
             story->spec->nodes_count, (unsigned long long)story->chain_windows);
    return story->forked.times == 0 && story->reverted.times == 0;
}

static bool conflict_free(const struct qnk_story_conflict *conflict, uint64_t seen,
                          const char *what, struct qnk_result *result)
{
    if (conflict->times > 0) {
        qnk_text(result->words, sizeof result->words, "%s (%llu times)", conflict->words,
                 (unsigned long long)conflict->times);
    } else {
        qnk_text(result->words, sizeof result->words, "%llu %s", (unsigned long long)seen, what);
    }
    return conflict->times == 0 && seen > 0;
}

static bool invariant_holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                            struct qnk_result *result)
{
    switch (it->invariant) {
    case QNK_INVARIANT_SAME_HASH:
        return conflict_free(&story->forked, story->chain_heights, "heights", result);
    case QNK_INVARIANT_FINAL_STAYS:
        return conflict_free(&story->reverted, story->chain_windows, "windows", result);
    case QNK_INVARIANT_TXS_ONCE:
        return txs_once(story, result);
    case QNK_INVARIANT_ONE_CHAIN:
        return one_chain(story, result);
    case QNK_INVARIANT_PROVED:
        return conflict_free(&story->oracle, story->checked, "looks", result);
    case QNK_INVARIANTS:
        break;
    }
    return false;
}

static bool log_holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                      struct qnk_result *result)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < story->logs_count; i++) {
        for (uint32_t node = 0; node < story->spec->nodes_count; node++) {
            if (strcmp(story->logs[i].event, it->log_event) == 0 && (it->nodes >> node & 1) != 0) {
                count += story->logs[i].counts[node];
            }
        }
    }
    qnk_text(result->words, sizeof result->words, "%llu times", (unsigned long long)count);
    return count == it->count;
}

/* --- all --- */

static bool holds(const struct qnk_story *story, const struct qnk_spec_assert *it,
                  qnk_judge_run *run, void *ctx, struct qnk_result *result)
{
    int code;

    switch (it->kind) {
    case QNK_ASSERT_THAT:
    case QNK_ASSERT_ALWAYS:
        if (it->is_for_swaps) {
            return swaps_hold(story, it, result);
        }
        if (strcmp(it->expr.scope, "run") == 0) {
            return run_holds(story, it, result);
        }
        return it->kind == QNK_ASSERT_THAT ? that_holds(story, it, result)
                                           : always_holds(story, it, result);
    case QNK_ASSERT_INVARIANT:
        return invariant_holds(story, it, result);
    case QNK_ASSERT_LOG:
        return log_holds(story, it, result);
    case QNK_ASSERT_RUN:
        code = run == NULL ? -1 : run(ctx, it->text);
        qnk_text(result->words, sizeof result->words, "exit code %d", code);
        return code >= 0 && (uint64_t)code == it->expect;
    }
    return false;
}

static struct qnk_result *result_add(struct qnk_verdicts *verdicts, const char *id,
                                     const char *text)
{
    struct qnk_result *result = &verdicts->results[verdicts->count++];

    *result = (struct qnk_result){.id = id, .text = text};
    return result;
}

void qnk_judge(const struct qnk_story *story, qnk_judge_run *run, void *ctx,
               struct qnk_verdicts *verdicts)
{
    struct qnk_result *result;

    *verdicts = (struct qnk_verdicts){.count = 0};
    for (uint32_t i = 0; i < story->spec->asserts_count; i++) {
        const struct qnk_spec_assert *it = &story->spec->asserts[i];

        if (!qnk_variant_drops(story->variant, it->id)) {
            result = result_add(verdicts, it->id, it->text);
            result->is_good = holds(story, it, run, ctx, result);
        }
    }
    result = result_add(verdicts, "ended", "the run came to its end, all transfers with it");
    result->is_good = !story->is_timed_out && story->is_settled;
    qnk_text(result->words, sizeof result->words, "%s after %.1f s",
             story->is_interrupted   ? "interrupted"
             : story->died.times > 0 ? story->died.words
             : story->is_timed_out   ? "timed out"
             : story->is_settled     ? "done"
                                     : "transfers are not final",
             clock_s(story->end_ms));
    if (story->spec->provider == QNK_PROVIDER_VIRTUAL) {
        result = result_add(verdicts, "oracles", "what must always hold, at every step");
        result->is_good = conflict_free(&story->oracle, story->checked, "looks", result);
    }
    for (uint32_t i = 0; i < verdicts->count; i++) {
        verdicts->failed += !verdicts->results[i].is_good;
    }
}
