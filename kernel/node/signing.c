/* SPDX-License-Identifier: MIT */

/* signing.c: whether this node's validator key may sign at all, and what is on its way to the host
 * to be signed: its guard records are durable before the signature leaves. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

/* After `key resume`: two windows that opened later must be final. */
enum { RESUME_WINDOWS = 4 };

/* --- may this node sign? --- */

/* Said once for each reason, not once for each try. */
static bool refuse_signing(struct qnk_node *node, uint32_t level, const char *why)
{
    if (node->not_signing != why && node->setup.has_validator) {
        qnk_note(node, level, "not-signing", "%s", why);
    }
    node->not_signing = why;
    return false;
}

/* What members, this node apart, have said of where they stand. Who is a member is proven
 * (session.h), and what strangers say counts for nothing. */
struct heard {
    uint64_t weight;  /* of all of them together */
    uint64_t highest; /* the last window that is final for any, or here */
};

static struct heard members_hear(const struct qnk_node *node, const struct qnk_set *set,
                                 uint32_t self)
{
    struct heard heard = {.highest = node->final_window};
    uint8_t members[(QNK_SET_MEMBERS_MAX + 7) / 8] = {0};

    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];
        uint32_t member = peer->id != 0 && peer->has_status ? qnk_set_find(set, &peer->validator)
                                                            : QNK_SET_NOBODY;

        if (member == QNK_SET_NOBODY) {
            continue;
        }
        if (member != self) { /* a twin is no witness */
            qnk_bit_set(members, member);
        }
        if (peer->status.final_window > heard.highest) {
            heard.highest = peer->status.final_window;
        }
    }
    heard.weight = qnk_set_weight(set, members);
    return heard;
}

static uint64_t weight_of(const struct qnk_set *set, uint32_t member)
{
    return member == QNK_SET_NOBODY ? 0 : set->members[member].weight;
}

/* The log begins here, before anything is signed: a restart must not find a lost or damaged one. */
static void log_begin(struct qnk_node *node)
{
    struct qn_buf *records = qnk_guard_records(node->guard);

    node->signing = QNK_SIGNING_RESTORED;
    if (records != NULL) {
        qnk_effects_push(node->out, QNK_EFFECT_GUARD_TRIM)->trim.records = records;
    }
}

/* A key without a record may sign only where the network has not begun either: so say members that
 * are a quorum with this one. Others would be a better one, but then four could only begin if all
 * are there (docs/ASSURANCE.md, "What is not covered"). A member that lies can keep it from that
 * for as long as it is connected. To ignore a claim that was not shown in time would let a key
 * whose record was lost sign twice, behind nothing worse than slow peers. */
static bool may_sign_fresh(struct qnk_node *node)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);
    uint32_t self = qnk_set_find(set, &node->setup.validator);
    struct heard heard = members_hear(node, set, self);

    if (heard.highest > 0) {
        return refuse_signing(node, QNK_LOG_WARN,
                              "this key has no sign record here and the network is past "
                              "genesis: copy the record, or see `qnet key resume`");
    }
    if (heard.weight + weight_of(set, self) < qnk_set_quorum(set)) {
        return refuse_signing(node, QNK_LOG_INFO,
                              "waiting for peers of a quorum to say that the network is "
                              "at genesis");
    }
    log_begin(node);
    return true;
}

static bool may_sign_resumed(struct qnk_node *node)
{
    if (node->resume_window == UINT64_MAX || node->final_window + 1 < node->resume_window) {
        return refuse_signing(node, QNK_LOG_INFO,
                              "resumed without a record: waiting until two windows that "
                              "opened after the start are final");
    }
    log_begin(node); /* what the lost record held is final by now */
    return true;
}

bool qnk_may_sign(struct qnk_node *node)
{
    bool may = false;

    if (!node->setup.has_validator || node->setup.type != QNK_NODE_SUPER) {
        return refuse_signing(node, QNK_LOG_INFO, "not a validator");
    }
    if (node->is_on_hold) {
        return refuse_signing(node, QNK_LOG_INFO, "on hold");
    }
    if (node->is_guard_bad && node->signing == QNK_SIGNING_RESTORED) {
        return refuse_signing(node, QNK_LOG_WARN,
                              "the sign record is damaged: restore it, or see "
                              "`qnet key resume`");
    }
    switch ((enum qnk_signing)node->signing) {
    case QNK_SIGNING_NONE:
        return false; /* not_signing says why */
    case QNK_SIGNING_FRESH:
        may = may_sign_fresh(node);
        break;
    case QNK_SIGNING_LOST:
        return refuse_signing(node, QNK_LOG_WARN,
                              "this key has signed in this network and has no sign record here: "
                              "copy the record, or see `qnet key resume`");
    case QNK_SIGNING_RESTORED:
        may = true;
        break;
    case QNK_SIGNING_RESUME:
        may = may_sign_resumed(node);
        break;
    }
    if (may) {
        node->not_signing = "";
    }
    return may;
}

void qnk_signing_end(struct qnk_node *node, const char *why)
{
    node->signing = QNK_SIGNING_NONE;
    node->not_signing = why;
}

/* Who says it again does not wait from anew, and who signs has nothing to resume. */
void qnk_signing_resume(struct qnk_node *node)
{
    bool is_fine = node->signing == QNK_SIGNING_RESUME || node->signing == QNK_SIGNING_RESTORED;

    if (is_fine && !node->is_guard_bad) {
        return;
    }
    node->signing = QNK_SIGNING_RESUME;
    node->is_guard_bad = false;
    node->resume_window = UINT64_MAX;
    qnk_note(node, QNK_LOG_WARN, "key-resume",
             "signing resumes without a complete record after "
             "two windows that open from now on are final");
}

/* The windows that count from are not known before the network has said where it is: a node that
 * has only heard of others behind would sign again what its lost record held. It takes a quorum of
 * others, or all where they are none: one of them is honest and had part in whatever this key
 * helped to make final. */
static void resume_look(struct qnk_node *node)
{
    const struct qnk_set *set;
    struct heard heard;
    uint64_t others, quorum;
    uint32_t self;

    if (node->signing != QNK_SIGNING_RESUME || node->resume_window != UINT64_MAX ||
        !node->setup.has_validator || node->certificate != NULL) {
        return;
    }
    set = qnk_schedule_set(node->schedule, node->final_window + 1);
    self = qnk_set_find(set, &node->setup.validator);
    heard = members_hear(node, set, self);
    others = set->total - weight_of(set, self);
    quorum = qnk_set_quorum(set);
    if (heard.weight >= (others < quorum ? others : quorum) &&
        heard.highest <= node->final_window + 1) {
        node->resume_window = node->final_window + RESUME_WINDOWS;
    }
}

void qnk_signing_look(struct qnk_node *node)
{
    if (!node->is_started) {
        return;
    }
    resume_look(node);
    if (node->instance == QNK_INSTANCE_NONE) {
        qnk_instance_open(node);
    }
    qnk_votes_owed_look(node);
}

void qnk_key_abused(struct qnk_node *node, uint64_t window)
{
    /* What was signed before a record was lost or damaged is no news to a node without it. */
    if (node->signing == QNK_SIGNING_NONE || node->signing == QNK_SIGNING_LOST ||
        node->is_guard_bad ||
        (node->signing == QNK_SIGNING_RESUME && window < node->resume_window)) {
        return;
    }
    qnk_note(node, QNK_LOG_ERROR, "key-abused",
             "something was signed with this node's validator key that this node did not sign");
    qnk_signing_end(node,
                    "another machine signs with this key, or this sign record is old: stop the "
                    "other one, then see `qnet key resume`");
}

/* --- handing records to the host --- */

static struct qnk_signing_slot *slot_free(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        if (node->signs[i].token == 0) {
            return &node->signs[i];
        }
    }
    return NULL;
}

struct qnk_sign *qnk_sign_new(struct qnk_node *node)
{
    struct qnk_sign *sign =
        slot_free(node) == NULL ? NULL : qnk_memory_take(&node->budget, sizeof *sign);

    if (sign != NULL) {
        sign->budget = &node->budget;
    }
    return sign;
}

void qnk_sign_start(struct qnk_node *node, struct qnk_sign *sign, uint32_t purpose,
                    const struct qnk_signing_vote *vote, struct qn_buf *records,
                    const uint8_t *message, uint32_t message_size)
{
    struct qnk_signing_slot *slot = slot_free(node);

    QN_ASSERT(slot != NULL && message_size <= QNK_SIGN_MESSAGE_MAX);
    sign->token = qnk_token(node);
    sign->records = records;
    sign->message_size = message_size;
    if (message_size > 0) {
        memcpy(sign->message, message, message_size);
    }
    *slot = (struct qnk_signing_slot){.token = sign->token, .purpose = purpose};
    if (vote != NULL) {
        slot->vote = *vote;
    }
    qnk_effects_push(node->out, QNK_EFFECT_SIGN)->sign = sign;
}

static bool has_room_for_tx(const struct qnk_node *node)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        count += node->signs[i].token != 0 && node->signs[i].purpose == QNK_SIGN_TX;
    }
    return count < QNK_SIGN_TXS_MAX;
}

bool qnk_sign_tx(struct qnk_node *node, struct qn_buf *tx)
{
    struct qnk_sign *sign = has_room_for_tx(node) ? qnk_sign_new(node) : NULL;
    struct qnk_signing_slot *slot = slot_free(node);
    struct qnk_tx view;
    int32_t status = qnk_tx_decode(qnk_buf_span(tx), &view);

    QN_ASSERT(status == QN_OK);
    if (sign == NULL) {
        return false;
    }
    sign->long_message = qnk_buf_new(&node->budget, QNK_TX_MESSAGE_MAX);
    if (sign->long_message == NULL) {
        qnk_sign_destroy(sign);
        return false;
    }
    sign->long_size = qnk_tx_message(&view, &node->setup.params.chain_id, sign->long_message->data);
    qnk_sign_start(node, sign, QNK_SIGN_TX, NULL, NULL, NULL, 0);
    slot->tx = tx;
    return true;
}

void qnk_sign_slot_give(struct qnk_signing_slot *slot)
{
    qnk_buf_unref(slot->vote.tail);
    qnk_buf_unref(slot->tx);
    *slot = (struct qnk_signing_slot){0};
}
