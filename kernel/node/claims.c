/* SPDX-License-Identifier: MIT */

/* claims.c: how long what peers only say keeps this node from making blocks.
 *
 * A block that nobody hears of, or that is made beside a chain which is on its way here, is undone
 * a moment later: so a node that starts, or that was cut off, asks before it speaks. But what peers
 * say of themselves proves nothing, a key costs nothing, and whoever drops its link and comes again
 * is somebody new. So the wait is bounded here, over all peers and links:
 *
 *   - A wait begins with the first claim. While it lasts, CLAIMS_US at most, claims hold this node
 *     back. If something is still claimed at its end, or one claim was broken meanwhile (its peer
 *     went, took it back, or did not show it), nothing that is claimed counts for DEAF_US.
 *   - A wait in which all that was claimed came is over at once, but its time is paid for: on the
 *     whole, claims that come true hold this node back for one part in PRICE, as a member that
 *     keeps its blocks to itself can make others' claims true as late as it likes.
 *   - Everything begins anew where this node really was late: a window became final whose last
 *     block was not here yet when it was CLAIMS_US old and its certificate was. No liar makes that,
 *     and nothing else renews it: neither windows that are final in their time, here a little later
 *     than elsewhere, nor blocks that come. And it begins anew when no peer is left, but for a
 *     member that is a quorum alone and needs none.
 *
 * What it costs: a node that liars talked to, and then others, may make a block or two on its old
 * head before these have shown a certificate; it asks for that all the same. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum {
    CLAIMS_US = 2 * QNK_RETRY_US,
    DEAF_US = 600000000,
    PRICE = 16,
    BREAKS_MAX = 20,
};

/* --- what one peer claims --- */

/* Until when what this peer owes is waited for: each time that it does not come, half as long. */
static uint64_t owed_until(const struct qnk_peer *peer)
{
    uint32_t halves = peer->owed_breaks < BREAKS_MAX ? peer->owed_breaks : BREAKS_MAX;

    return peer->owed_us + ((uint64_t)QNK_RETRY_US >> halves);
}

/* Whether nothing at all is here of the head that this peer owes, not even its header. */
static bool is_invented(const struct qnk_node *node, const struct qnk_peer *peer)
{
    return peer->owes && qnk_tree_find(node->tree, &peer->owed) == NULL;
}

/* What this peer owes us: the head that it shows, once the one before is here, or below what is
 * final. */
static void owed_look(struct qnk_node *node, struct qnk_peer *peer)
{
    const struct qnk_status *status = &peer->status;
    const struct qnk_block *owed = peer->owes ? qnk_tree_find(node->tree, &peer->owed) : NULL;

    if (owed != NULL && owed->state != QNK_BLOCK_HEADER) {
        peer->owes = false;
    } else if (peer->owes && peer->owed_height <= qnk_tree_root(node->tree)->header.height) {
        peer->owes = false;
        peer->owed_breaks += node->now_us >= owed_until(peer);
    }

    const struct qnk_block *head = qnk_tree_find(node->tree, &status->head);

    if (!peer->owes && status->node_type != QNK_NODE_LIGHT &&
        status->head_height > qnk_head(node)->header.height &&
        (head == NULL || head->state == QNK_BLOCK_HEADER)) {
        peer->owes = true;
        peer->is_overdue = false;
        peer->owed = status->head;
        peer->owed_height = status->head_height;
        peer->owed_us = node->now_us;
    }
}

/* Until when the head that this peer owes would be waited for; 0: it is not. Other blocks may have
 * come meanwhile: then it was still a lie if it is nowhere. */
static uint64_t head_until(struct qnk_node *node, struct qnk_peer *peer)
{
    owed_look(node, peer);

    bool is_above = peer->owes && peer->owed_height > qnk_head(node)->header.height;
    uint64_t end_us = owed_until(peer);

    if (node->now_us < end_us) {
        return is_above ? end_us : 0;
    }
    if (peer->owes && !peer->is_overdue && (is_above || is_invented(node, peer))) {
        qnk_claim_broken(node);
    }
    peer->is_overdue = true;
    return 0;
}

static uint64_t heads_until(struct qnk_node *node)
{
    uint64_t until_us = 0;

    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && peer->has_status) {
            uint64_t end_us = head_until(node, peer);

            until_us = end_us > until_us ? end_us : until_us;
        }
    }
    return until_us;
}

static bool is_past_us(const struct qnk_node *node, uint64_t final_window)
{
    return final_window > node->final_window + 1;
}

/* --- waiting --- */

static bool do_count(const struct qnk_node *node)
{
    const struct qnk_claims *claims = &node->claims;

    return claims->since_us != 0 && node->now_us < claims->since_us + CLAIMS_US;
}

/* All that was claimed came. */
static void kept(struct qnk_claims *claims, uint64_t now_us)
{
    uint64_t paid_us = claims->paid_us > now_us ? claims->paid_us : now_us;

    claims->paid_us = paid_us + PRICE * (now_us - claims->since_us);
    claims->since_us = 0;
    if (claims->paid_us > now_us + PRICE * CLAIMS_US) {
        claims->deaf_until_us = claims->paid_us - PRICE * CLAIMS_US;
    }
}

/* Begins or ends a wait. Returns until when heads are waited for, if claims count. */
static uint64_t wait_look(struct qnk_node *node)
{
    struct qnk_claims *claims = &node->claims;
    uint64_t heads_us = heads_until(node);
    bool are_some = heads_us != 0 || is_past_us(node, qnk_sync_target(node));

    if (claims->since_us == 0) {
        if (are_some && node->now_us >= claims->deaf_until_us) {
            claims->since_us = node->now_us;
            claims->is_broken = false;
        }
    } else if (!are_some && !claims->is_broken) {
        kept(claims, node->now_us);
    } else if (!do_count(node)) {
        claims->since_us = 0;
        claims->deaf_until_us = node->now_us + DEAF_US;
    }
    return heads_us;
}

static void renew(struct qnk_node *node)
{
    node->claims = (struct qnk_claims){0};
}

/* Whether the certificate is for blocks that are old, and never came here. */
static bool is_late(const struct qnk_node *node)
{
    const struct qnk_macro *macro = &node->certified_macro;
    uint64_t now_ms = node->now_us / 1000;
    const struct qnk_block *last;

    if (!node->has_certified_macro || macro->time_ms >= now_ms ||
        now_ms - macro->time_ms < CLAIMS_US / 1000) {
        return false;
    }
    last = qnk_tree_find(node->tree, &macro->last);
    return last == NULL || last->state == QNK_BLOCK_HEADER;
}

void qnk_claims_look(struct qnk_node *node)
{
    if (!node->is_started) {
        return;
    }
    if (node->certificate != NULL) {
        node->claims.is_late = node->claims.is_late || is_late(node);
    } else if (node->claims.is_late) {
        renew(node);
    }
    (void)wait_look(node);
}

void qnk_claim_broken(struct qnk_node *node)
{
    struct qnk_claims *claims = &node->claims;

    if (claims->since_us != 0) {
        claims->is_broken = true; /* others' claims count until the wait is over */
    } else if (node->now_us >= claims->deaf_until_us) {
        claims->deaf_until_us = node->now_us + DEAF_US;
    }
}

void qnk_claims_hear(struct qnk_node *node, const struct qnk_peer *peer,
                     const struct qnk_status *status)
{
    uint64_t before = peer->has_status ? peer->status.final_window : 0;

    if (is_past_us(node, before) && status->final_window < before) {
        qnk_claim_broken(node);
    }
}

/* Whether the own vote alone is a quorum: then nobody else has to hear of a block. */
static bool is_enough(const struct qnk_node *node)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);
    uint32_t self = set == NULL ? QNK_SET_NOBODY : qnk_set_find(set, &node->setup.validator);

    return self != QNK_SET_NOBODY && set->members[self].weight >= qnk_set_quorum(set);
}

void qnk_claims_forget(struct qnk_node *node, const struct qnk_peer *peer)
{
    if (!node->is_started) {
        return;
    }
    if (peer->has_status &&
        (is_past_us(node, peer->status.final_window) || is_invented(node, peer))) {
        qnk_claim_broken(node);
    }
    if (node->peers_count == 1 && !is_enough(node)) {
        renew(node);
    }
}

/* --- what they hold back --- */

static bool has_heard(const struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        if (node->peers[i].id != 0 && node->peers[i].has_status) {
            return true;
        }
    }
    return false;
}

bool qnk_is_held_back(const struct qnk_node *node)
{
    return node->certificate != NULL || (do_count(node) && is_past_us(node, qnk_sync_target(node)));
}

uint64_t qnk_wait_until(struct qnk_node *node)
{
    uint64_t heads_us = wait_look(node);
    uint64_t end_us = node->claims.since_us + CLAIMS_US;

    if (!has_heard(node) && !is_enough(node)) {
        return UINT64_MAX;
    }
    if (!do_count(node)) {
        return 0;
    }
    return qnk_is_held_back(node) || heads_us > end_us ? end_us : heads_us;
}
