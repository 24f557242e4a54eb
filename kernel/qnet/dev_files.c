/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* nftw */
#include "kernel/qnet/dev_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/host/datadir.h"
#include "kernel/host/keyfile.h"
#include "kernel/node/secret.h"

enum { PATH = 600, FILES_OPEN = 16, BALANCE_QNC = 1000000 };

static bool say(const char *what, const char *path)
{
    fprintf(stderr, "qnet: cannot %s '%s': %s\n", what, path, strerror(errno));
    return false;
}

static bool folder_make(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST || say("make", path);
}

/* Makes every folder of a path. */
static bool folders_make(const char *path)
{
    char part[PATH];

    for (size_t i = 1; path[i] != 0; i++) {
        if (path[i] == '/') {
            snprintf(part, sizeof part, "%.*s", (int)i, path);
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return say("make", part);
            }
        }
    }
    return folder_make(path);
}

static int one_remove(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

/* Removes what a dev network put there, and nothing else. */
static bool folder_empty(const struct qnk_dev *dev)
{
    static const char *const parts[] = {"network.yaml", "keys", "run"};
    char path[PATH];

    for (uint32_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dev->folder, parts[i]);
        if (nftw(path, one_remove, FILES_OPEN, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
            return say("remove", path);
        }
    }
    for (uint32_t i = 1; i <= QNK_DEV_NODES_MAX; i++) {
        for (const char *letter = "vfl"; *letter != 0; letter++) {
            snprintf(path, sizeof path, "%s/%c%u", dev->folder, *letter, i);
            if (nftw(path, one_remove, FILES_OPEN, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
                return say("remove", path);
            }
        }
    }
    return true;
}

static bool folder_lock(struct qnk_dev *dev)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH];

    snprintf(path, sizeof path, "%s/lock", dev->folder);
    dev->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dev->lock < 0) {
        return say("open", path);
    }
    if (fcntl(dev->lock, F_SETLK, &whole) != 0) {
        fprintf(stderr, "qnet: another 'qnet dev' uses %s\n  qnet dev --dir DIR\n", dev->folder);
        return false;
    }
    return true;
}

bool qnk_dev_open(struct qnk_dev *dev, const char *given, bool is_fresh)
{
    struct qnk_datadir usual;
    char absolute[4096];

    if (given == NULL) {
        if (qnk_datadir_find(&usual, "dev", "") != QN_OK) {
            fprintf(stderr, "qnet: no place for the dev network: %s\n", usual.why);
            return false;
        }
        snprintf(dev->folder, sizeof dev->folder, "%s", usual.data);
    } else {
        snprintf(dev->folder, sizeof dev->folder, "%s", given);
    }
    if (!folders_make(dev->folder)) {
        return false;
    }
    if (realpath(dev->folder, absolute) == NULL || strlen(absolute) >= 300) {
        return say("use", dev->folder);
    }
    memcpy(dev->folder, absolute, strlen(absolute) + 1);
    if (given != NULL) { /* its sockets are apart from those of the usual one */
        snprintf(dev->runtime, sizeof dev->runtime, "%.390s/run", dev->folder);
    }
    return folder_lock(dev) && (!is_fresh || folder_empty(dev));
}

/* --- keys --- */

/* Reads a key, or makes it if there is none. */
static bool key_have(const char *path, enum qnk_key_purpose purpose, const uint8_t *seed,
                     struct qnk_key *key)
{
    const struct qn_span no_words = {NULL, 0};
    char why[QNK_KEYFILE_WHY] = "";
    int32_t status;

    if (access(path, F_OK) == 0) {
        status = qnk_keyfile_read(path, purpose, no_words, key, why);
    } else {
        status = qnk_key_make(purpose, seed, key);
        if (status == QN_OK) {
            status = qnk_keyfile_create(path, key, no_words, why);
        }
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s\n", why);
    }
    return status == QN_OK;
}

static bool node_keys(struct qnk_dev_node *node, struct qnk_hash *validator, struct qnk_hash *tip)
{
    static struct qnk_secret secret;
    struct qnk_key key = {0};
    char path[PATH];
    bool is_done;

    snprintf(path, sizeof path, "%s/node.key", node->folder);
    is_done = key_have(path, QNK_KEY_NODE, NULL, &key);
    node->key = key.public;
    qnk_key_done(&key);
    if (!is_done || node->type != QNK_DEV_SUPER) {
        return is_done;
    }
    key = (struct qnk_key){0};
    snprintf(path, sizeof path, "%s/validator.key", node->folder);
    is_done = key_have(path, QNK_KEY_VALIDATOR, NULL, &key);
    if (is_done && tip != NULL) {
        qnk_secret_init(&secret, key.seed);
        qnk_secret_tip(&secret, tip);
        qnk_secret_done(&secret);
        *validator = key.public;
    }
    qnk_key_done(&key);
    return is_done;
}

static bool seed_have(struct qnk_dev *dev)
{
    char path[PATH];
    FILE *file;
    bool is_done;

    snprintf(path, sizeof path, "%s/keys", dev->folder);
    if (!folder_make(path)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/keys/seed", dev->folder);
    file = fopen(path, "rb");
    if (file != NULL) {
        is_done = fread(dev->seed, sizeof dev->seed, 1, file) == 1;
        (void)fclose(file);
        return is_done || say("read", path);
    }
    randombytes_buf(dev->seed, sizeof dev->seed);
    file = fopen(path, "wbx");
    is_done = file != NULL && fchmod(fileno(file), 0600) == 0 &&
              fwrite(dev->seed, sizeof dev->seed, 1, file) == 1;
    is_done = file != NULL && fclose(file) == 0 && is_done;
    return is_done || say("write", path);
}

void qnk_dev_account(const struct qnk_dev *dev, uint32_t index, uint8_t seed[32])
{
    uint8_t number[4];
    struct qnk_hash hash;

    qn_le32_write(number, index);

    const struct qn_span parts[] = {{dev->seed, sizeof dev->seed}, {number, sizeof number}};

    qnk_hash_parts("qnet dev account", parts, 2, &hash);
    memcpy(seed, hash.bytes, sizeof hash.bytes);
}

static void account_public(const struct qnk_dev *dev, uint32_t index, uint8_t public[32])
{
    uint8_t seed[32], secret[crypto_sign_SECRETKEYBYTES];

    qnk_dev_account(dev, index, seed);
    (void)crypto_sign_seed_keypair(public, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

static bool accounts_have(struct qnk_dev *dev)
{
    if (!seed_have(dev)) {
        return false;
    }
    for (uint32_t i = 0; i < QNK_DEV_KEYS; i++) {
        struct qnk_key key = {0};
        uint8_t seed[32];
        char path[PATH];
        bool is_done;

        qnk_dev_account(dev, i, seed);
        snprintf(path, sizeof path, "%s/keys/%u.key", dev->folder, i);
        is_done = key_have(path, QNK_KEY_ACCOUNT, seed, &key);
        qnk_key_done(&key);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

/* --- the network file --- */

static void balances_put(FILE *out, const struct qnk_dev *dev)
{
    fprintf(out, "  balances:\n");
    for (uint32_t i = 0; i < QNK_DEV_ACCOUNTS; i++) {
        char text[QNK_BECH32M_KEY_SIZE];
        uint8_t public[32];

        account_public(dev, i, public);
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, public, text);
        fprintf(out, "    - {account: %s, amount: \"%d\"}\n", text, BALANCE_QNC);
    }
}

static void plugin_put(FILE *out, const struct qnk_dev_plugin *plugins, const char *kind,
                       const char *rest)
{
    char line[QNK_DEV_LINE];

    qnk_dev_plugin_line(qnk_dev_plugin_of(plugins, kind), rest, line);
    (void)fputs(line, out);
}

static void dev_rules_put(FILE *out, const struct qnk_dev *dev)
{
    fprintf(out,
            "version: qnet.network/v1\n"
            "name: dev\n"
            "window: %u\n"
            "interval: {min: 250ms, max: 2s}\n"
            "limits: {block_bytes: 16MiB, block_txs: 5000}\n",
            dev->window);
    plugin_put(out, dev->plugins, "producer", "");
    plugin_put(out, dev->plugins, "consensus", "");
    plugin_put(out, dev->plugins, "ledger", "");
    fprintf(out, "signature_rule: ed25519-strict-cofactored\n"
                 "settle: {blocks: 1, time: 1s}\n"
                 "swap: {notice: 5, probation: 5, ready: 67, dead: 20s, dead_later: 5s}\n");
}

/* All but the validators' lines. */
static void rules_put(FILE *out, const struct qnk_dev *dev)
{
    char now[32];
    time_t seconds = time(NULL);
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    (void)strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (dev->rules == NULL) {
        dev_rules_put(out, dev);
    } else {
        (void)fputs(dev->rules, out);
    }
    fprintf(out, "genesis:\n  time: %s\n  validators:\n", now);
}

static bool network_make(struct qnk_dev *dev, const char *path)
{
    char part[PATH + 8];
    FILE *out;
    bool is_done = true;

    snprintf(part, sizeof part, "%s.part", path);
    out = fopen(part, "w");
    if (out == NULL) {
        return say("make", part);
    }
    rules_put(out, dev);
    for (uint32_t i = 0; i < dev->count && is_done; i++) {
        char key[QNK_BECH32M_KEY_SIZE], tip_text[QNK_HEX_SIZE(QN_HASH_SIZE)];
        struct qnk_hash validator, tip;

        if (dev->nodes[i].type == QNK_DEV_SUPER) {
            is_done = node_keys(&dev->nodes[i], &validator, &tip);
            qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, validator.bytes, key);
            qnk_hex_encode(tip.bytes, QN_HASH_SIZE, tip_text);
            fprintf(out, "    - {key: %s, weight: 1, name: %s, tip: %s}\n", key, dev->nodes[i].name,
                    tip_text);
        }
    }
    balances_put(out, dev);
    is_done = fclose(out) == 0 && is_done;
    return is_done ? rename(part, path) == 0 || say("write", path) : say("write", part);
}

/* --- the node files --- */

static void peers_put(FILE *out, const struct qnk_dev *dev, const struct qnk_dev_node *own)
{
    fprintf(out, "peers:\n");
    for (uint32_t i = 0; i < dev->count; i++) {
        char text[QNK_BECH32M_KEY_SIZE];

        if (&dev->nodes[i] != own) {
            qnk_bech32m_encode(QNK_PREFIX_NODE, dev->nodes[i].key.bytes, text);
            fprintf(out, "  - \"%s@ipc://%s/link\"\n", text, dev->nodes[i].runtime);
        }
    }
    if (dev->count == 1) {
        fprintf(out, "  []\n");
    }
}

static bool node_file_make(const struct qnk_dev *dev, const struct qnk_dev_node *node)
{
    static const char *const types[] = {"super", "full", "light"};
    const struct qnk_dev_plugin *plugins = node->plugins == NULL ? dev->plugins : node->plugins;
    char path[PATH], listen[PATH];
    FILE *out;

    snprintf(path, sizeof path, "%s/node.yaml", node->folder);
    out = fopen(path, "w");
    if (out == NULL) {
        return say("make", path);
    }
    fprintf(out,
            "# written by qnet dev at every start\n"
            "version: qnet.node/v1\nnetwork: ../network.yaml\nname: %s\ntype: %s\ndata: data\n"
            "keys: {node: node.key%s}\n",
            node->name, types[node->type],
            node->type == QNK_DEV_SUPER ? ", validator: validator.key" : "");
    peers_put(out, dev, node);
    snprintf(listen, sizeof listen, ", listen: \"ipc://%s/link\"", node->runtime);
    plugin_put(out, plugins, "transport", listen);
    plugin_put(out, plugins, "storage", "");
    plugin_put(out, plugins, "compression", "");
    plugin_put(out, plugins, "signature", "");
    fprintf(out, "trust: {policy: \"off\"}\nguard: %s%s%s\nresend: 300ms\nindex: {txs: true}\n",
            strcmp(dev->guard, "off") == 0 ? "\"" : "", dev->guard,
            strcmp(dev->guard, "off") == 0 ? "\"" : "");
    if (dev->has_input_log) {
        fprintf(out, "input_log: on\ninput_log_size: 1GiB\n");
    }
    if (dev->more != NULL) {
        (void)fputs(dev->more, out);
    }
    return fclose(out) == 0 || say("write", path);
}

/* --- the whole --- */

bool qnk_dev_add(struct qnk_dev *dev, enum qnk_dev_type type, const char *name)
{
    struct qnk_dev_node *node = &dev->nodes[dev->count++];
    struct qnk_datadir dir;
    char path[PATH];

    *node = (struct qnk_dev_node){.type = type};
    snprintf(node->name, sizeof node->name, "%s", name);
    snprintf(path, sizeof path, "%s/%s", dev->folder, node->name);
    memcpy(node->folder, path, sizeof node->folder);
    if (dev->runtime[0] != 0) {
        snprintf(path, sizeof path, "%s/qnet/%s", dev->runtime, node->name);
        memcpy(node->runtime, path, sizeof node->runtime);
    } else if (qnk_datadir_find(&dir, node->name, "") == QN_OK) {
        snprintf(node->runtime, sizeof node->runtime, "%.399s", dir.runtime);
    }
    if (strlen(node->runtime) > 90) {
        fprintf(stderr, "qnet: '%s' is too long for a socket's path\n  qnet dev --dir DIR\n",
                node->runtime);
        return false;
    }
    return folder_make(node->folder) && folders_make(node->runtime);
}

static bool nodes_add(struct qnk_dev *dev, enum qnk_dev_type type, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        char name[16];

        snprintf(name, sizeof name, "%c%u", "vfl"[type], i);
        if (!qnk_dev_add(dev, type, name)) {
            return false;
        }
    }
    return true;
}

/* A chain that was begun has the validators that it began with. */
static bool is_same_chain(const struct qnk_dev *dev, uint32_t supers)
{
    char last[PATH], next[PATH];

    snprintf(last, sizeof last, "%s/v%u/validator.key", dev->folder, supers);
    snprintf(next, sizeof next, "%s/v%u/validator.key", dev->folder, supers + 1);
    if (access(last, F_OK) == 0 && access(next, F_OK) != 0) {
        return true;
    }
    fprintf(stderr, "qnet: the chain in %s has another number of validators\n  qnet dev --reset\n",
            dev->folder);
    return false;
}

static bool files_make(struct qnk_dev *dev)
{
    for (uint32_t i = 0; i < dev->count; i++) {
        if (!node_keys(&dev->nodes[i], NULL, NULL)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < dev->count; i++) {
        if (!node_file_make(dev, &dev->nodes[i])) {
            return false;
        }
    }
    return true;
}

bool qnk_dev_make(struct qnk_dev *dev)
{
    char path[PATH];

    snprintf(path, sizeof path, "%s/network.yaml", dev->folder);
    return accounts_have(dev) && network_make(dev, path) && files_make(dev);
}

bool qnk_dev_prepare(struct qnk_dev *dev, uint32_t supers, uint32_t fulls, uint32_t lights)
{
    char path[PATH];

    if (!nodes_add(dev, QNK_DEV_SUPER, supers) || !nodes_add(dev, QNK_DEV_FULL, fulls) ||
        !nodes_add(dev, QNK_DEV_LIGHT, lights) || !accounts_have(dev)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/network.yaml", dev->folder);
    if (access(path, F_OK) != 0
            ? !network_make(dev, path)
            : !is_same_chain(dev, supers) || !qnk_dev_plugins_match(dev->plugins, path)) {
        return false;
    }
    return files_make(dev);
}
