/* SPDX-License-Identifier: MIT */
#pragma once

/* control.h: the control record, the kernel's own replicated state: which plugins bind, the plan
 * of a swap and how far it is, what each member last shared and missed, who is excluded, which
 * evidence is still in force.
 *
 * It changes by blocks alone and its hash is in every macroblock. A record is immutable once it is
 * shared: whoever changes it takes a copy first, so a block keeps the record after it by reference,
 * and undoing a block needs no code. What rarely changes, bindings and plan, is shared by copies.
 *
 * Unless a function's own comment says otherwise:
 *   units    windows and heights
 *   owns     counted; a record owns its arrays
 *   threads  one at a time
 *   cost     linear in members and evidence
 *   errors   QN_INVALID: not the one encoding; QN_NO_SPACE: over the budget
 *
 * The encoding: version u16; for each kind in order its list of bindings (binding.h); swap
 * {life u8, maker u32, since u64, changed u64, number u32, late u32, plan bytes}; turn_primary,
 * turn_blocks, turn_made u32; list of members {share 32, share_window u64, next_tip 32,
 * next_window u64, missed u32, turns u8, excluded u8, swap u8 (word, and 16 * gave_up)}; list
 * of places {place 32, window u64}. Text, bytes and lists start with a u32 count.
 *
 * Source: finality.md 5.5, 3.5, 9, 12.
 */

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"
#include "kernel/chain/binding.h"
#include "kernel/chain/swap.h"

enum {
    QNK_CONTROL_VERSION = 1,
    QNK_CONTROL_BINDINGS = 3,         /* consensus, producer, ledger, in this order */
    QNK_CONTROL_EVIDENCE_MAX = 16384, /* places in force; then the oldest is forgotten */
    QNK_CONTROL_EVIDENCE_WINDOWS = 3, /* for which they are: then no block can bring it again */
    QNK_CONTROL_TURNS = 20,           /* primary turns of a member that are remembered */
};

/* The life of a plan. Source: finality.md 12.1. */
enum qnk_swap_life {
    QNK_SWAP_NONE,      /* there has been none */
    QNK_SWAP_PROPOSED,  /* in a block; members say whether they are ready */
    QNK_SWAP_BOUND,     /* enough were at the end of H - 3: it begins with H */
    QNK_SWAP_ACTIVE,    /* H has begun: probation */
    QNK_SWAP_SETTLED,   /* probation is over */
    QNK_SWAP_LAPSED,    /* too few were ready */
    QNK_SWAP_CANCELLED, /* by its maker, or by a third of the weight */
    QNK_SWAP_FAILED,    /* in probation: what was before is bound anew */
};

/* As files and people call it; "other" for what is none. */
const char *qnk_swap_life_name(uint8_t life);

static inline bool qnk_swap_is_open(uint8_t life)
{
    return life >= QNK_SWAP_PROPOSED && life <= QNK_SWAP_ACTIVE;
}

/* The last plan; one is open at a time. */
struct qnk_swap {
    uint8_t life;     /* enum qnk_swap_life */
    uint32_t maker;   /* member */
    uint64_t since;   /* window of the block with the plan */
    uint64_t changed; /* window in which its life changed last */
    uint32_t number;  /* of the binding that it made; 0: none */
    uint32_t late;    /* producer on probation: blocks of this window in the kernel's ranks */
    struct qnk_planned *planned; /* NULL: NONE */
};

/* What a member said of the plan. Who took it back cannot be ready again: an old word might be
 * brought again by somebody else. */
enum qnk_swap_word { QNK_SWAP_SILENT, QNK_SWAP_READY, QNK_SWAP_AGAINST };

/* What a member said of engines: that a later attempt decided a window of the one that was bound
 * last, of the one that this falls back to. */
enum { QNK_GAVE_UP_LAST = 1, QNK_GAVE_UP_BEFORE = 2 };

enum { QNK_EXCLUDED_ABSENT = 1, QNK_EXCLUDED_OFFENCE = 2 };

struct qnk_control_member {
    struct qnk_hash share;    /* last link shown, or the tip */
    uint64_t share_window;    /* window of `share`; of a tip: one in which no share can count */
    struct qnk_hash next_tip; /* announced, in force from next_window on */
    uint64_t next_window;     /* 0: none */
    uint32_t missed;          /* bit i: missed the i-th last of its primary turns */
    uint8_t turns;            /* how many of these bits count: 0..QNK_CONTROL_TURNS */
    uint8_t excluded;         /* QNK_EXCLUDED_ bits */
    uint8_t swap;             /* enum qnk_swap_word */
    uint8_t gave_up;          /* QNK_GAVE_UP_ bits */
};

struct qnk_evidence_place {
    struct qnk_hash place;
    uint64_t window; /* of the block that carried it */
};

struct qnk_control {
    uint32_t refs;
    uint32_t members_count;
    struct qnk_budget *budget;
    struct qnk_bindings *bindings[QNK_CONTROL_BINDINGS]; /* shared */
    struct qnk_swap swap;
    /* The primary turn that is going on. */
    uint32_t turn_primary; /* member, or UINT32_MAX before the first block */
    uint32_t turn_blocks;  /* so far */
    uint32_t turn_made;    /* of these, made by the primary itself */
    uint32_t evidence_count;
    uint32_t evidence_room;              /* places that fit; not part of the record */
    struct qnk_evidence_place *evidence; /* in order of inclusion */
    struct qnk_control_member members[];
};

/* All zero but counts, refs 1 and budget; there are no bindings, and evidence has no room yet. */
QN_MUST_CHECK int32_t qnk_control_new(struct qnk_budget *budget, uint32_t members_count,
                                      struct qnk_control **control);

/* A copy with refs 1 that may be changed, with room for `evidence_room` places more. */
QN_MUST_CHECK int32_t qnk_control_copy(const struct qnk_control *from, uint32_t evidence_room,
                                       struct qnk_control **control);

struct qnk_control *qnk_control_ref(struct qnk_control *control);
void qnk_control_unref(struct qnk_control *control); /* NULL is allowed */

uint64_t qnk_control_size(const struct qnk_control *control);
void qnk_control_encode(const struct qnk_control *control, uint8_t *to);
QN_MUST_CHECK int32_t qnk_control_decode(struct qnk_budget *budget, struct qn_span from,
                                         struct qnk_control **control);

/* H("qnet/control", encoding). */
void qnk_control_hash(const struct qnk_control *control, struct qnk_hash *hash);

/* The binding of `kind` for a window, as far as this record knows: the one after window w - 3 knows
 * that of w. */
static inline const struct qnk_binding *qnk_control_binding(const struct qnk_control *control,
                                                            uint32_t kind, uint64_t window)
{
    return qnk_bindings_at(control->bindings[kind], window);
}

/* In a record of one's own: `engine` is bound from `first` on, under the next number, which is
 * given. Its fallback is `fallback`, or itself for QNK_BIND_ITSELF. `window`: the one that goes on;
 * what no later one needs is forgotten. QN_INVALID: numbers or places are used up. */
#define QNK_BIND_ITSELF UINT32_MAX
QN_MUST_CHECK int32_t qnk_control_bind(struct qnk_control *control, uint32_t kind,
                                       const struct qnk_binding *engine, uint64_t first,
                                       uint32_t fallback, uint64_t window, uint32_t *number);

/* In a record of one's own: what falls back to the binding `failed` of `kind` falls back to
 * what that one falls back to. QN_NO_SPACE alone. */
QN_MUST_CHECK int32_t qnk_control_skip(struct qnk_control *control, uint32_t kind, uint32_t failed);
