/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/compression.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/compression.h: the contract of compression plugins, case by case. A subject is made by
 * qn_check_compression_start(). */

void qn_check_compression_round_trip(void **subject);
void qn_check_compression_bound_is_honest(void **subject);
void qn_check_compression_hostile_bytes(void **subject);
void qn_check_compression_no_bomb(void **subject);
void qn_check_compression_lanes_share_nothing(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_COMPRESSION(CASE) \
    CASE(qn_check_compression_round_trip), \
    CASE(qn_check_compression_bound_is_honest), \
    CASE(qn_check_compression_hostile_bytes), \
    CASE(qn_check_compression_no_bomb), \
    CASE(qn_check_compression_lanes_share_nothing)
/* clang-format on */
