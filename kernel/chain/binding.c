/* SPDX-License-Identifier: MIT */

#include "kernel/chain/binding.h"

#include <string.h>

#include <qnet/assert.h>

const char *qnk_binding_kind_name(uint32_t kind)
{
    static const char *const names[] = {"consensus", "producer", "ledger"};

    return kind < sizeof names / sizeof *names ? names[kind] : "other";
}

enum {
    BINDING_HEAD = 4 + 8 + 4,       /* before the engine record */
    ENGINE_COUNTS = 4 * 4,          /* of name, version, config and steps */
    LEAST_SIZE = 16 + BINDING_HEAD, /* of a binding whose engine record is empty */
};

/* --- engine records --- */

uint64_t qnk_engine_size(const struct qnk_binding *binding)
{
    return ENGINE_COUNTS + strlen(binding->name) + strlen(binding->version) + binding->config_size +
           2ull * binding->steps_count;
}

static struct qn_span text_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

uint32_t qnk_engine_record(const struct qnk_binding *binding, uint8_t to[QNK_ENGINE_RECORD_MAX])
{
    uint8_t *at = qn_writer_text(to, text_of(binding->name), sizeof binding->name - 1);

    QN_ASSERT(qnk_engine_size(binding) <= QNK_ENGINE_RECORD_MAX);
    QN_ASSERT(binding->steps_count <= QNK_BINDING_STEPS_MAX);
    at = qn_writer_text(at, text_of(binding->version), sizeof binding->version - 1);
    at = qn_writer_bytes(at, (struct qn_span){binding->config, binding->config_size},
                         QNK_BINDING_CONFIG_MAX);
    at = qn_writer_u32(at, binding->steps_count);
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        at = qn_writer_u16(at, binding->steps[i]);
    }
    return (uint32_t)(at - to);
}

/* A text into a field that has room for it and a zero byte. */
static void text_read(struct qn_reader *from, char *to, uint32_t room)
{
    struct qn_span text = qn_reader_text(from, room - 1);

    if (text.size > 0) {
        memcpy(to, text.data, text.size);
    }
}

bool qnk_engine_read(struct qn_reader *from, struct qnk_binding *binding)
{
    bool is_ascending = true;

    text_read(from, binding->name, sizeof binding->name);
    text_read(from, binding->version, sizeof binding->version);

    struct qn_span config = qn_reader_bytes(from, QNK_BINDING_CONFIG_MAX);

    binding->config_size = (uint32_t)config.size;
    if (config.size > 0) {
        memcpy(binding->config, config.data, config.size);
    }
    binding->steps_count = qn_reader_count(from, QNK_BINDING_STEPS_MAX);
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        binding->steps[i] = qn_reader_u16(from);
        is_ascending = is_ascending && (i == 0 || binding->steps[i] > binding->steps[i - 1]);
    }
    return is_ascending;
}

bool qnk_engine_equal(const struct qnk_binding *a, const struct qnk_binding *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->version, b->version) == 0 &&
           a->config_size == b->config_size && a->steps_count == b->steps_count &&
           memcmp(a->config, b->config, a->config_size) == 0 &&
           memcmp(a->steps, b->steps, a->steps_count * sizeof *a->steps) == 0;
}

bool qnk_engine_has_step(const struct qnk_binding *binding, uint32_t step)
{
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        if (binding->steps[i] == step) {
            return true;
        }
    }
    return false;
}

/* --- lists --- */

static uint64_t list_size(uint32_t count)
{
    return sizeof(struct qnk_bindings) + count * sizeof(struct qnk_binding);
}

static struct qnk_bindings *list_new(struct qnk_budget *budget, uint32_t count)
{
    struct qnk_bindings *list = qnk_memory_take(budget, list_size(count));

    if (list != NULL) {
        list->refs = 1;
        list->count = count;
        list->budget = budget;
    }
    return list;
}

int32_t qnk_bindings_new(struct qnk_budget *budget, const struct qnk_binding *first,
                         struct qnk_bindings **bindings)
{
    struct qnk_bindings *list = list_new(budget, 1);

    if (list == NULL) {
        return QN_NO_SPACE;
    }
    list->list[0] = *first;
    *bindings = list;
    return QN_OK;
}

struct qnk_bindings *qnk_bindings_ref(struct qnk_bindings *bindings)
{
    QN_ASSERT(bindings->refs > 0);
    bindings->refs++;
    return bindings;
}

void qnk_bindings_unref(struct qnk_bindings *bindings)
{
    if (bindings == NULL) {
        return;
    }
    QN_ASSERT(bindings->refs > 0);
    if (--bindings->refs == 0) {
        qnk_memory_give(bindings->budget, bindings, list_size(bindings->count));
    }
}

const struct qnk_binding *qnk_bindings_at(const struct qnk_bindings *bindings, uint64_t window)
{
    const struct qnk_binding *at = &bindings->list[0];

    for (uint32_t i = 1; i < bindings->count; i++) {
        if (bindings->list[i].first <= window) {
            at = &bindings->list[i];
        }
    }
    return at;
}

const struct qnk_binding *qnk_bindings_find(const struct qnk_bindings *bindings, uint32_t number)
{
    for (uint32_t i = 0; i < bindings->count; i++) {
        if (bindings->list[i].number == number) {
            return &bindings->list[i];
        }
    }
    return NULL;
}

const struct qnk_binding *qnk_bindings_attempt(const struct qnk_bindings *bindings, uint64_t window,
                                               uint32_t attempt)
{
    const struct qnk_binding *at = qnk_bindings_at(bindings, window);
    const struct qnk_binding *fallback =
        attempt == 0 ? at : qnk_bindings_find(bindings, at->fallback);

    return fallback == NULL ? at : fallback;
}

/* Whether some window from `window` on needs the binding at `i`: it serves one, or one that does
 * falls back to it. */
static bool is_needed(const struct qnk_bindings *from, uint32_t i, uint64_t window)
{
    uint32_t in_force = qnk_bindings_at(from, window)->number;
    uint32_t number = from->list[i].number;

    for (uint32_t j = i + 1; j < from->count; j++) {
        if (from->list[j].number >= in_force && from->list[j].fallback == number) {
            return true;
        }
    }
    return number >= in_force;
}

int32_t qnk_bindings_add(const struct qnk_bindings *from, const struct qnk_binding *next,
                         uint64_t window, struct qnk_bindings **bindings)
{
    bool keeps[QNK_BINDINGS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < from->count; i++) {
        const struct qnk_binding *it = &from->list[i];

        keeps[i] =
            it->first < next->first && (is_needed(from, i, window) || it->number == next->fallback);
        count += keeps[i];
    }
    if (count == 0 || count == QNK_BINDINGS_MAX) {
        return QN_INVALID;
    }

    struct qnk_bindings *made = list_new(from->budget, count + 1);

    if (made == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0, at = 0; i < from->count; i++) {
        if (keeps[i]) {
            made->list[at++] = from->list[i];
        }
    }
    made->list[count] = *next;
    *bindings = made;
    return QN_OK;
}

int32_t qnk_bindings_skip(const struct qnk_bindings *from, uint32_t failed,
                          struct qnk_bindings **bindings)
{
    const struct qnk_binding *skipped = qnk_bindings_find(from, failed);
    struct qnk_bindings *made = list_new(from->budget, from->count);

    QN_ASSERT(skipped != NULL);
    if (made == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        made->list[i] = from->list[i];
        if (made->list[i].fallback == failed) {
            made->list[i].fallback = skipped->fallback;
        }
    }
    *bindings = made;
    return QN_OK;
}

/* --- encoding --- */

uint64_t qnk_bindings_size(const struct qnk_bindings *bindings)
{
    uint64_t size = 4;

    for (uint32_t i = 0; i < bindings->count; i++) {
        size += BINDING_HEAD + qnk_engine_size(&bindings->list[i]);
    }
    return size;
}

uint32_t qnk_binding_write(const struct qnk_binding *binding, uint8_t to[QNK_BINDING_SIZE_MAX])
{
    uint8_t *at = qn_writer_u32(to, binding->number);

    at = qn_writer_u64(at, binding->first);
    at = qn_writer_u32(at, binding->fallback);
    return BINDING_HEAD + qnk_engine_record(binding, at);
}

uint8_t *qnk_bindings_write(uint8_t *to, const struct qnk_bindings *bindings)
{
    to = qn_writer_u32(to, bindings->count);
    for (uint32_t i = 0; i < bindings->count; i++) {
        to += qnk_binding_write(&bindings->list[i], to);
    }
    return to;
}

/* The binding at `i`, after those before it. */
static bool binding_read(struct qn_reader *from, struct qnk_bindings *list, uint32_t i)
{
    struct qnk_binding *binding = &list->list[i];
    const struct qnk_binding *before = i == 0 ? NULL : binding - 1;

    binding->number = qn_reader_u32(from);
    binding->first = qn_reader_u64(from);
    binding->fallback = qn_reader_u32(from);
    return qnk_engine_read(from, binding) && binding->number <= QNK_BINDING_NUMBER_MAX &&
           binding->fallback <= binding->number &&
           (before == NULL || (binding->number > before->number && binding->first > before->first));
}

int32_t qnk_bindings_read(struct qnk_budget *budget, struct qn_reader *from,
                          struct qnk_bindings **bindings)
{
    uint32_t count = qn_reader_count(from, QNK_BINDINGS_MAX);

    if (count == 0 || from->left < (uint64_t)count * LEAST_SIZE) {
        return QN_INVALID;
    }

    struct qnk_bindings *list = list_new(budget, count);
    bool is_right = list != NULL;

    for (uint32_t i = 0; is_right && i < count; i++) {
        is_right = binding_read(from, list, i);
    }
    if (!is_right || from->at == NULL) {
        qnk_bindings_unref(list);
        return list == NULL ? QN_NO_SPACE : QN_INVALID;
    }
    *bindings = list;
    return QN_OK;
}
