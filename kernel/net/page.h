/* SPDX-License-Identifier: MIT */
#pragma once

/* page.h: one report written twice: as Markdown with inline SVG, and as one HTML file that needs
 * nothing else. What is put goes to both.
 *
 * The page is HTML that is XML too, so that programs can read it: a value stands as <data> with its
 * exact number, whatever is shown of it.
 *
 * Unless a function's own comment says otherwise:
 *   owns     both files are the caller's; either may be NULL
 *   threads  one
 */

#include "kernel/net/plot.h"

struct qnk_page {
    FILE *md, *html;
};

void qnk_page_begin(const struct qnk_page *page, const char *title);
void qnk_page_end(const struct qnk_page *page);
void qnk_page_heading(const struct qnk_page *page, const char *text);

/* A paragraph; the one with the verdict stands out. */
__attribute__((format(printf, 3, 4))) void qnk_page_text(const struct qnk_page *page,
                                                         bool is_verdict, const char *format, ...);

/* A table: a head, then rows; cells one after another, `is_bold` of one cell. A value is a cell
 * with the number that its text says; `more` stands below it, smaller ("": nothing does), and it is
 * what is bold then. */
void qnk_page_table(const struct qnk_page *page, const char *const *heads, uint32_t count);
void qnk_page_row(const struct qnk_page *page);
__attribute__((format(printf, 3, 4))) void qnk_page_cell(const struct qnk_page *page, bool is_bold,
                                                         const char *format, ...);
void qnk_page_value(const struct qnk_page *page, double value, const char *text, const char *more,
                    bool is_bold);
void qnk_page_row_end(const struct qnk_page *page);
void qnk_page_table_end(const struct qnk_page *page);
void qnk_page_plot(const struct qnk_page *page, const struct qnk_plot *plot);
