/* SPDX-License-Identifier: MIT */

/* turns.c: the producer round-robin, or beacon with -DFUZZ_BEACON: contexts of any bytes and whole
 * ones, questions about any heights, and any pasts. The input is a list of: kind u8, then
 *
 *     0  a size u16 and a context of any bytes
 *     1  a window u8, its length u8, the seats' number u8, and for each a weight u8 and flags u8
 *     2  a height u16 and a rank u8
 *     3  a window u8 to be closed
 *     4  a number u8 of headers, and for each four bytes
 *
 * Who is asked twice says the same; a member may produce only if it has a seat; what was refused
 * has changed nothing. */

#ifdef FUZZ_BEACON
#include "plugins/producer/beacon/beacon.manifest.h"
#define TURNS_CONFIG beacon_config_default()
#else
#include "plugins/producer/round-robin/round-robin.manifest.h"
#define TURNS_CONFIG round_robin_config_default()
#endif
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    SEATS = 8,
    OPENS_MAX = 6, /* a large window takes its time */
    STEPS_MAX = 200,
    HEIGHTS = 16, /* that are asked for before and after, of 64; and of a window */
    HEIGHTS_STEP = 4,
    WEIGHT_SHIFT = 24,
};

#ifdef FUZZ_BEACON
enum { TURNS_MEMORY = BEACON_MEMORY, TURNS_LANES = BEACON_LANES };
#else
enum { TURNS_MEMORY = ROUND_ROBIN_MEMORY, TURNS_LANES = ROUND_ROBIN_LANES };
#endif

static struct fuzz_given given;
static const struct qn_producer_1 *slots;
static uint32_t opens;

/* --- turns --- */

/* Which heights are open, and whose they are. */
struct answers {
    int32_t status[HEIGHTS];
    uint32_t members[HEIGHTS];
};

static void answers_take(struct answers *to)
{
    memset(to, 0, sizeof *to);
    for (uint32_t i = 0; i < HEIGHTS; i++) {
        struct qn_producer_ask ask = {.height = HEIGHTS_STEP * i + opens % HEIGHTS_STEP + 1};

        ask.view = i % 5;

        to->status[i] = slots->turns(given.inst, &ask, 1, &to->members[i]);
        QN_ASSERT(to->status[i] == QN_OK || to->status[i] == QN_NOT_FOUND);
    }
}

/* Heights and ranks, from the first on, are some seat's that is not left out. */
static void window_check(const struct qn_producer_context *context)
{
    struct qn_producer_seat seat;

    for (uint32_t i = 0; i < HEIGHTS; i++) {
        uint64_t length = context->last - context->first;
        uint64_t at = length / HEIGHTS * i + length % HEIGHTS * i / HEIGHTS;
        struct qn_producer_ask ask = {.height = context->first + at, .view = i};
        struct qn_span rest = context->seats;
        uint32_t member, again;

        QN_ASSERT(slots->turns(given.inst, &ask, 1, &member) == QN_OK);
        QN_ASSERT(slots->turns(given.inst, &ask, 1, &again) == QN_OK && again == member);
        QN_ASSERT(member < context->seats_count);
        for (uint32_t j = 0; j <= member; j++) {
            qn_producer_seat_next(&rest, &seat);
        }
        QN_ASSERT(seat.excluded == 0);
    }
}

static void open_run(struct qn_span bytes)
{
    struct qn_producer_context context;
    struct answers before, after;
    int32_t status;

    if (++opens > OPENS_MAX) {
        return;
    }
    answers_take(&before);
    status = slots->open(given.inst, bytes);
    QN_ASSERT(status == QN_OK || status == QN_INVALID || status == QN_NO_SPACE);
    if (status == QN_OK) {
        QN_ASSERT(qn_producer_context_read(bytes, &context) == QN_OK);
        window_check(&context);
    } else {
        answers_take(&after);
        QN_ASSERT(memcmp(&before, &after, sizeof before) == 0);
    }
}

static uint64_t whole_write(struct qn_reader *in, uint8_t *to)
{
    static const uint8_t key[QN_KEY_SIZE];
    uint8_t seats[SEATS * 64], *at = seats;
    struct qn_producer_context context = {.window = qn_reader_u8(in), .beacon = key};
    uint64_t length = qn_reader_u8(in) % 32;

    context.first = 1 + context.window * 8 % 64;
    context.last = context.first + length;
    context.seats_count = qn_reader_u8(in) % (SEATS + 1);
    for (uint32_t i = 0; i < context.seats_count; i++) {
        struct qn_producer_seat seat = {.key = key, .weight = qn_reader_u8(in)};
        uint8_t flags = qn_reader_u8(in);

        seat.excluded = flags & 1;
        seat.weight <<= (flags & 2) != 0 ? WEIGHT_SHIFT : 0;
        at = qn_producer_seat_write(&seat, at);
    }
    context.seats = (struct qn_span){seats, (uint64_t)(at - seats)};
    return (uint64_t)(qn_producer_context_write(&context, to) - to);
}

static void ask_run(struct qn_reader *in)
{
    uint64_t height = qn_reader_u16(in);
    struct qn_producer_ask asks[2] = {{.height = height}, {.height = height == 0xFFFF ? 0 : 1}};
    uint32_t members[2] = {77, 77};

    asks[0].view = asks[1].view = qn_reader_u8(in) % QN_PRODUCER_VIEWS_MAX;

    int32_t status = slots->turns(given.inst, asks, 2, members);

    QN_ASSERT(status == QN_OK || (status == QN_NOT_FOUND && members[0] == 77 && members[1] == 77));
}

/* --- pace --- */

static void pace_run(struct qn_reader *in)
{
    struct qn_producer_recent recent[QN_PRODUCER_RECENT_MAX] = {0};
    uint32_t count = qn_reader_u8(in) % (QN_PRODUCER_RECENT_MAX + 1);
    uint8_t class = 77;
    uint32_t interval_ms = 0, backup_ms = 0;

    for (uint32_t i = 0; i < count; i++) {
        recent[i].height = count - i;
        recent[i].backlog = qn_reader_u8(in) * (qn_reader_u8(in) + 1u) * 65793u;
        recent[i].body_size = qn_reader_u8(in) * UINT32_C(0x1010101);
        recent[i].interval_class = qn_reader_u8(in) % 6;
    }
    QN_ASSERT(slots->pace(given.inst, recent, count, &class, &interval_ms, &backup_ms) == QN_OK);
    QN_ASSERT(class < 4 && interval_ms > 0 && backup_ms > 0);
    if (count > 0 && recent[0].interval_class < 4) {
        QN_ASSERT(class <= recent[0].interval_class + 1 && class + 1u >= recent[0].interval_class);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    static uint8_t bytes[1024];

    opens = 0;
    slots = (const void *)qn_plugin_v1.slots;
    fuzz_given_make(&given,
                    (struct qn_check_given){
                        .plugin = &qn_plugin_v1,
                        .config = TURNS_CONFIG,
                        .memory = TURNS_MEMORY,
                        .lanes = TURNS_LANES,
                    },
                    64);
    for (uint32_t i = 0; i < STEPS_MAX && in.at != NULL && in.left > 0; i++) {
        uint8_t kind = qn_reader_u8(&in) % 5;

        if (kind == 0) {
            uint16_t length = qn_reader_u16(&in);
            const uint8_t *any = qn_reader_fixed(&in, length);

            if (any != NULL) {
                open_run((struct qn_span){any, length});
            }
        } else if (kind == 1) {
            open_run((struct qn_span){bytes, whole_write(&in, bytes)});
        } else if (kind == 2) {
            ask_run(&in);
        } else if (kind == 3) {
            slots->close(given.inst, qn_reader_u8(&in));
        } else {
            pace_run(&in);
        }
    }
    fuzz_given_give(&given);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t windows[] = {1, 1, 20, 3, 5, 0, 5, 0, 9, 0,  2, 10, 0, 3, 1, 4,
                                      9, 4, 2,  1, 3, 2, 1, 1, 2, 12, 0, 0,  3, 1, 2, 12};
    static const uint8_t paces[] = {4, 6, 9, 1, 1, 0, 9, 1, 1, 0, 9, 1, 1, 0,
                                    9, 1, 1, 0, 9, 1, 1, 0, 9, 1, 1, 0, 4, 0};
    struct qn_reader in = qn_reader_over((struct qn_span){windows + 1, sizeof windows - 1});
    uint8_t bytes[1024] = {0};
    uint64_t size = whole_write(&in, bytes + 3);

    qn_le16_write(bytes + 1, (uint16_t)size);
    take(windows, sizeof windows);
    take(paces, sizeof paces);
    take(bytes, 3 + size);
}
