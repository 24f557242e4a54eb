/* SPDX-License-Identifier: MIT */
#pragma once

/* plugged.h: an instance of a plugin as callers see it, guarded or not. */

#include <qnet/types.h>

struct qnk_plugged {
    const void *table; /* of the kind, full size: no slot is NULL */
    struct qn_inst *inst;
};
