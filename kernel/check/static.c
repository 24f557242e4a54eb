/* SPDX-License-Identifier: MIT */

/* static.c: level 0, what the file's bytes say. None of it is mapped. */

#include <stdio.h>
#include <string.h>

#include "kernel/check/case.h"
#include "kernel/check/verdict.h"
#include "kernel/plugin/audit.h"
#include "kernel/plugin/loader.h"
#include "kernel/plugin/sealed.h"

enum { MEMORY = 256 << 20, AUDIT_FIRST = 11 };

static struct qnk_budget budget = {.limit = MEMORY};

/* The file as far as it can be read. */
struct file {
    struct qnk_sealed sealed;
    struct qnk_elf elf;
    struct qnk_manifest manifest;
    struct qnk_arena arena;
};

/* How far reading comes; `why` says what stopped it. */
enum reading { NO_FILE, NO_NOTE, READ };

static enum reading file_read(const struct qnk_subject *subject, struct file *file,
                              char why[QNK_PLUGIN_WHY_MAX])
{
    struct qn_span note;
    size_t room;
    void *block;

    if (qnk_sealed_open(subject->path, QNK_PLUGIN_FILE_MAX, false, &file->sealed, why) != QN_OK ||
        qnk_elf_open(file->sealed.bytes, &file->elf, why) != QN_OK) {
        return NO_FILE;
    }
    if (qnk_elf_note(&file->elf, &note, why) != QN_OK) {
        return NO_NOTE;
    }
    room = QNK_MANIFEST_ROOM(note.size) / 16 * 16;
    block = qnk_memory_take(&budget, room);
    if (block == NULL) {
        qnk_verdict_skip("no memory for its manifest");
    }
    qnk_arena_init(&file->arena, block, room);
    return qnk_manifest_read(note, &file->arena, &file->manifest, why) == QN_OK ? READ : NO_NOTE;
}

static void is_a_library(struct qnk_subject *subject, uint32_t arg)
{
    struct file file;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    (void)arg;
    if (file_read(subject, &file, why) == NO_FILE || qnk_elf_dynamic(&file.elf, why) != QN_OK) {
        qnk_verdict_fail("%s", why);
    }
}

static void has_a_manifest(struct qnk_subject *subject, uint32_t arg)
{
    struct file file;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    enum reading reading = file_read(subject, &file, why);

    (void)arg;
    if (reading == NO_FILE) {
        qnk_verdict_skip("not run: the file cannot be read");
    }
    if (reading == NO_NOTE) {
        qnk_verdict_fail("%s", why);
    }
}

/* For cases that need all of it: what is missing was told by the two above. */
static void file_need(const struct qnk_subject *subject, struct file *file)
{
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (file_read(subject, file, why) != READ || qnk_elf_dynamic(&file->elf, why) != QN_OK) {
        qnk_verdict_skip("not run: the file has no manifest that can be read");
    }
}

static void fits_this_kernel(struct qnk_subject *subject, uint32_t arg)
{
    struct file file;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    (void)arg;
    file_need(subject, &file);
    if (qnk_manifest_fits(&file.manifest, why) != QN_OK) {
        qnk_verdict_fail("%s", why);
    }
}

/* Numbers are compared as their type says. */
static bool is_within(const struct qnk_config_key *key, struct qn_span value, struct qn_span bound,
                      bool is_upper)
{
    if (value.size == 0 || bound.size != value.size) {
        return true;
    }
    if (value.size == 4) {
        uint32_t a = qn_le32_read(value.data), b = qn_le32_read(bound.data);

        return is_upper ? a <= b : a >= b;
    }
    if (value.size != 8) {
        return true;
    }

    uint64_t flip = (key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_INT ? UINT64_C(1) << 63 : 0;
    uint64_t a = qn_le64_read(value.data) ^ flip, b = qn_le64_read(bound.data) ^ flip;

    return is_upper ? a <= b : a >= b;
}

static void defaults_are_valid(struct qnk_subject *subject, uint32_t arg)
{
    struct file file;

    (void)arg;
    file_need(subject, &file);
    for (uint32_t i = 0; i < file.manifest.config.count; i++) {
        const struct qnk_config_key *key = &file.manifest.config.keys[i];

        if (!is_within(key, key->absent, key->min, false) ||
            !is_within(key, key->absent, key->max, true)) {
            qnk_verdict_fail("the default of the key '%s' is outside its own bounds", key->name);
        }
        if (!is_within(key, key->min, key->max, true)) {
            qnk_verdict_fail("no value of the key '%s' is within its bounds", key->name);
        }
    }
}

static void audit_passes(struct qnk_subject *subject, uint32_t arg)
{
    static struct qnk_audit_found found;
    struct file file;

    file_need(subject, &file);
    if (file.manifest.kind == NULL) {
        qnk_verdict_skip("of a kind that this kernel does not have");
    }
    qnk_audit_find(&file.elf, file.manifest.kind->class, &found);
    if (*found.words[arg] != 0) {
        qnk_verdict_fail("%s", found.words[arg]);
    }
}

static const char *const audit_names[QNK_AUDIT_RULES] = {
    "no_text_relocations",       "bound_at_loading",    "no_constructor",
    "no_executable_stack",       "no_thread_variables", "tables_are_read_only",
    "code_is_read_only",         "no_variables",        "no_path_to_libraries",
    "libraries_as_allowed",      "symbols_are_whole",   "no_unique_symbols",
    "exports_its_constant_only", "imports_as_allowed",  "exports_its_constant",
};

void qnk_static_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case first[] = {
        {"QN-STA-001", 0, QNK_CASE_NEEDS, "is_a_library", is_a_library, 0},
        {"QN-STA-002", 0, QNK_CASE_NEEDS, "has_a_manifest", has_a_manifest, 0},
        {"QN-STA-003", 0, QNK_CASE_NEEDS, "fits_this_kernel", fits_this_kernel, 0},
        {"QN-STA-004", 0, QNK_CASE_NEEDS, "defaults_are_valid", defaults_are_valid, 0},
    };

    (void)subject;
    qnk_cases_add(cases, first, sizeof first / sizeof *first);
    for (uint32_t i = 0; i < QNK_AUDIT_RULES; i++) {
        struct qnk_case it = {"", 0, QNK_CASE_NEEDS, audit_names[i], audit_passes, i};

        (void)snprintf(it.rule, sizeof it.rule, "QN-STA-%03u", (AUDIT_FIRST + i) % 1000);
        qnk_cases_add(cases, &it, 1);
    }
}
