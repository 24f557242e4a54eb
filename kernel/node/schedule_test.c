/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include <qnet/producer.h>

#include "kernel/node/schedule.h"

enum { N = 10, MEMBERS = 4 };

/* A producer that answers what the case wants. */
struct qn_inst {
    uint32_t member;      /* of every turn */
    int32_t status;       /* of turns() */
    uint32_t interval_ms; /* of pace() */
    uint32_t backup_ms;
    uint8_t class;
    uint32_t opened, seats, excluded;
    uint64_t closed;
};

static int32_t open_window(struct qn_inst *self, struct qn_span record)
{
    struct qn_producer_context context = {0};

    assert_int_equal(qn_producer_context_read(record, &context), QN_OK);
    assert_int_equal(context.last, context.window * N);
    assert_int_equal(context.first, context.last - N + 1);
    self->opened++;
    self->seats = context.seats_count;
    self->excluded = 0;
    for (uint32_t i = 0; i < context.seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&context.seats, &seat);
        self->excluded += seat.excluded;
    }
    return QN_OK;
}

static int32_t turns(struct qn_inst *self, const struct qn_producer_ask *asks, uint32_t count,
                     uint32_t *members)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(asks[i].view < QNK_SCHEDULE_VIEWS);
        members[i] = self->member;
    }
    return self->status;
}

static int32_t pace(struct qn_inst *self, const struct qn_producer_recent *recent, uint32_t count,
                    uint8_t *class, uint32_t *interval_ms, uint32_t *backup_ms)
{
    (void)recent;
    (void)count;
    *class = self->class;
    *interval_ms = self->interval_ms;
    *backup_ms = self->backup_ms;
    return QN_OK;
}

static void close_windows(struct qn_inst *self, uint64_t window)
{
    self->closed = window;
}

static const struct qn_producer_1 slots = {.head = QN_PRODUCER_1_HEAD,
                                           .open = open_window,
                                           .turns = turns,
                                           .pace = pace,
                                           .close = close_windows};

static struct qnk_budget budget = {.limit = 1 << 24};
static const struct qnk_params params = {
    .window = N, .interval_min_ms = 50, .interval_max_ms = 2000};

struct fixture {
    struct qn_inst inst;
    struct qnk_schedule *schedule;
    struct qnk_set *set;
    struct qnk_control *control;
};

static void begin(struct fixture *it)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_plugged plugged = {.table = &slots, .inst = &it->inst};
    struct qnk_hash beacon = {{1}};

    *it = (struct fixture){.inst = {.interval_ms = 100, .backup_ms = 50}};
    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &it->set), QN_OK);
    assert_int_equal(qnk_control_new(&budget, MEMBERS, &it->control), QN_OK);
    it->control->members[3].excluded = QNK_EXCLUDED_ABSENT;
    it->schedule = qnk_schedule_create(&budget, &params, plugged);
    assert_non_null(it->schedule);
    for (uint64_t window = 1; window <= 3; window++) {
        assert_int_equal(
            qnk_schedule_open(it->schedule, window, 0, NULL, &beacon, it->set, it->control), QN_OK);
    }
}

static void end(struct fixture *it)
{
    qnk_schedule_destroy(it->schedule);
    qnk_control_unref(it->control);
    qnk_set_unref(it->set);
    assert_int_equal(budget.used, 0);
}

static void the_plugin_is_told_who_sits_and_who_is_out(void **state)
{
    struct fixture it;

    (void)state;
    begin(&it);
    assert_int_equal(it.inst.opened, 3);
    assert_int_equal(it.inst.seats, MEMBERS);
    assert_int_equal(it.inst.excluded, 1);
    end(&it);
}

static void ranks_from_64_on_are_the_kernels(void **state)
{
    struct fixture it;
    uint32_t member;

    (void)state;
    begin(&it);
    it.inst.member = 2;
    assert_int_equal(qnk_schedule_turn(it.schedule, 7, 63, &member), QN_OK);
    assert_int_equal(member, 2);
    for (uint32_t view = 64; view < 72; view++) {
        assert_int_equal(qnk_schedule_turn(it.schedule, 7, view, &member), QN_OK);
        assert_int_equal(member, (7 + view) % MEMBERS);
    }
    end(&it);
}

static void whoever_the_plugin_leaves_out_has_a_rank_of_the_kernels(void **state)
{
    struct fixture it;

    (void)state;
    begin(&it);
    it.inst.member = 2;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        uint32_t view, member;

        assert_int_equal(qnk_schedule_rank(it.schedule, 7, i, &view), QN_OK);
        assert_int_equal(qnk_schedule_turn(it.schedule, 7, view, &member), QN_OK);
        assert_int_equal(member, i);
        assert_true(i == 2 ? view == 0 : view >= 64 && view < 64 + MEMBERS);
    }
    end(&it);
}

static void a_member_that_is_none_is_the_plugins_bug(void **state)
{
    struct fixture it;
    uint32_t member = 7;

    (void)state;
    begin(&it);
    it.inst.member = MEMBERS;
    assert_int_equal(qnk_schedule_turn(it.schedule, 7, 0, &member), QN_BUG);
    it.inst.member = 0;
    it.inst.status = QN_NO_SPACE;
    assert_int_equal(qnk_schedule_turn(it.schedule, 7, 0, &member), QN_NO_SPACE);
    assert_int_equal(member, 7); /* as it was */
    end(&it);
}

static void windows_open_and_close(void **state)
{
    struct fixture it;
    uint32_t member;

    (void)state;
    begin(&it);
    assert_ptr_equal(qnk_schedule_set(it.schedule, 3), it.set);
    assert_null(qnk_schedule_set(it.schedule, 4));
    assert_int_equal(qnk_schedule_turn(it.schedule, 31, 0, &member), QN_NOT_FOUND);
    qnk_schedule_close(it.schedule, 2);
    assert_int_equal(it.inst.closed, 2);
    assert_null(qnk_schedule_set(it.schedule, 2));
    assert_int_equal(qnk_schedule_turn(it.schedule, 20, 64, &member), QN_NOT_FOUND);
    assert_int_equal(qnk_schedule_turn(it.schedule, 21, 0, &member), QN_OK);
    end(&it);
}

static void a_pace_outside_the_networks_bounds_is_refused(void **state)
{
    static const struct {
        uint8_t class;
        uint32_t interval_ms, backup_ms;
        int32_t status;
    } rows[] = {{0, 50, 1, QN_OK},  {3, 2000, 1, QN_OK},  {4, 100, 1, QN_BUG},
                {0, 49, 1, QN_BUG}, {0, 2001, 1, QN_BUG}, {0, 100, 0, QN_BUG}};
    struct fixture it;

    (void)state;
    begin(&it);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct qnk_pace answer;

        it.inst.class = rows[i].class;
        it.inst.interval_ms = rows[i].interval_ms;
        it.inst.backup_ms = rows[i].backup_ms;
        assert_int_equal(qnk_schedule_pace(it.schedule, 7, NULL, 0, &answer), rows[i].status);
    }
    end(&it);
}

static void the_kernels_ranks_are_slow(void **state)
{
    struct qnk_pace fast = {.class = 3, .interval_ms = 50, .backup_ms = 10};
    struct qnk_pace same = qnk_pace_of(&params, &fast, 63);
    struct qnk_pace slow = qnk_pace_of(&params, &fast, 64);

    (void)state;
    assert_int_equal(same.interval_ms, 50);
    assert_int_equal(slow.class, 0);
    assert_int_equal(slow.interval_ms, 2000);
    assert_int_equal(slow.backup_ms, QNK_SCHEDULE_BACKUP_MS);
}

static void a_window_is_held_until_its_producer_comes(void **state)
{
    struct fixture it;
    struct qn_inst other = {.member = 2, .interval_ms = 70, .backup_ms = 50};
    struct qnk_plugged plugged = {.table = &slots, .inst = &other};
    struct qnk_hash beacon = {{1}};
    struct qnk_pace pace_there;
    uint32_t member;

    (void)state;
    begin(&it);
    assert_true(qnk_schedule_wants(it.schedule, 4));
    assert_int_equal(qnk_schedule_open(it.schedule, 4, 1, NULL, &beacon, it.set, it.control),
                     QN_OK);
    assert_true(qnk_schedule_is_held(it.schedule, 4));
    assert_false(qnk_schedule_is_held(it.schedule, 3));
    assert_false(qnk_schedule_wants(it.schedule, 4));
    assert_ptr_equal(qnk_schedule_set(it.schedule, 4), it.set);
    assert_int_equal(qnk_schedule_turn(it.schedule, 31, 0, &member), QN_NOT_FOUND);
    assert_int_equal(qnk_schedule_primary(it.schedule, 31, &member), QN_NOT_FOUND);
    assert_int_equal(qnk_schedule_rank(it.schedule, 31, 0, &member), QN_NOT_FOUND);
    assert_int_equal(qnk_schedule_turn(it.schedule, 31, 64, &member), QN_OK); /* the kernel's */
    assert_int_equal(qnk_schedule_plug(it.schedule, 1, plugged), QN_OK);
    assert_true(qnk_schedule_wants(it.schedule, 4));
    assert_int_equal(qnk_schedule_open(it.schedule, 4, 1, NULL, &beacon, it.set, it.control),
                     QN_OK);
    assert_int_equal(other.opened, 1);
    assert_int_equal(qnk_schedule_turn(it.schedule, 31, 0, &member), QN_OK);
    assert_int_equal(member, 2); /* and each serves its own windows */
    assert_int_equal(qnk_schedule_turn(it.schedule, 30, 0, &member), QN_OK);
    assert_int_equal(member, 0);
    assert_int_equal(qnk_schedule_pace(it.schedule, 31, NULL, 0, &pace_there), QN_OK);
    assert_int_equal(pace_there.interval_ms, 70);
    qnk_schedule_close(it.schedule, 3);
    qnk_schedule_unplug(it.schedule, 0);
    assert_int_equal(qnk_schedule_turn(it.schedule, 31, 0, &member), QN_OK);
    end(&it);
}

static void a_producer_that_fails_leaves_the_kernels_ranks(void **state)
{
    struct fixture it;
    uint32_t member, view;

    (void)state;
    begin(&it);
    it.inst.status = QN_BUG;
    assert_int_equal(qnk_schedule_primary(it.schedule, 7, &member), QN_OK);
    assert_int_equal(member, QNK_SET_NOBODY);
    assert_int_equal(qnk_schedule_rank(it.schedule, 7, 1, &view), QN_OK);
    assert_true(view >= QNK_SCHEDULE_VIEWS);
    assert_int_equal(qnk_schedule_turn(it.schedule, 7, view, &member), QN_OK);
    assert_int_equal(member, 1);
    it.inst.status = QN_OK;
    assert_int_equal(qnk_schedule_last_rank(it.schedule, 7, 1, &member), QN_OK);
    assert_int_equal(member, view);
    end(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plugin_is_told_who_sits_and_who_is_out),
        cmocka_unit_test(ranks_from_64_on_are_the_kernels),
        cmocka_unit_test(whoever_the_plugin_leaves_out_has_a_rank_of_the_kernels),
        cmocka_unit_test(a_member_that_is_none_is_the_plugins_bug),
        cmocka_unit_test(windows_open_and_close),
        cmocka_unit_test(a_pace_outside_the_networks_bounds_is_refused),
        cmocka_unit_test(the_kernels_ranks_are_slow),
        cmocka_unit_test(a_window_is_held_until_its_producer_comes),
        cmocka_unit_test(a_producer_that_fails_leaves_the_kernels_ranks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
