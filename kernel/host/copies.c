/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* mkostemp */

#include "kernel/host/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/text.h"
#include "kernel/host/file.h"
#include "kernel/host/fullness.h"

#define PREFIX "swap-copy."

enum {
    PREFIX_SIZE = sizeof PREFIX - 1,
    NAME_SIZE = PREFIX_SIZE + 6,
    SEEN_MAX = 16, /* of one look at the folder */
};

struct seen {
    char name[NAME_SIZE + 1];
    struct timespec changed;
};

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    return strlen(name) == NAME_SIZE && memcmp(name, PREFIX, PREFIX_SIZE) == 0 &&
           strspn(name + PREFIX_SIZE, letters) == NAME_SIZE - PREFIX_SIZE;
}

static bool is_copy(int folder, const char *name, struct seen *seen)
{
    struct stat status;

    if (!is_name(name) || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
        return false;
    }
    memcpy(seen->name, name, sizeof seen->name);
    seen->changed = status.st_mtim;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct seen *one = a, *other = b;

    if (one->changed.tv_sec != other->changed.tv_sec) {
        return one->changed.tv_sec < other->changed.tv_sec ? -1 : 1;
    }
    if (one->changed.tv_nsec != other->changed.tv_nsec) {
        return one->changed.tv_nsec < other->changed.tv_nsec ? -1 : 1;
    }
    return strcmp(one->name, other->name);
}

static uint32_t look(DIR *folder, struct seen seen[SEEN_MAX])
{
    uint32_t count = 0;
    const struct dirent *entry;

    rewinddir(folder);
    while (count < SEEN_MAX && (entry = readdir(folder)) != NULL) {
        count += is_copy(dirfd(folder), entry->d_name, &seen[count]);
    }
    return count;
}

/* One look's worth: of more than it sees, all that it saw but `keep` are gone. */
static uint32_t trim_some(DIR *folder, uint32_t keep, bool *is_all)
{
    struct seen seen[SEEN_MAX];
    uint32_t count = look(folder, seen);
    uint32_t gone = 0;

    qsort(seen, count, sizeof *seen, by_age);
    for (uint32_t i = 0; i + keep < count; i++) {
        gone += unlinkat(dirfd(folder), seen[i].name, 0) == 0;
    }
    *is_all = count < SEEN_MAX || gone == 0;
    return gone;
}

uint32_t qnk_copies_trim(const char *folder, uint32_t keep)
{
    DIR *open = opendir(folder);
    bool is_all = open == NULL;
    uint32_t gone = 0;

    while (!is_all) {
        gone += trim_some(open, keep, &is_all);
    }
    if (open != NULL) {
        (void)closedir(open);
    }
    return gone;
}

/* What the system's error number means for who wants a copy. */
static int32_t explain(int error, const char *folder, char why[QNK_COPIES_WHY])
{
    char words[64];
    bool is_full = error == ENOSPC || error == EDQUOT;

    qnk_text(why, QNK_COPIES_WHY, "no copy can be written in '%.150s': %s; %s", folder,
             strerror_r(error, words, sizeof words),
             is_full ? "make room there" : "see whether this user may, and the disk can, write");
    return is_full ? QN_NO_SPACE : QN_IO;
}

int32_t qnk_copies_make(const char *folder, char path[QNK_COPIES_PATH], int *file,
                        char why[QNK_COPIES_WHY])
{
    char made[QNK_COPIES_PATH];
    int opened;

    (void)qnk_copies_trim(folder, QNK_COPIES_MAX - 1);
    qnk_text(made, sizeof made, "%s/" PREFIX "XXXXXX", folder);
    opened = mkostemp(made, O_CLOEXEC);
    if (opened < 0) {
        return explain(errno, folder, why);
    }
    memcpy(path, made, sizeof made);
    *file = opened;
    return QN_OK;
}

bool qnk_copies_fit(uint64_t free, uint64_t total, uint64_t need)
{
    enum qnk_fullness now = qnk_fullness_of(free, total);

    if (total == 0) {
        return true; /* of a disk that does not say how large it is */
    }
    return now != QNK_FULLNESS_IS_FULL && need <= free &&
           qnk_fullness_of(free - need, total) == now;
}

int32_t qnk_copies_put(const char *folder, int file, struct qn_span piece, uint64_t need,
                       char why[QNK_COPIES_WHY])
{
    uint64_t free, total;
    int error;

    if (qnk_fullness_look(folder, &free, &total) == QN_OK && !qnk_copies_fit(free, total, need)) {
        qnk_text(why, QNK_COPIES_WHY,
                 "the disk of '%.150s' has %llu MiB left, and %llu KiB of a copy would make it low "
                 "or full: make room there",
                 folder, (unsigned long long)(free >> 20),
                 (unsigned long long)((need + 1023) / 1024));
        return QN_NO_SPACE;
    }
    error = qnk_file_put(file, piece);
    return error == 0 ? QN_OK : explain(error, folder, why);
}
