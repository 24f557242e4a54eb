/* SPDX-License-Identifier: MIT */
#pragma once

/* consensus.h: what every consensus plugin must do, whatever its rounds look like. A plugin's own
 * test program lists these cases before its own. The world in which engines meet is in
 * consensus_world.h. */

#include <qnet/consensus.h>

#include "sdk/check/check.h"
#include "sdk/check/consensus_world.h"
#include "sdk/check/gen/consensus.h"

/* The subject of every case: a world of engines of what is `given`. */
struct qn_check_consensus *qn_check_consensus_start(const struct qn_check_given *given);
void qn_check_consensus_stop(struct qn_check_consensus *it);

/* For a plugin's own cases. */
struct world *qn_check_consensus_world(struct qn_check_consensus *it);
