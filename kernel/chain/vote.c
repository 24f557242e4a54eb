/* SPDX-License-Identifier: MIT */

#include "kernel/chain/vote.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/macro.h"
#include "kernel/chain/tags.h"

enum {
    FORMAT = 1,
    LANE = 0,                                 /* the fast lane is not built */
    OPENING_SIZE = 2 * QN_HASH_SIZE,          /* blind and share */
    PLACE_SIZE = 4 + 8 + 4 + 2 * QN_HASH_SIZE /* era, window, member, digest, blind */
};

/* --- tails --- */

/* Whether a vote of this step and round opens a commitment. */
static bool is_opening(const struct qnk_vote *vote)
{
    return vote->step == QNK_STEP_PREPARE && vote->round == 0;
}

/* Whether a body of the engine ends the tail. */
static bool has_body(const struct qnk_vote *vote)
{
    return vote->step == QNK_STEP_TIMEOUT || vote->step == QNK_STEP_PROPOSE ||
           vote->step >= QNK_STEP_OWN;
}

/* Bytes of the tail before the body. */
static uint64_t tail_fixed(const struct qnk_vote *vote)
{
    if (is_opening(vote)) {
        return OPENING_SIZE;
    }
    if (vote->step == QNK_STEP_ABANDON) {
        return QNK_STANDING_SIZE;
    }
    return vote->step == QNK_STEP_PROPOSE ? QNK_MACRO_SIZE : 0;
}

static bool tail_fits(const struct qnk_vote *vote)
{
    uint64_t fixed = tail_fixed(vote);
    uint64_t size = vote->tail.size;

    return has_body(vote) ? size >= fixed && size - fixed <= QNK_VOTE_BODY_MAX : size == fixed;
}

struct qnk_vote_tail qnk_vote_tail(const struct qnk_vote *vote)
{
    struct qnk_vote_tail parts = {0};
    uint64_t fixed = tail_fixed(vote);

    QN_ASSERT(tail_fits(vote));
    if (is_opening(vote)) {
        parts.blind = vote->tail.data;
        parts.share = vote->tail.data + QN_HASH_SIZE;
    } else if (vote->step == QNK_STEP_PROPOSE) {
        parts.header = (struct qn_span){vote->tail.data, QNK_MACRO_SIZE};
    }
    if (has_body(vote) && vote->tail.size > fixed) {
        parts.body = (struct qn_span){vote->tail.data + fixed, vote->tail.size - fixed};
    }
    return parts;
}

void qnk_vote_open(const struct qnk_vote *vote, struct qnk_hash *open)
{
    struct qnk_vote_tail parts = qnk_vote_tail(vote);

    *open = (struct qnk_hash){{0}};
    if (parts.blind != NULL) {
        memcpy(open->bytes, parts.blind, QN_HASH_SIZE);
    } else if (parts.body.size > 0) {
        qnk_hash_tagged(QNK_TAG_BODY, parts.body.data, parts.body.size, open);
    }
}

/* --- on the wire --- */

/* Steps 6 to 15 have no meaning yet. A justification lies before its round, and only steps that
 * can be justified have one. */
static bool place_fits(const struct qnk_vote *vote)
{
    bool is_unjustified = vote->step == QNK_STEP_COMMIT || vote->step == QNK_STEP_FINAL ||
                          vote->step == QNK_STEP_ABANDON;

    if (vote->lane != LANE || (vote->step > QNK_STEP_PROPOSE && vote->step < QNK_STEP_OWN)) {
        return false;
    }
    if (vote->step == QNK_STEP_ABANDON && vote->round != 0) {
        return false; /* an attempt is given up once, whatever its round */
    }
    return vote->vr == -1 || (vote->vr >= 0 && (uint32_t)vote->vr < vote->round && !is_unjustified);
}

bool qnk_vote_fits(const struct qnk_vote *vote)
{
    return place_fits(vote) && tail_fits(vote);
}

bool qnk_vote_place_read(struct qnk_reader *from, struct qnk_vote *vote)
{
    uint8_t version = qnk_reader_u8(from);

    vote->lane = qnk_reader_u8(from);
    vote->step = qnk_reader_u16(from);
    vote->era = qnk_reader_u32(from);
    vote->window = qnk_reader_u64(from);
    vote->round = qnk_reader_u32(from);
    vote->vr = (int32_t)qnk_reader_u32(from);
    return version == FORMAT;
}

int32_t qnk_vote_next(struct qn_span *rest, struct qnk_vote *vote)
{
    struct qnk_reader from = qnk_reader_init(*rest);
    struct qnk_vote read = {0};
    bool is_known = qnk_vote_place_read(&from, &read);

    read.member = qnk_reader_u32(&from);

    uint32_t tail_size = qnk_reader_u32(&from);

    qnk_reader_copy(&from, read.digest.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&from, read.signature, QN_SIG_SIZE);
    read.tail = qnk_reader_span(&from, tail_size);
    if (from.failed || !is_known || !qnk_vote_fits(&read)) {
        return QN_INVALID;
    }
    qnk_vote_open(&read, &read.open);
    *vote = read;
    *rest = (struct qn_span){from.at, from.left};
    return QN_OK;
}

int32_t qnk_vote_decode(struct qn_span from, struct qnk_vote *vote)
{
    struct qnk_vote read;
    int32_t status = qnk_vote_next(&from, &read);

    if (status != QN_OK || from.size != 0) {
        return QN_INVALID;
    }
    *vote = read;
    return QN_OK;
}

static void place_write(struct qnk_writer *to, const struct qnk_vote *vote)
{
    qnk_writer_u8(to, FORMAT);
    qnk_writer_u8(to, vote->lane);
    qnk_writer_u16(to, vote->step);
    qnk_writer_u32(to, vote->era);
    qnk_writer_u64(to, vote->window);
    qnk_writer_u32(to, vote->round);
    qnk_writer_u32(to, (uint32_t)vote->vr);
}

void qnk_vote_encode(const struct qnk_vote *vote, uint8_t *to)
{
    struct qnk_writer out = qnk_writer_init(to, qnk_vote_size(vote));

    QN_ASSERT(vote->tail.size <= QNK_VOTE_TAIL_MAX);
    place_write(&out, vote);
    qnk_writer_u32(&out, vote->member);
    qnk_writer_u32(&out, (uint32_t)vote->tail.size);
    qnk_writer_bytes(&out, vote->digest.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, vote->signature, QN_SIG_SIZE);
    qnk_writer_bytes(&out, vote->tail.data, vote->tail.size);
    QN_ASSERT(out.room == 0);
}

/* --- what is signed --- */

void qnk_vote_record(const struct qnk_vote *vote, uint8_t to[QNK_VOTE_RECORD_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_VOTE_RECORD_SIZE);

    place_write(&out, vote);
    qnk_writer_bytes(&out, vote->binding.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, vote->digest.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, vote->open.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

int32_t qnk_vote_record_read(struct qn_span *rest, struct qnk_vote *vote)
{
    struct qnk_reader from = qnk_reader_init(*rest);
    struct qnk_vote read = {0};
    bool is_known = qnk_vote_place_read(&from, &read);

    qnk_reader_copy(&from, read.binding.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&from, read.digest.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&from, read.open.bytes, QN_HASH_SIZE);
    if (from.failed || !is_known) {
        return QN_INVALID;
    }
    *vote = read;
    *rest = (struct qn_span){from.at, from.left};
    return QN_OK;
}

void qnk_vote_message(const struct qnk_vote *vote, const struct qnk_hash *chain_id,
                      uint8_t to[QNK_VOTE_MESSAGE_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_VOTE_MESSAGE_SIZE);

    qnk_writer_bytes(&out, QNK_TAG_VOTE, sizeof QNK_TAG_VOTE - 1);
    qnk_writer_bytes(&out, chain_id->bytes, QN_HASH_SIZE);
    qnk_vote_record(vote, qnk_writer_take(&out, QNK_VOTE_RECORD_SIZE));
    QN_ASSERT(out.room == 0);
}

void qnk_vote_commitment(const struct qnk_vote *place, const struct qnk_hash *digest,
                         const uint8_t blind[QN_HASH_SIZE], struct qnk_hash *commitment)
{
    uint8_t bytes[PLACE_SIZE];
    struct qnk_writer out = qnk_writer_init(bytes, sizeof bytes);

    qnk_writer_u32(&out, place->era);
    qnk_writer_u64(&out, place->window);
    qnk_writer_u32(&out, place->member);
    qnk_writer_bytes(&out, digest->bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, blind, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
    qnk_hash_tagged(QNK_TAG_COMMIT, bytes, sizeof bytes, commitment);
}

void qnk_vote_binding(const struct qnk_hash *set, struct qn_span engine, struct qnk_hash *binding)
{
    const struct qn_span parts[] = {{set->bytes, QN_HASH_SIZE}, engine};

    qnk_hash_parts(QNK_TAG_BINDING, parts, 2, binding);
}
