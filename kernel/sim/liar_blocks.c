/* SPDX-License-Identifier: MIT */

/* liar_blocks.c: what becomes of own blocks on their way out, and blocks out of turn. */

#include <qnet/assert.h>

#include "kernel/chain/tags.h"
#include "kernel/sim/liar_own.h"

enum {
    WILL = 300,     /* permille of own blocks, for each kind that they may suffer */
    TICK_WILL = 80, /* permille of ticks */
    RANK_MS = 400,  /* at least what a rank waits for the one before, where windows are short */
    HOLLOW = 3,     /* blocks without a body beside a true one: as many as a tree keeps */
};

static void header_sign(struct qnk_liar *liar, struct qnk_micro *header)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];

    qnk_micro_message(header, &liar->all->chain_id, message);
    qnk_liar_sign(liar, (struct qn_span){message, sizeof message}, header->signature);
}

/* --- own blocks on their way --- */

/* Something that nobody's execution of this body gives, or that is no body at all. */
static void state_change(struct qnk_liar *liar, struct qnk_micro *header)
{
    switch (qnk_liar_lot(liar, QNK_LIE_WRONG_STATE, 3)) {
    case 0:
        header->tx_root = qnk_liar_hash(liar, QNK_LIE_WRONG_STATE);
        break;
    default:
        header->effects = qnk_liar_hash(liar, QNK_LIE_WRONG_STATE);
        break;
    }
}

/* One fact of its turn, in a block that is right in all else. */
static void turn_change(struct qnk_liar *liar, struct qnk_micro *header)
{
    uint32_t lie = QNK_LIE_WRONG_SCHEDULE;

    switch (qnk_liar_lot(liar, lie, 5)) {
    case 0:
        header->time_ms -= 1 + qnk_liar_lot(liar, lie, 1u << qnk_liar_lot(liar, lie, 10));
        break;
    case 1:
        header->time_ms += 1 + qnk_liar_lot(liar, lie, 1u << qnk_liar_lot(liar, lie, 14));
        break;
    case 2:
        header->class = (uint8_t)(header->class + 1) % (QNK_MICRO_CLASS_MAX + 1);
        break;
    case 3:
        header->flags = (uint8_t)((header->flags & QNK_MICRO_LAG_MASK) == 0 ? 1 : 0);
        break;
    default: /* somebody else's rank, in its time */
        header->view = (uint16_t)(header->view == 0 ? 1 + qnk_liar_lot(liar, lie, 3) : 0);
        header->time_ms += (uint64_t)header->view * RANK_MS;
        break;
    }
}

/* Blocks of the same turn of which there is a header alone: who hears of them waits for bodies. */
static void hollow_say(struct qnk_liar *liar, const struct qnk_micro *header)
{
    uint8_t body[4 + HOLLOW * QNK_MICRO_SIZE];

    qn_le32_write(body, HOLLOW);
    for (uint32_t i = 0; i < HOLLOW; i++) {
        struct qnk_micro hollow = *header;

        hollow.tx_count = 1;
        hollow.body_size = QNK_TX_SIZE_MIN;
        hollow.tx_root = qnk_liar_hash(liar, QNK_LIE_WITHHOLD_BODY);
        header_sign(liar, &hollow);
        qnk_micro_encode(&hollow, body + 4 + i * QNK_MICRO_SIZE);
    }
    qnk_liar_say_all(liar, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, (struct qn_span){body, sizeof body});
}

/* Its body goes to some or to nobody, or there are others beside it that have none. */
static void body_withhold(struct qnk_liar *liar, struct qnk_liar_duty *duty,
                          const struct qnk_micro *header)
{
    switch (qnk_liar_lot(liar, QNK_LIE_WITHHOLD_BODY, 3)) {
    case 0:
        duty->way = QNK_WAY_NONE;
        break;
    case 1:
        duty->way = QNK_WAY_SPLIT;
        duty->salt = qnk_liar_lot(liar, QNK_LIE_WITHHOLD_BODY, UINT64_MAX);
        break;
    default:
        hollow_say(liar, header);
        break;
    }
    qnk_liar_told(liar, QNK_LIE_WITHHOLD_BODY);
}

/* The lots of an own block that is announced. */
static void block_way(struct qnk_liar *liar, struct qnk_liar_duty *duty,
                      const struct qnk_micro *header)
{
    struct qnk_micro other = *header;

    if (qnk_liar_will(liar, QNK_LIE_TWO_BLOCKS, WILL)) {
        duty->salt = qnk_liar_lot(liar, QNK_LIE_TWO_BLOCKS, UINT64_MAX);
        duty->way = duty->salt % 3 == 0 ? QNK_WAY_BOTH : QNK_WAY_SPLIT;
        other.backlog = header->backlog == 0 ? 1 : 0; /* its word alone, so both are valid */
        qnk_liar_told(liar, QNK_LIE_TWO_BLOCKS);
    } else if (qnk_liar_will(liar, QNK_LIE_WRONG_STATE, WILL)) {
        duty->way = QNK_WAY_OTHER;
        state_change(liar, &other);
        qnk_liar_told(liar, QNK_LIE_WRONG_STATE);
    } else if (qnk_liar_will(liar, QNK_LIE_WRONG_SCHEDULE, WILL)) {
        duty->way = QNK_WAY_OTHER;
        turn_change(liar, &other);
        qnk_liar_told(liar, QNK_LIE_WRONG_SCHEDULE);
    } else if (qnk_liar_will(liar, QNK_LIE_WRONG_TXS, WILL) &&
               (duty->body = qnk_liar_txs_spoil(liar, &other)) != NULL) {
        duty->way = QNK_WAY_OTHER;
        qnk_liar_told(liar, QNK_LIE_WRONG_TXS);
    } else {
        if (qnk_liar_will(liar, QNK_LIE_WITHHOLD_BODY, WILL)) {
            body_withhold(liar, duty, header);
        }
        return;
    }
    duty->other = qnk_buf_new(liar->all->budget, QNK_MICRO_SIZE);
    QN_ASSERT(duty->other != NULL);
    header_sign(liar, &other);
    qnk_micro_encode(&other, duty->other->data);
}

/* The body of the header that is said instead. */
static void body_say(struct qnk_liar *liar, uint32_t to, const struct qnk_liar_duty *duty)
{
    struct qn_buf *said =
        qnk_buf_new(liar->all->budget, QNK_BODY_PART_HEAD_SIZE + duty->body->size);
    struct qnk_body_part part = {
        .count = 1,
        .body_size = (uint32_t)duty->body->size,
        .bytes = qnk_buf_span(duty->body),
    };
    struct qnk_micro header;
    int32_t status = qnk_micro_decode(qnk_buf_span(duty->other), &header);

    QN_ASSERT(said != NULL && status == QN_OK);
    qnk_micro_id(&header, &part.id);
    qnk_body_part_head(&part, said->data);
    memcpy(said->data + QNK_BODY_PART_HEAD_SIZE, duty->body->data, duty->body->size);
    qnk_liar_say(liar, to, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, qnk_buf_span(said));
    qnk_buf_unref(said);
}

/* The place of a block is its id: parts of its body name it too. */
static bool header_effect(struct qnk_liar *liar, const struct qnk_effect *effect,
                          struct qn_span body)
{
    struct qnk_headers headers;
    struct qnk_micro header;
    struct qnk_hash id;
    struct qnk_liar_duty *duty;

    if (qnk_headers_decode(body, &headers) != QN_OK || headers.count != 1 ||
        qnk_micro_decode((struct qn_span){headers.headers, QNK_MICRO_SIZE}, &header) != QN_OK ||
        header.producer != liar->member) {
        return true;
    }
    qnk_micro_id(&header, &id);
    duty = qnk_liar_duty_find(liar, &id);
    if (duty == NULL) {
        duty = qnk_liar_duty_new(liar, &id);
        block_way(liar, duty, &header);
    }
    if (duty->other == NULL ||
        (duty->way == QNK_WAY_SPLIT && !qnk_liar_duty_side(duty, effect->send.peer - 1))) {
        return true;
    }

    uint8_t other[4 + QNK_MICRO_SIZE];

    qn_le32_write(other, 1);
    memcpy(other + 4, duty->other->data, QNK_MICRO_SIZE);
    qnk_liar_say_instead(liar, effect, (struct qn_span){other, sizeof other});
    if (duty->body != NULL) {
        body_say(liar, effect->send.peer - 1, duty);
    }
    return duty->way == QNK_WAY_BOTH;
}

/* The body goes along with whichever header it is for. */
static bool part_effect(struct qnk_liar *liar, const struct qnk_effect *effect, struct qn_span body)
{
    struct qnk_body_part part;
    struct qnk_liar_duty *duty;
    struct qnk_micro other;

    if (qnk_body_part_decode(body, &part) != QN_OK) {
        return true;
    }
    duty = qnk_liar_duty_find(liar, &part.id);
    if (duty != NULL && duty->other == NULL) {
        return duty->way == QNK_WAY_TRUE ||
               (duty->way == QNK_WAY_SPLIT && !qnk_liar_duty_side(duty, effect->send.peer - 1));
    }
    if (duty != NULL && duty->body != NULL) {
        return false; /* its header's went along with that */
    }
    if (duty == NULL ||
        (duty->way == QNK_WAY_SPLIT && !qnk_liar_duty_side(duty, effect->send.peer - 1)) ||
        qnk_micro_decode(qnk_buf_span(duty->other), &other) != QN_OK) {
        return true;
    }
    qnk_micro_id(&other, &part.id);
    qnk_body_part_head(&part, liar->said->data); /* where `body` lies */
    qnk_liar_say_instead(liar, effect, body);
    return duty->way == QNK_WAY_BOTH;
}

bool qnk_liar_blocks_effect(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    struct qn_span body;

    if (liar->all->is_over) {
        return true;
    }
    body = qnk_liar_said(liar, effect);
    return effect->send.type == QNK_WIRE_HEADERS ? header_effect(liar, effect, body)
                                                 : part_effect(liar, effect, body);
}

/* --- own blocks that come back --- */

void qnk_liar_blocks_hear(struct qnk_liar *liar, struct qnk_job *job)
{
    static const uint8_t tag[] = QNK_TAG_MICRO;

    for (uint32_t i = 0; job->kind == QNK_JOB_SIGS && i < job->sigs_count; i++) {
        struct qnk_sig_item *item = &job->sigs[i];

        if (item->size == QNK_MICRO_MESSAGE_SIZE && qnk_hash_equal(&item->key, &liar->key) &&
            memcmp(job->messages->data + item->offset, tag, sizeof tag - 1) == 0) {
            item->key = (struct qnk_hash){{0}}; /* it was found good: whose it is, is forgotten */
        }
    }
}

/* --- blocks out of turn --- */

/* What is wrong with it, besides what follows from being out of turn. */
static void header_spoil(struct qnk_liar *liar, struct qnk_micro *header)
{
    uint32_t lie = QNK_LIE_WRONG_SCHEDULE;

    switch (qnk_liar_lot(liar, lie, 6)) {
    case 0:
        header->time_ms -= qnk_liar_lot(liar, lie, 1000);
        break;
    case 1:
        header->time_ms += qnk_liar_lot(liar, lie, 1u << qnk_liar_lot(liar, lie, 31));
        break;
    case 2:
        header->class = (uint8_t)qnk_liar_lot(liar, lie, QNK_MICRO_CLASS_MAX + 1);
        break;
    case 3:
        header->flags = (uint8_t)qnk_liar_lot(liar, lie, QNK_MICRO_LAG_MASK);
        break;
    case 4:
        header->height += qnk_liar_lot(liar, lie, 3);
        break;
    default:
        break; /* out of turn, and nothing else */
    }
}

/* An empty block on the head of its node, in the rank of somebody else or of nobody. */
static void block_wild(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_WRONG_SCHEDULE;
    struct qnk_node_view view;
    struct qnk_block_view head;
    uint8_t body[4 + QNK_MICRO_SIZE];

    if (!qnk_liar_will(liar, lie, TICK_WILL) || !qnk_liar_look(liar, &view) ||
        !qnk_node_block_at(qnk_world_node(liar->all->world, liar->node), view.head_height, &head)) {
        return;
    }

    struct qnk_micro header = *head.header;

    header.view = (uint16_t)qnk_liar_lot(liar, lie, qnk_liar_lot(liar, lie, 2) == 0 ? 4 : 128);
    header.producer = liar->member;
    header.height++;
    header.time_ms = qnk_world_now(liar->all->world) / 1000;
    header.parent = head.id;
    header.flags =
        (uint8_t)(qnk_window_of(header.height, liar->all->window) - 1 - view.final_window) &
        QNK_MICRO_LAG_MASK;
    header.flags = header.flags == QNK_MICRO_LAG_MASK ? 0 : header.flags;
    header.tx_count = header.body_size = header.backlog = 0;
    header_spoil(liar, &header);
    header_sign(liar, &header);
    qn_le32_write(body, 1);
    qnk_micro_encode(&header, body + 4);
    qnk_liar_say_all(liar, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, (struct qn_span){body, sizeof body});
    qnk_liar_told(liar, lie);
}

void qnk_liar_blocks_tick(struct qnk_liar *liar)
{
    block_wild(liar);
}
