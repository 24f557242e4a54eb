/* SPDX-License-Identifier: MIT */

/* memory_test.c: the contract of every storage, then what is peculiar to memory. */

#include "tests/test.h"

#include <string.h>

#include "memory.manifest.h"
#include "sdk/check/storage.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = MEMORY_MEMORY,
    .lanes = MEMORY_LANES,
};

static int start(void **subject)
{
    *subject = qn_check_storage_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_storage_stop(*subject);
    return 0;
}

static void no_memory_is_no_space(void **subject)
{
    (void)subject;
    qn_check_every_take_may_fail(&given);
}

/* A batch that lacks memory for its n-th part changes nothing, for every n. */
static void a_batch_without_memory_changes_nothing(void **subject)
{
    const struct qn_storage_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_node *node = qn_check_node_create(MEMORY_MEMORY);
    struct qn_inst *inst = qn_check_inst_create(&given, node);
    struct qn_storage_op ops[40];
    uint8_t keys[40];
    uint32_t map;
    int32_t status = QN_NO_SPACE;

    (void)subject;
    assert_int_equal(slots->space(inst, (struct qn_span){(const uint8_t *)"m", 1}, 1, &map), QN_OK);
    for (uint32_t i = 0; i < 40; i++) {
        keys[i] = (uint8_t)(i * 7);
        ops[i] = (struct qn_storage_op){1, map, {&keys[i], 1}, {keys, i}};
    }
    for (uint64_t takes = 0; status != QN_OK; takes++) {
        uint8_t room[4096];
        struct qn_sink sink = {.data = room, .cap = sizeof room};
        struct qn_storage_range all = {.space = map};

        qn_check_node_starve(node, takes);
        status = slots->write(inst, 0, ops, 40, 0);
        assert_true(status == QN_OK || status == QN_NO_SPACE);
        assert_int_equal(slots->scan(inst, 0, 0, &all, 99, 4096, &sink), QN_OK);
        assert_true((sink.size > 0) == (status == QN_OK));
    }
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

/* What is erased and trimmed is given back: the same work over and over needs no more memory. */
static void what_is_dropped_is_given_back(void **subject)
{
    const struct qn_storage_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_node *node = qn_check_node_create(MEMORY_MEMORY);
    struct qn_inst *inst = qn_check_inst_create(&given, node);
    uint32_t map, log;
    uint64_t used = 0;

    (void)subject;
    assert_int_equal(slots->space(inst, (struct qn_span){(const uint8_t *)"m", 1}, 1, &map), QN_OK);
    assert_int_equal(slots->space(inst, (struct qn_span){(const uint8_t *)"l", 1}, 2, &log), QN_OK);
    for (uint32_t round = 0; round < 1000; round++) {
        uint8_t key[] = {(uint8_t)(round % 10)};
        struct qn_span span = {key, 1};
        struct qn_storage_op put = {1, map, span, span};
        struct qn_storage_op clear = {3, map, {0}, {0}};
        uint64_t snapshot, place;

        assert_int_equal(slots->write(inst, 0, &put, 1, 0), QN_OK);
        assert_int_equal(slots->snapshot(inst, 0, &snapshot), QN_OK);
        assert_int_equal(slots->append(inst, 0, log, &span, 1, 0, &place), QN_OK);
        if (round % 10 == 9) {
            assert_int_equal(slots->write(inst, 0, &clear, 1, 0), QN_OK);
        }
        assert_int_equal(slots->release(inst, 0, snapshot), QN_OK);
        assert_int_equal(slots->trim(inst, 0, log, place + 1), QN_OK);
        if (round == 99) {
            used = qn_check_node_used(node);
        }
    }
    assert_int_equal(qn_check_node_used(node), used);
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

static void stats_count_keys_and_bytes(void **subject)
{
    const struct qn_storage_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_node *node = qn_check_node_create(MEMORY_MEMORY);
    struct qn_inst *inst = qn_check_inst_create(&given, node);
    struct qn_storage_op put = {1, 0, {(const uint8_t *)"key", 3}, {(const uint8_t *)"value", 5}};
    uint8_t room[512];
    struct qn_sink sink = {.data = room, .cap = sizeof room};
    struct qn_storage_stats stats = {0};
    struct qn_storage_space_stats space;
    uint32_t map;

    (void)subject;
    assert_int_equal(slots->space(inst, (struct qn_span){(const uint8_t *)"m", 1}, 1, &map), QN_OK);
    assert_int_equal(slots->write(inst, 0, &put, 1, 0), QN_OK);
    assert_int_equal(slots->write(inst, 0, &put, 1, 0), QN_OK);
    assert_int_equal(slots->stats(inst, 0, &sink), QN_OK);
    assert_int_equal(qn_storage_stats_read((struct qn_span){room, sink.size}, &stats), QN_OK);
    assert_int_equal(stats.spaces_count, 1);
    assert_int_equal(stats.bytes_used, 8);
    qn_storage_space_stats_next(&stats.spaces, &space);
    assert_int_equal(space.keys, 1);
    assert_int_equal(space.bytes, 8);
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_STORAGE(cmocka_unit_test),
        cmocka_unit_test(no_memory_is_no_space),
        cmocka_unit_test(a_batch_without_memory_changes_nothing),
        cmocka_unit_test(what_is_dropped_is_given_back),
        cmocka_unit_test(stats_count_keys_and_bytes),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
