/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/engine.h"

/* A plugin that answers each event of type T with T effects, numbered on, and fails on type 99. */
struct qn_inst {
    uint32_t calls, events, pushed, largest_batch;
    uint64_t last_seq, last_now;
};

static int32_t step(struct qn_inst *self, const struct qn_event *const *batch, uint32_t count,
                    struct qn_effects *out)
{
    self->calls++;
    self->largest_batch = count > self->largest_batch ? count : self->largest_batch;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(batch[i]->seq > self->last_seq);
        self->last_seq = batch[i]->seq;
        self->last_now = batch[i]->now_us;
        self->events++;
        for (uint32_t j = 0; j < batch[i]->type && batch[i]->type != 99; j++) {
            uint8_t body[4];

            qn_le32_write(body, ++self->pushed);

            int32_t status = out->push(out->ctx, 7, (struct qn_span){body, 4}, NULL);

            if (status != QN_OK) {
                return status;
            }
        }
        if (batch[i]->type == 99) {
            return QN_BUG;
        }
    }
    return QN_OK;
}

static const struct qn_consensus_1 slots = {.head = QN_CONSENSUS_1_HEAD, .step = step};

static struct qnk_budget budget = {.limit = 1 << 26};

struct seen {
    struct qnk_engine *engine;
    uint32_t effects;
    uint32_t holds_at;    /* this effect holds the rest back */
    bool answers_forever; /* each effect brings an event */
};

static bool handle(void *ctx, const struct qnk_engine_effect *effect)
{
    struct seen *seen = ctx;

    assert_int_equal(effect->type, 7);
    assert_int_equal(qn_le32_read(effect->body.data), ++seen->effects); /* in order */
    if (seen->answers_forever) {
        (void)qnk_engine_event(seen->engine, 1, 0);
        qnk_engine_run(seen->engine, 5); /* a handler may lead back here */
    }
    return seen->effects != seen->holds_at;
}

static struct qnk_engine *engine_of(struct qn_inst *inst, struct seen *seen)
{
    struct qnk_plugged plugged = {.table = &slots, .inst = inst};

    seen->engine = qnk_engine_create(&budget, plugged, handle, seen);
    assert_non_null(seen->engine);
    return seen->engine;
}

static void done(struct qnk_engine *engine)
{
    qnk_engine_destroy(engine);
    assert_int_equal(budget.used, 0);
}

static void events_are_told_in_batches_and_effects_done_in_order(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {0};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        (void)qnk_engine_event(engine, 2, 16);
    }
    qnk_engine_run(engine, 42);
    assert_int_equal(inst.events, 1000);
    assert_true(inst.largest_batch > 1);
    assert_int_equal(inst.last_now, 42);
    assert_int_equal(seen.effects, 2000);
    done(engine);
}

static void an_effect_may_hold_back_what_follows(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {.holds_at = 2};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    (void)qnk_engine_event(engine, 5, 0);
    qnk_engine_run(engine, 1);
    assert_int_equal(seen.effects, 2);
    (void)qnk_engine_event(engine, 1, 0);
    qnk_engine_run(engine, 2); /* nothing goes on by itself */
    assert_int_equal(seen.effects, 2);
    assert_int_equal(inst.events, 1);
    qnk_engine_resume(engine, 3);
    assert_int_equal(seen.effects, 6);
    assert_int_equal(inst.events, 2);
    done(engine);
}

static void what_a_failed_call_asked_for_is_dropped(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {0};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    (void)qnk_engine_event(engine, 3, 0);
    (void)qnk_engine_event(engine, 99, 0);
    qnk_engine_run(engine, 1);
    assert_int_equal(seen.effects, 0);
    assert_int_equal(qnk_engine_status(engine), QN_BUG);
    (void)qnk_engine_event(engine, 1, 0);
    qnk_engine_run(engine, 2); /* it is not asked again */
    assert_int_equal(inst.calls, 1);
    done(engine);
}

static void too_many_effects_stop_it(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {0};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    (void)qnk_engine_event(engine, QN_CONSENSUS_EFFECTS_MAX + 1, 0);
    qnk_engine_run(engine, 1);
    assert_int_equal(qnk_engine_status(engine), QN_NO_SPACE);
    assert_int_equal(seen.effects, 0);
    done(engine);
}

static void an_engine_that_never_rests_is_stopped(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {.answers_forever = true};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    (void)qnk_engine_event(engine, 1, 0);
    qnk_engine_run(engine, 1);
    assert_int_equal(qnk_engine_status(engine), QN_BUG);
    assert_true(inst.calls <= QNK_ENGINE_RUNS_MAX);
    done(engine);
}

static void a_window_that_is_over_leaves_nothing(void **state)
{
    struct qn_inst inst = {0};
    struct seen seen = {.holds_at = 1};
    struct qnk_engine *engine = engine_of(&inst, &seen);

    (void)state;
    (void)qnk_engine_event(engine, 3, 0);
    qnk_engine_run(engine, 1);
    (void)qnk_engine_event(engine, 1, 0);
    qnk_engine_clear(engine);
    qnk_engine_run(engine, 2);
    assert_int_equal(seen.effects, 1);
    assert_int_equal(inst.events, 1);
    done(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_told_in_batches_and_effects_done_in_order),
        cmocka_unit_test(an_effect_may_hold_back_what_follows),
        cmocka_unit_test(what_a_failed_call_asked_for_is_dropped),
        cmocka_unit_test(too_many_effects_stop_it),
        cmocka_unit_test(an_engine_that_never_rests_is_stopped),
        cmocka_unit_test(a_window_that_is_over_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
