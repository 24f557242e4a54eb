/* SPDX-License-Identifier: MIT */

/* manifest.c: reads a plugin's own YAML file and encodes the note. */

#include "sdk/abigen/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/abigen/print.h"

/* Tags of sdk/abi/manifest.yaml. */
enum {
    TAG_KIND = 1,
    TAG_NAME,
    TAG_VERSION,
    TAG_LICENSE,
    TAG_TABLE,
    TAG_HOST,
    TAG_NEEDS,
    TAG_WANTS,
    TAG_FLAGS,
    TAG_LANES,
    TAG_MEMORY,
    TAG_SCHEMA,
    TAG_IMPORTS,
    TAG_CONFIG,
    TAG_METRIC,
    TAG_SUMMARY = 21,
    TAG_PUBLISHER = 22,
    TAG_TOOL = 0x8001,
};

enum { FIELDS_MAX = 1024, NOTE_SIZE = 65536, NAME_SIZE = 32, ALIGN = 4 };

struct tagged {
    uint16_t tag;
    struct bytes value;
};

/* The fields of the note before they are in order. */
struct fields {
    struct tagged items[FIELDS_MAX];
    size_t count;
};

static struct bytes *field_add(struct fields *to, uint16_t tag, struct place at)
{
    if (to->count == FIELDS_MAX) {
        source_fail(at, "over %d fields", (int)FIELDS_MAX);
    }
    to->items[to->count].tag = tag;
    return &to->items[to->count++].value;
}

/* A text of at most `limit` bytes; nothing if it is not given. */
static void text_add(struct fields *to, uint16_t tag, struct place at, size_t limit)
{
    if (!is_given(at)) {
        return;
    }
    if (strlen(text_value(at)) > limit || strchr(text_value(at), '\n') != NULL) {
        source_fail(at, "not one line of at most %zu bytes", limit);
    }
    bytes_add_text(field_add(to, tag, at), text_value(at));
}

/* Texts such as qnet.watch/1, each with the minor 0 of its revision. */
static void extensions_add(struct fields *to, uint16_t tag, struct place list)
{
    for (size_t i = 0; i < items_count(list); i++) {
        struct place at = list_item(list, i);
        const char *slash = strchr(text_value(at), '/');

        if (slash == NULL || strchr(text_value(at), '.') == NULL || strlen(text_value(at)) > 64) {
            source_fail(at, "'%s' is not an extension, as in qnet.watch/1", text_value(at));
        }
        text_add(to, tag, at, 64);
        bytes_add_number(&to->items[to->count - 1].value, 0, 2);
    }
}

static void flags_add(struct fields *to, struct place list)
{
    static const char *const words[] = {"spawns_threads", "process_only", "hands_over_mid_window"};
    uint64_t flags = 0;

    for (size_t i = 0; i < items_count(list); i++) {
        size_t bit = 0;

        while (bit < 3 && strcmp(words[bit], text_value(list_item(list, i))) != 0) {
            bit++;
        }
        if (bit == 3) {
            source_fail(list_item(list, i), "'%s' is no flag", text_value(list_item(list, i)));
        }
        flags |= UINT64_C(1) << bit;
    }
    if (flags != 0) {
        bytes_add_number(field_add(to, TAG_FLAGS, list), flags, 8);
    }
}

/* One item of a list that the kind asks for, as record of its fields. */
static void listed_add(struct fields *to, const struct record *record, struct place map)
{
    struct bytes *value = field_add(to, record->id, map);
    const char *known = "";

    for (size_t i = 0; i < record->fields_count; i++) {
        known = model_text("%s %s", known, record->fields[i].name);
    }
    map_check(map, known);
    for (size_t i = 0; i < record->fields_count; i++) {
        struct place at = map_need(map, record->fields[i].name);
        const struct type *type = &record->fields[i].type;
        uint64_t size = encoded_size(type->shape);

        if (is_number(type->shape)) {
            bytes_add_number(value, number_value(at, UINT64_MAX >> (64 - 8 * size)), size);
        } else if (strlen(text_value(at)) > type->limit->value) {
            source_fail(at, "over %zu bytes", (size_t)type->limit->value);
        } else {
            bytes_add_text(value, text_value(at));
        }
    }
}

static void lists_add(struct fields *to, const struct description *kind, struct place top)
{
    for (size_t i = 0; i < kind->records_count; i++) {
        const struct record *record = &kind->records[i];

        if (record->family != FAMILY_MANIFEST) {
            continue;
        }

        struct place list = map_get(top, record->name);

        for (size_t j = 0; j < items_count(list); j++) {
            listed_add(to, record, list_item(list, j));
        }
    }
}

static void metrics_read(struct fields *to, struct place map, struct manifest *of)
{
    if (is_given(map)) {
        map_check(map, NULL);
    }
    of->metrics = model_take(items_count(map), sizeof *of->metrics);
    for (size_t i = 0; i < items_count(map); i++) {
        struct place value = map_value(map, i), type = map_need(value, "type");
        struct metric *metric = &of->metrics[of->metrics_count++];

        map_check(value, "id type unit doc");
        metric->name = name_check(map_key_place(map, i), map_key(map, i));
        metric->id = (uint16_t)number_value(map_need(value, "id"), UINT16_MAX);
        metric->type = strcmp(text_value(type), "counter") == 0 ? 1 : 2;
        if (!is_among(text_value(type), "counter gauge")) {
            source_fail(type, "'%s' is neither counter nor gauge", text_value(type));
        }
        for (size_t j = 0; j < i; j++) {
            if (of->metrics[j].id == metric->id) {
                source_fail(map_need(value, "id"), "id %u is that of '%s'",
                            (unsigned int)metric->id, of->metrics[j].name);
            }
        }

        struct bytes *field = field_add(to, TAG_METRIC, value);

        bytes_add_number(field, metric->id, 2);
        bytes_add_text(field, metric->name);
        bytes_add_number(field, metric->type, 1);
        bytes_add_text(field, text_value_or(map_get(value, "unit"), ""));
        bytes_add_text(field, text_value(map_need(value, "doc")));
    }
}

/* The newest slot that the target has, and the release that brought it. */
static void table_add(struct fields *to, const struct manifest *of, struct place at)
{
    const struct table *table = &of->kind->tables[0];
    const char *newest = table->slots[0].name;
    struct bytes *field = field_add(to, TAG_TABLE, at);

    for (size_t i = 0; i < table->slots_count; i++) {
        if (table->slots[i].since <= of->target) {
            newest = table->slots[i].name;
        }
    }
    bytes_add_number(field, of->kind->major, 2);
    bytes_add_number(field, of->target, 2);
    bytes_add_number(field, print_of(of->kind, of->target), 8);
    bytes_add_text(field, newest);
    bytes_add_text(field, of->kind->releases[of->target]);

    field = field_add(to, TAG_HOST, at);
    bytes_add_number(field, of->kind->base->major, 2);
    bytes_add_number(field, of->host_target, 2);
    bytes_add_number(field, print_of(of->kind->base, of->host_target), 8);
}

static int tagged_compare(const void *left, const void *right)
{
    const struct tagged *a = left, *b = right;

    return a->tag != b->tag ? (a->tag > b->tag) - (a->tag < b->tag)
                            : bytes_compare(&a->value, &b->value);
}

static void note_encode(struct fields *from, struct manifest *of, struct place at)
{
    struct bytes *note = &of->note;

    qsort(from->items, from->count, sizeof *from->items, tagged_compare);
    bytes_add(note, "QNM1\0\0\0", 8);
    for (size_t i = 0; i < from->count; i++) {
        const struct bytes *value = &from->items[i].value;

        if (i > 0 && tagged_compare(&from->items[i - 1], &from->items[i]) == 0) {
            source_fail(at, "two fields with tag %u are equal", (unsigned int)from->items[i].tag);
        }
        bytes_add_number(note, from->items[i].tag, 2);
        bytes_add_number(note, 0, 2);
        bytes_add_bytes(note, value);
        bytes_add_number(note, 0, (ALIGN - value->size % ALIGN) % ALIGN);
    }
    if (note->size > NOTE_SIZE) {
        source_fail(at, "the note has %zu bytes, over %d", note->size, (int)NOTE_SIZE);
    }
    for (size_t i = 0; i < 4; i++) {
        note->data[4 + i] = (uint8_t)(note->size >> 8 * i);
    }
}

static void version_read(struct place at, struct manifest *of)
{
    const char *rest = of->version = text_value(at);

    for (int i = 0; i < 3; i++) {
        char *end;
        unsigned long number = strtoul(rest, &end, 10);

        if (rest[strspn(rest, "0123456789")] != (i < 2 ? '.' : '\0') || end == rest ||
            number > UINT16_MAX) {
            source_fail(at, "'%s' is not three numbers, as in 1.0.0", of->version);
        }
        of->numbers[i] = (uint16_t)number;
        rest = end + 1;
    }
}

static void target_read(struct place map, struct manifest *of)
{
    const struct description *kind = of->kind;
    struct place own = map_get(map, kind->name), host = map_get(map, "host");

    if (is_given(map)) {
        map_check(map, model_text("host %s", kind->name));
    }
    of->has_target = is_given(map);
    of->target = is_given(own) ? (uint16_t)number_value(own, kind->minor) : kind->minor;
    of->host_target =
        is_given(host) ? (uint16_t)number_value(host, kind->base->minor) : kind->base->minor;
}

static const struct description *kind_read(struct place at, const char *abi)
{
    const char *text = text_value(at);
    const char *slash = strchr(text, '/');

    if (slash == NULL) {
        source_fail(at, "'%s' is not KIND/MAJOR, as in storage/1", text);
    }

    const char *name = name_check(at, model_text("%.*s", (int)(slash - text), text));
    const struct description *kind = description_read(model_text("%s/%s.yaml", abi, name));

    if (strcmp(text, model_text("%s/%u", kind->name, (unsigned int)kind->major)) != 0 ||
        kind->base == NULL) {
        source_fail(at, "'%s' is not %s/%u", text, kind->name, (unsigned int)kind->major);
    }
    return kind;
}

static const char *known_keys(const struct description *kind)
{
    const char *known = "kind name version license summary publisher lanes memory flags needs "
                        "wants schema imports target config metrics";

    for (size_t i = 0; i < kind->records_count; i++) {
        if (kind->records[i].family == FAMILY_MANIFEST) {
            known = model_text("%s %s", known, kind->records[i].name);
        }
    }
    return known;
}

static const char *plugin_name(struct place at)
{
    const char *name = text_value(at);

    if (name[0] == '\0' || strlen(name) > NAME_SIZE ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        source_fail(at, "'%s' is not a name: at most 32 of a-z, 0-9 and -", name);
    }
    return name;
}

static void fields_add(struct fields *to, struct place top, const struct manifest *of)
{
    text_add(to, TAG_KIND, map_need(top, "kind"), NAME_SIZE);
    text_add(to, TAG_NAME, map_need(top, "name"), NAME_SIZE);

    struct bytes *version = field_add(to, TAG_VERSION, top);

    for (int i = 0; i < 3; i++) {
        bytes_add_number(version, of->numbers[i], 2);
    }
    text_add(to, TAG_LICENSE, map_need(top, "license"), 64);
    table_add(to, of, top);
    extensions_add(to, TAG_NEEDS, map_get(top, "needs"));
    extensions_add(to, TAG_WANTS, map_get(top, "wants"));
    flags_add(to, map_get(top, "flags"));
    bytes_add_number(field_add(to, TAG_LANES, top), of->lanes, 4);
    bytes_add_number(field_add(to, TAG_MEMORY, top), of->memory, 8);
    text_add(to, TAG_SCHEMA, map_get(top, "schema"), 64);
    for (size_t i = 0; i < items_count(map_get(top, "imports")); i++) {
        text_add(to, TAG_IMPORTS, list_item(map_get(top, "imports"), i), 64);
    }
    for (size_t i = 0; i < of->keys_count; i++) {
        *field_add(to, TAG_CONFIG, top) = of->keys[i].encoded;
    }
    lists_add(to, of->kind, top);
    text_add(to, TAG_SUMMARY, map_need(top, "summary"), 120);
    text_add(to, TAG_PUBLISHER, map_get(top, "publisher"), 64);
    bytes_add_text(field_add(to, TAG_TOOL, top), "abigen/1");
}

const struct manifest *manifest_read(const char *path, const char *abi)
{
    struct manifest *it = model_take(1, sizeof *it);
    struct fields *fields = model_take(1, sizeof *fields);
    struct place top = source_open(path);
    struct place lanes = map_get(top, "lanes");

    it->path = path;
    it->kind = kind_read(map_need(top, "kind"), abi);
    map_check(top, known_keys(it->kind));
    it->name = plugin_name(map_need(top, "name"));
    version_read(map_need(top, "version"), it);
    target_read(map_get(top, "target"), it);
    it->lanes = is_given(lanes) ? (uint32_t)number_value(lanes, 1024) : 1;
    it->memory = size_value(map_need(top, "memory"));
    if (it->lanes == 0) {
        source_fail(lanes, "at least one lane");
    }
    keys_read(map_get(top, "config"), it);
    metrics_read(fields, map_get(top, "metrics"), it);
    fields_add(fields, top, it);
    note_encode(fields, it, top);
    return it;
}
