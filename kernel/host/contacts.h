/* SPDX-License-Identifier: MIT */
#pragma once

/* contacts.h: what is remembered of other nodes, connected or not: where a known one is dialled and
 * when again, what was found against each, and who is banned until when and why.
 *
 * A score rises by faults and falls by SCORE_FALL points a minute; at SCORE_MAX follows a ban. A
 * stranger is banned for an hour, a node that the operator named for a minute only: a mistake of
 * our own must not split a network of few validators. Being slow is no guilt, and never banned: it
 * only tells whose place a known peer takes.
 *
 * Hosts, the addresses without their ports, are remembered for failed handshakes alone: whoever
 * fails there changes keys for nothing.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds since 1970, never falling
 *   owns     contacts are the table's and stay where they are while in use
 *   threads  one at a time
 *   cost     finding is linear in CONTACTS_MAX; allocates at init only
 *
 * Source: chain.md "Peers".
 */

#include <stdbool.h>

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"
#include "kernel/base/random.h"
#include "kernel/host/peers.h"

enum {
    QNK_CONTACTS_MAX = 1024, /* beyond: the stranger that did least wrong is forgotten */
    QNK_CONTACTS_HOSTS = 64, /* with failed handshakes; beyond: the oldest is forgotten */
    QNK_SCORE_MAX = 100,
    QNK_SCORE_MILD = 50,   /* what being slow or unasked comes to at most: no ban by that alone */
    QNK_SCORE_FALL = 10,   /* points a minute */
    QNK_ACCEPTS_MAX = 128, /* handshakes that strangers begin in QNK_ACCEPTS_US */
    QNK_HOST_FAILURES_MAX = 10, /* failed handshakes in QNK_HOST_FAILURES_US; beyond: no more */
};

#define QNK_HOST_FAILURES_US UINT64_C(10000000)
#define QNK_HOST_ACCEPTS_US  UINT64_C(16000000)
#define QNK_ACCEPTS_US       UINT64_C(4000000)
#define QNK_DIAL_DELAY_MIN   UINT64_C(250000)   /* after the first failure; then twice as long */
#define QNK_DIAL_DELAY_MAX   UINT64_C(15000000) /* each time, up to this */
#define QNK_DIAL_STEADY_US   UINT64_C(10000000) /* a link that lasted so long: from the start */
#define QNK_BAN_STRANGER_S   3600
#define QNK_BAN_KNOWN_S      60

struct qnk_contact {
    bool is_used;
    bool is_known; /* by the operator's word */
    struct qnk_hash key;
    char address[QNK_PEER_ADDRESS_SIZE]; /* where it is dialled; "": nowhere */
    uint32_t links;                      /* that are this contact's */
    uint64_t token;                      /* of the dial that is on its way; 0: none */
    uint64_t dial_us;                    /* not before this */
    uint64_t delay_us;                   /* after the next failure */
    uint64_t since_us;                   /* of the last change of its state */
    uint64_t points;                     /* micro-points against it, as of scored_us */
    uint64_t scored_us;
    uint64_t banned_until_us; /* 0: not; UINT64_MAX: until the operator says so */
    char reason[QNK_PEER_REASON_SIZE];
};

struct qnk_host_failures {
    uint64_t host; /* hash of its name; 0: free */
    uint32_t count;
    uint64_t since_us;
};

/* Handshakes that a host began, as the time at which it may begin as many at once as ever. */
struct qnk_host_accepts {
    uint64_t host; /* hash of its name; 0: free */
    uint64_t full_us;
};

struct qnk_contacts {
    struct qnk_contact *list; /* QNK_CONTACTS_MAX */
    struct qnk_budget *budget;
    struct qnk_host_failures hosts[QNK_CONTACTS_HOSTS];
    struct qnk_host_accepts accepts[QNK_CONTACTS_HOSTS]; /* beyond: the fullest is forgotten */
    uint64_t accepts_full_us;                            /* of all strangers together */
};

/* QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_contacts_init(struct qnk_contacts *contacts, struct qnk_budget *budget);
void qnk_contacts_done(struct qnk_contacts *contacts);

/* NULL: never met, or forgotten. */
struct qnk_contact *qnk_contacts_find(const struct qnk_contacts *contacts,
                                      const struct qnk_hash *key);

/* Found or made. NULL: all are known, linked or banned. */
struct qnk_contact *qnk_contacts_take(struct qnk_contacts *contacts, const struct qnk_hash *key,
                                      uint64_t now_us);

/* Back-off. `chance` spreads the dials of many nodes; `reason` is kept. */
void qnk_contact_failed(struct qnk_contact *contact, uint64_t now_us, uint64_t chance,
                        const char *reason);

/* A link of it was up since `up_us` and ended. */
void qnk_contact_parted(struct qnk_contact *contact, uint64_t up_us, uint64_t now_us,
                        uint64_t chance, const char *reason);

/* 0..QNK_SCORE_MAX. */
uint32_t qnk_contact_score(const struct qnk_contact *contact, uint64_t now_us);

/* True: it is banned from now on, and `reason` in the contact says for what. */
bool qnk_contact_charge(struct qnk_contact *contact, enum qnk_fault fault, uint64_t now_us);

/* `seconds` 0: until it is lifted. */
void qnk_contact_ban(struct qnk_contact *contact, uint64_t seconds, const char *reason,
                     uint64_t now_us);
bool qnk_contact_is_banned(const struct qnk_contact *contact, uint64_t now_us);

/* An address without scheme and port: "tcp://1.2.3.4:5" is "1.2.3.4". Borrows `address`. */
struct qn_span qnk_host_of(const char *address);

/* Whether limits for a host hold for both together: IPv6 addresses count by their first 64 bits. */
bool qnk_host_is_same(const char *a, const char *b);

/* Known contacts at that address's host. */
uint32_t qnk_contacts_known_at(const struct qnk_contacts *contacts, const char *address);

void qnk_contacts_host_failed(struct qnk_contacts *contacts, const char *address, uint64_t now_us);

/* Whether another handshake may begin from there, as each costs signatures; if so it is counted. A
 * host with `places` for peers may begin four times as many at once, and that again in
 * QNK_HOST_ACCEPTS_US; all strangers together QNK_ACCEPTS_MAX in QNK_ACCEPTS_US. */
bool qnk_contacts_accept(struct qnk_contacts *contacts, const char *address, uint32_t places,
                         bool is_stranger, uint64_t now_us);

/* Whether too many handshakes failed from there just now. */
bool qnk_contacts_host_is_bad(const struct qnk_contacts *contacts, const char *address,
                              uint64_t now_us);
