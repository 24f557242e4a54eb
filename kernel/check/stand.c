/* SPDX-License-Identifier: MIT */

#include "kernel/check/stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/service.h>
#include <qnet/transport.h>

#include "kernel/check/guarded.h"
#include "kernel/check/verdict.h"
#include "sdk/check/work.h"

enum { FREEZES_MAX = 2000, TURN_MS = 5, PUMP_BUDGET = 16 };

void qn_check_failed(const char *file, int line, const char *what)
{
    const char *short_name = strstr(file, "sdk/check/");

    qnk_verdict_fail("%s%s%s:%d: %s", qnk_guarded_words(), *qnk_guarded_words() != 0 ? ", at " : "",
                     short_name != NULL ? short_name : file, line, what);
}

const char *qnk_status_word(int32_t status)
{
    static const char *const words[QN_STATUS_COUNT] = {
        "OK",       "AGAIN",   "INVALID", "UNSUPPORTED", "NOT_FOUND", "EXISTS", "CORRUPT", "IO",
        "NO_SPACE", "TIMEOUT", "DENIED",  "BUSY",        "CANCELLED", "PEER",   "BUG",     "FATAL",
    };

    return status >= 0 && status < QN_STATUS_COUNT ? words[status] : "a status that there is not";
}

struct qn_check_given qnk_subject_given(const struct qnk_subject *subject,
                                        const struct qn_plugin *plugin)
{
    return (struct qn_check_given){
        .plugin = plugin,
        .config = subject->config,
        .memory = subject->memory,
        .lanes = subject->lanes,
        .steps = subject->steps,
    };
}

static int32_t stand_pump(void *context)
{
    struct qnk_stand *stand = context;
    struct qn_effects out = {.push = qn_check_effect_drop};

    if (!stand->is_active) {
        return QN_OK;
    }
    if (strcmp(stand->kind, "transport") == 0) {
        const struct qn_transport_1 *slots = (const void *)stand->plugin->slots;

        return slots->pump(stand->inst, PUMP_BUDGET, &out);
    }
    if (strcmp(stand->kind, "service") == 0) {
        const struct qn_service_1 *slots = (const void *)stand->plugin->slots;

        return slots->pump(stand->inst, PUMP_BUDGET);
    }
    return QN_OK;
}

static void node_make(struct qnk_stand *stand)
{
    stand->node = qn_check_node_create(stand->given.memory);
    qn_check_loop_join(stand->loop, stand->node, stand_pump, stand);
    qn_check_node_folder(stand->node, stand->folder);
}

void qnk_stand_init(struct qnk_stand *stand, const struct qnk_subject *subject,
                    const struct qn_plugin *plugin)
{
    const char *base = getenv("TMPDIR");

    memset(stand, 0, sizeof *stand);
    stand->plugin = plugin;
    stand->given = qnk_subject_given(subject, plugin);
    (void)snprintf(stand->kind, sizeof stand->kind, "%s", subject->kind);
    (void)snprintf(stand->folder, sizeof stand->folder, "%.90s/stand-XXXXXX",
                   base != NULL ? base : "/tmp");
    if (mkdtemp(stand->folder) == NULL) {
        qnk_verdict_skip("no folder can be made in %s", base != NULL ? base : "/tmp");
    }
    stand->loop = qn_check_loop_create();
    node_make(stand);
}

static void node_end(struct qnk_stand *stand)
{
    qn_check_loop_leave(stand->loop, stand->node);
    qn_check_node_destroy(stand->node);
}

void qnk_stand_renew(struct qnk_stand *stand)
{
    node_end(stand);
    node_make(stand);
}

void qnk_stand_done(struct qnk_stand *stand)
{
    node_end(stand);
    qn_check_loop_destroy(stand->loop);
}

const char *qnk_stand_words(const struct qnk_stand *stand)
{
    static char text[QN_PLUGIN_TEXT_MAX + 1];
    struct qn_span words = qn_check_node_words(stand->node);

    (void)snprintf(text, sizeof text, "%.*s", (int)words.size, (const char *)words.data);
    return text;
}

int32_t qnk_stand_create(struct qnk_stand *stand)
{
    const struct qn_life *life = stand->plugin->life;
    int32_t status = life->create(&qn_check_host, stand->node, stand->given.config, &stand->inst);

    if (status == QN_OK && stand->inst == NULL) {
        qnk_verdict_fail("create() is OK and gives no instance");
    }
    return status;
}

void qnk_stand_start(struct qnk_stand *stand)
{
    int32_t status = qnk_stand_create(stand);

    if (status != QN_OK) {
        qnk_verdict_fail("create() answers %s: %s", qnk_status_word(status),
                         qnk_stand_words(stand));
    }
    status = stand->plugin->life->activate(stand->inst);
    if (status != QN_OK) {
        qnk_verdict_fail("activate() answers %s: %s", qnk_status_word(status),
                         qnk_stand_words(stand));
    }
    stand->is_active = true;
}

int32_t qnk_stand_freeze(struct qnk_stand *stand)
{
    int32_t status = stand->plugin->life->freeze(stand->inst);

    for (uint32_t i = 0; status == QN_BUSY && i < FREEZES_MAX; i++) {
        (void)qn_check_loop_turn(stand->loop, TURN_MS);
        status = stand->plugin->life->freeze(stand->inst);
    }
    stand->is_active = stand->is_active && status != QN_OK;
    return status;
}

void qnk_stand_stop(struct qnk_stand *stand)
{
    int32_t status = qnk_stand_freeze(stand);

    if (status != QN_OK) {
        qnk_verdict_fail("freeze() answers %s", qnk_status_word(status));
    }
    stand->plugin->life->destroy(stand->inst);
    stand->inst = NULL;
}
