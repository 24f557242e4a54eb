/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, F_ADD_SEALS */

#include "kernel/plugin/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* since Linux 6.3 */
#endif

enum { CHUNK = 65536 };

static int32_t refuse(char why[QNK_PLUGIN_WHY_MAX], int32_t status, const char *words, int error)
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s%s%s", words, error != 0 ? ": " : "",
                   error != 0 ? strerrordesc_np(error) : "");
    return status;
}

/* A file without a name: made in a folder of our own, opened again for reading, and removed. */
static int nameless_open(int *to_write)
{
    char folder[] = "/tmp/qnet-XXXXXX";
    char path[sizeof folder + sizeof "/plugin"];
    int fd = -1;

    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/plugin", folder);
    *to_write = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IXUSR);
    if (*to_write >= 0) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return fd;
}

/* A memfd is written through the descriptor that it is read by. */
static int memory_open(void)
{
    int fd = memfd_create("qnet-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    return fd < 0 && errno == EINVAL ? memfd_create("qnet-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                                     : fd;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* Copies at most `size_max` bytes; false: an error, or there are more. */
static bool copy(int from, int to, uint64_t size_max, uint64_t *size)
{
    uint8_t chunk[CHUNK];

    *size = 0;
    for (;;) {
        ssize_t got = read(from, chunk, sizeof chunk);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0;
        }
        *size += (uint64_t)got;
        if (*size > size_max) {
            errno = EFBIG;
            return false;
        }
        if (!write_all(to, chunk, (size_t)got)) {
            return false;
        }
    }
}

/* Copies `from` into a sealed file; gives its descriptor, or -1. */
static int seal(int from, uint64_t size_max, bool hides_memory_files, uint64_t *size)
{
    int fd = hides_memory_files ? -1 : memory_open();
    int to_write = fd;
    bool is_memory = fd >= 0;

    if (!is_memory) {
        fd = nameless_open(&to_write);
    }

    bool is_done = fd >= 0 && to_write >= 0 && copy(from, to_write, size_max, size);

    if (is_done && is_memory) {
        is_done =
            fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
    }

    int error = errno;

    if (!is_memory && to_write >= 0) {
        (void)close(to_write);
    }
    if (!is_done && fd >= 0) {
        (void)close(fd);
    }
    errno = error;
    return is_done ? fd : -1;
}

static int32_t file_check(int fd, uint64_t size_max, char why[QNK_PLUGIN_WHY_MAX])
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return refuse(why, QN_IO, "it cannot be read", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return refuse(why, QN_INVALID, "not a file", 0);
    }
    if (info.st_size == 0) {
        return refuse(why, QN_INVALID, "the file is empty", 0);
    }
    if ((uint64_t)info.st_size > size_max) {
        return refuse(why, QN_INVALID, "the file is too large for a plugin", 0);
    }
    return QN_OK;
}

static int32_t sealed_map(int from, uint64_t size_max, bool hides_memory_files,
                          struct qnk_sealed *sealed, char why[QNK_PLUGIN_WHY_MAX])
{
    uint64_t size = 0;
    int fd = seal(from, size_max, hides_memory_files, &size);

    if (fd < 0) {
        return refuse(why, QN_IO, "it cannot be copied", errno);
    }

    const void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;

    if (bytes == MAP_FAILED) {
        int error = errno;

        (void)close(fd);
        return refuse(why, QN_IO, "it cannot be mapped", error);
    }
    *sealed = (struct qnk_sealed){fd, {bytes, size}};
    return QN_OK;
}

int32_t qnk_sealed_open(const char *path, uint64_t size_max, bool hides_memory_files,
                        struct qnk_sealed *sealed, char why[QNK_PLUGIN_WHY_MAX])
{
    /* Not to wait for a pipe's other end; a regular file does not care. */
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (from < 0) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR;

        return refuse(why, is_missing ? QN_NOT_FOUND : QN_IO, "it cannot be opened", errno);
    }

    int32_t status = file_check(from, size_max, why);

    if (status == QN_OK) {
        status = sealed_map(from, size_max, hides_memory_files, sealed, why);
    }
    (void)close(from);
    return status;
}

static void unmap(struct qnk_sealed *sealed)
{
    (void)munmap((void *)(uintptr_t)sealed->bytes.data, sealed->bytes.size);
    sealed->bytes = (struct qn_span){NULL, 0};
}

void qnk_sealed_done(struct qnk_sealed *sealed)
{
    unmap(sealed);
    (void)close(sealed->fd);
    sealed->fd = -1;
}

void qnk_sealed_keep(struct qnk_sealed *sealed)
{
    unmap(sealed);
}
