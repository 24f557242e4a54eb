/* SPDX-License-Identifier: MIT */

/* bench_pipeline.c: one node with everything on: frames of signed transfers in, decoded, verified,
 * executed, durable (one flush a block), ready to send; against bare libsodium verification of the
 * same transfers on the same cores.
 *
 * The node is kernel/host as qnetd has it, with its pool, disk and plugins as they were built, of a
 * network of one validator: so it also signs its blocks, keeps its sign guard and makes windows
 * final. While the baseline runs, the node's loop stands. Transfers were signed before.
 *
 * Counted are transfers of blocks whose flush returned: the next block is made only after that. A
 * run begins and ends at a block.
 */

#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <uv.h>

#include <qnet/ledger.h>

#include "kernel/base/log.h"
#include "kernel/chain/tx.h"
#include "kernel/qnet/bench_bed.h"
#include "kernel/qnet/show.h"

enum {
    ACCOUNTS = 200000,
    SENDERS = 16384,
    BRIEF_ACCOUNTS = 3000,
    BRIEF_SENDERS = 1024,
    AT_ONCE = 96,        /* frames that wait for their answer: 37,000 transfers */
    VALID_BLOCKS = 5000, /* that a transfer may still be included */
    FRAMES_MAX = 1 << 20,
    PATIENCE_S = 120, /* that the node may take without a block */
    CORES_MAX = 256,
    QUERY_ACCOUNT = 1,
    SLOT_BALANCE = 32,
    SLOT_NONCE = 40,
};

struct pipe {
    struct qnk_bench *bench;
    struct qnk_bench_load load;
    struct qn_buf *genesis;
    struct qn_span file_genesis; /* what the network file had */

    uv_loop_t loop;
    struct qnk_log log;
    struct qnk_host *host;
    bool is_running, is_closed, is_restarted, is_ending;

    struct qn_buf **frames; /* NULL once answered */
    uint32_t frames_count;
    uint32_t frames_sent;
    uint32_t waiting; /* answers */
    uint64_t accepted, bad, other;
    uint32_t other_code; /* of the last one */

    double noted_s;    /* when a block was made last */
    uint64_t height;   /* of the head */
    uint64_t head_txs; /* in it: not known to be durable */
    uint64_t durable;  /* transfers below it */
    double durable_s;  /* when that was known */
    uint64_t undone;
    uint64_t blocks; /* with transfers, durable */
    uint64_t finals;

    bool is_read; /* the accounts */
    uint64_t wrong;
    struct qnk_ask ask;
};

/* --- the node's life --- */

static void on_running(void *ctx)
{
    ((struct pipe *)ctx)->is_running = true;
}

static void on_closed(void *ctx)
{
    ((struct pipe *)ctx)->is_closed = true;
}

static void on_note(void *ctx, const struct qnk_effect *note)
{
    struct pipe *it = ctx;

    if (note->note.what == QNK_NOTE_MICROBLOCK) {
        it->noted_s = qnk_bench_now();
    } else if (note->note.what == QNK_NOTE_UNDONE) {
        it->undone++;
    } else if (note->note.what == QNK_NOTE_FINAL) {
        it->finals++;
    }
}

static bool is_alive(struct pipe *it)
{
    const char *why;

    return qnk_host_ending(it->host, &why) == QNK_EXIT_OK ||
           qnk_bench_fail(it->bench, "the node stopped: %s", why);
}

/* Transfers of a block; the kernel's own transactions do not count. */
static uint64_t transfers_in(struct qn_span rows)
{
    uint64_t count = 0;
    struct qnk_tx tx;

    while (rows.size > 0 && qnk_tx_next(&rows, &tx) == QN_OK) {
        count += !qnk_tx_is_kernel(&tx);
    }
    return count;
}

/* Looks at the head. What lies below it is durable, as the head was made on that. */
static bool count(struct pipe *it)
{
    struct qnk_node *node = qnk_host_node(it->host);
    struct qnk_node_view view;

    if (node == NULL || it->is_restarted) {
        return true; /* it starts or stops, or was counted before */
    }
    qnk_node_look(node, &view);
    while (it->height < view.head_height) {
        struct qnk_block_view block;

        if (!qnk_node_block_at(node, it->height + 1, &block)) {
            return qnk_bench_fail(it->bench, "block %llu was not seen in time",
                                  (unsigned long long)it->height + 1);
        }
        it->durable += it->head_txs;
        it->blocks += it->head_txs > 0;
        it->durable_s = it->noted_s;
        it->head_txs = transfers_in(block.rows);
        it->height++;
    }
    return true;
}

/* Lets the node do some more. */
static bool turn(struct pipe *it)
{
    (void)uv_run(&it->loop, UV_RUN_ONCE);
    if (it->other > 0) {
        return qnk_bench_fail(it->bench, "%llu transfers were refused (code %u)",
                              (unsigned long long)it->other, it->other_code);
    }
    return count(it) && is_alive(it);
}

static bool life_begin(struct pipe *it)
{
    struct qnk_bench_bed *bed = it->bench->bed;
    const struct qnk_log_options log = {
        .fd = STDERR_FILENO,
        .format = QNK_LOG_LOGFMT,
        .level = QNK_LOG_ERROR,
    };
    struct qnk_host_setup setup = {
        .config = &bed->config,
        .config_path = bed->node_path,
        .loader = bed->loader,
        .shared = bed->shared,
        .log = &it->log,
        .loop = &it->loop,
        .running = on_running,
        .closed = on_closed,
        .ctx = it,
    };

    it->is_running = it->is_closed = false;
    qnk_log_init(&it->log, &log);
    if (uv_loop_init(&it->loop) != 0) {
        return qnk_bench_fail(it->bench, "there is no loop");
    }
    if (qnk_host_create(&setup, &it->host) != QN_OK) {
        return qnk_bench_fail(it->bench, "there is no memory for a node");
    }
    qnk_host_watch(it->host, on_note, it);

    int32_t status = qnk_host_start(it->host);

    while (status == QN_OK && !it->is_running && is_alive(it)) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
    return it->is_running || is_alive(it);
}

static void life_end(struct pipe *it)
{
    if (it->host == NULL) {
        return;
    }
    it->is_ending = true;
    qnk_host_stop(it->host, QNK_EXIT_OK, "");
    while (!it->is_closed) {
        (void)uv_run(&it->loop, UV_RUN_ONCE);
    }
    qnk_host_destroy(it->host);
    it->host = NULL;
    (void)uv_run(&it->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&it->loop);
    qnk_log_done(&it->log);
}

/* --- transfers in --- */

static void on_submitted(void *ctx, struct qn_span codes)
{
    struct pipe *it = ctx;

    it->waiting--;
    for (uint64_t at = QN_HASH_SIZE; at < codes.size; at += QN_HASH_SIZE + 1) {
        it->accepted += codes.data[at] == QNK_TX_OK;
        it->bad += codes.data[at] == QNK_TX_BAD_SIGNATURE;
        if (codes.data[at] != QNK_TX_OK && codes.data[at] != QNK_TX_BAD_SIGNATURE) {
            it->other++;
            it->other_code = codes.data[at];
        }
    }
    if (codes.size == 0 && !it->is_ending) { /* not even read */
        it->other += QNK_BENCH_FRAME_TXS;
        it->other_code = QNK_TX_CODES;
    }
}

static bool top_up(struct pipe *it, uint32_t limit)
{
    while (it->frames_sent < limit && it->waiting < AT_ONCE) {
        struct qn_buf *frame = it->frames[it->frames_sent];

        if (qnk_host_submit(it->host, frame, on_submitted, it) != QN_OK) {
            return qnk_bench_fail(it->bench, "the node takes no transfers");
        }
        it->waiting++;
        it->frames_sent++;
    }
    return true;
}

/* Gives frames up to `limit` to the node until so many transfers are durable and, if `until` is not
 * 0, this moment has passed too; or until all are answered and durable. */
static bool drive(struct pipe *it, uint32_t limit, uint64_t durable, double until)
{
    double last_s = qnk_bench_now();
    uint64_t before = it->durable;

    while (it->durable < durable || (until > 0 && it->durable_s < until)) {
        if (!top_up(it, limit) || !turn(it)) {
            return false;
        }
        if (it->durable != before || until > 0) {
            before = it->durable;
            last_s = until > 0 ? last_s : qnk_bench_now();
        }
        if (qnk_bench_now() - last_s > PATIENCE_S + (until > 0 ? it->bench->seconds : 0)) {
            return qnk_bench_fail(it->bench,
                                  "no block in %d s: accepted %llu, bad %llu, other %llu, durable "
                                  "%llu of %llu",
                                  PATIENCE_S, (unsigned long long)it->accepted,
                                  (unsigned long long)it->bad, (unsigned long long)it->other,
                                  (unsigned long long)it->durable, (unsigned long long)durable);
        }
    }
    return true;
}

/* Waits for a block that is durable and was made after now. */
static bool drive_block(struct pipe *it, uint32_t limit)
{
    return drive(it, limit, it->durable + 1, 0);
}

/* Makes frames so that at least `count` are ready to be sent. */
static bool frames_make(struct pipe *it, uint32_t count)
{
    uint32_t ready = it->frames_count - it->frames_sent;

    if (ready >= count) {
        return true;
    }
    if (it->frames_sent + (uint64_t)count > FRAMES_MAX) {
        return qnk_bench_fail(it->bench, "fewer or shorter runs, please: too many transfers");
    }
    count -= ready;
    for (uint32_t i = 0; i < it->frames_sent && it->waiting == 0; i++) {
        qnk_buf_unref(it->frames[i]); /* what the node still wants it holds itself */
        it->frames[i] = NULL;
    }
    it->frames_count += count;
    return qnk_bench_load_make(it->bench, &it->load, it->height + VALID_BLOCKS, true,
                               it->frames + it->frames_count - count, count);
}

/* Until all that was sent is answered and durable. */
static bool drain(struct pipe *it)
{
    while (it->waiting > 0) {
        if (!turn(it)) {
            return false;
        }
    }
    return drive(it, it->frames_sent, it->accepted, 0);
}

/* --- the baseline --- */

/* Sums over all runs. */
struct spent {
    double cpu;
    uint64_t transfers;               /* from the first sent to the last durable */
    uint64_t block_transfers, blocks; /* of the parts that count */
    double baseline_cpu;
    uint64_t baseline_transfers;
};

struct looping {
    const struct pipe *pipe;
    uint32_t first, step;
    double until;
    uint64_t done;
    uv_thread_t thread;
};

/* One by one, of frames that are ready to be sent, again and again. */
static void sodium_loop(void *ctx)
{
    struct looping *it = ctx;
    const struct pipe *pipe = it->pipe;
    uint32_t frames = pipe->frames_count - pipe->frames_sent;
    uint8_t message[QNK_TX_MESSAGE_MAX];
    uint32_t at = it->first;

    do {
        struct qn_span rest = qnk_buf_span(pipe->frames[pipe->frames_sent + at % frames]);

        rest.data += 4;
        rest.size -= 4;
        for (uint32_t i = 0; i < QNK_BENCH_FRAME_TXS; i++) {
            struct qnk_tx tx;

            if (qnk_tx_next(&rest, &tx) == QN_OK) {
                uint32_t size = qnk_tx_message(&tx, &pipe->load.chain_id, message);

                (void)!crypto_sign_verify_detached(tx.signature, message, size, tx.from);
                it->done++;
            }
        }
        at += it->step;
    } while (qnk_bench_now() < it->until);
}

/* Signatures a second on all cores; 0: no threads. */
static double baseline_run(struct pipe *it, struct spent *spent)
{
    static struct looping parts[CORES_MAX];
    uint32_t cores = qnk_bench_cores();
    double start = qnk_bench_now(), cpu = qnk_bench_cpu();
    uint64_t done = 0;
    uint32_t made = 0;

    while (made < cores) {
        parts[made] = (struct looping){
            .pipe = it, .first = made, .step = cores, .until = start + it->bench->seconds};
        if (uv_thread_create(&parts[made].thread, sodium_loop, &parts[made]) != 0) {
            break;
        }
        made++;
    }
    for (uint32_t i = 0; i < made; i++) {
        (void)uv_thread_join(&parts[i].thread);
        done += parts[i].done;
    }
    spent->baseline_cpu += qnk_bench_cpu() - cpu;
    spent->baseline_transfers += done;
    return made == cores ? (double)done / (qnk_bench_now() - start) : 0;
}

/* --- the measure --- */

static bool run_once(struct pipe *it, struct qnk_bench_row *row, struct spent *spent)
{
    double seconds = it->bench->seconds;
    uint32_t frames = it->load.senders * 2 / QNK_BENCH_FRAME_TXS;
    double base;

    if (!frames_make(it, frames + 1)) {
        return false;
    }
    base = baseline_run(it, spent);
    if (base <= 0) {
        return qnk_bench_fail(it->bench, "no thread can be made");
    }
    /* The node cannot do more than verify all the time; two blocks go before. */
    frames += (uint32_t)(1.1 * base * (seconds + 2) / QNK_BENCH_FRAME_TXS);
    if (!frames_make(it, frames)) {
        return false;
    }

    double cpu = qnk_bench_cpu();
    uint64_t accepted = it->accepted;

    if (!drive_block(it, it->frames_count) || !drive_block(it, it->frames_count)) {
        return false;
    }

    double start_s = it->durable_s;
    uint64_t start = it->durable, blocks = it->blocks;

    if (!drive(it, it->frames_count, it->durable + 1, start_s + seconds)) {
        return false;
    }
    qnk_bench_add(row, (double)(it->durable - start) / (it->durable_s - start_s), base);
    spent->block_transfers += it->durable - start;
    spent->blocks += it->blocks - blocks;
    if (!drain(it)) { /* before the next baseline */
        return false;
    }
    spent->cpu += qnk_bench_cpu() - cpu;
    spent->transfers += it->accepted - accepted;
    return true;
}

/* --- the check --- */

static void read_accounts(struct qnk_ask *ask, const struct qnk_reach *reach)
{
    struct pipe *it = (struct pipe *)(void *)((char *)ask - offsetof(struct pipe, ask));
    const struct qn_ledger_1 *ledger = reach->ledger.table;
    struct qn_sink slot;

    qnk_sink_init(&slot, &qnk_bench_budget, 4096);
    for (uint32_t i = 0; i < it->load.accounts; i++) {
        const struct qn_span key = {it->load.publics + (size_t)i * QN_KEY_SIZE, QN_KEY_SIZE};

        qnk_sink_cut(&slot, 0);
        if (ledger->query(reach->ledger.inst, reach->ledger_lane, QUERY_ACCOUNT, key, &slot) !=
                QN_OK ||
            qn_le64_read(slot.data + SLOT_BALANCE) != it->load.balances[i]) {
            it->wrong++;
        }
    }
    qnk_sink_done(&slot);
}

static void accounts_read(struct qnk_ask *ask)
{
    ((struct pipe *)(void *)((char *)ask - offsetof(struct pipe, ask)))->is_read = true;
}

/* Every account against the plain count of what was signed. */
static bool balances_are_right(struct pipe *it, const char *when)
{
    it->is_read = false;
    it->wrong = 0;
    it->ask = (struct qnk_ask){.run = read_accounts, .done = accounts_read};
    if (qnk_host_ask(it->host, &it->ask) != QN_OK) {
        return qnk_bench_fail(it->bench, "the node answers no question");
    }
    while (!it->is_read && turn(it)) {
    }
    return it->is_read &&
           (it->wrong == 0 || qnk_bench_fail(it->bench, "%s %llu of %u balances are wrong", when,
                                             (unsigned long long)it->wrong, it->load.accounts));
}

/* After a restart: until the blocks above the last final one are executed again. */
static bool drive_head(struct pipe *it)
{
    double last_s = qnk_bench_now() + PATIENCE_S;
    struct qnk_node_view view = {0};

    do {
        if (!turn(it)) {
            return false;
        }
        if (qnk_bench_now() > last_s) {
            return qnk_bench_fail(it->bench, "after a restart block %llu is not there again",
                                  (unsigned long long)it->height);
        }
        if (qnk_host_node(it->host) != NULL) {
            qnk_node_look(qnk_host_node(it->host), &view);
        }
    } while (view.head_height < it->height);
    return true;
}

/* What was signed and not sent would be missing: so all of it is sent. */
static bool check(struct pipe *it)
{
    if (!top_up(it, it->frames_count)) {
        return false;
    }
    while (it->frames_sent < it->frames_count) {
        if (!turn(it) || !top_up(it, it->frames_count)) {
            return false;
        }
    }
    if (!drain(it)) {
        return false;
    }
    if (it->bad != it->load.bad || it->other != 0 || it->accepted != it->load.made ||
        it->durable != it->accepted || it->undone != 0) {
        return qnk_bench_fail(
            it->bench,
            "of %llu good and %llu bad: accepted %llu, bad %llu, other %llu (code %u), durable "
            "%llu, undone %llu",
            (unsigned long long)it->load.made, (unsigned long long)it->load.bad,
            (unsigned long long)it->accepted, (unsigned long long)it->bad,
            (unsigned long long)it->other, it->other_code, (unsigned long long)it->durable,
            (unsigned long long)it->undone);
    }
    if (!balances_are_right(it, "afterwards")) {
        return false;
    }
    /* Again from the disk alone. */
    life_end(it);
    it->is_restarted = true;
    return life_begin(it) && drive_head(it) && balances_are_right(it, "after a restart");
}

/* --- all of it --- */

/* Every sender once, so that its key is known afterwards; gives transfers a second. */
static bool first_sends(struct pipe *it, double *rate)
{
    uint32_t frames = (it->load.senders + QNK_BENCH_FRAME_TXS - 1) / QNK_BENCH_FRAME_TXS + 1;
    double start = qnk_bench_now();

    if (!frames_make(it, frames)) {
        return false;
    }
    start = qnk_bench_now();
    if (!top_up(it, it->frames_count)) {
        return false;
    }
    while (it->frames_sent < it->frames_count) {
        if (!turn(it) || !top_up(it, it->frames_count)) {
            return false;
        }
    }
    if (!drain(it)) {
        return false;
    }
    *rate = (double)it->durable / (it->durable_s - start);
    return true;
}

static double least(const double *values, uint32_t count)
{
    double value = values[0];

    for (uint32_t i = 1; i < count; i++) {
        value = values[i] < value ? values[i] : value;
    }
    return value;
}

static double most(const double *values, uint32_t count)
{
    double value = values[0];

    for (uint32_t i = 1; i < count; i++) {
        value = values[i] > value ? values[i] : value;
    }
    return value;
}

static void say(struct pipe *it, struct qnk_bench_row *row, const struct spent *spent,
                double first_rate)
{
    double ratio = qnk_bench_ratio(row);
    double us = spent->cpu * 1e6 / (double)spent->transfers;
    double base_us = spent->baseline_cpu * 1e6 / (double)spent->baseline_transfers;
    uint64_t per_block = spent->blocks == 0 ? 0 : spent->block_transfers / spent->blocks;

    row->more = json_pack(
        "{s:{s:i, s:i, s:i, s:s, s:f, s:f}, s:b, s:b, s:s, s:I, s:i, s:i, s:i, s:i, s:f, s:f, "
        "s:b, s:f, s:{s:f, s:f}, s:b}",
        "tx", "bytes", QNK_TX_TRANSFER_SIZE, "senders", (int)it->load.senders, "accounts",
        (int)it->load.accounts, "distribution", "uniform, each sender in its turn", "first_sends",
        0.0, "bad_share", (double)it->load.bad / (double)(it->load.made + it->load.bad), "signed",
        1, "verified_in_run", 1, "durable", "fdatasync per block", "block_txs",
        (json_int_t)per_block, "block_txs_max", QNK_BENCH_BLOCK_TXS, "interval_ms",
        QNK_BENCH_INTERVAL_MS, "nodes", 1, "processes", 1, "first_sends_per_second", first_rate,
        "gate", 0.75, "is_gate_held", ratio >= 0.75, "cpu_ratio", base_us / us, "stages",
        "everything_us_per_tx", us, "signature_us_per_tx", base_us, "generator_on_same_machine", 1);
    snprintf(row->sentence, sizeof row->sentence,
             "%s transfers/s (%s to %s in %u runs), each signed and verified in the run, durable "
             "(fdatasync per block of %s), %s distinct senders of %s accounts, keys known, 1 node "
             "on %u cores, signed beforehand: %.2f of what libsodium alone verifies on the same "
             "cores (%s; gate 0.75), %.2f by processor time. Checked: balances, rejected = "
             "planted, a restart from disk",
             qnk_grouped((uint64_t)qnk_bench_median(row->values, row->runs)),
             qnk_grouped((uint64_t)least(row->values, row->runs)),
             qnk_grouped((uint64_t)most(row->values, row->runs)), row->runs, qnk_grouped(per_block),
             qnk_grouped(it->load.senders), qnk_grouped(it->load.accounts), qnk_bench_cores(),
             ratio, qnk_grouped((uint64_t)qnk_bench_median(row->baselines, row->runs)),
             base_us / us);
}

static bool measure(struct pipe *it)
{
    struct qnk_bench_row *row =
        qnk_bench_row(it->bench, "pipeline", "transfers/s", "sodium-loop",
                      "%u senders of %u accounts", it->load.senders, it->load.accounts);
    struct spent spent = {0};
    double first_rate = 0;

    if (!life_begin(it) || !first_sends(it, &first_rate)) {
        return false;
    }
    for (uint32_t i = 0; i < it->bench->runs; i++) {
        if (!run_once(it, row, &spent)) {
            return false;
        }
    }
    if (!check(it)) {
        return false;
    }
    row->check = "balances, rejected = planted, and again after a restart from disk";
    say(it, row, &spent, first_rate);
    return true;
}

bool qnk_bench_pipeline(struct qnk_bench *bench)
{
    bool is_brief = qnk_bench_is_brief(bench);
    struct pipe *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    bool is_good = it != NULL && qnk_bench_bed(bench) != NULL;

    if (is_good) {
        it->bench = bench;
        it->file_genesis = bench->bed->config.network.ledger_genesis;
        it->frames = qnk_memory_take(&qnk_bench_budget, FRAMES_MAX * sizeof *it->frames);
        is_good = it->frames != NULL &&
                  qnk_bench_load_init(bench, &it->load, is_brief ? BRIEF_ACCOUNTS : ACCOUNTS,
                                      is_brief ? BRIEF_SENDERS : SENDERS);
    }
    if (is_good) {
        it->genesis = qnk_bench_load_genesis(&it->load, bench->bed);
        is_good = it->genesis != NULL;
    }
    if (is_good) {
        bench->bed->config.network.ledger_genesis = qnk_buf_span(it->genesis);
        is_good = measure(it);
        life_end(it);
        bench->bed->config.network.ledger_genesis = it->file_genesis;
    }
    if (it != NULL) {
        for (uint32_t i = 0; it->frames != NULL && i < it->frames_count; i++) {
            qnk_buf_unref(it->frames[i]);
        }
        qnk_memory_give(&qnk_bench_budget, it->frames, FRAMES_MAX * sizeof *it->frames);
        qnk_buf_unref(it->genesis);
        if (it->load.publics != NULL) {
            qnk_bench_load_done(&it->load);
        }
        qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    }
    return is_good || (bench->why[0] == 0 ? qnk_bench_fail(bench, "there is no memory") : false);
}
