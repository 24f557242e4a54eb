/* SPDX-License-Identifier: MIT */

/* QN-LIF-002: memory that the host does not know of, and nobody frees. */

#include <stdlib.h>

#define ON_CREATE(self) ((self)->own = malloc(64))
#include "packer.h"
