/* SPDX-License-Identifier: MIT */

/* QN-LOA-004: nobody knows the value of its key. Right in all else, if somebody says it. */

#include <qnet/compression.h>

#include "keyed.manifest.h"

#define IS_CONFIG(config) (packer_config_read(config).owner.size > 0)
#include "packer.h"
