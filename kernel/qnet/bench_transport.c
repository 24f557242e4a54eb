/* SPDX-License-Identifier: MIT */

/* bench_transport.c: frames from one end to another through the plugin, both ends in this process
 * and over the loopback, against a bare TCP connection with one write and one read for each frame.
 * Both count a frame once it has come. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include <qnet/transport.h>

#include "kernel/base/hash.h"
#include "kernel/host/watch.h"
#include "kernel/qnet/bench_bed.h"

enum {
    FRAME_MAX = QN_TRANSPORT_FRAME_MAX,
    TOKEN_LISTEN = 1,
    TOKEN_DIAL = 2,
    PUMP = 256,
    AHEAD_BYTES = 4 << 20, /* on their way at most */
    CHECKED = 24,          /* frames whose bytes are compared */
    PATIENCE_S = 30,
};

static const struct {
    uint32_t size;
    uint32_t portion; /* frames */
    const char *name;
} shapes[] = {{200, 2000, "200 B"}, {65536, 200, "64 KiB"}, {FRAME_MAX, 20, "1 MiB"}};

struct moving;

struct end {
    struct moving *all;
    struct qnk_instance *instance;
    struct qnk_watch *watch;
    const struct qn_transport_1 *slots;
    struct qn_inst *inst;
    uint64_t link;
};

struct moving {
    struct qnk_bench *bench;
    uv_loop_t loop;
    struct end ends[2]; /* who sends, who receives */
    char address[QN_TRANSPORT_ADDRESS_MAX + 1];
    uint32_t closed; /* watches */
    bool is_down;
    uint32_t size, portion;
    struct qn_buf *frame;
    uint64_t sent, received, wanted;
    bool is_hashing;
    struct qnk_sha256 sent_sha, received_sha;
    /* The baseline. */
    int sockets[2];
    uint8_t *room;
    uv_thread_t thread;
    bool is_bad;
};

/* --- through the plugin --- */

static void send_some(struct moving *it)
{
    struct end *end = &it->ends[0];

    while (end->link != 0 && it->sent < it->wanted &&
           (it->sent - it->received) * it->size < AHEAD_BYTES) {
        struct qn_slice slices[64];
        uint64_t left = it->wanted - it->sent;
        uint32_t count = left < 64 ? (uint32_t)left : 64;
        uint32_t accepted = 0;

        if (it->is_hashing || it->size > 65536) {
            count = 1;
        }
        for (uint32_t i = 0; i < count; i++) {
            slices[i] = (struct qn_slice){it->frame, it->frame->data, it->frame->size};
        }

        int32_t status = end->slots->send(end->inst, end->link, slices, count, &accepted);

        for (uint32_t i = 0; it->is_hashing && i < accepted; i++) {
            qnk_sha256_add(&it->sent_sha, it->frame->data, it->frame->size);
        }
        it->sent += accepted;
        if (status != QN_OK) {
            it->is_down = it->is_down || status != QN_AGAIN;
            return; /* room follows */
        }
    }
}

static int32_t on_effect(void *ctx, uint32_t type, struct qn_span body,
                         const struct qn_slice *payload)
{
    struct end *end = ctx;
    struct moving *it = end->all;
    struct qn_transport_effect_listening listening;
    struct qn_transport_effect_up up;

    switch (type) {
    case QN_TRANSPORT_EFFECT_LISTENING:
        if (qn_transport_effect_listening_read(body, &listening) != QN_OK) {
            return QN_INVALID;
        }
        memcpy(it->address, listening.address.data, listening.address.size);
        it->address[listening.address.size] = 0;
        break;
    case QN_TRANSPORT_EFFECT_UP:
        if (qn_transport_effect_up_read(body, &up) != QN_OK) {
            return QN_INVALID;
        }
        end->link = up.link;
        break;
    case QN_TRANSPORT_EFFECT_FRAME:
        it->received++;
        if (it->is_hashing) {
            qnk_sha256_add(&it->received_sha, payload->data, payload->size);
        }
        it->is_down = it->is_down || payload->size != it->size;
        break;
    case QN_TRANSPORT_EFFECT_DOWN:
        it->is_down = true;
        break;
    default:
        break;
    }
    return QN_OK;
}

static void pump(void *ctx)
{
    struct end *end = ctx;
    struct qn_effects out = {.ctx = end, .push = on_effect};
    uint64_t before = end->all->received;
    int32_t status;

    if (end->slots == NULL) {
        return;
    }
    status = end->slots->pump(end->inst, PUMP, &out);
    if (status == QN_AGAIN) {
        qnk_watch_again(end->watch);
    } else if (status != QN_OK) {
        end->all->is_down = true;
    }
    if (end->all->received != before) {
        (void)!end->slots->credit(end->inst, end->link,
                                  (end->all->received - before) * end->all->size);
    }
    send_some(end->all);
}

/* Turns the loop until all that was wanted came. */
static bool until_received(struct moving *it)
{
    double last_s = qnk_bench_now() + PATIENCE_S;

    send_some(it);
    while (it->received < it->wanted && !it->is_down && qnk_bench_now() < last_s) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
    return it->received == it->wanted && !it->is_down;
}

static uint64_t run_plugin(void *ctx)
{
    struct moving *it = ctx;

    it->wanted += it->portion;
    return until_received(it) ? it->portion : 0;
}

/* --- the baseline --- */

static bool read_whole(int from, uint8_t *to, uint32_t size)
{
    for (uint32_t done = 0; done < size;) {
        ssize_t some = read(from, to + done, size - done);

        if (some <= 0) {
            return false;
        }
        done += (uint32_t)some;
    }
    return true;
}

static void tcp_read(void *ctx)
{
    struct moving *it = ctx;

    for (uint32_t i = 0; i < it->portion; i++) {
        if (!read_whole(it->sockets[1], it->room, it->size)) {
            it->is_bad = true;
            return;
        }
    }
}

static uint64_t run_tcp(void *ctx)
{
    struct moving *it = ctx;

    it->is_bad = false;
    if (uv_thread_create(&it->thread, tcp_read, it) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < it->portion; i++) {
        for (uint32_t done = 0; done < it->size;) {
            ssize_t some = write(it->sockets[0], it->frame->data + done, it->size - done);

            if (some <= 0) {
                (void)shutdown(it->sockets[0], SHUT_RDWR);
                break;
            }
            done += (uint32_t)some;
        }
    }
    (void)uv_thread_join(&it->thread);
    return it->is_bad ? 0 : it->portion;
}

static bool tcp_connect(struct moving *it)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bool is_good;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    it->sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
    is_good = listener >= 0 && it->sockets[0] >= 0 &&
              bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
              connect(it->sockets[0], (struct sockaddr *)&address, sizeof address) == 0;
    it->sockets[1] = is_good ? accept(listener, NULL, NULL) : -1;
    (void)close(listener);
    return it->sockets[1] >= 0 &&
           setsockopt(it->sockets[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}

/* --- both --- */

static bool end_open(struct moving *it, struct end *end)
{
    struct qnk_instance_hooks hooks = {0};
    struct qnk_plugged plugged;
    char folder[QNK_BENCH_PATH + 32];

    end->all = it;
    if (qnk_watch_create(&qnk_bench_budget, &it->loop, pump, end, &end->watch) != QN_OK) {
        return qnk_bench_fail(it->bench, "there is no memory");
    }
    (void)snprintf(folder, sizeof folder, "%s/transport%d", it->bench->bed->folder,
                   end == it->ends ? 0 : 1);
    qnk_watch_hook(end->watch, &hooks);
    hooks.folder = folder;
    if (!qnk_bench_instance(it->bench, QNK_HOST_TRANSPORT, &hooks, &end->instance)) {
        end->instance = NULL;
        return false;
    }
    plugged = qnk_instance_plugged(end->instance);
    end->inst = plugged.inst;
    end->slots = plugged.table;
    return true;
}

static bool ends_connect(struct moving *it)
{
    static const char anywhere[] = "tcp://127.0.0.1:0";
    double last_s = qnk_bench_now() + PATIENCE_S;
    struct end *receiver = &it->ends[1], *sender = &it->ends[0];

    if (receiver->slots->listen(receiver->inst, TOKEN_LISTEN,
                                (struct qn_span){(const uint8_t *)anywhere, sizeof anywhere - 1}) !=
        QN_OK) {
        return false;
    }
    while (it->address[0] == 0 && !it->is_down && qnk_bench_now() < last_s) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
    if (it->address[0] == 0 ||
        sender->slots->dial(sender->inst, TOKEN_DIAL,
                            (struct qn_span){(const uint8_t *)it->address, strlen(it->address)}) !=
            QN_OK) {
        return false;
    }
    while ((sender->link == 0 || receiver->link == 0) && !it->is_down && qnk_bench_now() < last_s) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
    return sender->link != 0 && receiver->link != 0 &&
           receiver->slots->credit(receiver->inst, receiver->link, 2 * AHEAD_BYTES) == QN_OK;
}

static void watch_closed(void *ctx)
{
    ((struct moving *)ctx)->closed++;
}

static void ends_close(struct moving *it)
{
    uint32_t made = 0;

    for (uint32_t i = 0; i < 2; i++) {
        struct end *end = &it->ends[i];

        end->slots = NULL;
        if (end->instance != NULL) {
            qnk_instance_destroy(end->instance);
        }
        if (end->watch != NULL) {
            made++;
            qnk_watch_destroy(end->watch, watch_closed, it);
        }
    }
    while (it->closed < made) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
}

/* Frames with different bytes: what comes is what was sent, in order. */
static bool is_right(struct moving *it)
{
    uint8_t sent[QN_HASH_SIZE], received[QN_HASH_SIZE];
    bool is_good = true;

    it->is_hashing = true;
    qnk_sha256_init(&it->sent_sha);
    qnk_sha256_init(&it->received_sha);
    for (uint32_t i = 0; is_good && i < CHECKED; i++) {
        /* A new buf each time: who was given one may still look at it. */
        qnk_buf_unref(it->frame);
        it->frame = qnk_buf_new(&qnk_bench_budget, it->size);
        for (uint32_t j = 0; it->frame != NULL && j < it->size; j++) {
            it->frame->data[j] = (uint8_t)((i + 1) * 2654435761u * (j + 1) >> 21);
        }
        it->wanted++;
        is_good = it->frame != NULL && until_received(it);
    }
    it->is_hashing = false;
    qnk_sha256_done(&it->sent_sha, sent);
    qnk_sha256_done(&it->received_sha, received);
    return is_good && memcmp(sent, received, sizeof sent) == 0;
}

static bool measure(struct moving *it)
{
    for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct qnk_bench_row *row = qnk_bench_row(it->bench, "transport", "frames/s",
                                                  "tcp-one-by-one", "%s, plain", shapes[i].name);

        it->size = shapes[i].size;
        it->portion = shapes[i].portion;
        if (!is_right(it)) {
            return qnk_bench_fail(it->bench, "%s: what came is not what was sent", row->what);
        }
        row->check = "hash of the stream";
        if (!qnk_bench_measure(it->bench, row, run_tcp, run_plugin, it)) {
            return false;
        }
        row->more = json_pack("{s:i, s:f}", "frame_bytes", (int)it->size, "MB_per_second",
                              qnk_bench_median(row->values, row->runs) * it->size / 1e6);
    }
    return true;
}

bool qnk_bench_transport(struct qnk_bench *bench)
{
    struct moving *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    bool is_good = it != NULL && qnk_bench_bed(bench) != NULL;

    if (!is_good) {
        qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
        return false;
    }
    it->bench = bench;
    it->sockets[0] = it->sockets[1] = -1;
    it->room = qnk_memory_take(&qnk_bench_budget, FRAME_MAX);
    is_good = it->room != NULL && uv_loop_init(&it->loop) == 0;
    if (is_good) {
        is_good = end_open(it, &it->ends[0]) && end_open(it, &it->ends[1]) &&
                  ((ends_connect(it) && tcp_connect(it)) ||
                   qnk_bench_fail(bench, "the two ends do not find each other")) &&
                  measure(it);
        ends_close(it);
        (void)uv_run(&it->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&it->loop);
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (it->sockets[i] >= 0) {
            (void)close(it->sockets[i]);
        }
    }
    qnk_buf_unref(it->frame);
    qnk_memory_give(&qnk_bench_budget, it->room, FRAME_MAX);
    qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    return is_good;
}
