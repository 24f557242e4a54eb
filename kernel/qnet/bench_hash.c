/* SPDX-License-Identifier: MIT */

/* bench_hash.c: inner nodes, names of transfers and the root of a block, against libsodium's
 * SHA-256. */

#include <string.h>

#include <sodium.h>

#include "kernel/chain/merkle.h"
#include "kernel/chain/tx.h"
#include "kernel/qnet/bench.h"

enum { LEAVES = 50000, BATCH = 1024 };

struct hashing {
    struct qnk_hash leaves[LEAVES];
    struct qnk_hash work[LEAVES];
    uint8_t transfers[BATCH][QNK_TX_TRANSFER_SIZE];
    struct qnk_hash ours[BATCH];
    struct qnk_hash theirs[BATCH];
    struct qnk_hash root, sodium_root;
};

static void sodium_tagged(uint8_t tag, const void *bytes, uint64_t size, struct qnk_hash *hash)
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, &tag, 1);
    crypto_hash_sha256_update(&state, bytes, size);
    crypto_hash_sha256_final(&state, hash->bytes);
}

static uint64_t nodes_sodium(void *ctx)
{
    struct hashing *it = ctx;

    for (uint32_t i = 0; i < BATCH; i++) {
        sodium_tagged(1, &it->leaves[2 * i], 2 * sizeof *it->leaves, &it->theirs[i]);
    }
    return BATCH;
}

static uint64_t nodes_ours(void *ctx)
{
    struct hashing *it = ctx;

    for (uint32_t i = 0; i < BATCH; i++) {
        qnk_hash_node(&it->leaves[2 * i], &it->leaves[2 * i + 1], &it->ours[i]);
    }
    return BATCH;
}

static uint64_t ids_sodium(void *ctx)
{
    struct hashing *it = ctx;

    for (uint32_t i = 0; i < BATCH; i++) {
        sodium_tagged(0, it->transfers[i], QNK_TX_TRANSFER_SIZE, &it->theirs[i]);
    }
    return BATCH;
}

static uint64_t ids_ours(void *ctx)
{
    struct hashing *it = ctx;

    for (uint32_t i = 0; i < BATCH; i++) {
        struct qnk_tx tx = {.bytes = {it->transfers[i], QNK_TX_TRANSFER_SIZE}};

        qnk_tx_id(&tx, &it->ours[i]);
    }
    return BATCH;
}

static uint64_t root_sodium(void *ctx)
{
    struct hashing *it = ctx;
    uint32_t count = LEAVES;

    memcpy(it->work, it->leaves, sizeof it->work);
    for (; count > 1; count = (count + 1) / 2) {
        for (uint32_t i = 0; i < count / 2; i++) {
            struct qnk_hash node;

            sodium_tagged(1, &it->work[2 * i], 2 * sizeof node, &node);
            it->work[i] = node;
        }
        if (count % 2 == 1) {
            it->work[count / 2] = it->work[count - 1];
        }
    }
    it->sodium_root = it->work[0];
    return 1;
}

static uint64_t root_ours(void *ctx)
{
    struct hashing *it = ctx;

    memcpy(it->work, it->leaves, sizeof it->work);
    qnk_merkle_fold(it->work, LEAVES, &it->root);
    return 1;
}

static bool are_digests_equal(const struct hashing *it)
{
    return memcmp(it->ours, it->theirs, sizeof it->ours) == 0;
}

static bool are_roots_equal(const struct hashing *it)
{
    return qnk_hash_equal(&it->root, &it->sodium_root);
}

static const struct {
    const char *what;
    const char *unit;
    qnk_bench_side *baseline, *subject;
    bool (*is_right)(const struct hashing *it);
} rows[] = {
    {"inner node", "hashes/s", nodes_sodium, nodes_ours, are_digests_equal},
    {"id of a transfer", "hashes/s", ids_sodium, ids_ours, are_digests_equal},
    {"root of 50000 ids", "roots/s", root_sodium, root_ours, are_roots_equal},
};

bool qnk_bench_hash(struct qnk_bench *bench)
{
    struct hashing *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    bool is_good = it != NULL || qnk_bench_fail(bench, "there is no memory");

    for (uint32_t i = 0; is_good && i < LEAVES; i++) {
        qnk_hash_leaf(&i, sizeof i, &it->leaves[i]);
    }
    for (uint32_t i = 0; is_good && i < sizeof it->transfers / QN_HASH_SIZE; i++) {
        memcpy(&it->transfers[0][0] + (size_t)i * QN_HASH_SIZE, it->leaves[i].bytes, QN_HASH_SIZE);
    }
    for (uint32_t i = 0; is_good && i < sizeof rows / sizeof *rows; i++) {
        struct qnk_bench_row *row =
            qnk_bench_row(bench, "hash", rows[i].unit, "sodium-sha256", "%s", rows[i].what);

        if (rows[i].baseline(it) == 0 || rows[i].subject(it) == 0 || !rows[i].is_right(it)) {
            is_good = qnk_bench_fail(bench, "%s: digests differ from libsodium's", rows[i].what);
        } else {
            row->check = "digests equal";
            is_good = qnk_bench_measure(bench, row, rows[i].baseline, rows[i].subject, it);
        }
    }
    qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    return is_good;
}
