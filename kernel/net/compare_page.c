/* SPDX-License-Identifier: MIT */

/* compare_page.c: a comparison for people: on a terminal, as a page, and as files for programs. */

#include <string.h>

#include "kernel/net/compare.h"

enum { VALUE = 80, DIFFERENCE = 120, SENTENCE = 900 };

/* --- numbers of one row, all in one unit --- */

static struct qnk_figure_scale scale_of(const struct qnk_compare *compare, uint32_t measure)
{
    double greatest = 0;

    for (uint32_t v = 0; v < compare->spec->compare.variants_count; v++) {
        struct qnk_compared it;

        qnk_compare_look(compare, v, measure, &it);
        greatest = it.mean > greatest ? it.mean : greatest;
    }
    return qnk_figure_scale(&qnk_measures[measure], greatest);
}

static void value_text(const struct qnk_compared *it, double factor, char text[VALUE])
{
    if (it->count == 0) {
        snprintf(text, VALUE, "-");
    } else if (it->count == 1) {
        snprintf(text, VALUE, "%.4g", it->mean * factor);
    } else {
        snprintf(text, VALUE, "%.4g [%.4g, %.4g]", it->mean * factor, it->low * factor,
                 it->high * factor);
    }
}

/* Of the baseline's mean, in percent; 0 if that is 0. */
static double percent_of(const struct qnk_compared *it)
{
    double base = it->mean - it->difference;

    return base == 0 ? 0 : 100 * it->difference / base;
}

static void difference_text(const struct qnk_compared *it, double factor, char text[DIFFERENCE])
{
    char p[24] = "";

    if (it->pairs == 0) {
        snprintf(text, DIFFERENCE, "-");
        return;
    }
    if (it->p >= 0) {
        snprintf(p, sizeof p, ", p %.2g", it->p);
    }
    snprintf(text, DIFFERENCE, "%+.3g [%+.3g, %+.3g], %+.1f %%%s", it->difference * factor,
             it->d_low * factor, it->d_high * factor, percent_of(it), p);
}

/* --- on a terminal --- */

void qnk_compare_print(const struct qnk_compare *compare, FILE *out)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;

    for (uint32_t m = 0; m < spec->measures_count; m++) {
        const struct qnk_figure_row *row = &qnk_measures[spec->measures[m]];
        struct qnk_figure_scale scale = scale_of(compare, spec->measures[m]);

        fprintf(out, "%s%s%s%s   %s\n", row->name, *scale.unit == 0 ? "" : " (", scale.unit,
                *scale.unit == 0 ? "" : ")", row->doc);
        for (uint32_t v = 0; v < spec->variants_count; v++) {
            struct qnk_compared it;
            char value[VALUE], difference[DIFFERENCE];

            qnk_compare_look(compare, v, spec->measures[m], &it);
            value_text(&it, scale.factor, value);
            difference_text(&it, scale.factor, difference);
            fprintf(out, "  %-16s %-34s %s\n", spec->variants[v].name, value,
                    v == spec->baseline ? "baseline" : difference);
        }
    }
}

/* --- the verdict --- */

/* What is clearly lower, or higher, of a variant: "finality_p50 (-2.0 %), ..."; how many. */
static uint32_t clear_list(const struct qnk_compare *compare, uint32_t variant, bool is_lower,
                           char text[SENTENCE])
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t count = 0;
    size_t used = 0;

    text[0] = 0;
    for (uint32_t m = 0; m < spec->measures_count; m++) {
        struct qnk_compared it;

        qnk_compare_look(compare, variant, spec->measures[m], &it);
        if (it.is_clear && (it.difference < 0) == is_lower && used + 80 < SENTENCE) {
            snprintf(text + used, SENTENCE - used, "%s%s (%+.1f %%)", count == 0 ? "" : ", ",
                     qnk_measures[spec->measures[m]].name, percent_of(&it));
            used += strlen(text + used);
            count++;
        }
    }
    return count;
}

static void variant_put(const struct qnk_page *page, const struct qnk_compare *compare,
                        uint32_t variant)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    char lower[SENTENCE], higher[SENTENCE];
    uint32_t below = clear_list(compare, variant, true, lower);
    uint32_t above = clear_list(compare, variant, false, higher);

    if (below + above == 0) {
        qnk_page_text(page, false, "%s against %s: no difference is clear.",
                      spec->variants[variant].name, spec->variants[spec->baseline].name);
        return;
    }
    qnk_page_text(page, false,
                  "%s against %s: %s%s%s%s%s. The other %u measures do not clearly "
                  "differ.",
                  spec->variants[variant].name, spec->variants[spec->baseline].name,
                  below == 0 ? "" : "clearly lower are ", lower,
                  below == 0 || above == 0 ? "" : "; ", above == 0 ? "" : "clearly higher are ",
                  higher, spec->measures_count - below - above);
}

static void verdict_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t failed = 0;

    for (uint32_t v = 0; v < spec->variants_count; v++) {
        failed += compare->variants[v].failed;
    }
    qnk_page_text(page, true,
                  "%s: %u variants, %u runs each, with equal seeds and in turn; in %u of "
                  "%u runs an assertion failed.",
                  qnk_compare_failures(compare, NULL) == 0 ? "Good" : "FAILED",
                  spec->variants_count, compare->repeats, failed,
                  spec->variants_count * compare->repeats);
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        if (v != spec->baseline) {
            variant_put(page, compare, v);
        }
    }
    qnk_page_text(page, false, "A difference is clear if its 95 %% interval excludes 0; %s.",
                  compare->repeats == 1 ? "one run of each shows none"
                  : compare->repeats < QNK_COMPARE_PAIRS
                      ? "so few runs show little more than that it is not chance of one seed"
                      : "it is bold in the table");
    for (uint32_t i = 0; i < spec->fails_count; i++) {
        qnk_page_text(page, false, "%s: %s", spec->fails_text[i],
                      qnk_compare_fails(compare, i) ? "is so, or was not measured: a FAILURE"
                                                    : "is not so");
    }
}

/* --- tables --- */

/* A head of `first`, then the variants. */
static void variants_table(const struct qnk_page *page, const struct qnk_compare *compare,
                           const char *first)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    const char *heads[QNK_SPEC_VARIANTS_MAX + 1] = {first};

    for (uint32_t v = 0; v < spec->variants_count; v++) {
        heads[v + 1] = spec->variants[v].name;
    }
    qnk_page_table(page, heads, spec->variants_count + 1);
}

static void measure_row(const struct qnk_page *page, const struct qnk_compare *compare,
                        uint32_t measure)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    struct qnk_figure_scale scale = scale_of(compare, measure);

    qnk_page_row(page);
    qnk_page_cell(page, false, "%s%s%s", qnk_measures[measure].name, *scale.unit == 0 ? "" : ", ",
                  scale.unit);
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        struct qnk_compared it;
        char value[VALUE], difference[DIFFERENCE] = "";

        qnk_compare_look(compare, v, measure, &it);
        value_text(&it, scale.factor, value);
        if (v != spec->baseline) {
            difference_text(&it, scale.factor, difference);
        }
        qnk_page_value(page, it.mean, value, difference, it.is_clear);
    }
    qnk_page_row_end(page);
}

static bool is_listed(const struct qnk_spec_compare *spec, uint32_t measure)
{
    for (uint32_t i = 0; i < spec->measures_count; i++) {
        if (spec->measures[i] == measure) {
            return true;
        }
    }
    return false;
}

static void measures_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    uint32_t others = 0;

    qnk_page_heading(page, "Measures");
    qnk_page_text(page, false,
                  "Means with their 95 %% intervals; below, the paired difference to the "
                  "baseline %s with its interval%s.",
                  spec->variants[spec->baseline].name,
                  compare->repeats < QNK_COMPARE_PAIRS ? "" : " and Wilcoxon's p");
    variants_table(page, compare, "measure");
    for (uint32_t m = 0; m < spec->measures_count; m++) {
        measure_row(page, compare, spec->measures[m]);
    }
    qnk_page_table_end(page);
    for (uint32_t m = 0; m < QNK_MEASURES; m++) {
        others += !is_listed(spec, m) && qnk_figure_can(&qnk_measures[m], compare->spec->provider);
    }
    if (others == 0) {
        return;
    }
    qnk_page_heading(page, "What else was measured");
    variants_table(page, compare, "measure");
    for (uint32_t m = 0; m < QNK_MEASURES; m++) {
        if (!is_listed(spec, m) && qnk_figure_can(&qnk_measures[m], compare->spec->provider)) {
            measure_row(page, compare, m);
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

static void swap_row(const struct qnk_page *page, const char *variant,
                     const struct qnk_compare_swap *it)
{
    qnk_page_row(page);
    qnk_page_cell(page, false, "%s, %s: %s=%s", variant, it->event->id, it->event->kind,
                  it->event->plugin);
    qnk_page_cell(page, it->done < it->count, "%u of %u", it->done, it->count);
    for (uint32_t figure = 0; figure < QNK_SWAP_DONE; figure++) {
        double mean = it->sums[figure] / it->count;
        char text[QNK_FIGURE_TEXT];

        qnk_figure_text(&qnk_swap_figures[figure], mean, text);
        qnk_page_value(page, mean, text, "", false);
    }
    if (it->done == 0) {
        qnk_page_cell(page, true, "never");
    } else {
        qnk_page_cell(page, false, "%.1f s", (double)it->in_use_ms / 1000 / it->done);
    }
    qnk_page_row_end(page);
}

static void swaps_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const char *heads[QNK_REPORT_SWAP_HEADS];
    uint32_t sum = 0;

    memcpy(heads, qnk_report_swap_heads, sizeof heads);
    heads[1] = "runs";
    for (uint32_t v = 0; v < compare->spec->compare.variants_count; v++) {
        sum += compare->variants[v].swaps_count;
    }
    if (sum == 0) {
        return;
    }
    qnk_page_heading(page, "Swaps");
    qnk_page_text(page, false, "Means over the runs.");
    qnk_page_table(page, heads, QNK_REPORT_SWAP_HEADS);
    for (uint32_t v = 0; v < compare->spec->compare.variants_count; v++) {
        for (uint32_t i = 0; i < compare->variants[v].swaps_count; i++) {
            swap_row(page, compare->spec->compare.variants[v].name, &compare->variants[v].swaps[i]);
        }
    }
    qnk_page_table_end(page);
}

static void asserts_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    qnk_page_heading(page, "Assertions");
    qnk_page_text(page, false, "In how many runs each held.");
    variants_table(page, compare, "assertion");
    for (uint32_t i = 0; i < compare->asserts_count; i++) {
        const struct qnk_compare_assert *it = &compare->asserts[i];

        qnk_page_row(page);
        qnk_page_cell(page, false, "%s: %s", it->id, it->text);
        for (uint32_t v = 0; v < compare->spec->compare.variants_count; v++) {
            if (it->runs[v] == 0) {
                qnk_page_cell(page, false, "-");
            } else {
                qnk_page_cell(page, it->good[v] < it->runs[v], "%u of %u", it->good[v],
                              it->runs[v]);
            }
        }
        qnk_page_row_end(page);
    }
    qnk_page_table_end(page);
}

/* --- plots --- */

static void curves_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;

    for (uint32_t i = 0; i < QNK_REPORT_CURVES; i++) {
        struct qnk_plot plot = {
            .title = qnk_report_curves[i], .x_name = "seconds", .y_name = "share"};

        for (uint32_t v = 0; v < spec->variants_count; v++) {
            const struct qnk_compare_curve *it = &compare->variants[v].curves[i];

            plot.lines[plot.lines_count++] =
                (struct qnk_plot_line){spec->variants[v].name, it->points, it->count, false};
        }
        qnk_page_plot(page, &plot);
    }
}

/* One below another, with one axis: what happened to each is its own. */
static void lags_put(const struct qnk_page *page, const struct qnk_compare *compare)
{
    const struct qnk_spec_compare *spec = &compare->spec->compare;
    double most = 0;

    for (uint32_t v = 0; v < spec->variants_count; v++) {
        for (uint64_t i = 0; i < compare->variants[v].lag_count; i++) {
            most = compare->variants[v].lag[i].y > most ? compare->variants[v].lag[i].y : most;
        }
    }
    for (uint32_t v = 0; v < spec->variants_count; v++) {
        struct qnk_plot plot = compare->variants[v].bands;

        plot.title = spec->variants[v].name;
        plot.x_name = "seconds since the start";
        plot.y_name = "blocks";
        plot.y_max = most;
        plot.lines[plot.lines_count++] =
            (struct qnk_plot_line){"finality lag, the greatest of all validators that are on",
                                   compare->variants[v].lag, compare->variants[v].lag_count, true};
        qnk_page_plot(page, &plot);
    }
}

/* --- files for programs --- */

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
    char title[100];
    bool is_done;

    snprintf(title, sizeof title, "%.40s, comparison %s", compare->spec->name, to->id);
    qnk_page_begin(&page, title);
    verdict_put(&page, compare);
    measures_put(&page, compare);
    offered_put(&page, compare);
    qnk_page_heading(&page, "How long it took, first repeat");
    curves_put(&page, compare);
    qnk_page_heading(&page, "Finality over time, first repeat");
    lags_put(&page, compare);
    swaps_put(&page, compare);
    asserts_put(&page, compare);
    qnk_report_environment(&page, to, compare->spec, compare->plugins, compare->plugins_count);
    qnk_page_text(&page, false, "Seeds %llu to %llu, each with every variant.",
                  (unsigned long long)compare->seed,
                  (unsigned long long)(compare->seed + compare->repeats - 1));
    qnk_report_limits(&page, compare->spec);
    qnk_page_end(&page);
    if (json != NULL) {
        json_put(json, to, compare);
    }
    if (csv != NULL) {
        csv_put(csv, compare);
    }
    is_done = qnk_artifact_close(to, "compare.json", json);
    is_done = qnk_artifact_close(to, "compare.csv", csv) && is_done;
    is_done = qnk_artifact_close(to, "compare.md", page.md) && is_done;
    return qnk_artifact_close(to, "compare.html", page.html) && is_done;
}
