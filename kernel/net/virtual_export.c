/* SPDX-License-Identifier: MIT */

#include <string.h>

#include "kernel/chain/macro.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/tx.h"
#include "kernel/net/virtual_own.h"

enum { LANE = 0, VALUE_CAP = 17 << 20, TXS_MAX = 65536 };

struct reading {
    struct qnk_play *play;
    struct qnk_store *store;
    uint32_t node;
    bool counts; /* it is the chain that counts */
    FILE *out;   /* NULL: not written */
};

static struct qnk_hash ids[TXS_MAX];

/* The names of a body's transactions. */
static uint32_t ids_read(struct qn_span rows)
{
    uint32_t count = 0;
    struct qnk_tx tx;

    while (rows.size > 0 && count < TXS_MAX && qnk_tx_next(&rows, &tx) == QN_OK) {
        qnk_tx_id(&tx, &ids[count++]);
    }
    return count;
}

static bool micro_read(struct reading *it, uint64_t height)
{
    char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    struct qnk_hash id;
    uint64_t place;
    uint32_t count = 0;

    if (qnk_store_header(it->store, LANE, height, &header, &place) != QN_OK) {
        return false;
    }
    if (it->counts && qnk_store_body(it->store, LANE, height, &header, &body) == QN_OK) {
        count = ids_read(qnk_buf_span(body));
    }
    qnk_micro_id(&header, &id);
    qnk_story_chain_micro(it->play->story, it->node, it->counts, height, &id, ids, count);
    if (it->out != NULL) {
        qnk_hex_encode(id.bytes, QN_HASH_SIZE, hex);
        fprintf(it->out, "micro %llu %s %u\n", (unsigned long long)height, hex, header.tx_count);
    }
    qnk_buf_unref(body);
    return true;
}

static bool macro_read(struct reading *it, uint64_t window)
{
    char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_macro macro;
    struct qnk_hash digest;
    struct qn_sink value;
    bool is_there;

    qnk_sink_init(&value, it->play->budget, VALUE_CAP);
    is_there = qnk_store_macro(it->store, LANE, window, &value) == QN_OK &&
               value.size >= QNK_MACRO_SIZE &&
               qnk_macro_decode((struct qn_span){value.data, QNK_MACRO_SIZE}, &macro) == QN_OK;
    qnk_sink_done(&value);
    if (is_there) {
        qnk_macro_digest(&macro, &digest);
        qnk_story_chain_macro(it->play->story, it->node, window, &digest);
        if (it->out != NULL) {
            qnk_hex_encode(digest.bytes, QN_HASH_SIZE, hex);
            fprintf(it->out, "macro %llu %s\n", (unsigned long long)window, hex);
        }
    }
    return is_there;
}

static uint64_t window_of(const struct qnk_play *play, uint32_t node)
{
    struct qnk_store *store = qnk_world_store(play->world, node);
    struct qnk_store_final final = {0};

    if (!qnk_harms_is_on(play->harms, node) || store == NULL ||
        qnk_store_final(store, LANE, &final) != QN_OK) {
        return 0;
    }
    return final.window;
}

static void chain_read(struct qnk_play *play, uint32_t node, bool counts,
                       const struct qnk_virtual_setup *setup)
{
    uint64_t windows = window_of(play, node), n = play->story->window_blocks;
    struct reading it = {play, qnk_world_store(play->world, node), node, counts, NULL};

    if (windows == 0) {
        return;
    }
    it.out = setup->export_open == NULL ? NULL : setup->export_open(setup->ctx, node);
    for (uint64_t window = 1; window <= windows; window++) {
        for (uint64_t i = 1; i <= n && play->types[node] != QNK_NODE_LIGHT; i++) {
            (void)micro_read(&it, (window - 1) * n + i);
        }
        (void)macro_read(&it, window);
    }
    if (it.out != NULL) {
        (void)fclose(it.out);
    }
    qnk_story_chain_done(play->story, node, windows);
}

void qnk_play_export(struct qnk_play *play, const struct qnk_virtual_setup *setup)
{
    uint32_t best = 0;

    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        if (play->types[i] != QNK_NODE_LIGHT && window_of(play, i) > window_of(play, best)) {
            best = i;
        }
    }
    chain_read(play, best, true, setup);
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        if (i != best) {
            chain_read(play, i, false, setup);
        }
    }
}
