/* SPDX-License-Identifier: MIT */
#pragma once

/* types.h: the shapes in which bytes and answers cross the plugin boundary. Written by hand, and
 * frozen: it only ever gains names. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define QN_MUST_CHECK __attribute__((warn_unused_result))
#define QN_EXPORT     __attribute__((visibility("default")))
#else
#define QN_MUST_CHECK
#define QN_EXPORT
#endif

enum {
    QN_HASH_SIZE = 32, /* SHA-256 */
    QN_KEY_SIZE = 32,  /* Ed25519 public key */
    QN_SIG_SIZE = 64,  /* Ed25519 signature */
};

/* Why a call could not do what was asked. Crosses the boundary as int32_t, and the set is closed:
 * any other value counts as QN_BUG. */
enum qn_status {
    QN_OK = 0,
    QN_AGAIN = 1,       /* not now: wait for the announced event, then repeat */
    QN_INVALID = 2,     /* the input is not what it claims to be: refuse it, charge its sender */
    QN_UNSUPPORTED = 3, /* no such ability: go another way, or refuse at start */
    QN_NOT_FOUND = 4,   /* a normal answer */
    QN_EXISTS = 5,      /* a normal answer */
    QN_CORRUPT = 6,     /* what was kept is damaged: freeze, keep the data, alert, no votes */
    QN_IO = 7,          /* the world says no: back off, then degrade */
    QN_NO_SPACE = 8,    /* a budget or a cap would be passed */
    QN_TIMEOUT = 9,     /* repeat with back-off, then as QN_IO */
    QN_DENIED = 10,     /* not permitted: refuse, log once */
    QN_BUSY = 11,       /* extend the deadline, repeat */
    QN_CANCELLED = 12,  /* drop the work */
    QN_PEER = 13,       /* the far end broke a rule: close the link, score the peer */
    QN_BUG = 14,        /* a promise was broken: freeze the instance */
    QN_FATAL = 15,      /* the instance cannot go on */
    QN_STATUS_COUNT = 16
};

/* borrow: may be read until the call returns; passed, never kept. NULL `data` only with size 0. */
struct qn_span {
    const uint8_t *data;
    uint64_t size; /* bytes */
};

/* A part of a counted buffer. Whoever refs the owner may keep it. */
struct qn_slice {
    struct qn_buf *owner; /* NULL: a plain borrow */
    const uint8_t *data;
    uint64_t size; /* bytes */
};

/* The first member of every table. */
struct qn_head {
    uint32_t size;  /* bytes of the whole table */
    uint16_t major; /* equal on both sides, or the plugin is refused */
    uint16_t minor; /* tables only grow, at their end */
    uint64_t print; /* FNV-1a 64 of the slots' names and types */
};

/* The head of a table of `type`, as of the header that it is compiled with. */
#define QN_HEAD(type, major, minor, print) \
    {                                      \
        sizeof(type), major, minor, print  \
    }

/* One input. `body` is the record of the event's type in record encoding. */
struct qn_event {
    uint32_t size; /* of this struct */
    uint16_t type; /* QN_<KIND>_EVENT_... */
    uint16_t flags;
    uint64_t seq;    /* ascends by one from event to event of an instance */
    uint64_t now_us; /* the only time there is: microseconds, never falling */
    struct qn_span body;
    struct qn_slice payload;
};

/* Where a call appends what it wants done. Nothing is done before the call returns. */
struct qn_effects {
    struct qn_head head;
    void *ctx;
    /* Copies `body`; a payload's owner is ref'd. NO_SPACE: over the kind's limit of one call. */
    int32_t (*push)(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload);
};

struct qn_node; /* the host's own: a plugin only hands it back */
struct qn_sink; /* the caller's growing output, with a cap: filled through the host */
struct qn_buf;  /* counted bytes of the kernel, immutable once handed over */
struct qn_inst; /* the plugin's own: the host only carries it */

/* Little-endian integers, for records and for everything that is hashed or sent. */
static inline uint16_t qn_le16_read(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t qn_le32_read(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static inline uint64_t qn_le64_read(const uint8_t *from)
{
    return qn_le32_read(from) | (uint64_t)qn_le32_read(from + 4) << 32;
}

static inline void qn_le16_write(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void qn_le32_write(uint8_t *to, uint32_t value)
{
    qn_le16_write(to, (uint16_t)value);
    qn_le16_write(to + 2, (uint16_t)(value >> 16));
}

static inline void qn_le64_write(uint8_t *to, uint64_t value)
{
    qn_le32_write(to, (uint32_t)value);
    qn_le32_write(to + 4, (uint32_t)(value >> 32));
}
