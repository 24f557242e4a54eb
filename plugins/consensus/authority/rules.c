/* SPDX-License-Identifier: MIT */

#include "rules.h"

#include <qnet/tally.h>

enum {
    DOUBLINGS_MAX = 5, /* of `retry` */
    PATIENCE = 2,      /* waits for a verdict on a digest that less than P offers */
    PHASE_APPROVE = 3,
    PHASE_OFFER = 4,
};

/* --- effects --- */

static void sign(struct qn_inst *rules, enum rules_step step, const uint8_t *digest)
{
    qn_window_sign(&rules->window, 0, step, digest, -1, QN_WINDOW_ALL);
}

static void retry_start(struct qn_inst *rules)
{
    uint32_t doublings = rules->retries < DOUBLINGS_MAX ? rules->retries : DOUBLINGS_MAX;

    if (!rules->is_retrying) {
        rules->is_retrying = true;
        qn_window_timer(&rules->window, TIMER_RETRY, rules->retry_ms << doublings);
    }
}

/* Asks for the verdict on a digest that was named. The own candidate is valid without. */
static void look_at(struct qn_inst *rules, struct choice *choice)
{
    if (choice->verdict != VERDICT_NONE) {
        return;
    }
    if (rules->has_candidate && memcmp(rules->candidate, choice->digest, QN_HASH_SIZE) == 0) {
        choice->verdict = VERDICT_VALID;
        return;
    }
    choice->verdict = VERDICT_ASKED;
    qn_window_check(&rules->window, choice->digest);
}

/* --- what events say --- */

static int32_t on_open(struct qn_inst *rules, const struct qn_consensus_event_open *event)
{
    int32_t status = qn_window_open(&rules->window, event);

    if (status != QN_OK) {
        return status;
    }
    choices_clear(&rules->choices);
    rules->has_candidate = false;
    rules->offer = rules->approval = DUTY_OPEN;
    rules->certified = 0;
    rules->is_waiting = rules->is_retrying = rules->is_split = false;
    rules->waits = rules->retries = 0;
    return QN_OK;
}

static void on_vote(struct qn_inst *rules, const struct qn_consensus_event_vote *event)
{
    enum naming by = event->step == STEP_OFFER ? NAMED_BY_OFFER : NAMED_BY_APPROVAL;
    struct choice *choice;

    if ((event->step != STEP_OFFER && event->step != STEP_APPROVE) || event->round != 0 ||
        event->from >= rules->window.count || qn_digest_is_nil(event->digest)) {
        return;
    }
    choice = choices_add(&rules->choices, by, event->from, rules->window.weights[event->from],
                         event->digest);
    if (choice != NULL) {
        look_at(rules, choice);
    }
}

static void duty_set(struct qn_inst *rules, uint32_t step, enum rules_duty duty)
{
    if (step == STEP_OFFER) {
        rules->offer = duty;
    } else if (step == STEP_APPROVE) {
        rules->approval = duty;
    }
}

/* The guard refused and nothing was signed: a chain may not be durable yet, or the node may not
 * sign for now. */
static void on_signed(struct qn_inst *rules, const struct qn_consensus_event_signed *event)
{
    enum { NOTHING = 4 };
    struct qn_consensus_event_vote vote;

    if (rules->window.self == QN_WINDOW_NO_SELF || event->round != 0) {
        return;
    }
    if (event->result == NOTHING) {
        duty_set(rules, event->step, DUTY_RESTING);
        retry_start(rules);
        return;
    }
    duty_set(rules, event->step, DUTY_DONE);
    vote = qn_engine_own_vote(&rules->window, event);
    on_vote(rules, &vote);
}

static void duties_wake(struct qn_inst *rules)
{
    rules->offer = rules->offer == DUTY_RESTING ? DUTY_OPEN : rules->offer;
    rules->approval = rules->approval == DUTY_RESTING ? DUTY_OPEN : rules->approval;
}

static void on_candidate(struct qn_inst *rules, const struct qn_consensus_event_candidate *event)
{
    struct choice *choice = choices_find(&rules->choices, event->digest);

    rules->has_candidate = true;
    memcpy(rules->candidate, event->digest, QN_HASH_SIZE);
    if (choice != NULL) {
        choice->verdict = VERDICT_VALID;
    }
    duties_wake(rules);
}

static void on_checked(struct qn_inst *rules, const struct qn_consensus_event_checked *event)
{
    static const enum verdict verdicts[] = {VERDICT_NONE, VERDICT_VALID, VERDICT_INVALID,
                                            VERDICT_LATER};
    struct choice *choice = choices_find(&rules->choices, event->digest);

    /* A candidate stays valid, whatever an answer under way says. */
    if (choice == NULL || choice->verdict != VERDICT_ASKED || event->verdict < 1 ||
        event->verdict > 3) {
        return;
    }
    choice->verdict =
        event->min_round == 0 || event->verdict != 1 ? verdicts[event->verdict] : VERDICT_INVALID;
    if (choice->verdict == VERDICT_LATER) {
        retry_start(rules);
    }
}

static void verdicts_ask_again(struct qn_inst *rules)
{
    for (uint32_t i = 0; i < rules->choices.count; i++) {
        struct choice *choice = &rules->choices.items[i];

        if (choice->verdict == VERDICT_LATER) {
            choice->verdict = VERDICT_NONE;
            look_at(rules, choice);
        }
    }
}

static void on_timer(struct qn_inst *rules, const struct qn_consensus_event_timer *event)
{
    if (event->timer == TIMER_WAIT && rules->is_waiting) {
        rules->is_waiting = false;
        rules->waits++;
    } else if (event->timer == TIMER_RETRY && rules->is_retrying) {
        rules->is_retrying = false;
        rules->retries++;
        duties_wake(rules);
        verdicts_ask_again(rules);
    }
}

/* --- the rules --- */

/* A0. One that was asked for and did not come is asked for again with the next approval. */
static void do_certify(struct qn_inst *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);

    if (best == NULL || best->weights[NAMED_BY_APPROVAL] < rules->window.quorum ||
        best->weights[NAMED_BY_APPROVAL] <= rules->certified) {
        return;
    }
    rules->certified = best->weights[NAMED_BY_APPROVAL];
    qn_window_certify(&rules->window, 0, STEP_APPROVE, best->digest, false);
}

/* Whether this member is a quorum, and so needs to hear nobody. */
static bool is_alone(const struct qn_inst *rules)
{
    return rules->window.self != QN_WINDOW_NO_SELF &&
           rules->window.weights[rules->window.self] >= rules->window.quorum;
}

/* What this member has to offer: its candidate, or as long as it has none what P offer. */
static const uint8_t *find_own(const struct qn_inst *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_OFFER, true);

    if (rules->has_candidate) {
        return rules->candidate;
    }
    return best != NULL && best->weights[NAMED_BY_OFFER] >= rules->window.honest ? best->digest
                                                                                 : NULL;
}

/* A1. Who has approved has no more to offer. */
static void do_offer(struct qn_inst *rules)
{
    const uint8_t *own = find_own(rules);

    if (rules->offer == DUTY_OPEN && rules->approval == DUTY_OPEN && own != NULL &&
        !is_alone(rules)) {
        rules->offer = DUTY_ASKED;
        sign(rules, STEP_OFFER, own);
    }
}

/* Offers differ: a quorum of them was waited for. The heaviest may be one that nobody can have, but
 * only if less than P offer it. */
static const struct choice *find_offered(struct qn_inst *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_OFFER, false);
    bool is_over = rules->choices.heard[NAMED_BY_OFFER] == rules->window.total || rules->waits > 0;

    if (best == NULL || (best->weights[NAMED_BY_OFFER] < rules->window.quorum && !is_over)) {
        return NULL;
    }
    if (best->verdict != VERDICT_VALID && best->weights[NAMED_BY_OFFER] < rules->window.honest &&
        rules->waits >= PATIENCE) {
        return choices_best(&rules->choices, NAMED_BY_OFFER, true);
    }
    return best;
}

/* A2 */
static void do_approve(struct qn_inst *rules)
{
    const struct choice *approved = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);
    const struct choice *offered = find_offered(rules);
    const uint8_t *digest = NULL;

    if (rules->approval != DUTY_OPEN) {
        return;
    }
    if (approved != NULL && approved->weights[NAMED_BY_APPROVAL] >= rules->window.honest) {
        digest = approved->verdict == VERDICT_VALID ? approved->digest : NULL;
    } else if (offered != NULL && offered->verdict == VERDICT_VALID) {
        digest = offered->digest;
    } else if (is_alone(rules) && rules->has_candidate) {
        digest = rules->candidate;
    }
    if (digest != NULL) {
        rules->approval = DUTY_ASKED;
        sign(rules, STEP_APPROVE, digest);
    }
}

/* Goes on while offers differ: each time that it is due counts. */
static void do_wait(struct qn_inst *rules)
{
    if (rules->approval == DUTY_OPEN && !rules->is_waiting && rules->waits < PATIENCE &&
        rules->choices.heard[NAMED_BY_OFFER] >= rules->window.quorum) {
        rules->is_waiting = true;
        qn_window_timer(&rules->window, TIMER_WAIT, rules->wait_ms);
    }
}

/* Says it once, as nobody but people can help. */
static void look_for_split(struct qn_inst *rules)
{
    static const char words[] =
        "approvals differ for good: no digest of this window can reach a quorum any more; "
        "authority tolerates crashes, not this: start a network file from the last final window";
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);
    uint64_t missing = rules->window.total - rules->choices.heard[NAMED_BY_APPROVAL];

    if (!rules->is_split && best != NULL &&
        best->weights[NAMED_BY_APPROVAL] + missing < rules->window.quorum) {
        rules->is_split = true;
        rules->window.host->log(rules->node, 0,
                                (struct qn_span){(const uint8_t *)words, sizeof words - 1});
    }
}

/* --- reports --- */

static uint16_t phase(const struct qn_inst *rules)
{
    return rules->approval == DUTY_DONE || rules->choices.heard[NAMED_BY_APPROVAL] > 0
               ? PHASE_APPROVE
               : PHASE_OFFER;
}

static uint64_t have(const struct qn_inst *rules)
{
    enum naming by = phase(rules) == PHASE_APPROVE ? NAMED_BY_APPROVAL : NAMED_BY_OFFER;
    const struct choice *best = choices_best(&rules->choices, by, false);

    return best != NULL ? best->weights[by] : 0;
}

static void run(struct qn_inst *rules)
{
    do_certify(rules);
    do_offer(rules);
    do_approve(rules);
    do_wait(rules);
    look_for_split(rules);
    qn_window_report(&rules->window, 0, phase(rules), have(rules), UINT64_MAX);
}

static void status_tell(const struct qn_inst *rules, struct qn_consensus_status *status)
{
    status->phase = phase(rules);
    status->have = have(rules);
}

static void text_add(const struct qn_inst *rules, struct qn_engine_text *text)
{
    if (rules->window.is_open && rules->is_split) {
        qn_engine_say(text, "; approvals differ for good, and people have to help");
    }
    qn_engine_say(text, "; tolerates crashes only, no liars");
}

static const char *const phases[] = {"idle", "", "", "approve", "offer"};

const struct qn_engine rules_engine = {
    .open = on_open,
    .candidate = on_candidate,
    .vote = on_vote,
    .checked = on_checked,
    .timer = on_timer,
    .own = on_signed,
    .run = run,
    .status = status_tell,
    .text = text_add,
    .phases = phases,
};
