/* SPDX-License-Identifier: MIT */

/* qnetd: one node as a process. It takes a node file and nothing that overrides a key of it, so
 * `qnet config show` is always the truth. It stays in the foreground and logs to stderr; the
 * supervisor does the rest.
 *
 * A process has more than one life if the input log is full: the host ends in order, and another
 * begins anew with the same configuration. The file is not asked for it, as it may be half edited,
 * and nobody wants a restart with what it says; but it is read as for SIGHUP once the node runs, so
 * that what an earlier life took over from it holds on. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sodium.h>
#include <uv.h>

#include <qnet/assert.h>

#include "kernel/host/admin.h"
#include "kernel/host/host.h"
#include "kernel/host/lines.h"
#include "kernel/host/notify.h"

enum {
    STATUS_MS = 5000,
    SIGNALS = 3,
    REPORT_CAP = 1 << 20,
    SHARED_LIMIT = 64 << 20,
    LOADER_LIMIT = 1 << 30,

    /* Files of the process: its own, and for each peer. A link has a socket for each direction and
     * what wakes the loop for it; enough is as many again for strangers that come. */
    DESCRIPTORS_LEAST = 192,
    DESCRIPTORS_PEER_LEAST = 4,
    DESCRIPTORS_ENOUGH = 512,
    DESCRIPTORS_PEER_ENOUGH = 8,
};

static const char usage[] =
    "usage: qnetd -c FILE\n"
    "Runs the node that FILE describes, until SIGTERM or SIGINT; SIGHUP reloads.\n"
    "  -c, --config FILE   the node file\n"
    "  -h, --help          this text\n"
    "      --version       the version\n"
    "exit: 0 stopped, 64 usage, 65 stored data corrupt, 70 internal error, 74 input or output,\n"
    "      75 data folder in use, 77 permission, 78 configuration or plugin refused\n";

struct daemon {
    const char *path;
    struct qnk_budget config_budget;
    struct qnk_budget loader_budget;
    struct qnk_budget shared_budget;
    struct qnk_config config;
    struct qnk_loader *loader;
    struct qnk_shared *shared;
    struct qnk_log log;
    struct qnk_lines lines; /* the newest of the log */
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t status;
    uint32_t lives;          /* that began */
    bool is_reload_due;      /* it was asked for while the node did not run */
    uint64_t anew_us;        /* when the last one began after another; 0: never */
    struct qnk_host *host;   /* NULL: between two lives */
    struct qnk_admin *admin; /* NULL: the socket is not open */
};

/* --- what the system is told --- */

static void on_status(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct qnk_node *node = qnk_host_node(daemon->host);
    struct qnk_host_view host;
    struct qnk_node_view view;
    char text[256];

    if (node == NULL) {
        qnk_host_look(daemon->host, &host);
        (void)snprintf(text, sizeof text, "STATUS=%s\nWATCHDOG=1\n", host.doing);
    } else {
        qnk_node_look(node, &view);
        (void)snprintf(text, sizeof text,
                       "STATUS=micro %llu, final %llu, lag %llu, %u peers\nWATCHDOG=1\n",
                       (unsigned long long)view.head_height, (unsigned long long)view.final_height,
                       (unsigned long long)(view.head_height - view.final_height), view.peers);
    }
    qnk_notify(text);
}

static void reload(struct daemon *daemon)
{
    struct qn_sink text;
    int32_t status;

    qnk_sink_init(&text, qnk_host_budget(daemon->host), REPORT_CAP);
    status = qnk_host_reload(daemon->host, &text);
    daemon->is_reload_due = status == QN_AGAIN;
    (void)fprintf(stderr, "%s:\n%.*s",
                  status == QN_OK      ? "reloaded"
                  : status == QN_AGAIN ? "to be reloaded once the node runs"
                                       : "not reloaded",
                  (int)text.size, text.data == NULL ? "" : (const char *)text.data);
    qnk_sink_done(&text);
}

static void on_running(void *ctx)
{
    struct daemon *daemon = ctx;

    if (daemon->lives > 1 || daemon->is_reload_due) {
        reload(daemon);
    }
    qnk_notify("READY=1\n");
    on_status(&daemon->status);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;

    if (number == SIGHUP) {
        qnk_notify("RELOADING=1\n");
        reload(daemon);
        qnk_notify("READY=1\n");
        return;
    }
    qnk_notify("STOPPING=1\n");
    qnk_host_stop(daemon->host, QNK_EXIT_OK, "");
}

static void on_admin_closed(void *ctx)
{
    struct daemon *daemon = ctx;

    daemon->admin = NULL;
}

static void on_closed(void *ctx)
{
    struct daemon *daemon = ctx;

    if (daemon->admin != NULL) {
        qnk_admin_stop(daemon->admin, on_admin_closed, daemon);
    }
}

/* --- files --- */

static void report_print(const struct qnk_report *report)
{
    struct qnk_budget budget = {.limit = 2 * REPORT_CAP};
    struct qn_sink text;

    qnk_sink_init(&text, &budget, REPORT_CAP);
    if (qnk_report_print(report, &text) == QN_OK && text.size > 0) {
        (void)fwrite(text.data, 1, text.size, stderr);
    }
    qnk_sink_done(&text);
}

/* A key file that others can read is another matter than a word that is wrong. */
static enum qnk_exit exit_of(const struct qnk_report *report)
{
    for (uint32_t i = 0; i < report->count; i++) {
        if (!report->findings[i].is_denied && !qnk_finding_is_warning(report->findings[i].code)) {
            return QNK_EXIT_CONFIG;
        }
    }
    return QNK_EXIT_PERMISSION;
}

static enum qnk_exit config_open(struct daemon *daemon, const struct qnk_config_plugins *plugins,
                                 bool is_last)
{
    const struct qnk_config_options options = {
        .budget = &daemon->config_budget,
        .plugins = plugins,
        .asks_files = is_last,
    };
    int32_t status = qnk_config_init(&daemon->config, &options);
    enum qnk_exit code = QNK_EXIT_OK;

    if (status != QN_OK) {
        (void)fprintf(stderr, "qnetd: no memory for the configuration\n");
        return QNK_EXIT_INTERNAL;
    }
    status = qnk_config_open_node(&daemon->config, daemon->path);
    if (status != QN_OK || is_last) {
        report_print(&daemon->config.report);
    }
    if (status != QN_OK) {
        code = exit_of(&daemon->config.report);
        qnk_config_done(&daemon->config);
    }
    return code;
}

static enum qnk_exit loader_open(struct daemon *daemon)
{
    const struct qnk_node_file *node = &daemon->config.node;
    const struct qnk_loader_options options = {
        .budget = &daemon->loader_budget,
        .folder = QNK_PLUGIN_FOLDER,
        .search = getenv("QN_PLUGIN_PATH"),
        .trust = node->trust,
        .lock_file = node->lock_file,
        .trust_file = node->trust_file,
    };
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (qnk_loader_create(&options, &daemon->loader, why) != QN_OK) {
        (void)fprintf(stderr, "qnetd: %s\n", why);
        return QNK_EXIT_CONFIG;
    }
    daemon->shared = qnk_shared_create(&daemon->shared_budget);
    return daemon->shared == NULL ? QNK_EXIT_INTERNAL : QNK_EXIT_OK;
}

/* The node file is read twice: first for where plugins may come from, then with their keys. */
static enum qnk_exit files_open(struct daemon *daemon)
{
    enum qnk_exit code = config_open(daemon, NULL, false);

    if (code != QNK_EXIT_OK) {
        return code;
    }
    code = loader_open(daemon);
    qnk_config_done(&daemon->config);
    if (code == QNK_EXIT_OK) {
        code = config_open(daemon, qnk_loader_config(daemon->loader), true);
    }
    return code;
}

static void log_open(struct daemon *daemon)
{
    static const enum qnk_log_format formats[] = {
        [QNK_LOG_CHOICE_TEXT] = QNK_LOG_TEXT,
        [QNK_LOG_CHOICE_LOGFMT] = QNK_LOG_LOGFMT,
        [QNK_LOG_CHOICE_JSON] = QNK_LOG_JSON,
    };
    const struct qnk_node_file *node = &daemon->config.node;
    const struct qnk_log_options options = {
        .fd = STDERR_FILENO,
        .format = node->log_format == QNK_LOG_CHOICE_AUTO ? qnk_log_format_for(STDERR_FILENO)
                                                          : formats[node->log_format],
        .level = node->log_level,
        .heard = qnk_lines_add,
        .heard_ctx = &daemon->lines,
    };

    qnk_lines_init(&daemon->lines);
    qnk_log_init(&daemon->log, &options);
}

/* --- the process --- */

/* No core dump shows a key, and a peer that is gone is no signal. */
static void process_prepare(void)
{
    const struct rlimit none = {0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Peers and strangers use descriptors, and a log needs one for each of its files: the process takes
 * what it may have. With too few for its links it would stand still as soon as they are there. */
static enum qnk_exit descriptors_take(const struct qnk_node_file *node)
{
    rlim_t enough = DESCRIPTORS_ENOUGH + (rlim_t)node->peers_max * DESCRIPTORS_PEER_ENOUGH;
    rlim_t least = DESCRIPTORS_LEAST + (rlim_t)node->peers_max * DESCRIPTORS_PEER_LEAST;
    struct rlimit limit;
    bool is_little, is_short;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return QNK_EXIT_INTERNAL;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    is_little = limit.rlim_cur < least;
    is_short = limit.rlim_cur < enough;
    if (is_short) {
        (void)fprintf(stderr,
                      "qnetd: %s: this process may open %llu files, and with limits.peers %u it "
                      "should be %llu, or %llu at the least (ulimit -n, LimitNOFILE=)\n",
                      is_little ? "error" : "warning", (unsigned long long)limit.rlim_cur,
                      node->peers_max, (unsigned long long)enough, (unsigned long long)least);
    }
    return is_little ? QNK_EXIT_CONFIG : QNK_EXIT_OK;
}

/* Signals and status are heard over all lives, and keep the loop in none. */
static void signals_start(struct daemon *daemon)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    for (uint32_t i = 0; i < SIGNALS; i++) {
        (void)uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        (void)uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&daemon->signals[i]);
    }
}

static void status_start(struct daemon *daemon)
{
    uint64_t watchdog_ms = qnk_notify_watchdog_ms();
    uint64_t every_ms = watchdog_ms == 0 || watchdog_ms > STATUS_MS ? STATUS_MS : watchdog_ms;

    (void)uv_timer_init(&daemon->loop, &daemon->status);
    daemon->status.data = daemon;
    (void)uv_timer_start(&daemon->status, on_status, every_ms, every_ms);
    uv_unref((uv_handle_t *)&daemon->status);
}

static void loop_end(struct daemon *daemon)
{
    for (uint32_t i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&daemon->status, NULL);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&daemon->loop);
}

/* The socket comes before storage and peers, so that people can see what a long start does. */
static void admin_open(struct daemon *daemon)
{
    struct qnk_host_view view;
    int32_t status;

    qnk_host_look(daemon->host, &view);
    status = qnk_admin_create(daemon->host, view.socket, &daemon->lines, &daemon->admin);
    if (status != QN_OK) {
        char why[QNK_HOST_WHY];

        (void)snprintf(why, sizeof why, "cannot open the socket '%s' (status %d)", view.socket,
                       status);
        qnk_host_stop(daemon->host, status == QN_DENIED ? QNK_EXIT_PERMISSION : QNK_EXIT_IO, why);
    }
}

/* From a host's making to its end. `is_again`: another follows. */
static enum qnk_exit live(struct daemon *daemon, bool *is_again)
{
    const struct qnk_host_setup setup = {
        .config = &daemon->config,
        .config_path = daemon->path,
        .loader = daemon->loader,
        .shared = daemon->shared,
        .log = &daemon->log,
        .lines = &daemon->lines,
        .loop = &daemon->loop,
        .begins_anew = true,
        .anew_us = daemon->anew_us,
        .running = on_running,
        .closed = on_closed,
        .ctx = daemon,
    };
    const char *why;
    enum qnk_exit code;

    *is_again = false;
    if (qnk_host_create(&setup, &daemon->host) != QN_OK) {
        return QNK_EXIT_INTERNAL;
    }
    daemon->lives++;
    if (qnk_host_start(daemon->host) == QN_OK) {
        admin_open(daemon);
    }
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    *is_again = qnk_host_is_again(daemon->host);
    code = qnk_host_ending(daemon->host, &why);
    qnk_host_destroy(daemon->host);
    daemon->host = NULL;
    return code;
}

static enum qnk_exit run(struct daemon *daemon)
{
    enum qnk_exit code;
    bool is_again;

    if (uv_loop_init(&daemon->loop) != 0) {
        return QNK_EXIT_INTERNAL;
    }
    signals_start(daemon);
    status_start(daemon);
    code = live(daemon, &is_again);
    while (is_again) {
        qnk_notify("RELOADING=1\nSTATUS=beginning anew\n");
        daemon->anew_us = uv_hrtime() / 1000;
        code = live(daemon, &is_again);
    }
    loop_end(daemon);
    return code;
}

/* The node file's path, or an exit. */
static const char *options_read(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    const char *path = NULL;
    int letter;

    while ((letter = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (letter) {
        case 'c':
            path = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            exit(QNK_EXIT_OK);
        case 'V':
            (void)puts("qnetd " QNK_VERSION);
            exit(QNK_EXIT_OK);
        default:
            (void)fputs(usage, stderr);
            exit(QNK_EXIT_USAGE);
        }
    }
    if (path == NULL || optind != argc) {
        (void)fputs(usage, stderr);
        exit(QNK_EXIT_USAGE);
    }
    return path;
}

int main(int argc, char **argv)
{
    static struct daemon daemon = {
        .config_budget = {.limit = QNK_CONFIG_MEMORY},
        .loader_budget = {.limit = LOADER_LIMIT},
        .shared_budget = {.limit = SHARED_LIMIT},
    };
    enum qnk_exit code;

    daemon.path = options_read(argc, argv);
    if (sodium_init() < 0) {
        return QNK_EXIT_INTERNAL;
    }
    process_prepare();
    code = files_open(&daemon);
    if (code == QNK_EXIT_OK) {
        code = descriptors_take(&daemon.config.node);
    }
    if (code != QNK_EXIT_OK) {
        return (int)code;
    }
    log_open(&daemon);
    code = run(&daemon);
    qnk_log_done(&daemon.log);
    qnk_lines_done(&daemon.lines);
    qnk_shared_destroy(daemon.shared);
    qnk_config_done(&daemon.config);
    qnk_loader_destroy(daemon.loader);
    return (int)code;
}
