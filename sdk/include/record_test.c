/* SPDX-License-Identifier: MIT */

/* record_test.c: the record encoding, on records of the shipped headers. */

#include "tests/test.h"

#include <string.h>

#include <qnet/consensus.h>
#include <qnet/manifest.h>
#include <qnet/transport.h>

static const uint8_t some_hash[QN_HASH_SIZE] = {1, 2, 3};
static const uint8_t some_key[QN_KEY_SIZE] = {4, 5, 6};

/* A span over the characters of a literal. */
#define SPAN(text) ((struct qn_span){(const uint8_t *)(text), sizeof(text) - 1})

static struct qn_consensus_event_vote some_vote(void)
{
    return (struct qn_consensus_event_vote){
        .window = 7,
        .round = 2,
        .step = 16,
        .vr = -1,
        .from = 3,
        .digest = some_hash,
        .opened = 1,
        .body = SPAN("body"),
    };
}

static void what_is_written_is_read_back(void **state)
{
    struct qn_consensus_event_vote vote = some_vote(), back = {0};
    uint8_t bytes[128];
    uint64_t size = qn_consensus_event_vote_size(&vote);

    (void)state;
    assert_ptr_equal(qn_consensus_event_vote_write(&vote, bytes), bytes + size);
    assert_int_equal(qn_consensus_event_vote_read((struct qn_span){bytes, size}, &back), QN_OK);
    assert_int_equal(back.window, 7);
    assert_int_equal(back.round, 2);
    assert_int_equal(back.step, 16);
    assert_int_equal(back.vr, -1);
    assert_int_equal(back.from, 3);
    assert_int_equal(back.opened, 1);
    assert_memory_equal(back.digest, some_hash, QN_HASH_SIZE);
    assert_int_equal(back.body.size, 4);
    assert_memory_equal(back.body.data, "body", 4);
}

static void the_encoding_is_these_bytes(void **state)
{
    struct qn_consensus_effect_timer timer = {.window = 0x0102, .timer = 3, .delay_ms = 0x04050607};
    static const uint8_t expected[] = {2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7, 6, 5, 4};
    uint8_t bytes[16];

    (void)state;
    assert_int_equal(qn_consensus_effect_timer_size(&timer), sizeof expected);
    qn_consensus_effect_timer_write(&timer, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void every_shorter_or_longer_record_is_refused(void **state)
{
    struct qn_consensus_event_vote vote = some_vote(), back = {.window = 99};
    uint8_t bytes[128] = {0};
    uint64_t size = qn_consensus_event_vote_size(&vote);

    (void)state;
    qn_consensus_event_vote_write(&vote, bytes);
    for (uint64_t other = 0; other < sizeof bytes; other++) {
        if (other != size) {
            assert_int_equal(qn_consensus_event_vote_read((struct qn_span){bytes, other}, &back),
                             QN_INVALID);
        }
    }
    assert_int_equal(qn_consensus_event_vote_read((struct qn_span){NULL, 0}, &back), QN_INVALID);
    assert_int_equal(back.window, 99);
}

static void a_flag_is_0_or_1(void **state)
{
    uint8_t bytes[] = {2};
    struct qn_reader in = qn_reader_over((struct qn_span){bytes, 1});

    (void)state;
    assert_int_equal(qn_reader_flag(&in), 0);
    assert_false(qn_reader_is_done(&in));
}

static void a_count_over_the_limit_is_refused(void **state)
{
    struct qn_consensus_effect_save save = {.window = 1};
    uint8_t bytes[8 + 4 + QN_CONSENSUS_SAVED_MAX + 1] = {0};
    struct qn_consensus_effect_save back;

    (void)state;
    qn_consensus_effect_save_write(&save, bytes);
    qn_le32_write(bytes + 8, QN_CONSENSUS_SAVED_MAX);
    assert_int_equal(
        qn_consensus_effect_save_read((struct qn_span){bytes, sizeof bytes - 1}, &back), QN_OK);
    qn_le32_write(bytes + 8, QN_CONSENSUS_SAVED_MAX + 1);
    assert_int_equal(qn_consensus_effect_save_read((struct qn_span){bytes, sizeof bytes}, &back),
                     QN_INVALID);
    qn_le32_write(bytes + 8, UINT32_MAX);
    assert_int_equal(qn_consensus_effect_save_read((struct qn_span){bytes, sizeof bytes}, &back),
                     QN_INVALID);
}

static void text_is_utf8_in_its_shortest_form(void **state)
{
    static const char *const right[] = {"",
                                        "plain",
                                        "\xC3\xA9",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xC2\xA0"};
    static const char *const wrong[] = {"\x80",
                                        "\xC3",
                                        "\xC0\xAF",
                                        "\xE0\x9F\xBF",
                                        "\xED\xA0\x80",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xE2\x82",
                                        "\xE2\x28\xA1",
                                        "a\xFF",
                                        "\xC1\xBF"};

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_true(
            qn_text_is_valid((struct qn_span){(const uint8_t *)right[i], strlen(right[i])}));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(
            qn_text_is_valid((struct qn_span){(const uint8_t *)wrong[i], strlen(wrong[i])}));
    }
}

static void text_holds_no_control_characters(void **state)
{
    (void)state;
    assert_false(qn_text_is_valid(SPAN("two\nlines")));
    assert_false(qn_text_is_valid(SPAN("a\0b")));
    assert_false(qn_text_is_valid(SPAN("\x1B[2J")));
    assert_false(qn_text_is_valid(SPAN("\x7F")));
    assert_false(qn_text_is_valid(SPAN("\xC2\x85")));
}

static void a_record_with_wrong_text_is_refused(void **state)
{
    struct qn_manifest_name name = {.name = SPAN("name")}, back;
    uint8_t bytes[8];

    (void)state;
    qn_manifest_name_write(&name, bytes);
    assert_int_equal(qn_manifest_name_read((struct qn_span){bytes, 8}, &back), QN_OK);
    bytes[5] = '\n';
    assert_int_equal(qn_manifest_name_read((struct qn_span){bytes, 8}, &back), QN_INVALID);
}

/* Two members in record encoding. */
static struct qn_span two_members(uint8_t *bytes)
{
    struct qn_member members[] = {{some_key, 10}, {some_hash, 20}};
    uint8_t *end = qn_member_write(&members[0], bytes);

    end = qn_member_write(&members[1], end);
    return (struct qn_span){bytes, (uint64_t)(end - bytes)};
}

static void a_list_is_checked_whole_and_then_walked(void **state)
{
    uint8_t items[80], bytes[256];
    struct qn_consensus_event_open open = {
        .set = some_hash,
        .seed = some_hash,
        .members = two_members(items),
        .members_count = 2,
    };
    struct qn_consensus_event_open back = {0};
    struct qn_member member;
    uint64_t size = qn_consensus_event_open_size(&open);

    (void)state;
    assert_ptr_equal(qn_consensus_event_open_write(&open, bytes), bytes + size);
    assert_int_equal(qn_consensus_event_open_read((struct qn_span){bytes, size}, &back), QN_OK);
    assert_int_equal(back.members_count, 2);

    struct qn_span rest = back.members;

    qn_member_next(&rest, &member);
    assert_memory_equal(member.key, some_key, QN_KEY_SIZE);
    assert_int_equal(member.weight, 10);
    qn_member_next(&rest, &member);
    assert_int_equal(member.weight, 20);
    assert_int_equal(rest.size, 0);
}

static void a_list_that_ends_early_is_refused(void **state)
{
    uint8_t items[80], bytes[256];
    struct qn_consensus_event_open open = {
        .set = some_hash,
        .seed = some_hash,
        .members = two_members(items),
        .members_count = 3,
    };
    struct qn_consensus_event_open back = {0};

    (void)state;
    qn_consensus_event_open_write(&open, bytes);
    assert_int_equal(qn_consensus_event_open_read(
                         (struct qn_span){bytes, qn_consensus_event_open_size(&open)}, &back),
                     QN_INVALID);
}

static void lists_of_texts_are_checked_text_by_text(void **state)
{
    static const uint8_t values[] = {4, 0, 0, 0, 'f', 'a', 's', 't', 1, 0, 0, 0, 'x'};
    struct qn_manifest_config config = {
        .name = SPAN("mode"), .type = 10, .values = {values, sizeof values}, .values_count = 2};
    struct qn_manifest_config back = {0};
    uint8_t bytes[128];
    struct qn_span record = {bytes, qn_manifest_config_size(&config)};

    (void)state;
    qn_manifest_config_write(&config, bytes);
    assert_int_equal(qn_manifest_config_read(record, &back), QN_OK);
    assert_int_equal(back.values.size, sizeof values);
    *(uint8_t *)memchr(bytes, 'x', sizeof bytes) = 0x80;
    assert_int_equal(qn_manifest_config_read(record, &back), QN_INVALID);
}

/* What a push() was given. */
struct pushed {
    uint32_t type;
    uint64_t size;
    const struct qn_slice *payload;
};

static int32_t keep(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    *(struct pushed *)ctx = (struct pushed){type, body.size, payload};
    return QN_OK;
}

static void an_effect_is_pushed_encoded(void **state)
{
    struct pushed pushed = {0};
    struct qn_effects out = {.ctx = &pushed, .push = keep};
    struct qn_consensus_effect_check check = {.window = 1, .digest = some_hash};
    struct qn_transport_effect_frame frame = {.link = 5};
    struct qn_slice payload = {.data = some_key, .size = 3};

    (void)state;
    assert_int_equal(qn_consensus_effect_check_push(&out, &check), QN_OK);
    assert_int_equal(pushed.type, QN_CONSENSUS_EFFECT_CHECK);
    assert_int_equal(pushed.size, 40);
    assert_null(pushed.payload);
    assert_int_equal(qn_transport_effect_frame_push(&out, &frame, &payload), QN_OK);
    assert_int_equal(pushed.type, QN_TRANSPORT_EFFECT_FRAME);
    assert_ptr_equal(pushed.payload, &payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_encoding_is_these_bytes),
        cmocka_unit_test(every_shorter_or_longer_record_is_refused),
        cmocka_unit_test(a_flag_is_0_or_1),
        cmocka_unit_test(a_count_over_the_limit_is_refused),
        cmocka_unit_test(text_is_utf8_in_its_shortest_form),
        cmocka_unit_test(text_holds_no_control_characters),
        cmocka_unit_test(a_record_with_wrong_text_is_refused),
        cmocka_unit_test(a_list_is_checked_whole_and_then_walked),
        cmocka_unit_test(a_list_that_ends_early_is_refused),
        cmocka_unit_test(lists_of_texts_are_checked_text_by_text),
        cmocka_unit_test(an_effect_is_pushed_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
