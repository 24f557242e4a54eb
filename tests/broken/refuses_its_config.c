/* SPDX-License-Identifier: MIT */

/* QN-LIF-004: the values that it has are no good when they come again. */

#define LIFE_MORE .reconfigure = never_reconfigure,

#include <qnet/types.h>

struct qn_inst;
static int32_t never_reconfigure(struct qn_inst *self, struct qn_span config, uint32_t phase);

#include "packer.h"

static int32_t never_reconfigure(struct qn_inst *self, struct qn_span config, uint32_t phase)
{
    (void)self;
    (void)config;
    (void)phase;
    return QN_INVALID;
}
