/* SPDX-License-Identifier: MIT */
#pragma once

/* signature.h: what every signature plugin must do, whatever it is made of: give the verdict of the
 * rule ed25519-strict-cofactored on every input, alone and in any batch. A plugin's own test
 * program lists these cases before its own.
 *
 * The rule is computed here once more, slowly and in another way than a plugin would: what is of
 * small order is doubled three times, what is of prime order is multiplied by that order, one
 * addition after another.
 */

#include <qnet/signature.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/signature.h"

/* The subject of every case: one instance of what is `given`. */
struct qn_check_signature *qn_check_signature_start(const struct qn_check_given *given);
void qn_check_signature_stop(struct qn_check_signature *it);
