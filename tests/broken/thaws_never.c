/* SPDX-License-Identifier: MIT */

/* QN-LIF-001: a swap that is abandoned leaves it frozen. */

#define LIFE_MORE .thaw = never_thaw,

#include <stdint.h>

struct qn_inst;
static int32_t never_thaw(struct qn_inst *self);

#include "packer.h"

static int32_t never_thaw(struct qn_inst *self)
{
    (void)self;
    return QN_BUSY;
}
