/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, RWF_DSYNC */

#include "kernel/check/cut.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sdk/check/check.h"

enum { SECTOR = 512, PARTS_MAX = 1024, PATH = 256 };

enum what {
    WRITES,
    FLUSHES,
    FLUSHES_ALL,
    CHANGES,     /* a file, by its descriptor */
    CHANGES_ANY, /* names, mostly */
    HIDES,
};

enum { HERE = 1, PARTS = 2, FLAGGED = 4 }; /* at the file's place; parts; with flags of its own */

static const struct call {
    long number;
    enum what what;
    uint32_t form;
    const char *name;
} calls[] = {
    {SYS_write, WRITES, HERE, "write"},
    {SYS_writev, WRITES, HERE | PARTS, "writev"},
    {SYS_pwrite64, WRITES, 0, "pwrite"},
    {SYS_pwritev, WRITES, PARTS, "pwritev"},
    {SYS_pwritev2, WRITES, PARTS | FLAGGED, "pwritev2"},
    {SYS_fsync, FLUSHES, 0, "fsync"},
    {SYS_fdatasync, FLUSHES, 0, "fdatasync"},
    {SYS_msync, FLUSHES_ALL, 0, "msync"},
    {SYS_sync, FLUSHES_ALL, 0, "sync"},
    {SYS_syncfs, FLUSHES_ALL, 0, "syncfs"},
    {SYS_ftruncate, CHANGES, 0, "ftruncate"},
    {SYS_fallocate, CHANGES, 0, "fallocate"},
    {SYS_sync_file_range, CHANGES, 0, "sync_file_range"},
    {SYS_truncate, CHANGES_ANY, 0, "truncate"},
    {SYS_renameat, CHANGES_ANY, 0, "rename"},
    {SYS_renameat2, CHANGES_ANY, 0, "rename"},
    {SYS_linkat, CHANGES_ANY, 0, "link"},
    {SYS_unlinkat, CHANGES_ANY, 0, "unlink"},
    {SYS_mkdirat, CHANGES_ANY, 0, "mkdir"},
    {SYS_copy_file_range, CHANGES_ANY, 0, "copy_file_range"},
    {SYS_sendfile, CHANGES, 0, "sendfile"},
#ifdef SYS_rename
    {SYS_rename, CHANGES_ANY, 0, "rename"},
    {SYS_link, CHANGES_ANY, 0, "link"},
    {SYS_unlink, CHANGES_ANY, 0, "unlink"},
    {SYS_mkdir, CHANGES_ANY, 0, "mkdir"},
#endif
    {SYS_io_setup, HIDES, 0, "io_setup"},
#ifdef SYS_io_uring_setup
    {SYS_io_uring_setup, HIDES, 0, "io_uring_setup"},
#endif
};

/* A file that was written to. */
struct file {
    dev_t device;
    ino_t number;
    int fd; /* our own */
};

/* A write that is not flushed: what lay there before lies in `before`, as far as there was a
 * file. */
struct unflushed {
    uint32_t file;
    uint64_t offset, size;
    uint64_t file_size; /* before it */
    uint64_t kept_at;   /* in `before` */
    uint64_t kept;
};

static struct file files[QNK_CUT_FILES_MAX];
static uint32_t files_count;
static struct unflushed writes[QNK_CUT_WRITES_MAX];
static uint32_t writes_count;
static int before = -1; /* a file in memory */
static uint64_t before_size;

static void all_forget(void)
{
    for (uint32_t i = 0; i < files_count; i++) {
        (void)close(files[i].fd);
    }
    files_count = writes_count = 0;
    before_size = 0;
    if (before < 0) {
        before = memfd_create("qnet-cut", MFD_CLOEXEC);
    }
    QN_CHECK(before >= 0);
}

static const struct call *call_find(uint64_t number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].number == (long)number) {
            return &calls[i];
        }
    }
    return NULL;
}

/* --- descriptors of the process --- */

struct descriptor {
    char path[PATH]; /* in /proc, of the file that it is open on */
    struct stat file;
    uint64_t place;
    unsigned int flags;
};

/* False: it is none of a file in the folder. */
static bool descriptor_read(const struct qnk_cut *it, const struct qnk_traced_call *call,
                            struct descriptor *fd)
{
    char text[PATH];
    ssize_t size;
    long long place = 0;
    FILE *info;

    (void)snprintf(fd->path, sizeof fd->path, "/proc/%d/fd/%d", (int)call->task,
                   (int)call->args[0]);
    size = readlink(fd->path, text, sizeof text - 1);
    if (size <= 0 || stat(fd->path, &fd->file) != 0) {
        return false;
    }
    text[size] = 0;
    if (strncmp(text, it->folder, strlen(it->folder)) != 0) {
        return false;
    }
    (void)snprintf(text, sizeof text, "/proc/%d/fdinfo/%d", (int)call->task, (int)call->args[0]);
    info = fopen(text, "re");
    if (info == NULL) {
        return false;
    }
    if (fscanf(info, "pos: %lld flags: %o", &place, &fd->flags) != 2) {
        place = 0;
        fd->flags = 0;
    }
    (void)fclose(info);
    fd->place = (uint64_t)place;
    return true;
}

/* The number of its file, or QNK_CUT_FILES_MAX. */
static uint32_t file_find(const struct descriptor *fd)
{
    uint32_t i = 0;

    while (i < files_count &&
           (files[i].device != fd->file.st_dev || files[i].number != fd->file.st_ino)) {
        i++;
    }
    return i < files_count ? i : QNK_CUT_FILES_MAX;
}

static uint32_t file_take(const struct descriptor *fd)
{
    uint32_t found = file_find(fd);
    int own;

    if (found < QNK_CUT_FILES_MAX || files_count == QNK_CUT_FILES_MAX) {
        return found;
    }
    own = open(fd->path, O_RDWR | O_CLOEXEC);
    if (own < 0) {
        return QNK_CUT_FILES_MAX;
    }
    files[files_count] = (struct file){fd->file.st_dev, fd->file.st_ino, own};
    return files_count++;
}

/* --- what is written and flushed --- */

/* Bytes of one call. */
static uint64_t write_size(const struct call *of, const struct qnk_traced_call *call)
{
    struct iovec parts[PARTS_MAX];
    uint64_t count = call->args[2], size = 0;

    if ((of->form & PARTS) == 0) {
        return call->args[2];
    }
    if (count > PARTS_MAX ||
        !qnk_traced_read(call->task, call->args[1], parts, count * sizeof *parts)) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    return size;
}

static bool is_synchronous(const struct call *of, const struct qnk_traced_call *call,
                           const struct descriptor *fd)
{
    return (fd->flags & O_DSYNC) != 0 ||
           ((of->form & FLAGGED) != 0 && (call->args[5] & (RWF_DSYNC | RWF_SYNC)) != 0);
}

/* Copies what is about to be replaced; gives how much of it there is. */
static uint64_t bytes_keep(int fd, uint64_t offset, uint64_t size)
{
    static uint8_t piece[1 << 16];
    uint64_t kept = 0;
    ssize_t got = 1;

    while (kept < size && got > 0) {
        uint64_t want = size - kept < sizeof piece ? size - kept : sizeof piece;

        got = pread(fd, piece, want, (off_t)(offset + kept));
        if (got > 0 && pwrite(before, piece, (size_t)got, (off_t)(before_size + kept)) == got) {
            kept += (uint64_t)got;
        }
    }
    return kept;
}

static void write_remember(const struct call *of, const struct qnk_traced_call *call,
                           const struct descriptor *fd)
{
    struct unflushed it = {.file_size = (uint64_t)fd->file.st_size};
    uint64_t place = (fd->flags & O_APPEND) != 0 ? it.file_size : fd->place;
    bool is_here = (of->form & HERE) != 0 || call->args[3] == UINT64_MAX;

    it.offset = is_here ? place : call->args[3];
    it.size = write_size(of, call);
    it.file = file_take(fd);
    if (it.file == QNK_CUT_FILES_MAX || writes_count == QNK_CUT_WRITES_MAX || it.size == 0 ||
        is_synchronous(of, call, fd)) {
        return;
    }
    it.kept_at = before_size;
    it.kept = bytes_keep(files[it.file].fd, it.offset, it.size);
    before_size += it.kept;
    writes[writes_count++] = it;
}

/* `file`: one, or QNK_CUT_FILES_MAX for all. */
static void writes_flush(uint32_t file)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < writes_count; i++) {
        if (file != QNK_CUT_FILES_MAX && writes[i].file != file) {
            writes[left++] = writes[i];
        }
    }
    writes_count = left;
    before_size = left == 0 ? 0 : before_size;
}

/* What a call that is counted does once it is done. */
static void call_apply(const struct call *of, const struct qnk_traced_call *call,
                       const struct descriptor *fd)
{
    uint32_t file;

    switch (of->what) {
    case WRITES:
        write_remember(of, call, fd);
        break;
    case FLUSHES:
        file = file_find(fd);
        if (file < QNK_CUT_FILES_MAX) {
            writes_flush(file);
        }
        break;
    case FLUSHES_ALL:
        writes_flush(QNK_CUT_FILES_MAX);
        break;
    case CHANGES:
    case CHANGES_ANY:
    case HIDES:
        break;
    }
}

static bool call_enter(void *watcher, const struct qnk_traced_call *call)
{
    struct qnk_cut *it = watcher;
    const struct call *of = call_find(call->number);
    struct descriptor fd;

    if (of == NULL) {
        return false;
    }
    if (of->what == HIDES) {
        it->is_blind = true;
        return false;
    }
    if ((of->what == WRITES || of->what == FLUSHES || of->what == CHANGES) &&
        !descriptor_read(it, call, &fd)) {
        return false;
    }
    it->calls++;
    it->call = of->name;
    if (it->calls == it->at) {
        return true;
    }
    call_apply(of, call, &fd);
    return false;
}

enum qnk_traced_end qnk_cut_run(struct qnk_cut *it, void (*run)(void *ctx), void *ctx, int *status)
{
    const struct qnk_traced traced = {run, ctx, call_enter, it};

    all_forget();
    it->calls = 0;
    it->call = "";
    it->is_blind = false;
    return qnk_traced_run(&traced, status);
}

/* --- the power fails --- */

/* Each second sector, or each eighth: a hole in what is whole around it is another matter than an
 * end that is missing. */
static bool is_lost(enum qnk_cut_loss loss, uint64_t seed, uint32_t file, uint64_t sector)
{
    uint64_t lot = seed + file * UINT64_C(1000003) + sector * UINT64_C(7919) + 1;
    uint64_t of = seed % 3 == 0 ? 2 : 8;

    (void)qn_check_random(&lot);
    return loss == QNK_CUT_LOSES_ALL || (qn_check_random(&lot) >> 20) % of == 0;
}

/* Puts back what lay in a part of one sector; what was beyond the end is zeros. */
static void part_restore(const struct unflushed *it, uint64_t at, uint64_t size)
{
    uint8_t bytes[SECTOR] = {0};
    uint64_t from = at - it->offset;
    uint64_t kept = from < it->kept ? it->kept - from : 0;

    kept = kept < size ? kept : size;
    QN_CHECK(pread(before, bytes, kept, (off_t)(it->kept_at + from)) == (ssize_t)kept);
    QN_CHECK(pwrite(files[it->file].fd, bytes, size, (off_t)at) == (ssize_t)size);
}

static void write_lose(const struct unflushed *it, enum qnk_cut_loss loss, uint64_t seed)
{
    uint64_t end = it->offset + it->size;
    struct stat now;

    QN_CHECK(fstat(files[it->file].fd, &now) == 0);
    if (loss == QNK_CUT_LOSES_ALL && (uint64_t)now.st_size == end && it->file_size < end) {
        QN_CHECK(ftruncate(files[it->file].fd, (off_t)it->file_size) == 0);
        end = it->file_size;
    }
    end = end < (uint64_t)now.st_size ? end : (uint64_t)now.st_size;
    for (uint64_t at = it->offset; at < end;) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;

        next = next < end ? next : end;
        if (is_lost(loss, seed, it->file, at / SECTOR)) {
            part_restore(it, at, next - at);
        }
        at = next;
    }
}

void qnk_cut_lose(enum qnk_cut_loss loss, uint64_t seed)
{
    for (uint32_t i = writes_count; i > 0 && loss != QNK_CUT_LOSES_NOTHING; i--) {
        write_lose(&writes[i - 1], loss, seed);
    }
    all_forget();
}
