/* SPDX-License-Identifier: MIT */

/* query_copy.c: a copy of what is final, into a file in the data folder, for a rehearsal beside the
 * node. It is taken piece by piece on the reads thread, so that questions, peers and blocks go on
 * between two pieces; the loop only hands it on. It gives way: to a window that needs the storage
 * to itself, to time, and to a disk that has little room. */

#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/host/copies.h"
#include "kernel/host/live.h"
#include "kernel/host/query_part.h"
#include "kernel/node/copy.h"

enum {
    MS_MAX = 3000, /* then it is given up: a snapshot keeps the storage from growing */
    OUT_CAP = 4 * QNK_COPY_RECORD,
};

struct copying {
    struct qnk_ask ask; /* first */
    struct qnk_disk_hold hold;
    struct qnk_host *host;
    struct qnk_question *question;
    struct qnk_hash chain_id;
    struct qnk_copier copier;
    bool has_begun; /* there is a snapshot */
    int file;       /* -1: none yet */
    int32_t status; /* QN_AGAIN: more is left */
    bool is_slow;
    char why[QNK_COPIES_WHY]; /* of the file; "": nothing is wrong with that */
    uint64_t bytes;
    uint64_t pieces;
    uint64_t start_ms;
    char path[QNK_COPIES_PATH];
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Between two pieces. The next one says so. */
static void let_go(struct qnk_disk_hold *hold, uint32_t lane)
{
    struct copying *it = (struct copying *)(void *)((char *)hold - offsetof(struct copying, hold));

    qnk_copier_end(&it->copier, lane);
}

/* Reads a piece. `status` is as the copier's, at the first one with the head. */
static void piece_read(struct copying *it, const struct qnk_reach *reach, struct qn_sink *out)
{
    it->status = QN_OK;
    if (!it->has_begun) {
        it->status =
            qnk_copier_begin(&it->copier, reach->store, reach->store_lane, &it->chain_id, out);
        it->has_begun = it->status == QN_OK;
    }
    if (it->has_begun) {
        it->status = qnk_copier_some(&it->copier, reach->store_lane, out);
    }
}

/* Writes it, if there is room for all that is left. */
static void piece_write(struct copying *it, struct qn_span piece)
{
    const char *folder = it->host->dir.data;
    uint64_t all = qnk_copier_size(&it->copier);
    uint64_t left = all > it->bytes ? all - it->bytes : 0;
    int32_t status = QN_OK;

    if (it->file < 0) {
        status = qnk_copies_make(folder, it->path, &it->file, it->why);
    }
    if (status == QN_OK) {
        status =
            qnk_copies_put(folder, it->file, piece, piece.size > left ? piece.size : left, it->why);
    }
    if (status != QN_OK) {
        it->status = status;
    }
    it->bytes += piece.size;
    it->pieces++;
}

/* One piece, on the reads thread. */
static void piece_run(struct qnk_ask *ask, const struct qnk_reach *reach)
{
    struct copying *it = (struct copying *)(void *)ask;
    struct qn_sink out;

    if (it->has_begun && !qnk_disk_release(it->host->disk)) {
        it->status = QN_BUSY;
        return;
    }
    qnk_sink_init(&out, reach->store->budget, OUT_CAP);
    piece_read(it, reach, &out);
    if (it->status == QN_OK || it->status == QN_AGAIN) {
        piece_write(it, qnk_sink_span(&out));
    }
    if (it->status == QN_AGAIN && now_ms() - it->start_ms > MS_MAX) {
        it->is_slow = true;
        it->status = QN_BUSY;
    }
    if (it->has_begun && it->status != QN_AGAIN) {
        qnk_copier_end(&it->copier, reach->store_lane);
        it->has_begun = false;
    }
    if (it->has_begun) {
        it->ask.goes_on = true;
        qnk_disk_hold(it->host->disk, &it->hold);
    }
    qnk_sink_done(&out);
}

static void refuse(const struct copying *it)
{
    if (it->why[0] != '\0') {
        qnk_refuse(it->question, QNK_QUERY_REFUSED, NULL, "%s", it->why);
        return;
    }
    switch (it->status) {
    case QN_NOT_FOUND:
        qnk_refuse(it->question, QNK_QUERY_NOT_READY, "qnet status",
                   "nothing is final here yet, or this node keeps no state");
        break;
    case QN_NO_SPACE:
        qnk_refuse(it->question, QNK_QUERY_REFUSED, NULL,
                   "the state is more than %d pages, or there is no memory", QNK_COPY_PAGES_MAX);
        break;
    case QN_BUSY:
        if (it->is_slow) {
            qnk_refuse(it->question, QNK_QUERY_NOT_READY, NULL,
                       "the copy took longer than %d s: the disk has other things to do",
                       MS_MAX / 1000);
        } else {
            qnk_refuse(it->question, QNK_QUERY_NOT_READY, NULL,
                       "the node is busy, stores a window, or stops: come again");
        }
        break;
    default:
        qnk_refuse(it->question, QNK_QUERY_FAILED, "qnet storage check",
                   "the copy cannot be taken (status %d)", (int)it->status);
        break;
    }
}

static void end(struct copying *it)
{
    if (it->file >= 0) {
        (void)close(it->file);
    }
    if (it->status == QN_OK) {
        const struct qnk_copy *copy = &it->copier.copy;

        it->question->answered(
            it->question,
            json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "path", it->path, "window",
                      qnk_json_u64(copy->window), "height", qnk_json_u64(copy->height), "pages",
                      qnk_json_u64(copy->pages), "bytes", qnk_json_u64(it->bytes), "pieces",
                      qnk_json_u64(it->pieces), "ms", qnk_json_u64(now_ms() - it->start_ms)));
    } else {
        if (it->file >= 0) {
            (void)unlink(it->path);
        }
        refuse(it);
    }
    it->host->is_copying = false;
    qnk_memory_give(qnk_host_budget(it->host), it, sizeof *it);
}

static void piece_done(struct qnk_ask *ask)
{
    struct copying *it = (struct copying *)(void *)ask;

    if (it->status == QN_AGAIN) {
        int32_t status = qnk_host_ask(it->host, &it->ask);

        if (status == QN_OK) {
            return;
        }
        it->status = status == QN_AGAIN ? QN_BUSY : status; /* the node stops, or is busy */
        if (qnk_disk_release(it->host->disk)) {
            qnk_copier_end(&it->copier, QNK_DISK_LANE_START);
        }
    }
    end(it);
}

void qnk_ask_swap_copy(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qnk_host *host = question->host;
    struct copying *it;

    if (!qnk_param_none(question, known) || qnk_query_node(question) == NULL) {
        return;
    }
    if (host->is_copying) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "another copy is being taken");
        return;
    }
    it = qnk_memory_take(qnk_host_budget(host), sizeof *it);
    if (it == NULL) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "the node has no memory for this now");
        return;
    }
    it->ask = (struct qnk_ask){.run = piece_run, .done = piece_done};
    it->hold.let_go = let_go;
    it->host = host;
    it->question = question;
    it->chain_id = host->params.chain_id;
    it->start_ms = now_ms();
    it->file = -1;
    if (qnk_host_ask(host, &it->ask) == QN_OK) {
        host->is_copying = true;
        return;
    }
    qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "the node is busy, or stops");
    qnk_memory_give(qnk_host_budget(host), it, sizeof *it);
}
