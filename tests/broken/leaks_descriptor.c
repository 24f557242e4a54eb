/* SPDX-License-Identifier: MIT */

/* QN-LIF-002: a descriptor that stays open. */

#include <fcntl.h>

#define ON_CREATE(self) ((self)->own = open("/dev/null", O_RDONLY) < 0 ? (self) : NULL)
#include "packer.h"
