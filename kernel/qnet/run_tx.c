/* SPDX-License-Identifier: MIT */

/* run_tx.c: transfers, from the making to the finality, and accounts. */

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/decimal.h"
#include "kernel/base/hex.h"
#include "kernel/chain/tx.h"
#include "kernel/qnet/account.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum {
    VALID_BLOCKS = 1000, /* above the head, unless something else is asked for */
    POLL_MS = 200,
    TX_HEX = QNK_HEX_SIZE(QNK_TX_USER_SIZE_MAX),
    PIECE_TXS = 4096, /* that are submitted at once, and their bytes: what a node takes */
    PIECE_BYTES = 512 << 10,
};

/* A transfer and where it goes. */
struct transfer {
    struct qnk_hash from, to, chain_id;
    uint64_t amount, fee, nonce, valid_until;
    uint8_t bytes[QNK_TX_TRANSFER_SIZE];
};

static bool amount_read(const char *option, const char *text, uint64_t *amount)
{
    if (text == NULL) {
        fprintf(stderr, "qnet: --%s is missing\n", option);
        return false;
    }
    if (qnk_decimal_decode(text, amount) != QN_OK) {
        fprintf(stderr, "qnet: --%s: \"%s\" is no amount: digits and at most nine decimals\n",
                option, text);
        return false;
    }
    return true;
}

/* What the node knows and the call leaves open. */
static int facts_fill(struct qnk_client *client, const struct qnk_call *call, struct transfer *it,
                      bool has_nonce)
{
    char address[QNK_BECH32M_KEY_SIZE];
    int status;
    json_t *node = qnk_client_ask(client, "node", NULL, &status);
    json_t *state = node == NULL ? NULL : qnk_client_ask(client, "status", NULL, &status);
    json_t *account = NULL;

    if (state != NULL && qnk_at(state, "head") == NULL) {
        fprintf(stderr, "qnet: the node is still starting\n");
        status = QNK_CLI_NOT_READY;
    } else if (state != NULL && !has_nonce) {
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, it->from.bytes, address);
        account =
            qnk_client_ask(client, "account", json_pack("{s:s}", "address", address), &status);
        it->nonce = qnk_number(account, "nonce");
    }
    if (status == QNK_CLI_OK) {
        if (qnk_hex_decode(qnk_string(node, "chain_id"), QN_HASH_SIZE, it->chain_id.bytes) !=
            QN_OK) {
            status = QNK_CLI_FAILED;
        }
        if (qnk_call_text(call, "fee") == NULL) {
            it->fee = qnk_number(node, "fee_min");
        }
        if (it->valid_until == 0) {
            it->valid_until = qnk_number(state, "head.height") + VALID_BLOCKS;
        }
    }
    json_decref(account);
    json_decref(state);
    json_decref(node);
    return status;
}

static void transfer_encode(struct transfer *it)
{
    struct qnk_transfer payload = {.to = it->to, .amount = it->amount};
    uint8_t bytes[40];
    struct qnk_tx tx = {
        .payload = {bytes, sizeof bytes},
        .from = it->from.bytes,
        .nonce = it->nonce,
        .valid_until = it->valid_until,
        .fee = it->fee,
        .kind = QNK_TX_TRANSFER,
    };

    qnk_transfer_encode(&payload, bytes);
    qnk_tx_encode(&tx, it->bytes);
}

/* Signs whole bytes of a transaction in place. */
static bool tx_sign(uint8_t *bytes, uint64_t size, const struct qnk_hash *chain_id,
                    const struct qnk_key *key)
{
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    struct qnk_tx tx;

    if (qnk_tx_decode((struct qn_span){bytes, size}, &tx) != QN_OK) {
        fprintf(stderr, "qnet: not a transaction\n  qnet tx make\n");
        return false;
    }
    if (memcmp(tx.from, key->public.bytes, QN_KEY_SIZE) != 0) {
        fprintf(stderr, "qnet: the transaction is of another account than the key\n");
        return false;
    }

    uint32_t message_size = qnk_tx_message(&tx, chain_id, message);

    (void)crypto_sign_seed_keypair(public, secret, key->seed);
    (void)crypto_sign_detached(bytes + size - QN_SIG_SIZE, NULL, message, message_size, secret);
    sodium_memzero(secret, sizeof secret);
    return true;
}

/* --- waiting --- */

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static bool is_so_far(const char *state, const char *wanted)
{
    return strcmp(state, "final") == 0 ||
           (strcmp(wanted, "micro") == 0 && strcmp(state, "included") == 0);
}

/* Waits until the transaction is as far as wanted; `*place` is then where it is. */
static int wait_for(struct qnk_client *client, const char *id, const char *wanted, uint64_t seconds,
                    json_t **place)
{
    uint64_t end_ms = now_ms() + seconds * 1000;
    char state[16] = "nowhere";

    for (;;) {
        int status;
        json_t *error;
        json_t *answer =
            qnk_client_try(client, "tx", json_pack("{s:s}", "id", id), &status, &error);

        if (status == QNK_CLI_REFUSED) {
            fprintf(stderr, "qnet: %s\n", qnk_string(error, "message"));
            json_decref(error);
            return status;
        }
        json_decref(error);
        if (answer != NULL && is_so_far(qnk_string(answer, "state"), wanted)) {
            *place = answer;
            return QNK_CLI_OK;
        }
        snprintf(state, sizeof state, "%s",
                 answer == NULL ? "nowhere" : qnk_string(answer, "state"));
        json_decref(answer);
        if (status == QNK_CLI_UNREACHABLE) {
            fprintf(stderr, "qnet: the node hung up\n");
            return status;
        }
        if (now_ms() >= end_ms) {
            fprintf(stderr, "qnet: time ran out; the transaction is %s\n", state);
            return QNK_CLI_TIMEOUT;
        }
        rest();
    }
}

static void place_show(const json_t *it)
{
    printf("%s  %s", qnk_string(it, "id"), qnk_string(it, "state"));
    if (qnk_at(it, "height") != NULL && strcmp(qnk_string(it, "state"), "waiting") != 0) {
        printf("  micro %llu, number %llu", (unsigned long long)qnk_number(it, "height"),
               (unsigned long long)qnk_number(it, "index"));
    }
    if (qnk_at(it, "window") != NULL) {
        printf("  macro %llu", (unsigned long long)qnk_number(it, "window"));
    }
    printf("\n");
}

/* Waits if the call wants that, and shows where the transaction is; for JSON it is added to the
 * verdict. */
static int wait_and_show(struct qnk_client *client, const struct qnk_call *call, json_t *verdict)
{
    const char *wanted = qnk_call_text(call, "wait");
    json_t *place = NULL;
    int status;

    if (wanted == NULL) {
        return QNK_CLI_OK;
    }
    status = wait_for(client, qnk_string(verdict, "id"), wanted, qnk_call_number(call, "timeout"),
                      &place);
    if (place != NULL && call->json) {
        json_object_set(verdict, "place", place);
    } else if (place != NULL) {
        place_show(place);
    }
    json_decref(place);
    return status;
}

/* --- submitting --- */

/* Shows each verdict. QNK_CLI_FAILED: one was refused. */
static int verdicts_show(const struct qnk_call *call, const json_t *answer)
{
    int status = QNK_CLI_OK;
    size_t i;
    json_t *it;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(answer, "txs"), i, it)
    {
        bool is_accepted = qnk_is_true(it, "accepted");

        if (!is_accepted) {
            status = QNK_CLI_FAILED;
        }
        if (!call->json && (!call->quiet || !is_accepted)) {
            fprintf(is_accepted ? stdout : stderr, "%s  %s\n", qnk_string(it, "id"),
                    qnk_string(it, "words"));
        }
    }
    (void)fflush(stdout);
    return status;
}

/* Any number of transactions, on their way to the node piece by piece. */
struct submission {
    struct qnk_client *client;
    const struct qnk_call *call;
    json_t *piece;       /* hex of those that are not sent yet */
    uint64_t piece_size; /* their bytes */
    uint64_t count;      /* of all so far */
    json_t *verdicts;    /* {"txs": [...]} of those that are sent, if the call wants them later */
    int status;          /* QNK_CLI_FAILED: one was refused, and the others go on */
    bool is_over;        /* they do not */
};

static void submission_begin(struct submission *it, struct qnk_client *client,
                             const struct qnk_call *call)
{
    *it = (struct submission){.client = client, .call = call, .piece = json_array()};
    it->verdicts = json_pack("{s:[]}", "txs");
}

/* Sends the piece and shows its verdicts. */
static void piece_send(struct submission *it)
{
    const struct qnk_call *call = it->call;
    int status;
    json_t *answer =
        qnk_client_ask(it->client, "tx.submit", json_pack("{s:o}", "txs", it->piece), &status);

    it->piece = json_array();
    it->piece_size = 0;
    if (answer == NULL) {
        it->status = status;
        it->is_over = true;
    } else if (verdicts_show(call, answer) != QNK_CLI_OK) {
        it->status = QNK_CLI_FAILED;
    }
    if (call->json || qnk_call_text(call, "wait") != NULL) {
        json_array_extend(json_object_get(it->verdicts, "txs"), json_object_get(answer, "txs"));
    }
    json_decref(answer);
}

static bool is_tx(const char *text)
{
    static uint8_t bytes[QNK_TX_USER_SIZE_MAX];
    size_t digits = strlen(text);
    struct qnk_tx tx;

    return digits % 2 == 0 && digits <= 2 * sizeof bytes &&
           qnk_hex_decode(text, digits / 2, bytes) == QN_OK &&
           qnk_tx_decode((struct qn_span){bytes, digits / 2}, &tx) == QN_OK;
}

/* One more, in hex. After one that is none nothing more is sent. */
static void tx_add(struct submission *it, const char *text)
{
    uint64_t size = strlen(text) / 2;

    it->count++;
    if (!is_tx(text)) {
        fprintf(stderr, "qnet: number %llu is no transaction\n  qnet tx make\n",
                (unsigned long long)it->count);
        it->status = QNK_CLI_USAGE;
        it->is_over = true;
        return;
    }
    if (it->piece_size + size > PIECE_BYTES || json_array_size(it->piece) == PIECE_TXS) {
        piece_send(it);
    }
    if (!it->is_over) {
        json_array_append_new(it->piece, json_string(text));
        it->piece_size += size;
    }
}

/* Sends what is left, waits for all if the call wants that, and says how it went. */
static int submission_end(struct submission *it)
{
    size_t i;
    json_t *verdict;

    if (!it->is_over && json_array_size(it->piece) > 0) {
        piece_send(it);
    }
    json_array_foreach(json_object_get(it->verdicts, "txs"), i, verdict)
    {
        if (it->status == QNK_CLI_OK) {
            it->status = wait_and_show(it->client, it->call, verdict);
        }
    }
    if (it->call->json && json_array_size(json_object_get(it->verdicts, "txs")) > 0) {
        qnk_json_print(it->verdicts);
    }
    json_decref(it->verdicts);
    json_decref(it->piece);
    return it->status;
}

static int submit_one(struct qnk_client *client, const struct qnk_call *call, const uint8_t *bytes,
                      uint64_t size)
{
    struct submission submission;
    char text[TX_HEX];

    qnk_hex_encode(bytes, size, text);
    submission_begin(&submission, client, call);
    tx_add(&submission, text);
    return submission_end(&submission);
}

static int transfer_send(struct qnk_client *client, const struct qnk_call *call,
                         struct transfer *it, const struct qnk_key *key)
{
    char to[QNK_BECH32M_KEY_SIZE], amount[QNK_DECIMAL_SIZE], fee[QNK_DECIMAL_SIZE];

    transfer_encode(it);
    if (!tx_sign(it->bytes, sizeof it->bytes, &it->chain_id, key)) {
        return QNK_CLI_FAILED;
    }
    if (qnk_call_flag(call, "dry-run")) {
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, it->to.bytes, to);
        qnk_decimal_encode(it->amount, amount);
        qnk_decimal_encode(it->fee, fee);
        if (call->json) {
            json_t *would = json_pack("{s:b, s:s, s:s, s:s, s:I, s:I}", "dry_run", 1, "to", to,
                                      "amount", amount, "fee", fee, "nonce", (json_int_t)it->nonce,
                                      "valid_until", (json_int_t)it->valid_until);

            qnk_json_print(would);
            json_decref(would);
            return QNK_CLI_OK;
        }
        printf("would send %s QNC to %s, fee %s, nonce %llu, valid until micro %llu\n", amount, to,
               fee, (unsigned long long)it->nonce, (unsigned long long)it->valid_until);
        return QNK_CLI_OK;
    }
    return submit_one(client, call, it->bytes, sizeof it->bytes);
}

static bool is_given(const struct qnk_call *call, const char *option)
{
    if (qnk_call_text(call, option) == NULL) {
        fprintf(stderr, "qnet: --%s is missing\n  qnet %s -h\n", option, call->command->path);
        return false;
    }
    return true;
}

/* Amount and fee of the call's options. */
static bool sums_read(const struct qnk_call *call, struct transfer *it)
{
    return amount_read("amount", qnk_call_text(call, "amount"), &it->amount) &&
           (qnk_call_text(call, "fee") == NULL ||
            amount_read("fee", qnk_call_text(call, "fee"), &it->fee));
}

int qnk_run_tx_send(struct qnk_call *call)
{
    struct transfer it = {.amount = 0};
    struct qnk_client client;
    struct qnk_key key = {0};
    int status;

    if (!is_given(call, "from") || !is_given(call, "to") || !sums_read(call, &it) ||
        sodium_init() < 0) {
        return QNK_CLI_USAGE;
    }
    status = qnk_client_open(&client, call);
    if (status == QNK_CLI_OK) {
        status = QNK_CLI_FAILED;
        if (qnk_account_key(&client, qnk_call_text(call, "from"), &key) &&
            qnk_account_public(&client, qnk_call_text(call, "to"), &it.to)) {
            it.from = key.public;
            status = facts_fill(&client, call, &it, false);
            status = status == QNK_CLI_OK ? transfer_send(&client, call, &it, &key) : status;
        }
        qnk_key_done(&key);
    }
    qnk_client_close(&client);
    return status;
}

static void hex_print(const struct qnk_call *call, const uint8_t *bytes, uint64_t size)
{
    char text[TX_HEX];

    qnk_hex_encode(bytes, size, text);
    if (call->json) {
        json_t *it = json_pack("{s:s}", "tx", text);

        qnk_json_print(it);
        json_decref(it);
    } else {
        printf("%s\n", text);
    }
}

int qnk_run_tx_make(struct qnk_call *call)
{
    bool is_offline = qnk_call_given(call, "nonce") && qnk_call_given(call, "valid-until") &&
                      qnk_call_given(call, "fee");
    struct transfer it = {.nonce = qnk_call_number(call, "nonce"),
                          .valid_until = qnk_call_number(call, "valid-until")};
    struct qnk_client client = {.fd = -1};
    int status = QNK_CLI_OK;

    if (!is_given(call, "from") || !is_given(call, "to") || !sums_read(call, &it) ||
        sodium_init() < 0) {
        return QNK_CLI_USAGE;
    }
    if (!is_offline) {
        status = qnk_client_open(&client, call);
    }
    if (status == QNK_CLI_OK) {
        struct qnk_client *asked = is_offline ? NULL : &client;

        status = qnk_account_public(asked, qnk_call_text(call, "from"), &it.from) &&
                         qnk_account_public(asked, qnk_call_text(call, "to"), &it.to)
                     ? QNK_CLI_OK
                     : QNK_CLI_FAILED;
    }
    if (status == QNK_CLI_OK && !is_offline) {
        status = facts_fill(&client, call, &it, qnk_call_given(call, "nonce"));
    }
    if (status == QNK_CLI_OK) {
        transfer_encode(&it);
        hex_print(call, it.bytes, sizeof it.bytes);
    }
    qnk_client_close(&client);
    return status;
}

/* Reads hex of a transaction; its size, or 0 after words on stderr. */
static uint64_t hex_read(const char *text, uint8_t bytes[QNK_TX_USER_SIZE_MAX])
{
    size_t digits = strlen(text);

    if (digits < 2 * QNK_TX_SIZE_MIN || digits > 2 * QNK_TX_USER_SIZE_MAX || digits % 2 != 0 ||
        qnk_hex_decode(text, digits / 2, bytes) != QN_OK) {
        fprintf(stderr, "qnet: not a transaction in hex: '%.20s%s'\n", text,
                digits > 20 ? "..." : "");
        return 0;
    }
    return digits / 2;
}

static int chain_id_find(struct qnk_client *client, const struct qnk_call *call,
                         struct qnk_hash *chain_id)
{
    const char *given = qnk_call_text(call, "chain");
    int status = QNK_CLI_OK;
    json_t *node = given == NULL ? qnk_client_ask(client, "node", NULL, &status) : NULL;
    const char *text = given == NULL ? qnk_string(node, "chain_id") : given;

    if (status == QNK_CLI_OK && qnk_hex_decode(text, QN_HASH_SIZE, chain_id->bytes) != QN_OK) {
        fprintf(stderr, "qnet: --chain: not 64 hex digits\n");
        status = QNK_CLI_USAGE;
    }
    json_decref(node);
    return status;
}

int qnk_run_tx_sign(struct qnk_call *call)
{
    uint8_t bytes[QNK_TX_USER_SIZE_MAX];
    uint64_t size = hex_read(call->operands[0], bytes);
    struct qnk_client client = {.fd = -1};
    struct qnk_key key = {0};
    struct qnk_hash chain_id;
    int status = QNK_CLI_OK;

    if (size == 0 || !is_given(call, "key") || sodium_init() < 0) {
        return QNK_CLI_USAGE;
    }
    if (qnk_call_text(call, "chain") == NULL) {
        status = qnk_client_open(&client, call);
    }
    if (status == QNK_CLI_OK) {
        status = chain_id_find(&client, call, &chain_id);
    }
    if (status == QNK_CLI_OK) {
        status =
            qnk_account_key(client.fd < 0 ? NULL : &client, qnk_call_text(call, "key"), &key) &&
                    tx_sign(bytes, size, &chain_id, &key)
                ? QNK_CLI_OK
                : QNK_CLI_FAILED;
        qnk_key_done(&key);
    }
    if (status == QNK_CLI_OK) {
        hex_print(call, bytes, size);
    }
    qnk_client_close(&client);
    return status;
}

/* Lines of standard input. */
static void lines_add(struct submission *submission)
{
    static char line[TX_HEX + 2]; /* the start of a line that is longer is no transaction */

    while (!submission->is_over && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] != 0) {
            tx_add(submission, line);
        }
    }
}

int qnk_run_tx_submit(struct qnk_call *call)
{
    struct submission submission;
    struct qnk_client client;
    int status = qnk_client_open(&client, call);

    if (status == QNK_CLI_OK) {
        submission_begin(&submission, &client, call);
        for (uint32_t i = 0; i < call->operands_count && !submission.is_over; i++) {
            if (strcmp(call->operands[i], "-") == 0) {
                lines_add(&submission);
            } else {
                tx_add(&submission, call->operands[i]);
            }
        }
        status = submission_end(&submission);
        if (submission.count == 0) {
            fprintf(stderr, "qnet: no transaction was given\n");
            status = QNK_CLI_USAGE;
        }
    }
    qnk_client_close(&client);
    return status;
}

static int show_answer(const struct qnk_call *call, json_t *answer, int status,
                       void (*show)(const json_t *answer))
{
    if (answer != NULL && call->json) {
        qnk_json_print(answer);
    } else if (answer != NULL) {
        show(answer);
    }
    json_decref(answer);
    return status;
}

static void tx_show(const json_t *it)
{
    place_show(it);
    printf("  from %s\n  to   %s\n  %s QNC, fee %s, nonce %s\n", qnk_string(it, "from"),
           qnk_string(it, "to"), qnk_qnc(qnk_string(it, "amount")), qnk_qnc(qnk_string(it, "fee")),
           qnk_string(it, "nonce"));
}

int qnk_run_tx_get(struct qnk_call *call)
{
    int status;
    json_t *answer = qnk_ask_once(call, "tx", json_pack("{s:s}", "id", call->operands[0]), &status);

    return show_answer(call, answer, status, tx_show);
}

int qnk_run_tx_wait(struct qnk_call *call)
{
    struct qnk_client client;
    json_t *place = NULL;
    int status = qnk_client_open(&client, call);

    if (status == QNK_CLI_OK) {
        status = wait_for(&client, call->operands[0], qnk_call_text(call, "for"),
                          qnk_call_number(call, "timeout"), &place);
    }
    qnk_client_close(&client);
    return show_answer(call, place, status, place_show);
}

static void account_print(const json_t *it)
{
    printf("%s\n  balance %s QNC   next nonce %s   at micro %s\n", qnk_string(it, "address"),
           qnk_qnc(qnk_string(it, "balance")), qnk_string(it, "nonce"),
           qnk_grouped(qnk_number(it, "head")));
}

int qnk_run_account_show(struct qnk_call *call)
{
    char address[QNK_BECH32M_KEY_SIZE];
    struct qnk_client client;
    struct qnk_hash public;
    json_t *answer = NULL;
    int status = qnk_client_open(&client, call);

    if (status == QNK_CLI_OK) {
        status = QNK_CLI_USAGE;
        if (sodium_init() >= 0 && qnk_account_public(&client, call->operands[0], &public)) {
            qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, public.bytes, address);
            answer =
                qnk_client_ask(&client, "account", json_pack("{s:s}", "address", address), &status);
        }
    }
    qnk_client_close(&client);
    return show_answer(call, answer, status, account_print);
}
