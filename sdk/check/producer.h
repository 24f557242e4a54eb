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

/* Whole cases of producers that ship. Windows that share heights are refused. */
void qn_check_producer_overlaps(struct qn_check_producer *it);

/* In bytes. Why: a producer's config is a few numbers. */
enum { QN_CHECK_CONFIG_MAX = 256 };

/* Four intervals are wanted, none longer than the one before, as <qnet/pace.h> has it. `write`
 * writes a config with these intervals, of CONFIG_MAX at most, and gives its end. */
void qn_check_producer_intervals(const struct qn_check_given *given,
                                 uint8_t *(*write)(struct qn_span intervals, uint32_t count,
                                                   uint8_t *to));
