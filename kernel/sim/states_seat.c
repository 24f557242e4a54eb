/* SPDX-License-Identifier: MIT */

/* states_seat.c: the ledger that a node sees: a seat at a position. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/sim/states_own.h"

/* --- pages that changed --- */

static void seat_mark(struct qn_inst *seat, const struct qn_buf *changed)
{
    for (uint64_t i = 0; i < changed->size; i += 8) {
        uint64_t page = qn_le64_read(changed->data + i);

        if (page / 64 >= seat->changed_words) {
            uint64_t words = (page / 64 + 1) * 2;
            uint64_t *more = qnk_states_memory(seat->states, words * sizeof *more);

            if (seat->changed != NULL) {
                memcpy(more, seat->changed, seat->changed_words * sizeof *more);
            }
            qnk_memory_give(seat->states->budget, seat->changed,
                            seat->changed_words * sizeof *more);
            seat->changed = more;
            seat->changed_words = words;
        }
        seat->changed[page / 64] |= UINT64_C(1) << page % 64;
    }
}

static bool is_marked(const struct qn_inst *seat, uint64_t page)
{
    return page / 64 < seat->changed_words && (seat->changed[page / 64] >> page % 64 & 1) != 0;
}

/* --- sitting --- */

static int32_t seat_own(struct qn_inst *seat, struct states_real **real)
{
    if (seat->own == NULL) {
        seat->own = qnk_states_real_make(seat->states);
    }
    *real = seat->own;
    return seat->own != NULL ? QN_OK : QN_NO_SPACE;
}

static void own_give(struct qn_inst *seat)
{
    if (seat->own != NULL) {
        qnk_states_real_give(seat->states, seat->own);
        seat->own = NULL;
    }
}

/* A real instance that is in this seat's state, or in none as the seat is. */
static int32_t seat_real(struct qn_inst *seat, struct states_real **real)
{
    return seat->at == NULL ? seat_own(seat, real) : qnk_states_reach(seat->states, seat->at, real);
}

static void seat_begin(struct qn_inst *seat, struct states_at *at, const struct qn_buf *changed)
{
    seat->at = at;
    seat->rooted = NULL;
    if (seat->changed != NULL) {
        memset(seat->changed, 0, seat->changed_words * sizeof *seat->changed);
    }
    seat_mark(seat, changed);
}

/* --- first states --- */

static struct states_at *origin_find(const struct qnk_states *states, const struct qnk_hash *origin)
{
    struct states_at *at = states->first;

    while (at != NULL && !(at->has_origin && qnk_hash_equal(&at->origin, origin))) {
        at = at->next;
    }
    return at;
}

static int32_t seat_genesis(struct qn_inst *seat, uint32_t lane, struct qn_span record)
{
    struct qnk_hash origin;
    struct qn_buf *changed;
    struct states_real *real;
    struct states_at *at;
    uint64_t pages;
    int32_t status;

    if (seat->at != NULL) {
        return QN_EXISTS;
    }
    qnk_hash_tagged("", record.data, record.size, &origin);
    at = origin_find(seat->states, &origin);
    if (at != NULL) {
        own_give(seat);
        seat_begin(seat, at, at->begun);
        return QN_OK;
    }
    status = seat_own(seat, &real);
    if (status == QN_OK) {
        status = states_slots(real)->genesis(real->ledger.inst, lane, record);
    }
    if (status == QN_OK) {
        status = qnk_states_changed(seat->states, real, &changed, &pages);
    }
    if (status == QN_OK) {
        seat->own = NULL;
        at = qnk_states_begin(seat->states, real, pages);
        at->origin = origin;
        at->has_origin = true;
        at->begun = changed;
        seat_begin(seat, at, changed);
    }
    return status;
}

static struct states_at *content_find(const struct qnk_states *states,
                                      const struct qnk_hash *content)
{
    struct states_at *at = states->first;

    while (at != NULL && !(at->has_content && qnk_hash_equal(&at->content, content))) {
        at = at->next;
    }
    return at;
}

/* All pages are there, and the seat's own instance took them: from here on the state is shared. */
static int32_t loaded_share(struct qn_inst *seat)
{
    struct states_real *real = seat->own;
    struct qnk_hash content;
    struct qn_buf *changed;
    struct states_at *at;
    uint64_t pages;
    int32_t status = qnk_states_changed(seat->states, real, &changed, &pages);

    if (status != QN_OK) {
        return status;
    }
    qnk_sha256_done(&seat->loaded, content.bytes);
    at = content_find(seat->states, &content);
    if (at != NULL) {
        own_give(seat);
    } else {
        seat->own = NULL;
        at = qnk_states_begin(seat->states, real, pages);
        at->content = content;
        at->has_content = true;
    }
    seat_begin(seat, at, changed);
    qnk_buf_unref(changed);
    return QN_OK;
}

static int32_t seat_load_pages(struct qn_inst *seat, uint32_t lane, uint64_t first,
                               struct qn_span pages, uint8_t last)
{
    struct states_real *real;
    int32_t status = seat_own(seat, &real);

    if (first == 0) {
        qnk_sha256_init(&seat->loaded);
    }
    if (status == QN_OK) {
        status = states_slots(real)->load_pages(real->ledger.inst, lane, first, pages, last);
    }
    if (status == QN_OK) {
        qnk_sha256_add(&seat->loaded, pages.data, pages.size);
    }
    return status == QN_OK && last != 0 ? loaded_share(seat) : status;
}

/* --- blocks --- */

static int32_t effects_give(const struct qn_buf *effects, struct qn_effects *out)
{
    struct qn_reader in = qn_reader_over(qnk_buf_span(effects));
    int32_t status = QN_OK;

    while (status == QN_OK && !qn_reader_is_done(&in)) {
        uint32_t type = qn_reader_u32(&in);

        status = out->push(out->ctx, type, qn_reader_bytes(&in, UINT32_MAX), NULL);
    }
    return status;
}

/* Its window is the highest so far: time to forget older ones. */
static void window_follow(struct qnk_states *states, uint64_t window)
{
    if (window > states->window) {
        states->window = window;
        qnk_states_prune(states);
    }
}

static int32_t seat_take(struct qn_inst *seat, const struct states_call *call, uint8_t *digest,
                         struct qn_effects *out, struct qn_sink *undo)
{
    struct states_way *way;
    int32_t status = qnk_states_way(seat->states, seat->at, call, &way);

    if (status != QN_OK) {
        return status;
    }
    seat_mark(seat, way->changed);
    status = effects_give(way->effects, out);
    if (way->status != QN_OK || status != QN_OK) {
        return way->status != QN_OK ? way->status : status;
    }
    status = qnk_sink_append(undo, way->to->undo->data, way->to->undo->size);
    if (status == QN_OK) {
        memcpy(digest, way->to->digest.bytes, QN_HASH_SIZE);
        seat->at = way->to;
        window_follow(seat->states, call->block.window);
    }
    return status;
}

static int32_t seat_apply(struct qn_inst *seat, uint32_t lane, const struct qn_ledger_block *block,
                          const uint32_t *offenders, uint32_t offenders_count,
                          const struct qn_ledger_transaction *transactions,
                          uint32_t transactions_count, uint8_t *digest, struct qn_effects *out,
                          struct qn_sink *undo)
{
    const struct states_call call = {
        .block = *block,
        .offenders = offenders,
        .offenders_count = offenders_count,
        .txs = transactions,
        .txs_count = transactions_count,
    };
    struct states_real *real;
    int32_t status;

    if (seat->at != NULL) {
        return seat_take(seat, &call, digest, out, undo);
    }
    status = seat_own(seat, &real);
    return status != QN_OK ? status
                           : states_slots(real)->apply(real->ledger.inst, lane, block, offenders,
                                                       offenders_count, transactions,
                                                       transactions_count, digest, out, undo);
}

static int32_t seat_undo(struct qn_inst *seat, uint32_t lane, struct qn_span undo)
{
    struct states_at *at = seat->at;
    struct states_real *real;
    int32_t status;

    (void)lane;
    QN_ASSERT(at == NULL || !at->is_cut); /* KEPT_WINDOWS are not enough */
    if (at == NULL || at->parent == NULL || at->undo->size != undo.size ||
        memcmp(at->undo->data, undo.data, undo.size) != 0) {
        return QN_CORRUPT;
    }
    if (at->back == NULL) { /* nobody went there yet */
        status = qnk_states_reach(seat->states, at, &real);
        if (status == QN_OK) {
            status = qnk_states_move(seat->states, real, at->parent);
        }
        if (status != QN_OK) {
            return status;
        }
    }
    seat_mark(seat, at->back);
    seat->at = at->parent;
    return QN_OK;
}

/* --- a window's end --- */

/* The real instance is at the position that is asked about. */
static int32_t root_ask(struct qnk_states *states, struct states_at *at)
{
    struct states_real *real;
    int32_t status = qnk_states_reach(states, at, &real);

    if (status == QN_OK) {
        status = states_slots(real)->root(real->ledger.inst, STATES_LANE, at->root.bytes);
    }
    if (status != QN_OK && status != QN_CORRUPT) {
        return status;
    }
    at->root_status = status;
    if (!at->has_content) {
        status = qnk_states_content(states, real, at->pages, &at->content);
        if (status != QN_OK) {
            return status;
        }
    }
    at->has_root = at->has_content = true;
    return QN_OK;
}

static int32_t seat_root(struct qn_inst *seat, uint32_t lane, uint8_t *root)
{
    struct states_at *at = seat->at;
    struct states_real *real;
    int32_t status = QN_OK;

    if (at == NULL) {
        status = seat_own(seat, &real);
        return status == QN_OK ? states_slots(real)->root(real->ledger.inst, lane, root) : status;
    }
    if (!at->has_root) {
        status = root_ask(seat->states, at);
    }
    if (status == QN_OK) {
        seat->at = seat->rooted = qnk_states_same(seat->states, at);
        status = at->root_status;
    }
    if (status == QN_OK) {
        memcpy(root, at->root.bytes, QN_HASH_SIZE);
    }
    return status;
}

static int32_t seat_dirty(struct qn_inst *seat, uint32_t lane, struct qn_sink *changed)
{
    struct states_real *real;
    uint64_t size = 12;
    uint32_t count = 0;
    uint8_t *to;
    int32_t status;

    if (seat->at == NULL) {
        status = seat_own(seat, &real);
        return status == QN_OK ? states_slots(real)->dirty(real->ledger.inst, lane, changed)
                               : status;
    }
    for (uint64_t page = 0; page < seat->at->pages; page++) {
        count += is_marked(seat, page);
    }
    size += (uint64_t)count * 8;
    to = qnk_sink_room(changed, size);
    if (to == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u64(to, seat->at->pages);
    to = qn_writer_u32(to, count);
    for (uint64_t page = 0; page < seat->at->pages; page++) {
        to = is_marked(seat, page) ? qn_writer_u64(to, page) : to;
    }
    qnk_sink_commit(changed, size);
    if (seat->changed != NULL) {
        memset(seat->changed, 0, seat->changed_words * sizeof *seat->changed);
    }
    return QN_OK;
}

/* --- what reads a state --- */

static int32_t seat_check(struct qn_inst *seat, uint32_t lane,
                          const struct qn_ledger_transaction *transactions,
                          uint32_t transactions_count, struct qn_ledger_verdict *verdicts)
{
    struct states_real *real;
    int32_t status = seat_real(seat, &real);

    return status == QN_OK ? states_slots(real)->check(real->ledger.inst, lane, transactions,
                                                       transactions_count, verdicts)
                           : status;
}

/* Against the last root: the real instance is asked for that first. */
static int32_t seat_prove(struct qn_inst *seat, uint32_t lane, const uint8_t *keys,
                          uint32_t keys_count, struct qn_sink *proof)
{
    struct states_real *real;
    uint8_t root[QN_HASH_SIZE];
    int32_t status;

    if (seat->at != NULL && seat->rooted == NULL) {
        return QN_NOT_FOUND;
    }
    if (seat->at == NULL) {
        status = seat_own(seat, &real);
    } else {
        status = qnk_states_reach(seat->states, seat->rooted, &real);
        if (status == QN_OK) {
            status = states_slots(real)->root(real->ledger.inst, lane, root);
        }
        if (status == QN_OK) {
            status = qnk_states_move(seat->states, real, seat->at);
        }
    }
    return status == QN_OK
               ? states_slots(real)->prove(real->ledger.inst, lane, keys, keys_count, proof)
               : status;
}

static int32_t seat_check_proof(struct qn_inst *seat, uint32_t lane, const uint8_t *root,
                                const uint8_t *key, struct qn_span proof, struct qn_sink *value)
{
    struct states_real *real;
    int32_t status = seat_real(seat, &real);

    return status == QN_OK
               ? states_slots(real)->check_proof(real->ledger.inst, lane, root, key, proof, value)
               : status;
}

static int32_t seat_members(struct qn_inst *seat, uint32_t lane, struct qn_sink *members)
{
    struct states_real *real;
    int32_t status = seat_real(seat, &real);

    return status == QN_OK ? states_slots(real)->members(real->ledger.inst, lane, members) : status;
}

static int32_t seat_read_pages(struct qn_inst *seat, uint32_t lane, const uint64_t *indexes,
                               uint32_t indexes_count, struct qn_sink *pages)
{
    struct states_real *real;
    int32_t status = seat_real(seat, &real);

    return status == QN_OK ? states_slots(real)->read_pages(real->ledger.inst, lane, indexes,
                                                            indexes_count, pages)
                           : status;
}

static int32_t seat_query(struct qn_inst *seat, uint32_t lane, uint32_t what, struct qn_span arg,
                          struct qn_sink *answer)
{
    struct states_real *real;
    int32_t status = seat_real(seat, &real);

    return status == QN_OK ? states_slots(real)->query(real->ledger.inst, lane, what, arg, answer)
                           : status;
}

static const struct qn_ledger_1 table = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = seat_genesis,
    .check = seat_check,
    .apply = seat_apply,
    .undo = seat_undo,
    .root = seat_root,
    .prove = seat_prove,
    .check_proof = seat_check_proof,
    .members = seat_members,
    .dirty = seat_dirty,
    .read_pages = seat_read_pages,
    .load_pages = seat_load_pages,
    .query = seat_query,
};

/* --- life --- */

struct qnk_plugged qnk_states_take(struct qnk_states *states)
{
    struct qn_inst *seat = qnk_states_memory(states, sizeof *seat);

    seat->states = states;
    seat->next = states->seats;
    states->seats = seat;
    return (struct qnk_plugged){.table = &table, .inst = seat};
}

void qnk_states_give(struct qnk_states *states, struct qnk_plugged plugged)
{
    struct qn_inst *seat = plugged.inst;
    struct qn_inst **link = &states->seats;

    while (*link != seat) {
        link = &(*link)->next;
    }
    *link = seat->next;
    own_give(seat);
    qnk_memory_give(states->budget, seat->changed, seat->changed_words * sizeof *seat->changed);
    qnk_memory_give(states->budget, seat, sizeof *seat);
    if (states->seats == NULL) {
        qnk_states_forget(states);
    }
}
