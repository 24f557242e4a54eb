/* SPDX-License-Identifier: MIT */
#pragma once

/* bech32m.h: public keys as texts whose prefix says what they are for, and whose checksum finds any
 * one to four typing errors: qn1... accounts, qnv1... validators, qnp1... nodes.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   texts end in a zero byte; groups are 5 bits, 0..31, one to a byte
 *   threads  any
 *   cost     linear; allocates nothing
 *
 * Source: BIP-350, with the character set and limits of BIP-173.
 */

#include <qnet/types.h>

#define QNK_BECH32M_MAX        90 /* characters of any text; longer ones are refused (BIP-173) */
#define QNK_BECH32M_PREFIX_MAX 8  /* characters of our prefixes */
#define QNK_BECH32M_KEY_SIZE   68 /* room for a key's text, with its end */

#define QNK_PREFIX_ACCOUNT   "qn"
#define QNK_PREFIX_VALIDATOR "qnv"
#define QNK_PREFIX_NODE      "qnp"

/* `prefix` is lower-case, of 1 to PREFIX_MAX characters. */
void qnk_bech32m_encode(const char *prefix, const uint8_t key[QN_KEY_SIZE],
                        char text[QNK_BECH32M_KEY_SIZE]);

/* QN_NOT_FOUND: well-formed, but another prefix. QN_INVALID: not a key's text. */
QN_MUST_CHECK int32_t qnk_bech32m_decode(const char *prefix, const char *text,
                                         uint8_t key[QN_KEY_SIZE]);

/* Takes any Bech32m text apart: the length of its prefix, and its groups without the checksum.
 * QN_INVALID: it is none. */
QN_MUST_CHECK int32_t qnk_bech32m_split(const char *text, uint32_t *prefix_size,
                                        uint8_t groups[QNK_BECH32M_MAX], uint32_t *count);
