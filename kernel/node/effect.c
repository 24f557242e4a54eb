/* SPDX-License-Identifier: MIT */

#include "kernel/node/effect.h"

#include <qnet/assert.h>

enum { FIRST_CAPACITY = 256 };

const char *qnk_fault_name(uint32_t fault)
{
    static const char *const names[QNK_FAULTS] = {
        [QNK_FAULT_MALFORMED] = "malformed",
        [QNK_FAULT_UNASKED] = "unasked",
        [QNK_FAULT_BAD_SIGNATURE] = "signature",
        [QNK_FAULT_BAD_BLOCK] = "block",
        [QNK_FAULT_BAD_RANGE] = "range",
        [QNK_FAULT_BAD_TX] = "tx",
        [QNK_FAULT_SLOW] = "slow",
    };

    QN_ASSERT(fault < QNK_FAULTS);
    return names[fault];
}

void qnk_effects_init(struct qnk_effects *effects, struct qnk_budget *budget)
{
    *effects = (struct qnk_effects){.budget = budget};
}

struct qnk_effect *qnk_effects_push(struct qnk_effects *effects, uint32_t type)
{
    if (effects->count == effects->capacity) {
        uint32_t capacity = effects->capacity == 0 ? FIRST_CAPACITY : effects->capacity * 2;
        struct qnk_effect *list = qnk_memory_take(effects->budget, capacity * sizeof *list);

        QN_ASSERT(list != NULL);
        if (effects->count > 0) {
            memcpy(list, effects->list, effects->count * sizeof *list);
        }
        qnk_memory_give(effects->budget, effects->list, effects->capacity * sizeof *list);
        effects->list = list;
        effects->capacity = capacity;
    }

    struct qnk_effect *effect = &effects->list[effects->count++];

    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

void qnk_final_destroy(struct qnk_final *final)
{
    if (final == NULL) {
        return;
    }
    qnk_buf_unref(final->certificate);
    qnk_buf_unref(final->control);
    qnk_buf_unref(final->next_set);
    qnk_buf_unref(final->frontier);
    qnk_buf_unref(final->blocks);
    qnk_buf_unref(final->headers);
    qnk_buf_unref(final->ids);
    qnk_buf_unref(final->counts);
    qnk_memory_give(final->budget, final->pages.indexes,
                    final->pages.count * sizeof *final->pages.indexes);
    qnk_buf_unref(final->pages.bytes);
    qnk_memory_give(final->budget, final, sizeof *final);
}

void qnk_sign_destroy(struct qnk_sign *sign)
{
    if (sign == NULL) {
        return;
    }
    qnk_buf_unref(sign->body);
    qnk_buf_unref(sign->records);
    qnk_buf_unref(sign->long_message);
    qnk_memory_give(sign->budget, sign, sizeof *sign);
}

void qnk_need_destroy(struct qnk_need *need)
{
    if (need != NULL) {
        qnk_memory_give(need->budget, need, sizeof *need);
    }
}

static void give_back(struct qnk_effect *effect)
{
    switch ((enum qnk_effect_type)effect->type) {
    case QNK_EFFECT_SEND:
        qnk_buf_unref(effect->send.head);
        qnk_buf_unref(effect->send.body.owner);
        break;
    case QNK_EFFECT_JOB:
        qnk_job_destroy(effect->job);
        break;
    case QNK_EFFECT_STORE_BLOCK:
        qnk_buf_unref(effect->block.body);
        break;
    case QNK_EFFECT_STORE_FINAL:
        qnk_final_destroy(effect->final);
        break;
    case QNK_EFFECT_STORE_TXS:
        qnk_buf_unref(effect->txs.rows);
        break;
    case QNK_EFFECT_SIGN:
        qnk_sign_destroy(effect->sign);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        qnk_buf_unref(effect->trim.records);
        break;
    case QNK_EFFECT_REPLY:
        qnk_buf_unref(effect->reply.codes);
        break;
    case QNK_EFFECT_NEED:
        qnk_need_destroy(effect->need);
        break;
    case QNK_EFFECT_NOTE:
        qnk_buf_unref(effect->note.ids);
        break;
    case QNK_EFFECT_TIMER:
    case QNK_EFFECT_CANCEL:
    case QNK_EFFECT_SECRETS:
    case QNK_EFFECT_STORE_PLACE:
    case QNK_EFFECT_CHECK:
    case QNK_EFFECT_SERVE:
    case QNK_EFFECT_SCORE:
    case QNK_EFFECT_HALT:
    case QNK_EFFECT_UNPLUG:
    case QNK_EFFECT_PROPOSED:
        break;
    }
}

void qnk_effects_reset(struct qnk_effects *effects)
{
    for (uint32_t i = 0; i < effects->count; i++) {
        give_back(&effects->list[i]);
    }
    effects->count = 0;
}

void qnk_effects_done(struct qnk_effects *effects)
{
    qnk_effects_reset(effects);
    qnk_memory_give(effects->budget, effects->list, effects->capacity * sizeof *effects->list);
    *effects = (struct qnk_effects){.budget = effects->budget};
}
