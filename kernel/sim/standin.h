/* SPDX-License-Identifier: MIT */
#pragma once

/* standin.h: a signature plugin for a network of which nobody here has the keys: each key that has
 * a stand-in is taken to have signed what its stand-in signed, or itself.
 *
 * So a copy of a live chain goes on in a virtual network with the members, weights, accounts and
 * hashes that it has; of a real network nothing that is made here is worth anything.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the plugin behind must outlive the last call
 *   threads  one
 *   cost     a second verification of what a stand-in did not sign
 */

#include "kernel/base/hash.h"
#include "kernel/plugin/plugged.h"

enum { QNK_STANDINS_MAX = 256 }; /* more are a mistake of whoever makes them */

struct qnk_standins {
    struct qnk_plugged behind;
    uint32_t count;
    struct qnk_hash names[QNK_STANDINS_MAX]; /* keys as the chain has them */
    struct qnk_hash keys[QNK_STANDINS_MAX];  /* that sign for them */
};

void qnk_standins_init(struct qnk_standins *standins, struct qnk_plugged behind);
void qnk_standins_add(struct qnk_standins *standins, const struct qnk_hash *name,
                      const struct qnk_hash *key);

/* What nodes call instead. */
struct qnk_plugged qnk_standins_plugged(struct qnk_standins *standins);
