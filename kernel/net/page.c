/* SPDX-License-Identifier: MIT */

#include "kernel/net/page.h"

#include <stdarg.h>

#include "kernel/net/escape.h"

enum { TEXT = 2000 };

/* Wide tables move in a frame of their own, so that the page fits a telephone. */
static const char style[] =
    "\n:root{color-scheme:light dark}\np{overflow-wrap:anywhere}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64em;margin:1.5em auto;padding:0 1em}\n"
    "h1{font-size:1.5em;line-height:1.25}\nh2{font-size:1.2em;margin-top:1.8em}\n"
    ".verdict{font-size:1.1em;border-left:4px solid #0072b2;padding-left:.7em}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;margin:.7em 0;font-size:14px}\n"
    "td,th{border-bottom:1px solid #8886;padding:.3em 1.1em .3em 0;text-align:left;"
    "vertical-align:top}\n"
    "th,data{white-space:nowrap}\nsmall{display:block;opacity:.75;white-space:nowrap}\n"
    "svg{display:block;width:100%;min-width:40em;height:auto;margin:1em 0}\n";

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
        fprintf(page->html, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" "
                            "lang=\"en\"><head><meta charset=\"utf-8\"/><title>");
        qnk_xml_put(page->html, title);
        fprintf(page->html,
                "</title>\n<meta name=\"viewport\" "
                "content=\"width=device-width, initial-scale=1\"/>\n<style>%s</style></head>"
                "<body>\n<h1>",
                style);
        qnk_xml_put(page->html, title);
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
        qnk_xml_put(page->html, text);
        fprintf(page->html, "</h2>\n");
    }
}

void qnk_page_text(const struct qnk_page *page, bool is_verdict, const char *format, ...)
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
        fprintf(page->html, is_verdict ? "<p class=\"verdict\">" : "<p>");
        qnk_xml_put(page->html, text);
        fprintf(page->html, "</p>\n");
    }
}

void qnk_page_table(const struct qnk_page *page, const char *const *heads, uint32_t count)
{
    if (page->html != NULL) {
        fprintf(page->html, "<div class=\"wide\"><table><tr>");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (page->md != NULL) {
            fprintf(page->md, "| %s ", heads[i]);
        }
        if (page->html != NULL) {
            fprintf(page->html, "<th>");
            qnk_xml_put(page->html, heads[i]);
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
        qnk_xml_put(page->html, text);
        fprintf(page->html, "%s</td>", is_bold ? "</b>" : "");
    }
}

void qnk_page_value(const struct qnk_page *page, double value, const char *text, const char *more,
                    bool is_bold)
{
    const char *open = is_bold ? "<b>" : "", *close = is_bold ? "</b>" : "";

    if (page->md != NULL) {
        const char *mark = is_bold ? "**" : "";

        fprintf(page->md, " %s", text);
        if (*more != 0) {
            fprintf(page->md, ", %s", mark);
            md_put(page->md, more);
            fprintf(page->md, "%s", mark);
        }
        fprintf(page->md, " |");
    }
    if (page->html != NULL) {
        fprintf(page->html, "<td><data value=\"%.9g\">", value);
        qnk_xml_put(page->html, text);
        fprintf(page->html, "</data>");
        if (*more != 0) {
            fprintf(page->html, "<small>%s", open);
            qnk_xml_put(page->html, more);
            fprintf(page->html, "%s</small>", close);
        }
        fprintf(page->html, "</td>");
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
        fprintf(page->html, "</table></div>\n");
    }
}

void qnk_page_plot(const struct qnk_page *page, const struct qnk_plot *plot)
{
    if (page->md != NULL) {
        qnk_plot_put(page->md, plot);
        fprintf(page->md, "\n");
    }
    if (page->html != NULL) {
        fprintf(page->html, "<div class=\"wide\">");
        qnk_plot_put(page->html, plot);
        fprintf(page->html, "</div>\n");
    }
}
