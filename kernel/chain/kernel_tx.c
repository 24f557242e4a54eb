/* SPDX-License-Identifier: MIT */

#include "kernel/chain/kernel_tx.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/abandon.h"
#include "kernel/chain/tags.h"

_Static_assert((int)QNK_EVIDENCE_MAX >= (int)QNK_EVIDENCE_ABANDON_SIZE, "the larger");

/* --- evidence --- */

static bool is_vote_type(uint8_t type)
{
    return type >= QNK_EVIDENCE_DOUBLE_VOTE && type <= QNK_EVIDENCE_AFTER_ABANDON;
}

/* Bytes of where a member stood, behind the vote at `index`. */
static uint64_t standing_size(const struct qnk_evidence *evidence, uint32_t index)
{
    return evidence->type == QNK_EVIDENCE_AFTER_ABANDON && index == 0 ? QNK_STANDING_SIZE : 0;
}

/* A vote without its tail, which is not signed, and with the opening, which is. The wire form's
 * decoder wants the tail, so the fields are read here. */
static bool item_read(struct qnk_reader *from, struct qnk_vote *vote)
{
    bool is_known = qnk_vote_place_read(from, vote);

    vote->member = qnk_reader_u32(from);

    uint32_t tail_size = qnk_reader_u32(from);

    qnk_reader_copy(from, vote->digest.bytes, QN_HASH_SIZE);
    qnk_reader_copy(from, vote->signature, QN_SIG_SIZE);
    qnk_reader_copy(from, vote->open.bytes, QN_HASH_SIZE);
    return is_known && vote->lane == 0 && tail_size == 0;
}

int32_t qnk_evidence_decode(struct qn_span payload, struct qnk_evidence *evidence)
{
    struct qnk_reader from = qnk_reader_init(payload);
    struct qnk_evidence read = {.type = qnk_reader_u8(&from)};
    uint32_t reserved = qnk_reader_u8(&from);

    reserved |= qnk_reader_u16(&from);
    read.member = qnk_reader_u32(&from);
    read.window = qnk_reader_u64(&from);
    if (reserved != 0) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (read.type == QNK_EVIDENCE_DOUBLE_BLOCK) {
            struct qn_span header = qnk_reader_span(&from, QNK_MICRO_SIZE);

            if (from.failed || qnk_micro_decode(header, &read.blocks[i]) != QN_OK) {
                return QN_INVALID;
            }
        } else if (!is_vote_type(read.type) || !item_read(&from, &read.votes[i])) {
            return QN_INVALID;
        }
        read.votes[i].tail = qnk_reader_span(&from, standing_size(&read, i));
    }
    if (!qnk_reader_done(&from)) {
        return QN_INVALID;
    }
    *evidence = read;
    return QN_OK;
}

static void item_write(struct qnk_writer *to, const struct qnk_vote *vote)
{
    struct qnk_vote bare = *vote;

    bare.tail = (struct qn_span){NULL, 0};
    qnk_vote_encode(&bare, qnk_writer_take(to, QNK_VOTE_WIRE_SIZE));
    qnk_writer_bytes(to, vote->open.bytes, QN_HASH_SIZE);
}

static uint32_t evidence_size(uint8_t type)
{
    switch (type) {
    case QNK_EVIDENCE_DOUBLE_BLOCK:
        return QNK_EVIDENCE_BLOCKS_SIZE;
    case QNK_EVIDENCE_AFTER_ABANDON:
        return QNK_EVIDENCE_ABANDON_SIZE;
    default:
        return QNK_EVIDENCE_VOTES_SIZE;
    }
}

uint32_t qnk_evidence_encode(const struct qnk_evidence *evidence, uint8_t *to)
{
    bool are_blocks = evidence->type == QNK_EVIDENCE_DOUBLE_BLOCK;
    uint32_t size = evidence_size(evidence->type);
    struct qnk_writer out = qnk_writer_init(to, size);

    QN_ASSERT(are_blocks || is_vote_type(evidence->type));
    qnk_writer_u8(&out, evidence->type);
    qnk_writer_zeros(&out, 3);
    qnk_writer_u32(&out, evidence->member);
    qnk_writer_u64(&out, evidence->window);
    for (uint32_t i = 0; i < 2; i++) {
        if (are_blocks) {
            qnk_micro_encode(&evidence->blocks[i], qnk_writer_take(&out, QNK_MICRO_SIZE));
        } else {
            uint64_t standing = standing_size(evidence, i);

            QN_ASSERT(standing == 0 || evidence->votes[i].tail.size == standing);
            item_write(&out, &evidence->votes[i]);
            qnk_writer_bytes(&out, evidence->votes[i].tail.data, standing);
        }
    }
    QN_ASSERT(out.room == 0);
    return size;
}

/* --- what evidence proves: finality.md 5.4 --- */

static bool proves_double_block(const struct qnk_micro *a, const struct qnk_micro *b)
{
    struct qnk_hash id_a, id_b;

    qnk_micro_id(a, &id_a);
    qnk_micro_id(b, &id_b);
    return a->height == b->height && qnk_hash_equal(&a->parent, &b->parent) &&
           !qnk_hash_equal(&id_a, &id_b);
}

static bool proves_double_vote(const struct qnk_vote *a, const struct qnk_vote *b)
{
    bool is_one_record = a->vr == b->vr && qnk_hash_equal(&a->digest, &b->digest) &&
                         qnk_hash_equal(&a->open, &b->open);

    return a->round == b->round && a->step == b->step && !is_one_record;
}

/* Whether `prepare` was signed although `seal` forbade it: it is for something else, and claims no
 * quorum from the seal's round or later. */
static bool proves_lock_violation(const struct qnk_vote *seal, const struct qnk_vote *prepare)
{
    return seal->step == QNK_STEP_FINAL && prepare->step == QNK_STEP_PREPARE &&
           !qnk_hash_is_zero(&seal->digest) && !qnk_hash_is_zero(&prepare->digest) &&
           !qnk_hash_equal(&seal->digest, &prepare->digest) && prepare->round > seal->round &&
           prepare->vr < (int64_t)seal->round;
}

static bool proves_false_opening(const struct qnk_vote *commit, const struct qnk_vote *prepare)
{
    struct qnk_hash commitment;

    if (commit->step != QNK_STEP_COMMIT || prepare->step != QNK_STEP_PREPARE ||
        commit->round != 0 || prepare->round != 0 || qnk_hash_is_zero(&prepare->digest)) {
        return false;
    }
    qnk_vote_commitment(prepare, &prepare->digest, prepare->open.bytes, &commitment);
    return !qnk_hash_equal(&commitment, &commit->digest);
}

/* Whether `vote` was signed after `abandon`, which says where its member stood then: it seals above
 * the lock that is stated, or lies in a round above the highest one. */
static bool proves_after_abandon(const struct qnk_vote *abandon, const struct qnk_vote *vote)
{
    struct qnk_standing stood;
    bool is_seal = vote->step == QNK_STEP_FINAL && !qnk_hash_is_zero(&vote->digest);

    if (vote->step == QNK_STEP_ABANDON || qnk_standing_of(abandon, &stood) != QN_OK) {
        return false;
    }
    return vote->round > stood.round || (is_seal && (int64_t)vote->round > stood.lock_round);
}

/* Whether both votes are the member's, in the evidence's window and one era and lane. */
static bool are_of_one(const struct qnk_evidence *evidence)
{
    const struct qnk_vote *a = &evidence->votes[0];
    const struct qnk_vote *b = &evidence->votes[1];

    return a->member == evidence->member && b->member == evidence->member &&
           a->window == evidence->window && b->window == evidence->window && a->era == b->era &&
           a->lane == b->lane;
}

bool qnk_evidence_proves(const struct qnk_evidence *evidence)
{
    const struct qnk_vote *votes = evidence->votes;
    const struct qnk_micro *blocks = evidence->blocks;

    switch ((enum qnk_evidence_type)evidence->type) {
    case QNK_EVIDENCE_DOUBLE_BLOCK:
        return blocks[0].producer == evidence->member && blocks[1].producer == evidence->member &&
               proves_double_block(&blocks[0], &blocks[1]);
    case QNK_EVIDENCE_DOUBLE_VOTE:
        return are_of_one(evidence) && proves_double_vote(&votes[0], &votes[1]);
    case QNK_EVIDENCE_LOCK_VIOLATION:
        return are_of_one(evidence) && proves_lock_violation(&votes[0], &votes[1]);
    case QNK_EVIDENCE_FALSE_OPENING:
        return are_of_one(evidence) && proves_false_opening(&votes[0], &votes[1]);
    case QNK_EVIDENCE_AFTER_ABANDON:
        return are_of_one(evidence) && proves_after_abandon(&votes[0], &votes[1]);
    }
    return false;
}

void qnk_evidence_place(const struct qnk_evidence *evidence, struct qnk_hash *place)
{
    uint8_t bytes[4 + 1 + 8];
    struct qnk_writer out = qnk_writer_init(bytes, sizeof bytes);

    qnk_writer_u32(&out, evidence->member);
    qnk_writer_u8(&out, evidence->type);
    qnk_writer_u64(&out, evidence->window);
    QN_ASSERT(out.room == 0);
    qnk_hash_tagged(QNK_TAG_PLACE, bytes, sizeof bytes, place);
}

/* --- shares and tips --- */

int32_t qnk_share_decode(struct qn_span payload, struct qnk_share *share)
{
    struct qnk_reader from = qnk_reader_init(payload);
    struct qnk_share read;

    read.window = qnk_reader_u64(&from);
    read.member = qnk_reader_u32(&from);

    uint32_t reserved = qnk_reader_u32(&from);

    qnk_reader_copy(&from, read.link.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&from) || reserved != 0) {
        return QN_INVALID;
    }
    *share = read;
    return QN_OK;
}

void qnk_share_encode(const struct qnk_share *share, uint8_t to[QNK_SHARE_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_SHARE_SIZE);

    qnk_writer_u64(&out, share->window);
    qnk_writer_u32(&out, share->member);
    qnk_writer_u32(&out, 0);
    qnk_writer_bytes(&out, share->link.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

int32_t qnk_tip_decode(struct qn_span payload, struct qnk_tip *tip)
{
    struct qnk_reader from = qnk_reader_init(payload);
    struct qnk_tip read;

    read.window = qnk_reader_u64(&from);
    qnk_reader_copy(&from, read.tip.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&from)) {
        return QN_INVALID;
    }
    *tip = read;
    return QN_OK;
}

void qnk_tip_encode(const struct qnk_tip *tip, uint8_t to[QNK_TIP_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_TIP_SIZE);

    qnk_writer_u64(&out, tip->window);
    qnk_writer_bytes(&out, tip->tip.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}
