/* SPDX-License-Identifier: MIT */

/* spec.c: a testnet's spec of any bytes: it is read whole, or refused with words. */

#include "kernel/net/spec.h"
#include "tests/fuzz/fuzz.h"

static struct qnk_budget budget = {.limit = 2 * (size_t)QNK_SPEC_MEMORY};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct qnk_spec_options options = {.budget = &budget};
    static struct qnk_spec spec;
    int32_t status = qnk_spec_read(&spec, &options, "net.yaml", (struct qn_span){data, size});

    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    QN_ASSERT((status == QN_INVALID) == (spec.report.errors > 0));
    if (status == QN_OK) {
        struct qn_sink rules;

        QN_ASSERT(spec.validators > 0 && spec.validators <= spec.nodes_count);
        qnk_sink_init(&rules, &budget, 1 << 22);
        QN_ASSERT(qnk_spec_rules(&spec, NULL, &rules) == QN_OK && rules.size > 0);
        qnk_sink_done(&rules);
    }
    qnk_spec_done(&spec);
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char text[] =
        "version: qnet.net/v1\n"
        "name: t\n"
        "network: {preset: dev, set: {window: 20, consensus: {use: commit-reveal, base: 1s}}}\n"
        "nodes:\n"
        "  - {name: v, count: 4, zone: a, lacks: [x/y]}\n"
        "  - {name: f, type: full, zone: b, start_at: {macro: 2}}\n"
        "links: {a-b: {delay: 5ms, loss: 1%}}\n"
        "load: [{to: v1, rate: 9/s, from: 1s, until: 9s}]\n"
        "timeline:\n"
        "  - {id: s, at: 3s, do: partition, groups: [[v1], rest], for: 2s}\n"
        "  - {every: 2s, until: 9s, do: pause, node: {pick: random}, for: 1s}\n"
        "  - {at: 1s, do: swap, plan: consensus=bft}\n"
        "assert:\n"
        "  - {id: a, always: \"peers >= 1\", except: [s], nodes: [v1, full]}\n"
        "  - {id: b, invariant: same_hash_at_height}\n"
        "compare:\n"
        "  variants: [{name: x}, {name: y, drop: [s], network: {window: 9}}]\n"
        "  run: {fail_if: [\"x.final_tps < 0.5 * y.final_tps\"]}\n"
        "  measure: [final_tps]\n";

    take((const uint8_t *)text, sizeof text - 1);
}
