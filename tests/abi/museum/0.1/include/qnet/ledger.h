/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/ledger.yaml:
 * edit that, then `make generate`. */
#pragma once

/* ledger.h: the contract of a ledger plugin, ledger/1.
 *
 * The replicated state machine.
 *
 * State is an array of 4,032-byte pages plus indexes that can be rebuilt from it. The transaction
 * envelope (sender, nonce, fee, expiry, payload, signature) is the kernel's and already verified.
 * NO_SPACE, BUG and FATAL are local failures, never a verdict: the node stops voting and calls no
 * block invalid.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    amounts, nonces and heights are u64; sizes in bytes
 *   owns     spans and arrays are borrowed until the call returns; sinks are the caller's
 *   threads  pool: shared slots may overlap each other; an alone slot overlaps nothing of the
 *            instance
 *   cost     no lock, clock or I/O
 *   errors   outputs are as they were, the state is untouched, what was committed to a sink is
 *            rolled back
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_LEDGER
#define QN_TARGET_LEDGER 0
#endif

/* In bytes. Beyond: never. Why: a stored page must fit one page of the default storage. */
#define QN_LEDGER_PAGE_SIZE 4032

/* In transactions. Beyond: refused. Why: bounds one block. */
#define QN_LEDGER_TXS_MAX 65536

/* In bytes. Beyond: refused. Why: the envelope's limit. */
#define QN_LEDGER_PAYLOAD_MAX 1024

/* In members. Beyond: genesis refused. Why: as in consensus. */
#define QN_LEDGER_MEMBERS_MAX 4096

/* In keys. Beyond: split by the caller. Why: bounds one proof. */
#define QN_LEDGER_KEYS_MAX 1024

/* In pages. Beyond: split by the caller. Why: bounds one read. */
#define QN_LEDGER_PAGES_MAX 65536

/* In bytes. Beyond: no_space. Why: bounds one query. */
#define QN_LEDGER_ANSWER_MAX 65536

/* One verified transaction. `key_known` is set when check() once said so, or this node checked the
 * key itself; `size` is that of the whole transaction. */
struct qn_ledger_transaction {
    const uint8_t *from;
    struct qn_span payload;
    uint64_t nonce;
    uint64_t fee;
    uint64_t valid_until;
    uint32_t size;
    uint8_t kind;
    uint8_t key_known;
    uint16_t reserved;
};
QN_SIZE_IS(struct qn_ledger_transaction, 56);

/* `code` 0 ok, 1 early (its nonce is above the next), 2 stale, 3 poor, 4 wrong. `priority` orders
 * the mempool, more is sooner. `key_known`: the ledger remembers that the key is of prime order.
 * `next` is the sender's next nonce. */
struct qn_ledger_verdict {
    uint64_t priority;
    uint64_t next;
    uint32_t code;
    uint8_t key_known;
    uint8_t reserved8;
    uint16_t reserved;
};
QN_SIZE_IS(struct qn_ledger_verdict, 24);

/* What surrounds a block's transactions. Flag 1 is `build`: invalid transactions are skipped and
 * reported instead of failing the block. */
struct qn_ledger_block {
    uint64_t height;
    uint64_t window;
    uint64_t time_ms;
    const uint8_t *producer;
    uint32_t flags;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_ledger_block, 40);

enum {
    QN_LEDGER_MANIFEST_QUERIES = 18,
};

/* Field 18. A question that query() answers. */
struct qn_ledger_manifest_queries {
    uint32_t id;
    uint8_t reserved_1[4];
    struct qn_span name;
    struct qn_span doc;
};
QN_SIZE_IS(struct qn_ledger_manifest_queries, 40);

enum {
    QN_LEDGER_EFFECT_RECEIPT = 1,
    QN_LEDGER_EFFECT_SKIPPED = 2,
    QN_LEDGER_EFFECT_HAPPENED = 3,
};

/* Effect 1. The transaction at `index` was executed. */
struct qn_ledger_effect_receipt {
    uint32_t index;
    uint32_t code;
    uint64_t fee;
};
QN_SIZE_IS(struct qn_ledger_effect_receipt, 16);

/* Effect 2. Under `build` only: the transaction at `index` was left out; code as in verdict. */
struct qn_ledger_effect_skipped {
    uint32_t index;
    uint32_t code;
};
QN_SIZE_IS(struct qn_ledger_effect_skipped, 8);

/* Effect 3. Something that a service may want to know. */
struct qn_ledger_effect_happened {
    struct qn_span topic;
    struct qn_span content;
};
QN_SIZE_IS(struct qn_ledger_effect_happened, 32);

struct qn_ledger_1 {
    struct qn_head head;

    /* The first state. `record`: list of (member), list of (account key, balance u64), fee_min u64,
     * account_min u64, in record encoding. Thread: pool, alone. INVALID: not a first state. EXISTS:
     * there is a state already. */
    QN_MUST_CHECK int32_t (*genesis)(struct qn_inst *inst, uint32_t lane, struct qn_span record);

    /* For the mempool: each alone against the head state. `transactions` up to TXS_MAX. `verdicts`
     * has one for each of `transactions`. Thread: pool, shared. */
    QN_MUST_CHECK int32_t (*check)(struct qn_inst *inst, uint32_t lane,
                                   const struct qn_ledger_transaction *transactions,
                                   uint32_t transactions_count, struct qn_ledger_verdict *verdicts);

    /* Executes in order. `digest` covers all that changed, in canonical order: the header's
     * `effects`. `undo` is what undo() takes. `offenders` up to MEMBERS_MAX. `transactions` up to
     * TXS_MAX. Thread: pool, alone. INVALID: a transaction that cannot be executed; the state is
     * untouched. NO_SPACE: local limit. */
    QN_MUST_CHECK int32_t (*apply)(struct qn_inst *inst, uint32_t lane,
                                   const struct qn_ledger_block *block, const uint32_t *offenders,
                                   uint32_t offenders_count,
                                   const struct qn_ledger_transaction *transactions,
                                   uint32_t transactions_count, uint8_t *digest,
                                   struct qn_effects *out, struct qn_sink *undo);

    /* Exact inverse of the latest apply not yet undone. Thread: pool, alone. CORRUPT: not what the
     * latest apply gave. */
    QN_MUST_CHECK int32_t (*undo)(struct qn_inst *inst, uint32_t lane, struct qn_span undo);

    /* State root, asked at window ends; hashes what changed in one sorted batch and checks
     * conservation. Thread: pool, alone. CORRUPT: the amounts are not conserved. */
    QN_MUST_CHECK int32_t (*root)(struct qn_inst *inst, uint32_t lane, uint8_t *root);

    /* Inclusion or absence against the last root. `keys` up to KEYS_MAX. Thread: pool, shared.
     * NOT_FOUND: no root was asked yet. */
    QN_MUST_CHECK int32_t (*prove)(struct qn_inst *inst, uint32_t lane, const uint8_t *keys,
                                   uint32_t keys_count, struct qn_sink *proof);

    /* Pure, needs no state: for light nodes and `qnet`. Thread: pool, shared. INVALID: does not
     * prove anything about this key under this root. NOT_FOUND: proves that the key is absent. */
    QN_MUST_CHECK int32_t (*check_proof)(struct qn_inst *inst, uint32_t lane, const uint8_t *root,
                                         const uint8_t *key, struct qn_span proof,
                                         struct qn_sink *value);

    /* The validator set in its own order, place = index in votes. Binding once this state is final.
     * `members`: list of (member). Thread: pool, shared. */
    QN_MUST_CHECK int32_t (*members)(struct qn_inst *inst, uint32_t lane, struct qn_sink *members);

    /* After a window's last block: page count, and indexes changed since the last call, ascending;
     * clears the set. `changed`: page count u64, then list of (u64). Thread: pool, alone. */
    QN_MUST_CHECK int32_t (*dirty)(struct qn_inst *inst, uint32_t lane, struct qn_sink *changed);

    /* 4,032 bytes each. `indexes` up to PAGES_MAX. Thread: pool, shared. NOT_FOUND: no such
     * page. */
    QN_MUST_CHECK int32_t (*read_pages)(struct qn_inst *inst, uint32_t lane,
                                        const uint64_t *indexes, uint32_t indexes_count,
                                        struct qn_sink *pages);

    /* Start and state sync, in ascending order from page 0. After `last` the indexes are rebuilt,
     * and root() must equal the macroblock's. Thread: pool, alone. INVALID: not pages of a
     * state. */
    QN_MUST_CHECK int32_t (*load_pages)(struct qn_inst *inst, uint32_t lane, uint64_t first,
                                        struct qn_span pages, uint8_t last);

    /* Read-only questions named in the manifest. Thread: pool, shared. UNSUPPORTED: unknown
     * question. NOT_FOUND: no such thing. INVALID: not an argument of it. */
    QN_MUST_CHECK int32_t (*query)(struct qn_inst *inst, uint32_t lane, uint32_t what,
                                   struct qn_span arg, struct qn_sink *answer);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_LEDGER == 0
#define QN_LEDGER_PRINT UINT64_C(0x5cf885d5ba9d701e)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_LEDGER_1_HEAD QN_HEAD(struct qn_ledger_1, 1, QN_TARGET_LEDGER, QN_LEDGER_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_ledger_transaction_take(struct qn_reader *in,
                                              struct qn_ledger_transaction *out)
{
    memset(out, 0, sizeof *out);
    out->from = qn_reader_fixed(in, QN_KEY_SIZE);
    out->payload = qn_reader_bytes(in, QN_LEDGER_PAYLOAD_MAX);
    out->nonce = qn_reader_u64(in);
    out->fee = qn_reader_u64(in);
    out->valid_until = qn_reader_u64(in);
    out->size = qn_reader_u32(in);
    out->kind = qn_reader_u8(in);
    out->key_known = qn_reader_flag(in);
    out->reserved = qn_reader_u16(in);
}

QN_MUST_CHECK static inline int32_t qn_ledger_transaction_read(struct qn_span from,
                                                               struct qn_ledger_transaction *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_transaction it;

    qn_ledger_transaction_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_transaction_size(const struct qn_ledger_transaction *from)
{
    return 68 + from->payload.size;
}

static inline uint8_t *qn_ledger_transaction_write(const struct qn_ledger_transaction *from,
                                                   uint8_t *to)
{
    to = qn_writer_fixed(to, from->from, QN_KEY_SIZE);
    to = qn_writer_bytes(to, from->payload, QN_LEDGER_PAYLOAD_MAX);
    to = qn_writer_u64(to, from->nonce);
    to = qn_writer_u64(to, from->fee);
    to = qn_writer_u64(to, from->valid_until);
    to = qn_writer_u32(to, from->size);
    to = qn_writer_u8(to, from->kind);
    to = qn_writer_flag(to, from->key_known);
    to = qn_writer_u16(to, from->reserved);
    return to;
}

static inline struct qn_span qn_ledger_transaction_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_ledger_transaction item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_ledger_transaction_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_ledger_transaction_next(struct qn_span *rest,
                                              struct qn_ledger_transaction *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_ledger_transaction_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_ledger_verdict_take(struct qn_reader *in, struct qn_ledger_verdict *out)
{
    memset(out, 0, sizeof *out);
    out->priority = qn_reader_u64(in);
    out->next = qn_reader_u64(in);
    out->code = qn_reader_u32(in);
    out->key_known = qn_reader_flag(in);
    out->reserved8 = qn_reader_u8(in);
    out->reserved = qn_reader_u16(in);
}

QN_MUST_CHECK static inline int32_t qn_ledger_verdict_read(struct qn_span from,
                                                           struct qn_ledger_verdict *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_verdict it;

    qn_ledger_verdict_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_verdict_size(const struct qn_ledger_verdict *from)
{
    (void)from;
    return 24;
}

static inline uint8_t *qn_ledger_verdict_write(const struct qn_ledger_verdict *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->priority);
    to = qn_writer_u64(to, from->next);
    to = qn_writer_u32(to, from->code);
    to = qn_writer_flag(to, from->key_known);
    to = qn_writer_u8(to, from->reserved8);
    to = qn_writer_u16(to, from->reserved);
    return to;
}

static inline struct qn_span qn_ledger_verdict_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_ledger_verdict item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_ledger_verdict_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_ledger_verdict_next(struct qn_span *rest, struct qn_ledger_verdict *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_ledger_verdict_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_ledger_block_take(struct qn_reader *in, struct qn_ledger_block *out)
{
    memset(out, 0, sizeof *out);
    out->height = qn_reader_u64(in);
    out->window = qn_reader_u64(in);
    out->time_ms = qn_reader_u64(in);
    out->producer = qn_reader_fixed(in, QN_KEY_SIZE);
    out->flags = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_ledger_block_read(struct qn_span from,
                                                         struct qn_ledger_block *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_block it;

    qn_ledger_block_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_block_size(const struct qn_ledger_block *from)
{
    (void)from;
    return 60;
}

static inline uint8_t *qn_ledger_block_write(const struct qn_ledger_block *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->height);
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u64(to, from->time_ms);
    to = qn_writer_fixed(to, from->producer, QN_KEY_SIZE);
    to = qn_writer_u32(to, from->flags);
    return to;
}

static inline void qn_ledger_effect_receipt_take(struct qn_reader *in,
                                                 struct qn_ledger_effect_receipt *out)
{
    memset(out, 0, sizeof *out);
    out->index = qn_reader_u32(in);
    out->code = qn_reader_u32(in);
    out->fee = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_receipt_read(
    struct qn_span from, struct qn_ledger_effect_receipt *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_effect_receipt it;

    qn_ledger_effect_receipt_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_effect_receipt_size(const struct qn_ledger_effect_receipt *from)
{
    (void)from;
    return 16;
}

static inline uint8_t *qn_ledger_effect_receipt_write(const struct qn_ledger_effect_receipt *from,
                                                      uint8_t *to)
{
    to = qn_writer_u32(to, from->index);
    to = qn_writer_u32(to, from->code);
    to = qn_writer_u64(to, from->fee);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_receipt_push(
    struct qn_effects *out, const struct qn_ledger_effect_receipt *effect)
{
    uint8_t bytes[16];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_ledger_effect_receipt_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_LEDGER_EFFECT_RECEIPT, body, NULL);
}

static inline void qn_ledger_effect_skipped_take(struct qn_reader *in,
                                                 struct qn_ledger_effect_skipped *out)
{
    memset(out, 0, sizeof *out);
    out->index = qn_reader_u32(in);
    out->code = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_skipped_read(
    struct qn_span from, struct qn_ledger_effect_skipped *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_effect_skipped it;

    qn_ledger_effect_skipped_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_effect_skipped_size(const struct qn_ledger_effect_skipped *from)
{
    (void)from;
    return 8;
}

static inline uint8_t *qn_ledger_effect_skipped_write(const struct qn_ledger_effect_skipped *from,
                                                      uint8_t *to)
{
    to = qn_writer_u32(to, from->index);
    to = qn_writer_u32(to, from->code);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_skipped_push(
    struct qn_effects *out, const struct qn_ledger_effect_skipped *effect)
{
    uint8_t bytes[8];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_ledger_effect_skipped_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_LEDGER_EFFECT_SKIPPED, body, NULL);
}

static inline void qn_ledger_effect_happened_take(struct qn_reader *in,
                                                  struct qn_ledger_effect_happened *out)
{
    memset(out, 0, sizeof *out);
    out->topic = qn_reader_text(in, 32);
    out->content = qn_reader_bytes(in, 1024);
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_happened_read(
    struct qn_span from, struct qn_ledger_effect_happened *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_effect_happened it;

    qn_ledger_effect_happened_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_effect_happened_size(const struct qn_ledger_effect_happened *from)
{
    return 8 + from->topic.size + from->content.size;
}

static inline uint8_t *qn_ledger_effect_happened_write(const struct qn_ledger_effect_happened *from,
                                                       uint8_t *to)
{
    to = qn_writer_text(to, from->topic, 32);
    to = qn_writer_bytes(to, from->content, 1024);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_ledger_effect_happened_push(
    struct qn_effects *out, const struct qn_ledger_effect_happened *effect)
{
    uint8_t bytes[1064];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_ledger_effect_happened_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_LEDGER_EFFECT_HAPPENED, body, NULL);
}

static inline void qn_ledger_manifest_queries_take(struct qn_reader *in,
                                                   struct qn_ledger_manifest_queries *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_u32(in);
    out->name = qn_reader_text(in, 32);
    out->doc = qn_reader_text(in, 120);
}

QN_MUST_CHECK static inline int32_t qn_ledger_manifest_queries_read(
    struct qn_span from, struct qn_ledger_manifest_queries *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_ledger_manifest_queries it;

    qn_ledger_manifest_queries_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_ledger_manifest_queries_size(
    const struct qn_ledger_manifest_queries *from)
{
    return 12 + from->name.size + from->doc.size;
}

static inline uint8_t *qn_ledger_manifest_queries_write(
    const struct qn_ledger_manifest_queries *from, uint8_t *to)
{
    to = qn_writer_u32(to, from->id);
    to = qn_writer_text(to, from->name, 32);
    to = qn_writer_text(to, from->doc, 120);
    return to;
}
