/* SPDX-License-Identifier: MIT */

/* kind.c: kernel/plugin/gen/<kind>.c, what the kernel knows of a kind's tables: stubs for slots
 * that a plugin leaves out, the print of each minor, and the class of each slot. */

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/guard.h"
#include "sdk/abigen/header.h"
#include "sdk/abigen/print.h"
#include "sdk/abigen/text.h"

/* The name in a declaration such as `const uint8_t *key`. */
const char *arg_name(const char *declaration)
{
    const char *space = strrchr(declaration, ' ');
    const char *star = strrchr(declaration, '*');

    return (star != NULL && star > space ? star : space) + 1;
}

static const char *stub_result(const struct slot *slot)
{
    if (slot->returns.shape == SHAPE_VOID) {
        return NULL;
    }
    if (slot->returns.shape == SHAPE_STATUS) {
        return slot->stub_is_ok ? "QN_OK" : "QN_UNSUPPORTED";
    }
    return is_number(slot->returns.shape) ? "0" : "NULL";
}

static void stub_put(const struct table *table, const struct slot *slot)
{
    size_t count;
    const char *const *args = slot_args(table, slot, &count);
    const char *result = stub_result(slot);

    put("\n");
    put_call(
        0,
        model_text("static %s%s_%s_stub", type_c(&slot->returns, false), table->full, slot->name),
        args, count, "");
    put("{\n");
    for (size_t i = 0; i < count; i++) {
        put("    (void)%s;\n", arg_name(args[i]));
    }
    if (result != NULL) {
        put("    return %s;\n", result);
    }
    put("}\n");
}

static void stubs_put(const struct table *table)
{
    for (size_t i = 0; i < table->slots_count; i++) {
        stub_put(table, &table->slots[i]);
    }
    put("\nstatic const struct qn_%s %s_stubs = {\n", table->full, table->full);
    put("    .head = QN_%s_HEAD,\n", capital(table->full));
    for (size_t i = 0; i < table->slots_count; i++) {
        put("    .%s = %s_%s_stub,\n", table->slots[i].name, table->full, table->slots[i].name);
    }
    put("};\n");
}

static void slots_put(const struct table *table)
{
    static const char *const threads[] = {"CONTROL", "LOOP", "POOL", "ANY"};
    static const char *const overlaps[] = {"NONE", "SHARED", "SERIAL", "ALONE"};

    put("\n/* clang-format off */\nstatic const struct qnk_slot %s_slots[] = {\n", table->full);
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];

        put("    {\"%s\", %u, QNK_THREAD_%s, QNK_OVERLAP_%s, %u, 0x%02x, %s},\n", slot->name,
            (unsigned int)slot->since, threads[slot->thread], overlaps[slot->overlap], slot->group,
            slot->states, slot->is_optional ? "true" : "false");
    }
    put("};\n/* clang-format on */\n");
}

static void prints_put(const struct description *of)
{
    put("\n/* clang-format off */\nstatic const struct qnk_minor minors[] = {\n");
    for (unsigned int minor = 0; minor <= of->minor; minor++) {
        put("    {UINT64_C(0x%016" PRIx64 "), \"%s\"},\n", print_of(of, (uint16_t)minor),
            of->releases[minor]);
    }
    put("};\n/* clang-format on */\n");
}

/* The members of a struct qnk_table; `path` leads to it. */
static void table_put(const struct description *of, const struct table *table, const char *path)
{
    put("    .%sname = \"%s\",\n", path, of->base != NULL ? of->name : table->full);
    put("    .%smajor = %u,\n", path, (unsigned int)of->major);
    put("    .%sminor = %u,\n", path, (unsigned int)of->minor);
    put("    .%sminors = minors,\n", path);
    put("    .%sstubs = &%s_stubs.head,\n", path, table->full);
    put("    .%sslots = %s_slots,\n", path, table->full);
    put("    .%sslots_count = %zu,\n", path, table->slots_count);
}

static void shared_put(const struct description *of)
{
    for (size_t i = 0; i < of->tables_count; i++) {
        const struct table *table = &of->tables[i];

        if (!table->is_host_side) {
            stubs_put(table);
            slots_put(table);
            put("\nconst struct qnk_table qnk_table_%s = {\n", table->full);
            table_put(of, table, "");
            put("};\n");
        }
    }
    put("\nconst struct qnk_table qnk_table_host = {\n    .name = \"host\",\n    .major = %u,\n"
        "    .minor = %u,\n    .minors = minors,\n};\n",
        (unsigned int)of->major, (unsigned int)of->minor);
}

void kind_put(const struct description *of)
{
    put_origin(of->path);
    put("\n#include <qnet/%s.h>\n\n#include \"kernel/plugin/%s.h\"\n", of->name,
        of->base != NULL ? "guard_own" : "kind");
    prints_put(of);
    if (of->base == NULL) {
        shared_put(of);
        return;
    }
    stubs_put(&of->tables[0]);
    slots_put(&of->tables[0]);
    guard_put(of);
    put("\nconst struct qnk_kind qnk_kind_%s = {\n", of->name);
    table_put(of, &of->tables[0], "table.");
    put("    .class = QNK_CLASS_%s,\n", capital(of->class));
    put("    .guarded = &%s_guarded.head,\n", of->tables[0].full);
    put("};\n");
}
