/* SPDX-License-Identifier: MIT */

#include "kernel/config/schema.h"

#include <string.h>

#include "kernel/base/bytes.h"

uint32_t qnk_config_distance(const char *a, const char *b, uint32_t limit)
{
    uint32_t row[QNK_CONFIG_NAME_MAX + 1]; /* distances of a's beginning from those of b */
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);

    if (a_size > QNK_CONFIG_NAME_MAX || b_size > QNK_CONFIG_NAME_MAX) {
        return limit + 1;
    }
    for (uint32_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        uint32_t diagonal = row[0];

        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_size; j++) {
            uint32_t changed = diagonal + (a[i - 1] != b[j - 1]);
            uint32_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

            diagonal = row[j];
            row[j] = changed < least ? changed : least;
        }
    }
    return row[b_size] > limit ? limit + 1 : row[b_size];
}

const struct qnk_config_key *qnk_config_key_find(const struct qnk_config_schema *schema,
                                                 const char *name)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->keys[i].name, name) == 0) {
            return &schema->keys[i];
        }
    }
    return NULL;
}

/* Words of [a-z0-9_], apart by single dots. */
static bool is_key_name(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > QNK_CONFIG_NAME_MAX || name[0] == '.' || name[size - 1] == '.' ||
        strstr(name, "..") != NULL) {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == size;
}

/* Bytes of a number's record; 0: the type is no number. */
static uint32_t number_size(uint8_t type)
{
    switch (type) {
    case QNK_CONFIG_INT:
    case QNK_CONFIG_SIZE:
    case QNK_CONFIG_DURATION:
        return 8;
    case QNK_CONFIG_RATIO:
        return 4;
    default:
        return 0;
    }
}

/* Takes one value of a manifest's types off `reader`. */
static bool item_skip(const struct qnk_config_key *key, struct qnk_reader *reader)
{
    uint8_t type = key->type & QNK_CONFIG_ITEM;
    uint32_t number = number_size(type);

    if (number > 0) {
        return qnk_reader_bytes(reader, number) != NULL;
    }
    if (type == QNK_CONFIG_BOOL) {
        return qnk_reader_u8(reader) <= 1 && !reader->failed;
    }
    if (type == QNK_CONFIG_CHOICE) {
        return qnk_reader_u32(reader) < key->values_count && !reader->failed;
    }
    return qnk_reader_bytes(reader, qnk_reader_u32(reader)) != NULL;
}

static bool is_record(const struct qnk_config_key *key, struct qn_span record)
{
    struct qnk_reader reader = qnk_reader_init(record);
    bool is_many = (key->type & (QNK_CONFIG_LIST | QNK_CONFIG_MAP)) != 0;
    uint32_t count = is_many ? qnk_reader_u32(&reader) : 1;

    for (uint32_t i = 0; i < count && !reader.failed; i++) {
        if ((key->type & QNK_CONFIG_MAP) != 0) {
            (void)qnk_reader_bytes(&reader, qnk_reader_u32(&reader));
        }
        if (!item_skip(key, &reader)) {
            return false;
        }
    }
    return qnk_reader_done(&reader);
}

static bool is_bound(const struct qnk_config_key *key, struct qn_span bound)
{
    return bound.size == 0 || bound.size == number_size(key->type & QNK_CONFIG_ITEM);
}

static const char *key_fault(const struct qnk_config_key *key)
{
    uint8_t item = key->type & QNK_CONFIG_ITEM;

    if (!is_key_name(key->name)) {
        return "a key's name";
    }
    if (item < QNK_CONFIG_BOOL || item > QNK_CONFIG_CHOICE ||
        (key->type & QNK_CONFIG_LIST && key->type & QNK_CONFIG_MAP)) {
        return "a key's type";
    }
    if (key->unit >= QNK_CONFIG_UNIT_COUNT) {
        return "a key's unit";
    }
    if (key->flags >= QNK_CONFIG_KEY_FILE) {
        return "a key's flags";
    }
    if ((item == QNK_CONFIG_CHOICE) != (key->values_count > 0) ||
        key->values_count > QNK_CONFIG_CHOICES_MAX) {
        return "a key's choices";
    }
    if (!is_bound(key, key->min) || !is_bound(key, key->max)) {
        return "a key's bounds";
    }
    return key->absent.size > 0 && !is_record(key, key->absent) ? "a key's default" : NULL;
}

/* Whether one is the other, or a group above it: "log" and "log.level". */
static bool is_clash(const char *a, const char *b)
{
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    size_t size = a_size < b_size ? a_size : b_size;
    const char *longer = a_size < b_size ? b : a;

    return strncmp(a, b, size) == 0 && (longer[size] == 0 || longer[size] == '.');
}

const char *qnk_config_schema_fault(const struct qnk_config_schema *schema)
{
    if (schema->count > QNK_CONFIG_KEYS_MAX) {
        return "too many keys";
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        const char *fault = key_fault(&schema->keys[i]);

        if (fault != NULL) {
            return fault;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (is_clash(schema->keys[i].name, schema->keys[j].name)) {
                return "a key that comes twice";
            }
        }
    }
    return NULL;
}
