/* SPDX-License-Identifier: MIT */

/* liar_noise.c: garbage, floods, and wrong answers to those who want to catch up. */

#include <qnet/assert.h>

#include "kernel/sim/liar_own.h"

enum {
    GARBAGE_WILL = 60, /* permille of ticks, and of what is said */
    GARBAGE_SIZE = 600,
    FLOOD_WILL = 25, /* permille of ticks */
    FLOOD_FRAMES = 64,
    FLOOD_BODY = 4 + 256 * QN_HASH_SIZE,
    STATUS_WILL = 150,          /* permille of statuses */
    ANSWER_WILL = 300,          /* permille of answers */
    TYPES = QNK_WIRE_MACRO + 3, /* and some that are none */
};

/* --- garbage --- */

static void garbage_say(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_GARBAGE;
    uint8_t body[GARBAGE_SIZE];
    uint64_t size = qnk_liar_lot(liar, lie, sizeof body + 1);
    uint8_t lane = (uint8_t)qnk_liar_lot(liar, lie, QNK_LANES);
    uint8_t type = (uint8_t)qnk_liar_lot(liar, lie, TYPES);
    uint32_t to = qnk_liar_somebody(liar, lie);

    qnk_liar_bytes(liar, lie, body, size);
    if (size >= 4 && qnk_liar_lot(liar, lie, 2) == 0) {
        qn_le32_write(body, (uint32_t)qnk_liar_lot(liar, lie, 8)); /* a count that may be true */
    }
    qnk_liar_say(liar, to, lane, type, (struct qn_span){body, size});
    qnk_liar_told(liar, lie);
}

/* A mangled copy before what is really said. */
static void mangled_say(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    uint32_t lie = QNK_LIE_GARBAGE;
    struct qn_span said = qnk_liar_said(liar, effect);
    uint64_t hits = 1 + qnk_liar_lot(liar, lie, 4);

    for (uint64_t i = 0; i < hits && said.size > 0; i++) {
        uint64_t front = said.size < 48 ? said.size : 48; /* counts and sizes stand there */
        uint64_t at = qnk_liar_lot(liar, lie, qnk_liar_lot(liar, lie, 2) == 0 ? front : said.size);

        liar->said->data[at] = (uint8_t)qnk_liar_lot(liar, lie, 256);
    }
    if (qnk_liar_lot(liar, lie, 3) == 0) {
        said.size = qnk_liar_lot(liar, lie, said.size + 1);
    }
    qnk_liar_say_instead(liar, effect, said);
    qnk_liar_told(liar, lie);
}

/* --- lying sync --- */

static struct qnk_status status_lie(struct qnk_liar *liar, struct qnk_status status)
{
    uint32_t lie = QNK_LIE_LYING_SYNC;

    switch (qnk_liar_lot(liar, lie, 3)) {
    case 0: /* far ahead */
        status.final_window += 1 + qnk_liar_lot(liar, lie, 1000);
        status.final = qnk_liar_hash(liar, lie);
        status.head_height += 1 + qnk_liar_lot(liar, lie, 10000);
        break;
    case 1: /* a head that nobody has */
        status.head_height += 1 + qnk_liar_lot(liar, lie, 10);
        status.head = qnk_liar_hash(liar, lie);
        break;
    default: /* at the beginning */
        status.final_window = 0;
        status.head_height = 0;
        break;
    }
    return status;
}

static bool status_effect(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    uint8_t body[QNK_STATUS_SIZE];
    struct qnk_status status;

    if (!qnk_liar_will(liar, QNK_LIE_LYING_SYNC, STATUS_WILL) ||
        qnk_status_decode(qnk_liar_said(liar, effect), &status) != QN_OK) {
        return true;
    }
    status = status_lie(liar, status);
    qnk_status_encode(&status, body);
    qnk_liar_say_instead(liar, effect, (struct qn_span){body, sizeof body});
    qnk_liar_told(liar, QNK_LIE_LYING_SYNC);
    return false;
}

static bool is_answer(uint8_t type)
{
    return type == QNK_WIRE_MACROS || type == QNK_WIRE_RANGE || type == QNK_WIRE_HEADERS ||
           type == QNK_WIRE_BODY_PART || type == QNK_WIRE_MACRO || type == QNK_WIRE_TXS;
}

/* Not at all, or with some of it changed. */
static bool answer_effect(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    uint32_t lie = QNK_LIE_LYING_SYNC;

    if (!qnk_liar_will(liar, lie, ANSWER_WILL)) {
        return true;
    }
    qnk_liar_told(liar, lie);
    if (qnk_liar_lot(liar, lie, 2) == 0) {
        struct qn_span said = qnk_liar_said(liar, effect);

        if (said.size > 0) {
            liar->said->data[qnk_liar_lot(liar, lie, said.size)] ^= 0x55;
        }
        qnk_liar_say_instead(liar, effect, said);
    }
    return false;
}

/* What the disk would answer: nothing, a part of it, something else, or nonsense. */
static bool serve_effect(struct qnk_liar *liar, struct qnk_effect *effect)
{
    uint32_t lie = QNK_LIE_LYING_SYNC;
    struct qnk_fetch *fetch = &effect->serve.fetch;
    uint8_t body[4 + QNK_MICRO_SIZE];

    if (!qnk_liar_will(liar, lie, ANSWER_WILL)) {
        return true;
    }
    qnk_liar_told(liar, lie);
    switch (qnk_liar_lot(liar, lie, 4)) {
    case 0:
        return false;
    case 1:
        fetch->first += 1 + qnk_liar_lot(liar, lie, 3);
        return true;
    case 2:
        fetch->count = fetch->count > 1 ? fetch->count / 2 : fetch->count;
        return true;
    default:
        qnk_liar_bytes(liar, lie, body, sizeof body);
        qn_le32_write(body, 1);
        qnk_liar_say(liar, effect->serve.peer - 1, QNK_LANE_SYNC,
                     effect->serve.type == QNK_WIRE_FETCH_MACROS ? QNK_WIRE_MACROS : QNK_WIRE_RANGE,
                     (struct qn_span){body, sizeof body});
        return false;
    }
}

bool qnk_liar_noise_effect(struct qnk_liar *liar, struct qnk_effect *effect)
{
    if (effect->type == QNK_EFFECT_SERVE) {
        return serve_effect(liar, effect);
    }
    if (qnk_liar_will(liar, QNK_LIE_GARBAGE, GARBAGE_WILL)) {
        mangled_say(liar, effect);
    }
    if (effect->send.type == QNK_WIRE_STATUS) {
        return status_effect(liar, effect);
    }
    return !is_answer(effect->send.type) || answer_effect(liar, effect);
}

/* --- floods --- */

/* One frame of a flood: something that is well formed and costs whoever gets it some work. */
static void flood_frame(struct qnk_liar *liar, uint32_t to, uint64_t what,
                        const struct qnk_node_view *view)
{
    uint32_t lie = QNK_LIE_FLOOD;
    uint8_t body[FLOOD_BODY];
    struct qnk_fetch fetch = {.first = 1, .count = 64, .what = 1};
    struct qnk_fetch_chain chain = {.id = view->head};
    struct qnk_status status = {
        .node_type = QNK_NODE_SUPER,
        .serves = 1,
        .head_height = view->head_height + qnk_liar_lot(liar, lie, 100),
        .final_window = view->final_window,
        .head = qnk_liar_hash(liar, lie),
        .final = view->final,
    };

    switch (what) {
    case 0:
        qnk_fetch_encode(&fetch, body);
        qnk_liar_say(liar, to, QNK_LANE_SYNC, QNK_WIRE_FETCH_RANGE,
                     (struct qn_span){body, QNK_FETCH_SIZE});
        break;
    case 1:
        qnk_fetch_chain_encode(&chain, body);
        qnk_liar_say(liar, to, QNK_LANE_BLOCKS, QNK_WIRE_FETCH_CHAIN,
                     (struct qn_span){body, QNK_FETCH_CHAIN_SIZE});
        break;
    case 2:
        qnk_status_encode(&status, body);
        qnk_liar_say(liar, to, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                     (struct qn_span){body, QNK_STATUS_SIZE});
        break;
    default: /* ids of transactions, or of blocks, that nobody has */
        qnk_liar_bytes(liar, lie, body, sizeof body);
        qn_le32_write(body, (sizeof body - 4) / QN_HASH_SIZE);
        qnk_liar_say(liar, to, QNK_LANE_TXS,
                     qnk_liar_lot(liar, lie, 2) == 0 ? QNK_WIRE_TX_IDS : QNK_WIRE_FETCH_TXS,
                     (struct qn_span){body, sizeof body});
        break;
    }
}

/* A vote of a round that nobody has come to, each for another digest; most are good signatures. */
static void flood_vote(struct qnk_liar *liar, uint32_t to, const struct qnk_node_view *view)
{
    uint32_t lie = QNK_LIE_FLOOD;
    struct qnk_vote vote = {
        .step = QNK_STEP_FINAL,
        .window = view->final_window + 1 + qnk_liar_lot(liar, lie, 3),
        .round = (uint32_t)qnk_liar_lot(liar, lie, 1000),
        .vr = -1,
        .member = liar->member,
        .digest = qnk_liar_hash(liar, lie),
    };
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    qnk_liar_bind(liar, &vote);
    qnk_vote_message(&vote, &liar->all->chain_id, message);
    if (qnk_liar_lot(liar, lie, 4) == 0) {
        qnk_liar_bytes(liar, lie, vote.signature, sizeof vote.signature);
    } else {
        qnk_liar_sign(liar, (struct qn_span){message, sizeof message}, vote.signature);
    }
    qnk_liar_vote_say(liar, to, &vote);
}

static void flood(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_FLOOD;
    uint32_t to = qnk_liar_somebody(liar, lie);
    uint64_t what = qnk_liar_lot(liar, lie, 6);
    struct qnk_node_view view;

    if (!qnk_liar_look(liar, &view)) {
        return;
    }
    for (uint32_t i = 0; i < FLOOD_FRAMES; i++) {
        if (what >= 4) {
            flood_vote(liar, to, &view);
        } else {
            flood_frame(liar, to, what, &view);
        }
    }
    qnk_liar_told(liar, lie);
}

void qnk_liar_noise_tick(struct qnk_liar *liar)
{
    if (qnk_liar_will(liar, QNK_LIE_GARBAGE, GARBAGE_WILL)) {
        garbage_say(liar);
    }
    if (qnk_liar_will(liar, QNK_LIE_FLOOD, FLOOD_WILL)) {
        flood(liar);
    }
}
