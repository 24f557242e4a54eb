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

static void pushed(struct rules *rules, int32_t status)
{
    if (rules->status == QN_OK) {
        rules->status = status;
    }
}

/* A node that does not vote goes the same way and asks for nothing. */
static void sign(struct rules *rules, enum rules_step step, const uint8_t *digest)
{
    struct qn_consensus_effect_request_sign effect = {
        .window = rules->window,
        .step = (uint16_t)step,
        .vr = -1,
        .digest = digest,
        .to = UINT32_MAX,
    };

    if (rules->self != RULES_NO_SELF) {
        pushed(rules, qn_consensus_effect_request_sign_push(rules->out, &effect));
    }
}

static void timer_start(struct rules *rules, enum rules_timer timer, uint64_t delay_ms)
{
    struct qn_consensus_effect_timer effect = {
        .window = rules->window,
        .timer = timer,
        .delay_ms = (uint32_t)delay_ms,
    };

    pushed(rules, qn_consensus_effect_timer_push(rules->out, &effect));
}

static void retry_start(struct rules *rules)
{
    uint32_t doublings = rules->retries < DOUBLINGS_MAX ? rules->retries : DOUBLINGS_MAX;

    if (!rules->is_retrying) {
        rules->is_retrying = true;
        timer_start(rules, TIMER_RETRY, rules->retry_ms << doublings);
    }
}

/* Asks for the verdict on a digest that was named. The own candidate is valid without. */
static void look_at(struct rules *rules, struct choice *choice)
{
    struct qn_consensus_effect_check effect = {.window = rules->window, .digest = choice->digest};

    if (choice->verdict != VERDICT_NONE) {
        return;
    }
    if (rules->has_candidate && memcmp(rules->candidate, choice->digest, QN_HASH_SIZE) == 0) {
        choice->verdict = VERDICT_VALID;
        return;
    }
    choice->verdict = VERDICT_ASKED;
    pushed(rules, qn_consensus_effect_check_push(rules->out, &effect));
}

/* --- what events say --- */

int32_t rules_open(struct rules *rules, const struct qn_consensus_event_open *event)
{
    struct qn_span rest = event->members;
    uint64_t total = 0;

    rules->is_open = false;
    for (uint32_t i = 0; i < event->members_count; i++) {
        struct qn_member member;

        qn_member_next(&rest, &member);
        rules->weights[i] = member.weight;
        if (member.weight > UINT64_MAX / 4 - total) {
            return QN_INVALID;
        }
        total += member.weight;
    }
    if (total == 0 || total != event->total || event->quorum > total ||
        event->quorum <= total / 2 ||
        (event->self != RULES_NO_SELF && event->self >= event->members_count)) {
        return QN_INVALID;
    }
    rules->window = event->window;
    rules->self = event->self;
    rules->count = event->members_count;
    rules->total = total;
    rules->quorum = event->quorum;
    rules->honest = total / 3 + 1;
    choices_clear(&rules->choices);
    rules->has_candidate = false;
    rules->offer = rules->approval = DUTY_OPEN;
    rules->certified = 0;
    rules->is_waiting = rules->is_retrying = rules->is_split = false;
    rules->waits = rules->retries = 0;
    rules->reported_phase = 0;
    rules->is_open = true;
    return QN_OK;
}

void rules_vote(struct rules *rules, uint32_t step, uint32_t round, uint32_t from,
                const uint8_t *digest)
{
    enum naming by = step == STEP_OFFER ? NAMED_BY_OFFER : NAMED_BY_APPROVAL;
    struct choice *choice;

    if ((step != STEP_OFFER && step != STEP_APPROVE) || round != 0 || from >= rules->count ||
        qn_digest_is_nil(digest)) {
        return;
    }
    choice = choices_add(&rules->choices, by, from, rules->weights[from], digest);
    if (choice != NULL) {
        look_at(rules, choice);
    }
}

static void duty_set(struct rules *rules, uint32_t step, enum rules_duty duty)
{
    if (step == STEP_OFFER) {
        rules->offer = duty;
    } else if (step == STEP_APPROVE) {
        rules->approval = duty;
    }
}

/* The guard refused and nothing was signed: a chain may not be durable yet, or the node may not
 * sign for now. */
void rules_signed(struct rules *rules, const struct qn_consensus_event_signed *event)
{
    enum { NOTHING = 4 };

    if (rules->self == RULES_NO_SELF || event->round != 0) {
        return;
    }
    if (event->result == NOTHING) {
        duty_set(rules, event->step, DUTY_RESTING);
        retry_start(rules);
        return;
    }
    duty_set(rules, event->step, DUTY_DONE);
    rules_vote(rules, event->step, event->round, rules->self, event->digest);
}

static void duties_wake(struct rules *rules)
{
    rules->offer = rules->offer == DUTY_RESTING ? DUTY_OPEN : rules->offer;
    rules->approval = rules->approval == DUTY_RESTING ? DUTY_OPEN : rules->approval;
}

void rules_candidate(struct rules *rules, const uint8_t *digest)
{
    struct choice *choice = choices_find(&rules->choices, digest);

    rules->has_candidate = true;
    memcpy(rules->candidate, digest, QN_HASH_SIZE);
    if (choice != NULL) {
        choice->verdict = VERDICT_VALID;
    }
    duties_wake(rules);
}

void rules_checked(struct rules *rules, const struct qn_consensus_event_checked *event)
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

static void verdicts_ask_again(struct rules *rules)
{
    for (uint32_t i = 0; i < rules->choices.count; i++) {
        struct choice *choice = &rules->choices.items[i];

        if (choice->verdict == VERDICT_LATER) {
            choice->verdict = VERDICT_NONE;
            look_at(rules, choice);
        }
    }
}

void rules_timer(struct rules *rules, uint32_t timer)
{
    if (timer == TIMER_WAIT && rules->is_waiting) {
        rules->is_waiting = false;
        rules->waits++;
    } else if (timer == TIMER_RETRY && rules->is_retrying) {
        rules->is_retrying = false;
        rules->retries++;
        duties_wake(rules);
        verdicts_ask_again(rules);
    }
}

/* --- the rules --- */

/* A0. One that was asked for and did not come is asked for again with the next approval. */
static void do_certify(struct rules *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);

    if (best == NULL || best->weights[NAMED_BY_APPROVAL] < rules->quorum ||
        best->weights[NAMED_BY_APPROVAL] <= rules->certified) {
        return;
    }

    struct qn_consensus_effect_certify effect = {
        .window = rules->window,
        .step = STEP_APPROVE,
        .digest = best->digest,
    };

    rules->certified = best->weights[NAMED_BY_APPROVAL];
    pushed(rules, qn_consensus_effect_certify_push(rules->out, &effect));
}

/* Whether this member is a quorum, and so needs to hear nobody. */
static bool is_alone(const struct rules *rules)
{
    return rules->self != RULES_NO_SELF && rules->weights[rules->self] >= rules->quorum;
}

/* What this member has to offer: its candidate, or as long as it has none what P offer. */
static const uint8_t *find_own(const struct rules *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_OFFER, true);

    if (rules->has_candidate) {
        return rules->candidate;
    }
    return best != NULL && best->weights[NAMED_BY_OFFER] >= rules->honest ? best->digest : NULL;
}

/* A1. Who has approved has no more to offer. */
static void do_offer(struct rules *rules)
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
static const struct choice *find_offered(struct rules *rules)
{
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_OFFER, false);
    bool is_over = rules->choices.heard[NAMED_BY_OFFER] == rules->total || rules->waits > 0;

    if (best == NULL || (best->weights[NAMED_BY_OFFER] < rules->quorum && !is_over)) {
        return NULL;
    }
    if (best->verdict != VERDICT_VALID && best->weights[NAMED_BY_OFFER] < rules->honest &&
        rules->waits >= PATIENCE) {
        return choices_best(&rules->choices, NAMED_BY_OFFER, true);
    }
    return best;
}

/* A2 */
static void do_approve(struct rules *rules)
{
    const struct choice *approved = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);
    const struct choice *offered = find_offered(rules);
    const uint8_t *digest = NULL;

    if (rules->approval != DUTY_OPEN) {
        return;
    }
    if (approved != NULL && approved->weights[NAMED_BY_APPROVAL] >= rules->honest) {
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
static void do_wait(struct rules *rules)
{
    if (rules->approval == DUTY_OPEN && !rules->is_waiting && rules->waits < PATIENCE &&
        rules->choices.heard[NAMED_BY_OFFER] >= rules->quorum) {
        rules->is_waiting = true;
        timer_start(rules, TIMER_WAIT, rules->wait_ms);
    }
}

/* Says it once, as nobody but people can help. */
static void look_for_split(struct rules *rules)
{
    static const char words[] =
        "approvals differ for good: no digest of this window can reach a quorum any more; "
        "authority tolerates crashes, not this: start a network file from the last final window";
    const struct choice *best = choices_best(&rules->choices, NAMED_BY_APPROVAL, false);
    uint64_t missing = rules->total - rules->choices.heard[NAMED_BY_APPROVAL];

    if (!rules->is_split && best != NULL &&
        best->weights[NAMED_BY_APPROVAL] + missing < rules->quorum) {
        rules->is_split = true;
        rules->host->log(rules->node, 0,
                         (struct qn_span){(const uint8_t *)words, sizeof words - 1});
    }
}

/* --- reports --- */

uint16_t rules_phase(const struct rules *rules)
{
    if (!rules->is_open) {
        return 0;
    }
    return rules->approval == DUTY_DONE || rules->choices.heard[NAMED_BY_APPROVAL] > 0
               ? PHASE_APPROVE
               : PHASE_OFFER;
}

uint64_t rules_have(const struct rules *rules)
{
    enum naming by = rules_phase(rules) == PHASE_APPROVE ? NAMED_BY_APPROVAL : NAMED_BY_OFFER;
    const struct choice *best = rules->is_open ? choices_best(&rules->choices, by, false) : NULL;

    return best != NULL ? best->weights[by] : 0;
}

static void report(struct rules *rules)
{
    struct qn_consensus_effect_report effect = {
        .window = rules->window,
        .phase = rules_phase(rules),
        .have = rules_have(rules),
        .need = rules->quorum,
    };

    if (effect.phase == rules->reported_phase && effect.have == rules->reported_have) {
        return;
    }
    rules->reported_phase = effect.phase;
    rules->reported_have = effect.have;
    pushed(rules, qn_consensus_effect_report_push(rules->out, &effect));
}

void rules_run(struct rules *rules)
{
    do_certify(rules);
    do_offer(rules);
    do_approve(rules);
    do_wait(rules);
    look_for_split(rules);
    report(rules);
}
