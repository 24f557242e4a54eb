/* SPDX-License-Identifier: MIT */

/* virtual_load.c: signed transfers at a steady rate. Each sender pays through one node while that
 * is up, and makes again what did not get into a block. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/tx.h"
#include "kernel/net/virtual_own.h"

enum {
    VALID_UNTIL = 5000, /* height; a ledger's limit on how far ahead that may be */
    WAITING_MAX = 60,   /* of a sender, not in a block; a mempool keeps 64 */
    AGAIN_MS = 5000,    /* after which what is in no block is made again */
    LOOK_MS = 500,      /* between looks at what is in blocks */
};

/* The node that a sender pays through: its own among those of the load, or the next that is up. */
static uint32_t node_of(const struct qnk_play *play, const struct qnk_spec_load *load,
                        uint32_t sender)
{
    uint32_t count = (uint32_t)__builtin_popcountll(load->to);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = (sender + i) % count, node = 0;

        for (;; node++) {
            if ((load->to >> node & 1) != 0 && place-- == 0) {
                break;
            }
        }
        if (qnk_play_is_up(play, node)) {
            return node;
        }
    }
    return QNK_COURSE_NOBODY;
}

static void pay(struct qnk_play *play, uint32_t node, uint32_t sender, uint64_t from, uint64_t to)
{
    static uint8_t body[4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE];
    uint64_t size = qnk_cast_txs(play->cast, sender, from, to, VALID_UNTIL, body);
    struct qn_span rows = {body + 4, size - 4};

    while (rows.size > 0) {
        struct qnk_hash id;
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&rows, &tx);

        QN_ASSERT(status == QN_OK);
        qnk_tx_id(&tx, &id);
        qnk_story_submit(play->story, node, qnk_play_now_us(play), &id);
    }
    qnk_world_submit(play->world, node, (struct qn_span){body, size});
}

/* What is in blocks, and what has to be made again. */
static void payer_look(struct qnk_play *play, const struct qnk_spec_load *load, uint32_t sender)
{
    struct qnk_payer *payer = &play->payers[sender];
    uint64_t now_ms = qnk_play_now_us(play) / 1000;
    uint32_t node = node_of(play, load, sender);
    uint64_t to;

    if (node == QNK_COURSE_NOBODY || now_ms < payer->looked_ms + LOOK_MS) {
        return;
    }
    payer->looked_ms = now_ms;
    payer->next = qnk_cast_next(play->cast, node, sender, VALID_UNTIL);
    if (payer->next < payer->made && now_ms > payer->sent_ms + AGAIN_MS) {
        to = payer->made < payer->next + QNK_CAST_TXS_MAX ? payer->made
                                                          : payer->next + QNK_CAST_TXS_MAX;
        payer->sent_ms = now_ms;
        pay(play, node, sender, payer->next, to);
    }
}

/* One transfer of the next sender that may. False: none may. */
static bool one_make(struct qnk_play *play, uint32_t place, uint32_t count)
{
    const struct qnk_spec_load *load = &play->spec->loads[place];
    uint32_t mine = (QNK_CAST_SENDERS - place + count - 1) / count;

    for (uint32_t i = 0; i < mine; i++) {
        uint32_t sender = place + play->next_payer[place]++ % mine * count;
        struct qnk_payer *payer = &play->payers[sender];
        uint32_t node = node_of(play, load, sender);

        if (node != QNK_COURSE_NOBODY && payer->made < payer->next + WAITING_MAX) {
            payer->sent_ms = qnk_play_now_us(play) / 1000;
            pay(play, node, sender, payer->made, payer->made + 1);
            payer->made++;
            return true;
        }
    }
    return false;
}

static void load_do(struct qnk_play *play, uint32_t place, uint32_t count)
{
    const struct qnk_spec_load *load = &play->spec->loads[place];
    uint64_t now_ms = qnk_play_now_us(play) / 1000;
    uint64_t until_ms = load->until_ms == 0 ? play->load_end_ms : load->until_ms;
    uint64_t wanted;

    for (uint32_t sender = place; sender < QNK_CAST_SENDERS; sender += count) {
        payer_look(play, load, sender);
    }
    if (now_ms < load->from_ms) {
        return;
    }
    now_ms = now_ms < until_ms ? now_ms : until_ms;
    wanted = load->rate * (now_ms - load->from_ms) / 1000;
    while (play->due[place] < wanted) {
        if (!one_make(play, place, count)) {
            play->story->held_back += wanted - play->due[place];
            play->due[place] = wanted;
            return;
        }
        play->due[place]++;
    }
}

void qnk_play_load(struct qnk_play *play)
{
    for (uint32_t i = 0; i < play->spec->loads_count; i++) {
        load_do(play, i, play->spec->loads_count);
    }
}
