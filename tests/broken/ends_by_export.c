/* SPDX-License-Identifier: MIT */

/* QN-SWP-005: whoever exported its state goes on no more, also if the swap is abandoned. */

#define ON_EXPORT(self) ((self)->was_exported = true)
#define ON_REQUEST(self, request) \
    if ((self)->was_exported) {   \
        return QN_FATAL;          \
    }
#include "tally.h"
