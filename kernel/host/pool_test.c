/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdatomic.h>
#include <string.h>
#include <uv.h>

#include "kernel/host/gate.h"
#include "kernel/host/pool.h"

enum { WORKERS = 3, TASKS = 2000 };

struct job {
    struct qnk_task task;
    uint32_t number;
    uint32_t lane;
    uint32_t order; /* in which it ran, among all */
    uint32_t dones;
};

static struct qnk_budget budget = {.limit = 1 << 24};
static uv_loop_t loop;
static struct qnk_pool *pool;
static struct job jobs[TASKS];
static _Atomic uint32_t ran;
static _Atomic uint32_t inside;
static _Atomic uint32_t overlaps;
static uint32_t done_count;

static struct qnk_gate gate;
static _Atomic bool is_open;

static int start(void **subject)
{
    (void)subject;
    memset(jobs, 0, sizeof jobs);
    ran = 0;
    inside = 0;
    overlaps = 0;
    done_count = 0;
    is_open = false;
    return uv_loop_init(&loop) == 0 && qnk_pool_create(&budget, &loop, WORKERS, &pool) == QN_OK
               ? 0
               : -1;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_pool_stop(pool);
    qnk_pool_destroy(pool, NULL, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 && budget.used == 0 ? 0 : -1;
}

static void run(struct qnk_task *task, uint32_t lane)
{
    struct job *job = (struct job *)task;

    overlaps += inside++ > 0;
    job->lane = lane;
    job->order = ran++;
    inside--;
}

static void done(struct qnk_task *task)
{
    struct job *job = (struct job *)task;

    job->dones++;
    done_count++;
}

static struct job *job_at(uint32_t i)
{
    jobs[i].number = i;
    jobs[i].task.run = run;
    jobs[i].task.done = done;
    return &jobs[i];
}

/* Until so many tasks came back. */
static void wait_for(uint32_t count)
{
    while (done_count < count) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
}

static void each_task_runs_once_and_comes_back_once(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < TASKS; i++) {
        qnk_pool_give(pool, i % QNK_QUEUES, &job_at(i)->task);
    }
    wait_for(TASKS);
    assert_int_equal(ran, TASKS);
    assert_int_equal(qnk_pool_count(pool), 0);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_int_equal(jobs[i].dones, 1);
    }
}

static void ledger_tasks_are_alone_and_in_order(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < TASKS; i++) {
        qnk_pool_give(pool, QNK_QUEUE_LEDGER, &job_at(i)->task);
    }
    wait_for(TASKS);
    assert_int_equal(overlaps, 0);
    for (uint32_t i = 0; i < TASKS; i++) {
        assert_int_equal(jobs[i].order, i);
        assert_true(jobs[i].lane < WORKERS);
    }
}

static void the_disks_queues_have_a_thread_each(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < 300; i++) {
        qnk_pool_give(pool, QNK_QUEUE_LOG + i % 3, &job_at(i)->task);
    }
    wait_for(300);
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(jobs[i].lane, WORKERS + 1 + i % 3);
        assert_true(jobs[i].lane < qnk_pool_lanes(WORKERS));
    }
}

/* Holds its thread until the test says so. */
static void run_and_wait(struct qnk_task *task, uint32_t lane)
{
    (void)task;
    (void)lane;
    while (!is_open) {
        uv_sleep(0);
    }
}

static void urgent_tasks_run_while_workers_are_busy(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < WORKERS; i++) {
        job_at(i)->task.run = run_and_wait;
        qnk_pool_give(pool, QNK_QUEUE_WORK, &jobs[i].task);
    }
    qnk_pool_give(pool, QNK_QUEUE_URGENT, &job_at(WORKERS)->task);
    wait_for(1);
    assert_int_equal(jobs[WORKERS].dones, 1);
    is_open = true;
    wait_for(WORKERS + 1);
}

static void stop_waits_for_what_was_given(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < TASKS; i++) {
        qnk_pool_give(pool, i % QNK_QUEUES, &job_at(i)->task);
    }
    qnk_pool_stop(pool);
    assert_int_equal(done_count, TASKS);
    qnk_pool_destroy(pool, NULL, NULL);
    assert_int_equal(qnk_pool_create(&budget, &loop, WORKERS, &pool), QN_OK);
}

/* --- the gate --- */

static _Atomic uint32_t lookers;
static _Atomic uint32_t broken;
static uint32_t written; /* only ever changed alone */

static void look(struct qnk_task *task, uint32_t lane)
{
    (void)lane;
    qnk_gate_enter(&gate, false);
    lookers++;
    ((struct job *)task)->number = written;
    lookers--;
    qnk_gate_leave(&gate, false);
}

static void change(struct qnk_task *task, uint32_t lane)
{
    (void)task;
    (void)lane;
    qnk_gate_enter(&gate, true);
    broken += lookers > 0;
    written++;
    qnk_gate_leave(&gate, true);
}

static void who_changes_is_alone(void **subject)
{
    (void)subject;
    qnk_gate_init(&gate);
    written = 0;
    for (uint32_t i = 0; i < TASKS; i++) {
        job_at(i)->task.run = i % 5 == 0 ? change : look;
        qnk_pool_give(pool, i % 5 == 0 ? QNK_QUEUE_LEDGER : QNK_QUEUE_WORK, &jobs[i].task);
    }
    wait_for(TASKS);
    assert_int_equal(broken, 0);
    assert_int_equal(written, TASKS / 5);
    qnk_gate_done(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_task_runs_once_and_comes_back_once, start, stop),
        cmocka_unit_test_setup_teardown(ledger_tasks_are_alone_and_in_order, start, stop),
        cmocka_unit_test_setup_teardown(the_disks_queues_have_a_thread_each, start, stop),
        cmocka_unit_test_setup_teardown(urgent_tasks_run_while_workers_are_busy, start, stop),
        cmocka_unit_test_setup_teardown(stop_waits_for_what_was_given, start, stop),
        cmocka_unit_test_setup_teardown(who_changes_is_alone, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
