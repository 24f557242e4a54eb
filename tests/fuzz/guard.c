/* SPDX-License-Identifier: MIT */

/* guard.c: the log of the sign guard, as the disk gives it back, and what it is asked for then: a
 * list of deeds, each a type u8, a size u16 and its bytes. A type is
 *
 *     a record's  it is restored; the checksum is put on here
 *     0           a vote is to be signed, for whose digest nothing speaks but that it is valid
 *     ASK         the same with facts of its own: flags u8, final window u8; then the vote. Its
 *                 certificates are the last that the log has, and it gives an attempt up in the
 *                 words of the log, if flags say so (FLAG_...)
 *     BLOCK       a header is to be signed
 *     SAVE        window u8: the rest is to be kept for it
 *     FORGET      window u8, height u8: they are final
 *
 * What was allowed is durable at once, and there if it is asked for again. What the log holds in
 * the end is written so that it is restored to the same. */

#include "kernel/node/guard.h"
#include "kernel/base/crc32c.h"
#include "kernel/chain/certificate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"

enum { RECORD_HEAD = 9, RECORD_ROOM = RECORD_HEAD + UINT16_MAX };

enum { ASK = 100, BLOCK = 101, SAVE = 102, FORGET = 103 };

enum {
    FLAG_INVALID = 1,
    FLAG_LOCKLESS = 2,
    FLAG_PREPARED = 4,
    FLAG_JUSTIFIED = 8,
    FLAG_ABANDONS = 16, /* one of each earlier attempt */
    FLAG_STANDING = 32,
};

static struct qnk_budget budget = {.limit = 1 << 26};

static struct qn_span record_make(uint8_t type, struct qn_span bytes)
{
    static uint8_t record[RECORD_ROOM];

    qn_le32_write(record, (uint32_t)bytes.size + 1);
    record[8] = type;
    if (bytes.size > 0) {
        memcpy(record + RECORD_HEAD, bytes.data, bytes.size);
    }
    qn_le32_write(record + 4, qnk_crc32c(0, record + 8, bytes.size + 1));
    return (struct qn_span){record, RECORD_HEAD + bytes.size};
}

/* What a guard wants durable is what a restored one takes. */
static void records_take(struct qn_buf *records)
{
    uint64_t at = 0;

    while (records != NULL && at < records->size) {
        QN_ASSERT(records->size - at >= 4 + RECORD_HEAD);
        at += 4 + qn_le32_read(records->data + at);
        QN_ASSERT(at <= records->size);
    }
    qnk_buf_unref(records);
}

static void vote_sign(struct qnk_guard *guard, const struct qnk_vote *vote,
                      const struct qnk_guard_facts *facts)
{
    const struct qnk_vote *before = NULL;
    struct qn_buf *records = NULL;
    uint32_t rule = 0;
    int32_t status = qnk_guard_vote(guard, vote, facts, &records, &before, &rule);

    QN_ASSERT((status == QN_OK) == (rule == QNK_GUARD_OK));
    QN_ASSERT(status != QN_OK || qnk_guard_knows_vote(guard, vote));
    QN_ASSERT((status == QN_EXISTS) == (before != NULL));
    records_take(records);
    if (status == QN_OK) {
        QN_ASSERT(qnk_guard_vote(guard, vote, facts, &records, &before, &rule) == QN_OK);
        QN_ASSERT(records == NULL);
    }
}

static void sign(struct qnk_guard *guard, struct qn_span bytes)
{
    const struct qnk_guard_facts facts = {.final_window = 1, .is_valid = true};
    struct qnk_vote vote;

    if (qnk_vote_decode(bytes, &vote) == QN_OK) {
        vote_sign(guard, &vote, &facts);
    }
}

/* The last of a list; empty: it has none. */
static struct qn_span last_of(const struct qnk_guard *guard,
                              struct qn_span (*at)(const struct qnk_guard *, uint32_t))
{
    struct qn_span last = {NULL, 0}, next;

    for (uint32_t i = 0; (next = at(guard, i)).size > 0; i++) {
        last = next;
    }
    return last;
}

/* The first certificate of the log that gives up this attempt at the vote's window. */
static struct qn_span abandon_find(const struct qnk_guard *guard, const struct qnk_vote *vote,
                                   uint32_t era)
{
    struct qnk_abandon abandon;
    struct qn_span held;

    for (uint32_t i = 0; (held = qnk_guard_abandon_at(guard, i)).size > 0; i++) {
        QN_ASSERT(qnk_abandon_decode(held, &abandon) == QN_OK);
        if (abandon.era == era && abandon.window == vote->window) {
            break;
        }
    }
    return held;
}

/* One of each earlier attempt, as far as the log has them. */
static uint32_t abandons_find(const struct qnk_guard *guard, const struct qnk_vote *vote,
                              struct qn_span to[QNK_ATTEMPTS_MAX])
{
    uint32_t attempts = qnk_era_attempt(vote->era), count = 0;

    while (count < attempts && count < QNK_ATTEMPTS_MAX) {
        to[count] = abandon_find(guard, vote, vote->era - attempts + count);
        if (to[count].size == 0) {
            break;
        }
        count++;
    }
    return count;
}

static void ask(struct qnk_guard *guard, struct qn_reader in)
{
    uint8_t flags = qn_reader_u8(&in), words[QNK_STANDING_SIZE];
    struct qnk_guard_facts facts = {.final_window = qn_reader_u8(&in)};
    struct qn_span certificate, abandons[QNK_ATTEMPTS_MAX];
    struct qnk_standing standing;
    struct qnk_vote vote;

    if (in.at == NULL || qnk_vote_decode((struct qn_span){in.at, in.left}, &vote) != QN_OK) {
        return;
    }
    certificate = last_of(guard, qnk_guard_certificate_at);
    facts.is_valid = (flags & FLAG_INVALID) == 0;
    facts.is_lockless = (flags & FLAG_LOCKLESS) != 0;
    facts.prepared = (flags & FLAG_PREPARED) != 0 ? certificate : facts.prepared;
    facts.justified = (flags & FLAG_JUSTIFIED) != 0 ? certificate : facts.justified;
    if ((flags & FLAG_ABANDONS) != 0) {
        facts.abandons_count = abandons_find(guard, &vote, abandons);
        facts.abandons = abandons;
    }
    if ((flags & FLAG_STANDING) != 0 && vote.step == QNK_STEP_ABANDON) {
        qnk_guard_standing(guard, &vote, &standing);
        qnk_standing_encode(&standing, words);
        qnk_standing_digest(words, &vote.digest);
        vote.tail = (struct qn_span){words, sizeof words};
    }
    vote_sign(guard, &vote, &facts);
}

static void block(struct qnk_guard *guard, struct qn_span bytes)
{
    struct qn_buf *records = NULL;
    struct qnk_micro header;

    if (qnk_micro_decode(bytes, &header) == QN_OK) {
        int32_t status = qnk_guard_block(guard, &header, 1, &records);

        QN_ASSERT(status == QN_OK || status == QN_EXISTS || status == QN_DENIED);
        QN_ASSERT((status == QN_OK) == qnk_guard_has_block(guard, &header));
        QN_ASSERT(status != QN_OK || qnk_guard_knows_block(guard, &header));
        records_take(records);
    }
}

static void save(struct qnk_guard *guard, struct qn_reader in)
{
    uint64_t window = qn_reader_u8(&in);

    if (in.at != NULL) {
        struct qn_span content = {in.at, in.left};
        struct qn_buf *records = qnk_guard_saved(guard, window, content);
        struct qn_span kept = qnk_guard_saved_at(guard, window);

        QN_ASSERT(records != NULL && fuzz_is_same(kept, content.data, content.size));
        records_take(records);
    }
}

static void forget(struct qnk_guard *guard, struct qn_reader in)
{
    uint64_t window = qn_reader_u8(&in), floor = qnk_guard_floor(guard);

    qnk_guard_forget(guard, window, qn_reader_u8(&in));
    QN_ASSERT(qnk_guard_floor(guard) == (window > floor ? window : floor));
}

static void deed_do(struct qnk_guard *guard, uint8_t type, struct qn_span bytes)
{
    struct qn_reader in = qn_reader_over(bytes);

    switch (type) {
    case 0:
        sign(guard, bytes);
        break;
    case ASK:
        ask(guard, in);
        break;
    case BLOCK:
        block(guard, bytes);
        break;
    case SAVE:
        save(guard, in);
        break;
    case FORGET:
        forget(guard, in);
        break;
    default:
        (void)!qnk_guard_restore(guard, record_make(type, bytes));
    }
}

/* Every vote that is kept can be said again. */
static void votes_run(const struct qnk_guard *guard)
{
    static uint8_t bytes[QNK_VOTE_WIRE_SIZE + UINT16_MAX];
    const struct qnk_vote *vote;

    for (uint64_t window = 0; window < 12; window++) {
        for (uint32_t i = 0; (vote = qnk_guard_vote_at(guard, window, i)) != NULL; i++) {
            struct qnk_vote again;

            qnk_vote_encode(vote, bytes);
            QN_ASSERT(qnk_vote_decode((struct qn_span){bytes, qnk_vote_size(vote)}, &again) ==
                      QN_OK);
        }
        (void)qnk_guard_saved_at(guard, window);
    }
}

static void restore_all(struct qnk_guard *guard, const struct qn_buf *records)
{
    uint64_t at = 0;

    while (at < records->size) {
        uint32_t size = qn_le32_read(records->data + at);
        struct qn_span record = {records->data + at + 4, size};

        QN_ASSERT(qnk_guard_restore(guard, record) == QN_OK);
        at += 4 + size;
    }
}

static void again_run(const struct qnk_guard *guard)
{
    struct qnk_guard *other = qnk_guard_create(&budget);
    struct qn_buf *records = qnk_guard_records(guard);

    QN_ASSERT(other != NULL && records != NULL);
    restore_all(other, records);

    struct qn_buf *again = qnk_guard_records(other);

    QN_ASSERT(again != NULL);
    QN_ASSERT(fuzz_is_same(qnk_buf_span(records), again->data, again->size));
    QN_ASSERT(qnk_guard_floor(other) == qnk_guard_floor(guard));
    qnk_buf_unref(records);
    qnk_buf_unref(again);
    qnk_guard_destroy(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    struct qnk_guard *guard;

    fuzz_heap_reset();
    guard = qnk_guard_create(&budget);
    QN_ASSERT(guard != NULL);
    while (in.left > 0) {
        uint8_t type = qn_reader_u8(&in);
        uint16_t length = qn_reader_u16(&in);
        struct qn_span bytes = {qn_reader_fixed(&in, length), length};

        if (bytes.data == NULL) {
            break;
        }
        deed_do(guard, type, bytes);
    }
    (void)!qnk_guard_restore(guard, (struct qn_span){data, size});
    votes_run(guard);
    again_run(guard);
    qnk_guard_destroy(guard);
    QN_ASSERT(budget.used == 0);
    return 0;
}

static uint8_t *chunk(uint8_t *to, uint8_t type, const void *bytes, uint16_t size)
{
    to = qn_writer_u16(qn_writer_u8(to, type), size);
    return qn_writer_fixed(to, bytes, size);
}

static uint8_t *ask_put(uint8_t *to, uint8_t flags, const struct qnk_vote *vote)
{
    uint8_t part[512] = {flags, 0};

    qnk_vote_encode(vote, part + 2);
    return chunk(to, ASK, part, (uint16_t)(2 + qnk_vote_size(vote)));
}

/* A lock, a vote that its certificate justifies, the attempt given up, and a vote of the next one
 * that this permits; then a block, what an engine keeps, and a window that is final. */
static void seeds_asked(fuzz_take *take)
{
    struct qnk_vote vote = {.step = QNK_STEP_PREPARE, .window = 9, .round = 1, .vr = -1};
    const struct qnk_vote *votes[1] = {&vote};
    struct qnk_micro micro = {.version = QNK_MICRO_VERSION, .height = 90};
    uint8_t bytes[4096], part[1024], words[QNK_STANDING_SIZE], *at = bytes;
    struct qnk_standing standing = {.lock_round = 1, .round = 2};
    uint64_t size = qnk_certificate_size(0, 1, 1);

    vote.digest.bytes[0] = 1;
    qnk_certificate_encode(votes, 1, 1, part);
    at = chunk(at, 3, part, (uint16_t)size);
    vote.step = QNK_STEP_FINAL;
    at = ask_put(at, FLAG_PREPARED, &vote);
    vote.step = QNK_STEP_PREPARE;
    vote.round = 2;
    vote.vr = 1;
    at = ask_put(at, FLAG_JUSTIFIED, &vote);
    vote.step = QNK_STEP_ABANDON;
    vote.round = 0;
    vote.vr = -1;
    standing.lock = vote.digest;
    qnk_standing_encode(&standing, words);
    qnk_standing_digest(words, &vote.digest);
    vote.tail = (struct qn_span){words, sizeof words};
    at = ask_put(at, FLAG_STANDING, &vote);
    memmove(part + 512, part, size);
    qnk_abandon_encode(votes, 1, (struct qn_span){part + 512, size}, part);
    at = chunk(at, 6, part, (uint16_t)qnk_abandon_size(1, size));
    vote = (struct qnk_vote){.step = QNK_STEP_PREPARE, .window = 9, .vr = -1, .era = 1};
    vote.digest.bytes[0] = 1;
    vote.round = 1;
    at = ask_put(at, FLAG_ABANDONS, &vote);
    qnk_micro_encode(&micro, part);
    at = chunk(at, BLOCK, part, QNK_MICRO_SIZE);
    at = chunk(at, SAVE, (const uint8_t[]){9, 1, 2, 3}, 4);
    take(bytes, (size_t)(at - bytes));
    at = chunk(at, FORGET, (const uint8_t[]){9, 90}, 2);
    take(bytes, (size_t)(at - bytes));
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t zeros[64];
    struct qnk_vote vote = {.step = QNK_STEP_PREPARE, .window = 9, .vr = -1, .digest = {{1}}};
    const struct qnk_vote *votes[1] = {&vote};
    struct qnk_micro micro = {.version = QNK_MICRO_VERSION, .height = 90};
    struct qnk_vote given_up = {.step = QNK_STEP_ABANDON, .window = 9, .vr = -1};
    const struct qnk_vote *given_up_by[1] = {&given_up};
    struct qnk_standing standing = {.lock_round = -1};
    uint8_t bytes[2048], part[512], words[QNK_STANDING_SIZE], *at = bytes;

    at = chunk(at, 5, zeros, 16);
    qnk_micro_encode(&micro, part);
    at = chunk(at, 1, part, QNK_MICRO_SIGNED_SIZE);
    vote.tail = (struct qn_span){zeros, 64};
    qnk_vote_record(&vote, part);
    qn_le32_write(part + QNK_VOTE_RECORD_SIZE, 0);
    memcpy(part + QNK_VOTE_RECORD_SIZE + 4, zeros, 64);
    at = chunk(at, 2, part, QNK_VOTE_RECORD_SIZE + 4 + 64);
    qnk_certificate_encode(votes, 1, 1, part);
    at = chunk(at, 3, part, (uint16_t)qnk_certificate_size(QNK_CERTIFICATE_BLINDS, 1, 1));
    at = chunk(at, 4, part, 20);
    qnk_standing_encode(&standing, words);
    qnk_standing_digest(words, &given_up.digest);
    given_up.tail = (struct qn_span){words, sizeof words};
    qnk_abandon_encode(given_up_by, 1, (struct qn_span){NULL, 0}, part);
    at = chunk(at, 6, part, (uint16_t)qnk_abandon_size(1, 0));
    qnk_vote_encode(&given_up, part);
    at = chunk(at, 0, part, (uint16_t)qnk_vote_size(&given_up));
    qnk_vote_encode(&vote, part);
    at = chunk(at, 0, part, (uint16_t)qnk_vote_size(&vote));
    take(bytes, (size_t)(at - bytes));
    seeds_asked(take);
}
