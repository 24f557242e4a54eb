/* SPDX-License-Identifier: MIT */

/* What a store is filled from: a whole copy, and nothing that lacks a record or has one too many,
 * wherever that is; nothing is written then. The copies are written here by hand, as copy.h has
 * their form; tests/sim/rehearsal_test.c takes them from nodes. */

#include "tests/test.h"

#include <string.h>

#include <qnet/storage.h>

#include "kernel/base/bytes.h"
#include "kernel/node/copy.h"

enum {
    META,
    MACRO,
    MICRO,
    PAGE,
    WINDOW = 12, /* of whose macroblocks the last 8 are copied, */
    HEIGHT = 90, /* and the last 32 headers */
    PAGES = 300, /* more than a batch */
    MACROS = QNK_STORE_FINALS,
    MICROS = 32,
    METAS = 3,
    RECORDS = METAS + MACROS + MICROS + PAGES,
    ROOM = 1 << 16,
};

/* --- a store that counts --- */

static uint32_t writes, written;

static int32_t fake_write(struct qn_inst *inst, uint32_t lane, const struct qn_storage_op *ops,
                          uint32_t count, uint32_t durable)
{
    (void)inst;
    (void)lane;
    (void)durable;
    for (uint32_t i = 0; i < count; i++) {
        assert_in_range(ops[i].space, 10 + META, 10 + PAGE);
        assert_true(ops[i].key.size > 0);
    }
    writes++;
    written += count;
    return QN_OK;
}

static int32_t fill(struct qn_span bytes)
{
    static const struct qn_storage_1 table = {.write = fake_write};
    struct qnk_store store = {.storage.table = &table,
                              .meta = 10 + META,
                              .macro = 10 + MACRO,
                              .micro = 10 + MICRO,
                              .page = 10 + PAGE};

    writes = written = 0;
    return qnk_copy_fill(bytes, &store, 0);
}

/* --- copies --- */

static struct {
    uint8_t bytes[ROOM];
    uint64_t size;
    uint64_t starts[RECORDS + 1]; /* of records, and the end */
    uint32_t count;
} made;

static void record_add(uint8_t part, const void *key, uint32_t size)
{
    uint8_t *to = made.bytes + made.size;

    assert_true(made.count < RECORDS);
    to[0] = part;
    qn_le32_write(to + 1, size);
    qn_le32_write(to + 5, 2);
    memcpy(to + 9, key, size);
    memset(to + 9 + size, 0x77, 2);
    made.size += 9 + size + 2;
    made.starts[++made.count] = made.size;
}

static void numbers_add(uint8_t part, uint64_t first, uint64_t end)
{
    for (; first < end; first++) {
        uint8_t key[8] = {0};

        key[6] = (uint8_t)(first >> 8);
        key[7] = (uint8_t)first;
        record_add(part, key, sizeof key);
    }
}

static void make(void)
{
    memset(&made, 0, sizeof made);
    memcpy(made.bytes, "qnet-copy/1", 12);
    qn_le64_write(made.bytes + 44, WINDOW);
    qn_le64_write(made.bytes + 52, HEIGHT);
    qn_le64_write(made.bytes + 68, PAGES);
    made.size = made.starts[0] = QNK_COPY_HEAD_SIZE;
    record_add(META, "c", 1);
    record_add(META, "cx", 2);
    record_add(META, "f", 1);
    numbers_add(MACRO, WINDOW + 1 - MACROS, WINDOW + 1);
    numbers_add(MICRO, HEIGHT + 1 - MICROS, HEIGHT + 1);
    numbers_add(PAGE, 0, PAGES);
    assert_int_equal(made.count, RECORDS);
}

static struct qn_span all(void)
{
    return (struct qn_span){made.bytes, made.size};
}

static void assert_refused(struct qn_span bytes)
{
    assert_int_equal(fill(bytes), QN_INVALID);
    assert_int_equal(writes, 0);
}

/* --- cases --- */

static void a_whole_copy_fills_a_store(void **state)
{
    (void)state;
    make();
    assert_int_equal(fill(all()), QN_OK);
    assert_int_equal(written, RECORDS);
    assert_true(writes > 1);
}

static void the_first_windows_have_fewer_records(void **state)
{
    (void)state;
    make();
    made.size = QNK_COPY_HEAD_SIZE;
    made.count = 0;
    qn_le64_write(made.bytes + 44, 1);
    qn_le64_write(made.bytes + 52, 3);
    qn_le64_write(made.bytes + 68, 1);
    record_add(META, "f", 1);
    numbers_add(MACRO, 1, 2);
    numbers_add(MICRO, 1, 4);
    numbers_add(PAGE, 0, 1);
    assert_int_equal(fill(all()), QN_OK);
    assert_int_equal(written, 6);
}

static void what_was_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    make();
    for (uint64_t size = 0; size < made.size; size++) {
        assert_refused((struct qn_span){made.bytes, size});
    }
}

static void what_lacks_any_record_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = METAS; i < RECORDS; i++) { /* of META alone the head says nothing */
        uint64_t gap;

        make();
        gap = made.starts[i + 1] - made.starts[i];
        memmove(made.bytes + made.starts[i], made.bytes + made.starts[i + 1],
                made.size - made.starts[i + 1]);
        made.size -= gap;
        assert_refused(all());
    }
}

static void what_has_a_record_twice_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t gap;

        make();
        gap = made.starts[i + 1] - made.starts[i];
        memmove(made.bytes + made.starts[i + 1], made.bytes + made.starts[i],
                made.size - made.starts[i]);
        made.size += gap;
        assert_refused(all());
    }
}

static void what_has_more_than_its_head_says_is_refused(void **state)
{
    (void)state;
    make();
    made.count--; /* room for another */
    numbers_add(PAGE, PAGES, PAGES + 1);
    assert_refused(all());
    make();
    made.size++; /* a byte that is no record */
    assert_refused(all());
    make();
    made.bytes[made.starts[RECORDS - 1]] = PAGE + 1; /* a part that there is not */
    assert_refused(all());
}

static void a_head_that_promises_anything_else_is_refused(void **state)
{
    static const struct {
        uint32_t at;
        uint64_t value;
    } heads[] = {{44, 0},         {44, WINDOW - 1}, {44, WINDOW + 1}, {44, UINT64_MAX},
                 {52, 0},         {52, HEIGHT - 1}, {52, HEIGHT + 1}, {52, UINT64_MAX},
                 {68, 0},         {68, PAGES - 1},  {68, PAGES + 1},  {68, QNK_COPY_PAGES_MAX + 1},
                 {68, UINT64_MAX}};

    (void)state;
    for (uint32_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        make();
        qn_le64_write(made.bytes + heads[i].at, heads[i].value);
        assert_refused(all());
    }
    make();
    made.bytes[0] ^= 1;
    assert_refused(all());
}

/* Bit after bit of heads of records and keys: never more than is there is read, or written. */
static void damage_to_a_record_is_refused_or_is_one_of_a_value(void **state)
{
    (void)state;
    make();
    for (uint64_t bit = 8 * made.starts[METAS]; bit < 8 * made.size; bit++) {
        uint8_t *byte = made.bytes + bit / 8;
        uint8_t mask = (uint8_t)(1U << bit % 8);

        *byte ^= mask;
        assert_true((*byte ^ mask) == 0x77 || fill(all()) == QN_INVALID);
        *byte ^= mask;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_copy_fills_a_store),
        cmocka_unit_test(the_first_windows_have_fewer_records),
        cmocka_unit_test(what_was_cut_off_anywhere_is_refused),
        cmocka_unit_test(what_lacks_any_record_is_refused),
        cmocka_unit_test(what_has_a_record_twice_is_refused),
        cmocka_unit_test(what_has_more_than_its_head_says_is_refused),
        cmocka_unit_test(a_head_that_promises_anything_else_is_refused),
        cmocka_unit_test(damage_to_a_record_is_refused_or_is_one_of_a_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
