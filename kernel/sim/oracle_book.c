/* SPDX-License-Identifier: MIT */

/* oracle_book.c: C1: a second book of all amounts, kept from the transfers on the final chain alone
 * and compared with what the ledger says at window ends. It knows that a transfer moves an amount,
 * that its fee goes to the pool, and that each sender's nonces go up by one: so a transaction that
 * is final twice is seen here too. */

#include <qnet/ledger.h>

#include "kernel/sim/oracle_own.h"

enum {
    SLOT_SIZE = 64, /* docs/ledger-accounts.md: key 32, balance u64, nonce u64, ... */
    TOTALS_SIZE = 7 * 8,
    ANSWER_CAP = QN_LEDGER_ANSWER_MAX,
    LANE = 0,
};

struct account {
    struct qnk_hash key;
    uint64_t balance;
    uint64_t nonce; /* next */
};

struct totals {
    uint64_t issued, burnt, fees, accounts;
};

struct qnk_oracle_book {
    struct qnk_index *index;
    struct account *accounts;
    uint32_t count, room;
    bool is_over; /* there were more accounts than the book has room for */
    uint64_t issued, fees;
};

/* --- what the ledger says --- */

static bool ask_totals(struct qnk_oracle *oracle, struct qnk_plugged ledger, struct totals *totals)
{
    const struct qn_ledger_1 *slots = ledger.table;
    struct qn_sink answer;
    bool is_there;

    qnk_sink_init(&answer, oracle->budget, ANSWER_CAP);
    is_there = slots->query(ledger.inst, LANE, oracle->query_totals, (struct qn_span){NULL, 0},
                            &answer) == QN_OK &&
               answer.size == TOTALS_SIZE;
    if (is_there) {
        *totals = (struct totals){
            .issued = qn_le64_read(answer.data),
            .burnt = qn_le64_read(answer.data + 8),
            .fees = qn_le64_read(answer.data + 16),
            .accounts = qn_le64_read(answer.data + 24),
        };
    }
    qnk_sink_done(&answer);
    return is_there;
}

/* Some of the ledger's slots from `first` on; none at the end. */
static bool ask_accounts(struct qnk_oracle *oracle, struct qnk_plugged ledger, uint64_t first,
                         struct qn_sink *answer)
{
    const struct qn_ledger_1 *slots = ledger.table;
    uint8_t arg[8];

    qn_le64_write(arg, first);
    qnk_sink_cut(answer, 0);
    return slots->query(ledger.inst, LANE, oracle->query_accounts,
                        (struct qn_span){arg, sizeof arg}, answer) == QN_OK &&
           answer->size % SLOT_SIZE == 0;
}

/* --- the book --- */

static struct account *account_find(const struct qnk_oracle_book *book, const struct qnk_hash *key)
{
    uint32_t place = qnk_index_find(book->index, key);

    return place == QNK_INDEX_NONE ? NULL : &book->accounts[place];
}

static struct account *account_open(struct qnk_oracle *oracle, const struct qnk_hash *key)
{
    struct qnk_oracle_book *book = oracle->book;
    struct account *account = account_find(book, key);

    if (account != NULL) {
        return account;
    }
    if (book->count == QNK_ORACLE_ACCOUNTS_MAX) {
        book->is_over = true;
        return NULL;
    }
    book->accounts =
        qnk_oracle_grow(oracle, book->accounts, book->count, &book->room, sizeof *book->accounts);
    account = &book->accounts[book->count];
    *account = (struct account){.key = *key};
    qnk_index_put(book->index, key, book->count++);
    return account;
}

/* Calls `visit` for each account of the ledger; false: it does not answer. */
typedef void on_slot(struct qnk_oracle *oracle, const uint8_t *slot, void *ctx);

static bool slots_walk(struct qnk_oracle *oracle, struct qnk_plugged ledger, on_slot *visit,
                       void *ctx, uint64_t *count)
{
    struct qn_sink answer;
    bool is_answered = true;

    *count = 0;
    qnk_sink_init(&answer, oracle->budget, ANSWER_CAP);
    do {
        is_answered = ask_accounts(oracle, ledger, *count, &answer);
        for (uint64_t at = 0; is_answered && at < answer.size; at += SLOT_SIZE) {
            visit(oracle, answer.data + at, ctx);
        }
        *count += is_answered ? answer.size / SLOT_SIZE : 0;
    } while (is_answered && answer.size > 0);
    qnk_sink_done(&answer);
    return is_answered;
}

static void slot_take(struct qnk_oracle *oracle, const uint8_t *slot, void *ctx)
{
    struct qnk_hash key;
    struct account *account;

    (void)ctx;
    memcpy(key.bytes, slot, sizeof key.bytes);
    account = account_open(oracle, &key);
    if (account != NULL) {
        account->balance = qn_le64_read(slot + 32);
        account->nonce = qn_le64_read(slot + 40);
    }
}

struct qnk_oracle_book *qnk_oracle_book_create(struct qnk_oracle *oracle, struct qnk_plugged ledger)
{
    struct qnk_oracle_book *book;
    struct totals totals;
    uint64_t count;

    if (!ask_totals(oracle, ledger, &totals)) {
        return NULL;
    }
    book = qnk_oracle_take(oracle, sizeof *book);
    book->index = qnk_index_create(oracle->budget, QNK_ORACLE_ACCOUNTS_MAX, 1);
    QN_ASSERT(book->index != NULL);
    book->issued = totals.issued;
    book->fees = totals.fees;
    oracle->book = book;
    if (!slots_walk(oracle, ledger, slot_take, NULL, &count)) {
        qnk_oracle_book_destroy(oracle);
        return NULL;
    }
    return book;
}

void qnk_oracle_book_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_book *book = oracle->book;

    if (book == NULL) {
        return;
    }
    qnk_index_destroy(book->index);
    qnk_memory_give(oracle->budget, book->accounts, book->room * sizeof *book->accounts);
    qnk_memory_give(oracle->budget, book, sizeof *book);
    oracle->book = NULL;
}

bool qnk_oracle_book_nonce(const struct qnk_oracle *oracle, const struct qnk_hash *from,
                           uint64_t *nonce)
{
    const struct account *account = oracle->book == NULL ? NULL : account_find(oracle->book, from);

    if (account != NULL) {
        *nonce = account->nonce;
    }
    return account != NULL;
}

void qnk_oracle_book_tx(struct qnk_oracle *oracle, const struct qnk_tx *tx)
{
    struct qnk_oracle_book *book = oracle->book;
    struct qnk_transfer transfer;
    struct qnk_hash key;
    struct account *from, *to;

    if (book == NULL || book->is_over) {
        return;
    }
    memcpy(key.bytes, tx->from, sizeof key.bytes);
    from = account_find(book, &key);
    if (from == NULL || tx->kind != QNK_TX_TRANSFER ||
        qnk_transfer_decode(tx->payload, &transfer) != QN_OK) {
        qnk_oracle_break(oracle, QNK_ORACLE_C1, QNK_ORACLE_NOBODY,
                         "a final transaction is no transfer of an account's");
        return;
    }
    if (tx->nonce != from->nonce) {
        qnk_oracle_break(oracle, QNK_ORACLE_S4, QNK_ORACLE_NOBODY,
                         "nonce %llu is final where %llu is the next: twice, or out of order",
                         (unsigned long long)tx->nonce, (unsigned long long)from->nonce);
    }
    if (from->balance < tx->fee || from->balance - tx->fee < transfer.amount) {
        qnk_oracle_break(oracle, QNK_ORACLE_C1, QNK_ORACLE_NOBODY,
                         "a final transfer takes more than there is");
    }
    from->nonce = tx->nonce + 1;
    from->balance -= tx->fee + transfer.amount;
    book->fees += tx->fee;
    to = account_open(oracle, &transfer.to); /* which may move `from` */
    if (to != NULL) {
        to->balance += transfer.amount;
    }
}

/* --- comparing --- */

static void slot_compare(struct qnk_oracle *oracle, const uint8_t *slot, void *ctx)
{
    uint64_t *sum = ctx;
    struct qnk_hash key;
    const struct account *account;

    memcpy(key.bytes, slot, sizeof key.bytes);
    account = account_find(oracle->book, &key);
    *sum += qn_le64_read(slot + 32);
    if (account == NULL || account->balance != qn_le64_read(slot + 32) ||
        account->nonce != qn_le64_read(slot + 40)) {
        qnk_oracle_break(oracle, QNK_ORACLE_C1, QNK_ORACLE_NOBODY,
                         "account %02x%02x: the ledger has %llu, nonce %llu; the transfers give "
                         "%llu, nonce %llu",
                         slot[0], slot[1], (unsigned long long)qn_le64_read(slot + 32),
                         (unsigned long long)qn_le64_read(slot + 40),
                         (unsigned long long)(account == NULL ? 0 : account->balance),
                         (unsigned long long)(account == NULL ? 0 : account->nonce));
    }
}

void qnk_oracle_book_compare(struct qnk_oracle *oracle, struct qnk_plugged ledger, uint64_t window)
{
    struct qnk_oracle_book *book = oracle->book;
    struct totals totals;
    uint64_t sum = 0;
    uint64_t count;

    if (book == NULL || book->is_over || window % oracle->books_every != 0) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_C1);
    if (!ask_totals(oracle, ledger, &totals) ||
        !slots_walk(oracle, ledger, slot_compare, &sum, &count)) {
        qnk_oracle_break(oracle, QNK_ORACLE_C1, QNK_ORACLE_NOBODY, "the ledger does not answer");
        return;
    }
    if (totals.issued != book->issued || totals.fees != book->fees ||
        sum + totals.fees + totals.burnt != book->issued || count != book->count) {
        qnk_oracle_break(oracle, QNK_ORACLE_C1, QNK_ORACLE_NOBODY,
                         "window %llu: balances %llu, fees %llu, burnt %llu are not the %llu of "
                         "genesis",
                         (unsigned long long)window, (unsigned long long)sum,
                         (unsigned long long)totals.fees, (unsigned long long)totals.burnt,
                         (unsigned long long)book->issued);
    }
}
