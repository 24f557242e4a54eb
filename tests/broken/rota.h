/* SPDX-License-Identifier: MIT */

/* rota.h: the schedule of plugins/producer/round-robin with another turns(), so that what is broken
 * is broken in a producer that is right in all else. */

#include <qnet/producer.h>

/* The right constant is kept by another name, hidden as everything is. */
#define qn_plugin_v1 right_plugin
#include "round-robin.c"
#undef qn_plugin_v1

#ifndef OPEN
#define OPEN round_robin_open
#endif
#ifndef TURNS
#define TURNS round_robin_turns
#endif

static const struct qn_producer_1 rota = {
    .head = QN_PRODUCER_1_HEAD,
    .open = OPEN,
    .turns = TURNS,
    .pace = round_robin_pace,
    .close = round_robin_close,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = ROUND_ROBIN_MANIFEST_PRINT,
    .kind = ROUND_ROBIN_KIND,
    .name = ROUND_ROBIN_NAME,
    .version = ROUND_ROBIN_VERSION,
    .life = &life,
    .slots = &rota.head,
};
