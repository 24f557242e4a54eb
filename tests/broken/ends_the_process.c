/* SPDX-License-Identifier: MIT */

/* QN-LOA-004: it ends the process, as if all were done. */

#include <stdlib.h>

#define ON_CREATE(self) exit(EXIT_SUCCESS)
#include "packer.h"
