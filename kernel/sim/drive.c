/* SPDX-License-Identifier: MIT */

#include "kernel/sim/drive.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/sink.h"
#include "kernel/sim/stream.h"

enum { LANE = 0, MAP = 1, LOG = 2, DURABLE = 1, REVERSE = 1, KEYS_ONLY = 2, NOTES_FIRST = 16 };

#define CAP (UINT64_C(1) << 30) /* of what one read brings */

enum note_kind { NOTE_GONE, NOTE_ROTTEN };

/* What the disk does not have as it was written. */
struct qnk_drive_note {
    uint32_t kind; /* enum note_kind */
    uint32_t space;
    uint64_t from, to; /* places, of a log */
    uint64_t bit;      /* of the value, of a map */
    uint8_t key_size;
    uint8_t key[QN_STORAGE_KEY_MAX];
};

static struct qnk_drive *drive_of(struct qn_inst *inst)
{
    return (struct qnk_drive *)(void *)inst;
}

static const struct qn_storage_1 *inner_of(const struct qnk_drive *drive)
{
    return drive->inner.table;
}

/* --- life --- */

void qnk_drive_init(struct qnk_drive *drive, struct qnk_budget *budget, struct qnk_plugged inner,
                    uint64_t seed, uint64_t number)
{
    *drive = (struct qnk_drive){
        .budget = budget,
        .inner = inner,
        .slow_permille = 1000,
        .room = UINT64_MAX,
        .torn = UINT32_MAX,
    };
    qnk_stream_init(&drive->random, seed, "drive", number);
}

void qnk_drive_done(struct qnk_drive *drive)
{
    qnk_memory_give(drive->budget, drive->notes, drive->notes_room * sizeof *drive->notes);
    drive->notes = NULL;
    drive->notes_count = drive->notes_room = 0;
}

/* NULL: there are too many. */
static struct qnk_drive_note *note_add(struct qnk_drive *drive, uint32_t kind, uint32_t space)
{
    struct qnk_drive_note *note;

    if (drive->notes_count == QNK_DRIVE_NOTES_MAX) {
        return NULL;
    }
    if (drive->notes_count == drive->notes_room) {
        uint32_t room = drive->notes_room == 0 ? NOTES_FIRST : drive->notes_room * 2;
        struct qnk_drive_note *notes = qnk_memory_take(drive->budget, room * sizeof *notes);

        QN_ASSERT(notes != NULL);
        if (drive->notes_count > 0) {
            memcpy(notes, drive->notes, drive->notes_count * sizeof *notes);
        }
        qnk_memory_give(drive->budget, drive->notes, drive->notes_room * sizeof *notes);
        drive->notes = notes;
        drive->notes_room = room;
    }
    note = &drive->notes[drive->notes_count++];
    *note = (struct qnk_drive_note){.kind = kind, .space = space};
    return note;
}

/* --- faults --- */

void qnk_drive_cut(struct qnk_drive *drive)
{
    for (uint32_t i = 0; i < QN_STORAGE_SPACES_MAX; i++) {
        struct qnk_drive_space *space = &drive->spaces[i];

        if (space->unsynced_from != 0) {
            uint64_t count = space->last_place - space->unsynced_from + 1;
            uint64_t left = qnk_random_below(&drive->random, count + 1);
            struct qnk_drive_note *note = left < count ? note_add(drive, NOTE_GONE, i) : NULL;

            if (note != NULL) {
                note->from = space->unsynced_from + left;
                note->to = space->last_place;
            }
            space->unsynced_from = 0;
        }
    }
    drive->torn = UINT32_MAX;
}

void qnk_drive_tear(struct qnk_drive *drive, uint32_t records)
{
    drive->torn = records;
}

void qnk_drive_fail(struct qnk_drive *drive, int32_t status)
{
    drive->status = status;
}

void qnk_drive_room(struct qnk_drive *drive, uint64_t bytes)
{
    drive->room = bytes;
}

static bool rot_record(struct qnk_drive *drive, uint32_t space, uint32_t among)
{
    uint64_t last = drive->spaces[space].last_place;
    uint64_t count = last < among ? last : among;
    struct qnk_drive_note *note;

    if (count == 0) {
        return false;
    }
    note = note_add(drive, NOTE_ROTTEN, space);
    if (note != NULL) {
        note->from = note->to = last - qnk_random_below(&drive->random, count);
    }
    return note != NULL;
}

static bool rot_value(struct qnk_drive *drive, uint32_t space, uint32_t among)
{
    struct qn_storage_range range = {.space = space, .flags = REVERSE | KEYS_ONLY};
    struct qnk_drive_note *note = NULL;
    struct qn_sink keys;
    uint32_t count = 0;
    int32_t status;

    qnk_sink_init(&keys, drive->budget, CAP);
    status = inner_of(drive)->scan(drive->inner.inst, LANE, 0, &range, among, CAP, &keys);
    if (status == QN_OK || status == QN_AGAIN) {
        struct qn_span rest = qnk_sink_span(&keys);
        struct qn_storage_pair pair;

        for (; rest.size > 0; count++) {
            qn_storage_pair_next(&rest, &pair);
        }
        note = count == 0 ? NULL : note_add(drive, NOTE_ROTTEN, space);
        if (note != NULL) {
            uint64_t lot = qnk_random_below(&drive->random, count);

            rest = qnk_sink_span(&keys);
            for (uint64_t i = 0; i <= lot; i++) {
                qn_storage_pair_next(&rest, &pair);
            }
            note->bit = qnk_random_u64(&drive->random);
            note->key_size = (uint8_t)pair.key.size;
            memcpy(note->key, pair.key.data, pair.key.size);
        }
    }
    qnk_sink_done(&keys);
    return note != NULL;
}

bool qnk_drive_rot(struct qnk_drive *drive, const char *name, uint32_t among)
{
    for (uint32_t i = 0; i < QN_STORAGE_SPACES_MAX; i++) {
        if (strcmp(drive->spaces[i].name, name) == 0) {
            return drive->spaces[i].type == LOG ? rot_record(drive, i, among)
                                                : rot_value(drive, i, among);
        }
    }
    return false;
}

/* --- spaces --- */

/* A log that was there before this drive: where it ends. */
static void last_find(struct qnk_drive *drive, uint32_t space)
{
    uint64_t place = 0;
    int32_t status;

    do {
        struct qn_sink entries;
        struct qn_span rest;
        struct qn_storage_entry entry;

        qnk_sink_init(&entries, drive->budget, CAP);
        status = inner_of(drive)->read(drive->inner.inst, LANE, space, place, 1 << 20, &entries);
        for (rest = qnk_sink_span(&entries); rest.size > 0;) {
            qn_storage_entry_next(&rest, &entry);
            drive->spaces[space].last_place = entry.place;
            place = entry.place + 1;
        }
        qnk_sink_done(&entries);
    } while (status == QN_AGAIN);
}

static int32_t drive_space(struct qn_inst *inst, struct qn_span name, uint32_t type,
                           uint32_t *space)
{
    struct qnk_drive *drive = drive_of(inst);
    int32_t status = inner_of(drive)->space(drive->inner.inst, name, type, space);

    if (status == QN_OK && *space < QN_STORAGE_SPACES_MAX && drive->spaces[*space].type == 0) {
        drive->spaces[*space].type = type;
        memcpy(drive->spaces[*space].name, name.data, name.size);
        if (type == LOG) {
            last_find(drive, *space);
        }
    }
    return status;
}

/* --- writing --- */

/* Whether so many bytes can be written, and if not, why. */
static int32_t room_take(struct qnk_drive *drive, uint64_t bytes)
{
    if (drive->status != QN_OK) {
        return drive->status;
    }
    if (drive->room == UINT64_MAX) {
        return QN_OK;
    }
    if (bytes > drive->room) {
        drive->room = 0;
        return QN_NO_SPACE;
    }
    drive->room -= bytes;
    return QN_OK;
}

static bool is_of(const struct qnk_drive_note *note, uint32_t space, struct qn_span key)
{
    return note->space == space && note->key_size == key.size && key.size > 0 &&
           memcmp(note->key, key.data, key.size) == 0;
}

/* What is written anew is whole again. */
static void notes_drop(struct qnk_drive *drive, const struct qn_storage_op *op)
{
    for (uint32_t i = 0; i < drive->notes_count;) {
        if (is_of(&drive->notes[i], op->space, op->key)) {
            drive->notes[i] = drive->notes[--drive->notes_count];
        } else {
            i++;
        }
    }
}

static int32_t drive_write(struct qn_inst *inst, uint32_t lane, const struct qn_storage_op *ops,
                           uint32_t count, uint32_t level)
{
    struct qnk_drive *drive = drive_of(inst);
    uint64_t bytes = 0;
    int32_t status;

    for (uint32_t i = 0; i < count; i++) {
        bytes += ops[i].key.size + ops[i].value.size;
    }
    status = room_take(drive, bytes);
    if (status == QN_OK) {
        status = inner_of(drive)->write(drive->inner.inst, lane, ops, count, level);
    }
    for (uint32_t i = 0; status == QN_OK && drive->notes_count > 0 && i < count; i++) {
        notes_drop(drive, &ops[i]);
    }
    return status;
}

/* The first records of an append that the power tore. */
static int32_t append_torn(struct qnk_drive *drive, uint32_t log, const struct qn_span *records,
                           uint32_t count, uint64_t *places)
{
    int32_t status;

    drive->torn = UINT32_MAX;
    if (count > 0) {
        status =
            inner_of(drive)->append(drive->inner.inst, LANE, log, records, count, DURABLE, places);
        if (status == QN_OK) {
            drive->spaces[log].last_place = places[count - 1];
            drive->spaces[log].unsynced_from = 0;
        }
    }
    return QN_IO;
}

static int32_t drive_append(struct qn_inst *inst, uint32_t lane, uint32_t log,
                            const struct qn_span *records, uint32_t count, uint32_t level,
                            uint64_t *places)
{
    struct qnk_drive *drive = drive_of(inst);
    struct qnk_drive_space *space = &drive->spaces[log];
    uint64_t bytes = 0;
    int32_t status;

    for (uint32_t i = 0; i < count; i++) {
        bytes += records[i].size;
    }
    status = room_take(drive, bytes);
    if (status == QN_OK && drive->torn < count) {
        return append_torn(drive, log, records, drive->torn, places);
    }
    if (status == QN_OK) {
        status =
            inner_of(drive)->append(drive->inner.inst, lane, log, records, count, level, places);
    }
    if (status == QN_OK && count > 0) {
        space->last_place = places[count - 1];
        if (level == DURABLE) {
            space->unsynced_from = 0;
        } else if (space->unsynced_from == 0) {
            space->unsynced_from = places[0];
        }
    }
    return status;
}

static int32_t drive_trim(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place)
{
    struct qnk_drive *drive = drive_of(inst);

    if (drive->status != QN_OK) {
        return QN_IO;
    }
    return inner_of(drive)->trim(drive->inner.inst, lane, log, place);
}

/* --- reading --- */

static bool has_notes(const struct qnk_drive *drive, uint32_t space)
{
    for (uint32_t i = 0; i < drive->notes_count; i++) {
        if (drive->notes[i].space == space) {
            return true;
        }
    }
    return false;
}

/* Changes a bit of a value, if it is rotten. */
static void value_rot(const struct qnk_drive *drive, uint32_t space, struct qn_span key,
                      uint8_t *value, uint64_t size)
{
    for (uint32_t i = 0; size > 0 && i < drive->notes_count; i++) {
        if (is_of(&drive->notes[i], space, key)) {
            uint64_t bit = drive->notes[i].bit % (size * 8);

            value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static int32_t drive_get(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                         const struct qn_storage_address *keys, uint32_t count,
                         struct qn_storage_found *found, struct qn_sink *values)
{
    struct qnk_drive *drive = drive_of(inst);
    uint64_t start = values->size;
    int32_t status =
        inner_of(drive)->get(drive->inner.inst, lane, snapshot, keys, count, found, values);

    for (uint32_t i = 0; status == QN_OK && drive->notes_count > 0 && i < count; i++) {
        if (found[i].status == QN_OK) {
            value_rot(drive, keys[i].space, keys[i].key, values->data + start + found[i].offset,
                      found[i].size);
        }
    }
    return status;
}

static int32_t drive_scan(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                          const struct qn_storage_range *range, uint32_t items_max,
                          uint64_t bytes_max, struct qn_sink *pairs)
{
    struct qnk_drive *drive = drive_of(inst);
    uint64_t start = pairs->size;
    int32_t status = inner_of(drive)->scan(drive->inner.inst, lane, snapshot, range, items_max,
                                           bytes_max, pairs);

    if ((status == QN_OK || status == QN_AGAIN) && has_notes(drive, range->space)) {
        struct qn_span rest = {pairs->data + start, pairs->size - start};

        while (rest.size > 0) {
            struct qn_storage_pair pair;

            qn_storage_pair_next(&rest, &pair);
            value_rot(drive, range->space, pair.key,
                      pair.value.size == 0 ? NULL : pairs->data + (pair.value.data - pairs->data),
                      pair.value.size);
        }
    }
    return status;
}

/* What is noted of a record; NULL: nothing. */
static const struct qnk_drive_note *note_of(const struct qnk_drive *drive, uint32_t log,
                                            uint64_t place)
{
    for (uint32_t i = 0; i < drive->notes_count; i++) {
        const struct qnk_drive_note *note = &drive->notes[i];

        if (note->space == log && note->from <= place && place <= note->to) {
            return note;
        }
    }
    return NULL;
}

/* Gives on what the disk still has of these entries. */
static int32_t entries_give(const struct qnk_drive *drive, uint32_t log, struct qn_span rest,
                            struct qn_sink *entries, uint64_t *next)
{
    while (rest.size > 0) {
        struct qn_storage_entry entry;
        const struct qnk_drive_note *note;
        uint8_t *room;

        qn_storage_entry_next(&rest, &entry);
        *next = entry.place + 1;
        note = note_of(drive, log, entry.place);
        if (note != NULL && note->kind == NOTE_GONE) {
            continue;
        }
        if (note != NULL) {
            entry.content = (struct qn_span){NULL, 0};
        }
        room = qnk_sink_room(entries, qn_storage_entry_size(&entry));
        if (room == NULL) {
            return QN_NO_SPACE;
        }
        (void)qn_storage_entry_write(&entry, room);
        qnk_sink_commit(entries, qn_storage_entry_size(&entry));
    }
    return QN_OK;
}

/* Goes on until there is an entry to give, as a reader expects. */
static int32_t read_around(struct qnk_drive *drive, uint32_t lane, uint32_t log, uint64_t place,
                           uint64_t bytes_max, struct qn_sink *entries)
{
    uint64_t start = entries->size;
    int32_t status = QN_AGAIN;

    while (status == QN_AGAIN && entries->size == start) {
        struct qn_sink some;

        qnk_sink_init(&some, drive->budget, CAP);
        status = inner_of(drive)->read(drive->inner.inst, lane, log, place, bytes_max, &some);
        if (status == QN_OK || status == QN_AGAIN) {
            int32_t given = entries_give(drive, log, qnk_sink_span(&some), entries, &place);

            status = given == QN_OK ? status : given;
        }
        qnk_sink_done(&some);
    }
    if (status == QN_NO_SPACE) {
        qnk_sink_cut(entries, start);
    }
    return status == QN_OK && entries->size == start ? QN_NOT_FOUND : status;
}

static int32_t drive_read(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place,
                          uint64_t bytes_max, struct qn_sink *entries)
{
    struct qnk_drive *drive = drive_of(inst);

    if (has_notes(drive, log)) {
        return read_around(drive, lane, log, place, bytes_max, entries);
    }
    return inner_of(drive)->read(drive->inner.inst, lane, log, place, bytes_max, entries);
}

/* --- the rest goes straight through --- */

static int32_t drive_snapshot(struct qn_inst *inst, uint32_t lane, uint64_t *snapshot)
{
    const struct qnk_drive *drive = drive_of(inst);

    return inner_of(drive)->snapshot(drive->inner.inst, lane, snapshot);
}

static int32_t drive_release(struct qn_inst *inst, uint32_t lane, uint64_t snapshot)
{
    const struct qnk_drive *drive = drive_of(inst);

    return inner_of(drive)->release(drive->inner.inst, lane, snapshot);
}

static int32_t drive_maintain(struct qn_inst *inst, uint32_t lane, uint32_t budget_ms,
                              uint64_t *left)
{
    const struct qnk_drive *drive = drive_of(inst);

    return inner_of(drive)->maintain(drive->inner.inst, lane, budget_ms, left);
}

static int32_t drive_stats(struct qn_inst *inst, uint32_t lane, struct qn_sink *stats)
{
    const struct qnk_drive *drive = drive_of(inst);

    return inner_of(drive)->stats(drive->inner.inst, lane, stats);
}

static const struct qn_storage_1 table = {
    .head = QN_STORAGE_1_HEAD,
    .space = drive_space,
    .write = drive_write,
    .get = drive_get,
    .scan = drive_scan,
    .snapshot = drive_snapshot,
    .release = drive_release,
    .append = drive_append,
    .read = drive_read,
    .trim = drive_trim,
    .maintain = drive_maintain,
    .stats = drive_stats,
};

struct qnk_plugged qnk_drive_plugged(struct qnk_drive *drive)
{
    return (struct qnk_plugged){.table = &table, .inst = (struct qn_inst *)(void *)drive};
}
