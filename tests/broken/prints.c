/* SPDX-License-Identifier: MIT */

/* QN-LOA-006: it greets. */

#include <unistd.h>

#define ON_CREATE(self) ((self)->own = write(1, "hello\n", 6) > 0 ? NULL : (self))
#include "packer.h"
