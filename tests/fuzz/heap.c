/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, MAP_ANONYMOUS, madvise, syscall */

/* heap.c: blocks lie one behind the other in one private mapping. What is kept becomes a file in
 * memory that is mapped there instead, and again before each input, which drops what was written
 * since. The same is done with the sanitizer's own bytes about the mapping. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/memory.h"
#include "tests/fuzz/heap.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define ARENA_SIZE ((size_t)8 << 30) /* of addresses; only what is touched is memory */

#define PAGE ((size_t)4096)

enum {
    ALIGN = 64,
    GAP = 64,            /* poisoned, behind each block */
    AGAIN_MAX = 1 << 15, /* larger blocks are not taken again: fresh ones are zero already */
    CLASSES = AGAIN_MAX / ALIGN + 1,
    BEGIN_AT = 1 << 21, /* of a huge page, so of a page of the sanitizer's too */
};

/* What is written privately, and can be as it was. */
struct region {
    uint8_t *at;
    size_t size;
    int file; /* as it was; -1: nothing is kept yet */
};

struct heap {
    size_t top;           /* the next block; all above is zero */
    void *given[CLASSES]; /* blocks of i * ALIGN bytes, each with the next one's place in it */
};

static struct region arena, about; /* `about`: the sanitizer's bytes about the arena */
static struct heap heap, kept;

static size_t rounded(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

static void arena_make(void)
{
    uint8_t *map = mmap(NULL, ARENA_SIZE + BEGIN_AT, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    QN_ASSERT(map != MAP_FAILED);
    arena =
        (struct region){map + (BEGIN_AT - (uintptr_t)map % BEGIN_AT) % BEGIN_AT, ARENA_SIZE, -1};
    (void)madvise(arena.at, arena.size, MADV_NOHUGEPAGE);
#ifdef HAS_ASAN
    size_t scale, offset;

    __asan_get_shadow_mapping(&scale, &offset);
    about.at = (uint8_t *)(((uintptr_t)arena.at >> scale) + offset); /* NOLINT */
    about.size = ARENA_SIZE >> scale;
#endif
}

void *qnk_memory_take(struct qnk_budget *budget, size_t size)
{
    size_t whole = rounded(size == 0 ? 1 : size, ALIGN);
    uint8_t *block;

    QN_ASSERT(budget->used <= budget->limit);
    if (size > budget->limit - budget->used) {
        return NULL;
    }
    if (arena.at == NULL) {
        arena_make();
    }
    budget->used += size;
    block = whole <= AGAIN_MAX ? heap.given[whole / ALIGN] : NULL;
    if (block != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(block, whole);
        memcpy(&heap.given[whole / ALIGN], block, sizeof(void *));
        memset(block, 0, whole);
    } else {
        QN_ASSERT(whole + GAP <= ARENA_SIZE - heap.top);
        block = arena.at + heap.top;
        heap.top += whole + GAP;
    }
    ASAN_POISON_MEMORY_REGION(block + size, whole + GAP - size);
    return block;
}

/* Poison for a large block would be megabytes of the sanitizer's own: its whole pages have no
 * access, once there is an image that they return to. */
static void large_give(uint8_t *block, size_t size)
{
    size_t at = (size_t)(block - arena.at);
    size_t begin = rounded(at, PAGE), end = (at + size) / PAGE * PAGE;

    if (arena.file < 0) {
        ASAN_POISON_MEMORY_REGION(block, size);
    } else {
        ASAN_POISON_MEMORY_REGION(block, begin - at);
        QN_ASSERT(mprotect(arena.at + begin, end - begin, PROT_NONE) == 0);
    }
}

void qnk_memory_give(struct qnk_budget *budget, void *block, size_t size)
{
    size_t whole = rounded(size == 0 ? 1 : size, ALIGN);

    if (block == NULL) {
        return;
    }
    QN_ASSERT(size <= budget->used);
    budget->used -= size;
    if (whole > AGAIN_MAX) {
        large_give(block, size);
    } else {
        ASAN_POISON_MEMORY_REGION(block, size);
        ASAN_UNPOISON_MEMORY_REGION(block, sizeof(void *));
        memcpy(block, &heap.given[whole / ALIGN], sizeof(void *));
        heap.given[whole / ALIGN] = block;
        ASAN_POISON_MEMORY_REGION(block, sizeof(void *));
    }
}

/* --- the image --- */

/* Poisoned bytes are read too, and the sanitizer's own; so not in its sight, nor by its pwrite. */
__attribute__((no_sanitize("address"))) static bool is_zero(const uint8_t *page)
{
    const uint64_t *words = (const void *)page;

    for (size_t i = 0; i < PAGE / sizeof *words; i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

static void region_map(const struct region *region)
{
    void *map = mmap(region->at, region->size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, region->file, 0);

    QN_ASSERT(map == region->at);
}

static void region_keep(struct region *region, size_t used)
{
    region->file = memfd_create("fuzz-heap", MFD_CLOEXEC);
    QN_ASSERT(region->file >= 0 && ftruncate(region->file, (off_t)region->size) == 0);
    for (size_t at = 0; at < used; at += PAGE) {
        if (!is_zero(region->at + at)) {
            QN_ASSERT(syscall(SYS_pwrite64, region->file, region->at + at, PAGE, at) == (long)PAGE);
        }
    }
    region_map(region);
}

void fuzz_heap_keep(void)
{
    if (arena.at == NULL) {
        arena_make();
    }
    QN_ASSERT(arena.file < 0);
    kept = heap;
    region_keep(&arena, heap.top);
    if (about.at != NULL) {
        region_keep(&about, heap.top / 8 + 1);
    }
}

void fuzz_heap_reset(void)
{
    if (arena.file < 0 || arena.at == NULL) {
        fuzz_heap_keep();
    }
    region_map(&arena);
    QN_ASSERT(about.at == NULL ||
              madvise(about.at, rounded(heap.top / 8 + 1, PAGE), MADV_DONTNEED) == 0);
    heap = kept;
}
