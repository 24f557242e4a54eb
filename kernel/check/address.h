/* SPDX-License-Identifier: MIT */
#pragma once

/* address.h: addresses for a transport under test. They are the plugin's own matter, and its
 * manifest says nothing of them: so those of usual schemes are tried, its own name's first, until
 * it listens on one.
 */

#include "kernel/check/subject.h"
#include "sdk/check/transport.h"

/* In a child, loaded. Skips the case if nothing is found and --listen was not given. */
struct qn_check_transport_given qnk_address_find(const struct qnk_subject *subject,
                                                 const struct qn_plugin *plugin);
