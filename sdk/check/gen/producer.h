/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/producer.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/producer.h: the contract of producer plugins, case by case. A subject is made by
 * qn_check_producer_start(). */

void qn_check_producer_pure_in_its_arguments(void **subject);
void qn_check_producer_everyone_gets_turns_by_weight(void **subject);
void qn_check_producer_ranks_reach_every_member(void **subject);
void qn_check_producer_excluded_are_left_out(void **subject);
void qn_check_producer_pace_is_bounded(void **subject);
void qn_check_producer_pace_has_hysteresis(void **subject);
void qn_check_producer_windows_open_and_close(void **subject);
void qn_check_producer_hostile_contexts(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_PRODUCER(CASE) \
    CASE(qn_check_producer_pure_in_its_arguments), \
    CASE(qn_check_producer_everyone_gets_turns_by_weight), \
    CASE(qn_check_producer_ranks_reach_every_member), \
    CASE(qn_check_producer_excluded_are_left_out), \
    CASE(qn_check_producer_pace_is_bounded), \
    CASE(qn_check_producer_pace_has_hysteresis), \
    CASE(qn_check_producer_windows_open_and_close), \
    CASE(qn_check_producer_hostile_contexts)
/* clang-format on */
