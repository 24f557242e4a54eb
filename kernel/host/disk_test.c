/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdatomic.h>
#include <string.h>
#include <uv.h>

#include <sodium.h>

#include <qnet/storage.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"
#include "kernel/host/disk.h"

/* --- a storage that remembers what was done, and fails when told --- */

enum { LOG_SPACE = 1, GUARD_SPACE, MEMPOOL_SPACE, MAP_SPACE, DEEDS_MAX = 64 };

enum deed { APPEND_BLOCK, APPEND_GUARD, SEAL_GUARD, APPEND_TXS, TRIM_GUARD, WRITE_MAPS };

static struct {
    _Atomic uint32_t count;
    enum deed deeds[DEEDS_MAX];
    _Atomic int32_t append_status;
    _Atomic int32_t seal_status; /* of an append of nothing to the guard's log */
    _Atomic int32_t write_status;
    _Atomic uint32_t busy_times; /* write() says BUSY so often */
    _Atomic bool holds_writes;   /* write() does not return meanwhile */
    _Atomic bool has_snapshot;   /* write() says BUSY meanwhile, */
    _Atomic uint32_t busy_said;  /* so often */
} fake;

static void remember(enum deed deed)
{
    fake.deeds[fake.count++] = deed;
}

static int32_t fake_space(struct qn_inst *inst, struct qn_span name, uint32_t type, uint32_t *space)
{
    (void)inst;
    (void)type;
    *space = MAP_SPACE;
    if (name.size == 3 && memcmp(name.data, "log", 3) == 0) {
        *space = LOG_SPACE;
    } else if (name.size == 5 && memcmp(name.data, "guard", 5) == 0) {
        *space = GUARD_SPACE;
    } else if (name.size == 7 && memcmp(name.data, "mempool", 7) == 0) {
        *space = MEMPOOL_SPACE;
    }
    return QN_OK;
}

static int32_t fake_write(struct qn_inst *inst, uint32_t lane, const struct qn_storage_op *ops,
                          uint32_t count, uint32_t level)
{
    (void)inst;
    (void)ops;
    (void)count;
    assert_int_equal(lane, QNK_DISK_LANE_MAPS);
    assert_int_equal(level, 1);
    while (fake.holds_writes) {
        uv_sleep(0);
    }
    if (fake.has_snapshot) {
        fake.busy_said++;
        return QN_BUSY;
    }
    if (fake.busy_times > 0) {
        fake.busy_times--;
        return QN_BUSY;
    }
    if (fake.write_status == QN_OK) {
        remember(WRITE_MAPS);
    }
    return fake.write_status;
}

static int32_t fake_append(struct qn_inst *inst, uint32_t lane, uint32_t log,
                           const struct qn_span *records, uint32_t count, uint32_t level,
                           uint64_t *places)
{
    static const enum deed deeds[] = {
        [LOG_SPACE] = APPEND_BLOCK,
        [GUARD_SPACE] = APPEND_GUARD,
        [MEMPOOL_SPACE] = APPEND_TXS,
    };

    (void)inst;
    (void)records;
    assert_int_equal(lane, QNK_DISK_LANE_LOG);
    assert_int_equal(level, log == MEMPOOL_SPACE ? 0 : 1);
    if (fake.append_status != QN_OK) {
        return fake.append_status;
    }
    if (count == 0) {
        assert_int_equal(log, GUARD_SPACE);
        remember(SEAL_GUARD);
        return fake.seal_status;
    }
    for (uint32_t i = 0; i < count; i++) {
        places[i] = fake.count + i + 1;
    }
    remember(deeds[log]);
    return QN_OK;
}

/* Blocks with bodies of this size, if it is not 0. */
static uint32_t body_size;
static uint32_t reads;

static void header_of(uint64_t height, uint8_t *to)
{
    struct qnk_micro header = {
        .height = height,
        .body_size = body_size,
        .tx_count = 1,
        .version = 1,
    };

    qnk_micro_encode(&header, to);
}

static int32_t fake_read(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place,
                         uint64_t bytes_max, struct qn_sink *entries)
{
    uint8_t head[12 + QNK_MICRO_SIZE + 1] = {0};
    static const uint8_t body[16 << 20];
    int32_t status;

    (void)inst;
    (void)bytes_max;
    assert_int_equal(lane, QNK_DISK_LANE_READS);
    assert_int_equal(log, LOG_SPACE);
    reads++;
    qn_le64_write(head, place);
    qn_le32_write(head + 8, QNK_MICRO_SIZE + 1 + body_size);
    header_of(place, head + 12);
    status = qnk_sink_append(entries, head, sizeof head);
    return status == QN_OK ? qnk_sink_append(entries, body, body_size) : status;
}

/* The entry of a height: place, header. */
static int32_t height_get(const struct qn_storage_address *key, struct qn_storage_found *found,
                          struct qn_sink *values)
{
    uint8_t value[8 + QNK_MICRO_SIZE + 4];
    uint64_t height = 0;
    uint32_t crc = qnk_crc32c(0, key->key.data, key->key.size);

    for (uint32_t i = 0; i < 8; i++) {
        height = height << 8 | key->key.data[i];
    }
    qn_le64_write(value, height);
    header_of(height, value + 8);
    qn_le32_write(value + 8 + QNK_MICRO_SIZE, qnk_crc32c(crc, value, 8 + QNK_MICRO_SIZE));
    found->status = QN_OK;
    return qnk_sink_append(values, value, sizeof value);
}

static int32_t fake_trim(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place)
{
    (void)inst;
    (void)lane;
    (void)place;
    assert_int_equal(log, GUARD_SPACE);
    remember(TRIM_GUARD);
    return QN_OK;
}

static bool has_macro; /* each window then has a macroblock of 1,000 bytes, */
static bool is_rotten; /* of which a bit is another one */

static int32_t fake_get(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                        const struct qn_storage_address *keys, uint32_t count,
                        struct qn_storage_found *found, struct qn_sink *values)
{
    (void)inst;
    (void)snapshot;
    static const uint8_t macro[1000];
    uint8_t value[sizeof macro + 4] = {0};
    uint32_t crc = qnk_crc32c(0, keys->key.data, keys->key.size);

    if (body_size > 0) {
        return height_get(keys, found, values);
    }
    qn_le32_write(value + sizeof macro, qnk_crc32c(crc, macro, sizeof macro));
    value[500] = is_rotten;
    assert_int_equal(lane, QNK_DISK_LANE_READS);
    assert_int_equal(count, 1);
    found->status = has_macro ? QN_OK : QN_NOT_FOUND;
    return has_macro ? qnk_sink_append(values, value, sizeof value) : QN_OK;
}

static const struct qn_storage_1 fake_table = {
    .head = QN_STORAGE_1_HEAD,
    .space = fake_space,
    .write = fake_write,
    .get = fake_get,
    .read = fake_read,
    .append = fake_append,
    .trim = fake_trim,
};

/* --- what the host hears --- */

enum { HEARD_MAX = 64 };

static struct qnk_event heard[HEARD_MAX];
static uint32_t heard_count;
static uint32_t replies;
static uint32_t replied_after; /* deeds when the last reply came */
static int32_t failed_status;
static char failed_what[64];

static void on_event(void *ctx, struct qnk_event *event)
{
    (void)ctx;
    heard[heard_count++] = *event;
}

static void on_reply(void *ctx, uint64_t token, struct qn_span codes)
{
    (void)ctx;
    (void)codes;
    assert_int_equal(token, 7);
    replies++;
    replied_after = fake.count;
}

enum { PEERS = 300 };

static uint32_t room[PEERS]; /* frames that each peer takes */
static uint32_t sent[PEERS];
static uint32_t refused[PEERS];
static uint64_t sent_bytes;

static uint64_t now_us = 1;

static uint64_t on_now(void *ctx)
{
    (void)ctx;
    return now_us;
}

static bool on_room(void *ctx, uint32_t peer)
{
    (void)ctx;
    return room[peer] > 0;
}

static void on_send(void *ctx, uint32_t peer, uint8_t type, uint32_t request, struct qn_buf *head,
                    struct qn_slice body)
{
    struct qnk_refusal refusal;

    (void)ctx;
    assert_int_equal(request, 77);
    assert_int_equal(body.size, 0);
    if (type == QNK_WIRE_REFUSAL) {
        assert_int_equal(qnk_refusal_decode(qnk_buf_span(head), &refusal), QN_OK);
        assert_int_equal(refusal.code, QN_BUSY);
        refused[peer]++;
        return;
    }
    assert_int_equal(type, body_size > 0 ? QNK_WIRE_BODY_PART : QNK_WIRE_MACROS);
    assert_true(body_size > 0 || head->size == 4 + 8 + 1000);
    room[peer]--;
    sent[peer]++;
    sent_bytes += head->size;
}

static void on_waited(void *ctx, enum qnk_disk_kind kind, uint64_t us)
{
    (void)ctx;
    (void)us;
    assert_true(kind < QNK_DISK_KINDS);
}

static uint32_t damages;

static void on_damaged(void *ctx, const char *why)
{
    (void)ctx;
    assert_string_equal(why, "macroblock 1 is damaged");
    damages++;
}

static void on_failed(void *ctx, int32_t status, const char *what, const char *why)
{
    (void)ctx;
    assert_non_null(why);
    failed_status = status;
    qnk_text(failed_what, sizeof failed_what, "%s", what);
}

/* --- the subject --- */

static struct qnk_budget budget = {.limit = 1 << 26};
static uv_loop_t loop;
static struct qnk_pool *pool;
static struct qnk_store store;
static struct qnk_key key;
static struct qnk_signer *signer;
static struct qnk_disk *disk;

static int start_with(struct qnk_signer *with)
{
    struct qnk_disk_setup setup = {
        .budget = &budget,
        .tasks = &budget,
        .store = &store,
        .signer = with,
        .event = on_event,
        .reply = on_reply,
        .now = on_now,
        .has_room = on_room,
        .send = on_send,
        .waited = on_waited,
        .failed = on_failed,
        .damaged = on_damaged,
    };

    memset(&fake, 0, sizeof fake);
    heard_count = 0;
    has_macro = is_rotten = false;
    damages = 0;
    body_size = reads = 0;
    sent_bytes = 0;
    memset(room, 0, sizeof room);
    memset(sent, 0, sizeof sent);
    memset(refused, 0, sizeof refused);
    replies = 0;
    failed_status = QN_OK;
    memset(failed_what, 0, sizeof failed_what);
    if (uv_loop_init(&loop) != 0 || qnk_pool_create(&budget, &loop, 1, &pool) != QN_OK ||
        qnk_store_open(&store, &budget, (struct qnk_plugged){&fake_table, NULL}, true) != QN_OK) {
        return -1;
    }
    setup.pool = pool;
    return qnk_disk_create(&setup, &disk) == QN_OK ? 0 : -1;
}

static int start(void **subject)
{
    (void)subject;
    return start_with(signer);
}

static int start_without_key(void **subject)
{
    (void)subject;
    return start_with(NULL);
}

static int stop(void **subject)
{
    (void)subject;
    qnk_pool_stop(pool);
    qnk_disk_destroy(disk);
    qnk_pool_destroy(pool, NULL, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void settle(void)
{
    while (qnk_pool_count(pool) > 0) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
}

/* One guard record with its size before it. */
static struct qn_buf *record(void)
{
    static const uint8_t bytes[] = {4, 0, 0, 0, 1, 2, 3, 4};
    struct qn_buf *buf = qnk_buf_copy(&budget, (struct qn_span){bytes, sizeof bytes});

    assert_non_null(buf);
    return buf;
}

static void sign_words(bool has_record, uint32_t size)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_SIGN};
    struct qnk_sign *order = qnk_memory_take(&budget, sizeof *order);

    assert_non_null(order);
    order->token = 3;
    order->budget = &budget;
    order->message_size = size;
    memcpy(order->message, "words", size);
    order->records = has_record ? record() : NULL;
    effect.sign = order;
    qnk_disk_perform(disk, &effect);
    assert_null(effect.sign);
}

static void sign(bool has_record)
{
    sign_words(has_record, 5);
}

static void finalize(void)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_STORE_FINAL};
    struct qnk_final *final = qnk_memory_take(&budget, sizeof *final);
    const struct qn_span nothing = {0};

    assert_non_null(final);
    final->token = 5;
    final->budget = &budget;
    final->macro.window = 1;
    final->macro.height = 1;
    final->macro.blocks_count = 1;
    final->certificate = qnk_buf_copy(&budget, nothing);
    final->control = qnk_buf_copy(&budget, nothing);
    final->next_set = qnk_buf_copy(&budget, nothing);
    final->frontier = qnk_buf_copy(&budget, nothing);
    final->blocks = qnk_buf_new(&budget, sizeof(struct qnk_final_block));
    final->headers = qnk_buf_new(&budget, QNK_MICRO_SIZE);
    final->ids = qnk_buf_copy(&budget, nothing);
    final->counts = qnk_buf_new(&budget, 4);
    final->pages.bytes = qnk_buf_copy(&budget, nothing);
    memset(final->blocks->data, 0, sizeof(struct qnk_final_block));
    memset(final->headers->data, 0, QNK_MICRO_SIZE);
    memset(final->counts->data, 0, 4);
    effect.final = final;
    qnk_disk_perform(disk, &effect);
}

static void trim(void)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_GUARD_TRIM};

    effect.trim.records = record();
    qnk_disk_perform(disk, &effect);
}

/* --- the promises --- */

static void a_signature_comes_after_its_record(void **subject)
{
    (void)subject;
    sign(true);
    settle();
    assert_int_equal(fake.count, 2);
    assert_int_equal(fake.deeds[0], APPEND_GUARD);
    assert_int_equal(fake.deeds[1], SEAL_GUARD);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QNK_EVENT_SIGNED);
    assert_int_equal(heard[0].sign.token, 3);
    assert_int_equal(heard[0].sign.status, QN_OK);
    assert_int_equal(crypto_sign_verify_detached(heard[0].sign.signature, (const uint8_t *)"words",
                                                 5, key.public.bytes),
                     0);
}

/* The other way round, a record could be left whose block is lost. */
static void an_own_block_is_durable_before_its_record(void **subject)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_SIGN};
    struct qnk_sign *order = qnk_memory_take(&budget, sizeof *order);

    (void)subject;
    assert_non_null(order);
    order->token = 3;
    order->budget = &budget;
    order->message_size = 5;
    order->records = record();
    order->body = record();
    effect.sign = order;
    qnk_disk_perform(disk, &effect);
    settle();
    assert_int_equal(fake.count, 3);
    assert_int_equal(fake.deeds[0], APPEND_BLOCK);
    assert_int_equal(fake.deeds[1], APPEND_GUARD);
    assert_int_equal(fake.deeds[2], SEAL_GUARD);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].sign.status, QN_OK);
    assert_int_equal(heard[0].sign.place, 1);
}

static void what_was_signed_before_needs_no_record(void **subject)
{
    (void)subject;
    sign(false);
    settle();
    assert_int_equal(fake.count, 0);
    assert_int_equal(heard[0].sign.status, QN_OK);
}

/* What an engine has saved is a record, and no key puts its name to nothing. */
static void a_record_alone_is_not_signed(void **subject)
{
    static const uint8_t nothing[QN_SIG_SIZE];

    (void)subject;
    sign_words(true, 0);
    settle();
    assert_int_equal(fake.deeds[0], APPEND_GUARD);
    assert_int_equal(heard[0].sign.status, QN_OK);
    assert_memory_equal(heard[0].sign.signature, nothing, QN_SIG_SIZE);
}

static void refused_with_io(void)
{
    static const uint8_t nothing[QN_SIG_SIZE];

    sign(true);
    settle();
    assert_int_equal(heard[0].sign.status, QN_IO);
    assert_memory_equal(heard[0].sign.signature, nothing, QN_SIG_SIZE);
    assert_int_equal(failed_status, QN_IO);
    assert_string_equal(failed_what, "a record of the sign guard");
}

static void nothing_is_signed_if_the_record_is_not_durable(void **subject)
{
    (void)subject;
    fake.append_status = QN_IO;
    refused_with_io();
}

/* Else damage to it could pass for a torn write later, and the signature is out. */
static void nothing_is_signed_if_the_record_is_not_known_to_be_durable(void **subject)
{
    (void)subject;
    fake.seal_status = QN_IO;
    refused_with_io();
}

static void without_a_key_nothing_is_signed(void **subject)
{
    (void)subject;
    sign(true);
    settle();
    assert_int_equal(fake.count, 0);
    assert_int_equal(heard[0].sign.status, QN_DENIED);
    assert_int_equal(failed_status, QN_OK);
}

static void the_guards_log_is_cut_after_the_window_is_durable(void **subject)
{
    (void)subject;
    fake.holds_writes = true;
    finalize();
    trim();
    assert_int_equal(fake.count, 0);
    fake.holds_writes = false;
    settle();
    assert_int_equal(fake.count, 4);
    assert_int_equal(fake.deeds[0], WRITE_MAPS);
    assert_int_equal(fake.deeds[1], APPEND_GUARD);
    assert_int_equal(fake.deeds[2], SEAL_GUARD);
    assert_int_equal(fake.deeds[3], TRIM_GUARD);
}

static void the_guards_log_stays_if_the_window_is_not_durable(void **subject)
{
    (void)subject;
    fake.write_status = QN_NO_SPACE;
    finalize();
    trim();
    settle();
    assert_int_equal(fake.count, 0);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QNK_EVENT_STORED);
    assert_int_equal(heard[0].stored.status, QN_NO_SPACE);
    assert_int_equal(failed_status, QN_NO_SPACE);
    assert_string_equal(failed_what, "a final window");
}

static _Atomic uint32_t deeds_when_read;

/* A read of what was final when it was asked for: one window. */
static void read_final(struct qnk_task *task, uint32_t lane)
{
    (void)task;
    (void)lane;
    qnk_disk_wait(disk, 1);
    deeds_when_read = fake.count;
}

static void read_done(struct qnk_task *task)
{
    (void)task;
}

static void a_read_finds_what_was_final_when_it_was_asked(void **subject)
{
    struct qnk_task task = {.run = read_final, .done = read_done};

    (void)subject;
    fake.holds_writes = true;
    finalize();
    assert_int_equal(qnk_disk_windows(disk), 1);
    qnk_pool_give(pool, QNK_QUEUE_READS, &task);
    uv_sleep(1);
    fake.holds_writes = false;
    settle();
    assert_int_equal(deeds_when_read, 1);
}

static _Atomic uint32_t end_lane;

static void snapshot_end(struct qnk_disk_hold *hold, uint32_t lane)
{
    (void)hold;
    end_lane = lane;
    fake.has_snapshot = false;
}

static void snapshot_keep(struct qnk_task *task, uint32_t lane)
{
    static struct qnk_disk_hold hold = {.let_go = snapshot_end};

    (void)task;
    (void)lane;
    fake.has_snapshot = true;
    qnk_disk_hold(disk, &hold);
}

static void a_snapshot_ends_before_a_read_waits_for_a_window(void **subject)
{
    struct qnk_task keep = {.run = snapshot_keep, .done = read_done};
    struct qnk_task task = {.run = read_final, .done = read_done};

    (void)subject;
    qnk_pool_give(pool, QNK_QUEUE_READS, &keep);
    settle();
    assert_true(fake.has_snapshot);
    finalize();
    qnk_pool_give(pool, QNK_QUEUE_READS, &task);
    settle();
    assert_int_equal(deeds_when_read, 1);
    assert_int_equal(failed_status, QN_OK);
    assert_false(qnk_disk_release(disk));
}

/* Nothing is read, and nobody waits, so nothing else would end it. */
static void a_snapshot_between_two_pieces_ends_when_a_window_needs_it(void **subject)
{
    struct qnk_task keep = {.run = snapshot_keep, .done = read_done};

    (void)subject;
    qnk_pool_give(pool, QNK_QUEUE_READS, &keep);
    settle();
    assert_true(fake.has_snapshot);
    finalize();
    settle();
    assert_false(fake.has_snapshot);
    assert_int_equal(end_lane, QNK_DISK_LANE_MAPS);
    assert_int_equal(failed_status, QN_OK);
    assert_false(qnk_disk_release(disk));
}

/* The window came during the piece. */
static void snapshot_keep_late(struct qnk_task *task, uint32_t lane)
{
    fake.has_snapshot = true;
    while (fake.busy_said == 0) {
        uv_sleep(0);
    }
    snapshot_keep(task, lane);
}

static void a_snapshot_ends_with_its_piece_when_a_window_needs_it(void **subject)
{
    struct qnk_task keep = {.run = snapshot_keep_late, .done = read_done};

    (void)subject;
    fake.has_snapshot = true; /* before the window is given */
    fake.busy_said = 0;
    qnk_pool_give(pool, QNK_QUEUE_READS, &keep);
    finalize();
    settle();
    assert_false(fake.has_snapshot);
    assert_int_equal(failed_status, QN_OK);
    assert_false(qnk_disk_release(disk));
}

static void a_read_does_not_wait_for_what_failed(void **subject)
{
    struct qnk_task task = {.run = read_final, .done = read_done};

    (void)subject;
    fake.write_status = QN_NO_SPACE;
    finalize();
    qnk_pool_give(pool, QNK_QUEUE_READS, &task);
    settle();
    assert_int_equal(deeds_when_read, 0);
}

static void a_map_that_grows_is_waited_for(void **subject)
{
    (void)subject;
    fake.busy_times = 3;
    finalize();
    settle();
    assert_int_equal(fake.count, 1);
    assert_int_equal(heard[0].stored.status, QN_OK);
    assert_int_equal(failed_status, QN_OK);
}

static void a_client_hears_after_its_transactions_are_kept(void **subject)
{
    struct qnk_effect txs = {.type = QNK_EFFECT_STORE_TXS};
    struct qnk_effect reply = {.type = QNK_EFFECT_REPLY};

    (void)subject;
    txs.txs.rows = record();
    txs.txs.size = txs.txs.rows->size;
    reply.reply.token = 7;
    reply.reply.codes = record();
    qnk_disk_perform(disk, &txs);
    qnk_disk_perform(disk, &reply);
    assert_int_equal(replies, 0);
    settle();
    assert_int_equal(replies, 1);
    assert_int_equal(replied_after, 1);
    assert_int_equal(fake.deeds[0], APPEND_TXS);
}

static void a_block_that_is_not_stored_is_told(void **subject)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_STORE_BLOCK};

    (void)subject;
    fake.append_status = QN_NO_SPACE;
    effect.block.token = 9;
    effect.block.body = record();
    qnk_disk_perform(disk, &effect);
    settle();
    assert_int_equal(heard[0].stored.token, 9);
    assert_int_equal(heard[0].stored.status, QN_NO_SPACE);
    assert_string_equal(failed_what, "a block");
}

static void blocks_have_their_places(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < 10; i++) {
        struct qnk_effect effect = {.type = QNK_EFFECT_STORE_BLOCK};

        effect.block.token = i;
        effect.block.body = record();
        qnk_disk_perform(disk, &effect);
    }
    settle();
    assert_int_equal(heard_count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(heard[i].stored.token, i);
        assert_int_equal(heard[i].stored.place, i + 1);
    }
}

static void ask(uint32_t peer, uint8_t type, struct qnk_fetch fetch)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_SERVE};

    effect.serve.peer = peer;
    effect.serve.request = 77;
    effect.serve.type = type;
    effect.serve.fetch = fetch;
    qnk_disk_perform(disk, &effect);
}

static void ask_for_macro(void)
{
    ask(4, QNK_WIRE_FETCH_MACROS, (struct qnk_fetch){.first = 1, .count = 1});
}

static void ask_for_bodies(uint32_t peer)
{
    ask(peer, QNK_WIRE_FETCH_RANGE, (struct qnk_fetch){.first = 1, .count = 64, .what = 1});
}

static void answers_wait_for_room_at_their_peer(void **subject)
{
    (void)subject;
    has_macro = true;
    room[4] = 1;
    for (uint32_t i = 0; i < 3; i++) {
        ask_for_macro();
    }
    settle();
    assert_int_equal(sent[4], 1);
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(sent[4], 1);
    room[4] = 1;
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(sent[4], 2);
}

static void what_rotted_is_named_and_not_sent(void **subject)
{
    (void)subject;
    has_macro = is_rotten = true;
    room[4] = 1;
    ask_for_macro();
    settle();
    assert_int_equal(damages, 1);
    assert_int_equal(sent[4], 0);
    assert_int_equal(failed_status, QN_OK);
    is_rotten = false;
    ask_for_macro();
    settle();
    assert_int_equal(damages, 1);
    assert_int_equal(sent[4], 1);
}

static void answers_end_with_their_peer(void **subject)
{
    uint64_t used = budget.used;

    (void)subject;
    body_size = 3 << 20;
    room[4] = 1; /* of more than one frame */
    ask_for_bodies(4);
    ask_for_bodies(4);
    settle();
    assert_int_equal(sent[4], 1);
    assert_true(budget.used > used);
    qnk_disk_forget(disk, 4);
    assert_int_equal(budget.used, used);
    room[4] = 1;
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(sent[4], 1);
}

static void an_answer_that_is_read_for_nobody_any_more_is_dropped(void **subject)
{
    uint64_t used = budget.used;

    (void)subject;
    body_size = 3 << 20;
    room[4] = 1;
    ask_for_bodies(4);
    qnk_disk_forget(disk, 4);
    settle();
    assert_int_equal(reads, 2); /* one piece */
    assert_int_equal(sent[4], 0);
    assert_int_equal(budget.used, used);
}

/* Sixteen bodies and no more, a few of them at a time. */
static void bodies_are_read_as_the_peer_takes_them(void **subject)
{
    (void)subject;
    body_size = 1 << 20;
    ask_for_bodies(4);
    settle();
    assert_int_equal(reads, 0);
    room[4] = 1;
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(reads, 4);
    room[4] = 1000;
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(reads, 16);
    assert_int_equal(sent[4], 16 * 4);
    assert_int_equal(sent_bytes, 16 * (body_size + 4 * QNK_BODY_PART_HEAD_SIZE));
    assert_int_equal(qnk_disk_dropped(disk), 0);
}

/* What a late node asks one peer for at once. */
static void one_peer_has_its_share_of_places_and_no_more(void **subject)
{
    uint64_t used = budget.used;

    (void)subject;
    has_macro = true;
    for (uint32_t i = 0; i < 100; i++) {
        ask_for_macro();
    }
    assert_int_equal(qnk_disk_dropped(disk), 100 - QNK_DISK_SERVES_MAX);
    assert_int_equal(refused[4], 0); /* it has no room even for that */
    assert_true(budget.used - used < 65536);
    room[5] = 10;
    for (uint32_t i = 0; i < 6; i++) {
        ask(5, QNK_WIRE_FETCH_MACROS, (struct qnk_fetch){.first = 1, .count = 1});
    }
    settle();
    assert_int_equal(sent[5], 6);
    assert_int_equal(refused[5], 0);
    room[4] = 100;
    ask_for_macro();
    assert_int_equal(refused[4], 1);
    qnk_disk_pump(disk);
    settle();
    assert_int_equal(sent[4], QNK_DISK_SERVES_MAX);
    ask_for_macro();
    settle();
    assert_int_equal(sent[4], QNK_DISK_SERVES_MAX + 1);
    assert_int_equal(failed_status, QN_OK);
}

/* Each takes one frame and then nothing. */
static void what_peers_do_not_take_is_bounded_and_keeps_nobody_waiting(void **subject)
{
    const uint64_t most = QNK_DISK_HELD_MAX + (20 << 20);
    uint64_t used = budget.used;

    (void)subject;
    budget.limit = (size_t)1 << 30;
    body_size = 16 << 20;
    for (uint32_t i = 1; i <= 20; i++) {
        room[i] = 1;
        ask_for_bodies(i);
    }
    settle();
    assert_int_equal(reads, 5);
    assert_true(budget.used - used < most);
    room[200] = 2000;
    ask_for_bodies(200);
    for (uint32_t s = 0; s < 20 && sent[200] < 16 * 64; s++) {
        qnk_disk_pump(disk);
        settle();
        assert_true(budget.used - used < most);
        now_us += 1000000;
    }
    assert_int_equal(sent[200], 16 * 64);
    assert_int_equal(refused[200], 0);
    for (uint32_t i = 1; i <= 20; i++) {
        qnk_disk_forget(disk, i);
    }
    assert_int_equal(budget.used, used);
    budget.limit = 1 << 26;
}

static void who_takes_nothing_for_long_loses_what_it_asked_for(void **subject)
{
    uint64_t used = budget.used;

    (void)subject;
    has_macro = true;
    ask_for_macro();
    ask_for_macro();
    now_us += 29000000;
    qnk_disk_pump(disk);
    assert_int_equal(qnk_disk_dropped(disk), 0);
    now_us += 2000000;
    qnk_disk_pump(disk);
    assert_int_equal(qnk_disk_dropped(disk), 2);
    assert_int_equal(reads, 0);
    assert_int_equal(budget.used, used);
}

static void a_read_for_a_peer_that_lacks_memory_stops_nothing(void **subject)
{
    size_t limit = budget.limit;

    (void)subject;
    body_size = 3 << 20;
    room[4] = 1000;
    ask_for_bodies(4);
    budget.limit = budget.used + 100000; /* the thread may have begun, but not with so much */
    settle();
    budget.limit = budget.used;
    ask_for_bodies(4);
    settle();
    budget.limit = limit;
    assert_int_equal(failed_status, QN_OK);
    assert_true(qnk_disk_dropped(disk) > 0);
    ask_for_bodies(4);
    settle();
    assert_true(sent[4] >= 16 * 12);
}

static int open_all(void **subject)
{
    (void)subject;
    return sodium_init() >= 0 && qnk_key_make(QNK_KEY_VALIDATOR, NULL, &key) == QN_OK &&
                   qnk_signer_create(&budget, &key, &signer) == QN_OK
               ? 0
               : -1;
}

static int close_all(void **subject)
{
    (void)subject;
    qnk_signer_destroy(signer);
    qnk_key_done(&key);
    return budget.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_comes_after_its_record, start, stop),
        cmocka_unit_test_setup_teardown(an_own_block_is_durable_before_its_record, start, stop),
        cmocka_unit_test_setup_teardown(what_was_signed_before_needs_no_record, start, stop),
        cmocka_unit_test_setup_teardown(a_record_alone_is_not_signed, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_signed_if_the_record_is_not_durable, start,
                                        stop),
        cmocka_unit_test_setup_teardown(nothing_is_signed_if_the_record_is_not_known_to_be_durable,
                                        start, stop),
        cmocka_unit_test_setup_teardown(without_a_key_nothing_is_signed, start_without_key, stop),
        cmocka_unit_test_setup_teardown(the_guards_log_is_cut_after_the_window_is_durable, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_read_finds_what_was_final_when_it_was_asked, start, stop),
        cmocka_unit_test_setup_teardown(a_snapshot_ends_before_a_read_waits_for_a_window, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_snapshot_between_two_pieces_ends_when_a_window_needs_it,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_snapshot_ends_with_its_piece_when_a_window_needs_it,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_read_does_not_wait_for_what_failed, start, stop),
        cmocka_unit_test_setup_teardown(the_guards_log_stays_if_the_window_is_not_durable, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_map_that_grows_is_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(a_client_hears_after_its_transactions_are_kept, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_block_that_is_not_stored_is_told, start, stop),
        cmocka_unit_test_setup_teardown(blocks_have_their_places, start, stop),
        cmocka_unit_test_setup_teardown(answers_wait_for_room_at_their_peer, start, stop),
        cmocka_unit_test_setup_teardown(what_rotted_is_named_and_not_sent, start, stop),
        cmocka_unit_test_setup_teardown(answers_end_with_their_peer, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_that_is_read_for_nobody_any_more_is_dropped,
                                        start, stop),
        cmocka_unit_test_setup_teardown(bodies_are_read_as_the_peer_takes_them, start, stop),
        cmocka_unit_test_setup_teardown(one_peer_has_its_share_of_places_and_no_more, start, stop),
        cmocka_unit_test_setup_teardown(what_peers_do_not_take_is_bounded_and_keeps_nobody_waiting,
                                        start, stop),
        cmocka_unit_test_setup_teardown(who_takes_nothing_for_long_loses_what_it_asked_for, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_read_for_a_peer_that_lacks_memory_stops_nothing, start,
                                        stop),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
