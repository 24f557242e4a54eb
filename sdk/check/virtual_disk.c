/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* syscall */

#include "sdk/check/virtual_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sdk/check/check.h"

enum { SECTOR = 512, FILES_MAX = 256, PARTS_MAX = 64 };

/* One sector as it was before it was written. */
struct sector {
    uint32_t file;
    bool is_doomed; /* its flush failed */
    bool is_gone;
    uint64_t offset;
    uint8_t old[SECTOR];
};

struct file {
    dev_t device;
    ino_t number;
    int fd; /* of our own */
};

struct virtual_disk virtual_disk;

static struct file files[FILES_MAX];
static uint32_t files_count;
static struct sector *sectors;
static uint64_t sectors_count, sectors_room;

static void need(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

/* The number of the file behind a descriptor. Its own descriptor never waits for the disk. */
static uint32_t file_of(int fd)
{
    char path[64];
    struct stat it;

    need(fstat(fd, &it) == 0);
    for (uint32_t i = 0; i < files_count; i++) {
        if (files[i].device == it.st_dev && files[i].number == it.st_ino) {
            return i;
        }
    }
    if (files_count == FILES_MAX && !virtual_disk.is_on) {
        virtual_disk_reset();
    }
    need(files_count < FILES_MAX);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    files[files_count] = (struct file){it.st_dev, it.st_ino, open(path, O_RDWR | O_CLOEXEC)};
    if (files[files_count].fd < 0) {
        files[files_count].fd = open(path, O_RDONLY | O_CLOEXEC); /* a folder */
    }
    need(files[files_count].fd >= 0);
    return files_count++;
}

/* --- what is remembered --- */

static void sector_keep(uint32_t file, uint64_t offset)
{
    struct sector *it;

    if (sectors_count == sectors_room) {
        sectors_room = sectors_room * 2 + 64;
        sectors = realloc(sectors, sectors_room * sizeof *sectors);
        need(sectors != NULL);
    }
    it = &sectors[sectors_count++];
    memset(it, 0, sizeof *it);
    it->file = file;
    it->offset = offset;
    need(pread(files[file].fd, it->old, SECTOR, (off_t)offset) >= 0);
}

/* What is written over durably cannot come back. */
static void sector_settle(uint32_t file, uint64_t offset)
{
    for (uint64_t i = 0; i < sectors_count; i++) {
        sectors[i].is_gone |= sectors[i].file == file && sectors[i].offset == offset;
    }
}

static void written(int fd, uint64_t offset, uint64_t size)
{
    bool is_through = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    uint32_t file = file_of(fd);

    for (uint64_t at = offset / SECTOR * SECTOR; at < offset + size; at += SECTOR) {
        if (is_through) {
            sector_settle(file, at);
        } else {
            sector_keep(file, at);
        }
    }
}

static void sectors_sweep(void)
{
    uint64_t kept = 0;

    for (uint64_t i = 0; i < sectors_count; i++) {
        if (!sectors[i].is_gone) {
            if (kept != i) {
                sectors[kept] = sectors[i];
            }
            kept++;
        }
    }
    sectors_count = kept;
}

static void flushed(int fd, bool is_done)
{
    uint32_t file = file_of(fd);

    for (uint64_t i = 0; i < sectors_count; i++) {
        if (sectors[i].file == file && !sectors[i].is_doomed) {
            if (is_done) {
                sector_settle(file, sectors[i].offset);
            } else {
                sectors[i].is_doomed = true;
            }
        }
    }
    sectors_sweep();
}

void virtual_disk_reset(void)
{
    for (uint32_t i = 0; i < files_count; i++) {
        (void)close(files[i].fd);
    }
    files_count = 0;
    free(sectors);
    sectors = NULL;
    sectors_count = sectors_room = 0;
}

/* From the newest to the oldest: a sector that is lost has what it had before, of which the next
 * older one may be lost as well; one that is kept settles it. */
void virtual_disk_lose(void)
{
    for (uint64_t i = sectors_count; i-- > 0;) {
        const struct sector *it = &sectors[i];

        if (it->is_gone) {
            continue;
        }
        if (qn_check_random(&virtual_disk.seed) >> 63 == 0) {
            ssize_t put =
                (ssize_t)syscall(SYS_pwrite64, files[it->file].fd, it->old, SECTOR, it->offset);

            need(put == SECTOR);
        } else {
            sector_settle(it->file, it->offset);
        }
    }
    virtual_disk_reset();
}

/* --- the calls --- */

/* Seen by the libraries of the program, not by itself alone. */
#define SHOWN __attribute__((visibility("default")))

/* Counts a call. false: it fails, errno says why. `crashes`: it is the last. */
static bool call_begins(bool *crashes)
{
    *crashes = false;
    if (!virtual_disk.is_on) {
        return true;
    }
    virtual_disk.calls++;
    *crashes = virtual_disk.calls == virtual_disk.crash_at;
    if (virtual_disk.is_dead) {
        errno = EIO;
        return false;
    }
    if (virtual_disk.calls == virtual_disk.error_at) {
        errno = virtual_disk.error;
        return false;
    }
    return true;
}

static void crash(void)
{
    if (virtual_disk.kills) {
        (void)kill(getpid(), SIGKILL);
    }
    virtual_disk.is_dead = true;
    errno = EIO;
}

static ssize_t parts_write(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct iovec half[PARTS_MAX];
    uint64_t size = 0;
    bool crashes;

    if (!call_begins(&crashes)) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    if (virtual_disk.is_on && !virtual_disk.kills) {
        written(fd, (uint64_t)offset, size);
    }
    if (crashes) {
        uint64_t left = size == 0 ? 0 : qn_check_random(&virtual_disk.seed) % size;
        int used = 0;

        for (; used < count && used < PARTS_MAX && left > 0; used++) {
            half[used] = parts[used];
            half[used].iov_len = left < half[used].iov_len ? left : half[used].iov_len;
            left -= half[used].iov_len;
        }
        (void)syscall(SYS_pwritev, files[file_of(fd)].fd, half, used, offset, 0);
        crash();
        return -1;
    }
    return (ssize_t)syscall(SYS_pwritev, files[file_of(fd)].fd, parts, count, offset, 0);
}

static int flush(int fd)
{
    bool crashes;

    if (!call_begins(&crashes) || crashes) {
        if (crashes) {
            crash();
        } else if (!virtual_disk.is_dead) {
            int error = errno;

            flushed(fd, false);
            errno = error;
        }
        return -1;
    }
    if (virtual_disk.is_on && !virtual_disk.kills) {
        flushed(fd, true);
    }
    return 0; /* the real disk may take its time */
}

SHOWN ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    struct iovec part = {.iov_len = size};

    memcpy(&part.iov_base, &bytes, sizeof part.iov_base);
    return parts_write(fd, &part, 1, offset);
}

SHOWN ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return parts_write(fd, parts, count, offset);
}

SHOWN ssize_t writev(int fd, const struct iovec *parts, int count)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t put;

    if (offset < 0) {
        return (ssize_t)syscall(SYS_writev, fd, parts, count);
    }
    put = parts_write(fd, parts, count, offset);
    if (put > 0) {
        (void)lseek(fd, put, SEEK_CUR);
    }
    return put;
}

SHOWN int fdatasync(int fd)
{
    return flush(fd);
}

SHOWN int fsync(int fd)
{
    return flush(fd);
}

SHOWN int posix_fallocate(int fd, off_t offset, off_t size)
{
    bool crashes;

    if (!call_begins(&crashes) || crashes) {
        int error = crashes ? EIO : errno;

        if (crashes) {
            crash();
        }
        return error;
    }
    return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}
