/* SPDX-License-Identifier: MIT */

/* guard.c: the log of the sign guard, as the disk gives it back: for each record its type, its size
 * u16 and its bytes; the checksum is put on here. What was restored is written so that it is
 * restored to the same. A record of type 0 is a vote that is to be signed then. */

#include "kernel/node/guard.h"
#include "kernel/base/crc32c.h"
#include "kernel/chain/certificate.h"
#include "tests/fuzz/fuzz.h"

enum { RECORD_HEAD = 9, RECORD_ROOM = RECORD_HEAD + UINT16_MAX };

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

static void sign(struct qnk_guard *guard, struct qn_span bytes)
{
    const struct qnk_guard_facts facts = {.final_window = 1, .is_valid = true};
    const struct qnk_vote *before = NULL;
    struct qn_buf *records = NULL;
    struct qnk_vote vote;
    uint32_t rule = 0;

    if (qnk_vote_decode(bytes, &vote) == QN_OK) {
        int32_t status = qnk_guard_vote(guard, &vote, &facts, &records, &before, &rule);

        QN_ASSERT((status == QN_OK) == (rule == QNK_GUARD_OK));
        QN_ASSERT(status != QN_OK || qnk_guard_knows_vote(guard, &vote));
        qnk_buf_unref(records);
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
    struct qnk_guard *guard = qnk_guard_create(&budget);

    QN_ASSERT(guard != NULL);
    while (in.left > 0) {
        uint8_t type = qn_reader_u8(&in);
        uint16_t length = qn_reader_u16(&in);
        struct qn_span bytes = {qn_reader_fixed(&in, length), length};

        if (bytes.data == NULL) {
            break;
        }
        if (type == 0) {
            sign(guard, bytes);
        } else {
            (void)!qnk_guard_restore(guard, record_make(type, bytes));
        }
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
}
