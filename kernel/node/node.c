/* SPDX-License-Identifier: MIT */

/* node.c: what happens to a node, handed to the part it is for; life and looks. */

#include "kernel/node/node.h"

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum {
    REJECTED_MAX = 16384,
    VERIFIED_MAX = 131072,
    ASKED_MAX = 65536,
    KEYS_MAX = 8192, /* twice the largest set */
    TELL_MAX = 16384,
    SEEN_TIMES = 8,
    TICK_US = 1000000,
};

/* --- what the parts call --- */

uint64_t qnk_token(struct qnk_node *node)
{
    return ++node->token;
}

/* splitmix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators". */
uint64_t qnk_chance(struct qnk_node *node)
{
    uint64_t mixed = node->chance += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

void qnk_timer_set(struct qnk_node *node, uint32_t timer, uint64_t at_us)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_TIMER);

    effect->timer.id = timer;
    effect->timer.at_us = at_us;
}

void qnk_timer_cancel(struct qnk_node *node, uint32_t timer)
{
    qnk_effects_push(node->out, QNK_EFFECT_CANCEL)->timer.id = timer;
}

struct qnk_job *qnk_job_new(struct qnk_node *node, uint32_t kind, uint32_t purpose)
{
    struct qnk_job *job = qnk_job_create(&node->budget, kind, qnk_token(node));

    if (job == NULL) {
        qnk_note(node, QNK_LOG_WARN, "memory-short", "no memory for a job");
        return NULL;
    }
    job->purpose = purpose;
    return job;
}

/* That a key is of prime order costs twice what a signature does, and stays so: members' keys,
 * which sign all the time, are looked at once. A good signature is the proof, as the rule asks for
 * it. */
static void keys_mark(const struct qnk_node *node, struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->sigs_count; i++) {
        job->sigs[i].key_known = qnk_seen_has(node->keys, &job->sigs[i].key);
    }
}

static void keys_learn(struct qnk_node *node, const struct qnk_job *job)
{
    for (uint32_t i = 0; job->status == QN_OK && i < job->sigs_count; i++) {
        if (qnk_bit(job->bitmap, i)) {
            (void)qnk_seen_add(node->keys, &job->sigs[i].key);
        }
    }
}

void qnk_job_start(struct qnk_node *node, struct qnk_job *job)
{
    if (job->kind == QNK_JOB_SIGS) {
        keys_mark(node, job);
    }
    qnk_effects_push(node->out, QNK_EFFECT_JOB)->job = job;
}

char *qnk_note_text(struct qnk_node *node, uint32_t level, const char *event)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_NOTE);

    effect->note.what = QNK_NOTE_LOG;
    effect->note.level = level;
    effect->note.event = event;
    return effect->note.text;
}

void qnk_halt(struct qnk_node *node, const char *why)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_HALT);

    node->is_halted = true;
    qnk_text(effect->halt.text, sizeof effect->halt.text, "%s", why);
}

/* --- life --- */

/* Ids of transactions to remember: some times what may wait, so a small node stays small. */
static uint32_t names_max(const struct qnk_setup *setup, uint32_t most)
{
    uint64_t some = (uint64_t)SEEN_TIMES * setup->limits.mempool_txs;

    return some < most && some > 0 ? (uint32_t)some : most;
}

static int32_t parts_create(struct qnk_node *node)
{
    const struct qnk_setup *setup = &node->setup;
    struct qnk_mempool_limits limits = {
        .txs = setup->limits.mempool_txs,
        .senders = setup->limits.mempool_senders,
        .bytes = setup->limits.mempool_bytes,
    };
    uint32_t members = setup->genesis_set->count;

    node->tree = qnk_tree_create(&node->budget, setup->params.window, setup->seed);
    node->schedule = qnk_schedule_create(&node->budget, &setup->params, setup->producer);
    node->mempool = qnk_mempool_create(&node->budget, &limits, setup->seed + 2);
    node->pending = qnk_seen_create(&node->budget, 2 * QNK_QUEUE_MAX, setup->seed + 3);
    node->rejected = qnk_seen_create(&node->budget, REJECTED_MAX, setup->seed + 4);
    node->verified =
        qnk_seen_create(&node->budget, names_max(setup, VERIFIED_MAX), setup->seed + 5);
    node->asked = qnk_seen_create(&node->budget, names_max(setup, ASKED_MAX), setup->seed + 6);
    node->keys = qnk_seen_create(&node->budget, KEYS_MAX, setup->seed + 7);
    node->guard = qnk_guard_create(&node->budget);
    node->queue = qnk_memory_take(&node->budget, QNK_QUEUE_MAX * sizeof *node->queue);
    node->tell = qnk_memory_take(&node->budget, TELL_MAX * sizeof *node->tell);
    node->tell_from = qnk_memory_take(&node->budget, TELL_MAX * sizeof *node->tell_from);
    node->tell_room = TELL_MAX;
    node->shares = qnk_memory_take(&node->budget, members * sizeof *node->shares);
    if (node->tree == NULL || node->schedule == NULL || node->mempool == NULL ||
        node->pending == NULL || node->rejected == NULL || node->verified == NULL ||
        node->asked == NULL || node->keys == NULL || node->guard == NULL || node->queue == NULL ||
        node->tell == NULL || node->tell_from == NULL || node->shares == NULL) {
        return QN_NO_SPACE;
    }
    return qnk_plugs_create(node);
}

static struct qnk_set *set_copy(struct qnk_budget *budget, const struct qnk_set *from)
{
    struct qnk_set *copy = NULL;

    return qnk_set_new(budget, from->members, from->count, &copy) == QN_OK ? copy : NULL;
}

int32_t qnk_node_create(const struct qnk_setup *setup, struct qnk_node **out)
{
    struct qnk_budget outer = {.limit = setup->limits.memory};
    struct qnk_node *node = qnk_memory_take(&outer, sizeof *node);

    if (node == NULL) {
        return QN_NO_SPACE;
    }
    node->budget.limit = setup->limits.memory;
    node->setup = *setup;
    node->genesis_set = set_copy(&node->budget, setup->genesis_set);
    node->chance = setup->seed;
    node->not_signing = "";
    node->resume_window = UINT64_MAX;
    if (node->genesis_set == NULL) {
        qnk_memory_give(&outer, node, sizeof *node);
        return QN_NO_SPACE;
    }
    node->setup.genesis_set = node->genesis_set;

    int32_t status = parts_create(node);

    if (status == QN_OK) {
        status = qnk_final_genesis(node);
    }
    if (status != QN_OK) {
        qnk_node_destroy(node);
        return status;
    }
    node->setup.tips = NULL; /* they are in the control record now */
    *out = node;
    return QN_OK;
}

static void pool_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < node->queue_count; i++) {
        qnk_buf_unref(node->queue[i].buf);
    }
    qnk_later_drop(node);
    for (uint32_t i = 0; i < QNK_BATCHES_MAX; i++) {
        qnk_buf_unref(node->batches[i].codes);
    }
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        qnk_buf_unref(node->kernel_txs[i].bytes);
    }
    for (uint32_t i = 0; i < node->kernel_waits_count; i++) {
        qnk_buf_unref(node->kernel_waits[i].bytes);
    }
    qnk_buf_unref(node->push);
    qnk_memory_give(&node->budget, node->queue, QNK_QUEUE_MAX * sizeof *node->queue);
    qnk_memory_give(&node->budget, node->tell, TELL_MAX * sizeof *node->tell);
    qnk_memory_give(&node->budget, node->tell_from, TELL_MAX * sizeof *node->tell_from);
    qnk_seen_destroy(node->pending);
    qnk_seen_destroy(node->rejected);
    qnk_seen_destroy(node->verified);
    qnk_seen_destroy(node->asked);
    qnk_seen_destroy(node->keys);
    qnk_mempool_destroy(node->mempool);
}

void qnk_node_destroy(struct qnk_node *node)
{
    struct qnk_budget outer = {.limit = sizeof *node};

    if (node == NULL) {
        return;
    }
    outer.used = sizeof *node;
    pool_done(node);
    qnk_votes_done(node);
    qnk_plugs_done(node);
    qnk_chain_done(node);
    qnk_mends_done(node);
    qnk_build_drop(node);
    qnk_control_unref(node->exec.control);
    qnk_job_destroy(node->exec.again);
    for (uint32_t i = 0; i < node->exec.lost_count; i++) {
        qnk_memory_give(&node->budget, node->exec.lost[i].indexes,
                        node->exec.lost[i].count * sizeof(uint64_t));
    }
    qnk_finals_done(node);
    qnk_memory_give(&node->budget, node->shares, node->genesis_set->count * sizeof *node->shares);
    qnk_schedule_destroy(node->schedule);
    qnk_tree_destroy(node->tree);
    qnk_set_unref(node->genesis_set);
    QN_ASSERT(node->budget.used == 0);
    qnk_memory_give(&outer, node, sizeof *node);
}

struct qnk_budget *qnk_node_budget(struct qnk_node *node)
{
    return &node->budget;
}

/* --- steps --- */

static void start(struct qnk_node *node, uint32_t signing)
{
    node->is_started = true;
    node->signing = signing;
    qnk_timer_set(node, QNK_TIMER_TICK, node->now_us + TICK_US);
    qnk_mends_begin(node);
    qnk_resign_look(node);
    qnk_plugs_look(node);
    qnk_exec_look(node);
    qnk_instance_open(node);
}

static void restore_block(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_micro header;
    int32_t status = qnk_micro_decode(event->block.header, &header);

    if (node->setup.type == QNK_NODE_LIGHT) {
        return; /* of when it was none: a light node's tree has no blocks */
    }
    QN_ASSERT(status == QN_OK); /* it was decoded when it was stored, and its checksum is good */
    qnk_block_restore(node, &header, event->block.body, event->block.place, event->block.verified);
}

static void restore_guard(struct qnk_node *node, struct qn_span record)
{
    if (qnk_guard_restore(node->guard, record) != QN_OK) {
        node->is_guard_bad = true;
    }
}

static void restore_recent(struct qnk_node *node, struct qn_span bytes)
{
    struct qnk_micro header;
    int32_t status = qnk_micro_decode(bytes, &header);

    QN_ASSERT(status == QN_OK);
    qnk_recent_add(node, &header);
}

static void tick(struct qnk_node *node)
{
    qnk_timer_set(node, QNK_TIMER_TICK, node->now_us + TICK_US);
    qnk_pool_tick(node);
    qnk_windows_again(node);
    qnk_sync_look(node);
    qnk_mends_look(node);
    qnk_signing_look(node);
    qnk_abandon_look(node);
    qnk_exec_again(node);
    qnk_exec_look(node);
    qnk_produce_look(node);
    qnk_peers_tell(node);
}

static void timer_due(struct qnk_node *node, uint32_t timer)
{
    if (timer >= QNK_TIMER_ENGINE) {
        qnk_engine_timer(node, timer - QNK_TIMER_ENGINE);
        return;
    }
    switch ((enum qnk_timer)timer) {
    case QNK_TIMER_PRODUCE:
        qnk_produce_due(node);
        break;
    case QNK_TIMER_VERIFY:
        qnk_verify_due(node);
        break;
    case QNK_TIMER_SETTLE:
        qnk_candidate_look(node);
        break;
    case QNK_TIMER_RESEND:
        qnk_resend(node);
        break;
    case QNK_TIMER_ROOM:
        qnk_room_look(node);
        break;
    case QNK_TIMER_FETCH:
        qnk_fetch_look(node);
        break;
    case QNK_TIMER_RELAY:
        qnk_relay_flush(node);
        break;
    case QNK_TIMER_TICK:
        tick(node);
        break;
    case QNK_TIMER_ENGINE:
    case QNK_TIMERS:
        break;
    }
}

static void job_done(struct qnk_node *node, struct qnk_job *job)
{
    if (job->kind == QNK_JOB_SIGS) {
        keys_learn(node, job);
    }
    switch ((enum qnk_job_purpose)job->purpose) {
    case QNK_PURPOSE_HEADERS:
        qnk_headers_checked(node, job);
        break;
    case QNK_PURPOSE_VOTES:
        qnk_votes_checked(node, job);
        break;
    case QNK_PURPOSE_CERTIFICATE:
        qnk_certificate_checked(node, job);
        break;
    case QNK_PURPOSE_ABANDON:
        qnk_abandon_checked(node, job);
        break;
    case QNK_PURPOSE_KERNEL_TXS:
        qnk_kernel_checked(node, job);
        break;
    case QNK_PURPOSE_BODY:
        qnk_body_read(node, job);
        break;
    case QNK_PURPOSE_MEND:
        qnk_mend_read(node, job);
        break;
    case QNK_PURPOSE_BLOCK_SIGS:
    case QNK_PURPOSE_KEEP:
        qnk_body_checked(node, job);
        break;
    case QNK_PURPOSE_INTAKE:
        qnk_intake_done(node, job);
        break;
    case QNK_PURPOSE_VERIFY:
        qnk_verify_done(node, job);
        break;
    case QNK_PURPOSE_RECHECK:
        qnk_recheck_done(node, job);
        break;
    case QNK_PURPOSE_EXEC:
        qnk_exec_done(node, job);
        return; /* it gives the job on or destroys it */
    case QNK_PURPOSE_BUILD:
        qnk_build_done(node, job);
        return;
    }
    qnk_job_destroy(job);
}

static void control(struct qnk_node *node, uint32_t what)
{
    switch ((enum qnk_control_what)what) {
    case QNK_CONTROL_HOLD:
        node->is_on_hold = true;
        break;
    case QNK_CONTROL_UNHOLD:
        node->is_on_hold = false;
        break;
    case QNK_CONTROL_RESUME:
        qnk_signing_resume(node);
        break;
    }
    qnk_produce_look(node);
}

void qnk_node_step(struct qnk_node *node, const struct qnk_event *event,
                   struct qnk_effects *effects)
{
    QN_ASSERT(event->now_us >= node->now_us);
    node->out = effects;
    node->now_us = event->now_us;
    switch ((enum qnk_event_type)event->type) {
    case QNK_EVENT_RESTORE_FINAL:
        qnk_final_restore(node, event);
        break;
    case QNK_EVENT_RESTORE_RECENT:
        restore_recent(node, event->recent);
        break;
    case QNK_EVENT_RESTORE_BLOCK:
        restore_block(node, event);
        break;
    case QNK_EVENT_RESTORE_GUARD:
        restore_guard(node, event->guard);
        break;
    case QNK_EVENT_START:
        start(node, event->start.signing);
        break;
    case QNK_EVENT_PEER_UP:
        qnk_peer_up(node, event);
        break;
    case QNK_EVENT_PEER_DOWN:
        qnk_peer_down(node, event->peer.peer);
        break;
    case QNK_EVENT_FRAME:
        qnk_peer_frame(node, event->frame.peer, &event->frame.head, event->frame.buf);
        break;
    case QNK_EVENT_TIMER:
        timer_due(node, event->timer);
        break;
    case QNK_EVENT_JOB:
        job_done(node, event->job);
        break;
    case QNK_EVENT_STORED:
        if (!qnk_mend_stored(node, event)) {
            qnk_block_stored(node, event->stored.token, event->stored.place, event->stored.status);
        }
        break;
    case QNK_EVENT_SIGNED:
        qnk_signed(node, event);
        break;
    case QNK_EVENT_SECRETS:
        qnk_secrets_take(node, event);
        break;
    case QNK_EVENT_SUBMIT:
        qnk_txs_submit(node, event->submit.token, event->submit.txs);
        break;
    case QNK_EVENT_CONTROL:
        control(node, event->control.what);
        break;
    case QNK_EVENT_CHECKED:
        qnk_bodies_checked(node, event);
        break;
    case QNK_EVENT_ROTTEN:
        qnk_mend_add(node, event->rotten.header);
        qnk_mends_look(node);
        break;
    case QNK_EVENT_PLUGGED:
        qnk_plugged(node, event);
        break;
    case QNK_EVENT_PROPOSE:
        qnk_propose(node, event);
        break;
    case QNK_EVENT_ABANDON:
        qnk_abandon_ordered(node, event);
        break;
    }
    node->out = NULL;
}
