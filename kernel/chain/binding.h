/* SPDX-License-Identifier: MIT */
#pragma once

/* binding.h: which plugin serves a kind from a window on, and the bindings of a kind that the chain
 * knows.
 *
 * A binding is told from others by its number; era and vote binding are made of it, so votes of two
 * engines never mix. A list holds the one in force, those that are bound for later windows, and
 * those that one of these falls back to. A list is never changed once it is shared: whoever adds to
 * it makes another one.
 *
 * Unless a function's own comment says otherwise:
 *   units    windows
 *   owns     lists are counted
 *   threads  one at a time
 *   cost     linear in the list, which has at most QNK_BINDINGS_MAX
 *   errors   QN_INVALID: not the one encoding; QN_NO_SPACE: over the budget
 *
 * The encoding of a list: u32 count, then for each binding number u32, first u64, fallback u32,
 * engine record {name text, version text, config bytes, list of step u16}. Text, bytes and lists
 * start with a u32 count.
 *
 * Source: finality.md 5.5, 12.2, 12.3.
 */

#include <stdbool.h>

#include <qnet/record.h>

#include "kernel/base/memory.h"

enum {
    QNK_BINDING_STEPS_MAX = 16,             /* steps that an engine declares */
    QNK_BINDING_CONFIG_MAX = 4096,          /* bytes of a plugin's config record */
    QNK_BINDING_NUMBER_MAX = (1 << 24) - 1, /* the rest of an era counts attempts */
    QNK_BINDINGS_MAX = 6,                   /* of one kind that are known at one time */
    QNK_ENGINE_RECORD_MAX = QNK_BINDING_CONFIG_MAX + 256,
    QNK_BINDING_SIZE_MAX = 16 + QNK_ENGINE_RECORD_MAX,
};

enum qnk_binding_kind { QNK_BINDING_CONSENSUS, QNK_BINDING_PRODUCER, QNK_BINDING_LEDGER };

/* As files and people call it; "other" for what is none. */
const char *qnk_binding_kind_name(uint32_t kind);

struct qnk_binding {
    uint32_t number; /* 0 at genesis */
    uint64_t first;  /* window */
    /* The number of the binding whose plugin attempts after the first run: the one before it, or,
     * at genesis and after a failure, its own. */
    uint32_t fallback;
    char name[33];
    char version[16];                      /* major.minor */
    uint16_t steps[QNK_BINDING_STEPS_MAX]; /* ascending; consensus only */
    uint32_t steps_count;
    uint32_t config_size;
    uint8_t config[QNK_BINDING_CONFIG_MAX];
};

struct qnk_bindings {
    uint32_t refs;
    uint32_t count;
    struct qnk_budget *budget;
    struct qnk_binding list[]; /* by number and by first, ascending */
};

/* A list of one. */
QN_MUST_CHECK int32_t qnk_bindings_new(struct qnk_budget *budget, const struct qnk_binding *first,
                                       struct qnk_bindings **bindings);

/* A list that knows `next` too, which begins after all others; a binding that would have begun in
 * the same window is replaced. What no window from `window` on needs is forgotten. */
QN_MUST_CHECK int32_t qnk_bindings_add(const struct qnk_bindings *from,
                                       const struct qnk_binding *next, uint64_t window,
                                       struct qnk_bindings **bindings);

/* A list in which what falls back to `failed` falls back to what that one falls back to. */
QN_MUST_CHECK int32_t qnk_bindings_skip(const struct qnk_bindings *from, uint32_t failed,
                                        struct qnk_bindings **bindings);

struct qnk_bindings *qnk_bindings_ref(struct qnk_bindings *bindings);
void qnk_bindings_unref(struct qnk_bindings *bindings); /* NULL is allowed */

/* The one that serves a window: the last that began. The first, if none has. */
const struct qnk_binding *qnk_bindings_at(const struct qnk_bindings *bindings, uint64_t window);

/* The one with this number; NULL: not known. */
const struct qnk_binding *qnk_bindings_find(const struct qnk_bindings *bindings, uint32_t number);

/* The one whose plugin runs this attempt at a window: its own, or for attempts from 1 on that of
 * its fallback. */
const struct qnk_binding *qnk_bindings_attempt(const struct qnk_bindings *bindings, uint64_t window,
                                               uint32_t attempt);

/* 256 * number + attempt. Source: finality.md 12.3. */
static inline uint32_t qnk_era(uint32_t number, uint32_t attempt)
{
    return number << 8 | attempt;
}

uint64_t qnk_bindings_size(const struct qnk_bindings *bindings);
uint8_t *qnk_bindings_write(uint8_t *to, const struct qnk_bindings *bindings);
QN_MUST_CHECK int32_t qnk_bindings_read(struct qnk_budget *budget, struct qn_reader *from,
                                        struct qnk_bindings **bindings);

/* Piece by piece, for a hash: the binding at `i` as it stands in the list. Gives its size. */
uint32_t qnk_binding_write(const struct qnk_binding *binding, uint8_t to[QNK_BINDING_SIZE_MAX]);

/* The engine record inside a vote's binding: name, version, config, steps. Gives its size. */
uint32_t qnk_engine_record(const struct qnk_binding *binding, uint8_t to[QNK_ENGINE_RECORD_MAX]);
uint64_t qnk_engine_size(const struct qnk_binding *binding);

/* Reads an engine record into the binding's name, version, config and steps. False: it is not the
 * one encoding, which the reader may say as well. */
bool qnk_engine_read(struct qn_reader *from, struct qnk_binding *binding);

/* Whether both name the same plugin with the same config and steps. */
bool qnk_engine_equal(const struct qnk_binding *a, const struct qnk_binding *b);

/* Whether an engine declares a step. */
bool qnk_engine_has_step(const struct qnk_binding *binding, uint32_t step);
