/* SPDX-License-Identifier: MIT */
#pragma once

/* producer.h: what every producer plugin must do, whatever its schedule. A plugin's own test
 * program lists these cases before its own. */

#include <qnet/producer.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/producer.h"

/* The subject of every case: what is `given`. Each case makes its instances itself. */
struct qn_check_producer *qn_check_producer_start(const struct qn_check_given *given);
void qn_check_producer_stop(struct qn_check_producer *it);

/* A window to open: `count` members, of which member i weighs weights[i]. */
struct qn_check_window {
    uint64_t window;
    uint64_t first, last;
    const uint64_t *weights;
    const uint8_t *excluded; /* a flag each; NULL: none is */
    uint32_t count;
};

/* Its context as a record, in memory that the caller frees. */
struct qn_span qn_check_producer_context(const struct qn_check_window *window);

/* A fresh instance, and a window opened in it. */
struct qn_inst *qn_check_producer_inst(struct qn_check_producer *it);
void qn_check_producer_end(struct qn_check_producer *it, struct qn_inst *inst);
int32_t qn_check_producer_open(struct qn_check_producer *it, struct qn_inst *inst,
                               const struct qn_check_window *window);

/* Who may produce `height` as rank `view`; the height is in an open window. */
uint32_t qn_check_producer_turn(struct qn_check_producer *it, struct qn_inst *inst, uint64_t height,
                                uint32_t view);
