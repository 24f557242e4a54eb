/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/host/notify.h"

static char path[64];
static int in;
static char heard[256];

static int start(void **subject)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)subject;
    (void)snprintf(path, sizeof path, "/tmp/qnet-notify-%ld", (long)getpid());
    memcpy(address.sun_path, path, strlen(path));
    in = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (in < 0 || bind(in, (const struct sockaddr *)&address, sizeof address) != 0) {
        return -1;
    }
    return setenv("NOTIFY_SOCKET", path, 1);
}

static int stop(void **subject)
{
    (void)subject;
    (void)close(in);
    return unlink(path);
}

static const char *hear(void)
{
    ssize_t size = recv(in, heard, sizeof heard - 1, 0);

    heard[size < 0 ? 0 : size] = 0;
    return heard;
}

static void what_is_said_arrives_in_order(void **subject)
{
    (void)subject;
    qnk_notify("READY=1\n");
    qnk_notify("STOPPING=1\n");
    assert_string_equal(hear(), "READY=1\n");
    assert_string_equal(hear(), "STOPPING=1\n");
    assert_string_equal(hear(), "");
}

static void without_a_listener_nothing_is_said(void **subject)
{
    (void)subject;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    qnk_notify("READY=1\n");
    assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
    qnk_notify("READY=1\n");
    assert_int_equal(setenv("NOTIFY_SOCKET", "/tmp/qnet-no-such-socket", 1), 0);
    qnk_notify("READY=1\n");
    assert_string_equal(hear(), "");
}

static void the_watchdog_is_fed_twice_as_often_as_it_asks(void **subject)
{
    (void)subject;
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    assert_int_equal(qnk_notify_watchdog_ms(), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    assert_int_equal(qnk_notify_watchdog_ms(), 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_said_arrives_in_order, start, stop),
        cmocka_unit_test_setup_teardown(without_a_listener_nothing_is_said, start, stop),
        cmocka_unit_test(the_watchdog_is_fed_twice_as_often_as_it_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
