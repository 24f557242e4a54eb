/* SPDX-License-Identifier: MIT */

#include "kernel/host/query.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/host/live.h"
#include "kernel/host/query_part.h"

const struct qnk_query qnk_queries[] = {
    {"status", "how the node does", true, qnk_ask_status},
    {"node", "who it is and where it keeps what", true, qnk_ask_node},
    {"version", "what was built", true, qnk_ask_version},
    {"plugins", "the plugins at work", true, qnk_ask_plugins},
    {"micro", "microblocks: at (height, id), count, ids", true, qnk_ask_micro},
    {"macro", "macroblocks: at (window), count, raw", true, qnk_ask_macro},
    {"tx", "where a transaction is: id", true, qnk_ask_tx},
    {"tx.submit", "takes signed transactions: txs, a list of hex", true, qnk_ask_submit},
    {"account", "balance and nonce at the head: address", true, qnk_ask_account},
    {"proof", "proof of a final transaction: id", true, qnk_ask_proof},
    {"mempool", "what waits", true, qnk_ask_mempool},
    {"peers", "peers and how they do", true, qnk_ask_peers},
    {"storage", "sizes of what is stored", true, qnk_ask_storage},
    {"metrics", "the metrics", true, qnk_ask_metrics},
    {"swap.status", "the plan of a swap, bindings, what is lacking", true, qnk_ask_swap_status},
    {"swap.history", "what became of plugins while it ran: count", true, qnk_ask_swap_history},
    {"log.level", "sets a part's level: part, level, seconds", false, qnk_ask_log_level},
    {"node.stop", "ends the node cleanly", false, qnk_ask_stop},
    {"node.reload", "reads the node file again", false, qnk_ask_reload},
    {"key.resume", "lets a validator sign again whose record was lost", false, qnk_ask_resume},
    {"peer.add", "makes a peer known: key, address", false, qnk_ask_peer_add},
    {"peer.remove", "forgets a known peer: key", false, qnk_ask_peer_remove},
    {"peer.ban", "refuses a peer: key, seconds, reason", false, qnk_ask_peer_ban},
    {"peer.unban", "ends a ban: key", false, qnk_ask_peer_unban},
    {"swap.plan", "plans another plugin for all: kind, plugin", false, qnk_ask_swap_plan},
    {"swap.ready", "says that this validator is ready for the plan", false, qnk_ask_swap_ready},
    {"swap.abort", "withdraws the plan, or this validator's word", false, qnk_ask_swap_abort},
    {"swap.abandon", "gives the window up that waits to be decided", false, qnk_ask_swap_abandon},
    {"swap.copy", "copies what is final into a file, for a rehearsal", false, qnk_ask_swap_copy},
    {"plugin.swap", "exchanges a local plugin: kind, plugin", false, qnk_ask_plugin_swap},
    {"plugin.load", "makes a plugin available: kind, plugin", false, qnk_ask_plugin_load},
};

const uint32_t qnk_queries_count = sizeof qnk_queries / sizeof *qnk_queries;

const struct qnk_query *qnk_query_find(const char *name)
{
    for (uint32_t i = 0; i < qnk_queries_count; i++) {
        if (strcmp(qnk_queries[i].name, name) == 0) {
            return &qnk_queries[i];
        }
    }
    return NULL;
}

const char *qnk_query_nearest(const char *name)
{
    uint32_t best = 3;
    const char *nearest = NULL;

    for (uint32_t i = 0; i < qnk_queries_count; i++) {
        uint32_t distance = qnk_config_distance(name, qnk_queries[i].name, 2);

        if (distance < best) {
            best = distance;
            nearest = qnk_queries[i].name;
        }
    }
    return nearest;
}

/* --- values --- */

json_t *qnk_json_hex(struct qnk_budget *budget, struct qn_span bytes)
{
    uint64_t room = QNK_HEX_SIZE(bytes.size);
    char *text = qnk_memory_take(budget, room);
    json_t *value;

    if (text == NULL) {
        return NULL;
    }
    qnk_hex_encode(bytes.data, bytes.size, text);
    value = json_stringn(text, room - 1);
    qnk_memory_give(budget, text, room);
    return value;
}

json_t *qnk_json_hash(const struct qnk_hash *hash)
{
    char text[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(hash->bytes, QN_HASH_SIZE, text);
    return json_string(text);
}

json_t *qnk_json_u64(uint64_t number)
{
    return json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number));
}

json_t *qnk_json_amount(uint64_t amount)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)amount);
    return json_string(text);
}

json_t *qnk_json_key(const char *prefix, const struct qnk_hash *key)
{
    char text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode(prefix, key->bytes, text);
    return json_string(text);
}

/* --- parameters --- */

void qnk_refuse(struct qnk_question *question, int code, const char *hint, const char *format, ...)
{
    char words[QNK_QUERY_TEXT];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    question->refused(question, code, words, hint);
}

bool qnk_param_none(struct qnk_question *question, const char *const *known)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)question->params, key, value)
    {
        uint32_t i = 0;

        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "no such parameter: '%.40s'", key);
            return false;
        }
    }
    return true;
}

bool qnk_param_u64(struct qnk_question *question, const char *name, uint64_t absent, uint64_t max,
                   uint64_t *value)
{
    const json_t *given = json_object_get(question->params, name);

    if (given == NULL) {
        *value = absent;
        return true;
    }
    if (!json_is_integer(given) || json_integer_value(given) < 0 ||
        (uint64_t)json_integer_value(given) > max) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'%s' is not a number from 0 to %llu",
                   name, (unsigned long long)max);
        return false;
    }
    *value = (uint64_t)json_integer_value(given);
    return true;
}

bool qnk_param_flag(struct qnk_question *question, const char *name, bool *value)
{
    const json_t *given = json_object_get(question->params, name);

    if (given != NULL && !json_is_boolean(given)) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'%s' is neither true nor false", name);
        return false;
    }
    *value = json_is_true(given);
    return true;
}

bool qnk_param_text(struct qnk_question *question, const char *name, const char **value)
{
    const json_t *given = json_object_get(question->params, name);

    if (!json_is_string(given)) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'%s' is not given, or is no text", name);
        return false;
    }
    *value = json_string_value(given);
    return true;
}

bool qnk_param_hash(struct qnk_question *question, const char *name, struct qnk_hash *value)
{
    const char *text;

    if (!qnk_param_text(question, name, &text)) {
        return false;
    }
    if (qnk_hex_decode(text, QN_HASH_SIZE, value->bytes) != QN_OK) {
        qnk_refuse(question, QNK_QUERY_PARAMETERS, NULL, "'%s' is not 64 hex digits", name);
        return false;
    }
    return true;
}

struct qnk_node *qnk_query_node(struct qnk_question *question)
{
    struct qnk_node *node = qnk_host_node(question->host);

    if (node == NULL) {
        struct qnk_host_view view;

        qnk_host_look(question->host, &view);
        qnk_refuse(question, QNK_QUERY_NOT_READY, "qnet status", "the node is %s%s%s",
                   view.phase == QNK_HOST_STOPPING ? "stopping" : "starting",
                   view.doing != NULL && *view.doing != 0 ? ": " : "",
                   view.doing != NULL ? view.doing : "");
    }
    return node;
}

struct qnk_node *qnk_query_full_node(struct qnk_question *question)
{
    struct qnk_node *node = qnk_query_node(question);
    struct qnk_host_view view;

    qnk_host_look(question->host, &view);
    if (node != NULL && view.type == QNK_NODE_LIGHT) {
        qnk_refuse(question, QNK_QUERY_REFUSED, NULL,
                   "a light node has macroblocks and certificates alone: ask a full one");
        return NULL;
    }
    return node;
}

/* --- questions that wait --- */

static bool is_gone(const struct qnk_question *question)
{
    return atomic_load_explicit(&question->is_gone, memory_order_relaxed);
}

static void read_run(struct qnk_ask *ask, const struct qnk_reach *reach)
{
    struct qnk_read *read = (struct qnk_read *)(void *)ask;

    if (!is_gone(read->question)) {
        read->run(read, reach);
    }
}

static void read_destroy(struct qnk_read *read)
{
    read->host->lists_text -= read->begun;
    qnk_set_unref(read->set);
    qnk_memory_give(read->budget, read, sizeof *read);
}

void qnk_read_end(struct qnk_read *read)
{
    struct qnk_question *question = read->question;

    if (read->answer != NULL) {
        question->answered(question, read->answer);
    } else {
        question->refused(question, read->code != 0 ? read->code : QNK_QUERY_FAILED,
                          read->words[0] != 0 ? read->words : "no memory for the answer",
                          read->hint);
    }
    read_destroy(read);
}

static void read_done(struct qnk_ask *ask)
{
    qnk_read_end((struct qnk_read *)(void *)ask);
}

bool qnk_read_add(struct qnk_read *read, const char *name, json_t *row)
{
    json_t *list = json_object_get(read->answer, name);

    read->text += json_dumpb(row, NULL, 0, JSON_COMPACT) + 1;
    if (read->text <= QNK_QUERY_LIST_BYTES && !is_gone(read->question)) {
        json_array_append_new(list, row);
        return true;
    }
    json_decref(row);
    qnk_read_refuse(read, QNK_QUERY_FAILED, "more than %d MiB: ask for %u at a time",
                    QNK_QUERY_LIST_BYTES >> 20, (unsigned)json_array_size(list));
    return false;
}

struct qnk_read *qnk_read_create(struct qnk_question *question,
                                 void (*run)(struct qnk_read *read, const struct qnk_reach *reach))
{
    struct qnk_budget *budget = qnk_host_budget(question->host);
    struct qnk_read *read = qnk_memory_take(budget, sizeof *read);

    if (read == NULL) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "the node has no memory for this now");
        return NULL;
    }
    read->ask.run = read_run;
    read->ask.done = read_done;
    read->question = question;
    read->host = question->host;
    read->run = run;
    read->budget = budget;
    return read;
}

void qnk_read_start(struct qnk_read *read)
{
    struct qnk_question *question = read->question;
    struct qnk_host *host = read->host;
    int32_t status = QN_BUSY;

    if (read->text <= QNK_QUERY_LISTS_BYTES - host->lists_text) {
        read->begun = read->text;
        host->lists_text += read->begun;
        status = qnk_host_ask(host, &read->ask);
    }
    if (status != QN_OK) {
        json_decref(read->answer);
        read_destroy(read);
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL,
                   status == QN_BUSY ? "too many questions wait already"
                                     : "the node is not running");
    }
}

void qnk_read_refuse(struct qnk_read *read, int code, const char *format, ...)
{
    va_list list;

    json_decref(read->answer);
    read->answer = NULL;
    read->code = code;
    va_start(list, format);
    vsnprintf(read->words, sizeof read->words, format, list);
    va_end(list);
}

void qnk_read_fail(struct qnk_read *read, const struct qnk_reach *reach, int32_t status,
                   const char *what)
{
    switch (status) {
    case QN_NOT_FOUND:
        qnk_read_refuse(read, QNK_QUERY_FAILED, "no %s here", what);
        break;
    case QN_CORRUPT:
        qnk_read_refuse(read, QNK_QUERY_FAILED, "%s: stored data is damaged: %s%s", what,
                        reach->store->why,
                        reach->store->has_rotten ? "; it is fetched from peers" : "");
        read->hint = reach->store->has_rotten ? "qnet log tail" : "qnet storage check";
        break;
    default:
        qnk_read_refuse(read, QNK_QUERY_FAILED, "%s: the storage says no (status %d)", what,
                        (int)status);
        break;
    }
}
