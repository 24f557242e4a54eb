/* SPDX-License-Identifier: MIT */

/* manifest_header.c: <name>.manifest.h: the note, and the same facts for the plugin's own code. */

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/manifest.h"
#include "sdk/abigen/print.h"
#include "sdk/abigen/text.h"

enum { BYTES_PER_LINE = 16, FEWER_PER_LINE = 15, TEXT_MAX = 1024 };

/* What stands before every name of the plugin: round_robin. */
static const char *prefix_of(const struct manifest *of)
{
    char *prefix = model_text("%s", of->name);

    for (char *at = prefix; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    return prefix;
}

/* A dotted key as a name in C. */
static const char *member_of(const struct key *key)
{
    char *name = model_text("%s", key->name);

    for (char *at = name; *at != '\0'; at++) {
        *at = *at == '.' ? '_' : *at;
    }
    return name;
}

static const struct limit *bare_limit(uint64_t value, const char *macro)
{
    struct limit *limit = model_take(1, sizeof *limit);

    limit->value = value;
    limit->macro = macro;
    return limit;
}

static struct type item_type(uint8_t item)
{
    static const enum shape shapes[] = {
        [VALUE_BOOL] = SHAPE_FLAG,    [VALUE_INT] = SHAPE_I64,      [VALUE_SIZE] = SHAPE_U64,
        [VALUE_DURATION] = SHAPE_U64, [VALUE_RATIO] = SHAPE_U32,    [VALUE_STRING] = SHAPE_TEXT,
        [VALUE_NAME] = SHAPE_TEXT,    [VALUE_ADDRESS] = SHAPE_TEXT, [VALUE_PATH] = SHAPE_TEXT,
        [VALUE_CHOICE] = SHAPE_U32,
    };
    struct type type = {.shape = shapes[item]};

    if (type.shape == SHAPE_TEXT) {
        type.limit = bare_limit(TEXT_MAX, model_text("%d", (int)TEXT_MAX));
    }
    return type;
}

static struct type key_c_type(const struct key *key)
{
    struct type *item = model_take(1, sizeof *item);

    *item = item_type(key->type & VALUE_ITEM);
    if ((key->type & (VALUE_LIST | VALUE_MAP)) == 0) {
        return *item;
    }
    return (struct type){.shape = SHAPE_LIST,
                         .item = item,
                         .is_pairs = (key->type & VALUE_MAP) != 0,
                         .limit = bare_limit(UINT32_MAX, "UINT32_MAX")};
}

static struct record *config_record(const struct manifest *of)
{
    struct record *record = model_take(1, sizeof *record);

    record->family = FAMILY_CONFIG;
    record->name = "config";
    record->full = model_text("%s_config", prefix_of(of));
    record->fields = model_take(of->keys_count, sizeof *record->fields);
    record->fields_count = of->keys_count;
    for (size_t i = 0; i < of->keys_count; i++) {
        record->fields[i].name = name_value_text(of->keys[i].place, member_of(&of->keys[i]));
        record->fields[i].type = key_c_type(&of->keys[i]);
        record->fields[i].doc = of->keys[i].doc;
    }
    return record;
}

static void target_put(const struct manifest *of)
{
    const char *kind = capital(of->kind->name);

    if (!of->has_target) {
        return;
    }
    put("\n#ifdef QN_TARGET_HOST\n#error \"include the manifest before every header of qnet/\"\n"
        "#endif\n");
    put("#define QN_TARGET_%s %u\n", kind, (unsigned int)of->target);
    put("#define QN_TARGET_HOST %u\n", (unsigned int)of->host_target);
}

static void note_put(const struct manifest *of)
{
    const struct bytes *note = &of->note;

    put("\n/* clang-format off */\n");
    put("static const struct {\n    uint32_t owner_size, content_size, type;\n    char owner[8];\n"
        "    uint8_t content[%zu];\n",
        note->size);
    put("} %s_note QN_NOTE = {sizeof \"QNet\", %zu, 1, \"QNet\", {", prefix_of(of), note->size);
    for (size_t i = 0; i < note->size; i++) {
        put("%s0x%02x,", i % BYTES_PER_LINE == 0 ? "\n    " : " ", (unsigned int)note->data[i]);
    }
    put("\n}};\n/* clang-format on */\n");
}

/* One constant of the group whose longest name is MANIFEST_PRINT. */
static void fact_put(const struct manifest *of, const char *name, const char *value)
{
    const char *whole = model_text("%s_%s", capital(of->name), name);
    size_t width = strlen(of->name) + strlen("_MANIFEST_PRINT");

    put("#define %-*s %s\n", (int)width, whole, value);
}

static void facts_put(const struct manifest *of)
{
    put("\n");
    fact_put(of, "MANIFEST_PRINT",
             model_text("UINT64_C(0x%016" PRIx64 ")",
                        print_add(PRINT_START, of->note.data, of->note.size)));
    fact_put(of, "KIND", model_text("\"%s/%u\"", of->kind->name, (unsigned int)of->kind->major));
    fact_put(of, "NAME", model_text("\"%s\"", of->name));
    fact_put(of, "VERSION", model_text("\"%s\"", of->version));
    fact_put(of, "LANES", model_text("%" PRIu32, of->lanes));
    fact_put(of, "MEMORY", model_text("UINT64_C(%" PRIu64 ")", of->memory));
}

static void metrics_put(const struct manifest *of)
{
    if (of->metrics_count == 0) {
        return;
    }
    put("\nenum {\n");
    for (size_t i = 0; i < of->metrics_count; i++) {
        put("    %s_METRIC_%s = %u,\n", capital(of->name), capital(of->metrics[i].name),
            (unsigned int)of->metrics[i].id);
    }
    put("};\n");
}

/* A bound as a constant of C that compares with its member. */
static const char *number_c(const struct key *key, int64_t value)
{
    if (value == INT64_MIN) {
        return "INT64_MIN";
    }
    if (value > INT32_MAX) {
        return model_text("%sINT64_C(%" PRId64 ")",
                          (key->type & VALUE_ITEM) == VALUE_INT ? "" : "U", value);
    }
    return model_text("%s%" PRId64 "%s", value < 0 ? "(" : "", value, value < 0 ? ")" : "");
}

static void key_facts_put(const struct manifest *of, const struct key *key)
{
    const char *prefix = model_text("%s_%s", capital(of->name), capital(member_of(key)));

    if (is_given(key->min_place)) {
        put("\n#define %s_MIN %s\n", prefix, number_c(key, key->min));
    }
    if (is_given(key->max_place)) {
        put("\n#define %s_MAX %s\n", prefix, number_c(key, key->max));
    }
    if (key->values_count > 0) {
        put("\nenum {\n");
        for (size_t i = 0; i < key->values_count; i++) {
            put("    %s_%s = %zu,\n", prefix, capital(key->values[i]), i);
        }
        put("};\n");
    }
}

static void read_put(const struct manifest *of, const struct record *record)
{
    put("\n/* Reads what create() is given. The kernel made it, so it is asserted, not checked. "
        "*/\n");
    put("static inline struct %s %s_read(struct qn_span from)\n{\n", record->full, record->full);
    put("    struct qn_reader in = qn_reader_over(from);\n    struct %s it;\n\n", record->full);
    put("    %s_take(&in, &it);\n    QN_ASSERT(qn_reader_is_done(&in));\n", record->full);
    for (size_t i = 0; i < of->keys_count; i++) {
        const struct key *key = &of->keys[i];
        const char *prefix = model_text("%s_%s", capital(of->name), capital(member_of(key)));

        if ((key->type & (VALUE_LIST | VALUE_MAP)) != 0) {
            continue;
        }
        if (is_given(key->min_place) && (key->min != 0 || (key->type & VALUE_ITEM) == VALUE_INT)) {
            put("    QN_ASSERT(it.%s >= %s_MIN);\n", member_of(key), prefix);
        }
        if (is_given(key->max_place)) {
            put("    QN_ASSERT(it.%s <= %s_MAX);\n", member_of(key), prefix);
        }
    }
    put("    return it;\n}\n");
}

/* The default record, for whoever has no file: tests above all. */
static void defaults_put(const struct manifest *of, const struct record *record)
{
    struct bytes all = {0};

    for (size_t i = 0; i < of->keys_count; i++) {
        absent_encode(&of->keys[i], &all);
    }
    put("\n/* The record of a file that leaves out every key. */\n");
    put("static inline struct qn_span %s_default(void)\n{\n", record->full);
    put("    /* clang-format off */\n    static const uint8_t bytes[] = {");
    for (size_t i = 0; i < all.size; i++) {
        put("%s0x%02x,", i % FEWER_PER_LINE == 0 ? "\n        " : " ", (unsigned int)all.data[i]);
    }
    put("\n    };\n    /* clang-format on */\n    struct qn_span record;\n\n");
    put("    record.data = bytes;\n    record.size = sizeof bytes;\n    return record;\n}\n");
}

static void config_put(const struct manifest *of)
{
    const struct record *record = config_record(of);

    for (size_t i = 0; i < of->keys_count; i++) {
        key_facts_put(of, &of->keys[i]);
    }
    put("\n/* The values of the config, in the order of their record. */\n");
    put("struct %s {\n", record->full);
    members_put(record);
    put("};\n");
    config_functions_put(record);
    read_put(of, record);
    defaults_put(of, record);
}

void manifest_put(const struct manifest *of)
{
    put_origin(of->path);
    put("#pragma once\n\n");
    put("/* %s.manifest.h: the manifest, as note and as constants. */\n", of->name);
    target_put(of);
    put("\n#include <qnet/%s.h>\n", of->kind->name);
    note_put(of);
    facts_put(of);
    metrics_put(of);
    if (of->keys_count > 0) {
        config_put(of);
    }
}
