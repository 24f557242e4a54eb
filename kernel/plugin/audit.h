/* SPDX-License-Identifier: MIT */
#pragma once

/* audit.h: what a plugin's file may contain, looked at before any of it is mapped.
 *
 * One export, nothing that runs at loading, nothing that is written to and kept between instances,
 * no path of its own to other libraries; and of a deterministic kind no way to anything but memory.
 * This stops mistakes: against malice only trust helps.
 *
 * A build with sanitizers lets through what these put into every library.
 *
 * Source: abi.md 5 "Gate", 6, 8.
 */

#include "kernel/plugin/elf.h"

/* `elf` has been through qnk_elf_dynamic. QN_INVALID: `why` names the rule and what breaks it. */
QN_MUST_CHECK int32_t qnk_audit(const struct qnk_elf *elf, enum qnk_class class,
                                char why[QNK_PLUGIN_WHY_MAX]);

/* Bytes of the symbol qn_plugin_v1 of a file that passed. */
uint64_t qnk_audit_descriptor_size(const struct qnk_elf *elf);
