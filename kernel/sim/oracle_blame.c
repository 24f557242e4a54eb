/* SPDX-License-Identifier: MIT */

/* oracle_blame.c: P1: no honest node charges another honest one with what only a liar does. Hosts
 * add charges up and ban (kernel/host/contacts.h), so that such a charge is a lever: with some, a
 * liar has honest nodes part from each other.
 *
 * Whoever is slow may be honest, so that SLOW is no blame. Nor is what a node charges soon after a
 * frame to it was mangled on the way: its sender answers for bytes that it never sent, where real
 * links, which authenticate what they carry, would have broken. */

#include "kernel/sim/oracle_own.h"

/* After that long nothing that was mangled is still to be judged: jobs and bodies that were asked
 * for are over. */
#define MANGLED_US UINT64_C(10000000)

static bool is_honest(const struct qnk_oracle *oracle, uint32_t peer)
{
    return peer > 0 && peer <= oracle->nodes_count && !oracle->nodes[peer - 1].is_liar;
}

static bool was_mangled(const struct qnk_oracle *oracle, uint32_t node)
{
    uint64_t last_us = oracle->world == NULL ? 0 : qnk_world_mangled_us(oracle->world, node);

    return last_us != 0 && qnk_oracle_now(oracle) < last_us + MANGLED_US;
}

void qnk_oracle_came(struct qnk_oracle *oracle, uint32_t node, uint32_t peer)
{
    if (is_honest(oracle, peer) && !was_mangled(oracle, node)) {
        qnk_oracle_count(oracle, QNK_ORACLE_P1);
    }
}

void qnk_oracle_charged(struct qnk_oracle *oracle, uint32_t node, uint32_t peer, uint32_t fault)
{
    if (fault != QNK_FAULT_SLOW && is_honest(oracle, peer) && !was_mangled(oracle, node)) {
        qnk_oracle_break(oracle, QNK_ORACLE_P1, node, "it charges honest node %u: %s", peer - 1,
                         qnk_fault_name(fault));
    }
}
