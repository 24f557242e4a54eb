/* SPDX-License-Identifier: MIT */

/* host_test.c: the host that tests trust has to be right itself. */

#include "tests/test.h"

#include <string.h>

#include "sdk/check/check.h"

static struct qn_span span(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static const struct qn_host *const host = &qn_check_host;

/* FIPS 180-4 examples: one block, two blocks, and one million times `a`. */
static void sha_256_gives_the_published_digests(void **state)
{
    static const uint8_t abc[QN_HASH_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                              0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                              0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                              0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static const uint8_t two_blocks[QN_HASH_SIZE] = {
        0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8, 0xe5, 0xc0, 0x26,
        0x93, 0x0c, 0x3e, 0x60, 0x39, 0xa3, 0x3c, 0xe4, 0x59, 0x64, 0xff,
        0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb, 0x06, 0xc1};
    static const uint8_t million[QN_HASH_SIZE] = {0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14, 0xfb, 0x92,
                                                  0x81, 0xa1, 0xc7, 0xe2, 0x84, 0xd7, 0x3e, 0x67,
                                                  0xf1, 0x80, 0x9a, 0x48, 0xa4, 0x97, 0x20, 0x0e,
                                                  0x04, 0x6d, 0x39, 0xcc, 0xc7, 0x11, 0x2c, 0xd0};
    struct qn_span parts[2] = {span("b"), span("c")};
    uint8_t digest[QN_HASH_SIZE];
    struct qn_check_sha256 sha;

    (void)state;
    host->hash(span("a"), parts, 2, digest);
    assert_memory_equal(digest, abc, sizeof abc);
    host->hash(span("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), NULL, 0, digest);
    assert_memory_equal(digest, two_blocks, sizeof two_blocks);

    qn_check_sha256_init(&sha);
    for (int i = 0; i < 1000000; i++) {
        qn_check_sha256_add(&sha, span("a"));
    }
    qn_check_sha256_done(&sha, digest);
    assert_memory_equal(digest, million, sizeof million);
}

static void memory_is_zeroed_aligned_and_counted(void **state)
{
    struct qn_node *node = qn_check_node_create(100);
    uint8_t *first = host->take(node, 60);

    (void)state;
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 64, 0);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(first[i], 0);
    }
    assert_null(host->take(node, 41));
    assert_non_null(host->take(node, 40));
    host->give(node, first);
    host->give(node, NULL);
    assert_int_equal(qn_check_node_used(node), 40);
    assert_int_equal(qn_check_node_peak(node), 100);
    qn_check_node_destroy(node);
}

static void a_starved_node_gives_nothing_more(void **state)
{
    struct qn_node *node = qn_check_node_create(100);
    uint8_t *data;

    (void)state;
    qn_check_node_starve(node, 1);
    assert_non_null(host->take(node, 1));
    assert_null(host->take(node, 1));
    assert_null(host->buf_new(node, 1, &data));
    qn_check_node_destroy(node);
}

static void a_buf_lives_until_its_last_reference(void **state)
{
    struct qn_node *node = qn_check_node_create(100);
    uint8_t *data = NULL;
    struct qn_buf *buf = host->buf_new(node, 10, &data);

    (void)state;
    assert_non_null(buf);
    data[9] = 7;
    host->buf_ref(buf);
    host->buf_unref(buf);
    assert_int_equal(qn_check_buf_span(buf).size, 10);
    assert_int_equal(qn_check_buf_span(buf).data[9], 7);
    assert_int_equal(qn_check_node_used(node), 10);
    host->buf_unref(buf);
    assert_int_equal(qn_check_node_used(node), 0);
    qn_check_node_destroy(node);
}

static void a_sink_has_room_up_to_its_cap(void **state)
{
    uint8_t bytes[10];
    struct qn_sink sink = {.data = bytes, .cap = sizeof bytes};

    (void)state;
    assert_ptr_equal(host->sink_room(&sink, 10), bytes);
    host->sink_commit(&sink, 4);
    assert_ptr_equal(host->sink_room(&sink, 6), bytes + 4);
    assert_null(host->sink_room(&sink, 7));
    assert_int_equal(sink.size, 4);
}

static void words_and_metrics_are_kept(void **state)
{
    struct qn_node *node = qn_check_node_create(0);

    (void)state;
    assert_int_equal((host->fail)(node, QN_IO, span("disk is gone")), QN_IO);
    assert_memory_equal(qn_check_node_words(node).data, "disk is gone", 12);
    host->log(node, 2, span("hello"));
    assert_int_equal(qn_check_node_words(node).size, 5);
    host->metric(node, 3, 40);
    host->metric(node, 3, 2);
    assert_int_equal(qn_check_node_metric(node, 3), 42);
    qn_check_node_destroy(node);
}

static void an_extension_is_there_if_it_was_offered(void **state)
{
    struct qn_node *node = qn_check_node_create(0);

    (void)state;
    assert_null(host->extension(node, "qnet.files/1"));
    qn_check_node_offer(node, "qnet.files/1", &node);
    assert_ptr_equal(host->extension(node, "qnet.files/1"), &node);
    assert_null(host->extension(node, "qnet.files/2"));
    qn_check_node_destroy(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_gives_the_published_digests),
        cmocka_unit_test(memory_is_zeroed_aligned_and_counted),
        cmocka_unit_test(a_starved_node_gives_nothing_more),
        cmocka_unit_test(a_buf_lives_until_its_last_reference),
        cmocka_unit_test(a_sink_has_room_up_to_its_cap),
        cmocka_unit_test(words_and_metrics_are_kept),
        cmocka_unit_test(an_extension_is_there_if_it_was_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
