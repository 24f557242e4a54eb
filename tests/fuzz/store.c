/* SPDX-License-Identifier: MIT */

/* store.c: what a node kept, read back as something else. A network of one runs, its power goes,
 * and as it starts again and goes on some of what it reads is changed, with the kernel's checksum
 * of it put right. The input is a list of changes: how many reads pass before it u8, an offset u16,
 * and a byte (xor; 0: the value ends there). What a record of the ABI needs to be one stays.
 *
 * Whatever is read, the node starts, or says why it does not, or halts and says why; unless
 * something was changed it starts. All memory comes back. */

#include "tests/test.h"

#include <qnet/storage.h>

#include "kernel/base/crc32c.h"
#include "kernel/base/sink.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"
#include "tests/sim/net.h"

enum { CHANGES_MAX = 32 };

struct change {
    uint32_t after; /* reads */
    uint16_t offset;
    uint8_t mask;
};

static struct net *net, begun; /* begun: as each input finds it */
static struct qnk_world_maker fakes;
static const struct qn_storage_1 *inner;
static struct change changes[CHANGES_MAX];
static uint32_t changes_count, changes_done, reads;
static bool is_rotten, has_halted;

/* --- storage --- */

/* The kernel's own checksum of a value in a map, put right: what is behind it is meant. */
static void seal(struct qn_span key, struct qn_sink *values, uint64_t before)
{
    uint64_t size = values->size - before;

    if (size >= 4) {
        uint32_t sum = qnk_crc32c(0, key.data, key.size);

        qn_le32_write(values->data + values->size - 4,
                      qnk_crc32c(sum, values->data + before, size - 4));
    }
}

/* The change that this read suffers. NULL: none. */
static const struct change *change_next(void)
{
    if (!is_rotten || changes_done == changes_count || reads++ < changes[changes_done].after) {
        return NULL;
    }
    reads = 0;
    return &changes[changes_done++];
}

static int32_t get(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                   const struct qn_storage_address *keys, uint32_t count,
                   struct qn_storage_found *found, struct qn_sink *values)
{
    uint64_t before = values->size;
    int32_t status = inner->get(inst, lane, snapshot, keys, count, found, values);
    uint64_t size = values->size - before;
    const struct change *it = status == QN_OK && size > 0 ? change_next() : NULL;

    if (it != NULL && it->mask != 0) {
        values->data[before + it->offset % size] ^= it->mask;
    } else if (it != NULL && count == 1) {
        qnk_sink_cut(values, before + it->offset % size);
        found[0].size = (uint32_t)(it->offset % size);
    }
    if (it != NULL && count == 1) {
        seal(keys[0].key, values, before);
    }
    return status;
}

static bool are_pairs(struct qn_span from)
{
    struct qn_reader in = qn_reader_over(from);

    while (in.at != NULL && in.left > 0) {
        struct qn_storage_pair pair;

        qn_storage_pair_take(&in, &pair);
    }
    return in.at != NULL;
}

static bool are_entries(struct qn_span from)
{
    struct qn_reader in = qn_reader_over(from);

    while (in.at != NULL && in.left > 0) {
        struct qn_storage_entry entry;

        qn_storage_entry_take(&in, &entry);
    }
    return in.at != NULL;
}

static void records_change(struct qn_sink *sink, uint64_t before, bool (*are)(struct qn_span))
{
    uint64_t size = sink->size - before;
    const struct change *it = size > 0 ? change_next() : NULL;

    if (it != NULL) {
        uint8_t *at = &sink->data[before + it->offset % size];

        *at ^= it->mask;
        if (!are((struct qn_span){sink->data + before, size})) {
            *at ^= it->mask;
        }
    }
}

static int32_t scan(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                    const struct qn_storage_range *range, uint32_t items_max, uint64_t bytes_max,
                    struct qn_sink *pairs)
{
    uint64_t before = pairs->size;
    int32_t status = inner->scan(inst, lane, snapshot, range, items_max, bytes_max, pairs);

    records_change(pairs, before, are_pairs);
    return status;
}

static int32_t read_log(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place,
                        uint64_t bytes_max, struct qn_sink *entries)
{
    uint64_t before = entries->size;
    int32_t status = inner->read(inst, lane, log, place, bytes_max, entries);

    records_change(entries, before, are_entries);
    return status;
}

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    static struct qn_storage_1 slots;
    bool is_made = fakes.make(ctx, node, is_first, plugins);

    if (is_first) {
        inner = plugins->storage.table;
        slots = *inner;
        slots.get = get;
        slots.scan = scan;
        slots.read = read_log;
        plugins->storage.table = &slots;
    }
    return is_made;
}

/* --- the run --- */

static void note(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    (void)ctx;
    (void)node;
    if (effect->type == QNK_EFFECT_HALT) {
        QN_ASSERT(effect->halt.text[0] != 0);
        has_halted = true;
    }
}

/* Ten keys' chains of a million hashes: not in any input's time. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static bool is_ready;

    (void)argc;
    (void)argv;
    QN_ASSERT(is_ready || net_init());
    is_ready = true;
    return 0;
}

static void net_begin(void)
{
    QN_ASSERT(LLVMFuzzerInitialize(NULL, NULL) == 0);
    net = net_make(1, 1, 1);
    fakes = net->setup.maker;
    net->setup.maker.make = make;
    net->setup.note = note;
    net->setup.params.window = 4;
    net->setup.limits.mempool_txs = 64;
    net->setup.limits.mempool_bytes = 1 << 16;
    net->setup.limits.mempool_senders = 16;
    net_open(net);
    net_start(net, 0, 1);
    submit(net, 0, 1, 0, 3);
    net_run_ms(net, 1000);
    qnk_world_crash(net->world, 0);
    net_run_ms(net, 10);
    begun = *net;
    fuzz_heap_keep();
}

static void begin(void)
{
    is_rotten = has_halted = false;
    changes_count = changes_done = reads = 0;
    if (net == NULL) {
        net_begin();
    }
    fuzz_heap_reset();
    *net = begun;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});

    begin();
    while (changes_count < CHANGES_MAX && in.left >= 4) {
        struct change *it = &changes[changes_count++];

        it->after = qn_reader_u8(&in);
        it->offset = qn_reader_u16(&in);
        it->mask = qn_reader_u8(&in);
    }
    is_rotten = true;
    if (qnk_world_start(net->world, 0)) {
        net_run_ms(net, 300);
    } else {
        QN_ASSERT(changes_done > 0);
        QN_ASSERT(qnk_world_status(net->world, 0) != QN_OK && qnk_world_why(net->world, 0)[0] != 0);
    }
    QN_ASSERT(!has_halted || changes_done > 0);
    qnk_world_destroy(net->world);
    qnk_set_unref(net->set);
    QN_ASSERT(net->budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    for (uint8_t i = 0; i < 24; i++) {
        const uint8_t bytes[] = {i, 5, 0, 1, 3, (uint8_t)(i * 9), 0, 128};

        take(bytes, sizeof bytes);
    }
}
