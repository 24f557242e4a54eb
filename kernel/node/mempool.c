/* SPDX-License-Identifier: MIT */

#include "kernel/node/mempool.h"

#include <qnet/assert.h>

#include "kernel/base/index.h"

/* Bytes lie in chunks of a few sizes, cut from blocks that are taken as needed and kept. */
enum {
    CLASSES = 4,
    BLOCK_SIZE = 256 << 10,
    BLOCKS_MAX = 8192,
};
static const uint16_t class_size[CLASSES] = {192, 320, 640, 1152};
_Static_assert(QNK_TX_USER_SIZE_MAX <= 1152, "the largest class holds the largest transaction");

#define NONE UINT32_MAX

struct entry {
    struct qnk_hash id;
    uint64_t nonce;
    uint64_t fee;
    uint64_t valid_until;
    uint64_t priority;
    uint64_t worth; /* what it may soon bring: see worth_after() */
    uint64_t arrival_us;
    uint64_t seq; /* order of arrival */
    uint8_t *bytes;
    uint32_t size;
    uint32_t sender;
    uint32_t after;  /* the next of its run; of a free entry: the next free one */
    uint32_t before; /* in its run */
    uint32_t heap;   /* its place in the heap */
    bool key_known;
};

struct sender {
    struct qnk_hash key;
    uint64_t next; /* nonce that the ledger wants, as far as we know */
    uint32_t first, last;
    uint32_t count;  /* 0: free, and `first` is the next free one */
    uint32_t cursor; /* in pick: the entry that comes next */
    bool held;       /* its first one was refused: wait until the ledger was asked again */
};

struct qnk_mempool {
    struct qnk_budget *budget;
    struct qnk_mempool_limits limits;
    struct qnk_mempool_stats stats;
    struct qnk_index *ids;
    struct qnk_index *keys;
    struct entry *entries;
    struct sender *senders;
    uint32_t *heap;  /* entries, least priority first */
    uint32_t *order; /* scratch of pick: senders, best first one first */
    uint32_t free_entry, free_sender;
    uint32_t entries_used, senders_used; /* how many were ever handed out */
    uint32_t walk;                       /* where pick_waiting goes on */
    uint64_t chunk_bytes;                /* of the chunks that are in use */
    uint64_t seq;
    uint8_t *chunks[CLASSES]; /* free chunks, linked through their first bytes */
    uint8_t *blocks[BLOCKS_MAX];
    uint32_t blocks_count;
};

/* --- chunks --- */

static uint32_t class_of(uint32_t size)
{
    uint32_t class = 0;

    while (class_size[class] < size) {
        class ++;
    }
    return class;
}

static uint32_t chunk_size(uint32_t size)
{
    return class_size[class_of(size)];
}

static bool chunks_grow(struct qnk_mempool *pool, uint32_t class)
{
    uint64_t bytes_max = pool->limits.bytes + (uint64_t)CLASSES * BLOCK_SIZE;

    if (pool->blocks_count == BLOCKS_MAX ||
        ((uint64_t)pool->blocks_count + 1) * BLOCK_SIZE > bytes_max) {
        return false;
    }

    uint8_t *block = qnk_memory_take(pool->budget, BLOCK_SIZE);

    if (block == NULL) {
        return false;
    }
    pool->blocks[pool->blocks_count++] = block;
    for (uint32_t at = 0; at + class_size[class] <= BLOCK_SIZE; at += class_size[class]) {
        memcpy(block + at, &pool->chunks[class], sizeof pool->chunks[class]);
        pool->chunks[class] = block + at;
    }
    return true;
}

static bool has_chunk(struct qnk_mempool *pool, uint32_t size)
{
    uint32_t class = class_of(size);

    return pool->chunks[class] != NULL || chunks_grow(pool, class);
}

static uint8_t *chunk_take(struct qnk_mempool *pool, uint32_t size)
{
    uint32_t class = class_of(size);

    if (!has_chunk(pool, size)) {
        return NULL;
    }

    uint8_t *chunk = pool->chunks[class];

    memcpy(&pool->chunks[class], chunk, sizeof pool->chunks[class]);
    pool->chunk_bytes += class_size[class];
    return chunk;
}

static void chunk_give(struct qnk_mempool *pool, uint8_t *chunk, uint32_t size)
{
    uint32_t class = class_of(size);

    memcpy(chunk, &pool->chunks[class], sizeof pool->chunks[class]);
    pool->chunks[class] = chunk;
    pool->chunk_bytes -= class_size[class];
}

/* --- the heap of all entries, least worth first --- */

static bool is_worth_less(const struct qnk_mempool *pool, uint32_t a, uint32_t b)
{
    const struct entry *left = &pool->entries[a];
    const struct entry *right = &pool->entries[b];

    return left->worth != right->worth ? left->worth < right->worth : left->seq > right->seq;
}

static void heap_set(struct qnk_mempool *pool, uint32_t place, uint32_t entry)
{
    pool->heap[place] = entry;
    pool->entries[entry].heap = place;
}

static void heap_sift(struct qnk_mempool *pool, uint32_t place)
{
    uint32_t entry = pool->heap[place];

    while (place > 0 && is_worth_less(pool, entry, pool->heap[(place - 1) / 2])) {
        heap_set(pool, place, pool->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < pool->stats.txs &&
            is_worth_less(pool, pool->heap[child + 1], pool->heap[child])) {
            child++;
        }
        if (child >= pool->stats.txs || !is_worth_less(pool, pool->heap[child], entry)) {
            break;
        }
        heap_set(pool, place, pool->heap[child]);
        place = child;
    }
    heap_set(pool, place, entry);
}

/* --- what a run is worth --- */

/* A fee is only claimed until a block takes it: an entry is worth no more than what has to be
 * executed before it, and behind a hole, or while its sender's first one is held, it is worth
 * nothing. Or else fees that nobody can pay would push out all others. `before` comes before it in
 * its run, or NONE. */
static uint64_t worth_after(const struct qnk_mempool *pool, const struct sender *sender,
                            uint32_t before, uint64_t nonce, uint64_t priority)
{
    const struct entry *last = before == NONE ? NULL : &pool->entries[before];
    uint64_t expected = last == NULL ? sender->next : last->nonce + 1;

    if (sender->held || nonce != expected) {
        return 0;
    }
    return last != NULL && last->worth < priority ? last->worth : priority;
}

static void worth_set(struct qnk_mempool *pool, struct entry *entry, uint64_t worth)
{
    pool->stats.ready -= entry->worth > 0;
    pool->stats.ready += worth > 0;
    entry->worth = worth;
}

/* After a change of a run before `at`, or at it. Where one keeps its worth, so do all behind it. */
static void run_rate(struct qnk_mempool *pool, const struct sender *sender, uint32_t at)
{
    while (at != NONE) {
        struct entry *entry = &pool->entries[at];
        uint64_t worth = worth_after(pool, sender, entry->before, entry->nonce, entry->priority);

        if (worth == entry->worth) {
            return;
        }
        worth_set(pool, entry, worth);
        heap_sift(pool, entry->heap);
        at = entry->after;
    }
}

/* --- entries and senders --- */

static uint32_t sender_find(const struct qnk_mempool *pool, const uint8_t *from)
{
    struct qnk_hash key;

    memcpy(key.bytes, from, QN_KEY_SIZE);
    return qnk_index_find(pool->keys, &key);
}

static uint32_t sender_take(struct qnk_mempool *pool, const uint8_t *from)
{
    uint32_t place = pool->free_sender;

    if (place != NONE) {
        pool->free_sender = pool->senders[place].first;
    } else if (pool->senders_used < pool->limits.senders) {
        place = pool->senders_used++;
    } else {
        return NONE;
    }

    struct sender *sender = &pool->senders[place];

    *sender = (struct sender){.first = NONE, .last = NONE};
    memcpy(sender->key.bytes, from, QN_KEY_SIZE);
    qnk_index_put(pool->keys, &sender->key, place);
    pool->stats.senders++;
    return place;
}

static void sender_give(struct qnk_mempool *pool, uint32_t place)
{
    struct sender *sender = &pool->senders[place];

    QN_ASSERT(sender->count == 0);
    (void)qnk_index_erase(pool->keys, &sender->key);
    sender->first = pool->free_sender;
    pool->free_sender = place;
    pool->stats.senders--;
}

/* Takes one entry out of run, heap and index. Its sender stays, even without any. */
static void entry_drop(struct qnk_mempool *pool, uint32_t place)
{
    struct entry *entry = &pool->entries[place];
    struct sender *sender = &pool->senders[entry->sender];

    *(entry->before == NONE ? &sender->first : &pool->entries[entry->before].after) = entry->after;
    *(entry->after == NONE ? &sender->last : &pool->entries[entry->after].before) = entry->before;
    sender->count--;

    uint32_t hole = entry->heap;
    uint32_t moved = pool->heap[--pool->stats.txs];

    if (hole < pool->stats.txs) {
        heap_set(pool, hole, moved);
        heap_sift(pool, hole);
    }
    worth_set(pool, entry, 0);
    (void)qnk_index_erase(pool->ids, &entry->id);
    chunk_give(pool, entry->bytes, entry->size);
    pool->stats.bytes -= entry->size;
    entry->after = pool->free_entry;
    pool->free_entry = place;
}

static void entry_remove(struct qnk_mempool *pool, uint32_t place)
{
    uint32_t sender = pool->entries[place].sender, after = pool->entries[place].after;

    entry_drop(pool, place);
    if (pool->senders[sender].count == 0) {
        sender_give(pool, sender);
    } else {
        run_rate(pool, &pool->senders[sender], after);
    }
}

/* Drops an entry and those of its run that cannot be executed without it. */
static void run_cut(struct qnk_mempool *pool, uint32_t place)
{
    uint32_t sender = pool->entries[place].sender;

    for (uint32_t last = pool->senders[sender].last; last != place;
         last = pool->senders[sender].last) {
        entry_drop(pool, last);
        pool->stats.evicted++;
    }
    entry_remove(pool, place);
    pool->stats.evicted++;
}

/* --- life --- */

struct qnk_mempool *qnk_mempool_create(struct qnk_budget *budget,
                                       const struct qnk_mempool_limits *limits, uint64_t seed)
{
    struct qnk_mempool *pool = qnk_memory_take(budget, sizeof *pool);

    QN_ASSERT(limits->txs > 0 && limits->senders > 0);
    if (pool == NULL) {
        return NULL;
    }
    pool->budget = budget;
    pool->limits = *limits;
    pool->free_entry = pool->free_sender = NONE;
    pool->ids = qnk_index_create(budget, limits->txs, seed);
    pool->keys = qnk_index_create(budget, limits->senders, seed + 1);
    pool->entries = qnk_memory_take(budget, limits->txs * sizeof *pool->entries);
    pool->heap = qnk_memory_take(budget, limits->txs * sizeof *pool->heap);
    pool->senders = qnk_memory_take(budget, limits->senders * sizeof *pool->senders);
    pool->order = qnk_memory_take(budget, limits->senders * sizeof *pool->order);
    if (pool->ids == NULL || pool->keys == NULL || pool->entries == NULL || pool->heap == NULL ||
        pool->senders == NULL || pool->order == NULL) {
        qnk_mempool_destroy(pool);
        return NULL;
    }
    return pool;
}

void qnk_mempool_destroy(struct qnk_mempool *pool)
{
    if (pool == NULL) {
        return;
    }

    const struct qnk_mempool_limits *limits = &pool->limits;

    for (uint32_t i = 0; i < pool->blocks_count; i++) {
        qnk_memory_give(pool->budget, pool->blocks[i], BLOCK_SIZE);
    }
    qnk_memory_give(pool->budget, pool->order, limits->senders * sizeof *pool->order);
    qnk_memory_give(pool->budget, pool->senders, limits->senders * sizeof *pool->senders);
    qnk_memory_give(pool->budget, pool->heap, limits->txs * sizeof *pool->heap);
    qnk_memory_give(pool->budget, pool->entries, limits->txs * sizeof *pool->entries);
    if (pool->keys != NULL) {
        qnk_index_destroy(pool->keys);
    }
    if (pool->ids != NULL) {
        qnk_index_destroy(pool->ids);
    }
    qnk_memory_give(pool->budget, pool, sizeof *pool);
}

struct qnk_mempool_stats qnk_mempool_stats(const struct qnk_mempool *pool)
{
    return pool->stats;
}

/* --- adding --- */

/* Where a nonce belongs in a run: the last entry with a nonce not above it, or NONE. */
static uint32_t run_place(const struct qnk_mempool *pool, const struct sender *sender,
                          uint64_t nonce)
{
    uint32_t place = sender->last;

    while (place != NONE && pool->entries[place].nonce > nonce) {
        place = pool->entries[place].before;
    }
    return place;
}

/* Whether `fee` is enough to take the place of `entry`, of the same nonce. */
static bool is_raise(const struct entry *entry, uint64_t fee)
{
    uint64_t raise = entry->fee / 1000 * QNK_MEMPOOL_RAISE_PERMILLE +
                     entry->fee % 1000 * QNK_MEMPOOL_RAISE_PERMILLE / 1000;

    return fee > entry->fee && fee - entry->fee >= raise;
}

static bool is_full(const struct qnk_mempool *pool, uint32_t size, bool is_new_sender)
{
    return pool->stats.txs == pool->limits.txs ||
           pool->chunk_bytes + chunk_size(size) > pool->limits.bytes ||
           (is_new_sender && pool->stats.senders == pool->limits.senders);
}

/* Makes room for a newcomer that is worth so much, if that is more than what has to go: the least
 * of all with what hangs on it; if there are too many senders, the whole run that it is in. */
static bool make_room(struct qnk_mempool *pool, uint32_t size, uint64_t worth, bool is_new_sender)
{
    while (is_full(pool, size, is_new_sender)) {
        uint32_t least = pool->stats.txs == 0 ? NONE : pool->heap[0];

        if (least != NONE && is_new_sender && pool->stats.senders == pool->limits.senders) {
            least = pool->senders[pool->entries[least].sender].first;
        }
        if (least == NONE || pool->entries[least].worth >= worth) {
            return false;
        }
        run_cut(pool, least);
    }
    return true;
}

static void run_insert(struct qnk_mempool *pool, uint32_t place, uint32_t before)
{
    struct entry *entry = &pool->entries[place];
    struct sender *sender = &pool->senders[entry->sender];

    entry->before = before;
    entry->after = before == NONE ? sender->first : pool->entries[before].after;
    *(before == NONE ? &sender->first : &pool->entries[before].after) = place;
    *(entry->after == NONE ? &sender->last : &pool->entries[entry->after].before) = place;
    sender->count++;
}

static uint32_t entry_take(struct qnk_mempool *pool)
{
    uint32_t place = pool->free_entry;

    if (place != NONE) {
        pool->free_entry = pool->entries[place].after;
        return place;
    }
    QN_ASSERT(pool->entries_used < pool->limits.txs);
    return pool->entries_used++;
}

/* Puts a newcomer, for which there is room, into its run. */
static uint32_t entry_add(struct qnk_mempool *pool, const struct qnk_tx *tx,
                          const struct qnk_hash *id, const struct qnk_tx_verdict *verdict,
                          uint64_t now_us)
{
    uint32_t size = (uint32_t)tx->bytes.size;
    uint8_t *bytes = chunk_take(pool, size);

    if (bytes == NULL) {
        return QNK_TX_FULL;
    }

    uint32_t sender = sender_find(pool, tx->from);

    if (sender == QNK_INDEX_NONE) {
        sender = sender_take(pool, tx->from);
        if (sender == NONE) {
            chunk_give(pool, bytes, size);
            return QNK_TX_FULL;
        }
        pool->senders[sender].next = verdict->next;
    }

    uint32_t place = entry_take(pool);
    struct entry *entry = &pool->entries[place];

    memcpy(bytes, tx->bytes.data, size);
    *entry = (struct entry){
        .id = *id,
        .nonce = tx->nonce,
        .fee = tx->fee,
        .valid_until = tx->valid_until,
        .priority = verdict->priority,
        .arrival_us = now_us,
        .seq = pool->seq++,
        .bytes = bytes,
        .size = size,
        .sender = sender,
        .key_known = verdict->key_known,
    };
    run_insert(pool, place, run_place(pool, &pool->senders[sender], tx->nonce));
    qnk_index_put(pool->ids, id, place);
    pool->stats.bytes += size;
    heap_set(pool, pool->stats.txs++, place);
    heap_sift(pool, pool->stats.txs - 1);
    run_rate(pool, &pool->senders[sender], place);
    return QNK_TX_OK;
}

/* Takes the place of the one with the same nonce, which goes only if the newcomer finds room. */
static uint32_t replace(struct qnk_mempool *pool, uint32_t place, const struct qnk_tx *tx)
{
    const struct entry *entry = &pool->entries[place];
    uint32_t freed = chunk_size(entry->size), wanted = chunk_size((uint32_t)tx->bytes.size);

    if (!is_raise(entry, tx->fee)) {
        return QNK_TX_UNDERPRICED;
    }
    if (pool->chunk_bytes - freed + wanted > pool->limits.bytes ||
        (freed != wanted && !has_chunk(pool, wanted))) {
        return QNK_TX_FULL;
    }
    entry_remove(pool, place);
    pool->stats.replaced++;
    return QNK_TX_OK;
}

/* What its sender's run says of a newcomer: OK, or why it is not taken. */
static uint32_t run_admit(struct qnk_mempool *pool, struct sender *sender, const struct qnk_tx *tx,
                          uint64_t next)
{
    uint32_t same = run_place(pool, sender, tx->nonce);

    if (next > sender->next) {
        sender->next = next;
        sender->held = false;
        run_rate(pool, sender, sender->first);
    }
    if (tx->nonce < sender->next) {
        return QNK_TX_STALE;
    }
    if (same != NONE && pool->entries[same].nonce == tx->nonce) {
        return replace(pool, same, tx);
    }
    return sender->count < QNK_MEMPOOL_RUN_BACK ? QNK_TX_OK : QNK_TX_EARLY;
}

/* What a newcomer is worth. `sender` is NULL if it would be the first of its run. */
static uint64_t worth_of(const struct qnk_mempool *pool, const struct sender *sender,
                         const struct qnk_tx *tx, const struct qnk_tx_verdict *verdict)
{
    if (sender == NULL) {
        return tx->nonce == verdict->next ? verdict->priority : 0;
    }
    return worth_after(pool, sender, run_place(pool, sender, tx->nonce), tx->nonce,
                       verdict->priority);
}

static uint32_t add(struct qnk_mempool *pool, const struct qnk_tx *tx, const struct qnk_hash *id,
                    const struct qnk_tx_verdict *verdict, bool is_back, uint64_t now_us)
{
    QN_ASSERT(!qnk_tx_is_kernel(tx));
    if (qnk_index_find(pool->ids, id) != QNK_INDEX_NONE) {
        return QNK_TX_KNOWN;
    }
    if (tx->nonce < verdict->next) {
        return QNK_TX_STALE;
    }
    if (!is_back && tx->nonce - verdict->next >= QNK_MEMPOOL_RUN) {
        return QNK_TX_EARLY;
    }

    uint32_t place = sender_find(pool, tx->from);

    if (place != QNK_INDEX_NONE) {
        uint32_t code = run_admit(pool, &pool->senders[place], tx, verdict->next);

        if (code != QNK_TX_OK) {
            return code;
        }
        place = sender_find(pool, tx->from); /* it may have been replaced, and been the only one */
    }

    const struct sender *sender = place == QNK_INDEX_NONE ? NULL : &pool->senders[place];
    uint64_t worth = worth_of(pool, sender, tx, verdict);

    if (!make_room(pool, (uint32_t)tx->bytes.size, worth, sender == NULL)) {
        return QNK_TX_FULL;
    }
    return entry_add(pool, tx, id, verdict, now_us);
}

uint32_t qnk_mempool_add(struct qnk_mempool *pool, const struct qnk_tx *tx,
                         const struct qnk_hash *id, const struct qnk_tx_verdict *verdict,
                         uint64_t now_us)
{
    QN_ASSERT(verdict->code == QNK_TX_OK || verdict->code == QNK_TX_EARLY);
    return add(pool, tx, id, verdict, false, now_us);
}

uint32_t qnk_mempool_take_back(struct qnk_mempool *pool, const struct qnk_tx *tx,
                               const struct qnk_hash *id, const struct qnk_tx_verdict *verdict,
                               uint64_t now_us)
{
    uint32_t code = add(pool, tx, id, verdict, true, now_us);

    if (code == QNK_TX_OK && verdict->code == QNK_TX_POOR) {
        qnk_mempool_refused(pool, id, QNK_TX_POOR); /* its run is held */
    }
    return code;
}

/* --- asking --- */

struct qn_span qnk_mempool_find(const struct qnk_mempool *pool, const struct qnk_hash *id)
{
    uint32_t place = qnk_index_find(pool->ids, id);

    if (place == QNK_INDEX_NONE) {
        return (struct qn_span){NULL, 0};
    }
    return (struct qn_span){pool->entries[place].bytes, pool->entries[place].size};
}

/* --- what blocks and the ledger say --- */

void qnk_mempool_included(struct qnk_mempool *pool, const uint8_t *from, uint64_t nonce)
{
    uint32_t place = sender_find(pool, from);

    if (place == QNK_INDEX_NONE) {
        return;
    }

    struct sender *sender = &pool->senders[place];

    sender->next = nonce + 1;
    sender->held = false;
    while (sender->count > 0 && pool->entries[sender->first].nonce <= nonce) {
        entry_drop(pool, sender->first);
    }
    if (sender->count == 0) {
        sender_give(pool, place);
    } else {
        run_rate(pool, sender, sender->first);
    }
}

void qnk_mempool_undone(struct qnk_mempool *pool, const uint8_t *from, uint64_t nonce)
{
    uint32_t place = sender_find(pool, from);

    if (place != QNK_INDEX_NONE && nonce < pool->senders[place].next) {
        pool->senders[place].next = nonce;
        pool->senders[place].held = false;
        run_rate(pool, &pool->senders[place], pool->senders[place].first);
    }
}

void qnk_mempool_refused(struct qnk_mempool *pool, const struct qnk_hash *id, uint32_t code)
{
    uint32_t place = qnk_index_find(pool->ids, id);

    if (place == QNK_INDEX_NONE) {
        return;
    }
    if (code == QNK_TX_STALE || code == QNK_TX_WRONG) {
        entry_remove(pool, place);
    } else {
        struct sender *sender = &pool->senders[pool->entries[place].sender];

        sender->held = true;
        run_rate(pool, sender, sender->first);
    }
}

void qnk_mempool_refresh(struct qnk_mempool *pool, const struct qnk_hash *id,
                         const struct qnk_tx_verdict *verdict)
{
    uint32_t place = qnk_index_find(pool->ids, id);

    if (place == QNK_INDEX_NONE) {
        return;
    }
    if (verdict->code == QNK_TX_STALE || verdict->code == QNK_TX_WRONG) {
        entry_remove(pool, place);
        return;
    }

    struct sender *sender = &pool->senders[pool->entries[place].sender];

    sender->next = verdict->next;
    sender->held = verdict->code != QNK_TX_OK;
    run_rate(pool, sender, sender->first);
}

void qnk_mempool_expire(struct qnk_mempool *pool, uint64_t height)
{
    uint64_t oldest_us = UINT64_MAX;

    for (uint32_t i = 0; i < pool->senders_used; i++) {
        uint32_t after;

        for (uint32_t at = pool->senders[i].count > 0 ? pool->senders[i].first : NONE; at != NONE;
             at = after) {
            const struct entry *entry = &pool->entries[at];

            after = entry->after;
            if (entry->valid_until < height) {
                entry_remove(pool, at);
                pool->stats.expired++;
            } else if (entry->arrival_us < oldest_us) {
                oldest_us = entry->arrival_us;
            }
        }
    }
    pool->stats.oldest_us = pool->stats.txs == 0 ? 0 : oldest_us;
}

struct qn_buf *qnk_mempool_rows(const struct qnk_mempool *pool)
{
    struct qn_buf *rows = qnk_buf_new(pool->budget, pool->stats.bytes);
    uint64_t at = 0;

    for (uint32_t i = 0; rows != NULL && i < pool->senders_used; i++) {
        const struct sender *sender = &pool->senders[i];

        for (uint32_t entry = sender->count > 0 ? sender->first : NONE; entry != NONE;
             entry = pool->entries[entry].after) {
            memcpy(rows->data + at, pool->entries[entry].bytes, pool->entries[entry].size);
            at += pool->entries[entry].size;
        }
    }
    QN_ASSERT(rows == NULL || at == rows->size);
    return rows;
}

uint32_t qnk_mempool_ids(const struct qnk_mempool *pool, uint32_t ids_max, uint8_t *to)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->senders_used; i++) {
        const struct sender *sender = &pool->senders[i];

        for (uint32_t entry = sender->count > 0 ? sender->first : NONE;
             entry != NONE && count < ids_max; entry = pool->entries[entry].after) {
            memcpy(to + (uint64_t)count++ * QN_HASH_SIZE, pool->entries[entry].id.bytes,
                   QN_HASH_SIZE);
        }
    }
    return count;
}

/* --- picking --- */

static bool is_better_sender(const struct qnk_mempool *pool, uint32_t a, uint32_t b)
{
    const struct entry *left = &pool->entries[pool->senders[a].cursor];
    const struct entry *right = &pool->entries[pool->senders[b].cursor];

    return left->priority != right->priority ? left->priority > right->priority
                                             : left->seq < right->seq;
}

static void order_sift_down(struct qnk_mempool *pool, uint32_t place, uint32_t count)
{
    uint32_t sender = pool->order[place];

    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < count &&
            is_better_sender(pool, pool->order[child + 1], pool->order[child])) {
            child++;
        }
        if (child >= count || !is_better_sender(pool, pool->order[child], sender)) {
            break;
        }
        pool->order[place] = pool->order[child];
        place = child;
    }
    pool->order[place] = sender;
}

/* Senders whose run can go on now, as a heap with the best one first. Gives how many. */
static uint32_t order_make(struct qnk_mempool *pool)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->senders_used; i++) {
        struct sender *sender = &pool->senders[i];

        if (sender->count > 0 && !sender->held &&
            pool->entries[sender->first].nonce == sender->next) {
            sender->cursor = sender->first;
            pool->order[count++] = i;
        }
    }
    for (uint32_t i = count / 2; i-- > 0;) {
        order_sift_down(pool, i, count);
    }
    return count;
}

/* Moves the best sender's cursor to its next entry; gives how many senders are left. */
static uint32_t order_step(struct qnk_mempool *pool, uint32_t count)
{
    struct sender *sender = &pool->senders[pool->order[0]];
    const struct entry *entry = &pool->entries[sender->cursor];
    uint32_t after = entry->after;

    if (after != NONE && pool->entries[after].nonce == entry->nonce + 1) {
        sender->cursor = after;
    } else {
        pool->order[0] = pool->order[--count];
    }
    if (count > 0) {
        order_sift_down(pool, 0, count);
    }
    return count;
}

static bool job_room(struct qnk_mempool *pool, struct qnk_job *job, uint32_t txs, uint64_t bytes)
{
    job->buf = qnk_buf_new(pool->budget, bytes);
    return job->buf != NULL && qnk_job_refs(job, txs);
}

static void job_add(struct qnk_job *job, const struct entry *entry, uint64_t *at)
{
    memcpy(job->buf->data + *at, entry->bytes, entry->size);
    job->refs[job->refs_count++] = (struct qnk_tx_ref){
        .id = entry->id,
        .buf = qnk_buf_ref(job->buf),
        .offset = (uint32_t)*at,
        .size = entry->size,
    };
    *at += entry->size;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool qnk_mempool_pick(struct qnk_mempool *pool, uint32_t txs_max, uint32_t bytes_max,
                      struct qnk_job *job)
{
    uint32_t txs = (uint32_t)smaller(txs_max, pool->stats.txs);
    uint64_t bytes = smaller(bytes_max, pool->stats.bytes);
    uint64_t at = 0;

    if (!job_room(pool, job, txs, bytes)) {
        return false;
    }
    job->refs_count = 0;
    for (uint32_t count = order_make(pool); count > 0 && job->refs_count < txs;
         count = order_step(pool, count)) {
        const struct entry *entry = &pool->entries[pool->senders[pool->order[0]].cursor];

        if (at + entry->size > bytes) {
            break;
        }
        job_add(job, entry, &at);
    }
    return true;
}

bool qnk_mempool_pick_waiting(struct qnk_mempool *pool, uint32_t txs_max, struct qnk_job *job)
{
    uint32_t txs = (uint32_t)smaller(txs_max, pool->stats.txs);
    uint64_t at = 0;

    if (!job_room(pool, job, txs, (uint64_t)txs * QNK_TX_USER_SIZE_MAX)) {
        return false;
    }
    job->refs_count = 0;
    for (uint32_t i = 0; i < pool->senders_used && job->refs_count < txs; i++) {
        const struct sender *sender = &pool->senders[pool->walk++ % pool->senders_used];

        if (sender->count > 0 &&
            (sender->held || pool->entries[sender->first].nonce != sender->next)) {
            job_add(job, &pool->entries[sender->first], &at);
        }
    }
    return true;
}
