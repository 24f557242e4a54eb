/* SPDX-License-Identifier: MIT */

#include "kernel/host/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/text.h"

enum { DATA_MODE = 0700, RUNTIME_MODE = 0750, ABOVE_MODE = 0755 };

/* PATH = FIRST SECOND NAME. */
static int32_t path_make(struct qnk_datadir *dir, char path[QNK_DATADIR_PATH], const char *first,
                         const char *second, const char *name)
{
    int size = snprintf(path, QNK_DATADIR_PATH, "%s%s%s", first, second, name);

    if (size < 0 || size >= QNK_DATADIR_PATH) {
        qnk_text(dir->why, sizeof dir->why, "the path of a folder is longer than %d bytes: %s...",
                 QNK_DATADIR_PATH - 1, path);
        return QN_INVALID;
    }
    while (size > 1 && path[size - 1] == '/') {
        path[--size] = 0;
    }
    return QN_OK;
}

/* The value of a variable that names an absolute folder, or NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value == '/' ? value : NULL;
}

static int32_t data_find(struct qnk_datadir *dir, const char *name, const char *data)
{
    const char *home = variable("HOME");

    if (*data != 0) {
        return path_make(dir, dir->data, data, "", "");
    }
    if (variable("XDG_DATA_HOME") != NULL) {
        return path_make(dir, dir->data, variable("XDG_DATA_HOME"), "/qnet/", name);
    }
    if (home != NULL && geteuid() != 0) {
        return path_make(dir, dir->data, home, "/.local/share/qnet/", name);
    }
    return path_make(dir, dir->data, "/var/lib", "/qnet/", name);
}

int32_t qnk_datadir_find(struct qnk_datadir *dir, const char *name, const char *data)
{
    const char *runtime = variable("XDG_RUNTIME_DIR");
    int32_t status;

    *dir = (struct qnk_datadir){.lock = -1};
    status = data_find(dir, name, data);
    if (status == QN_OK) {
        status = path_make(dir, dir->runtime, runtime == NULL ? "/run" : runtime, "/qnet/", name);
    }
    return status;
}

static int32_t failed(struct qnk_datadir *dir, const char *path, const char *what, int error)
{
    qnk_text(dir->why, sizeof dir->why, "cannot %s '%s': %s", what, path, strerror(error));
    return error == EACCES || error == EPERM || error == EROFS ? QN_DENIED : QN_IO;
}

/* The folder at `path`, and all above it. */
static int32_t folder_make(struct qnk_datadir *dir, const char *path, mode_t mode)
{
    char part[QNK_DATADIR_PATH];
    struct stat stat_;

    for (size_t size = 1; path[size - 1] != 0; size++) {
        bool is_whole = path[size] == 0;

        if (path[size] != '/' && !is_whole) {
            continue;
        }
        qnk_text(part, size + 1, "%s", path);
        if (mkdir(part, is_whole ? mode : ABOVE_MODE) != 0 && errno != EEXIST) {
            return failed(dir, part, "make the folder", errno);
        }
        if (is_whole) {
            break;
        }
    }
    if (stat(path, &stat_) != 0) {
        return failed(dir, path, "look at the folder", errno);
    }
    if (!S_ISDIR(stat_.st_mode)) {
        return failed(dir, path, "use", ENOTDIR);
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        return failed(dir, path, "write to the folder", errno);
    }
    return QN_OK;
}

static int32_t lock_take(struct qnk_datadir *dir)
{
    char path[QNK_DATADIR_PATH];
    int32_t status = path_make(dir, path, dir->data, "/lock", "");
    int lock;

    if (status != QN_OK) {
        return status;
    }
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        return failed(dir, path, "open", errno);
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;

        (void)close(lock);
        if (error == EWOULDBLOCK) {
            qnk_text(dir->why, sizeof dir->why,
                     "the data folder '%s' is in use by another qnetd: stop that one, or give this "
                     "node another 'data' folder",
                     dir->data);
            return QN_BUSY;
        }
        return failed(dir, path, "lock", error);
    }
    dir->lock = lock;
    return QN_OK;
}

/* So that the folder stays the same wherever the process goes. */
static int32_t make_absolute(struct qnk_datadir *dir)
{
    char here[QNK_DATADIR_PATH];
    char path[QNK_DATADIR_PATH];
    int32_t status;

    if (*dir->data == '/') {
        return QN_OK;
    }
    if (getcwd(here, sizeof here) == NULL) {
        return failed(dir, dir->data, "find the folder", errno);
    }
    status = path_make(dir, path, here, "/", dir->data);
    return status == QN_OK ? path_make(dir, dir->data, path, "", "") : status;
}

int32_t qnk_datadir_open(struct qnk_datadir *dir)
{
    int32_t status = folder_make(dir, dir->data, DATA_MODE);

    if (status == QN_OK) {
        status = make_absolute(dir);
    }
    if (status == QN_OK) {
        status = lock_take(dir);
    }
    if (status == QN_OK) {
        status = folder_make(dir, dir->runtime, RUNTIME_MODE);
        if (status != QN_OK) {
            qnk_datadir_close(dir);
        }
    }
    return status;
}

void qnk_datadir_close(struct qnk_datadir *dir)
{
    if (dir->lock >= 0) {
        (void)close(dir->lock);
        dir->lock = -1;
    }
}

int32_t qnk_datadir_socket(struct qnk_datadir *dir, char path[QNK_DATADIR_SOCKET_MAX + 1])
{
    int size = snprintf(path, QNK_DATADIR_SOCKET_MAX + 1, "%s/admin.sock", dir->runtime);

    if (size < 0 || size > QNK_DATADIR_SOCKET_MAX) {
        qnk_text(dir->why, sizeof dir->why,
                 "'%s/admin.sock' is longer than the %d bytes of a socket's name: set "
                 "XDG_RUNTIME_DIR to a shorter folder",
                 dir->runtime, QNK_DATADIR_SOCKET_MAX);
        return QN_INVALID;
    }
    return QN_OK;
}
