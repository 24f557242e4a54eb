/* SPDX-License-Identifier: MIT */

/* liar_certificates.c: certificates that are old, and certificates that are none. */

#include <qnet/assert.h>

#include "kernel/sim/liar_own.h"

enum { TICK_WILL = 100 }; /* permille of ticks, for each kind */

void qnk_liar_certificate_keep(struct qnk_liar *liar, struct qn_span body)
{
    const struct qn_buf *last =
        liar->certificates[(liar->certificates_next + QNK_LIAR_KEPT - 1) % QNK_LIAR_KEPT];
    struct qn_buf **place = &liar->certificates[liar->certificates_next % QNK_LIAR_KEPT];

    if (last != NULL && last->size == body.size && memcmp(last->data, body.data, body.size) == 0) {
        return;
    }
    qnk_buf_unref(*place);
    *place = qnk_buf_copy(liar->all->budget, body);
    QN_ASSERT(*place != NULL);
    liar->certificates_next++;
}

/* One of those that are kept; false: it is none, or there is none. */
static bool kept_take(struct qnk_liar *liar, uint32_t lie, struct qnk_certified *certified,
                      struct qnk_certificate *cert)
{
    const struct qn_buf *kept = liar->certificates[qnk_liar_lot(liar, lie, QNK_LIAR_KEPT)];

    return kept != NULL && qnk_certified_decode(qnk_buf_span(kept), certified) == QN_OK &&
           qnk_certificate_decode(certified->certificate, cert) == QN_OK;
}

static void certified_spread(struct qnk_liar *liar, uint32_t lie,
                             const struct qnk_certified *certified)
{
    struct qn_buf *body = qnk_buf_new(liar->all->budget, qnk_certified_size(certified));

    QN_ASSERT(body != NULL);
    qnk_certified_encode(certified, body->data);
    if (qnk_liar_lot(liar, lie, 2) == 0) {
        qnk_liar_say_all(liar, QNK_LANE_CONSENSUS, QNK_WIRE_CERTIFICATE, qnk_buf_span(body));
    } else {
        qnk_liar_say(liar, qnk_liar_somebody(liar, lie), QNK_LANE_CONSENSUS, QNK_WIRE_CERTIFICATE,
                     qnk_buf_span(body));
    }
    qnk_buf_unref(body);
    qnk_liar_told(liar, lie);
}

/* As it was, or under the header that came with another one. */
static void stale(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_STALE_CERTIFICATE;
    struct qnk_certified certified, other;
    struct qnk_certificate cert;

    if (!qnk_liar_will(liar, lie, TICK_WILL) || !kept_take(liar, lie, &certified, &cert)) {
        return;
    }
    if (qnk_liar_lot(liar, lie, 3) == 0 && kept_take(liar, lie, &other, &cert)) {
        certified.header = other.header;
    }
    certified_spread(liar, lie, &certified);
}

/* A header of the open window with a state of its own, as what a forged certificate is for. */
static void header_forge(struct qnk_liar *liar, struct qnk_certified *certified,
                         uint8_t header[QNK_MACRO_SIZE], struct qnk_hash *digest)
{
    uint32_t lie = QNK_LIE_FORGED_CERTIFICATE;
    struct qnk_node_view view;
    struct qnk_macro macro;

    *digest = qnk_liar_hash(liar, lie);
    if (certified->header.size != QNK_MACRO_SIZE || !qnk_liar_look(liar, &view) ||
        qnk_macro_decode(certified->header, &macro) != QN_OK) {
        return;
    }
    macro.window = view.final_window + 1;
    macro.height = qnk_window_last(macro.window, liar->all->window);
    macro.previous = view.final;
    macro.state = qnk_liar_hash(liar, lie);
    qnk_macro_encode(&macro, header);
    qnk_macro_digest(&macro, digest);
    certified->header = (struct qn_span){header, QNK_MACRO_SIZE};
}

/* All members' signatures, each made with the own key. */
static struct qn_buf *certificate_sign(struct qnk_liar *liar, struct qnk_vote like)
{
    const struct qnk_set *set = liar->all->set;
    uint64_t list_size = set->count * sizeof(void *);
    struct qnk_vote *votes = qnk_memory_take(liar->all->budget, set->count * sizeof *votes);
    const struct qnk_vote **list = qnk_memory_take(liar->all->budget, list_size);
    struct qn_buf *bytes = qnk_buf_new(
        liar->all->budget, qnk_certificate_size(QNK_CERTIFICATE_PLAIN, set->count, set->count));
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    QN_ASSERT(votes != NULL && list != NULL && bytes != NULL);
    qnk_vote_message(&like, &liar->all->chain_id, message);
    qnk_liar_sign(liar, (struct qn_span){message, sizeof message}, like.signature);
    for (uint32_t i = 0; i < set->count; i++) {
        votes[i] = like;
        votes[i].member = i;
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, set->count, set->count, bytes->data);
    qnk_memory_give(liar->all->budget, (void *)(uintptr_t)list, list_size);
    qnk_memory_give(liar->all->budget, votes, set->count * sizeof *votes);
    return bytes;
}

/* For the open window and a digest that nobody voted for. */
static void forge_whole(struct qnk_liar *liar, struct qnk_certified certified)
{
    uint32_t lie = QNK_LIE_FORGED_CERTIFICATE;
    uint8_t header[QNK_MACRO_SIZE];
    struct qnk_node_view view;
    struct qn_buf *bytes;

    if (!qnk_liar_look(liar, &view)) {
        return;
    }

    struct qnk_vote like = {
        .step = QNK_STEP_FINAL,
        .window = view.final_window + 1,
        .round = (uint32_t)qnk_liar_lot(liar, lie, 3),
        .vr = -1,
    };

    qnk_liar_bind(liar, &like);

    if (qnk_liar_lot(liar, lie, 2) == 0) {
        header_forge(liar, &certified, header, &like.digest);
    } else {
        like.digest = liar->digests[qnk_liar_lot(liar, lie, QNK_LIAR_KEPT)];
        like.digest = qnk_hash_is_zero(&like.digest) ? qnk_liar_hash(liar, lie) : like.digest;
        like.step = QNK_STEP_PREPARE;
        like.round++; /* of the plain form */
    }
    bytes = certificate_sign(liar, like);
    certified.certificate = qnk_buf_span(bytes);
    certified_spread(liar, lie, &certified);
    qnk_buf_unref(bytes);
}

/* A good one with one thing changed. Offsets as in finality.md 5.2. */
static void forge_part(struct qnk_liar *liar, struct qnk_certified certified,
                       const struct qnk_certificate *cert)
{
    uint32_t lie = QNK_LIE_FORGED_CERTIFICATE;
    struct qn_buf *copy = qnk_buf_copy(liar->all->budget, certified.certificate);
    uint64_t items = copy == NULL ? 0 : copy->size - cert->items.size;
    uint64_t item = cert->form == QNK_CERTIFICATE_BLINDS ? QN_HASH_SIZE + QN_SIG_SIZE : QN_SIG_SIZE;
    struct qn_span bytes;

    QN_ASSERT(copy != NULL);
    bytes = qnk_buf_span(copy);
    switch (qnk_liar_lot(liar, lie, 6)) {
    case 0: /* one signer less than a quorum, if it is one of just a quorum */
        for (uint32_t i = 0; i < cert->members; i++) {
            if (qnk_bit(cert->bitmap, i)) {
                copy->data[QNK_CERTIFICATE_HEAD_SIZE + i / 8] ^= (uint8_t)(1u << i % 8);
                memmove(copy->data + items, copy->data + items + item, copy->size - items - item);
                bytes.size -= item;
                break;
            }
        }
        break;
    case 1: /* one signature twice */
        memcpy(copy->data + items, copy->data + copy->size - item, item);
        break;
    case 2: /* the next window */
        qn_le64_write(copy->data + 8, cert->window + 1);
        break;
    case 3: /* another round */
        qn_le32_write(copy->data + 16, cert->round + 1);
        break;
    case 4: /* another digest */
        copy->data[64] ^= 1;
        break;
    default: /* any bit */
        copy->data[qnk_liar_lot(liar, lie, copy->size)] ^=
            (uint8_t)(1u << qnk_liar_lot(liar, lie, 8));
        break;
    }
    certified.certificate = bytes;
    certified_spread(liar, lie, &certified);
    qnk_buf_unref(copy);
}

void qnk_liar_certificates_tick(struct qnk_liar *liar)
{
    uint32_t lie = QNK_LIE_FORGED_CERTIFICATE;
    struct qnk_certified certified;
    struct qnk_certificate cert;

    stale(liar);
    if (qnk_liar_will(liar, lie, TICK_WILL) && kept_take(liar, lie, &certified, &cert)) {
        if (qnk_liar_lot(liar, lie, 2) == 0) {
            forge_whole(liar, certified);
        } else {
            forge_part(liar, certified, &cert);
        }
    }
}

void qnk_liar_certificates_done(struct qnk_liar *liar)
{
    for (uint32_t i = 0; i < QNK_LIAR_KEPT; i++) {
        qnk_buf_unref(liar->certificates[i]);
    }
}
