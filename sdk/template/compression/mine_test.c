/* SPDX-License-Identifier: MIT */

/* What is peculiar to run lengths. What all compressors must do, `qnet plugin check` tries. */

#include <string.h>

#include <qnet/compression.h>

#include "host.h"
#include "mine.manifest.h"

static struct qn_sink packed, plain;

static struct qn_span all(const struct qn_sink *sink)
{
    return (struct qn_span){sink->data, sink->size};
}

static uint64_t packed_size(const struct qn_compression_1 *slots, struct qn_inst *inst,
                            const char *text)
{
    struct qn_span bytes = {(const uint8_t *)text, strlen(text)};

    packed = (struct qn_sink){.cap = slots->bound(inst, bytes.size)};
    plain = (struct qn_sink){.cap = bytes.size};
    is("it is packed", slots->pack(inst, 0, bytes, &packed) == QN_OK);
    is("and comes back", slots->unpack(inst, 0, all(&packed), bytes.size, &plain) == QN_OK &&
                             memcmp(plain.data, bytes.data, bytes.size) == 0);
    return packed.size;
}

int main(void)
{
    static const uint8_t nonsense[] = {128, 1};
    const struct qn_compression_1 *slots = (const void *)qn_plugin_v1.slots;
    struct mine_config values = {.run = MINE_RUN_MIN};
    uint8_t config[64];
    struct qn_node node = {0};
    struct qn_inst *inst;

    (void)mine_config_write(&values, config);
    inst = host_create(&node, MINE_MEMORY, (struct qn_span){config, mine_config_size(&values)});
    is("a run is two bytes", packed_size(slots, inst, "aaaaaaaaaaaaaaaa") == 2);
    is("other bytes cost one more", packed_size(slots, inst, "abcdefgh") == 9);
    is("nothing is nothing", packed_size(slots, inst, "") == 0);
    plain = (struct qn_sink){.cap = 2};
    is("nonsense is refused",
       slots->unpack(inst, 0, (struct qn_span){nonsense, 2}, 2, &plain) == QN_INVALID);
    host_destroy(&node, inst);
    return 0;
}
