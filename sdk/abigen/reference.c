/* SPDX-License-Identifier: MIT */

/* reference.c: docs/abi/<kind>.md, all that a description says, for whoever writes a plugin. */

#include <inttypes.h>
#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/print.h"
#include "sdk/abigen/text.h"

static const struct {
    const char *name, *reaction;
} reactions[] = {
    {"ok", "goes on"},
    {"again", "waits for the announced event, then repeats"},
    {"invalid", "refuses the input and charges its sender"},
    {"unsupported", "goes another way, or refuses at start"},
    {"not_found", "takes it as a normal answer"},
    {"exists", "takes it as a normal answer"},
    {"corrupt", "freezes the instance, keeps the data, alerts, casts no votes"},
    {"io", "backs off, then degrades"},
    {"no_space", "refuses the input; for a disk takes the next degradation rung"},
    {"timeout", "repeats with back-off, then as IO"},
    {"denied", "refuses, logs once"},
    {"busy", "extends the deadline and repeats"},
    {"cancelled", "drops the work"},
    {"peer", "closes the link and scores the peer"},
    {"bug", "freezes the instance, keeps what reproduces it, does what `on_error` says"},
    {"fatal", "freezes the instance, does what `on_error` says"},
};

static const char *const class_words[][2] = {
    {"host", "part of every plugin"},
    {"edge", "does I/O, and reports it only through results, events and effects"},
    {"pure", "every result depends on arguments and config alone"},
    {"deterministic", "same calls in the same order give the same results on every machine"},
};

/* One character, so that neither a table's columns nor HTML are seen in it. */
static void character_put(char letter, bool in_code, bool in_table)
{
    if (letter == '|' && in_table) {
        put("\\|");
    } else if ((letter == '<' || letter == '*') && !in_code) {
        put("\\%c", letter);
    } else if (letter == '\n' && in_table) {
        put(" ");
    } else {
        put("%c", letter);
    }
}

static void words_put(const char *text, bool in_table)
{
    bool in_code = false;

    for (; *text != '\0'; text++) {
        in_code ^= *text == '`';
        character_put(*text, in_code, in_table);
    }
}

/* A cell of a table, with its right border. */
static void cell_put(const char *text)
{
    put(" ");
    words_put(text, true);
    put(" |");
}

static const char *reaction_of(const char *status)
{
    for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++) {
        if (strcmp(reactions[i].name, status) == 0) {
            return reactions[i].reaction;
        }
    }
    return "";
}

static const char *class_of(const struct description *of)
{
    for (size_t i = 0; i < sizeof class_words / sizeof *class_words; i++) {
        if (strcmp(class_words[i][0], of->class) == 0) {
            return class_words[i][1];
        }
    }
    return "";
}

static void top_put(const struct description *of)
{
    put("<!-- Written by sdk/abigen from %s: edit that, then `make generate`. -->\n", of->path);
    put("# %s/%u\n\n", of->name, (unsigned int)of->major);
    words_put(of->doc, false);
    put("\n| | |\n|---|---|\n");
    put("| version | %u.%u, since release %s |\n", (unsigned int)of->major, (unsigned int)of->minor,
        of->releases[of->minor]);
    put("| class | %s: %s |\n", of->class, class_of(of));
    put("| header | `#include <qnet/%s.h>` |\n", of->name);
    for (unsigned int minor = 0; of->tables_count > 0 && minor <= of->minor; minor++) {
        put("| print of %u.%u | `0x%016" PRIx64 "` |\n", (unsigned int)of->major, minor,
            print_of(of, (uint16_t)minor));
    }
    put("\nUnless a slot says otherwise:\n\n| | |\n|---|---|\n");
    for (size_t i = 0; i < of->defaults_count; i++) {
        put("| %s |", of->defaults[i].topic);
        cell_put(of->defaults[i].words);
        put("\n");
    }
}

static void limits_put(const struct description *of)
{
    if (of->limits_count == 0) {
        return;
    }
    put("\n## Limits\n\n| name | value | unit | beyond it | why |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < of->limits_count; i++) {
        put("| `%s` | %" PRIu64 " |", of->limits[i].macro, of->limits[i].value);
        cell_put(of->limits[i].unit);
        cell_put(of->limits[i].beyond);
        cell_put(of->limits[i].why);
        put("\n");
    }
}

static void fields_put(const struct record *record)
{
    put(" ");
    for (size_t i = 0; i < record->fields_count; i++) {
        put("%s`%s: %s`", i > 0 ? ", " : "", record->fields[i].name,
            type_words(&record->fields[i].type));
    }
    put(" |");
}

static void records_put(const struct description *of, enum family family, const char *title,
                        const char *intro)
{
    bool has_id = family != FAMILY_RECORD;

    if (!has_family(of, family)) {
        return;
    }
    put("\n## %s\n\n%s\n\n", title, intro);
    put(has_id ? "| id | name | fields | meaning |\n|---|---|---|---|\n"
               : "| name | grows | fields | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < of->records_count; i++) {
        const struct record *record = &of->records[i];

        if (record->family != family) {
            continue;
        }
        if (has_id) {
            put("| %u | `%s` |", (unsigned int)record->id, record->name);
        } else {
            put("| `%s` | %s |", record->full, record->is_frozen ? "never" : "at its end");
        }
        fields_put(record);
        cell_put(model_text("%s%s", record->doc != NULL ? sentence(record->doc) : "",
                            record->has_payload ? " With a slice as payload." : ""));
        put("\n");
    }
}

/* Host slots are there whenever their table is, and create() is before every state. */
static const char *slot_class(const struct table *table, const struct slot *slot)
{
    const char *words = model_text("thread %s", thread_phrase(slot));

    if (!table->is_host_side && !slot->is_bare) {
        words = model_text("%s · states %s", words, states_phrase(slot->states));
    }
    if (!table->is_host_side) {
        words = model_text("%s · %s", words, slot->is_optional ? "optional" : "required");
    }
    if (slot->since > 0) {
        words = model_text("%s · since minor %u", words, (unsigned int)slot->since);
    }
    if (slot->budget_ns > 0) {
        words = model_text("%s · about %" PRIu64 " ns", words, slot->budget_ns);
    }
    return words;
}

static const char *arg_bounds(const struct arg *arg)
{
    const struct limit *limit = arg->max != NULL ? arg->max : arg->type.limit;

    if (arg->count != NULL) {
        return model_text("one for each of `%s`", arg->count->name);
    }
    if (limit != NULL) {
        return model_text("up to %" PRIu64, limit->value);
    }
    return "";
}

static void args_put(const struct slot *slot)
{
    if (slot->args_count == 0) {
        return;
    }
    put("\n| argument | type | | bounds | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < slot->args_count; i++) {
        const struct arg *arg = &slot->args[i];

        put("| `%s` | `%s` | %s |", arg->name, type_words(&arg->type),
            arg->is_out                  ? "out"
            : is_number(arg->type.shape) ? "in"
                                         : arg->own);
        cell_put(arg_bounds(arg));
        cell_put(arg->record != NULL ? model_text("an encoded `%s`", arg->record->full)
                 : arg->doc != NULL  ? arg->doc
                 : arg->unit != NULL ? arg->unit
                                     : "");
        put("\n");
    }
}

static void errors_put(const struct slot *slot)
{
    if (slot->errors_count == 0) {
        return;
    }
    put("\n| answer | when | the kernel then |\n|---|---|---|\n");
    for (size_t i = 0; i < slot->errors_count; i++) {
        put("| %s |", capital(slot->errors[i].name));
        cell_put(slot->errors[i].words);
        cell_put(reaction_of(slot->errors[i].name));
        put("\n");
    }
}

static void slot_put(const struct table *table, const struct slot *slot)
{
    size_t count;
    const char *const *args = slot_args(table, slot, &count);

    put("\n### `%s`\n\n*%s*\n\n", slot->name, slot_class(table, slot));
    words_put(sentence(slot->doc), false);
    put("\n\n```c\n");
    put_call(0, model_text("%s(*%s)", type_c(&slot->returns, false), slot->name), args, count, ";");
    put("```\n");
    args_put(slot);
    errors_put(slot);
}

static void table_put(const struct table *table)
{
    put("\n## Slots of `struct qn_%s`\n", table->full);
    if (table->doc != NULL) {
        put("\n");
        words_put(sentence(table->doc), false);
        put("\n");
    }
    put("\n| slot | thread | returns | in short |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];
        const char *brief = sentence(slot->doc);
        const char *stop = strstr(brief, ". ");

        put("| `%s` | %s | %s |", slot->name, thread_phrase(slot), type_words(&slot->returns));
        cell_put(stop != NULL ? model_text("%.*s", (int)(stop - brief + 1), brief) : brief);
        put("\n");
    }
    for (size_t i = 0; i < table->slots_count; i++) {
        slot_put(table, &table->slots[i]);
    }
}

static void checks_put(const struct description *of)
{
    if (of->checks_count == 0) {
        return;
    }
    put("\n## Contract\n\nEvery plugin of this kind passes these cases of `sdk/check/%s.c`:\n\n",
        of->name);
    for (size_t i = 0; i < of->checks_count; i++) {
        put("- `%s`\n", of->checks[i]);
    }
}

void reference_put(const struct description *of)
{
    top_put(of);
    for (size_t i = 0; i < of->tables_count; i++) {
        table_put(&of->tables[i]);
    }
    records_put(of, FAMILY_EVENT, "Events", "What the kernel says, in batches and in order.");
    records_put(of, FAMILY_EFFECT, "Effects",
                "What a call wants done. Nothing is done before it returns.");
    records_put(of, FAMILY_MANIFEST, "Manifest",
                "Fields of the note; `id` is their tag. See [manifest.md](manifest.md).");
    records_put(of, FAMILY_RECORD, "Records",
                "In record encoding the fields follow each other in this order.");
    limits_put(of);
    checks_put(of);
}
