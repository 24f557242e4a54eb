/* SPDX-License-Identifier: MIT */

/* swap.c: payloads of the transactions of a live swap, and the list of bindings of a control
 * record. The first byte says which; what is taken is encoded as the same bytes. */

#include "kernel/chain/swap.h"
#include "tests/fuzz/fuzz.h"

enum what { WHAT_PLAN, WHAT_READY, WHAT_CANCEL, WHAT_FALLBACK, WHAT_BINDINGS, WHATS };

enum { WINDOW = 15, LIST_MAX = 8 + QNK_BINDINGS_MAX * QNK_BINDING_SIZE_MAX };

static struct qnk_budget budget = {.limit = 1 << 20}, seeds_budget = {.limit = 1 << 20};
static uint8_t again[LIST_MAX];

static void plan_take(struct qn_span span)
{
    static const struct qnk_swap_rules rules = {.notice = 5, .probation = 5, .percent = 1};
    struct qnk_swap_ready ready = {.plan = {{0}}};
    struct qnk_planned *planned;
    struct qnk_swap_plan plan;
    struct qnk_hash id;

    if (qnk_swap_plan_decode(span, &plan) != QN_OK) {
        QN_ASSERT(qnk_planned_new(&budget, span, &planned) == QN_INVALID);
        return;
    }
    QN_ASSERT(fuzz_is_same(span, again, qnk_swap_plan_encode(&plan, again)));
    QN_ASSERT(qnk_planned_new(&budget, span, &planned) == QN_OK);
    qnk_swap_id(span, &id);
    QN_ASSERT(memcmp(&id, &planned->id, sizeof id) == 0);
    qnk_planned_unref(planned);
    QN_ASSERT(budget.used == 0);

    const char *fault = qnk_swap_fault(&plan, &rules, WINDOW);

    QN_ASSERT(fault == NULL ? plan.engine.first >= WINDOW + rules.notice : fault[0] != 0);
    QN_ASSERT(qnk_swap_need(&plan, 100, 67) >= 67);
    ready.trace = plan.trace;
    if (plan.codes_count > 0) {
        ready.code = plan.codes[plan.codes_count - 1];
    }
    QN_ASSERT(qnk_swap_ready_fault(&plan, &ready) == NULL);
}

static void bindings_take(struct qn_span span)
{
    struct qn_reader in = qn_reader_over(span);
    struct qnk_bindings *list;

    if (qnk_bindings_read(&budget, &in, &list) == QN_OK) {
        uint64_t size = qnk_bindings_size(list);

        QN_ASSERT(list->count > 0 && list->count <= QNK_BINDINGS_MAX);
        QN_ASSERT(size == span.size - in.left && size <= sizeof again);
        QN_ASSERT(qnk_bindings_write(again, list) == again + size);
        QN_ASSERT(memcmp(again, span.data, size) == 0);
        for (uint64_t window = 0; window < 40; window++) {
            const struct qnk_binding *at = qnk_bindings_at(list, window);

            QN_ASSERT(qnk_bindings_find(list, at->number) == at);
            QN_ASSERT(qnk_bindings_attempt(list, window, 0) == at);
            (void)qnk_bindings_attempt(list, window, 1);
        }
        qnk_bindings_unref(list);
    }
    QN_ASSERT(budget.used == 0);
}

static void words_take(enum what what, struct qn_span span)
{
    struct qnk_swap_ready ready;
    struct qnk_swap_fallback fallback;
    struct qnk_hash plan;

    if (what == WHAT_READY && qnk_swap_ready_decode(span, &ready) == QN_OK) {
        qnk_swap_ready_encode(&ready, again);
        QN_ASSERT(fuzz_is_same(span, again, QNK_SWAP_READY_SIZE));
    } else if (what == WHAT_CANCEL && qnk_swap_cancel_decode(span, &plan) == QN_OK) {
        qnk_swap_cancel_encode(&plan, again);
        QN_ASSERT(fuzz_is_same(span, again, QNK_SWAP_CANCEL_SIZE));
    } else if (what == WHAT_FALLBACK && qnk_swap_fallback_decode(span, &fallback) == QN_OK) {
        qnk_swap_fallback_encode(&fallback, again);
        QN_ASSERT(fuzz_is_same(span, again, QNK_SWAP_FALLBACK_SIZE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_span span = {data, size};
    uint8_t what = size == 0 ? WHATS : data[0] % WHATS;

    if (size == 0) {
        return 0;
    }
    span = (struct qn_span){data + 1, size - 1};
    if (what == WHAT_PLAN) {
        plan_take(span);
    } else if (what == WHAT_BINDINGS) {
        bindings_take(span);
    } else {
        words_take((enum what)what, span);
    }
    return 0;
}

static struct qnk_swap_plan plan_make(uint8_t kind)
{
    struct qnk_swap_plan plan = {
        .kind = kind,
        .percent = 70,
        .probation = 5,
        .engine = {.first = 20, .name = "bft", .version = "1.0", .steps = {1, 2, 5}},
        .table_major = 1,
        .table_print = 77,
        .schema = "consensus-state/1",
        .codes_count = 2,
    };

    plan.engine.steps_count = kind == QNK_BINDING_CONSENSUS ? 3 : 0;
    plan.engine.config_size = 2;
    plan.codes[0].bytes[0] = 1;
    plan.codes[1].bytes[0] = 2;
    plan.trace.bytes[3] = 4;
    return plan;
}

static void bindings_seed(fuzz_take *take)
{
    static uint8_t bytes[1 + LIST_MAX];
    struct qnk_swap_plan plan = plan_make(QNK_BINDING_CONSENSUS);
    struct qnk_bindings *one, *two;

    plan.engine.first = 0;
    QN_ASSERT(qnk_bindings_new(&seeds_budget, &plan.engine, &one) == QN_OK);
    plan.engine.first = 20;
    plan.engine.number = 1;
    QN_ASSERT(qnk_bindings_add(one, &plan.engine, 3, &two) == QN_OK);
    bytes[0] = WHAT_BINDINGS;
    take(bytes, (size_t)(qnk_bindings_write(bytes + 1, one) - bytes));
    take(bytes, (size_t)(qnk_bindings_write(bytes + 1, two) - bytes));
    qnk_bindings_unref(one);
    qnk_bindings_unref(two);
}

void fuzz_seeds(fuzz_take *take)
{
    static uint8_t bytes[1 + QNK_SWAP_PLAN_MAX];
    struct qnk_swap_fallback fallback = {.window = 9, .era = 257};
    struct qnk_swap_ready ready = {.code = {{1}}};

    for (uint8_t kind = QNK_BINDING_CONSENSUS; kind <= QNK_BINDING_LEDGER; kind++) {
        struct qnk_swap_plan plan = plan_make(kind);

        bytes[0] = WHAT_PLAN;
        take(bytes, 1 + qnk_swap_plan_encode(&plan, bytes + 1));
    }
    bytes[0] = WHAT_READY;
    qnk_swap_ready_encode(&ready, bytes + 1);
    take(bytes, 1 + QNK_SWAP_READY_SIZE);
    bytes[0] = WHAT_CANCEL;
    qnk_swap_cancel_encode(&ready.code, bytes + 1);
    take(bytes, 1 + QNK_SWAP_CANCEL_SIZE);
    bytes[0] = WHAT_FALLBACK;
    qnk_swap_fallback_encode(&fallback, bytes + 1);
    take(bytes, 1 + QNK_SWAP_FALLBACK_SIZE);
    bindings_seed(take);
}
