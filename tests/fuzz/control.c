/* SPDX-License-Identifier: MIT */

/* control.c: the control record, as a snapshot or the disk gives it. */

#include <stdlib.h>

#include "kernel/chain/control.h"
#include "tests/fuzz/fuzz.h"

enum { MEMBERS = 3 };

static struct qnk_budget budget = {.limit = 1 << 24};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_span span = {data, size};
    struct qnk_control *control, *copy;
    struct qnk_hash hash, other;

    if (qnk_control_decode(&budget, span, &control) == QN_OK) {
        uint8_t *again = malloc(size);
        uint8_t engine[QNK_ENGINE_RECORD_MAX];

        QN_ASSERT(again != NULL && qnk_control_size(control) == size);
        qnk_control_encode(control, again);
        QN_ASSERT(fuzz_is_same(span, again, size));
        free(again);
        QN_ASSERT(qnk_engine_record(&control->bindings[0]->list[0], engine) <= sizeof engine);
        QN_ASSERT(qnk_control_copy(control, 1, &copy) == QN_OK);
        qnk_control_hash(control, &hash);
        qnk_control_hash(copy, &other);
        QN_ASSERT(qnk_hash_equal(&hash, &other));
        qnk_control_unref(control);
        qnk_control_unref(copy);
    }
    QN_ASSERT(budget.used == 0);
    return 0;
}

static void member_fill(struct qnk_control_member *member, uint8_t i)
{
    memset(member->share.bytes, i + 1, QN_HASH_SIZE);
    member->share_window = 100u + i;
    member->next_window = i == 1 ? 130 : 0;
    member->next_tip.bytes[0] = i == 1 ? 7 : 0;
    member->missed = i == 2 ? 5 : 0;
    member->turns = i == 2 ? 3 : 0;
    member->excluded = i == 2 ? QNK_EXCLUDED_ABSENT | QNK_EXCLUDED_OFFENCE : 0;
}

/* A plan that is bound. */
static void swap_fill(struct qnk_control *control)
{
    static uint8_t bytes[QNK_SWAP_PLAN_MAX];
    struct qnk_swap_plan plan = {
        .percent = 70,
        .probation = 5,
        .engine = {.first = 9, .name = "bft", .version = "1.0", .steps = {1, 2}, .steps_count = 2},
        .codes_count = 1,
    };
    uint32_t size = qnk_swap_plan_encode(&plan, bytes);

    control->swap.life = QNK_SWAP_BOUND;
    control->swap.since = 2;
    control->swap.changed = 6;
    QN_ASSERT(qnk_control_bind(control, 0, &plan.engine, 9, 0, 6, &control->swap.number) == QN_OK);
    QN_ASSERT(qnk_planned_new(&budget, (struct qn_span){bytes, size}, &control->swap.planned) ==
              QN_OK);
    control->members[1].swap = QNK_SWAP_READY;
    control->members[1].gave_up = QNK_GAVE_UP_LAST;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char *const names[QNK_CONTROL_BINDINGS] = {"commit-reveal", "turns", "accounts"};
    static uint8_t bytes[4096];
    struct qnk_control *empty, *control;

    QN_ASSERT(qnk_control_new(&budget, MEMBERS, &empty) == QN_OK);
    QN_ASSERT(qnk_control_copy(empty, 2, &control) == QN_OK);
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        struct qnk_binding binding = {.first = 5, .version = "1.0", .config_size = 3};

        memcpy(binding.name, names[i], strlen(names[i]));
        binding.steps[1] = i == 0 ? 5 : 0;
        binding.steps_count = i == 0 ? 2 : 0;
        QN_ASSERT(qnk_bindings_new(&budget, &binding, &control->bindings[i]) == QN_OK);
        member_fill(&control->members[i], (uint8_t)i);
    }
    swap_fill(control);
    control->turn_primary = 2;
    control->turn_blocks = 4;
    control->turn_made = 3;
    control->evidence_count = 2;
    control->evidence[0].place.bytes[0] = 1;
    control->evidence[0].window = 90;
    control->evidence[1].window = 91;

    uint64_t size = qnk_control_size(control);

    QN_ASSERT(size <= sizeof bytes);
    qnk_control_encode(control, bytes);
    qnk_control_unref(empty);
    qnk_control_unref(control);
    take(bytes, size);
}
