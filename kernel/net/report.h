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
                            const struct qnk_spec *spec);

/* The distribution of submit to micro, or to final, as points (seconds, share of transfers). Its
 * room is taken from the story's budget; the count. */
uint64_t qnk_report_latencies(const struct qnk_story *story, bool is_final, uint64_t from_ms,
                              struct qnk_plot_point **points);

/* The greatest lag of the validators over time, the same. */
uint64_t qnk_report_lag(const struct qnk_story *story, struct qnk_plot_point **points);

/* Gives the points of either back. */
void qnk_report_points_give(const struct qnk_story *story, struct qnk_plot_point *points,
                            uint64_t count);

/* What was done, as bands. */
void qnk_report_bands(const struct qnk_story *story, struct qnk_plot *plot);
