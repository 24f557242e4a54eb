/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/storage.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/storage.h: the contract of storage plugins, case by case. A subject is made by
 * qn_check_storage_start(). */

void qn_check_storage_maps_equal_a_reference(void **subject);
void qn_check_storage_ranges_and_order(void **subject);
void qn_check_storage_batches_are_atomic(void **subject);
void qn_check_storage_snapshots_are_frozen(void **subject);
void qn_check_storage_logs_append_and_read(void **subject);
void qn_check_storage_logs_trim(void **subject);
void qn_check_storage_places_survive_reopen(void **subject);
void qn_check_storage_limits_are_refused(void **subject);
void qn_check_storage_spaces_are_apart(void **subject);
void qn_check_storage_reopen_keeps_what_was_durable(void **subject);
void qn_check_storage_concurrent_readers(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_STORAGE(CASE) \
    CASE(qn_check_storage_maps_equal_a_reference), \
    CASE(qn_check_storage_ranges_and_order), \
    CASE(qn_check_storage_batches_are_atomic), \
    CASE(qn_check_storage_snapshots_are_frozen), \
    CASE(qn_check_storage_logs_append_and_read), \
    CASE(qn_check_storage_logs_trim), \
    CASE(qn_check_storage_places_survive_reopen), \
    CASE(qn_check_storage_limits_are_refused), \
    CASE(qn_check_storage_spaces_are_apart), \
    CASE(qn_check_storage_reopen_keeps_what_was_durable), \
    CASE(qn_check_storage_concurrent_readers)
/* clang-format on */
