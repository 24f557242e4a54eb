/* SPDX-License-Identifier: MIT */

/* tape_effect.c: effects as bytes. Each type is a list of named fields, so that one walk compares
 * two of them, names the field in which they differ, and spells them for people.
 *
 * A list is its count, then for each effect a u8 type and its fields: a NUMBER in base 128, seven
 * bits a byte, the low ones first and without a byte too many; a HASH as it is; a TEXT as its size
 * and its bytes; of BYTES the size and the CRC-32C. */

#include "kernel/node/tape.h"

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/hex.h"
#include "kernel/base/text.h"

enum { NUMBER_MAX = 10, TEXT_MAX = QNK_NOTE_TEXT };

enum field_kind { NUMBER, HASH, TEXT, BYTES };

struct field {
    const char *name; /* NULL: the list ends */
    enum field_kind kind;
};

struct shape {
    const char *name;
    struct field fields[13];
};

static const struct shape shapes[] = {
    [QNK_EFFECT_SEND] = {"send",
                         {{"peer", NUMBER},
                          {"lane", NUMBER},
                          {"type", NUMBER},
                          {"request", NUMBER},
                          {"head", BYTES},
                          {"body", BYTES}}},
    [QNK_EFFECT_TIMER] = {"timer", {{"id", NUMBER}, {"at_us", NUMBER}}},
    [QNK_EFFECT_CANCEL] = {"cancel", {{"id", NUMBER}}},
    [QNK_EFFECT_JOB] = {"job",
                        {{"kind", NUMBER},
                         {"purpose", NUMBER},
                         {"token", NUMBER},
                         {"peer", NUMBER},
                         {"subject", HASH},
                         {"height", NUMBER},
                         {"items", NUMBER},
                         {"input", NUMBER}}},
    [QNK_EFFECT_STORE_BLOCK] =
        {"store-block",
         {{"token", NUMBER}, {"header", BYTES}, {"body", BYTES}, {"verified", NUMBER}}},
    [QNK_EFFECT_STORE_FINAL] = {"store-final",
                                {{"token", NUMBER},
                                 {"window", NUMBER},
                                 {"digest", HASH},
                                 {"certificate", BYTES},
                                 {"control", BYTES},
                                 {"next_set", BYTES},
                                 {"frontier", BYTES},
                                 {"blocks", BYTES},
                                 {"headers", BYTES},
                                 {"ids", BYTES},
                                 {"counts", BYTES},
                                 {"pages", NUMBER}}},
    [QNK_EFFECT_STORE_PLACE] = {"store-place",
                                {{"token", NUMBER}, {"place", NUMBER}, {"header", BYTES}}},
    [QNK_EFFECT_CHECK] = {"check", {{"height", NUMBER}, {"count", NUMBER}}},
    [QNK_EFFECT_STORE_TXS] = {"store-txs", {{"rows", BYTES}, {"replaces", NUMBER}}},
    [QNK_EFFECT_SIGN] = {"sign",
                         {{"token", NUMBER},
                          {"header", BYTES},
                          {"body", BYTES},
                          {"records", BYTES},
                          {"message", BYTES}}},
    [QNK_EFFECT_SECRETS] = {"secrets",
                            {{"token", NUMBER},
                             {"era", NUMBER},
                             {"window", NUMBER},
                             {"last_share", HASH},
                             {"last_window", NUMBER}}},
    [QNK_EFFECT_GUARD_TRIM] = {"guard-trim", {{"records", BYTES}}},
    [QNK_EFFECT_SERVE] = {"serve",
                          {{"peer", NUMBER},
                           {"request", NUMBER},
                           {"type", NUMBER},
                           {"first", NUMBER},
                           {"count", NUMBER},
                           {"what", NUMBER}}},
    [QNK_EFFECT_REPLY] = {"reply", {{"token", NUMBER}, {"codes", BYTES}}},
    [QNK_EFFECT_SCORE] = {"score", {{"peer", NUMBER}, {"fault", NUMBER}}},
    [QNK_EFFECT_NOTE] = {"note",
                         {{"what", NUMBER},
                          {"level", NUMBER},
                          {"height", NUMBER},
                          {"id", HASH},
                          {"event", TEXT},
                          {"text", TEXT},
                          {"ids", BYTES}}},
    [QNK_EFFECT_HALT] = {"halt", {{"text", TEXT}}},
    [QNK_EFFECT_NEED] = {"need",
                         {{"kind", NUMBER},
                          {"number", NUMBER},
                          {"first", NUMBER},
                          {"is_fallback", NUMBER},
                          {"name", TEXT},
                          {"version", TEXT},
                          {"config", BYTES}}},
    [QNK_EFFECT_UNPLUG] = {"unplug", {{"kind", NUMBER}, {"number", NUMBER}}},
    [QNK_EFFECT_PROPOSED] =
        {"proposed", {{"token", NUMBER}, {"status", NUMBER}, {"text", TEXT}, {"plan", HASH}}},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* --- encoding --- */

/* What writes fields, in the order of their shape. */
struct pen {
    struct qn_sink *out;
    const struct field *next;
    bool is_full;
    struct qn_span last; /* bytes that were summed last: one body goes to many peers */
    uint32_t last_sum;
};

static void put(struct pen *pen, const void *bytes, uint64_t size)
{
    pen->is_full = pen->is_full || qnk_sink_append(pen->out, bytes, size) != QN_OK;
}

static void put_number(struct pen *pen, uint64_t number)
{
    uint8_t bytes[NUMBER_MAX];
    uint32_t size = 0;

    while (number >= 0x80) {
        bytes[size++] = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    bytes[size++] = (uint8_t)number;
    put(pen, bytes, size);
}

static void field_begin(struct pen *pen, enum field_kind kind)
{
    QN_ASSERT(pen->next->name != NULL && pen->next->kind == kind);
    pen->next++;
}

static void number(struct pen *pen, uint64_t value)
{
    field_begin(pen, NUMBER);
    put_number(pen, value);
}

static void hash(struct pen *pen, const struct qnk_hash *value)
{
    field_begin(pen, HASH);
    put(pen, value->bytes, sizeof value->bytes);
}

static void text(struct pen *pen, const char *value, uint64_t room)
{
    uint64_t size = 0;

    field_begin(pen, TEXT);
    while (value != NULL && size < room && size < TEXT_MAX && value[size] != 0) {
        size++;
    }
    put_number(pen, size);
    put(pen, value, size);
}

static void bytes(struct pen *pen, struct qn_span value)
{
    uint8_t sum[4];

    field_begin(pen, BYTES);
    if (value.size > 0 && (value.data != pen->last.data || value.size != pen->last.size)) {
        pen->last = value;
        pen->last_sum = qnk_crc32c(0, value.data, value.size);
    }
    qn_le32_write(sum, value.size > 0 ? pen->last_sum : 0);
    put_number(pen, value.size);
    put(pen, sum, sizeof sum);
}

static void buf(struct pen *pen, const struct qn_buf *value)
{
    bytes(pen, value != NULL ? qnk_buf_span(value) : (struct qn_span){0});
}

/* The first `size` bytes of a buf. */
static void some(struct pen *pen, const struct qn_buf *value, uint64_t size)
{
    bytes(pen, value != NULL ? (struct qn_span){value->data, size} : (struct qn_span){0});
}

static uint32_t sum_of(uint32_t sum, const struct qn_buf *value, uint64_t size)
{
    return value != NULL ? qnk_crc32c(sum, value->data, size) : sum;
}

static uint32_t sum_number(uint32_t sum, uint64_t value)
{
    uint8_t raw[8];

    qn_le64_write(raw, value);
    return qnk_crc32c(sum, raw, sizeof raw);
}

/* A checksum of what a job is to work on. */
static uint32_t job_input(const struct qnk_job *job)
{
    uint32_t sum = qnk_crc32c(0, job->chain_id.bytes, QN_HASH_SIZE);

    sum = job->buf != NULL ? sum_of(sum, job->buf, job->buf->size) : sum;
    sum = job->messages != NULL ? sum_of(sum, job->messages, job->messages->size) : sum;
    sum = sum_of(sum, job->prefix, job->prefix_size);
    for (uint32_t i = 0; i < job->refs_count; i++) {
        const struct qnk_tx_ref *ref = &job->refs[i];

        sum = qnk_crc32c(sum, ref->id.bytes, QN_HASH_SIZE);
        sum = sum_number(sum, (uint64_t)ref->is_verified << 32 | ref->size);
    }
    for (uint32_t i = 0; i < job->sigs_count; i++) {
        const struct qnk_sig_item *item = &job->sigs[i];

        sum = qnk_crc32c(sum, item->key.bytes, QN_HASH_SIZE);
        sum = qnk_crc32c(sum, item->signature, QN_SIG_SIZE);
        sum = sum_number(sum, (uint64_t)item->offset << 32 | item->size);
        sum = sum_number(sum, item->key_known);
    }
    for (uint32_t i = 0; i < job->offenders_count; i++) {
        sum = sum_number(sum, job->offenders[i]);
    }
    for (uint32_t i = 0; i < job->more_count; i++) {
        for (uint32_t j = 0; j < job->more[i].count; j++) {
            sum = sum_number(sum, job->more[i].indexes[j]);
        }
    }
    sum = sum_number(sum, job->window);
    sum = sum_number(sum, job->time_ms);
    sum = qnk_crc32c(sum, job->producer.bytes, QN_HASH_SIZE);
    return sum_number(sum, (uint64_t)job->txs_max << 32 | job->bytes_max);
}

static void put_job(struct pen *pen, const struct qnk_job *job)
{
    number(pen, job->kind);
    number(pen, job->purpose);
    number(pen, job->token);
    number(pen, job->peer);
    hash(pen, &job->subject);
    number(pen, job->height);
    number(pen, (uint64_t)job->refs_count + job->sigs_count);
    number(pen, job_input(job));
}

static void put_send(struct pen *pen, const struct qnk_effect *effect)
{
    number(pen, effect->send.peer);
    number(pen, effect->send.lane);
    number(pen, effect->send.type);
    number(pen, effect->send.request);
    buf(pen, effect->send.head);
    bytes(pen, (struct qn_span){effect->send.body.data, effect->send.body.size});
}

/* The pages' bytes are not summed here: the job that read them was, on its own thread. */
static void put_final(struct pen *pen, const struct qnk_final *final)
{
    number(pen, final->token);
    number(pen, final->macro.window);
    hash(pen, &final->digest);
    buf(pen, final->certificate);
    buf(pen, final->control);
    buf(pen, final->next_set);
    buf(pen, final->frontier);
    buf(pen, final->blocks);
    buf(pen, final->headers);
    buf(pen, final->ids);
    buf(pen, final->counts);
    number(pen, final->pages.count);
}

static void put_sign(struct pen *pen, const struct qnk_sign *sign)
{
    struct qn_span message = {sign->message, sign->message_size};

    number(pen, sign->token);
    bytes(pen, (struct qn_span){sign->header, sign->body != NULL ? sizeof sign->header : 0});
    buf(pen, sign->body);
    buf(pen, sign->records);
    if (sign->long_message != NULL) {
        some(pen, sign->long_message, sign->long_size);
    } else {
        bytes(pen, message);
    }
}

static void put_serve(struct pen *pen, const struct qnk_effect *effect)
{
    number(pen, effect->serve.peer);
    number(pen, effect->serve.request);
    number(pen, effect->serve.type);
    number(pen, effect->serve.fetch.first);
    number(pen, effect->serve.fetch.count);
    number(pen, effect->serve.fetch.what);
}

static void put_note(struct pen *pen, const struct qnk_effect *effect)
{
    number(pen, effect->note.what);
    number(pen, effect->note.level);
    number(pen, effect->note.height);
    hash(pen, &effect->note.id);
    text(pen, effect->note.event, TEXT_MAX);
    text(pen, effect->note.text, sizeof effect->note.text);
    buf(pen, effect->note.ids);
}

static void put_need(struct pen *pen, const struct qnk_need *need)
{
    const struct qnk_binding *binding = &need->binding;

    number(pen, need->kind);
    number(pen, binding->number);
    number(pen, need->first);
    number(pen, need->is_fallback);
    text(pen, binding->name, sizeof binding->name);
    text(pen, binding->version, sizeof binding->version);
    bytes(pen, (struct qn_span){binding->config, binding->config_size});
}

static void put_fields(struct pen *pen, const struct qnk_effect *effect)
{
    switch ((enum qnk_effect_type)effect->type) {
    case QNK_EFFECT_SEND:
        put_send(pen, effect);
        break;
    case QNK_EFFECT_TIMER:
        number(pen, effect->timer.id);
        number(pen, effect->timer.at_us);
        break;
    case QNK_EFFECT_CANCEL:
        number(pen, effect->timer.id);
        break;
    case QNK_EFFECT_JOB:
        put_job(pen, effect->job);
        break;
    case QNK_EFFECT_STORE_BLOCK:
        number(pen, effect->block.token);
        bytes(pen, (struct qn_span){effect->block.header, sizeof effect->block.header});
        buf(pen, effect->block.body);
        number(pen, effect->block.verified);
        break;
    case QNK_EFFECT_STORE_FINAL:
        put_final(pen, effect->final);
        break;
    case QNK_EFFECT_STORE_PLACE:
        number(pen, effect->place.token);
        number(pen, effect->place.place);
        bytes(pen, (struct qn_span){effect->place.header, sizeof effect->place.header});
        break;
    case QNK_EFFECT_CHECK:
        number(pen, effect->check.height);
        number(pen, effect->check.count);
        break;
    case QNK_EFFECT_STORE_TXS:
        some(pen, effect->txs.rows, effect->txs.size);
        number(pen, effect->txs.replaces);
        break;
    case QNK_EFFECT_SIGN:
        put_sign(pen, effect->sign);
        break;
    case QNK_EFFECT_SECRETS:
        number(pen, effect->secrets.token);
        number(pen, effect->secrets.era);
        number(pen, effect->secrets.window);
        hash(pen, &effect->secrets.last_share);
        number(pen, effect->secrets.last_window);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        buf(pen, effect->trim.records);
        break;
    case QNK_EFFECT_SERVE:
        put_serve(pen, effect);
        break;
    case QNK_EFFECT_REPLY:
        number(pen, effect->reply.token);
        buf(pen, effect->reply.codes);
        break;
    case QNK_EFFECT_SCORE:
        number(pen, effect->score.peer);
        number(pen, effect->score.fault);
        break;
    case QNK_EFFECT_NOTE:
        put_note(pen, effect);
        break;
    case QNK_EFFECT_HALT:
        text(pen, effect->halt.text, sizeof effect->halt.text);
        break;
    case QNK_EFFECT_NEED:
        put_need(pen, effect->need);
        break;
    case QNK_EFFECT_UNPLUG:
        number(pen, effect->unplug.kind);
        number(pen, effect->unplug.number);
        break;
    case QNK_EFFECT_PROPOSED:
        number(pen, effect->proposed.token);
        number(pen, (uint64_t)effect->proposed.status);
        text(pen, effect->proposed.text, sizeof effect->proposed.text);
        hash(pen, &effect->proposed.plan);
        break;
    }
}

int32_t qnk_tape_effects_encode(const struct qnk_effects *effects, struct qn_sink *out)
{
    struct pen pen = {.out = out};

    put_number(&pen, effects->count);
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct qnk_effect *effect = &effects->list[i];
        uint8_t type = (uint8_t)effect->type;

        QN_ASSERT(effect->type < SHAPES);
        put(&pen, &type, 1);
        pen.next = shapes[type].fields;
        put_fields(&pen, effect);
        QN_ASSERT(pen.next->name == NULL);
    }
    return pen.is_full ? QN_NO_SPACE : QN_OK;
}

/* --- decoding --- */

static uint64_t get_number(struct qnk_reader *reader)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < NUMBER_MAX; i++) {
        uint8_t byte = qnk_reader_u8(reader);

        if (i == NUMBER_MAX - 1 && byte > 1) {
            break; /* over 64 bits */
        }
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            reader->failed = reader->failed || (byte == 0 && i > 0);
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

/* A field as it was read. */
struct got {
    uint64_t number; /* or the size of TEXT and BYTES */
    struct qn_span bytes;
    uint32_t sum;
};

static struct got get_field(struct qnk_reader *reader, enum field_kind kind)
{
    struct got got = {0};

    switch (kind) {
    case NUMBER:
        got.number = get_number(reader);
        break;
    case HASH:
        got.bytes = qnk_reader_span(reader, QN_HASH_SIZE);
        break;
    case TEXT:
        got.number = get_number(reader);
        reader->failed = reader->failed || got.number > TEXT_MAX;
        got.bytes = qnk_reader_span(reader, got.number);
        break;
    case BYTES:
        got.number = get_number(reader);
        got.sum = qnk_reader_u32(reader);
        break;
    }
    return got;
}

/* The shape of the next effect. NULL: there is none, or the bytes are wrong. */
static const struct shape *get_shape(struct qnk_reader *reader)
{
    uint8_t type = qnk_reader_u8(reader);

    if (reader->failed || type >= SHAPES) {
        reader->failed = true;
        return NULL;
    }
    return &shapes[type];
}

static void skip(struct qnk_reader *reader, const struct shape *shape)
{
    for (const struct field *field = shape->fields; field->name != NULL; field++) {
        (void)get_field(reader, field->kind);
    }
}

int32_t qnk_tape_effects_check(struct qn_span from, uint32_t *count)
{
    struct qnk_reader reader = qnk_reader_init(from);
    uint64_t left = get_number(&reader);

    if (left > UINT32_MAX) {
        return QN_INVALID;
    }
    *count = (uint32_t)left;
    while (left > 0 && !reader.failed) {
        const struct shape *shape = get_shape(&reader);

        if (shape != NULL) {
            skip(&reader, shape);
        }
        left--;
    }
    return qnk_reader_done(&reader) ? QN_OK : QN_INVALID;
}

/* --- for people --- */

/* Where a text grows. */
struct line {
    char *text;
    uint64_t size;
};

static void line_add(struct line *line, const char *more)
{
    qnk_text(line->text + line->size, QNK_TAPE_TEXT - line->size, "%s", more);
    while (line->size < QNK_TAPE_TEXT - 1 && line->text[line->size] != 0) {
        line->size++;
    }
}

static void line_field(struct line *line, const struct field *field, const struct got *got)
{
    char more[TEXT_MAX + 64];
    char words[TEXT_MAX + 1] = "";

    switch (field->kind) {
    case NUMBER:
        qnk_text(more, sizeof more, " %s=%llu", field->name, (unsigned long long)got->number);
        break;
    case HASH:
        qnk_hex_encode(got->bytes.data, 8, words);
        qnk_text(more, sizeof more, " %s=%s...", field->name, words);
        break;
    case TEXT:
        for (uint64_t i = 0; i < got->bytes.size; i++) {
            uint8_t byte = got->bytes.data[i];

            words[i] = byte >= ' ' && byte < 0x7f ? (char)byte : '?';
        }
        qnk_text(more, sizeof more, " %s='%s'", field->name, words);
        break;
    case BYTES:
        qnk_text(more, sizeof more, " %s=%llu:%08x", field->name, (unsigned long long)got->number,
                 got->sum);
        break;
    }
    line_add(line, more);
}

/* Spells the effect that the reader is at; "nothing" at its end. */
static void spell(struct qnk_reader reader, char to[QNK_TAPE_TEXT])
{
    struct line line = {.text = to};

    to[0] = 0;
    if (reader.left == 0) {
        line_add(&line, "nothing");
        return;
    }

    const struct shape *shape = get_shape(&reader);

    if (shape == NULL) {
        return;
    }
    line_add(&line, shape->name);
    for (const struct field *field = shape->fields; field->name != NULL; field++) {
        struct got got = get_field(&reader, field->kind);

        if (!reader.failed) {
            line_field(&line, field, &got);
        }
    }
}

static bool is_same(const struct got *a, const struct got *b)
{
    return a->number == b->number && a->sum == b->sum && a->bytes.size == b->bytes.size &&
           (a->bytes.size == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0);
}

/* The name of the first field in which two effects differ, or NULL; goes past both. */
static const char *compare(struct qnk_reader *a, struct qnk_reader *b)
{
    const struct shape *shape = a->left > 0 ? get_shape(a) : NULL;
    const struct shape *other = b->left > 0 ? get_shape(b) : NULL;
    const char *differs = NULL;

    if (shape == NULL || shape != other) {
        return "effect";
    }
    for (const struct field *field = shape->fields; field->name != NULL; field++) {
        struct got in_a = get_field(a, field->kind);
        struct got in_b = get_field(b, field->kind);

        if (differs == NULL && !is_same(&in_a, &in_b)) {
            differs = field->name;
        }
    }
    return differs;
}

bool qnk_tape_effects_diff(struct qn_span a, struct qn_span b, struct qnk_tape_diff *diff)
{
    struct qnk_reader in_a = qnk_reader_init(a);
    struct qnk_reader in_b = qnk_reader_init(b);
    uint64_t count_a = get_number(&in_a);
    uint64_t count_b = get_number(&in_b);
    uint64_t count = count_a > count_b ? count_a : count_b;

    for (uint32_t i = 0; i < count; i++) {
        struct qnk_reader from_a = in_a;
        struct qnk_reader from_b = in_b;
        const char *field = compare(&in_a, &in_b);

        if (field != NULL) {
            diff->place = i;
            diff->field = field;
            spell(from_a, diff->a);
            spell(from_b, diff->b);
            return true;
        }
    }
    return false;
}

bool qnk_tape_effect_text(struct qn_span effects, uint32_t place, char to[QNK_TAPE_TEXT])
{
    struct qnk_reader reader = qnk_reader_init(effects);
    uint64_t count = get_number(&reader);

    for (uint32_t i = 0; i < place && i < count; i++) {
        const struct shape *shape = get_shape(&reader);

        if (shape == NULL) {
            return false;
        }
        skip(&reader, shape);
    }
    if (place >= count) {
        return false;
    }
    spell(reader, to);
    return true;
}
