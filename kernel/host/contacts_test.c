/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/host/contacts.h"

#define NOW_US    UINT64_C(1767268800000000)
#define MINUTE_US UINT64_C(60000000)

static struct qnk_budget budget;
static struct qnk_contacts contacts;

static struct qnk_hash key_of(uint32_t number)
{
    struct qnk_hash key = {.bytes = {1}};

    qn_le32_write(key.bytes + 4, number);
    return key;
}

static struct qnk_contact *meet(uint32_t number)
{
    struct qnk_hash key = key_of(number);

    return qnk_contacts_take(&contacts, &key, NOW_US);
}

static int start(void **state)
{
    (void)state;
    budget = (struct qnk_budget){.limit = 4 << 20};
    return qnk_contacts_init(&contacts, &budget);
}

static int end(void **state)
{
    (void)state;
    qnk_contacts_done(&contacts);
    assert_int_equal(budget.used, 0);
    return 0;
}

static void assert_host(const char *address, const char *host)
{
    struct qn_span span = qnk_host_of(address);

    assert_int_equal(span.size, strlen(host));
    assert_memory_equal(span.data, host, span.size);
}

static void a_host_is_an_address_without_scheme_and_port(void **state)
{
    (void)state;
    assert_host("tcp://1.2.3.4:9876", "1.2.3.4");
    assert_host("tcp://[::1]:9876", "[::1]");
    assert_host("tcp://[::1]", "[::1]");
    assert_host("ipc:///run/qnet/v1", "/run/qnet/v1");
    assert_host("inproc://v1", "v1");
    assert_host("1.2.3.4:5", "1.2.3.4");
    assert_host("", "");
    assert_host("://", "");
    assert_true(qnk_host_is_same("tcp://1.2.3.4:1", "tcp://1.2.3.4:65535"));
    assert_false(qnk_host_is_same("tcp://1.2.3.4:1", "tcp://1.2.3.40:1"));
    assert_true(qnk_host_is_same("tcp://[2001:db8:0:7::1]:1", "tcp://[2001:db8:0:7:8:9:a:b]:2"));
    assert_false(qnk_host_is_same("tcp://[2001:db8:0:7::1]:1", "tcp://[2001:db8:0:8::1]:1"));
    assert_false(qnk_host_is_same("tcp://[2001:db8::1]:1", "tcp://[2001:db8::1:1"));
}

static uint32_t accepts(const char *address, uint32_t tries, bool is_stranger, uint64_t now_us)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < tries; i++) {
        count += qnk_contacts_accept(&contacts, address, 8, is_stranger, now_us);
    }
    return count;
}

static void handshakes_of_a_host_and_of_all_strangers_have_a_rate(void **state)
{
    uint32_t all = 0;

    (void)state;
    assert_int_equal(accepts("tcp://[2001:db8::1]:1", 1000, true, NOW_US), 32);
    assert_int_equal(accepts("tcp://[2001:db8::2]:1", 1000, true, NOW_US), 0);
    assert_int_equal(accepts("tcp://[2001:db8::2]:1", 1000, true, NOW_US + 1000000), 2);
    assert_int_equal(accepts("tcp://[2001:db8::2]:1", 9, true, NOW_US + 60000000), 9);
    for (uint32_t i = 0; i < 200; i++) {
        char address[64];

        (void)snprintf(address, sizeof address, "tcp://10.0.0.%u:1", i);
        all += accepts(address, 10, true, NOW_US + 90000000);
    }
    assert_int_equal(all, QNK_ACCEPTS_MAX);
    assert_int_equal(accepts("tcp://10.0.1.1:1", 9, false, NOW_US + 90000000), 9); /* a known one */
}

static void a_contact_is_found_again(void **state)
{
    struct qnk_hash other = key_of(2);

    (void)state;
    assert_ptr_equal(meet(1), meet(1));
    assert_null(qnk_contacts_find(&contacts, &other));
}

static void delays_double_up_to_their_end_and_start_anew_after_a_steady_link(void **state)
{
    struct qnk_contact *it = meet(1);
    uint64_t delay = QNK_DIAL_DELAY_MIN;

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        qnk_contact_failed(it, NOW_US, i * UINT64_C(0x9e3779b97f4a7c15), "refused");
        assert_in_range(it->dial_us - NOW_US, delay * 3 / 4, delay * 5 / 4);
        delay = delay * 2 < QNK_DIAL_DELAY_MAX ? delay * 2 : QNK_DIAL_DELAY_MAX;
        assert_int_equal(it->delay_us, delay);
    }
    qnk_contact_parted(it, NOW_US - QNK_DIAL_STEADY_US + 1, NOW_US, 0, "reset");
    assert_int_equal(it->delay_us, QNK_DIAL_DELAY_MAX);
    qnk_contact_parted(it, NOW_US - QNK_DIAL_STEADY_US, NOW_US, 0, "reset");
    assert_int_equal(it->dial_us, NOW_US + QNK_DIAL_DELAY_MIN * 3 / 4);
    assert_string_equal(it->reason, "reset");
}

static void faults_add_up_and_fade(void **state)
{
    struct qnk_contact *it = meet(1);

    (void)state;
    assert_false(qnk_contact_charge(it, QNK_FAULT_BAD_SIGNATURE, NOW_US));
    assert_int_equal(qnk_contact_score(it, NOW_US), 50);
    assert_int_equal(qnk_contact_score(it, NOW_US + 3 * MINUTE_US), 20);
    assert_int_equal(qnk_contact_score(it, NOW_US + 60 * MINUTE_US), 0);
    assert_false(qnk_contact_charge(it, QNK_FAULT_BAD_SIGNATURE, NOW_US + MINUTE_US));
    assert_int_equal(qnk_contact_score(it, NOW_US + MINUTE_US), 90);
    assert_true(qnk_contact_charge(it, QNK_FAULT_MALFORMED, NOW_US + MINUTE_US));
    assert_true(qnk_contact_is_banned(it, NOW_US + MINUTE_US));
    assert_string_equal(it->reason, "malformed frames");
}

static void being_slow_is_never_banned(void **state)
{
    struct qnk_contact *it = meet(1);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_false(qnk_contact_charge(it, QNK_FAULT_SLOW, NOW_US));
        assert_false(qnk_contact_charge(it, QNK_FAULT_UNASKED, NOW_US));
    }
    assert_int_equal(qnk_contact_score(it, NOW_US), QNK_SCORE_MILD);
    assert_false(qnk_contact_charge(it, QNK_FAULT_MALFORMED, NOW_US));
    assert_false(qnk_contact_charge(it, QNK_FAULT_SLOW, NOW_US));
    assert_int_equal(qnk_contact_score(it, NOW_US), QNK_SCORE_MILD + 25); /* nor is it forgiven */
}

static void a_known_peer_is_banned_for_a_minute_and_a_stranger_for_an_hour(void **state)
{
    struct qnk_contact *known = meet(1);
    struct qnk_contact *stranger = meet(2);

    (void)state;
    known->is_known = true;
    assert_true(qnk_contact_charge(known, QNK_FAULT_BAD_RANGE, NOW_US));
    assert_true(qnk_contact_charge(stranger, QNK_FAULT_BAD_RANGE, NOW_US));
    assert_int_equal(known->banned_until_us, NOW_US + MINUTE_US);
    assert_int_equal(stranger->banned_until_us, NOW_US + 60 * MINUTE_US);
    /* Back with half a score, from the end of the ban on. */
    assert_false(qnk_contact_is_banned(known, NOW_US + MINUTE_US));
    assert_int_equal(qnk_contact_score(known, NOW_US + MINUTE_US), 50);
    assert_int_equal(qnk_contact_score(known, NOW_US + 2 * MINUTE_US), 40);
}

static void a_ban_without_end_or_beyond_all_time_lasts(void **state)
{
    struct qnk_contact *it = meet(1);

    (void)state;
    qnk_contact_ban(it, 0, "", NOW_US);
    assert_int_equal(it->banned_until_us, UINT64_MAX);
    qnk_contact_ban(it, UINT64_MAX, "", NOW_US);
    assert_int_equal(it->banned_until_us, UINT64_MAX);
    qnk_contact_ban(it, 1, "", NOW_US);
    assert_int_equal(it->banned_until_us, NOW_US + 1000000);
}

static void a_full_table_forgets_the_stranger_that_did_least_wrong(void **state)
{
    struct qnk_hash key;

    (void)state;
    for (uint32_t i = 0; i < QNK_CONTACTS_MAX; i++) {
        (void)qnk_contact_charge(meet(i), i == 700 ? QNK_FAULT_BAD_TX : QNK_FAULT_MALFORMED,
                                 NOW_US);
    }
    assert_non_null(meet(5000));
    key = key_of(700);
    assert_null(qnk_contacts_find(&contacts, &key));
    key = key_of(699);
    assert_non_null(qnk_contacts_find(&contacts, &key));
}

static void who_is_known_linked_or_banned_is_never_forgotten(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < QNK_CONTACTS_MAX; i++) {
        struct qnk_contact *it = meet(i);

        it->is_known = i % 3 == 0;
        it->links = i % 3 == 1 ? 1 : 0;
        if (i % 3 == 2) {
            qnk_contact_ban(it, 10, "", NOW_US);
        }
    }
    assert_null(meet(5000));
}

static void failed_handshakes_of_a_host_count_for_ten_seconds(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= QNK_HOST_FAILURES_MAX; i++) {
        assert_false(qnk_contacts_host_is_bad(&contacts, "tcp://1.2.3.4:5", NOW_US));
        qnk_contacts_host_failed(&contacts, "tcp://1.2.3.4:5", NOW_US);
    }
    assert_true(qnk_contacts_host_is_bad(&contacts, "tcp://1.2.3.4:6", NOW_US));
    assert_false(qnk_contacts_host_is_bad(&contacts, "tcp://1.2.3.5:5", NOW_US));
    assert_false(
        qnk_contacts_host_is_bad(&contacts, "tcp://1.2.3.4:5", NOW_US + QNK_HOST_FAILURES_US + 1));
    qnk_contacts_host_failed(&contacts, "tcp://1.2.3.4:5", NOW_US + QNK_HOST_FAILURES_US + 1);
    assert_false(
        qnk_contacts_host_is_bad(&contacts, "tcp://1.2.3.4:5", NOW_US + QNK_HOST_FAILURES_US + 1));
}

static void known_contacts_at_a_host_are_counted(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct qnk_contact *it = meet(i);

        it->is_known = i != 1;
        memcpy(it->address, "tcp://1.2.3.4:5", sizeof "tcp://1.2.3.4:5");
    }
    assert_int_equal(qnk_contacts_known_at(&contacts, "tcp://1.2.3.4:999"), 2);
    assert_int_equal(qnk_contacts_known_at(&contacts, "tcp://1.2.3.5:5"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_host_is_an_address_without_scheme_and_port),
        TEST(handshakes_of_a_host_and_of_all_strangers_have_a_rate),
        TEST(a_contact_is_found_again),
        TEST(delays_double_up_to_their_end_and_start_anew_after_a_steady_link),
        TEST(faults_add_up_and_fade),
        TEST(being_slow_is_never_banned),
        TEST(a_known_peer_is_banned_for_a_minute_and_a_stranger_for_an_hour),
        TEST(a_ban_without_end_or_beyond_all_time_lasts),
        TEST(a_full_table_forgets_the_stranger_that_did_least_wrong),
        TEST(who_is_known_linked_or_banned_is_never_forgotten),
        TEST(failed_handshakes_of_a_host_count_for_ten_seconds),
        TEST(known_contacts_at_a_host_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
