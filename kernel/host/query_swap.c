/* SPDX-License-Identifier: MIT */

/* query_swap.c: plugins that are exchanged, made available, and what became of them. */

#include <string.h>

#include "kernel/host/bound.h"
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

/* --- the network's --- */

/* Who said that it is ready: members, and their weight. */
static json_t *ready_json(const struct qnk_control *control, const struct qnk_set *set)
{
    json_t *ready = json_array();
    json_t *missing = json_array();
    uint64_t weight = 0;

    for (uint32_t i = 0; i < control->members_count && i < set->count; i++) {
        bool is_ready = control->members[i].swap == QNK_SWAP_READY;

        json_array_append_new(is_ready ? ready : missing, qnk_json_u64(i));
        weight += is_ready ? set->members[i].weight : 0;
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "members", ready, "missing", missing, "weight",
                     qnk_json_u64(weight), "total", qnk_json_u64(set->total));
}

static json_t *codes_json(const struct qnk_swap_plan *plan)
{
    json_t *codes = json_array();

    for (uint32_t i = 0; i < plan->codes_count; i++) {
        json_array_append_new(codes, qnk_json_hash(&plan->codes[i]));
    }
    return codes;
}

static json_t *plan_json(struct qnk_node *node, const struct qnk_node_view *view)
{
    const struct qnk_control *control = qnk_node_control(node);
    const struct qnk_swap *swap = &control->swap;
    const struct qnk_set *set = qnk_node_set(node);
    const struct qnk_swap_plan *plan;
    json_t *answer;

    if (swap->planned == NULL) {
        return json_null();
    }
    plan = &swap->planned->plan;
    answer =
        json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "id",
                  qnk_json_hash(&swap->planned->id), "kind", qnk_binding_kind_name(plan->kind),
                  "name", plan->engine.name, "version", plan->engine.version, "first",
                  qnk_json_u64(plan->engine.first), "percent", qnk_json_u64(plan->percent),
                  "probation", qnk_json_u64(plan->probation), "life",
                  qnk_swap_life_name(swap->life), "open", qnk_swap_is_open(swap->life), "maker",
                  qnk_json_u64(swap->maker), "since", qnk_json_u64(swap->since), "changed",
                  qnk_json_u64(swap->changed), "number", qnk_json_u64(swap->number));
    json_object_set_new(answer, "trace", qnk_json_hash(&plan->trace));
    json_object_set_new(answer, "codes", codes_json(plan));
    json_object_set_new(answer, "ready", ready_json(control, set));
    json_object_set_new(answer, "need",
                        qnk_json_u64(qnk_swap_need(plan, set->total, view->quorum)));
    return answer;
}

/* Bindings as the last final window fixes them. */
static json_t *bindings_json(struct qnk_host *host, struct qnk_node *node, uint32_t kind,
                             uint32_t now)
{
    const struct qnk_bindings *list = qnk_node_control_final(node)->bindings[kind];
    json_t *answer = json_array();

    (void)host;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qnk_binding *it = &list->list[i];

        json_array_append_new(answer,
                              json_pack("{s:o, s:o, s:s, s:s, s:b, s:o}", "number",
                                        qnk_json_u64(it->number), "first", qnk_json_u64(it->first),
                                        "name", it->name, "version", it->version, "serves",
                                        it->number == now, "fallback", qnk_json_u64(it->fallback)));
    }
    return answer;
}

/* What the node lacks, and what to do. */
static void lack_add(json_t *list, uint32_t kind, const struct qnk_lack *lack)
{
    if (lack->is_lacking) {
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:s}", "kind",
                                        qnk_binding_kind_name(kind), "name", lack->name, "version",
                                        lack->version, "number", qnk_json_u64(lack->number),
                                        "first", qnk_json_u64(lack->first), "held", lack->is_held,
                                        "words", lack->words));
    }
}

void qnk_ask_swap_status(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    static const char *const accepts[] = {"ask", "prepared", "never"};
    struct qnk_host *host = question->host;
    struct qnk_node *node;
    struct qnk_node_view view;
    json_t *lacks, *bindings;

    if (!qnk_param_none(question, known) || (node = qnk_query_full_node(question)) == NULL) {
        return;
    }
    qnk_node_look(node, &view);
    lacks = json_array();
    lack_add(lacks, QNK_BINDING_CONSENSUS, &view.lacks[QNK_BINDING_CONSENSUS]);
    lack_add(lacks, QNK_BINDING_PRODUCER, &view.lacks[QNK_BINDING_PRODUCER]);
    bindings = json_pack(
        "{s:o, s:o}", "consensus",
        bindings_json(host, node, QNK_BINDING_CONSENSUS, view.numbers[QNK_BINDING_CONSENSUS]),
        "producer",
        bindings_json(host, node, QNK_BINDING_PRODUCER, view.numbers[QNK_BINDING_PRODUCER]));
    question->answered(question,
                       json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:s}", "window",
                                 qnk_json_u64(view.final_window), "height",
                                 qnk_json_u64(view.head_height), "plan", plan_json(node, &view),
                                 "bindings", bindings, "held", view.is_held, "needs", lacks, "era",
                                 qnk_json_u64(view.era), "accept",
                                 accepts[qnk_host_config(host)->node.swap_accept]));
}

static void said(void *ctx, int32_t status, const char *words, const struct qnk_hash *plan)
{
    struct qnk_question *question = ctx;

    if (status == QN_OK) {
        json_t *answer = json_pack("{s:b, s:o}", "done", 1, "plan", qnk_json_hash(plan));

        if (*words != 0) {
            json_object_set_new(answer, "words", json_string(words));
        }
        question->answered(question, answer);
    } else {
        qnk_refuse(question, status == QN_AGAIN ? QNK_QUERY_NOT_READY : QNK_QUERY_REFUSED,
                   "qnet swap status", "%.280s", words);
    }
}

static void given_up(void *ctx, int32_t status, const char *words, const struct qnk_hash *plan)
{
    struct qnk_question *question = ctx;

    if (status == QN_OK) {
        question->answered(question, json_pack("{s:b}", "done", 1));
    } else {
        said(ctx, status, words, plan);
    }
}

static void began(struct qnk_question *question, int32_t status, const char *why)
{
    if (status != QN_OK) {
        qnk_refuse(question, code_of(status), "qnet swap status", "%.280s", why);
    }
}

/* May be left out. */
static bool codes_param(struct qnk_question *question, const char **codes)
{
    return json_object_get(question->params, "codes") == NULL ||
           qnk_param_text(question, "codes", codes);
}

void qnk_ask_swap_plan(struct qnk_question *question)
{
    static const char *const known[] = {"kind",      "plugin", "first", "percent",
                                        "probation", "codes",  NULL};
    struct qnk_bound_plan plan = {.codes = ""};
    uint64_t percent, probation;
    char why[QNK_BOUND_WORDS] = "";

    if (qnk_param_none(question, known) && qnk_param_text(question, "kind", &plan.kind) &&
        qnk_param_text(question, "plugin", &plan.typed) && codes_param(question, &plan.codes) &&
        qnk_param_u64(question, "first", 0, UINT32_MAX, &plan.first) &&
        qnk_param_u64(question, "percent", 0, 100, &percent) &&
        qnk_param_u64(question, "probation", 0, QNK_SWAP_PROBATION_MAX, &probation) &&
        qnk_query_node(question) != NULL) {
        plan.percent = (uint32_t)percent;
        plan.probation = (uint32_t)probation;
        began(question, qnk_bound_plan(question->host, &plan, said, question, why), why);
    }
}

void qnk_ask_swap_ready(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    char why[QNK_BOUND_WORDS] = "";

    if (qnk_param_none(question, known) && qnk_query_node(question) != NULL) {
        began(question, qnk_bound_ready(question->host, said, question, why), why);
    }
}

void qnk_ask_swap_abort(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    char why[QNK_BOUND_WORDS] = "";

    if (qnk_param_none(question, known) && qnk_query_node(question) != NULL) {
        began(question, qnk_bound_cancel(question->host, said, question, why), why);
    }
}

void qnk_ask_swap_abandon(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    char why[QNK_BOUND_WORDS] = "";

    if (qnk_param_none(question, known) && qnk_query_node(question) != NULL) {
        began(question, qnk_bound_abandon(question->host, given_up, question, why), why);
    }
}
