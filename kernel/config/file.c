/* SPDX-License-Identifier: MIT */

#include "kernel/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int32_t status_of(int error)
{
    if (error == ENOENT || error == ENOTDIR) {
        return QN_NOT_FOUND;
    }
    return error == EACCES || error == EPERM ? QN_DENIED : QN_IO;
}

/* Reads `size` bytes and looks whether the file ends there. */
static int32_t read_whole(int fd, uint8_t *to, uint64_t size)
{
    uint64_t at = 0;
    uint8_t beyond;

    while (at <= size) {
        ssize_t part = at < size ? read(fd, to + at, size - at) : read(fd, &beyond, 1);

        if (part < 0 && errno != EINTR) {
            return status_of(errno);
        }
        if (part == 0) {
            return at == size ? QN_OK : QN_IO; /* else it became shorter meanwhile */
        }
        at += part > 0 ? (uint64_t)part : 0;
    }
    return QN_IO; /* it became longer meanwhile */
}

static int32_t read_open(int fd, uint64_t size_max, struct qnk_arena *arena, struct qn_span *bytes)
{
    struct stat file;
    uint8_t *room;
    int32_t status;

    if (fstat(fd, &file) != 0) {
        return status_of(errno);
    }
    if (!S_ISREG(file.st_mode)) {
        return QN_INVALID;
    }
    if ((uint64_t)file.st_size > size_max) {
        return QN_NO_SPACE;
    }
    room = qnk_arena_take(arena, (size_t)file.st_size);
    if (room == NULL) {
        return QN_NO_SPACE;
    }
    status = read_whole(fd, room, (uint64_t)file.st_size);
    if (status == QN_OK) {
        *bytes = (struct qn_span){room, (uint64_t)file.st_size};
    }
    return status;
}

int32_t qnk_file_read(const char *path, uint64_t size_max, struct qnk_arena *arena,
                      struct qn_span *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */

    if (fd < 0) {
        return status_of(errno);
    }

    int32_t status = read_open(fd, size_max, arena, bytes);

    (void)close(fd);
    return status;
}

enum qnk_file_secret qnk_file_secret(const char *path, uint32_t *mode)
{
    struct stat file;

    *mode = 0;
    if (stat(path, &file) != 0) {
        return QNK_FILE_SECRET_MISSING;
    }
    *mode = (uint32_t)file.st_mode & 07777;
    if (!S_ISREG(file.st_mode)) {
        return QNK_FILE_SECRET_NO_FILE;
    }
    if (file.st_uid != geteuid()) {
        return QNK_FILE_SECRET_OTHERS;
    }
    return (file.st_mode & (S_IRWXG | S_IRWXO)) != 0 ? QNK_FILE_SECRET_WIDE : QNK_FILE_SECRET_FINE;
}

const char *qnk_file_folder(const char *path, struct qnk_arena *arena)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = qnk_arena_take(arena, size + 1);

    if (folder == NULL) {
        return NULL;
    }
    memcpy(folder, path, size);
    folder[size] = 0;
    return folder;
}
