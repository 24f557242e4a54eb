/* SPDX-License-Identifier: MIT */

#include "sdk/check/compression.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLAIN_MAX = QN_COMPRESSION_PLAIN_MAX,
    ROOM = PLAIN_MAX + PLAIN_MAX / 16, /* bytes of each buffer: the largest block, badly packed */
    SMALL = 1 << 16,                   /* bytes of the blocks in most cases */
    GUARD = 64,                        /* bytes after the plain room that must never change */
    GUARD_BYTE = 0xA5,
    LANES_MAX = 64,
    THREAD_BLOCKS = 20, /* that each lane's thread packs and unpacks */
};

struct qn_check_compression {
    struct qn_check_given given;
    struct qn_node *node;
    const struct qn_compression_1 *slots;
    struct qn_inst *inst;
    uint8_t *plain, *packed, *back; /* ROOM bytes each */
};

struct qn_check_compression *qn_check_compression_start(const struct qn_check_given *given)
{
    struct qn_check_compression *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->given = *given;
    it->node = qn_check_node_create(given->memory);
    it->slots = (const void *)given->plugin->slots;
    it->plain = malloc(ROOM);
    it->packed = malloc(ROOM);
    it->back = malloc(ROOM);
    QN_CHECK(it->plain != NULL && it->packed != NULL && it->back != NULL);
    it->inst = qn_check_inst_create(given, it->node);
    return it;
}

void qn_check_compression_stop(struct qn_check_compression *it)
{
    qn_check_inst_destroy(&it->given, it->inst);
    qn_check_node_destroy(it->node);
    free(it->plain);
    free(it->packed);
    free(it->back);
    free(it);
}

/* A plain block of `size` bytes: `noise` 0 is all one byte, 255 cannot be packed. */
static struct qn_span block(uint8_t *to, uint64_t size, uint8_t noise)
{
    uint64_t seed = 1;

    for (uint64_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(qn_check_random(&seed) >> 32) & noise;
    }
    return (struct qn_span){to, size};
}

/* Packs into just the room that bound() asks for. */
static struct qn_span pack(struct qn_check_compression *it, struct qn_span plain)
{
    struct qn_sink packed = {.data = it->packed, .cap = it->slots->bound(it->inst, plain.size)};

    QN_CHECK(packed.cap <= ROOM);
    QN_CHECK(it->slots->pack(it->inst, 0, plain, &packed) == QN_OK);
    return (struct qn_span){it->packed, packed.size};
}

int32_t qn_check_compression_unpack(struct qn_check_compression *it, struct qn_span packed,
                                    uint64_t plain_size)
{
    struct qn_sink back = {.data = it->back, .cap = plain_size};
    int32_t status = it->slots->unpack(it->inst, 0, packed, plain_size, &back);

    QN_CHECK(back.size == (status == QN_OK ? plain_size : 0));
    return status;
}

static void there_and_back(struct qn_check_compression *it, struct qn_span plain)
{
    struct qn_span packed = pack(it, plain);

    QN_CHECK(qn_check_compression_unpack(it, packed, plain.size) == QN_OK);
    QN_CHECK(memcmp(it->back, plain.data, plain.size) == 0);
}

void qn_check_compression_round_trip(void **subject)
{
    struct qn_check_compression *it = *subject;

    for (uint64_t size = 0; size <= SMALL; size = size * 2 + 1) {
        there_and_back(it, block(it->plain, size, 0));
        there_and_back(it, block(it->plain, size, 15));
    }
    there_and_back(it, block(it->plain, PLAIN_MAX, 15));
}

void qn_check_compression_bound_is_honest(void **subject)
{
    struct qn_check_compression *it = *subject;

    for (uint64_t size = 0; size <= SMALL; size = size * 2 + 1) {
        struct qn_sink tight = {.data = it->packed, .cap = it->slots->bound(it->inst, size) - 1};

        there_and_back(it, block(it->plain, size, 255));
        if (it->slots->pack(it->inst, 0, block(it->plain, size, 255), &tight) != QN_OK) {
            QN_CHECK(tight.size == 0);
        }
    }
    there_and_back(it, block(it->plain, PLAIN_MAX, 255));
}

void qn_check_compression_hostile_bytes(void **subject)
{
    struct qn_check_compression *it = *subject;
    struct qn_span whole = pack(it, block(it->plain, 1000, 3));

    for (uint64_t size = 0; size < whole.size; size++) {
        struct qn_span cut = {whole.data, size};

        QN_CHECK(qn_check_compression_unpack(it, cut, 1000) == QN_INVALID);
    }
    it->packed[whole.size] = 0;
    whole.size++;
    QN_CHECK(qn_check_compression_unpack(it, whole, 1000) == QN_INVALID);
    whole.size--;
    QN_CHECK(qn_check_compression_unpack(it, whole, 999) == QN_INVALID);
    QN_CHECK(qn_check_compression_unpack(it, whole, 1001) == QN_INVALID);

    memset(it->back + 1000, GUARD_BYTE, GUARD);
    for (uint64_t bit = 0; bit < whole.size * 8; bit++) {
        it->packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)qn_check_compression_unpack(it, whole, 1000);
        it->packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (int i = 0; i < GUARD; i++) {
        QN_CHECK(it->back[1000 + i] == GUARD_BYTE);
    }
}

void qn_check_compression_no_bomb(void **subject)
{
    struct qn_check_compression *it = *subject;
    struct qn_span bomb = pack(it, block(it->plain, PLAIN_MAX, 0));
    struct qn_sink small = {.data = it->back, .cap = 999};

    QN_CHECK(qn_check_compression_unpack(it, bomb, 1000) == QN_INVALID);
    QN_CHECK(it->slots->unpack(it->inst, 0, bomb, PLAIN_MAX, &small) == QN_NO_SPACE);
    QN_CHECK(small.size == 0);
}

/* One thread's lane, and whether all went well: only the case's own thread may fail it. */
struct worker {
    struct qn_check_compression *it;
    uint32_t lane;
    bool is_right;
};

/* A block unlike those of other lanes and rounds, there and back. */
static bool lane_round(struct worker *worker, uint8_t *room, uint64_t seed)
{
    struct qn_check_compression *it = worker->it;
    uint8_t *plain = room, *packed = room + SMALL, *back = room + 3 * SMALL;
    struct qn_sink to = {.data = packed, .cap = it->slots->bound(it->inst, SMALL)};
    struct qn_sink from = {.data = back, .cap = SMALL};

    for (uint64_t i = 0; i < SMALL; i++) {
        plain[i] = (uint8_t)(qn_check_random(&seed) >> 32) & 15;
    }
    return to.cap <= 2 * SMALL &&
           it->slots->pack(it->inst, worker->lane, (struct qn_span){plain, SMALL}, &to) == QN_OK &&
           it->slots->unpack(it->inst, worker->lane, (struct qn_span){packed, to.size}, SMALL,
                             &from) == QN_OK &&
           from.size == SMALL && memcmp(plain, back, SMALL) == 0;
}

static void *lane_run(void *context)
{
    struct worker *worker = context;
    uint8_t *room = malloc(4 * SMALL);

    worker->is_right = room != NULL;
    for (uint64_t i = 0; i < THREAD_BLOCKS && worker->is_right; i++) {
        worker->is_right = lane_round(worker, room, 1 + i + 1000 * worker->lane);
    }
    free(room);
    return NULL;
}

void qn_check_compression_lanes_share_nothing(void **subject)
{
    struct qn_check_compression *it = *subject;
    struct worker workers[LANES_MAX];
    pthread_t threads[LANES_MAX];
    uint32_t lanes = it->given.lanes;

    QN_CHECK(lanes >= 1 && lanes <= LANES_MAX);
    for (uint32_t i = 0; i < lanes; i++) {
        workers[i] = (struct worker){it, i, false};
        QN_CHECK(pthread_create(&threads[i], NULL, lane_run, &workers[i]) == 0);
    }
    for (uint32_t i = 0; i < lanes; i++) {
        QN_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < lanes; i++) {
        QN_CHECK(workers[i].is_right);
    }
}
