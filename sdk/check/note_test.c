/* SPDX-License-Identifier: MIT */

/* note_test.c: what abigen writes into a note, read with the public readers. */

#include "tests/test.h"

#include <string.h>

#include <qnet/consensus.h>
#include <qnet/manifest.h>

#include "sdk/check/sample.manifest.h"

enum { FIELDS_MAX = 64, START = 8, HEAD = 8 };

/* One field of the note. */
struct field {
    uint16_t tag;
    struct qn_span value;
};

struct note {
    struct field fields[FIELDS_MAX];
    uint32_t count;
};

static const uint8_t *const content = round_robin_note.content;
static const uint64_t content_size = sizeof round_robin_note.content;

static int split(void **state)
{
    static struct note note;
    uint64_t at = START;

    while (at < content_size && note.count < FIELDS_MAX) {
        struct field *field = &note.fields[note.count++];

        field->tag = qn_le16_read(content + at);
        field->value = (struct qn_span){content + at + HEAD, qn_le32_read(content + at + 4)};
        at += HEAD + (field->value.size + 3) / 4 * 4;
    }
    *state = &note;
    return at == content_size ? 0 : -1;
}

/* The value of the `index`th field with this tag. */
static struct qn_span value_of(const struct note *note, uint16_t tag, uint32_t index)
{
    for (uint32_t i = 0; i < note->count; i++) {
        if (note->fields[i].tag == tag && index-- == 0) {
            return note->fields[i].value;
        }
    }
    fail_msg("no field %u", (unsigned int)tag);
    return (struct qn_span){NULL, 0};
}

static bool span_is(struct qn_span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.data, text, span.size) == 0;
}

static uint32_t count_of(const struct note *note, uint16_t tag)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < note->count; i++) {
        count += note->fields[i].tag == tag;
    }
    return count;
}

static void the_note_is_an_elf_note(void **state)
{
    (void)state;
    assert_int_equal(round_robin_note.owner_size, 5);
    assert_int_equal(round_robin_note.content_size, content_size);
    assert_int_equal(round_robin_note.type, 1);
    assert_memory_equal(round_robin_note.owner, "QNet\0\0\0\0", 8);
    assert_int_equal((uintptr_t)&round_robin_note % 4, 0);
}

static void the_content_begins_with_its_size(void **state)
{
    (void)state;
    assert_memory_equal(content, "QNM1", 4);
    assert_int_equal(qn_le32_read(content + 4), content_size);
    assert_int_equal(content_size % 4, 0);
}

static void the_print_is_fnv_of_the_content(void **state)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);

    (void)state;
    for (uint64_t i = 0; i < content_size; i++) {
        print = (print ^ content[i]) * UINT64_C(0x100000001b3);
    }
    assert_true(print == ROUND_ROBIN_MANIFEST_PRINT);
}

static void fields_ascend_and_padding_is_zero(void **state)
{
    const struct note *note = *state;

    for (uint32_t i = 0; i < note->count; i++) {
        const struct field *it = &note->fields[i];

        assert_int_equal(qn_le16_read(it->value.data - 6), 0);
        for (uint64_t pad = it->value.size; pad % 4 != 0; pad++) {
            assert_int_equal(it->value.data[pad], 0);
        }
        if (i > 0 && it[-1].tag == it->tag) {
            uint64_t shared =
                it[-1].value.size < it->value.size ? it[-1].value.size : it->value.size;
            int order = memcmp(it[-1].value.data, it->value.data, shared);

            assert_true(order < 0 || (order == 0 && it[-1].value.size < it->value.size));
        } else if (i > 0) {
            assert_true(it[-1].tag < it->tag);
        }
    }
}

static void names_and_numbers_are_those_of_the_file(void **state)
{
    struct qn_manifest_kind kind = {0};
    struct qn_manifest_name name = {0};
    struct qn_manifest_version version = {0};
    struct qn_manifest_flags flags = {0};
    struct qn_manifest_memory memory = {0};
    struct qn_manifest_lanes lanes = {0};

    assert_int_equal(qn_manifest_kind_read(value_of(*state, QN_MANIFEST_KIND, 0), &kind), QN_OK);
    assert_true(span_is(kind.kind, ROUND_ROBIN_KIND));
    assert_int_equal(qn_manifest_name_read(value_of(*state, QN_MANIFEST_NAME, 0), &name), QN_OK);
    assert_true(span_is(name.name, ROUND_ROBIN_NAME));
    assert_int_equal(qn_manifest_version_read(value_of(*state, QN_MANIFEST_VERSION, 0), &version),
                     QN_OK);
    assert_int_equal(version.major, 1);
    assert_int_equal(version.minor, 20);
    assert_int_equal(version.patch, 3);
    assert_int_equal(qn_manifest_flags_read(value_of(*state, QN_MANIFEST_FLAGS, 0), &flags), QN_OK);
    assert_int_equal(flags.flags, 5);
    assert_int_equal(qn_manifest_memory_read(value_of(*state, QN_MANIFEST_MEMORY, 0), &memory),
                     QN_OK);
    assert_int_equal(memory.memory, 3 << 20);
    assert_int_equal(qn_manifest_lanes_read(value_of(*state, QN_MANIFEST_LANES, 0), &lanes), QN_OK);
    assert_int_equal(lanes.lanes, ROUND_ROBIN_LANES);
}

static void versions_and_prints_are_those_of_the_headers(void **state)
{
    struct qn_manifest_table table = {0};
    struct qn_manifest_host host = {0};

    assert_int_equal(qn_manifest_table_read(value_of(*state, QN_MANIFEST_TABLE, 0), &table), QN_OK);
    assert_int_equal(table.major, 1);
    assert_int_equal(table.minor, QN_TARGET_CONSENSUS);
    assert_true(table.print == QN_CONSENSUS_PRINT);
    assert_true(span_is(table.newest, "query"));
    assert_true(span_is(table.release, "0.1"));
    assert_int_equal(qn_manifest_host_read(value_of(*state, QN_MANIFEST_HOST, 0), &host), QN_OK);
    assert_int_equal(host.minor, QN_TARGET_HOST);
    assert_true(host.print == QN_PLUGIN_PRINT);
}

static void every_config_key_can_be_read(void **state)
{
    struct qn_manifest_config key = {0};

    assert_int_equal(count_of(*state, QN_MANIFEST_CONFIG), 11);
    for (uint32_t i = 0; i < 11; i++) {
        assert_int_equal(qn_manifest_config_read(value_of(*state, QN_MANIFEST_CONFIG, i), &key),
                         QN_OK);
    }
    assert_true(span_is(key.name, "phase.seal"));
    assert_int_equal(key.type, 4);
    assert_int_equal(qn_le64_read(key.absent.data), 30000);
}

static void a_choice_lists_its_values(void **state)
{
    struct qn_manifest_config key = {0};

    assert_int_equal(qn_manifest_config_read(value_of(*state, QN_MANIFEST_CONFIG, 1), &key), QN_OK);
    assert_true(span_is(key.name, "mode"));
    assert_int_equal(key.type, 10);
    assert_int_equal(key.flags, 0);
    assert_int_equal(key.values_count, 2);
    assert_int_equal(qn_le32_read(key.absent.data), ROUND_ROBIN_MODE_SMALL_MEMORY);
}

static void bounds_and_flags_of_a_number(void **state)
{
    struct qn_manifest_config key = {0};

    assert_int_equal(qn_manifest_config_read(value_of(*state, QN_MANIFEST_CONFIG, 5), &key), QN_OK);
    assert_true(span_is(key.name, "level"));
    assert_int_equal(key.type, 2);
    assert_int_equal(key.unit, 1);
    assert_int_equal(key.flags, 2);
    assert_int_equal((int64_t)qn_le64_read(key.min.data), ROUND_ROBIN_LEVEL_MIN);
    assert_int_equal((int64_t)qn_le64_read(key.max.data), ROUND_ROBIN_LEVEL_MAX);
}

static void metrics_extensions_and_steps_can_be_read(void **state)
{
    struct qn_manifest_metric metric = {0};
    struct qn_manifest_wants wants = {0};
    struct qn_consensus_manifest_steps step = {0};

    assert_int_equal(qn_manifest_metric_read(value_of(*state, QN_MANIFEST_METRIC, 0), &metric),
                     QN_OK);
    assert_int_equal(metric.id, ROUND_ROBIN_METRIC_PACKED_BYTES);
    assert_true(span_is(metric.name, "packed_bytes"));
    assert_int_equal(count_of(*state, QN_MANIFEST_WANTS), 2);
    assert_int_equal(qn_manifest_wants_read(value_of(*state, QN_MANIFEST_WANTS, 1), &wants), QN_OK);
    assert_true(span_is(wants.id, "qnet.files/1"));
    assert_int_equal(
        qn_consensus_manifest_steps_read(value_of(*state, QN_CONSENSUS_MANIFEST_STEPS, 1), &step),
        QN_OK);
    assert_int_equal(step.id, 16);
    assert_true(span_is(step.name, "approve"));
}

static void the_default_config_reads_as_the_file_says(void **state)
{
    struct round_robin_config config = round_robin_config_read(round_robin_config_default());

    (void)state;
    assert_int_equal(config.loud, 1);
    assert_int_equal(config.mode, ROUND_ROBIN_MODE_SMALL_MEMORY);
    assert_int_equal(config.part, 250000);
    assert_int_equal(config.room, 64 << 20);
    assert_int_equal(config.level, 3);
    assert_int_equal(config.phase_seal, 30000);
    assert_int_equal(config.hosts_count, 2);
    assert_int_equal(config.ports_count, 0);
    assert_int_equal(config.labels_count, 2);
    assert_int_equal(config.secret.size, 0);
    assert_true(span_is(config.listen, "tcp://127.0.0.1:9876"));
}

static void the_config_is_written_as_it_is_read(void **state)
{
    struct qn_span record = round_robin_config_default();
    struct round_robin_config config = round_robin_config_read(record);
    uint8_t bytes[256];

    (void)state;
    assert_int_equal(round_robin_config_size(&config), record.size);
    assert_ptr_equal(round_robin_config_write(&config, bytes), bytes + record.size);
    assert_memory_equal(bytes, record.data, record.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_note_is_an_elf_note),
        cmocka_unit_test(the_content_begins_with_its_size),
        cmocka_unit_test(the_print_is_fnv_of_the_content),
        cmocka_unit_test(fields_ascend_and_padding_is_zero),
        cmocka_unit_test(names_and_numbers_are_those_of_the_file),
        cmocka_unit_test(versions_and_prints_are_those_of_the_headers),
        cmocka_unit_test(every_config_key_can_be_read),
        cmocka_unit_test(a_choice_lists_its_values),
        cmocka_unit_test(bounds_and_flags_of_a_number),
        cmocka_unit_test(metrics_extensions_and_steps_can_be_read),
        cmocka_unit_test(the_default_config_reads_as_the_file_says),
        cmocka_unit_test(the_config_is_written_as_it_is_read),
    };

    return cmocka_run_group_tests(tests, split, NULL);
}
