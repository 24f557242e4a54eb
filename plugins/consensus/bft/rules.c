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

static void sign(struct qn_inst *rules, uint32_t round, enum rules_step step, const uint8_t *digest,
                 int64_t vr, uint32_t to)
{
    qn_window_sign(&rules->window, round, step, digest, vr, to);
}

static uint32_t leader_of(const struct qn_inst *rules, uint32_t round)
{
    return qn_window_leader(&rules->window, round);
}

/* The leader's certificates go to all. Others make one only of votes that the exchange brought
 * them, as it did to all. */
static void certify(struct qn_inst *rules, uint32_t round, enum rules_step step,
                    const uint8_t *digest)
{
    qn_window_certify(&rules->window, round, step, digest,
                      leader_of(rules, round) == rules->window.self);
}

static void look_at(struct qn_inst *rules, const uint8_t *digest)
{
    qn_verdicts_ask(&rules->verdicts, &rules->window, digest);
}

/* --- timers --- */

static bool has_fired(const struct qn_inst *rules, enum rules_timer timer)
{
    return qn_timers_has_fired(&rules->timers, timer);
}

static void timer_start(struct qn_inst *rules, enum rules_timer timer, uint64_t delay_ms)
{
    qn_timers_start(&rules->timers, &rules->window, rules->round, timer, delay_ms);
}

static void on_timer(struct qn_inst *rules, const struct qn_consensus_event_timer *event)
{
    qn_timers_due(&rules->timers, rules->round, event->timer);
}

/* The round's time begins, anew if it was over. */
static void round_time(struct qn_inst *rules)
{
    const struct rules_times *times = &rules->times;
    uint64_t delay_ms = times->round_ms + (uint64_t)times->round_step_ms * rules->round;

    timer_start(rules, TIMER_ROUND,
                delay_ms < times->round_max_ms ? delay_ms : times->round_max_ms);
    rules->start = rules->head > rules->window.last ? rules->head
                   : rules->head > 0                ? rules->window.last
                                                    : 0;
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
        qn_tally_clear(&it->prepares);
        qn_tally_clear(&it->finals);
        memset(it->timed_out, 0, sizeof it->timed_out);
        it->timeouts = 0;
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

static void round_begin(struct qn_inst *rules, uint32_t round)
{
    rules->round = round;
    rules->leader = leader_of(rules, round);
    rules->has_proposed = rules->has_prepared = rules->has_finished = false;
    qn_places_enter(&rules->places, &rules->window, round);
    round_time(rules);
    if (round > 0 && rules->leader == rules->window.self) {
        timer_start(rules, TIMER_DELTA, rules->times.delta_ms);
    }
}

static void enter(struct qn_inst *rules, uint32_t round)
{
    QN_ASSERT(round > rules->round);
    qn_timers_cancel(&rules->timers, &rules->window, rules->round);
    round_begin(rules, round);
}

/* The own time-out for a round: what is signed before it stays below. */
static void timeout_sign(struct qn_inst *rules, uint32_t round, uint32_t to)
{
    const struct rules_value *high = &rules->high;

    rules->timeout_round = round;
    sign(rules, round, STEP_TIMEOUT, high->round < 0 ? nil : high->digest, high->round, to);
}

/* The highest certificate up to the own round; what was kept before it is below. */
static bool raise_high(struct qn_inst *rules)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        const struct rules_round *it = &rules->rounds[i];

        if (it->is_used && it->prepared.is_set && it->round > rules->high.round &&
            it->round <= rules->round) {
            value_set(&rules->high, it->round, it->prepared.digest);
            has_changed = true;
        }
    }
    return has_changed;
}

/* Entering while it lives. The leader has to learn of the highest certificate. */
static void enter_live(struct qn_inst *rules, uint32_t round)
{
    enter(rules, round);
    (void)raise_high(rules);
    if (rules->timeout_round < round) {
        timeout_sign(rules, round, rules->leader);
    }
}

/* --- the chain's marks --- */

/* Whether the chain has grown by `blocks` since the own round began. */
static bool has_grown(const struct qn_inst *rules, uint64_t blocks)
{
    return rules->start != 0 && rules->head >= rules->start + blocks;
}

static void on_head(struct qn_inst *rules, const struct qn_consensus_event_head *event)
{
    rules->head = event->height > rules->head ? event->height : rules->head;
    if (rules->start == 0) {
        rules->start = rules->head > rules->window.last ? rules->head : rules->window.last;
    }

    /* What could not be told of them may be told now, and nobody may name them again: prepares go
     * to the leader alone. */
    if (rules->high.round >= 0) {
        look_at(rules, rules->high.digest);
    }
    if (own_round(rules)->proposal.is_set) {
        look_at(rules, own_round(rules)->proposal.digest);
    }
}

/* Half a window of blocks ends a round, as its timer does. Production pauses when three
 * windows are not final, so this shortens a few rounds at most. */
static bool is_round_over(const struct qn_inst *rules)
{
    return has_fired(rules, TIMER_ROUND) || has_grown(rules, (rules->window.length + 1) / 2);
}

static bool is_delta_over(const struct qn_inst *rules)
{
    return has_fired(rules, TIMER_DELTA) || has_grown(rules, (rules->window.length + 8) / 9);
}

/* --- what events say --- */

static int32_t on_open(struct qn_inst *rules, const struct qn_consensus_event_open *event)
{
    int32_t status = qn_window_open(&rules->window, event);

    if (status != QN_OK) {
        return status;
    }
    qn_places_clear(&rules->places, &rules->window);
    rules->head = 0;
    rules->candidate.is_set = false;
    qn_lock_clear(&rules->lock);
    rules->high.round = RULES_NOBODY;
    qn_verdicts_clear(&rules->verdicts);
    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        rules->rounds[i].is_used = false;
    }
    rules->timeout_round = 0;
    rules->timers = (struct qn_timers){0};
    round_begin(rules, 0);
    return QN_OK;
}

/* H2 */
static bool catch_up(struct qn_inst *rules)
{
    uint32_t round = qn_places_lead(&rules->places, &rules->window, rules->round);

    if (round == rules->round) {
        return false;
    }
    enter_live(rules, round);
    return true;
}

static void timeout_count(struct qn_inst *rules, struct rules_round *it, uint32_t from)
{
    uint8_t bit = (uint8_t)(1u << from % 8);

    if ((it->timed_out[from / 8] & bit) == 0) {
        it->timed_out[from / 8] |= bit;
        it->timeouts += rules->window.weights[from];
    }
}

/* A round's votes are taken in only after H2, which may bring the round within reach. */
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
    qn_places_see(&rules->places, &rules->window, rules->round, from,
                  step == STEP_TIMEOUT && round > 0 ? round - 1 : round);
    (void)catch_up(rules);
    it = round_of(rules, round);
    if (it == NULL) {
        return;
    }
    if (step == STEP_PREPARE) {
        (void)qn_tally_add(&it->prepares, from, rules->window.weights[from], digest, event->vr);
        look_at(rules, digest);
    } else if (step == STEP_FINAL) {
        (void)qn_tally_add(&it->finals, from, rules->window.weights[from], digest, event->vr);
        look_at(rules, digest);
    } else if (step == STEP_TIMEOUT && round > 0) {
        timeout_count(rules, it, from);
    } else if (step == STEP_PROPOSE && from == leader_of(rules, round) && !it->proposal.is_set &&
               !qn_digest_is_nil(digest)) {
        digest_set(&it->proposal, digest);
        it->proposal_vr = event->vr;
        look_at(rules, digest);
    }
}

static void on_certificate(struct qn_inst *rules,
                           const struct qn_consensus_event_certificate *event)
{
    struct rules_round *it;

    if (event->step != STEP_PREPARE || qn_digest_is_nil(event->digest)) {
        return;
    }
    qn_places_see_all(&rules->places, &rules->window, rules->round, event->signers, event->round);
    (void)catch_up(rules);
    it = round_of(rules, event->round);
    if (it != NULL && !it->prepared.is_set) {
        digest_set(&it->prepared, event->digest);
    } else if (it == NULL && event->round < rules->round && event->round > rules->high.round) {
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

/* A time-out that was refused is tried again when the round's time is over once more; any other
 * vote is left out, which costs this round at most. */
static void refused(struct qn_inst *rules, const struct qn_consensus_event_signed *event)
{
    if (event->step == STEP_TIMEOUT && event->round == rules->timeout_round &&
        event->round == (uint64_t)rules->round + 1) {
        rules->timeout_round = rules->round;
        round_time(rules);
    }
}

/* What was signed, now or before a restart, is not asked for again. */
static void signed_keep(struct qn_inst *rules, const struct qn_consensus_event_signed *event)
{
    if (event->step == STEP_TIMEOUT && event->round > rules->timeout_round) {
        rules->timeout_round = event->round;
    }
    if (event->round == rules->round) {
        rules->has_proposed = rules->has_proposed || event->step == STEP_PROPOSE;
        rules->has_prepared = rules->has_prepared || event->step == STEP_PREPARE;
        rules->has_finished = rules->has_finished || event->step == STEP_FINAL;
    }
    if (event->step == STEP_FINAL && !qn_digest_is_nil(event->digest)) {
        qn_lock_take(&rules->lock, event->round, event->digest);
    }
}

static void on_signed(struct qn_inst *rules, const struct qn_consensus_event_signed *event)
{
    enum { BEFORE = 3, NOTHING = 4 };
    struct qn_consensus_event_vote vote;
    uint32_t at = event->round;

    if (rules->window.self == QN_WINDOW_NO_SELF || event->round > QN_PLACES_ROUND_MAX) {
        return;
    }
    if (event->result == NOTHING) {
        refused(rules, event);
        return;
    }
    if (event->step == STEP_TIMEOUT && at > 0) {
        at--;
    }
    if (event->result == BEFORE && at > rules->round) {
        enter(rules, at);
    }
    signed_keep(rules, event);
    vote = qn_engine_own_vote(&rules->window, event);
    on_vote(rules, &vote);
}

/* --- the rules --- */

/* H0, H1 */
static bool make_certificates(struct qn_inst *rules)
{
    bool has_changed = false;

    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        struct rules_round *it = &rules->rounds[i];

        if (!it->is_used) {
            continue;
        }
        if (qn_tally_certify(&it->finals, rules->window.quorum)) {
            certify(rules, it->round, STEP_FINAL, qn_tally_best(&it->finals)->digest);
            has_changed = true;
        }
        if (!it->prepared.is_set && it->round <= rules->round &&
            qn_tally_certify(&it->prepares, rules->window.quorum)) {
            certify(rules, it->round, STEP_PREPARE, qn_tally_best(&it->prepares)->digest);
            has_changed = true;
        }
    }
    return has_changed;
}

/* H3 */
static bool do_next_round(struct qn_inst *rules)
{
    const struct rules_round *next;

    if (rules->round >= QN_PLACES_ROUND_MAX) {
        return false;
    }
    next = round_of(rules, rules->round + 1);
    if (next->timeouts < rules->window.quorum) {
        return false;
    }
    enter_live(rules, rules->round + 1);
    return true;
}

/* Whether the leader knows what no honest member is locked against. */
static bool may_propose(struct qn_inst *rules)
{
    return rules->round == 0 || rules->high.round == (int64_t)rules->round - 1 ||
           own_round(rules)->timeouts == rules->window.total || is_delta_over(rules);
}

/* H4 */
static bool do_propose(struct qn_inst *rules)
{
    const struct rules_value *high = &rules->high;

    if (rules->leader != rules->window.self || rules->has_proposed ||
        rules->timeout_round > rules->round || high->round >= (int64_t)rules->round ||
        !may_propose(rules)) {
        return false;
    }
    if (high->round >= 0 && qn_verdicts_allow(&rules->verdicts, high->digest, rules->round)) {
        rules->has_proposed = true;
        sign(rules, rules->round, STEP_PROPOSE, high->digest, high->round, QN_WINDOW_ALL);
    } else if (high->round < 0 && rules->candidate.is_set) {
        rules->has_proposed = true;
        sign(rules, rules->round, STEP_PROPOSE, rules->candidate.digest, RULES_NOBODY,
             QN_WINDOW_ALL);
    }
    return rules->has_proposed;
}

/* Off a lock only by a certificate that is as new. */
static bool is_acceptable(const struct qn_inst *rules, const struct rules_round *it)
{
    return qn_lock_allows(&rules->lock, it->proposal.digest, it->proposal_vr);
}

/* H5 */
static bool do_prepare(struct qn_inst *rules)
{
    const struct rules_round *it = own_round(rules);

    if (rules->has_prepared || rules->timeout_round > rules->round || !it->proposal.is_set ||
        it->proposal_vr < RULES_NOBODY || it->proposal_vr >= (int64_t)rules->round ||
        !qn_verdicts_allow(&rules->verdicts, it->proposal.digest, rules->round) ||
        !is_acceptable(rules, it)) {
        return false;
    }
    rules->has_prepared = true;
    sign(rules, rules->round, STEP_PREPARE, it->proposal.digest, it->proposal_vr, rules->leader);
    return true;
}

/* H6 */
static bool do_finish(struct qn_inst *rules)
{
    const struct rules_round *it = own_round(rules);

    if (rules->has_finished || rules->timeout_round > rules->round || !it->prepared.is_set ||
        !qn_verdicts_allow(&rules->verdicts, it->prepared.digest, rules->round)) {
        return false;
    }
    rules->has_finished = true;
    qn_lock_take(&rules->lock, rules->round, it->prepared.digest);
    sign(rules, rules->round, STEP_FINAL, it->prepared.digest, RULES_NOBODY, rules->leader);
    return true;
}

/* H7 */
static bool do_leave(struct qn_inst *rules)
{
    if (rules->round >= QN_PLACES_ROUND_MAX || rules->timeout_round > rules->round ||
        !is_round_over(rules)) {
        return false;
    }
    timeout_sign(rules, rules->round + 1, QN_WINDOW_ALL);
    return true;
}

/* --- reports --- */

static uint16_t phase(const struct qn_inst *rules)
{
    enum { PREPARE = 2, FINAL = 3, PROPOSE = 4 };

    if (rules->timeout_round > rules->round) {
        return PROPOSE;
    }
    return rules->has_finished ? FINAL : rules->has_prepared ? PREPARE : PROPOSE;
}

static uint64_t have(const struct qn_inst *rules)
{
    uint32_t round = rules->timeout_round > rules->round ? rules->timeout_round : rules->round;
    const struct rules_round *it = &rules->rounds[round % QN_PLACES_ROUNDS];

    if (!it->is_used || it->round != round) {
        return 0;
    }
    if (round > rules->round || !(rules->has_finished || rules->has_prepared)) {
        return it->timeouts;
    }
    return qn_tally_best_weight(rules->has_finished ? &it->finals : &it->prepares);
}

static void run(struct qn_inst *rules)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = make_certificates(rules) || catch_up(rules) || raise_high(rules) ||
                      do_next_round(rules) || do_propose(rules) || do_prepare(rules) ||
                      do_finish(rules) || do_leave(rules);
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

static void text_add(const struct qn_inst *rules, struct qn_engine_text *text)
{
    if (rules->window.is_open && rules->timeout_round > rules->round) {
        qn_engine_say(text, ", timed out");
    }
}

static const char *const phases[] = {"idle", "", "prepare", "final", "propose"};

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
    .text = text_add,
    .phases = phases,
};
