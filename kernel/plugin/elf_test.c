/* SPDX-License-Identifier: MIT */

/* elf_test.c: a built plugin cut everywhere, with each bit flipped, and broken by one rule after
 * another. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/plugin/audit.h"

enum { FILE_MAX_SIZE = 1 << 22 };

static uint8_t good[FILE_MAX_SIZE];
static uint8_t broken[FILE_MAX_SIZE];
static size_t size;
static char why[QNK_PLUGIN_WHY_MAX];
static enum qnk_class class = QNK_CLASS_PURE;

static size_t file_read(const char *name, uint8_t *to)
{
    const char *build = getenv("top_builddir");
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/plugins/compression/%s/.libs/%s.so",
                   build != NULL ? build : ".", name, name);

    FILE *file = fopen(path, "rb");

    assert_non_null(file);

    size_t got = fread(to, 1, FILE_MAX_SIZE, file);

    assert_int_equal(fclose(file), 0);
    return got;
}

static int start(void **state)
{
    (void)state;
    size = file_read("zstd", good);
    memcpy(broken, good, size);
    class = QNK_CLASS_PURE;
    return size == 0;
}

/* All that is done with a file before it is mapped. */
static int32_t verify(struct qn_span bytes)
{
    struct qnk_elf elf;
    struct qn_span note;
    int32_t status;

    why[0] = 0;
    status = qnk_elf_open(bytes, &elf, why);
    if (status == QN_OK) {
        status = qnk_elf_note(&elf, &note, why);
    }
    if (status == QN_OK) {
        status = qnk_elf_dynamic(&elf, why);
    }
    if (status == QN_OK) {
        status = qnk_audit(&elf, class, why);
    }
    return status;
}

static void refuses(const char *words)
{
    assert_int_equal(verify((struct qn_span){broken, size}), QN_INVALID);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, why);
    }
}

static void a_built_plugin_passes(void **state)
{
    struct qnk_elf elf;

    (void)state;
    assert_int_equal(verify((struct qn_span){good, size}), QN_OK);
    assert_int_equal(qnk_elf_open((struct qn_span){good, size}, &elf, why), QN_OK);
    assert_int_equal(qnk_elf_dynamic(&elf, why), QN_OK);
    assert_true(qnk_audit_descriptor_size(&elf) >= 72);
    assert_non_null(qnk_elf_needed_at(&elf, 0));
    assert_null(qnk_elf_needed_at(&elf, 99));
}

/* Steps through the middle, where only contents lie, so that it takes no time under sanitizers. */
static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < size; cut += cut < 4096 || cut + 4096 > size ? 1 : 61) {
        uint8_t *copy = malloc(cut + (cut == 0)); /* of that size, for those who watch memory */

        assert_non_null(copy);
        memcpy(copy, good, cut);
        assert_int_equal(verify((struct qn_span){copy, cut}), QN_INVALID);
        assert_true(why[0] != 0);
        free(copy);
    }
}

static void no_flipped_bit_does_harm(void **state)
{
    size_t passed = 0;
    size_t tried = 0;

    (void)state;
    for (size_t bit = 0; bit < 8 * size; bit += bit < 8 * (size_t)4096 ? 1 : 37) {
        broken[bit / 8] ^= (uint8_t)(1 << bit % 8);
        passed += verify((struct qn_span){broken, size}) == QN_OK;
        tried++;
        broken[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(passed < tried); /* code and constants are not looked at */
}

static void what_is_no_plugin_is_named(void **state)
{
    static const char text[] = "#!/bin/sh\necho this is no plugin\n";
    Elf64_Ehdr *header = (void *)broken;

    (void)state;
    assert_int_equal(verify((struct qn_span){(const uint8_t *)text, sizeof text}), QN_INVALID);
    assert_string_equal(why, "not an ELF file");
    header->e_machine = EM_68K;
    refuses("for another processor");
    memcpy(broken, good, size);
    header->e_type = ET_EXEC;
    refuses("not a shared object");
    memcpy(broken, good, size);
    header->e_ident[EI_CLASS] = ELFCLASS32;
    refuses("not of 64 bits");
}

static Elf64_Phdr *segment(uint32_t type)
{
    const Elf64_Ehdr *header = (const void *)broken;
    Elf64_Phdr *segments = (void *)(broken + header->e_phoff);

    for (uint32_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == type) {
            return &segments[i];
        }
    }
    fail_msg("no segment %u", (unsigned int)type);
    abort();
}

static Elf64_Dyn *entry(int64_t tag)
{
    const Elf64_Phdr *dynamic = segment(PT_DYNAMIC);
    Elf64_Dyn *entries = (void *)(broken + dynamic->p_offset);
    uint32_t at = 0;

    while (entries[at].d_tag != tag && entries[at].d_tag != DT_NULL) {
        at++;
    }
    assert_int_equal(entries[at].d_tag, tag);
    return &entries[at];
}

static void notes_of_others_are_no_manifest(void **state)
{
    Elf64_Phdr *note = segment(PT_NOTE);

    (void)state;
    note->p_type = PT_NULL;
    refuses("not a plugin of QNet");
}

static void hardening_is_asked_for(void **state)
{
    (void)state;
    segment(PT_GNU_STACK)->p_flags |= PF_X;
    refuses("executable stack");
    memcpy(broken, good, size);
    segment(PT_GNU_RELRO)->p_type = PT_NULL;
    refuses("without RELRO");
    memcpy(broken, good, size);
    entry(DT_FLAGS)->d_un.d_val = 0;
    entry(DT_FLAGS_1)->d_un.d_val = 0;
    refuses("-z now");
    memcpy(broken, good, size);
    entry(DT_FLAGS)->d_un.d_val |= DF_TEXTREL;
    refuses("text relocations");
    memcpy(broken, good, size);
    entry(DT_SONAME)->d_tag = DT_RUNPATH;
    refuses("RUNPATH");
    memcpy(broken, good, size);
    entry(DT_SONAME)->d_tag = DT_RPATH;
    refuses("RPATH");
}

static Elf64_Phdr *writable(void)
{
    Elf64_Phdr *at = segment(PT_LOAD);

    while (at->p_type != PT_LOAD || (at->p_flags & PF_W) == 0) {
        at++;
    }
    return at;
}

static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return false;
}

static void state_of_its_own_is_refused(void **state)
{
    (void)state;
    writable()->p_flags |= PF_X;
    refuses("can be written to");
    if (is_sanitized()) {
        return; /* these put variables and constructors into every library */
    }
    memcpy(broken, good, size);
    writable()->p_memsz += 64;
    refuses("variables outside its instances");
    memcpy(broken, good, size);
    entry(DT_INIT_ARRAYSZ)->d_un.d_val = 16;
    refuses("constructor");
    memcpy(broken, good, size);
    entry(DT_FLAGS)->d_un.d_val |= DF_STATIC_TLS;
    refuses("static thread-local");
    memcpy(broken, good, size);
    segment(PT_GNU_EH_FRAME)->p_type = PT_TLS;
    refuses("thread-local variables");
}

/* The first character of a name in the string table. */
static char *name_in(uint8_t *file, const char *name)
{
    size_t width = strlen(name) + 1;

    for (size_t i = 0; i + width < size; i++) {
        if (file[i] == 0 && memcmp(file + i + 1, name, width) == 0) {
            return (char *)file + i + 1;
        }
    }
    fail_msg("no name '%s'", name);
    return NULL;
}

static void one_export_and_no_other(void **state)
{
    (void)state;
    name_in(broken, "qn_plugin_v1")[0] = 'z';
    refuses("beside qn_plugin_v1 it exports 'zn_plugin_v1'");
}

static void deterministic_kinds_import_memory_and_nothing_else(void **state)
{
    (void)state;
    class = QNK_CLASS_DETERMINISTIC;
    refuses("it needs the library");
    size = file_read("none", broken);
    assert_int_equal(verify((struct qn_span){broken, size}), QN_OK);
    if (is_sanitized()) {
        return; /* where memcpy has another name */
    }
    memcpy(name_in(broken, "memcpy"), "memfdx", 6);
    refuses("it imports 'memfdx'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_built_plugin_passes, start),
        cmocka_unit_test_setup(every_truncation_is_refused, start),
        cmocka_unit_test_setup(no_flipped_bit_does_harm, start),
        cmocka_unit_test_setup(what_is_no_plugin_is_named, start),
        cmocka_unit_test_setup(notes_of_others_are_no_manifest, start),
        cmocka_unit_test_setup(hardening_is_asked_for, start),
        cmocka_unit_test_setup(state_of_its_own_is_refused, start),
        cmocka_unit_test_setup(one_export_and_no_other, start),
        cmocka_unit_test_setup(deterministic_kinds_import_memory_and_nothing_else, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
