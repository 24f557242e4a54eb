/* SPDX-License-Identifier: MIT */
#pragma once

/* pages.h: whether the pages of a map file agree with each other. LMDB trusts what it reads: a
 * flipped bit may end the process, or hide a key, long after it was read first. So all pages that
 * are in use are walked before anything else looks at them: heads, bounds of nodes, order of keys,
 * numbers of entries and pages, and the lists of free pages, none of which may be in use. Values
 * are not looked at: whoever stored them knows what they must be.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one, before the environment has a transaction
 *   cost     reads every page in use once; a bit of memory for each page of the file
 *
 * Source: LMDB 0.9, data format version 1 (mdb.c: MDB_page, MDB_node, MDB_db, MDB_meta).
 */

#include <qnet/storage.h>

struct lmdb_pages_found {
    uint64_t page;   /* where the damage is */
    const char *why; /* what it is: 'page N ' goes before it; static */
};

/* `txn` is that of the newest state. QN_CORRUPT: `found` says where; QN_NO_SPACE: no memory;
 * QN_IO: the file cannot be read. */
int32_t lmdb_pages_check(const struct qn_host *host, struct qn_node *node, int fd, uint64_t txn,
                         struct lmdb_pages_found *found);
