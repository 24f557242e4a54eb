/* SPDX-License-Identifier: MIT */

/* oracle_seen.c: the other half of S6: who holds two things of a liar that contradict each other
 * makes evidence of them.
 *
 * Every vote and header that liars sign is kept for a while, with the nodes that heard it. A node
 * that holds both of two has PATIENCE to say so, as long as what they are about is still open to
 * it: what is final here is no news. A vote counts as heard if it came in a frame that is whole; a
 * block if it stands in the node's tree.
 */

#include "kernel/chain/wire.h"
#include "kernel/sim/oracle_own.h"

enum {
    VOTES_MAX = 1024, /* of liars, the newest */
    BLOCKS_MAX = 64,  /* likewise */
    DUES_MAX = 256,
    NODES_SEEN = 64,       /* the nodes that are followed: a word of bits */
    ERAS_OF_BINDING = 256, /* finality.md 12.3 */
    ROUNDS_NEAR = 4,       /* of the node's own: votes further off it need not keep */
    PATIENCE_US = 250000,
    PATIENCE_JITTERS = 8, /* and so many times what jobs may take longer */
};

struct liar_vote {
    struct qnk_vote vote; /* no tail */
    uint64_t heard;       /* by these nodes */
    bool is_used;
};

struct liar_block {
    struct qnk_micro header;
    struct qnk_hash id;
    uint64_t due; /* nodes of which evidence was expected already */
    bool is_used;
};

/* Evidence that a node has to make. */
struct due {
    struct qnk_evidence evidence;
    uint64_t at_us;
    uint32_t node;
    uint32_t lives;
};

struct qnk_oracle_seen {
    struct qnk_index *index; /* of votes, by the first half of the signature */
    struct liar_vote *votes;
    struct liar_block *blocks;
    struct due *dues;
    uint32_t votes_next, blocks_next, dues_count;
    uint64_t patience_us;
};

struct qnk_oracle_seen *qnk_oracle_seen_create(struct qnk_oracle *oracle, uint32_t jitter_us)
{
    struct qnk_oracle_seen *seen = qnk_oracle_take(oracle, sizeof *seen);

    seen->index = qnk_index_create(oracle->budget, VOTES_MAX, 4);
    QN_ASSERT(seen->index != NULL);
    seen->votes = qnk_oracle_take(oracle, VOTES_MAX * sizeof *seen->votes);
    seen->blocks = qnk_oracle_take(oracle, BLOCKS_MAX * sizeof *seen->blocks);
    seen->dues = qnk_oracle_take(oracle, DUES_MAX * sizeof *seen->dues);
    seen->patience_us = PATIENCE_US + (uint64_t)PATIENCE_JITTERS * jitter_us;
    return seen;
}

void qnk_oracle_seen_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_seen *seen = oracle->seen;

    if (seen != NULL) {
        qnk_index_destroy(seen->index);
        qnk_memory_give(oracle->budget, seen->dues, DUES_MAX * sizeof *seen->dues);
        qnk_memory_give(oracle->budget, seen->blocks, BLOCKS_MAX * sizeof *seen->blocks);
        qnk_memory_give(oracle->budget, seen->votes, VOTES_MAX * sizeof *seen->votes);
        qnk_memory_give(oracle->budget, seen, sizeof *seen);
    }
}

/* --- what liars sign --- */

/* No two messages of one key have the same: Ed25519's R comes from the message. */
static struct qnk_hash name_of(const uint8_t signature[QN_SIG_SIZE])
{
    struct qnk_hash name;

    memcpy(name.bytes, signature, sizeof name.bytes);
    return name;
}

/* Whether nodes take votes of this step at all: only those that the genesis engine lists. Which
 * engine a later binding has is not known here. */
static bool is_taken(const struct qnk_oracle *oracle, const struct qnk_vote *vote)
{
    return vote->era >= ERAS_OF_BINDING ||
           qnk_engine_has_step(&oracle->params.bindings[QNK_BINDING_CONSENSUS], vote->step);
}

void qnk_oracle_lied_vote(struct qnk_oracle *oracle, const struct qnk_vote *vote)
{
    struct qnk_oracle_seen *seen = oracle->seen;
    struct liar_vote *place = &seen->votes[seen->votes_next % VOTES_MAX];
    struct qnk_hash name = name_of(vote->signature);

    if (vote->lane != 0 || vote->step > QNK_STEP_FINAL || !is_taken(oracle, vote) ||
        qnk_index_find(seen->index, &name) != QNK_INDEX_NONE) {
        return;
    }
    if (place->is_used) {
        struct qnk_hash old = name_of(place->vote.signature);

        (void)qnk_index_erase(seen->index, &old);
    }
    *place = (struct liar_vote){.vote = *vote, .is_used = true};
    place->vote.tail = (struct qn_span){NULL, 0};
    qnk_index_put(seen->index, &name, (uint32_t)(place - seen->votes));
    seen->votes_next++;
}

void qnk_oracle_lied_header(struct qnk_oracle *oracle, const struct qnk_micro *header)
{
    struct qnk_oracle_seen *seen = oracle->seen;
    struct liar_block *place = &seen->blocks[seen->blocks_next % BLOCKS_MAX];
    struct qnk_hash id;

    qnk_micro_id(header, &id);
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        if (seen->blocks[i].is_used && qnk_hash_equal(&seen->blocks[i].id, &id)) {
            return;
        }
    }
    *place = (struct liar_block){.header = *header, .id = id, .is_used = true};
    seen->blocks_next++;
}

/* --- who has to say so --- */

static void due_add(struct qnk_oracle *oracle, uint32_t node, const struct qnk_evidence *evidence)
{
    struct qnk_oracle_seen *seen = oracle->seen;

    if (seen->dues_count == DUES_MAX) {
        return; /* under a flood not all is followed */
    }
    seen->dues[seen->dues_count++] = (struct due){
        .evidence = *evidence,
        .at_us = qnk_oracle_now(oracle) + seen->patience_us,
        .node = node,
        .lives = oracle->nodes[node].lives,
    };
}

static bool are_contradictory(const struct qnk_vote *a, const struct qnk_vote *b)
{
    return a->member == b->member && a->window == b->window && a->era == b->era &&
           a->round == b->round && a->step == b->step &&
           (a->vr != b->vr || !qnk_hash_equal(&a->digest, &b->digest) ||
            !qnk_hash_equal(&a->open, &b->open));
}

static void votes_compare(struct qnk_oracle *oracle, uint32_t node, const struct liar_vote *heard)
{
    const struct qnk_oracle_seen *seen = oracle->seen;

    for (uint32_t i = 0; i < VOTES_MAX; i++) {
        const struct liar_vote *other = &seen->votes[i];

        if (other->is_used && (other->heard >> node & 1) != 0 &&
            are_contradictory(&other->vote, &heard->vote)) {
            struct qnk_evidence evidence = {
                .type = QNK_EVIDENCE_DOUBLE_VOTE,
                .member = heard->vote.member,
                .window = heard->vote.window,
                .votes = {other->vote, heard->vote},
            };

            due_add(oracle, node, &evidence);
            return;
        }
    }
}

static bool is_listening(const struct qnk_oracle *oracle, uint32_t node, struct qnk_node_view *view)
{
    struct qnk_node *at = qnk_oracle_at(oracle, node);

    if (node >= NODES_SEEN || at == NULL || oracle->nodes[node].is_light) {
        return false;
    }
    qnk_node_look(at, view);
    return view->is_signing && view->member != QNK_SET_NOBODY;
}

/* The liar's vote that this one is, if it is one which the node has to keep. */
static struct liar_vote *vote_find(const struct qnk_oracle *oracle,
                                   const struct qnk_node_view *view, const struct qnk_vote *vote)
{
    struct qnk_hash name = name_of(vote->signature);
    uint32_t place = qnk_index_find(oracle->seen->index, &name);
    struct liar_vote *own;

    if (place == QNK_INDEX_NONE || vote->window != view->final_window + 1 ||
        vote->era != view->era || /* it keeps votes of the attempt that it is at */
        vote->round > view->round + ROUNDS_NEAR || vote->round + ROUNDS_NEAR < view->round) {
        return NULL;
    }
    own = &oracle->seen->votes[place];
    return own->vote.member == vote->member && own->vote.window == vote->window &&
                   own->vote.era == vote->era && own->vote.round == vote->round &&
                   own->vote.step == vote->step && own->vote.vr == vote->vr &&
                   qnk_hash_equal(&own->vote.digest, &vote->digest) &&
                   qnk_hash_equal(&own->vote.open, &vote->open)
               ? own
               : NULL;
}

static bool is_whole(const struct qnk_items *items)
{
    struct qn_span rest = items->items;
    struct qnk_vote vote;

    for (uint32_t i = 0; i < items->count; i++) {
        if (qnk_vote_next(&rest, &vote) != QN_OK) {
            return false;
        }
    }
    return rest.size == 0;
}

void qnk_oracle_heard(struct qnk_oracle *oracle, uint32_t node, struct qn_span body)
{
    struct qnk_node_view view;
    struct qnk_items items;

    if (oracle->seen->votes_next == 0 || !is_listening(oracle, node, &view) ||
        qnk_items_decode(body, QNK_WIRE_VOTES_MAX, &items) != QN_OK || !is_whole(&items)) {
        return;
    }
    for (uint32_t i = 0; i < items.count; i++) {
        struct qnk_vote vote;
        struct liar_vote *own = NULL;

        if (qnk_vote_next(&items.items, &vote) == QN_OK) {
            own = vote_find(oracle, &view, &vote);
        }
        if (own != NULL && (own->heard >> node & 1) == 0) {
            votes_compare(oracle, node, own);
            own->heard |= (uint64_t)1 << node;
        }
    }
}

void qnk_oracle_forgot(struct qnk_oracle *oracle, uint32_t node)
{
    for (uint32_t i = 0; node < NODES_SEEN && i < VOTES_MAX; i++) {
        oracle->seen->votes[i].heard &= ~((uint64_t)1 << node);
    }
}

static bool has_block(const struct qnk_node *at, const struct qnk_hash *id)
{
    struct qnk_block_view view;

    return qnk_node_block(at, id, &view);
}

static void blocks_compare(struct qnk_oracle *oracle, uint32_t node, const struct qnk_node *at,
                           struct liar_block *block)
{
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        const struct liar_block *other = &oracle->seen->blocks[i];

        if (other->is_used && other != block && other->header.height == block->header.height &&
            other->header.producer == block->header.producer &&
            qnk_hash_equal(&other->header.parent, &block->header.parent) &&
            has_block(at, &other->id) && has_block(at, &block->id)) {
            struct qnk_evidence evidence = {
                .type = QNK_EVIDENCE_DOUBLE_BLOCK,
                .member = block->header.producer,
                .window = qnk_window_of(block->header.height, oracle->params.window),
                .blocks = {other->header, block->header},
            };

            block->due |= (uint64_t)1 << node;
            due_add(oracle, node, &evidence);
            return;
        }
    }
}

/* --- whether they did --- */

/* A sick engine may say at any time that it is far from the round of votes, which are dropped then,
 * also while their signatures are checked. */
static bool is_near(const struct qnk_evidence *evidence, const struct qnk_node_view *view)
{
    uint64_t round = evidence->votes[0].round, own = view->round;

    return evidence->type == QNK_EVIDENCE_DOUBLE_BLOCK ||
           (round <= own + ROUNDS_NEAR && own <= round + ROUNDS_NEAR);
}

static bool is_still_open(const struct qnk_oracle *oracle, const struct due *due,
                          const struct qnk_node_view *view)
{
    return oracle->nodes[due->node].lives == due->lives &&
           view->final_window < due->evidence.window && is_near(&due->evidence, view);
}

static void due_look(struct qnk_oracle *oracle, const struct due *due,
                     const struct qnk_node_view *view)
{
    if (!is_still_open(oracle, due, view)) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_S6);
    oracle->figures.seen++;
    if (!qnk_oracle_is_accused(oracle, &due->evidence)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S6, due->node,
                         "it holds two %s of member %u in window %llu that contradict each other, "
                         "and says nothing",
                         due->evidence.type == QNK_EVIDENCE_DOUBLE_BLOCK ? "blocks" : "votes",
                         due->evidence.member, (unsigned long long)due->evidence.window);
    }
}

void qnk_oracle_seen_look(struct qnk_oracle *oracle, uint32_t node, const struct qnk_node *at)
{
    struct qnk_oracle_seen *seen = oracle->seen;
    uint64_t now_us = qnk_oracle_now(oracle);
    struct qnk_node_view view;

    if ((seen->blocks_next == 0 && seen->dues_count == 0) || !is_listening(oracle, node, &view)) {
        return;
    }
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        struct liar_block *block = &seen->blocks[i];

        if (block->is_used && (block->due >> node & 1) == 0 &&
            block->header.height > view.final_height) {
            blocks_compare(oracle, node, at, block);
        }
    }
    for (uint32_t i = seen->dues_count; i-- > 0;) {
        if (seen->dues[i].node == node && seen->dues[i].at_us <= now_us) {
            due_look(oracle, &seen->dues[i], &view);
            seen->dues[i] = seen->dues[--seen->dues_count];
        }
    }
}
