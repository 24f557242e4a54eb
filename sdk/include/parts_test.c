/* SPDX-License-Identifier: MIT */

/* parts_test.c: what engines and producers share beyond the ABI: events handed on, the window, who
 * is in which round, timers, and the windows of a schedule. */

#include "tests/test.h"

#include <string.h>

#include <qnet/engine.h>
#include <qnet/places.h>
#include <qnet/schedule.h>
#include <qnet/tally.h>
#include <qnet/timers.h>

/* An engine that does nothing but count what it is told. */
struct qn_inst {
    struct qn_window window;
    uint32_t opened, candidates, heads, runs;
};

static uint32_t pushed, room;

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return pushed++ < room ? QN_OK : QN_NO_SPACE;
}

static int32_t on_open(struct qn_inst *self, const struct qn_consensus_event_open *event)
{
    self->opened++;
    return qn_window_open(&self->window, event);
}

static void on_candidate(struct qn_inst *self, const struct qn_consensus_event_candidate *event)
{
    (void)event;
    self->candidates++;
}

static void run(struct qn_inst *self)
{
    self->runs++;
    qn_window_report(&self->window, 0, 1, self->candidates, 2);
}

static void tell_status(const struct qn_inst *self, struct qn_consensus_status *status)
{
    status->phase = 1;
    status->have = self->candidates;
    status->lock_round = 7;
}

static const char *const phases[] = {"idle", "busy"};

static const struct qn_engine engine = {
    .open = on_open,
    .candidate = on_candidate,
    .run = run,
    .status = tell_status,
    .phases = phases,
};

static const uint8_t hash[QN_HASH_SIZE] = {5};

static int32_t tell(struct qn_inst *self, uint16_t type, const uint8_t *from, const uint8_t *end)
{
    struct qn_event event = {
        .size = sizeof event, .type = type, .body = {from, (uint64_t)(end - from)}};
    const struct qn_event *batch[] = {&event};
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .push = push};

    return qn_engine_step(&engine, self, &self->window, batch, 1, &out);
}

/* Window 3 of four members that weigh 1 each, or what `total` says of them. */
static int32_t open_window(struct qn_inst *self, uint64_t total)
{
    uint8_t members[4 * (QN_KEY_SIZE + 8)], bytes[512], *at = members;
    struct qn_member member = {.key = hash, .weight = 1};
    struct qn_consensus_event_open event = {
        .window = 3,
        .first = 21,
        .last = 30,
        .set = hash,
        .total = total,
        .quorum = 3,
        .members_count = 4,
        .members = {members, sizeof members},
        .seed = hash,
    };

    for (uint32_t i = 0; i < 4; i++) {
        at = qn_member_write(&member, at);
    }
    return tell(self, QN_CONSENSUS_EVENT_OPEN, bytes, qn_consensus_event_open_write(&event, bytes));
}

static int32_t candidate(struct qn_inst *self, uint64_t window)
{
    struct qn_consensus_event_candidate event = {.window = window, .digest = hash};
    uint8_t bytes[64];

    return tell(self, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                qn_consensus_event_candidate_write(&event, bytes));
}

static int start(void **state)
{
    static struct qn_inst self;

    memset(&self, 0, sizeof self);
    pushed = 0;
    room = 100;
    *state = &self;
    return 0;
}

static void events_of_other_windows_are_left_out(void **state)
{
    struct qn_inst *self = *state;

    assert_int_equal(candidate(self, 3), QN_OK); /* none is open */
    assert_int_equal(self->runs, 0);
    assert_int_equal(open_window(self, 4), QN_OK);
    assert_int_equal(candidate(self, 2), QN_OK);
    assert_int_equal(self->candidates, 0);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(self->candidates, 1);
    assert_int_equal(self->runs, 3);
}

static void a_final_window_is_closed(void **state)
{
    struct qn_inst *self = *state;
    struct qn_consensus_event_final event = {.window = 3, .digest = hash};
    uint8_t bytes[64];

    assert_int_equal(open_window(self, 4), QN_OK);
    (void)qn_consensus_event_final_write(&event, bytes);
    assert_int_equal(
        tell(self, QN_CONSENSUS_EVENT_FINAL, bytes, bytes + qn_consensus_event_final_size(&event)),
        QN_OK);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(self->candidates, 0);
}

/* What an engine has no use for is read all the same, so that all refuse what is no record. */
static void what_means_nothing_is_passed_over_but_read(void **state)
{
    struct qn_inst *self = *state;
    struct qn_consensus_event_head event = {.window = 3, .height = 31};
    uint8_t bytes[16], *end = qn_consensus_event_head_write(&event, bytes);

    assert_int_equal(open_window(self, 4), QN_OK);
    assert_int_equal(tell(self, QN_CONSENSUS_EVENT_HEAD, bytes, end), QN_OK);
    assert_int_equal(tell(self, QN_CONSENSUS_EVENT_HEAD, bytes, end - 1), QN_INVALID);
    assert_int_equal(tell(self, QN_CONSENSUS_EVENT_OFFENCE, bytes, end), QN_OK);
    assert_int_equal(tell(self, 999, bytes, end), QN_OK);
}

static void a_set_that_contradicts_itself_opens_nothing(void **state)
{
    struct qn_inst *self = *state;

    assert_int_equal(open_window(self, 4), QN_OK);
    assert_int_equal(open_window(self, 5), QN_INVALID);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(self->candidates, 0);
}

static void an_effect_without_room_fails_the_step(void **state)
{
    struct qn_inst *self = *state;

    room = 0;
    assert_int_equal(open_window(self, 4), QN_NO_SPACE);
    room = 100;
    assert_int_equal(candidate(self, 3), QN_OK); /* the next call begins anew */
}

/* In halves of the weight: 1 and 2 of 4 are in one, 3 in the next. */
static void a_report_is_made_for_every_part_of_the_weight(void **state)
{
    struct qn_inst *self = *state;

    assert_int_equal(open_window(self, 4), QN_OK);
    assert_int_equal(pushed, 1);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(pushed, 1);
    assert_int_equal(candidate(self, 3), QN_OK);
    assert_int_equal(pushed, 2);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    struct qn_engine_text text = {.size = 0};

    (void)state;
    qn_engine_say_number(&text, "n ", UINT64_MAX);
    assert_int_equal(text.size, 22);
    assert_memory_equal(text.bytes, "n 18446744073709551615", 22);
    for (uint32_t i = 0; i < 100; i++) {
        qn_engine_say(&text, "words ");
    }
    assert_int_equal(text.size, QN_ENGINE_TEXT_MAX);
}

static void who_holds_an_honest_member_is_followed(void **state)
{
    struct qn_inst *self = *state;
    struct qn_places places;

    assert_int_equal(open_window(self, 4), QN_OK);
    assert_int_equal(self->window.honest, 2);
    qn_places_clear(&places, &self->window);
    qn_places_see(&places, &self->window, 0, 1, 9);
    assert_int_equal(qn_places_lead(&places, &self->window, 0), 0);
    qn_places_see(&places, &self->window, 0, 2, 5);
    qn_places_see(&places, &self->window, 0, 2, 4); /* it was further already */
    assert_int_equal(qn_places_lead(&places, &self->window, 0), 5);
    qn_places_enter(&places, &self->window, 5);
    assert_int_equal(qn_places_lead(&places, &self->window, 5), 5);
    qn_places_see(&places, &self->window, 5, 3, QN_PLACES_ROUND_MAX + 1u);
    assert_int_equal(qn_places_lead(&places, &self->window, 5), 5);
    assert_true(qn_places_keep(20, 28) && qn_places_keep(20, 11));
    assert_false(qn_places_keep(20, 29) || qn_places_keep(20, 10));
}

static void a_timer_of_another_round_is_not_due(void **state)
{
    struct qn_inst *self = *state;
    struct qn_timers timers = {0, 0};
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .push = push};

    assert_int_equal(open_window(self, 4), QN_OK);
    self->window.out = &out;
    qn_timers_start(&timers, &self->window, 2, 3, 100);
    qn_timers_due(&timers, 2, qn_timers_number(1, 3));
    qn_timers_due(&timers, 2, qn_timers_number(2, 4)); /* it does not run */
    assert_false(qn_timers_has_fired(&timers, 3) || qn_timers_has_fired(&timers, 4));
    qn_timers_due(&timers, 2, qn_timers_number(2, 3));
    assert_true(qn_timers_has_fired(&timers, 3) && qn_timers_has_started(&timers, 3));
    pushed = 0;
    qn_timers_start(&timers, &self->window, 2, 1, 100);
    qn_timers_cancel(&timers, &self->window, 2);
    assert_int_equal(pushed, 2); /* one that was due needs no cancel */
    assert_false(qn_timers_has_started(&timers, 3));
}

static void a_certificate_is_asked_for_again_with_more_weight(void **state)
{
    static struct qn_tally tally;

    (void)state;
    qn_tally_clear(&tally);
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(qn_tally_certify(&tally, 3));
        assert_true(qn_tally_add(&tally, i, 1, hash, -1));
    }
    assert_true(qn_tally_certify(&tally, 3));
    assert_false(qn_tally_certify(&tally, 3));
    assert_true(qn_tally_add(&tally, 3, 1, hash, -1));
    assert_true(qn_tally_certify(&tally, 3));
}

/* --- schedules --- */

static int32_t seats_open(struct qn_schedule *schedule, uint64_t window, uint64_t weight,
                          uint32_t *place)
{
    uint8_t seats[4 * 64], bytes[1024], *at = seats;
    struct qn_producer_seat seat = {.key = hash, .weight = weight};
    struct qn_producer_context context = {
        .window = window,
        .first = window * 10,
        .last = window * 10 + 9,
        .beacon = hash,
        .seats_count = 3,
    };
    struct qn_producer_context read = {0};

    for (uint32_t i = 0; i < 3; i++) {
        seat.excluded = i == 1;
        at = qn_producer_seat_write(&seat, at);
    }
    context.seats = (struct qn_span){seats, (uint64_t)(at - seats)};
    at = qn_producer_context_write(&context, bytes);
    assert_int_equal(
        qn_producer_context_read((struct qn_span){bytes, (uint64_t)(at - bytes)}, &read), QN_OK);
    return qn_schedule_open(schedule, &read, place);
}

static void a_schedule_seats_who_is_not_excluded(void **state)
{
    static struct qn_schedule schedule;
    const struct qn_schedule_window *window;
    uint32_t place = 99;

    (void)state;
    assert_int_equal(seats_open(&schedule, 1, 5, &place), QN_OK);
    window = &schedule.windows[place];
    assert_int_equal(window->count, 2);
    assert_int_equal(window->members[1], 2);
    assert_int_equal(qn_schedule_weight_of(window, 1), 5);
    assert_int_equal(qn_schedule_seat(window, 4, 0), 0);
    assert_int_equal(qn_schedule_seat(window, 5, 0), 1);
    assert_int_equal(qn_schedule_find(&schedule, 19), place);
    assert_int_equal(qn_schedule_find(&schedule, 20), QN_PRODUCER_WINDOWS_MAX);
}

static void a_schedule_refuses_and_stays_as_it_was(void **state)
{
    static struct qn_schedule schedule, before;
    uint32_t place = 99, again = 99;

    (void)state;
    for (uint64_t i = 1; i <= QN_PRODUCER_WINDOWS_MAX; i++) {
        assert_int_equal(seats_open(&schedule, i, 1, &place), QN_OK);
    }
    before = schedule;
    assert_int_equal(seats_open(&schedule, 100, 1, &again), QN_NO_SPACE);
    assert_int_equal(seats_open(&schedule, 1, 0, &again), QN_INVALID);
    assert_int_equal(seats_open(&schedule, 1, QN_SCHEDULE_WEIGHT_MAX, &again), QN_INVALID);
    assert_memory_equal(&schedule, &before, sizeof schedule);
    assert_int_equal(again, 99);
    assert_int_equal(seats_open(&schedule, QN_PRODUCER_WINDOWS_MAX, 2, &again), QN_OK);
    assert_int_equal(again, place); /* its own place, anew */
    qn_schedule_close(&schedule, 2);
    assert_int_equal(seats_open(&schedule, 100, 1, &again), QN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(events_of_other_windows_are_left_out, start),
        cmocka_unit_test_setup(a_final_window_is_closed, start),
        cmocka_unit_test_setup(what_means_nothing_is_passed_over_but_read, start),
        cmocka_unit_test_setup(a_set_that_contradicts_itself_opens_nothing, start),
        cmocka_unit_test_setup(an_effect_without_room_fails_the_step, start),
        cmocka_unit_test_setup(a_report_is_made_for_every_part_of_the_weight, start),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
        cmocka_unit_test_setup(who_holds_an_honest_member_is_followed, start),
        cmocka_unit_test_setup(a_timer_of_another_round_is_not_due, start),
        cmocka_unit_test(a_certificate_is_asked_for_again_with_more_weight),
        cmocka_unit_test(a_schedule_seats_who_is_not_excluded),
        cmocka_unit_test(a_schedule_refuses_and_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
