/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The bytes of TCP connections in order, for the plugins that look for messages in them. One buffer for a direction of a flow serves all plugins.
 *
 * Most segments are shown as they come, and nothing is copied. A direction gets a buffer when a plugin waits for the rest of a message,
 * or when a segment comes before the one that precedes it. It holds up to STREAM_BUFFER bytes and STREAM_HELD segments beyond a gap; when
 * that is exceeded, the plugins are shown what is there, and a message that was waited for is given up. There are STREAM_BUFFERS of them; when all
 * are in use, the one that was taken first is given to the next flow. Both are counted.
 *
 * Segments that were captured before the connection was seen and sequence numbers that make no sense are shown as they come: a plugin must be
 * prepared for any bytes. What was sent again is not shown.
 */
#ifndef FLOW_STREAMS_H
#define FLOW_STREAMS_H

#include "plugin_memory.h"

#define STREAM_BUFFERS 512
#define STREAM_BUFFER  69632 /* bytes: the largest DNS message, and a segment */
#define STREAM_HELD    8
#define STREAM_WAITING 4 /* plugins that wait in one direction at a time */

struct stream_counters {
   uint64_t given_up; /* messages whose rest did not come, or did not fit */
   uint64_t stolen;   /* buffers that another flow got before they were done with */
};

/** What a plugin is shown. */
struct stream_view {
   const uint8_t *bytes;
   uint32_t captured;
   bool cut; /* nothing can follow */
};

struct streams;

/** \return NULL without memory */
struct streams *streams_new(void);
void streams_free(struct streams *s);
/** Nobody waits for anything. The rows' numbers of buffers are not looked at any more. */
void streams_reset(struct streams *s);
uint64_t streams_bytes(void);
const struct stream_counters *streams_counters(const struct streams *s);

/** A flow begins, or its row is reused. */
static inline void stream_begin(struct plugin_row *row)
{
   memset(row->next, 0, sizeof(*row) - offsetof(struct plugin_row, next));
}

/** A segment of a flow whose row this is. \return true: its payload is to be shown as it is; else: streams_look() tells. */
bool streams_segment(struct streams *s, struct plugin_row *row, const struct packet *packet, bool reverse);
/** What plugin i is to be shown of the direction now. new_only: plugins that do not wait see what is new. \return false: nothing */
bool streams_look(const struct streams *s, const struct plugin_row *row, bool reverse, unsigned i,
                  struct stream_view *view);
/** Plugin i has used so many bytes of what it was shown, and waits for what follows. \return false: it can not */
bool streams_wait(struct streams *s, struct plugin_row *row, const struct packet *packet, bool reverse,
                  unsigned i, const struct stream_view *view, uint32_t used);
/** After all plugins were shown the segment. */
void streams_done(struct streams *s, struct plugin_row *row, bool reverse);
/** Nothing more will come: the bytes that wait can be looked at, cut, a gap at a time. \return false: nothing waits */
bool streams_end(struct streams *s, struct plugin_row *row, bool reverse);
/** Gives back the buffers of a flow. */
void streams_release(struct streams *s, struct plugin_row *row);

#endif
