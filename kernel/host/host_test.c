/* SPDX-License-Identifier: MIT */

/* A node alone, with the plugins as they were built: real loop, threads and folders. It waits for
 * events and never for time. */

#define _GNU_SOURCE /* nftw, memmem */

#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>
#include <uv.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/text.h"
#include "kernel/host/bound.h"
#include "kernel/host/host.h"
#include "kernel/host/inputs_read.h"
#include "kernel/host/keyfile.h"
#include "kernel/host/live.h"
#include "kernel/host/mark.h"
#include "kernel/host/query.h"
#include "kernel/host/refit.h"
#include "kernel/host/signer.h"

enum { PATH_SIZE = 256, FILES_AT_ONCE = 16 };

static struct qnk_budget budget = {.limit = 1 << 28};
static char folder[64];
static char node_path[PATH_SIZE];
static struct qnk_loader *loader;
static struct qnk_shared *shared;

/* One life of the node. */
static struct life {
    uv_loop_t loop;
    struct qnk_log log;
    struct qnk_config config;
    struct qnk_host *host;
    uint64_t wanted; /* windows until it is stopped */
    uint64_t finals;
    bool is_closed;
    bool is_old;  /* as if it had run for long when it begins to run */
    bool is_busy; /* with a copy */
    struct qnk_ask ask;
    int32_t asked; /* status of the question */
    struct qnk_micro header;
} life;

static uint64_t anew_us; /* when the host to be made began anew last */

static void path_in(char path[PATH_SIZE], const char *name)
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[PATH_SIZE];
    FILE *file;

    path_in(path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void key_write(const char *name, const struct qnk_key *key)
{
    char path[PATH_SIZE];
    char why[QNK_KEYFILE_WHY];

    path_in(path, name);
    assert_int_equal(qnk_keyfile_create(path, key, (struct qn_span){0}, why), QN_OK);
}

/* The files of a network of one. */
static void network_write(const struct qnk_key *validator)
{
    char text[2048];
    char public[QNK_BECH32M_KEY_SIZE];
    char account[QNK_BECH32M_KEY_SIZE];
    char tip_hex[2 * QN_HASH_SIZE + 1];
    struct qnk_signer *signer;
    struct qnk_hash tip;

    assert_int_equal(qnk_signer_create(&budget, validator, &signer), QN_OK);
    qnk_signer_tip(signer, &tip);
    qnk_signer_destroy(signer);
    sodium_bin2hex(tip_hex, sizeof tip_hex, tip.bytes, QN_HASH_SIZE);
    qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, validator->public.bytes, public);
    qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, validator->public.bytes, account);
    (void)snprintf(text, sizeof text,
                   "version: qnet.network/v1\n"
                   "name: alone\n"
                   "window: 8\n"
                   "interval: {min: 10ms, max: 2s}\n"
                   "producer: {use: round-robin, version: \"1.0\","
                   " intervals: [20ms, 20ms, 20ms, 20ms]}\n"
                   "consensus: {use: commit-reveal, version: \"1.0\", commit: 1s, commit_min: 0s,"
                   " reveal: 1s, seal: 1s, propose: 100ms, base: 100ms}\n"
                   "ledger: {use: accounts, version: \"1.0\"}\n"
                   "signature_rule: ed25519-strict-cofactored\n"
                   "settle: {blocks: 1, time: 20ms}\n"
                   "swap: {notice: 5, probation: 5, ready: 67, dead: 20s, dead_later: 5s}\n"
                   "genesis:\n"
                   "  time: 2026-01-01T00:00:00Z\n"
                   "  validators: [{key: %s, name: v1, tip: %s}]\n"
                   "  balances: [{account: %s, amount: \"1000\"}]\n",
                   public, tip_hex, account);
    write_file("net.yaml", text);
}

static const char *compression = "none"; /* as the node file says */

static void node_write(const char *storage, const char *level, const char *extra)
{
    char text[1024];

    (void)snprintf(text, sizeof text,
                   "version: qnet.node/v1\n"
                   "network: net.yaml\n"
                   "name: v1\n"
                   "type: super\n"
                   "data: data\n"
                   "keys: {node: node.key, validator: validator.key}\n"
                   "transport: nanomsg\n"
                   "storage: %s\n"
                   "compression: %s\n"
                   "signature: sodium\n"
                   "trust: {policy: off}\n"
                   "workers: 2\n"
                   "log: {level: %s}\n"
                   "%s",
                   storage, compression, level, extra);
    write_file("node.yaml", text);
}

static int start(void **subject)
{
    struct qnk_key node;
    struct qnk_key validator;

    compression = "none";
    (void)subject;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-host-XXXXXX");
    if (mkdtemp(folder) == NULL || setenv("XDG_RUNTIME_DIR", folder, 1) != 0) {
        return -1;
    }
    path_in(node_path, "node.yaml");
    assert_int_equal(qnk_key_make(QNK_KEY_NODE, NULL, &node), QN_OK);
    assert_int_equal(qnk_key_make(QNK_KEY_VALIDATOR, NULL, &validator), QN_OK);
    key_write("node.key", &node);
    key_write("validator.key", &validator);
    network_write(&validator);
    qnk_key_done(&node);
    qnk_key_done(&validator);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int stop(void **subject)
{
    (void)subject;
    return nftw(folder, remove_one, FILES_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}

/* --- a life --- */

static void on_closed(void *ctx)
{
    ((struct life *)ctx)->is_closed = true;
}

static void on_running(void *ctx)
{
    const struct life *it = ctx;

    if (it->is_old) {
        it->host->start_us = it->host->running_us = 1;
    }
    it->host->is_copying = it->is_busy;
    it->host->seed = 0; /* by lot it does not begin anew late */
}

static void on_note(void *ctx, const struct qnk_effect *note)
{
    struct life *it = ctx;

    if (note->note.what == QNK_NOTE_FINAL) {
        it->finals++;
    }
}

static void host_make(void)
{
    const struct qnk_host_setup setup = {
        .config = &life.config,
        .config_path = node_path,
        .loader = loader,
        .shared = shared,
        .log = &life.log,
        .loop = &life.loop,
        .begins_anew = true,
        .anew_us = anew_us,
        .running = on_running,
        .closed = on_closed,
        .ctx = &life,
    };

    assert_int_equal(qnk_host_create(&setup, &life.host), QN_OK);
    qnk_host_watch(life.host, on_note, &life);
}

static uint32_t waits; /* lines that say that the chain begins later */

static void on_logged(void *ctx, const char *part, struct qn_span line)
{
    static const char event[] = "begins-later";

    (void)ctx;
    (void)part;
    waits += memmem(line.data, line.size, event, strlen(event)) != NULL;
}

static void begin(void)
{
    const struct qnk_config_options options = {
        .budget = &budget,
        .plugins = qnk_loader_config(loader),
        .asks_files = true,
    };
    const struct qnk_log_options log = {
        .fd = STDERR_FILENO,
        .format = QNK_LOG_LOGFMT,
        .level = QNK_LOG_ERROR,
        .heard = on_logged,
    };

    waits = 0;
    memset(&life, 0, sizeof life);
    qnk_log_init(&life.log, &log);
    assert_int_equal(qnk_config_init(&life.config, &options), QN_OK);
    assert_int_equal(qnk_config_open_node(&life.config, node_path), QN_OK);
    assert_int_equal(uv_loop_init(&life.loop), 0);
    host_make();
}

/* For nodes that stop by themselves: at once or a few steps later. */
static void start_anyhow(void)
{
    int32_t status = qnk_host_start(life.host);

    (void)status;
}

/* Until so many windows became final in this life, or the node stops by itself. */
static void run_until(uint64_t finals)
{
    const char *why;

    while (life.finals < finals && qnk_host_ending(life.host, &why) == QNK_EXIT_OK) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
}

static enum qnk_exit end(void)
{
    const char *why;
    enum qnk_exit code;

    qnk_host_stop(life.host, QNK_EXIT_OK, "");
    while (!life.is_closed) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    code = qnk_host_ending(life.host, &why);
    qnk_host_destroy(life.host);
    (void)uv_run(&life.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&life.loop), 0);
    qnk_config_done(&life.config);
    qnk_log_done(&life.log);
    return code;
}

/* --- the promises --- */

static void a_validator_alone_makes_final_windows(void **subject)
{
    struct qnk_host_view host;
    struct qnk_node_view view;

    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(3);
    qnk_host_look(life.host, &host);
    assert_int_equal(host.phase, QNK_HOST_RUNNING);
    assert_true(host.has_validator);
    qnk_node_look(qnk_host_node(life.host), &view);
    assert_true(view.final_window >= 3);
    assert_true(view.is_signing);
    assert_int_equal(view.members, 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void run_ask(struct qnk_ask *ask, const struct qnk_reach *reach)
{
    uint64_t place;

    (void)ask;
    life.asked = qnk_store_header(reach->store, reach->store_lane, 5, &life.header, &place);
}

static void done_ask(struct qnk_ask *ask)
{
    ask->run = NULL; /* so that the test sees it */
}

static void questions_reach_the_disk(void **subject)
{
    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    life.ask = (struct qnk_ask){.run = run_ask, .done = done_ask};
    assert_int_equal(qnk_host_ask(life.host, &life.ask), QN_AGAIN); /* it starts */
    run_until(2);
    life.ask = (struct qnk_ask){.run = run_ask, .done = done_ask};
    assert_int_equal(qnk_host_ask(life.host, &life.ask), QN_OK);
    while (life.ask.run != NULL) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_equal(life.asked, QN_OK);
    assert_int_equal(life.header.height, 5);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void on_submitted(void *ctx, struct qn_span codes)
{
    uint32_t *code = ctx;

    *code = codes.size == QN_HASH_SIZE + 1 ? codes.data[QN_HASH_SIZE] : QNK_TX_CODES;
}

static void garbage_that_is_submitted_is_answered(void **subject)
{
    static const uint8_t garbage[] = {1, 0, 0, 0, 'g', 'a', 'r', 'b', 'a', 'g', 'e'};
    struct qn_buf *txs = qnk_buf_copy(&budget, (struct qn_span){garbage, sizeof garbage});
    uint32_t code = UINT32_MAX;

    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    assert_int_equal(qnk_host_submit(life.host, txs, on_submitted, &code), QN_OK);
    qnk_buf_unref(txs);
    while (code == UINT32_MAX) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_not_equal(code, QNK_TX_OK);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* Peers can ask for so many that the host's own memory is used up. */
static void a_job_takes_no_memory_of_the_host(void **subject)
{
    struct qn_buf *body = qnk_buf_new(&budget, 4);
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT, .submit = {.txs = body}};
    struct qnk_budget *tasks;
    uint64_t limit, jobs;

    (void)subject;
    memset(body->data, 0, 4);
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    tasks = &life.host->tasks_budget;
    jobs = life.host->jobs;
    limit = tasks->limit;
    tasks->limit = tasks->used;
    qnk_live_event(life.host, &event);
    tasks->limit = limit;
    assert_int_equal(life.host->jobs, jobs + 1);
    run_until(2);
    assert_int_equal(life.finals, 2);
    assert_int_equal(end(), QNK_EXIT_OK);
    qnk_buf_unref(body);
}

static void a_restart_goes_on_from_the_disk(void **subject)
{
    struct qnk_node_view before;
    struct qnk_node_view after;

    (void)subject;
    node_write("lmdb", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(2);
    qnk_node_look(qnk_host_node(life.host), &before);
    assert_int_equal(end(), QNK_EXIT_OK);

    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(2);
    qnk_node_look(qnk_host_node(life.host), &after);
    assert_true(after.final_window >= before.final_window + 2);
    assert_true(after.is_signing);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* --- another network --- */

static void file_change(const char *name, const char *from, const char *to)
{
    char path[PATH_SIZE], text[4096], changed[4096];
    const char *at;
    FILE *file;
    size_t size;

    path_in(path, name);
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    at = strstr(text, from);
    assert_non_null(at);
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                   at + strlen(from));
    write_file(name, changed);
}

static void network_change(const char *from, const char *to)
{
    file_change("net.yaml", from, to);
}

static void starts_and_ends(const char *told)
{
    const char *why;

    begin();
    start_anyhow();
    run_until(2);
    if (told != NULL) {
        assert_int_equal(qnk_host_ending(life.host, &why), QNK_EXIT_CONFIG);
        assert_non_null(strstr(why, told));
    }
    assert_int_equal(end(), told != NULL ? QNK_EXIT_CONFIG : QNK_EXIT_OK);
}

static void a_folder_of_another_network_is_told(void **subject)
{
    (void)subject;
    node_write("lmdb", "warn", "");
    starts_and_ends(NULL);
    network_change("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    starts_and_ends("is of network ");
    network_change("window: 8", "window: 16");
    starts_and_ends("is of network ");
    network_change("window: 16", "window: 8");
    network_change("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
    starts_and_ends(NULL); /* nothing has happened to it */
}

/* So a network file is mended before there was anything of that network. */
static void a_folder_in_which_nothing_is_takes_another_network(void **subject)
{
    (void)subject;
    node_write("lmdb", "warn", "");
    file_change("node.yaml", "type: super", "type: full");
    file_change("node.yaml", ", validator: validator.key", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    while (life.host->running_us == 0) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_equal(end(), QNK_EXIT_OK);
    network_change("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    node_write("lmdb", "warn", "");
    starts_and_ends(NULL);
    network_change("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
    starts_and_ends("is of network ");
}

static void folder_remove(const char *name)
{
    char path[PATH_SIZE];

    path_in(path, name);
    assert_int_equal(nftw(path, remove_one, FILES_AT_ONCE, FTW_DEPTH | FTW_PHYS), 0);
}

/* A life in which the key signs. Gives its mark's path. */
static void sign_once(char mark[QNK_MARK_PATH])
{
    char key[PATH_SIZE];

    node_write("lmdb", "error", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    path_in(key, "validator.key");
    assert_true(qnk_mark_path(key, &life.host->params.chain_id, mark));
    assert_int_equal(access(mark, F_OK), 0);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_key_whose_folder_is_lost_waits_for_its_operator(void **subject)
{
    char mark[QNK_MARK_PATH];
    struct qnk_node_view view;

    (void)subject;
    sign_once(mark);
    folder_remove("data");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    while (life.host->not_signing == NULL) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    qnk_node_look(qnk_host_node(life.host), &view);
    assert_non_null(strstr(view.not_signing, "this key has signed in this network"));
    assert_false(view.is_signing);
    assert_int_equal(end(), QNK_EXIT_OK);

    assert_int_equal(remove(mark), 0);
    starts_and_ends(NULL);
    assert_int_equal(access(mark, F_OK), 0);
}

/* Made by hand, or by a node of before there were marks. */
static void a_record_without_a_mark_gets_one(void **subject)
{
    char mark[QNK_MARK_PATH];

    (void)subject;
    sign_once(mark);
    assert_int_equal(remove(mark), 0);
    starts_and_ends(NULL);
    assert_int_equal(access(mark, F_OK), 0);
}

static void a_folder_in_use_is_told(void **subject)
{
    struct life first;
    const char *why;

    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    {
        struct qnk_host_setup setup = {
            .config = &life.config,
            .config_path = node_path,
            .loader = loader,
            .shared = shared,
            .log = &life.log,
            .loop = &life.loop,
            .closed = on_closed,
            .ctx = &first,
        };

        memset(&first, 0, sizeof first);
        assert_int_equal(qnk_host_create(&setup, &first.host), QN_OK);
        assert_int_not_equal(qnk_host_start(first.host), QN_OK);
        while (!first.is_closed) {
            (void)uv_run(&life.loop, UV_RUN_ONCE);
        }
        assert_int_equal(qnk_host_ending(first.host, &why), QNK_EXIT_LOCKED);
        assert_non_null(strstr(why, "in use"));
        qnk_host_destroy(first.host);
    }
    run_until(1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_key_of_another_purpose_is_told(void **subject)
{
    const char *why;

    (void)subject;
    node_write("memory", "warn", "");
    {
        char from[PATH_SIZE];
        char to[PATH_SIZE];

        path_in(from, "node.key");
        path_in(to, "validator.key");
        assert_int_equal(rename(from, to), 0);
        path_in(from, "validator.key");
        path_in(to, "node.key");
        assert_int_equal(link(from, to), 0);
    }
    begin();
    start_anyhow();
    run_until(1);
    assert_int_equal(qnk_host_ending(life.host, &why), QNK_EXIT_PERMISSION);
    assert_non_null(strstr(why, "validator.key"));
    assert_int_equal(end(), QNK_EXIT_PERMISSION);
}

static void a_rule_that_the_plugin_does_not_know_is_told(void **subject)
{
    char path[PATH_SIZE];
    char text[2048];
    char *rule;
    FILE *file;
    const char *why;
    size_t size;

    (void)subject;
    node_write("memory", "warn", "");
    path_in(path, "net.yaml");
    file = fopen(path, "r+");
    assert_non_null(file);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    rule = strstr(text, "ed25519-strict-cofactored");
    assert_non_null(rule);
    assert_int_equal(fseek(file, rule - text, SEEK_SET), 0);
    assert_true(fputs("ed25519-loosely-cofactord", file) >= 0);
    assert_int_equal(fclose(file), 0);
    begin();
    start_anyhow();
    run_until(1);
    assert_int_equal(qnk_host_ending(life.host, &why), QNK_EXIT_CONFIG);
    assert_non_null(strstr(why, "ed25519-loosely-cofactord"));
    assert_int_equal(end(), QNK_EXIT_CONFIG);
}

static void a_reload_says_what_it_changed(void **subject)
{
    struct qn_sink text;

    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    node_write("memory", "error", "resend: 3s\n");
    qnk_sink_init(&text, &budget, 65536);
    assert_int_equal(qnk_host_reload(life.host, &text), QN_OK);
    assert_int_equal(qnk_sink_append(&text, "", 1), QN_OK);
    assert_non_null(strstr((const char *)text.data, "changed: log.level\n"));
    assert_non_null(strstr((const char *)text.data, "needs a restart: resend\n"));
    qnk_sink_cut(&text, 0);
    node_write("memory", "error", "lgo: 1\n");
    assert_int_equal(qnk_host_reload(life.host, &text), QN_INVALID);
    assert_int_equal(qnk_sink_append(&text, "", 1), QN_OK);
    assert_non_null(strstr((const char *)text.data, "E102"));
    qnk_sink_done(&text);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* Reloads, and compares the lines. */
static void reload_says(int32_t status, const char *lines)
{
    struct qn_sink text;

    qnk_sink_init(&text, &budget, 65536);
    assert_int_equal(qnk_host_reload(life.host, &text), status);
    assert_int_equal(qnk_sink_append(&text, "", 1), QN_OK);
    assert_string_equal((const char *)text.data, lines);
    qnk_sink_done(&text);
}

static bool knows(const struct qnk_hash *key)
{
    struct qnk_peer_view views[4];
    uint32_t count = qnk_peers_list(life.host->peers, views, 4);

    while (count > 0 &&
           !(views[count - 1].is_known && qnk_hash_equal(&views[count - 1].key, key))) {
        count--;
    }
    return count > 0;
}

/* What a reload brought was no part of the file of the start: the next has to know of it. */
static void a_reload_begins_where_the_last_one_ended(void **subject)
{
    const struct qnk_hash key = {{7}};
    char peers[256], text[QNK_BECH32M_KEY_SIZE];

    (void)subject;
    qnk_bech32m_encode(QNK_PREFIX_NODE, key.bytes, text);
    (void)snprintf(peers, sizeof peers, "resend: 3s\npeers: [%s@127.0.0.1:1]\n", text);
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    reload_says(QN_AGAIN, "the node starts\n");
    run_until(1);
    node_write("memory", "error", peers);
    reload_says(QN_OK, "changed: peers\nchanged: log.level\nneeds a restart: resend\n");
    assert_true(knows(&key));
    reload_says(QN_OK, "needs a restart: resend\n");
    node_write("memory", "warn", "");
    reload_says(QN_OK, "changed: peers\nchanged: log.level\n");
    assert_false(knows(&key));
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_reload_tells_of_other_files(void **subject)
{
    struct qnk_key validator;
    char lines[256], path[256];

    (void)subject;
    node_write("memory", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    (void)snprintf(path, sizeof path,
                   "{use: none, path: %s/plugins/compression/none/.libs/none.so}",
                   getenv("top_builddir"));
    compression = path;
    node_write("memory", "warn", "");
    reload_says(QN_OK, "needs a restart: compression\n");
    compression = "none";
    node_write("memory", "warn", "");
    assert_int_equal(qnk_key_make(QNK_KEY_VALIDATOR, NULL, &validator), QN_OK);
    network_write(&validator);
    qnk_key_done(&validator);
    (void)snprintf(lines, sizeof lines,
                   "is of another network now, whose nodes want a folder of their own: "
                   "%s/net.yaml\n",
                   folder);
    reload_says(QN_OK, lines);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void who_waits_for_the_beginning_says_so(void **subject)
{
    char text[2048], path[PATH_SIZE];
    size_t size;
    FILE *file;
    char *year;

    (void)subject;
    node_write("memory", "warn", "");
    path_in(path, "net.yaml");
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[size] = 0;
    for (uint32_t i = 0; i < 2; i++) {
        begin();
        assert_int_equal(qnk_host_start(life.host), QN_OK);
        while (life.host->phase == QNK_HOST_STARTING) {
            (void)uv_run(&life.loop, UV_RUN_ONCE);
        }
        assert_int_equal(waits, i);
        assert_int_equal(end(), QNK_EXIT_OK);
        year = strstr(text, "2026-01-01");
        assert_true(year != NULL || i > 0);
        if (year != NULL) {
            memcpy(year, "2926", 4);
        }
        write_file("net.yaml", text);
    }
}

/* --- a full input log --- */

enum { LOG_FILE = 32768, LOG_FILES = 4 };

static bool has(const char *name)
{
    char path[PATH_SIZE];

    path_in(path, name);
    return access(path, F_OK) == 0;
}

/* A host that records little. */
static void log_start(void)
{
    life.config.node.input_log_size = (uint64_t)LOG_FILES * LOG_FILE;
    life.host->inputs.segment = LOG_FILE;
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    while (life.host->phase == QNK_HOST_STARTING) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_equal(life.host->phase, QNK_HOST_RUNNING);
    assert_non_null(life.host->inputs.inputs);
}

static void log_begin(bool is_old, bool is_busy)
{
    node_write("lmdb", "error", "input_log: on\n");
    begin();
    life.is_old = is_old;
    life.is_busy = is_busy;
    log_start();
}

static void run_while_running(void)
{
    while (life.host->phase == QNK_HOST_RUNNING) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
}

/* How many steps the log has; its first file is there. */
static uint64_t log_steps(void)
{
    char path[PATH_SIZE];
    struct qnk_inputs_reader reader;
    struct qnk_inputs_record record;
    uint64_t steps = 0;

    path_in(path, "data");
    assert_int_equal(qnk_inputs_reader_open(&reader, path), QN_OK);
    assert_int_equal(reader.oldest, 1);
    while (qnk_inputs_next(&reader, &record) == QN_OK) {
        steps += record.type == QNK_INPUTS_EVENT;
    }
    assert_true(reader.has_ended && reader.code == 0);
    qnk_inputs_reader_close(&reader);
    return steps;
}

static void a_node_whose_input_log_is_full_begins_anew(void **subject)
{
    struct qnk_node_view view;
    const char *why;

    (void)subject;
    log_begin(true, false);
    for (uint32_t i = 0; i < 2; i++) {
        run_while_running();
        assert_true(qnk_host_is_again(life.host));
        while (!life.is_closed) {
            (void)uv_run(&life.loop, UV_RUN_ONCE);
        }
        assert_true(qnk_host_is_again(life.host));
        assert_int_equal(qnk_host_ending(life.host, &why), QNK_EXIT_OK);
        qnk_host_destroy(life.host);
        assert_true(log_steps() > 100);

        life.is_closed = false;
        life.is_old = i == 0;
        host_make();
        log_start();
        assert_false(qnk_host_is_again(life.host));
        assert_false(has("data/died"));
    }
    run_until(life.finals + 1);
    qnk_node_look(qnk_host_node(life.host), &view);
    assert_true(view.is_signing);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void who_is_told_to_stop_does_not_begin_anew(void **subject)
{
    (void)subject;
    log_begin(true, false);
    run_while_running();
    assert_true(qnk_host_is_again(life.host));
    qnk_host_stop(life.host, QNK_EXIT_OK, "");
    assert_false(qnk_host_is_again(life.host));
    assert_int_equal(end(), QNK_EXIT_OK);

    log_begin(true, false);
    run_while_running();
    assert_true(qnk_host_is_again(life.host));
    qnk_host_stop(life.host, QNK_EXIT_IO, "it fails while it ends");
    assert_false(qnk_host_is_again(life.host));
    assert_int_equal(end(), QNK_EXIT_IO);
}

/* Until the log's first file is gone and the tick has seen it, with the node running. */
static void run_until_dropped(void)
{
    uint32_t ticks;

    while (has("data/inputs/steps.000001")) {
        assert_int_equal(life.host->phase, QNK_HOST_RUNNING);
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    for (ticks = life.host->ticks + 2; life.host->ticks < ticks;) {
        assert_int_equal(life.host->phase, QNK_HOST_RUNNING);
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
}

/* What strangers send fills the log: when a node ends for that is not for them to say. */
static void who_began_anew_does_not_again_for_a_while(void **subject)
{
    (void)subject;
    anew_us = uv_hrtime() / 1000;
    log_begin(true, false);
    anew_us = 0;
    run_until_dropped();
    assert_false(life.host->inputs.stays);
    life.host->setup.anew_us = uv_hrtime() / 1000 - UINT64_C(600100000); /* by lot: not later */
    run_while_running();
    assert_true(qnk_host_is_again(life.host));
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_log_that_is_full_too_soon_ends_no_node(void **subject)
{
    (void)subject;
    log_begin(false, false);
    run_until_dropped();
    assert_true(life.host->inputs.stays);
    life.is_old = true;
    on_running(&life); /* too late */
    run_until(life.finals + 2);
    assert_int_equal(life.host->phase, QNK_HOST_RUNNING);
    assert_int_equal(end(), QNK_EXIT_OK);

    log_begin(false, false);
    life.host->running_us = qnk_live_now(life.host) - UINT64_C(600000000);
    life.host->start_us = life.host->running_us - UINT64_C(40000000); /* a start takes long */
    run_until_dropped();
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void nor_does_one_whose_next_start_would_lack_its_key(void **subject)
{
    char from[PATH_SIZE], to[PATH_SIZE];

    (void)subject;
    log_begin(true, false);
    path_in(from, "validator.key");
    path_in(to, "validator.away");
    assert_int_equal(rename(from, to), 0);
    run_until_dropped();
    assert_true(life.host->inputs.stays);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void nor_one_that_is_busy_until_it_is_not(void **subject)
{
    (void)subject;
    log_begin(true, true);
    run_until_dropped();
    assert_false(life.host->inputs.stays);
    life.host->is_copying = false;
    run_while_running();
    assert_true(qnk_host_is_again(life.host));
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* --- plugins exchanged while it runs --- */

static struct exchange {
    bool is_done;
    int32_t status;
    char words[QNK_REFIT_WORDS];
    const char *dies_at; /* step after whose line the process ends */
} exchange;

static void on_swapped(void *ctx, int32_t status, const char *words)
{
    (void)ctx;
    exchange.is_done = true;
    exchange.status = status;
    (void)snprintf(exchange.words, sizeof exchange.words, "%s", words);
}

static void on_line(void *ctx, const json_t *line)
{
    const char *step = json_string_value(json_object_get(line, "step"));

    (void)ctx;
    if (exchange.dies_at != NULL && strcmp(step, exchange.dies_at) == 0) {
        _exit(42); /* as a power cut: nothing is finished or given back */
    }
}

/* Begins one and waits for its end. */
static int32_t swap(const char *kind, const char *typed)
{
    int32_t status;

    exchange.is_done = false;
    exchange.words[0] = 0;
    status = qnk_refit_begin(life.host, kind, typed, on_swapped, NULL, exchange.words);
    if (status != QN_OK) {
        assert_false(exchange.is_done);
        return status;
    }
    while (!exchange.is_done) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    return exchange.status;
}

static const char *running(uint32_t kind)
{
    return qnk_host_plugin(life.host, kind)->manifest.name;
}

/* The step of the last line of the history. */
static const char *last_step(void)
{
    const json_t *lines = qnk_refit_lines(life.host);

    return json_string_value(
        json_object_get(json_array_get(lines, json_array_size(lines) - 1), "step"));
}

static void begin_running(uint64_t finals)
{
    begin();
    qnk_refit_watch(life.host, on_line, NULL);
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(finals);
    assert_non_null(qnk_host_node(life.host));
}

static void a_compressor_is_exchanged_and_stays_so(void **subject)
{
    (void)subject;
    node_write("lmdb", "warn", "");
    begin_running(2);
    assert_int_equal(swap("compression", "{use: zstd, level: 5}"), QN_OK);
    assert_non_null(strstr(exchange.words, "zstd 1.0.0 runs in place of none 1.0.0"));
    assert_string_equal(running(QNK_HOST_COMPRESSION), "zstd");
    run_until(life.finals + 2);
    assert_int_equal(end(), QNK_EXIT_OK);

    begin_running(1);
    assert_string_equal(running(QNK_HOST_COMPRESSION), "zstd");
    assert_int_equal(swap("compression", "none"), QN_OK);
    assert_string_equal(running(QNK_HOST_COMPRESSION), "none");
    assert_string_equal(last_step(), "ended");
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_node_file_that_changes_is_the_newer_word(void **subject)
{
    (void)subject;
    node_write("lmdb", "error", "");
    begin_running(1);
    assert_int_equal(swap("compression", "zstd"), QN_OK);
    assert_int_equal(end(), QNK_EXIT_OK);
    compression = "{use: none, version: \"1.0\"}";
    node_write("lmdb", "error", "");
    begin_running(1);
    assert_string_equal(running(QNK_HOST_COMPRESSION), "none");
    assert_string_equal(last_step(), "dropped");
    assert_int_equal(end(), QNK_EXIT_OK);
    begin_running(1); /* also once more */
    assert_string_equal(running(QNK_HOST_COMPRESSION), "none");
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void a_verifier_is_exchanged_between_two_jobs(void **subject)
{
    const struct qnk_instance *before;

    (void)subject;
    node_write("memory", "warn", "");
    begin_running(2);
    before = qnk_host_instance(life.host, QNK_HOST_SIGNATURE);
    assert_int_equal(swap("signature", "sodium"), QN_OK);
    assert_ptr_not_equal(qnk_host_instance(life.host, QNK_HOST_SIGNATURE), before);
    run_until(life.finals + 2);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* With ever more memory each start comes further, until one runs; none blames a disk or a file. */
static void a_start_with_too_little_memory_says_so(void **subject)
{
    const char *why;
    uint32_t times = 0;

    (void)subject;
    node_write("lmdb", "error", "");
    begin_running(2);
    assert_int_equal(end(), QNK_EXIT_OK);
    for (size_t left = 100000;; left += left / 8) {
        begin();
        life.host->budget.limit = life.host->budget.used + left;
        start_anyhow();
        while (life.host->running_us == 0 && qnk_host_ending(life.host, &why) == QNK_EXIT_OK) {
            (void)uv_run(&life.loop, UV_RUN_ONCE);
        }
        if (life.host->running_us != 0) {
            break;
        }
        times++;
        assert_int_equal(qnk_host_ending(life.host, &why), QNK_EXIT_CONFIG);
        assert_non_null(strstr(why, "limits.memory of the node file, which is 4096MiB,"));
        assert_int_equal(end(), QNK_EXIT_CONFIG);
    }
    assert_true(times > 10);
    (void)end();
}

static void what_cannot_be_exchanged_is_told_and_changes_nothing(void **subject)
{
    static const struct {
        const char *kind, *typed;
        const char *words;
    } cases[] = {
        {"consensus", "bft", "qnet swap plan consensus"},
        {"producer", "beacon", "qnet swap plan producer"},
        {"ledger", "accounts", "for its life"},
        {"transport", "inproc", "restart"},
        {"storage", "memory", "empty data folder"},
        {"cheese", "gouda", "no kind"},
        {"compression", "gouda", "no such compression"},
        {"compression", "{use: zstd, level: 99}", "level"},
        {"compression", "{use: zstd, level: 3", ""},
        {"compression", "/tmp/there/is/none.so", "refused"},
        {"signature", "{use: sodium, version: \"9.9\"}", "version 9.9 is wanted"},
    };

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(swap(cases[i].kind, cases[i].typed), QN_OK);
        if (strstr(exchange.words, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].typed, exchange.words);
        }
    }
    assert_int_equal(json_array_size(qnk_refit_lines(life.host)), 0);
    assert_string_equal(running(QNK_HOST_COMPRESSION), "none");
    run_until(life.finals + 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void what_cannot_be_proven_is_aborted(void **subject)
{
    (void)subject;
    node_write("memory", "error", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    while (qnk_host_node(life.host) == NULL) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_equal(swap("signature", "sodium"), QN_INVALID); /* nothing is final yet */
    assert_non_null(strstr(exchange.words, "no signed block"));
    assert_string_equal(last_step(), "aborted");
    run_until(2);
    assert_int_equal(swap("signature", "sodium"), QN_OK);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void an_end_comes_between(void **subject)
{
    (void)subject;
    node_write("lmdb", "error", "");
    begin_running(1);
    exchange.is_done = false;
    assert_int_equal(
        qnk_refit_begin(life.host, "compression", "zstd", on_swapped, NULL, exchange.words), QN_OK);
    assert_int_equal(
        qnk_refit_begin(life.host, "compression", "zstd", on_swapped, NULL, exchange.words),
        QN_BUSY);
    assert_int_equal(end(), QNK_EXIT_OK);
    assert_true(exchange.is_done);
    assert_int_equal(exchange.status, QN_AGAIN);
    begin_running(1);
    assert_string_equal(running(QNK_HOST_COMPRESSION), "none");
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void one_may_be_exchanged_any_number_of_times(void **subject)
{
    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    for (uint32_t i = 0; i < 3 * QNK_REFIT_GENERATIONS; i++) {
        assert_int_equal(swap("compression", i % 2 == 0 ? "zstd" : "none"), QN_OK);
    }
    run_until(life.finals + 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* A copy of a plugin's file with another byte at its end, in a folder of that name: other code, as
 * far as anyone can see. */
static void copy_write(char to[PATH_SIZE], char byte)
{
    const char name[] = {byte, 0};
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(qnk_host_plugin(life.host, QNK_HOST_SIGNATURE)->path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes - 1, file);
    assert_int_equal(fclose(file), 0);
    bytes[size] = (uint8_t)byte;
    path_in(to, name);
    assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
    (void)snprintf(to + strlen(to), PATH_SIZE - strlen(to), "/sodium.so");
    file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size + 1, file), size + 1);
    assert_int_equal(fclose(file), 0);
}

static void mapped_code_has_an_end(void **subject)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char path[PATH_SIZE];

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    for (uint32_t i = 0; i < QNK_REFIT_GENERATIONS; i++) {
        copy_write(path, letters[i]);
        assert_int_equal(swap("signature", path), QN_OK);
    }
    copy_write(path, letters[QNK_REFIT_GENERATIONS]);
    assert_int_equal(swap("signature", path), QN_NO_SPACE);
    assert_non_null(strstr(exchange.words, "restart the node"));
    run_until(life.finals + 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* Runs in a process of its own that dies right after the line of a step is written. */
static void dies_at(const char *step, void (*act)(void *ctx), void *ctx)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        exchange.dies_at = step;
        begin();
        qnk_refit_watch(life.host, on_line, NULL);
        start_anyhow();
        run_until(1);
        act(ctx);
        _exit(1); /* it did not come to that step */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) {
        fail_msg("it did not die at %s (%d)", step, status);
    }
}

struct wish {
    const char *kind, *typed;
};

static void act_swap(void *ctx)
{
    const struct wish *wish = ctx;

    (void)swap(wish->kind, wish->typed);
}

static void a_cut_at_any_step_leaves_the_old_or_the_new_one(void **subject)
{
    static const char *const steps[] = {"begun", "made", "proven", "frozen", "committed", "ended"};
    char path[PATH_SIZE];
    struct wish wishes[] = {{"compression", "zstd"}, {"signature", path}};
    const uint32_t kinds[] = {QNK_HOST_COMPRESSION, QNK_HOST_SIGNATURE};

    (void)subject;
    node_write("lmdb", "error", "");
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < sizeof steps / sizeof *steps; j++) {
            const struct qnk_plugin *plugin;
            char old[PATH_SIZE];

            begin_running(1);
            copy_write(path, (char)('a' + j)); /* of the verifier, each time another file */
            (void)snprintf(old, sizeof old, "%s", qnk_host_plugin(life.host, kinds[i])->path);
            assert_int_equal(end(), QNK_EXIT_OK);
            dies_at(steps[j], act_swap, &wishes[i]);
            begin_running(1);
            plugin = qnk_host_plugin(life.host, kinds[i]);
            if (j < 4) {
                assert_string_equal(plugin->path, old);
            } else if (i == 0) {
                assert_string_equal(plugin->manifest.name, "zstd");
                assert_int_equal(swap("compression", "none"), QN_OK);
            } else {
                assert_string_equal(plugin->path, path);
            }
            assert_int_equal(end(), QNK_EXIT_OK);
        }
    }
}

static void a_plugin_of_any_kind_can_be_made_available(void **subject)
{
    char words[QNK_REFIT_WORDS];
    const json_t *line;

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    assert_int_equal(qnk_refit_load(life.host, "consensus", "commit-reveal", words), QN_OK);
    assert_non_null(strstr(words, "consensus commit-reveal 1.0.0 is at hand"));
    line = json_array_get(qnk_refit_lines(life.host), 0);
    assert_string_equal(json_string_value(json_object_get(line, "step")), "available");
    assert_int_equal(qnk_refit_load(life.host, "consensus", "raft", words), QN_INVALID);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* It would be another file for a node that is started elsewhere. */
static void a_plugins_path_must_be_whole(void **subject)
{
    char words[QNK_REFIT_WORDS], path[PATH_SIZE], typed[PATH_SIZE + 64], there[PATH_SIZE];

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    (void)snprintf(path, sizeof path, "%s/plugins/compression/none/.libs/none.so",
                   getenv("top_builddir"));
    (void)snprintf(typed, sizeof typed, "{use: none, path: %s}", path);
    assert_int_equal(qnk_refit_load(life.host, "compression", typed, words), QN_OK);
    assert_non_null(getcwd(there, sizeof there));
    assert_int_equal(chdir("/"), 0);
    (void)snprintf(typed, sizeof typed, "{use: none, path: .%s}", path);
    assert_int_equal(qnk_refit_load(life.host, "compression", typed, words), QN_INVALID);
    assert_non_null(strstr(words, "say the whole path"));
    assert_int_equal(chdir(there), 0);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* The name of the engine that serves, and whether it is the plan's. */
static bool serves(const char *name)
{
    return qnk_host_node(life.host) != NULL && strcmp(running(QNK_HOST_CONSENSUS), name) == 0;
}

static void run_until_serves(const char *name)
{
    const char *why;

    while (!serves(name) && life.finals < 60 && qnk_host_ending(life.host, &why) == QNK_EXIT_OK) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_true(serves(name));
}

static void on_said(void *ctx, int32_t status, const char *words, const struct qnk_hash *plan)
{
    (void)ctx;
    (void)plan;
    exchange.is_done = true;
    exchange.status = status;
    (void)snprintf(exchange.words, sizeof exchange.words, "%s", words);
}

/* How often a step stands in the history. */
static uint32_t steps_count(const char *step)
{
    const json_t *lines = qnk_refit_lines(life.host);
    uint32_t count = 0;

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);

        count += strcmp(json_string_value(json_object_get(line, "step")), step) == 0;
    }
    return count;
}

static void a_validator_that_is_prepared_carries_out_a_plan(void **subject)
{
    /* Far enough ahead that ready is counted, however slow this machine is beside its windows. */
    const struct qnk_bound_plan plan = {.kind = "consensus", .typed = "bft", .first = 40};
    char why[QNK_BOUND_WORDS] = "";

    (void)subject;
    node_write("lmdb", "error", "swap: {accept: prepared}\n");
    begin_running(1);
    exchange.is_done = false;
    assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_OK);
    assert_true(exchange.is_done);
    assert_int_equal(exchange.status, QN_OK);
    run_until_serves("bft");
    run_until(life.finals + 2);
    assert_int_equal(steps_count("plugged"), 1);
    assert_int_equal(steps_count("bound"), 1);
    assert_int_equal(end(), QNK_EXIT_OK);

    begin_running(2); /* the chain says what serves, not the files */
    assert_true(serves("bft"));
    assert_int_equal(steps_count("bound"), 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static uint8_t life_of_plan(void)
{
    return qnk_node_control(qnk_host_node(life.host))->swap.life;
}

/* The process dies as soon as its word on the plan is written down, long before a block has it. */
static void dies_after(const char *step)
{
    const struct qnk_bound_plan plan = {.kind = "consensus", .typed = "bft", .first = 40};
    char why[QNK_BOUND_WORDS] = "";
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        exchange.dies_at = step;
        begin_running(1);
        if (life_of_plan() != QNK_SWAP_PROPOSED) {
            assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_OK);
        }
        while (life_of_plan() != QNK_SWAP_PROPOSED) {
            (void)uv_run(&life.loop, UV_RUN_ONCE);
        }
        (void)(strcmp(step, "ready") == 0 ? qnk_bound_ready(life.host, on_said, NULL, why)
                                          : qnk_bound_cancel(life.host, on_said, NULL, why));
        _exit(1); /* it did not come to that line */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) {
        fail_msg("it did not die at %s (%d)", step, status);
    }
}

static void readiness_that_no_block_brought_is_said_again(void **subject)
{
    (void)subject;
    node_write("lmdb", "error", "");
    dies_after("ready");
    begin_running(1);
    run_until_serves("bft");
    assert_int_equal(steps_count("ready"), 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* Whatever the file says by then: who was against has not become ready. */
static void so_is_its_being_against(void **subject)
{
    (void)subject;
    node_write("lmdb", "error", "");
    dies_after("against");
    node_write("lmdb", "error", "swap: {accept: prepared}\n");
    begin_running(1);
    while (qnk_host_node(life.host) == NULL || life_of_plan() != QNK_SWAP_CANCELLED) {
        assert_true(life.finals < 40);
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    assert_int_equal(steps_count("ready"), 0);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void what_is_decided_is_not_given_up(void **subject)
{
    char why[QNK_BOUND_WORDS] = "";

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    exchange.is_done = false;
    assert_int_equal(qnk_bound_abandon(life.host, on_said, NULL, why), QN_OK);
    assert_true(exchange.is_done);
    if (exchange.status != QN_OK) { /* or it came between a window's end and its votes */
        assert_non_null(strstr(exchange.words, "no window waits"));
        assert_int_equal(steps_count("given-up"), 0);
    }
    run_until(life.finals + 2);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void act_wait(void *ctx)
{
    (void)ctx;
    run_until(120); /* far behind the plan's last step */
}

static void act_plan(void *ctx)
{
    char why[QNK_BOUND_WORDS] = "";
    int32_t status = qnk_bound_plan(life.host, ctx, on_said, NULL, why);

    if (status == QN_OK) {
        act_wait(NULL);
    }
}

/* One plan, and at each of its steps the process is gone: the next one goes on with it. */
static void a_plan_goes_on_whatever_step_its_node_dies_at(void **subject)
{
    static const char *const steps[] = {"bound", "active", "settled"};
    struct qnk_bound_plan plan = {.kind = "consensus", .typed = "bft", .first = 40};

    (void)subject;
    node_write("lmdb", "error", "swap: {accept: prepared}\n");
    dies_at("ready", act_plan, &plan);
    dies_at("proposed", act_wait, NULL);
    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        dies_at(steps[i], act_wait, NULL);
    }
    begin_running(2);
    assert_true(serves("bft"));
    assert_int_equal(steps_count("settled"), 1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static const struct qnk_swap_plan *plan_on_chain(void)
{
    while (life_of_plan() != QNK_SWAP_PROPOSED) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    return &qnk_node_control(qnk_host_node(life.host))->swap.planned->plan;
}

static void plan_withdraw(void)
{
    char why[QNK_BOUND_WORDS] = "";

    assert_int_equal(qnk_bound_cancel(life.host, on_said, NULL, why), QN_OK);
    while (life_of_plan() == QNK_SWAP_PROPOSED) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
}

/* The file takes no more lines: the word goes out, and who said it hears what became of it. */
static void a_word_that_cannot_be_kept_is_told(void **subject)
{
    const struct qnk_bound_plan plan = {.kind = "consensus", .typed = "bft", .first = 300};
    char why[QNK_BOUND_WORDS] = "";
    char filler[3001];

    (void)subject;
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    node_write("lmdb", "error", "");
    begin_running(1);
    assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_OK);
    (void)plan_on_chain();
    while (qnk_refit_tell(life.host, json_pack("{s:s, s:s}", "step", "filler", "words", filler),
                          false) == QN_OK) {
    }
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_OK);
    assert_int_equal(exchange.status, QN_OK);
    assert_string_equal(exchange.words, "said, but not kept: it may be forgotten at a restart");
    assert_int_equal(qnk_bound_cancel(life.host, on_said, NULL, why), QN_OK);
    assert_int_equal(exchange.status, QN_OK);
    assert_string_equal(exchange.words, "said, but not kept: it may be forgotten at a restart");
    assert_int_equal(steps_count("ready") + steps_count("against"), 0);
    assert_int_equal(end(), QNK_EXIT_OK);

    begin_running(1); /* the start shortens the file */
    assert_int_equal(qnk_refit_tell(life.host, json_pack("{s:s}", "step", "filler"), true), QN_OK);
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* Two traces of one plugin are equal, and those of two configs are not. */
static void a_plan_says_what_the_plugin_answers_and_which_files_it_accepts(void **subject)
{
    static const char foreign[] =
        "here,00000000000000000000000000000000000000000000000000000000000000ff,here";
    struct qnk_bound_plan plan = {
        .kind = "consensus", .typed = "bft", .first = 300, .codes = foreign};
    const struct qnk_swap_plan *seen;
    struct qnk_hash trace;
    char why[QNK_BOUND_WORDS] = "";

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_OK);
    seen = plan_on_chain();
    trace = seen->trace;
    assert_false(qnk_hash_is_zero(&trace));
    assert_int_equal(seen->codes_count, 2);
    assert_true(memcmp(&seen->codes[0], &seen->codes[1], sizeof seen->codes[0]) < 0);
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_OK);
    assert_int_equal(exchange.status, QN_OK);
    plan_withdraw();

    plan.codes = "there";
    plan.typed = "{use: bft, round: 14s}";
    assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_INVALID);
    assert_non_null(strstr(why, "'there'"));
    plan.codes = "00000000000000000000000000000000000000000000000000000000000000ff";
    assert_int_equal(qnk_bound_plan(life.host, &plan, on_said, NULL, why), QN_OK);
    seen = plan_on_chain();
    assert_false(qnk_hash_equal(&trace, &seen->trace));
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_OK);
    assert_int_equal(exchange.status, QN_DENIED);
    assert_non_null(strstr(exchange.words, "none that the plan accepts"));
    plan_withdraw();
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* What anybody may put on the chain: no node makes it out of a manifest. */
static void plan_put(const struct qnk_swap_plan *plan)
{
    uint8_t payload[QNK_SWAP_PLAN_MAX];
    struct qnk_event event = {.type = QNK_EVENT_PROPOSE};

    event.propose.token = UINT64_MAX; /* of no ask: nobody waits for an answer */
    event.propose.kind = QNK_TX_PLAN;
    event.propose.payload = (struct qn_span){payload, qnk_swap_plan_encode(plan, payload)};
    qnk_live_event(life.host, &event);
}

static void nobody_is_ready_for_steps_that_the_plugin_does_not_declare(void **subject)
{
    struct qnk_bound_plan from = {.kind = "consensus", .typed = "bft", .first = 300};
    struct qnk_swap_plan plan;
    char why[QNK_BOUND_WORDS] = "";

    (void)subject;
    node_write("memory", "error", "");
    begin_running(1);
    assert_int_equal(qnk_bound_plan(life.host, &from, on_said, NULL, why), QN_OK);
    plan = *plan_on_chain();
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_OK);
    plan_withdraw();

    for (uint32_t more = 0; more < 2; more++) {
        struct qnk_swap_plan other = plan;

        other.engine.steps_count--;
        if (more == 1) {
            other.engine.steps_count = plan.engine.steps_count + 1;
            other.engine.steps[plan.engine.steps_count] = 999;
        }
        plan_put(&other);
        (void)plan_on_chain();
        assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_UNSUPPORTED);
        if (strstr(why, "other steps") == NULL) {
            fail_msg("%s", why);
        }
        plan_withdraw();
    }
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void plans_are_refused_in_words(void **subject)
{
    static const struct {
        struct qnk_bound_plan plan;
        const char *words;
    } cases[] = {
        {{.kind = "compression", .typed = "none"}, "qnet plugin swap compression"},
        {{.kind = "ledger", .typed = "accounts"}, "for consensus or producer"},
        {{.kind = "consensus", .typed = "raft"}, "no such consensus"},
        {{.kind = "consensus", .typed = "{use: bft, cheese: 1}"}, "cheese"},
    };
    char why[QNK_BOUND_WORDS] = "";

    (void)subject;
    node_write("memory", "error", "swap: {accept: never}\n");
    begin_running(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(qnk_bound_plan(life.host, &cases[i].plan, on_said, NULL, why), QN_OK);
        if (strstr(why, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].plan.typed, why);
        }
    }
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_NOT_FOUND);
    assert_int_equal(qnk_bound_cancel(life.host, on_said, NULL, why), QN_NOT_FOUND);
    assert_int_equal(
        qnk_bound_plan(life.host,
                       &(struct qnk_bound_plan){.kind = "consensus", .typed = "bft", .first = 60},
                       on_said, NULL, why),
        QN_OK);
    run_until(life.finals + 2);
    assert_int_equal(qnk_bound_ready(life.host, on_said, NULL, why), QN_DENIED);
    assert_non_null(strstr(why, "never"));
    assert_int_equal(qnk_bound_cancel(life.host, on_said, NULL, why), QN_OK);
    run_until(life.finals + 2);
    assert_true(serves("commit-reveal"));
    assert_int_equal(end(), QNK_EXIT_OK);
}

/* --- copies of what is final --- */

/* What the node's disk has left: 0: as it is. */
static _Atomic uint64_t left_bytes;
static _Atomic bool is_left_later; /* not before a copy has its first piece */

/* How many there are; of the last, whether it has a byte. */
static size_t copies_count(bool *has_bytes)
{
    char path[PATH_SIZE];
    struct stat status;
    glob_t found = {0};
    size_t count = 0;

    path_in(path, "data/swap-copy*");
    if (glob(path, 0, NULL, &found) == 0) {
        count = found.gl_pathc;
    }
    *has_bytes = count > 0 && stat(found.gl_pathv[count - 1], &status) == 0 && status.st_size > 0;
    globfree(&found);
    return count;
}

/* The system's, for all that is linked here: a disk of 100 GiB. */
int statvfs(const char *path, struct statvfs *disk)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int failed = file < 0 ? -1 : fstatvfs(file, disk);
    bool has_bytes;

    if (file >= 0) {
        (void)close(file);
    }
    (void)copies_count(&has_bytes);
    if (failed == 0 && left_bytes > 0 && (!is_left_later || has_bytes)) {
        disk->f_frsize = 1;
        disk->f_blocks = (fsblkcnt_t)100 << 30;
        disk->f_bavail = (fsblkcnt_t)left_bytes;
    }
    return failed;
}

static struct {
    struct qnk_question question; /* first */
    json_t *answer;
    int code; /* -1: not yet */
    char words[QNK_QUERY_TEXT];
    char hint[32];
} copy;

static void on_answered(struct qnk_question *question, json_t *answer)
{
    (void)question;
    copy.answer = answer;
    copy.code = 0;
}

static void on_refused(struct qnk_question *question, int code, const char *words, const char *hint)
{
    (void)question;
    copy.code = code;
    qnk_text(copy.words, sizeof copy.words, "%s", words);
    qnk_text(copy.hint, sizeof copy.hint, "%s", hint == NULL ? "" : hint);
}

/* How it is answered: 0 or a code. The answer is there until the next. */
static int copy_ask(void)
{
    json_t *params = json_object();

    json_decref(copy.answer);
    memset(&copy, 0, sizeof copy);
    copy.code = -1;
    copy.question = (struct qnk_question){
        .host = life.host, .params = params, .answered = on_answered, .refused = on_refused};
    qnk_query_find("swap.copy")->ask(&copy.question);
    while (copy.code == -1) {
        (void)uv_run(&life.loop, UV_RUN_ONCE);
    }
    json_decref(params);
    return copy.code;
}

static const char *copy_path(void)
{
    return json_string_value(json_object_get(copy.answer, "path"));
}

static void a_copy_lies_there_until_the_next_start(void **subject)
{
    char first[PATH_SIZE], bytes[12] = "";
    bool has_bytes;
    FILE *file;

    (void)subject;
    node_write("lmdb", "warn", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    assert_int_equal(copy_ask(), 0);
    (void)snprintf(first, sizeof first, "%s", copy_path());
    file = fopen(first, "r");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(bytes, "qnet-copy/1");
    assert_int_equal(copy_ask(), 0);
    assert_string_not_equal(copy_path(), first);
    assert_int_equal(copies_count(&has_bytes), 2);
    json_decref(copy.answer);
    copy.answer = NULL;
    assert_int_equal(end(), QNK_EXIT_OK);

    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    assert_int_equal(copies_count(&has_bytes), 0);
    run_until(1);
    assert_int_equal(end(), QNK_EXIT_OK);
}

static void copy_refused_for_room(void)
{
    bool has_bytes;

    assert_int_equal(copy_ask(), QNK_QUERY_REFUSED);
    assert_non_null(strstr(copy.words, "would make it low or full: make room there"));
    assert_string_equal(copy.hint, "");
    assert_int_equal(copies_count(&has_bytes), 0);
}

static void a_copy_gives_way_to_a_disk_that_has_little_room(void **subject)
{
    (void)subject;
    node_write("lmdb", "error", "");
    begin();
    assert_int_equal(qnk_host_start(life.host), QN_OK);
    run_until(1);
    left_bytes = (UINT64_C(10) << 30) + 1000; /* of 100 GiB it would be low */
    copy_refused_for_room();
    left_bytes = (UINT64_C(1) << 30) + 1000; /* full */
    copy_refused_for_room();
    is_left_later = true; /* between two pieces */
    copy_refused_for_room();
    is_left_later = false;
    left_bytes = UINT64_C(50) << 30;
    assert_int_equal(copy_ask(), 0); /* and nothing of it stayed in the way of another */
    left_bytes = 0;
    json_decref(copy.answer);
    copy.answer = NULL;
    assert_int_equal(end(), QNK_EXIT_OK);
}

static int open_all(void **subject)
{
    const char *top = getenv("top_builddir");
    char search[PATH_SIZE * 2];
    char why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_OFF};

    (void)subject;
    qnk_text(search, sizeof search, "%s/plugins", top == NULL ? "." : top);
    options.search = search;
    shared = qnk_shared_create(&budget);
    return shared != NULL && qnk_loader_create(&options, &loader, why) == QN_OK ? 0 : -1;
}

static int close_all(void **subject)
{
    (void)subject;
    qnk_loader_destroy(loader);
    qnk_shared_destroy(shared);
    return budget.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_validator_alone_makes_final_windows, start, stop),
        cmocka_unit_test_setup_teardown(a_start_with_too_little_memory_says_so, start, stop),
        cmocka_unit_test_setup_teardown(questions_reach_the_disk, start, stop),
        cmocka_unit_test_setup_teardown(garbage_that_is_submitted_is_answered, start, stop),
        cmocka_unit_test_setup_teardown(a_job_takes_no_memory_of_the_host, start, stop),
        cmocka_unit_test_setup_teardown(a_restart_goes_on_from_the_disk, start, stop),
        cmocka_unit_test_setup_teardown(a_folder_of_another_network_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_folder_in_which_nothing_is_takes_another_network, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_copy_lies_there_until_the_next_start, start, stop),
        cmocka_unit_test_setup_teardown(a_copy_gives_way_to_a_disk_that_has_little_room, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_key_whose_folder_is_lost_waits_for_its_operator, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_record_without_a_mark_gets_one, start, stop),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_key_of_another_purpose_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_rule_that_the_plugin_does_not_know_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_reload_says_what_it_changed, start, stop),
        cmocka_unit_test_setup_teardown(a_reload_begins_where_the_last_one_ended, start, stop),
        cmocka_unit_test_setup_teardown(a_reload_tells_of_other_files, start, stop),
        cmocka_unit_test_setup_teardown(who_waits_for_the_beginning_says_so, start, stop),
        cmocka_unit_test_setup_teardown(a_node_whose_input_log_is_full_begins_anew, start, stop),
        cmocka_unit_test_setup_teardown(who_is_told_to_stop_does_not_begin_anew, start, stop),
        cmocka_unit_test_setup_teardown(who_began_anew_does_not_again_for_a_while, start, stop),
        cmocka_unit_test_setup_teardown(a_log_that_is_full_too_soon_ends_no_node, start, stop),
        cmocka_unit_test_setup_teardown(nor_does_one_whose_next_start_would_lack_its_key, start,
                                        stop),
        cmocka_unit_test_setup_teardown(nor_one_that_is_busy_until_it_is_not, start, stop),
        cmocka_unit_test_setup_teardown(a_compressor_is_exchanged_and_stays_so, start, stop),
        cmocka_unit_test_setup_teardown(a_node_file_that_changes_is_the_newer_word, start, stop),
        cmocka_unit_test_setup_teardown(a_verifier_is_exchanged_between_two_jobs, start, stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_exchanged_is_told_and_changes_nothing, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_proven_is_aborted, start, stop),
        cmocka_unit_test_setup_teardown(an_end_comes_between, start, stop),
        cmocka_unit_test_setup_teardown(one_may_be_exchanged_any_number_of_times, start, stop),
        cmocka_unit_test_setup_teardown(mapped_code_has_an_end, start, stop),
        cmocka_unit_test_setup_teardown(a_cut_at_any_step_leaves_the_old_or_the_new_one, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_plugin_of_any_kind_can_be_made_available, start, stop),
        cmocka_unit_test_setup_teardown(a_plugins_path_must_be_whole, start, stop),
        cmocka_unit_test_setup_teardown(a_validator_that_is_prepared_carries_out_a_plan, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_plan_goes_on_whatever_step_its_node_dies_at, start, stop),
        cmocka_unit_test_setup_teardown(nobody_is_ready_for_steps_that_the_plugin_does_not_declare,
                                        start, stop),
        cmocka_unit_test_setup_teardown(plans_are_refused_in_words, start, stop),
        cmocka_unit_test_setup_teardown(
            a_plan_says_what_the_plugin_answers_and_which_files_it_accepts, start, stop),
        cmocka_unit_test_setup_teardown(readiness_that_no_block_brought_is_said_again, start, stop),
        cmocka_unit_test_setup_teardown(so_is_its_being_against, start, stop),
        cmocka_unit_test_setup_teardown(a_word_that_cannot_be_kept_is_told, start, stop),
        cmocka_unit_test_setup_teardown(what_is_decided_is_not_given_up, start, stop),
    };

    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, open_all, close_all);
}
