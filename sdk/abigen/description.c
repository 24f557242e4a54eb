/* SPDX-License-Identifier: MIT */

/* description.c: reads sdk/abi/<kind>.yaml into the model, and refuses what must not reach a
 * header: every rule of the format has its words here. */

#include <string.h>

#include "sdk/abigen/model.h"

const char *const thread_words[THREAD_COUNT] = {"control", "loop", "pool", "any"};
const char *const state_words[] = {"created", "active", "frozen", "failed", NULL};

static const char status_words[] = "again invalid unsupported not_found exists corrupt io no_space "
                                   "timeout denied busy cancelled peer bug fatal";

/* Index of `word` in the list `words`, which ends with NULL or after `count`. */
static unsigned int word_index(struct place at, const char *const *words, unsigned int count)
{
    const char *word = text_value(at);

    for (unsigned int i = 0; i < count && words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    source_fail(at, "'%s' is no word for this", word);
}

/* A minor that this description has. */
static uint16_t since_read(struct place at, const struct description *of)
{
    return is_given(at) ? (uint16_t)number_value(at, of->minor) : 0;
}

static void limits_read(struct place map, struct description *of)
{
    if (is_given(map)) {
        map_check(map, NULL);
    }
    of->limits = model_take(items_count(map), sizeof *of->limits);
    for (size_t i = 0; i < items_count(map); i++) {
        struct place value = map_value(map, i);

        map_check(value, "value unit beyond why");
        of->limits[i] = (struct limit){
            .name = name_check(map_key_place(map, i), map_key(map, i)),
            .macro = model_text("QN_%s_%s", capital(of->name), capital(map_key(map, i))),
            .value = number_value(map_need(value, "value"), INT32_MAX),
            .unit = text_value(map_need(value, "unit")),
            .beyond = text_value(map_need(value, "beyond")),
            .why = text_value(map_need(value, "why")),
        };
        of->limits_count++;
    }
}

static void field_check(struct place at, const struct field *field, const struct record *record)
{
    const struct type *type = &field->type;

    if (type->shape > SHAPE_LIST) {
        source_fail(at, "'%s' is for arguments, no field of a record", type_words(type));
    }
    if (type->shape != SHAPE_LIST) {
        return;
    }
    if (record->is_frozen) {
        source_fail(at, "a frozen record lies in arrays and has no lists of its own");
    }
    if (type->limit == NULL) {
        source_fail(at, "a list in a record needs a limit, as in list<u64,100>");
    }
    if (type->item->record != NULL && !type->item->record->is_frozen) {
        source_fail(at, "'%s' may grow, so it cannot lie in an array: say frozen: true",
                    type->item->record->name);
    }
    if (type->item->shape > SHAPE_RECORD || type->item->shape == SHAPE_LIST ||
        type->item->shape == SHAPE_FLAG || type->item->shape == SHAPE_BYTES) {
        source_fail(at, "'%s' cannot lie in a list", type_words(type->item));
    }
}

static void fields_read(struct place map, struct record *record, const struct description *of)
{
    map_check(map, NULL);
    record->fields = model_take(items_count(map), sizeof *record->fields);
    record->fields_count = items_count(map);
    for (size_t i = 0; i < record->fields_count; i++) {
        struct place key = map_key_place(map, i);

        record->fields[i].name = name_value(key);
        record->fields[i].type = type_read(map_value(map, i), of);
        field_check(map_value(map, i), &record->fields[i], record);
    }
}

static const struct {
    const char *section, *keys, *infix, *id;
} families[] = {
    [FAMILY_RECORD] = {"records", "frozen doc fields", "", NULL},
    [FAMILY_EVENT] = {"events", "id since doc payload fields", "event_", "id"},
    [FAMILY_EFFECT] = {"effects", "id since doc payload fields", "effect_", "id"},
    [FAMILY_MANIFEST] = {"manifest", "tag doc fields", "manifest_", "tag"},
};

/* Records of plugin.yaml belong to all kinds, and a field of the manifest to no kind. */
static const char *record_full(const struct description *of, const struct record *record)
{
    if (strcmp(of->name, "plugin") == 0) {
        return model_text("qn_%s", record->name);
    }
    if (strcmp(of->name, "manifest") == 0) {
        return model_text("qn_manifest_%s", record->name);
    }
    return model_text("qn_%s_%s%s", of->name, families[record->family].infix, record->name);
}

static void record_read(struct place map, size_t index, enum family family, struct description *of)
{
    struct record *record = &of->records[of->records_count];
    struct place value = map_value(map, index);
    const char *id = families[family].id;

    map_check(value, families[family].keys);
    record->family = family;
    record->name = name_check(map_key_place(map, index), map_key(map, index));
    if (family == FAMILY_RECORD && is_type_word(record->name)) {
        source_fail(map_key_place(map, index), "'%s' is the name of a type", record->name);
    }
    record->doc = text_value_or(map_get(value, "doc"), NULL);
    record->is_frozen = flag_value(map_get(value, "frozen"));
    record->has_payload = flag_value(map_get(value, "payload"));
    record->since = since_read(map_get(value, "since"), of);
    record->full = record_full(of, record);
    if (id != NULL) {
        record->id = (uint16_t)number_value(map_need(value, id), UINT16_MAX);
    }
    for (size_t i = 0; i < of->records_count; i++) {
        if (id != NULL && of->records[i].family == family && of->records[i].id == record->id) {
            source_fail(map_need(value, id), "%s %u is that of '%s': ids are never used again", id,
                        (unsigned int)record->id, of->records[i].name);
        }
    }
    of->records_count++;
}

static size_t all_records(struct place top)
{
    size_t count = 0;

    for (int family = FAMILY_RECORD; family <= FAMILY_MANIFEST; family++) {
        count += items_count(map_get(top, families[family].section));
    }
    return count;
}

/* First all names, then all fields, so that a field may name a record that comes later. */
static void records_read(struct place top, struct description *of)
{
    struct record *next = of->records = model_take(all_records(top), sizeof *of->records);

    for (int family = FAMILY_RECORD; family <= FAMILY_MANIFEST; family++) {
        struct place map = map_get(top, families[family].section);

        if (is_given(map)) {
            map_check(map, NULL);
        }
        for (size_t i = 0; i < items_count(map); i++) {
            record_read(map, i, (enum family)family, of);
        }
    }
    for (int family = FAMILY_RECORD; family <= FAMILY_MANIFEST; family++) {
        struct place map = map_get(top, families[family].section);

        for (size_t i = 0; i < items_count(map); i++) {
            fields_read(map_need(map_value(map, i), "fields"), next++, of);
        }
    }
}

static void list_arg_check(struct place at, const struct arg *arg)
{
    const struct type *item = arg->type.item;

    if (item->record != NULL && !item->record->is_frozen) {
        source_fail(at, "'%s' may grow, so it cannot lie in an array: say frozen: true",
                    item->record->name);
    }
    if (item->shape == SHAPE_LIST || item->shape == SHAPE_BYTES || item->shape == SHAPE_TEXT ||
        item->shape > SHAPE_SLICE) {
        source_fail(at, "'%s' cannot lie in a list", type_words(item));
    }
    if (arg->is_out && arg->count == NULL) {
        source_fail(at, "an output list says with `count:` which input has as many items");
    }
}

static void arg_check(struct place at, const struct arg *arg)
{
    const struct type *type = &arg->type;

    if (type->shape == SHAPE_SLICE) {
        source_fail(at, "a slice is over %d bytes, too large to pass by value: use list<slice>",
                    (int)SPAN_SIZE);
    }
    if (type->shape == SHAPE_LIST) {
        list_arg_check(at, arg);
    } else if (type_c(type, arg->is_out) == NULL) {
        source_fail(at, "'%s' cannot be an %s argument", type_words(type),
                    arg->is_out ? "output" : "input");
    }
    if (type->shape == SHAPE_RECORD && arg->is_out && !type->record->is_frozen) {
        source_fail(at, "'%s' may grow, so a plugin cannot write it: give it a sink",
                    type->record->name);
    }
    if (type->shape == SHAPE_BITS && arg->count == NULL) {
        source_fail(at, "bits say with `count:` which input has as many items");
    }
    if ((type->shape == SHAPE_SINK) != (strcmp(arg->own, "sink") == 0)) {
        source_fail(at, "a sink, and nothing else, is owned as `sink`");
    }
    if (arg->max != NULL && !is_number(type->shape) && type->shape != SHAPE_SPAN) {
        source_fail(at, "`max` is for numbers and spans");
    }
}

static const struct limit *limit_find(struct place at, const struct description *of)
{
    for (const struct description *in = of; in != NULL; in = in->base) {
        for (size_t i = 0; i < in->limits_count; i++) {
            if (strcmp(in->limits[i].name, text_value(at)) == 0) {
                return &in->limits[i];
            }
        }
    }
    source_fail(at, "no limit is named '%s'", text_value(at));
}

static const struct arg *count_find(struct place at, const struct slot *slot)
{
    for (size_t i = 0; i < slot->args_count; i++) {
        const struct arg *arg = &slot->args[i];

        if (strcmp(arg->name, text_value(at)) == 0 && arg->type.shape == SHAPE_LIST &&
            !arg->is_out) {
            return arg;
        }
    }
    source_fail(at, "'%s' is no input list before this argument", text_value(at));
}

static void arg_read(struct place map, size_t index, struct slot *slot,
                     const struct description *of)
{
    struct arg *arg = &slot->args[slot->args_count];
    struct place value = map_value(map, index);
    struct place own = map_get(value, "own"), count = map_get(value, "count");
    struct place max = map_get(value, "max"), dir = map_get(value, "dir");
    struct place record = map_get(value, "record");

    map_check(value, "type own dir unit max count record doc");
    arg->name = name_value(map_key_place(map, index));
    arg->type = type_read(map_need(value, "type"), of);
    arg->own = text_value_or(own, "borrow");
    arg->unit = text_value_or(map_get(value, "unit"), NULL);
    arg->doc = text_value_or(map_get(value, "doc"), NULL);
    arg->is_out = strcmp(text_value_or(dir, "in"), "out") == 0;
    if (!is_among(arg->own, "borrow sink buf")) {
        source_fail(own, "'%s' is none of borrow, sink and buf", arg->own);
    }
    if (!is_among(text_value_or(dir, "in"), "in out")) {
        source_fail(dir, "'%s' is neither in nor out", text_value(dir));
    }
    arg->max = is_given(max) ? limit_find(max, of) : NULL;
    arg->count = is_given(count) ? count_find(count, slot) : NULL;
    if (is_given(record)) {
        arg->record = type_read(record, of).record;
        if (arg->record == NULL || (arg->type.shape != SHAPE_SPAN)) {
            source_fail(record, "`record` names the record that lies encoded in a span");
        }
    }
    arg_check(map_need(value, "type"), arg);
    slot->args_count++;
}

static void errors_read(struct place map, struct slot *slot)
{
    if (!is_given(map)) {
        return;
    }
    map_check(map, status_words);
    if (slot->returns.shape != SHAPE_STATUS) {
        source_fail(map, "only a slot that returns status has errors");
    }
    slot->errors = model_take(items_count(map), sizeof *slot->errors);
    slot->errors_count = items_count(map);
    for (size_t i = 0; i < slot->errors_count; i++) {
        slot->errors[i] = (struct error){map_key(map, i), text_value(map_value(map, i))};
    }
}

static void overlap_read(struct place at, struct place map, struct slot *slot)
{
    const char *word = text_value_or(at, "");

    if ((slot->thread == THREAD_POOL) != is_given(at)) {
        source_fail(map, "a slot of thread pool, and no other, says how calls may overlap");
    }
    if (!is_given(at)) {
        return;
    }
    if (strcmp(word, "shared") == 0) {
        slot->overlap = OVERLAP_SHARED;
    } else if (strcmp(word, "alone") == 0) {
        slot->overlap = OVERLAP_ALONE;
    } else if (strncmp(word, "serial ", 7) == 0 && word[7] >= '1' && word[7] <= '8' &&
               word[8] == '\0') {
        slot->overlap = OVERLAP_SERIAL;
        slot->group = (unsigned int)(word[7] - '0');
    } else {
        source_fail(at, "'%s' is none of shared, alone and serial 1..8", word);
    }
}

static unsigned int states_read(struct place list)
{
    unsigned int states = 0;

    if (!is_given(list)) {
        return STATES_DEFAULT;
    }
    for (size_t i = 0; i < items_count(list); i++) {
        states |= 1u << word_index(list_item(list, i), state_words, UINT32_MAX);
    }
    return states;
}

static void returns_read(struct place at, struct slot *slot, const struct description *of)
{
    slot->returns = type_read(at, of);

    enum shape shape = slot->returns.shape;

    if (!is_number(shape) && shape != SHAPE_STATUS && shape != SHAPE_VOID &&
        shape != SHAPE_MEMORY && shape != SHAPE_ROOM && shape != SHAPE_TABLE &&
        shape != SHAPE_STRING && shape != SHAPE_BUF) {
        source_fail(at, "a slot cannot return '%s'", type_words(&slot->returns));
    }
}

/* What answers for a slot that a plugin lacks: UNSUPPORTED, or OK where doing nothing is right. */
static bool stub_read(struct place at, const struct slot *slot)
{
    if (is_given(at) && (strcmp(text_value(at), "ok") != 0 || !slot->is_optional)) {
        source_fail(at, "`stub` is ok, and for optional slots");
    }
    return is_given(at);
}

/* `thread` is that of the whole table, or not given. */
static void slot_read(struct place map, struct place thread, struct table *table,
                      const struct description *of)
{
    struct slot *slot = &table->slots[table->slots_count];
    struct place args = map_get(map, "args"), context = map_get(map, "context");

    map_check(map, "name since thread overlap states args context returns errors optional stub "
                   "budget_ns doc");
    slot->name = name_value(map_need(map, "name"));
    slot->doc = text_value(map_need(map, "doc"));
    slot->since = since_read(map_get(map, "since"), of);
    slot->is_optional = flag_value(map_get(map, "optional"));
    slot->stub_is_ok = stub_read(map_get(map, "stub"), slot);
    slot->budget_ns = is_given(map_get(map, "budget_ns"))
                          ? number_value(map_get(map, "budget_ns"), UINT32_MAX)
                          : 0;
    slot->states = states_read(map_get(map, "states"));
    if (is_given(context) && strcmp(text_value(context), "none") != 0) {
        source_fail(context, "`context` is none, or left out");
    }
    slot->is_bare = is_given(context);

    struct place own = map_get(map, "thread");

    slot->thread = (enum thread)word_index(
        is_given(own) || !is_given(thread) ? map_need(map, "thread") : thread, thread_words,
        THREAD_COUNT);
    overlap_read(map_get(map, "overlap"), map, slot);
    returns_read(map_need(map, "returns"), slot, of);
    errors_read(map_get(map, "errors"), slot);
    if (is_given(args)) {
        map_check(args, NULL);
    }
    slot->args = model_take(items_count(args), sizeof *slot->args);
    for (size_t i = 0; i < items_count(args); i++) {
        arg_read(args, i, slot, of);
    }
    for (size_t i = 0; i < table->slots_count; i++) {
        if (strcmp(table->slots[i].name, slot->name) == 0) {
            source_fail(map, "there is a slot '%s' already", slot->name);
        }
        if (table->slots[i].since > slot->since) {
            source_fail(map, "a slot of an older minor cannot follow '%s': tables grow at the end",
                        table->slots[i].name);
        }
    }
    table->slots_count++;
}

static void slots_read(struct place list, struct place thread, struct table *table,
                       const struct description *of)
{
    size_t count = items_count(list);

    if (count == 0 || count > SLOTS_MAX) {
        source_fail(list, "a table has 1 to %d slots, not %zu", (int)SLOTS_MAX, count);
    }
    table->slots = model_take(count, sizeof *table->slots);
    for (size_t i = 0; i < count; i++) {
        slot_read(list_item(list, i), thread, table, of);
    }
}

/* `qnet.watch/1` of the table watch: what comes behind the slash goes into the name in C. */
static const char *table_full(struct place id, const char *name)
{
    if (!is_given(id)) {
        return name;
    }

    const char *text = text_value(id);
    const char *slash = strchr(text, '/');

    if (slash == NULL || strncmp(text, "qnet.", 5) != 0 ||
        strncmp(text + 5, name, (size_t)(slash - text - 5)) != 0) {
        source_fail(id, "'%s' is not qnet.%s/REVISION", text, name);
    }
    return model_text("%s_%s", name, name_check(id, model_text("r%s", slash + 1)) + 1);
}

static void table_read(struct place map, size_t index, struct description *of)
{
    struct table *table = &of->tables[of->tables_count++];
    struct place value = map_value(map, index), side = map_need(value, "side");

    map_check(value, "side id thread doc slots since");
    table->full = table_full(map_get(value, "id"), map_key(map, index));
    table->id = text_value_or(map_get(value, "id"), NULL);
    table->doc = text_value(map_need(value, "doc"));
    table->since = since_read(map_get(value, "since"), of);
    table->is_host_side = strcmp(text_value(side), "host") == 0;
    if (!table->is_host_side && strcmp(text_value(side), "plugin") != 0) {
        source_fail(side, "'%s' is neither host nor plugin", text_value(side));
    }
    slots_read(map_need(value, "slots"), map_get(value, "thread"), table, of);
}

static void tables_read(struct place top, struct description *of)
{
    struct place map = map_get(top, "tables"), slots = map_get(top, "slots");

    if (is_given(slots)) {
        of->tables = model_take(1, sizeof *of->tables);
        of->tables_count = 1;
        of->tables[0].full = model_text("%s_%u", of->name, (unsigned int)of->major);
        slots_read(slots, (struct place){top.source, NULL}, &of->tables[0], of);
        return;
    }
    if (is_given(map)) {
        map_check(map, NULL);
    }
    of->tables = model_take(items_count(map), sizeof *of->tables);
    for (size_t i = 0; i < items_count(map); i++) {
        table_read(map, i, of);
    }
}

static void defaults_read(struct place map, struct description *of)
{
    map_check(map, "units owns threads cost errors");
    of->defaults = model_take(items_count(map), sizeof *of->defaults);
    of->defaults_count = items_count(map);
    for (size_t i = 0; i < of->defaults_count; i++) {
        of->defaults[i] = (struct note){map_key(map, i), text_value(map_value(map, i))};
    }
}

static void checks_read(struct place list, struct description *of)
{
    of->checks = model_take(items_count(list), sizeof *of->checks);
    for (size_t i = 0; i < items_count(list); i++) {
        const char *name = name_value(list_item(list, i));

        for (size_t j = 0; j < i; j++) {
            if (strcmp(of->checks[j], name) == 0) {
                source_fail(list_item(list, i), "'%s' is in the list twice", name);
            }
        }
        of->checks[i] = name;
    }
    of->checks_count = items_count(list);
}

static void releases_read(struct place list, struct description *of)
{
    if (items_count(list) != of->minor + 1u) {
        source_fail(list, "wants one release for each minor, 0 to %u", (unsigned int)of->minor);
    }
    of->releases = model_take(items_count(list), sizeof *of->releases);
    for (size_t i = 0; i < items_count(list); i++) {
        of->releases[i] = text_value(list_item(list, i));
    }
}

static const struct description *base_read(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    if (is_among(name, "plugin manifest")) {
        return NULL;
    }
    if (slash == NULL) {
        return description_read("plugin.yaml");
    }
    return description_read(model_text("%.*s/plugin.yaml", (int)(slash - path), path));
}

const struct description *description_read(const char *path)
{
    struct description *it = model_take(1, sizeof *it);
    struct place top = source_open(path);
    struct place class = map_need(top, "class");

    map_check(top, "kind major minor class doc releases defaults limits manifest records events "
                   "effects slots tables check");
    it->path = path;
    it->name = name_value(map_need(top, "kind"));
    it->major = (uint16_t)number_value(map_need(top, "major"), UINT16_MAX);
    it->minor = (uint16_t)number_value(map_need(top, "minor"), UINT16_MAX);
    it->class = text_value(class);
    it->doc = text_value(map_need(top, "doc"));
    if (!is_among(it->class, "host edge pure deterministic")) {
        source_fail(class, "'%s' is none of host, edge, pure and deterministic", it->class);
    }
    it->base = base_read(path, it->name);
    releases_read(map_need(top, "releases"), it);
    defaults_read(map_need(top, "defaults"), it);
    limits_read(map_get(top, "limits"), it);
    records_read(top, it);
    tables_read(top, it);
    checks_read(map_get(top, "check"), it);
    return it;
}

bool has_family(const struct description *of, enum family family)
{
    for (size_t i = 0; i < of->records_count; i++) {
        if (of->records[i].family == family) {
            return true;
        }
    }
    return false;
}
