/* SPDX-License-Identifier: MIT */

/* trust.c: a trust file and a plugin's signature, apart by a zero byte. A signature that begins
 * with `=` is made here, by the right key, with the rest as its trusted comment. Whatever they are,
 * only what the right key signed is good, and of that only what speaks of this plugin; and all
 * memory comes back. */

#include <sodium.h>
#include <stdio.h>

#include "kernel/base/hex.h"
#include "kernel/plugin/trust.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"

static struct qnk_budget budget = {.limit = 1 << 24};
static const char plugin[] = "bytes of a plugin";

/* The same pair in every run. */
static void pair_make(struct qnk_minisign_secret *secret, struct qnk_minisign_key *key)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {7};

    (void)crypto_sign_seed_keypair(key->key, secret->secret, seed);
    memset(key->id, 5, sizeof key->id);
    memset(secret->id, 5, sizeof secret->id);
}

static struct qnk_trust_ask ask_make(struct qnk_hash *hash)
{
    struct qn_span file = {(const uint8_t *)plugin, sizeof plugin};

    qnk_hash_tagged("", file.data, file.size, hash);
    return (struct qnk_trust_ask){
        .file = file, .hash = hash, .kind = "ledger", .name = "mine", .now_ms = 1};
}

/* The signature of the input; empty: what it wants signed is no comment. */
static struct qn_span signature_of(const struct qnk_trust_ask *ask, struct qn_span bytes,
                                   char text[QNK_MINISIGN_FILE_MAX])
{
    char comment[QNK_MINISIGN_COMMENT_MAX + 2] = "";
    struct qnk_minisign_secret secret;
    struct qnk_minisign_key key;

    if (bytes.size == 0 || bytes.data[0] != '=') {
        return bytes;
    }
    memcpy(comment, bytes.data + 1,
           bytes.size < sizeof comment ? bytes.size - 1 : sizeof comment - 1);
    pair_make(&secret, &key);
    return (struct qn_span){(const uint8_t *)text,
                            qnk_minisign_make(&secret, ask->file, "", comment, text)};
}

static void check(const struct qnk_trust *trust, const struct qnk_trust_ask *ask)
{
    char why[QNK_PLUGIN_WHY_MAX] = "", text[QNK_PLUGIN_WHY_MAX], digits[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_trust_answer answer = {.signer = ""};
    struct qnk_minisign signature;
    int32_t status = qnk_trust_check(trust, ask, &answer, why);

    QN_ASSERT(status == QN_OK || status == QN_NOT_FOUND || status == QN_DENIED);
    QN_ASSERT(status == QN_OK ? answer.version[0] != 0 : why[0] != 0 && answer.version[0] == 0);
    if (status == QN_OK) {
        qnk_hex_encode(ask->hash->bytes, QN_HASH_SIZE, digits);
        (void)snprintf(text, sizeof text, "qnet-plugin:1 ledger mine %s %s", answer.version,
                       digits);
        QN_ASSERT(qnk_minisign_read(ask->signature, &signature, why) == QN_OK);
        QN_ASSERT(fuzz_is_same(signature.comment, text, strlen(text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t first = end != NULL ? (size_t)(end - data) : size;
    char why[QNK_PLUGIN_WHY_MAX] = "", text[QNK_MINISIGN_FILE_MAX];
    struct qnk_minisign signature;
    struct qnk_minisign_key key;
    struct qnk_hash hash;
    struct qnk_trust_ask ask = ask_make(&hash);
    struct qnk_trust *trust = NULL;
    int32_t status;

    fuzz_heap_reset();
    status = qnk_trust_read("trust.yaml", (struct qn_span){data, first}, &budget, &trust, why);
    QN_ASSERT((status == QN_OK) == (why[0] == 0));
    if (end != NULL) {
        ask.signature = signature_of(&ask, (struct qn_span){end + 1, size - first - 1}, text);
    }
    if (status == QN_OK) {
        check(trust, &ask);
        qnk_trust_destroy(trust);
    }
    QN_ASSERT(qnk_minisign_read(ask.signature, &signature, why) != QN_OK ||
              signature.comment.size <= QNK_MINISIGN_COMMENT_MAX);
    QN_ASSERT(qnk_minisign_key_read(ask.signature, &key, why) != QN_OK ||
              !qnk_minisign_is_locked(ask.signature));
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    char text[2 * QNK_MINISIGN_FILE_MAX], comment[QNK_MINISIGN_COMMENT_MAX];
    char base64[QNK_MINISIGN_KEY_TEXT];
    struct qnk_minisign_secret secret;
    struct qnk_minisign_key key;
    struct qnk_hash hash;
    struct qnk_trust_ask ask = ask_make(&hash);

    pair_make(&secret, &key);
    qnk_minisign_key_text(&key, base64);

    int size = snprintf(text, sizeof text,
                        "version: qnet.trust/v1\n"
                        "keys: [{key: %s, owner: A, kinds: [ledger], names: [mine], "
                        "until: 2100-01-01T00:00:00Z}]\n"
                        "least: [{kind: ledger, name: mine, version: \"1.0.0\"}]\n",
                        base64);

    qnk_trust_comment("ledger", "mine", "1.2.3", &hash, comment);
    text[size++] = 0;
    take((const uint8_t *)text,
         (size_t)size + qnk_minisign_make(&secret, ask.file, "", comment, text + size));
    size += snprintf(text + size, sizeof text - (size_t)size, "=%s", comment);
    take((const uint8_t *)text, (size_t)size);
}
