/* SPDX-License-Identifier: MIT */
#pragma once

/* text.h: how generated text gets its shape. It comes out as clang-format 14 would leave it, since
 * generated files meet the same rules as those of people. Everything goes to standard output. */

#include <stddef.h>

enum { TEXT_WIDTH = 100 };

void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The words of `text`, wrapped. Lines begin with `first`, then `rest`; `tail` follows the last
 * word. An empty line in `text` begins a new paragraph. */
void put_prose(const char *first, const char *rest, const char *tail, const char *text);

/* A comment of its own, `indent` spaces in. */
void put_comment(int indent, const char *text);

/* `head(args...)tail`, with the arguments wrapped below each other where they must be. */
void put_call(int indent, const char *head, const char *const *args, size_t args_count,
              const char *tail);

/* `#define name value`, broken where it is too long. */
void put_define(const char *name, const char *value);

/* The first lines of every generated file; `from` is the description. */
void put_origin(const char *from);
