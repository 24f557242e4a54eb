/* SPDX-License-Identifier: MIT */

#include "sdk/check/storage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sdk/check/storage_subject.h"

static void inst_make(struct qn_check_storage *it)
{
    it->node = qn_check_node_create(it->given.memory);
    qn_check_node_folder(it->node, it->folder);
    it->inst = qn_check_inst_create(&it->given, it->node);
}

static void inst_end(struct qn_check_storage *it)
{
    qn_check_inst_destroy(&it->given, it->inst);
    qn_check_node_destroy(it->node);
}

struct qn_check_storage *qn_check_storage_start(const struct qn_check_given *given)
{
    struct qn_check_storage *it = calloc(1, sizeof *it);
    const char *base = getenv("TMPDIR");

    QN_CHECK(it != NULL);
    it->given = *given;
    it->slots = (const void *)given->plugin->slots;
    it->room = malloc(QN_STORAGE_ROOM);
    QN_CHECK(it->room != NULL);
    (void)snprintf(it->folder, sizeof it->folder, "%s/qnet-check-XXXXXX",
                   base != NULL && strlen(base) < 96 ? base : "/tmp");
    QN_CHECK(mkdtemp(it->folder) != NULL);
    inst_make(it);
    return it;
}

static void folder_remove(const char *folder)
{
    DIR *list = opendir(folder);
    const struct dirent *entry;

    QN_CHECK(list != NULL);
    while ((entry = readdir(list)) != NULL) {
        if (entry->d_name[0] != '.') {
            QN_CHECK(unlinkat(dirfd(list), entry->d_name, 0) == 0);
        }
    }
    (void)closedir(list);
    QN_CHECK(rmdir(folder) == 0);
}

void qn_check_storage_stop(struct qn_check_storage *it)
{
    inst_end(it);
    folder_remove(it->folder);
    free(it->room);
    free(it);
}

void qn_check_storage_reopen(struct qn_check_storage *it)
{
    if (qn_check_node_asked_folder(it->node)) {
        inst_end(it);
        inst_make(it);
    }
}

struct qn_span qn_check_storage_text(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

bool qn_check_storage_equal(struct qn_span a, struct qn_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

uint32_t qn_check_storage_space(struct qn_check_storage *it, const char *name, uint32_t type)
{
    uint32_t space = UINT32_MAX;

    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text(name), type, &space) == QN_OK);
    return space;
}

int32_t qn_check_storage_write(struct qn_check_storage *it, const struct qn_storage_op *ops,
                               uint32_t count, uint32_t level)
{
    int32_t status;

    do {
        status = it->slots->write(it->inst, 0, ops, count, level);
    } while (status == QN_BUSY);
    return status;
}

struct qn_sink qn_check_storage_sink(struct qn_check_storage *it, uint64_t cap)
{
    QN_CHECK(cap <= QN_STORAGE_ROOM);
    return (struct qn_sink){.data = it->room, .cap = cap};
}
