/* SPDX-License-Identifier: MIT */

#include "kernel/host/contacts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"

#define POINT         UINT64_C(1000000) /* micro-points */
#define FALL_A_SECOND (QNK_SCORE_FALL * POINT / 60)
#define MICROS        UINT64_C(1000000)
#define LIST_SIZE     (QNK_CONTACTS_MAX * sizeof(struct qnk_contact))

static const struct {
    uint32_t points;
    uint32_t most; /* it alone brings a score no further */
    const char *text;
} faults[QNK_FAULTS] = {
    [QNK_FAULT_MALFORMED] = {25, QNK_SCORE_MAX, "malformed frames"},
    [QNK_FAULT_UNASKED] = {5, QNK_SCORE_MILD, "answers that nobody asked for"},
    [QNK_FAULT_BAD_SIGNATURE] = {50, QNK_SCORE_MAX, "bad signatures"},
    [QNK_FAULT_BAD_BLOCK] = {50, QNK_SCORE_MAX, "bad blocks"},
    [QNK_FAULT_BAD_RANGE] = {100, QNK_SCORE_MAX, "sync data that does not fit its certificate"},
    [QNK_FAULT_BAD_TX] = {5, QNK_SCORE_MAX, "bad transactions"},
    [QNK_FAULT_SLOW] = {5, QNK_SCORE_MILD, "requests that it did not answer in time"},
};

int32_t qnk_contacts_init(struct qnk_contacts *contacts, struct qnk_budget *budget)
{
    *contacts = (struct qnk_contacts){.budget = budget};
    contacts->list = qnk_memory_take(budget, LIST_SIZE);
    return contacts->list == NULL ? QN_NO_SPACE : QN_OK;
}

void qnk_contacts_done(struct qnk_contacts *contacts)
{
    qnk_memory_give(contacts->budget, contacts->list, LIST_SIZE);
    contacts->list = NULL;
}

struct qnk_contact *qnk_contacts_find(const struct qnk_contacts *contacts,
                                      const struct qnk_hash *key)
{
    for (uint32_t i = 0; i < QNK_CONTACTS_MAX; i++) {
        struct qnk_contact *contact = &contacts->list[i];

        if (contact->is_used && qnk_hash_equal(&contact->key, key)) {
            return contact;
        }
    }
    return NULL;
}

/* A free place, or the one whose loss costs least. */
static struct qnk_contact *place_find(struct qnk_contacts *contacts, uint64_t now_us)
{
    struct qnk_contact *best = NULL;

    for (uint32_t i = 0; i < QNK_CONTACTS_MAX; i++) {
        struct qnk_contact *it = &contacts->list[i];

        if (!it->is_used) {
            return it;
        }
        if (it->is_known || it->links > 0 || qnk_contact_is_banned(it, now_us)) {
            continue;
        }
        if (best == NULL || qnk_contact_score(it, now_us) < qnk_contact_score(best, now_us)) {
            best = it;
        }
    }
    return best;
}

struct qnk_contact *qnk_contacts_take(struct qnk_contacts *contacts, const struct qnk_hash *key,
                                      uint64_t now_us)
{
    struct qnk_contact *contact = qnk_contacts_find(contacts, key);

    if (contact != NULL) {
        return contact;
    }
    contact = place_find(contacts, now_us);
    if (contact != NULL) {
        *contact = (struct qnk_contact){.is_used = true,
                                        .key = *key,
                                        .delay_us = QNK_DIAL_DELAY_MIN,
                                        .since_us = now_us,
                                        .scored_us = now_us};
    }
    return contact;
}

/* --- back-off --- */

static void reason_set(struct qnk_contact *contact, const char *reason)
{
    qnk_text(contact->reason, sizeof contact->reason, "%s", reason);
}

/* Three quarters to five quarters of the delay: two nodes that refuse each other drift apart. */
void qnk_contact_failed(struct qnk_contact *contact, uint64_t now_us, uint64_t chance,
                        const char *reason)
{
    contact->dial_us = now_us + contact->delay_us * 3 / 4 + chance % (contact->delay_us / 2 + 1);
    contact->delay_us *= 2;
    if (contact->delay_us > QNK_DIAL_DELAY_MAX) {
        contact->delay_us = QNK_DIAL_DELAY_MAX;
    }
    contact->token = 0;
    contact->since_us = now_us;
    reason_set(contact, reason);
}

void qnk_contact_parted(struct qnk_contact *contact, uint64_t up_us, uint64_t now_us,
                        uint64_t chance, const char *reason)
{
    if (now_us - up_us >= QNK_DIAL_STEADY_US) {
        contact->delay_us = QNK_DIAL_DELAY_MIN;
    }
    qnk_contact_failed(contact, now_us, chance, reason);
}

/* --- score and ban --- */

static uint64_t points_at(const struct qnk_contact *contact, uint64_t now_us)
{
    uint64_t age_us = now_us > contact->scored_us ? now_us - contact->scored_us : 0;
    uint64_t fall = age_us / MICROS * FALL_A_SECOND;

    return fall < contact->points ? contact->points - fall : 0;
}

uint32_t qnk_contact_score(const struct qnk_contact *contact, uint64_t now_us)
{
    uint64_t points = (points_at(contact, now_us) + POINT / 2) / POINT;

    return (uint32_t)(points < QNK_SCORE_MAX ? points : QNK_SCORE_MAX);
}

bool qnk_contact_charge(struct qnk_contact *contact, enum qnk_fault fault, uint64_t now_us)
{
    uint64_t before = points_at(contact, now_us);
    uint64_t after, most;

    QN_ASSERT(fault < QNK_FAULTS);
    after = before + faults[fault].points * POINT;
    most = faults[fault].most * POINT;
    contact->points = after <= most ? after : before > most ? before : most;
    contact->scored_us = now_us;
    if (contact->points < QNK_SCORE_MAX * POINT) {
        return false;
    }
    qnk_contact_ban(contact, contact->is_known ? QNK_BAN_KNOWN_S : QNK_BAN_STRANGER_S,
                    faults[fault].text, now_us);
    return true;
}

void qnk_contact_ban(struct qnk_contact *contact, uint64_t seconds, const char *reason,
                     uint64_t now_us)
{
    bool is_endless = seconds == 0 || seconds > (UINT64_MAX - now_us) / MICROS - 1;

    contact->banned_until_us = is_endless ? UINT64_MAX : now_us + seconds * MICROS;
    contact->since_us = now_us;
    /* It comes back with a clean slate, but a short one. */
    contact->points = QNK_SCORE_MAX * POINT / 2;
    contact->scored_us = is_endless ? now_us : contact->banned_until_us;
    reason_set(contact, reason);
}

bool qnk_contact_is_banned(const struct qnk_contact *contact, uint64_t now_us)
{
    return contact->banned_until_us > now_us;
}

/* --- hosts --- */

struct qn_span qnk_host_of(const char *address)
{
    const char *scheme = strstr(address, "://");
    const char *start = scheme == NULL ? address : scheme + 3;
    const char *port = strrchr(start, ':');
    uint64_t size = strlen(start);

    if (port != NULL && port[1] != 0 && strspn(port + 1, "0123456789") == strlen(port + 1)) {
        size = (uint64_t)(port - start);
    }
    return (struct qn_span){(const uint8_t *)start, size};
}

enum { PREFIX_SIZE = 8, PREFIX_TAG = 1 };

/* What of an address says which host it is of: its text, or of an IPv6 address the first 64 bits,
 * as whoever has one of those has them all. These lie in `room`, after a byte that no text has. */
static struct qn_span host_part(const char *address, uint8_t room[PREFIX_TAG + PREFIX_SIZE])
{
    struct qn_span host = qnk_host_of(address);
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;

    if (host.size < 3 || host.size - 2 >= sizeof text || host.data[0] != '[' ||
        host.data[host.size - 1] != ']') {
        return host;
    }
    memcpy(text, host.data + 1, host.size - 2);
    text[host.size - 2] = 0;
    if (inet_pton(AF_INET6, text, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) {
        return host;
    }
    room[0] = 0;
    memcpy(room + PREFIX_TAG, &six, PREFIX_SIZE);
    return (struct qn_span){room, PREFIX_TAG + PREFIX_SIZE};
}

bool qnk_host_is_same(const char *a, const char *b)
{
    uint8_t rooms[2][PREFIX_TAG + PREFIX_SIZE];
    struct qn_span left = host_part(a, rooms[0]);
    struct qn_span right = host_part(b, rooms[1]);

    return left.size == right.size && memcmp(left.data, right.data, left.size) == 0;
}

uint32_t qnk_contacts_known_at(const struct qnk_contacts *contacts, const char *address)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < QNK_CONTACTS_MAX; i++) {
        const struct qnk_contact *it = &contacts->list[i];

        count += it->is_used && it->is_known && qnk_host_is_same(it->address, address) ? 1 : 0;
    }
    return count;
}

/* Not 0. Two hosts with one hash share their fate for ten seconds. */
static uint64_t host_hash(const char *address)
{
    uint8_t room[PREFIX_TAG + PREFIX_SIZE];
    struct qn_span host = host_part(address, room);
    struct qnk_hash hash;

    qnk_hash_leaf(host.data, host.size, &hash);
    return qn_le64_read(hash.bytes) | 1;
}

void qnk_contacts_host_failed(struct qnk_contacts *contacts, const char *address, uint64_t now_us)
{
    uint64_t host = host_hash(address);
    struct qnk_host_failures *place = &contacts->hosts[0];

    for (uint32_t i = 0; i < QNK_CONTACTS_HOSTS; i++) {
        struct qnk_host_failures *it = &contacts->hosts[i];

        if (it->host == host) {
            place = it;
            break;
        }
        place = it->since_us < place->since_us ? it : place;
    }
    if (place->host != host || now_us - place->since_us > QNK_HOST_FAILURES_US) {
        *place = (struct qnk_host_failures){.host = host, .since_us = now_us};
    }
    place->count++;
}

bool qnk_contacts_host_is_bad(const struct qnk_contacts *contacts, const char *address,
                              uint64_t now_us)
{
    uint64_t host = host_hash(address);

    for (uint32_t i = 0; i < QNK_CONTACTS_HOSTS; i++) {
        const struct qnk_host_failures *it = &contacts->hosts[i];

        if (it->host == host) {
            return it->count > QNK_HOST_FAILURES_MAX &&
                   now_us - it->since_us <= QNK_HOST_FAILURES_US;
        }
    }
    return false;
}

/* The place of a host, or the one that it takes over: where there is room again soonest. */
static struct qnk_host_accepts *accepts_find(struct qnk_contacts *contacts, uint64_t host)
{
    struct qnk_host_accepts *place = &contacts->accepts[0];

    for (uint32_t i = 0; i < QNK_CONTACTS_HOSTS; i++) {
        struct qnk_host_accepts *it = &contacts->accepts[i];

        if (it->host == host) {
            return it;
        }
        place = it->full_us < place->full_us ? it : place;
    }
    return place;
}

bool qnk_contacts_accept(struct qnk_contacts *contacts, const char *address, uint32_t places,
                         bool is_stranger, uint64_t now_us)
{
    uint64_t host = host_hash(address);
    struct qnk_host_accepts *it = accepts_find(contacts, host);
    uint64_t here_us = it->host == host && it->full_us > now_us ? it->full_us : now_us;
    uint64_t all_us = contacts->accepts_full_us > now_us ? contacts->accepts_full_us : now_us;

    if (here_us - now_us >= QNK_HOST_ACCEPTS_US ||
        (is_stranger && all_us - now_us >= QNK_ACCEPTS_US)) {
        return false;
    }
    *it = (struct qnk_host_accepts){host, here_us + QNK_HOST_ACCEPTS_US / (4 * (uint64_t)places)};
    if (is_stranger) {
        contacts->accepts_full_us = all_us + QNK_ACCEPTS_US / QNK_ACCEPTS_MAX;
    }
    return true;
}
