/* SPDX-License-Identifier: MIT */

#include "kernel/net/compare.h"

#include <string.h>

#include "kernel/net/report.h"
#include "kernel/net/stats.h"

enum { P_PAIRS_MIN = 6, RESAMPLE_SEED = 1 };

/* --- what runs gave --- */

static void curve_take(const struct qnk_story *story, struct qnk_compare_variant *to,
                       uint64_t warmup_ms)
{
    struct qnk_plot_point *points;
    uint64_t count = qnk_report_latencies(story, true, warmup_ms, &points);

    to->latency_count = count < QNK_COMPARE_CURVE ? count : QNK_COMPARE_CURVE;
    if (points != NULL) {
        memcpy(to->latency, points, to->latency_count * sizeof *points);
        qnk_report_points_give(story, points, QNK_COMPARE_CURVE);
    }
    count = qnk_report_lag(story, &points);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = count <= QNK_COMPARE_LAG ? i : i * QNK_COMPARE_LAG / count;

        to->lag[place] = points[i];
        to->lag_count = place + 1;
    }
    if (points != NULL) {
        qnk_report_points_give(story, points, count);
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
    if (repeat == 0) {
        curve_take(story, to, compare->spec->compare.warmup_ms);
        if (variant == compare->spec->compare.baseline) {
            qnk_report_bands(story, &compare->bands);
        }
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
    if (it->pairs >= P_PAIRS_MIN) {
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

/* --- for people --- */

static void value_text(const struct qnk_compared *it, char text[48])
{
    if (it->count == 0) {
        snprintf(text, 48, "-");
    } else {
        snprintf(text, 48, "%.4g [%.4g, %.4g]", it->mean, it->low, it->high);
    }
}

static void difference_text(const struct qnk_compared *it, char text[80])
{
    if (it->pairs == 0) {
        snprintf(text, 80, "-");
    } else if (it->p < 0) {
        snprintf(text, 80, "%+.3g [%+.3g, %+.3g]", it->difference, it->d_low, it->d_high);
    } else {
        snprintf(text, 80, "%+.3g [%+.3g, %+.3g] p %.2g", it->difference, it->d_low, it->d_high,
                 it->p);
    }
}

void qnk_compare_print(const struct qnk_compare *compare, FILE *out)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;

    for (uint32_t m = 0; m < spec->measures_count; m++) {
        const struct qnk_figure_row *row = &qnk_measures[spec->measures[m]];

        fprintf(out, "%s%s%s%s   %s\n", row->name, *row->unit == 0 ? "" : " (", row->unit,
                *row->unit == 0 ? "" : ")", row->doc);
        for (uint32_t v = 0; v < spec->variants_count; v++) {
            struct qnk_compared it;
            char value[48], difference[80];

            qnk_compare_look(compare, v, spec->measures[m], &it);
            value_text(&it, value);
            difference_text(&it, difference);
            fprintf(out, "  %-16s %-34s %s\n", spec->variants[v].name, value,
                    v == spec->baseline ? "baseline" : difference);
        }
    }
}

static void verdict_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t clear = 0, looked = 0, failed = 0;

    for (uint32_t v = 0; v < spec->variants_count; v++) {
        for (uint32_t m = 0; m < spec->measures_count && v != spec->baseline; m++) {
            struct qnk_compared it;

            qnk_compare_look(compare, v, spec->measures[m], &it);
            clear += it.is_clear;
            looked++;
        }
        failed += compare->variants[v].failed;
    }
    qnk_page_text(page,
                  "%u variants, %u runs each with the same seeds in turn. Of %u differences to "
                  "the baseline %s, %u are clear: their 95 %% interval excludes 0. In %u runs an "
                  "assertion failed.",
                  spec->variants_count, compare->repeats, looked,
                  spec->variants[spec->baseline].name, clear, failed);
    for (uint32_t i = 0; i < spec->fails_count; i++) {
        qnk_page_text(page, "%s: %s", spec->fails_text[i],
                      qnk_compare_fails(compare, i) ? "is so, or was not measured: a FAILURE"
                                                    : "is not so");
    }
}

static void table_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    static const char *const heads[] = {"measure", "variant", "mean [95 %]",
                                        "difference to the baseline [95 %], Wilcoxon's p"};
    const struct qnk_spec_compare *spec = &compare->spec->compare;

    qnk_page_heading(page, "Measures");
    qnk_page_table(page, heads, 4);
    for (uint32_t m = 0; m < spec->measures_count; m++) {
        const struct qnk_figure_row *row = &qnk_measures[spec->measures[m]];

        for (uint32_t v = 0; v < spec->variants_count; v++) {
            struct qnk_compared it;
            char value[48], difference[80];

            qnk_compare_look(compare, v, spec->measures[m], &it);
            value_text(&it, value);
            difference_text(&it, difference);
            qnk_page_row(page);
            if (v == 0) {
                qnk_page_cell(page, false, "%s%s%s", row->name, *row->unit == 0 ? "" : ", ",
                              row->unit);
            } else {
                qnk_page_cell(page, false, "%s", "");
            }
            qnk_page_cell(page, false, "%s", spec->variants[v].name);
            qnk_page_cell(page, false, "%s", value);
            qnk_page_cell(page, it.is_clear, "%s", v == spec->baseline ? "baseline" : difference);
            qnk_page_row_end(page);
        }
    }
    qnk_page_table_end(page);
}

static void offered_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    static const char *const heads[] = {"variant", "offered", "final",
                                        "lost",    "doubled", "runs that failed"};
    const struct qnk_spec_compare *spec = &compare->spec->compare;

    qnk_page_heading(page, "Offered against final");
    qnk_page_table(page, heads, 6);
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        const struct qnk_compare_variant *it = &compare->variants[v];

        qnk_page_row(page);
        qnk_page_cell(page, false, "%s", spec->variants[v].name);
        qnk_page_cell(page, false, "%llu", (unsigned long long)it->offered);
        qnk_page_cell(page, false, "%llu", (unsigned long long)it->final);
        qnk_page_cell(page, it->lost > 0, "%llu", (unsigned long long)it->lost);
        qnk_page_cell(page, it->doubled > 0, "%llu", (unsigned long long)it->doubled);
        qnk_page_cell(page, it->failed > 0, "%u", it->failed);
        qnk_page_row_end(page);
    }
    qnk_page_table_end(page);
}

static void plots_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    static struct qnk_plot latency, lag;

    latency = (struct qnk_plot){.title = "Submit to final, first repeat",
                                .x_name = "seconds",
                                .y_name = "share of transfers"};
    lag = compare->bands;
    lag.title = "Finality lag, first repeat, the greatest of all validators that are on";
    lag.x_name = "seconds since the start";
    lag.y_name = "blocks";
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        const struct qnk_compare_variant *it = &compare->variants[v];

        latency.lines[latency.lines_count++] =
            (struct qnk_plot_line){spec->variants[v].name, it->latency, it->latency_count, false};
        lag.lines[lag.lines_count++] =
            (struct qnk_plot_line){spec->variants[v].name, it->lag, it->lag_count, true};
    }
    qnk_page_heading(page, "Over time");
    qnk_page_plot(page, &latency);
    qnk_page_plot(page, &lag);
}

static void csv_put(FILE *out, const struct qnk_compare *compare)
{
    fprintf(out, "variant,repeat,measure,value\n");
    for (uint32_t v = 0; v < compare->spec->compare.variants_count; v++) {
        for (uint32_t i = 0; i < compare->repeats; i++) {
            for (uint32_t m = 0; m < QNK_MEASURES; m++) {
                if (compare->variants[v].has[m][i]) {
                    fprintf(out, "%s,%u,%s,%.9g\n", compare->spec->compare.variants[v].name, i,
                            qnk_measures[m].name, compare->variants[v].values[m][i]);
                }
            }
        }
    }
}

static void json_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t put = 0;

    fprintf(out,
            "{\n  \"run\": \"%s\",\n  \"name\": \"%s\",\n  \"repeats\": %u,\n  \"failed\": %u,\n"
            "  \"rows\": [",
            to->id, compare->spec->name, compare->repeats, qnk_compare_failures(compare, NULL));
    for (uint32_t m = 0; m < spec->measures_count; m++) {
        for (uint32_t v = 0; v < spec->variants_count; v++) {
            struct qnk_compared it;

            qnk_compare_look(compare, v, spec->measures[m], &it);
            fprintf(out,
                    "%s\n    {\"measure\": \"%s\", \"variant\": \"%s\", \"count\": %u, "
                    "\"mean\": %.9g, \"low\": %.9g, \"high\": %.9g, \"difference\": %.9g, "
                    "\"d_low\": %.9g, \"d_high\": %.9g, \"p\": %.6g}",
                    put++ == 0 ? "" : ",", qnk_measures[spec->measures[m]].name,
                    spec->variants[v].name, it.count, it.mean, it.low, it.high, it.difference,
                    it.d_low, it.d_high, it.p);
        }
    }
    fprintf(out, "\n  ]\n}\n");
}

bool qnk_compare_write(const struct qnk_artifacts *to, const struct qnk_compare *compare)
{
    const struct qnk_page page = {qnk_artifact_open(to, "compare.md"),
                                  qnk_artifact_open(to, "compare.html")};
    FILE *json = qnk_artifact_open(to, "compare.json"), *csv = qnk_artifact_open(to, "compare.csv");
    bool is_done = page.md != NULL && page.html != NULL && json != NULL && csv != NULL;
    char title[100];

    snprintf(title, sizeof title, "%.40s, comparison %s", compare->spec->name, to->id);
    qnk_page_begin(&page, title);
    verdict_put(&page, compare);
    table_put(&page, compare);
    offered_put(&page, compare);
    plots_put(&page, compare);
    qnk_report_environment(&page, to, compare->spec);
    qnk_report_limits(&page, compare->spec);
    qnk_page_end(&page);
    if (json != NULL) {
        json_put(json, to, compare);
        is_done = fclose(json) == 0 && is_done;
    }
    if (csv != NULL) {
        csv_put(csv, compare);
        is_done = fclose(csv) == 0 && is_done;
    }
    is_done = (page.md == NULL || fclose(page.md) == 0) && is_done;
    return (page.html == NULL || fclose(page.html) == 0) && is_done;
}
