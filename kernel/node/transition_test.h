/* SPDX-License-Identifier: MIT */
#pragma once

/* transition_test.h: one kernel transaction in a block of its own, for tests of transitions. */

#include "tests/test.h"

#include "kernel/node/transition.h"

/* Takes `control` over and gives the record after the block, unless the transaction is refused:
 * then all stays as it was. */
static inline int32_t transition_try(struct qnk_control **control, const struct qnk_set *set,
                                     const struct qnk_params *params, uint64_t height,
                                     const struct qnk_tx *tx)
{
    struct qnk_transition_block block = {.height = height};
    struct qnk_transition transition;
    int32_t status;

    assert_int_equal(qnk_transition_begin(&transition, *control, set, params, &block), QN_OK);
    status = qnk_transition_tx(&transition, tx);
    if (status != QN_OK) {
        qnk_transition_drop(&transition);
        return status;
    }
    qnk_control_unref(*control);
    return qnk_transition_end(&transition, control);
}
