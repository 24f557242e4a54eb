/* SPDX-License-Identifier: MIT */

#include "kernel/chain/certificate.h"

#include "kernel/base/bytes.h"

enum { FORMAT = 1, LANE = 0 };

/* Only prepares of round 0 sign a blind, so the form follows from the place. */
static uint8_t form_of(uint16_t step, uint32_t round)
{
    return step == QNK_STEP_PREPARE && round == 0 ? QNK_CERTIFICATE_BLINDS : QNK_CERTIFICATE_PLAIN;
}

static uint64_t item_size(uint8_t form)
{
    return form == QNK_CERTIFICATE_BLINDS ? QN_HASH_SIZE + QN_SIG_SIZE : QN_SIG_SIZE;
}

static uint64_t bitmap_size(uint32_t members)
{
    return ((uint64_t)members + 7) / 8;
}

uint64_t qnk_certificate_size(uint8_t form, uint32_t members, uint32_t signers)
{
    return QNK_CERTIFICATE_HEAD_SIZE + bitmap_size(members) + signers * item_size(form);
}

/* How many bits below `end` are set. */
static uint32_t count_bits(const uint8_t *bitmap, uint32_t end)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < end; i++) {
        count += qnk_bit(bitmap, i);
    }
    return count;
}

static bool head_fits(const struct qnk_certificate *cert)
{
    if (cert->lane != LANE || cert->members == 0 || cert->members > QNK_SET_MEMBERS_MAX ||
        cert->form != form_of(cert->step, cert->round) || qnk_hash_is_zero(&cert->digest)) {
        return false;
    }
    return cert->vr == -1 || (cert->vr >= 0 && (uint32_t)cert->vr < cert->round);
}

/* Spare bits of the bitmap's last byte are 0. */
static bool is_bitmap_clean(const uint8_t *bitmap, uint32_t members)
{
    return members % 8 == 0 || bitmap[members / 8] >> members % 8 == 0;
}

int32_t qnk_certificate_decode(struct qn_span from, struct qnk_certificate *cert)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_certificate read = {.bytes = from};
    uint8_t version = qnk_reader_u8(&in);

    read.form = qnk_reader_u8(&in);
    read.step = qnk_reader_u16(&in);
    read.era = qnk_reader_u32(&in);
    read.window = qnk_reader_u64(&in);
    read.round = qnk_reader_u32(&in);
    read.vr = (int32_t)qnk_reader_u32(&in);
    read.members = qnk_reader_u32(&in);
    read.lane = qnk_reader_u8(&in);

    uint32_t reserved = qnk_reader_u8(&in);

    reserved |= qnk_reader_u16(&in);
    qnk_reader_copy(&in, read.binding.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&in, read.digest.bytes, QN_HASH_SIZE);
    if (in.failed || version != FORMAT || reserved != 0 || !head_fits(&read)) {
        return QN_INVALID;
    }
    read.bitmap = qnk_reader_bytes(&in, bitmap_size(read.members));
    if (read.bitmap == NULL || !is_bitmap_clean(read.bitmap, read.members) ||
        in.left != count_bits(read.bitmap, read.members) * item_size(read.form)) {
        return QN_INVALID;
    }
    read.items = (struct qn_span){in.at, in.left};
    *cert = read;
    return QN_OK;
}

int32_t qnk_certificate_check(const struct qnk_certificate *cert, const struct qnk_set *set,
                              const struct qnk_hash *binding)
{
    bool is_known_step =
        cert->step == QNK_STEP_PREPARE || (cert->step == QNK_STEP_FINAL && cert->vr == -1);

    if (!is_known_step || cert->members != set->count || !qnk_hash_equal(&cert->binding, binding)) {
        return QN_INVALID;
    }
    return qnk_set_weight(set, cert->bitmap) >= qnk_set_quorum(set) ? QN_OK : QN_INVALID;
}

void qnk_certificate_vote(const struct qnk_certificate *cert, uint32_t member,
                          struct qnk_vote *vote)
{
    QN_ASSERT(member < cert->members && qnk_bit(cert->bitmap, member));

    const uint8_t *item =
        cert->items.data + count_bits(cert->bitmap, member) * item_size(cert->form);

    *vote = (struct qnk_vote){
        .lane = cert->lane,
        .step = cert->step,
        .era = cert->era,
        .window = cert->window,
        .round = cert->round,
        .vr = cert->vr,
        .member = member,
        .binding = cert->binding,
        .digest = cert->digest,
    };
    if (cert->form == QNK_CERTIFICATE_BLINDS) {
        memcpy(vote->open.bytes, item, QN_HASH_SIZE);
        item += QN_HASH_SIZE;
    }
    memcpy(vote->signature, item, QN_SIG_SIZE);
}

void qnk_certificate_encode(const struct qnk_vote *const *votes, uint32_t count, uint32_t members,
                            uint8_t *to)
{
    QN_ASSERT(count > 0 && count <= members && members <= QNK_SET_MEMBERS_MAX);

    const struct qnk_vote *first = votes[0];
    uint8_t form = form_of(first->step, first->round);
    struct qnk_writer out = qnk_writer_init(to, qnk_certificate_size(form, members, count));

    qnk_writer_u8(&out, FORMAT);
    qnk_writer_u8(&out, form);
    qnk_writer_u16(&out, first->step);
    qnk_writer_u32(&out, first->era);
    qnk_writer_u64(&out, first->window);
    qnk_writer_u32(&out, first->round);
    qnk_writer_u32(&out, (uint32_t)first->vr);
    qnk_writer_u32(&out, members);
    qnk_writer_u8(&out, first->lane);
    qnk_writer_zeros(&out, 3);
    qnk_writer_bytes(&out, first->binding.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, first->digest.bytes, QN_HASH_SIZE);

    uint8_t *bitmap = qnk_writer_take(&out, bitmap_size(members));

    memset(bitmap, 0, bitmap_size(members));
    for (uint32_t i = 0; i < count; i++) {
        QN_ASSERT(votes[i]->member < members);
        QN_ASSERT(i == 0 || votes[i]->member > votes[i - 1]->member);
        QN_ASSERT(qnk_hash_equal(&votes[i]->digest, &first->digest) && votes[i]->vr == first->vr);
        qnk_bit_set(bitmap, votes[i]->member);
        if (form == QNK_CERTIFICATE_BLINDS) {
            qnk_writer_bytes(&out, votes[i]->open.bytes, QN_HASH_SIZE);
        }
        qnk_writer_bytes(&out, votes[i]->signature, QN_SIG_SIZE);
    }
    QN_ASSERT(out.room == 0);
}
