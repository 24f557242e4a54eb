/* SPDX-License-Identifier: MIT */

#include "kernel/chain/abandon.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/tags.h"

enum { FORMAT = 1, LANE = 0 };

/* --- where a member stood --- */

int32_t qnk_standing_decode(struct qn_span from, struct qnk_standing *standing)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_standing read;

    read.lock_round = (int32_t)qnk_reader_u32(&in);
    qnk_reader_copy(&in, read.lock.bytes, QN_HASH_SIZE);
    read.round = qnk_reader_u32(&in);
    if (!qnk_reader_done(&in) || read.lock_round < -1 ||
        (read.lock_round >= 0 && (uint32_t)read.lock_round > read.round) ||
        (read.lock_round < 0) != qnk_hash_is_zero(&read.lock)) {
        return QN_INVALID;
    }
    *standing = read;
    return QN_OK;
}

void qnk_standing_encode(const struct qnk_standing *standing, uint8_t to[QNK_STANDING_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_STANDING_SIZE);

    qnk_writer_u32(&out, (uint32_t)standing->lock_round);
    qnk_writer_bytes(&out, standing->lock.bytes, QN_HASH_SIZE);
    qnk_writer_u32(&out, standing->round);
    QN_ASSERT(out.room == 0);
}

void qnk_standing_digest(const uint8_t bytes[QNK_STANDING_SIZE], struct qnk_hash *digest)
{
    qnk_hash_tagged(QNK_TAG_ABANDON, bytes, QNK_STANDING_SIZE, digest);
}

int32_t qnk_standing_of(const struct qnk_vote *vote, struct qnk_standing *standing)
{
    struct qnk_standing read;
    struct qnk_hash digest;

    if (vote->step != QNK_STEP_ABANDON || qnk_standing_decode(vote->tail, &read) != QN_OK) {
        return QN_INVALID;
    }
    qnk_standing_digest(vote->tail.data, &digest);
    if (!qnk_hash_equal(&digest, &vote->digest)) {
        return QN_INVALID;
    }
    *standing = read;
    return QN_OK;
}

/* --- certificates --- */

static void item_read(struct qnk_reader *in, uint32_t *member, struct qn_span *standing,
                      const uint8_t **signature)
{
    *member = qnk_reader_u32(in);
    *standing = qnk_reader_span(in, QNK_STANDING_SIZE);
    *signature = qnk_reader_bytes(in, QN_SIG_SIZE);
}

/* Members ascend, and what each says can be said; the highest lock. */
static bool items_fit(struct qn_span items, struct qnk_standing *highest)
{
    struct qnk_reader in = qnk_reader_init(items);
    uint32_t last = 0;

    *highest = (struct qnk_standing){.lock_round = -1};
    for (bool is_first = true; in.left > 0; is_first = false) {
        struct qnk_standing said;
        struct qn_span bytes;
        const uint8_t *signature;
        uint32_t member;

        item_read(&in, &member, &bytes, &signature);
        if (in.failed || qnk_standing_decode(bytes, &said) != QN_OK ||
            member >= QNK_SET_MEMBERS_MAX || (!is_first && member <= last)) {
            return false;
        }
        last = member;
        if (said.lock_round > highest->lock_round) {
            highest->lock_round = said.lock_round;
            highest->lock = said.lock;
        }
    }
    return true;
}

/* Who is locked in the highest round is locked on the one digest that was prepared there. */
static bool locks_agree(struct qn_span items, const struct qnk_standing *highest)
{
    struct qnk_reader in = qnk_reader_init(items);

    while (in.left > 0) {
        struct qnk_standing said;
        struct qn_span bytes;
        const uint8_t *signature;
        uint32_t member;

        item_read(&in, &member, &bytes, &signature);

        int32_t status = qnk_standing_decode(bytes, &said);

        QN_ASSERT(status == QN_OK);
        if (said.lock_round == highest->lock_round && !qnk_hash_equal(&said.lock, &highest->lock)) {
            return false;
        }
    }
    return true;
}

static bool prepared_fits(const struct qnk_abandon *abandon)
{
    const struct qnk_standing *highest = &abandon->highest;
    struct qnk_certificate cert;

    if (highest->lock_round < 0) {
        return abandon->prepared.size == 0;
    }
    return qnk_certificate_decode(abandon->prepared, &cert) == QN_OK &&
           cert.step == QNK_STEP_PREPARE && cert.lane == abandon->lane &&
           cert.era == abandon->era && cert.window == abandon->window &&
           cert.round == (uint32_t)highest->lock_round &&
           qnk_hash_equal(&cert.binding, &abandon->binding) &&
           qnk_hash_equal(&cert.digest, &highest->lock);
}

int32_t qnk_abandon_decode(struct qn_span from, struct qnk_abandon *abandon)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_abandon read = {.bytes = from};
    uint8_t version = qnk_reader_u8(&in);

    read.lane = qnk_reader_u8(&in);

    uint16_t reserved = qnk_reader_u16(&in);

    read.era = qnk_reader_u32(&in);
    read.window = qnk_reader_u64(&in);
    read.count = qnk_reader_u32(&in);

    uint32_t prepared_size = qnk_reader_u32(&in);

    qnk_reader_copy(&in, read.binding.bytes, QN_HASH_SIZE);
    if (in.failed || version != FORMAT || read.lane != LANE || reserved != 0 || read.count == 0 ||
        read.count > QNK_SET_MEMBERS_MAX) {
        return QN_INVALID;
    }
    read.items = qnk_reader_span(&in, (uint64_t)read.count * QNK_ABANDON_ITEM_SIZE);
    read.prepared = qnk_reader_span(&in, prepared_size);
    if (!qnk_reader_done(&in) || !items_fit(read.items, &read.highest) ||
        !locks_agree(read.items, &read.highest) || !prepared_fits(&read)) {
        return QN_INVALID;
    }
    *abandon = read;
    return QN_OK;
}

int32_t qnk_abandon_check(const struct qnk_abandon *abandon, const struct qnk_set *set,
                          const struct qnk_hash *binding)
{
    struct qnk_reader in = qnk_reader_init(abandon->items);
    struct qnk_certificate cert;
    uint64_t weight = 0;

    if (!qnk_hash_equal(&abandon->binding, binding)) {
        return QN_INVALID;
    }
    while (in.left > 0) {
        struct qn_span standing;
        const uint8_t *signature;
        uint32_t member;

        item_read(&in, &member, &standing, &signature);
        if (member >= set->count) {
            return QN_INVALID;
        }
        weight += set->members[member].weight;
    }
    if (weight < qnk_set_quorum(set)) {
        return QN_INVALID;
    }
    if (abandon->prepared.size == 0) {
        return QN_OK;
    }

    int32_t status = qnk_certificate_decode(abandon->prepared, &cert);

    QN_ASSERT(status == QN_OK);
    return qnk_certificate_check(&cert, set, binding);
}

void qnk_abandon_vote(const struct qnk_abandon *abandon, uint32_t index, struct qnk_vote *vote)
{
    struct qnk_reader in = qnk_reader_init(abandon->items);
    const uint8_t *signature;

    QN_ASSERT(index < abandon->count);
    (void)qnk_reader_bytes(&in, (uint64_t)index * QNK_ABANDON_ITEM_SIZE);
    *vote = (struct qnk_vote){
        .lane = abandon->lane,
        .step = QNK_STEP_ABANDON,
        .era = abandon->era,
        .window = abandon->window,
        .vr = -1,
        .binding = abandon->binding,
    };
    item_read(&in, &vote->member, &vote->tail, &signature);
    qnk_standing_digest(vote->tail.data, &vote->digest);
    memcpy(vote->signature, signature, QN_SIG_SIZE);
}

bool qnk_abandon_permits(const struct qnk_abandon *abandon, const struct qnk_hash *digest)
{
    return abandon->highest.lock_round < 0 || qnk_hash_equal(&abandon->highest.lock, digest);
}

uint64_t qnk_abandon_size(uint32_t count, uint64_t prepared_size)
{
    return QNK_ABANDON_HEAD_SIZE + (uint64_t)count * QNK_ABANDON_ITEM_SIZE + prepared_size;
}

void qnk_abandon_encode(const struct qnk_vote *const *votes, uint32_t count,
                        struct qn_span prepared, uint8_t *to)
{
    QN_ASSERT(count > 0 && count <= QNK_SET_MEMBERS_MAX);

    const struct qnk_vote *first = votes[0];
    struct qnk_writer out = qnk_writer_init(to, qnk_abandon_size(count, prepared.size));

    qnk_writer_u8(&out, FORMAT);
    qnk_writer_u8(&out, first->lane);
    qnk_writer_u16(&out, 0);
    qnk_writer_u32(&out, first->era);
    qnk_writer_u64(&out, first->window);
    qnk_writer_u32(&out, count);
    qnk_writer_u32(&out, (uint32_t)prepared.size);
    qnk_writer_bytes(&out, first->binding.bytes, QN_HASH_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        QN_ASSERT(votes[i]->step == QNK_STEP_ABANDON);
        QN_ASSERT(votes[i]->era == first->era && votes[i]->window == first->window);
        QN_ASSERT(i == 0 || votes[i]->member > votes[i - 1]->member);
        QN_ASSERT(votes[i]->tail.size == QNK_STANDING_SIZE);
        qnk_writer_u32(&out, votes[i]->member);
        qnk_writer_bytes(&out, votes[i]->tail.data, QNK_STANDING_SIZE);
        qnk_writer_bytes(&out, votes[i]->signature, QN_SIG_SIZE);
    }
    qnk_writer_bytes(&out, prepared.data, prepared.size);
    QN_ASSERT(out.room == 0);
}
