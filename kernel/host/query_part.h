/* SPDX-License-Identifier: MIT */
#pragma once

/* query_part.h: what the files of the query table share: values as JSON, parameters, and questions
 * that wait for the disk.
 *
 * Unless a function's own comment says otherwise:
 *   owns     new JSON values are the caller's
 *   threads  the loop's; qnk_json_* and what `run` of a read calls: also the reads thread
 *   errors   memory that is short gives NULL, which jansson's setters take as their own failure:
 *            the answer then lacks a member
 */

#include "kernel/host/query.h"

json_t *qnk_json_hash(const struct qnk_hash *hash);
json_t *qnk_json_hex(struct qnk_budget *budget, struct qn_span bytes);
json_t *qnk_json_u64(uint64_t number);    /* a number: heights, counts, times */
json_t *qnk_json_amount(uint64_t amount); /* a string */
json_t *qnk_json_key(const char *prefix, const struct qnk_hash *key);

/* A header of a microblock with its id. */
json_t *qnk_json_micro(const struct qnk_micro *header, const struct qnk_hash *id, uint32_t window,
                       bool is_final);

/* Parameters. Each gives false after it refused the question. */
bool qnk_param_none(struct qnk_question *question, const char *const *known);
bool qnk_param_u64(struct qnk_question *question, const char *name, uint64_t absent, uint64_t max,
                   uint64_t *value);
bool qnk_param_flag(struct qnk_question *question, const char *name, bool *value);
bool qnk_param_text(struct qnk_question *question, const char *name, const char **value);
bool qnk_param_hash(struct qnk_question *question, const char *name, struct qnk_hash *value);

__attribute__((format(printf, 4, 5))) void qnk_refuse(struct qnk_question *question, int code,
                                                      const char *hint, const char *format, ...);

/* The node, or NULL after a refusal: it is still starting. */
struct qnk_node *qnk_query_node(struct qnk_question *question);

/* The same of a node that has what was asked for; of a light one, which has not, a refusal. */
struct qnk_node *qnk_query_full_node(struct qnk_question *question);

/* A question that is answered on the reads thread. */
struct qnk_read {
    struct qnk_ask ask; /* first */
    struct qnk_question *question;
    /* Fills `answer`, or `words` with `code`; touches nothing of the loop's. */
    void (*run)(struct qnk_read *read, const struct qnk_reach *reach);
    struct qnk_budget *budget;
    json_t *answer;
    int code;
    char words[QNK_QUERY_TEXT];
    const char *hint; /* static */
    /* What it is about. */
    struct qnk_hash id;
    uint64_t height, window;
    uint64_t count, left;
    uint64_t text;  /* bytes of its list so far */
    uint64_t begun; /* as many of them count in `host` */
    struct qnk_host *host;
    uint32_t n; /* blocks of a window */
    uint32_t index;
    bool is_list, has_ids, is_raw;
    uint32_t query; /* of the ledger */
    struct qnk_hash chain_id;
    struct qnk_set *set; /* ref'd */
};

/* NULL after a refusal. */
struct qnk_read *qnk_read_create(struct qnk_question *question,
                                 void (*run)(struct qnk_read *read, const struct qnk_reach *reach));

/* Answers or refuses its question, and destroys it. */
void qnk_read_end(struct qnk_read *read);

/* Adds a row to the list `name` of the answer. False after it refused the read: the list is over
 * QNK_QUERY_LIST_BYTES, or its asker is gone. */
QN_MUST_CHECK bool qnk_read_add(struct qnk_read *read, const char *name, json_t *row);

/* Hands it to the reads thread; it is answered and destroyed afterwards. */
void qnk_read_start(struct qnk_read *read);

__attribute__((format(printf, 3, 4))) void qnk_read_refuse(struct qnk_read *read, int code,
                                                           const char *format, ...);

/* What refuses a status of the store's, in words about `what`. */
void qnk_read_fail(struct qnk_read *read, const struct qnk_reach *reach, int32_t status,
                   const char *what);

/* The rows of the table, by file. */
void qnk_ask_status(struct qnk_question *question);
void qnk_ask_node(struct qnk_question *question);
void qnk_ask_version(struct qnk_question *question);
void qnk_ask_plugins(struct qnk_question *question);
void qnk_ask_mempool(struct qnk_question *question);
void qnk_ask_peers(struct qnk_question *question);
void qnk_ask_metrics(struct qnk_question *question);
void qnk_ask_micro(struct qnk_question *question);
void qnk_ask_macro(struct qnk_question *question);
void qnk_ask_tx(struct qnk_question *question);
void qnk_ask_proof(struct qnk_question *question);
void qnk_ask_account(struct qnk_question *question);
void qnk_ask_storage(struct qnk_question *question);
void qnk_ask_submit(struct qnk_question *question);
void qnk_ask_log_level(struct qnk_question *question);
void qnk_ask_stop(struct qnk_question *question);
void qnk_ask_reload(struct qnk_question *question);
void qnk_ask_resume(struct qnk_question *question);
void qnk_ask_peer_add(struct qnk_question *question);
void qnk_ask_peer_remove(struct qnk_question *question);
void qnk_ask_peer_ban(struct qnk_question *question);
void qnk_ask_peer_unban(struct qnk_question *question);
void qnk_ask_plugin_swap(struct qnk_question *question);
void qnk_ask_plugin_load(struct qnk_question *question);
void qnk_ask_swap_history(struct qnk_question *question);
void qnk_ask_swap_status(struct qnk_question *question);
void qnk_ask_swap_plan(struct qnk_question *question);
void qnk_ask_swap_ready(struct qnk_question *question);
void qnk_ask_swap_abort(struct qnk_question *question);
void qnk_ask_swap_abandon(struct qnk_question *question);
void qnk_ask_swap_copy(struct qnk_question *question);
