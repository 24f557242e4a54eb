/* SPDX-License-Identifier: MIT */

#include "kernel/net/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/net/stats.h"
#include "kernel/plugin/plugin.h"

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

const char *const qnk_report_curves[QNK_REPORT_CURVES] = {
    "From submit to a block", "From submit to final", "From a window's last block to final"};

/* How long each took, unordered; `list` has room for all. */
static uint64_t times_list(const struct qnk_story *story, enum qnk_report_curve which,
                           uint64_t from_us, double *list)
{
    uint64_t count = 0;

    for (uint32_t i = 0; which != QNK_REPORT_WINDOW && i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];
        uint64_t end_us = which == QNK_REPORT_FINAL ? tx->final_us : tx->micro_us;

        if (end_us > tx->submit_us && tx->submit_us >= from_us) {
            list[count++] = s_of(end_us - tx->submit_us);
        }
    }
    for (uint64_t i = 1; which == QNK_REPORT_WINDOW && i <= story->windows; i++) {
        uint64_t last = i * story->window_blocks;
        uint64_t full_us = last < QNK_STORY_HEIGHTS_MAX ? story->micro_us[last] : 0;

        if (full_us != 0 && full_us >= from_us && story->final_us[i] > full_us) {
            list[count++] = s_of(story->final_us[i] - full_us);
        }
    }
    return count;
}

uint64_t qnk_report_curve(const struct qnk_story *story, enum qnk_report_curve which,
                          uint64_t from_ms, struct qnk_plot_point **points)
{
    uint64_t most = which == QNK_REPORT_WINDOW ? story->windows : story->txs_count;
    uint64_t room = (most + 1) * sizeof(double), count, shown;
    double *list = qnk_memory_take(story->budget, room);

    *points = points_take(story, QNK_REPORT_CURVE);
    if (list == NULL || *points == NULL) {
        qnk_memory_give(story->budget, list, room);
        return 0;
    }
    count = times_list(story, which, from_ms * 1000, list);
    (void)qnk_stats_quantile(list, count, 0);
    shown = count < QNK_REPORT_CURVE ? count : QNK_REPORT_CURVE;
    for (uint64_t i = 0; i < shown; i++) {
        double share = shown < 2 ? 1 : (double)i / (double)(shown - 1);

        (*points)[i] =
            (struct qnk_plot_point){list[(uint64_t)(share * (double)(count - 1))], share};
    }
    qnk_memory_give(story->budget, list, room);
    return shown;
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

const char *const qnk_report_swap_heads[QNK_REPORT_SWAP_HEADS] = {
    "swap",
    "window",
    "longest without finality",
    "longest without a block",
    "in intervals",
    "rounds lost",
    "delayed",
    "lost",
    "doubled",
    "in use after",
};

static void verdict_put(const struct qnk_page *page, const struct qnk_story *story,
                        const struct qnk_verdicts *verdicts)
{
    static const char *const heads[] = {"assertion", "what", "", "how it was"};

    qnk_page_text(page, true,
                  "%s: %u of %u assertions hold. %llu blocks and %llu windows are final, with %u "
                  "transfers offered; %.1f s of the network took %.1f s. Seed %llu, provider %s.",
                  verdicts->failed == 0 ? "Good" : "FAILED", verdicts->count - verdicts->failed,
                  verdicts->count, (unsigned long long)story->chain_heights,
                  (unsigned long long)story->chain_windows, story->txs_count,
                  (double)story->end_ms / 1000, (double)story->real_ms / 1000,
                  (unsigned long long)story->seed, qnk_provider_names[story->spec->provider]);
    if (story->event_hash[0] != 0) {
        qnk_page_text(page, false, "Event hash %s.", story->event_hash);
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
        const struct qnk_figure_row *row = &qnk_measures[i];
        char text[QNK_FIGURE_TEXT];
        double value;

        if (qnk_figure_can(row, story->spec->provider) &&
            qnk_story_measure(story, (enum qnk_measure)i, 0, &value)) {
            qnk_figure_text(row, value, text);
            qnk_page_row(page);
            qnk_page_cell(page, false, "%s", row->name);
            qnk_page_value(page, value, text, "", false);
            qnk_page_cell(page, false, "%s", row->doc);
            qnk_page_row_end(page);
        }
    }
    qnk_page_table_end(page);
}

static void latency_put(const struct qnk_page *page, const struct qnk_story *story)
{
    struct qnk_plot_point *points[QNK_REPORT_CURVES];
    struct qnk_plot plot = {
        .title = "How long transfers and windows took",
        .x_name = "seconds",
        .y_name = "share",
        .lines_count = QNK_REPORT_CURVES,
    };
    uint64_t sum = 0;

    for (uint32_t i = 0; i < QNK_REPORT_CURVES; i++) {
        uint64_t count = qnk_report_curve(story, (enum qnk_report_curve)i, 0, &points[i]);

        plot.lines[i] = (struct qnk_plot_line){qnk_report_curves[i], points[i], count, false};
        sum += count;
    }
    if (sum > 0) {
        qnk_page_plot(page, &plot);
    }
    for (uint32_t i = 0; i < QNK_REPORT_CURVES; i++) {
        qnk_report_points_give(story, points[i], QNK_REPORT_CURVE);
    }
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

static void swap_row(const struct qnk_page *page, const struct qnk_story *story,
                     const struct qnk_act *act)
{
    qnk_page_row(page);
    qnk_page_cell(page, false, "%s: %s=%s", act->event->id, act->event->kind, act->event->plugin);
    qnk_page_cell(page, false, "%llu", (unsigned long long)act->window);
    for (uint32_t figure = 0; figure < QNK_SWAP_DONE; figure++) {
        char text[QNK_FIGURE_TEXT];
        double value = 0;

        (void)qnk_story_swap(story, act, (enum qnk_swap_figure)figure, &value);
        qnk_figure_text(&qnk_swap_figures[figure], value, text);
        qnk_page_value(page, value, text, "", false);
    }
    if (act->done_ms == 0) {
        qnk_page_cell(page, true, "never");
    } else {
        qnk_page_cell(page, false, "%.1f s", (double)(act->done_ms - act->at_ms) / 1000);
    }
    qnk_page_row_end(page);
}

static void swaps_put(const struct qnk_page *page, const struct qnk_story *story)
{
    bool has_head = false;

    for (uint32_t i = 0; i < story->course.count; i++) {
        const struct qnk_act *act = &story->course.acts[i];

        if (act->event->action != QNK_ACTION_SWAP || !act->has_begun) {
            continue;
        }
        if (!has_head) {
            qnk_page_heading(page, "Swaps");
            qnk_page_table(page, qnk_report_swap_heads, QNK_REPORT_SWAP_HEADS);
            has_head = true;
        }
        swap_row(page, story, act);
    }
    if (has_head) {
        qnk_page_table_end(page);
    }
}

static void told_put(const struct qnk_page *page, const struct qnk_story *story)
{
    static const char *const heads[] = {"at", "", "what happened"};

    if (story->tellings_count == 0) {
        return;
    }
    qnk_page_heading(page, "What happened");
    qnk_page_table(page, heads, 3);
    for (uint32_t i = 0; i < story->tellings_count; i++) {
        const struct qnk_story_told *it = &story->tellings[i];

        qnk_page_row(page);
        qnk_page_cell(page, false, "%.1f s", s_of(it->at_us));
        qnk_page_cell(page, false, "%s", it->what);
        qnk_page_cell(page, false, "%s", it->text);
        qnk_page_row_end(page);
    }
    qnk_page_table_end(page);
}

/* The plugins that took part, by what they hash to. */
static void plugins_put(const struct qnk_page *page, const struct qnk_spec *spec,
                        const struct qnk_story_plugin *plugins, uint32_t count)
{
    static const char *const heads[] = {"plugin", "version", "SHA-256 of its code"};

    qnk_page_table(page, heads, 3);
    for (uint32_t i = 0; i < count; i++) {
        char hex[QNK_HEX_SIZE(QN_HASH_SIZE)] = "", why[QNK_PLUGIN_WHY_MAX];
        struct qnk_plugin *plugin = NULL;

        if (spec->loader == NULL || qnk_loader_find(spec->loader, plugins[i].kind, plugins[i].name,
                                                    "", &plugin, why) != QN_OK) {
            continue; /* it is not here any more */
        }
        qnk_hex_encode(plugin->hash.bytes, QN_HASH_SIZE, hex);
        qnk_page_row(page);
        qnk_page_cell(page, false, "%s/%s", plugins[i].kind, plugins[i].name);
        qnk_page_cell(page, false, "%u.%u.%u", plugin->manifest.version[0],
                      plugin->manifest.version[1], plugin->manifest.version[2]);
        qnk_page_cell(page, false, "%s", hex);
        qnk_page_row_end(page);
    }
    qnk_page_table_end(page);
}

void qnk_report_environment(const struct qnk_page *page, const struct qnk_artifacts *to,
                            const struct qnk_spec *spec, const struct qnk_story_plugin *plugins,
                            uint32_t count)
{
    char cpu[QNK_ARTIFACT_CPU], hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct utsname system = {.sysname = ""};
    struct qnk_hash hash;

    (void)uname(&system);
    qnk_artifacts_cpu(cpu);
    qnk_artifacts_spec_hash(spec, &hash);
    qnk_hex_encode(hash.bytes, QN_HASH_SIZE, hex);
    qnk_page_heading(page, "Environment");
    qnk_page_text(page, false,
                  "qnet %s, compiler %s; %s %s, %ld processors: %s. %u nodes, %u of them "
                  "validators. SHA-256 of the spec: %s.",
                  to->version, to->compiler, system.sysname, system.release,
                  sysconf(_SC_NPROCESSORS_ONLN), cpu, spec->nodes_count, spec->validators, hex);
    plugins_put(page, spec, plugins, count);
    qnk_page_text(page, false, "Again: %s", to->command);
}

void qnk_report_limits(const struct qnk_page *page, const struct qnk_spec *spec)
{
    qnk_page_heading(page, "Limits");
    if (spec->provider == QNK_PROVIDER_VIRTUAL) {
        qnk_page_text(page, false,
                      "A virtual run measures the protocol, not the speed of code: work "
                      "takes the time that the simulator's model gives it, whatever it takes "
                      "here. Transport and storage plugins do not take part.%s",
                      spec->is_real
                          ? ""
                          : " Signatures are verified, blocks executed once for all nodes (L1).");
    } else {
        qnk_page_text(page, false,
                      "%u processes share %ld processors and one disk: what is measured is bound "
                      "by them, and links are those of one machine, not of a wide network.",
                      spec->nodes_count, sysconf(_SC_NPROCESSORS_ONLN));
    }
    qnk_page_text(
        page, false,
        "Throughput is counted in final blocks. Times of blocks, windows and transfers are "
        "those at which the first node had them.");
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
    char title[100];
    bool is_done;

    snprintf(title, sizeof title, "%.40s, run %s", story->spec->name, to->id);
    qnk_page_begin(&page, title);
    verdict_put(&page, story, verdicts);
    qnk_page_heading(&page, "Over time");
    lag_put(&page, story);
    latency_put(&page, story);
    swaps_put(&page, story);
    figures_put(&page, story);
    told_put(&page, story);
    qnk_report_environment(&page, to, story->spec, story->plugins, story->plugins_count);
    qnk_report_limits(&page, story->spec);
    qnk_page_end(&page);
    if (json != NULL) {
        json_put(json, story, verdicts, to);
    }
    is_done = qnk_artifact_close(to, "report.json", json);
    is_done = qnk_artifact_close(to, "report.md", page.md) && is_done;
    return qnk_artifact_close(to, "report.html", page.html) && is_done;
}
