/* SPDX-License-Identifier: MIT */
#pragma once

/* account.h: accounts as people name them: an address, a key file, or the number of a funded
 * account of the dev network that the node belongs to.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a key is done() by its caller
 *   threads  one
 *   errors   false after words on stderr
 */

#include "kernel/host/keyfile.h"
#include "kernel/qnet/client.h"

/* `client` is asked only for numbers, and may then not be NULL. */
bool qnk_account_public(struct qnk_client *client, const char *text, struct qnk_hash *public);
bool qnk_account_key(struct qnk_client *client, const char *text, struct qnk_key *key);
