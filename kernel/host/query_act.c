/* SPDX-License-Identifier: MIT */

/* query_act.c: what changes something: transactions that come in, and the operator's acts. */

#include <stdlib.h>
#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/hex.h"
#include "kernel/chain/tx.h"
#include "kernel/host/peers.h"
#include "kernel/host/query_part.h"

/* As hex these bytes fill what a line of the admin socket may have. */
enum { SUBMIT_TXS_MAX = 4096, SUBMIT_BYTES_MAX = 512 << 10 };

static void done(struct qnk_question *question)
{
    question->answered(question, json_pack("{s:b}", "done", 1));
}

/* --- transactions --- */

static const char *code_words(uint32_t code)
{
    static const char *const names[QNK_TX_CODES] = {
        "accepted",
        "too early: send it again once earlier ones of the sender are in blocks",
        "its nonce was used already",
        "the sender cannot pay for it",
        "wrong: the ledger refuses it",
        "bad signature",
        "expired, or valid for too long",
        "here already: it waits, or is just being judged",
        "the mempool is full of better ones",
        "malformed",
        "the same nonce again needs a fee 10 % higher"};

    return code < QNK_TX_CODES ? names[code] : "unknown";
}

static void submitted(void *ctx, struct qn_span codes)
{
    struct qnk_question *question = ctx;
    json_t *list = json_array();

    if (codes.size == 0) {
        json_decref(list);
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL,
                   "the node cannot take it now: it is busy, or stops");
        return;
    }
    for (uint64_t at = 0; at + QN_HASH_SIZE < codes.size; at += QN_HASH_SIZE + 1) {
        struct qnk_hash id;
        uint32_t code = codes.data[at + QN_HASH_SIZE];

        memcpy(id.bytes, codes.data + at, QN_HASH_SIZE);
        json_array_append_new(list, json_pack("{s:o, s:i, s:b, s:s}", "id", qnk_json_hash(&id),
                                              "code", (int)code, "accepted",
                                              code == QNK_TX_OK || code == QNK_TX_KNOWN, "words",
                                              code_words(code)));
    }
    question->answered(question, json_pack("{s:o}", "txs", list));
}

/* The rows of all transactions after a u32 count; 0 bytes after a refusal. */
static uint64_t rows_size(struct qnk_question *question, const json_t *list)
{
    uint64_t size = 0;
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        size_t digits = json_is_string(item) ? json_string_length(item) : 0;

        if (digits < 2 * QNK_TX_SIZE_MIN || digits > 2 * QNK_TX_USER_SIZE_MAX || digits % 2 != 0) {
            qnk_refuse(question, QNK_QUERY_PARAMETERS, "qnet tx make",
                       "number %u is no transaction", (unsigned)i + 1);
            return 0;
        }
        size += digits / 2;
    }
    if (size > SUBMIT_BYTES_MAX) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "more than %d bytes at once",
                   SUBMIT_BYTES_MAX);
        return 0;
    }
    return size + 4;
}

void qnk_ask_submit(struct qnk_question *question)
{
    static const char *const known[] = {"txs", NULL};
    const json_t *list = json_object_get(question->params, "txs");
    uint64_t size, at = 4;
    struct qn_buf *buf;
    size_t i;
    json_t *item;

    if (!qnk_param_none(question, known)) {
        return;
    }
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > SUBMIT_TXS_MAX) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'txs' is not a list of 1 to %d",
                   SUBMIT_TXS_MAX);
        return;
    }
    size = rows_size(question, list);
    if (size == 0) {
        return;
    }
    buf = qnk_buf_new(qnk_host_budget(question->host), size);
    if (buf == NULL) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "the node has no memory for this now");
        return;
    }
    qn_le32_write(buf->data, (uint32_t)json_array_size(list));
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        uint64_t bytes = json_string_length(item) / 2;
        struct qnk_tx tx;

        if (qnk_hex_decode(json_string_value(item), bytes, buf->data + at) != QN_OK ||
            qnk_tx_decode((struct qn_span){buf->data + at, bytes}, &tx) != QN_OK) {
            qnk_buf_unref(buf);
            qnk_refuse(question, QNK_QUERY_PARAMETERS, "qnet tx make",
                       "number %u is no transaction", (unsigned)i + 1);
            return;
        }
        at += bytes;
    }

    int32_t status = qnk_host_submit(question->host, buf, submitted, question);

    qnk_buf_unref(buf);
    if (status != QN_OK) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL,
                   status == QN_BUSY ? "busy: too many submits wait" : "the node is not running");
    }
}

/* --- the operator --- */

void qnk_ask_log_level(struct qnk_question *question)
{
    static const char *const known[] = {"part", "level", "seconds", NULL};
    const char *part, *name;
    enum qnk_log_level level;
    uint64_t seconds;

    if (!qnk_param_none(question, known) || !qnk_param_text(question, "part", &part) ||
        !qnk_param_text(question, "level", &name) ||
        !qnk_param_u64(question, "seconds", 0, 86400, &seconds)) {
        return;
    }
    if (qnk_log_level_read(name, &level) != QN_OK) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, "error warn info debug trace",
                   "no level '%.40s'", name);
    } else if (qnk_log_level_set(qnk_host_log(question->host), part, level, seconds * 1000000) !=
               QN_OK) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "no part '%.60s'", part);
    } else {
        done(question);
    }
}

void qnk_ask_stop(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qnk_host *host = question->host;

    if (qnk_param_none(question, known)) {
        done(question);
        qnk_host_stop(host, QNK_EXIT_OK, "");
    }
}

void qnk_ask_reload(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qn_sink text;

    if (!qnk_param_none(question, known)) {
        return;
    }
    qnk_sink_init(&text, qnk_host_budget(question->host), 65536);

    int32_t status = qnk_host_reload(question->host, &text);

    if (status == QN_OK) {
        question->answered(question, json_pack("{s:s%}", "text",
                                               text.size == 0 ? "" : (const char *)text.data,
                                               (size_t)text.size));
    } else {
        qnk_refuse(question, status == QN_AGAIN ? QNK_QUERY_NOT_READY : QNK_QUERY_FAILED,
                   status == QN_AGAIN ? "qnet status" : "qnet config check", "%.*s",
                   (int)(text.size < 250 ? text.size : 250), (const char *)text.data);
    }
    qnk_sink_done(&text);
}

void qnk_ask_resume(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qnk_host_view view;
    struct qnk_node_view node;

    if (!qnk_param_none(question, known) || qnk_query_node(question) == NULL) {
        return;
    }
    qnk_host_look(question->host, &view);
    if (!view.has_validator) {
        qnk_refuse(question, QNK_QUERY_REFUSED, NULL, "this node has no validator key");
        return;
    }
    qnk_node_look(qnk_query_node(question), &node);
    if (node.is_signing) {
        qnk_refuse(question, QNK_QUERY_REFUSED, NULL,
                   "the validator signs: there is nothing to resume");
        return;
    }
    qnk_host_control(question->host, QNK_CONTROL_RESUME);
    done(question);
}

static bool peer_key(struct qnk_question *question, struct qnk_hash *key)
{
    const char *text;

    if (!qnk_param_text(question, "key", &text)) {
        return false;
    }
    if (qnk_bech32m_decode(QNK_PREFIX_NODE, text, key->bytes) != QN_OK) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'key' is no qnp1... key");
        return false;
    }
    return qnk_query_node(question) != NULL;
}

/* What an act on peers came to. */
static void peer_done(struct qnk_question *question, int32_t status)
{
    if (status == QN_OK) {
        done(question);
    } else {
        qnk_refuse(question, QNK_QUERY_FAILED, "qnet peer list",
                   status == QN_NOT_FOUND  ? "there is no such peer"
                   : status == QN_NO_SPACE ? "there are too many already"
                                           : "the key is our own, or the address is none");
    }
}

void qnk_ask_peer_add(struct qnk_question *question)
{
    static const char *const known[] = {"key", "address", NULL};
    struct qnk_hash key;
    const char *address;

    if (qnk_param_none(question, known) && qnk_param_text(question, "address", &address) &&
        peer_key(question, &key)) {
        peer_done(question, qnk_peers_add(qnk_host_peers(question->host), &key, address));
    }
}

void qnk_ask_peer_remove(struct qnk_question *question)
{
    static const char *const known[] = {"key", NULL};
    struct qnk_hash key;

    if (qnk_param_none(question, known) && peer_key(question, &key)) {
        peer_done(question, qnk_peers_remove(qnk_host_peers(question->host), &key));
    }
}

void qnk_ask_peer_ban(struct qnk_question *question)
{
    static const char *const known[] = {"key", "seconds", "reason", NULL};
    struct qnk_hash key;
    uint64_t seconds;
    const char *reason = json_string_value(json_object_get(question->params, "reason"));

    if (qnk_param_none(question, known) &&
        qnk_param_u64(question, "seconds", 0, UINT32_MAX, &seconds) && peer_key(question, &key)) {
        peer_done(question, qnk_peers_ban(qnk_host_peers(question->host), &key, seconds,
                                          reason == NULL ? "by the operator" : reason));
    }
}

void qnk_ask_peer_unban(struct qnk_question *question)
{
    static const char *const known[] = {"key", NULL};
    struct qnk_hash key;

    if (qnk_param_none(question, known) && peer_key(question, &key)) {
        peer_done(question, qnk_peers_unban(qnk_host_peers(question->host), &key));
    }
}
