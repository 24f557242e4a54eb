/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/core.h"

enum { SIZE = QNK_TX_SIZE_MIN, US = 1, FLOODER = 200, WORD = 7 };

static struct qnk_node node;
static struct qnk_effects effects;

static int setup(void **state)
{
    (void)state;
    memset(&node, 0, sizeof node);
    node.budget.limit = 1 << 24;
    qnk_effects_init(&effects, &node.budget);
    node.out = &effects;
    node.pending = qnk_seen_create(&node.budget, 1024, 7);
    node.verified = qnk_seen_create(&node.budget, 1024, 7);
    node.rejected = qnk_seen_create(&node.budget, 1024, 7);
    assert_non_null(node.pending);
    assert_non_null(node.verified);
    assert_non_null(node.rejected);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        qnk_buf_unref(node.kernel_txs[i].bytes);
    }
    qnk_buf_unref(node.push);
    qnk_effects_done(&effects);
    qnk_seen_destroy(node.pending);
    qnk_seen_destroy(node.verified);
    qnk_seen_destroy(node.rejected);
    assert_int_equal(node.budget.used, 0);
    return 0;
}

/* A kernel transaction; those of one sender and kind differ in `until`. Gives its id. */
static struct qnk_hash make(uint8_t bytes[SIZE], uint32_t sender, uint8_t kind, uint64_t until)
{
    uint8_t from[QN_KEY_SIZE] = {0};
    struct qnk_tx made = {.from = from, .valid_until = until, .kind = kind};
    struct qnk_tx tx;
    struct qnk_hash id;

    qn_le32_write(from, sender);
    qnk_tx_encode(&made, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, SIZE}, &tx), QN_OK);
    qnk_tx_id(&tx, &id);
    return id;
}

static void add(uint32_t sender, uint8_t kind, uint64_t until, enum qnk_kernel_origin origin)
{
    uint8_t bytes[SIZE];

    (void)make(bytes, sender, kind, until);
    node.now_us += US;
    qnk_kernel_add(&node, (struct qn_span){bytes, SIZE}, origin);
}

static bool has(uint32_t sender, uint8_t kind, uint64_t until)
{
    uint8_t bytes[SIZE];
    struct qnk_hash id = make(bytes, sender, kind, until);

    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        if (node.kernel_txs[i].bytes != NULL && qnk_hash_equal(&node.kernel_txs[i].id, &id)) {
            return true;
        }
    }
    return false;
}

static void flood(uint32_t sender, uint8_t kind, uint64_t count)
{
    for (uint64_t until = 0; until < count; until++) {
        add(sender, kind, until, QNK_KERNEL_TOLD);
    }
}

static void what_others_said_stays_when_one_member_floods(void **state)
{
    (void)state;
    for (uint32_t sender = 0; sender < 4; sender++) {
        add(sender, QNK_TX_READY, WORD, QNK_KERNEL_TOLD);
        add(sender, QNK_TX_FALLBACK, WORD, QNK_KERNEL_TOLD);
        add(sender, QNK_TX_EVIDENCE, WORD, QNK_KERNEL_TOLD);
    }
    flood(FLOODER, QNK_TX_CANCEL, 600);
    flood(FLOODER, QNK_TX_REJOIN, 600);
    for (uint32_t sender = 0; sender < 4; sender++) {
        assert_true(has(sender, QNK_TX_READY, WORD));
        assert_true(has(sender, QNK_TX_FALLBACK, WORD));
        assert_true(has(sender, QNK_TX_EVIDENCE, WORD));
    }
}

static void others_get_in_when_one_member_has_filled_it(void **state)
{
    (void)state;
    flood(FLOODER, QNK_TX_CANCEL, 600);
    for (uint32_t sender = 0; sender < 100; sender++) {
        add(sender, QNK_TX_READY, WORD, QNK_KERNEL_TOLD);
        flood(FLOODER, QNK_TX_CANCEL, 300);
    }
    for (uint32_t sender = 0; sender < 100; sender++) {
        assert_true(has(sender, QNK_TX_READY, WORD));
    }
}

static void many_members_that_flood_leave_each_other_its_part(void **state)
{
    (void)state;
    for (uint32_t liar = 0; liar < 33; liar++) {
        flood(FLOODER + liar, QNK_TX_CANCEL, 300);
    }
    for (uint32_t sender = 0; sender < 67; sender++) {
        add(sender, QNK_TX_READY, WORD, QNK_KERNEL_TOLD);
        add(sender, QNK_TX_FALLBACK, WORD, QNK_KERNEL_TOLD);
    }
    for (uint32_t liar = 0; liar < 33; liar++) {
        flood(FLOODER + liar, QNK_TX_CANCEL, 300);
    }
    for (uint32_t sender = 0; sender < 67; sender++) {
        assert_true(has(sender, QNK_TX_READY, WORD));
        assert_true(has(sender, QNK_TX_FALLBACK, WORD));
    }
}

static void who_has_much_of_one_kind_loses_of_that(void **state)
{
    (void)state;
    flood(FLOODER, QNK_TX_EVIDENCE, QNK_KERNEL_POOL_MAX);
    add(FLOODER, QNK_TX_READY, WORD, QNK_KERNEL_TOLD);
    assert_true(has(FLOODER, QNK_TX_READY, WORD));
    assert_false(has(FLOODER, QNK_TX_EVIDENCE, 0)); /* the oldest */
    assert_true(has(FLOODER, QNK_TX_EVIDENCE, 1));
    flood(FLOODER, QNK_TX_EVIDENCE, 600);
    assert_true(has(FLOODER, QNK_TX_READY, WORD));
}

/* Else two nodes whose pools differ would tell each other what the other has just dropped. */
static void what_finds_no_place_is_not_told_on(void **state)
{
    uint32_t told;

    (void)state;
    flood(FLOODER, QNK_TX_CANCEL, QNK_KERNEL_POOL_MAX);
    told = node.push_count;
    add(FLOODER, QNK_TX_CANCEL, QNK_KERNEL_POOL_MAX, QNK_KERNEL_TOLD);
    assert_int_equal(node.push_count, told);
    assert_false(has(FLOODER, QNK_TX_CANCEL, QNK_KERNEL_POOL_MAX));
    assert_true(has(FLOODER, QNK_TX_CANCEL, 0));
    add(1, QNK_TX_CANCEL, 0, QNK_KERNEL_TOLD);
    assert_int_equal(node.push_count, told + 1);
}

static void what_was_made_here_enters_and_goes_for_its_like_alone(void **state)
{
    (void)state;
    flood(FLOODER, QNK_TX_CANCEL, QNK_KERNEL_POOL_MAX);
    for (uint64_t until = 0; until < 100; until++) {
        add(1, QNK_TX_TIP, until, QNK_KERNEL_OURS);
    }
    for (uint32_t sender = 2; sender < 200; sender++) { /* each has less than we have */
        flood(sender, QNK_TX_CANCEL, 10);
    }
    for (uint64_t until = 0; until < 100; until++) {
        assert_true(has(1, QNK_TX_TIP, until));
    }
    add(1, QNK_TX_READY, WORD, QNK_KERNEL_OURS);
    assert_true(has(1, QNK_TX_READY, WORD));
    assert_false(has(1, QNK_TX_TIP, 0));
    assert_true(has(1, QNK_TX_TIP, 1));
}

/* A producer makes one for each member, and again for its next block. */
static void shares_that_were_made_here_make_room(void **state)
{
    (void)state;
    for (uint64_t until = 0; until < QNK_KERNEL_POOL_MAX; until++) {
        add(1, QNK_TX_SHARE, until, QNK_KERNEL_OURS);
    }
    add(2, QNK_TX_READY, WORD, QNK_KERNEL_TOLD);
    assert_true(has(2, QNK_TX_READY, WORD));
    assert_false(has(1, QNK_TX_SHARE, 0));
    assert_true(has(1, QNK_TX_SHARE, 1));
}

/* --- evidence --- */

static struct qnk_vote vote_of(uint32_t round, uint8_t digest)
{
    struct qnk_vote vote = {.step = QNK_STEP_FINAL, .window = 1, .round = round, .member = 3};

    vote.digest.bytes[0] = digest;
    return vote;
}

static uint32_t signs_count(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        count += node.signs[i].tx != NULL;
    }
    return count;
}

/* Who contradicts itself in many rounds and windows costs one signature for each window. */
static void of_each_place_one_piece_of_evidence_is_made(void **state)
{
    struct qnk_control control = {0};
    struct qnk_block head = {.control = &control};

    (void)state;
    node.setup.has_validator = true;
    node.setup.type = QNK_NODE_SUPER;
    node.signing = QNK_SIGNING_RESTORED;
    node.exec.at = &head;
    for (uint32_t i = 0; i < 40; i++) {
        struct qnk_vote first = vote_of(i % 5, 1), other = vote_of(i % 5, (uint8_t)(2 + i));

        first.window = other.window = 1 + i / 10;
        qnk_evidence_votes(&node, QNK_EVIDENCE_DOUBLE_VOTE, &first, &other);
        assert_int_equal(signs_count(), 1 + i / 10);
    }
    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        qnk_sign_slot_give(&node.signs[i]);
    }
}

/* --- what comes back --- */

static void user_tx(uint8_t bytes[QNK_TX_TRANSFER_SIZE], struct qnk_hash *id)
{
    static const uint8_t payload[40];
    uint8_t from[QN_KEY_SIZE] = {2};
    struct qnk_tx made = {.payload = {payload, 40}, .from = from, .valid_until = 100, .fee = 1000};
    struct qnk_tx tx;

    qnk_tx_encode(&made, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, QNK_TX_TRANSFER_SIZE}, &tx), QN_OK);
    qnk_tx_id(&tx, id);
}

/* A block that paid its sender is left too, and the other branch has not done so yet. */
static void what_a_branch_loses_and_cannot_be_paid_yet_waits(void **state)
{
    struct qnk_mempool_limits limits = {.txs = 100, .senders = 10, .bytes = 1 << 20};
    struct qnk_job *job = qnk_job_create(&node.budget, QNK_JOB_VERIFY, 0);
    struct qn_buf *rows = qnk_buf_new(&node.budget, QNK_TX_TRANSFER_SIZE);
    struct qnk_hash id;

    (void)state;
    node.mempool = qnk_mempool_create(&node.budget, &limits, 7);
    assert_non_null(node.mempool);
    user_tx(rows->data, &id);
    assert_true(qnk_job_refs(job, 1));
    job->refs[0] = (struct qnk_tx_ref){.id = id,
                                       .buf = rows,
                                       .size = QNK_TX_TRANSFER_SIZE,
                                       .is_verified = true,
                                       .is_promised = true};
    job->verdicts = qnk_memory_take(&node.budget, sizeof *job->verdicts);
    job->verdicts[0] = (struct qnk_tx_verdict){.code = QNK_TX_POOR};
    node.verifying = 1;
    qnk_verify_done(&node, job);

    uint64_t found = qnk_mempool_find(node.mempool, &id).size;

    qnk_job_destroy(job);
    qnk_mempool_destroy(node.mempool);
    assert_int_equal(found, QNK_TX_TRANSFER_SIZE);
}

/* The queue is full, with all that may be checked under way. */
static void what_a_branch_loses_waits_for_room_in_the_queue(void **state)
{
    struct qnk_mempool_limits limits = {.txs = 100, .senders = 10, .bytes = 1 << 20};
    struct qn_buf *ids = qnk_buf_new(&node.budget, QN_HASH_SIZE);
    struct qn_buf *rows = qnk_buf_new(&node.budget, QNK_TX_TRANSFER_SIZE);
    struct qnk_block block = {.header = {.tx_count = 1}, .body = rows, .ids = ids};
    struct qnk_block head = {.header = {.height = 5}};
    struct qnk_tx_ref *queue = qnk_memory_take(&node.budget, QNK_QUEUE_MAX * sizeof *queue);
    struct qnk_hash id;

    (void)state;
    node.mempool = qnk_mempool_create(&node.budget, &limits, 7);
    assert_true(node.mempool != NULL && queue != NULL);
    user_tx(rows->data, &id);
    memcpy(ids->data, id.bytes, QN_HASH_SIZE);
    node.exec.at = &head;
    node.queue = queue;
    node.queue_count = QNK_QUEUE_MAX;
    node.verifying = 4;
    qnk_pool_undone(&node, &block);
    assert_true(qnk_seen_has(node.pending, &id));
    qnk_verify_due(&node);
    assert_int_equal(node.queue_count, QNK_QUEUE_MAX);
    node.queue_count = 0;
    qnk_verify_due(&node);
    assert_int_equal(node.queue_count, 1);
    assert_true(qnk_hash_equal(&queue[0].id, &id));
    assert_true(queue[0].is_promised);
    qnk_buf_unref(queue[0].buf);
    qnk_buf_unref(rows);
    qnk_buf_unref(ids);
    qnk_memory_give(&node.budget, queue, QNK_QUEUE_MAX * sizeof *queue);
    qnk_mempool_destroy(node.mempool);
}

/* The queue is full as well, so the ledger cannot be asked again now. */
static void what_the_ledger_said_of_another_branch_counts_for_nothing(void **state)
{
    struct qnk_mempool_limits limits = {.txs = 100, .senders = 10, .bytes = 1 << 20};
    struct qnk_job *job = qnk_job_create(&node.budget, QNK_JOB_VERIFY, 0);
    struct qn_buf *rows = qnk_buf_new(&node.budget, QNK_TX_TRANSFER_SIZE);
    struct qnk_tx_ref *queue = qnk_memory_take(&node.budget, QNK_QUEUE_MAX * sizeof *queue);
    struct qnk_hash id;

    (void)state;
    node.mempool = qnk_mempool_create(&node.budget, &limits, 7);
    user_tx(rows->data, &id);
    assert_true(qnk_job_refs(job, 1));
    job->refs[0] = (struct qnk_tx_ref){
        .id = id, .buf = rows, .size = QNK_TX_TRANSFER_SIZE, .is_promised = true};
    job->verdicts = qnk_memory_take(&node.budget, sizeof *job->verdicts);
    job->verdicts[0] = (struct qnk_tx_verdict){.code = QNK_TX_STALE};
    (void)qnk_seen_add(node.pending, &id);
    node.counters.undone = job->token + 1;
    node.queue = queue;
    node.queue_count = QNK_QUEUE_MAX;
    node.verifying = 5; /* this one, and all that may be under way */
    qnk_verify_done(&node, job);
    assert_true(qnk_seen_has(node.pending, &id));
    qnk_job_destroy(job);
    node.queue_count = 0;
    qnk_verify_due(&node);
    assert_int_equal(node.queue_count, 1);
    assert_true(qnk_hash_equal(&queue[0].id, &id));
    qnk_buf_unref(queue[0].buf);
    qnk_memory_give(&node.budget, queue, QNK_QUEUE_MAX * sizeof *queue);
    qnk_mempool_destroy(node.mempool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_ledger_said_of_another_branch_counts_for_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_branch_loses_and_cannot_be_paid_yet_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_branch_loses_waits_for_room_in_the_queue, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_others_said_stays_when_one_member_floods, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(others_get_in_when_one_member_has_filled_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_members_that_flood_leave_each_other_its_part, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_has_much_of_one_kind_loses_of_that, setup, teardown),
        cmocka_unit_test_setup_teardown(what_finds_no_place_is_not_told_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_made_here_enters_and_goes_for_its_like_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(shares_that_were_made_here_make_room, setup, teardown),
        cmocka_unit_test_setup_teardown(of_each_place_one_piece_of_evidence_is_made, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
