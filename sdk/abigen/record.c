/* SPDX-License-Identifier: MIT */

/* record.c: a record in C: its struct, and the functions that read, measure and write it. */

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/text.h"

/* Alignment of a member; its size is the same but for spans. */
uint64_t member_alignment(const struct type *type)
{
    return is_number(type->shape) ? encoded_size(type->shape) : 8;
}

const char *member_c(const struct type *type)
{
    if (type->shape == SHAPE_BYTES || type->shape == SHAPE_TEXT || type->shape == SHAPE_LIST) {
        return "struct qn_span ";
    }
    return type_c(type, false);
}

/* Adds what lies between `size` and the next multiple of `align`. */
static uint64_t padding_put(uint64_t size, uint64_t align, unsigned int *pads)
{
    uint64_t gap = (align - size % align) % align;

    if (gap > 0) {
        put("    uint8_t reserved_%u[%" PRIu64 "];\n", ++*pads, gap);
    }
    return size + gap;
}

static const char *items_comment(const struct type *type)
{
    if (type->shape != SHAPE_LIST) {
        return "";
    }
    if (type->item->record != NULL) {
        return model_text(" /* encoded, see %s_next() */", type->item->record->full);
    }
    return model_text(" /* encoded %s */", type_words(type->item));
}

uint64_t members_put(const struct record *record)
{
    uint64_t size = 0, widest = 1;
    unsigned int pads = 0;

    for (size_t i = 0; i < record->fields_count; i++) {
        const struct field *field = &record->fields[i];
        uint64_t align = member_alignment(&field->type);
        const char *c = member_c(&field->type);

        size = padding_put(size, align, &pads);
        if (field->doc != NULL) {
            put_comment(4, sentence(field->doc));
        }
        put("    %s%s;%s\n", c, field->name, items_comment(&field->type));
        size += strcmp(c, "struct qn_span ") == 0 ? SPAN_SIZE : align;
        widest = align > widest ? align : widest;
        if (field->type.shape == SHAPE_LIST) {
            put("    uint32_t %s_count;\n", field->name);
            size += 4;
        }
    }
    return padding_put(size, widest, &pads);
}

static uint64_t type_size_max(const struct type *type)
{
    uint64_t items = type->limit != NULL ? type->limit->value : 0;

    if (type->shape == SHAPE_BYTES || type->shape == SHAPE_TEXT) {
        return 4 + items;
    }
    if (type->shape == SHAPE_RECORD) {
        return record_size_max(type->record);
    }
    return type->shape == SHAPE_LIST ? 4 + items * type_size_max(type->item)
                                     : encoded_size(type->shape);
}

uint64_t record_size_max(const struct record *record)
{
    uint64_t size = 0;

    for (size_t i = 0; i < record->fields_count; i++) {
        size += type_size_max(&record->fields[i].type);
    }
    return size;
}

/* The head of a static function; `args` is NULL behind the last. */
static void function_put(const char *head, const char *one, const char *two)
{
    const char *args[] = {one, two};

    put("\n");
    put_call(0, head, args, two != NULL ? 2 : 1, "");
    put("{\n");
}

/* The statement of at most two lines that fills a member: `head(args);`. */
static void statement_put(const char *head, const char *one, const char *two, const char *three)
{
    const char *args[] = {one, two, three};

    put_call(4, head, args, three != NULL ? 3 : two != NULL ? 2 : 1, ";");
}

static void list_take_put(const char *name, const struct type *type)
{
    const char *count = model_text("out->%s_count", name);
    const char *texts = model_text("%s%s", type->is_pairs ? "2 * " : "", count);
    const struct type *item = type->item;

    statement_put(model_text("%s = qn_reader_count", count), "in", type->limit->macro, NULL);
    if (item->record != NULL) {
        statement_put(model_text("out->%s = %s_list", name, item->record->full), "in", count, NULL);
    } else if (item->shape == SHAPE_TEXT) {
        statement_put(model_text("out->%s = qn_reader_texts", name), "in", texts,
                      item->limit->macro);
    } else {
        statement_put(model_text("out->%s = qn_reader_items", name), "in", count,
                      model_text("%" PRIu64, encoded_size(item->shape)));
    }
}

static const char *fixed_macro(enum shape shape)
{
    return shape == SHAPE_SIG ? "QN_SIG_SIZE" : shape == SHAPE_KEY ? "QN_KEY_SIZE" : "QN_HASH_SIZE";
}

static void field_take_put(const struct field *field)
{
    const struct type *type = &field->type;
    const char *to = model_text("out->%s", field->name);

    if (type->shape == SHAPE_LIST) {
        list_take_put(field->name, type);
    } else if (fixed_size(type->shape) > 0) {
        statement_put(model_text("%s = qn_reader_fixed", to), "in", fixed_macro(type->shape), NULL);
    } else {
        statement_put(model_text("%s = qn_reader_%s", to,
                                 type->limit == NULL         ? type_words(type)
                                 : type->shape == SHAPE_TEXT ? "text"
                                                             : "bytes"),
                      "in", type->limit != NULL ? type->limit->macro : NULL, NULL);
    }
}

static void take_put(const struct record *record)
{
    function_put(model_text("static inline void %s_take", record->full), "struct qn_reader *in",
                 model_text("struct %s *out", record->full));
    put("    memset(out, 0, sizeof *out);\n");
    for (size_t i = 0; i < record->fields_count; i++) {
        field_take_put(&record->fields[i]);
    }
    put("}\n");
}

static void read_put(const struct record *record)
{
    function_put(model_text("QN_MUST_CHECK static inline int32_t %s_read", record->full),
                 "struct qn_span from", model_text("struct %s *out", record->full));
    put("    struct qn_reader in = qn_reader_over(from);\n");
    put("    struct %s it;\n\n", record->full);
    put("    %s_take(&in, &it);\n", record->full);
    put("    if (!qn_reader_is_done(&in)) {\n        return QN_INVALID;\n    }\n");
    put("    *out = it;\n    return QN_OK;\n}\n");
}

static void size_put(const struct record *record)
{
    uint64_t fixed = 0;
    size_t varied = 0;

    function_put(model_text("static inline uint64_t %s_size", record->full),
                 model_text("const struct %s *from", record->full), NULL);
    for (size_t i = 0; i < record->fields_count; i++) {
        const struct type *type = &record->fields[i].type;

        varied += encoded_size(type->shape) == 0;
        fixed += encoded_size(type->shape) == 0 ? 4 : encoded_size(type->shape);
    }
    if (varied == 0) {
        put("    (void)from;\n");
    }

    const char *line = model_text("    return %" PRIu64, fixed);
    const char *gap = "";

    for (size_t i = 0; i < record->fields_count; i++) {
        if (encoded_size(record->fields[i].type.shape) == 0) {
            const char *term = model_text(" + from->%s.size", record->fields[i].name);

            if (strlen(line) + strlen(term) + 1 > TEXT_WIDTH) {
                put("%s +\n", line);
                line = model_text("           %s", term + 3);
            } else {
                line = model_text("%s%s", line, term);
            }
        }
    }
    put("%s%s;\n}\n", gap, line);
}

static void field_write_put(const struct field *field)
{
    const struct type *type = &field->type;
    const char *from = model_text("from->%s", field->name);

    if (type->shape == SHAPE_LIST) {
        const char *args[] = {"to", from, model_text("%s_count", from), type->limit->macro};

        put_call(4, "to = qn_writer_list", args, 4, ";");
    } else if (fixed_size(type->shape) > 0) {
        statement_put("to = qn_writer_fixed", "to", from, fixed_macro(type->shape));
    } else {
        statement_put(model_text("to = qn_writer_%s", type->limit == NULL         ? type_words(type)
                                                      : type->shape == SHAPE_TEXT ? "text"
                                                                                  : "bytes"),
                      "to", from, type->limit != NULL ? type->limit->macro : NULL);
    }
}

static void write_put(const struct record *record)
{
    function_put(model_text("static inline uint8_t *%s_write", record->full),
                 model_text("const struct %s *from", record->full), "uint8_t *to");
    for (size_t i = 0; i < record->fields_count; i++) {
        field_write_put(&record->fields[i]);
    }
    put("    return to;\n}\n");
}

/* For lists: checks all items and skips them, then goes through them one by one. */
static void list_put(const struct record *record)
{
    const char *item = model_text("struct %s", record->full);

    function_put(model_text("static inline struct qn_span %s_list", record->full),
                 "struct qn_reader *in", "uint32_t count");
    put("    const uint8_t *start = in->at;\n    %s item;\n\n", item);
    put("    for (uint32_t i = 0; i < count && in->at != NULL; i++) {\n");
    put("        %s_take(in, &item);\n    }\n", record->full);
    put("    return qn_reader_since(in, start);\n}\n");

    function_put(model_text("static inline void %s_next", record->full), "struct qn_span *rest",
                 model_text("%s *out", item));
    put("    struct qn_reader in = qn_reader_over(*rest);\n\n");
    put("    %s_take(&in, out);\n    QN_ASSERT(in.at != NULL);\n", record->full);
    put("    rest->data = in.at;\n    rest->size = in.left;\n}\n");
}

static void push_put(const struct description *of, const struct record *record)
{
    const char *effect = model_text("const struct %s *effect", record->full);
    const char *args[] = {"struct qn_effects *out", effect, "const struct qn_slice *payload"};

    put("\n");
    put_call(0, model_text("QN_MUST_CHECK static inline int32_t %s_push", record->full), args,
             record->has_payload ? 3 : 2, "");
    put("{\n    uint8_t bytes[%" PRIu64 "];\n    struct qn_span body;\n\n",
        record_size_max(record));
    put("    body.data = bytes;\n");
    put("    body.size = (uint64_t)(%s_write(effect, bytes) - bytes);\n", record->full);

    const char *values[] = {"out->ctx",
                            model_text("QN_%s_EFFECT_%s", capital(of->name), capital(record->name)),
                            "body", record->has_payload ? "payload" : "NULL"};

    put_call(4, "return out->push", values, 4, ";");
    put("}\n");
}

void record_functions_put(const struct description *of)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < of->records_count; i++) {
            const struct record *record = &of->records[i];

            if (record->is_frozen != (round == 0)) {
                continue;
            }
            if (record->since > 0) {
                put("\n#if %s >= %u", target_macro(of), (unsigned int)record->since);
            }
            take_put(record);
            read_put(record);
            size_put(record);
            write_put(record);
            if (record->is_frozen) {
                list_put(record);
            }
            if (record->family == FAMILY_EFFECT) {
                push_put(of, record);
            }
            if (record->since > 0) {
                put("#endif\n");
            }
        }
    }
}

void config_functions_put(const struct record *record)
{
    take_put(record);
    size_put(record);
    write_put(record);
}
