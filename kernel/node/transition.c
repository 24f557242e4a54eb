/* SPDX-License-Identifier: MIT */

#include "kernel/node/transition.h"

#include <qnet/assert.h>

#include "kernel/node/swap.h"

static const uint32_t turns_mask = (1u << QNK_CONTROL_TURNS) - 1;

int32_t qnk_transition_genesis(struct qnk_budget *budget, const struct qnk_params *params,
                               const struct qnk_set *set, const struct qnk_hash *tips,
                               struct qnk_control **control)
{
    struct qnk_control *first;
    int32_t status = qnk_control_new(budget, set->count, &first);

    if (status != QN_OK) {
        return status;
    }
    for (uint32_t i = 0; status == QN_OK && i < QNK_CONTROL_BINDINGS; i++) {
        status = qnk_bindings_new(budget, &params->bindings[i], &first->bindings[i]);
    }
    if (status != QN_OK) {
        qnk_control_unref(first);
        return status;
    }
    first->turn_primary = UINT32_MAX;
    for (uint32_t i = 0; i < set->count; i++) {
        first->members[i].share = tips[i];
    }
    *control = first;
    return QN_OK;
}

/* --- turns and exclusion --- */

static uint32_t count_bits(uint32_t bits)
{
    uint32_t count = 0;

    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static uint64_t excluded_weight(const struct qnk_control *control, const struct qnk_set *set)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        weight += control->members[i].excluded != 0 ? set->members[i].weight : 0;
    }
    return weight;
}

/* Excludes a member, unless more than a third of the weight would then be out. */
static void exclude(struct qnk_transition *transition, uint32_t member, uint8_t why)
{
    struct qnk_control_member *self = &transition->control->members[member];
    uint64_t out = excluded_weight(transition->control, transition->set);

    if (self->excluded == 0) {
        out += transition->set->members[member].weight;
    }
    if (out <= transition->set->total / 3) {
        self->excluded = (uint8_t)(self->excluded | why);
    }
}

static void turn_end(struct qnk_transition *transition)
{
    struct qnk_control *control = transition->control;

    if (control->turn_primary >= control->members_count || control->turn_blocks == 0) {
        return;
    }

    struct qnk_control_member *self = &control->members[control->turn_primary];
    uint32_t was_missed = control->turn_made * 2 < control->turn_blocks;

    self->missed = (self->missed << 1 | was_missed) & turns_mask;
    if (self->turns < QNK_CONTROL_TURNS) {
        self->turns++;
    }
    if (count_bits(self->missed) > QNK_MISSED_MAX) {
        exclude(transition, control->turn_primary, QNK_EXCLUDED_ABSENT);
    }
}

/* Whether the block is the first one of its window. */
static bool is_first(const struct qnk_transition *transition)
{
    return transition->height == qnk_window_last(transition->window - 1, transition->n) + 1;
}

static void turn_count(struct qnk_transition *transition, uint32_t primary, uint32_t producer)
{
    struct qnk_control *control = transition->control;

    if (primary != control->turn_primary || is_first(transition)) {
        turn_end(transition);
        control->turn_primary = primary;
        control->turn_blocks = control->turn_made = 0;
    }
    control->turn_blocks++;
    control->turn_made += primary == producer;
}

/* --- the block --- */

/* Tips that were announced come into force with the first block of their window. */
static void tips_due(struct qnk_transition *transition)
{
    for (uint32_t i = 0; i < transition->control->members_count; i++) {
        struct qnk_control_member *self = &transition->control->members[i];

        if (self->next_window != 0 && self->next_window <= transition->window) {
            self->share = self->next_tip;
            self->share_window = self->next_window - 2; /* no window in which shares count */
            self->next_window = 0;
            self->next_tip = (struct qnk_hash){{0}};
        }
    }
}

/* Evidence may be forgotten when it has been in force for long enough. */
static void evidence_age(struct qnk_transition *transition)
{
    struct qnk_control *control = transition->control;
    uint32_t old = 0;

    while (old < control->evidence_count &&
           control->evidence[old].window + QNK_CONTROL_EVIDENCE_WINDOWS < transition->window) {
        old++;
    }
    control->evidence_count -= old;
    memmove(control->evidence, control->evidence + old,
            control->evidence_count * sizeof *control->evidence);
}

int32_t qnk_transition_begin(struct qnk_transition *transition, const struct qnk_control *before,
                             const struct qnk_set *set, const struct qnk_params *params,
                             const struct qnk_transition_block *block)
{
    *transition = (struct qnk_transition){
        .set = set,
        .params = params,
        .window = qnk_window_of(block->height, params->window),
        .n = params->window,
        .height = block->height,
    };

    int32_t status = qnk_control_copy(before, QNK_BLOCK_KERNEL_TXS_MAX, &transition->control);

    if (status != QN_OK) {
        return status;
    }
    QN_ASSERT(transition->control->members_count == set->count);
    tips_due(transition);
    evidence_age(transition);
    if (is_first(transition)) {
        qnk_swap_begin(transition->control, transition->window);
    }
    qnk_swap_block(transition->control, block->view);
    turn_count(transition, block->primary, block->producer);
    return QN_OK;
}

int32_t qnk_transition_end(struct qnk_transition *transition, struct qnk_control **control)
{
    bool is_last = transition->height == qnk_window_last(transition->window, transition->n);
    int32_t status = is_last ? qnk_swap_end(transition->control, transition->set,
                                            transition->window, transition->n)
                             : QN_OK;

    if (status != QN_OK) {
        qnk_transition_drop(transition);
        return status;
    }
    *control = transition->control;
    transition->control = NULL;
    return QN_OK;
}

void qnk_transition_drop(struct qnk_transition *transition)
{
    qnk_control_unref(transition->control);
    transition->control = NULL;
}

/* --- kernel transactions --- */

bool qnk_transition_share_fits(const struct qnk_control *control, uint32_t member, uint64_t window,
                               const struct qnk_hash *link)
{
    if (member >= control->members_count) {
        return false;
    }

    const struct qnk_control_member *self = &control->members[member];

    return window > self->share_window &&
           qnk_beacon_share_fits(&self->share, self->share_window, link, window);
}

static int32_t take_share(struct qnk_transition *transition, struct qn_span payload)
{
    struct qnk_share share;
    int32_t status = qnk_share_decode(payload, &share);

    if (status != QN_OK || share.window + 1 != transition->window ||
        !qnk_transition_share_fits(transition->control, share.member, share.window, &share.link)) {
        return QN_INVALID;
    }

    struct qnk_control_member *self = &transition->control->members[share.member];

    self->share = share.link;
    self->share_window = share.window;
    return QN_OK;
}

static int32_t take_tip(struct qnk_transition *transition, uint32_t sender, struct qn_span payload)
{
    struct qnk_tip tip;
    int32_t status = qnk_tip_decode(payload, &tip);
    struct qnk_control_member *self = &transition->control->members[sender];

    if (status != QN_OK || self->next_window != 0 ||
        tip.window != transition->window + QNK_TIP_NOTICE) {
        return QN_INVALID;
    }
    self->next_tip = tip.tip;
    self->next_window = tip.window;
    return QN_OK;
}

static int32_t take_rejoin(struct qnk_transition *transition, uint32_t sender,
                           struct qn_span payload)
{
    struct qnk_control_member *self = &transition->control->members[sender];

    if (payload.size != 0 || self->excluded != QNK_EXCLUDED_ABSENT) {
        return QN_INVALID;
    }
    self->excluded = 0;
    self->missed = 0;
    self->turns = 0;
    return QN_OK;
}

static bool is_in_force(const struct qnk_control *control, const struct qnk_hash *place)
{
    for (uint32_t i = 0; i < control->evidence_count; i++) {
        if (qnk_hash_equal(&control->evidence[i].place, place)) {
            return true;
        }
    }
    return false;
}

/* Blocks do not say their window: it follows from their height. */
static bool is_of_its_window(const struct qnk_evidence *evidence, uint32_t n)
{
    return evidence->type != QNK_EVIDENCE_DOUBLE_BLOCK ||
           qnk_window_of(evidence->blocks[0].height, n) == evidence->window;
}

static int32_t take_evidence(struct qnk_transition *transition, struct qn_span payload)
{
    struct qnk_control *control = transition->control;
    struct qnk_evidence evidence;
    struct qnk_hash place;
    int32_t status = qnk_evidence_decode(payload, &evidence);

    if (status != QN_OK || evidence.member >= control->members_count ||
        evidence.window > transition->window ||
        evidence.window + QNK_EVIDENCE_BACK < transition->window ||
        !is_of_its_window(&evidence, transition->n) || !qnk_evidence_proves(&evidence)) {
        return QN_INVALID;
    }
    qnk_evidence_place(&evidence, &place);
    if (is_in_force(control, &place)) {
        return QN_INVALID;
    }
    if (control->evidence_count == QNK_CONTROL_EVIDENCE_MAX) {
        control->evidence_count--;
        memmove(control->evidence, control->evidence + 1,
                control->evidence_count * sizeof *control->evidence);
    }
    control->evidence[control->evidence_count++] =
        (struct qnk_evidence_place){.place = place, .window = transition->window};
    transition->offenders[transition->offenders_count++] = evidence.member;
    if (evidence.type != QNK_EVIDENCE_FALSE_OPENING) {
        exclude(transition, evidence.member, QNK_EXCLUDED_OFFENCE);
    }
    return QN_OK;
}

bool qnk_transition_knows(const struct qnk_control *control, struct qn_span payload)
{
    struct qnk_evidence evidence;
    struct qnk_hash place;

    if (qnk_evidence_decode(payload, &evidence) != QN_OK) {
        return false;
    }
    qnk_evidence_place(&evidence, &place);
    return is_in_force(control, &place);
}

static int32_t take_swap(struct qnk_transition *transition, uint32_t sender,
                         const struct qnk_tx *tx)
{
    struct qnk_swap_place place = {
        .set = transition->set,
        .rules = &transition->params->swap,
        .window = transition->window,
        .sender = sender,
    };

    return qnk_swap_tx(transition->control, &place, tx->kind, tx->payload);
}

static int32_t take(struct qnk_transition *transition, uint32_t sender, const struct qnk_tx *tx)
{
    switch ((enum qnk_tx_kind)tx->kind) {
    case QNK_TX_EVIDENCE:
        return take_evidence(transition, tx->payload);
    case QNK_TX_SHARE:
        return take_share(transition, tx->payload);
    case QNK_TX_TIP:
        return take_tip(transition, sender, tx->payload);
    case QNK_TX_REJOIN:
        return take_rejoin(transition, sender, tx->payload);
    case QNK_TX_PLAN:
    case QNK_TX_READY:
    case QNK_TX_CANCEL:
    case QNK_TX_FALLBACK:
        return take_swap(transition, sender, tx);
    case QNK_TX_TRANSFER:
    case QNK_TX_KERNEL_LAST:
        break;
    }
    return QN_INVALID;
}

/* Whether its valid_until allows a block of this height: chain.md, "Transaction". */
static bool is_in_time(const struct qnk_tx *tx, uint64_t height)
{
    return tx->valid_until >= height && tx->valid_until - height < QNK_TX_AHEAD_MAX;
}

/* Only what is valid counts against the limit: a producer tries all that its pool holds. */
int32_t qnk_transition_tx(struct qnk_transition *transition, const struct qnk_tx *tx)
{
    struct qnk_hash from;
    int32_t status;

    QN_ASSERT(qnk_tx_is_kernel(tx));
    memcpy(from.bytes, tx->from, QN_KEY_SIZE);

    uint32_t sender = qnk_set_find(transition->set, &from);

    if (transition->kernel_txs == QNK_BLOCK_KERNEL_TXS_MAX || sender == QNK_SET_NOBODY ||
        tx->nonce != qnk_swap_nonce(transition->control, tx->kind) || tx->fee != 0 ||
        !is_in_time(tx, transition->height)) {
        return QN_INVALID;
    }
    status = take(transition, sender, tx);
    transition->kernel_txs += status == QN_OK;
    return status;
}

/* --- what no block can take any more --- */

static bool evidence_is_over(const struct qnk_control *control, uint64_t window,
                             struct qn_span payload)
{
    struct qnk_evidence evidence;

    return qnk_evidence_decode(payload, &evidence) != QN_OK ||
           evidence.window + QNK_EVIDENCE_BACK < window || qnk_transition_knows(control, payload);
}

static bool share_is_over(const struct qnk_control *control, uint64_t window,
                          struct qn_span payload)
{
    struct qnk_share share;

    return qnk_share_decode(payload, &share) != QN_OK || share.window + 1 < window ||
           share.member >= control->members_count ||
           share.window <= control->members[share.member].share_window;
}

static bool tip_is_over(const struct qnk_control_member *self, uint64_t window,
                        struct qn_span payload)
{
    struct qnk_tip tip;

    return qnk_tip_decode(payload, &tip) != QN_OK || tip.window < window + QNK_TIP_NOTICE ||
           tip.window <= self->next_window;
}

/* Made at a height whose block was executed here, and its sender is in: it is one of before. */
static bool rejoin_is_over(const struct qnk_control_member *self, uint64_t height,
                           const struct qnk_tx *tx)
{
    return (self->excluded & QNK_EXCLUDED_OFFENCE) != 0 || tx->payload.size != 0 ||
           (self->excluded == 0 && tx->valid_until < height + QNK_TX_AHEAD_MAX);
}

bool qnk_transition_is_over(const struct qnk_control *control, const struct qnk_set *set,
                            uint32_t n, uint64_t height, const struct qnk_tx *tx)
{
    uint64_t window = qnk_window_of(height, n);
    struct qnk_hash from;
    uint32_t sender;

    memcpy(from.bytes, tx->from, QN_KEY_SIZE);
    sender = qnk_set_find(set, &from);
    if (sender >= control->members_count || tx->valid_until < height) {
        return true;
    }
    switch ((enum qnk_tx_kind)tx->kind) {
    case QNK_TX_EVIDENCE:
        return evidence_is_over(control, window, tx->payload);
    case QNK_TX_SHARE:
        return share_is_over(control, window, tx->payload);
    case QNK_TX_TIP:
        return tip_is_over(&control->members[sender], window, tx->payload);
    case QNK_TX_REJOIN:
        return rejoin_is_over(&control->members[sender], height, tx);
    case QNK_TX_PLAN:
    case QNK_TX_READY:
    case QNK_TX_CANCEL:
    case QNK_TX_FALLBACK:
        return qnk_swap_tx_is_over(control, sender, tx);
    case QNK_TX_TRANSFER:
    case QNK_TX_KERNEL_LAST:
        break;
    }
    return true;
}

/* --- the beacon --- */

int32_t qnk_transition_beacon(const struct qnk_control *control, const struct qnk_hash *previous,
                              uint64_t window, struct qnk_hash *beacon)
{
    uint64_t size = control->members_count * sizeof(struct qnk_beacon_share);
    struct qnk_beacon_share *shares = qnk_memory_take(control->budget, size);
    uint32_t count = 0;

    if (shares == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < control->members_count; i++) {
        const struct qnk_control_member *self = &control->members[i];

        if (window > 1 && self->share_window == window - 1) {
            shares[count++] = (struct qnk_beacon_share){.member = i, .link = self->share};
        }
    }
    qnk_beacon_next(previous, window, shares, count, beacon);
    qnk_memory_give(control->budget, shares, size);
    return QN_OK;
}
