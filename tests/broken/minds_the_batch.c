/* SPDX-License-Identifier: MIT */

/* QN-DET-002: who is first follows from how many are asked for at once. */

#define TURNS any_turns

#include <stdint.h>

struct qn_inst;
struct qn_producer_ask;
static int32_t any_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                         uint32_t asks_count, uint32_t *members);

#include "rota.h"

/* Right where the contract looks, as orders_by_address.c. */
static int32_t any_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                         uint32_t asks_count, uint32_t *members)
{
    int32_t status = round_robin_turns(self, asks, asks_count, members);

    for (uint32_t i = 0; status == QN_OK && i < asks_count; i++) {
        uint32_t place = qn_schedule_find(&self->schedule, asks[i].height);

        if (self->schedule.windows[place].count == 7 && asks[i].view > 50) {
            members[i] = asks_count % 7;
        }
    }
    return status;
}
