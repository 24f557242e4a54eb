/* SPDX-License-Identifier: MIT */

/* final.c: windows: what their macroblock would be, what is certified, and what follows when one is
 * final. */

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/node/core.h"

enum {
    TRIM_WINDOWS = 16, /* final windows between two rewrites of the guard's log */
    FRONTIER_SIZE = 8 + 64 * QN_HASH_SIZE,
};

/* --- what is final --- */

const struct qnk_known_final *qnk_final_of(const struct qnk_node *node, int64_t window)
{
    uint64_t place = window < 0 ? 0 : (uint64_t)window;
    const struct qnk_known_final *final = &node->finals[place % QNK_FINALS];

    return final->is_set && final->window == place ? final : NULL;
}

static void known_done(struct qnk_known_final *final)
{
    qnk_buf_unref(final->certificate);
    qnk_control_unref(final->control);
    qnk_set_unref(final->next_set);
    *final = (struct qnk_known_final){0};
}

void qnk_finals_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_FINALS; i++) {
        known_done(&node->finals[i]);
    }
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        qnk_buf_unref(node->peers[i].proof);
    }
    qnk_buf_unref(node->certificate);
    node->certificate = NULL;
}

static struct qnk_known_final *known_place(struct qnk_node *node, uint64_t window)
{
    struct qnk_known_final *final = &node->finals[window % QNK_FINALS];

    known_done(final);
    final->window = window;
    final->is_set = true;
    return final;
}

/* Opens the schedules of the three windows that may have blocks now. */
static int32_t windows_open(struct qnk_node *node)
{
    qnk_schedule_close(node->schedule, node->final_window);
    for (uint64_t window = node->final_window + 1; window <= node->final_window + QNK_TREE_WINDOWS;
         window++) {
        const struct qnk_known_final *basis = qnk_final_of(node, (int64_t)window - 3);
        int32_t status = QN_OK;
        uint32_t number;

        QN_ASSERT(basis != NULL);
        number = qnk_control_binding(basis->control, QNK_BINDING_PRODUCER, window)->number;
        if (qnk_schedule_wants(node->schedule, window)) {
            status = qnk_schedule_open(node->schedule, window, number,
                                       basis->window == 0 ? NULL : &basis->macro, &basis->beacon,
                                       basis->next_set, basis->control);
        }
        /* A producer that came by a swap and fails everywhere costs its ranks: the kernel's are
         * left, and the plan fails by what they make. */
        if (status != QN_OK && (number == 0 || status == QN_NO_SPACE)) {
            return status;
        }
    }
    return QN_OK;
}

bool qnk_windows_follow(struct qnk_node *node)
{
    int32_t status = windows_open(node);

    if (status == QN_NO_SPACE) {
        qnk_exec_lack_say(node, "schedule the next window");
    } else if (status != QN_OK) {
        qnk_halt(node, "the producer plugin cannot schedule the next window");
    }
    return status == QN_OK;
}

int32_t qnk_final_genesis(struct qnk_node *node)
{
    const struct qnk_setup *setup = &node->setup;
    struct qnk_known_final *genesis = known_place(node, 0);
    struct qnk_micro header = {
        .version = QNK_MICRO_VERSION,
        .time_ms = setup->params.genesis_time_ms,
    };
    int32_t status = qnk_transition_genesis(&node->budget, &setup->params, node->genesis_set,
                                            setup->tips, &genesis->control);

    if (status != QN_OK) {
        return status;
    }
    genesis->digest = setup->params.chain_id;
    genesis->next_set = qnk_set_ref(node->genesis_set);
    qnk_beacon_first(&setup->params.chain_id, &genesis->beacon);
    qnk_tree_root_set(node->tree, &header, &setup->params.chain_id, genesis->control, 0);
    node->exec.at = qnk_tree_root(node->tree);
    return windows_open(node);
}

bool qnk_vote_context(const struct qnk_node *node, uint64_t window, uint32_t attempt,
                      struct qnk_set **set, struct qnk_ballot_place *place)
{
    const struct qnk_known_final *basis =
        window == 0 ? NULL : qnk_final_of(node, (int64_t)window - 3);
    const struct qnk_binding *bound = qnk_window_binding(node, QNK_BINDING_CONSENSUS, window, 0);
    const struct qnk_binding *binding =
        qnk_window_binding(node, QNK_BINDING_CONSENSUS, window, attempt);
    uint8_t engine[QNK_ENGINE_RECORD_MAX];

    if (binding == NULL) {
        return false;
    }

    uint32_t size = qnk_engine_record(binding, engine);

    *set = basis->next_set;
    *place = (struct qnk_ballot_place){.era = qnk_era(bound->number, attempt), .window = window};
    qnk_vote_binding(&basis->next_set->hash, (struct qn_span){engine, size}, &place->binding);
    return true;
}

/* --- a window's end --- */

/* The tree over the ids of a window's blocks, of which `last` is the last. */
static bool blocks_root(struct qnk_node *node, const struct qnk_block *last, struct qnk_hash *root)
{
    uint32_t n = node->setup.params.window;
    struct qnk_hash *leaves = qnk_memory_take(&node->budget, n * sizeof *leaves);

    if (leaves == NULL) {
        return false;
    }
    for (uint32_t i = n; i-- > 0; last = last->parent) {
        qnk_hash_leaf(last->id.bytes, QN_HASH_SIZE, &leaves[i]);
    }
    qnk_merkle_fold(leaves, n, root);
    qnk_memory_give(&node->budget, leaves, n * sizeof *leaves);
    return true;
}

/* What the window before ended with, on this chain. */
struct ended {
    struct qnk_hash digest;
    struct qnk_hash beacon;
    struct qnk_frontier history;
};

static struct ended ended_before(const struct qnk_node *node, struct qnk_block *block)
{
    uint32_t n = node->setup.params.window;
    const struct qnk_block *before = qnk_tree_ancestor(block, block->header.height - n);

    if (before == qnk_tree_root(node->tree)) {
        const struct qnk_known_final *final = qnk_final_of(node, (int64_t)node->final_window);

        QN_ASSERT(final != NULL);
        return (struct ended){final->digest, final->beacon, final->history};
    }
    QN_ASSERT(before != NULL && before->end != NULL);
    return (struct ended){before->end->digest, before->end->macro.beacon, before->end->history};
}

bool qnk_end_done(struct qnk_node *node, struct qnk_block *block, struct qnk_job *job)
{
    uint64_t window = qnk_window_of(block->header.height, node->setup.params.window);
    struct ended before = ended_before(node, block);
    struct qnk_window_end *end = qnk_memory_take(&node->budget, sizeof *end);
    struct qnk_hash leaf;

    if (end == NULL) {
        return false;
    }
    end->macro = (struct qnk_macro){
        .version = QNK_MACRO_VERSION,
        .blocks_count = node->setup.params.window,
        .window = window,
        .height = block->header.height,
        .time_ms = block->header.time_ms,
        .tx_total = block->tx_total,
        .previous = before.digest,
        .last = block->id,
        .state = job->root,
        .set = qnk_schedule_set(node->schedule, window)->hash,
        .next_set = job->members->hash,
    };
    qnk_frontier_root(&before.history, &end->macro.history);
    qnk_control_hash(block->control, &end->macro.control);
    if (!blocks_root(node, block, &end->macro.blocks) ||
        qnk_transition_beacon(block->control, &before.beacon, window, &end->macro.beacon) !=
            QN_OK) {
        qnk_memory_give(&node->budget, end, sizeof *end);
        return false;
    }
    qnk_macro_digest(&end->macro, &end->digest);
    end->history = before.history;
    qnk_hash_leaf(end->digest.bytes, QN_HASH_SIZE, &leaf);
    qnk_frontier_add(&end->history, &leaf);
    end->members = job->members;
    end->pages = job->pages;
    job->members = NULL;
    job->pages = (struct qnk_page_set){0};
    block->end = end;
    qnk_tree_know(node->tree, block, end);
    return true;
}

/* --- certificates --- */

void qnk_certificate_send(struct qnk_node *node, uint32_t peer, uint64_t window)
{
    const struct qnk_known_final *final = qnk_final_of(node, (int64_t)window);
    uint8_t header[QNK_MACRO_SIZE];

    if (final == NULL || final->certificate == NULL) {
        return;
    }
    qnk_macro_encode(&final->macro, header);

    struct qnk_certified certified = {
        .header = {header, sizeof header},
        .certificate = qnk_buf_span(final->certificate),
    };
    struct qn_buf *body = qnk_buf_new(&node->budget, qnk_certified_size(&certified));

    if (body != NULL) {
        qnk_certified_encode(&certified, body->data);
        qnk_send(node, peer, QNK_WIRE_CERTIFICATE, 0, body);
    }
}

static void spread(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && peer->has_status &&
            peer->status.final_window + 1 == node->final_window) {
            qnk_certificate_send(node, peer->id, node->final_window);
        }
    }
}

/* Whether this certificate tells something that is worth checking its signatures. */
static bool certificate_is_wanted(struct qnk_node *node, const struct qnk_certificate *cert)
{
    const struct qnk_known_final *known = qnk_final_of(node, (int64_t)cert->window);

    if (cert->lane != 0) {
        return false;
    }
    if (cert->step == QNK_STEP_PREPARE) {
        return node->ballot != NULL && cert->window == node->final_window + 1 &&
               cert->era == qnk_ballot_place(node->ballot)->era &&
               qnk_ballot_certificate_find(node->ballot, cert->round, &cert->digest) == NULL;
    }
    if (cert->window <= node->final_window) {
        /* Only a contradiction is news, and then it is the worst there is. */
        return known != NULL && known->window != 0 &&
               !qnk_hash_equal(&known->digest, &cert->digest);
    }
    return cert->window == node->final_window + 1 && node->certificate == NULL;
}

/* Starts a job for all signatures of a certificate; `context` is the message it came in. */
static void certificate_check(struct qnk_node *node, struct qnk_peer *peer,
                              const struct qnk_certificate *cert, const struct qnk_set *set,
                              struct qn_buf *context)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_CERTIFICATE);
    uint32_t count = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        count += qnk_bit(cert->bitmap, i);
    }
    if (job == NULL || !qnk_job_sigs(job, count, (uint64_t)count * QNK_VOTE_MESSAGE_SIZE)) {
        qnk_job_destroy(job);
        qnk_buf_unref(context);
        return;
    }
    job->peer = peer->id;
    job->context = context;
    for (uint32_t i = 0, at = 0; i < set->count; i++) {
        struct qnk_vote vote;

        if (!qnk_bit(cert->bitmap, i)) {
            continue;
        }
        qnk_certificate_vote(cert, i, &vote);
        job->sigs[at].key = set->members[i].key;
        memcpy(job->sigs[at].signature, vote.signature, QN_SIG_SIZE);
        job->sigs[at].offset = at * QNK_VOTE_MESSAGE_SIZE;
        job->sigs[at].size = QNK_VOTE_MESSAGE_SIZE;
        qnk_vote_message(&vote, &node->setup.params.chain_id,
                         job->messages->data + job->sigs[at].offset);
        at++;
    }
    if (cert->step == QNK_STEP_FINAL) {
        peer->is_proving = true;
        node->is_checking_certificate = true;
        node->check_turn = (uint32_t)(peer - node->peers);
    }
    qnk_job_start(node, job);
}

/* The header behind the certified digest came: it needs no signature. */
void qnk_certified_macro(struct qnk_node *node, const struct qnk_macro *macro)
{
    struct qnk_hash digest;

    qnk_macro_digest(macro, &digest);
    if (node->certificate == NULL || node->has_certified_macro ||
        !qnk_hash_equal(&digest, &node->certified)) {
        return;
    }
    node->certified_macro = *macro;
    node->has_certified_macro = true;
    qnk_exec_look(node);
    qnk_final_look(node);
    qnk_sync_look(node);
}

void qnk_certificate_take(struct qnk_node *node, uint32_t id, const struct qnk_certified *certified)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);
    struct qnk_macro macro;
    struct qnk_certificate cert;
    struct qnk_set *set;
    struct qnk_ballot_place place;

    if (qnk_certificate_decode(certified->certificate, &cert) != QN_OK) {
        qnk_peer_fault(node, id, QNK_FAULT_MALFORMED);
        return;
    }
    if (certified->header.size > 0 && qnk_macro_decode(certified->header, &macro) == QN_OK) {
        qnk_certified_macro(node, &macro);
    }
    if (peer == NULL || !certificate_is_wanted(node, &cert) ||
        !qnk_vote_context(node, cert.window, qnk_era_attempt(cert.era), &set, &place)) {
        return;
    }
    if (node->setup.type == QNK_NODE_LIGHT) {
        /* It has no control record of its own: a quorum includes honest members, which sign no
         * binding but the right one (finality.md 13). */
        place.era = cert.era;
        place.binding = cert.binding;
    }
    if (cert.era != place.era || qnk_certificate_check(&cert, set, &place.binding) != QN_OK) {
        qnk_peer_fault(node, id, QNK_FAULT_BAD_SIGNATURE);
        return;
    }

    struct qn_buf *context = qnk_buf_new(&node->budget, qnk_certified_size(certified));

    if (context != NULL) {
        qnk_certified_encode(certified, context->data);
        if (cert.step == QNK_STEP_FINAL && node->is_checking_certificate) {
            qnk_buf_unref(peer->proof);
            peer->proof = context;
            return;
        }
        certificate_check(node, peer, &cert, set, context);
    }
}

/* The next peer's turn. Each has at most one certificate that waits, its last one: however many are
 * forged, a good one is checked after at most one of each other peer. */
static void proofs_look(struct qnk_node *node)
{
    uint32_t last = node->check_turn;

    for (uint32_t i = 1; i <= QNK_PEERS_MAX && !node->is_checking_certificate; i++) {
        struct qnk_peer *peer = &node->peers[(last + i) % QNK_PEERS_MAX];
        struct qn_buf *proof = peer->proof;
        struct qnk_certified certified;

        if (proof == NULL) {
            continue;
        }

        int32_t status = qnk_certified_decode(qnk_buf_span(proof), &certified);

        QN_ASSERT(status == QN_OK);
        peer->proof = NULL;
        qnk_certificate_take(node, peer->id, &certified);
        qnk_buf_unref(proof);
    }
}

/* Another digest than ours has a valid certificate: a third of the weight lies, or our disk
 * does. */
static void contradiction(struct qnk_node *node, const struct qnk_certificate *cert)
{
    qnk_note(node, QNK_LOG_ERROR, "certificate-contradicts",
             "window %llu is final here with another digest than in a valid certificate",
             (unsigned long long)cert->window);
    qnk_halt(node, "two valid certificates contradict each other: do not restart before the "
                   "operators of this network have compared their chains");
}

static void certificate_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_certified certified;
    struct qnk_certificate cert;
    struct qnk_macro macro;
    struct qnk_peer *peer = qnk_peer_find(node, job->peer);
    int32_t status = qnk_certified_decode(qnk_buf_span(job->context), &certified);
    bool is_good = job->status == QN_OK;

    QN_ASSERT(status == QN_OK);
    status = qnk_certificate_decode(certified.certificate, &cert);
    QN_ASSERT(status == QN_OK);
    if (cert.step == QNK_STEP_FINAL) {
        node->is_checking_certificate = false;
    }
    if (cert.step == QNK_STEP_FINAL && peer != NULL) {
        peer->is_proving = false;
    }
    for (uint32_t i = 0; is_good && i < job->sigs_count; i++) {
        is_good = qnk_bit(job->bitmap, i);
    }
    if (!is_good) {
        if (job->status == QN_OK) {
            qnk_peer_fault(node, job->peer, QNK_FAULT_BAD_SIGNATURE);
            qnk_sync_forged(node, job->peer);
        }
        return;
    }

    struct qn_buf *bytes = qnk_buf_copy(&node->budget, certified.certificate);
    bool has_macro =
        certified.header.size > 0 && qnk_macro_decode(certified.header, &macro) == QN_OK;

    if (bytes == NULL) {
        return;
    }
    if (cert.step == QNK_STEP_PREPARE) {
        qnk_certificate_prepare(node, bytes);
    } else if (cert.window <= node->final_window) {
        const struct qnk_known_final *known = qnk_final_of(node, (int64_t)cert.window);

        if (known != NULL && !qnk_hash_equal(&known->digest, &cert.digest)) {
            contradiction(node, &cert);
        }
    } else {
        if (peer != NULL) {
            peer->doubts /= 2; /* it showed what it claimed */
        }
        qnk_certificate_final(node, bytes, has_macro ? &macro : NULL, job->peer);
    }
    qnk_buf_unref(bytes);
}

void qnk_certificate_checked(struct qnk_node *node, struct qnk_job *job)
{
    certificate_checked(node, job);
    proofs_look(node);
}

void qnk_certificate_final(struct qnk_node *node, struct qn_buf *bytes,
                           const struct qnk_macro *macro, uint32_t peer)
{
    struct qnk_certificate cert;
    struct qnk_hash digest;
    int32_t status = qnk_certificate_decode(qnk_buf_span(bytes), &cert);

    QN_ASSERT(status == QN_OK);
    if (node->certificate != NULL || cert.window != node->final_window + 1) {
        return;
    }
    node->certificate = qnk_buf_ref(bytes);
    node->certified = cert.digest;
    node->has_certified_macro = false;
    node->macro_asked_us = 0;
    if (macro != NULL) {
        qnk_macro_digest(macro, &digest);
        if (qnk_hash_equal(&digest, &cert.digest)) {
            node->certified_macro = *macro;
            node->has_certified_macro = true;
        } else {
            qnk_peer_fault(node, peer, QNK_FAULT_BAD_RANGE);
        }
    }
    qnk_exec_look(node);
    qnk_final_look(node);
    qnk_sync_look(node);
}

/* --- finality --- */

static struct qn_buf *encode_control(struct qnk_node *node, const struct qnk_control *control)
{
    struct qn_buf *buf = qnk_buf_new(&node->budget, qnk_control_size(control));

    if (buf != NULL) {
        qnk_control_encode(control, buf->data);
    }
    return buf;
}

static struct qn_buf *encode_set(struct qnk_node *node, const struct qnk_set *set)
{
    struct qn_buf *buf = qnk_buf_new(&node->budget, qnk_set_size(set));

    if (buf != NULL) {
        qnk_set_encode(set, buf->data);
    }
    return buf;
}

static struct qn_buf *encode_frontier(struct qnk_node *node, const struct qnk_frontier *frontier)
{
    struct qn_buf *buf = qnk_buf_new(&node->budget, FRONTIER_SIZE);

    if (buf != NULL) {
        qn_le64_write(buf->data, frontier->count);
        memcpy(buf->data + 8, frontier->peaks, sizeof frontier->peaks);
    }
    return buf;
}

/* Fills in what is stored of the window's blocks, which end with `last`. */
static bool final_blocks(struct qnk_node *node, struct qnk_final *final,
                         const struct qnk_block *last)
{
    uint32_t n = node->setup.params.window;
    const struct qnk_block *root = qnk_tree_root(node->tree);
    uint64_t ids_size = (last->tx_total - root->tx_total) * QN_HASH_SIZE;

    final->blocks = qnk_buf_new(&node->budget, n * sizeof(struct qnk_final_block));
    final->counts = qnk_buf_new(&node->budget, (uint64_t)n * 4);
    final->headers = qnk_buf_new(&node->budget, (uint64_t)n * QNK_MICRO_SIZE);
    final->ids = qnk_buf_new(&node->budget, ids_size);
    if (final->headers == NULL || final->blocks == NULL || final->counts == NULL ||
        final->ids == NULL) {
        return false;
    }
    for (uint32_t i = n; i-- > 0; last = last->parent) {
        struct qnk_final_block block = {.id = last->id, .place = last->place};

        memcpy(final->blocks->data + i * sizeof block, &block, sizeof block);
        qnk_micro_encode(&last->header, final->headers->data + (uint64_t)i * QNK_MICRO_SIZE);
        qn_le32_write(final->counts->data + (uint64_t)i * 4, last->header.tx_count);
        ids_size -= last->ids->size;
        if (last->ids->size > 0) {
            memcpy(final->ids->data + ids_size, last->ids->data, last->ids->size);
        }
    }
    QN_ASSERT(ids_size == 0);
    return true;
}

/* The batch that makes a window final on disk; NULL: memory is short. */
static struct qnk_final *final_make(struct qnk_node *node, struct qnk_block *last)
{
    struct qnk_final *final = qnk_memory_take(&node->budget, sizeof *final);

    if (final == NULL) {
        return NULL;
    }
    final->budget = &node->budget;
    final->macro = last->end->macro;
    final->digest = last->end->digest;
    final->certificate = qnk_buf_ref(node->certificate);
    final->control = encode_control(node, last->control);
    final->next_set = encode_set(node, last->end->members);
    final->frontier = encode_frontier(node, &last->end->history);
    if (!final_blocks(node, final, last) || final->control == NULL || final->next_set == NULL ||
        final->frontier == NULL) {
        qnk_final_destroy(final);
        return NULL;
    }
    final->pages = last->end->pages;
    last->end->pages = (struct qnk_page_set){0};
    return final;
}

/* Remembers the headers that leave the tree, oldest first. */
static void recent_keep(struct qnk_node *node, struct qnk_block *last)
{
    const struct qnk_block *root = qnk_tree_root(node->tree);

    for (uint64_t height = root->header.height + 1; height <= last->header.height; height++) {
        qnk_recent_add(node, &qnk_tree_ancestor(last, height)->header);
    }
}

/* The guard's log and the mempool's copy only grow: once in a while they are written anew. The
 * guard's only if it is whole: what is written over a damaged or lost one would pass for all that
 * was signed after the next start. */
static void logs_trim(struct qnk_node *node)
{
    bool is_whole = node->signing == QNK_SIGNING_RESTORED && !node->is_guard_bad;
    struct qn_buf *records;
    struct qn_buf *rows;

    if (node->trims > 0) {
        node->trims--;
        return;
    }
    node->trims = TRIM_WINDOWS - 1; /* the first time soon after a start: a node may have many */
    records = is_whole ? qnk_guard_records(node->guard) : NULL;
    if (records != NULL) {
        qnk_effects_push(node->out, QNK_EFFECT_GUARD_TRIM)->trim.records = records;
    }
    rows = qnk_mempool_rows(node->mempool);
    if (rows != NULL) { /* without rows too: then what the copy held is over */
        struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_STORE_TXS);

        effect->txs.rows = rows;
        effect->txs.size = rows->size;
        effect->txs.replaces = true;
    }
}

static void note_final(struct qnk_node *node, const struct qnk_known_final *final,
                       const struct qnk_certificate *cert)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_NOTE);
    uint32_t signers = 0;

    for (uint32_t i = 0; i < cert->members; i++) {
        signers += qnk_bit(cert->bitmap, i);
    }
    effect->note.what = QNK_NOTE_FINAL;
    effect->note.height = final->window;
    effect->note.id = final->digest;
    qnk_note(node, QNK_LOG_INFO, "window-final",
             "window %llu is final | window=%llu blocks=%llu-%llu signed=%u/%u round=%u",
             (unsigned long long) final->window, (unsigned long long) final->window,
             (unsigned long long)(final->macro.height - final->macro.blocks_count + 1),
             (unsigned long long) final->macro.height, signers, cert->members, cert->round);
}

/* The certified window, whose certificate moves into what is known of it. */
static struct qnk_known_final *known_add(struct qnk_node *node, const struct qnk_macro *macro,
                                         struct qnk_control *control, struct qnk_set *next_set,
                                         const struct qnk_frontier *history,
                                         struct qnk_certificate *cert)
{
    struct qnk_known_final *final;
    int32_t status = qnk_certificate_decode(qnk_buf_span(node->certificate), cert);

    QN_ASSERT(status == QN_OK && cert->window == node->final_window + 1);
    (void)qnk_control_ref(control); /* they may be those of the window that gives way */
    (void)qnk_set_ref(next_set);
    final = known_place(node, macro->window);
    final->macro = *macro;
    final->digest = node->certified;
    final->beacon = macro->beacon;
    final->certificate = node->certificate;
    final->control = control;
    final->next_set = next_set;
    final->history = *history;
    node->certificate = NULL;
    node->has_certified_macro = false;
    node->counters.windows++;
    node->counters.txs_final += macro->tx_total - qnk_tree_root(node->tree)->tx_total;
    node->final_window = macro->window;
    node->final_us = node->now_us;
    return final;
}

static void store_final(struct qnk_node *node, struct qnk_final *batch)
{
    batch->token = qnk_token(node);
    qnk_effects_push(node->out, QNK_EFFECT_STORE_FINAL)->final = batch;
}

/* The window that ends with `last` is final from here on. */
static void finalize(struct qnk_node *node, struct qnk_block *last, struct qnk_final *batch)
{
    struct qnk_certificate cert;
    struct qnk_known_final *final = known_add(node, &last->end->macro, last->control,
                                              last->end->members, &last->end->history, &cert);

    recent_keep(node, last);
    store_final(node, batch);
    qnk_tree_finalize(node->tree, last);
    qnk_guard_forget(node->guard, final->window, last->header.height);
    logs_trim(node);
    note_final(node, final, &cert);
    qnk_instance_close(node, &final->digest, cert.round);
    qnk_fallback_look(node, final, cert.era);
}

/* The certified chain was executed here with another result. */
static void divergence(struct qnk_node *node)
{
    qnk_note(node, QNK_LOG_ERROR, "state-differs",
             "window %llu: a quorum certified another result than this node computed",
             (unsigned long long)(node->final_window + 1));
    qnk_halt(node, "this node computed another state than the quorum: check its plugins, memory "
                   "and disk, then start it with an empty data folder");
}

/* The end of the certified window, if it is executed, stored, and the ledger stands on it. */
static struct qnk_block *certified_end(struct qnk_node *node)
{
    struct qnk_block *last = qnk_tree_find_end(node->tree, &node->certified);

    if (last == NULL && node->has_certified_macro) {
        const struct qnk_block *own = qnk_tree_find(node->tree, &node->certified_macro.last);

        if (own != NULL && (own->end != NULL || own->state == QNK_BLOCK_BAD)) {
            divergence(node);
        }
        return NULL;
    }
    if (last == NULL || last == qnk_tree_root(node->tree) ||
        qnk_tree_ancestor(node->exec.at, last->header.height) != last ||
        (node->exec.state == QNK_EXEC_UNDO && node->exec.at == last)) {
        return NULL;
    }
    for (const struct qnk_block *at = last; at != qnk_tree_root(node->tree); at = at->parent) {
        if (!at->stored) {
            return NULL;
        }
    }
    return last;
}

/* --- light nodes: finality.md 13 --- */

/* Whether the certified header goes on from the last final one: it has its digest as `previous`,
 * all before in its history, and the set that was named three windows earlier. */
static bool light_fits(const struct qnk_node *node, const struct qnk_macro *macro)
{
    uint32_t n = node->setup.params.window;
    const struct qnk_known_final *last = qnk_final_of(node, (int64_t)node->final_window);
    const struct qnk_known_final *basis = qnk_final_of(node, (int64_t)macro->window - 3);
    struct qnk_hash history;

    qnk_frontier_root(&last->history, &history);
    return macro->window == last->window + 1 && macro->blocks_count == n &&
           macro->height == qnk_window_last(macro->window, n) &&
           macro->tx_total >= last->macro.tx_total && macro->time_ms >= last->macro.time_ms &&
           qnk_hash_equal(&macro->previous, &last->digest) &&
           qnk_hash_equal(&macro->history, &history) && basis != NULL &&
           qnk_hash_equal(&macro->set, &basis->next_set->hash);
}

/* The batch of a window of which only the header is known. */
static struct qnk_final *light_make(struct qnk_node *node, const struct qnk_known_final *last,
                                    const struct qnk_frontier *history)
{
    struct qnk_final *final = qnk_memory_take(&node->budget, sizeof *final);

    if (final == NULL) {
        return NULL;
    }
    final->budget = &node->budget;
    final->macro = node->certified_macro;
    final->digest = node->certified;
    final->certificate = qnk_buf_ref(node->certificate);
    final->control = encode_control(node, last->control);
    final->next_set = encode_set(node, last->next_set);
    final->frontier = encode_frontier(node, history);
    if (final->control == NULL || final->next_set == NULL || final->frontier == NULL) {
        qnk_final_destroy(final);
        return NULL;
    }
    return final;
}

/* The root of a tree without blocks: all that a light node knows of the last block. */
static void light_root(struct qnk_node *node, const struct qnk_known_final *final)
{
    struct qnk_micro header = {
        .version = QNK_MICRO_VERSION,
        .height = final->macro.height,
        .time_ms = final->macro.time_ms,
    };

    qnk_tree_root_set(node->tree, &header, &final->macro.last, final->control,
                      final->macro.tx_total);
    node->exec.at = qnk_tree_root(node->tree);
}

/* False: nothing became final. */
static bool light_look(struct qnk_node *node)
{
    const struct qnk_known_final *last = qnk_final_of(node, (int64_t)node->final_window);
    struct qnk_macro macro = node->certified_macro;
    struct qnk_certificate cert;
    struct qnk_final *batch;
    struct qnk_hash leaf;

    if (!node->has_certified_macro) {
        return false;
    }
    QN_ASSERT(last != NULL);

    struct qnk_frontier history = last->history;

    if (!light_fits(node, &macro)) {
        divergence(node);
        return false;
    }
    if (!qnk_hash_equal(&macro.next_set, &last->next_set->hash)) {
        qnk_halt(node, "the validator set changes: this version's light node cannot follow that");
        return false;
    }
    qnk_hash_leaf(node->certified.bytes, QN_HASH_SIZE, &leaf);
    qnk_frontier_add(&history, &leaf);
    batch = light_make(node, last, &history);
    if (batch == NULL) {
        return false;
    }
    last = known_add(node, &macro, last->control, last->next_set, &history, &cert);
    store_final(node, batch);
    light_root(node, last);
    note_final(node, last, &cert);
    return true;
}

/* Makes the certified window final if it can be. */
static bool certified_look(struct qnk_node *node)
{
    struct qnk_block *last;
    struct qnk_final *batch;

    if (node->setup.type == QNK_NODE_LIGHT) {
        return light_look(node);
    }
    last = certified_end(node);
    batch = last == NULL ? NULL : final_make(node, last);
    if (batch != NULL) {
        finalize(node, last, batch);
    }
    return batch != NULL;
}

void qnk_final_look(struct qnk_node *node)
{
    /* The next window has to be scheduled before one more is final: others rely on its set. */
    if (node->certificate == NULL || !node->is_started || node->is_halted ||
        qnk_schedule_set(node->schedule, node->final_window + QNK_TREE_WINDOWS) == NULL ||
        !certified_look(node)) {
        return;
    }
    if (!qnk_windows_follow(node) && node->is_halted) {
        return;
    }
    qnk_plugs_look(node);
    spread(node);
    qnk_peers_tell(node);
    qnk_instance_open(node);
    qnk_abandon_look(node);
    qnk_room_look(node);
    qnk_sync_look(node);
    qnk_produce_look(node);
}

/* --- at start --- */

static bool decode_frontier(struct qn_span from, struct qnk_frontier *frontier)
{
    struct qnk_reader reader = qnk_reader_init(from);

    frontier->count = qnk_reader_u64(&reader);
    qnk_reader_copy(&reader, (uint8_t *)frontier->peaks, sizeof frontier->peaks);
    return qnk_reader_done(&reader);
}

/* Whether this may be the next window that is restored: the first one, or the one after the last;
 * the last one with all that the windows after it are scheduled by. */
static bool is_next(const struct qnk_node *node, uint64_t window, bool is_last)
{
    if (window == 0 || window > INT64_MAX / 2 ||
        (node->final_window != 0 && window != node->final_window + 1)) {
        return false;
    }
    for (int64_t i = 1; is_last && i < QNK_TREE_WINDOWS; i++) {
        if (qnk_final_of(node, (int64_t)window - i) == NULL) {
            return false;
        }
    }
    return true;
}

/* Whether a stored history follows on that of the window before, if that is known. */
static bool follows_on(const struct qnk_node *node, const struct qnk_macro *macro,
                       const struct qnk_frontier *history)
{
    const struct qnk_known_final *before = qnk_final_of(node, (int64_t)macro->window - 1);
    struct qnk_frontier expected;
    struct qnk_hash digest, leaf, root, stored;

    if (before == NULL) {
        return true;
    }
    expected = before->history;
    qnk_frontier_root(&expected, &root);
    qnk_macro_digest(macro, &digest);
    qnk_hash_leaf(&digest, sizeof digest, &leaf);
    qnk_frontier_add(&expected, &leaf);
    qnk_frontier_root(&expected, &digest);
    qnk_frontier_root(history, &stored);
    return qnk_hash_equal(&root, &macro->history) && qnk_hash_equal(&digest, &stored);
}

/* The header of the last block of a window: among the recent ones, which come first. */
static struct qnk_micro root_header(const struct qnk_node *node, const struct qnk_macro *macro)
{
    const struct qnk_micro *recent = &node->recent[macro->height % QNK_SCHEDULE_RECENT];

    QN_ASSERT(node->recent_count > 0 && recent->height == macro->height);
    return *recent;
}

void qnk_final_restore(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_macro macro;
    struct qnk_control *control = NULL;
    struct qnk_set *next_set = NULL;
    struct qnk_frontier history;
    int32_t status = qnk_macro_decode(event->final.macro, &macro);

    if (status == QN_OK) {
        status = qnk_control_decode(&node->budget, event->final.control, &control);
    }
    if (status == QN_OK) {
        status = qnk_set_decode(&node->budget, event->final.next_set, &next_set);
    }
    struct qn_buf *certificate =
        status == QN_OK ? qnk_buf_copy(&node->budget, event->final.certificate) : NULL;

    if (certificate == NULL || !decode_frontier(event->final.frontier, &history) ||
        !is_next(node, macro.window, event->final.is_last) || !follows_on(node, &macro, &history)) {
        qnk_control_unref(control);
        qnk_set_unref(next_set);
        qnk_buf_unref(certificate);
        qnk_halt(node, "a stored macroblock cannot be read: start with an empty data folder, and "
                       "this node fetches the chain again");
        return;
    }

    struct qnk_known_final *final = known_place(node, macro.window);
    struct qnk_certificate cert;

    if (qnk_certificate_decode(qnk_buf_span(certificate), &cert) == QN_OK) {
        qnk_failure_look(node, cert.era);
    }
    final->macro = macro;
    qnk_macro_digest(&macro, &final->digest);
    final->beacon = macro.beacon;
    final->certificate = certificate;
    final->control = control;
    final->next_set = next_set;
    final->history = history;
    node->final_window = macro.window;
    if (event->final.is_last) {
        if (node->setup.type == QNK_NODE_LIGHT) {
            light_root(node, final);
        } else {
            struct qnk_micro header = root_header(node, &macro);

            qnk_tree_root_set(node->tree, &header, &macro.last, control, macro.tx_total);
            node->exec.at = qnk_tree_root(node->tree);
        }
        qnk_guard_forget(node->guard, macro.window, macro.height); /* its records come next */
        if (!qnk_windows_follow(node) && !node->is_halted) {
            qnk_halt(node, "there is no memory to schedule the next window: limits.memory of the "
                           "node file is too small");
        }
    }
}
