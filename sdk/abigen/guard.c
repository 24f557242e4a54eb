/* SPDX-License-Identifier: MIT */

#include "sdk/abigen/guard.h"

#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/text.h"

/* Whether a field of a record is a pointer in C, and what copies what it points to. */
static const char *field_copier(const struct field *field)
{
    switch ((int)field->type.shape) {
    case SHAPE_HASH:
    case SHAPE_KEY:
    case SHAPE_SIG:
        return "bytes";
    case SHAPE_BYTES:
    case SHAPE_TEXT:
    case SHAPE_LIST:
        return "span";
    default:
        return NULL;
    }
}

static bool has_pointers(const struct record *record)
{
    for (size_t i = 0; i < record->fields_count; i++) {
        if (field_copier(&record->fields[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The record that an argument points to, or NULL. */
static const struct record *arg_record(const struct arg *arg)
{
    if (arg->is_out) {
        return NULL;
    }
    return arg->type.shape == SHAPE_LIST ? arg->type.item->record : arg->type.record;
}

static bool is_used(const struct description *of, const struct record *record)
{
    const struct table *table = &of->tables[0];

    for (size_t i = 0; i < table->slots_count; i++) {
        for (size_t j = 0; j < table->slots[i].args_count; j++) {
            if (arg_record(&table->slots[i].args[j]) == record) {
                return true;
            }
        }
    }
    return false;
}

/* The function that copies an array of records and what they point to. */
static void copier_put(const struct record *record)
{
    put("\nstatic const struct %s *%s_copy(struct qnk_guarded_call *call,\n"
        "    const struct %s *from, uint32_t count)\n{\n",
        record->full, record->name, record->full);
    put("    struct %s *to = qnk_guarded_room(call, from, count * sizeof *to);\n\n", record->full);
    put("    for (uint32_t i = 0; to != NULL && i < count; i++) {\n");
    for (size_t i = 0; i < record->fields_count; i++) {
        const struct field *field = &record->fields[i];
        const char *copier = field_copier(field);

        if (copier == NULL) {
            continue;
        }
        put("        to[i].%s = qnk_guarded_%s(call, from[i].%s", field->name, copier, field->name);
        if (fixed_size(field->type.shape) > 0) {
            put(", %u", (unsigned int)fixed_size(field->type.shape));
        }
        put(");\n");
    }
    put("    }\n    return to != NULL ? to : from;\n}\n");
}

/* Whether a body is one of the effects that the kind has. */
static void effects_check_put(const struct description *of)
{
    put("\nstatic bool effect_is_valid(uint32_t type, struct qn_span body, bool has_payload)\n{\n"
        "    switch (type) {\n");
    for (size_t i = 0; i < of->records_count; i++) {
        const struct record *record = &of->records[i];

        if (record->family == FAMILY_EFFECT) {
            put("    case QN_%s_EFFECT_%s: {\n        struct %s it;\n\n", capital(of->name),
                capital(record->name), record->full);
            put("        return %s_read(body, &it) == QN_OK && %shas_payload;\n    }\n",
                record->full, record->has_payload ? "" : "!");
        }
    }
    put("    default:\n        return false;\n    }\n}\n");
}

/* One item's size in C, of a list without pointers. */
static const char *item_size(const struct type *item)
{
    if (item->record != NULL) {
        return model_text("sizeof(struct %s)", item->record->full);
    }
    if (fixed_size(item->shape) > 0) {
        return model_text("%u", (unsigned int)fixed_size(item->shape));
    }
    if (item->shape == SHAPE_SLICE) {
        return "sizeof(struct qn_slice)"; /* its bytes are counted, and may be kept */
    }
    return model_text("%u", (unsigned int)encoded_size(item->shape));
}

static void list_put(const struct arg *arg)
{
    const struct type *item = arg->type.item;

    if (item->record != NULL && has_pointers(item->record)) {
        put("    %s = %s_copy(&call, %s, %s_count);\n", arg->name, item->record->name, arg->name,
            arg->name);
    } else if (item->shape == SHAPE_SPAN) {
        put("    %s = qnk_guarded_spans(&call, %s, %s_count);\n", arg->name, arg->name, arg->name);
    } else {
        const char *const args[] = {
            "&call", arg->name, model_text("(uint64_t)%s_count * %s", arg->name, item_size(item))};

        put_call(4, model_text("%s = qnk_guarded_bytes", arg->name), args, 3, ";");
    }
}

/* An output of one value is watched: a call that fails must leave it. */
static void output_put(const struct arg *arg)
{
    if (arg->type.shape == SHAPE_LIST || arg->type.shape == SHAPE_BITS) {
        return; /* as large as the caller made it */
    }
    if (fixed_size(arg->type.shape) > 0) {
        put("    qnk_guarded_out(&call, %s, %u);\n", arg->name,
            (unsigned int)fixed_size(arg->type.shape));
    } else {
        put("    qnk_guarded_out(&call, %s, sizeof *%s);\n", arg->name, arg->name);
    }
}

static void arg_put(const struct arg *arg)
{
    const char *name = arg->name;

    if (arg->is_out) {
        output_put(arg);
        return;
    }
    switch ((int)arg->type.shape) {
    case SHAPE_SPAN:
        put("    %s = qnk_guarded_span(&call, %s);\n", name, name);
        break;
    case SHAPE_SINK:
        put("    qnk_guarded_sink(&call, %s);\n", name);
        break;
    case SHAPE_EVENTS:
        put("    %s = qnk_guarded_events(&call, %s, %s_count);\n", name, name, name);
        break;
    case SHAPE_EFFECTS:
        put("    %s = qnk_guarded_effects(&call, %s, effect_is_valid);\n", name, name);
        break;
    case SHAPE_HASH:
    case SHAPE_KEY:
    case SHAPE_SIG:
        put("    %s = qnk_guarded_bytes(&call, %s, %u);\n", name, name,
            (unsigned int)fixed_size(arg->type.shape));
        break;
    case SHAPE_LIST:
        list_put(arg);
        break;
    case SHAPE_RECORD:
        if (has_pointers(arg->type.record)) {
            put("    %s = %s_copy(&call, %s, 1);\n", name, arg->type.record->name, name);
        } else {
            put("    %s = qnk_guarded_bytes(&call, %s, sizeof *%s);\n", name, name, name);
        }
        break;
    default:
        break; /* by value */
    }
}

static void wrapper_put(const struct table *table, size_t place)
{
    const struct slot *slot = &table->slots[place];
    bool is_status = slot->returns.shape == SHAPE_STATUS;
    bool is_void = slot->returns.shape == SHAPE_VOID;
    size_t count;
    const char *const *args = slot_args(table, slot, &count);
    const char **names = model_take(count, sizeof *names);

    for (size_t i = 0; i < count; i++) {
        names[i] = i == 0 ? "call.inst" : arg_name(args[i]);
    }
    put("\n");
    put_call(
        0,
        model_text("static %s%s_%s_guard", type_c(&slot->returns, false), table->full, slot->name),
        args, count, "");
    put("{\n    const struct qn_%s *slots;\n    struct qnk_guarded_call call;\n", table->full);
    if (!is_void) {
        put("    %sresult;\n", type_c(&slot->returns, false));
    }
    put("\n    if (!qnk_guarded_enter(&call, inst, &%s_slots[%zu], %s)) {\n        return%s;\n    "
        "}\n",
        table->full, place, slot->thread == THREAD_POOL ? "lane" : "0",
        is_void     ? ""
        : is_status ? " QN_BUG"
                    : " 0");
    for (size_t i = 0; i < slot->args_count; i++) {
        arg_put(&slot->args[i]);
    }
    put("    slots = qnk_guarded_ready(&call);\n");
    put_call(4, model_text("%sslots->%s", is_void ? "" : "result = ", slot->name), names, count,
             ";");
    if (is_status) {
        put("    return qnk_guarded_leave(&call, result);\n}\n");
    } else {
        put("    qnk_guarded_end(&call);\n%s}\n", is_void ? "" : "    return result;\n");
    }
}

void guard_put(const struct description *of)
{
    const struct table *table = &of->tables[0];

    put("\n/* clang-format off */");
    for (size_t i = 0; i < of->records_count; i++) {
        if (is_used(of, &of->records[i]) && has_pointers(&of->records[i])) {
            copier_put(&of->records[i]);
        }
    }
    if (has_family(of, FAMILY_EFFECT)) {
        effects_check_put(of);
    }
    for (size_t i = 0; i < table->slots_count; i++) {
        wrapper_put(table, i);
    }
    put("/* clang-format on */\n\nstatic const struct qn_%s %s_guarded = {\n", table->full,
        table->full);
    put("    .head = QN_%s_HEAD,\n", capital(table->full));
    for (size_t i = 0; i < table->slots_count; i++) {
        put("    .%s = %s_%s_guard,\n", table->slots[i].name, table->full, table->slots[i].name);
    }
    put("};\n");
}
