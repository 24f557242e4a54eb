/* SPDX-License-Identifier: MIT */

#include "sdk/check/consensus_world.h"

#include <stdlib.h>
#include <string.h>

enum {
    ITEMS_MAX = 20000,
    RECORD_MAX = 4096,
    WANTED_MAX = 1 << 20,
    FOLLOW_MAX = 1000, /* steps that follow from one event: more is a loop */
    GOOD_DELAY_MS = 200,
    SIGN_MS = 30,
    CHECK_MS = 1000,
    CRASH_SPAN_MS = 120000,
    DOWN_MS = 20000,
    ALL = (1 << WORLD_NODES) - 1,
};

enum kind {
    ITEM_VOTE,
    ITEM_CERTIFICATE,
    ITEM_HELD,
    ITEM_FINAL,
    /* Within one node: void after a crash. */
    ITEM_SIGN,
    ITEM_TIMER,
    ITEM_RESEND,
    ITEM_CHECKED,
    /* From outside. */
    ITEM_CANDIDATE,
    ITEM_CRASH,
    ITEM_RESTART,
};

/* What one node has of its round and the one before. */
struct held {
    uint32_t round;
    uint8_t has[2][WORLD_STEPS];
};

struct world_item {
    uint64_t due_ms;
    uint64_t seq;
    enum kind kind;
    uint32_t to, from;
    uint32_t life;
    uint32_t timer;
    uint32_t receiver; /* of an own vote: a member, or UINT32_MAX for all */
    uint8_t digest;
    struct world_vote vote;
    struct world_certificate certificate;
    struct held held;
};

static uint64_t chance(struct world *world, uint64_t below)
{
    return qn_check_random(&world->random) % below;
}

static uint64_t weight_of(const struct world *world, uint8_t members)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        weight += (members >> i & 1) != 0 ? world->plan.weights[i] : 0;
    }
    return weight;
}

static bool is_listed(const struct world *world, uint32_t step)
{
    return (world->given.steps >> step & 1) != 0;
}

static bool has_engine(const struct world_node *node)
{
    return node->role == WORLD_HONEST || node->role == WORLD_SELECTIVE;
}

/* --- digests --- */

static const uint8_t *digest_bytes(uint8_t digest)
{
    static const uint8_t bytes[WORLD_DIGESTS][QN_HASH_SIZE] = {{0}, {1, 7}, {2, 7}, {3, 7}};

    QN_CHECK(digest < WORLD_DIGESTS);
    return bytes[digest];
}

static uint8_t digest_number(const uint8_t *bytes)
{
    uint8_t digest = 0;

    while (digest < WORLD_DIGESTS && memcmp(digest_bytes(digest), bytes, QN_HASH_SIZE) != 0) {
        digest++;
    }
    QN_CHECK(digest < WORLD_DIGESTS); /* one that was named to the engine */
    return digest;
}

/* --- the clock --- */

static struct world_item *item_add(struct world *world, enum kind kind, uint32_t to,
                                   uint64_t due_ms)
{
    QN_CHECK(world->items_count < ITEMS_MAX);

    struct world_item *item = &world->items[world->items_count++];

    memset(item, 0, sizeof *item);
    item->due_ms = due_ms;
    item->seq = world->seq++;
    item->kind = kind;
    item->to = to;
    item->life = world->nodes[to].life;
    return item;
}

static bool item_take(struct world *world, uint64_t until_ms, struct world_item *item)
{
    uint32_t first = 0;

    for (uint32_t i = 1; i < world->items_count; i++) {
        const struct world_item *it = &world->items[i];
        const struct world_item *best = &world->items[first];

        if (it->due_ms < best->due_ms || (it->due_ms == best->due_ms && it->seq < best->seq)) {
            first = i;
        }
    }
    if (world->items_count == 0 || world->items[first].due_ms > until_ms) {
        return false;
    }
    *item = world->items[first];
    world->items[first] = world->items[--world->items_count];
    return true;
}

/* --- the net --- */

static bool is_cut(const struct world *world, uint32_t from, uint32_t to)
{
    return ((world->plan.group >> from ^ world->plan.group >> to) & 1) != 0;
}

/* A message on its way, or NULL if it is lost. */
static struct world_item *message_send(struct world *world, enum kind kind, uint32_t from,
                                       uint32_t to)
{
    bool is_good = world->now_ms >= world->plan.heal_ms;
    uint64_t delay_ms = 1 + chance(world, is_good ? GOOD_DELAY_MS : world->plan.delay_ms + 1);
    bool is_lost = chance(world, 100) < world->plan.loss_percent || is_cut(world, from, to);
    struct world_item *item;

    if (is_lost && !is_good) {
        return NULL;
    }
    item = item_add(world, kind, to, world->now_ms + delay_ms);
    item->from = from;
    return item;
}

static void certificate_send(struct world *world, uint32_t from, uint32_t to,
                             const struct world_certificate *certificate)
{
    struct world_item *item = message_send(world, ITEM_CERTIFICATE, from, to);

    if (item != NULL) {
        item->certificate = *certificate;
    }
}

static void vote_send(struct world *world, uint32_t from, uint32_t to,
                      const struct world_vote *vote)
{
    const struct world_node *node = &world->nodes[from];
    struct world_item *item;

    if (world->plan.has_no_commits && vote->step == WORLD_COMMIT) {
        return;
    }
    if (vote->vr >= 0 && node->prepared[vote->vr].digest == vote->digest) {
        certificate_send(world, from, to, &node->prepared[vote->vr]);
    }
    item = message_send(world, ITEM_VOTE, from, to);
    if (item != NULL) {
        item->vote = *vote;
    }
}

static void final_send(struct world *world, uint32_t from, uint32_t to)
{
    struct world_item *item = message_send(world, ITEM_FINAL, from, to);

    if (item != NULL) {
        item->digest = world->nodes[from].final;
    }
}

/* Every equivocator tells every node something else, about all steps of a round. */
static void lies_send(struct world *world, uint32_t round)
{
    static const uint8_t steps[] = {WORLD_COMMIT, WORLD_PREPARE, WORLD_FINAL, WORLD_PROPOSE,
                                    WORLD_TIMEOUT};
    uint32_t count = is_listed(world, WORLD_TIMEOUT) ? 5 : 4;

    if (world->has_lied[round]) {
        return;
    }
    world->has_lied[round] = true;
    for (uint32_t liar = 0; liar < world->plan.nodes; liar++) {
        for (uint32_t to = 0; to < world->plan.nodes; to++) {
            for (uint32_t i = 0; i < count; i++) {
                struct world_vote vote = {
                    .round = round,
                    .vr = -1,
                    .step = steps[i],
                    .from = (uint8_t)liar,
                    .digest = (uint8_t)chance(world, WORLD_DIGESTS),
                };

                if (world->nodes[liar].role == WORLD_EQUIVOCATOR && to != liar &&
                    is_listed(world, steps[i]) && (round == 0) >= (steps[i] == WORLD_COMMIT) &&
                    (round > 0) >= (steps[i] == WORLD_TIMEOUT) &&
                    !(steps[i] == WORLD_PROPOSE && vote.digest == 0)) {
                    vote_send(world, liar, to, &vote);
                }
            }
        }
    }
}

/* To all, or to one member alone: the exchange brings it to others later. */
static void vote_spread(struct world *world, uint32_t from, const struct world_vote *vote,
                        uint32_t receiver)
{
    uint64_t some = world->nodes[from].role == WORLD_SELECTIVE ? chance(world, ALL + 1) : ALL;

    for (uint32_t to = 0; to < world->plan.nodes; to++) {
        if (to != from && (some >> to & 1) != 0 && (receiver == UINT32_MAX || receiver == to)) {
            vote_send(world, from, to, vote);
        }
    }
    lies_send(world, vote->round);
}

/* --- telling an engine --- */

static struct world_message *event_add(struct world_node *node, uint16_t type, uint64_t size)
{
    struct world_message *event;

    QN_CHECK(node->queue_count < WORLD_QUEUE);
    QN_CHECK(size <= WORLD_BODY);
    event = &node->queue[node->queue_count++];
    event->type = type;
    event->size = (uint32_t)size;
    return event;
}

#define TELL(node, name, NAME, event)                                                              \
    (void)qn_consensus_event_##name##_write(                                                       \
        event, event_add(node, QN_CONSENSUS_EVENT_##NAME, qn_consensus_event_##name##_size(event)) \
                   ->bytes)

static void tell_open(struct world *world, uint32_t self)
{
    uint8_t members[WORLD_NODES * (QN_KEY_SIZE + 8)], *to = members;
    uint8_t key[QN_KEY_SIZE] = {9}, set[QN_HASH_SIZE] = {8}, seed[QN_HASH_SIZE] = {0};
    struct qn_consensus_event_open event = {
        .window = 1,
        .first = 1,
        .last = WORLD_WINDOW,
        .set = set,
        .self = self,
        .total = world->total,
        .quorum = world->quorum,
        .members_count = world->plan.nodes,
        .seed = seed,
    };

    qn_le64_write(seed, world->plan.seed);
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct qn_member member = {.key = key, .weight = world->plan.weights[i]};

        key[1] = (uint8_t)i;
        to = qn_member_write(&member, to);
    }
    event.members = (struct qn_span){members, (uint64_t)(to - members)};
    TELL(&world->nodes[self], open, OPEN, &event);
}

static void tell_vote(struct world_node *node, const struct world_vote *vote)
{
    const struct world_vote *commit = &node->votes[0][WORLD_COMMIT][vote->from];
    bool has_commit = (node->has[0][WORLD_COMMIT] >> vote->from & 1) != 0;
    struct qn_consensus_event_vote event = {
        .window = 1,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .from = vote->from,
        .digest = digest_bytes(vote->step == WORLD_COMMIT ? 0 : vote->digest),
        .opened = vote->step == WORLD_PREPARE && vote->round == 0 && vote->digest != 0 &&
                  has_commit && commit->digest == vote->digest,
    };

    TELL(node, vote, VOTE, &event);
}

enum result { SIGNED_NOW = 1, SIGNED_OTHER = 2, SIGNED_BEFORE = 3, SIGNED_NOTHING = 4 };

static void tell_signed(struct world_node *node, const struct world_vote *vote, enum result result)
{
    bool is_hidden = vote->step == WORLD_COMMIT && result != SIGNED_NOW;
    struct qn_consensus_event_signed event = {
        .window = 1,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .digest = digest_bytes(is_hidden ? 0 : vote->digest),
        .result = (uint8_t)result,
    };

    TELL(node, signed, SIGNED, &event);
}

static void tell_certificate(const struct world *world, struct world_node *node,
                             const struct world_certificate *it)
{
    struct qn_consensus_event_certificate event = {
        .window = 1,
        .round = it->round,
        .step = WORLD_PREPARE,
        .vr = it->vr,
        .digest = digest_bytes(it->digest),
        .weight = weight_of(world, it->signers),
        .signers = {&it->signers, 1},
    };

    TELL(node, certificate, CERTIFICATE, &event);
}

static void tell_candidate(struct world_node *node)
{
    struct qn_consensus_event_candidate event = {
        .window = 1,
        .digest = digest_bytes(node->candidate),
        .height = WORLD_WINDOW,
    };

    node->valid = (uint8_t)(node->valid | 1u << node->candidate);
    TELL(node, candidate, CANDIDATE, &event);
}

static void tell_checked(struct world_node *node, uint8_t digest, uint8_t verdict)
{
    struct qn_consensus_event_checked event = {
        .window = 1,
        .digest = digest_bytes(digest),
        .verdict = verdict,
    };

    TELL(node, checked, CHECKED, &event);
}

static void tell_timer(struct world_node *node, uint32_t timer)
{
    struct qn_consensus_event_timer event = {.window = 1, .timer = timer};

    TELL(node, timer, TIMER, &event);
}

static void tell_offence(struct world_node *node, const struct world_vote *vote)
{
    struct qn_consensus_event_offence event = {
        .window = 1,
        .round = vote->round,
        .step = vote->step,
        .from = vote->from,
    };

    TELL(node, offence, OFFENCE, &event);
}

static void tell_head(struct world_node *node)
{
    struct qn_consensus_event_head event = {.window = 1, .height = node->height};

    TELL(node, head, HEAD, &event);
}

static void node_final(struct world_node *node, uint8_t digest, uint32_t round)
{
    struct qn_consensus_event_final event = {
        .window = 1,
        .round = round,
        .digest = digest_bytes(digest),
    };

    node->final = digest;
    TELL(node, final, FINAL, &event);
}

/* --- votes and certificates of a node --- */

/* A prepare that contradicts the commit: not delivered, and then in no certificate. One that was
 * delivered before its commit came counts on. */
static bool is_false_opening(const struct world_node *node, const struct world_vote *vote)
{
    return vote->step == WORLD_PREPARE && vote->round == 0 && vote->digest != 0 &&
           (node->has[0][WORLD_COMMIT] >> vote->from & 1) != 0 &&
           node->votes[0][WORLD_COMMIT][vote->from].digest != vote->digest;
}

static void deliver(struct world_node *node, uint32_t round, uint32_t step, uint32_t from)
{
    const struct world_vote *vote = &node->votes[round][step][from];

    if ((node->has[round][step] >> from & 1) == 0 || (node->told[round][step] >> from & 1) != 0 ||
        is_false_opening(node, vote) ||
        (vote->vr >= 0 && node->prepared[vote->vr].digest != vote->digest)) {
        return;
    }
    if (round <= node->round + QN_CONSENSUS_ROUNDS_AHEAD) {
        node->told[round][step] = (uint8_t)(node->told[round][step] | 1u << from);
        tell_vote(node, vote);
    } else if (!node->has_told_far[round][from]) {
        node->has_told_far[round][from] = true; /* and again when the round is near */
        tell_vote(node, vote);
    }
}

static void deliver_all(struct world_node *node)
{
    for (uint32_t round = 0; round < WORLD_ROUNDS; round++) {
        for (uint32_t step = 0; step < WORLD_STEPS; step++) {
            for (uint32_t from = 0; from < WORLD_NODES; from++) {
                deliver(node, round, step, from);
            }
        }
    }
}

static void round_raise(struct world_node *node, uint32_t round)
{
    if (round > node->round) {
        node->round = round;
        deliver_all(node);
    }
}

static void vote_take(struct world_node *node, const struct world_vote *vote)
{
    uint8_t *has = &node->has[vote->round][vote->step];
    struct world_vote *held = &node->votes[vote->round][vote->step][vote->from];

    if ((*has >> vote->from & 1) == 0) {
        *has = (uint8_t)(*has | 1u << vote->from);
        *held = *vote;
        deliver(node, vote->round, vote->step, vote->from);
    } else if (held->digest != vote->digest || held->vr != vote->vr) {
        tell_offence(node, vote);
    }
}

static void certificate_take(const struct world *world, struct world_node *node,
                             const struct world_certificate *certificate)
{
    struct world_certificate *held = &node->prepared[certificate->round];

    if (held->digest != 0) {
        return;
    }
    *held = *certificate;
    held->is_kept = 0;
    tell_certificate(world, node, held);
    deliver_all(node);
}

/* Members whose votes make a certificate for (round, step, digest), all of one vr; 0: none. */
static uint8_t find_quorum(const struct world *world, const struct world_node *node, uint32_t round,
                           uint32_t step, uint8_t digest, int32_t *vr)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        uint8_t members = 0;

        *vr = node->votes[round][step][i].vr;
        for (uint32_t j = 0; j < world->plan.nodes; j++) {
            const struct world_vote *vote = &node->votes[round][step][j];

            if ((node->has[round][step] >> j & 1) != 0 && vote->vr == *vr &&
                vote->digest == digest &&
                ((node->told[round][step] >> j & 1) != 0 || !is_false_opening(node, vote))) {
                members = (uint8_t)(members | 1u << j);
            }
        }
        if (weight_of(world, members) >= world->quorum) {
            return members;
        }
    }
    return 0;
}

/* --- the guard --- */

static const struct world_vote *own_find(const struct world_node *node, uint32_t round,
                                         uint32_t step)
{
    for (uint32_t i = 0; i < node->own_count; i++) {
        if (node->own[i].round == round && node->own[i].step == step) {
            return &node->own[i];
        }
    }
    return NULL;
}

/* The round of the highest own final vote for something else; -1: none. */
static int64_t own_rival(const struct world_node *node, const struct world_vote *vote)
{
    int64_t round = -1;

    for (uint32_t i = 0; i < node->own_count; i++) {
        const struct world_vote *own = &node->own[i];

        if (own->step == WORLD_FINAL && own->digest != 0 && own->digest != vote->digest &&
            (int64_t)own->round > round) {
            round = own->round;
        }
    }
    return round;
}

/* finality.md, section 6: G2 to G5 and G7. */
static bool is_forbidden(const struct world *world, const struct world_node *node,
                         const struct world_vote *vote)
{
    const struct world_vote *commit = own_find(node, 0, WORLD_COMMIT);
    bool is_prepare = vote->step == WORLD_PREPARE && vote->digest != 0;
    bool is_final = vote->step == WORLD_FINAL && vote->digest != 0;

    for (uint32_t i = 0; i < node->own_count; i++) {
        if (node->own[i].round > vote->round) {
            return true;
        }
    }
    if (is_final && (world->is_lockless ? vote->round != 0
                                        : node->prepared[vote->round].digest != vote->digest)) {
        return true;
    }
    if (vote->vr < -1 || (vote->vr >= 0 && ((uint32_t)vote->vr >= vote->round ||
                                            node->prepared[vote->vr].digest != vote->digest))) {
        return true;
    }
    if (is_prepare && vote->vr < own_rival(node, vote)) {
        return true;
    }
    if (is_prepare && vote->round == 0 && commit != NULL && commit->digest != vote->digest) {
        return true;
    }
    return (is_prepare || is_final) && (node->valid >> vote->digest & 1) == 0;
}

static void own_add(struct world_node *node, const struct world_vote *vote)
{
    QN_CHECK(node->own_count < WORLD_OWN);
    node->is_durable[node->own_count] = false;
    node->own[node->own_count++] = *vote;
    if (vote->step == WORLD_FINAL && vote->digest != 0) {
        node->prepared[vote->round].is_kept = 1;
    }
    if (vote->vr >= 0) {
        node->prepared[vote->vr].is_kept = 1;
    }
}

static void request(struct world *world, uint32_t self,
                    const struct qn_consensus_effect_request_sign *effect)
{
    struct world_node *node = &world->nodes[self];
    struct world_vote vote = {
        .round = effect->round,
        .vr = effect->vr,
        .step = (uint8_t)effect->step,
        .from = (uint8_t)self,
        .digest = digest_number(effect->digest),
    };
    const struct world_vote *before;
    uint32_t number = node->requests++;

    QN_CHECK(effect->window == 1);
    QN_CHECK(effect->round < WORLD_ROUNDS && effect->step < WORLD_STEPS);
    QN_CHECK(is_listed(world, effect->step));
    QN_CHECK(effect->to == UINT32_MAX || effect->to < world->plan.nodes);
    round_raise(node, vote.round);
    before = own_find(node, vote.round, vote.step);
    if (world->now_ms < node->refuse_until_ms ||
        (number >= node->refuse_from && number - node->refuse_from < node->refuse_count)) {
        tell_signed(node, &vote, SIGNED_NOTHING);
    } else if (before != NULL && (before->digest != vote.digest || before->vr != vote.vr)) {
        node->refused++;
        tell_signed(node, before, SIGNED_OTHER);
    } else if (is_forbidden(world, node, &vote)) {
        node->refused++;
        tell_signed(node, &vote, SIGNED_NOTHING);
    } else {
        if (before == NULL) {
            own_add(node, &vote);
        }

        struct world_item *item =
            item_add(world, ITEM_SIGN, self, world->now_ms + 1 + chance(world, SIGN_MS));

        item->vote = vote;
        item->receiver = effect->to;
    }
}

/* The signature is there: the vote counts, and leaves. */
static void own_signed(struct world *world, uint32_t self, const struct world_vote *vote,
                       uint32_t receiver)
{
    struct world_node *node = &world->nodes[self];
    uint8_t bit = (uint8_t)(1u << self);

    for (uint32_t i = 0; i < node->own_count; i++) {
        if (node->own[i].round == vote->round && node->own[i].step == vote->step) {
            node->is_durable[i] = true;
        }
    }
    node->votes[vote->round][vote->step][self] = *vote;
    node->has[vote->round][vote->step] = (uint8_t)(node->has[vote->round][vote->step] | bit);
    node->told[vote->round][vote->step] = (uint8_t)(node->told[vote->round][vote->step] | bit);
    vote_spread(world, self, vote, receiver);
    tell_signed(node, vote, SIGNED_NOW);
}

/* --- what an engine wants --- */

static void certify(struct world *world, uint32_t self,
                    const struct qn_consensus_effect_certify *effect)
{
    struct world_node *node = &world->nodes[self];
    uint8_t digest = digest_number(effect->digest);
    struct world_certificate made = {.round = effect->round, .digest = digest};

    QN_CHECK(effect->round < WORLD_ROUNDS);
    QN_CHECK(effect->step == WORLD_PREPARE || effect->step == WORLD_FINAL);
    made.signers = find_quorum(world, node, effect->round, effect->step, digest, &made.vr);
    if (made.signers == 0 || digest == 0) {
        node->false_quorums++;
    } else if (effect->step == WORLD_PREPARE) {
        certificate_take(world, node, &made);
        for (uint32_t to = 0; effect->share && to < world->plan.nodes; to++) {
            if (to != self) {
                certificate_send(world, self, to, &made);
            }
        }
    } else {
        node_final(node, digest, effect->round);
        for (uint32_t to = 0; to < world->plan.nodes; to++) {
            if (to != self) {
                final_send(world, self, to);
            }
        }
    }
}

static void check(struct world *world, uint32_t self, const uint8_t *bytes)
{
    struct world_item *item =
        item_add(world, ITEM_CHECKED, self, world->now_ms + 1 + chance(world, CHECK_MS));

    item->digest = digest_number(bytes);
    QN_CHECK(item->digest != 0);
}

static void timer_set(struct world *world, uint32_t self, uint32_t id, uint32_t delay_ms)
{
    struct world_node *node = &world->nodes[self];
    struct world_timer *place = NULL;

    for (uint32_t i = 0; i < WORLD_TIMERS; i++) {
        struct world_timer *it = &node->timers[i];

        if (it->is_set && it->id == id) {
            place = it;
            break;
        }
        place = place == NULL && !it->is_set ? it : place;
    }
    QN_CHECK(place != NULL);
    *place = (struct world_timer){true, id, world->now_ms + delay_ms};
    if (!world->plan.has_no_timers) {
        item_add(world, ITEM_TIMER, self, place->due_ms)->timer = id;
    }
}

/* The timer, if it is set and due now. */
static struct world_timer *timer_due(const struct world *world, struct world_node *node,
                                     uint32_t id, bool is_any_time)
{
    for (uint32_t i = 0; i < WORLD_TIMERS; i++) {
        struct world_timer *it = &node->timers[i];

        if (it->is_set && it->id == id && (is_any_time || it->due_ms == world->now_ms)) {
            return it;
        }
    }
    return NULL;
}

static void perform(struct world *world, uint32_t self, const struct world_message *effect)
{
    struct world_node *node = &world->nodes[self];
    struct qn_span body = {effect->bytes, effect->size};
    union {
        struct qn_consensus_effect_request_sign request;
        struct qn_consensus_effect_certify certify;
        struct qn_consensus_effect_check check;
        struct qn_consensus_effect_timer timer;
        struct qn_consensus_effect_cancel cancel;
        struct qn_consensus_effect_report report;
    } it;

    if (node->final != 0) {
        return;
    }
    switch (effect->type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN:
        QN_CHECK(qn_consensus_effect_request_sign_read(body, &it.request) == QN_OK);
        request(world, self, &it.request);
        break;
    case QN_CONSENSUS_EFFECT_CERTIFY:
        QN_CHECK(qn_consensus_effect_certify_read(body, &it.certify) == QN_OK);
        certify(world, self, &it.certify);
        break;
    case QN_CONSENSUS_EFFECT_CHECK:
        QN_CHECK(qn_consensus_effect_check_read(body, &it.check) == QN_OK);
        check(world, self, it.check.digest);
        break;
    case QN_CONSENSUS_EFFECT_TIMER:
        QN_CHECK(qn_consensus_effect_timer_read(body, &it.timer) == QN_OK);
        timer_set(world, self, it.timer.timer, it.timer.delay_ms);
        break;
    case QN_CONSENSUS_EFFECT_CANCEL:
        QN_CHECK(qn_consensus_effect_cancel_read(body, &it.cancel) == QN_OK);
        if (timer_due(world, node, it.cancel.timer, true) != NULL) {
            timer_due(world, node, it.cancel.timer, true)->is_set = false;
        }
        break;
    case QN_CONSENSUS_EFFECT_REPORT:
        QN_CHECK(qn_consensus_effect_report_read(body, &it.report) == QN_OK);
        QN_CHECK(it.report.round < WORLD_ROUNDS);
        round_raise(node, it.report.round);
        break;
    default:
        QN_CHECK(effect->type == QN_CONSENSUS_EFFECT_SAVE);
    }
}

/* --- running an engine --- */

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct world *world = ctx;
    struct world_message *effect;

    QN_CHECK(payload == NULL);
    QN_CHECK(world->effects_count < WORLD_QUEUE);
    QN_CHECK(body.size <= WORLD_BODY);
    effect = &world->effects[world->effects_count++];
    effect->type = (uint16_t)type;
    effect->size = (uint32_t)body.size;
    memcpy(effect->bytes, body.data, body.size);
    return QN_OK;
}

/* One call with `count` events; what it wants is in world->effects. */
static void step(struct world *world, struct qn_inst *inst, const struct world_message *messages,
                 uint32_t count)
{
    struct qn_event events[WORLD_QUEUE];
    const struct qn_event *pointers[WORLD_QUEUE];
    struct qn_effects out = {
        .head = {.size = sizeof out, .major = 1},
        .ctx = world,
        .push = effect_push,
    };

    for (uint32_t i = 0; i < count; i++) {
        events[i] = (struct qn_event){
            .size = sizeof events[i],
            .type = messages[i].type,
            .seq = ++world->seq,
            .now_us = world->now_ms * 1000,
            .body = {messages[i].bytes, messages[i].size},
        };
        pointers[i] = &events[i];
    }
    world->effects_count = 0;
    QN_CHECK(world->slots->step(inst, pointers, count, &out) == QN_OK);
}

static void record(struct world *world, const struct world_message *messages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        QN_CHECK(world->record_count < RECORD_MAX);
        world->record[world->record_count++] = messages[i];
    }
}

static void wanted_add(struct world *world, uint8_t *wanted, uint64_t *size)
{
    for (uint32_t i = 0; i < world->effects_count; i++) {
        const struct world_message *effect = &world->effects[i];

        QN_CHECK(*size + 2 + effect->size <= WANTED_MAX);
        qn_le16_write(wanted + *size, effect->type);
        memcpy(wanted + *size + 2, effect->bytes, effect->size);
        *size += 2 + effect->size;
    }
}

/* Tells the engine all that waits, and does what it wants, until it wants nothing more. */
static void settle(struct world *world, uint32_t self)
{
    struct world_node *node = &world->nodes[self];
    uint32_t calls = 0;

    while (node->is_up && node->queue_count > 0) {
        bool is_recorded = world->plan.is_recorded && self == 0;
        uint32_t count = node->queue_count;

        QN_CHECK(calls++ < FOLLOW_MAX);
        if (is_recorded) {
            record(world, node->queue, count);
        }
        step(world, node->inst, node->queue, count);
        if (is_recorded) {
            wanted_add(world, world->wanted, &world->wanted_size);
        }
        node->queue_count = 0;
        node->told_count += count;
        for (uint32_t i = 0; i < world->effects_count; i++) {
            perform(world, self, &world->effects[i]);
        }
        if (node->crash_after != 0 && node->told_count >= node->crash_after) {
            node->crash_after = 0;
            world_crash(world, self);
            (void)item_add(world, ITEM_RESTART, self, world->now_ms + 1000);
        }
    }
}

void world_replay(struct world *world, uint32_t batch_max)
{
    struct qn_node *host = qn_check_node_create(world->given.memory);
    struct qn_inst *inst = qn_check_inst_create(&world->given, host);
    uint8_t *wanted = malloc(WANTED_MAX);
    uint64_t size = 0;

    QN_CHECK(wanted != NULL);
    for (uint32_t at = 0; at < world->record_count;) {
        uint32_t count = 1 + (uint32_t)chance(world, batch_max);

        count = count < world->record_count - at ? count : world->record_count - at;
        step(world, inst, world->record + at, count);
        wanted_add(world, wanted, &size);
        at += count;
    }
    QN_CHECK(size == world->wanted_size);
    QN_CHECK(memcmp(wanted, world->wanted, size) == 0);
    free(wanted);
    qn_check_inst_destroy(&world->given, inst);
    qn_check_node_destroy(host);
}

/* --- the exchange --- */

static void held_send(struct world *world, uint32_t self)
{
    const struct world_node *node = &world->nodes[self];
    struct held held = {.round = node->round};

    memcpy(held.has[0], node->has[node->round], WORLD_STEPS);
    if (node->round > 0) {
        memcpy(held.has[1], node->has[node->round - 1], WORLD_STEPS);
    }
    for (uint32_t to = 0; to < world->plan.nodes; to++) {
        struct world_item *item = to == self ? NULL : message_send(world, ITEM_HELD, self, to);

        if (item != NULL) {
            item->held = held;
        }
    }
}

static void votes_answer(struct world *world, uint32_t self, uint32_t to, uint32_t round,
                         const uint8_t *has)
{
    const struct world_node *node = &world->nodes[self];

    for (uint32_t step = 0; step < WORLD_STEPS; step++) {
        for (uint32_t from = 0; from < world->plan.nodes; from++) {
            if (from != to && (node->has[round][step] >> from & 1) != 0 &&
                (has[step] >> from & 1) == 0) {
                vote_send(world, self, to, &node->votes[round][step][from]);
            }
        }
    }
}

static void held_answer(struct world *world, uint32_t self, uint32_t to, const struct held *held)
{
    static const uint8_t nothing[WORLD_STEPS];
    const struct world_node *node = &world->nodes[self];

    if (node->role != WORLD_HONEST) {
        return;
    }
    if (node->final != 0) {
        final_send(world, self, to);
        return;
    }
    for (uint32_t round = 0; round < WORLD_ROUNDS; round++) {
        if (node->prepared[round].digest != 0 && round + 1 >= held->round) {
            certificate_send(world, self, to, &node->prepared[round]);
        }
    }
    votes_answer(world, self, to, held->round, held->has[0]);
    if (held->round > 0) {
        votes_answer(world, self, to, held->round - 1, held->has[1]);
    }
    if (node->round > held->round) {
        votes_answer(world, self, to, node->round, nothing);
        votes_answer(world, self, to, node->round - 1, nothing);
    }
}

/* --- life of a node --- */

static void engine_start(struct world *world, uint32_t self)
{
    struct world_node *node = &world->nodes[self];

    if (node->inst == NULL) {
        node->host = qn_check_node_create(world->given.memory);
        node->inst = qn_check_inst_create(&world->given, node->host);
    }
    node->is_up = true;
    tell_open(world, self);
    (void)item_add(world, ITEM_RESEND, self, world->now_ms + WORLD_RESEND_MS);
}

static void engine_stop(struct world *world, struct world_node *node)
{
    if (node->inst != NULL) {
        qn_check_inst_destroy(&world->given, node->inst);
        qn_check_node_destroy(node->host);
    }
    node->inst = NULL;
    node->host = NULL;
    node->is_up = false;
    node->queue_count = 0;
}

/* What was not durable is lost or not, as the disk will have it. */
static void guard_crash(struct world *world, struct world_node *node)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < node->own_count; i++) {
        if (node->is_durable[i] || chance(world, 2) == 0) {
            node->is_durable[kept] = true;
            node->own[kept++] = node->own[i];
        }
    }
    node->own_count = kept;
}

void world_crash(struct world *world, uint32_t self)
{
    struct world_node *node = &world->nodes[self];

    if (!node->is_up) {
        return;
    }
    engine_stop(world, node);
    guard_crash(world, node);
    node->life++;
    node->round = 0;
    memset(node->has, 0, sizeof node->has);
    memset(node->told, 0, sizeof node->told);
    memset(node->has_told_far, 0, sizeof node->has_told_far);
    memset(node->timers, 0, sizeof node->timers);
    for (uint32_t round = 0; round < WORLD_ROUNDS; round++) {
        if (!node->prepared[round].is_kept) {
            node->prepared[round] = (struct world_certificate){0};
        }
    }
}

void world_restart(struct world *world, uint32_t self)
{
    struct world_node *node = &world->nodes[self];
    uint8_t bit = (uint8_t)(1u << self);

    if (node->is_up || node->final != 0) {
        node->is_up = true; /* a final window needs no engine, and is answered for */
        return;
    }
    engine_start(world, self);
    for (uint32_t i = 0; i < node->own_count; i++) {
        const struct world_vote *own = &node->own[i];

        node->round = own->round > node->round ? own->round : node->round;
        node->votes[own->round][own->step][self] = *own;
        node->has[own->round][own->step] = (uint8_t)(node->has[own->round][own->step] | bit);
        node->told[own->round][own->step] = (uint8_t)(node->told[own->round][own->step] | bit);
        tell_signed(node, own, SIGNED_BEFORE);
    }
    for (uint32_t round = 0; round < WORLD_ROUNDS; round++) {
        if (node->prepared[round].digest != 0) {
            tell_certificate(world, node, &node->prepared[round]);
        }
    }
    if (node->height > 0) {
        tell_head(node);
    }
    if (node->candidate != 0) {
        tell_candidate(node);
    }
    settle(world, self);
}

/* --- a run --- */

static void act(struct world *world, const struct world_item *item)
{
    struct world_node *node = &world->nodes[item->to];
    struct world_timer *timer;
    uint8_t bit = (uint8_t)(1u << item->digest);

    switch (item->kind) {
    case ITEM_VOTE:
        vote_take(node, &item->vote);
        break;
    case ITEM_CERTIFICATE:
        certificate_take(world, node, &item->certificate);
        break;
    case ITEM_HELD:
        held_answer(world, item->to, item->from, &item->held);
        break;
    case ITEM_FINAL:
        node_final(node, item->digest, 0);
        break;
    case ITEM_SIGN:
        own_signed(world, item->to, &item->vote, item->receiver);
        break;
    case ITEM_TIMER:
        timer = timer_due(world, node, item->timer, false);
        if (timer != NULL) {
            timer->is_set = false;
            tell_timer(node, item->timer);
        }
        break;
    case ITEM_RESEND:
        held_send(world, item->to);
        (void)item_add(world, ITEM_RESEND, item->to, world->now_ms + WORLD_RESEND_MS);
        break;
    case ITEM_CHECKED:
        node->valid = item->digest == WORLD_INVALID ? node->valid : (uint8_t)(node->valid | bit);
        tell_checked(node, item->digest, item->digest == WORLD_INVALID ? 2 : 1);
        break;
    case ITEM_CANDIDATE:
        node->candidate = item->digest;
        tell_candidate(node);
        break;
    case ITEM_CRASH:
    case ITEM_RESTART:
        break;
    }
}

static void item_do(struct world *world, const struct world_item *item)
{
    struct world_node *node = &world->nodes[item->to];
    bool is_inner = item->kind >= ITEM_SIGN && item->kind <= ITEM_CHECKED;

    if (item->kind == ITEM_CRASH) {
        world_crash(world, item->to);
    } else if (item->kind == ITEM_RESTART) {
        world_restart(world, item->to);
    } else if (item->kind == ITEM_CANDIDATE && !node->is_up) {
        node->candidate = item->digest;
    } else if (node->is_up && (!is_inner || item->life == node->life) &&
               (node->final == 0 || item->kind == ITEM_HELD)) {
        act(world, item);
        settle(world, item->to);
    }
}

bool world_is_final(const struct world *world)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        const struct world_node *node = &world->nodes[i];

        if (node->role == WORLD_HONEST && node->final == 0) {
            return false;
        }
    }
    return true;
}

void world_run(struct world *world, uint64_t until_ms)
{
    struct world_item item;

    while (!world_is_final(world) && item_take(world, until_ms, &item)) {
        world->now_ms = item.due_ms > world->now_ms ? item.due_ms : world->now_ms;
        item_do(world, &item);
    }
    world->now_ms = world_is_final(world) ? world->now_ms : until_ms;
}

static void crashes_plan(struct world *world)
{
    for (uint32_t i = 0; i < world->plan.crashes; i++) {
        uint32_t node = (uint32_t)chance(world, world->plan.nodes);
        uint64_t at_ms = chance(world, CRASH_SPAN_MS);

        (void)item_add(world, ITEM_CRASH, node, at_ms);
        (void)item_add(world, ITEM_RESTART, node, at_ms + 1 + chance(world, DOWN_MS));
    }
}

/* A new run keeps the engines of the last one: what they were told then must be forgotten. */
static void engine_reuse(struct world *world, struct world_node *node, bool is_wanted)
{
    struct qn_node *host = node->host;
    struct qn_inst *inst = node->inst;

    if (inst != NULL && !is_wanted) {
        engine_stop(world, node);
        inst = NULL;
    }
    if (inst != NULL && node->final == 0) {
        node->queue_count = 0;
        node_final(node, 1, 0);
        step(world, inst, node->queue, 1);
    }
    memset(node, 0, sizeof *node);
    node->host = inst != NULL ? host : NULL;
    node->inst = inst;
}

void world_begin(struct world *world, const struct world_plan *plan)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        enum world_role role = i < plan->nodes ? plan->roles[i] : WORLD_SILENT;

        engine_reuse(world, &world->nodes[i], role == WORLD_HONEST || role == WORLD_SELECTIVE);
    }
    memset(world->has_lied, 0, sizeof world->has_lied);
    world->plan = *plan;
    world->random = plan->seed * 2 + 1;
    world->now_ms = world->seq = world->total = 0;
    world->items_count = world->record_count = 0;
    world->wanted_size = 0;
    for (uint32_t i = 0; i < plan->nodes; i++) {
        world->plan.weights[i] = plan->weights[i] == 0 ? 1 : plan->weights[i];
        world->total += world->plan.weights[i];
    }
    world->quorum = 2 * world->total / 3 + 1;
    for (uint32_t i = 0; i < plan->nodes; i++) {
        world->nodes[i].role = plan->roles[i];
        if (has_engine(&world->nodes[i])) {
            engine_start(world, i);
            settle(world, i);
        }
        if (has_engine(&world->nodes[i]) && plan->candidates[i] != 0) {
            item_add(world, ITEM_CANDIDATE, i, plan->candidates_ms[i])->digest =
                plan->candidates[i];
        }
    }
    crashes_plan(world);
}

struct world *world_create(const struct qn_check_given *given)
{
    struct world *world = calloc(1, sizeof *world);

    QN_CHECK(world != NULL);
    world->given = *given;
    world->slots = (const void *)given->plugin->slots;
    world->is_lockless =
        (given->steps >> WORLD_FINAL & 1) != 0 && (given->steps >> WORLD_PREPARE & 1) == 0;
    world->items = calloc(ITEMS_MAX, sizeof *world->items);
    world->record = calloc(RECORD_MAX, sizeof *world->record);
    world->wanted = malloc(WANTED_MAX);
    QN_CHECK(world->items != NULL && world->record != NULL && world->wanted != NULL);
    return world;
}

void world_destroy(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        engine_stop(world, &world->nodes[i]);
    }
    free(world->items);
    free(world->record);
    free(world->wanted);
    free(world);
}

/* --- a case's own hand --- */

void world_inject(struct world *world, uint32_t to, const struct world_vote *vote)
{
    if (is_listed(world, vote->step)) {
        vote_take(&world->nodes[to], vote);
        settle(world, to);
    }
}

void world_inject_certificate(struct world *world, uint32_t to, uint32_t round, int32_t vr,
                              uint8_t digest, uint8_t signers)
{
    struct world_certificate certificate = {
        .round = round,
        .vr = vr,
        .digest = digest,
        .signers = signers,
    };

    certificate_take(world, &world->nodes[to], &certificate);
    settle(world, to);
}

void world_candidate(struct world *world, uint32_t self, uint8_t digest)
{
    struct world_node *node = &world->nodes[self];

    node->candidate = digest;
    if (node->is_up && node->final == 0) {
        tell_candidate(node);
        settle(world, self);
    }
}

void world_head(struct world *world, uint64_t height)
{
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        struct world_node *node = &world->nodes[i];

        node->height = height;
        if (node->is_up && node->final == 0) {
            tell_head(node);
            settle(world, i);
        }
    }
}

/* --- what must hold --- */

const struct world_vote *world_own(const struct world *world, uint32_t node, uint32_t round,
                                   uint32_t step)
{
    return own_find(&world->nodes[node], round, step);
}

/* Whether all keys of others, and what honest members ever sealed, could make this final. */
static bool could_be_final(const struct world *world, uint8_t digest)
{
    for (uint32_t round = 0; round < WORLD_ROUNDS; round++) {
        uint64_t weight = 0;
        bool is_honest = false;

        for (uint32_t i = 0; i < world->plan.nodes; i++) {
            const struct world_vote *seal = world_own(world, i, round, WORLD_FINAL);
            bool is_sealed = seal != NULL && seal->digest == digest;

            if (world->nodes[i].role != WORLD_HONEST || is_sealed) {
                weight += world->plan.weights[i];
            }
            is_honest = is_honest || (world->nodes[i].role == WORLD_HONEST && is_sealed);
        }
        if (is_honest && weight >= world->quorum) {
            return true;
        }
    }
    return false;
}

void world_check(const struct world *world)
{
    uint8_t final = 0;
    uint32_t possible = 0;
    uint64_t faulty = 0;

    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        faulty += world->nodes[i].role != WORLD_HONEST ? world->plan.weights[i] : 0;
    }
    for (uint8_t digest = 1; digest < WORLD_DIGESTS; digest++) {
        possible += could_be_final(world, digest);
    }
    QN_CHECK(possible <= 1 || 3 * faulty >= world->total);
    for (uint32_t i = 0; i < world->plan.nodes; i++) {
        const struct world_node *node = &world->nodes[i];

        QN_CHECK(node->refused == 0);
        QN_CHECK(node->false_quorums == 0);
        if (node->final != 0) {
            QN_CHECK(final == 0 || node->final == final);
            QN_CHECK(node->final != WORLD_INVALID);
            final = node->final;
        }
    }
}

/* --- a world of one engine --- */

const struct world_plan world_one = {
    .seed = 1,
    .nodes = 4,
    .roles = {WORLD_HONEST, WORLD_SILENT, WORLD_SILENT, WORLD_SILENT},
    .candidates = {1, 0, 0, 0},
};

void world_wait(struct world *world, uint64_t time_ms)
{
    world_run(world, world->now_ms + time_ms);
}

void world_act(struct world *world, uint8_t from, uint32_t round, uint8_t step, int32_t vr,
               uint8_t digest)
{
    struct world_vote vote = {
        .round = round,
        .vr = vr,
        .step = step,
        .from = from,
        .digest = digest,
    };

    world_inject(world, 0, &vote);
}

void world_act_all(struct world *world, uint32_t round, uint8_t step, uint8_t digest)
{
    for (uint8_t from = 1; from < world_one.nodes; from++) {
        world_act(world, from, round, step, -1, digest);
    }
}

uint32_t world_leader(uint64_t seed, uint32_t round)
{
    static const char tag[] = "qnet/leader";
    struct qn_check_sha256 sha;
    uint8_t place[QN_HASH_SIZE + 12] = {0};
    uint8_t draw[QN_HASH_SIZE];

    qn_le64_write(place, seed);
    qn_le64_write(place + QN_HASH_SIZE, 1);
    qn_le32_write(place + QN_HASH_SIZE + 8, round);
    qn_check_sha256_init(&sha);
    qn_check_sha256_add(&sha, (struct qn_span){(const uint8_t *)tag, sizeof tag - 1});
    qn_check_sha256_add(&sha, (struct qn_span){place, sizeof place});
    qn_check_sha256_done(&sha, draw);
    return (uint32_t)(qn_le64_read(draw) >> 62);
}
