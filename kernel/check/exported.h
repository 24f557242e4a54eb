/* SPDX-License-Identifier: MIT */
#pragma once

/* exported.h: cases about the one constant that a plugin exports, which is compared with its
 * manifest member by member, so that the words say what differs.
 */

#include "kernel/check/subject.h"

void qnk_exported_constant(struct qnk_subject *subject, uint32_t arg);
void qnk_exported_slots(struct qnk_subject *subject, uint32_t arg);
