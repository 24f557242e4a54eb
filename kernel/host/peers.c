/* SPDX-License-Identifier: MIT */

#include "kernel/host/peers.h"

#include <string.h>

#include <qnet/assert.h>
#include <qnet/transport.h>

#include "kernel/base/text.h"
#include "kernel/host/peers_inside.h"

/* Links beyond the peers: strangers in their handshake, and dials of ours that became links. */
enum {
    PROVING_MAX = 64,  /* links that have not proven a key; beyond: only known hosts */
    SPARE_LINKS = 128, /* places beside those of peers */
    PEERS_MOST = 4096,
    REQUESTS_MOST = 1000000,
    TOKEN_LISTEN = 1,
    TOKEN_DIALS = 2, /* the first one */
};

#define MICROS          UINT64_C(1000000)
#define LISTEN_RETRY_US (5 * MICROS)

/* --- links of the transport --- */

static struct qnk_contact *dial_find(const struct qnk_peers *peers, uint64_t token)
{
    for (uint32_t i = 0; token != 0 && i < QNK_CONTACTS_MAX; i++) {
        struct qnk_contact *contact = &peers->contacts.list[i];

        if (contact->is_used && contact->token == token) {
            return contact;
        }
    }
    return NULL;
}

static struct qnk_link *link_add(struct qnk_peers *peers, const struct qnk_happened *it,
                                 struct qnk_contact *contact)
{
    struct qnk_link *link = NULL;

    if (peers->links_count < peers->links_max && !peers->is_stopped) {
        link = qnk_link_create(&peers->base, it->link, it->text, contact != NULL,
                               contact == NULL ? NULL : &contact->key, peers->now_us);
    }
    if (link == NULL) {
        peers->base.transport->close(peers->base.inst, it->link, 0);
        return NULL;
    }
    link->contact = contact;
    peers->links[peers->links_count++] = link;
    return link;
}

/* Links of others at that host that have proven nothing yet; `all` counts every host's. */
static uint32_t proving_count(const struct qnk_peers *peers, const char *address, uint32_t *all)
{
    uint32_t count = 0;

    *all = 0;
    for (uint32_t i = 0; i < peers->links_count; i++) {
        const struct qnk_link *link = peers->links[i];

        if (link->state == QNK_LINK_PROVING && !link->is_outgoing) {
            *all += 1;
            count += qnk_host_is_same(link->address, address) ? 1 : 0;
        }
    }
    return count;
}

static void link_accept(struct qnk_peers *peers, const struct qnk_happened *it)
{
    uint32_t known = qnk_contacts_known_at(&peers->contacts, it->text);
    uint32_t all = 0;
    uint32_t here = proving_count(peers, it->text, &all);
    uint32_t places = peers->setup.peers_per_address + known;
    bool is_bad = known == 0 && qnk_contacts_host_is_bad(&peers->contacts, it->text, peers->now_us);

    if (is_bad || (known == 0 && all >= PROVING_MAX) || here >= places ||
        !qnk_contacts_accept(&peers->contacts, it->text, places, known == 0, peers->now_us)) {
        peers->base.counters.refused++;
        peers->base.transport->close(peers->base.inst, it->link, 0);
        return;
    }
    peers->base.counters.accepts++;
    (void)link_add(peers, it, NULL);
}

static void link_up(struct qnk_peers *peers, const struct qnk_happened *it)
{
    struct qnk_contact *contact = dial_find(peers, it->token);

    if (it->token == 0) {
        link_accept(peers, it);
        return;
    }
    if (contact == NULL) { /* forgotten or banned meanwhile */
        peers->base.transport->close(peers->base.inst, it->link, 0);
        return;
    }
    contact->token = 0;
    if (link_add(peers, it, contact) != NULL) {
        contact->links++;
    } else {
        qnk_contact_failed(contact, peers->now_us, qnk_random_u64(&peers->random),
                           "no memory for another link");
    }
}

static const char *down_text(const struct qnk_happened *it)
{
    static const char *const texts[] = {"ended", "closed",  "refused", "timed out",
                                        "a gap", "too big", "reset"};

    if (it->text[0] != 0) {
        return it->text;
    }
    return it->reason < sizeof texts / sizeof texts[0] ? texts[it->reason] : texts[0];
}

static void dial_failed(struct qnk_peers *peers, struct qnk_contact *contact, const char *why)
{
    bool is_first = contact->delay_us == QNK_DIAL_DELAY_MIN;

    peers->base.counters.dials_failed++;
    qnk_log(peers->setup.log, is_first ? QNK_LOG_INFO : QNK_LOG_DEBUG, "peer-away",
            "peer %s does not answer at %s: %s | peer=%s address=%s reason=%s",
            qnk_key_text(&contact->key).text, contact->address, why,
            qnk_key_text(&contact->key).text, contact->address, why);
    qnk_contact_failed(contact, peers->now_us, qnk_random_u64(&peers->random), why);
}

static void listen_failed(struct qnk_peers *peers, const char *why)
{
    peers->listen_status = QN_IO;
    peers->listener = 0;
    peers->listen_us = peers->now_us + LISTEN_RETRY_US;
    qnk_log(peers->setup.log, QNK_LOG_ERROR, "peers-listen-failed",
            "cannot listen on %s: %s | address=%s reason=%s", peers->listen, why, peers->listen,
            why);
}

static void link_down(struct qnk_peers *peers, const struct qnk_happened *it)
{
    struct qnk_link *link = qnk_peers_link(peers, it->link);
    struct qnk_contact *contact = link == NULL ? dial_find(peers, it->token) : NULL;

    if (link != NULL) {
        if (link->state != QNK_LINK_ENDED) {
            qnk_text(link->reason, sizeof link->reason, "%s", down_text(it));
        }
        link->is_gone = true;
        link->state = QNK_LINK_ENDED;
    } else if (it->token == TOKEN_LISTEN) {
        listen_failed(peers, down_text(it));
    } else if (contact != NULL) {
        dial_failed(peers, contact, down_text(it));
    }
}

/* --- frames --- */

/* A request over the limit is answered all the same: the asker goes elsewhere at once. */
static void request_refuse(struct qnk_peers *peers, struct qnk_link *link,
                           const struct qnk_frame *head)
{
    static const char text[] = "too many requests";
    struct qnk_refusal refusal = {
        .code = QN_BUSY,
        .text = {(const uint8_t *)text, sizeof text - 1},
    };
    struct qn_buf *body = qnk_buf_new(peers->setup.budget, qnk_refusal_size(&refusal));

    if (body != NULL) {
        qnk_refusal_encode(&refusal, body->data);
        qnk_peers_send(peers, link->peer, QNK_LANE_SYNC, QNK_WIRE_REFUSAL, head->request, body,
                       (struct qn_slice){0});
        qnk_buf_unref(body);
    }
}

static void hello_look(struct qnk_peers *peers, struct qnk_link *link)
{
    const struct qnk_contact *contact =
        qnk_contacts_find(&peers->contacts, &link->session.peer.key);

    if (contact != NULL && qnk_contact_is_banned(contact, peers->now_us)) {
        qnk_peers_end(peers, link, QNK_SESSION_BANNED, "you are banned here");
    }
}

static void link_frame(struct qnk_peers *peers, const struct qnk_happened *it)
{
    struct qnk_link *link = qnk_peers_link(peers, it->link);
    struct qn_span bytes = {it->payload.data, it->payload.size};
    struct qnk_link_frame frame = {.buf = NULL};

    if (link == NULL || link->state == QNK_LINK_ENDED) {
        return;
    }
    switch (it->is_lost ? QNK_LINK_NO_MEMORY : qnk_link_take(link, bytes, peers->now_us, &frame)) {
    case QNK_LINK_NOTHING:
    case QNK_LINK_BROKEN:
        break;
    case QNK_LINK_GREETED:
        hello_look(peers, link);
        break;
    case QNK_LINK_PROVEN:
        qnk_peers_proven(peers, link);
        break;
    case QNK_LINK_FRAME:
        peers->setup.frame(peers->setup.ctx, link->peer, &frame.head, frame.buf);
        break;
    case QNK_LINK_REQUEST:
        request_refuse(peers, link, &frame.head);
        break;
    case QNK_LINK_MALFORMED:
        peers->base.counters.malformed++;
        qnk_peers_charge(peers, link, QNK_FAULT_MALFORMED);
        break;
    case QNK_LINK_NO_MEMORY:
        peers->base.counters.no_memory++;
        qnk_peers_end(peers, link, QNK_SESSION_SLOW, "no memory for your frames");
        break;
    }
    qnk_buf_unref(frame.buf);
}

/* --- pump --- */

static void happened_do(struct qnk_peers *peers, const struct qnk_happened *it)
{
    struct qnk_link *link;

    switch (it->type) {
    case QN_TRANSPORT_EFFECT_LISTENING:
        peers->listen_status = QN_OK;
        peers->listener = it->listener;
        qnk_text(peers->listening, sizeof peers->listening, "%s", it->text);
        qnk_log(peers->setup.log, QNK_LOG_INFO, "peers-listening",
                "peers can connect at %s | address=%s", it->text, it->text);
        break;
    case QN_TRANSPORT_EFFECT_UP:
        link_up(peers, it);
        break;
    case QN_TRANSPORT_EFFECT_FRAME:
        link_frame(peers, it);
        break;
    case QN_TRANSPORT_EFFECT_ROOM:
        link = qnk_peers_link(peers, it->link);
        if (link != NULL) {
            link->is_blocked = false;
            qnk_link_flush(link, peers->now_us);
        }
        break;
    default:
        link_down(peers, it);
        break;
    }
}

static void time_take(struct qnk_peers *peers, uint64_t now_us)
{
    peers->now_us = now_us > peers->now_us ? now_us : peers->now_us;
}

bool qnk_peers_pump(struct qnk_peers *peers, uint64_t now_us)
{
    int32_t status;

    time_take(peers, now_us);
    status = qnk_happenings_take(&peers->happenings, peers->base.transport, peers->base.inst);
    if (status != QN_OK && status != QN_AGAIN) {
        qnk_log(peers->setup.log, QNK_LOG_ERROR, "transport-failed",
                "the transport cannot go on: status %i | status=%i", (int)status, (int)status);
    }
    for (uint32_t i = 0; i < peers->happenings.count; i++) {
        happened_do(peers, &peers->happenings.list[i]);
    }
    qnk_happenings_reset(&peers->happenings);
    qnk_peers_reap(peers);
    return status == QN_AGAIN;
}

/* --- tick --- */

static void listen_try(struct qnk_peers *peers)
{
    struct qn_span address = {(const uint8_t *)peers->listen, strlen(peers->listen)};
    int32_t status = peers->base.transport->listen(peers->base.inst, TOKEN_LISTEN, address);

    if (status == QN_OK) {
        peers->listen_status = QN_AGAIN;
    } else {
        listen_failed(peers, "refused by the transport");
    }
}

static void dial_try(struct qnk_peers *peers, struct qnk_contact *contact)
{
    struct qn_span address = {(const uint8_t *)contact->address, strlen(contact->address)};
    uint64_t token = ++peers->last_token;
    int32_t status;

    peers->base.counters.dials++;
    contact->token = token;
    status = peers->base.transport->dial(peers->base.inst, token, address);
    if (status != QN_OK) {
        dial_failed(peers, contact,
                    status == QN_INVALID ? "not an address of this transport"
                                         : "refused by the transport");
    }
}

static void dials_try(struct qnk_peers *peers)
{
    uint32_t room = peers->links_max - peers->links_count;

    for (uint32_t i = 0; i < QNK_CONTACTS_MAX && room > 0; i++) {
        struct qnk_contact *it = &peers->contacts.list[i];

        if (it->is_used && it->is_known && it->address[0] != 0 && it->links == 0 &&
            it->token == 0 && peers->now_us >= it->dial_us &&
            !qnk_contact_is_banned(it, peers->now_us)) {
            dial_try(peers, it);
            room--;
        }
    }
}

void qnk_peers_tick(struct qnk_peers *peers, uint64_t now_us)
{
    time_take(peers, now_us);
    qnk_peers_reap(peers);
    for (uint32_t i = 0; i < peers->links_count; i++) {
        struct qnk_link *link = peers->links[i];
        const char *why = qnk_link_look(link, peers->now_us);

        if (why != NULL) {
            qnk_peers_end(peers, link, QNK_SESSION_SLOW, why);
        } else if (link->state != QNK_LINK_ENDED) {
            qnk_link_keep(link, peers->now_us);
        }
    }
    qnk_peers_reap(peers);
    if (peers->is_stopped) {
        return;
    }
    if (peers->listen_status == QN_IO && peers->now_us >= peers->listen_us) {
        listen_try(peers);
    }
    dials_try(peers);
}

/* --- sending --- */

/* Only of a link that is up. */
static struct qnk_link *peer_find(const struct qnk_peers *peers, uint32_t peer)
{
    for (uint32_t i = 0; i < peers->links_count; i++) {
        struct qnk_link *link = peers->links[i];

        if (link->peer == peer && link->state == QNK_LINK_UP) {
            return link;
        }
    }
    return NULL;
}

void qnk_peers_send(struct qnk_peers *peers, uint32_t peer, uint8_t lane, uint8_t type,
                    uint32_t request, struct qn_buf *head, struct qn_slice body)
{
    struct qnk_link *link = peer_find(peers, peer);
    struct qnk_queued frame = {.head = head, .body = body, .request = request, .type = type};

    QN_ASSERT(lane < QNK_LANES && qnk_queued_size(&frame) <= QNK_FRAME_PLAIN_MAX);
    if (link == NULL) {
        return;
    }
    if (body.owner == NULL && body.size > 0) {
        frame.body.owner =
            qnk_buf_copy(peers->setup.budget, (struct qn_span){body.data, body.size});
        if (frame.body.owner == NULL) {
            link->lanes.queues[lane].dropped++;
            peers->base.counters.dropped[lane]++;
            return;
        }
        frame.body.data = frame.body.owner->data;
    } else {
        (void)qnk_buf_ref(body.owner);
    }
    (void)qnk_buf_ref(head);
    if (!qnk_link_push(link, lane, &frame, peers->now_us) && lane == QNK_LANE_CONSENSUS) {
        qnk_peers_end(peers, link, QNK_SESSION_SLOW, "does not even take votes");
    }
}

bool qnk_peers_has_room(const struct qnk_peers *peers, uint32_t peer, uint8_t lane)
{
    const struct qnk_link *link = peer_find(peers, peer);

    QN_ASSERT(lane < QNK_LANES);
    return link != NULL && qnk_lanes_has_room(&link->lanes, lane);
}

void qnk_peers_score(struct qnk_peers *peers, uint32_t peer, uint32_t fault)
{
    struct qnk_link *link = peer_find(peers, peer);

    QN_ASSERT(fault < QNK_FAULTS);
    if (link != NULL) {
        qnk_peers_charge(peers, link, (enum qnk_fault)fault);
    }
}

/* --- life --- */

_Static_assert(QNK_NODE_PEERS_MAX < QNK_CONTACTS_MAX, "strangers have contacts too");

static int32_t known_take(struct qnk_peers *peers, const struct qnk_peers_setup *setup)
{
    for (uint32_t i = 0; i < setup->known_count; i++) {
        if (qnk_peers_is_own(peers, &setup->known[i].key)) {
            continue; /* one list of all nodes may serve each of them */
        }
        if (qnk_contacts_find(&peers->contacts, &setup->known[i].key) != NULL) {
            return QN_INVALID;
        }

        int32_t status = qnk_peers_add(peers, &setup->known[i].key, setup->known[i].address);

        if (status != QN_OK) {
            return status;
        }
    }
    return QN_OK;
}

static int32_t memory_take(struct qnk_peers *peers)
{
    struct qnk_budget *budget = peers->setup.budget;

    peers->links_max = peers->setup.peers_max + SPARE_LINKS;
    peers->links = qnk_memory_take(budget, peers->links_max * sizeof(struct qnk_link *));
    if (qnk_contacts_init(&peers->contacts, budget) != QN_OK ||
        qnk_happenings_init(&peers->happenings, budget) != QN_OK || peers->links == NULL) {
        return QN_NO_SPACE;
    }
    return QN_OK;
}

static int32_t base_init(struct qnk_peers *peers, const struct qnk_peers_setup *setup)
{
    bool has_compressor =
        setup->compression.table != NULL && setup->compressor != NULL && *setup->compressor != 0;

    peers->base.transport = setup->transport.table;
    peers->base.inst = setup->transport.inst;
    peers->base.budget = setup->budget;
    peers->base.bytes_per_second = setup->bytes_per_second;
    peers->base.requests_per_second =
        setup->requests_per_second < REQUESTS_MOST ? setup->requests_per_second : REQUESTS_MOST;
    qnk_session_identity_init(&peers->base.identity, &setup->chain_id, setup->node_seed,
                              (uint8_t)setup->node_type, NULL);
    qnk_session_identity_validator(&peers->base.identity, setup->signer, &setup->validator);
    qnk_packer_init(&peers->base.packer, setup->compression_lane, setup->budget);
    return has_compressor ? qnk_link_base_use(&peers->base, setup->compressor, &setup->compression)
                          : QN_OK;
}

bool qnk_peers_has_compressor_room(const struct qnk_peers *peers, const char *name)
{
    return qnk_link_base_place(&peers->base, name) < QNK_SESSION_COMPRESSORS_MAX;
}

int32_t qnk_peers_compress(struct qnk_peers *peers, const char *name,
                           const struct qnk_plugged *compression, uint64_t now_us)
{
    int32_t status = qnk_link_base_use(&peers->base, name, compression);

    for (uint32_t i = 0; status == QN_OK && i < peers->links_count; i++) {
        qnk_link_keep(peers->links[i], now_us);
    }
    return status;
}

int32_t qnk_peers_create(const struct qnk_peers_setup *setup, struct qnk_peers **peers)
{
    struct qnk_peers *it = qnk_memory_take(setup->budget, sizeof *it);
    uint64_t seed;
    int32_t status;

    QN_ASSERT(setup->peers_max > 0 && setup->peers_max <= PEERS_MOST);
    if (it == NULL) {
        return QN_NO_SPACE;
    }
    it->setup = *setup;
    it->last_token = TOKEN_DIALS;
    it->listen_status = QN_NOT_FOUND;
    qnk_random_system(&seed, sizeof seed);
    qnk_random_init(&it->random, seed);
    status = base_init(it, setup);
    if (status == QN_OK) {
        status = memory_take(it);
    }
    if (status == QN_OK) {
        status = known_take(it, setup);
    }
    if (status == QN_OK && setup->listen != NULL) {
        status = strlen(setup->listen) < sizeof it->listen ? QN_OK : QN_INVALID;
        qnk_text(it->listen, sizeof it->listen, "%s", setup->listen);
    }
    it->setup.known = NULL;
    it->setup.node_seed = NULL;
    it->setup.listen = NULL;
    it->setup.compressor = NULL;
    if (status != QN_OK) {
        qnk_peers_destroy(it);
        return status;
    }
    *peers = it;
    return QN_OK;
}

int32_t qnk_peers_start(struct qnk_peers *peers, uint64_t now_us)
{
    int32_t status;

    time_take(peers, now_us);
    if (peers->listen[0] == 0) {
        return QN_OK;
    }
    status = peers->base.transport->listen(
        peers->base.inst, TOKEN_LISTEN,
        (struct qn_span){(const uint8_t *)peers->listen, strlen(peers->listen)});
    if (status == QN_OK) {
        peers->listen_status = QN_AGAIN;
    }
    return status;
}

void qnk_peers_stop(struct qnk_peers *peers, uint64_t now_us)
{
    time_take(peers, now_us);
    peers->is_stopped = true;
    if (peers->listener != 0) {
        int32_t status = peers->base.transport->unlisten(peers->base.inst, peers->listener);

        QN_ASSERT(status == QN_OK || status == QN_NOT_FOUND);
        peers->listener = 0;
        peers->listen_status = QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < peers->links_count; i++) {
        qnk_peers_end(peers, peers->links[i], QNK_SESSION_STOPPING, "the node is stopping");
    }
    qnk_peers_reap(peers);
}

void qnk_peers_destroy(struct qnk_peers *peers)
{
    struct qnk_budget *budget;

    if (peers == NULL) {
        return;
    }
    budget = peers->setup.budget;
    if (!peers->is_stopped) {
        qnk_peers_stop(peers, peers->now_us);
    }
    qnk_packer_done(&peers->base.packer);
    qnk_session_identity_done(&peers->base.identity);
    qnk_contacts_done(&peers->contacts);
    qnk_happenings_done(&peers->happenings);
    qnk_memory_give(budget, peers->links, peers->links_max * sizeof(struct qnk_link *));
    qnk_memory_give(budget, peers, sizeof *peers);
}
