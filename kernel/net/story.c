/* SPDX-License-Identifier: MIT */

#include "kernel/net/story.h"

#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/net/escape.h"

enum { LEVEL_INFO = 2 };

/* --- life --- */

static void *take(struct qnk_story *story, uint64_t size)
{
    return qnk_memory_take(story->budget, size);
}

static bool samples_take(struct qnk_story *story)
{
    for (uint32_t i = 0; i < story->spec->nodes_count; i++) {
        story->nodes[i].samples = take(story, QNK_STORY_SAMPLES_MAX * sizeof(struct qnk_sample));
        story->nodes[i].start_ms = UINT64_MAX;
        if (story->nodes[i].samples == NULL) {
            return false;
        }
    }
    return true;
}

bool qnk_story_init(struct qnk_story *story, struct qnk_budget *budget, const struct qnk_spec *spec,
                    uint64_t seed, const struct qnk_spec_variant *variant)
{
    uint64_t apart = spec->timeout_ms / (QNK_STORY_SAMPLES_MAX - 100);

    *story = (struct qnk_story){.budget = budget, .spec = spec, .seed = seed, .variant = variant};
    story->window_blocks = 10;
    story->sample_ms = apart > QNK_STORY_SAMPLE_MS ? (uint32_t)apart : QNK_STORY_SAMPLE_MS;
    qnk_course_make(&story->course, spec, seed, variant);
    story->txs = take(story, QNK_STORY_TXS_MAX * sizeof *story->txs);
    story->txs_index = qnk_index_create(budget, QNK_STORY_TXS_MAX, seed);
    story->micro_us = take(story, QNK_STORY_HEIGHTS_MAX * sizeof *story->micro_us);
    story->ids = take(story, QNK_STORY_HEIGHTS_MAX * sizeof *story->ids);
    story->final_us = take(story, QNK_STORY_WINDOWS_MAX * sizeof *story->final_us);
    story->digests = take(story, QNK_STORY_WINDOWS_MAX * sizeof *story->digests);
    story->tellings = take(story, QNK_STORY_TOLD_MAX * sizeof *story->tellings);
    if (samples_take(story) && story->txs != NULL && story->txs_index != NULL &&
        story->micro_us != NULL && story->ids != NULL && story->final_us != NULL &&
        story->digests != NULL && story->tellings != NULL) {
        return true;
    }
    qnk_story_done(story);
    return false;
}

void qnk_story_done(struct qnk_story *story)
{
    struct qnk_budget *budget = story->budget;

    for (uint32_t i = 0; i < QNK_SPEC_NODES_MAX; i++) {
        qnk_memory_give(budget, story->nodes[i].samples,
                        QNK_STORY_SAMPLES_MAX * sizeof(struct qnk_sample));
        story->nodes[i].samples = NULL;
    }
    if (story->txs_index != NULL) {
        qnk_index_destroy(story->txs_index);
    }
    qnk_memory_give(budget, story->txs, QNK_STORY_TXS_MAX * sizeof *story->txs);
    qnk_memory_give(budget, story->micro_us, QNK_STORY_HEIGHTS_MAX * sizeof *story->micro_us);
    qnk_memory_give(budget, story->ids, QNK_STORY_HEIGHTS_MAX * sizeof *story->ids);
    qnk_memory_give(budget, story->final_us, QNK_STORY_WINDOWS_MAX * sizeof *story->final_us);
    qnk_memory_give(budget, story->digests, QNK_STORY_WINDOWS_MAX * sizeof *story->digests);
    qnk_memory_give(budget, story->tellings, QNK_STORY_TOLD_MAX * sizeof *story->tellings);
    *story = (struct qnk_story){.budget = budget};
}

/* --- events.jsonl --- */

static void event_put(struct qnk_story *story, uint32_t node, uint64_t at_us, const char *what,
                      const char *text)
{
    if (story->events == NULL) {
        return;
    }
    fprintf(story->events, "{\"at_us\":%llu", (unsigned long long)at_us);
    if (node != QNK_COURSE_NOBODY) {
        fprintf(story->events, ",\"node\":\"%s\"", story->spec->nodes[node].name);
    }
    fprintf(story->events, ",\"what\":\"%s\",\"text\":", what);
    qnk_json_put(story->events, text);
    fprintf(story->events, "}\n");
}

void qnk_story_tell(struct qnk_story *story, uint64_t at_us, const char *what, const char *text)
{
    event_put(story, QNK_COURSE_NOBODY, at_us, what, text);
    if (story->tellings_count < QNK_STORY_TOLD_MAX) {
        struct qnk_story_told *it = &story->tellings[story->tellings_count++];

        it->at_us = at_us;
        qnk_text(it->what, sizeof it->what, "%s", what);
        qnk_text(it->text, sizeof it->text, "%s", text);
    }
    if (story->told != NULL) {
        fprintf(story->told, "%2llu:%02llu.%llu  %-9s %s\n", (unsigned long long)(at_us / 60000000),
                (unsigned long long)(at_us / 1000000 % 60),
                (unsigned long long)(at_us / 100000 % 10), what, text);
        (void)fflush(story->told);
    }
}

/* --- what comes --- */

void qnk_story_started(struct qnk_story *story, uint32_t node, uint64_t at_us)
{
    struct qnk_story_node *it = &story->nodes[node];

    it->start_ms = it->start_ms == UINT64_MAX ? at_us / 1000 : it->start_ms;
    it->starts++;
    event_put(story, node, at_us, "start", "");
}

void qnk_story_stopped(struct qnk_story *story, uint32_t node, uint64_t at_us, const char *why)
{
    event_put(story, node, at_us, "stop", why);
}

void qnk_story_sample(struct qnk_story *story, uint32_t node, const struct qnk_sample *sample)
{
    struct qnk_story_node *it = &story->nodes[node];

    if (it->samples_count < QNK_STORY_SAMPLES_MAX) {
        it->samples[it->samples_count++] = *sample;
    }
}

static struct qnk_story_tx *tx_find(const struct qnk_story *story, const struct qnk_hash *id)
{
    uint32_t place = qnk_index_find(story->txs_index, id);

    return place == QNK_INDEX_NONE ? NULL : &story->txs[place];
}

void qnk_story_submit(struct qnk_story *story, uint32_t node, uint64_t at_us,
                      const struct qnk_hash *id)
{
    if (tx_find(story, id) != NULL) {
        story->sent_again++;
        return;
    }
    if (story->txs_count == QNK_STORY_TXS_MAX) {
        story->txs_left_out++;
        return;
    }
    qnk_index_put(story->txs_index, id, story->txs_count);
    story->txs[story->txs_count++] =
        (struct qnk_story_tx){.id = *id, .submit_us = at_us, .node = node};
}

void qnk_story_accept(struct qnk_story *story, uint64_t at_us, const struct qnk_hash *id)
{
    struct qnk_story_tx *tx = tx_find(story, id);

    if (tx != NULL && tx->accept_us == 0) {
        tx->accept_us = at_us;
        tx->is_refused = false;
    }
}

void qnk_story_refuse(struct qnk_story *story, const struct qnk_hash *id)
{
    struct qnk_story_tx *tx = tx_find(story, id);

    if (tx != NULL && tx->accept_us == 0) {
        tx->is_refused = true;
    }
}

void qnk_story_micro(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t height,
                     const struct qnk_hash *ids, uint32_t count)
{
    char text[64];

    for (uint32_t i = 0; i < count; i++) {
        struct qnk_story_tx *tx = tx_find(story, &ids[i]);

        if (tx != NULL && tx->micro_us == 0) {
            tx->micro_us = at_us;
            tx->height = (uint32_t)height;
        }
    }
    if (height >= QNK_STORY_HEIGHTS_MAX || story->micro_us[height] != 0) {
        return;
    }
    story->micro_us[height] = at_us;
    story->heights = height > story->heights ? height : story->heights;
    qnk_text(text, sizeof text, "height %llu, %u transactions", (unsigned long long)height, count);
    event_put(story, node, at_us, "micro", text);
}

void qnk_story_undone(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t height)
{
    char text[32];

    story->undone++;
    qnk_text(text, sizeof text, "height %llu", (unsigned long long)height);
    event_put(story, node, at_us, "undone", text);
}

static void conflict_add(struct qnk_story_conflict *conflict, const char *words)
{
    if (conflict->times++ == 0) {
        qnk_text(conflict->words, sizeof conflict->words, "%s", words);
    }
}

/* Whether a node's digest of a window is what was seen first. */
static void digest_check(struct qnk_story *story, uint32_t node, uint64_t window,
                         const struct qnk_hash *digest)
{
    char words[QNK_STORY_WORDS];

    if (window >= QNK_STORY_WINDOWS_MAX || qnk_hash_equal(&story->digests[window], digest)) {
        return;
    }
    qnk_text(words, sizeof words, "window %llu: %s has another final digest than was seen first",
             (unsigned long long)window, story->spec->nodes[node].name);
    conflict_add(&story->reverted, words);
}

void qnk_story_final(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t window,
                     const struct qnk_hash *digest, const struct qnk_hash *ids, uint32_t count)
{
    char text[48], hex[QNK_HEX_SIZE(8)];

    if (window >= QNK_STORY_WINDOWS_MAX) {
        return;
    }
    qnk_hex_encode(digest->bytes, 8, hex);
    qnk_text(text, sizeof text, "window %llu %s", (unsigned long long)window, hex);
    event_put(story, node, at_us, "final", text);
    if (story->final_us[window] == 0) {
        story->final_us[window] = at_us;
        story->digests[window] = *digest;
        story->windows = window > story->windows ? window : story->windows;
    }
    qnk_story_txs_final(story, at_us, ids, count);
    digest_check(story, node, window, digest);
}

void qnk_story_txs_final(struct qnk_story *story, uint64_t at_us, const struct qnk_hash *ids,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct qnk_story_tx *tx = tx_find(story, &ids[i]);

        if (tx != NULL && tx->final_us == 0) {
            tx->final_us = at_us;
        }
    }
}

void qnk_story_log(struct qnk_story *story, uint32_t node, uint64_t at_us, uint32_t level,
                   const char *event, const char *text)
{
    uint32_t at = 0;

    while (at < story->logs_count && strcmp(story->logs[at].event, event) != 0) {
        at++;
    }
    if (at == story->logs_count && at < QNK_STORY_LOGS_MAX) {
        qnk_text(story->logs[at].event, sizeof story->logs[at].event, "%s", event);
        story->logs_count++;
    }
    if (at < QNK_STORY_LOGS_MAX) {
        story->logs[at].counts[node]++;
    }
    if (level <= LEVEL_INFO) {
        event_put(story, node, at_us, event, text);
    }
}

void qnk_story_act(struct qnk_story *story, const struct qnk_act *act, uint64_t at_us, bool begins)
{
    char what[QNK_STORY_WORDS], text[QNK_STORY_WORDS + 80];

    qnk_act_text(story->spec, act, what, sizeof what);
    qnk_text(text, sizeof text, "%s%s%s%s", act->event->id, *act->event->id == 0 ? "" : ": ", what,
             begins ? "" : ": over");
    if (begins || act->event->action != QNK_ACTION_SWAP) {
        qnk_story_tell(story, at_us, begins ? "do" : "over", text);
    }
}

void qnk_story_plugin(struct qnk_story *story, const char *kind, const char *name)
{
    struct qnk_story_plugin *it;

    for (uint32_t i = 0; i < story->plugins_count; i++) {
        if (strcmp(story->plugins[i].kind, kind) == 0 &&
            strcmp(story->plugins[i].name, name) == 0) {
            return;
        }
    }
    if (story->plugins_count < QNK_STORY_PLUGINS_MAX) {
        it = &story->plugins[story->plugins_count++];
        qnk_text(it->kind, sizeof it->kind, "%s", kind);
        qnk_text(it->name, sizeof it->name, "%s", name);
    }
}

void qnk_story_died(struct qnk_story *story, uint32_t node, uint64_t at_us, const char *why)
{
    char words[QNK_STORY_WORDS];

    qnk_text(words, sizeof words, "%s ended by itself: %s", story->spec->nodes[node].name, why);
    conflict_add(&story->died, words);
    qnk_story_tell(story, at_us, "died", words);
}

/* --- chains --- */

void qnk_story_chain_micro(struct qnk_story *story, uint32_t node, bool counts, uint64_t height,
                           const struct qnk_hash *id, const struct qnk_hash *ids, uint32_t count)
{
    static const struct qnk_hash none;
    char words[QNK_STORY_WORDS];

    if (height >= QNK_STORY_HEIGHTS_MAX) {
        return;
    }
    if (qnk_hash_equal(&story->ids[height], &none)) {
        story->ids[height] = *id;
    } else if (!qnk_hash_equal(&story->ids[height], id)) {
        qnk_text(words, sizeof words, "height %llu: %s has another block",
                 (unsigned long long)height, story->spec->nodes[node].name);
        conflict_add(&story->forked, words);
    }
    if (!counts) {
        return;
    }
    story->chain_heights = height > story->chain_heights ? height : story->chain_heights;
    story->chain_txs += count;
    for (uint32_t i = 0; i < count; i++) {
        struct qnk_story_tx *tx = tx_find(story, &ids[i]);

        if (tx != NULL) {
            tx->finals++;
        }
    }
}

void qnk_story_chain_macro(struct qnk_story *story, uint32_t node, uint64_t window,
                           const struct qnk_hash *digest)
{
    if (window < QNK_STORY_WINDOWS_MAX && story->final_us[window] != 0) {
        digest_check(story, node, window, digest);
    } else if (window < QNK_STORY_WINDOWS_MAX) { /* final after the last look */
        story->final_us[window] = story->end_ms * 1000;
        story->digests[window] = *digest;
    }
}

void qnk_story_chain_done(struct qnk_story *story, uint32_t node, uint64_t windows)
{
    story->nodes[node].windows = windows;
    story->nodes[node].is_exported = true;
    story->chain_windows = windows > story->chain_windows ? windows : story->chain_windows;
}

bool qnk_story_is_settled(const struct qnk_story *story)
{
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        if (!tx->is_refused && tx->final_us == 0) {
            return false;
        }
    }
    return true;
}
