/* SPDX-License-Identifier: MIT */

/* peers_admit.c: which links become peers, and what their ends mean for whom they were with. */

#include <string.h>

#include <qnet/assert.h>
#include <qnet/transport.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/text.h"
#include "kernel/host/peers_inside.h"

/* Two links with one peer that began within this are of two dials at once; after it the older one
 * is dead at the far end, as nobody dials whom it has. */
#define STEADY_US UINT64_C(3000000)

/* --- finding and naming --- */

struct qnk_key_text qnk_key_text(const struct qnk_hash *key)
{
    struct qnk_key_text it;

    qnk_bech32m_encode(QNK_PREFIX_NODE, key->bytes, it.text);
    return it;
}

/* Who a link is with, as far as it is known; else where. */
static struct qnk_key_text link_text(const struct qnk_link *link)
{
    struct qnk_key_text it;

    if (link->contact != NULL) {
        return qnk_key_text(&link->contact->key);
    }
    if (!qnk_hash_is_zero(&link->session.peer.key)) {
        return qnk_key_text(&link->session.peer.key);
    }
    qnk_text(it.text, sizeof it.text, "%s", link->address);
    return it;
}

static struct qnk_link *up_find(const struct qnk_peers *peers, const struct qnk_contact *contact)
{
    for (uint32_t i = 0; i < peers->links_count; i++) {
        struct qnk_link *link = peers->links[i];

        if (link->contact == contact && link->state == QNK_LINK_UP) {
            return link;
        }
    }
    return NULL;
}

struct qnk_link *qnk_peers_link(const struct qnk_peers *peers, uint64_t id)
{
    for (uint32_t i = 0; i < peers->links_count; i++) {
        if (peers->links[i]->id == id) {
            return peers->links[i];
        }
    }
    return NULL;
}

static uint32_t ups_count(const struct qnk_peers *peers)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < peers->links_count; i++) {
        count += peers->links[i]->state == QNK_LINK_UP ? 1 : 0;
    }
    return count;
}

bool qnk_peers_is_own(const struct qnk_peers *peers, const struct qnk_hash *key)
{
    return memcmp(peers->base.identity.key, key->bytes, QN_KEY_SIZE) == 0;
}

/* --- the end of links --- */

void qnk_peers_end(struct qnk_peers *peers, struct qnk_link *link, enum qnk_session_code code,
                   const char *text)
{
    qnk_link_end(link, code, text, peers->now_us);
}

/* What the end of a link means for whom it was with. */
static void contact_leave(struct qnk_peers *peers, const struct qnk_link *link)
{
    struct qnk_contact *contact = link->contact;
    uint64_t chance = qnk_random_u64(&peers->random);

    if (contact == NULL) {
        return;
    }
    QN_ASSERT(contact->links > 0);
    contact->links--;
    if (contact->links > 0 || qnk_contact_is_banned(contact, peers->now_us)) {
        return; /* another link stays; or the ban's reason does */
    }
    if (link->peer != 0) {
        qnk_contact_parted(contact, link->up_us, peers->now_us, chance, link->reason);
    } else {
        qnk_contact_failed(contact, peers->now_us, chance, link->reason);
    }
}

/* Ends of handshakes: in words for the operator, and counted for the address. */
static void handshake_failed(struct qnk_peers *peers, const struct qnk_link *link)
{
    bool is_foul = link->code == QNK_SESSION_MALFORMED || link->code == QNK_SESSION_UNPROVEN ||
                   link->code == QNK_SESSION_SLOW;
    enum qnk_log_level level = link->code == QNK_SESSION_NO_CODE ||
                                       link->code == QNK_SESSION_DUPLICATE ||
                                       link->code == QNK_SESSION_STOPPING
                                   ? QNK_LOG_DEBUG
                                   : QNK_LOG_WARN;

    if (link->code == QNK_SESSION_DUPLICATE) {
        return; /* counted where it was found */
    }
    peers->base.counters.handshakes_failed++;
    if (is_foul && !link->is_outgoing && !link->session.end.by_peer) {
        qnk_contacts_host_failed(&peers->contacts, link->address, peers->now_us);
    }
    qnk_log(peers->setup.log, level, "peer-refused", "peer %s %s | peer=%s address=%s reason=%s",
            link_text(link).text, link->reason, link_text(link).text, link->address, link->reason);
}

/* Takes ended links away and reports them. The callback may end further ones. */
void qnk_peers_reap(struct qnk_peers *peers)
{
    for (uint32_t i = 0; i < peers->links_count;) {
        struct qnk_link *link = peers->links[i];

        if (link->state != QNK_LINK_ENDED || link->is_held) {
            i++;
            continue;
        }
        peers->links[i] = peers->links[--peers->links_count];
        contact_leave(peers, link);
        if (link->peer == 0) {
            handshake_failed(peers, link);
        } else {
            qnk_log(peers->setup.log, QNK_LOG_INFO, "peer-down",
                    "peer %s is gone: %s | peer=%s reason=%s", link_text(link).text, link->reason,
                    link_text(link).text, link->reason);
            peers->setup.down(peers->setup.ctx, link->peer);
        }
        qnk_link_destroy(link);
        i = 0;
    }
}

/* --- score and ban --- */

void qnk_peers_drop(struct qnk_peers *peers, const struct qnk_contact *contact,
                    enum qnk_session_code code, const char *text)
{
    for (uint32_t i = 0; i < peers->links_count; i++) {
        if (peers->links[i]->contact == contact) {
            qnk_peers_end(peers, peers->links[i], code, text);
        }
    }
}

void qnk_peers_banned(struct qnk_peers *peers, struct qnk_contact *contact)
{
    char text[QNK_SESSION_TEXT_MAX + 1];

    peers->base.counters.bans++;
    qnk_log(peers->setup.log, QNK_LOG_WARN, "peer-banned", "peer %s is banned: %s | peer=%s",
            qnk_key_text(&contact->key).text, contact->reason, qnk_key_text(&contact->key).text);
    qnk_text(text, sizeof text, "banned: %s", contact->reason);
    qnk_peers_drop(peers, contact, QNK_SESSION_BANNED, text);
}

void qnk_peers_charge(struct qnk_peers *peers, struct qnk_link *link, enum qnk_fault fault)
{
    if (link->contact != NULL && qnk_contact_charge(link->contact, fault, peers->now_us)) {
        qnk_peers_banned(peers, link->contact);
    }
}

/* --- becoming a peer --- */

/* True: a link with this peer stays, which is the other one. The one that ends is ended. */
static bool duplicate_settle(struct qnk_peers *peers, struct qnk_link *link)
{
    struct qnk_link *other = up_find(peers, link->contact);
    bool is_ours_smaller =
        memcmp(peers->base.identity.key, link->contact->key.bytes, QN_KEY_SIZE) < 0;
    bool is_newer_best;

    if (other == NULL) {
        return false;
    }
    /* Both ends come to the same answer: they see the same two links. */
    is_newer_best = other->is_outgoing == link->is_outgoing ||
                    peers->now_us - other->up_us > STEADY_US ||
                    link->is_outgoing == is_ours_smaller;
    peers->base.counters.duplicates++;
    qnk_peers_end(peers, is_newer_best ? other : link, QNK_SESSION_DUPLICATE,
                  "another link between us stays");
    return !is_newer_best;
}

/* The peer that a known one may take the place of: a stranger, of the worst score. */
static struct qnk_link *stranger_find(const struct qnk_peers *peers)
{
    struct qnk_link *worst = NULL;

    for (uint32_t i = 0; i < peers->links_count; i++) {
        struct qnk_link *link = peers->links[i];

        if (link->state == QNK_LINK_UP && !link->contact->is_known &&
            (worst == NULL || qnk_contact_score(link->contact, peers->now_us) >
                                  qnk_contact_score(worst->contact, peers->now_us))) {
            worst = link;
        }
    }
    return worst;
}

/* Strangers that are up from the host of that link. */
static uint32_t strangers_at(const struct qnk_peers *peers, const char *address)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < peers->links_count; i++) {
        const struct qnk_link *link = peers->links[i];

        count += link->state == QNK_LINK_UP && !link->contact->is_known &&
                         qnk_host_is_same(link->address, address)
                     ? 1
                     : 0;
    }
    return count;
}

/* Whether there is a place for it among the peers, if need be by taking a stranger's. */
static bool place_make(struct qnk_peers *peers, struct qnk_link *link)
{
    bool is_known = link->contact->is_known;
    struct qnk_link *stranger;

    if (!is_known && strangers_at(peers, link->address) >= peers->setup.peers_per_address) {
        qnk_peers_end(peers, link, QNK_SESSION_FULL, "too many peers at your address");
        return false;
    }
    if (ups_count(peers) < peers->setup.peers_max) {
        return true;
    }
    stranger = is_known ? stranger_find(peers) : NULL;
    if (stranger == NULL) {
        qnk_peers_end(peers, link, QNK_SESSION_FULL, "all places for peers are taken");
        return false;
    }
    qnk_peers_end(peers, stranger, QNK_SESSION_FULL, "your place is needed for a known peer");
    return true;
}

/* Whether who has proven its key may be a peer. */
static bool peer_admit(struct qnk_peers *peers, struct qnk_link *link)
{
    if (link->contact == NULL) {
        link->contact = qnk_contacts_take(&peers->contacts, &link->session.peer.key, peers->now_us);
        if (link->contact == NULL) {
            qnk_peers_end(peers, link, QNK_SESSION_FULL, "too many peers are remembered");
            return false;
        }
        link->contact->links++;
    }
    if (qnk_contact_is_banned(link->contact, peers->now_us)) {
        qnk_peers_end(peers, link, QNK_SESSION_BANNED, "you are banned here");
        return false;
    }
    return !duplicate_settle(peers, link) && place_make(peers, link);
}

void qnk_peers_proven(struct qnk_peers *peers, struct qnk_link *link)
{
    uint64_t id = link->id;
    bool is_packing;

    peers->base.counters.handshakes++;
    if (!peer_admit(peers, link)) {
        return;
    }
    link->is_held = true;
    qnk_peers_reap(peers); /* whose place it takes is down before this one is up */
    link->is_held = false;
    if (link->state != QNK_LINK_OPEN) {
        return; /* a callback ended it; it is taken away in its turn */
    }
    if (qnk_link_raise(link, ++peers->last_peer, peers->now_us) != QN_OK) {
        qnk_peers_end(peers, link, QNK_SESSION_FULL, "no memory for another peer");
        return;
    }
    is_packing = qnk_link_is_packing(link);
    link->contact->since_us = peers->now_us;
    link->contact->reason[0] = 0;
    qnk_log(peers->setup.log, QNK_LOG_INFO, "peer-up",
            "peer %s is connected | peer=%s address=%s direction=%s packing=%s",
            link_text(link).text, link_text(link).text, link->address,
            link->is_outgoing ? "out" : "in",
            is_packing ? peers->base.names[peers->base.packer.active] : "none");
    peers->setup.up(peers->setup.ctx, link->peer, &link->session.peer, link->is_outgoing);
    link = qnk_peers_link(peers, id); /* the callback may have stopped all */
    if (link != NULL) {
        qnk_link_keep(link, peers->now_us);
    }
}
