/* SPDX-License-Identifier: MIT */

#include "kernel/host/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void qnk_notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = path == NULL ? 0 : strlen(path);
    int out;

    if (size < 2 || size >= sizeof address.sun_path || (*path != '/' && *path != '@')) {
        return;
    }
    memcpy(address.sun_path, path, size);
    if (*path == '@') {
        address.sun_path[0] = 0; /* Linux's abstract names */
    }
    out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (out >= 0) {
        (void)sendto(out, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
        (void)close(out);
    }
}

uint64_t qnk_notify_watchdog_ms(void)
{
    const char *wait_us = getenv("WATCHDOG_USEC");

    return wait_us == NULL ? 0 : (uint64_t)strtoull(wait_us, NULL, 10) / 2000;
}
