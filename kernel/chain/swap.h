/* SPDX-License-Identifier: MIT */
#pragma once

/* swap.h: payloads of the kernel transactions of a live swap: plan (2), ready (3), cancel (4),
 * fallback (8), and the rules that the network file gives for plans.
 *
 * A plan names the plugin that is to serve a kind from a window on, with its config; members say
 * that they are ready, or that it shall not be. How a plan lives is control.h's.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian; text, bytes and lists start with a u32 count
 *   units    windows; milliseconds
 *   owns     values are copied
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing but qnk_planned
 *   errors   QN_INVALID: not the one encoding
 *
 * A plan's payload: kind u8, percent u8, probation u32, first u64, table major u16, table minor
 * u16, table print u64, schema text, trace 32, engine record, list of code hashes 32, ascending.
 *
 * Source: finality.md 5.5, 12.1, 12.2; abi.md 7.
 */

#include "kernel/base/hash.h"
#include "kernel/chain/binding.h"

enum {
    QNK_SWAP_CODES_MAX = 8,
    QNK_SWAP_SCHEMA_MAX = 48,
    QNK_SWAP_PLAN_MAX = QNK_ENGINE_RECORD_MAX + QNK_SWAP_CODES_MAX * QN_HASH_SIZE + 256,
    QNK_SWAP_READY_SIZE = 3 * QN_HASH_SIZE,
    QNK_SWAP_CANCEL_SIZE = QN_HASH_SIZE,
    QNK_SWAP_FALLBACK_SIZE = 48,
    QNK_SWAP_NOTICE_MIN = 5, /* windows between a plan and its first one, whatever a file says */
    QNK_SWAP_AHEAD_MAX = 100000, /* windows that a plan may lie ahead */
    QNK_SWAP_PROBATION_MAX = 100000,
};

/* What the network file says of plans. Source: finality.md 7.3. */
struct qnk_swap_rules {
    uint32_t notice;    /* windows from the block with the plan to its first one, at least */
    uint32_t probation; /* windows that a plan is on probation, at least */
    uint32_t percent;   /* of the weight that must be ready, at least; a quorum always */
    uint32_t dead_ms;   /* undecided for so long in probation: the window is abandoned; 0: never */
    uint32_t dead_later_ms; /* the same for later windows of a binding that failed */
    bool may_be_lockless;   /* an engine without step 1 may be planned */
};

struct qnk_swap_plan {
    uint8_t kind;              /* enum qnk_binding_kind */
    uint8_t percent;           /* of the weight that must be ready */
    uint32_t probation;        /* windows from `engine.first` on */
    struct qnk_binding engine; /* name, version, config, steps, first; number and fallback 0 */
    uint16_t table_major;      /* of the kind's table that it needs */
    uint16_t table_minor;
    uint64_t table_print;
    char schema[QNK_SWAP_SCHEMA_MAX + 1]; /* of the state that it takes over; "": none */
    struct qnk_hash trace;                /* node/trial.h: what it answers; zero: not asked for */
    uint32_t codes_count;                 /* files that are accepted; 0: any */
    struct qnk_hash codes[QNK_SWAP_CODES_MAX];
};

/* Checks form, not sense: qnk_swap_fault does that. */
QN_MUST_CHECK int32_t qnk_swap_plan_decode(struct qn_span payload, struct qnk_swap_plan *plan);
uint32_t qnk_swap_plan_encode(const struct qnk_swap_plan *plan, uint8_t to[QNK_SWAP_PLAN_MAX]);

/* H("qnet/plan", payload). */
void qnk_swap_id(struct qn_span payload, struct qnk_hash *id);

/* Why a plan in a block of `window` is none that the rules allow, in words; NULL: it is. */
const char *qnk_swap_fault(const struct qnk_swap_plan *plan, const struct qnk_swap_rules *rules,
                           uint64_t window);

/* The weight that must be ready: the plan's share of the total, and never less than the quorum. */
uint64_t qnk_swap_need(const struct qnk_swap_plan *plan, uint64_t total, uint64_t quorum);

struct qnk_swap_ready {
    struct qnk_hash plan;
    struct qnk_hash code; /* SHA-256 of the file that is loaded */
    struct qnk_hash trace;
};

QN_MUST_CHECK int32_t qnk_swap_ready_decode(struct qn_span payload, struct qnk_swap_ready *ready);
void qnk_swap_ready_encode(const struct qnk_swap_ready *ready, uint8_t to[QNK_SWAP_READY_SIZE]);

/* Why code or trace are none that the plan accepts, in words; NULL: they are. */
const char *qnk_swap_ready_fault(const struct qnk_swap_plan *plan,
                                 const struct qnk_swap_ready *ready);

QN_MUST_CHECK int32_t qnk_swap_cancel_decode(struct qn_span payload, struct qnk_hash *plan);
void qnk_swap_cancel_encode(const struct qnk_hash *plan, uint8_t to[QNK_SWAP_CANCEL_SIZE]);

/* A window was decided by an attempt after the first: {window u64, era u32, 0 x4, digest}. */
struct qnk_swap_fallback {
    uint64_t window;
    uint32_t era;
    struct qnk_hash digest;
};

QN_MUST_CHECK int32_t qnk_swap_fallback_decode(struct qn_span payload,
                                               struct qnk_swap_fallback *fallback);
void qnk_swap_fallback_encode(const struct qnk_swap_fallback *fallback,
                              uint8_t to[QNK_SWAP_FALLBACK_SIZE]);

/* A plan as blocks share it: never changed, counted. */
struct qnk_planned {
    uint32_t refs;
    struct qnk_budget *budget;
    struct qnk_hash id;
    struct qnk_swap_plan plan;
};

/* QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_planned_new(struct qnk_budget *budget, struct qn_span payload,
                                      struct qnk_planned **planned);
struct qnk_planned *qnk_planned_ref(struct qnk_planned *planned); /* NULL is allowed */
void qnk_planned_unref(struct qnk_planned *planned);              /* NULL is allowed */
