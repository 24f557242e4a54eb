/* SPDX-License-Identifier: MIT */
#pragma once

/* tags.h: the one table of domains. Every hash and every signature starts with one of these, so
 * nothing made for one purpose serves another. No tag is the beginning of another (test).
 * Source: chain.md "Encoding", finality.md "Tags". */

/* Signatures cover tag || chain_id || bytes. */
#define QNK_TAG_TX        "qnet/tx"
#define QNK_TAG_MICRO     "qnet/micro" /* also the hash that makes a block's id */
#define QNK_TAG_VOTE      "qnet/vote"
#define QNK_TAG_HANDSHAKE "qnet/handshake"
#define QNK_TAG_MEMBER    "qnet/member" /* in a handshake: whose validator key a node has */

/* Hashes. */
#define QNK_TAG_NETWORK "qnet/network"
#define QNK_TAG_EMPTY   "qnet/empty"
#define QNK_TAG_MACRO   "qnet/macro"
#define QNK_TAG_SET     "qnet/set"
#define QNK_TAG_BINDING "qnet/binding"
#define QNK_TAG_CONTROL "qnet/control"
#define QNK_TAG_COMMIT  "qnet/commit"
#define QNK_TAG_BLIND   "qnet/blind"
#define QNK_TAG_BODY    "qnet/body"
#define QNK_TAG_ABANDON "qnet/abandon"
#define QNK_TAG_BEACON  "qnet/beacon"
#define QNK_TAG_LINK    "qnet/link"
#define QNK_TAG_PLAN    "qnet/plan"   /* the name of a swap's plan */
#define QNK_TAG_TRACE   "qnet/trace"  /* what a plugin answers in its trial */
#define QNK_TAG_PLACE   "qnet/place"  /* what makes two pieces of evidence the same */
#define QNK_TAG_SECRET  "qnet/secret" /* from a validator's seed: what blinds and links come from */
