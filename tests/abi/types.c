/* SPDX-License-Identifier: MIT */

/* types.c: a variable of every type that was released, so that its debug information can be
 * compared between headers of two releases by abidiff(1). ABI_FROZEN names the file of frozen/. */

#include <qnet/compression.h>
#include <qnet/consensus.h>
#include <qnet/ledger.h>
#include <qnet/manifest.h>
#include <qnet/producer.h>
#include <qnet/service.h>
#include <qnet/signature.h>
#include <qnet/storage.h>
#include <qnet/transport.h>

#define FROZEN(type, member, offset, c)
#define FROZEN_SIZE(type, size)
#define FROZEN_VALUE(name, number)
#define FROZEN_PRINT(kind, print)
#define FROZEN_TYPE(type, name) \
    extern type abi_##name;     \
    type abi_##name;
#include ABI_FROZEN
