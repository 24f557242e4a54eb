/* SPDX-License-Identifier: MIT */

#include "kernel/net/spec.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/config/file.h"
#include "kernel/config/record.h"
#include "kernel/net/spec_own.h"

const char *const qnk_spec_types[QNK_SPEC_TYPES] = {"super", "full", "light"};

static const char *const versions[] = {"qnet.net/v1"};
static const char *const levels[] = {"L0", "L1"};

static const struct qnk_config_key keys[] = {
    {.name = "version",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = versions,
     .values_count = QNK_COUNT(versions),
     .doc = "qnet.net/v1"},
    {.name = "name",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "what the runs are called"},
    {.name = "seed",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(1),
     .min = QNK_RECORD_U64(0),
     .doc = "of all chance: the same seed is the same run of a virtual network"},
    {.name = "provider",
     .type = QNK_CONFIG_CHOICE,
     .values = qnk_provider_names,
     .values_count = QNK_PROVIDERS,
     .doc = "virtual: simulated in one process; process: a qnetd for each node"},
    {.name = "timeout",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(240000),
     .min = QNK_RECORD_U64(1000),
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "after which a run ends and has failed"},
    {.name = "level",
     .type = QNK_CONFIG_CHOICE,
     .absent = QNK_RECORD_U32(1),
     .values = levels,
     .values_count = QNK_COUNT(levels),
     .doc = "of a virtual network: L0 all is real, L1 signatures and blocks are done once"},
    {.name = "defaults.transport",
     .type = QNK_CONFIG_NAME,
     .doc = "of nodes that say nothing else; virtual has its own"},
    {.name = "defaults.storage", .type = QNK_CONFIG_NAME, .doc = "the same"},
    {.name = "defaults.compression", .type = QNK_CONFIG_NAME, .doc = "the same"},
};

/* Sections with a reader of their own. */
static const struct qnk_config_key section_keys[] = {
    {.name = "network"},  {.name = "nodes"},  {.name = "links"},   {.name = "load"},
    {.name = "timeline"}, {.name = "assert"}, {.name = "compare"},
};

static const struct qnk_config_schema schema = {"", keys, QNK_COUNT(keys)};
static const struct qnk_config_schema sections = {"", section_keys, QNK_COUNT(section_keys)};

/* --- items --- */

struct qnk_config_place qnk_tree_place(const struct qnk_spec *spec, const struct qnk_tree *tree)
{
    return qnk_checker_place(&spec->checker, tree->mark);
}

bool qnk_item_read(struct qnk_spec *spec, const struct qnk_tree *tree,
                   const struct qnk_config_schema *its, const struct qnk_config_schema *also,
                   struct qnk_item *item)
{
    const struct qnk_part_scope scope = {.schema = its, .also = also};

    *item = (struct qnk_item){.spec = spec, .tree = tree};
    if (tree->kind != QNK_TREE_MAP) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, tree), "not a map of keys%s%s",
                       *its->title == 0 ? "" : ": wanted is ", its->title);
        return false;
    }
    qnk_part_check_scope(&spec->checker, &scope, tree, &item->part);
    return !spec->checker.is_full;
}

bool qnk_item_given(const struct qnk_item *item, const char *key)
{
    return qnk_part_find(&item->part, key)->place.source != NULL;
}

const char *qnk_item_text(const struct qnk_item *item, const char *key)
{
    return qnk_checker_string(&item->spec->checker, qnk_part_text(&item->part, key));
}

uint64_t qnk_item_number(const struct qnk_item *item, const char *key)
{
    return qnk_part_number(&item->part, key);
}

uint32_t qnk_item_texts(struct qnk_item *item, const char *key, const char **texts, uint32_t limit)
{
    struct qnk_reader reader = qnk_reader_init(qnk_part_find(&item->part, key)->record);
    uint32_t count = qnk_reader_u32(&reader);

    if (count > limit) {
        qnk_report_add(&item->spec->report, QNK_E106, qnk_item_place(item, key),
                       "more than %u in '%s'", limit, key);
        count = limit;
    }
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = qnk_checker_string(&item->spec->checker,
                                      qnk_reader_span(&reader, qnk_reader_u32(&reader)));
    }
    return count;
}

struct qnk_config_place qnk_item_place(const struct qnk_item *item, const char *key)
{
    struct qnk_config_place place = qnk_part_find(&item->part, key)->place;

    return place.source != NULL ? place : qnk_tree_place(item->spec, item->tree);
}

const struct qnk_tree *qnk_items_first(struct qnk_spec *spec, const struct qnk_tree *map,
                                       const char *key)
{
    const struct qnk_tree *list = qnk_tree_child(map, key);

    if (list != NULL && list->kind != QNK_TREE_LIST) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, list), "'%s' is not a list",
                       key);
        return NULL;
    }
    return list == NULL ? NULL : list->first;
}

bool qnk_items_room(struct qnk_spec *spec, const struct qnk_tree *tree, uint32_t count,
                    uint32_t limit, const char *what)
{
    if (count == limit) {
        qnk_report_add(&spec->report, QNK_E106, qnk_tree_place(spec, tree), "more than %u %s",
                       limit, what);
    }
    return count < limit;
}

/* --- nodes by name --- */

uint64_t qnk_nodes_all(const struct qnk_spec *spec)
{
    return spec->nodes_count == 64 ? UINT64_MAX : (UINT64_C(1) << spec->nodes_count) - 1;
}

uint64_t qnk_nodes_of_type(const struct qnk_spec *spec, enum qnk_spec_type type)
{
    uint64_t nodes = 0;

    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        nodes |= (uint64_t)(spec->nodes[i].type == type) << i;
    }
    return nodes;
}

const struct qnk_spec_node *qnk_spec_node_find(const struct qnk_spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        if (strcmp(spec->nodes[i].name, name) == 0) {
            return &spec->nodes[i];
        }
    }
    return NULL;
}

/* Nodes that a word means; 0: none. */
static uint64_t word_nodes(const struct qnk_spec *spec, const char *word)
{
    const struct qnk_spec_node *node = qnk_spec_node_find(spec, word);
    uint64_t nodes = 0;

    if (node != NULL) {
        return UINT64_C(1) << (node - spec->nodes);
    }
    if (strcmp(word, "all") == 0) {
        return qnk_nodes_all(spec);
    }
    for (uint32_t type = 0; type < QNK_SPEC_TYPES; type++) {
        if (strcmp(word, qnk_spec_types[type]) == 0) {
            return qnk_nodes_of_type(spec, (enum qnk_spec_type)type);
        }
    }
    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        nodes |= (uint64_t)(strcmp(spec->nodes[i].zone, word) == 0 && *word != 0) << i;
    }
    return nodes;
}

static bool word_read(struct qnk_spec *spec, const struct qnk_tree *tree, uint64_t *nodes)
{
    uint64_t found = tree->kind == QNK_TREE_TEXT ? word_nodes(spec, tree->text) : 0;

    if (found == 0) {
        qnk_report_add(&spec->report, QNK_E113, qnk_tree_place(spec, tree),
                       "no node, type or zone is called '%s'",
                       tree->kind == QNK_TREE_TEXT ? tree->text : "{...}");
        qnk_report_hint(&spec->report, "all, super, full, light, or a name of 'nodes'");
    }
    *nodes |= found;
    return found != 0;
}

bool qnk_nodes_read(struct qnk_spec *spec, const struct qnk_tree *tree, uint64_t *nodes)
{
    bool is_good = true;

    *nodes = 0;
    if (tree->kind != QNK_TREE_LIST) {
        return word_read(spec, tree, nodes);
    }
    if (tree->first == NULL) {
        qnk_report_add(&spec->report, QNK_E106, qnk_tree_place(spec, tree), "a list of no node");
        return false;
    }
    for (const struct qnk_tree *item = tree->first; item != NULL; item = item->next) {
        is_good = word_read(spec, item, nodes) && is_good;
    }
    return is_good;
}

void qnk_spec_nodes_text(const struct qnk_spec *spec, uint64_t nodes, char *text, uint64_t room)
{
    uint64_t used = 0;

    text[0] = 0;
    for (uint32_t i = 0; i < spec->nodes_count && used + 1 < room; i++) {
        if ((nodes >> i & 1) != 0) {
            qnk_text(text + used, room - used, "%s%s", used == 0 ? "" : " ", spec->nodes[i].name);
            used += strlen(text + used);
        }
    }
}

/* --- the file --- */

static void head_read(struct qnk_spec *spec, const char *provider)
{
    struct qnk_item item;
    uint32_t given = 0;

    if (!qnk_item_read(spec, spec->tree, &schema, &sections, &item)) {
        return;
    }
    spec->name = qnk_item_text(&item, "name");
    spec->seed = qnk_item_number(&item, "seed");
    spec->provider = (enum qnk_provider)qnk_item_number(&item, "provider");
    while (provider != NULL && given < QNK_PROVIDERS &&
           strcmp(provider, qnk_provider_names[given]) != 0) {
        given++;
    }
    if (provider != NULL && given < QNK_PROVIDERS) {
        spec->provider = (enum qnk_provider)given;
    }
    spec->timeout_ms = qnk_item_number(&item, "timeout");
    spec->is_real = qnk_item_number(&item, "level") == 0;
    spec->transport = qnk_item_text(&item, "defaults.transport");
    spec->storage = qnk_item_text(&item, "defaults.storage");
    spec->compression = qnk_item_text(&item, "defaults.compression");
}

static int32_t memory_take(struct qnk_spec *spec, const struct qnk_spec_options *options)
{
    *spec = (struct qnk_spec){.budget = options->budget, .name = "", .folder = ""};
    spec->transport = spec->storage = spec->compression = spec->preset = "";
    spec->loader = options->loader;
    spec->block = qnk_memory_take(options->budget, QNK_SPEC_MEMORY);
    if (spec->block == NULL) {
        return QN_NO_SPACE;
    }
    qnk_arena_init(&spec->arena, spec->block, QNK_SPEC_MEMORY);
    qnk_report_init(&spec->report, &spec->arena);
    spec->checker = (struct qnk_checker){
        .arena = &spec->arena,
        .report = &spec->report,
        .source = &spec->source,
        .folder = "",
    };
    return QN_OK;
}

static int32_t all_read(struct qnk_spec *spec, const struct qnk_spec_options *options)
{
    int32_t status = qnk_tree_read(&spec->source, &spec->arena, &spec->report, &spec->tree);

    if (status != QN_OK) {
        return status;
    }
    head_read(spec, options->provider);
    qnk_spec_read_nodes(spec);
    qnk_spec_read_network(spec, options->loader);
    qnk_spec_read_links(spec);
    qnk_spec_read_loads(spec);
    qnk_spec_read_events(spec);
    qnk_spec_read_asserts(spec);
    qnk_spec_read_compare(spec);
    if (spec->checker.is_full) {
        return QN_NO_SPACE;
    }
    return spec->report.errors == 0 ? QN_OK : QN_INVALID;
}

int32_t qnk_spec_read(struct qnk_spec *spec, const struct qnk_spec_options *options,
                      const char *name, struct qn_span bytes)
{
    int32_t status = memory_take(spec, options);

    if (status != QN_OK) {
        return status;
    }
    spec->source = (struct qnk_config_source){name, bytes};
    return all_read(spec, options);
}

int32_t qnk_spec_open(struct qnk_spec *spec, const struct qnk_spec_options *options,
                      const char *path)
{
    int32_t status = memory_take(spec, options);

    if (status != QN_OK) {
        return status;
    }
    spec->source.name =
        qnk_checker_string(&spec->checker, (struct qn_span){(const uint8_t *)path, strlen(path)});
    status = qnk_file_read(path, QNK_TREE_FILE_MAX, &spec->arena, &spec->source.bytes);
    if (status != QN_OK) {
        qnk_report_add(&spec->report, QNK_E110, (struct qnk_config_place){NULL, {0, 0, 0}},
                       status == QN_NOT_FOUND  ? "there is no file '%s'"
                       : status == QN_INVALID  ? "'%s' is no file"
                       : status == QN_NO_SPACE ? "'%s' is larger than a megabyte"
                                               : "'%s' cannot be read",
                       path);
        return QN_INVALID;
    }
    spec->folder = qnk_file_folder(path, &spec->arena);
    spec->folder = spec->folder == NULL ? "" : spec->folder;
    return all_read(spec, options);
}

void qnk_spec_done(struct qnk_spec *spec)
{
    qnk_memory_give(spec->budget, spec->block, spec->block == NULL ? 0 : QNK_SPEC_MEMORY);
    spec->block = NULL;
}
