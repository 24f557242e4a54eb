/* SPDX-License-Identifier: MIT */

#include "kernel/net/page.h"

#include <stdarg.h>

enum { TEXT = 2000 };

static void html_put(FILE *out, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '<' || *text == '>' || *text == '&') {
            fprintf(out, "&#%d;", *text);
        } else {
            (void)fputc(*text, out);
        }
    }
}

/* A cell of Markdown must not end at a bar. */
static void md_put(FILE *out, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '|' || *text == '<') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

void qnk_page_begin(const struct qnk_page *page, const char *title)
{
    if (page->md != NULL) {
        fprintf(page->md, "# %s\n\n", title);
    }
    if (page->html != NULL) {
        fprintf(page->html,
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
        html_put(page->html, title);
        fprintf(page->html,
                "</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
                ":root{color-scheme:light dark}\n"
                "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;"
                "padding:0 1em}\n"
                "table{border-collapse:collapse;margin:1em 0;font-size:14px}\n"
                "td,th{border-bottom:1px solid #8886;padding:.25em .8em .25em 0;text-align:left;"
                "vertical-align:top}\n"
                "svg{max-width:100%%;height:auto;margin:.5em 0}\nh2{margin-top:1.6em}\n"
                "</style></head><body>\n<h1>");
        html_put(page->html, title);
        fprintf(page->html, "</h1>\n");
    }
}

void qnk_page_end(const struct qnk_page *page)
{
    if (page->html != NULL) {
        fprintf(page->html, "</body></html>\n");
    }
}

void qnk_page_heading(const struct qnk_page *page, const char *text)
{
    if (page->md != NULL) {
        fprintf(page->md, "## %s\n\n", text);
    }
    if (page->html != NULL) {
        fprintf(page->html, "<h2>");
        html_put(page->html, text);
        fprintf(page->html, "</h2>\n");
    }
}

void qnk_page_text(const struct qnk_page *page, const char *format, ...)
{
    char text[TEXT];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (page->md != NULL) {
        fprintf(page->md, "%s\n\n", text);
    }
    if (page->html != NULL) {
        fprintf(page->html, "<p>");
        html_put(page->html, text);
        fprintf(page->html, "</p>\n");
    }
}

void qnk_page_table(const struct qnk_page *page, const char *const *heads, uint32_t count)
{
    if (page->html != NULL) {
        fprintf(page->html, "<table><tr>");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (page->md != NULL) {
            fprintf(page->md, "| %s ", heads[i]);
        }
        if (page->html != NULL) {
            fprintf(page->html, "<th>");
            html_put(page->html, heads[i]);
            fprintf(page->html, "</th>");
        }
    }
    if (page->md != NULL) {
        fprintf(page->md, "|\n");
        for (uint32_t i = 0; i < count; i++) {
            fprintf(page->md, "|---");
        }
        fprintf(page->md, "|\n");
    }
    if (page->html != NULL) {
        fprintf(page->html, "</tr>\n");
    }
}

void qnk_page_row(const struct qnk_page *page)
{
    if (page->md != NULL) {
        fprintf(page->md, "|");
    }
    if (page->html != NULL) {
        fprintf(page->html, "<tr>");
    }
}

void qnk_page_cell(const struct qnk_page *page, bool is_bold, const char *format, ...)
{
    char text[TEXT];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (page->md != NULL) {
        fprintf(page->md, " %s", is_bold ? "**" : "");
        md_put(page->md, text);
        fprintf(page->md, "%s |", is_bold ? "**" : "");
    }
    if (page->html != NULL) {
        fprintf(page->html, "<td>%s", is_bold ? "<b>" : "");
        html_put(page->html, text);
        fprintf(page->html, "%s</td>", is_bold ? "</b>" : "");
    }
}

void qnk_page_row_end(const struct qnk_page *page)
{
    if (page->md != NULL) {
        fprintf(page->md, "\n");
    }
    if (page->html != NULL) {
        fprintf(page->html, "</tr>\n");
    }
}

void qnk_page_table_end(const struct qnk_page *page)
{
    if (page->md != NULL) {
        fprintf(page->md, "\n");
    }
    if (page->html != NULL) {
        fprintf(page->html, "</table>\n");
    }
}

void qnk_page_plot(const struct qnk_page *page, const struct qnk_plot *plot)
{
    if (page->md != NULL) {
        qnk_plot_put(page->md, plot);
        fprintf(page->md, "\n");
    }
    if (page->html != NULL) {
        qnk_plot_put(page->html, plot);
    }
}
