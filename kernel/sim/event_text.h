/* SPDX-License-Identifier: MIT */
#pragma once

/* event_text.h: an event of a node in words: the lines of a trace. Equal events give equal words,
 * and other payloads other words, as a checksum over them stands at the end. */

#include "kernel/node/event.h"

enum { QNK_EVENT_TEXT = 160 };

/* "frame from 2 votes 448 bytes 8f12c0aa" */
void qnk_event_text(const struct qnk_event *event, char text[QNK_EVENT_TEXT]);
