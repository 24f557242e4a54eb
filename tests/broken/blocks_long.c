/* SPDX-License-Identifier: MIT */

/* QN-LOA-005: create() waits for something. */

#define _GNU_SOURCE
#include <unistd.h>

#define ON_CREATE(self) (void)usleep(110000)
#include "packer.h"
