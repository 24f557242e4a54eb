/* SPDX-License-Identifier: MIT */

#include "rules.h"

/* A report is made whenever another such part of the weight has voted. */
enum { PARTS = 8 };

_Static_assert((int)TIMERS <= (int)QN_TIMERS_MAX, "each has a bit");

static const uint8_t nil[QN_HASH_SIZE];

static void digest_set(struct rules_digest *to, const uint8_t *digest)
{
    to->is_set = true;
    memcpy(to->digest, digest, QN_HASH_SIZE);
}

static void value_set(struct rules_value *to, uint32_t round, const uint8_t *digest)
{
    to->round = round;
    memcpy(to->digest, digest, QN_HASH_SIZE);
}

/* --- effects --- */

static void sign(struct qn_inst *rules, enum rules_step step, const uint8_t *digest, int64_t vr)
{
    qn_window_sign(&rules->window, rules->round, step, digest, vr, QN_WINDOW_ALL);
}

static void certify(struct qn_inst *rules, uint32_t round, enum rules_step step,
                    const uint8_t *digest)
{
    qn_window_certify(&rules->window, round, step, digest, false);
}

static void look_at(struct qn_inst *rules, const uint8_t *digest)
{
    qn_verdicts_ask(&rules->verdicts, &rules->window, digest);
}

/* --- timers --- */

static bool has_started(const struct qn_inst *rules, enum rules_timer timer)
{
    return qn_timers_has_started(&rules->timers, timer);
}

static bool has_fired(const struct qn_inst *rules, enum rules_timer timer)
{
    return qn_timers_has_fired(&rules->timers, timer);
}

static void timer_start(struct qn_inst *rules, enum rules_timer timer, uint64_t delay_ms)
{
    QN_ASSERT(!has_started(rules, timer));
    qn_timers_start(&rules->timers, &rules->window, rules->round, timer, delay_ms);
}

static void on_timer(struct qn_inst *rules, const struct qn_consensus_event_timer *event)
{
    qn_timers_due(&rules->timers, rules->round, event->timer);
}

/* first + step * round, at most `most`. */
static uint64_t growing_ms(const struct qn_inst *rules, uint32_t first_ms, uint32_t step_ms,
                           uint32_t most_ms)
{
    uint64_t delay_ms = first_ms + (uint64_t)step_ms * rules->round;

    return delay_ms < most_ms ? delay_ms : most_ms;
}

/* --- rounds --- */

/* NULL: out of the rounds whose votes are kept. */
static struct rules_round *round_of(struct qn_inst *rules, uint32_t round)
{
    struct rules_round *it = &rules->rounds[round % QN_PLACES_ROUNDS];

    if (!qn_places_keep(rules->round, round)) {
        return NULL;
    }
    if (!it->is_used || it->round != round) {
        qn_tally_clear(&it->reveals);
        qn_tally_clear(&it->seals);
        it->prepared.is_set = it->proposal.is_set = false;
        it->round = round;
        it->is_used = true;
    }
    return it;
}

static struct rules_round *own_round(struct qn_inst *rules)
{
    return round_of(rules, rules->round);
}

static uint32_t leader_of(const struct qn_inst *rules, uint32_t round)
{
    return qn_window_leader(&rules->window, round);
}

/* ENTER */
static void enter(struct qn_inst *rules, uint32_t round)
{
    QN_ASSERT(round > rules->round);
    qn_timers_cancel(&rules->timers, &rules->window, rules->round);
    rules->round = round;
    rules->step = STEP_PROPOSE;
    rules->leader = leader_of(rules, round);
    rules->has_proposed = rules->has_revealed = false;
    rules->owes_reveal = rules->owes_seal = false;
    qn_places_enter(&rules->places, &rules->window, round);
    timer_start(rules, TIMER_PROPOSE,
                growing_ms(rules, rules->times.propose_ms, rules->times.propose_step_ms,
                           rules->times.commit_ms));
}

static void enter_next(struct qn_inst *rules)
{
    if (rules->round < QN_PLACES_ROUND_MAX) {
        enter(rules, rules->round + 1);
    }
}

/* --- the chain's marks --- */

static void on_head(struct qn_inst *rules, const struct qn_consensus_event_head *event)
{
    if (rules->head == 0) {
        rules->start = event->height > rules->window.last ? event->height : rules->window.last;
    }
    rules->head = event->height > rules->head ? event->height : rules->head;

    /* What could not be told of a certified digest may be told now. */
    if (own_round(rules)->prepared.is_set) {
        look_at(rules, own_round(rules)->prepared.digest);
    }
    if (rules->high.round > rules->valid.round) {
        look_at(rules, rules->high.digest);
    }
}

/* Whether the chain has grown by `blocks` since the window was complete and open. */
static bool has_grown(const struct qn_inst *rules, uint64_t blocks)
{
    return rules->head >= rules->start + blocks && rules->head != 0;
}

static bool is_past_commit_mark(const struct qn_inst *rules)
{
    return has_grown(rules, (2 * rules->window.length + 2) / 3);
}

static bool is_past_reveal_mark(const struct qn_inst *rules)
{
    return has_grown(rules, rules->window.length);
}

/* --- what events say --- */

static int32_t on_open(struct qn_inst *rules, const struct qn_consensus_event_open *event)
{
    int32_t status = qn_window_open(&rules->window, event);

    if (status != QN_OK) {
        return status;
    }
    qn_places_clear(&rules->places, &rules->window);
    rules->head = rules->start = 0;
    rules->candidate.is_set = rules->mine.is_set = false;
    qn_lock_clear(&rules->lock);
    rules->valid.round = rules->high.round = RULES_NOBODY;
    qn_verdicts_clear(&rules->verdicts);
    qn_tally_clear(&rules->commits);
    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        rules->rounds[i].is_used = false;
    }
    rules->round = 0;
    rules->step = STEP_COMMIT;
    rules->has_committed = rules->has_proposed = rules->has_revealed = false;
    rules->owes_reveal = rules->owes_seal = false;
    rules->timers = (struct qn_timers){0};
    timer_start(rules, TIMER_COMMIT, rules->times.commit_ms);
    timer_start(rules, TIMER_MIN, rules->times.commit_min_ms);
    return QN_OK;
}

/* U1: what let one honest node enter a round lets all others. */
static bool catch_up(struct qn_inst *rules)
{
    uint32_t round = qn_places_lead(&rules->places, &rules->window, rules->round);

    if (round == rules->round) {
        return false;
    }
    enter(rules, round);
    return true;
}

/* A round's votes are taken in only after U1, which may bring the round within reach. */
static void on_vote(struct qn_inst *rules, const struct qn_consensus_event_vote *event)
{
    const uint8_t *digest = event->digest;
    uint32_t from = event->from;
    uint32_t round = event->round;
    uint16_t step = event->step;
    struct rules_round *it;

    if (from >= rules->window.count) {
        return;
    }
    qn_places_see(&rules->places, &rules->window, rules->round, from, round);
    (void)catch_up(rules);
    it = round_of(rules, round);
    if (it == NULL) {
        return;
    }
    if (step == STEP_COMMIT && round == 0) {
        (void)qn_tally_add(&rules->commits, from, rules->window.weights[from], nil, RULES_NOBODY);
    } else if (step == STEP_REVEAL) {
        (void)qn_tally_add(&it->reveals, from, rules->window.weights[from], digest, event->vr);
        look_at(rules, digest);
    } else if (step == STEP_SEAL) {
        (void)qn_tally_add(&it->seals, from, rules->window.weights[from], digest, event->vr);
        look_at(rules, digest);
    } else if (step == STEP_PROPOSE && round > 0 && from == leader_of(rules, round) &&
               !it->proposal.is_set && !qn_digest_is_nil(digest)) {
        digest_set(&it->proposal, digest);
        it->proposal_vr = event->vr;
        look_at(rules, digest);
    }
}

static void on_certificate(struct qn_inst *rules,
                           const struct qn_consensus_event_certificate *event)
{
    struct rules_round *it;

    if (event->step != STEP_REVEAL || qn_digest_is_nil(event->digest)) {
        return;
    }
    qn_places_see_all(&rules->places, &rules->window, rules->round, event->signers, event->round);
    (void)catch_up(rules);
    it = round_of(rules, event->round);
    if (it != NULL && !it->prepared.is_set) {
        digest_set(&it->prepared, event->digest);
    }
    if (event->round <= rules->round && event->round > rules->high.round) {
        value_set(&rules->high, event->round, event->digest);
    }
    look_at(rules, event->digest);
}

static void on_candidate(struct qn_inst *rules, const struct qn_consensus_event_candidate *event)
{
    digest_set(&rules->candidate, event->digest);
    qn_verdicts_set(&rules->verdicts, event->digest, QN_VERDICT_VALID, 0);
}

static void on_checked(struct qn_inst *rules, const struct qn_consensus_event_checked *event)
{
    qn_verdicts_told(&rules->verdicts, event);
}

/* --- own votes --- */

/* The own duty is done, now or before a restart. */
static void duty_done(struct qn_inst *rules, uint32_t step, const uint8_t *digest)
{
    bool is_early = rules->step == STEP_COMMIT || rules->step == STEP_PROPOSE;

    if (step == STEP_COMMIT) {
        rules->has_committed = true;
        if (!qn_digest_is_nil(digest)) {
            digest_set(&rules->mine, digest);
        }
    } else if (step == STEP_PROPOSE) {
        rules->has_proposed = true;
    } else if (step == STEP_REVEAL) {
        rules->has_revealed = true;
        rules->owes_reveal = false;
        rules->step = is_early ? STEP_REVEAL : rules->step;
    } else if (step == STEP_SEAL) {
        rules->owes_seal = false;
        rules->step = STEP_SEAL;
    }
}

/* Even nil was refused: the node may sign nothing for now. Others may be no quorum without this
 * vote, and no other timer need be running, so it is asked for again after a while. */
static void duty_owe(struct qn_inst *rules, uint32_t step)
{
    if (!rules->owes_reveal && !rules->owes_seal) {
        qn_timers_start(
            &rules->timers, &rules->window, rules->round, TIMER_AGAIN,
            growing_ms(rules, rules->times.base_ms, rules->times.step_ms, rules->times.seal_ms));
    }
    rules->owes_reveal = rules->owes_reveal || step == STEP_REVEAL;
    rules->owes_seal = rules->owes_seal || step == STEP_SEAL;
}

/* The guard refused, and signed nothing: it always allows nil. */
static void duty_refused(struct qn_inst *rules, uint32_t step, const uint8_t *digest)
{
    if (step == STEP_COMMIT) {
        rules->mine.is_set = false;
    } else if (step == STEP_REVEAL || step == STEP_SEAL) {
        if (qn_digest_is_nil(digest)) {
            duty_owe(rules, step);
        } else {
            sign(rules, (enum rules_step)step, nil, RULES_NOBODY);
        }
    }
}

static void on_signed(struct qn_inst *rules, const struct qn_consensus_event_signed *event)
{
    enum { NOW = 1, OTHER = 2, BEFORE = 3, NOTHING = 4 };
    struct qn_consensus_event_vote vote;

    if (rules->window.self == QN_WINDOW_NO_SELF || event->round > QN_PLACES_ROUND_MAX) {
        return;
    }
    if (event->result == NOTHING) {
        if (event->round == rules->round) {
            duty_refused(rules, event->step, event->digest);
        }
        return;
    }
    if (event->result == BEFORE && event->round > rules->round) {
        enter(rules, event->round);
    }
    if (event->result == OTHER && event->step == STEP_COMMIT) {
        rules->mine.is_set = false;
    }
    if (event->round == rules->round) {
        duty_done(rules, event->step, event->digest);
    }
    if (event->step == STEP_SEAL && !qn_digest_is_nil(event->digest)) {
        qn_lock_take(&rules->lock, event->round, event->digest);
    }
    vote = qn_engine_own_vote(&rules->window, event);
    on_vote(rules, &vote);
}

/* --- the rules --- */

/* U0, U2: quorums become certificates. */
static bool make_certificates(struct qn_inst *rules)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        struct rules_round *it = &rules->rounds[i];

        if (!it->is_used) {
            continue;
        }
        if (qn_tally_certify(&it->seals, rules->window.quorum)) {
            certify(rules, it->round, STEP_SEAL, qn_tally_best(&it->seals)->digest);
            has_changed = true;
        }
        if (!it->prepared.is_set && it->round <= rules->round &&
            qn_tally_certify(&it->reveals, rules->window.quorum)) {
            certify(rules, it->round, STEP_REVEAL, qn_tally_best(&it->reveals)->digest);
            has_changed = true;
        }
    }
    return has_changed;
}

/* U2: the highest certificate of a valid digest is what the own next proposal repeats. */
static bool raise_valid(struct qn_inst *rules)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        const struct rules_round *it = &rules->rounds[i];

        if (it->is_used && it->prepared.is_set && it->round > rules->valid.round &&
            it->round <= rules->round &&
            qn_verdicts_allow(&rules->verdicts, it->prepared.digest, rules->round)) {
            value_set(&rules->valid, it->round, it->prepared.digest);
            has_changed = true;
        }
    }
    if (rules->high.round > rules->valid.round &&
        qn_verdicts_allow(&rules->verdicts, rules->high.digest, rules->round)) {
        rules->valid = rules->high;
        has_changed = true;
    }
    return has_changed;
}

static bool is_commit_over(struct qn_inst *rules)
{
    return rules->commits.heard == rules->window.total ||
           (rules->commits.heard >= rules->window.quorum && has_fired(rules, TIMER_MIN)) ||
           own_round(rules)->reveals.heard >= rules->window.honest ||
           has_fired(rules, TIMER_COMMIT) || is_past_commit_mark(rules);
}

/* U3, first part */
static bool do_commit(struct qn_inst *rules)
{
    if (rules->step != STEP_COMMIT) {
        return false;
    }
    if (is_commit_over(rules)) {
        rules->step = STEP_REVEAL;
        timer_start(rules, TIMER_OWN, rules->times.reveal_ms);
        return true;
    }
    if (rules->has_committed || !rules->candidate.is_set) {
        return false;
    }
    rules->has_committed = true;
    rules->mine = rules->candidate;
    sign(rules, STEP_COMMIT, rules->mine.digest, RULES_NOBODY);
    return true;
}

static void reveal(struct qn_inst *rules, const uint8_t *digest, int64_t vr)
{
    rules->step = STEP_REVEAL;
    rules->has_revealed = true;
    sign(rules, STEP_REVEAL, digest, vr);
}

/* U3, second part: a later candidate does not replace what was committed. */
static bool do_first_reveal(struct qn_inst *rules)
{
    const struct rules_digest *own = rules->mine.is_set ? &rules->mine : &rules->candidate;

    if (rules->step != STEP_REVEAL || rules->round != 0 || rules->has_revealed) {
        return false;
    }
    if (own->is_set) {
        reveal(rules, own->digest, RULES_NOBODY);
        return true;
    }
    if (has_fired(rules, TIMER_OWN) || is_past_reveal_mark(rules)) {
        reveal(rules, nil, RULES_NOBODY);
        return true;
    }
    return false;
}

/* ENTER, the leader's part */
static bool do_propose(struct qn_inst *rules)
{
    bool has_valid = rules->valid.round >= 0;

    if (rules->step != STEP_PROPOSE || rules->has_proposed || rules->leader != rules->window.self ||
        (!has_valid && !rules->candidate.is_set)) {
        return false;
    }
    rules->has_proposed = true;
    if (!has_valid) {
        sign(rules, STEP_PROPOSE, rules->candidate.digest, RULES_NOBODY);
    } else if (rules->valid.round < rules->round) {
        sign(rules, STEP_PROPOSE, rules->valid.digest, rules->valid.round);
    }
    return true;
}

/* U4: off a lock only by a certificate that is as new. */
static bool is_acceptable(const struct qn_inst *rules, const struct rules_round *it)
{
    return qn_lock_allows(&rules->lock, it->proposal.digest, it->proposal_vr);
}

/* U4, U5 */
static bool do_later_reveal(struct qn_inst *rules)
{
    const struct rules_round *it = own_round(rules);

    if (rules->step != STEP_PROPOSE) {
        return false;
    }
    if (it->proposal.is_set && it->proposal_vr >= RULES_NOBODY &&
        it->proposal_vr < (int64_t)rules->round &&
        qn_verdicts_allow(&rules->verdicts, it->proposal.digest, rules->round)) {
        bool is_accepted = is_acceptable(rules, it);

        reveal(rules, is_accepted ? it->proposal.digest : nil,
               is_accepted ? it->proposal_vr : RULES_NOBODY);
        return true;
    }
    if (has_fired(rules, TIMER_PROPOSE)) {
        reveal(rules, nil, RULES_NOBODY);
        return true;
    }
    return false;
}

/* Who comes to seal in round 0 without a candidate has not revealed yet, and does so now: others
 * may need this reveal to hear a quorum. The specification leaves this case out, and stalls. */
static void seal(struct qn_inst *rules, const uint8_t *digest)
{
    if (!rules->has_revealed) {
        reveal(rules, digest, RULES_NOBODY);
    }
    rules->step = STEP_SEAL;
    sign(rules, STEP_SEAL, digest, RULES_NOBODY);
}

/* U6 */
static bool do_seal(struct qn_inst *rules)
{
    const struct rules_round *it = own_round(rules);

    if (rules->step != STEP_REVEAL || !it->prepared.is_set ||
        !qn_verdicts_allow(&rules->verdicts, it->prepared.digest, rules->round)) {
        return false;
    }
    qn_lock_take(&rules->lock, rules->round, it->prepared.digest);
    value_set(&rules->valid, rules->round, it->prepared.digest);
    seal(rules, it->prepared.digest);
    return true;
}

/* U7 */
static bool is_hopeless(struct qn_inst *rules)
{
    const struct qn_tally *reveals = &own_round(rules)->reveals;
    uint64_t missing = rules->window.total - reveals->heard;

    return reveals->nil >= rules->window.quorum ||
           qn_tally_best_weight(reveals) + missing < rules->window.quorum;
}

/* U8: a quorum has revealed something. Who holds a certificate need not have heard them all. */
static bool is_revealed(struct qn_inst *rules)
{
    return own_round(rules)->reveals.heard >= rules->window.quorum ||
           own_round(rules)->prepared.is_set;
}

/* U8: times out, or the chain has grown on for as long as a whole window. */
static bool is_reveal_over(const struct qn_inst *rules)
{
    return has_fired(rules, TIMER_REVEAL) ||
           (rules->round == 0 && has_fired(rules, TIMER_BASE) && is_past_reveal_mark(rules));
}

/* U7, U8 */
static bool do_seal_nil(struct qn_inst *rules)
{
    if (rules->step != STEP_REVEAL) {
        return false;
    }
    if (is_hopeless(rules) || is_reveal_over(rules)) {
        seal(rules, nil);
        return true;
    }
    if (has_started(rules, TIMER_REVEAL) || !is_revealed(rules)) {
        return false;
    }
    if (rules->round == 0) {
        timer_start(rules, TIMER_REVEAL, rules->times.reveal_ms);
        timer_start(rules, TIMER_BASE, rules->times.base_ms);
    } else {
        timer_start(
            rules, TIMER_REVEAL,
            growing_ms(rules, rules->times.base_ms, rules->times.step_ms, rules->times.reveal_ms));
    }
    return true;
}

/* U9, U10 */
static bool do_next_round(struct qn_inst *rules)
{
    const struct qn_tally *seals = &own_round(rules)->seals;

    if (rules->round == QN_PLACES_ROUND_MAX) {
        return false;
    }
    if (seals->nil >= rules->window.quorum || has_fired(rules, TIMER_SEAL)) {
        enter_next(rules);
        return true;
    }
    if (seals->heard < rules->window.quorum || has_started(rules, TIMER_SEAL)) {
        return false;
    }
    timer_start(
        rules, TIMER_SEAL,
        growing_ms(rules, rules->times.base_ms, rules->times.step_ms, rules->times.seal_ms));
    return true;
}

/* What is owed is asked for again, as nil: the next round makes up for it. */
static bool do_again(struct qn_inst *rules)
{
    bool owes_reveal = rules->owes_reveal;
    bool owes_seal = rules->owes_seal;

    if ((!owes_reveal && !owes_seal) || !has_fired(rules, TIMER_AGAIN)) {
        return false;
    }
    rules->owes_reveal = rules->owes_seal = false;
    if (owes_reveal) {
        sign(rules, STEP_REVEAL, nil, RULES_NOBODY);
    }
    if (owes_seal) {
        sign(rules, STEP_SEAL, nil, RULES_NOBODY);
    }
    return true;
}

/* --- reports --- */

static uint16_t phase(const struct qn_inst *rules)
{
    switch (rules->step) {
    case STEP_COMMIT:
        return 1;
    case STEP_REVEAL:
        return 2;
    case STEP_SEAL:
        return 3;
    case STEP_PROPOSE:
        return 4;
    }
    return 0;
}

static uint64_t have(const struct qn_inst *rules)
{
    const struct rules_round *it = &rules->rounds[rules->round % QN_PLACES_ROUNDS];

    if (rules->step == STEP_COMMIT) {
        return rules->commits.heard;
    }
    if (!it->is_used || it->round != rules->round || rules->step == STEP_PROPOSE) {
        return 0;
    }
    return qn_tally_best_weight(rules->step == STEP_REVEAL ? &it->reveals : &it->seals);
}

static void run(struct qn_inst *rules)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = make_certificates(rules) || catch_up(rules) || raise_valid(rules) ||
                      do_commit(rules) || do_first_reveal(rules) || do_propose(rules) ||
                      do_later_reveal(rules) || do_seal(rules) || do_seal_nil(rules) ||
                      do_again(rules) || do_next_round(rules);
    }
    qn_window_report(&rules->window, rules->round, phase(rules), have(rules), PARTS);
}

static void status_tell(const struct qn_inst *rules, struct qn_consensus_status *status)
{
    status->round = rules->round;
    status->phase = phase(rules);
    status->have = have(rules);
    status->lock_round = (int32_t)rules->lock.round;
}

static const char *const phases[] = {"idle", "commit", "reveal", "seal", "propose"};

const struct qn_engine rules_engine = {
    .open = on_open,
    .candidate = on_candidate,
    .vote = on_vote,
    .certificate = on_certificate,
    .checked = on_checked,
    .timer = on_timer,
    .own = on_signed,
    .head = on_head,
    .run = run,
    .status = status_tell,
    .phases = phases,
};
