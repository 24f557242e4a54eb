/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/config/part_value.h"

enum { NAMES_SHOWN = 12, SUGGEST_MAX = 2 };

/* The keys of a plugin's map that are the kernel's: they never reach the plugin. */
static const char *const on_error_values[] = {"auto", "restart", "fallback", "stop"};
static const struct qnk_config_key own_keys[] = {
    {.name = "use", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "its name"},
    {.name = "version", .type = QNK_CONFIG_STRING, .doc = "major.minor, as in \"1.0\""},
    {.name = "path", .type = QNK_CONFIG_PATH, .doc = "a file instead of the installed one"},
    {.name = "on_error",
     .type = QNK_CONFIG_CHOICE,
     .values = on_error_values,
     .values_count = sizeof on_error_values / sizeof *on_error_values,
     .doc = "what to do when the plugin fails; not yet"},
};
static const struct qnk_config_schema own_schema = {
    .title = "", .keys = own_keys, .count = sizeof own_keys / sizeof *own_keys};

/* A text of the own keys as a string. */
static const char *string_of(struct qnk_checker *checker, const struct qnk_config_part *part,
                             const char *name)
{
    return qnk_checker_string(checker, qnk_part_text(part, name));
}

/* Two numbers and a point between them. */
static bool is_version(const char *text)
{
    static const char digits[] = "0123456789";
    size_t major = strspn(text, digits);
    size_t minor = text[major] == '.' ? strspn(text + major + 1, digits) : 0;

    return major > 0 && major <= 5 && minor > 0 && minor <= 5 && text[major + 1 + minor] == 0;
}

static void version_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                          const struct qnk_tree *map, const struct qnk_config_plugin *plugin)
{
    const struct qnk_tree *given = qnk_tree_child(map, "version");

    if (given != NULL && *plugin->version != 0 && !is_version(plugin->version)) {
        qnk_report_add(checker->report, QNK_E105, qnk_checker_place(checker, given->mark),
                       "'version' is not a version: \"%s\"", plugin->version);
        qnk_report_hint(checker->report, "major.minor, as in \"1.0\"");
    } else if (given == NULL && (key->flags & QNK_CONFIG_VERSIONED) != 0) {
        qnk_report_add(checker->report, QNK_E103, plugin->place, "missing key 'version' of %s %s",
                       plugin->kind, plugin->name);
        qnk_report_hint(checker->report, "%s: {use: %s, version: \"1.0\"}", plugin->kind,
                        plugin->name);
    }
}

/* Appends the names of a kind to `list`, nearest to `wanted` first. */
static void names_list(const struct qnk_config_plugins *plugins, const char *kind,
                       const char *wanted, char list[QNK_REPORT_TEXT_MAX])
{
    size_t used = 0;

    list[0] = 0;
    for (uint32_t distance = 0; distance <= QNK_CONFIG_NAME_MAX + 1; distance++) {
        const char *name;

        for (uint32_t i = 0; (name = plugins->name_at(plugins->ctx, kind, i)) != NULL; i++) {
            bool is_next = qnk_config_distance(wanted, name, QNK_CONFIG_NAME_MAX) == distance;

            if (is_next && used + strlen(name) + 2 < QNK_REPORT_TEXT_MAX / 2) {
                used += (size_t)snprintf(list + used, QNK_REPORT_TEXT_MAX - used, "%s%s",
                                         used == 0 ? "" : ", ", name);
            }
        }
    }
}

static void refuse_plugin(struct qnk_checker *checker, const struct qnk_config_plugin *plugin,
                          int32_t status, const char *why)
{
    char list[QNK_REPORT_TEXT_MAX];

    if (status != QN_NOT_FOUND ||
        *plugin->path != 0) { /* a name beside a path is looked up nowhere */
        qnk_report_add(checker->report, QNK_E109, plugin->place, "%s '%s' is refused: %s",
                       plugin->kind, plugin->name, why);
        return;
    }
    names_list(checker->plugins, plugin->kind, plugin->name, list);
    qnk_report_add(checker->report, QNK_E108, plugin->place, "no such %s: '%s'", plugin->kind,
                   plugin->name);
    if (*list == 0) {
        qnk_report_hint(checker->report, "none is installed");
    } else {
        qnk_report_hint(checker->report, "there is %s", list);
    }
}

/* An address that only this machine reaches. */
static bool is_local(struct qn_span address)
{
    static const char *const local[] = {
        "tcp://127.", "tcp://localhost:", "tcp://[::1]:", "ipc://", "inproc://", "unix://"};

    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        size_t size = strlen(local[i]);

        if (address.size >= size && memcmp(address.data, local[i], size) == 0) {
            return true;
        }
    }
    return false;
}

/* What a service listens on is meant for people of this machine, unless the operator knows better.
 * Transports are there for other hosts. */
static void warn_of_listeners(struct qnk_checker *checker, const struct qnk_config_plugin *plugin)
{
    if (strcmp(plugin->kind, "service") != 0) {
        return;
    }
    for (uint32_t i = 0; i < plugin->part.schema->count; i++) {
        const struct qnk_config_value *value = &plugin->part.values[i];
        struct qn_span address = {value->record.data + 4, value->record.size - 4};

        if (value->key->type == QNK_CONFIG_ADDRESS && value->place.source != NULL &&
            address.size > 0 && !is_local(address)) {
            qnk_report_add(checker->report, QNK_W202, value->place, "'%s' is open to other hosts",
                           value->key->name);
        }
    }
}

/* The map to read a plugin from that is given by its name alone. */
static struct qnk_tree map_of_name(const struct qnk_tree *name, struct qnk_tree *use)
{
    struct qnk_tree map = *name;

    *use = *name;
    use->key = "use";
    use->key_mark = name->mark;
    use->next = NULL;
    map.kind = QNK_TREE_MAP;
    map.first = use;
    return map;
}

static void schema_find(struct qnk_checker *checker, struct qnk_config_plugin *plugin,
                        const struct qnk_tree *map)
{
    struct qnk_part_scope scope = {.also = &own_schema};
    char why[QNK_REPORT_TEXT_MAX] = "";

    if (checker->plugins == NULL || *plugin->name == 0) {
        return;
    }

    int32_t status = checker->plugins->find(checker->plugins->ctx, plugin, &scope.schema, why);

    if (status != QN_OK) {
        refuse_plugin(checker, plugin, status, why);
        return;
    }
    QN_ASSERT(scope.schema != NULL);
    qnk_part_check_scope(checker, &scope, map, &plugin->part);
    if (!checker->is_full) {
        warn_of_listeners(checker, plugin);
    }
}

static void plugin_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                         const struct qnk_tree *tree, struct qnk_config_plugin *plugin)
{
    const struct qnk_part_scope scope = {.schema = &own_schema, .is_partial = true};
    struct qnk_config_part own;
    struct qnk_tree use;
    struct qnk_tree map = tree->kind == QNK_TREE_TEXT ? map_of_name(tree, &use) : *tree;
    const struct qnk_tree *name = qnk_tree_child(&map, "use");

    *plugin = (struct qnk_config_plugin){
        .kind = key->values[0],
        .name = "",
        .version = "",
        .path = "",
        .place = qnk_checker_place(checker, name != NULL ? name->mark : tree->mark),
    };
    if (tree->kind == QNK_TREE_LIST) {
        qnk_report_add(checker->report, QNK_E105, plugin->place,
                       "'%s' is a list where a plugin is wanted", key->name);
        return;
    }
    qnk_part_check_scope(checker, &scope, &map, &own);
    if (checker->is_full) {
        return;
    }
    plugin->name = string_of(checker, &own, "use");
    plugin->version = string_of(checker, &own, "version");
    plugin->path = string_of(checker, &own, "path");
    plugin->on_error = (enum qnk_config_on_error)qnk_part_number(&own, "on_error");
    if (plugin->on_error != QNK_ON_ERROR_AUTO) {
        qnk_report_add(checker->report, QNK_W203, qnk_part_find(&own, "on_error")->place,
                       "'on_error' has no effect yet");
    }
    version_check(checker, key, &map, plugin);
    schema_find(checker, plugin, &map);
}

/* Name and version as texts, then the plugin's own record as bytes. Path and on_error are left out:
 * they say how this machine runs the plugin, not which one it is. */
static struct qn_span plugin_record(struct qnk_checker *checker,
                                    const struct qnk_config_plugin *plugin)
{
    const char *const texts[2] = {plugin->name, plugin->version};
    struct qn_span pieces[6];
    uint8_t sizes[3][4];

    for (uint32_t i = 0; i < 2; i++) {
        qn_le32_write(sizes[i], (uint32_t)strlen(texts[i]));
        pieces[2 * i] = (struct qn_span){sizes[i], 4};
        pieces[2 * i + 1] = (struct qn_span){(const uint8_t *)texts[i], strlen(texts[i])};
    }
    qn_le32_write(sizes[2], (uint32_t)plugin->part.record.size);
    pieces[4] = (struct qn_span){sizes[2], 4};
    pieces[5] = plugin->part.record;
    return qnk_checker_join(checker, pieces, 6);
}

static void plugins_take(struct qnk_checker *checker, struct qnk_config_value *value,
                         const struct qnk_tree *first, uint32_t count)
{
    struct qn_span *pieces = qnk_checker_take(checker, (1 + count) * sizeof *pieces);
    bool is_list = (value->key->type & QNK_CONFIG_LIST) != 0;
    uint8_t head[4];

    value->plugins = qnk_checker_take(checker, count * sizeof *value->plugins);
    if (pieces == NULL || value->plugins == NULL) {
        return;
    }
    qn_le32_write(head, count);
    pieces[0] = (struct qn_span){head, is_list ? sizeof head : 0};
    for (uint32_t i = 0; i < count; i++, first = first->next) {
        plugin_check(checker, value->key, first, &value->plugins[i]);
        pieces[1 + i] = plugin_record(checker, &value->plugins[i]);
    }
    value->plugins_count = count;
    value->record = qnk_checker_join(checker, pieces, 1 + count);
}

void qnk_part_check_plugins(struct qnk_checker *checker, struct qnk_config_value *value,
                            const struct qnk_tree *tree)
{
    bool is_list = (value->key->type & QNK_CONFIG_LIST) != 0;
    uint32_t count = 0;

    if (!is_list) {
        plugins_take(checker, value, tree, 1);
        return;
    }
    if (tree->kind != QNK_TREE_LIST) {
        qnk_report_add(checker->report, QNK_E105, qnk_checker_place(checker, tree->mark),
                       "'%s' is not a list", value->key->name);
        qnk_report_hint(checker->report, "as in [NAME] or [{use: NAME}]");
        return;
    }
    for (const struct qnk_tree *child = tree->first; child != NULL; child = child->next) {
        count++;
    }
    plugins_take(checker, value, tree->first, count);
}
