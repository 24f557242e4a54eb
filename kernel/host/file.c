/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* O_CLOEXEC beside O_DIRECTORY */

#include "kernel/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/text.h"

enum { PATH_SIZE = 4096 }; /* of a folder; a longer one cannot be opened either */

int qnk_file_put(int file, struct qn_span bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(file, bytes.data, bytes.size);

        if (put < 0 && errno != EINTR) {
            return errno;
        }
        if (put > 0) {
            bytes.data += put;
            bytes.size -= (uint64_t)put;
        }
    }
    return 0;
}

int qnk_file_folder_flush(const char *path)
{
    const char *slash = strrchr(path, '/');
    uint64_t size = slash == NULL ? 0 : (uint64_t)(slash - path) + 1; /* with the slash */
    char folder[PATH_SIZE];
    int file, error;

    if (size >= sizeof folder) {
        return ENAMETOOLONG;
    }
    qnk_text(folder, size == 0 ? sizeof folder : size + 1, "%s", size == 0 ? "." : path);
    file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    error = fsync(file) == 0 ? 0 : errno;
    (void)close(file);
    return error;
}
