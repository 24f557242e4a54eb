/* SPDX-License-Identifier: MIT */

/* frozen.c: what of a description may never change once its minor is released, as lines that a
 * proof defines macros for: tests/abi/prefix_test.c. Written once for each minor, then kept. */

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/print.h"
#include "sdk/abigen/text.h"

static void member_put(const char *type, const char *name, uint64_t offset, const char *c)
{
    int size = (int)strlen(c);

    size -= size > 0 && c[size - 1] == ' ';
    put("FROZEN(struct %s, %s, %" PRIu64 ", %.*s)\n", type, name, offset, size, c);
}

/* A frozen record never changes its size; another one may grow. */
static void record_put(const struct record *record)
{
    uint64_t offset = 0, widest = 1;

    put("\nFROZEN_TYPE(struct %s, %s)\n", record->full, record->full + strlen("qn_"));
    for (size_t i = 0; i < record->fields_count; i++) {
        const struct field *field = &record->fields[i];
        uint64_t align = member_alignment(&field->type);
        const char *c = member_c(&field->type);

        widest = align > widest ? align : widest;
        offset = (offset + align - 1) / align * align;
        member_put(record->full, field->name, offset, c);
        offset += strcmp(c, "struct qn_span ") == 0 ? SPAN_SIZE : align;
        if (field->type.shape == SHAPE_LIST) {
            member_put(record->full, model_text("%s_count", field->name), offset, "uint32_t");
            offset += 4;
        }
    }
    if (record->is_frozen) {
        put("FROZEN_SIZE(struct %s, %" PRIu64 ")\n", record->full,
            (offset + widest - 1) / widest * widest);
    }
}

static void table_put(const struct table *table)
{
    uint64_t offset = SPAN_SIZE; /* of the head, as it happens */

    put("\nFROZEN_TYPE(struct qn_%s, %s)\n", table->full, table->full);
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];
        size_t count;
        const char *const *args = slot_args(table, slot, &count);
        const char *list = count == 0 ? "void" : "";

        for (size_t j = 0; j < count; j++) {
            list = model_text("%s%s%s", list, j > 0 ? ", " : "", args[j]);
        }
        member_put(model_text("qn_%s", table->full), slot->name, offset,
                   model_text("%s(*)(%s)", type_c(&slot->returns, false), list));
        offset += 8;
    }
}

static void ids_put(const struct description *of)
{
    const char *field = strcmp(of->name, "manifest") == 0 ? "" : "MANIFEST_";
    const char *infixes[] = {"", "EVENT_", "EFFECT_", field};

    for (size_t i = 0; i < of->records_count; i++) {
        const struct record *record = &of->records[i];

        if (record->family == FAMILY_EVENT || record->family == FAMILY_EFFECT ||
            record->family == FAMILY_MANIFEST) {
            put("FROZEN_VALUE(QN_%s_%s%s, %u)\n", capital(of->name), infixes[record->family],
                capital(record->name), (unsigned int)record->id);
        }
    }
    for (size_t i = 0; i < of->limits_count; i++) {
        put("FROZEN_VALUE(%s, %" PRIu64 ")\n", of->limits[i].macro, of->limits[i].value);
    }
}

void frozen_put(const struct description *of)
{
    put("/* SPDX-License-Identifier: MIT */\n");
    put("/* %s/%u.%u as it was released with QNet %s: written once by abigen, and never again. "
        "*/\n",
        of->name, (unsigned int)of->major, (unsigned int)of->minor, of->releases[of->minor]);
    put("/* clang-format off */\n\n");
    if (of->tables_count > 0) {
        put("FROZEN_PRINT(%s, UINT64_C(0x%016" PRIx64 "))\n", capital(of->name),
            print_of(of, of->minor));
    }
    ids_put(of);
    for (size_t i = 0; i < of->records_count; i++) {
        record_put(&of->records[i]);
    }
    for (size_t i = 0; i < of->tables_count; i++) {
        table_put(&of->tables[i]);
    }
}
