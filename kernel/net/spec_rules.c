/* SPDX-License-Identifier: MIT */

/* spec_rules.c: the network file of a spec: a preset, what the spec changes in it, and what a
 * variant changes on top. One top key a line: so a mistake in it is found again in the spec. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/config/network.h"
#include "kernel/net/presets.h"
#include "kernel/net/spec_own.h"

enum { LAYERS = 3, RULES_CAP = 1 << 20, NAME_ROOM = 64 };

static const struct qnk_config_key keys[] = {
    {.name = "preset",
     .type = QNK_CONFIG_CHOICE,
     .values = qnk_preset_names,
     .values_count = QNK_PRESETS,
     .doc = "the rules to start from: dev, blocks of a second; sim, ten times as fast"},
};
static const struct qnk_config_key set_keys[] = {{.name = "set"}};
static const struct qnk_config_schema schema = {"'network'", keys, QNK_COUNT(keys)};
static const struct qnk_config_schema set_schema = {"", set_keys, 1};

static int32_t put(struct qn_sink *out, const char *text)
{
    return qnk_sink_append(out, text, strlen(text));
}

static int32_t text_put(struct qn_sink *out, const struct qnk_tree *tree)
{
    int32_t status;

    if (tree->is_plain) {
        return put(out, tree->text);
    }
    status = put(out, "\"");
    for (const char *at = tree->text; *at != 0 && status == QN_OK; at++) {
        if (*at == '"' || *at == '\\') {
            status = put(out, "\\");
        }
        status = status == QN_OK ? qnk_sink_append(out, at, 1) : status;
    }
    return status == QN_OK ? put(out, "\"") : status;
}

static int32_t key_put(struct qn_sink *out, const struct qnk_tree *tree)
{
    int32_t status = tree->key == NULL ? QN_OK : put(out, tree->key);

    return status == QN_OK && tree->key != NULL ? put(out, ": ") : status;
}

/* The value of `tree` in one line. */
static int32_t value_put(struct qn_sink *out, const struct qnk_tree *tree)
{
    const struct qnk_tree *above[QNK_TREE_DEPTH_MAX], *at = tree;
    uint32_t depth = 0;

    for (;;) {
        int32_t status = depth > 0 ? key_put(out, at) : QN_OK;

        if (status == QN_OK && at->kind == QNK_TREE_TEXT) {
            status = text_put(out, at);
        } else if (status == QN_OK) {
            status = put(out, at->kind == QNK_TREE_LIST ? "[" : "{");
        }
        if (status != QN_OK) {
            return status;
        }
        if (at->kind != QNK_TREE_TEXT && at->first != NULL && depth < QNK_TREE_DEPTH_MAX) {
            above[depth++] = at;
            at = at->first;
            continue;
        }
        if (at->kind != QNK_TREE_TEXT) {
            status = put(out, at->kind == QNK_TREE_LIST ? "]" : "}");
        }
        while (status == QN_OK && depth > 0 && at->next == NULL) {
            at = above[--depth];
            status = put(out, at->kind == QNK_TREE_LIST ? "]" : "}");
        }
        if (status != QN_OK || depth == 0) {
            return status;
        }
        status = put(out, ", ");
        if (status != QN_OK) {
            return status;
        }
        at = at->next;
    }
}

int32_t qnk_rule_put(const struct qnk_tree *tree, struct qn_sink *out)
{
    int32_t status = key_put(out, tree);

    status = status == QN_OK ? value_put(out, tree) : status;
    return status == QN_OK ? put(out, "\n") : status;
}

/* The topmost layer that has the key. */
static const struct qnk_tree *layer_find(const struct qnk_tree *const layers[LAYERS],
                                         const char *key, uint32_t *layer)
{
    for (*layer = 0; *layer < LAYERS; (*layer)++) {
        const struct qnk_tree *child =
            layers[*layer] == NULL ? NULL : qnk_tree_child(layers[*layer], key);

        if (child != NULL) {
            return child;
        }
    }
    return NULL;
}

/* Members of `map` that are not in `over`, each after ", ". */
static int32_t rest_put(struct qn_sink *out, const struct qnk_tree *map,
                        const struct qnk_tree *over, bool *is_first)
{
    int32_t status = QN_OK;

    for (const struct qnk_tree *at = map->first; at != NULL && status == QN_OK; at = at->next) {
        if ((over != NULL && qnk_tree_child(over, at->key) != NULL) ||
            strcmp(at->key, "use") == 0 || strcmp(at->key, "version") == 0) {
            continue;
        }
        status = *is_first ? QN_OK : put(out, ", ");
        *is_first = false;
        status = status == QN_OK ? key_put(out, at) : status;
        status = status == QN_OK ? value_put(out, at) : status;
    }
    return status;
}

static const struct qnk_tree *settings_of(struct qnk_spec *spec, const char *kind,
                                          const char *plugin)
{
    const char *text = qnk_preset_settings(spec->preset, kind, plugin);
    uint64_t size = strlen(text) + 3;
    struct qnk_config_source *source = qnk_checker_take(&spec->checker, sizeof *source);
    char *whole = qnk_checker_take(&spec->checker, size);
    struct qnk_tree *tree = NULL;

    if (source == NULL || whole == NULL) {
        return NULL;
    }
    qnk_text(whole, size, "{%s}", text);
    *source = (struct qnk_config_source){"preset", {(const uint8_t *)whole, size - 1}};
    return qnk_tree_read(source, &spec->arena, &spec->report, &tree) == QN_OK ? tree : NULL;
}

/* "1.0", as a network file states it. */
static void version_find(const struct qnk_spec *spec, const char *kind, const char *name,
                         char text[NAME_ROOM])
{
    char why[QNK_PLUGIN_WHY_MAX];
    struct qnk_plugin *plugin;

    qnk_text(text, NAME_ROOM, "1.0");
    if (spec->loader != NULL &&
        qnk_loader_find(spec->loader, kind, name, "", &plugin, why) == QN_OK) {
        qnk_text(text, NAME_ROOM, "%u.%u", plugin->manifest.version[0],
                 plugin->manifest.version[1]);
    }
}

/* A plugin by its name, or by a map with settings; what it leaves out the preset says. */
static int32_t plugin_put(struct qnk_spec *spec, struct qn_sink *out, const struct qnk_tree *value,
                          const char *usual)
{
    const struct qnk_tree *use = value->kind == QNK_TREE_MAP ? qnk_tree_child(value, "use") : value;
    const char *name = use == NULL || use->kind != QNK_TREE_TEXT ? usual : use->text;
    const struct qnk_tree *settings = settings_of(spec, value->key, name);
    const struct qnk_tree *given = value->kind == QNK_TREE_MAP ? value : NULL;
    char version[NAME_ROOM], head[QNK_CONFIG_TEXT_MAX + 2 * NAME_ROOM];
    bool is_first = false;
    int32_t status;

    version_find(spec, value->key, name, version);
    qnk_text(head, sizeof head, "{use: %s, version: \"%s\"", name, version);
    status = put(out, head);
    if (status == QN_OK && given != NULL) {
        status = rest_put(out, given, NULL, &is_first);
    }
    if (status == QN_OK && settings != NULL) {
        status = rest_put(out, settings, given, &is_first);
    }
    return status == QN_OK ? put(out, "}") : status;
}

static bool is_plugin(const char *key)
{
    return strcmp(key, "producer") == 0 || strcmp(key, "consensus") == 0 ||
           strcmp(key, "ledger") == 0;
}

static int32_t line_put(struct qnk_spec *spec, struct qn_sink *out, const struct qnk_tree *value,
                        const struct qnk_tree *preset)
{
    const struct qnk_tree *usual = preset == NULL ? NULL : qnk_tree_child(preset, "use");
    int32_t status = key_put(out, value);
    bool is_first = true;

    if (status != QN_OK) {
        return status;
    }
    if (is_plugin(value->key)) {
        status = plugin_put(spec, out, value, usual == NULL ? "" : usual->text);
    } else if (value->kind == QNK_TREE_MAP && value->first != NULL) {
        status = put(out, "{");
        status = status == QN_OK ? rest_put(out, value, NULL, &is_first) : status;
        if (status == QN_OK && preset != NULL && preset->kind == QNK_TREE_MAP) {
            status = rest_put(out, preset, value, &is_first);
        }
        status = status == QN_OK ? put(out, "}") : status;
    } else {
        status = value_put(out, value);
    }
    return status == QN_OK ? put(out, "\n") : status;
}

static const struct qnk_tree *preset_tree(struct qnk_spec *spec)
{
    struct qnk_config_source *source = qnk_checker_take(&spec->checker, sizeof *source);
    struct qnk_tree *tree = NULL;
    uint32_t place = 0;

    while (place + 1 < QNK_PRESETS && strcmp(qnk_preset_names[place], spec->preset) != 0) {
        place++;
    }
    if (source == NULL) {
        return NULL;
    }
    *source = (struct qnk_config_source){
        "preset", {(const uint8_t *)qnk_preset_text(place), strlen(qnk_preset_text(place))}};
    return qnk_tree_read(source, &spec->arena, &spec->report, &tree) == QN_OK ? tree : NULL;
}

int32_t qnk_spec_rules(struct qnk_spec *spec, const struct qnk_tree *more, struct qn_sink *out)
{
    const struct qnk_tree *layers[LAYERS] = {more, spec->changes, preset_tree(spec)};
    int32_t status = layers[2] == NULL ? QN_NO_SPACE : QN_OK;

    for (uint32_t i = LAYERS; i-- > 0 && status == QN_OK;) {
        const struct qnk_tree *at = layers[i] == NULL ? NULL : layers[i]->first;

        for (; at != NULL && status == QN_OK; at = at->next) {
            const struct qnk_tree *below = i == 2 ? NULL : qnk_tree_child(layers[2], at->key);
            uint32_t layer;
            const struct qnk_tree *value = layer_find(layers, at->key, &layer);

            /* Each key once: with the lowest layer that has it. */
            if (below != NULL ||
                (i == 0 && layers[1] != NULL && qnk_tree_child(layers[1], at->key) != NULL)) {
                continue;
            }
            status = line_put(spec, out, value, qnk_tree_child(layers[2], at->key));
        }
    }
    return status;
}

int32_t qnk_spec_plugin_line(struct qnk_spec *spec, const char *kind, const char *plugin,
                             struct qn_sink *out)
{
    const struct qnk_tree value = {
        .kind = QNK_TREE_TEXT, .is_plain = true, .text = plugin, .key = kind};

    return line_put(spec, out, &value, NULL);
}

const char *qnk_spec_plugin_name(struct qnk_spec *spec, const struct qnk_tree *more,
                                 const char *kind)
{
    const struct qnk_tree *layers[LAYERS] = {more, spec->changes, preset_tree(spec)};

    for (uint32_t i = 0; i < LAYERS; i++) {
        const struct qnk_tree *at = layers[i] == NULL ? NULL : qnk_tree_child(layers[i], kind);
        const struct qnk_tree *use =
            at != NULL && at->kind == QNK_TREE_MAP ? qnk_tree_child(at, "use") : at;

        if (use != NULL && use->kind == QNK_TREE_TEXT) {
            return use->text;
        }
    }
    return "";
}

/* --- the check --- */

/* Where the spec says what stands in this line of the rules. */
static struct qnk_config_place place_of(const struct qnk_spec *spec, const struct qnk_tree *rules,
                                        uint32_t line, const struct qnk_tree *more)
{
    const struct qnk_tree *layers[LAYERS] = {more, spec->changes, NULL};
    const struct qnk_tree *network = qnk_tree_child(spec->tree, "network"), *found = NULL;
    uint32_t layer;

    for (const struct qnk_tree *at = rules->first; at != NULL; at = at->next) {
        if (at->key_mark.line == line) {
            found = layer_find(layers, at->key, &layer);
        }
    }
    if (found != NULL) {
        return qnk_checker_place(&spec->checker, found->key_mark);
    }
    return network == NULL ? qnk_tree_place(spec, spec->tree)
                           : qnk_checker_place(&spec->checker, network->key_mark);
}

static void findings_take(struct qnk_spec *spec, const struct qnk_report *report,
                          const struct qnk_tree *rules, const struct qnk_tree *more)
{
    for (uint32_t i = 0; i < report->count; i++) {
        const struct qnk_finding *it = &report->findings[i];

        if (it->code == QNK_E103 && strstr(it->text, "'genesis") != NULL) {
            continue; /* a provider makes it */
        }
        qnk_report_add(&spec->report, it->code, place_of(spec, rules, it->place.mark.line, more),
                       "the rules: %s", it->text);
        if (*it->hint != 0) {
            qnk_report_hint(&spec->report, "%s", it->hint);
        }
    }
}

static void rules_check(struct qnk_spec *spec, const struct qnk_tree *more)
{
    struct qnk_report *report = qnk_checker_take(&spec->checker, sizeof *report);
    struct qnk_config_source *source = qnk_checker_take(&spec->checker, sizeof *source);
    struct qnk_checker checker = spec->checker;
    struct qnk_config_part part;
    struct qnk_tree *tree = NULL;
    struct qn_sink rules;

    if (report == NULL || source == NULL) {
        return;
    }
    qnk_report_init(report, &spec->arena);
    qnk_sink_init(&rules, spec->budget, RULES_CAP);
    if (qnk_spec_rules(spec, more, &rules) != QN_OK) {
        spec->checker.is_full = true;
    } else {
        *source = (struct qnk_config_source){"the rules", qnk_sink_span(&rules)};
        checker.report = report;
        checker.source = source;
        checker.plugins = spec->loader == NULL ? NULL : qnk_loader_config(spec->loader);
        if (qnk_tree_read(source, &spec->arena, report, &tree) == QN_OK) {
            qnk_part_check(&checker, &qnk_network_schema, tree, &part);
        }
        if (tree != NULL) {
            findings_take(spec, report, tree, more);
        } else {
            qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, spec->tree),
                           "the rules cannot be read");
        }
    }
    spec->checker.is_full = spec->checker.is_full || checker.is_full;
    qnk_sink_done(&rules);
}

void qnk_spec_read_network(struct qnk_spec *spec, struct qnk_loader *loader)
{
    const struct qnk_tree *tree = qnk_tree_child(spec->tree, "network");
    const struct qnk_tree *compare = qnk_tree_child(spec->tree, "compare");
    const struct qnk_tree *variants = compare == NULL ? NULL : qnk_tree_child(compare, "variants");
    struct qnk_item item;

    spec->loader = loader;
    spec->preset = qnk_preset_names[0];
    if (tree != NULL && qnk_item_read(spec, tree, &schema, &set_schema, &item)) {
        spec->preset = qnk_preset_names[qnk_item_number(&item, "preset")];
        spec->changes = qnk_tree_child(tree, "set");
        if (spec->changes != NULL && spec->changes->kind != QNK_TREE_MAP) {
            qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, spec->changes),
                           "'set' is not a map of keys");
            spec->changes = NULL;
        }
    }
    rules_check(spec, NULL);
    for (const struct qnk_tree *at = variants == NULL ? NULL : variants->first; at != NULL;
         at = at->next) {
        const struct qnk_tree *more =
            at->kind == QNK_TREE_MAP ? qnk_tree_child(at, "network") : NULL;

        if (more != NULL && more->kind == QNK_TREE_MAP) {
            rules_check(spec, more);
        }
    }
}
