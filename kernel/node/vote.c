/* SPDX-License-Identifier: MIT */

/* vote.c: the kernel's part in agreement: the engine's instance of the open window, what it wants
 * signed through the guard, votes and certificates on their way to and from it. Whether anything is
 * signed is signing.c's, what peers lack exchange.c's, who contradicts himself evidence.c's. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum { CHECK_ASK_US = 1000000 }; /* a digest's header is asked for again */

static const struct qnk_hash nil;

static struct qnk_set *open_set(const struct qnk_node *node)
{
    return qnk_ballot_set(node->ballot);
}

/* Own index in the open window's set. */
static uint32_t self_of(const struct qnk_node *node)
{
    return node->setup.has_validator ? qnk_set_find(open_set(node), &node->setup.validator)
                                     : QNK_SET_NOBODY;
}

/* Whether the engine that is bound for a window lists this step. */
static bool is_declared(struct qnk_node *node, uint64_t window, uint32_t step)
{
    const struct qnk_binding *binding =
        qnk_window_binding(node, QNK_BINDING_CONSENSUS, window, qnk_attempt(node, window));

    return step != QNK_STEP_ABANDON && qnk_engine_has_step(binding, step);
}

static void owed_drop(struct qnk_node *node, uint32_t i)
{
    qnk_buf_unref(node->owed[i].body);
    node->owed_count--;
    memmove(&node->owed[i], &node->owed[i + 1], (node->owed_count - i) * sizeof *node->owed);
}

static void owed_end(struct qnk_node *node)
{
    while (node->owed_count > 0) {
        owed_drop(node, node->owed_count - 1);
    }
}

void qnk_votes_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        qnk_sign_slot_give(&node->signs[i]);
    }
    owed_end(node);
    qnk_ballot_destroy(node->ballot);
    qnk_ballot_destroy(node->next);
    qnk_attempts_end(node);
    qnk_guard_destroy(node->guard);
}

/* --- telling the engine --- */

/* An engine that failed is told nothing more: this node follows, and does not vote in its windows.
 */
static void engine_failed(struct qnk_node *node, const struct qnk_engine *engine)
{
    for (uint32_t i = 0; i < QNK_PLUGS_MAX; i++) {
        struct qnk_plug *plug = &node->plugs[i];

        if (plug->engine == engine && !plug->is_failed) {
            plug->is_failed = true;
            qnk_note(node, QNK_LOG_ERROR, "engine-failed", "the consensus plugin failed: %d",
                     qnk_engine_status(engine));
        }
    }
}

static void engine_run(struct qnk_node *node)
{
    struct qnk_engine *engine = node->engine; /* the run may open the next window with another */

    if (engine == NULL) {
        return; /* held: a header of the window came all the same */
    }
    qnk_engine_run(engine, node->now_us);
    if (qnk_engine_status(engine) != QN_OK) {
        engine_failed(node, engine);
    }
}

static void tell_open(struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    const struct qnk_set *set = open_set(node);
    const struct qnk_known_final *before = qnk_final_of(node, (int64_t)place->window - 1);
    uint64_t size = qnk_set_size(set);
    uint8_t *members = qnk_memory_take(&node->budget, size);
    uint32_t n = node->setup.params.window;

    if (members == NULL) {
        return;
    }
    qnk_set_encode(set, members);

    struct qn_consensus_event_open event = {
        .window = place->window,
        .lane = place->lane,
        .era = place->era,
        .first = qnk_window_last(place->window - 1, n) + 1,
        .last = qnk_window_last(place->window, n),
        .set = set->hash.bytes,
        .self = self_of(node),
        .total = set->total,
        .quorum = qnk_set_quorum(set),
        .members_count = set->count,
        .members = {members + 4, size - 4},
        .seed = before->beacon.bytes,
        .saved = qnk_guard_saved_at(node->guard, place->window),
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_OPEN,
                                   qn_consensus_event_open_size(&event));

    (void)qn_consensus_event_open_write(&event, to);
    qnk_memory_give(&node->budget, members, size);
}

static void tell_vote(struct qnk_node *node, struct qnk_ballot_vote *held)
{
    const struct qnk_vote *vote = &held->vote;
    struct qn_consensus_event_vote event = {
        .window = vote->window,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .from = vote->member,
        .digest = vote->step == QNK_STEP_COMMIT ? nil.bytes : vote->digest.bytes,
        .opened = held->opened,
        .body = qnk_vote_tail(vote).body,
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_VOTE,
                                   qn_consensus_event_vote_size(&event));

    (void)qn_consensus_event_vote_write(&event, to);
}

enum signed_result { SIGNED_NOW = 1, SIGNED_OTHER = 2, SIGNED_BEFORE = 3, SIGNED_NOTHING = 4 };

/* `digest` is the one that the engine asked for, which a commit hides. What was not signed has no
 * tail yet, so no body goes back with it. */
static void tell_signed(struct qnk_node *node, const struct qnk_vote *vote,
                        const struct qnk_hash *digest, uint8_t result)
{
    struct qn_consensus_event_signed event = {
        .window = vote->window,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .digest = digest->bytes,
        .result = result,
    };

    if (result != SIGNED_NOTHING) {
        event.body = qnk_vote_tail(vote).body;
    }

    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_SIGNED,
                                   qn_consensus_event_signed_size(&event));

    (void)qn_consensus_event_signed_write(&event, to);
}

static void tell_certificate(struct qnk_node *node, const struct qnk_certificate *cert)
{
    struct qn_consensus_event_certificate event = {
        .window = cert->window,
        .round = cert->round,
        .step = cert->step,
        .vr = cert->vr,
        .digest = cert->digest.bytes,
        .weight = qnk_set_weight(open_set(node), cert->bitmap),
        .signers = {cert->bitmap, (cert->members + 7) / 8},
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_CERTIFICATE,
                                   qn_consensus_event_certificate_size(&event));

    (void)qn_consensus_event_certificate_write(&event, to);
}

enum check_verdict { CHECK_VALID = 1, CHECK_INVALID = 2, CHECK_LATER = 3 };

/* An engine that is not open is told nothing: it asks again when it is. A node that is held has
 * none, and notes what proposals are about all the same. */
static void tell_checked(struct qnk_node *node, const struct qnk_hash *digest, uint8_t verdict)
{
    if (node->instance != QNK_INSTANCE_OPEN) {
        return;
    }

    struct qn_consensus_event_checked event = {
        .window = qnk_ballot_place(node->ballot)->window,
        .digest = digest->bytes,
        .verdict = verdict,
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_CHECKED,
                                   qn_consensus_event_checked_size(&event));

    (void)qn_consensus_event_checked_write(&event, to);
}

static void tell_offence(struct qnk_node *node, const struct qnk_vote *vote)
{
    struct qn_consensus_event_offence event = {
        .window = vote->window,
        .round = vote->round,
        .step = vote->step,
        .from = vote->member,
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_OFFENCE,
                                   qn_consensus_event_offence_size(&event));

    (void)qn_consensus_event_offence_write(&event, to);
}

static void tell_head(struct qnk_node *node)
{
    uint64_t height = qnk_head(node)->header.height;

    if (height <= node->engine_head) {
        return;
    }
    node->engine_head = height;

    struct qn_consensus_event_head event = {
        .window = qnk_ballot_place(node->ballot)->window,
        .height = height,
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_HEAD,
                                   qn_consensus_event_head_size(&event));

    (void)qn_consensus_event_head_write(&event, to);
}

static void tell_candidate(struct qnk_node *node, const struct qnk_block *last)
{
    struct qn_consensus_event_candidate event = {
        .window = qnk_ballot_place(node->ballot)->window,
        .digest = last->known->digest.bytes,
        .height = last->header.height,
    };
    uint8_t *to = qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_CANDIDATE,
                                   qn_consensus_event_candidate_size(&event));

    node->candidate = last->known->digest;
    (void)qn_consensus_event_candidate_write(&event, to);
}

/* --- the instance --- */

/* Gives a vote to the engine, unless what justifies it is not here yet. */
static void deliver(struct qnk_node *node, struct qnk_ballot_vote *held)
{
    const struct qnk_vote *vote = &held->vote;

    if (held->delivered || held->false_opening || node->instance != QNK_INSTANCE_OPEN) {
        return;
    }
    if (vote->vr >= 0 &&
        qnk_ballot_certificate_find(node->ballot, (uint32_t)vote->vr, &vote->digest) == NULL) {
        return;
    }
    held->delivered = true;
    tell_vote(node, held);
}

static void deliver_visit(void *ctx, struct qnk_ballot_vote *held)
{
    deliver(ctx, held);
}

/* The engine went on to this round, which brings votes within reach that were too far to count. */
static void round_raise(struct qnk_node *node, uint32_t round)
{
    if (round > qnk_ballot_round(node->ballot)) {
        qnk_ballot_round_set(node->ballot, round);
        qnk_ballot_walk(node->ballot, deliver_visit, node);
        qnk_resend_arm(node);
    }
}

/* All that is needed is here: the engine is told what the guard remembers, then what lives. */
static void instance_begin(struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    uint64_t window = place->window;
    uint32_t self = self_of(node);
    const struct qnk_vote *own;

    node->instance = QNK_INSTANCE_OPEN;
    node->engine_head = 0;
    node->candidate = nil;
    tell_open(node);
    for (uint32_t i = 0; (own = qnk_guard_vote_at(node->guard, window, i)) != NULL; i++) {
        struct qnk_ballot_vote *held =
            self == QNK_SET_NOBODY || own->step == QNK_STEP_ABANDON || own->era != place->era
                ? NULL
                : qnk_ballot_find(node->ballot, own->round, own->step, self);

        if (held != NULL) {
            held->delivered = true;
            tell_signed(node, own, own->step == QNK_STEP_COMMIT ? &nil : &own->digest,
                        SIGNED_BEFORE);
        }
    }
    for (uint32_t i = 0; qnk_ballot_certificate_at(node->ballot, i) != NULL; i++) {
        tell_certificate(node, &qnk_ballot_certificate_at(node->ballot, i)->view);
    }
    qnk_ballot_walk(node->ballot, deliver_visit, node);
    qnk_resend_arm(node);
    tell_head(node);
    engine_run(node);
    qnk_candidate_look(node);
}

/* Certificates that the guard kept come back into the ballot. */
static void certificates_restore(struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);

    for (uint32_t i = 0; qnk_guard_certificate_at(node->guard, i).size > 0; i++) {
        struct qnk_certificate cert;
        struct qn_span bytes = qnk_guard_certificate_at(node->guard, i);
        int32_t status = qnk_certificate_decode(bytes, &cert);

        QN_ASSERT(status == QN_OK);
        if (cert.window == place->window && cert.era == place->era &&
            qnk_certificate_check(&cert, open_set(node), &place->binding) == QN_OK) {
            struct qn_buf *copy = qnk_buf_copy(&node->budget, bytes);

            if (copy != NULL) {
                (void)qnk_ballot_certificate_add(node->ballot, copy);
                qnk_buf_unref(copy);
            }
        }
    }
}

/* Whether an own vote is of this attempt and the ballot has a place for it. One of round 0 brings a
 * share, which is kept elsewhere. */
static bool is_of_use(const struct qnk_node *node, const struct qnk_vote *own)
{
    uint64_t last = (uint64_t)own->round + QNK_BALLOT_BEHIND;

    return own->era == qnk_ballot_place(node->ballot)->era &&
           (own->round == 0 || last >= qnk_ballot_round(node->ballot));
}

static void own_vote_again(struct qnk_node *node, const struct qnk_vote *own)
{
    struct qnk_signing_vote vote = {.vote = *own, .asked = own->digest};
    struct qnk_sign *sign = qnk_sign_new(node);
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    vote.tail = sign == NULL ? NULL : qnk_buf_copy(&node->budget, own->tail);
    if (vote.tail == NULL) {
        qnk_sign_destroy(sign);
        return;
    }
    vote.vote.tail = qnk_buf_span(vote.tail);
    qnk_vote_message(own, &node->setup.params.chain_id, message);
    qnk_sign_start(node, sign, QNK_SIGN_AGAIN, &vote, NULL, message, sizeof message);
    node->instance_signs++;
}

/* Own votes of before a restart are signed again, byte for byte, so that others may get them. The
 * ballot first goes to their round, or else it would have no place for them. That the attempt was
 * given up comes first, and what no ballot has a place for is left out: only so much is signed at
 * once. */
static void own_votes_restore(struct qnk_node *node)
{
    const struct qnk_vote *own;
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    uint64_t window = place->window;

    for (uint32_t i = 0; (own = qnk_guard_vote_at(node->guard, window, i)) != NULL; i++) {
        if (own->era == place->era && own->round > qnk_ballot_round(node->ballot)) {
            qnk_ballot_round_set(node->ballot, own->round);
        }
    }
    for (uint32_t i = 0; (own = qnk_guard_vote_at(node->guard, window, i)) != NULL; i++) {
        if (own->step == QNK_STEP_ABANDON && own->era == place->era) {
            own_vote_again(node, own);
        }
    }
    for (uint32_t i = 0; (own = qnk_guard_vote_at(node->guard, window, i)) != NULL; i++) {
        if (own->step != QNK_STEP_ABANDON && is_of_use(node, own)) {
            own_vote_again(node, own);
        }
    }
}

static void secrets_ask(struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    const struct qnk_control *control = qnk_tree_root(node->tree)->control;
    const struct qnk_control_member *self = &control->members[self_of(node)];
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_SECRETS);

    node->has_secrets = false;
    node->has_share = false;
    node->secrets_token = qnk_token(node);
    effect->secrets.token = node->secrets_token;
    effect->secrets.era = place->era;
    effect->secrets.window = place->window;
    effect->secrets.last_share = self->share;
    effect->secrets.last_window = self->share_window;
}

/* A ballot for a window whose set and binding are known; NULL otherwise. */
static struct qnk_ballot *ballot_for(struct qnk_node *node, uint64_t window)
{
    struct qnk_set *set;
    struct qnk_ballot_place place;

    return qnk_vote_context(node, window, qnk_attempt(node, window), &set, &place)
               ? qnk_ballot_create(&node->budget, set, &place)
               : NULL;
}

/* What was collected of the window before, or a new one. */
struct qnk_ballot *qnk_ballot_open(struct qnk_node *node)
{
    uint64_t window = node->final_window + 1;

    if (node->ballot == NULL && node->next != NULL && qnk_attempt(node, window) == 0 &&
        qnk_ballot_place(node->next)->window == window) {
        node->ballot = node->next;
        node->next = NULL;
    } else if (node->ballot == NULL) {
        node->ballot = ballot_for(node, window);
    }
    return node->ballot;
}

/* An attempt that was given up before a restart is not taken up again: what was said of it is said
 * once more, and the next one waited for. */
static bool over_look(struct qnk_node *node)
{
    if (qnk_guard_vote_at(node->guard, node->final_window + 1, 0) == NULL ||
        qnk_ballot_open(node) == NULL || !qnk_attempt_is_over(node)) {
        return false;
    }
    node->instance = QNK_INSTANCE_OVER;
    certificates_restore(node);
    own_votes_restore(node);
    qnk_resend_arm(node);
    return true;
}

void qnk_instance_open(struct qnk_node *node)
{
    uint64_t window = node->final_window + 1;
    struct qnk_engine *engine = qnk_window_engine(node, window, qnk_attempt(node, window));

    if (!node->is_started || node->instance != QNK_INSTANCE_NONE || !qnk_may_sign(node) ||
        over_look(node) || engine == NULL || qnk_engine_status(engine) != QN_OK) {
        return;
    }
    if (qnk_ballot_open(node) == NULL) {
        return; /* the next tick tries again */
    }
    if (self_of(node) == QNK_SET_NOBODY) {
        node->not_signing = "this key is no member of the validator set";
        return;
    }
    memset(node->timers, 0, sizeof node->timers);
    node->engine = engine;
    node->instance = QNK_INSTANCE_OPENING;
    node->instance_signs = 0;
    secrets_ask(node);
    certificates_restore(node);
    own_votes_restore(node);
}

static void instance_end(struct qnk_node *node, const struct qnk_hash *digest, uint32_t round)
{
    if (node->instance == QNK_INSTANCE_OPEN) {
        struct qn_consensus_event_final event = {
            .window = qnk_ballot_place(node->ballot)->window,
            .round = round,
            .digest = digest->bytes,
        };

        qnk_engine_clear(node->engine);
        (void)qn_consensus_event_final_write(
            &event, qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_FINAL,
                                     qn_consensus_event_final_size(&event)));
        qnk_engine_run(node->engine, node->now_us);
    }
    for (uint32_t i = 0; i < QN_CONSENSUS_TIMERS_MAX; i++) {
        if (node->timers[i].is_set) {
            qnk_timer_cancel(node, QNK_TIMER_ENGINE + i);
        }
    }
    owed_end(node);
    memset(node->checks, 0, sizeof node->checks);
    memset(node->timers, 0, sizeof node->timers);
    node->instance = QNK_INSTANCE_NONE;
    node->vote_phase = 0;
    node->vote_have = node->vote_need = 0;
    node->counters.rounds += round + 1;
}

void qnk_instance_stop(struct qnk_node *node, uint32_t state)
{
    instance_end(node, &nil, node->ballot == NULL ? 0 : qnk_ballot_round(node->ballot));
    node->instance = state;
}

void qnk_instance_close(struct qnk_node *node, const struct qnk_hash *digest, uint32_t round)
{
    instance_end(node, digest, round);
    qnk_attempts_end(node);
    qnk_ballot_destroy(node->ballot);
    node->ballot = NULL;
    if (node->next != NULL && qnk_ballot_place(node->next)->window <= node->final_window) {
        qnk_ballot_destroy(node->next);
        node->next = NULL;
    }
}

struct voters {
    const struct qnk_set *set;
    uint8_t seen[(QNK_SET_MEMBERS_MAX + 7) / 8];
};

static void voters_visit(void *ctx, struct qnk_ballot_vote *held)
{
    struct voters *voters = ctx;

    qnk_bit_set(voters->seen, held->vote.member);
}

/* Whether there is something to decide: the window is full here, or was decided upon by somebody
 * honest, or by this node before a restart. An engine that is told sooner lets its time limits run
 * out before there can be a candidate, and begins with rounds that fail. */
static bool is_time(struct qnk_node *node)
{
    uint64_t window = qnk_ballot_place(node->ballot)->window;
    struct voters voters = {.set = open_set(node)};

    if (qnk_head(node)->header.height >= qnk_window_last(window, node->setup.params.window) ||
        qnk_guard_vote_at(node->guard, window, 0) != NULL ||
        qnk_ballot_certificate_at(node->ballot, 0) != NULL) {
        return true;
    }
    qnk_ballot_walk(node->ballot, voters_visit, &voters);
    return qnk_set_weight(voters.set, voters.seen) >= qnk_set_third(voters.set);
}

static void instance_look(struct qnk_node *node)
{
    if (node->instance == QNK_INSTANCE_OPENING && node->has_secrets && node->instance_signs == 0 &&
        is_time(node)) {
        instance_begin(node);
    }
}

static void tip_make(struct qnk_node *node, const struct qnk_hash *next_tip)
{
    uint64_t window = qnk_window_of(qnk_head(node)->header.height + 1, node->setup.params.window);
    struct qnk_tip tip = {.window = window + QNK_TIP_NOTICE, .tip = *next_tip};
    uint8_t payload[QNK_TIP_SIZE];

    qnk_tip_encode(&tip, payload);
    (void)qnk_kernel_make(node, QNK_TX_TIP, (struct qn_span){payload, sizeof payload});
}

void qnk_secrets_take(struct qnk_node *node, const struct qnk_event *event)
{
    if (event->secrets.token != node->secrets_token || node->instance != QNK_INSTANCE_OPENING) {
        return;
    }
    node->blind = event->secrets.blind;
    node->has_share = event->secrets.has_share;
    node->share = event->secrets.has_share ? event->secrets.share : nil;
    node->has_secrets = true;
    if (!event->secrets.has_share && !qnk_hash_is_zero(&event->secrets.next_tip)) {
        tip_make(node, &event->secrets.next_tip);
    }
    instance_look(node);
}

/* --- candidates and checks --- */

/* Whether a window's last block will not be replaced any more, as far as one can tell. */
static bool is_settled(struct qnk_node *node, const struct qnk_block *last)
{
    const struct qnk_params *params = &node->setup.params;
    bool has_rival = last->parent->child != last || last->sibling != NULL;

    if (last->header.view == 0 && !has_rival) {
        return true;
    }
    if (qnk_head(node)->header.height >= last->header.height + params->settle_blocks) {
        return true;
    }

    uint64_t at_us = last->held_us + (uint64_t)params->settle_ms * 1000;

    if (node->now_us >= at_us) {
        return true;
    }
    qnk_timer_set(node, QNK_TIMER_SETTLE, at_us);
    return false;
}

static bool is_durable(const struct qnk_node *node, const struct qnk_block *block)
{
    for (; block != qnk_tree_root(node->tree); block = block->parent) {
        if (!block->stored) {
            return false;
        }
    }
    return true;
}

static struct qnk_check *check_find(struct qnk_node *node, const struct qnk_hash *digest)
{
    for (uint32_t i = 0; i < QNK_CHECKS_MAX; i++) {
        if (node->checks[i].is_used && qnk_hash_equal(&node->checks[i].digest, digest)) {
            return &node->checks[i];
        }
    }
    return NULL;
}

/* Asks peers for the header behind a digest, or for the chain behind the header. */
static void check_ask(struct qnk_node *node, struct qnk_check *check)
{
    struct qn_buf *body;

    if (check->asked_us != 0 && node->now_us < check->asked_us + CHECK_ASK_US) {
        return;
    }
    check->asked_us = node->now_us;
    if (check->has_macro) {
        for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
            if (node->peers[i].id != 0) {
                qnk_chain_fetch(node, node->peers[i].id, &check->macro.last);
            }
        }
        return;
    }
    body = qnk_buf_new(&node->budget, 4 + QN_HASH_SIZE);
    if (body != NULL) {
        qn_le32_write(body->data, 1);
        memcpy(body->data + 4, check->digest.bytes, QN_HASH_SIZE);
        qnk_send_all(node, QNK_WIRE_FETCH_MACRO, body, 0);
    }
}

static void check_answer(struct qnk_node *node, struct qnk_check *check, uint8_t verdict)
{
    check->is_used = false;
    if (!check->is_ours) {
        tell_checked(node, &check->digest, verdict);
    }
}

/* Whether the open window's last block could be this one. */
static bool may_end_open(const struct qnk_node *node, const struct qnk_block *block)
{
    return block->header.height ==
           qnk_window_last(node->final_window + 1, node->setup.params.window);
}

/* Answers a check if it can be answered now; else it goes on. */
static void check_look(struct qnk_node *node, struct qnk_check *check)
{
    const struct qnk_block *last = qnk_tree_find_known(node->tree, &check->digest);

    if (last != NULL) {
        bool is_of_window = last->known->macro.window == qnk_ballot_place(node->ballot)->window;

        if (is_of_window &&
            (!is_durable(node, last) || !qnk_attempt_permits(node, &check->digest, NULL))) {
            return; /* what is stored next looks again, or another abandon certificate */
        }
        check_answer(node, check, is_of_window ? CHECK_VALID : CHECK_INVALID);
        return;
    }
    last = check->has_macro ? qnk_tree_find(node->tree, &check->macro.last) : NULL;
    if (check->has_macro &&
        (qnk_tree_is_bad(node->tree, &check->macro.last) ||
         (last != NULL &&
          (last->state == QNK_BLOCK_BAD || last->known != NULL || !may_end_open(node, last))))) {
        check_answer(node, check, CHECK_INVALID);
        return;
    }
    if (last == NULL) {
        check_ask(node, check);
    }
}

void qnk_checks_look(struct qnk_node *node)
{
    if (node->instance != QNK_INSTANCE_OPEN) {
        return;
    }
    for (uint32_t i = 0; i < QNK_CHECKS_MAX; i++) {
        if (node->checks[i].is_used) {
            check_look(node, &node->checks[i]);
        }
    }
    engine_run(node);
}

struct qnk_block *qnk_check_target(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_CHECKS_MAX; i++) {
        const struct qnk_check *check = &node->checks[i];
        struct qnk_block *last = check->is_used && check->has_macro
                                     ? qnk_tree_find(node->tree, &check->macro.last)
                                     : NULL;

        /* A liar's header may name any block: nothing ever says what ends in the middle. */
        if (last != NULL && last->known == NULL && may_end_open(node, last) &&
            qnk_tree_is_ready(node->tree, last)) {
            return last;
        }
        /* Nobody has said what is behind it. After a restart it may be a branch that is here. */
        if (check->is_used && !check->has_macro && node->now_us >= check->since_us + CHECK_ASK_US) {
            last = qnk_tree_find_unknown(
                node->tree, qnk_window_last(node->final_window + 1, node->setup.params.window));
            if (last != NULL) {
                return last;
            }
        }
    }
    return NULL;
}

/* A macroblock header with the digest of a check says which chain to fetch. */
void qnk_macro_known(struct qnk_node *node, const struct qnk_macro *macro)
{
    struct qnk_hash digest;
    struct qnk_check *check;

    qnk_macro_digest(macro, &digest);
    check = check_find(node, &digest);
    if (check == NULL || check->has_macro || macro->window != node->final_window + 1) {
        return;
    }
    check->macro = *macro;
    check->has_macro = true;
    check->asked_us = 0;
    check_look(node, check);
    if (node->instance == QNK_INSTANCE_OPEN) {
        engine_run(node);
    }
    qnk_exec_look(node);
}

/* A new check. A liar may name a new digest in each of its votes: when there is no place left, the
 * oldest check goes, and the engine may ask for it again. */
static struct qnk_check *check_add(struct qnk_node *node, const struct qnk_hash *digest)
{
    struct qnk_check *place = &node->checks[0];

    for (uint32_t i = 0; i < QNK_CHECKS_MAX && place->is_used; i++) {
        struct qnk_check *it = &node->checks[i];

        if (!it->is_used || it->since_us < place->since_us) {
            place = it;
        }
    }
    if (place->is_used && !place->is_ours && node->instance == QNK_INSTANCE_OPEN) {
        tell_checked(node, &place->digest, CHECK_LATER);
    }
    *place = (struct qnk_check){.digest = *digest, .is_used = true, .since_us = node->now_us};
    return place;
}

static void check_begin(struct qnk_node *node, const struct qnk_hash *digest)
{
    struct qnk_check *check = check_find(node, digest);

    if (check == NULL) {
        check = check_add(node, digest);
    }
    check->is_ours = false;
    check_look(node, check);
    if (check->is_used) {
        qnk_exec_look(node);
    }
}

/* The one digest that an earlier attempt left: it is the candidate, whatever the best chain is, and
 * the chain behind it is fetched if need be. It is enough that it was executed once: the ledger may
 * stand on another branch. */
static void bound_look(struct qnk_node *node, const struct qnk_hash *digest)
{
    const struct qnk_block *last = qnk_tree_find_known(node->tree, digest);

    if (qnk_hash_equal(digest, &node->candidate)) {
        return;
    }
    if (last != NULL && is_durable(node, last)) {
        tell_candidate(node, last);
    } else if (last == NULL && check_find(node, digest) == NULL) {
        check_add(node, digest)->is_ours = true;
        qnk_exec_look(node);
    }
}

/* Whether a window's end is known from its execution. What there was no memory for is tried
 * again. */
static bool is_ended(struct qnk_node *node, struct qnk_block *last)
{
    if (last->end != NULL && last->known == NULL) {
        qnk_tree_know(node->tree, last, last->end);
    }
    return last->end != NULL && last->known != NULL;
}

void qnk_candidate_look(struct qnk_node *node)
{
    struct qnk_block *head = qnk_head(node);
    struct qnk_block *last;
    struct qnk_hash bound;
    uint32_t choice;

    qnk_abandon_look(node);
    instance_look(node);
    if (node->instance != QNK_INSTANCE_OPEN) {
        return;
    }
    choice = qnk_attempt_choice(node, &bound);
    last =
        qnk_tree_ancestor(head, qnk_window_last(node->final_window + 1, node->setup.params.window));
    if (choice == QNK_CHOICE_ONE) {
        bound_look(node, &bound);
    } else if (choice == QNK_CHOICE_ANY && last != NULL && is_ended(node, last) &&
               is_durable(node, last) && !qnk_hash_equal(&last->end->digest, &node->candidate) &&
               is_settled(node, last)) {
        tell_candidate(node, last);
    }
    tell_head(node);
    engine_run(node);
}

/* --- signing votes --- */

/* The header behind a digest; NULL: it is not known, or no header of this window. */
static const struct qnk_macro *macro_of(struct qnk_node *node, const struct qnk_hash *digest,
                                        uint64_t window)
{
    const struct qnk_block *end = qnk_tree_find_known(node->tree, digest);
    const struct qnk_check *check = check_find(node, digest);
    const struct qnk_macro *macro = NULL;

    if (end != NULL) {
        macro = &end->known->macro;
    } else if (check != NULL && check->has_macro) {
        macro = &check->macro;
    }
    return macro != NULL && macro->window == window ? macro : NULL;
}

/* The tail that a vote must carry: blind and share, or header and body. QN_NOT_FOUND: there is no
 * such header, and who gets the proposal would call it malformed. QN_NO_SPACE: no memory. */
static int32_t tail_make(struct qnk_node *node, struct qnk_signing_vote *signing,
                         struct qn_span body)
{
    struct qnk_vote *vote = &signing->vote;
    uint64_t size = body.size;
    const struct qnk_macro *macro = macro_of(node, &signing->asked, vote->window);

    if (vote->step == QNK_STEP_PREPARE) {
        size = vote->round == 0 ? 2 * QN_HASH_SIZE : 0;
    } else if (vote->step <= QNK_STEP_FINAL) {
        size = 0;
    } else if (vote->step == QNK_STEP_PROPOSE) {
        if (macro == NULL) {
            return QN_NOT_FOUND;
        }
        size += QNK_MACRO_SIZE;
    }
    signing->tail = qnk_buf_new(&node->budget, size);
    if (signing->tail == NULL) {
        return QN_NO_SPACE;
    }

    uint8_t *to = signing->tail->data;

    if (vote->step == QNK_STEP_PREPARE && size > 0) {
        memcpy(to, qnk_hash_is_zero(&vote->digest) ? nil.bytes : node->blind.bytes, QN_HASH_SIZE);
        memcpy(to + QN_HASH_SIZE, node->share.bytes, QN_HASH_SIZE);
    } else if (vote->step == QNK_STEP_PROPOSE) {
        qnk_macro_encode(macro, to);
        to += QNK_MACRO_SIZE;
    }
    if (vote->step > QNK_STEP_FINAL && body.size > 0) {
        memcpy(to, body.data, body.size);
    }
    vote->tail = qnk_buf_span(signing->tail);
    return QN_OK;
}

static struct qn_span prepared_bytes(const struct qnk_node *node, int64_t round,
                                     const struct qnk_hash *digest)
{
    const struct qnk_ballot_certificate *held =
        round < 0 ? NULL : qnk_ballot_certificate_find(node->ballot, (uint32_t)round, digest);

    return held == NULL ? (struct qn_span){NULL, 0} : held->view.bytes;
}

/* G7: the digest is of this window, and all behind it was executed here and is durable. */
static bool is_valid(struct qnk_node *node, uint64_t window, const struct qnk_hash *digest)
{
    const struct qnk_block *end = qnk_tree_find_known(node->tree, digest);

    return end != NULL && end->known->macro.window == window && is_durable(node, end);
}

static void vote_refused(struct qnk_node *node, const struct qnk_signing_vote *signing,
                         uint32_t rule)
{
    node->counters.sign_refused[rule <= QNK_GUARD_ROOM ? rule : QNK_GUARD_ROOM]++;
    qnk_note(node, QNK_LOG_DEBUG, "sign-refused", "G%u: window %llu round %u step %u", rule,
             (unsigned long long)signing->vote.window, signing->vote.round, signing->vote.step);
    tell_signed(node, &signing->vote, &signing->asked, SIGNED_NOTHING);
}

/* Whether this very vote is being signed already. */
static bool is_under_way(const struct qnk_node *node, const struct qnk_vote *vote)
{
    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        const struct qnk_signing_slot *slot = &node->signs[i];
        const struct qnk_vote *other = &slot->vote.vote;

        if (slot->token != 0 && slot->purpose == QNK_SIGN_VOTE && other->window == vote->window &&
            other->era == vote->era && other->round == vote->round && other->step == vote->step) {
            return true;
        }
    }
    return false;
}

/* Asks the guard, and hands what it allows to the host. Once the guard has said yes nothing may
 * fail: it remembers, and what it asked to be written would be lost. */
static void vote_guard(struct qnk_node *node, struct qnk_signing_vote *signing,
                       struct qnk_sign *sign)
{
    struct qnk_vote *vote = &signing->vote;
    struct qn_span abandons[QNK_ATTEMPTS_MAX];
    bool is_permitted = qnk_attempt_permits(node, &signing->asked, abandons);
    struct qnk_guard_facts facts = {
        .abandons = abandons,
        .abandons_count = is_permitted ? qnk_attempt(node, vote->window) : 0,
        .final_window = node->final_window,
        .is_valid = is_valid(node, vote->window, &signing->asked),
        .is_lockless = !is_declared(node, vote->window, QNK_STEP_PREPARE),
        .prepared = prepared_bytes(node, vote->round, &vote->digest),
        .justified = prepared_bytes(node, vote->vr, &vote->digest),
    };
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];
    const struct qnk_vote *before = NULL;
    struct qn_buf *records = NULL;
    uint32_t rule;
    int32_t status = qnk_guard_vote(node->guard, vote, &facts, &records, &before, &rule);

    if (status == QN_OK && !(records == NULL && is_under_way(node, vote))) {
        qnk_vote_message(vote, &node->setup.params.chain_id, message);
        qnk_sign_start(node, sign, QNK_SIGN_VOTE, signing, records, message, sizeof message);
        return; /* the tail went along */
    }
    qnk_sign_destroy(sign);
    if (status == QN_EXISTS) {
        node->counters.sign_refused[QNK_GUARD_G1]++;
        tell_signed(node, before, before->step == QNK_STEP_COMMIT ? &nil : &before->digest,
                    SIGNED_OTHER);
    } else if (status != QN_OK) {
        vote_refused(node, signing, rule);
    }
    qnk_buf_unref(signing->tail);
}

/* Has a vote signed, or refused. QN_NO_SPACE: neither, as nothing can be signed now. */
static int32_t vote_ask(struct qnk_node *node,
                        const struct qn_consensus_effect_request_sign *request)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    struct qnk_signing_vote signing = {
        .vote =
            {
                .lane = place->lane,
                .step = request->step,
                .era = place->era,
                .window = place->window,
                .round = request->round,
                .vr = request->vr,
                .member = self_of(node),
                .binding = place->binding,
            },
        .to = request->to,
    };
    struct qnk_sign *sign;
    int32_t status = QN_DENIED;

    memcpy(signing.asked.bytes, request->digest, QN_HASH_SIZE);
    signing.vote.digest = signing.asked;
    sign = qnk_may_sign(node) ? qnk_sign_new(node) : NULL;
    if (signing.vote.member != QNK_SET_NOBODY && is_declared(node, place->window, request->step)) {
        status = sign == NULL ? QN_NO_SPACE : tail_make(node, &signing, request->body);
    }
    if (status != QN_OK) {
        qnk_sign_destroy(sign);
        if (status != QN_NO_SPACE) {
            vote_refused(node, &signing, QNK_GUARD_ROOM);
        }
        return status;
    }
    if (request->step == QNK_STEP_COMMIT) {
        qnk_vote_commitment(&signing.vote, &signing.asked, node->blind.bytes, &signing.vote.digest);
    }
    qnk_vote_open(&signing.vote, &signing.vote.open);
    round_raise(node, request->round);
    vote_guard(node, &signing, sign);
    return QN_OK;
}

/* --- votes that are owed: a node on hold or without memory votes late, not never --- */

/* The last word for a duty counts. What no place is left for is the oldest: the engine has gone on
 * to later rounds. */
static void owed_make_room(struct qnk_node *node,
                           const struct qn_consensus_effect_request_sign *request)
{
    for (uint32_t i = 0; i < node->owed_count; i++) {
        if (node->owed[i].round == request->round && node->owed[i].step == request->step) {
            owed_drop(node, i);
            return;
        }
    }
    if (node->owed_count == QNK_OWED_MAX) {
        owed_drop(node, 0);
    }
}

/* What there is no memory for is refused. */
static void owed_add(struct qnk_node *node, const struct qn_consensus_effect_request_sign *request)
{
    struct qnk_owed_vote owed = {
        .round = request->round,
        .vr = request->vr,
        .to = request->to,
        .step = request->step,
    };
    struct qnk_signing_vote refused = {
        .vote = {.window = request->window,
                 .round = request->round,
                 .step = request->step,
                 .vr = request->vr},
    };

    memcpy(owed.digest.bytes, request->digest, QN_HASH_SIZE);
    if (request->body.size > 0) {
        owed.body = qnk_buf_copy(&node->budget, request->body);
        if (owed.body == NULL) {
            refused.asked = owed.digest;
            vote_refused(node, &refused, QNK_GUARD_ROOM);
            return;
        }
    }
    owed_make_room(node, request);
    node->owed[node->owed_count++] = owed;
}

/* In the order in which the engine asked. False: some are still owed. */
static bool owed_ask(struct qnk_node *node)
{
    while (node->owed_count > 0) {
        const struct qnk_owed_vote *owed = &node->owed[0];
        struct qn_consensus_effect_request_sign request = {
            .window = qnk_ballot_place(node->ballot)->window,
            .round = owed->round,
            .step = owed->step,
            .vr = owed->vr,
            .digest = owed->digest.bytes,
            .to = owed->to,
        };

        if (owed->body != NULL) {
            request.body = qnk_buf_span(owed->body);
        }
        if (vote_ask(node, &request) == QN_NO_SPACE) {
            return false;
        }
        owed_drop(node, 0);
    }
    return true;
}

void qnk_votes_owed_look(struct qnk_node *node)
{
    uint32_t count = node->owed_count;

    if (count > 0 && node->instance == QNK_INSTANCE_OPEN) {
        (void)owed_ask(node);
        if (node->owed_count < count) {
            engine_run(node);
        }
    }
}

static void vote_request(struct qnk_node *node,
                         const struct qn_consensus_effect_request_sign *request)
{
    if (request->window == qnk_ballot_place(node->ballot)->window &&
        (!owed_ask(node) || vote_ask(node, request) == QN_NO_SPACE)) {
        owed_add(node, request);
    }
}

/* --- sending votes and certificates --- */

static struct qn_buf *one_vote(struct qnk_node *node, const struct qnk_vote *vote)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, 4 + qnk_vote_size(vote));

    if (body != NULL) {
        qn_le32_write(body->data, 1);
        qnk_vote_encode(vote, body->data + 4);
    }
    return body;
}

/* The peer that has proven to be the validator `member` of the open window, or 0. */
static uint32_t peer_of(const struct qnk_node *node, uint32_t member)
{
    const struct qnk_set *set = open_set(node);

    for (uint32_t i = 0; member < set->count && i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && qnk_hash_equal(&peer->validator, &set->members[member].key)) {
            return peer->id;
        }
    }
    return 0;
}

/* Sends an own vote, what justifies it first. One to this node itself is here already. */
static void vote_send(struct qnk_node *node, const struct qnk_signing_vote *signing)
{
    const struct qnk_vote *vote = &signing->vote;
    uint32_t peer = signing->to == QNK_SET_NOBODY ? 0 : peer_of(node, signing->to);
    struct qn_span justified = prepared_bytes(node, vote->vr, &vote->digest);
    struct qn_buf *body = one_vote(node, vote);

    if (signing->to == vote->member) {
        qnk_buf_unref(body);
        return;
    }
    node->counters.votes_sent++;
    if (justified.size > 0) {
        qnk_certificate_tell(node, peer, justified);
    }
    if (body == NULL) {
        return; /* the exchange brings it */
    }
    if (peer != 0) {
        qnk_send(node, peer, QNK_WIRE_VOTES, 0, body);
    } else {
        qnk_send_all(node, QNK_WIRE_VOTES, body, 0);
    }
}

/* Says that this node gave up, what proves its lock first. */
static void abandon_send(struct qnk_node *node, const struct qnk_signing_vote *signing)
{
    struct qnk_standing standing;
    int32_t status = qnk_standing_of(&signing->vote, &standing);
    struct qn_span prepared;

    QN_ASSERT(status == QN_OK);
    prepared = prepared_bytes(node, standing.lock_round, &standing.lock);
    if (prepared.size > 0) {
        qnk_certificate_tell(node, 0, prepared);
    }
    vote_send(node, signing);
}

static void share_keep(struct qnk_node *node, uint32_t member, uint64_t window,
                       const uint8_t *share)
{
    struct qnk_hash link;

    memcpy(link.bytes, share, QN_HASH_SIZE);
    if (qnk_hash_is_zero(&link) || member >= node->genesis_set->count ||
        !qnk_transition_share_fits(qnk_tree_root(node->tree)->control, member, window, &link)) {
        return;
    }
    if (node->shares_window != window) {
        memset(node->shares, 0, node->genesis_set->count * sizeof *node->shares);
        node->shares_window = window;
    }
    node->shares[member] = link;
}

/* An own vote has its signature. */
static void own_vote_add(struct qnk_node *node, struct qnk_signing_slot *slot,
                         const uint8_t *signature, bool is_new)
{
    struct qnk_vote *vote = &slot->vote.vote;
    struct qnk_ballot_vote *held = NULL;
    struct qnk_vote_tail tail = qnk_vote_tail(vote);

    if (node->ballot == NULL || qnk_ballot_place(node->ballot)->window != vote->window ||
        qnk_ballot_place(node->ballot)->era != vote->era) {
        return; /* window or attempt are over */
    }
    memcpy(vote->signature, signature, QN_SIG_SIZE);
    if (vote->step == QNK_STEP_ABANDON) {
        abandon_send(node, &slot->vote);
        qnk_abandon_heard(node, vote);
        return;
    }
    if (tail.share != NULL) {
        share_keep(node, vote->member, vote->window, tail.share);
    }
    if (qnk_ballot_add(node->ballot, vote, &held) == QNK_BALLOT_NEW) {
        held->delivered = true; /* the engine hears of it as signed */
    }
    if (is_new) {
        vote_send(node, &slot->vote);
        if (node->instance == QNK_INSTANCE_OPEN) {
            tell_signed(node, vote, &slot->vote.asked, SIGNED_NOW);
            engine_run(node);
        }
    }
}

static void tx_signed(struct qnk_node *node, struct qnk_signing_slot *slot,
                      const struct qnk_event *event)
{
    struct qn_buf *tx = slot->tx;

    if (event->sign.status == QN_OK) {
        memcpy(tx->data + tx->size - QN_SIG_SIZE, event->sign.signature, QN_SIG_SIZE);
        qnk_kernel_add(node, qnk_buf_span(tx), QNK_KERNEL_OURS);
    }
    qnk_build_tx_signed(node);
}

/* Whether a vote is one of the instance that is open: others' engines were told to forget. */
static bool is_of_open(const struct qnk_node *node, const struct qnk_vote *vote)
{
    const struct qnk_ballot_place *place =
        node->instance == QNK_INSTANCE_OPEN ? qnk_ballot_place(node->ballot) : NULL;

    return place != NULL && place->window == vote->window && place->era == vote->era;
}

void qnk_signed(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_signing_slot slot = {0};

    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        if (node->signs[i].token == event->sign.token && event->sign.token != 0) {
            slot = node->signs[i];
            node->signs[i] = (struct qnk_signing_slot){0};
        }
    }
    if (slot.token == 0) {
        return;
    }
    if (event->sign.status != QN_OK) {
        qnk_signing_end(node,
                        "the sign record cannot be written: see the log for the disk's words");
    }
    switch ((enum qnk_sign_purpose)slot.purpose) {
    case QNK_SIGN_BLOCK:
        qnk_block_signed(node, event);
        break;
    case QNK_SIGN_BLOCK_AGAIN:
        qnk_resigned(node, event->sign.status, event->sign.signature);
        break;
    case QNK_SIGN_VOTE:
        if (event->sign.status == QN_OK) {
            own_vote_add(node, &slot, event->sign.signature, true);
        }
        break;
    case QNK_SIGN_AGAIN:
        if (event->sign.status == QN_OK) {
            own_vote_add(node, &slot, event->sign.signature, false);
        }
        node->instance_signs -= node->instance_signs > 0;
        instance_look(node);
        break;
    case QNK_SIGN_TX:
        tx_signed(node, &slot, event);
        break;
    case QNK_SIGN_SAVED:
        if (is_of_open(node, &slot.vote.vote)) {
            qnk_engine_resume(node->engine, node->now_us);
        }
        break;
    }
    qnk_sign_slot_give(&slot);
    qnk_votes_owed_look(node);
}

/* --- what the engine wants --- */

static void certify(struct qnk_node *node, const struct qn_consensus_effect_certify *want)
{
    struct qnk_hash digest;
    struct qn_buf *bytes;

    memcpy(digest.bytes, want->digest, QN_HASH_SIZE);
    if (want->step != QNK_STEP_PREPARE && want->step != QNK_STEP_FINAL) {
        return;
    }
    bytes = qnk_ballot_certify(node->ballot, want->round, want->step, &digest);
    if (bytes == NULL) {
        return;
    }
    node->counters.certificates_made++;
    if (want->share) {
        qnk_certificate_tell(node, 0, qnk_buf_span(bytes));
    }
    if (want->step == QNK_STEP_PREPARE) {
        qnk_certificate_prepare(node, bytes);
    } else {
        qnk_certificate_final(node, bytes, NULL, 0);
    }
    qnk_buf_unref(bytes);
}

void qnk_certificate_prepare(struct qnk_node *node, struct qn_buf *bytes)
{
    struct qnk_certificate cert;
    int32_t status = qnk_certificate_decode(qnk_buf_span(bytes), &cert);

    QN_ASSERT(status == QN_OK);
    if (node->ballot == NULL || cert.window != qnk_ballot_place(node->ballot)->window ||
        cert.era != qnk_ballot_place(node->ballot)->era ||
        !qnk_ballot_certificate_add(node->ballot, bytes)) {
        return;
    }
    if (node->instance == QNK_INSTANCE_OVER) {
        qnk_abandon_certify(node); /* it may prove a lock */
        return;
    }
    if (node->instance != QNK_INSTANCE_OPEN) {
        instance_look(node);
        return;
    }
    tell_certificate(node, &cert);
    qnk_ballot_walk(node->ballot, deliver_visit, node);
    engine_run(node);
}

static void timer_want(struct qnk_node *node, uint32_t timer, uint32_t delay_ms)
{
    uint32_t place = QN_CONSENSUS_TIMERS_MAX;

    for (uint32_t i = 0; i < QN_CONSENSUS_TIMERS_MAX; i++) {
        if (node->timers[i].is_set && node->timers[i].id == timer) {
            place = i;
            break;
        }
        if (!node->timers[i].is_set && place == QN_CONSENSUS_TIMERS_MAX) {
            place = i;
        }
    }
    if (place == QN_CONSENSUS_TIMERS_MAX) {
        qnk_note(node, QNK_LOG_WARN, "engine-timers", "the engine wants more than %d timers",
                 QN_CONSENSUS_TIMERS_MAX);
        return;
    }
    node->timers[place].is_set = true;
    node->timers[place].id = timer;
    qnk_timer_set(node, QNK_TIMER_ENGINE + place, node->now_us + (uint64_t)delay_ms * 1000);
}

static void timer_drop(struct qnk_node *node, uint32_t timer)
{
    for (uint32_t i = 0; i < QN_CONSENSUS_TIMERS_MAX; i++) {
        if (node->timers[i].is_set && node->timers[i].id == timer) {
            node->timers[i].is_set = false;
            qnk_timer_cancel(node, QNK_TIMER_ENGINE + i);
        }
    }
}

void qnk_engine_timer(struct qnk_node *node, uint32_t place)
{
    if (place >= QN_CONSENSUS_TIMERS_MAX || !node->timers[place].is_set ||
        node->instance != QNK_INSTANCE_OPEN) {
        return;
    }
    node->timers[place].is_set = false;

    struct qn_consensus_event_timer event = {
        .window = qnk_ballot_place(node->ballot)->window,
        .timer = node->timers[place].id,
    };

    (void)qn_consensus_event_timer_write(&event,
                                         qnk_engine_event(node->engine, QN_CONSENSUS_EVENT_TIMER,
                                                          qn_consensus_event_timer_size(&event)));
    engine_run(node);
}

static void report(struct qnk_node *node, const struct qn_consensus_effect_report *said)
{
    struct qnk_effect *effect;

    node->vote_phase = said->phase;
    node->vote_have = said->have;
    node->vote_need = said->need;
    round_raise(node, said->round);
    effect = qnk_effects_push(node->out, QNK_EFFECT_NOTE);
    effect->note.what = QNK_NOTE_ROUND;
    effect->note.height = said->window;
    effect->note.level = said->phase;
}

/* What the engine wants kept is made durable before anything later leaves. */
static bool save(struct qnk_node *node, struct qn_span content)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    struct qnk_signing_vote of = {.vote = {.era = place->era, .window = place->window}};
    struct qnk_sign *sign = qnk_sign_new(node);
    struct qn_buf *records =
        sign == NULL ? NULL : qnk_guard_saved(node->guard, place->window, content);

    if (records == NULL) {
        qnk_sign_destroy(sign);
        return true;
    }
    qnk_sign_start(node, sign, QNK_SIGN_SAVED, &of, records, NULL, 0);
    return false;
}

bool qnk_engine_effect_do(void *ctx, const struct qnk_engine_effect *effect)
{
    struct qnk_node *node = ctx;
    union {
        struct qn_consensus_effect_request_sign request_sign;
        struct qn_consensus_effect_certify certify;
        struct qn_consensus_effect_check check;
        struct qn_consensus_effect_timer timer;
        struct qn_consensus_effect_cancel cancel;
        struct qn_consensus_effect_save save;
        struct qn_consensus_effect_report report;
    } body;
    int32_t status = QN_INVALID;

    if (node->instance != QNK_INSTANCE_OPEN) {
        return true;
    }
    switch (effect->type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN:
        status = qn_consensus_effect_request_sign_read(effect->body, &body.request_sign);
        if (status == QN_OK) {
            vote_request(node, &body.request_sign);
        }
        break;
    case QN_CONSENSUS_EFFECT_CERTIFY:
        status = qn_consensus_effect_certify_read(effect->body, &body.certify);
        if (status == QN_OK) {
            certify(node, &body.certify);
        }
        break;
    case QN_CONSENSUS_EFFECT_CHECK:
        status = qn_consensus_effect_check_read(effect->body, &body.check);
        if (status == QN_OK) {
            struct qnk_hash digest;

            memcpy(digest.bytes, body.check.digest, QN_HASH_SIZE);
            check_begin(node, &digest);
        }
        break;
    case QN_CONSENSUS_EFFECT_TIMER:
        status = qn_consensus_effect_timer_read(effect->body, &body.timer);
        if (status == QN_OK) {
            timer_want(node, body.timer.timer, body.timer.delay_ms);
        }
        break;
    case QN_CONSENSUS_EFFECT_CANCEL:
        status = qn_consensus_effect_cancel_read(effect->body, &body.cancel);
        if (status == QN_OK) {
            timer_drop(node, body.cancel.timer);
        }
        break;
    case QN_CONSENSUS_EFFECT_SAVE:
        status = qn_consensus_effect_save_read(effect->body, &body.save);
        if (status == QN_OK) {
            return save(node, body.save.content);
        }
        break;
    case QN_CONSENSUS_EFFECT_REPORT:
        status = qn_consensus_effect_report_read(effect->body, &body.report);
        if (status == QN_OK) {
            report(node, &body.report);
        }
        break;
    default:
        break;
    }
    if (status != QN_OK) {
        qnk_note(node, QNK_LOG_ERROR, "engine-effect", "the engine's effect %u is malformed",
                 effect->type);
    }
    return true;
}

/* --- votes of others --- */

/* The ballot that a vote of this window belongs to, made if need be; NULL: none. */
static struct qnk_ballot *ballot_of(struct qnk_node *node, uint64_t window)
{
    if (node->ballot != NULL && window == qnk_ballot_place(node->ballot)->window) {
        return node->ballot;
    }
    if (!qnk_takes_votes(node)) {
        return NULL;
    }
    if (window == node->final_window + 1) {
        return qnk_ballot_open(node);
    }
    if (window == node->final_window + 2) {
        if (node->next == NULL) {
            node->next = ballot_for(node, window);
        }
        return node->next;
    }
    return NULL;
}

static void vote_sig(struct qnk_node *node, struct qnk_job *job, uint32_t i,
                     const struct qnk_ballot *ballot, const struct qnk_vote *vote)
{
    struct qnk_vote whole = *vote;
    struct qnk_sig_item *item = &job->sigs[i];

    whole.binding = qnk_ballot_place(ballot)->binding;
    item->key = qnk_ballot_set(ballot)->members[vote->member].key;
    memcpy(item->signature, vote->signature, QN_SIG_SIZE);
    item->offset = i * QNK_VOTE_MESSAGE_SIZE;
    item->size = QNK_VOTE_MESSAGE_SIZE;
    qnk_vote_message(&whole, &node->setup.params.chain_id, job->messages->data + item->offset);
}

static bool is_wanted(struct qnk_node *node, const struct qnk_ballot *ballot,
                      const struct qnk_vote *vote)
{
    return vote->step == QNK_STEP_ABANDON
               ? qnk_abandon_wants(node, vote)
               : qnk_ballot_wants(ballot, vote) && is_declared(node, vote->window, vote->step);
}

/* Puts the votes of a message that are wanted into the job. False: malformed. */
static bool votes_collect(struct qnk_node *node, uint32_t peer, const struct qnk_items *items,
                          struct qnk_job *job)
{
    struct qn_span rest = items->items;
    uint32_t count = 0;
    uint64_t size = 0;

    for (uint32_t i = 0; i < items->count; i++) {
        struct qn_span before = rest;
        struct qnk_vote vote;

        if (qnk_vote_next(&rest, &vote) != QN_OK) {
            return false;
        }
        node->counters.votes_received++;
        if (vote.window <= node->final_window) {
            qnk_answer_late(node, peer, vote.window);
            continue;
        }

        const struct qnk_ballot *ballot = ballot_of(node, vote.window);

        if (ballot != NULL && is_wanted(node, ballot, &vote)) {
            uint64_t bytes = before.size - rest.size;

            vote_sig(node, job, count++, ballot, &vote);
            memcpy(job->context->data + size, before.data, bytes);
            size += bytes;
        }
    }
    job->context_size = size;
    qnk_job_sigs_cut(job, count);
    return rest.size == 0;
}

void qnk_votes_take(struct qnk_node *node, uint32_t peer, struct qn_span body)
{
    struct qnk_items items;
    struct qnk_job *job;

    if (qnk_items_decode(body, QNK_WIRE_VOTES_MAX, &items) != QN_OK || items.count == 0) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }
    job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_VOTES);
    if (job == NULL ||
        !qnk_job_sigs(job, items.count, (uint64_t)items.count * QNK_VOTE_MESSAGE_SIZE)) {
        qnk_job_destroy(job);
        return;
    }
    job->peer = peer;
    job->context = qnk_buf_new(&node->budget, items.items.size);
    if (job->context == NULL) {
        qnk_job_destroy(job);
        return;
    }
    if (!votes_collect(node, peer, &items, job)) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        qnk_job_destroy(job);
    } else if (job->sigs_count == 0) {
        qnk_job_destroy(job);
    } else {
        qnk_job_start(node, job);
    }
}

/* --- taking verified votes --- */

/* The macroblock header in a proposal's tail must be the one it proposes. */
static bool header_fits(struct qnk_node *node, const struct qnk_vote *vote)
{
    struct qnk_vote_tail tail = qnk_vote_tail(vote);
    struct qnk_macro macro;
    struct qnk_hash digest;

    if (vote->step != QNK_STEP_PROPOSE) {
        return true;
    }
    if (qnk_macro_decode(tail.header, &macro) != QN_OK || macro.window != vote->window) {
        return false;
    }
    qnk_macro_digest(&macro, &digest);
    if (!qnk_hash_equal(&digest, &vote->digest)) {
        return false;
    }
    if (vote->window == node->final_window + 1 &&
        qnk_tree_find_known(node->tree, &digest) == NULL && check_find(node, &digest) == NULL) {
        (void)check_add(node, &digest);
    }
    qnk_macro_known(node, &macro);
    return true;
}

static void vote_verified(struct qnk_node *node, uint32_t peer, const struct qnk_vote *vote)
{
    struct qnk_ballot *ballot = ballot_of(node, vote->window);
    struct qnk_ballot_vote *held = NULL;
    struct qnk_vote_tail tail = qnk_vote_tail(vote);
    uint32_t result;

    if (ballot == NULL || vote->window <= node->final_window) {
        return;
    }
    if (!header_fits(node, vote)) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }
    ballot = ballot_of(node, vote->window); /* the header may have made the window final */
    if (ballot == NULL || !is_wanted(node, ballot, vote)) {
        return;
    }
    if (node->setup.has_validator &&
        qnk_hash_equal(&qnk_ballot_set(ballot)->members[vote->member].key,
                       &node->setup.validator) &&
        !qnk_guard_knows_vote(node->guard, vote)) {
        qnk_key_abused(node, vote->window);
    }
    if (vote->step == QNK_STEP_ABANDON) {
        qnk_abandon_heard(node, vote);
        return;
    }
    result = qnk_ballot_add(ballot, vote, &held);
    if (result == QNK_BALLOT_DOUBLE) {
        qnk_evidence_votes(node, QNK_EVIDENCE_DOUBLE_VOTE, &held->vote, vote);
        if (ballot == node->ballot && node->instance == QNK_INSTANCE_OPEN) {
            tell_offence(node, vote);
        }
        return;
    }
    if (result != QNK_BALLOT_NEW) {
        return;
    }
    qnk_evidence_look(node, ballot, held);
    if (tail.share != NULL) {
        share_keep(node, vote->member, vote->window, tail.share);
    }
    if (ballot == node->ballot) {
        deliver(node, held); /* or with all others, as the instance begins, which may end it too */
        instance_look(node);
    }
}

void qnk_votes_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qn_span rest = {job->context->data, job->context_size};

    for (uint32_t i = 0; job->status == QN_OK && i < job->sigs_count; i++) {
        struct qnk_vote vote;
        struct qnk_set *set;
        struct qnk_ballot_place place;
        int32_t status = qnk_vote_next(&rest, &vote);

        QN_ASSERT(status == QN_OK);
        if (!qnk_bit(job->bitmap, i)) {
            node->counters.votes_invalid++;
            qnk_peer_fault(node, job->peer, QNK_FAULT_BAD_SIGNATURE);
            continue;
        }
        if (qnk_vote_context(node, vote.window, qnk_era_attempt(vote.era), &set, &place)) {
            vote.binding = place.binding;
            vote_verified(node, job->peer, &vote);
        }
    }
    if (node->instance == QNK_INSTANCE_OPEN) {
        engine_run(node);
    }
}
