/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/elf.h"

#include <stdio.h>
#include <string.h>

#include <qnet/manifest.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { MACHINE = EM_RISCV };
#else
#error "say which ELF machine this is"
#endif

/* SEEN is where a structure that is named by an offset would end. */
static bool is_within(const struct qnk_elf *elf, uint64_t at, uint64_t size)
{
    return at <= elf->bytes.size && size <= elf->bytes.size - at;
}

/* Copies a structure out, as nothing in a file need be aligned. */
static bool copy_at(const struct qnk_elf *elf, uint64_t at, void *to, uint64_t size)
{
    if (!is_within(elf, at, size)) {
        return false;
    }
    memcpy(to, elf->bytes.data + at, size);
    return true;
}

static int32_t refuse(char why[QNK_PLUGIN_WHY_MAX], const char *words)
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s", words);
    return QN_INVALID;
}

static int32_t refuse_cut(const struct qnk_elf *elf, uint64_t end, char why[QNK_PLUGIN_WHY_MAX])
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                   "the file is cut short: it has %llu bytes and speaks of %llu",
                   (unsigned long long)elf->bytes.size, (unsigned long long)end);
    return QN_INVALID;
}

static int32_t header_check(const struct qnk_elf *elf, const Elf64_Ehdr *header,
                            char why[QNK_PLUGIN_WHY_MAX])
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_ident[EI_VERSION] != EV_CURRENT) {
        return refuse(why, "an ELF file, but not of 64 bits, little-endian");
    }
    if (header->e_machine != MACHINE) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "for another processor: ELF machine %u, and this is %u",
                       (unsigned int)header->e_machine, (unsigned int)MACHINE);
        return QN_INVALID;
    }
    if (header->e_type != ET_DYN) {
        return refuse(why, "an ELF file, but not a shared object");
    }
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum > QNK_ELF_SEGMENTS_MAX) {
        return refuse(why, "its table of segments is damaged");
    }
    if (header->e_shoff != 0 &&
        !is_within(elf, header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize)) {
        return refuse_cut(elf, header->e_shoff + (uint64_t)header->e_shnum * header->e_shentsize,
                          why);
    }
    return QN_OK;
}

int32_t qnk_elf_open(struct qn_span bytes, struct qnk_elf *elf, char why[QNK_PLUGIN_WHY_MAX])
{
    Elf64_Ehdr header;

    *elf = (struct qnk_elf){.bytes = bytes};
    if (bytes.size < SELFMAG || memcmp(bytes.data, ELFMAG, SELFMAG) != 0) {
        return refuse(why, "not an ELF file");
    }
    if (!copy_at(elf, 0, &header, sizeof header)) {
        return refuse_cut(elf, sizeof header, why);
    }

    int32_t status = header_check(elf, &header, why);

    if (status != QN_OK) {
        return status;
    }
    elf->segments_count = header.e_phnum;

    uint64_t size = elf->segments_count * sizeof *elf->segments;

    if (!copy_at(elf, header.e_phoff, elf->segments, size)) {
        return refuse_cut(elf, header.e_phoff + size, why);
    }
    for (uint32_t i = 0; i < elf->segments_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];

        if (segment->p_type != PT_NULL && !is_within(elf, segment->p_offset, segment->p_filesz)) {
            return refuse_cut(elf, segment->p_offset + segment->p_filesz, why);
        }
    }
    return QN_OK;
}

/* A note's name and content are filled up to a multiple of what its segment is aligned to. */
static uint64_t filled(uint64_t size, uint64_t align)
{
    return (size + align - 1) / align * align;
}

/* Takes one note off `rest`; false when what is left is none. */
static bool note_take(struct qn_span *rest, uint64_t align, Elf64_Nhdr *head, struct qn_span *owner,
                      struct qn_span *content)
{
    if (rest->size < sizeof *head) {
        return false;
    }
    memcpy(head, rest->data, sizeof *head);

    uint64_t content_at = sizeof *head + filled(head->n_namesz, align);
    uint64_t end = content_at + head->n_descsz;

    if (end > rest->size) {
        return false;
    }
    *owner = (struct qn_span){rest->data + sizeof *head, head->n_namesz};
    *content = (struct qn_span){rest->data + content_at, head->n_descsz};
    end = filled(end, align) < rest->size ? filled(end, align) : rest->size;
    *rest = (struct qn_span){rest->data + end, rest->size - end};
    return true;
}

/* Finds QNet's notes in one segment; gives how many. */
static uint32_t notes_find(const struct qnk_elf *elf, const Elf64_Phdr *segment,
                           struct qn_span *found)
{
    struct qn_span rest = {elf->bytes.data + segment->p_offset, segment->p_filesz};
    uint64_t align = segment->p_align == 8 ? 8 : 4;
    struct qn_span owner, content;
    Elf64_Nhdr head;
    uint32_t count = 0;

    while (note_take(&rest, align, &head, &owner, &content)) {
        if (head.n_type == 1 && owner.size == sizeof "QNet" &&
            memcmp(owner.data, "QNet", sizeof "QNet") == 0) {
            *found = content;
            count++;
        }
    }
    return count;
}

int32_t qnk_elf_note(const struct qnk_elf *elf, struct qn_span *content,
                     char why[QNK_PLUGIN_WHY_MAX])
{
    struct qn_span found = {NULL, 0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < elf->segments_count; i++) {
        if (elf->segments[i].p_type == PT_NOTE) {
            count += notes_find(elf, &elf->segments[i], &found);
        }
    }
    if (count == 0) {
        return refuse(why, "a shared object, but not a plugin of QNet: it has no manifest");
    }
    if (count > 1) {
        return refuse(why, "it has more than one manifest");
    }
    if (found.size > QN_MANIFEST_SIZE_MAX) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "its manifest has %llu bytes, and %u is the most",
                       (unsigned long long)found.size, (unsigned int)QN_MANIFEST_SIZE_MAX);
        return QN_INVALID;
    }
    *content = found;
    return QN_OK;
}

/* Where in the file the `size` bytes lie that are mapped at `address`; false: nowhere. */
static bool offset_of(const struct qnk_elf *elf, uint64_t address, uint64_t size, uint64_t *offset)
{
    for (uint32_t i = 0; i < elf->segments_count; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr <= segment->p_filesz &&
            size <= segment->p_filesz - (address - segment->p_vaddr)) {
            *offset = segment->p_offset + (address - segment->p_vaddr);
            return true;
        }
    }
    return false;
}

/* What the dynamic table says that is needed to find the rest. */
struct places {
    uint64_t names, names_size, symbols, hash, gnu_hash;
};

static void entry_note(struct qnk_elf *elf, const Elf64_Dyn *entry, struct places *places)
{
    uint64_t value = entry->d_un.d_val;

    switch (entry->d_tag) {
    case DT_STRTAB:
        places->names = value;
        break;
    case DT_STRSZ:
        places->names_size = value;
        break;
    case DT_SYMTAB:
        places->symbols = value;
        break;
    case DT_HASH:
        places->hash = value;
        break;
    case DT_GNU_HASH:
        places->gnu_hash = value;
        break;
    case DT_FLAGS:
        elf->flags = value;
        break;
    case DT_FLAGS_1:
        elf->flags_1 = value;
        break;
    case DT_TEXTREL:
        elf->has_text_relocations = true;
        break;
    case DT_BIND_NOW:
        elf->has_bind_now = true;
        break;
    case DT_RPATH:
    case DT_RUNPATH:
        elf->has_path = true;
        break;
    case DT_INIT_ARRAYSZ:
        elf->init_size = value;
        break;
    case DT_PREINIT_ARRAYSZ:
        elf->preinit_size = value;
        break;
    default:
        break;
    }
}

/* Reads the entries up to DT_NULL. */
static bool entries_read(struct qnk_elf *elf, const Elf64_Phdr *segment, struct places *places)
{
    uint64_t count = segment->p_filesz / sizeof(Elf64_Dyn);

    for (uint64_t i = 0; i < count && i < QNK_ELF_DYNAMIC_MAX; i++) {
        Elf64_Dyn entry;

        if (!copy_at(elf, segment->p_offset + i * sizeof entry, &entry, sizeof entry)) {
            return false;
        }
        if (entry.d_tag == DT_NULL) {
            elf->dynamic = (struct qn_span){elf->bytes.data + segment->p_offset, i * sizeof entry};
            return true;
        }
        entry_note(elf, &entry, places);
    }
    return false;
}

/* The number of symbols by the GNU hash table: one more than the last of the longest chain. */
static bool gnu_count(const struct qnk_elf *elf, uint64_t at, uint32_t *count)
{
    uint32_t head[4]; /* buckets, first hashed symbol, words of the filter, shift */
    uint32_t last = 0;
    uint32_t entry;

    if (!copy_at(elf, at, head, sizeof head)) {
        return false;
    }

    uint64_t buckets_at = at + sizeof head + (uint64_t)head[2] * 8;
    uint64_t chains_at = buckets_at + (uint64_t)head[0] * 4;

    if (!is_within(elf, buckets_at, (uint64_t)head[0] * 4)) {
        return false;
    }
    for (uint64_t i = 0; i < head[0]; i++) {
        uint32_t bucket = qn_le32_read(elf->bytes.data + buckets_at + i * 4);

        last = bucket > last ? bucket : last;
    }
    if (last < head[1]) {
        *count = head[1];
        return last == 0;
    }
    do {
        if (!copy_at(elf, chains_at + (uint64_t)(last - head[1]) * 4, &entry, sizeof entry)) {
            return false;
        }
    } while (++last != 0 && (entry & 1) == 0);
    *count = last;
    return last != 0;
}

static bool symbols_count(const struct qnk_elf *elf, const struct places *places, uint32_t *count)
{
    uint64_t at;
    uint32_t head[2]; /* buckets, chains: one for each symbol */

    if (places->gnu_hash != 0) {
        return offset_of(elf, places->gnu_hash, 16, &at) && gnu_count(elf, at, count);
    }
    if (!offset_of(elf, places->hash, sizeof head, &at) || !copy_at(elf, at, head, sizeof head)) {
        return false;
    }
    *count = head[1];
    return true;
}

static bool tables_find(struct qnk_elf *elf, const struct places *places)
{
    uint64_t names_at;

    if (places->names_size == 0 || !offset_of(elf, places->names, places->names_size, &names_at) ||
        elf->bytes.data[names_at + places->names_size - 1] != 0) {
        return false;
    }
    elf->names = (struct qn_span){elf->bytes.data + names_at, places->names_size};
    if (!symbols_count(elf, places, &elf->symbols_count) ||
        elf->symbols_count > QNK_ELF_SYMBOLS_MAX) {
        return false;
    }
    return offset_of(elf, places->symbols, (uint64_t)elf->symbols_count * sizeof(Elf64_Sym),
                     &elf->symbols_at);
}

int32_t qnk_elf_dynamic(struct qnk_elf *elf, char why[QNK_PLUGIN_WHY_MAX])
{
    struct places places = {0};
    const Elf64_Phdr *segment = NULL;

    for (uint32_t i = 0; i < elf->segments_count; i++) {
        if (elf->segments[i].p_type == PT_DYNAMIC) {
            segment = &elf->segments[i];
        }
    }
    if (segment == NULL || !entries_read(elf, segment, &places) || !tables_find(elf, &places)) {
        return refuse(why, "its dynamic table is damaged");
    }
    return QN_OK;
}

/* The name at `at`, which ends within the table as that ends in a zero byte; NULL: none. */
static const char *name_at(const struct qnk_elf *elf, uint64_t at)
{
    return at < elf->names.size ? (const char *)elf->names.data + at : NULL;
}

bool qnk_elf_symbol_at(const struct qnk_elf *elf, uint32_t place, struct qnk_elf_symbol *symbol)
{
    Elf64_Sym it;

    if (place >= elf->symbols_count ||
        !copy_at(elf, elf->symbols_at + place * sizeof it, &it, sizeof it)) {
        return false;
    }
    *symbol = (struct qnk_elf_symbol){
        .name = name_at(elf, it.st_name),
        .binding = ELF64_ST_BIND(it.st_info),
        .visibility = ELF64_ST_VISIBILITY(it.st_other),
        .is_defined = it.st_shndx != SHN_UNDEF,
        .size = it.st_size,
    };
    return symbol->name != NULL;
}

const char *qnk_elf_needed_at(const struct qnk_elf *elf, uint32_t place)
{
    uint64_t count = elf->dynamic.size / sizeof(Elf64_Dyn);

    for (uint64_t i = 0; i < count; i++) {
        Elf64_Dyn entry;

        memcpy(&entry, elf->dynamic.data + i * sizeof entry, sizeof entry);
        if (entry.d_tag == DT_NEEDED && place-- == 0) {
            const char *name = name_at(elf, entry.d_un.d_val);

            return name != NULL ? name : "?";
        }
    }
    return NULL;
}
