/* SPDX-License-Identifier: MIT */

#include <string.h>

#include <qnet/transport.h>

#include "kernel/base/text.h"
#include "kernel/host/peers_inside.h"

/* --- looking --- */

int32_t qnk_peers_listening(const struct qnk_peers *peers, char *address)
{
    if (peers->listen_status == QN_OK) {
        qnk_text(address, QNK_PEER_ADDRESS_SIZE, "%s", peers->listening);
    }
    return peers->listen_status;
}

const struct qnk_peers_counters *qnk_peers_counters(const struct qnk_peers *peers)
{
    return &peers->base.counters;
}

static void link_view(const struct qnk_link *link, struct qnk_peer_view *view)
{
    bool is_up = link->state == QNK_LINK_UP;

    view->peer = is_up ? link->peer : 0;
    view->state = is_up ? QNK_PEER_UP : QNK_PEER_PROVING;
    qnk_text(view->address, sizeof view->address, "%s", link->address);
    view->node_type = link->session.peer.node_type;
    view->is_outgoing = link->is_outgoing;
    view->is_packing = qnk_link_is_packing(link);
    view->since_us = is_up ? link->up_us : link->since_us;
    view->rtt_us = link->rtt_us;
    view->bytes_in = link->bytes_in;
    view->bytes_out = link->bytes_out;
    view->frames_in = link->frames_in;
    view->frames_out = link->frames_out;
    view->refused = link->refused;
    for (uint32_t i = 0; i < QNK_LANES; i++) {
        view->queued[i] = link->lanes.queues[i].count;
        view->queued_bytes[i] = link->lanes.queues[i].bytes;
        view->dropped[i] = link->lanes.queues[i].dropped;
    }
}

static const struct qnk_link *link_of(const struct qnk_peers *peers,
                                      const struct qnk_contact *contact)
{
    const struct qnk_link *found = NULL;

    for (uint32_t i = 0; contact->links > 0 && i < peers->links_count; i++) {
        const struct qnk_link *link = peers->links[i];

        if (link->contact == contact && link->state != QNK_LINK_ENDED &&
            (found == NULL || link->state == QNK_LINK_UP)) {
            found = link;
        }
    }
    return found;
}

/* False: nothing of it is worth showing. */
static bool contact_view(const struct qnk_peers *peers, const struct qnk_contact *contact,
                         struct qnk_peer_view *view)
{
    const struct qnk_link *link = link_of(peers, contact);
    bool is_banned = qnk_contact_is_banned(contact, peers->now_us);

    if (!contact->is_known && !is_banned && link == NULL) {
        return false;
    }
    *view = (struct qnk_peer_view){
        .key = contact->key,
        .state = contact->token != 0 ? QNK_PEER_DIALLED : QNK_PEER_AWAY,
        .is_known = contact->is_known,
        .score = qnk_contact_score(contact, peers->now_us),
        .since_us = contact->since_us,
        .banned_until_us = is_banned ? contact->banned_until_us : 0,
    };
    qnk_text(view->address, sizeof view->address, "%s", contact->address);
    qnk_text(view->reason, sizeof view->reason, "%s", contact->reason);
    if (link != NULL) {
        link_view(link, view);
    } else if (is_banned) {
        view->state = QNK_PEER_BANNED;
        view->score = QNK_SCORE_MAX;
    }
    return true;
}

uint32_t qnk_peers_list(const struct qnk_peers *peers, struct qnk_peer_view *views, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < QNK_CONTACTS_MAX && count < max; i++) {
        const struct qnk_contact *contact = &peers->contacts.list[i];

        if (contact->is_used && contact_view(peers, contact, &views[count])) {
            count++;
        }
    }
    return count;
}

/* --- the operator --- */

int32_t qnk_peers_add(struct qnk_peers *peers, const struct qnk_hash *key, const char *address)
{
    uint64_t size = strlen(address);
    struct qnk_contact *contact;

    if (size == 0 || size > QN_TRANSPORT_ADDRESS_MAX || qnk_peers_is_own(peers, key)) {
        return QN_INVALID;
    }
    contact = qnk_contacts_take(&peers->contacts, key, peers->now_us);
    if (contact == NULL) {
        return QN_NO_SPACE;
    }
    contact->is_known = true;
    contact->dial_us = 0;
    contact->delay_us = QNK_DIAL_DELAY_MIN;
    qnk_text(contact->address, sizeof contact->address, "%s", address);
    return QN_OK;
}

int32_t qnk_peers_remove(struct qnk_peers *peers, const struct qnk_hash *key)
{
    struct qnk_contact *contact = qnk_contacts_find(&peers->contacts, key);

    if (contact == NULL || !contact->is_known) {
        return QN_NOT_FOUND;
    }
    contact->is_known = false;
    contact->address[0] = 0;
    contact->token = 0; /* a dial that still succeeds is closed */
    qnk_peers_drop(peers, contact, QNK_SESSION_REMOVED, "removed by the operator");
    return QN_OK;
}

int32_t qnk_peers_ban(struct qnk_peers *peers, const struct qnk_hash *key, uint64_t seconds,
                      const char *reason)
{
    struct qnk_contact *contact;

    if (qnk_peers_is_own(peers, key)) {
        return QN_INVALID;
    }
    contact = qnk_contacts_take(&peers->contacts, key, peers->now_us);
    if (contact == NULL) {
        return QN_NO_SPACE;
    }
    contact->token = 0;
    qnk_contact_ban(contact, seconds, reason, peers->now_us);
    qnk_peers_banned(peers, contact);
    return QN_OK;
}

int32_t qnk_peers_unban(struct qnk_peers *peers, const struct qnk_hash *key)
{
    struct qnk_contact *contact = qnk_contacts_find(&peers->contacts, key);

    if (contact == NULL || !qnk_contact_is_banned(contact, peers->now_us)) {
        return QN_NOT_FOUND;
    }
    contact->banned_until_us = 0;
    contact->points = 0;
    contact->dial_us = 0;
    contact->delay_us = QNK_DIAL_DELAY_MIN;
    return QN_OK;
}
