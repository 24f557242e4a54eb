/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/consensus.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/consensus.h: the contract of consensus plugins, case by case. A subject is made by
 * qn_check_consensus_start(). */

void qn_check_consensus_agreement(void **subject);
void qn_check_consensus_validity(void **subject);
void qn_check_consensus_progress_after_healing(void **subject);
void qn_check_consensus_third_faulty(void **subject);
void qn_check_consensus_equivocator(void **subject);
void qn_check_consensus_late_candidate(void **subject);
void qn_check_consensus_restart_anywhere(void **subject);
void qn_check_consensus_batch_split(void **subject);
void qn_check_consensus_selective_seal(void **subject);
void qn_check_consensus_mixed_vr(void **subject);
void qn_check_consensus_lock_survives_restart(void **subject);
void qn_check_consensus_false_opening(void **subject);
void qn_check_consensus_refused_by_guard(void **subject);
void qn_check_consensus_limits_follow_head(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_CONSENSUS(CASE) \
    CASE(qn_check_consensus_agreement), \
    CASE(qn_check_consensus_validity), \
    CASE(qn_check_consensus_progress_after_healing), \
    CASE(qn_check_consensus_third_faulty), \
    CASE(qn_check_consensus_equivocator), \
    CASE(qn_check_consensus_late_candidate), \
    CASE(qn_check_consensus_restart_anywhere), \
    CASE(qn_check_consensus_batch_split), \
    CASE(qn_check_consensus_selective_seal), \
    CASE(qn_check_consensus_mixed_vr), \
    CASE(qn_check_consensus_lock_survives_restart), \
    CASE(qn_check_consensus_false_opening), \
    CASE(qn_check_consensus_refused_by_guard), \
    CASE(qn_check_consensus_limits_follow_head)
/* clang-format on */
