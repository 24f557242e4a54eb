/* SPDX-License-Identifier: MIT */

#include "kernel/host/fullness.h"

#include <sys/statvfs.h>

enum qnk_fullness qnk_fullness_of(uint64_t free, uint64_t total)
{
    if (free < total / 100 && free < QNK_FULLNESS_FULL) {
        return QNK_FULLNESS_IS_FULL;
    }
    return free < total / 10 && free < QNK_FULLNESS_LOW ? QNK_FULLNESS_IS_LOW : QNK_FULLNESS_FINE;
}

int32_t qnk_fullness_look(const char *folder, uint64_t *free, uint64_t *total)
{
    struct statvfs disk;

    if (statvfs(folder, &disk) != 0) {
        return QN_IO;
    }
    *free = (uint64_t)disk.f_bavail * disk.f_frsize;
    *total = (uint64_t)disk.f_blocks * disk.f_frsize;
    return QN_OK;
}
