/* SPDX-License-Identifier: MIT */
#pragma once

/* kind.h: the kinds of plugins, and what the kernel knows of each one's tables. gen/<kind>.c holds
 * the constants, written by sdk/abigen from the kind's description.
 *
 * Unless a function's own comment says otherwise:
 *   owns     constants
 *   threads  any
 *
 * Source: abi.md 1, 2, 4.
 */

#include <stdbool.h>

#include <qnet/types.h>

/* What a plugin's results may depend on. */
enum qnk_class {
    QNK_CLASS_DETERMINISTIC, /* same calls in the same order, same results, on every machine */
    QNK_CLASS_PURE,          /* arguments and config alone */
    QNK_CLASS_EDGE,          /* the outside */
};

/* Who calls a slot. As masks they say what a thread may call. */
enum qnk_thread {
    QNK_THREAD_CONTROL = 1,
    QNK_THREAD_LOOP = 2,
    QNK_THREAD_POOL = 4,
    QNK_THREAD_ANY = 8,
};

/* What else of the instance may run beside a pool slot. */
enum qnk_overlap {
    QNK_OVERLAP_NONE, /* not a pool slot */
    QNK_OVERLAP_SHARED,
    QNK_OVERLAP_SERIAL, /* no other serial slot of its group */
    QNK_OVERLAP_ALONE,
};

/* The life of an instance. The first four are bit numbers in a slot's `states`. */
enum qnk_life {
    QNK_LIFE_CREATED,
    QNK_LIFE_ACTIVE,
    QNK_LIFE_FROZEN,
    QNK_LIFE_FAILED, /* a promise was broken, or it said FATAL: only destroy() follows */
};

struct qnk_slot {
    const char *name;
    uint16_t since; /* minor */
    uint8_t thread; /* enum qnk_thread */
    uint8_t overlap;
    uint8_t group;  /* of OVERLAP_SERIAL, from 1 */
    uint8_t states; /* bit i: may be called in life state i */
    bool is_optional;
};

struct qnk_minor {
    uint64_t print;
    const char *release; /* the first one that has it */
};

/* A table that plugins fill: a head, then one pointer for each slot. */
struct qnk_table {
    const char *name; /* "compression", "life" */
    uint16_t major;
    uint16_t minor;
    const struct qnk_minor *minors; /* minor + 1 of them */
    const struct qn_head *stubs;    /* full size: what stands where a plugin has nothing */
    const struct qnk_slot *slots;
    uint32_t slots_count;
};

struct qnk_kind {
    struct qnk_table table;
    enum qnk_class class;
    const struct qn_head *guarded; /* the same table, of wrappers that check each call */
};

extern const struct qnk_kind qnk_kind_compression, qnk_kind_consensus, qnk_kind_ledger,
    qnk_kind_producer, qnk_kind_service, qnk_kind_signature, qnk_kind_storage, qnk_kind_transport;
extern const struct qnk_table qnk_table_life, qnk_table_state;
extern const struct qnk_table qnk_table_host; /* its versions alone: the kernel fills it */

/* The kind called `name`; NULL: there is none. */
const struct qnk_kind *qnk_kind_find(const char *name);

/* The kinds by place, in alphabetical order; NULL after the last. */
const struct qnk_kind *qnk_kind_at(uint32_t place);

/* "deterministic", "pure", "edge". */
const char *qnk_class_word(enum qnk_class class);
