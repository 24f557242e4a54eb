/* SPDX-License-Identifier: MIT */

/* A disk with faults before the storage plugin `memory`. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "kernel/base/sink.h"
#include "kernel/sim/drive.h"
#include "kernel/sim/stage.h"

enum { MAP = 1, LOG = 2, ORDERED = 0, DURABLE = 1, PUT = 1, SEEDS = 40 };

static struct qnk_budget budget = {.limit = 64 << 20};
static const struct qn_plugin *plugin;
static const struct qn_storage_1 *slots;

/* A drive with a log and a map. */
struct disk {
    struct qnk_drive drive;
    struct qnk_player *player;
    struct qn_inst *inst;
    uint32_t log, map;
};

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static void disk_open(struct disk *disk)
{
    slots = qnk_drive_plugged(&disk->drive).table;
    disk->inst = qnk_drive_plugged(&disk->drive).inst;
    assert_int_equal(slots->space(disk->inst, span_of("log"), LOG, &disk->log), QN_OK);
    assert_int_equal(slots->space(disk->inst, span_of("map"), MAP, &disk->map), QN_OK);
}

static void disk_make(struct disk *disk, uint64_t seed)
{
    disk->player = qnk_player_make(&budget, plugin, (struct qn_span){0});
    assert_non_null(disk->player);
    qnk_drive_init(&disk->drive, &budget, qnk_player_plugged(disk->player), seed, 0);
    disk_open(disk);
}

static void disk_drop(struct disk *disk)
{
    qnk_drive_done(&disk->drive);
    qnk_player_give(disk->player);
    assert_int_equal(budget.used, 0);
}

static int32_t append(struct disk *disk, const char *text, uint32_t level)
{
    struct qn_span record = span_of(text);
    uint64_t place;

    return slots->append(disk->inst, 0, disk->log, &record, 1, level, &place);
}

/* All records, one letter each; '-' for a damaged one. */
static const char *records(struct disk *disk, uint64_t bytes_max)
{
    static char text[64];
    uint64_t place = 0;
    int32_t status = QN_AGAIN;
    uint32_t count = 0;

    while (status == QN_AGAIN) {
        struct qn_sink out;

        qnk_sink_init(&out, &budget, 1 << 20);
        status = slots->read(disk->inst, 0, disk->log, place, bytes_max, &out);
        assert_true(status == QN_OK || status == QN_AGAIN || status == QN_NOT_FOUND);
        assert_true(status != QN_AGAIN || out.size > 0);
        for (struct qn_span rest = qnk_sink_span(&out); rest.size > 0;) {
            struct qn_storage_entry entry;

            qn_storage_entry_next(&rest, &entry);
            assert_true(entry.place >= place);
            place = entry.place + 1;
            text[count++] = entry.content.size == 0 ? '-' : (char)entry.content.data[0];
        }
        qnk_sink_done(&out);
    }
    text[count] = '\0';
    return text;
}

static int32_t put(struct disk *disk, const char *key, const char *value)
{
    struct qn_storage_op op = {PUT, disk->map, span_of(key), span_of(value)};

    return slots->write(disk->inst, 0, &op, 1, DURABLE);
}

/* How many bits of the value differ, by get and by scan. */
static uint32_t bits_of(const uint8_t *a, const char *b)
{
    uint32_t bits = 0;

    for (uint64_t i = 0; i < strlen(b); i++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            bits += ((a[i] ^ (uint8_t)b[i]) >> bit & 1) != 0;
        }
    }
    return bits;
}

static uint32_t differs(struct disk *disk, const char *key, const char *value)
{
    struct qn_storage_address address = {.key = span_of(key), .space = disk->map};
    struct qn_storage_range range = {.from = span_of(key), .space = disk->map};
    struct qn_storage_found found;
    struct qn_storage_pair pair;
    struct qn_sink out;
    struct qn_span rest;
    uint32_t bits;
    int32_t status;

    qnk_sink_init(&out, &budget, 1 << 20);
    assert_int_equal(qnk_sink_append(&out, "before", 6), QN_OK);
    assert_int_equal(slots->get(disk->inst, 0, 0, &address, 1, &found, &out), QN_OK);
    assert_int_equal(found.status, QN_OK);
    assert_int_equal(found.size, strlen(value));
    bits = bits_of(out.data + 6 + found.offset, value);
    qnk_sink_cut(&out, 6);
    status = slots->scan(disk->inst, 0, 0, &range, 1, 1 << 16, &out);
    assert_true(status == QN_OK || status == QN_AGAIN);
    rest = (struct qn_span){out.data + 6, out.size - 6};
    qn_storage_pair_next(&rest, &pair);
    assert_int_equal(bits_of(pair.value.data, value), bits);
    assert_memory_equal(out.data, "before", 6);
    qnk_sink_done(&out);
    return bits;
}

static void a_healthy_disk_keeps_all(void **state)
{
    struct disk disk;

    (void)state;
    disk_make(&disk, 1);
    assert_int_equal(append(&disk, "a", DURABLE), QN_OK);
    assert_int_equal(append(&disk, "b", DURABLE), QN_OK);
    qnk_drive_cut(&disk.drive);
    assert_string_equal(records(&disk, 1 << 20), "ab");
    assert_int_equal(put(&disk, "k", "value"), QN_OK);
    assert_int_equal(differs(&disk, "k", "value"), 0);
    disk_drop(&disk);
}

static void a_power_cut_takes_an_end_of_what_was_not_durable(void **state)
{
    uint32_t lengths[8] = {0};

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk disk;
        const char *left;

        disk_make(&disk, seed);
        assert_int_equal(append(&disk, "a", DURABLE), QN_OK);
        assert_int_equal(append(&disk, "b", ORDERED), QN_OK);
        assert_int_equal(append(&disk, "c", DURABLE), QN_OK); /* and so b is */
        assert_int_equal(append(&disk, "d", ORDERED), QN_OK);
        assert_int_equal(append(&disk, "e", ORDERED), QN_OK);
        assert_string_equal(records(&disk, 1), "abcde");
        qnk_drive_cut(&disk.drive);
        left = records(&disk, 1);
        assert_memory_equal(left, "abcde", strlen(left));
        assert_true(strlen(left) >= 3);
        lengths[strlen(left)]++;
        assert_int_equal(append(&disk, "f", DURABLE), QN_OK);
        assert_int_equal(records(&disk, 1 << 20)[strlen(records(&disk, 1 << 20)) - 1], 'f');
        assert_int_equal(records(&disk, 1)[2], 'c');
        disk_drop(&disk);
    }
    assert_true(lengths[3] > 0 && lengths[4] > 0 && lengths[5] > 0);
}

static void a_torn_append_leaves_its_first_records(void **state)
{
    struct disk disk;
    struct qn_span three[] = {span_of("x"), span_of("y"), span_of("z")};
    uint64_t places[3];

    (void)state;
    disk_make(&disk, 2);
    assert_int_equal(append(&disk, "a", DURABLE), QN_OK);
    qnk_drive_tear(&disk.drive, 2);
    assert_int_equal(slots->append(disk.inst, 0, disk.log, three, 3, DURABLE, places), QN_IO);
    qnk_drive_cut(&disk.drive);
    assert_string_equal(records(&disk, 1 << 20), "axy");
    qnk_drive_tear(&disk.drive, 0);
    assert_int_equal(slots->append(disk.inst, 0, disk.log, three, 3, DURABLE, places), QN_IO);
    assert_string_equal(records(&disk, 1 << 20), "axy");
    assert_int_equal(slots->append(disk.inst, 0, disk.log, three, 3, DURABLE, places), QN_OK);
    assert_string_equal(records(&disk, 1 << 20), "axyxyz");
    disk_drop(&disk);
}

static void rot_damages_one_record_among_the_last(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk disk;
        const char *left;
        uint32_t damaged = 0;

        disk_make(&disk, seed);
        assert_false(qnk_drive_rot(&disk.drive, "log", 3)); /* nothing is there */
        assert_false(qnk_drive_rot(&disk.drive, "nowhere", 3));
        for (char c[2] = "a"; c[0] <= 'f'; c[0]++) {
            assert_int_equal(append(&disk, c, DURABLE), QN_OK);
        }
        assert_true(qnk_drive_rot(&disk.drive, "log", 3));
        left = records(&disk, 1);
        assert_int_equal(strlen(left), 6);
        assert_memory_equal(left, "abc", 3);
        for (uint32_t i = 3; i < 6; i++) {
            damaged += left[i] == '-';
        }
        assert_int_equal(damaged, 1);
        disk_drop(&disk);
    }
}

static void rot_changes_one_bit_of_a_value_until_it_is_written_anew(void **state)
{
    struct disk disk;

    (void)state;
    disk_make(&disk, 3);
    assert_int_equal(put(&disk, "a", "first"), QN_OK);
    assert_int_equal(put(&disk, "b", "second"), QN_OK);
    assert_true(qnk_drive_rot(&disk.drive, "map", 1));
    assert_int_equal(differs(&disk, "a", "first"), 0);
    assert_int_equal(differs(&disk, "b", "second"), 1);
    qnk_drive_cut(&disk.drive);
    assert_int_equal(differs(&disk, "b", "second"), 1);
    assert_int_equal(put(&disk, "b", "third"), QN_OK);
    assert_int_equal(differs(&disk, "b", "third"), 0);
    disk_drop(&disk);
}

static void a_full_or_failing_disk_says_so_and_writes_nothing(void **state)
{
    struct disk disk;

    (void)state;
    disk_make(&disk, 4);
    qnk_drive_room(&disk.drive, 10);
    assert_int_equal(append(&disk, "12345678", DURABLE), QN_OK);
    assert_int_equal(put(&disk, "key", "value"), QN_NO_SPACE);
    assert_int_equal(append(&disk, "x", DURABLE), QN_NO_SPACE); /* full is full */
    qnk_drive_room(&disk.drive, UINT64_MAX);
    assert_int_equal(put(&disk, "key", "value"), QN_OK);
    qnk_drive_fail(&disk.drive, QN_IO);
    assert_int_equal(append(&disk, "x", DURABLE), QN_IO);
    assert_int_equal(slots->trim(disk.inst, 0, disk.log, 100), QN_IO);
    assert_string_equal(records(&disk, 1), "1"); /* it can be read */
    qnk_drive_fail(&disk.drive, QN_OK);
    assert_int_equal(append(&disk, "x", DURABLE), QN_OK);
    disk_drop(&disk);
}

/* As after a wipe of the drive alone: where logs end is found by reading. */
static void a_drive_over_a_used_disk_knows_where_its_logs_end(void **state)
{
    struct disk disk;

    (void)state;
    disk_make(&disk, 5);
    assert_int_equal(append(&disk, "a", DURABLE), QN_OK);
    assert_int_equal(append(&disk, "b", DURABLE), QN_OK);
    qnk_drive_done(&disk.drive);
    qnk_drive_init(&disk.drive, &budget, qnk_player_plugged(disk.player), 5, 1);
    disk_open(&disk);
    assert_true(qnk_drive_rot(&disk.drive, "log", 1));
    assert_string_equal(records(&disk, 1 << 20), "a-");
    disk_drop(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_disk_keeps_all),
        cmocka_unit_test(a_power_cut_takes_an_end_of_what_was_not_durable),
        cmocka_unit_test(a_torn_append_leaves_its_first_records),
        cmocka_unit_test(rot_damages_one_record_among_the_last),
        cmocka_unit_test(rot_changes_one_bit_of_a_value_until_it_is_written_anew),
        cmocka_unit_test(a_full_or_failing_disk_says_so_and_writes_nothing),
        cmocka_unit_test(a_drive_over_a_used_disk_knows_where_its_logs_end),
    };
    const char *root = getenv("top_builddir");

    if (sodium_init() < 0) {
        return 1;
    }
    plugin = qnk_stage_map(root == NULL ? "." : root, "storage", "memory");
    return plugin == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
