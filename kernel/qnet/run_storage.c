/* SPDX-License-Identifier: MIT */

/* run_storage.c: what a node stored: its sizes, asked of the node, and all of it, read without. */

#include <string.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/config/config.h"
#include "kernel/host/datadir.h"
#include "kernel/node/genesis.h"
#include "kernel/qnet/audit.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { WHY = 512, PATH = QNK_DATADIR_PATH + 16 };

/* What was opened; closed by checking_close(), whatever of it there is. */
struct checking {
    struct qnk_config config;
    struct qnk_datadir dir;
    char folder[PATH]; /* of the storage */
    struct qnk_instance *storage, *ledger;
    struct qnk_store store;
    struct qnk_verifier verifier;
    json_t *damages;
    bool is_json;
};

static struct checking *shown; /* whose damages are being told */

static void damaged(const char *words)
{
    json_array_append_new(shown->damages, json_string(words));
    if (!shown->is_json) {
        printf("DAMAGED: %s\n", words);
    }
}

/* --- opening --- */

static bool files_open(struct checking *it, const char *path)
{
    struct qnk_loader *loader = qnk_place_loader();
    const struct qnk_config_options options = {
        .budget = &qnk_client_budget,
        .plugins = loader == NULL ? NULL : qnk_loader_config(loader),
    };

    if (loader == NULL || qnk_config_init(&it->config, &options) != QN_OK) {
        return false;
    }
    if (qnk_config_open_node(&it->config, path) != QN_OK) {
        fprintf(stderr, "qnet: '%s' cannot be used\n  qnet config check %s\n", path, path);
        return false;
    }
    return qnk_verifier_init(&it->verifier, NULL, path);
}

/* The node's folder, locked: a running node writes while we read. */
static bool folder_open(struct checking *it)
{
    const struct qnk_node_file *node = &it->config.node;
    int32_t status = qnk_datadir_find(&it->dir, node->name, node->data);

    if (status == QN_OK) {
        (void)snprintf(it->folder, sizeof it->folder, "%s/storage", it->dir.data);
        if (access(it->folder, F_OK) != 0) {
            fprintf(stderr, "qnet: '%s' is not there: the node never ran\n", it->folder);
            return false;
        }
        status = qnk_datadir_open(&it->dir);
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s%s\n", it->dir.why, status == QN_BUSY ? "\n  qnet node stop" : "");
        return false;
    }
    (void)snprintf(it->folder, sizeof it->folder, "%s/storage", it->dir.data);
    return true;
}

/* An instance of a plugin that the files name; what cannot be opened is said in `why`. */
static int32_t instance_open(const struct qnk_config_plugin *used, const char *folder,
                             struct qnk_instance **instance, char why[QNK_PLUGIN_WHY_MAX])
{
    static struct qnk_budget shared_budget = {.limit = 1 << 20};
    static struct qnk_shared *shared;
    struct qnk_instance_options options = {.guard = QNK_GUARD_OFF, .hooks = {.folder = folder}};
    struct qnk_plugin *plugin;
    int32_t status = qnk_loader_find_used(qnk_place_loader(), used, &plugin, why);

    if (shared == NULL) {
        shared = qnk_shared_create(&shared_budget);
    }
    options.hooks.shared = shared;
    if (status == QN_OK) {
        status = qnk_instance_create(plugin, used->part.record, &options, instance, why);
    }
    if (status == QN_OK) {
        status = qnk_instance_activate(*instance);
        if (status != QN_OK) {
            qnk_instance_words(*instance, why, QNK_PLUGIN_WHY_MAX);
        }
    }
    return status;
}

static int32_t store_open(struct checking *it, char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_config *config = &it->config;
    int32_t status = instance_open(config->network.ledger, NULL, &it->ledger, why);

    if (status == QN_OK) {
        status = instance_open(config->node.storage, it->folder, &it->storage, why);
    }
    if (status == QN_OK) {
        status = qnk_store_open(&it->store, &qnk_client_budget, qnk_instance_plugged(it->storage),
                                config->node.index_txs);
        if (status != QN_OK) {
            qnk_instance_words(it->storage, why, QNK_PLUGIN_WHY_MAX);
        }
    }
    return status;
}

static void checking_close(struct checking *it)
{
    if (it->storage != NULL) {
        qnk_instance_destroy(it->storage);
    }
    if (it->ledger != NULL) {
        qnk_instance_destroy(it->ledger);
    }
    qnk_datadir_close(&it->dir);
    qnk_verifier_done(&it->verifier);
    qnk_config_done(&it->config);
    json_decref(it->damages);
}

/* Whether the folder is of the network that the file names, as far as it says. */
static bool is_ours(struct checking *it)
{
    struct qnk_store_owner owner;
    struct qnk_hash ours;
    char text[2][QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_genesis_chain_id(&it->config.network, &ours);
    if (qnk_store_owner(&it->store, 0, &owner) != QN_OK || owner.is_empty || !owner.is_known ||
        qnk_hash_equal(&owner.chain_id, &ours)) {
        return true; /* the audit says what is damaged */
    }
    qnk_hex_encode(owner.chain_id.bytes, QN_HASH_SIZE, text[0]);
    qnk_hex_encode(ours.bytes, QN_HASH_SIZE, text[1]);
    fprintf(stderr, "qnet: '%s' is of network %.16s, the network file is of %.16s\n", it->folder,
            text[0], text[1]);
    return false;
}

/* --- showing --- */

static void checked_show(const struct checking *it, const struct qnk_audit *audit)
{
    if (it->is_json) {
        json_t *answer = json_pack(
            "{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "good",
            audit->damages == 0, "folder", it->folder, "window", (json_int_t)audit->window,
            "macroblocks", (json_int_t)audit->macros, "headers", (json_int_t)audit->blocks,
            "bodies", (json_int_t)audit->bodies, "txs", (json_int_t)audit->txs, "pages",
            (json_int_t)audit->pages, "guard_records", (json_int_t)audit->guards, "damages_count",
            (json_int_t)audit->damages, "mendable_count", (json_int_t)audit->mendable, "damages",
            it->damages);

        qnk_json_print(answer);
        json_decref(answer);
        return;
    }
    printf("%s\n  macroblocks   %s of %s\n  headers       %s\n  bodies        %s, %s transactions\n"
           "  pages         %s\n  sign records  %s\n  mempool       %s transactions\n",
           it->folder, qnk_grouped(audit->macros), qnk_grouped(audit->window),
           qnk_grouped(audit->blocks), qnk_grouped(audit->bodies), qnk_grouped(audit->txs),
           qnk_grouped(audit->pages), qnk_grouped(audit->guards), qnk_grouped(audit->waiting));
    if (audit->damages == 0) {
        printf("all of it is good\n");
    } else if (audit->damages == audit->mendable) {
        printf("%s damages, all in the log of blocks: start the node, it fetches them from its "
               "peers\n",
               qnk_grouped(audit->damages));
    } else {
        printf("%s damages: keep a copy of the folder, then start with an empty one: the node "
               "fetches the chain from its peers\n",
               qnk_grouped(audit->damages));
    }
}

static int check(struct checking *it)
{
    char why[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = store_open(it, why);
    struct qnk_audit audit = {
        .store = &it->store,
        .verifier = &it->verifier,
        .has_index = it->config.node.index_txs,
        .genesis = it->config.network.ledger_genesis,
        .damaged = damaged,
    };

    if (status == QN_OK && !is_ours(it)) {
        return QNK_CLI_FAILED;
    }
    if (status == QN_OK) {
        audit.ledger = qnk_instance_plugged(it->ledger);
        status = qnk_audit_run(&audit);
    } else if (status == QN_CORRUPT) {
        damaged(why);
        audit.damages++;
        status = QN_OK;
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: '%s' cannot be read (status %d) %s%s\n", it->folder, status, why,
                it->store.why);
        return QNK_CLI_FAILED;
    }
    checked_show(it, &audit);
    return audit.damages == 0 ? QNK_CLI_OK : QNK_CLI_FAILED;
}

int qnk_run_storage_check(struct qnk_call *call)
{
    static struct checking it;
    int status = QNK_CLI_FAILED;

    it.dir.lock = -1;
    it.damages = json_array();
    it.is_json = call->json;
    shown = &it;
    if (files_open(&it, qnk_call_text(call, "config")) && folder_open(&it)) {
        status = check(&it);
    }
    checking_close(&it);
    return status;
}
