/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/load.h"

#include <sodium.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/base/random.h"
#include "kernel/chain/tx.h"
#include "kernel/node/job.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/show.h"

enum {
    BATCH_MAX = 200,  /* transfers of one call */
    CALLS_MAX = 8,    /* under way to one node */
    PER_ACCOUNT = 60, /* that are not final; a mempool keeps 64 of a sender */
    ACCOUNTS_MIN = 10,
    FINAL_S = 30,                                    /* by which nearly all are final */
    LOAD_ACCOUNTS = QNK_DEV_ACCOUNTS - QNK_DEV_KEYS, /* the first are for people */
    TABLE = 1 << 21, /* places; the load ends by itself when three quarters are taken */
};

enum state { STATE_NEW, STATE_SENT, STATE_REFUSED, STATE_ACCEPTED, STATE_FINAL };

struct transfer {
    struct qnk_hash id;
    uint64_t sent_ms;
    uint32_t account;
    uint8_t state; /* enum state */
    bool is_used;
    uint8_t *bytes; /* QNK_TX_TRANSFER_SIZE; NULL once it is final */
};

struct account {
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint64_t nonce; /* of the next transfer */
    uint32_t waiting;
    bool has_nonce;
    bool is_asking;
};

struct qnk_load {
    struct qnk_load_setup setup;
    uint32_t accounts_count;
    struct account *accounts;
    struct transfer *table; /* open addressing by id */
    uint64_t used;          /* places of it */
    struct qnk_random random;
    struct qnk_load_counts counts;
    uint64_t start_ms, due; /* transfers that should have been made since */
    uint64_t retry_at;      /* place of the table that is looked at next */
    uint64_t head;
    uint64_t now_ms;
    bool is_stopped;
};

/* --- the table --- */

static struct transfer *place_of(struct qnk_load *load, const struct qnk_hash *id)
{
    uint64_t at = qn_le64_read(id->bytes) & (TABLE - 1);

    while (load->table[at].is_used && !qnk_hash_equal(&load->table[at].id, id)) {
        at = (at + 1) & (TABLE - 1);
    }
    return &load->table[at];
}

/* --- sending --- */

static uint32_t link_of(const struct qnk_load *load, uint32_t account)
{
    for (uint32_t i = 0; i < load->setup.links_count; i++) {
        uint32_t at = (account + i) % load->setup.links_count;

        if (load->setup.links[at]->is_up) {
            return at;
        }
    }
    return account % load->setup.links_count;
}

static void tell(const struct qnk_load *load, enum qnk_load_what what, uint32_t link,
                 const struct qnk_hash *id)
{
    if (load->setup.told != NULL) {
        load->setup.told(load->setup.ctx, what, link, id);
    }
}

/* What a node says that has no room now or is behind: the same bytes may be taken later. */
static bool is_for_now(const struct qnk_load *load, const struct transfer *it, uint64_t code)
{
    if (code == QNK_TX_EXPIRED) { /* or, says one that is far behind, valid for too long */
        struct qnk_tx tx;
        int32_t status = qnk_tx_decode((struct qn_span){it->bytes, QNK_TX_TRANSFER_SIZE}, &tx);

        QN_ASSERT(status == QN_OK);
        return tx.valid_until > load->head;
    }
    return code == QNK_TX_EARLY || code == QNK_TX_POOR || code == QNK_TX_FULL;
}

static void verdict_take(struct qnk_load *load, const json_t *verdict)
{
    struct transfer *it;
    struct qnk_hash id;

    if (qnk_hex_decode(qnk_string(verdict, "id"), QN_HASH_SIZE, id.bytes) != QN_OK) {
        return;
    }
    it = place_of(load, &id);
    if (!it->is_used || it->state != STATE_SENT) {
        return;
    }
    if (qnk_is_true(verdict, "accepted")) {
        it->state = STATE_ACCEPTED;
        load->counts.accepted++;
        tell(load, QNK_LOAD_ACCEPTED, 0, &id);
    } else if (!is_for_now(load, it, qnk_number(verdict, "code"))) {
        /* Its nonce is taken: by itself, if an answer was lost, or by what an earlier run left. The
         * account goes on with the next one. No nonce is ever signed twice, whatever a node that
         * is behind says is next: of two transfers that nodes accepted one would be lost. */
        it->state = STATE_REFUSED;
        load->counts.refused++;
        tell(load, QNK_LOAD_REFUSED, 0, &id);
        load->accounts[it->account].waiting--;
    }
}

static void submitted(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_load *load = ctx;
    size_t i;
    json_t *verdict;

    (void)tag;
    json_array_foreach((json_t *)(uintptr_t)qnk_at(answer, "txs"), i, verdict)
    {
        verdict_take(load, verdict);
    }
}

/* Transfers on their way to the nodes, a list for each. */
struct batches {
    json_t *list[QNK_DEV_NODES_MAX];
};

static void batch_send(struct qnk_load *load, struct batches *batches, uint32_t link)
{
    if (batches->list[link] != NULL) {
        (void)qnk_link_ask(load->setup.links[link], "tx.submit",
                           json_pack("{s:o}", "txs", batches->list[link]), submitted, load, link);
        batches->list[link] = NULL;
    }
}

static void batch_add(struct qnk_load *load, struct batches *batches, struct transfer *it)
{
    uint32_t link = link_of(load, it->account);
    char text[QNK_HEX_SIZE(QNK_TX_TRANSFER_SIZE)];

    qnk_hex_encode(it->bytes, QNK_TX_TRANSFER_SIZE, text);
    if (batches->list[link] == NULL) {
        batches->list[link] = json_array();
    }
    json_array_append_new(batches->list[link], json_string(text));
    it->sent_ms = load->now_ms;
    tell(load, QNK_LOAD_SENT, link, &it->id);
    it->state = it->state == STATE_NEW ? STATE_SENT : it->state;
    if (json_array_size(batches->list[link]) == BATCH_MAX) {
        batch_send(load, batches, link);
    }
}

/* --- making --- */

static void nonce_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_load *load = ctx;
    struct account *account = &load->accounts[tag];

    account->is_asking = false;
    if (answer != NULL && !account->has_nonce) {
        account->nonce = qnk_number(answer, "nonce");
        account->has_nonce = true;
    }
}

static void nonce_ask(struct qnk_load *load, uint32_t index)
{
    struct account *account = &load->accounts[index];
    char address[QNK_BECH32M_KEY_SIZE];
    uint32_t link = link_of(load, index);

    if (!account->is_asking && load->setup.links[link]->calls_count < CALLS_MAX) {
        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, account->public, address);
        account->is_asking =
            qnk_link_ask(load->setup.links[link], "account", json_pack("{s:s}", "address", address),
                         nonce_came, load, index);
    }
}

/* Signs the account's next transfer and remembers it. */
static struct transfer *transfer_make(struct qnk_load *load, uint32_t index)
{
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    struct account *account = &load->accounts[index];
    uint32_t to =
        (index + 1 + (uint32_t)(qnk_random_u64(&load->random) % (load->accounts_count - 1))) %
        load->accounts_count;
    struct qnk_transfer transfer = {.amount = 1 + qnk_random_u64(&load->random) % 1000000};
    uint8_t payload[40], bytes[QNK_TX_TRANSFER_SIZE];
    struct qnk_tx tx = {
        .payload = {payload, sizeof payload},
        .from = account->public,
        .nonce = account->nonce,
        .valid_until = load->head + QNK_LOAD_VALID_BLOCKS,
        .fee = load->setup.fee,
        .kind = QNK_TX_TRANSFER,
    };
    struct transfer *it;
    struct qnk_hash id;

    memcpy(transfer.to.bytes, load->accounts[to].public, QN_KEY_SIZE);
    qnk_transfer_encode(&transfer, payload);
    qnk_tx_encode(&tx, bytes);
    tx.bytes = (struct qn_span){bytes, sizeof bytes};

    uint32_t size = qnk_tx_message(&tx, &load->setup.chain_id, message);

    (void)crypto_sign_detached(bytes + sizeof bytes - QN_SIG_SIZE, NULL, message, size,
                               account->secret);
    qnk_tx_id(&tx, &id);
    it = place_of(load, &id);
    *it = (struct transfer){.id = id, .account = index, .state = STATE_NEW, .is_used = true};
    it->bytes = qnk_memory_take(&qnk_client_budget, sizeof bytes);
    QN_ASSERT(it->bytes != NULL);
    memcpy(it->bytes, bytes, sizeof bytes);
    account->nonce++;
    account->waiting++;
    load->used++;
    load->counts.made++;
    return it;
}

/* An account that may send one more, or UINT32_MAX. */
static uint32_t account_find(struct qnk_load *load)
{
    uint32_t first = (uint32_t)(qnk_random_u64(&load->random) % load->accounts_count);

    for (uint32_t i = 0; i < load->accounts_count; i++) {
        uint32_t at = (first + i) % load->accounts_count;
        struct account *account = &load->accounts[at];

        if (!account->has_nonce) {
            nonce_ask(load, at);
        } else if (account->waiting < PER_ACCOUNT &&
                   load->setup.links[link_of(load, at)]->calls_count < CALLS_MAX) {
            return at;
        }
    }
    return UINT32_MAX;
}

static void make_some(struct qnk_load *load, struct batches *batches)
{
    uint64_t wanted = load->setup.rate * (load->now_ms - load->start_ms) / 1000;

    while (load->due < wanted && load->used < TABLE / 4 * 3) {
        uint32_t account = account_find(load);

        if (account == UINT32_MAX) {
            load->counts.held_back += wanted - load->due;
            load->due = wanted;
            return;
        }
        batch_add(load, batches, transfer_make(load, account));
        load->due++;
    }
}

/* Looks at a part of the table for what has waited too long, in the order of the table. */
static void send_again(struct qnk_load *load, struct batches *batches)
{
    for (uint32_t i = 0; i < TABLE / 32; i++) {
        struct transfer *it = &load->table[load->retry_at];

        load->retry_at = (load->retry_at + 1) & (TABLE - 1);
        if (it->is_used && it->state != STATE_FINAL && it->state != STATE_REFUSED &&
            load->now_ms - it->sent_ms > QNK_LOAD_RETRY_MS) {
            batch_add(load, batches, it);
            load->counts.sent_again++;
        }
    }
}

void qnk_load_tick(struct qnk_load *load, uint64_t now_ms, uint64_t head)
{
    struct batches batches = {{NULL}};

    if (load->start_ms == 0) {
        load->start_ms = now_ms;
    }
    load->now_ms = now_ms;
    load->head = head;
    if (!load->is_stopped) {
        make_some(load, &batches);
    }
    send_again(load, &batches);
    for (uint32_t i = 0; i < load->setup.links_count; i++) {
        batch_send(load, &batches, i);
    }
}

void qnk_load_stop(struct qnk_load *load)
{
    load->is_stopped = true;
}

/* --- counting --- */

static void final_take(struct qnk_load *load, const char *text)
{
    struct transfer *it;
    struct qnk_hash id;

    if (text == NULL || qnk_hex_decode(text, QN_HASH_SIZE, id.bytes) != QN_OK) {
        return;
    }
    it = place_of(load, &id);
    if (!it->is_used) {
        load->counts.strange++;
    } else if (it->state == STATE_FINAL) {
        load->counts.doubled++;
    } else {
        if (it->state == STATE_REFUSED) { /* it was in a block already when it was sent again */
            load->counts.refused--;
        } else {
            load->accounts[it->account].waiting--;
        }
        load->counts.accepted += it->state < STATE_ACCEPTED; /* its answer was lost */
        it->state = STATE_FINAL;
        qnk_memory_give(&qnk_client_budget, it->bytes, QNK_TX_TRANSFER_SIZE);
        it->bytes = NULL;
        load->counts.final++;
    }
}

void qnk_load_final(struct qnk_load *load, const json_t *ids)
{
    size_t i;
    json_t *id;

    json_array_foreach((json_t *)(uintptr_t)ids, i, id)
    {
        final_take(load, json_string_value(id));
    }
}

bool qnk_load_is_done(const struct qnk_load *load)
{
    return load->counts.final + load->counts.refused == load->counts.made;
}

struct qnk_load_counts qnk_load_counts(const struct qnk_load *load)
{
    return load->counts;
}

/* --- life --- */

static uint32_t accounts_for(uint64_t rate)
{
    /* At most PER_ACCOUNT are not final, which takes a window, a vote and a share of bad luck. */
    uint64_t wanted = rate * FINAL_S / PER_ACCOUNT + 1;

    wanted = wanted < ACCOUNTS_MIN ? ACCOUNTS_MIN : wanted;
    return wanted > LOAD_ACCOUNTS ? LOAD_ACCOUNTS : (uint32_t)wanted;
}

struct qnk_load *qnk_load_create(const struct qnk_load_setup *setup)
{
    struct qnk_load *load = qnk_memory_take(&qnk_client_budget, sizeof *load);
    uint32_t accounts = accounts_for(setup->rate);

    if (load != NULL) {
        load->accounts = qnk_memory_take(&qnk_client_budget, accounts * sizeof *load->accounts);
        load->table = qnk_memory_take(&qnk_client_budget, (size_t)TABLE * sizeof *load->table);
    }
    if (load == NULL || load->accounts == NULL || load->table == NULL) {
        fprintf(stderr, "qnet: no memory for the load\n");
        return NULL;
    }
    load->setup = *setup;
    load->accounts_count = accounts;
    qnk_random_init(&load->random, setup->seed);
    for (uint32_t i = 0; i < accounts; i++) {
        uint8_t account_seed[32];

        qnk_dev_account(setup->dev, QNK_DEV_KEYS + i, account_seed);
        (void)crypto_sign_seed_keypair(load->accounts[i].public, load->accounts[i].secret,
                                       account_seed);
    }
    return load;
}

void qnk_load_destroy(struct qnk_load *load)
{
    if (load == NULL) {
        return;
    }
    for (uint64_t i = 0; i < TABLE; i++) {
        qnk_memory_give(&qnk_client_budget, load->table[i].bytes, QNK_TX_TRANSFER_SIZE);
    }
    qnk_memory_give(&qnk_client_budget, load->accounts,
                    load->accounts_count * sizeof *load->accounts);
    qnk_memory_give(&qnk_client_budget, load->table, (size_t)TABLE * sizeof *load->table);
    qnk_memory_give(&qnk_client_budget, load, sizeof *load);
}
