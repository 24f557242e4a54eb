/* SPDX-License-Identifier: MIT */

/* zstd_test.c: the contract of every compressor, then what is peculiar to zstd. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/check/compression.h"
#include "zstd.manifest.h"

/* The largest block uses the largest tables; only its first part is hard, for the sake of time. */
enum { BLOCK = QN_COMPRESSION_PLAIN_MAX, HARD = 1 << 17 };

/* The plugin, configured for a level; the record lies in `config`. */
static struct qn_check_given given_level(int64_t level, uint8_t *config)
{
    struct zstd_config values = {.level = level};

    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = {config, (uint64_t)(zstd_config_write(&values, config) - config)},
        .memory = ZSTD_MEMORY,
        .lanes = ZSTD_LANES,
    };
}

static int start(void **subject)
{
    const struct qn_check_given given = {
        .plugin = &qn_plugin_v1,
        .config = zstd_config_default(),
        .memory = ZSTD_MEMORY,
        .lanes = ZSTD_LANES,
    };

    *subject = qn_check_compression_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_compression_stop(*subject);
    return 0;
}

/* Text-like bytes: words of a small vocabulary in an order without pattern. */
static void words_fill(uint8_t *to, size_t size)
{
    static const char *const words[] = {"transfer ", "block ", "window ", "of ",
                                        "the ",      "sum ",   "key ",    "final "};
    uint64_t seed = 7;
    size_t at = 0;

    while (at < size) {
        const char *word = words[qn_check_random(&seed) % 8];

        for (size_t i = 0; word[i] != '\0' && at < size; i++) {
            to[at++] = (uint8_t)word[i];
        }
    }
}

/* Packs `plain` on lane 0 of an instance of its own; gives the packed size. */
static uint64_t pack_at(int64_t level, struct qn_span plain, uint8_t *packed, uint64_t room)
{
    uint8_t config[8];
    struct qn_check_given given = given_level(level, config);
    const struct qn_compression_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_node *node = qn_check_node_create(given.memory);
    struct qn_inst *inst = qn_check_inst_create(&given, node);
    struct qn_sink sink = {.data = packed, .cap = room};

    assert_int_equal(slots->pack(inst, 0, plain, &sink), QN_OK);
    assert_true(qn_check_node_peak(node) <= ZSTD_MEMORY);
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
    return sink.size;
}

static void every_level_works_in_the_memory_of_the_manifest(void **subject)
{
    uint8_t *bytes = calloc(3, BLOCK);
    uint64_t first = 0, last = 0;

    assert_non_null(bytes);
    words_fill(bytes, HARD);
    for (int64_t level = ZSTD_LEVEL_MIN; level <= ZSTD_LEVEL_MAX; level++) {
        struct qn_span packed = {bytes + BLOCK, 0};

        packed.size = pack_at(level, (struct qn_span){bytes, BLOCK}, bytes + BLOCK, 2 * BLOCK);
        assert_int_equal(qn_check_compression_unpack(*subject, packed, BLOCK), QN_OK);
        first = level == ZSTD_LEVEL_MIN ? packed.size : first;
        last = packed.size;
    }
    assert_true(last < first);
    free(bytes);
}

static void no_memory_is_no_space(void **subject)
{
    uint8_t config[8];
    struct qn_check_given given = given_level(1, config);

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

/* RFC 8878, section 3.1.2: legal zstd, but no block; it would unpack to nothing. */
static void a_skippable_frame_is_refused(void **subject)
{
    static const uint8_t skippable[] = {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0};
    struct qn_span packed = {skippable, sizeof skippable};

    assert_int_equal(qn_check_compression_unpack(*subject, packed, 0), QN_INVALID);
}

/* Magic, a header that leaves the size out, a window of 1 KiB, one empty block. */
static void a_frame_without_its_size_is_refused(void **subject)
{
    static const uint8_t sizeless[] = {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x01, 0x00, 0x00};
    struct qn_span packed = {sizeless, sizeof sizeless};

    assert_int_equal(qn_check_compression_unpack(*subject, packed, 0), QN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_COMPRESSION(cmocka_unit_test),
        cmocka_unit_test(every_level_works_in_the_memory_of_the_manifest),
        cmocka_unit_test(no_memory_is_no_space),
        cmocka_unit_test(a_skippable_frame_is_refused),
        cmocka_unit_test(a_frame_without_its_size_is_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
