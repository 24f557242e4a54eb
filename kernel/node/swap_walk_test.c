/* SPDX-License-Identifier: MIT */

/* Chains of random plans and words: whatever they are, what serves a window is settled three
 * windows before, each binding in force knows what it falls back to, a record that was read again
 * goes on as the one that was written, and what is over stays over. */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/vote.h"
#include "kernel/node/swap.h"
#include "kernel/node/transition.h"

enum { N = 2, MEMBERS = 4, WINDOWS = 120, CHAINS = 60, KEPT = 48, TRIES = 6, ROOM = 1 << 15 };

static struct qnk_budget budget = {.limit = 1 << 26};
static const struct qnk_params params = {
    .window = N,
    .swap = {.notice = 5, .probation = 1, .percent = 1},
    .bindings = {{.name = "old", .version = "1.0", .steps = {1, 2}, .steps_count = 2},
                 {.name = "turns", .version = "1.0"},
                 {.name = "accounts", .version = "1.0"}},
};

struct kept {
    struct qnk_tx tx;
    uint8_t from[QN_KEY_SIZE];
    uint8_t payload[QNK_SWAP_PLAN_MAX];
    bool is_over;
};

/* What the walk reached: it has to. */
static struct {
    uint32_t bound, failed, skipped, over;
} reached;

static struct {
    uint64_t random;
    struct qnk_set *set;
    struct qnk_control *control;
    uint64_t height;
    struct kept kept[KEPT];
    uint32_t kept_count;
    uint32_t serves[WINDOWS + 8]; /* number of the engine, as of three windows before */
    bool has_failed[WINDOWS + 8]; /* by number: on the word of a third */
} walk;

static uint32_t draw(uint32_t count)
{
    walk.random = walk.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(walk.random >> 33) % count;
}

static uint64_t window_now(void)
{
    return qnk_window_of(walk.height, N);
}

/* --- what is said --- */

static struct qn_span plan_draw(uint8_t *to)
{
    struct qnk_swap_plan made = {
        .kind = draw(4) == 0 ? QNK_BINDING_PRODUCER : QNK_BINDING_CONSENSUS,
        .percent = 1,
        .probation = 1 + draw(4),
        .engine = {.first = window_now() + 5 + draw(3), .version = "1.0", .steps = {1, 2}},
    };

    made.engine.name[0] = (char)('a' + draw(5));
    made.engine.steps_count = made.kind == QNK_BINDING_CONSENSUS ? 2 : 0;
    return (struct qn_span){to, qnk_swap_plan_encode(&made, to)};
}

static struct qn_span word_draw(uint8_t *to, uint8_t kind)
{
    struct qnk_swap_ready ready = {0};

    if (walk.control->swap.planned != NULL) {
        ready.plan = walk.control->swap.planned->id;
    }
    if (kind == QNK_TX_CANCEL) {
        qnk_swap_cancel_encode(&ready.plan, to);
        return (struct qn_span){to, QNK_SWAP_CANCEL_SIZE};
    }
    qnk_swap_ready_encode(&ready, to);
    return (struct qn_span){to, QNK_SWAP_READY_SIZE};
}

static struct qn_span fallback_draw(uint8_t *to)
{
    const struct qnk_bindings *list = walk.control->bindings[QNK_BINDING_CONSENSUS];
    struct qnk_swap_fallback said = {.window = window_now()};

    said.window -= draw(said.window < 4 ? (uint32_t)said.window : 4);
    said.era = qnk_era(list->list[draw(list->count)].number, 1);
    qnk_swap_fallback_encode(&said, to);
    return (struct qn_span){to, QNK_SWAP_FALLBACK_SIZE};
}

static void say(void)
{
    static const uint8_t kinds[] = {QNK_TX_PLAN,  QNK_TX_READY,    QNK_TX_READY,   QNK_TX_READY,
                                    QNK_TX_READY, QNK_TX_FALLBACK, QNK_TX_FALLBACK};
    struct kept *it = &walk.kept[walk.kept_count < KEPT ? walk.kept_count++ : draw(KEPT)];
    uint8_t kind = draw(40) == 0 ? QNK_TX_CANCEL : kinds[draw(sizeof kinds)];

    it->is_over = false;
    memset(it->from, (int)draw(MEMBERS) + 1, sizeof it->from);
    it->tx = (struct qnk_tx){
        .kind = kind,
        .from = it->from,
        .nonce = qnk_swap_nonce(walk.control, kind),
        .valid_until = walk.height + 20 + draw(40),
    };
    it->tx.payload = kind == QNK_TX_PLAN       ? plan_draw(it->payload)
                     : kind == QNK_TX_FALLBACK ? fallback_draw(it->payload)
                                               : word_draw(it->payload, kind);
}

/* --- what must hold --- */

static struct qnk_control *read_again(const struct qnk_control *control)
{
    static uint8_t bytes[ROOM], again[ROOM];
    struct qn_span span = {bytes, qnk_control_size(control)};
    struct qnk_control *made;

    assert_true(span.size <= ROOM);
    qnk_control_encode(control, bytes);
    assert_int_equal(qnk_control_decode(&budget, span, &made), QN_OK);
    assert_int_equal(qnk_control_size(made), span.size);
    qnk_control_encode(made, again);
    assert_memory_equal(bytes, again, span.size);
    return made;
}

static void bindings_hold(void)
{
    const struct qnk_bindings *list = walk.control->bindings[QNK_BINDING_CONSENSUS];
    uint64_t last = window_now();

    assert_true(list->count < QNK_BINDINGS_MAX);
    for (uint64_t window = last; window <= last + 3; window++) {
        const struct qnk_binding *at = qnk_bindings_at(list, window);

        assert_non_null(qnk_bindings_find(list, at->fallback));
        if (window < last + 3) {
            assert_int_equal(at->number, walk.serves[window]);
        }
    }

    const struct qnk_binding *next = qnk_bindings_at(list, last + 3);

    assert_false(walk.has_failed[next->number] || walk.has_failed[next->fallback]);
    walk.serves[last + 3] = next->number;
}

static void over_look(void)
{
    for (uint32_t i = 0; i < walk.kept_count; i++) {
        struct kept *it = &walk.kept[i];
        bool is_over = qnk_transition_is_over(walk.control, walk.set, N, walk.height + 1, &it->tx);

        reached.over += is_over && !it->is_over;
        it->is_over = it->is_over || is_over;
    }
}

/* --- the walk --- */

static void failed_note(const struct kept *word)
{
    struct qnk_swap_fallback said;

    assert_int_equal(qnk_swap_fallback_decode(word->tx.payload, &said), QN_OK);
    assert_true(said.era / QNK_ERA_ATTEMPTS < WINDOWS + 8);
    walk.has_failed[said.era / QNK_ERA_ATTEMPTS] = true;
}

/* The same transactions on the record and on the one that was read again. */
static void block(void)
{
    struct qnk_control *twin = read_again(walk.control);
    struct qnk_transition_block facts = {.height = walk.height, .view = draw(3) == 0 ? 64 : 0};
    struct qnk_transition a, b;
    struct qnk_hash one, other;

    assert_int_equal(qnk_transition_begin(&a, walk.control, walk.set, &params, &facts), QN_OK);
    assert_int_equal(qnk_transition_begin(&b, twin, walk.set, &params, &facts), QN_OK);
    for (uint32_t i = 0; i < TRIES; i++) {
        say();
    }
    for (uint32_t i = 0; i < walk.kept_count; i++) {
        struct kept *it = &walk.kept[i];
        const struct qnk_bindings *list = a.control->bindings[QNK_BINDING_CONSENSUS];
        int32_t status = qnk_transition_tx(&a, &it->tx);

        if (a.control->bindings[QNK_BINDING_CONSENSUS] != list) {
            failed_note(it);
        }
        assert_false(it->is_over && status == QN_OK);
        if (status == QN_OK) { /* what was refused changed nothing */
            assert_int_equal(qnk_transition_tx(&b, &it->tx), QN_OK);
        }
    }
    qnk_control_unref(twin);
    qnk_control_unref(walk.control);
    assert_int_equal(qnk_transition_end(&a, &walk.control), QN_OK);
    assert_int_equal(qnk_transition_end(&b, &twin), QN_OK);
    qnk_control_hash(walk.control, &one);
    qnk_control_hash(twin, &other);
    assert_memory_equal(&one, &other, sizeof one);
    qnk_control_unref(twin);
}

static void count_reached(uint8_t before)
{
    const struct qnk_bindings *list = walk.control->bindings[QNK_BINDING_CONSENSUS];

    reached.bound += before != QNK_SWAP_BOUND && walk.control->swap.life == QNK_SWAP_BOUND;
    reached.failed += before != QNK_SWAP_FAILED && walk.control->swap.life == QNK_SWAP_FAILED;
    for (uint32_t i = 1; i < list->count; i++) {
        const struct qnk_binding *it = &list->list[i];

        reached.skipped += it->fallback != it->number && it->fallback < list->list[i - 1].number;
    }
}

static void one_chain(uint64_t seed)
{
    static const struct qnk_hash tips[MEMBERS];

    walk.random = seed;
    walk.kept_count = 0;
    memset(walk.serves, 0, sizeof walk.serves);
    memset(walk.has_failed, 0, sizeof walk.has_failed);
    assert_int_equal(qnk_transition_genesis(&budget, &params, walk.set, tips, &walk.control),
                     QN_OK);
    for (walk.height = 1; walk.height <= (uint64_t)WINDOWS * N; walk.height++) {
        uint8_t before = walk.control->swap.life;

        block();
        over_look();
        count_reached(before);
        if (walk.height % N == 0) {
            bindings_hold();
        }
    }
    qnk_control_unref(walk.control);
}

static void random_chains_keep_what_was_promised(void **state)
{
    struct qnk_set_member members[MEMBERS] = {0};

    (void)state;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        memset(members[i].key.bytes, (int)i + 1, QN_KEY_SIZE);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &walk.set), QN_OK);
    for (uint64_t seed = 1; seed <= CHAINS; seed++) {
        one_chain(seed);
    }
    qnk_set_unref(walk.set);
    assert_int_equal(budget.used, 0);
    assert_true(reached.bound > 100 && reached.failed > 100 && reached.over > 1000);
    assert_true(reached.skipped > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_chains_keep_what_was_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
