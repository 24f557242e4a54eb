/* SPDX-License-Identifier: MIT */

/* QN-STA-024: a deterministic kind asks what time it is. */

#include <stdint.h>
#include <time.h>

#define TURNS late_turns

struct qn_inst;
struct qn_producer_ask;
static int32_t late_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                          uint32_t asks_count, uint32_t *members);

#include "rota.h"

static int32_t late_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                          uint32_t asks_count, uint32_t *members)
{
    int32_t status = round_robin_turns(self, asks, asks_count, members);

    members[0] ^= time(NULL) == 0;
    return status;
}
