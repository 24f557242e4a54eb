/* SPDX-License-Identifier: MIT */
#pragma once

/* inputs.h: the input log: all that happened to a node and what it did, in files that outlive the
 * process, however that ends. `qnet replay` makes the node live through it again.
 *
 * A folder DATA/inputs with
 *
 *     start          who it was: HEAD, then the ledger's PAGES, then a BEGIN record
 *     steps.NNNNNN   an EVENT record for each step before it runs, an EFFECTS record after it
 *     lines          the last lines of the node's log
 *     node.yaml network.yaml   as they were
 *     ended          code and words of how it ended, and how many steps were recorded, which
 *                    shows if files are missing at the end; without it the process died
 *
 * Files of steps are mapped and shared: a record is there for whoever reads the file as soon as it
 * is written, without a call of the system, even if the next instruction kills the process. (Not if
 * the power goes: nothing is flushed, and what is lost then is named.) The next file is made and
 * old ones are dropped by another thread; if it is too slow, or the disk is full, recording stops
 * for good with a STOPPED record. Before the first one is dropped the host may begin anew (anew.c).
 * The log of a node that did not end in order is kept by the next start as DATA/died, one of them.
 *
 * A record is u32 bytes of its payload, u32 CRC-32C of it, the payload, which begins with its type,
 * and zeros up to a multiple of 8. The size is written last.
 *
 * Frames are plain and beacon secrets are in it: the files are for the owner of the node alone.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes; steps count from 1
 *   threads  the loop's, but prepare()
 *   cost     a copy and a checksum of what is recorded
 *   errors   QN_IO, QN_DENIED: `why` says which file and what the system said
 *
 * Source: scale.md 1.1, abi.md 5.
 */

#include <stdbool.h>

#include "kernel/node/tape.h"

enum {
    QNK_INPUTS_VERSION = 1,
    QNK_INPUTS_SEGMENT = 32 << 20, /* of a file of steps: larger than any block */
    QNK_INPUTS_PARTS = 1024,       /* of a file of steps, for how far it is written */
    QNK_INPUTS_LATE = 896,
    QNK_INPUTS_PATH = 460,
    QNK_INPUTS_LINES = 65536, /* of the file `lines` */
    QNK_INPUTS_WHY = 600,
};

enum qnk_inputs_type {
    QNK_INPUTS_HEAD = 1, /* inputs_head.h */
    QNK_INPUTS_PAGES,    /* u64 first, then pages of the ledger */
    QNK_INPUTS_BEGIN,    /* `start` is whole */
    QNK_INPUTS_SEGMENT_, /* u64 number of the file, u64 steps before it; at its beginning */
    QNK_INPUTS_EVENT,    /* u64 step, event */
    QNK_INPUTS_EFFECTS,  /* u64 step, effects */
    QNK_INPUTS_STOPPED,  /* text: why nothing follows */
};

struct qnk_inputs;

struct qnk_inputs_setup {
    struct qnk_budget *budget;
    const char *data; /* the node's folder */
    uint64_t bound;   /* of all files of this log */
    uint32_t segment; /* of a file of steps; 0: the usual */
    bool *has_kept;   /* out: whether a log of a node that died was put away */
};

/* Puts the log of the last life away, or removes it if that ended in order, and begins anew.
 * QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_inputs_open(const struct qnk_inputs_setup *setup,
                                      struct qnk_inputs **inputs, char why[QNK_INPUTS_WHY]);

/* Records of `start`. QN_NO_SPACE: too little of the bound would be left for steps. */
QN_MUST_CHECK int32_t qnk_inputs_head(struct qnk_inputs *inputs, struct qn_span head);
QN_MUST_CHECK int32_t qnk_inputs_pages(struct qnk_inputs *inputs, uint64_t first,
                                       struct qn_span pages);

/* `start` is whole, and the first file of steps is made. From here on events may be recorded; until
 * running() they wait for files, so that a long restore fits. */
QN_MUST_CHECK int32_t qnk_inputs_begin(struct qnk_inputs *inputs);
void qnk_inputs_running(struct qnk_inputs *inputs);

/* A file beside the records, such as a copy of the node file. */
QN_MUST_CHECK int32_t qnk_inputs_copy(struct qnk_inputs *inputs, const char *name,
                                      struct qn_span bytes);

/* Room for the last lines of the node's log, LINES bytes, valid until close(). NULL: none. */
char *qnk_inputs_lines(struct qnk_inputs *inputs);

/* Before a step and after it. They do nothing once recording has stopped. */
void qnk_inputs_event(struct qnk_inputs *inputs, const struct qnk_event *event);
void qnk_inputs_effects(struct qnk_inputs *inputs, const struct qnk_effects *effects);

/* Whether prepare() should be called, on any thread but once at a time; true once for each. */
bool qnk_inputs_wants(struct qnk_inputs *inputs);
void qnk_inputs_prepare(struct qnk_inputs *inputs);

/* Why recording has stopped; NULL: it goes on. */
const char *qnk_inputs_stopped(const struct qnk_inputs *inputs);

/* How many files of steps were dropped because of the bound. */
uint32_t qnk_inputs_dropped(const struct qnk_inputs *inputs);

/* Whether of the last file that the bound has room for `part` of PARTS are written, or all of it.
 * With the next one the oldest goes, and with it the way to replay; so that comes as late as it
 * can: the next is wanted once LATE parts are written. */
bool qnk_inputs_is_full(const struct qnk_inputs *inputs, uint32_t part);

/* The node ends with this code and words. No prepare() runs. */
void qnk_inputs_close(struct qnk_inputs *inputs, int code, const char *why);

/* As if the process died here, for tests: the mappings go, nothing else happens. */
void qnk_inputs_abandon(struct qnk_inputs *inputs);
