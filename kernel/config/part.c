/* SPDX-License-Identifier: MIT */

#include "kernel/config/part.h"

#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/config/part_value.h"
#include "kernel/config/value.h"

enum { SUGGEST_MAX = 2 }; /* changes by which a word may differ from the one that was meant */

static const uint8_t zeros[QN_HASH_SIZE];

/* The record of a key that is left out and has no default: zero, an empty text or list, the first
 * choice. */
static struct qn_span zero_record(const struct qnk_config_key *key)
{
    uint64_t size = 8;

    if ((key->type & (QNK_CONFIG_LIST | QNK_CONFIG_MAP)) != 0) {
        return (struct qn_span){zeros, 4};
    }
    switch (key->type) {
    case QNK_CONFIG_BOOL:
        size = 1;
        break;
    case QNK_CONFIG_RATIO:
    case QNK_CONFIG_CHOICE:
    case QNK_CONFIG_STRING:
    case QNK_CONFIG_NAME:
    case QNK_CONFIG_ADDRESS:
    case QNK_CONFIG_PATH:
    case QNK_CONFIG_PEER:
        size = 4;
        break;
    case QNK_CONFIG_KEY:
    case QNK_CONFIG_HASH:
        size = QN_HASH_SIZE;
        break;
    case QNK_CONFIG_PLUGIN:
        size = 0;
        break;
    default:
        break;
    }
    return (struct qn_span){zeros, size};
}

/* The default of a key. A path's is relative to the file, as if it were written there. */
static struct qn_span absent_record(struct qnk_checker *checker, const struct qnk_config_key *key)
{
    char path[QNK_CONFIG_RECORD_MAX];
    uint8_t record[QNK_VALUE_RECORD_MAX];
    struct qnk_value_fault fault;
    uint32_t size;

    if (key->type != QNK_CONFIG_PATH) {
        return key->absent;
    }
    QN_ASSERT(key->absent.size <= sizeof path); /* with its size, which becomes the end */
    (void)snprintf(path, sizeof path, "%.*s", (int)key->absent.size - 4,
                   (const char *)key->absent.data + 4);
    if (qnk_value_read(key, path, false, checker->folder, record, &size, &fault) != QN_OK) {
        return key->absent;
    }
    return qnk_checker_keep(checker, record, size);
}

/* A map within the walk: the file's, or that of a group. */
struct walk {
    struct qnk_checker *checker;
    const struct qnk_part_scope *scope;
    struct qnk_config_part *part;
};

/* Whether `name` is `prefix` and then `word`, as a key or as the beginning of one. In a file no
 * word has dots: a key would have two spellings, and could be given twice. */
static bool is_word_at(const char *name, const char *prefix, const char *word, char end)
{
    size_t before = strlen(prefix);
    size_t size = strcspn(word, ".");

    return word[size] == 0 && strncmp(name, prefix, before) == 0 &&
           strncmp(name + before, word, size) == 0 && name[before + size] == end;
}

/* Keeps the nearest word to `wanted` among those that may follow `prefix`. */
static void suggest_from(const struct qnk_config_schema *schema, const char *prefix,
                         const char *wanted, uint32_t *least, char nearest[])
{
    size_t before = strlen(prefix);

    for (uint32_t i = 0; i < schema->count; i++) {
        const char *name = schema->keys[i].name;
        char word[QNK_CONFIG_NAME_MAX + 1];

        if (strncmp(name, prefix, before) != 0) {
            continue;
        }
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(name + before, "."), name + before);

        uint32_t distance = qnk_config_distance(wanted, word, SUGGEST_MAX);

        if (distance < *least && distance < strlen(wanted)) {
            *least = distance;
            memcpy(nearest, word, sizeof word);
        }
    }
}

static void refuse_unknown(const struct walk *walk, const char *prefix, const struct qnk_tree *tree)
{
    struct qnk_checker *checker = walk->checker;
    const char *title = walk->part->schema->title;
    char nearest[QNK_CONFIG_NAME_MAX + 1] = "";
    uint32_t least = SUGGEST_MAX + 1;
    int size = (int)strlen(prefix) - 1; /* without its dot */

    if (size > 0) {
        qnk_report_add(checker->report, QNK_E102, qnk_checker_place(checker, tree->key_mark),
                       "unknown key '%s' of '%.*s'%s%s", tree->key, size, prefix,
                       *title == 0 ? "" : " of ", title);
    } else {
        qnk_report_add(checker->report, QNK_E102, qnk_checker_place(checker, tree->key_mark),
                       "unknown key '%s'%s%s", tree->key, *title == 0 ? "" : " of ", title);
    }
    suggest_from(walk->part->schema, prefix, tree->key, &least, nearest);
    if (walk->scope->also != NULL && *prefix == 0) {
        suggest_from(walk->scope->also, prefix, tree->key, &least, nearest);
    }
    if (*nearest != 0) {
        qnk_report_hint(checker->report, "did you mean '%s'?", nearest);
    }
}

static bool is_top_of(const struct qnk_config_schema *schema, const char *word)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        if (is_word_at(schema->keys[i].name, "", word, 0) ||
            is_word_at(schema->keys[i].name, "", word, '.')) {
            return true;
        }
    }
    return false;
}

/* A key of the file's own top that the other file has. */
static bool belongs_elsewhere(const struct walk *walk, const char *prefix,
                              const struct qnk_tree *tree)
{
    struct qnk_checker *checker = walk->checker;
    const struct qnk_tree *there = NULL;
    char where[QNK_REPORT_TEXT_MAX] = "";

    if (*prefix != 0 || *walk->part->schema->title != 0 || checker->other == NULL ||
        !is_top_of(checker->other, tree->key)) {
        return false;
    }
    if (checker->other_tree != NULL) {
        there = qnk_tree_child(checker->other_tree, tree->key);
    }
    if (there != NULL) {
        (void)snprintf(where, sizeof where, " (%s:%u:%u sets it%s%s)", checker->other_source->name,
                       there->key_mark.line, there->key_mark.column,
                       there->kind == QNK_TREE_TEXT ? " to " : "", there->text);
    }
    qnk_report_add(checker->report, QNK_E111, qnk_checker_place(checker, tree->key_mark),
                   "'%s' belongs in %s%s", tree->key, checker->other_title, where);
    return true;
}

static void walk_map(const struct walk *walk, const char *prefix, const struct qnk_tree *map);

/* Fills in the group `word`, if the schema has one. */
static bool walk_group(const struct walk *walk, const char *prefix, const struct qnk_tree *tree)
{
    const struct qnk_config_schema *schema = walk->part->schema;
    char inner[QNK_CONFIG_NAME_MAX + 2];

    for (uint32_t i = 0; i < schema->count; i++) {
        if (!is_word_at(schema->keys[i].name, prefix, tree->key, '.')) {
            continue;
        }
        if (tree->kind != QNK_TREE_MAP) {
            qnk_report_add(walk->checker->report, QNK_E105,
                           qnk_checker_place(walk->checker, tree->mark),
                           "'%s%s' is not a map of keys", prefix, tree->key);
            return true;
        }
        (void)snprintf(inner, sizeof inner, "%s%s.", prefix, tree->key);
        walk_map(walk, inner, tree);
        return true;
    }
    return false;
}

static bool walk_value(const struct walk *walk, const char *prefix, const struct qnk_tree *tree)
{
    struct qnk_config_part *part = walk->part;

    for (uint32_t i = 0; i < part->schema->count; i++) {
        if (is_word_at(part->schema->keys[i].name, prefix, tree->key, 0)) {
            qnk_part_check_value(walk->checker, &part->values[i], tree);
            return true;
        }
    }
    return false;
}

/* Goes as deep as the schema has groups, whatever the file says. */
static void walk_map(const struct walk *walk, const char *prefix, const struct qnk_tree *map)
{
    for (const struct qnk_tree *child = map->first; child != NULL; child = child->next) {
        bool is_others = *prefix == 0 && walk->scope->also != NULL &&
                         qnk_config_key_find(walk->scope->also, child->key) != NULL;

        if (is_others || walk_value(walk, prefix, child) || walk_group(walk, prefix, child)) {
            continue;
        }
        if (!walk->scope->is_partial && !belongs_elsewhere(walk, prefix, child)) {
            refuse_unknown(walk, prefix, child);
        }
    }
}

/* The map in which a missing key would stand, as far as the file has it. */
static struct qnk_config_mark missing_mark(const struct qnk_tree *map, const char *name)
{
    struct qnk_config_mark mark = map->mark;
    const char *dot = strchr(name, '.');

    if (dot != NULL) {
        char word[QNK_CONFIG_NAME_MAX + 1];

        (void)snprintf(word, sizeof word, "%.*s", (int)(dot - name), name);

        const struct qnk_tree *group = qnk_tree_child(map, word);

        if (group != NULL) {
            mark = group->key_mark;
        }
    } else if (map->key != NULL) {
        mark = map->key_mark;
    }
    return mark;
}

static void require(const struct walk *walk, const struct qnk_tree *map)
{
    struct qnk_checker *checker = walk->checker;

    for (uint32_t i = 0; i < walk->part->schema->count; i++) {
        const struct qnk_config_value *value = &walk->part->values[i];
        const char *title = walk->part->schema->title;

        if ((value->key->flags & QNK_CONFIG_REQUIRED) != 0 && value->place.source == NULL) {
            qnk_report_add(checker->report, QNK_E103,
                           qnk_checker_place(checker, missing_mark(map, value->key->name)),
                           "missing key '%s'%s%s", value->key->name, *title == 0 ? "" : " of ",
                           title);
            qnk_report_hint(checker->report, "%s", value->key->doc);
        }
    }
}

/* Of a key X_min the key X, of X.min the key X.max; NULL: there is none of the same type. */
static const struct qnk_config_value *ceiling_of(const struct qnk_config_part *part,
                                                 const struct qnk_config_key *key)
{
    size_t size = strlen(key->name);
    bool is_min = size > 4 && strcmp(key->name + size - 3, "min") == 0;
    char name[QNK_CONFIG_NAME_MAX + 1];

    if (!is_min || strchr("_.", key->name[size - 4]) == NULL || key->type < QNK_CONFIG_INT ||
        key->type > QNK_CONFIG_RATIO) {
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%.*s%s", (int)size - 4, key->name,
                   key->name[size - 4] == '.' ? ".max" : "");
    for (uint32_t i = 0; i < part->schema->count; i++) {
        if (part->schema->keys[i].type == key->type &&
            strcmp(part->schema->keys[i].name, name) == 0) {
            return &part->values[i];
        }
    }
    return NULL;
}

/* Says that two values contradict each other, at the one that the file gives, and where the other
 * one comes from. */
static void refuse_pair(struct qnk_checker *checker, const struct qnk_config_value *low,
                        const struct qnk_config_value *high)
{
    bool low_is_given = low->place.source != NULL;
    const struct qnk_config_value *given = low_is_given ? low : high;
    const struct qnk_config_value *other = low_is_given ? high : low;
    char where[64] = "by default";

    if (other->place.source != NULL) {
        (void)snprintf(where, sizeof where, "at %u:%u", other->place.mark.line,
                       other->place.mark.column);
    }
    qnk_report_add(checker->report, QNK_E112, given->place, "'%s' is %s '%s', which is set %s",
                   given->key->name, low_is_given ? "more than" : "less than", other->key->name,
                   where);
}

static void compare_pairs(struct qnk_checker *checker, const struct qnk_config_part *part)
{
    for (uint32_t i = 0; i < part->schema->count; i++) {
        const struct qnk_config_value *low = &part->values[i];
        const struct qnk_config_value *high = ceiling_of(part, low->key);

        if (high != NULL && (low->place.source != NULL || high->place.source != NULL) &&
            qnk_value_is_less(low->key->type, high->record, low->record)) {
            refuse_pair(checker, low, high);
        }
    }
}

void qnk_part_check_scope(struct qnk_checker *checker, const struct qnk_part_scope *scope,
                          const struct qnk_tree *tree, struct qnk_config_part *part)
{
    const struct qnk_config_schema *schema = scope->schema;
    struct walk walk = {.checker = checker, .scope = scope, .part = part};
    struct qn_span *records = qnk_checker_take(checker, schema->count * sizeof *records);

    *part = (struct qnk_config_part){.schema = schema};
    part->values = qnk_checker_take(checker, schema->count * sizeof *part->values);
    if (part->values == NULL || records == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct qnk_config_key *key = &schema->keys[i];

        part->values[i] = (struct qnk_config_value){
            .key = key,
            .record = key->absent.size > 0 ? absent_record(checker, key) : zero_record(key),
        };
    }
    walk_map(&walk, "", tree);
    require(&walk, tree);
    compare_pairs(checker, part);
    for (uint32_t i = 0; i < schema->count; i++) {
        records[i] = part->values[i].record;
    }
    part->record = qnk_checker_join(checker, records, schema->count);
}

void qnk_part_check(struct qnk_checker *checker, const struct qnk_config_schema *schema,
                    const struct qnk_tree *tree, struct qnk_config_part *part)
{
    const struct qnk_part_scope scope = {.schema = schema};

    qnk_part_check_scope(checker, &scope, tree, part);
}

const struct qnk_config_value *qnk_part_find(const struct qnk_config_part *part, const char *name)
{
    const struct qnk_config_key *key = qnk_config_key_find(part->schema, name);

    QN_ASSERT(key != NULL);
    return &part->values[key - part->schema->keys];
}

uint64_t qnk_part_number(const struct qnk_config_part *part, const char *name)
{
    struct qn_span record = qnk_part_find(part, name)->record;

    switch (record.size) {
    case 1:
        return record.data[0];
    case 4:
        return qn_le32_read(record.data);
    default:
        QN_ASSERT(record.size == 8);
        return qn_le64_read(record.data);
    }
}

struct qn_span qnk_part_text(const struct qnk_config_part *part, const char *name)
{
    struct qn_span record = qnk_part_find(part, name)->record;

    QN_ASSERT(record.size >= 4);
    QN_ASSERT(qn_le32_read(record.data) == record.size - 4);
    return (struct qn_span){record.data + 4, record.size - 4};
}

const struct qnk_config_plugin *qnk_part_plugin(const struct qnk_config_part *part,
                                                const char *name)
{
    const struct qnk_config_value *value = qnk_part_find(part, name);

    return value->plugins_count == 1 ? value->plugins : NULL;
}
