/* SPDX-License-Identifier: MIT */

/* copy.c: a copy of what is final on a node (kernel/node/copy.h), from whoever it may be. The first
 * byte says what the rest is:
 *
 *     0  the copy, any bytes
 *     1  changes of a true one, each an offset u32 and a byte (xor); a byte 0 cuts it there. The
 *        checksums of values are put right.
 *
 * A new node of the same chain is filled from it. It refuses it, or it starts, or says why it does
 * not; a true one is taken, and the node goes on from where the other was. All memory comes
 * back. */

#include "tests/test.h"

#include "kernel/base/crc32c.h"
#include "kernel/base/sink.h"
#include "kernel/node/copy.h"
#include "kernel/sim/stage.h"
#include "plugins/storage/memory/memory.manifest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"
#include "tests/sim/net.h"

enum { COPY_MAX = 1 << 20, CHANGES_MAX = 32, RECORD_HEAD = 9, KINDS = 2, CUT = 0 };

static struct net *net, begun; /* begun: as each input finds it */
static struct qnk_world_maker fakes;
static struct qnk_player *storage;
static uint8_t truth[COPY_MAX], copy[COPY_MAX];
static uint64_t truth_size, copy_size, window;
static bool is_changed, has_halted, is_filled;

/* --- nodes of the fakes, with storage that has snapshots --- */

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    bool is_made = fakes.make(ctx, node, false, plugins);

    if (is_first) {
        storage = qnk_player_make(&net->budget, &qn_plugin_v1, (struct qn_span){NULL, 0});
        QN_ASSERT(storage != NULL);
        plugins->storage = qnk_player_plugged(storage);
    }
    return is_made;
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    fakes.give(ctx, node, false, plugins);
    if (is_last) {
        qnk_player_give(storage);
        storage = NULL;
    }
}

static void note(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    (void)ctx;
    (void)node;
    if (effect->type == QNK_EFFECT_HALT) {
        QN_ASSERT(effect->halt.text[0] != 0);
        has_halted = true;
    }
}

static int32_t furnish(void *ctx, uint32_t node, struct qnk_store *store)
{
    int32_t status = qnk_copy_fill((struct qn_span){copy, copy_size}, store, 0);

    (void)ctx;
    (void)node;
    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    is_filled = status == QN_OK;
    return status;
}

static void net_set(void)
{
    net = net_make(1, 1, 1);
    fakes = net->setup.maker;
    net->setup.maker.make = make;
    net->setup.maker.give = give;
    net->setup.note = note;
    net->setup.params.window = 4;
    net->setup.limits.mempool_txs = 64;
    net->setup.limits.mempool_bytes = 1 << 16;
    net->setup.limits.mempool_senders = 16;
}

/* Of a network that ran for a while, which is gone then. */
static void truth_make(void)
{
    struct qnk_budget budget = {.limit = 4 * COPY_MAX};
    struct qnk_copier copier;
    struct qn_sink out;
    int32_t status;

    net_set();
    net_open(net);
    net_start(net, 0, 1);
    submit(net, 0, 1, 0, 3);
    net_run_ms(net, 1200);
    window = look(net, 0).final_window;
    qnk_sink_init(&out, &budget, COPY_MAX);
    QN_ASSERT(qnk_copier_begin(&copier, qnk_world_store(net->world, 0), 0,
                               &net->setup.params.chain_id, &out) == QN_OK);
    while ((status = qnk_copier_some(&copier, 0, &out)) == QN_AGAIN) {
    }
    qnk_copier_end(&copier, 0);
    QN_ASSERT(status == QN_OK && out.size <= COPY_MAX);
    memcpy(truth, out.data, out.size);
    truth_size = out.size;
    qnk_sink_done(&out);
    net_drop(net);
}

/* Ten keys' chains of a million hashes: not in any input's time. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (net == NULL) {
        QN_ASSERT(net_init());
        truth_make();
        net_set();
        net->setup.maker.furnish = furnish;
        net_open(net);
        begun = *net;
        fuzz_heap_keep();
    }
    return 0;
}

/* --- changes --- */

/* The kernel's checksums of all values again, where there are records. */
static void sums_mend(void)
{
    uint64_t at = QNK_COPY_HEAD_SIZE;

    while (at + RECORD_HEAD <= copy_size) {
        uint64_t key = qn_le32_read(copy + at + 1), value = qn_le32_read(copy + at + 5);
        uint8_t *bytes = copy + at + RECORD_HEAD;

        at += RECORD_HEAD + key + value;
        if (at > copy_size) {
            return;
        }
        if (value >= 4) {
            uint32_t sum = qnk_crc32c(qnk_crc32c(0, bytes, key), bytes + key, value - 4);

            qn_le32_write(bytes + key + value - 4, sum);
        }
    }
}

static void copy_change(struct qn_reader *in)
{
    memcpy(copy, truth, truth_size);
    copy_size = truth_size;
    for (uint32_t i = 0; i < CHANGES_MAX && in->left >= 5 && copy_size > 0; i++) {
        uint64_t at = qn_reader_u32(in) % copy_size;
        uint8_t mask = qn_reader_u8(in);

        copy[at] ^= mask;
        copy_size = mask == CUT ? at : copy_size;
    }
    sums_mend();
}

static void copy_set(struct qn_reader *in)
{
    if (qn_reader_u8(in) % KINDS == 1) {
        copy_change(in);
    } else if (in->left > 0 && in->left <= COPY_MAX) {
        copy_size = in->left;
        memcpy(copy, in->at, copy_size);
    } else {
        copy_size = 0;
    }
    is_changed = copy_size != truth_size || memcmp(copy, truth, truth_size) != 0;
}

/* --- the run --- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    struct qnk_copy head;

    QN_ASSERT(LLVMFuzzerInitialize(NULL, NULL) == 0);
    fuzz_heap_reset();
    *net = begun;
    has_halted = is_filled = false;
    copy_set(&in);
    QN_ASSERT(qnk_copy_look((struct qn_span){copy, copy_size}, &head) == QN_OK || is_changed);
    if (qnk_world_start(net->world, 0)) {
        QN_ASSERT(is_filled);
        QN_ASSERT(is_changed || look(net, 0).final_window == window);
        net_run_ms(net, 300);
    } else {
        QN_ASSERT(is_changed && qnk_world_status(net->world, 0) != QN_OK);
    }
    QN_ASSERT(!has_halted || is_changed);
    qnk_world_destroy(net->world);
    qnk_set_unref(net->set);
    QN_ASSERT(net->budget.used == 0);
    return 0;
}

/* The true one; a change in each of so many parts of it; its head alone. */
void fuzz_seeds(fuzz_take *take)
{
    uint8_t one[] = {1};

    QN_ASSERT(LLVMFuzzerInitialize(NULL, NULL) == 0);
    take(one, sizeof one);
    for (uint32_t i = 0; i < 32; i++) {
        uint8_t change[6] = {1};

        qn_le32_write(change + 1, (uint32_t)(truth_size * i / 32));
        change[5] = (uint8_t)(1 << i % 8);
        take(change, sizeof change);
    }
    copy[0] = 0;
    memcpy(copy + 1, truth, 2048);
    take(copy, 1 + QNK_COPY_HEAD_SIZE);
}
