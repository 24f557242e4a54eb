/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/signature.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/signature.h: the contract of signature plugins, case by case. A subject is made by
 * qn_check_signature_start(). */

void qn_check_signature_published_vectors(void **subject);
void qn_check_signature_honest_signatures(void **subject);
void qn_check_signature_mutated_signatures(void **subject);
void qn_check_signature_torsion_and_small_order(void **subject);
void qn_check_signature_non_canonical_encodings(void **subject);
void qn_check_signature_any_split_same_bitmap(void **subject);
void qn_check_signature_keys(void **subject);
void qn_check_signature_lanes_share_nothing(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_SIGNATURE(CASE) \
    CASE(qn_check_signature_published_vectors), \
    CASE(qn_check_signature_honest_signatures), \
    CASE(qn_check_signature_mutated_signatures), \
    CASE(qn_check_signature_torsion_and_small_order), \
    CASE(qn_check_signature_non_canonical_encodings), \
    CASE(qn_check_signature_any_split_same_bitmap), \
    CASE(qn_check_signature_keys), \
    CASE(qn_check_signature_lanes_share_nothing)
/* clang-format on */
