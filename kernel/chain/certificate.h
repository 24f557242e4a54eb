/* SPDX-License-Identifier: MIT */
#pragma once

/* certificate.h: a quorum's signatures on one vote.
 *
 * Any valid certificate for (window, digest) is as good as another: their bytes are never compared
 * and enter no hash. A decoded certificate is a view of its bytes. Signatures are checked by
 * whoever has the signature plugin: this module gives the messages.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian; bitmap bit i is member i, spare bits 0
 *   owns     a view borrows its bytes
 *   threads  any: nothing is kept between calls
 *   cost     linear in the members; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * Source: finality.md 5.2.
 */

#include "kernel/chain/set.h"
#include "kernel/chain/vote.h"

enum {
    QNK_CERTIFICATE_HEAD_SIZE = 96,
    QNK_CERTIFICATE_PLAIN = 0,
    QNK_CERTIFICATE_BLINDS = 1, /* step 1 of round 0: a blind with each signature */
};

struct qnk_certificate {
    uint8_t form;
    uint8_t lane;
    uint16_t step;
    uint32_t era;
    uint64_t window;
    uint32_t round;
    int32_t vr;
    uint32_t members; /* n: bits of the bitmap */
    struct qnk_hash binding;
    struct qnk_hash digest;
    const uint8_t *bitmap;
    struct qn_span items; /* (blind,) signature for each set bit, ascending */
    struct qn_span bytes; /* the whole */
};

/* Checks the form: version, counts, spare bits, sizes; digest not zero. */
QN_MUST_CHECK int32_t qnk_certificate_decode(struct qn_span from, struct qnk_certificate *cert);

/* Checks everything but the signatures against `set`: members = its count, weight of the set bits
 * >= Q, binding as given, step 1 or 2. QN_INVALID: names nothing, as outside bytes are never
 * logged. */
QN_MUST_CHECK int32_t qnk_certificate_check(const struct qnk_certificate *cert,
                                            const struct qnk_set *set,
                                            const struct qnk_hash *binding);

/* The vote that the signer `member`, whose bit is set, has signed; its signature too. */
void qnk_certificate_vote(const struct qnk_certificate *cert, uint32_t member,
                          struct qnk_vote *vote);

/* Bytes of a certificate for `members` members of which `signers` signed. */
uint64_t qnk_certificate_size(uint8_t form, uint32_t members, uint32_t signers);

/* Writes a certificate of `votes`, ascending by member, all alike but for member, blind, signature.
 * Binding is taken from the votes. */
void qnk_certificate_encode(const struct qnk_vote *const *votes, uint32_t count, uint32_t members,
                            uint8_t *to);
