/* SPDX-License-Identifier: MIT */

#include "kernel/host/bound.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/host/live.h"
#include "kernel/node/trial.h"

/* A binding that the core asked for. */
struct bound_plugin {
    struct qnk_need *need; /* NULL: free; a copy, which outlives the core */
    struct qnk_instance *instance;
    bool is_asked; /* it waits for an answer */
};

/* A proposal that the core has not answered yet. */
struct bound_ask {
    uint64_t token; /* 0: free */
    uint8_t kind;   /* of transaction; 0: it is none, but a window that is given up */
    qnk_bound_said *said;
    void *ctx;
};

struct qnk_bound {
    struct qnk_host *host;
    struct bound_plugin plugins[QNK_BOUND_PLUGINS_MAX];
    struct bound_ask asks[QNK_BOUND_ASKS_MAX];
    uint64_t tokens;
    bool is_answering;
    /* Of the plan that was seen last. */
    struct qnk_hash plan;
    uint8_t life;
    bool has_seen;
    struct qnk_hash
        tried;            /* the plan that this node said its word of, or could not, in this life */
    uint64_t tried_since; /* as of the window that it was in: a word is of that one alone */
};

/* --- lines --- */

static json_t *line_of(const char *step, uint32_t kind, const struct qnk_binding *binding)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "step", step, "kind",
                     qnk_binding_kind_name(kind), "name", binding->name, "version",
                     binding->version, "number", (json_int_t)binding->number, "first",
                     (json_int_t)binding->first);
}

static void tell(struct qnk_host *host, const char *step, const struct qnk_need *need,
                 const char *words)
{
    json_t *line = line_of(step, need->kind, &need->binding);

    if (*words != 0) {
        json_object_set_new(line, "words", json_string(words));
    }
    qnk_log(&host->log, QNK_LOG_INFO, "swap", "%s %s: %s%s%s | kind=%s name=%s step=%s number=%u",
            qnk_binding_kind_name(need->kind), need->binding.name, step, *words == 0 ? "" : ": ",
            words, qnk_binding_kind_name(need->kind), need->binding.name, step,
            need->binding.number);
    (void)qnk_refit_tell(host, line, false);
}

/* --- plugins --- */

static bool has_steps_of(const struct qnk_manifest *manifest, const struct qnk_binding *binding)
{
    bool is_same = manifest->steps_count == binding->steps_count;

    for (uint32_t i = 0; is_same && i < binding->steps_count; i++) {
        is_same = manifest->steps[i].id == binding->steps[i];
    }
    return is_same;
}

/* From where it was named, else from where plugins are. What a binding says of an engine's steps is
 * what its votes are held against, so a plugin that declares others is another engine. */
static int32_t plugin_find(struct qnk_host *host, uint32_t kind, const struct qnk_binding *binding,
                           struct qnk_plugin **plugin, char why[QNK_PLUGIN_WHY_MAX])
{
    const char *path = qnk_refit_available(host, qnk_binding_kind_name(kind), binding->name);
    struct qnk_config_plugin used = {
        .kind = qnk_binding_kind_name(kind),
        .name = binding->name,
        .version = binding->version,
        .path = path == NULL ? "" : path,
    };
    int32_t status = qnk_loader_find_used(host->setup.loader, &used, plugin, why);

    if (status != QN_OK && path != NULL) {
        used.path = "";
        status = qnk_loader_find_used(host->setup.loader, &used, plugin, why);
    }
    if (status == QN_OK && !has_steps_of(&(*plugin)->manifest, binding)) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "the one that is here declares other steps");
        return QN_UNSUPPORTED;
    }
    return status;
}

static int32_t instance_make(struct qnk_host *host, struct qnk_plugin *plugin,
                             const struct qnk_binding *binding, struct qnk_instance **instance,
                             char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qn_span config = {binding->config, binding->config_size};

    return qnk_kit_make(&host->setup, host->metrics, NULL, plugin, config, instance, why);
}

static struct bound_plugin *plugin_at(struct qnk_bound *bound, uint32_t kind, uint32_t number)
{
    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        const struct qnk_need *need = bound->plugins[i].need;

        if (need != NULL && need->kind == kind && need->binding.number == number) {
            return &bound->plugins[i];
        }
    }
    return NULL;
}

void qnk_bound_need(struct qnk_host *host, struct qnk_need *need)
{
    struct qnk_bound *bound = host->bound;
    struct bound_plugin *at = plugin_at(bound, need->kind, need->binding.number);

    for (uint32_t i = 0; at == NULL && i < QNK_BOUND_PLUGINS_MAX; i++) {
        at = bound->plugins[i].need == NULL ? &bound->plugins[i] : NULL;
    }
    QN_ASSERT(at != NULL); /* the core knows QNK_PLUGS_MAX at once, which is less */
    if (at->need == NULL) {
        at->need = qnk_memory_take(&host->budget, sizeof *at->need);
    }
    if (at->need == NULL) {
        qnk_host_stop(host, QNK_EXIT_INTERNAL,
                      "there is no memory for a plugin: raise limits.memory");
    } else {
        *at->need = *need;
        at->need->budget = &host->budget;
        at->is_asked = true;
    }
    qnk_need_destroy(need);
}

void qnk_bound_unplug(struct qnk_host *host, uint32_t kind, uint32_t number)
{
    struct bound_plugin *at = plugin_at(host->bound, kind, number);

    if (at == NULL) {
        return; /* of the node's own files: it goes with the node */
    }
    if (at->instance != NULL) { /* else it never came */
        tell(host, "unplugged", at->need, "");
    }
    qnk_kit_retire(&host->log, at->instance);
    qnk_need_destroy(at->need);
    *at = (struct bound_plugin){0};
}

static void answer_one(struct qnk_host *host, struct bound_plugin *at)
{
    const struct qnk_need *need = at->need;
    struct qnk_plugin *plugin;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_event event = {.type = QNK_EVENT_PLUGGED};

    event.plugged.kind = need->kind;
    event.plugged.number = need->binding.number;
    event.plugged.status = plugin_find(host, need->kind, &need->binding, &plugin, why);
    at->is_asked = false;
    if (event.plugged.status == QN_OK) {
        event.plugged.status = instance_make(host, plugin, &need->binding, &at->instance, why);
    }
    if (event.plugged.status == QN_OK) {
        event.plugged.instance = qnk_instance_plugged(at->instance);
        tell(host, "plugged", need, "");
    } else {
        event.plugged.words = (struct qn_span){(const uint8_t *)why, strlen(why)};
        tell(host, "missing", need, why);
    }
    qnk_live_event(host, &event);
}

void qnk_bound_answer(struct qnk_host *host)
{
    struct qnk_bound *bound = host->bound;

    if (bound == NULL || bound->is_answering) {
        return; /* what came meanwhile has its turn below */
    }
    bound->is_answering = true;
    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX && !host->is_ending; i++) {
        if (bound->plugins[i].need != NULL && bound->plugins[i].is_asked) {
            answer_one(host, &bound->plugins[i]);
            i = UINT32_MAX; /* from the first on: an answer may have made room, or asked again */
        }
    }
    bound->is_answering = false;
}

void qnk_bound_again(struct qnk_host *host)
{
    struct qnk_bound *bound = host->bound;

    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        struct bound_plugin *at = &bound->plugins[i];

        at->is_asked = at->need != NULL && at->instance == NULL;
    }
    bound->tried = (struct qnk_hash){0};
    qnk_bound_answer(host);
}

struct qnk_instance *qnk_bound_find(struct qnk_host *host, uint32_t kind, uint32_t number)
{
    const struct bound_plugin *at =
        host->bound == NULL ? NULL : plugin_at(host->bound, kind, number);

    return at == NULL ? NULL : at->instance;
}

/* --- proposals --- */

__attribute__((format(printf, 3, 4))) static int32_t refuse(char why[QNK_BOUND_WORDS],
                                                            int32_t status, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, QNK_BOUND_WORDS, format, list);
    va_end(list);
    return status;
}

/* The token of one ask more; 0: there is no room. */
static uint64_t ask_add(struct qnk_bound *bound, uint8_t kind, qnk_bound_said *said, void *ctx,
                        char why[QNK_BOUND_WORDS])
{
    uint32_t at = 0;

    while (at < QNK_BOUND_ASKS_MAX && bound->asks[at].token != 0) {
        at++;
    }
    if (at == QNK_BOUND_ASKS_MAX) {
        (void)refuse(why, QN_BUSY, "too many proposals wait already");
        return 0;
    }
    bound->asks[at] =
        (struct bound_ask){.token = ++bound->tokens, .kind = kind, .said = said, .ctx = ctx};
    return bound->asks[at].token;
}

static int32_t propose(struct qnk_host *host, uint8_t kind, struct qn_span payload,
                       qnk_bound_said *said, void *ctx, char why[QNK_BOUND_WORDS])
{
    struct qnk_event event = {.type = QNK_EVENT_PROPOSE};

    event.propose.token = ask_add(host->bound, kind, said, ctx, why);
    event.propose.kind = kind;
    event.propose.payload = payload;
    if (event.propose.token == 0) {
        return QN_BUSY;
    }
    qnk_live_event(host, &event);
    return QN_OK;
}

/* --- what this node said --- */

enum bound_word { WORD_NONE, WORD_READY, WORD_AGAINST };

static const char *const word_steps[] = {
    [WORD_NONE] = "", [WORD_READY] = "ready", [WORD_AGAINST] = "against"};

static const char not_kept[] = "said, but not kept: it may be forgotten at a restart";

/* What this node said of the plan last, in this life or an earlier one. */
static enum bound_word word_said(struct qnk_host *host, const struct qnk_swap *swap)
{
    const json_t *lines = qnk_refit_lines(host);
    char id[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(swap->planned->id.bytes, QN_HASH_SIZE, id);
    for (size_t i = json_array_size(lines); i-- > 0;) {
        const json_t *line = json_array_get(lines, i);
        const char *plan = json_string_value(json_object_get(line, "plan"));
        const json_t *since = json_object_get(line, "since");
        const char *step = json_string_value(json_object_get(line, "step"));

        if (plan == NULL || strcmp(plan, id) != 0 || step == NULL ||
            json_integer_value(since) != (json_int_t)swap->since) {
            continue;
        }
        for (uint32_t word = WORD_READY; word <= WORD_AGAINST; word++) {
            if (strcmp(step, word_steps[word]) == 0) {
                return (enum bound_word)word;
            }
        }
    }
    return WORD_NONE;
}

/* The word is durable before anybody hears that it was said. False: it could not be made so. */
static bool word_tell(struct qnk_host *host, enum bound_word word)
{
    struct qnk_bound *bound = host->bound;
    const struct qnk_swap *swap = &qnk_node_control(host->node)->swap;
    char id[QNK_HEX_SIZE(QN_HASH_SIZE)];
    json_t *line;

    bound->tried = swap->planned->id;
    bound->tried_since = swap->since;
    if (word_said(host, swap) == word) {
        return true; /* said again */
    }
    qnk_hex_encode(swap->planned->id.bytes, QN_HASH_SIZE, id);
    line = line_of(word_steps[word], swap->planned->plan.kind, &swap->planned->plan.engine);
    json_object_set_new(line, "plan", json_string(id));
    json_object_set_new(line, "since", json_integer((json_int_t)swap->since));
    if (qnk_refit_tell(host, line, true) == QN_OK) {
        return true;
    }
    qnk_log(&host->log, QNK_LOG_WARN, "swap-word-not-kept", "'%s' was %s | plan=%.16s",
            word_steps[word], not_kept, id);
    return false;
}

static void window_tell(struct qnk_host *host)
{
    struct qnk_node_view view;
    json_t *line;

    qnk_node_look(host->node, &view);
    line = json_pack("{s:s, s:s, s:I, s:s}", "step", "given-up", "kind",
                     qnk_binding_kind_name(QNK_BINDING_CONSENSUS), "window",
                     (json_int_t)(view.final_window + 1), "words", "by the operator");
    (void)qnk_refit_tell(host, line, false);
}

/* Whether what was said will be known after a restart, as far as it has to be. */
static bool said_tell(struct qnk_host *host, uint8_t kind)
{
    switch (kind) {
    case QNK_TX_READY:
        return word_tell(host, WORD_READY);
    case QNK_TX_CANCEL:
        return word_tell(host, WORD_AGAINST);
    case 0:
        window_tell(host);
        return true;
    default:
        return true;
    }
}

void qnk_bound_proposed(struct qnk_host *host, const struct qnk_effect *effect)
{
    struct qnk_bound *bound = host->bound;

    for (uint32_t i = 0; i < QNK_BOUND_ASKS_MAX; i++) {
        struct bound_ask ask = bound->asks[i];

        if (ask.token != 0 && ask.token == effect->proposed.token) {
            const char *words = effect->proposed.text;

            bound->asks[i] = (struct bound_ask){0};
            if (effect->proposed.status == QN_OK) {
                words = said_tell(host, ask.kind) ? "" : not_kept;
            }
            ask.said(ask.ctx, effect->proposed.status, words, &effect->proposed.plan);
        }
    }
}

bool qnk_bound_is_busy(const struct qnk_host *host)
{
    for (uint32_t i = 0; i < QNK_BOUND_ASKS_MAX; i++) {
        if (host->bound->asks[i].token != 0) {
            return true;
        }
    }
    return false;
}

void qnk_bound_stop(struct qnk_host *host)
{
    struct qnk_bound *bound = host->bound;

    for (uint32_t i = 0; bound != NULL && i < QNK_BOUND_ASKS_MAX; i++) {
        struct bound_ask ask = bound->asks[i];

        if (ask.token != 0) {
            bound->asks[i] = (struct bound_ask){0};
            ask.said(ask.ctx, QN_AGAIN, "the node stops", &(struct qnk_hash){0});
        }
    }
}

/* --- a plan --- */

static int32_t running_check(const struct qnk_host *host, char why[QNK_BOUND_WORDS])
{
    return host->phase == QNK_HOST_RUNNING ? QN_OK
                                           : refuse(why, QN_AGAIN, "the node is not running");
}

static int32_t kind_read(const char *text, uint8_t *kind, char why[QNK_BOUND_WORDS])
{
    if (strcmp(text, "consensus") == 0) {
        *kind = QNK_BINDING_CONSENSUS;
    } else if (strcmp(text, "producer") == 0) {
        *kind = QNK_BINDING_PRODUCER;
    } else if (strcmp(text, "compression") == 0 || strcmp(text, "signature") == 0) {
        return refuse(why, QN_DENIED, "%s is a node's own affair: `qnet plugin swap %s=NAME`", text,
                      text);
    } else {
        return refuse(why, QN_DENIED, "a plan is for consensus or producer, not for '%.40s'", text);
    }
    return QN_OK;
}

int32_t qnk_bound_plan_fill(const struct qnk_config_plugin *used, const struct qnk_plugin *plugin,
                            struct qnk_swap_plan *plan, char why[QNK_BOUND_WORDS])
{
    const struct qnk_manifest *manifest = &plugin->manifest;
    struct qnk_binding *engine = &plan->engine;
    int32_t status = kind_read(used->kind, &plan->kind, why);

    if (status != QN_OK) {
        return status;
    }
    if (used->part.record.size > sizeof engine->config ||
        manifest->steps_count > QNK_BINDING_STEPS_MAX) {
        return refuse(why, QN_UNSUPPORTED, "its config or its steps are more than a plan holds");
    }
    qnk_text(engine->name, sizeof engine->name, "%s", manifest->name);
    qnk_text(engine->version, sizeof engine->version, "%u.%u", (unsigned)manifest->version[0],
             (unsigned)manifest->version[1]);
    for (uint32_t i = 0; plan->kind == QNK_BINDING_CONSENSUS && i < manifest->steps_count; i++) {
        engine->steps[engine->steps_count++] = manifest->steps[i].id;
    }
    engine->config_size = (uint32_t)used->part.record.size;
    if (engine->config_size > 0) {
        memcpy(engine->config, used->part.record.data, engine->config_size);
    }
    plan->table_major = manifest->table_major;
    plan->table_minor = manifest->table_minor;
    plan->table_print = manifest->table_print;
    return QN_OK;
}

static void code_put(struct qnk_swap_plan *plan, const struct qnk_hash *code)
{
    uint32_t at = 0;

    while (at < plan->codes_count && memcmp(plan->codes[at].bytes, code->bytes, QN_HASH_SIZE) < 0) {
        at++;
    }
    if (at < plan->codes_count && qnk_hash_equal(&plan->codes[at], code)) {
        return;
    }
    memmove(&plan->codes[at + 1], &plan->codes[at],
            (plan->codes_count - at) * sizeof plan->codes[0]);
    plan->codes[at] = *code;
    plan->codes_count++;
}

/* In their order, each once. */
static int32_t codes_fill(const char *text, const struct qnk_hash *here, struct qnk_swap_plan *plan,
                          char why[QNK_BOUND_WORDS])
{
    while (text != NULL && *text != 0) {
        size_t size = strcspn(text, ",");
        char hex[QNK_HEX_SIZE(QN_HASH_SIZE)] = "";
        struct qnk_hash code = *here;
        bool is_here = size == 4 && strncmp(text, "here", size) == 0;

        if (size < sizeof hex) {
            memcpy(hex, text, size);
        }
        if (!is_here && qnk_hex_decode(hex, QN_HASH_SIZE, code.bytes) != QN_OK) {
            return refuse(why, QN_INVALID, "'%.*s' is neither 'here' nor 64 hex digits",
                          (int)(size < 80 ? size : 80), text);
        }
        if (plan->codes_count == QNK_SWAP_CODES_MAX) {
            return refuse(why, QN_INVALID, "a plan names at most %d files",
                          (int)QNK_SWAP_CODES_MAX);
        }
        code_put(plan, &code);
        text += size + (text[size] == ',');
    }
    return QN_OK;
}

/* Makes the plugin as a plan says, and tries it: what it answers is its trace. */
static int32_t trial_do(struct qnk_host *host, struct qnk_plugin *plugin, uint32_t kind,
                        const struct qnk_binding *engine, struct qnk_hash *trace,
                        char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_instance *instance = NULL;
    int32_t status = instance_make(host, plugin, engine, &instance, why);

    if (status != QN_OK) {
        return status;
    }
    status = qnk_trial_run(&host->budget, kind, engine, qnk_instance_plugged(instance), trace);
    if (status != QN_OK) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "it fails in its trial (%d)", (int)status);
    }
    qnk_kit_retire(&host->log, instance);
    return status;
}

static int32_t plan_make(struct qnk_host *host, const struct qnk_bound_plan *from,
                         const struct qnk_refit_typed *typed, struct qnk_swap_plan *plan,
                         char why[QNK_BOUND_WORDS])
{
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = qnk_bound_plan_fill(typed->used, typed->plugin, plan, why);

    if (status == QN_OK) {
        status = codes_fill(from->codes, &typed->plugin->hash, plan, why);
    }
    if (status != QN_OK) {
        return status;
    }
    status = trial_do(host, typed->plugin, plan->kind, &plan->engine, &plan->trace, words);
    return status == QN_OK ? QN_OK : refuse(why, status, "%.250s", words);
}

/* The least that the rules allow, where nothing is said. A block's window may be the next one by
 * the time that the plan is in it. */
static void numbers_fill(const struct qnk_host *host, const struct qnk_bound_plan *from,
                         struct qnk_swap_plan *plan)
{
    const struct qnk_swap_rules *rules = &host->params.swap;
    struct qnk_node_view view;
    uint64_t window;

    qnk_node_look(host->node, &view);
    window = qnk_window_of(view.head_height + 1, host->params.window);
    plan->percent = (uint8_t)(from->percent == 0 ? rules->percent : from->percent);
    plan->probation = from->probation == 0 ? rules->probation : from->probation;
    plan->engine.first = from->first == 0 ? window + rules->notice + 1 : from->first;
}

int32_t qnk_bound_plan(struct qnk_host *host, const struct qnk_bound_plan *from,
                       qnk_bound_said *said, void *ctx, char why[QNK_BOUND_WORDS])
{
    struct qnk_swap_plan plan = {0};
    struct qnk_refit_typed typed;
    uint8_t payload[QNK_SWAP_PLAN_MAX];
    int32_t status = running_check(host, why);

    if (status == QN_OK) {
        status = kind_read(from->kind, &plan.kind, why);
    }
    if (status != QN_OK) {
        return status;
    }
    status = qnk_refit_read(host, from->kind, from->typed, &typed, why, QNK_BOUND_WORDS);
    if (status == QN_OK) {
        status = plan_make(host, from, &typed, &plan, why);
        qnk_refit_read_done(host, &typed);
    }
    if (status != QN_OK) {
        return status;
    }
    numbers_fill(host, from, &plan);
    return propose(host, QNK_TX_PLAN,
                   (struct qn_span){payload, qnk_swap_plan_encode(&plan, payload)}, said, ctx, why);
}

/* --- ready and cancel --- */

/* The open plan; NULL: there is none. */
static const struct qnk_planned *open_plan(const struct qnk_host *host)
{
    const struct qnk_swap *swap = &qnk_node_control(host->node)->swap;

    return swap->planned != NULL && qnk_swap_is_open(swap->life) ? swap->planned : NULL;
}

/* Whether this node could run the plan's plugin: it is made as the plan says, and tried. */
static int32_t plan_try(struct qnk_host *host, const struct qnk_swap_plan *plan,
                        struct qnk_swap_ready *ready, char why[QNK_BOUND_WORDS])
{
    struct qnk_plugin *plugin = NULL;
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = plugin_find(host, plan->kind, &plan->engine, &plugin, words);

    if (status == QN_OK && (plugin->manifest.table_major != plan->table_major ||
                            plugin->manifest.table_minor < plan->table_minor)) {
        return refuse(why, QN_UNSUPPORTED, "'%s' here has %s/%u.%u, and the plan wants %u.%u",
                      plan->engine.name, qnk_binding_kind_name(plan->kind),
                      plugin->manifest.table_major, plugin->manifest.table_minor, plan->table_major,
                      plan->table_minor);
    }
    if (status == QN_OK) {
        status = trial_do(host, plugin, plan->kind, &plan->engine, &ready->trace, words);
    }
    if (status != QN_OK) {
        return refuse(why, status, "this node has no %s %s %s: %.160s",
                      qnk_binding_kind_name(plan->kind), plan->engine.name, plan->engine.version,
                      words);
    }
    ready->code = plugin->hash;
    return QN_OK;
}

int32_t qnk_bound_ready(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                        char why[QNK_BOUND_WORDS])
{
    struct qnk_swap_ready ready = {0};
    uint8_t payload[QNK_SWAP_READY_SIZE];
    const struct qnk_planned *planned;
    int32_t status = running_check(host, why);

    if (status != QN_OK) {
        return status;
    }
    planned = open_plan(host);
    if (planned == NULL) {
        return refuse(why, QN_NOT_FOUND, "no plan is open");
    }
    if (host->setup.config->node.swap_accept == QNK_SWAP_ACCEPT_NEVER) {
        return refuse(why, QN_DENIED, "swap.accept of the node file is 'never'");
    }
    status = plan_try(host, &planned->plan, &ready, why);
    if (status != QN_OK) {
        return status;
    }
    ready.plan = planned->id;
    qnk_swap_ready_encode(&ready, payload);
    return propose(host, QNK_TX_READY, (struct qn_span){payload, sizeof payload}, said, ctx, why);
}

int32_t qnk_bound_cancel(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                         char why[QNK_BOUND_WORDS])
{
    uint8_t payload[QNK_SWAP_CANCEL_SIZE];
    const struct qnk_planned *planned;
    int32_t status = running_check(host, why);

    if (status != QN_OK) {
        return status;
    }
    planned = open_plan(host);
    if (planned == NULL) {
        return refuse(why, QN_NOT_FOUND, "no plan is open");
    }
    qnk_swap_cancel_encode(&planned->id, payload);
    return propose(host, QNK_TX_CANCEL, (struct qn_span){payload, sizeof payload}, said, ctx, why);
}

int32_t qnk_bound_abandon(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                          char why[QNK_BOUND_WORDS])
{
    struct qnk_event event = {.type = QNK_EVENT_ABANDON};
    int32_t status = running_check(host, why);

    if (status != QN_OK) {
        return status;
    }
    event.abandon.token = ask_add(host->bound, 0, said, ctx, why);
    if (event.abandon.token == 0) {
        return QN_BUSY;
    }
    qnk_live_event(host, &event);
    return QN_OK;
}

/* --- what becomes of a plan --- */

static void plan_tell(struct qnk_host *host, const struct qnk_swap *swap)
{
    const struct qnk_swap_plan *plan = &swap->planned->plan;
    char id[QNK_HEX_SIZE(QN_HASH_SIZE)];
    json_t *line = line_of(qnk_swap_life_name(swap->life), plan->kind, &plan->engine);

    qnk_hex_encode(swap->planned->id.bytes, QN_HASH_SIZE, id);
    json_object_set_new(line, "plan", json_string(id));
    json_object_set_new(line, "number", json_integer((json_int_t)swap->number));
    json_object_set_new(line, "window", json_integer((json_int_t)swap->changed));
    qnk_log(&host->log, QNK_LOG_INFO, "swap",
            "the plan for %s %s from macro %llu on is %s | plan=%.16s kind=%s name=%s step=%s",
            qnk_binding_kind_name(plan->kind), plan->engine.name,
            (unsigned long long)plan->engine.first, qnk_swap_life_name(swap->life), id,
            qnk_binding_kind_name(plan->kind), plan->engine.name, qnk_swap_life_name(swap->life));
    (void)qnk_refit_tell(host, line, false);
}

/* Whether the history has this already: the node was started again. */
static bool is_told(struct qnk_host *host, const struct qnk_swap *swap)
{
    const json_t *lines = qnk_refit_lines(host);
    char id[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(swap->planned->id.bytes, QN_HASH_SIZE, id);
    for (size_t i = json_array_size(lines); i-- > 0;) {
        const json_t *line = json_array_get(lines, i);
        const char *plan = json_string_value(json_object_get(line, "plan"));
        bool is_word = json_object_get(line, "since") != NULL; /* this node's own */

        if (plan != NULL && !is_word && strcmp(plan, id) == 0) {
            return strcmp(json_string_value(json_object_get(line, "step")),
                          qnk_swap_life_name(swap->life)) == 0;
        }
    }
    return false;
}

static void said_nothing(void *ctx, int32_t status, const char *words, const struct qnk_hash *plan)
{
    struct qnk_host *host = ctx;

    (void)plan;
    if (status != QN_OK) {
        qnk_log(&host->log, QNK_LOG_WARN, "swap-not-ready", "this node has no word on the plan: %s",
                words);
    }
}

/* What there is to say of the plan: once more what no block has brought, or, as the node file says,
 * that this node is ready once it could be. */
static enum bound_word word_due(struct qnk_host *host, const struct qnk_swap *swap,
                                uint8_t on_chain)
{
    bool is_prepared = host->setup.config->node.swap_accept == QNK_SWAP_ACCEPT_PREPARED;
    enum bound_word word;

    if (on_chain != QNK_SWAP_SILENT && on_chain != QNK_SWAP_READY) {
        return WORD_NONE;
    }
    word = word_said(host, swap);
    if (on_chain == QNK_SWAP_READY) {
        return word == WORD_AGAINST ? word : WORD_NONE;
    }
    return word == WORD_NONE && is_prepared ? WORD_READY : word;
}

static void accept_look(struct qnk_host *host)
{
    struct qnk_bound *bound = host->bound;
    const struct qnk_control *control = qnk_node_control(host->node);
    const struct qnk_swap *swap = &control->swap;
    char why[QNK_BOUND_WORDS];
    struct qnk_node_view view;
    enum bound_word due;
    int32_t status;

    if (swap->life != QNK_SWAP_PROPOSED ||
        (qnk_hash_equal(&bound->tried, &swap->planned->id) && bound->tried_since == swap->since)) {
        return;
    }
    qnk_node_look(host->node, &view);
    if (!view.is_signing || view.member >= control->members_count) {
        return;
    }
    due = word_due(host, swap, control->members[view.member].swap);
    if (due == WORD_NONE) {
        return;
    }
    bound->tried = swap->planned->id;
    bound->tried_since = swap->since;
    status = due == WORD_READY ? qnk_bound_ready(host, said_nothing, host, why)
                               : qnk_bound_cancel(host, said_nothing, host, why);
    if (status != QN_OK) {
        said_nothing(host, QN_DENIED, why, &swap->planned->id);
    }
}

void qnk_bound_tick(struct qnk_host *host)
{
    struct qnk_bound *bound = host->bound;
    const struct qnk_swap *swap = &qnk_node_control_final(host->node)->swap;

    if (swap->planned != NULL && (!bound->has_seen || swap->life != bound->life ||
                                  !qnk_hash_equal(&bound->plan, &swap->planned->id))) {
        if (bound->has_seen || !is_told(host, swap)) {
            plan_tell(host, swap);
        }
        bound->plan = swap->planned->id;
        bound->life = swap->life;
    }
    bound->has_seen = true;
    accept_look(host);
}

/* --- life --- */

int32_t qnk_bound_create(struct qnk_host *host)
{
    host->bound = qnk_memory_take(&host->budget, sizeof *host->bound);
    if (host->bound == NULL) {
        return QN_NO_SPACE;
    }
    host->bound->host = host;
    return QN_OK;
}

void qnk_bound_destroy(struct qnk_bound *bound)
{
    if (bound == NULL) {
        return;
    }
    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        qnk_kit_retire(&bound->host->log, bound->plugins[i].instance);
        qnk_need_destroy(bound->plugins[i].need);
    }
    qnk_memory_give(&bound->host->budget, bound, sizeof *bound);
}
