/* SPDX-License-Identifier: MIT */

#include "kernel/check/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/check/stand.h"
#include "kernel/check/verdict.h"

enum { ADDRESS_MAX = 160 };

/* What is no address for anybody. */
static const char *const bad[] = {"", "nonsense", "://", "a b", "no-such-scheme://a", NULL};

/* Pairs of an address to listen on and one where nobody listens; %s is the plugin's name first,
 * then a folder. */
static const struct {
    const char *listen, *nowhere;
    bool has_folder;
} candidates[] = {
    {"%s://kit", "%s://nowhere", false},
    {"inproc://kit", "inproc://nowhere", false},
    {"tcp://127.0.0.1:0", "tcp://127.0.0.1:1", false},
    {"ipc://%s/kit", "ipc://%s/nowhere", true},
    {"unix://%s/kit", "unix://%s/nowhere", true},
    {"udp://127.0.0.1:0", "udp://127.0.0.1:1", false},
    {"quic://127.0.0.1:0", "quic://127.0.0.1:1", false},
};

static void pattern_fill(char to[ADDRESS_MAX], const char *pattern, const char *with)
{
    const char *hole = strstr(pattern, "%s");

    if (hole == NULL) {
        (void)snprintf(to, ADDRESS_MAX, "%s", pattern);
    } else {
        (void)snprintf(to, ADDRESS_MAX, "%.*s%s%s", (int)(hole - pattern), pattern, with, hole + 2);
    }
}

/* Whether an instance takes it to listen on. */
static bool is_taken(const struct qnk_subject *subject, const struct qn_plugin *plugin,
                     const char *address)
{
    const struct qn_transport_1 *slots = (const void *)plugin->slots;
    struct qnk_stand stand;
    int32_t status;

    qnk_stand_init(&stand, subject, plugin);
    qnk_stand_start(&stand);
    status =
        slots->listen(stand.inst, 1, (struct qn_span){(const uint8_t *)address, strlen(address)});
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
    return status == QN_OK;
}

struct qn_check_transport_given qnk_address_find(const struct qnk_subject *subject,
                                                 const struct qn_plugin *plugin)
{
    static char listen[ADDRESS_MAX], nowhere[ADDRESS_MAX];
    const char *folder = getenv("TMPDIR");
    struct qn_check_transport_given given = {
        .given = qnk_subject_given(subject, plugin),
        .listen = subject->listen,
        .nowhere = subject->nowhere,
        .bad = bad,
    };

    for (size_t i = 0; given.listen == NULL && i < sizeof candidates / sizeof *candidates; i++) {
        const char *with = candidates[i].has_folder ? folder : subject->name;

        pattern_fill(listen, candidates[i].listen, with != NULL ? with : "/tmp");
        pattern_fill(nowhere, candidates[i].nowhere, with != NULL ? with : "/tmp");
        if (is_taken(subject, plugin, listen)) {
            given.listen = listen;
            given.nowhere = nowhere;
        }
    }
    if (given.listen == NULL || given.nowhere == NULL) {
        qnk_verdict_skip("it listens on no address of the usual schemes: say --listen and "
                         "--nowhere");
    }
    return given;
}
