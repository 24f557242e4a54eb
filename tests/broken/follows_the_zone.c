/* SPDX-License-Identifier: MIT */

/* QN-DET-005: bytes that depend on where the operator lives. */

#include <stdlib.h>

#define TAG(self) (unsigned char)(getenv("TZ") != NULL ? getenv("TZ")[0] : 0)
#include "packer.h"
