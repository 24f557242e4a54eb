/* SPDX-License-Identifier: MIT */

/* The admin socket without a node: a loop that the test turns by hand, and queries of its own. */

#define _GNU_SOURCE /* SOCK_NONBLOCK */

#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "kernel/host/admin.h"
#include "kernel/host/query.h"
#include "kernel/host/refit.h"

enum { PEOPLE = 8, BIG = 300000, HELD_MAX = QNK_ADMIN_CALLS_MAX, TURNS_MAX = 100000 };

struct qnk_host {
    uv_loop_t loop;
    struct qnk_budget budget;
};

/* Whoever asks: what it still has to send, and what it has been told. */
struct person {
    int fd;
    char *text;
    size_t size, sent;
    uint64_t lines; /* answers that it read */
    bool is_closed;
    char start[128]; /* of what it read last */
};

static struct qnk_host host;
static struct qnk_admin *admin;
static char folder[64], path[80];
static struct person people[PEOPLE];
static struct qnk_question *held[HELD_MAX];
static uint32_t held_count, asked;
static bool is_stopped;

/* --- a host and queries --- */

struct qnk_budget *qnk_host_budget(struct qnk_host *it)
{
    return &it->budget;
}

struct uv_loop_s *qnk_host_loop(struct qnk_host *it)
{
    return &it->loop;
}

void qnk_host_watch(struct qnk_host *it, qnk_host_noted *noted, void *ctx)
{
    (void)it;
    (void)noted;
    (void)ctx;
}

void qnk_refit_watch(struct qnk_host *it, qnk_refit_heard *heard, void *ctx)
{
    (void)it;
    (void)heard;
    (void)ctx;
}

static void ask_quick(struct qnk_question *question)
{
    asked++;
    question->answered(question, json_true());
}

static void ask_big(struct qnk_question *question)
{
    char *text = calloc(1, BIG + 1);

    assert_non_null(text);
    memset(text, 'a', BIG);
    asked++;
    question->answered(question, json_string(text));
    free(text);
}

static void ask_held(struct qnk_question *question)
{
    held[held_count++] = question;
}

static const struct qnk_query queries[] = {
    {"quick", "", true, ask_quick},
    {"big", "", true, ask_big},
    {"held", "", true, ask_held},
};

const struct qnk_query *qnk_query_find(const char *name)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        if (strcmp(queries[i].name, name) == 0) {
            return &queries[i];
        }
    }
    return NULL;
}

const char *qnk_query_nearest(const char *name)
{
    (void)name;
    return NULL;
}

const char *qnk_query_event(struct qnk_host *it, const struct qnk_effect *note, json_t **event)
{
    (void)it;
    (void)note;
    (void)event;
    return NULL;
}

/* --- people --- */

static void person_come(struct person *person)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    *person = (struct person){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    assert_true(person->fd >= 0);
    assert_int_equal(connect(person->fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static void person_leave(struct person *person)
{
    if (person->fd >= 0) {
        (void)close(person->fd);
    }
    free(person->text);
    *person = (struct person){.fd = -1};
}

/* It will send `line` so many times. */
static void person_say(struct person *person, const char *line, size_t times)
{
    size_t size = strlen(line);

    free(person->text);
    person->text = malloc(size * times);
    assert_non_null(person->text);
    for (size_t i = 0; i < times; i++) {
        memcpy(person->text + i * size, line, size);
    }
    person->size = size * times;
    person->sent = 0;
}

static void person_send(struct person *person)
{
    while (person->sent < person->size) {
        ssize_t size = send(person->fd, person->text + person->sent, person->size - person->sent,
                            MSG_NOSIGNAL);

        if (size <= 0) {
            return;
        }
        person->sent += (size_t)size;
    }
}

static void person_read(struct person *person)
{
    static char room[65536];
    ssize_t size;

    while ((size = recv(person->fd, room, sizeof room, 0)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            person->lines += room[i] == '\n';
        }
        (void)snprintf(person->start, sizeof person->start, "%.*s", (int)size, room);
    }
    person->is_closed = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* Everybody sends what the socket takes, the loop turns once, `readers` of them read. */
static void turn(uint32_t count, uint32_t readers)
{
    for (uint32_t i = 0; i < count; i++) {
        person_send(&people[i]);
    }
    (void)uv_run(&host.loop, UV_RUN_NOWAIT);
    for (uint32_t i = 0; i < readers; i++) {
        person_read(&people[i]);
    }
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    is_stopped = true;
}

static int start(void **state)
{
    (void)state;
    host.budget = (struct qnk_budget){.limit = 1 << 28};
    held_count = asked = 0;
    is_stopped = false;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        people[i] = (struct person){.fd = -1};
    }
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-admin-XXXXXX");
    if (mkdtemp(folder) == NULL || uv_loop_init(&host.loop) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/admin.sock", folder);
    return qnk_admin_create(&host, path, NULL, &admin) == QN_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        person_leave(&people[i]);
    }
    qnk_admin_stop(admin, on_stopped, NULL);
    (void)uv_run(&host.loop, UV_RUN_DEFAULT);
    assert_true(is_stopped);
    assert_int_equal(uv_loop_close(&host.loop), 0);
    assert_int_equal(host.budget.used, 0);
    return rmdir(folder);
}

/* --- the promises --- */

static void a_turn_of_the_loop_takes_a_few_lines_of_all_clients(void **state)
{
    enum { LINES = 1000 };
    uint64_t before = 0, after = 0;

    (void)state;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        person_come(&people[i]);
        person_say(&people[i], "\n", LINES); /* the cheapest to send */
    }
    for (uint32_t turns = 0; after < PEOPLE * LINES; turns++, before = after) {
        assert_in_range(turns, 0, TURNS_MAX);
        turn(PEOPLE, PEOPLE);
        after = 0;
        for (uint32_t i = 0; i < PEOPLE; i++) {
            after += people[i].lines;
        }
        assert_in_range(after - before, 0, QNK_ADMIN_TURN_LINES);
    }
    assert_int_equal(after, PEOPLE * LINES);
}

static void whoever_asks_little_waits_for_no_line_but_one_of_each_other(void **state)
{
    static const char line[] = "{\"method\":\"quick\"}\n";
    struct person *late = &people[PEOPLE - 1];

    (void)state;
    for (uint32_t i = 0; i < PEOPLE - 1; i++) {
        person_come(&people[i]);
        person_say(&people[i], line, 20000);
    }
    while (people[0].lines < 100) {
        turn(PEOPLE - 1, PEOPLE - 1);
    }
    person_come(late);
    person_say(late, line, 1);
    for (uint32_t turns = 0; turns < 3; turns++) { /* it is taken; it is read; it is answered */
        turn(PEOPLE, PEOPLE);
    }
    assert_int_equal(late->lines, 1);
    assert_true(people[0].lines < 20000);
    for (uint32_t i = 1; i < PEOPLE - 1; i++) { /* who came first is no better served */
        assert_in_range(people[i].lines + QNK_ADMIN_TURN_LINES, people[0].lines,
                        people[0].lines + 2 * QNK_ADMIN_TURN_LINES);
    }
}

static void long_answers_make_a_turn_short(void **state)
{
    enum { CALLS = 40 };

    (void)state;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        person_come(&people[i]);
        person_say(&people[i], "{\"method\":\"big\"}\n", CALLS);
    }
    for (uint32_t turns = 0, before = 0; asked < PEOPLE * CALLS; turns++, before = asked) {
        assert_in_range(turns, 0, TURNS_MAX);
        turn(PEOPLE, PEOPLE);
        assert_in_range(asked - before, 0, QNK_ADMIN_TURN_BYTES / BIG + 1);
    }
}

static void nothing_is_asked_for_a_client_that_does_not_read(void **state)
{
    enum { CALLS = 200 };

    (void)state;
    person_come(&people[0]);
    person_say(&people[0], "{\"method\":\"big\"}\n", CALLS);
    for (uint32_t turns = 0; turns < 1000; turns++) {
        turn(1, 0);
        assert_in_range(host.budget.used, 0, 2 * QNK_ADMIN_PAUSE_MAX);
    }
    assert_in_range(asked, 1, 2 * QNK_ADMIN_PAUSE_MAX / BIG);
    for (uint32_t turns = 0; people[0].lines < CALLS; turns++) { /* it begins to read */
        assert_in_range(turns, 0, TURNS_MAX);
        turn(1, 1);
        assert_false(people[0].is_closed);
    }
}

/* Sends a line of `size` bytes, a good one with blanks, and turns until it is answered. */
static void line_say(struct person *person, size_t size)
{
    static const char good[] = "{\"method\":\"quick\"}";

    free(person->text);
    person->text = malloc(size + 1);
    assert_non_null(person->text);
    memset(person->text, ' ', size);
    memcpy(person->text, good, sizeof good - 1);
    person->text[size] = '\n';
    person->size = size + 1;
    person->sent = 0;
    person->lines = 0;
    for (uint32_t turns = 0; person->lines == 0; turns++) {
        assert_in_range(turns, 0, TURNS_MAX);
        turn(1, 1);
    }
}

static void a_line_may_be_as_long_as_is_said_and_no_longer(void **state)
{
    (void)state;
    person_come(&people[0]);
    line_say(&people[0], QNK_ADMIN_LINE_MAX);
    assert_int_equal(asked, 1);
    assert_false(people[0].is_closed);
    line_say(&people[0], QNK_ADMIN_LINE_MAX + 1);
    assert_int_equal(asked, 1);
    assert_non_null(strstr(people[0].start, "-32600"));
    while (!people[0].is_closed) {
        turn(0, 1);
    }
}

static void a_question_hears_that_its_client_has_gone(void **state)
{
    (void)state;
    person_come(&people[0]);
    person_say(&people[0], "{\"method\":\"held\"}\n", QNK_ADMIN_CALLS_MAX);
    while (held_count < QNK_ADMIN_CALLS_MAX) {
        turn(1, 1);
    }
    assert_false(held[0]->is_gone);
    person_leave(&people[0]);
    for (uint32_t turns = 0; !held[0]->is_gone; turns++) {
        assert_in_range(turns, 0, TURNS_MAX);
        turn(0, 0);
    }
    for (uint32_t i = 0; i < held_count; i++) {
        assert_true(held[i]->is_gone);
        held[i]->refused(held[i], QNK_QUERY_FAILED, "nobody waits", NULL);
    }
}

static void a_call_keeps_nothing_of_its_request_but_the_id(void **state)
{
    char line[256];
    size_t before;

    (void)state;
    person_come(&people[0]);
    (void)snprintf(line, sizeof line, "{\"id\":5,\"method\":\"held\",\"x\":[[],[],[]]}\n");
    person_say(&people[0], line, 1);
    while (people[0].lines < 1) {
        turn(1, 1);
    }
    assert_int_equal(held_count, 0);
    assert_non_null(strstr(people[0].start, "no member x"));
    before = host.budget.used;
    person_say(&people[0], "{\"id\":6,\"method\":\"held\",\"params\":{\"a\":1}}\n", 1);
    while (held_count < 1) {
        turn(1, 1);
    }
    assert_in_range(host.budget.used - before, 1, 1024);
    held[0]->answered(held[0], json_true());
    while (people[0].lines < 2) {
        turn(1, 1);
    }
    assert_non_null(strstr(people[0].start, "\"id\":6"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_turn_of_the_loop_takes_a_few_lines_of_all_clients, start,
                                        stop),
        cmocka_unit_test_setup_teardown(whoever_asks_little_waits_for_no_line_but_one_of_each_other,
                                        start, stop),
        cmocka_unit_test_setup_teardown(long_answers_make_a_turn_short, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_asked_for_a_client_that_does_not_read, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_line_may_be_as_long_as_is_said_and_no_longer, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_question_hears_that_its_client_has_gone, start, stop),
        cmocka_unit_test_setup_teardown(a_call_keeps_nothing_of_its_request_but_the_id, start,
                                        stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
