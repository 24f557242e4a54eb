/* SPDX-License-Identifier: MIT */

/* start.c: from two files to a running node, one step after another. Between steps the loop runs,
 * so that the admin socket can say which step it is. */

#include <string.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/base/random.h"
#include "kernel/base/text.h"
#include "kernel/config/quantity.h"
#include "kernel/host/copies.h"
#include "kernel/host/live.h"
#include "kernel/host/mark.h"
#include "kernel/node/genesis.h"

enum {
    STORAGE_LANE = QNK_DISK_LANE_START,
    EFFECTS_LIMIT = 1 << 28, /* bytes of one step's effects, as in a replay */
    TASKS_LIMIT = 1 << 26,   /* bytes of tasks that are under way; tens of thousands */
};

/* --- folders and keys --- */

static int32_t start_folders(struct qnk_host *host)
{
    const struct qnk_node_file *file = &host->setup.config->node;
    int32_t status = qnk_datadir_find(&host->dir, file->name, file->data);

    if (status == QN_OK) {
        status = qnk_datadir_open(&host->dir);
    }
    if (status == QN_OK) {
        host->has_dir = true;
        status = qnk_datadir_socket(&host->dir, host->socket);
    }
    if (status == QN_OK) {
        qnk_text(host->storage_folder, sizeof host->storage_folder, "%s/storage", host->dir.data);
        (void)qnk_copies_trim(host->dir.data, 0); /* of a run that was killed */
        return QN_OK;
    }
    qnk_host_stop(host, status == QN_BUSY ? QNK_EXIT_LOCKED : qnk_live_exit(status), host->dir.why);
    return status;
}

static int32_t key_open(struct qnk_host *host, const char *path, enum qnk_key_purpose purpose,
                        struct qnk_key *key)
{
    char why[QNK_KEYFILE_WHY] = "";
    int32_t status = qnk_keyfile_read(path, purpose, (struct qn_span){0}, key, why);

    if (status != QN_OK) {
        qnk_host_stop(host, status == QN_NOT_FOUND ? QNK_EXIT_CONFIG : QNK_EXIT_PERMISSION, why);
    }
    return status;
}

static int32_t start_keys(struct qnk_host *host)
{
    const struct qnk_node_file *file = &host->setup.config->node;
    int32_t status = key_open(host, file->key_node, QNK_KEY_NODE, &host->node_key);

    if (status != QN_OK) {
        return status;
    }
    host->node_public = host->node_key.public;
    if (file->kind != QNK_NODE_KIND_SUPER) {
        return QN_OK;
    }
    status = key_open(host, file->key_validator, QNK_KEY_VALIDATOR, &host->validator_key);
    if (status == QN_OK) {
        host->has_validator = true;
        host->validator_public = host->validator_key.public;
        status = qnk_signer_create(&host->budget, &host->validator_key, &host->signer);
        qnk_key_done(&host->validator_key);
    }
    return status;
}

/* --- plugins --- */

static void pump(void *ctx)
{
    struct qnk_host *host = ctx;

    if (host->peers == NULL || host->is_ending) {
        return;
    }
    if (qnk_peers_pump(host->peers, qnk_live_now(host))) {
        qnk_watch_again(host->watch);
    }
    qnk_disk_pump(host->disk);
}

static int32_t start_swaps(struct qnk_host *host)
{
    int32_t status = qnk_refit_create(host);

    char text[QNK_HOST_WHY];

    if (status == QN_OK) {
        return qnk_bound_create(host);
    }
    if (qnk_live_is_short(host, status)) {
        return status;
    }
    qnk_text(text, sizeof text, "'%s/swaps' cannot be read (status %d)", host->dir.data, status);
    qnk_host_stop(host, qnk_live_exit(status), text);
    return status;
}

/* What came into force after the files were written must not keep the node from its start. */
static int32_t plugin_add(struct qnk_host *host, enum qnk_host_kind kind,
                          const struct qnk_instance_hooks *hooks, char why[QNK_HOST_WHY])
{
    int32_t status = QN_OK;

    do {
        const struct qnk_config_plugin *used = qnk_refit_used(host, kind);

        if (used == NULL) {
            return QN_OK;
        }
        status = qnk_kit_add(&host->kit, &host->setup, kind, used, host->metrics, hooks, why);
    } while (status != QN_OK && qnk_refit_refused(host, kind, why));
    return status;
}

static int32_t start_plugins(struct qnk_host *host)
{
    struct qnk_instance_hooks hooks[QNK_HOST_KINDS] = {0};
    char why[QNK_HOST_WHY] = "";
    int32_t status = qnk_watch_create(&host->budget, host->setup.loop, pump, host, &host->watch);

    if (status != QN_OK) {
        return status;
    }
    qnk_text(host->transport_folder, sizeof host->transport_folder, "%s/transport", host->dir.data);
    qnk_watch_hook(host->watch, &hooks[QNK_HOST_TRANSPORT]);
    hooks[QNK_HOST_TRANSPORT].folder = host->transport_folder;
    hooks[QNK_HOST_TRANSPORT].shared = host->setup.shared;
    hooks[QNK_HOST_STORAGE].shared = host->setup.shared;
    hooks[QNK_HOST_STORAGE].folder = host->storage_folder;
    for (uint32_t kind = 0; status == QN_OK && kind < QNK_HOST_KINDS; kind++) {
        status = plugin_add(host, (enum qnk_host_kind)kind, &hooks[kind], why);
    }
    host->has_kit = status == QN_OK;
    if (status != QN_OK) {
        qnk_kit_close(&host->kit);
    }
    if (status == QN_CORRUPT) {
        qnk_live_failed(host, status, "what is stored", why);
    } else if (status != QN_OK && !qnk_live_is_short(host, status)) {
        qnk_host_stop(
            host, status == QN_IO || status == QN_NO_SPACE ? QNK_EXIT_IO : QNK_EXIT_CONFIG, why);
    }
    return status;
}

static int32_t start_genesis(struct qnk_host *host)
{
    const struct qnk_network *network = &host->setup.config->network;
    struct qnk_plugin *consensus;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = qnk_loader_find_used(host->setup.loader, network->consensus, &consensus, why);

    if (status == QN_OK) {
        status = qnk_genesis_params(network, &consensus->manifest, &host->params);
    }
    if (status == QN_OK) {
        status = qnk_kit_first_set(&host->setup, &host->budget, &host->first_set, why);
    }
    if (status == QN_OK) {
        host->tips_count = host->first_set->count;
        host->tips = qnk_memory_take(&host->budget, host->tips_count * sizeof *host->tips);
        status = host->tips == NULL ? QN_NO_SPACE
                                    : qnk_genesis_tips(network, host->first_set, host->tips);
    }
    if (status != QN_OK && !qnk_live_is_short(host, status)) {
        qnk_host_stop(host, QNK_EXIT_CONFIG, *why != 0 ? why : "the network file has no genesis");
    }
    return status;
}

/* --- threads and disk --- */

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* As many as wanted, as there are processors, and as the plugins have lanes for. */
static uint32_t workers_of(const struct qnk_host *host)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t workers = host->setup.config->node.workers;
    uint32_t others = qnk_pool_lanes(0); /* beside the workers */
    uint32_t lanes = at_most(qnk_kit_manifest(&host->kit, QNK_HOST_LEDGER)->lanes,
                             qnk_kit_manifest(&host->kit, QNK_HOST_SIGNATURE)->lanes);

    if (workers == 0) {
        workers = processors < 1 ? 1 : (uint32_t)processors;
    }
    workers = at_most(workers, QNK_POOL_WORKERS_MAX);
    return lanes <= others ? 0 : at_most(workers, lanes - others);
}

static void ledger_enter(void *ctx, bool alone)
{
    qnk_gate_enter(ctx, alone);
}

static void ledger_leave(void *ctx, bool alone)
{
    qnk_gate_leave(ctx, alone);
}

static uint64_t ledger_turn(void *ctx)
{
    return qnk_gate_turn(ctx);
}

static int32_t start_threads(struct qnk_host *host)
{
    host->workers = workers_of(host);
    if (host->workers == 0 ||
        qnk_kit_manifest(&host->kit, QNK_HOST_STORAGE)->lanes < QNK_DISK_LANES) {
        qnk_host_stop(host, QNK_EXIT_CONFIG,
                      "the ledger, signature or storage plugin has too few lanes for this host");
        return QN_UNSUPPORTED;
    }
    host->job_host = (struct qnk_job_host){
        .ledger = qnk_kit_plugged(&host->kit, QNK_HOST_LEDGER),
        .signature = qnk_kit_plugged(&host->kit, QNK_HOST_SIGNATURE),
        .ctx = &host->gate,
        .ledger_enter = ledger_enter,
        .ledger_leave = ledger_leave,
        .ledger_turn = ledger_turn,
    };
    qnk_random_system(&host->seed, sizeof host->seed);
    return qnk_pool_create(&host->budget, host->setup.loop, host->workers, &host->pool);
}

static int32_t start_storage(struct qnk_host *host)
{
    int32_t status =
        qnk_store_open(&host->store, &host->budget, qnk_kit_plugged(&host->kit, QNK_HOST_STORAGE),
                       host->setup.config->node.index_txs);

    if (status != QN_OK) {
        qnk_live_failed(host, status, "anything", host->store.why);
    }
    return status;
}

/* --- whose the folder is --- */

/* Blocks and votes do not say which network they are of: a node would go on from another one's, and
 * sign that. An empty store may become another's, as a network file is corrected before anything
 * has happened. */
static int32_t check_network(struct qnk_host *host, const struct qnk_store_owner *owner)
{
    char theirs[QNK_HEX_SIZE(QN_HASH_SIZE)];
    char ours[QNK_HEX_SIZE(QN_HASH_SIZE)];
    char text[QNK_HOST_WHY];

    qnk_hex_encode(host->params.chain_id.bytes, QN_HASH_SIZE, ours);
    if (owner->is_empty ||
        (owner->is_known && qnk_hash_equal(&owner->chain_id, &host->params.chain_id))) {
        return QN_OK;
    }
    if (!owner->is_known) {
        qnk_log(&host->log, QNK_LOG_WARN, "network-unknown",
                "nothing in '%s' says which network it is of: it is taken for one of %.16s",
                host->storage_folder, ours);
        return QN_OK;
    }
    qnk_hex_encode(owner->chain_id.bytes, QN_HASH_SIZE, theirs);
    qnk_text(
        text, sizeof text,
        "'%.200s' is of network %.16s, the network file is of %.16s: start with that network's "
        "file, or with an empty folder (`data` of the node file)",
        host->dir.data, theirs, ours);
    qnk_host_stop(host, QNK_EXIT_CONFIG, text);
    return QN_INVALID;
}

/* A light node stores neither state nor blocks, which the others go on from. */
static int32_t check_type(struct qnk_host *host, const struct qnk_store_final *final)
{
    char text[QNK_HOST_WHY];

    if (final->window == 0 || final->pages > 0 ||
        host->setup.config->node.kind == QNK_NODE_KIND_LIGHT) {
        return QN_OK;
    }
    qnk_text(text, sizeof text,
             "'%.200s' is of a light node, which has no blocks: start with an empty folder (`data` "
             "of the node file), or with `type: light`",
             host->dir.data);
    qnk_host_stop(host, QNK_EXIT_CONFIG, text);
    return QN_INVALID;
}

static int32_t start_owner(struct qnk_host *host)
{
    struct qnk_store_owner owner;
    struct qnk_store_final final;
    int32_t status = qnk_store_owner(&host->store, STORAGE_LANE, &owner);

    if (status == QN_OK) {
        status = qnk_store_final(&host->store, STORAGE_LANE, &final);
    }
    if (status != QN_OK) {
        qnk_live_failed(host, status, "the network's id", host->store.why);
        return status;
    }
    status = check_network(host, &owner);
    if (status == QN_OK) {
        status = check_type(host, &final);
    }
    if (status != QN_OK ||
        (owner.is_recorded && qnk_hash_equal(&owner.chain_id, &host->params.chain_id))) {
        return status;
    }
    status = qnk_store_own(&host->store, STORAGE_LANE, &host->params.chain_id);
    if (status != QN_OK) {
        qnk_live_failed(host, status, "the network's id", host->store.why);
    }
    return status;
}

/* --- the ledger --- */

/* A large state takes minutes: the loop goes on meanwhile. */
static void ledger_load(struct qnk_task *task, uint32_t lane)
{
    struct qnk_live_load *load = (struct qnk_live_load *)task;
    struct qnk_host *host = load->host;

    (void)lane; /* nobody else is in the ledger or the storage yet */
    load->status = qnk_store_load_ledger(&host->store, STORAGE_LANE, host->job_host.ledger,
                                         host->setup.config->network.ledger_genesis);
}

static void ledger_loaded(struct qnk_task *task)
{
    struct qnk_live_load *load = (struct qnk_live_load *)task;

    if (load->status == QN_NO_SPACE && !qnk_live_is_short(load->host, load->status)) {
        qnk_host_stop(load->host, QNK_EXIT_CONFIG,
                      "the ledger's state takes more memory than its plugin may have");
    } else if (load->status != QN_OK) {
        qnk_live_failed(load->host, load->status, "the ledger's state", load->host->store.why);
    }
    qnk_live_start(load->host);
}

static int32_t start_ledger(struct qnk_host *host)
{
    host->load = (struct qnk_live_load){
        .task = {.run = ledger_load, .done = ledger_loaded},
        .host = host,
    };
    qnk_pool_give(host->pool, QNK_QUEUE_LEDGER, &host->load.task);
    return QN_AGAIN;
}

static int32_t start_disk(struct qnk_host *host)
{
    struct qnk_disk_setup setup = {
        .budget = &host->budget,
        .tasks = &host->tasks_budget,
        .pool = host->pool,
        .store = &host->store,
        .signer = host->signer,
        .ctx = host,
        .event = qnk_live_disk_event,
        .reply = qnk_live_reply,
        .now = qnk_live_disk_now,
        .has_room = qnk_live_has_room,
        .send = qnk_live_send,
        .waited = qnk_gauges_waited,
        .failed = qnk_live_failed,
        .damaged = qnk_live_damaged,
    };

    host->tasks_budget = (struct qnk_budget){.limit = TASKS_LIMIT};
    return qnk_disk_create(&setup, &host->disk);
}

/* --- the core --- */

static uint32_t node_type_of(enum qnk_node_kind kind)
{
    switch (kind) {
    case QNK_NODE_KIND_LIGHT:
        return QNK_NODE_LIGHT;
    case QNK_NODE_KIND_FULL:
        return QNK_NODE_FULL;
    case QNK_NODE_KIND_SUPER:
        break;
    }
    return QNK_NODE_SUPER;
}

void qnk_live_core_setup(const struct qnk_host *host, struct qnk_setup *setup)
{
    const struct qnk_node_file *file = &host->setup.config->node;

    *setup = (struct qnk_setup){
        .params = host->params,
        .limits =
            {
                .mempool_txs = file->mempool_txs,
                .mempool_bytes = file->mempool_bytes,
                .mempool_senders = file->mempool_senders,
                .memory = file->memory / 2,
                .peers = file->peers_max,
            },
        .type = node_type_of(file->kind),
        .resend_ms = file->resend_ms,
        .seed = host->seed,
        .has_validator = host->has_validator,
        .validator = host->validator_public,
        .genesis_set = host->first_set,
        .tips = host->tips,
        .producer = qnk_kit_plugged(&host->kit, QNK_HOST_PRODUCER),
        .consensus = qnk_kit_plugged(&host->kit, QNK_HOST_CONSENSUS),
    };
}

static int32_t start_core(struct qnk_host *host)
{
    struct qnk_setup setup;
    int32_t status;

    qnk_live_core_setup(host, &setup);
    host->effects_budget = (struct qnk_budget){.limit = EFFECTS_LIMIT};
    qnk_effects_init(&host->effects, &host->effects_budget);
    status = qnk_node_create(&setup, &host->node);
    if (status != QN_OK) {
        qnk_host_stop(host, QNK_EXIT_CONFIG,
                      status == QN_NO_SPACE
                          ? "limits.memory is too small for this node's mempool and windows"
                          : "the producer plugin cannot schedule the network's validators");
    }
    return status;
}

static void restored(void *ctx, struct qnk_event *event)
{
    qnk_live_event(ctx, event);
}

void qnk_live_mark(struct qnk_host *host)
{
    char why[QNK_MARK_WHY];

    if (!host->is_marked && qnk_mark_make(host->setup.config->node.key_validator,
                                          &host->params.chain_id, why) != QN_OK) {
        qnk_log(&host->log, QNK_LOG_WARN, "no-key-mark",
                "%s: if the data folder is lost, nothing will tell that this key has signed: let "
                "the node write beside its key, or keep that in mind",
                why);
    }
    host->is_marked = true;
}

/* What the key may do, by its record and its mark. */
static enum qnk_signing signing_of(struct qnk_host *host, bool has_guard)
{
    const char *key = host->setup.config->node.key_validator;
    char path[QNK_MARK_PATH];

    if (!host->has_validator) {
        return QNK_SIGNING_NONE;
    }
    host->is_marked = qnk_mark_is_there(key, &host->params.chain_id);
    if (has_guard) {
        qnk_live_mark(host); /* it may be gone, or of a time when there were none */
        return QNK_SIGNING_RESTORED;
    }
    if (!host->is_marked) {
        return QNK_SIGNING_FRESH;
    }
    (void)qnk_mark_path(key, &host->params.chain_id, path);
    qnk_log(
        &host->log, QNK_LOG_WARN, "sign-record-gone",
        "'%s' says that this key has signed in this network: copy the sign record from where it "
        "did, or see `qnet key resume`; if the whole network was begun anew with this network "
        "file, remove that file",
        path);
    return QNK_SIGNING_LOST;
}

/* Everything that was stored, then START, then the mempool's copy. */
static int32_t start_restore(struct qnk_host *host)
{
    struct qnk_event start = {.type = QNK_EVENT_START};
    struct qnk_store_final final = {0};
    bool has_guard = false;
    int32_t status = qnk_store_final(&host->store, STORAGE_LANE, &final);

    if (status == QN_OK) {
        status = qnk_store_restore(&host->store, STORAGE_LANE, restored, host, &has_guard);
    }
    if (status == QN_OK && host->store.why[0] != 0) {
        qnk_log(&host->log, QNK_LOG_WARN, "storage-damaged", "%s in '%s': it is left out",
                host->store.why, host->storage_folder);
    }
    if (status == QN_OK) {
        start.start.signing = signing_of(host, has_guard);
        qnk_live_event(host, &start);
        status = qnk_store_restore_txs(&host->store, STORAGE_LANE, restored, host);
    }
    qnk_live_inputs_running(host);
    if (status != QN_OK) {
        qnk_live_failed(host, status, "what the node kept", host->store.why);
    } else {
        qnk_log(&host->log, QNK_LOG_INFO, "restored",
                "stored up to window %llu | window=%llu height=%llu",
                (unsigned long long) final.window, (unsigned long long) final.window,
                (unsigned long long) final.height);
    }
    return status;
}

/* --- peers --- */

static void peer_up(void *ctx, uint32_t peer, const struct qnk_session_peer *is, bool outgoing)
{
    struct qnk_event event = {.type = QNK_EVENT_PEER_UP};

    event.peer.peer = peer;
    event.peer.key = is->key;
    event.peer.validator = is->validator;
    event.peer.outgoing = outgoing;
    qnk_live_event(ctx, &event);
}

static void peer_down(void *ctx, uint32_t peer)
{
    struct qnk_host *host = ctx;
    struct qnk_event event = {.type = QNK_EVENT_PEER_DOWN};

    event.peer.peer = peer;
    qnk_disk_forget(host->disk, peer);
    qnk_live_event(host, &event);
}

static void peer_frame(void *ctx, uint32_t peer, const struct qnk_frame *head, struct qn_buf *buf)
{
    struct qnk_event event = {.type = QNK_EVENT_FRAME};

    event.frame.peer = peer;
    event.frame.head = *head;
    event.frame.buf = buf;
    qnk_live_event(ctx, &event);
}

/* The `listen` address of a transport that has such a key, in `text`. */
static void listen_find(const struct qnk_config_plugin *used, char text[QNK_PEER_ADDRESS_SIZE])
{
    const struct qnk_config_schema *schema = used->part.schema;
    const struct qnk_config_key *key =
        schema == NULL ? NULL : qnk_config_key_find(schema, "listen");

    text[0] = 0;
    if (key != NULL && (key->type == QNK_CONFIG_ADDRESS || key->type == QNK_CONFIG_STRING)) {
        struct qn_span span = qnk_part_text(&used->part, "listen");

        if (span.size < QNK_PEER_ADDRESS_SIZE) {
            memcpy(text, span.data, span.size);
            text[span.size] = 0;
        }
    }
}

static int32_t start_peers(struct qnk_host *host)
{
    const struct qnk_node_file *file = &host->setup.config->node;
    char listen[QNK_PEER_ADDRESS_SIZE];
    struct qnk_peers_setup setup = {
        .budget = &host->budget,
        .log = &host->log,
        .transport = qnk_kit_plugged(&host->kit, QNK_HOST_TRANSPORT),
        .compression = qnk_kit_plugged(&host->kit, QNK_HOST_COMPRESSION),
        .compressor = qnk_kit_manifest(&host->kit, QNK_HOST_COMPRESSION)->name,
        .chain_id = host->params.chain_id,
        .node_seed = host->node_key.seed,
        .signer = host->signer,
        .validator = host->validator_public,
        .known = file->peers,
        .known_count = file->peers_count,
        .listen = listen,
        .node_type = node_type_of(file->kind),
        .peers_max = file->peers_max,
        .peers_per_address = file->peers_per_address,
        .bytes_per_second = file->peer_bytes_per_second,
        .requests_per_second = file->peer_requests_per_second,
        .ctx = host,
        .up = peer_up,
        .down = peer_down,
        .frame = peer_frame,
    };
    int32_t status;

    listen_find(file->transport, listen);
    status = qnk_peers_create(&setup, &host->peers);
    qnk_key_done(&host->node_key);
    if (status == QN_OK) {
        status = qnk_peers_start(host->peers, qnk_live_now(host));
    }
    if (status != QN_OK && !qnk_live_is_short(host, status)) {
        char text[QNK_HOST_WHY];

        qnk_text(text, sizeof text, "cannot listen for peers on '%s' (status %d)", listen, status);
        qnk_host_stop(host, status == QN_DENIED ? QNK_EXIT_PERMISSION : QNK_EXIT_CONFIG, text);
    }
    return status;
}

/* A node that waits for its network's beginning looks like one that is well. */
static void beginning_tell(const struct qnk_host *host)
{
    uint64_t begins_ms = host->setup.config->network.genesis_time_ms;
    uint64_t now_ms = host->running_us / 1000;
    char text[QNK_QUANTITY_SIZE];

    if (begins_ms > now_ms) {
        qnk_time_print(begins_ms, text);
        qnk_log(&host->log, QNK_LOG_WARN, "begins-later",
                "the network file lets the chain begin at %s: there is no block before | in_s=%llu",
                text, (unsigned long long)((begins_ms - now_ms) / 1000));
    }
}

static int32_t start_running(struct qnk_host *host)
{
    char chain[QNK_HEX_SIZE(QN_HASH_SIZE)];
    char node[QNK_BECH32M_KEY_SIZE];

    host->phase = QNK_HOST_RUNNING;
    host->running_us = qnk_live_now(host);
    qnk_hex_encode(host->params.chain_id.bytes, QN_HASH_SIZE, chain);
    qnk_bech32m_encode(QNK_PREFIX_NODE, host->node_public.bytes, node);
    qnk_log(&host->log, QNK_LOG_INFO, "running", "the node runs | chain=%.16s node=%s workers=%u",
            chain, node, host->workers);
    qnk_live_levels(host, &host->setup.config->node);
    beginning_tell(host);
    if (host->setup.running != NULL) {
        host->setup.running(host->setup.ctx);
    }
    return QN_OK;
}

/* --- one after another --- */

/* QN_AGAIN: the next step is called for when this one is done. */
static const struct {
    const char *doing;
    int32_t (*start)(struct qnk_host *host);
} steps[] = {
    {"opening its folders", start_folders},
    {"reading its keys", start_keys},
    {"counting", qnk_gauges_create},
    {"reading exchanges of plugins", start_swaps},
    {"loading plugins", start_plugins},
    {"making genesis", start_genesis},
    {"starting threads", start_threads},
    {"opening its storage", start_storage},
    {"looking whose its storage is", start_owner},
    {"loading the ledger", start_ledger},
    {"opening the disk's queues", start_disk},
    {"beginning the input log", qnk_live_inputs_start},
    {"making the core", start_core},
    {"restoring blocks", start_restore},
    {"connecting", start_peers},
    {"running", start_running},
};

bool qnk_live_is_short(struct qnk_host *host, int32_t status)
{
    char text[QNK_HOST_WHY];

    if (status != QN_NO_SPACE || host->budget.refused == host->refused) {
        return false; /* if there is no room, then that of a disk or of a plugin */
    }
    qnk_text(text, sizeof text,
             "the node stopped %s: limits.memory of the node file, which is %lluMiB, is too small",
             host->doing, (unsigned long long)(host->setup.config->node.memory >> 20));
    qnk_host_stop(host, QNK_EXIT_CONFIG, text);
    return true;
}

void qnk_live_start(struct qnk_host *host)
{
    int32_t status;

    if (host->is_ending || host->next_step == sizeof steps / sizeof *steps) {
        return;
    }
    host->doing = steps[host->next_step].doing;
    host->refused = host->budget.refused;
    qnk_log(&host->log, QNK_LOG_DEBUG, "starting", "the node is %s", host->doing);
    status = steps[host->next_step].start(host);
    host->next_step++;
    if (status == QN_AGAIN) {
        return;
    }
    if (status != QN_OK && !host->is_ending && !qnk_live_is_short(host, status)) {
        char text[QNK_HOST_WHY];

        qnk_text(text, sizeof text, "the node stopped %s (status %d)", host->doing, status);
        qnk_host_stop(host, qnk_live_exit(status), text);
    }
    if (!host->is_ending && host->next_step < sizeof steps / sizeof *steps) {
        (void)uv_async_send(&host->ender);
    }
}
