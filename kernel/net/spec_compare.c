/* SPDX-License-Identifier: MIT */

/* spec_compare.c: what is compared with what, by which measures. */

#include <string.h>

#include "kernel/config/record.h"
#include "kernel/net/figures.h"
#include "kernel/net/spec_own.h"

static const struct qnk_config_key keys[] = {
    {.name = "run.repeats",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(6),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(QNK_SPEC_REPEATS_MAX),
     .doc = "runs of each variant; repeat i of all uses seed + i"},
    {.name = "run.warmup",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of each run, not counted"},
    {.name = "run.baseline", .type = QNK_CONFIG_NAME, .doc = "the variant to compare with"},
    {.name = "run.fail_if", .type = QNK_CONFIG_STRING | QNK_CONFIG_LIST, .doc = "exit 5 then"},
    {.name = "measure", .type = QNK_CONFIG_STRING | QNK_CONFIG_LIST, .doc = "what is measured"},
};
static const struct qnk_config_key also_keys[] = {{.name = "variants"}};
static const struct qnk_config_schema schema = {"'compare'", keys, QNK_COUNT(keys)};
static const struct qnk_config_schema also = {"", also_keys, 1};

static const struct qnk_config_key variant_keys[] = {
    {.name = "name", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "of the table"},
    {.name = "drop",
     .type = QNK_CONFIG_NAME | QNK_CONFIG_LIST,
     .doc = "ids of events and assertions that it is without"},
};
static const struct qnk_config_key variant_also_keys[] = {{.name = "network"}};
static const struct qnk_config_schema variant_schema = {"a variant", variant_keys,
                                                        QNK_COUNT(variant_keys)};
static const struct qnk_config_schema variant_also = {"", variant_also_keys, 1};

static uint32_t variant_find(const struct qnk_spec_compare *compare, const char *name)
{
    for (uint32_t i = 0; i < compare->variants_count; i++) {
        if (strcmp(compare->variants[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static bool has_id(const struct qnk_spec *spec, const char *id)
{
    for (uint32_t i = 0; i < spec->events_count; i++) {
        if (strcmp(spec->events[i].id, id) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < spec->asserts_count; i++) {
        if (strcmp(spec->asserts[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void drops_read(struct qnk_item *item, struct qnk_spec_variant *variant)
{
    variant->drops_count = qnk_item_texts(item, "drop", variant->drops, QNK_SPEC_DROPS_MAX);
    for (uint32_t i = 0; i < variant->drops_count; i++) {
        if (!has_id(item->spec, variant->drops[i])) {
            qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "drop"),
                           "no event or assertion is called '%s'", variant->drops[i]);
        }
    }
}

static void variant_add(struct qnk_spec *spec, const struct qnk_tree *at)
{
    struct qnk_spec_compare *compare = &spec->compare;
    struct qnk_spec_variant *variant = &compare->variants[compare->variants_count];
    struct qnk_item item;

    if (!qnk_items_room(spec, at, compare->variants_count, QNK_SPEC_VARIANTS_MAX, "variants") ||
        !qnk_item_read(spec, at, &variant_schema, &variant_also, &item)) {
        return;
    }
    *variant = (struct qnk_spec_variant){.name = qnk_item_text(&item, "name"),
                                         .network = qnk_tree_child(at, "network")};
    if (variant_find(compare, variant->name) != UINT32_MAX) {
        qnk_report_add(&spec->report, QNK_E112, qnk_item_place(&item, "name"),
                       "two variants are called '%s'", variant->name);
    }
    if (variant->network != NULL && variant->network->kind != QNK_TREE_MAP) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, variant->network),
                       "'network' is not a map of rules");
        variant->network = NULL;
    }
    drops_read(&item, variant);
    compare->variants_count++;
}

/* The place of a measure that the provider can say; UINT32_MAX, which was said: there is none. */
static uint32_t measure_find(struct qnk_item *item, const char *key, const char *name)
{
    struct qnk_spec *spec = item->spec;
    uint32_t found = qnk_figure_find(qnk_measures, QNK_MEASURES, name);

    if (found == UINT32_MAX) {
        qnk_report_add(&spec->report, QNK_E113, qnk_item_place(item, key),
                       "no measure is called '%s'", name);
        qnk_report_hint(&spec->report, "docs/testnets.md has all names");
    } else if (!qnk_figure_can(&qnk_measures[found], spec->provider)) {
        qnk_report_add(&spec->report, QNK_E120, qnk_item_place(item, key),
                       "provider %s cannot measure '%s'", qnk_provider_names[spec->provider], name);
        found = UINT32_MAX;
    }
    return found;
}

static void measures_read(struct qnk_item *item)
{
    struct qnk_spec_compare *compare = &item->spec->compare;
    const char *names[QNK_SPEC_MEASURES_MAX];
    uint32_t count = qnk_item_texts(item, "measure", names, QNK_SPEC_MEASURES_MAX);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = measure_find(item, "measure", names[i]);

        if (found != UINT32_MAX) {
            compare->measures[compare->measures_count++] = found;
        }
    }
}

static bool side_check(struct qnk_item *item, const char *variant, const char *measure)
{
    if (variant_find(&item->spec->compare, variant) == UINT32_MAX) {
        qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "run.fail_if"),
                       "no variant is called '%s'", variant);
        return false;
    }
    return measure_find(item, "run.fail_if", measure) != UINT32_MAX;
}

static void fails_read(struct qnk_item *item)
{
    struct qnk_spec_compare *compare = &item->spec->compare;
    const char *texts[QNK_SPEC_FAILS_MAX];
    uint32_t count = qnk_item_texts(item, "run.fail_if", texts, QNK_SPEC_FAILS_MAX);

    for (uint32_t i = 0; i < count; i++) {
        struct qnk_expr *expr = &compare->fails[compare->fails_count];
        char why[QNK_EXPR_WHY];

        if (!qnk_expr_read(texts[i], expr, why)) {
            qnk_report_add(&item->spec->report, QNK_E114, qnk_item_place(item, "run.fail_if"),
                           "'fail_if': %s", why);
        } else if (side_check(item, expr->scope, expr->name) &&
                   (expr->right_scope[0] == 0 ||
                    side_check(item, expr->right_scope, expr->right_name))) {
            compare->fails_text[compare->fails_count++] = texts[i];
        }
    }
}

static void baseline_read(struct qnk_item *item)
{
    struct qnk_spec_compare *compare = &item->spec->compare;
    const char *name = qnk_item_text(item, "run.baseline");

    compare->baseline = *name == 0 ? 0 : variant_find(compare, name);
    if (compare->baseline == UINT32_MAX) {
        qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "run.baseline"),
                       "no variant is called '%s'", name);
        compare->baseline = 0;
    }
}

void qnk_spec_read_compare(struct qnk_spec *spec)
{
    const struct qnk_tree *tree = qnk_tree_child(spec->tree, "compare");
    struct qnk_item item;

    if (tree == NULL || !qnk_item_read(spec, tree, &schema, &also, &item)) {
        return;
    }
    for (const struct qnk_tree *at = qnk_items_first(spec, tree, "variants"); at != NULL;
         at = at->next) {
        variant_add(spec, at);
    }
    if (spec->compare.variants_count < 2) {
        qnk_report_add(&spec->report, QNK_E106, qnk_tree_place(spec, tree),
                       "'variants' has fewer than two");
    }
    spec->has_compare = true;
    spec->compare.repeats = (uint32_t)qnk_item_number(&item, "run.repeats");
    spec->compare.warmup_ms = qnk_item_number(&item, "run.warmup");
    baseline_read(&item);
    measures_read(&item);
    fails_read(&item);
}
