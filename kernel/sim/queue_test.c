/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdlib.h>

#include "kernel/sim/queue.h"
#include "kernel/sim/stream.h"

enum { ITEMS = 20000 };

struct item {
    struct qnk_queued queued;
    uint32_t number;
};

static struct qnk_budget budget = {.limit = 64 << 20};
static struct item items[ITEMS];

static void fill(struct qnk_queue *queue, uint64_t seed, uint64_t times)
{
    struct qnk_random random;

    qnk_stream_init(&random, seed, "test", 0);
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = (struct item){.queued = {qnk_random_below(&random, times)}, .number = i};
        qnk_queue_push(queue, &items[i].queued);
    }
}

static const struct item *pop(struct qnk_queue *queue)
{
    return (const struct item *)(void *)qnk_queue_pop(queue);
}

static void the_soonest_comes_first_and_equals_in_their_order(void **state)
{
    struct qnk_queue queue;
    const struct item *last = NULL;

    (void)state;
    qnk_queue_init(&queue, &budget, 0);
    fill(&queue, 1, 100);
    for (uint32_t i = 0; i < ITEMS; i++) {
        const struct item *item = pop(&queue);

        assert_non_null(item);
        if (last != NULL) {
            assert_true(last->queued.at_us <= item->queued.at_us);
            assert_true(last->queued.at_us < item->queued.at_us || last->number < item->number);
        }
        last = item;
    }
    assert_null(qnk_queue_pop(&queue));
    assert_null(qnk_queue_first(&queue));
    qnk_queue_done(&queue);
    assert_int_equal(budget.used, 0);
}

/* The numbers of all items as they come, by time alone or with a fuzzed order. */
static void order_of(uint64_t fuzz, uint32_t order[ITEMS])
{
    struct qnk_queue queue;
    uint64_t last_us = 0;

    qnk_queue_init(&queue, &budget, fuzz);
    fill(&queue, 2, 50);
    for (uint32_t i = 0; i < ITEMS; i++) {
        const struct item *item = pop(&queue);

        assert_true(item->queued.at_us >= last_us);
        last_us = item->queued.at_us;
        order[i] = item->number;
    }
    qnk_queue_done(&queue);
}

static void a_fuzzed_order_is_another_one_for_each_seed_and_the_same_for_one(void **state)
{
    static uint32_t plain[ITEMS], first[ITEMS], again[ITEMS], second[ITEMS];
    uint32_t moved = 0;

    (void)state;
    order_of(0, plain);
    order_of(7, first);
    order_of(7, again);
    order_of(8, second);
    assert_memory_equal(first, again, sizeof first);
    for (uint32_t i = 0; i < ITEMS; i++) {
        moved += first[i] != plain[i] && first[i] != second[i];
    }
    assert_true(moved > ITEMS * 9 / 10);
}

static void pushing_between_pops_keeps_the_order(void **state)
{
    struct qnk_queue queue;
    struct qnk_random random;
    uint64_t now_us = 0;

    (void)state;
    qnk_queue_init(&queue, &budget, 0);
    qnk_stream_init(&random, 3, "test", 0);
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i].queued.at_us = now_us + qnk_random_below(&random, 1000);
        qnk_queue_push(&queue, &items[i].queued);
        if (i % 2 == 1) {
            assert_true(qnk_queue_first(&queue)->at_us >= now_us);
            now_us = qnk_queue_pop(&queue)->at_us;
        }
    }
    while (qnk_queue_first(&queue) != NULL) {
        assert_true(qnk_queue_first(&queue)->at_us >= now_us);
        now_us = qnk_queue_pop(&queue)->at_us;
    }
    qnk_queue_done(&queue);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_soonest_comes_first_and_equals_in_their_order),
        cmocka_unit_test(a_fuzzed_order_is_another_one_for_each_seed_and_the_same_for_one),
        cmocka_unit_test(pushing_between_pops_keeps_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
