/* SPDX-License-Identifier: MIT */

#include "sdk/abigen/print.h"

#include <inttypes.h>
#include <string.h>

static const char *const family_words[] = {"record", "event", "effect", "manifest"};
static const char *const overlap_words[] = {"-", "shared", "serial", "alone"};

uint64_t print_add(uint64_t print, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++) {
        print = (print ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return print;
}

static uint64_t add_text(uint64_t print, const char *text)
{
    return print_add(print, text, strlen(text));
}

static uint64_t add_record(uint64_t print, const struct record *record)
{
    if (record->family == FAMILY_RECORD) {
        print = add_text(print, model_text("record %s %s", record->name,
                                           record->is_frozen ? "frozen" : "growing"));
    } else {
        print = add_text(print, model_text("%s %u %s %s", family_words[record->family],
                                           (unsigned int)record->id, record->name,
                                           record->has_payload ? "payload" : "plain"));
    }
    for (size_t i = 0; i < record->fields_count; i++) {
        const struct field *field = &record->fields[i];

        print = add_text(print, model_text(" %s:%s", field->name, type_words(&field->type)));
    }
    return add_text(print, "\n");
}

static uint64_t add_slot(uint64_t print, const struct slot *slot)
{
    print =
        add_text(print, model_text("slot %s %s %s%u %u %s", slot->name, thread_words[slot->thread],
                                   overlap_words[slot->overlap], slot->group, slot->states,
                                   slot->is_optional ? "optional" : "required"));
    for (size_t i = 0; i < slot->args_count; i++) {
        const struct arg *arg = &slot->args[i];

        print = add_text(
            print, model_text(" %s:%s:%s:%s:%" PRIu64, arg->name, type_words(&arg->type), arg->own,
                              arg->is_out ? "out" : "in", arg->max != NULL ? arg->max->value : 0));
    }
    return add_text(print, model_text(" -> %s\n", type_words(&slot->returns)));
}

uint64_t print_of(const struct description *of, uint16_t minor)
{
    uint64_t print = PRINT_START;

    for (size_t i = 0; i < of->records_count; i++) {
        if (of->records[i].since <= minor) {
            print = add_record(print, &of->records[i]);
        }
    }
    for (size_t i = 0; i < of->tables_count; i++) {
        const struct table *table = &of->tables[i];

        if (table->since > minor) {
            continue;
        }
        print = add_text(print, model_text("table %s\n", table->full));
        for (size_t j = 0; j < table->slots_count; j++) {
            if (table->slots[j].since <= minor) {
                print = add_slot(print, &table->slots[j]);
            }
        }
    }
    return print;
}
