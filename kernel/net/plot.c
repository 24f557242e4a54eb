/* SPDX-License-Identifier: MIT */

#include "kernel/net/plot.h"

#include <string.h>

#include "kernel/net/escape.h"

enum {
    WIDTH = 860,
    HEIGHT = 300,
    LEFT = 60,
    RIGHT = 20,
    TOP = 46,
    NAMES = 26,     /* above the frame: two rows of names of bands */
    NAMES_MAX = 12, /* of more bands no name has room */
    BOTTOM = 44,
    TICKS = 6,
    PIXELS = WIDTH - LEFT - RIGHT,
};

static const char *const colors[QNK_PLOT_LINES_MAX] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                       "#e69f00", "#56b4e9", "#b2182b", "#888888"};

/* What both axes go over. */
struct frame {
    double x_min, x_max, y_max;
    int top;
};

static struct frame frame_of(const struct qnk_plot *plot)
{
    struct frame frame = {.x_min = 1e300, .x_max = -1e300};

    for (uint32_t i = 0; i < plot->lines_count; i++) {
        for (uint64_t j = 0; j < plot->lines[i].count; j++) {
            struct qnk_plot_point at = plot->lines[i].points[j];

            frame.x_min = at.x < frame.x_min ? at.x : frame.x_min;
            frame.x_max = at.x > frame.x_max ? at.x : frame.x_max;
            frame.y_max = at.y > frame.y_max ? at.y : frame.y_max;
        }
    }
    if (frame.x_max <= frame.x_min) {
        frame.x_min = 0;
        frame.x_max = 1;
    }
    frame.y_max = plot->y_max > frame.y_max ? plot->y_max : frame.y_max;
    frame.y_max = frame.y_max > 0 ? frame.y_max * 1.05 : 1;
    frame.top = TOP + (plot->bands_count > 0 ? NAMES : 0);
    return frame;
}

static double x_of(const struct frame *frame, double x)
{
    double part = (x - frame->x_min) / (frame->x_max - frame->x_min);

    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return LEFT + part * PIXELS;
}

static double y_of(const struct frame *frame, double y)
{
    return HEIGHT - BOTTOM - y / frame->y_max * (HEIGHT - frame->top - BOTTOM);
}

/* The step of about TICKS ticks: 1, 2 or 5 times a power of ten. */
static double tick_of(double range)
{
    static const double steps[] = {1, 2, 5, 10};
    double power = 1e-9;

    while (power * 10 * TICKS <= range) {
        power *= 10;
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (power * steps[i] * TICKS >= range) {
            return power * steps[i];
        }
    }
    return power * 10;
}

static void axes_put(FILE *out, const struct qnk_plot *plot, const struct frame *frame)
{
    double step = tick_of(frame->y_max);

    for (uint32_t i = 0; i * step <= frame->y_max; i++) {
        double y = y_of(frame, i * step);

        fprintf(out,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#8884\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, i * step);
    }
    step = tick_of(frame->x_max - frame->x_min);
    for (double x = (double)(int64_t)(frame->x_min / step) * step; x <= frame->x_max; x += step) {
        if (x >= frame->x_min) {
            fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                    x_of(frame, x), HEIGHT - BOTTOM + 16, x);
        }
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - 8);
    qnk_xml_put(out, plot->x_name);
    fprintf(out,
            "</text>\n<text transform=\"translate(14 %d) rotate(-90)\" "
            "text-anchor=\"middle\">",
            (frame->top + HEIGHT - BOTTOM) / 2);
    qnk_xml_put(out, plot->y_name);
    fprintf(out, "</text>\n");
}

static void bands_put(FILE *out, const struct qnk_plot *plot, const struct frame *frame)
{
    for (uint32_t i = 0; i < plot->bands_count; i++) {
        const struct qnk_plot_band *band = &plot->bands[i];
        double from = x_of(frame, band->from), until = x_of(frame, band->until);

        fprintf(out,
                "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\" "
                "fill-opacity=\"0.18\"><title>",
                from, frame->top, until - from < 1.5 ? 1.5 : until - from,
                HEIGHT - frame->top - BOTTOM, band->is_swap ? "#009e73" : "#d55e00");
        qnk_xml_put(out, band->name);
        fprintf(out, "</title></rect>\n");
        if (plot->bands_count <= NAMES_MAX) {
            fprintf(out, "<text x=\"%.1f\" y=\"%d\" font-size=\"11\">", from,
                    frame->top - 4 - (int)(i % 2) * 12);
            qnk_xml_put(out, band->name);
            fprintf(out, "</text>\n");
        }
    }
}

/* At most two points a pixel: the least and the greatest of each. */
static void line_put(FILE *out, const struct qnk_plot_line *line, const struct frame *frame,
                     const char *color)
{
    double last_y = 0;

    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" points=\"", color);
    for (uint64_t i = 0; i < line->count;) {
        double x = x_of(frame, line->points[i].x), low = line->points[i].y, high = low;
        double first = low, last = low;
        uint64_t j = i;

        for (; j < line->count && x_of(frame, line->points[j].x) < x + 1; j++) {
            last = line->points[j].y;
            low = last < low ? last : low;
            high = last > high ? last : high;
        }
        if (line->is_step && i > 0) {
            fprintf(out, "%.1f,%.1f ", x, last_y);
        }
        fprintf(out, "%.1f,%.1f ", x, y_of(frame, first));
        if (j > i + 1) {
            fprintf(out, "%.1f,%.1f %.1f,%.1f %.1f,%.1f ", x, y_of(frame, low), x,
                    y_of(frame, high), x, y_of(frame, last));
        }
        last_y = y_of(frame, last);
        i = j;
    }
    fprintf(out, "\"/>\n");
}

static void legend_put(FILE *out, const struct qnk_plot *plot)
{
    double x = LEFT;

    for (uint32_t i = 0; i < plot->lines_count; i++) {
        fprintf(out,
                "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"32\" y2=\"32\" stroke=\"%s\" "
                "stroke-width=\"3\"/><text x=\"%.0f\" y=\"36\">",
                x, x + 18, colors[i], x + 23);
        qnk_xml_put(out, plot->lines[i].name);
        fprintf(out, "</text>\n");
        x += 36 + 7.0 * (double)strlen(plot->lines[i].name);
    }
}

void qnk_plot_put(FILE *out, const struct qnk_plot *plot)
{
    struct frame frame = frame_of(plot);

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "role=\"img\" font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\">\n"
            "<text x=\"%d\" y=\"17\" font-size=\"14\" font-weight=\"bold\">",
            WIDTH, HEIGHT, WIDTH, LEFT);
    qnk_xml_put(out, plot->title);
    fprintf(out, "</text>\n");
    bands_put(out, plot, &frame);
    axes_put(out, plot, &frame);
    for (uint32_t i = 0; i < plot->lines_count; i++) {
        line_put(out, &plot->lines[i], &frame, colors[i]);
    }
    legend_put(out, plot);
    fprintf(out, "</svg>\n");
}
