/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/transport.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/transport.h: the contract of transport plugins, case by case. A subject is made by
 * qn_check_transport_start(). */

void qn_check_transport_frames_arrive_whole_and_in_order(void **subject);
void qn_check_transport_both_directions(void **subject);
void qn_check_transport_large_and_small(void **subject);
void qn_check_transport_a_slow_reader_stops_the_sender(void **subject);
void qn_check_transport_close_delivers_what_was_accepted(void **subject);
void qn_check_transport_dial_nowhere_goes_down(void **subject);
void qn_check_transport_listener_tells_its_address(void **subject);
void qn_check_transport_many_links(void **subject);
void qn_check_transport_a_killed_end_goes_down(void **subject);
void qn_check_transport_bad_addresses(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_TRANSPORT(CASE) \
    CASE(qn_check_transport_frames_arrive_whole_and_in_order), \
    CASE(qn_check_transport_both_directions), \
    CASE(qn_check_transport_large_and_small), \
    CASE(qn_check_transport_a_slow_reader_stops_the_sender), \
    CASE(qn_check_transport_close_delivers_what_was_accepted), \
    CASE(qn_check_transport_dial_nowhere_goes_down), \
    CASE(qn_check_transport_listener_tells_its_address), \
    CASE(qn_check_transport_many_links), \
    CASE(qn_check_transport_a_killed_end_goes_down), \
    CASE(qn_check_transport_bad_addresses)
/* clang-format on */
