/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/audit.h"

#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

enum {
    RUNTIME_INIT = 8,  /* bytes of INIT_ARRAY: the C runtime's frame_dummy */
    RUNTIME_DATA = 32, /* bytes of its own that stay writable: __dso_handle, completed.0 */
    PAGE_MIN = 4096
};

static const char descriptor_name[] = "qn_plugin_v1";

/* What a deterministic plugin may import: memory and plain strings, and what compilers and the C
 * runtime add by themselves. */
static const char *const allowed[] = {
    "bcmp", /* what clang makes of a memcmp() that is only asked whether it is 0 */
    "memchr",
    "memcmp",
    "memcpy",
    "memmem",
    "memmove",
    "mempcpy",
    "memrchr",
    "memset",
    "strchr",
    "strcmp",
    "strcspn",
    "strlen",
    "strncmp",
    "strnlen",
    "strpbrk",
    "strrchr",
    "strspn",
    "strstr",
    "__memcpy_chk",
    "__memmove_chk",
    "__memset_chk",
    "__stack_chk_fail",
    "__cxa_finalize",
    "__gmon_start__",
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
};

/* Notes what breaks a rule; only the first thing that does. */
static void refuse(struct qnk_audit_found *found, enum qnk_audit_rule rule, const char *words,
                   const char *name)
{
    char *text = found->words[rule];

    if (*text == 0) {
        (void)snprintf(text, QNK_AUDIT_WORDS_MAX, "%s%s%.100s%s", words, *name != 0 ? " '" : "",
                       name, *name != 0 ? "'" : "");
    }
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Names that sanitizers put into every library. */
static bool is_sanitizer(const char *name)
{
    return IS_SANITIZED && (has_prefix(name, "__asan") || has_prefix(name, "___asan") ||
                            has_prefix(name, "__ubsan") || has_prefix(name, "__odr_asan") ||
                            has_prefix(name, "__tsan") || has_prefix(name, "__sancov") ||
                            has_prefix(name, "__sanitizer") || has_prefix(name, "libasan") ||
                            has_prefix(name, "libubsan") || has_prefix(name, "libtsan"));
}

static bool is_export(const struct qnk_elf_symbol *symbol)
{
    return symbol->is_defined && symbol->binding != STB_LOCAL &&
           (symbol->visibility == STV_DEFAULT || symbol->visibility == STV_PROTECTED);
}

static bool is_allowed(const char *name)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (strcmp(allowed[i], name) == 0) {
            return true;
        }
    }
    return is_sanitizer(name);
}

static void symbol_check(const struct qnk_elf_symbol *symbol, enum qnk_class class,
                         struct qnk_audit_found *found)
{
    if (symbol->binding == STB_GNU_UNIQUE) {
        refuse(found, QNK_AUDIT_UNIQUE, "it has the unique symbol", symbol->name);
    } else if (is_export(symbol) && strcmp(symbol->name, descriptor_name) != 0 &&
               !is_sanitizer(symbol->name)) {
        refuse(found, QNK_AUDIT_EXPORT, "beside qn_plugin_v1 it exports", symbol->name);
    }
    if (class == QNK_CLASS_DETERMINISTIC && !symbol->is_defined && *symbol->name != 0 &&
        !is_allowed(symbol->name)) {
        refuse(found, QNK_AUDIT_IMPORT, "of a deterministic kind, and it imports", symbol->name);
    }
}

static void symbols_check(const struct qnk_elf *elf, enum qnk_class class,
                          struct qnk_audit_found *found)
{
    bool has_descriptor = false;

    for (uint32_t i = 1; i < elf->symbols_count; i++) {
        struct qnk_elf_symbol symbol;

        if (!qnk_elf_symbol_at(elf, i, &symbol)) {
            refuse(found, QNK_AUDIT_SYMBOLS, "its table of symbols is damaged", "");
            return;
        }
        symbol_check(&symbol, class, found);
        has_descriptor =
            has_descriptor || (is_export(&symbol) && strcmp(symbol.name, descriptor_name) == 0);
    }
    if (!has_descriptor) {
        refuse(found, QNK_AUDIT_DESCRIPTOR, "it does not export", descriptor_name);
    }
}

static void libraries_check(const struct qnk_elf *elf, enum qnk_class class,
                            struct qnk_audit_found *found)
{
    const char *name;

    if (elf->has_path) {
        refuse(found, QNK_AUDIT_PATH, "it has a path of its own to libraries (RPATH or RUNPATH)",
               "");
    }
    for (uint32_t i = 0; (name = qnk_elf_needed_at(elf, i)) != NULL; i++) {
        if (class == QNK_CLASS_DETERMINISTIC && !has_prefix(name, "libc.so") &&
            !is_sanitizer(name)) {
            refuse(found, QNK_AUDIT_LIBRARY, "of a deterministic kind, and it needs the library",
                   name);
        }
    }
}

static const Elf64_Phdr *segment_find(const struct qnk_elf *elf, uint32_t type)
{
    for (uint32_t i = 0; i < elf->segments_count; i++) {
        if (elf->segments[i].p_type == type) {
            return &elf->segments[i];
        }
    }
    return NULL;
}

/* Bytes of a writable segment that stay so after relocation. RELRO begins where the segment does,
 * and its end is rounded up to a page by the linker. */
static uint64_t writable_size(const Elf64_Phdr *load, const Elf64_Phdr *relro)
{
    uint64_t from = load->p_vaddr;
    uint64_t end = relro->p_vaddr + relro->p_memsz;

    if (relro->p_vaddr / PAGE_MIN == load->p_vaddr / PAGE_MIN && end >= from &&
        end - from <= load->p_memsz) {
        return load->p_memsz - (end - from);
    }
    return load->p_memsz;
}

static void segment_check(const Elf64_Phdr *segment, const Elf64_Phdr *relro,
                          struct qnk_audit_found *found)
{
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) == 0) {
        return;
    }
    if ((segment->p_flags & PF_X) != 0) {
        refuse(found, QNK_AUDIT_WRITABLE_CODE, "it has code that can be written to", "");
    }
    if (!IS_SANITIZED && relro != NULL && writable_size(segment, relro) > RUNTIME_DATA) {
        refuse(found, QNK_AUDIT_VARIABLES, "it has variables outside its instances (.data or .bss)",
               "");
    }
}

static void segments_check(const struct qnk_elf *elf, struct qnk_audit_found *found)
{
    const Elf64_Phdr *stack = segment_find(elf, PT_GNU_STACK);
    const Elf64_Phdr *relro = segment_find(elf, PT_GNU_RELRO);

    if (stack == NULL || (stack->p_flags & PF_X) != 0) {
        refuse(found, QNK_AUDIT_STACK, "it wants an executable stack", "");
    }
    if (segment_find(elf, PT_TLS) != NULL && !IS_SANITIZED) {
        refuse(found, QNK_AUDIT_THREAD_LOCAL, "it has thread-local variables", "");
    }
    if (relro == NULL) {
        refuse(found, QNK_AUDIT_RELRO, "it is linked without RELRO", "");
    }
    for (uint32_t i = 0; i < elf->segments_count; i++) {
        segment_check(&elf->segments[i], relro, found);
    }
}

static void flags_check(const struct qnk_elf *elf, struct qnk_audit_found *found)
{
    if (elf->has_text_relocations || (elf->flags & DF_TEXTREL) != 0) {
        refuse(found, QNK_AUDIT_TEXT, "it has text relocations: compile it with -fPIC", "");
    }
    if (!IS_SANITIZED && (elf->flags & DF_STATIC_TLS) != 0) {
        refuse(found, QNK_AUDIT_THREAD_LOCAL, "it uses static thread-local storage", "");
    }
    if (!elf->has_bind_now && (elf->flags & DF_BIND_NOW) == 0 && (elf->flags_1 & DF_1_NOW) == 0) {
        refuse(found, QNK_AUDIT_NOW, "it is linked without '-z now'", "");
    }
    if (!IS_SANITIZED && (elf->init_size > RUNTIME_INIT || elf->preinit_size > 0)) {
        refuse(found, QNK_AUDIT_CONSTRUCTOR,
               "it has a constructor, which would run when it is loaded", "");
    }
}

void qnk_audit_find(const struct qnk_elf *elf, enum qnk_class class, struct qnk_audit_found *found)
{
    memset(found, 0, sizeof *found);
    flags_check(elf, found);
    segments_check(elf, found);
    libraries_check(elf, class, found);
    symbols_check(elf, class, found);
}

int32_t qnk_audit(const struct qnk_elf *elf, enum qnk_class class, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_audit_found found;

    qnk_audit_find(elf, class, &found);
    for (uint32_t i = 0; i < QNK_AUDIT_RULES; i++) {
        if (*found.words[i] != 0) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s", found.words[i]);
            return QN_INVALID;
        }
    }
    return QN_OK;
}

uint64_t qnk_audit_descriptor_size(const struct qnk_elf *elf)
{
    for (uint32_t i = 1; i < elf->symbols_count; i++) {
        struct qnk_elf_symbol symbol;

        if (qnk_elf_symbol_at(elf, i, &symbol) && is_export(&symbol) &&
            strcmp(symbol.name, descriptor_name) == 0) {
            return symbol.size;
        }
    }
    return 0;
}
