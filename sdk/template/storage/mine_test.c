/* SPDX-License-Identifier: MIT */

/* A space, some keys, a look back. What all storages must do, `qnet plugin check` tries. */

#include <string.h>

#include <qnet/storage.h>

#include "host.h"
#include "mine.manifest.h"

enum { MAP = 1, PUT = 1, ERASE = 2, NEWEST = 0 };

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

int main(void)
{
    static struct qn_node node;
    static struct qn_sink values = {.cap = SINK_MAX};
    const struct qn_storage_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_inst *inst = host_create(&node, MINE_MEMORY, (struct qn_span){NULL, 0});
    struct qn_storage_op ops[2] = {{.what = PUT}, {.what = PUT}};
    struct qn_storage_address keys[2] = {{.key = span_of("a")}, {.key = span_of("b")}};
    struct qn_storage_found found[2];
    uint32_t space = 0;
    uint64_t snapshot = 0;

    is("a space opens", slots->space(inst, span_of("things"), MAP, &space) == QN_OK);
    ops[0].space = ops[1].space = keys[0].space = keys[1].space = space;
    ops[0].key = span_of("a");
    ops[0].value = span_of("first");
    ops[1].key = span_of("b");
    ops[1].value = span_of("second");
    is("two keys are written", slots->write(inst, 0, ops, 2, 1) == QN_OK);
    is("a view is kept", slots->snapshot(inst, 0, &snapshot) == QN_OK);
    ops[0].what = ERASE;
    is("one is erased", slots->write(inst, 0, ops, 1, 1) == QN_OK);
    is("now there is one", slots->get(inst, 0, NEWEST, keys, 2, found, &values) == QN_OK &&
                               found[0].status == QN_NOT_FOUND && found[1].status == QN_OK);
    values.size = 0;
    is("in the view there are two",
       slots->get(inst, 0, snapshot, keys, 2, found, &values) == QN_OK &&
           found[0].status == QN_OK && found[1].status == QN_OK);
    is("with their values", values.size == 11 && memcmp(values.data, "firstsecond", 11) == 0);
    is("the view ends", slots->release(inst, 0, snapshot) == QN_OK);
    host_destroy(&node, inst);
    return 0;
}
