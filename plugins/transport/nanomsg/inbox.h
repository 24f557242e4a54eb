/* SPDX-License-Identifier: MIT */
#pragma once

/* inbox.h: the way in: each message belongs to a link, greets, or is a stray.
 *
 *   owns     a message for which there was no memory stays the instance's, and is taken first
 *   threads  loop; inbox_drop(): also control
 *   cost     one copy of each frame
 *   errors   what strangers send is counted and dropped, without a word
 */

#include <qnet/transport.h>

struct qn_inst;

/* Reads what arrived at one endpoint, within the budget of the pump; true: there may be more. */
bool inbox_read(struct qn_inst *self, uint32_t endpoint, uint32_t budget, struct qn_effects *out);

/* Forgets the message that waits for memory. */
void inbox_drop(struct qn_inst *self);
