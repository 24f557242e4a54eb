/* SPDX-License-Identifier: MIT */
#pragma once

/* drive.h: a disk with faults, between a node's store and a storage plugin: the plugin's table,
 * wrapped.
 *
 * A power cut: records of a log that were appended and not made durable are lost from a place on
 * that each log finds by its own coin; an append under way leaves its first records (a log is
 * durable up to a place, and each record is there whole or not: storage.yaml; that lmdb keeps to it
 * is its own test's matter). Batches of maps are whole or not there: which ones were durable the
 * world decides. Bit rot: a record of a log reads as damaged (empty content, as lmdb tells it by a
 * checksum); a value of a map reads with one bit changed, as lmdb has no checksums for it: that the
 * kernel must notice. A full or failing disk refuses writes with a status; a slow one costs more.
 *
 * What was lost or rotten is noted here and left out, or changed, as it is read; without such notes
 * calls go straight through.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the instance behind it is its maker's and outlives it
 *   threads  one
 *   cost     as the plugin's, and linear in the notes
 *
 * Source: scale.md 1.6.
 */

#include <stdbool.h>

#include <qnet/storage.h>

#include "kernel/base/memory.h"
#include "kernel/base/random.h"
#include "kernel/plugin/plugged.h"

enum { QNK_DRIVE_NOTES_MAX = 4096 }; /* more are not noted: the disk is not that bad */

struct qnk_drive_note;

struct qnk_drive_space {
    char name[QN_STORAGE_NAME_MAX + 1]; /* "": not opened yet */
    uint32_t type;
    uint64_t last_place;    /* of a log: the last record's; 0: none since it was opened */
    uint64_t unsynced_from; /* the first that is not durable; 0: all are */
};

struct qnk_drive {
    struct qnk_budget *budget;
    struct qnk_plugged inner;
    struct qnk_random random;
    struct qnk_drive_space spaces[QN_STORAGE_SPACES_MAX];
    struct qnk_drive_note *notes;
    uint32_t notes_count, notes_room;
    uint32_t slow_permille; /* of a write's time: for the world */
    int32_t status;         /* that writes end with; QN_OK: they do not fail */
    uint64_t room;          /* bytes until it is full; UINT64_MAX: it never is */
    uint32_t torn;          /* records that the next append leaves; UINT32_MAX: all */
};

/* Healthy. The stream of chance is (seed, "drive", number). */
void qnk_drive_init(struct qnk_drive *drive, struct qnk_budget *budget, struct qnk_plugged inner,
                    uint64_t seed, uint64_t number);
void qnk_drive_done(struct qnk_drive *drive);

/* What a store opens. */
struct qnk_plugged qnk_drive_plugged(struct qnk_drive *drive);

/* The power goes: what was not durable is lost, by lot. */
void qnk_drive_cut(struct qnk_drive *drive);

/* The power goes in the midst of the next append: it leaves its first `records`, or what it has if
 * that is fewer, and fails. */
void qnk_drive_tear(struct qnk_drive *drive, uint32_t records);

/* From now on writes end with this status: QN_NO_SPACE, QN_IO; QN_OK: it is mended. */
void qnk_drive_fail(struct qnk_drive *drive, int32_t status);

/* So many bytes more, then it is full. UINT64_MAX: there is room. */
void qnk_drive_room(struct qnk_drive *drive, uint64_t bytes);

/* A record or value of this space rots: one of the last `among` by lot. False: there is none. */
bool qnk_drive_rot(struct qnk_drive *drive, const char *space, uint32_t among);
