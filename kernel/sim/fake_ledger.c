/* SPDX-License-Identifier: MIT */

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "kernel/base/hash.h"
#include "kernel/base/sink.h"
#include "kernel/sim/fake.h"

enum { SENDERS = 256, STATE_SIZE = SENDERS * 8, MEMBERS_MAX = 64 };

struct qn_inst {
    struct qnk_budget *budget;
    uint8_t next[STATE_SIZE]; /* le64 of each sender, told apart by the key's first byte */
    uint8_t members[4 + MEMBERS_MAX * 40];
    uint64_t members_size;
    bool has_state;
    bool is_dirty;
    bool is_spoiled;
    uint32_t every; /* see fake.h */
    uint32_t calls;
    uint32_t refused;
};

/* Whether there is no memory for this call. */
static bool is_short(struct qn_inst *self)
{
    bool is = self->every != 0 && ++self->calls % self->every == 0;

    self->refused += is;
    return is;
}

static uint8_t *next_of(struct qn_inst *self, const uint8_t *key)
{
    return self->next + (uint64_t)key[0] * 8;
}

static int32_t genesis(struct qn_inst *self, uint32_t lane, struct qn_span record)
{
    (void)lane;
    if (self->has_state) {
        return QN_EXISTS;
    }
    if (record.size < 4 || record.size > sizeof self->members) {
        return QN_INVALID;
    }
    memcpy(self->members, record.data, record.size);
    self->members_size = record.size;
    self->has_state = self->is_dirty = true;
    return QN_OK;
}

static uint32_t code_of(struct qn_inst *self, const struct qn_ledger_transaction *tx)
{
    uint64_t next = qn_le64_read(next_of(self, tx->from));

    return tx->nonce == next ? 0 : tx->nonce > next ? 1 : 2;
}

static int32_t check(struct qn_inst *self, uint32_t lane, const struct qn_ledger_transaction *txs,
                     uint32_t count, struct qn_ledger_verdict *verdicts)
{
    (void)lane;
    for (uint32_t i = 0; i < count; i++) {
        verdicts[i] = (struct qn_ledger_verdict){
            .priority = txs[i].fee,
            .next = qn_le64_read(next_of(self, txs[i].from)),
            .code = code_of(self, &txs[i]),
        };
    }
    return QN_OK;
}

/* The digest covers the whole state: it is small. */
static void digest_make(const struct qn_inst *self, uint8_t *digest)
{
    struct qnk_hash hash;

    qnk_hash_tagged(self->is_spoiled ? "fake/spoiled" : "fake/effects", self->next,
                    sizeof self->next, &hash);
    memcpy(digest, hash.bytes, QN_HASH_SIZE);
}

static int32_t apply(struct qn_inst *self, uint32_t lane, const struct qn_ledger_block *block,
                     const uint32_t *offenders, uint32_t offenders_count,
                     const struct qn_ledger_transaction *txs, uint32_t count, uint8_t *digest,
                     struct qn_effects *out, struct qn_sink *undo)
{
    uint8_t before[STATE_SIZE];

    (void)lane;
    (void)offenders;
    (void)offenders_count;
    if (is_short(self)) {
        return QN_NO_SPACE;
    }
    memcpy(before, self->next, sizeof before);
    for (uint32_t i = 0; i < count; i++) {
        struct qn_ledger_effect_skipped skipped = {.index = i, .code = code_of(self, &txs[i])};
        uint8_t *next = next_of(self, txs[i].from);

        if (skipped.code == 0) {
            qn_le64_write(next, txs[i].nonce + 1);
        } else if ((block->flags & 1) == 0) {
            memcpy(self->next, before, sizeof before);
            return QN_INVALID;
        } else if (qn_ledger_effect_skipped_push(out, &skipped) != QN_OK) {
            memcpy(self->next, before, sizeof before);
            return QN_NO_SPACE;
        }
    }
    if (qnk_sink_append(undo, before, sizeof before) != QN_OK) {
        memcpy(self->next, before, sizeof before);
        return QN_NO_SPACE;
    }
    self->is_dirty = true;
    digest_make(self, digest);
    return QN_OK;
}

static int32_t undo(struct qn_inst *self, uint32_t lane, struct qn_span from)
{
    (void)lane;
    if (is_short(self)) {
        return QN_NO_SPACE;
    }
    if (from.size != sizeof self->next) {
        return QN_CORRUPT;
    }
    memcpy(self->next, from.data, from.size);
    self->is_dirty = true;
    return QN_OK;
}

static int32_t root(struct qn_inst *self, uint32_t lane, uint8_t *to)
{
    struct qnk_hash hash;

    (void)lane;
    if (is_short(self)) {
        return QN_NO_SPACE;
    }
    qnk_hash_tagged("fake/root", self->next, sizeof self->next, &hash);
    memcpy(to, hash.bytes, QN_HASH_SIZE);
    return QN_OK;
}

static int32_t prove(struct qn_inst *self, uint32_t lane, const uint8_t *keys, uint32_t count,
                     struct qn_sink *proof)
{
    (void)self;
    (void)lane;
    (void)keys;
    (void)count;
    (void)proof;
    return QN_UNSUPPORTED;
}

static int32_t check_proof(struct qn_inst *self, uint32_t lane, const uint8_t *root_hash,
                           const uint8_t *key, struct qn_span proof, struct qn_sink *value)
{
    (void)self;
    (void)lane;
    (void)root_hash;
    (void)key;
    (void)proof;
    (void)value;
    return QN_UNSUPPORTED;
}

static int32_t members(struct qn_inst *self, uint32_t lane, struct qn_sink *to)
{
    (void)lane;
    return is_short(self) ? QN_NO_SPACE : qnk_sink_append(to, self->members, self->members_size);
}

static int32_t dirty(struct qn_inst *self, uint32_t lane, struct qn_sink *changed)
{
    uint8_t answer[8 + 4 + 8] = {1};

    (void)lane;
    answer[8] = self->is_dirty;
    if (is_short(self) ||
        qnk_sink_append(changed, answer, answer[8] != 0 ? sizeof answer : 12) != QN_OK) {
        return QN_NO_SPACE;
    }
    self->is_dirty = false;
    return QN_OK;
}

/* The one page: nonces, then the members with their size before them. */
static int32_t read_pages(struct qn_inst *self, uint32_t lane, const uint64_t *indexes,
                          uint32_t count, struct qn_sink *pages)
{
    uint8_t page[QN_LEDGER_PAGE_SIZE] = {0};

    (void)lane;
    _Static_assert(STATE_SIZE + 4 + MEMBERS_MAX * 30 < QN_LEDGER_PAGE_SIZE, "one page");
    if (count > 1 || (count == 1 && indexes[0] != 0)) {
        return QN_NOT_FOUND;
    }
    if (is_short(self)) {
        return QN_NO_SPACE;
    }
    QN_ASSERT(STATE_SIZE + 4 + self->members_size <= sizeof page);
    memcpy(page, self->next, sizeof self->next);
    qn_le32_write(page + STATE_SIZE, (uint32_t)self->members_size);
    memcpy(page + STATE_SIZE + 4, self->members, self->members_size);
    return count == 0 ? QN_OK : qnk_sink_append(pages, page, sizeof page);
}

static int32_t load_pages(struct qn_inst *self, uint32_t lane, uint64_t first, struct qn_span pages,
                          uint8_t last)
{
    uint32_t size;

    (void)lane;
    if (first != 0 || last != 1 || pages.size != QN_LEDGER_PAGE_SIZE) {
        return QN_INVALID;
    }
    size = qn_le32_read(pages.data + STATE_SIZE);
    if (size > sizeof self->members) {
        return QN_INVALID;
    }
    memcpy(self->next, pages.data, sizeof self->next);
    memcpy(self->members, pages.data + STATE_SIZE + 4, size);
    self->members_size = size;
    self->has_state = true;
    return QN_OK;
}

static int32_t query(struct qn_inst *self, uint32_t lane, uint32_t what, struct qn_span arg,
                     struct qn_sink *answer)
{
    (void)self;
    (void)lane;
    (void)what;
    (void)arg;
    (void)answer;
    return QN_UNSUPPORTED;
}

static const struct qn_ledger_1 slots = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = genesis,
    .check = check,
    .apply = apply,
    .undo = undo,
    .root = root,
    .prove = prove,
    .check_proof = check_proof,
    .members = members,
    .dirty = dirty,
    .read_pages = read_pages,
    .load_pages = load_pages,
    .query = query,
};

struct qnk_plugged qnk_fake_ledger_make(struct qnk_budget *budget)
{
    struct qn_inst *self = qnk_memory_take(budget, sizeof *self);

    QN_ASSERT(self != NULL);
    self->budget = budget;
    return (struct qnk_plugged){.table = &slots, .inst = self};
}

void qnk_fake_ledger_give(struct qnk_plugged ledger)
{
    qnk_memory_give(ledger.inst->budget, ledger.inst, sizeof *ledger.inst);
}

uint64_t qnk_fake_ledger_next(struct qnk_plugged ledger, uint8_t first_byte)
{
    return qn_le64_read(ledger.inst->next + (uint64_t)first_byte * 8);
}

void qnk_fake_ledger_spoil(struct qnk_plugged ledger)
{
    ledger.inst->is_spoiled = true;
}

void qnk_fake_ledger_starve(struct qnk_plugged ledger, uint32_t every)
{
    ledger.inst->every = every;
}

uint32_t qnk_fake_ledger_refused(struct qnk_plugged ledger)
{
    return ledger.inst->refused;
}
