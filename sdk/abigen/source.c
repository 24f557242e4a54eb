/* SPDX-License-Identifier: MIT */

#include "sdk/abigen/source.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_SIZE = 32 };

/* Every block of the model hangs here, so that a leak checker sees that it is meant to stay. */
static void *newest_block;

void *model_take(size_t count, size_t size)
{
    void **block = calloc(1, sizeof(void *) * 2 + count * size);

    if (block == NULL) {
        fprintf(stderr, "abigen: out of memory\n");
        exit(EXIT_FAILURE);
    }
    block[0] = newest_block;
    newest_block = block;
    return block + 2;
}

char *model_text(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    int size = vsnprintf(NULL, 0, format, values);
    va_end(values);

    char *text = model_take((size_t)size + 1, 1);

    va_start(values, format);
    vsnprintf(text, (size_t)size + 1, format, values);
    va_end(values);
    return text;
}

void source_fail(struct place at, const char *format, ...)
{
    va_list words;

    fprintf(stderr, "%s:", at.source->path);
    if (at.node != NULL) {
        fprintf(stderr, "%zu:%zu:", at.node->start_mark.line + 1, at.node->start_mark.column + 1);
    }
    fputc(' ', stderr);
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

struct place source_open(const char *path)
{
    struct source *source = model_take(1, sizeof *source);
    FILE *file = fopen(path, "rb");
    yaml_parser_t parser;

    source->path = path;
    if (file == NULL) {
        fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &source->document)) {
        fprintf(stderr, "%s:%zu:%zu: %s\n", path, parser.problem_mark.line + 1,
                parser.problem_mark.column + 1, parser.problem);
        exit(EXIT_FAILURE);
    }
    yaml_parser_delete(&parser);
    fclose(file);

    struct place top = {source, yaml_document_get_root_node(&source->document)};

    if (top.node == NULL || top.node->type != YAML_MAPPING_NODE) {
        source_fail(top, "not a mapping");
    }
    return top;
}

bool is_given(struct place at)
{
    return at.node != NULL;
}

bool is_among(const char *word, const char *list)
{
    size_t size = strlen(word);

    for (const char *at = list; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0') && size > 0) {
            return true;
        }
    }
    return false;
}

static struct place place_of(struct place in, int index)
{
    return (struct place){in.source, yaml_document_get_node(&in.source->document, index)};
}

static void kind_check(struct place at, yaml_node_type_t type, const char *words)
{
    if (at.node == NULL || at.node->type != type) {
        source_fail(at, "not %s", words);
    }
}

size_t items_count(struct place at)
{
    if (at.node == NULL) {
        return 0;
    }
    if (at.node->type == YAML_MAPPING_NODE) {
        return (size_t)(at.node->data.mapping.pairs.top - at.node->data.mapping.pairs.start);
    }
    kind_check(at, YAML_SEQUENCE_NODE, "a list");
    return (size_t)(at.node->data.sequence.items.top - at.node->data.sequence.items.start);
}

struct place map_key_place(struct place map, size_t index)
{
    kind_check(map, YAML_MAPPING_NODE, "a mapping");
    return place_of(map, map.node->data.mapping.pairs.start[index].key);
}

const char *map_key(struct place map, size_t index)
{
    return text_value(map_key_place(map, index));
}

struct place map_value(struct place map, size_t index)
{
    kind_check(map, YAML_MAPPING_NODE, "a mapping");
    return place_of(map, map.node->data.mapping.pairs.start[index].value);
}

struct place list_item(struct place list, size_t index)
{
    kind_check(list, YAML_SEQUENCE_NODE, "a list");
    return place_of(list, list.node->data.sequence.items.start[index]);
}

struct place map_get(struct place map, const char *key)
{
    if (map.node != NULL) {
        for (size_t i = 0; i < items_count(map); i++) {
            if (strcmp(map_key(map, i), key) == 0) {
                return map_value(map, i);
            }
        }
    }
    return (struct place){map.source, NULL};
}

struct place map_need(struct place map, const char *key)
{
    struct place value = map_get(map, key);

    if (!is_given(value)) {
        source_fail(map, "'%s' is missing", key);
    }
    return value;
}

void map_check(struct place map, const char *known)
{
    kind_check(map, YAML_MAPPING_NODE, "a mapping");
    for (size_t i = 0; i < items_count(map); i++) {
        const char *key = map_key(map, i);

        if (known != NULL && !is_among(key, known)) {
            source_fail(map_key_place(map, i), "unknown key '%s', not one of: %s", key, known);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(map_key(map, j), key) == 0) {
                source_fail(map_key_place(map, i), "'%s' is given twice", key);
            }
        }
    }
}

/* What is read ends up inside comments, strings and names; so no text may end a comment. */
const char *text_value(struct place at)
{
    kind_check(at, YAML_SCALAR_NODE, "a text");

    const char *text = (const char *)at.node->data.scalar.value;

    if (strlen(text) != at.node->data.scalar.length) {
        source_fail(at, "a zero byte in a text");
    }
    if (strstr(text, "*/") != NULL || strstr(text, "/*") != NULL) {
        source_fail(at, "a text may not begin or end a comment of C");
    }
    return text;
}

const char *text_value_or(struct place at, const char *fallback)
{
    return is_given(at) ? text_value(at) : fallback;
}

uint64_t number_value(struct place at, uint64_t limit)
{
    const char *text = text_value(at);
    char *end;

    errno = 0;

    uint64_t value = strtoull(text, &end, 10);

    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0) {
        source_fail(at, "'%s' is not a whole number", text);
    }
    if (value > limit) {
        source_fail(at, "%" PRIu64 " is over %" PRIu64, value, limit);
    }
    return value;
}

int64_t integer_value(struct place at)
{
    const char *text = text_value(at);
    const char *digits = text + (text[0] == '-');
    char *end;

    errno = 0;

    int64_t value = strtoll(text, &end, 10);

    if (!isdigit((unsigned char)digits[0]) || *end != '\0' || errno != 0) {
        source_fail(at, "'%s' is not a whole number", text);
    }
    return value;
}

bool flag_value(struct place at)
{
    if (!is_given(at)) {
        return false;
    }

    const char *text = text_value(at);

    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        source_fail(at, "'%s' is neither true nor false", text);
    }
    return text[0] == 't';
}

/* C11, C17, C++17, and the macros of their headers that are written like names. */
static const char reserved[] =
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const "
    "const_cast constexpr continue decltype default delete do double dynamic_cast else enum errno "
    "explicit export extern false float for friend goto if inline int linux long mutable namespace "
    "new noexcept not not_eq nullptr operator or or_eq private protected public register "
    "reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct "
    "switch template this thread_local throw true try typedef typeid typename union unix unsigned "
    "using virtual void volatile wchar_t while xor xor_eq";

const char *name_check(struct place at, const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (size == 0 || name[size] != '\0' || size > NAME_MAX_SIZE || !isalpha((unsigned char)*name)) {
        source_fail(at, "'%s' is not a name: a letter, then at most 31 of a-z, 0-9 and _", name);
    }
    return name;
}

const char *name_value_text(struct place at, const char *name)
{
    name_check(at, name);
    if (is_among(name, reserved)) {
        source_fail(at, "'%s' is a word of C or C++", name);
    }
    return name;
}

const char *name_value(struct place at)
{
    return name_value_text(at, text_value(at));
}
