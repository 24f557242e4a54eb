/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/signature.yaml:
 * edit that, then `make generate`. */
#pragma once

/* signature.h: the contract of a signature plugin, signature/1.
 *
 * Many signatures to one bitmap, by one rule.
 *
 * The manifest's `rules` lists the acceptance rules that a plugin implements; the network's must be
 * among them. Every plugin gives the verdict of the rule on every input, whatever the batch.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    bytes
 *   owns     items and messages are borrowed until the call returns
 *   threads  pool: any worker; two calls with one lane never overlap
 *   cost     linear in the items; allocates nothing; no lock, clock or I/O
 *   errors   the bitmap is as it was
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_SIGNATURE
#define QN_TARGET_SIGNATURE 0
#endif

/* In items. Beyond: split by the caller. Why: bounds one call. */
#define QN_SIGNATURE_ITEMS_MAX 65536

/* In bytes. Beyond: refused. Why: the largest thing ever signed is below it. */
#define QN_SIGNATURE_MESSAGE_MAX 131072

/* `key_known` is set when the key passed check_keys() before. */
struct qn_signature_item {
    const uint8_t *key;
    const uint8_t *sig;
    struct qn_span message;
    uint8_t key_known;
    uint8_t reserved8;
    uint16_t reserved16;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_signature_item, 40);

enum {
    QN_SIGNATURE_MANIFEST_RULES = 17,
};

/* Field 17. An acceptance rule that the plugin implements. */
struct qn_signature_manifest_rules {
    struct qn_span name;
};
QN_SIZE_IS(struct qn_signature_manifest_rules, 16);

struct qn_signature_1 {
    struct qn_head head;

    /* Bit i is set if item i is accepted; one item is a batch of one. `items` up to ITEMS_MAX.
     * `bitmap` has a bit for each of `items`, from the lowest of the first byte on. */
    QN_MUST_CHECK int32_t (*verify_batch)(struct qn_inst *inst, uint32_t lane,
                                          const struct qn_signature_item *items,
                                          uint32_t items_count, uint8_t *bitmap);

    /* Bit i is set if key i is acceptable at all: asked once, when an account first sends. `keys`
     * up to ITEMS_MAX. `bitmap` has a bit for each of `keys`, from the lowest of the first byte
     * on. */
    QN_MUST_CHECK int32_t (*check_keys)(struct qn_inst *inst, uint32_t lane, const uint8_t *keys,
                                        uint32_t keys_count, uint8_t *bitmap);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_SIGNATURE == 0
#define QN_SIGNATURE_PRINT UINT64_C(0x191c1d9059c6305d)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_SIGNATURE_1_HEAD \
    QN_HEAD(struct qn_signature_1, 1, QN_TARGET_SIGNATURE, QN_SIGNATURE_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_signature_item_take(struct qn_reader *in, struct qn_signature_item *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_fixed(in, QN_KEY_SIZE);
    out->sig = qn_reader_fixed(in, QN_SIG_SIZE);
    out->message = qn_reader_bytes(in, QN_SIGNATURE_MESSAGE_MAX);
    out->key_known = qn_reader_flag(in);
    out->reserved8 = qn_reader_u8(in);
    out->reserved16 = qn_reader_u16(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_signature_item_read(struct qn_span from,
                                                           struct qn_signature_item *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_signature_item it;

    qn_signature_item_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_signature_item_size(const struct qn_signature_item *from)
{
    return 108 + from->message.size;
}

static inline uint8_t *qn_signature_item_write(const struct qn_signature_item *from, uint8_t *to)
{
    to = qn_writer_fixed(to, from->key, QN_KEY_SIZE);
    to = qn_writer_fixed(to, from->sig, QN_SIG_SIZE);
    to = qn_writer_bytes(to, from->message, QN_SIGNATURE_MESSAGE_MAX);
    to = qn_writer_flag(to, from->key_known);
    to = qn_writer_u8(to, from->reserved8);
    to = qn_writer_u16(to, from->reserved16);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_signature_item_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_signature_item item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_signature_item_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_signature_item_next(struct qn_span *rest, struct qn_signature_item *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_signature_item_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_signature_manifest_rules_take(struct qn_reader *in,
                                                    struct qn_signature_manifest_rules *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_signature_manifest_rules_read(
    struct qn_span from, struct qn_signature_manifest_rules *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_signature_manifest_rules it;

    qn_signature_manifest_rules_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_signature_manifest_rules_size(
    const struct qn_signature_manifest_rules *from)
{
    return 4 + from->name.size;
}

static inline uint8_t *qn_signature_manifest_rules_write(
    const struct qn_signature_manifest_rules *from, uint8_t *to)
{
    to = qn_writer_text(to, from->name, 64);
    return to;
}
