/* SPDX-License-Identifier: MIT */

/* spec_set.c: a node file with other keys: what `restart` of a timeline may change of a node, how
 * its file looks then, and whether that is good. */

#include <string.h>

#include "kernel/config/config.h"
#include "kernel/net/presets.h"
#include "kernel/net/spec_own.h"

enum { FILE_CAP = 1 << 20 };

/* What a provider says itself: who a node is, and how others find it. */
static const char *const fixed[] = {"version", "network", "name",      "type", "data",
                                    "keys",    "peers",   "transport", "trust"};

/* What the simulator takes of a node file; its disks, links and compression are its own. */
static const char *const simulated[] = {"mempool", "resend"};

static bool is_among(const char *key, const char *const *keys, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* --- the file --- */

/* The end of the line at `at`. */
static const char *line_end(const char *at, const char *end)
{
    const char *found = memchr(at, '\n', (size_t)(end - at));

    return found == NULL ? end : found + 1;
}

/* Whether a line begins one of the keys that are set; one that goes on with a value, or is a
 * comment, changes nothing. */
static void line_look(const char *at, const char *end, const struct qnk_tree *set, bool *is_left)
{
    size_t size = 0;
    char key[QNK_SPEC_NAME];

    if (*at == ' ' || *at == '-' || *at == '#' || *at == '\n') {
        return;
    }
    while (at + size < end && at[size] != ':' && size + 1 < sizeof key) {
        key[size] = at[size];
        size++;
    }
    key[size] = 0;
    *is_left = qnk_tree_child(set, key) == NULL;
}

int32_t qnk_spec_node_file(const struct qnk_tree *set, struct qn_span base, struct qn_sink *out)
{
    const char *at = (const char *)base.data, *end = at + base.size;
    bool is_left = true;
    int32_t status = QN_OK;

    while (at < end && status == QN_OK) {
        const char *next = line_end(at, end);

        line_look(at, next, set, &is_left);
        status = is_left ? qnk_sink_append(out, at, (uint64_t)(next - at)) : QN_OK;
        at = next;
    }
    for (const struct qnk_tree *it = set->first; it != NULL && status == QN_OK; it = it->next) {
        status = qnk_rule_put(it, out);
    }
    return status;
}

/* --- the check --- */

/* A finding of the file is one of the key that stands in its line. */
static struct qnk_config_place place_of(const struct qnk_spec *spec, const struct qnk_tree *set,
                                        const struct qnk_config *config, uint32_t line)
{
    const struct qnk_tree *at =
        config->node_file.tree == NULL ? NULL : config->node_file.tree->first;

    for (; at != NULL; at = at->next) {
        const struct qnk_tree *own =
            at->key_mark.line == line ? qnk_tree_child(set, at->key) : NULL;

        if (own != NULL) {
            return qnk_checker_place(&spec->checker, own->key_mark);
        }
    }
    return qnk_tree_place(spec, set);
}

static void file_check(struct qnk_spec *spec, const struct qnk_tree *set, struct qn_span text)
{
    const struct qnk_config_options options = {
        .budget = spec->budget,
        .plugins = spec->loader == NULL ? NULL : qnk_loader_config(spec->loader),
    };
    static struct qnk_config config;

    if (qnk_config_init(&config, &options) != QN_OK) {
        spec->checker.is_full = true;
        return;
    }
    (void)!qnk_config_read_node(&config, "node.yaml", text);
    for (uint32_t i = 0; i < config.report.count; i++) {
        const struct qnk_finding *it = &config.report.findings[i];

        qnk_report_add(&spec->report, it->code, place_of(spec, set, &config, it->place.mark.line),
                       "the node file: %s", it->text);
        if (*it->hint != 0) {
            qnk_report_hint(&spec->report, "%s", it->hint);
        }
    }
    qnk_config_done(&config);
}

static bool key_check(struct qnk_spec *spec, const struct qnk_tree *key)
{
    struct qnk_config_place place = qnk_checker_place(&spec->checker, key->key_mark);

    if (is_among(key->key, fixed, QNK_COUNT(fixed))) {
        qnk_report_add(&spec->report, QNK_E112, place, "'%s' of a node is not for a restart to set",
                       key->key);
        return false;
    }
    if (spec->provider == QNK_PROVIDER_VIRTUAL &&
        !is_among(key->key, simulated, QNK_COUNT(simulated))) {
        qnk_report_add(&spec->report, QNK_E120, place,
                       "provider virtual has no '%s' of its own to set", key->key);
        qnk_report_hint(&spec->report, "provider: process; virtual sets mempool and resend");
        return false;
    }
    return true;
}

void qnk_spec_check_set(struct qnk_spec *spec, const struct qnk_tree *set)
{
    const char *preset = qnk_preset_node(spec->preset);
    bool is_good = set->kind == QNK_TREE_MAP && set->first != NULL;
    struct qn_sink text;

    if (!is_good) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, set),
                       "'set' is not a map of keys of a node file");
        qnk_report_hint(&spec->report, "set: {mempool: {txs: 1000}}");
        return;
    }
    for (const struct qnk_tree *at = set->first; at != NULL; at = at->next) {
        is_good = key_check(spec, at) && is_good;
    }
    qnk_sink_init(&text, spec->budget, FILE_CAP);
    if (qnk_spec_node_file(set, (struct qn_span){(const uint8_t *)preset, strlen(preset)}, &text) !=
        QN_OK) {
        spec->checker.is_full = true;
    } else if (is_good) {
        file_check(spec, set, qnk_sink_span(&text));
    }
    qnk_sink_done(&text);
}
