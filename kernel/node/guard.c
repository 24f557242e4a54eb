/* SPDX-License-Identifier: MIT */

#include "kernel/node/guard.h"

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/chain/certificate.h"

enum record_type {
    RECORD_BLOCK = 1,
    RECORD_VOTE = 2,
    RECORD_CERTIFICATE = 3,
    RECORD_SAVED = 4,
    RECORD_FLOOR = 5,
    RECORD_ABANDON = 6,
};

enum {
    HEAD_SIZE = 9,                        /* size, crc, type */
    VOTE_SIZE = QNK_VOTE_RECORD_SIZE + 4, /* before the tail */
    FLOOR_SIZE = 16,
    NEWS_MAX = 2 + QNK_ATTEMPTS_MAX, /* certificates that one vote may bring */
};

struct signed_block {
    uint64_t height;
    uint8_t bytes[QNK_MICRO_SIGNED_SIZE];
};

struct qnk_guard {
    struct qnk_budget *budget;
    uint64_t floor_window, floor_height;
    struct signed_block *blocks;
    uint32_t blocks_count;
    struct qnk_vote *votes;     /* tails lie in bufs of the same place */
    struct qn_buf **vote_bytes; /* as in the record */
    uint32_t votes_count;
    struct qn_buf **certificates;
    uint32_t certificates_count;
    struct qn_buf **abandons;
    uint32_t abandons_count;
    uint64_t saved_window;
    struct qn_buf *saved; /* content; NULL: none */
};

/* --- life --- */

struct qnk_guard *qnk_guard_create(struct qnk_budget *budget)
{
    struct qnk_guard *guard = qnk_memory_take(budget, sizeof *guard);

    if (guard == NULL) {
        return NULL;
    }
    guard->budget = budget;
    guard->blocks = qnk_memory_take(budget, QNK_GUARD_DUTIES_MAX * sizeof *guard->blocks);
    guard->votes = qnk_memory_take(budget, QNK_GUARD_VOTES_PLACES * sizeof *guard->votes);
    guard->vote_bytes = qnk_memory_take(budget, QNK_GUARD_VOTES_PLACES * sizeof *guard->vote_bytes);
    guard->certificates =
        qnk_memory_take(budget, QNK_GUARD_CERTIFICATES_PLACES * sizeof *guard->certificates);
    guard->abandons = qnk_memory_take(budget, QNK_GUARD_ABANDONS_MAX * sizeof *guard->abandons);
    if (guard->blocks == NULL || guard->votes == NULL || guard->vote_bytes == NULL ||
        guard->certificates == NULL || guard->abandons == NULL) {
        qnk_guard_destroy(guard);
        return NULL;
    }
    return guard;
}

void qnk_guard_destroy(struct qnk_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        qnk_buf_unref(guard->vote_bytes[i]);
    }
    for (uint32_t i = 0; i < guard->certificates_count; i++) {
        qnk_buf_unref(guard->certificates[i]);
    }
    for (uint32_t i = 0; i < guard->abandons_count; i++) {
        qnk_buf_unref(guard->abandons[i]);
    }
    qnk_buf_unref(guard->saved);
    qnk_memory_give(guard->budget, guard->abandons,
                    QNK_GUARD_ABANDONS_MAX * sizeof *guard->abandons);
    qnk_memory_give(guard->budget, guard->certificates,
                    QNK_GUARD_CERTIFICATES_PLACES * sizeof *guard->certificates);
    qnk_memory_give(guard->budget, guard->vote_bytes,
                    QNK_GUARD_VOTES_PLACES * sizeof *guard->vote_bytes);
    qnk_memory_give(guard->budget, guard->votes, QNK_GUARD_VOTES_PLACES * sizeof *guard->votes);
    qnk_memory_give(guard->budget, guard->blocks, QNK_GUARD_DUTIES_MAX * sizeof *guard->blocks);
    qnk_memory_give(guard->budget, guard, sizeof *guard);
}

/* --- records --- */

static uint64_t record_size(uint64_t bytes)
{
    return 4 + HEAD_SIZE + bytes; /* the 4 are the size that stands before each in a buf */
}

/* Starts a record of `size` bytes; record_end fills in the sum. */
static uint8_t *record_begin(struct qnk_writer *to, uint8_t type, uint64_t size)
{
    uint8_t *start = to->at + 4;

    qnk_writer_u32(to, (uint32_t)(HEAD_SIZE + size));
    qnk_writer_u32(to, (uint32_t)(1 + size));
    qnk_writer_u32(to, 0);
    qnk_writer_u8(to, type);
    return start;
}

static void record_end(const struct qnk_writer *to, uint8_t *start)
{
    qn_le32_write(start + 4, qnk_crc32c(0, start + 8, (uint64_t)(to->at - start) - 8));
}

static void record_write(struct qnk_writer *to, uint8_t type, const void *bytes, uint64_t size)
{
    uint8_t *start = record_begin(to, type, size);

    qnk_writer_bytes(to, bytes, size);
    record_end(to, start);
}

/* The bytes of a vote's record; the vote's tail then lies in them. */
static struct qn_buf *vote_bytes_new(struct qnk_budget *budget, const struct qnk_vote *vote)
{
    struct qn_buf *buf = qnk_buf_new(budget, VOTE_SIZE + vote->tail.size);

    if (buf != NULL) {
        struct qnk_writer to = qnk_writer_init(buf->data, buf->size);

        qnk_vote_record(vote, qnk_writer_take(&to, QNK_VOTE_RECORD_SIZE));
        qnk_writer_u32(&to, vote->member);
        qnk_writer_bytes(&to, vote->tail.data, vote->tail.size);
    }
    return buf;
}

/* Reads a vote back from its record's bytes. Its signature is not there: it is made anew. */
static bool vote_from_bytes(struct qn_span bytes, struct qnk_vote *vote)
{
    struct qnk_vote read;

    if (qnk_vote_record_read(&bytes, &read) != QN_OK) {
        return false;
    }

    struct qnk_reader from = qnk_reader_init(bytes);

    read.member = qnk_reader_u32(&from);
    read.tail = qnk_reader_span(&from, from.left);
    *vote = read;
    return qnk_reader_done(&from);
}

static bool votes_add(struct qnk_guard *guard, struct qn_buf *bytes)
{
    struct qnk_vote vote;

    if (guard->votes_count == QNK_GUARD_VOTES_PLACES ||
        !vote_from_bytes(qnk_buf_span(bytes), &vote)) {
        return false;
    }
    guard->votes[guard->votes_count] = vote;
    guard->vote_bytes[guard->votes_count++] = bytes;
    return true;
}

static bool is_among(struct qn_buf *const *list, uint32_t count, struct qn_span bytes)
{
    for (uint32_t i = 0; i < count; i++) {
        struct qn_span held = qnk_buf_span(list[i]);

        if (held.size == bytes.size && memcmp(held.data, bytes.data, bytes.size) == 0) {
            return true;
        }
    }
    return false;
}

static bool list_add(struct qnk_guard *guard, struct qn_buf **list, uint32_t *count,
                     uint32_t count_max, struct qn_span bytes)
{
    if (*count == count_max) {
        return false;
    }

    struct qn_buf *copy = qnk_buf_copy(guard->budget, bytes);

    if (copy == NULL) {
        return false;
    }
    list[(*count)++] = copy;
    return true;
}

static bool certificates_add(struct qnk_guard *guard, struct qn_span bytes)
{
    return list_add(guard, guard->certificates, &guard->certificates_count,
                    QNK_GUARD_CERTIFICATES_PLACES, bytes);
}

static bool abandons_add(struct qnk_guard *guard, struct qn_span bytes)
{
    return list_add(guard, guard->abandons, &guard->abandons_count, QNK_GUARD_ABANDONS_MAX, bytes);
}

/* --- what engines save --- */

static struct qn_buf *saved_record(const struct qnk_guard *guard)
{
    struct qn_buf *out = qnk_buf_new(guard->budget, record_size(8 + guard->saved->size));

    if (out != NULL) {
        struct qnk_writer to = qnk_writer_init(out->data, out->size);
        uint8_t *start = record_begin(&to, RECORD_SAVED, 8 + guard->saved->size);

        qnk_writer_u64(&to, guard->saved_window);
        qnk_writer_bytes(&to, guard->saved->data, guard->saved->size);
        record_end(&to, start);
        QN_ASSERT(to.room == 0);
    }
    return out;
}

static int32_t saved_set(struct qnk_guard *guard, uint64_t window, struct qn_span content)
{
    struct qn_buf *copy = qnk_buf_copy(guard->budget, content);

    if (copy == NULL) {
        return QN_NO_SPACE;
    }
    qnk_buf_unref(guard->saved);
    guard->saved = copy;
    guard->saved_window = window;
    return QN_OK;
}

struct qn_buf *qnk_guard_saved(struct qnk_guard *guard, uint64_t window, struct qn_span content)
{
    return saved_set(guard, window, content) == QN_OK ? saved_record(guard) : NULL;
}

struct qn_span qnk_guard_saved_at(const struct qnk_guard *guard, uint64_t window)
{
    return guard->saved != NULL && guard->saved_window == window ? qnk_buf_span(guard->saved)
                                                                 : (struct qn_span){NULL, 0};
}

/* --- at start: a log whose trim a crash cut short has records twice, which take one place --- */

static bool has_block_bytes(const struct qnk_guard *guard, struct qn_span bytes)
{
    uint32_t at = 0;

    while (at < guard->blocks_count &&
           memcmp(guard->blocks[at].bytes, bytes.data, bytes.size) != 0) {
        at++;
    }
    return at < guard->blocks_count;
}

static int32_t restore_block(struct qnk_guard *guard, struct qn_span bytes)
{
    if (bytes.size != QNK_MICRO_SIGNED_SIZE) {
        return QN_CORRUPT;
    }
    if (has_block_bytes(guard, bytes)) {
        return QN_OK;
    }
    if (guard->blocks_count == QNK_GUARD_DUTIES_MAX) {
        return QN_NO_SPACE;
    }

    struct signed_block *block = &guard->blocks[guard->blocks_count];

    memcpy(block->bytes, bytes.data, bytes.size);
    block->height = qn_le64_read(bytes.data + 8);
    guard->blocks_count += block->height > guard->floor_height;
    return QN_OK;
}

/* What is kept will be said again, so it must be something that can be said. */
static int32_t restore_vote(struct qnk_guard *guard, struct qn_span bytes)
{
    struct qnk_vote vote;

    if (bytes.size < VOTE_SIZE || !vote_from_bytes(bytes, &vote) || !qnk_vote_fits(&vote) ||
        vote.round > QNK_GUARD_ROUND_MAX) {
        return QN_CORRUPT;
    }
    if (vote.window <= guard->floor_window) {
        return QN_OK;
    }
    if (is_among(guard->vote_bytes, guard->votes_count, bytes)) {
        return QN_OK;
    }

    struct qn_buf *copy = qnk_buf_copy(guard->budget, bytes);

    if (copy == NULL) {
        return QN_NO_SPACE;
    }
    if (!votes_add(guard, copy)) {
        qnk_buf_unref(copy);
        return QN_NO_SPACE;
    }
    return QN_OK;
}

static int32_t restore_certificate(struct qnk_guard *guard, struct qn_span bytes)
{
    struct qnk_certificate certificate;

    if (qnk_certificate_decode(bytes, &certificate) != QN_OK) {
        return QN_CORRUPT;
    }
    if (is_among(guard->certificates, guard->certificates_count, bytes)) {
        return QN_OK;
    }
    return certificate.window <= guard->floor_window || certificates_add(guard, bytes)
               ? QN_OK
               : QN_NO_SPACE;
}

static int32_t restore_abandon(struct qnk_guard *guard, struct qn_span bytes)
{
    struct qnk_abandon abandon;

    if (qnk_abandon_decode(bytes, &abandon) != QN_OK) {
        return QN_CORRUPT;
    }
    if (is_among(guard->abandons, guard->abandons_count, bytes)) {
        return QN_OK;
    }
    return abandon.window <= guard->floor_window || abandons_add(guard, bytes) ? QN_OK
                                                                               : QN_NO_SPACE;
}

bool qnk_guard_is_floor(struct qn_span record)
{
    struct qnk_reader from = qnk_reader_init(record);
    uint32_t size = qnk_reader_u32(&from);

    (void)qnk_reader_u32(&from); /* whether it is damaged is seen when it is restored */
    return qnk_reader_u8(&from) == RECORD_FLOOR && !from.failed && size == 1 + FLOOR_SIZE;
}

int32_t qnk_guard_restore(struct qnk_guard *guard, struct qn_span record)
{
    struct qnk_reader from = qnk_reader_init(record);
    uint32_t size = qnk_reader_u32(&from);
    uint32_t crc = qnk_reader_u32(&from);

    if (from.failed || size != from.left || size < 1 || qnk_crc32c(0, from.at, size) != crc) {
        return QN_CORRUPT;
    }

    uint8_t type = qnk_reader_u8(&from);
    struct qn_span bytes = qnk_reader_span(&from, from.left);

    switch (type) {
    case RECORD_BLOCK:
        return restore_block(guard, bytes);
    case RECORD_VOTE:
        return restore_vote(guard, bytes);
    case RECORD_CERTIFICATE:
        return restore_certificate(guard, bytes);
    case RECORD_ABANDON:
        return restore_abandon(guard, bytes);
    case RECORD_SAVED:
        if (bytes.size < 8) {
            return QN_CORRUPT;
        }
        return saved_set(guard, qn_le64_read(bytes.data),
                         (struct qn_span){bytes.data + 8, bytes.size - 8});
    case RECORD_FLOOR:
        if (bytes.size != FLOOR_SIZE) {
            return QN_CORRUPT;
        }
        qnk_guard_forget(guard, qn_le64_read(bytes.data), qn_le64_read(bytes.data + 8));
        return QN_OK;
    default:
        return QN_CORRUPT;
    }
}

/* --- rules --- */

static bool is_same_duty(const struct qnk_vote *a, const struct qnk_vote *b)
{
    return a->lane == b->lane && a->era == b->era && a->window == b->window &&
           a->round == b->round && a->step == b->step;
}

static bool is_same_record(const struct qnk_vote *a, const struct qnk_vote *b)
{
    uint8_t left[QNK_VOTE_RECORD_SIZE];
    uint8_t right[QNK_VOTE_RECORD_SIZE];

    qnk_vote_record(a, left);
    qnk_vote_record(b, right);
    return memcmp(left, right, sizeof left) == 0;
}

static const struct qnk_vote *find_duty(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        if (is_same_duty(&guard->votes[i], vote)) {
            return &guard->votes[i];
        }
    }
    return NULL;
}

/* Whether (window, era, round) of `a` lies before that of `b`. */
static bool is_before(const struct qnk_vote *a, const struct qnk_vote *b)
{
    if (a->window != b->window) {
        return a->window < b->window;
    }
    return a->era != b->era ? a->era < b->era : a->round < b->round;
}

static bool breaks_g2(const struct qnk_guard *guard, const struct qnk_vote *vote,
                      uint64_t final_window)
{
    if (vote->window <= final_window || vote->window <= guard->floor_window ||
        vote->round > QNK_GUARD_ROUND_MAX) {
        return true;
    }
    for (uint32_t i = 0; vote->step != QNK_STEP_ABANDON && i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        if (old->lane == vote->lane && old->step != QNK_STEP_ABANDON && is_before(vote, old)) {
            return true;
        }
    }
    return false;
}

/* Whether `bytes` is a certificate of step 1 for this round and the vote's digest, of its place. */
static bool is_prepared(struct qn_span bytes, const struct qnk_vote *vote, uint32_t round)
{
    struct qnk_certificate certificate;

    return bytes.size > 0 && qnk_certificate_decode(bytes, &certificate) == QN_OK &&
           certificate.step == QNK_STEP_PREPARE && certificate.lane == vote->lane &&
           certificate.era == vote->era && certificate.window == vote->window &&
           certificate.round == round && qnk_hash_equal(&certificate.binding, &vote->binding) &&
           qnk_hash_equal(&certificate.digest, &vote->digest);
}

static bool breaks_g3(const struct qnk_vote *vote, const struct qnk_guard_facts *facts)
{
    if (vote->step != QNK_STEP_FINAL || qnk_hash_is_zero(&vote->digest)) {
        return false;
    }
    if (facts->is_lockless) {
        return vote->round != 0;
    }
    return !is_prepared(facts->prepared, vote, vote->round);
}

/* The own highest final vote that is not nil, of this lane, era and window. */
static const struct qnk_vote *find_lock(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    const struct qnk_vote *lock = NULL;

    for (uint32_t i = 0; i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        if (old->step == QNK_STEP_FINAL && old->lane == vote->lane && old->era == vote->era &&
            old->window == vote->window && !qnk_hash_is_zero(&old->digest) &&
            (lock == NULL || old->round > lock->round)) {
            lock = old;
        }
    }
    return lock;
}

/* The round of the own highest final vote for something else than this vote, of its lane, era and
 * window; -1: none. The highest of all is not enough: the vote and any of these prove a member
 * guilty (evidence of type 3), also if a later one was for the same as the vote. */
static int64_t find_rival(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    int64_t round = -1;

    for (uint32_t i = 0; i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        if (old->step == QNK_STEP_FINAL && old->lane == vote->lane && old->era == vote->era &&
            old->window == vote->window && !qnk_hash_is_zero(&old->digest) &&
            !qnk_hash_equal(&old->digest, &vote->digest) && (int64_t)old->round > round) {
            round = old->round;
        }
    }
    return round;
}

static bool breaks_g4(const struct qnk_guard *guard, const struct qnk_vote *vote,
                      const struct qnk_guard_facts *facts)
{
    bool is_unjustified = vote->step == QNK_STEP_COMMIT || vote->step == QNK_STEP_FINAL;

    if (vote->vr < -1 || (vote->vr >= 0 && is_unjustified)) {
        return true; /* no one would count it: vote.h */
    }
    if (vote->vr >= 0 && ((uint32_t)vote->vr >= vote->round ||
                          !is_prepared(facts->justified, vote, (uint32_t)vote->vr))) {
        return true;
    }
    return vote->step == QNK_STEP_PREPARE && !qnk_hash_is_zero(&vote->digest) &&
           vote->vr < find_rival(guard, vote);
}

/* Either may have been signed first: an engine asks in any order, and together they prove it. */
static bool breaks_g5(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    struct qnk_vote duty = *vote;
    struct qnk_hash commitment;

    if (vote->step != QNK_STEP_COMMIT && vote->step != QNK_STEP_PREPARE) {
        return false;
    }
    duty.step = vote->step == QNK_STEP_COMMIT ? QNK_STEP_PREPARE : QNK_STEP_COMMIT;

    const struct qnk_vote *before = find_duty(guard, &duty);
    const struct qnk_vote *commit = vote->step == QNK_STEP_COMMIT ? vote : before;
    const struct qnk_vote *reveal = vote->step == QNK_STEP_COMMIT ? before : vote;

    if (before == NULL || qnk_hash_is_zero(&reveal->digest)) {
        return false;
    }
    qnk_vote_commitment(reveal, &reveal->digest, reveal->open.bytes, &commitment);
    return !qnk_hash_equal(&commitment, &commit->digest);
}

void qnk_guard_standing(const struct qnk_guard *guard, const struct qnk_vote *place,
                        struct qnk_standing *standing)
{
    const struct qnk_vote *lock = find_lock(guard, place);

    *standing = (struct qnk_standing){.lock_round = -1};
    if (lock != NULL) {
        standing->lock_round = (int32_t)lock->round;
        standing->lock = lock->digest;
    }
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        if (old->lane == place->lane && old->era == place->era && old->window == place->window &&
            old->round > standing->round) {
            standing->round = old->round;
        }
    }
}

/* An attempt is given up in the words of this log alone, and the last one never is. Without step 1
 * there are no locks, and nothing would hold the next attempt to what this one may have decided. */
static bool may_abandon(const struct qnk_guard *guard, const struct qnk_vote *vote,
                        const struct qnk_guard_facts *facts)
{
    struct qnk_standing standing;
    uint8_t words[QNK_STANDING_SIZE];
    struct qnk_hash digest;

    qnk_guard_standing(guard, vote, &standing);
    qnk_standing_encode(&standing, words);
    qnk_standing_digest(words, &digest);
    return !facts->is_lockless && qnk_era_attempt(vote->era) + 1 < QNK_ATTEMPTS_MAX &&
           qnk_hash_equal(&digest, &vote->digest) && vote->tail.size == sizeof words &&
           memcmp(vote->tail.data, words, sizeof words) == 0;
}

/* Whether this attempt at the window, or a later one, was given up by this key. */
static bool is_abandoned(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        if (old->step == QNK_STEP_ABANDON && old->lane == vote->lane &&
            old->window == vote->window && old->era >= vote->era) {
            return true;
        }
    }
    return false;
}

/* Whether there is an abandon certificate of each earlier attempt that permits the digest. */
static bool is_permitted(const struct qnk_vote *vote, const struct qnk_guard_facts *facts)
{
    uint32_t attempts = qnk_era_attempt(vote->era);

    if (facts->abandons_count != attempts) {
        return false;
    }
    for (uint32_t i = 0; i < attempts; i++) {
        struct qnk_abandon abandon;

        if (qnk_abandon_decode(facts->abandons[i], &abandon) != QN_OK ||
            abandon.lane != vote->lane || abandon.window != vote->window ||
            abandon.era != vote->era - attempts + i ||
            !qnk_abandon_permits(&abandon, &vote->digest)) {
            return false;
        }
    }
    return true;
}

static bool breaks_g6(const struct qnk_guard *guard, const struct qnk_vote *vote,
                      const struct qnk_guard_facts *facts)
{
    bool counts = vote->step == QNK_STEP_PREPARE || vote->step == QNK_STEP_FINAL;

    if (vote->step == QNK_STEP_ABANDON) {
        return !may_abandon(guard, vote, facts);
    }
    if (is_abandoned(guard, vote)) {
        return true;
    }
    return counts && !qnk_hash_is_zero(&vote->digest) && !is_permitted(vote, facts);
}

static bool breaks_g7(const struct qnk_vote *vote, const struct qnk_guard_facts *facts)
{
    bool counts = vote->step == QNK_STEP_PREPARE || vote->step == QNK_STEP_FINAL;

    return counts && !qnk_hash_is_zero(&vote->digest) && !facts->is_valid;
}

static uint32_t first_broken(const struct qnk_guard *guard, const struct qnk_vote *vote,
                             const struct qnk_guard_facts *facts)
{
    if (breaks_g2(guard, vote, facts->final_window)) {
        return QNK_GUARD_G2;
    }
    if (breaks_g3(vote, facts)) {
        return QNK_GUARD_G3;
    }
    if (breaks_g4(guard, vote, facts)) {
        return QNK_GUARD_G4;
    }
    if (breaks_g5(guard, vote)) {
        return QNK_GUARD_G5;
    }
    if (breaks_g6(guard, vote, facts)) {
        return QNK_GUARD_G6;
    }
    return breaks_g7(vote, facts) ? QNK_GUARD_G7 : QNK_GUARD_OK;
}

/* --- votes --- */

/* Certificates that have to be kept with a vote and are not yet. */
struct news {
    uint32_t count;
    uint32_t abandons; /* of these, the last so many */
    struct qn_span bytes[NEWS_MAX];
};

static void news_look(const struct qnk_guard *guard, const struct qnk_vote *vote,
                      const struct qnk_guard_facts *facts, struct news *news)
{
    bool counts = vote->step == QNK_STEP_PREPARE || vote->step == QNK_STEP_FINAL;
    bool is_sealed = vote->step == QNK_STEP_FINAL && facts->prepared.size > 0;
    bool is_justified = vote->vr >= 0 && facts->justified.size > 0;

    *news = (struct news){0};
    if (is_sealed && !is_among(guard->certificates, guard->certificates_count, facts->prepared)) {
        news->bytes[news->count++] = facts->prepared;
    }
    if (is_justified &&
        !is_among(guard->certificates, guard->certificates_count, facts->justified)) {
        news->bytes[news->count++] = facts->justified;
    }
    if (!counts || qnk_hash_is_zero(&vote->digest)) {
        return;
    }
    for (uint32_t i = 0; i < facts->abandons_count; i++) {
        if (!is_among(guard->abandons, guard->abandons_count, facts->abandons[i])) {
            QN_ASSERT(news->count < NEWS_MAX);
            news->bytes[news->count++] = facts->abandons[i];
            news->abandons++;
        }
    }
}

static bool news_is_abandon(const struct news *news, uint32_t index)
{
    return index >= news->count - news->abandons;
}

/* Certificates of the attempt that `vote` is of. */
static uint32_t attempt_certificates(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < guard->certificates_count; i++) {
        struct qnk_certificate held;
        int32_t status = qnk_certificate_decode(qnk_buf_span(guard->certificates[i]), &held);

        QN_ASSERT(status == QN_OK);
        count += held.lane == vote->lane && held.window == vote->window && held.era == vote->era;
    }
    return count;
}

static bool is_of_attempt(const struct qnk_abandon *a, const struct qnk_abandon *b)
{
    return a->lane == b->lane && a->window == b->window && a->era == b->era;
}

/* Whether the attempt that the certificate gives up has a place left for it. A vote brings at most
 * one of each attempt. */
static bool abandon_fits(const struct qnk_guard *guard, struct qn_span bytes)
{
    struct qnk_abandon abandon, held;
    uint32_t count = 0;
    int32_t status = qnk_abandon_decode(bytes, &abandon);

    QN_ASSERT(status == QN_OK);
    for (uint32_t i = 0; i < guard->abandons_count; i++) {
        status = qnk_abandon_decode(qnk_buf_span(guard->abandons[i]), &held);
        QN_ASSERT(status == QN_OK);
        count += is_of_attempt(&held, &abandon);
    }
    return count < QNK_GUARD_ATTEMPT_ABANDONS;
}

static bool abandons_fit(const struct qnk_guard *guard, const struct news *news)
{
    for (uint32_t i = news->count - news->abandons; i < news->count; i++) {
        if (!abandon_fits(guard, news->bytes[i])) {
            return false;
        }
    }
    return guard->abandons_count + news->abandons <= QNK_GUARD_ABANDONS_MAX;
}

static bool news_fit(const struct qnk_guard *guard, const struct qnk_vote *vote,
                     const struct news *news)
{
    uint32_t count = news->count - news->abandons;

    return abandons_fit(guard, news) &&
           (guard->certificates_count + count <= QNK_GUARD_CERTIFICATES_MAX ||
            (guard->certificates_count + count <= QNK_GUARD_CERTIFICATES_PLACES &&
             attempt_certificates(guard, vote) + count <= QNK_GUARD_ATTEMPT_CERTIFICATES));
}

/* Whether there is a place for the vote: one that gives an attempt up has its own. */
static bool vote_fits(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    uint32_t limit = QNK_GUARD_VOTES_PLACES;
    uint32_t count = 0;

    if (vote->step == QNK_STEP_ABANDON || guard->votes_count < QNK_GUARD_DUTIES_MAX) {
        return guard->votes_count < limit;
    }
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        const struct qnk_vote *old = &guard->votes[i];

        count += old->lane == vote->lane && old->window == vote->window && old->era == vote->era;
    }
    return count < QNK_GUARD_ATTEMPT_DUTIES && guard->votes_count < limit - QNK_ATTEMPTS_MAX;
}

/* Keeps all of them, or none: what is not written must not be taken for written the next time. */
static bool news_add(struct qnk_guard *guard, const struct news *news)
{
    uint32_t certificates = guard->certificates_count;
    uint32_t abandons = guard->abandons_count;

    for (uint32_t i = 0; i < news->count; i++) {
        bool added = news_is_abandon(news, i) ? abandons_add(guard, news->bytes[i])
                                              : certificates_add(guard, news->bytes[i]);

        if (!added) {
            while (guard->certificates_count > certificates) {
                qnk_buf_unref(guard->certificates[--guard->certificates_count]);
            }
            while (guard->abandons_count > abandons) {
                qnk_buf_unref(guard->abandons[--guard->abandons_count]);
            }
            return false;
        }
    }
    return true;
}

static int32_t remember_vote(struct qnk_guard *guard, const struct qnk_vote *vote,
                             const struct qnk_guard_facts *facts, struct qn_buf **records)
{
    struct news news;
    uint64_t size = record_size(VOTE_SIZE + vote->tail.size);

    news_look(guard, vote, facts, &news);
    for (uint32_t i = 0; i < news.count; i++) {
        size += record_size(news.bytes[i].size);
    }
    if (!vote_fits(guard, vote) || !news_fit(guard, vote, &news)) {
        return QN_NO_SPACE;
    }

    struct qn_buf *bytes = vote_bytes_new(guard->budget, vote);
    struct qn_buf *out = qnk_buf_new(guard->budget, size);

    if (bytes == NULL || out == NULL || !news_add(guard, &news)) {
        qnk_buf_unref(bytes);
        qnk_buf_unref(out);
        return QN_NO_SPACE;
    }

    struct qnk_writer to = qnk_writer_init(out->data, out->size);

    for (uint32_t i = 0; i < news.count; i++) {
        record_write(&to, news_is_abandon(&news, i) ? RECORD_ABANDON : RECORD_CERTIFICATE,
                     news.bytes[i].data, news.bytes[i].size);
    }
    record_write(&to, RECORD_VOTE, bytes->data, bytes->size);
    QN_ASSERT(to.room == 0);

    bool added = votes_add(guard, bytes);

    QN_ASSERT(added);
    *records = out;
    return QN_OK;
}

int32_t qnk_guard_vote(struct qnk_guard *guard, const struct qnk_vote *vote,
                       const struct qnk_guard_facts *facts, struct qn_buf **records,
                       const struct qnk_vote **signed_before, uint32_t *rule)
{
    const struct qnk_vote *before = find_duty(guard, vote);

    *rule = QNK_GUARD_OK;
    *records = NULL;
    if (before != NULL) {
        if (is_same_record(before, vote)) {
            return QN_OK;
        }
        *signed_before = before;
        *rule = QNK_GUARD_G1;
        return QN_EXISTS;
    }
    *rule = first_broken(guard, vote, facts);
    if (*rule != QNK_GUARD_OK) {
        return QN_DENIED;
    }

    int32_t status = remember_vote(guard, vote, facts, records);

    if (status != QN_OK) {
        *rule = QNK_GUARD_ROOM;
    }
    return status;
}

bool qnk_guard_knows_vote(const struct qnk_guard *guard, const struct qnk_vote *vote)
{
    const struct qnk_vote *known = find_duty(guard, vote);

    return vote->window <= guard->floor_window || (known != NULL && is_same_record(known, vote));
}

/* --- blocks --- */

static void header_bytes(const struct qnk_micro *header, uint8_t to[QNK_MICRO_SIGNED_SIZE])
{
    uint8_t whole[QNK_MICRO_SIZE];

    qnk_micro_encode(header, whole);
    memcpy(to, whole, QNK_MICRO_SIGNED_SIZE);
}

/* What was signed at this height on this parent, or NULL. */
static const struct signed_block *find_block(const struct qnk_guard *guard,
                                             const struct qnk_micro *header)
{
    for (uint32_t i = 0; i < guard->blocks_count; i++) {
        const struct signed_block *block = &guard->blocks[i];
        const uint8_t *parent = block->bytes + 24; /* chain.md "Microblock": after time_ms */

        if (block->height == header->height &&
            memcmp(parent, header->parent.bytes, QN_HASH_SIZE) == 0) {
            return block;
        }
    }
    return NULL;
}

int32_t qnk_guard_block(struct qnk_guard *guard, const struct qnk_micro *header,
                        uint64_t final_height, struct qn_buf **records)
{
    uint8_t bytes[QNK_MICRO_SIGNED_SIZE];
    const struct signed_block *before = find_block(guard, header);

    *records = NULL;
    header_bytes(header, bytes);
    if (before != NULL) {
        return memcmp(before->bytes, bytes, sizeof bytes) == 0 ? QN_OK : QN_EXISTS;
    }
    if (header->height <= final_height || header->height <= guard->floor_height) {
        return QN_DENIED;
    }
    if (guard->blocks_count == QNK_GUARD_DUTIES_MAX) {
        return QN_NO_SPACE;
    }

    struct qn_buf *out = qnk_buf_new(guard->budget, record_size(sizeof bytes));

    if (out == NULL) {
        return QN_NO_SPACE;
    }

    struct qnk_writer to = qnk_writer_init(out->data, out->size);
    struct signed_block *block = &guard->blocks[guard->blocks_count++];

    record_write(&to, RECORD_BLOCK, bytes, sizeof bytes);
    block->height = header->height;
    memcpy(block->bytes, bytes, sizeof bytes);
    *records = out;
    return QN_OK;
}

bool qnk_guard_has_block(const struct qnk_guard *guard, const struct qnk_micro *header)
{
    uint8_t bytes[QNK_MICRO_SIGNED_SIZE];
    const struct signed_block *before = find_block(guard, header);

    header_bytes(header, bytes);
    return before != NULL && memcmp(before->bytes, bytes, sizeof bytes) == 0;
}

bool qnk_guard_knows_block(const struct qnk_guard *guard, const struct qnk_micro *header)
{
    return header->height <= guard->floor_height || qnk_guard_has_block(guard, header);
}

/* --- replay and trimming --- */

const struct qnk_vote *qnk_guard_vote_at(const struct qnk_guard *guard, uint64_t window,
                                         uint32_t index)
{
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        if (guard->votes[i].window == window && index-- == 0) {
            return &guard->votes[i];
        }
    }
    return NULL;
}

struct qn_span qnk_guard_certificate_at(const struct qnk_guard *guard, uint32_t index)
{
    return index < guard->certificates_count ? qnk_buf_span(guard->certificates[index])
                                             : (struct qn_span){NULL, 0};
}

struct qn_span qnk_guard_abandon_at(const struct qnk_guard *guard, uint32_t index)
{
    return index < guard->abandons_count ? qnk_buf_span(guard->abandons[index])
                                         : (struct qn_span){NULL, 0};
}

uint64_t qnk_guard_floor(const struct qnk_guard *guard)
{
    return guard->floor_window;
}

static uint64_t certificate_window(const struct qn_buf *bytes)
{
    struct qnk_certificate certificate;
    int32_t status = qnk_certificate_decode(qnk_buf_span(bytes), &certificate);

    QN_ASSERT(status == QN_OK);
    return certificate.window;
}

static uint64_t abandon_window(const struct qn_buf *bytes)
{
    struct qnk_abandon abandon;
    int32_t status = qnk_abandon_decode(qnk_buf_span(bytes), &abandon);

    QN_ASSERT(status == QN_OK);
    return abandon.window;
}

/* Drops those whose window is at or below `window`; gives how many are left. */
static uint32_t list_forget(struct qn_buf **list, uint32_t count,
                            uint64_t (*window_of)(const struct qn_buf *bytes), uint64_t window)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (window_of(list[i]) > window) {
            list[kept++] = list[i];
        } else {
            qnk_buf_unref(list[i]);
        }
    }
    return kept;
}

void qnk_guard_forget(struct qnk_guard *guard, uint64_t window, uint64_t height)
{
    uint32_t kept = 0;

    if (window < guard->floor_window) {
        return;
    }
    guard->floor_window = window;
    guard->floor_height = height;
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        if (guard->votes[i].window > window) {
            guard->votes[kept] = guard->votes[i];
            guard->vote_bytes[kept++] = guard->vote_bytes[i];
        } else {
            qnk_buf_unref(guard->vote_bytes[i]);
        }
    }
    guard->votes_count = kept;
    kept = 0;
    for (uint32_t i = 0; i < guard->blocks_count; i++) {
        if (guard->blocks[i].height > height) {
            guard->blocks[kept++] = guard->blocks[i];
        }
    }
    guard->blocks_count = kept;
    guard->certificates_count =
        list_forget(guard->certificates, guard->certificates_count, certificate_window, window);
    guard->abandons_count =
        list_forget(guard->abandons, guard->abandons_count, abandon_window, window);
    if (guard->saved != NULL && guard->saved_window <= window) {
        qnk_buf_unref(guard->saved);
        guard->saved = NULL;
    }
}

struct qn_buf *qnk_guard_records(const struct qnk_guard *guard)
{
    uint64_t size =
        record_size(FLOOR_SIZE) + guard->blocks_count * record_size(QNK_MICRO_SIGNED_SIZE);

    for (uint32_t i = 0; i < guard->certificates_count; i++) {
        size += record_size(guard->certificates[i]->size);
    }
    for (uint32_t i = 0; i < guard->abandons_count; i++) {
        size += record_size(guard->abandons[i]->size);
    }
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        size += record_size(guard->vote_bytes[i]->size);
    }

    if (guard->saved != NULL) {
        size += record_size(8 + guard->saved->size);
    }

    struct qn_buf *out = qnk_buf_new(guard->budget, size);

    if (out == NULL) {
        return NULL;
    }

    struct qnk_writer to = qnk_writer_init(out->data, out->size);
    uint8_t floor[FLOOR_SIZE];

    qn_le64_write(floor, guard->floor_window);
    qn_le64_write(floor + 8, guard->floor_height);
    record_write(&to, RECORD_FLOOR, floor, sizeof floor);
    for (uint32_t i = 0; i < guard->blocks_count; i++) {
        record_write(&to, RECORD_BLOCK, guard->blocks[i].bytes, QNK_MICRO_SIGNED_SIZE);
    }
    for (uint32_t i = 0; i < guard->certificates_count; i++) {
        struct qn_span bytes = qnk_buf_span(guard->certificates[i]);

        record_write(&to, RECORD_CERTIFICATE, bytes.data, bytes.size);
    }
    for (uint32_t i = 0; i < guard->abandons_count; i++) {
        struct qn_span bytes = qnk_buf_span(guard->abandons[i]);

        record_write(&to, RECORD_ABANDON, bytes.data, bytes.size);
    }
    for (uint32_t i = 0; i < guard->votes_count; i++) {
        struct qn_span bytes = qnk_buf_span(guard->vote_bytes[i]);

        record_write(&to, RECORD_VOTE, bytes.data, bytes.size);
    }
    if (guard->saved != NULL) {
        uint8_t *start = record_begin(&to, RECORD_SAVED, 8 + guard->saved->size);

        qnk_writer_u64(&to, guard->saved_window);
        qnk_writer_bytes(&to, guard->saved->data, guard->saved->size);
        record_end(&to, start);
    }
    QN_ASSERT(to.room == 0);
    return out;
}
