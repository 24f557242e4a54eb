/* SPDX-License-Identifier: MIT */

/* engine.c: an engine under any events: commit-reveal, bft with -DFUZZ_BFT, or authority with
 * -DFUZZ_AUTHORITY. The input is a list of them, each a byte for its kind and then
 *
 *     0        a type u16, a size u16 and a body of any bytes
 *     others   a few bytes of which a whole record is made, of a small world: windows 1 to 3, five
 *              digests, members of which one is too many
 *
 * Two instances are told the same, one event by event and the other in batches. What each wants is
 * a list of whole records of its window, and is the same for both. */

#if defined(FUZZ_BFT)
#include "plugins/consensus/bft/bft.manifest.h"
#elif defined(FUZZ_AUTHORITY)
#include "plugins/consensus/authority/authority.manifest.h"
#else
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#endif
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    BATCH = 7,
    BODY = 1 << 13,
    WANTED = 1 << 22,
    MEMBERS = 6,
    DIGESTS = 5,
    EVENTS_MAX = 2000,
    KINDS = 10, /* as the types of events, and 0 */
};

#if defined(FUZZ_BFT)
enum { ENGINE_MEMORY = BFT_MEMORY, ENGINE_LANES = BFT_LANES, FIRST_STEP = 3 };
#define ENGINE_CONFIG bft_config_default()
#elif defined(FUZZ_AUTHORITY)
enum { ENGINE_MEMORY = AUTHORITY_MEMORY, ENGINE_LANES = AUTHORITY_LANES, FIRST_STEP = 2 };
#define ENGINE_CONFIG authority_config_default()
#else
enum { ENGINE_MEMORY = COMMIT_REVEAL_MEMORY, ENGINE_LANES = COMMIT_REVEAL_LANES, FIRST_STEP = 0 };
#define ENGINE_CONFIG commit_reveal_config_default()
#endif

struct side {
    struct fuzz_given given;
    uint8_t *wanted;
    uint64_t size, effects;
};

static struct side sides[2]; /* event by event; in batches */
static const struct qn_consensus_1 *slots;
static uint8_t bodies[BATCH][BODY];
static struct qn_event batch[BATCH];
static uint32_t batch_count;
static uint64_t window; /* that is open; 0: none, or one of any bytes */

#define CHECK_WINDOW(name)                                                    \
    {                                                                         \
        struct qn_consensus_effect_##name effect;                             \
        QN_ASSERT(qn_consensus_effect_##name##_read(body, &effect) == QN_OK); \
        QN_ASSERT(window == 0 || effect.window == window);                    \
    }

static void effect_check(uint32_t type, struct qn_span body)
{
    switch (type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN:
        CHECK_WINDOW(request_sign)
        break;
    case QN_CONSENSUS_EFFECT_CERTIFY:
        CHECK_WINDOW(certify)
        break;
    case QN_CONSENSUS_EFFECT_CHECK:
        CHECK_WINDOW(check)
        break;
    case QN_CONSENSUS_EFFECT_TIMER:
        CHECK_WINDOW(timer)
        break;
    case QN_CONSENSUS_EFFECT_CANCEL:
        CHECK_WINDOW(cancel)
        break;
    case QN_CONSENSUS_EFFECT_REPORT:
        CHECK_WINDOW(report)
        break;
    default:
        QN_ASSERT(false); /* it saves nothing, and there are no others */
    }
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct side *side = ctx;

    QN_ASSERT(payload == NULL && ++side->effects <= QN_CONSENSUS_EFFECTS_MAX);
    effect_check(type, body);
    QN_ASSERT(body.size + 4 <= WANTED - side->size);
    qn_le32_write(side->wanted + side->size, type);
    memcpy(side->wanted + side->size + 4, body.data, body.size);
    side->size += 4 + body.size;
    return QN_OK;
}

static int32_t tell(struct side *side, const struct qn_event *const *events, uint32_t count)
{
    struct qn_effects out = {.ctx = side, .push = push};

    side->effects = 0;
    return slots->step(side->given.inst, events, count, &out);
}

/* All that waits, to the second side. */
static void batch_tell(void)
{
    const struct qn_event *events[BATCH];

    for (uint32_t i = 0; i < batch_count; i++) {
        events[i] = &batch[i];
    }
    QN_ASSERT(batch_count == 0 || tell(&sides[1], events, batch_count) == QN_OK);
    batch_count = 0;
}

static void sides_compare(void)
{
    QN_ASSERT(sides[0].size == sides[1].size);
    QN_ASSERT(memcmp(sides[0].wanted, sides[1].wanted, sides[0].size) == 0);
    sides[0].size = sides[1].size = 0;
}

/* A body of any bytes goes alone, as it may end its batch. */
static void any_tell(uint16_t type, struct qn_span body)
{
    const struct qn_event event = {.type = type, .body = body};
    const struct qn_event *one = &event;
    struct qn_consensus_event_open open;

    batch_tell();
    if (type == QN_CONSENSUS_EVENT_OPEN && qn_consensus_event_open_read(body, &open) == QN_OK) {
        window = 0;
    }

    int32_t status = tell(&sides[0], &one, 1);

    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    QN_ASSERT(tell(&sides[1], &one, 1) == status);
}

/* --- records --- */

static const uint8_t *digest_of(uint8_t from)
{
    static uint8_t digests[DIGESTS][QN_HASH_SIZE];

    digests[from % DIGESTS][0] = from % DIGESTS;
    return digests[from % DIGESTS];
}

/* Near ones, and those at the ends. */
static uint32_t round_of(uint8_t from)
{
    return from < 250   ? from % 24
           : from < 253 ? INT32_MAX - (253u - from)
                        : UINT32_MAX - from + 253;
}

static int32_t vr_of(uint8_t from)
{
    return from < 250 ? from % 12 - 1 : from < 253 ? INT32_MAX : INT32_MIN + 1;
}

static uint64_t window_of(uint8_t from)
{
    return from >= 230 ? from % 3 + 1u : window > 0 ? window : 1;
}

static uint8_t *open_write(struct qn_reader *in, uint8_t *to)
{
    uint8_t members[MEMBERS * (QN_KEY_SIZE + 8)] = {0}, *at = members;
    struct qn_consensus_event_open event = {.window = qn_reader_u8(in) % 3 + 1u};
    uint32_t count = qn_reader_u8(in) % MEMBERS + 1u;
    uint8_t self = qn_reader_u8(in);

    event.first = (event.window - 1) * 90 + 1;
    event.last = event.window * 90;
    event.set = event.seed = digest_of(qn_reader_u8(in));
    event.self = self % (count + 1) == count ? UINT32_MAX : self % (count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct qn_member member = {.key = digest_of(1), .weight = qn_reader_u8(in)};

        member.weight = member.weight == 255 ? UINT64_C(1) << 52 : member.weight;
        event.total += member.weight;
        at = qn_member_write(&member, at);
    }
    event.quorum = 2 * event.total / 3 + 1;
    event.members = (struct qn_span){members, (uint64_t)(at - members)};
    event.members_count = count;
    return qn_consensus_event_open_write(&event, to);
}

static uint8_t *vote_write(struct qn_reader *in, uint8_t *to)
{
    static const uint16_t steps[] = {0, 1, 2, 5, 1, 2, 3, 77};
    struct qn_consensus_event_vote event = {.window = window_of(qn_reader_u8(in))};

    event.round = round_of(qn_reader_u8(in));
    event.step = steps[qn_reader_u8(in) % 8];
    event.vr = vr_of(qn_reader_u8(in));
    event.from = qn_reader_u8(in) % (MEMBERS + 2u);
    event.digest = digest_of(event.step == 0 ? 0 : qn_reader_u8(in));
    return qn_consensus_event_vote_write(&event, to);
}

static uint8_t *certificate_write(struct qn_reader *in, uint8_t *to)
{
    struct qn_consensus_event_certificate event = {.window = window_of(qn_reader_u8(in))};
    uint8_t signers;

    event.round = round_of(qn_reader_u8(in));
    event.step = qn_reader_u8(in) < 240 ? 1 : 2;
    event.vr = vr_of(qn_reader_u8(in));
    event.digest = digest_of(qn_reader_u8(in));
    signers = qn_reader_u8(in);
    event.signers = (struct qn_span){&signers, signers < 240};
    return qn_consensus_event_certificate_write(&event, to);
}

static uint8_t *signed_write(struct qn_reader *in, uint8_t *to)
{
    static const uint16_t steps[] = {FIRST_STEP, 1, 2, 5};
    struct qn_consensus_event_signed event = {.window = window_of(qn_reader_u8(in))};

    event.round = round_of(qn_reader_u8(in));
    event.step = steps[qn_reader_u8(in) % 4];
    event.vr = vr_of(qn_reader_u8(in));
    event.digest = digest_of(qn_reader_u8(in));
    event.result = qn_reader_u8(in) % 5;
    return qn_consensus_event_signed_write(&event, to);
}

static uint8_t *small_write(uint8_t kind, struct qn_reader *in, uint8_t *to)
{
    uint64_t at = window_of(qn_reader_u8(in));
    uint8_t one = qn_reader_u8(in), two = qn_reader_u8(in);

    if (kind == QN_CONSENSUS_EVENT_CANDIDATE) {
        return qn_consensus_event_candidate_write(
            &(struct qn_consensus_event_candidate){at, digest_of(one % 4 + 1), two}, to);
    }
    if (kind == QN_CONSENSUS_EVENT_CHECKED) {
        struct qn_consensus_event_checked event = {.window = at, .digest = digest_of(one)};

        event.verdict = two % 5;
        event.min_round = two / 16;
        return qn_consensus_event_checked_write(&event, to);
    }
    if (kind == QN_CONSENSUS_EVENT_TIMER) {
        return qn_consensus_event_timer_write(
            &(struct qn_consensus_event_timer){.window = at, .timer = round_of(one) << 3 | two % 8},
            to);
    }
    if (kind == QN_CONSENSUS_EVENT_OFFENCE) {
        return qn_consensus_event_offence_write(
            &(struct qn_consensus_event_offence){.window = at, .round = one, .from = two}, to);
    }
    if (kind == QN_CONSENSUS_EVENT_FINAL) {
        return qn_consensus_event_final_write(
            &(struct qn_consensus_event_final){.window = at, .digest = digest_of(one)}, to);
    }
    return qn_consensus_event_head_write(
        &(struct qn_consensus_event_head){at, two == 255 ? UINT64_MAX : (uint64_t)one * 256 + two},
        to);
}

/* Of an open: whether it is one that is taken, which a batch must not learn in its midst. */
static bool is_whole_tell(uint8_t kind, struct qn_span body)
{
    struct qn_consensus_event_open open;

    if (kind != QN_CONSENSUS_EVENT_OPEN) {
        return true;
    }
    batch_tell();
    QN_ASSERT(qn_consensus_event_open_read(body, &open) == QN_OK);
    window = open.window;
    return open.total > 0;
}

static void record_tell(uint8_t kind, struct qn_reader *in)
{
    uint8_t *to = bodies[batch_count], *end;
    struct qn_event *event = &batch[batch_count];

    switch (kind) {
    case QN_CONSENSUS_EVENT_OPEN:
        end = open_write(in, to);
        break;
    case QN_CONSENSUS_EVENT_VOTE:
        end = vote_write(in, to);
        break;
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        end = certificate_write(in, to);
        break;
    case QN_CONSENSUS_EVENT_SIGNED:
        end = signed_write(in, to);
        break;
    default:
        end = small_write(kind, in, to);
    }

    struct qn_span body = {to, (uint64_t)(end - to)};

    if (!is_whole_tell(kind, body)) {
        any_tell(kind, body);
        return;
    }
    event = &batch[batch_count];
    memmove(bodies[batch_count], to, body.size);
    *event = (struct qn_event){.type = kind, .body = {bodies[batch_count], body.size}};

    const struct qn_event *one = event;

    QN_ASSERT(tell(&sides[0], &one, 1) == QN_OK);
    if (++batch_count == BATCH) {
        batch_tell();
    }
}

/* --- the run --- */

static void sides_make(void)
{
    const struct qn_check_given given = {
        .plugin = &qn_plugin_v1,
        .config = ENGINE_CONFIG,
        .memory = ENGINE_MEMORY,
        .lanes = ENGINE_LANES,
    };

    slots = (const void *)qn_plugin_v1.slots;
    for (int i = 0; i < 2; i++) {
        fuzz_given_make(&sides[i].given, given, 4096);
        sides[i].wanted = malloc(WANTED);
        QN_ASSERT(sides[i].wanted != NULL);
    }
}

/* Ends the window that the input before left open. */
static void begin(void)
{
    uint8_t body[64];
    struct qn_event event = {.type = QN_CONSENSUS_EVENT_FINAL};
    const struct qn_event *one = &event;

    if (slots == NULL) {
        sides_make();
    }
    batch_count = 0;
    window = 0;
    for (int i = 0; i < 2; i++) {
        struct fuzz_given *given = &sides[i].given;
        struct qn_consensus_event_final final = {.digest = digest_of(0)};
        struct qn_consensus_status status;

        sides[i].size = 0;
        QN_ASSERT(slots->query(given->inst, 1, event.body, fuzz_sink(given)) == QN_OK);
        QN_ASSERT(qn_consensus_status_read((struct qn_span){given->sink.data, given->sink.size},
                                           &status) == QN_OK);
        final.window = status.window;
        event.body =
            (struct qn_span){body, (uint64_t)(qn_consensus_event_final_write(&final, body) - body)};
        QN_ASSERT(tell(&sides[i], &one, 1) == QN_OK && sides[i].size == 0);
    }
}

/* Both know the same of themselves. */
static void end(void)
{
    struct qn_span none = {NULL, 0};

    batch_tell();
    sides_compare();
    for (uint32_t what = 0; what < 4; what++) {
        int32_t status = slots->query(sides[0].given.inst, what, none, fuzz_sink(&sides[0].given));

        QN_ASSERT(status == (what == 1 || what == 2 ? QN_OK : QN_UNSUPPORTED));
        QN_ASSERT(slots->query(sides[1].given.inst, what, none, fuzz_sink(&sides[1].given)) ==
                  status);
        QN_ASSERT(sides[0].given.sink.size == sides[1].given.sink.size);
        QN_ASSERT(memcmp(sides[0].given.sink.data, sides[1].given.sink.data,
                         sides[0].given.sink.size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});

    begin();
    for (uint32_t i = 0; i < EVENTS_MAX && in.at != NULL && in.left > 0; i++) {
        uint8_t kind = qn_reader_u8(&in) % (KINDS + 1);

        if (kind > 0) {
            record_tell(kind, &in);
            continue;
        }

        uint16_t type = qn_reader_u16(&in), length = qn_reader_u16(&in);
        const uint8_t *bytes = qn_reader_fixed(&in, length);

        if (bytes != NULL) {
            any_tell(type, (struct qn_span){bytes, length});
        }
    }
    end();
    return 0;
}

/* A window that goes well, one that needs a second round, and records as they are. */
void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t well[] = {
        1, 0, 3, 0, 1, 1, 1, 1, 1, 2, 0, 1, 90, 10, 0, 0, 90, 7, 0, 0,  0, 0, 1, 1,
        3, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 2, 6,  0,  0, 1, 7,  0, 0, 1,  0, 1, 1, 3,
        0, 0, 1, 0, 1, 1, 3, 0, 0, 1, 0, 2, 1,  4,  0, 0, 1,  0, 1, 14, 7, 0, 0, 2,
        0, 1, 1, 3, 0, 0, 2, 0, 1, 1, 3, 0, 0,  2,  0, 2, 1,  9, 0, 1,  0,
    };
    static const uint8_t late[] = {
        1, 1, 3, 0, 1, 1, 1, 1, 1, 6, 0, 0, 0, 6, 0, 0, 1, 3, 0, 0, 1, 0,  1, 0,
        3, 0, 0, 1, 0, 2, 0, 6, 0, 0, 4, 3, 0, 1, 1, 1, 1, 1, 3, 0, 1, 3,  0, 2,
        1, 3, 0, 1, 1, 1, 3, 1, 5, 0, 1, 1, 1, 4, 0, 1, 1, 0, 1, 7, 7, 0,  1, 1,
        0, 1, 3, 3, 0, 9, 1, 8, 2, 2, 3, 0, 9, 1, 8, 1, 2, 3, 0, 8, 1, 13, 3, 2,
    };
    static const uint8_t small[] = {1, 0, 0, 0, 0, 3};
    uint8_t bytes[1024];
    struct qn_reader in = qn_reader_over((struct qn_span){well + 1, sizeof well - 1});

    take(well, sizeof well);
    take(late, sizeof late);
    take(small, sizeof small);

    uint64_t size = (uint64_t)(open_write(&in, bytes + 5) - (bytes + 5));

    bytes[0] = 0;
    qn_le16_write(bytes + 1, QN_CONSENSUS_EVENT_OPEN);
    qn_le16_write(bytes + 3, (uint16_t)size);
    memcpy(bytes + 5 + size, well, sizeof well);
    take(bytes, 5 + size + sizeof well);
}
