/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/verify.h"

#include <stdio.h>
#include <string.h>

#include <qnet/signature.h>

#include "kernel/base/hex.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/tags.h"
#include "kernel/config/config.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/show.h"

enum { ARENA = 1 << 20, HEX_MAX = 1 << 20 };

/* --- the network --- */

static bool set_take(struct qnk_verifier *it, const struct qnk_network *network)
{
    struct qnk_set_member members[QNK_NETWORK_VALIDATORS_MAX];

    for (uint32_t i = 0; i < network->validators_count; i++) {
        members[i].key = network->validators[i].key;
        members[i].weight = network->validators[i].weight;
    }
    if (qnk_set_new(&qnk_client_budget, members, network->validators_count, &it->set) != QN_OK) {
        fprintf(stderr, "qnet: the network file's validators are no set\n");
        return false;
    }
    qnk_hash_tagged(QNK_TAG_NETWORK, network->canonical.data, network->canonical.size,
                    &it->chain_id);
    it->window = network->window;
    return true;
}

/* An instance of the first installed plugin that has the rule. It lasts as long as the process. */
static bool signature_open(struct qnk_verifier *it, struct qnk_loader *loader, const char *rule)
{
    const struct qnk_instance_options options = {.guard = QNK_GUARD_OFF};
    char why[QNK_PLUGIN_WHY_MAX] = "";
    const char *name;

    for (uint32_t i = 0; (name = qnk_loader_name_at(loader, "signature", i)) != NULL; i++) {
        struct qnk_instance *instance;
        struct qnk_plugin *plugin;
        struct qnk_arena arena;
        struct qn_span record;
        void *block;

        if (qnk_loader_find(loader, "signature", name, "", &plugin, why) != QN_OK ||
            !qnk_manifest_has_rule(&plugin->manifest, rule)) {
            continue;
        }
        block = qnk_memory_take(&qnk_client_budget, ARENA);
        if (block == NULL) {
            return false;
        }
        qnk_arena_init(&arena, block, ARENA);
        if (qnk_manifest_default(&plugin->manifest, &arena, &record, why) == QN_OK &&
            qnk_instance_create(plugin, record, &options, &instance, why) == QN_OK &&
            qnk_instance_activate(instance) == QN_OK) {
            it->signature = qnk_instance_plugged(instance);
            return true;
        }
    }
    fprintf(stderr, "qnet: no installed signature plugin has the rule '%s' %s\n", rule, why);
    return false;
}

bool qnk_verifier_init(struct qnk_verifier *it, const char *path, const char *node_path)
{
    static struct qnk_config config;
    struct qnk_loader *loader = qnk_place_loader();
    const struct qnk_config_options options = {
        .budget = &qnk_client_budget,
        .plugins = loader == NULL ? NULL : qnk_loader_config(loader),
    };
    bool is_done = false;

    *it = (struct qnk_verifier){.window = 0};
    if (loader == NULL || qnk_config_init(&config, &options) != QN_OK) {
        return false;
    }
    if ((path != NULL ? qnk_config_open_network(&config, path)
                      : qnk_config_open_node(&config, node_path)) != QN_OK) {
        fprintf(stderr, "qnet: '%s' cannot be used\n  qnet %s check %s\n",
                path != NULL ? path : node_path, path != NULL ? "network" : "config",
                path != NULL ? path : node_path);
    } else {
        is_done = set_take(it, &config.network) &&
                  signature_open(it, loader, config.network.signature_rule);
    }
    qnk_config_done(&config);
    return is_done;
}

void qnk_verifier_done(struct qnk_verifier *it)
{
    qnk_set_unref(it->set);
    it->set = NULL;
}

/* --- macroblocks --- */

static bool is_signed(const struct qnk_verifier *it, const struct qnk_certificate *cert,
                      uint32_t member)
{
    const struct qn_signature_1 *slots = it->signature.table;
    uint8_t message[QNK_VOTE_MESSAGE_SIZE], bitmap = 0;
    struct qnk_vote vote;

    qnk_certificate_vote(cert, member, &vote);
    qnk_vote_message(&vote, &it->chain_id, message);

    const struct qn_signature_item item = {
        .key = it->set->members[member].key.bytes,
        .sig = vote.signature,
        .message = {message, sizeof message},
    };

    return slots->verify_batch(it->signature.inst, 0, &item, 1, &bitmap) == QN_OK && bitmap == 1;
}

/* The binding is taken as signed: a quorum includes honest members, which sign no other. */
static const char *certificate_check(const struct qnk_verifier *it,
                                     const struct qnk_certificate *cert,
                                     const struct qnk_macro *macro, const struct qnk_hash *digest)
{
    if (cert->lane != 0 || cert->step != QNK_STEP_FINAL || cert->window != macro->window ||
        !qnk_hash_equal(&cert->digest, digest)) {
        return "the certificate is for something else";
    }
    if (qnk_certificate_check(cert, it->set, &cert->binding) != QN_OK) {
        return "the certificate has no quorum of the validators";
    }
    for (uint32_t i = 0; i < cert->members; i++) {
        if (qnk_bit(cert->bitmap, i) && !is_signed(it, cert, i)) {
            return "a signature in the certificate is bad";
        }
    }
    return NULL;
}

static const char *link_check(const struct qnk_verifier *it, const struct qnk_macro *macro)
{
    if (macro->blocks_count != it->window || macro->height != macro->window * it->window) {
        return "it is not one of this network's windows";
    }
    if (!qnk_hash_equal(&macro->set, &it->set->hash) ||
        !qnk_hash_equal(&macro->next_set, &it->set->hash)) {
        return "it names another set of validators";
    }
    if (macro->window == 1 && !qnk_hash_equal(&macro->previous, &it->chain_id)) {
        return "it does not begin at this network's genesis";
    }
    if (it->has_last && macro->window != it->last.window + 1) {
        return "it does not follow the one before";
    }
    if (it->has_last && !qnk_hash_equal(&macro->previous, &it->last_digest)) {
        return "it does not link to the one before";
    }
    return it->has_last && macro->tx_total < it->last.tx_total ? "its transactions got fewer"
                                                               : NULL;
}

const char *qnk_verify_macro(struct qnk_verifier *it, struct qn_span header,
                             struct qn_span certificate)
{
    struct qnk_certificate cert;
    struct qnk_macro macro;
    struct qnk_hash digest;
    const char *why;

    if (qnk_macro_decode(header, &macro) != QN_OK) {
        return "the header is none";
    }
    if (qnk_certificate_decode(certificate, &cert) != QN_OK) {
        return "the certificate is none";
    }
    qnk_macro_digest(&macro, &digest);
    why = link_check(it, &macro);
    why = why != NULL ? why : certificate_check(it, &cert, &macro, &digest);
    if (why == NULL) {
        it->has_last = true;
        it->last = macro;
        it->last_digest = digest;
    }
    return why;
}

/* --- proofs --- */

/* The bytes of a hex member, in `room`. Empty: there are none, or too many. */
static struct qn_span bytes_of(const json_t *proof, const char *name, uint8_t *room, uint64_t cap)
{
    const char *text = qnk_string(proof, name);
    size_t digits = strlen(text);

    if (digits == 0 || digits % 2 != 0 || digits / 2 > cap ||
        qnk_hex_decode(text, digits / 2, room) != QN_OK) {
        return (struct qn_span){NULL, 0};
    }
    return (struct qn_span){room, digits / 2};
}

static bool path_of(const json_t *proof, const char *name, struct qnk_merkle_path *path)
{
    const json_t *list = qnk_at(proof, name);
    size_t i;
    json_t *node;

    if (!json_is_array(list) || json_array_size(list) > QNK_MERKLE_PATH_MAX) {
        return false;
    }
    path->count = (uint32_t)json_array_size(list);
    json_array_foreach((json_t *)(uintptr_t)list, i, node)
    {
        const char *text = json_string_value(node);

        if (text == NULL || qnk_hex_decode(text, QN_HASH_SIZE, path->nodes[i].bytes) != QN_OK) {
            return false;
        }
    }
    return true;
}

static uint32_t count_of(const json_t *proof, const char *name)
{
    uint64_t number = qnk_number(proof, name);

    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* From the transaction up to its block's header. */
static const char *tx_check(const json_t *proof, const struct qnk_micro *micro,
                            struct qnk_proven *proven)
{
    uint8_t bytes[QNK_TX_SIZE_MAX];
    struct qn_span tx_bytes = bytes_of(proof, "tx", bytes, sizeof bytes);
    struct qnk_merkle_path path;
    struct qnk_tx tx;

    if (qnk_tx_decode(tx_bytes, &tx) != QN_OK || !path_of(proof, "tx_path", &path)) {
        return "there is no transaction in it";
    }
    qnk_tx_id(&tx, &proven->id);
    proven->is_transfer =
        tx.kind == QNK_TX_TRANSFER && qnk_transfer_decode(tx.payload, &proven->transfer) == QN_OK;
    memcpy(proven->from.bytes, tx.from, QN_KEY_SIZE);
    if (count_of(proof, "txs") != micro->tx_count ||
        !qnk_merkle_check(&proven->id, count_of(proof, "index"), micro->tx_count, &path,
                          &micro->tx_root)) {
        return "the transaction is not in that block";
    }
    return NULL;
}

/* People read it in the document. */
static bool is_named(const json_t *proof, const struct qnk_hash *id)
{
    struct qnk_hash named;
    struct qn_span bytes = bytes_of(proof, "id", named.bytes, QN_HASH_SIZE);

    return bytes.size == QN_HASH_SIZE && qnk_hash_equal(&named, id);
}

const char *qnk_verify_proof(struct qnk_verifier *it, const json_t *proof,
                             struct qnk_proven *proven)
{
    static uint8_t certificate[HEX_MAX];
    struct qnk_macro *macro = &proven->macro;
    uint8_t micro_bytes[QNK_MICRO_SIZE], macro_bytes[QNK_MACRO_SIZE];
    struct qn_span header = bytes_of(proof, "macro", macro_bytes, sizeof macro_bytes);
    struct qnk_merkle_path path;
    struct qnk_micro micro;
    struct qnk_hash id, leaf;
    const char *why;

    if (strcmp(qnk_string(proof, "format"), "qnet.proof/1") != 0) {
        return "it is no proof of the form qnet.proof/1";
    }
    if (qnk_micro_decode(bytes_of(proof, "micro", micro_bytes, sizeof micro_bytes), &micro) !=
            QN_OK ||
        qnk_macro_decode(header, macro) != QN_OK || !path_of(proof, "block_path", &path)) {
        return "it lacks a header or a path";
    }
    why = tx_check(proof, &micro, proven);
    if (why != NULL) {
        return why;
    }
    qnk_micro_id(&micro, &id);
    qnk_hash_leaf(id.bytes, QN_HASH_SIZE, &leaf);
    if (macro->blocks_count != it->window ||
        !qnk_merkle_check(&leaf, count_of(proof, "place"), macro->blocks_count, &path,
                          &macro->blocks)) {
        return "the block is not in that macroblock";
    }
    if (!is_named(proof, &proven->id)) {
        return "the transaction in it is another one than it names";
    }
    return qnk_verify_macro(it, header,
                            bytes_of(proof, "certificate", certificate, sizeof certificate));
}
