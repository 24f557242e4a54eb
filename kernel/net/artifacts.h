/* SPDX-License-Identifier: MIT */
#pragma once

/* artifacts.h: the folder of a run, in which everything of it survives:
 *
 *     spec.yaml        as it was run, with the seed and the provider
 *     events.jsonl     one merged timeline: what was done, blocks, windows, what nodes said
 *     nodes/NAME/      chain.export; of processes also node.yaml and log.K
 *     load.csv         submit, accept, micro, final of every transfer, in seconds
 *     samples.csv      every sample of every node
 *     asserts.json junit.xml report.json report.md report.html env.json
 *
 * Unless a function's own comment says otherwise:
 *   owns     paths are the caller's
 *   threads  one
 *   errors   false after words on stderr
 *
 * Source: operations.md 13.
 */

#include "kernel/net/judge.h"

enum { QNK_ARTIFACT_PATH = 600, QNK_ARTIFACT_CPU = 200 };

struct qnk_artifacts {
    char folder[QNK_ARTIFACT_PATH / 2];
    char id[40];                    /* of the run: the folder's name */
    const char *version, *compiler; /* of this program */
    const char *command;            /* that repeats the run */
};

/* Makes a new folder below `runs`, and nodes/NAME in it. The id says when, and is new; ids are in
 * the order in which they were made. */
bool qnk_artifacts_make(struct qnk_artifacts *to, const char *runs, const struct qnk_spec *spec);

/* Makes the link `name` beside the folder lead to it, at once: there is no moment without one. */
bool qnk_artifacts_link(const struct qnk_artifacts *to, const char *name);

/* Removes that link, if it still leads there. */
void qnk_artifacts_unlink(const struct qnk_artifacts *to, const char *name);

/* A file of it for writing; NULL after words. */
FILE *qnk_artifact_open(const struct qnk_artifacts *to, const char *name);

/* Closes it; false after words: not all of it is on the disk, or it is NULL. */
bool qnk_artifact_close(const struct qnk_artifacts *to, const char *name, FILE *file);

/* What runs are told apart by: the processor's name, the spec's SHA-256. */
void qnk_artifacts_cpu(char text[QNK_ARTIFACT_CPU]);
void qnk_artifacts_spec_hash(const struct qnk_spec *spec, struct qnk_hash *hash);

/* Everything but events, exports and reports, which are written elsewhere. */
bool qnk_artifacts_write(const struct qnk_artifacts *to, const struct qnk_story *story,
                         const struct qnk_verdicts *verdicts);
