/* SPDX-License-Identifier: MIT */

/* nanomsg_test.c: the contract of every transport over tcp and over ipc, then what is peculiar to
 * this one: strangers at its sockets, and ends that die. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nanomsg.manifest.h"
#include "sdk/check/transport.h"

static const char *const bad[] = {
    "",
    "nonsense",
    "tcp://",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:9x",
    "tcp://lo;127.0.0.1:9876",
    "tcp://a b:9876",
    "ipc://",
    "ipc://not/from/the/root",
    "inproc://a",
    "ws://127.0.0.1:9876",
    NULL,
};

/* Quick hearts, so that what is slow by nature is quick here. */
static struct qn_span config_quick(uint8_t *room)
{
    struct nanomsg_config it;
    struct qn_reader in = qn_reader_over(nanomsg_config_default());

    nanomsg_config_take(&in, &it);
    it.heartbeat = 80;
    it.dial_timeout = 2000;
    return (struct qn_span){room, (uint64_t)(nanomsg_config_write(&it, room) - room)};
}

static int start(void **subject, const char *listen, const char *nowhere)
{
    static uint8_t config[256];
    const struct qn_check_transport_given given = {
        .given =
            {
                .plugin = &qn_plugin_v1,
                .config = config_quick(config),
                .memory = NANOMSG_MEMORY,
                .lanes = 1,
            },
        .listen = listen,
        .nowhere = nowhere,
        .bad = bad,
    };

    *subject = qn_check_transport_start(&given);
    return 0;
}

static int start_tcp(void **subject)
{
    return start(subject, "tcp://127.0.0.1:0", "tcp://127.0.0.1:1");
}

static char folder[] = "/tmp/qnet-nanomsg-XXXXXX";

static int start_ipc(void **subject)
{
    static char listen[64], nowhere[64];

    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen, sizeof listen, "ipc://%s/a", folder);
    (void)snprintf(nowhere, sizeof nowhere, "ipc://%s/b", folder);
    return start(subject, listen, nowhere);
}

static int stop(void **subject)
{
    qn_check_transport_stop(*subject);
    return 0;
}

/* The folder is empty again: every path is gone with its socket. */
static int stop_ipc(void **subject)
{
    assert_int_equal(rmdir(folder), 0);
    return stop(subject);
}

/* A case over tcp, and over ipc. */
#define OVER_TCP(name) cmocka_unit_test_setup_teardown(name, start_tcp, stop)
#define OVER_IPC(name) cmocka_unit_test_setup_teardown(name, start_ipc, stop_ipc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_TRANSPORT(OVER_TCP),
        QN_CHECK_TRANSPORT(OVER_IPC),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
