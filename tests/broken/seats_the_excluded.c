/* SPDX-License-Identifier: MIT */

/* QN-PRO-004: members that are left out get turns all the same. */

#define OPEN kind_open

#include <qnet/types.h>
#include <stdint.h>

struct qn_inst;
static int32_t kind_open(struct qn_inst *self, struct qn_span context);

#include "rota.h"

/* Forgives everybody: `excluded` stands 48 bytes into each seat of 56. */
static int32_t kind_open(struct qn_inst *self, struct qn_span context)
{
    uint8_t copy[65536];
    struct qn_producer_context it;

    if (context.size > sizeof copy || qn_producer_context_read(context, &it) != QN_OK) {
        return round_robin_open(self, context);
    }
    memcpy(copy, context.data, context.size);
    for (uint64_t i = 0; i < it.seats_count; i++) {
        uint64_t at = (uint64_t)(it.seats.data - context.data) + i * 56 + 48;

        qn_le32_write(copy + at, 0);
    }
    return round_robin_open(self, (struct qn_span){copy, context.size});
}
