/* SPDX-License-Identifier: MIT */

/* QN-LIF-003: it cannot be destroyed where it stands, but only after freeze(). */

#define LIFE_MORE .activate = active_begin, .freeze = active_end,
#define ON_DESTROY(self)       \
    if ((self)->own != NULL) { \
        __builtin_trap();      \
    }

#include <stdint.h>

struct qn_inst;
static int32_t active_begin(struct qn_inst *self);
static int32_t active_end(struct qn_inst *self);

#include "packer.h"

static int32_t active_begin(struct qn_inst *self)
{
    self->own = self;
    return QN_OK;
}

static int32_t active_end(struct qn_inst *self)
{
    self->own = NULL;
    return QN_OK;
}
