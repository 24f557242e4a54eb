/* SPDX-License-Identifier: MIT */

/* inproc_test.c: the contract of every transport, then what is peculiar to shared memory. */

#include "tests/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "inproc.manifest.h"
#include "ring.h"
#include "sdk/check/transport.h"

static const char *const bad[] = {
    "",
    "inproc://",
    "inproc:/a",
    "tcp://127.0.0.1:1",
    "inproc://**",
    "inproc://a b",
    "inproc://a/../b",
    "a",
    NULL,
};

static int start(void **subject)
{
    const struct qn_check_transport_given given = {
        .given =
            {
                .plugin = &qn_plugin_v1,
                .config = inproc_config_default(),
                .memory = INPROC_MEMORY,
                .lanes = 1,
            },
        .listen = "inproc://far",
        .nowhere = "inproc://nowhere",
        .bad = bad,
    };

    *subject = qn_check_transport_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_transport_stop(*subject);
    return 0;
}

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static void ten_thousand_frames_both_ways_past_slow_readers(void **subject)
{
    qn_check_transport_open(*subject);
    qn_check_transport_exchange(*subject, 10000);
    qn_check_transport_close(*subject);
}

static void a_star_becomes_a_name(void **subject)
{
    qn_check_transport_open(*subject);
    qn_check_transport_listen(*subject, 0, "inproc://*");
    assert_memory_equal(qn_check_transport_address(*subject, 0), "inproc://node-", 14);
    qn_check_transport_dial(*subject, 1, qn_check_transport_address(*subject, 0));
    while (qn_check_transport_ups(*subject, 0) + qn_check_transport_ups(*subject, 1) < 4) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

static void a_name_in_use_is_refused(void **subject)
{
    const struct qn_transport_1 *slots = (const void *)qn_plugin_v1.slots;

    qn_check_transport_open(*subject);
    assert_int_equal(
        slots->listen(qn_check_transport_inst(*subject, 0), 5, span_of("inproc://far")), QN_OK);
    while (qn_check_transport_downs(*subject, 0) == 0) {
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_reason(*subject, 0), 2);
    qn_check_transport_close(*subject);
}

static void a_node_may_dial_itself(void **subject)
{
    qn_check_transport_open_one(*subject);
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 0));
    while (qn_check_transport_ups(*subject, 0) < 2) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

/* The far end freezes before it has seen the call. */
static void a_call_to_a_frozen_node_goes_down(void **subject)
{
    const struct qn_life *life = qn_plugin_v1.life;

    qn_check_transport_open(*subject);
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 1));
    assert_int_equal(life->freeze(qn_check_transport_inst(*subject, 1)), QN_OK);
    assert_int_equal(life->thaw(qn_check_transport_inst(*subject, 1)), QN_OK);
    while (qn_check_transport_downs(*subject, 0) < 2) { /* the link, and the dial */
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_ups(*subject, 0), 0);
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 1));
    while (qn_check_transport_ups(*subject, 0) + qn_check_transport_ups(*subject, 1) < 2) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

enum { RING_FRAMES = 20000 };

static uint64_t ring_size_of(uint64_t number)
{
    return 1 + number * 7919 % 3000;
}

static void *ring_write(void *context)
{
    struct ring *ring = context;
    uint8_t frame[3000];

    for (uint64_t i = 0; i < RING_FRAMES; i++) {
        memset(frame, (int)(i % 251), sizeof frame);
        while (!ring_push(ring, frame, ring_size_of(i))) {
            sched_yield();
        }
    }
    return NULL;
}

static void a_ring_carries_frames_from_thread_to_thread(void **subject)
{
    struct ring *ring = calloc(1, sizeof *ring);
    uint8_t frame[3000];
    pthread_t writer;

    (void)subject;
    assert_non_null(ring);
    assert_int_equal(pthread_create(&writer, NULL, ring_write, ring), 0);
    for (uint64_t i = 0; i < RING_FRAMES; i++) {
        while (ring_first(ring) == 0) {
            sched_yield();
        }
        assert_int_equal(ring_first(ring), ring_size_of(i));
        ring_pop(ring, frame, ring_size_of(i));
        assert_int_equal(frame[0], i % 251);
        assert_int_equal(frame[ring_size_of(i) - 1], i % 251);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(ring_used(ring), 0);
    free(ring);
}

static void no_memory_is_no_space(void **subject)
{
    const struct qn_check_given given = {
        .plugin = &qn_plugin_v1,
        .config = inproc_config_default(),
        .memory = INPROC_MEMORY,
        .lanes = 1,
    };

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_TRANSPORT(CASE),
        CASE(ten_thousand_frames_both_ways_past_slow_readers),
        CASE(a_star_becomes_a_name),
        CASE(a_name_in_use_is_refused),
        CASE(a_node_may_dial_itself),
        CASE(a_call_to_a_frozen_node_goes_down),
        cmocka_unit_test(a_ring_carries_frames_from_thread_to_thread),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
