/* SPDX-License-Identifier: MIT */
#pragma once

/* storage.h: what every storage plugin must do, whatever it is made of. A plugin's own test program
 * lists these cases before its own.
 *
 * Each case works on an instance of its own in a folder of its own. A plugin that asks for its
 * folder must keep there what was durable: then the cases end an instance and make the next one
 * over the same folder. Any other plugin has its spaces opened again. */

#include <qnet/storage.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/storage.h"

/* The subject of every case. */
struct qn_check_storage *qn_check_storage_start(const struct qn_check_given *given);
void qn_check_storage_stop(struct qn_check_storage *it);
