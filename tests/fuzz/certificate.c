/* SPDX-License-Identifier: MIT */

/* certificate.c: certificates, alone and against a set. The votes in one make it again. */

#include "kernel/chain/certificate.h"
#include "tests/fuzz/fuzz.h"

enum { MEMBERS = 10, VOTES_MAX = 64 };

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

/* Takes it apart and puts it together again. */
static void votes_run(const struct qnk_certificate *cert)
{
    static uint8_t
        again[QNK_CERTIFICATE_HEAD_SIZE + VOTES_MAX / 8 + VOTES_MAX * (QN_SIG_SIZE + QN_HASH_SIZE)];
    struct qnk_vote votes[VOTES_MAX];
    const struct qnk_vote *list[VOTES_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; cert->members <= VOTES_MAX && i < cert->members; i++) {
        if (qnk_bit(cert->bitmap, i)) {
            qnk_certificate_vote(cert, i, &votes[count]);
            list[count] = &votes[count];
            QN_ASSERT(votes[count++].member == i);
        }
    }
    if (count > 0) {
        qnk_certificate_encode(list, count, cert->members, again);
        QN_ASSERT(qnk_certificate_size(cert->form, cert->members, count) == cert->bytes.size);
        QN_ASSERT(fuzz_is_same(cert->bytes, again, cert->bytes.size));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_certificate cert;

    if (qnk_certificate_decode((struct qn_span){data, size}, &cert) != QN_OK) {
        return 0;
    }

    struct qnk_set *set = set_of(MEMBERS);

    QN_ASSERT(fuzz_is_same(cert.bytes, data, size));
    if (qnk_certificate_check(&cert, set, &cert.binding) == QN_OK) {
        QN_ASSERT(qnk_set_weight(set, cert.bitmap) >= qnk_set_quorum(set));
    }
    votes_run(&cert);
    qnk_set_unref(set);
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const struct {
        uint16_t step;
        uint32_t round;
        int32_t vr;
    } kinds[] = {{QNK_STEP_PREPARE, 0, -1}, {QNK_STEP_PREPARE, 3, 1}, {QNK_STEP_FINAL, 2, -1}};
    struct qnk_vote votes[MEMBERS];
    const struct qnk_vote *list[MEMBERS];
    uint8_t bytes[2048];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool has_blinds = kinds[i].step == QNK_STEP_PREPARE && kinds[i].round == 0;

        for (uint32_t j = 0; j < 7; j++) {
            votes[j] = (struct qnk_vote){.step = kinds[i].step, .window = 5, .member = j + 3};
            votes[j].round = kinds[i].round;
            votes[j].vr = kinds[i].vr;
            votes[j].digest.bytes[0] = 1;
            list[j] = &votes[j];
        }
        qnk_certificate_encode(list, 7, MEMBERS, bytes);
        take(bytes, qnk_certificate_size(
                        has_blinds ? QNK_CERTIFICATE_BLINDS : QNK_CERTIFICATE_PLAIN, MEMBERS, 7));
    }
}
