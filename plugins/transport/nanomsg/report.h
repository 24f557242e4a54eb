/* SPDX-License-Identifier: MIT */
#pragma once

/* report.h: the effects other than frames: what became of listens, dials and links. */

#include <qnet/transport.h>

struct qn_inst;

/* Pushes what is to be reported, within the budget of the pump; true: there is more. */
bool report_push(struct qn_inst *self, uint32_t budget, struct qn_effects *out);
