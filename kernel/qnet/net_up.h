/* SPDX-License-Identifier: MIT */
#pragma once

/* net_up.h: a network of processes that stays up, as others find it: net.json of its run's folder.
 *
 * Unless a function's own comment says otherwise:
 *   owns     JSON is the caller's
 *   threads  one
 */

#include <jansson.h>

#include "kernel/qnet/command.h"

/* Of --run, else of the latest of --runs: pid, folder, runtime, nodes (name type pid runtime key).
 * NULL after words. */
json_t *qnk_net_up_read(const struct qnk_call *call);
