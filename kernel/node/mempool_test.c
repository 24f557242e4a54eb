/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/mempool.h"

enum { SIZE = QNK_TX_TRANSFER_SIZE, CHUNK = 192, UNTIL = 1000 };

static struct qnk_budget budget = {.limit = 1 << 28};

static struct qnk_mempool *pool_of(uint32_t txs, uint32_t senders, uint64_t bytes)
{
    struct qnk_mempool_limits limits = {.txs = txs, .senders = senders, .bytes = bytes};
    struct qnk_mempool *pool = qnk_mempool_create(&budget, &limits, 7);

    assert_non_null(pool);
    return pool;
}

static void done(struct qnk_mempool *pool)
{
    qnk_mempool_destroy(pool);
    assert_int_equal(budget.used, 0);
}

/* A transfer, whose fee is its priority too; gives its id. */
static struct qnk_hash make(uint8_t bytes[SIZE], int sender, uint64_t nonce, uint64_t fee,
                            struct qnk_tx *tx)
{
    static const uint8_t payload[40];
    uint8_t from[32];
    struct qnk_tx made = {.payload = {payload, sizeof payload},
                          .from = from,
                          .nonce = nonce,
                          .valid_until = UNTIL + nonce,
                          .fee = fee};
    struct qnk_hash id;

    memset(from, sender, sizeof from);
    qnk_tx_encode(&made, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, SIZE}, tx), QN_OK);
    qnk_tx_id(tx, &id);
    return id;
}

static uint32_t add(struct qnk_mempool *pool, int sender, uint64_t nonce, uint64_t fee,
                    uint64_t next)
{
    uint8_t bytes[SIZE];
    struct qnk_tx tx;
    struct qnk_hash id = make(bytes, sender, nonce, fee, &tx);
    struct qnk_tx_verdict verdict = {.next = next, .priority = fee};

    return qnk_mempool_add(pool, &tx, &id, &verdict, 5);
}

static bool has(const struct qnk_mempool *pool, int sender, uint64_t nonce, uint64_t fee)
{
    uint8_t bytes[SIZE];
    struct qnk_tx tx;
    struct qnk_hash id = make(bytes, sender, nonce, fee, &tx);
    struct qn_span found = qnk_mempool_find(pool, &id);

    assert_true(found.size == 0 || memcmp(found.data, bytes, SIZE) == 0);
    return found.size > 0;
}

/* What a block of `txs` would take, as sender * 100 + nonce each. */
static uint32_t pick(struct qnk_mempool *pool, uint32_t txs, uint32_t bytes, uint32_t *to)
{
    struct qnk_job *job = qnk_job_create(&budget, QNK_JOB_BUILD, 1);
    uint32_t count;

    assert_non_null(job);
    assert_true(qnk_mempool_pick(pool, txs, bytes, job));
    count = job->refs_count;
    for (uint32_t i = 0; i < count; i++) {
        struct qnk_tx tx;
        struct qn_span row = {job->refs[i].buf->data + job->refs[i].offset, job->refs[i].size};

        assert_int_equal(qnk_tx_decode(row, &tx), QN_OK);
        to[i] = tx.from[0] * 100u + (uint32_t)tx.nonce;
    }
    qnk_job_destroy(job);
    return count;
}

static void the_best_first_one_of_all_runs_comes_next(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    static const uint32_t expected[] = {200, 100, 101, 102, 201};
    uint32_t got[8];

    (void)state;
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 2, 90, 0), QNK_TX_OK); /* worth much, but third */
    assert_int_equal(add(pool, 1, 1, 40, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 70, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 1, 10, 0), QNK_TX_OK);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 5);
    assert_memory_equal(got, expected, sizeof expected);
    assert_int_equal(pick(pool, 2, 1 << 20, got), 2);
    assert_int_equal(pick(pool, 8, 3 * SIZE, got), 3); /* bytes bound it too */
    assert_int_equal(qnk_mempool_stats(pool).txs, 5);  /* picking takes nothing out */
    done(pool);
}

static void a_run_with_a_hole_waits(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint32_t got[8];

    (void)state;
    assert_int_equal(add(pool, 1, 3, 50, 2), QNK_TX_OK);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 0);
    assert_int_equal(add(pool, 1, 2, 50, 2), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 5, 50, 2), QNK_TX_OK);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 2);
    assert_int_equal(got[0], 102);
    assert_int_equal(got[1], 103);
    done(pool);
}

static void what_was_included_leaves_and_what_was_undone_may_come_again(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint8_t from[32];
    uint32_t got[8];

    (void)state;
    memset(from, 1, sizeof from);
    for (uint64_t nonce = 0; nonce < 3; nonce++) {
        assert_int_equal(add(pool, 1, nonce, 50, 0), QNK_TX_OK);
    }
    qnk_mempool_included(pool, from, 0);
    qnk_mempool_included(pool, from, 1);
    assert_false(has(pool, 1, 0, 50));
    assert_true(has(pool, 1, 2, 50));
    assert_int_equal(pick(pool, 8, 1 << 20, got), 1);
    qnk_mempool_undone(pool, from, 1);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 0); /* 1 is missing again */
    assert_int_equal(add(pool, 1, 1, 50, 1), QNK_TX_OK);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 2);
    done(pool);
}

static void a_block_that_is_undone_gives_back_all_that_a_sender_had_in_it(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint8_t from[32];
    uint32_t got[8];

    (void)state;
    memset(from, 1, sizeof from);
    assert_int_equal(add(pool, 1, 3, 50, 3), QNK_TX_OK); /* it waits while the others come and go */
    for (uint64_t nonce = 0; nonce < 3; nonce++) {
        qnk_mempool_included(pool, from, nonce);
    }
    for (uint64_t nonce = 0; nonce < 3; nonce++) {
        qnk_mempool_undone(pool, from, nonce);
    }
    for (uint64_t nonce = 0; nonce < 3; nonce++) {
        assert_int_equal(add(pool, 1, nonce, 50, 0), QNK_TX_OK);
    }
    assert_int_equal(pick(pool, 8, 1 << 20, got), 4);
    done(pool);
}

static void the_same_nonce_again_costs_a_tenth_more(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);

    (void)state;
    assert_int_equal(add(pool, 1, 0, 1000, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 0, 1000, 0), QNK_TX_KNOWN);
    assert_int_equal(add(pool, 1, 0, 1099, 0), QNK_TX_UNDERPRICED);
    assert_int_equal(add(pool, 1, 0, 1100, 0), QNK_TX_OK);
    assert_false(has(pool, 1, 0, 1000));
    assert_true(has(pool, 1, 0, 1100));
    assert_int_equal(qnk_mempool_stats(pool).txs, 1);
    assert_int_equal(qnk_mempool_stats(pool).replaced, 1);
    done(pool);
}

/* A larger one, when there is no memory for chunks of its size. */
static void what_finds_no_memory_replaces_nothing(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint8_t payload[1 + QNK_TX_SIZE_MIN] = {0}, bytes[2 * QNK_TX_SIZE_MIN + 1];
    uint8_t from[QN_KEY_SIZE];
    struct qnk_tx made = {
        .payload = {payload, sizeof payload}, .from = from, .fee = 90, .valid_until = UNTIL};
    struct qnk_tx_verdict verdict = {.priority = 90};
    uint64_t limit = budget.limit;
    struct qnk_hash id;
    struct qnk_tx tx;

    (void)state;
    memset(from, 1, sizeof from);
    qnk_tx_encode(&made, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, sizeof bytes}, &tx), QN_OK);
    qnk_tx_id(&tx, &id);
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK);
    budget.limit = budget.used;
    assert_int_equal(qnk_mempool_add(pool, &tx, &id, &verdict, 5), QNK_TX_FULL);
    assert_true(has(pool, 1, 0, 50));
    budget.limit = limit;
    assert_int_equal(qnk_mempool_add(pool, &tx, &id, &verdict, 5), QNK_TX_OK);
    assert_false(has(pool, 1, 0, 50));
    done(pool);
}

static void at_the_bound_the_least_worth_leaves(void **state)
{
    struct qnk_mempool *pool = pool_of(3, 10, 1 << 20);

    (void)state;
    assert_int_equal(add(pool, 1, 0, 10, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 20, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 3, 0, 30, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 4, 0, 10, 0), QNK_TX_FULL); /* no more than what is here */
    assert_int_equal(add(pool, 4, 0, 15, 0), QNK_TX_OK);
    assert_false(has(pool, 1, 0, 10));
    assert_int_equal(qnk_mempool_stats(pool).evicted, 1);
    done(pool);
}

static void who_leaves_takes_what_hangs_on_it_along(void **state)
{
    struct qnk_mempool *pool = pool_of(3, 10, 1 << 20);

    (void)state;
    assert_int_equal(add(pool, 1, 1, 90, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 0, 10, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 50, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 3, 0, 20, 0), QNK_TX_OK);
    assert_false(has(pool, 1, 0, 10));
    assert_false(has(pool, 1, 1, 90));
    assert_int_equal(qnk_mempool_stats(pool).txs, 2);
    assert_int_equal(qnk_mempool_stats(pool).bytes, 2 * SIZE);
    done(pool);
}

static void bytes_and_senders_are_bounds_too(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 2, 3 * CHUNK);

    (void)state;
    assert_int_equal(add(pool, 1, 0, 10, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 1, 10, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 2, 10, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 5, 0), QNK_TX_FULL);
    assert_int_equal(add(pool, 2, 0, 50, 0), QNK_TX_OK);
    assert_int_equal(qnk_mempool_stats(pool).txs, 3);
    assert_int_equal(add(pool, 3, 0, 5, 0), QNK_TX_FULL);
    assert_int_equal(qnk_mempool_stats(pool).senders, 2);
    done(pool);
}

/* Fees that nobody will pay: behind a hole, behind a first one that is worth little, or held. */
static void what_cannot_come_next_pushes_nothing_out(void **state)
{
    struct qnk_mempool *pool = pool_of(4, 10, 1 << 20);
    uint8_t bytes[SIZE];
    struct qnk_tx tx;
    struct qnk_hash id;

    (void)state;
    for (int sender = 1; sender < 5; sender++) {
        assert_int_equal(add(pool, sender, 0, 50, 0), QNK_TX_OK);
    }
    assert_int_equal(add(pool, 9, 3, UINT64_MAX, 0), QNK_TX_FULL);
    assert_int_equal(add(pool, 1, 1, UINT64_MAX, 0), QNK_TX_FULL);
    assert_int_equal(add(pool, 9, 0, 51, 0), QNK_TX_OK); /* the newest of the others goes */
    assert_false(has(pool, 4, 0, 50));
    id = make(bytes, 9, 0, 51, &tx);
    qnk_mempool_refused(pool, &id, QNK_TX_POOR);
    assert_int_equal(add(pool, 4, 0, 1, 0), QNK_TX_OK); /* it is worth nothing while it is held */
    assert_false(has(pool, 9, 0, 51));
    done(pool);
}

static void what_fills_its_hole_is_worth_its_fee_again(void **state)
{
    struct qnk_mempool *pool = pool_of(3, 10, 1 << 20);
    uint8_t from[32];

    (void)state;
    assert_int_equal(add(pool, 1, 1, 90, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 0, 80, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 70, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 3, 0, 75, 0), QNK_TX_OK);
    assert_false(has(pool, 2, 0, 70));
    memset(from, 1, sizeof from);
    qnk_mempool_included(pool, from, 0);
    assert_int_equal(add(pool, 4, 0, 76, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 4, 1, 85, 0), QNK_TX_OK); /* 3's goes, worth 75; this is worth 76 */
    assert_false(has(pool, 3, 0, 75));
    assert_true(has(pool, 1, 1, 90));
    done(pool);
}

static void a_run_of_the_least_worth_gives_its_sender_place_up(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 3, 1 << 20);

    (void)state;
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 40, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 1, 60, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 3, 0, 45, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 4, 0, 40, 0), QNK_TX_FULL);
    assert_int_equal(add(pool, 4, 0, 41, 0), QNK_TX_OK);
    assert_false(has(pool, 2, 0, 40) || has(pool, 2, 1, 60));
    assert_int_equal(qnk_mempool_stats(pool).senders, 3);
    done(pool);
}

static void a_run_is_bounded(void **state)
{
    struct qnk_mempool *pool = pool_of(1000, 10, 1 << 20);

    (void)state;
    for (uint64_t nonce = 0; nonce < QNK_MEMPOOL_RUN; nonce++) {
        assert_int_equal(add(pool, 1, nonce, 50, 0), QNK_TX_OK);
    }
    assert_int_equal(add(pool, 1, QNK_MEMPOOL_RUN, 50, 0), QNK_TX_EARLY);
    assert_int_equal(add(pool, 2, 1000, 50, 0), QNK_TX_EARLY);
    assert_int_equal(add(pool, 3, 4, 50, 5), QNK_TX_STALE);
    done(pool);
}

static void what_is_too_old_expires(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);

    (void)state;
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK); /* until UNTIL */
    assert_int_equal(add(pool, 2, 5, 50, 5), QNK_TX_OK); /* until UNTIL + 5 */
    qnk_mempool_expire(pool, UNTIL);
    assert_int_equal(qnk_mempool_stats(pool).txs, 2);
    qnk_mempool_expire(pool, UNTIL + 1);
    assert_false(has(pool, 1, 0, 50));
    assert_true(has(pool, 2, 5, 50));
    done(pool);
}

/* Those behind a hole are worth nothing from then on, and change their places in the heap. */
static void all_that_is_too_old_expires_at_once(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 20, 1 << 20);

    (void)state;
    for (int sender = 1; sender <= 20; sender++) {
        for (uint64_t nonce = 0; nonce < 4; nonce++) {
            assert_int_equal(add(pool, sender, nonce, (uint64_t)(sender * 7 % 20 + 1), 0),
                             QNK_TX_OK);
        }
    }
    qnk_mempool_expire(pool, UNTIL + 1);
    assert_int_equal(qnk_mempool_stats(pool).txs, 60);
    qnk_mempool_expire(pool, UNTIL + 2);
    assert_int_equal(qnk_mempool_stats(pool).txs, 40);
    assert_int_equal(qnk_mempool_stats(pool).expired, 40);
    assert_int_equal(qnk_mempool_stats(pool).senders, 20);
    qnk_mempool_expire(pool, UNTIL + 4);
    assert_int_equal(qnk_mempool_stats(pool).txs, 0);
    assert_int_equal(qnk_mempool_stats(pool).senders, 0);
    done(pool);
}

static void what_a_block_could_not_execute_is_held_or_leaves(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint8_t bytes[SIZE];
    struct qnk_tx tx;
    struct qnk_hash id = make(bytes, 1, 0, 50, &tx);
    struct qnk_tx_verdict good = {.next = 0, .priority = 50};
    uint32_t got[8];

    (void)state;
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK);
    qnk_mempool_refused(pool, &id, QNK_TX_POOR);
    assert_true(has(pool, 1, 0, 50));
    assert_int_equal(pick(pool, 8, 1 << 20, got), 0);
    qnk_mempool_refresh(pool, &id, &good);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 1);
    qnk_mempool_refused(pool, &id, QNK_TX_WRONG);
    assert_false(has(pool, 1, 0, 50));
    done(pool);
}

static void all_can_be_written_down_and_named(void **state)
{
    struct qnk_mempool *pool = pool_of(100, 10, 1 << 20);
    uint8_t ids[3 * QN_HASH_SIZE], bytes[SIZE];
    struct qnk_tx tx;
    struct qnk_hash id = make(bytes, 1, 0, 50, &tx);
    struct qn_buf *rows;
    struct qn_span rest;

    (void)state;
    assert_int_equal(add(pool, 1, 1, 50, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 1, 0, 50, 0), QNK_TX_OK);
    assert_int_equal(add(pool, 2, 0, 50, 0), QNK_TX_OK);
    rows = qnk_mempool_rows(pool);
    assert_int_equal(rows->size, 3 * SIZE);
    rest = qnk_buf_span(rows);
    for (uint64_t nonce = 0; nonce < 2; nonce++) { /* runs in order */
        assert_int_equal(qnk_tx_next(&rest, &tx), QN_OK);
        assert_int_equal(tx.nonce, nonce);
    }
    qnk_buf_unref(rows);
    assert_int_equal(qnk_mempool_ids(pool, 2, ids), 2);
    assert_memory_equal(ids, id.bytes, QN_HASH_SIZE);
    assert_int_equal(qnk_mempool_ids(pool, 3, ids), 3);
    done(pool);
}

/* Its sender keeps as many waiting as may be, and a branch with the one before them is left. */
static void what_comes_back_finds_room_before_a_full_run(void **state)
{
    struct qnk_mempool *pool = pool_of(1000, 10, 1 << 20);
    uint8_t from[32];
    uint32_t got[80];

    (void)state;
    memset(from, 1, sizeof from);
    assert_int_equal(add(pool, 1, 4, 50, 4), QNK_TX_OK);
    qnk_mempool_included(pool, from, 4);
    for (uint64_t nonce = 5; nonce < 5 + QNK_MEMPOOL_RUN; nonce++) {
        assert_int_equal(add(pool, 1, nonce, 50, 5), QNK_TX_OK);
    }
    qnk_mempool_undone(pool, from, 4);
    assert_int_equal(add(pool, 1, 4, 50, 4), QNK_TX_OK);
    assert_int_equal(pick(pool, 80, 1 << 20, got), QNK_MEMPOOL_RUN + 1);
    done(pool);
}

/* One of a sender of this number that pays so much; its `code` is the ledger's. */
static uint32_t bring(struct qnk_mempool *pool, uint32_t sender, uint64_t nonce, uint64_t fee,
                      uint32_t code)
{
    static const uint8_t payload[40];
    uint8_t from[32] = {0}, bytes[SIZE];
    struct qnk_tx tx, made = {.payload = {payload, sizeof payload},
                              .from = from,
                              .nonce = nonce,
                              .valid_until = UNTIL,
                              .fee = fee};
    struct qnk_tx_verdict verdict = {.priority = fee, .code = code};
    struct qnk_hash id;

    qn_le32_write(from, sender);
    qnk_tx_encode(&made, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, SIZE}, &tx), QN_OK);
    qnk_tx_id(&tx, &id);
    return code == QNK_TX_OK ? qnk_mempool_add(pool, &tx, &id, &verdict, 5)
                             : qnk_mempool_take_back(pool, &tx, &id, &verdict, 5);
}

static void what_comes_back_waits_far_above_and_unpaid(void **state)
{
    struct qnk_mempool *pool = pool_of(1000, 10, 1 << 20);
    uint8_t from[32] = {1};
    uint32_t got[8];

    (void)state;
    assert_int_equal(bring(pool, 1, 0, 50, QNK_TX_POOR), QNK_TX_OK);
    assert_int_equal(bring(pool, 1, 300, 50, QNK_TX_EARLY), QNK_TX_OK);
    assert_int_equal(qnk_mempool_stats(pool).ready, 0);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 0);
    qnk_mempool_included(pool, from, 299); /* it was paid for elsewhere */
    assert_int_equal(qnk_mempool_stats(pool).ready, 1);
    assert_int_equal(pick(pool, 8, 1 << 20, got), 1);
    done(pool);
}

static void at_the_bound_on_bytes_the_lowest_fee_leaves(void **state)
{
    struct qnk_mempool *pool = pool_of(50000, 50000, 4 << 20);
    uint32_t sender = 0;

    (void)state;
    while (bring(pool, sender, 0, 10, QNK_TX_OK) == QNK_TX_OK) {
        sender++;
    }
    assert_true(sender > 20000 && sender < 50000);
    assert_int_equal(bring(pool, sender, 0, 1000000, QNK_TX_OK), QNK_TX_OK);
    assert_int_equal(qnk_mempool_stats(pool).txs, sender);
    assert_int_equal(qnk_mempool_stats(pool).ready, sender);
    done(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_finds_room_before_a_full_run),
        cmocka_unit_test(what_comes_back_waits_far_above_and_unpaid),
        cmocka_unit_test(at_the_bound_on_bytes_the_lowest_fee_leaves),
        cmocka_unit_test(the_best_first_one_of_all_runs_comes_next),
        cmocka_unit_test(a_run_with_a_hole_waits),
        cmocka_unit_test(what_was_included_leaves_and_what_was_undone_may_come_again),
        cmocka_unit_test(a_block_that_is_undone_gives_back_all_that_a_sender_had_in_it),
        cmocka_unit_test(the_same_nonce_again_costs_a_tenth_more),
        cmocka_unit_test(what_finds_no_memory_replaces_nothing),
        cmocka_unit_test(at_the_bound_the_least_worth_leaves),
        cmocka_unit_test(who_leaves_takes_what_hangs_on_it_along),
        cmocka_unit_test(bytes_and_senders_are_bounds_too),
        cmocka_unit_test(what_cannot_come_next_pushes_nothing_out),
        cmocka_unit_test(what_fills_its_hole_is_worth_its_fee_again),
        cmocka_unit_test(a_run_of_the_least_worth_gives_its_sender_place_up),
        cmocka_unit_test(a_run_is_bounded),
        cmocka_unit_test(what_is_too_old_expires),
        cmocka_unit_test(all_that_is_too_old_expires_at_once),
        cmocka_unit_test(what_a_block_could_not_execute_is_held_or_leaves),
        cmocka_unit_test(all_can_be_written_down_and_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
