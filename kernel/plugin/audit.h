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

#define QNK_AUDIT_WORDS_MAX 256 /* bytes that say what breaks a rule */

/* In the order in which they are told. */
enum qnk_audit_rule {
    QNK_AUDIT_TEXT,          /* text relocations */
    QNK_AUDIT_NOW,           /* lazy binding */
    QNK_AUDIT_CONSTRUCTOR,   /* code that runs at loading */
    QNK_AUDIT_STACK,         /* an executable stack */
    QNK_AUDIT_THREAD_LOCAL,  /* variables of threads */
    QNK_AUDIT_RELRO,         /* tables that stay writable */
    QNK_AUDIT_WRITABLE_CODE, /* code that can be written to */
    QNK_AUDIT_VARIABLES,     /* variables of the whole library */
    QNK_AUDIT_PATH,          /* a path of its own to libraries */
    QNK_AUDIT_LIBRARY,       /* of a deterministic kind, a library but libc */
    QNK_AUDIT_SYMBOLS,       /* a damaged table */
    QNK_AUDIT_UNIQUE,        /* symbols that are one for the whole process */
    QNK_AUDIT_EXPORT,        /* more than its constant */
    QNK_AUDIT_IMPORT,        /* of a deterministic kind, more than memory and plain strings */
    QNK_AUDIT_DESCRIPTOR,    /* its constant is missing */
    QNK_AUDIT_RULES
};

/* What breaks each rule; "" where nothing does. */
struct qnk_audit_found {
    char words[QNK_AUDIT_RULES][QNK_AUDIT_WORDS_MAX];
};

/* Looks at every rule. `elf` has been through qnk_elf_dynamic. */
void qnk_audit_find(const struct qnk_elf *elf, enum qnk_class class, struct qnk_audit_found *found);

/* The first rule that is broken. `elf` has been through qnk_elf_dynamic. QN_INVALID: `why` names
 * the rule and what breaks it. */
QN_MUST_CHECK int32_t qnk_audit(const struct qnk_elf *elf, enum qnk_class class,
                                char why[QNK_PLUGIN_WHY_MAX]);

/* Bytes of the symbol qn_plugin_v1 of a file that passed. */
uint64_t qnk_audit_descriptor_size(const struct qnk_elf *elf);
