/* SPDX-License-Identifier: MIT */

/* states.c: trees of states, and the real instances that are brought to them. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/sim/states_own.h"

enum {
    SINK_CAP = 64 << 20,
    PAGES_AT_ONCE = 4096,
};

/* --- memory --- */

void *qnk_states_memory(struct qnk_states *states, uint64_t size)
{
    void *memory = qnk_memory_take(states->budget, size);

    QN_ASSERT(memory != NULL);
    return memory;
}

struct qn_buf *qnk_states_keep(struct qnk_states *states, const struct qn_sink *sink)
{
    struct qn_buf *buf = qnk_buf_copy(states->budget, qnk_sink_span(sink));

    QN_ASSERT(buf != NULL);
    return buf;
}

static bool is_same(const struct qn_buf *buf, const struct qn_sink *sink)
{
    return buf->size == sink->size && (buf->size == 0 || !memcmp(buf->data, sink->data, buf->size));
}

/* --- real instances --- */

struct states_real *qnk_states_real_make(struct qnk_states *states)
{
    struct states_real *real = qnk_states_memory(states, sizeof *real);

    if (!states->maker.make(states->maker.ctx, &real->ledger, &real->handle)) {
        qnk_memory_give(states->budget, real, sizeof *real);
        return NULL;
    }
    real->next = states->reals;
    states->reals = real;
    states->counts.reals++;
    return real;
}

void qnk_states_real_give(struct qnk_states *states, struct states_real *real)
{
    struct states_real **link = &states->reals;

    while (*link != real) {
        link = &(*link)->next;
    }
    *link = real->next;
    states->maker.give(states->maker.ctx, real->handle);
    qnk_memory_give(states->budget, real, sizeof *real);
    states->counts.reals--;
}

int32_t qnk_states_changed(struct qnk_states *states, struct states_real *real,
                           struct qn_buf **changed, uint64_t *pages)
{
    struct qn_sink *sink = &states->scratch;
    int32_t status;

    qnk_sink_cut(sink, 0);
    status = states_slots(real)->dirty(real->ledger.inst, STATES_LANE, sink);
    if (status != QN_OK) {
        return status;
    }
    if (sink->size < 12 || sink->size != 12 + (uint64_t)qn_le32_read(sink->data + 8) * 8) {
        return QN_BUG;
    }
    *pages = qn_le64_read(sink->data);
    *changed = qnk_buf_copy(states->budget, (struct qn_span){sink->data + 12, sink->size - 12});
    QN_ASSERT(*changed != NULL);
    return QN_OK;
}

/* Pages from..to - 1, in `scratch`. */
static int32_t pages_read(struct qnk_states *states, struct states_real *real, uint64_t from,
                          uint64_t to)
{
    uint64_t indexes[PAGES_AT_ONCE];

    QN_ASSERT(to - from <= PAGES_AT_ONCE);
    for (uint64_t i = from; i < to; i++) {
        indexes[i - from] = i;
    }
    qnk_sink_cut(&states->scratch, 0);
    return states_slots(real)->read_pages(real->ledger.inst, STATES_LANE, indexes,
                                          (uint32_t)(to - from), &states->scratch);
}

int32_t qnk_states_content(struct qnk_states *states, struct states_real *real, uint64_t pages,
                           struct qnk_hash *content)
{
    struct qnk_sha256 sha;
    int32_t status = QN_OK;

    qnk_sha256_init(&sha);
    for (uint64_t from = 0; status == QN_OK && from < pages; from += PAGES_AT_ONCE) {
        uint64_t to = pages - from < PAGES_AT_ONCE ? pages : from + PAGES_AT_ONCE;

        status = pages_read(states, real, from, to);
        if (status == QN_OK) {
            qnk_sha256_add(&sha, states->scratch.data, states->scratch.size);
        }
    }
    qnk_sha256_done(&sha, content->bytes);
    return status;
}

/* Gives another instance the state of this one. */
static int32_t real_copy(struct qnk_states *states, struct states_real *real,
                         struct states_real *copy)
{
    struct qn_buf *changed = NULL;
    uint64_t pages = real->at->pages;
    int32_t status = QN_OK;

    for (uint64_t from = 0; status == QN_OK && from < pages; from += PAGES_AT_ONCE) {
        uint64_t to = pages - from < PAGES_AT_ONCE ? pages : from + PAGES_AT_ONCE;

        status = pages_read(states, real, from, to);
        if (status == QN_OK) {
            status = states_slots(copy)->load_pages(copy->ledger.inst, STATES_LANE, from,
                                                    qnk_sink_span(&states->scratch), to == pages);
        }
    }
    if (status == QN_OK) {
        status = qnk_states_changed(states, copy, &changed, &pages);
        qnk_buf_unref(changed);
    }
    return status;
}

/* --- what apply() takes, as bytes --- */

static void call_encode(struct qnk_states *states, const struct states_call *call)
{
    uint64_t size = qn_ledger_block_size(&call->block) + 4 + 4ull * call->offenders_count + 4;
    uint8_t *to;

    for (uint32_t i = 0; i < call->txs_count; i++) {
        size += qn_ledger_transaction_size(&call->txs[i]);
    }
    qnk_sink_cut(&states->call, 0);
    to = qnk_sink_room(&states->call, size);
    QN_ASSERT(to != NULL);
    to = qn_ledger_block_write(&call->block, to);
    to = qn_writer_u32(to, call->offenders_count);
    for (uint32_t i = 0; i < call->offenders_count; i++) {
        to = qn_writer_u32(to, call->offenders[i]);
    }
    to = qn_writer_u32(to, call->txs_count);
    for (uint32_t i = 0; i < call->txs_count; i++) {
        to = qn_ledger_transaction_write(&call->txs[i], to);
    }
    qnk_sink_commit(&states->call, size);
}

static void txs_reserve(struct qnk_states *states, uint32_t count)
{
    if (count > states->txs_room) {
        qnk_memory_give(states->budget, states->txs, states->txs_room * sizeof *states->txs);
        states->txs = qnk_states_memory(states, count * sizeof *states->txs);
        states->txs_room = count;
    }
}

static void call_decode(struct qnk_states *states, struct qn_span bytes, struct states_call *call)
{
    struct qn_reader in = qn_reader_over(bytes);

    qn_ledger_block_take(&in, &call->block);
    call->offenders = states->offenders;
    call->offenders_count = qn_reader_count(&in, QN_LEDGER_MEMBERS_MAX);
    for (uint32_t i = 0; i < call->offenders_count; i++) {
        states->offenders[i] = qn_reader_u32(&in);
    }
    call->txs_count = qn_reader_count(&in, QN_LEDGER_TXS_MAX);
    txs_reserve(states, call->txs_count);
    call->txs = states->txs;
    for (uint32_t i = 0; i < call->txs_count; i++) {
        qn_ledger_transaction_take(&in, &states->txs[i]);
    }
    QN_ASSERT(qn_reader_is_done(&in));
}

/* --- one block, back and forth --- */

static int32_t effect_keep(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct qnk_states *states = ctx;
    uint8_t *to = qnk_sink_room(&states->effects, 8 + body.size);

    QN_ASSERT(payload == NULL); /* no effect of a ledger has one */
    if (to == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u32(to, type);
    (void)qn_writer_bytes(to, body, UINT32_MAX);
    qnk_sink_commit(&states->effects, 8 + body.size);
    return QN_OK;
}

/* Its effects and undo are in the sinks then. */
static int32_t real_apply(struct qnk_states *states, struct states_real *real,
                          const struct states_call *call, struct qnk_hash *digest)
{
    struct qn_effects out = {.ctx = states, .push = effect_keep};

    qnk_sink_cut(&states->effects, 0);
    qnk_sink_cut(&states->undo, 0);
    states->counts.executed++;
    return states_slots(real)->apply(real->ledger.inst, STATES_LANE, &call->block, call->offenders,
                                     call->offenders_count, call->txs, call->txs_count,
                                     digest->bytes, &out, &states->undo);
}

static int32_t step_down(struct qnk_states *states, struct states_real *real, struct states_at *to)
{
    struct states_call call;
    struct qnk_hash digest;
    struct qn_buf *changed = NULL;
    uint64_t pages = 0;
    int32_t status;

    call_decode(states, qnk_buf_span(to->call), &call);
    status = real_apply(states, real, &call, &digest);
    if (status == QN_OK) {
        status = qnk_states_changed(states, real, &changed, &pages);
        qnk_buf_unref(changed);
    }
    if (status != QN_OK || pages != to->pages || !qnk_hash_equal(&digest, &to->digest) ||
        !is_same(to->undo, &states->undo)) {
        return QN_BUG; /* it was otherwise the first time */
    }
    real->at = to;
    return QN_OK;
}

static int32_t step_up(struct qnk_states *states, struct states_real *real)
{
    struct states_at *at = real->at;
    struct qn_buf *changed = NULL;
    uint64_t pages = 0;
    int32_t status =
        states_slots(real)->undo(real->ledger.inst, STATES_LANE, qnk_buf_span(at->undo));

    states->counts.undone++;
    if (status == QN_OK) {
        status = qnk_states_changed(states, real, &changed, &pages);
    }
    if (status != QN_OK || pages != at->parent->pages) {
        qnk_buf_unref(changed);
        return QN_BUG;
    }
    if (at->back == NULL) {
        at->back = qnk_buf_ref(changed);
    }
    qnk_buf_unref(changed);
    real->at = at->parent;
    return QN_OK;
}

/* --- bringing a real instance to a position --- */

/* Where two ways to positions of one tree part. */
static struct states_at *meeting(struct states_at *a, struct states_at *b)
{
    while (a != b) {
        if (a->depth >= b->depth) {
            a = a->parent;
        } else {
            b = b->parent;
        }
    }
    return a;
}

int32_t qnk_states_move(struct qnk_states *states, struct states_real *real, struct states_at *to)
{
    struct states_at *meet = meeting(real->at, to);
    int32_t status = QN_OK;

    while (status == QN_OK && real->at != meet) {
        status = step_up(states, real);
    }
    while (status == QN_OK && real->at != to) {
        struct states_at *step = to;

        while (step->parent != real->at) {
            step = step->parent;
        }
        status = step_down(states, real, step);
    }
    if (status != QN_OK) {
        qnk_states_real_give(states, real); /* its state is unknown */
    }
    return status;
}

static uint64_t distance(struct states_at *a, struct states_at *b)
{
    return a->depth + b->depth - 2 * meeting(a, b)->depth;
}

int32_t qnk_states_reach(struct qnk_states *states, struct states_at *at, struct states_real **real)
{
    struct states_real *best = NULL;
    uint64_t best_far = 0;

    for (struct states_real *it = states->reals; it != NULL; it = it->next) {
        if (it->at != NULL && it->at->tree == at->tree) {
            uint64_t far = distance(it->at, at);

            if (best == NULL || far < best_far || (far == best_far && it->used < best->used)) {
                best = it;
                best_far = far;
            }
        }
    }
    if (best == NULL) {
        return QN_BUG; /* those that were there failed */
    }
    best->used = ++states->clock;
    *real = best;
    return qnk_states_move(states, best, at);
}

/* --- positions --- */

static struct states_at *at_new(struct qnk_states *states, struct states_tree *tree)
{
    struct states_at *at = qnk_states_memory(states, sizeof *at);

    at->tree = tree;
    if (states->last != NULL) {
        states->last->next = at;
    } else {
        states->first = at;
    }
    states->last = at;
    states->counts.positions++;
    return at;
}

struct states_at *qnk_states_begin(struct qnk_states *states, struct states_real *real,
                                   uint64_t pages)
{
    struct states_tree *tree = qnk_states_memory(states, sizeof *tree);

    tree->next = states->trees;
    states->trees = tree;
    real->at = at_new(states, tree);
    real->at->pages = pages;
    for (uint32_t i = 1; i < REALS_OF_TREE; i++) {
        struct states_real *copy = qnk_states_real_make(states);

        if (copy != NULL && real_copy(states, real, copy) == QN_OK) {
            copy->at = real->at;
        } else if (copy != NULL) {
            qnk_states_real_give(states, copy); /* there is one less */
        }
    }
    return real->at;
}

/* Where this block with this outcome leads, if another encoding of it did before: who builds a
 * block, and who executes it when it is built. */
static struct states_at *at_find(struct qnk_states *states, const struct states_at *from,
                                 const struct qnk_hash *digest)
{
    for (const struct states_way *way = from->ways; way != NULL; way = way->next) {
        if (way->to != NULL && qnk_hash_equal(&way->to->digest, digest) &&
            is_same(way->to->undo, &states->undo)) {
            return way->to;
        }
    }
    return NULL;
}

static struct states_at *at_lead(struct qnk_states *states, struct states_at *from,
                                 const struct states_way *way, uint64_t window,
                                 const struct qnk_hash *digest, uint64_t pages)
{
    struct states_at *to = at_find(states, from, digest);

    if (to == NULL) {
        to = at_new(states, from->tree);
        to->parent = from;
        to->depth = from->depth + 1;
        to->window = window;
        to->pages = pages;
        to->digest = *digest;
        to->call = qnk_buf_ref(way->call);
        to->undo = qnk_states_keep(states, &states->undo);
    }
    return to;
}

/* Executes the block. */
static int32_t way_make(struct qnk_states *states, struct states_at *at,
                        const struct states_call *call, struct states_way *way)
{
    struct states_real *real;
    struct qnk_hash digest;
    uint64_t pages;
    int32_t changed_status, status = qnk_states_reach(states, at, &real);

    if (status != QN_OK) {
        return status;
    }
    status = real_apply(states, real, call, &digest);
    changed_status = qnk_states_changed(states, real, &way->changed, &pages);
    if (changed_status != QN_OK || (status != QN_OK && status != QN_INVALID)) {
        return status != QN_OK ? status : changed_status;
    }
    way->status = status;
    way->effects = qnk_states_keep(states, &states->effects);
    if (status == QN_OK) {
        real->at = way->to = at_lead(states, at, way, call->block.window, &digest, pages);
    }
    return QN_OK;
}

static void way_give(struct qnk_states *states, struct states_way *way)
{
    qnk_buf_unref(way->call);
    qnk_buf_unref(way->effects);
    qnk_buf_unref(way->changed);
    qnk_memory_give(states->budget, way, sizeof *way);
}

int32_t qnk_states_way(struct qnk_states *states, struct states_at *at,
                       const struct states_call *call, struct states_way **out)
{
    struct states_way *way;
    int32_t status;

    states->counts.applied++;
    call_encode(states, call);
    for (way = at->ways; way != NULL; way = way->next) {
        if (is_same(way->call, &states->call)) {
            *out = way;
            return QN_OK;
        }
    }
    way = qnk_states_memory(states, sizeof *way);
    way->call = qnk_states_keep(states, &states->call);
    status = way_make(states, at, call, way);
    if (status != QN_OK) {
        way_give(states, way);
        return status;
    }
    way->next = at->ways;
    at->ways = way;
    *out = way;
    return QN_OK;
}

static bool leads_back_alike(const struct states_at *a, const struct states_at *b)
{
    while (a->parent != NULL) {
        if (b->parent == NULL || a->undo->size != b->undo->size ||
            memcmp(a->undo->data, b->undo->data, a->undo->size) != 0) {
            return false;
        }
        a = a->parent;
        b = b->parent;
    }
    return true;
}

struct states_at *qnk_states_same(struct qnk_states *states, struct states_at *at)
{
    struct states_at *it = states->first;

    while (it != at && !(it->has_content && qnk_hash_equal(&it->content, &at->content) &&
                         leads_back_alike(at, it))) {
        it = it->next;
    }
    return it;
}

/* --- forgetting --- */

static void at_give(struct qnk_states *states, struct states_at *at)
{
    while (at->ways != NULL) {
        struct states_way *way = at->ways;

        at->ways = way->next;
        way_give(states, way);
    }
    qnk_buf_unref(at->call);
    qnk_buf_unref(at->undo);
    qnk_buf_unref(at->back);
    qnk_buf_unref(at->begun);
    qnk_memory_give(states->budget, at, sizeof *at);
    states->counts.positions--;
}

/* A seat in this tree; NULL: none. */
static const struct qn_inst *seat_in(const struct qnk_states *states,
                                     const struct states_tree *tree)
{
    const struct qn_inst *seat = states->seats;

    while (seat != NULL && (seat->at == NULL || seat->at->tree != tree)) {
        seat = seat->next;
    }
    return seat;
}

/* Real instances follow where seats are; those of a tree without seats go. */
static void reals_follow(struct qnk_states *states, uint64_t window)
{
    for (struct states_real *real = states->reals, *next; real != NULL; real = next) {
        const struct qn_inst *seat = real->at == NULL ? NULL : seat_in(states, real->at->tree);

        next = real->next;
        if (real->at != NULL && seat == NULL) {
            qnk_states_real_give(states, real);
        } else if (real->at != NULL && real->at->window < window) {
            int32_t status = qnk_states_move(states, real, seat->at);

            (void)status; /* it is gone, and whoever needs it will say so */
        }
    }
}

static void base_lower(struct states_at *at)
{
    if (at != NULL) {
        at->tree->base = at->tree->base == NULL ? at : meeting(at->tree->base, at);
    }
}

/* Each tree's base: what everybody in it comes from, below `window`. */
static void bases_find(struct qnk_states *states, uint64_t window)
{
    for (struct states_tree *tree = states->trees; tree != NULL; tree = tree->next) {
        tree->base = NULL;
    }
    for (struct qn_inst *seat = states->seats; seat != NULL; seat = seat->next) {
        base_lower(seat->at);
        base_lower(seat->rooted);
    }
    for (struct states_real *real = states->reals; real != NULL; real = real->next) {
        base_lower(real->at);
    }
    for (struct states_tree *tree = states->trees; tree != NULL; tree = tree->next) {
        while (tree->base != NULL && tree->base->parent != NULL && tree->base->window >= window) {
            tree->base = tree->base->parent;
        }
    }
}

static void positions_drop(struct qnk_states *states)
{
    struct states_at **link = &states->first;

    for (struct states_at *at = states->first; at != NULL; at = at->next) {
        at->is_kept = at == at->tree->base || (at->parent != NULL && at->parent->is_kept);
    }
    for (struct states_tree *tree = states->trees; tree != NULL; tree = tree->next) {
        if (tree->base != NULL && tree->base->parent != NULL) {
            tree->base->parent = NULL;
            tree->base->is_cut = true;
        }
    }
    states->last = NULL;
    while (*link != NULL) {
        struct states_at *at = *link;

        if (at->is_kept) {
            states->last = at;
            link = &at->next;
        } else {
            *link = at->next;
            at_give(states, at);
        }
    }
}

static void trees_drop(struct qnk_states *states)
{
    struct states_tree **link = &states->trees;

    while (*link != NULL) {
        struct states_tree *tree = *link;

        if (tree->base != NULL) {
            link = &tree->next;
        } else {
            *link = tree->next;
            qnk_memory_give(states->budget, tree, sizeof *tree);
        }
    }
}

void qnk_states_prune(struct qnk_states *states)
{
    uint64_t lowest = states->window;

    for (const struct qn_inst *seat = states->seats; seat != NULL; seat = seat->next) {
        if (seat->at != NULL && seat->at->window < lowest) {
            lowest = seat->at->window;
        }
    }
    lowest = lowest > KEPT_WINDOWS ? lowest - KEPT_WINDOWS : 0;
    reals_follow(states, lowest);
    bases_find(states, lowest);
    positions_drop(states);
    trees_drop(states);
}

void qnk_states_forget(struct qnk_states *states)
{
    QN_ASSERT(states->seats == NULL);
    states->window = 0;
    qnk_states_prune(states);
}

/* --- life --- */

struct qnk_states *qnk_states_create(struct qnk_budget *budget,
                                     const struct qnk_states_maker *maker)
{
    struct qnk_states *states = qnk_memory_take(budget, sizeof *states);

    if (states != NULL) {
        states->budget = budget;
        states->maker = *maker;
        qnk_sink_init(&states->call, budget, SINK_CAP);
        qnk_sink_init(&states->effects, budget, SINK_CAP);
        qnk_sink_init(&states->undo, budget, SINK_CAP);
        qnk_sink_init(&states->scratch, budget, SINK_CAP);
    }
    return states;
}

void qnk_states_destroy(struct qnk_states *states)
{
    if (states != NULL) {
        qnk_states_forget(states);
        qnk_sink_done(&states->call);
        qnk_sink_done(&states->effects);
        qnk_sink_done(&states->undo);
        qnk_sink_done(&states->scratch);
        qnk_memory_give(states->budget, states->txs, states->txs_room * sizeof *states->txs);
        qnk_memory_give(states->budget, states, sizeof *states);
    }
}

void qnk_states_count(const struct qnk_states *states, struct qnk_states_counts *counts)
{
    *counts = states->counts;
}
