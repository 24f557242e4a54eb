/* SPDX-License-Identifier: MIT */
#pragma once

/* storage_subject.h: what the cases of storage share: the subject, and calls on it that fail the
 * case where they must not fail. Not for plugins. */

#include "sdk/check/storage.h"

enum {
    QN_STORAGE_MAP = 1,
    QN_STORAGE_LOG = 2,
    QN_STORAGE_PUT = 1,
    QN_STORAGE_ERASE = 2,
    QN_STORAGE_ERASE_RANGE = 3,
    QN_STORAGE_REVERSE = 1,
    QN_STORAGE_KEYS_ONLY = 2,
    QN_STORAGE_ORDERED = 0,
    QN_STORAGE_DURABLE = 1,
    QN_STORAGE_ROOM = QN_STORAGE_RECORD_MAX + 64, /* bytes of the subject's buffer */
};

struct qn_check_storage {
    struct qn_check_given given;
    const struct qn_storage_1 *slots;
    char folder[128];
    struct qn_node *node;
    struct qn_inst *inst;
    uint8_t *room; /* that sink() lies over */
};

/* The subject's instance ends and another begins over the same folder, if it uses one. */
void qn_check_storage_reopen(struct qn_check_storage *it);

uint32_t qn_check_storage_space(struct qn_check_storage *it, const char *name, uint32_t type);

/* Writes, and repeats while it is BUSY. */
int32_t qn_check_storage_write(struct qn_check_storage *it, const struct qn_storage_op *ops,
                               uint32_t count, uint32_t level);

/* An empty sink of at most `cap` bytes over the subject's buffer. */
struct qn_sink qn_check_storage_sink(struct qn_check_storage *it, uint64_t cap);

struct qn_span qn_check_storage_text(const char *text);
bool qn_check_storage_equal(struct qn_span a, struct qn_span b);
