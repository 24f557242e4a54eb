/* SPDX-License-Identifier: MIT */

/* prefix_test.c: the public headers begin with all that was ever released of them.
 *
 * Each file of frozen/ says, of one minor, where every member of every table and record lies, of
 * what type it is, and which number every name has; a line that is not so of the headers of today
 * is an error of the compiler. So a table may grow at its end, and that is all: what was put in,
 * taken out, moved, or given another type stops the build, whatever its minor says.
 *
 * With ABI_PRINT_OF naming a file, and targets as in it, its print alone is compared: that covers
 * what C does not see, such as a slot's thread or an argument's bound.
 *
 * Source: abi.md, sections 4 and 12. */

#include <stdio.h>

#include <qnet/compression.h>
#include <qnet/consensus.h>
#include <qnet/ledger.h>
#include <qnet/manifest.h>
#include <qnet/producer.h>
#include <qnet/service.h>
#include <qnet/signature.h>
#include <qnet/storage.h>
#include <qnet/transport.h>

#define FROZEN_TYPE(type, name)

#ifdef ABI_PRINT_OF

#define FROZEN(type, member, offset, c)
#define FROZEN_SIZE(type, size)
#define FROZEN_VALUE(name, number)
#define FROZEN_PRINT(kind, print) \
    _Static_assert(QN_##kind##_PRINT == (print), "a released minor was changed: " #kind);
#include ABI_PRINT_OF

#else

/* C knows a type of a slot by what a call passes: that is what has to stay. */
#define FROZEN(type, member, offset, c)                                                 \
    _Static_assert(offsetof(type, member) == (offset), "moved: " #type "." #member);    \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((type *)NULL)->member), c), \
                   "has another type: " #type "." #member);
#define FROZEN_SIZE(type, size)    _Static_assert(sizeof(type) == (size), "changed: " #type);
#define FROZEN_VALUE(name, number) _Static_assert((name) == (number), "another number: " #name);
#define FROZEN_PRINT(kind, print)

#include "tests/abi/frozen/compression_1_0.def"
#include "tests/abi/frozen/consensus_1_0.def"
#include "tests/abi/frozen/ledger_1_0.def"
#include "tests/abi/frozen/manifest_1_0.def"
#include "tests/abi/frozen/plugin_1_0.def"
#include "tests/abi/frozen/producer_1_0.def"
#include "tests/abi/frozen/service_1_0.def"
#include "tests/abi/frozen/signature_1_0.def"
#include "tests/abi/frozen/storage_1_0.def"
#include "tests/abi/frozen/transport_1_0.def"
#include "tests/abi/frozen/types_1_0.def"

#endif

/* That this was compiled is the proof. */
int main(void)
{
    printf("1..1\nok 1 - the headers begin with all that was released\n");
    return 0;
}
