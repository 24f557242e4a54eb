/* SPDX-License-Identifier: MIT */
#pragma once

/* virtual_disk.h: a disk that fails on purpose, for tests. It stands between the program, with the
 * libraries it uses, and the system calls that write, and remembers what was not flushed.
 *
 * Calls are counted while it is on. One of them may fail, or be the last before the power goes:
 * then all later ones fail, and virtual_disk_lose() takes back a part of the unflushed sectors, by
 * lot. Sectors whose flush failed stay unflushed until they are written anew, as on a real system.
 * Names of files, their sizes and what is allocated are never lost.
 *
 * A test program names virtual_disk.c among its own sources: it is not in libcheck.a, as it takes
 * the place of pwrite() and its kin for the whole program.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   aborts
 */

#include <stdbool.h>
#include <stdint.h>

struct virtual_disk {
    bool is_on;
    bool is_dead;      /* after the crash */
    bool kills;        /* the crash is SIGKILL to this process */
    uint64_t calls;    /* so far */
    uint64_t crash_at; /* this call is done by half, and no later one; 0: never */
    uint64_t error_at; /* this call fails with `error`; 0: never */
    int error;
    uint64_t seed;
};

extern struct virtual_disk virtual_disk;

/* Nothing is unflushed. */
void virtual_disk_reset(void);

/* What a crash does to the unflushed sectors, once all files are closed. */
void virtual_disk_lose(void);
