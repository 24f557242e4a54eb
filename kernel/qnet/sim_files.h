/* SPDX-License-Identifier: MIT */
#pragma once

/* sim_files.h: the config files of a network that `qnet sim` runs if it is given none: times are
 * short, so that a window is a second, and one second of simulation holds many. */

#include <stdbool.h>
#include <stdint.h>

/* As text; the network file has no genesis, which a cast makes for itself. */
extern const char qnk_sim_network[];
extern const char qnk_sim_node[];

/* The same with a small mempool, for networks of very many nodes. */
extern const char qnk_sim_node_of_many[];

/* What such a network may swap to, in a network file's lines. */
enum { QNK_SIM_OTHERS = 5 };
extern const char *const qnk_sim_others[QNK_SIM_OTHERS];

/* Room for what qnk_sim_network_with() writes. */
enum { QNK_SIM_NETWORK_SIZE = 2048 };

/* The same network on another engine that ships, with short times for it, too. False: none of this
 * name is known. */
bool qnk_sim_network_with(const char *consensus, char text[QNK_SIM_NETWORK_SIZE]);

/* The names that it knows; NULL after the last. */
const char *qnk_sim_engine_at(uint32_t place);
