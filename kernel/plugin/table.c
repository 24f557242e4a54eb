/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/table.h"

#include <stdio.h>
#include <string.h>

typedef void (*slot_call)(void);

enum { SLOT_SIZE = sizeof(slot_call) };

_Static_assert(sizeof(struct qn_head) == 16 && SLOT_SIZE == 8, "tables are made for 64 bits");

uint32_t qnk_table_size(const struct qnk_table *table, uint16_t minor)
{
    uint32_t size = sizeof(struct qn_head);

    for (uint32_t i = 0; i < table->slots_count; i++) {
        size += table->slots[i].since <= minor ? SLOT_SIZE : 0;
    }
    return size;
}

static int32_t head_check(const struct qnk_table *table, const struct qn_head *from, uint16_t minor,
                          char why[QNK_PLUGIN_WHY_MAX])
{
    if (from == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "it has no table '%s'", table->name);
        return QN_INVALID;
    }
    if (from->major != table->major || from->minor != minor ||
        from->print != table->minors[minor].print || from->size < qnk_table_size(table, minor)) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "its table '%s' is not the one that its manifest speaks of", table->name);
        return QN_INVALID;
    }
    return QN_OK;
}

int32_t qnk_table_fill(const struct qnk_table *table, const struct qn_head *from, uint16_t minor,
                       void *to, char why[QNK_PLUGIN_WHY_MAX])
{
    static const uint8_t nothing[SLOT_SIZE];
    int32_t status = head_check(table, from, minor, why);

    if (status != QN_OK) {
        return status;
    }
    memcpy(to, table->stubs, qnk_table_size(table, table->minor));
    for (uint32_t i = 0; i < table->slots_count; i++) {
        const struct qnk_slot *slot = &table->slots[i];
        size_t at = sizeof(struct qn_head) + (size_t)i * SLOT_SIZE;
        const uint8_t *call = (const uint8_t *)from + at;

        if (slot->since > minor) {
            continue;
        }
        if (memcmp(call, nothing, SLOT_SIZE) != 0) {
            memcpy((uint8_t *)to + at, call, SLOT_SIZE);
        } else if (!slot->is_optional) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "its table '%s' lacks the slot '%s'",
                           table->name, slot->name);
            return QN_INVALID;
        }
    }
    return QN_OK;
}
