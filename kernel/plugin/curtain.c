/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */

#include "kernel/plugin/curtain.h"

#include <sys/mman.h>

#include <qnet/assert.h>

enum { STEP = 65536, ALIGN = 16 };

static bool base_make(struct qnk_curtain *curtain)
{
    void *base;

    if (curtain->base != NULL) {
        return true;
    }
    base =
        mmap(NULL, QNK_CURTAIN_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    curtain->base = base != MAP_FAILED ? base : NULL;
    return base != MAP_FAILED;
}

void qnk_curtain_open(struct qnk_curtain *curtain)
{
    if (curtain->start > QNK_CURTAIN_SIZE / 2) {
        curtain->start = 0;
    }
    curtain->used = curtain->mapped = curtain->start;
}

void *qnk_curtain_take(struct qnk_curtain *curtain, size_t size)
{
    size_t at = (curtain->used + ALIGN - 1) / ALIGN * ALIGN;

    if (at > QNK_CURTAIN_SIZE || size > QNK_CURTAIN_SIZE - at || !base_make(curtain)) {
        return NULL;
    }
    if (at + size > curtain->mapped) {
        size_t grown = (at + size - curtain->mapped + STEP - 1) / STEP * STEP;

        if (grown > QNK_CURTAIN_SIZE - curtain->mapped ||
            mprotect(curtain->base + curtain->mapped, grown, PROT_READ | PROT_WRITE) != 0) {
            return NULL;
        }
        curtain->mapped += grown;
    }
    curtain->used = at + size;
    return curtain->base + at;
}

static void protect(struct qnk_curtain *curtain, int protection)
{
    int status =
        mprotect(curtain->base + curtain->start, curtain->mapped - curtain->start, protection);

    QN_ASSERT(status == 0);
}

void qnk_curtain_seal(struct qnk_curtain *curtain)
{
    if (curtain->mapped > curtain->start) {
        protect(curtain, PROT_READ);
    }
}

void qnk_curtain_close(struct qnk_curtain *curtain)
{
    if (curtain->mapped > curtain->start) {
        protect(curtain, PROT_NONE);
        (void)madvise(curtain->base + curtain->start, curtain->mapped - curtain->start,
                      MADV_DONTNEED);
    }
    curtain->start = curtain->mapped;
}

void qnk_curtain_done(struct qnk_curtain *curtain)
{
    if (curtain->base != NULL) {
        (void)munmap(curtain->base, QNK_CURTAIN_SIZE);
    }
}
