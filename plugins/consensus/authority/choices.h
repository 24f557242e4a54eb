/* SPDX-License-Identifier: MIT */
#pragma once

/* choices.h: the digests that members named for one window, with the weight behind each.
 *
 * A member names one digest by its offer and one by its approval, and no second one counts. So
 * there are at most two digests a member, and room for them all.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   member is below QN_CONSENSUS_MEMBERS_MAX; a digest is 32 bytes and not nil
 *   units    weights as in the set
 *   threads  one at a time
 *   cost     linear in the digests named, of which honest members name few; allocates nothing
 */

#include <stdbool.h>

#include <qnet/consensus.h>

enum { CHOICES_MAX = 2 * QN_CONSENSUS_MEMBERS_MAX };

/* What the kernel said of the chain behind a digest. */
enum verdict { VERDICT_NONE, VERDICT_ASKED, VERDICT_VALID, VERDICT_INVALID, VERDICT_LATER };

/* By which of its votes a member names a digest. */
enum naming { NAMED_BY_OFFER, NAMED_BY_APPROVAL, NAMINGS };

struct choice {
    uint8_t digest[QN_HASH_SIZE];
    uint64_t weights[NAMINGS];
    enum verdict verdict;
};

struct choices {
    uint64_t heard[NAMINGS]; /* weight of all that voted so */
    uint32_t count;
    uint8_t voted[NAMINGS][QN_CONSENSUS_MEMBERS_MAX / 8];
    struct choice items[CHOICES_MAX];
};

void choices_clear(struct choices *choices);

/* The choice that the member named by its vote. NULL: it has named one so before. */
struct choice *choices_add(struct choices *choices, enum naming by, uint32_t member,
                           uint64_t weight, const uint8_t *digest);

/* NULL: nobody named it. */
struct choice *choices_find(struct choices *choices, const uint8_t *digest);

/* The heaviest that is not invalid, the lesser digest of equals: the same for all who heard the
 * same. With `is_valid_only`, of those that are known to be valid. NULL: there is none. */
const struct choice *choices_best(const struct choices *choices, enum naming by,
                                  bool is_valid_only);
