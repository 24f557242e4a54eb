/* SPDX-License-Identifier: MIT */

/* header.c: sdk/include/qnet/<kind>.h. First what a person reads: the contract, limits, records and
 * tables; then the functions of the record encoding. */

#include "sdk/abigen/header.h"

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/print.h"
#include "sdk/abigen/text.h"

static const char descriptor[] =
    "/* What a plugin is: the one thing that it exports, and constant. `kind`, `name`, `version`,\n"
    " * every head and the print equal the note in the same file. */\n"
    "struct qn_plugin {\n"
    "    struct qn_head head;\n"
    "    uint64_t manifest_print; /* FNV-1a 64 of the note's content */\n"
    "    const char *kind;        /* table and major, such as \"compression/1\" */\n"
    "    const char *name;        /* its folder, under plugins/<kind>/ */\n"
    "    const char *version;     /* three numbers */\n"
    "    const struct qn_life *life;\n"
    "    const struct qn_state *state; /* NULL: everything comes again through the slots */\n"
    "    const struct qn_head *slots;  /* the kind's own table, such as struct qn_compression_1 "
    "*/\n"
    "};\n"
    "QN_SIZE_IS(struct qn_plugin, 72);\n"
    "\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n"
    "extern QN_EXPORT const struct qn_plugin qn_plugin_v1;\n"
    "#ifdef __cplusplus\n"
    "}\n"
    "#endif\n"
    "\n"
    "/* Puts the manifest where a loader finds it without running code; see qnet/manifest.h. */\n"
    "#if defined(__clang__)\n"
    "#define QN_NOTE __attribute__((used, section(\".note.qnet\"), aligned(4), "
    "no_sanitize(\"address\")))\n"
    "#else\n"
    "#define QN_NOTE __attribute__((used, section(\".note.qnet\"), aligned(4)))\n"
    "#endif\n";

static bool is_shared(const struct description *of)
{
    return of->base == NULL;
}

const char *target_macro(const struct description *of)
{
    return model_text("QN_TARGET_%s", is_shared(of) ? "HOST" : capital(of->name));
}

static void since_begin(const struct description *of, uint16_t since)
{
    if (since > 0) {
        put("#if %s >= %u\n", target_macro(of), (unsigned int)since);
    }
}

static void since_end(uint16_t since)
{
    if (since > 0) {
        put("#endif\n");
    }
}

static const char *article(const char *word)
{
    return strchr("aeiou", word[0]) != NULL ? "an" : "a";
}

static const char *title(const struct description *of)
{
    if (strcmp(of->name, "plugin") == 0) {
        return "the host, the life of an instance, and what a plugin exports";
    }
    if (strcmp(of->name, "manifest") == 0) {
        return "what a plugin's ELF note says, readable without running its code";
    }
    return model_text("the contract of %s %s plugin, %s/%u", article(of->name), of->name, of->name,
                      (unsigned int)of->major);
}

static void prologue_put(const struct description *of)
{
    put_origin(of->path);
    put("#pragma once\n\n");
    put("/* %s.h: %s.\n *\n", of->name, title(of));
    put_prose(" * ", " * ", "", of->doc);
    put(" *\n * Unless a slot's own comment says otherwise:\n");
    put(" *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by "
        "side\n");
    for (size_t i = 0; i < of->defaults_count; i++) {
        put_prose(model_text(" *   %-8s ", of->defaults[i].topic), " *            ", "",
                  of->defaults[i].words);
    }
    put(" */\n\n#include <qnet/%s.h>\n", is_shared(of) ? "record" : "plugin");
}

static void target_put(const struct description *of)
{
    if (of->tables_count == 0) {
        return;
    }
    put("\n/* The minor to compile for: a lower one hides newer slots and runs on older kernels. "
        "*/\n");
    put("#ifndef %s\n#define %s %u\n#endif\n", target_macro(of), target_macro(of),
        (unsigned int)of->minor);
}

/* A sentence begins with a capital, unless with the name of a call, and ends with a full stop. */
const char *sentence(const char *text)
{
    char *copy = model_text("%s", text);
    size_t size = strlen(copy);

    while (size > 0 && (copy[size - 1] == '\n' || copy[size - 1] == ' ')) {
        copy[--size] = '\0';
    }
    if (copy[0] >= 'a' && copy[0] <= 'z' && copy[strcspn(copy, " (")] != '(') {
        copy[0] = (char)(copy[0] - 'a' + 'A');
    }
    return model_text("%s%s", copy, size > 0 && copy[size - 1] == '.' ? "" : ".");
}

static void limits_put(const struct description *of)
{
    for (size_t i = 0; i < of->limits_count; i++) {
        const struct limit *limit = &of->limits[i];

        put("\n");
        put_comment(
            0, model_text("In %s. Beyond: %s. Why: %s.", limit->unit, limit->beyond, limit->why));
        put("#define %s %" PRIu64 "\n", limit->macro, limit->value);
    }
}

static void ids_put(const struct description *of, enum family family, const char *infix)
{
    if (family == FAMILY_RECORD || !has_family(of, family)) {
        return;
    }
    put("\nenum {\n");
    for (size_t i = 0; i < of->records_count; i++) {
        const struct record *record = &of->records[i];

        if (record->family == family) {
            since_begin(of, record->since);
            put("    QN_%s_%s%s = %u,\n", capital(of->name), infix, capital(record->name),
                (unsigned int)record->id);
            since_end(record->since);
        }
    }
    put("};\n");
}

static void record_put(const struct description *of, const struct record *record)
{
    static const char *const words[] = {"", "Event", "Effect", "Field"};
    const char *head = record->family == FAMILY_RECORD
                           ? ""
                           : model_text("%s %u. ", words[record->family], (unsigned int)record->id);
    const char *tail = record->has_payload ? " Its payload is a slice." : "";

    put("\n");
    since_begin(of, record->since);
    if (record->doc != NULL) {
        put_comment(0, model_text("%s%s%s", head, sentence(record->doc), tail));
    }
    put("struct %s {\n", record->full);

    uint64_t size = members_put(record);

    put("};\nQN_SIZE_IS(struct %s, %" PRIu64 ");\n", record->full, size);
    since_end(record->since);
}

static void records_put(const struct description *of, enum family family, const char *infix)
{
    ids_put(of, family, infix);
    for (size_t i = 0; i < of->records_count; i++) {
        if (of->records[i].family == family) {
            record_put(of, &of->records[i]);
        }
    }
}

const char *const *slot_args(const struct table *table, const struct slot *slot, size_t *count)
{
    /* Before the first argument two may be hidden; a list is two. */
    const char **args = model_take(slot->args_count * 2 + 2, sizeof *args);
    size_t next = 0;

    if (!slot->is_bare) {
        args[next++] = table->is_host_side ? "struct qn_node *node" : "struct qn_inst *inst";
    }
    if (slot->thread == THREAD_POOL) {
        args[next++] = "uint32_t lane";
    }
    for (size_t i = 0; i < slot->args_count; i++) {
        const struct arg *arg = &slot->args[i];

        args[next++] = model_text("%s%s", type_c(&arg->type, arg->is_out), arg->name);
        if (arg->type.shape == SHAPE_EVENTS || (arg->type.shape == SHAPE_LIST && !arg->is_out)) {
            args[next++] = model_text("uint32_t %s_count", arg->name);
        }
    }
    *count = next;
    return args;
}

const char *slot_result(const struct slot *slot)
{
    return model_text("%s%s", slot->returns.shape == SHAPE_STATUS ? "QN_MUST_CHECK " : "",
                      type_c(&slot->returns, false));
}

/* What the words of the argument's own description and its bounds come to. */
static const char *arg_words(const char *words, const struct arg *arg)
{
    const struct limit *limit = arg->max != NULL ? arg->max : arg->type.limit;

    if (arg->doc != NULL) {
        words = model_text("%s `%s`: %s.", words, arg->name, arg->doc);
    }
    if (limit != NULL) {
        words = model_text("%s `%s` up to %s.", words, arg->name,
                           limit->name != NULL ? capital(limit->name) : limit->macro);
    }
    if (arg->record != NULL) {
        words = model_text("%s `%s` is an encoded %s.", words, arg->name, arg->record->full);
    }
    if (arg->count != NULL && arg->type.shape == SHAPE_BITS) {
        words =
            model_text("%s `%s` has a bit for each of `%s`, from the lowest of the first byte on.",
                       words, arg->name, arg->count->name);
    } else if (arg->count != NULL) {
        words = model_text("%s `%s` has one for each of `%s`.", words, arg->name, arg->count->name);
    }
    return words;
}

/* The class of a slot in words. */
const char *thread_phrase(const struct slot *slot)
{
    switch (slot->overlap) {
    case OVERLAP_SHARED:
        return "pool, shared";
    case OVERLAP_ALONE:
        return "pool, alone";
    case OVERLAP_SERIAL:
        return model_text("pool, serial in group %u", slot->group);
    case OVERLAP_NONE:
        break;
    }
    return thread_words[slot->thread];
}

/* Whether all slots but those of `any` have one class, which the header's top names. */
static bool is_uniform(const struct table *table)
{
    const struct slot *first = NULL;

    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];

        if (slot->thread == THREAD_ANY) {
            continue;
        }
        if (first != NULL && strcmp(thread_phrase(first), thread_phrase(slot)) != 0) {
            return false;
        }
        first = slot;
    }
    return true;
}

const char *states_phrase(unsigned int states)
{
    const char *words = "";

    for (unsigned int i = 0; state_words[i] != NULL; i++) {
        if ((states >> i & 1) != 0) {
            words = model_text("%s%s%s", words, words[0] != '\0' ? ", " : "", state_words[i]);
        }
    }
    return words;
}

static const char *slot_words(const struct table *table, const struct slot *slot)
{
    const char *words = sentence(slot->doc);
    bool is_usual = is_uniform(table) && (slot->thread != THREAD_ANY || table->is_host_side);

    if (slot->is_optional) {
        words = model_text("Optional. %s", words);
    }
    for (size_t i = 0; i < slot->args_count; i++) {
        words = arg_words(words, &slot->args[i]);
    }
    if (slot->states != STATES_DEFAULT) {
        words = model_text("%s States: %s.", words, states_phrase(slot->states));
    }
    if (!is_usual) {
        words = model_text("%s Thread: %s.", words, thread_phrase(slot));
    }
    for (size_t i = 0; i < slot->errors_count; i++) {
        words =
            model_text("%s %s: %s.", words, capital(slot->errors[i].name), slot->errors[i].words);
    }
    return words;
}

static void table_put(const struct description *of, const struct table *table)
{
    put("\n");
    since_begin(of, table->since);
    if (table->doc != NULL) {
        put_comment(0, sentence(table->doc));
    }
    put("struct qn_%s {\n    struct qn_head head;\n", table->full);
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];
        size_t count;
        const char *const *args = slot_args(table, slot, &count);

        put("\n");
        since_begin(of, slot->since);
        put_comment(4, slot_words(table, slot));
        put_call(4, model_text("%s(*%s)", slot_result(slot), slot->name), args, count, ";");
        since_end(slot->since);
    }
    put("};\n");
    since_end(table->since);
}

static void print_put(const struct description *of)
{
    put("\n/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */\n");
    for (unsigned int minor = 0; minor <= of->minor; minor++) {
        put("#%s %s == %u\n", minor == 0 ? "if" : "elif", target_macro(of), minor);
        put("#define QN_%s_PRINT UINT64_C(0x%016" PRIx64 ")\n", capital(of->name),
            print_of(of, (uint16_t)minor));
    }
    put("#else\n#error \"no such minor: this header ends with %u\"\n#endif\n",
        (unsigned int)of->minor);
}

static void head_put(const struct description *of, const char *full)
{
    put("\n");
    put_define(model_text("QN_%s_HEAD", capital(full)),
               model_text("QN_HEAD(struct qn_%s, %u, %s, QN_%s_PRINT)", full,
                          (unsigned int)of->major, target_macro(of), capital(of->name)));
}

void header_put(const struct description *of)
{
    prologue_put(of);
    target_put(of);
    limits_put(of);
    records_put(of, FAMILY_RECORD, "");
    records_put(of, FAMILY_MANIFEST, strcmp(of->name, "manifest") == 0 ? "" : "MANIFEST_");
    records_put(of, FAMILY_EVENT, "EVENT_");
    records_put(of, FAMILY_EFFECT, "EFFECT_");
    for (size_t i = 0; i < of->tables_count; i++) {
        table_put(of, &of->tables[i]);
    }
    if (strcmp(of->name, "plugin") == 0) {
        put("\n%s", descriptor);
    }
    if (of->tables_count > 0) {
        print_put(of);
    }
    for (size_t i = 0; i < of->tables_count; i++) {
        head_put(of, of->tables[i].full);
    }
    if (strcmp(of->name, "plugin") == 0) {
        head_put(of, "plugin");
    }
    if (of->records_count > 0) {
        put("\n/* Record encoding. _take() reads one record out of a reader; _read() reads a whole "
            "span,\n"
            " * INVALID: it is not one valid record; _size() is what _write() will fill, whose "
            "result is\n"
            " * the end. A list's items are checked when their record is read, and then _next() "
            "goes\n"
            " * through them. _push() appends an effect, NO_SPACE: over the limit of one call. "
            "*/\n");
        record_functions_put(of);
    }
}
