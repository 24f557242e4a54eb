/* SPDX-License-Identifier: MIT */

#include "kernel/net/compare.h"

#include <string.h>

#include "kernel/net/report.h"
#include "kernel/net/stats.h"

enum { RESAMPLE_SEED = 1 };

/* --- what runs gave --- */

static void curve_take(const struct qnk_story *story, enum qnk_report_curve which,
                       struct qnk_compare_curve *to, uint64_t warmup_ms)
{
    struct qnk_plot_point *points;
    uint64_t count = qnk_report_curve(story, which, warmup_ms, &points);

    to->count = count;
    if (points != NULL) {
        memcpy(to->points, points, count * sizeof *points);
        qnk_report_points_give(story, points, QNK_REPORT_CURVE);
    }
}

static void lag_take(const struct qnk_story *story, struct qnk_compare_variant *to)
{
    struct qnk_plot_point *points;
    uint64_t count = qnk_report_lag(story, &points);

    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = count <= QNK_COMPARE_LAG ? i : i * QNK_COMPARE_LAG / count;

        to->lag[place] = points[i];
        to->lag_count = place + 1;
    }
    if (points != NULL) {
        qnk_report_points_give(story, points, count);
    }
}

static void swaps_take(const struct qnk_story *story, struct qnk_compare_variant *to)
{
    uint32_t place = 0;

    for (uint32_t i = 0; i < story->course.count && place < QNK_COMPARE_SWAPS; i++) {
        const struct qnk_act *act = &story->course.acts[i];

        if (act->event->action != QNK_ACTION_SWAP || !act->has_begun) {
            continue;
        }

        struct qnk_compare_swap *it = &to->swaps[place++];

        it->event = act->event;
        it->count++;
        it->done += act->done_ms != 0;
        it->in_use_ms += act->done_ms == 0 ? 0 : act->done_ms - act->at_ms;
        for (uint32_t figure = 0; figure < QNK_SWAP_DONE; figure++) {
            double value = 0;

            (void)qnk_story_swap(story, act, (enum qnk_swap_figure)figure, &value);
            it->sums[figure] += value;
        }
    }
    to->swaps_count = place > to->swaps_count ? place : to->swaps_count;
}

/* Texts of results are the spec's or constant. */
static void verdict_take(struct qnk_compare *compare, uint32_t variant,
                         const struct qnk_result *result)
{
    uint32_t at = 0;

    while (at < compare->asserts_count && strcmp(compare->asserts[at].id, result->id) != 0) {
        at++;
    }
    if (at == QNK_COMPARE_ASSERTS) {
        return;
    }
    compare->asserts_count = at < compare->asserts_count ? compare->asserts_count : at + 1;
    compare->asserts[at].id = result->id;
    compare->asserts[at].text = result->text;
    compare->asserts[at].runs[variant]++;
    compare->asserts[at].good[variant] += result->is_good;
}

static void plugin_take(struct qnk_compare *compare, const struct qnk_story_plugin *plugin)
{
    uint32_t at = 0;

    while (at < compare->plugins_count && (strcmp(compare->plugins[at].kind, plugin->kind) != 0 ||
                                           strcmp(compare->plugins[at].name, plugin->name) != 0)) {
        at++;
    }
    if (at == compare->plugins_count && at < QNK_STORY_PLUGINS_MAX) {
        compare->plugins[compare->plugins_count++] = *plugin;
    }
}

void qnk_compare_add(struct qnk_compare *compare, uint32_t variant, uint32_t repeat,
                     const struct qnk_story *story, const struct qnk_verdicts *verdicts)
{
    struct qnk_compare_variant *to = &compare->variants[variant];

    for (uint32_t i = 0; i < QNK_MEASURES; i++) {
        to->has[i][repeat] =
            qnk_figure_can(&qnk_measures[i], compare->spec->provider) &&
            qnk_story_measure(story, (enum qnk_measure)i, compare->spec->compare.warmup_ms,
                              &to->values[i][repeat]);
    }
    to->failed += verdicts->failed > 0;
    to->offered += story->txs_count;
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        to->final += tx->finals > 0;
        to->doubled += tx->finals > 1;
        to->lost += tx->accept_us != 0 && tx->finals == 0;
    }
    compare->repeats = repeat + 1 > compare->repeats ? repeat + 1 : compare->repeats;
    swaps_take(story, to);
    for (uint32_t i = 0; i < verdicts->count; i++) {
        verdict_take(compare, variant, &verdicts->results[i]);
    }
    for (uint32_t i = 0; i < story->plugins_count; i++) {
        plugin_take(compare, &story->plugins[i]);
    }
    if (repeat == 0) {
        for (uint32_t i = 0; i < QNK_REPORT_CURVES; i++) {
            curve_take(story, (enum qnk_report_curve)i, &to->curves[i],
                       compare->spec->compare.warmup_ms);
        }
        lag_take(story, to);
        qnk_report_bands(story, &to->bands);
    }
}

/* --- what they are worth --- */

void qnk_compare_look(const struct qnk_compare *compare, uint32_t variant, uint32_t measure,
                      struct qnk_compared *it)
{
    const struct qnk_compare_variant *own = &compare->variants[variant];
    const struct qnk_compare_variant *base = &compare->variants[compare->spec->compare.baseline];
    double values[QNK_SPEC_REPEATS_MAX], differences[QNK_SPEC_REPEATS_MAX];

    *it = (struct qnk_compared){.p = -1};
    for (uint32_t i = 0; i < compare->repeats; i++) {
        if (own->has[measure][i]) {
            values[it->count++] = own->values[measure][i];
        }
        if (own->has[measure][i] && base->has[measure][i]) {
            differences[it->pairs++] = own->values[measure][i] - base->values[measure][i];
        }
    }
    it->mean = qnk_stats_mean(values, it->count);
    qnk_stats_interval(values, it->count, RESAMPLE_SEED, &it->low, &it->high);
    it->difference = qnk_stats_mean(differences, it->pairs);
    qnk_stats_interval(differences, it->pairs, RESAMPLE_SEED, &it->d_low, &it->d_high);
    it->is_clear = it->pairs > 1 && (it->d_low > 0 || it->d_high < 0);
    if (it->pairs >= QNK_COMPARE_PAIRS) {
        it->p = qnk_stats_wilcoxon(differences, it->pairs);
    }
}

/* False: no run could measure it. */
static bool mean_of(const struct qnk_compare *compare, const char *variant, const char *measure,
                    double *mean)
{
    struct qnk_compared it;
    uint32_t place = 0;

    while (strcmp(compare->spec->compare.variants[place].name, variant) != 0) {
        place++;
    }
    qnk_compare_look(compare, place, qnk_figure_find(qnk_measures, QNK_MEASURES, measure), &it);
    *mean = it.mean;
    return it.count > 0;
}

bool qnk_compare_fails(const struct qnk_compare *compare, uint32_t place)
{
    const struct qnk_expr *expr = &compare->spec->compare.fails[place];
    double left, right = 1;

    if (!mean_of(compare, expr->scope, expr->name, &left) ||
        (expr->right_scope[0] != 0 &&
         !mean_of(compare, expr->right_scope, expr->right_name, &right))) {
        return true;
    }
    return qnk_expr_holds(expr->op, left, expr->number * right);
}

uint32_t qnk_compare_failures(const struct qnk_compare *compare, FILE *out)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t count = 0;

    for (uint32_t i = 0; i < spec->fails_count; i++) {
        if (qnk_compare_fails(compare, i)) {
            count++;
            if (out != NULL) {
                fprintf(out, "FAIL: %s\n", spec->fails_text[i]);
            }
        }
    }
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        if (compare->variants[v].failed > 0) {
            count++;
            if (out != NULL) {
                fprintf(out, "FAIL: %s: assertions of %u runs\n", spec->variants[v].name,
                        compare->variants[v].failed);
            }
        }
    }
    return count;
}
