/* SPDX-License-Identifier: MIT */

/* QN-CST-001: its work wants more memory than its manifest says: no rule that works it is kept. */

#define ON_REQUEST(self, request)                           \
    if ((self)->host->take((self)->node, 400000) == NULL) { \
        return QN_NO_SPACE;                                 \
    }
#include "tally.h"
