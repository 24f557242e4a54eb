/* SPDX-License-Identifier: MIT */

/* conform_swap_test.c: the trails of swap.pml, played to the control record, whose transitions say
 * which binding serves a window, and to three sign guards, which sign its votes.
 *
 * The rules ask for more notice than the model has windows, so its window 1 is the chain's window
 * 4: at its end the plan is counted, and window 7 is the first of the new engine. What its blocks
 * say is the case's choice; of a window that was given up two members then say so, as nodes do. */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/tx.h"
#include "kernel/node/swap.h"
#include "kernel/node/transition_test.h"
#include "tests/spin/stage.h"
#include "tests/spin/trail.h"

enum {
    N = 10, /* blocks of a window */
    WINDOWS = 8,
    BEFORE = 3, /* windows of the chain before the model's first */
    FIRST = 4,
    BACK = 5, /* whose blocks say that the plan failed */
    BINDINGS = 3,
    ATTEMPTS = 2,
    KIND = QNK_BINDING_CONSENSUS,
};

static const struct qnk_params params = {
    .window = N,
    .swap = {.notice = 5, .probation = 1, .percent = 1},
    .bindings = {{.name = "old", .version = "1.0", .steps = {1, 2}, .steps_count = 2},
                 {.name = "turns", .version = "1.0"},
                 {.name = "accounts", .version = "1.0"}},
};

static struct {
    struct qnk_set *set;
    struct qnk_control *records[BEFORE + WINDOWS + 1]; /* after each window that is decided */
    struct qnk_hash plan;
    uint32_t ready; /* members that say so in time */
    uint32_t decided;
    bool was_given_up; /* the first window of the new engine */
    bool is_signed[WINDOWS + 1][BINDINGS][ATTEMPTS][HONEST];
    bool has_given_up[WINDOWS + 1][HONEST];
} chain;

static struct {
    uint32_t final;
    uint32_t runs[WINDOWS + 2]; /* binding + 1 whose engine was started for a window; 0: none */
    bool has_restarted;
    bool has_plugin;
} nodes[HONEST];

/* --- blocks --- */

static int32_t say(struct qnk_control **control, uint64_t height, uint32_t member, uint8_t kind,
                   struct qn_span payload)
{
    struct qnk_hash from = stage_digest((int)member + 1);
    struct qnk_tx tx = {
        .kind = kind,
        .payload = payload,
        .from = from.bytes,
        .nonce = qnk_swap_nonce(*control, kind),
        .valid_until = height,
    };

    return transition_try(control, chain.set, &params, height, &tx);
}

static int32_t say_ready(struct qnk_control **control, uint64_t height, uint32_t member)
{
    struct qnk_swap_ready ready = {.plan = chain.plan};
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    qnk_swap_ready_encode(&ready, bytes);
    return say(control, height, member, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
}

static void say_plan(struct qnk_control **control, uint64_t height)
{
    struct qnk_swap_plan plan = {
        .kind = KIND,
        .percent = 1,
        .probation = 3,
        .engine = {.first = BEFORE + FIRST,
                   .name = "new",
                   .version = "1.0",
                   .steps = {1, 2},
                   .steps_count = 2},
    };
    uint8_t bytes[QNK_SWAP_PLAN_MAX];
    struct qn_span payload = {bytes, qnk_swap_plan_encode(&plan, bytes)};

    qnk_swap_id(payload, &chain.plan);
    assert_int_equal(say(control, height, 0, QNK_TX_PLAN, payload), QN_OK);
}

static void say_given_up(struct qnk_control **control, uint64_t height, uint32_t member)
{
    struct qnk_swap_fallback fallback = {
        .window = BEFORE + FIRST, .era = qnk_era(1, 1), .digest = stage_digest(1)};
    uint8_t bytes[QNK_SWAP_FALLBACK_SIZE];

    qnk_swap_fallback_encode(&fallback, bytes);
    assert_int_equal(
        say(control, height, member, QNK_TX_FALLBACK, (struct qn_span){bytes, sizeof bytes}),
        QN_OK);
}

/* What the blocks of a window of the chain say. A word on readiness that comes after the count is
 * none. */
static void words_say(struct qnk_control **control, uint64_t window)
{
    uint64_t height = (window - 1) * N + 2;

    if (window == 2) {
        say_plan(control, height);
    }
    for (uint32_t i = 0; window == BEFORE + 1 && i < chain.ready; i++) {
        assert_int_equal(say_ready(control, height, i == 2 ? LIAR : i), QN_OK);
    }
    for (uint32_t i = chain.ready; window == BEFORE + FIRST - 1 && i < MEMBERS; i++) {
        assert_int_equal(say_ready(control, height, i), QN_INVALID);
    }
    for (uint32_t i = 0; window == BEFORE + BACK && chain.was_given_up && i < 2; i++) {
        say_given_up(control, height, i);
    }
}

static void window_pass(uint64_t window)
{
    struct qnk_control *control = qnk_control_ref(chain.records[window - 1]);

    for (uint64_t height = (window - 1) * N + 1; height <= window * N; height++) {
        struct qnk_transition_block block = {.height = height};
        struct qnk_transition transition;
        struct qnk_control *after;

        assert_int_equal(qnk_transition_begin(&transition, control, chain.set, &params, &block),
                         QN_OK);
        assert_int_equal(qnk_transition_end(&transition, &after), QN_OK);
        qnk_control_unref(control);
        control = after;
        if (height % N == 1) {
            words_say(&control, window);
        }
    }
    chain.records[window] = control;
}

/* --- what is bound --- */

/* As storage gives it back. */
static struct qnk_control *read_back(const struct qnk_control *control)
{
    struct qn_buf *bytes = qnk_buf_new(&stage_budget, qnk_control_size(control));
    struct qnk_control *again;

    assert_non_null(bytes);
    qnk_control_encode(control, bytes->data);
    assert_int_equal(qnk_control_decode(&stage_budget, qnk_buf_span(bytes), &again), QN_OK);
    qnk_buf_unref(bytes);
    return again;
}

/* The binding of a window and attempt by what a member knows final, as qnk_window_binding() has it.
 * False: it knows too little. */
static bool binding_of(uint32_t self, uint32_t window, uint32_t attempt,
                       struct qnk_binding *binding)
{
    uint64_t place = BEFORE + window;
    struct qnk_control *basis;

    if (place - QNK_SWAP_LAG > BEFORE + nodes[self].final) {
        return false;
    }
    basis = chain.records[place - QNK_SWAP_LAG];
    basis = nodes[self].has_restarted ? read_back(basis) : qnk_control_ref(basis);
    *binding = *qnk_bindings_at(basis->bindings[KIND], place);
    if (attempt > 0) {
        uint32_t number = binding->number;

        *binding = *qnk_bindings_attempt(basis->bindings[KIND], place, attempt);
        binding->number = number; /* the era names what is bound */
    }
    qnk_control_unref(basis);
    return true;
}

/* --- votes --- */

static struct qnk_vote vote_in(uint32_t member, uint32_t window, const struct qnk_binding *binding,
                               uint32_t attempt, uint32_t step)
{
    struct said said = {step, 0, step == QNK_STEP_PREPARE, NONE};
    struct qnk_vote vote = stage_vote(member, &said);
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    uint32_t size = qnk_engine_record(binding, engine);

    vote.window = BEFORE + window;
    vote.era = qnk_era(binding->number, attempt);
    qnk_vote_binding(&chain.set->hash, (struct qn_span){engine, size}, &vote.binding);
    return vote;
}

static struct qnk_vote giving_up(uint32_t member, uint32_t window,
                                 const struct qnk_binding *binding,
                                 uint8_t words[QNK_STANDING_SIZE])
{
    struct qnk_vote vote = vote_in(member, window, binding, 0, QNK_STEP_ABANDON);
    struct qnk_standing standing = {.lock_round = -1};

    qnk_standing_encode(&standing, words);
    qnk_standing_digest(words, &vote.digest);
    vote.tail = (struct qn_span){words, QNK_STANDING_SIZE};
    return vote;
}

/* Of all who gave the first attempt up and the liar; NULL: they are no quorum. */
static struct qn_buf *abandon_of(uint32_t window, const struct qnk_binding *binding)
{
    struct qnk_vote votes[MEMBERS];
    const struct qnk_vote *list[MEMBERS];
    uint8_t words[MEMBERS][QNK_STANDING_SIZE];
    uint32_t count = 0;
    struct qn_span none = {NULL, 0};
    struct qn_buf *bytes;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (i == LIAR || chain.has_given_up[window][i]) {
            votes[count] = giving_up(i, window, binding, words[count]);
            list[count] = &votes[count];
            count++;
        }
    }
    if (count < 3) {
        return NULL;
    }
    bytes = qnk_buf_new(&stage_budget, qnk_abandon_size(count, 0));
    assert_non_null(bytes);
    qnk_abandon_encode(list, count, none, bytes->data);
    return bytes;
}

static bool vote(uint32_t self, uint32_t window, uint32_t number, uint32_t attempt)
{
    struct qnk_guard_facts facts = {.is_valid = true, .final_window = BEFORE + nodes[self].final};
    struct qnk_binding first, binding;
    struct qn_span span;
    struct qn_buf *bytes;
    struct qnk_vote it;
    int32_t status;

    if (!binding_of(self, window, 0, &first) || !binding_of(self, window, attempt, &binding) ||
        nodes[self].runs[window] != number + 1 || first.number != number) {
        return false;
    }
    if (attempt > 0 && strcmp(binding.name, "old") != 0) {
        return false;
    }
    if (strcmp(binding.name, "new") == 0 && !nodes[self].has_plugin) {
        return false;
    }
    bytes = attempt == 0 ? NULL : abandon_of(window, &first);
    it = vote_in(self, window, &binding, attempt, QNK_STEP_PREPARE);
    if (bytes != NULL) {
        span = qnk_buf_span(bytes);
        facts.abandons = &span;
        facts.abandons_count = 1;
    }
    status = stage_guard_ask(self, &it, &facts);
    qnk_buf_unref(bytes);
    chain.is_signed[window][number][attempt][self] = status == QN_OK;
    return status == QN_OK;
}

static bool give_up(uint32_t self, uint32_t window)
{
    struct qnk_guard_facts facts = {.is_valid = true, .final_window = BEFORE + nodes[self].final};
    uint8_t words[QNK_STANDING_SIZE];
    struct qnk_binding binding;
    struct qnk_vote it;

    if (!binding_of(self, window, 0, &binding)) {
        return false;
    }
    it = giving_up(self, window, &binding, words);
    chain.has_given_up[window][self] = stage_guard_ask(self, &it, &facts) == QN_OK;
    return chain.has_given_up[window][self];
}

/* Two honest members and the liar. */
static bool can_be_decided(uint32_t window, uint32_t number, uint32_t attempt)
{
    const bool *is_signed = chain.is_signed[window][number][attempt];

    return is_signed[0] + is_signed[1] + is_signed[2] >= 2;
}

static void assert_one_binding(uint32_t window)
{
    uint32_t bindings = 0;

    for (uint32_t number = 0; number < BINDINGS; number++) {
        bindings += can_be_decided(window, number, 0) || can_be_decided(window, number, 1);
    }
    assert_true(bindings <= 1);
}

/* --- what a line stands for; each says whether the C code goes along --- */

static bool start(uint32_t self, uint32_t window, uint32_t number)
{
    struct qnk_binding binding;

    if (!binding_of(self, window, 0, &binding) || binding.number != number) {
        return false;
    }
    nodes[self].runs[window] = number + 1;
    return true;
}

static bool decide(uint32_t window, uint32_t number, uint32_t attempt)
{
    if (window != chain.decided + 1 || !can_be_decided(window, number, attempt)) {
        return false;
    }
    chain.decided = window;
    chain.was_given_up = chain.was_given_up || (window == FIRST && attempt > 0);
    window_pass(BEFORE + window);
    return true;
}

static bool learn(uint32_t self, uint32_t window)
{
    if (window > chain.decided) {
        return false;
    }
    nodes[self].final = window;
    qnk_guard_forget(stage.members[self].guard, BEFORE + window, (BEFORE + window) * N);
    return true;
}

static void restart(uint32_t self)
{
    stage_crash(self);
    nodes[self].has_restarted = true;
    memset(nodes[self].runs, 0, sizeof nodes[self].runs);
}

static bool line_play(const struct trail_line *line)
{
    uint32_t self = (uint32_t)trail_number(line, 0);
    uint32_t window = (uint32_t)trail_number(line, 2);
    uint32_t number = (uint32_t)trail_number(line, 3);
    bool goes_along = true;

    if (trail_is(line, 0, "certified")) {
        window = (uint32_t)trail_number(line, 1);
        goes_along = decide(window, (uint32_t)trail_number(line, 2), number);
    } else if (trail_is(line, 1, "starts")) {
        goes_along = start(self, window, number);
    } else if (trail_is(line, 1, "votes")) {
        goes_along = vote(self, window, number, (uint32_t)trail_number(line, 4));
    } else if (trail_is(line, 1, "abandons")) {
        goes_along = give_up(self, window);
    } else if (trail_is(line, 1, "learns")) {
        goes_along = learn(self, window);
    } else if (trail_is(line, 1, "restarts")) {
        restart(self);
    } else if (trail_is(line, 1, "installs")) {
        nodes[self].has_plugin = true;
    } else {
        fail_msg("no such line: %s", line->whole);
    }
    assert_one_binding(window);
    return goes_along;
}

/* --- cases --- */

static void begin(uint32_t ready)
{
    static const struct qnk_hash tips[MEMBERS];

    stage_begin(0, false);
    memset(&chain, 0, sizeof chain);
    memset(nodes, 0, sizeof nodes);
    nodes[0].has_plugin = nodes[1].has_plugin = true;
    chain.ready = ready;
    chain.set = stage_set();
    assert_int_equal(
        qnk_transition_genesis(&stage_budget, &params, chain.set, tips, &chain.records[0]), QN_OK);
    for (uint64_t window = 1; window <= BEFORE; window++) {
        window_pass(window);
    }
}

static void end(void)
{
    for (uint32_t i = 0; i <= BEFORE + WINDOWS; i++) {
        qnk_control_unref(chain.records[i]);
    }
    qnk_set_unref(chain.set);
    stage_end();
}

static void plays(const char *name, uint32_t ready, const char *differs)
{
    begin(ready);
    trail_play(name, differs, line_play);
}

static void a_restarted_node_starts_what_is_bound(void **state)
{
    (void)state;
    plays("swap-m-config", 3, "0 starts 4 0");
    assert_true(start(0, FIRST, 1));
    end();
}

/* Whether a quorum was ready three windows before or not: later words change nothing, and all start
 * the same. */
static void the_count_is_taken_three_windows_before(void **state)
{
    (void)state;
    plays("swap-m-count-late", 3, "1 starts 4 0");
    assert_true(start(1, FIRST, 1));
    end();
    plays("swap-m-count-late", 2, "0 starts 4 1");
    assert_true(start(0, FIRST, 0));
    end();
}

static void the_new_engine_decides_to_the_end(void **state)
{
    (void)state;
    plays("swap-w-swapped", 3, NULL);
    assert_int_equal(chain.records[BEFORE + WINDOWS]->swap.life, QNK_SWAP_SETTLED);
    end();
}

static void the_old_engine_comes_back(void **state)
{
    const struct qnk_control *last;

    (void)state;
    plays("swap-w-returned", 3, NULL);
    last = chain.records[BEFORE + WINDOWS];
    assert_int_equal(last->swap.life, QNK_SWAP_FAILED);
    assert_string_equal(qnk_control_binding(last, KIND, BEFORE + WINDOWS)->name, "old");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restarted_node_starts_what_is_bound),
        cmocka_unit_test(the_count_is_taken_three_windows_before),
        cmocka_unit_test(the_new_engine_decides_to_the_end),
        cmocka_unit_test(the_old_engine_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
