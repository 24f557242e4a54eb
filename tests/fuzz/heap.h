/* SPDX-License-Identifier: MIT */
#pragma once

/* heap.h: kernel/base/memory.h for a harness whose inputs all begin with the same nodes, which take
 * megabytes and milliseconds to make: what was taken once is kept as an image, and laid back before
 * each input, bytes and all. Only pages that the input before wrote to cost anything.
 *
 * A program that links heap.c has it in place of kernel/base/memory.c. Budgets are charged as they
 * are there. Under AddressSanitizer blocks lie apart by poisoned bytes, and are poisoned when they
 * are given back, so it sees what it sees of malloc's; but for a block of some KiB or less that is
 * taken again at once.
 *
 * What is not in blocks of this heap is the harness's to put right: its own variables, and what
 * others keep in static ones.
 */

/* All that is taken now is the image. */
void fuzz_heap_keep(void);

/* All is as it was when it was kept. If nothing was kept yet, what is taken now is: a harness whose
 * inputs begin with nothing, but take megabytes of which they touch little, needs no more. */
void fuzz_heap_reset(void);
