/* SPDX-License-Identifier: MIT */
#pragma once

/* plot.h: a chart as inline SVG: lines, steps and bands over two axes, readable on a light and on a
 * dark page, with no script and nothing from elsewhere.
 *
 * Unless a function's own comment says otherwise:
 *   units    whatever both axes say
 *   owns     points are borrowed
 *   threads  one
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { QNK_PLOT_LINES_MAX = 8, QNK_PLOT_BANDS_MAX = 64 };

struct qnk_plot_point {
    double x, y;
};

struct qnk_plot_line {
    const char *name;
    const struct qnk_plot_point *points;
    uint64_t count;
    bool is_step; /* a value holds until the next */
};

struct qnk_plot_band {
    const char *name;
    double from, until;
    bool is_swap; /* else a fault */
};

struct qnk_plot {
    const char *title, *x_name, *y_name;
    double y_max; /* the axis goes at least so far */
    struct qnk_plot_line lines[QNK_PLOT_LINES_MAX];
    uint32_t lines_count;
    struct qnk_plot_band bands[QNK_PLOT_BANDS_MAX];
    uint32_t bands_count;
};

void qnk_plot_put(FILE *out, const struct qnk_plot *plot);
