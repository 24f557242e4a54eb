/* SPDX-License-Identifier: MIT */
#pragma once

/* figures.h: the names of numbers: of a node at a time (metrics), of a swap, and of a whole run
 * (measures); what a spec may ask for, and in which unit it is shown.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any: tables
 *
 * Source: operations.md 11, 14.
 */

#include <stdbool.h>
#include <stdint.h>

/* Of a node, sampled. Their names are those of the node's metrics, without qnet_. */
enum qnk_gauge {
    QNK_GAUGE_READY,
    QNK_GAUGE_HEAD,
    QNK_GAUGE_FINAL_WINDOW,
    QNK_GAUGE_FINAL_HEIGHT,
    QNK_GAUGE_LAG_BLOCKS,
    QNK_GAUGE_ROUND,
    QNK_GAUGE_MEMPOOL,
    QNK_GAUGE_PEERS,
    QNK_GAUGE_BEHIND,
    QNK_GAUGE_HELD,
    QNK_GAUGES
};

/* Of a swap. */
enum qnk_swap_figure {
    QNK_SWAP_FINALITY_GAP, /* longest time between two windows that became final, around it */
    QNK_SWAP_MICRO_GAP,    /* the same of blocks */
    QNK_SWAP_PAUSE,        /* that in intervals */
    QNK_SWAP_ROUNDS,       /* of a window beyond its first, at most */
    QNK_SWAP_DELAYED,      /* offered while it went on, and final later than two windows take */
    QNK_SWAP_LOST,         /* accepted while it went on, and never final */
    QNK_SWAP_DOUBLED,
    QNK_SWAP_DONE, /* 1: every node that is on runs the new one */
    QNK_SWAP_FIGURES
};

/* Of a run. */
enum qnk_measure {
    QNK_MEASURE_FINAL_TPS,
    QNK_MEASURE_INTERVAL_P50,
    QNK_MEASURE_INTERVAL_P99,
    QNK_MEASURE_FINALITY_P50, /* submit to final */
    QNK_MEASURE_FINALITY_P99,
    QNK_MEASURE_WINDOW_P50, /* a window's last block to final */
    QNK_MEASURE_WINDOW_P99,
    QNK_MEASURE_FINALITY_GAP_MAX,
    QNK_MEASURE_MICRO_GAP_MAX,
    QNK_MEASURE_VOTES_PER_MACRO,
    QNK_MEASURE_VOTE_BYTES_PER_MACRO,
    QNK_MEASURE_MESSAGES_PER_MACRO,
    QNK_MEASURE_BYTES_PER_MACRO,
    QNK_MEASURE_CPU_PER_TX,
    QNK_MEASURE_CPU_PER_MACRO,
    QNK_MEASURE_RSS_MAX,
    QNK_MEASURE_DISK_MAX,
    QNK_MEASURE_EVIDENCE,
    QNK_MEASURES
};

struct qnk_figure_row {
    const char *name;
    const char *unit; /* "s", "tx/s", "bytes", "ms", "" */
    const char *doc;
    uint32_t providers; /* that can say it: bits of enum qnk_provider; 0: all */
};

extern const struct qnk_figure_row qnk_gauges[QNK_GAUGES];
extern const struct qnk_figure_row qnk_swap_figures[QNK_SWAP_FIGURES];
extern const struct qnk_figure_row qnk_measures[QNK_MEASURES];

/* The unit in which numbers up to `greatest` of a figure are read best, and what they are
 * multiplied by to be in it. */
struct qnk_figure_scale {
    double factor;
    const char *unit;
};
struct qnk_figure_scale qnk_figure_scale(const struct qnk_figure_row *row, double greatest);

/* A number in that unit, as "41.2 KiB". */
enum { QNK_FIGURE_TEXT = 48 };
void qnk_figure_text(const struct qnk_figure_row *row, double value, char text[QNK_FIGURE_TEXT]);

/* The place of a name in a table of `count`, or UINT32_MAX. */
uint32_t qnk_figure_find(const struct qnk_figure_row *rows, uint32_t count, const char *name);

/* Whether a provider can say it. */
bool qnk_figure_can(const struct qnk_figure_row *row, uint32_t provider);
