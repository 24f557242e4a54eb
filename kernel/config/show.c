/* SPDX-License-Identifier: MIT */

#include "kernel/config/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/config/value.h"

enum { ORIGIN_COLUMN = 48 };

/* The text so far; once something failed, nothing more is done. */
struct output {
    struct qn_sink *sink;
    bool has_origin;
    uint64_t line; /* where the current line began */
    int32_t status;
};

__attribute__((format(printf, 2, 3))) static void put(struct output *out, const char *format, ...)
{
    char text[1400];
    va_list args;

    if (out->status != QN_OK) {
        return;
    }
    va_start(args, format);

    int size = vsnprintf(text, sizeof text, format, args);

    va_end(args);
    QN_ASSERT(size >= 0);
    QN_ASSERT((size_t)size < sizeof text);
    out->status = qnk_sink_append(out->sink, text, (uint64_t)size);
}

static void begin_line(struct output *out, uint32_t depth)
{
    out->line = qnk_sink_span(out->sink).size;
    put(out, "%*s", (int)(2 * depth), "");
}

static void end_line(struct output *out, const struct qnk_config_place *place)
{
    if (out->has_origin && place != NULL) {
        uint64_t width = qnk_sink_span(out->sink).size - out->line;

        put(out, "%*s  # ", width < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - width) : 0, "");
        if (place->source == NULL) {
            put(out, "default");
        } else {
            put(out, "%s:%u:%u", place->source->name, place->mark.line, place->mark.column);
        }
    }
    put(out, "\n");
}

static void put_value(struct output *out, const struct qnk_config_key *key, struct qn_span *record)
{
    if (out->status == QN_OK) {
        out->status = qnk_value_print(key, record, out->sink);
    }
}

/* Takes a count or a name off the front of a record. */
static struct qn_span name_take(struct qn_span *record)
{
    struct qnk_reader reader = qnk_reader_init(*record);
    struct qn_span name = qnk_reader_span(&reader, qnk_reader_u32(&reader));

    QN_ASSERT(!reader.failed);
    *record = (struct qn_span){reader.at, reader.left};
    return name;
}

static uint32_t count_take(struct qn_span *record)
{
    uint32_t count = qn_le32_read(record->data);

    QN_ASSERT(record->size >= 4);
    *record = (struct qn_span){record->data + 4, record->size - 4};
    return count;
}

static void put_group(struct output *out, const struct qnk_config_key *key, struct qn_span *record)
{
    for (uint32_t i = 0; i < key->items_count; i++) {
        put(out, "%s%s: ", i == 0 ? "{" : ", ", key->items[i].name);
        put_value(out, &key->items[i], record);
    }
    put(out, "}");
}

/* [a, b], {a: x, b: y}, or a line for each group. */
static void put_many(struct output *out, const struct qnk_config_value *value, uint32_t depth)
{
    const struct qnk_config_key *key = value->key;
    bool is_map = (key->type & QNK_CONFIG_MAP) != 0;
    bool is_groups = (key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_GROUP;
    struct qn_span record = value->record;
    uint32_t count = count_take(&record);

    if (is_groups && count > 0) {
        end_line(out, &value->place);
        for (uint32_t i = 0; i < count; i++) {
            begin_line(out, depth + 1);
            put(out, "- ");
            put_group(out, key, &record);
            put(out, "\n");
        }
        return;
    }
    put(out, is_map ? " {" : " [");
    for (uint32_t i = 0; i < count; i++) {
        put(out, i == 0 ? "" : ", ");
        if (is_map) {
            struct qn_span name = name_take(&record);

            put(out, "\"%.*s\": ", (int)name.size, (const char *)name.data);
        }
        put_value(out, key, &record);
    }
    put(out, is_map ? "}" : "]");
    end_line(out, &value->place);
}

static void put_part(struct output *out, const struct qnk_config_part *part, uint32_t depth);

static void put_plugin(struct output *out, const struct qnk_config_plugin *plugin, uint32_t depth)
{
    static const char *const on_errors[] = {"auto", "restart", "fallback", "stop"};

    put(out, "use: %s", plugin->name);
    end_line(out, &plugin->place);
    if (*plugin->version != 0) {
        begin_line(out, depth);
        put(out, "version: \"%s\"\n", plugin->version);
    }
    if (*plugin->path != 0) {
        begin_line(out, depth);
        put(out, "path: \"%s\"\n", plugin->path);
    }
    if (plugin->on_error != QNK_ON_ERROR_AUTO) {
        begin_line(out, depth);
        put(out, "on_error: %s\n", on_errors[plugin->on_error]);
    }
    if (plugin->part.schema != NULL) {
        put_part(out, &plugin->part, depth);
    }
}

static void put_plugins(struct output *out, const struct qnk_config_value *value, uint32_t depth)
{
    bool is_list = (value->key->type & QNK_CONFIG_LIST) != 0;

    if (value->plugins_count == 0) {
        put(out, is_list ? " []" : "");
        end_line(out, &value->place);
        return;
    }
    put(out, "\n");
    for (uint32_t i = 0; i < value->plugins_count; i++) {
        begin_line(out, depth + 1);
        put(out, is_list ? "- " : "");
        put_plugin(out, &value->plugins[i], is_list ? depth + 2 : depth + 1);
    }
}

/* `name` is the last word of the key's. */
static void put_key(struct output *out, const struct qnk_config_value *value, const char *name,
                    uint32_t depth)
{
    const struct qnk_config_key *key = value->key;
    struct qn_span record = value->record;

    begin_line(out, depth);
    put(out, "%s:", name);
    if ((key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_PLUGIN) {
        put_plugins(out, value, depth);
        return;
    }
    if ((key->flags & QNK_CONFIG_SECRET) != 0) {
        put(out, " \"***\"");
        end_line(out, &value->place);
        return;
    }
    if ((key->type & (QNK_CONFIG_LIST | QNK_CONFIG_MAP)) != 0) {
        put_many(out, value, depth);
        return;
    }
    put(out, " ");
    put_value(out, key, &record);
    end_line(out, &value->place);
}

/* How many bytes of two names are the same groups. */
static size_t shared_groups(const char *a, const char *b)
{
    size_t shared = 0;

    for (size_t i = 0; a[i] != 0 && a[i] == b[i]; i++) {
        if (a[i] == '.') {
            shared = i + 1;
        }
    }
    return shared;
}

static uint32_t dots_of(const char *name, size_t size)
{
    uint32_t dots = 0;

    for (size_t i = 0; i < size; i++) {
        dots += name[i] == '.';
    }
    return dots;
}

/* An empty text that no file could give is left out, as it was. */
static bool is_unset(const struct qnk_config_value *value)
{
    bool is_text = value->key->type >= QNK_CONFIG_NAME && value->key->type <= QNK_CONFIG_PATH;

    return is_text && value->record.size == 4;
}

static void put_part(struct output *out, const struct qnk_config_part *part, uint32_t depth)
{
    const char *before = "";

    for (uint32_t i = 0; i < part->schema->count && out->status == QN_OK; i++) {
        const struct qnk_config_value *value = &part->values[i];
        const char *name = value->key->name;
        size_t at = shared_groups(before, name);

        if (is_unset(value)) {
            continue;
        }
        for (const char *dot; (dot = strchr(name + at, '.')) != NULL;) {
            begin_line(out, depth + dots_of(name, at));
            put(out, "%.*s:\n", (int)(dot - name - (long)at), name + at);
            at = (size_t)(dot - name) + 1;
        }
        put_key(out, value, name + at, depth + dots_of(name, at));
        before = name;
    }
}

int32_t qnk_config_show(const struct qnk_config_part *part, bool has_origin, struct qn_sink *out)
{
    struct output output = {.sink = out, .has_origin = has_origin, .status = QN_OK};

    put_part(&output, part, 0);
    return output.status;
}
