/* SPDX-License-Identifier: MIT */

#include "kernel/config/trust_file.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/config/part.h"
#include "kernel/config/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const versions[] = {"qnet.trust/v1"};
static const char *const kinds[] = {"transport", "storage",   "compression", "signature",
                                    "producer",  "consensus", "ledger",      "service"};

static const struct qnk_config_key key_keys[] = {
    {.name = "key",
     .type = QNK_CONFIG_STRING,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "the public key, as the second line of minisign's key file"},
    {.name = "owner", .type = QNK_CONFIG_STRING, .doc = "for people alone"},
    {.name = "kinds",
     .type = QNK_CONFIG_CHOICE | QNK_CONFIG_LIST,
     .flags = QNK_CONFIG_REQUIRED,
     .values = kinds,
     .values_count = COUNT(kinds),
     .doc = "kinds of plugins that it may sign"},
    {.name = "names",
     .type = QNK_CONFIG_NAME | QNK_CONFIG_LIST,
     .doc = "plugins of these kinds that it may sign; without: any"},
    {.name = "from",
     .type = QNK_CONFIG_TIME,
     .absent = QNK_RECORD_U64(0),
     .doc = "before that its signatures do not count"},
    {.name = "until",
     .type = QNK_CONFIG_TIME,
     .absent = QNK_RECORD_U64(UINT64_MAX),
     .doc = "from then on its signatures do not count"},
};

static const struct qnk_config_key least_keys[] = {
    {.name = "kind",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = kinds,
     .values_count = COUNT(kinds),
     .doc = "of the plugin"},
    {.name = "name", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "of the plugin"},
    {.name = "version",
     .type = QNK_CONFIG_STRING,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "the least that is loaded, as 1.2.0"},
};

static const struct qnk_config_key keys[] = {
    {.name = "version",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = versions,
     .values_count = COUNT(versions),
     .doc = "of this file's form"},
    {.name = "keys",
     .type = QNK_CONFIG_GROUP | QNK_CONFIG_LIST,
     .items = key_keys,
     .items_count = COUNT(key_keys),
     .doc = "whose signatures count"},
    {.name = "least",
     .type = QNK_CONFIG_GROUP | QNK_CONFIG_LIST,
     .items = least_keys,
     .items_count = COUNT(least_keys),
     .doc = "plugins of which nothing older is loaded"},
    {.name = "revoked",
     .type = QNK_CONFIG_HASH | QNK_CONFIG_LIST,
     .doc = "SHA-256 of files that are never loaded, whoever signed them"},
};

const struct qnk_config_schema qnk_trust_schema = {.title = "", .keys = keys, .count = COUNT(keys)};

/* --- versions --- */

bool qnk_trust_version_read(const char *text, uint32_t version[3])
{
    uint32_t numbers[3] = {0};

    for (uint32_t i = 0; i < 3; i++) {
        const char *begin = text;

        while (*text >= '0' && *text <= '9' && numbers[i] < 6554) {
            numbers[i] = numbers[i] * 10 + (uint32_t)(*text++ - '0');
        }
        if (text == begin || numbers[i] > UINT16_MAX || (*begin == '0' && text != begin + 1) ||
            *text != (i < 2 ? '.' : 0)) {
            return false;
        }
        text += i < 2;
    }
    memcpy(version, numbers, sizeof numbers);
    return true;
}

int qnk_trust_version_compare(const uint32_t a[3], const uint32_t b[3])
{
    for (uint32_t i = 0; i < 3; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* --- what the file says --- */

static const struct qnk_tree *items_of(const struct qnk_tree *tree, const char *list)
{
    const struct qnk_tree *items = qnk_tree_child(tree, list);

    return items == NULL ? NULL : items->first;
}

/* Finds that the item's key is at fault. */
static void fault(struct qnk_checker *checker, const struct qnk_tree *item, const char *key,
                  const char *what, const char *hint)
{
    const struct qnk_tree *child = qnk_tree_child(item, key);

    qnk_report_add(checker->report, QNK_E106,
                   qnk_checker_place(checker, child != NULL ? child->mark : item->mark), "%s",
                   what);
    qnk_report_hint(checker->report, "%s", hint);
}

/* A list's record begins with how many there are. False: too many. */
static bool count_take(struct qnk_checker *checker, const struct qnk_config_value *value,
                       struct qnk_reader *reader, uint32_t most, uint32_t *count)
{
    *reader = qnk_reader_init(value->record);
    *count = qnk_reader_u32(reader);
    if (*count > most) {
        qnk_report_add(checker->report, QNK_E106, value->place, "'%s' has %u items",
                       value->key->name, *count);
        qnk_report_hint(checker->report, "at most %u", most);
        return false;
    }
    return true;
}

static const char *text_take(struct qnk_checker *checker, struct qnk_reader *reader)
{
    return qnk_checker_string(checker, qnk_reader_span(reader, qnk_reader_u32(reader)));
}

/* Texts of a list in a key's record, of choices or as they stand. */
static const char *const *texts_take(struct qnk_checker *checker, struct qnk_reader *reader,
                                     bool are_kinds, uint32_t *count)
{
    *count = qnk_reader_u32(reader);

    const char **texts = qnk_checker_take(checker, (*count + 1) * sizeof *texts);

    for (uint32_t i = 0; i < *count; i++) {
        const char *text =
            are_kinds ? kinds[qnk_reader_u32(reader) % COUNT(kinds)] : text_take(checker, reader);

        if (texts != NULL) {
            texts[i] = text;
        }
    }
    return texts;
}

static void key_check(struct qnk_checker *checker, const struct qnk_tree *item,
                      const struct qnk_trust_file_key *key)
{
    if (key->kinds_count == 0) {
        fault(checker, item, "kinds", "the key may sign no kind of plugin", "as in [consensus]");
    }
    if (key->names_count == 0 && qnk_tree_child(item, "names") != NULL) {
        fault(checker, item, "names", "the key may sign no plugin", "without 'names' it may any");
    }
    if (key->names_count > QNK_TRUST_NAMES_MAX || key->kinds_count > QNK_TRUST_NAMES_MAX) {
        fault(checker, item, "names", "the key lists too many", "at most 64");
    }
    if (key->from_ms >= key->until_ms) {
        fault(checker, item, "until", "the key's signatures never count",
              "a time after the one of 'from'");
    }
}

static void keys_read(struct qnk_checker *checker, const struct qnk_config_part *part,
                      const struct qnk_tree *tree, struct qnk_trust_file *file)
{
    struct qnk_reader reader;
    const struct qnk_tree *item = items_of(tree, "keys");
    uint32_t count;

    if (!count_take(checker, qnk_part_find(part, "keys"), &reader, QNK_TRUST_KEYS_MAX, &count)) {
        return;
    }

    struct qnk_trust_file_key *list = qnk_checker_take(checker, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++, item = item->next) {
        const struct qnk_tree *name = qnk_tree_child(item, "key");

        list[i].key = text_take(checker, &reader);
        list[i].owner = text_take(checker, &reader);
        list[i].kinds = texts_take(checker, &reader, true, &list[i].kinds_count);
        list[i].names = texts_take(checker, &reader, false, &list[i].names_count);
        list[i].from_ms = qnk_reader_u64(&reader);
        list[i].until_ms = qnk_reader_u64(&reader);
        list[i].place = qnk_checker_place(checker, name != NULL ? name->mark : item->mark);
        key_check(checker, item, &list[i]);
    }
    file->keys = list;
    file->keys_count = list != NULL ? count : 0;
}

static void least_read(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_tree *tree, struct qnk_trust_file *file)
{
    struct qnk_reader reader;
    const struct qnk_tree *item = items_of(tree, "least");
    uint32_t count;

    if (!count_take(checker, qnk_part_find(part, "least"), &reader, QNK_TRUST_LEAST_MAX, &count)) {
        return;
    }

    struct qnk_trust_file_least *list = qnk_checker_take(checker, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++, item = item->next) {
        list[i].kind = kinds[qnk_reader_u32(&reader) % COUNT(kinds)];
        list[i].name = text_take(checker, &reader);
        if (!qnk_trust_version_read(text_take(checker, &reader), list[i].version)) {
            fault(checker, item, "version", "no version of a plugin", "three numbers, as in 1.2.0");
        }
    }
    file->least = list;
    file->least_count = list != NULL ? count : 0;
}

static void revoked_read(struct qnk_checker *checker, const struct qnk_config_part *part,
                         struct qnk_trust_file *file)
{
    struct qnk_reader reader;
    uint32_t count;

    if (!count_take(checker, qnk_part_find(part, "revoked"), &reader, QNK_TRUST_REVOKED_MAX,
                    &count)) {
        return;
    }

    struct qnk_hash *list = qnk_checker_take(checker, (count + 1) * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        qnk_reader_copy(&reader, list[i].bytes, QN_HASH_SIZE);
    }
    file->revoked = list;
    file->revoked_count = list != NULL ? count : 0;
}

int32_t qnk_trust_file_read(const struct qnk_config_source *source, struct qnk_arena *arena,
                            struct qnk_report *report, struct qnk_trust_file *file)
{
    struct qnk_checker checker = {.arena = arena, .report = report, .source = source, .folder = ""};
    struct qnk_trust_file it = {.keys = NULL};
    struct qnk_config_part part;
    struct qnk_tree *tree = NULL;
    int32_t status = qnk_tree_read(source, arena, report, &tree);

    if (status == QN_NO_SPACE) {
        return status;
    }
    if (tree != NULL && tree->kind != QNK_TREE_MAP) {
        qnk_report_add(report, QNK_E105, qnk_checker_place(&checker, tree->mark),
                       "the file is not a map of keys");
    }
    if (tree == NULL || tree->kind != QNK_TREE_MAP) {
        return QN_INVALID;
    }
    qnk_part_check(&checker, &qnk_trust_schema, tree, &part);
    if (!checker.is_full && report->errors == 0) {
        keys_read(&checker, &part, tree, &it);
        least_read(&checker, &part, tree, &it);
        revoked_read(&checker, &part, &it);
    }
    qnk_report_sort(report);
    if (checker.is_full) {
        return QN_NO_SPACE;
    }
    if (report->errors > 0) {
        return QN_INVALID;
    }
    *file = it;
    return QN_OK;
}
