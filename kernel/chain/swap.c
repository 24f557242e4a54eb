/* SPDX-License-Identifier: MIT */

#include "kernel/chain/swap.h"

#include <string.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tags.h"
#include "kernel/chain/vote.h"

/* --- plans --- */

static void hash_read(struct qn_reader *from, struct qnk_hash *hash)
{
    const uint8_t *bytes = qn_reader_fixed(from, QN_HASH_SIZE);

    if (bytes != NULL) {
        memcpy(hash->bytes, bytes, QN_HASH_SIZE);
    }
}

/* False: not ascending. */
static bool codes_read(struct qn_reader *from, struct qnk_swap_plan *plan)
{
    bool is_ascending = true;

    plan->codes_count = qn_reader_count(from, QNK_SWAP_CODES_MAX);
    for (uint32_t i = 0; i < plan->codes_count; i++) {
        hash_read(from, &plan->codes[i]);
        is_ascending = is_ascending && (i == 0 || memcmp(plan->codes[i - 1].bytes,
                                                         plan->codes[i].bytes, QN_HASH_SIZE) < 0);
    }
    return is_ascending;
}

static bool plan_read(struct qn_reader *from, struct qnk_swap_plan *plan)
{
    plan->kind = qn_reader_u8(from);
    plan->percent = qn_reader_u8(from);
    plan->probation = qn_reader_u32(from);
    plan->engine.first = qn_reader_u64(from);
    plan->table_major = qn_reader_u16(from);
    plan->table_minor = qn_reader_u16(from);
    plan->table_print = qn_reader_u64(from);

    struct qn_span schema = qn_reader_text(from, QNK_SWAP_SCHEMA_MAX);

    if (schema.size > 0) {
        memcpy(plan->schema, schema.data, schema.size);
    }
    hash_read(from, &plan->trace);
    return qnk_engine_read(from, &plan->engine) && codes_read(from, plan) &&
           plan->kind <= QNK_BINDING_LEDGER;
}

int32_t qnk_swap_plan_decode(struct qn_span payload, struct qnk_swap_plan *plan)
{
    struct qn_reader from = qn_reader_over(payload);
    struct qnk_swap_plan read = {0};

    if (!plan_read(&from, &read) || !qn_reader_is_done(&from)) {
        return QN_INVALID;
    }
    *plan = read;
    return QN_OK;
}

uint32_t qnk_swap_plan_encode(const struct qnk_swap_plan *plan, uint8_t to[QNK_SWAP_PLAN_MAX])
{
    uint8_t *at = qn_writer_u8(to, plan->kind);

    at = qn_writer_u8(at, plan->percent);
    at = qn_writer_u32(at, plan->probation);
    at = qn_writer_u64(at, plan->engine.first);
    at = qn_writer_u16(at, plan->table_major);
    at = qn_writer_u16(at, plan->table_minor);
    at = qn_writer_u64(at, plan->table_print);
    at = qn_writer_text(at, (struct qn_span){(const uint8_t *)plan->schema, strlen(plan->schema)},
                        QNK_SWAP_SCHEMA_MAX);
    at = qn_writer_fixed(at, plan->trace.bytes, QN_HASH_SIZE);
    at += qnk_engine_record(&plan->engine, at);
    at = qn_writer_u32(at, plan->codes_count);
    for (uint32_t i = 0; i < plan->codes_count; i++) {
        at = qn_writer_fixed(at, plan->codes[i].bytes, QN_HASH_SIZE);
    }
    return (uint32_t)(at - to);
}

void qnk_swap_id(struct qn_span payload, struct qnk_hash *id)
{
    qnk_hash_tagged(QNK_TAG_PLAN, payload.data, payload.size, id);
}

/* --- what the rules allow --- */

/* [a-z0-9-]{1,32}. */
static bool is_name(const char *name)
{
    uint32_t size = 0;

    for (; name[size] != '\0'; size++) {
        char it = name[size];

        if (!((it >= 'a' && it <= 'z') || (it >= '0' && it <= '9') || it == '-')) {
            return false;
        }
    }
    return size > 0;
}

/* Digits without a zero in front; moves behind them. */
static bool is_number(const char **text)
{
    const char *at = *text;

    while (*at >= '0' && *at <= '9') {
        at++;
    }

    bool is_one = at > *text && at - *text <= 5 && (at - *text == 1 || **text != '0');

    *text = at;
    return is_one;
}

/* major.minor */
static bool is_version(const char *version)
{
    if (!is_number(&version) || *version++ != '.') {
        return false;
    }
    return is_number(&version) && *version == '\0';
}

/* Steps of an engine: it can decide, leaves the kernel's step alone, and has locks unless the
 * network allows an engine without. */
static const char *steps_fault(const struct qnk_swap_plan *plan, const struct qnk_swap_rules *rules)
{
    const struct qnk_binding *engine = &plan->engine;

    if (plan->kind != QNK_BINDING_CONSENSUS) {
        return engine->steps_count == 0 ? NULL : "a producer has no steps";
    }
    if (!qnk_engine_has_step(engine, QNK_STEP_FINAL)) {
        return "an engine without step 2 decides nothing";
    }
    if (qnk_engine_has_step(engine, QNK_STEP_ABANDON)) {
        return "step 4 is the kernel's own";
    }
    if (!qnk_engine_has_step(engine, QNK_STEP_PREPARE) && !rules->may_be_lockless) {
        return "an engine without step 1 has no locks: `swap.lockless: allow` would be needed";
    }
    return NULL;
}

const char *qnk_swap_fault(const struct qnk_swap_plan *plan, const struct qnk_swap_rules *rules,
                           uint64_t window)
{
    uint64_t notice = rules->notice < QNK_SWAP_NOTICE_MIN ? QNK_SWAP_NOTICE_MIN : rules->notice;

    if (plan->kind != QNK_BINDING_CONSENSUS && plan->kind != QNK_BINDING_PRODUCER) {
        return "only consensus and producer can be swapped by a plan";
    }
    if (!is_name(plan->engine.name) || !is_version(plan->engine.version)) {
        return "name or version is not well-formed";
    }
    if (plan->engine.first < window + notice) {
        return "its first window is sooner than the network's notice";
    }
    if (plan->engine.first > window + QNK_SWAP_AHEAD_MAX) {
        return "its first window is too far ahead";
    }
    if (plan->percent > 100 || plan->percent < rules->percent) {
        return "it asks for less readiness than the network's rules";
    }
    if (plan->probation == 0 || plan->probation < rules->probation ||
        plan->probation > QNK_SWAP_PROBATION_MAX) {
        return "its probation is not one that the network's rules allow";
    }
    return steps_fault(plan, rules);
}

uint64_t qnk_swap_need(const struct qnk_swap_plan *plan, uint64_t total, uint64_t quorum)
{
    uint64_t share = (total * plan->percent + 99) / 100; /* the total is at most 2^53 */

    return share > quorum ? share : quorum;
}

/* --- ready and cancel --- */

int32_t qnk_swap_ready_decode(struct qn_span payload, struct qnk_swap_ready *ready)
{
    struct qnk_reader from = qnk_reader_init(payload);
    struct qnk_swap_ready read;

    qnk_reader_copy(&from, read.plan.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&from, read.code.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&from, read.trace.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&from)) {
        return QN_INVALID;
    }
    *ready = read;
    return QN_OK;
}

void qnk_swap_ready_encode(const struct qnk_swap_ready *ready, uint8_t to[QNK_SWAP_READY_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_SWAP_READY_SIZE);

    qnk_writer_bytes(&out, ready->plan.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, ready->code.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, ready->trace.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

const char *qnk_swap_ready_fault(const struct qnk_swap_plan *plan,
                                 const struct qnk_swap_ready *ready)
{
    bool is_accepted = plan->codes_count == 0;

    for (uint32_t i = 0; i < plan->codes_count; i++) {
        is_accepted = is_accepted || qnk_hash_equal(&plan->codes[i], &ready->code);
    }
    if (!is_accepted) {
        return "the file here is none that the plan accepts: its hash is not among the plan's";
    }
    return qnk_hash_is_zero(&plan->trace) || qnk_hash_equal(&plan->trace, &ready->trace)
               ? NULL
               : "the plugin here answers otherwise than where the plan was made: its trace is not "
                 "the plan's";
}

int32_t qnk_swap_cancel_decode(struct qn_span payload, struct qnk_hash *plan)
{
    if (payload.size != QNK_SWAP_CANCEL_SIZE) {
        return QN_INVALID;
    }
    memcpy(plan->bytes, payload.data, QN_HASH_SIZE);
    return QN_OK;
}

void qnk_swap_cancel_encode(const struct qnk_hash *plan, uint8_t to[QNK_SWAP_CANCEL_SIZE])
{
    memcpy(to, plan->bytes, QN_HASH_SIZE);
}

/* --- fallback --- */

int32_t qnk_swap_fallback_decode(struct qn_span payload, struct qnk_swap_fallback *fallback)
{
    struct qnk_reader from = qnk_reader_init(payload);
    struct qnk_swap_fallback read;

    read.window = qnk_reader_u64(&from);
    read.era = qnk_reader_u32(&from);

    uint32_t reserved = qnk_reader_u32(&from);

    qnk_reader_copy(&from, read.digest.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&from) || reserved != 0) {
        return QN_INVALID;
    }
    *fallback = read;
    return QN_OK;
}

void qnk_swap_fallback_encode(const struct qnk_swap_fallback *fallback,
                              uint8_t to[QNK_SWAP_FALLBACK_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_SWAP_FALLBACK_SIZE);

    qnk_writer_u64(&out, fallback->window);
    qnk_writer_u32(&out, fallback->era);
    qnk_writer_u32(&out, 0);
    qnk_writer_bytes(&out, fallback->digest.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

/* --- a plan as blocks share it --- */

int32_t qnk_planned_new(struct qnk_budget *budget, struct qn_span payload,
                        struct qnk_planned **planned)
{
    struct qnk_planned *made = qnk_memory_take(budget, sizeof *made);

    if (made == NULL) {
        return QN_NO_SPACE;
    }

    int32_t status = qnk_swap_plan_decode(payload, &made->plan);

    if (status != QN_OK) {
        qnk_memory_give(budget, made, sizeof *made);
        return status;
    }
    made->refs = 1;
    made->budget = budget;
    qnk_swap_id(payload, &made->id);
    *planned = made;
    return QN_OK;
}

struct qnk_planned *qnk_planned_ref(struct qnk_planned *planned)
{
    if (planned != NULL) {
        planned->refs++;
    }
    return planned;
}

void qnk_planned_unref(struct qnk_planned *planned)
{
    if (planned != NULL && --planned->refs == 0) {
        qnk_memory_give(planned->budget, planned, sizeof *planned);
    }
}
