/* SPDX-License-Identifier: MIT */

#include "kernel/check/contract.h"

#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/check/address.h"
#include "kernel/check/case.h"
#include "kernel/check/stand.h"
#include "sdk/check/compression.h"
#include "sdk/check/consensus.h"
#include "sdk/check/ledger.h"
#include "sdk/check/producer.h"
#include "sdk/check/signature.h"
#include "sdk/check/storage.h"

/* A kind's start and stop, as the cases of all kinds are driven. */
#define ENDS(kind)                                                                               \
    static void *kind##_start(const struct qnk_subject *subject, const struct qn_plugin *plugin) \
    {                                                                                            \
        const struct qn_check_given given = qnk_subject_given(subject, plugin);                  \
                                                                                                 \
        return qn_check_##kind##_start(&given);                                                  \
    }                                                                                            \
    static void kind##_stop(void *it)                                                            \
    {                                                                                            \
        qn_check_##kind##_stop(it);                                                              \
    }

ENDS(compression)
ENDS(consensus)
ENDS(ledger)
ENDS(producer)
ENDS(signature)
ENDS(storage)

static void *transport_start(const struct qnk_subject *subject, const struct qn_plugin *plugin)
{
    const struct qn_check_transport_given given = qnk_address_find(subject, plugin);

    return qn_check_transport_start(&given);
}

static void transport_stop(void *it)
{
    qn_check_transport_stop(it);
}

/* clang-format off */
#define NAMED(it) {#it, it}
/* clang-format on */
static const struct qnk_contract_case compression[] = {QN_CHECK_COMPRESSION(NAMED)};
static const struct qnk_contract_case consensus[] = {QN_CHECK_CONSENSUS(NAMED)};
static const struct qnk_contract_case ledger[] = {QN_CHECK_LEDGER(NAMED)};
static const struct qnk_contract_case producer[] = {QN_CHECK_PRODUCER(NAMED)};
static const struct qnk_contract_case signature[] = {QN_CHECK_SIGNATURE(NAMED)};
static const struct qnk_contract_case storage[] = {QN_CHECK_STORAGE(NAMED)};
static const struct qnk_contract_case transport[] = {QN_CHECK_TRANSPORT(NAMED)};

#define CONTRACT(kind, letters)                                                           \
    {                                                                                     \
#kind, letters, kind##_start, kind##_stop, kind, sizeof(kind) / sizeof((kind)[0]) \
    }

static const struct qnk_contract contracts[] = {
    CONTRACT(compression, "CMP"), CONTRACT(consensus, "CON"), CONTRACT(ledger, "LED"),
    CONTRACT(producer, "PRO"),    CONTRACT(signature, "SIG"), CONTRACT(storage, "STO"),
    CONTRACT(transport, "TRA"),
};

const struct qnk_contract *qnk_contract_find(const char *kind)
{
    for (size_t i = 0; i < sizeof contracts / sizeof *contracts; i++) {
        if (strcmp(contracts[i].kind, kind) == 0) {
            return &contracts[i];
        }
    }
    return NULL;
}

void qnk_contract_run(const struct qnk_subject *subject, const struct qn_plugin *plugin,
                      uint32_t place)
{
    const struct qnk_contract *contract = qnk_contract_find(subject->kind);

    QN_ASSERT(contract != NULL && place < contract->count);

    void *it = contract->start(subject, plugin);

    contract->cases[place].run(&it);
    contract->stop(it);
}

static void contract_case(struct qnk_subject *subject, uint32_t arg)
{
    qnk_subject_load(subject);
    qnk_contract_run(subject, &subject->plugin, arg);
}

void qnk_contract_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    const struct qnk_contract *contract = qnk_contract_find(subject->kind);

    for (uint32_t i = 0; contract != NULL && i < contract->count; i++) {
        struct qnk_case it = {.level = 3, .run = contract_case, .arg = i};

        it.name = contract->cases[i].name + strlen("qn_check_") + strlen(contract->kind) + 1;
        (void)snprintf(it.rule, sizeof it.rule, "QN-%.3s-%03u", contract->letters, (i + 1) % 1000);
        qnk_cases_add(cases, &it, 1);
    }
}
