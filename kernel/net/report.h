/* SPDX-License-Identifier: MIT */
#pragma once

/* report.h: what became of a run, for people: verdict, figures, distributions, lag over time with
 * what was done to the network, swaps, assertions, environment and limits.
 *
 * report.md has its plots as inline SVG; report.html is the same in one file for a browser;
 * report.json has the figures.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   false after words on stderr
 *
 * Source: operations.md 13, 14.
 */

#include "kernel/net/artifacts.h"
#include "kernel/net/page.h"

bool qnk_report_write(const struct qnk_artifacts *to, const struct qnk_story *story,
                      const struct qnk_verdicts *verdicts);

/* What both kinds of report say of where they were made, and what they do not show. */
void qnk_report_limits(const struct qnk_page *page, const struct qnk_spec *spec);
void qnk_report_environment(const struct qnk_page *page, const struct qnk_artifacts *to,
                            const struct qnk_spec *spec, const struct qnk_story_plugin *plugins,
                            uint32_t count);

/* The head of a table of swaps: name and window, the figures but for DONE, and when it was in
 * use. */
enum { QNK_REPORT_SWAP_HEADS = QNK_SWAP_DONE + 3 };
extern const char *const qnk_report_swap_heads[QNK_REPORT_SWAP_HEADS];

/* What is shown as a distribution. */
enum qnk_report_curve {
    QNK_REPORT_MICRO,  /* of transfers: submit to a block */
    QNK_REPORT_FINAL,  /* submit to final */
    QNK_REPORT_WINDOW, /* of windows: the last block to final: what an engine adds */
    QNK_REPORT_CURVES
};

enum { QNK_REPORT_CURVE = 400 }; /* points of one */

extern const char *const qnk_report_curves[QNK_REPORT_CURVES]; /* in words */

/* A distribution as at most CURVE points (seconds, share), of what began from `from_ms` on. Room
 * for CURVE is taken from the story's budget; the count. */
uint64_t qnk_report_curve(const struct qnk_story *story, enum qnk_report_curve which,
                          uint64_t from_ms, struct qnk_plot_point **points);

/* The greatest lag of the validators over time, the same. */
uint64_t qnk_report_lag(const struct qnk_story *story, struct qnk_plot_point **points);

/* Gives the points of either back. */
void qnk_report_points_give(const struct qnk_story *story, struct qnk_plot_point *points,
                            uint64_t count);

/* What was done, as bands. */
void qnk_report_bands(const struct qnk_story *story, struct qnk_plot *plot);
