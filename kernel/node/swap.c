/* SPDX-License-Identifier: MIT */

#include "kernel/node/swap.h"

#include <qnet/assert.h>

#include "kernel/chain/vote.h"
#include "kernel/node/schedule.h"

static void life_set(struct qnk_control *control, uint8_t life, uint64_t window)
{
    control->swap.life = life;
    control->swap.changed = window;
}

uint64_t qnk_swap_weight(const struct qnk_control *control, const struct qnk_set *set, uint8_t word)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < set->count && i < control->members_count; i++) {
        weight += control->members[i].swap == word ? set->members[i].weight : 0;
    }
    return weight;
}

/* --- transactions --- */

/* No block is more than QNK_SWAP_LAG windows above what is final. */
bool qnk_swap_may_fail(const struct qnk_control *control, uint64_t window)
{
    const struct qnk_swap *swap = &control->swap;

    return swap->life == QNK_SWAP_SETTLED && swap->planned->plan.kind == QNK_BINDING_CONSENSUS &&
           window < swap->planned->plan.engine.first + swap->planned->plan.probation + QNK_SWAP_LAG;
}

static const char *plan_fault(const struct qnk_control *control, const struct qnk_swap_place *place,
                              struct qn_span payload)
{
    struct qnk_swap_plan plan;
    struct qnk_hash id;

    if (qnk_swap_is_open(control->swap.life)) {
        return "another plan is open";
    }
    if (qnk_swap_may_fail(control, place->window)) {
        return "the engine of the plan before may still fail: wait until its probation is final";
    }
    if (qnk_swap_plan_decode(payload, &plan) != QN_OK) {
        return "not the encoding of a plan";
    }
    qnk_swap_id(payload, &id);
    if (control->swap.planned != NULL && qnk_hash_equal(&control->swap.planned->id, &id)) {
        return "this very plan is over";
    }
    return qnk_swap_fault(&plan, place->rules, place->window);
}

static const char *open_fault(const struct qnk_control *control, const struct qnk_hash *id)
{
    if (control->swap.life != QNK_SWAP_PROPOSED) {
        return "no plan waits for readiness";
    }
    return qnk_hash_equal(&control->swap.planned->id, id) ? NULL : "another plan is open";
}

static const char *ready_fault(const struct qnk_control *control,
                               const struct qnk_swap_place *place, struct qn_span payload)
{
    struct qnk_swap_ready ready;
    const char *fault;

    if (qnk_swap_ready_decode(payload, &ready) != QN_OK) {
        return "not the encoding of a ready";
    }
    fault = open_fault(control, &ready.plan);
    if (fault != NULL) {
        return fault;
    }
    if (control->members[place->sender].swap != QNK_SWAP_SILENT) {
        return "this member has said its word on the plan";
    }
    return qnk_swap_ready_fault(&control->swap.planned->plan, &ready);
}

static const char *cancel_fault(const struct qnk_control *control,
                                const struct qnk_swap_place *place, struct qn_span payload)
{
    struct qnk_hash id;
    const char *fault;

    if (qnk_swap_cancel_decode(payload, &id) != QN_OK) {
        return "not the encoding of a cancel";
    }
    fault = open_fault(control, &id);
    if (fault != NULL) {
        return fault;
    }
    return control->members[place->sender].swap == QNK_SWAP_AGAINST
               ? "this member is against the plan already"
               : NULL;
}

/* Words are of the engine that was bound last, or of the one that it falls back to: NULL if
 * `era` is of neither. `bit`: of whom. */
static const struct qnk_binding *given_up(const struct qnk_control *control, uint32_t era,
                                          uint8_t *bit)
{
    const struct qnk_bindings *list = control->bindings[QNK_BINDING_CONSENSUS];
    const struct qnk_binding *last = &list->list[list->count - 1];
    const struct qnk_binding *before = qnk_bindings_find(list, last->fallback);
    uint32_t number = era / QNK_ERA_ATTEMPTS;

    *bit = number == last->number ? QNK_GAVE_UP_LAST : QNK_GAVE_UP_BEFORE;
    if (number == last->number) {
        return last;
    }
    return before != NULL && number == before->number ? before : NULL;
}

/* Whether it falls back to another one, which is known. */
static bool has_fallback(const struct qnk_control *control, const struct qnk_binding *binding)
{
    return binding->fallback != binding->number &&
           qnk_bindings_find(control->bindings[QNK_BINDING_CONSENSUS], binding->fallback) != NULL;
}

static const char *fallback_fault(const struct qnk_control *control,
                                  const struct qnk_swap_place *place, struct qn_span payload)
{
    const struct qnk_bindings *list = control->bindings[QNK_BINDING_CONSENSUS];
    const struct qnk_binding *last = &list->list[list->count - 1];
    const struct qnk_binding *failed;
    struct qnk_swap_fallback fallback;
    uint8_t bit;

    if (qnk_swap_fallback_decode(payload, &fallback) != QN_OK) {
        return "not the encoding of a fallback";
    }
    failed = given_up(control, fallback.era, &bit);
    if (failed == NULL || qnk_era_attempt(fallback.era) == 0) {
        return "no later attempt at a window of the engine that is bound, or of the one before it";
    }
    if (fallback.window < failed->first || fallback.window > place->window ||
        (failed != last && fallback.window >= last->first)) {
        return "that engine does not serve this window";
    }
    if (!has_fallback(control, failed)) {
        return "there is no engine before that one";
    }
    return (control->members[place->sender].gave_up & bit) != 0 ? "this member has said so already"
                                                                : NULL;
}

const char *qnk_swap_tx_fault(const struct qnk_control *control, const struct qnk_swap_place *place,
                              uint8_t kind, struct qn_span payload)
{
    if (place->sender >= control->members_count) {
        return "its sender is no member";
    }
    switch (kind) {
    case QNK_TX_PLAN:
        return plan_fault(control, place, payload);
    case QNK_TX_READY:
        return ready_fault(control, place, payload);
    case QNK_TX_CANCEL:
        return cancel_fault(control, place, payload);
    case QNK_TX_FALLBACK:
        return fallback_fault(control, place, payload);
    default:
        return "no transaction of a swap";
    }
}

/* The plan that a ready or cancel is of; false: it is no encoding of one. */
static bool word_plan(const struct qnk_tx *tx, struct qnk_hash *plan)
{
    struct qnk_swap_ready ready;

    if (tx->kind == QNK_TX_CANCEL) {
        return qnk_swap_cancel_decode(tx->payload, plan) == QN_OK;
    }
    if (qnk_swap_ready_decode(tx->payload, &ready) != QN_OK) {
        return false;
    }
    *plan = ready.plan;
    return true;
}

/* A later plan has another nonce, but for one of the same window. */
static bool word_is_over(const struct qnk_control *control, uint32_t sender,
                         const struct qnk_tx *tx)
{
    const struct qnk_swap *swap = &control->swap;
    uint8_t word = control->members[sender].swap;
    struct qnk_hash plan;

    if (!word_plan(tx, &plan) || tx->nonce < swap->since) {
        return true;
    }
    return swap->planned != NULL && qnk_hash_equal(&swap->planned->id, &plan) &&
           (tx->nonce != swap->since || swap->life != QNK_SWAP_PROPOSED ||
            (tx->kind == QNK_TX_READY ? word != QNK_SWAP_SILENT : word == QNK_SWAP_AGAINST));
}

static bool plan_is_over(const struct qnk_control *control, const struct qnk_tx *tx)
{
    struct qnk_hash id;

    qnk_swap_id(tx->payload, &id);
    return tx->nonce < control->swap.changed ||
           (control->swap.planned != NULL && qnk_hash_equal(&control->swap.planned->id, &id));
}

static bool fallback_is_over(const struct qnk_control *control, uint32_t sender,
                             const struct qnk_tx *tx)
{
    const struct qnk_bindings *list = control->bindings[QNK_BINDING_CONSENSUS];
    const struct qnk_binding *failed;
    struct qnk_swap_fallback fallback;
    uint8_t bit;

    if (qnk_swap_fallback_decode(tx->payload, &fallback) != QN_OK) {
        return true;
    }
    failed = given_up(control, fallback.era, &bit);
    if (failed == NULL) {
        return fallback.era / QNK_ERA_ATTEMPTS < list->list[list->count - 1].number;
    }
    return !has_fallback(control, failed) || (control->members[sender].gave_up & bit) != 0;
}

bool qnk_swap_tx_is_over(const struct qnk_control *control, uint32_t sender,
                         const struct qnk_tx *tx)
{
    switch (tx->kind) {
    case QNK_TX_PLAN:
        return plan_is_over(control, tx);
    case QNK_TX_READY:
    case QNK_TX_CANCEL:
        return word_is_over(control, sender, tx);
    default:
        return fallback_is_over(control, sender, tx);
    }
}

uint64_t qnk_swap_nonce(const struct qnk_control *control, uint8_t kind)
{
    if (kind == QNK_TX_PLAN) {
        return control->swap.changed;
    }
    return kind == QNK_TX_READY || kind == QNK_TX_CANCEL ? control->swap.since : 0;
}

static int32_t plan_take(struct qnk_control *control, const struct qnk_swap_place *place,
                         struct qn_span payload)
{
    struct qnk_planned *planned;
    int32_t status = qnk_planned_new(control->budget, payload, &planned);

    if (status != QN_OK) {
        return status;
    }
    qnk_planned_unref(control->swap.planned);
    control->swap = (struct qnk_swap){
        .life = QNK_SWAP_PROPOSED,
        .maker = place->sender,
        .since = place->window,
        .changed = place->window,
        .planned = planned,
    };
    for (uint32_t i = 0; i < control->members_count; i++) {
        control->members[i].swap = QNK_SWAP_SILENT;
    }
    return QN_OK;
}

static void cancel_take(struct qnk_control *control, const struct qnk_swap_place *place)
{
    control->members[place->sender].swap = QNK_SWAP_AGAINST;
    if (place->sender == control->swap.maker ||
        qnk_swap_weight(control, place->set, QNK_SWAP_AGAINST) >= qnk_set_third(place->set)) {
        life_set(control, QNK_SWAP_CANCELLED, place->window);
    }
}

/* Another binding is the last one: what was said of the last before is of the one before it
 * from now on (`kept` is QNK_GAVE_UP_BEFORE), or over (0). */
static void words_move(struct qnk_control *control, uint8_t kept)
{
    for (uint32_t i = 0; i < control->members_count; i++) {
        struct qnk_control_member *self = &control->members[i];

        self->gave_up = (self->gave_up & QNK_GAVE_UP_LAST) != 0 ? kept : 0;
    }
}

/* A binding failed in `window`: what it falls back to is bound anew, three windows later, and its
 * plan, if it is the last one, has failed. Numbers that are used up leave all as it is. */
static int32_t fail(struct qnk_control *control, uint32_t kind, uint32_t which, uint64_t window)
{
    const struct qnk_swap *swap = &control->swap;
    const struct qnk_bindings *list = control->bindings[kind];
    const struct qnk_binding *failed = qnk_bindings_find(list, which);
    const struct qnk_binding *before =
        failed == NULL ? NULL : qnk_bindings_find(list, failed->fallback);
    uint32_t number;

    if (before == NULL || failed != qnk_control_binding(control, kind, window)) {
        return QN_OK; /* it is not in force */
    }

    struct qnk_binding engine = *before; /* the list that holds it is replaced */
    int32_t status = qnk_control_bind(control, kind, &engine, window + QNK_SWAP_LAG,
                                      QNK_BIND_ITSELF, window, &number);

    if (status == QN_OK && kind == QNK_BINDING_CONSENSUS) {
        words_move(control, 0);
    }
    if (status == QN_OK && swap->planned != NULL && swap->planned->plan.kind == kind &&
        swap->number == which) {
        life_set(control, QNK_SWAP_FAILED, window);
    }
    return status == QN_INVALID ? QN_OK : status;
}

static uint64_t gave_up_weight(const struct qnk_control *control, const struct qnk_set *set,
                               uint8_t bit)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < set->count && i < control->members_count; i++) {
        weight += (control->members[i].gave_up & bit) != 0 ? set->members[i].weight : 0;
    }
    return weight;
}

/* The last one gives way to what was before. If it is the one before that failed, the last
 * stays and falls back behind that. A word that memory lacks for was not said: who builds a block
 * leaves it out and goes on with this very record. */
static int32_t fallback_take(struct qnk_control *control, const struct qnk_swap_place *place,
                             struct qn_span payload)
{
    struct qnk_control_member *self = &control->members[place->sender];
    struct qnk_swap_fallback fallback;
    uint8_t bit;
    int32_t status = qnk_swap_fallback_decode(payload, &fallback);
    const struct qnk_binding *failed = given_up(control, fallback.era, &bit);

    QN_ASSERT(status == QN_OK && failed != NULL);
    self->gave_up = self->gave_up | bit;
    if (gave_up_weight(control, place->set, bit) < qnk_set_third(place->set)) {
        return QN_OK;
    }
    status = bit == QNK_GAVE_UP_LAST
                 ? fail(control, QNK_BINDING_CONSENSUS, failed->number, place->window)
                 : qnk_control_skip(control, QNK_BINDING_CONSENSUS, failed->number);
    if (status != QN_OK) {
        self->gave_up = self->gave_up & (uint8_t)~bit;
        return status;
    }
    for (uint32_t i = 0; bit == QNK_GAVE_UP_BEFORE && i < control->members_count; i++) {
        control->members[i].gave_up &= QNK_GAVE_UP_LAST;
    }
    return QN_OK;
}

int32_t qnk_swap_tx(struct qnk_control *control, const struct qnk_swap_place *place, uint8_t kind,
                    struct qn_span payload)
{
    if (qnk_swap_tx_fault(control, place, kind, payload) != NULL) {
        return QN_INVALID;
    }
    switch (kind) {
    case QNK_TX_PLAN:
        return plan_take(control, place, payload);
    case QNK_TX_READY:
        control->members[place->sender].swap = QNK_SWAP_READY;
        break;
    case QNK_TX_FALLBACK:
        return fallback_take(control, place, payload);
    default:
        cancel_take(control, place);
        break;
    }
    return QN_OK;
}

/* --- windows --- */

void qnk_swap_begin(struct qnk_control *control, uint64_t window)
{
    struct qnk_swap *swap = &control->swap;
    const struct qnk_swap_plan *plan = swap->planned == NULL ? NULL : &swap->planned->plan;

    swap->late = 0;
    if (swap->life == QNK_SWAP_BOUND && window >= plan->engine.first) {
        life_set(control, QNK_SWAP_ACTIVE, window);
    } else if (swap->life == QNK_SWAP_ACTIVE && window >= plan->engine.first + plan->probation) {
        life_set(control, QNK_SWAP_SETTLED, window);
    }
}

/* Only a producer on probation is counted: its rank is the kernel's when its own come to nothing.
 */
void qnk_swap_block(struct qnk_control *control, uint32_t view)
{
    struct qnk_swap *swap = &control->swap;

    if (swap->life == QNK_SWAP_ACTIVE && swap->planned->plan.kind == QNK_BINDING_PRODUCER &&
        view >= QNK_SCHEDULE_VIEWS) {
        swap->late++;
    }
}

/* What a plan falls back to: what is in force before it. What would have come into force with
 * it, as that failed, never does: then it is what that falls back to. */
static uint32_t before_of(const struct qnk_control *control, const struct qnk_swap_plan *plan)
{
    const struct qnk_binding *at = qnk_control_binding(control, plan->kind, plan->engine.first);

    return at->first < plan->engine.first
               ? at->number
               : qnk_control_binding(control, plan->kind, plan->engine.first - 1)->fallback;
}

/* The window that decides is over: the plan is bound, or has lapsed. */
static int32_t decide(struct qnk_control *control, const struct qnk_set *set, uint64_t window)
{
    struct qnk_swap *swap = &control->swap;
    const struct qnk_swap_plan *plan = &swap->planned->plan;
    uint64_t need = qnk_swap_need(plan, set->total, qnk_set_quorum(set));
    uint32_t before = before_of(control, plan);

    if (qnk_swap_weight(control, set, QNK_SWAP_READY) < need) {
        life_set(control, QNK_SWAP_LAPSED, window);
        return QN_OK;
    }

    int32_t status = qnk_control_bind(control, plan->kind, &plan->engine, plan->engine.first,
                                      before, window, &swap->number);

    if (status == QN_INVALID) { /* numbers are used up: nothing changes any more */
        life_set(control, QNK_SWAP_LAPSED, window);
        return QN_OK;
    }
    if (status == QN_OK) {
        life_set(control, QNK_SWAP_BOUND, window);
    }
    if (status == QN_OK && plan->kind == QNK_BINDING_CONSENSUS) {
        words_move(control, QNK_GAVE_UP_BEFORE);
    }
    return status;
}

int32_t qnk_swap_end(struct qnk_control *control, const struct qnk_set *set, uint64_t window,
                     uint32_t n)
{
    const struct qnk_swap *swap = &control->swap;

    if (swap->life == QNK_SWAP_PROPOSED &&
        window + QNK_SWAP_LAG >= swap->planned->plan.engine.first) {
        return decide(control, set, window);
    }
    if (swap->life == QNK_SWAP_ACTIVE && 2ull * swap->late > n) {
        return fail(control, QNK_BINDING_PRODUCER, swap->number, window);
    }
    return QN_OK;
}
