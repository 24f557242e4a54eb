/* SPDX-License-Identifier: MIT */

/* Four members of which one is silent agree in the first round, over a net that is a loop in here.
 * Liars, cuts, restarts and locks, `qnet plugin check` tries. */

#include <string.h>

#include <qnet/consensus.h>

#include "host.h"
#include "mine.manifest.h"

enum { MEMBERS = 4, HONEST = 3, QUEUE = 256, BODY = 512 };

/* What an engine asked for and the loop has yet to do. */
struct asked {
    uint32_t by;
    uint32_t type;
    uint64_t size;
    uint8_t body[BODY];
};

static struct qn_node nodes[HONEST];
static struct qn_inst *insts[HONEST];
static struct asked queue[QUEUE];
static uint32_t queue_count, final_count;

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct asked *it = &queue[queue_count++];

    (void)payload;
    it->by = *(const uint32_t *)ctx;
    it->type = type;
    it->size = body.size;
    memcpy(it->body, body.data, body.size);
    return QN_OK;
}

/* Tells engine `to` one event. */
static void tell(uint32_t to, uint16_t type, const uint8_t *body, uint64_t size)
{
    const struct qn_consensus_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_event event = {.type = type, .body = {body, size}};
    const struct qn_event *batch[] = {&event};
    struct qn_effects out = {.ctx = &to, .push = push};

    if (slots->step(insts[to], batch, 1, &out) != QN_OK) {
        is("an engine takes what it is told", false);
    }
}

static void open_and_give(uint32_t to, const uint8_t *digest)
{
    static uint8_t members[MEMBERS * 64], body[1024];
    uint8_t key[QN_KEY_SIZE] = {0}, hash[QN_HASH_SIZE] = {0}, *end = members;
    struct qn_member member = {.key = key, .weight = 1};
    struct qn_consensus_event_open open = {.window = 1, .first = 1, .last = 10, .total = 4};
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = digest, .height = 10};

    for (uint32_t i = 0; i < MEMBERS; i++) {
        end = qn_member_write(&member, end);
    }
    open.set = open.seed = hash;
    open.quorum = 3;
    open.self = to;
    open.members = (struct qn_span){members, (uint64_t)(end - members)};
    open.members_count = MEMBERS;
    (void)qn_consensus_event_open_write(&open, body);
    tell(to, QN_CONSENSUS_EVENT_OPEN, body, qn_consensus_event_open_size(&open));
    (void)qn_consensus_event_candidate_write(&candidate, body);
    tell(to, QN_CONSENSUS_EVENT_CANDIDATE, body, qn_consensus_event_candidate_size(&candidate));
}

/* The kernel's part: the signer hears `signed`, the others hear the vote. */
static void vote_spread(const struct asked *asked)
{
    struct qn_consensus_effect_request_sign it;
    uint8_t body[BODY];

    if (qn_consensus_effect_request_sign_read((struct qn_span){asked->body, asked->size}, &it) !=
        QN_OK) {
        is("a request is a record", false);
    }
    for (uint32_t to = 0; to < HONEST; to++) {
        struct qn_consensus_event_vote vote = {
            .window = it.window,
            .round = it.round,
            .step = it.step,
            .vr = it.vr,
            .from = asked->by,
            .digest = it.digest,
        };
        struct qn_consensus_event_signed own = {
            .window = it.window,
            .round = it.round,
            .step = it.step,
            .vr = it.vr,
            .digest = it.digest,
            .result = 1,
        };

        if (to == asked->by) {
            (void)qn_consensus_event_signed_write(&own, body);
            tell(to, QN_CONSENSUS_EVENT_SIGNED, body, qn_consensus_event_signed_size(&own));
        } else {
            (void)qn_consensus_event_vote_write(&vote, body);
            tell(to, QN_CONSENSUS_EVENT_VOTE, body, qn_consensus_event_vote_size(&vote));
        }
    }
}

/* And who asks for a certificate gets it; one of final votes ends the window. */
static void certificate_give(const struct asked *asked)
{
    struct qn_consensus_effect_certify it;
    struct qn_consensus_event_certificate event = {.window = 1, .vr = -1, .weight = 3};
    uint8_t body[BODY];
    static const uint8_t signers[] = {7};

    if (qn_consensus_effect_certify_read((struct qn_span){asked->body, asked->size}, &it) !=
        QN_OK) {
        is("a wish for a certificate is a record", false);
    }
    if (it.step == 2) {
        final_count++;
        return;
    }
    event.round = it.round;
    event.step = it.step;
    event.digest = it.digest;
    event.signers = (struct qn_span){signers, sizeof signers};
    (void)qn_consensus_event_certificate_write(&event, body);
    tell(asked->by, QN_CONSENSUS_EVENT_CERTIFICATE, body,
         qn_consensus_event_certificate_size(&event));
}

int main(void)
{
    static const uint8_t digest[QN_HASH_SIZE] = {1};
    struct mine_config values = {.wait = 4000, .step = 1000, .own = 30000};
    uint8_t config[64];

    (void)mine_config_write(&values, config);
    for (uint32_t i = 0; i < HONEST; i++) {
        insts[i] = host_create(&nodes[i], MINE_MEMORY,
                               (struct qn_span){config, mine_config_size(&values)});
        open_and_give(i, digest);
    }
    is("every member asks to sign its chain", queue_count >= HONEST);
    for (uint32_t done = 0; done < queue_count && queue_count < QUEUE - 32; done++) {
        struct asked asked = queue[done];

        if (asked.type == QN_CONSENSUS_EFFECT_REQUEST_SIGN) {
            vote_spread(&asked);
        } else if (asked.type == QN_CONSENSUS_EFFECT_CERTIFY) {
            certificate_give(&asked);
        }
    }
    is("each of the three has a quorum of final votes", final_count == HONEST);
    for (uint32_t i = 0; i < HONEST; i++) {
        host_destroy(&nodes[i], insts[i]);
    }
    return 0;
}
