/* SPDX-License-Identifier: MIT */

/* elf.c: a whole file that calls itself a plugin. */

#include "kernel/plugin/audit.h"
#include "tests/fuzz/fuzz.h"

void fuzz_seeds(fuzz_take *take)
{
    (void)take; /* they are files */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_elf elf;
    struct qn_span note = {NULL, 0};
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (qnk_elf_open((struct qn_span){data, size}, &elf, why) != QN_OK) {
        QN_ASSERT(why[0] != 0);
        return 0;
    }
    if (qnk_elf_note(&elf, &note, why) == QN_OK && note.size > 0) {
        QN_ASSERT(note.data >= data && note.data + note.size <= data + size);
    }
    if (qnk_elf_dynamic(&elf, why) == QN_OK) {
        (void)!qnk_audit(&elf, QNK_CLASS_DETERMINISTIC, why);
        (void)!qnk_audit(&elf, QNK_CLASS_EDGE, why);
        (void)qnk_audit_descriptor_size(&elf);
    }
    return 0;
}
