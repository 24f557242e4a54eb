/* SPDX-License-Identifier: MIT */

/* run_node.c: what is asked of a running node about itself, and what it is told. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/qnet/client.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

/* Asks once and shows the answer: as JSON, or by `show`. */
static int ask_and_show(struct qnk_call *call, const char *method, json_t *params,
                        void (*show)(const json_t *answer))
{
    int status;
    json_t *answer = qnk_ask_once(call, method, params, &status);

    if (answer != NULL) {
        if (call->json) {
            qnk_json_print(answer);
        } else {
            show(answer);
        }
    }
    json_decref(answer);
    return status;
}

/* --- status --- */

/* Green or red where colours are wanted. */
static const char *ready_words(const json_t *it, bool is_colored)
{
    static const char *const words[2][2] = {{"NOT READY", "READY"},
                                            {"\033[31mNOT READY\033[0m", "\033[32mREADY\033[0m"}};

    return words[is_colored][qnk_is_true(it, "ready")];
}

static void status_head(const json_t *it, bool is_colored)
{
    printf("%s (%s)  %s   up %s   phase %s   network %s %.8s\n", qnk_string(it, "name"),
           qnk_string(it, "type"), ready_words(it, is_colored),
           qnk_duration(qnk_number(it, "uptime_ms")), qnk_string(it, "phase"),
           qnk_string(it, "network"), qnk_string(it, "chain_id"));
    if (qnk_at(it, "head") == NULL) {
        printf("  %s\n", qnk_string(it, "doing"));
    }
}

static void status_bad(const json_t *it)
{
    size_t i;
    json_t *name;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(it, "bad"), i, name)
    {
        printf("warning: %s", json_string_value(name));
        if (strcmp(json_string_value(name), "signing") == 0) {
            printf(": %s", qnk_string(it, "vote.not_signing"));
        }
        printf("\n");
    }
}

/* In one line: what each is tainted by stands in `--json`, and in the log. */
static void status_tainted(const json_t *it)
{
    size_t count = json_array_size(qnk_at(it, "tainted"));

    if (count > 0) {
        printf("  tainted   by %zu plugin%s that nobody vouches for, as %s\n", count,
               count == 1 ? "" : "s", json_string_value(json_array_get(qnk_at(it, "tainted"), 0)));
    }
}

static void status_show(const json_t *it, bool is_colored)
{
    status_head(it, is_colored);
    if (qnk_at(it, "head") != NULL) {
        printf("  head      micro %s   %s ago", qnk_grouped(qnk_number(it, "head.height")),
               qnk_duration(qnk_number(it, "head.age_ms")));
        if (qnk_number(it, "head.interval_ms") > 0) { /* a node that follows does not compute it */
            printf("   interval %s", qnk_duration(qnk_number(it, "head.interval_ms")));
        }
        printf("\n");
        printf("  final     micro %s   macro %s   lag %s blocks   %llu of %llu signed\n",
               qnk_grouped(qnk_number(it, "final.height")),
               qnk_grouped(qnk_number(it, "final.window")),
               qnk_grouped(qnk_number(it, "lag.blocks")),
               (unsigned long long)qnk_number(it, "final.signers"),
               (unsigned long long)qnk_number(it, "vote.members"));
        printf("  vote      macro %s   round %llu   %s   %llu of %llu, quorum %llu%s\n",
               qnk_grouped(qnk_number(it, "vote.window")),
               (unsigned long long)qnk_number(it, "vote.round"), qnk_string(it, "vote.phase"),
               (unsigned long long)qnk_number(it, "vote.have"),
               (unsigned long long)qnk_number(it, "vote.total"),
               (unsigned long long)qnk_number(it, "vote.quorum"),
               qnk_is_true(it, "vote.signing") ? "" : "   not signing");
        printf("  mempool   %s tx   %s   oldest %s   peers %llu\n",
               qnk_grouped(qnk_number(it, "mempool.txs")),
               qnk_bytes(qnk_number(it, "mempool.bytes")),
               qnk_duration(qnk_number(it, "mempool.oldest_ms")),
               (unsigned long long)qnk_number(it, "peers"));
        printf("  final tx  %s   memory %s of %s\n", qnk_grouped(qnk_number(it, "final.txs")),
               qnk_bytes(qnk_number(it, "memory_used")), qnk_bytes(qnk_number(it, "memory_limit")));
    }
    status_tainted(it);
    status_bad(it);
}

static void status_line(const json_t *it)
{
    printf("%-8s head %llu   final %llu   lag %llu   mempool %llu   peers %llu%s\n",
           qnk_string(it, "phase"), (unsigned long long)qnk_number(it, "head.height"),
           (unsigned long long)qnk_number(it, "final.height"),
           (unsigned long long)qnk_number(it, "lag.blocks"),
           (unsigned long long)qnk_number(it, "mempool.txs"),
           (unsigned long long)qnk_number(it, "peers"),
           qnk_is_true(it, "ready") ? "" : "   NOT READY");
    (void)fflush(stdout);
}

static int status_watch(struct qnk_call *call)
{
    struct qnk_client client;
    int status = qnk_client_open(&client, call);

    while (status == QNK_CLI_OK) {
        json_t *answer = qnk_client_ask(&client, "status", NULL, &status);

        if (answer != NULL && call->json) {
            qnk_json_print(answer);
        } else if (answer != NULL) {
            status_line(answer);
        }
        json_decref(answer);
        (void)sleep(1);
    }
    qnk_client_close(&client);
    return status;
}

int qnk_run_status(struct qnk_call *call)
{
    int status;
    json_t *answer;

    if (qnk_call_flag(call, "watch")) {
        return status_watch(call);
    }
    answer = qnk_ask_once(call, "status", NULL, &status);
    if (answer != NULL) {
        status = qnk_is_true(answer, "ready") ? QNK_CLI_OK : QNK_CLI_NOT_READY;
        if (call->json) {
            qnk_json_print(answer);
        } else {
            status_show(answer, qnk_is_colored(call));
        }
    }
    json_decref(answer);
    return status;
}

int qnk_run_version(struct qnk_call *call)
{
    if (call->json) {
        json_t *it = json_pack("{s:s, s:s}", "version", PACKAGE_VERSION, "compiler", __VERSION__);

        qnk_json_print(it);
        json_decref(it);
    } else {
        printf("qnet %s\n", PACKAGE_VERSION);
    }
    return QNK_CLI_OK;
}

/* --- mempool, peers, storage --- */

static void mempool_show(const json_t *it)
{
    const char *reason;
    json_t *count;

    printf("%s transactions of %s senders, %s, oldest %s\n", qnk_grouped(qnk_number(it, "txs")),
           qnk_grouped(qnk_number(it, "senders")), qnk_bytes(qnk_number(it, "bytes")),
           qnk_duration(qnk_number(it, "oldest_ms")));
    printf("received %s   accepted %s   included %s   final %s   evicted %s   expired %s\n",
           qnk_grouped(qnk_number(it, "received")), qnk_grouped(qnk_number(it, "accepted")),
           qnk_grouped(qnk_number(it, "included")), qnk_grouped(qnk_number(it, "final")),
           qnk_grouped(qnk_number(it, "evicted")), qnk_grouped(qnk_number(it, "expired")));
    json_object_foreach((json_t *)(uintptr_t)qnk_at(it, "refused"), reason, count)
    {
        if (json_integer_value(count) > 0) {
            printf("refused  %-14s %lld\n", reason, (long long)json_integer_value(count));
        }
    }
}

int qnk_run_mempool_status(struct qnk_call *call)
{
    return ask_and_show(call, "mempool", NULL, mempool_show);
}

static void peers_show(const json_t *it)
{
    size_t i;
    json_t *peer;

    printf("%-20s %-8s %-6s %-9s %10s %6s %5s  %s\n", "key", "state", "type", "direction", "head",
           "final", "score", "address");
    json_array_foreach((json_t *)(uintptr_t)qnk_at(it, "peers"), i, peer)
    {
        printf("%-20.20s %-8s %-6s %-9s %10llu %6llu %5llu  %s%s%s\n", qnk_string(peer, "key"),
               qnk_string(peer, "state"), qnk_string(peer, "type"),
               qnk_is_true(peer, "outgoing") ? "out" : "in",
               (unsigned long long)qnk_number(peer, "head"),
               (unsigned long long)qnk_number(peer, "final"),
               (unsigned long long)qnk_number(peer, "score"), qnk_string(peer, "address"),
               *qnk_string(peer, "reason") == 0 ? "" : "   ", qnk_string(peer, "reason"));
    }
}

int qnk_run_peer_list(struct qnk_call *call)
{
    return ask_and_show(call, "peers", NULL, peers_show);
}

static void peer_show(const json_t *peer)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)peer, name, value)
    {
        printf("%-16s ", name);
        if (json_is_string(value)) {
            printf("%s\n", json_string_value(value));
        } else {
            (void)json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
            printf("\n");
        }
    }
}

int qnk_run_peer_show(struct qnk_call *call)
{
    const char *wanted = call->operands[0];
    const json_t *found = NULL;
    uint32_t count = 0;
    int status;
    json_t *answer = qnk_ask_once(call, "peers", NULL, &status);
    size_t i;
    json_t *peer;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(answer, "peers"), i, peer)
    {
        if (strncmp(qnk_string(peer, "key"), wanted, strlen(wanted)) == 0) {
            found = peer;
            count++;
        }
    }
    if (answer != NULL && count != 1) {
        fprintf(stderr, "qnet: %s peer's key begins with '%s'\n  qnet peer list\n",
                count == 0 ? "no" : "more than one", wanted);
        status = QNK_CLI_FAILED;
    } else if (found != NULL && call->json) {
        qnk_json_print(found);
    } else if (found != NULL) {
        peer_show(found);
    }
    json_decref(answer);
    return status;
}

static void storage_show(const json_t *it)
{
    size_t i;
    json_t *space;

    printf("%s used of %s, %s free on the disk\n", qnk_bytes(qnk_number(it, "bytes_used")),
           qnk_bytes(qnk_number(it, "bytes_capacity")),
           qnk_bytes(qnk_number(it, "bytes_free_on_disk")));
    json_array_foreach((json_t *)(uintptr_t)qnk_at(it, "spaces"), i, space)
    {
        printf("%-12s %-4s %12s entries %12s\n", qnk_string(space, "name"),
               qnk_string(space, "type"), qnk_grouped(qnk_number(space, "keys")),
               qnk_bytes(qnk_number(space, "bytes")));
    }
}

int qnk_run_storage_stats(struct qnk_call *call)
{
    return ask_and_show(call, "storage", NULL, storage_show);
}

/* --- acts --- */

static void done_show(const json_t *answer)
{
    (void)answer;
    printf("done\n");
}

int qnk_run_node_stop(struct qnk_call *call)
{
    return qnk_call_is_meant(call, "Stop the node?")
               ? ask_and_show(call, "node.stop", NULL, done_show)
               : QNK_CLI_USAGE;
}

int qnk_run_key_resume(struct qnk_call *call)
{
    return qnk_call_is_meant(
               call, "Is the validator's key in use nowhere else? The node will sign again.")
               ? ask_and_show(call, "key.resume", NULL, done_show)
               : QNK_CLI_USAGE;
}

int qnk_run_log_level(struct qnk_call *call)
{
    const char *operand = call->operands[0];
    size_t size = strcspn(operand, "=");
    char part[80];

    if (operand[size] == 0 || size >= sizeof part) {
        fprintf(stderr, "qnet: 'log level' wants PART=LEVEL, as in consensus=debug\n");
        return QNK_CLI_USAGE;
    }
    snprintf(part, sizeof part, "%.*s", (int)size, operand);

    json_t *params = json_pack("{s:s, s:s}", "part", part, "level", operand + size + 1);

    if (qnk_call_given(call, "for")) {
        json_object_set_new(params, "seconds",
                            json_integer((json_int_t)qnk_call_number(call, "for")));
    }
    return ask_and_show(call, "log.level", params, done_show);
}

/* --- streams --- */

/* Shows events of a topic until `count` were shown or the node is gone. OLD: those of the past. */
#define OLD UINT64_MAX

static int follow(struct qnk_call *call, json_t *params, uint64_t count,
                  void (*show)(const json_t *event))
{
    struct qnk_client client;
    int status = qnk_client_open(&client, call);
    json_t *answer =
        status == QNK_CLI_OK ? qnk_client_ask(&client, "watch", params, &status) : NULL;
    json_t *event;

    count = count == OLD ? qnk_number(answer, "lines") : count;
    for (uint64_t i = 0; answer != NULL && i < count; i++) {
        event = qnk_client_event(&client);
        if (event == NULL) {
            fprintf(stderr, "qnet: the node is gone\n");
            status = QNK_CLI_UNREACHABLE;
            break;
        }
        if (call->json) {
            qnk_json_print(event);
        } else {
            show(event);
            (void)fflush(stdout);
        }
        json_decref(event);
    }
    json_decref(answer);
    qnk_client_close(&client);
    return status;
}

static void micro_line(const json_t *it)
{
    printf("micro %-9llu %.12s  producer %-3llu view %-2llu %7llu tx  class %llu  lag %llu%s%s\n",
           (unsigned long long)qnk_number(it, "height"), qnk_string(it, "id"),
           (unsigned long long)qnk_number(it, "producer"),
           (unsigned long long)qnk_number(it, "view"), (unsigned long long)qnk_number(it, "txs"),
           (unsigned long long)qnk_number(it, "class"), (unsigned long long)qnk_number(it, "lag"),
           qnk_is_true(it, "final") ? "  final" : "", qnk_is_true(it, "undone") ? "  UNDONE" : "");
}

static void macro_line(const json_t *it)
{
    const json_t *signers = qnk_at(it, "signers");
    uint64_t count = json_is_array(signers) ? json_array_size(signers) : qnk_number(it, "signers");

    printf("macro %-7llu %.12s  micro %-9llu %llu/%llu signed  %s tx\n",
           (unsigned long long)qnk_number(it, "window"), qnk_string(it, "digest"),
           (unsigned long long)qnk_number(it, "height"), (unsigned long long)count,
           (unsigned long long)qnk_number(it, "members"), qnk_grouped(qnk_number(it, "txs")));
}

static uint64_t follow_count(const struct qnk_call *call)
{
    return qnk_call_given(call, "count") ? qnk_call_number(call, "count") : OLD - 1;
}

int qnk_run_micro_follow(struct qnk_call *call)
{
    return follow(call, json_pack("{s:[s]}", "topics", "micro"), follow_count(call), micro_line);
}

int qnk_run_macro_follow(struct qnk_call *call)
{
    return follow(call, json_pack("{s:[s]}", "topics", "macro"), follow_count(call), macro_line);
}

static const char *log_part; /* that log tail is about; NULL: all */

static void log_line(const json_t *event)
{
    const char *part = qnk_string(event, "part");
    size_t size = log_part == NULL ? 0 : strlen(log_part);

    if (log_part == NULL || strcmp(part, log_part) == 0 ||
        (strncmp(part, log_part, size) == 0 && part[size] == '/')) {
        printf("%s\n", qnk_string(event, "line"));
    }
}

int qnk_run_log_tail(struct qnk_call *call)
{
    uint64_t lines = qnk_call_number(call, "lines");
    json_t *params =
        json_pack("{s:[s], s:I}", "topics", "log", "after", (json_int_t)(lines == 0 ? 1 : lines));

    log_part = qnk_call_text(call, "part");
    return follow(call, params, qnk_call_flag(call, "follow") ? OLD - 1 : OLD, log_line);
}

/* --- blocks --- */

static void block_show(const json_t *it)
{
    peer_show(it);
}

static void micros_show(const json_t *it)
{
    size_t i;
    json_t *block;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(it, "blocks"), i, block)
    {
        micro_line(block);
    }
}

static void macros_show(const json_t *it)
{
    size_t i;
    json_t *block;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(it, "blocks"), i, block)
    {
        macro_line(block);
    }
}

/* {"at": ...} for an operand that is a number or an id; none: an empty object. */
static json_t *at_params(const struct qnk_call *call)
{
    const char *operand = call->operands_count > 0 ? call->operands[0] : NULL;
    json_t *params = json_object();

    if (operand != NULL && strlen(operand) == 64) {
        json_object_set_new(params, "at", json_string(operand));
    } else if (operand != NULL) {
        if (operand[strspn(operand, "0123456789")] != 0 || strlen(operand) > 18) {
            fprintf(stderr, "qnet: '%s' is neither a number nor 64 hex digits\n", operand);
            json_decref(params);
            return NULL;
        }
        json_object_set_new(params, "at", json_integer(strtoll(operand, NULL, 10)));
    }
    return params;
}

int qnk_run_micro_get(struct qnk_call *call)
{
    json_t *params = at_params(call);

    return params == NULL ? QNK_CLI_USAGE : ask_and_show(call, "micro", params, block_show);
}

int qnk_run_macro_get(struct qnk_call *call)
{
    json_t *params = at_params(call);

    return params == NULL ? QNK_CLI_USAGE : ask_and_show(call, "macro", params, block_show);
}

static json_t *count_params(const struct qnk_call *call)
{
    return json_pack("{s:I}", "count", (json_int_t)qnk_call_number(call, "count"));
}

int qnk_run_micro_list(struct qnk_call *call)
{
    return ask_and_show(call, "micro", count_params(call), micros_show);
}

int qnk_run_macro_list(struct qnk_call *call)
{
    return ask_and_show(call, "macro", count_params(call), macros_show);
}
