/* SPDX-License-Identifier: MIT */

/* faulty.c: producer/round-robin with a bug: asked for the pace after a certain height it writes to
 * address 0, or, with REFUSES, it refuses a certain window, at which the core halts the node. For
 * replay_test.sh, which wants nodes that end in a step. */

#include <qnet/plugin.h>

/* What it is made from, not seen from outside. */
extern const struct qn_plugin faultless __attribute__((visibility("hidden")));

#define qn_plugin_v1 faultless
#include "plugins/producer/round-robin/round-robin.c"
#undef qn_plugin_v1

#include <stdbool.h>

enum { LAST_HEIGHT = 12, LAST_WINDOW = 3 };

#ifndef REFUSES
#define REFUSES false
#endif

static int32_t pace(struct qn_inst *self, const struct qn_producer_recent *recent,
                    uint32_t recent_count, uint8_t *interval_class, uint32_t *interval_ms,
                    uint32_t *backup_ms)
{
    if (!REFUSES && recent_count > 0 && recent[0].height >= LAST_HEIGHT) {
        *(volatile uint8_t *)(uintptr_t)recent[0].reserved = 1;
    }
    return slots.pace(self, recent, recent_count, interval_class, interval_ms, backup_ms);
}

static int32_t open_(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context it;

    if (REFUSES && qn_producer_context_read(context, &it) == QN_OK && it.window > LAST_WINDOW) {
        return QN_INVALID;
    }
    return slots.open(self, context);
}

static const struct qn_producer_1 faulty_slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = open_,
    .turns = round_robin_turns,
    .pace = pace,
    .close = round_robin_close,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = ROUND_ROBIN_MANIFEST_PRINT,
    .kind = ROUND_ROBIN_KIND,
    .name = ROUND_ROBIN_NAME,
    .version = ROUND_ROBIN_VERSION,
    .life = &life,
    .slots = &faulty_slots.head,
};
