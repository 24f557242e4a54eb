/* SPDX-License-Identifier: MIT */

/* oracle_chain.c: S2 and B1: the one final chain. Whoever makes a window final first says what it
 * is; it is then executed again, block by block, from the bodies that honest nodes stored, on a
 * ledger of the oracle's own that knows nothing else. All others must say the same.
 *
 * What a header must be, the macroblock's fields and the beacon are worked out here; schedule and
 * control record are the kernel's functions on instances of the oracle's own. */

#include <sodium.h>

#include <qnet/ledger.h>

#include "kernel/chain/beacon.h"
#include "kernel/chain/merkle.h"
#include "kernel/node/schedule.h"
#include "kernel/node/transition.h"
#include "kernel/sim/oracle_own.h"

enum {
    LAG_SET = 3, /* windows from a macroblock to the one whose set and schedule it gives */
    ENDS = LAG_SET + 1,
    SHARERS_MIN = 3, /* honest blocks that could bring shares, from which on they are missed */
    SINK_CAP = 64 << 20,
    LANE = 0,
};

struct final_window {
    bool is_known;
    bool is_executed;
    struct qnk_macro macro;
    struct qnk_hash digest;
};

/* A block that some honest node has stored. */
struct stored_block {
    struct qnk_hash id;
    uint64_t height;
    struct qn_buf *rows; /* NULL: a free place */
};

/* What a window ended with: what later ones start from. */
struct ended {
    struct qnk_macro macro;
    struct qnk_hash digest, beacon;
    struct qnk_control *control;
    struct qnk_set *next_set;
};

struct qnk_oracle_chain {
    struct qnk_plugged ledger; /* table NULL: nothing is executed */
    struct qnk_schedule *schedule;
    bool (*plug)(void *ctx, const struct qnk_binding *binding, struct qnk_plugged *producer);
    void *plug_ctx;
    uint32_t producer;           /* number of the binding whose producer is in the schedule */
    struct final_window *finals; /* finals[0] is genesis */
    uint32_t finals_count, finals_room;
    struct qnk_index *index;     /* of `blocks` */
    struct stored_block *blocks; /* QNK_ORACLE_BODIES_MAX places */
    uint32_t blocks_next;        /* where a free place is looked for */
    bool is_lost;                /* something did not fit: nothing after it means anything */

    /* Where it stands. */
    uint64_t window; /* executed */
    struct qnk_micro head;
    struct qnk_hash head_id;
    uint64_t tx_total;
    struct qnk_control *control;
    struct qnk_frontier history;
    struct ended ends[ENDS];                      /* window % ENDS */
    struct qnk_micro recent[QNK_SCHEDULE_RECENT]; /* height % QNK_SCHEDULE_RECENT */
    uint64_t recent_count;
    struct qnk_beacon_share *shares; /* of the window before, by member; `has_share` of each */
    bool *has_share;
    uint32_t sharers;        /* the window's blocks of honest members, made after it was opened */
    struct qnk_hash *leaves; /* of the window's blocks */
    uint64_t signatures;
};

/* --- life --- */

static struct ended *ended_of(struct qnk_oracle_chain *chain, uint64_t window)
{
    return &chain->ends[window % ENDS];
}

static void ended_done(struct ended *ended)
{
    qnk_control_unref(ended->control);
    qnk_set_unref(ended->next_set);
    *ended = (struct ended){0};
}

/* The ledger's genesis, and what the first windows start from. */
static bool genesis(struct qnk_oracle *oracle, struct qnk_oracle_chain *chain,
                    const struct qnk_world_setup *network)
{
    const struct qn_ledger_1 *ledger = chain->ledger.table;
    struct ended *first = ended_of(chain, 0);

    if (ledger->genesis(chain->ledger.inst, LANE, network->genesis) != QN_OK ||
        qnk_transition_genesis(oracle->budget, &oracle->params, oracle->set, network->tips,
                               &chain->control) != QN_OK) {
        return false;
    }
    first->digest = oracle->params.chain_id;
    qnk_beacon_first(&oracle->params.chain_id, &first->beacon);
    first->control = qnk_control_ref(chain->control);
    first->next_set = qnk_set_ref(oracle->set);
    chain->head = (struct qnk_micro){
        .version = QNK_MICRO_VERSION,
        .time_ms = oracle->params.genesis_time_ms,
    };
    chain->head_id = oracle->params.chain_id;
    return true;
}

static void arrays_make(struct qnk_oracle *oracle, struct qnk_oracle_chain *chain)
{
    uint32_t members = oracle->set->count;

    chain->index = qnk_index_create(oracle->budget, QNK_ORACLE_BODIES_MAX, 3);
    QN_ASSERT(chain->index != NULL);
    chain->blocks = qnk_oracle_take(oracle, QNK_ORACLE_BODIES_MAX * sizeof *chain->blocks);
    chain->shares = qnk_oracle_take(oracle, members * sizeof *chain->shares);
    chain->has_share = qnk_oracle_take(oracle, members * sizeof *chain->has_share);
    chain->leaves = qnk_oracle_take(oracle, oracle->params.window * sizeof *chain->leaves);
    chain->finals = qnk_oracle_grow(oracle, NULL, 0, &chain->finals_room, sizeof *chain->finals);
    chain->finals[0] = (struct final_window){
        .is_known = true,
        .is_executed = true,
        .digest = oracle->params.chain_id,
    };
    chain->finals_count = 1;
}

struct qnk_oracle_chain *qnk_oracle_chain_create(struct qnk_oracle *oracle,
                                                 const struct qnk_oracle_setup *setup)
{
    struct qnk_oracle_chain *chain = qnk_oracle_take(oracle, sizeof *chain);
    bool is_made = true;

    oracle->chain = chain;
    arrays_make(oracle, chain);
    if (setup->ledger.table != NULL) {
        QN_ASSERT(setup->producer.table != NULL);
        chain->ledger = setup->ledger;
        chain->plug = setup->plug;
        chain->plug_ctx = setup->plug_ctx;
        chain->schedule = qnk_schedule_create(oracle->budget, &oracle->params, setup->producer);
        is_made = chain->schedule != NULL && genesis(oracle, chain, setup->network);
    }
    if (!is_made) {
        qnk_oracle_chain_destroy(oracle);
    }
    return oracle->chain;
}

void qnk_oracle_chain_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    struct qnk_budget *budget = oracle->budget;
    uint32_t members = oracle->set->count;

    if (chain == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ENDS; i++) {
        ended_done(&chain->ends[i]);
    }
    for (uint32_t i = 0; i < QNK_ORACLE_BODIES_MAX; i++) {
        qnk_buf_unref(chain->blocks[i].rows);
    }
    qnk_control_unref(chain->control);
    qnk_schedule_destroy(chain->schedule);
    qnk_index_destroy(chain->index);
    qnk_memory_give(budget, chain->blocks, QNK_ORACLE_BODIES_MAX * sizeof *chain->blocks);
    qnk_memory_give(budget, chain->shares, members * sizeof *chain->shares);
    qnk_memory_give(budget, chain->has_share, members * sizeof *chain->has_share);
    qnk_memory_give(budget, chain->leaves, oracle->params.window * sizeof *chain->leaves);
    qnk_memory_give(budget, chain->finals, chain->finals_room * sizeof *chain->finals);
    qnk_memory_give(budget, chain, sizeof *chain);
    oracle->chain = NULL;
}

/* --- bodies --- */

static struct stored_block *block_find(struct qnk_oracle_chain *chain, const struct qnk_hash *id)
{
    uint32_t place = qnk_index_find(chain->index, id);

    return place == QNK_INDEX_NONE ? NULL : &chain->blocks[place];
}

static void block_give(struct qnk_oracle_chain *chain, struct stored_block *block)
{
    (void)qnk_index_erase(chain->index, &block->id);
    qnk_buf_unref(block->rows);
    *block = (struct stored_block){0};
}

void qnk_oracle_body(struct qnk_oracle *oracle, uint32_t node, const uint8_t *header,
                     struct qn_span rows)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    struct qnk_micro micro;
    struct qnk_hash id;
    struct stored_block *place;

    if (chain->ledger.table == NULL || chain->is_lost ||
        qnk_micro_decode((struct qn_span){header, QNK_MICRO_SIZE}, &micro) != QN_OK ||
        micro.height <= chain->head.height) {
        return;
    }
    qnk_micro_id(&micro, &id);
    if (block_find(chain, &id) != NULL) {
        return;
    }
    if (qnk_index_count(chain->index) == QNK_ORACLE_BODIES_MAX) {
        qnk_oracle_break(oracle, QNK_ORACLE_R1, node,
                         "more blocks are stored than three windows "
                         "should have");
        return;
    }
    do {
        place = &chain->blocks[chain->blocks_next++ % QNK_ORACLE_BODIES_MAX];
    } while (place->rows != NULL);
    *place = (struct stored_block){.id = id, .height = micro.height};
    place->rows = qnk_buf_copy(oracle->budget, rows);
    QN_ASSERT(place->rows != NULL);
    qnk_index_put(chain->index, &id, (uint32_t)(place - chain->blocks));
}

/* What is not above the head is over. */
static void blocks_trim(struct qnk_oracle_chain *chain)
{
    for (uint32_t i = 0; i < QNK_ORACLE_BODIES_MAX; i++) {
        if (chain->blocks[i].rows != NULL && chain->blocks[i].height <= chain->head.height) {
            block_give(chain, &chain->blocks[i]);
        }
    }
}

/* --- a header --- */

static uint64_t header_final(const struct qnk_oracle *oracle, const struct qnk_micro *header)
{
    uint64_t window = qnk_window_of(header->height, oracle->params.window);
    uint64_t lag = header->flags & QNK_MICRO_LAG_MASK;

    return window > lag ? window - 1 - lag : 0;
}

/* The pace that binds the next block of rank `view`. */
static int32_t pace_of(struct qnk_oracle_chain *chain, const struct qnk_params *params,
                       uint32_t view, struct qnk_pace *pace)
{
    const struct qnk_micro *recent[QNK_SCHEDULE_RECENT];
    uint32_t count = 0;

    for (; count < QNK_SCHEDULE_RECENT && count < chain->recent_count; count++) {
        recent[count] = &chain->recent[(chain->head.height - count) % QNK_SCHEDULE_RECENT];
    }

    int32_t status =
        view >= QNK_SCHEDULE_VIEWS
            ? QN_OK
            : qnk_schedule_pace(chain->schedule, chain->head.height + 1, recent, count, pace);

    if (status == QN_OK) {
        *pace = qnk_pace_of(params, pace, view);
    }
    return status;
}

/* finality.md 3.2, 3.3. What is wrong with the block that follows on the head, or NULL. */
static const char *header_fault(struct qnk_oracle *oracle, const struct qnk_micro *header)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    const struct qnk_params *params = &oracle->params;
    uint32_t lag = header->flags & QNK_MICRO_LAG_MASK;
    uint32_t part = lag >= 2 ? 4 : 1;
    struct qnk_pace pace = {0};
    uint32_t member;

    if (header->height != chain->head.height + 1 ||
        !qnk_hash_equal(&header->parent, &chain->head_id)) {
        return "does not follow on the one before";
    }
    if (lag > 2 || header_final(oracle, header) < header_final(oracle, &chain->head)) {
        return "has a lag that cannot be";
    }
    if (header->tx_count > params->block_txs / part ||
        header->body_size > params->block_bytes / part) {
        return "is over its limits";
    }
    if (qnk_schedule_turn(chain->schedule, header->height, header->view, &member) != QN_OK ||
        member != header->producer) {
        return "is out of turn";
    }
    if (pace_of(chain, params, header->view, &pace) != QN_OK || header->class != pace.class) {
        return "has the wrong pace";
    }
    if (header->time_ms <
        chain->head.time_ms + pace.interval_ms + (uint64_t)header->view * pace.backup_ms) {
        return "is early";
    }
    return NULL;
}

static bool header_is_signed(const struct qnk_oracle *oracle, const struct qnk_micro *header)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];

    qnk_micro_message(header, &oracle->params.chain_id, message);
    return crypto_sign_verify_detached(header->signature, message, sizeof message,
                                       oracle->set->members[header->producer].key.bytes) == 0;
}

/* --- a body --- */

static bool tx_is_signed(struct qnk_oracle *oracle, const struct qnk_tx *tx)
{
    uint8_t message[QNK_TX_MESSAGE_MAX];
    uint32_t size;

    if (oracle->chain->signatures++ % oracle->signatures_every != 0) {
        return true;
    }
    size = qnk_tx_message(tx, &oracle->params.chain_id, message);
    return crypto_sign_verify_detached(tx->signature, message, size, tx->from) == 0;
}

/* A kernel transaction that the control record took. */
static void kernel_tx_note(struct qnk_oracle *oracle, const struct qnk_tx *tx, uint64_t window)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    struct qnk_evidence evidence;
    struct qnk_share share;

    if (tx->kind == QNK_TX_EVIDENCE && qnk_evidence_decode(tx->payload, &evidence) == QN_OK) {
        qnk_oracle_convicted(oracle, &evidence, window);
    }
    if (tx->kind == QNK_TX_SHARE && qnk_share_decode(tx->payload, &share) == QN_OK &&
        share.member < oracle->set->count && share.window + 1 == window) {
        chain->shares[share.member] =
            (struct qnk_beacon_share){.member = share.member, .link = share.link};
        chain->has_share[share.member] = true;
    }
}

/* One block under way: what its rows are. */
struct work {
    const struct qnk_micro *header;
    uint64_t window;
    struct qnk_transition transition;
    struct qn_ledger_transaction *txs;
    struct qnk_hash *ids;
    uint32_t txs_count;
};

/* What is wrong with a transaction of the block, or NULL. */
static const char *tx_fault(struct qnk_oracle *oracle, struct work *work, const struct qnk_tx *tx)
{
    bool is_over = work->header->flags >= 2 &&
                   (work->header->height - 1) % oracle->params.window >= oracle->params.window / 2;

    if (!tx_is_signed(oracle, tx)) {
        return "holds a transaction that is not signed";
    }
    if (tx->valid_until < work->header->height ||
        tx->valid_until - work->header->height >= QNK_TX_AHEAD_MAX) {
        return "holds a transaction before or after its time";
    }
    if (qnk_tx_is_kernel(tx)) {
        if (qnk_transition_tx(&work->transition, tx) != QN_OK) {
            return "holds a kernel transaction that is not valid";
        }
        kernel_tx_note(oracle, tx, work->window);
        return NULL;
    }
    if (is_over) {
        return "holds transactions at lag 2 in its window's second half";
    }
    work->txs[work->txs_count++] = (struct qn_ledger_transaction){
        .from = tx->from,
        .payload = tx->payload,
        .nonce = tx->nonce,
        .fee = tx->fee,
        .valid_until = tx->valid_until,
        .size = (uint32_t)tx->bytes.size,
        .kind = tx->kind,
        .key_known = 1,
    };
    return NULL;
}

static const char *rows_fault(struct qnk_oracle *oracle, struct work *work, struct qn_span rows)
{
    const struct qnk_micro *header = work->header;
    struct qnk_hash root;

    if (rows.size != header->body_size) {
        return "is not of the size it says";
    }
    for (uint32_t i = 0; i < header->tx_count; i++) {
        struct qnk_tx tx;
        const char *fault;

        if (qnk_tx_next(&rows, &tx) != QN_OK) {
            return "has a body that is none";
        }
        qnk_tx_id(&tx, &work->ids[i]);
        fault = tx_fault(oracle, work, &tx);
        if (fault != NULL) {
            return fault;
        }
        if (!qnk_tx_is_kernel(&tx)) {
            qnk_oracle_tx_final(oracle, &work->ids[i], header->height);
            qnk_oracle_book_tx(oracle, &tx);
        }
    }
    qnk_merkle_fold(work->ids, header->tx_count, &root);
    return rows.size == 0 && qnk_hash_equal(&root, &header->tx_root) ? NULL
                                                                     : "has another body's root";
}

static int32_t effect_drop(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

static const char *execute(struct qnk_oracle *oracle, const struct work *work)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    const struct qn_ledger_1 *ledger = chain->ledger.table;
    const struct qnk_micro *header = work->header;
    struct qn_effects out = {.push = effect_drop};
    struct qnk_hash effects;
    struct qn_ledger_block block = {
        .height = header->height,
        .window = work->window,
        .time_ms = header->time_ms,
        .producer = oracle->set->members[header->producer].key.bytes,
    };
    struct qn_sink undo;
    int32_t status;

    qnk_sink_init(&undo, oracle->budget, SINK_CAP);
    status = ledger->apply(chain->ledger.inst, LANE, &block, work->transition.offenders,
                           work->transition.offenders_count, work->txs, work->txs_count,
                           effects.bytes, &out, &undo);
    qnk_sink_done(&undo);
    if (status != QN_OK) {
        return "cannot be executed";
    }
    return qnk_hash_equal(&effects, &header->effects) ? NULL : "has other effects";
}

/* --- a block --- */

static void head_move(struct qnk_oracle_chain *chain, const struct qnk_micro *header,
                      const struct qnk_hash *id)
{
    chain->head = *header;
    chain->head_id = *id;
    chain->tx_total += header->tx_count;
    chain->recent[header->height % QNK_SCHEDULE_RECENT] = *header;
    chain->recent_count++;
}

/* Runs the body on control record and ledger; gives what is wrong, or NULL. */
static const char *work_run(struct qnk_oracle *oracle, struct work *work, struct qn_span rows)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    const struct qnk_micro *header = work->header;
    uint32_t primary;
    const char *fault;

    if (qnk_schedule_primary(chain->schedule, header->height, &primary) != QN_OK) {
        return "has no turn";
    }

    struct qnk_transition_block facts = {
        .height = header->height,
        .view = header->view,
        .primary = primary,
        .producer = header->producer,
    };

    if (qnk_transition_begin(&work->transition, chain->control, oracle->set, &oracle->params,
                             &facts) != QN_OK) {
        return "has no record before it";
    }
    fault = rows_fault(oracle, work, rows);
    if (fault == NULL) {
        fault = execute(oracle, work);
    }
    if (fault != NULL) {
        qnk_transition_drop(&work->transition);
        return fault;
    }

    struct qnk_control *after;

    if (qnk_transition_end(&work->transition, &after) != QN_OK) {
        return "has no record after it";
    }
    qnk_control_unref(chain->control);
    chain->control = after;
    return NULL;
}

static const char *block_run(struct qnk_oracle *oracle, const struct qnk_micro *header,
                             const struct qnk_hash *id)
{
    const struct stored_block *block = block_find(oracle->chain, id);
    struct work work = {
        .header = header,
        .window = qnk_window_of(header->height, oracle->params.window),
    };
    uint64_t txs_size = header->tx_count * sizeof *work.txs;
    uint64_t ids_size = header->tx_count * sizeof *work.ids;
    const char *fault = header_fault(oracle, header);

    if (fault != NULL) {
        return fault;
    }
    if (!header_is_signed(oracle, header)) {
        return "is not signed by its producer";
    }
    if (block == NULL) {
        return "has no body that an honest node stored";
    }
    work.txs = qnk_oracle_take(oracle, txs_size);
    work.ids = qnk_oracle_take(oracle, ids_size);
    fault = work_run(oracle, &work, qnk_buf_span(block->rows));
    qnk_memory_give(oracle->budget, work.ids, ids_size);
    qnk_memory_give(oracle->budget, work.txs, txs_size);
    if (fault == NULL) {
        oracle->chain->sharers +=
            (header->flags & QNK_MICRO_LAG_MASK) == 0 && !oracle->liars[header->producer];
        head_move(oracle->chain, header, id);
        oracle->figures.blocks++;
    }
    return fault;
}

/* --- a window --- */

/* Whether the window was begun when the core was whole: blocks may be far above what is final. */
static bool is_after_healing(const struct qnk_oracle *oracle, uint64_t window)
{
    const struct ended *before = &oracle->chain->ends[(window - 1) % ENDS];

    return oracle->healed_us != 0 && window > 1 &&
           before->macro.time_ms * UINT64_C(1000) > oracle->healed_us;
}

/* Whether members show all others their shares for the window: under the engine of genesis, if it
 * has commits, with the reveals. Under others the shares come to a leader first. */
static bool are_shares_shown(const struct qnk_oracle *oracle, uint64_t window)
{
    const struct qnk_binding *usual = &oracle->params.bindings[QNK_BINDING_CONSENSUS];
    const struct qnk_bindings *engines = qnk_oracle_engines(oracle, window);

    return engines != NULL && qnk_engine_equal(qnk_bindings_at(engines, window), usual) &&
           qnk_engine_has_step(usual, QNK_STEP_COMMIT);
}

/* Once a core is whole, the shares that its members showed for the window before are in, if it was
 * over soon enough for some blocks to take them. */
static void shares_look(struct qnk_oracle *oracle, uint64_t window)
{
    if (window < 2 || !is_after_healing(oracle, window - 1) ||
        oracle->chain->sharers < SHARERS_MIN || !are_shares_shown(oracle, window - 1)) {
        return;
    }
    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        const struct qnk_oracle_node *node = &oracle->nodes[i];

        if (!node->is_core || node->member == QNK_SET_NOBODY ||
            !qnk_oracle_has_revealed(oracle, window - 1, node->member)) {
            continue;
        }
        qnk_oracle_count(oracle, QNK_ORACLE_B1);
        if (!oracle->chain->has_share[node->member]) {
            qnk_oracle_break(oracle, QNK_ORACLE_B1, i,
                             "window %llu has not its share of the one before",
                             (unsigned long long)window);
        }
    }
}

static void beacon_make(struct qnk_oracle *oracle, uint64_t window, struct qnk_hash *beacon)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    uint32_t count = 0;

    for (uint32_t i = 0; i < oracle->set->count; i++) {
        if (chain->has_share[i] && window > 1) {
            chain->shares[count++] = chain->shares[i];
        }
        chain->has_share[i] = false;
    }
    qnk_beacon_next(&ended_of(chain, window - 1)->beacon, window, chain->shares, count, beacon);
}

/* The set that the ledger names now; NULL: it names none, or another than at genesis. */
static struct qnk_set *members_ask(struct qnk_oracle *oracle)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    const struct qn_ledger_1 *ledger = chain->ledger.table;
    struct qnk_set *set = NULL;
    struct qn_sink record;

    qnk_sink_init(&record, oracle->budget, SINK_CAP);
    if (ledger->members(chain->ledger.inst, LANE, &record) != QN_OK ||
        qnk_set_decode(oracle->budget, qnk_sink_span(&record), &set) != QN_OK) {
        set = NULL;
    }
    qnk_sink_done(&record);
    if (set != NULL && !qnk_hash_equal(&set->hash, &oracle->set->hash)) {
        qnk_set_unref(set);
        set = NULL;
    }
    return set;
}

/* The first field in which two macroblocks differ. */
static const char *macro_difference(const struct qnk_macro *a, const struct qnk_macro *b)
{
    const struct {
        const struct qnk_hash *a, *b;
        const char *name;
    } fields[] = {
        {&a->previous, &b->previous, "previous"},
        {&a->history, &b->history, "history"},
        {&a->blocks, &b->blocks, "blocks"},
        {&a->last, &b->last, "last"},
        {&a->state, &b->state, "state"},
        {&a->control, &b->control, "control"},
        {&a->set, &b->set, "set"},
        {&a->next_set, &b->next_set, "next set"},
        {&a->beacon, &b->beacon, "beacon"},
    };

    for (uint32_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!qnk_hash_equal(fields[i].a, fields[i].b)) {
            return fields[i].name;
        }
    }
    return "a number";
}

/* The macroblock as the oracle has it. NULL: the ledger answered; else what is wrong. */
static const char *macro_make(struct qnk_oracle *oracle, uint64_t window, struct qnk_set **next,
                              struct qnk_macro *macro)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    const struct qn_ledger_1 *ledger = chain->ledger.table;

    *macro = (struct qnk_macro){
        .version = QNK_MACRO_VERSION,
        .blocks_count = oracle->params.window,
        .window = window,
        .height = chain->head.height,
        .time_ms = chain->head.time_ms,
        .tx_total = chain->tx_total,
        .previous = ended_of(chain, window - 1)->digest,
        .last = chain->head_id,
        .set = oracle->set->hash,
    };
    if (ledger->root(chain->ledger.inst, LANE, macro->state.bytes) != QN_OK) {
        return "the ledger finds amounts that are not conserved";
    }
    *next = members_ask(oracle);
    if (*next == NULL) {
        return "the ledger names another set, which this oracle cannot follow";
    }
    macro->next_set = (*next)->hash;
    qnk_frontier_root(&chain->history, &macro->history);
    qnk_control_hash(chain->control, &macro->control);
    qnk_merkle_fold(chain->leaves, oracle->params.window, &macro->blocks);
    shares_look(oracle, window);
    beacon_make(oracle, window, &macro->beacon);
    return NULL;
}

/* What later windows start from. Takes the reference of `next_set`. */
static void window_end(struct qnk_oracle *oracle, const struct qnk_macro *macro,
                       struct qnk_set *next_set)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    struct ended *ended = ended_of(chain, macro->window);
    struct qnk_hash leaf;

    ended_done(ended);
    *ended = (struct ended){
        .macro = *macro,
        .beacon = macro->beacon,
        .control = qnk_control_ref(chain->control),
        .next_set = next_set,
    };
    qnk_macro_digest(macro, &ended->digest);
    qnk_hash_leaf(ended->digest.bytes, QN_HASH_SIZE, &leaf);
    qnk_frontier_add(&chain->history, &leaf);
    chain->window = macro->window;
    chain->sharers = 0;
}

/* Another producer serves from here on: one window is open at a time. */
static bool producer_swap(struct qnk_oracle_chain *chain, const struct qnk_binding *binding)
{
    struct qnk_plugged instance;

    if (chain->plug == NULL || !chain->plug(chain->plug_ctx, binding, &instance)) {
        return false;
    }
    qnk_schedule_unplug(chain->schedule, chain->producer);
    chain->producer = binding->number;
    return qnk_schedule_plug(chain->schedule, binding->number, instance) == QN_OK;
}

static bool window_open(struct qnk_oracle_chain *chain, uint64_t window)
{
    const struct ended *basis = ended_of(chain, window > LAG_SET ? window - LAG_SET : 0);
    const struct qnk_binding *binding =
        qnk_control_binding(basis->control, QNK_BINDING_PRODUCER, window);

    qnk_schedule_close(chain->schedule, window - 1);
    if (binding->number != chain->producer && !producer_swap(chain, binding)) {
        return false;
    }
    return qnk_schedule_open(chain->schedule, window, binding->number,
                             window > LAG_SET ? &basis->macro : NULL, &basis->beacon,
                             basis->next_set, basis->control) != QN_NO_SPACE;
}

struct qnk_bindings *qnk_oracle_engines(const struct qnk_oracle *oracle, uint64_t window)
{
    const struct qnk_oracle_chain *chain = oracle->chain;
    uint64_t basis = window > LAG_SET ? window - LAG_SET : 0;
    const struct ended *ended = &chain->ends[basis % ENDS];

    return ended->control == NULL || ended->macro.window != basis
               ? NULL
               : ended->control->bindings[QNK_BINDING_CONSENSUS];
}

static void lose(struct qnk_oracle *oracle, uint32_t node, uint64_t window, const char *what)
{
    oracle->chain->is_lost = true;
    qnk_oracle_break(oracle, QNK_ORACLE_S2, node, "window %llu: %s", (unsigned long long)window,
                     what);
}

/* The window's blocks; false: one is wrong. */
static bool blocks_run(struct qnk_oracle *oracle, uint32_t node, const struct qnk_final *final)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    uint64_t window = final->macro.window;

    if (final->headers->size != (uint64_t)oracle->params.window * QNK_MICRO_SIZE) {
        lose(oracle, node, window, "it has not as many blocks as a window");
        return false;
    }
    for (uint32_t i = 0; i < oracle->params.window; i++) {
        struct qn_span bytes = {final->headers->data + (uint64_t)i * QNK_MICRO_SIZE,
                                QNK_MICRO_SIZE};
        struct qnk_micro header;
        struct qnk_hash id;
        const char *fault = "is none";

        if (qnk_micro_decode(bytes, &header) == QN_OK && header.producer < oracle->set->count) {
            qnk_micro_id(&header, &id);
            qnk_hash_leaf(id.bytes, QN_HASH_SIZE, &chain->leaves[i]);
            fault = block_run(oracle, &header, &id);
        }
        if (fault != NULL) {
            chain->is_lost = true;
            qnk_oracle_break(oracle, QNK_ORACLE_S2, node, "window %llu: block %llu %s",
                             (unsigned long long)window, (unsigned long long)chain->head.height + 1,
                             fault);
            return false;
        }
    }
    return true;
}

/* Executes a window again. */
static void window_run(struct qnk_oracle *oracle, uint32_t node, const struct qnk_final *final)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    uint64_t window = final->macro.window;
    struct qnk_macro macro;
    struct qnk_set *next_set;
    const char *fault;

    qnk_oracle_count(oracle, QNK_ORACLE_S2);
    if (!window_open(chain, window)) {
        lose(oracle, node, window, "the producer cannot schedule it");
        return;
    }
    if (!blocks_run(oracle, node, final)) {
        return;
    }
    fault = macro_make(oracle, window, &next_set, &macro);
    if (fault != NULL) {
        lose(oracle, node, window, fault);
        return;
    }
    qnk_oracle_book_compare(oracle, chain->ledger, window);
    qnk_oracle_count(oracle, QNK_ORACLE_B1);
    window_end(oracle, &macro, next_set);
    blocks_trim(chain);
    if (!qnk_hash_equal(&ended_of(chain, window)->digest, &final->digest)) {
        bool is_beacon = strcmp(macro_difference(&macro, &final->macro), "beacon") == 0;

        chain->is_lost = true;
        qnk_oracle_break(oracle, is_beacon ? QNK_ORACLE_B1 : QNK_ORACLE_S2, node,
                         "window %llu: executed again its macroblock differs in: %s",
                         (unsigned long long)window, macro_difference(&macro, &final->macro));
    }
}

/* --- the final chain --- */

/* Room for this window; NULL: it does not follow on those that are known. */
static struct final_window *final_at(struct qnk_oracle *oracle, uint64_t window)
{
    struct qnk_oracle_chain *chain = oracle->chain;

    if (window > chain->finals_count) {
        return NULL;
    }
    if (window == chain->finals_count) {
        chain->finals = qnk_oracle_grow(oracle, chain->finals, chain->finals_count,
                                        &chain->finals_room, sizeof *chain->finals);
        chain->finals[chain->finals_count++] = (struct final_window){0};
        oracle->figures.windows++;
    }
    return &chain->finals[window];
}

bool qnk_oracle_finalized(struct qnk_oracle *oracle, uint32_t node, const struct qnk_final *final)
{
    struct qnk_oracle_chain *chain = oracle->chain;
    uint64_t window = final->macro.window;
    struct final_window *known = final_at(oracle, window);

    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (known == NULL) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "window %llu is final, and those before are nowhere",
                         (unsigned long long)window);
        return false;
    }
    if (!known->is_known) {
        *known = (struct final_window){
            .is_known = true,
            .macro = final->macro,
            .digest = final->digest,
        };
    }
    if (!qnk_hash_equal(&known->digest, &final->digest)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "window %llu is final with another digest than elsewhere: it differs in "
                         "%s",
                         (unsigned long long)window,
                         macro_difference(&known->macro, &final->macro));
        return false;
    }
    if (chain->ledger.table != NULL && !chain->is_lost && !known->is_executed &&
        final->headers != NULL && window == chain->window + 1) {
        known->is_executed = true;
        window_run(oracle, node, final);
    }
    return true;
}

bool qnk_oracle_is_known(struct qnk_oracle *oracle, uint64_t window, const struct qnk_hash *digest)
{
    const struct qnk_oracle_chain *chain = oracle->chain;

    return window < chain->finals_count && chain->finals[window].is_known &&
           qnk_hash_equal(&chain->finals[window].digest, digest);
}

uint64_t qnk_oracle_final_windows(const struct qnk_oracle *oracle)
{
    return oracle->chain->finals_count - 1;
}

uint64_t qnk_oracle_height(const struct qnk_oracle *oracle)
{
    return qnk_oracle_final_windows(oracle) * oracle->params.window;
}
