/* SPDX-License-Identifier: MIT */
#pragma once

/* control.h: the control record, the kernel's own replicated state: which plugins bind, what each
 * member last shared and missed, who is excluded, which evidence is still in force.
 *
 * It changes by blocks alone and its hash is in every macroblock. A record is immutable once it is
 * shared: whoever changes it takes a copy first, so a block keeps the record after it by reference,
 * and undoing a block needs no code.
 *
 * Unless a function's own comment says otherwise:
 *   units    windows and heights
 *   owns     counted; a record owns its arrays
 *   threads  one at a time
 *   cost     linear in members and evidence
 *   errors   QN_INVALID: not the one encoding; QN_NO_SPACE: over the budget
 *
 * The encoding: version u16; for each kind in order: kind u8, number u32, first u64, engine record
 * {name text, version text, config bytes, list of step u16}; turn_primary, turn_blocks, turn_made
 * u32; list of members {share 32, share_window u64, next_tip 32, next_window u64, missed u32,
 * turns u8, excluded u8}; list of places {place 32, window u64}. Text, bytes and lists start with a
 * u32 count.
 *
 * Source: finality.md 5.5, 3.5, 9.
 */

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"

enum {
    QNK_CONTROL_VERSION = 1,
    QNK_CONTROL_BINDINGS = 3,         /* consensus, producer, ledger, in this order */
    QNK_CONTROL_STEPS_MAX = 16,       /* steps that an engine declares */
    QNK_CONTROL_CONFIG_MAX = 4096,    /* bytes of a plugin's config record */
    QNK_CONTROL_EVIDENCE_MAX = 16384, /* places in force; then the oldest is forgotten */
    QNK_CONTROL_EVIDENCE_WINDOWS = 20160,
    QNK_CONTROL_TURNS = 20, /* primary turns of a member that are remembered */
};

enum qnk_binding_kind { QNK_BINDING_CONSENSUS, QNK_BINDING_PRODUCER, QNK_BINDING_LEDGER };

/* Which plugin serves a kind from a window on. */
struct qnk_binding {
    uint32_t number; /* 0 at genesis */
    uint64_t first;  /* window */
    char name[33];
    char version[16];                      /* major.minor */
    uint16_t steps[QNK_CONTROL_STEPS_MAX]; /* ascending; consensus only */
    uint32_t steps_count;
    uint32_t config_size;
    uint8_t config[QNK_CONTROL_CONFIG_MAX];
};

enum { QNK_EXCLUDED_ABSENT = 1, QNK_EXCLUDED_OFFENCE = 2 };

struct qnk_control_member {
    struct qnk_hash share;    /* last link shown, or the tip */
    uint64_t share_window;    /* window of `share`; of a tip: one in which no share can count */
    struct qnk_hash next_tip; /* announced, in force from next_window on */
    uint64_t next_window;     /* 0: none */
    uint32_t missed;          /* bit i: missed the i-th last of its primary turns */
    uint8_t turns;            /* how many of these bits count: 0..QNK_CONTROL_TURNS */
    uint8_t excluded;         /* QNK_EXCLUDED_ bits */
};

struct qnk_evidence_place {
    struct qnk_hash place;
    uint64_t window; /* of the block that carried it */
};

struct qnk_control {
    uint32_t refs;
    uint32_t members_count;
    struct qnk_budget *budget;
    struct qnk_binding bindings[QNK_CONTROL_BINDINGS];
    /* The primary turn that is going on. */
    uint32_t turn_primary; /* member, or UINT32_MAX before the first block */
    uint32_t turn_blocks;  /* so far */
    uint32_t turn_made;    /* of these, made by the primary itself */
    uint32_t evidence_count;
    uint32_t evidence_room;              /* places that fit; not part of the record */
    struct qnk_evidence_place *evidence; /* in order of inclusion */
    struct qnk_control_member members[];
};

/* All zero but counts, refs 1 and budget; evidence has no room yet. */
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

/* The engine record inside a vote's binding: name, version, config, steps. Gives its size. */
enum { QNK_ENGINE_RECORD_MAX = QNK_CONTROL_CONFIG_MAX + 256 };
uint32_t qnk_engine_record(const struct qnk_binding *binding, uint8_t to[QNK_ENGINE_RECORD_MAX]);
