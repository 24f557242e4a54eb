/* SPDX-License-Identifier: MIT */

/* QN-FLT-005: the folder is there, whatever the host. */

#define ON_CREATE(self)                                                                      \
    (void)((const struct qn_files_1 *)(self)->host->extension((self)->node, "qnet.files/1")) \
        ->folder((self)->node)
#include "tally.h"
