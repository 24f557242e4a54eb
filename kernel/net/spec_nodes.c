/* SPDX-License-Identifier: MIT */

/* spec_nodes.c: who is there, how far apart, and who is paid through. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/config/record.h"
#include "kernel/net/spec_own.h"

enum { RATE_MAX = 100000 };

static const struct qnk_config_key node_keys[] = {
    {.name = "name",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "its name; with a count the first part of names: v1, v2, ..."},
    {.name = "count",
     .type = QNK_CONFIG_INT,
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(QNK_SPEC_NODES_MAX),
     .absent = QNK_RECORD_U64(1),
     .doc = "how many of them"},
    {.name = "type",
     .type = QNK_CONFIG_CHOICE,
     .values = qnk_spec_types,
     .values_count = QNK_SPEC_TYPES,
     .doc = "super: a validator of weight 1; full; light"},
    {.name = "zone", .type = QNK_CONFIG_NAME, .doc = "where it stands, for links"},
    {.name = "lacks",
     .type = QNK_CONFIG_STRING | QNK_CONFIG_LIST,
     .doc = "plugins that it does not have at first, as KIND/NAME"},
    {.name = "set.transport", .type = QNK_CONFIG_NAME, .doc = "instead of the default"},
    {.name = "set.storage", .type = QNK_CONFIG_NAME, .doc = "instead of the default"},
    {.name = "set.compression", .type = QNK_CONFIG_NAME, .doc = "instead of the default"},
};
static const struct qnk_config_key node_also_keys[] = {{.name = "start_at"}};
static const struct qnk_config_schema node_schema = {"a node", node_keys, QNK_COUNT(node_keys)};
static const struct qnk_config_schema node_also = {"", node_also_keys, 1};

static const struct qnk_config_key start_keys[] = {
    {.name = "time",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "after the network's start"},
    {.name = "macro", .type = QNK_CONFIG_INT, .min = QNK_RECORD_U64(0), .doc = "a final window"},
};
static const struct qnk_config_schema start_schema = {"'start_at'", start_keys,
                                                      QNK_COUNT(start_keys)};

static const struct qnk_config_key link_keys[] = {
    {.name = "delay",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_WAY_MAX_MS),
     .doc = "one way"},
    {.name = "jitter",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_WAY_MAX_MS),
     .doc = "up to this much more, by lot"},
    {.name = "loss", .type = QNK_CONFIG_RATIO, .doc = "of frames, each of which breaks its link"},
};
static const struct qnk_config_schema link_schema = {"a link", link_keys, QNK_COUNT(link_keys)};

static const struct qnk_config_key load_keys[] = {
    {.name = "name", .type = QNK_CONFIG_NAME, .doc = "for people alone"},
    {.name = "rate",
     .type = QNK_CONFIG_STRING,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "signed transfers a second, as in 200/s"},
    {.name = "from",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "after the network's start"},
    {.name = "until",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "the end; without it to the end"},
};
static const struct qnk_config_key load_also_keys[] = {{.name = "to"}};
static const struct qnk_config_schema load_schema = {"a load", load_keys, QNK_COUNT(load_keys)};
static const struct qnk_config_schema load_also = {"", load_also_keys, 1};

/* --- nodes --- */

/* A plugin of a kind that there is. */
static void lack_check(struct qnk_item *item, const char *whole)
{
    const char *slash = strchr(whole, '/');
    struct qnk_report *report = &item->spec->report;
    char kind[QNK_SPEC_NAME], why[QNK_PLUGIN_WHY_MAX];
    struct qnk_plugin *plugin;

    if (slash == NULL || slash - whole >= (ptrdiff_t)sizeof kind || slash[1] == 0) {
        qnk_report_add(report, QNK_E105, qnk_item_place(item, "lacks"), "'%s' is not KIND/NAME",
                       whole);
        return;
    }
    qnk_text(kind, sizeof kind, "%.*s", (int)(slash - whole), whole);
    if (item->spec->loader != NULL &&
        qnk_loader_find(item->spec->loader, kind, slash + 1, "", &plugin, why) != QN_OK) {
        qnk_report_add(report, QNK_E108, qnk_item_place(item, "lacks"), "%s", why);
    }
}

/* Checked once for all of a count. */
static void lacks_read(struct qnk_item *item, struct qnk_spec_node *node, bool is_first)
{
    uint32_t count = qnk_item_texts(item, "lacks", node->lacks, QNK_SPEC_LACKS_MAX - 1);

    for (uint32_t i = 0; i < count && is_first; i++) {
        lack_check(item, node->lacks[i]);
    }
}

static void start_read(struct qnk_spec *spec, const struct qnk_tree *tree,
                       struct qnk_spec_node *node)
{
    const struct qnk_tree *start = qnk_tree_child(tree, "start_at");
    struct qnk_item item;

    if (start != NULL && qnk_item_read(spec, start, &start_schema, NULL, &item)) {
        node->start_ms = qnk_item_number(&item, "time");
        node->start_macro = qnk_item_number(&item, "macro");
    }
}

static void name_make(struct qnk_item *item, struct qnk_spec_node *node, uint32_t number)
{
    const char *name = qnk_item_text(item, "name");
    char text[2 * QNK_SPEC_NAME];

    qnk_text(text, sizeof text, number == 0 ? "%s" : "%s%u", name, number);
    if (strlen(text) >= 24 || strcmp(text, "all") == 0) {
        qnk_report_add(&item->spec->report, QNK_E106, qnk_item_place(item, "name"),
                       "'%s' is too long, or a word of its own", text);
    }
    if (qnk_spec_node_find(item->spec, text) != NULL) {
        qnk_report_add(&item->spec->report, QNK_E112, qnk_item_place(item, "name"),
                       "two nodes are called '%s'", text);
    }
    qnk_text(node->name, sizeof node->name, "%s", text);
}

static void nodes_add(struct qnk_spec *spec, struct qnk_item *item)
{
    uint32_t count = (uint32_t)qnk_item_number(item, "count");
    bool has_count = qnk_item_given(item, "count");

    for (uint32_t i = 1; i <= count; i++) {
        struct qnk_spec_node node = {
            .type = (enum qnk_spec_type)qnk_item_number(item, "type"),
            .zone = qnk_item_text(item, "zone"),
            .transport = qnk_item_text(item, "set.transport"),
            .storage = qnk_item_text(item, "set.storage"),
            .compression = qnk_item_text(item, "set.compression"),
            .place = qnk_item_place(item, "name"),
        };

        if (!qnk_items_room(spec, item->tree, spec->nodes_count, QNK_SPEC_NODES_MAX, "nodes")) {
            return;
        }
        name_make(item, &node, has_count ? i : 0);
        lacks_read(item, &node, i == 1);
        start_read(spec, item->tree, &node);
        spec->nodes[spec->nodes_count++] = node;
    }
}

/* Validators come first: that is how providers number them. */
static void nodes_order(struct qnk_spec *spec)
{
    static struct qnk_spec_node ordered[QNK_SPEC_NODES_MAX];
    uint32_t count = 0;

    for (uint32_t type = 0; type < QNK_SPEC_TYPES; type++) {
        for (uint32_t i = 0; i < spec->nodes_count; i++) {
            if (spec->nodes[i].type == type) {
                ordered[count++] = spec->nodes[i];
            }
        }
        spec->validators = type == QNK_SPEC_SUPER ? count : spec->validators;
    }
    memcpy(spec->nodes, ordered, count * sizeof *ordered);
}

void qnk_spec_read_nodes(struct qnk_spec *spec)
{
    for (const struct qnk_tree *at = qnk_items_first(spec, spec->tree, "nodes"); at != NULL;
         at = at->next) {
        struct qnk_item item;

        if (qnk_item_read(spec, at, &node_schema, &node_also, &item)) {
            nodes_add(spec, &item);
        }
    }
    nodes_order(spec);
    if (spec->validators == 0) {
        qnk_report_add(&spec->report, QNK_E103, qnk_tree_place(spec, spec->tree),
                       "'nodes' has no validator");
        qnk_report_hint(&spec->report, "nodes: [{name: v, count: 4, type: super}]");
    }
}

/* --- links --- */

static const char *zone_find(const struct qnk_spec *spec, const char *text, size_t size)
{
    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        if (strlen(spec->nodes[i].zone) == size && size > 0 &&
            strncmp(spec->nodes[i].zone, text, size) == 0) {
            return spec->nodes[i].zone;
        }
    }
    return NULL;
}

/* "eu-us": of all ways to cut it the one that leaves two zones. */
static bool zones_read(const struct qnk_spec *spec, const char *text, struct qnk_spec_link *link)
{
    for (const char *at = strchr(text, '-'); at != NULL; at = strchr(at + 1, '-')) {
        link->a = zone_find(spec, text, (size_t)(at - text));
        link->b = zone_find(spec, at + 1, strlen(at + 1));
        if (link->a != NULL && link->b != NULL) {
            return true;
        }
    }
    return false;
}

static void link_add(struct qnk_spec *spec, const struct qnk_tree *at)
{
    struct qnk_spec_link *link = &spec->links[spec->links_count];
    struct qnk_item item;

    if (!qnk_items_room(spec, at, spec->links_count, QNK_SPEC_LINKS_MAX, "links") ||
        !qnk_item_read(spec, at, &link_schema, NULL, &item)) {
        return;
    }
    *link = (struct qnk_spec_link){
        .delay_ms = qnk_item_number(&item, "delay"),
        .jitter_ms = qnk_item_number(&item, "jitter"),
        .loss = (uint32_t)qnk_item_number(&item, "loss"),
    };
    if (!zones_read(spec, at->key, link)) {
        qnk_report_add(&spec->report, QNK_E113, qnk_checker_place(&spec->checker, at->key_mark),
                       "'%s' is not two zones of 'nodes' with a hyphen between", at->key);
        return;
    }
    spec->links_count++;
}

void qnk_spec_read_links(struct qnk_spec *spec)
{
    const struct qnk_tree *links = qnk_tree_child(spec->tree, "links");

    if (links == NULL) {
        return;
    }
    if (links->kind != QNK_TREE_MAP) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, links),
                       "'links' is not a map from pairs of zones");
        return;
    }
    if (spec->provider != QNK_PROVIDER_VIRTUAL) {
        qnk_report_add(&spec->report, QNK_E120, qnk_checker_place(&spec->checker, links->key_mark),
                       "provider %s has no links of its own", qnk_provider_names[spec->provider]);
        qnk_report_hint(&spec->report, "provider: virtual");
    }
    for (const struct qnk_tree *at = links->first; at != NULL; at = at->next) {
        link_add(spec, at);
    }
}

/* --- loads --- */

/* "200/s" */
static bool rate_read(const char *text, uint64_t *rate)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 16) {
        return false;
    }
    *rate = strtoull(text, &end, 10);
    return strcmp(end, "/s") == 0 && *rate >= 1 && *rate <= RATE_MAX;
}

static void load_add(struct qnk_spec *spec, const struct qnk_tree *at)
{
    struct qnk_spec_load *load = &spec->loads[spec->loads_count];
    const struct qnk_tree *to;
    struct qnk_item item;

    if (!qnk_items_room(spec, at, spec->loads_count, QNK_SPEC_LOADS_MAX, "loads") ||
        !qnk_item_read(spec, at, &load_schema, &load_also, &item)) {
        return;
    }
    *load = (struct qnk_spec_load){
        .name = qnk_item_text(&item, "name"),
        .to = qnk_nodes_of_type(spec, QNK_SPEC_SUPER),
        .from_ms = qnk_item_number(&item, "from"),
        .until_ms = qnk_item_number(&item, "until"),
        .place = qnk_tree_place(spec, at),
    };
    if (!rate_read(qnk_item_text(&item, "rate"), &load->rate)) {
        qnk_report_add(&spec->report, QNK_E107, qnk_item_place(&item, "rate"),
                       "'rate' is not a rate");
        qnk_report_hint(&spec->report, "1/s to %d/s", RATE_MAX);
    }
    if (load->until_ms != 0 && load->until_ms <= load->from_ms) {
        qnk_report_add(&spec->report, QNK_E112, qnk_item_place(&item, "until"),
                       "'until' is not after 'from'");
    }
    to = qnk_tree_child(at, "to");
    if (to != NULL && qnk_nodes_read(spec, to, &load->to) &&
        (load->to & qnk_nodes_of_type(spec, QNK_SPEC_LIGHT)) != 0) {
        qnk_report_add(&spec->report, QNK_E112, qnk_tree_place(spec, to),
                       "light nodes take no transactions");
    }
    spec->loads_count++;
}

void qnk_spec_read_loads(struct qnk_spec *spec)
{
    for (const struct qnk_tree *at = qnk_items_first(spec, spec->tree, "load"); at != NULL;
         at = at->next) {
        load_add(spec, at);
    }
    if (spec->loads_count > 1 && spec->provider == QNK_PROVIDER_PROCESS) {
        qnk_report_add(&spec->report, QNK_E120, spec->loads[1].place,
                       "provider process carries one load");
    }
}
