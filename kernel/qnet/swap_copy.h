/* SPDX-License-Identifier: MIT */
#pragma once

/* swap_copy.h: the file that a node made for `qnet swap check`, taken over by who asked for it.
 *
 * The path is the node's word, and who asks is often root: nothing is opened, kept open or deleted
 * but a regular file of the node's own user whose name is that of such a copy. The folder is held
 * while it is looked at, so that what is deleted lies where it was opened.
 *
 *   owns     the descriptor is the caller's
 *   threads  one
 *   errors   -1, and `why` says it: nothing was deleted
 */

#include <stdint.h>
#include <sys/types.h>

#define QNK_SWAP_COPY_NAME "swap-copy." /* names of such files begin so: kernel/host/copies.h */

/* Opens it for reading and deletes its name. `owner`: the user that the node runs as. */
int qnk_swap_copy_take(const char *path, uid_t owner, char *why, uint64_t room);
