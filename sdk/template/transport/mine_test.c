/* SPDX-License-Identifier: MIT */

/* A listener, and calls of an instance to itself. What all transports must do, `qnet plugin check`
 * tries. */

#include <string.h>

#include <qnet/transport.h>

#include "host.h"
#include "mine.manifest.h"

/* How often each event was told, and the link of the last `up`. */
struct told {
    uint32_t counts[QN_TRANSPORT_EFFECT_DOWN + 1];
    uint64_t link;
    uint32_t reason;
};

static int32_t watch(struct qn_node *node, int32_t fd, uint32_t interest)
{
    (void)node;
    (void)fd;
    (void)interest;
    return QN_OK;
}

static void wake(struct qn_node *node)
{
    (void)node; /* this test pumps until nothing is left */
}

static void timer(struct qn_node *node, uint64_t delay_us)
{
    (void)node;
    (void)delay_us;
}

/* What was joined, by its name. */
enum { SHARED_MAX = 16 };

static struct shared {
    void *memory;
    uint32_t joined;
    char name[QN_PLUGIN_NAME_MAX + 1];
} shared[SHARED_MAX];

static void *join(struct qn_node *node, struct qn_span name, uint64_t size)
{
    char text[QN_PLUGIN_NAME_MAX + 1];
    struct shared *place = NULL;

    (void)node;
    (void)snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
    for (uint32_t i = 0; i < SHARED_MAX; i++) {
        if (shared[i].joined > 0 && strcmp(shared[i].name, text) == 0) {
            shared[i].joined++;
            return shared[i].memory;
        }
        place = shared[i].joined == 0 ? &shared[i] : place;
    }
    if (place == NULL || posix_memalign(&place->memory, 64, size) != 0) {
        return NULL;
    }
    memset(place->memory, 0, size);
    memcpy(place->name, text, sizeof text);
    place->joined = 1;
    return place->memory;
}

static void leave(struct qn_node *node, void *memory)
{
    (void)node;
    for (uint32_t i = 0; i < SHARED_MAX; i++) {
        if (shared[i].joined > 0 && shared[i].memory == memory && --shared[i].joined == 0) {
            free(memory);
        }
    }
}

static uint32_t joined_count(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SHARED_MAX; i++) {
        count += shared[i].joined;
    }
    return count;
}

static const void *offers(const char *id)
{
    static const struct qn_watch_1 watches = {QN_WATCH_1_HEAD, watch, wake, timer};
    static const struct qn_shared_1 shares = {QN_SHARED_1_HEAD, join, leave};

    return strcmp(id, "qnet.watch/1") == 0    ? (const void *)&watches
           : strcmp(id, "qnet.shared/1") == 0 ? (const void *)&shares
                                              : NULL;
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_transport_effect_up up;
    struct qn_transport_effect_down down;
    struct told *told = ctx;

    (void)payload;
    told->counts[type]++;
    if (type == QN_TRANSPORT_EFFECT_UP && qn_transport_effect_up_read(body, &up) == QN_OK) {
        told->link = up.link;
    }
    if (type == QN_TRANSPORT_EFFECT_DOWN && qn_transport_effect_down_read(body, &down) == QN_OK) {
        told->reason = down.reason;
    }
    return QN_OK;
}

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

int main(void)
{
    enum { REFUSED = 2, TURNS = 100 };
    static struct qn_node node;
    const struct qn_transport_1 *slots = (const void *)qn_plugin_v1.slots;
    struct mine_config values = {.links = 4};
    struct told told = {.link = 0};
    struct qn_effects out = {.ctx = &told, .push = push};
    uint8_t config[64];
    struct qn_inst *inst;

    host_offers = offers;
    (void)mine_config_write(&values, config);
    inst = host_create(&node, MINE_MEMORY, (struct qn_span){config, mine_config_size(&values)});
    is("it begins", qn_plugin_v1.life->activate(inst) == QN_OK);
    is("it listens", slots->listen(inst, 1, span_of("inproc://here")) == QN_OK);
    is("an address of others is none", slots->dial(inst, 2, span_of("tcp://a:1")) == QN_INVALID);
    is("it calls itself", slots->dial(inst, 3, span_of("inproc://here")) == QN_OK);
    is("and nobody", slots->dial(inst, 4, span_of("inproc://nowhere")) == QN_OK);
    for (uint32_t i = 0; i < TURNS; i++) {
        int32_t status = slots->pump(inst, 16, &out);

        if (status != QN_OK && status != QN_AGAIN) {
            is("it is pumped", false);
        }
    }
    is("it tells that it listens", told.counts[QN_TRANSPORT_EFFECT_LISTENING] == 1);
    is("both ends of the link are up", told.counts[QN_TRANSPORT_EFFECT_UP] == 2);
    is("the other call is refused",
       told.counts[QN_TRANSPORT_EFFECT_DOWN] == 1 && told.reason == REFUSED);
    host_destroy(&node, inst);
    is("shared memory is left", joined_count() == 0);
    return 0;
}
