/* SPDX-License-Identifier: MIT */

#include "draw.h"

#include <qnet/assert.h>
#include <qnet/leader.h>

#define TAG(words) ((struct qn_span){(const uint8_t *)(words), sizeof(words) - 1})

void draw_seed(const struct qn_host *host, const uint8_t *beacon, uint64_t window, uint8_t *seed)
{
    uint8_t number[8];
    struct qn_span parts[2] = {{beacon, QN_HASH_SIZE}, {number, sizeof number}};

    qn_le64_write(number, window);
    host->hash(TAG("qnet/schedule"), parts, 2, seed);
}

static uint64_t number_draw(const struct qn_host *host, const uint8_t *seed, uint64_t turn,
                            uint32_t rank)
{
    uint8_t place[8];
    uint8_t digest[QN_HASH_SIZE];
    struct qn_span parts[2] = {{seed, QN_HASH_SIZE}, {place, sizeof place}};

    qn_le32_write(place, (uint32_t)turn);
    qn_le32_write(place + 4, rank);
    host->hash(TAG("qnet/draw"), parts, 2, digest);
    return qn_le64_read(digest);
}

/* Keeps the taken seats in rising order. */
static void taken_add(uint16_t *taken, uint32_t count, uint16_t seat)
{
    uint32_t at = count;

    while (at > 0 && taken[at - 1] > seat) {
        taken[at] = taken[at - 1];
        at--;
    }
    taken[at] = seat;
}

uint32_t draw_ranks(const struct qn_host *host, const uint8_t *seed, uint64_t turn,
                    const struct qn_schedule_window *window, uint16_t *ranks)
{
    uint16_t taken[DRAW_RANKS];
    uint64_t left = window->sums[window->count - 1];
    uint32_t count = 0;

    while (count < DRAW_RANKS && left > 0) {
        uint64_t target = qn_product_high(number_draw(host, seed, turn, count), left);

        /* As if the taken seats were not there. */
        for (uint32_t i = 0; i < count; i++) {
            uint64_t weight = qn_schedule_weight_of(window, taken[i]);

            if (target < window->sums[taken[i]] - weight) {
                break;
            }
            target += weight;
        }

        uint16_t seat = (uint16_t)qn_schedule_seat(window, target, 0);

        ranks[count] = seat;
        taken_add(taken, count, seat);
        left -= qn_schedule_weight_of(window, seat);
        count++;
    }
    return count;
}
