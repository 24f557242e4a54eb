/* SPDX-License-Identifier: MIT */
#pragma once

/* ledger.h: what every ledger plugin must do, whatever its state is made of. A plugin's own test
 * program lists these cases before its own.
 *
 * What a ledger does is compared with a naive one written here: an array of accounts, looked
 * through from its beginning, of which a copy is an undo. Balances are read through check() alone:
 * a transfer of all that an account can pay is good, and of one more is poor. Blocks are random
 * from a seed, with transactions of every kind of wrong among them.
 */

#include <qnet/ledger.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/ledger.h"

/* The subject of every case: what is `given`, of which each case makes its own instances. */
struct qn_check_ledger *qn_check_ledger_start(const struct qn_check_given *given);
void qn_check_ledger_stop(struct qn_check_ledger *it);
