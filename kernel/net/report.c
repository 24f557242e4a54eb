/* SPDX-License-Identifier: MIT */

#include "kernel/net/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/net/stats.h"

enum { CURVE_POINTS = 400 };

static double s_of(uint64_t us)
{
    return (double)us / 1e6;
}

static struct qnk_plot_point *points_take(const struct qnk_story *story, uint64_t count)
{
    return qnk_memory_take(story->budget, (count + 1) * sizeof(struct qnk_plot_point));
}

void qnk_report_points_give(const struct qnk_story *story, struct qnk_plot_point *points,
                            uint64_t count)
{
    qnk_memory_give(story->budget, points, (count + 1) * sizeof *points);
}

uint64_t qnk_report_latencies(const struct qnk_story *story, bool is_final, uint64_t from_ms,
                              struct qnk_plot_point **points)
{
    uint64_t room = (story->txs_count + (uint64_t)1) * sizeof(double), count = 0;
    double *list = qnk_memory_take(story->budget, room);

    *points = points_take(story, CURVE_POINTS);
    if (list == NULL || *points == NULL) {
        qnk_memory_give(story->budget, list, room);
        return 0;
    }
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];
        uint64_t end_us = is_final ? tx->final_us : tx->micro_us;

        if (end_us > tx->submit_us && tx->submit_us >= from_ms * 1000) {
            list[count++] = s_of(end_us - tx->submit_us);
        }
    }
    (void)qnk_stats_quantile(list, count, 0);
    for (uint64_t i = 0; i < CURVE_POINTS && count > 0; i++) {
        uint64_t place = i * (count - 1) / (CURVE_POINTS - 1);

        (*points)[i] = (struct qnk_plot_point){list[place], (double)i / (CURVE_POINTS - 1)};
    }
    qnk_memory_give(story->budget, list, room);
    return count == 0 ? 0 : CURVE_POINTS;
}

uint64_t qnk_report_lag(const struct qnk_story *story, struct qnk_plot_point **points)
{
    uint64_t count = story->nodes[0].samples_count;

    *points = points_take(story, count);
    for (uint64_t i = 0; *points != NULL && i < count; i++) {
        double worst = 0;

        for (uint32_t node = 0; node < story->spec->validators; node++) {
            const struct qnk_story_node *it = &story->nodes[node];

            if (i < it->samples_count && it->samples[i].is_on) {
                double lag = qnk_sample_value(&it->samples[i], QNK_GAUGE_LAG_BLOCKS);

                worst = lag > worst ? lag : worst;
            }
        }
        (*points)[i] =
            (struct qnk_plot_point){(double)story->nodes[0].samples[i].at_ms / 1000, worst};
    }
    return *points == NULL ? 0 : count;
}

void qnk_report_bands(const struct qnk_story *story, struct qnk_plot *plot)
{
    for (uint32_t i = 0; i < story->course.count && plot->bands_count < QNK_PLOT_BANDS_MAX; i++) {
        const struct qnk_act *act = &story->course.acts[i];
        uint64_t until = act->done_ms != 0             ? act->done_ms
                         : act->until_ms == UINT64_MAX ? story->end_ms
                                                       : act->until_ms;

        if (act->has_begun) {
            plot->bands[plot->bands_count++] = (struct qnk_plot_band){
                .name =
                    *act->event->id != 0 ? act->event->id : qnk_actions[act->event->action].name,
                .from = (double)act->at_ms / 1000,
                .until = (double)until / 1000,
                .is_swap = act->event->action == QNK_ACTION_SWAP,
            };
        }
    }
}

/* --- parts --- */

static void verdict_put(const struct qnk_page *page, const struct qnk_story *story,
                        const struct qnk_verdicts *verdicts)
{
    static const char *const heads[] = {"assertion", "what", "", "how it was"};

    qnk_page_text(page,
                  "%s: %u of %u assertions hold. %llu blocks and %llu windows are final, with %u "
                  "transfers offered; %.1f s of the network took %.1f s. Seed %llu, provider %s.",
                  verdicts->failed == 0 ? "Good" : "FAILED", verdicts->count - verdicts->failed,
                  verdicts->count, (unsigned long long)story->chain_heights,
                  (unsigned long long)story->chain_windows, story->txs_count,
                  (double)story->end_ms / 1000, (double)story->real_ms / 1000,
                  (unsigned long long)story->seed, qnk_provider_names[story->spec->provider]);
    if (story->event_hash[0] != 0) {
        qnk_page_text(page, "Event hash %s.", story->event_hash);
    }
    qnk_page_table(page, heads, 4);
    for (uint32_t i = 0; i < verdicts->count; i++) {
        const struct qnk_result *it = &verdicts->results[i];

        qnk_page_row(page);
        qnk_page_cell(page, false, "%s", it->id);
        qnk_page_cell(page, false, "%s", it->text);
        qnk_page_cell(page, !it->is_good, "%s", it->is_good ? "pass" : "FAIL");
        qnk_page_cell(page, false, "%s", it->words);
        qnk_page_row_end(page);
    }
    qnk_page_table_end(page);
}

static void figures_put(const struct qnk_page *page, const struct qnk_story *story)
{
    static const char *const heads[] = {"measure", "value", "what"};

    qnk_page_heading(page, "Figures");
    qnk_page_table(page, heads, 3);
    for (uint32_t i = 0; i < QNK_MEASURES; i++) {
        double value;

        if (qnk_figure_can(&qnk_measures[i], story->spec->provider) &&
            qnk_story_measure(story, (enum qnk_measure)i, 0, &value)) {
            qnk_page_row(page);
            qnk_page_cell(page, false, "%s", qnk_measures[i].name);
            qnk_page_cell(page, false, "%.5g %s", value, qnk_measures[i].unit);
            qnk_page_cell(page, false, "%s", qnk_measures[i].doc);
            qnk_page_row_end(page);
        }
    }
    qnk_page_table_end(page);
}

static void latency_put(const struct qnk_page *page, const struct qnk_story *story)
{
    struct qnk_plot_point *micro, *final;
    uint64_t micros = qnk_report_latencies(story, false, 0, &micro);
    uint64_t finals = qnk_report_latencies(story, true, 0, &final);
    struct qnk_plot plot = {
        .title = "How long transfers took",
        .x_name = "seconds since submit",
        .y_name = "share of transfers",
        .lines = {{"in a block", micro, micros, false}, {"final", final, finals, false}},
        .lines_count = 2,
    };

    if (micros + finals > 0) {
        qnk_page_plot(page, &plot);
    }
    qnk_report_points_give(story, micro, CURVE_POINTS);
    qnk_report_points_give(story, final, CURVE_POINTS);
}

static void lag_put(const struct qnk_page *page, const struct qnk_story *story)
{
    struct qnk_plot_point *lag;
    struct qnk_plot plot = {
        .title = "Finality lag, the greatest of all validators that are on",
        .x_name = "seconds since the start",
        .y_name = "blocks",
        .lines_count = 1,
    };

    plot.lines[0] = (struct qnk_plot_line){"lag", NULL, qnk_report_lag(story, &lag), true};
    plot.lines[0].points = lag;
    qnk_report_bands(story, &plot);
    qnk_page_plot(page, &plot);
    qnk_report_points_give(story, lag, story->nodes[0].samples_count);
}

static void swaps_put(const struct qnk_page *page, const struct qnk_story *story)
{
    static const char *const heads[] = {"swap",    "window",       "longest without finality",
                                        "a block", "in intervals", "lost",
                                        "doubled", "in use after"};
    bool has_head = false;

    for (uint32_t i = 0; i < story->course.count; i++) {
        const struct qnk_act *act = &story->course.acts[i];

        if (act->event->action != QNK_ACTION_SWAP || !act->has_begun) {
            continue;
        }
        if (!has_head) {
            qnk_page_heading(page, "Swaps");
            qnk_page_table(page, heads, 8);
            has_head = true;
        }
        qnk_page_row(page);
        qnk_page_cell(page, false, "%s: %s=%s", act->event->id, act->event->kind,
                      act->event->plugin);
        qnk_page_cell(page, false, "%llu", (unsigned long long)act->window);
        for (uint32_t figure = 0; figure < QNK_SWAP_DONE; figure++) {
            double value = 0;

            (void)qnk_story_swap(story, act, (enum qnk_swap_figure)figure, &value);
            qnk_page_cell(page, false, "%.4g %s", value, qnk_swap_figures[figure].unit);
        }
        if (act->done_ms == 0) {
            qnk_page_cell(page, true, "never");
        } else {
            qnk_page_cell(page, false, "%.1f s", (double)(act->done_ms - act->at_ms) / 1000);
        }
        qnk_page_row_end(page);
    }
    if (has_head) {
        qnk_page_table_end(page);
    }
}

static void course_put(const struct qnk_page *page, const struct qnk_story *story)
{
    static const char *const heads[] = {"at", "what was done"};

    if (story->course.count == 0) {
        return;
    }
    qnk_page_heading(page, "What was done");
    qnk_page_table(page, heads, 2);
    for (uint32_t i = 0; i < story->course.count; i++) {
        const struct qnk_act *act = &story->course.acts[i];
        char text[QNK_STORY_WORDS];

        if (act->has_begun) {
            qnk_act_text(story->spec, act, text, sizeof text);
            qnk_page_row(page);
            qnk_page_cell(page, false, "%.1f s", (double)act->at_ms / 1000);
            qnk_page_cell(page, false, "%s", text);
            qnk_page_row_end(page);
        }
    }
    qnk_page_table_end(page);
}

void qnk_report_environment(const struct qnk_page *page, const struct qnk_artifacts *to,
                            const struct qnk_spec *spec)
{
    struct utsname system = {.sysname = ""};

    (void)uname(&system);
    qnk_page_heading(page, "Environment");
    qnk_page_text(page, "qnet %s, %s; %s %s, %ld processors; %u nodes, %u of them validators.",
                  to->version, to->compiler, system.sysname, system.release,
                  sysconf(_SC_NPROCESSORS_ONLN), spec->nodes_count, spec->validators);
    qnk_page_text(page, "Again: %s", to->command);
}

void qnk_report_limits(const struct qnk_page *page, const struct qnk_spec *spec)
{
    qnk_page_heading(page, "Limits");
    if (spec->provider == QNK_PROVIDER_VIRTUAL) {
        qnk_page_text(page,
                      "A virtual run measures the protocol, not the speed of code: work "
                      "takes the time that the simulator's model gives it, whatever it takes "
                      "here. Transport and storage plugins do not take part.%s",
                      spec->is_real ? "" : " A signature is verified once for all nodes (L1).");
    } else {
        qnk_page_text(page,
                      "%u processes share %ld processors and one disk: what is measured is bound "
                      "by them, and links are those of one machine, not of a wide network.",
                      spec->nodes_count, sysconf(_SC_NPROCESSORS_ONLN));
    }
    qnk_page_text(page, "Throughput is counted in final blocks. Times of blocks, windows and "
                        "transfers are those at which the first node had them.");
}

/* --- the files --- */

static void json_put(FILE *out, const struct qnk_story *story, const struct qnk_verdicts *verdicts,
                     const struct qnk_artifacts *to)
{
    fprintf(out,
            "{\n  \"run\": \"%s\",\n  \"name\": \"%s\",\n  \"seed\": %llu,\n"
            "  \"provider\": \"%s\",\n  \"passed\": %u,\n  \"failed\": %u,\n"
            "  \"event_hash\": \"%s\",\n  \"heights\": %llu,\n  \"windows\": %llu,\n"
            "  \"measures\": {",
            to->id, story->spec->name, (unsigned long long)story->seed,
            qnk_provider_names[story->spec->provider], verdicts->count - verdicts->failed,
            verdicts->failed, story->event_hash, (unsigned long long)story->chain_heights,
            (unsigned long long)story->chain_windows);
    for (uint32_t i = 0, put = 0; i < QNK_MEASURES; i++) {
        double value;

        if (qnk_figure_can(&qnk_measures[i], story->spec->provider) &&
            qnk_story_measure(story, (enum qnk_measure)i, 0, &value)) {
            fprintf(out, "%s\n    \"%s\": %.9g", put++ == 0 ? "" : ",", qnk_measures[i].name,
                    value);
        }
    }
    fprintf(out, "\n  }\n}\n");
}

bool qnk_report_write(const struct qnk_artifacts *to, const struct qnk_story *story,
                      const struct qnk_verdicts *verdicts)
{
    const struct qnk_page page = {qnk_artifact_open(to, "report.md"),
                                  qnk_artifact_open(to, "report.html")};
    FILE *json = qnk_artifact_open(to, "report.json");
    bool is_done = page.md != NULL && page.html != NULL && json != NULL;
    char title[100];

    snprintf(title, sizeof title, "%.40s, run %s", story->spec->name, to->id);
    qnk_page_begin(&page, title);
    verdict_put(&page, story, verdicts);
    qnk_page_heading(&page, "Over time");
    lag_put(&page, story);
    latency_put(&page, story);
    swaps_put(&page, story);
    figures_put(&page, story);
    course_put(&page, story);
    qnk_report_environment(&page, to, story->spec);
    qnk_report_limits(&page, story->spec);
    qnk_page_end(&page);
    if (json != NULL) {
        json_put(json, story, verdicts, to);
        is_done = fclose(json) == 0 && is_done;
    }
    is_done = (page.md == NULL || fclose(page.md) == 0) && is_done;
    is_done = (page.html == NULL || fclose(page.html) == 0) && is_done;
    return is_done;
}
