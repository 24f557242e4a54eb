/* SPDX-License-Identifier: MIT */
#pragma once

/* peers_inside.h: what a peers object is, for the files that make it: peers.c carries, between
 * transport and host; peers_admit.c says which links are peers; peers_look.c shows them and does
 * what the operator says.
 *
 * Unless a function's own comment says otherwise:
 *   threads  the loop's
 */

#include "kernel/base/bech32m.h"
#include "kernel/base/random.h"
#include "kernel/host/contacts.h"
#include "kernel/host/happened.h"
#include "kernel/host/link.h"
#include "kernel/host/peers.h"

struct qnk_peers {
    struct qnk_peers_setup setup; /* what it points to but budget, log and plugins is not used */
    struct qnk_link_base base;
    struct qnk_contacts contacts;
    struct qnk_link **links;
    uint32_t links_max;
    uint32_t links_count;
    uint32_t last_peer; /* number */
    uint64_t last_token;
    uint64_t now_us; /* of the last pump or tick */
    bool is_stopped;
    struct qnk_random random;
    char listen[QNK_PEER_ADDRESS_SIZE];    /* as wanted; "": not at all */
    char listening[QNK_PEER_ADDRESS_SIZE]; /* as it is */
    int32_t listen_status;
    uint64_t listen_us; /* when to try again */
    uint64_t listener;
    struct qnk_happenings happenings;
};

/* A node's key as people read it. */
struct qnk_key_text {
    char text[QNK_BECH32M_KEY_SIZE];
};

struct qnk_key_text qnk_key_text(const struct qnk_hash *key);

/* Whether it is this node's. */
bool qnk_peers_is_own(const struct qnk_peers *peers, const struct qnk_hash *key);

/* By the transport's number. NULL: there is none, or not any more. */
struct qnk_link *qnk_peers_link(const struct qnk_peers *peers, uint64_t id);

/* Who has just proven its key becomes a peer, or its link ends. */
void qnk_peers_proven(struct qnk_peers *peers, struct qnk_link *link);

void qnk_peers_charge(struct qnk_peers *peers, struct qnk_link *link, enum qnk_fault fault);

/* Ends a link; it is taken away and reported by the next reap. */
void qnk_peers_end(struct qnk_peers *peers, struct qnk_link *link, enum qnk_session_code code,
                   const char *text);

/* Takes ended links away and reports them: the only caller of down. */
void qnk_peers_reap(struct qnk_peers *peers);

/* Ends all links of a contact. */
void qnk_peers_drop(struct qnk_peers *peers, const struct qnk_contact *contact,
                    enum qnk_session_code code, const char *text);

/* What follows from a ban: it is counted, logged and said. */
void qnk_peers_banned(struct qnk_peers *peers, struct qnk_contact *contact);
