/* SPDX-License-Identifier: MIT */

/* What is peculiar to this schedule. What all of them must do, `qnet plugin check` tries. */

#include <qnet/producer.h>

#include "host.h"
#include "mine.manifest.h"

enum { SEATS = 3, HEIGHTS = 600 };

static uint8_t bytes[1024];

/* A window of three members that weigh 1, 2 and 3. */
static struct qn_span context_make(void)
{
    static uint8_t seats[512];
    uint8_t key[QN_KEY_SIZE] = {0}, beacon[QN_HASH_SIZE] = {0};
    struct qn_producer_context context = {.window = 1, .first = 1, .last = HEIGHTS};
    uint8_t *end = seats;

    for (uint64_t i = 0; i < SEATS; i++) {
        struct qn_producer_seat seat = {.key = key, .weight = i + 1};

        end = qn_producer_seat_write(&seat, end);
    }
    context.beacon = beacon;
    context.seats = (struct qn_span){seats, (uint64_t)(end - seats)};
    context.seats_count = SEATS;
    (void)qn_producer_context_write(&context, bytes);
    return (struct qn_span){bytes, qn_producer_context_size(&context)};
}

static void turns_are_spread(const struct qn_producer_1 *slots, struct qn_inst *inst)
{
    uint32_t counts[SEATS] = {0};
    uint32_t longest = 0, run = 0, before = SEATS;

    for (uint64_t height = 1; height <= HEIGHTS; height++) {
        struct qn_producer_ask ask = {.height = height};
        uint32_t member = SEATS;

        is("somebody has the turn", slots->turns(inst, &ask, 1, &member) == QN_OK);
        counts[member]++;
        run = member == before ? run + 1 : 1;
        longest = run > longest ? run : longest;
        before = member;
    }
    is("the light one has its sixth", counts[0] >= 98 && counts[0] <= 102);
    is("the heavy one has its half", counts[2] >= 298 && counts[2] <= 302);
    is("nobody has many turns in a row", longest <= 2);
}

int main(void)
{
    static struct qn_node node;
    const struct qn_producer_1 *slots = (const void *)qn_plugin_v1.slots;
    struct mine_config values = {.interval = 1000, .busy = 500};
    uint8_t config[64], class;
    uint32_t interval_ms, backup_ms;
    struct qn_inst *inst;

    (void)mine_config_write(&values, config);
    inst = host_create(&node, MINE_MEMORY, (struct qn_span){config, mine_config_size(&values)});
    is("a window opens", slots->open(inst, context_make()) == QN_OK);
    turns_are_spread(slots, inst);
    is("the first block has a pace",
       slots->pace(inst, NULL, 0, &class, &interval_ms, &backup_ms) == QN_OK);
    is("which is the calm one", class == 0 && interval_ms == 1000 && backup_ms == 500);
    host_destroy(&node, inst);
    return 0;
}
