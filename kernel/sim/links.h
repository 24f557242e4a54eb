/* SPDX-License-Identifier: MIT */
#pragma once

/* links.h: the network model: when, how often and whether a frame arrives. It knows no world: it is
 * asked about each frame and answers with times.
 *
 * What TCP gives a node is frames in order or a broken link, and so it is here: one that is lost by
 * lot breaks its link, with all that is under way on it; what is in order may be late together
 * (spikes). A link that is made again may bring again what came before: that is the core's doing.
 * Frames that come twice, or overtake each other on one link, no TCP does; they are offered all the
 * same (`duplicate`, `reorder`), as a core that stands them owes its transport less.
 *
 * Delays: half the round trip between two regions, up to a quarter more by lot, or without regions
 * `delay_us` and by lot up to as much again. Bandwidth: each node's uplink and downlink send one
 * frame after another. Chance is a hash of (seed, link, number of the frame on it): so one frame
 * more elsewhere changes nothing here.
 *
 * Not in the model: congestion control, correlated failures of links.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time; bytes; nodes from 0
 *   threads  one
 *   cost     constant; memory 48 bytes for each pair of nodes and way
 *
 * Source: scale.md 1.5.
 */

#include <stdbool.h>

#include "kernel/base/memory.h"

/* Where a node stands; the table of round trips is in links.c. */
enum qnk_region {
    QNK_REGION_USE1,  /* Virginia */
    QNK_REGION_USW2,  /* Oregon */
    QNK_REGION_CAC1,  /* Montreal */
    QNK_REGION_SAE1,  /* Sao Paulo */
    QNK_REGION_EUW1,  /* Dublin */
    QNK_REGION_EUC1,  /* Frankfurt */
    QNK_REGION_APS1,  /* Mumbai */
    QNK_REGION_APSE1, /* Singapore */
    QNK_REGION_APNE1, /* Tokyo */
    QNK_REGION_APSE2, /* Sydney */
    QNK_REGIONS
};

/* A region by lot, with the shares of nodes that the table's source gives: `lot` is any number. */
uint8_t qnk_region_by_lot(uint64_t lot);

struct qnk_bandwidth {
    uint64_t up_bps; /* bits a second; 0: no limit */
    uint64_t down_bps;
};

/* Rates are of frames. */
struct qnk_link_faults {
    uint32_t loss_permille;      /* its link breaks, and is made again after a while */
    uint32_t duplicate_permille; /* it comes twice */
    uint32_t reorder_permille;   /* it comes up to `reorder_us` later, and others overtake it */
    uint32_t reorder_us;
    uint32_t spike_permille; /* it, and all behind it, come up to `spike_us` later */
    uint32_t spike_us;
    uint32_t mangle_permille;   /* a mangled copy comes before it, as if sent too */
    uint32_t bandwidth_divisor; /* 0, 1: none */
};

struct qnk_links_setup {
    uint64_t seed;
    uint32_t nodes;
    uint32_t delay_us;
    const uint8_t *regions;                 /* of each node; NULL: `delay_us` everywhere */
    const struct qnk_bandwidth *bandwidths; /* of each node; NULL: no limits */
};

struct qnk_links;

QN_MUST_CHECK struct qnk_links *qnk_links_create(struct qnk_budget *budget,
                                                 const struct qnk_links_setup *setup);
void qnk_links_destroy(struct qnk_links *links); /* NULL is allowed */

/* Whether frames wait on this way for longer than JAM: thin lines left them behind. */
bool qnk_links_is_jammed(const struct qnk_links *links, uint64_t now_us, uint32_t from,
                         uint32_t to);

/* From now on. Lines that are no longer thin have nothing left to send; links that are jammed then
 * are to be broken. True: that is so. */
bool qnk_links_faults(struct qnk_links *links, uint64_t now_us,
                      const struct qnk_link_faults *faults);

/* Everything this way takes so much longer. */
void qnk_links_slow(struct qnk_links *links, uint32_t from, uint32_t to, uint32_t extra_us);

/* On this way each frame takes up to so much longer, by lot, and so many millionths of them break
 * its link, whatever else is wrong with all links. */
void qnk_links_rough(struct qnk_links *links, uint32_t from, uint32_t to, uint32_t jitter_us,
                     uint32_t loss_ppm);

/* A way that is cut swallows what is sent. Opened again, it says whether it did so on a link that
 * is still up, which then must be broken: bytes are missing in it. */
void qnk_links_cut(struct qnk_links *links, uint32_t from, uint32_t to, bool is_cut);
bool qnk_links_is_gapped(const struct qnk_links *links, uint32_t from, uint32_t to);

/* Makes both ways between two nodes. False: they are up already, or one is cut, or broke at this
 * very time, of which its ends are not told yet. */
bool qnk_links_up(struct qnk_links *links, uint64_t now_us, uint32_t a, uint32_t b);

/* Breaks one way; its number so far, 0: it was not up. What is under way has that number. */
uint64_t qnk_links_down(struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to);

/* The number of what is up now; 0: nothing is. */
uint64_t qnk_links_number(const struct qnk_links *links, uint32_t from, uint32_t to);

enum qnk_passing {
    QNK_PASSING_NOWHERE, /* there is no link */
    QNK_PASSING_GAP,     /* swallowed, the first on this link */
    QNK_PASSING_LOST,    /* swallowed */
    QNK_PASSING_BREAKS,  /* the link breaks */
    QNK_PASSING_ARRIVES,
};

struct qnk_passage {
    uint32_t what; /* enum qnk_passing; the others are set if it arrives */
    bool is_mangled;
    uint64_t link;
    uint64_t at_us;    /* when it is at the other side, before its downlink */
    uint64_t again_us; /* and again; 0: once */
};

void qnk_links_send(struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to,
                    uint64_t size, struct qnk_passage *passage);

/* A frame is at `to`: when it is through its downlink. */
uint64_t qnk_links_receive(struct qnk_links *links, uint64_t now_us, uint32_t to, uint64_t size);

/* Bytes that a node sent so far. */
uint64_t qnk_links_sent(const struct qnk_links *links, uint32_t node);
