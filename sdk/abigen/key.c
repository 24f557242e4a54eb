/* SPDX-License-Identifier: MIT */

/* key.c: the keys of a plugin's config: reads them, checks that default and bounds fit the type,
 * and encodes them for the note. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/abigen/manifest.h"

enum {
    NAME_SIZE = 48,
    DOC_SIZE = 240,
    RECORD_SIZE = 256,
    CHOICES_MAX = 64,
    MILLION = 1000000,
    NAME_VALUE_SIZE = 32,
};

static const char *const type_words_of_keys[] = {NULL,       "bool",  "int",    "size",
                                                 "duration", "ratio", "string", "name",
                                                 "address",  "path",  "choice"};
static const char *const unit_words[] = {"none",  "blocks",  "windows",    "txs", "accounts",
                                         "peers", "threads", "per_second", "nano"};
static const char *const flag_words[] = {"required", "live", "secret", "deprecated"};

static uint8_t word_find(struct place at, const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] != NULL && strcmp(words[i], word) == 0) {
            return (uint8_t)i;
        }
    }
    source_fail(at, "'%s' is no word for this", word);
}

#define WORD_FIND(at, word, words) word_find(at, word, words, sizeof(words) / sizeof *(words))

/* int, list<string> or map<string>. */
static uint8_t key_type_read(struct place at)
{
    const char *text = text_value(at);
    size_t size = strlen(text);
    uint8_t shape = strncmp(text, "list<", 5) == 0  ? VALUE_LIST
                    : strncmp(text, "map<", 4) == 0 ? VALUE_MAP
                                                    : 0;

    if (shape == 0) {
        return WORD_FIND(at, text, type_words_of_keys);
    }

    const char *inner = strchr(text, '<') + 1;

    if (text[size - 1] != '>') {
        source_fail(at, "'%s' wants a closing >", text);
    }

    uint8_t item = WORD_FIND(at, model_text("%.*s", (int)(text + size - 1 - inner), inner),
                             type_words_of_keys);

    if (shape == VALUE_MAP && (item < VALUE_STRING || item > VALUE_PATH)) {
        source_fail(at, "a map holds texts");
    }
    return (uint8_t)(shape | item);
}

/* Digits, then one of the units of `units`, whose factors are `factors`. */
static uint64_t quantity_value(struct place at, const char *const *units, const uint64_t *factors,
                               const char *example)
{
    const char *text = text_value(at);
    char *end;

    errno = 0;

    uint64_t value = strtoull(text, &end, 10);

    for (size_t i = 0; isdigit((unsigned char)text[0]) && errno == 0 && units[i] != NULL; i++) {
        if (strcmp(end, units[i]) == 0 && value <= (uint64_t)INT64_MAX / factors[i]) {
            return value * factors[i];
        }
    }
    source_fail(at, "'%s' is not a number with its unit, as in %s", text, example);
}

uint64_t size_value(struct place at)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
    static const uint64_t factors[] = {1, 1 << 10, 1 << 20, 1 << 30, UINT64_C(1) << 40};

    return quantity_value(at, units, factors, "64MiB");
}

static uint64_t duration_value(struct place at)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", NULL};
    static const uint64_t factors[] = {1, 1000, 60000, 3600000, 86400000};

    return quantity_value(at, units, factors, "250ms");
}

/* 0.25 in millionths. */
static uint64_t ratio_value(struct place at)
{
    const char *text = text_value(at);
    size_t whole = strspn(text, "0123456789");
    const char *places = text + whole + (text[whole] == '.');
    size_t count = strspn(places, "0123456789");
    uint64_t value = 0;

    if (whole != 1 || places[count] != '\0' || count > 6) {
        source_fail(at, "'%s' is not a ratio, as in 0.25", text);
    }
    value = (uint64_t)(text[0] - '0');
    for (size_t i = 0; i < 6; i++) {
        value = value * 10 + (i < count ? (uint64_t)(places[i] - '0') : 0);
    }
    return value;
}

static const uint8_t item_sizes[] = {[VALUE_BOOL] = 1,     [VALUE_INT] = 8,   [VALUE_SIZE] = 8,
                                     [VALUE_DURATION] = 8, [VALUE_RATIO] = 4, [VALUE_CHOICE] = 4};

static bool is_text(uint8_t item)
{
    return item >= VALUE_STRING && item <= VALUE_PATH;
}

static uint64_t item_number(struct place at, const struct key *key)
{
    switch (key->type & VALUE_ITEM) {
    case VALUE_BOOL:
        return flag_value(at);
    case VALUE_INT:
        return (uint64_t)integer_value(at);
    case VALUE_SIZE:
        return size_value(at);
    case VALUE_DURATION:
        return duration_value(at);
    case VALUE_RATIO:
        return ratio_value(at);
    default:
        return word_find(at, text_value(at), key->values, key->values_count);
    }
}

static void text_check(struct place at, uint8_t item)
{
    const char *text = text_value(at);

    if (item == VALUE_NAME &&
        (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' ||
         strlen(text) > NAME_VALUE_SIZE)) {
        source_fail(at, "'%s' is not a name: at most 32 of a-z, 0-9 and -", text);
    }
    if (item == VALUE_ADDRESS && strstr(text, "://") == NULL) {
        source_fail(at, "'%s' is not an address, as in tcp://127.0.0.1:9876", text);
    }
}

static void item_encode(struct place at, const struct key *key, struct bytes *to)
{
    uint8_t item = key->type & VALUE_ITEM;

    if (is_text(item)) {
        text_check(at, item);
        bytes_add_text(to, text_value(at));
        return;
    }

    uint64_t value = item_number(at, key);

    if (item != VALUE_BOOL && item != VALUE_CHOICE &&
        ((int64_t)value < key->min || (int64_t)value > key->max)) {
        source_fail(at, "'%s' is outside %" PRId64 "..%" PRId64, text_value(at), key->min,
                    key->max);
    }
    bytes_add_number(to, value, item_sizes[item]);
}

/* Names of a map ascend, so that there is one encoding. */
static void pair_encode(struct place map, size_t index, const struct key *key, struct bytes *to)
{
    if (index > 0 && strcmp(map_key(map, index - 1), map_key(map, index)) >= 0) {
        source_fail(map_key_place(map, index), "names of a map ascend");
    }
    bytes_add_text(to, map_key(map, index));
    item_encode(map_value(map, index), key, to);
}

static void value_encode(struct place at, const struct key *key, struct bytes *to)
{
    bool is_map = (key->type & VALUE_MAP) != 0;

    if ((key->type & (VALUE_LIST | VALUE_MAP)) == 0) {
        item_encode(at, key, to);
        return;
    }
    bytes_add_number(to, items_count(at), 4);
    for (size_t i = 0; i < items_count(at); i++) {
        if (is_map) {
            pair_encode(at, i, key, to);
        } else {
            item_encode(list_item(at, i), key, to);
        }
    }
}

static uint64_t zero_size(const struct key *key)
{
    bool is_counted = (key->type & (VALUE_LIST | VALUE_MAP)) != 0 || is_text(key->type);

    return is_counted ? 4 : item_sizes[key->type];
}

void absent_encode(const struct key *key, struct bytes *to)
{
    if (is_given(key->absent_place)) {
        value_encode(key->absent_place, key, to);
    } else {
        bytes_add_number(to, 0, zero_size(key));
    }
}

static void add_value(struct place at, const struct key *key, struct bytes *to)
{
    struct bytes value = {0};

    if (is_given(at)) {
        value_encode(at, key, &value);
    }
    if (value.size > RECORD_SIZE) {
        source_fail(at, "over %d bytes when encoded", (int)RECORD_SIZE);
    }
    bytes_add_bytes(to, &value);
}

/* A bound is one item, also of a list. */
static void add_bound(struct place at, struct key *key, struct bytes *to)
{
    struct key item = *key;

    item.type &= VALUE_ITEM;
    add_value(at, &item, to);
}

static void values_read(struct place list, struct key *key)
{
    bool is_choice = (key->type & VALUE_ITEM) == VALUE_CHOICE;

    if (is_choice != is_given(list)) {
        source_fail(key->place, "a choice, and nothing else, has `values`");
    }
    if (items_count(list) > CHOICES_MAX || (is_choice && items_count(list) == 0)) {
        source_fail(list, "a choice has 1 to %d values", (int)CHOICES_MAX);
    }
    key->values = model_take(items_count(list), sizeof *key->values);
    key->values_count = items_count(list);
    for (size_t i = 0; i < key->values_count; i++) {
        key->values[i] = text_value(list_item(list, i));
        if (strlen(key->values[i]) > NAME_SIZE) {
            source_fail(list_item(list, i), "over %d bytes", (int)NAME_SIZE);
        }
    }
}

static void bounds_read(struct place value, struct key *key)
{
    uint8_t item = key->type & VALUE_ITEM;
    bool has_bounds = item >= VALUE_INT && item <= VALUE_RATIO;

    key->min_place = map_get(value, "min");
    key->max_place = map_get(value, "max");
    key->min = item == VALUE_INT ? INT64_MIN : 0;
    key->max = item == VALUE_RATIO ? UINT32_MAX : INT64_MAX;
    if (!has_bounds && (is_given(key->min_place) || is_given(key->max_place))) {
        source_fail(value, "only numbers have `min` and `max`");
    }
    if (is_given(key->max_place)) {
        key->max = (int64_t)item_number(key->max_place, key);
    }
    if (is_given(key->min_place)) {
        key->min = (int64_t)item_number(key->min_place, key);
    }
}

static void flags_read(struct place list, struct key *key)
{
    for (size_t i = 0; i < items_count(list); i++) {
        struct place flag = list_item(list, i);

        key->flags |= (uint8_t)(1u << WORD_FIND(flag, text_value(flag), flag_words));
    }
    if ((key->flags & 1) != 0 && is_given(key->absent_place)) {
        source_fail(key->absent_place, "a required key has no default");
    }
}

static void key_name_check(struct place at, const char *name)
{
    if (strlen(name) > NAME_SIZE || !islower((unsigned char)name[0]) ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.")] != '\0') {
        source_fail(at, "'%s' is not a key: a letter, then at most 47 of a-z, 0-9, _ and .", name);
    }
    if (is_among(name, "use path layers on_error isolate version")) {
        source_fail(at, "'%s' is a key of the kernel's own", name);
    }
}

static void key_encode(struct key *key)
{
    struct bytes *to = &key->encoded;

    bytes_add_text(to, key->name);
    bytes_add_number(to, key->type, 1);
    bytes_add_number(to, key->unit, 1);
    bytes_add_number(to, key->flags, 1);
    add_value(key->absent_place, key, to);
    add_bound(key->min_place, key, to);
    add_bound(key->max_place, key, to);
    bytes_add_number(to, key->values_count, 4);
    for (size_t i = 0; i < key->values_count; i++) {
        bytes_add_text(to, key->values[i]);
    }
    bytes_add_text(to, key->doc);
}

static void key_read(struct place map, size_t index, struct key *key)
{
    struct place value = map_value(map, index), unit = map_get(value, "unit");

    map_check(value, "type min max default values unit flags doc");
    key->place = value;
    key->name = map_key(map, index);
    key_name_check(map_key_place(map, index), key->name);
    key->type = key_type_read(map_need(value, "type"));
    key->doc = text_value(map_need(value, "doc"));
    key->absent_place = map_get(value, "default");
    if (strlen(key->doc) > DOC_SIZE) {
        source_fail(map_need(value, "doc"), "over %d bytes", (int)DOC_SIZE);
    }
    if (is_given(unit) && (key->type & VALUE_ITEM) != VALUE_INT) {
        source_fail(unit, "only an int has a unit");
    }
    key->unit = is_given(unit) ? WORD_FIND(unit, text_value(unit), unit_words) : 0;
    flags_read(map_get(value, "flags"), key);
    values_read(map_get(value, "values"), key);
    bounds_read(value, key);
    key_encode(key);
}

static int keys_compare(const void *a, const void *b)
{
    return bytes_compare(&((const struct key *)a)->encoded, &((const struct key *)b)->encoded);
}

void keys_read(struct place map, struct manifest *of)
{
    if (is_given(map)) {
        map_check(map, NULL);
    }
    of->keys = model_take(items_count(map), sizeof *of->keys);
    of->keys_count = items_count(map);
    for (size_t i = 0; i < of->keys_count; i++) {
        key_read(map, i, &of->keys[i]);
    }
    qsort(of->keys, of->keys_count, sizeof *of->keys, keys_compare);
}
