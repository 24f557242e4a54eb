/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* nftw */

#include "kernel/qnet/bench_bed.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <uv.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/hex.h"
#include "kernel/base/random.h"
#include "kernel/chain/tx.h"
#include "kernel/host/keyfile.h"
#include "kernel/host/kit.h"
#include "kernel/host/signer.h"
#include "kernel/node/genesis.h"
#include "kernel/qnet/place.h"

enum { FILES_AT_ONCE = 16, TEXT = 4096, PLANTED = 8, CORES_MAX = 256 };

uint32_t qnk_bench_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > CORES_MAX ? CORES_MAX : (uint32_t)cores;
}

/* --- files --- */

static bool write_file(struct qnk_bench *bench, const char *name, const char *text)
{
    char path[QNK_BENCH_PATH + 16];
    FILE *file;
    bool is_good;

    (void)snprintf(path, sizeof path, "%s/%s", bench->bed->folder, name);
    file = fopen(path, "w");
    is_good = file != NULL && fputs(text, file) >= 0;
    is_good = (file == NULL || fclose(file) == 0) && is_good;
    return is_good || qnk_bench_fail(bench, "'%s' cannot be written", path);
}

static bool write_key(struct qnk_bench *bench, const char *name, const struct qnk_key *key)
{
    char path[QNK_BENCH_PATH + 16], why[QNK_KEYFILE_WHY] = "";

    (void)snprintf(path, sizeof path, "%s/%s", bench->bed->folder, name);
    return qnk_keyfile_create(path, key, (struct qn_span){0}, why) == QN_OK ||
           qnk_bench_fail(bench, "%s", why);
}

static bool write_network(struct qnk_bench *bench, const struct qnk_key *validator)
{
    char text[TEXT], public[QNK_BECH32M_KEY_SIZE], account[QNK_BECH32M_KEY_SIZE];
    char tip_hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_signer *signer;
    struct qnk_hash tip;

    if (qnk_signer_create(&qnk_bench_budget, validator, &signer) != QN_OK) {
        return qnk_bench_fail(bench, "there is no memory");
    }
    qnk_signer_tip(signer, &tip);
    qnk_signer_destroy(signer);
    qnk_hex_encode(tip.bytes, QN_HASH_SIZE, tip_hex);
    qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, validator->public.bytes, public);
    qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, validator->public.bytes, account);
    (void)snprintf(text, sizeof text,
                   "version: qnet.network/v1\n"
                   "name: bench\n"
                   "window: %d\n"
                   "interval: {min: %dms, max: 2s}\n"
                   "limits: {block_bytes: 16MiB, block_txs: %d}\n"
                   "producer: {use: round-robin, version: \"1.0\","
                   " intervals: [%dms, %dms, %dms, %dms]}\n"
                   "consensus: {use: commit-reveal, version: \"1.0\", commit: 1s, commit_min: 0s,"
                   " reveal: 1s, seal: 1s, propose: 100ms, base: 100ms}\n"
                   "ledger: {use: accounts, version: \"1.0\"}\n"
                   "signature_rule: ed25519-strict-cofactored\n"
                   "settle: {blocks: 1, time: 250ms}\n"
                   "genesis:\n"
                   "  time: 2026-01-01T00:00:00Z\n"
                   "  validators: [{key: %s, name: v1, tip: %s}]\n"
                   "  balances: [{account: %s, amount: \"1000\"}]\n",
                   QNK_BENCH_WINDOW, QNK_BENCH_INTERVAL_MS, QNK_BENCH_BLOCK_TXS,
                   QNK_BENCH_INTERVAL_MS, QNK_BENCH_INTERVAL_MS, QNK_BENCH_INTERVAL_MS,
                   QNK_BENCH_INTERVAL_MS, public, tip_hex, account);
    return write_file(bench, "net.yaml", text);
}

static bool write_all(struct qnk_bench *bench)
{
    struct qnk_key node = {0}, validator = {0};
    bool is_good = qnk_key_make(QNK_KEY_NODE, NULL, &node) == QN_OK &&
                   qnk_key_make(QNK_KEY_VALIDATOR, NULL, &validator) == QN_OK;

    is_good = is_good && write_key(bench, "node.key", &node) &&
              write_key(bench, "validator.key", &validator) && write_network(bench, &validator) &&
              write_file(bench, "node.yaml",
                         "version: qnet.node/v1\n"
                         "network: net.yaml\n"
                         "name: bench\n"
                         "type: super\n"
                         "data: data\n"
                         "keys: {node: node.key, validator: validator.key}\n"
                         "transport: nanomsg\n"
                         "storage: {use: lmdb, segment: 256MiB}\n"
                         "compression: {use: zstd, level: 1}\n"
                         "signature: sodium\n"
                         "trust: {policy: off}\n"
                         "limits: {memory: 8GiB}\n"
                         "log: {level: error}\n");
    bench->bed->validator = validator.public;
    qnk_key_done(&node);
    qnk_key_done(&validator);
    return is_good;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* --- the bed --- */

static bool bed_make(struct qnk_bench *bench)
{
    struct qnk_bench_bed *bed = bench->bed;
    const char *temporary = getenv("TMPDIR");
    struct qnk_config_options options = {.budget = &qnk_bench_budget, .asks_files = true};

    (void)snprintf(bed->folder, sizeof bed->folder, "%.150s/qnet-bench-XXXXXX",
                   temporary == NULL || *temporary == 0 ? "/tmp" : temporary);
    if (mkdtemp(bed->folder) == NULL) {
        bed->folder[0] = 0;
        return qnk_bench_fail(bench, "a folder cannot be made: %s", strerror(errno));
    }
    (void)snprintf(bed->node_path, sizeof bed->node_path, "%s/node.yaml", bed->folder);
    bed->loader = qnk_place_loader();
    bed->shared = qnk_shared_create(&qnk_bench_budget);
    if (bed->loader == NULL || bed->shared == NULL) {
        return qnk_bench_fail(bench, "plugins cannot be loaded");
    }
    options.plugins = qnk_loader_config(bed->loader);
    if (setenv("XDG_RUNTIME_DIR", bed->folder, 1) != 0 || !write_all(bench) ||
        qnk_config_init(&bed->config, &options) != QN_OK) {
        return bench->why[0] != 0 ? false : qnk_bench_fail(bench, "there is no memory");
    }
    if (qnk_config_open_node(&bed->config, bed->node_path) != QN_OK) {
        const struct qnk_report *report = &bed->config.report;

        return qnk_bench_fail(bench, "its own files are refused: %s",
                              report->count > 0 ? report->findings[0].text : "no memory");
    }
    qnk_genesis_chain_id(&bed->config.network, &bed->chain_id);
    return true;
}

struct qnk_bench_bed *qnk_bench_bed(struct qnk_bench *bench)
{
    if (bench->bed != NULL) {
        return bench->bed;
    }
    bench->bed = qnk_memory_take(&qnk_bench_budget, sizeof *bench->bed);
    if (bench->bed == NULL) {
        (void)qnk_bench_fail(bench, "there is no memory");
    } else if (!bed_make(bench)) {
        qnk_bench_bed_destroy(bench->bed);
        bench->bed = NULL;
    }
    return bench->bed;
}

void qnk_bench_bed_destroy(struct qnk_bench_bed *bed)
{
    if (bed == NULL) {
        return;
    }
    if (bed->config.block != NULL) {
        qnk_config_done(&bed->config);
    }
    if (bed->shared != NULL) {
        qnk_shared_destroy(bed->shared);
    }
    if (bed->folder[0] != 0) {
        (void)nftw(bed->folder, remove_one, FILES_AT_ONCE, FTW_DEPTH | FTW_PHYS);
    }
    qnk_memory_give(&qnk_bench_budget, bed, sizeof *bed);
}

bool qnk_bench_instance(struct qnk_bench *bench, uint32_t kind,
                        const struct qnk_instance_hooks *hooks, struct qnk_instance **instance)
{
    struct qnk_bench_bed *bed = bench->bed;
    const struct qnk_config_plugin *used = qnk_kit_used(&bed->config, (enum qnk_host_kind)kind);
    struct qnk_instance_options options = {.guard = bed->config.node.guard};
    struct qnk_plugin *plugin;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = qnk_loader_find_used(bed->loader, used, &plugin, why);

    if (hooks != NULL) {
        options.hooks = *hooks;
    }
    options.hooks.shared = bed->shared;
    if (status == QN_OK) {
        status = qnk_instance_create(plugin, used->part.record, &options, instance, why);
    }
    if (status == QN_OK) {
        status = qnk_instance_activate(*instance);
        if (status != QN_OK) {
            qnk_instance_destroy(*instance);
        }
    }
    return status == QN_OK ||
           qnk_bench_fail(bench, "%s/%s: %s (status %d)", used->kind, used->name, why, status);
}

/* --- transfers --- */

bool qnk_bench_load_init(struct qnk_bench *bench, struct qnk_bench_load *load, uint32_t accounts,
                         uint32_t senders)
{
    struct qnk_random random;
    uint8_t seed[crypto_sign_SEEDBYTES];

    QN_ASSERT(senders < accounts && (senders & (senders - 1)) == 0);
    *load = (struct qnk_bench_load){.accounts = accounts, .senders = senders};
    load->chain_id = bench->bed->chain_id;
    load->publics = qnk_memory_take(&qnk_bench_budget, (size_t)accounts * QN_KEY_SIZE);
    load->secrets =
        qnk_memory_take(&qnk_bench_budget, ((size_t)senders + 1) * crypto_sign_SECRETKEYBYTES);
    load->balances = qnk_memory_take(&qnk_bench_budget, accounts * sizeof *load->balances);
    if (load->publics == NULL || load->secrets == NULL || load->balances == NULL) {
        qnk_bench_load_done(load);
        return qnk_bench_fail(bench, "there is no memory for accounts");
    }
    qnk_random_init(&random, 1);
    for (uint32_t i = 0; i < accounts; i++) {
        uint8_t *public = load->publics + (size_t)i * QN_KEY_SIZE;

        for (uint32_t j = 0; j < sizeof seed; j += 8) {
            qn_le64_write(seed + j, qnk_random_u64(&random));
        }
        /* The others receive only: their keys sign nothing. */
        if (i <= senders) {
            (void)crypto_sign_seed_keypair(
                public, load->secrets + (size_t)i * crypto_sign_SECRETKEYBYTES, seed);
        } else {
            memcpy(public, seed, QN_KEY_SIZE);
        }
        load->balances[i] = QNK_BENCH_BALANCE;
    }
    return true;
}

void qnk_bench_load_done(struct qnk_bench_load *load)
{
    qnk_memory_give(&qnk_bench_budget, load->publics, (size_t)load->accounts * QN_KEY_SIZE);
    qnk_memory_give(&qnk_bench_budget, load->secrets,
                    ((size_t)load->senders + 1) * crypto_sign_SECRETKEYBYTES);
    qnk_memory_give(&qnk_bench_budget, load->balances, load->accounts * sizeof *load->balances);
    *load = (struct qnk_bench_load){0};
}

struct qn_buf *qnk_bench_load_genesis(const struct qnk_bench_load *load,
                                      const struct qnk_bench_bed *bed)
{
    uint64_t size = 4 + 40 + 4 + UINT64_C(40) * load->accounts + 16;
    struct qn_buf *record = qnk_buf_new(&qnk_bench_budget, size);
    struct qnk_writer writer;

    if (record == NULL) {
        return NULL;
    }
    writer = qnk_writer_init(record->data, size);
    qnk_writer_u32(&writer, 1);
    qnk_writer_bytes(&writer, bed->validator.bytes, QN_KEY_SIZE);
    qnk_writer_u64(&writer, 1);
    qnk_writer_u32(&writer, load->accounts);
    for (uint32_t i = 0; i < load->accounts; i++) {
        qnk_writer_bytes(&writer, load->publics + (size_t)i * QN_KEY_SIZE, QN_KEY_SIZE);
        qnk_writer_u64(&writer, QNK_BENCH_BALANCE);
    }
    qnk_writer_u64(&writer, bed->config.network.fee_min);
    qnk_writer_u64(&writer, bed->config.network.account_min);
    return record;
}

/* Everything of transfer number `k` but its signature; gives who signs. */
static uint32_t transfer_write(const struct qnk_bench_load *load, uint64_t k, uint64_t valid_until,
                               bool is_bad, uint8_t *to, uint32_t *receiver, uint64_t *amount)
{
    uint64_t mixed = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t sender = (uint32_t)(k * 40503) & (load->senders - 1);
    struct qnk_transfer transfer;
    uint8_t payload[40];
    struct qnk_tx tx = {
        .payload = {payload, sizeof payload},
        .nonce = k / load->senders,
        .valid_until = valid_until,
        .fee = QNK_BENCH_FEE,
        .kind = QNK_TX_TRANSFER,
    };

    if (is_bad) {
        sender = load->senders;
        tx.nonce = 0;
    }
    *receiver = (uint32_t)((mixed >> 32) % load->accounts);
    if (*receiver == sender) {
        *receiver = (sender + 1) % load->accounts;
    }
    *amount = is_bad ? 1 + k : 1 + mixed % 1000;
    tx.from = load->publics + (size_t)sender * QN_KEY_SIZE;
    memcpy(transfer.to.bytes, load->publics + (size_t)*receiver * QN_KEY_SIZE, QN_KEY_SIZE);
    transfer.amount = *amount;
    qnk_transfer_encode(&transfer, payload);
    qnk_tx_encode(&tx, to);
    return sender;
}

/* The part of one thread: the frames first, first + step, ... */
struct signing {
    struct qnk_bench_load *load;
    struct qn_buf **frames;
    const uint32_t (*senders)[QNK_BENCH_FRAME_TXS];
    uint32_t first, step, count;
    uv_thread_t thread;
};

static void sign_frame(const struct signing *it, uint32_t frame)
{
    uint8_t message[QNK_TX_MESSAGE_MAX];
    struct qn_span rest = qnk_buf_span(it->frames[frame]);

    rest.data += 4;
    rest.size -= 4;
    for (uint32_t i = 0; i < QNK_BENCH_FRAME_TXS; i++) {
        uint32_t sender = it->senders[frame][i];
        uint8_t *signature =
            it->frames[frame]->data + 4 + (size_t)(i + 1) * QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE;
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&rest, &tx);
        uint32_t size = qnk_tx_message(&tx, &it->load->chain_id, message);

        QN_ASSERT(status == QN_OK);
        (void)crypto_sign_detached(signature, NULL, message, size,
                                   it->load->secrets + (size_t)sender * crypto_sign_SECRETKEYBYTES);
        signature[QN_SIG_SIZE / 2] ^= sender == it->load->senders; /* in S */
    }
}

static void sign_run(void *ctx)
{
    const struct signing *it = ctx;

    for (uint32_t i = it->first; i < it->count; i += it->step) {
        sign_frame(it, i);
    }
}

static bool sign_all(struct qnk_bench *bench, struct signing *shape)
{
    static struct signing parts[CORES_MAX];
    uint32_t cores = qnk_bench_cores();
    bool is_good = true;

    for (uint32_t i = 0; i < cores; i++) {
        parts[i] = *shape;
        parts[i].first = i;
        parts[i].step = cores;
        if (is_good && uv_thread_create(&parts[i].thread, sign_run, &parts[i]) != 0) {
            is_good = qnk_bench_fail(bench, "no thread can be made");
            cores = i;
        }
    }
    for (uint32_t i = 0; i < cores; i++) {
        (void)uv_thread_join(&parts[i].thread);
    }
    return is_good;
}

/* Fills a frame with transfers that wait for their signatures, and counts them. */
static void frame_fill(struct qnk_bench_load *load, struct qn_buf *frame, uint32_t *senders,
                       uint64_t valid_until, bool plants)
{
    qn_le32_write(frame->data, QNK_BENCH_FRAME_TXS);
    for (uint32_t i = 0; i < QNK_BENCH_FRAME_TXS; i++) {
        bool is_bad = plants && i + 1 == QNK_BENCH_FRAME_TXS;
        uint64_t k = is_bad ? load->bad++ : load->made++;
        uint32_t receiver;
        uint64_t amount;

        senders[i] =
            transfer_write(load, k, valid_until, is_bad,
                           frame->data + 4 + (size_t)i * QNK_TX_TRANSFER_SIZE, &receiver, &amount);
        if (!is_bad) {
            load->balances[senders[i]] -= amount + QNK_BENCH_FEE;
            load->balances[receiver] += amount;
        }
    }
}

bool qnk_bench_load_make(struct qnk_bench *bench, struct qnk_bench_load *load, uint64_t valid_until,
                         bool plants, struct qn_buf **frames, uint32_t count)
{
    uint32_t(*senders)[QNK_BENCH_FRAME_TXS] =
        qnk_memory_take(&qnk_bench_budget, count * sizeof *senders);
    struct signing shape = {.load = load, .frames = frames, .count = count};
    bool is_good = senders != NULL;

    for (uint32_t i = 0; i < count && is_good; i++) {
        frames[i] = qnk_buf_new(&qnk_bench_budget,
                                4 + (uint64_t)QNK_BENCH_FRAME_TXS * QNK_TX_TRANSFER_SIZE);
        is_good = frames[i] != NULL;
        if (is_good) {
            frame_fill(load, frames[i], senders[i], valid_until, plants && i % PLANTED == 0);
        }
    }
    shape.senders = (const uint32_t(*)[QNK_BENCH_FRAME_TXS])senders;
    is_good = is_good ? sign_all(bench, &shape) : qnk_bench_fail(bench, "no memory for transfers");
    qnk_memory_give(&qnk_bench_budget, senders, count * sizeof *senders);
    return is_good;
}
