/* SPDX-License-Identifier: MIT */
#pragma once

/* cast.h: which plugins play in a network under test. A program links one cast, shipped.c or
 * fakes.c, which defines what is declared here and next_nonce() of net.h.
 *
 * Unless a function's own comment says otherwise:
 *   owns     instances are the cast's, between make and give
 *   threads  one
 */

#include "tests/sim/net.h"

/* Once for the program. False: a plugin is not there. */
bool cast_init(void);

/* Makes a node's plugins as it is switched on, and its storage the first time; gives them back. */
bool cast_make(struct net *net, uint32_t node, bool is_first, struct qnk_world_plugins *plugins);
void cast_give(struct net *net, uint32_t node, bool is_last, struct qnk_world_plugins *plugins);

/* One more instance of the engine of genesis; shipped.c. */
struct qnk_player *cast_engine(struct net *net);

/* The bindings of the genesis control record. */
void cast_bind(struct qnk_params *params);

/* What the ledger's first state holds behind the members; its size. */
uint64_t cast_genesis(const struct net *net, uint8_t *to);
