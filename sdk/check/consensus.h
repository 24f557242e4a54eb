/* SPDX-License-Identifier: MIT */
#pragma once

/* consensus.h: what every consensus plugin must do, whatever its rounds look like. A plugin's own
 * test program lists these cases before its own. The world in which engines meet is in
 * consensus_world.h.
 *
 * What is asked of an engine follows from the steps that its manifest lists, which the test program
 * says in `given`. One that lists step 2 without step 1 has one round and no locks: it must keep
 * agreement all the same and go on past crashes and a bad net, but liars and members that see
 * different chains may stop it, and cases of later rounds do not concern it. Cases of commits need
 * step 0. */

#include <qnet/consensus.h>

#include "sdk/check/check.h"
#include "sdk/check/consensus_world.h"
#include "sdk/check/gen/consensus.h"

/* The subject of every case: a world of engines of what is `given`. */
struct qn_check_consensus *qn_check_consensus_start(const struct qn_check_given *given);
void qn_check_consensus_stop(struct qn_check_consensus *it);

/* For a plugin's own cases. */
struct world *qn_check_consensus_world(struct qn_check_consensus *it);
