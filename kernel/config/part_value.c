/* SPDX-License-Identifier: MIT */

#include "kernel/config/part_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/config/value.h"

/* One value of a key, given as a text. Empty: it is at fault. */
static struct qn_span text_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                                 const struct qnk_tree *tree)
{
    uint8_t record[QNK_VALUE_RECORD_MAX];
    struct qnk_value_fault fault;
    uint32_t size;

    if (tree->kind != QNK_TREE_TEXT) {
        qnk_report_add(checker->report, QNK_E105, qnk_checker_place(checker, tree->mark),
                       "'%s' is a %s instead of one value", key->name,
                       tree->kind == QNK_TREE_MAP ? "map" : "list");
        qnk_report_hint(checker->report, "%s", key->doc);
        return (struct qn_span){NULL, 0};
    }
    if (qnk_value_read(key, tree->text, tree->is_plain, checker->folder, record, &size, &fault) ==
        QN_OK) {
        return qnk_checker_keep(checker, record, size);
    }
    if (*tree->text == 0) {
        qnk_report_add(checker->report, fault.code, qnk_checker_place(checker, tree->mark),
                       "'%s' %s", key->name, fault.what);
    } else {
        qnk_report_add(checker->report, fault.code, qnk_checker_place(checker, tree->mark),
                       "'%s' %s: \"%s\"", key->name, fault.what, tree->text);
    }
    qnk_report_hint(checker->report, "%s", fault.hint);
    return (struct qn_span){NULL, 0};
}

static struct qn_span group_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                                  const struct qnk_tree *tree)
{
    char title[QNK_CONFIG_NAME_MAX + 3];
    const struct qnk_config_schema schema = {title, key->items, key->items_count};
    struct qnk_config_part part;

    if (tree->kind != QNK_TREE_MAP) {
        qnk_report_add(checker->report, QNK_E105, qnk_checker_place(checker, tree->mark),
                       "an item of '%s' is not a map", key->name);
        return (struct qn_span){NULL, 0};
    }
    (void)snprintf(title, sizeof title, "'%s'", key->name);
    qnk_part_check(checker, &schema, tree, &part);
    return part.record;
}

static struct qn_span item_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                                 const struct qnk_tree *tree)
{
    return (key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_GROUP ? group_check(checker, key, tree)
                                                             : text_check(checker, key, tree);
}

/* The pieces as one record; none if one of them is at fault. */
static struct qn_span join_if_whole(struct qnk_checker *checker, const struct qn_span *pieces,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].data == NULL) {
            return (struct qn_span){NULL, 0};
        }
    }
    return qnk_checker_join(checker, pieces, count);
}

static uint32_t children_count(const struct qnk_tree *tree)
{
    uint32_t count = 0;

    for (const struct qnk_tree *child = tree->first; child != NULL; child = child->next) {
        count++;
    }
    return count;
}

static bool has_kind(struct qnk_checker *checker, const struct qnk_config_key *key,
                     const struct qnk_tree *tree, enum qnk_tree_kind kind)
{
    bool is_list = kind == QNK_TREE_LIST;

    if (tree->kind == kind) {
        return true;
    }
    qnk_report_add(checker->report, QNK_E105, qnk_checker_place(checker, tree->mark),
                   "'%s' is not a %s", key->name, is_list ? "list" : "map");
    qnk_report_hint(checker->report, "%s", is_list ? "as in [one, two]" : "as in {name: value}");
    return false;
}

static struct qn_span list_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                                 const struct qnk_tree *tree)
{
    if (!has_kind(checker, key, tree, QNK_TREE_LIST)) {
        return (struct qn_span){NULL, 0};
    }

    uint32_t count = children_count(tree);
    uint32_t at = 1;
    struct qn_span *pieces = qnk_checker_take(checker, (1 + count) * sizeof *pieces);
    uint8_t head[4];

    if (pieces == NULL) {
        return (struct qn_span){NULL, 0};
    }
    qn_le32_write(head, count);
    pieces[0] = (struct qn_span){head, sizeof head};
    for (const struct qnk_tree *child = tree->first; child != NULL; child = child->next) {
        pieces[at++] = item_check(checker, key, child);
    }
    return join_if_whole(checker, pieces, at);
}

static int entry_compare(const void *a, const void *b)
{
    const struct qnk_tree *const *first = a;
    const struct qnk_tree *const *second = b;

    return strcmp((*first)->key, (*second)->key);
}

static struct qn_span entry_name(struct qnk_checker *checker, const struct qnk_config_key *key,
                                 const struct qnk_tree *entry)
{
    uint8_t name[4 + QNK_CONFIG_NAME_MAX];
    size_t size = strlen(entry->key);

    if (size > QNK_CONFIG_NAME_MAX) {
        qnk_report_add(checker->report, QNK_E106, qnk_checker_place(checker, entry->key_mark),
                       "a name in '%s' is longer than %d bytes", key->name, QNK_CONFIG_NAME_MAX);
        size = 0;
    }
    qn_le32_write(name, (uint32_t)size);
    memcpy(name + 4, entry->key, size);
    return qnk_checker_keep(checker, name, 4 + size);
}

/* A name and a value for each entry, ascending by name. */
static struct qn_span map_check(struct qnk_checker *checker, const struct qnk_config_key *key,
                                const struct qnk_tree *tree)
{
    if (!has_kind(checker, key, tree, QNK_TREE_MAP)) {
        return (struct qn_span){NULL, 0};
    }

    uint32_t count = children_count(tree);
    uint32_t at = 0;
    const struct qnk_tree **entries = qnk_checker_take(checker, count * sizeof(void *));
    struct qn_span *pieces = qnk_checker_take(checker, (1 + 2 * count) * sizeof *pieces);
    uint8_t head[4];

    if (entries == NULL || pieces == NULL) {
        return (struct qn_span){NULL, 0};
    }
    for (const struct qnk_tree *child = tree->first; child != NULL; child = child->next) {
        entries[at++] = child;
    }
    qsort(entries, count, sizeof(void *), entry_compare);
    qn_le32_write(head, count);
    pieces[0] = (struct qn_span){head, sizeof head};
    for (uint32_t i = 0; i < count; i++) {
        pieces[1 + 2 * i] = entry_name(checker, key, entries[i]);
        pieces[2 + 2 * i] = text_check(checker, key, entries[i]);
    }
    return join_if_whole(checker, pieces, 1 + 2 * count);
}

void qnk_part_check_value(struct qnk_checker *checker, struct qnk_config_value *value,
                          const struct qnk_tree *tree)
{
    const struct qnk_config_key *key = value->key;
    struct qn_span record;

    value->place = qnk_checker_place(checker, tree->mark);
    if ((key->flags & QNK_CONFIG_DEPRECATED) != 0) {
        qnk_report_add(checker->report, QNK_W201, qnk_checker_place(checker, tree->key_mark),
                       "'%s' is deprecated", key->name);
        qnk_report_hint(checker->report, "%s", key->doc);
    }
    if ((key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_PLUGIN) {
        qnk_part_check_plugins(checker, value, tree);
        return;
    }
    if ((key->type & QNK_CONFIG_LIST) != 0) {
        record = list_check(checker, key, tree);
    } else if ((key->type & QNK_CONFIG_MAP) != 0) {
        record = map_check(checker, key, tree);
    } else {
        record = text_check(checker, key, tree);
    }
    if (record.data != NULL) {
        value->record = record;
    }
}
