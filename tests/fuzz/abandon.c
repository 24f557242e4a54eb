/* SPDX-License-Identifier: MIT */

/* abandon.c: abandon certificates, alone and against a set. The votes in one make it again. */

#include "kernel/chain/abandon.h"
#include "tests/fuzz/fuzz.h"

enum { MEMBERS = 10, VOTES_MAX = 64, LOCK_ROUND = 2 };

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_set *set_of(uint32_t count)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_set *set;

    for (uint32_t i = 0; i < count; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = i + 1;
    }
    QN_ASSERT(qnk_set_new(&budget, members, count, &set) == QN_OK);
    return set;
}

/* What every vote in it says lies at or below the highest lock, and together they are it. */
static void votes_run(const struct qnk_abandon *abandon)
{
    static uint8_t again[1 << 18];
    struct qnk_vote votes[VOTES_MAX];
    const struct qnk_vote *list[VOTES_MAX];
    bool has_highest = abandon->highest.lock_round < 0;

    if (abandon->count > VOTES_MAX || abandon->bytes.size > sizeof again) {
        return;
    }
    for (uint32_t i = 0; i < abandon->count; i++) {
        struct qnk_standing standing;

        qnk_abandon_vote(abandon, i, &votes[i]);
        list[i] = &votes[i];
        QN_ASSERT(qnk_vote_fits(&votes[i]));
        QN_ASSERT(qnk_standing_of(&votes[i], &standing) == QN_OK);
        QN_ASSERT(standing.lock_round <= abandon->highest.lock_round);
        if (standing.lock_round == abandon->highest.lock_round && standing.lock_round >= 0) {
            QN_ASSERT(qnk_abandon_permits(abandon, &standing.lock));
            has_highest = true;
        }
    }
    QN_ASSERT(has_highest);
    qnk_abandon_encode(list, abandon->count, abandon->prepared, again);
    QN_ASSERT(qnk_abandon_size(abandon->count, abandon->prepared.size) == abandon->bytes.size);
    QN_ASSERT(fuzz_is_same(abandon->bytes, again, abandon->bytes.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qnk_hash other = {{0xEE}};
    struct qnk_abandon abandon;

    if (qnk_abandon_decode((struct qn_span){data, size}, &abandon) != QN_OK) {
        return 0;
    }

    struct qnk_set *set = set_of(MEMBERS);

    QN_ASSERT(fuzz_is_same(abandon.bytes, data, size));
    if (qnk_abandon_check(&abandon, set, &abandon.binding) == QN_OK) {
        QN_ASSERT(abandon.count > 1); /* no member of this set is a quorum alone */
    }
    QN_ASSERT(qnk_abandon_permits(&abandon, &other) == (abandon.prepared.size == 0));
    votes_run(&abandon);
    qnk_set_unref(set);
    QN_ASSERT(budget.used == 0);
    return 0;
}

static struct qn_span prepared(uint8_t *to)
{
    struct qnk_vote votes[MEMBERS];
    const struct qnk_vote *list[MEMBERS];

    for (uint32_t i = 0; i < MEMBERS; i++) {
        votes[i] = (struct qnk_vote){.step = QNK_STEP_PREPARE, .window = 5, .member = i, .vr = -1};
        votes[i].round = LOCK_ROUND;
        votes[i].digest.bytes[0] = 1;
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, MEMBERS, MEMBERS, to);
    return (struct qn_span){to, qnk_certificate_size(QNK_CERTIFICATE_PLAIN, MEMBERS, MEMBERS)};
}

void fuzz_seeds(fuzz_take *take)
{
    static uint8_t bytes[4096], cert[2048];
    uint8_t tails[MEMBERS][QNK_STANDING_SIZE];
    struct qnk_vote votes[MEMBERS];
    const struct qnk_vote *list[MEMBERS];
    struct qn_span prepare = prepared(cert);

    for (uint32_t locks = 0; locks <= 1; locks++) {
        for (uint32_t i = 0; i < MEMBERS; i++) {
            struct qnk_standing standing = {.lock_round = -1, .round = 3};

            if (i < locks) {
                standing.lock_round = LOCK_ROUND;
                standing.lock.bytes[0] = 1;
            }
            qnk_standing_encode(&standing, tails[i]);
            votes[i] = (struct qnk_vote){.step = QNK_STEP_ABANDON, .window = 5, .member = i};
            votes[i].vr = -1;
            votes[i].tail = (struct qn_span){tails[i], QNK_STANDING_SIZE};
            list[i] = &votes[i];
        }
        qnk_abandon_encode(list, MEMBERS, locks == 0 ? (struct qn_span){NULL, 0} : prepare, bytes);
        take(bytes, qnk_abandon_size(MEMBERS, locks == 0 ? 0 : prepare.size));
    }
}
