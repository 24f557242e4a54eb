/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/ledger.yaml:
 * edit that, then `make generate`. */
#pragma once

/* gen/ledger.h: the contract of ledger plugins, case by case. A subject is made by
 * qn_check_ledger_start(). */

void qn_check_ledger_genesis_once(void **subject);
void qn_check_ledger_transfers_move_amounts(void **subject);
void qn_check_ledger_apply_is_all_or_nothing(void **subject);
void qn_check_ledger_undo_is_exact(void **subject);
void qn_check_ledger_build_skips_what_is_wrong(void **subject);
void qn_check_ledger_digest_tells_states_apart(void **subject);
void qn_check_ledger_root_is_a_function_of_state(void **subject);
void qn_check_ledger_pages_rebuild_the_state(void **subject);
void qn_check_ledger_proofs_prove(void **subject);
void qn_check_ledger_false_proofs_are_refused(void **subject);
void qn_check_ledger_amounts_are_conserved(void **subject);
void qn_check_ledger_order_of_batches_does_not_matter(void **subject);
void qn_check_ledger_hostile_pages(void **subject);
void qn_check_ledger_verdicts_match_apply(void **subject);

/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */
/* clang-format off */
#define QN_CHECK_LEDGER(CASE) \
    CASE(qn_check_ledger_genesis_once), \
    CASE(qn_check_ledger_transfers_move_amounts), \
    CASE(qn_check_ledger_apply_is_all_or_nothing), \
    CASE(qn_check_ledger_undo_is_exact), \
    CASE(qn_check_ledger_build_skips_what_is_wrong), \
    CASE(qn_check_ledger_digest_tells_states_apart), \
    CASE(qn_check_ledger_root_is_a_function_of_state), \
    CASE(qn_check_ledger_pages_rebuild_the_state), \
    CASE(qn_check_ledger_proofs_prove), \
    CASE(qn_check_ledger_false_proofs_are_refused), \
    CASE(qn_check_ledger_amounts_are_conserved), \
    CASE(qn_check_ledger_order_of_batches_does_not_matter), \
    CASE(qn_check_ledger_hostile_pages), \
    CASE(qn_check_ledger_verdicts_match_apply)
/* clang-format on */
