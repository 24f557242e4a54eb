/* SPDX-License-Identifier: MIT */

#include "kernel/host/disk.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"

enum {
    BUSY_TRIES = 500, /* the storage asks to come again while its map grows */
    BUSY_NS = 10000000,
    FRAMES_FIRST = 16,
    STALL_US = 30000000, /* a peer that takes nothing for so long loses what it asked for, */
    HURRY_US = 1000000,  /* and after this already if too much is held */
};

/* A frame of an answer to a peer, until the loop sends it. */
struct frame {
    uint8_t type;
    struct qn_buf *head;
    struct qn_slice body;
};

struct serving {
    uint32_t peer;
    uint32_t request;
    uint8_t type;
    struct qnk_fetch fetch;
    struct frame *frames;
    uint32_t count;
    uint32_t room;
    uint32_t sent;
    uint64_t bytes;    /* of frames that were not sent yet */
    bool is_reading;   /* on the reads' thread, or on its way there or back */
    bool is_forgotten; /* meanwhile */
    struct work *next; /* of the same peer */
};

/* What one peer has asked for. */
struct asker {
    uint32_t peer; /* 0: a free place */
    uint32_t count;
    struct work *first; /* the one that is read and sent */
    struct work *last;
    uint64_t moved_us; /* when it last had room, or asked for the first */
};

/* One effect on its way. */
struct work {
    struct qnk_task task;
    struct qnk_disk *disk;
    uint32_t what; /* enum qnk_effect_type */
    int32_t status;
    uint64_t us;                /* that the disk took */
    struct qnk_event event;     /* the answer */
    char damage[QNK_STORE_WHY]; /* SERVE: what else could not be read; "": nothing */
    bool has_rotten;            /* CHECK, SERVE: a body that could not be read, and its header */
    uint8_t rotten[QNK_MICRO_SIZE];
    union {
        struct {
            uint8_t header[QNK_MICRO_SIZE];
            struct qn_buf *body;
            bool verified;
        } block;
        struct qnk_final *final;
        struct {
            uint8_t header[QNK_MICRO_SIZE];
            uint64_t place;
        } place;
        struct {
            uint64_t height;
            uint32_t count;
        } check;
        struct {
            struct qn_buf *rows;
            uint64_t size;
            bool replaces;
        } txs;
        struct qnk_sign *sign;
        struct qnk_secrets_asked secrets;
        struct {
            struct qn_buf *records;
            uint64_t after; /* so many windows must be durable first */
        } trim;
        struct {
            uint64_t token;
            struct qn_buf *codes;
        } reply;
        struct serving serving;
    };
};

struct qnk_disk {
    struct qnk_disk_setup setup;
    struct qnk_store log;                     /* of the log's thread */
    struct qnk_store maps;                    /* of the maps' thread */
    struct qnk_store reads;                   /* of the reads' thread */
    struct asker askers[QNK_DISK_ASKERS_MAX]; /* the loop's, as all up to `windows_given` */
    uint32_t turn;                            /* place whose peer is next */
    bool is_reading;                          /* for a peer */
    bool is_pumping;
    uint64_t held; /* bytes of frames that wait for room */
    uint64_t dropped;
    uint64_t windows_given;
    pthread_mutex_t lock; /* of those below */
    pthread_cond_t written;
    uint64_t windows_done;      /* durable, or failed */
    bool is_failed;             /* a window is not durable */
    bool is_stuck;              /* the maps' thread waits for the storage */
    struct qnk_disk_hold *hold; /* NULL: none */
};

static uint64_t clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- on the log's thread --- */

static void run_block(struct work *work)
{
    work->status = qnk_store_block(&work->disk->log, QNK_DISK_LANE_LOG, work->block.header,
                                   qnk_buf_span(work->block.body), work->block.verified,
                                   &work->event.stored.place);
    work->event.stored.status = work->status;
}

static void run_txs(struct work *work)
{
    struct qn_span rows = {work->txs.rows->data, work->txs.size};

    work->status = qnk_store_txs(&work->disk->log, QNK_DISK_LANE_LOG, rows, work->txs.replaces);
}

static void run_sign(struct work *work)
{
    const struct qnk_sign *sign = work->sign;
    const struct qnk_signer *signer = work->disk->setup.signer;
    struct qn_span message = {sign->message, sign->message_size};

    work->status = signer == NULL ? QN_DENIED : QN_OK;
    if (work->status == QN_OK && sign->body != NULL) {
        work->status = qnk_store_block(&work->disk->log, QNK_DISK_LANE_LOG, sign->header,
                                       qnk_buf_span(sign->body), true, &work->event.sign.place);
    }
    if (work->status == QN_OK && sign->records != NULL) {
        work->status =
            qnk_store_guard(&work->disk->log, QNK_DISK_LANE_LOG, qnk_buf_span(sign->records));
    }
    work->event.sign.status = work->status;
    if (work->status == QN_OK) {
        if (sign->long_message != NULL) {
            message = (struct qn_span){sign->long_message->data, sign->long_size};
        }
        if (message.size > 0) {
            qnk_signer_sign(signer, message, work->event.sign.signature);
        }
    }
}

/* The maps' thread needs nothing of the others, so it gets there. */
static bool windows_wait(struct qnk_disk *disk, uint64_t after)
{
    (void)pthread_mutex_lock(&disk->lock);
    while (disk->windows_done < after) {
        (void)pthread_cond_wait(&disk->written, &disk->lock);
    }

    bool is_fine = !disk->is_failed;

    (void)pthread_mutex_unlock(&disk->lock);
    return is_fine;
}

static void run_trim(struct work *work)
{
    struct qn_span records = qnk_buf_span(work->trim.records);

    if (windows_wait(work->disk, work->trim.after)) {
        work->status = qnk_store_guard_trim(&work->disk->log, QNK_DISK_LANE_LOG, records);
    }
}

uint64_t qnk_disk_windows(const struct qnk_disk *disk)
{
    return disk->windows_given;
}

/* With the lock, so that no piece is read meanwhile. */
static void hold_end(struct qnk_disk *disk, uint32_t lane)
{
    if (disk->hold != NULL) {
        disk->hold->let_go(disk->hold, lane);
        disk->hold = NULL;
    }
}

/* The window may be waiting for the snapshot's end. */
void qnk_disk_wait(struct qnk_disk *disk, uint64_t windows)
{
    (void)pthread_mutex_lock(&disk->lock);
    if (disk->windows_done < windows) {
        hold_end(disk, QNK_DISK_LANE_READS);
    }
    (void)pthread_mutex_unlock(&disk->lock);
    (void)windows_wait(disk, windows);
}

void qnk_disk_hold(struct qnk_disk *disk, struct qnk_disk_hold *hold)
{
    (void)pthread_mutex_lock(&disk->lock);
    QN_ASSERT(disk->hold == NULL);
    disk->hold = hold;
    if (disk->is_stuck) {
        hold_end(disk, QNK_DISK_LANE_READS);
    }
    (void)pthread_mutex_unlock(&disk->lock);
}

bool qnk_disk_release(struct qnk_disk *disk)
{
    (void)pthread_mutex_lock(&disk->lock);

    bool is_held = disk->hold != NULL;

    disk->hold = NULL;
    (void)pthread_mutex_unlock(&disk->lock);
    return is_held;
}

/* --- on the maps' thread --- */

static int32_t map_write(struct work *work)
{
    struct qnk_store *maps = &work->disk->maps;

    return work->what == QNK_EFFECT_STORE_FINAL
               ? qnk_store_window(maps, QNK_DISK_LANE_MAPS, work->final)
               : qnk_store_place(maps, QNK_DISK_LANE_MAPS, work->place.header, work->place.place);
}

static void stuck_set(struct qnk_disk *disk, bool is_stuck)
{
    (void)pthread_mutex_lock(&disk->lock);
    disk->is_stuck = is_stuck;
    if (is_stuck) {
        hold_end(disk, QNK_DISK_LANE_MAPS);
    }
    (void)pthread_mutex_unlock(&disk->lock);
}

static void run_maps(struct work *work)
{
    const struct timespec pause = {.tv_nsec = BUSY_NS};

    work->status = map_write(work);
    if (work->status == QN_BUSY) {
        stuck_set(work->disk, true);
        for (uint32_t i = 1; work->status == QN_BUSY && i < BUSY_TRIES; i++) {
            (void)nanosleep(&pause, NULL);
            work->status = map_write(work);
        }
        stuck_set(work->disk, false);
    }
    work->event.stored.status = work->status;
}

static void run_window(struct work *work)
{
    struct qnk_disk *disk = work->disk;

    run_maps(work);
    (void)pthread_mutex_lock(&disk->lock);
    disk->windows_done++;
    disk->is_failed = disk->is_failed || work->status != QN_OK;
    (void)pthread_cond_broadcast(&disk->written);
    (void)pthread_mutex_unlock(&disk->lock);
}

/* --- on the reads' thread --- */

static bool frames_grow(struct work *work)
{
    struct serving *serving = &work->serving;
    struct qnk_budget *budget = work->disk->setup.budget;
    uint32_t room = serving->room == 0 ? FRAMES_FIRST : 2 * serving->room;
    struct frame *frames = qnk_memory_take(budget, room * sizeof *frames);

    if (frames == NULL) {
        return false;
    }
    if (serving->count > 0) {
        memcpy(frames, serving->frames, serving->count * sizeof *frames);
    }
    qnk_memory_give(budget, serving->frames, serving->room * sizeof *frames);
    serving->frames = frames;
    serving->room = room;
    return true;
}

static void frame_keep(void *ctx, uint8_t type, struct qn_buf *head, struct qn_slice body)
{
    struct work *work = ctx;
    struct serving *serving = &work->serving;

    if (serving->count == serving->room && !frames_grow(work)) {
        return; /* the peer asks again, here or elsewhere */
    }
    QN_ASSERT(body.size == 0 || body.owner != NULL);
    serving->frames[serving->count++] =
        (struct frame){.type = type, .head = qnk_buf_ref(head), .body = body};
    (void)qnk_buf_ref(body.owner);
    serving->bytes += head->size + body.size;
}

static void run_serve(struct work *work)
{
    struct serving *serving = &work->serving;

    serving->count = serving->sent = 0;
    work->damage[0] = '\0';

    int32_t status = qnk_store_serve(&work->disk->reads, QNK_DISK_LANE_READS, serving->type,
                                     &serving->fetch, frame_keep, work);

    /* What is not there, or damaged, is asked for elsewhere. */
    work->has_rotten = qnk_store_rotten(&work->disk->reads, work->rotten);
    if (status == QN_CORRUPT && !work->disk->reads.peers_have_it) {
        qnk_text(work->damage, sizeof work->damage, "%s", work->disk->reads.why);
    }
}

static void run_check(struct work *work)
{
    struct qnk_store *reads = &work->disk->reads;

    work->event.checked.status = qnk_store_check(reads, QNK_DISK_LANE_READS, work->check.height,
                                                 work->check.count, &work->event.checked.next);
    work->has_rotten = qnk_store_rotten(reads, work->rotten);
}

/* --- on any --- */

static void run(struct qnk_task *task, uint32_t lane)
{
    struct work *work = (struct work *)task;
    uint64_t from_us = clock_us();

    (void)lane; /* the storage's own are few */
    switch (work->what) {
    case QNK_EFFECT_STORE_BLOCK:
        run_block(work);
        break;
    case QNK_EFFECT_STORE_FINAL:
        run_window(work);
        break;
    case QNK_EFFECT_STORE_PLACE:
        run_maps(work);
        break;
    case QNK_EFFECT_STORE_TXS:
        run_txs(work);
        break;
    case QNK_EFFECT_SIGN:
        run_sign(work);
        break;
    case QNK_EFFECT_SECRETS:
        qnk_signer_secrets(work->disk->setup.signer, &work->secrets, &work->event);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        run_trim(work);
        break;
    case QNK_EFFECT_SERVE:
        run_serve(work);
        break;
    case QNK_EFFECT_CHECK:
        run_check(work);
        break;
    default: /* REPLY waits for its turn, and that is all */
        break;
    }
    work->us = clock_us() - from_us;
}

/* --- back on the loop --- */

static void answer_destroy(struct work *work)
{
    struct qnk_disk *disk = work->disk;
    struct serving *serving = &work->serving;

    for (uint32_t i = serving->sent; i < serving->count; i++) {
        qnk_buf_unref(serving->frames[i].head);
        qnk_buf_unref(serving->frames[i].body.owner);
    }
    qnk_memory_give(disk->setup.budget, serving->frames, serving->room * sizeof *serving->frames);
    qnk_memory_give(disk->setup.budget, work, sizeof *work);
}

/* Takes the first request of a peer away. */
static void answer_end(struct qnk_disk *disk, struct asker *asker)
{
    struct work *work = asker->first;

    asker->first = work->serving.next;
    asker->count--;
    if (asker->first == NULL) {
        *asker = (struct asker){0};
    }
    if (work->serving.is_reading) {
        work->serving.is_forgotten = true;
    } else {
        disk->held -= work->serving.bytes;
        answer_destroy(work);
    }
}

static void refuse(struct qnk_disk *disk, uint32_t peer, uint32_t request)
{
    static const char text[] = "too much waits for you here";
    const struct qnk_disk_setup *setup = &disk->setup;
    struct qnk_refusal refusal = {
        .code = QN_BUSY,
        .text = {(const uint8_t *)text, sizeof text - 1},
    };
    struct qn_buf *body = NULL;

    disk->dropped++;
    if (setup->has_room(setup->ctx, peer)) {
        body = qnk_buf_new(setup->budget, qnk_refusal_size(&refusal));
    }
    if (body != NULL) {
        qnk_refusal_encode(&refusal, body->data);
        setup->send(setup->ctx, peer, QNK_WIRE_REFUSAL, request, body, (struct qn_slice){0});
        qnk_buf_unref(body);
    }
}

/* All that the peer has asked for. */
static void asker_refuse(struct qnk_disk *disk, struct asker *asker)
{
    uint32_t peer = asker->peer;

    while (asker->first != NULL) {
        uint32_t request = asker->first->serving.request;

        answer_end(disk, asker);
        refuse(disk, peer, request);
    }
}

/* Sends of what was read as much as the peer has room for. */
static void asker_send(struct qnk_disk *disk, struct asker *asker, uint64_t now_us)
{
    const struct qnk_disk_setup *setup = &disk->setup;
    struct serving *serving = &asker->first->serving;

    if (serving->is_reading) {
        return;
    }
    while (serving->sent < serving->count && setup->has_room(setup->ctx, asker->peer)) {
        struct frame *frame = &serving->frames[serving->sent++];
        uint64_t size = frame->head->size + frame->body.size;

        setup->send(setup->ctx, asker->peer, frame->type, serving->request, frame->head,
                    frame->body);
        qnk_buf_unref(frame->head);
        qnk_buf_unref(frame->body.owner);
        serving->bytes -= size;
        disk->held -= size;
    }
    if (setup->has_room(setup->ctx, asker->peer)) {
        asker->moved_us = now_us;
    }
    if (serving->sent == serving->count && serving->fetch.count == 0) {
        answer_end(disk, asker);
    } else if (now_us > asker->moved_us + STALL_US) {
        asker_refuse(disk, asker);
    }
}

/* The next peer in turn for which something can be read and sent. */
static struct asker *asker_next(struct qnk_disk *disk)
{
    const struct qnk_disk_setup *setup = &disk->setup;

    for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
        struct asker *asker = &disk->askers[(disk->turn + i) % QNK_DISK_ASKERS_MAX];
        const struct serving *serving = asker->first == NULL ? NULL : &asker->first->serving;

        if (serving != NULL && !serving->is_reading && serving->sent == serving->count &&
            setup->has_room(setup->ctx, asker->peer)) {
            disk->turn = (disk->turn + i + 1) % QNK_DISK_ASKERS_MAX;
            return asker;
        }
    }
    return NULL;
}

/* Whether more may be read: if too much is held, whoever has moved least recently loses it. */
static bool held_has_room(struct qnk_disk *disk, uint64_t now_us)
{
    while (disk->held >= QNK_DISK_HELD_MAX) {
        struct asker *slowest = NULL;

        for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
            struct asker *asker = &disk->askers[i];

            if (asker->first != NULL && !asker->first->serving.is_reading &&
                asker->first->serving.bytes > 0 &&
                (slowest == NULL || asker->moved_us < slowest->moved_us)) {
                slowest = asker;
            }
        }
        QN_ASSERT(slowest != NULL);
        if (now_us < slowest->moved_us + HURRY_US) {
            return false;
        }
        asker_refuse(disk, slowest);
    }
    return true;
}

/* Has the next request read, one at a time, so that what comes of it is known before another. */
static void serves_read(struct qnk_disk *disk, uint64_t now_us)
{
    struct asker *asker;

    while (!disk->is_reading && (asker = asker_next(disk)) != NULL && held_has_room(disk, now_us)) {
        disk->is_reading = true;
        asker->first->serving.is_reading = true;
        qnk_pool_give(disk->setup.pool, QNK_QUEUE_READS, &asker->first->task);
    }
}

void qnk_disk_pump(struct qnk_disk *disk)
{
    uint64_t now_us = disk->setup.now(disk->setup.ctx);

    if (disk->is_pumping) {
        return; /* the pool is stopping, and runs at once what it is given */
    }
    disk->is_pumping = true;
    for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
        if (disk->askers[i].first != NULL) {
            asker_send(disk, &disk->askers[i], now_us);
        }
    }
    serves_read(disk, now_us);
    disk->is_pumping = false;
}

void qnk_disk_forget(struct qnk_disk *disk, uint32_t peer)
{
    for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
        while (disk->askers[i].first != NULL && disk->askers[i].peer == peer) {
            answer_end(disk, &disk->askers[i]);
        }
    }
}

/* Gives back what the work held, and says what it was. */
static const char *work_end(struct work *work)
{
    const struct qnk_disk_setup *setup = &work->disk->setup;

    switch (work->what) {
    case QNK_EFFECT_STORE_BLOCK:
        setup->waited(setup->ctx, QNK_DISK_BLOCK, work->us);
        qnk_buf_unref(work->block.body);
        return "a block";
    case QNK_EFFECT_STORE_FINAL:
        setup->waited(setup->ctx, QNK_DISK_WINDOW, work->us);
        qnk_final_destroy(work->final);
        return "a final window";
    case QNK_EFFECT_STORE_PLACE:
        return "the place of a block";
    case QNK_EFFECT_STORE_TXS:
        qnk_buf_unref(work->txs.rows);
        return "the mempool's copy";
    case QNK_EFFECT_SIGN:
        if (work->sign->records != NULL) {
            setup->waited(setup->ctx, QNK_DISK_GUARD, work->us);
        }
        qnk_sign_destroy(work->sign);
        return "a record of the sign guard";
    case QNK_EFFECT_GUARD_TRIM:
        qnk_buf_unref(work->trim.records);
        return "the sign guard's log";
    case QNK_EFFECT_REPLY:
        setup->reply(setup->ctx, work->reply.token,
                     work->reply.codes == NULL ? (struct qn_span){0}
                                               : qnk_buf_span(work->reply.codes));
        qnk_buf_unref(work->reply.codes);
        return "";
    default:
        return "";
    }
}

static void serve_done(struct work *work)
{
    struct qnk_disk *disk = work->disk;
    struct qnk_event event = {.type = QNK_EVENT_ROTTEN};
    uint8_t header[QNK_MICRO_SIZE];
    bool has_rotten = work->has_rotten;

    if (work->damage[0] != '\0') {
        disk->setup.damaged(disk->setup.ctx, work->damage);
    }
    memcpy(header, work->rotten, sizeof header);
    disk->is_reading = work->serving.is_reading = false;
    if (work->serving.is_forgotten) {
        answer_destroy(work);
    } else {
        disk->held += work->serving.bytes;
    }
    qnk_disk_pump(disk);
    if (has_rotten) {
        event.rotten.header = (struct qn_span){header, sizeof header};
        disk->setup.event(disk->setup.ctx, &event);
    }
}

static void check_done(struct work *work)
{
    const struct qnk_disk_setup *setup = &work->disk->setup;
    struct qnk_event event = work->event;

    if (work->has_rotten) {
        event.checked.header = (struct qn_span){work->rotten, sizeof work->rotten};
    }
    setup->event(setup->ctx, &event);
    qnk_memory_give(setup->tasks, work, sizeof *work);
}

static void done(struct qnk_task *task)
{
    struct work *work = (struct work *)task;
    struct qnk_disk *disk = work->disk;
    const struct qnk_disk_setup *setup = &disk->setup;
    struct qnk_event event = work->event;
    int32_t status = work->status;

    if (work->what == QNK_EFFECT_SERVE) {
        serve_done(work);
        return;
    }
    if (work->what == QNK_EFFECT_CHECK) {
        check_done(work);
        return;
    }

    const char *why = work->what == QNK_EFFECT_STORE_FINAL || work->what == QNK_EFFECT_STORE_PLACE
                          ? disk->maps.why
                          : disk->log.why;
    const char *what = work_end(work);

    qnk_memory_give(setup->tasks, work, sizeof *work);
    if (status != QN_OK && status != QN_DENIED) {
        setup->failed(setup->ctx, status, what, status == QN_CORRUPT ? why : "");
    }
    if (event.type != 0) {
        setup->event(setup->ctx, &event);
    }
}

/* --- the loop's side --- */

int32_t qnk_disk_create(const struct qnk_disk_setup *setup, struct qnk_disk **out)
{
    struct qnk_disk *disk = qnk_memory_take(setup->budget, sizeof *disk);
    int error;

    if (disk == NULL) {
        return QN_NO_SPACE;
    }
    disk->setup = *setup;
    disk->log = *setup->store;
    disk->maps = *setup->store;
    disk->reads = *setup->store;
    error = pthread_mutex_init(&disk->lock, NULL);
    error |= pthread_cond_init(&disk->written, NULL);
    QN_ASSERT(error == 0);
    *out = disk;
    return QN_OK;
}

void qnk_disk_destroy(struct qnk_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
        while (disk->askers[i].first != NULL) {
            answer_end(disk, &disk->askers[i]);
        }
    }
    QN_ASSERT(!disk->is_reading && disk->held == 0);
    (void)pthread_cond_destroy(&disk->written);
    (void)pthread_mutex_destroy(&disk->lock);
    qnk_memory_give(disk->setup.budget, disk, sizeof *disk);
}

struct qnk_store *qnk_disk_reader(struct qnk_disk *disk)
{
    return &disk->reads;
}

uint64_t qnk_disk_dropped(const struct qnk_disk *disk)
{
    return disk->dropped;
}

static void take_block(struct work *work, struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_STORED;
    work->event.stored.token = effect->block.token;
    memcpy(work->block.header, effect->block.header, sizeof work->block.header);
    work->block.body = effect->block.body;
    work->block.verified = effect->block.verified;
    effect->block.body = NULL;
}

static void take_window(struct work *work, struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_STORED;
    work->event.stored.token = effect->final->token;
    work->final = effect->final;
    effect->final = NULL;
    work->disk->windows_given++;
}

static void take_place(struct work *work, const struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_STORED;
    work->event.stored.token = effect->place.token;
    memcpy(work->place.header, effect->place.header, sizeof work->place.header);
    work->place.place = effect->place.place;
}

static void take_check(struct work *work, const struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_CHECKED;
    work->check.height = effect->check.height;
    work->check.count = effect->check.count;
}

static void take_sign(struct work *work, struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_SIGNED;
    work->event.sign.token = effect->sign->token;
    work->sign = effect->sign;
    effect->sign = NULL;
}

static void take_secrets(struct work *work, const struct qnk_effect *effect)
{
    work->event.type = QNK_EVENT_SECRETS;
    work->event.secrets.token = effect->secrets.token;
    work->secrets = (struct qnk_secrets_asked){
        .era = effect->secrets.era,
        .window = effect->secrets.window,
        .last_share = effect->secrets.last_share,
        .last_window = effect->secrets.last_window,
    };
}

/* Moves the effect into the work, and says which queue it is for. */
static enum qnk_queue work_take(struct work *work, struct qnk_effect *effect)
{
    switch (work->what) {
    case QNK_EFFECT_STORE_BLOCK:
        take_block(work, effect);
        return QNK_QUEUE_LOG;
    case QNK_EFFECT_STORE_FINAL:
        take_window(work, effect);
        return QNK_QUEUE_MAPS;
    case QNK_EFFECT_STORE_PLACE:
        take_place(work, effect);
        return QNK_QUEUE_MAPS;
    case QNK_EFFECT_CHECK:
        take_check(work, effect);
        return QNK_QUEUE_READS;
    case QNK_EFFECT_STORE_TXS:
        work->txs.rows = effect->txs.rows;
        work->txs.size = effect->txs.size;
        work->txs.replaces = effect->txs.replaces;
        effect->txs.rows = NULL;
        return QNK_QUEUE_LOG;
    case QNK_EFFECT_SIGN:
        take_sign(work, effect);
        return work->sign->records != NULL ? QNK_QUEUE_LOG : QNK_QUEUE_URGENT;
    case QNK_EFFECT_SECRETS:
        take_secrets(work, effect);
        return QNK_QUEUE_URGENT;
    case QNK_EFFECT_GUARD_TRIM:
        work->trim.records = effect->trim.records;
        work->trim.after = work->disk->windows_given;
        effect->trim.records = NULL;
        return QNK_QUEUE_LOG;
    default:
        QN_ASSERT(work->what == QNK_EFFECT_REPLY);
        work->reply.token = effect->reply.token;
        work->reply.codes = effect->reply.codes;
        effect->reply.codes = NULL;
        return QNK_QUEUE_LOG;
    }
}

static struct work *work_create(struct qnk_disk *disk, struct qnk_budget *budget, uint32_t what)
{
    struct work *work = qnk_memory_take(budget, sizeof *work);

    if (work != NULL) {
        work->task.run = run;
        work->task.done = done;
        work->disk = disk;
        work->what = what;
    }
    return work;
}

/* The place of a peer, or a free one. NULL: there is none. */
static struct asker *asker_find(struct qnk_disk *disk, uint32_t peer)
{
    struct asker *found = NULL;

    for (uint32_t i = 0; i < QNK_DISK_ASKERS_MAX; i++) {
        struct asker *asker = &disk->askers[i];

        if (asker->peer == peer) {
            return asker;
        }
        found = found == NULL && asker->peer == 0 ? asker : found;
    }
    return found;
}

static void serve_take(struct qnk_disk *disk, const struct qnk_effect *effect)
{
    struct asker *asker = asker_find(disk, effect->serve.peer);
    struct work *work = NULL;

    if (asker != NULL && asker->count < QNK_DISK_SERVES_MAX) {
        work = work_create(disk, disk->setup.budget, QNK_EFFECT_SERVE);
    }
    if (work == NULL) {
        refuse(disk, effect->serve.peer, effect->serve.request);
        return;
    }
    work->serving = (struct serving){
        .peer = effect->serve.peer,
        .request = effect->serve.request,
        .type = effect->serve.type,
        .fetch = effect->serve.fetch,
    };
    if (asker->first == NULL) {
        *asker = (struct asker){.peer = effect->serve.peer,
                                .moved_us = disk->setup.now(disk->setup.ctx)};
        asker->first = work;
    } else {
        asker->last->serving.next = work;
    }
    asker->last = work;
    asker->count++;
    serves_read(disk, disk->setup.now(disk->setup.ctx));
}

void qnk_disk_perform(struct qnk_disk *disk, struct qnk_effect *effect)
{
    const struct qnk_disk_setup *setup = &disk->setup;
    struct work *work;

    if (effect->type == QNK_EFFECT_SERVE) {
        serve_take(disk, effect);
        return;
    }
    work = work_create(disk, setup->tasks, effect->type);
    if (work == NULL) {
        setup->failed(setup->ctx, QN_NO_SPACE, "a task of the disk", "");
        return;
    }
    QN_ASSERT(effect->type != QNK_EFFECT_SECRETS || setup->signer != NULL);
    qnk_pool_give(setup->pool, work_take(work, effect), &work->task);
}
