/* SPDX-License-Identifier: MIT */

/* abandon.c: a window that an engine does not decide goes back to the engine before: by itself on
 * probation, later on its operators' word.
 *
 * When the window has been full here and undecided for as long as the network file says, or when
 * the operator says so, this node stops the engine, says by a vote of step 4 where it stood, and
 * signs nothing more of the attempt (guard.h). A quorum of such votes begins the next attempt under
 * the fallback of the binding; what the first may have decided binds it (attempts.h). It takes no
 * engine to give up, so nodes that are held do it too, and then vote on with the engine that they
 * have. Members that went through it say so on the chain, and a third of the weight ends the plan
 * (swap.h).
 *
 * One operator's word gives up one validator's part in one attempt, and nothing more: a quorum of
 * them is what begins the next. An engine that has none before it is tried again under the next
 * era.
 *
 * Limits double with each attempt. The last one that a window may have is never given up: it goes
 * on round after round until it decides, or until the guard has no room for votes of its own, 256
 * at least (guard.h). Then only an engine that finds its quorum among the others decides, and if
 * they are no quorum, nobody does: after 91 days of limits in production, or 15 words of a quorum
 * of operators at one window. A long partition may end a plan as well: that costs the swap. */

#include <qnet/assert.h>

#include "kernel/chain/tx.h"
#include "kernel/node/core.h"
#include "kernel/node/swap.h"

static uint64_t window_open(const struct qnk_node *node)
{
    return node->final_window + 1;
}

_Static_assert((int)QNK_GUARD_ATTEMPT_ABANDONS == (int)QNK_ATTEMPTS_KEPT + 1,
               "whatever is kept here has a place in the guard");

/* --- the attempts at the open window --- */

/* What votes that were cast before a restart relied on. Those of an attempt come after those of the
 * attempt before it has begun, so the list is gone through until nothing is news. */
static void attempts_restore(struct qnk_node *node)
{
    uint32_t before;

    do {
        before = qnk_attempts_now(node->attempts);
        for (uint32_t i = 0; qnk_guard_abandon_at(node->guard, i).size > 0; i++) {
            struct qnk_abandon abandon;
            struct qn_span bytes = qnk_guard_abandon_at(node->guard, i);
            int32_t status = qnk_abandon_decode(bytes, &abandon);

            QN_ASSERT(status == QN_OK);
            if (qnk_attempts_wants(node->attempts, &abandon)) {
                struct qn_buf *copy = qnk_buf_copy(&node->budget, bytes);

                if (copy != NULL) {
                    qnk_attempts_add(node->attempts, copy);
                    qnk_buf_unref(copy);
                }
            }
        }
    } while (qnk_attempts_now(node->attempts) != before);
}

/* Made when they are needed; NULL: no memory, or the binding is not known. */
static struct qnk_attempts *attempts_of(struct qnk_node *node)
{
    const struct qnk_binding *binding =
        qnk_window_binding(node, QNK_BINDING_CONSENSUS, window_open(node), 0);
    struct qnk_ballot_place place;
    struct qnk_set *set;

    if (node->attempts == NULL && binding != NULL &&
        qnk_vote_context(node, window_open(node), 0, &set, &place)) {
        node->attempts =
            qnk_attempts_create(&node->budget, set, window_open(node), binding->number);
        if (node->attempts != NULL) {
            attempts_restore(node);
        }
    }
    return node->attempts;
}

uint32_t qnk_attempt(struct qnk_node *node, uint64_t window)
{
    if (window != window_open(node)) {
        return 0;
    }
    if (node->attempts == NULL && qnk_guard_abandon_at(node->guard, 0).size > 0) {
        (void)attempts_of(node);
    }
    return node->attempts == NULL ? 0 : qnk_attempts_now(node->attempts);
}

bool qnk_attempt_permits(struct qnk_node *node, const struct qnk_hash *digest,
                         struct qn_span to[QNK_ATTEMPTS_MAX])
{
    return qnk_attempt(node, window_open(node)) == 0 ||
           qnk_attempts_permit(node->attempts, digest, to);
}

uint32_t qnk_attempt_choice(struct qnk_node *node, struct qnk_hash *digest)
{
    return qnk_attempt(node, window_open(node)) == 0 ? (uint32_t)QNK_CHOICE_ANY
                                                     : qnk_attempts_choice(node->attempts, digest);
}

bool qnk_attempt_is_over(const struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    const struct qnk_vote *own;

    for (uint32_t i = 0; (own = qnk_guard_vote_at(node->guard, place->window, i)) != NULL; i++) {
        if (own->step == QNK_STEP_ABANDON && own->era == place->era) {
            return true;
        }
    }
    return false;
}

void qnk_attempts_end(struct qnk_node *node)
{
    qnk_attempts_destroy(node->attempts);
    node->attempts = NULL;
    node->attempt_us = 0;
}

/* --- giving up --- */

static bool has_locks(const struct qnk_binding *binding)
{
    return binding != NULL && qnk_engine_has_step(binding, QNK_STEP_PREPARE);
}

/* Whether a binding has failed: it was replaced by one that falls back to itself alone. */
static bool is_replaced(const struct qnk_bindings *list, const struct qnk_binding *binding)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qnk_binding *it = &list->list[i];

        if (it->number > binding->number && it->fallback == it->number) {
            return true;
        }
    }
    return false;
}

static bool has_failed(const struct qnk_node *node, const struct qnk_binding *binding)
{
    return (node->has_failed && node->failed == binding->number) ||
           is_replaced(qnk_node_control_final(node)->bindings[QNK_BINDING_CONSENSUS], binding);
}

static bool is_on_probation(const struct qnk_node *node, const struct qnk_binding *binding)
{
    const struct qnk_swap *swap = &qnk_node_control_final(node)->swap;

    return swap->planned != NULL && swap->planned->plan.kind == QNK_BINDING_CONSENSUS &&
           swap->number == binding->number &&
           (swap->life == QNK_SWAP_BOUND || swap->life == QNK_SWAP_ACTIVE) &&
           window_open(node) < swap->planned->plan.engine.first + swap->planned->plan.probation;
}

static const struct qnk_binding *binding_open(const struct qnk_node *node, uint32_t attempt)
{
    return qnk_window_binding(node, QNK_BINDING_CONSENSUS, window_open(node), attempt);
}

/* Without locks nothing would hold the next attempt to what this one may have decided. */
static bool are_locking(const struct qnk_node *node)
{
    return has_locks(binding_open(node, 0)) && has_locks(binding_open(node, 1));
}

static bool is_full(struct qnk_node *node)
{
    return qnk_head(node)->header.height >=
           qnk_window_last(window_open(node), node->setup.params.window);
}

static bool may_give_up(struct qnk_node *node)
{
    const struct qnk_binding *binding = binding_open(node, 0);

    return are_locking(node) && binding != binding_open(node, 1) &&
           qnk_attempt(node, window_open(node)) + 1 < QNK_ATTEMPTS_MAX &&
           node->setup.params.swap.dead_ms != 0 &&
           (has_failed(node, binding) || is_on_probation(node, binding));
}

static uint64_t limit_us(struct qnk_node *node)
{
    const struct qnk_swap_rules *rules = &node->setup.params.swap;
    const struct qnk_binding *binding = binding_open(node, 0);
    uint32_t attempt = qnk_attempt(node, window_open(node));
    uint64_t limit_ms = attempt == 0 && has_failed(node, binding) && rules->dead_later_ms != 0
                            ? rules->dead_later_ms
                            : rules->dead_ms;

    return (limit_ms << attempt) * 1000;
}

/* Asks the guard, and has signed what it allows. */
static bool give_up(struct qnk_node *node)
{
    const struct qnk_ballot_place *place = qnk_ballot_place(node->ballot);
    struct qnk_signing_vote signing = {
        .vote =
            {
                .lane = place->lane,
                .step = QNK_STEP_ABANDON,
                .era = place->era,
                .window = place->window,
                .vr = -1,
                .member = qnk_set_find(qnk_ballot_set(node->ballot), &node->setup.validator),
                .binding = place->binding,
            },
        .to = QNK_SET_NOBODY,
    };
    struct qnk_guard_facts facts = {.final_window = node->final_window};
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];
    const struct qnk_vote *before = NULL;
    struct qnk_standing standing;
    struct qn_buf *records = NULL;
    uint32_t rule;
    struct qnk_sign *sign = qnk_sign_new(node);

    signing.tail = qnk_buf_new(&node->budget, QNK_STANDING_SIZE);
    if (sign == NULL || signing.tail == NULL) {
        qnk_sign_destroy(sign);
        qnk_buf_unref(signing.tail);
        return false;
    }
    qnk_guard_standing(node->guard, &signing.vote, &standing);
    qnk_standing_encode(&standing, signing.tail->data);
    qnk_standing_digest(signing.tail->data, &signing.vote.digest);
    signing.vote.tail = qnk_buf_span(signing.tail);
    signing.asked = signing.vote.digest;
    if (qnk_guard_vote(node->guard, &signing.vote, &facts, &records, &before, &rule) != QN_OK) {
        qnk_sign_destroy(sign);
        qnk_buf_unref(signing.tail);
        return false;
    }
    qnk_vote_message(&signing.vote, &node->setup.params.chain_id, message);
    qnk_sign_start(node, sign, QNK_SIGN_VOTE, &signing, records, message, sizeof message);
    return true;
}

/* Gives up and stops the engine. False: the guard refuses, or there is no memory. */
static bool attempt_end(struct qnk_node *node, const char *why)
{
    if (!give_up(node)) {
        return false;
    }
    node->counters.attempts_given_up++;
    qnk_note(node, QNK_LOG_WARN, "attempt-given-up", "window %llu: attempt %u of binding %u %s",
             (unsigned long long)window_open(node), qnk_attempt(node, window_open(node)),
             qnk_ballot_place(node->ballot)->era / QNK_ERA_ATTEMPTS, why);
    qnk_instance_stop(node, QNK_INSTANCE_OVER);
    qnk_resend_arm(node);
    return true;
}

void qnk_abandon_look(struct qnk_node *node)
{
    if (!node->is_started || !node->setup.has_validator || node->instance == QNK_INSTANCE_OVER ||
        qnk_set_find(node->genesis_set, &node->setup.validator) == QNK_SET_NOBODY) {
        return;
    }
    if (node->attempt_us == 0) {
        if (!is_full(node)) {
            return;
        }
        node->attempt_us = node->now_us;
    }
    if (!may_give_up(node) || node->now_us < node->attempt_us + limit_us(node) ||
        !qnk_may_sign(node) || qnk_ballot_open(node) == NULL || attempts_of(node) == NULL ||
        qnk_attempt_is_over(node)) {
        return;
    }
    (void)attempt_end(node, "decided nothing in time");
}

/* Why the operator cannot give the attempt up; NULL: he can. */
static const char *order_fault(struct qnk_node *node)
{
    if (!node->is_started) {
        return "the node is starting";
    }
    if (!qnk_may_sign(node)) {
        return *node->not_signing != 0 ? node->not_signing : "this node does not sign";
    }
    if (qnk_set_find(node->genesis_set, &node->setup.validator) == QNK_SET_NOBODY) {
        return "this key is no member of the validator set";
    }
    if (!is_full(node) || qnk_is_held_back(node)) {
        return "no window waits to be decided: one that is not full yet, or decided elsewhere "
               "already, cannot be given up";
    }
    if (!are_locking(node)) {
        return "the engine, or the one before it, has no step 1: without locks a window that it "
               "may have decided cannot be given up";
    }
    if (qnk_attempt(node, window_open(node)) + 1 >= QNK_ATTEMPTS_MAX) {
        return "this is the last attempt at the window";
    }
    if (qnk_ballot_open(node) == NULL || attempts_of(node) == NULL) {
        return "no memory";
    }
    return qnk_attempt_is_over(node)
               ? "this node has given the attempt up already, and waits for a quorum to do so"
               : NULL;
}

void qnk_abandon_ordered(struct qnk_node *node, const struct qnk_event *event)
{
    const char *fault = order_fault(node);
    struct qnk_effect *effect;

    if (fault == NULL && !attempt_end(node, "was given up by the operator")) {
        fault = "no memory, or too much waits to be signed";
    }
    effect = qnk_effects_push(node->out, QNK_EFFECT_PROPOSED);
    effect->proposed.token = event->abandon.token;
    effect->proposed.status = fault == NULL ? QN_OK : QN_DENIED;
    qnk_text(effect->proposed.text, sizeof effect->proposed.text, "%s", fault == NULL ? "" : fault);
}

/* --- the next attempt --- */

static void certificate_tell(struct qnk_node *node, uint32_t peer, struct qn_span bytes)
{
    struct qn_buf *body = qnk_buf_copy(&node->budget, bytes);

    if (body == NULL) {
        return; /* the exchange brings it */
    }
    if (peer != 0) {
        qnk_send(node, peer, QNK_WIRE_ABANDON, 0, body);
    } else {
        qnk_send_all(node, QNK_WIRE_ABANDON, body, 0);
    }
}

static void certified(struct qnk_node *node, struct qn_buf *bytes)
{
    uint32_t before = qnk_attempts_now(node->attempts);

    qnk_attempts_add(node->attempts, bytes);
    if (qnk_attempts_now(node->attempts) == before) { /* more is permitted than was */
        qnk_checks_look(node);
        qnk_candidate_look(node);
        return;
    }
    node->has_failed = true;
    node->failed = binding_open(node, 0)->number;
    qnk_note(node, QNK_LOG_WARN, "attempt-begins",
             "window %llu: a quorum gave up attempt %u; %s goes on",
             (unsigned long long)window_open(node), before, binding_open(node, 1)->name);
    certificate_tell(node, 0, qnk_buf_span(bytes));
    node->attempt_us = node->now_us;
    qnk_instance_stop(node, QNK_INSTANCE_NONE);
    qnk_ballot_destroy(node->ballot);
    node->ballot = NULL;
    qnk_instance_open(node);
}

/* Looks whether the votes that are here make a certificate. */
void qnk_abandon_certify(struct qnk_node *node)
{
    struct qn_buf *bytes;

    if (node->attempts == NULL || node->ballot == NULL) {
        return;
    }
    bytes = qnk_attempts_certify(node->attempts, node->ballot);
    if (bytes != NULL) {
        certified(node, bytes);
        qnk_buf_unref(bytes);
    }
}

bool qnk_abandon_wants(struct qnk_node *node, const struct qnk_vote *vote)
{
    return vote->window == window_open(node) && are_locking(node) && attempts_of(node) != NULL &&
           qnk_attempts_wants_vote(node->attempts, vote);
}

void qnk_abandon_heard(struct qnk_node *node, const struct qnk_vote *vote)
{
    if (!qnk_abandon_wants(node, vote)) {
        return;
    }
    if (qnk_attempts_vote(node->attempts, vote) == QNK_BALLOT_DOUBLE) {
        qnk_evidence_votes(node, QNK_EVIDENCE_DOUBLE_VOTE,
                           qnk_attempts_vote_of(node->attempts, vote->member), vote);
        return;
    }
    qnk_evidence_abandon(node, vote);
    qnk_abandon_certify(node);
}

/* --- certificates of others --- */

static void signature_put(struct qnk_node *node, struct qnk_job *job, uint32_t at,
                          const struct qnk_set *set, const struct qnk_vote *vote)
{
    struct qnk_sig_item *item = &job->sigs[at];

    item->key = set->members[vote->member].key;
    memcpy(item->signature, vote->signature, QN_SIG_SIZE);
    item->offset = at * QNK_VOTE_MESSAGE_SIZE;
    item->size = QNK_VOTE_MESSAGE_SIZE;
    qnk_vote_message(vote, &node->setup.params.chain_id, job->messages->data + item->offset);
}

/* Starts a job for the signatures of its votes and of the prepare certificate in it. */
static void signatures_check(struct qnk_node *node, uint32_t peer,
                             const struct qnk_abandon *abandon, const struct qnk_set *set)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_ABANDON);
    struct qnk_certificate cert = {0};
    uint32_t signers = 0, at = 0;

    if (abandon->prepared.size > 0) {
        int32_t status = qnk_certificate_decode(abandon->prepared, &cert);

        QN_ASSERT(status == QN_OK);
    }
    for (uint32_t i = 0; i < cert.members; i++) {
        signers += qnk_bit(cert.bitmap, i);
    }
    signers += abandon->count;
    if (job == NULL || !qnk_job_sigs(job, signers, (uint64_t)signers * QNK_VOTE_MESSAGE_SIZE)) {
        qnk_job_destroy(job);
        return;
    }
    job->peer = peer;
    job->context = qnk_buf_copy(&node->budget, abandon->bytes);
    if (job->context == NULL) {
        qnk_job_destroy(job);
        return;
    }
    for (uint32_t i = 0; i < abandon->count; i++) {
        struct qnk_vote vote;

        qnk_abandon_vote(abandon, i, &vote);
        signature_put(node, job, at++, set, &vote);
    }
    for (uint32_t i = 0; i < cert.members; i++) {
        if (qnk_bit(cert.bitmap, i)) {
            struct qnk_vote vote;

            qnk_certificate_vote(&cert, i, &vote);
            signature_put(node, job, at++, set, &vote);
        }
    }
    node->is_checking_abandon = true;
    qnk_job_start(node, job);
}

void qnk_abandon_take(struct qnk_node *node, uint32_t peer, struct qn_span body)
{
    struct qnk_abandon abandon;
    struct qnk_ballot_place place;
    struct qnk_set *set;

    if (qnk_abandon_decode(body, &abandon) != QN_OK) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }
    if (abandon.window <= node->final_window) {
        qnk_answer_late(node, peer, abandon.window);
        return;
    }
    if (!qnk_takes_votes(node) || node->is_checking_abandon ||
        abandon.window != window_open(node) || attempts_of(node) == NULL ||
        !qnk_attempts_wants(node->attempts, &abandon) ||
        !qnk_vote_context(node, abandon.window, qnk_era_attempt(abandon.era), &set, &place)) {
        return;
    }
    if (abandon.era != place.era || qnk_abandon_check(&abandon, set, &place.binding) != QN_OK) {
        qnk_peer_fault(node, peer, QNK_FAULT_BAD_SIGNATURE);
        return;
    }
    signatures_check(node, peer, &abandon, set);
}

void qnk_abandon_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_abandon abandon;
    bool is_good = job->status == QN_OK;
    int32_t status = qnk_abandon_decode(qnk_buf_span(job->context), &abandon);

    QN_ASSERT(status == QN_OK);
    node->is_checking_abandon = false;
    for (uint32_t i = 0; is_good && i < job->sigs_count; i++) {
        is_good = qnk_bit(job->bitmap, i);
    }
    if (!is_good) {
        if (job->status == QN_OK) {
            qnk_peer_fault(node, job->peer, QNK_FAULT_BAD_SIGNATURE);
        }
        return;
    }
    if (node->attempts != NULL && qnk_attempts_wants(node->attempts, &abandon)) {
        certified(node, job->context);
    }
}

/* --- the exchange --- */

void qnk_abandon_held(const struct qnk_node *node, struct qn_buf *held)
{
    const struct qnk_set *set = qnk_ballot_set(node->ballot);
    uint64_t row = ((uint64_t)set->count + 7) / 8;
    uint8_t *bitmap = held->data + held->size - (QNK_HELD_BITMAPS - QNK_STEP_ABANDON) * row;

    for (uint32_t i = 0; node->attempts != NULL && i < set->count; i++) {
        if (qnk_attempts_vote_of(node->attempts, i) != NULL) {
            qnk_bit_set(bitmap, i);
        }
    }
}

void qnk_abandon_answer(struct qnk_node *node, uint32_t peer)
{
    for (uint32_t i = 0; node->attempts != NULL; i++) {
        struct qn_span bytes = qnk_attempts_at(node->attempts, i);

        if (bytes.size == 0) {
            break;
        }
        certificate_tell(node, peer, bytes);
    }
}

/* --- the end of the plan --- */

/* What is final under a later attempt tells it, after a restart too: the plan's probation may be
 * over before the chain binds what was before. */
void qnk_failure_look(struct qnk_node *node, uint32_t era)
{
    if (qnk_era_attempt(era) > 0) {
        node->has_failed = true;
        node->failed = era / QNK_ERA_ATTEMPTS;
    }
}

void qnk_fallback_look(struct qnk_node *node, const struct qnk_known_final *final, uint32_t era)
{
    const struct qnk_control *control = qnk_head(node)->control;
    struct qnk_swap_fallback fallback = {
        .window = final->window,
        .era = era,
        .digest = final->digest,
    };
    uint8_t payload[QNK_SWAP_FALLBACK_SIZE];
    struct qnk_swap_place place = {
        .set = final->next_set,
        .rules = &node->setup.params.swap,
        .window = qnk_window_of(qnk_head(node)->header.height + 1, node->setup.params.window),
        .sender = QNK_SET_NOBODY,
    };
    struct qn_span bytes = {payload, sizeof payload};

    qnk_failure_look(node, era);
    if (qnk_era_attempt(era) == 0 || !node->setup.has_validator || !qnk_may_sign(node)) {
        return;
    }
    place.sender = qnk_set_find(place.set, &node->setup.validator);
    qnk_swap_fallback_encode(&fallback, payload);
    if (qnk_swap_tx_fault(control, &place, QNK_TX_FALLBACK, bytes) == NULL) {
        (void)qnk_kernel_make(node, QNK_TX_FALLBACK, bytes);
    }
}
