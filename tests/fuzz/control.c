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
        QN_ASSERT(qnk_engine_record(&control->bindings[0], engine) <= sizeof engine);
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

void fuzz_seeds(fuzz_take *take)
{
    static const char *const names[QNK_CONTROL_BINDINGS] = {"commit-reveal", "turns", "accounts"};
    static uint8_t bytes[4096];
    struct qnk_control *empty, *control;

    QN_ASSERT(qnk_control_new(&budget, MEMBERS, &empty) == QN_OK);
    QN_ASSERT(qnk_control_copy(empty, 2, &control) == QN_OK);
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        struct qnk_binding *binding = &control->bindings[i];

        memcpy(binding->name, names[i], strlen(names[i]));
        memcpy(binding->version, "1.0", 3);
        binding->first = 5;
        binding->config_size = 3;
        binding->steps[1] = 5;
        binding->steps_count = i == 0 ? 2 : 0;
        member_fill(&control->members[i], (uint8_t)i);
    }
    control->bindings[1].steps[1] = control->bindings[2].steps[1] = 0;
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
