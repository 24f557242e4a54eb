/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/template.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <qnet/plugin.h>

enum { PATH = 4096 };

static const char word[] = "mine";
static const char constant[] = "MINE";
static const char kind_mark[] = "@KIND@";

bool qnk_template_is_name(const char *name)
{
    size_t size = strlen(name);

    return size > 0 && size <= QN_PLUGIN_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           name[size - 1] != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

/* --- one text --- */

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether `what` stands at `at` as a word; _ goes on with it behind, and not before. */
static bool is_word(struct qn_span text, uint64_t at, const char *what)
{
    uint64_t size = strlen(what);

    return text.size - at >= size && memcmp(text.data + at, what, size) == 0 &&
           (at == 0 || (!is_letter(text.data[at - 1]) && text.data[at - 1] != '_')) &&
           (at + size == text.size || !is_letter(text.data[at + size]));
}

/* The name with _ for -, in capitals or not. */
static void identifier_put(const char *name, bool is_upper, char *to)
{
    for (; *name != 0; name++, to++) {
        char letter = is_upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;

        *to = letter == '-' ? '_' : letter;
    }
    *to = 0;
}

/* What stands for the `size` bytes at `at`, or NULL: they stay. */
static const char *replacement(const struct qnk_template *it, struct qn_span text, uint64_t at,
                               bool is_c, uint64_t *size, char *room)
{
    uint64_t end = at + sizeof word - 1;

    *size = sizeof word - 1;
    if (is_word(text, at, word)) {
        if (!is_c || end == text.size || text.data[end] != '_') {
            return it->name;
        }
        identifier_put(it->name, false, room);
        return room;
    }
    if (is_word(text, at, constant)) {
        identifier_put(it->name, true, room);
        return room;
    }
    *size = sizeof kind_mark - 1;
    return text.size - at >= *size && memcmp(text.data + at, kind_mark, *size) == 0 ? it->kind
                                                                                    : NULL;
}

int64_t qnk_template_rewrite(const struct qnk_template *it, struct qn_span text, bool is_c,
                             char *to, uint64_t cap)
{
    uint64_t size = 0, at = 0;

    while (at < text.size) {
        char room[QN_PLUGIN_NAME_MAX + 1];
        uint64_t taken;
        const char *other = replacement(it, text, at, is_c, &taken, room);
        uint64_t given = other != NULL ? strlen(other) : 1;

        if (given > cap - size) {
            return -1;
        }
        memcpy(to + size, other != NULL ? (const void *)other : text.data + at, given);
        size += given;
        at += other != NULL ? taken : 1;
    }
    return (int64_t)size;
}

/* --- files --- */

static bool has_end(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static bool is_source(const char *name)
{
    return has_end(name, ".c") || has_end(name, ".h") || has_end(name, ".cc");
}

static int32_t fail(char why[QNK_TEMPLATE_WHY], int32_t status, const char *what, const char *path)
{
    (void)snprintf(why, QNK_TEMPLATE_WHY, "%s '%.400s': %s", what, path, strerror(errno));
    return status;
}

/* A path that is cut off would be another file's. */
static int32_t path_join(char path[PATH], const char *folder, const char *name,
                         char why[QNK_TEMPLATE_WHY])
{
    int size = snprintf(path, PATH, "%s/%s", folder, name);

    if (size < 0 || size >= PATH) {
        errno = ENAMETOOLONG;
        return fail(why, QN_NO_SPACE, "cannot go to", folder);
    }
    return QN_OK;
}

static int32_t file_read(const char *path, uint8_t *bytes, uint64_t *size,
                         char why[QNK_TEMPLATE_WHY])
{
    FILE *file = fopen(path, "re");
    int32_t status = QN_OK;
    bool is_long;

    if (file == NULL) {
        return fail(why, QN_IO, "cannot open", path);
    }
    *size = fread(bytes, 1, QNK_TEMPLATE_FILE_MAX, file);
    is_long = ferror(file) == 0 && fgetc(file) != EOF;
    if (is_long) {
        errno = EFBIG;
    }
    if (is_long || ferror(file) != 0) {
        status = fail(why, QN_IO, "cannot read", path);
    }
    (void)fclose(file);
    return status;
}

static int32_t file_write(const char *path, const char *bytes, uint64_t size,
                          char why[QNK_TEMPLATE_WHY])
{
    FILE *file = fopen(path, "we");
    bool is_good;

    if (file == NULL) {
        return fail(why, QN_IO, "cannot write", path);
    }
    is_good = fwrite(bytes, 1, size, file) == size;
    is_good = fclose(file) == 0 && is_good;
    return is_good ? QN_OK : fail(why, QN_IO, "cannot write", path);
}

/* Adds a name in its order, once. False: there is no room. */
static bool name_add(struct qnk_template_files *files, const char *name)
{
    uint32_t at = files->count;

    for (uint32_t i = 0; i < files->count; i++) {
        if (strcmp(files->names[i], name) == 0) {
            return true;
        }
    }
    if (at == QNK_TEMPLATE_FILES || strlen(name) >= QNK_TEMPLATE_NAME) {
        return false;
    }
    for (; at > 0 && strcmp(files->names[at - 1], name) > 0; at--) {
        memcpy(files->names[at], files->names[at - 1], QNK_TEMPLATE_NAME);
    }
    (void)snprintf(files->names[at], QNK_TEMPLATE_NAME, "%.63s", name);
    files->count++;
    return true;
}

static int32_t file_copy(const struct qnk_template *it, const char *folder, const char *name,
                         struct qnk_template_files *files, char why[QNK_TEMPLATE_WHY])
{
    static uint8_t bytes[QNK_TEMPLATE_FILE_MAX];
    static char text[QNK_TEMPLATE_TEXT_MAX];
    char path[PATH], other[QNK_TEMPLATE_NAME * 2];
    struct qn_span from = {bytes, 0};
    struct qn_span name_span = {(const uint8_t *)name, strlen(name)};
    int64_t size = qnk_template_rewrite(it, name_span, false, other, sizeof other - 1);

    other[size > 0 ? size : 0] = 0;
    if (size < 0 || !name_add(files, other)) {
        errno = EFBIG;
        return fail(why, QN_NO_SPACE, "too many files, or too long a name", name);
    }

    int32_t status = path_join(path, folder, name, why);

    status = status == QN_OK ? file_read(path, bytes, &from.size, why) : status;
    if (status != QN_OK) {
        return status;
    }
    size = qnk_template_rewrite(it, from, is_source(name), text, sizeof text);
    if (size < 0) {
        errno = EFBIG;
        return fail(why, QN_NO_SPACE, "cannot copy", path);
    }
    status = path_join(path, it->into, other, why);
    return status == QN_OK ? file_write(path, text, (uint64_t)size, why) : status;
}

/* --- names that are taken --- */

static int32_t name_refuse(const struct qnk_template *it, const char *of, int size,
                           char why[QNK_TEMPLATE_WHY])
{
    (void)snprintf(why, QNK_TEMPLATE_WHY,
                   "a %s cannot be called '%s': what it begins with has '%.*s' already", it->kind,
                   it->name, size, of);
    return QN_INVALID;
}

/* Whether a source has words of its own that begin as the new names will. */
static int32_t words_look(const struct qnk_template *it, struct qn_span text,
                          char why[QNK_TEMPLATE_WHY])
{
    char wanted[QN_PLUGIN_NAME_MAX + 1];
    size_t size;

    identifier_put(it->name, false, wanted);
    size = strlen(wanted);
    for (uint64_t at = 0; at + size < text.size; at++) {
        if (text.data[at + size] == '_' && is_word(text, at, wanted)) {
            uint64_t end = at + size;

            while (end < text.size && (is_letter(text.data[end]) || text.data[end] == '_')) {
                end++;
            }
            return name_refuse(it, (const char *)text.data + at, (int)(end - at), why);
        }
    }
    return QN_OK;
}

static int32_t file_look(const struct qnk_template *it, const char *folder, const char *name,
                         char why[QNK_TEMPLATE_WHY])
{
    static uint8_t bytes[QNK_TEMPLATE_FILE_MAX];
    size_t size = strlen(it->name);
    struct qn_span text = {bytes, 0};
    char path[PATH];
    int32_t status;

    if (strncmp(name, it->name, size) == 0 && name[size] == '.') {
        return name_refuse(it, name, (int)strlen(name), why);
    }
    if (!is_source(name)) {
        return QN_OK;
    }
    status = path_join(path, folder, name, why);
    status = status == QN_OK ? file_read(path, bytes, &text.size, why) : status;
    return status == QN_OK ? words_look(it, text, why) : status;
}

/* --- folders --- */

/* Before anything is written; the name of the template itself is free. */
static int32_t folder_look(const struct qnk_template *it, const char *folder,
                           char why[QNK_TEMPLATE_WHY])
{
    const struct dirent *entry;
    int32_t status = QN_OK;
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return fail(why, QN_NOT_FOUND, "no template: cannot open", folder);
    }
    while (status == QN_OK && (entry = readdir(dir)) != NULL) {
        status = strcmp(it->name, word) != 0 && entry->d_name[0] != '.'
                     ? file_look(it, folder, entry->d_name, why)
                     : QN_OK;
    }
    (void)closedir(dir);
    return status;
}

static int32_t folder_copy(const struct qnk_template *it, const char *part,
                           struct qnk_template_files *files, char why[QNK_TEMPLATE_WHY])
{
    char folder[PATH];
    const struct dirent *entry;
    int32_t status = path_join(folder, it->folder, part, why);
    DIR *dir;

    if (status != QN_OK) {
        return status;
    }
    dir = opendir(folder);
    if (dir == NULL) {
        return fail(why, QN_NOT_FOUND, "no template: cannot open", folder);
    }
    while (status == QN_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            status = file_copy(it, folder, entry->d_name, files, why);
        }
    }
    (void)closedir(dir);
    return status;
}

int32_t qnk_template_copy(const struct qnk_template *it, struct qnk_template_files *files,
                          char why[QNK_TEMPLATE_WHY])
{
    char folder[PATH];
    int32_t status = path_join(folder, it->folder, it->kind, why);

    files->count = 0;
    if (status != QN_OK) {
        return status;
    }
    status = folder_look(it, folder, why); /* before a folder is made for nothing */
    if (status != QN_OK) {
        return status;
    }
    if (mkdir(it->into, 0777) != 0) {
        return fail(why, errno == EEXIST ? QN_EXISTS : QN_IO, "cannot make", it->into);
    }

    status = folder_copy(it, "common", files, why);
    return status == QN_OK ? folder_copy(it, it->kind, files, why) : status;
}
