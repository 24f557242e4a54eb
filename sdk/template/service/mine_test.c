/* SPDX-License-Identifier: MIT */

/* Events in, an answer out. */

#include <string.h>

#include <qnet/service.h>

#include "host.h"
#include "mine.manifest.h"

int main(void)
{
    static struct qn_node node;
    static struct qn_sink answer = {.cap = SINK_MAX};
    const struct qn_service_1 *slots = (const void *)qn_plugin_v1.slots;
    uint8_t id[QN_HASH_SIZE] = {0}, bytes[256];
    struct qn_service_event_microblock block = {.height = 7, .id = id, .txs = 1};
    struct qn_event event = {.type = QN_SERVICE_EVENT_MICROBLOCK};
    struct qn_event broken = {.type = QN_SERVICE_EVENT_MICROBLOCK};
    const struct qn_event *batch[] = {&event, &event, &broken};
    struct qn_inst *inst = host_create(&node, MINE_MEMORY, (struct qn_span){NULL, 0});
    uint32_t accepted = 0;

    (void)qn_service_event_microblock_write(&block, bytes);
    event.body = (struct qn_span){bytes, qn_service_event_microblock_size(&block)};
    is("events are taken up to a broken one",
       slots->deliver(inst, 0, batch, 3, &accepted) == QN_AGAIN && accepted == 2);
    is("which is refused", slots->deliver(inst, 0, &batch[2], 1, &accepted) == QN_INVALID);
    is("the route answers", slots->serve(inst, 0, 1, (struct qn_span){NULL, 0}, &answer) == QN_OK);
    is("with the counts",
       strstr((const char *)answer.data, "\"blocks\": 2, \"undone\": 0, \"height\": 7") != NULL);
    is("no other does",
       slots->serve(inst, 0, 2, (struct qn_span){NULL, 0}, &answer) == QN_NOT_FOUND);
    host_destroy(&node, inst);
    return 0;
}
