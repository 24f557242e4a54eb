/* SPDX-License-Identifier: MIT */
#pragma once

/* source.h: a description as it stands in a YAML file, and the one way to complain about it.
 *
 * Whatever is wrong ends the program with one line, `file:line:col: words`, so no reader of a
 * description returns an error. What is read lives until the program ends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

struct source {
    const char *path;
    yaml_document_t document;
};

/* A value in the file. `node` is NULL where an optional key is left out. */
struct place {
    struct source *source;
    const yaml_node_t *node;
};

/* Memory for the model: zeroed, never given back. */
void *model_take(size_t count, size_t size);

/* The formatted text, in memory of the model. */
char *model_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the whole file; its top is a mapping. */
struct place source_open(const char *path);

_Noreturn void source_fail(struct place at, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool is_given(struct place at);

/* Refuses keys that are not among the words of `known`, and keys given twice. */
void map_check(struct place map, const char *known);

/* The value of `key`; not given if the key is left out. */
struct place map_get(struct place map, const char *key);

/* As map_get, but the key has to be there. */
struct place map_need(struct place map, const char *key);

/* The number of pairs of a mapping or items of a list, 0 if it is not given. */
size_t items_count(struct place at);

/* Pair `index` of a mapping. */
const char *map_key(struct place map, size_t index);
struct place map_key_place(struct place map, size_t index);
struct place map_value(struct place map, size_t index);

/* Item `index` of a list. */
struct place list_item(struct place list, size_t index);

const char *text_value(struct place at);
/* `fallback` if it is not given. */
const char *text_value_or(struct place at, const char *fallback);
uint64_t number_value(struct place at, uint64_t limit);
int64_t integer_value(struct place at);
bool flag_value(struct place at);

/* A name of ours: lower case, digits and _, from a letter on, at most 32, no word of C or C++. */
const char *name_value(struct place at);
const char *name_value_text(struct place at, const char *name);

/* As name_value, but words of C are fine, as it will not stand alone. */
const char *name_check(struct place at, const char *name);

/* Whether `word` is one of the words of `list`, which are parted by single spaces. */
bool is_among(const char *word, const char *list);
