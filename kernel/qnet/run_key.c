/* SPDX-License-Identifier: MIT */

/* run_key.c: keys and the folder of a new node. */

#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/host/keyfile.h"
#include "kernel/node/secret.h"
#include "kernel/qnet/example.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { PATH = 1024 };

static enum qnk_key_purpose purpose_of(const char *name)
{
    for (uint32_t i = 0; i < QNK_KEY_PURPOSES; i++) {
        if (strcmp(qnk_key_purpose_name((enum qnk_key_purpose)i), name) == 0) {
            return (enum qnk_key_purpose)i;
        }
    }
    return QNK_KEY_ACCOUNT;
}

/* What others may know of a key. */
static void key_print(const struct qnk_key *key, bool is_json)
{
    char text[QNK_BECH32M_KEY_SIZE], tip_text[QNK_HEX_SIZE(QN_HASH_SIZE)] = "";
    bool is_validator = key->purpose == QNK_KEY_VALIDATOR;

    qnk_bech32m_encode(qnk_key_prefix(key->purpose), key->public.bytes, text);
    if (is_validator) {
        static struct qnk_secret secret;
        struct qnk_hash tip;

        qnk_secret_init(&secret, key->seed);
        qnk_secret_tip(&secret, &tip);
        qnk_secret_done(&secret);
        qnk_hex_encode(tip.bytes, QN_HASH_SIZE, tip_text);
    }
    if (is_json) {
        json_t *it = json_pack("{s:s, s:s, s:s?}", "purpose", qnk_key_purpose_name(key->purpose),
                               "public", text, "tip", is_validator ? tip_text : NULL);

        qnk_json_print(it);
        json_decref(it);
    } else if (is_validator) { /* as it stands in a network file */
        printf("{key: %s, weight: 1, tip: %s}\n", text, tip_text);
    } else {
        printf("%s\n", text);
    }
}

static int key_make(const char *path, enum qnk_key_purpose purpose, struct qnk_key *key)
{
    char why[QNK_KEYFILE_WHY] = "";
    int32_t status = qnk_key_make(purpose, NULL, key);

    if (status == QN_OK) {
        status = qnk_keyfile_create(path, key, (struct qn_span){NULL, 0}, why);
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s\n", *why != 0 ? why : "no guarded memory for a key");
        qnk_key_done(key);
        *key = (struct qnk_key){0};
        return QNK_CLI_FAILED;
    }
    return QNK_CLI_OK;
}

int qnk_run_key_new(struct qnk_call *call)
{
    struct qnk_key key = {0};
    int status;

    if (sodium_init() < 0) {
        return QNK_CLI_FAILED;
    }
    status = key_make(call->operands[0], purpose_of(qnk_call_text(call, "purpose")), &key);
    if (status == QNK_CLI_OK) {
        key_print(&key, call->json);
    }
    qnk_key_done(&key);
    return status;
}

int qnk_run_key_show(struct qnk_call *call)
{
    struct qnk_key key = {0};
    char why[QNK_KEYFILE_WHY] = "";

    if (sodium_init() < 0) {
        return QNK_CLI_FAILED;
    }
    for (uint32_t i = 0; i < QNK_KEY_PURPOSES; i++) {
        if (qnk_keyfile_read(call->operands[0], (enum qnk_key_purpose)i, (struct qn_span){NULL, 0},
                             &key, why) == QN_OK) {
            key_print(&key, call->json);
            qnk_key_done(&key);
            return QNK_CLI_OK;
        }
    }
    fprintf(stderr, "qnet: %s\n", why);
    return QNK_CLI_FAILED;
}

/* --- init --- */

static int file_put(const char *path, const char *type, const char *network, const char *name)
{
    FILE *out = fopen(path, "wx");

    if (out == NULL) {
        fprintf(stderr, "qnet: cannot make '%s': %s\n", path, strerror(errno));
        return QNK_CLI_FAILED;
    }
    qnk_example_put(out, type, network, name);
    if (fclose(out) != 0) {
        fprintf(stderr, "qnet: cannot write '%s': %s\n", path, strerror(errno));
        return QNK_CLI_FAILED;
    }
    return QNK_CLI_OK;
}

static int key_put(const char *folder, const char *file, enum qnk_key_purpose purpose,
                   const struct qnk_call *call)
{
    struct qnk_key key = {0};
    char path[PATH];
    int status;

    snprintf(path, sizeof path, "%.900s/%s", folder, file);
    status = key_make(path, purpose, &key);
    if (status == QNK_CLI_OK && !call->json) {
        printf("%-24s ", path);
        key_print(&key, false);
    }
    qnk_key_done(&key);
    return status;
}

int qnk_run_init(struct qnk_call *call)
{
    const char *folder = call->operands_count > 0 ? call->operands[0] : ".";
    const char *given = qnk_call_text(call, "network");
    const char *type = qnk_call_text(call, "type");
    char path[PATH], network[PATH_MAX];
    int status;

    if (sodium_init() < 0) {
        return QNK_CLI_FAILED;
    }
    if (given == NULL) {
        fprintf(stderr, "qnet: init wants --network FILE\n  qnet init -h\n");
        return QNK_CLI_USAGE;
    }
    if (realpath(given, network) == NULL) {
        fprintf(stderr, "qnet: no network file '%s': %s\n", given, strerror(errno));
        return QNK_CLI_FAILED;
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "qnet: cannot make '%s': %s\n", folder, strerror(errno));
        return QNK_CLI_FAILED;
    }
    snprintf(path, sizeof path, "%.900s/node.yaml", folder);
    status = file_put(path, type, network, qnk_call_text(call, "name"));
    if (status == QNK_CLI_OK) {
        status = key_put(folder, "node.key", QNK_KEY_NODE, call);
    }
    if (status == QNK_CLI_OK && strcmp(type, "super") == 0) {
        status = key_put(folder, "validator.key", QNK_KEY_VALIDATOR, call);
    }
    if (status == QNK_CLI_OK && call->json) {
        json_t *it = json_pack("{s:s}", "config", path);

        qnk_json_print(it);
        json_decref(it);
    } else if (status == QNK_CLI_OK) {
        printf("%s\nnext: qnet config check %s && qnet run -c %s\n", path, path, path);
    }
    return status;
}
