/* SPDX-License-Identifier: MIT */

/* manifest_test.c: notes as abigen writes them, and notes that nobody should write. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/manifest.h>

#include "kernel/plugin/manifest.h"
#include "sdk/check/sample.manifest.h"

enum { NOTE_MAX = 70000 };

static uint8_t room[QNK_MANIFEST_ROOM(NOTE_MAX) / 16 * 16];
static struct qnk_arena arena;
static struct qnk_manifest manifest;
static char why[QNK_PLUGIN_WHY_MAX];

static int32_t read_note(struct qn_span note)
{
    why[0] = 0;
    qnk_arena_init(&arena, room, QNK_MANIFEST_ROOM(note.size) / 16 * 16);
    return qnk_manifest_read(note, &arena, &manifest, why);
}

/* A note that is being made, field by field. */
struct note {
    uint8_t bytes[NOTE_MAX];
    uint64_t size;
};

static struct note note;

static void field_add(uint16_t tag, const void *value, uint64_t size)
{
    uint64_t filled = (size + 3) / 4 * 4;

    assert_true(note.size + 8 + filled <= NOTE_MAX);
    qn_le16_write(note.bytes + note.size, tag);
    qn_le16_write(note.bytes + note.size + 2, 0);
    qn_le32_write(note.bytes + note.size + 4, (uint32_t)size);
    memset(note.bytes + note.size + 8, 0, filled);
    memcpy(note.bytes + note.size + 8, value, size);
    note.size += 8 + filled;
}

static void text_add(uint16_t tag, const char *text)
{
    uint8_t value[2000];
    uint64_t size = strlen(text);

    qn_le32_write(value, (uint32_t)size);
    memcpy(value + 4, text, size);
    field_add(tag, value, 4 + size);
}

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

/* What a crafted note says where it differs from a good one. */
struct said {
    const char *kind;
    const char *name;
    uint16_t minor;
    uint64_t print;
    uint16_t host_minor;
    uint64_t host_print;
    const char *need;
    uint16_t need_minor;
    uint64_t flags;
    uint16_t odd_tag; /* a field beyond the known ones */
    uint32_t lanes;
};

static struct said good(void)
{
    return (struct said){
        .kind = "storage/1",
        .name = "mine",
        .print = qnk_kind_storage.table.minors[0].print,
        .host_print = qnk_table_host.minors[0].print,
        .lanes = 1,
    };
}

static void numbers_add(const struct said *said)
{
    const struct qn_manifest_version version = {
        1,
        2,
        3,
    };
    const struct qn_manifest_table table = {.major = 1,
                                            .minor = said->minor,
                                            .print = said->print,
                                            .newest = span_of("prune"),
                                            .release = span_of("0.9")};
    const struct qn_manifest_host host = {
        .major = 1, .minor = said->host_minor, .print = said->host_print};
    uint8_t value[256];

    field_add(QN_MANIFEST_VERSION, value,
              (uint64_t)(qn_manifest_version_write(&version, value) - value));
    text_add(QN_MANIFEST_LICENSE, "MIT");
    field_add(QN_MANIFEST_TABLE, value, (uint64_t)(qn_manifest_table_write(&table, value) - value));
    field_add(QN_MANIFEST_HOST, value, (uint64_t)(qn_manifest_host_write(&host, value) - value));
}

static struct qn_span note_make(const struct said *said)
{
    uint8_t value[256];

    note.size = 8;
    memcpy(note.bytes, "QNM1", 4);
    text_add(QN_MANIFEST_KIND, said->kind);
    text_add(QN_MANIFEST_NAME, said->name);
    numbers_add(said);
    if (said->need != NULL) {
        const struct qn_manifest_needs needs = {.id = span_of(said->need),
                                                .minor = said->need_minor};

        field_add(QN_MANIFEST_NEEDS, value,
                  (uint64_t)(qn_manifest_needs_write(&needs, value) - value));
    }
    if (said->flags != 0) {
        qn_le64_write(value, said->flags);
        field_add(QN_MANIFEST_FLAGS, value, 8);
    }
    qn_le32_write(value, said->lanes);
    field_add(QN_MANIFEST_LANES, value, 4);
    qn_le64_write(value, 4096);
    field_add(QN_MANIFEST_MEMORY, value, 8);
    if (said->odd_tag != 0) {
        field_add(said->odd_tag, value, 4);
    }
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    return (struct qn_span){note.bytes, note.size};
}

static void refuses(struct said said, int32_t status, const char *words)
{
    int32_t answer = read_note(note_make(&said));

    if (answer == QN_OK) {
        answer = qnk_manifest_fits(&manifest, why);
    }
    assert_int_equal(answer, status);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, why);
    }
}

static void a_note_with_everything_is_read(void **state)
{
    struct qn_span sample = {round_robin_note.content, sizeof round_robin_note.content};

    (void)state;
    assert_int_equal(read_note(sample), QN_OK);
    assert_string_equal(manifest.kind_text, "consensus/1");
    assert_ptr_equal(manifest.kind, &qnk_kind_consensus);
    assert_string_equal(manifest.version_text, "1.20.3");
    assert_string_equal(manifest.publisher, "nobody");
    assert_int_equal(manifest.print, ROUND_ROBIN_MANIFEST_PRINT);
    assert_int_equal(manifest.lanes, 4);
    assert_int_equal(manifest.memory, 3 << 20);
    assert_int_equal(manifest.flags, QNK_MANIFEST_SPAWNS | QNK_MANIFEST_MID_WINDOW);
    assert_string_equal(manifest.needs[0].id, "qnet.watch/1");
    assert_int_equal(manifest.wants_count, 2);
    assert_non_null(qnk_manifest_extension_find(&manifest, "x.other/2"));
    assert_null(qnk_manifest_extension_find(&manifest, "x.other/1"));
    assert_string_equal(qnk_manifest_step_name(&manifest, 16), "approve");
    assert_null(qnk_manifest_step_name(&manifest, 17));
    assert_string_equal(manifest.schema, "consensus-state/1");
    assert_string_equal(manifest.imports[0], "consensus-state/0");
    assert_int_equal(manifest.config.count, 11);
    assert_string_equal(manifest.config.title, "consensus round-robin 1.20");
    assert_int_equal(manifest.metrics_count, 2);
    assert_int_equal(manifest.metrics[1].type, QNK_MANIFEST_GAUGE);
    assert_string_equal(manifest.metrics[0].unit, "bytes");
}

static void every_truncation_is_refused(void **state)
{
    uint64_t size = sizeof round_robin_note.content;
    uint8_t *copy;

    (void)state;
    for (uint64_t cut = 0; cut < size; cut++) {
        copy = malloc(cut + 1); /* of just that size, for those who watch memory */
        assert_non_null(copy);
        memcpy(copy, round_robin_note.content, cut);
        assert_int_not_equal(read_note((struct qn_span){copy, cut}), QN_OK);
        if (cut >= 8) {
            qn_le32_write(copy + 4, (uint32_t)cut);
            (void)read_note((struct qn_span){copy, cut});
        }
        assert_true(why[0] != 0 || manifest.print != ROUND_ROBIN_MANIFEST_PRINT);
        free(copy);
    }
}

static void every_flipped_bit_is_refused_or_another_manifest(void **state)
{
    uint8_t copy[sizeof round_robin_note.content];
    struct qn_span span = {copy, sizeof copy};

    (void)state;
    memcpy(copy, round_robin_note.content, sizeof copy);
    for (size_t bit = 0; bit < 8 * sizeof copy; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (read_note(span) == QN_OK) {
            assert_int_not_equal(manifest.print, ROUND_ROBIN_MANIFEST_PRINT);
        } else {
            assert_true(why[0] != 0);
        }
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_good_note_fits(void **state)
{
    struct said said = good();

    (void)state;
    assert_int_equal(read_note(note_make(&said)), QN_OK);
    assert_int_equal(qnk_manifest_fits(&manifest, why), QN_OK);
}

static void too_new_names_both_versions_the_slot_and_the_release(void **state)
{
    struct said said = good();

    (void)state;
    said.minor = 3;
    refuses(
        said, QN_UNSUPPORTED,
        "'mine' needs storage/1.3 (slot 'prune', since qnetd 0.9); this is qnetd " PACKAGE_VERSION
        " with storage/1.0");
    said = good();
    said.host_minor = 1;
    refuses(said, QN_UNSUPPORTED,
            "'mine' needs host/1.1; this is qnetd " PACKAGE_VERSION " with host/1.0");
}

static void another_print_is_refused(void **state)
{
    struct said said = good();

    (void)state;
    said.print++;
    refuses(said, QN_UNSUPPORTED, "compiled with another header: its storage/1.0 has the print");
    said = good();
    said.host_print++;
    refuses(said, QN_UNSUPPORTED, "compiled with another header: its host/1.0 has the print");
}

static void unknown_kinds_majors_and_extensions_are_named(void **state)
{
    struct said said = good();

    (void)state;
    said.kind = "teleport/1";
    refuses(said, QN_UNSUPPORTED, "'mine' is of the kind teleport/1");
    said = good();
    said.kind = "storage/2";
    refuses(said, QN_INVALID, "contradicts itself");
    said.kind = "storage/01";
    refuses(said, QN_INVALID, "names no kind");
    said.kind = "storage";
    refuses(said, QN_INVALID, "names no kind");
    said = good();
    said.need = "x.magic/1";
    refuses(said, QN_UNSUPPORTED, "needs the extension x.magic/1.0");
    said.need = "qnet.watch/1";
    said.need_minor = 2;
    refuses(said, QN_UNSUPPORTED, "needs the extension qnet.watch/1.2");
    said = good();
    said.kind = "compression/1";
    said.print = qnk_kind_compression.table.minors[0].print;
    said.need = "qnet.files/1";
    refuses(said, QN_UNSUPPORTED, "is for edge kinds, and compression is pure");
}

static void unknown_fields_are_refused_below_0x8000_and_skipped_above(void **state)
{
    struct said said = good();

    (void)state;
    said.odd_tag = 999;
    refuses(said, QN_UNSUPPORTED, "has the field 999");
    said.odd_tag = 0x8777;
    assert_int_equal(read_note(note_make(&said)), QN_OK);
    said.odd_tag = 17;
    refuses(said, QN_INVALID, "which is of signature plugins");
}

static void flags_are_known_and_allowed(void **state)
{
    struct said said = good();

    (void)state;
    said.flags = 8;
    refuses(said, QN_UNSUPPORTED, "a flag that this qnetd does not know");
    said.flags = QNK_MANIFEST_PROCESS_ONLY;
    refuses(said, QN_UNSUPPORTED, "'mine' wants a process of its own");
    said.flags = QNK_MANIFEST_SPAWNS | QNK_MANIFEST_MID_WINDOW;
    assert_int_equal(read_note(note_make(&said)), QN_OK);
    assert_int_equal(qnk_manifest_fits(&manifest, why), QN_OK);
    said.kind = "ledger/1";
    said.print = qnk_kind_ledger.table.minors[0].print;
    refuses(said, QN_UNSUPPORTED, "only edge kinds may, and ledger is deterministic");
}

static void names_and_lanes_are_checked(void **state)
{
    struct said said = good();

    (void)state;
    said.name = "Mine";
    refuses(said, QN_INVALID, "no name of a-z");
    said.name = "../mine";
    refuses(said, QN_INVALID, "no name of a-z");
    said = good();
    said.lanes = 0;
    refuses(said, QN_INVALID, "asks for 0 lanes");
}

static void order_repetition_and_padding_are_checked(void **state)
{
    struct said said = good();
    struct qn_span span = note_make(&said);
    uint64_t end = note.size;

    (void)state;
    text_add(QN_MANIFEST_LICENSE, "MIT");
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    span.size = note.size;
    assert_int_equal(read_note(span), QN_INVALID);
    assert_non_null(strstr(why, "out of order"));
    note.size = end;
    text_add(QN_MANIFEST_SUMMARY, "a");
    text_add(QN_MANIFEST_SUMMARY, "b");
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    span.size = note.size;
    assert_int_equal(read_note(span), QN_INVALID);
    assert_non_null(strstr(why, "comes twice"));
    note.size = end;
    text_add(QN_MANIFEST_SUMMARY, "a");
    note.bytes[note.size - 1] = 1;
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    span.size = note.size;
    assert_int_equal(read_note(span), QN_INVALID);
    assert_non_null(strstr(why, "behind a field"));
}

static void more_than_64_kib_is_refused(void **state)
{
    struct said said = good();
    static const uint8_t filler[60000];

    (void)state;
    (void)note_make(&said);
    field_add(0x8001, filler, sizeof filler);
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    assert_int_equal(read_note((struct qn_span){note.bytes, note.size}), QN_INVALID);
    assert_true(strstr(why, "field 32769") != NULL);
    (void)note_make(&said);
    field_add(0x8002, filler, sizeof filler);
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    assert_int_equal(read_note((struct qn_span){note.bytes, note.size}), QN_OK);
    field_add(0x8003, filler, 8000);
    qn_le32_write(note.bytes + 4, (uint32_t)note.size);
    assert_int_equal(read_note((struct qn_span){note.bytes, note.size}), QN_INVALID);
    assert_true(strstr(why, "65536 is the most") != NULL);
}

static void the_default_config_is_as_the_generator_says(void **state)
{
    struct qn_span sample = {round_robin_note.content, sizeof round_robin_note.content};
    struct qn_span record;

    (void)state;
    assert_int_equal(read_note(sample), QN_OK);
    assert_int_equal(qnk_manifest_default(&manifest, &arena, &record, why), QN_INVALID);
    assert_non_null(strstr(why, "'secret'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_with_everything_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_another_manifest),
        cmocka_unit_test(a_good_note_fits),
        cmocka_unit_test(too_new_names_both_versions_the_slot_and_the_release),
        cmocka_unit_test(another_print_is_refused),
        cmocka_unit_test(unknown_kinds_majors_and_extensions_are_named),
        cmocka_unit_test(unknown_fields_are_refused_below_0x8000_and_skipped_above),
        cmocka_unit_test(flags_are_known_and_allowed),
        cmocka_unit_test(names_and_lanes_are_checked),
        cmocka_unit_test(order_repetition_and_padding_are_checked),
        cmocka_unit_test(more_than_64_kib_is_refused),
        cmocka_unit_test(the_default_config_is_as_the_generator_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
