/* SPDX-License-Identifier: MIT */

/* Jobs of the ledger for which memory lacks, wherever it does: when there is memory again they come
 * to what they would have come to, and the ledger was changed once. */

#include "tests/test.h"

#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/sink.h"
#include "kernel/node/job.h"
#include "kernel/node/tape.h"

enum { TXS = 3, SIZE = QNK_TX_TRANSFER_SIZE, UNDO_SIZE = 300, PAGES = 9, STEP = 8 };

static struct qnk_budget budget = {.limit = 1 << 24};

/* --- a ledger that counts --- */

struct qn_inst {
    uint32_t applied; /* and not undone */
    uint32_t dirty_asked;
    uint32_t members_left; /* how often it has no memory of its own yet to say who they are */
};

static int32_t apply(struct qn_inst *self, uint32_t lane, const struct qn_ledger_block *block,
                     const uint32_t *offenders, uint32_t offenders_count,
                     const struct qn_ledger_transaction *txs, uint32_t count, uint8_t *digest,
                     struct qn_effects *out, struct qn_sink *undo)
{
    static const uint8_t zeros[UNDO_SIZE];
    struct qn_ledger_effect_skipped skipped = {.index = 1, .code = QNK_TX_POOR};

    (void)lane;
    (void)offenders;
    (void)offenders_count;
    (void)txs;
    if (qnk_sink_append(undo, zeros, sizeof zeros) != QN_OK) {
        return QN_NO_SPACE;
    }
    if (block->flags == 1) {
        assert_int_equal(qn_ledger_effect_skipped_push(out, &skipped), QN_OK);
    }
    memset(digest, (int)count, QN_HASH_SIZE);
    self->applied++;
    return QN_OK;
}

static int32_t root(struct qn_inst *self, uint32_t lane, uint8_t *to)
{
    (void)self;
    (void)lane;
    memset(to, 9, QN_HASH_SIZE);
    return QN_OK;
}

static int32_t members(struct qn_inst *self, uint32_t lane, struct qn_sink *to)
{
    uint8_t record[4 + 40] = {1};

    (void)lane;
    if (self->members_left > 0) {
        self->members_left--;
        return QN_NO_SPACE;
    }
    memset(record + 4, 1, QN_HASH_SIZE);
    record[4 + QN_HASH_SIZE] = 1;
    return qnk_sink_append(to, record, sizeof record);
}

/* Says once that pages 2 and 5 changed. */
static int32_t dirty(struct qn_inst *self, uint32_t lane, struct qn_sink *to)
{
    uint8_t record[12 + 16] = {PAGES};
    uint64_t size = self->dirty_asked == 0 ? sizeof record : 12;

    (void)lane;
    if (self->dirty_asked == 0) {
        record[8] = 2;
        record[12] = 2;
        record[20] = 5;
    }
    if (qnk_sink_append(to, record, size) != QN_OK) {
        return QN_NO_SPACE;
    }
    self->dirty_asked++;
    return QN_OK;
}

static int32_t read_pages(struct qn_inst *self, uint32_t lane, const uint64_t *indexes,
                          uint32_t count, struct qn_sink *to)
{
    static uint8_t page[QN_LEDGER_PAGE_SIZE];
    int32_t status = QN_OK;

    (void)self;
    (void)lane;
    for (uint32_t i = 0; status == QN_OK && i < count; i++) {
        memset(page, (int)indexes[i], sizeof page);
        status = qnk_sink_append(to, page, sizeof page);
    }
    return status;
}

static const struct qn_ledger_1 slots = {
    .head = QN_LEDGER_1_HEAD,
    .apply = apply,
    .root = root,
    .members = members,
    .dirty = dirty,
    .read_pages = read_pages,
};

static void run(struct qnk_job *job, struct qn_inst *inst)
{
    struct qnk_job_host host = {.ledger = {.table = &slots, .inst = inst}};

    qnk_job_run(job, &host, 0);
}

/* --- jobs --- */

static struct qn_buf *rows_make(void)
{
    static const uint8_t payload[40];
    static const uint8_t from[32] = {7};
    struct qn_buf *rows = qnk_buf_new(&budget, TXS * SIZE);

    assert_non_null(rows);
    for (uint32_t i = 0; i < TXS; i++) {
        struct qnk_tx tx = {
            .payload = {payload, sizeof payload}, .from = from, .nonce = i, .valid_until = 10};

        qnk_tx_encode(&tx, rows->data + (uint64_t)i * SIZE);
    }
    return rows;
}

static void more_add(struct qnk_job *job, const uint64_t *pages, uint32_t count)
{
    struct qnk_page_list *more = &job->more[job->more_count++];

    more->indexes = qnk_memory_take(&budget, count * sizeof *pages);
    assert_non_null(more->indexes);
    memcpy(more->indexes, pages, count * sizeof *pages);
    more->count = count;
}

static struct qnk_job *job_make(uint32_t kind)
{
    struct qnk_job *job = qnk_job_create(&budget, kind, 1);
    struct qn_buf *rows = rows_make();

    assert_non_null(job);
    job->txs_max = TXS;
    if (kind == QNK_JOB_APPLY) {
        job->buf = qnk_buf_ref(rows);
    } else if (kind == QNK_JOB_BUILD) {
        assert_true(qnk_job_refs(job, TXS));
        for (uint32_t i = 0; i < TXS; i++) {
            job->refs[i] = (struct qnk_tx_ref){
                .id = {{(uint8_t)i}}, .buf = qnk_buf_ref(rows), .offset = i * SIZE, .size = SIZE};
        }
    } else {
        more_add(job, (const uint64_t[]){3, 5, PAGES}, 3);
        more_add(job, (const uint64_t[]){0, 3, 7}, 3);
    }
    qnk_buf_unref(rows);
    return job;
}

static uint32_t answer_of(uint32_t kind)
{
    struct qn_inst inst = {0};
    struct qnk_job *job = job_make(kind);
    uint32_t digest;

    run(job, &inst);
    assert_int_equal(job->status, QN_OK);
    digest = qnk_tape_job_digest(job);
    qnk_job_destroy(job);
    return digest;
}

static int32_t run_with(struct qnk_job *job, struct qn_inst *inst, size_t left)
{
    size_t limit = budget.limit;

    budget.limit = budget.used + left;
    run(job, inst);
    budget.limit = limit;
    return job->status;
}

/* There is nothing left, twice; then a little more, and so on: and then there is enough. */
static void starve(uint32_t kind)
{
    uint32_t answer = answer_of(kind);
    int32_t status = QN_NO_SPACE;
    uint32_t times = 0;

    for (size_t left = 0; status == QN_NO_SPACE; left += STEP) {
        struct qn_inst inst = {.members_left = left % 3 == 0};
        struct qnk_job *job = job_make(kind);

        for (uint32_t i = 0; i < 2; i++) {
            status = run_with(job, &inst, left);
            if (status == QN_OK) {
                break;
            }
            assert_int_equal(status, QN_NO_SPACE);
        }
        if (status != QN_OK) {
            run(job, &inst);
        }
        assert_int_equal(job->status, QN_OK);
        assert_int_equal(qnk_tape_job_digest(job), answer);
        assert_int_equal(inst.applied, kind == QNK_JOB_END ? 0 : 1);
        assert_int_equal(inst.dirty_asked, kind == QNK_JOB_END ? 1 : 0);
        qnk_job_destroy(job);
        assert_int_equal(budget.used, 0);
        times++;
    }
    assert_true(times > 20);
}

static void a_block_that_memory_lacked_for_is_applied_once(void **state)
{
    (void)state;
    starve(QNK_JOB_APPLY);
}

static void a_block_of_ours_that_memory_lacked_for_is_built_once(void **state)
{
    (void)state;
    starve(QNK_JOB_BUILD);
}

static void a_window_s_end_that_memory_lacked_for_forgets_no_page(void **state)
{
    (void)state;
    starve(QNK_JOB_END);
}

/* What changed, and what window ends that came to nothing had changed: each once, but for what is
 * gone. */
static void a_window_s_end_reads_what_ends_before_it_lost(void **state)
{
    static const uint64_t want[] = {0, 2, 3, 5, 7};
    struct qn_inst inst = {0};
    struct qnk_job *job = job_make(QNK_JOB_END);

    (void)state;
    run(job, &inst);
    assert_int_equal(job->status, QN_OK);
    assert_int_equal(job->pages.pages, PAGES);
    assert_int_equal(job->pages.count, 5);
    assert_memory_equal(job->pages.indexes, want, sizeof want);
    assert_int_equal(job->pages.bytes->size, 5 * QN_LEDGER_PAGE_SIZE);
    assert_int_equal(job->pages.bytes->data[4 * QN_LEDGER_PAGE_SIZE], 7);
    qnk_job_destroy(job);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_that_memory_lacked_for_is_applied_once),
        cmocka_unit_test(a_block_of_ours_that_memory_lacked_for_is_built_once),
        cmocka_unit_test(a_window_s_end_that_memory_lacked_for_forgets_no_page),
        cmocka_unit_test(a_window_s_end_reads_what_ends_before_it_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
