/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/swap_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_SIZE = 1024 };

/* NULL: it is what it shall be, and its name is gone. */
static const char *file_take(int folder, const char *name, int file, uid_t owner)
{
    struct stat status;

    if (fstat(file, &status) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return "it is no regular file";
    }
    if (status.st_uid != owner) {
        return "it is not of the node's user";
    }
    return unlinkat(folder, name, 0) == 0 ? NULL : strerror(errno);
}

int qnk_swap_copy_take(const char *path, uid_t owner, char *why, uint64_t room)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *fault = NULL;
    char place[FOLDER_SIZE];
    int folder = -1, file = -1;

    if (slash == NULL || slash == path || slash - path >= FOLDER_SIZE ||
        strncmp(name, QNK_SWAP_COPY_NAME, sizeof QNK_SWAP_COPY_NAME - 1) != 0) {
        fault = "no copy has such a name";
    } else {
        (void)snprintf(place, sizeof place, "%.*s", (int)(slash - path), path);
        folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        file =
            folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        fault = file < 0 ? strerror(errno) : file_take(folder, name, file, owner);
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    if (fault != NULL) {
        (void)snprintf(why, (size_t)room, "'%.200s' is not taken: %s", path, fault);
        if (file >= 0) {
            (void)close(file);
        }
        return -1;
    }
    return file;
}
