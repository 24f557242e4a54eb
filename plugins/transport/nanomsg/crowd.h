/* SPDX-License-Identifier: MIT */
#pragma once

/* crowd.h: the connections that others make to this instance's endpoints, and which of them stay.
 *
 * The library accepts whoever comes, without a limit, and each connection costs a descriptor of the
 * process and up to one message of memory that no budget knows of. Closing the endpoint would end
 * all links with it. So the process's own sockets are looked at: what was accepted there from a
 * host with more connections than links with it, and a few, is shut down, the newest first; the
 * library then takes it for one that its far end has closed.
 *
 *   threads  loop. The library's thread may close a descriptor meanwhile, and somebody open one of
 *            that number: at worst another connection breaks, which is made again
 *   cost     nothing unless somebody came since the last time; then one system call for each
 *            descriptor of the process, and one more for each connection
 */

struct qn_inst;

void crowd_thin(struct qn_inst *self);
