/* SPDX-License-Identifier: MIT */

/* spec_events.c: what happens, and whether the provider can do that. */

#include <string.h>

#include "kernel/base/text.h"
#include "kernel/config/record.h"
#include "kernel/net/spec_own.h"
#include "kernel/sim/liar.h"

enum { NEAR = 2 }; /* changes by which a word may differ from the one that was meant */

static const struct qnk_config_key event_keys[] = {
    {.name = "id", .type = QNK_CONFIG_NAME, .doc = "for `except`, `drop` and reports"},
    {.name = "do", .type = QNK_CONFIG_STRING, .flags = QNK_CONFIG_REQUIRED, .doc = "what happens"},
    {.name = "at",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "once, so long after the start"},
    {.name = "every",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "again and again"},
    {.name = "jitter",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of every: up to this much later"},
    {.name = "from",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of every: not before"},
    {.name = "until",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of every: not after"},
    {.name = "for",
     .type = QNK_CONFIG_DURATION,
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "how long it lasts"},
    {.name = "restart_after",
     .type = QNK_CONFIG_DURATION,
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of kill; without it never"},
    {.name = "plan", .type = QNK_CONFIG_STRING, .doc = "KIND=PLUGIN"},
    {.name = "windows_later",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(5),
     .min = QNK_RECORD_U64(5),
     .max = QNK_RECORD_U64(100000),
     .doc = "of swap: when it comes into use"},
    {.name = "rate", .type = QNK_CONFIG_RATIO, .doc = "of frames, as in 5%"},
    {.name = "by",
     .type = QNK_CONFIG_INT,
     .min = QNK_RECORD_U64(2),
     .max = QNK_RECORD_U64(10000),
     .absent = QNK_RECORD_U64(10),
     .doc = "how many times slower, or narrower"},
    {.name = "offset",
     .type = QNK_CONFIG_DURATION,
     .max = QNK_RECORD_U64(QNK_SPEC_TIME_MAX_MS),
     .doc = "of a clock, ahead"},
    {.name = "lie", .type = QNK_CONFIG_STRING, .doc = "what a member does that lies"},
};
static const struct qnk_config_key event_also_keys[] = {
    {.name = "node"}, {.name = "groups"}, {.name = "set"}};
static const struct qnk_config_schema event_schema = {"the timeline", event_keys,
                                                      QNK_COUNT(event_keys)};
static const struct qnk_config_schema event_also = {"", event_also_keys,
                                                    QNK_COUNT(event_also_keys)};

static const char *const picks[] = {"random"};
static const struct qnk_config_key pick_keys[] = {
    {.name = "pick",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = picks,
     .values_count = 1,
     .doc = "random: one by lot"},
    {.name = "type",
     .type = QNK_CONFIG_CHOICE,
     .values = qnk_spec_types,
     .values_count = QNK_SPEC_TYPES,
     .doc = "among those of this type"},
};
static const struct qnk_config_schema pick_schema = {"'node'", pick_keys, QNK_COUNT(pick_keys)};

/* --- pieces --- */

static void node_read(struct qnk_spec *spec, const struct qnk_tree *tree,
                      struct qnk_spec_event *event)
{
    struct qnk_item item;

    if (tree->kind == QNK_TREE_MAP) {
        if (qnk_item_read(spec, tree, &pick_schema, NULL, &item)) {
            event->pick.is_random = true;
            event->pick.among =
                qnk_item_given(&item, "type")
                    ? qnk_nodes_of_type(spec, (enum qnk_spec_type)qnk_item_number(&item, "type"))
                    : qnk_nodes_all(spec);
            if (event->pick.among == 0) {
                qnk_report_add(&spec->report, QNK_E113, qnk_tree_place(spec, tree),
                               "no node is of this type");
            }
        }
        return;
    }
    if (qnk_nodes_read(spec, tree, &event->pick.among) &&
        (event->pick.among & (event->pick.among - 1)) != 0) {
        qnk_report_add(&spec->report, QNK_E112, qnk_tree_place(spec, tree),
                       "one node is wanted here");
    }
}

static void groups_read(struct qnk_spec *spec, const struct qnk_tree *tree,
                        struct qnk_spec_event *event)
{
    uint64_t seen = 0, rest = UINT64_MAX;

    if (tree->kind != QNK_TREE_LIST) {
        qnk_report_add(&spec->report, QNK_E105, qnk_tree_place(spec, tree),
                       "'groups' is not a list of groups of nodes");
        return;
    }
    for (const struct qnk_tree *at = tree->first; at != NULL; at = at->next) {
        uint64_t nodes = 0;

        if (!qnk_items_room(spec, at, event->groups_count, QNK_SPEC_GROUPS_MAX, "groups")) {
            return;
        }
        if (at->kind == QNK_TREE_TEXT && strcmp(at->text, "rest") == 0) {
            rest = event->groups_count;
        } else if (qnk_nodes_read(spec, at, &nodes) && (nodes & seen) != 0) {
            qnk_report_add(&spec->report, QNK_E112, qnk_tree_place(spec, at),
                           "a node stands in two groups");
        }
        seen |= nodes;
        event->groups[event->groups_count++] = nodes;
    }
    if (rest != UINT64_MAX) {
        event->groups[rest] = qnk_nodes_all(spec) & ~seen;
    }
    if (event->groups_count < 2) {
        qnk_report_add(&spec->report, QNK_E106, qnk_tree_place(spec, tree),
                       "a partition has two groups or more");
        qnk_report_hint(&spec->report, "groups: [[v1, v2], rest]");
    }
}

static bool is_kind(const char *kind)
{
    return strcmp(kind, "consensus") == 0 || strcmp(kind, "producer") == 0 ||
           strcmp(kind, "ledger") == 0;
}

static void plan_read(struct qnk_item *item, struct qnk_spec_event *event)
{
    const char *text = qnk_item_text(item, "plan");
    const char *equal = strchr(text, '=');
    size_t size = equal == NULL ? 0 : (size_t)(equal - text);

    if (equal == NULL || size >= sizeof event->kind || strlen(equal + 1) >= sizeof event->plugin ||
        equal[1] == 0) {
        qnk_report_add(&item->spec->report, QNK_E105, qnk_item_place(item, "plan"),
                       "'plan' is not KIND=PLUGIN");
        return;
    }
    qnk_text(event->kind, sizeof event->kind, "%.*s", (int)size, text);
    qnk_text(event->plugin, sizeof event->plugin, "%s", equal + 1);
    if (!is_kind(event->kind)) {
        qnk_report_add(&item->spec->report, QNK_E106, qnk_item_place(item, "plan"),
                       "'%s' is not a network kind", event->kind);
        qnk_report_hint(&item->spec->report, "consensus, producer or ledger");
    } else if (item->spec->loader != NULL) {
        char why[QNK_PLUGIN_WHY_MAX];
        struct qnk_plugin *plugin;

        if (qnk_loader_find(item->spec->loader, event->kind, event->plugin, "", &plugin, why) !=
            QN_OK) {
            qnk_report_add(&item->spec->report, QNK_E108, qnk_item_place(item, "plan"), "%s", why);
        }
    }
}

static void lie_read(struct qnk_item *item, struct qnk_spec_event *event)
{
    uint32_t lie = 0;

    event->lie = qnk_item_text(item, "lie");
    while (lie < QNK_LIES && strcmp(qnk_lie_name(lie), event->lie) != 0) {
        lie++;
    }
    if (lie == QNK_LIES || lie == QNK_LIE_TWIN) {
        qnk_report_add(&item->spec->report, QNK_E113, qnk_item_place(item, "lie"),
                       "no lie is called '%s'", event->lie);
        qnk_report_hint(&item->spec->report, "two_blocks, double_vote, withhold_votes, late_reveal"
                                             ", as in kernel/sim/liar.c");
    }
}

static bool action_find(struct qnk_item *item, enum qnk_action *action)
{
    const char *name = qnk_item_text(item, "do"), *near = NULL;
    uint32_t least = NEAR + 1;

    for (uint32_t i = 0; i < QNK_ACTIONS; i++) {
        if (strcmp(name, qnk_actions[i].name) == 0) {
            *action = (enum qnk_action)i;
            return true;
        }
    }
    qnk_report_add(&item->spec->report, QNK_E106, qnk_item_place(item, "do"),
                   "nothing is called '%s'", name);
    for (uint32_t i = 0; i < QNK_ACTIONS; i++) {
        uint32_t distance = qnk_config_distance(name, qnk_actions[i].name, NEAR);

        if (distance < least) {
            least = distance;
            near = qnk_actions[i].name;
        }
    }
    if (near != NULL) {
        qnk_report_hint(&item->spec->report, "did you mean '%s'?", near);
    }
    return false;
}

/* --- the whole --- */

static const struct {
    uint32_t takes;
    const char *key;
    bool is_tree;
} taken[] = {
    {QNK_TAKES_NODE, "node", true},
    {QNK_TAKES_FOR, "for", false},
    {QNK_TAKES_GROUPS, "groups", true},
    {QNK_TAKES_PLAN, "plan", false},
    {QNK_TAKES_RATE, "rate", false},
    {QNK_TAKES_BY, "by", false},
    {QNK_TAKES_OFFSET, "offset", false},
    {QNK_TAKES_LIE, "lie", false},
    {QNK_TAKES_AGAIN, "restart_after", false},
    {QNK_TAKES_SET, "set", true},
};

static const uint32_t may_be_left_out = QNK_TAKES_AGAIN | QNK_TAKES_BY | QNK_TAKES_SET;

/* What must be there is, and nothing else. */
static void takes_check(struct qnk_item *item, const struct qnk_action_row *row)
{
    for (uint32_t i = 0; i < QNK_COUNT(taken); i++) {
        bool is_taken = (row->takes & taken[i].takes) != 0;
        bool is_given = taken[i].is_tree ? qnk_tree_child(item->tree, taken[i].key) != NULL
                                         : qnk_item_given(item, taken[i].key);

        if (is_taken && !is_given && (taken[i].takes & may_be_left_out) == 0) {
            qnk_report_add(&item->spec->report, QNK_E103, qnk_tree_place(item->spec, item->tree),
                           "'%s' wants '%s'", row->name, taken[i].key);
        } else if (!is_taken && is_given) {
            qnk_report_add(
                &item->spec->report, QNK_E112,
                taken[i].is_tree
                    ? qnk_tree_place(item->spec, qnk_tree_child(item->tree, taken[i].key))
                    : qnk_item_place(item, taken[i].key),
                "'%s' takes no '%s'", row->name, taken[i].key);
        }
    }
}

static void times_check(struct qnk_item *item, const struct qnk_spec_event *event)
{
    struct qnk_report *report = &item->spec->report;

    if (qnk_item_given(item, "at") == event->is_repeated) {
        qnk_report_add(report, QNK_E112, qnk_tree_place(item->spec, item->tree),
                       "either 'at' or 'every' says when");
    }
    if (event->is_repeated && (event->every_ms < 100 || event->until_ms == 0)) {
        qnk_report_add(report, QNK_E106, qnk_item_place(item, "every"),
                       "'every' is 100ms or more, and has an 'until'");
    }
}

static void provider_check(struct qnk_item *item, const struct qnk_spec_event *event)
{
    if (!qnk_action_can(event->action, item->spec->provider)) {
        qnk_report_add(&item->spec->report, QNK_E120, qnk_item_place(item, "do"),
                       "provider %s cannot do '%s'", qnk_provider_names[item->spec->provider],
                       qnk_actions[event->action].name);
        qnk_report_hint(&item->spec->report, "provider: virtual");
    }
}

static void pieces_read(struct qnk_item *item, struct qnk_spec_event *event)
{
    uint32_t takes = qnk_actions[event->action].takes;
    const struct qnk_tree *node = qnk_tree_child(item->tree, "node");
    const struct qnk_tree *groups = qnk_tree_child(item->tree, "groups");

    if ((takes & QNK_TAKES_NODE) != 0 && node != NULL) {
        node_read(item->spec, node, event);
    }
    if ((takes & QNK_TAKES_GROUPS) != 0 && groups != NULL) {
        groups_read(item->spec, groups, event);
    }
    if ((takes & QNK_TAKES_PLAN) != 0 && qnk_item_given(item, "plan")) {
        plan_read(item, event);
    }
    event->set = qnk_tree_child(item->tree, "set");
    if ((takes & QNK_TAKES_SET) != 0 && event->set != NULL) {
        qnk_spec_check_set(item->spec, event->set);
    }
    if ((takes & QNK_TAKES_LIE) != 0 && qnk_item_given(item, "lie")) {
        lie_read(item, event);
    }
}

static void id_check(struct qnk_item *item, const struct qnk_spec_event *event)
{
    for (uint32_t i = 0; i < item->spec->events_count; i++) {
        if (*event->id != 0 && strcmp(item->spec->events[i].id, event->id) == 0) {
            qnk_report_add(&item->spec->report, QNK_E112, qnk_item_place(item, "id"),
                           "this id is given twice, first at %u:%u",
                           item->spec->events[i].place.mark.line,
                           item->spec->events[i].place.mark.column);
        }
    }
}

static void event_add(struct qnk_spec *spec, const struct qnk_tree *at)
{
    struct qnk_spec_event event = {.place = qnk_tree_place(spec, at)};
    struct qnk_item item;

    if (!qnk_items_room(spec, at, spec->events_count, QNK_SPEC_EVENTS_MAX, "events") ||
        !qnk_item_read(spec, at, &event_schema, &event_also, &item) ||
        !action_find(&item, &event.action)) {
        return;
    }
    event.id = qnk_item_text(&item, "id");
    event.is_repeated = qnk_item_given(&item, "every");
    event.at_ms = qnk_item_number(&item, "at");
    event.every_ms = qnk_item_number(&item, "every");
    event.jitter_ms = qnk_item_number(&item, "jitter");
    event.from_ms = qnk_item_number(&item, "from");
    event.until_ms = qnk_item_number(&item, "until");
    event.for_ms = qnk_item_number(&item, "for");
    event.again_ms = qnk_item_given(&item, "restart_after")
                         ? qnk_item_number(&item, "restart_after")
                         : QNK_SPEC_NEVER;
    event.windows_later = qnk_item_number(&item, "windows_later");
    event.rate = (uint32_t)qnk_item_number(&item, "rate");
    event.by = qnk_item_number(&item, "by");
    event.offset_ms = qnk_item_number(&item, "offset");
    event.lie = "";
    takes_check(&item, &qnk_actions[event.action]);
    times_check(&item, &event);
    provider_check(&item, &event);
    pieces_read(&item, &event);
    id_check(&item, &event);
    spec->events[spec->events_count++] = event;
}

void qnk_spec_read_events(struct qnk_spec *spec)
{
    for (const struct qnk_tree *at = qnk_items_first(spec, spec->tree, "timeline"); at != NULL;
         at = at->next) {
        event_add(spec, at);
    }
}
