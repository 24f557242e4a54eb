/* SPDX-License-Identifier: MIT */

/* run_proof.c: proofs, and the chain of macroblocks, checked against a network file. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/decimal.h"
#include "kernel/base/hex.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/verify.h"

enum { CHUNK = 50, BYTES_MAX = 1 << 19 };

int qnk_run_proof_tx(struct qnk_call *call)
{
    const char *path = qnk_call_text(call, "output");
    int status;
    json_t *proof =
        qnk_ask_once(call, "proof", json_pack("{s:s}", "id", call->operands[0]), &status);

    if (proof == NULL) {
        return status;
    }
    if (path == NULL) {
        (void)json_dumpf(proof, stdout, call->json ? JSON_COMPACT : JSON_INDENT(2));
        printf("\n");
    } else if (json_dump_file(proof, path, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "qnet: cannot write '%s': %s\n", path, strerror(errno));
        status = QNK_CLI_FAILED;
    } else if (call->json) {
        json_t *answer = json_pack("{s:s}", "file", path);

        qnk_json_print(answer);
        json_decref(answer);
    } else if (!call->quiet) {
        printf("%s\nnext: qnet proof verify %s --network FILE\n", path, path);
    }
    json_decref(proof);
    return status;
}

static void proven_print(const struct qnk_proven *proven, const char *id)
{
    char from[QNK_BECH32M_KEY_SIZE], to[QNK_BECH32M_KEY_SIZE], amount[QNK_DECIMAL_SIZE];

    printf("good: transaction %s is final in macroblock %llu\n", id,
           (unsigned long long)proven->macro.window);
    if (proven->is_transfer) {
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, proven->from.bytes, from);
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, proven->transfer.to.bytes, to);
        qnk_decimal_encode(proven->transfer.amount, amount);
        printf("  from %s\n  to   %s\n  %s QNC\n", from, to, amount);
    }
}

static void verdict_show(const struct qnk_call *call, const struct qnk_proven *proven,
                         const char *why)
{
    char id[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(proven->id.bytes, QN_HASH_SIZE, id);
    if (call->json) {
        json_t *it = json_pack("{s:s?, s:b, s:I, s:s?}", "id", why == NULL ? id : NULL, "good",
                               why == NULL, "window", (json_int_t)proven->macro.window, "why", why);

        qnk_json_print(it);
        json_decref(it);
    } else if (why == NULL) {
        proven_print(proven, id);
    } else {
        printf("BAD: %s\n", why);
    }
}

int qnk_run_proof_verify(struct qnk_call *call)
{
    const char *network = qnk_call_text(call, "network");
    struct qnk_proven proven = {.is_transfer = false};
    struct qnk_verifier verifier;
    json_error_t error;
    json_t *proof;
    const char *why;

    if (network == NULL) {
        fprintf(stderr, "qnet: --network is missing: whose validators are trusted?\n");
        return QNK_CLI_USAGE;
    }
    proof = json_load_file(call->operands[0], JSON_REJECT_DUPLICATES, &error);
    if (proof == NULL) {
        fprintf(stderr, "qnet: %s:%d:%d: %s\n", call->operands[0], error.line, error.column,
                error.text);
        return QNK_CLI_FAILED;
    }
    if (!qnk_verifier_init(&verifier, network, NULL)) {
        json_decref(proof);
        return QNK_CLI_FAILED;
    }
    why = qnk_verify_proof(&verifier, proof, &proven);
    verdict_show(call, &proven, why);
    qnk_verifier_done(&verifier);
    json_decref(proof);
    return why == NULL ? QNK_CLI_OK : QNK_CLI_ASSERTION;
}

/* --- macro verify --- */

struct range {
    uint64_t first, last;
};

/* "3..20", "7", or nothing: all that is final. */
static bool range_read(const struct qnk_call *call, uint64_t final, struct range *range)
{
    char *end;

    *range = (struct range){1, final};
    if (call->operands_count > 0) {
        range->first = strtoull(call->operands[0], &end, 10);
        range->last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 10) : range->first;
        if (*end != 0 || range->first == 0 || range->last < range->first ||
            range->last > INT64_MAX - CHUNK) {
            fprintf(stderr, "qnet: '%s' is no range of windows, as in 1..20\n", call->operands[0]);
            return false;
        }
    }
    return true;
}

static struct qn_span hex_bytes(const json_t *block, const char *name, uint8_t *room)
{
    const char *text = qnk_string(block, name);
    size_t digits = strlen(text);

    if (digits % 2 != 0 || digits / 2 > BYTES_MAX ||
        qnk_hex_decode(text, digits / 2, room) != QN_OK) {
        return (struct qn_span){NULL, 0};
    }
    return (struct qn_span){room, digits / 2};
}

static const char *macro_check(struct qnk_verifier *verifier, const json_t *block)
{
    static uint8_t header[BYTES_MAX], certificate[BYTES_MAX];

    return qnk_verify_macro(verifier, hex_bytes(block, "header", header),
                            hex_bytes(block, "certificate", certificate));
}

/* Verifies windows first..last, which is at most CHUNK of them; they come newest first. */
static int chunk_verify(struct qnk_client *client, struct qnk_verifier *verifier,
                        const struct range *range)
{
    int status;
    uint64_t count = range->last - range->first + 1;
    json_t *answer = qnk_client_ask(client, "macro",
                                    json_pack("{s:I, s:I, s:b}", "at", (json_int_t)range->last,
                                              "count", (json_int_t)count, "raw", 1),
                                    &status);
    const json_t *blocks = qnk_at(answer, "blocks");

    for (size_t i = json_array_size(blocks); status == QNK_CLI_OK && i > 0; i--) {
        uint64_t window = range->last - (i - 1);
        const char *why = macro_check(verifier, json_array_get(blocks, i - 1));

        if (why == NULL && verifier->last.window != window) {
            why = "the node showed another one in its place";
        }
        if (why != NULL) {
            fprintf(stderr, "qnet: macroblock %llu: %s\n", (unsigned long long)window, why);
            status = QNK_CLI_ASSERTION;
        }
    }
    if (status == QNK_CLI_OK && json_array_size(blocks) != count) {
        fprintf(stderr, "qnet: the node has no macroblocks %llu..%llu\n",
                (unsigned long long)range->first, (unsigned long long)range->last);
        status = QNK_CLI_FAILED;
    }
    json_decref(answer);
    return status;
}

static void verified_show(const struct qnk_call *call, const struct qnk_verifier *verifier,
                          const struct range *range)
{
    char digest[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(verifier->last_digest.bytes, QN_HASH_SIZE, digest);
    if (call->json) {
        json_t *it = json_pack("{s:I, s:I, s:s, s:I, s:b}", "first", (json_int_t)range->first,
                               "last", (json_int_t)range->last, "digest", digest, "txs",
                               (json_int_t)verifier->last.tx_total, "good", 1);

        qnk_json_print(it);
        json_decref(it);
    } else {
        printf("good: macroblocks %llu..%llu, digest %s, %s transactions\n",
               (unsigned long long)range->first, (unsigned long long)range->last, digest,
               qnk_grouped(verifier->last.tx_total));
    }
}

static int verify_all(struct qnk_call *call, struct qnk_client *client,
                      struct qnk_verifier *verifier, uint64_t final)
{
    struct range range;
    int status = QNK_CLI_OK;

    if (!range_read(call, final, &range)) {
        return QNK_CLI_USAGE;
    }
    if (range.last == 0) {
        fprintf(stderr, "qnet: nothing is final yet\n");
        return QNK_CLI_NOT_READY;
    }
    for (uint64_t at = range.first; status == QNK_CLI_OK && at <= range.last; at += CHUNK) {
        struct range chunk = {at, at + CHUNK - 1 < range.last ? at + CHUNK - 1 : range.last};

        status = chunk_verify(client, verifier, &chunk);
    }
    if (status == QNK_CLI_OK) {
        verified_show(call, verifier, &range);
    }
    return status;
}

int qnk_run_macro_verify(struct qnk_call *call)
{
    struct qnk_verifier verifier;
    struct qnk_client client;
    json_t *node = NULL, *state = NULL;
    int status = qnk_client_open(&client, call);

    if (status == QNK_CLI_OK) {
        node = qnk_client_ask(&client, "node", NULL, &status);
    }
    if (status == QNK_CLI_OK) {
        state = qnk_client_ask(&client, "status", NULL, &status);
    }
    if (status == QNK_CLI_OK) {
        status = QNK_CLI_FAILED;
        if (qnk_verifier_init(&verifier, qnk_call_text(call, "network"),
                              qnk_string(node, "config"))) {
            status = verify_all(call, &client, &verifier, qnk_number(state, "final.window"));
            qnk_verifier_done(&verifier);
        }
    }
    json_decref(node);
    json_decref(state);
    qnk_client_close(&client);
    return status;
}
