/* SPDX-License-Identifier: MIT */

/* Engines that are sick: sound until it shows, then each in its way, and silent at the end. */

#include "tests/test.h"

#include <string.h>

#include <qnet/consensus.h>

#include "kernel/sim/sick.h"

enum { FROM = 12, MUTE_FROM = 14, AFTER = 2, BODIES = 64, BODY = 1100 };

static struct qnk_budget budget = {.limit = 1 << 20};

/* --- a sound engine, which asks to sign once for each event --- */

static uint32_t inner_calls;

static int32_t inner_step(struct qn_inst *inst, const struct qn_event *const *batch, uint32_t count,
                          struct qn_effects *out)
{
    static const uint8_t digest[QN_HASH_SIZE] = {7};
    int32_t status = QN_OK;

    (void)inst;
    (void)batch;
    inner_calls++;
    for (uint32_t i = 0; i < count && status == QN_OK; i++) {
        const struct qn_consensus_effect_request_sign wish = {
            .window = 1, .step = 1, .vr = -1, .digest = digest, .to = UINT32_MAX};

        status = qn_consensus_effect_request_sign_push(out, &wish);
    }
    return status;
}

static int32_t inner_query(struct qn_inst *inst, uint32_t what, struct qn_span arg,
                           struct qn_sink *answer)
{
    (void)inst;
    (void)what;
    (void)arg;
    (void)answer;
    return QN_NOT_FOUND;
}

static const struct qn_consensus_1 inner = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = inner_step,
    .query = inner_query,
};

/* --- the kernel's side --- */

static struct {
    uint32_t count;
    uint32_t types[BODIES];
    uint64_t sizes[BODIES];
    uint8_t bodies[BODIES][BODY];
} heard;

static int32_t hear(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)ctx;
    (void)payload;
    if (heard.count == QN_CONSENSUS_EFFECTS_MAX) {
        return QN_NO_SPACE;
    }
    if (heard.count < BODIES) {
        assert_true(body.size <= BODY);
        heard.types[heard.count] = type;
        heard.sizes[heard.count] = body.size;
        memcpy(heard.bodies[heard.count], body.data, body.size);
    }
    heard.count++;
    return QN_OK;
}

static struct qnk_sick *sick_of(uint32_t sickness, uint64_t after, uint64_t seed)
{
    const struct qnk_sick_course course = {
        .sickness = sickness,
        .from = FROM,
        .after = after,
        .mute_from = MUTE_FROM,
        .seed = seed,
    };
    const struct qnk_plugged engine = {.table = &inner};
    struct qnk_sick *sick = qnk_sick_create(&budget, engine, &course);

    assert_non_null(sick);
    inner_calls = 0;
    return sick;
}

/* Tells it of one event; what it asks for is `heard`. */
static int32_t tell(struct qnk_sick *sick, uint16_t type, struct qn_span body)
{
    struct qnk_plugged plugged = qnk_sick_plugged(sick);
    const struct qn_consensus_1 *table = plugged.table;
    const struct qn_event event = {.size = sizeof event, .type = type, .body = body};
    const struct qn_event *batch[] = {&event};
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .push = hear};

    memset(&heard, 0, sizeof heard);
    return table->step(plugged.inst, batch, 1, &out);
}

static int32_t open(struct qnk_sick *sick, uint64_t window)
{
    static const uint8_t hash[QN_HASH_SIZE];
    static uint8_t body[512];
    const struct qn_consensus_event_open event = {.window = window, .set = hash, .seed = hash};

    return tell(
        sick, QN_CONSENSUS_EVENT_OPEN,
        (struct qn_span){body, (uint64_t)(qn_consensus_event_open_write(&event, body) - body)});
}

static int32_t head(struct qnk_sick *sick)
{
    return tell(sick, QN_CONSENSUS_EVENT_HEAD, (struct qn_span){NULL, 0});
}

/* --- cases --- */

static void before_it_shows_an_engine_is_sound(void **state)
{
    (void)state;
    for (uint32_t sickness = 0; sickness < QNK_SICKNESSES; sickness++) {
        struct qnk_sick *sick = sick_of(sickness, AFTER, 1);

        for (uint64_t window = FROM - 2; window < FROM; window++) {
            assert_int_equal(open(sick, window), QN_OK);
            assert_int_equal(heard.count, 1);
        }
        assert_int_equal(open(sick, FROM), QN_OK);
        assert_int_equal(head(sick), QN_OK); /* AFTER calls of the first bad window */
        assert_int_equal(heard.count, 1);
        assert_int_equal(inner_calls, 4);
        qnk_sick_destroy(sick);
    }
    assert_int_equal(budget.used, 0);
}

static void one_that_stalls_goes_on_and_is_not_heard(void **state)
{
    struct qnk_sick *sick = sick_of(QNK_SICK_STALL, 0, 1);

    (void)state;
    assert_int_equal(open(sick, FROM), QN_OK);
    assert_int_equal(head(sick), QN_OK);
    assert_int_equal(heard.count, 0);
    assert_int_equal(inner_calls, 2);
    qnk_sick_destroy(sick);
}

static void one_that_fails_says_so(void **state)
{
    struct qnk_sick *sick = sick_of(QNK_SICK_FAIL, 0, 1);

    (void)state;
    assert_int_not_equal(open(sick, FROM), QN_OK);
    assert_int_equal(heard.count, 0);
    qnk_sick_destroy(sick);
}

static void one_that_floods_fails_at_the_limit(void **state)
{
    struct qnk_sick *sick = sick_of(QNK_SICK_FLOOD, 0, 1);

    (void)state;
    assert_int_equal(open(sick, FROM), QN_NO_SPACE);
    assert_int_equal(heard.count, QN_CONSENSUS_EFFECTS_MAX);
    qnk_sick_destroy(sick);
}

static void one_that_spins_asks_the_same_each_time(void **state)
{
    struct qnk_sick *sick = sick_of(QNK_SICK_SPIN, 0, 1);
    uint8_t first[BODY];

    (void)state;
    assert_int_equal(open(sick, FROM), QN_OK);
    assert_int_equal(heard.count, 1);
    memcpy(first, heard.bodies[0], sizeof first);
    assert_int_equal(head(sick), QN_OK);
    assert_memory_equal(first, heard.bodies[0], sizeof first);
    qnk_sick_destroy(sick);
}

/* Over some steps: what was left out, changed and added, as a sum of all bytes. */
static uint64_t lies_sum(uint64_t seed, uint32_t *truths, uint32_t *all)
{
    struct qnk_sick *sick = sick_of(QNK_SICK_LIE, 0, seed);
    uint64_t sum = 0;

    *truths = *all = 0;
    assert_int_equal(open(sick, FROM), QN_OK);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(head(sick), QN_OK);
        *all += heard.count;
        for (uint32_t j = 0; j < heard.count; j++) {
            *truths += heard.types[j] == QN_CONSENSUS_EFFECT_REQUEST_SIGN &&
                       heard.bodies[j][8 + 4 + 2 + 4] == 7; /* the digest's first byte */
            for (uint64_t k = 0; k < heard.sizes[j]; k++) {
                sum = sum * 31 + heard.bodies[j][k];
            }
        }
    }
    assert_int_equal(open(sick, MUTE_FROM), QN_OK);
    assert_int_equal(heard.count, 0);
    qnk_sick_destroy(sick);
    return sum;
}

static void one_that_lies_says_true_and_untrue_things_by_its_seed(void **state)
{
    uint32_t truths, all, other;
    uint64_t sum = lies_sum(5, &truths, &all);

    (void)state;
    assert_in_range(truths, 100, 199);
    assert_true(all > truths + 100);
    assert_true(lies_sum(5, &truths, &other) == sum);
    assert_int_equal(all, other);
    assert_true(lies_sum(6, &truths, &other) != sum);
}

static void nobody_asks_for_anything_at_the_end(void **state)
{
    (void)state;
    for (uint32_t sickness = 0; sickness < QNK_SICKNESSES; sickness++) {
        struct qnk_sick *sick = sick_of(sickness, UINT64_MAX, 1);
        int32_t status;

        assert_int_equal(open(sick, FROM), QN_OK);
        assert_int_equal(heard.count, 1);
        status = open(sick, MUTE_FROM);
        if (sickness != QNK_SICK_SPIN) { /* a question that is refused decides nothing */
            assert_true(status != QN_OK || heard.count == 0);
        }
        qnk_sick_destroy(sick);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_shows_an_engine_is_sound),
        cmocka_unit_test(one_that_stalls_goes_on_and_is_not_heard),
        cmocka_unit_test(one_that_fails_says_so),
        cmocka_unit_test(one_that_floods_fails_at_the_limit),
        cmocka_unit_test(one_that_spins_asks_the_same_each_time),
        cmocka_unit_test(one_that_lies_says_true_and_untrue_things_by_its_seed),
        cmocka_unit_test(nobody_asks_for_anything_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
