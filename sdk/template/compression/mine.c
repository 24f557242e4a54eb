/* SPDX-License-Identifier: MIT */

/* mine.c: run lengths in the form of PackBits. A block is records of one control byte and more:
 *
 *   0 .. 127     so many bytes, and one more, follow as they are
 *   129 .. 255   the byte that follows stands 257 - control times
 *   128          is never written
 *
 * A compressor is pure: what it gives depends on its arguments and its config alone. Any number of
 * workers call it at once, so what a call writes to lies on its stack, or in memory that belongs to
 * the lane it was given. What comes to unpack() was sent by strangers: every length is checked
 * before it is used, and the answer to nonsense is QN_INVALID, never an assertion.
 *
 * Source: Apple Technical Note TN1023, "Understanding PackBits". */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/compression.h>

#include "mine.manifest.h"

enum {
    RECORD_MAX = 128,  /* bytes of plain that one record says */
    RUN_CONTROL = 257, /* less the length: the control byte of a run */
    NO_CONTROL = 128,
};

struct qn_inst {
    const struct qn_host *host;
    uint64_t run_min;
};

/* --- life --- */

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->run_min = (uint64_t)mine_config_read(config).run;
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void mine_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- slots --- */

/* A run of three or more saves the byte that the record before it costs. So at worst nothing
 * repeats, and every RECORD_MAX bytes cost one more. */
static uint64_t mine_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)self;
    return plain_size + plain_size / RECORD_MAX + 1;
}

/* How often the byte at `at` stands there in a row, as far as one record can say. */
static uint64_t run_at(struct qn_span plain, uint64_t at)
{
    uint64_t size = 1;

    while (size < RECORD_MAX && at + size < plain.size && plain.data[at + size] == plain.data[at]) {
        size++;
    }
    return size;
}

/* How many bytes from `at` on are best left as they are. */
static uint64_t rest_at(const struct qn_inst *self, struct qn_span plain, uint64_t at)
{
    uint64_t size = 0;

    while (size < RECORD_MAX && at + size < plain.size &&
           run_at(plain, at + size) < self->run_min) {
        size++;
    }
    return size;
}

static int32_t mine_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                         struct qn_sink *packed)
{
    uint64_t worst = mine_bound(self, plain.size);
    uint8_t *room = self->host->sink_room(packed, worst);
    uint64_t size = 0;

    QN_ASSERT(lane < MINE_LANES);
    if (room == NULL) {
        return QN_NO_SPACE;
    }
    for (uint64_t at = 0; at < plain.size;) {
        uint64_t rest = rest_at(self, plain, at);

        if (rest > 0) {
            room[size++] = (uint8_t)(rest - 1);
            memcpy(room + size, plain.data + at, rest);
            size += rest;
            at += rest;
        } else {
            uint64_t run = run_at(plain, at);

            room[size++] = (uint8_t)(RUN_CONTROL - run);
            room[size++] = plain.data[at];
            at += run;
        }
    }
    QN_ASSERT(size <= worst);
    self->host->sink_commit(packed, size);
    return QN_OK;
}

/* Writes what the records say, at most `size` bytes. False: they do not say exactly so many. */
static bool records_unpack(struct qn_span packed, uint8_t *plain, uint64_t size)
{
    uint64_t at = 0, done = 0;

    while (at < packed.size) {
        uint8_t control = packed.data[at++];
        bool is_run = control > NO_CONTROL;
        uint64_t says = is_run ? RUN_CONTROL - (uint64_t)control : (uint64_t)control + 1;
        uint64_t needs = is_run ? 1 : says;

        if (control == NO_CONTROL || needs > packed.size - at || says > size - done) {
            return false;
        }
        if (is_run) {
            memset(plain + done, packed.data[at], says);
        } else {
            memcpy(plain + done, packed.data + at, says);
        }
        at += needs;
        done += says;
    }
    return done == size;
}

/* What is in the room and was not committed does not count: so a refusal leaves the sink alone. */
static int32_t mine_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                           uint64_t plain_size, struct qn_sink *plain)
{
    uint8_t *room = self->host->sink_room(plain, plain_size);

    QN_ASSERT(lane < MINE_LANES);
    if (room == NULL) {
        return QN_NO_SPACE;
    }
    if (!records_unpack(packed, room, plain_size)) {
        return QN_INVALID;
    }
    self->host->sink_commit(plain, plain_size);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = mine_create,
    .destroy = mine_destroy,
};

static const struct qn_compression_1 slots = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = mine_bound,
    .pack = mine_pack,
    .unpack = mine_unpack,
};

/* The one thing that is exported: constants, so nothing of a plugin runs until it is created. */
const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MINE_MANIFEST_PRINT,
    .kind = MINE_KIND,
    .name = MINE_NAME,
    .version = MINE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
