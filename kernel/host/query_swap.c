/* SPDX-License-Identifier: MIT */

/* query_swap.c: plugins that are exchanged, made available, and what became of them. */

#include <string.h>

#include "kernel/host/query_part.h"
#include "kernel/host/refit.h"

/* --- this node's own --- */

static const char *hint_of(int32_t status)
{
    switch (status) {
    case QN_DENIED:
        return NULL; /* the words say what to do instead */
    case QN_INVALID:
    case QN_NOT_FOUND:
        return "qnet plugin list";
    default:
        return "qnet swap history";
    }
}

static int code_of(int32_t status)
{
    return status == QN_AGAIN || status == QN_BUSY ? QNK_QUERY_NOT_READY : QNK_QUERY_REFUSED;
}

static void swapped(void *ctx, int32_t status, const char *words)
{
    struct qnk_question *question = ctx;

    if (status == QN_OK) {
        question->answered(question, json_pack("{s:b, s:s}", "done", 1, "words", words));
    } else {
        qnk_refuse(question, code_of(status), "qnet swap history", "nothing has changed: %.250s",
                   words);
    }
}

void qnk_ask_plugin_swap(struct qnk_question *question)
{
    static const char *const known[] = {"kind", "plugin", NULL};
    const char *kind, *plugin;
    char why[QNK_REFIT_WORDS] = "";
    int32_t status;

    if (!qnk_param_none(question, known) || !qnk_param_text(question, "kind", &kind) ||
        !qnk_param_text(question, "plugin", &plugin) || qnk_query_node(question) == NULL) {
        return;
    }
    status = qnk_refit_begin(question->host, kind, plugin, swapped, question, why);
    if (status != QN_OK) {
        qnk_refuse(question, code_of(status), hint_of(status), "%.280s", why);
    }
}

void qnk_ask_plugin_load(struct qnk_question *question)
{
    static const char *const known[] = {"kind", "plugin", NULL};
    const char *kind, *plugin;
    char words[QNK_REFIT_WORDS] = "";
    int32_t status;

    if (!qnk_param_none(question, known) || !qnk_param_text(question, "kind", &kind) ||
        !qnk_param_text(question, "plugin", &plugin) || qnk_query_node(question) == NULL) {
        return;
    }
    status = qnk_refit_load(question->host, kind, plugin, words);
    if (status == QN_OK) {
        question->answered(question, json_pack("{s:b, s:s}", "done", 1, "words", words));
    } else {
        qnk_refuse(question, code_of(status), "qnet plugin inspect FILE", "%.280s", words);
    }
}

void qnk_ask_swap_history(struct qnk_question *question)
{
    static const char *const known[] = {"count", NULL};
    json_t *lines = qnk_refit_lines(question->host);
    json_t *list;
    uint64_t count;

    if (!qnk_param_none(question, known) ||
        !qnk_param_u64(question, "count", 100, QNK_QUERY_LIST_MAX, &count) ||
        qnk_query_node(question) == NULL) {
        return;
    }
    list = json_array();

    size_t have = json_array_size(lines);

    for (size_t i = have > count ? have - (size_t)count : 0; i < have; i++) {
        json_array_append(list, json_array_get(lines, i));
    }
    question->answered(question, json_pack("{s:o}", "lines", list));
}
