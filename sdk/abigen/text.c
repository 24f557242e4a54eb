/* SPDX-License-Identifier: MIT */

#include "sdk/abigen/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void put(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vprintf(format, values);
    va_end(values);
}

/* Columns of `text`: characters, not bytes. */
static size_t columns(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return count;
}

static void put_end_of_line(const char *line)
{
    size_t size = strlen(line);

    while (size > 0 && line[size - 1] == ' ') {
        size--;
    }
    put("%.*s\n", (int)size, line);
}

void put_prose(const char *first, const char *rest, const char *tail, const char *text)
{
    const char *prefix = first;
    size_t column = 0;

    text += strspn(text, " \n");
    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        const char *next = text + size + strspn(text + size, " \n");
        bool is_paragraph = strncmp(text + size, "\n\n", 2) == 0 && *next != '\0';
        size_t room = columns(text, size) + (*next == '\0' ? strlen(tail) : 0);

        if (column > 0 && column + 1 + room > TEXT_WIDTH) {
            put("\n");
            column = 0;
        }
        if (column == 0) {
            put("%s%.*s", prefix, (int)size, text);
            column = strlen(prefix) + columns(text, size);
        } else {
            put(" %.*s", (int)size, text);
            column += 1 + columns(text, size);
        }
        prefix = rest;
        if (is_paragraph) {
            put("\n");
            put_end_of_line(rest);
            column = 0;
        }
        text = next;
    }
    put("%s\n", tail);
}

void put_comment(int indent, const char *text)
{
    char first[32], rest[32];

    snprintf(first, sizeof first, "%*s/* ", indent, "");
    snprintf(rest, sizeof rest, "%*s * ", indent, "");
    put_prose(first, rest, " */", text);
}

/* Whether each argument has room behind the column of the bracket. */
static bool fits_aligned(size_t start, const char *const *args, size_t args_count, const char *tail)
{
    for (size_t i = 0; i < args_count; i++) {
        if (start + strlen(args[i]) + (i + 1 < args_count ? 1 : strlen(tail) + 1) > TEXT_WIDTH) {
            return false;
        }
    }
    return true;
}

void put_call(int indent, const char *head, const char *const *args, size_t args_count,
              const char *tail)
{
    size_t start = (size_t)indent + strlen(head) + 1;
    size_t column = start;

    put("%*s%s(", indent, "", head);
    if (!fits_aligned(start, args, args_count, tail)) {
        start = column = (size_t)indent + 4;
        put("\n%*s", (int)start, "");
    }
    for (size_t i = 0; i < args_count; i++) {
        bool is_last = i + 1 == args_count;
        size_t size = strlen(args[i]) + (is_last ? strlen(tail) + 1 : 1);

        if (i > 0 && column + 1 + size > TEXT_WIDTH) {
            put("\n%*s", (int)start, "");
            column = start;
        } else if (i > 0) {
            put(" ");
            column++;
        }
        put("%s%s", args[i], is_last ? "" : ",");
        column += strlen(args[i]) + 1;
    }
    put(")%s\n", tail);
}

void put_define(const char *name, const char *value)
{
    if (strlen("#define ") + strlen(name) + 1 + strlen(value) <= TEXT_WIDTH) {
        put("#define %s %s\n", name, value);
    } else {
        put("#define %s \\\n    %s\n", name, value);
    }
}

void put_origin(const char *from)
{
    put("/* SPDX-License-Identifier: MIT */\n");
    put("/* Written by sdk/abigen from %s:\n * edit that, then `make generate`. */\n", from);
}
