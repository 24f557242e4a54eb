/* SPDX-License-Identifier: MIT */
#pragma once

/* notify.h: what a service tells systemd, and nobody else: READY=1, STATUS=..., WATCHDOG=1.
 *
 * A datagram to the socket that $NOTIFY_SOCKET names; without one nothing is done. No libsystemd.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one at a time
 *   cost     a system call or three
 *   errors   none: whoever does not listen is not told
 *
 * Source: operations.md 8, sd_notify(3).
 */

#include <stdint.h>

/* `text` is lines of NAME=VALUE. */
void qnk_notify(const char *text);

/* How often WATCHDOG=1 is wanted, in milliseconds: half of what systemd waits; 0: not at all. */
uint64_t qnk_notify_watchdog_ms(void);
