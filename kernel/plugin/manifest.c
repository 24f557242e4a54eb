/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/consensus.h>
#include <qnet/ledger.h>
#include <qnet/manifest.h>
#include <qnet/service.h>
#include <qnet/signature.h>

enum {
    HEAD_SIZE = 8,      /* "QNM1", u32 size */
    FIELD_SIZE = 8,     /* u16 tag, u16 0, u32 size */
    TAG_KNOWN = 0x8000, /* tags below it have to be known */
    LANES_MAX = 1024,   /* as the generator says */
    FLAGS_KNOWN = QNK_MANIFEST_SPAWNS | QNK_MANIFEST_PROCESS_ONLY | QNK_MANIFEST_MID_WINDOW,
};

struct field {
    uint16_t tag;
    struct qn_span value;
};

/* A manifest being read. The first thing that is wrong is kept. */
struct reading {
    struct qn_span content;
    struct qnk_arena *arena;
    struct qnk_manifest *out;
    char *why;
    int32_t status;
    uint32_t keys_count;
    /* The lists of `out`, which are filled one by one. */
    struct qnk_manifest_extension *needs, *wants;
    const char **imports, **rules, **topics;
    struct qnk_manifest_metric *metrics;
    struct qnk_manifest_step *steps;
    struct qnk_manifest_query *queries;
    struct qnk_manifest_route *routes;
    struct qnk_config_key *keys;
};

__attribute__((format(printf, 3, 4))) static void refuse(struct reading *reading, int32_t status,
                                                         const char *format, ...)
{
    va_list values;

    if (reading->status != QN_OK) {
        return;
    }
    reading->status = status;
    va_start(values, format);
    (void)vsnprintf(reading->why, QNK_PLUGIN_WHY_MAX, format, values);
    va_end(values);
}

static void *take(struct reading *reading, size_t size)
{
    void *room = reading->status == QN_OK ? qnk_arena_take(reading->arena, size) : NULL;

    if (room == NULL) {
        refuse(reading, QN_NO_SPACE, "no memory for its manifest");
        return NULL;
    }
    memset(room, 0, size);
    return room;
}

/* A list of `count` items, NULL if there are none. */
static void *take_list(struct reading *reading, uint32_t count, size_t size)
{
    return count > 0 ? take(reading, count * size) : NULL;
}

/* A copy with a zero byte behind it; "" once something was wrong. */
static const char *keep_text(struct reading *reading, struct qn_span text)
{
    char *copy = text.size > 0 ? take(reading, text.size + 1) : NULL;

    if (copy == NULL) {
        return "";
    }
    memcpy(copy, text.data, text.size);
    return copy;
}

static struct qn_span keep_bytes(struct reading *reading, struct qn_span bytes)
{
    uint8_t *copy = bytes.size > 0 ? take(reading, bytes.size) : NULL;

    if (copy == NULL) {
        return (struct qn_span){NULL, 0};
    }
    memcpy(copy, bytes.data, bytes.size);
    return (struct qn_span){copy, bytes.size};
}

/* Whether all characters are of `set`, and there is one. */
static bool is_of(const char *text, const char *set)
{
    return *text != 0 && text[strspn(text, set)] == 0;
}

/* Takes the field at `at`; false at the end, or where something is wrong. */
static bool field_take(struct reading *reading, uint64_t *at, struct field *field)
{
    const uint8_t *head = reading->content.data + *at;
    uint64_t left = reading->content.size - *at;

    if (left == 0 || reading->status != QN_OK) {
        return false;
    }
    if (left < FIELD_SIZE || qn_le16_read(head + 2) != 0) {
        refuse(reading, QN_INVALID, "its manifest is damaged: a field's head");
        return false;
    }

    uint64_t size = qn_le32_read(head + 4);
    uint64_t filled = (size + 3) / 4 * 4;

    if (filled > left - FIELD_SIZE) {
        refuse(reading, QN_INVALID, "its manifest is damaged: a field is cut off");
        return false;
    }
    for (uint64_t i = size; i < filled; i++) {
        if (head[FIELD_SIZE + i] != 0) {
            refuse(reading, QN_INVALID, "its manifest is damaged: the bytes behind a field");
            return false;
        }
    }
    *field = (struct field){qn_le16_read(head), {head + FIELD_SIZE, size}};
    *at += FIELD_SIZE + filled;
    return true;
}

/* Negative, zero or positive: the order of values of one tag. */
static int value_compare(struct qn_span a, struct qn_span b)
{
    uint64_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Where the number of a tag's fields is counted, of the tags that may come more than once. */
static uint32_t *count_of(struct reading *reading, uint16_t tag)
{
    switch (tag) {
    case QN_MANIFEST_NEEDS:
        return &reading->out->needs_count;
    case QN_MANIFEST_WANTS:
        return &reading->out->wants_count;
    case QN_MANIFEST_IMPORTS:
        return &reading->out->imports_count;
    case QN_MANIFEST_CONFIG:
        return &reading->keys_count;
    case QN_MANIFEST_METRIC:
        return &reading->out->metrics_count;
    case QN_CONSENSUS_MANIFEST_STEPS:
        return &reading->out->steps_count;
    case QN_SIGNATURE_MANIFEST_RULES:
        return &reading->out->rules_count;
    case QN_LEDGER_MANIFEST_QUERIES:
        return &reading->out->queries_count;
    case QN_SERVICE_MANIFEST_ROUTES:
        return &reading->out->routes_count;
    case QN_SERVICE_MANIFEST_TOPICS:
        return &reading->out->topics_count;
    default:
        return NULL;
    }
}

/* The kind that a tag belongs to, or NULL for those of all. */
static const char *owner_of(uint16_t tag)
{
    switch (tag) {
    case QN_CONSENSUS_MANIFEST_STEPS:
        return "consensus";
    case QN_SIGNATURE_MANIFEST_RULES:
        return "signature";
    case QN_LEDGER_MANIFEST_QUERIES:
        return "ledger";
    case QN_SERVICE_MANIFEST_ROUTES:
    case QN_SERVICE_MANIFEST_TOPICS:
        return "service";
    default:
        return NULL;
    }
}

static bool is_single(uint16_t tag)
{
    switch (tag) {
    case QN_MANIFEST_KIND:
    case QN_MANIFEST_NAME:
    case QN_MANIFEST_VERSION:
    case QN_MANIFEST_LICENSE:
    case QN_MANIFEST_TABLE:
    case QN_MANIFEST_HOST:
    case QN_MANIFEST_FLAGS:
    case QN_MANIFEST_LANES:
    case QN_MANIFEST_MEMORY:
    case QN_MANIFEST_SCHEMA:
    case QN_MANIFEST_SUMMARY:
    case QN_MANIFEST_PUBLISHER:
        return true;
    default:
        return false;
    }
}

/* Checks the order of all fields, and counts those of lists. */
static void fields_count(struct reading *reading)
{
    struct field before = {0};
    struct field field;
    uint64_t at = HEAD_SIZE;

    while (field_take(reading, &at, &field)) {
        uint32_t *count = count_of(reading, field.tag);

        if (field.tag < before.tag ||
            (field.tag == before.tag && value_compare(before.value, field.value) >= 0)) {
            refuse(reading, QN_INVALID, "its manifest is damaged: fields out of order");
        } else if (field.tag == before.tag && count == NULL && field.tag < TAG_KNOWN) {
            refuse(reading, QN_INVALID, "its manifest is damaged: field %u comes twice",
                   (unsigned int)field.tag);
        } else if (count != NULL) {
            ++*count;
        }
        before = field;
    }
    if (reading->keys_count > QNK_CONFIG_KEYS_MAX) {
        refuse(reading, QN_INVALID, "its config has %u keys, and %u is the most",
               (unsigned int)reading->keys_count, (unsigned int)QNK_CONFIG_KEYS_MAX);
    }
}

static void lists_take(struct reading *reading)
{
    struct qnk_manifest *out = reading->out;

    reading->needs = take_list(reading, out->needs_count, sizeof *reading->needs);
    reading->wants = take_list(reading, out->wants_count, sizeof *reading->wants);
    reading->imports = take_list(reading, out->imports_count, sizeof *reading->imports);
    reading->metrics = take_list(reading, out->metrics_count, sizeof *reading->metrics);
    reading->steps = take_list(reading, out->steps_count, sizeof *reading->steps);
    reading->rules = take_list(reading, out->rules_count, sizeof *reading->rules);
    reading->queries = take_list(reading, out->queries_count, sizeof *reading->queries);
    reading->routes = take_list(reading, out->routes_count, sizeof *reading->routes);
    reading->topics = take_list(reading, out->topics_count, sizeof *reading->topics);
    reading->keys = take_list(reading, reading->keys_count, sizeof *reading->keys);
    out->needs = reading->needs;
    out->wants = reading->wants;
    out->imports = reading->imports;
    out->metrics = reading->metrics;
    out->steps = reading->steps;
    out->rules = reading->rules;
    out->queries = reading->queries;
    out->routes = reading->routes;
    out->topics = reading->topics;
    out->config.keys = reading->keys;
    out->config.count = reading->keys_count;
    /* Counted again while they are filled. */
    out->needs_count = out->wants_count = out->imports_count = out->metrics_count = 0;
    out->steps_count = out->rules_count = out->queries_count = 0;
    out->routes_count = out->topics_count = reading->keys_count = 0;
}

/* "compression/1": its name, its major, and whether there is such a kind. */
static void kind_read(struct reading *reading, struct qn_span text)
{
    struct qnk_manifest *out = reading->out;
    const uint8_t *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
    uint64_t size = slash != NULL ? (uint64_t)(slash - text.data) : 0;
    uint32_t major = 0;

    for (uint64_t i = size + 1; i < text.size && major <= UINT16_MAX; i++) {
        uint32_t digit = (uint32_t)text.data[i] - '0';

        major = digit <= 9 && (digit > 0 || major > 0) ? major * 10 + digit : UINT32_MAX;
    }
    out->kind_text = keep_text(reading, text);
    out->kind_name = keep_text(reading, (struct qn_span){text.data, size});
    if (!is_of(out->kind_name, "abcdefghijklmnopqrstuvwxyz_") || major == 0 || major > UINT16_MAX) {
        refuse(reading, QN_INVALID, "its manifest names no kind");
        return;
    }
    out->table_major = (uint16_t)major;
    out->kind = qnk_kind_find(out->kind_name);
}

static void version_read(struct reading *reading, const struct qn_manifest_version *version)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%u.%u.%u", (unsigned int)version->major,
                   (unsigned int)version->minor, (unsigned int)version->patch);
    reading->out->version[0] = version->major;
    reading->out->version[1] = version->minor;
    reading->out->version[2] = version->patch;
    reading->out->version_text =
        keep_text(reading, (struct qn_span){(const uint8_t *)text, strlen(text)});
}

static void table_read(struct reading *reading, const struct qn_manifest_table *table)
{
    struct qnk_manifest *out = reading->out;

    if (table->major != out->table_major) {
        refuse(reading, QN_INVALID, "its manifest contradicts itself: %s, and a table of major %u",
               out->kind_text, (unsigned int)table->major);
    }
    out->table_minor = table->minor;
    out->table_print = table->print;
    out->newest = keep_text(reading, table->newest);
    out->release = keep_text(reading, table->release);
}

static const char *const *choices_keep(struct reading *reading,
                                       const struct qn_manifest_config *from)
{
    const char **values = take_list(reading, from->values_count, sizeof *values);
    struct qn_reader in = qn_reader_over(from->values);

    for (uint32_t i = 0; values != NULL && i < from->values_count; i++) {
        values[i] = keep_text(reading, qn_reader_text(&in, QNK_CONFIG_NAME_MAX));
    }
    return values;
}

static void key_read(struct reading *reading, const struct qn_manifest_config *from,
                     struct qnk_config_key *key)
{
    key->name = keep_text(reading, from->name);
    key->type = from->type;
    key->unit = from->unit;
    key->flags = from->flags;
    key->absent = keep_bytes(reading, from->absent);
    key->min = keep_bytes(reading, from->min);
    key->max = keep_bytes(reading, from->max);
    key->values = choices_keep(reading, from);
    key->values_count = from->values_count;
    key->doc = keep_text(reading, from->doc);
}

static void metric_read(struct reading *reading, const struct qn_manifest_metric *from,
                        struct qnk_manifest_metric *metric)
{
    metric->id = from->id;
    metric->type = from->type;
    metric->name = keep_text(reading, from->name);
    metric->unit = keep_text(reading, from->unit);
    metric->doc = keep_text(reading, from->doc);
    if (metric->type != QNK_MANIFEST_COUNTER && metric->type != QNK_MANIFEST_GAUGE) {
        refuse(reading, QN_INVALID, "its metric '%s' is neither counter nor gauge", metric->name);
    }
    if (!is_of(metric->name, "abcdefghijklmnopqrstuvwxyz0123456789_")) {
        refuse(reading, QN_INVALID, "a metric's name is no name");
    }
    for (const struct qnk_manifest_metric *other = reading->metrics; other != metric; other++) {
        if (other->id == metric->id || strcmp(other->name, metric->name) == 0) {
            refuse(reading, QN_INVALID, "its metric '%s' comes twice", metric->name);
        }
    }
}

/* Fields that describe the plugin itself. False: another tag. */
static bool self_read(struct reading *reading, const struct field *field, int32_t *status)
{
    struct qnk_manifest *out = reading->out;

    switch (field->tag) {
    case QN_MANIFEST_KIND: {
        struct qn_manifest_kind it = {0};

        *status = qn_manifest_kind_read(field->value, &it);
        kind_read(reading, it.kind);
        return true;
    }
    case QN_MANIFEST_NAME: {
        struct qn_manifest_name it = {0};

        *status = qn_manifest_name_read(field->value, &it);
        out->name = keep_text(reading, it.name);
        return true;
    }
    case QN_MANIFEST_VERSION: {
        struct qn_manifest_version it = {0};

        *status = qn_manifest_version_read(field->value, &it);
        version_read(reading, &it);
        return true;
    }
    case QN_MANIFEST_LICENSE: {
        struct qn_manifest_license it = {0};

        *status = qn_manifest_license_read(field->value, &it);
        out->license = keep_text(reading, it.license);
        return true;
    }
    case QN_MANIFEST_SUMMARY: {
        struct qn_manifest_summary it = {0};

        *status = qn_manifest_summary_read(field->value, &it);
        out->summary = keep_text(reading, it.summary);
        return true;
    }
    case QN_MANIFEST_PUBLISHER: {
        struct qn_manifest_publisher it = {0};

        *status = qn_manifest_publisher_read(field->value, &it);
        out->publisher = keep_text(reading, it.publisher);
        return true;
    }
    case QN_MANIFEST_TOOL: {
        struct qn_manifest_tool it = {0};

        *status = qn_manifest_tool_read(field->value, &it);
        out->tool = keep_text(reading, it.tool);
        return true;
    }
    default:
        return false;
    }
}

/* Fields of what it needs from the kernel. */
static bool needs_read(struct reading *reading, const struct field *field, int32_t *status)
{
    struct qnk_manifest *out = reading->out;

    switch (field->tag) {
    case QN_MANIFEST_TABLE: {
        struct qn_manifest_table it = {0};

        *status = qn_manifest_table_read(field->value, &it);
        if (*status == QN_OK) {
            table_read(reading, &it);
        }
        return true;
    }
    case QN_MANIFEST_HOST: {
        struct qn_manifest_host it = {0};

        *status = qn_manifest_host_read(field->value, &it);
        out->host_major = it.major;
        out->host_minor = it.minor;
        out->host_print = it.print;
        return true;
    }
    case QN_MANIFEST_NEEDS: {
        struct qn_manifest_needs it = {0};

        *status = qn_manifest_needs_read(field->value, &it);
        reading->needs[out->needs_count++] =
            (struct qnk_manifest_extension){keep_text(reading, it.id), it.minor};
        return true;
    }
    case QN_MANIFEST_WANTS: {
        struct qn_manifest_wants it = {0};

        *status = qn_manifest_wants_read(field->value, &it);
        reading->wants[out->wants_count++] =
            (struct qnk_manifest_extension){keep_text(reading, it.id), it.minor};
        return true;
    }
    case QN_MANIFEST_FLAGS: {
        struct qn_manifest_flags it = {0};

        *status = qn_manifest_flags_read(field->value, &it);
        out->flags = it.flags;
        return true;
    }
    case QN_MANIFEST_LANES: {
        struct qn_manifest_lanes it = {0};

        *status = qn_manifest_lanes_read(field->value, &it);
        out->lanes = it.lanes;
        return true;
    }
    case QN_MANIFEST_MEMORY: {
        struct qn_manifest_memory it = {0};

        *status = qn_manifest_memory_read(field->value, &it);
        out->memory = it.memory;
        return true;
    }
    default:
        return false;
    }
}

/* Fields of what it offers, of whatever kind it is. */
static bool offers_read(struct reading *reading, const struct field *field, int32_t *status)
{
    struct qnk_manifest *out = reading->out;

    switch (field->tag) {
    case QN_MANIFEST_SCHEMA: {
        struct qn_manifest_schema it = {0};

        *status = qn_manifest_schema_read(field->value, &it);
        out->schema = keep_text(reading, it.schema);
        return true;
    }
    case QN_MANIFEST_IMPORTS: {
        struct qn_manifest_imports it = {0};

        *status = qn_manifest_imports_read(field->value, &it);
        reading->imports[out->imports_count++] = keep_text(reading, it.schema);
        return true;
    }
    case QN_MANIFEST_CONFIG: {
        struct qn_manifest_config it = {0};

        *status = qn_manifest_config_read(field->value, &it);
        key_read(reading, &it, &reading->keys[reading->keys_count++]);
        return true;
    }
    case QN_MANIFEST_METRIC: {
        struct qn_manifest_metric it = {0};

        *status = qn_manifest_metric_read(field->value, &it);
        if (*status == QN_OK) {
            metric_read(reading, &it, &reading->metrics[out->metrics_count++]);
        }
        return true;
    }
    default:
        return false;
    }
}

/* Fields that one kind has. */
static bool kinds_own_read(struct reading *reading, const struct field *field, int32_t *status)
{
    struct qnk_manifest *out = reading->out;

    switch (field->tag) {
    case QN_CONSENSUS_MANIFEST_STEPS: {
        struct qn_consensus_manifest_steps it = {0};

        *status = qn_consensus_manifest_steps_read(field->value, &it);
        reading->steps[out->steps_count++] =
            (struct qnk_manifest_step){it.id, keep_text(reading, it.name)};
        return true;
    }
    case QN_SIGNATURE_MANIFEST_RULES: {
        struct qn_signature_manifest_rules it = {0};

        *status = qn_signature_manifest_rules_read(field->value, &it);
        reading->rules[out->rules_count++] = keep_text(reading, it.name);
        return true;
    }
    case QN_LEDGER_MANIFEST_QUERIES: {
        struct qn_ledger_manifest_queries it = {0};

        *status = qn_ledger_manifest_queries_read(field->value, &it);
        reading->queries[out->queries_count++] = (struct qnk_manifest_query){
            it.id, keep_text(reading, it.name), keep_text(reading, it.doc)};
        return true;
    }
    case QN_SERVICE_MANIFEST_ROUTES: {
        struct qn_service_manifest_routes it = {0};

        *status = qn_service_manifest_routes_read(field->value, &it);
        reading->routes[out->routes_count++] =
            (struct qnk_manifest_route){it.id, keep_text(reading, it.method),
                                        keep_text(reading, it.path), keep_text(reading, it.doc)};
        return true;
    }
    case QN_SERVICE_MANIFEST_TOPICS: {
        struct qn_service_manifest_topics it = {0};

        *status = qn_service_manifest_topics_read(field->value, &it);
        reading->topics[out->topics_count++] = keep_text(reading, it.name);
        return true;
    }
    default:
        return false;
    }
}

static void field_read(struct reading *reading, const struct field *field)
{
    const char *owner = owner_of(field->tag);
    int32_t status = QN_OK;

    if (field->tag < TAG_KNOWN && !is_single(field->tag) && count_of(reading, field->tag) == NULL) {
        refuse(reading, QN_UNSUPPORTED,
               "its manifest has the field %u, which this qnetd " PACKAGE_VERSION
               " does not know and must",
               (unsigned int)field->tag);
        return;
    }
    /* A kind that is not ours may have these too, and is refused by name later. */
    if (owner != NULL && reading->out->kind != NULL &&
        strcmp(owner, reading->out->kind_name) != 0) {
        refuse(reading, QN_INVALID, "its manifest has the field %u, which is of %s plugins",
               (unsigned int)field->tag, owner);
        return;
    }
    if (!self_read(reading, field, &status) && !needs_read(reading, field, &status) &&
        !offers_read(reading, field, &status)) {
        (void)kinds_own_read(reading, field, &status);
    }
    if (status != QN_OK) {
        refuse(reading, QN_INVALID, "its manifest is damaged: the value of field %u",
               (unsigned int)field->tag);
    }
}

static uint64_t print_of(struct qn_span content)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);

    for (uint64_t i = 0; i < content.size; i++) {
        print = (print ^ content.data[i]) * UINT64_C(0x100000001b3);
    }
    return print;
}

static void head_check(struct reading *reading)
{
    struct qn_span content = reading->content;

    if (content.size > QN_MANIFEST_SIZE_MAX) {
        refuse(reading, QN_INVALID, "its manifest has %llu bytes, and %u is the most",
               (unsigned long long)content.size, (unsigned int)QN_MANIFEST_SIZE_MAX);
    } else if (content.size < HEAD_SIZE || memcmp(content.data, "QNM1", 4) != 0) {
        refuse(reading, QN_INVALID, "its manifest is not of the form QNM1");
    } else if (qn_le32_read(content.data + 4) != content.size) {
        refuse(reading, QN_INVALID, "its manifest is cut short");
    }
}

/* What every manifest has to have, once all fields are read. */
static void whole_check(struct reading *reading)
{
    const struct qnk_manifest *out = reading->out;

    if (*out->kind_text == 0 || *out->version_text == 0 || *out->license == 0 ||
        *out->newest == 0 || out->host_major == 0 || out->memory == 0) {
        refuse(reading, QN_INVALID, "its manifest lacks a field that each must have");
    }
    if (!is_of(out->name, "abcdefghijklmnopqrstuvwxyz0123456789-")) {
        refuse(reading, QN_INVALID, "its manifest gives no name of a-z, 0-9 and -");
    }
    if (out->lanes == 0 || out->lanes > LANES_MAX) {
        refuse(reading, QN_INVALID, "its manifest asks for %u lanes, and 1 to %u are possible",
               (unsigned int)out->lanes, (unsigned int)LANES_MAX);
    }
    if ((out->flags & ~(uint64_t)FLAGS_KNOWN) != 0) {
        refuse(reading, QN_UNSUPPORTED, "its manifest has a flag that this qnetd does not know");
    }
}

static void config_check(struct reading *reading)
{
    struct qnk_manifest *out = reading->out;
    char title[80];

    if (reading->status != QN_OK) {
        return;
    }
    (void)snprintf(title, sizeof title, "%s %s %u.%u", out->kind_name, out->name,
                   (unsigned int)out->version[0], (unsigned int)out->version[1]);
    out->config.title = keep_text(reading, (struct qn_span){(const uint8_t *)title, strlen(title)});

    const char *fault = qnk_config_schema_fault(&out->config);

    if (fault != NULL) {
        refuse(reading, QN_INVALID, "its manifest's config is wrong: %s", fault);
    }
}

static void empty_fill(struct qnk_manifest *out)
{
    *out = (struct qnk_manifest){0};
    out->kind_text = out->kind_name = out->name = out->version_text = out->license = "";
    out->summary = out->publisher = out->tool = out->schema = out->newest = out->release = "";
    out->config.title = "";
}

int32_t qnk_manifest_read(struct qn_span content, struct qnk_arena *arena,
                          struct qnk_manifest *manifest, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_manifest out;
    struct reading reading = {.content = content, .arena = arena, .out = &out, .why = why};
    struct field field;
    uint64_t at = HEAD_SIZE;

    empty_fill(&out);
    head_check(&reading);
    if (reading.status != QN_OK) {
        return reading.status;
    }
    fields_count(&reading);
    lists_take(&reading);
    while (field_take(&reading, &at, &field)) {
        field_read(&reading, &field);
    }
    whole_check(&reading);
    config_check(&reading);
    if (reading.status != QN_OK) {
        return reading.status;
    }
    out.print = print_of(content);
    *manifest = out;
    return QN_OK;
}
