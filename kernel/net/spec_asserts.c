/* SPDX-License-Identifier: MIT */

/* spec_asserts.c: what must hold. */

#include <string.h>

#include "kernel/config/record.h"
#include "kernel/net/figures.h"
#include "kernel/net/spec_own.h"

const char *const qnk_invariant_names[QNK_INVARIANTS] = {
    [QNK_INVARIANT_SAME_HASH] = "same_hash_at_height",
    [QNK_INVARIANT_FINAL_STAYS] = "final_never_changes",
    [QNK_INVARIANT_TXS_ONCE] = "accepted_txs_final_once",
    [QNK_INVARIANT_ONE_CHAIN] = "every_node_on_one_chain",
    [QNK_INVARIANT_PROVED] = "oracles_hold",
};

enum { NEAR = 3 }; /* changes by which a name may differ from the one that was meant */

static const char *const for_eachs[] = {"", "swap"};

static const struct qnk_config_key keys[] = {
    {.name = "id", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "for reports"},
    {.name = "that", .type = QNK_CONFIG_STRING, .doc = "holds at some moment"},
    {.name = "always", .type = QNK_CONFIG_STRING, .doc = "holds at each"},
    {.name = "invariant", .type = QNK_CONFIG_STRING, .doc = "of all nodes' chains"},
    {.name = "promql", .type = QNK_CONFIG_STRING, .doc = "no provider has a Prometheus yet"},
    {.name = "run", .type = QNK_CONFIG_STRING, .doc = "a program; $1 is the run's folder"},
    {.name = "expect", .type = QNK_CONFIG_INT, .min = QNK_RECORD_U64(0), .doc = "its exit code"},
    {.name = "log.event", .type = QNK_CONFIG_STRING, .doc = "what a node says"},
    {.name = "log.count", .type = QNK_CONFIG_INT, .min = QNK_RECORD_U64(0), .doc = "how often"},
    {.name = "within",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(60000),
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of that: after the node's start"},
    {.name = "from",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of always: not before"},
    {.name = "until",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of always: not after"},
    {.name = "except",
     .type = QNK_CONFIG_NAME | QNK_CONFIG_LIST,
     .doc = "ids of events whose time is planned trouble"},
    {.name = "grace",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(10000),
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "how long such trouble is felt after its end"},
    {.name = "for_each",
     .type = QNK_CONFIG_CHOICE,
     .values = for_eachs,
     .values_count = QNK_COUNT(for_eachs),
     .doc = "swap: it holds for each"},
};
static const struct qnk_config_key also_keys[] = {{.name = "nodes"}};
static const struct qnk_config_schema schema = {"'assert'", keys, QNK_COUNT(keys)};
static const struct qnk_config_schema also = {"", also_keys, 1};

static const char *const kinds[] = {"that", "always", "invariant", "log.event", "run"};

/* Which of them it is: one. */
static bool kind_find(struct qnk_item *item, struct qnk_spec_assert *it)
{
    uint32_t found = 0;

    if (qnk_item_given(item, "promql")) {
        qnk_report_add(&item->spec->report, QNK_E120, qnk_item_place(item, "promql"),
                       "provider %s has no Prometheus to ask",
                       qnk_provider_names[item->spec->provider]);
        qnk_report_hint(&item->spec->report, "that: \"NAME OP NUMBER\"");
        return false;
    }
    for (uint32_t i = 0; i < QNK_COUNT(kinds); i++) {
        if (qnk_item_given(item, kinds[i])) {
            it->kind = (enum qnk_spec_assert_kind)i;
            found++;
        }
    }
    if (found != 1) {
        qnk_report_add(&item->spec->report, found == 0 ? QNK_E103 : QNK_E112,
                       qnk_tree_place(item->spec, item->tree),
                       "one of that, always, invariant, log and run is wanted");
    }
    return found == 1;
}

static void names_hint(struct qnk_spec *spec, const struct qnk_figure_row *rows, uint32_t count,
                       const char *name)
{
    const char *near = NULL;
    uint32_t least = NEAR + 1;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t distance = qnk_config_distance(name, rows[i].name, NEAR);

        if (distance < least) {
            least = distance;
            near = rows[i].name;
        }
    }
    if (near != NULL) {
        qnk_report_hint(&spec->report, "did you mean '%s'?", near);
        return;
    }
    qnk_report_hint(&spec->report, "docs/testnets.md has all names");
}

static void expr_read(struct qnk_item *item, struct qnk_spec_assert *it, const char *key)
{
    struct qnk_spec *spec = item->spec;
    struct qnk_config_place place = qnk_item_place(item, key);
    char why[QNK_EXPR_WHY];

    it->text = qnk_item_text(item, key);
    if (!qnk_expr_read(it->text, &it->expr, why)) {
        qnk_report_add(&spec->report, QNK_E114, place, "'%s': %s", key, why);
        return;
    }

    bool is_swap = strcmp(it->expr.scope, "swap") == 0, is_run = strcmp(it->expr.scope, "run") == 0;
    const struct qnk_figure_row *rows = is_swap  ? qnk_swap_figures
                                        : is_run ? qnk_measures
                                                 : qnk_gauges;
    uint32_t count = is_swap ? QNK_SWAP_FIGURES : is_run ? QNK_MEASURES : QNK_GAUGES;
    uint32_t found = qnk_figure_find(rows, count, it->expr.name);

    if ((!is_swap && !is_run && it->expr.scope[0] != 0) || found == UINT32_MAX) {
        qnk_report_add(&spec->report, QNK_E113, place, "no figure is called '%s%s%s'",
                       it->expr.scope, it->expr.scope[0] == 0 ? "" : ".", it->expr.name);
        names_hint(spec, rows, count, it->expr.name);
    } else if (!qnk_figure_can(&rows[found], spec->provider)) {
        qnk_report_add(&spec->report, QNK_E120, place, "provider %s cannot say '%s'",
                       qnk_provider_names[spec->provider], it->expr.name);
    }
    if (it->expr.right_scope[0] != 0) {
        qnk_report_add(&spec->report, QNK_E114, place, "'%s': a number is wanted on the right",
                       key);
    }
    if (is_swap != it->is_for_swaps) {
        qnk_report_add(&spec->report, QNK_E112, place, "'swap.' and 'for_each: swap' go together");
    }
}

static void invariant_read(struct qnk_item *item, struct qnk_spec_assert *it)
{
    uint32_t found = 0;

    it->text = qnk_item_text(item, "invariant");
    while (found < QNK_INVARIANTS && strcmp(qnk_invariant_names[found], it->text) != 0) {
        found++;
    }
    it->invariant = (enum qnk_invariant)found;
    if (found == QNK_INVARIANTS) {
        qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "invariant"),
                       "no invariant is called '%s'", it->text);
        qnk_report_hint(&item->spec->report, "%s, %s, %s, %s, %s", qnk_invariant_names[0],
                        qnk_invariant_names[1], qnk_invariant_names[2], qnk_invariant_names[3],
                        qnk_invariant_names[4]);
    } else if (found == QNK_INVARIANT_PROVED && item->spec->provider != QNK_PROVIDER_VIRTUAL) {
        qnk_report_add(&item->spec->report, QNK_E120, qnk_item_place(item, "invariant"),
                       "provider %s has no oracles", qnk_provider_names[item->spec->provider]);
    }
}

static bool has_event(const struct qnk_spec *spec, const char *id)
{
    for (uint32_t i = 0; i < spec->events_count; i++) {
        if (strcmp(spec->events[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void excepts_read(struct qnk_item *item, struct qnk_spec_assert *it)
{
    it->excepts_count = qnk_item_texts(item, "except", it->excepts, QNK_SPEC_EXCEPTS_MAX);
    for (uint32_t i = 0; i < it->excepts_count; i++) {
        if (!has_event(item->spec, it->excepts[i])) {
            qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "except"),
                           "no event of the timeline is called '%s'", it->excepts[i]);
        }
    }
}

static void kind_read(struct qnk_item *item, struct qnk_spec_assert *it)
{
    switch (it->kind) {
    case QNK_ASSERT_THAT:
    case QNK_ASSERT_ALWAYS:
        expr_read(item, it, kinds[it->kind]);
        break;
    case QNK_ASSERT_INVARIANT:
        invariant_read(item, it);
        break;
    case QNK_ASSERT_LOG:
        it->text = it->log_event = qnk_item_text(item, "log.event");
        it->count = qnk_item_number(item, "log.count");
        break;
    case QNK_ASSERT_RUN:
        it->text = qnk_item_text(item, "run");
        it->expect = qnk_item_number(item, "expect");
        break;
    }
}

static void assert_add(struct qnk_spec *spec, const struct qnk_tree *at)
{
    struct qnk_spec_assert it = {.place = qnk_tree_place(spec, at), .text = "", .log_event = ""};
    const struct qnk_tree *nodes = qnk_tree_child(at, "nodes");
    struct qnk_item item;

    if (!qnk_items_room(spec, at, spec->asserts_count, QNK_SPEC_ASSERTS_MAX, "assertions") ||
        !qnk_item_read(spec, at, &schema, &also, &item) || !kind_find(&item, &it)) {
        return;
    }
    it.id = qnk_item_text(&item, "id");
    it.nodes = qnk_nodes_all(spec);
    it.within_ms = qnk_item_number(&item, "within");
    it.from_ms = qnk_item_number(&item, "from");
    it.until_ms = qnk_item_number(&item, "until");
    it.grace_ms = qnk_item_number(&item, "grace");
    it.is_for_swaps = qnk_item_number(&item, "for_each") == 1;
    if (nodes != NULL) {
        (void)qnk_nodes_read(spec, nodes, &it.nodes);
    }
    excepts_read(&item, &it);
    kind_read(&item, &it);
    spec->asserts[spec->asserts_count++] = it;
}

void qnk_spec_read_asserts(struct qnk_spec *spec)
{
    for (const struct qnk_tree *at = qnk_items_first(spec, spec->tree, "assert"); at != NULL;
         at = at->next) {
        assert_add(spec, at);
    }
}
