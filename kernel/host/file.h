/* SPDX-License-Identifier: MIT */
#pragma once

/* file.h: the two things that whoever writes a file of its own needs besides the system's calls.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     waits for the disk
 *   errors   0, or the system's error number
 */

#include <qnet/types.h>

/* All of the bytes, however many calls it takes. */
QN_MUST_CHECK int qnk_file_put(int file, struct qn_span bytes);

/* That the folder of the file at `path` knows of it, also after the power was gone. */
QN_MUST_CHECK int qnk_file_folder_flush(const char *path);
