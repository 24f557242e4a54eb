/* SPDX-License-Identifier: MIT */
#pragma once

/* ring.h: one direction of a link: frames in shared memory, from one writer to one reader.
 *
 * A frame is its size in four bytes and then itself; the largest one fits, and one more that is
 * small. Positions only grow. Zeroed memory is an empty ring.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   threads  the writer's loop and the reader's loop, one of each
 *   cost     one copy; no lock, never waits
 */

#include <stdatomic.h>

#include <qnet/transport.h>

enum { RING_FRAME_HEAD = 4, RING_SIZE = QN_TRANSPORT_FRAME_MAX + 65536 };

/* How a direction ended: the writer says it once. */
enum ring_end {
    RING_OPEN = 0,
    RING_CLOSED = 1, /* what is in it may still be read, until the deadline */
    RING_RESET = 2,  /* at once */
};

struct ring {
    _Atomic uint64_t written;
    _Atomic uint64_t read;
    _Atomic uint64_t deadline_us; /* valid once closed */
    _Atomic uint32_t end;         /* enum ring_end */
    _Atomic uint32_t wants_room;  /* the writer waits for the reader */
    uint8_t bytes[RING_SIZE];
};

static inline uint64_t ring_used(struct ring *ring)
{
    uint64_t read = atomic_load(&ring->read);

    return atomic_load(&ring->written) - read;
}

static inline uint64_t ring_free(struct ring *ring)
{
    return RING_SIZE - ring_used(ring);
}

/* Copies in at position `at`, around the end. */
static inline void ring_put(struct ring *ring, uint64_t at, const uint8_t *from, uint64_t size)
{
    uint64_t start = at % RING_SIZE;
    uint64_t first = size < RING_SIZE - start ? size : RING_SIZE - start;

    memcpy(ring->bytes + start, from, first);
    memcpy(ring->bytes, from + first, size - first);
}

static inline void ring_get(const struct ring *ring, uint64_t at, uint8_t *to, uint64_t size)
{
    uint64_t start = at % RING_SIZE;
    uint64_t first = size < RING_SIZE - start ? size : RING_SIZE - start;

    memcpy(to, ring->bytes + start, first);
    memcpy(to + first, ring->bytes, size - first);
}

/* False: no room. */
static inline bool ring_push(struct ring *ring, const uint8_t *frame, uint64_t size)
{
    uint64_t at = atomic_load(&ring->written);
    uint8_t head[RING_FRAME_HEAD];

    QN_ASSERT(size >= 1 && size <= QN_TRANSPORT_FRAME_MAX);
    if (ring_free(ring) < RING_FRAME_HEAD + size) {
        return false;
    }
    qn_le32_write(head, (uint32_t)size);
    ring_put(ring, at, head, sizeof head);
    ring_put(ring, at + RING_FRAME_HEAD, frame, size);
    atomic_store(&ring->written, at + RING_FRAME_HEAD + size);
    return true;
}

/* The size of the first frame; 0: there is none. */
static inline uint64_t ring_first(struct ring *ring)
{
    uint8_t head[RING_FRAME_HEAD];
    uint64_t size;

    if (ring_used(ring) == 0) {
        return 0;
    }
    ring_get(ring, atomic_load(&ring->read), head, sizeof head);
    size = qn_le32_read(head);
    QN_ASSERT(size >= 1 && RING_FRAME_HEAD + size <= ring_used(ring));
    return size;
}

/* Takes out the first frame, of `size` bytes. */
static inline void ring_pop(struct ring *ring, uint8_t *to, uint64_t size)
{
    uint64_t at = atomic_load(&ring->read);

    ring_get(ring, at + RING_FRAME_HEAD, to, size);
    atomic_store(&ring->read, at + RING_FRAME_HEAD + size);
}
