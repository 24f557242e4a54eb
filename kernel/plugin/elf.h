/* SPDX-License-Identifier: MIT */
#pragma once

/* elf.h: a shared object as bytes: its note, its dynamic table, its symbols. Nothing is mapped.
 *
 * Every offset and count comes from outside and is compared with the file's size before it is
 * used; a file that lies about itself is refused, and never read past its end.
 *
 * Unless a function's own comment says otherwise:
 *   owns     all that is given points into the bytes, which are borrowed
 *   threads  any; nothing changes once it is open
 *   errors   QN_INVALID: `why` says in words what is wrong
 *
 * Source: System V ABI, gABI 4.1 chapters 4 and 5; GNU hash: binutils, bfd/elflink.c.
 */

#include <elf.h>
#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/plugin/manifest.h"

#define QNK_ELF_SEGMENTS_MAX 64    /* of one file; more: refused */
#define QNK_ELF_DYNAMIC_MAX  1024  /* entries of the dynamic table; more: refused */
#define QNK_ELF_SYMBOLS_MAX  65536 /* dynamic symbols; more: refused */

struct qnk_elf {
    struct qn_span bytes;
    Elf64_Phdr segments[QNK_ELF_SEGMENTS_MAX];
    uint32_t segments_count;
    /* Of the dynamic table. */
    uint64_t flags;
    uint64_t flags_1;
    bool has_text_relocations;
    bool has_bind_now;
    bool has_path;          /* RPATH or RUNPATH */
    uint64_t init_size;     /* bytes of INIT_ARRAY */
    uint64_t preinit_size;  /* bytes of PREINIT_ARRAY */
    struct qn_span dynamic; /* the entries before its end */
    struct qn_span names;   /* the string table, which ends in a zero byte */
    uint64_t symbols_at;    /* offset in the file */
    uint32_t symbols_count;
};

struct qnk_elf_symbol {
    const char *name;
    uint8_t binding;    /* STB_... */
    uint8_t visibility; /* STV_... */
    bool is_defined;
    uint64_t size;
};

/* A shared object of this machine, whole. */
QN_MUST_CHECK int32_t qnk_elf_open(struct qn_span bytes, struct qnk_elf *elf,
                                   char why[QNK_PLUGIN_WHY_MAX]);

/* The content of its one QNet note. */
QN_MUST_CHECK int32_t qnk_elf_note(const struct qnk_elf *elf, struct qn_span *content,
                                   char why[QNK_PLUGIN_WHY_MAX]);

/* Reads the dynamic table, for the two below and for the audit. */
QN_MUST_CHECK int32_t qnk_elf_dynamic(struct qnk_elf *elf, char why[QNK_PLUGIN_WHY_MAX]);

/* Symbol `place` of symbols_count. False: it cannot be read. */
QN_MUST_CHECK bool qnk_elf_symbol_at(const struct qnk_elf *elf, uint32_t place,
                                     struct qnk_elf_symbol *symbol);

/* The libraries that it asks the system for, by place; NULL after the last one. */
const char *qnk_elf_needed_at(const struct qnk_elf *elf, uint32_t place);
